/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands 0400h and 0401h, CXL 3.1 8.2.9.5. The one log is the Command Effects Log; it is read
 * off the rows of the interface that asks, so it cannot disagree with what that one runs.
 */
#include "memdev_impl.h"

#include "base/range.h"
#include "base/trace.h"
#include "wire/mbox.h"

static size_t cel_size(const CxbCci *cci)
{
	size_t n = 0;

	while (cxb_cci_nth(cci, n))
		n++;
	return n * sizeof(struct wire_cel_entry);
}

static CxbRc get_supported_logs(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	struct wire_supported_logs_out *hdr = cxb_wr_room(out, sizeof(*hdr));
	struct wire_log_entry *log = cxb_wr_room(out, sizeof(*log));

	if (!hdr || !log)
		return CXB_RC_INTERNAL_ERROR;
	hdr->count = le16_put(1);
	log->uuid = wire_uuid_cel;
	log->size = le32_put(cel_size(cci));
	return CXB_RC_SUCCESS;
}

/* Offset and length are in bytes and need not fall on entries (8.2.9.5.2). */
static CxbRc get_log(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const struct wire_get_log_in *req = cxb_rd_take(in, sizeof(*req));
	const uint32_t offset = le32_get(req->offset), length = le32_get(req->length);
	uint8_t *to;

	if (!cxb_uuid_equal(&req->uuid, &wire_uuid_cel)) {
		char text[CXB_UUID_STRLEN + 1];

		cxb_guest_error("%s: get-log: no log %s", cxb_cci_name(cci),
				cxb_uuid_format(&req->uuid, text));
		return CXB_RC_INVALID_LOG;
	}
	if (length > cxb_wr_left(out) || !cxb_range_in(offset, length, cel_size(cci))) {
		cxb_guest_error("%s: get-log: offset 0x%x length 0x%x", cxb_cci_name(cci), offset,
				length);
		return CXB_RC_INVALID_INPUT;
	}
	to = cxb_wr_room(out, length);
	if (!to)
		return CXB_RC_INTERNAL_ERROR;
	for (uint32_t i = 0; i < length; i++) {
		const uint32_t at = offset + i;
		const CxbCciCmd *cmd = cxb_cci_nth(cci, at / sizeof(struct wire_cel_entry));
		const struct wire_cel_entry entry = { le16_put(cmd->opcode),
						      le16_put(cmd->effects) };

		to[i] = ((const uint8_t *)&entry)[at % sizeof(entry)];
	}
	return CXB_RC_SUCCESS;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_GET_SUPPORTED_LOGS,
		.name = "get-supported-logs",
		.spec = "8.2.9.5.1",
		.out_max = CXB_PAYLOAD_ANY,
		.run = get_supported_logs,
	},
	{
		.opcode = CXB_OP_GET_LOG,
		.name = "get-log",
		.spec = "8.2.9.5.2",
		.in_min = sizeof(struct wire_get_log_in),
		.in_max = sizeof(struct wire_get_log_in),
		.out_max = CXB_PAYLOAD_ANY,
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = get_log,
	},
};

void cxb_memdev_add_logs(CxbMemdev *md, CxbCci *cci)
{
	cxb_cci_add(cci, commands, G_N_ELEMENTS(commands), md);
}
