/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/error.h"
#include "memory/guard.h"
#include "memory/memmap.h"
#include "memtest.h"

#define PAGE 4096ull
#define MIB  (1ull << 20)
#define SIZE (64 * MIB)
#define BASE (1ull << 40)

typedef struct {
	MemBox box;
	CxbMemMap *mm;
	CxbRegion *win;
	CxbHostMem *m0, *m1;
	unsigned decodes;
} Fixture;

static CxbMemResult decode_read(void *opaque, uint64_t off, void *buf, size_t len)
{
	((Fixture *)opaque)->decodes++;
	memset(buf, 'd', len);
	return CXB_MEM_OK;
}

static CxbMemResult decode_write(void *opaque, uint64_t off, const void *buf, size_t len)
{
	((Fixture *)opaque)->decodes++;
	return CXB_MEM_OK;
}

static const CxbRegionOps decode = { .read_bulk = decode_read, .write_bulk = decode_write };

static void setup(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;

	mem_box_open(&f->box);
	f->mm = cxb_memmap_new();
	f->win = cxb_region_new_window("w", SIZE, &decode, f, &error);
	g_assert_no_error(error);
	cxb_memmap_place(f->mm, f->win, BASE, 0, 0, SIZE);
	f->m0 = mem_new(&f->box, "memory-backend-ram,id=m0,size=16M");
	f->m1 = mem_new(&f->box, "memory-backend-ram,id=m1,size=16M");
	g_assert_cmpuint(cxb_map_budget_used(), ==, 0);
}

static void teardown(Fixture *f, gconstpointer unused)
{
	cxb_region_free(f->win);
	cxb_memmap_free(f->mm);
	mem_box_close(&f->box);
	g_assert_cmpuint(cxb_map_budget_used(), ==, 0);
	cxb_map_budget_set_limit(0);
}

static CxbAliasMode alias(Fixture *f, uint64_t off, uint64_t len, CxbHostMem *mem, uint64_t mem_off)
{
	g_autoptr(GError) error = NULL;
	CxbAliasMode mode = CXB_ALIAS_NONE;

	g_assert_true(cxb_window_alias(f->win, off, len, mem, mem_off, false, &mode, &error));
	g_assert_no_error(error);
	g_assert_cmpint(cxb_window_alias_at(f->win, off, NULL, NULL), ==, mode);
	return mode;
}

static CxbAliasMode mode_at(Fixture *f, uint64_t off)
{
	return cxb_window_alias_at(f->win, off, NULL, NULL);
}

static bool accessible(Fixture *f, uint64_t off)
{
	uint8_t *p = cxb_window_ptr(f->win, off), b;

	return cxb_guard_copy(&b, p, 1, p, 1);
}

/* The kernel's count and ours agree. */
static void assert_areas(Fixture *f, unsigned boundaries)
{
	g_assert_cmpuint(cxb_map_budget_used(), ==, boundaries);
	g_assert_cmpuint(count_areas(cxb_window_ptr(f->win, 0), SIZE), ==, boundaries + 1);
}

static void an_alias_shows_the_backend_in_place(Fixture *f, gconstpointer unused)
{
	uint64_t start, len;
	char buf[6] = "";

	g_assert_cmpint(alias(f, 8 * MIB, 2 * MIB, f->m0, 4 * MIB), ==, CXB_ALIAS_DIRECT);
	g_assert_cmpint(cxb_memmap_write(f->mm, BASE + 9 * MIB, "hello", 6), ==, CXB_MEM_OK);
	g_assert_true(cxb_hostmem_read(f->m0, 5 * MIB, buf, 6));
	g_assert_cmpstr(buf, ==, "hello");
	g_assert_true(cxb_hostmem_write(f->m0, 5 * MIB, "world", 6));
	g_assert_cmpstr(cxb_memmap_ptr(f->mm, BASE + 9 * MIB, 6), ==, "world");
	g_assert_true(cxb_memmap_ptr(f->mm, BASE + 9 * MIB, 6) == cxb_window_ptr(f->win, 9 * MIB));
	g_assert_cmpint(cxb_window_alias_at(f->win, 10 * MIB - 1, &start, &len), ==,
			CXB_ALIAS_DIRECT);
	g_assert_cmpuint(start, ==, 8 * MIB);
	g_assert_cmpuint(len, ==, 2 * MIB);
	g_assert_cmpint(mode_at(f, 10 * MIB), ==, CXB_ALIAS_NONE);
	g_assert_cmpuint(f->decodes, ==, 0);
}

static void without_an_alias_accesses_are_decoded(Fixture *f, gconstpointer unused)
{
	char buf[16];

	alias(f, MIB, PAGE, f->m0, 0);
	g_assert_cmpint(cxb_memmap_read(f->mm, BASE + MIB - 4, buf, 8), ==, CXB_MEM_OK);
	g_assert_cmpmem(buf, 8, "dddd\0\0\0\0", 8);
	g_assert_cmpint(cxb_memmap_read(f->mm, BASE + MIB + PAGE - 4, buf, 8), ==, CXB_MEM_OK);
	g_assert_cmpmem(buf, 8, "\0\0\0\0dddd", 8);
	g_assert_cmpuint(f->decodes, ==, 2);
	g_assert_null(cxb_memmap_ptr(f->mm, BASE + MIB, PAGE + 1));
	g_assert_nonnull(cxb_memmap_ptr(f->mm, BASE + MIB, PAGE));
}

static void an_unaliased_range_faults(Fixture *f, gconstpointer unused)
{
	g_assert_false(accessible(f, 0));
	alias(f, 0, MIB, f->m0, 0);
	g_assert_true(accessible(f, 0));
	g_assert_false(cxb_window_unalias(f->win, PAGE));
	g_assert_true(cxb_window_unalias(f->win, 0));
	g_assert_false(cxb_window_unalias(f->win, 0));
	g_assert_false(accessible(f, 0));
	g_assert_cmpint(mode_at(f, 0), ==, CXB_ALIAS_NONE);
	assert_areas(f, 0);
}

static void bad_ranges_are_refused(Fixture *f, gconstpointer unused)
{
	static const struct {
		uint64_t off, len, mem_off;
		const char *message;
	} bad[] = {
		{ SIZE, PAGE, 0, "range 0x4000000+0x1000 is outside window w" },
		{ SIZE - PAGE, 2 * PAGE, 0, "range 0x3fff000+0x2000 is outside window w" },
		{ 0, 0, 0, "range 0x0+0x0 is outside window w" },
		{ UINT64_MAX, 2, 0, "range 0xffffffffffffffff+0x2 is outside window w" },
		{ 0, 17 * MIB, 0, "range 0x0+0x1100000 is outside memory backend 'm0'" },
		{ 0, PAGE, 16 * MIB, "range 0x1000000+0x1000 is outside memory backend 'm0'" },
		{ 0, 2 * MIB, 0, "range 0x0+0x200000 of window w overlaps another alias" },
		{ 3 * MIB - 1, 1, 0, "range 0x2fffff+0x1 of window w overlaps another alias" },
	};

	alias(f, MIB, 2 * MIB, f->m0, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;
		CxbAliasMode mode;

		g_assert_false(cxb_window_alias(f->win, bad[i].off, bad[i].len, f->m0,
						bad[i].mem_off, false, &mode, &error));
		g_assert_error(error, CXB_ERROR, CXB_ERROR_INVALID);
		g_assert_cmpstr(error->message, ==, bad[i].message);
		assert_areas(f, 2);
	}
}

static void what_is_not_page_aligned_is_decoded(Fixture *f, gconstpointer unused)
{
	g_assert_cmpint(alias(f, 0, 256, f->m0, 0), ==, CXB_ALIAS_DECODED);
	g_assert_cmpint(alias(f, 256, PAGE, f->m0, 256), ==, CXB_ALIAS_DECODED);
	g_assert_cmpint(alias(f, 2 * PAGE, PAGE, f->m0, 256), ==, CXB_ALIAS_DECODED);
	assert_areas(f, 0);
	g_assert_cmpint(cxb_memmap_write(f->mm, BASE, "x", 1), ==, CXB_MEM_OK);
	g_assert_cmpuint(f->decodes, ==, 1);
	g_assert_true(cxb_window_unalias(f->win, 256));
}

static void a_read_only_alias_refuses_writes(Fixture *f, gconstpointer unused)
{
	uint8_t *p = cxb_window_ptr(f->win, 0), b = 1;
	CxbAliasMode mode;

	g_assert_true(cxb_window_alias(f->win, 0, MIB, f->m0, 0, true, &mode, NULL));
	g_assert_cmpint(mode, ==, CXB_ALIAS_DIRECT);
	g_assert_cmpint(cxb_memmap_write(f->mm, BASE, &b, 1), ==, CXB_MEM_ERROR);
	g_assert_false(cxb_guard_copy(p, &b, 1, p, 1));
	g_assert_cmpint(cxb_memmap_read(f->mm, BASE, &b, 1), ==, CXB_MEM_OK);
	g_assert_cmpuint(b, ==, 0);
	/* the next piece continues the file, but not the protection */
	alias(f, MIB, MIB, f->m0, MIB);
	assert_areas(f, 2);
}

static void pieces_that_follow_each_other_count_once(Fixture *f, gconstpointer unused)
{
	alias(f, 8 * MIB, MIB, f->m0, 0);
	assert_areas(f, 2);
	alias(f, 10 * MIB, MIB, f->m0, 2 * MIB);
	assert_areas(f, 4);
	alias(f, 9 * MIB, MIB, f->m0, MIB); /* closes the gap: one stretch */
	assert_areas(f, 2);
	alias(f, 11 * MIB, MIB, f->m0, 0); /* same file, not the next offset */
	assert_areas(f, 3);
	alias(f, 12 * MIB, MIB, f->m1, MIB); /* next offset, another file */
	assert_areas(f, 4);
	alias(f, 0, MIB, f->m1, 0); /* at the edge of the window */
	assert_areas(f, 5);
	g_assert_nonnull(cxb_memmap_ptr(f->mm, BASE + 8 * MIB, 5 * MIB));
	g_assert_true(cxb_window_unalias(f->win, 9 * MIB));
	assert_areas(f, 7);
	g_assert_true(cxb_window_unalias(f->win, 10 * MIB));
	assert_areas(f, 6);
	g_assert_true(cxb_window_unalias(f->win, 11 * MIB));
	assert_areas(f, 5);
}

static void beyond_the_budget_aliases_are_decoded(Fixture *f, gconstpointer unused)
{
	cxb_map_budget_set_limit(4);
	g_assert_cmpuint(cxb_map_budget_limit(), ==, 4);
	g_assert_cmpint(alias(f, 2 * MIB, MIB, f->m0, 0), ==, CXB_ALIAS_DIRECT);
	g_assert_cmpint(alias(f, 6 * MIB, MIB, f->m0, 4 * MIB), ==, CXB_ALIAS_DIRECT);
	g_assert_cmpint(alias(f, 9 * MIB, MIB, f->m0, 8 * MIB), ==, CXB_ALIAS_DECODED);
	g_assert_cmpint(alias(f, 3 * MIB, MIB, f->m0, MIB), ==, CXB_ALIAS_DIRECT);
	assert_areas(f, 4);
	g_assert_true(cxb_window_unalias(f->win, 9 * MIB));
	g_assert_true(cxb_window_unalias(f->win, 6 * MIB));
	g_assert_cmpint(alias(f, 9 * MIB, MIB, f->m0, 8 * MIB), ==, CXB_ALIAS_DIRECT);
	assert_areas(f, 4);
}

/* The limit is 2 and the reserve 1: cutting the middle out of a stretch needs 4. */
static void without_budget_a_removal_takes_the_shorter_side_along(Fixture *f, gconstpointer unused)
{
	cxb_map_budget_set_limit(2);
	for (uint64_t i = 0; i < 8; i++)
		g_assert_cmpint(alias(f, (8 + i) * MIB, MIB, f->m0, i * MIB), ==, CXB_ALIAS_DIRECT);
	assert_areas(f, 2);
	g_assert_true(cxb_window_unalias(f->win, 13 * MIB));
	assert_areas(f, 2);
	for (uint64_t i = 8; i < 16; i++) {
		const CxbAliasMode expected = i < 13   ? CXB_ALIAS_DIRECT
					      : i > 13 ? CXB_ALIAS_DECODED
						       : CXB_ALIAS_NONE;

		g_assert_cmpint(mode_at(f, i * MIB), ==, expected);
		g_assert_cmpint(accessible(f, i * MIB), ==, expected == CXB_ALIAS_DIRECT);
	}
	g_assert_true(cxb_window_unalias(f->win, 9 * MIB)); /* here the left side is shorter */
	g_assert_cmpint(mode_at(f, 8 * MIB), ==, CXB_ALIAS_DECODED);
	g_assert_cmpint(mode_at(f, 10 * MIB), ==, CXB_ALIAS_DIRECT);
	assert_areas(f, 2);
}

/* Neighbours on both sides and nothing to spare: even the shorter side would cost one. */
static void without_any_budget_the_whole_stretch_goes(Fixture *f, gconstpointer unused)
{
	alias(f, 7 * MIB, MIB, f->m1, 0);
	for (uint64_t i = 0; i < 3; i++)
		alias(f, (8 + i) * MIB, MIB, f->m0, i * MIB);
	alias(f, 11 * MIB, MIB, f->m1, 0);
	assert_areas(f, 4);
	cxb_map_budget_set_limit(1);
	g_assert_true(cxb_window_unalias(f->win, 9 * MIB));
	assert_areas(f, 4);
	g_assert_cmpint(mode_at(f, 7 * MIB), ==, CXB_ALIAS_DIRECT);
	g_assert_cmpint(mode_at(f, 8 * MIB), ==, CXB_ALIAS_DECODED);
	g_assert_cmpint(mode_at(f, 10 * MIB), ==, CXB_ALIAS_DECODED);
	g_assert_cmpint(mode_at(f, 11 * MIB), ==, CXB_ALIAS_DIRECT);
	for (uint64_t i = 8; i < 11; i++)
		g_assert_false(accessible(f, i * MIB));
}

static void a_truncated_file_fails_its_pages_only(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *dir = g_dir_make_tmp("cxlbox-test-XXXXXX", &error);
	g_autofree char *path = g_build_filename(dir, "mem", NULL);
	g_autofree char *text =
		g_strdup_printf("memory-backend-file,id=file,size=1M,share=on,mem-path=%s", path);
	g_autofree uint8_t *buf = g_malloc(3 * PAGE);
	CxbHostMem *mem = mem_new(&f->box, text);

	g_assert_cmpint(alias(f, 0, MIB, mem, 0), ==, CXB_ALIAS_DIRECT);
	g_assert_cmpint(truncate(path, PAGE), ==, 0);
	memset(buf, 'x', 3 * PAGE);
	g_assert_cmpint(cxb_memmap_read(f->mm, BASE, buf, 2 * PAGE), ==, CXB_MEM_ERROR);
	g_assert_cmpuint(buf[PAGE - 1], ==, 0);
	g_assert_cmpuint(buf[PAGE], ==, 0xff);
	g_assert_cmpuint(buf[2 * PAGE - 1], ==, 0xff);
	g_assert_cmpuint(buf[2 * PAGE], ==, 'x');
	g_assert_cmpint(cxb_memmap_write(f->mm, BASE, buf, 3 * PAGE), ==, CXB_MEM_ERROR);
	g_assert_cmpint(cxb_memmap_read(f->mm, BASE, buf, 8), ==, CXB_MEM_OK);
	g_unlink(path);
	g_rmdir(dir);
}

static void a_window_costs_no_memory_and_fails_when_too_large(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	CxbRegion *big = cxb_region_new_window("big", 4ull << 40, &decode, f, &error);

	g_assert_no_error(error);
	g_assert_cmpuint((uintptr_t)cxb_window_ptr(big, 0) % (1ull << 30), ==, 0);
	cxb_region_free(big);
	g_assert_null(cxb_region_new_window("big", 1ull << 60, &decode, f, &error));
	g_assert_error(error, CXB_ERROR, CXB_ERROR_SYSTEM);
	g_clear_error(&error);
	g_assert_null(cxb_region_new_window("big", 0, &decode, f, &error));
	g_clear_error(&error);
	g_assert_null(cxb_region_new_window("big", UINT64_MAX, &decode, f, &error));
}

static void nothing_is_left_of_a_window(Fixture *f, gconstpointer unused)
{
	const unsigned fds = open_files(), maps = count_maps("memfd:cxlbox");

	for (int round = 0; round < 20; round++) {
		CxbRegion *win = cxb_region_new_window("t", SIZE, &decode, f, NULL);

		for (uint64_t i = 0; i < 8; i++)
			g_assert_true(cxb_window_alias(win, 2 * i * MIB, MIB, f->m0, i * MIB, false,
						       NULL, NULL));
		g_assert_cmpuint(count_maps("memfd:cxlbox"), ==, maps + 8);
		g_assert_cmpuint(cxb_map_budget_used(), ==, 15);
		cxb_region_free(win);
		g_assert_cmpuint(cxb_map_budget_used(), ==, 0);
		g_assert_cmpuint(count_maps("memfd:cxlbox"), ==, maps);
		g_assert_cmpuint(open_files(), ==, fds);
	}
}

static void the_system_sets_the_budget(void)
{
	g_autofree char *text = NULL;

	cxb_map_budget_set_limit(0);
	g_assert_true(g_file_get_contents("/proc/sys/vm/max_map_count", &text, NULL, NULL));
	g_assert_cmpuint(cxb_map_budget_limit(), ==, g_ascii_strtoull(text, NULL, 10) / 2);
}

#define T(path, fn) g_test_add("/window/" path, Fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	T("alias", an_alias_shows_the_backend_in_place);
	T("decode", without_an_alias_accesses_are_decoded);
	T("unalias", an_unaliased_range_faults);
	T("bad", bad_ranges_are_refused);
	T("sub-page", what_is_not_page_aligned_is_decoded);
	T("readonly", a_read_only_alias_refuses_writes);
	T("merge", pieces_that_follow_each_other_count_once);
	T("budget", beyond_the_budget_aliases_are_decoded);
	T("budget/side", without_budget_a_removal_takes_the_shorter_side_along);
	T("budget/stretch", without_any_budget_the_whole_stretch_goes);
	T("truncated", a_truncated_file_fails_its_pages_only);
	T("size", a_window_costs_no_memory_and_fails_when_too_large);
	T("leaks", nothing_is_left_of_a_window);
	g_test_add_func("/window/budget/system", the_system_sets_the_budget);
	return g_test_run();
}
