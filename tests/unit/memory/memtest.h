/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the memory room share: a place to make backends in, and counts of what a
 * process has open and mapped. */
#ifndef TEST_MEMTEST_H
#define TEST_MEMTEST_H

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "memory/hostmem.h"
#include "open_files.h"

typedef struct {
	CxbQom *qom;
	CxbHostMemPool *pool;
} MemBox;

static inline void mem_box_open(MemBox *box)
{
	box->qom = cxb_qom_new();
	box->pool = cxb_hostmem_pool_new(box->qom);
}

static inline void mem_box_close(MemBox *box)
{
	cxb_qom_free(box->qom);
	cxb_hostmem_pool_free(box->pool);
}

/* What "-object @text" makes, or NULL with the error. */
static inline CxbHostMem *mem_try(MemBox *box, const char *text, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "qom-type", true, errp);
	CxbObject *obj = opts ? cxb_user_object_add(box->qom, opts, errp) : NULL;

	return obj ? cxb_hostmem_from_object(obj) : NULL;
}

static inline CxbHostMem *mem_new(MemBox *box, const char *text)
{
	g_autoptr(GError) error = NULL;
	CxbHostMem *mem = mem_try(box, text, &error);

	g_assert_no_error(error);
	g_assert_nonnull(mem);
	return mem;
}

/* Lines of /proc/self/maps with @needle in them; "" counts all. */
static inline G_GNUC_UNUSED unsigned count_maps(const char *needle)
{
	char line[4096];
	unsigned n = 0;
	FILE *f = fopen("/proc/self/maps", "r");

	g_assert_nonnull(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, needle) != NULL;
	fclose(f);
	return n;
}

/* Areas of the address space that share a byte with (@start, @len). */
static inline G_GNUC_UNUSED unsigned count_areas(const void *start, size_t len)
{
	char line[4096];
	unsigned n = 0;
	FILE *f = fopen("/proc/self/maps", "r");

	g_assert_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		char *end;
		const uint64_t lo = g_ascii_strtoull(line, &end, 16);
		const uint64_t hi = g_ascii_strtoull(end + 1, NULL, 16);

		n += lo < (uintptr_t)start + len && hi > (uintptr_t)start;
	}
	fclose(f);
	return n;
}

#endif
