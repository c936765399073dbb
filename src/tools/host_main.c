/* SPDX-License-Identifier: Apache-2.0 */
/* cxlbox-host: the built-in host driver on a machine in another process. */
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "busclient/client.h"
#include "host/host.h"
#include "host_control.h"
#include "host_exec.h"
#include "host_print.h"

#define POLL_MS      10
#define LOOK_ALL     100 /* polls after which every device is asked, message or none */
#define DEFAULT_IDLE 500 /* ms */

typedef struct {
	GMainLoop *loop;
	CxbClock *clock;
	CxbWorkq *workq;
	CxbBusClient *machine;
	CxbHost *host;
	HostControl *control; /* NULL: programs are not served */
	bool once;
	int idle_ms;
	bool printed;
	unsigned polls;
	gint64 busy_until; /* monotonic us: idle from then on */
	bool failed;
} App;

static void say(void *opaque, const char *line)
{
	App *app = opaque;

	printf("%s\n", line);
	app->busy_until = g_get_monotonic_time() + app->idle_ms * G_GINT64_CONSTANT(1000);
	if (app->control)
		host_control_look(app->control);
}

static void stop(App *app, const char *why)
{
	if (why) {
		fprintf(stderr, "%s: %s\n", g_get_prgname(), why);
		app->failed = true;
	}
	g_main_loop_quit(app->loop);
}

static gboolean tick(gpointer opaque)
{
	App *app = opaque;
	g_autoptr(GError) err = NULL;
	gint64 now = g_get_monotonic_time();
	/* Before handlers are queued that only look whether there is anything. */
	bool any, idle = cxb_workq_idle(app->workq);

	if (cxb_host_state(app->host) == CXB_HOST_FAILED) {
		stop(app, cxb_host_error(app->host));
		return G_SOURCE_CONTINUE;
	}
	if (!cxb_bus_client_poll(app->machine, ++app->polls % LOOK_ALL == 0, &any, &err)) {
		stop(app, err->message);
		return G_SOURCE_CONTINUE;
	}
	if (any || cxb_host_state(app->host) != CXB_HOST_READY)
		app->busy_until = now + app->idle_ms * G_GINT64_CONSTANT(1000);
	if (cxb_host_state(app->host) == CXB_HOST_READY && !app->printed) {
		app->printed = true;
		cxb_host_print(app->host);
		printf("ready\n");
	}
	if (app->once && now >= app->busy_until && idle)
		stop(app, NULL);
	return G_SOURCE_CONTINUE;
}

static gboolean on_signal(gpointer opaque)
{
	stop(opaque, NULL);
	return G_SOURCE_CONTINUE;
}

/* "ask" needs somebody to ask; there is nobody here. */
static bool policy_parse(const char *option, const char *text, bool may_reject, CxbHostPolicy *out,
			 GError **errp)
{
	if (!text)
		return true;
	return (cxb_host_policy_parse(text, out) && *out != CXB_HOST_ASK &&
		(may_reject || *out != CXB_HOST_REJECT)) ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "%s %s: one of all, %signore", option, text,
			may_reject ? "reject, " : "");
}

static bool serve_programs(App *app, const char *path, GError **errp)
{
	HostControlConfig config = { .path = path, .host = app->host, .workq = app->workq };

	if (!cxb_bus_client_memory(app->machine, &config.memory, errp))
		return false;
	app->control = host_control_new(&config, errp);
	if (!app->control && config.memory >= 0)
		close(config.memory);
	return app->control;
}

/* @control: where programs get their memory; NULL: nowhere */
static bool run(App *app, const char *bus, const char *control, CxbHostConfig *host_config,
		GError **errp)
{
	guint sources[3];

	app->machine = cxb_bus_client_open(bus, app->workq, errp);
	if (!app->machine) {
		g_prefix_error(errp, "--bus %s: ", bus);
		return false;
	}
	host_config->bus = cxb_bus_client_bus(app->machine);
	app->host = cxb_host_new(host_config);
	if (control && !serve_programs(app, control, errp)) {
		g_prefix_error(errp, "--control %s: ", control);
		return false;
	}
	app->busy_until = G_MAXINT64;
	sources[0] = g_timeout_add(POLL_MS, tick, app);
	sources[1] = g_unix_signal_add(SIGTERM, on_signal, app);
	sources[2] = g_unix_signal_add(SIGINT, on_signal, app);
	cxb_host_start(app->host);
	g_main_loop_run(app->loop);
	for (unsigned i = 0; i < G_N_ELEMENTS(sources); i++)
		g_source_remove(sources[i]);
	g_clear_pointer(&app->control, host_control_free);
	if (!app->failed)
		cxb_host_print_extents(app->host);
	return true;
}

int main(int argc, char **argv)
{
	g_autofree char *prog = g_path_get_basename(argv[0]);
	g_autofree char *bus = NULL, *accept = NULL, *release = NULL, *control = NULL;
	g_autofree char *usage = cxb_bus_client_usage();
	gboolean once = FALSE, version = FALSE;
	int idle = DEFAULT_IDLE;
	const GOptionEntry entries[] = {
		{ "bus", 0, 0, G_OPTION_ARG_STRING, &bus, "Where the machine is", usage },
		{ "accept", 0, 0, G_OPTION_ARG_STRING, &accept, "What becomes of offers",
		  "all|reject|ignore" },
		{ "release", 0, 0, G_OPTION_ARG_STRING, &release,
		  "What becomes of requests to give memory back", "all|ignore" },
		{ "control", 0, 0, G_OPTION_ARG_FILENAME, &control,
		  "Hand programs their memory by tag, at a unix socket", "PATH" },
		{ "once", 0, 0, G_OPTION_ARG_NONE, &once, "End when nothing happens any more",
		  NULL },
		{ "idle", 0, 0, G_OPTION_ARG_INT, &idle, "How long that must be so (default 500)",
		  "MS" },
		{ "version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version", NULL },
		{ NULL },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) err = NULL;
	CxbHostConfig host_config = { .accept = CXB_HOST_ALL, .release = CXB_HOST_ALL };
	App app = { 0 };
	bool good;

	g_set_prgname(prog);
	if (argc > 1 && strcmp(argv[1], "exec") == 0)
		return host_exec_main(argc - 1, argv + 1);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	g_option_context_add_main_entries(context, entries, NULL);
	good = g_option_context_parse(context, &argc, &argv, &err);
	if (good && version) {
		printf("cxlbox-host version " CXB_VERSION "\n");
		return 0;
	}
	if (good && argc > 1)
		good = cxb_fail(&err, CXB_ERROR_INVALID, "'%s': what is that?", argv[1]);
	if (good && !bus)
		good = cxb_fail(&err, CXB_ERROR_INVALID, "--bus is missing");
	if (good && idle < 0)
		good = cxb_fail(&err, CXB_ERROR_INVALID, "--idle %d: not a time", idle);
	good = good && policy_parse("--accept", accept, true, &host_config.accept, &err) &&
	       policy_parse("--release", release, false, &host_config.release, &err);
	if (good) {
		app.once = once;
		app.idle_ms = idle;
		app.loop = g_main_loop_new(NULL, FALSE);
		app.clock = cxb_clock_new_real(NULL);
		app.workq = cxb_workq_new(NULL);
		host_config.clock = app.clock;
		host_config.workq = app.workq;
		host_config.say = say;
		host_config.opaque = &app;
		good = run(&app, bus, control, &host_config, &err);
		cxb_host_free(app.host);
		cxb_bus_client_close(app.machine);
		cxb_workq_free(app.workq);
		cxb_clock_free(app.clock);
		g_main_loop_unref(app.loop);
	}
	if (!good)
		fprintf(stderr, "%s: %s\n", prog, err->message);
	return !good || app.failed;
}
