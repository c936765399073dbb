/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine that has a device of another process (vfio-user-pci), which serves it as it likes. What the
 * device is, what is wrong with which answers, what the machine's software does with it and what
 * happens to its process all come from the input: a byte for the machine, a byte for the device, then
 * records of 12 bytes: what (see enum), flags, files, how many bytes follow the record, two words.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rdwr.h"
#include "client.h"
#include "vfio.h"

#define RECORDS_MAX 400

enum { COLD = 0x80 };  /* of the first byte: the device is there from the start */
enum { STAYS = 0x80 }; /* of the second: its process ends before the machine */

static void must(bool ok)
{
	if (!ok)
		abort();
}

CxbDevice *client_find(Client *c)
{
	return cxb_device_find(cxb_machine_qom(c->w.m), "v0", NULL);
}

/* --- what the device is --- */

static void is(Client *c, const Record *r, const uint8_t *bytes)
{
	Model *m = &c->model;

	switch (r->what % RECORDS) {
	case IS_CONFIG:
		r->w[0] < sizeof(m->config)
			? memcpy(m->config + r->w[0], bytes, MIN(r->n, sizeof(m->config) - r->w[0]))
			: NULL;
		break;
	case IS_REGS:
		if (r->w[0] < sizeof(m->fresh))
			memcpy(m->fresh + r->w[0], bytes, MIN(r->n, sizeof(m->fresh) - r->w[0]));
		break;
	case IS_REGION:
		memcpy(&m->regions[r->flags % MODEL_REGIONS], bytes,
		       MIN(r->n, sizeof(m->regions[0])));
		m->regions[r->flags % MODEL_REGIONS].n_caps %= sizeof(m->regions[0].caps) + 1;
		break;
	case IS_INFO:
		m->info.flags ^= r->w[0];
		m->info.num_regions += r->flags;
		m->info.num_irqs = r->w[1];
		break;
	case IS_IRQ:
		m->irqs[r->flags % VFU_IRQS].flags = r->w[0];
		m->irqs[r->flags % VFU_IRQS].count = r->w[1];
		break;
	case IS_VERSION:
		m->version = bytes;
		m->version_len = r->n;
		break;
	}
}

/* First word: to which command's answers, after how many, where; second: the value. */
static void lie(const Record *r, const uint8_t *bytes)
{
	lies_add(&(Lie){ .kind = r->flags & 0x7f,
			 .sticks = r->flags & 0x80,
			 .files = r->files,
			 .command = r->w[0],
			 .after = r->w[0] >> 8,
			 .at = r->w[0] >> 16,
			 .value = r->w[1],
			 .bytes = bytes,
			 .n = r->n });
}

/* --- who has it --- */

static CxbOpts *options(Client *c, unsigned flags, uint32_t value)
{
	const uint64_t base = cxb_machine_is_done(c->w.m) ? cxb_machine_window(c->w.m, 0)->base : 0;
	g_autofree char *place = g_strdup_printf(",cxl-fmws-base=%" G_GUINT64_FORMAT,
						 base + ((uint64_t)value << 26));
	g_autofree char *text = g_strdup_printf(
		"vfio-user-pci,id=v0,bus=rp0,socket.type=unix,socket.path=" SERVED_PATH "%s%s%s%s",
		flags & 1 ? ",x-msg-timeout=1" : "", flags & 2 ? place : "",
		flags & 4 ? ",x-pci-vendor-id=1,x-pci-class-code=2" : "",
		flags & 8 ? ",multifunction=on" : "");

	return cxb_opts_parse(text, "driver", false, NULL);
}

/* A word of flags, see options(); then an errno of the connection, and whether software sets it up. */
static void plug(Client *c, const Record *r)
{
	g_autoptr(CxbOpts) opts = options(c, r->flags, r->w[1]);
	g_autoptr(GError) err = NULL;
	const bool there = client_find(c);
	CxbDevice *dev;

	served_refuse(r->w[0] & 0xff);
	dev = cxb_machine_device_add(c->w.m, opts, &err);
	must(!dev == !!err && !(there && dev));
	if (r->w[0] & 0x100)
		world_setup(&c->w);
}

static void ejected(World *w, CxbDevice *dev)
{
	cxb_device_remove(dev);
}

static void unplug(Client *c)
{
	g_autoptr(GError) err = NULL;

	if (!cxb_machine_device_del(c->w.m, "v0", &err))
		must(err != NULL);
}

/* --- what happens to its process --- */

static void run(void)
{
	served_turn();
	for (unsigned i = 0; i < 16 && g_main_context_iteration(NULL, FALSE); i++)
		served_turn();
}

static void file_changes(Client *c, const Record *r, const uint8_t *bytes)
{
	static const unsigned kinds[] = { FILE_MEMORY, FILE_BAR, FILE_SMALL };
	const int fd = c->model.files[kinds[r->files % G_N_ELEMENTS(kinds)]];

	if (r->n)
		must(pwrite(fd, bytes, r->n, r->w[0]) == r->n);
	else
		must(!ftruncate(fd, (off_t)(r->w[0] % (MODEL_MEMORY >> 12)) << 12));
}

/* A device that is gone, or as good as gone, has left nothing in the windows. */
static void check(Client *c)
{
	const CxbDevice *dev = client_find(c);

	if (!dev || ((const VfioPci *)dev)->dev->lost)
		world_check(&c->w);
}

static void step(Client *c, const Record *r, const uint8_t *bytes)
{
	CxbClock *clock = cxb_machine_clock(c->w.m);

	switch (r->what % RECORDS) {
	default:
		if (!software_step(c, r))
			is(c, r, bytes);
		break;
	case LIES_TO:
		lie(r, bytes);
		break;
	case PLUG:
		plug(c, r);
		break;
	case UNPLUG:
		unplug(c);
		break;
	case SAY:
		served_say(bytes, r->n, r->files);
		break;
	case DMA:
		served_dma(r->w[0] | (uint64_t)r->flags << 32, r->w[1], bytes, r->n);
		break;
	case RAISE:
		served_raise(r->flags);
		break;
	case GO:
		served_go(r->flags & 3);
		break;
	case FILE_CHANGES:
		file_changes(c, r, bytes);
		break;
	case RUN:
		run();
		break;
	case TIME:
		cxb_clock_advance(clock,
				  cxb_clock_now_ns(clock) + (r->w[0] & 0xfff) * INT64_C(10000000));
		break;
	case CHECK:
		check(c);
		break;
	}
	cxb_workq_drain(cxb_machine_workq(c->w.m));
}

/* --- life --- */

static bool cold(World *w)
{
	Client *c = (Client *)w;
	g_autoptr(CxbOpts) opts = options(c, 0, 0);

	return cxb_device_add(cxb_machine_qom(w->m), opts, false, NULL);
}

/* All records, unless the device is there from the start: then those before the first of software's. */
static void records(Client *c, bool before)
{
	CxbRd rest;
	Record r;

	for (unsigned i = 0; i < RECORDS_MAX; i++) {
		const uint8_t *bytes;

		rest = c->w.in;
		if (!cxb_rd_copy(&rest, &r, sizeof(r)) || (before && r.what % RECORDS > LIES_TO))
			return;
		bytes = cxb_rd_take(&rest, r.n);
		if (!bytes)
			return;
		c->w.in = rest;
		if (before && r.what % RECORDS == LIES_TO)
			lie(&r, bytes);
		else if (before)
			is(c, &r, bytes);
		else
			step(c, &r, bytes);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Client c = { .w = { .in = { data, size }, .eject = ejected } };
	const uint8_t *head = cxb_rd_take(&c.w.in, 2);
	bool stays;

	if (!head)
		return 0;
	stays = head[1] & STAYS;
	model_init(&c.model, head[1]);
	served_init(&c.model);
	if (head[0] & COLD) {
		records(&c, true);
		c.w.others = cold;
	}
	if (world_init(&c.w, (head[0] & 0x7f) | WORLD_PORT_0_EMPTY)) {
		records(&c, false);
		if (!stays && client_find(&c))
			cxb_device_remove(client_find(&c));
		check(&c);
	}
	served_fini();
	world_fini(&c.w);
	model_fini(&c.model);
	return 0;
}
