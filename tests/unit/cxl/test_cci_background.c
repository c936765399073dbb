/* SPDX-License-Identifier: Apache-2.0 */
/* Background operations of the command interface, CXL 3.1 8.2.8.4.7 and 8.2.9.1.5. */
#include <glib.h>

#include "cxl/cci.h"
#include "wire/mbox.h"

#define SECOND INT64_C(1000000000)

typedef struct {
	CxbClock *clock;
	CxbCci *cci;
	int64_t duration_ns;
	unsigned ends, told;
	CxbRc end_rc;   /* what the operation was told */
	CxbRc end_with; /* what it says then */
} Fixture;

static CxbRc ended(void *opaque, CxbCci *cci, CxbRc rc)
{
	Fixture *f = opaque;

	g_assert_false(cxb_cci_background(cci).running);
	f->ends++;
	f->end_rc = rc;
	return f->end_with;
}

static CxbRc op_start(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	Fixture *f = opaque;

	/* Output of a command that only starts is none. */
	g_assert_nonnull(cxb_wr_room(out, 4));
	return cxb_cci_start_background(cci, f->duration_ns, ended, f);
}

static CxbRc op_nothing(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	return CXB_RC_SUCCESS;
}

enum { LONG = 0xc000, NO_ABORT, AT_ONCE, QUICK, MEDIA };

/* clang-format off */
static const CxbCciCmd rows[] = {
	{ LONG, "long", "-", 0, 0, 4, CXB_EFFECT_BACKGROUND | CXB_EFFECT_ABORT, 0, op_start },
	{ NO_ABORT, "no-abort", "-", 0, 0, 4, CXB_EFFECT_BACKGROUND, 0, op_start },
	{ AT_ONCE, "at-once", "-", 4, 4, 4, CXB_EFFECT_BACKGROUND, 0, op_nothing },
	{ QUICK, "quick", "-", 0, 0, 4, 0, 0, op_nothing },
	{ MEDIA, "media", "-", 0, 0, 0, CXB_EFFECT_BACKGROUND, CXB_CMD_NEEDS_MEDIA, op_nothing },
};
/* clang-format on */

static void tell(void *opaque)
{
	((Fixture *)opaque)->told++;
}

static void set_up(Fixture *f, gconstpointer unused)
{
	f->clock = cxb_clock_new_virtual();
	f->cci = cxb_cci_new(&(CxbCciConfig){ "background", 256, f->clock });
	f->duration_ns = 10 * SECOND;
	cxb_cci_add(f->cci, rows, G_N_ELEMENTS(rows), f);
	cxb_cci_add_abort(f->cci);
	cxb_cci_set_background_ended(f->cci, tell, f);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_cci_free(f->cci);
	cxb_clock_free(f->clock);
}

static CxbRc run_len(Fixture *f, uint16_t opcode, size_t len)
{
	static const uint8_t zeros[256];
	uint8_t buf[256];
	CxbRd in = { zeros, len };
	CxbWr out = { buf, 0, sizeof(buf) };
	const CxbRc rc = cxb_cci_run(f->cci, opcode, &in, &out, NULL, NULL);

	g_assert_cmpuint(out.len, ==, 0);
	return rc;
}

static CxbRc run(Fixture *f, uint16_t opcode)
{
	return run_len(f, opcode, 0);
}

static void pass(Fixture *f, int64_t ns)
{
	g_assert_true(cxb_clock_advance(f->clock, cxb_clock_now_ns(f->clock) + ns));
}

static void assert_background(const Fixture *f, uint16_t opcode, bool running, unsigned percent,
			      CxbRc rc)
{
	const CxbCciBackground bg = cxb_cci_background(f->cci);

	g_assert_cmphex(bg.opcode, ==, opcode);
	g_assert_cmpint(bg.running, ==, running);
	g_assert_cmpuint(bg.percent, ==, percent);
	g_assert_cmphex(bg.rc, ==, rc);
}

static void an_operation_goes_on_by_the_clock(Fixture *f, gconstpointer unused)
{
	assert_background(f, 0, false, 0, CXB_RC_SUCCESS);
	g_assert_cmphex(run(f, LONG), ==, CXB_RC_BG_STARTED);
	g_assert_false(cxb_cci_busy(f->cci));
	assert_background(f, LONG, true, 0, CXB_RC_SUCCESS);
	pass(f, 5 * SECOND);
	assert_background(f, LONG, true, 50, CXB_RC_SUCCESS);
	pass(f, 5 * SECOND - 1);
	assert_background(f, LONG, true, 99, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->ends, ==, 0);
	pass(f, 1);
	assert_background(f, LONG, false, 100, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->ends, ==, 1);
	g_assert_cmphex(f->end_rc, ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->told, ==, 1);
	pass(f, 100 * SECOND);
	g_assert_cmpuint(f->ends, ==, 1);
}

static void an_operation_can_fail_at_its_end(Fixture *f, gconstpointer unused)
{
	f->end_with = CXB_RC_MEDIA_FAILURE;
	run(f, LONG);
	pass(f, 10 * SECOND);
	assert_background(f, LONG, false, 100, CXB_RC_MEDIA_FAILURE);
}

static void no_time_at_all_still_ends_later(Fixture *f, gconstpointer unused)
{
	f->duration_ns = 0;
	g_assert_cmphex(run(f, LONG), ==, CXB_RC_BG_STARTED);
	g_assert_cmpuint(f->ends, ==, 0);
	assert_background(f, LONG, true, 0, CXB_RC_SUCCESS);
	pass(f, 0);
	assert_background(f, LONG, false, 100, CXB_RC_SUCCESS);
}

static void others_of_the_kind_are_busy_meanwhile(Fixture *f, gconstpointer unused)
{
	run(f, LONG);
	g_assert_cmphex(run(f, LONG), ==, CXB_RC_BUSY);
	g_assert_cmphex(run_len(f, AT_ONCE, 4), ==, CXB_RC_BUSY);
	/* Between the checks of length and of media. */
	g_assert_cmphex(run_len(f, AT_ONCE, 3), ==, CXB_RC_PAYLOAD_LEN);
	cxb_cci_set_media_disabled(f->cci, true);
	g_assert_cmphex(run(f, MEDIA), ==, CXB_RC_BUSY);
	g_assert_cmphex(run(f, QUICK), ==, CXB_RC_SUCCESS);
	assert_background(f, LONG, true, 0, CXB_RC_SUCCESS);
	pass(f, 10 * SECOND);
	g_assert_cmphex(run(f, MEDIA), ==, CXB_RC_MEDIA_DISABLED);
	g_assert_cmphex(run_len(f, AT_ONCE, 4), ==, CXB_RC_SUCCESS);
	assert_background(f, LONG, false, 100, CXB_RC_SUCCESS);
	g_assert_cmphex(run(f, NO_ABORT), ==, CXB_RC_BG_STARTED);
	assert_background(f, NO_ABORT, true, 0, CXB_RC_SUCCESS);
}

static void an_abort_ends_it(Fixture *f, gconstpointer unused)
{
	f->end_with = CXB_RC_INTERNAL_ERROR; /* not told: it was aborted */
	run(f, LONG);
	pass(f, 8 * SECOND);
	g_assert_cmphex(run(f, CXB_OP_REQUEST_ABORT), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(f->end_rc, ==, CXB_RC_ABORTED);
	g_assert_cmpuint(f->told, ==, 1);
	assert_background(f, LONG, false, 100, CXB_RC_ABORTED);
	g_assert_cmphex(run(f, CXB_OP_REQUEST_ABORT), ==, CXB_RC_SUCCESS);
	pass(f, 10 * SECOND);
	g_assert_cmpuint(f->ends, ==, 1);
	g_assert_cmphex(run(f, LONG), ==, CXB_RC_BG_STARTED);
}

static void what_is_nearly_done_is_left_to_finish(Fixture *f, gconstpointer unused)
{
	run(f, LONG);
	pass(f, 85 * SECOND / 10);
	g_assert_cmphex(run(f, CXB_OP_REQUEST_ABORT), ==, CXB_RC_SUCCESS);
	assert_background(f, LONG, true, 85, CXB_RC_SUCCESS);
	pass(f, 2 * SECOND);
	assert_background(f, LONG, false, 100, CXB_RC_SUCCESS);
}

static void only_what_announces_it_can_be_aborted(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(run(f, CXB_OP_REQUEST_ABORT), ==, CXB_RC_ABORT_UNSUPPORTED);
	run(f, NO_ABORT);
	g_assert_cmphex(run(f, CXB_OP_REQUEST_ABORT), ==, CXB_RC_ABORT_UNSUPPORTED);
	assert_background(f, NO_ABORT, true, 0, CXB_RC_SUCCESS);
	g_assert_cmphex(run_len(f, CXB_OP_REQUEST_ABORT, 1), ==, CXB_RC_PAYLOAD_LEN);
}

static void a_reset_aborts_it(Fixture *f, gconstpointer kind)
{
	const CxbResetKind reset = GPOINTER_TO_UINT(kind);

	run(f, LONG);
	pass(f, 9 * SECOND);
	cxb_cci_reset(f->cci, reset);
	g_assert_cmpuint(f->ends, ==, 1);
	g_assert_cmphex(f->end_rc, ==, CXB_RC_ABORTED);
	g_assert_cmpuint(f->told, ==, 0);
	if (reset == CXB_RESET_FUNCTION)
		assert_background(f, LONG, false, 100, CXB_RC_ABORTED);
	else
		assert_background(f, 0, false, 0, CXB_RC_SUCCESS);
	g_assert_cmphex(run(f, CXB_OP_REQUEST_ABORT), ==,
			reset == CXB_RESET_FUNCTION ? CXB_RC_SUCCESS : CXB_RC_ABORT_UNSUPPORTED);
	pass(f, 10 * SECOND);
	g_assert_cmpuint(f->ends, ==, 1);
	g_assert_cmphex(run(f, LONG), ==, CXB_RC_BG_STARTED);
}

static void a_reset_after_the_end(Fixture *f, gconstpointer unused)
{
	run(f, LONG);
	pass(f, 10 * SECOND);
	cxb_cci_reset(f->cci, CXB_RESET_FUNCTION);
	assert_background(f, LONG, false, 100, CXB_RC_SUCCESS);
	cxb_cci_reset(f->cci, CXB_RESET_HOT);
	assert_background(f, 0, false, 0, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->ends, ==, 1);
}

static void freeing_the_interface_ends_nothing(Fixture *f, gconstpointer unused)
{
	run(f, LONG);
	g_clear_pointer(&f->cci, cxb_cci_free);
	pass(f, 10 * SECOND);
	g_assert_cmpuint(f->ends + f->told, ==, 0);
}

static void an_effect_that_takes_time_keeps_it_nearly_done(Fixture *f, gconstpointer unused)
{
	f->end_with = CXB_RC_LATER;
	g_assert_cmphex(run(f, LONG), ==, CXB_RC_BG_STARTED);
	pass(f, 100 * SECOND);
	assert_background(f, LONG, true, 99, CXB_RC_SUCCESS);
	g_assert_cmphex(run(f, NO_ABORT), ==, CXB_RC_BUSY);
	g_assert_cmphex(run(f, CXB_OP_REQUEST_ABORT), ==, CXB_RC_SUCCESS);
	assert_background(f, LONG, true, 99, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->ends, ==, 1);
	g_assert_cmpuint(f->told, ==, 0);
	cxb_cci_end_background(f->cci, CXB_RC_INTERNAL_ERROR);
	assert_background(f, LONG, false, 100, CXB_RC_INTERNAL_ERROR);
	g_assert_cmpuint(f->ends, ==, 1);
	g_assert_cmpuint(f->told, ==, 1);
	g_assert_cmphex(run(f, LONG), ==, CXB_RC_BG_STARTED);
	pass(f, 10 * SECOND);
	cxb_cci_reset(f->cci, CXB_RESET_FUNCTION);
	assert_background(f, LONG, false, 100, CXB_RC_ABORTED);
	g_assert_cmpuint(f->ends, ==, 3);
	g_assert_cmphex(f->end_rc, ==, CXB_RC_ABORTED);
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = { "cold", "warm", "hot", "function" };

	g_test_init(&argc, &argv, NULL);
#define ADD(path, fn, data) \
	g_test_add("/cxl/cci-background/" path, Fixture, data, set_up, fn, tear_down)
	ADD("clock", an_operation_goes_on_by_the_clock, NULL);
	ADD("fail", an_operation_can_fail_at_its_end, NULL);
	ADD("no-time", no_time_at_all_still_ends_later, NULL);
	ADD("busy", others_of_the_kind_are_busy_meanwhile, NULL);
	ADD("later", an_effect_that_takes_time_keeps_it_nearly_done, NULL);
	ADD("abort", an_abort_ends_it, NULL);
	ADD("abort-late", what_is_nearly_done_is_left_to_finish, NULL);
	ADD("abort-not", only_what_announces_it_can_be_aborted, NULL);
	for (unsigned kind = 0; kind < CXB_RESET_KINDS; kind++) {
		g_autofree char *path =
			g_strconcat("/cxl/cci-background/reset-", kinds[kind], NULL);

		g_test_add(path, Fixture, GUINT_TO_POINTER(kind), set_up, a_reset_aborts_it,
			   tear_down);
	}
	ADD("reset-after", a_reset_after_the_end, NULL);
	ADD("free", freeing_the_interface_ends_nothing, NULL);
	return g_test_run();
}
