/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an access to a window ends. The host bridges and ports on the way are those of the machine
 * elsewhere and are not seen from here; what leads to an endpoint is told by the endpoints' own decoders, as
 * these agree with the decoders above them: base, ways and granularity of an interleave set are the same in
 * all of its endpoints. What they do not have is the position of each in the set. Software commits them in
 * order of position (Linux does), so the first that was committed is the first.
 */
#include "window.h"

#include <string.h>

#include "base/trace.h"

#define MAX_WAYS 16

CXB_TRACE(cxl_window_refused, (const char *window, const char *what, uint64_t hpa, size_t len),
	  "%s: %s of hpa 0x%" PRIx64 " len 0x%zx reaches no memory", window, what, hpa, len)
CXB_TRACE(cxl_window_poisoned, (const char *window, const char *dev, uint64_t dpa, size_t len),
	  "%s: read of %s dpa 0x%" PRIx64 " len 0x%zx meets poison", window, dev, dpa, len)

typedef struct {
	CxbDevice *endpoint;
	const CxbHdmDecoder *decoder;
} Candidate;

bool cxb_cxl_window_is_for(const CxbDevice *window, const CxbDevice *dev)
{
	const CxlWindow *w = (const CxlWindow *)window;

	if (!cxb_cxl_is_endpoint(dev) || !cxb_cxl_endpoint_served(dev))
		return false;
	for (guint i = 0; w->targets && i < w->targets->len; i++)
		if (g_strcmp0(dev->id, w->targets->pdata[i]) == 0)
			return true;
	return !w->targets;
}

/* What is locked firmware has committed, which is before there is an operating system. */
static bool software_decodes(const CxbHdm *hdm)
{
	for (unsigned i = 0; hdm->enabled && i < hdm->count; i++)
		if (hdm->dec[i].committed && !hdm->dec[i].locked)
			return true;
	return false;
}

bool cxb_cxl_window_is_used(const CxbDevice *window)
{
	const GPtrArray *devices = window->bus->devices;

	for (guint i = 0; i < devices->len; i++) {
		const CxbDevice *dev = devices->pdata[i];

		if (cxb_cxl_window_is_for(window, dev) &&
		    software_decodes(cxb_cxl_endpoint_hdm(dev)))
			return true;
	}
	return false;
}

static bool same_set(const CxbHdmDecoder *a, const CxbHdmDecoder *b)
{
	return a->base == b->base && a->size == b->size && a->iw == b->iw && a->ig == b->ig;
}

/* In order of their commits; what is behind the @n-th is of no set. Returns: how many there are now. */
static unsigned insert(Candidate *all, unsigned n, const Candidate *c)
{
	unsigned at = n < MAX_WAYS ? n : MAX_WAYS - 1;

	if (n == MAX_WAYS && all[at].decoder->order < c->decoder->order)
		return n;
	for (; at && all[at - 1].decoder->order > c->decoder->order; at--)
		all[at] = all[at - 1];
	all[at] = *c;
	return MIN(n + 1, MAX_WAYS);
}

/* Endpoints whose decoders take @hpa. */
static unsigned candidates(const CxlWindow *w, uint64_t hpa, Candidate *all)
{
	const GPtrArray *devices = cxb_pci_dev_bus(&w->pci)->bus.devices;
	unsigned n = 0;

	for (guint i = 0; i < devices->len; i++) {
		Candidate c = { .endpoint = devices->pdata[i] };

		if (!cxb_cxl_window_is_for(&w->pci.dev, c.endpoint))
			continue;
		c.decoder = cxb_hdm_decoder_at(cxb_cxl_endpoint_hdm(c.endpoint), hpa);
		if (c.decoder)
			n = insert(all, n, &c);
	}
	return n;
}

/* A set answers once all of it is there: before, nobody's position is known. */
static bool route(const CxlWindow *w, uint64_t hpa, CxbCxlRoute *out)
{
	Candidate all[MAX_WAYS];
	const unsigned n = candidates(w, hpa, all);
	const CxbHdmDecoder *first = n ? all[0].decoder : NULL;
	unsigned position, in_set = 0;
	CxbCxlRoute r = { .len = UINT64_MAX };
	uint64_t unused;

	if (!first)
		return false;
	cxb_hdm_split(first->ig, first->iw, hpa - first->base, &position, &unused);
	for (unsigned i = 0; i < n; i++)
		if (same_set(first, all[i].decoder) && in_set++ == position)
			r.endpoint = all[i].endpoint;
	if (!r.endpoint || in_set < cxb_hdm_ways(first->iw))
		return false;
	cxb_route_limit(&r, first, hpa);
	*out = r;
	return cxb_hdm_to_dpa(cxb_cxl_endpoint_hdm(r.endpoint), hpa, &out->dpa);
}

static void refuse(CxlWindow *w, const char *what, uint64_t hpa, size_t len)
{
	w->refused++;
	trace_cxl_window_refused(w->pci.dev.obj.name, what, hpa, len);
}

/* No message carries poison to a processor; what it gets instead is no data either. */
static bool meets_poison(CxlWindow *w, const CxbCxlRoute *r, size_t len)
{
	if (!cxb_cxl_is_type3(r->endpoint) ||
	    !cxb_poison_hits(cxb_cxl_type3_poison(r->endpoint), r->dpa, len))
		return false;
	w->poisoned++;
	trace_cxl_window_poisoned(w->pci.dev.obj.name, r->endpoint->obj.name, r->dpa, len);
	return true;
}

/* Accesses are split where the route changes. To whoever sent the message it is a success in any case:
 * a processor knows no other end of a load. */
static CxbMemResult read_bulk(void *opaque, uint64_t off, void *buf, size_t len)
{
	const WindowPart *part = opaque;
	uint64_t hpa = part->hpa + off;
	uint8_t *to = buf;

	part->window->reads++;
	while (len) {
		CxbCxlRoute r;
		size_t n = len;
		bool ok = route(part->window, hpa, &r);

		if (ok) {
			n = MIN(len, r.len);
			ok = cxb_cxl_endpoint_read(r.endpoint, r.dpa, to, n);
		}
		if (!ok)
			refuse(part->window, "read", hpa, n);
		if (!ok || meets_poison(part->window, &r, n))
			memset(to, 0xff, n);
		hpa += n;
		to += n;
		len -= n;
	}
	return CXB_MEM_OK;
}

static CxbMemResult write_bulk(void *opaque, uint64_t off, const void *buf, size_t len)
{
	const WindowPart *part = opaque;
	uint64_t hpa = part->hpa + off;
	const uint8_t *from = buf;

	part->window->writes++;
	while (len) {
		CxbCxlRoute r;
		size_t n = len;
		bool ok = route(part->window, hpa, &r);

		if (ok) {
			n = MIN(len, r.len);
			ok = cxb_cxl_endpoint_write(r.endpoint, r.dpa, from, n);
		}
		if (!ok)
			refuse(part->window, "write", hpa, n);
		hpa += n;
		from += n;
		len -= n;
	}
	return CXB_MEM_OK;
}

const CxbRegionOps cxb_window_part_ops = { .read_bulk = read_bulk, .write_bulk = write_bulk };
