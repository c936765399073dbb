/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole memory device below its PCI function, for tests that speak to its registers: 256 MiB of
 * static volatile capacity, label storage, the dynamic regions of dc_fake.h above it, event logs of 2 records
 * (log 4: 8), messages 2 to 6 for the logs and 7 for the mailbox, payload 2048 bytes, no clock but
 * the one it is given.
 */
#ifndef MAILBOX_DEVICE_H
#define MAILBOX_DEVICE_H

#include "base/clock.h"
#include "cxl/comp.h"
#include "cxl/dc_cmds.h"
#include "cxl/devregs.h"
#include "cxl/fmld.h"
#include "cxl/memdev.h"
#include "cxl/poison.h"
#include "dc_fake.h"

#define MAILBOX_DEVICE_LSA 0x20000

typedef struct {
	CxbClock *clock;
	CxbCci *cci;
	CxbEvLogs *logs;
	CxbMemdev *memdev;
	CxbPoison *poison;
	FakePool *pool;
	CxbDc *dc;
	CxbDcHead *head;
	CxbFmLd *fm; /* the fabric manager's side, log 4 of 8 records */
	CxbDevRegs *regs;
	CxbComp *comp;
	unsigned irqs; /* messages raised */
	uint8_t lsa[MAILBOX_DEVICE_LSA];
	bool lsa_gone; /* tests set it: label storage cannot be reached */
	/* Media: how often all of it was erased, bytes erased in ranges; tests make it fail. */
	unsigned sanitized, stopped;
	uint64_t erased;
	bool erase_fails;
	bool erase_later;  /* tests set it: they call cxb_memdev_erased() */
	uint64_t line_dpa; /* of the last line written to memory, by Clear Poison */
	uint8_t line[CXB_POISON_LINE];
} MailboxDevice;

static inline void mailbox_device_irq(void *opaque, unsigned vector)
{
	MailboxDevice *d = opaque;

	g_assert_cmpuint(vector, <=, 15);
	d->irqs++;
}

static inline uint64_t mailbox_device_time(void *opaque)
{
	return cxb_memdev_timestamp(((MailboxDevice *)opaque)->memdev);
}

static inline bool mailbox_device_lsa_read(void *opaque, uint64_t off, void *buf, size_t len)
{
	MailboxDevice *d = opaque;

	g_assert_true(off <= sizeof(d->lsa) && len <= sizeof(d->lsa) - off);
	if (d->lsa_gone)
		return false;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = d->lsa[off + i];
	return true;
}

static inline bool mailbox_device_lsa_write(void *opaque, uint64_t off, const void *buf, size_t len)
{
	MailboxDevice *d = opaque;

	g_assert_true(off <= sizeof(d->lsa) && len <= sizeof(d->lsa) - off);
	if (d->lsa_gone)
		return false;
	for (size_t i = 0; i < len; i++)
		d->lsa[off + i] = ((const uint8_t *)buf)[i];
	return true;
}

static inline bool mailbox_device_dpa_ok(void *opaque, uint64_t dpa, uint64_t len)
{
	const uint64_t end = FAKE_BASE + 2 * FAKE_SPAN;

	return len <= end && dpa <= end - len;
}

/* Static memory is all there is to poison, and to erase. */
static inline bool mailbox_device_answers(void *opaque, uint64_t dpa, uint64_t len)
{
	return len <= FAKE_BASE && dpa <= FAKE_BASE - len;
}

static inline bool mailbox_device_line(void *opaque, uint64_t dpa, const void *line)
{
	MailboxDevice *d = opaque;

	g_assert_true(dpa % CXB_POISON_LINE == 0 && dpa < FAKE_BASE);
	d->line_dpa = dpa;
	for (size_t i = 0; i < sizeof(d->line); i++)
		d->line[i] = ((const uint8_t *)line)[i];
	return true;
}

static inline CxbRc mailbox_device_erasing(const MailboxDevice *d)
{
	if (d->erase_later)
		return CXB_RC_LATER;
	return d->erase_fails ? CXB_RC_INTERNAL_ERROR : CXB_RC_SUCCESS;
}

static inline CxbRc mailbox_device_sanitize(void *opaque)
{
	MailboxDevice *d = opaque;

	d->sanitized++;
	return mailbox_device_erasing(d);
}

static inline void mailbox_device_disable(void *opaque, bool disabled)
{
	cxb_cci_set_media_disabled(((MailboxDevice *)opaque)->cci, disabled);
}

static inline CxbRc mailbox_device_erase(void *opaque, const CxbMemdevRange *ranges, size_t n)
{
	MailboxDevice *d = opaque;

	for (size_t i = 0; i < n; i++) {
		g_assert_true(mailbox_device_answers(d, ranges[i].dpa, ranges[i].len));
		d->erased += ranges[i].len;
	}
	return mailbox_device_erasing(d);
}

static inline void mailbox_device_stop(void *opaque)
{
	((MailboxDevice *)opaque)->stopped++;
}

static inline void mailbox_device_init(MailboxDevice *d)
{
	CxbCciConfig cci = { .name = "cxl-vmem0", .payload_size = 2048 };
	const CxbEvLogsConfig logs = {
		.size = { 2, 2, 2, 2, 8 },
		.vector = { 2, 3, 4, 5, 6 },
		.irq = mailbox_device_irq,
		.timestamp = mailbox_device_time,
		.opaque = d,
	};
	const CxbCompConfig comp = {
		.kind = CXB_COMP_ENDPOINT,
		.name = "cxl-vmem0",
		.hdm = true,
		.decoders = 4,
		.targets = 1,
		.dpa_ok = mailbox_device_dpa_ok,
	};
	CxbMemdevConfig memdev = {
		.volatile_size = FAKE_BASE,
		.lsa_size = MAILBOX_DEVICE_LSA,
		.lsa_read = mailbox_device_lsa_read,
		.lsa_write = mailbox_device_lsa_write,
		.lsa_opaque = d,
		.media = { mailbox_device_sanitize, mailbox_device_disable, mailbox_device_answers,
			   mailbox_device_erase, mailbox_device_stop, d },
		.poison_list_max = CXB_POISON_LIST_MAX,
		.fw_revision = "REVISION 1",
	};
	const CxbPoisonConfig poison = {
		.exists = mailbox_device_dpa_ok,
		.answers = mailbox_device_answers,
		.write = mailbox_device_line,
		.timestamp = mailbox_device_time,
		.opaque = d,
	};
	CxbDevRegsConfig regs = { .mbox_vector = 7, .irq = mailbox_device_irq, .opaque = d };
	CxbFmLdConfig fm = {
		.name = "cxl-vmem0",
		.vendor_id = 0x8086,
		.device_id = 0x0d93,
		.subsys_vendor_id = 0x1af4,
		.subsys_id = 0x1100,
		.serial = 0x1122334455667788,
		.log_size = 8,
	};
	CxbDcConfig dc;

	*d = (MailboxDevice){ 0 };
	d->clock = cci.clock = memdev.clock = cxb_clock_new_virtual();
	d->cci = regs.cci = cxb_cci_new(&cci);
	d->logs = regs.logs = memdev.logs = cxb_evlogs_new(&logs);
	d->memdev = cxb_memdev_new(&memdev);
	d->poison = cxb_poison_new(&poison);
	cxb_poison_add_commands(d->poison, d->cci);
	d->pool = fake_pool_new();
	dc = fake_config(d->pool);
	d->dc = cxb_dc_new(&dc, NULL);
	g_assert_nonnull(d->dc);
	cxb_evlogs_add_commands(d->logs, d->cci);
	cxb_memdev_add_commands(d->memdev, d->cci);
	d->head = cxb_dc_head_new(d->dc, 0, d->cci, d->logs);
	fm.clock = d->clock;
	fm.memdev = d->memdev;
	fm.dc = d->dc;
	d->fm = cxb_fmld_new(&fm);
	d->regs = cxb_devregs_new(&regs);
	d->comp = cxb_comp_new(&comp);
}

static inline void mailbox_device_fini(MailboxDevice *d)
{
	cxb_comp_free(d->comp);
	cxb_devregs_free(d->regs);
	cxb_fmld_free(d->fm);
	cxb_dc_head_free(d->head);
	cxb_dc_free(d->dc);
	cxb_poison_free(d->poison);
	cxb_memdev_free(d->memdev);
	cxb_cci_free(d->cci);
	cxb_evlogs_free(d->logs);
	fake_pool_free(d->pool);
	cxb_clock_free(d->clock);
}

/* A general media record of log @log, nothing in it but its type and severity. */
static inline bool mailbox_device_event(MailboxDevice *d, CxbLogId log)
{
	const struct wire_event_record rec = {
		.hdr.uuid = wire_uuid_gmer,
		.hdr.flags = le24_put(log & WIRE_EVENT_SEVERITY),
	};

	return cxb_evlogs_append(d->logs, log, &rec);
}

/* Offer @n ranges of @region with tag number @tag, which gets a backing of their size. */
static inline bool mailbox_device_offer(MailboxDevice *d, uint8_t region, unsigned tag,
					const CxbDcRange *ranges, size_t n)
{
	const CxbUuid uuid = fake_tag(tag);
	const CxbDcAddReq req = {
		.policy = CXB_DC_SELECT_PRESCRIPTIVE,
		.region = region,
		.tag = uuid,
		.n = n,
		.ranges = ranges,
	};
	uint64_t size = 0;

	for (size_t i = 0; i < n; i++)
		size += ranges[i].len;
	if (!fake_find(d->pool, &uuid))
		fake_backing(d->pool, tag, size);
	return cxb_dc_add(d->dc, &req, NULL);
}

#endif
