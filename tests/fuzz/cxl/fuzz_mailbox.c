/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that does anything to the registers of a memory device: the input is a program of
 * accesses, whole commands, events, offers and resets. After each step what must always hold is
 * checked.
 */
#include <glib.h>

#include "base/bytes.h"
#include "base/rdwr.h"
#include "fuzz.h"
#include "mailbox_device.h"
#include "wire/regs.h"

#define MBOX    0x88
#define PAYLOAD (MBOX + WIRE_MBOX_PAYLOAD)

enum {
	STEP_DEV_WRITE,
	STEP_DEV_READ,
	STEP_COMP_WRITE,
	STEP_COMP_READ,
	STEP_COMMAND,
	STEP_BULK,
	STEP_DECODER,
	STEP_EVENT,
	STEP_OFFER,
	STEP_RELEASE,
	STEP_CLOCK,
	STEP_RESET,
	STEPS
};

/* Numbers off the input; 0 when it has run out. */
static uint64_t take(CxbRd *rd, size_t n)
{
	uint8_t b[8] = { 0 };

	if (!cxb_rd_copy(rd, b, n))
		rd->left = 0;
	return le_load(b, 8);
}

static unsigned take_size(CxbRd *rd)
{
	static const uint8_t sizes[] = { 1, 2, 4, 8, 3, 0, 16, 4 };

	return sizes[take(rd, 1) % G_N_ELEMENTS(sizes)];
}

/* Seeds name opcodes; of the other numbers most stand for some command. */
/* Opcodes that there are and, below 4000h, lengths that their rows take; others as they come. */
static void command(MailboxDevice *d, CxbRd *rd)
{
	uint16_t opcode = take(rd, 2);
	uint32_t len = take(rd, 2);
	const bool fit = opcode < 0x4000;
	const CxbCciCmd *known = cxb_cci_find(d->cci, opcode);
	size_t n;

	if (!known && opcode < 0x8000)
		known = cxb_cci_nth(d->cci, opcode % 64);
	if (known) {
		opcode = known->opcode;
		if (fit)
			len = CLAMP(len, known->in_min, known->in_max);
	}
	n = MIN(MIN(len, rd->left), 2048);
	cxb_devregs_write(d->regs, MBOX + WIRE_MBOX_CMD, 8, opcode | (uint64_t)len << 16);
	cxb_devregs_write_bulk(d->regs, PAYLOAD, cxb_rd_take(rd, n), n);
	cxb_devregs_write(d->regs, MBOX + WIRE_MBOX_CTRL, 4, 1);
}

/* Mostly sensible values, so that commits succeed. */
static void decoder(MailboxDevice *d, CxbRd *rd)
{
	const uint32_t at = WIRE_CACHEMEM_BASE + 0x128 + WIRE_HDM_DEC(take(rd, 1) % 4);

	cxb_comp_write(d->comp, at + WIRE_HDM_BASE_LO, 8, take(rd, 1) << 28);
	cxb_comp_write(d->comp, at + WIRE_HDM_SIZE_LO, 8, take(rd, 1) % 8 << 28);
	cxb_comp_write(d->comp, at + WIRE_HDM_SKIP_LO, 8, take(rd, 1) % 4 << 28);
	cxb_comp_write(d->comp, at + WIRE_HDM_DEC_CTRL, 4,
		       WIRE_HDM_DC_COMMIT | take(rd, 2) % (2 * WIRE_HDM_DC_LOCK));
}

static void offer(MailboxDevice *d, CxbRd *rd)
{
	const uint8_t region = take(rd, 1), tag = take(rd, 1) % 8;
	CxbDcRange ranges[4];
	const size_t n = take(rd, 1) % (G_N_ELEMENTS(ranges) + 1);

	for (size_t i = 0; i < n; i++) {
		ranges[i].offset = take(rd, 1) * FAKE_BLOCK;
		ranges[i].len = take(rd, 1) % 8 * FAKE_BLOCK;
	}
	mailbox_device_offer(d, region % 4, tag, ranges, n);
}

static void release(MailboxDevice *d, CxbRd *rd)
{
	const uint8_t flags = take(rd, 1);
	const CxbDcRange range = { take(rd, 1) * FAKE_BLOCK, take(rd, 1) % 8 * FAKE_BLOCK };
	const CxbDcReleaseReq req = {
		.policy = flags & 1 ? CXB_DC_REMOVE_PRESCRIPTIVE : CXB_DC_REMOVE_TAG_BASED,
		.forced = flags & 2,
		.sanitize = flags & 4,
		.region = flags >> 4 & 1,
		.tag = fake_tag(take(rd, 1) % 8),
		.n = flags & 1,
		.ranges = &range,
	};

	cxb_dc_release(d->dc, &req, NULL);
}

static void reset(MailboxDevice *d, uint8_t what)
{
	const CxbResetKind kind = what / 4 % CXB_RESET_KINDS;

	cxb_cci_reset(d->cci, kind);
	cxb_devregs_reset(d->regs);
	cxb_memdev_reset(d->memdev, kind);
	cxb_comp_reset(d->comp, kind);
	cxb_evlogs_reset(d->logs, kind);
	cxb_poison_reset(d->poison, what & 4 ? CXB_RESET_COLD : kind, NULL, 0);
	if (what & 2)
		cxb_dc_head_reset(d->head);
}

static void step(MailboxDevice *d, CxbRd *rd)
{
	const uint8_t op = take(rd, 1) % STEPS;
	uint8_t buf[256];
	uint32_t off;
	unsigned size;

	switch (op) {
	case STEP_DEV_WRITE:
	case STEP_COMP_WRITE:
		off = take(rd, 4);
		size = take_size(rd);
		if (op == STEP_DEV_WRITE)
			cxb_devregs_write(d->regs, off, size, take(rd, 8));
		else
			cxb_comp_write(d->comp, off, size, take(rd, 8));
		break;
	case STEP_DEV_READ:
		off = take(rd, 4);
		cxb_devregs_read(d->regs, off, take_size(rd));
		break;
	case STEP_COMP_READ:
		off = take(rd, 4);
		cxb_comp_read(d->comp, off, take_size(rd));
		break;
	case STEP_COMMAND:
		command(d, rd);
		break;
	case STEP_BULK:
		off = take(rd, 4);
		cxb_devregs_read_bulk(d->regs, off, buf, take(rd, 1));
		cxb_devregs_write_bulk(d->regs, off, buf, 0);
		break;
	case STEP_DECODER:
		decoder(d, rd);
		break;
	case STEP_EVENT:
		mailbox_device_event(d, take(rd, 1) % CXB_LOGS);
		break;
	case STEP_OFFER:
		offer(d, rd);
		break;
	case STEP_RELEASE:
		release(d, rd);
		break;
	case STEP_CLOCK:
		cxb_clock_advance(d->clock, cxb_clock_now_ns(d->clock) + (int64_t)take(rd, 4));
		break;
	case STEP_RESET:
		reset(d, take(rd, 1));
		break;
	}
}

/* Committed decoders: sane, in increasing order, and as their registers say. */
static void check_decoders(MailboxDevice *d)
{
	const CxbHdm *hdm = cxb_comp_hdm(d->comp);
	uint64_t end = 0;

	for (unsigned n = 0; n < hdm->count; n++) {
		const CxbHdmDecoder *c = &hdm->dec[n];
		const uint32_t at = WIRE_CACHEMEM_BASE + 0x128 + WIRE_HDM_DEC(n);
		const uint32_t ctrl = cxb_comp_read(d->comp, at + WIRE_HDM_DEC_CTRL, 4);
		uint64_t dpa, len;

		g_assert(!!(ctrl & WIRE_HDM_DC_COMMITTED) == c->committed);
		g_assert(!(ctrl & WIRE_HDM_DC_ERROR) || !c->committed);
		if (!c->committed)
			continue;
		g_assert(cxb_comp_read(d->comp, at, 8) == c->base);
		g_assert(c->size && c->base >= end && c->size - 1 <= UINT64_MAX - c->base);
		g_assert(cxb_hdm_ways(c->iw) && cxb_hdm_granularity(c->ig));
		g_assert(c->size % cxb_hdm_ways(c->iw) == 0);
		end = c->base + (c->size - 1);
		if (cxb_hdm_dpa_range(hdm, n, &dpa, &len))
			g_assert(mailbox_device_dpa_ok(d, dpa, len));
	}
}

/* A background operation runs, or is at 100 % if there was one. */
static void check_background(MailboxDevice *d)
{
	const uint64_t bg = cxb_devregs_read(d->regs, MBOX + WIRE_MBOX_BG_STATUS, 8);
	const bool running = cxb_devregs_read(d->regs, MBOX + WIRE_MBOX_STATUS, 8) & 1;
	const unsigned percent = FIELD_GET(WIRE_MBOX_BG_PERCENT, bg);

	g_assert(running ? percent < 100 : percent == 100 || !bg);
	g_assert(!running || FIELD_GET(WIRE_MBOX_BG_OPCODE, bg));
}

static void check(MailboxDevice *d)
{
	const uint64_t cmd = cxb_devregs_read(d->regs, MBOX + WIRE_MBOX_CMD, 8);

	check_decoders(d);
	check_background(d);
	/* Every command here ends in the ring that starts it. */
	g_assert(!cxb_cci_busy(d->cci));
	g_assert(!(cxb_devregs_read(d->regs, MBOX + WIRE_MBOX_CTRL, 4) & 1));
	g_assert((cmd & ~(WIRE_MBOX_CMD_OPCODE | WIRE_MBOX_CMD_LEN)) == 0);
	g_assert(cxb_poison_count(d->poison) <= CXB_POISON_LIST_MAX);
	for (unsigned i = 0; i < CXB_LOGS; i++) {
		g_assert(cxb_evlogs_count(d->logs, i) <= cxb_evlogs_size(d->logs, i));
		g_assert(!cxb_evlogs_count(d->logs, i) == !(cxb_evlogs_status(d->logs) & 1u << i));
	}
	g_assert(cxb_devregs_read(d->regs, 0, 8) == 0x300010000);
	g_assert(cxb_comp_read(d->comp, WIRE_CACHEMEM_BASE, 4) == 0x03110001);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CxbRd rd = { data, size };
	MailboxDevice d;

	mailbox_device_init(&d);
	while (rd.left) {
		step(&d, &rd);
		check(&d);
	}
	mailbox_device_fini(&d);
	return 0;
}
