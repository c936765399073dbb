/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes to both framings, in pieces as the first byte says. How they are cut makes no difference;
 * whatever came before, the next good frame arrives (over TCP, once the packet under way is full); and
 * what arrived is framed again to what it was.
 */
#include <glib.h>

#include "fuzz.h"
#include "mctp/tcp.h"

typedef struct {
	GByteArray *packets; /* a length, then the packet */
	size_t last;         /* where the last one begins */
} Sink;

static void take(void *opaque, const uint8_t *packet, size_t len)
{
	Sink *sink = opaque;
	const uint8_t n = len;

	g_assert_cmpuint(len, >, sizeof(struct wire_mctp_header));
	g_assert_cmpuint(len, <=, WIRE_MCTP_PACKET_MAX);
	sink->last = sink->packets->len;
	g_byte_array_append(sink->packets, &n, 1);
	g_byte_array_append(sink->packets, packet, len);
}

static void last_is(const Sink *sink, const uint8_t *packet, size_t len)
{
	g_assert_cmpuint(sink->packets->len, ==, sink->last + 1 + len);
	g_assert_cmpmem(sink->packets->data + sink->last + 1, len, packet, len);
}

static void same(const Sink *a, const Sink *b)
{
	g_assert_cmpmem(a->packets->data, a->packets->len, b->packets->data, b->packets->len);
}

/* Each packet that arrived, framed and read by a receiver that has seen nothing yet. */
static void frame_again(const Sink *sink)
{
	for (size_t at = 0; at < sink->packets->len; at += 1 + sink->packets->data[at]) {
		const uint8_t *packet = sink->packets->data + at + 1;
		const size_t len = sink->packets->data[at];
		Sink again = { .packets = g_byte_array_new() };
		uint8_t frame[CXB_MCTP_SERIAL_FRAME_MAX];
		CxbMctpSerialRx rx = { 0 };

		cxb_mctp_serial_rx(&rx, frame, cxb_mctp_serial_frame(packet, len, frame), take,
				   &again);
		last_is(&again, packet, len);
		g_byte_array_unref(again.packets);
	}
}

static void serial(const uint8_t *data, size_t size, size_t piece)
{
	static const uint8_t good[] = { 1, 0, 8, 0xc8, 0x00, 0x7e, 0x7d };
	Sink whole = { .packets = g_byte_array_new() }, parts = { .packets = g_byte_array_new() };
	CxbMctpSerialRx a = { 0 }, b = { 0 };
	uint8_t frame[CXB_MCTP_SERIAL_FRAME_MAX];
	const size_t n = cxb_mctp_serial_frame(good, sizeof(good), frame);

	cxb_mctp_serial_rx(&a, data, size, take, &whole);
	for (size_t at = 0; at < size; at += piece)
		cxb_mctp_serial_rx(&b, data + at, MIN(piece, size - at), take, &parts);
	same(&whole, &parts);
	frame_again(&whole);
	/* Linux's cure means nothing to us. */
	cxb_mctp_serial_rx(&a, cxb_mctp_serial_cure, sizeof(cxb_mctp_serial_cure), take, &whole);
	cxb_mctp_serial_rx(&a, frame, n, take, &whole);
	last_is(&whole, good, sizeof(good));
	cxb_mctp_serial_rx(&b, frame, n, take, &parts);
	last_is(&parts, good, sizeof(good));
	g_byte_array_unref(whole.packets);
	g_byte_array_unref(parts.packets);
}

static void tcp(const uint8_t *data, size_t size, size_t piece)
{
	static const uint8_t good[WIRE_MCTP_PACKET_MAX] = { 1, 0, 8, 0xc8, 0x00, 0x80, 0x02 };
	Sink whole = { .packets = g_byte_array_new() }, parts = { .packets = g_byte_array_new() };
	CxbMctpTcpRx a = { 0 }, b = { 0 };

	cxb_mctp_tcp_rx(&a, data, size, take, &whole);
	for (size_t at = 0; at < size; at += piece)
		cxb_mctp_tcp_rx(&b, data + at, MIN(piece, size - at), take, &parts);
	same(&whole, &parts);
	g_assert_cmpuint(whole.packets->len, ==, size / sizeof(good) * (1 + sizeof(good)));
	cxb_mctp_tcp_rx(&a, good, sizeof(good) - a.len, take, &whole);
	cxb_mctp_tcp_rx(&a, good, sizeof(good), take, &whole);
	last_is(&whole, good, sizeof(good));
	g_byte_array_unref(whole.packets);
	g_byte_array_unref(parts.packets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	serial(data + 1, size - 1, 1 + data[0]);
	tcp(data + 1, size - 1, 1 + data[0]);
	return 0;
}
