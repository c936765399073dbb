/* SPDX-License-Identifier: Apache-2.0 */
#include "window.h"

#include <string.h>

#include "bars.h"
#include "base/error.h"
#include "devices/cxl.h"

#define SERVICE   "guest-windows"
#define TYPE_NAME "cxl-guest-window"

typedef struct {
	CxbObject obj;

	/* properties */
	char *qmp, *window;

	CxbMachine *m;
	Bars *bars; /* NULL: not started */
} GuestWindow;

static const char *socket_path(const GuestWindow *g)
{
	return g_str_has_prefix(g->qmp, "unix:") ? g->qmp + strlen("unix:") : g->qmp;
}

static bool start(GuestWindow *g, GError **errp)
{
	CxbDevice *window = cxb_cxl_window_find(cxb_machine_qom(g->m), g->window, errp);
	BarsConfig config = {
		.name = g->obj.name,
		.path = socket_path(g),
		.device = g->window,
		.context = cxb_machine_context(g->m),
		.clock = cxb_machine_clock(g->m),
	};

	if (!window)
		return false;
	for (unsigned nr = 0; nr < CXB_PCI_BARS; nr++) {
		Bar bar = { .nr = nr };

		if (cxb_cxl_window_bar(window, nr, &bar.hpa, &bar.size))
			config.bars[config.n_bars++] = bar;
	}
	g->bars = bars_new(&config);
	return true;
}

/* --- the object --- */

/* The machine is its own service once it is done. */
static bool complete(CxbObject *obj, GError **errp)
{
	GuestWindow *g = (GuestWindow *)obj;

	g->m = cxb_qom_get_service(obj->qom, SERVICE);
	if (!cxb_machine_is_remote(g->m))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				TYPE_NAME
				" is of machine x-remote: others have their windows here");
	if (!g->qmp)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'qmp' is missing");
	if (!g->window)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'window' is missing");
	return !cxb_machine_is_done(g->m) || start(g, errp);
}

static void unparent(CxbObject *obj)
{
	g_clear_pointer(&((GuestWindow *)obj)->bars, bars_free);
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
	{ "window", CXB_PROP_STR, offsetof(GuestWindow, window),
	  .desc = "id of the cxl-window, here and in the guest's QEMU" },
	{ "state", CXB_PROP_FN, .flags = CXB_PROP_RDONLY, .type_name = "str", .get = get_state,
	  .desc = "connecting, placing, ready, or failed and why" },
	{ NULL },
};

static const CxbType window_type = {
	.name = TYPE_NAME,
	.desc = "puts a served window where it is in the guest that has it",
	.size = sizeof(GuestWindow),
	.flags = CXB_TYPE_USER_OBJECT,
	.props = props,
	.complete = complete,
	.unparent = unparent,
};

/* --- all of them --- */

void guest_windows_init(CxbMachine *m)
{
	cxb_qom_set_service(cxb_machine_qom(m), SERVICE, m);
	cxb_qom_register(cxb_machine_qom(m), &window_type);
}

bool guest_windows_start(CxbMachine *m, GError **errp)
{
	g_autoptr(GPtrArray) list = cxb_user_objects(cxb_machine_qom(m), TYPE_NAME);

	for (guint i = 0; i < list->len; i++)
		if (!start(list->pdata[i], errp))
			return false;
	return true;
}

void guest_windows_stop(CxbMachine *m)
{
	g_autoptr(GPtrArray) list = cxb_user_objects(cxb_machine_qom(m), TYPE_NAME);

	for (guint i = 0; i < list->len; i++)
		unparent(list->pdata[i]);
}
