/* SPDX-License-Identifier: Apache-2.0 */
/* HDM decode. Numbers worked out by hand from CXL 3.1 8.2.4.20.13. */
#include <glib.h>

#include "cxl/hdm.h"

static void split_and_join_agree_with_worked_examples(void)
{
	static const struct {
		uint8_t ig, iw;
		unsigned pos;
		uint64_t target;
	} rows[] = {
		{ 2, 2, 1, 0x48d1678 },  /* 4 ways, 1 KiB */
		{ 1, 9, 3, 0x308b878 },  /* 6 ways, 512 B */
		{ 0, 8, 0, 0x6117278 },  /* 3 ways, 256 B */
		{ 3, 0, 0, 0x12345678 }, /* 1 way */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		uint64_t target;
		unsigned pos;

		cxb_hdm_split(rows[i].ig, rows[i].iw, 0x12345678, &pos, &target);
		g_assert_cmpuint(pos, ==, rows[i].pos);
		g_assert_cmphex(target, ==, rows[i].target);
		g_assert_cmphex(cxb_hdm_join(rows[i].ig, rows[i].iw, pos, target), ==, 0x12345678);
	}
}

static void encodings_are_those_of_the_table(void)
{
	/* 8.2.4.20.1, 8.2.4.20.7; 0: reserved */
	static const unsigned counts[16] = {
		1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 0, 0, 0,
	};
	static const unsigned ways[16] = { 1, 2, 4, 8, 16, 0, 0, 0, 3, 6, 12, 0, 0, 0, 0, 0 };
	uint8_t code;

	for (unsigned i = 0; i < 16; i++) {
		g_assert_cmpuint(cxb_hdm_count(i), ==, counts[i]);
		if (counts[i]) {
			g_assert_true(cxb_hdm_encode_count(counts[i], &code));
			g_assert_cmpuint(code, ==, i);
		}
		g_assert_cmpuint(cxb_hdm_ways(i), ==, ways[i]);
		if (ways[i]) {
			g_assert_true(cxb_hdm_encode_ways(ways[i], &code));
			g_assert_cmpuint(code, ==, i);
		}
		g_assert_cmpuint(cxb_hdm_granularity(i), ==, i <= 6 ? 256u << i : 0);
	}
	g_assert_cmpuint(cxb_hdm_count(255), ==, 0);
	g_assert_false(cxb_hdm_encode_count(0, &code));
	g_assert_false(cxb_hdm_encode_count(3, &code));
	g_assert_false(cxb_hdm_encode_count(64, &code));
	g_assert_cmpuint(cxb_hdm_ways(255), ==, 0);
	g_assert_cmpuint(cxb_hdm_granularity(255), ==, 0);
	g_assert_false(cxb_hdm_encode_ways(0, &code));
	g_assert_false(cxb_hdm_encode_ways(5, &code));
	g_assert_false(cxb_hdm_encode_ways(24, &code));
	g_assert_true(cxb_hdm_encode_granularity(4096, &code));
	g_assert_cmpuint(code, ==, 4);
	g_assert_false(cxb_hdm_encode_granularity(128, &code));
	g_assert_false(cxb_hdm_encode_granularity(32768, &code));
	g_assert_false(cxb_hdm_encode_granularity(0, &code));
}

/* Decoder 0: 1 GiB, 2 ways; decoder 1: 2 GiB, 4 ways, skip 512 MiB: DPA 1 GiB. */
static const CxbHdm chain = {
	.endpoint = true,
	.enabled = true,
	.count = 4,
	.dec = {
		{ .committed = true, .base = 0x100000000, .size = 0x40000000, .ig = 0, .iw = 1 },
		{ .committed = true, .base = 0x200000000, .size = 0x80000000, .skip = 0x20000000,
		  .ig = 0, .iw = 2 },
	},
};

static void dpa_is_handed_out_in_order_of_decoders(void)
{
	uint64_t base, len, dpa, hpa;

	g_assert_true(cxb_hdm_dpa_range(&chain, 0, &base, &len));
	g_assert_cmphex(base, ==, 0);
	g_assert_cmphex(len, ==, 0x20000000);
	g_assert_true(cxb_hdm_dpa_range(&chain, 1, &base, &len));
	g_assert_cmphex(base, ==, 0x40000000);
	g_assert_cmphex(len, ==, 0x20000000);
	g_assert_false(cxb_hdm_dpa_range(&chain, 2, &base, &len));
	g_assert_false(cxb_hdm_dpa_range(&chain, 99, &base, &len));

	g_assert_true(cxb_hdm_to_dpa(&chain, 0x200000000, &dpa));
	g_assert_cmphex(dpa, ==, 0x40000000);
	g_assert_true(cxb_hdm_to_dpa(&chain, 0x27fffffff, &dpa));
	g_assert_cmphex(dpa, ==, 0x5fffffff);
	g_assert_false(cxb_hdm_to_dpa(&chain, 0x280000000, &dpa));
	g_assert_false(cxb_hdm_to_dpa(&chain, 0xffffffff, &dpa));
	g_assert_false(cxb_hdm_to_dpa(&chain, UINT64_MAX, &dpa));

	g_assert_true(cxb_hdm_to_hpa(&chain, 0x40000000, 3, &hpa));
	g_assert_cmphex(hpa, ==, 0x200000300);
	g_assert_true(cxb_hdm_to_hpa(&chain, 0x1fffffff, 1, &hpa));
	g_assert_cmphex(hpa, ==, 0x13fffffff);
	g_assert_false(cxb_hdm_to_hpa(&chain, 0x20000000, 0, &hpa)); /* skipped */
	g_assert_false(cxb_hdm_to_hpa(&chain, 0x60000000, 0, &hpa)); /* behind the last */
	g_assert_false(cxb_hdm_to_hpa(&chain, 0x40000000, 4, &hpa)); /* no such position */
}

static void an_uncommitted_decoder_ends_the_walk_of_an_endpoint(void)
{
	CxbHdm hdm = chain;
	uint64_t a, b;

	hdm.dec[0].committed = false;
	g_assert_false(cxb_hdm_to_dpa(&hdm, 0x200000000, &a));
	g_assert_false(cxb_hdm_dpa_range(&hdm, 1, &a, &b));
	g_assert_false(cxb_hdm_to_hpa(&hdm, 0x40000000, 0, &a));
}

static void nothing_decodes_while_decoders_are_off(void)
{
	CxbHdm hdm = chain;
	uint64_t a, b;
	uint8_t port;

	hdm.enabled = false;
	g_assert_false(cxb_hdm_to_dpa(&hdm, 0x200000000, &a));
	g_assert_false(cxb_hdm_dpa_range(&hdm, 0, &a, &b));
	g_assert_false(cxb_hdm_to_hpa(&hdm, 0x40000000, 0, &a));
	g_assert_false(cxb_hdm_route(&hdm, 0x200000000, &port));
}

static void a_port_routes_by_its_target_list(void)
{
	CxbHdm hdm = {
		.enabled = true,
		.count = 2,
		.dec = {
			{ .base = 0x100000000, .size = 0x10000000, .targets = { 9 } },
			{ .committed = true, .base = 0x120000000, .size = 0x20000000, .ig = 4,
			  .iw = 2, .targets = { 3, 1, 4, 15 } },
		},
	};
	static const uint8_t want[] = { 3, 1, 4, 15, 3 };
	uint8_t port;

	for (unsigned i = 0; i < G_N_ELEMENTS(want); i++) {
		g_assert_true(cxb_hdm_route(&hdm, 0x120000000 + i * 4096 + 4095, &port));
		g_assert_cmpuint(port, ==, want[i]);
	}
	g_assert_false(cxb_hdm_route(&hdm, 0x100000000, &port)); /* not committed */
	g_assert_false(cxb_hdm_route(&hdm, 0x140000000, &port));
	g_assert_false(cxb_hdm_route(&hdm, 0x11fffffff, &port));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cxl/hdm/examples", split_and_join_agree_with_worked_examples);
	g_test_add_func("/cxl/hdm/encodings", encodings_are_those_of_the_table);
	g_test_add_func("/cxl/hdm/chain", dpa_is_handed_out_in_order_of_decoders);
	g_test_add_func("/cxl/hdm/gap", an_uncommitted_decoder_ends_the_walk_of_an_endpoint);
	g_test_add_func("/cxl/hdm/off", nothing_decodes_while_decoders_are_off);
	g_test_add_func("/cxl/hdm/port", a_port_routes_by_its_target_list);
	return g_test_run();
}
