/* SPDX-License-Identifier: Apache-2.0 */
/* Objects that users create and delete: -object, object-add, object-del. */
#include "qom/object.h"

#include "base/error.h"
#include "qom.h"

static const CxbType *find_user_type(CxbQom *qom, CxbOpts *opts, GError **errp)
{
	const CxbType *type;
	const char *name;

	if (!cxb_opts_get_str(opts, "qom-type", &name, errp))
		return NULL;
	if (!name) {
		cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'qom-type' is missing");
		return NULL;
	}
	type = cxb_qom_find_type(qom, name);
	if (!type || !(type->flags & CXB_TYPE_USER_OBJECT) || (type->flags & CXB_TYPE_ABSTRACT)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'qom-type' does not accept value '%s'",
			 name);
		return NULL;
	}
	return type;
}

/* Typed options come from JSON, where a used id shows as what it is: a name taken in the tree. */
static bool take_id(CxbObject *objects, CxbOpts *opts, const char **id, GError **errp)
{
	if (!cxb_opts_get_str(opts, "id", id, errp))
		return false;
	if (!*id)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'id' is missing");
	if (!cxb_id_check(*id, errp))
		return false;
	if (!opts->typed && cxb_object_child(objects, *id))
		return cxb_fail(errp, CXB_ERROR_INVALID, "Duplicate ID '%s' for object", *id);
	return true;
}

CxbObject *cxb_user_object_add(CxbQom *qom, CxbOpts *opts, GError **errp)
{
	CxbObject *objects = cxb_qom_container(qom, "/objects");
	g_autoptr(CxbObject) obj = NULL;
	const CxbType *type = find_user_type(qom, opts, errp);
	const char *id;

	if (!type || !take_id(objects, opts, &id, errp))
		return NULL;
	obj = cxb_object_new(qom, type);
	if (!cxb_object_set_opts(obj, opts, errp) || !cxb_object_add(objects, id, obj, errp))
		return NULL;
	if (!cxb_object_complete(obj, errp)) {
		cxb_object_unparent(obj);
		return NULL;
	}
	return obj; /* the tree keeps it */
}

static bool can_delete(CxbObject *obj, GError **errp)
{
	for (const TypeNode *t = cxb_type_node(obj->qom, obj->type); t; t = t->parent) {
		if (t->type->can_delete)
			return t->type->can_delete(obj, errp);
	}
	return true;
}

bool cxb_user_object_del(CxbQom *qom, const char *id, GError **errp)
{
	CxbObject *obj = cxb_object_child(cxb_qom_container(qom, "/objects"), id);

	if (!obj)
		return cxb_fail(errp, CXB_ERROR_INVALID, "object '%s' not found", id);
	if (!can_delete(obj, errp))
		return false;
	cxb_object_unparent(obj);
	return true;
}

GPtrArray *cxb_user_objects(CxbQom *qom, const char *type_name)
{
	const CxbObject *objects = cxb_qom_container(qom, "/objects");
	GPtrArray *found = g_ptr_array_new();

	for (guint i = 0; objects->children && i < objects->children->len; i++)
		if (cxb_object_is(objects->children->pdata[i], type_name))
			g_ptr_array_add(found, objects->children->pdata[i]);
	return found;
}
