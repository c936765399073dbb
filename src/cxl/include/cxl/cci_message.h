/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of messages of the command interface, CXL 3.1 7.6.3: for all that is no mailbox. */
#ifndef CXB_CXL_CCI_MESSAGE_H
#define CXB_CXL_CCI_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/cci.h"
#include "wire/rc.h"

/** cxb_cci_message_length() - Bytes of payload that the header announces. */
size_t cxb_cci_message_length(const struct wire_cci_header *hdr);
bool cxb_cci_message_is_request(const struct wire_cci_header *hdr);
/** cxb_cci_message_respond() - The header of the response to @req with @len bytes of payload. */
struct wire_cci_header cxb_cci_message_respond(const struct wire_cci_header *req, CxbRc rc,
					       size_t len);

#endif
