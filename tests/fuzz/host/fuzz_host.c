/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile machine. The first byte says who answers: bit 0, configuration space; bit 1, memory;
 * bit 2, the body of CEDT, under a good checksum; whatever is not hostile is the fake machine,
 * whose events the rest of the input then tells. The host must settle: no crash, no endless work.
 */
#include <glib.h>
#include <string.h>

#include "fake_machine.h"
#include "fuzz.h"
#include "host/host.h"
#include "wire/cdat.h"

#define HOSTILE_CONFIG 0x01
#define HOSTILE_MEMORY 0x02
#define HOSTILE_CEDT   0x04
#define READS          50000  /* answered from the input; later ones with all ones */
#define TIMERS         200000 /* fired until the host must have settled */

typedef struct {
	CxbBus bus;
	FakeMachine *m;
	uint8_t hostile;
	const uint8_t *data;
	size_t size, at;
	unsigned reads;
} Fuzz;

static uint8_t next(Fuzz *f)
{
	uint8_t b;

	if (!f->size || f->reads > READS)
		return 0xff;
	b = f->data[f->at];
	f->at = (f->at + 1) % f->size;
	return b;
}

static void fill(Fuzz *f, void *buf, size_t len)
{
	f->reads++;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = next(f);
}

static const CxbBusPlatform *platform(CxbBus *bus)
{
	return &((Fuzz *)bus)->m->platform;
}

static bool config_read(CxbBus *bus, uint16_t bdf, uint16_t off, unsigned size, uint32_t *val,
			GError **errp)
{
	Fuzz *f = (Fuzz *)bus;

	if (!(f->hostile & HOSTILE_CONFIG))
		return f->m->bus.ops->config_read(&f->m->bus, bdf, off, size, val, errp);
	*val = 0;
	fill(f, val, size);
	return true;
}

static bool config_write(CxbBus *bus, uint16_t bdf, uint16_t off, unsigned size, uint32_t val,
			 GError **errp)
{
	Fuzz *f = (Fuzz *)bus;

	return f->m->bus.ops->config_write(&f->m->bus, bdf, off, size, val, errp);
}

static bool mem_read(CxbBus *bus, uint64_t hpa, void *buf, size_t len, GError **errp)
{
	Fuzz *f = (Fuzz *)bus;
	bool tables = hpa >= FAKE_TABLES && hpa < FAKE_TABLES + FAKE_TABLES_SIZE;

	if (!(f->hostile & HOSTILE_MEMORY) || tables)
		return f->m->bus.ops->mem_read(&f->m->bus, hpa, buf, len, errp);
	fill(f, buf, len);
	return true;
}

static bool mem_write(CxbBus *bus, uint64_t hpa, const void *buf, size_t len, GError **errp)
{
	Fuzz *f = (Fuzz *)bus;

	return f->m->bus.ops->mem_write(&f->m->bus, hpa, buf, len, errp);
}

static bool irq_alloc(CxbBus *bus, CxbBusIrqFn fn, void *opaque, CxbBusIrq *out, GError **errp)
{
	Fuzz *f = (Fuzz *)bus;

	return f->m->bus.ops->irq_alloc(&f->m->bus, fn, opaque, out, errp);
}

static void irq_free(CxbBus *bus, const CxbBusIrq *irq)
{
	Fuzz *f = (Fuzz *)bus;

	f->m->bus.ops->irq_free(&f->m->bus, irq);
}

static const CxbBusOps ops = {
	.platform = platform,
	.config_read = config_read,
	.config_write = config_write,
	.mem_read = mem_read,
	.mem_write = mem_write,
	.irq_alloc = irq_alloc,
	.irq_free = irq_free,
};

static void settle(Fuzz *f)
{
	int64_t ns;

	cxb_workq_drain(f->m->workq);
	for (unsigned i = 0; cxb_clock_deadline(f->m->clock, &ns); i++) {
		if (i == TIMERS)
			g_error("the host does not settle");
		cxb_clock_advance(f->m->clock, MAX(ns, cxb_clock_now_ns(f->m->clock)));
		cxb_workq_drain(f->m->workq);
	}
}

/* Three bytes a step: what, where, of which tag. */
static void tell(Fuzz *f, CxbHost *host)
{
	for (size_t i = 0; i + 3 <= f->size; i += 3) {
		const uint8_t *b = f->data + i;
		FakeDev *d = &f->m->dev[b[0] & 1];
		CxbUuid tag = fake_tag(b[2] & 7);

		switch (b[0] >> 1 & 7) {
		case 0 ... 3:
			fake_event(d, b[0] >> 1 & 3, (uint64_t)(b[1] & 0x0f) * FAKE_2M,
				   ((b[1] >> 4) + 1ull) * (b[2] & 0x40 ? 1 << 20 : FAKE_2M),
				   b[2] & 7, b[2] >> 3 & 7, b[0] & 0x80);
			break;
		case 4:
			cxb_host_respond(host, b[1] % 3 - 1, &tag, b[0] & 0x80, NULL);
			break;
		case 5:
			if (b[0] & 0x80)
				cxb_host_dax_hold(host, 0, &tag, NULL);
			else
				cxb_host_dax_release(host, 0, &tag, NULL);
			break;
		case 6:
			d->fail_op = b[1] & 1 ? 0x4802 + (b[1] >> 1 & 1) : 0;
			d->fail_rc = b[2];
			break;
		case 7:
			if (b[1] < 16) {
				fake_machine_reset(f->m);
				cxb_host_reset(host);
			} else {
				cxb_clock_advance(f->m->clock, cxb_clock_now_ns(f->m->clock) +
								       b[1] * 100000000ll);
			}
			break;
		}
		if (!(b[0] & 0x20))
			cxb_workq_drain(f->m->workq);
	}
}

static void look_at_daxes(CxbHost *host)
{
	g_autoptr(GPtrArray) daxes = cxb_host_daxes(host);

	for (unsigned i = 0; i < daxes->len; i++) {
		const CxbHostDax *dax = g_ptr_array_index(daxes, i);
		uint64_t sum = 0;

		for (unsigned k = 0; k < dax->extents->len; k++) {
			const CxbHostExtent *e = &g_array_index(dax->extents, CxbHostExtent, k);

			sum += e->len;
			if (!cxb_uuid_equal(&e->tag, &dax->uuid) ||
			    e->state < CXB_HOST_EXTENT_ACCEPTED)
				g_error("an extent of something else");
		}
		if (!sum || sum != dax->size)
			g_error("not the sum of its extents");
	}
}

static void look(CxbHost *host)
{
	g_autoptr(GArray) extents = cxb_host_extents(host);
	g_autoptr(GArray) events = cxb_host_events(host);
	const CxbHostFunction *fn;
	const CxbHostWindow *w;
	const CxbHostMemdev *md;
	const CxbHostRegion *r;

	if (events->len > 256)
		g_error("more events kept than said");
	for (unsigned i = 0; i < extents->len; i++)
		if (!g_array_index(extents, CxbHostExtent, i).len)
			g_error("an empty extent");
	cxb_host_functions(host, &fn);
	cxb_host_windows(host, &w);
	cxb_host_memdevs(host, &md);
	cxb_host_regions(host, &r);
	look_at_daxes(host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Fuzz f = { .bus.ops = &ops };
	CxbHostConfig config = { .bus = &f.bus };
	CxbHost *host;

	if (size < 2)
		return 0;
	f.hostile = data[0] & 7;
	config.accept = data[1] & 3;
	config.release = data[1] >> 2 & 3;
	f.data = data + 2;
	f.size = size - 2;
	f.m = fake_machine_new(2);
	if (data[1] & 0x10)
		f.m->dev[1].cdat.flags[0] = WIRE_DSMAS_SHARABLE;
	if (f.hostile & HOSTILE_CEDT) {
		size_t n = MIN(f.size, 0x400);

		memcpy(fake_table(f.m, FAKE_CEDT) + 0x24, f.data, n);
		le_store(fake_table(f.m, FAKE_CEDT) + 4, 4, 0x24 + n);
		fake_fix(f.m, FAKE_CEDT);
	}
	config.clock = f.m->clock;
	config.workq = f.m->workq;
	host = cxb_host_new(&config);
	cxb_host_start(host);
	settle(&f);
	look(host);
	if (!(f.hostile & (HOSTILE_CONFIG | HOSTILE_MEMORY)))
		tell(&f, host);
	look(host);
	settle(&f);
	look(host);
	cxb_host_free(host);
	fake_machine_free(f.m);
	return 0;
}
