/* SPDX-License-Identifier: Apache-2.0 */
/* The property test compares longer histories with a model; here are the edges, one by one. */
#include <glib.h>

#include "base/ivmap.h"

typedef struct {
	CxbIvMap *map;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
	f->map = cxb_ivmap_new(NULL);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_ivmap_free(f->map);
}

static void an_empty_map_holds_nothing(Fixture *f, gconstpointer u)
{
	g_assert_cmpuint(cxb_ivmap_count(f->map), ==, 0);
	g_assert_null(cxb_ivmap_first(f->map));
	g_assert_null(cxb_ivmap_find(f->map, 0));
	g_assert_null(cxb_ivmap_at(f->map, 0));
	g_assert_null(cxb_ivmap_overlap(f->map, 0, UINT64_MAX));
	g_assert_false(cxb_ivmap_covers(f->map, 0, 1));
	g_assert_false(cxb_ivmap_remove(f->map, 0));
	cxb_ivmap_clear(f->map);
}

static void finds_every_byte_of_a_range_and_none_beside(Fixture *f, gconstpointer u)
{
	CxbIv *iv = cxb_ivmap_insert(f->map, 0x1000, 0x10, f);

	g_assert_nonnull(iv);
	g_assert_cmphex(iv->start, ==, 0x1000);
	g_assert_cmphex(iv->len, ==, 0x10);
	g_assert_true(iv->value == f);
	g_assert_null(cxb_ivmap_find(f->map, 0xfff));
	g_assert_true(cxb_ivmap_find(f->map, 0x1000) == iv);
	g_assert_true(cxb_ivmap_find(f->map, 0x100f) == iv);
	g_assert_null(cxb_ivmap_find(f->map, 0x1010));
	g_assert_true(cxb_ivmap_at(f->map, 0x1000) == iv);
	g_assert_null(cxb_ivmap_at(f->map, 0x1001));
}

static void refuses_an_empty_or_wrapping_range(Fixture *f, gconstpointer u)
{
	g_assert_null(cxb_ivmap_insert(f->map, 0x1000, 0, NULL));
	g_assert_null(cxb_ivmap_insert(f->map, UINT64_MAX, 2, NULL));
	g_assert_null(cxb_ivmap_insert(f->map, 2, UINT64_MAX, NULL));
	g_assert_cmpuint(cxb_ivmap_count(f->map), ==, 0);
}

static void refuses_whatever_overlaps(Fixture *f, gconstpointer u)
{
	cxb_ivmap_insert(f->map, 0x1000, 0x10, NULL);
	g_assert_null(cxb_ivmap_insert(f->map, 0x1000, 0x10, NULL));
	g_assert_null(cxb_ivmap_insert(f->map, 0xfff, 2, NULL));
	g_assert_null(cxb_ivmap_insert(f->map, 0x100f, 2, NULL));
	g_assert_null(cxb_ivmap_insert(f->map, 0x1004, 1, NULL));
	g_assert_null(cxb_ivmap_insert(f->map, 0, UINT64_MAX, NULL));
	g_assert_cmpuint(cxb_ivmap_count(f->map), ==, 1);
	g_assert_nonnull(cxb_ivmap_insert(f->map, 0xfff, 1, NULL));
	g_assert_nonnull(cxb_ivmap_insert(f->map, 0x1010, 1, NULL));
}

static void the_last_byte_of_the_space_is_usable(Fixture *f, gconstpointer u)
{
	CxbIv *top = cxb_ivmap_insert(f->map, UINT64_MAX, 1, NULL);
	CxbIv *all = cxb_ivmap_insert(f->map, 0, UINT64_MAX, NULL);

	g_assert_nonnull(top);
	g_assert_nonnull(all);
	g_assert_true(cxb_ivmap_find(f->map, UINT64_MAX) == top);
	g_assert_true(cxb_ivmap_find(f->map, UINT64_MAX - 1) == all);
	g_assert_true(cxb_ivmap_covers(f->map, 1, UINT64_MAX));
	g_assert_false(cxb_ivmap_covers(f->map, 2, UINT64_MAX));
	g_assert_true(cxb_ivmap_overlap(f->map, UINT64_MAX, UINT64_MAX) == top);
}

static void overlap_gives_the_lowest_range_touched(Fixture *f, gconstpointer u)
{
	CxbIv *b = cxb_ivmap_insert(f->map, 0x2000, 0x10, NULL);
	CxbIv *a = cxb_ivmap_insert(f->map, 0x1000, 0x10, NULL);

	g_assert_true(cxb_ivmap_overlap(f->map, 0, UINT64_MAX) == a);
	g_assert_true(cxb_ivmap_overlap(f->map, 0x100f, 0x1000) == a);
	g_assert_true(cxb_ivmap_overlap(f->map, 0x1010, 0xff1) == b);
	g_assert_null(cxb_ivmap_overlap(f->map, 0x1010, 0xff0));
	g_assert_null(cxb_ivmap_overlap(f->map, 0x2010, UINT64_MAX));
	g_assert_null(cxb_ivmap_overlap(f->map, 0x1000, 0));
}

static void covers_adjoining_ranges_but_no_gap(Fixture *f, gconstpointer u)
{
	cxb_ivmap_insert(f->map, 0x1000, 0x10, NULL);
	cxb_ivmap_insert(f->map, 0x1010, 0x10, NULL);
	cxb_ivmap_insert(f->map, 0x1021, 0x10, NULL);
	g_assert_true(cxb_ivmap_covers(f->map, 0x1000, 0x20));
	g_assert_true(cxb_ivmap_covers(f->map, 0x1008, 0x10));
	g_assert_true(cxb_ivmap_covers(f->map, 0x5000, 0));
	g_assert_false(cxb_ivmap_covers(f->map, 0x1000, 0x21));
	g_assert_false(cxb_ivmap_covers(f->map, 0xfff, 2));
	g_assert_false(cxb_ivmap_covers(f->map, 0x1030, 2));
	g_assert_false(cxb_ivmap_covers(f->map, 0x1020, 1));
}

static void walks_upwards_whatever_the_order_of_insertion(Fixture *f, gconstpointer u)
{
	static const uint64_t starts[] = { 50, 10, 90, 30, 70 };
	uint64_t want = 10;

	for (size_t i = 0; i < G_N_ELEMENTS(starts); i++)
		cxb_ivmap_insert(f->map, starts[i], 20, NULL);
	for (CxbIv *iv = cxb_ivmap_first(f->map); iv; iv = cxb_ivmap_next(f->map, iv)) {
		g_assert_cmpuint(iv->start, ==, want);
		want += 20;
	}
	g_assert_cmpuint(want, ==, 110);
}

static void remove_takes_only_an_exact_start(Fixture *f, gconstpointer u)
{
	cxb_ivmap_insert(f->map, 0x1000, 0x10, NULL);
	g_assert_false(cxb_ivmap_remove(f->map, 0x1001));
	g_assert_false(cxb_ivmap_remove(f->map, 0xfff));
	g_assert_true(cxb_ivmap_remove(f->map, 0x1000));
	g_assert_false(cxb_ivmap_remove(f->map, 0x1000));
	g_assert_nonnull(cxb_ivmap_insert(f->map, 0x1008, 0x10, NULL));
}

static void drop_takes_the_range_and_leaves_the_others_where_they_are(Fixture *f, gconstpointer u)
{
	CxbIv *iv[64], *at;

	for (unsigned i = 0; i < G_N_ELEMENTS(iv); i++)
		iv[i] = cxb_ivmap_insert(f->map, 10 * i, 10, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(iv); i += 2)
		cxb_ivmap_drop(f->map, iv[i]);
	at = cxb_ivmap_first(f->map);
	for (unsigned i = 1; i < G_N_ELEMENTS(iv); i += 2, at = cxb_ivmap_next(f->map, at)) {
		g_assert_true(at == iv[i]);
		g_assert_true(cxb_ivmap_find(f->map, 10 * i + 9) == iv[i]);
		g_assert_null(cxb_ivmap_find(f->map, 10 * i - 1));
	}
	g_assert_null(at);
}

static void count_up(void *value)
{
	++*(unsigned *)value;
}

static void values_are_freed_once_and_only_when_their_range_goes(Fixture *f, gconstpointer u)
{
	CxbIvMap *map = cxb_ivmap_new(count_up);
	unsigned freed[4] = { 0 };

	cxb_ivmap_insert(map, 0, 4, &freed[0]);
	cxb_ivmap_insert(map, 4, 4, &freed[1]);
	g_assert_null(cxb_ivmap_insert(map, 2, 4, &freed[2]));
	cxb_ivmap_drop(map, cxb_ivmap_at(map, 0));
	g_assert_cmpuint(freed[0], ==, 1);
	g_assert_cmpuint(freed[1], ==, 0);
	cxb_ivmap_clear(map);
	g_assert_cmpuint(freed[1], ==, 1);
	g_assert_cmpuint(cxb_ivmap_count(map), ==, 0);
	cxb_ivmap_insert(map, 0, 4, &freed[3]);
	cxb_ivmap_free(map);
	g_assert_cmpuint(freed[0] + freed[1] + freed[3], ==, 3);
	g_assert_cmpuint(freed[2], ==, 0);
	cxb_ivmap_free(NULL);
}

#define ADD(name, fn) g_test_add("/ivmap/" name, Fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("an-empty-map-holds-nothing", an_empty_map_holds_nothing);
	ADD("finds-every-byte-of-a-range-and-none-beside",
	    finds_every_byte_of_a_range_and_none_beside);
	ADD("refuses-an-empty-or-wrapping-range", refuses_an_empty_or_wrapping_range);
	ADD("refuses-whatever-overlaps", refuses_whatever_overlaps);
	ADD("the-last-byte-of-the-space-is-usable", the_last_byte_of_the_space_is_usable);
	ADD("overlap-gives-the-lowest-range-touched", overlap_gives_the_lowest_range_touched);
	ADD("covers-adjoining-ranges-but-no-gap", covers_adjoining_ranges_but_no_gap);
	ADD("walks-upwards-whatever-the-order-of-insertion",
	    walks_upwards_whatever_the_order_of_insertion);
	ADD("remove-takes-only-an-exact-start", remove_takes_only_an_exact_start);
	ADD("drop-takes-the-range-and-leaves-the-others-where-they-are",
	    drop_takes_the_range_and_leaves_the_others_where_they_are);
	ADD("values-are-freed-once-and-only-when-their-range-goes",
	    values_are_freed_once_and_only_when_their_range_goes);
	return g_test_run();
}
