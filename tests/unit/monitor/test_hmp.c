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
		{ HMP(""), "{'return': ''}" },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
	prints(w, HMP("info version"), "11.1.3 (cxlbox ");
	prints(w, HMP("help"), "info [subcommand] -- ");
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

	prints(w, HMP("info mtree"), "  0000000000000000-0000000003ffffff: ram-below-4g\r\n");
	/* One window of 4 GiB behind the host registers at 4 GiB. */
	prints(w, HMP("info mtree -f"), "  0000000110000000-000000020fffffff: ");
	prints(w, HMP("info mtree x"), "extraneous argument");
}

static void pci_functions_are_shown(void)
{
	g_autoptr(World) w = world_ready();

	prints(w, HMP("info pci"),
	       "  Bus  0, device   0, function 0:\r\n    Host bridge: PCI device 8086:29c0\r\n"
	       "      PCI subsystem 1af4:1100\r\n      id \"\"\r\n");
	prints(w, HMP("info pci"), "      BAR0: 64 bit memory (not mapped)\r\n      id \"rp0\"");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(fn) g_test_add_func("/monitor/hmp/" #fn, fn)
	TEST(short_answers);
	TEST(unknown_commands_are_no_errors);
	TEST(trees_show_what_there_is);
	TEST(the_map_shows_ram_and_windows);
	TEST(pci_functions_are_shown);
	return g_test_run();
}
