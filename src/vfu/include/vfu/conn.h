/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a vfio-user connection: a unix stream socket that carries framed messages and file
 * descriptors. It never blocks. It reads as much as there is in one call and hands out what is whole;
 * what it sends while it hands out messages goes out together. Then it looks a moment longer for the
 * next request. A turn is bounded by messages, bytes and time, so that others have theirs.
 *
 * Every descriptor belongs to the connection from the moment it arrives; those that nobody takes are
 * closed with their message. While more than 4 MiB wait for a peer that does not read, it is not
 * listened to, and what it has said waits too. A peer that stops in the middle of a message, or does
 * not take what waits for it, is dropped after 30 seconds. What a peer said before it went is still
 * handed out.
 */
#ifndef CXB_VFU_CONN_H
#define CXB_VFU_CONN_H

#include <glib.h>
#include <stdbool.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "vfu/wire.h"

typedef struct CxbVfuConn CxbVfuConn;

/* The longest message: data of the default size, a structure, the header. */
#define CXB_VFU_MESSAGE_MAX (VFU_DATA_DEFAULT + 16 + sizeof(struct vfu_header))
/* Descriptors there can be on one message before the connection is lost; the kernel's limit. */
#define CXB_VFU_FDS_MAX 253
/* Those that can be sent with one. */
#define CXB_VFU_SEND_FDS 16

typedef struct {
	struct vfu_header header;
	const uint8_t *body;
	size_t len; /* bytes of the body */
	int *fds;   /* those taken are set to -1 */
	unsigned n_fds;
} CxbVfuMessage;

/* Both may close the connection; only closed may free it. */
typedef struct {
	/* A whole message; good until it returns. */
	void (*message)(void *opaque, CxbVfuMessage *msg);
	/* The connection is lost, or was given up: @why, or NULL if the peer just went. Called once,
	 * from the context. */
	void (*closed)(void *opaque, const char *why);
} CxbVfuConnOps;

/** cxb_vfu_conn_new() - @fd, a connected socket, belongs to it from now on. @clock: of time-outs */
CxbVfuConn *cxb_vfu_conn_new(int fd, GMainContext *context, CxbClock *clock,
			     const CxbVfuConnOps *ops, void *opaque);
void cxb_vfu_conn_free(CxbVfuConn *conn); /* without closed; NULL is fine */

/** cxb_vfu_hears() - The peer may still be there. If not, what it said is handed out, and what is sent goes
 * nowhere: to work for an answer would be in vain. */
bool cxb_vfu_hears(const CxbVfuConn *conn);
/** cxb_vfu_take_fd() - The @i-th descriptor, the caller's from now on; -1 if there is none. */
int cxb_vfu_take_fd(CxbVfuMessage *msg, unsigned i);

/**
 * cxb_vfu_send() - Send a message; its size is filled in.
 * @iov: the body, copied unless it goes out at once
 * @fd: goes with it, stays the caller's; -1: none
 */
void cxb_vfu_send(CxbVfuConn *conn, struct vfu_header header, const struct iovec *iov, unsigned n,
		  int fd);
/** cxb_vfu_send_data() - The same; @data, of g_malloc(), has the last of @iov in it. If much of that has
 * to wait it is kept instead of copied, and *@data set to NULL. */
void cxb_vfu_send_data(CxbVfuConn *conn, struct vfu_header header, const struct iovec *iov,
		       unsigned n, int fd, uint8_t **data);
/** cxb_vfu_send_fds() - The same with up to CXB_VFU_SEND_FDS descriptors. */
void cxb_vfu_send_fds(CxbVfuConn *conn, struct vfu_header header, const struct iovec *iov,
		      unsigned n, const int *fds, unsigned n_fds);
/**
 * cxb_vfu_conn_wait() - Wait until the peer has said or taken something and hand out one message, if
 * one is whole; for those who cannot go on without an answer. Others are left for the next time or for
 * the context. Not from within a message.
 * @timeout_ms: at most so long; -1: for ever
 *
 * Returns: false if the connection is lost and closed has been called, which may have freed it.
 */
bool cxb_vfu_conn_wait(CxbVfuConn *conn, int timeout_ms);
/** cxb_vfu_conn_check() - If the peer has gone, hand out what it still said, then tell closed; for
 * those who cannot wait until the context notices. */
void cxb_vfu_conn_check(CxbVfuConn *conn);
/** cxb_vfu_close() - Give the connection up; nothing more is handed out. */
void cxb_vfu_close(CxbVfuConn *conn, const char *why);

#endif
