/* SPDX-License-Identifier: Apache-2.0 */
#include "qmp_options.h"

#include <string.h>

#include "base/error.h"
#include "cmdline.h"
#include "io/json_put.h"

/* --- query-accelerators --- */

/* Of machine x-remote, which has no host, there may be none. */
static json_object *query_accelerators(void *opaque, void *args, GError **errp)
{
	const QmpOptions *qo = opaque;
	const AccelConfig *accel = qo->accel;
	json_object *o = json_object_new_object(), *present = json_object_new_array();

	json_object_array_add(present, json_object_new_string("host"));
	json_object_array_add(present, json_object_new_string("qtest"));
	cxb_json_put_str(o, "enabled", accel->host ? "host" : accel->qtest ? "qtest" : "none");
	json_object_object_add(o, "present", present);
	return o;
}

/* --- query-command-line-options --- */

struct options_args {
	char *option; /* NULL: all */
};

static const CxbArg options_rows[] = {
	{ "option", CXB_ARG_STR, offsetof(struct options_args, option), .optional = true,
	  .has_offset = -1 },
	{ NULL },
};

static void add_param(json_object *list, const char *name, const char *type, const char *help)
{
	json_object *o = json_object_new_object();

	cxb_json_put_str(o, "name", name);
	cxb_json_put_str(o, "type", type);
	if (help)
		cxb_json_put_str(o, "help", help);
	json_object_array_add(list, o);
}

static const char *prop_type(const CxbProp *prop)
{
	switch (prop->kind) {
	case CXB_PROP_BOOL:
		return "boolean";
	case CXB_PROP_U8:
	case CXB_PROP_U16:
	case CXB_PROP_U32:
	case CXB_PROP_U64:
		return "number";
	case CXB_PROP_SIZE:
		return "size";
	default:
		return "string";
	}
}

/* -machine takes its type, and what the type has. */
static void add_machine_params(const CxbQom *qom, json_object *list)
{
	const CxbType *t = cxb_qom_find_type(qom, CXB_MACHINE_TYPE_NAME);

	add_param(list, "type", "string", NULL);
	for (; t; t = t->parent ? cxb_qom_find_type(qom, t->parent) : NULL)
		for (const CxbProp *prop = t->props; prop && prop->name; prop++)
			add_param(list, prop->name, prop_type(prop), prop->desc);
}

static json_object *group_info(const QmpOptions *qo, const OptGroup *group)
{
	json_object *o = json_object_new_object(), *params = json_object_new_array();

	if (strcmp(group->name, "machine") == 0)
		add_machine_params(qo->qom, params);
	for (const OptParam *p = group->params; p && p->name; p++)
		add_param(params, p->name, p->type, NULL);
	cxb_json_put_str(o, "option", group->name);
	json_object_object_add(o, "parameters", params);
	return o;
}

/* Options that are refused whatever stands behind them are not told of. */
static json_object *query_options(void *opaque, void *args, GError **errp)
{
	const struct options_args *a = args;
	json_object *list = json_object_new_array();

	for (const OptGroup *group = cxb_option_groups(); group->name; group++)
		if ((!a->option || strcmp(a->option, group->name) == 0) &&
		    cxb_cmdline_find(group->option)->kind != OPT_REFUSED)
			json_object_array_add(list, group_info(opaque, group));
	if (a->option && json_object_array_length(list) == 0) {
		json_object_put(list);
		cxb_fail(errp, CXB_ERROR_INVALID, "invalid option name: %s", a->option);
		return NULL;
	}
	return list;
}

static const char *const accelerators[] = { "host", "none", "qtest", NULL };
static const CxbRet accelerator_info[] = {
	{ "enabled", CXB_RET_ENUM, "Accelerator", .names = accelerators },
	{ "present", CXB_RET_ENUM, "Accelerator", .list = true, .names = accelerators },
	{ NULL },
};
static const CxbRet accelerators_ret = {
	NULL,
	CXB_RET_OBJECT,
	"AcceleratorInfo",
	.members = accelerator_info,
};

static const char *const param_types[] = { "string", "boolean", "number", "size", NULL };
static const CxbRet param_info[] = {
	{ "name", CXB_RET_STR },
	{ "type", CXB_RET_ENUM, "CommandLineParameterType", .names = param_types },
	{ "help", CXB_RET_STR, .optional = true },
	{ NULL },
};
static const CxbRet option_info[] = {
	{ "option", CXB_RET_STR },
	{ "parameters", CXB_RET_OBJECT, "CommandLineParameterInfo", .list = true,
	  .members = param_info },
	{ NULL },
};
static const CxbRet options_ret = {
	NULL, CXB_RET_OBJECT, "CommandLineOptionInfo", .list = true, .members = option_info,
};

static const CxbQmpCmd rows[] = {
	{ "query-accelerators", NULL, 0, 0, "who can play the host, and who does",
	  query_accelerators, &accelerators_ret },
	{ "query-command-line-options", options_rows, sizeof(struct options_args), 0,
	  "groups of options, and their keys", query_options, &options_ret },
	{ NULL },
};

void cxb_qmp_options_add(CxbQmp *qmp, const QmpOptions *qo)
{
	cxb_qmp_add(qmp, rows, (void *)qo);
}
