/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device registers, CXL 3.1 8.2.8. Every register sits in one aligned 8-byte word, so an access of
 * any width is a part of such a word: reads shift it out, writes carry a mask of the bytes written.
 */
#include "cxl/devregs.h"

#include <glib.h>

#include "base/bytes.h"
#include "base/range.h"
#include "base/trace.h"
#include "wire/regs.h"

#define STATUS_AT     0x80
#define BEHIND_STATUS 0x88
#define N_CAPS        3

CXB_TRACE(cxl_mbox_ring, (const char *name, unsigned opcode, unsigned len),
	  "%s opcode %04xh, %u bytes", name, opcode, len)
CXB_TRACE(cxl_mbox_done, (const char *name, unsigned rc, size_t len), "%s rc %04xh, %zu bytes",
	  name, rc, len)

struct CxbDevRegs {
	CxbDevRegsConfig config;
	size_t payload_size;
	uint32_t mbox_at, memdev_at;
	uint32_t ctrl; /* doorbell while a command runs or is outstanding, enables */
	uint64_t cmd, status;
	bool outstanding; /* the command in the mailbox completes later */
	uint8_t *payload; /* what software sees; own, or in the page */
	size_t memory;    /* bytes from there on that are plain memory */
	uint8_t *in;      /* the command's own copy, taken at the doorbell */
	uint8_t *out;
};

static void notify(const CxbDevRegs *regs, uint32_t enable)
{
	if ((regs->ctrl & enable) && regs->config.irq)
		regs->config.irq(regs->config.opaque, regs->config.mbox_vector);
}

static uint64_t background_word(CxbCciBackground bg);

/* In the page, registers are stored for a host that looks and writes meanwhile. */
static uint8_t *paged(const CxbDevRegs *regs, uint32_t reg)
{
	return regs->config.page + reg;
}

/* 8.2.8.4.3. */
static uint32_t capabilities(const CxbDevRegs *regs)
{
	const CxbDevRegsConfig *config = &regs->config;
	const unsigned vector = config->mbox_vector;

	return FIELD_PREP(WIRE_MBOX_CAP_PAYLOAD, __builtin_ctzll(regs->payload_size)) |
	       WIRE_MBOX_CAP_DB_IRQ | WIRE_MBOX_CAP_BG_IRQ |
	       FIELD_PREP(WIRE_MBOX_CAP_MSG,
			  config->message ? config->message(config->opaque, vector) : vector) |
	       FIELD_PREP(WIRE_MBOX_CAP_TYPE, WIRE_MBOX_TYPE_MEMDEV);
}

static void show_background(CxbDevRegs *regs)
{
	le_store(paged(regs, WIRE_MBOX_BG_STATUS), 8,
		 background_word(cxb_cci_background(regs->config.cci)));
}

/* With the doorbell the rest is the host's again: whatever it is to see is stored before. */
static void show_ctrl(CxbDevRegs *regs)
{
	if (regs->config.polled)
		__atomic_store_n((uint32_t *)paged(regs, WIRE_MBOX_CTRL), htole32(regs->ctrl),
				 __ATOMIC_RELEASE);
}

static void show(CxbDevRegs *regs)
{
	if (!regs->config.polled)
		return;
	le_store(paged(regs, WIRE_MBOX_CAP), 4, capabilities(regs));
	le_store(paged(regs, WIRE_MBOX_CMD), 8, regs->cmd);
	le_store(paged(regs, WIRE_MBOX_STATUS), 8,
		 regs->status | FIELD_PREP(WIRE_MBOX_STATUS_BG,
					   cxb_cci_background(regs->config.cci).running));
	show_background(regs);
	show_ctrl(regs);
}

static void background_ended(void *opaque)
{
	CxbDevRegs *regs = opaque;

	if (regs->config.polled)
		show_background(regs);
	notify(regs, WIRE_MBOX_CTRL_BG_IRQ);
}

static void lay_out(CxbDevRegs *regs)
{
	const CxbDevRegsConfig *config = &regs->config;

	g_assert(config->page || !config->polled);
	if (!config->page) {
		regs->mbox_at = BEHIND_STATUS;
		regs->memdev_at = BEHIND_STATUS + WIRE_MBOX_PAYLOAD + regs->payload_size;
		regs->payload = g_malloc0(regs->payload_size);
		regs->memory = regs->payload_size;
		return;
	}
	regs->memdev_at = BEHIND_STATUS;
	regs->mbox_at = CXB_DEVREGS_PAGE_AT - (config->polled ? 0 : WIRE_MBOX_PAYLOAD);
	regs->payload = config->page + (config->polled ? WIRE_MBOX_PAYLOAD : 0);
	regs->memory = CXB_DEVREGS_PAGE_SIZE - (config->polled ? WIRE_MBOX_PAYLOAD : 0);
	g_assert(regs->payload_size <= regs->memory);
}

CxbDevRegs *cxb_devregs_new(const CxbDevRegsConfig *config)
{
	CxbDevRegs *regs = g_new0(CxbDevRegs, 1);

	g_assert(config->mbox_vector <= 15);
	regs->config = *config;
	regs->payload_size = cxb_cci_payload_size(config->cci);
	lay_out(regs);
	regs->in = g_malloc0(regs->payload_size);
	regs->out = g_malloc0(regs->payload_size);
	cxb_cci_set_background_ended(config->cci, background_ended, regs);
	show(regs);
	return regs;
}

void cxb_devregs_free(CxbDevRegs *regs)
{
	if (!regs)
		return;
	if (regs->outstanding)
		cxb_cci_drop(regs->config.cci);
	cxb_cci_set_background_ended(regs->config.cci, NULL, NULL);
	if (!regs->config.page)
		g_free(regs->payload);
	g_free(regs->in);
	g_free(regs->out);
	g_free(regs);
}

uint32_t cxb_devregs_size(const CxbDevRegs *regs)
{
	const uint32_t end = regs->memdev_at + WIRE_MEMDEV_SIZE;

	if (regs->config.page)
		return CXB_DEVREGS_PAGED_BAR;
	return 1u << g_bit_storage(end - 1);
}

static const char *name_of(const CxbDevRegs *regs)
{
	return cxb_cci_name(regs->config.cci);
}

/* 8.2.8.1, 8.2.8.2: word @n of the capability array. */
static uint64_t cap_word(const CxbDevRegs *regs, unsigned n)
{
	const struct {
		uint16_t id;
		uint8_t version;
		uint32_t off, len;
	} caps[N_CAPS] = {
		{ WIRE_DEV_CAP_STATUS, 2, STATUS_AT, WIRE_DEV_STATUS_SIZE },
		{ WIRE_DEV_CAP_MAILBOX, 1, regs->mbox_at, WIRE_MBOX_PAYLOAD + regs->payload_size },
		{ WIRE_DEV_CAP_MEMDEV, 1, regs->memdev_at, WIRE_MEMDEV_SIZE },
	};
	const unsigned i = n / 2;

	if (i == 0)
		return n == 0 ? 1ull << 16 | (uint64_t)N_CAPS << 32 : 0;
	if (i > N_CAPS)
		return 0;
	if (n % 2)
		return caps[i - 1].len;
	return caps[i - 1].id | (uint64_t)caps[i - 1].version << 16 |
	       (uint64_t)caps[i - 1].off << 32;
}

/* 8.2.8.5.1.1. */
static uint64_t memdev_status(const CxbDevRegs *regs)
{
	const bool off = cxb_cci_media_disabled(regs->config.cci);

	return FIELD_PREP(WIRE_MEMDEV_MEDIA, off ? WIRE_MEDIA_DISABLED : WIRE_MEDIA_READY) |
	       WIRE_MEMDEV_MBOX_READY;
}

static CxbCciBackground background(const CxbDevRegs *regs)
{
	return cxb_cci_background(regs->config.cci);
}

/* 8.2.8.4.7. */
static uint64_t background_word(CxbCciBackground bg)
{
	return FIELD_PREP(WIRE_MBOX_BG_OPCODE, bg.opcode) |
	       FIELD_PREP(WIRE_MBOX_BG_PERCENT, bg.percent) | FIELD_PREP(WIRE_MBOX_BG_RC, bg.rc);
}

static bool in_payload(const CxbDevRegs *regs, uint32_t off, uint32_t len, uint32_t *at)
{
	const uint32_t start = regs->mbox_at + WIRE_MBOX_PAYLOAD;

	if (off < start)
		return false;
	*at = off - start;
	return cxb_range_in(*at, len, regs->memory);
}

/* What a host may have written into the page counts. */
static uint64_t command_word(const CxbDevRegs *regs)
{
	return regs->config.polled ? le_load(paged(regs, WIRE_MBOX_CMD), 8) : regs->cmd;
}

static uint32_t control_word(const CxbDevRegs *regs)
{
	return regs->config.polled ? le_load(paged(regs, WIRE_MBOX_CTRL), 4) : regs->ctrl;
}

/* The aligned 8-byte word at @off. */
static uint64_t word(const CxbDevRegs *regs, uint32_t off)
{
	uint32_t at;

	if (off < STATUS_AT)
		return cap_word(regs, off / 8);
	if (in_payload(regs, off, 8, &at))
		return le_load(regs->payload + at, 8);
	if (off == regs->memdev_at)
		return memdev_status(regs);
	if (off == STATUS_AT)
		return regs->config.logs ? cxb_evlogs_status(regs->config.logs) : 0;
	if (off < regs->mbox_at)
		return 0;
	switch (off - regs->mbox_at) {
	case WIRE_MBOX_CAP:
		return capabilities(regs) | (uint64_t)control_word(regs) << 32;
	case WIRE_MBOX_CMD:
		return command_word(regs);
	case WIRE_MBOX_STATUS:
		return regs->status | FIELD_PREP(WIRE_MBOX_STATUS_BG, background(regs).running);
	case WIRE_MBOX_BG_STATUS:
		return background_word(background(regs));
	}
	return 0;
}

static bool access_ok(uint32_t off, unsigned size)
{
	return (size == 1 || size == 2 || size == 4 || size == 8) && off % size == 0;
}

static uint64_t bytes_mask(unsigned size)
{
	return size == 8 ? UINT64_MAX : (1ull << (8 * size)) - 1;
}

uint64_t cxb_devregs_read(CxbDevRegs *regs, uint32_t off, unsigned size)
{
	if (!access_ok(off, size))
		return 0;
	return word(regs, off & ~7u) >> (8 * (off & 7)) & bytes_mask(size);
}

/* The end of a command, 8.2.8.4 step 5: results first, then the doorbell, then the interrupt. */
static void finish(CxbDevRegs *regs, CxbRc rc, size_t len)
{
	memcpy(regs->payload, regs->out, len);
	regs->cmd = (regs->cmd & WIRE_MBOX_CMD_OPCODE) | FIELD_PREP(WIRE_MBOX_CMD_LEN, len);
	regs->status = FIELD_PREP(WIRE_MBOX_STATUS_RC, rc);
	regs->ctrl &= ~WIRE_MBOX_CTRL_DOORBELL;
	regs->outstanding = false;
	show(regs);
	trace_cxl_mbox_done(name_of(regs), rc, len);
	notify(regs, WIRE_MBOX_CTRL_DB_IRQ);
}

static void completed_later(void *opaque, CxbRc rc)
{
	finish(opaque, rc, 0);
}

static void ring(CxbDevRegs *regs)
{
	const uint64_t cmd = command_word(regs) & (WIRE_MBOX_CMD_OPCODE | WIRE_MBOX_CMD_LEN);
	const uint16_t opcode = FIELD_GET(WIRE_MBOX_CMD_OPCODE, cmd);
	const uint32_t len = FIELD_GET(WIRE_MBOX_CMD_LEN, cmd);
	CxbRd in = { regs->in, len };
	CxbWr out = { regs->out, 0, regs->payload_size };
	CxbRc rc;

	regs->cmd = cmd;
	/* A length beyond the payload is refused by the interface before anything is read. */
	memcpy(regs->in, regs->payload, MIN(len, regs->payload_size));
	trace_cxl_mbox_ring(name_of(regs), opcode, len);
	rc = cxb_cci_run(regs->config.cci, opcode, &in, &out, completed_later, regs);
	if (rc == CXB_RC_LATER)
		regs->outstanding = true;
	else
		finish(regs, rc, out.len);
}

static void write_ctrl(CxbDevRegs *regs, uint32_t val, uint32_t mask)
{
	const uint32_t irqs = WIRE_MBOX_CTRL_DB_IRQ | WIRE_MBOX_CTRL_BG_IRQ;
	uint32_t merged = (regs->ctrl & ~mask) | (val & mask);
	const bool rings = val & mask & WIRE_MBOX_CTRL_DOORBELL;

	/*
	 * Drivers in the field enable the background interrupt once and then ring by writing the
	 * constant 1: a ring does not take that enable away.
	 */
	if (rings)
		merged |= regs->ctrl & WIRE_MBOX_CTRL_BG_IRQ;
	regs->ctrl = merged & irqs;
	if (!rings) {
		show_ctrl(regs);
		return;
	}
	regs->ctrl |= WIRE_MBOX_CTRL_DOORBELL;
	show_ctrl(regs);
	ring(regs);
}

static void write_cmd(CxbDevRegs *regs, uint64_t val, uint64_t mask)
{
	regs->cmd =
		((command_word(regs) & ~mask) | val) & (WIRE_MBOX_CMD_OPCODE | WIRE_MBOX_CMD_LEN);
	if (regs->config.polled)
		le_store(paged(regs, WIRE_MBOX_CMD), 8, regs->cmd);
}

bool cxb_devregs_poll(CxbDevRegs *regs)
{
	uint32_t ctrl;

	if (!regs->config.polled)
		return false;
	if (regs->ctrl & WIRE_MBOX_CTRL_DOORBELL)
		return true;
	/* Only if it is another: the host polls the doorbell beside it. */
	if (le_load(paged(regs, WIRE_MBOX_CAP), 4) != capabilities(regs))
		le_store(paged(regs, WIRE_MBOX_CAP), 4, capabilities(regs));
	if (background(regs).running)
		show_background(regs);
	ctrl = le32toh(
		__atomic_load_n((const uint32_t *)paged(regs, WIRE_MBOX_CTRL), __ATOMIC_ACQUIRE));
	if (ctrl != regs->ctrl)
		write_ctrl(regs, ctrl, UINT32_MAX);
	return ctrl & WIRE_MBOX_CTRL_DOORBELL;
}

void cxb_devregs_write(CxbDevRegs *regs, uint32_t off, unsigned size, uint64_t val)
{
	uint64_t mask;
	uint32_t at;

	if (!access_ok(off, size))
		return;
	if (regs->ctrl & WIRE_MBOX_CTRL_DOORBELL) {
		cxb_guest_error("%s: write to 0x%x while the doorbell is set", name_of(regs), off);
		return;
	}
	if (in_payload(regs, off, size, &at)) {
		le_store(regs->payload + at, size, val);
		return;
	}
	mask = bytes_mask(size) << (8 * (off & 7));
	val = val << (8 * (off & 7)) & mask;
	off &= ~7u;
	if (off == regs->mbox_at + WIRE_MBOX_CAP && mask >> 32)
		write_ctrl(regs, val >> 32, mask >> 32);
	else if (off == regs->mbox_at + WIRE_MBOX_CMD)
		write_cmd(regs, val, mask);
}

bool cxb_devregs_read_bulk(CxbDevRegs *regs, uint32_t off, void *buf, uint32_t len)
{
	uint32_t at;

	if (!in_payload(regs, off, len, &at))
		return false;
	memcpy(buf, regs->payload + at, len);
	return true;
}

bool cxb_devregs_write_bulk(CxbDevRegs *regs, uint32_t off, const void *buf, uint32_t len)
{
	uint32_t at;

	if (!in_payload(regs, off, len, &at))
		return false;
	if (regs->ctrl & WIRE_MBOX_CTRL_DOORBELL)
		cxb_guest_error("%s: payload write while the doorbell is set", name_of(regs));
	else
		memcpy(regs->payload + at, buf, len);
	return true;
}

void cxb_devregs_reset(CxbDevRegs *regs)
{
	if (regs->outstanding)
		cxb_cci_drop(regs->config.cci);
	regs->outstanding = false;
	regs->ctrl = 0;
	regs->cmd = 0;
	regs->status = 0;
	memset(regs->payload, 0, regs->memory);
	show(regs);
}
