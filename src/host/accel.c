/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accelerators (Type 2): functions with CXL memory that are no memory devices. They have no mailbox and tell
 * nothing of themselves but by their decoders, which firmware has committed and locked, in addresses of a
 * window. These addresses are nobody else's, the ports above lead there, and the memory is tried.
 */
#include <inttypes.h>

#include "base/range.h"
#include "priv.h"
#include "wire/pci.h"
#include "wire/regs.h"

/* What is found by trying: nothing that memory holds from before. */
#define PATTERN UINT64_C(0xa5c3f00f1e3c5a96)

static bool is_accelerator(CxbHost *host, const HFunc *f)
{
	uint16_t cap;

	if (f->bridge || !f->dvsec_device || f->pub.class_code == WIRE_CLASS_CXL_MEMDEV)
		return false;
	cap = cxb_h_cfg(host, f->pub.bdf,
			f->dvsec_device + WIRE_DVSEC_BODY + offsetof(struct wire_dvsec_device, cap),
			2);
	return cap & WIRE_DEV_CAP_MEM;
}

/* Decoder @n, if it is committed. */
static bool decoder_range(CxbHost *host, const HHdm *hdm, unsigned n, uint64_t *hpa, uint64_t *len)
{
	const uint64_t dec = hdm->hpa + WIRE_HDM_DEC(n);

	const uint32_t ctrl = cxb_h_read32(host, dec + WIRE_HDM_DEC_CTRL);

	/* Of a set that interleaves it would be a part. */
	if (!(ctrl & WIRE_HDM_DC_COMMITTED) || FIELD_GET(WIRE_HDM_DC_IW, ctrl))
		return false;
	*hpa = (uint64_t)cxb_h_read32(host, dec + WIRE_HDM_BASE_HI) << 32 |
	       (cxb_h_read32(host, dec + WIRE_HDM_BASE_LO) & WIRE_HDM_LO_MASK);
	*len = (uint64_t)cxb_h_read32(host, dec + WIRE_HDM_SIZE_HI) << 32 |
	       (cxb_h_read32(host, dec + WIRE_HDM_SIZE_LO) & WIRE_HDM_LO_MASK);
	return cxb_range_valid(*hpa, *len);
}

static HWindow *window_of(CxbHost *host, const HFunc *f, uint64_t hpa, uint64_t len)
{
	for (unsigned i = 0; i < host->windows->len; i++) {
		HWindow *w = &g_array_index(host->windows, HWindow, i);

		if (w->pub.ways == 1 && w->pub.targets[0] == f->root->bus &&
		    cxb_range_within(hpa, len, w->pub.base, w->pub.size))
			return w;
	}
	return NULL;
}

static bool taken(const CxbHost *host, uint64_t hpa, uint64_t len)
{
	for (unsigned i = 0; i < host->accels->len; i++) {
		const CxbHostAccel *a = &g_array_index(host->accels, CxbHostAccel, i);

		if (a->mapped && cxb_ranges_overlap(a->hpa, a->len, hpa, len))
			return true;
	}
	return false;
}

/* NULL: its memory can be had, else why not. */
static const char *take(CxbHost *host, HFunc *f, uint64_t hpa, uint64_t len)
{
	HWindow *w = window_of(host, f, hpa, len);
	const char *why;

	if (!w)
		return "no window leads there";
	if (taken(host, hpa, len))
		return "another accelerator is there";
	why = cxb_h_path_take(f, hpa, len);
	if (why)
		return why;
	/* What a window has left is behind what is taken. */
	w->cursor = MAX(w->cursor, hpa + len);
	return NULL;
}

static void plan(CxbHost *host, HFunc *f)
{
	HHdm hdm = { 0 };

	cxb_h_hdm_find(host, f->comp, &hdm);
	for (unsigned i = 0; i < hdm.count; i++) {
		CxbHostAccel a = { .bdf = f->pub.bdf,
				   .vendor = f->pub.vendor,
				   .device = f->pub.device,
				   .decoder = i };
		const char *why;

		if (!decoder_range(host, &hdm, i, &a.hpa, &a.len))
			continue;
		why = take(host, f, a.hpa, a.len);
		a.mapped = !why;
		if (why)
			cxb_h_say(host,
				  "accelerator %02x:%02x.%x: 0x%" PRIx64 " bytes at hpa 0x%" PRIx64
				  " not used: %s",
				  a.bdf >> 8, a.bdf >> 3 & 31, a.bdf & 7, a.len, a.hpa, why);
		g_array_append_val(host->accels, a);
	}
	cxb_h_hdm_fini(&hdm);
}

void cxb_h_accels_plan(CxbHost *host)
{
	for (unsigned i = 0; i < host->funcs->len; i++) {
		HFunc *f = g_ptr_array_index(host->funcs, i);

		if (is_accelerator(host, f))
			plan(host, f);
	}
}

void cxb_h_accels_unmap(CxbHost *host, uint64_t hpa, uint64_t len)
{
	for (unsigned i = 0; i < host->accels->len; i++) {
		CxbHostAccel *a = &g_array_index(host->accels, CxbHostAccel, i);

		if (cxb_ranges_overlap(a->hpa, a->len, hpa, len))
			a->mapped = false;
	}
}

/* What was there is there afterwards. Beside an operating system, whose driver may use it, it is read only. */
static bool holds(CxbHost *host, uint64_t hpa)
{
	uint64_t was;
	bool ok;

	if (!cxb_h_read(host, hpa, &was, sizeof(was)))
		return false;
	if (cxb_h_adopts(host))
		return true;
	was = cxb_h_read64(host, hpa);

	cxb_h_write64(host, hpa, ~was ^ PATTERN);
	ok = cxb_h_read64(host, hpa) == (~was ^ PATTERN);
	cxb_h_write64(host, hpa, was);
	return ok && cxb_h_read64(host, hpa) == was;
}

void cxb_h_accels_try(CxbHost *host)
{
	for (unsigned i = 0; i < host->accels->len; i++) {
		CxbHostAccel *a = &g_array_index(host->accels, CxbHostAccel, i);

		if (!a->mapped)
			continue;
		a->usable = holds(host, a->hpa) && holds(host, a->hpa + a->len - 8);
		cxb_h_say(host,
			  "accelerator %02x:%02x.%x: 0x%" PRIx64 " bytes at hpa 0x%" PRIx64 "%s",
			  a->bdf >> 8, a->bdf >> 3 & 31, a->bdf & 7, a->len, a->hpa,
			  a->usable ? "" : ", which do not hold what is written");
	}
}
