/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoders that a guest sees of a passed-through device, and a naive model of the same rules:
 * one flat array of registers and, for each, the bits that a write may change, worked out anew each
 * time. They agree after every write of any sequence; and no register ever shows the host's base.
 */
#include <glib.h>

#include "cxl/hdm_virtual.h"

#define ROUNDS     400
#define STEPS      300
#define HOST_BASE  0x7ee0000000ull
#define HOST_UPPER 0x7e

typedef struct {
	uint32_t reg[4 + 8 * CXB_HDM_MAX_DECODERS]; /* the structure, dword by dword */
	unsigned count;
	bool cache;
	/* What was in the registers of a decoder when its COMMIT was last written. */
	uint32_t at_commit[CXB_HDM_MAX_DECODERS][5];
	bool committed[CXB_HDM_MAX_DECODERS];
} Model;

static uint32_t ctrl_mask(const Model *m)
{
	uint32_t mask = 0;

	for (unsigned bit = 0; bit < 28; bit++) {
		const bool uio = bit == 14 || bit >= 24;

		if ((bit >= 10 && bit <= 12) || bit == 15 || (bit == 13 && !m->cache) ||
		    (uio && !(m->reg[0] >> 13 & 1)))
			continue;
		mask |= 1u << bit;
	}
	return mask;
}

static void model_ctrl(Model *m, unsigned n, uint32_t val)
{
	uint32_t *r = &m->reg[4 + 8 * n];
	const uint32_t mask = ctrl_mask(m);

	if (r[4] >> 8 & 1) {
		if (!(val >> 8 & 1))
			r[4] -= 0x100;
		return;
	}
	r[4] = (r[4] & ~mask) | (val & mask);
	r[4] = val >> 9 & 1 ? r[4] | 0x400 : r[4] & ~0x400u;
	m->committed[n] = val >> 9 & 1;
	memcpy(m->at_commit[n], r, sizeof(m->at_commit[n]));
}

static void model_write(Model *m, unsigned dword, uint32_t val)
{
	const unsigned n = dword < 4 ? UINT_MAX : (dword - 4) / 8, in = (dword - 4) % 8;

	if (dword == 1) {
		m->reg[1] = (m->reg[1] & ~3u) | (val & 2) | (m->reg[0] >> 10 & val & 1) |
			    (m->reg[0] >> 10 & 1 ? 0 : m->reg[1] & 1);
		return;
	}
	if (n >= m->count || in > 4)
		return;
	if (in == 4)
		model_ctrl(m, n, val);
	else if (!(m->reg[4 + 8 * n + 4] >> 8 & 1))
		m->reg[dword] = in % 2 ? val : val & 0xf0000000;
}

static uint32_t rand_ctrl(void)
{
	static const uint32_t usual[] = { 0x000, 0x200, 0x300, 0x600, 0x700, 0x100 };

	if (g_test_rand_bit())
		return usual[g_test_rand_int_range(0, G_N_ELEMENTS(usual))];
	return (uint32_t)g_test_rand_int();
}

static uint32_t rand_addr(bool high)
{
	if (high)
		return g_test_rand_int_range(0, 4) ? g_test_rand_int_range(0, HOST_UPPER)
						   : UINT32_MAX;
	return (uint32_t)g_test_rand_int();
}

static void reset_both(CxbHdmVirtual *v, Model *m)
{
	CxbHdmRegs device = { .cap = (uint32_t)g_test_rand_int(), .ctrl = g_test_rand_int() };

	device.count = g_test_rand_int_range(1, 5);
	memset(m, 0, sizeof(*m));
	m->count = device.count;
	m->cache = g_test_rand_bit();
	m->reg[0] = device.cap;
	m->reg[1] = device.ctrl;
	for (unsigned n = 0; n < device.count; n++) {
		CxbHdmDecoderRegs *d = &device.dec[n];
		uint32_t *r = &m->reg[4 + 8 * n];

		d->base = HOST_BASE;
		d->size = CXB_HDM_UNIT * g_test_rand_int_range(0, 64);
		d->ctrl = rand_ctrl();
		r[2] = d->size;
		r[3] = d->size >> 32;
		r[4] = d->ctrl;
		if ((d->ctrl >> 8 & 1) && (d->ctrl >> 10 & 1))
			r[4] -= 0x100;
	}
	cxb_hdm_virtual_reset(v, &device, m->cache);
}

static void same(const CxbHdmVirtual *v, const Model *m)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(m->reg); i++) {
		const bool is_base = i >= 4 && (i - 4) % 8 < 2 && (i - 4) / 8 < m->count;
		const uint32_t live = i == 0 ? m->reg[0] : is_base ? HOST_UPPER : 0;
		const uint32_t shown = cxb_hdm_virtual_show(v, 4 * i, live);

		g_assert_cmphex(shown, ==, m->reg[i]);
		g_assert_true(!is_base || shown != HOST_UPPER);
	}
	for (unsigned n = 0; n < CXB_HDM_MAX_DECODERS; n++) {
		const uint32_t *c = m->at_commit[n];
		const uint64_t want_base = (uint64_t)c[1] << 32 | c[0];
		const uint64_t want_size = (uint64_t)c[3] << 32 | c[2];
		/* The last byte of a range has an address. */
		const bool want =
			m->committed[n] && want_size && want_base + (want_size - 1) >= want_base;
		uint64_t base, size;

		g_assert_true(cxb_hdm_virtual_range(v, n, &base, &size) == want);
		if (want) {
			g_assert_cmphex(base, ==, want_base);
			g_assert_cmphex(size, ==, want_size);
		}
	}
}

/* A write of control that is not held up by a lock may move something; nothing else does. */
static void step(CxbHdmVirtual *v, Model *m)
{
	const unsigned dword = g_test_rand_int_range(0, 4 + 8 * (m->count + 1));
	const bool ctrl = dword >= 4 && (dword - 4) % 8 == 4 && (dword - 4) / 8 < m->count;
	const bool free = ctrl && !(m->reg[dword] >> 8 & 1);
	const uint32_t val = ctrl ? rand_ctrl() : rand_addr(dword % 2);

	g_assert_true(cxb_hdm_virtual_write(v, 4 * dword, val) == free);
	model_write(m, dword, val);
}

static void any_sequence_agrees_with_the_model(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		CxbHdmVirtual v;
		Model m;

		reset_both(&v, &m);
		same(&v, &m);
		for (unsigned j = 0; j < STEPS; j++) {
			if (g_test_rand_int_range(0, 100))
				step(&v, &m);
			else
				reset_both(&v, &m);
			same(&v, &m);
		}
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hdm-virtual/model", any_sequence_agrees_with_the_model);
	return g_test_run();
}
