/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event logs (CXL 3.1 8.2.9.2): five bounded queues in order of time, their status bits, interrupt
 * policy and commands 0100h-0103h. Storage grows as records come, up to the configured size.
 */
#ifndef CXB_CXL_EVLOG_H
#define CXB_CXL_EVLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/reset.h"
#include "cxl/cci.h"
#include "wire/event.h"

typedef enum {
	CXB_LOG_INFO,
	CXB_LOG_WARN,
	CXB_LOG_FAIL,
	CXB_LOG_FATAL,
	CXB_LOG_DC,
	CXB_LOGS,
} CxbLogId;

typedef struct CxbEvLogs CxbEvLogs;

typedef struct {
	uint16_t size[CXB_LOGS];  /* records each holds */
	uint8_t vector[CXB_LOGS]; /* message raised, 0 to 15 */
	/* The number software knows a message by, which may change; NULL: the same. */
	unsigned (*message)(void *opaque, unsigned vector);
	/* A log with interrupts on (mode MSI) went from empty to non-empty, or they were switched
	 * on while it held records. */
	void (*irq)(void *opaque, unsigned vector);
	/* Nanoseconds for record timestamps; 0 while the clock was never set. */
	uint64_t (*timestamp)(void *opaque);
	void *opaque;
} CxbEvLogsConfig;

CxbEvLogs *cxb_evlogs_new(const CxbEvLogsConfig *config);
void cxb_evlogs_free(CxbEvLogs *logs);
/** cxb_evlogs_add_commands() - 0100h-0103h. */
void cxb_evlogs_add_commands(CxbEvLogs *logs, CxbCci *cci);
/** cxb_evlogs_add_record_commands() - 0100h and 0101h alone, where there are no interrupts. */
void cxb_evlogs_add_record_commands(CxbEvLogs *logs, CxbCci *cci);

/** cxb_evlogs_append() - Fill handle and timestamp and append a copy; false on overflow (which is
 * counted as 8.2.9.2.2 asks). */
bool cxb_evlogs_append(CxbEvLogs *logs, CxbLogId log, const struct wire_event_record *rec);
size_t cxb_evlogs_count(const CxbEvLogs *logs, CxbLogId log);
size_t cxb_evlogs_room(const CxbEvLogs *logs, CxbLogId log); /* records that still fit */
/** cxb_evlogs_reserve() - Have storage for @n records more, which fit; false if there is no memory.
 * Appending those does not fail then. */
bool cxb_evlogs_reserve(CxbEvLogs *logs, CxbLogId log, size_t n);
uint16_t cxb_evlogs_size(const CxbEvLogs *logs, CxbLogId log);
const struct wire_event_record *cxb_evlogs_peek(const CxbEvLogs *logs, CxbLogId log, size_t i);
/** cxb_evlogs_status() - Event Status register value (bit n: log n is not empty). */
uint32_t cxb_evlogs_status(const CxbEvLogs *logs);
/** cxb_evlogs_clear_dc() - Empty log 4 with its overflow state (reset). Handles go on counting. */
void cxb_evlogs_clear_dc(CxbEvLogs *logs);
/** cxb_evlogs_clear_all() - Empty logs 0 to 3 with their overflow state (sanitize). Log 4 tells of
 * offers that are still open: it stays. */
void cxb_evlogs_clear_all(CxbEvLogs *logs);
/** cxb_evlogs_reset() - Interrupt policy back to none, unless it is the function's own reset; logs 0
 * to 3 are lost with the power. Log 4 is cxb_evlogs_clear_dc()'s. */
void cxb_evlogs_reset(CxbEvLogs *logs, CxbResetKind kind);
/** cxb_evlogs_on_cleared() - @fn runs after the host cleared records of a log (there is room
 * again); not after cxb_evlogs_clear_dc(). */
void cxb_evlogs_on_cleared(CxbEvLogs *logs, void (*fn)(void *opaque, CxbLogId log), void *opaque);

#endif
