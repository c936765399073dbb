/* SPDX-License-Identifier: Apache-2.0 */
/* query-pci in QEMU's shape; identities and reset values are those of QEMU's devices. */
#include "fixture.h"

#include <string.h>

static json_object *member(json_object *o, const char *key)
{
	json_object *v = NULL;

	if (!json_object_object_get_ex(o, key, &v))
		g_error("no %s in %s", key, json_object_to_json_string(o));
	return v;
}

static uint64_t number(json_object *o, const char *key)
{
	return json_object_get_uint64(member(o, key));
}

/* The only device of the second root bus, number 12: the root port. */
static json_object *root_port(json_object *list)
{
	json_object *bus = json_object_array_get_idx(list, 1), *devices;

	g_assert_cmpuint(json_object_array_length(list), ==, 2);
	g_assert_cmpuint(number(bus, "bus"), ==, 12);
	devices = member(bus, "devices");
	g_assert_cmpuint(json_object_array_length(devices), ==, 1);
	return json_object_array_get_idx(devices, 0);
}

static void host_bridges_are_on_bus_0(void)
{
	g_autoptr(World) w = world_ready();
	json_object *list = ask_for(w, "{'execute': 'query-pci'}");
	json_object *bus = json_object_array_get_idx(list, 0);
	json_object *dev = json_object_array_get_idx(member(bus, "devices"), 0);

	g_assert_cmpuint(number(bus, "bus"), ==, 0);
	front_assert_json(json_object_to_json_string(dev),
			  "{'bus': 0, 'slot': 0, 'function': 0, 'class_info': {'class': 1536, "
			  "'desc': 'Host bridge'}, 'id': {'vendor': 32902, 'device': 10688, "
			  "'subsystem': 4352, 'subsystem-vendor': 6900}, 'qdev_id': '', "
			  "'irq_pin': 0, 'regions': []}");
	json_object_put(list);
}

static void a_port_without_numbers_shows_nothing_below(void)
{
	g_autoptr(World) w = world_ready();
	json_object *list = ask_for(w, "{'execute': 'query-pci'}");
	json_object *rp = root_port(list), *bridge = member(rp, "pci_bridge"), *bar;

	g_assert_cmpstr(json_object_get_string(member(rp, "qdev_id")), ==, "rp0");
	g_assert_cmpuint(number(rp, "irq_pin"), ==, 1);
	g_assert_cmpuint(number(rp, "irq"), ==, 0);
	g_assert_false(json_object_object_get_ex(bridge, "devices", NULL));
	bar = json_object_array_get_idx(member(rp, "regions"), 0);
	front_assert_json(json_object_to_json_string(bar),
			  "{'bar': 0, 'type': 'memory', 'address': -1, 'size': 65536, "
			  "'prefetch': false, 'mem_type_64': true}");
	json_object_put(list);
}

static void numbered_buses_and_placed_bars_are_shown(void)
{
	g_autoptr(World) w = world_ready();
	CxbPciHost *pci = cxb_machine_pci(w->machine);
	json_object *list, *rp, *bridge, *t3, *bar;

	cxb_pci_config_write(pci, 12 << 8, 0x18, 4, 0x000d0d0c); /* bus numbers */
	cxb_pci_config_write(pci, 12 << 8, 0x20, 4, 0xc010c000); /* memory c0000000-c01fffff */
	cxb_pci_config_write(pci, 12 << 8, 4, 2, 6);
	cxb_pci_config_write(pci, 13 << 8, 0x10, 4, 0xc0000000);
	cxb_pci_config_write(pci, 13 << 8, 4, 2, 6);
	list = ask_for(w, "{'execute': 'query-pci'}");
	rp = root_port(list);
	bridge = member(rp, "pci_bridge");
	front_assert_json(json_object_to_json_string(member(member(bridge, "bus"), "memory_range")),
			  "{'base': 3221225472, 'limit': 3223322623}");
	g_assert_cmpuint(number(member(bridge, "bus"), "number"), ==, 12);
	g_assert_cmpuint(number(member(bridge, "bus"), "secondary"), ==, 13);
	t3 = json_object_array_get_idx(member(bridge, "devices"), 0);
	g_assert_cmpuint(number(t3, "bus"), ==, 13);
	g_assert_cmpuint(number(member(t3, "class_info"), "class"), ==, 0x0502);
	g_assert_false(json_object_object_get_ex(member(t3, "class_info"), "desc", NULL));
	g_assert_cmpstr(json_object_get_string(member(t3, "qdev_id")), ==, "cxl-vmem0");
	bar = json_object_array_get_idx(member(t3, "regions"), 0);
	g_assert_cmphex(number(bar, "address"), ==, 0xc0000000);
	json_object_put(list);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(fn) g_test_add_func("/monitor/pci/" #fn, fn)
	TEST(host_bridges_are_on_bus_0);
	TEST(a_port_without_numbers_shows_nothing_below);
	TEST(numbered_buses_and_placed_bars_are_shown);
	return g_test_run();
}
