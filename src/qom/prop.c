/* SPDX-License-Identifier: Apache-2.0 */
/* Rows at work: finding them, turning scalars into values and back, storing. */
#include "qom/object.h"

#include <string.h>

#include "base/error.h"
#include "qom/device.h"
#include "qom.h"

static void *field(CxbObject *obj, const CxbProp *prop)
{
	return (char *)obj + prop->offset;
}

static bool row_takes(const CxbProp *prop, const char *key)
{
	const size_t n = strlen(prop->name);

	if (strncmp(prop->name, key, n) != 0)
		return false;
	return key[n] == '\0' || (key[n] == '.' && (prop->flags & CXB_PROP_LIST));
}

const CxbProp *cxb_object_find_prop(const CxbObject *obj, const char *key)
{
	for (const TypeNode *t = cxb_type_node(obj->qom, obj->type); t; t = t->parent) {
		for (const CxbProp *prop = t->type->props; prop && prop->name; prop++) {
			if (row_takes(prop, key))
				return prop;
		}
	}
	return NULL;
}

/* QEMU words what a typed value should have been in one of two ways. */
static bool fail_type(const char *key, const char *expected, GError **errp)
{
	return cxb_fail(errp, CXB_ERROR_INVALID, "Invalid parameter type for '%s', expected: %s",
			key, expected);
}

static bool fail_expects(const char *key, const char *expected, GError **errp)
{
	return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' expects %s", key, expected);
}

static bool parse_bool(const char *key, const CxbScalar *v, bool *out, GError **errp)
{
	if (v->kind == CXB_SCALAR_TEXT)
		return cxb_parse_bool(v->s, out) || fail_expects(key, "'on' or 'off'", errp);
	if (v->kind != CXB_SCALAR_BOOL)
		return fail_type(key, "boolean", errp);
	*out = v->b;
	return true;
}

static bool parse_str(const char *key, const CxbScalar *v, const char **out, GError **errp)
{
	if (v->kind != CXB_SCALAR_TEXT && v->kind != CXB_SCALAR_STR)
		return fail_type(key, "string", errp);
	*out = v->s;
	return true;
}

/* Sizes of -object given as text are worded differently from those of devices and the machine. */
static bool parse_size(const CxbObject *obj, const char *key, const char *text, uint64_t *out,
		       GError **errp)
{
	if (cxb_parse_size(text, out))
		return true;
	return fail_expects(key, obj->type->flags & CXB_TYPE_USER_OBJECT ? "a size value" : "size",
			    errp);
}

/* One that could fit something else. */
static bool is_number(const char *text)
{
	const char *digits = text + (*text == '-');

	return *digits && !digits[strspn(digits, "0123456789")];
}

static bool parse_uint(const CxbObject *obj, const CxbProp *prop, const char *key,
		       const CxbScalar *v, uint64_t *out, GError **errp)
{
	static const struct {
		uint64_t max;
		const char *name;
	} widths[] = {
		[CXB_PROP_U8] = { UINT8_MAX, "uint8_t" },
		[CXB_PROP_U16] = { UINT16_MAX, "uint16_t" },
		[CXB_PROP_U32] = { UINT32_MAX, "uint32_t" },
		[CXB_PROP_U64] = { UINT64_MAX, "uint64" },
		[CXB_PROP_SIZE] = { UINT64_MAX, "uint64" },
	};

	if (v->kind == CXB_SCALAR_UINT)
		*out = v->u;
	else if (v->kind == CXB_SCALAR_INT) /* negative */
		return fail_expects(key, widths[prop->kind].name, errp);
	else if (v->kind != CXB_SCALAR_TEXT)
		return fail_expects(key, "uint64", errp);
	else if (prop->kind == CXB_PROP_SIZE)
		return parse_size(obj, key, v->s, out, errp);
	else if (!cxb_parse_uint(v->s, UINT64_MAX, out))
		return fail_expects(key, is_number(v->s) ? widths[prop->kind].name : "integer",
				    errp);
	return *out <= widths[prop->kind].max || fail_expects(key, widths[prop->kind].name, errp);
}

static bool parse_enum(const CxbProp *prop, const char *key, const CxbScalar *v, int *out,
		       GError **errp)
{
	const char *s;

	if (!parse_str(key, v, &s, errp))
		return false;
	for (int i = 0; prop->names[i]; i++) {
		if (strcmp(prop->names[i], s) == 0) {
			*out = i;
			return true;
		}
	}
	return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' does not accept value '%s'", key,
			s);
}

/* The object that @s names, NULL in *@out for the empty string: below /objects, then anywhere. */
static bool find_link(CxbObject *obj, const CxbProp *prop, const char *key, const char *s,
		      CxbObject **out, GError **errp)
{
	CxbObject *objects = cxb_qom_container(obj->qom, "/objects");
	bool ambiguous = false;

	*out = NULL;
	if (!*s)
		return true;
	*out = cxb_object_child(objects, s);
	if (*out && prop->link_type && !cxb_object_is(*out, prop->link_type))
		*out = NULL;
	if (!*out)
		*out = cxb_qom_lookup(obj->qom, s, prop->link_type, &ambiguous);
	if (*out)
		return true;
	if (ambiguous)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Path '%s' does not uniquely identify an object", s);
	if (prop->link_type && cxb_qom_resolve(obj->qom, s, NULL, NULL))
		return fail_type(key, prop->link_type, errp);
	return cxb_fail(errp, CXB_ERROR_NOT_FOUND, "Device '%s' not found", s);
}

/* A value in the form of its row: what check sees and store writes. Strings are borrowed. */
typedef struct {
	CxbScalar v;
	CxbObject *link;
} Parsed;

static bool parse(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		  Parsed *out, GError **errp)
{
	const char *s = NULL;
	int index = 0;

	switch (prop->kind) {
	case CXB_PROP_BOOL:
		out->v.kind = CXB_SCALAR_BOOL;
		return parse_bool(key, v, &out->v.b, errp);
	case CXB_PROP_U8:
	case CXB_PROP_U16:
	case CXB_PROP_U32:
	case CXB_PROP_U64:
	case CXB_PROP_SIZE:
		out->v.kind = CXB_SCALAR_UINT;
		return parse_uint(obj, prop, key, v, &out->v.u, errp);
	case CXB_PROP_ENUM:
		if (!parse_enum(prop, key, v, &index, errp))
			return false;
		out->v = (CxbScalar){ .kind = CXB_SCALAR_UINT, .u = (uint64_t)index };
		return true;
	case CXB_PROP_STR:
	case CXB_PROP_LINK:
		if (!parse_str(key, v, &s, errp))
			return false;
		out->v = (CxbScalar){ .kind = CXB_SCALAR_STR, .s = (char *)s };
		return prop->kind == CXB_PROP_STR || find_link(obj, prop, key, s, &out->link, errp);
	case CXB_PROP_FN:
		break;
	}
	g_assert_not_reached();
}

static void store_str(char **at, const char *s)
{
	char *old = *at;

	*at = g_strdup(s);
	g_free(old);
}

static void store_link(CxbObject **at, CxbObject *target)
{
	CxbObject *old = *at;

	*at = target ? cxb_object_ref(target) : NULL;
	cxb_object_unref(old);
}

static void store(CxbObject *obj, const CxbProp *prop, const Parsed *p)
{
	void *at = field(obj, prop);

	switch (prop->kind) {
	case CXB_PROP_BOOL:
		*(bool *)at = p->v.b;
		break;
	case CXB_PROP_U8:
		*(uint8_t *)at = p->v.u;
		break;
	case CXB_PROP_U16:
		*(uint16_t *)at = p->v.u;
		break;
	case CXB_PROP_U32:
		*(uint32_t *)at = p->v.u;
		break;
	case CXB_PROP_U64:
	case CXB_PROP_SIZE:
		*(uint64_t *)at = p->v.u;
		break;
	case CXB_PROP_ENUM:
		*(int *)at = p->v.u;
		break;
	case CXB_PROP_STR:
		store_str(at, p->v.s);
		break;
	case CXB_PROP_LINK:
		store_link(at, p->link);
		break;
	case CXB_PROP_FN:
		g_assert_not_reached();
	}
}

static bool set_row(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		    bool check, GError **errp)
{
	Parsed p = { 0 };

	if (prop->kind == CXB_PROP_FN || prop->set)
		return prop->set(obj, prop, key, v, errp);
	if (!parse(obj, prop, key, v, &p, errp))
		return false;
	if (check && prop->check && !prop->check(obj, prop, &p.v, errp))
		return false;
	store(obj, prop, &p);
	return true;
}

bool cxb_object_set_row(CxbObject *obj, const CxbProp *row, const char *key, const CxbScalar *v,
			GError **errp)
{
	return set_row(obj, row, key, v, true, errp);
}

static bool fail_completed(const CxbObject *obj, const char *key, GError **errp)
{
	const char *id;

	if (!cxb_object_is(obj, CXB_TYPE_NAME_DEVICE))
		return cxb_fail(errp, CXB_ERROR_INVALID, "cannot change property %s of %s ", key,
				obj->type->name);
	id = ((const CxbDevice *)obj)->id;
	if (!id)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Attempt to set property '%s' on anonymous device (type '%s') "
				"after it was realized",
				key, obj->type->name);
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"Attempt to set property '%s' on device '%s' (type '%s') "
			"after it was realized",
			key, id, obj->type->name);
}

static bool fail_no_prop(const CxbObject *obj, const char *key, GError **errp)
{
	return cxb_fail(errp, CXB_ERROR_INVALID, "Property '%s.%s' not found", obj->type->name,
			key);
}

bool cxb_object_set(CxbObject *obj, const char *key, const CxbScalar *v, GError **errp)
{
	const CxbProp *prop = cxb_object_find_prop(obj, key);

	if (!prop)
		return fail_no_prop(obj, key, errp);
	if ((prop->flags & CXB_PROP_RDONLY) || (prop->kind == CXB_PROP_FN && !prop->set))
		return cxb_fail(errp, CXB_ERROR_INVALID, "Property '%s.%s' is not writable",
				obj->type->name, key);
	if (obj->completed && !(prop->flags & CXB_PROP_LIVE))
		return fail_completed(obj, key, errp);
	return set_row(obj, prop, key, v, true, errp);
}

bool cxb_object_set_text(CxbObject *obj, const char *key, const char *text, GError **errp)
{
	const CxbScalar v = { .kind = CXB_SCALAR_TEXT, .s = (char *)text };

	return cxb_object_set(obj, key, &v, errp);
}

/* What -object says about a key that no row takes; devices and machines name the property. */
static bool fail_no_option(const CxbObject *obj, const CxbOpts *opts, const char *key,
			   GError **errp)
{
	if (!(obj->type->flags & CXB_TYPE_USER_OBJECT))
		return fail_no_prop(obj, key, errp);
	if (opts->typed)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' is unexpected", key);
	return cxb_fail(errp, CXB_ERROR_INVALID, "Invalid parameter '%s'", key);
}

bool cxb_object_set_opts(CxbObject *obj, CxbOpts *opts, GError **errp)
{
	g_autoptr(GHashTable) last = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < opts->opts->len; i++) {
		CxbOpt *opt = opts->opts->pdata[i];

		g_hash_table_insert(last, opt->key, opt);
	}
	for (guint i = 0; i < opts->opts->len; i++) {
		CxbOpt *opt = opts->opts->pdata[i];

		if (opt->used)
			continue;
		opt->used = true;
		if (!cxb_object_find_prop(obj, opt->key))
			return fail_no_option(obj, opts, opt->key, errp);
		if (g_hash_table_lookup(last, opt->key) == opt &&
		    !cxb_object_set(obj, opt->key, &opt->value, errp))
			return false;
	}
	return true;
}

static CxbScalar str_scalar(const char *s)
{
	return (CxbScalar){ .kind = CXB_SCALAR_STR, .s = g_strdup(s ? s : "") };
}

static CxbScalar uint_scalar(uint64_t u)
{
	return (CxbScalar){ .kind = CXB_SCALAR_UINT, .u = u };
}

static CxbScalar load(CxbObject *obj, const CxbProp *prop)
{
	const void *at = field(obj, prop);
	CxbObject *target;

	switch (prop->kind) {
	case CXB_PROP_BOOL:
		return (CxbScalar){ .kind = CXB_SCALAR_BOOL, .b = *(const bool *)at };
	case CXB_PROP_U8:
		return uint_scalar(*(const uint8_t *)at);
	case CXB_PROP_U16:
		return uint_scalar(*(const uint16_t *)at);
	case CXB_PROP_U32:
		return uint_scalar(*(const uint32_t *)at);
	case CXB_PROP_U64:
	case CXB_PROP_SIZE:
		return uint_scalar(*(const uint64_t *)at);
	case CXB_PROP_ENUM:
		return str_scalar(prop->names[*(const int *)at]);
	case CXB_PROP_STR:
		return str_scalar(*(char *const *)at);
	case CXB_PROP_LINK:
		target = *(CxbObject *const *)at;
		if (!target)
			return str_scalar("");
		return (CxbScalar){ .kind = CXB_SCALAR_STR, .s = cxb_object_path(target) };
	case CXB_PROP_FN:
		break;
	}
	g_assert_not_reached();
}

bool cxb_object_get(CxbObject *obj, const char *key, CxbScalar *out, GError **errp)
{
	const CxbProp *prop = cxb_object_find_prop(obj, key);

	*out = (CxbScalar){ .kind = CXB_SCALAR_NULL };
	if (!prop)
		return fail_no_prop(obj, key, errp);
	if (prop->get)
		return prop->get(obj, prop, out, errp);
	if (prop->kind == CXB_PROP_FN)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Property '%s.%s' is not readable",
				obj->type->name, key);
	*out = load(obj, prop);
	return true;
}

static void node_defaults(const TypeNode *node, CxbObject *obj)
{
	if (node->parent)
		node_defaults(node->parent, obj);
	for (const CxbProp *prop = node->type->props; prop && prop->name; prop++) {
		const CxbScalar v = { .kind = CXB_SCALAR_TEXT, .s = (char *)prop->def };
		g_autoptr(GError) err = NULL;

		if (!prop->def || prop->kind == CXB_PROP_FN)
			continue;
		if (!set_row(obj, prop, prop->name, &v, false, &err))
			g_error("default of %s.%s: %s", obj->type->name, prop->name, err->message);
	}
}

void cxb_prop_defaults(CxbObject *obj)
{
	node_defaults(cxb_type_node(obj->qom, obj->type), obj);
}

void cxb_prop_release(CxbObject *obj)
{
	for (const TypeNode *t = cxb_type_node(obj->qom, obj->type); t; t = t->parent) {
		for (const CxbProp *prop = t->type->props; prop && prop->name; prop++) {
			if (prop->offset == 0)
				continue; /* kept by the row's functions */
			if (prop->kind == CXB_PROP_STR)
				g_clear_pointer((char **)field(obj, prop), g_free);
			else if (prop->kind == CXB_PROP_LINK)
				g_clear_pointer((CxbObject **)field(obj, prop), cxb_object_unref);
		}
	}
}
