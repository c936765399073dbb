/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of DSP0253, and the cure; the whole ones are those that Linux's line discipline sends. */
#include <string.h>

#include "mctp_fixture.h"

/* Frame, packet. */
static const char *const frames[][2] = {
	{ "7E 01 07 01 00 08 C8 00 80 02 2B C1 7E", "01 00 08 C8 00 80 02" },
	{ "7E 01 0B 01 08 09 C0 00 00 02 00 09 00 00 92 B1 7E",
	  "01 08 09 C0 00 00 02 00 09 00 00" },
	{ "7E 01 09 01 00 08 C8 00 81 01 00 09 A3 46 7E", "01 00 08 C8 00 81 01 00 09" },
	{ "7E 01 11 01 09 08 C8 08 00 7D 5E 00 01 00 00 00 00 00 00 00 00 D9 15 7E",
	  "01 09 08 C8 08 00 7E 00 01 00 00 00 00 00 00 00 00" },
};

static GByteArray *received(const GByteArray *bytes)
{
	GByteArray *packets = g_byte_array_new();
	CxbMctpSerialRx rx = { 0 };

	cxb_mctp_serial_rx(&rx, bytes->data, bytes->len, append_packet, packets);
	return packets;
}

static void frames_are_linuxs_byte_for_byte(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(frames); i++) {
		g_autoptr(GByteArray) want = hex(frames[i][0]), packet = hex(frames[i][1]);
		uint8_t frame[CXB_MCTP_SERIAL_FRAME_MAX];
		const size_t n = cxb_mctp_serial_frame(packet->data, packet->len, frame);

		g_assert_cmpmem(frame, n, want->data, want->len);
	}
}

static void frames_come_in_any_pieces(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(frames); i++) {
		g_autoptr(GByteArray) bytes = hex(frames[i][0]), want = hex(frames[i][1]);
		g_autoptr(GByteArray) got = g_byte_array_new();
		CxbMctpSerialRx rx = { 0 };

		for (guint b = 0; b < bytes->len; b++) {
			g_assert_cmpuint(got->len, ==, 0);
			cxb_mctp_serial_rx(&rx, &bytes->data[b], 1, append_packet, got);
		}
		g_assert_cmpmem(got->data, got->len, want->data, want->len);
	}
}

static void the_longest_frame_of_bytes_to_escape(void)
{
	uint8_t packet[WIRE_MCTP_PACKET_MAX], frame[CXB_MCTP_SERIAL_FRAME_MAX];
	g_autoptr(GByteArray) got = g_byte_array_new();
	CxbMctpSerialRx rx = { 0 };

	memset(packet, WIRE_SERIAL_FLAG, sizeof(packet));
	g_assert_cmpuint(cxb_mctp_serial_frame(packet, sizeof(packet), frame), ==, sizeof(frame));
	cxb_mctp_serial_rx(&rx, frame, sizeof(frame), append_packet, got);
	g_assert_cmpmem(got->data, got->len, packet, sizeof(packet));
}

static void two_frames_may_share_a_flag(void)
{
	g_autoptr(GByteArray) bytes = hex(frames[0][0]), want = hex(frames[0][1]), got = NULL;

	hex_append(bytes, frames[2][0] + 3);
	hex_append(want, frames[2][1]);
	got = received(bytes);
	g_assert_cmpmem(got->data, got->len, want->data, want->len);
}

/* None of these is a packet, and none makes deaf for the frame behind it. */
static void damage_costs_one_frame(void)
{
	static const char *const damage[] = {
		"7E 01 07 01 00 08 C8 00 80 02 2B C0 7E", /* wrong FCS */
		"7E 01 07 01 00 08 C8 00 80 02 C1 2B 7E", /* low byte first */
		"7E 01 07 01 00 08 C8 00 80 02 2B C1 7F", /* no closing flag */
		"7E 02 07 01 00 08 C8 00 80 02 2B C1 7E", /* wrong revision */
		"7E 01 04 01 00 08 C8 00 00 7E",          /* a header alone */
		"7E 01 45 00 00 00",                      /* more than 68 */
		"7E 01 07 01 00 7D 00 08",                /* an escape of nothing to escape */
		"7E",                                     /* a stray flag */
		"7E 7E 7E",
		"7E 01",
		"7E 01 44",
		"7E 01 07 01 00 08",                /* cut in the packet */
		"7E 01 07 01 00 7D",                /* in an escape */
		"7E 01 07 01 00 08 C8 00 80 02",    /* before the FCS */
		"7E 01 07 01 00 08 C8 00 80 02 2B", /* in the FCS */
		"7E 01 07 01 00 08 C8 00 80 02 2B C1",
		"7E 01 07 01 00 08 C8 00 80 02 7E 01", /* in a beginning taken for an FCS */
		"00 01 02 FF 7D 5E",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(damage); i++) {
		g_autoptr(GByteArray) bytes = hex(damage[i]), want = hex(frames[1][1]), got = NULL;

		got = received(bytes);
		g_assert_cmpuint(got->len, ==, 0);
		hex_append(bytes, frames[1][0]);
		g_clear_pointer(&got, g_byte_array_unref);
		got = received(bytes);
		/* Where it was cut just before its closing flag, the next one's closes it. */
		if (i == 15)
			g_byte_array_prepend(want, (const uint8_t *)"\1\0\10\310\0\200\2", 7);
		g_assert_cmpmem(got->data, got->len, want->data, want->len);
	}
}

/* As Linux's receiver goes: 78 bytes end the longest frame it waits for, and the empty frame is one
 * to it. */
static void the_cure_is_zeros_and_an_empty_frame(void)
{
	g_autoptr(GByteArray) want = g_byte_array_new();

	g_byte_array_set_size(want, 78);
	memset(want->data, 0, 78);
	hex_append(want, "7E 01 00 00 00 7E");
	g_assert_cmpmem(cxb_mctp_serial_cure, CXB_MCTP_SERIAL_CURE_SIZE, want->data, want->len);
	g_autoptr(GByteArray) got = received(want);
	g_assert_cmpuint(got->len, ==, 0);
}

static void tcp_packets_have_68_bytes(void)
{
	g_autoptr(GByteArray) got = g_byte_array_new();
	uint8_t frame[WIRE_MCTP_PACKET_MAX], want[WIRE_MCTP_PACKET_MAX] = { 1, 2, 3, 4, 5 };
	CxbMctpTcpRx rx = { 0 };

	g_assert_cmpuint(cxb_mctp_tcp_frame(want, 5, frame), ==, 68);
	g_assert_cmpmem(frame, sizeof(frame), want, sizeof(want));
	cxb_mctp_tcp_rx(&rx, frame, 67, append_packet, got);
	g_assert_cmpuint(got->len, ==, 0);
	cxb_mctp_tcp_rx(&rx, frame + 67, 1, append_packet, got);
	cxb_mctp_tcp_rx(&rx, frame, 68, append_packet, got);
	g_assert_cmpuint(got->len, ==, 2 * 68);
	g_assert_cmpmem(got->data + 68, 68, want, sizeof(want));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mctp/serial/frames", frames_are_linuxs_byte_for_byte);
	g_test_add_func("/mctp/serial/pieces", frames_come_in_any_pieces);
	g_test_add_func("/mctp/serial/longest", the_longest_frame_of_bytes_to_escape);
	g_test_add_func("/mctp/serial/shared-flag", two_frames_may_share_a_flag);
	g_test_add_func("/mctp/serial/damage", damage_costs_one_frame);
	g_test_add_func("/mctp/serial/cure", the_cure_is_zeros_and_an_empty_frame);
	g_test_add_func("/mctp/tcp", tcp_packets_have_68_bytes);
	return g_test_run();
}
