/* SPDX-License-Identifier: Apache-2.0 */
#include "qom/object.h"

#include <string.h>

#include "base/error.h"
#include "qom.h"

CxbQom *cxb_qom_new(void)
{
	CxbQom *qom = g_new0(CxbQom, 1);

	qom->refs = 1;
	qom->types = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
	qom->type_list = g_ptr_array_new();
	qom->services = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	qom->buses = g_ptr_array_new();
	cxb_qom_register(qom, &cxb_type_object);
	cxb_qom_register(qom, &cxb_type_container);
	qom->root = cxb_object_new(qom, &cxb_type_container);
	qom->root->completed = true;
	cxb_qom_container(qom, "/chardevs");
	cxb_qom_container(qom, "/objects");
	return qom;
}

static void children_unparent(CxbObject *obj)
{
	while (obj->children && obj->children->len)
		cxb_object_unparent(obj->children->pdata[obj->children->len - 1]);
}

void cxb_qom_unref(CxbQom *qom)
{
	if (--qom->refs)
		return;
	g_ptr_array_unref(qom->buses);
	g_clear_pointer(&qom->globals, g_ptr_array_unref);
	g_ptr_array_unref(qom->type_list);
	g_hash_table_unref(qom->services);
	g_hash_table_unref(qom->types);
	g_free(qom);
}

void cxb_qom_free(CxbQom *qom)
{
	if (!qom)
		return;
	children_unparent(qom->root);
	cxb_object_unref(g_steal_pointer(&qom->root));
	cxb_qom_unref(qom);
}

CxbObject *cxb_qom_root(CxbQom *qom)
{
	return qom->root;
}

static CxbObject *container_below(CxbObject *parent, const char *name)
{
	g_autoptr(CxbObject) made = NULL;
	CxbObject *obj = cxb_object_child(parent, name);

	if (obj)
		return obj;
	made = cxb_object_new(parent->qom, &cxb_type_container);
	made->completed = true;
	if (!cxb_object_add(parent, name, made, NULL))
		g_assert_not_reached(); /* the name was free a moment ago */
	return made;                    /* the tree keeps it */
}

CxbObject *cxb_qom_container(CxbQom *qom, const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	CxbObject *obj = qom->root;

	for (char **part = parts; *part; part++) {
		if (**part)
			obj = container_below(obj, *part);
	}
	return obj;
}

static void node_init(const TypeNode *node, CxbObject *obj)
{
	if (node->parent)
		node_init(node->parent, obj);
	if (node->type->init)
		node->type->init(obj);
}

CxbObject *cxb_object_new(CxbQom *qom, const CxbType *type)
{
	const TypeNode *node = cxb_type_node(qom, type);
	CxbObject *obj;

	g_assert(!(type->flags & CXB_TYPE_ABSTRACT));
	obj = g_malloc0(node->size);
	obj->type = type;
	obj->qom = qom;
	obj->refs = 1;
	qom->refs++;
	node_init(node, obj);
	cxb_prop_defaults(obj);
	return obj;
}

CxbObject *cxb_object_ref(CxbObject *obj)
{
	obj->refs++;
	return obj;
}

void cxb_object_unref(CxbObject *obj)
{
	CxbQom *qom;

	if (!obj || --obj->refs)
		return;
	g_assert(!obj->parent); /* the tree holds a reference */
	children_unparent(obj);
	for (const TypeNode *t = cxb_type_node(obj->qom, obj->type); t; t = t->parent) {
		if (t->type->finalize)
			t->type->finalize(obj);
	}
	cxb_prop_release(obj);
	g_clear_pointer(&obj->children, g_ptr_array_unref);
	g_clear_pointer(&obj->by_name, g_hash_table_unref);
	qom = obj->qom;
	g_free(obj);
	cxb_qom_unref(qom);
}

bool cxb_object_is(const CxbObject *obj, const char *type_name)
{
	return cxb_type_is(obj->qom, obj->type, type_name);
}

const void *cxb_object_klass(const CxbObject *obj)
{
	return cxb_type_node(obj->qom, obj->type)->klass;
}

bool cxb_object_add(CxbObject *parent, const char *name, CxbObject *child, GError **errp)
{
	g_assert(!child->parent);
	if (cxb_object_child(parent, name))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"attempt to add duplicate property '%s' to object (type '%s')",
				name, parent->type->name);
	if (!parent->children) {
		parent->children = g_ptr_array_new();
		parent->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	}
	child->name = g_strdup(name);
	child->parent = parent;
	g_ptr_array_add(parent->children, cxb_object_ref(child));
	g_hash_table_insert(parent->by_name, child->name, child);
	return true;
}

void cxb_object_unparent(CxbObject *obj)
{
	const TypeNode *node = cxb_type_node(obj->qom, obj->type);
	CxbObject *parent = obj->parent;

	if (!parent || obj->leaving)
		return;
	obj->leaving = true;
	for (const TypeNode *t = node; t; t = t->parent) {
		if (t->type->leave)
			t->type->leave(obj);
	}
	children_unparent(obj);
	for (const TypeNode *t = node; t; t = t->parent) {
		if (t->type->unparent)
			t->type->unparent(obj);
	}
	g_hash_table_remove(parent->by_name, obj->name);
	g_ptr_array_remove(parent->children, obj);
	obj->parent = NULL;
	obj->leaving = false;
	g_clear_pointer(&obj->name, g_free);
	cxb_object_unref(obj);
}

CxbObject *cxb_object_child(const CxbObject *obj, const char *name)
{
	return obj->by_name ? g_hash_table_lookup(obj->by_name, name) : NULL;
}

char *cxb_object_path(const CxbObject *obj)
{
	GString *path = g_string_new(NULL);

	if (obj == obj->qom->root)
		g_string_append_c(path, '/');
	for (; obj->parent; obj = obj->parent) {
		g_string_prepend(path, obj->name);
		g_string_prepend_c(path, '/');
	}
	if (obj != obj->qom->root)
		g_string_truncate(path, 0);
	return g_string_free(path, FALSE);
}

bool cxb_object_complete(CxbObject *obj, GError **errp)
{
	g_assert(!obj->completed);
	for (const TypeNode *t = cxb_type_node(obj->qom, obj->type); t; t = t->parent) {
		if (!t->type->complete)
			continue;
		if (!t->type->complete(obj, errp))
			return false;
		break;
	}
	obj->completed = true;
	return true;
}
