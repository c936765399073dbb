/* SPDX-License-Identifier: Apache-2.0 */
/* Commands 0001h to 0004h, CXL 3.1 8.2.9.1, of interfaces that are no primary mailbox. */
#include "fmld_impl.h"

#include "base/trace.h"
#include "wire/cci.h"

static CxbRc identify(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbFmLdConfig *c = ((const CciInfo *)opaque)->config;
	struct wire_identify *id = cxb_wr_room(out, sizeof(*id));

	if (!id)
		return CXB_RC_INTERNAL_ERROR;
	id->vendor_id = le16_put(c->vendor_id);
	id->device_id = le16_put(c->device_id);
	id->subsys_vendor_id = le16_put(c->subsys_vendor_id);
	id->subsys_id = le16_put(c->subsys_id);
	id->serial = le64_put(c->serial);
	id->max_message = FMLD_MESSAGE_MAX_LOG2;
	id->component = WIRE_COMPONENT_TYPE3;
	return CXB_RC_SUCCESS;
}

static CxbRc background_status(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbCciBackground bg = cxb_cci_background(cci);
	struct wire_background_status *status = cxb_wr_room(out, sizeof(*status));

	if (!status)
		return CXB_RC_INTERNAL_ERROR;
	status->status = FIELD_PREP(WIRE_BACKGROUND_PERCENT, bg.percent) |
			 (bg.running ? WIRE_BACKGROUND_RUNNING : 0);
	status->opcode = le16_put(bg.opcode);
	status->rc = le16_put(bg.running ? 0 : bg.rc);
	return CXB_RC_SUCCESS;
}

static CxbRc get_limit(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	struct wire_response_limit *o = cxb_wr_room(out, sizeof(*o));

	if (!o)
		return CXB_RC_INTERNAL_ERROR;
	o->limit = ((const CciInfo *)opaque)->limit;
	return CXB_RC_SUCCESS;
}

void fmld_set_limit(CciInfo *info, CxbCci *cci, uint8_t limit)
{
	info->limit = limit;
	cxb_cci_set_out_limit(cci, (1u << limit) - sizeof(struct wire_cci_header));
}

static CxbRc set_limit(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const struct wire_response_limit *req = cxb_rd_take(in, sizeof(*req));

	if (req->limit < WIRE_RESPONSE_LIMIT_MIN || req->limit > FMLD_MESSAGE_MAX_LOG2) {
		cxb_guest_error("%s: set-response-limit: %u is not between %u and %u",
				cxb_cci_name(cci), req->limit, WIRE_RESPONSE_LIMIT_MIN,
				FMLD_MESSAGE_MAX_LOG2);
		return CXB_RC_INVALID_INPUT;
	}
	fmld_set_limit(opaque, cci, req->limit);
	return get_limit(opaque, cci, in, out);
}

static const CxbCciCmd identify_commands[] = {
	{
		.opcode = CXB_OP_IDENTIFY,
		.name = "identify",
		.spec = "8.2.9.1.1",
		.out_max = sizeof(struct wire_identify),
		.run = identify,
	},
};

static const CxbCciCmd status_commands[] = {
	{
		.opcode = CXB_OP_BACKGROUND_STATUS,
		.name = "background-operation-status",
		.spec = "8.2.9.1.2",
		.out_max = sizeof(struct wire_background_status),
		.run = background_status,
	},
	{
		.opcode = CXB_OP_GET_RESPONSE_LIMIT,
		.name = "get-response-limit",
		.spec = "8.2.9.1.3",
		.out_max = sizeof(struct wire_response_limit),
		.run = get_limit,
	},
	{
		.opcode = CXB_OP_SET_RESPONSE_LIMIT,
		.name = "set-response-limit",
		.spec = "8.2.9.1.4",
		.in_min = sizeof(struct wire_response_limit),
		.in_max = sizeof(struct wire_response_limit),
		.out_max = sizeof(struct wire_response_limit),
		.run = set_limit,
	},
};

void fmld_add_identify(CciInfo *info, CxbCci *cci)
{
	cxb_cci_add(cci, identify_commands, G_N_ELEMENTS(identify_commands), info);
}

void fmld_add_status(CciInfo *info, CxbCci *cci)
{
	cxb_cci_add(cci, status_commands, G_N_ELEMENTS(status_commands), info);
}
