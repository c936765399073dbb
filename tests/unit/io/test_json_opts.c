/* SPDX-License-Identifier: Apache-2.0 */
/* JSON objects as options: dotted keys, typed values. */
#include "io/json.h"

#include <string.h>

static CxbOpts *opts_of(const char *text, GError **errp)
{
	return cxb_opts_parse_any(text, "driver", errp);
}

/* "key=kind:text" of every option, in order. */
static char *dump(const CxbOpts *opts)
{
	GString *out = g_string_new(NULL);

	for (guint i = 0; i < opts->opts->len; i++) {
		const CxbOpt *o = g_ptr_array_index(opts->opts, i);
		json_object *v = cxb_json_from_scalar(&o->value);
		GString *text = cxb_json_text(v, false);

		g_string_append_printf(out, "%s=%s\n", o->key, text->str);
		g_string_free(text, TRUE);
		json_object_put(v);
	}
	return g_string_free(out, FALSE);
}

static void structures_become_dotted_keys(void)
{
	g_autoptr(CxbOpts) opts =
		opts_of("{'driver':'d','a':{'b':[1,{'c':true}]},'e':[],'f':{}}", NULL);
	g_autofree char *text = NULL;

	g_assert_nonnull(opts);
	g_assert_true(opts->typed);
	text = dump(opts);
	g_assert_cmpstr(text, ==, "driver=\"d\"\na.b.0=1\na.b.1.c=true\ne=[]\nf={}\n");
}

static void values_keep_their_types(void)
{
	g_autoptr(CxbOpts) opts = opts_of("{'s':'1','b':false,'i':-1,'u':18446744073709551615,"
					  "'d':1.0,'n':null}",
					  NULL);
	static const struct {
		const char *key;
		CxbScalarKind kind;
	} rows[] = {
		{ "s", CXB_SCALAR_STR },  { "b", CXB_SCALAR_BOOL },   { "i", CXB_SCALAR_INT },
		{ "u", CXB_SCALAR_UINT }, { "d", CXB_SCALAR_DOUBLE }, { "n", CXB_SCALAR_NULL },
	};

	g_assert_nonnull(opts);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		g_assert_cmpint(cxb_opts_find(opts, rows[i].key)->kind, ==, rows[i].kind);
	g_assert_cmpuint(cxb_opts_find(opts, "u")->u, ==, UINT64_MAX);
}

static void other_text_is_a_key_value_option(void)
{
	g_autoptr(CxbOpts) opts = opts_of("cxl-rp,id=a,,b", NULL);
	g_autofree char *text = NULL;

	g_assert_nonnull(opts);
	g_assert_false(opts->typed);
	text = dump(opts);
	g_assert_cmpstr(text, ==, "driver=\"cxl-rp\"\nid=\"a,b\"\n");
}

static void broken_json_is_refused_with_its_place(void)
{
	g_autoptr(GError) err = NULL;

	g_assert_null(opts_of("{\"a\":1,\"a\":2}", &err));
	g_assert_cmpstr(err->message, ==, "1:8: JSON parse error, duplicate key");
}

static char *nested(unsigned depth)
{
	GString *s = g_string_new(NULL);

	for (unsigned i = 0; i < depth; i++)
		g_string_append(s, "{'a':");
	g_string_append(s, "1");
	for (unsigned i = 0; i < depth; i++)
		g_string_append(s, "}");
	return g_string_free(s, FALSE);
}

static void nesting_ends_at_32(void)
{
	g_autofree char *good = nested(32), *bad = nested(33);
	g_autoptr(CxbOpts) opts = opts_of(good, NULL);
	g_autoptr(GError) err = NULL;

	g_assert_nonnull(opts);
	g_assert_null(opts_of(bad, &err));
	g_assert_true(g_str_has_suffix(err->message, "is nested too deeply"));
}

static void a_key_longer_than_1024_bytes_is_refused(void)
{
	g_autofree char *key = g_strnfill(1100, 'k');
	g_autofree char *text = g_strdup_printf("{'%s':1}", key);
	g_autoptr(GError) err = NULL;

	g_assert_null(opts_of(text, &err));
	g_assert_true(g_str_has_suffix(err->message, "is longer than 1024 bytes"));
}

static void more_than_65536_options_are_refused(void)
{
	g_autoptr(GString) s = g_string_new("{'a':[0");
	g_autoptr(GError) err = NULL;

	for (int i = 0; i < 65536; i++)
		g_string_append(s, ",0");
	g_string_append(s, "]}");
	g_assert_null(opts_of(s->str, &err));
	g_assert_cmpstr(err->message, ==, "More than 65536 parameters");
}

static void only_objects_are_options(void)
{
	g_autoptr(GError) err = NULL;
	json_object *list = json_object_new_array();

	g_assert_null(cxb_json_opts(list, &err));
	g_assert_cmpstr(err->message, ==, "Options must be a JSON object");
	json_object_put(list);
}

static void a_member_is_a_string_or_none(void)
{
	static const char text[] = "{\"s\": \"x\", \"n\": 1, \"z\": null, \"o\": {}}";
	json_object *obj = cxb_json_parse(text, strlen(text), NULL);

	g_assert_cmpstr(cxb_json_str(obj, "s"), ==, "x");
	g_assert_null(cxb_json_str(obj, "n"));
	g_assert_null(cxb_json_str(obj, "z"));
	g_assert_null(cxb_json_str(obj, "o"));
	g_assert_null(cxb_json_str(obj, "nosuch"));
	g_assert_null(cxb_json_str(NULL, "s"));
	json_object_put(obj);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/io/json_opts/dotted", structures_become_dotted_keys);
	g_test_add_func("/io/json_opts/types", values_keep_their_types);
	g_test_add_func("/io/json_opts/key_value", other_text_is_a_key_value_option);
	g_test_add_func("/io/json_opts/broken", broken_json_is_refused_with_its_place);
	g_test_add_func("/io/json_opts/depth", nesting_ends_at_32);
	g_test_add_func("/io/json_opts/long_key", a_key_longer_than_1024_bytes_is_refused);
	g_test_add_func("/io/json_opts/too_many", more_than_65536_options_are_refused);
	g_test_add_func("/io/json_opts/no_object", only_objects_are_options);
	g_test_add_func("/io/json_opts/a_member", a_member_is_a_string_or_none);
	return g_test_run();
}
