/* SPDX-License-Identifier: Apache-2.0 */
/* The shape of QMP output: separators, pure ASCII, 17 digits, indentation by 4. */
#include "io/json.h"

#include <math.h>
#include <string.h>

static void assert_text(json_object *obj, bool pretty, const char *expected)
{
	GString *text = cxb_json_text(obj, pretty);

	g_assert_cmpstr(text->str, ==, expected);
	g_string_free(text, TRUE);
	json_object_put(obj);
}

static void scalars_print_as_qmp_prints_them(void)
{
	assert_text(NULL, false, "null");
	assert_text(json_object_new_boolean(1), false, "true");
	assert_text(json_object_new_int(-5), false, "-5");
	assert_text(json_object_new_int64(INT64_MIN), false, "-9223372036854775808");
	assert_text(json_object_new_uint64(UINT64_MAX), false, "18446744073709551615");
	assert_text(json_object_new_double(1.1), false, "1.1000000000000001");
	assert_text(json_object_new_double(1000), false, "1000");
	assert_text(json_object_new_double(INFINITY), false, "inf");
}

static void text_is_pure_ascii(void)
{
	assert_text(json_object_new_string("a\"\\/\b\f\n\r\t\x1b\x7f"), false,
		    "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u001B\\u007F\"");
	assert_text(json_object_new_string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), false,
		    "\"\\u00E9\\u20AC\\uD83D\\uDE00\"");
	assert_text(json_object_new_string_len("a\0b", 3), false, "\"a\\u0000b\"");
}

static void invalid_bytes_become_the_replacement_character(void)
{
	assert_text(json_object_new_string("x\xff\xc3"), false, "\"x\\uFFFD\\uFFFD\"");
}

static void containers_have_qmp_separators(void)
{
	json_object *obj = cxb_json_parse("{'a':[1,[],{}],'b':{'c':null}}", 30, NULL);

	assert_text(json_object_get(obj), false, "{\"a\": [1, [], {}], \"b\": {\"c\": null}}");
	assert_text(obj, true,
		    "{\n"
		    "    \"a\": [\n"
		    "        1,\n"
		    "        [],\n"
		    "        {}\n"
		    "    ],\n"
		    "    \"b\": {\n"
		    "        \"c\": null\n"
		    "    }\n"
		    "}");
}

static void deep_values_need_no_deep_stack(void)
{
	json_object *obj = json_object_new_array();
	GString *text;

	for (int i = 1; i < 5000; i++) {
		json_object *outer = json_object_new_array();

		json_object_array_add(outer, obj);
		obj = outer;
	}
	text = cxb_json_text(obj, false);
	g_assert_cmpuint(text->len, ==, 10000);
	g_string_free(text, TRUE);
	json_object_put(obj);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/io/json_out/scalars", scalars_print_as_qmp_prints_them);
	g_test_add_func("/io/json_out/ascii", text_is_pure_ascii);
	g_test_add_func("/io/json_out/invalid", invalid_bytes_become_the_replacement_character);
	g_test_add_func("/io/json_out/containers", containers_have_qmp_separators);
	g_test_add_func("/io/json_out/deep", deep_values_need_no_deep_stack);
	return g_test_run();
}
