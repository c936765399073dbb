/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One QMP in front of two programs: each command goes to whose it is, answers come back in the order of
 * the commands of each client, events of both as they come. What a client says before its two programs
 * are there waits.
 *
 * The programs' own lists of commands and types say whose a command is; of what both have cxlbox gets what
 * is about CXL, and what names something that is there.
 */
#ifndef CXB_TOOLS_QEMU_PROXY_H
#define CXB_TOOLS_QEMU_PROXY_H

#include "io/qmp_client.h"
#include "qemu_plan.h"

typedef struct QemuProxy QemuProxy;

typedef enum {
	QEMU_SIDE_CXLBOX,
	QEMU_SIDE_QEMU,
	QEMU_SIDES,
} QemuSide;

/** qemu_proxy_new() - Open the monitors of @plan, which must outlive it. */
QemuProxy *qemu_proxy_new(const QemuPlan *plan, GMainContext *context, const Option **culprit,
			  GError **errp);
/** qemu_proxy_free() - What clients are still to be told is sent; the programs' are gone. NULL is fine. */
void qemu_proxy_free(QemuProxy *proxy);
/** qemu_proxy_side() - The client of a program, from when it is ready; NULL: there is none any more. */
void qemu_proxy_side(QemuProxy *proxy, QemuSide side, CxbQmpClient *client);
/** qemu_proxy_event() - A program has sent an event. */
void qemu_proxy_event(QemuProxy *proxy, QemuSide side, const char *name, json_object *event);

#endif
