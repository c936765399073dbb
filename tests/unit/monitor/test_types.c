/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

#define ERROR(klass, desc) "{'error': {'class': '" klass "', 'desc': \"" desc "\"}}"
#define TYPES(args)        "{'execute': 'qom-list-types', 'arguments': {" args "}}"
#define DEVICE(name)       "{'execute': 'device-list-properties', 'arguments': {'typename': '" name "'}}"
#define CLASS(name)        "{'execute': 'qom-list-properties', 'arguments': {'typename': '" name "'}}"

static json_object *named(json_object *list, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *o = json_object_array_get_idx(list, i), *n;

		g_assert_true(json_object_object_get_ex(o, "name", &n));
		if (strcmp(json_object_get_string(n), name) == 0)
			return o;
	}
	return NULL;
}

static void expect_entry(json_object *list, const char *name, const char *json)
{
	json_object *o = named(list, name);

	g_assert_nonnull(o);
	front_assert_json(json_object_to_json_string(o), json);
}

static void types_are_listed_with_their_parents(void)
{
	g_autoptr(World) w = world_ready();
	json_object *list = ask_for(w, TYPES(""));

	expect_entry(list, "cxl-type3", "{'name': 'cxl-type3', 'parent': 'pci-device'}");
	g_assert_null(named(list, "pci-device"));
	json_object_put(list);
	list = ask_for(w, TYPES("'abstract': true"));
	expect_entry(list, "pci-device",
		     "{'name': 'pci-device', 'parent': 'device', 'abstract': true}");
	expect_entry(list, "device", "{'name': 'device', 'parent': 'object', 'abstract': true}");
	json_object_put(list);
}

static void types_are_chosen_by_what_they_implement(void)
{
	static const Exchange rows[] = {
		{ TYPES("'implements': 'nosuch'"), "{'return': []}" },
		{ TYPES("'implements': 1"),
		  ERROR("GenericError",
			"Invalid parameter type for 'implements', expected: string") },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();
	json_object *list = ask_for(w, TYPES("'implements': 'memory-backend'"));

	g_assert_nonnull(named(list, "memory-backend-ram"));
	g_assert_null(named(list, "cxl-type3"));
	json_object_put(list);
	world_ask_all(w, rows);
}

static void properties_of_devices_are_listed(void)
{
	g_autoptr(World) w = world_ready();
	json_object *list = ask_for(w, DEVICE("cxl-type3")), *o, *v;

	o = named(list, "multifunction"); /* inherited */
	g_assert_nonnull(o);
	g_assert_true(json_object_object_get_ex(o, "default-value", &v));
	g_assert_true(json_object_is_type(v, json_type_boolean) && !json_object_get_boolean(v));
	expect_entry(list, "num-dc-regions",
		     "{'name': 'num-dc-regions', 'type': 'uint8', 'description': "
		     "'dynamic-capacity regions, 0 to 8', 'default-value': 0}");
	expect_entry(list, "rombar",
		     "{'name': 'rombar', 'type': 'int32', 'description': 'no effect: there are no "
		     "option ROMs', 'default-value': -1}");
	g_assert_null(named(list, "type"));
	json_object_put(list);
}

static void properties_of_any_type_are_listed(void)
{
	g_autoptr(World) w = world_ready();
	json_object *list = ask_for(w, CLASS("memory-backend-ram"));

	g_assert_nonnull(named(list, "size"));
	g_assert_nonnull(named(list, "type"));
	json_object_put(list);
}

static void unknown_and_unsuitable_types_are_refused(void)
{
	static const Exchange rows[] = {
		{ DEVICE("nosuch"), ERROR("DeviceNotFound", "Device 'nosuch' not found") },
		{ DEVICE("pci-device"),
		  ERROR("GenericError",
			"Parameter 'typename' expects a non-abstract device type") },
		{ DEVICE("memory-backend-ram"),
		  ERROR("GenericError",
			"Parameter 'typename' expects a non-abstract device type") },
		{ CLASS("nosuch"), ERROR("DeviceNotFound", "Class 'nosuch' not found") },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(fn) g_test_add_func("/monitor/types/" #fn, fn)
	TEST(types_are_listed_with_their_parents);
	TEST(types_are_chosen_by_what_they_implement);
	TEST(properties_of_devices_are_listed);
	TEST(properties_of_any_type_are_listed);
	TEST(unknown_and_unsuitable_types_are_refused);
	return g_test_run();
}
