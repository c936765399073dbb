/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CXL memory devices that come and go while both programs run. A device is made in cxlbox and served,
 * then a vfio-user-pci for it is plugged into QEMU, and the hidden ports of a place are its own; the way
 * back begins when QEMU says that the guest has let it go. What does not succeed is undone.
 */
#ifndef CXB_TOOLS_QEMU_HOTPLUG_H
#define CXB_TOOLS_QEMU_HOTPLUG_H

#include "io/qmp_client.h"
#include "qemu_guest.h"

typedef struct QemuHotplug QemuHotplug;

/* @error: NULL if it is as asked for. */
typedef void (*QemuHotplugDone)(void *opaque, const char *error);

/** qemu_hotplug_new() - @split, @guest and @dir, where sockets will be, must outlive it. */
QemuHotplug *qemu_hotplug_new(const QemuSplit *split, const QemuGuest *guest, const char *dir);
/** qemu_hotplug_free() - What is under way ends without a word. NULL is fine. */
void qemu_hotplug_free(QemuHotplug *h);
/** qemu_hotplug_clients() - Of both programs; NULL: it is not there. */
void qemu_hotplug_clients(QemuHotplug *h, CxbQmpClient *cxlbox, CxbQmpClient *qemu);

/** qemu_hotplug_knows() - @id is a memory device, or is becoming one. */
bool qemu_hotplug_knows(const QemuHotplug *h, const char *id);
/** qemu_hotplug_add() - device_add of a memory device; @args as QMP has them, borrowed. */
void qemu_hotplug_add(QemuHotplug *h, json_object *args, QemuHotplugDone done, void *opaque);
/**
 * qemu_hotplug_deleted() - QEMU has let the device @id go.
 * @done: cxlbox has, too, or @error says why it has not
 *
 * Returns: false if it is no memory device that was there; @done is not called then.
 */
bool qemu_hotplug_deleted(QemuHotplug *h, const char *id, QemuHotplugDone done, void *opaque);

#endif
