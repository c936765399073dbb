/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a chardev share: the peer and its queue, the listener, the options. */
#ifndef CXB_IO_CHARDEV_IMPL_H
#define CXB_IO_CHARDEV_IMPL_H

#include <stdint.h>
#include <sys/types.h>

#include "io/chardev.h"
#include "io/unix_listener.h"

#define CHARDEV_QUEUE_MAX ((size_t)64 << 20)
#define CHARDEV_CONGESTED ((size_t)1 << 20)

struct CxbChardev {
	char *name;
	char *where;
	GMainContext *context;

	/* The peer. Both fds may be the same; -1: none, or a direction that does not exist. */
	bool peer;
	int in_fd, out_fd;
	bool socket;    /* send() instead of write() */
	bool keep_fds;  /* stdio: not ours to close */
	bool eof;       /* nothing more comes; gone when the queue is out */
	bool congested; /* drained() is still owed */
	bool broken;    /* nothing more can be sent; wait for the end of what comes */
	bool lossy;     /* pty: an overflow costs the bytes, not the peer */
	GByteArray *queue;
	size_t queue_off; /* bytes of it already sent */

	const CxbChardevFront *front;
	void *opaque;
	bool paused;

	/* Server sockets. */
	int listen_fd;
	bool wait;
	bool nodelay;
	CxbUnixListener *listener; /* has listen_fd, of a unix socket; NULL: it is our own */
	int pty_slave;             /* held open so that the master never hangs up */

	GSource *read_source, *write_source, *listen_source, *retry_source, *drop_source;
};

/* Options that a socket takes, decoded. Strings are borrowed from the CxbOpts. */
typedef struct {
	const char *path, *host, *port, *fd;
	bool server, wait, abstract, tight, nodelay;
	int family; /* AF_UNSPEC, AF_INET, AF_INET6 */
} SocketOpts;

/** common_opts_check() - What every backend takes, marked used. */
bool common_opts_check(CxbOpts *opts, GError **errp);
/** socket_opts_get() - Decode, mark used, check against each other. */
bool socket_opts_get(CxbOpts *opts, SocketOpts *out, GError **errp);
/** opt_bool() - A boolean of either form; @def if absent. */
bool opt_bool(CxbOpts *opts, const char *key, bool def, bool *out, GError **errp);

/** socket_open() - Listen or connect as @so says; fills the fds and where. */
bool socket_open(CxbChardev *chr, const SocketOpts *so, GError **errp);
/** socket_accept() - Take the next peer: 1, 0 if none is there (any more), or -errno. */
int socket_accept(CxbChardev *chr);

/** peer_arrived() - @in and @out belong to the chardev now; tells the front end. */
void peer_arrived(CxbChardev *chr, int in, int out);

#endif
