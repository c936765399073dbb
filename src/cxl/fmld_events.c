/* SPDX-License-Identifier: Apache-2.0 */
/* What a host does with dynamic capacity, in the fabric manager's log (CXL 3.1 8.2.9.2.1.6). */
#include "dc_head.h"
#include "fmld_impl.h"

static void commit(void *opaque, const CxbDcOp *op)
{
	CxbFmLd *fm = opaque;
	uint8_t type;

	if (op->kind == CXB_DC_OP_ACCEPT)
		type = WIRE_DC_EVENT_ADD_RESPONSE;
	else if (op->kind == CXB_DC_OP_RELEASE)
		type = WIRE_DC_EVENT_RELEASED;
	else
		return;
	for (size_t i = 0; i < op->n; i++)
		cxb_dc_record_append(fm->logs, type, op->extents[i], i + 1 < op->n,
				     op->extents_left, op->tags_left);
}

const CxbDcObserver fmld_events = { .commit = commit };
