/* SPDX-License-Identifier: Apache-2.0 */
/* Objects cxl-guest-window, one for each guest: the BARs of its cxl-windows are put where the windows are,
 * see bars.h. */
#ifndef GUEST_WINDOW_H
#define GUEST_WINDOW_H

#include "machine/machine.h"

typedef struct GuestWindows GuestWindows;

/** guest_windows_new() - Registers the type; before any object is made. */
GuestWindows *guest_windows_new(CxbMachine *m);
/** guest_windows_start() - The machine is done. */
bool guest_windows_start(GuestWindows *windows, GError **errp);
void guest_windows_stop(GuestWindows *windows);
void guest_windows_free(GuestWindows *windows);

#endif
