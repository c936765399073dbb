/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Free space of one region: its gaps in order of address, and the same gaps in order of size. Adjoining
 * gaps grow together.
 */
#include "dc_internal.h"

/* Gaps of one size: the lower first. */
static int by_size(gconstpointer a, gconstpointer b)
{
	const CxbIv *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

void cxb_dc_space_init(DcSpace *s, uint64_t base, uint64_t len)
{
	s->gaps = cxb_ivmap_new(NULL);
	s->by_size = g_tree_new(by_size);
	cxb_dc_space_give(s, base, len);
}

void cxb_dc_space_fini(DcSpace *s)
{
	g_tree_unref(s->by_size); /* its keys are the map's */
	cxb_ivmap_free(s->gaps);
}

static void gap_add(DcSpace *s, uint64_t start, uint64_t len)
{
	CxbIv *gap = cxb_ivmap_insert(s->gaps, start, len, NULL);

	g_assert(gap);
	g_tree_insert(s->by_size, gap, gap);
}

static void gap_remove(DcSpace *s, CxbIv *gap)
{
	g_tree_remove(s->by_size, gap);
	cxb_ivmap_drop(s->gaps, gap);
}

bool cxb_dc_space_is_free(const DcSpace *s, uint64_t dpa, uint64_t len)
{
	const CxbIv *gap = cxb_ivmap_find(s->gaps, dpa);

	return gap && len <= gap->len - (dpa - gap->start);
}

void cxb_dc_space_take(DcSpace *s, uint64_t dpa, uint64_t len)
{
	CxbIv *gap = cxb_ivmap_find(s->gaps, dpa);
	const uint64_t start = gap->start, below = dpa - start, above = gap->len - below - len;

	gap_remove(s, gap);
	if (below)
		gap_add(s, start, below);
	if (above)
		gap_add(s, dpa + len, above);
}

void cxb_dc_space_give(DcSpace *s, uint64_t dpa, uint64_t len)
{
	const uint64_t at = dpa ? dpa - 1 : 0, to = dpa + len;
	/* Gaps that it touches, at one of its ends or at both. */
	CxbIv *gap = cxb_ivmap_overlap(s->gaps, at, to - at + 1), *next;

	for (; gap && gap->start <= to; gap = next) {
		next = cxb_ivmap_next(s->gaps, gap);
		dpa = MIN(dpa, gap->start);
		len += gap->len;
		gap_remove(s, gap);
	}
	gap_add(s, dpa, len);
}

const CxbIv *cxb_dc_space_fitting(const DcSpace *s, uint64_t len)
{
	const CxbIv least = { .len = len };
	GTreeNode *node = g_tree_lower_bound(s->by_size, &least);

	return node ? g_tree_node_value(node) : NULL;
}

const CxbIv *cxb_dc_space_largest(const DcSpace *s, const CxbIv *below)
{
	GTreeNode *node = below ? g_tree_lower_bound(s->by_size, below) : NULL;

	node = below ? g_tree_node_previous(node) : g_tree_node_last(s->by_size);
	return node ? g_tree_node_value(node) : NULL;
}
