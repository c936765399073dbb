/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu_plan.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "base/message.h"
#include "qemu_cedt.h"
#include "qemu_words.h"

QemuPlan *qemu_plan_new(const QemuConfig *config, GPtrArray *options, const char *dir,
			const Option **culprit, GError **errp)
{
	g_autoptr(QemuPlan) plan = g_new0(QemuPlan, 1);

	plan->config = config;
	plan->dir = g_strdup(dir);
	plan->cxlbox_qmp = g_build_filename(dir, "cxlbox.qmp", NULL);
	plan->qemu_qmp = g_build_filename(dir, "qemu.qmp", NULL);
	plan->split = qemu_split_new(options, dir, culprit, errp);
	if (!plan->split)
		return NULL;
	plan->guest = qemu_guest_new(plan->split, dir, config->ports, config->exact, errp);
	if (!plan->guest)
		return NULL;
	if (config->exact && !plan->guest->cedt) {
		cxb_fail(errp, CXB_ERROR_INVALID, "--exact: there is no window (-M cxl-fmw.0...)");
		return NULL;
	}
	if (plan->guest->cedt && plan->split->kernel)
		plan->initrd = g_build_filename(dir, "initrd", NULL);
	return g_steal_pointer(&plan);
}

void qemu_plan_free(QemuPlan *plan)
{
	if (!plan)
		return;
	qemu_split_free(plan->split);
	qemu_guest_free(plan->guest);
	g_free(plan->dir);
	g_free(plan->cxlbox_qmp);
	g_free(plan->qemu_qmp);
	g_free(plan->initrd);
	g_free(plan);
}

/* --- lines --- */

static GPtrArray *begin_line(const char *program, const GPtrArray *words)
{
	GPtrArray *line = g_ptr_array_new_with_free_func(g_free);

	g_ptr_array_add(line, g_strdup(program));
	for (guint i = 0; i < words->len; i++)
		g_ptr_array_add(line, g_strdup(words->pdata[i]));
	return line;
}

static void add_qmp(GPtrArray *line, const char *path)
{
	g_autofree char *quoted = qemu_words_quote(path);

	qemu_words_add_fmt(line, "-qmp", "unix:%s", quoted);
}

GPtrArray *qemu_plan_cxlbox(const QemuPlan *plan)
{
	GPtrArray *line = begin_line(plan->config->cxlbox, plan->split->cxlbox);

	add_qmp(line, plan->cxlbox_qmp);
	g_ptr_array_add(line, NULL);
	return line;
}

GPtrArray *qemu_plan_qemu(const QemuPlan *plan, const GPtrArray *paths)
{
	GPtrArray *line = begin_line(plan->config->qemu, plan->split->qemu);
	const char *initrd = plan->initrd ?: plan->split->initrd;

	for (guint i = 0; i < paths->len; i++)
		qemu_guest_map(line, &g_array_index(plan->guest->statics, QemuStatic, i),
			       paths->pdata[i]);
	if (initrd)
		qemu_words_add(line, "-initrd", initrd);
	add_qmp(line, plan->qemu_qmp);
	g_ptr_array_add(line, NULL);
	return line;
}

/* --- files --- */

static bool append_file(GByteArray *to, const char *file, GError **errp)
{
	gsize len;
	char *bytes;

	if (!g_file_get_contents(file, &bytes, &len, errp)) {
		g_prefix_error(errp, "-initrd %s: ", file);
		return false;
	}
	if (len > G_MAXUINT - to->len) {
		g_free(bytes);
		return cxb_fail(errp, CXB_ERROR_INVALID, "-initrd %s: it is too large", file);
	}
	g_byte_array_append(to, (const guint8 *)bytes, len);
	g_free(bytes);
	return true;
}

static bool write_file(const char *path, const GByteArray *bytes, GError **errp)
{
	return g_file_set_contents(path, (const char *)bytes->data, bytes->len, errp);
}

bool qemu_plan_write_cedt(const QemuPlan *plan, GError **errp)
{
	g_autoptr(GByteArray) archive = NULL;

	if (!plan->config->cedt)
		return true;
	if (!plan->guest->cedt)
		return cxb_fail(
			errp, CXB_ERROR_INVALID,
			"--cedt %s: there is no window (-M cxl-fmw.0...), QEMU's own table does",
			plan->config->cedt);
	archive = qemu_cedt_archive(plan->guest->cedt);
	if (write_file(plan->config->cedt, archive, errp))
		return true;
	g_prefix_error(errp, "--cedt %s: ", plan->config->cedt);
	return false;
}

bool qemu_plan_write_initrd(const QemuPlan *plan, GError **errp)
{
	g_autoptr(GByteArray) archive = NULL;

	if (!plan->initrd)
		return true;
	archive = qemu_cedt_archive(plan->guest->cedt);
	return (!plan->split->initrd || append_file(archive, plan->split->initrd, errp)) &&
	       write_file(plan->initrd, archive, errp);
}

/* --- what it comes to, in words --- */

static void print_line(const char *head, GPtrArray *line)
{
	g_autofree char *text = NULL;

	g_ptr_array_set_size(line, line->len - 1);
	text = qemu_words_shell(line);
	printf("# %s\n%s\n", head, text);
	g_ptr_array_unref(line);
}

static void print_cedt(const QemuPlan *plan)
{
	g_autofree char *words = qemu_cedt_words(plan->guest->cedt);
	g_auto(GStrv) lines = g_strsplit(words, "\n", -1);

	printf("# The guest's table CEDT, in front of its initramfs:\n");
	for (char **line = lines; **line; line++)
		printf("#   %s\n", *line);
}

static void print_statics(const QemuPlan *plan)
{
	for (guint i = 0; i < plan->guest->statics->len; i++) {
		const QemuStatic *s = &g_array_index(plan->guest->statics, QemuStatic, i);

		printf("# The bytes of %s are at 0x%" PRIx64 "-0x%" PRIx64 ".\n", s->memdev, s->hpa,
		       s->hpa + s->size - 1);
	}
}

void qemu_plan_print(const QemuPlan *plan)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new();

	for (guint i = 0; i < plan->guest->statics->len; i++)
		g_ptr_array_add(paths, (char *)"/proc/PID-OF-CXLBOX/fd/N");
	print_line("The devices:", qemu_plan_cxlbox(plan));
	print_line("Everything else:", qemu_plan_qemu(plan, paths));
	if (plan->guest->cedt)
		print_cedt(plan);
	print_statics(plan);
}

void qemu_plan_note(const QemuPlan *plan)
{
	if (plan->guest->cedt && !plan->initrd && !plan->config->cedt)
		cxb_message("note: the guest does not see the CXL windows: without -kernel its own "
			    "initramfs needs the table CEDT in front (--cedt FILE writes it)");
	for (guint i = 0; i < plan->guest->unseen->len; i++)
		cxb_message("note: the guest does not see the memory of '%s': with --ports 0 only "
			    "static memory is there, if one window alone has no other target than "
			    "the host bridge above it, and room for all of it",
			    (char *)plan->guest->unseen->pdata[i]);
}
