/* SPDX-License-Identifier: Apache-2.0 */
/* Options about the process: its name, its log, its life. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "app.h"
#include "base/error.h"
#include "base/message.h"
#include "base/trace.h"

bool app_no_more(CxbOpts *opts, GError **errp)
{
	const char *unknown = cxb_opts_unused(opts);

	return !unknown || cxb_fail(errp, CXB_ERROR_INVALID, "Invalid parameter '%s'", unknown);
}

bool app_bool(CxbOpts *opts, const char *key, bool *out, GError **errp)
{
	const CxbScalar *v = cxb_opts_find(opts, key);

	return !v || cxb_parse_bool(v->s, out) ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' expects 'on' or 'off'", key);
}

bool do_trace(App *app, const Option *opt, GError **errp)
{
	return cxb_trace_enable(opt->value, errp);
}

bool do_log(App *app, const Option *opt, GError **errp)
{
	return cxb_log_set_mask(opt->value, errp);
}

bool do_log_file(App *app, const Option *opt, GError **errp)
{
	app->logs_to_file = true;
	return cxb_log_set_file(opt->value, errp);
}

static void set_message_style(const App *app)
{
	cxb_message_style(app->timestamps, app->guest_in_messages ? app->name : NULL);
}

bool do_name(App *app, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(opt->value, "guest", true, errp);
	const char *guest, *process;
	bool threads; /* what it would name are none of ours */

	if (!opts || !cxb_opts_get_str(opts, "guest", &guest, errp) ||
	    !cxb_opts_get_str(opts, "process", &process, errp) ||
	    !app_bool(opts, "debug-threads", &threads, errp) || !app_no_more(opts, errp))
		return false;
	if (process)
		prctl(PR_SET_NAME, process);
	if (!guest)
		return true;
	g_free(app->name);
	app->name = g_strdup(guest);
	set_message_style(app);
	return true;
}

bool do_msg(App *app, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(opt->value, NULL, true, errp);

	if (!opts || !app_bool(opts, "timestamp", &app->timestamps, errp) ||
	    !app_bool(opts, "guest-name", &app->guest_in_messages, errp) ||
	    !app_no_more(opts, errp))
		return false;
	set_message_style(app);
	return true;
}

bool do_uuid(App *app, const Option *opt, GError **errp)
{
	return cxb_uuid_parse(opt->value, &app->uuid) ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "failed to parse UUID string: wrong format");
}

bool do_run_with(App *app, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(opt->value, NULL, true, errp);
	bool async; /* we end at once either way */

	if (!opts)
		return false;
	if (cxb_opts_has(opts, "chroot") || cxb_opts_has(opts, "user"))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"'chroot' and 'user' are not supported: start the program so");
	if (!app_bool(opts, "exit-with-parent", &app->exit_with_parent, errp) ||
	    !app_bool(opts, "async-teardown", &async, errp) || !app_no_more(opts, errp))
		return false;
	if (!app->exit_with_parent)
		return true;
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
		return cxb_fail_errno(errp, errno, "cannot follow the parent process");
	if (getppid() != app->parent)
		raise(SIGTERM); /* it went before we could follow it */
	return true;
}

bool do_daemonize(App *app, const Option *opt, GError **errp)
{
	if (app->exit_with_parent)
		return cxb_fail(
			errp, CXB_ERROR_INVALID,
			"the parent ends by design: not with -run-with exit-with-parent=on");
	return app->daemon.on || daemon_start(&app->daemon, errp);
}

bool do_pidfile(App *app, const Option *opt, GError **errp)
{
	return pidfile_open(&app->pidfile, opt->value, errp);
}

bool do_stopped(App *app, const Option *opt, GError **errp)
{
	app->stopped = true;
	return true;
}

/* --- what becomes of resets and shutdowns --- */

/* The index of @text in @names, which are what @key may say. */
static bool one_of(const char *key, const char *text, const char *const *names, unsigned *out,
		   GError **errp)
{
	for (unsigned i = 0; names[i]; i++) {
		if (strcmp(names[i], text) == 0) {
			*out = i;
			return true;
		}
	}
	return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' does not accept value '%s'", key,
			text);
}

static const char *const reboots[] = { "reset", "shutdown", NULL };
static const char *const shutdowns[] = { "poweroff", "pause", NULL };
static const char *const panics[] = { "pause", "shutdown", "exit-failure", "none", NULL };
static const char *const watchdogs[] = {
	"reset", "shutdown", "poweroff", "pause", "debug", "none", "inject-nmi", NULL,
};

static bool action(CxbOpts *opts, const char *key, const char *const *names, unsigned *out,
		   GError **errp)
{
	const char *text;

	return cxb_opts_get_str(opts, key, &text, errp) &&
	       (!text || one_of(key, text, names, out, errp));
}

bool do_action(App *app, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(opt->value, NULL, true, errp);
	unsigned reset = app->actions.reset_is_shutdown, end = app->actions.shutdown_pauses;
	unsigned never; /* no guest panics here, and there is no watchdog */

	if (!opts || !action(opts, "reboot", reboots, &reset, errp) ||
	    !action(opts, "shutdown", shutdowns, &end, errp) ||
	    !action(opts, "panic", panics, &never, errp) ||
	    !action(opts, "watchdog", watchdogs, &never, errp) || !app_no_more(opts, errp))
		return false;
	app->actions = (CxbMachineActions){ reset, end };
	return true;
}

bool do_watchdog_action(App *app, const Option *opt, GError **errp)
{
	unsigned never;

	return one_of("watchdog", opt->value, watchdogs, &never, errp);
}

bool do_no_reboot(App *app, const Option *opt, GError **errp)
{
	app->actions.reset_is_shutdown = true;
	return true;
}

bool do_no_shutdown(App *app, const Option *opt, GError **errp)
{
	app->actions.shutdown_pauses = true;
	return true;
}

/* --- what is not in this machine --- */

static bool asks_for_nothing(const Option *opt)
{
	return opt->value && g_strcmp0(opt->value, opt->def->quiet) == 0;
}

bool do_noted(App *app, const Option *opt, GError **errp)
{
	if (!asks_for_nothing(opt))
		cxb_message_warning(opt->def->help);
	return true;
}

bool do_refused(App *app, const Option *opt, GError **errp)
{
	return asks_for_nothing(opt) || cxb_fail(errp, CXB_ERROR_INVALID, "%s", opt->def->help);
}
