/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memory device's poison. Only what answers can be poisoned, and dynamic capacity takes its poison
 * with it when it is released, for what comes to its addresses next may be other memory.
 */
#include "devices.h"

static bool write_line(void *opaque, uint64_t dpa, const void *line)
{
	return cxb_cxl_endpoint_write(opaque, dpa, line, CXB_POISON_LINE);
}

static uint64_t timestamp(void *opaque)
{
	return cxb_memdev_timestamp(((Type3 *)opaque)->memdev);
}

static void dc_commit(void *opaque, const CxbDcOp *op)
{
	Type3 *t3 = opaque;

	if (op->head != t3->head_nr)
		return;
	if (op->kind != CXB_DC_OP_RELEASE && op->kind != CXB_DC_OP_FORCED_RELEASE)
		return;
	for (size_t i = 0; i < op->n; i++)
		cxb_poison_drop(t3->poison, op->extents[i]->dpa, op->extents[i]->len);
}

static const CxbDcObserver dc_observer = { .commit = dc_commit };

void cxb_type3_poison_init(Type3 *t3)
{
	const CxbPoisonConfig config = {
		.exists = cxb_type3_dpa_ok,
		.answers = cxb_type3_answers,
		.write = write_line,
		.timestamp = timestamp,
		.opaque = t3,
	};

	t3->poison = cxb_poison_new(&config);
	cxb_poison_add_commands(t3->poison, t3->cci);
	if (t3->dc)
		cxb_dc_add_observer(t3->dc, &dc_observer, t3);
}

CxbPoison *cxb_cxl_type3_poison(CxbDevice *type3)
{
	return ((Type3 *)type3)->poison;
}
