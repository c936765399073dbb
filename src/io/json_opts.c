/* SPDX-License-Identifier: Apache-2.0 */
#include "io/json.h"

#include <json-c/linkhash.h>
#include <string.h>

#include "base/error.h"

/* One more message must not make many times its size of options. */
#define MAX_DEPTH   32
#define MAX_OPTIONS 65536
#define MAX_KEY     1024

bool cxb_json_to_scalar(json_object *obj, CxbScalar *out)
{
	int64_t i;

	memset(out, 0, sizeof(*out));
	switch (json_object_get_type(obj)) {
	case json_type_null:
		out->kind = CXB_SCALAR_NULL;
		return true;
	case json_type_boolean:
		out->kind = CXB_SCALAR_BOOL;
		out->b = json_object_get_boolean(obj);
		return true;
	case json_type_int:
		i = json_object_get_int64(obj);
		if (i < 0) {
			out->kind = CXB_SCALAR_INT;
			out->i = i;
		} else {
			out->kind = CXB_SCALAR_UINT;
			out->u = json_object_get_uint64(obj);
		}
		return true;
	case json_type_double:
		out->kind = CXB_SCALAR_DOUBLE;
		out->d = json_object_get_double(obj);
		return true;
	case json_type_string:
		out->kind = CXB_SCALAR_STR;
		out->s = g_strdup(json_object_get_string(obj));
		return true;
	default:
		return false;
	}
}

json_object *cxb_json_from_scalar(const CxbScalar *v)
{
	switch (v->kind) {
	case CXB_SCALAR_TEXT:
	case CXB_SCALAR_STR:
		return json_object_new_string(v->s ? v->s : "");
	case CXB_SCALAR_BOOL:
		return json_object_new_boolean(v->b);
	case CXB_SCALAR_INT:
		return json_object_new_int64(v->i);
	case CXB_SCALAR_UINT:
		return v->u <= INT64_MAX ? json_object_new_int64((int64_t)v->u)
					 : json_object_new_uint64(v->u);
	case CXB_SCALAR_DOUBLE:
		return json_object_new_double(v->d);
	case CXB_SCALAR_NULL:
		return NULL;
	case CXB_SCALAR_EMPTY_LIST:
		return json_object_new_array();
	case CXB_SCALAR_EMPTY_DICT:
		return json_object_new_object();
	}
	g_assert_not_reached();
}

static bool flatten(CxbOpts *opts, GString *key, json_object *obj, unsigned depth, GError **errp);

static bool flatten_child(CxbOpts *opts, GString *key, const char *name, json_object *child,
			  unsigned depth, GError **errp)
{
	const size_t len = key->len;

	if (strlen(name) >= MAX_KEY - len)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Parameter name '%.64s...' is longer than %d bytes",
				len ? key->str : name, MAX_KEY);
	if (len)
		g_string_append_c(key, '.');
	g_string_append(key, name);
	if (!flatten(opts, key, child, depth + 1, errp))
		return false;
	g_string_truncate(key, len);
	return true;
}

static bool flatten_list(CxbOpts *opts, GString *key, json_object *obj, unsigned depth,
			 GError **errp)
{
	const size_t n = json_object_array_length(obj);

	for (size_t i = 0; i < n; i++) {
		char name[24];

		g_snprintf(name, sizeof(name), "%zu", i);
		if (!flatten_child(opts, key, name, json_object_array_get_idx(obj, i), depth, errp))
			return false;
	}
	return true;
}

static bool flatten_dict(CxbOpts *opts, GString *key, json_object *obj, unsigned depth,
			 GError **errp)
{
	struct lh_entry *e;

	for (e = json_object_get_object(obj)->head; e; e = e->next) {
		if (!flatten_child(opts, key, lh_entry_k(e), lh_entry_v(e), depth, errp))
			return false;
	}
	return true;
}

/* @depth containers are around @obj. */
static bool flatten(CxbOpts *opts, GString *key, json_object *obj, unsigned depth, GError **errp)
{
	const bool dict = json_object_is_type(obj, json_type_object);
	const bool list = json_object_is_type(obj, json_type_array);
	CxbScalar v = { 0 };

	if ((dict || list) && depth >= MAX_DEPTH)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' is nested too deeply",
				key->str);
	if (dict && (depth == 0 || json_object_object_length(obj)))
		return flatten_dict(opts, key, obj, depth, errp);
	if (list && json_object_array_length(obj))
		return flatten_list(opts, key, obj, depth, errp);

	if (opts->opts->len >= MAX_OPTIONS)
		return cxb_fail(errp, CXB_ERROR_INVALID, "More than %d parameters", MAX_OPTIONS);
	if (dict)
		v.kind = CXB_SCALAR_EMPTY_DICT;
	else if (list)
		v.kind = CXB_SCALAR_EMPTY_LIST;
	else
		cxb_json_to_scalar(obj, &v);
	cxb_opts_add(opts, key->str, v);
	return true;
}

CxbOpts *cxb_json_opts(json_object *obj, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_new();
	GString *key = g_string_new(NULL);
	bool ok;

	opts->typed = true;
	if (json_object_is_type(obj, json_type_object))
		ok = flatten(opts, key, obj, 0, errp);
	else
		ok = cxb_fail(errp, CXB_ERROR_INVALID, "Options must be a JSON object");
	g_string_free(key, TRUE);
	return ok ? g_steal_pointer(&opts) : NULL;
}

CxbOpts *cxb_opts_parse_any(const char *text, const char *implied, GError **errp)
{
	json_object *obj;
	CxbOpts *opts;

	if (text[0] != '{')
		return cxb_opts_parse(text, implied, true, errp);
	obj = cxb_json_parse(text, strlen(text), errp);
	if (!obj)
		return NULL;
	opts = cxb_json_opts(obj, errp);
	json_object_put(obj);
	return opts;
}

const char *cxb_json_str(json_object *obj, const char *key)
{
	json_object *v;

	if (!json_object_is_type(obj, json_type_object) ||
	    !json_object_object_get_ex(obj, key, &v) || !json_object_is_type(v, json_type_string))
		return NULL;
	return json_object_get_string(v);
}
