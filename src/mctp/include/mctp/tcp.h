/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MCTP over TCP as Jackrabbit Labs' tools speak it: every packet has 68 bytes, the last one of a
 * message filled up. Nothing marks where one begins, so a stream is in step from its first byte on
 * or never: each connection starts with a receiver of its own. How long a message is, its content
 * tells.
 */
#ifndef CXB_MCTP_TCP_H
#define CXB_MCTP_TCP_H

#include "mctp/serial.h"

typedef struct {
	uint8_t len;
	uint8_t packet[WIRE_MCTP_PACKET_MAX];
} CxbMctpTcpRx; /* all zero: nothing came yet */

void cxb_mctp_tcp_rx(CxbMctpTcpRx *rx, const uint8_t *bytes, size_t len, CxbMctpPacketFn fn,
		     void *opaque);
/** cxb_mctp_tcp_frame() - @packet, filled up with zeros. Returns WIRE_MCTP_PACKET_MAX. */
size_t cxb_mctp_tcp_frame(const uint8_t *packet, size_t len, uint8_t frame[WIRE_MCTP_PACKET_MAX]);

#endif
