/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character devices: one peer at a time on a byte stream (unix or TCP socket as server or client,
 * stdio, pty, file, null). Driven by a GMainContext; never blocks after open except for a server
 * that was asked to wait for its first client. Output is queued up to a limit, then the peer is
 * dropped: a reader that does not read cannot hold memory. A front end that answers requests stops
 * answering long before (cxb_chardev_congested()), so that only what comes unasked can get there.
 */
#ifndef CXB_IO_CHARDEV_H
#define CXB_IO_CHARDEV_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "qom/scalar.h"

typedef struct CxbChardev CxbChardev;

/* The front end's callbacks. Any may free nothing but itself later; write and close may be called
 * from inside them. None may run the context: its sources are not held off meanwhile. */
typedef struct {
	void (*opened)(void *opaque); /* a peer is there (also called late, on attach) */
	void (*input)(void *opaque, const char *bytes, size_t len);
	void (*closed)(void *opaque);  /* it is gone; a server listens again afterwards */
	void (*drained)(void *opaque); /* optional: no longer congested */
} CxbChardevFront;

/**
 * cxb_chardev_new() - Open from options: "backend" (socket, stdio, pty, file, null), and by
 * backend path, host, port, server, wait, abstract, fd, … as -chardev takes them.
 * @name: the option as written, for messages
 *
 * A listening unix socket replaces a stale file of its name and is removed when the chardev goes.
 */
CxbChardev *cxb_chardev_new(CxbOpts *opts, GMainContext *context, const char *name, GError **errp);
/**
 * cxb_chardev_parse_legacy() - "unix:PATH,server=on,wait=off", "tcp:HOST:PORT,…", "stdio", "null",
 * "pty", "file:PATH" to the same options.
 */
CxbOpts *cxb_chardev_parse_legacy(const char *text, GError **errp);
/** cxb_chardev_backend() - Names of backends in order, NULL past the end. */
const char *cxb_chardev_backend(unsigned i);
void cxb_chardev_free(CxbChardev *chr);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbChardev, cxb_chardev_free)

/** cxb_chardev_attach() - One front end each. opened() is called at once if a peer is there. */
bool cxb_chardev_attach(CxbChardev *chr, const CxbChardevFront *front, void *opaque, GError **errp);
void cxb_chardev_detach(CxbChardev *chr);
/** cxb_chardev_wait() - Block until the first peer is there (server with wait=on). */
bool cxb_chardev_wait(CxbChardev *chr, GError **errp);

/** cxb_chardev_write() - Queue bytes for the peer; dropped if none. Writes at once what it can. */
void cxb_chardev_write(CxbChardev *chr, const void *bytes, size_t len);
/** cxb_chardev_congested() - More than 1 MiB waits for the peer to read; drained() tells the end. */
bool cxb_chardev_congested(const CxbChardev *chr);
/** cxb_chardev_flush() - Blocking best effort to get queued output out (at exit), 1 s at most. */
void cxb_chardev_flush(CxbChardev *chr);
/** cxb_chardev_set_nodelay() - Over TCP no write waits for what the peer has yet to acknowledge. */
void cxb_chardev_set_nodelay(CxbChardev *chr);
/** cxb_chardev_pause() - Stop or resume reading (back pressure while a command runs). */
void cxb_chardev_pause(CxbChardev *chr, bool paused);
/** cxb_chardev_drop_peer() - Disconnect; a server listens again. */
void cxb_chardev_drop_peer(CxbChardev *chr);
bool cxb_chardev_has_peer(const CxbChardev *chr);
bool cxb_chardev_has_front(const CxbChardev *chr);
const char *cxb_chardev_name(const CxbChardev *chr);
/** cxb_chardev_where() - "unix:PATH,server=on", "tcp:HOST:PORT,server=on" (with the port the
 * kernel chose), "pty:/dev/pts/N", "stdio", ... */
const char *cxb_chardev_where(const CxbChardev *chr);

#endif
