/* SPDX-License-Identifier: Apache-2.0 */
#include "io/chardevs.h"

struct CxbChardevs {
	GHashTable *by_id; /* id -> CxbChardev *; NULL: taken */
};

static void chardev_free(gpointer chr)
{
	cxb_chardev_free(chr);
}

CxbChardevs *cxb_chardevs_new(void)
{
	CxbChardevs *set = g_new0(CxbChardevs, 1);

	set->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, chardev_free);
	return set;
}

void cxb_chardevs_free(CxbChardevs *set)
{
	if (!set)
		return;
	g_hash_table_unref(set->by_id);
	g_free(set);
}

void cxb_chardevs_add(CxbChardevs *set, const char *id, CxbChardev *chr)
{
	g_assert(!cxb_chardevs_has(set, id));
	g_hash_table_insert(set->by_id, g_strdup(id), chr);
}

bool cxb_chardevs_has(const CxbChardevs *set, const char *id)
{
	return g_hash_table_contains(set->by_id, id);
}

CxbChardev *cxb_chardevs_take(CxbChardevs *set, const char *id)
{
	gpointer key = NULL, chr = NULL;

	if (!g_hash_table_steal_extended(set->by_id, id, &key, &chr))
		return NULL;
	g_hash_table_insert(set->by_id, key, NULL);
	return chr;
}

void cxb_chardevs_give(CxbChardevs *set, const char *id, CxbChardev *chr)
{
	g_assert(cxb_chardevs_has(set, id) && !g_hash_table_lookup(set->by_id, id));
	g_hash_table_insert(set->by_id, g_strdup(id), chr);
}
