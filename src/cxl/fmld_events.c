/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where capacity is, in the fabric manager's log (CXL 3.1 8.2.9.2.1.6): a record of type 4 for each extent
 * that a host accepted, and one of type 5 when it has it no more, whoever ended that: a host that gave it
 * back, or force, which may have come from another one than who reads this. What was offered and never
 * accepted leaves none.
 */
#include "dc_head.h"
#include "fmld_impl.h"

static void commit(void *opaque, const CxbDcOp *op)
{
	CxbFmLd *fm = opaque;
	const bool accepted = op->kind == CXB_DC_OP_ACCEPT;
	size_t left = 0;

	if (!accepted && op->kind != CXB_DC_OP_RELEASE && op->kind != CXB_DC_OP_FORCED_RELEASE)
		return;
	for (size_t i = 0; i < op->n; i++)
		left += op->extents[i]->state != CXB_DC_OFFERED;
	for (size_t i = 0; i < op->n; i++)
		if (op->extents[i]->state != CXB_DC_OFFERED)
			cxb_dc_record_append(
				fm->logs,
				accepted ? WIRE_DC_EVENT_ADD_RESPONSE : WIRE_DC_EVENT_RELEASED,
				op->extents[i], --left > 0, op->extents_left, op->tags_left);
}

const CxbDcObserver fmld_events = { .commit = commit };
