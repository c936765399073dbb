/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HDM decoders (8.2.4.20). Every region gets a range of a one-way window that leads to its host
 * bridge, in increasing order of HPA along every path, as commit demands (8.2.4.20.12); the host
 * bridge and each switch above route that range, neighbours with one target sharing a decoder.
 * Decoders are few, so a device's regions lie in a row where one window holds them all.
 */
#include <inttypes.h>

#include "base/range.h"
#include "priv.h"
#include "wire/acpi.h"
#include "wire/pci.h"
#include "wire/regs.h"

#define MAX_HOPS       8
#define COMMIT_POLL    H_MS
#define COMMIT_TIMEOUT (2000 * H_MS) /* hardware has 10 ms; an emulator may be asked to wait */

enum { TYPE_ROOT_PORT = 4, TYPE_UPSTREAM = 5, TYPE_DOWNSTREAM = 6 };

/* A decoder to be committed: of a port (range), or of a device (region). */
typedef struct {
	HHdm *hdm;
	HRange range;
	HMemdev *md;
	unsigned region;
} Job;

typedef struct {
	HHdm *hdm;
	uint8_t target;
} Hop;

static unsigned count_decode(unsigned encoded)
{
	if (encoded == 0)
		return 1;
	if (encoded <= 8)
		return 2 * encoded;
	return encoded <= 12 ? (encoded - 4) * 4 : 0;
}

void cxb_h_hdm_find(CxbHost *host, uint64_t comp, HHdm *hdm)
{
	uint64_t base = comp + WIRE_CACHEMEM_BASE;
	uint32_t hdr = comp ? cxb_h_read32(host, base) : 0;
	unsigned count;

	if (FIELD_GET(WIRE_CAP_HDR_ID, hdr) != WIRE_COMP_CAP_ARRAY)
		return;
	count = FIELD_GET(WIRE_CAP_HDR_COUNT, hdr);
	for (unsigned i = 1; i <= count; i++) {
		uint32_t e = cxb_h_read32(host, base + 4 * i);
		unsigned at = FIELD_GET(WIRE_CAP_ENT_POINTER, e), n;

		if (FIELD_GET(WIRE_CAP_ENT_ID, e) != WIRE_COMP_CAP_HDM || at % 4 ||
		    !cxb_range_in(at, WIRE_HDM_SIZE(1), WIRE_CACHEMEM_SIZE))
			continue;
		n = count_decode(cxb_h_read32(host, base + at) & WIRE_HDM_CAP_COUNT);
		if (!n || !cxb_range_in(at, WIRE_HDM_SIZE(n), WIRE_CACHEMEM_SIZE))
			continue;
		hdm->hpa = base + at;
		hdm->count = n;
		hdm->ranges = g_array_new(false, false, sizeof(HRange));
		return;
	}
}

void cxb_h_hdm_fini(HHdm *hdm)
{
	if (hdm->ranges)
		g_array_unref(hdm->ranges);
	hdm->ranges = NULL;
}

/* Left by who was here before: taken down from the highest. A locked one stays. */
static void hdm_clear(CxbHost *host, HHdm *hdm, const char *what)
{
	for (unsigned i = hdm->hpa ? hdm->count : 0; i-- > 0;) {
		uint64_t dec = hdm->hpa + WIRE_HDM_DEC(i);
		uint32_t ctrl = cxb_h_read32(host, dec + WIRE_HDM_DEC_CTRL);

		if (!(ctrl & (WIRE_HDM_DC_COMMITTED | WIRE_HDM_DC_COMMIT)))
			continue;
		cxb_h_write32(host, dec + WIRE_HDM_DEC_CTRL, ctrl & ~WIRE_HDM_DC_COMMIT);
		if (cxb_h_read32(host, dec + WIRE_HDM_DEC_CTRL) & WIRE_HDM_DC_COMMITTED) {
			cxb_h_say(host, "%s: decoder %u is locked: its decoders are not used", what,
				  i);
			hdm->count = 0;
			return;
		}
		cxb_h_write32(host, dec + WIRE_HDM_SIZE_HI, 0);
		cxb_h_write32(host, dec + WIRE_HDM_SIZE_LO, 0);
		cxb_h_write32(host, dec + WIRE_HDM_BASE_HI, 0);
		cxb_h_write32(host, dec + WIRE_HDM_BASE_LO, 0);
	}
}

static void hdm_enable(CxbHost *host, const HHdm *hdm)
{
	uint32_t ctrl;

	if (!hdm->hpa)
		return;
	ctrl = cxb_h_read32(host, hdm->hpa + WIRE_HDM_CTRL);
	cxb_h_write32(host, hdm->hpa + WIRE_HDM_CTRL, ctrl | WIRE_HDM_CTRL_ENABLE);
}

/* The ports that route to a device, nearest first. Returns how many, or -1: none leads there. */
static int path_find(HFunc *func, Hop hops[MAX_HOPS])
{
	HRoot *root = func->root;
	int n = 0;

	if (!root->cxl)
		return -1;
	for (HFunc *p = func->parent; p; p = p->parent) {
		if (n == MAX_HOPS || p->number_clash)
			return -1;
		if (p->port_type == TYPE_ROOT_PORT && !p->parent) {
			/* Without decoders a host bridge passes everything to its only port. */
			if (root->hdm.hpa)
				hops[n++] = (Hop){ &root->hdm, p->port_number };
			else if (root->root_ports != 1)
				return -1;
			return n;
		}
		if (p->port_type != TYPE_DOWNSTREAM || !p->parent ||
		    p->parent->port_type != TYPE_UPSTREAM || !p->parent->hdm.hpa)
			return -1;
		hops[n++] = (Hop){ &p->parent->hdm, p->port_number };
		p = p->parent;
	}
	return -1;
}

/* The ranges of a port with one more, neighbours merged; NULL: more than it has decoders. */
static GArray *ranges_with(const Hop *hop, uint64_t hpa, uint64_t len, bool device)
{
	GArray *old = hop->hdm->ranges;
	g_autoptr(GArray) all = g_array_new(false, false, sizeof(HRange));
	HRange new = { hpa, len, hop->target, device };
	bool placed = false;

	for (unsigned i = 0; i <= old->len; i++) {
		const HRange *r = i < old->len ? &g_array_index(old, HRange, i) : NULL;
		HRange *last;

		if (!placed && (!r || hpa < r->hpa)) {
			r = &new;
			placed = true;
			i--;
		}
		if (!r)
			break;
		last = all->len ? &g_array_index(all, HRange, all->len - 1) : NULL;
		if (last && last->target == r->target && last->device == r->device &&
		    last->hpa + last->len == r->hpa)
			last->len += r->len;
		else
			g_array_append_val(all, *r);
	}
	return all->len <= hop->hdm->count ? g_steal_pointer(&all) : NULL;
}

static bool path_take(const Hop *hops, int n, uint64_t hpa, uint64_t len, bool device)
{
	GArray *now[MAX_HOPS] = { 0 };
	bool fits = true;

	for (int i = 0; fits && i < n; i++) {
		now[i] = ranges_with(&hops[i], hpa, len, device);
		fits = now[i];
	}
	for (int i = 0; i < n; i++) {
		if (!now[i])
			continue;
		if (!fits) {
			g_array_unref(now[i]);
			continue;
		}
		g_array_unref(hops[i].hdm->ranges);
		hops[i].hdm->ranges = now[i];
	}
	return fits;
}

const char *cxb_h_path_take(HFunc *f, uint64_t hpa, uint64_t len)
{
	Hop hops[MAX_HOPS];
	const int n = path_find(f, hops);

	if (n < 0)
		return "no path of CXL ports leads there";
	return path_take(hops, n, hpa, len, true) ? NULL : "a port has no decoder left";
}

static bool window_serves(const CxbHostWindow *w, const HMemdev *md, bool persistent)
{
	unsigned kind = persistent ? WIRE_CFMWS_PERSISTENT : WIRE_CFMWS_VOLATILE;

	return w->ways == 1 && w->targets[0] == md->func->root->bus && (w->restrictions & kind) &&
	       (w->restrictions & WIRE_CFMWS_HOST_ONLY) && !(w->restrictions & WIRE_CFMWS_FIXED);
}

static bool is_persistent(const HMemdev *md, const CxbHostRegion *r)
{
	return r->is_static && r->dpa >= md->volatile_size;
}

/* What is next in a window, and the way there. NULL: done, else why not. */
static const char *window_take(HMemdev *md, HWindow *w, uint64_t len, const Hop *hops, int n,
			       uint64_t *hpa)
{
	uint64_t at = MAX(w->cursor, md->hpa_cursor);

	if (!cxb_range_in(at - w->pub.base, len, w->pub.size))
		return "it does not fit the window";
	if (!path_take(hops, n, at, len, false))
		return "a port has no decoder left";
	w->cursor = md->hpa_cursor = at + len;
	*hpa = at;
	return NULL;
}

static void region_put(CxbHostRegion *r, uint64_t hpa)
{
	r->hpa = hpa;
	r->mapped = true;
}

/* All in a row in one window: one decoder of each port leads there. */
static bool regions_plan_together(HMemdev *md, const GPtrArray *regions, const Hop *hops, int n)
{
	CxbHost *host = md->host;
	uint64_t len = 0, hpa;

	for (unsigned i = 0; i < regions->len; i++) {
		const CxbHostRegion *r = g_ptr_array_index(regions, i);

		if (r->len > UINT64_MAX - len)
			return false;
		len += r->len;
	}
	for (unsigned i = 0; i < host->windows->len; i++) {
		HWindow *w = &g_array_index(host->windows, HWindow, i);
		bool serves = regions->len > 0;

		for (unsigned k = 0; serves && k < regions->len; k++)
			serves = window_serves(&w->pub, md,
					       is_persistent(md, g_ptr_array_index(regions, k)));
		if (!serves || window_take(md, w, len, hops, n, &hpa))
			continue;
		for (unsigned k = 0; k < regions->len; k++) {
			CxbHostRegion *r = g_ptr_array_index(regions, k);

			region_put(r, hpa);
			hpa += r->len;
		}
		return true;
	}
	return false;
}

/* First fit. NULL: done, else why not. */
static const char *region_plan(HMemdev *md, CxbHostRegion *r, const Hop *hops, int n)
{
	CxbHost *host = md->host;
	const char *why = "no window leads there";
	uint64_t hpa;

	for (unsigned i = 0; i < host->windows->len; i++) {
		HWindow *w = &g_array_index(host->windows, HWindow, i);

		if (!window_serves(&w->pub, md, is_persistent(md, r)))
			continue;
		why = window_take(md, w, r->len, hops, n, &hpa);
		if (!why) {
			region_put(r, hpa);
			return NULL;
		}
	}
	return why;
}

static void say_unmapped(HMemdev *md, const CxbHostRegion *r, const char *why)
{
	if (r->is_static)
		cxb_h_say_md(md, "static memory at dpa 0x%" PRIx64 " not mapped: %s", r->dpa, why);
	else
		cxb_h_say_md(md, "region %u not mapped: %s", r->region, why);
}

/* Those that may have a decoder, lowest DPA first; of the others it is said why not. */
static GPtrArray *regions_to_plan(HMemdev *md, bool has_path)
{
	GPtrArray *regions = g_ptr_array_new();

	for (unsigned i = 0; i < md->regions->len; i++) {
		CxbHostRegion *r = cxb_h_region(md, i);

		if (!has_path)
			say_unmapped(md, r, "no path of CXL ports leads there");
		else if (r->dpa % H_HDM_UNIT || r->len % H_HDM_UNIT)
			say_unmapped(md, r, "not a multiple of 256 MiB");
		else
			g_ptr_array_add(regions, r);
	}
	return regions;
}

static void memdev_plan(HMemdev *md)
{
	CxbHost *host = md->host;
	Hop hops[MAX_HOPS];
	int n = path_find(md->func, hops);
	g_autoptr(GPtrArray) regions = regions_to_plan(md, n >= 0);
	unsigned used = 0;

	cxb_h_hdm_find(host, md->func->comp, &md->hdm);
	hdm_clear(host, &md->hdm, "device");
	if (regions->len <= md->hdm.count && regions_plan_together(md, regions, hops, n))
		used = regions->len;
	for (unsigned i = used; i < regions->len; i++) {
		CxbHostRegion *r = g_ptr_array_index(regions, i);
		const char *why = used == md->hdm.count ? "the device has no decoder left"
							: region_plan(md, r, hops, n);

		if (why)
			say_unmapped(md, r, why);
		else
			used++;
	}
	if (!used)
		return;
	hdm_enable(host, &md->hdm);
	cxb_h_cfg_write(host, md->func->pub.bdf,
			md->func->dvsec_device + WIRE_DVSEC_BODY +
				offsetof(struct wire_dvsec_device, ctrl),
			2, WIRE_DEV_CTRL_IO_EN | WIRE_DEV_CTRL_MEM_EN);
}

static void add_port_jobs(CxbHost *host, HHdm *hdm)
{
	if (!hdm->hpa)
		return;
	if (hdm->ranges->len)
		hdm_enable(host, hdm);
	for (unsigned i = 0; i < hdm->ranges->len; i++) {
		Job *job = g_new0(Job, 1);

		job->hdm = hdm;
		job->range = g_array_index(hdm->ranges, HRange, i);
		g_ptr_array_add(host->jobs, job);
	}
}

static void add_device_jobs(CxbHost *host, HMemdev *md)
{
	for (unsigned i = 0; i < md->regions->len; i++) {
		Job *job;

		if (!cxb_h_region(md, i)->mapped)
			continue;
		job = g_new0(Job, 1);
		job->hdm = &md->hdm;
		job->md = md;
		job->region = i;
		g_ptr_array_add(host->jobs, job);
	}
}

void cxb_h_plan(CxbHost *host)
{
	for (unsigned i = 0; i < host->roots->len; i++) {
		HRoot *root = g_ptr_array_index(host->roots, i);

		cxb_h_hdm_find(host, root->comp, &root->hdm);
		hdm_clear(host, &root->hdm, "host bridge");
	}
	for (unsigned i = 0; i < host->funcs->len; i++) {
		HFunc *f = g_ptr_array_index(host->funcs, i);

		if (f->port_type != TYPE_UPSTREAM)
			continue;
		cxb_h_hdm_find(host, f->comp, &f->hdm);
		hdm_clear(host, &f->hdm, "switch");
	}
	cxb_h_accels_plan(host);
	for (unsigned i = 0; i < host->memdevs->len; i++) {
		HMemdev *md = g_ptr_array_index(host->memdevs, i);

		if (!md->failed)
			memdev_plan(md);
	}
	/* From the top down: a device's decoder goes live last. */
	for (unsigned i = 0; i < host->roots->len; i++)
		add_port_jobs(host, &((HRoot *)g_ptr_array_index(host->roots, i))->hdm);
	for (unsigned i = 0; i < host->funcs->len; i++)
		add_port_jobs(host, &((HFunc *)g_ptr_array_index(host->funcs, i))->hdm);
	for (unsigned i = 0; i < host->memdevs->len; i++)
		add_device_jobs(host, g_ptr_array_index(host->memdevs, i));
}

/* --- committing --- */

static uint64_t job_decoder(const Job *job)
{
	return job->hdm->hpa + WIRE_HDM_DEC(job->hdm->next);
}

/* False: nothing to commit any more. */
static bool job_write(CxbHost *host, const Job *job)
{
	uint64_t dec = job_decoder(job), base = job->range.hpa, size = job->range.len;
	uint64_t list = job->range.target;

	if (job->md) {
		const CxbHostRegion *r = cxb_h_region(job->md, job->region);

		if (!r->mapped)
			return false;
		base = r->hpa;
		size = r->len;
		list = r->dpa - job->md->dpa_cursor; /* DPA skip */
	}
	cxb_h_write32(host, dec + WIRE_HDM_SIZE_HI, size >> 32);
	cxb_h_write32(host, dec + WIRE_HDM_SIZE_LO, size);
	cxb_h_write32(host, dec + WIRE_HDM_BASE_HI, base >> 32);
	cxb_h_write32(host, dec + WIRE_HDM_BASE_LO, base);
	cxb_h_write32(host, dec + WIRE_HDM_SKIP_HI, list >> 32);
	cxb_h_write32(host, dec + WIRE_HDM_SKIP_LO, list);
	/* One way; granularity does not matter. */
	cxb_h_write32(host, dec + WIRE_HDM_DEC_CTRL,
		      WIRE_HDM_DC_COMMIT | (job->range.device ? 0 : WIRE_HDM_DC_HOST_ONLY));
	return true;
}

static void region_done(HMemdev *md, CxbHostRegion *r)
{
	r->decoder = md->hdm.next;
	md->dpa_cursor = r->dpa + r->len;
	if (r->is_static)
		cxb_h_say_md(md, "static memory, 0x%" PRIx64 " bytes, at hpa 0x%" PRIx64, r->len,
			     r->hpa);
	else
		cxb_h_say_md(md, "region %u, 0x%" PRIx64 " bytes, at hpa 0x%" PRIx64, r->region,
			     r->len, r->hpa);
}

static void region_unmap(HMemdev *md, CxbHostRegion *r)
{
	say_unmapped(md, r, "a decoder did not commit");
	r->mapped = false;
	r->hpa = 0;
}

/* Everything that was to be reached through the decoder is not. */
static void port_failed(CxbHost *host, const Job *job)
{
	if (job->range.device)
		cxb_h_accels_unmap(host, job->range.hpa, job->range.len);
	for (unsigned i = 0; i < host->memdevs->len; i++) {
		HMemdev *md = g_ptr_array_index(host->memdevs, i);
		Hop hops[MAX_HOPS];
		int n = path_find(md->func, hops);
		bool through = false;

		for (int k = 0; k < n; k++)
			through |= hops[k].hdm == job->hdm;
		for (unsigned k = 0; through && k < md->regions->len; k++) {
			CxbHostRegion *r = cxb_h_region(md, k);

			if (r->mapped &&
			    cxb_ranges_overlap(r->hpa, r->len, job->range.hpa, job->range.len))
				region_unmap(md, r);
		}
	}
}

static void job_end(CxbHost *host, const Job *job, bool committed)
{
	CxbHostRegion *r = job->md ? cxb_h_region(job->md, job->region) : NULL;

	host->committing = false;
	if (committed) {
		if (r)
			region_done(job->md, r);
		job->hdm->next++;
		return;
	}
	/* The next attempt starts from here. */
	cxb_h_write32(host, job_decoder(job) + WIRE_HDM_DEC_CTRL, 0);
	if (r)
		region_unmap(job->md, r);
	else
		port_failed(host, job);
}

static void commit_timer(void *opaque)
{
	cxb_h_kick(opaque);
}

void cxb_h_commit_step(CxbHost *host)
{
	const Job *job;
	uint32_t ctrl;

	if (host->next_job == host->jobs->len) {
		g_clear_pointer(&host->commit_timer, cxb_timer_free);
		cxb_h_accels_try(host);
		cxb_h_go(host, H_ATTACH);
		return;
	}
	job = g_ptr_array_index(host->jobs, host->next_job);
	if (!host->committing) {
		host->commit_deadline = cxb_h_now(host) + COMMIT_TIMEOUT;
		host->committing = job_write(host, job);
	}
	if (host->committing) {
		bool late = cxb_h_now(host) >= host->commit_deadline;

		ctrl = cxb_h_read32(host, job_decoder(job) + WIRE_HDM_DEC_CTRL);
		if (!(ctrl & (WIRE_HDM_DC_COMMITTED | WIRE_HDM_DC_ERROR)) && !late) {
			if (!host->commit_timer)
				host->commit_timer =
					cxb_timer_new(host->config.clock, commit_timer, host);
			cxb_timer_arm(host->commit_timer, cxb_h_now(host) + COMMIT_POLL);
			return;
		}
		job_end(host, job, (ctrl & WIRE_HDM_DC_COMMITTED) && !(ctrl & WIRE_HDM_DC_ERROR));
	}
	host->next_job++;
	cxb_h_kick(host);
}
