/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the machine runs, and what becomes of a reset or of a shutdown. */
#include "internal.h"

#include "base/error.h"

CxbRunState cxb_machine_state(const CxbMachine *m)
{
	return m->state;
}

bool cxb_machine_running(const CxbMachine *m)
{
	return m->state == CXB_RUN_RUNNING;
}

/* Listeners and held-back interrupts are for a change between running and not. */
static void set_state(CxbMachine *m, CxbRunState state)
{
	const bool was = cxb_machine_running(m);
	const CxbRunState told = state;

	m->state = state;
	if (was == cxb_machine_running(m))
		return;
	if (!was)
		cxb_irqs_resume(m->irqs);
	cxb_run_notify_run(&m->run_notify, &told);
}

bool cxb_machine_cont(CxbMachine *m, GError **errp)
{
	if (m->state == CXB_RUN_SHUTDOWN)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Resetting the Virtual Machine is required");
	set_state(m, CXB_RUN_RUNNING);
	return true;
}

void cxb_machine_stop(CxbMachine *m)
{
	if (cxb_machine_running(m))
		set_state(m, CXB_RUN_PAUSED);
}

void cxb_machine_start_stopped(CxbMachine *m)
{
	g_assert(!m->done);
	m->state = CXB_RUN_PRELAUNCH;
}

CxbMachineActions *cxb_machine_actions(CxbMachine *m)
{
	return &m->actions;
}

void cxb_machine_reset(CxbMachine *m, CxbResetCause cause)
{
	const bool guest = cause == CXB_RESET_GUEST;

	if (m->actions.reset_is_shutdown) {
		cxb_machine_shutdown(m, guest ? CXB_SHUTDOWN_RESET_GUEST : CXB_SHUTDOWN_RESET_QMP);
		return;
	}
	machine_reset(m, cause);
	if (!cxb_machine_running(m))
		m->state = CXB_RUN_PRELAUNCH;
	cxb_reset_notify_run(&m->reset_notify, &cause);
}

void cxb_machine_shutdown(CxbMachine *m, CxbShutdownCause cause)
{
	const bool asked = cause == CXB_SHUTDOWN_QMP || cause == CXB_SHUTDOWN_SIGNAL;
	const CxbMachineShutdown event = {
		.cause = cause,
		.ends = asked || !m->actions.shutdown_pauses,
	};

	if (m->ending)
		return;
	m->ending = event.ends;
	cxb_shutdown_notify_run(&m->shutdown_notify, &event);
	if (!event.ends)
		set_state(m, CXB_RUN_SHUTDOWN);
}

CxbRunNotify *cxb_machine_run_notify(CxbMachine *m)
{
	return &m->run_notify;
}
