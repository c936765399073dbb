/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Component Command Interface: a table of commands plus state, run by any transport (mailbox
 * registers, MCTP). One row says everything about a command; the dispatcher enforces it.
 *
 * Order of checks (CXL 3.1 8.2.8.4, 8.2.9): opcode known (Unsupported), payload length (Invalid
 * Payload Length), one command at a time, background busy (Busy), media disabled.
 *
 * A command with the background effect may go on after its answer, Background Command Started
 * (8.2.8.4.7): cxb_cci_start_background(). There is one such operation at a time, and rows that have
 * the effect are Busy meanwhile; all others run.
 */
#ifndef CXB_CXL_CCI_H
#define CXB_CXL_CCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rdwr.h"
#include "base/reset.h"
#include "wire/rc.h"

typedef struct CxbCci CxbCci;
typedef struct CxbCciCmd CxbCciCmd;

/* Command effects, CXL 3.1 8.2.9.5.2.1; bit 7 as QEMU numbers it, and Linux. */
enum {
	CXB_EFFECT_CONFIG_COLD = 1u << 0,
	CXB_EFFECT_CONFIG_NOW = 1u << 1,
	CXB_EFFECT_DATA_NOW = 1u << 2,
	CXB_EFFECT_POLICY_NOW = 1u << 3,
	CXB_EFFECT_LOG_NOW = 1u << 4,
	CXB_EFFECT_SECURITY = 1u << 5,
	CXB_EFFECT_BACKGROUND = 1u << 6,
	CXB_EFFECT_ABORT = 1u << 7, /* its background operation can be aborted */
};

enum {
	CXB_CMD_NEEDS_MEDIA = 1u << 0, /* Media Disabled while it is */
	CXB_CMD_OUT_OF_LIST = 1u << 1, /* keeps a half-collected extent list alive across it: unused
	                                 * by others, which leave lists alone anyway */
};

#define CXB_PAYLOAD_ANY SIZE_MAX

/* One command. @opaque is what the row's table was added with. */
struct CxbCciCmd {
	uint16_t opcode;
	const char *name;
	const char *spec;      /* section, CXL 3.1 */
	size_t in_min, in_max; /* bytes; in_max CXB_PAYLOAD_ANY: up to the payload size */
	size_t out_max;
	uint16_t effects;
	unsigned flags;
	/* May return CXB_RC_LATER after keeping what it needs of @in; then cxb_cci_complete() ends
	 * the command, with no output. Or what cxb_cci_start_background() returns. */
	CxbRc (*run)(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out);
};

typedef struct {
	const char *name;    /* device path, for guest errors */
	size_t payload_size; /* bytes, power of two, 256 to 1 MiB */
	CxbClock *clock;     /* of background operations; NULL: no row has that effect */
} CxbCciConfig;

CxbCci *cxb_cci_new(const CxbCciConfig *config);
void cxb_cci_free(CxbCci *cci);
const char *cxb_cci_name(const CxbCci *cci);
size_t cxb_cci_payload_size(const CxbCci *cci);
/** cxb_cci_set_out_limit() - No output is longer from now on; initially the payload size. */
void cxb_cci_set_out_limit(CxbCci *cci, size_t limit);

/** cxb_cci_add() - Add @n rows, sorted by opcode; no opcode may be there already. */
void cxb_cci_add(CxbCci *cci, const CxbCciCmd *rows, size_t n, void *opaque);
const CxbCciCmd *cxb_cci_find(const CxbCci *cci, uint16_t opcode); /* O(log n) or better */
/** cxb_cci_nth() - Rows in order of opcode (effects log, documentation); NULL past the end. */
const CxbCciCmd *cxb_cci_nth(const CxbCci *cci, size_t n);

typedef void (*CxbCciDone)(void *opaque, CxbRc rc);

/**
 * cxb_cci_run() - Run one command.
 * @done: called once, later, if and only if CXB_RC_LATER is returned
 *
 * A failed command returns no payload (@out->len is 0).
 */
CxbRc cxb_cci_run(CxbCci *cci, uint16_t opcode, CxbRd *in, CxbWr *out, CxbCciDone done,
		  void *opaque);
/** cxb_cci_complete() - End the command that returned CXB_RC_LATER; nothing if a reset took it. */
void cxb_cci_complete(CxbCci *cci, CxbRc rc);
/**
 * cxb_cci_ticket() - Number of the command that is running or outstanding, 0 if there is none.
 *
 * A handler that answers later keeps it and ends the command with cxb_cci_complete_ticket(): a
 * command that a reset dropped meanwhile is then not mistaken for the one outstanding now.
 */
uint64_t cxb_cci_ticket(const CxbCci *cci);
void cxb_cci_complete_ticket(CxbCci *cci, uint64_t ticket, CxbRc rc);
bool cxb_cci_busy(const CxbCci *cci); /* a command is running or outstanding */
/** cxb_cci_set_media_disabled() - Whether rows with CXB_CMD_NEEDS_MEDIA are refused; initially
 * not. Memory device status shows it (8.2.8.5.1.1). */
void cxb_cci_set_media_disabled(CxbCci *cci, bool disabled);
bool cxb_cci_media_disabled(const CxbCci *cci);
/** cxb_cci_drop() - Forget an outstanding command: its done is not called any more. */
void cxb_cci_drop(CxbCci *cci);
/**
 * cxb_cci_reset() - Drop an outstanding command, and abort the background operation.
 *
 * After a function level reset its status says so: a host that polls it across one must see it end.
 * Any other reset leaves nothing of it (8.2.8.4.7).
 */
void cxb_cci_reset(CxbCci *cci, CxbResetKind kind);

/* --- background operations --- */

/**
 * The end of a background operation.
 * @rc: CXB_RC_SUCCESS, its time is over and it takes effect now; CXB_RC_ABORTED, it was aborted
 * or a reset came. The interface is free for the next one.
 *
 * Returns: what its status tells; of an aborted one that is Aborted, whatever is returned. Or
 * CXB_RC_LATER, if the effect takes time: the operation stays nearly done, and cannot be aborted any more, until
 * cxb_cci_end_background(). If a reset comes before that, this is called once more, with CXB_RC_ABORTED.
 */
typedef CxbRc (*CxbCciBackgroundEnd)(void *opaque, CxbCci *cci, CxbRc rc);

/**
 * cxb_cci_start_background() - From inside a command that has the effect: go on for @duration_ns.
 * @end: called once unless it says CXB_RC_LATER, never inside this call; not any more once the
 * interface is freed
 *
 * Returns: CXB_RC_BG_STARTED, for the command to return.
 */
CxbRc cxb_cci_start_background(CxbCci *cci, int64_t duration_ns, CxbCciBackgroundEnd end,
			       void *opaque);

/** cxb_cci_end_background() - The effect of what was to come later has come; @rc as returned by the end. */
void cxb_cci_end_background(CxbCci *cci, CxbRc rc);

typedef struct {
	uint16_t opcode; /* of the last one since reset; 0: there was none */
	bool running;
	unsigned percent; /* 100 as soon as it is not running, and not before */
	CxbRc rc;         /* meaningful then */
} CxbCciBackground;

CxbCciBackground cxb_cci_background(const CxbCci *cci);
/** cxb_cci_set_background_ended() - @ended is called after each operation that ended, but by a
 * reset. NULL: nobody is. */
void cxb_cci_set_background_ended(CxbCci *cci, void (*ended)(void *opaque), void *opaque);
/**
 * cxb_cci_add_abort() - Add Request Abort Background Operation (0005h, 8.2.9.1.5).
 *
 * It ends an operation that is not as good as done (85 %); a later one it leaves to finish, and
 * without any it does nothing. Refused if the last operation was not one to be aborted.
 */
void cxb_cci_add_abort(CxbCci *cci);

#endif
