/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects: types in single inheritance with properties as rows, and one tree of named objects
 * with QEMU's paths. Everything hangs from a CxbQom; one thread only.
 *
 * Life of an object: new (init of each type, base first; defaults set) -> properties set ->
 * added to the tree -> completed (checks, resources; may fail) -> in use -> unparented -> last
 * unref (finalize, derived first). Properties are refused after completion unless their row says
 * CXB_PROP_LIVE.
 */
#ifndef CXB_QOM_OBJECT_H
#define CXB_QOM_OBJECT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "qom/scalar.h"

typedef struct CxbQom CxbQom;
typedef struct CxbType CxbType;
typedef struct CxbObject CxbObject;
typedef struct CxbProp CxbProp;

typedef enum {
	CXB_PROP_BOOL, /* bool */
	CXB_PROP_U8,
	CXB_PROP_U16,
	CXB_PROP_U32,
	CXB_PROP_U64,
	CXB_PROP_SIZE, /* uint64_t, bytes */
	CXB_PROP_STR,  /* char *, owned by the object: freed after the types' finalize */
	CXB_PROP_ENUM, /* int, index into names */
	CXB_PROP_LINK, /* CxbObject *, referenced; set by id or path, looked up below /objects first
	                * and then anywhere; link_type names the type it must have */
	CXB_PROP_FN,   /* get and set are functions of the row */
} CxbPropKind;

enum {
	CXB_PROP_LIVE = 1u << 0,   /* may be set after completion */
	CXB_PROP_RDONLY = 1u << 1, /* may not be set by anybody outside */
	CXB_PROP_LIST = 1u << 2,   /* a FN row that takes every key below "name." */
	CXB_PROP_HIDDEN = 1u << 3, /* not in help */
};

/* One property. @offset is into the instance. For kinds with offset and no functions the object
 * code does all the work; @check (may be NULL) runs after parsing, before the value is stored. It
 * sees the parsed value: BOOL, UINT, STR (also for links), and for ENUM a UINT that is the index.
 * Defaults are not checked. */
struct CxbProp {
	const char *name;
	CxbPropKind kind;
	size_t offset;
	unsigned flags;
	const char *desc;         /* unit and meaning, for help and the manual */
	const char *def;          /* default in option syntax; NULL: zero. FN: init sets it */
	const char *const *names; /* ENUM: NULL-terminated */
	const char *link_type;    /* LINK */
	const char *type_name;    /* FN: what help prints between <>, e.g. "str" */
	bool (*check)(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp);
	/* FN rows. @key is the whole dotted key. get fills *out (caller clears). */
	bool (*set)(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		    GError **errp);
	bool (*get)(CxbObject *obj, const CxbProp *prop, CxbScalar *out, GError **errp);
};

enum {
	CXB_TYPE_ABSTRACT = 1u << 0,
	CXB_TYPE_USER_OBJECT = 1u << 1, /* -object, object-add */
	CXB_TYPE_DEVICE = 1u << 2,      /* -device, device_add */
};

struct CxbType {
	const char *name;
	const char *parent; /* name, or NULL: "object" itself */
	const char *desc;
	const char *category; /* devices: "Bridge", "Memory", ... for -device help */
	size_t size;          /* of the instance; first member is the parent's instance */
	unsigned flags;
	const CxbProp *props; /* this type's own; ends with a row of name NULL; may be NULL */
	const void *klass;    /* what the room that owns the type hangs on it; inherited if NULL */

	void (*init)(CxbObject *obj);
	bool (*complete)(CxbObject *obj, GError **errp); /* the most derived one is called */
	/* object-del asks; NULL: ask the parent */
	bool (*can_delete)(CxbObject *obj, GError **errp);
	/* Leaving the tree, what was below is gone already: let go of everything held. Every type
	 * on the way up runs, derived first; also for an object that was never completed. */
	void (*unparent)(CxbObject *obj);
	void (*finalize)(CxbObject *obj);
	/* About to leave the tree, everything below still in place. Runs as unparent does. */
	void (*leave)(CxbObject *obj);
};

struct CxbObject {
	const CxbType *type;
	CxbQom *qom;
	char *name;          /* in its parent; NULL outside the tree */
	CxbObject *parent;   /* not referenced */
	GPtrArray *children; /* CxbObject *, referenced, in order of arrival; NULL if none yet */
	GHashTable *by_name;
	unsigned refs;
	bool completed;
	bool leaving; /* on its way out of the tree */
};

/** cxb_qom_new() - A tree with the containers /chardevs and /objects, which so outlive the rest. */
CxbQom *cxb_qom_new(void);
/** cxb_qom_free() - Unparents everything, last added first. NULL is fine. Objects still referenced
 * from elsewhere stay usable outside the tree until their last unref. */
void cxb_qom_free(CxbQom *qom);

/** cxb_qom_register() - Make a type known; its parent must be. @type must live for ever. Doing so
 * twice changes nothing. */
void cxb_qom_register(CxbQom *qom, const CxbType *type);
const CxbType *cxb_qom_find_type(const CxbQom *qom, const char *name);
/** cxb_type_is() - @type is @ancestor or derived from it. */
bool cxb_type_is(const CxbQom *qom, const CxbType *type, const char *ancestor);
/** cxb_qom_types() - All types in order of registration. Transfer: container. */
GPtrArray *cxb_qom_types(const CxbQom *qom);

/* Contexts that types need and that are not objects (the backend registry, the PCI host, ...). */
void cxb_qom_set_service(CxbQom *qom, const char *key, void *service);
void *cxb_qom_get_service(const CxbQom *qom, const char *key); /* NULL if none */

CxbObject *cxb_qom_root(CxbQom *qom);
/** cxb_qom_container() - The container at absolute @path, made as needed ("/machine/peripheral"). */
CxbObject *cxb_qom_container(CxbQom *qom, const char *path);

CxbObject *cxb_object_new(CxbQom *qom, const CxbType *type); /* one reference */
CxbObject *cxb_object_ref(CxbObject *obj);
void cxb_object_unref(CxbObject *obj); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbObject, cxb_object_unref)

/** cxb_object_is() - @obj's type is @type_name or derived from it. */
bool cxb_object_is(const CxbObject *obj, const char *type_name);
/** cxb_object_klass() - The nearest klass pointer on the way up from the object's type. */
const void *cxb_object_klass(const CxbObject *obj);

/** cxb_object_add() - Take a reference and hang @child below @parent; fails on a taken name. */
bool cxb_object_add(CxbObject *parent, const char *name, CxbObject *child, GError **errp);
/** cxb_object_unparent() - Take @obj and all below it out of the tree; nothing if it is not in. */
void cxb_object_unparent(CxbObject *obj);
CxbObject *cxb_object_child(const CxbObject *obj, const char *name);
/** cxb_object_path() - Absolute path; caller frees. "" for an object outside the tree. */
char *cxb_object_path(const CxbObject *obj);

/**
 * cxb_qom_resolve() - Find an object by absolute or partial path, as QEMU does.
 * @type_name: only objects of this type count; NULL: any
 *
 * Doubled and trailing slashes are ignored. A partial path is searched as a suffix path
 * everywhere; two different matches count as none.
 *
 * Returns: a borrowed object, or NULL with CXB_ERROR_NOT_FOUND "Device 'PATH' not found".
 */
CxbObject *cxb_qom_resolve(CxbQom *qom, const char *path, const char *type_name, GError **errp);

/** cxb_object_find_prop() - The row of @key, most derived type first; LIST rows match prefixes. */
const CxbProp *cxb_object_find_prop(const CxbObject *obj, const char *key);
/**
 * cxb_object_set() - Set one property, from either form of scalar.
 *
 * Errors carry QEMU's texts ("Parameter 'size' expects a size value", ...), for typed scalars and
 * for text each in its own wording.
 */
bool cxb_object_set(CxbObject *obj, const char *key, const CxbScalar *v, GError **errp);
/** cxb_object_set_row() - Set what @row, which need not be of @obj's type, describes: for LIST rows,
 * whose elements have fields of their own. Errors name @key. */
bool cxb_object_set_row(CxbObject *obj, const CxbProp *row, const char *key, const CxbScalar *v,
			GError **errp);
/**
 * cxb_str_list_set() - For the setter of a LIST row that is a list of texts, "NAME.N".
 * @list: char *, made when there is something to be in it; NULL where one is left out
 * @max: how many there may be
 */
bool cxb_str_list_set(GPtrArray **list, unsigned max, const CxbProp *prop, const char *key,
		      const CxbScalar *v, GError **errp);
/** cxb_str_list_check() - None is left out: "Parameter 'NAME.N' missing". */
bool cxb_str_list_check(const GPtrArray *list, const char *name, GError **errp);
bool cxb_object_set_text(CxbObject *obj, const char *key, const char *text, GError **errp);
/** cxb_object_get() - Caller clears @out. A link gives the target's path, "" if there is none. */
bool cxb_object_get(CxbObject *obj, const char *key, CxbScalar *out, GError **errp);
/** cxb_object_set_opts() - Set every option not marked used, in order, marking them. Of a key given
 * twice only the last counts. On failure those before the bad one have been set. */
bool cxb_object_set_opts(CxbObject *obj, CxbOpts *opts, GError **errp);
/** cxb_object_complete() - Run the type's complete; marks the object completed on success. */
bool cxb_object_complete(CxbObject *obj, GError **errp);

/**
 * cxb_user_object_add() - What -object and object-add do: create, set, add below /objects,
 * complete; all or nothing.
 * @opts: with "qom-type" and "id"
 */
CxbObject *cxb_user_object_add(CxbQom *qom, CxbOpts *opts, GError **errp);
/** cxb_user_object_del() - object-del: can_delete decides; "object 'ID' not found". */
bool cxb_user_object_del(CxbQom *qom, const char *id, GError **errp);

/** cxb_user_objects() - Those of @type_name, in order of arrival. Transfer: container. */
GPtrArray *cxb_user_objects(CxbQom *qom, const char *type_name);

/* Help texts in QEMU's shape, on stdout. Unknown type: CXB_ERROR_NOT_FOUND. */
bool cxb_type_print_help(CxbQom *qom, const char *type_name, GError **errp);
void cxb_qom_print_types(CxbQom *qom, unsigned flag /* CXB_TYPE_DEVICE or _USER_OBJECT */);

#endif
