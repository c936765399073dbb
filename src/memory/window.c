/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows: a reserved range of addresses with backends mapped into it.
 *
 * What the kernel charges for is areas (VMAs): stretches of the address space that continue the
 * same file at the next offset with the same protection, or are all gap. A window with n areas has
 * n - 1 boundaries inside, and boundaries are what the budget counts: exactly those that the
 * aliases make, none for the reservation itself.
 *
 * Taking an alias out of the middle of a stretch makes two boundaries more. Aliases are direct only
 * up to the limit; removals may go half as far again, which is the reserve. Past that (or when the
 * kernel has no area left for us) the shorter side of the stretch, then the whole stretch, loses
 * its mapping together with the alias: that never needs another area. The aliases there stay and
 * become decoded.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backing.h"
#include "base/error.h"
#include "base/range.h"
#include "base/trace.h"
#include "memory/guard.h"
#include "region.h"

CXB_TRACE(window_alias, (const char *window, uint64_t off, uint64_t len, const char *mode),
	  "%s 0x%" PRIx64 "+0x%" PRIx64 " %s", window, off, len, mode)
CXB_TRACE(window_unalias, (const char *window, uint64_t off, uint64_t len),
	  "%s 0x%" PRIx64 "+0x%" PRIx64, window, off, len)
CXB_TRACE(window_demote, (const char *window, uint64_t off, uint64_t len),
	  "%s 0x%" PRIx64 "+0x%" PRIx64 " decoded from now on: no mappings left", window, off, len)

typedef struct {
	CxbHostMem *mem; /* its object is referenced */
	uint64_t file_off;
	int fd;
	bool readonly;
	bool direct;
} WinAlias;

/* What one stretch shows; two neighbours that show the same make one area. */
typedef struct {
	int fd; /* -1: a gap */
	bool readonly;
	uint64_t shift; /* offset in the file less offset in the window, modulo 2^64 */
} Shown;

static const Shown gap = { -1, false, 0 };

/* The budget of the process. */
static struct {
	unsigned used;
	unsigned limit; /* 0: not looked up yet */
} budget;

static unsigned system_limit(void)
{
	g_autofree char *text = NULL;
	guint64 max = 0;

	if (g_file_get_contents("/proc/sys/vm/max_map_count", &text, NULL, NULL))
		max = g_ascii_strtoull(text, NULL, 10);
	return CLAMP(max ? max : 65530, 2, G_MAXINT) / 2;
}

unsigned cxb_map_budget_used(void)
{
	return budget.used;
}

unsigned cxb_map_budget_limit(void)
{
	if (!budget.limit)
		budget.limit = system_limit();
	return budget.limit;
}

void cxb_map_budget_set_limit(unsigned limit)
{
	budget.limit = limit;
}

static bool budget_allows(int delta, bool removal)
{
	const uint64_t limit = cxb_map_budget_limit();

	return delta <= 0 || (uint64_t)budget.used + delta <= (removal ? limit + limit / 2 : limit);
}

static void budget_charge(CxbRegion *window, int delta)
{
	budget.used += delta;
	window->cost += delta;
}

static uint64_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

static Shown alias_shown(const CxbIv *iv)
{
	const WinAlias *a = iv->value;

	return a->direct ? (Shown){ a->fd, a->readonly, a->file_off - iv->start } : gap;
}

static Shown shown_at(const CxbRegion *window, uint64_t off)
{
	const CxbIv *iv = cxb_ivmap_find(window->aliases, off);

	return iv ? alias_shown(iv) : gap;
}

static bool same(Shown a, Shown b)
{
	return a.fd == b.fd && (a.fd < 0 || (a.shift == b.shift && a.readonly == b.readonly));
}

/* Boundaries gained when (@off, @len), all of which shows @from, shows @to. */
static int boundary_delta(const CxbRegion *window, uint64_t off, uint64_t len, Shown from, Shown to)
{
	int delta = 0;

	if (off > 0) {
		const Shown left = shown_at(window, off - 1);

		delta += !same(left, to) - !same(left, from);
	}
	if (off + len < window->reserved) {
		const Shown right = shown_at(window, off + len);

		delta += !same(right, to) - !same(right, from);
	}
	return delta;
}

/* Make (@off, @len) inaccessible. 0 or -errno; on failure the range is as it was or inaccessible. */
static int cover(CxbRegion *window, uint64_t off, uint64_t len)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	void *at = window->base + off;
	int err;

	if (mmap(at, len, PROT_NONE, flags | MAP_FIXED, -1, 0) != MAP_FAILED)
		return 0;
	err = errno;
	/* Should the kernel have taken the old mapping away first, nobody else may move in. */
	if (mmap(at, len, PROT_NONE, flags | MAP_FIXED_NOREPLACE, -1, 0) == at)
		return 0;
	return -err;
}

static void alias_free(gpointer value)
{
	WinAlias *a = value;

	cxb_object_unref(cxb_hostmem_object(a->mem));
	g_free(a);
}

/* Reserve @size bytes, aligned so that large pages can be used. */
static uint8_t *reserve(uint64_t size)
{
	const uint64_t gib = 1ull << 30, mib2 = 2ull << 20;
	const uint64_t align = size >= gib ? gib : size >= mib2 ? mib2 : page_size();
	uint64_t head, all = size + align - page_size();
	uint8_t *p;

	if (size > SIZE_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	p = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	head = -(uintptr_t)p & (align - 1);
	if (head)
		munmap(p, head);
	if (all - head > size)
		munmap(p + head + size, all - head - size);
	return p + head;
}

CxbRegion *cxb_region_new_window(const char *name, uint64_t size, const CxbRegionOps *decode,
				 void *opaque, GError **errp)
{
	const uint64_t page = page_size();
	uint64_t reserved;
	uint8_t *base = NULL;
	CxbRegion *window;

	if (size && size <= UINT64_MAX - page) {
		reserved = (size + page - 1) / page * page;
		base = reserve(reserved);
	} else {
		errno = EINVAL;
	}
	if (!base) {
		cxb_fail_errno(errp, errno, "cannot reserve 0x%" PRIx64 " bytes for window %s",
			       size, name);
		return NULL;
	}
	cxb_guard_init();
	window = region_new(REGION_WINDOW, name, size);
	window->base = base;
	window->reserved = reserved;
	window->ops = decode;
	window->opaque = opaque;
	window->aliases = cxb_ivmap_new(alias_free);
	return window;
}

void window_fini(CxbRegion *window)
{
	munmap(window->base, window->reserved);
	window->recent = NULL;
	budget_charge(window, -(int)window->cost);
	cxb_ivmap_free(window->aliases);
	window->aliases = NULL;
}

static bool page_aligned(const WinAlias *a, uint64_t off, uint64_t len)
{
	const uint64_t page = MAX(page_size(), hostmem_page_size(a->mem));

	return (off | len | a->file_off) % page == 0;
}

/* Map the alias in place if it can be; *@direct says whether it is. */
static bool map_alias(CxbRegion *window, uint64_t off, uint64_t len, const WinAlias *a,
		      bool *direct, GError **errp)
{
	const Shown to = { a->fd, a->readonly, a->file_off - off };
	const int prot = PROT_READ | (a->readonly ? 0 : PROT_WRITE);
	int delta, err;

	*direct = false;
	if (!page_aligned(a, off, len))
		return true;
	delta = boundary_delta(window, off, len, gap, to);
	if (!budget_allows(delta, false))
		return true;
	if (mmap(window->base + off, len, prot, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, a->fd,
		 a->file_off) == MAP_FAILED) {
		err = errno;
		cover(window, off, len);
		if (err == ENOMEM) /* others have used up the areas: the system's own budget */
			return true;
		return cxb_fail_errno(errp, err, "cannot map memory backend '%s' into window %s",
				      cxb_hostmem_id(a->mem), window->name);
	}
	budget_charge(window, delta);
	*direct = true;
	return true;
}

bool cxb_window_alias(CxbRegion *window, uint64_t off, uint64_t len, CxbHostMem *mem,
		      uint64_t mem_off, bool readonly, CxbAliasMode *mode, GError **errp)
{
	uint64_t fd_off;
	WinAlias *a;

	g_assert(window->kind == REGION_WINDOW && !window->dead);
	if (!len || !cxb_range_in(off, len, window->size))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"range 0x%" PRIx64 "+0x%" PRIx64 " is outside window %s", off, len,
				window->name);
	if (!cxb_range_in(mem_off, len, cxb_hostmem_size(mem)))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"range 0x%" PRIx64 "+0x%" PRIx64 " is outside memory backend '%s'",
				mem_off, len, cxb_hostmem_id(mem));
	if (cxb_ivmap_overlap(window->aliases, off, len))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"range 0x%" PRIx64 "+0x%" PRIx64
				" of window %s overlaps another alias",
				off, len, window->name);

	a = g_new0(WinAlias, 1);
	a->mem = mem;
	a->fd = cxb_hostmem_fd(mem, &fd_off);
	a->file_off = fd_off + mem_off;
	a->readonly = readonly || cxb_hostmem_readonly(mem);
	if (!map_alias(window, off, len, a, &a->direct, errp)) {
		g_free(a);
		return false;
	}
	cxb_object_ref(cxb_hostmem_object(mem));
	cxb_ivmap_insert(window->aliases, off, len, a);
	trace_window_alias(window->name, off, len, a->direct ? "direct" : "decoded");
	if (mode)
		*mode = a->direct ? CXB_ALIAS_DIRECT : CXB_ALIAS_DECODED;
	return true;
}

/* The stretch around (@off, @len) that shows the same all along. */
static void stretch_find(const CxbRegion *window, uint64_t *off, uint64_t *len, Shown shown)
{
	uint64_t start = *off, end = *off + *len;

	while (start > 0) {
		const CxbIv *iv = cxb_ivmap_find(window->aliases, start - 1);

		if (!iv || !same(alias_shown(iv), shown))
			break;
		start = iv->start;
	}
	while (end < window->reserved) {
		const CxbIv *iv = cxb_ivmap_at(window->aliases, end);

		if (!iv || !same(alias_shown(iv), shown))
			break;
		end += iv->len;
	}
	*off = start;
	*len = end - start;
}

static bool try_cover(CxbRegion *window, uint64_t off, uint64_t len, Shown shown)
{
	const int delta = boundary_delta(window, off, len, shown, gap);

	if (!budget_allows(delta, true) || cover(window, off, len))
		return false;
	budget_charge(window, delta);
	return true;
}

/* No area left to cut (@off, @len) out of its stretch: give up one side of it, or all. */
static void cover_more(CxbRegion *window, uint64_t off, uint64_t len, Shown shown)
{
	uint64_t all_off = off, all_len = len, left, right, start, n;

	stretch_find(window, &all_off, &all_len, shown);
	left = off - all_off;
	right = all_len - left - len;
	start = left < right ? all_off : off;
	n = left < right ? left + len : len + right;
	if (!try_cover(window, start, n, shown)) {
		start = all_off;
		n = all_len;
		if (!try_cover(window, start, n, shown)) {
			/* Only if the kernel has no memory for itself. No access through the map goes
			 * there any more; a pointer kept by this process still would. */
			cxb_warn("window %s: cannot unmap 0x%" PRIx64 "+0x%" PRIx64, window->name,
				 start, n);
			budget_charge(window, boundary_delta(window, start, n, shown, gap));
		}
	}
	trace_window_demote(window->name, start, n);
	for (uint64_t at = start; at < start + n;) {
		const CxbIv *iv = cxb_ivmap_at(window->aliases, at);

		((WinAlias *)iv->value)->direct = false;
		at += iv->len;
	}
}

bool cxb_window_unalias(CxbRegion *window, uint64_t off)
{
	const CxbIv *iv = cxb_ivmap_at(window->aliases, off);
	const WinAlias *a;

	if (!iv)
		return false;
	a = iv->value;
	if (a->direct && !try_cover(window, off, iv->len, alias_shown(iv)))
		cover_more(window, off, iv->len, alias_shown(iv));
	trace_window_unalias(window->name, off, iv->len);
	window->recent = NULL;
	cxb_ivmap_remove(window->aliases, off);
	return true;
}

CxbAliasMode cxb_window_alias_at(const CxbRegion *window, uint64_t off, uint64_t *start,
				 uint64_t *len)
{
	const CxbIv *iv = cxb_ivmap_find(window->aliases, off);

	if (!iv)
		return CXB_ALIAS_NONE;
	if (start)
		*start = iv->start;
	if (len)
		*len = iv->len;
	return ((const WinAlias *)iv->value)->direct ? CXB_ALIAS_DIRECT : CXB_ALIAS_DECODED;
}

void *cxb_window_ptr(const CxbRegion *window, uint64_t off)
{
	return window->base + off;
}

bool window_is_direct(const CxbRegion *window, uint64_t off, uint64_t len)
{
	while (len) {
		const CxbIv *iv = cxb_ivmap_find(window->aliases, off);
		uint64_t n;

		if (!iv || !((const WinAlias *)iv->value)->direct)
			return false;
		n = MIN(len, iv->len - (off - iv->start));
		off += n;
		len -= n;
	}
	return true;
}

/* The part of (@off, @len) up to where the alias there, or the gap, ends. *alias: NULL in a gap. */
static size_t piece_at(CxbRegion *window, uint64_t off, size_t len, const WinAlias **alias)
{
	const CxbIv *iv = window->recent;

	if (!iv || off - iv->start >= iv->len)
		iv = cxb_ivmap_overlap(window->aliases, off, len);
	*alias = NULL;
	if (!iv)
		return len;
	if (off < iv->start)
		return MIN(len, iv->start - off);
	window->recent = iv;
	*alias = iv->value;
	return MIN(len, iv->len - (off - iv->start));
}

/* @n bytes of (@off, @len) lie in direct alias @a: how many if direct aliases follow that let the
 * same be done. One copy then serves them all, for the window is contiguous whatever it shows. */
static size_t direct_run(const CxbRegion *window, uint64_t off, size_t n, size_t len,
			 const WinAlias *a)
{
	while (n < len) {
		const CxbIv *iv = cxb_ivmap_at(window->aliases, off + n);
		const WinAlias *b = iv ? iv->value : NULL;

		if (!b || !b->direct || b->readonly != a->readonly)
			break;
		n += MIN(len - n, iv->len);
	}
	return n;
}

/* Decode functions may change the aliases or free the window: no pointer survives a piece. */
CxbMemResult window_read(CxbRegion *window, uint64_t off, uint8_t *buf, size_t len)
{
	CxbMemResult rc = CXB_MEM_OK;

	while (len) {
		const WinAlias *a;
		size_t n;

		if (window->dead) {
			memset(buf, 0xff, len);
			return worse(rc, CXB_MEM_UNMAPPED);
		}
		n = piece_at(window, off, len, &a);
		if (a && a->direct)
			n = direct_run(window, off, n, len, a);
		if (a && a->direct)
			rc = worse(rc, region_mem_read(window->base + off, buf, n));
		else
			rc = worse(rc, region_ops_read(window, off, buf, n));
		off += n;
		buf += n;
		len -= n;
	}
	return rc;
}

CxbMemResult window_write(CxbRegion *window, uint64_t off, const uint8_t *buf, size_t len)
{
	CxbMemResult rc = CXB_MEM_OK;

	while (len) {
		const WinAlias *a;
		size_t n;

		if (window->dead)
			return worse(rc, CXB_MEM_UNMAPPED);
		n = piece_at(window, off, len, &a);
		if (a && a->direct)
			n = direct_run(window, off, n, len, a);
		if (a && a->direct && a->readonly)
			rc = worse(rc, CXB_MEM_ERROR);
		else if (a && a->direct)
			rc = worse(rc, region_mem_write(window->base + off, buf, n));
		else
			rc = worse(rc, region_ops_write(window, off, buf, n));
		off += n;
		buf += n;
		len -= n;
	}
	return rc;
}
