/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: the context, and a type with its ancestors resolved. */
#ifndef CXB_QOM_QOM_H
#define CXB_QOM_QOM_H

#include "qom/object.h"

typedef struct TypeNode TypeNode;

struct TypeNode {
	const CxbType *type;
	const TypeNode *parent; /* NULL: "object" */
	size_t size;            /* of the instance, inherited if the type gives none */
	const void *klass;      /* the nearest on the way up */
};

typedef struct {
	char *driver, *property, *value;
} Global;

struct CxbQom {
	GHashTable *types;    /* name -> TypeNode *, owned */
	GPtrArray *type_list; /* const CxbType *, in order of registration */
	GHashTable *services; /* name, owned -> context */
	CxbObject *root;
	GPtrArray *buses;   /* CxbDevBus *, not referenced, in order of creation */
	GPtrArray *globals; /* Global *, in the order added; NULL: none */
	unsigned anon;      /* devices without id so far */
	unsigned refs;      /* one for each object, one for the owner until cxb_qom_free() */
};

extern const CxbType cxb_type_object;
extern const CxbType cxb_type_container;

void cxb_qom_unref(CxbQom *qom);

/** cxb_type_node() - @type must be registered. */
const TypeNode *cxb_type_node(const CxbQom *qom, const CxbType *type);
bool cxb_type_node_is(const TypeNode *node, const char *ancestor);

/** cxb_prop_defaults() - Give every row of every type of @obj its default. */
void cxb_prop_defaults(CxbObject *obj);
/** cxb_globals_apply() - Set what -global says of the types of @obj. */
bool cxb_globals_apply(CxbObject *obj, GError **errp);
/** cxb_prop_release() - Free strings and drop links, as the last step of an object's life. */
void cxb_prop_release(CxbObject *obj);

/** cxb_qom_lookup() - cxb_qom_resolve() without an error; *@ambiguous tells the two apart. */
CxbObject *cxb_qom_lookup(CxbQom *qom, const char *path, const char *type_name, bool *ambiguous);

/** cxb_id_check() - cxb_id_valid() with QEMU's error and hint for the option "id". */
bool cxb_id_check(const char *id, GError **errp);

#endif
