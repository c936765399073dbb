/* SPDX-License-Identifier: Apache-2.0 */
#include "qom/object.h"

#include <string.h>

#include "base/error.h"
#include "qom/device.h"
#include "qom.h"

static bool type_get(CxbObject *obj, const CxbProp *prop, CxbScalar *out, GError **errp)
{
	*out = (CxbScalar){ .kind = CXB_SCALAR_STR, .s = g_strdup(obj->type->name) };
	return true;
}

static const CxbProp object_props[] = {
	{ .name = "type",
	  .kind = CXB_PROP_FN,
	  .flags = CXB_PROP_RDONLY | CXB_PROP_HIDDEN,
	  .type_name = "string",
	  .desc = "name of the object's type",
	  .get = type_get },
	{ 0 },
};

const CxbType cxb_type_object = {
	.name = "object",
	.size = sizeof(CxbObject),
	.flags = CXB_TYPE_ABSTRACT,
	.props = object_props,
};

const CxbType cxb_type_container = { .name = "container" };

const TypeNode *cxb_type_node(const CxbQom *qom, const CxbType *type)
{
	const TypeNode *node = g_hash_table_lookup(qom->types, type->name);

	g_assert(node && node->type == type);
	return node;
}

bool cxb_type_node_is(const TypeNode *node, const char *ancestor)
{
	for (; node; node = node->parent) {
		if (strcmp(node->type->name, ancestor) == 0)
			return true;
	}
	return false;
}

void cxb_qom_register(CxbQom *qom, const CxbType *type)
{
	const TypeNode *known = g_hash_table_lookup(qom->types, type->name);
	const TypeNode *parent = NULL;
	TypeNode *node;

	if (known) {
		g_assert(known->type == type);
		return;
	}
	if (type != &cxb_type_object) {
		parent = g_hash_table_lookup(qom->types, type->parent ? type->parent : "object");
		g_assert(parent);
		g_assert(type->size == 0 || type->size >= parent->size);
	}
	node = g_new0(TypeNode, 1);
	node->type = type;
	node->parent = parent;
	node->size = type->size ? type->size : parent->size;
	node->klass = type->klass ? type->klass : parent ? parent->klass : NULL;
	g_hash_table_insert(qom->types, (gpointer)type->name, node);
	g_ptr_array_add(qom->type_list, (gpointer)type);
}

const CxbType *cxb_qom_find_type(const CxbQom *qom, const char *name)
{
	const TypeNode *node = g_hash_table_lookup(qom->types, name);

	return node ? node->type : NULL;
}

bool cxb_type_is(const CxbQom *qom, const CxbType *type, const char *ancestor)
{
	return cxb_type_node_is(cxb_type_node(qom, type), ancestor);
}

GPtrArray *cxb_qom_types(const CxbQom *qom)
{
	GPtrArray *types = g_ptr_array_sized_new(qom->type_list->len);

	for (guint i = 0; i < qom->type_list->len; i++)
		g_ptr_array_add(types, qom->type_list->pdata[i]);
	return types;
}

void cxb_qom_set_service(CxbQom *qom, const char *key, void *service)
{
	if (service)
		g_hash_table_insert(qom->services, g_strdup(key), service);
	else
		g_hash_table_remove(qom->services, key);
}

void *cxb_qom_get_service(const CxbQom *qom, const char *key)
{
	return g_hash_table_lookup(qom->services, key);
}
