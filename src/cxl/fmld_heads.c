/* SPDX-License-Identifier: Apache-2.0 */
/* Get Multi-Headed Info and Get Head Info, CXL 3.1 7.6.7.5: each head has a logical device of its own. */
#include "fmld_impl.h"

#include "base/trace.h"
#include "wire/fmapi.h"

static CxbRc refuse(const CxbCci *cci, const char *what, unsigned start)
{
	cxb_guest_error("%s: %s: there is no head %u", cxb_cci_name(cci), what, start);
	return CXB_RC_INVALID_INPUT;
}

static CxbRc get_info(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbFmLd *fm = opaque;
	const struct wire_multi_headed_in *req = cxb_rd_take(in, sizeof(*req));
	const unsigned heads = fm->config.heads;
	struct wire_multi_headed_info *o;
	uint8_t *map;
	unsigned n;

	if (req->start >= heads)
		return refuse(cci, "get-multi-headed-info", req->start);
	n = MIN(req->limit, heads - req->start);
	o = cxb_wr_room(out, sizeof(*o));
	n = MIN(n, cxb_wr_left(out));
	map = o ? cxb_wr_room(out, n) : NULL;
	if (!map)
		return CXB_RC_INTERNAL_ERROR; /* the lowest limit has room */
	*o = (struct wire_multi_headed_info){
		.lds = heads, .heads = heads, .start = req->start, .len = n
	};
	for (unsigned i = 0; i < n; i++)
		map[i] = req->start + i;
	return CXB_RC_SUCCESS;
}

static CxbRc get_heads(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbFmLd *fm = opaque;
	const struct wire_heads_in *req = cxb_rd_take(in, sizeof(*req));
	struct wire_heads_info *o;
	struct wire_head *head;

	if (req->start >= fm->config.heads || req->count > fm->config.heads - req->start)
		return refuse(cci, "get-head-info", req->start + req->count - !!req->count);
	o = cxb_wr_room(out, sizeof(*o));
	if (!o)
		return CXB_RC_INTERNAL_ERROR;
	*o = (struct wire_heads_info){ 0 };
	while (o->count < req->count && (head = cxb_wr_room(out, sizeof(*head)))) {
		const unsigned n = req->start + o->count++;
		CxbFmLink link = { 0 };

		*head = (struct wire_head){ .port = n };
		if (!fm->config.link(fm->config.link_opaque, n, &link))
			continue; /* nothing is plugged there: LTSSM detect */
		head->width_max = link.width_max;
		head->width = link.width;
		head->speeds = link.speeds;
		head->speed_max = link.speed_max;
		head->speed = link.speed;
		head->ltssm = link.width ? WIRE_LTSSM_L0 : WIRE_LTSSM_DETECT;
		head->flags = WIRE_LINK_PRESENT;
	}
	return CXB_RC_SUCCESS;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_GET_MULTI_HEADED_INFO,
		.name = "get-multi-headed-info",
		.spec = "7.6.7.5.1",
		.in_min = sizeof(struct wire_multi_headed_in),
		.in_max = sizeof(struct wire_multi_headed_in),
		.out_max = CXB_PAYLOAD_ANY,
		.run = get_info,
	},
	{
		.opcode = CXB_OP_GET_HEAD_INFO,
		.name = "get-head-info",
		.spec = "7.6.7.5.2",
		.in_min = sizeof(struct wire_heads_in),
		.in_max = sizeof(struct wire_heads_in),
		.out_max = CXB_PAYLOAD_ANY,
		.run = get_heads,
	},
};

void fmld_add_heads(CxbFmLd *fm, CxbCci *cci)
{
	cxb_cci_add(cci, commands, G_N_ELEMENTS(commands), fm);
}
