/* SPDX-License-Identifier: Apache-2.0 */
/* Objects and their properties, memory backends. */
#include "monitor.h"

#include <string.h>

#include "base/error.h"
#include "io/json.h"
#include "memory/hostmem.h"
#include "qom/object.h"

static CxbQom *tree(void *opaque)
{
	return cxb_machine_qom(((CxbQmp *)opaque)->machine);
}

/* --- object-add, object-del --- */

struct object_add_args {
	char *type, *id;
	json_object *props;
};

static const CxbArg object_add_rows[] = {
	{ "qom-type", CXB_ARG_STR, offsetof(struct object_add_args, type), .has_offset = -1 },
	{ "id", CXB_ARG_STR, offsetof(struct object_add_args, id), .has_offset = -1 },
	{ "props", CXB_ARG_REST, offsetof(struct object_add_args, props), .has_offset = -1 },
	{ NULL },
};

static json_object *object_add(void *opaque, void *args, GError **errp)
{
	const struct object_add_args *a = args;
	g_autoptr(CxbOpts) opts = cxb_json_opts(a->props, errp);

	if (!opts)
		return NULL;
	qmp_add_str(opts, "qom-type", a->type);
	qmp_add_str(opts, "id", a->id);
	return cxb_user_object_add(tree(opaque), opts, errp) ? cxb_qmp_empty() : NULL;
}

struct object_del_args {
	char *id;
};

static const CxbArg object_del_rows[] = {
	{ "id", CXB_ARG_STR, offsetof(struct object_del_args, id), .has_offset = -1 },
	{ NULL },
};

static json_object *object_del(void *opaque, void *args, GError **errp)
{
	const struct object_del_args *a = args;

	return cxb_user_object_del(tree(opaque), a->id, errp) ? cxb_qmp_empty() : NULL;
}

/* --- qom-list, qom-get, qom-set --- */

struct qom_args {
	char *path, *property;
	json_object *value;
};

#define QOM_PATH                                                                       \
	{                                                                              \
		"path", CXB_ARG_STR, offsetof(struct qom_args, path), .has_offset = -1 \
	}
#define QOM_PROPERTY                                                                           \
	{                                                                                      \
		"property", CXB_ARG_STR, offsetof(struct qom_args, property), .has_offset = -1 \
	}

static const CxbArg qom_list_rows[] = { QOM_PATH, { NULL } };
static const CxbArg qom_get_rows[] = { QOM_PATH, QOM_PROPERTY, { NULL } };
static const CxbArg qom_set_rows[] = {
	QOM_PATH,
	QOM_PROPERTY,
	{ "value", CXB_ARG_ANY, offsetof(struct qom_args, value), .has_offset = -1 },
	{ NULL },
};

char *qmp_prop_type(const CxbProp *prop)
{
	static const char *const names[] = {
		[CXB_PROP_BOOL] = "bool",  [CXB_PROP_U8] = "uint8",    [CXB_PROP_U16] = "uint16",
		[CXB_PROP_U32] = "uint32", [CXB_PROP_U64] = "uint64",  [CXB_PROP_SIZE] = "size",
		[CXB_PROP_STR] = "string", [CXB_PROP_ENUM] = "string", [CXB_PROP_LINK] = NULL,
		[CXB_PROP_FN] = "struct",
	};

	if (prop->kind == CXB_PROP_LINK)
		return g_strdup_printf("link<%s>", prop->link_type ? prop->link_type : "object");
	return g_strdup(prop->type_name ? prop->type_name : names[prop->kind]);
}

static void list_add(json_object *list, const char *name, char *type /* taken */)
{
	json_object *o = json_object_new_object();

	cxb_json_put_str(o, "name", name);
	cxb_json_put_str(o, "type", type);
	json_object_array_add(list, o);
	g_free(type);
}

static json_object *list_of(const CxbObject *obj)
{
	json_object *list = json_object_new_array();

	for (const CxbType *t = obj->type; t;
	     t = cxb_qom_find_type(obj->qom, t->parent ?: "object")) {
		for (const CxbProp *prop = t->props; prop && prop->name; prop++)
			if (cxb_object_find_prop(obj, prop->name) == prop)
				list_add(list, prop->name, qmp_prop_type(prop));
		if (strcmp(t->name, "object") == 0)
			break;
	}
	for (guint i = 0; obj->children && i < obj->children->len; i++) {
		const CxbObject *child = obj->children->pdata[i];

		list_add(list, child->name, g_strdup_printf("child<%s>", child->type->name));
	}
	return list;
}

static json_object *value_of(CxbObject *obj, const char *property, GError **errp)
{
	CxbObject *child = cxb_object_child(obj, property);
	g_auto(CxbScalar) v = { 0 };

	if (child && !cxb_object_find_prop(obj, property)) {
		v = (CxbScalar){ .kind = CXB_SCALAR_STR, .s = cxb_object_path(child) };
		return cxb_json_from_scalar(&v);
	}
	if (!cxb_object_get(obj, property, &v, errp))
		return NULL;
	if (v.kind == CXB_SCALAR_NULL) { /* NULL says that it failed */
		cxb_fail(errp, CXB_ERROR_INVALID, "Property '%s.%s' has no value", obj->type->name,
			 property);
		return NULL;
	}
	return cxb_json_from_scalar(&v);
}

static json_object *qom_list(void *opaque, void *args, GError **errp)
{
	const struct qom_args *a = args;
	const CxbObject *obj = cxb_qom_resolve(tree(opaque), a->path, NULL, errp);

	return obj ? list_of(obj) : NULL;
}

static json_object *qom_get(void *opaque, void *args, GError **errp)
{
	const struct qom_args *a = args;
	CxbObject *obj = cxb_qom_resolve(tree(opaque), a->path, NULL, errp);

	return obj ? value_of(obj, a->property, errp) : NULL;
}

/* --- qom-list-get --- */

struct list_get_args {
	GArray *paths; /* char * */
};

static const CxbArg path_row[] = { { "", CXB_ARG_STR, 0, .has_offset = -1 }, { NULL } };
static const CxbArg list_get_rows[] = {
	{ "paths", CXB_ARG_LIST, offsetof(struct list_get_args, paths), .has_offset = -1,
	  .elem = path_row, .elem_size = sizeof(char *) },
	{ NULL },
};

/* Everything of an object, with values where there are any. */
static json_object *all_of(CxbObject *obj)
{
	json_object *o = json_object_new_object(), *list = list_of(obj);

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *prop = json_object_array_get_idx(list, i), *name = NULL, *value;

		json_object_object_get_ex(prop, "name", &name);
		value = value_of(obj, json_object_get_string(name), NULL);
		if (value)
			put(prop, "value", value);
	}
	put(o, "properties", list);
	return o;
}

static json_object *qom_list_get(void *opaque, void *args, GError **errp)
{
	const struct list_get_args *a = args;
	json_object *list = json_object_new_array();

	for (guint i = 0; i < a->paths->len; i++) {
		const char *path = g_array_index(a->paths, char *, i);
		CxbObject *obj = cxb_qom_resolve(tree(opaque), path, NULL, errp);

		if (!obj) {
			json_object_put(list);
			return NULL;
		}
		json_object_array_add(list, all_of(obj));
	}
	return list;
}

static json_object *qom_set(void *opaque, void *args, GError **errp)
{
	const struct qom_args *a = args;
	CxbObject *obj = cxb_qom_resolve(tree(opaque), a->path, NULL, errp);
	g_auto(CxbScalar) v = { 0 };

	if (!obj)
		return NULL;
	if (!cxb_json_to_scalar(a->value, &v)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "Property '%s.%s' takes no list or object",
			 obj->type->name, a->property);
		return NULL;
	}
	return cxb_object_set(obj, a->property, &v, errp) ? cxb_qmp_empty() : NULL;
}

/* --- query-memdev --- */

static void put_prop(json_object *o, CxbObject *obj, const char *key)
{
	g_auto(CxbScalar) v = { 0 };

	if (cxb_object_get(obj, key, &v, NULL))
		put(o, key, cxb_json_from_scalar(&v));
}

static const char *const sanitizing[] = {
	[CXB_HOSTMEM_CLEAN] = "none", /* and then it is not said */
	[CXB_HOSTMEM_CLEANING] = "running",
	[CXB_HOSTMEM_UNCLEAN] = "failed",
	NULL,
};

static void add_unclean(void *list, uint64_t off, uint64_t len, const GError *err)
{
	json_object *o = json_object_new_object();

	cxb_json_put_u64(o, "offset", off);
	cxb_json_put_u64(o, "len", len);
	if (err)
		cxb_json_put_str(o, "error", err->message);
	json_object_array_add(list, o);
}

static json_object *unclean(const CxbHostMem *mem)
{
	json_object *list = json_object_new_array();

	cxb_hostmem_foreach_unclean(mem, add_unclean, list);
	return list;
}

static void add_memdev(CxbHostMem *mem, void *opaque)
{
	json_object *o = json_object_new_object();
	g_autofree char *path = cxb_hostmem_path(mem);

	cxb_json_put_str(o, "id", cxb_hostmem_id(mem));
	cxb_json_put_u64(o, "size", cxb_hostmem_size(mem));
	put_prop(o, cxb_hostmem_object(mem), "merge");
	put_prop(o, cxb_hostmem_object(mem), "dump");
	cxb_json_put_bool(o, "prealloc", cxb_hostmem_prealloc(mem));
	cxb_json_put_bool(o, "share", cxb_hostmem_share(mem));
	put_prop(o, cxb_hostmem_object(mem), "reserve");
	put(o, "host-nodes", json_object_new_array());
	cxb_json_put_str(o, "policy", "default");
	/* Ours */
	cxb_json_put_str(o, "path", path);
	if (!cxb_uuid_is_null(cxb_hostmem_tag(mem)))
		cxb_json_put_uuid(o, "tag", cxb_hostmem_tag(mem));
	cxb_json_put_bool(o, "mapped", cxb_hostmem_mapped(mem));
	if (cxb_hostmem_holder(mem))
		cxb_json_put_str(o, "holder", cxb_hostmem_holder(mem));
	if (cxb_hostmem_state(mem) != CXB_HOSTMEM_CLEAN) {
		cxb_json_put_str(o, "sanitizing", sanitizing[cxb_hostmem_state(mem)]);
		put(o, "unclean", unclean(mem));
	}
	json_object_array_add(opaque, o);
}

static json_object *query_memdev(void *opaque, void *args, GError **errp)
{
	json_object *list = json_object_new_array();

	cxb_hostmem_foreach(cxb_machine_hostmem(((CxbQmp *)opaque)->machine), add_memdev, list);
	return list;
}

static const CxbRet property_info[] = {
	{ "name", CXB_RET_STR },
	{ "type", CXB_RET_STR },
	{ NULL },
};
static const CxbRet list_ret = {
	NULL, CXB_RET_OBJECT, "ObjectPropertyInfo", .list = true, .members = property_info,
};
static const CxbRet property_value[] = {
	{ "name", CXB_RET_STR },
	{ "type", CXB_RET_STR },
	{ "value", CXB_RET_ANY, .optional = true },
	{ NULL },
};
static const CxbRet object_info[] = {
	{ "properties", CXB_RET_OBJECT, "ObjectPropertyValue", .list = true,
	  .members = property_value },
	{ NULL },
};
static const CxbRet objects_ret = {
	NULL, CXB_RET_OBJECT, "ObjectPropertiesValues", .list = true, .members = object_info,
};
static const CxbRet any_ret = { NULL, CXB_RET_ANY };

static const CxbRet unclean_info[] = {
	{ "offset", CXB_RET_INT },
	{ "len", CXB_RET_INT },
	{ "error", CXB_RET_STR, .optional = true },
	{ NULL },
};
static const char *const policies[] = { "default", NULL };
static const CxbRet memdev[] = {
	{ "id", CXB_RET_STR },
	{ "size", CXB_RET_INT },
	{ "merge", CXB_RET_BOOL },
	{ "dump", CXB_RET_BOOL },
	{ "prealloc", CXB_RET_BOOL },
	{ "share", CXB_RET_BOOL },
	{ "reserve", CXB_RET_BOOL, .optional = true },
	{ "host-nodes", CXB_RET_INT, .list = true },
	{ "policy", CXB_RET_ENUM, "HostMemPolicy", .names = policies },
	{ "path", CXB_RET_STR },
	{ "tag", CXB_RET_STR, .optional = true },
	{ "mapped", CXB_RET_BOOL },
	{ "holder", CXB_RET_STR, .optional = true },
	{ "sanitizing", CXB_RET_ENUM, "MemdevSanitizing", .optional = true, .names = sanitizing },
	{ "unclean", CXB_RET_OBJECT, "MemdevUnclean", .list = true, .optional = true,
	  .members = unclean_info },
	{ NULL },
};
static const CxbRet memdev_ret = {
	NULL, CXB_RET_OBJECT, "Memdev", .list = true, .members = memdev,
};

static const CxbQmpCmd rows[] = {
	{ "object-add", object_add_rows, sizeof(struct object_add_args), 0,
	  "create an object, as -object does", object_add },
	{ "object-del", object_del_rows, sizeof(struct object_del_args), 0,
	  "delete an object that nothing uses", object_del },
	{ "qom-get", qom_get_rows, sizeof(struct qom_args), 0, "value of a property", qom_get,
	  &any_ret },
	{ "qom-list", qom_list_rows, sizeof(struct qom_args), 0,
	  "properties and children of an object", qom_list, &list_ret },
	{ "qom-list-get", list_get_rows, sizeof(struct list_get_args), 0,
	  "properties of objects, with their values", qom_list_get, &objects_ret },
	{ "qom-set", qom_set_rows, sizeof(struct qom_args), 0, "set a property", qom_set },
	{ "query-memdev", NULL, 0, 0, "memory backends", query_memdev, &memdev_ret },
	{ NULL },
};

void qmp_add_qom_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
