/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

static void simple_queries(void)
{
	static const Exchange rows[] = {
		{ "{'execute': 'query-version'}",
		  "{'return': {'qemu': {'major': 11, 'minor': 1, 'micro': 3}, "
		  "'package': 'cxlbox " CXB_VERSION "'}}" },
		{ "{'execute': 'query-status'}",
		  "{'return': {'status': 'running', 'running': true}}" },
		{ "{'execute': 'query-name'}", "{'return': {'name': 'box'}}" },
		{ "{'execute': 'query-uuid'}",
		  "{'return': {'UUID': '00000000-0000-0000-0000-000000000000'}}" },
		{ "{'execute': 'query-target'}", "{'return': {'arch': 'x86_64'}}" },
		{ "{'execute': 'query-kvm'}", "{'return': {'enabled': false, 'present': false}}" },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
}

static void a_machine_without_name_says_nothing(void)
{
	g_autoptr(World) w = world_new();

	front_peer_free(w->peer);
	cxb_qmp_free(w->qmp);
	w->qmp = cxb_qmp_new(w->machine, NULL);
	w->peer = world_peer(w, false);
	ask(w, "{'execute': 'qmp_capabilities'}", "{'return': {}}");
	ask(w, "{'execute': 'query-name'}", "{'return': {}}");
}

static void query_commands_lists_what_there_is(void)
{
	static const char *const names[] = {
		"cxl-add-dynamic-capacity",
		"cxl-release-dynamic-capacity",
		"cxl-release-dynamic-capacity-status",
		"object-add",
		"object-del",
		"qmp_capabilities",
		"qom-get",
		"qom-list",
		"qom-set",
		"query-commands",
		"query-cxl-dynamic-capacity",
		"query-memdev",
		"query-name",
		"query-status",
		"query-version",
		"quit",
		"system_reset",
	};
	g_autoptr(World) w = world_ready();
	json_object *list = ask_for(w, "{'execute': 'query-commands'}");
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *name;

		g_assert_true(json_object_object_get_ex(json_object_array_get_idx(list, i), "name",
							&name));
		g_assert_true(g_hash_table_add(seen, (gpointer)json_object_get_string(name)));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		g_assert_true(g_hash_table_contains(seen, names[i]));
	json_object_put(list);
}

static void reset_keeps_backends(void)
{
	g_autoptr(World) w = world_ready();

	ask(w,
	    "{'execute': 'object-add', 'arguments': {'qom-type': 'memory-backend-ram', "
	    "'id': 'm', 'size': 4096}}",
	    "{'return': {}}");
	say(w->peer, "{'execute': 'system_reset'}");
	expect(w->peer, "{'event': 'RESET', 'data': {'guest': false, "
			"'reason': 'host-qmp-system-reset'}}");
	expect(w->peer, "{'return': {}}");
	ask(w, "{'execute': 'object-del', 'arguments': {'id': 'm'}}", "{'return': {}}");
}

static void what_is_not_there_is_empty(void)
{
	static const Exchange rows[] = {
		{ "{'execute': 'query-audiodevs'}", "{'return': []}" },
		{ "{'execute': 'query-block'}", "{'return': []}" },
		{ "{'execute': 'query-block-exports'}", "{'return': []}" },
		{ "{'execute': 'query-block-jobs'}", "{'return': []}" },
		{ "{'execute': 'query-blockstats'}", "{'return': []}" },
		{ "{'execute': 'query-cpu-definitions'}", "{'return': []}" },
		{ "{'execute': 'query-cpus-fast'}", "{'return': []}" },
		{ "{'execute': 'query-fdsets'}", "{'return': []}" },
		{ "{'execute': 'query-hotpluggable-cpus'}", "{'return': []}" },
		{ "{'execute': 'query-iothreads'}", "{'return': []}" },
		{ "{'execute': 'query-jobs'}", "{'return': []}" },
		{ "{'execute': 'query-memory-devices'}", "{'return': []}" },
		{ "{'execute': 'query-mice'}", "{'return': []}" },
		{ "{'execute': 'query-migrate-capabilities'}", "{'return': []}" },
		{ "{'execute': 'query-named-block-nodes'}", "{'return': []}" },
		{ "{'execute': 'query-pr-managers'}", "{'return': []}" },
		{ "{'execute': 'query-rx-filter'}", "{'return': []}" },
		{ "{'execute': 'query-stats-schemas'}", "{'return': []}" },
		{ "{'execute': 'query-tpm'}", "{'return': []}" },
		{ "{'execute': 'query-tpm-models'}", "{'return': []}" },
		{ "{'execute': 'query-tpm-types'}", "{'return': []}" },
		{ "{'execute': 'query-vnc-servers'}", "{'return': []}" },
		{ "{'execute': 'query-memory-size-summary'}",
		  "{'return': {'base-memory': 67108864, 'plugged-memory': 0}}" },
		{ "{'execute': 'query-migrate'}", "{'return': {}}" },
		{ "{'execute': 'query-vnc'}", "{'return': {'enabled': false}}" },
		{ "{'execute': 'query-current-machine'}",
		  "{'return': {'wakeup-suspend-support': false}}" },
		{ "{'execute': 'query-block', 'arguments': {'x': 1}}",
		  "{'error': {'class': 'GenericError', 'desc': \"Parameter 'x' is unexpected\"}}" },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
}

static json_object *member(json_object *o, const char *key)
{
	json_object *v = NULL;

	g_assert_true(json_object_object_get_ex(o, key, &v));
	return v;
}

/* QEMU 11.1 has the q35 of its releases from 5.2 on, and the alias stands for the last; the last
 * virt of its ARM program comes behind. */
static void machines_are_those_of_qemu(void)
{
	g_autoptr(World) w = world_ready();
	json_object *list = ask_for(w, "{'execute': 'query-machines'}");
	const size_t n = json_object_array_length(list);
	json_object *first = json_object_array_get_idx(list, 0);
	json_object *last = json_object_array_get_idx(list, n - 2);
	json_object *virt = json_object_array_get_idx(list, n - 1);

	g_assert_cmpuint(n, ==, 19);
	g_assert_cmpstr(json_object_get_string(member(first, "name")), ==, "pc-q35-5.2");
	g_assert_true(json_object_get_boolean(member(first, "deprecated")));
	g_assert_false(json_object_object_get_ex(first, "alias", NULL));
	g_assert_cmpstr(json_object_get_string(member(last, "name")), ==, "pc-q35-11.1");
	g_assert_cmpstr(json_object_get_string(member(last, "alias")), ==, "q35");
	g_assert_true(json_object_get_boolean(member(last, "is-default")));
	g_assert_false(json_object_get_boolean(member(last, "deprecated")));
	g_assert_cmpstr(json_object_get_string(member(last, "default-ram-id")), ==, "pc.ram");
	g_assert_cmpstr(json_object_get_string(member(virt, "name")), ==, "virt-11.1");
	g_assert_cmpstr(json_object_get_string(member(virt, "alias")), ==, "virt");
	g_assert_false(json_object_object_get_ex(virt, "is-default", NULL));
	g_assert_cmpstr(json_object_get_string(member(virt, "default-ram-id")), ==,
			"mach-virt.ram");
	json_object_put(list);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(fn) g_test_add_func("/monitor/core/" #fn, fn)
	ADD(simple_queries);
	ADD(a_machine_without_name_says_nothing);
	ADD(query_commands_lists_what_there_is);
	ADD(reset_keeps_backends);
	ADD(what_is_not_there_is_empty);
	ADD(machines_are_those_of_qemu);
	return g_test_run();
}
