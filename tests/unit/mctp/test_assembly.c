/* SPDX-License-Identifier: Apache-2.0 */
/* Messages out of packets: every reason to discard one (DSP0236 8.6). */
#include <string.h>

#include "mctp/assembly.h"
#include "mctp_fixture.h"

#define LIMIT 256

typedef struct {
	CxbClock *clock;
	CxbMctpAssembly *a;
	unsigned n;
	CxbMctpMessage last;
	uint8_t bytes[LIMIT];
} Fixture;

static void got(void *opaque, const CxbMctpMessage *msg)
{
	Fixture *f = opaque;

	g_assert_cmpuint(msg->len, <=, LIMIT);
	f->n++;
	f->last = *msg;
	memcpy(f->bytes, msg->bytes, msg->len);
}

static void set_up(Fixture *f, gconstpointer unused)
{
	f->clock = cxb_clock_new_virtual();
	f->a = cxb_mctp_assembly_new(f->clock, LIMIT, got, f);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	int64_t ns;

	cxb_mctp_assembly_clear(f->a);
	g_assert_false(cxb_clock_deadline(f->clock, &ns));
	cxb_mctp_assembly_free(f->a);
	cxb_clock_free(f->clock);
}

enum { SOM = 0x80, EOM = 0x40, TO = 0x08 };
#define SEQ(n) ((n) << 4)

/* A packet from 8 to 9 with @len bytes of @fill. */
static void put(Fixture *f, uint8_t flags, size_t len, uint8_t fill)
{
	uint8_t packet[WIRE_MCTP_PACKET_MAX] = { 1, 9, 8, flags };

	memset(packet + 4, fill, len);
	cxb_mctp_assembly_packet(f->a, packet, 4 + len);
}

static void parts_make_a_message(Fixture *f, gconstpointer unused)
{
	put(f, SOM | SEQ(3) | TO | 5, 64, 1);
	put(f, SEQ(0) | TO | 5, 64, 2);
	g_assert_cmpuint(f->n, ==, 0);
	put(f, EOM | SEQ(1) | TO | 5, 3, 3);
	g_assert_cmpuint(f->n, ==, 1);
	g_assert_cmpuint(f->last.len, ==, 131);
	g_assert_cmpuint(f->last.source, ==, 8);
	g_assert_cmpuint(f->last.dest, ==, 9);
	g_assert_cmpuint(f->last.tag, ==, 5);
	g_assert_true(f->last.owner);
	g_assert_true(f->bytes[63] == 1 && f->bytes[64] == 2 && f->bytes[130] == 3);
}

static void a_single_packet_is_a_message(Fixture *f, gconstpointer unused)
{
	put(f, SOM | EOM | 7, 1, 9);
	g_assert_cmpuint(f->n, ==, 1);
	g_assert_false(f->last.owner);
	g_assert_cmpuint(f->last.tag, ==, 7);
}

static void keys_interleave(Fixture *f, gconstpointer unused)
{
	put(f, SOM | TO | 1, 64, 1);
	put(f, SOM | 1, 64, 2);      /* another owner */
	put(f, SOM | TO | 2, 64, 3); /* another tag */
	put(f, EOM | SEQ(1) | TO | 1, 64, 1);
	put(f, EOM | SEQ(1) | TO | 2, 64, 3);
	put(f, EOM | SEQ(1) | 1, 64, 2);
	g_assert_cmpuint(f->n, ==, 3);
	g_assert_true(f->bytes[127] == 2);
}

static void what_is_no_packet_is_dropped(Fixture *f, gconstpointer unused)
{
	const uint8_t header_only[] = { 1, 9, 8, SOM | EOM };
	const uint8_t version_2[] = { 2, 9, 8, SOM | EOM, 0 };

	cxb_mctp_assembly_packet(f->a, header_only, 4);
	cxb_mctp_assembly_packet(f->a, header_only, 0);
	cxb_mctp_assembly_packet(f->a, version_2, 5);
	put(f, EOM | SEQ(1), 4, 0); /* continues nothing */
	put(f, SEQ(0), 64, 0);
	g_assert_cmpuint(f->n, ==, 0);
}

/* After each of these the rest of the message goes nowhere. */
static void a_mistake_discards_the_message(Fixture *f, gconstpointer unused)
{
	const uint8_t elsewhere[5] = { 1, 10, 8, SEQ(1) | EOM };

	put(f, SOM, 64, 1);
	put(f, SEQ(2), 64, 1); /* one is missing */
	put(f, SEQ(1) | EOM, 64, 1);
	put(f, SOM, 64, 1);
	put(f, SEQ(0) | EOM, 64, 1); /* the same again */
	put(f, SEQ(1) | EOM, 64, 1);
	put(f, SOM, 64, 1);
	put(f, SEQ(1), 63, 1); /* shorter, and not the last */
	put(f, SEQ(2) | EOM, 64, 1);
	put(f, SOM, 10, 1);
	put(f, SEQ(1) | EOM, 11, 1); /* longer than the first */
	put(f, SOM, 64, 1);
	cxb_mctp_assembly_packet(f->a, elsewhere, sizeof(elsewhere));
	put(f, SEQ(1) | EOM, 64, 1);
	g_assert_cmpuint(f->n, ==, 0);
}

static void a_new_beginning_replaces_the_old(Fixture *f, gconstpointer unused)
{
	put(f, SOM, 64, 1);
	put(f, SOM, 64, 2);
	put(f, SEQ(1) | EOM, 64, 3);
	g_assert_cmpuint(f->n, ==, 1);
	g_assert_true(f->bytes[0] == 2 && f->last.len == 128);
	put(f, SOM, 64, 1);
	put(f, SOM | EOM, 5, 4);
	put(f, SEQ(1) | EOM, 64, 1);
	g_assert_cmpuint(f->n, ==, 2);
	g_assert_cmpuint(f->last.len, ==, 5);
}

static void the_limit_is_a_message(Fixture *f, gconstpointer unused)
{
	for (unsigned i = 0; i < LIMIT / 64; i++)
		put(f, (i ? 0 : SOM) | SEQ(i & 3) | (i == LIMIT / 64 - 1 ? EOM : 0), 64, i);
	g_assert_cmpuint(f->n, ==, 1);
	g_assert_cmpuint(f->last.len, ==, LIMIT);
	for (unsigned i = 0; i < LIMIT / 64; i++)
		put(f, (i ? 0 : SOM) | SEQ(i & 3), 64, i);
	put(f, SEQ(0) | EOM, 1, 0);
	g_assert_cmpuint(f->n, ==, 1);
}

static void time_runs_out_from_the_first_packet_on(Fixture *f, gconstpointer unused)
{
	int64_t ns;

	put(f, SOM | 1, 64, 1);
	cxb_clock_advance(f->clock, CXB_MCTP_TIMEOUT_NS - 1);
	put(f, SOM | 2, 64, 1);
	put(f, SEQ(1) | 1, 64, 1);
	cxb_clock_advance(f->clock, CXB_MCTP_TIMEOUT_NS);
	put(f, SEQ(2) | EOM | 1, 64, 1);
	g_assert_cmpuint(f->n, ==, 0);
	g_assert_true(cxb_clock_deadline(f->clock, &ns));
	g_assert_cmpint(ns, ==, 2 * CXB_MCTP_TIMEOUT_NS - 1);
	put(f, SEQ(1) | EOM | 2, 64, 1);
	g_assert_cmpuint(f->n, ==, 1);
	g_assert_false(cxb_clock_deadline(f->clock, &ns));
}

static void of_too_many_the_oldest_goes(Fixture *f, gconstpointer unused)
{
	uint8_t packet[WIRE_MCTP_PACKET_MAX] = { 1, 9, 0, SOM };

	for (unsigned i = 0; i <= CXB_MCTP_ASSEMBLY_MAX; i++) {
		packet[2] = 8 + i;
		cxb_mctp_assembly_packet(f->a, packet, sizeof(packet));
	}
	packet[3] = SEQ(1) | EOM;
	for (unsigned i = 0; i <= CXB_MCTP_ASSEMBLY_MAX; i++) {
		packet[2] = 8 + i;
		cxb_mctp_assembly_packet(f->a, packet, sizeof(packet));
		g_assert_cmpuint(f->n, ==, i);
	}
}

static void fragments_are_numbered_from_0(Fixture *f, gconstpointer unused)
{
	uint8_t bytes[101] = { 8 };
	const CxbMctpMessage msg = { .dest = 8, .source = 9, .tag = 3, .bytes = bytes, .len = 101 };
	g_autoptr(GByteArray) out = g_byte_array_new();

	cxb_mctp_fragment(&msg, append_packet, out);
	g_assert_cmpuint(out->len, ==, 0x44 + 0x29);
	g_assert_cmpmem(out->data, 4, "\x01\x08\x09\x83", 4);
	g_assert_cmpmem(out->data + 0x44, 4, "\x01\x08\x09\x53", 4);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add("/mctp/assembly/" #name, Fixture, NULL, set_up, name, tear_down)
	TEST(parts_make_a_message);
	TEST(a_single_packet_is_a_message);
	TEST(keys_interleave);
	TEST(what_is_no_packet_is_dropped);
	TEST(a_mistake_discards_the_message);
	TEST(a_new_beginning_replaces_the_old);
	TEST(the_limit_is_a_message);
	TEST(time_runs_out_from_the_first_packet_on);
	TEST(of_too_many_the_oldest_goes);
	TEST(fragments_are_numbered_from_0);
#undef TEST
	return g_test_run();
}
