/* SPDX-License-Identifier: Apache-2.0 */
/* A window of the guest's every access to which is a message: functions of cxlbox's that QEMU has where the
 * guest does not look, and where cxlbox reaches QEMU's monitor to put them where the window is. */
#ifndef CXB_TOOLS_QEMU_EXACT_H
#define CXB_TOOLS_QEMU_EXACT_H

#include "qemu_guest.h"

/**
 * qemu_exact_add() - Words of both lines for window @index, at @base.
 * @dir: where sockets will be
 * @place: of the function before; moves on
 */
bool qemu_exact_add(QemuSplit *split, const char *dir, unsigned index, uint64_t base, uint64_t size,
		    QemuHidden *place, GError **errp);

#endif
