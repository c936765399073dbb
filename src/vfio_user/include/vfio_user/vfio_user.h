/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vfio-user front door: objects x-vfio-user-server, each of which serves one function of a
 * machine x-remote at a unix socket, to one client at a time. Objects made before the machine is
 * done serve from cxb_vfio_user_start() on, later ones at once.
 */
#ifndef CXB_VFIO_USER_VFIO_USER_H
#define CXB_VFIO_USER_VFIO_USER_H

#include "machine/machine.h"

typedef struct CxbVfioUser CxbVfioUser;

#define CXB_TYPE_NAME_VFIO_USER_SERVER "x-vfio-user-server"

/** cxb_vfio_user_new() - Registers the type; before any object is made. */
CxbVfioUser *cxb_vfio_user_new(CxbMachine *m);
/** cxb_vfio_user_stop() - Nobody is served any more; before the machine's devices go. */
void cxb_vfio_user_stop(CxbVfioUser *vu);
/** cxb_vfio_user_free() - After the machine's objects are gone. NULL is fine. */
void cxb_vfio_user_free(CxbVfioUser *vu);
/** cxb_vfio_user_start() - The machine is done: devices are looked up, sockets listened on. */
bool cxb_vfio_user_start(CxbVfioUser *vu, GError **errp);

#endif
