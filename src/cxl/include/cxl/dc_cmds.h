/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dynamic capacity on a mailbox: commands 4800h-4803h of one head, and its event records (log 4).
 */
#ifndef CXB_CXL_DC_CMDS_H
#define CXB_CXL_DC_CMDS_H

#include "cxl/cci.h"
#include "cxl/dc.h"
#include "cxl/evlog.h"

typedef struct CxbDcHead CxbDcHead;

/**
 * cxb_dc_head_new() - Join head @head of @dc to a mailbox and its logs: adds the commands to @cci
 * and becomes an observer that writes the records. An operation whose records do not all fit
 * log 4 is refused in prepare; REANNOUNCE of a group that does not fit waits whole until the host
 * clears records.
 */
CxbDcHead *cxb_dc_head_new(CxbDc *dc, uint16_t head, CxbCci *cci, CxbEvLogs *logs);
/** cxb_dc_head_free() - Before dc goes; cci and logs are no longer used by anybody. NULL is fine. */
void cxb_dc_head_free(CxbDcHead *h);

/* A record that no operation stands behind. Nothing of it is checked: it may tell of what is not. */
typedef struct {
	uint64_t dpa, len;
	CxbUuid tag;
	uint16_t seq;
	uint8_t type, region; /* the region is "updated region index" */
	bool more;
} CxbDcRawRecord;

/** cxb_dc_head_inject() - Write @records into log 4, all or none; the engine knows nothing of it.
 * Fails, CXB_ERROR_NO_ROOM, where they do not fit behind what is promised to the engine's own. */
bool cxb_dc_head_inject(CxbDcHead *h, const CxbDcRawRecord *records, size_t n, GError **errp);
/** cxb_dc_head_reset() - Log 4 cleared, lists dropped, everything open announced again. */
void cxb_dc_head_reset(CxbDcHead *h);

#endif
