/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint byte by byte: control messages (DSP0236 12) and commands (DSP0281, DSP0234). */
#include <string.h>

#include "cxl/cci.h"
#include "mctp_fixture.h"

typedef struct {
	Endpoint e; /* first */
	unsigned runs;
	CxbRc rc;
} Fixture;

/* Echoes its input. */
static CxbRc op(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	Fixture *f = opaque;
	const size_t n = in->left;

	f->runs++;
	cxb_wr_copy(out, cxb_rd_take(in, n), n);
	return f->rc;
}

/* clang-format off */
static const CxbCciCmd rows[] = {
	{ 0x0001, "generic", "-", 0, CXB_PAYLOAD_ANY, CXB_PAYLOAD_ANY, 0, 0, op },
	{ 0x4000, "type3", "-", 0, CXB_PAYLOAD_ANY, CXB_PAYLOAD_ANY, 0, 0, op },
	{ 0x5600, "fmapi", "-", 0, CXB_PAYLOAD_ANY, CXB_PAYLOAD_ANY, 0, 0, op },
};
/* clang-format on */

static void set_up(Fixture *f, gconstpointer tcp)
{
	const CxbCciConfig config = { .payload_size = 256 };
	CxbCci *cci = cxb_cci_new(&config);

	f->e.clock = cxb_clock_new_virtual();
	cxb_cci_add(cci, rows, G_N_ELEMENTS(rows), f);
	endpoint_begin(&f->e, tcp ? CXB_MCTP_TCP : CXB_MCTP_SERIAL, cci, 256);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	endpoint_end(&f->e);
	cxb_cci_free(f->e.cci);
	cxb_clock_free(f->e.clock);
}

static void control_messages_are_answered(Fixture *f, gconstpointer unused)
{
	/* No id yet; Set Endpoint ID changes it at once; then it answers by it. */
	endpoint_answers(&f->e, "01 00 08 C8 00 80 02", "01 08 00 C0 00 00 02 00 00 00 00");
	endpoint_answers(&f->e, "01 00 08 C9 00 81 01 00 09", "01 08 09 C1 00 01 01 00 00 09 00");
	endpoint_answers(&f->e, "01 09 08 CA 00 82 02", "01 08 09 C2 00 02 02 00 09 00 00");
	endpoint_answers(&f->e, "01 09 08 C8 00 83 03",
			 "01 08 09 C0 00 03 03 00 5BE13BCEAE344A77B6C316DF975FCF1A");
	endpoint_answers(&f->e, "01 09 08 C8 00 80 04 FF", "01 08 09 C0 00 00 04 00 01 F1F3F100");
	endpoint_answers(&f->e, "01 09 08 C8 00 80 04 00", "01 08 09 C0 00 00 04 00 01 F1F3F100");
	endpoint_answers(&f->e, "01 09 08 C8 00 80 04 07", "01 08 09 C0 00 00 04 00 01 F1F0FF00");
	endpoint_answers(&f->e, "01 09 08 C8 00 80 04 08", "01 08 09 C0 00 00 04 00 01 F1F0FF00");
	endpoint_answers(&f->e, "01 09 08 C8 00 80 05", "01 08 09 C0 00 00 05 00 02 07 08");
	/* Forced; by broadcast; the highest id. */
	endpoint_answers(&f->e, "01 FF 08 C8 00 9F 01 01 FE", "01 08 FE C0 00 1F 01 00 00 FE 00");
	g_assert_cmpuint(cxb_mctp_eid(f->e.mctp), ==, 0xfe);
}

static void bad_control_messages_have_their_codes(Fixture *f, gconstpointer unused)
{
	/* Set Endpoint ID: ids 0, 7, 255; operations that are not there; lengths. */
	endpoint_answers(&f->e, "01 00 08 C8 00 80 01 00 00", "01 08 00 C0 00 00 01 02");
	endpoint_answers(&f->e, "01 00 08 C8 00 80 01 00 07", "01 08 00 C0 00 00 01 02");
	endpoint_answers(&f->e, "01 00 08 C8 00 80 01 00 FF", "01 08 00 C0 00 00 01 02");
	endpoint_answers(&f->e, "01 00 08 C8 00 80 01 02 09", "01 08 00 C0 00 00 01 02");
	endpoint_answers(&f->e, "01 00 08 C8 00 80 01 03 09", "01 08 00 C0 00 00 01 02");
	endpoint_answers(&f->e, "01 00 08 C8 00 80 01 00", "01 08 00 C0 00 00 01 03");
	endpoint_answers(&f->e, "01 00 08 C8 00 80 01 00 09 00", "01 08 00 C0 00 00 01 03");
	endpoint_answers(&f->e, "01 00 08 C8 00 80 02 00", "01 08 00 C0 00 00 02 03");
	endpoint_answers(&f->e, "01 00 08 C8 00 80 03 00", "01 08 00 C0 00 00 03 03");
	endpoint_answers(&f->e, "01 00 08 C8 00 80 04", "01 08 00 C0 00 00 04 03");
	endpoint_answers(&f->e, "01 00 08 C8 00 80 04 01", "01 08 00 C0 00 00 04 80");
	endpoint_answers(&f->e, "01 00 08 C8 00 80 05 00", "01 08 00 C0 00 00 05 03");
	/* Vendor messages, discovery, and what nobody knows, whatever the length. */
	endpoint_answers(&f->e, "01 00 08 C8 00 80 06 00", "01 08 00 C0 00 00 06 05");
	endpoint_answers(&f->e, "01 00 08 C8 00 80 0B", "01 08 00 C0 00 00 0B 05");
	endpoint_answers(&f->e, "01 00 08 C8 00 80 FF 01 02 03", "01 08 00 C0 00 00 FF 05");
	g_assert_cmpuint(cxb_mctp_eid(f->e.mctp), ==, 0);
}

static void what_is_not_for_us_has_no_answer(Fixture *f, gconstpointer unused)
{
	endpoint_answers(&f->e, "01 00 08 C9 00 81 01 00 09", "01 08 09 C1 00 01 01 00 00 09 00");
	endpoint_answers(&f->e, "01 0A 08 C8 00 80 02", ""); /* for another */
	endpoint_answers(&f->e, "01 09 07 C8 00 80 02", ""); /* from a reserved id */
	endpoint_answers(&f->e, "01 09 FF C8 00 80 02", ""); /* from everybody */
	endpoint_answers(&f->e, "01 09 08 C0 00 80 02", ""); /* an answer by its tag */
	endpoint_answers(&f->e, "01 09 08 C8 00 00 02", ""); /* by its request bit */
	endpoint_answers(&f->e, "02 09 08 C8 00 80 02", ""); /* version 2 */
	endpoint_answers(&f->e, "01 09 08 C8 00 80", "");    /* cut */
	endpoint_answers(&f->e, "01 09 08 C8 80 80 02", ""); /* integrity check */
	endpoint_answers(&f->e, "01 09 08 C8 01 80 02", ""); /* PLDM */
	endpoint_answers(&f->e, "01 09 08 C8 88 00 01", ""); /* a command with a check */
	endpoint_answers(&f->e, "01 FF 08 C8 08 00 01 00 0100 000000 0000 0000", "");
	endpoint_answers(&f->e, "01 09 08 C8 08 00 01 00 0100 000000 0000 00", "");   /* cut */
	endpoint_answers(&f->e, "01 09 08 C8 08 01 01 00 0100 000000 0000 0000", ""); /* answer */
	g_assert_cmpuint(f->runs, ==, 0);
	/* A datagram is obeyed. */
	endpoint_answers(&f->e, "01 09 08 C8 00 C0 01 00 0A", "");
	g_assert_cmpuint(cxb_mctp_eid(f->e.mctp), ==, 10);
}

#define ANSWER(type, tag, op, len, rc) \
	"01 08 00 C0 " type " 01 " tag " 00 " op " " len " " rc " 0000 "

static void commands_are_answered(Fixture *f, gconstpointer unused)
{
	/* The extended status that came is not looked at. */
	endpoint_answers(&f->e, "01 00 08 C8 08 00 7E 00 0100 020000 0000 CDAB AA BB",
			 ANSWER("08", "7E", "0100", "020000", "0000") "AA BB");
	endpoint_answers(&f->e, "01 00 08 C8 07 00 01 00 0100 000000 0000 0000",
			 ANSWER("07", "01", "0100", "000000", "0000"));
	endpoint_answers(&f->e, "01 00 08 C8 07 00 01 00 0056 000000 0000 0000",
			 ANSWER("07", "01", "0056", "000000", "0000"));
	g_assert_cmpuint(f->runs, ==, 3);
	/* Not there; on the wrong type. */
	endpoint_answers(&f->e, "01 00 08 C8 08 00 01 00 0200 000000 0000 0000",
			 ANSWER("08", "01", "0200", "000000", "0300"));
	endpoint_answers(&f->e, "01 00 08 C8 07 00 01 00 0040 000000 0000 0000",
			 ANSWER("07", "01", "0040", "000000", "0300"));
	endpoint_answers(&f->e, "01 00 08 C8 08 00 01 00 0056 000000 0000 0000",
			 ANSWER("08", "01", "0056", "000000", "0300"));
	/* Longer and shorter than it says. */
	endpoint_answers(&f->e, "01 00 08 C8 08 00 01 00 0100 010000 0000 0000",
			 ANSWER("08", "01", "0100", "000000", "1600"));
	endpoint_answers(&f->e, "01 00 08 C8 08 00 01 00 0100 000000 0000 0000 00",
			 ANSWER("08", "01", "0100", "000000", "1600"));
	g_assert_cmpuint(f->runs, ==, 3);
	f->rc = CXB_RC_INVALID_INPUT;
	endpoint_answers(&f->e, "01 00 08 C8 08 00 01 00 0100 010000 0000 0000 77",
			 ANSWER("08", "01", "0100", "000000", "0200"));
}

static void answers_keep_the_order_of_requests(Fixture *f, gconstpointer unused)
{
	f->rc = CXB_RC_LATER;
	endpoint_answers(&f->e, "01 00 08 C9 08 00 01 00 0100 000000 0000 0000", "");
	/* The copy is dropped; another tag of either kind is another request. */
	endpoint_answers(&f->e, "01 00 08 C9 08 00 01 00 0100 000000 0000 0000", "");
	f->rc = CXB_RC_SUCCESS;
	endpoint_answers(&f->e, "01 00 08 CA 08 00 01 00 0100 010000 0000 0000 55", "");
	endpoint_answers(&f->e, "01 00 08 C9 08 00 02 00 0200 000000 0000 0000", "");
	g_assert_cmpuint(f->runs, ==, 1);
	/* Control messages do not wait. */
	endpoint_answers(&f->e, "01 00 08 C8 00 80 02", "01 08 00 C0 00 00 02 00 00 00 00");
	cxb_cci_complete(f->e.cci, CXB_RC_ABORTED);
	g_assert_cmpuint(f->runs, ==, 2);

	g_autoptr(GByteArray) out = endpoint_out(&f->e), want = g_byte_array_new();

	hex_append(want, "01 08 00 C1 08 01 01 00 0100 000000 1200 0000");
	hex_append(want, "01 08 00 C2 08 01 01 00 0100 010000 0000 0000 55");
	hex_append(want, "01 08 00 C1 08 01 02 00 0200 000000 0300 0000");
	g_assert_cmpmem(out->data, out->len, want->data, want->len);
	/* With its answer out, the same tags are a new request. */
	endpoint_answers(&f->e, "01 00 08 C9 08 00 01 00 0100 000000 0000 0000",
			 "01 08 00 C1 08 01 01 00 0100 000000 0000 0000");
}

static void requests_beyond_the_limit_are_dropped(Fixture *f, gconstpointer unused)
{
	f->rc = CXB_RC_LATER;
	for (unsigned i = 0; i < CXB_MCTP_REQUESTS_MAX + 5; i++) {
		g_autofree char *packet =
			g_strdup_printf("01 00 08 C8 08 00 %02X 00 0100 000000 0000 0000", i);

		endpoint_answers(&f->e, packet, "");
	}
	f->rc = CXB_RC_SUCCESS;
	cxb_cci_complete(f->e.cci, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->runs, ==, CXB_MCTP_REQUESTS_MAX);
	g_assert_cmpuint(f->e.frames, ==, CXB_MCTP_REQUESTS_MAX);
}

static void a_link_that_breaks_takes_its_requests_with_it(Fixture *f, gconstpointer unused)
{
	f->rc = CXB_RC_LATER;
	endpoint_answers(&f->e, "01 00 08 C9 08 00 01 00 0100 000000 0000 0000", "");
	endpoint_answers(&f->e, "01 00 08 CA 08 00 02 00 0100 000000 0000 0000", "");
	endpoint_in(&f->e, "01 00 08 89 08 00 03"); /* in parts */
	cxb_mctp_link_reset(f->e.mctp);
	cxb_cci_complete(f->e.cci, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->runs, ==, 1);
	g_assert_cmpuint(f->e.frames, ==, 0);
	g_assert_false(cxb_cci_busy(f->e.cci));
	f->rc = CXB_RC_SUCCESS;
	endpoint_answers(&f->e, "01 00 08 C9 08 00 01 00 0100 000000 0000 0000",
			 "01 08 00 C1 08 01 01 00 0100 000000 0000 0000");
}

static void the_first_frame_of_a_link_has_the_cure_before_it(Fixture *f, gconstpointer unused)
{
	endpoint_in(&f->e, "01 0A 08 C8 00 80 02");
	g_assert_cmpuint(f->e.cures, ==, 0);
	endpoint_in(&f->e, "01 00 08 C8 00 80 02");
	endpoint_in(&f->e, "01 00 08 C8 00 80 02");
	g_assert_cmpuint(f->e.cures, ==, 1);
	cxb_mctp_link_reset(f->e.mctp);
	f->e.frames = 0;
	endpoint_in(&f->e, "01 00 08 C8 00 80 02");
	g_assert_cmpuint(f->e.cures, ==, 2);
}

static void without_its_device_it_is_silent(Fixture *f, gconstpointer unused)
{
	f->rc = CXB_RC_LATER;
	endpoint_answers(&f->e, "01 00 08 C9 08 00 01 00 0100 000000 0000 0000", "");
	f->e.gone = true;
	endpoint_answers(&f->e, "01 00 08 C8 00 80 02", "");
	endpoint_answers(&f->e, "01 00 08 C9 08 00 02 00 0100 000000 0000 0000", "");
	g_assert_cmpuint(f->e.frames, ==, 0);
}

/* Over TCP: packets are filled up, and ids are what was left in them. */
static void tcp(Fixture *f, const char *packet, const char *answer)
{
	g_autoptr(GByteArray) in = hex(packet), want = hex(answer);

	endpoint_packet(&f->e, in->data, in->len, true);
	g_byte_array_set_size(want, 68);
	memset(want->data + strlen(answer) / 2, 0, 68 - strlen(answer) / 2);
	g_assert_cmpmem(f->e.sent->data, f->e.sent->len, want->data, want->len);
	g_byte_array_set_size(f->e.sent, 0);
}

static void jackrabbits_framing_is_understood(Fixture *f, gconstpointer unused)
{
	tcp(f, "01FF01C8008102AAAAAA", "010100C0000102000000");
	tcp(f, "01FF01C80081010009AAAAAA", "010109C00001010000090000");
	tcp(f, "010000C80700010000560200000000000001020304",
	    "010009C007110100005602000000000000"
	    "0102");
	g_assert_cmpuint(f->e.cures, ==, 0);
}

/* The byte that would need one more packet is not sent: 0Ch + 34h is 64, and the type byte goes first. */
static void jackrabbits_missing_byte_is_0(Fixture *f, gconstpointer unused)
{
	g_autoptr(GByteArray) in = hex("010000C80700010000563400000000000000");

	g_byte_array_set_size(in, 68);
	memset(in->data + 18, 0x11, 50);
	endpoint_packet(&f->e, in->data, in->len, true);
	g_assert_cmpuint(f->runs, ==, 1);
	g_assert_cmpuint(f->e.sent->len, ==, 2 * 68);
	g_assert_cmphex(f->e.sent->data[67], ==, 0x11);
	g_assert_cmphex(f->e.sent->data[68 + 4], ==, 0);
	/* Two missing are too many. */
	g_byte_array_set_size(f->e.sent, 0);
	in->data[10] = 0x35;
	endpoint_packet(&f->e, in->data, in->len, true);
	g_assert_cmpuint(f->runs, ==, 1);
	g_assert_cmphex(f->e.sent->data[13], ==, CXB_RC_PAYLOAD_LEN);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add("/mctp/endpoint/" #name, Fixture, NULL, set_up, name, tear_down)
	TEST(control_messages_are_answered);
	TEST(bad_control_messages_have_their_codes);
	TEST(what_is_not_for_us_has_no_answer);
	TEST(commands_are_answered);
	TEST(answers_keep_the_order_of_requests);
	TEST(requests_beyond_the_limit_are_dropped);
	TEST(a_link_that_breaks_takes_its_requests_with_it);
	TEST(the_first_frame_of_a_link_has_the_cure_before_it);
	TEST(without_its_device_it_is_silent);
#undef TEST
#define TEST(name) g_test_add("/mctp/endpoint/" #name, Fixture, "", set_up, name, tear_down)
	TEST(jackrabbits_framing_is_understood);
	TEST(jackrabbits_missing_byte_is_0);
#undef TEST
	return g_test_run();
}
