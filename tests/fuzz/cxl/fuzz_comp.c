/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Component registers written in any order and width, resets in between. The first byte chooses kind
 * and number of decoders; commits are shown at once, or held back until they settle. After each write:
 * what does not change did not, narrow and wide reads agree, registers and committed decoders say the
 * same, and what is committed stays as it is until it is uncommitted; if locked, until a reset.
 */
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "base/bytes.h"
#include "base/rdwr.h"
#include "cxl/comp.h"
#include "fuzz.h"
#include "wire/regs.h"

#define OPS_MAX  2048
#define UNIT     CXB_HDM_UNIT
#define CAPACITY (64 * UNIT)
#define HDM_AT   (WIRE_CACHEMEM_BASE + 0x128)
#define ARRAY    7 /* dwords at most in the capability array */

typedef struct {
	CxbComp *comp;
	CxbHdm before;
	uint32_t array[ARRAY], hdm_cap;
	bool hdm, changed;
	bool later;    /* commits are held back from now on */
	uint32_t held; /* bit per decoder */
} World;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool dpa_ok(void *opaque, uint64_t dpa, uint64_t len)
{
	return len <= CAPACITY && dpa <= CAPACITY - len;
}

/* The state is still the old one. */
static void hdm_removing(void *opaque)
{
	World *w = opaque;

	must(memcmp(cxb_comp_hdm(w->comp), &w->before, sizeof(w->before)) == 0);
}

static void hdm_changed(void *opaque)
{
	((World *)opaque)->changed = true;
}

static bool hdm_settling(void *opaque)
{
	World *w = opaque;

	must(w->changed);
	return w->later;
}

static unsigned byte(CxbRd *in)
{
	const uint8_t *b = cxb_rd_take(in, 1);

	return b ? *b : 0;
}

static uint64_t bytes(CxbRd *in, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | byte(in);
	return v;
}

static uint32_t rd(World *w, uint32_t off)
{
	return cxb_comp_read(w->comp, off, 4);
}

static void check_decoder(World *w, unsigned n)
{
	const CxbHdm *hdm = cxb_comp_hdm(w->comp);
	const CxbHdmDecoder *d = &hdm->dec[n], *old = &w->before.dec[n];
	const uint32_t at = HDM_AT + WIRE_HDM_DEC(n), ctrl = rd(w, at + WIRE_HDM_DEC_CTRL);
	uint64_t dpa, len;

	if (!d->committed)
		w->held &= ~(1u << n);
	else if (!old->committed && w->later)
		w->held |= 1u << n;
	must((d->committed && !(w->held & 1u << n)) == !!(ctrl & WIRE_HDM_DC_COMMITTED));
	must(!d->committed || ctrl & WIRE_HDM_DC_COMMIT);
	must(!d->committed || !(ctrl & WIRE_HDM_DC_ERROR));
	if (d->committed && old->committed)
		must(memcmp(d, old, sizeof(*d)) == 0);
	must(!old->committed || !old->locked || d->committed);
	if (!d->committed)
		return;
	must(d->locked == !!(ctrl & WIRE_HDM_DC_LOCK));
	must(d->base == cxb_comp_read(w->comp, at + WIRE_HDM_BASE_LO, 8));
	must(d->size == cxb_comp_read(w->comp, at + WIRE_HDM_SIZE_LO, 8));
	must(d->base % UNIT == 0 && d->size % UNIT == 0 && d->size);
	must(d->base <= UINT64_MAX - d->size);
	must(d->ig == FIELD_GET(WIRE_HDM_DC_IG, ctrl) && d->iw == FIELD_GET(WIRE_HDM_DC_IW, ctrl));
	must(cxb_hdm_ways(d->iw) && cxb_hdm_granularity(d->ig));
	if (hdm->endpoint && cxb_hdm_dpa_range(hdm, n, &dpa, &len)) {
		must(len == d->size / cxb_hdm_ways(d->iw));
		must(dpa_ok(NULL, dpa, len));
	}
}

/* There and back again, for the first address of each block of the decoder's first ways. */
static void check_round_trip(World *w, unsigned n)
{
	const CxbHdm *hdm = cxb_comp_hdm(w->comp);
	const CxbHdmDecoder *d = &hdm->dec[n];
	const unsigned ways = d->committed ? cxb_hdm_ways(d->iw) : 0;
	uint64_t base, len, dpa, hpa;

	if (!hdm->endpoint || !cxb_hdm_dpa_range(hdm, n, &base, &len))
		return;
	for (unsigned pos = 0; pos < ways; pos++) {
		const uint64_t at = d->base + (uint64_t)pos * cxb_hdm_granularity(d->ig);

		must(cxb_hdm_to_dpa(hdm, at, &dpa) && dpa == base);
		must(cxb_hdm_to_hpa(hdm, dpa, pos, &hpa) && hpa == at);
	}
}

static void check(World *w)
{
	const CxbHdm *hdm = cxb_comp_hdm(w->comp);

	for (unsigned i = 0; i < ARRAY; i++)
		must(rd(w, WIRE_CACHEMEM_BASE + 4 * i) == w->array[i]);
	must(w->changed || memcmp(hdm, &w->before, sizeof(*hdm)) == 0);
	if (!w->hdm)
		return;
	must(rd(w, HDM_AT + WIRE_HDM_CAP) == w->hdm_cap);
	must(hdm->enabled == !!(rd(w, HDM_AT + WIRE_HDM_CTRL) & WIRE_HDM_CTRL_ENABLE));
	for (unsigned n = 0; n < hdm->count; n++) {
		check_decoder(w, n);
		check_round_trip(w, n);
	}
}

static void check_widths(World *w, uint32_t off)
{
	const uint64_t wide = cxb_comp_read(w->comp, off & ~7u, 8);

	for (unsigned size = 1; size <= 4; size *= 2)
		for (uint32_t at = 0; at < 8; at += size)
			must(cxb_comp_read(w->comp, (off & ~7u) + at, size) ==
			     (wide >> 8 * at & (UINT32_MAX >> (32 - 8 * size))));
}

/* Anywhere, or a register of a decoder with a value that has a chance. */
static void any_write(World *w, CxbRd *in)
{
	const unsigned size = byte(in) % 16;
	const uint32_t off = bytes(in, 2);

	cxb_comp_write(w->comp, off, size, bytes(in, MIN(size, 8)));
	check_widths(w, off);
}

static void decoder_write(World *w, CxbRd *in)
{
	static const uint8_t fields[] = { WIRE_HDM_BASE_LO, WIRE_HDM_BASE_HI,  WIRE_HDM_SIZE_LO,
					  WIRE_HDM_SIZE_HI, WIRE_HDM_DEC_CTRL, WIRE_HDM_DEC_CTRL,
					  WIRE_HDM_SKIP_LO, WIRE_HDM_SKIP_HI };
	const unsigned what = byte(in), field = fields[what % 8];
	const uint32_t off = HDM_AT + WIRE_HDM_DEC(what >> 3 & 3) + field;
	uint32_t val = byte(in) << 28;

	if (field == WIRE_HDM_DEC_CTRL)
		val = bytes(in, 2);
	else if (off % 8 == 4 && field != WIRE_HDM_SKIP_LO)
		val = byte(in) % 4;
	cxb_comp_write(w->comp, off, 4, val);
	check_widths(w, off);
}

static void reset(World *w, CxbResetKind kind)
{
	w->changed = false;
	cxb_comp_reset(w->comp, kind);
	/* Nothing of before is held any more. */
	if (w->changed)
		w->before = *cxb_comp_hdm(w->comp);
	check(w);
}

static void step(World *w, CxbRd *in)
{
	const unsigned what = byte(in);

	w->before = *cxb_comp_hdm(w->comp);
	w->changed = false;
	if (what == 0xff) {
		reset(w, CXB_RESET_COLD);
		return;
	}
	if (what == 0xfe) {
		cxb_comp_settle(w->comp);
		w->held = 0;
	} else if (what == 0xfd)
		w->later = !w->later;
	else if (what % 8 == 0)
		any_write(w, in);
	else if (what % 8 == 1)
		cxb_comp_write(w->comp, HDM_AT + WIRE_HDM_CTRL, 4, what >> 3);
	else
		decoder_write(w, in);
	check(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t counts[] = { 0, 1, 2, 4, 4, 6, 8, 10 };
	CxbRd in = { data, size };
	World w = { 0 };
	const unsigned what = byte(&in);
	const CxbCompConfig config = {
		.kind = (what & 7) % 5,
		.name = "fuzzed",
		.hdm = counts[what >> 5],
		.decoders = counts[what >> 5],
		.targets = 1u << (what >> 3 & 3),
		.dpa_ok = dpa_ok,
		.hdm_removing = hdm_removing,
		.hdm_changed = hdm_changed,
		.hdm_settling = hdm_settling,
		.opaque = &w,
	};

	w.comp = cxb_comp_new(&config);
	w.hdm = cxb_comp_hdm(w.comp)->count > 0;
	for (unsigned i = 0; i < ARRAY; i++)
		w.array[i] = rd(&w, WIRE_CACHEMEM_BASE + 4 * i);
	w.hdm_cap = rd(&w, HDM_AT + WIRE_HDM_CAP);
	for (unsigned i = 0; i < OPS_MAX && in.left; i++)
		step(&w, &in);
	cxb_comp_free(w.comp);
	return 0;
}
