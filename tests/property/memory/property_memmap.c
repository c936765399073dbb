/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory map with its windows against a model that asks, for each single byte, every region
 * and every alias who owns it. The budget is kept short, so that direct, decoded and demoted
 * aliases all occur; they must not differ in what a host sees. The space under test ends at 2^64.
 */
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "memory/memmap.h"

#define OPS    100000
#define PAGE   4096ull
#define SPACE  (256 * PAGE) /* the top of the address space */
#define FIRST  (0 - SPACE)
#define WINDOW (64 * PAGE)
#define MEM    (48 * PAGE)

enum { MEMS = 3, WINDOWS = 2, RAMS = 3, IOS = 3, REGIONS = WINDOWS + RAMS + IOS };

/* One alias of a window, in a plain list. */
typedef struct {
	uint64_t off, len, mem_off;
	unsigned mem;
	bool readonly;
} Alias;

/* Where a region is; as the map has it, or as it will have it after commit. */
typedef struct {
	bool placed;
	uint64_t hpa, clip_start, clip_len;
	int priority;
	unsigned seq;
} Place;

typedef struct {
	unsigned index;
	CxbRegion *region;
	uint64_t size;
	unsigned mem; /* RAM */
	uint64_t mem_off;
	bool readonly;
	GArray *aliases; /* WINDOW: of Alias */
	Place next, now;
	struct Model *model;
} Owner;

typedef struct Model {
	CxbQom *qom;
	CxbHostMemPool *pool;
	CxbMemMap *mm;
	CxbHostMem *mem[MEMS];
	uint8_t *bytes[MEMS]; /* what each backend must hold */
	Owner owner[REGIONS];
	unsigned depth, seq;
	unsigned direct, decoded; /* aliases made, by mode */
} Model;

static bool is_window(const Owner *o)
{
	return o->index < WINDOWS;
}

static bool is_ram(const Owner *o)
{
	return o->index >= WINDOWS && o->index < WINDOWS + RAMS;
}

static uint8_t io_byte(const Owner *o, uint64_t off)
{
	return (uint8_t)(off * 31 + o->index);
}

static uint64_t below(uint64_t n)
{
	return (uint64_t)g_test_rand_int() % n;
}

static Alias *alias_of(const Owner *o, uint64_t off)
{
	for (guint i = 0; i < o->aliases->len; i++) {
		Alias *a = &g_array_index(o->aliases, Alias, i);

		if (off >= a->off && off - a->off < a->len)
			return a;
	}
	return NULL;
}

static CxbMemResult io_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	g_assert_cmpuint(off % size, ==, 0);
	*val = 0;
	for (unsigned i = 0; i < size; i++)
		*val |= (uint64_t)io_byte(opaque, off + i) << (8 * i);
	return CXB_MEM_OK;
}

static CxbMemResult io_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	g_assert_cmpuint(off % size, ==, 0);
	return CXB_MEM_OK;
}

static const CxbRegionOps io_ops = { .read = io_read, .write = io_write };

/* What a device would do for a decoded alias. One call never crosses the edge of an alias. */
static CxbMemResult decode_read(void *opaque, uint64_t off, void *buf, size_t len)
{
	const Owner *o = opaque;
	const Alias *a = alias_of(o, off);

	g_assert_true(alias_of(o, off + len - 1) == a);
	if (!a)
		return CXB_MEM_UNMAPPED;
	return cxb_hostmem_read(o->model->mem[a->mem], a->mem_off + (off - a->off), buf, len)
		       ? CXB_MEM_OK
		       : CXB_MEM_ERROR;
}

static CxbMemResult decode_write(void *opaque, uint64_t off, const void *buf, size_t len)
{
	const Owner *o = opaque;
	const Alias *a = alias_of(o, off);

	g_assert_true(alias_of(o, off + len - 1) == a);
	if (!a)
		return CXB_MEM_UNMAPPED;
	if (a->readonly)
		return CXB_MEM_ERROR;
	return cxb_hostmem_write(o->model->mem[a->mem], a->mem_off + (off - a->off), buf, len)
		       ? CXB_MEM_OK
		       : CXB_MEM_ERROR;
}

static const CxbRegionOps decode_ops = { .read_bulk = decode_read, .write_bulk = decode_write };

/* Who owns one byte, and where in the owner it lies. */
static Owner *owner_of(Model *m, uint64_t hpa, uint64_t *off)
{
	Owner *best = NULL;

	for (unsigned i = 0; i < REGIONS; i++) {
		Owner *o = &m->owner[i];
		const uint64_t at = hpa - o->now.hpa;

		if (!o->now.placed || hpa < o->now.hpa || at >= o->size || at < o->now.clip_start ||
		    at - o->now.clip_start >= o->now.clip_len)
			continue;
		if (best && (best->now.priority > o->now.priority ||
			     (best->now.priority == o->now.priority && best->now.seq > o->now.seq)))
			continue;
		best = o;
		*off = at;
	}
	return best;
}

/* The byte of a backend behind @hpa, or NULL; *@writable says whether a write reaches it. */
static uint8_t *memory_at(Model *m, const Owner *o, uint64_t off, bool *writable)
{
	const Alias *a;

	if (is_ram(o)) {
		*writable = !o->readonly;
		return &m->bytes[o->mem][o->mem_off + off];
	}
	a = is_window(o) ? alias_of(o, off) : NULL;
	if (!a)
		return NULL;
	*writable = !a->readonly;
	return &m->bytes[a->mem][a->mem_off + (off - a->off)];
}

static CxbMemResult model_read(Model *m, uint64_t hpa, uint8_t *buf, size_t len)
{
	CxbMemResult rc = CXB_MEM_OK;

	for (size_t i = 0; i < len; i++) {
		uint64_t off = 0;
		const bool inside = hpa + i >= hpa; /* not past 2^64 */
		const Owner *o = inside ? owner_of(m, hpa + i, &off) : NULL;
		bool writable;
		const uint8_t *p = o ? memory_at(m, o, off, &writable) : NULL;

		buf[i] = 0xff;
		if (p)
			buf[i] = *p;
		else if (o && !is_window(o))
			buf[i] = io_byte(o, off);
		else
			rc = MAX(rc, CXB_MEM_UNMAPPED);
	}
	return rc;
}

static CxbMemResult model_write(Model *m, uint64_t hpa, const uint8_t *buf, size_t len)
{
	CxbMemResult rc = CXB_MEM_OK;

	for (size_t i = 0; i < len; i++) {
		uint64_t off = 0;
		const bool inside = hpa + i >= hpa;
		const Owner *o = inside ? owner_of(m, hpa + i, &off) : NULL;
		bool writable = false;
		uint8_t *p = o ? memory_at(m, o, off, &writable) : NULL;

		if (p && writable)
			*p = buf[i];
		else if (p)
			rc = MAX(rc, CXB_MEM_ERROR);
		else if (!o || is_window(o))
			rc = MAX(rc, CXB_MEM_UNMAPPED);
	}
	return rc;
}

static void random_access_range(uint64_t *hpa, size_t *len)
{
	*len = 1 + below(below(16) ? 24 : 300);
	*hpa = FIRST + below(SPACE);
	if (below(2)) /* around the edges of pages, where things meet */
		*hpa = *hpa / PAGE * PAGE - below(*len + 1);
}

static void op_read(Model *m)
{
	uint8_t got[300], want[300];
	CxbMemResult rc;
	uint64_t hpa;
	size_t len;

	random_access_range(&hpa, &len);
	rc = cxb_memmap_read(m->mm, hpa, got, len);
	g_assert_cmpint(rc, ==, model_read(m, hpa, want, len));
	g_assert_cmpmem(got, len, want, len);
}

static void op_write(Model *m)
{
	uint8_t buf[300];
	CxbMemResult rc;
	uint64_t hpa;
	size_t len;

	random_access_range(&hpa, &len);
	for (size_t i = 0; i < len; i++)
		buf[i] = g_test_rand_int();
	rc = cxb_memmap_write(m->mm, hpa, buf, len);
	g_assert_cmpint(rc, ==, model_write(m, hpa, buf, len));
}

/* A pointer, where there is one, shows the same bytes. */
static void op_pointer(Model *m)
{
	uint8_t want[300];
	const uint8_t *p;
	uint64_t hpa;
	size_t len;

	random_access_range(&hpa, &len);
	p = cxb_memmap_ptr(m->mm, hpa, len);
	if (!p)
		return;
	g_assert_cmpint(model_read(m, hpa, want, len), ==, CXB_MEM_OK);
	g_assert_cmpmem(p, len, want, len);
}

static void model_commit(Model *m)
{
	if (m->depth)
		return;
	for (unsigned i = 0; i < REGIONS; i++)
		m->owner[i].now = m->owner[i].next;
}

static void op_place(Model *m)
{
	Owner *o = &m->owner[below(REGIONS)];
	const uint64_t unit = below(4) ? PAGE : 64;
	Place p = { .placed = true, .clip_len = UINT64_MAX, .priority = below(3), .seq = ++m->seq };

	p.hpa = FIRST + below(SPACE / unit) * unit;
	if (below(3) == 0) {
		p.clip_start = below(o->size / 64) * 64;
		p.clip_len = below(o->size / 64) * 64;
	}
	cxb_memmap_place(m->mm, o->region, p.hpa, p.priority, p.clip_start, p.clip_len);
	o->next = p;
	model_commit(m);
}

static void op_remove(Model *m)
{
	Owner *o = &m->owner[below(REGIONS)];

	cxb_memmap_remove(m->mm, o->region);
	o->next.placed = false;
	model_commit(m);
}

static void op_transaction(Model *m)
{
	if (m->depth < 3 && below(2)) {
		cxb_memmap_begin(m->mm);
		m->depth++;
	} else if (m->depth) {
		cxb_memmap_commit(m->mm);
		m->depth--;
		model_commit(m);
	}
}

static bool model_alias_fits(const Owner *o, const Alias *a)
{
	if (!a->len || a->off + a->len > WINDOW || a->mem_off + a->len > MEM)
		return false;
	for (guint i = 0; i < o->aliases->len; i++) {
		const Alias *b = &g_array_index(o->aliases, Alias, i);

		if (a->off < b->off + b->len && b->off < a->off + a->len)
			return false;
	}
	return true;
}

static void op_alias(Model *m)
{
	Owner *o = &m->owner[below(WINDOWS)];
	const uint64_t unit = below(8) ? PAGE : 128;
	Alias a = { .mem = below(MEMS), .readonly = below(5) == 0 };
	g_autoptr(GError) error = NULL;
	CxbAliasMode mode = CXB_ALIAS_NONE;
	bool ok;

	a.off = below(WINDOW / unit) * unit;
	a.len = below(6 * PAGE / unit) * unit;
	a.mem_off = below(MEM / unit) * unit;
	if (below(3) && o->aliases->len) { /* go on where another one ends */
		const Alias *b = &g_array_index(o->aliases, Alias, below(o->aliases->len));

		a.off = b->off + b->len;
		a.mem_off = b->mem_off + b->len;
		a.mem = b->mem;
		a.readonly = b->readonly;
	}
	ok = cxb_window_alias(o->region, a.off, a.len, m->mem[a.mem], a.mem_off, a.readonly, &mode,
			      &error);
	g_assert_cmpint(ok, ==, model_alias_fits(o, &a));
	g_assert_cmpint(ok, ==, error == NULL);
	if (!ok)
		return;
	g_array_append_val(o->aliases, a);
	m->direct += mode == CXB_ALIAS_DIRECT;
	m->decoded += mode == CXB_ALIAS_DECODED;
}

static void op_unalias(Model *m)
{
	Owner *o = &m->owner[below(WINDOWS)];
	uint64_t off = below(WINDOW / PAGE) * PAGE;
	const Alias *a;

	if (below(8) && o->aliases->len)
		off = g_array_index(o->aliases, Alias, below(o->aliases->len)).off;
	a = alias_of(o, off);
	g_assert_cmpint(cxb_window_unalias(o->region, off), ==, a && a->off == off);
	if (a && a->off == off)
		g_array_remove_index_fast(o->aliases, a - &g_array_index(o->aliases, Alias, 0));
}

/* What the windows say about their aliases, and what the kernel says about the windows. */
static void check_windows(Model *m)
{
	char line[4096];
	unsigned areas = 0;
	FILE *f = fopen("/proc/self/maps", "r");

	for (unsigned w = 0; w < WINDOWS; w++) {
		const Owner *o = &m->owner[w];

		for (uint64_t off = 0; off < WINDOW; off += 128) {
			const Alias *a = alias_of(o, off);
			uint64_t start = 0, len = 0;
			const CxbAliasMode mode = cxb_window_alias_at(o->region, off, &start, &len);

			g_assert_cmpint(mode != CXB_ALIAS_NONE, ==, a != NULL);
			if (!a)
				continue;
			g_assert_cmpuint(start, ==, a->off);
			g_assert_cmpuint(len, ==, a->len);
			if ((a->off | a->len | a->mem_off) % PAGE)
				g_assert_cmpint(mode, ==, CXB_ALIAS_DECODED);
		}
	}

	g_assert_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		char *end;
		const uint64_t lo = g_ascii_strtoull(line, &end, 16);
		const uint64_t hi = g_ascii_strtoull(end + 1, NULL, 16);

		for (unsigned w = 0; w < WINDOWS; w++) {
			const uint64_t at = (uintptr_t)cxb_window_ptr(m->owner[w].region, 0);

			areas += lo < at + WINDOW && hi > at;
		}
	}
	fclose(f);
	g_assert_cmpuint(cxb_map_budget_used() + WINDOWS, ==, areas);
}

static void model_init(Model *m)
{
	memset(m, 0, sizeof(*m));
	m->qom = cxb_qom_new();
	m->pool = cxb_hostmem_pool_new(m->qom);
	m->mm = cxb_memmap_new();
	for (unsigned i = 0; i < MEMS; i++) {
		g_autofree char *text = g_strdup_printf(
			"memory-backend-ram,id=m%u,size=%" G_GUINT64_FORMAT, i, (guint64)MEM);
		g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "qom-type", true, NULL);

		m->mem[i] = cxb_hostmem_from_object(cxb_user_object_add(m->qom, opts, NULL));
		m->bytes[i] = g_malloc0(MEM);
	}
	for (unsigned i = 0; i < REGIONS; i++) {
		Owner *o = &m->owner[i];

		o->index = i;
		o->model = m;
		o->size = is_window(o) ? WINDOW : is_ram(o) ? 16 * PAGE : 3 * PAGE - 64 * i;
		if (is_window(o)) {
			o->aliases = g_array_new(FALSE, FALSE, sizeof(Alias));
			o->region = cxb_region_new_window("window", o->size, &decode_ops, o, NULL);
		} else if (is_ram(o)) {
			o->mem = i % MEMS;
			o->mem_off = 5 * PAGE * (i - WINDOWS);
			o->readonly = i == WINDOWS;
			o->region = cxb_region_new_ram("ram", m->mem[o->mem], o->mem_off, o->size,
						       o->readonly);
		} else {
			o->region = cxb_region_new_io("io", o->size, &io_ops, o);
		}
	}
}

static void model_fini(Model *m)
{
	while (m->depth) {
		m->depth--;
		cxb_memmap_commit(m->mm);
	}
	for (unsigned i = 0; i < REGIONS; i++) {
		cxb_region_free(m->owner[i].region);
		if (m->owner[i].aliases)
			g_array_unref(m->owner[i].aliases);
	}
	g_assert_cmpuint(cxb_map_budget_used(), ==, 0);
	cxb_memmap_free(m->mm);
	for (unsigned i = 0; i < MEMS; i++) {
		g_autofree uint8_t *got = g_malloc(MEM);

		g_assert_true(cxb_hostmem_read(m->mem[i], 0, got, MEM));
		g_assert_cmpmem(got, MEM, m->bytes[i], MEM);
		g_free(m->bytes[i]);
	}
	cxb_qom_free(m->qom);
	cxb_hostmem_pool_free(m->pool);
}

static void every_byte_has_the_owner_the_model_names(void)
{
	Model m;

	model_init(&m);
	for (unsigned i = 0; i < OPS; i++) {
		const unsigned what = below(100);

		if (what < 32)
			op_read(&m);
		else if (what < 60)
			op_write(&m);
		else if (what < 66)
			op_pointer(&m);
		else if (what < 72)
			op_place(&m);
		else if (what < 73)
			op_remove(&m);
		else if (what < 77)
			op_transaction(&m);
		else if (what < 89)
			op_alias(&m);
		else
			op_unalias(&m);
		if (i % 1000 == 0) {
			check_windows(&m);
			cxb_map_budget_set_limit(6 + below(40));
		}
	}
	g_test_message("%u aliases direct, %u decoded", m.direct, m.decoded);
	g_assert_cmpuint(m.direct, >, 100);
	g_assert_cmpuint(m.decoded, >, 100);
	model_fini(&m);
	cxb_map_budget_set_limit(0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/memmap/model", every_byte_has_the_owner_the_model_names);
	return g_test_run();
}
