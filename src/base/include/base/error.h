/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors of the first kind: a person or program asked for something wrong, or the system failed.
 * The callee words the error, the caller decides what becomes of it; success leaves *errp alone.
 */
#ifndef CXB_BASE_ERROR_H
#define CXB_BASE_ERROR_H

#include <glib.h>
#include <stdbool.h>

#define CXB_ERROR cxb_error_quark()
GQuark cxb_error_quark(void);

typedef enum {
	CXB_ERROR_INVALID,           /* an argument, option or state is wrong (QMP GenericError) */
	CXB_ERROR_NOT_FOUND,         /* a path or id names nothing (QMP DeviceNotFound) */
	CXB_ERROR_COMMAND_NOT_FOUND, /* no such command (QMP CommandNotFound) */
	CXB_ERROR_BUSY,              /* refused while something holds or uses it */
	CXB_ERROR_AGAIN,             /* refused until work that is under way has ended: ask again */
	CXB_ERROR_NO_ROOM,           /* a limit or budget is used up */
	CXB_ERROR_SYSTEM,            /* the operating system refused */
	CXB_ERROR_HELP,              /* not an error: help was asked for and printed */
} CxbErrorCode;

/**
 * cxb_fail() - Word an error and return false, so detecting and reporting stay on one line.
 * @errp: where the error goes; NULL means the caller is not interested
 */
bool cxb_fail(GError **errp, CxbErrorCode code, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/** cxb_fail_errno() - As cxb_fail() with CXB_ERROR_SYSTEM and ": strerror(@errnum)" behind it. */
bool cxb_fail_errno(GError **errp, int errnum, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/*
 * The same calls, so that the compiler too knows that the value is always false: else, optimizing,
 * it takes what a failed function leaves unset for something that its caller goes on to use.
 */
#define cxb_fail(...)                  \
	({                             \
		cxb_fail(__VA_ARGS__); \
		false;                 \
	})
#define cxb_fail_errno(...)                  \
	({                                   \
		cxb_fail_errno(__VA_ARGS__); \
		false;                       \
	})

#endif
