/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about the program and the machine as a whole. */
#include "monitor.h"

#include <string.h>

#include "base/error.h"

json_object *qmp_version(void)
{
	json_object *version = json_object_new_object(), *qemu = json_object_new_object();

	put_u64(qemu, "major", QMP_MAJOR);
	put_u64(qemu, "minor", QMP_MINOR);
	put_u64(qemu, "micro", QMP_MICRO);
	put(version, "qemu", qemu);
	put_str(version, "package", QMP_PACKAGE);
	return version;
}

/* Before negotiation the session handles it itself. */
static json_object *capabilities(void *opaque, void *args, GError **errp)
{
	cxb_fail(errp, CXB_ERROR_COMMAND_NOT_FOUND,
		 "Capabilities negotiation is already complete, command ignored");
	return NULL;
}

static json_object *query_version(void *opaque, void *args, GError **errp)
{
	return qmp_version();
}

static json_object *query_status(void *opaque, void *args, GError **errp)
{
	json_object *o = json_object_new_object();

	put_str(o, "status", "running");
	put_bool(o, "running", true);
	return o;
}

static json_object *query_name(void *opaque, void *args, GError **errp)
{
	const CxbQmp *qmp = opaque;
	json_object *o = json_object_new_object();

	if (qmp->name)
		put_str(o, "name", qmp->name);
	return o;
}

static json_object *query_uuid(void *opaque, void *args, GError **errp)
{
	static const CxbUuid none;
	json_object *o = json_object_new_object();

	put_uuid(o, "UUID", &none);
	return o;
}

static json_object *query_target(void *opaque, void *args, GError **errp)
{
	json_object *o = json_object_new_object();

	put_str(o, "arch", "x86_64");
	return o;
}

static json_object *query_kvm(void *opaque, void *args, GError **errp)
{
	json_object *o = json_object_new_object();

	put_bool(o, "enabled", false);
	put_bool(o, "present", false);
	return o;
}

static json_object *query_commands(void *opaque, void *args, GError **errp)
{
	const CxbQmp *qmp = opaque;
	g_autoptr(GList) names = g_hash_table_get_keys(qmp->commands);
	json_object *list = json_object_new_array();

	names = g_list_sort(names, (GCompareFunc)strcmp);
	for (const GList *l = names; l; l = l->next) {
		json_object *o = json_object_new_object();

		put_str(o, "name", l->data);
		json_object_array_add(list, o);
	}
	return list;
}

static json_object *system_reset(void *opaque, void *args, GError **errp)
{
	cxb_machine_reset(((CxbQmp *)opaque)->machine, CXB_RESET_QMP);
	return cxb_qmp_empty();
}

static json_object *quit(void *opaque, void *args, GError **errp)
{
	cxb_machine_shutdown(((CxbQmp *)opaque)->machine, CXB_SHUTDOWN_QMP);
	return cxb_qmp_empty();
}

static const CxbQmpCmd rows[] = {
	{ QMP_CAPABILITIES, qmp_capabilities_args, sizeof(struct capabilities_args), 0,
	  "negotiate, and so enter command mode", capabilities },
	{ "query-commands", NULL, 0, 0, "names of all commands", query_commands },
	{ "query-kvm", NULL, 0, 0, "whether KVM is there: never", query_kvm },
	{ "query-name", NULL, 0, 0, "the name given with -name", query_name },
	{ "query-status", NULL, 0, 0, "whether the machine runs: always", query_status },
	{ "query-target", NULL, 0, 0, "architecture of the machine", query_target },
	{ "query-uuid", NULL, 0, 0, "UUID of the machine: none", query_uuid },
	{ "query-version", NULL, 0, 0, "the QEMU whose interfaces these are, and our version",
	  query_version },
	{ "quit", NULL, 0, 0, "end the program", quit },
	{ "system_reset", NULL, 0, 0, "reset the machine", system_reset },
	{ NULL },
};

void qmp_add_core_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
