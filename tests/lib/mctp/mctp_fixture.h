/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of MCTP share: bytes written as hex, and an endpoint whose frames are kept. */
#ifndef MCTP_FIXTURE_H
#define MCTP_FIXTURE_H

#include <glib.h>

#include "mctp/endpoint.h"
#include "mctp/serial.h"
#include "mctp/tcp.h"

/* "7E 01 ..." as bytes, appended to @to. */
static inline void hex_append(GByteArray *to, const char *text)
{
	for (; *text; text++) {
		uint8_t byte;

		if (*text == ' ')
			continue;
		byte = g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]);
		g_assert_true(g_ascii_isxdigit(text[0]) && g_ascii_isxdigit(text[1]));
		g_byte_array_append(to, &byte, 1);
		text++;
	}
}

static inline GByteArray *hex(const char *text)
{
	GByteArray *bytes = g_byte_array_new();

	hex_append(bytes, text);
	return bytes;
}

static inline void append_packet(void *opaque, const uint8_t *packet, size_t len)
{
	g_byte_array_append(opaque, packet, len);
}

typedef struct {
	CxbClock *clock;
	CxbCci *cci;
	bool gone; /* the device has been taken out */
	CxbMctp *mctp;
	GByteArray *sent; /* frames, without the cure */
	unsigned frames, cures;
} Endpoint;

static inline CxbCci *endpoint_cci(void *opaque)
{
	Endpoint *e = opaque;

	return e->gone ? NULL : e->cci;
}

static inline void endpoint_send(void *opaque, const void *frame, size_t len)
{
	Endpoint *e = opaque;

	if (frame == cxb_mctp_serial_cure) {
		g_assert_cmpuint(e->frames, ==, 0);
		e->cures++;
		return;
	}
	e->frames++;
	g_byte_array_append(e->sent, frame, len);
}

static inline void endpoint_begin(Endpoint *e, CxbMctpFraming framing, CxbCci *cci,
				  size_t message_max)
{
	const CxbMctpConfig config = {
		.name = "fm0",
		.framing = framing,
		.clock = e->clock,
		.uuid = { { 0x5b, 0xe1, 0x3b, 0xce, 0xae, 0x34, 0x4a, 0x77, 0xb6, 0xc3, 0x16, 0xdf,
			    0x97, 0x5f, 0xcf, 0x1a } },
		.message_max = message_max,
		.cci = endpoint_cci,
		.send = endpoint_send,
		.opaque = e,
	};

	e->cci = cci;
	e->sent = g_byte_array_new();
	e->mctp = cxb_mctp_new(&config);
}

static inline void endpoint_end(Endpoint *e)
{
	cxb_mctp_free(e->mctp);
	g_byte_array_unref(e->sent);
}

/* A packet goes in, framed here. */
static inline void endpoint_packet(Endpoint *e, const uint8_t *packet, size_t len, bool tcp)
{
	uint8_t frame[CXB_MCTP_SERIAL_FRAME_MAX];
	const size_t n = tcp ? cxb_mctp_tcp_frame(packet, len, frame)
			     : cxb_mctp_serial_frame(packet, len, frame);

	cxb_mctp_input(e->mctp, frame, n);
}

static inline void endpoint_in(Endpoint *e, const char *packet)
{
	g_autoptr(GByteArray) bytes = hex(packet);

	endpoint_packet(e, bytes->data, bytes->len, false);
}

/* What came out, as packets one behind the other; forgotten. */
static inline GByteArray *endpoint_out(Endpoint *e)
{
	GByteArray *packets = g_byte_array_new();
	CxbMctpSerialRx rx = { 0 };

	cxb_mctp_serial_rx(&rx, e->sent->data, e->sent->len, append_packet, packets);
	g_byte_array_set_size(e->sent, 0);
	return packets;
}

static inline void endpoint_answers(Endpoint *e, const char *packet, const char *answer)
{
	g_autoptr(GByteArray) want = hex(answer), got = NULL;

	endpoint_in(e, packet);
	got = endpoint_out(e);
	g_assert_cmpmem(got->data, got->len, want->data, want->len);
}

#endif
