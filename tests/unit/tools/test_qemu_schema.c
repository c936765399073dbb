/* SPDX-License-Identifier: Apache-2.0 */
/* Two schemas as one: names of types that both use do not mix. */
#include <glib.h>
#include <string.h>

#include "io/json.h"
#include "qemu_schema.h"

static json_object *parse(const char *text)
{
	g_autoptr(GError) err = NULL;
	json_object *o = cxb_json_parse(text, strlen(text), &err);

	g_assert_no_error(err);
	return o;
}

static void check(const char *first, const char *second, const char *expected)
{
	json_object *a = parse(first), *b = parse(second), *want = parse(expected);
	json_object *all = qemu_schema_merge(a, b);

	if (!json_object_equal(all, want))
		g_error("%s", json_object_to_json_string(all));
	json_object_put(all);
	json_object_put(want);
	json_object_put(b);
	json_object_put(a);
}

#define STR "{'name': 'str', 'meta-type': 'builtin', 'json-type': 'string'}"
#define FIRST                                                                                    \
	STR ", {'name': '0', 'meta-type': 'object', 'members': []}, "                            \
	    "{'name': 'query-name', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '0'}, " \
	    "{'name': 'STOP', 'meta-type': 'event', 'arg-type': '0'}"

static void types_of_the_second_have_other_names(void)
{
	check("[" FIRST "]",
	      "[" STR
	      ", {'name': '0', 'meta-type': 'object', 'members': [{'name': 'type', 'type': 'str'},"
	      " {'name': 'list', 'type': '[1]', 'default': null}], 'tag': 'type',"
	      " 'variants': [{'case': 'a', 'type': '1'}]},"
	      " {'name': '[1]', 'meta-type': 'array', 'element-type': '1'},"
	      " {'name': '1', 'meta-type': 'enum', 'members': [{'name': '0'}], 'values': ['0']},"
	      " {'name': 'query-name', 'meta-type': 'command', 'arg-type': '0', 'ret-type': '1'},"
	      " {'name': 'cxl-x', 'meta-type': 'command', 'arg-type': '0', 'ret-type': 'str'},"
	      " {'name': 'STOP', 'meta-type': 'event', 'arg-type': '1'},"
	      " {'name': 'CXL', 'meta-type': 'event', 'arg-type': '0'}]",
	      "[" FIRST ", {'name': 'cxlbox-0', 'meta-type': 'object',"
	      " 'members': [{'name': 'type', 'type': 'str'},"
	      " {'name': 'list', 'type': 'cxlbox-[1]', 'default': null}], 'tag': 'type',"
	      " 'variants': [{'case': 'a', 'type': 'cxlbox-1'}]},"
	      " {'name': 'cxlbox-[1]', 'meta-type': 'array', 'element-type': 'cxlbox-1'},"
	      " {'name': 'cxlbox-1', 'meta-type': 'enum', 'members': [{'name': '0'}], 'values': "
	      "['0']},"
	      " {'name': 'cxl-x', 'meta-type': 'command', 'arg-type': 'cxlbox-0', 'ret-type': "
	      "'str'},"
	      " {'name': 'CXL', 'meta-type': 'event', 'arg-type': 'cxlbox-0'}]");
}

static void what_is_no_entry_is_left_out(void)
{
	check("[" FIRST "]", "[7, {}, {'name': 3}, null]", "[" FIRST "]");
	check("[]", "[" FIRST "]",
	      "[{'name': 'cxlbox-0', 'meta-type': 'object', 'members': []}, {'name': 'query-name',"
	      " 'meta-type': 'command', 'arg-type': 'cxlbox-0', 'ret-type': 'cxlbox-0'},"
	      " {'name': 'STOP', 'meta-type': 'event', 'arg-type': 'cxlbox-0'}]");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/qemu_schema/types_of_the_second_have_other_names",
			types_of_the_second_have_other_names);
	g_test_add_func("/qemu_schema/what_is_no_entry_is_left_out", what_is_no_entry_is_left_out);
	return g_test_run();
}
