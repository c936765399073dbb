/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A balanced tree (AVL: the heights of two siblings differ by one at most) of the ranges, ordered by
 * start; disjoint ranges need no more than that. Each range is its own node: there may be hundreds of
 * thousands, and every step of a search touches one piece of memory instead of two.
 */
#include "base/ivmap.h"

#include "base/range.h"

typedef struct Node Node;
struct Node {
	CxbIv iv;       /* first */
	Node *up;       /* NULL: the root */
	Node *down[2];  /* lower, higher; or NULL */
	uint8_t height; /* 1: nothing below */
};

struct CxbIvMap {
	Node *root;
	size_t n;
	GDestroyNotify free_value;
};

enum { LOWER, HIGHER };

static uint64_t last_of(const Node *n)
{
	return n->iv.start + (n->iv.len - 1);
}

static CxbIv *node_iv(Node *n)
{
	return n ? &n->iv : NULL;
}

/* --- the tree --- */

static int height(const Node *n)
{
	return n ? n->height : 0;
}

static void measure(Node *n)
{
	n->height = 1 + MAX(height(n->down[LOWER]), height(n->down[HIGHER]));
}

static void hang(Node *up, int side, Node *n)
{
	up->down[side] = n;
	if (n)
		n->up = up;
}

/* @with, which may be NULL, hangs where @n did. */
static void replace(CxbIvMap *map, const Node *n, Node *with)
{
	if (n->up)
		hang(n->up, n->up->down[HIGHER] == n, with);
	else if ((map->root = with))
		with->up = NULL;
}

/* The node below @n on @side takes its place, and @n hangs on the other side of it. */
static Node *rotate(CxbIvMap *map, Node *n, int side)
{
	Node *top = n->down[side];

	replace(map, n, top);
	hang(n, side, top->down[!side]);
	hang(top, !side, n);
	measure(n);
	measure(top);
	return top;
}

/* Something came or went below @n, which is NULL in an empty tree. */
static void rebalance(CxbIvMap *map, Node *n)
{
	for (; n; n = n->up) {
		const int before = n->height;
		const int lean = height(n->down[HIGHER]) - height(n->down[LOWER]);

		if (lean < -1 || lean > 1) {
			const int side = lean > 0;
			Node *below = n->down[side];

			if (height(below->down[!side]) > height(below->down[side]))
				rotate(map, below, !side);
			n = rotate(map, n, side);
		} else {
			measure(n);
		}
		if (n->height == before)
			return;
	}
}

static void unlink_node(CxbIvMap *map, Node *n)
{
	Node *changed = n->up, *next;

	if (!n->down[LOWER] || !n->down[HIGHER]) {
		replace(map, n, n->down[LOWER] ? n->down[LOWER] : n->down[HIGHER]);
		rebalance(map, changed);
		return;
	}
	for (next = n->down[HIGHER]; next->down[LOWER]; next = next->down[LOWER])
		;
	changed = next;
	if (next->up != n) {
		changed = next->up;
		replace(map, next, next->down[HIGHER]);
		hang(next, HIGHER, n->down[HIGHER]);
	}
	replace(map, n, next);
	hang(next, LOWER, n->down[LOWER]);
	next->height = n->height; /* what is above has seen that one */
	rebalance(map, changed);
}

/* The range that contains @addr, or NULL. */
static Node *node_with(const CxbIvMap *map, uint64_t addr)
{
	Node *n = map->root;

	while (n && (addr < n->iv.start || addr > last_of(n)))
		n = n->down[addr > n->iv.start];
	return n;
}

static Node *node_next(Node *n)
{
	if (n->down[HIGHER]) {
		for (n = n->down[HIGHER]; n->down[LOWER]; n = n->down[LOWER])
			;
		return n;
	}
	while (n->up && n->up->down[HIGHER] == n)
		n = n->up;
	return n->up;
}

/* --- the map --- */

CxbIvMap *cxb_ivmap_new(GDestroyNotify free_value)
{
	CxbIvMap *map = g_new0(CxbIvMap, 1);

	map->free_value = free_value;
	return map;
}

void cxb_ivmap_free(CxbIvMap *map)
{
	if (!map)
		return;
	cxb_ivmap_clear(map);
	g_free(map);
}

CxbIv *cxb_ivmap_insert(CxbIvMap *map, uint64_t start, uint64_t len, void *value)
{
	Node *up = NULL, *n;
	int side = LOWER;

	if (!cxb_range_valid(start, len))
		return NULL;
	for (n = map->root; n; n = n->down[side]) {
		if (start <= last_of(n) && n->iv.start <= start + (len - 1))
			return NULL;
		side = start > n->iv.start;
		up = n;
	}
	n = g_new(Node, 1);
	*n = (Node){ .iv = { start, len, value }, .up = up, .height = 1 };
	if (up)
		up->down[side] = n;
	else
		map->root = n;
	map->n++;
	rebalance(map, up);
	return &n->iv;
}

/* The range has left the tree before its value is freed: @free_value may look at the map. */
void cxb_ivmap_drop(CxbIvMap *map, CxbIv *iv)
{
	unlink_node(map, (Node *)iv);
	map->n--;
	if (map->free_value)
		map->free_value(iv->value);
	g_free(iv);
}

bool cxb_ivmap_remove(CxbIvMap *map, uint64_t start)
{
	CxbIv *iv = cxb_ivmap_at(map, start);

	if (iv)
		cxb_ivmap_drop(map, iv);
	return iv != NULL;
}

void cxb_ivmap_clear(CxbIvMap *map)
{
	while (map->root)
		cxb_ivmap_drop(map, &map->root->iv);
}

CxbIv *cxb_ivmap_find(const CxbIvMap *map, uint64_t addr)
{
	return node_iv(node_with(map, addr));
}

CxbIv *cxb_ivmap_at(const CxbIvMap *map, uint64_t start)
{
	Node *n = node_with(map, start);

	return n && n->iv.start == start ? &n->iv : NULL;
}

CxbIv *cxb_ivmap_overlap(const CxbIvMap *map, uint64_t start, uint64_t len)
{
	Node *lowest = NULL;

	if (!len)
		return NULL;
	/* The lowest that does not end below @start. */
	for (Node *n = map->root; n;) {
		if (last_of(n) < start) {
			n = n->down[HIGHER];
		} else {
			lowest = n;
			n = n->iv.start <= start ? NULL : n->down[LOWER];
		}
	}
	if (!lowest || lowest->iv.start <= start || lowest->iv.start - start < len)
		return node_iv(lowest);
	return NULL;
}

bool cxb_ivmap_covers(const CxbIvMap *map, uint64_t start, uint64_t len)
{
	uint64_t last;
	Node *n;

	if (!len)
		return true;
	if (!cxb_range_valid(start, len))
		return false;
	last = start + (len - 1);
	n = node_with(map, start);
	while (n && last_of(n) < last) {
		const uint64_t want = last_of(n) + 1;

		n = node_next(n);
		if (n && n->iv.start != want)
			return false;
	}
	return n != NULL;
}

CxbIv *cxb_ivmap_first(const CxbIvMap *map)
{
	Node *n = map->root;

	while (n && n->down[LOWER])
		n = n->down[LOWER];
	return node_iv(n);
}

CxbIv *cxb_ivmap_next(const CxbIvMap *map, const CxbIv *iv)
{
	return node_iv(node_next((Node *)iv));
}

size_t cxb_ivmap_count(const CxbIvMap *map)
{
	return map->n;
}
