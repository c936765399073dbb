/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MCTP over a serial line (DSP0253): packets as frames in a stream of bytes, as Linux's mctp-serial
 * line discipline speaks it. The FCS is a CRC-16 of revision, count and packet that starts with
 * FFFFh, is not inverted, and goes out high byte first. Only packet bytes are escaped.
 *
 * The receiver takes any stream. Whatever came before, a frame that begins with a flag of its own and
 * arrives whole is found; two frames may share a flag. Linux's own receiver is not that good: after
 * some kinds of damage it hears nothing more until it is sent cxb_mctp_serial_cure.
 */
#ifndef CXB_MCTP_SERIAL_H
#define CXB_MCTP_SERIAL_H

#include <stddef.h>
#include <stdint.h>

#include "wire/mctp.h"

/* Flags, revision, count, FCS, and a packet of nothing but bytes to escape. */
#define CXB_MCTP_SERIAL_FRAME_MAX (6 + 2 * WIRE_MCTP_PACKET_MAX)

typedef void (*CxbMctpPacketFn)(void *opaque, const uint8_t *packet, size_t len);

typedef enum {
	CXB_MCTP_SERIAL_FLAG, /* nothing but a flag means anything */
	CXB_MCTP_SERIAL_REVISION,
	CXB_MCTP_SERIAL_COUNT,
	CXB_MCTP_SERIAL_PACKET,
	CXB_MCTP_SERIAL_ESCAPED,
	CXB_MCTP_SERIAL_TAIL, /* FCS and closing flag */
} CxbMctpSerialState;

typedef struct {
	CxbMctpSerialState state;
	uint8_t count, len; /* of the packet: announced, there */
	uint8_t packet[WIRE_MCTP_PACKET_MAX];
	uint8_t tail[3], n_tail;
} CxbMctpSerialRx; /* all zero: nothing came yet */

/** cxb_mctp_serial_rx() - Look at @len bytes; @fn gets each packet that arrived whole. */
void cxb_mctp_serial_rx(CxbMctpSerialRx *rx, const uint8_t *bytes, size_t len, CxbMctpPacketFn fn,
			void *opaque);
/** cxb_mctp_serial_frame() - @packet, of at most WIRE_MCTP_PACKET_MAX bytes, as a frame. Returns its
 * length. */
size_t cxb_mctp_serial_frame(const uint8_t *packet, size_t len,
			     uint8_t frame[CXB_MCTP_SERIAL_FRAME_MAX]);

/* Brings Linux's receiver to its initial state from any other; means nothing to others. */
#define CXB_MCTP_SERIAL_CURE_SIZE (78 + 6)
extern const uint8_t cxb_mctp_serial_cure[CXB_MCTP_SERIAL_CURE_SIZE];

#endif
