/* SPDX-License-Identifier: Apache-2.0 */
/* Commands about the program: what it is, what it is called, what it can. */
#include "monitor.h"

#include <string.h>

#include "base/error.h"

json_object *qmp_version(void)
{
	json_object *version = json_object_new_object(), *qemu = json_object_new_object();

	cxb_json_put_u64(qemu, "major", QMP_MAJOR);
	cxb_json_put_u64(qemu, "minor", QMP_MINOR);
	cxb_json_put_u64(qemu, "micro", QMP_MICRO);
	put(version, "qemu", qemu);
	cxb_json_put_str(version, "package", QMP_PACKAGE);
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

static json_object *query_name(void *opaque, void *args, GError **errp)
{
	const CxbQmp *qmp = opaque;
	json_object *o = json_object_new_object();

	if (qmp->name)
		cxb_json_put_str(o, "name", qmp->name);
	return o;
}

static json_object *query_uuid(void *opaque, void *args, GError **errp)
{
	const CxbQmp *qmp = opaque;
	json_object *o = json_object_new_object();

	cxb_json_put_uuid(o, "UUID", &qmp->uuid);
	return o;
}

static json_object *query_target(void *opaque, void *args, GError **errp)
{
	json_object *o = json_object_new_object();

	cxb_json_put_str(o, "arch", "x86_64");
	return o;
}

static json_object *query_kvm(void *opaque, void *args, GError **errp)
{
	json_object *o = json_object_new_object();

	cxb_json_put_bool(o, "enabled", false);
	cxb_json_put_bool(o, "present", false);
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

		cxb_json_put_str(o, "name", l->data);
		json_object_array_add(list, o);
	}
	return list;
}

static const CxbRet version_triple[] = {
	{ "major", CXB_RET_INT },
	{ "minor", CXB_RET_INT },
	{ "micro", CXB_RET_INT },
	{ NULL },
};
static const CxbRet version_info[] = {
	{ "qemu", CXB_RET_OBJECT, "VersionTriple", .members = version_triple },
	{ "package", CXB_RET_STR },
	{ NULL },
};
static const CxbRet version_ret = { NULL, CXB_RET_OBJECT, "VersionInfo", .members = version_info };

static const CxbRet name_info[] = { { "name", CXB_RET_STR, .optional = true }, { NULL } };
static const CxbRet name_ret = { NULL, CXB_RET_OBJECT, "NameInfo", .members = name_info };
static const CxbRet uuid_info[] = { { "UUID", CXB_RET_STR }, { NULL } };
static const CxbRet uuid_ret = { NULL, CXB_RET_OBJECT, "UuidInfo", .members = uuid_info };

static const char *const targets[] = { "x86_64", NULL };
static const CxbRet target_info[] = {
	{ "arch", CXB_RET_ENUM, "SysEmuTarget", .names = targets },
	{ NULL },
};
static const CxbRet target_ret = { NULL, CXB_RET_OBJECT, "TargetInfo", .members = target_info };

static const CxbRet kvm_info[] = {
	{ "enabled", CXB_RET_BOOL },
	{ "present", CXB_RET_BOOL },
	{ NULL },
};
static const CxbRet kvm_ret = { NULL, CXB_RET_OBJECT, "KvmInfo", .members = kvm_info };

static const CxbRet command_info[] = { { "name", CXB_RET_STR }, { NULL } };
static const CxbRet commands_ret = {
	NULL, CXB_RET_OBJECT, "CommandInfo", .list = true, .members = command_info,
};

static const CxbQmpCmd rows[] = {
	{ QMP_CAPABILITIES, qmp_capabilities_args, sizeof(struct capabilities_args), 0,
	  "negotiate, and so enter command mode", capabilities },
	{ "query-commands", NULL, 0, 0, "names of all commands", query_commands, &commands_ret },
	{ "query-kvm", NULL, 0, 0, "whether KVM is there: never", query_kvm, &kvm_ret },
	{ "query-name", NULL, 0, 0, "the name given with -name", query_name, &name_ret },
	{ "query-target", NULL, 0, 0, "architecture of the machine", query_target, &target_ret },
	{ "query-uuid", NULL, 0, 0, "UUID of the machine, all zeros if none was given", query_uuid,
	  &uuid_ret },
	{ "query-version", NULL, 0, 0, "the QEMU whose interfaces these are, and our version",
	  query_version, &version_ret },
	{ NULL },
};

void qmp_add_core_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
