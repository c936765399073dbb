/* SPDX-License-Identifier: Apache-2.0 */
/* Objects cxl-guest-window: each puts the BARs of a cxl-window where the window is in the guest that has
 * it, see bars.h. */
#ifndef GUEST_WINDOW_H
#define GUEST_WINDOW_H

#include "machine/machine.h"

/** guest_windows_init() - Registers the type; before any object is made. */
void guest_windows_init(CxbMachine *m);
/** guest_windows_start() - The machine is done. */
bool guest_windows_start(CxbMachine *m, GError **errp);
void guest_windows_stop(CxbMachine *m);

#endif
