/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HDM decode: what is split joins again, each address has one position and one place there, and a
 * chain of decoders never gives two addresses the same DPA. The judge of split is the formula of
 * CXL 3.1 8.2.4.20.13 in its own shifts.
 */
#include <glib.h>

#include "cxl/hdm.h"

#define ROUNDS 200000

static const uint8_t iws[] = { 0, 1, 2, 3, 4, 8, 9, 10 };

static uint64_t rand64(void)
{
	return (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
}

static uint8_t rand_iw(void)
{
	return iws[g_test_rand_int_range(0, G_N_ELEMENTS(iws))];
}

/* The section's two cases: IW below 8, and IW from 8 on. */
static uint64_t spec_target_off(unsigned ig, unsigned iw, uint64_t off)
{
	const uint64_t low = off & ((1ull << (ig + 8)) - 1);

	if (iw < 8)
		return off >> (ig + 8 + iw) << (ig + 8) | low;
	return (off >> (ig + iw)) / 3 << (ig + 8) | low;
}

static unsigned spec_pos(unsigned ig, unsigned iw, uint64_t off)
{
	if (iw < 8)
		return off >> (ig + 8) & ((1u << iw) - 1);
	return (off >> (ig + 8)) % (3u << (iw - 8));
}

static void split_is_the_formula_and_join_undoes_it(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		const uint8_t ig = g_test_rand_int_range(0, 7), iw = rand_iw();
		const uint64_t off = rand64() >> g_test_rand_int_range(0, 64);
		uint64_t target;
		unsigned pos;

		cxb_hdm_split(ig, iw, off, &pos, &target);
		g_assert_cmpuint(pos, ==, spec_pos(ig, iw, off));
		g_assert_cmphex(target, ==, spec_target_off(ig, iw, off));
		g_assert_cmphex(cxb_hdm_join(ig, iw, pos, target), ==, off);
	}
}

static void join_is_split_back(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		const uint8_t ig = g_test_rand_int_range(0, 7), iw = rand_iw();
		const uint64_t target = rand64() >> g_test_rand_int_range(12, 64); /* 52 bits */
		const unsigned pos = g_test_rand_int_range(0, cxb_hdm_ways(iw));
		uint64_t back;
		unsigned p;

		cxb_hdm_split(ig, iw, cxb_hdm_join(ig, iw, pos, target), &p, &back);
		g_assert_cmpuint(p, ==, pos);
		g_assert_cmphex(back, ==, target);
	}
}

/* Up to four decoders in increasing order, any interleave, some not committed. */
static void random_chain(CxbHdm *hdm)
{
	uint64_t at = CXB_HDM_UNIT * g_test_rand_int_range(0, 64);

	*hdm = (CxbHdm){ .endpoint = true, .enabled = true, .count = 4 };
	for (unsigned n = 0; n < hdm->count; n++) {
		CxbHdmDecoder *d = &hdm->dec[n];

		d->committed = g_test_rand_int_range(0, 8) != 0;
		d->ig = g_test_rand_int_range(0, 7);
		d->iw = rand_iw();
		d->base = at;
		d->size = CXB_HDM_UNIT * cxb_hdm_ways(d->iw) * g_test_rand_int_range(1, 5);
		d->skip = CXB_HDM_UNIT * g_test_rand_int_range(0, 3);
		at += d->size + CXB_HDM_UNIT * g_test_rand_int_range(0, 2);
	}
}

static void a_chain_translates_both_ways(void)
{
	for (unsigned i = 0; i < ROUNDS / 10; i++) {
		uint64_t hpa, dpa, back, prev_end = 0;
		CxbHdm hdm;

		random_chain(&hdm);
		for (unsigned n = 0; n < hdm.count; n++) {
			const CxbHdmDecoder *d = &hdm.dec[n];
			uint64_t base, len, off;
			unsigned pos;

			if (!cxb_hdm_dpa_range(&hdm, n, &base, &len))
				break;
			g_assert_cmphex(base, ==, prev_end + d->skip);
			g_assert_cmphex(len, ==, d->size / cxb_hdm_ways(d->iw));
			prev_end = base + len;

			hpa = d->base + rand64() % d->size;
			cxb_hdm_split(d->ig, d->iw, hpa - d->base, &pos, &off);
			g_assert_true(cxb_hdm_to_dpa(&hdm, hpa, &dpa));
			g_assert_true(cxb_hdm_decoder_at(&hdm, hpa) == d);
			g_assert_cmphex(dpa, ==, base + off);
			g_assert_cmphex(off, <, len);
			g_assert_true(cxb_hdm_to_hpa(&hdm, dpa, pos, &back));
			g_assert_cmphex(back, ==, hpa);
		}
		hpa = rand64() % (CXB_HDM_UNIT * 256);
		g_assert_true(cxb_hdm_to_dpa(&hdm, hpa, &dpa) ==
			      (cxb_hdm_decoder_at(&hdm, hpa) != NULL));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cxl/hdm/split", split_is_the_formula_and_join_undoes_it);
	g_test_add_func("/cxl/hdm/join", join_is_split_back);
	g_test_add_func("/cxl/hdm/chain", a_chain_translates_both_ways);
	return g_test_run();
}
