/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trace events (for developers, off by default, one predictable branch when off) and the log that
 * they, guest errors and warnings go to (stderr, or the file of -D).
 *
 * An event is declared once, in the .c file of its module, with typed arguments:
 *
 *	CXB_TRACE(cxl_dc_offer, (const char *dev, uint64_t dpa, uint64_t len),
 *	          "%s dpa 0x%" PRIx64 " len 0x%" PRIx64, dev, dpa, len)
 *
 * makes trace_cxl_dc_offer(dev, dpa, len). Output is one line "name: text".
 */
#ifndef CXB_BASE_TRACE_H
#define CXB_BASE_TRACE_H

#include <glib.h>
#include <inttypes.h>
#include <stdbool.h>

#include "base/error.h"

typedef struct {
	const char *name;
	bool on;
} CxbTraceEvent;

#define CXB_TRACE(ev, proto, ...)                                                           \
	static CxbTraceEvent cxb_trace_event_##ev = { #ev, false };                         \
	static CxbTraceEvent *const cxb_trace_entry_##ev                                    \
		__attribute__((used, section("cxb_trace_events"))) = &cxb_trace_event_##ev; \
	static inline G_GNUC_UNUSED void trace_##ev proto                                   \
	{                                                                                   \
		if (G_UNLIKELY(cxb_trace_event_##ev.on))                                    \
			cxb_trace_emit(&cxb_trace_event_##ev, __VA_ARGS__);                 \
	}

void cxb_trace_emit(const CxbTraceEvent *event, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/**
 * cxb_trace_enable() - Work off one -trace argument.
 * @spec: "PATTERN" (glob over event names), "enable=PATTERN", or "help" (lists names on stdout,
 *        fails with CXB_ERROR_HELP). A leading "-" in the pattern switches events off.
 *
 * Returns: false if no event matches, naming the pattern.
 */
bool cxb_trace_enable(const char *spec, GError **errp);

/* What -d can switch on. */
typedef enum {
	CXB_LOG_GUEST_ERROR = 1u << 0, /* "guest_errors": a guest or peer did something wrong */
	CXB_LOG_UNIMP = 1u << 1,       /* "unimp": a guest used what is not there */
} CxbLogMask;

/** cxb_log_set_mask() - @items: comma-separated names, or "help" (as cxb_trace_enable()). */
bool cxb_log_set_mask(const char *items, GError **errp);
/** cxb_log_set_file() - Send the log to @path (truncated); NULL: back to stderr. */
bool cxb_log_set_file(const char *path, GError **errp);

extern unsigned cxb_log_mask_bits;

/** cxb_guest_error() - One line saying what the guest or peer did wrong, if -d asks for it. */
#define cxb_guest_error(...)                                             \
	do {                                                             \
		if (G_UNLIKELY(cxb_log_mask_bits & CXB_LOG_GUEST_ERROR)) \
			cxb_log_line(__VA_ARGS__);                       \
	} while (0)

/** cxb_log_line() - One line, newline added, to the log. */
void cxb_log_line(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/** cxb_warn() - cxb_message_warning() with a format. For operators. */
void cxb_warn(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

#endif
