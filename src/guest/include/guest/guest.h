/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests elsewhere: objects cxl-guest, each of which maps the capacity of one endpoint into the machine
 * that the endpoint is served to, at the addresses that its host has programmed, over the QMP of that
 * machine's QEMU. The guest then loads and stores at the speed of its own memory.
 */
#ifndef CXB_GUEST_GUEST_H
#define CXB_GUEST_GUEST_H

#include "machine/machine.h"

#define CXB_TYPE_NAME_GUEST "cxl-guest"

typedef struct CxbGuests CxbGuests;

/** cxb_guests_new() - Registers the type; before any object is made. */
CxbGuests *cxb_guests_new(CxbMachine *m);
/** cxb_guests_start() - The machine is done: devices are looked up, QEMUs connected to. */
bool cxb_guests_start(CxbGuests *guests, GError **errp);
/** cxb_guests_stop() - Nothing is mapped any more; before the machine's devices go. */
void cxb_guests_stop(CxbGuests *guests);
/** cxb_guests_free() - After the machine's objects are gone. NULL is fine. */
void cxb_guests_free(CxbGuests *guests);

#endif
