/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu_exact.h"

#include <inttypes.h>

#include "devices/cxl.h"
#include "io/json_put.h"
#include "qemu_words.h"

static void add_function(QemuSplit *split, const char *dir, const char *id, const char *qmp,
			 const QemuHidden *place)
{
	g_autofree char *path = qemu_split_socket(dir, id);
	g_autofree char *addr = g_strdup_printf("%x.%x", place->slot, place->function);
	g_autofree char *quoted = qemu_words_quote(qmp);
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
	qemu_words_add_fmt(split->qemu, "-qmp", "unix:%s,server=on,wait=off", quoted);
}

static void add_window(QemuSplit *split, const char *dir, const char *id, const char *qmp,
		       uint64_t base, uint64_t size)
{
	g_autofree char *path = qemu_split_socket(dir, id);
	g_autofree char *socket = qemu_words_quote(path), *quoted = qemu_words_quote(qmp);
	g_autofree char *length = qemu_words_size(size);

	qemu_words_add_fmt(split->cxlbox, "-device", "cxl-window,id=%s,base=0x%" PRIx64 ",size=%s",
			   id, base, length);
	qemu_words_add_fmt(split->cxlbox, "-object",
			   "x-vfio-user-server,id=" QEMU_SERVER_PREFIX "%s,device=%s,path=%s", id,
			   id, socket);
	qemu_words_add_fmt(split->cxlbox, "-object",
			   "cxl-guest-window,id=" QEMU_GUEST_PREFIX "%s,qmp=unix:%s,window=%s", id,
			   quoted, id);
}

/* By these it is asked about at the one monitor of both. */
static void note_ids(QemuSplit *split, const char *id)
{
	static const char *const prefixes[] = { "", QEMU_SERVER_PREFIX, QEMU_GUEST_PREFIX };

	for (unsigned i = 0; i < G_N_ELEMENTS(prefixes); i++)
		g_hash_table_insert(split->objects, g_strconcat(prefixes[i], id, NULL), NULL);
}

bool qemu_exact_add(QemuSplit *split, const char *dir, unsigned index, uint64_t base, uint64_t size,
		    QemuHidden *place, GError **errp)
{
	for (unsigned n = 0; size; n++) {
		const uint64_t reach = cxb_cxl_window_reach(base, size);
		g_autofree char *id = g_strdup_printf("cxlbox-window%u.%u", index, n);
		g_autofree char *qmp = g_strdup_printf("%s/%s.qmp", dir, id);

		if (!qemu_guest_next_hidden(split, place, "windows", errp))
			return false;
		add_window(split, dir, id, qmp, base, reach);
		add_function(split, dir, id, qmp, place);
		note_ids(split, id);
		base += reach;
		size -= reach;
	}
	return true;
}
