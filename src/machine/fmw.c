/* SPDX-License-Identifier: Apache-2.0 */
/* Fixed memory windows (CXL 3.1 9.18.1.3): options, place, and the decode path of what no alias
 * covers. */
#include "internal.h"

#include "base/error.h"
#include "base/range.h"
#include "base/trace.h"
#include "cxl/hdm.h"

CXB_TRACE(machine_window_miss, (unsigned index, const char *what, uint64_t hpa, size_t len),
	  "window %u: %s of hpa 0x%" PRIx64 " len 0x%zx reaches no memory", index, what, hpa, len)

#define DEFAULT_GRANULARITY 256

static bool resolve_target(CxbMachine *m, const char *id, CxbDevice **out, GError **errp)
{
	CxbObject *obj = cxb_object_child(cxb_qom_container(m->qom, "/machine/peripheral"), id);

	if (!obj || !cxb_object_is(obj, CXB_TYPE_NAME_PXB_CXL))
		return cxb_fail(errp, CXB_ERROR_INVALID, "Could not resolve CXLFM target %s", id);
	*out = (CxbDevice *)obj;
	return true;
}

static bool window_init(CxbMachine *m, unsigned index, GError **errp)
{
	const WindowOpts *o = &m->obj->windows[index];
	Window *w = &m->windows[index];
	uint8_t iw, ig;

	if (!o->given)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'cxl-fmw.%u' missing", index);
	if (!o->targets)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Parameter 'cxl-fmw.%u.targets' is missing", index);
	if (!o->has_size)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'cxl-fmw.%u.size' is missing",
				index);
	w->pub.index = index;
	w->pub.size = o->size;
	w->pub.ways = o->targets->len;
	w->pub.targets = (const char *const *)o->targets->pdata;
	w->pub.granularity = o->granularity ? o->granularity : DEFAULT_GRANULARITY;
	for (unsigned i = 0; i < w->pub.ways; i++)
		if (!w->pub.targets[i])
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"Parameter 'cxl-fmw.%u.targets.%u' missing", index, i);
	if (!w->pub.size || w->pub.size % CXB_HDM_UNIT)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Size of a CXL fixed memory window must be a multiple of 256MiB "
				"(cxl-fmw.%u.size is 0x%" PRIx64 ")",
				index, w->pub.size);
	if (o->granularity > UINT32_MAX || !cxb_hdm_encode_granularity(w->pub.granularity, &ig))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Interleave granularity: %" PRIu64 " invalid "
				"(cxl-fmw.%u.interleave-granularity)",
				o->granularity, index);
	if (!cxb_hdm_encode_ways(w->pub.ways, &iw) || w->pub.size % (w->pub.ways * CXB_HDM_UNIT))
		return cxb_fail(
			errp, CXB_ERROR_INVALID,
			"cxl-fmw.%u: %u targets are not a number of interleave ways, or the "
			"size is not a multiple of that many times 256 MiB",
			index, w->pub.ways);
	w->bridges = g_new0(CxbDevice *, w->pub.ways);
	for (unsigned i = 0; i < w->pub.ways; i++)
		if (!resolve_target(m, w->pub.targets[i], &w->bridges[i], errp))
			return false;
	return true;
}

bool cxb_fmw_init(CxbMachine *m, GError **errp)
{
	m->n_windows = m->obj->n_windows;
	if (m->n_windows && !m->obj->cxl)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'cxl-fmw' needs cxl=on");
	m->windows = g_new0(Window, m->n_windows);
	for (unsigned i = 0; i < m->n_windows; i++)
		if (!window_init(m, i, errp))
			return false;
	return true;
}

uint64_t cxb_fmw_total(const CxbMachine *m)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < m->n_windows; i++)
		if (__builtin_add_overflow(total, m->windows[i].pub.size, &total))
			return UINT64_MAX; /* the layout refuses it */
	return total;
}

/* --- decode --- */

bool cxb_fmw_route(Window *w, uint64_t hpa, CxbCxlRoute *route)
{
	const uint64_t left = w->pub.size - (hpa - w->pub.base);
	const uint32_t g = w->pub.granularity;
	/* Modulo arithmetic over the whole address (9.18.1.3). */
	const unsigned target = w->pub.ways > 1 ? hpa / g % w->pub.ways : 0;

	if (!cxb_pxb_cxl_route(w->bridges[target], hpa, route))
		return false;
	route->len = MIN(route->len, left);
	if (w->pub.ways > 1) {
		route->interleaved = true;
		route->len = MIN(route->len, g - hpa % g);
	}
	return true;
}

static CxbMemResult miss(Window *w, const char *what, uint64_t hpa, size_t len)
{
	trace_machine_window_miss(w->pub.index, what, hpa, len);
	return CXB_MEM_ERROR;
}

/* Accesses are split where the route changes: at granules, decoders, the window's end. */
static CxbMemResult read_bulk(void *opaque, uint64_t off, void *buf, size_t len)
{
	Window *w = opaque;
	uint8_t *to = buf;

	while (len) {
		CxbCxlRoute r;

		if (!cxb_fmw_route(w, w->pub.base + off, &r))
			return miss(w, "read", w->pub.base + off, len);
		const size_t n = MIN(len, r.len);

		if (!cxb_cxl_endpoint_read(r.endpoint, r.dpa, to, n))
			return miss(w, "read", w->pub.base + off, len);
		off += n;
		to += n;
		len -= n;
	}
	return CXB_MEM_OK;
}

static CxbMemResult write_bulk(void *opaque, uint64_t off, const void *buf, size_t len)
{
	Window *w = opaque;
	const uint8_t *from = buf;

	while (len) {
		CxbCxlRoute r;

		if (!cxb_fmw_route(w, w->pub.base + off, &r))
			return miss(w, "write", w->pub.base + off, len);
		const size_t n = MIN(len, r.len);

		if (!cxb_cxl_endpoint_write(r.endpoint, r.dpa, from, n))
			return miss(w, "write", w->pub.base + off, len);
		off += n;
		from += n;
		len -= n;
	}
	return CXB_MEM_OK;
}

static CxbMemResult window_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	uint64_t le = 0;
	const CxbMemResult result = read_bulk(opaque, off, &le, size);

	*val = GUINT64_FROM_LE(le);
	return result;
}

static CxbMemResult window_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	const uint64_t le = GUINT64_TO_LE(val);

	return write_bulk(opaque, off, &le, size);
}

static const CxbRegionOps decode_ops = {
	.read = window_read,
	.write = window_write,
	.read_bulk = read_bulk,
	.write_bulk = write_bulk,
};

bool cxb_fmw_place(CxbMachine *m, uint64_t first, GError **errp)
{
	uint64_t at = first;

	for (unsigned i = 0; i < m->n_windows; i++) {
		Window *w = &m->windows[i];
		g_autofree char *name = g_strdup_printf("cxl-fixed-memory-window[%u]", i);

		w->region = cxb_region_new_window(name, w->pub.size, &decode_ops, w, errp);
		if (!w->region)
			return false;
		w->pub.base = at;
		cxb_memmap_place(m->mm, w->region, at, PRIO_WINDOW, 0, w->pub.size);
		at += w->pub.size;
	}
	return true;
}

void cxb_fmw_fini(CxbMachine *m)
{
	for (unsigned i = 0; m->windows && i < m->n_windows; i++) {
		cxb_region_free(m->windows[i].region);
		g_free(m->windows[i].bridges);
	}
	g_clear_pointer(&m->windows, g_free);
	m->n_windows = 0;
}

/* Windows follow each other without gap in ascending order: bisect. */
Window *cxb_fmw_at(CxbMachine *m, uint64_t hpa)
{
	unsigned lo = 0, hi = m->n_windows;

	while (lo < hi) {
		const unsigned mid = (lo + hi) / 2;
		Window *w = &m->windows[mid];

		if (hpa < w->pub.base)
			hi = mid;
		else if (hpa - w->pub.base >= w->pub.size)
			lo = mid + 1;
		else
			return w;
	}
	return NULL;
}

unsigned cxb_machine_windows(const CxbMachine *m)
{
	return m->n_windows;
}

const CxbFixedWindow *cxb_machine_window(const CxbMachine *m, unsigned i)
{
	return &m->windows[i].pub;
}

/* Where the endpoint's own decoder says @dpa is; right only if the way from the window down to it
 * agrees. Positions in an interleave set are tried in turn (16 at most). */
bool cxb_machine_dpa_to_hpa(CxbMachine *m, CxbDevice *endpoint, uint64_t dpa, uint64_t *hpa,
			    CxbAliasMode *mode)
{
	for (unsigned pos = 0; pos < 16; pos++) {
		CxbCxlRoute r;
		uint64_t at;
		Window *w;

		if (!cxb_hdm_to_hpa(cxb_cxl_endpoint_hdm(endpoint), dpa, pos, &at))
			return false;
		w = cxb_fmw_at(m, at);
		if (!w || !cxb_fmw_route(w, at, &r) || r.endpoint != endpoint || r.dpa != dpa)
			continue;
		*hpa = at;
		*mode = cxb_window_alias_at(w->region, at - w->pub.base, NULL, NULL);
		if (*mode == CXB_ALIAS_NONE)
			*mode = CXB_ALIAS_DECODED;
		return true;
	}
	return false;
}
