/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the memory map costs: copies through a window against copies through a plain mapping of the
 * same memfd, single accesses, and one alias more and less with many alive.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/error.h"
#include "memory/memmap.h"

#define GIB    (1ull << 30)
#define MIB    (1ull << 20)
#define BASE   (1ull << 40)
#define WINDOW (1ull << 40)

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static CxbMemResult decode_read(void *opaque, uint64_t off, void *buf, size_t len)
{
	memset(buf, 0, len);
	return CXB_MEM_OK;
}

static CxbMemResult decode_write(void *opaque, uint64_t off, const void *buf, size_t len)
{
	return CXB_MEM_OK;
}

static const CxbRegionOps decode = { .read_bulk = decode_read, .write_bulk = decode_write };

static CxbHostMem *backend(CxbQom *qom, const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "qom-type", true, &error);
	CxbObject *obj = opts ? cxb_user_object_add(qom, opts, &error) : NULL;

	if (!obj)
		g_error("%s", error->message);
	return cxb_hostmem_from_object(obj);
}

static CxbRegion *window(uint64_t size)
{
	g_autoptr(GError) error = NULL;
	CxbRegion *win = cxb_region_new_window("bench", size, &decode, NULL, &error);

	if (!win)
		g_error("%s", error->message);
	return win;
}

/* GiB/s of the copy of 1 GiB that began at @start. */
static double rate(double start)
{
	return 1e9 / (now_ns() - start);
}

static void bench_copy(CxbQom *qom)
{
	CxbHostMem *mem = backend(qom, "memory-backend-ram,id=copy,size=1G,prealloc=on");
	CxbRegion *win = window(GIB);
	CxbMemMap *mm = cxb_memmap_new();
	double plain = 0, through = 0, call = 0, single;
	uint64_t val, fd_off;
	uint8_t *src = g_malloc(GIB), *map;

	memset(src, 0x5a, GIB);
	map = mmap(NULL, GIB, PROT_READ | PROT_WRITE, MAP_SHARED, cxb_hostmem_fd(mem, &fd_off), 0);
	if (map == MAP_FAILED)
		g_error("cannot map 1 GiB");
	cxb_memmap_place(mm, win, BASE, 0, 0, GIB);
	for (uint64_t off = 0; off < GIB; off += 2 * MIB)
		cxb_window_alias(win, off, 2 * MIB, mem, off, false, NULL, NULL);

	/* The best of each, in turns: whatever else the machine does hits all three alike. */
	for (int round = 0; round < 10; round++) {
		double start = now_ns();

		memcpy(map, src, GIB);
		plain = MAX(plain, rate(start));
		start = now_ns();
		memcpy(cxb_memmap_ptr(mm, BASE, GIB), src, GIB);
		through = MAX(through, rate(start));
		start = now_ns();
		cxb_memmap_write(mm, BASE, src, GIB);
		call = MAX(call, rate(start));
	}
	printf("copy 1 GiB: plain mapping %.2f GiB/s, window %.2f GiB/s, ratio %.3f\n", plain,
	       through, through / plain);
	printf("copy 1 GiB: cxb_memmap_write() across 512 aliases %.2f GiB/s, ratio %.3f\n", call,
	       call / plain);

	single = now_ns();
	for (unsigned i = 0; i < 10000000; i++)
		cxb_memmap_read(mm, BASE + (i % 1024) * 8, &val, 8);
	printf("8-byte cxb_memmap_read(): %.1f ns\n", (now_ns() - single) / 1e7);

	munmap(map, GIB);
	g_free(src);
	cxb_region_free(win);
	cxb_memmap_free(mm);
}

/* @live aliases, @step apart in window and file; then one more and less, in their middle. */
static void bench_alias(CxbHostMem *mem, const char *what, unsigned live, uint64_t step,
			uint64_t len, unsigned limit)
{
	CxbRegion *win = window(WINDOW);
	const unsigned hole = live / 2;
	unsigned rounds = 20000;
	double start;
	CxbAliasMode mode;

	cxb_map_budget_set_limit(limit);
	for (unsigned i = 0; i <= live; i++) {
		if (i != hole &&
		    !cxb_window_alias(win, i * step, len, mem, i * step, false, NULL, NULL))
			g_error("cannot alias");
	}
	start = now_ns();
	for (unsigned i = 0; i < rounds; i++) {
		cxb_window_alias(win, hole * step, len, mem, hole * step, false, &mode, NULL);
		cxb_window_unalias(win, hole * step);
	}
	printf("alias + unalias, %6u live %-28s %7.0f ns (%s, budget used %u)\n", live, what,
	       (now_ns() - start) / rounds, mode == CXB_ALIAS_DIRECT ? "direct" : "decoded",
	       cxb_map_budget_used());
	cxb_region_free(win);
	cxb_map_budget_set_limit(0);
}

int main(void)
{
	CxbQom *qom = cxb_qom_new();
	CxbHostMemPool *pool = cxb_hostmem_pool_new(qom);
	CxbHostMem *big = backend(qom, "memory-backend-ram,id=big,size=1T");
	static const unsigned live[] = { 1000, 10000, 100000 };

	bench_copy(qom);
	for (int i = 0; i < 3; i++) /* bookkeeping alone */
		bench_alias(big, "sub-page", live[i], 2 * MIB, 2048, 0);
	for (int i = 0; i < 3; i++) /* the budget is used up */
		bench_alias(big, "beyond the budget", live[i], 2 * MIB, MIB, 1);
	for (int i = 0; i < 3; i++) /* two stretches that become one and two again */
		bench_alias(big, "adjacent", live[i], 2 * MIB, 2 * MIB, 0);
	for (int i = 0; i < 2; i++) /* 100000 would be beyond the budget */
		bench_alias(big, "apart", live[i], 2 * MIB, MIB, 0);
	cxb_qom_free(qom);
	cxb_hostmem_pool_free(pool);
	return 0;
}
