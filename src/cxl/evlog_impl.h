/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the event logs, shared by the queues (evlog.c) and their commands (evlog_cmds.c). */
#ifndef CXB_CXL_EVLOG_IMPL_H
#define CXB_CXL_EVLOG_IMPL_H

#include <glib.h>

#include "cxl/evlog.h"
#include "wire/mbox.h"

struct cleared_fn {
	void (*fn)(void *opaque, CxbLogId log);
	void *opaque;
};

/* A ring that grows by doubling up to the size of the log. */
struct evlog {
	struct wire_event_record *ring;
	size_t cap;  /* records there is memory for */
	size_t head; /* index of the oldest */
	size_t count;
	uint16_t last_handle; /* 0: none given out yet */
	uint16_t overflow_count;
	uint64_t first_overflow, last_overflow; /* ns */
	uint8_t mode;                           /* of the interrupt, WIRE_EVENT_IRQ_* */
};

struct CxbEvLogs {
	CxbEvLogsConfig config;
	struct evlog log[CXB_LOGS];
	GArray *cleared; /* struct cleared_fn */
};

/** evlog_drop() - Remove the @n oldest records, end an overflow and tell who waits for room. */
void evlog_drop(CxbEvLogs *logs, CxbLogId id, size_t n);
/** evlog_set_mode() - Interrupt mode; a log with records raises one when it is switched on. */
void evlog_set_mode(CxbEvLogs *logs, CxbLogId id, uint8_t mode);

#endif
