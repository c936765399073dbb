/* SPDX-License-Identifier: Apache-2.0 */
/* Two programs to start in the place of one QEMU, and what they need: all of it known beforehand. */
#ifndef CXB_TOOLS_QEMU_PLAN_H
#define CXB_TOOLS_QEMU_PLAN_H

#include "qemu_guest.h"

/* What cxlbox-qemu's own options say. */
typedef struct {
	char *cxlbox, *qemu; /* programs */
	char *cedt;          /* a file for the archive with the table; NULL: none */
	bool dry_run, exact;
	bool ports_given;
	unsigned ports;
} QemuConfig;

typedef struct {
	const QemuConfig *config;
	char *dir; /* of sockets and files that live as long as the two */
	QemuSplit *split;
	QemuGuest *guest;
	char *cxlbox_qmp, *qemu_qmp; /* where each of them connects to us */
	char *initrd;                /* of the table and what the line says; NULL: needs none */
} QemuPlan;

/** qemu_plan_new() - @dir need not be there yet. @culprit: the option an error is about, or NULL. */
QemuPlan *qemu_plan_new(const QemuConfig *config, GPtrArray *options, const char *dir,
			const Option **culprit, GError **errp);
void qemu_plan_free(QemuPlan *plan); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QemuPlan, qemu_plan_free)

/* A word of each line for exec, ended by NULL; unref frees it. */
GPtrArray *qemu_plan_cxlbox(const QemuPlan *plan);
/** qemu_plan_qemu() - @paths: of the bytes of each static piece (char *), in order. */
GPtrArray *qemu_plan_qemu(const QemuPlan *plan, const GPtrArray *paths);

/** qemu_plan_write_cedt() - What --cedt asks for, if it does. */
bool qemu_plan_write_cedt(const QemuPlan *plan, GError **errp);
/** qemu_plan_write_initrd() - The initramfs, if there is one; the directory of the plan is there. */
bool qemu_plan_write_initrd(const QemuPlan *plan, GError **errp);
/** qemu_plan_print() - Both lines, what is in the table, and what is left to the user. */
void qemu_plan_print(const QemuPlan *plan);
/** qemu_plan_note() - On stderr what the guest needs and we cannot give it. */
void qemu_plan_note(const QemuPlan *plan);

#endif
