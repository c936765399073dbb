/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event interrupts and logs (8.2.9.2). The policy is read, set to MSI and read again; vectors are
 * programmed before they can fire. A log is read until it is empty, records cleared by handle as
 * they were read; then the status register says whether anything came meanwhile.
 */
#include <inttypes.h>

#include "base/range.h"
#include "base/rdwr.h"
#include "priv.h"
#include "wire/event.h"
#include "wire/mbox.h"
#include "wire/rc.h"

#define ALL_LOGS     0x1f
#define DC_LOG       4
#define DRAIN_ROUNDS 256 /* then others get a turn */
#define DRAIN_PAUSE  H_MS

/* --- interrupts --- */

static void drain_start(HMemdev *md, uint8_t logs);

static uint8_t logs_flagged(HMemdev *md)
{
	uint64_t status = cxb_h_read64(md->host, md->status);

	return status == UINT64_MAX ? 0 : status & ALL_LOGS;
}

/* While a log is drained nothing is lost: the status is read again at its end. */
static void irq_fired(void *opaque)
{
	HMemdev *md = opaque;
	uint8_t logs;

	if (md->draining || md->failed)
		return;
	logs = logs_flagged(md);
	if (logs)
		drain_start(md, logs);
}

static bool msix_program(HMemdev *md, unsigned vector, const CxbBusIrq *irq)
{
	CxbHost *host = md->host;
	uint16_t bdf = md->func->pub.bdf, cap = md->func->msix;
	uint32_t ctrl = cxb_h_cfg(host, bdf, cap + 2, 2), table = cxb_h_cfg(host, bdf, cap + 4, 4);
	const HBar *bar = (table & 7) < 6 ? &md->func->bar[table & 7] : NULL;
	uint64_t off = (table & ~7u) + 16ull * vector, at;

	if (vector > (ctrl & 0x7ff) || !bar || !bar->placed || !cxb_range_in(off, 16, bar->size))
		return false;
	at = bar->addr + off;
	cxb_h_write32(host, at, irq->addr);
	cxb_h_write32(host, at + 4, irq->addr >> 32);
	cxb_h_write32(host, at + 8, irq->data);
	cxb_h_write32(host, at + 12, 0); /* unmasked */
	cxb_h_cfg_write(host, bdf, cap + 2, 2, 0x8000);
	return true;
}

/* One message for everything: multiple message enable stays 0. */
static bool msi_program(HMemdev *md, const CxbBusIrq *irq)
{
	CxbHost *host = md->host;
	uint16_t bdf = md->func->pub.bdf, cap = md->func->msi;
	uint32_t ctrl = cxb_h_cfg(host, bdf, cap + 2, 2);
	unsigned data = ctrl & 0x80 ? cap + 12 : cap + 8;

	if (irq->data > 0xffff || (irq->addr >> 32 && !(ctrl & 0x80)))
		return false;
	cxb_h_cfg_write(host, bdf, cap + 4, 4, irq->addr);
	if (ctrl & 0x80)
		cxb_h_cfg_write(host, bdf, cap + 8, 4, irq->addr >> 32);
	cxb_h_cfg_write(host, bdf, data, 2, irq->data);
	if (ctrl & 0x100)
		cxb_h_cfg_write(host, bdf, data + 4, 4, 0);
	cxb_h_cfg_write(host, bdf, cap + 2, 2, 0x0001);
	return true;
}

static void vector_program(HMemdev *md, unsigned vector)
{
	CxbBus *bus = md->host->bus;
	g_autoptr(GError) err = NULL;
	CxbBusIrq irq;
	bool good;

	if (!md->func->msix)
		vector = 0;
	for (unsigned i = 0; i < md->n_irqs; i++)
		if (md->irq_vector[i] == vector)
			return;
	if (!md->func->msix && !md->func->msi) {
		cxb_h_say_md(md, "has no interrupts");
		return;
	}
	if (!bus->ops->irq_alloc(bus, irq_fired, md, &irq, &err)) {
		cxb_h_say_md(md, "no interrupt: %s", err ? err->message : "refused");
		return;
	}
	if (!irq.addr)
		good = true;
	else
		good = md->func->msix ? msix_program(md, vector, &irq) : msi_program(md, &irq);
	if (!good) {
		cxb_h_say_md(md, "interrupt vector %u does not exist", vector);
		bus->ops->irq_free(bus, &irq);
		return;
	}
	md->irq[md->n_irqs] = irq;
	md->irq_vector[md->n_irqs++] = vector;
}

/* --- policy --- */

static void policy_done(HMemdev *md, void *again, const HReply *reply);

static void policy_set_done(HMemdev *md, void *len, const HReply *reply)
{
	struct wire_event_policy in = { { 1, 1, 1, 1, 1 } };

	if (reply->rc == CXB_RC_SUCCESS) {
		cxb_h_mbox(md, CXB_OP_GET_EVENT_POLICY, NULL, 0, policy_done, GINT_TO_POINTER(1));
	} else if (GPOINTER_TO_SIZE(len) == sizeof(in) && reply->rc >= 0) {
		/* A device without dynamic capacity. */
		cxb_h_mbox(md, CXB_OP_SET_EVENT_POLICY, &in, WIRE_EVENT_POLICY_OLD_SIZE,
			   policy_set_done, GSIZE_TO_POINTER(WIRE_EVENT_POLICY_OLD_SIZE));
	} else {
		cxb_h_say_md(md, "Set Event Interrupt Policy: %s", cxb_h_reply_text(reply));
		drain_start(md, ALL_LOGS);
	}
}

static void policy_done(HMemdev *md, void *again, const HReply *reply)
{
	struct wire_event_policy in = { { 1, 1, 1, 1, 1 } };

	if (reply->rc != CXB_RC_SUCCESS || reply->len < WIRE_EVENT_POLICY_OLD_SIZE) {
		cxb_h_say_md(md, "Get Event Interrupt Policy: %s", cxb_h_reply_text(reply));
		drain_start(md, ALL_LOGS);
		return;
	}
	md->policy_len = MIN(reply->len, H_LOGS);
	memcpy(md->policy, reply->out, md->policy_len);
	for (unsigned i = 0; i < md->policy_len; i++)
		vector_program(md, FIELD_GET(WIRE_EVENT_POLICY_MSG, md->policy[i]));
	if (again)
		drain_start(md, ALL_LOGS);
	else
		cxb_h_mbox(md, CXB_OP_SET_EVENT_POLICY, &in, md->policy_len, policy_set_done,
			   GSIZE_TO_POINTER(md->policy_len));
}

void cxb_h_events_start(HMemdev *md)
{
	if ((md->has & H_HAS_EVENTS) == H_HAS_EVENTS)
		cxb_h_mbox(md, CXB_OP_GET_EVENT_POLICY, NULL, 0, policy_done, NULL);
	else
		cxb_h_done(md);
}

void cxb_h_events_fini(HMemdev *md)
{
	CxbBus *bus = md->host->bus;

	for (unsigned i = 0; i < md->n_irqs; i++)
		bus->ops->irq_free(bus, &md->irq[i]);
	md->n_irqs = 0;
	cxb_timer_free(md->drain_timer);
	md->drain_timer = NULL;
}

/* --- draining --- */

static void keep_event(HMemdev *md, uint8_t log, const struct wire_event_record *rec)
{
	const struct wire_dc_record *dc = (const void *)rec;
	GQueue *events = &md->host->events;
	CxbHostEvent *e = g_new0(CxbHostEvent, 1);

	e->memdev = md->index;
	e->log = log;
	e->handle = le16_get(rec->hdr.handle);
	if (cxb_uuid_equal(&rec->hdr.uuid, &wire_uuid_dc)) {
		e->type = dc->type;
		e->more = dc->more & WIRE_DC_EVENT_MORE;
		e->dpa = le64_get(dc->extent.dpa);
		e->len = le64_get(dc->extent.length);
		e->tag = dc->extent.tag;
		e->seq = le16_get(dc->extent.seq);
	}
	g_queue_push_tail(events, e);
	if (events->length > H_EVENTS_KEPT)
		g_free(g_queue_pop_head(events));
}

static void dc_record(HMemdev *md, const struct wire_dc_record *rec)
{
	switch (rec->type) {
	case WIRE_DC_EVENT_ADD:
		cxb_h_offer(md, rec);
		break;
	case WIRE_DC_EVENT_RELEASE:
		cxb_h_release(md, rec);
		break;
	case WIRE_DC_EVENT_FORCED_RELEASE:
		cxb_h_forced(md, rec);
		break;
	case WIRE_DC_EVENT_REGION_UPDATED:
		cxb_h_say_md(md, "region %u was reconfigured", rec->region);
		cxb_h_config_reread(md);
		break;
	default:
		cxb_h_say_md(md, "dynamic-capacity event of type %u ignored", rec->type);
	}
}

static void drain_next(HMemdev *md);

static void drained_once(HMemdev *md)
{
	if (md->drained)
		return;
	md->drained = true;
	cxb_h_done(md);
}

static void drain_timer(void *opaque)
{
	drain_next(opaque);
}

static void log_failed(HMemdev *md, unsigned log, const char *what, const HReply *reply)
{
	/* Devices without dynamic capacity have no such log. */
	if (log != DC_LOG || (md->has & H_HAS_DC_CONFIG))
		cxb_h_say_md(md, "log %u: %s: %s", log, what, cxb_h_reply_text(reply));
	md->failed_logs |= 1u << log;
	md->drain_logs &= ~(1u << log);
}

static void clear_done(HMemdev *md, void *log, const HReply *reply)
{
	if (reply->rc != CXB_RC_SUCCESS)
		log_failed(md, GPOINTER_TO_UINT(log), "cannot clear records", reply);
	if (--md->clears == 0)
		drain_next(md);
}

static void clear_records(HMemdev *md, unsigned log, const struct wire_event_record *rec,
			  unsigned n)
{
	unsigned most = MIN(255, (md->payload - sizeof(struct wire_clear_events_in)) / 2);
	uint8_t buf[sizeof(struct wire_clear_events_in) + 2 * 255];
	struct wire_clear_events_in *in = (void *)buf;

	while (n) {
		unsigned count = MIN(n, most);

		*in = (struct wire_clear_events_in){ .log = log, .count = count };
		for (unsigned i = 0; i < count; i++)
			in->handle[i] = rec[i].hdr.handle;
		md->clears++;
		cxb_h_mbox(md, CXB_OP_CLEAR_EVENTS, in, sizeof(*in) + 2 * count, clear_done,
			   GUINT_TO_POINTER(log));
		rec += count;
		n -= count;
	}
}

static void records_done(HMemdev *md, void *opaque, const HReply *reply)
{
	unsigned log = GPOINTER_TO_UINT(opaque), n;
	CxbRd rd = { reply->out, reply->len };
	const struct wire_get_events_out *out;
	const struct wire_event_record *rec;

	if (reply->rc != CXB_RC_SUCCESS || !(out = cxb_rd_take(&rd, sizeof(*out)))) {
		log_failed(md, log, "cannot read", reply);
		drain_next(md);
		return;
	}
	if (out->flags & WIRE_EVENTS_OVERFLOW)
		cxb_h_say_md(md, "log %u: %u records were lost", log,
			     le16_get(out->overflow_count));
	n = MIN(le16_get(out->count), rd.left / sizeof(*rec));
	rec = (const void *)rd.p;
	if (!n) {
		md->drain_logs &= ~(1u << log);
		drain_next(md);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		keep_event(md, log, &rec[i]);
		if (log == DC_LOG && cxb_uuid_equal(&rec[i].hdr.uuid, &wire_uuid_dc))
			dc_record(md, (const void *)&rec[i]);
	}
	clear_records(md, log, rec, n);
}

static void drain_next(HMemdev *md)
{
	uint8_t log;

	if (!md->drain_logs)
		md->drain_logs = logs_flagged(md) & ~md->failed_logs;
	if (!md->drain_logs) {
		md->draining = false;
		drained_once(md);
		return;
	}
	if (++md->drain_rounds > DRAIN_ROUNDS) {
		md->drain_rounds = 0;
		drained_once(md);
		if (!md->drain_timer)
			md->drain_timer = cxb_timer_new(md->host->config.clock, drain_timer, md);
		cxb_timer_arm(md->drain_timer, cxb_h_now(md->host) + DRAIN_PAUSE);
		return;
	}
	log = __builtin_ctz(md->drain_logs);
	cxb_h_mbox(md, CXB_OP_GET_EVENTS, &log, sizeof(log), records_done, GUINT_TO_POINTER(log));
}

static void drain_start(HMemdev *md, uint8_t logs)
{
	if (md->draining) {
		md->drain_logs |= logs;
		return;
	}
	md->draining = true;
	md->drain_logs = logs;
	md->failed_logs = 0;
	md->drain_rounds = 0;
	drain_next(md);
}
