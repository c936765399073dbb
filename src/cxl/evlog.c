/* SPDX-License-Identifier: Apache-2.0 */
#include "evlog_impl.h"

#include "base/trace.h"

#define FIRST_CAP 8

CXB_TRACE(cxl_event_append, (unsigned log, unsigned handle, size_t count),
	  "log %u handle %04xh, %zu records", log, handle, count)
CXB_TRACE(cxl_event_overflow, (unsigned log, unsigned lost), "log %u, %u lost", log, lost)
CXB_TRACE(cxl_event_clear, (unsigned log, size_t n, size_t left), "log %u: %zu cleared, %zu left",
	  log, n, left)

CxbEvLogs *cxb_evlogs_new(const CxbEvLogsConfig *config)
{
	CxbEvLogs *logs = g_new0(CxbEvLogs, 1);

	for (unsigned i = 0; i < CXB_LOGS; i++)
		g_assert(config->vector[i] <= 15);
	logs->config = *config;
	logs->cleared = g_array_new(FALSE, FALSE, sizeof(struct cleared_fn));
	return logs;
}

void cxb_evlogs_free(CxbEvLogs *logs)
{
	if (!logs)
		return;
	for (unsigned i = 0; i < CXB_LOGS; i++)
		g_free(logs->log[i].ring);
	g_array_free(logs->cleared, TRUE);
	g_free(logs);
}

static uint64_t timestamp(const CxbEvLogs *logs)
{
	return logs->config.timestamp ? logs->config.timestamp(logs->config.opaque) : 0;
}

static void raise_irq(const CxbEvLogs *logs, CxbLogId id)
{
	if (logs->log[id].mode == WIRE_EVENT_IRQ_MSI && logs->config.irq)
		logs->config.irq(logs->config.opaque, logs->config.vector[id]);
}

static struct wire_event_record *slot(const struct evlog *log, size_t i)
{
	return &log->ring[(log->head + i) % log->cap];
}

/* Storage for at least @least records, in order from index 0. */
static bool grow(struct evlog *log, size_t least, size_t max)
{
	size_t cap = MIN(MAX(MAX(log->cap * 2, FIRST_CAP), least), max);
	struct wire_event_record *ring = g_try_new(struct wire_event_record, cap);

	if (!ring)
		return false;
	for (size_t i = 0; i < log->count; i++)
		ring[i] = *slot(log, i);
	g_free(log->ring);
	log->ring = ring;
	log->cap = cap;
	log->head = 0;
	return true;
}

static void note_overflow(const CxbEvLogs *logs, struct evlog *log)
{
	log->last_overflow = timestamp(logs);
	if (log->overflow_count == 0)
		log->first_overflow = log->last_overflow;
	if (log->overflow_count < UINT16_MAX)
		log->overflow_count++;
}

bool cxb_evlogs_append(CxbEvLogs *logs, CxbLogId id, const struct wire_event_record *rec)
{
	struct evlog *log = &logs->log[id];
	struct wire_event_record *r;

	if (log->count == logs->config.size[id] ||
	    (log->count == log->cap && !grow(log, log->count + 1, logs->config.size[id]))) {
		note_overflow(logs, log);
		trace_cxl_event_overflow(id, log->overflow_count);
		return false;
	}
	if (++log->last_handle == 0) /* 0 names no record */
		log->last_handle = 1;
	r = slot(log, log->count++);
	*r = *rec;
	r->hdr.length = WIRE_EVENT_RECORD_SIZE;
	r->hdr.handle = le16_put(log->last_handle);
	r->hdr.timestamp = le64_put(timestamp(logs));
	trace_cxl_event_append(id, log->last_handle, log->count);
	if (log->count == 1)
		raise_irq(logs, id);
	return true;
}

bool cxb_evlogs_reserve(CxbEvLogs *logs, CxbLogId id, size_t n)
{
	struct evlog *log = &logs->log[id];

	g_assert(n <= cxb_evlogs_room(logs, id));
	return log->count + n <= log->cap || grow(log, log->count + n, logs->config.size[id]);
}

size_t cxb_evlogs_count(const CxbEvLogs *logs, CxbLogId id)
{
	return logs->log[id].count;
}

size_t cxb_evlogs_room(const CxbEvLogs *logs, CxbLogId id)
{
	return logs->config.size[id] - logs->log[id].count;
}

uint16_t cxb_evlogs_size(const CxbEvLogs *logs, CxbLogId id)
{
	return logs->config.size[id];
}

const struct wire_event_record *cxb_evlogs_peek(const CxbEvLogs *logs, CxbLogId id, size_t i)
{
	const struct evlog *log = &logs->log[id];

	return i < log->count ? slot(log, i) : NULL;
}

uint32_t cxb_evlogs_status(const CxbEvLogs *logs)
{
	uint32_t status = 0;

	for (unsigned i = 0; i < CXB_LOGS; i++)
		if (logs->log[i].count)
			status |= 1u << i;
	return status;
}

static void drop(struct evlog *log, size_t n)
{
	g_assert(n <= log->count);
	log->count -= n;
	log->head = log->count ? (log->head + n) % log->cap : 0;
	log->overflow_count = 0;
	log->first_overflow = 0;
	log->last_overflow = 0;
}

void evlog_drop(CxbEvLogs *logs, CxbLogId id, size_t n)
{
	drop(&logs->log[id], n);
	trace_cxl_event_clear(id, n, logs->log[id].count);
	for (guint i = 0; i < logs->cleared->len; i++) {
		const struct cleared_fn c = g_array_index(logs->cleared, struct cleared_fn, i);

		c.fn(c.opaque, id);
	}
}

void cxb_evlogs_clear_dc(CxbEvLogs *logs)
{
	drop(&logs->log[CXB_LOG_DC], logs->log[CXB_LOG_DC].count);
}

void cxb_evlogs_clear_all(CxbEvLogs *logs)
{
	for (unsigned i = 0; i < CXB_LOG_DC; i++)
		drop(&logs->log[i], logs->log[i].count);
}

void evlog_set_mode(CxbEvLogs *logs, CxbLogId id, uint8_t mode)
{
	struct evlog *log = &logs->log[id];
	const uint8_t old = log->mode;

	log->mode = mode;
	if (old != mode && log->count)
		raise_irq(logs, id);
}

void cxb_evlogs_reset(CxbEvLogs *logs, CxbResetKind kind)
{
	/* Linux sets the policy at probe and relies on it over a reset of the function. */
	if (kind == CXB_RESET_FUNCTION)
		return;
	for (unsigned i = 0; i < CXB_LOGS; i++) {
		logs->log[i].mode = WIRE_EVENT_IRQ_NONE;
		if (kind == CXB_RESET_COLD && i != CXB_LOG_DC)
			drop(&logs->log[i], logs->log[i].count);
	}
}

void cxb_evlogs_on_cleared(CxbEvLogs *logs, void (*fn)(void *opaque, CxbLogId log), void *opaque)
{
	const struct cleared_fn c = { fn, opaque };

	g_array_append_val(logs->cleared, c);
}
