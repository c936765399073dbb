/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the command interface: the dispatcher is in cci.c. */
#ifndef CXB_CXL_CCI_IMPL_H
#define CXB_CXL_CCI_IMPL_H

#include <glib.h>

#include "cxl/cci.h"

struct CxbCci {
	char *name;
	size_t payload_size;
	size_t out_limit;
	GArray *entries; /* struct entry, in order of opcode */
	bool media_disabled;

	const CxbCciCmd *current; /* running or outstanding; NULL: none */
	bool later;               /* current returned CXB_RC_LATER */
	uint64_t ticket, last_ticket;
	CxbCciDone done;
	void *done_opaque;

	CxbClock *clock;
	CxbTimer *bg_timer;  /* armed while bg.running, until its time is over */
	CxbCciBackground bg; /* but for the percentage of a running one */
	bool bg_starting;    /* current has started one */
	bool bg_can_abort;   /* what bg.opcode announces */
	int64_t bg_start_ns, bg_duration_ns;
	CxbCciBackgroundEnd bg_end;
	void *bg_end_opaque;
	void (*bg_ended)(void *opaque);
	void *bg_ended_opaque;
};

/* cci_background.c */
void cci_background_init(CxbCci *cci, CxbClock *clock);
void cci_background_fini(CxbCci *cci);
void cci_background_reset(CxbCci *cci, CxbResetKind kind);

#endif
