/* SPDX-License-Identifier: Apache-2.0 */
/* The shape is QEMU's: two blanks, name=<type> up to column 24, a description, the default. */
#include "fixture.h"

static GString *printed; /* what g_print() was given */

static void keep(const char *text)
{
	g_string_append(printed, text);
}

static char *take_printed(void)
{
	char *text = g_strdup(printed->str);

	g_string_truncate(printed, 0);
	return text;
}

#define assert_prints(want, call)                           \
	do {                                                \
		g_autofree char *got = NULL;                \
		GPrintFunc old = g_set_print_handler(keep); \
		call;                                       \
		g_set_print_handler(old);                   \
		got = take_printed();                       \
		g_assert_cmpstr(got, ==, want);             \
	} while (0)

static void options_of_a_device_are_sorted(void)
{
	g_autoptr(World) w = world_new();

	assert_prints("cxl-type3 options:\n"
		      "  addr=<int32>           - Slot and optional function number, "
		      "example: 06.0 or 06 (default: 0)\n"
		      "  anything=<link<object>>\n"
		      "  bus_nr=<busnr>\n"
		      "  fail=<bool>\n"
		      "  host-id=<uint16>\n"
		      "  membar=<size>\n"
		      "  memdev=<link<memory-backend>> - memory\n"
		      "  multifunction=<bool>   - on/off (default: false)\n"
		      "  sn=<uint64>\n"
		      "  speed=<uint32>         -  (default: 64)\n",
		      assert_works(cxb_type_print_help(w->qom, "cxl-type3", &err)));
}

static void hidden_rows_are_not_printed(void)
{
	g_autoptr(World) w = world_new();

	assert_prints("memory-backend-ram options:\n"
		      "  fail=<bool>            -  (default: false)\n"
		      "  limit=<size>           - bytes, may change at run time (default: 1536)\n"
		      "  mem-path=<str>         - file to map (default: \"/dev/shm\")\n"
		      "  policy=<str>           -  (default: \"bind\")\n"
		      "  share=<bool>\n"
		      "  size=<size>            - bytes\n"
		      "  targets=<list>\n",
		      assert_works(cxb_type_print_help(w->qom, "memory-backend-ram", &err)));
	assert_prints("There are no options for other.\n",
		      assert_works(cxb_type_print_help(w->qom, "other", &err)));
}

static void an_unknown_type_has_no_help(void)
{
	g_autoptr(World) w = world_new();

	assert_prints("", assert_fails("Device 'nosuch' not found", CXB_ERROR_NOT_FOUND,
				       cxb_type_print_help(w->qom, "nosuch", &err)));
}

static void devices_are_listed_in_groups(void)
{
	g_autoptr(World) w = world_new();

	assert_prints("Controller/Bridge/Hub devices:\n"
		      "name \"cxl-rp\", bus PCI, desc \"CXL Root Port\"\n"
		      "\n"
		      "Uncategorized devices:\n"
		      "name \"busless\"\n"
		      "name \"usb-stick\", bus usb-bus\n"
		      "\n"
		      "Storage devices:\n"
		      "name \"cxl-type3\", bus PCI, desc \"CXL Memory Device (Type 3)\"\n",
		      cxb_qom_print_types(w->qom, CXB_TYPE_DEVICE));
}

static void creatable_objects_are_listed_without_abstract_ones(void)
{
	g_autoptr(World) w = world_new();

	assert_prints("List of user creatable objects:\n"
		      "  memory-backend-plain\n"
		      "  memory-backend-ram\n"
		      "  other\n",
		      cxb_qom_print_types(w->qom, CXB_TYPE_USER_OBJECT));
}

int main(int argc, char **argv)
{
	int rc;

	g_test_init(&argc, &argv, NULL);
	printed = g_string_new(NULL);
#define T(fn) g_test_add_func("/qom/help/" #fn, fn)
	T(options_of_a_device_are_sorted);
	T(hidden_rows_are_not_printed);
	T(an_unknown_type_has_no_help);
	T(devices_are_listed_in_groups);
	T(creatable_objects_are_listed_without_abstract_ones);
	rc = g_test_run();
	g_string_free(printed, TRUE);
	return rc;
}
