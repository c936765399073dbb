/* SPDX-License-Identifier: Apache-2.0 */
/* cxlbox: from the command line to a running machine, and its end. */
#include <glib-unix.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app.h"
#include "base/error.h"
#include "base/message.h"
#include "help.h"

static void app_fini(App *app)
{
	cxb_doors_free(app->doors);
	cxb_qmp_free(app->qmp);
	cxb_host_free(app->qmp_host.host);
	if (app->guests)
		cxb_guests_stop(app->guests);
	if (app->vfio_user)
		cxb_vfio_user_stop(app->vfio_user);
	cxb_machine_free(app->machine);
	cxb_vfio_user_free(app->vfio_user);
	cxb_guests_free(app->guests);
	cxb_chardevs_free(app->chardevs); /* devices gave theirs back */
	pidfile_remove(&app->pidfile);
	g_free(app->name);
	g_main_loop_unref(app->loop);
	if (app->options)
		g_ptr_array_unref(app->options);
	cxb_message_style(false, NULL);
}

/* --- the end --- */

static gboolean quit_loop(gpointer opaque)
{
	g_main_loop_quit(opaque);
	return G_SOURCE_REMOVE;
}

static void shutdown_asked(void *opaque, const CxbMachineShutdown *event)
{
	App *app = opaque;

	/* From the loop, so that the answer to "quit" gets out first. */
	if (event->ends)
		g_idle_add(quit_loop, app->loop);
}

static gboolean on_signal(App *app, int number, const char *name)
{
	cxb_message("terminating on signal %d (%s)", number, name);
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

/* -help and -version, whatever else there is. */
static bool printed(const App *app)
{
	for (guint i = 0; i < app->options->len; i++) {
		const OptKind kind = ((Option *)app->options->pdata[i])->def->kind;

		if (kind == OPT_HELP)
			cxb_print_help(g_get_prgname());
		else if (kind == OPT_VERSION)
			cxb_print_version();
		else
			continue;
		return true;
	}
	return false;
}

/* Exit status of the program. */
static int app_main(App *app, int argc, char **argv)
{
	g_autoptr(GError) err = NULL;
	const Option *culprit = NULL;
	Option *bad = NULL;
	bool help;

	app->options = cxb_cmdline_parse(argc, argv, NULL, &bad, &err);
	if (!app->options) {
		cxb_option_print_error(bad, err);
		cxb_option_free(bad);
		return 1;
	}
	if (printed(app))
		return 0;
	if (app_start(app, &culprit, &err)) {
		run(app);
		return 0;
	}
	help = g_error_matches(err, CXB_ERROR, CXB_ERROR_HELP);
	if (!help)
		cxb_option_print_error(culprit, err);
	return help ? 0 : 1;
}

int main(int argc, char **argv)
{
	g_autofree char *prog = g_path_get_basename(argv[0]);
	App app = { .parent = getppid() };
	int status;

	g_set_prgname(prog);
	raise_descriptor_limit();
	signal(SIGPIPE, SIG_IGN);
	app.loop = g_main_loop_new(NULL, FALSE);
	status = app_main(&app, argc, argv);
	app_fini(&app);
	return status;
}
