/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the endpoint: packets (endpoint.c), control messages (control.c), commands (requests.c). */
#ifndef CXB_MCTP_IMPL_H
#define CXB_MCTP_IMPL_H

#include <glib.h>

#include "mctp/assembly.h"
#include "mctp/endpoint.h"
#include "mctp/tcp.h"

struct CxbMctp {
	CxbMctpConfig config; /* name is our copy */
	uint8_t eid;
	union {
		CxbMctpSerialRx serial;
		CxbMctpTcpRx tcp;
	} rx;
	bool cured; /* serial: the peer's receiver is in a known state */
	CxbMctpAssembly *assembly;
	GQueue requests; /* Request, in order of arrival */
	bool running;    /* the first of them, and it will be answered later */
	uint8_t *answer; /* type byte, header, payload */
};

/** mctp_send() - An answer to @to, which may be in pieces. */
void mctp_send(CxbMctp *m, const CxbMctpMessage *to, const uint8_t *bytes, size_t len);

/** mctp_control() - A control message, type byte included. */
void mctp_control(CxbMctp *m, const CxbMctpMessage *msg);

/** mctp_request() - A message of type 07h or 08h. */
void mctp_request(CxbMctp *m, const CxbMctpMessage *msg);
void mctp_requests_clear(CxbMctp *m);

#endif
