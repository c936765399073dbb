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
/** cxb_dc_head_free() - After dc, cci and logs are no longer used by anybody. */
void cxb_dc_head_free(CxbDcHead *h);
/** cxb_dc_head_reset() - Log 4 cleared, lists dropped, everything open announced again. */
void cxb_dc_head_reset(CxbDcHead *h);

#endif
