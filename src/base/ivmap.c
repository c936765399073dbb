/* SPDX-License-Identifier: Apache-2.0 */
/* A balanced tree of the ranges, ordered by start; disjoint ranges need no more than that. */
#include "base/ivmap.h"

#include "base/range.h"

struct CxbIvMap {
	GTree *tree; /* &CxbIv.start -> CxbIv; iv_remove() frees it */
	GDestroyNotify free_value;
};

static int compare_start(gconstpointer a, gconstpointer b, gpointer unused)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static CxbIv *node_iv(GTreeNode *node)
{
	return node ? g_tree_node_value(node) : NULL;
}

static uint64_t iv_last(const CxbIv *iv)
{
	return iv->start + (iv->len - 1);
}

CxbIvMap *cxb_ivmap_new(GDestroyNotify free_value)
{
	CxbIvMap *map = g_new0(CxbIvMap, 1);

	map->tree = g_tree_new_full(compare_start, NULL, NULL, NULL);
	map->free_value = free_value;
	return map;
}

void cxb_ivmap_free(CxbIvMap *map)
{
	if (!map)
		return;
	cxb_ivmap_clear(map);
	g_tree_unref(map->tree);
	g_free(map);
}

CxbIv *cxb_ivmap_insert(CxbIvMap *map, uint64_t start, uint64_t len, void *value)
{
	CxbIv *iv;

	if (!cxb_range_valid(start, len) || cxb_ivmap_overlap(map, start, len))
		return NULL;
	iv = g_new(CxbIv, 1);
	*iv = (CxbIv){ start, len, value };
	g_tree_insert(map->tree, &iv->start, iv);
	return iv;
}

/* The range has left the tree before its value is freed: @free_value may look at the map. */
static void iv_remove(CxbIvMap *map, CxbIv *iv)
{
	g_tree_remove(map->tree, &iv->start);
	if (map->free_value)
		map->free_value(iv->value);
	g_free(iv);
}

bool cxb_ivmap_remove(CxbIvMap *map, uint64_t start)
{
	CxbIv *iv = cxb_ivmap_at(map, start);

	if (!iv)
		return false;
	iv_remove(map, iv);
	return true;
}

void cxb_ivmap_clear(CxbIvMap *map)
{
	CxbIv *iv;

	while ((iv = cxb_ivmap_first(map)))
		iv_remove(map, iv);
}

/* The node of the range with the highest start at or below @addr, or NULL. */
static GTreeNode *node_below(const CxbIvMap *map, uint64_t addr)
{
	GTreeNode *above = g_tree_upper_bound(map->tree, &addr);

	return above ? g_tree_node_previous(above) : g_tree_node_last(map->tree);
}

/* The node of the range that contains @addr, or NULL. */
static GTreeNode *node_with(const CxbIvMap *map, uint64_t addr)
{
	GTreeNode *node = node_below(map, addr);
	const CxbIv *iv = node_iv(node);

	return iv && addr <= iv_last(iv) ? node : NULL;
}

CxbIv *cxb_ivmap_find(const CxbIvMap *map, uint64_t addr)
{
	return node_iv(node_with(map, addr));
}

CxbIv *cxb_ivmap_at(const CxbIvMap *map, uint64_t start)
{
	return g_tree_lookup(map->tree, &start);
}

CxbIv *cxb_ivmap_overlap(const CxbIvMap *map, uint64_t start, uint64_t len)
{
	GTreeNode *above;
	CxbIv *iv;

	if (!len)
		return NULL;
	/* One descent finds both: the first range above @start, and the one before it. */
	above = g_tree_upper_bound(map->tree, &start);
	iv = node_iv(above ? g_tree_node_previous(above) : g_tree_node_last(map->tree));
	if (iv && start <= iv_last(iv))
		return iv;
	iv = node_iv(above);
	return iv && iv->start - start < len ? iv : NULL;
}

bool cxb_ivmap_covers(const CxbIvMap *map, uint64_t start, uint64_t len)
{
	GTreeNode *node;
	uint64_t last;

	if (!len)
		return true;
	if (!cxb_range_valid(start, len))
		return false;
	last = start + (len - 1);
	node = node_with(map, start);
	if (!node)
		return false;
	while (iv_last(node_iv(node)) < last) {
		const uint64_t want = iv_last(node_iv(node)) + 1;

		node = g_tree_node_next(node);
		if (!node || node_iv(node)->start != want)
			return false;
	}
	return true;
}

CxbIv *cxb_ivmap_first(const CxbIvMap *map)
{
	return node_iv(g_tree_node_first(map->tree));
}

CxbIv *cxb_ivmap_next(const CxbIvMap *map, const CxbIv *iv)
{
	return node_iv(g_tree_upper_bound(map->tree, &iv->start));
}

size_t cxb_ivmap_count(const CxbIvMap *map)
{
	return g_tree_nnodes(map->tree);
}
