/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of vfio-user: a device that another process serves at a unix socket.
 *
 * One request is outstanding at a time. While its answer is waited for, what the device asks of
 * memory is served; so a device that needs it to answer does not wait for itself.
 */
#ifndef CXB_VFIO_USER_H
#define CXB_VFIO_USER_H

#include "base/clock.h"
#include "vfio/device.h"

#define CXB_VFIO_USER_TIMEOUT_MS 5000u

typedef struct {
	const char *path; /* for messages if the socket is given */
	GMainContext
		*context; /* where it is noticed that the device went, and what it asks meanwhile */
	CxbClock *clock;  /* borrowed */
	unsigned timeout_ms; /* of a request, by the wall: the device has a clock of its own */
	const CxbVfioClient *client;
	void *opaque; /* the client's */
} CxbVfioUserConfig;

/** cxb_vfio_open_user() - Connect and agree; NULL with what was wrong. The client's lost is not called
 * before this has returned a device. */
CxbVfioDevice *cxb_vfio_open_user(const CxbVfioUserConfig *config, GError **errp);
/** cxb_vfio_open_user_fd() - The same at a connected socket, which belongs to the device from now on, be
 * there one or not. */
CxbVfioDevice *cxb_vfio_open_user_fd(int fd, const CxbVfioUserConfig *config, GError **errp);

#endif
