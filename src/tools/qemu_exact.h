/* SPDX-License-Identifier: Apache-2.0 */
/* Windows of the guest's every access to which is a message: functions of cxlbox's that QEMU has where the
 * guest does not look, and where cxlbox reaches QEMU's monitor to put them where the windows are. */
#ifndef CXB_TOOLS_QEMU_EXACT_H
#define CXB_TOOLS_QEMU_EXACT_H

#include "qemu_guest.h"

typedef struct {
	uint64_t base, size;
} QemuExactWindow;

/**
 * qemu_exact_add() - Words of both lines for @n windows.
 * @dir: where sockets will be
 */
bool qemu_exact_add(QemuSplit *split, const char *dir, const QemuExactWindow *windows, unsigned n,
		    GError **errp);

#endif
