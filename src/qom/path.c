/* SPDX-License-Identifier: Apache-2.0 */
#include "qom/object.h"

#include <string.h>

#include "base/error.h"
#include "qom.h"

typedef struct {
	char *const *parts; /* not empty, NULL-terminated */
	const char *type_name;
	CxbObject *found;
	bool ambiguous;
} Search;

static CxbObject *walk(CxbObject *obj, char *const *parts)
{
	for (; obj && *parts; parts++)
		obj = cxb_object_child(obj, *parts);
	return obj;
}

static CxbObject *if_type(CxbObject *obj, const char *type_name)
{
	return obj && (!type_name || cxb_object_is(obj, type_name)) ? obj : NULL;
}

/* Every object is the start of a walk; the same end cannot be reached from two of them. */
static void search_below(Search *s, CxbObject *obj)
{
	CxbObject *match = if_type(walk(obj, s->parts), s->type_name);

	if (match && s->found)
		s->ambiguous = true;
	else if (match)
		s->found = match;
	for (guint i = 0; obj->children && i < obj->children->len && !s->ambiguous; i++) {
		CxbObject *child = obj->children->pdata[i];

		if (child->children) /* most have none, thousands of backends among them */
			search_below(s, child);
	}
}

/* The parts between slashes, empty ones left out. */
static char **split_path(const char *path)
{
	char **parts = g_strsplit(path, "/", -1);
	size_t kept = 0;

	for (size_t i = 0; parts[i]; i++) {
		if (*parts[i])
			parts[kept++] = parts[i];
		else
			g_free(parts[i]);
	}
	parts[kept] = NULL;
	return parts;
}

CxbObject *cxb_qom_lookup(CxbQom *qom, const char *path, const char *type_name, bool *ambiguous)
{
	g_auto(GStrv) parts = split_path(path);
	Search s = { .parts = parts, .type_name = type_name };

	*ambiguous = false;
	if (*path == '/')
		return if_type(walk(qom->root, parts), type_name);
	if (!*parts)
		return NULL;
	search_below(&s, qom->root);
	*ambiguous = s.ambiguous;
	return s.ambiguous ? NULL : s.found;
}

CxbObject *cxb_qom_resolve(CxbQom *qom, const char *path, const char *type_name, GError **errp)
{
	bool ambiguous;
	CxbObject *obj = cxb_qom_lookup(qom, path, type_name, &ambiguous);

	if (!obj)
		cxb_fail(errp, CXB_ERROR_NOT_FOUND, "Device '%s' not found", path);
	return obj;
}
