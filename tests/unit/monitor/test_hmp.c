/* SPDX-License-Identifier: Apache-2.0 */
/* The human monitor: what scripts look for in QEMU's output. */
#include "fixture.h"

#include <string.h>

#define HMP(line) "{'execute': 'human-monitor-command', 'arguments': {'command-line': '" line "'}}"

static char *printed(World *w, const char *text)
{
	json_object *o = ask_for(w, text);
	char *s = g_strdup(json_object_get_string(o));

	json_object_put(o);
	return s;
}

static void prints(World *w, const char *text, const char *part)
{
	g_autofree char *s = printed(w, text);

	if (!strstr(s, part))
		g_error("no \"%s\" in:\n%s", part, s);
	for (const char *p = s; (p = strchr(p, '\n')); p++)
		g_assert_cmpint(p[-1], ==, '\r');
}

static void short_answers(void)
{
	static const Exchange rows[] = {
		{ HMP("info status"), "{'return': 'VM status: running\\r\\n'}" },
		{ HMP("  info   status  "), "{'return': 'VM status: running\\r\\n'}" },
		{ HMP("info name"), "{'return': 'box\\r\\n'}" },
		{ HMP("info uuid"), "{'return': '00000000-0000-0000-0000-000000000000\\r\\n'}" },
		{ HMP("info memory_size_summary"),
		  "{'return': 'base memory: 67108864\\r\\nplugged memory: 0\\r\\n'}" },
		{ HMP("info memory-devices"), "{'return': ''}" },
		{ HMP("info block"), "{'return': ''}" },
		{ HMP("info iothreads"), "{'return': ''}" },
		{ HMP("info migrate"), "{'return': ''}" },
		{ HMP("info network"), "{'return': ''}" },
		{ HMP("info tpm"), "{'return': ''}" },
		{ HMP("info vnc"), "{'return': 'None\\r\\n'}" },
		{ HMP("info kvm"), "{'return': 'kvm support: not compiled\\r\\n'}" },
		{ HMP(""), "{'return': ''}" },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
	prints(w, HMP("info version"), "11.1.3 (cxlbox ");
	prints(w, HMP("help"), "info [subcommand] -- ");
	prints(w, HMP("info memdev"), "memory backend: pc.ram\r\n  size:  67108864\r\n");
	prints(w, HMP("info"), "info mtree [-f] -- ");
}

static void unknown_commands_are_no_errors(void)
{
	static const Exchange rows[] = {
		{ HMP("nosuch"), "{'return': 'unknown command: \\'nosuch\\'\\r\\n'}" },
		{ HMP("nosuch word"), "{'return': 'unknown command: \\'nosuch\\'\\r\\n'}" },
		{ HMP("info nosuch"), "{'return': 'unknown command: \\'info nosuch\\'\\r\\n'}" },
		{ "{'execute': 'human-monitor-command'}",
		  "{'error': {'class': 'GenericError', 'desc': \"Parameter 'command-line' is "
		  "missing\"}}" },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
}

/* Texts of QEMU 11.1, but for what is in each table. */
static void arguments_are_checked(void)
{
#define TRY(cmd) "\\r\\nTry \\\"help " cmd "\\\" for more information\\r\\n\"}"
	static const Exchange rows[] = {
		{ HMP("stop x"),
		  "{'return': \"stop|s: extraneous characters at the end of line" TRY("stop") },
		{ HMP("info status x"),
		  "{'return': \"status: extraneous characters at the end of line" TRY(
			  "info status") },
		{ HMP("info mtree -x"),
		  "{'return': \"mtree: unsupported option -x" TRY("info mtree") },
		{ HMP("info mtree x"),
		  "{'return': \"mtree: extraneous characters at the end of line" TRY(
			  "info mtree") },
		{ HMP("object_add"), "{'return': \"object_add: string expected" TRY("object_add") },
		{ HMP("object_del \\\"x"),
		  "{'return': \"object_del: string expected" TRY("object_del") },
		{ HMP("object_del \\\"x\\\\"),
		  "{'return': \"object_del: string expected" TRY("object_del") },
		{ HMP("object_del \\\"\\\\x\\\""),
		  "{'return': \"object_del: string expected" TRY("object_del") },
		{ HMP("device_del"), "{'return': \"device_del: string expected" TRY("device_del") },
		{ HMP("qom-get /objects/pc.ram"),
		  "{'return': \"qom-get: string expected" TRY("qom-get") },
		{ HMP("help stop"), "{'return': 'stop|s  -- stop emulation\\r\\n'}" },
		{ HMP("? c"), "{'return': 'cont|c  -- resume emulation\\r\\n'}" },
		{ HMP("help info pci"), "{'return': 'info pci  -- show PCI info\\r\\n'}" },
		{ HMP("help nosuch"), "{'return': 'unknown command: \\'nosuch\\'\\r\\n'}" },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
}

static void objects_come_go_and_are_looked_at(void)
{
	static const Exchange rows[] = {
		{ HMP("object_add memory-backend-ram,id=m2,size=4K"), "{'return': ''}" },
		{ HMP("object_add memory-backend-ram,id=m2,size=4K"),
		  "{'return': \"Error: attempt to add duplicate property 'm2' to object (type "
		  "'container')\\r\\n\"}" },
		{ HMP("qom-get /objects/m2 size"), "{'return': '4096\\r\\n'}" },
		{ HMP("qom-get \\\"/objects/m2\\\" \\\"size\\\""), "{'return': '4096\\r\\n'}" },
		{ HMP("qom-get /objects/m2 nosuch"),
		  "{'return': \"Error: Property 'memory-backend-ram.nosuch' not found\\r\\n\"}" },
		{ HMP("qom-set /objects/m2 size 1"),
		  "{'return': 'Error: cannot change property size of memory-backend-ram \\r\\n'}" },
		{ HMP("object_del m2"), "{'return': ''}" },
		{ HMP("object_del m2"), "{'return': \"Error: object 'm2' not found\\r\\n\"}" },
		{ HMP("object_del \\\"a\\\\n\\\\\\\"b\\\""),
		  "{'return': \"Error: object 'a\\r\\n\\\"b' not found\\r\\n\"}" },
		{ HMP("object_add memory-backend-ram,id=m2,size=4K,foo=1"),
		  "{'return': \"Error: Parameter 'foo' is unexpected\\r\\n\"}" },
		{ HMP("object_add nosuch"),
		  "{'return': \"Error: Parameter 'qom-type' does not accept value "
		  "'nosuch'\\r\\n\"}" },
		{ HMP("device_add"), "{'return': \"Error: Parameter 'driver' is missing\\r\\n\"}" },
		{ HMP("device_add nosuch"),
		  "{'return': \"Error: 'nosuch' is not a valid device model name\\r\\n\"}" },
		{ HMP("device_del nosuch"),
		  "{'return': \"Error: Device 'nosuch' not found\\r\\n\"}" },
		{ HMP("qom-list"), "{'return': '/\\r\\n'}" },
		{ HMP("qom-list /nosuch"),
		  "{'return': \"Error: Device '/nosuch' not found\\r\\n\"}" },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
	prints(w, HMP("qom-list /objects"), "pc.ram (child<memory-backend-ram>)\r\n");
}

static void the_machine_stands_and_runs(void)
{
	static const Exchange rows[] = {
		{ HMP("info status"), "{'return': 'VM status: paused\\r\\n'}" },
		{ HMP("info status"), "{'return': 'VM status: paused (prelaunch)\\r\\n'}" },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();
	g_autofree char *none = printed(w, HMP("system_wakeup"));

	g_assert_cmpstr(none, ==, "Error: Unable to wake up: guest is not in suspended state\r\n");
	cxb_machine_stop(w->machine);
	expect(w->peer, "{'event': 'STOP'}");
	world_ask_all(w, (const Exchange[]){ rows[0], { NULL } });
	cxb_machine_reset(w->machine, CXB_RESET_QMP);
	expect(w->peer, "{'event': 'RESET', 'data': {'guest': false, "
			"'reason': 'host-qmp-system-reset'}}");
	world_ask_all(w, (const Exchange[]){ rows[1], { NULL } });
}

static void trees_show_what_there_is(void)
{
	g_autoptr(World) w = world_ready();

	prints(w, HMP("info qtree"), "bus: pcie.0\r\n  type PCIE\r\n");
	prints(w, HMP("info qtree"), "dev: cxl-type3, id \"cxl-vmem0\"\r\n");
	prints(w, HMP("info qtree"), "num-dc-regions = 2 (0x2)\r\n");
	prints(w, HMP("info qom-tree"), "/machine (pc-q35-11.1-machine)\r\n");
	prints(w, HMP("info qom-tree"), "    /cxl-vmem0 (cxl-type3)\r\n");
	prints(w, HMP("info qom-tree /objects"), "  /pc.ram (memory-backend-ram)\r\n");
	prints(w, HMP("info qom-tree nosuch"), "Path 'nosuch' could not be resolved.\r\n");
}

static void the_map_shows_ram_and_windows(void)
{
	g_autoptr(World) w = world_ready();

	prints(w, HMP("info mtree"),
	       "    0000000000000000-0000000003ffffff (prio 1, ram): ram-below-4g\r\n");
	/* One window of 4 GiB behind the host registers at 4 GiB. */
	prints(w, HMP("info mtree -f"), "  0000000110000000-000000020fffffff (prio 2, i/o): ");
	prints(w, HMP("info mtree"),
	       "address-space: memory\r\n"
	       "  0000000000000000-ffffffffffffffff (prio 0, container): system\r\n");
}

static void pci_functions_are_shown(void)
{
	g_autoptr(World) w = world_ready();

	prints(w, HMP("info pci"),
	       "  Bus  0, device   0, function 0:\r\n    Host bridge: PCI device 8086:29c0\r\n"
	       "      PCI subsystem 1af4:1100\r\n      id \"\"\r\n");
	prints(w, HMP("info pci"), "      BAR0: 64 bit memory (not mapped)\r\n      id \"rp0\"");
}

#define ON_CPU(n)                                                                          \
	"{'execute': 'human-monitor-command', 'arguments': {'command-line': 'info name', " \
	"'cpu-index': " #n "}}"

static void there_is_no_other_cpu_than_0(void)
{
	g_autoptr(World) w = world_ready();

	ask(w, ON_CPU(0), "{'return': 'box\\r\\n'}");
	fails(w, ON_CPU(1), "GenericError", "Parameter 'cpu-index' expects a CPU number");
	fails(w, ON_CPU(-1), "GenericError", "Parameter 'cpu-index' expects a CPU number");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(fn) g_test_add_func("/monitor/hmp/" #fn, fn)
	TEST(short_answers);
	TEST(unknown_commands_are_no_errors);
	TEST(arguments_are_checked);
	TEST(objects_come_go_and_are_looked_at);
	TEST(the_machine_stands_and_runs);
	TEST(trees_show_what_there_is);
	TEST(the_map_shows_ram_and_windows);
	TEST(pci_functions_are_shown);
	TEST(there_is_no_other_cpu_than_0);
	return g_test_run();
}
