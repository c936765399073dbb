/* SPDX-License-Identifier: Apache-2.0 */
/* What clients made for QEMU ask of any machine when they connect. */
#include "monitor.h"

static json_object *query_memory_size_summary(void *opaque, void *args, GError **errp)
{
	json_object *o = json_object_new_object();

	cxb_json_put_u64(o, "base-memory", cxb_machine_ram_size(((CxbQmp *)opaque)->machine));
	cxb_json_put_u64(o, "plugged-memory", 0);
	return o;
}

static json_object *query_machines(void *opaque, void *args, GError **errp)
{
	const CxbMachineTypeName *t = cxb_machine_type_names();
	json_object *list = json_object_new_array();

	for (; t->name; t++) {
		json_object *o = json_object_new_object();

		cxb_json_put_str(o, "name", t->name);
		if (t->alias)
			cxb_json_put_str(o, "alias", t->alias);
		if (t->is_default)
			cxb_json_put_bool(o, "is-default", true);
		cxb_json_put_u64(o, "cpu-max", 0);
		cxb_json_put_bool(o, "hotpluggable-cpus", false);
		cxb_json_put_bool(o, "numa-mem-supported", false);
		cxb_json_put_bool(o, "deprecated", t->deprecated);
		cxb_json_put_str(o, "default-ram-id", t->ram_id);
		cxb_json_put_bool(o, "acpi", true);
		json_object_array_add(list, o);
	}
	return list;
}

static json_object *query_current_machine(void *opaque, void *args, GError **errp)
{
	json_object *o = json_object_new_object();

	cxb_json_put_bool(o, "wakeup-suspend-support", false);
	return o;
}

/* There is no display to connect to. */
static json_object *query_vnc(void *opaque, void *args, GError **errp)
{
	json_object *o = json_object_new_object();

	cxb_json_put_bool(o, "enabled", false);
	return o;
}

static json_object *query_migrate(void *opaque, void *args, GError **errp)
{
	return cxb_qmp_empty();
}

/* Of what this machine cannot have. */
static json_object *none(void *opaque, void *args, GError **errp)
{
	return json_object_new_array();
}

static const CxbRet memory_info[] = {
	{ "base-memory", CXB_RET_INT },
	{ "plugged-memory", CXB_RET_INT, .optional = true },
	{ NULL },
};
static const CxbRet memory_ret = { NULL, CXB_RET_OBJECT, "MemoryInfo", .members = memory_info };
static const CxbRet machine_info[] = {
	{ "name", CXB_RET_STR },
	{ "alias", CXB_RET_STR, .optional = true },
	{ "is-default", CXB_RET_BOOL, .optional = true },
	{ "cpu-max", CXB_RET_INT },
	{ "hotpluggable-cpus", CXB_RET_BOOL },
	{ "numa-mem-supported", CXB_RET_BOOL },
	{ "deprecated", CXB_RET_BOOL },
	{ "default-ram-id", CXB_RET_STR, .optional = true },
	{ "acpi", CXB_RET_BOOL },
	{ NULL },
};
static const CxbRet machines_ret = {
	NULL, CXB_RET_OBJECT, "MachineInfo", .list = true, .members = machine_info,
};
static const CxbRet current_machine[] = { { "wakeup-suspend-support", CXB_RET_BOOL }, { NULL } };
static const CxbRet current_machine_ret = {
	NULL,
	CXB_RET_OBJECT,
	"CurrentMachineParams",
	.members = current_machine,
};
static const CxbRet vnc_info[] = { { "enabled", CXB_RET_BOOL }, { NULL } };
static const CxbRet vnc_ret = { NULL, CXB_RET_OBJECT, "VncInfo", .members = vnc_info };
static const CxbRet none_ret = { NULL, CXB_RET_ANY, .list = true };

static const CxbQmpCmd rows[] = {
	{ "query-audiodevs", NULL, 0, 0, "sound: none", none, &none_ret },
	{ "query-block", NULL, 0, 0, "disks: none", none, &none_ret },
	{ "query-block-exports", NULL, 0, 0, "exports of disks: none", none, &none_ret },
	{ "query-block-jobs", NULL, 0, 0, "jobs of disks: none", none, &none_ret },
	{ "query-blockstats", NULL, 0, 0, "counters of disks: none", none, &none_ret },
	{ "query-cpu-definitions", NULL, 0, 0, "models of CPUs: none", none, &none_ret },
	{ "query-cpus-fast", NULL, 0, 0, "CPUs: none", none, &none_ret },
	{ "query-current-machine", NULL, 0, 0, "what it can do: not sleep", query_current_machine,
	  &current_machine_ret },
	{ "query-fdsets", NULL, 0, 0, "sets of descriptors: none", none, &none_ret },
	{ "query-hotpluggable-cpus", NULL, 0, 0, "CPUs that could be plugged: none", none,
	  &none_ret },
	{ "query-iothreads", NULL, 0, 0, "threads: none", none, &none_ret },
	{ "query-jobs", NULL, 0, 0, "jobs: none", none, &none_ret },
	{ "query-machines", NULL, 0, 0, "types of machines", query_machines, &machines_ret },
	{ "query-memory-devices", NULL, 0, 0, "memory devices other than CXL's: none", none,
	  &none_ret },
	{ "query-memory-size-summary", NULL, 0, 0, "bytes of RAM", query_memory_size_summary,
	  &memory_ret },
	{ "query-mice", NULL, 0, 0, "pointing devices: none", none, &none_ret },
	{ "query-migrate", NULL, 0, 0, "the migration under way: none", query_migrate },
	{ "query-migrate-capabilities", NULL, 0, 0, "ways to migrate: none", none, &none_ret },
	{ "query-named-block-nodes", NULL, 0, 0, "disks: none", none, &none_ret },
	{ "query-pr-managers", NULL, 0, 0, "managers of reservations: none", none, &none_ret },
	{ "query-rx-filter", NULL, 0, 0, "network devices: none", none, &none_ret },
	{ "query-stats-schemas", NULL, 0, 0, "kinds of statistics: none", none, &none_ret },
	{ "query-tpm", NULL, 0, 0, "TPMs: none", none, &none_ret },
	{ "query-tpm-models", NULL, 0, 0, "models of TPMs: none", none, &none_ret },
	{ "query-tpm-types", NULL, 0, 0, "types of TPMs: none", none, &none_ret },
	{ "query-vnc", NULL, 0, 0, "whether there is a display: no", query_vnc, &vnc_ret },
	{ "query-vnc-servers", NULL, 0, 0, "servers of displays: none", none, &none_ret },
	{ NULL },
};

void qmp_add_machine_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
