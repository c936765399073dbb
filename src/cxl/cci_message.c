/* SPDX-License-Identifier: Apache-2.0 */
#include "cxl/cci_message.h"

size_t cxb_cci_message_length(const struct wire_cci_header *hdr)
{
	return le24_get(hdr->length) & WIRE_CCI_LENGTH;
}

bool cxb_cci_message_is_request(const struct wire_cci_header *hdr)
{
	return (hdr->category & WIRE_CCI_CATEGORY) == WIRE_CCI_REQUEST;
}

struct wire_cci_header cxb_cci_message_respond(const struct wire_cci_header *req, CxbRc rc,
					       size_t len)
{
	return (struct wire_cci_header){
		.category = WIRE_CCI_RESPONSE,
		.tag = req->tag,
		.opcode = req->opcode,
		.length = le24_put(len | (rc == CXB_RC_BG_STARTED ? WIRE_CCI_BACKGROUND : 0)),
		.rc = le16_put(rc),
	};
}
