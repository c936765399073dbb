/* SPDX-License-Identifier: Apache-2.0 */
/* Running and standing: what stop, cont, resets and shutdowns do. */
#include "monitor.h"

#include "base/error.h"

static CxbMachine *machine(void *opaque)
{
	return ((CxbQmp *)opaque)->machine;
}

static const char *const run_states[] = {
	[CXB_RUN_PRELAUNCH] = "prelaunch",
	[CXB_RUN_RUNNING] = "running",
	[CXB_RUN_PAUSED] = "paused",
	[CXB_RUN_SHUTDOWN] = "shutdown",
	NULL,
};

const char *qmp_run_state(const CxbQmp *qmp)
{
	return run_states[cxb_machine_state(qmp->machine)];
}

static json_object *query_status(void *opaque, void *args, GError **errp)
{
	json_object *o = json_object_new_object();

	cxb_json_put_str(o, "status", qmp_run_state(opaque));
	cxb_json_put_bool(o, "running", cxb_machine_running(machine(opaque)));
	return o;
}

static json_object *cont(void *opaque, void *args, GError **errp)
{
	return cxb_machine_cont(machine(opaque), errp) ? cxb_qmp_empty() : NULL;
}

static json_object *stop(void *opaque, void *args, GError **errp)
{
	cxb_machine_stop(machine(opaque));
	return cxb_qmp_empty();
}

static json_object *system_reset(void *opaque, void *args, GError **errp)
{
	cxb_machine_reset(machine(opaque), CXB_RESET_QMP);
	return cxb_qmp_empty();
}

static json_object *system_powerdown(void *opaque, void *args, GError **errp)
{
	cxb_qmp_event(opaque, "POWERDOWN", NULL);
	return cxb_qmp_empty();
}

static json_object *system_wakeup(void *opaque, void *args, GError **errp)
{
	cxb_fail(errp, CXB_ERROR_INVALID, "Unable to wake up: guest is not in suspended state");
	return NULL;
}

static json_object *quit(void *opaque, void *args, GError **errp)
{
	cxb_machine_shutdown(machine(opaque), CXB_SHUTDOWN_QMP);
	return cxb_qmp_empty();
}

/* --- set-action --- */

enum { REBOOT_RESET, REBOOT_SHUTDOWN };
enum { SHUTDOWN_POWEROFF, SHUTDOWN_PAUSE };
static const char *const reboot_names[] = { "reset", "shutdown", NULL };
static const char *const shutdown_names[] = { "poweroff", "pause", NULL };
static const char *const panic_names[] = { "pause", "shutdown", "exit-failure", "none", NULL };
static const char *const watchdog_names[] = {
	"reset", "shutdown", "poweroff", "pause", "debug", "none", "inject-nmi", NULL,
};

struct action_args {
	bool has_reboot, has_shutdown;
	int reboot, shutdown, panic, watchdog; /* the last two never happen here */
};

static const CxbArg action_rows[] = {
	{ "reboot", CXB_ARG_ENUM, offsetof(struct action_args, reboot), .optional = true,
	  .has_offset = offsetof(struct action_args, has_reboot), .names = reboot_names,
	  .enum_name = "RebootAction" },
	{ "shutdown", CXB_ARG_ENUM, offsetof(struct action_args, shutdown), .optional = true,
	  .has_offset = offsetof(struct action_args, has_shutdown), .names = shutdown_names,
	  .enum_name = "ShutdownAction" },
	{ "panic", CXB_ARG_ENUM, offsetof(struct action_args, panic), .optional = true,
	  .has_offset = -1, .names = panic_names, .enum_name = "PanicAction" },
	{ "watchdog", CXB_ARG_ENUM, offsetof(struct action_args, watchdog), .optional = true,
	  .has_offset = -1, .names = watchdog_names, .enum_name = "WatchdogAction" },
	{ NULL },
};

static json_object *set_action(void *opaque, void *args, GError **errp)
{
	CxbMachineActions *actions = cxb_machine_actions(machine(opaque));
	const struct action_args *a = args;

	if (a->has_reboot)
		actions->reset_is_shutdown = a->reboot == REBOOT_SHUTDOWN;
	if (a->has_shutdown)
		actions->shutdown_pauses = a->shutdown == SHUTDOWN_PAUSE;
	return cxb_qmp_empty();
}

static const CxbRet status_info[] = {
	{ "status", CXB_RET_ENUM, "RunState", .names = run_states },
	{ "running", CXB_RET_BOOL },
	{ NULL },
};
static const CxbRet status_ret = { NULL, CXB_RET_OBJECT, "StatusInfo", .members = status_info };

static const CxbQmpCmd rows[] = {
	{ "cont", NULL, 0, 0, "let the machine run", cont },
	{ "query-status", NULL, 0, 0, "whether the machine runs", query_status, &status_ret },
	{ "quit", NULL, 0, 0, "end the program", quit },
	{ "set-action", action_rows, sizeof(struct action_args), 0,
	  "what becomes of resets and shutdowns", set_action },
	{ "stop", NULL, 0, 0, "let the machine stand", stop },
	{ "system_powerdown", NULL, 0, 0, "press the power button, which no host here looks at",
	  system_powerdown },
	{ "system_reset", NULL, 0, 0, "reset the machine", system_reset },
	{ "system_wakeup", NULL, 0, 0, "wake the machine up, which never sleeps", system_wakeup },
	{ NULL },
};

void qmp_add_run_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
