/* SPDX-License-Identifier: Apache-2.0 */
/* From options to a running machine: passes over the options, in QEMU's order of creation. */
#include "app.h"
#include "base/error.h"
#include "devices/cxl.h"
#include "qmp_chardev.h"

/* One pass: every option of that kind is worked off in the order written. */
typedef struct {
	OptKind kind;
	OptionFn fn;
	bool settles; /* what is wrong now is wrong with the whole: messages name no option */
} Pass;

static const Pass program_passes[] = {
	{ OPT_NAME, do_name },
	{ OPT_MSG, do_msg },
	{ OPT_REFUSED, do_refused },
	{ OPT_NOTED, do_noted },
	{ OPT_TRACE, do_trace },
	{ OPT_D_FILE, do_log_file },
	{ OPT_D, do_log },
	{ OPT_UUID, do_uuid },
	{ OPT_STOPPED, do_stopped },
	{ OPT_ACTION, do_action },
	{ OPT_WATCHDOG_ACTION, do_watchdog_action },
	{ OPT_NO_REBOOT, do_no_reboot },
	{ OPT_NO_SHUTDOWN, do_no_shutdown },
	{ OPT_ACCEL, do_accel },
	{ OPT_MACHINE, do_machine_accel },
	{ OPT_RUN_WITH, do_run_with },
	{ OPT_QTEST_LOG, do_qtest_log },
	{ OPT_DAEMONIZE, do_daemonize },
	{ OPT_PIDFILE, do_pidfile, .settles = true },
	{ OPT_KINDS },
};

static const Pass machine_passes[] = {
	{ OPT_GLOBAL, do_global },
	{ OPT_DEVICE, do_device_help },
	{ OPT_CHARDEV, do_chardev },
	{ OPT_MACHINE, do_machine, .settles = true },
	{ OPT_M, do_memory },
	{ OPT_QMP, do_qmp },
	{ OPT_QMP_PRETTY, do_qmp_pretty },
	{ OPT_MONITOR, do_monitor },
	{ OPT_QTEST, do_qtest },
	{ OPT_OBJECT, do_object },
	{ OPT_KINDS },
};

static const Pass front_passes[] = {
	{ OPT_MON, do_mon },
	{ OPT_OBJECT, do_monitor_object },
	{ OPT_KINDS },
};

static const Pass device_passes[] = {
	{ OPT_DEVICE, do_device },
	{ OPT_KINDS },
};

static bool run(App *app, const Pass *p, const Option *opt, GError **errp)
{
	bool ok;

	cxb_option_begin(opt);
	ok = p->fn(app, opt, errp);
	cxb_option_end();
	return ok;
}

static bool run_passes(App *app, const Pass *p, const Option **culprit, GError **errp)
{
	for (; p->kind != OPT_KINDS; p++) {
		for (guint i = 0; i < app->options->len; i++) {
			const Option *opt = app->options->pdata[i];

			if (opt->def->kind != p->kind || run(app, p, opt, errp))
				continue;
			*culprit = p->settles ? NULL : opt;
			return false;
		}
	}
	return true;
}

static void machine_was_reset(void *opaque, const CxbResetCause *cause)
{
	cxb_host_reset(opaque);
}

static void machine_runs(void *opaque, const CxbRunState *state)
{
	cxb_host_halt(opaque, *state != CXB_RUN_RUNNING);
}

/* Each head of a memory device is another host's. */
static uint16_t host_of(void *machine, uint16_t bdf)
{
	const CxbPciDev *dev = cxb_pci_find(cxb_machine_pci(machine), bdf);

	return dev && cxb_cxl_is_type3(&dev->dev) ? cxb_cxl_type3_host_id(&dev->dev) : 0;
}

static void make_host(App *app)
{
	const CxbHostConfig config = {
		.bus = cxb_machine_bus(app->machine),
		.clock = cxb_machine_clock(app->machine),
		.workq = cxb_machine_workq(app->machine),
		.accept = app->accel.accept,
		.release = app->accel.release,
		.host_of = host_of,
		.host_of_opaque = app->machine,
	};
	CxbHost *host = cxb_host_new(&config);

	cxb_host_halt(host, !cxb_machine_running(app->machine));
	cxb_reset_notify_add(cxb_machine_reset_notify(app->machine), machine_was_reset, host);
	cxb_run_notify_add(cxb_machine_run_notify(app->machine), machine_runs, host);
	app->qmp_host.host = host;
}

static void make_machine(App *app)
{
	CxbMachineConfig config = { .virtual_clock = app->accel.qtest };

	app->machine = cxb_machine_new(&config);
	*cxb_machine_actions(app->machine) = app->actions;
	if (app->stopped)
		cxb_machine_start_stopped(app->machine);
	app->chardevs = cxb_chardevs_new();
	cxb_qom_set_service(cxb_machine_qom(app->machine), CXB_SERVICE_CHARDEVS, app->chardevs);
	app->guests = cxb_guests_new(app->machine);
	app->vfio_user = cxb_vfio_user_new(app->machine);
	app->doors = cxb_doors_new(cxb_machine_context(app->machine), app->chardevs);
	app->qmp_host.machine = app->machine;
	if (app->daemon.on)
		cxb_doors_forbid_stdio(app->doors);
}

static void make_qmp(App *app)
{
	app->qmp = cxb_qmp_new(app->machine, app->name);
	cxb_qmp_set_uuid(app->qmp, &app->uuid);
	cxb_qmp_chardev_add(app->qmp, app->doors);
	cxb_qmp_host_add(app->qmp, &app->qmp_host);
	app->qmp_options = (QmpOptions){ &app->accel, cxb_machine_qom(app->machine) };
	cxb_qmp_options_add(app->qmp, &app->qmp_options);
}

/* Who plays the host if nobody was named. */
static bool settle_accel(App *app, GError **errp)
{
	const bool remote = cxb_machine_is_remote(app->machine);

	if (remote && app->accel.host)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"machine x-remote has no host of its own: no accelerator but qtest "
				"goes with it");
	if (!app->accel.given)
		app->accel.host = !remote;
	return true;
}

bool app_start(App *app, const Option **culprit, GError **errp)
{
	*culprit = NULL;
	if (!run_passes(app, program_passes, culprit, errp))
		return false;
	make_machine(app);
	if (!run_passes(app, machine_passes, culprit, errp) || !settle_accel(app, errp) ||
	    !cxb_machine_create(app->machine, errp) ||
	    !run_passes(app, front_passes, culprit, errp))
		return false;
	make_qmp(app);
	if (!run_passes(app, device_passes, culprit, errp) || !cxb_machine_done(app->machine, errp))
		return false;
	if (app->accel.host)
		make_host(app);
	if (!cxb_vfio_user_start(app->vfio_user, errp) || !cxb_guests_start(app->guests, errp))
		return false;
	if (!cxb_doors_open(app->doors, app->machine, app->qmp, app->qtest_log, errp) ||
	    !pidfile_write(&app->pidfile, errp) ||
	    !daemon_ready(&app->daemon, app->logs_to_file, errp))
		return false;
	if (app->qmp_host.host)
		cxb_host_start(app->qmp_host.host);
	return true;
}
