/* SPDX-License-Identifier: Apache-2.0 */
#include "doors.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "io/json.h"

typedef struct {
	DoorKind kind;
	CxbChardev *chr; /* owned until opened */
} Door;

/* What query-chardev tells of one. */
typedef struct {
	char *label;
	const CxbChardev *chr; /* lives as long as the doors */
} Listed;

struct Doors {
	GMainContext *context;
	bool no_stdio;
	CxbChardevs *chardevs;
	GPtrArray *doors; /* Door *, in the order written */
	GPtrArray *qtests;
	GArray *listed;    /* Listed */
	unsigned monitors; /* that have no chardev of a name of their own */
};

static void door_free(gpointer data)
{
	Door *door = data;

	cxb_chardev_free(door->chr);
	g_free(door);
}

static void listed_clear(gpointer data)
{
	g_free(((Listed *)data)->label);
}

Doors *cxb_doors_new(GMainContext *context, CxbChardevs *chardevs)
{
	Doors *d = g_new0(Doors, 1);

	d->context = context;
	d->chardevs = chardevs;
	d->doors = g_ptr_array_new_with_free_func(door_free);
	d->qtests = g_ptr_array_new_with_free_func((GDestroyNotify)cxb_qtest_free);
	d->listed = g_array_new(false, false, sizeof(Listed));
	g_array_set_clear_func(d->listed, listed_clear);
	return d;
}

void cxb_doors_forbid_stdio(Doors *d)
{
	d->no_stdio = true;
}

void cxb_doors_free(Doors *d)
{
	if (!d)
		return;
	g_array_unref(d->listed);
	g_ptr_array_unref(d->qtests);
	g_ptr_array_unref(d->doors);
	g_free(d);
}

static CxbChardev *make_chardev(Doors *d, CxbOpts *opts, const char *written, GError **errp)
{
	const char *backend;

	if (!cxb_opts_get_str(opts, "backend", &backend, errp))
		return NULL;
	if (d->no_stdio && g_strcmp0(backend, "stdio") == 0) {
		cxb_fail(errp, CXB_ERROR_INVALID, "cannot use stdio with -daemonize");
		return NULL;
	}
	return cxb_chardev_new(opts, d->context, written, errp);
}

static void print_backends(void)
{
	printf("Available chardev backend types:\n");
	for (unsigned i = 0; cxb_chardev_backend(i); i++)
		printf("  %s\n", cxb_chardev_backend(i));
}

static void list(Doors *d, char *label /* taken */, const CxbChardev *chr)
{
	g_array_append_vals(d->listed, &(Listed){ label, chr }, 1);
}

void cxb_doors_foreach(const Doors *d, CxbDoorsFn fn, void *opaque)
{
	for (guint i = 0; i < d->listed->len; i++) {
		const Listed *l = &g_array_index(d->listed, Listed, i);

		fn(opaque, l->label, l->chr);
	}
}

static void add(Doors *d, DoorKind kind, CxbChardev *chr)
{
	Door *door = g_new0(Door, 1);

	*door = (Door){ kind, chr };
	g_ptr_array_add(d->doors, door);
}

bool cxb_doors_chardev(Doors *d, const char *value, const char *written, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(value, "backend", true, errp);
	CxbChardev *chr;
	const char *id;

	if (!opts || !cxb_opts_get_str(opts, "id", &id, errp))
		return false;
	if (cxb_opts_has(opts, "help")) {
		print_backends();
		return cxb_fail(errp, CXB_ERROR_HELP, "help");
	}
	if (!id)
		return cxb_fail(errp, CXB_ERROR_INVALID, "chardev: no id specified");
	if (!cxb_id_valid(id))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Parameter 'id' expects an identifier\n"
				"Identifiers consist of letters, digits, '-', '.', '_', starting "
				"with a letter.");
	if (cxb_chardevs_has(d->chardevs, id))
		return cxb_fail(errp, CXB_ERROR_INVALID, "Duplicate ID '%s' for chardev", id);
	chr = make_chardev(d, opts, written, errp);
	if (!chr)
		return false;
	cxb_chardevs_add(d->chardevs, id, chr);
	list(d, g_strdup(id), chr);
	return true;
}

/* The chardev called @id, for a door of its own. */
static CxbChardev *take(Doors *d, const char *id, GError **errp)
{
	CxbChardev *chr = cxb_chardevs_take(d->chardevs, id);

	if (chr)
		return chr;
	if (cxb_chardevs_has(d->chardevs, id))
		cxb_fail(errp, CXB_ERROR_BUSY, "chardev '%s' is already in use", id);
	else
		cxb_fail(errp, CXB_ERROR_INVALID, "chardev \"%s\" not found", id);
	return NULL;
}

bool cxb_doors_add(Doors *d, DoorKind kind, const char *value, const char *written, GError **errp)
{
	g_autoptr(CxbOpts) opts = NULL;
	CxbChardev *chr;

	if ((kind == DOOR_QTEST || kind == DOOR_HMP) && strcmp(value, "none") == 0)
		return true;
	if (g_str_has_prefix(value, "chardev:")) {
		chr = take(d, value + strlen("chardev:"), errp);
	} else {
		opts = cxb_chardev_parse_legacy(value, errp);
		chr = opts ? make_chardev(d, opts, written, errp) : NULL;
		if (chr)
			list(d,
			     kind == DOOR_QTEST
				     ? g_strdup("qtest")
				     : g_strdup_printf("compat_monitor%u", d->monitors++),
			     chr);
	}
	if (!chr)
		return false;
	add(d, kind, chr);
	return true;
}

/* What -mon and -object have in common: a chardev and, for QMP, whether to indent. */
static bool add_monitor(Doors *d, bool hmp, CxbOpts *opts, GError **errp)
{
	const CxbScalar *v = hmp ? NULL : cxb_opts_find(opts, "pretty");
	const char *id, *unknown;
	bool pretty = false;
	CxbChardev *chr;

	if (v && v->kind == CXB_SCALAR_BOOL)
		pretty = v->b;
	else if (v && (v->kind != CXB_SCALAR_TEXT || !cxb_parse_bool(v->s, &pretty)))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Parameter 'pretty' expects 'on' or 'off'");
	if (!cxb_opts_get_str(opts, "chardev", &id, errp))
		return false;
	if (!id)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'chardev' is missing");
	unknown = cxb_opts_unused(opts);
	if (unknown)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Invalid parameter '%s'", unknown);
	chr = take(d, id, errp);
	if (!chr)
		return false;
	add(d, hmp ? DOOR_HMP : pretty ? DOOR_QMP_PRETTY : DOOR_QMP, chr);
	return true;
}

bool cxb_doors_mon(Doors *d, const char *value, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(value, "chardev", true, errp);
	const char *mode;
	bool hmp;

	if (!opts || !cxb_opts_get_str(opts, "mode", &mode, errp))
		return false;
	hmp = !mode || strcmp(mode, "readline") == 0;
	if (!hmp && strcmp(mode, "control") != 0)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Parameter 'mode' does not accept value '%s'", mode);
	if (hmp && cxb_opts_has(opts, "pretty"))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"'pretty' is not compatible with HMP monitors");
	cxb_opts_find(opts, "id");
	return add_monitor(d, hmp, opts, errp);
}

bool cxb_doors_monitor_object(Doors *d, CxbOpts *opts, GError **errp)
{
	const char *type, *id;

	if (!cxb_opts_get_str(opts, "qom-type", &type, errp) ||
	    !cxb_opts_get_str(opts, "id", &id, errp))
		return false;
	if (!id)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'id' is missing");
	return add_monitor(d, strcmp(type, MONITOR_HMP_TYPE) == 0, opts, errp);
}

static bool speak(Doors *d, const Door *door, CxbMachine *m, CxbQmp *qmp, const char *qtest_log,
		  GError **errp)
{
	CxbQtest *qtest;

	switch (door->kind) {
	case DOOR_QMP:
	case DOOR_QMP_PRETTY:
		return cxb_qmp_serve(qmp, door->chr, door->kind == DOOR_QMP_PRETTY, errp);
	case DOOR_HMP:
		return cxb_qmp_serve_hmp(qmp, door->chr, errp);
	case DOOR_QTEST:
		break;
	}
	qtest = cxb_qtest_new(m, door->chr, qtest_log, errp);
	if (qtest)
		g_ptr_array_add(d->qtests, qtest);
	return qtest;
}

bool cxb_doors_open(Doors *d, CxbMachine *m, CxbQmp *qmp, const char *qtest_log, GError **errp)
{
	for (guint i = 0; i < d->doors->len; i++) {
		Door *door = d->doors->pdata[i];

		if (!cxb_chardev_wait(door->chr, errp) || !speak(d, door, m, qmp, qtest_log, errp))
			return false;
		door->chr = NULL;
	}
	return true;
}
