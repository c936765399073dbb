/* SPDX-License-Identifier: Apache-2.0 */
#include "mctp/serial.h"

#include <glib.h>
#include <string.h>

#include "base/trace.h"

#define COUNT_MIN (sizeof(struct wire_mctp_header) + 1)
#define TAIL      3

CXB_TRACE(mctp_serial_bad, (CxbMctpSerialState state, unsigned byte), "state %u: byte %02xh", state,
	  byte)

/* As many zeros as end whatever Linux waits for, then a frame that it takes as the next one. */
const uint8_t cxb_mctp_serial_cure[CXB_MCTP_SERIAL_CURE_SIZE] = {
	[78] = WIRE_SERIAL_FLAG, WIRE_SERIAL_REVISION, 0, 0, 0, WIRE_SERIAL_FLAG,
};

static uint16_t fcs_add(uint16_t fcs, uint8_t byte)
{
	fcs ^= byte;
	for (unsigned i = 0; i < 8; i++)
		fcs = fcs & 1 ? fcs >> 1 ^ 0x8408 : fcs >> 1;
	return fcs;
}

static uint16_t fcs_of(const uint8_t *packet, size_t len)
{
	uint16_t fcs = fcs_add(fcs_add(0xffff, WIRE_SERIAL_REVISION), len);

	for (size_t i = 0; i < len; i++)
		fcs = fcs_add(fcs, packet[i]);
	return fcs;
}

/* An error: nothing is known but that a flag may open a frame. */
static void resync(CxbMctpSerialRx *rx, uint8_t byte)
{
	if (byte != WIRE_SERIAL_FLAG)
		trace_mctp_serial_bad(rx->state, byte);
	rx->state = byte == WIRE_SERIAL_FLAG ? CXB_MCTP_SERIAL_REVISION : CXB_MCTP_SERIAL_FLAG;
}

static void packet_byte(CxbMctpSerialRx *rx, uint8_t byte)
{
	rx->packet[rx->len++] = byte;
	rx->n_tail = 0;
	rx->state = rx->len == rx->count ? CXB_MCTP_SERIAL_TAIL : CXB_MCTP_SERIAL_PACKET;
}

/* All but the last byte of a frame, and all of what is none. */
static void take(CxbMctpSerialRx *rx, uint8_t byte)
{
	switch (rx->state) {
	case CXB_MCTP_SERIAL_FLAG:
		resync(rx, byte);
		break;
	case CXB_MCTP_SERIAL_REVISION:
		if (byte == WIRE_SERIAL_REVISION)
			rx->state = CXB_MCTP_SERIAL_COUNT;
		else
			resync(rx, byte);
		break;
	case CXB_MCTP_SERIAL_COUNT:
		if (byte < COUNT_MIN || byte > WIRE_MCTP_PACKET_MAX) {
			resync(rx, byte);
			break;
		}
		rx->count = byte;
		rx->len = 0;
		rx->state = CXB_MCTP_SERIAL_PACKET;
		break;
	case CXB_MCTP_SERIAL_PACKET:
		if (byte == WIRE_SERIAL_FLAG)
			resync(rx, byte);
		else if (byte == WIRE_SERIAL_ESCAPE)
			rx->state = CXB_MCTP_SERIAL_ESCAPED;
		else
			packet_byte(rx, byte);
		break;
	case CXB_MCTP_SERIAL_ESCAPED:
		if (byte == (WIRE_SERIAL_FLAG ^ WIRE_SERIAL_FLIP) ||
		    byte == (WIRE_SERIAL_ESCAPE ^ WIRE_SERIAL_FLIP))
			packet_byte(rx, byte ^ WIRE_SERIAL_FLIP);
		else
			resync(rx, byte);
		break;
	case CXB_MCTP_SERIAL_TAIL:
		rx->tail[rx->n_tail++] = byte;
		break;
	}
}

/* The tail is not escaped: where it is not one, a frame that was cut may have taken the beginning of
 * the next for it. */
static void finish(CxbMctpSerialRx *rx, CxbMctpPacketFn fn, void *opaque)
{
	const bool good = rx->tail[2] == WIRE_SERIAL_FLAG &&
			  fcs_of(rx->packet, rx->len) == (rx->tail[0] << 8 | rx->tail[1]);

	if (good) {
		rx->state = CXB_MCTP_SERIAL_REVISION; /* this flag may open the next one, too */
		fn(opaque, rx->packet, rx->len);
		return;
	}
	trace_mctp_serial_bad(rx->state, rx->tail[2]);
	rx->state = CXB_MCTP_SERIAL_FLAG;
	for (unsigned i = 0; i < TAIL; i++)
		take(rx, rx->tail[i]);
}

void cxb_mctp_serial_rx(CxbMctpSerialRx *rx, const uint8_t *bytes, size_t len, CxbMctpPacketFn fn,
			void *opaque)
{
	for (size_t i = 0; i < len; i++) {
		take(rx, bytes[i]);
		if (rx->state == CXB_MCTP_SERIAL_TAIL && rx->n_tail == TAIL)
			finish(rx, fn, opaque);
	}
}

size_t cxb_mctp_serial_frame(const uint8_t *packet, size_t len,
			     uint8_t frame[CXB_MCTP_SERIAL_FRAME_MAX])
{
	const uint16_t fcs = fcs_of(packet, len);
	size_t n = 0;

	g_assert(len <= WIRE_MCTP_PACKET_MAX);
	frame[n++] = WIRE_SERIAL_FLAG;
	frame[n++] = WIRE_SERIAL_REVISION;
	frame[n++] = len;
	for (size_t i = 0; i < len; i++) {
		if (packet[i] == WIRE_SERIAL_FLAG || packet[i] == WIRE_SERIAL_ESCAPE) {
			frame[n++] = WIRE_SERIAL_ESCAPE;
			frame[n++] = packet[i] ^ WIRE_SERIAL_FLIP;
		} else {
			frame[n++] = packet[i];
		}
	}
	frame[n++] = fcs >> 8;
	frame[n++] = fcs & 0xff;
	frame[n++] = WIRE_SERIAL_FLAG;
	return n;
}
