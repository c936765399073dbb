/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>
#include <unistd.h>

#define OK                 "{'return': {}}"
#define ERROR(klass, desc) "{'error': {'class': '" klass "', 'desc': \"" desc "\"}}"
#define GENERIC(desc)      ERROR("GenericError", desc)
#define NO_DEVICE(desc)    ERROR("DeviceNotFound", desc)
#define ADD_OBJECT(props) \
	"{'execute': 'object-add', 'arguments': {'qom-type': 'memory-backend-ram', " props "}}"
#define GET(path, property) \
	"{'execute': 'qom-get', 'arguments': {'path': '" path "', 'property': '" property "'}}"
#define SET(path, property, value)                                                        \
	"{'execute': 'qom-set', 'arguments': {'path': '" path "', 'property': '" property \
	"', 'value': " value "}}"
#define TAG "5be13bce-ae34-4a77-b6c3-16df975fcf1a"

static void objects_come_and_go(void)
{
	static const Exchange rows[] = {
		{ ADD_OBJECT("'id': 'a', 'size': 1000"), OK },
		{ ADD_OBJECT("'id': 'a', 'size': 1000"),
		  GENERIC("attempt to add duplicate property 'a' to object (type 'container')") },
		{ ADD_OBJECT("'id': 'b'"), GENERIC("Parameter 'size' is missing") },
		{ ADD_OBJECT("'size': 4096"), GENERIC("Parameter 'id' is missing") },
		{ ADD_OBJECT("'id': 'b', 'size': '4096'"),
		  GENERIC("Parameter 'size' expects uint64") },
		{ ADD_OBJECT("'id': 'b', 'size': -1"), GENERIC("Parameter 'size' expects uint64") },
		{ ADD_OBJECT("'id': 'b', 'size': 4096, 'share': 'on'"),
		  GENERIC("Invalid parameter type for 'share', expected: boolean") },
		{ ADD_OBJECT("'id': 'b', 'size': 4096, 'foo': 1"),
		  GENERIC("Parameter 'foo' is unexpected") },
		{ "{'execute': 'object-add', 'arguments': {'qom-type': 'nosuch', 'id': 'b'}}",
		  GENERIC("Parameter 'qom-type' does not accept value 'nosuch'") },
		{ "{'execute': 'object-add', 'arguments': {'id': 'b'}}",
		  GENERIC("Parameter 'qom-type' is missing") },
		{ "{'execute': 'object-add'}", GENERIC("Parameter 'qom-type' is missing") },
		/* without the hint that a terminal gets */
		{ "{'execute': 'object-add', 'arguments': {'qom-type': 'memory-backend-ram', "
		  "'id': '1', 'size': 4096}}",
		  GENERIC("Parameter 'id' expects an identifier") },
		{ "{'execute': 'object-del', 'arguments': {'id': 'b'}}",
		  GENERIC("object 'b' not found") },
		{ "{'execute': 'object-del', 'arguments': {}}",
		  GENERIC("Parameter 'id' is missing") },
		{ "{'execute': 'object-del', 'arguments': {'id': 1}}",
		  GENERIC("Invalid parameter type for 'id', expected: string") },
		{ "{'execute': 'object-del', 'arguments': {'id': 'a'}}", OK },
		{ "{'execute': 'object-del', 'arguments': {'id': 'a'}}",
		  GENERIC("object 'a' not found") },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
}

static void ram_in_use_stays(void)
{
	g_autoptr(World) w = world_ready();
	g_autofree char *line = NULL;

	say(w->peer, "{'execute': 'object-del', 'arguments': {'id': 'pc.ram'}}");
	line = front_line(w->peer);
	g_assert_nonnull(line);
	g_assert_nonnull(
		strstr(line, "Cannot delete host memory backend 'pc.ram' which is mapped"));
}

static void properties_are_read_by_any_path(void)
{
	static const Exchange rows[] = {
		{ ADD_OBJECT("'id': 'm', 'size': 4096, 'tag': '" TAG "'"), OK },
		{ GET("/objects/m", "size"), "{'return': 4096}" },
		{ GET("m", "tag"), "{'return': '" TAG "'}" },
		{ GET("objects//m/", "share"), "{'return': false}" },
		{ GET("m", "type"), "{'return': 'memory-backend-ram'}" },
		{ GET("/", "objects"), "{'return': '/objects'}" },
		{ GET("cxl-vmem0", "num-dc-regions"), "{'return': 2}" },
		{ GET("peripheral/cxl-vmem0", "volatile-memdev"), "{'return': ''}" },
		{ GET("rp0", "port"), NO_DEVICE("Device 'rp0' not found") }, /* its bus too */
		{ GET("nosuch", "size"), NO_DEVICE("Device 'nosuch' not found") },
		{ GET("", "size"), NO_DEVICE("Device '' not found") },
		{ GET("cxl-vmem0", "nosuch"), GENERIC("Property 'cxl-type3.nosuch' not found") },
		{ "{'execute': 'qom-get', 'arguments': {'path': 'm'}}",
		  GENERIC("Parameter 'property' is missing") },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
}

static void properties_are_fixed_once_an_object_is_complete(void)
{
	static const Exchange rows[] = {
		{ ADD_OBJECT("'id': 'm', 'size': 4096"), OK },
		{ SET("m", "size", "8192"),
		  GENERIC("cannot change property size of memory-backend-ram ") },
		{ SET("cxl-vmem0", "sn", "1"),
		  GENERIC("Attempt to set property 'sn' on device 'cxl-vmem0' (type 'cxl-type3') "
			  "after it was realized") },
		{ SET("cxl-vmem0", "type", "'x'"),
		  GENERIC("Property 'cxl-type3.type' is not writable") },
		{ SET("cxl-vmem0", "nosuch", "1"),
		  GENERIC("Property 'cxl-type3.nosuch' not found") },
		{ SET("cxl-vmem0", "sn", "[]"),
		  GENERIC("Property 'cxl-type3.sn' takes no list or object") },
		{ SET("nosuch", "sn", "1"), NO_DEVICE("Device 'nosuch' not found") },
		{ "{'execute': 'qom-set', 'arguments': {'path': 'm', 'property': 'size'}}",
		  GENERIC("Parameter 'value' is missing") },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
}

static bool has_entry(json_object *list, const char *name, const char *type)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *o = json_object_array_get_idx(list, i), *n, *t;

		g_assert_true(json_object_object_get_ex(o, "name", &n));
		g_assert_true(json_object_object_get_ex(o, "type", &t));
		if (strcmp(json_object_get_string(n), name) == 0)
			return strcmp(json_object_get_string(t), type) == 0;
	}
	return false;
}

static void qom_list_shows_properties_and_children(void)
{
	g_autoptr(World) w = world_ready();
	json_object *list = ask_for(w, "{'execute': 'qom-list', 'arguments': {'path': '/'}}");

	g_assert_true(has_entry(list, "objects", "child<container>"));
	g_assert_true(has_entry(list, "type", "string"));
	json_object_put(list);
	list = ask_for(w, "{'execute': 'qom-list', 'arguments': {'path': 'cxl-vmem0'}}");
	g_assert_true(has_entry(list, "num-dc-regions", "uint8"));
	g_assert_true(has_entry(list, "dc-regions-total-size", "size"));
	g_assert_true(has_entry(list, "volatile-memdev", "link<memory-backend>"));
	json_object_put(list);
	list = ask_for(w, "{'execute': 'qom-list', 'arguments': {'path': '/machine/peripheral'}}");
	g_assert_true(has_entry(list, "cxl-vmem0", "child<cxl-type3>"));
	json_object_put(list);
	fails(w, "{'execute': 'qom-list', 'arguments': {'path': '/nosuch'}}", "DeviceNotFound",
	      "Device '/nosuch' not found");
}

#define LIST_GET(paths) "{'execute': 'qom-list-get', 'arguments': {'paths': " paths "}}"

static void qom_list_get_has_values_as_well(void)
{
	g_autoptr(World) w = world_ready();
	json_object *list, *of, *v;

	list = ask_for(w, LIST_GET("['/objects', 'cxl-vmem0']"));
	g_assert_cmpuint(json_object_array_length(list), ==, 2);
	g_assert_true(
		json_object_object_get_ex(json_object_array_get_idx(list, 0), "properties", &of));
	front_assert_json(json_object_to_json_string(json_object_array_get_idx(of, 0)),
			  "{'name': 'type', 'type': 'string', 'value': 'container'}");
	g_assert_true(
		json_object_object_get_ex(json_object_array_get_idx(list, 1), "properties", &of));
	g_assert_true(has_entry(of, "num-dc-regions", "uint8"));
	v = json_object_array_get_idx(of, 0);
	g_assert_true(json_object_object_get_ex(v, "value", NULL));
	json_object_put(list);
	ask(w, LIST_GET("[]"), "{'return': []}");
	fails(w, LIST_GET("['/objects', '/nosuch']"), "DeviceNotFound",
	      "Device '/nosuch' not found");
	fails(w, LIST_GET("['/objects', 1]"), "GenericError",
	      "Invalid parameter type for 'paths[1]', expected: string");
	fails(w, "{'execute': 'qom-list-get'}", "GenericError", "Parameter 'paths' is missing");
}

static void threads_to_preallocate_with_are_counted(void)
{
	static const Exchange rows[] = {
		{ ADD_OBJECT("'id': 'a', 'size': 4096, 'prealloc-threads': 0"),
		  GENERIC("property 'prealloc-threads' of memory-backend-ram doesn't take value "
			  "'0'") },
		{ ADD_OBJECT("'id': 'a', 'size': 4096, 'prealloc-threads': -1"),
		  GENERIC("Parameter 'prealloc-threads' expects uint32_t") },
		{ ADD_OBJECT("'id': 'a', 'size': 4096, 'prealloc-threads': 2"), OK },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
}

static json_object *memdev(json_object *list, const char *id)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *o = json_object_array_get_idx(list, i), *v;

		g_assert_true(json_object_object_get_ex(o, "id", &v));
		if (strcmp(json_object_get_string(v), id) == 0)
			return o;
	}
	return NULL;
}

static void query_memdev_has_a_path_to_the_bytes(void)
{
	g_autoptr(World) w = world_ready();
	json_object *list, *o, *v;

	ask(w, ADD_OBJECT("'id': 'm', 'size': 8192, 'tag': '" TAG "', 'share': true"), OK);
	list = ask_for(w, "{'execute': 'query-memdev'}");
	o = memdev(list, "m");
	g_assert_nonnull(o);
	g_assert_true(json_object_object_get_ex(o, "path", &v));
	g_assert_no_errno(access(json_object_get_string(v), R_OK | W_OK));
	json_object_object_del(o, "path");
	front_assert_json(json_object_to_json_string(o),
			  "{'id': 'm', 'size': 8192, 'merge': true, 'dump': true, "
			  "'prealloc': false, 'share': true, 'reserve': true, 'host-nodes': [], "
			  "'policy': 'default', 'tag': '" TAG "', 'mapped': false}");
	o = memdev(list, "pc.ram");
	g_assert_nonnull(o);
	g_assert_true(json_object_object_get_ex(o, "mapped", &v));
	g_assert_true(json_object_get_boolean(v));
	g_assert_true(json_object_object_get_ex(o, "holder", &v));
	g_assert_cmpstr(json_object_get_string(v), ==, "/machine");
	g_assert_false(json_object_object_get_ex(o, "tag", &v));
	json_object_put(list);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(fn) g_test_add_func("/monitor/qom/" #fn, fn)
	ADD(objects_come_and_go);
	ADD(ram_in_use_stays);
	ADD(properties_are_read_by_any_path);
	ADD(properties_are_fixed_once_an_object_is_complete);
	ADD(qom_list_shows_properties_and_children);
	ADD(qom_list_get_has_values_as_well);
	ADD(threads_to_preallocate_with_are_counted);
	ADD(query_memdev_has_a_path_to_the_bytes);
	return g_test_run();
}
