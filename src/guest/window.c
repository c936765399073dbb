/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All windows of a guest are put in their places when it commits the first decoder. That decoder shows that
 * it is committed once they are there, or after as long as software waits for it.
 */
#include "window.h"

#include <string.h>

#include "bars.h"
#include "base/error.h"
#include "devices/cxl.h"

#define SERVICE     "guest-windows"
#define TYPE_NAME   "cxl-guest-window"
#define MAX_WINDOWS 256
#define SETTLE_NS   (8 * G_GINT64_CONSTANT(1000000)) /* a commit takes 10 ms at most (8.2.4.20.12) */

struct GuestWindows {
	CxbMachine *m;
	bool started;
	guint listener;
	CxbTimer *settle;
	GPtrArray *settling; /* CxbDevice *, referenced: endpoints that show a commit later */
};

typedef struct {
	CxbObject obj;

	/* properties */
	char *qmp;
	GPtrArray *ids; /* char * */

	GuestWindows *all;
	GPtrArray *windows; /* CxbDevice *, referenced */
	Bars *bars;         /* NULL: not started */
} GuestWindow;

static GPtrArray *objects(const GuestWindows *all)
{
	return cxb_user_objects(cxb_machine_qom(all->m), TYPE_NAME);
}

/* --- commits --- */

static void settle(void *opaque)
{
	GuestWindows *all = opaque;

	cxb_timer_disarm(all->settle);
	for (guint i = 0; i < all->settling->len; i++) {
		CxbDevice *endpoint = all->settling->pdata[i];

		if (endpoint->realized)
			cxb_cxl_endpoint_settle(endpoint);
	}
	g_ptr_array_set_size(all->settling, 0);
}

/* One of the windows is that of the machine that has @endpoint. */
static bool is_for(const GuestWindow *g, const CxbDevice *endpoint)
{
	for (guint i = 0; g->bars && i < g->windows->len; i++) {
		const CxbDevice *window = g->windows->pdata[i];

		if (window->realized && cxb_cxl_window_is_for(window, endpoint))
			return true;
	}
	return false;
}

static bool any_placing(const GuestWindows *all, const CxbDevice *endpoint)
{
	g_autoptr(GPtrArray) list = objects(all);

	for (guint i = 0; i < list->len; i++) {
		const GuestWindow *g = list->pdata[i];

		if (is_for(g, endpoint) && bars_placing(g->bars))
			return true;
	}
	return false;
}

/* All settle when the last of them can. */
static void placed(void *opaque)
{
	GuestWindows *all = ((GuestWindow *)opaque)->all;

	for (guint i = 0; i < all->settling->len; i++)
		if (any_placing(all, all->settling->pdata[i]))
			return;
	settle(all);
}

static bool used(void *opaque)
{
	const GuestWindow *g = opaque;

	for (guint i = 0; i < g->windows->len; i++) {
		const CxbDevice *window = g->windows->pdata[i];

		if (window->realized && cxb_cxl_window_is_used(window))
			return true;
	}
	return false;
}

static void decode_changed(void *opaque, CxbMachineDecode *event)
{
	GuestWindows *all = opaque;
	g_autoptr(GPtrArray) list = objects(all);

	for (guint i = 0; i < list->len; i++) {
		GuestWindow *g = list->pdata[i];

		if (is_for(g, event->endpoint) && used(g))
			bars_place(g->bars);
	}
	if (!event->committed || !any_placing(all, event->endpoint))
		return;
	event->settling = true;
	g_ptr_array_add(all->settling, cxb_object_ref(&event->endpoint->obj));
	if (!cxb_timer_armed(all->settle))
		cxb_timer_arm(all->settle, cxb_clock_now_ns(cxb_machine_clock(all->m)) + SETTLE_NS);
}

/* --- the object --- */

static const char *socket_path(const GuestWindow *g)
{
	return g_str_has_prefix(g->qmp, "unix:") ? g->qmp + strlen("unix:") : g->qmp;
}

static void function_clear(gpointer data)
{
	g_free(((BarsFunction *)data)->id);
}

static void add_function(GArray *functions, const CxbDevice *window)
{
	BarsFunction f = { .id = g_strdup(window->id) };

	for (unsigned nr = 0; nr < CXB_PCI_BARS; nr++) {
		Bar bar = { .nr = nr };

		if (cxb_cxl_window_bar(window, nr, &bar.hpa, &bar.size))
			f.bars[f.n_bars++] = bar;
	}
	g_array_append_val(functions, f);
}

static bool find_windows(GuestWindow *g, GError **errp)
{
	g_ptr_array_set_size(g->windows, 0);
	for (guint i = 0; i < g->ids->len; i++) {
		CxbDevice *window = cxb_cxl_window_find(g->obj.qom, g->ids->pdata[i], errp);

		if (!window)
			return false;
		g_ptr_array_add(g->windows, cxb_object_ref(&window->obj));
	}
	return true;
}

static bool start(GuestWindow *g, GError **errp)
{
	g_autoptr(GArray) functions = g_array_new(FALSE, FALSE, sizeof(BarsFunction));
	const BarsConfig config = {
		.name = g->obj.name,
		.path = socket_path(g),
		.context = cxb_machine_context(g->all->m),
		.clock = cxb_machine_clock(g->all->m),
		.functions = functions,
		.used = used,
		.placed = placed,
		.opaque = g,
	};

	g_array_set_clear_func(functions, function_clear);
	if (!find_windows(g, errp))
		return false;
	for (guint i = 0; i < g->windows->len; i++)
		add_function(functions, g->windows->pdata[i]);
	g->bars = bars_new(&config);
	return true;
}

static void stop(GuestWindow *g)
{
	if (!g->bars)
		return;
	g_clear_pointer(&g->bars, bars_free);
	placed(g);
	g_ptr_array_set_size(g->windows, 0);
}

static bool complete(CxbObject *obj, GError **errp)
{
	GuestWindow *g = (GuestWindow *)obj;

	g->all = cxb_qom_get_service(obj->qom, SERVICE);
	if (!cxb_machine_is_remote(g->all->m))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				TYPE_NAME
				" is of machine x-remote: others have their windows here");
	if (!g->qmp)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'qmp' is missing");
	if (!g->ids || !g->ids->len)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'windows' is missing");
	if (!cxb_str_list_check(g->ids, "windows", errp))
		return false;
	return !g->all->started || start(g, errp);
}

static bool can_delete(CxbObject *obj, GError **errp)
{
	const GuestWindow *g = (const GuestWindow *)obj;

	return !g->bars || !bars_hold_guest(g->bars) ||
	       cxb_fail(errp, CXB_ERROR_BUSY,
			"object '%s' is in use: the guest stands still for it", obj->name);
}

static void init(CxbObject *obj)
{
	((GuestWindow *)obj)->windows =
		g_ptr_array_new_with_free_func((GDestroyNotify)cxb_object_unref);
}

static void unparent(CxbObject *obj)
{
	stop((GuestWindow *)obj);
}

static void finalize(CxbObject *obj)
{
	GuestWindow *g = (GuestWindow *)obj;

	g_ptr_array_unref(g->windows);
	g_clear_pointer(&g->ids, g_ptr_array_unref);
}

static bool set_window(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		       GError **errp)
{
	return cxb_str_list_set(&((GuestWindow *)obj)->ids, MAX_WINDOWS, prop, key, v, errp);
}

static bool get_state(CxbObject *obj, const CxbProp *prop, CxbScalar *out, GError **errp)
{
	const GuestWindow *g = (const GuestWindow *)obj;

	*out = (CxbScalar){ .kind = CXB_SCALAR_STR,
			    .s = g_strdup(g->bars ? bars_state(g->bars) : "idle") };
	return true;
}

static const CxbProp props[] = {
	{ "qmp", CXB_PROP_STR, offsetof(GuestWindow, qmp),
	  .desc = "QMP of the guest's QEMU: unix:PATH, of nobody else" },
	{ "windows", CXB_PROP_FN, .flags = CXB_PROP_LIST, .type_name = "list",
	  .desc = "windows.N=ID: each cxl-window that it has, by its id here and there",
	  .set = set_window },
	{ "state", CXB_PROP_FN, .flags = CXB_PROP_RDONLY, .type_name = "str", .get = get_state,
	  .desc = "connecting, waiting, placing, ready, or failed and why" },
	{ NULL },
};

static const CxbType window_type = {
	.name = TYPE_NAME,
	.desc = "puts served windows where they are in the guest that has them",
	.size = sizeof(GuestWindow),
	.flags = CXB_TYPE_USER_OBJECT,
	.props = props,
	.init = init,
	.complete = complete,
	.can_delete = can_delete,
	.unparent = unparent,
	.finalize = finalize,
};

/* --- all of them --- */

GuestWindows *guest_windows_new(CxbMachine *m)
{
	GuestWindows *all = g_new0(GuestWindows, 1);

	all->m = m;
	all->settling = g_ptr_array_new_with_free_func((GDestroyNotify)cxb_object_unref);
	cxb_qom_set_service(cxb_machine_qom(m), SERVICE, all);
	cxb_qom_register(cxb_machine_qom(m), &window_type);
	return all;
}

bool guest_windows_start(GuestWindows *all, GError **errp)
{
	g_autoptr(GPtrArray) list = objects(all);

	all->started = true;
	all->settle = cxb_timer_new(cxb_machine_clock(all->m), settle, all);
	all->listener =
		cxb_decode_notify_add(cxb_machine_decode_notify(all->m), decode_changed, all);
	for (guint i = 0; i < list->len; i++)
		if (!start(list->pdata[i], errp))
			return false;
	return true;
}

void guest_windows_stop(GuestWindows *all)
{
	g_autoptr(GPtrArray) list = objects(all);

	for (guint i = 0; i < list->len; i++)
		stop(list->pdata[i]);
	if (!all->listener)
		return;
	settle(all);
	cxb_decode_notify_remove(cxb_machine_decode_notify(all->m), all->listener);
	all->listener = 0;
	g_clear_pointer(&all->settle, cxb_timer_free);
}

void guest_windows_free(GuestWindows *all)
{
	g_ptr_array_unref(all->settling);
	g_free(all);
}
