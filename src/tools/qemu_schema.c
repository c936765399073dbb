/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu_schema.h"

#include <glib.h>
#include <json-c/linkhash.h>
#include <stdbool.h>
#include <string.h>

#include "io/json.h"

#define PREFIX "cxlbox-"

static bool is_meta(json_object *entry, const char *meta)
{
	return g_strcmp0(cxb_json_str(entry, "meta-type"), meta) == 0;
}

/* People call these by name; the others are only named by them. */
static bool is_interface(json_object *entry)
{
	return is_meta(entry, "command") || is_meta(entry, "event");
}

/* Set of const char *, borrowed from @list. */
static GHashTable *names_of(json_object *list, bool (*wanted)(json_object *entry))
{
	GHashTable *names = g_hash_table_new(g_str_hash, g_str_equal);

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *entry = json_object_array_get_idx(list, i);
		const char *name = cxb_json_str(entry, "name");

		if (name && wanted(entry))
			g_hash_table_add(names, (char *)name);
	}
	return names;
}

/* Types that are not the same everywhere. */
static bool is_own_type(json_object *entry)
{
	return !is_interface(entry) && !is_meta(entry, "builtin");
}

static bool names_a_type(const char *key)
{
	static const char *const keys[] = { "arg-type", "ret-type", "element-type", "type", NULL };

	return g_strv_contains(keys, key);
}

static json_object *renamed(const char *name)
{
	g_autofree char *text = g_strconcat(PREFIX, name, NULL);

	return json_object_new_string(text);
}

/* A copy of @o in which types in @types have their new names. */
static json_object *translate(json_object *o, GHashTable *types)
{
	json_object *copy;

	if (json_object_is_type(o, json_type_array)) {
		copy = json_object_new_array();
		for (size_t i = 0; i < json_object_array_length(o); i++)
			json_object_array_add(copy,
					      translate(json_object_array_get_idx(o, i), types));
		return copy;
	}
	if (!json_object_is_type(o, json_type_object))
		return json_object_get(o);
	copy = json_object_new_object();
	json_object_object_foreach(o, key, value)
	{
		const char *name = names_a_type(key) ? cxb_json_str(o, key) : NULL;

		json_object_object_add(copy, key,
				       name && g_hash_table_contains(types, name)
					       ? renamed(name)
					       : translate(value, types));
	}
	return copy;
}

json_object *qemu_schema_merge(json_object *first, json_object *second)
{
	GHashTable *known = names_of(first, is_interface), *types = names_of(second, is_own_type);
	json_object *all = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(first); i++)
		json_object_array_add(all, json_object_get(json_object_array_get_idx(first, i)));
	for (size_t i = 0; i < json_object_array_length(second); i++) {
		json_object *entry = json_object_array_get_idx(second, i), *copy;
		const char *name = cxb_json_str(entry, "name");

		if (!name || is_meta(entry, "builtin") ||
		    (is_interface(entry) && g_hash_table_contains(known, name)))
			continue;
		copy = translate(entry, types);
		if (!is_interface(entry))
			json_object_object_add(copy, "name", renamed(name));
		json_object_array_add(all, copy);
	}
	g_hash_table_unref(known);
	g_hash_table_unref(types);
	return all;
}
