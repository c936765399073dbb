/* SPDX-License-Identifier: Apache-2.0 */
/* The client of vfio-user from inside: user.c asks, the others know what. */
#ifndef VFIO_USER_IMPL_H
#define VFIO_USER_IMPL_H

#include "vfio/user.h"
#include "vfu/conn.h"

/* Where the answer to a request goes. */
typedef struct {
	void *head;
	size_t head_len; /* the answer has all of it */
	void *data;
	size_t data_max; /* what follows is no longer than this; 0: nothing follows */
	size_t data_len; /* bytes that followed */
	int *fd; /* the first descriptor, the caller's, or -1; NULL: those that come are closed */
} UserReply;

typedef struct {
	CxbVfioDevice dev;
	CxbVfuConn *conn; /* NULL: it is closed */
	unsigned timeout_ms;
	const CxbVfioClient *client;
	void *opaque;
	bool told; /* the client has a device that can be lost */
	char *why; /* it is lost: what was wrong */

	/* What the device takes, as agreed. */
	size_t data_max;
	unsigned fds_max;
	unsigned dma_maps;

	/* The request that is outstanding. */
	bool waiting;
	uint16_t id, command;
	UserReply *reply;
	int result;

	/* Time that slow answers have taken too much of, and when the last one was there. */
	int64_t slow_us, answered_us;

	uint8_t *data; /* USER_DATA_MAX bytes for what the device reads; NULL until it does */
} User;

/* What we take of data in one message, and send. */
#define USER_DATA_MAX ((size_t)VFU_DATA_DEFAULT)

/** user_ask() - Send a request and wait for its answer. Returns: errno, the device's own among them;
 * ENODEV if it is lost. */
int user_ask(User *u, uint16_t command, const struct iovec *iov, unsigned n, const int *fds,
	     unsigned n_fds, UserReply *reply);
/** user_lose() - The device has shown that it cannot be trusted. */
void user_lose(User *u, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/** user_fail() - Word what user_ask() returned: the reason if the device is lost by now. */
bool user_fail(const User *u, int err, const char *what, GError **errp);

/** user_negotiate() - The first thing: agree on a version, learn what the device takes. */
bool user_negotiate(User *u, GError **errp);

extern const CxbVfioOps user_ops; /* but for free */
void user_free(CxbVfioDevice *dev);

#endif
