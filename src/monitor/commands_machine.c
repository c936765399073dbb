/* SPDX-License-Identifier: Apache-2.0 */
/* What clients made for QEMU ask of any machine when they connect. */
#include "monitor.h"

static json_object *query_memory_size_summary(void *opaque, void *args, GError **errp)
{
	json_object *o = json_object_new_object();

	put_u64(o, "base-memory", cxb_machine_ram_size(((CxbQmp *)opaque)->machine));
	put_u64(o, "plugged-memory", 0);
	return o;
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
static const CxbRet none_ret = { NULL, CXB_RET_ANY, .list = true };

static const CxbQmpCmd rows[] = {
	{ "query-block", NULL, 0, 0, "disks: none", none, &none_ret },
	{ "query-block-jobs", NULL, 0, 0, "jobs of disks: none", none, &none_ret },
	{ "query-cpus-fast", NULL, 0, 0, "CPUs: none", none, &none_ret },
	{ "query-hotpluggable-cpus", NULL, 0, 0, "CPUs that could be plugged: none", none,
	  &none_ret },
	{ "query-iothreads", NULL, 0, 0, "threads: none", none, &none_ret },
	{ "query-jobs", NULL, 0, 0, "jobs: none", none, &none_ret },
	{ "query-memory-devices", NULL, 0, 0, "memory devices other than CXL's: none", none,
	  &none_ret },
	{ "query-memory-size-summary", NULL, 0, 0, "bytes of RAM", query_memory_size_summary,
	  &memory_ret },
	{ "query-named-block-nodes", NULL, 0, 0, "disks: none", none, &none_ret },
	{ NULL },
};

void qmp_add_machine_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
