/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

/* "key=value;key=value;" of what @text is taken apart into. */
static char *dump(const char *text, const char *implied, bool short_bools)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, implied, short_bools, &err);
	GString *s = g_string_new(NULL);

	g_assert_no_error(err);
	g_assert_false(opts->typed);
	for (guint i = 0; i < opts->opts->len; i++) {
		const CxbOpt *opt = opts->opts->pdata[i];

		g_assert_cmpint(opt->value.kind, ==, CXB_SCALAR_TEXT);
		g_string_append_printf(s, "%s=%s;", opt->key, opt->value.s);
	}
	return g_string_free(s, FALSE);
}

#define assert_opts(text, implied, want)                           \
	do {                                                       \
		g_autofree char *got = dump(text, implied, false); \
		g_assert_cmpstr(got, ==, want);                    \
	} while (0)

static void pairs_keep_their_order(void)
{
	assert_opts("", "driver", "");
	assert_opts("a=1,b=2", NULL, "a=1;b=2;");
	assert_opts("a=1,a=2", NULL, "a=1;a=2;");
	assert_opts("a=", NULL, "a=;");
	assert_opts("a=1,", NULL, "a=1;");
	assert_opts("a= b ,c=d=e", NULL, "a= b ;c=d=e;");
	assert_opts("cxl-fmw.0.targets.0=cxl.1", NULL, "cxl-fmw.0.targets.0=cxl.1;");
}

static void a_doubled_comma_stands_for_one(void)
{
	assert_opts("path=/a,,b", NULL, "path=/a,b;");
	assert_opts("path=,,,,x,b=1", NULL, "path=,,x;b=1;");
	assert_opts("path=a,,", NULL, "path=a,;");
	assert_opts("unix:/a,,b,server=on", "backend", "backend=unix:/a,b;server=on;");
}

static void the_first_word_may_stand_for_the_implied_key(void)
{
	assert_opts("cxl-rp,id=rp0", "driver", "driver=cxl-rp;id=rp0;");
	assert_opts("id=a,driver=X", "driver", "id=a;driver=X;");
	assert_opts("cxl-rp", "driver", "driver=cxl-rp;");
}

static void help_needs_no_value(void)
{
	assert_opts("cxl-rp,help", "driver", "driver=cxl-rp;help=on;");
	assert_opts("cxl-rp,?", "driver", "driver=cxl-rp;help=on;");
	assert_opts("help", "driver", "help=on;");
	assert_opts("?", "driver", "help=on;");
	assert_opts("helper", "driver", "driver=helper;");
}

static void short_booleans_warn(void)
{
	if (g_test_subprocess()) {
		g_autofree char *got = dump("path=/p,server,nowait", NULL, true);

		g_assert_cmpstr(got, ==, "path=/p;server=on;wait=off;");
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("*warning: short-form boolean option 'server' deprecated\n"
				  "Please use server=on instead\n"
				  "*warning: short-form boolean option 'nowait' deprecated\n"
				  "Please use wait=off instead\n*");
}

static void malformed_options_are_refused(void)
{
	assert_fails("Expected '=' after parameter 'cxl'", CXB_ERROR_INVALID,
		     cxb_opts_parse("q35,cxl", "type", false, &err));
	assert_fails("Expected '=' after parameter 'noacpi'", CXB_ERROR_INVALID,
		     cxb_opts_parse("q35,noacpi", "type", false, &err));
	assert_fails("Invalid parameter ''", CXB_ERROR_INVALID,
		     cxb_opts_parse("=1", NULL, true, &err));
	assert_fails("Invalid parameter ''", CXB_ERROR_INVALID,
		     cxb_opts_parse(",a=1", "driver", true, &err));
	assert_fails("Invalid parameter 'no'", CXB_ERROR_INVALID,
		     cxb_opts_parse("a=1,no", NULL, true, &err));
}

static void the_last_of_a_repeated_key_wins_and_all_count_as_used(void)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse("id=a,x=1,id=b", NULL, false, NULL);

	g_assert_cmpstr(cxb_opts_find(opts, "id")->s, ==, "b");
	g_assert_cmpstr(cxb_opts_unused(opts), ==, "x");
	g_assert_null(cxb_opts_find(opts, "y"));
	g_assert_nonnull(cxb_opts_find(opts, "x"));
	g_assert_null(cxb_opts_unused(opts));
}

static void has_sees_keys_below_and_marks_nothing(void)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse("a.0.b=1,cd=2", NULL, false, NULL);

	g_assert_true(cxb_opts_has(opts, "a"));
	g_assert_true(cxb_opts_has(opts, "a.0"));
	g_assert_true(cxb_opts_has(opts, "cd"));
	g_assert_false(cxb_opts_has(opts, "c"));
	g_assert_false(cxb_opts_has(opts, "a.0.b.c"));
	g_assert_cmpstr(cxb_opts_unused(opts), ==, "a.0.b");
}

static void a_string_is_taken_from_either_form_but_from_no_other_type(void)
{
	g_autoptr(CxbOpts) opts = cxb_opts_new();
	const char *s = "untouched";

	cxb_opts_add_text(opts, "t", "text");
	cxb_opts_add(opts, "s", (CxbScalar){ .kind = CXB_SCALAR_STR, .s = g_strdup("str") });
	cxb_opts_add(opts, "u", (CxbScalar){ .kind = CXB_SCALAR_UINT, .u = 1 });
	assert_works(cxb_opts_get_str(opts, "t", &s, &err));
	g_assert_cmpstr(s, ==, "text");
	assert_works(cxb_opts_get_str(opts, "s", &s, &err));
	g_assert_cmpstr(s, ==, "str");
	assert_works(cxb_opts_get_str(opts, "absent", &s, &err));
	g_assert_null(s);
	assert_fails("Invalid parameter type for 'u', expected: string", CXB_ERROR_INVALID,
		     cxb_opts_get_str(opts, "u", &s, &err));
}

static void a_copy_owns_its_string(void)
{
	g_auto(CxbScalar) a = { .kind = CXB_SCALAR_STR, .s = g_strdup("x") };
	g_auto(CxbScalar) b = { 0 };
	g_auto(CxbScalar) c = { 0 };
	const CxbScalar u = { .kind = CXB_SCALAR_UINT, .u = 5 };

	cxb_scalar_copy(&b, &a);
	cxb_scalar_clear(&a);
	g_assert_null(a.s);
	g_assert_cmpstr(b.s, ==, "x");
	cxb_scalar_copy(&c, &u);
	g_assert_cmpuint(c.u, ==, 5);
	cxb_opts_free(NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(fn) g_test_add_func("/qom/scalar/" #fn, fn)
	T(pairs_keep_their_order);
	T(a_doubled_comma_stands_for_one);
	T(the_first_word_may_stand_for_the_implied_key);
	T(help_needs_no_value);
	T(short_booleans_warn);
	T(malformed_options_are_refused);
	T(the_last_of_a_repeated_key_wins_and_all_count_as_used);
	T(has_sees_keys_below_and_marks_nothing);
	T(a_string_is_taken_from_either_form_but_from_no_other_type);
	T(a_copy_owns_its_string);
	return g_test_run();
}
