/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cxl-display-accepted-dc-extents and cxl-display-pending-to-add-dc-extents, which tools for QEMU with
 * patches use: they append to a file what the query tells better.
 */
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/error.h"
#include "devices/cxl.h"

struct display_args {
	char *path, *output;
};

#define ROW(name, field)                                                                  \
	{                                                                                 \
		name, CXB_ARG_STR, offsetof(struct display_args, field), .has_offset = -1 \
	}
static const CxbArg display_rows[] = { ROW("path", path), ROW("output", output), { NULL } };

static void append_extent(GString *text, unsigned *n, const CxbDcExtent *e)
{
	g_string_append_printf(text, "%u: [0x%" PRIx64 " - 0x%" PRIx64 "]\n", (*n)++, e->dpa,
			       e->dpa + e->len);
}

static void append_accepted(const CxbDc *dc, unsigned head, GString *text, unsigned *n)
{
	for (size_t i = 0; i < cxb_dc_accepted_count(dc, head); i++)
		append_extent(text, n, cxb_dc_accepted_at(dc, head, i));
}

static int by_serial(gconstpointer a, gconstpointer b)
{
	const CxbDcExtent *x = *(const CxbDcExtent *const *)a, *y = *(const CxbDcExtent *const *)b;

	if (x->serial != y->serial)
		return x->serial < y->serial ? -1 : 1;
	return x->dpa < y->dpa ? -1 : 1;
}

/* In the order in which they were offered. */
static void append_pending(const CxbDc *dc, unsigned head, GString *text, unsigned *n)
{
	g_autoptr(GPtrArray) pending = g_ptr_array_new();

	for (const CxbDcExtent *e = cxb_dc_next(dc, head, 0); e;
	     e = cxb_dc_next(dc, head, e->dpa + e->len))
		if (e->state == CXB_DC_OFFERED)
			g_ptr_array_add(pending, (gpointer)e);
	g_ptr_array_sort(pending, by_serial);
	for (guint i = 0; i < pending->len; i++)
		append_extent(text, n, pending->pdata[i]);
}

/* Whatever the file is, nothing waits for it: a pipe that is full or that nobody reads is an error. */
static bool append_to_file(const char *path, const GString *text, GError **errp)
{
	const int fd =
		open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
	size_t done = 0;
	int err = 0;

	if (fd < 0)
		return cxb_fail_errno(errp, errno, "cannot open '%s'", path);
	while (done < text->len && !err) {
		const ssize_t n = write(fd, text->str + done, text->len - done);

		if (n >= 0)
			done += n;
		else if (errno != EINTR)
			err = errno;
	}
	if (close(fd) && !err)
		err = errno;
	return !err || cxb_fail_errno(errp, err, "cannot write '%s'", path);
}

static json_object *display(CxbQmp *qmp, const struct display_args *a, const char *what,
			    void (*append)(const CxbDc *dc, unsigned head, GString *text,
					   unsigned *n),
			    GError **errp)
{
	CxbDevice *device;
	CxbDc *dc = qmp_find_dc(qmp, a->path, &device, errp);
	GString *text;
	unsigned n = 0;
	bool ok;

	if (!dc)
		return NULL;
	text = g_string_new(NULL);
	g_string_append_printf(text, "Print %s extent info:\n", what);
	for (unsigned head = 0; head < cxb_dc_config(dc)->n_heads; head++)
		append(dc, head, text, &n);
	g_string_append_printf(text, "In total, %u extents printed!\n", n);
	ok = append_to_file(a->output, text, errp);
	g_string_free(text, TRUE);
	return ok ? cxb_qmp_empty() : NULL;
}

static json_object *accepted(void *opaque, void *args, GError **errp)
{
	return display(opaque, args, "accepted", append_accepted, errp);
}

static json_object *pending(void *opaque, void *args, GError **errp)
{
	return display(opaque, args, "pending-to-add", append_pending, errp);
}

static const CxbQmpCmd rows[] = {
	{ "cxl-display-accepted-dc-extents", display_rows, sizeof(struct display_args),
	  CXB_QMP_UNSTABLE, "append accepted extents to a file", accepted },
	{ "cxl-display-pending-to-add-dc-extents", display_rows, sizeof(struct display_args),
	  CXB_QMP_UNSTABLE, "append extents offered and not answered to a file", pending },
	{ NULL },
};

void qmp_add_dc_display_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
