/* SPDX-License-Identifier: Apache-2.0 */
/* cxlbox: from the command line to a running machine, and its end. */
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "accel.h"
#include "base/error.h"
#include "base/trace.h"
#include "cmdline.h"
#include "doors.h"
#include "help.h"
#include "io/json.h"
#include "machine/machine.h"
#include "monitor/qmp.h"
#include "qmp_host.h"

typedef struct {
	GMainLoop *loop;
	pid_t parent;       /* who started us */
	GPtrArray *options; /* Option * */
	AccelConfig accel;
	char *name;
	const char *qtest_log;
	CxbMachine *machine;
	Doors *doors;
	CxbQmp *qmp;
	QmpHost qmp_host;
} App;

/* Every option is worked off by one of these, in passes that follow QEMU's order of creation. */
typedef bool (*OptionFn)(App *app, guint index, const Option *opt, GError **errp);

static bool pass(App *app, OptKind kind, OptionFn fn, GError **errp)
{
	for (guint i = 0; i < app->options->len; i++) {
		const Option *opt = app->options->pdata[i];

		if (opt->kind == kind && !fn(app, i, opt, errp))
			return cxb_option_fail(opt, errp);
	}
	return true;
}

static bool do_trace(App *app, guint index, const Option *opt, GError **errp)
{
	return cxb_trace_enable(opt->value, errp);
}

static bool do_log(App *app, guint index, const Option *opt, GError **errp)
{
	return cxb_log_set_mask(opt->value, errp);
}

static bool do_log_file(App *app, guint index, const Option *opt, GError **errp)
{
	return cxb_log_set_file(opt->value, errp);
}

static bool do_name(App *app, guint index, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(opt->value, "guest", true, errp);
	const char *guest, *unknown;

	if (!opts || !cxb_opts_get_str(opts, "guest", &guest, errp))
		return false;
	unknown = cxb_opts_unused(opts);
	if (unknown)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Invalid parameter '%s'", unknown);
	g_free(app->name);
	app->name = g_strdup(guest);
	return true;
}

static bool do_accel(App *app, guint index, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(opt->value, "accel", true, errp);

	return opts && cxb_accel_parse(&app->accel, opts, errp);
}

/* "-machine accel=a:b", the older way to say the same. */
static bool do_machine_accel(App *app, guint index, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(opt->value, "type", false, NULL);
	g_auto(GStrv) names = NULL;
	const char *text;

	/* What is wrong with the option otherwise is said when its turn comes. */
	if (!opts || !cxb_opts_get_str(opts, "accel", &text, NULL) || !text)
		return true;
	names = g_strsplit(text, ":", -1);
	for (char **name = names; *name; name++) {
		g_autoptr(CxbOpts) accel = cxb_opts_new();

		cxb_opts_add_text(accel, "accel", *name);
		if (!cxb_accel_parse(&app->accel, accel, errp))
			return false;
	}
	return true;
}

static bool do_qtest_log(App *app, guint index, const Option *opt, GError **errp)
{
	app->qtest_log = opt->value;
	return true;
}

static char *as_written(const Option *opt)
{
	return g_strdup_printf("%s %s", opt->flag, opt->value);
}

static bool do_chardev(App *app, guint index, const Option *opt, GError **errp)
{
	g_autofree char *written = as_written(opt);

	return cxb_doors_chardev(app->doors, opt->value, written, errp);
}

static bool do_qmp(App *app, guint index, const Option *opt, GError **errp)
{
	g_autofree char *written = as_written(opt);

	return cxb_doors_add(app->doors, DOOR_QMP, opt->value, written, errp);
}

static bool do_qmp_pretty(App *app, guint index, const Option *opt, GError **errp)
{
	g_autofree char *written = as_written(opt);

	return cxb_doors_add(app->doors, DOOR_QMP_PRETTY, opt->value, written, errp);
}

static bool do_qtest(App *app, guint index, const Option *opt, GError **errp)
{
	g_autofree char *written = as_written(opt);

	return cxb_doors_add(app->doors, DOOR_QTEST, opt->value, written, errp);
}

static bool do_mon(App *app, guint index, const Option *opt, GError **errp)
{
	cxb_warn("%s %s: '-mon' is deprecated, use '-object' with 'monitor-qmp' instead", opt->flag,
		 opt->value);
	return cxb_doors_mon(app->doors, opt->value, errp);
}

static bool do_monitor(App *app, guint index, const Option *opt, GError **errp)
{
	return strcmp(opt->value, "none") == 0 ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"there is no human monitor here: only 'none' is taken");
}

static bool do_run_with(App *app, guint index, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(opt->value, NULL, true, errp);
	const CxbScalar *v = opts ? cxb_opts_find(opts, "exit-with-parent") : NULL;
	bool on = false;

	if (!opts)
		return false;
	if (cxb_opts_unused(opts))
		return cxb_fail(errp, CXB_ERROR_INVALID, "Invalid parameter '%s'",
				cxb_opts_unused(opts));
	if (v && !cxb_parse_bool(v->s, &on))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Parameter 'exit-with-parent' expects 'on' or 'off'");
	if (!on)
		return true;
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
		return cxb_fail_errno(errp, errno, "cannot follow the parent process");
	if (getppid() != app->parent)
		raise(SIGTERM); /* it went before we could follow it */
	return true;
}

static bool do_machine(App *app, guint index, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(opt->value, "type", false, errp);

	if (!opts)
		return false;
	cxb_opts_find(opts, "accel"); /* taken before the machine was made */
	return cxb_machine_set_opts(app->machine, opts, errp);
}

static bool do_memory(App *app, guint index, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(opt->value, "size", true, errp);

	return opts && cxb_machine_set_memory(app->machine, opts, errp);
}

/* "-device help", "-device X,help": printed, then the program ends with success. */
static bool asked_for_help(App *app, CxbOpts *opts, const char *type_key, unsigned flag,
			   GError **errp)
{
	const char *type;

	if (!cxb_opts_has(opts, "help") || !cxb_opts_get_str(opts, type_key, &type, NULL))
		return false;
	if (!type)
		cxb_qom_print_types(cxb_machine_qom(app->machine), flag);
	else if (!cxb_type_print_help(cxb_machine_qom(app->machine), type, errp))
		return true;
	cxb_fail(errp, CXB_ERROR_HELP, "help");
	return true;
}

/* Monitors come later than other objects, when what they speak about is there. */
static bool is_monitor(CxbOpts *opts)
{
	const char *type;

	return cxb_opts_get_str(opts, "qom-type", &type, NULL) && type &&
	       strcmp(type, MONITOR_QMP_TYPE) == 0;
}

static bool do_object(App *app, guint index, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse_any(opt->value, "qom-type", errp);

	if (!opts || asked_for_help(app, opts, "qom-type", CXB_TYPE_USER_OBJECT, errp))
		return false;
	return is_monitor(opts) || cxb_user_object_add(cxb_machine_qom(app->machine), opts, errp);
}

static bool do_monitor_object(App *app, guint index, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse_any(opt->value, "qom-type", errp);

	return opts && (!is_monitor(opts) || cxb_doors_monitor_object(app->doors, opts, errp));
}

static bool do_device(App *app, guint index, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse_any(opt->value, "driver", errp);

	if (!opts)
		return false;
	return cxb_device_add(cxb_machine_qom(app->machine), opts, false, errp) != NULL;
}

static bool do_device_help(App *app, guint index, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse_any(opt->value, "driver", NULL);

	return !opts || !asked_for_help(app, opts, "driver", CXB_TYPE_DEVICE, errp);
}

static void machine_was_reset(void *opaque, const CxbResetCause *cause)
{
	cxb_host_reset(opaque);
}

static bool start_host(App *app, GError **errp)
{
	const CxbHostConfig config = {
		.bus = cxb_machine_bus(app->machine),
		.clock = cxb_machine_clock(app->machine),
		.workq = cxb_machine_workq(app->machine),
		.accept = app->accel.accept,
		.release = app->accel.release,
	};

	app->qmp_host.machine = app->machine;
	if (app->accel.host) {
		app->qmp_host.host = cxb_host_new(&config);
		cxb_reset_notify_add(cxb_machine_reset_notify(app->machine), machine_was_reset,
				     app->qmp_host.host);
	}
	cxb_qmp_host_add(app->qmp, &app->qmp_host);
	return true;
}

static bool start(App *app, GError **errp)
{
	CxbMachineConfig config = { 0 };

	if (!pass(app, OPT_TRACE, do_trace, errp) || !pass(app, OPT_D_FILE, do_log_file, errp) ||
	    !pass(app, OPT_D, do_log, errp) || !pass(app, OPT_NAME, do_name, errp) ||
	    !pass(app, OPT_ACCEL, do_accel, errp) ||
	    !pass(app, OPT_MACHINE, do_machine_accel, errp) ||
	    !pass(app, OPT_RUN_WITH, do_run_with, errp) ||
	    !pass(app, OPT_QTEST_LOG, do_qtest_log, errp))
		return false;
	if (!app->accel.given)
		app->accel.host = true;
	config.virtual_clock = app->accel.qtest;
	app->machine = cxb_machine_new(&config);
	app->doors = cxb_doors_new(cxb_machine_context(app->machine));

	if (!pass(app, OPT_DEVICE, do_device_help, errp) ||
	    !pass(app, OPT_CHARDEV, do_chardev, errp) ||
	    !pass(app, OPT_MACHINE, do_machine, errp) || !pass(app, OPT_M, do_memory, errp) ||
	    !pass(app, OPT_QMP, do_qmp, errp) || !pass(app, OPT_QMP_PRETTY, do_qmp_pretty, errp) ||
	    !pass(app, OPT_QTEST, do_qtest, errp) || !pass(app, OPT_OBJECT, do_object, errp) ||
	    !cxb_machine_create(app->machine, errp) || !pass(app, OPT_MON, do_mon, errp) ||
	    !pass(app, OPT_MONITOR, do_monitor, errp) ||
	    !pass(app, OPT_OBJECT, do_monitor_object, errp))
		return false;
	app->qmp = cxb_qmp_new(app->machine, app->name);
	if (!pass(app, OPT_DEVICE, do_device, errp) || !cxb_machine_done(app->machine, errp) ||
	    !start_host(app, errp) ||
	    !cxb_doors_open(app->doors, app->machine, app->qmp, app->qtest_log, errp))
		return false;
	if (app->qmp_host.host)
		cxb_host_start(app->qmp_host.host);
	return true;
}

static void app_fini(App *app)
{
	cxb_doors_free(app->doors);
	cxb_qmp_free(app->qmp);
	cxb_host_free(app->qmp_host.host);
	cxb_machine_free(app->machine);
	g_free(app->name);
	g_main_loop_unref(app->loop);
	if (app->options)
		g_ptr_array_unref(app->options);
}

/* --- the end --- */

static gboolean quit_loop(gpointer opaque)
{
	g_main_loop_quit(opaque);
	return G_SOURCE_REMOVE;
}

static void shutdown_asked(void *opaque, const CxbShutdownCause *cause)
{
	App *app = opaque;

	/* From the loop, so that the answer to "quit" gets out first. */
	g_idle_add(quit_loop, app->loop);
}

static gboolean on_signal(App *app, int number, const char *name)
{
	fprintf(stderr, "%s: terminating on signal %d (%s)\n", g_get_prgname(), number, name);
	cxb_machine_shutdown(app->machine, CXB_SHUTDOWN_SIGNAL);
	return G_SOURCE_CONTINUE;
}

static gboolean on_sigterm(gpointer opaque)
{
	return on_signal(opaque, SIGTERM, "SIGTERM");
}

static gboolean on_sigint(gpointer opaque)
{
	return on_signal(opaque, SIGINT, "SIGINT");
}

static gboolean on_sighup(gpointer opaque)
{
	return on_signal(opaque, SIGHUP, "SIGHUP");
}

static void run(App *app)
{
	const guint sources[] = {
		g_unix_signal_add(SIGTERM, on_sigterm, app),
		g_unix_signal_add(SIGINT, on_sigint, app),
		g_unix_signal_add(SIGHUP, on_sighup, app),
	};

	cxb_shutdown_notify_add(cxb_machine_shutdown_notify(app->machine), shutdown_asked, app);
	g_main_loop_run(app->loop);
	cxb_qmp_flush(app->qmp);
	for (unsigned i = 0; i < G_N_ELEMENTS(sources); i++)
		g_source_remove(sources[i]);
}

/* Every tagged backend is a descriptor; what is soft need not stop the 1,000th. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	g_autofree char *prog = g_path_get_basename(argv[0]);
	g_autoptr(GError) err = NULL;
	App app = { 0 };
	int status = 0;

	g_set_prgname(prog);
	raise_descriptor_limit();
	signal(SIGPIPE, SIG_IGN);
	app.parent = getppid();
	app.loop = g_main_loop_new(NULL, FALSE);
	app.options = cxb_cmdline_parse(argc, argv, &err);
	if (!app.options)
		goto fail;
	for (guint i = 0; i < app.options->len; i++) {
		const OptKind kind = ((Option *)app.options->pdata[i])->kind;

		if (kind == OPT_HELP)
			cxb_print_help(prog);
		else if (kind == OPT_VERSION)
			cxb_print_version();
		if (kind == OPT_HELP || kind == OPT_VERSION)
			goto out;
	}
	if (start(&app, &err)) {
		run(&app);
		goto out;
	}
	if (g_error_matches(err, CXB_ERROR, CXB_ERROR_HELP))
		goto out;
fail:
	fprintf(stderr, "%s: %s\n", prog, err->message);
	status = 1;
out:
	app_fini(&app);
	return status;
}
