/* SPDX-License-Identifier: Apache-2.0 */
/* What types there are, and their properties. */
#include "monitor.h"

#include <string.h>

#include "base/error.h"
#include "io/json.h"

#define ROOT_TYPE "object"

static CxbQom *tree(void *opaque)
{
	return cxb_machine_qom(((CxbQmp *)opaque)->machine);
}

static const char *parent_name(const CxbType *t)
{
	if (t->parent)
		return t->parent;
	return strcmp(t->name, ROOT_TYPE) == 0 ? NULL : ROOT_TYPE;
}

/* --- qom-list-types --- */

struct list_types_args {
	char *implements; /* NULL: any */
	bool abstract;
};

static const CxbArg list_types_rows[] = {
	{ "implements", CXB_ARG_STR, offsetof(struct list_types_args, implements), .optional = true,
	  .has_offset = -1 },
	{ "abstract", CXB_ARG_BOOL, offsetof(struct list_types_args, abstract), .optional = true,
	  .has_offset = -1 },
	{ NULL },
};

static json_object *qom_list_types(void *opaque, void *args, GError **errp)
{
	const struct list_types_args *a = args;
	CxbQom *qom = tree(opaque);
	g_autoptr(GPtrArray) types = cxb_qom_types(qom);
	json_object *list = json_object_new_array();

	for (guint i = 0; i < types->len; i++) {
		const CxbType *t = types->pdata[i];
		json_object *o;

		if (((t->flags & CXB_TYPE_ABSTRACT) && !a->abstract) ||
		    (a->implements && !cxb_type_is(qom, t, a->implements)))
			continue;
		o = json_object_new_object();
		cxb_json_put_str(o, "name", t->name);
		if (parent_name(t))
			cxb_json_put_str(o, "parent", parent_name(t));
		if (t->flags & CXB_TYPE_ABSTRACT)
			cxb_json_put_bool(o, "abstract", true);
		json_object_array_add(list, o);
	}
	return list;
}

/* --- device-list-properties, qom-list-properties --- */

struct typename_args {
	char *typename;
};

static const CxbArg typename_rows[] = {
	{ "typename", CXB_ARG_STR, offsetof(struct typename_args, typename), .has_offset = -1 },
	{ NULL },
};

static json_object *default_value(const CxbProp *prop)
{
	uint64_t u;
	int64_t i;
	bool b;

	switch (prop->kind) {
	case CXB_PROP_BOOL:
		return cxb_parse_bool(prop->def, &b) ? json_object_new_boolean(b) : NULL;
	case CXB_PROP_SIZE:
		return cxb_parse_size(prop->def, &u) ? json_object_new_uint64(u) : NULL;
	case CXB_PROP_U8:
	case CXB_PROP_U16:
	case CXB_PROP_U32:
	case CXB_PROP_U64:
		return cxb_parse_uint(prop->def, UINT64_MAX, &u) ? json_object_new_uint64(u) : NULL;
	case CXB_PROP_FN:
		if (g_ascii_string_to_signed(prop->def, 10, INT64_MIN, INT64_MAX, &i, NULL))
			return json_object_new_int64(i);
		return json_object_new_string(prop->def);
	default:
		return json_object_new_string(prop->def);
	}
}

static void add_prop(json_object *list, const CxbProp *prop)
{
	json_object *o = json_object_new_object(), *def;
	g_autofree char *type = qmp_prop_type(prop);

	cxb_json_put_str(o, "name", prop->name);
	cxb_json_put_str(o, "type", type);
	if (prop->desc)
		cxb_json_put_str(o, "description", prop->desc);
	def = prop->def ? default_value(prop) : NULL;
	if (def)
		put(o, "default-value", def);
	json_object_array_add(list, o);
}

/* Own properties first, then inherited ones up to @end, which is left out (NULL: all); a derived
 * row hides an inherited one. */
static json_object *list_props(const CxbQom *qom, const CxbType *t, const char *end)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	json_object *list = json_object_new_array();

	while (t && !(end && strcmp(t->name, end) == 0)) {
		const char *parent = parent_name(t);

		for (const CxbProp *prop = t->props; prop && prop->name; prop++)
			if (g_hash_table_add(seen, (gpointer)prop->name))
				add_prop(list, prop);
		t = parent ? cxb_qom_find_type(qom, parent) : NULL;
	}
	return list;
}

static json_object *device_list_properties(void *opaque, void *args, GError **errp)
{
	const char *name = ((const struct typename_args *)args)->typename;
	CxbQom *qom = tree(opaque);
	const CxbType *t = cxb_qom_find_type(qom, name);

	if (!t) {
		cxb_fail(errp, CXB_ERROR_NOT_FOUND, "Device '%s' not found", name);
		return NULL;
	}
	if (!cxb_type_is(qom, t, CXB_TYPE_NAME_DEVICE) || (t->flags & CXB_TYPE_ABSTRACT)) {
		cxb_fail(errp, CXB_ERROR_INVALID,
			 "Parameter 'typename' expects a non-abstract device type");
		return NULL;
	}
	return list_props(qom, t, CXB_TYPE_NAME_DEVICE);
}

static json_object *qom_list_properties(void *opaque, void *args, GError **errp)
{
	const char *name = ((const struct typename_args *)args)->typename;
	CxbQom *qom = tree(opaque);
	const CxbType *t = cxb_qom_find_type(qom, name);

	if (!t) {
		cxb_fail(errp, CXB_ERROR_NOT_FOUND, "Class '%s' not found", name);
		return NULL;
	}
	return list_props(qom, t, NULL);
}

static const CxbRet type_info[] = {
	{ "name", CXB_RET_STR },
	{ "parent", CXB_RET_STR, .optional = true },
	{ "abstract", CXB_RET_BOOL, .optional = true },
	{ NULL },
};
static const CxbRet types_ret = {
	NULL, CXB_RET_OBJECT, "ObjectTypeInfo", .list = true, .members = type_info,
};
static const CxbRet prop_info[] = {
	{ "name", CXB_RET_STR },
	{ "type", CXB_RET_STR },
	{ "description", CXB_RET_STR, .optional = true },
	{ "default-value", CXB_RET_ANY, .optional = true },
	{ NULL },
};
static const CxbRet props_ret = {
	NULL, CXB_RET_OBJECT, "TypePropertyInfo", .list = true, .members = prop_info,
};

static const CxbQmpCmd rows[] = {
	{ "device-list-properties", typename_rows, sizeof(struct typename_args), 0,
	  "properties of a type of device", device_list_properties, &props_ret },
	{ "qom-list-properties", typename_rows, sizeof(struct typename_args), 0,
	  "properties of a type", qom_list_properties, &props_ret },
	{ "qom-list-types", list_types_rows, sizeof(struct list_types_args), 0, "types of objects",
	  qom_list_types, &types_ret },
	{ NULL },
};

void qmp_add_type_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
