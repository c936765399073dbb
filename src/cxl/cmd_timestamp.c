/* SPDX-License-Identifier: Apache-2.0 */
/* Commands 0300h and 0301h, CXL 3.1 8.2.9.4: a clock that runs on from what the host set. */
#include "memdev_impl.h"

#include "wire/mbox.h"

uint64_t cxb_memdev_timestamp(const CxbMemdev *md)
{
	if (!md->time_set)
		return 0;
	return md->time_ns + (cxb_clock_now_ns(md->config.clock) - md->time_at_ns);
}

static CxbRc get_timestamp(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	struct wire_timestamp *ts = cxb_wr_room(out, sizeof(*ts));

	if (!ts)
		return CXB_RC_INTERNAL_ERROR;
	ts->ns = le64_put(cxb_memdev_timestamp(opaque));
	return CXB_RC_SUCCESS;
}

static CxbRc set_timestamp(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	CxbMemdev *md = opaque;
	const struct wire_timestamp *ts = cxb_rd_take(in, sizeof(*ts));

	md->time_set = true;
	md->time_ns = le64_get(ts->ns);
	md->time_at_ns = cxb_clock_now_ns(md->config.clock);
	return CXB_RC_SUCCESS;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_GET_TIMESTAMP,
		.name = "get-timestamp",
		.spec = "8.2.9.4.1",
		.out_max = sizeof(struct wire_timestamp),
		.run = get_timestamp,
	},
	{
		.opcode = CXB_OP_SET_TIMESTAMP,
		.name = "set-timestamp",
		.spec = "8.2.9.4.2",
		.in_min = sizeof(struct wire_timestamp),
		.in_max = sizeof(struct wire_timestamp),
		.effects = CXB_EFFECT_POLICY_NOW,
		.run = set_timestamp,
	},
};

void cxb_memdev_add_timestamp(CxbMemdev *md, CxbCci *cci)
{
	cxb_cci_add(cci, commands, G_N_ELEMENTS(commands), md);
}
