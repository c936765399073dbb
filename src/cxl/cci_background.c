/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Background operations, CXL 3.1 8.2.8.4.7. An operation is a deadline: how far it is follows from
 * the clock whenever someone asks, and its effect comes whole when its time is over. If that takes time
 * itself, it stays nearly done until it has come.
 */
#include "cci_impl.h"

#include "base/trace.h"
#include "wire/mbox.h"

#define NEARLY_DONE 85 /* percent: not aborted any more */

CXB_TRACE(cxl_cci_background, (const char *name, unsigned opcode, int64_t ns),
	  "%s %04xh for %" PRId64 " ns", name, opcode, ns)
CXB_TRACE(cxl_cci_background_end, (const char *name, unsigned opcode, unsigned rc),
	  "%s %04xh rc %04xh", name, opcode, rc)

static void over(CxbCci *cci, CxbRc rc)
{
	cci->bg.running = false;
	cci->bg.percent = 100;
	cci->bg.rc = rc;
	cci->bg_end = NULL;
	trace_cxl_cci_background_end(cxb_cci_name(cci), cci->bg.opcode, rc);
}

static void tell(CxbCci *cci)
{
	if (cci->bg_ended)
		cci->bg_ended(cci->bg_ended_opaque);
}

static void give_up(CxbCci *cci)
{
	cxb_timer_disarm(cci->bg_timer);
	cci->bg.running = false;
	cci->bg_end(cci->bg_end_opaque, cci, CXB_RC_ABORTED);
	over(cci, CXB_RC_ABORTED);
}

static void expired(void *opaque)
{
	CxbCci *cci = opaque;
	CxbRc rc;

	cci->bg.running = false;
	rc = cci->bg_end(cci->bg_end_opaque, cci, CXB_RC_SUCCESS);
	cci->bg.running = rc == CXB_RC_LATER;
	if (!cci->bg.running)
		cxb_cci_end_background(cci, rc);
}

void cxb_cci_end_background(CxbCci *cci, CxbRc rc)
{
	over(cci, rc);
	tell(cci);
}

void cci_background_init(CxbCci *cci, CxbClock *clock)
{
	cci->clock = clock;
	if (clock)
		cci->bg_timer = cxb_timer_new(clock, expired, cci);
}

void cci_background_fini(CxbCci *cci)
{
	g_clear_pointer(&cci->bg_timer, cxb_timer_free);
}

void cci_background_reset(CxbCci *cci, CxbResetKind kind)
{
	if (cci->bg.running)
		give_up(cci);
	if (kind != CXB_RESET_FUNCTION) {
		cci->bg = (CxbCciBackground){ 0 };
		cci->bg_can_abort = false;
	}
}

CxbRc cxb_cci_start_background(CxbCci *cci, int64_t duration_ns, CxbCciBackgroundEnd end,
			       void *opaque)
{
	const CxbCciCmd *cmd = cci->current;

	g_assert(cmd && (cmd->effects & CXB_EFFECT_BACKGROUND) && !cci->bg.running);
	g_assert(duration_ns >= 0);
	cci->bg = (CxbCciBackground){ .opcode = cmd->opcode, .running = true };
	cci->bg_starting = true;
	cci->bg_can_abort = cmd->effects & CXB_EFFECT_ABORT;
	cci->bg_end = end;
	cci->bg_end_opaque = opaque;
	cci->bg_start_ns = cxb_clock_now_ns(cci->clock);
	cci->bg_duration_ns = duration_ns;
	cxb_timer_arm(cci->bg_timer, cci->bg_start_ns + duration_ns);
	trace_cxl_cci_background(cxb_cci_name(cci), cmd->opcode, duration_ns);
	return CXB_RC_BG_STARTED;
}

CxbCciBackground cxb_cci_background(const CxbCci *cci)
{
	CxbCciBackground bg = cci->bg;

	/* The real clock may be past the deadline before the timer has its turn. */
	if (bg.running) {
		const int64_t gone = cxb_clock_now_ns(cci->clock) - cci->bg_start_ns;
		const int64_t one = MAX(cci->bg_duration_ns / 100, 1);

		bg.percent = MIN(gone / one, 99);
	}
	return bg;
}

void cxb_cci_set_background_ended(CxbCci *cci, void (*ended)(void *opaque), void *opaque)
{
	cci->bg_ended = ended;
	cci->bg_ended_opaque = opaque;
}

static CxbRc request_abort(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbCciBackground bg = cxb_cci_background(cci);

	if (!cci->bg_can_abort) {
		cxb_guest_error("%s: request-abort: %04xh cannot be aborted", cxb_cci_name(cci),
				bg.opcode);
		return CXB_RC_ABORT_UNSUPPORTED;
	}
	if (bg.running && bg.percent < NEARLY_DONE) {
		give_up(cci);
		tell(cci);
	}
	return CXB_RC_SUCCESS;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_REQUEST_ABORT,
		.name = "request-abort",
		.spec = "8.2.9.1.5",
		.run = request_abort,
	},
};

void cxb_cci_add_abort(CxbCci *cci)
{
	cxb_cci_add(cci, commands, G_N_ELEMENTS(commands), NULL);
}
