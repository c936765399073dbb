/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole machine between an orchestrator and a guest, both of which do as they like. The first
 * byte chooses topology and how much is set up as a driver would; then a byte says what to do and
 * what follows says to what. At the end what must always hold is checked (check.c).
 */
#include <string.h>

#include "world.h"

#include "base/range.h"
#include "cxl/poison.h"
#include "wire/dc.h"
#include "wire/feature.h"
#include "wire/mbox.h"
#include "wire/regs.h"

#define OPS_MAX  256
#define BLOCK    CXB_DC_BLOCK_SIZE
#define MBOX     0x88
#define PAYLOAD  (MBOX + WIRE_MBOX_PAYLOAD)
#define MSI_ADDR 0xfee00000ull

/* --- input --- */

static unsigned byte(World *w)
{
	const uint8_t *b = cxb_rd_take(&w->in, 1);

	return b ? *b : 0;
}

static uint64_t bytes(World *w, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | byte(w);
	return v;
}

/* --- addresses with a chance to hit something --- */

static uint64_t bar(World *w, unsigned dev, unsigned nr)
{
	CxbPciDev *t3 = CXB_PCI_DEV(w->t3[dev % w->n_t3]);

	return t3 && t3->bars[nr].placed ? t3->bars[nr].hpa
					 : world_bars(dev % w->n_t3) + nr * 0x8000;
}

static uint64_t window(World *w, unsigned i)
{
	const CxbFixedWindow *f = cxb_machine_window(w->m, i % cxb_machine_windows(w->m));

	return f->base + i / cxb_machine_windows(w->m) % 8 * (f->size / 8);
}

static uint64_t address(World *w)
{
	const unsigned what = byte(w), which = byte(w);
	const uint64_t off = bytes(w, 2);

	switch (what % 12) {
	case 0:
		return off;
	case 1:
		return (1 << 20) + off;
	case 2:
		return 0xb0000000 + ((uint64_t)world_bdf(w, which) << 12) + off % 0x1000;
	case 3:
		return CHBS + which % 16 * CXB_COMP_SIZE + off;
	case 4:
		return CHBS + which % 2 * CXB_COMP_SIZE + 0x1128 + off % 0x100;
	case 5:
		return bar(w, which, 0) + off;
	case 6:
		return bar(w, which, 0) + 0x1000 + off % 0x400;
	case 7:
		return bar(w, which, 2) + off % 0x1000;
	case 8:
		return bar(w, which, 4) + off % 0x1000;
	case 9:
		return MSI_ADDR + which * 0x1000 + off % 16;
	case 10:
		return window(w, which) + off * 64;
	default:
		/* The edges of everything. */
		return window(w, which) + cxb_machine_window(w->m, 0)->size - 8 + off % 16;
	}
}

static void memory(World *w, bool write)
{
	const uint64_t hpa = address(w);
	const unsigned size = 1 + byte(w) % 65;
	uint8_t buf[65] = { 0 };

	for (unsigned i = 0; write && i < MIN(size, 8); i++)
		buf[i] = byte(w);
	if (write)
		cxb_memmap_write(w->mm, hpa, buf, size);
	else
		cxb_memmap_read(w->mm, hpa, buf, size);
}

static void writel(World *w, uint64_t hpa, uint32_t val)
{
	const le32 v = le32_put(val);

	cxb_memmap_write(w->mm, hpa, &v, sizeof(v));
}

static void writeq(World *w, uint64_t hpa, uint64_t val)
{
	const le64 v = le64_put(val);

	cxb_memmap_write(w->mm, hpa, &v, sizeof(v));
}

static void port(World *w)
{
	static const uint16_t ports[] = { 0xcf8, 0xcfc, 0xcfd, 0xcfe, 0xcff, 0xcf9, 0x92, 0x80 };
	const unsigned what = byte(w);
	const uint16_t nr = ports[what % G_N_ELEMENTS(ports)];
	const unsigned size = 1u << (what >> 3) % 3;

	if (what & 0x80)
		cxb_machine_port_read(w->m, nr, size);
	else
		cxb_machine_port_write(w->m, nr, size, bytes(w, size));
}

static void config(World *w)
{
	const unsigned what = byte(w);
	const uint16_t bdf = world_bdf(w, what >> 4), off = bytes(w, 2) % 0x1010;
	const unsigned size = 1u << what % 3;

	if (what & 8)
		cxb_pci_config_read(cxb_machine_pci(w->m), bdf, off, size);
	else
		cxb_pci_config_write(cxb_machine_pci(w->m), bdf, off, size, bytes(w, size));
}

/* --- the mailbox --- */

static void ring(World *w, unsigned dev, uint16_t opcode, const void *payload, size_t len,
		 size_t claimed)
{
	const uint64_t regs = bar(w, dev, 2);

	cxb_memmap_write(w->mm, regs + PAYLOAD, payload, len);
	writeq(w, regs + MBOX + WIRE_MBOX_CMD, opcode | (uint64_t)claimed << 16);
	writel(w, regs + MBOX + WIRE_MBOX_CTRL, 1 | (dev & 0x40 ? WIRE_MBOX_CTRL_DB_IRQ : 0));
}

static void command(World *w)
{
	static const uint16_t opcodes[] = {
		CXB_OP_GET_EVENTS,         CXB_OP_CLEAR_EVENTS,  CXB_OP_GET_EVENT_POLICY,
		CXB_OP_SET_EVENT_POLICY,   CXB_OP_GET_TIMESTAMP, CXB_OP_SET_TIMESTAMP,
		CXB_OP_GET_SUPPORTED_LOGS, CXB_OP_GET_LOG,       CXB_OP_IDENTIFY_MEMDEV,
		CXB_OP_GET_PARTITION,      CXB_OP_GET_LSA,       CXB_OP_SET_LSA,
		CXB_OP_GET_HEALTH,         CXB_OP_GET_DC_CONFIG, CXB_OP_GET_DC_EXTENTS,
		CXB_OP_ADD_DC_RESPONSE,    CXB_OP_RELEASE_DC,    0xffff,
	};
	static const uint16_t more[] = {
		CXB_OP_REQUEST_ABORT, CXB_OP_GET_FW_INFO,      CXB_OP_TRANSFER_FW,
		CXB_OP_ACTIVATE_FW,   CXB_OP_GET_FEATURE,      CXB_OP_SET_FEATURE,
		CXB_OP_GET_POISON,    CXB_OP_INJECT_POISON,    CXB_OP_CLEAR_POISON,
		CXB_OP_SANITIZE,      CXB_OP_MEDIA_OPERATIONS, CXB_OP_SCAN_MEDIA,
		CXB_OP_GET_SCAN_CAPS, CXB_OP_GET_SCAN_RESULTS,
	};
	const unsigned dev = byte(w), len = byte(w), how = byte(w), n = len % 64;
	const uint16_t opcode =
		len & 0x80 ? more[how % G_N_ELEMENTS(more)] : opcodes[how % G_N_ELEMENTS(opcodes)];
	uint8_t payload[64];

	for (unsigned i = 0; i < n; i++)
		payload[i] = byte(w);
	if (opcode == CXB_OP_GET_LOG && n >= 16)
		memcpy(payload, wire_uuid_cel.b, 16);
	if ((opcode == CXB_OP_GET_FEATURE || opcode == CXB_OP_SET_FEATURE) && n >= 16)
		memcpy(payload, (dev & 0x80 ? &wire_uuid_scrub : &wire_uuid_ecs)->b, 16);
	ring(w, dev, opcode, payload, n, how >= 0xf0 ? bytes(w, 3) : n);
}

static void clear_events(World *w)
{
	const unsigned dev = byte(w);
	const struct wire_clear_events_in all = { .log = 4, .flags = WIRE_CLEAR_EVENTS_ALL };
	const uint8_t policy[5] = { 1, 1, 1, 1, dev & 0x80 ? 0 : 1 };

	ring(w, dev, CXB_OP_SET_EVENT_POLICY, policy, sizeof(policy), sizeof(policy));
	ring(w, dev, CXB_OP_CLEAR_EVENTS, &all, sizeof(all), sizeof(all));
}

/* An extent by number, counted over what the device has, or any block. Of one without a tag, what
 * the bits above the number leave of it. */
static CxbDcDpaRange some_extent(World *w, unsigned dev, unsigned nr)
{
	CxbDevice *t3 = w->t3[dev % w->n_t3];
	CxbDc *dc = t3 ? cxb_cxl_type3_dc(t3) : NULL;
	const uint16_t head = t3 ? cxb_cxl_type3_host_id(t3) : 0;
	const CxbDcExtent *e = dc ? cxb_dc_next(dc, head, 0) : NULL;

	if (nr < 0x80)
		for (unsigned n = nr % 8; e; e = cxb_dc_next(dc, head, e->dpa + e->len)) {
			const uint64_t below = (nr >> 3 & 3) * BLOCK, above = (nr >> 5) * BLOCK;

			if (n--)
				continue;
			if (cxb_uuid_is_null(&e->tag) && below + above < e->len)
				return (CxbDcDpaRange){ e->dpa + below, e->len - below - above };
			return (CxbDcDpaRange){ e->dpa, e->len };
		}
	return (CxbDcDpaRange){ nr * BLOCK, BLOCK };
}

/* 4802h and 4803h as a driver frames them, about extents that have a chance to be there. */
static void answer(World *w, uint16_t opcode)
{
	const unsigned dev = byte(w), how = byte(w), n = how % 6;
	uint8_t payload[sizeof(struct wire_dc_update_in) + 6 * sizeof(struct wire_dc_update_entry)];
	CxbWr out = { payload, 0, sizeof(payload) };
	struct wire_dc_update_in *head = cxb_wr_room(&out, sizeof(*head));

	head->count = le32_put(n);
	head->flags = how >> 7;
	for (unsigned i = 0; i < n; i++) {
		struct wire_dc_update_entry *e = cxb_wr_room(&out, sizeof(*e));
		const CxbDcDpaRange x = some_extent(w, dev, byte(w));

		e->dpa = le64_put(x.dpa);
		e->length = le64_put(x.len);
	}
	ring(w, dev, opcode, payload, out.len, out.len);
}

/* --- decoders and vectors --- */

static void decoder(World *w)
{
	const unsigned what = byte(w), n = what >> 3 & 3, where = byte(w), how = byte(w);
	const unsigned dev = what & 7;
	const bool bridge = dev >= w->n_t3;
	const uint64_t block = bridge ? CHBS + dev % 2 * CXB_COMP_SIZE : bar(w, dev, 0);
	const uint64_t hdm = block + 0x1000 + HDM_AT, d = hdm + WIRE_HDM_DEC(n);

	writeq(w, d + WIRE_HDM_BASE_LO, window(w, where % 16));
	writeq(w, d + WIRE_HDM_SIZE_LO, (uint64_t)(1 + (where >> 4)) << 28);
	writeq(w, d + WIRE_HDM_TARGETS_LO, bridge ? bytes(w, 8) : (uint64_t)(how >> 6) << 28);
	writel(w, d + WIRE_HDM_DEC_CTRL,
	       (how & 7) | (how >> 3 & 3) << 4 | (what & 0x40 ? 0 : WIRE_HDM_DC_COMMIT) |
		       (what & 0x80 && how >= 0xf0 ? WIRE_HDM_DC_LOCK : 0));
	writel(w, hdm + WIRE_HDM_CTRL, what & 0x80 ? WIRE_HDM_CTRL_ENABLE : how & 2);
}

static void vector(World *w)
{
	const unsigned what = byte(w), dev = what >> 4;
	const uint64_t entry = bar(w, dev, 4) + 16 * (what & 7);
	const uint64_t to = address(w);

	writel(w, entry, to);
	writel(w, entry + 4, to >> 32);
	writel(w, entry + 8, what & 8 ? bytes(w, 4) : 3);
	writel(w, entry + 12, 0);
}

/* --- the orchestrator --- */

static void ranges(World *w, CxbDcRange *out, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const unsigned b = byte(w);

		out[i] = (CxbDcRange){ (b & 0x3f) * BLOCK, (1 + (b >> 6)) * BLOCK };
	}
}

static void dc_add(World *w)
{
	const unsigned what = byte(w), how = byte(w), n = how < 0x80 ? how % 5 : 0;
	static const CxbDcSelection policies[] = { CXB_DC_SELECT_PRESCRIPTIVE,
						   CXB_DC_SELECT_PRESCRIPTIVE, CXB_DC_SELECT_SHARED,
						   CXB_DC_SELECT_FREE };
	CxbDevice *t3 = w->t3[what % w->n_t3];
	CxbDcRange list[5];
	CxbDcAddReq req = { .host_id = t3 ? cxb_cxl_type3_host_id(t3) : 0,
			    .policy = policies[how >> 6],
			    .length = (how & 3) * BLOCK,
			    .region = what >> 6 & 1,
			    .tag = world_tag(what >> 3 & 7),
			    .n = n,
			    .ranges = list };

	ranges(w, list, n);
	if (what & 0x80 && w->static_mem && t3 == w->t3[0])
		memset(&req.tag, 0, sizeof(req.tag));
	if (t3 && cxb_cxl_type3_dc(t3))
		cxb_dc_add(cxb_cxl_type3_dc(t3), &req, NULL);
}

static void dc_release(World *w)
{
	const unsigned what = byte(w), how = byte(w), n = byte(w) % 5;
	CxbDevice *t3 = w->t3[what % w->n_t3];
	CxbDcRange list[5];
	CxbDcReleaseReq req = { .host_id = t3 ? cxb_cxl_type3_host_id(t3) : 0,
				.policy = how & 1,
				.forced = how & 2,
				.sanitize = how & 4,
				.region = what >> 6 & 1,
				.tag = world_tag(what >> 3 & 7),
				.n = n,
				.ranges = list };

	if (t3 && cxb_cxl_type3_dc(t3) && how & 16)
		cxb_dc_add_reference(cxb_cxl_type3_dc(t3), &req.tag, NULL);
	if (t3 && cxb_cxl_type3_dc(t3) && how & 32)
		cxb_dc_remove_reference(cxb_cxl_type3_dc(t3), &req.tag, NULL);
	if (how & 8)
		memset(&req.tag, 0, sizeof(req.tag));
	ranges(w, list, n);
	if (t3 && cxb_cxl_type3_dc(t3))
		cxb_dc_release(cxb_cxl_type3_dc(t3), &req, NULL);
}

static void backend(World *w)
{
	const unsigned what = byte(w);

	if (what & 0x80)
		world_backend_del(w, what & 7);
	else
		world_backend_add(w, what & 7, 1 + (what >> 3 & 3));
}

static void plug(World *w)
{
	const unsigned dev = byte(w) % w->n_t3;

	if (w->t3[dev])
		world_unplug(w, dev);
	else
		world_plug(w, dev, true);
}

/* --- time, and what goes wrong in a device --- */

static void clock_step(World *w)
{
	CxbClock *clock = cxb_machine_clock(w->m);

	cxb_clock_advance(clock, cxb_clock_now_ns(clock) + (int64_t)byte(w) * 100000000);
}

static void poison(World *w)
{
	CxbDevice *t3 = w->t3[byte(w) % w->n_t3];
	const uint64_t block = byte(w), line = byte(w), lines = 1 + byte(w) * 0x200;

	if (t3)
		cxb_poison_inject(cxb_cxl_type3_poison(t3), block * BLOCK + line * CXB_POISON_LINE,
				  lines * CXB_POISON_LINE, NULL);
}

static void ras_error(World *w)
{
	const unsigned what = byte(w);
	CxbDevice *t3 = w->t3[what % w->n_t3];
	const CxbRasError errors[] = { { .bit = what >> 2 & 7 }, { .bit = 16 } };

	if (!t3)
		return;
	if (what & 0x80)
		cxb_cxl_type3_correctable(t3, what >> 2 & 3);
	else
		cxb_cxl_type3_uncorrectable(t3, errors, 1 + (what >> 6), NULL);
}

static void message(void *opaque)
{
	((World *)opaque)->messages++;
}

static void bus_irq(World *w)
{
	const unsigned n = byte(w) % G_N_ELEMENTS(w->irq);
	CxbBus *bus = cxb_machine_bus(w->m);

	if (w->has_irq[n])
		bus->ops->irq_free(bus, &w->irq[n]);
	else if (!bus->ops->irq_alloc(bus, message, w, &w->irq[n], NULL))
		return;
	w->has_irq[n] = !w->has_irq[n];
}

static void reset(World *w)
{
	cxb_machine_reset(w->m, CXB_RESET_QMP);
	world_setup(w);
}

static void step(World *w)
{
	switch (byte(w) % 27) {
	case 0:
	case 1:
		memory(w, true);
		break;
	case 2:
		memory(w, false);
		break;
	case 3:
		port(w);
		break;
	case 4:
	case 5:
		config(w);
		break;
	case 6:
	case 7:
		command(w);
		break;
	case 8:
	case 9:
		answer(w, CXB_OP_ADD_DC_RESPONSE);
		break;
	case 10:
		answer(w, CXB_OP_RELEASE_DC);
		break;
	case 11:
		clear_events(w);
		break;
	case 12:
	case 13:
		dc_add(w);
		break;
	case 14:
		dc_release(w);
		break;
	case 15:
		backend(w);
		break;
	case 16:
		plug(w);
		break;
	case 17:
		reset(w);
		break;
	case 18:
		cxb_workq_drain(cxb_machine_workq(w->m));
		break;
	case 19:
		decoder(w);
		break;
	case 20:
		vector(w);
		break;
	case 21:
		bus_irq(w);
		break;
	case 22:
		cxb_map_budget_set_limit(byte(w) % 8);
		break;
	case 23:
		world_check(w);
		break;
	case 24:
		clock_step(w);
		break;
	case 25:
		poison(w);
		break;
	case 26:
		ras_error(w);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	World w = { .in = { data, size } };

	world_init(&w, byte(&w));
	for (unsigned i = 0; i < OPS_MAX && w.in.left; i++)
		step(&w);
	cxb_workq_drain(cxb_machine_workq(w.m));
	world_check(&w);
	world_fini(&w);
	return 0;
}
