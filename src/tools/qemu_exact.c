/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu_exact.h"

#include <inttypes.h>

#include "devices/cxl.h"
#include "io/json_put.h"
#include "qemu_words.h"

#define PLACER QEMU_GUEST_PREFIX "cxlbox-windows"

static void add_function(QemuSplit *split, const char *dir, const char *id, const QemuHidden *place)
{
	g_autofree char *path = qemu_split_socket(dir, id);
	g_autofree char *addr = g_strdup_printf("%x.%x", place->slot, place->function);
	json_object *o = json_object_new_object(), *socket = json_object_new_object();

	cxb_json_put_str(o, "driver", "vfio-user-pci");
	cxb_json_put_str(o, "id", id);
	cxb_json_put_str(o, "bus", QEMU_ROOT_BUS);
	cxb_json_put_str(o, "addr", addr);
	cxb_json_put_str(socket, "type", "unix");
	cxb_json_put_str(socket, "path", path);
	json_object_object_add(o, "socket", socket);
	qemu_words_add(split->qemu, "-device",
		       json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

static void add_window(QemuSplit *split, const char *dir, const char *id, uint64_t base,
		       uint64_t size)
{
	g_autofree char *path = qemu_split_socket(dir, id);
	g_autofree char *socket = qemu_words_quote(path), *length = qemu_words_size(size);

	qemu_words_add_fmt(split->cxlbox, "-device", "cxl-window,id=%s,base=0x%" PRIx64 ",size=%s",
			   id, base, length);
	qemu_words_add_fmt(split->cxlbox, "-object",
			   "x-vfio-user-server,id=" QEMU_SERVER_PREFIX "%s,device=%s,path=%s", id,
			   id, socket);
}

/* By these it is asked about at the one monitor of both. */
static void note_ids(QemuSplit *split, const char *id)
{
	g_hash_table_insert(split->objects, g_strdup(id), NULL);
	g_hash_table_insert(split->objects, g_strconcat(QEMU_SERVER_PREFIX, id, NULL), NULL);
}

/* The two ends of the way by which cxlbox puts @ids in their places. */
static void add_placer(QemuSplit *split, const char *dir, const GPtrArray *ids)
{
	g_autofree char *qmp = g_build_filename(dir, "cxlbox-windows.qmp", NULL);
	g_autofree char *quoted = qemu_words_quote(qmp);
	GString *value = g_string_new(NULL);

	g_string_printf(value, "cxl-guest-window,id=" PLACER ",qmp=unix:%s", quoted);
	for (guint i = 0; i < ids->len; i++)
		g_string_append_printf(value, ",windows.%u=%s", i, (char *)ids->pdata[i]);
	qemu_words_add(split->cxlbox, "-object", value->str);
	g_string_free(value, TRUE);
	qemu_words_add_fmt(split->qemu, "-qmp", "unix:%s,server=on,wait=off", quoted);
	g_hash_table_insert(split->objects, g_strdup(PLACER), NULL);
}

/* In as many functions as it takes. */
static bool add_functions(QemuSplit *split, const char *dir, unsigned index, QemuExactWindow w,
			  QemuHidden *place, GPtrArray *ids, GError **errp)
{
	for (unsigned n = 0; w.size; n++) {
		const uint64_t reach = cxb_cxl_window_reach(w.base, w.size);
		char *id = g_strdup_printf("cxlbox-window%u.%u", index, n);

		g_ptr_array_add(ids, id);
		if (!qemu_guest_next_hidden(split, place, "windows", errp))
			return false;
		add_window(split, dir, id, w.base, reach);
		add_function(split, dir, id, place);
		note_ids(split, id);
		w.base += reach;
		w.size -= reach;
	}
	return true;
}

bool qemu_exact_add(QemuSplit *split, const char *dir, const QemuExactWindow *windows, unsigned n,
		    GError **errp)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	QemuHidden place = { 0 };

	for (unsigned i = 0; i < n; i++)
		if (!add_functions(split, dir, i, windows[i], &place, ids, errp))
			return false;
	add_placer(split, dir, ids);
	return true;
}
