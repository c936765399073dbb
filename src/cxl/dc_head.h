/* SPDX-License-Identifier: Apache-2.0 */
/* One head's mailbox side of dynamic capacity: dc_cmds.c and dc_records.c. */
#ifndef CXB_CXL_DC_HEAD_H
#define CXB_CXL_DC_HEAD_H

#include "cxl/dc_cmds.h"

struct CxbDcHead {
	CxbDc *dc;
	uint16_t head;
	CxbCci *cci;
	CxbEvLogs *logs;
	uint64_t ticket; /* of the command that waits for the engine */
	/* Records in log 4. What is reserved or waits has the room before anybody else. */
	size_t reserved;         /* prepared and not yet committed */
	GQueue waiting;          /* groups that wait whole for room, oldest first */
	size_t n_waiting;        /* records, as many as when they began to wait */
	uint8_t updates_waiting; /* a bit each region */
};

extern const CxbDcObserver cxb_dc_records; /* opaque: CxbDcHead */
/** cxb_dc_records_cleared() - For cxb_evlogs_on_cleared(). */
void cxb_dc_records_cleared(void *head, CxbLogId log);
/** cxb_dc_records_drop() - Forget the groups that wait. */
void cxb_dc_records_drop(CxbDcHead *h);

/** cxb_dc_record_append() - The record of one extent, to log 4 of @logs; of its region alone, if that
 * was updated. */
void cxb_dc_record_append(CxbEvLogs *logs, uint8_t type, const CxbDcExtent *x, bool more,
			  uint32_t extents_left, uint32_t tags_left);

#endif
