/* SPDX-License-Identifier: Apache-2.0 */
#include "memory/memmap.h"
#include "memtest.h"

#define KIB 1024ull

/* A region that answers with its letter and notes what it was asked. */
typedef struct {
	char letter;
	GString *log; /* "r8@10 w4@20 ..." */
	CxbMemResult rc;
	CxbMemMap *mm;
	CxbRegion *region; /* not NULL: freed by the next write */
} Dev;

typedef struct {
	MemBox box;
	CxbMemMap *mm;
	GString *log;
	Dev a, b;
	CxbRegion *ra, *rb;
} Fixture;

static CxbMemResult dev_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	Dev *dev = opaque;

	g_assert_cmpuint(off % size, ==, 0);
	g_string_append_printf(dev->log, "%cr%u@%" G_GINT64_MODIFIER "x ", dev->letter, size, off);
	memset(val, dev->letter, sizeof(*val));
	return dev->rc;
}

static CxbMemResult dev_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	Dev *dev = opaque;

	g_assert_cmpuint(off % size, ==, 0);
	g_string_append_printf(dev->log, "%cw%u@%" G_GINT64_MODIFIER "x=%" G_GINT64_MODIFIER "x ",
			       dev->letter, size, off, val);
	g_clear_pointer(&dev->region, cxb_region_free);
	return dev->rc;
}

static CxbMemResult dev_read_bulk(void *opaque, uint64_t off, void *buf, size_t len)
{
	Dev *dev = opaque;

	g_string_append_printf(dev->log, "%cR%zu@%" G_GINT64_MODIFIER "x ", dev->letter, len, off);
	memset(buf, dev->letter, len);
	return dev->rc;
}

static CxbMemResult dev_write_bulk(void *opaque, uint64_t off, const void *buf, size_t len)
{
	Dev *dev = opaque;

	g_string_append_printf(dev->log, "%cW%zu@%" G_GINT64_MODIFIER "x ", dev->letter, len, off);
	return dev->rc;
}

static const CxbRegionOps dev_ops = { .read = dev_read, .write = dev_write };
static const CxbRegionOps bulk_ops = {
	.read = dev_read,
	.write = dev_write,
	.read_bulk = dev_read_bulk,
	.write_bulk = dev_write_bulk,
};

static void setup(Fixture *f, gconstpointer unused)
{
	mem_box_open(&f->box);
	f->mm = cxb_memmap_new();
	f->log = g_string_new(NULL);
	f->a = (Dev){ .letter = 'a', .log = f->log, .mm = f->mm };
	f->b = (Dev){ .letter = 'b', .log = f->log, .mm = f->mm };
	f->ra = cxb_region_new_io("a", 4 * KIB, &dev_ops, &f->a);
	f->rb = cxb_region_new_io("b", 1 * KIB, &bulk_ops, &f->b);
}

static void teardown(Fixture *f, gconstpointer unused)
{
	cxb_region_free(f->ra);
	cxb_region_free(f->rb);
	cxb_memmap_free(f->mm);
	g_string_free(f->log, TRUE);
	mem_box_close(&f->box);
}

static void append_range(void *opaque, uint64_t hpa, uint64_t len, const CxbRegion *region,
			 uint64_t off)
{
	g_string_append_printf(opaque,
			       "%s:%" G_GINT64_MODIFIER "x+%" G_GINT64_MODIFIER
			       "x@%" G_GINT64_MODIFIER "x ",
			       cxb_region_name(region), hpa, len, off);
}

static void assert_view(Fixture *f, const char *expected)
{
	g_autoptr(GString) view = g_string_new(NULL);

	cxb_memmap_foreach(f->mm, append_range, view);
	g_assert_cmpstr(view->str, ==, expected);
}

static void assert_log(Fixture *f, const char *expected)
{
	g_assert_cmpstr(f->log->str, ==, expected);
	g_string_truncate(f->log, 0);
}

static void nothing_answers_in_an_empty_map(Fixture *f, gconstpointer unused)
{
	uint8_t buf[16] = "";

	g_assert_cmpint(cxb_memmap_read(f->mm, 0x1000, buf, 16), ==, CXB_MEM_UNMAPPED);
	for (int i = 0; i < 16; i++)
		g_assert_cmpuint(buf[i], ==, 0xff);
	g_assert_cmpint(cxb_memmap_write(f->mm, 0x1000, buf, 16), ==, CXB_MEM_UNMAPPED);
	g_assert_null(cxb_memmap_ptr(f->mm, 0x1000, 16));
	g_assert_cmpint(cxb_memmap_read(f->mm, 0x1000, buf, 0), ==, CXB_MEM_OK);
	assert_view(f, "");
}

static void higher_priority_wins_whatever_the_order(Fixture *f, gconstpointer unused)
{
	cxb_memmap_place(f->mm, f->rb, 0x1400, 1, 0, UINT64_MAX);
	cxb_memmap_place(f->mm, f->ra, 0x1000, 0, 0, UINT64_MAX);
	assert_view(f, "a:1000+400@0 b:1400+400@0 a:1800+800@800 ");
	cxb_memmap_place(f->mm, f->ra, 0x1000, 2, 0, UINT64_MAX);
	assert_view(f, "a:1000+1000@0 ");
	cxb_memmap_remove(f->mm, f->ra);
	assert_view(f, "b:1400+400@0 ");
	cxb_memmap_remove(f->mm, f->ra);
}

static void among_equals_the_later_wins(Fixture *f, gconstpointer unused)
{
	cxb_memmap_place(f->mm, f->ra, 0x1000, 0, 0, UINT64_MAX);
	cxb_memmap_place(f->mm, f->rb, 0x1000, 0, 0, UINT64_MAX);
	assert_view(f, "b:1000+400@0 a:1400+c00@400 ");
	cxb_memmap_place(f->mm, f->ra, 0x1000, 0, 0, UINT64_MAX);
	assert_view(f, "a:1000+1000@0 ");
}

static void only_the_clip_answers(Fixture *f, gconstpointer unused)
{
	uint64_t hpa = 0;

	g_assert_false(cxb_region_hpa(f->ra, &hpa));
	cxb_memmap_place(f->mm, f->ra, 0x1000, 0, 0x100, 0x200);
	assert_view(f, "a:1100+200@100 ");
	g_assert_true(cxb_region_hpa(f->ra, &hpa));
	g_assert_cmphex(hpa, ==, 0x1000);
	cxb_memmap_place(f->mm, f->ra, 0x1000, 0, 0xf00, 0x1000);
	assert_view(f, "a:1f00+100@f00 ");
	cxb_memmap_place(f->mm, f->ra, 0x1000, 0, 0x1000, 1);
	assert_view(f, "");
}

static void ranges_are_cut_at_the_top_of_the_address_space(Fixture *f, gconstpointer unused)
{
	uint8_t buf[8];

	cxb_memmap_place(f->mm, f->ra, UINT64_MAX - 0xff, 0, 0, UINT64_MAX);
	assert_view(f, "a:ffffffffffffff00+100@0 ");
	g_assert_cmpint(cxb_memmap_read(f->mm, UINT64_MAX - 7, buf, 8), ==, CXB_MEM_OK);
	g_assert_cmpint(cxb_memmap_read(f->mm, UINT64_MAX - 3, buf, 8), ==, CXB_MEM_UNMAPPED);
	g_assert_cmpmem(buf, 8, "aaaa\xff\xff\xff\xff", 8);
	g_assert_cmpint(cxb_memmap_write(f->mm, UINT64_MAX - 3, buf, 8), ==, CXB_MEM_UNMAPPED);
	cxb_memmap_place(f->mm, f->ra, UINT64_MAX - 0xff, 0, 0x100, UINT64_MAX);
	assert_view(f, "");
}

static void the_outermost_commit_publishes(Fixture *f, gconstpointer unused)
{
	{
		CXB_MEMMAP_TXN(f->mm);
		cxb_memmap_place(f->mm, f->ra, 0x1000, 0, 0, UINT64_MAX);
		assert_view(f, "");
		{
			CXB_MEMMAP_TXN(f->mm);
			cxb_memmap_place(f->mm, f->rb, 0x3000, 0, 0, UINT64_MAX);
		}
		assert_view(f, "");
	}
	assert_view(f, "a:1000+1000@0 b:3000+400@0 ");
}

static void a_region_freed_in_a_transaction_answers_no_more(Fixture *f, gconstpointer unused)
{
	uint8_t b = 0;

	cxb_memmap_place(f->mm, f->ra, 0x1000, 0, 0, UINT64_MAX);
	cxb_memmap_begin(f->mm);
	g_clear_pointer(&f->ra, cxb_region_free);
	g_assert_cmpint(cxb_memmap_read(f->mm, 0x1000, &b, 1), ==, CXB_MEM_UNMAPPED);
	g_assert_cmpuint(b, ==, 0xff);
	g_assert_cmpint(cxb_memmap_write(f->mm, 0x1000, &b, 1), ==, CXB_MEM_UNMAPPED);
	g_assert_null(cxb_memmap_ptr(f->mm, 0x1000, 1));
	cxb_memmap_commit(f->mm);
	assert_view(f, "");
	assert_log(f, "");
}

static void a_write_may_free_its_own_region(Fixture *f, gconstpointer unused)
{
	const uint8_t buf[16] = { 1 };

	cxb_memmap_place(f->mm, f->ra, 0x1000, 0, 0, UINT64_MAX);
	f->a.region = g_steal_pointer(&f->ra);
	g_assert_cmpint(cxb_memmap_write(f->mm, 0x1000, buf, 16), ==, CXB_MEM_UNMAPPED);
	assert_log(f, "aw8@0=1 ");
	assert_view(f, "");
}

static void registers_see_natural_accesses(Fixture *f, gconstpointer unused)
{
	uint8_t buf[32] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77 };

	cxb_memmap_place(f->mm, f->ra, 0x1000, 0, 0, UINT64_MAX);
	g_assert_cmpint(cxb_memmap_write(f->mm, 0x1001, buf, 7), ==, CXB_MEM_OK);
	assert_log(f, "aw1@1=11 aw2@2=3322 aw4@4=77665544 ");
	g_assert_cmpint(cxb_memmap_read(f->mm, 0x1004, buf, 13), ==, CXB_MEM_OK);
	assert_log(f, "ar4@4 ar8@8 ar1@10 ");
	g_assert_cmpmem(buf, 13, "aaaaaaaaaaaaa", 13);
}

static void bulk_functions_take_what_is_not_one_access(Fixture *f, gconstpointer unused)
{
	uint8_t buf[64] = "";

	cxb_memmap_place(f->mm, f->rb, 0x1000, 0, 0, UINT64_MAX);
	g_assert_cmpint(cxb_memmap_read(f->mm, 0x1001, buf, 33), ==, CXB_MEM_OK);
	g_assert_cmpint(cxb_memmap_read(f->mm, 0x1008, buf, 8), ==, CXB_MEM_OK);
	g_assert_cmpint(cxb_memmap_write(f->mm, 0x1002, buf, 4), ==, CXB_MEM_OK);
	g_assert_cmpint(cxb_memmap_write(f->mm, 0x1002, buf, 2), ==, CXB_MEM_OK);
	assert_log(f, "bR33@1 br8@8 bW4@2 bw2@2=6262 ");
}

static void the_worst_piece_is_the_result(Fixture *f, gconstpointer unused)
{
	uint8_t buf[24];

	cxb_memmap_place(f->mm, f->ra, 0x1000, 0, 0, 8);
	cxb_memmap_place(f->mm, f->rb, 0x1010, 0, 0, 8);
	g_assert_cmpint(cxb_memmap_read(f->mm, 0x1000, buf, 24), ==, CXB_MEM_UNMAPPED);
	g_assert_cmpmem(buf, 24,
			"aaaaaaaa\xff\xff\xff\xff\xff\xff\xff\xff"
			"bbbbbbbb",
			24);
	f->a.rc = CXB_MEM_ERROR;
	g_assert_cmpint(cxb_memmap_read(f->mm, 0x1000, buf, 24), ==, CXB_MEM_ERROR);
	g_assert_cmpmem(buf, 9, "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9);
	g_assert_cmpmem(buf + 16, 8, "bbbbbbbb", 8);
	f->b.rc = CXB_MEM_UNMAPPED;
	g_assert_cmpint(cxb_memmap_read(f->mm, 0x1010, buf, 3), ==, CXB_MEM_UNMAPPED);
	g_assert_cmpmem(buf, 3, "\xff\xff\xff", 3);
}

static void ram_is_reached_at_its_offset(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = mem_new(&f->box, "memory-backend-ram,id=m0,size=64K");
	CxbRegion *ram = cxb_region_new_ram("ram", mem, 4 * KIB, 32 * KIB, false);
	CxbRegion *rom = cxb_region_new_ram("rom", mem, 4 * KIB, 32 * KIB, true);
	uint8_t buf[8] = "";

	cxb_memmap_place(f->mm, ram, 0x100000, 0, 0, UINT64_MAX);
	cxb_memmap_place(f->mm, rom, 0x200000, 0, 0, UINT64_MAX);
	g_assert_cmpint(cxb_memmap_write(f->mm, 0x100010, "12345678", 8), ==, CXB_MEM_OK);
	g_assert_true(cxb_hostmem_read(mem, 4 * KIB + 0x10, buf, 8));
	g_assert_cmpmem(buf, 8, "12345678", 8);
	g_assert_cmpint(cxb_memmap_write(f->mm, 0x200010, "xxxxxxxx", 8), ==, CXB_MEM_ERROR);
	g_assert_cmpint(cxb_memmap_read(f->mm, 0x200010, buf, 8), ==, CXB_MEM_OK);
	g_assert_cmpmem(buf, 8, "12345678", 8);

	g_assert_true(cxb_memmap_ptr(f->mm, 0x100010, 8) ==
		      (uint8_t *)cxb_hostmem_ptr(mem) + 4 * KIB + 0x10);
	g_assert_nonnull(cxb_memmap_ptr(f->mm, 0x100000, 32 * KIB));
	g_assert_null(cxb_memmap_ptr(f->mm, 0x100000, 32 * KIB + 1));
	g_assert_null(cxb_memmap_ptr(f->mm, 0x100000, 0));
	g_assert_null(cxb_memmap_ptr(f->mm, 0x100000, UINT64_MAX));
	g_assert_null(cxb_memmap_ptr(f->mm, 0x200000, 8));
	cxb_region_free(ram);
	cxb_region_free(rom);
}

static void a_region_keeps_its_backend_alive(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = mem_new(&f->box, "memory-backend-ram,id=m0,size=64K");
	CxbRegion *ram = cxb_region_new_ram("ram", mem, 0, 64 * KIB, false);

	cxb_memmap_place(f->mm, ram, 0, 0, 0, UINT64_MAX);
	g_assert_true(cxb_user_object_del(f->box.qom, "m0", NULL));
	g_assert_cmpint(cxb_memmap_write(f->mm, 0, "x", 1), ==, CXB_MEM_OK);
	cxb_region_free(ram);
}

/* Every region covers all that began before it, which is what a quadratic sweep dies of. */
static void ten_thousand_nested_regions_sort_out(Fixture *f, gconstpointer unused)
{
	enum { N = 10000 };
	g_autoptr(GPtrArray) regions =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cxb_region_free);
	uint8_t b;

	cxb_memmap_begin(f->mm);
	for (uint64_t i = 0; i < N; i++) {
		CxbRegion *r = cxb_region_new_io("n", 2 * (N - i) * 16, &dev_ops, &f->a);

		g_ptr_array_add(regions, r);
		cxb_memmap_place(f->mm, r, i * 16, i % 2 ? 0 : 1, 0, UINT64_MAX);
	}
	cxb_memmap_commit(f->mm);
	g_assert_cmpint(cxb_memmap_read(f->mm, N * 16, &b, 1), ==, CXB_MEM_OK);
	cxb_memmap_begin(f->mm);
	g_ptr_array_set_size(regions, 0);
	cxb_memmap_commit(f->mm);
	assert_view(f, "");
}

static void the_map_may_go_before_its_regions(void)
{
	CxbMemMap *mm = cxb_memmap_new();
	CxbRegion *r = cxb_region_new_io("r", 16, &dev_ops, NULL);
	uint64_t hpa;

	cxb_memmap_place(mm, r, 0, 0, 0, UINT64_MAX);
	cxb_memmap_free(mm);
	g_assert_false(cxb_region_hpa(r, &hpa));
	cxb_region_free(r);
	cxb_region_free(NULL);
	cxb_memmap_free(NULL);
}

#define T(path, fn) g_test_add("/memmap/" path, Fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	T("empty", nothing_answers_in_an_empty_map);
	T("priority", higher_priority_wins_whatever_the_order);
	T("ties", among_equals_the_later_wins);
	T("clip", only_the_clip_answers);
	T("top", ranges_are_cut_at_the_top_of_the_address_space);
	T("transaction", the_outermost_commit_publishes);
	T("freed/transaction", a_region_freed_in_a_transaction_answers_no_more);
	T("freed/callback", a_write_may_free_its_own_region);
	T("natural", registers_see_natural_accesses);
	T("bulk", bulk_functions_take_what_is_not_one_access);
	T("worst", the_worst_piece_is_the_result);
	T("ram", ram_is_reached_at_its_offset);
	T("ram/alive", a_region_keeps_its_backend_alive);
	T("nested", ten_thousand_nested_regions_sort_out);
	g_test_add_func("/memmap/free", the_map_may_go_before_its_regions);
	return g_test_run();
}
