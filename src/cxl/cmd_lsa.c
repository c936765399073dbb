/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands 4102h and 4103h, CXL 3.1 8.2.9.9.2.3 and 8.2.9.9.2.4: the label storage area. Bytes
 * without meaning here; the host keeps its labels in them. A reset leaves them alone.
 */
#include "memdev_impl.h"

#include "base/range.h"
#include "base/trace.h"
#include "wire/mbox.h"

static CxbRc beyond(CxbCci *cci, const char *what, uint32_t offset, size_t length)
{
	cxb_guest_error("%s: %s: offset 0x%x length 0x%zx", cxb_cci_name(cci), what, offset,
			length);
	return CXB_RC_INVALID_INPUT;
}

static CxbRc get_lsa(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbMemdev *md = opaque;
	const struct wire_get_lsa_in *req = cxb_rd_take(in, sizeof(*req));
	const uint32_t offset = le32_get(req->offset), length = le32_get(req->length);
	void *to;

	if (length > cxb_wr_left(out) || !cxb_range_in(offset, length, md->config.lsa_size))
		return beyond(cci, "get-lsa", offset, length);
	to = cxb_wr_room(out, length);
	if (!to || !md->config.lsa_read(md->config.lsa_opaque, offset, to, length))
		return CXB_RC_INTERNAL_ERROR;
	return CXB_RC_SUCCESS;
}

static CxbRc set_lsa(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbMemdev *md = opaque;
	const struct wire_set_lsa_in *req = cxb_rd_take(in, sizeof(*req));
	const uint32_t offset = le32_get(req->offset);
	const size_t length = in->left;

	if (!cxb_range_in(offset, length, md->config.lsa_size))
		return beyond(cci, "set-lsa", offset, length);
	if (!md->config.lsa_write(md->config.lsa_opaque, offset, cxb_rd_take(in, length), length))
		return CXB_RC_INTERNAL_ERROR;
	return CXB_RC_SUCCESS;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_GET_LSA,
		.name = "get-lsa",
		.spec = "8.2.9.9.2.3",
		.in_min = sizeof(struct wire_get_lsa_in),
		.in_max = sizeof(struct wire_get_lsa_in),
		.out_max = CXB_PAYLOAD_ANY,
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = get_lsa,
	},
	{
		.opcode = CXB_OP_SET_LSA,
		.name = "set-lsa",
		.spec = "8.2.9.9.2.4",
		.in_min = sizeof(struct wire_set_lsa_in),
		.in_max = CXB_PAYLOAD_ANY,
		.effects = CXB_EFFECT_CONFIG_NOW | CXB_EFFECT_DATA_NOW,
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = set_lsa,
	},
};

void memdev_add_lsa(CxbMemdev *md, CxbCci *cci)
{
	if (md->config.lsa_size)
		cxb_cci_add(cci, commands, G_N_ELEMENTS(commands), md);
}
