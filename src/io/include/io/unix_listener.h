/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A listening unix socket. One with a file's name replaces a stale file of that name, which nobody
 * listens on, and removes its own when it goes.
 */
#ifndef CXB_IO_UNIX_LISTENER_H
#define CXB_IO_UNIX_LISTENER_H

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

typedef struct CxbUnixListener CxbUnixListener;

typedef struct {
	bool abstract, tight; /* no file; an abstract name of just its length */
	bool mode_given;      /* else the file's mode is what the umask leaves */
	mode_t mode;
	gid_t group; /* (gid_t)-1: left alone */
} CxbUnixListenerOpts;

/** cxb_unix_address() - Of @path; "UNIX socket path '%s' is too long". */
bool cxb_unix_address(const char *path, bool abstract, bool tight, struct sockaddr_un *addr,
		      socklen_t *len, GError **errp);
/** cxb_unix_listener_new() - Bind and listen; the socket does not block. */
CxbUnixListener *cxb_unix_listener_new(const char *path, const CxbUnixListenerOpts *opts,
				       GError **errp);
void cxb_unix_listener_free(CxbUnixListener *l); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbUnixListener, cxb_unix_listener_free)
int cxb_unix_listener_fd(const CxbUnixListener *l); /* for watching */
/** cxb_unix_listener_accept() - The next peer's socket, which does not block; -errno if none. */
int cxb_unix_listener_accept(CxbUnixListener *l);

#endif
