/* SPDX-License-Identifier: Apache-2.0 */
/* Interleave arithmetic and decode, CXL 3.1 8.2.4.20.13. Nothing is kept between calls. */
#include "cxl/hdm.h"

#include <glib.h>

/* Ways by IW; 0: reserved (8.2.4.20.7). */
static const uint8_t ways_of[16] = {
	[0] = 1, [1] = 2, [2] = 4, [3] = 8, [4] = 16, [8] = 3, [9] = 6, [10] = 12,
};

/* Decoders by code (8.2.4.20.1); codes behind these are reserved. */
static const uint8_t counts[] = { 1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32 };

#define IG_MAX 6

unsigned cxb_hdm_count(uint8_t code)
{
	return code < G_N_ELEMENTS(counts) ? counts[code] : 0;
}

bool cxb_hdm_encode_count(unsigned count, uint8_t *code)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(counts); i++) {
		if (counts[i] == count) {
			*code = i;
			return true;
		}
	}
	return false;
}

unsigned cxb_hdm_ways(uint8_t iw)
{
	return iw < G_N_ELEMENTS(ways_of) ? ways_of[iw] : 0;
}

bool cxb_hdm_encode_ways(unsigned ways, uint8_t *iw)
{
	for (unsigned i = 0; ways && i < G_N_ELEMENTS(ways_of); i++) {
		if (ways_of[i] == ways) {
			*iw = i;
			return true;
		}
	}
	return false;
}

uint32_t cxb_hdm_granularity(uint8_t ig)
{
	return ig <= IG_MAX ? 256u << ig : 0;
}

bool cxb_hdm_encode_granularity(uint32_t bytes, uint8_t *ig)
{
	for (unsigned i = 0; i <= IG_MAX; i++) {
		if (bytes == 256u << i) {
			*ig = i;
			return true;
		}
	}
	return false;
}

void cxb_hdm_split(uint8_t ig, uint8_t iw, uint64_t off, unsigned *pos, uint64_t *target_off)
{
	const unsigned ways = cxb_hdm_ways(iw);
	const uint64_t g = cxb_hdm_granularity(ig);
	uint64_t chunk;

	if (!ways || !g) { /* reserved encodings are never committed */
		*pos = 0;
		*target_off = off;
		return;
	}
	chunk = off >> (ig + 8);
	*pos = chunk % ways;
	*target_off = chunk / ways << (ig + 8) | (off & (g - 1));
}

uint64_t cxb_hdm_join(uint8_t ig, uint8_t iw, unsigned pos, uint64_t target_off)
{
	const unsigned ways = cxb_hdm_ways(iw);
	const uint64_t g = cxb_hdm_granularity(ig);

	if (!ways || !g)
		return target_off;
	return ((target_off >> (ig + 8)) * ways + pos) << (ig + 8) | (target_off & (g - 1));
}

static bool covers(const CxbHdmDecoder *d, uint64_t hpa)
{
	return d->committed && hpa >= d->base && hpa - d->base < d->size;
}

bool cxb_hdm_route(const CxbHdm *hdm, uint64_t hpa, uint8_t *port)
{
	if (!hdm->enabled)
		return false;
	for (unsigned i = 0; i < hdm->count; i++) {
		const CxbHdmDecoder *d = &hdm->dec[i];
		uint64_t unused;
		unsigned pos;

		if (!covers(d, hpa))
			continue;
		cxb_hdm_split(d->ig, d->iw, hpa - d->base, &pos, &unused);
		if (pos >= G_N_ELEMENTS(d->targets))
			return false;
		*port = d->targets[pos];
		return true;
	}
	return false;
}

/* One decoder of an endpoint and the DPA that it reaches. */
struct step {
	const CxbHdmDecoder *dec;
	uint64_t dpa_base, dpa_len;
	uint64_t dpa_next; /* where the DPA of the next decoder starts, before its skip */
};

/* Walk to decoder @n; false once a decoder is not committed (that ends the chain). */
static bool walk(const CxbHdm *hdm, unsigned n, struct step *s)
{
	if (n >= hdm->count || !hdm->dec[n].committed || !cxb_hdm_ways(hdm->dec[n].iw))
		return false;
	s->dec = &hdm->dec[n];
	s->dpa_base = (n ? s->dpa_next : 0) + s->dec->skip;
	s->dpa_len = s->dec->size / cxb_hdm_ways(s->dec->iw);
	s->dpa_next = s->dpa_base + s->dpa_len;
	return true;
}

/* Walk to the decoder that takes @hpa. */
static bool walk_to(const CxbHdm *hdm, uint64_t hpa, struct step *s)
{
	if (!hdm->enabled)
		return false;
	for (unsigned i = 0; walk(hdm, i, s); i++)
		if (covers(s->dec, hpa))
			return true;
	return false;
}

bool cxb_hdm_to_dpa(const CxbHdm *hdm, uint64_t hpa, uint64_t *dpa)
{
	struct step s = { 0 };
	uint64_t off;
	unsigned pos;

	if (!walk_to(hdm, hpa, &s))
		return false;
	cxb_hdm_split(s.dec->ig, s.dec->iw, hpa - s.dec->base, &pos, &off);
	*dpa = s.dpa_base + off;
	return true;
}

const CxbHdmDecoder *cxb_hdm_decoder_at(const CxbHdm *hdm, uint64_t hpa)
{
	struct step s = { 0 };

	return walk_to(hdm, hpa, &s) ? s.dec : NULL;
}

bool cxb_hdm_dpa_range(const CxbHdm *hdm, unsigned n, uint64_t *dpa_base, uint64_t *dpa_len)
{
	struct step s = { 0 };

	if (!hdm->enabled)
		return false;
	for (unsigned i = 0; walk(hdm, i, &s); i++) {
		if (i < n)
			continue;
		*dpa_base = s.dpa_base;
		*dpa_len = s.dpa_len;
		return true;
	}
	return false;
}

bool cxb_hdm_to_hpa(const CxbHdm *hdm, uint64_t dpa, unsigned pos, uint64_t *hpa)
{
	struct step s = { 0 };

	if (!hdm->enabled)
		return false;
	for (unsigned i = 0; walk(hdm, i, &s); i++) {
		if (dpa < s.dpa_base || dpa - s.dpa_base >= s.dpa_len)
			continue;
		if (pos >= cxb_hdm_ways(s.dec->iw))
			return false;
		*hpa = s.dec->base + cxb_hdm_join(s.dec->ig, s.dec->iw, pos, dpa - s.dpa_base);
		return true;
	}
	return false;
}
