/* SPDX-License-Identifier: Apache-2.0 */
/* "info pci": query-pci for people. */
#include <inttypes.h>
#include <string.h>

#include "hmp.h"

static json_object *get(json_object *o, const char *key)
{
	json_object *v = NULL;

	json_object_object_get_ex(o, key, &v);
	return v;
}

static uint64_t num(json_object *o, const char *key)
{
	return json_object_get_uint64(get(o, key));
}

static void print_bar(json_object *r, GString *out)
{
	const int64_t address = json_object_get_int64(get(r, "address"));

	g_string_append_printf(out, "      BAR%" PRIu64 ": %d bit%s memory", num(r, "bar"),
			       json_object_get_boolean(get(r, "mem_type_64")) ? 64 : 32,
			       json_object_get_boolean(get(r, "prefetch")) ? " prefetchable" : "");
	if (address == -1)
		g_string_append(out, " (not mapped)\n");
	else
		g_string_append_printf(out, " at 0x%08" PRIx64 " [0x%08" PRIx64 "]\n",
				       (uint64_t)address, address + num(r, "size") - 1);
}

static void print_range(json_object *bus, const char *key, const char *what, int digits,
			GString *out)
{
	json_object *r = get(bus, key);

	g_string_append_printf(out, "      %s range [0x%0*" PRIx64 ", 0x%0*" PRIx64 "]\n", what,
			       digits, num(r, "base"), digits, num(r, "limit"));
}

static void print_device(json_object *d, GString *out)
{
	json_object *id = get(d, "id"), *regions = get(d, "regions"), *class = get(d, "class_info");
	json_object *bridge = get(d, "pci_bridge"), *below = get(bridge, "devices");

	g_string_append_printf(
		out, "  Bus %2" PRIu64 ", device %3" PRIu64 ", function %" PRIu64 ":\n    ",
		num(d, "bus"), num(d, "slot"), num(d, "function"));
	if (get(class, "desc"))
		g_string_append(out, json_object_get_string(get(class, "desc")));
	else
		g_string_append_printf(out, "Class %04" PRIu64, num(class, "class"));
	g_string_append_printf(out, ": PCI device %04" PRIx64 ":%04" PRIx64 "\n", num(id, "vendor"),
			       num(id, "device"));
	if (get(id, "subsystem"))
		g_string_append_printf(out, "      PCI subsystem %04" PRIx64 ":%04" PRIx64 "\n",
				       num(id, "subsystem-vendor"), num(id, "subsystem"));
	if (get(d, "irq"))
		g_string_append_printf(out, "      IRQ %" PRIu64 ", pin %c\n", num(d, "irq"),
				       (char)('A' + num(d, "irq_pin") - 1));
	if (bridge) {
		json_object *bus = get(bridge, "bus");

		g_string_append_printf(out,
				       "      BUS %" PRIu64 ".\n      secondary bus %" PRIu64
				       ".\n      subordinate bus %" PRIu64 ".\n",
				       num(bus, "number"), num(bus, "secondary"),
				       num(bus, "subordinate"));
		print_range(bus, "io_range", "IO", 4, out);
		print_range(bus, "memory_range", "memory", 8, out);
		print_range(bus, "prefetchable_range", "prefetchable memory", 8, out);
	}
	for (size_t i = 0; i < json_object_array_length(regions); i++)
		print_bar(json_object_array_get_idx(regions, i), out);
	g_string_append_printf(out, "      id \"%s\"\n", json_object_get_string(get(d, "qdev_id")));
	for (size_t i = 0; below && i < json_object_array_length(below); i++)
		print_device(json_object_array_get_idx(below, i), out);
}

void hmp_info_pci(CxbQmp *qmp, char **args, GString *out)
{
	json_object *list = qmp_pci(qmp);

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *devices = get(json_object_array_get_idx(list, i), "devices");

		for (size_t d = 0; d < json_object_array_length(devices); d++)
			print_device(json_object_array_get_idx(devices, d), out);
	}
	json_object_put(list);
}
