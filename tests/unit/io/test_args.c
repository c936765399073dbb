/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments by rows, with the error texts QEMU's QMP was observed to give. */
#include "io/args.h"

#include <stdint.h>
#include <string.h>

#include "io/json.h"

struct extent {
	uint64_t offset, len;
	char *note;
};

struct point {
	int64_t x;
};

struct args {
	char *path, *tag;
	bool forced, has_forced, has_tag;
	uint8_t region;
	uint16_t host_id;
	uint32_t count;
	uint64_t size;
	int64_t delta;
	int16_t degrees;
	int policy;
	GArray *extents, *names;
	struct point at;
	json_object *any, *rest;
};

#define AT(field) offsetof(struct args, field)

static const char *const policies[] = { "free", "contiguous", NULL };

static const CxbArg extent_rows[] = {
	{ "offset", CXB_ARG_U64, offsetof(struct extent, offset), false, -1 },
	{ "len", CXB_ARG_U64, offsetof(struct extent, len), false, -1 },
	{ "note", CXB_ARG_STR, offsetof(struct extent, note), true, -1 },
	{ NULL },
};

static const CxbArg name_rows[] = { { "", CXB_ARG_ENUM, 0, false, -1, policies }, { NULL } };

static const CxbArg point_rows[] = {
	{ "x", CXB_ARG_I64, offsetof(struct point, x), false, -1 },
	{ NULL },
};

/* clang-format off */
#define ROWS \
	{ "path", CXB_ARG_STR, AT(path), false, -1 }, \
	{ "tag", CXB_ARG_STR, AT(tag), true, AT(has_tag) }, \
	{ "forced", CXB_ARG_BOOL, AT(forced), true, AT(has_forced) }, \
	{ "region", CXB_ARG_U8, AT(region), true, -1 }, \
	{ "host-id", CXB_ARG_U16, AT(host_id), true, -1 }, \
	{ "count", CXB_ARG_U32, AT(count), true, -1 }, \
	{ "size", CXB_ARG_U64, AT(size), true, -1 }, \
	{ "delta", CXB_ARG_I64, AT(delta), true, -1 }, \
	{ "degrees", CXB_ARG_I16, AT(degrees), true, -1 }, \
	{ "selection-policy", CXB_ARG_ENUM, AT(policy), true, -1, policies, "Policy" }, \
	{ "extents", CXB_ARG_LIST, AT(extents), true, -1, NULL, NULL, extent_rows, \
	  sizeof(struct extent) }, \
	{ "names", CXB_ARG_LIST, AT(names), true, -1, NULL, NULL, name_rows, sizeof(int) }, \
	{ "at", CXB_ARG_STRUCT, AT(at), true, -1, NULL, NULL, point_rows }, \
	{ "any", CXB_ARG_ANY, AT(any), true, -1 }

static const CxbArg rows[] = { ROWS, { NULL } };
static const CxbArg open_rows[] = { ROWS, { "rest", CXB_ARG_REST, AT(rest), true, -1 }, { NULL } };
/* clang-format on */

static bool decode(const CxbArg *table, const char *text, struct args *a, GError **errp)
{
	json_object *obj = cxb_json_parse(text, strlen(text), NULL);
	bool ok = cxb_args_decode(table, obj, a, sizeof(*a), errp);

	json_object_put(obj);
	return ok;
}

static void every_kind_is_decoded(void)
{
	struct args a;

	g_assert_true(decode(
		rows,
		"{'path':'/p','tag':'t','forced':true,'region':255,"
		"'host-id':65535,'count':4294967295,'size':18446744073709551615,"
		"'degrees':-32768,'delta':-9223372036854775808,'selection-policy':'contiguous',"
		"'extents':[{'offset':0,'len':1},{'offset':2,'len':3,'note':'n'}],"
		"'names':['contiguous','free'],'at':{'x':-7},'any':[1]}",
		&a, NULL));
	g_assert_cmpstr(a.path, ==, "/p");
	g_assert_cmpstr(a.tag, ==, "t");
	g_assert_true(a.has_tag && a.forced && a.has_forced);
	g_assert_cmpuint(a.region, ==, 255);
	g_assert_cmpuint(a.host_id, ==, 65535);
	g_assert_cmpuint(a.count, ==, UINT32_MAX);
	g_assert_cmpuint(a.size, ==, UINT64_MAX);
	g_assert_cmpint(a.delta, ==, INT64_MIN);
	g_assert_cmpint(a.degrees, ==, INT16_MIN);
	g_assert_cmpint(a.policy, ==, 1);
	g_assert_cmpuint(a.extents->len, ==, 2);
	g_assert_cmpuint(g_array_index(a.extents, struct extent, 1).len, ==, 3);
	g_assert_cmpstr(g_array_index(a.extents, struct extent, 1).note, ==, "n");
	g_assert_cmpuint(a.names->len, ==, 2);
	g_assert_cmpint(g_array_index(a.names, int, 0), ==, 1);
	g_assert_cmpint(a.at.x, ==, -7);
	g_assert_cmpuint(json_object_array_length(a.any), ==, 1);
	cxb_args_clear(rows, &a);
	g_assert_null(a.path);
	g_assert_null(a.extents);
	cxb_args_clear(rows, &a);
}

static void optional_members_may_be_absent(void)
{
	struct args a;

	memset(&a, 0x55, sizeof(a));
	g_assert_true(decode(rows, "{'path':''}", &a, NULL));
	g_assert_cmpstr(a.path, ==, "");
	g_assert_false(a.has_tag || a.has_forced);
	g_assert_null(a.tag);
	g_assert_null(a.extents);
	cxb_args_clear(rows, &a);
}

static void other_members_go_to_the_rest(void)
{
	struct args a;
	GString *text;

	g_assert_true(decode(open_rows, "{'x':1,'path':'p','y':{'z':null}}", &a, NULL));
	text = cxb_json_text(a.rest, false);
	g_assert_cmpstr(text->str, ==, "{\"x\": 1, \"y\": {\"z\": null}}");
	g_string_free(text, TRUE);
	cxb_args_clear(open_rows, &a);
}

static void no_arguments_are_an_empty_object(void)
{
	static const CxbArg none[] = { { NULL } };
	g_autoptr(GError) err = NULL;
	struct args a;

	g_assert_true(cxb_args_decode(none, NULL, &a, sizeof(a), NULL));
	g_assert_false(cxb_args_decode(rows, NULL, &a, sizeof(a), &err));
	g_assert_cmpstr(err->message, ==, "Parameter 'path' is missing");
}

#define EXTENT(members)  "{'path':'p','extents':[{'offset':0,'len':1},{" members "}]}"
#define WITH(member)     "{'path':'p'," member "}"
#define TYPE(name, type) "Invalid parameter type for '" name "', expected: " type

/* clang-format off */
static const char *const refused[][2] = {
	{ "[]", "QMP input member 'arguments' must be an object" },
	{ "{}", "Parameter 'path' is missing" },
	{ WITH("'x':1"), "Parameter 'x' is unexpected" },
	{ WITH("'rest':1"), "Parameter 'rest' is unexpected" },
	{ "{'path':1}", TYPE("path", "string") },
	{ "{'path':null}", TYPE("path", "string") },
	{ WITH("'forced':'on'"), TYPE("forced", "boolean") },
	{ WITH("'forced':1"), TYPE("forced", "boolean") },
	{ WITH("'extents':{}"), TYPE("extents", "array") },
	{ WITH("'extents':[1]"), TYPE("extents[0]", "object") },
	{ WITH("'at':[]"), TYPE("at", "object") },
	{ WITH("'at':{}"), "Parameter 'at.x' is missing" },
	{ WITH("'at':{'x':'1'}"), TYPE("at.x", "integer") },
	{ WITH("'delta':9223372036854775808"), TYPE("delta", "integer") },
	{ WITH("'delta':1.0"), TYPE("delta", "integer") },
	{ WITH("'degrees':'1'"), TYPE("degrees", "integer") },
	{ WITH("'degrees':18446744073709551615"), TYPE("degrees", "integer") },
	{ WITH("'degrees':32768"), "Parameter 'degrees' expects int16_t" },
	{ WITH("'degrees':-32769"), "Parameter 'degrees' expects int16_t" },
	{ WITH("'size':-1"), "Parameter 'size' expects uint64" },
	{ WITH("'size':'1'"), "Parameter 'size' expects uint64" },
	{ WITH("'size':1.0"), "Parameter 'size' expects uint64" },
	{ WITH("'size':18446744073709551616"), "Parameter 'size' expects uint64" },
	{ WITH("'size':true"), "Parameter 'size' expects uint64" },
	{ WITH("'region':256"), "Parameter 'region' expects uint8_t" },
	{ WITH("'host-id':65536"), "Parameter 'host-id' expects uint16_t" },
	{ WITH("'host-id':18446744073709551615"), "Parameter 'host-id' expects uint16_t" },
	{ WITH("'host-id':-1"), "Parameter 'host-id' expects uint16_t" },
	{ WITH("'region':-1"), "Parameter 'region' expects uint8_t" },
	{ WITH("'count':4294967296"), "Parameter 'count' expects uint32_t" },
	{ WITH("'selection-policy':'bad'"),
	  "Parameter 'selection-policy' does not accept value 'bad'" },
	{ WITH("'selection-policy':0"), TYPE("selection-policy", "string") },
	{ WITH("'names':['bad']"), "Parameter 'null' does not accept value 'bad'" },
	{ WITH("'names':['free',1]"), TYPE("names[1]", "string") },
	{ EXTENT("'offset':0"), "Parameter 'extents[1].len' is missing" },
	{ EXTENT("'offset':0,'len':-1"), "Parameter 'extents[1].len' expects uint64" },
	{ EXTENT("'offset':0,'len':0,'foo':1"), "Parameter 'extents[1].foo' is unexpected" },
	{ EXTENT("'offset':0,'len':0,'note':1"), TYPE("extents[1].note", "string") },
};
/* clang-format on */

static void bad_arguments_are_refused_with_qemus_words(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
		g_autoptr(GError) err = NULL;
		struct args a;

		g_assert_false(decode(rows, refused[i][0], &a, &err));
		g_assert_cmpstr(err->message, ==, refused[i][1]);
		/* Nothing is left that would have to be freed. */
		g_assert_null(a.path);
		g_assert_null(a.extents);
		g_assert_false(decode(rows, refused[i][0], &a, NULL));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/io/args/kinds", every_kind_is_decoded);
	g_test_add_func("/io/args/optional", optional_members_may_be_absent);
	g_test_add_func("/io/args/rest", other_members_go_to_the_rest);
	g_test_add_func("/io/args/none", no_arguments_are_an_empty_object);
	g_test_add_func("/io/args/refused", bad_arguments_are_refused_with_qemus_words);
	return g_test_run();
}
