/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu_run.h"

#include <glib-unix.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/message.h"
#include "qemu_proxy.h"

#define PATIENCE_MS 10000 /* for a program that was asked to end; then it is killed */

typedef struct Run Run;

typedef struct {
	Run *run;
	QemuSide side;
	const char *name; /* for messages */
	GPid pid;         /* 0: it does not run */
	guint watch, patience;
	CxbQmpClient *qmp;
	bool talks; /* QMP; it has been ready and has not closed */
} Child;

struct Run {
	const QemuPlan *plan;
	GMainLoop *loop;
	pid_t self;
	Child children[QEMU_SIDES];
	QemuProxy *proxy;
	int status;
	bool started; /* QEMU was */
	bool ending;
	GError *err;
};

/* --- programs --- */

/* In the child: it goes when we do, however we go. cxlbox is not the terminal's: what is typed there is
 * for the guest, and its end is ours to say. */
static void before_exec(gpointer opaque)
{
	const Child *child = opaque;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != child->run->self)
		_exit(1); /* we went before it could follow us */
	if (child->side == QEMU_SIDE_CXLBOX)
		setpgid(0, 0);
}

static void child_ended(GPid pid, gint wait_status, gpointer opaque);

static bool spawn(Child *child, GPtrArray *line /* taken */, GError **errp)
{
	GSpawnFlags flags =
		G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH | G_SPAWN_LEAVE_DESCRIPTORS_OPEN;
	bool ok;

	if (child->side == QEMU_SIDE_QEMU)
		flags |= G_SPAWN_CHILD_INHERITS_STDIN;
	ok = g_spawn_async(NULL, (char **)line->pdata, NULL, flags, before_exec, child, &child->pid,
			   errp);
	g_ptr_array_unref(line);
	if (ok)
		child->watch = g_child_watch_add(child->pid, child_ended, child);
	return ok;
}

/* It takes too long. */
static gboolean out_of_patience(gpointer opaque)
{
	Child *child = opaque;

	child->patience = 0;
	kill(child->pid, SIGKILL);
	return G_SOURCE_REMOVE;
}

/* A program that is asked by QMP says nothing about it on stderr. */
static void ask_to_end(Child *child)
{
	if (!child->pid || child->patience)
		return;
	if (child->talks)
		cxb_qmp_client_send(child->qmp, "quit", NULL, NULL, NULL);
	else
		kill(child->pid, SIGTERM);
	child->patience = g_timeout_add(PATIENCE_MS, out_of_patience, child);
}

/* Both, whichever still run. */
static void end(Run *run)
{
	run->ending = true;
	for (unsigned i = 0; i < QEMU_SIDES; i++)
		ask_to_end(&run->children[i]);
	if (!run->children[QEMU_SIDE_CXLBOX].pid && !run->children[QEMU_SIDE_QEMU].pid)
		g_main_loop_quit(run->loop);
}

static void fail(Run *run, GError *err /* taken */)
{
	if (run->err)
		g_error_free(err);
	else
		run->err = err;
	end(run);
}

static int status_of(gint wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

static void child_ended(GPid pid, gint wait_status, gpointer opaque)
{
	Child *child = opaque;
	Run *run = child->run;
	const int status = status_of(wait_status);

	g_spawn_close_pid(pid);
	child->pid = 0;
	child->watch = 0;
	if (child->patience)
		g_source_remove(child->patience);
	child->patience = 0;
	if (child->side == QEMU_SIDE_QEMU) {
		/* If cxlbox went first that counts. */
		if (!run->ending || run->children[QEMU_SIDE_CXLBOX].pid)
			run->status = status;
	} else if (!run->started) {
		run->status = status; /* it has said why, or printed help */
	} else if (!run->ending) {
		cxb_message("cxlbox has ended, with status %d: the guest has lost its CXL memory",
			    status);
		run->status = 1;
	}
	end(run);
}

/* --- what they say --- */

static char *path_of(json_object *list, const char *id)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *item = json_object_array_get_idx(list, i), *name, *path;

		if (json_object_object_get_ex(item, "id", &name) &&
		    g_strcmp0(json_object_get_string(name), id) == 0 &&
		    json_object_object_get_ex(item, "path", &path))
			return g_strdup(json_object_get_string(path));
	}
	return NULL;
}

static bool find_paths(Run *run, json_object *list, GPtrArray *paths, GError **errp)
{
	const GArray *statics = run->plan->guest->statics;

	for (guint i = 0; i < statics->len; i++) {
		const char *id = g_array_index(statics, QemuStatic, i).memdev;
		char *path = path_of(list, id);

		if (!path)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"cxlbox does not say where the bytes of '%s' are", id);
		g_ptr_array_add(paths, path);
	}
	return true;
}

/* cxlbox is there, and serves. */
static void have_backends(void *opaque, json_object *ret, const char *error)
{
	Run *run = opaque;
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	GError *err = NULL;

	if (run->ending)
		return;
	if (!find_paths(run, ret, paths, &err) ||
	    !spawn(&run->children[QEMU_SIDE_QEMU], qemu_plan_qemu(run->plan, paths), &err)) {
		fail(run, err);
		return;
	}
	run->started = true;
}

static void client_ready(void *opaque)
{
	Child *child = opaque;

	child->talks = true;
	qemu_proxy_side(child->run->proxy, child->side, child->qmp);
	if (child->side == QEMU_SIDE_CXLBOX)
		cxb_qmp_client_send(child->qmp, "query-memdev", NULL, have_backends, child->run);
}

static void client_event(void *opaque, const char *name, json_object *event)
{
	const Child *child = opaque;

	qemu_proxy_event(child->run->proxy, child->side, name, event);
}

/* The program is about to end; its status says how. */
static void client_closed(void *opaque, const char *why)
{
	Child *child = opaque;

	child->talks = false;
	if (why)
		cxb_message("%s: QMP: %s", child->name, why);
	qemu_proxy_side(child->run->proxy, child->side, NULL);
}

static const CxbQmpClientOps client_ops = { client_ready, client_event, client_closed };

/* --- signals --- */

static gboolean on_signal(Run *run, int number)
{
	Child *qemu = &run->children[QEMU_SIDE_QEMU];

	if (qemu->pid)
		kill(qemu->pid, number);
	else
		end(run);
	return G_SOURCE_CONTINUE;
}

static gboolean on_sigterm(gpointer opaque)
{
	return on_signal(opaque, SIGTERM);
}

static gboolean on_sigint(gpointer opaque)
{
	return on_signal(opaque, SIGINT);
}

static gboolean on_sighup(gpointer opaque)
{
	return on_signal(opaque, SIGHUP);
}

/* --- all --- */

static bool start(Run *run, const Option **culprit, GError **errp)
{
	Child *cxlbox = &run->children[QEMU_SIDE_CXLBOX], *qemu = &run->children[QEMU_SIDE_QEMU];

	run->proxy = qemu_proxy_new(run->plan, NULL, culprit, errp);
	if (!run->proxy)
		return false;
	cxlbox->qmp = cxb_qmp_client_listen(run->plan->cxlbox_qmp, NULL, &client_ops, cxlbox, errp);
	if (!cxlbox->qmp)
		return false;
	qemu->qmp = cxb_qmp_client_listen(run->plan->qemu_qmp, NULL, &client_ops, qemu, errp);
	return qemu->qmp && spawn(cxlbox, qemu_plan_cxlbox(run->plan), errp);
}

static void run_fini(Run *run)
{
	for (unsigned i = 0; i < QEMU_SIDES; i++)
		cxb_qmp_client_free(run->children[i].qmp);
	qemu_proxy_free(run->proxy);
	g_main_loop_unref(run->loop);
}

bool qemu_run(const QemuPlan *plan, int *status, const Option **culprit, GError **errp)
{
	Run run = {
		.plan = plan,
		.loop = g_main_loop_new(NULL, FALSE),
		.self = getpid(),
	};
	bool ok;

	run.children[QEMU_SIDE_CXLBOX] =
		(Child){ .run = &run, .side = QEMU_SIDE_CXLBOX, .name = plan->config->cxlbox };
	run.children[QEMU_SIDE_QEMU] =
		(Child){ .run = &run, .side = QEMU_SIDE_QEMU, .name = plan->config->qemu };
	ok = start(&run, culprit, errp);
	if (ok) {
		const guint sources[] = {
			g_unix_signal_add(SIGTERM, on_sigterm, &run),
			g_unix_signal_add(SIGINT, on_sigint, &run),
			g_unix_signal_add(SIGHUP, on_sighup, &run),
		};

		g_main_loop_run(run.loop);
		for (unsigned i = 0; i < G_N_ELEMENTS(sources); i++)
			g_source_remove(sources[i]);
		ok = !run.err;
		if (run.err)
			g_propagate_error(errp, run.err);
	}
	*status = run.status;
	run_fini(&run);
	return ok;
}
