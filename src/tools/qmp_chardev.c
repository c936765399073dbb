/* SPDX-License-Identifier: Apache-2.0 */
#include "qmp_chardev.h"
#include "io/json_put.h"

static void add_chardev(void *opaque, const char *label, const CxbChardev *chr)
{
	json_object *o = json_object_new_object();
	g_autofree char *name = g_strdup_printf(
		"%s%s", cxb_chardev_has_peer(chr) ? "" : "disconnected:", cxb_chardev_where(chr));

	cxb_json_put_str(o, "label", label);
	cxb_json_put_str(o, "filename", name);
	json_object_object_add(o, "frontend-open",
			       json_object_new_boolean(cxb_chardev_has_front(chr)));
	json_object_array_add(opaque, o);
}

static json_object *query_chardev(void *opaque, void *args, GError **errp)
{
	json_object *list = json_object_new_array();

	cxb_doors_foreach(opaque, add_chardev, list);
	return list;
}

static json_object *query_chardev_backends(void *opaque, void *args, GError **errp)
{
	json_object *list = json_object_new_array();

	for (unsigned i = 0; cxb_chardev_backend(i); i++) {
		json_object *o = json_object_new_object();

		cxb_json_put_str(o, "name", cxb_chardev_backend(i));
		json_object_array_add(list, o);
	}
	return list;
}

static const CxbRet chardev_info[] = {
	{ "label", CXB_RET_STR },
	{ "filename", CXB_RET_STR },
	{ "frontend-open", CXB_RET_BOOL },
	{ NULL },
};
static const CxbRet chardev_ret = {
	NULL, CXB_RET_OBJECT, "ChardevInfo", .list = true, .members = chardev_info,
};
static const CxbRet backend_info[] = { { "name", CXB_RET_STR }, { NULL } };
static const CxbRet backend_ret = {
	NULL, CXB_RET_OBJECT, "ChardevBackendInfo", .list = true, .members = backend_info,
};

static const CxbQmpCmd rows[] = {
	{ "query-chardev", NULL, 0, 0, "character devices", query_chardev, &chardev_ret },
	{ "query-chardev-backends", NULL, 0, 0, "kinds of character devices",
	  query_chardev_backends, &backend_ret },
	{ NULL },
};

void cxb_qmp_chardev_add(CxbQmp *qmp, Doors *d)
{
	cxb_qmp_add(qmp, rows, d);
}
