/* SPDX-License-Identifier: Apache-2.0 */
/* The dispatcher: order of checks of CXL 3.1 8.2.8.4, bounds, commands that complete later. */
#include <glib.h>

#include "cxl/cci.h"

typedef struct {
	CxbCci *cci;
	unsigned runs;
	CxbRc rc;
	size_t want; /* bytes the handler tries to write */
	bool wrote;
	unsigned dones;
	CxbRc done_rc;
} Fixture;

static CxbRc op_any(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	Fixture *f = opaque;

	f->runs++;
	f->wrote = cxb_wr_room(out, f->want) != NULL;
	return f->rc;
}

/* clang-format off */
static const CxbCciCmd rows[] = {
	{ 0x1000, "fixed", "-", 4, 4, 8, 0, 0, op_any },
	{ 0x1001, "any", "-", 0, CXB_PAYLOAD_ANY, CXB_PAYLOAD_ANY, CXB_EFFECT_DATA_NOW, 0, op_any },
	{ 0x3000, "media", "-", 0, 0, 0, 0, CXB_CMD_NEEDS_MEDIA, op_any },
};
static const CxbCciCmd more_rows[] = {
	{ 0x0100, "low", "-", 0, 0, 0, 0, 0, op_any },
	{ 0x2000, "middle", "-", 0, 0, 0, 0, 0, op_any },
};
/* clang-format on */

static void set_up(Fixture *f, gconstpointer unused)
{
	const CxbCciConfig config = { .name = "cci-under-test", .payload_size = 256 };

	f->cci = cxb_cci_new(&config);
	cxb_cci_add(f->cci, rows, G_N_ELEMENTS(rows), f);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_cci_free(f->cci);
}

static void done(void *opaque, CxbRc rc)
{
	Fixture *f = opaque;

	f->dones++;
	f->done_rc = rc;
}

static CxbRc run(Fixture *f, uint16_t opcode, size_t len, size_t *out_len)
{
	static const uint8_t zeros[512];
	uint8_t buf[512];
	CxbRd in = { zeros, len };
	CxbWr out = { buf, 0, sizeof(buf) };
	CxbRc rc = cxb_cci_run(f->cci, opcode, &in, &out, done, f);

	if (out_len)
		*out_len = out.len;
	return rc;
}

static void rows_of_several_tables_are_in_order_of_opcode(Fixture *f, gconstpointer unused)
{
	static const uint16_t order[] = { 0x0100, 0x1000, 0x1001, 0x2000, 0x3000 };

	cxb_cci_add(f->cci, more_rows, G_N_ELEMENTS(more_rows), f);
	for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
		g_assert_cmphex(cxb_cci_nth(f->cci, i)->opcode, ==, order[i]);
		g_assert_true(cxb_cci_find(f->cci, order[i]) == cxb_cci_nth(f->cci, i));
	}
	g_assert_null(cxb_cci_nth(f->cci, G_N_ELEMENTS(order)));
	g_assert_null(cxb_cci_find(f->cci, 0x1002));
}

static void an_unknown_opcode_is_unsupported_whatever_its_length(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(run(f, 0x1002, 0, NULL), ==, CXB_RC_UNSUPPORTED);
	g_assert_cmphex(run(f, 0xffff, 512, NULL), ==, CXB_RC_UNSUPPORTED);
	g_assert_cmpuint(f->runs, ==, 0);
}

static void a_wrong_length_never_reaches_the_handler(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(run(f, 0x1000, 3, NULL), ==, CXB_RC_PAYLOAD_LEN);
	g_assert_cmphex(run(f, 0x1000, 5, NULL), ==, CXB_RC_PAYLOAD_LEN);
	g_assert_cmphex(run(f, 0x1001, 257, NULL), ==, CXB_RC_PAYLOAD_LEN);
	g_assert_cmpuint(f->runs, ==, 0);
	g_assert_cmphex(run(f, 0x1001, 256, NULL), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->runs, ==, 1);
}

static void output_is_bounded_by_row_and_payload(Fixture *f, gconstpointer unused)
{
	size_t len;

	f->want = 8;
	run(f, 0x1000, 4, &len);
	g_assert_true(f->wrote);
	g_assert_cmpuint(len, ==, 8);
	f->want = 9;
	run(f, 0x1000, 4, &len);
	g_assert_false(f->wrote);
	f->want = 257;
	run(f, 0x1001, 0, &len);
	g_assert_false(f->wrote);
	f->want = 256;
	run(f, 0x1001, 0, &len);
	g_assert_cmpuint(len, ==, 256);
}

static void a_failed_command_returns_no_payload(Fixture *f, gconstpointer unused)
{
	size_t len = 1;

	f->want = 8;
	f->rc = CXB_RC_INVALID_INPUT;
	g_assert_cmphex(run(f, 0x1000, 4, &len), ==, CXB_RC_INVALID_INPUT);
	g_assert_cmpuint(len, ==, 0);
}

static void media_commands_are_refused_while_it_is_disabled(Fixture *f, gconstpointer unused)
{
	cxb_cci_set_media_disabled(f->cci, true);
	g_assert_cmphex(run(f, 0x3000, 1, NULL), ==, CXB_RC_PAYLOAD_LEN);
	g_assert_cmphex(run(f, 0x3000, 0, NULL), ==, CXB_RC_MEDIA_DISABLED);
	g_assert_cmphex(run(f, 0x1001, 0, NULL), ==, CXB_RC_SUCCESS);
	cxb_cci_set_media_disabled(f->cci, false);
	g_assert_cmphex(run(f, 0x3000, 0, NULL), ==, CXB_RC_SUCCESS);
}

static void a_command_that_completes_later_keeps_others_out(Fixture *f, gconstpointer unused)
{
	size_t len = 1;

	f->want = 4;
	f->rc = CXB_RC_LATER;
	g_assert_cmphex(run(f, 0x1001, 0, &len), ==, CXB_RC_LATER);
	g_assert_cmpuint(len, ==, 0);
	g_assert_true(cxb_cci_busy(f->cci));
	g_assert_cmphex(run(f, 0x1001, 0, NULL), ==, CXB_RC_BUSY);
	g_assert_cmphex(run(f, 0x1002, 0, NULL), ==, CXB_RC_UNSUPPORTED);
	g_assert_cmpuint(f->dones, ==, 0);

	cxb_cci_complete(f->cci, CXB_RC_INVALID_PA);
	g_assert_cmpuint(f->dones, ==, 1);
	g_assert_cmphex(f->done_rc, ==, CXB_RC_INVALID_PA);
	g_assert_false(cxb_cci_busy(f->cci));
	cxb_cci_complete(f->cci, CXB_RC_SUCCESS); /* nothing left to end */
	g_assert_cmpuint(f->dones, ==, 1);
}

static void a_reset_drops_the_outstanding_command(Fixture *f, gconstpointer unused)
{
	uint64_t old;

	f->rc = CXB_RC_LATER;
	run(f, 0x1001, 0, NULL);
	old = cxb_cci_ticket(f->cci);
	cxb_cci_reset(f->cci, CXB_RESET_HOT);
	g_assert_false(cxb_cci_busy(f->cci));
	cxb_cci_complete_ticket(f->cci, old, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->dones, ==, 0);

	/* The late answer to the dropped command does not end the next one. */
	run(f, 0x1001, 0, NULL);
	cxb_cci_complete_ticket(f->cci, old, CXB_RC_SUCCESS);
	g_assert_true(cxb_cci_busy(f->cci));
	cxb_cci_complete_ticket(f->cci, cxb_cci_ticket(f->cci), CXB_RC_SUCCESS);
	g_assert_false(cxb_cci_busy(f->cci));
	g_assert_cmpuint(f->dones, ==, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(path, fn) g_test_add("/cxl/cci/" path, Fixture, NULL, set_up, fn, tear_down)
	ADD("order", rows_of_several_tables_are_in_order_of_opcode);
	ADD("unknown", an_unknown_opcode_is_unsupported_whatever_its_length);
	ADD("length", a_wrong_length_never_reaches_the_handler);
	ADD("output", output_is_bounded_by_row_and_payload);
	ADD("failed", a_failed_command_returns_no_payload);
	ADD("media", media_commands_are_refused_while_it_is_disabled);
	ADD("later", a_command_that_completes_later_keeps_others_out);
	ADD("reset", a_reset_drops_the_outstanding_command);
	return g_test_run();
}
