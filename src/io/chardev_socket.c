/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of a chardev: unix, also abstract, and TCP; listening, connecting, handed over. */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "chardev_impl.h"

#define BACKLOG 128 /* of TCP */

static bool set_nonblocking(int fd)
{
	return g_unix_set_fd_nonblocking(fd, TRUE, NULL);
}

static bool unix_listen(CxbChardev *chr, const SocketOpts *so, GError **errp)
{
	const CxbUnixListenerOpts opts = { .abstract = so->abstract,
					   .tight = so->tight,
					   .group = (gid_t)-1 };

	chr->listener = cxb_unix_listener_new(so->path, &opts, errp);
	return chr->listener != NULL;
}

/* Blocks while a listener's backlog is full; a signal does not end it. */
static int connect_retry(int fd, const struct sockaddr *sa, socklen_t len)
{
	int rc;

	do {
		rc = connect(fd, sa, len) ? errno : 0;
	} while (rc == EINTR);
	return rc;
}

static bool unix_connect(const SocketOpts *so, int *out, GError **errp)
{
	struct sockaddr_un addr;
	socklen_t len;
	int fd, rc;

	if (!cxb_unix_address(so->path, so->abstract, so->tight, &addr, &len, errp))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return cxb_fail_errno(errp, errno, "Failed to create Unix socket");
	rc = connect_retry(fd, (struct sockaddr *)&addr, len);
	if (rc) {
		close(fd);
		return cxb_fail_errno(errp, rc, "Failed to connect to '%s'", so->path);
	}
	*out = fd;
	return true;
}

/* A server's descriptor is the listener's own. */
static bool unix_open(CxbChardev *chr, const SocketOpts *so, int *out, GError **errp)
{
	if (so->server ? !unix_listen(chr, so, errp) : !unix_connect(so, out, errp))
		return false;
	if (so->server)
		*out = cxb_unix_listener_fd(chr->listener);
	chr->where = g_strdup_printf("unix:%s%s%s", so->path, so->abstract ? ",abstract=on" : "",
				     so->server ? ",server=on" : "");
	return true;
}

/* A socket on one address of the list, or -errno. */
static int tcp_try(const SocketOpts *so, const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, off = 0, rc;

	if (fd < 0)
		return -errno;
	if (so->server) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		/* Any address means those of IPv4 too, unless one family was asked for. */
		if (ai->ai_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY,
				   so->family == AF_INET6 ? &on : &off, sizeof(on));
		rc = bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, BACKLOG) ? errno : 0;
	} else {
		rc = connect_retry(fd, ai->ai_addr, ai->ai_addrlen);
	}
	if (rc) {
		close(fd);
		return -rc;
	}
	return fd;
}

/* Tries the addresses of @family in order. */
static int tcp_try_all(const SocketOpts *so, const struct addrinfo *list, int family, int rc)
{
	for (const struct addrinfo *ai = list; ai && rc < 0; ai = ai->ai_next) {
		if (family == AF_UNSPEC || ai->ai_family == family)
			rc = tcp_try(so, ai);
	}
	return rc;
}

static char *tcp_where(int fd, const SocketOpts *so)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char host[NI_MAXHOST], port[NI_MAXSERV];
	int rc;

	rc = so->server ? getsockname(fd, (struct sockaddr *)&ss, &len)
			: getpeername(fd, (struct sockaddr *)&ss, &len);
	if (rc || getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port, sizeof(port),
			      NI_NUMERICHOST | NI_NUMERICSERV))
		return g_strdup("tcp");
	return g_strdup_printf(strchr(host, ':') ? "tcp:[%s]:%s%s" : "tcp:%s:%s%s", host, port,
			       so->server ? ",server=on" : "");
}

static bool tcp_open(CxbChardev *chr, const SocketOpts *so, int *out, GError **errp)
{
	const struct addrinfo hints = {
		.ai_family = so->family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = so->server ? AI_PASSIVE : 0,
	};
	struct addrinfo *list;
	int rc = getaddrinfo(so->host[0] ? so->host : NULL, so->port, &hints, &list);

	if (rc)
		return cxb_fail(errp, CXB_ERROR_SYSTEM, "address resolution failed for %s:%s: %s",
				so->host, so->port, gai_strerror(rc));
	rc = -EADDRNOTAVAIL;
	if (so->server && !so->host[0])
		rc = tcp_try_all(so, list, AF_INET6, rc);
	rc = tcp_try_all(so, list, AF_UNSPEC, rc);
	freeaddrinfo(list);
	if (rc < 0 && so->server)
		return cxb_fail_errno(errp, -rc, "Failed to bind socket to %s:%s", so->host,
				      so->port);
	if (rc < 0)
		return cxb_fail_errno(errp, -rc, "Failed to connect to '%s:%s'", so->host,
				      so->port);
	*out = rc;
	chr->where = tcp_where(rc, so);
	return true;
}

static bool fd_open(CxbChardev *chr, const SocketOpts *so, int *out, GError **errp)
{
	struct stat st;
	uint64_t fd;

	if (!cxb_parse_uint(so->fd, INT_MAX, &fd) || fstat((int)fd, &st) || !S_ISSOCK(st.st_mode))
		return cxb_fail(errp, CXB_ERROR_INVALID, "File descriptor '%s' is not a socket",
				so->fd);
	fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	*out = (int)fd;
	chr->where = g_strdup_printf("fd:%s%s", so->fd, so->server ? ",server=on" : "");
	return true;
}

/* Nothing but TCP has it. */
static void set_nodelay(int fd)
{
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void cxb_chardev_set_nodelay(CxbChardev *chr)
{
	chr->nodelay = true;
	if (chr->socket && chr->out_fd >= 0)
		set_nodelay(chr->out_fd);
}

bool socket_open(CxbChardev *chr, const SocketOpts *so, GError **errp)
{
	int fd = -1;
	bool ok;

	chr->socket = true;
	chr->nodelay = so->nodelay;
	if (so->path)
		ok = unix_open(chr, so, &fd, errp);
	else if (so->host)
		ok = tcp_open(chr, so, &fd, errp);
	else
		ok = fd_open(chr, so, &fd, errp);
	if (!ok)
		return false;
	if (!set_nonblocking(fd)) {
		int rc = errno;

		if (!chr->listener)
			close(fd);
		return cxb_fail_errno(errp, rc, "Failed to set up socket");
	}
	if (so->server) {
		chr->listen_fd = fd;
		chr->wait = so->wait;
	} else {
		if (so->nodelay)
			set_nodelay(fd);
		peer_arrived(chr, fd, fd);
	}
	return true;
}

int socket_accept(CxbChardev *chr)
{
	int fd = accept4(chr->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED ? 0 : -errno;
	if (chr->nodelay)
		set_nodelay(fd);
	peer_arrived(chr, fd, fd);
	return 1;
}
