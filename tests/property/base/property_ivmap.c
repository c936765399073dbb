/* SPDX-License-Identifier: Apache-2.0 */
/* The interval map against a sorted array that is searched from end to end. */
#include <glib.h>

#include "base/ivmap.h"
#include "base/range.h"

#define OPS 100000

typedef struct {
	uint64_t start, last;
	bool *freed;
} Row;

typedef struct {
	GArray *rows; /* of Row, by start */
	CxbIvMap *map;
} Fixture;

static Row *row_of(const Fixture *f, guint i)
{
	return i < f->rows->len ? &g_array_index(f->rows, Row, i) : NULL;
}

/* The lowest row that shares a byte with @start to @last. */
static Row *model_overlap(const Fixture *f, uint64_t start, uint64_t last)
{
	Row *row;

	for (guint i = 0; (row = row_of(f, i)); i++)
		if (row->start <= last && start <= row->last)
			return row;
	return NULL;
}

static bool model_covers(const Fixture *f, uint64_t start, uint64_t last)
{
	const Row *row;

	while ((row = model_overlap(f, start, start))) {
		if (row->last >= last)
			return true;
		start = row->last + 1;
	}
	return false;
}

static void model_insert(Fixture *f, const Row *row)
{
	guint i = 0;

	while (row_of(f, i) && row_of(f, i)->start < row->start)
		i++;
	g_array_insert_val(f->rows, i, *row);
}

static void assert_same(const CxbIv *iv, const Row *row)
{
	g_assert_cmpint(iv != NULL, ==, row != NULL);
	if (!iv)
		return;
	g_assert_cmphex(iv->start, ==, row->start);
	g_assert_cmphex(iv->len - 1, ==, row->last - row->start);
	g_assert_true(iv->value == row->freed);
	g_assert_false(*row->freed);
}

static void assert_same_walk(const Fixture *f)
{
	const CxbIv *iv = cxb_ivmap_first(f->map);

	for (guint i = 0; i < f->rows->len; i++) {
		assert_same(iv, row_of(f, i));
		iv = cxb_ivmap_next(f->map, iv);
	}
	g_assert_null(iv);
}

/* Crowded places: both ends of the space and its middle. */
static uint64_t random_start(void)
{
	static const uint64_t places[] = { 0, UINT64_MAX / 2 - 256, UINT64_MAX - 511 };

	return places[g_test_rand_int_range(0, 3)] + g_test_rand_int_range(0, 512);
}

static uint64_t random_len(void)
{
	switch (g_test_rand_int_range(0, 16)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - g_test_rand_int_range(0, 512);
	case 2:
		return UINT64_MAX / 2 + g_test_rand_int_range(-512, 512);
	default:
		return g_test_rand_int_range(1, 24);
	}
}

static void mark_freed(void *value)
{
	bool *freed = value;

	g_assert_false(*freed);
	*freed = true;
}

static void try_insert(Fixture *f, bool *freed)
{
	const uint64_t start = random_start(), len = random_len();
	const Row row = { start, start + len - 1, freed };
	const bool want = cxb_range_valid(start, len) && !model_overlap(f, start, row.last);
	CxbIv *iv = cxb_ivmap_insert(f->map, start, len, freed);

	g_assert_cmpint(iv != NULL, ==, want);
	if (!iv)
		return;
	assert_same(iv, &row);
	model_insert(f, &row);
}

static void try_remove(Fixture *f)
{
	uint64_t start = random_start();
	Row *row;

	/* Mostly something that is there, else the map only grows. */
	if (f->rows->len && g_test_rand_int_range(0, 4))
		start = row_of(f, g_test_rand_int_range(0, f->rows->len))->start;
	row = model_overlap(f, start, start);
	if (row && row->start != start)
		row = NULL;
	if (row && g_test_rand_bit())
		cxb_ivmap_drop(f->map, cxb_ivmap_at(f->map, start));
	else
		g_assert_cmpint(cxb_ivmap_remove(f->map, start), ==, row != NULL);
	if (!row)
		return;
	g_assert_true(*row->freed);
	g_array_remove_index(f->rows, row - row_of(f, 0));
}

static void compare_queries(const Fixture *f)
{
	const uint64_t start = random_start(), len = random_len();
	const uint64_t last = cxb_range_valid(start, len) ? start + (len - 1) : UINT64_MAX;
	Row *at = model_overlap(f, start, start);

	assert_same(cxb_ivmap_find(f->map, start), at);
	assert_same(cxb_ivmap_at(f->map, start), at && at->start == start ? at : NULL);
	assert_same(cxb_ivmap_overlap(f->map, start, len),
		    len ? model_overlap(f, start, last) : NULL);
	g_assert_cmpint(cxb_ivmap_covers(f->map, start, len), ==,
			!len || (cxb_range_valid(start, len) && model_covers(f, start, last)));
}

static void clear(Fixture *f)
{
	cxb_ivmap_clear(f->map);
	for (guint i = 0; i < f->rows->len; i++)
		g_assert_true(*row_of(f, i)->freed);
	g_array_set_size(f->rows, 0);
}

static void agrees_with_a_naive_array_over_random_operations(void)
{
	g_autofree bool *freed = g_new0(bool, OPS);
	Fixture f = { g_array_new(FALSE, FALSE, sizeof(Row)), cxb_ivmap_new(mark_freed) };

	for (unsigned i = 0; i < OPS; i++) {
		const int what = g_test_rand_int_range(0, 20000);

		if (!what)
			clear(&f);
		else if (what < 8000)
			try_insert(&f, &freed[i]);
		else if (what < 13000)
			try_remove(&f);
		else
			compare_queries(&f);
		g_assert_cmpuint(cxb_ivmap_count(f.map), ==, f.rows->len);
		if (i % 64 == 0)
			assert_same_walk(&f);
	}
	assert_same_walk(&f);
	clear(&f);
	cxb_ivmap_free(f.map);
	g_array_unref(f.rows);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ivmap/agrees-with-a-naive-array-over-random-operations",
			agrees_with_a_naive_array_over_random_operations);
	return g_test_run();
}
