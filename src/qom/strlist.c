/* SPDX-License-Identifier: Apache-2.0 */
/* Properties that are lists of texts. */
#include <string.h>

#include "base/error.h"
#include "qom/object.h"

bool cxb_str_list_set(GPtrArray **list, unsigned max, const CxbProp *prop, const char *key,
		      const CxbScalar *v, GError **errp)
{
	const char *p = key + strlen(prop->name);
	uint64_t n;

	if (!*list)
		*list = g_ptr_array_new_with_free_func(g_free);
	if (!*p && v->kind == CXB_SCALAR_EMPTY_LIST)
		return true;
	if (*p != '.' || !cxb_parse_uint(p + 1, max - 1, &n))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Parameter '%s' is unexpected: expected %s.N with N from 0 to %u",
				key, prop->name, max - 1);
	if (v->kind != CXB_SCALAR_TEXT && v->kind != CXB_SCALAR_STR)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Invalid parameter type for '%s', expected: string", key);
	if ((*list)->len <= n)
		g_ptr_array_set_size(*list, n + 1);
	g_free((*list)->pdata[n]);
	(*list)->pdata[n] = g_strdup(v->s);
	return true;
}

bool cxb_str_list_check(const GPtrArray *list, const char *name, GError **errp)
{
	for (guint i = 0; list && i < list->len; i++)
		if (!list->pdata[i])
			return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s.%u' missing", name,
					i);
	return true;
}
