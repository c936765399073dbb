/* SPDX-License-Identifier: Apache-2.0 */
#include "io/args.h"

#include <json-c/linkhash.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

/* Where a value stands, for error texts: the chain of what is around it. */
typedef struct Path {
	const struct Path *up;
	const char *name; /* NULL: element @index of @up */
	size_t index;
} Path;

static void path_append(GString *out, const Path *path)
{
	if (!path)
		return;
	path_append(out, path->up);
	if (!path->name)
		g_string_append_printf(out, "[%zu]", path->index);
	else
		g_string_append_printf(out, out->len ? ".%s" : "%s", path->name);
}

static char *path_text(const Path *path)
{
	GString *out = g_string_new(NULL);

	path_append(out, path);
	return g_string_free(out, FALSE);
}

/* Range and enumeration errors name the member alone; an element of a list has no name. */
static const char *last_name(const Path *path)
{
	return path->name ? path->name : "null";
}

static bool fail_type(const Path *path, const char *expected, GError **errp)
{
	g_autofree char *name = path_text(path);

	return cxb_fail(errp, CXB_ERROR_INVALID, "Invalid parameter type for '%s', expected: %s",
			name, expected);
}

static bool fail_u64(const Path *path, GError **errp)
{
	g_autofree char *name = path_text(path);

	return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' expects uint64", name);
}

static bool get_uint(const CxbArg *row, const Path *path, json_object *v, uint64_t *out,
		     GError **errp)
{
	static const struct {
		uint64_t max;
		const char *name;
	} types[] = {
		[CXB_ARG_U8] = { UINT8_MAX, "uint8_t" },
		[CXB_ARG_U16] = { UINT16_MAX, "uint16_t" },
		[CXB_ARG_U32] = { UINT32_MAX, "uint32_t" },
		[CXB_ARG_U64] = { UINT64_MAX, "uint64" },
	};
	const bool negative = json_object_get_int64(v) < 0;

	/* QEMU complains of a negative number as of one too large, and lets it wrap around where
	 * none is too large: that is refused here. */
	if (!json_object_is_type(v, json_type_int) || (negative && row->kind == CXB_ARG_U64))
		return fail_u64(path, errp);
	*out = json_object_get_uint64(v);
	if (negative || *out > types[row->kind].max)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' expects %s",
				last_name(path), types[row->kind].name);
	return true;
}

static bool get_int(const Path *path, json_object *v, int64_t *out, GError **errp)
{
	/* json-c clips what does not fit; whether it did shows in the unsigned view. */
	if (!json_object_is_type(v, json_type_int) || json_object_get_uint64(v) > INT64_MAX)
		return fail_type(path, "integer", errp);
	*out = json_object_get_int64(v);
	return true;
}

static bool get_i16(const Path *path, json_object *v, int16_t *out, GError **errp)
{
	int64_t i = 0;

	if (!get_int(path, v, &i, errp))
		return false;
	if (i < INT16_MIN || i > INT16_MAX)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' expects int16_t",
				last_name(path));
	*out = (int16_t)i;
	return true;
}

static bool get_enum(const CxbArg *row, const Path *path, json_object *v, int *out, GError **errp)
{
	if (!json_object_is_type(v, json_type_string))
		return fail_type(path, "string", errp);
	for (int i = 0; row->names[i]; i++) {
		if (!strcmp(row->names[i], json_object_get_string(v))) {
			*out = i;
			return true;
		}
	}
	return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' does not accept value '%s'",
			last_name(path), json_object_get_string(v));
}

/* A table of one row without a name decodes the list's elements themselves. */
static bool elem_is_value(const CxbArg *row)
{
	return row->elem[0].name && !row->elem[0].name[0];
}

static bool decode_struct(const CxbArg *rows, const Path *path, json_object *obj, void *out,
			  GError **errp);
static bool decode_value(const CxbArg *row, const Path *path, json_object *v, void *out,
			 GError **errp);

/* On failure the elements decoded so far stay in the list, for the caller to clear. */
static bool decode_list(const CxbArg *row, const Path *path, json_object *v, GArray **out,
			GError **errp)
{
	size_t n;

	if (!json_object_is_type(v, json_type_array))
		return fail_type(path, "array", errp);
	n = json_object_array_length(v);
	*out = g_array_new(FALSE, TRUE, (guint)row->elem_size);
	for (size_t i = 0; i < n; i++) {
		const Path at = { path, NULL, i };
		json_object *elem = json_object_array_get_idx(v, i);
		void *p;
		bool ok;

		g_array_set_size(*out, (guint)i + 1);
		p = (*out)->data + i * row->elem_size;
		if (elem_is_value(row))
			ok = decode_value(row->elem, &at, elem, p, errp);
		else
			ok = decode_struct(row->elem, &at, elem, p, errp);
		if (!ok)
			return false;
	}
	return true;
}

static bool decode_value(const CxbArg *row, const Path *path, json_object *v, void *out,
			 GError **errp)
{
	void *p = (char *)out + row->offset;
	uint64_t u;

	switch (row->kind) {
	case CXB_ARG_STR:
		if (!json_object_is_type(v, json_type_string))
			return fail_type(path, "string", errp);
		*(char **)p = g_strdup(json_object_get_string(v));
		return true;
	case CXB_ARG_BOOL:
		if (!json_object_is_type(v, json_type_boolean))
			return fail_type(path, "boolean", errp);
		*(bool *)p = json_object_get_boolean(v);
		return true;
	case CXB_ARG_U8:
	case CXB_ARG_U16:
	case CXB_ARG_U32:
	case CXB_ARG_U64:
		if (!get_uint(row, path, v, &u, errp))
			return false;
		if (row->kind == CXB_ARG_U8)
			*(uint8_t *)p = (uint8_t)u;
		else if (row->kind == CXB_ARG_U16)
			*(uint16_t *)p = (uint16_t)u;
		else if (row->kind == CXB_ARG_U32)
			*(uint32_t *)p = (uint32_t)u;
		else
			*(uint64_t *)p = u;
		return true;
	case CXB_ARG_I16:
		return get_i16(path, v, p, errp);
	case CXB_ARG_I64:
		return get_int(path, v, p, errp);
	case CXB_ARG_ENUM:
		return get_enum(row, path, v, p, errp);
	case CXB_ARG_LIST:
		return decode_list(row, path, v, p, errp);
	case CXB_ARG_STRUCT:
		return decode_struct(row->elem, path, v, p, errp);
	case CXB_ARG_ANY:
		*(json_object **)p = json_object_get(v);
		return true;
	case CXB_ARG_REST:
		break;
	}
	g_assert_not_reached();
}

static const CxbArg *find_row(const CxbArg *rows, const char *name)
{
	for (const CxbArg *row = rows; row->name; row++) {
		if (row->kind != CXB_ARG_REST && !strcmp(row->name, name))
			return row;
	}
	return NULL;
}

static json_object **find_rest(const CxbArg *rows, void *out)
{
	for (const CxbArg *row = rows; row->name; row++) {
		if (row->kind == CXB_ARG_REST)
			return (json_object **)((char *)out + row->offset);
	}
	return NULL;
}

/* Members no row names go to the REST row, or are an error. */
static bool decode_rest(const CxbArg *rows, const Path *path, json_object *obj, void *out,
			GError **errp)
{
	json_object **rest = find_rest(rows, out);
	struct lh_entry *e;

	if (rest)
		*rest = json_object_new_object();
	if (!obj)
		return true;
	for (e = json_object_get_object(obj)->head; e; e = e->next) {
		const Path at = { path, lh_entry_k(e), 0 };

		if (find_row(rows, at.name))
			continue;
		if (!rest) {
			g_autofree char *name = path_text(&at);

			return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' is unexpected",
					name);
		}
		json_object_object_add(*rest, at.name, json_object_get(lh_entry_v(e)));
	}
	return true;
}

/* @obj is an object, or NULL for one without members if @path is NULL too. */
static bool decode_struct(const CxbArg *rows, const Path *path, json_object *obj, void *out,
			  GError **errp)
{
	if (path && !json_object_is_type(obj, json_type_object))
		return fail_type(path, "object", errp);
	for (const CxbArg *row = rows; row->name; row++) {
		const Path at = { path, row->name, 0 };
		json_object *v = NULL;

		if (row->kind == CXB_ARG_REST)
			continue;
		if (!obj || !json_object_object_get_ex(obj, row->name, &v)) {
			g_autofree char *name = NULL;

			if (row->optional)
				continue;
			name = path_text(&at);
			return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' is missing", name);
		}
		if (!decode_value(row, &at, v, out, errp))
			return false;
		if (row->has_offset >= 0)
			*(bool *)((char *)out + row->has_offset) = true;
	}
	return decode_rest(rows, path, obj, out, errp);
}

bool cxb_args_decode(const CxbArg *rows, json_object *obj, void *out, size_t out_size,
		     GError **errp)
{
	bool ok;

	memset(out, 0, out_size);
	if (obj && !json_object_is_type(obj, json_type_object))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"QMP input member 'arguments' must be an object");
	ok = decode_struct(rows, NULL, obj, out, errp);
	if (!ok) {
		cxb_args_clear(rows, out);
		memset(out, 0, out_size);
	}
	return ok;
}

static void clear_value(const CxbArg *row, void *out)
{
	void *p = (char *)out + row->offset;
	GArray *list;

	switch (row->kind) {
	case CXB_ARG_STR:
		g_clear_pointer((char **)p, g_free);
		break;
	case CXB_ARG_ANY:
	case CXB_ARG_REST:
		json_object_put(*(json_object **)p);
		*(json_object **)p = NULL;
		break;
	case CXB_ARG_STRUCT:
		cxb_args_clear(row->elem, p);
		break;
	case CXB_ARG_LIST:
		list = *(GArray **)p;
		for (guint i = 0; list && i < list->len; i++)
			cxb_args_clear(row->elem, list->data + i * row->elem_size);
		if (list)
			g_array_free(list, TRUE);
		*(GArray **)p = NULL;
		break;
	default:
		break;
	}
}

void cxb_args_clear(const CxbArg *rows, void *out)
{
	for (const CxbArg *row = rows; row->name; row++)
		clear_value(row, out);
}
