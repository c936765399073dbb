/* SPDX-License-Identifier: Apache-2.0 */
/* Two programs as one: started one after the other, ended together. */
#ifndef CXB_TOOLS_QEMU_RUN_H
#define CXB_TOOLS_QEMU_RUN_H

#include "qemu_plan.h"

/**
 * qemu_run() - Until both have ended. Signals go to QEMU.
 * @plan: its directory is there
 * @status: of QEMU, or 128 and the signal that has ended it; 1 if cxlbox has gone by itself
 *
 * Fails, with nothing left running, if they could not be started.
 */
bool qemu_run(const QemuPlan *plan, int *status, const Option **culprit, GError **errp);

#endif
