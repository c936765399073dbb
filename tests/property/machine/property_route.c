/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From host physical address to device physical address through windows of one and two targets,
 * two host bridges with two ports each and four devices, against a model that works out each byte
 * by itself with divisions (CXL 3.1 8.2.4.20.13, 9.18.1.3). Decoders are written at random, half
 * of the time as a driver would build sets of 1, 2 or 4 ways; the model takes those that say
 * Committed. Accesses through the windows, direct or decoded, must meet the same bytes.
 */
#include <string.h>

#include "base/bytes.h"
#include "internal.h"
#include "wire/regs.h"

#define TRIALS   60
#define PROBES   300
#define GIB      (1ull << 30)
#define UNIT     (256ull << 20)
#define CHBS     0x100000000ull
#define HDM      (0x1000 + 0x128)
#define BRIDGES  2
#define PORTS    4 /* all; two a bridge */
#define DECODERS 4
#define SPAN_MAX 700

/* What software wrote and the component took. */
typedef struct {
	bool committed;
	uint64_t base, size, skip;
	unsigned gran, ways;
	uint8_t targets[8];
} Dec;

typedef struct {
	bool on;
	Dec dec[DECODERS];
} Comp;

typedef struct {
	CxbMachine *m;
	CxbMemMap *mm;
	CxbDevice *t3[PORTS];
	unsigned window_gran; /* of the second window */
	Comp bridge[BRIDGES], endpoint[PORTS];
	unsigned direct, spread; /* accesses checked: one way, over several devices */
} World;

static unsigned rnd(unsigned n)
{
	return g_test_rand_int_range(0, n);
}

/* --- registers --- */

static uint64_t block_of(unsigned port)
{
	return 0xc0000000 + port * 0x100000;
}

static uint32_t readl(World *w, uint64_t hpa)
{
	le32 v;

	cxb_memmap_read(w->mm, hpa, &v, sizeof(v));
	return le32_get(v);
}

static void writel(World *w, uint64_t hpa, uint32_t val)
{
	const le32 v = le32_put(val);

	cxb_memmap_write(w->mm, hpa, &v, sizeof(v));
}

static void writeq(World *w, uint64_t hpa, uint64_t val)
{
	writel(w, hpa, val);
	writel(w, hpa + 4, val >> 32);
}

static unsigned log2_of(unsigned n)
{
	return __builtin_ctz(n);
}

/* Ask for @d in decoder @n; the model keeps it if the component does. */
static void program(World *w, uint64_t block, Comp *c, unsigned n, Dec d, bool endpoint)
{
	const uint64_t at = block + HDM + WIRE_HDM_DEC(n);

	writeq(w, at + WIRE_HDM_BASE_LO, d.base);
	writeq(w, at + WIRE_HDM_SIZE_LO, d.size);
	writeq(w, at + WIRE_HDM_TARGETS_LO, endpoint ? d.skip : le_load(d.targets, 8));
	writel(w, at + WIRE_HDM_DEC_CTRL,
	       log2_of(d.gran / 256) | log2_of(d.ways) << 4 | WIRE_HDM_DC_COMMIT);
	d.committed = readl(w, at + WIRE_HDM_DEC_CTRL) & WIRE_HDM_DC_COMMITTED;
	c->dec[n] = d;
}

static void enable(World *w, uint64_t block, Comp *c, bool on)
{
	writel(w, block + HDM + WIRE_HDM_CTRL, on ? WIRE_HDM_CTRL_ENABLE : 0);
	c->on = on;
}

/* --- the model --- */

static const Dec *taker(const Comp *c, uint64_t hpa, uint64_t *dpa)
{
	*dpa = 0;
	for (unsigned i = 0; c->on && i < DECODERS && c->dec[i].committed; i++) {
		const Dec *d = &c->dec[i];

		*dpa += d->skip;
		if (hpa >= d->base && hpa < d->base + d->size)
			return d;
		*dpa += d->size / d->ways;
	}
	return NULL;
}

/* Which device and DPA one byte belongs to; false: none. */
static bool model(const World *w, uint64_t hpa, unsigned *dev, uint64_t *dpa)
{
	const CxbFixedWindow *f = cxb_machine_window(w->m, 0);
	const Dec *d, *e;
	uint64_t unused;
	unsigned bridge = 0, port;

	if (hpa < f->base || hpa >= f->base + f->size) {
		f = cxb_machine_window(w->m, 1);
		if (hpa < f->base || hpa >= f->base + f->size)
			return false;
		bridge = hpa / w->window_gran % 2;
	}
	d = taker(&w->bridge[bridge], hpa, &unused);
	if (!d)
		return false;
	port = d->targets[(hpa - d->base) / d->gran % d->ways];
	if (port >= PORTS || port / 2 != bridge)
		return false;
	*dev = port;
	e = taker(&w->endpoint[port], hpa, dpa);
	if (!e)
		return false;
	*dpa += (hpa - e->base) / e->gran / e->ways * e->gran + (hpa - e->base) % e->gran;
	return true;
}

/* --- decoders --- */

static unsigned some_gran(void)
{
	return 256u << rnd(7);
}

/* A set over the ports of bridge 0, one or two ways, in window 0. */
static void sensible_one(World *w)
{
	const uint64_t base = cxb_machine_window(w->m, 0)->base;
	const unsigned ways = 1 + rnd(2), gran = some_gran(), first = rnd(2);
	const Dec d = { .base = base, .size = ways * UNIT, .gran = gran, .ways = ways };
	Dec b = d;

	b.targets[0] = first;
	b.targets[1] = !first;
	program(w, CHBS, &w->bridge[0], 0, b, false);
	for (unsigned i = 0; i < 2; i++)
		program(w, block_of(i), &w->endpoint[i], 0, d, true);
	/* And, one way to a port each, what follows. */
	for (unsigned i = 0; i < 2; i++) {
		const Dec one = { .base = base + ways * UNIT + i * UNIT,
				  .size = UNIT,
				  .gran = some_gran(),
				  .ways = 1,
				  .targets = { i } };

		program(w, CHBS, &w->bridge[0], 1 + i, one, false);
		program(w, block_of(i), &w->endpoint[i], 1, one, true);
	}
}

/* Two or four ways over both bridges in window 1. */
static void sensible_two(World *w)
{
	const unsigned per = 1 + rnd(2), n = 2 * per;
	const Dec d = { .base = cxb_machine_window(w->m, 1)->base,
			.size = n * UNIT,
			.gran = w->window_gran,
			.ways = n };

	for (unsigned b = 0; b < BRIDGES; b++) {
		/* The bridge takes every other granule: what it sees is twice as coarse. */
		Dec p = d;

		p.ways = per;
		p.gran = MIN(2 * d.gran, 16384);
		p.targets[0] = 2 * b;
		p.targets[1] = 2 * b + 1;
		program(w, CHBS + b * CXB_COMP_SIZE, &w->bridge[b], 3 - 3 * (b == 1), p, false);
	}
	for (unsigned i = 0; i < PORTS; i++)
		program(w, block_of(i), &w->endpoint[i], i < 2 ? 2 : 0, d, true);
}

static void at_random(World *w, uint64_t block, Comp *c, bool endpoint)
{
	uint64_t at = cxb_machine_window(w->m, 0)->base + rnd(3) * UNIT;

	for (unsigned i = 0; i < DECODERS && rnd(8); i++) {
		Dec d = { .base = at,
			  .size = (1 + rnd(4)) * UNIT,
			  .gran = some_gran(),
			  .ways = 1u << rnd(3) };

		if (endpoint && !rnd(3))
			d.skip = UNIT;
		for (unsigned t = 0; !endpoint && t < 8; t++)
			d.targets[t] = rnd(PORTS + 1);
		program(w, block, c, i, d, endpoint);
		at += d.size + (rnd(3) ? 0 : UNIT);
	}
}

static void decoders(World *w)
{
	const bool sense = rnd(2);

	if (sense) {
		sensible_one(w);
		sensible_two(w);
	}
	for (unsigned b = 0; b < BRIDGES; b++) {
		if (!sense)
			at_random(w, CHBS + b * CXB_COMP_SIZE, &w->bridge[b], false);
		enable(w, CHBS + b * CXB_COMP_SIZE, &w->bridge[b], rnd(10));
	}
	for (unsigned i = 0; i < PORTS; i++) {
		if (!sense)
			at_random(w, block_of(i), &w->endpoint[i], true);
		enable(w, block_of(i), &w->endpoint[i], rnd(10));
	}
}

/* --- looking --- */

static unsigned index_of(const World *w, const CxbDevice *dev)
{
	for (unsigned i = 0; i < PORTS; i++)
		if (w->t3[i] == dev)
			return i;
	g_assert_not_reached();
}

/* What route says of @hpa and the bytes that follow it. */
static void route_agrees(World *w, uint64_t hpa)
{
	Window *win = cxb_fmw_at(w->m, hpa);
	unsigned dev = 0;
	uint64_t dpa = 0;
	CxbCxlRoute r;

	g_assert_nonnull(win);
	if (!cxb_fmw_route(win, hpa, &r)) {
		g_assert_false(model(w, hpa, &dev, &dpa));
		return;
	}
	g_assert_cmpuint(r.len, >, 0);
	g_assert_cmphex(hpa + r.len, <=, win->pub.base + win->pub.size);
	for (unsigned i = 0; i < 8; i++) {
		const uint64_t in = i == 0   ? 0
				    : i == 1 ? r.len - 1
					     : ((uint64_t)g_test_rand_int() << 32 |
						(uint32_t)g_test_rand_int()) %
						       r.len;

		g_assert_true(model(w, hpa + in, &dev, &dpa));
		g_assert_cmpuint(dev, ==, index_of(w, r.endpoint));
		g_assert_cmphex(dpa, ==, r.dpa + in);
	}
}

/* An access through the window, and then each byte where the model has it. */
static void access_agrees(World *w, uint64_t hpa, size_t len)
{
	unsigned devices = 0;
	const uint8_t salt = rnd(256);
	uint8_t out[SPAN_MAX], back[SPAN_MAX];
	bool all = true;

	for (size_t i = 0; i < len; i++) {
		unsigned dev = 0;
		uint64_t dpa = 0;
		uint8_t b;

		all &= model(w, hpa + i, &dev, &dpa) &&
		       cxb_cxl_endpoint_read(w->t3[dev], dpa, &b, 1);
		devices |= 1u << dev;
		/* Decoders that do not fit each other may show one place twice: same place, same value. */
		out[i] = salt ^ dev * 0x55 ^ dpa * 0x9e3779b97f4a7c15ull >> 56;
	}
	if (!all) {
		g_assert_cmpint(cxb_memmap_read(w->mm, hpa, back, len), !=, CXB_MEM_OK);
		return;
	}
	w->direct += !!cxb_memmap_ptr(w->mm, hpa, len);
	w->spread += !!(devices & (devices - 1));
	g_assert_cmpint(cxb_memmap_write(w->mm, hpa, out, len), ==, CXB_MEM_OK);
	g_assert_cmpint(cxb_memmap_read(w->mm, hpa, back, len), ==, CXB_MEM_OK);
	g_assert_cmpmem(back, len, out, len);
	for (size_t i = 0; i < len; i++) {
		unsigned dev;
		uint64_t dpa;
		uint8_t b = ~out[i];

		g_assert_true(model(w, hpa + i, &dev, &dpa));
		g_assert_true(cxb_cxl_endpoint_read(w->t3[dev], dpa, &b, 1));
		g_assert_cmphex(b, ==, out[i]);
	}
}

/* Direct if and only if nothing on the way is interleaved and there are bytes. */
static void alias_agrees(World *w, uint64_t hpa)
{
	Window *win = cxb_fmw_at(w->m, hpa);
	const CxbAliasMode mode = cxb_window_alias_at(win->region, hpa - win->pub.base, NULL, NULL);
	CxbCxlRoute r;
	uint8_t b;
	const bool there = cxb_fmw_route(win, hpa, &r) && !r.interleaved &&
			   cxb_cxl_endpoint_read(r.endpoint, r.dpa, &b, 1);

	g_assert_cmpint(mode, ==, there ? CXB_ALIAS_DIRECT : CXB_ALIAS_NONE);
	g_assert_cmpint(!!cxb_memmap_ptr(w->mm, hpa, 1), ==, there);
}

static void back_agrees(World *w, unsigned i, uint64_t dpa)
{
	CxbAliasMode mode;
	uint64_t hpa, seen;
	unsigned dev;

	if (!cxb_machine_dpa_to_hpa(w->m, w->t3[i], dpa, &hpa, &mode))
		return;
	g_assert_true(model(w, hpa, &dev, &seen));
	g_assert_cmpuint(dev, ==, i);
	g_assert_cmphex(seen, ==, dpa);
}

/* Near multiples of what decoders are made of, or anywhere. */
static uint64_t some_hpa(World *w)
{
	const CxbFixedWindow *a = cxb_machine_window(w->m, 0), *b = cxb_machine_window(w->m, 1);
	const uint64_t span = b->base + b->size - a->base - SPAN_MAX;
	uint64_t off = ((uint64_t)g_test_rand_int() << 24 ^ (uint32_t)g_test_rand_int()) % span;

	if (rnd(3))
		off = off / UNIT * UNIT + rnd(200) * 256 + rnd(3) - 1;
	return a->base + MIN(off, span - 1);
}

/* --- a machine --- */

static CxbDevice *device(World *w, const char *text)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "driver", false, NULL);
	g_autoptr(GError) err = NULL;
	CxbDevice *dev = cxb_device_add(cxb_machine_qom(w->m), opts, false, &err);

	g_assert_no_error(err);
	return dev;
}

static void device_with_memory(World *w, unsigned i)
{
	g_autofree char *mem = g_strdup_printf("memory-backend-ram,id=m%u,size=768M", i);
	g_autofree char *rp =
		g_strdup_printf("cxl-rp,id=rp%u,bus=cxl.%u,port=%u,slot=%u", i, 1 + i / 2, i, i);
	g_autofree char *t3 = g_strdup_printf("cxl-type3,id=t%u,bus=rp%u,volatile-memdev=m%u,"
					      "num-dc-regions=1,dc-regions-total-size=1G",
					      i, i, i);
	g_autoptr(CxbOpts) opts = cxb_opts_parse(mem, "qom-type", false, NULL);

	g_assert_nonnull(cxb_user_object_add(cxb_machine_qom(w->m), opts, NULL));
	device(w, rp);
	w->t3[i] = device(w, t3);
}

static void setup(World *w)
{
	g_autofree char *text = NULL;
	g_autoptr(CxbOpts) opts = NULL, memory = cxb_opts_parse("1M", "size", false, NULL);
	CxbPciHost *pci;

	*w = (World){ .window_gran = some_gran() };
	text = g_strdup_printf("q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=2G,"
			       "cxl-fmw.1.targets.0=cxl.1,cxl-fmw.1.targets.1=cxl.2,"
			       "cxl-fmw.1.size=2G,cxl-fmw.1.interleave-granularity=%u",
			       w->window_gran);
	opts = cxb_opts_parse(text, "type", false, NULL);
	w->m = cxb_machine_new(&(CxbMachineConfig){ .virtual_clock = true });
	w->mm = cxb_machine_memmap(w->m);
	pci = cxb_machine_pci(w->m);
	g_assert_true(cxb_machine_set_opts(w->m, opts, NULL));
	g_assert_true(cxb_machine_set_memory(w->m, memory, NULL));
	g_assert_true(cxb_machine_create(w->m, NULL));
	/* The newest bridge has the lowest registers. */
	device(w, "pxb-cxl,bus_nr=40,bus=pcie.0,id=cxl.2");
	device(w, "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1");
	for (unsigned i = 0; i < PORTS; i++)
		device_with_memory(w, i);
	g_assert_true(cxb_machine_done(w->m, NULL));
	for (unsigned i = 0; i < PORTS; i++) {
		const uint8_t bus = i < 2 ? 12 : 40, below = bus + 1 + i % 2;
		const uint16_t port = CXB_BDF(bus, i % 2, 0);

		cxb_pci_config_write(pci, port, 0x18, 4, bus | below << 8 | below << 16);
		cxb_pci_config_write(pci, port, 0x20, 4, block_of(i) >> 16 | block_of(i));
		cxb_pci_config_write(pci, port, 4, 2, 6);
		cxb_pci_config_write(pci, CXB_BDF(below, 0, 0), 0x10, 4, block_of(i));
		cxb_pci_config_write(pci, CXB_BDF(below, 0, 0), 4, 2, 6);
	}
}

static void every_byte_goes_where_the_decoders_say(void)
{
	unsigned routed = 0, direct = 0, spread = 0;

	for (unsigned trial = 0; trial < TRIALS; trial++) {
		World w;

		setup(&w);
		decoders(&w);
		for (unsigned i = 0; i < PROBES; i++) {
			const uint64_t hpa = some_hpa(&w);
			unsigned dev;
			uint64_t dpa;

			routed += model(&w, hpa, &dev, &dpa);
			route_agrees(&w, hpa);
			access_agrees(&w, hpa, 1 + rnd(SPAN_MAX));
			alias_agrees(&w, hpa);
			back_agrees(&w, rnd(PORTS), (uint64_t)rnd(6 * 1024) << 18 | rnd(1 << 18));
		}
		direct += w.direct;
		spread += w.spread;
		cxb_machine_free(w.m);
	}
	g_test_message("of %u probes %u reach a device; of accesses %u direct, %u over several",
		       TRIALS * PROBES, routed, direct, spread);
	g_assert_cmpuint(routed, >, TRIALS * PROBES / 20);
	g_assert_cmpuint(direct, >, 0);
	g_assert_cmpuint(spread, >, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/machine/route", every_byte_goes_where_the_decoders_say);
	return g_test_run();
}
