/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One peer on a byte stream. What is watched follows from the state alone (update_sources), so
 * that an idle chardev has nothing that could wake it but its peer.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/message.h"
#include "chardev_impl.h"

#define READ_SIZE    16384
#define FLUSH_LIMIT  G_USEC_PER_SEC
#define QUEUE_KEEP   65536 /* an empty queue larger than this is given back */
#define ACCEPT_PAUSE 1     /* seconds, when there are no descriptors to be had */

static void update_sources(CxbChardev *chr);

static size_t queued(const CxbChardev *chr)
{
	return chr->queue->len - chr->queue_off;
}

static void queue_clear(CxbChardev *chr)
{
	chr->queue_off = 0;
	if (chr->queue->len > QUEUE_KEEP) {
		g_byte_array_unref(chr->queue);
		chr->queue = g_byte_array_new();
	}
	g_byte_array_set_size(chr->queue, 0);
}

/* The bytes already sent go when they are the larger part: each byte moves once at most. */
static void queue_compact(CxbChardev *chr)
{
	if (!queued(chr)) {
		queue_clear(chr);
	} else if (chr->queue_off > chr->queue->len / 2) {
		g_byte_array_remove_range(chr->queue, 0, (guint)chr->queue_off);
		chr->queue_off = 0;
	}
}

static void source_stop(GSource **source)
{
	if (!*source)
		return;
	g_source_destroy(*source);
	g_source_unref(*source);
	*source = NULL;
}

static void peer_close(CxbChardev *chr)
{
	source_stop(&chr->read_source);
	source_stop(&chr->write_source);
	source_stop(&chr->drop_source);
	queue_clear(chr);
	if (!chr->keep_fds) {
		if (chr->in_fd >= 0)
			close(chr->in_fd);
		if (chr->out_fd >= 0 && chr->out_fd != chr->in_fd)
			close(chr->out_fd);
	}
	chr->in_fd = chr->out_fd = -1;
	chr->peer = chr->eof = chr->broken = chr->congested = false;
}

static void peer_gone(CxbChardev *chr)
{
	if (!chr->peer)
		return;
	peer_close(chr);
	if (chr->front && chr->front->closed)
		chr->front->closed(chr->opaque);
	update_sources(chr);
}

void peer_arrived(CxbChardev *chr, int in, int out)
{
	chr->peer = true;
	chr->in_fd = in;
	chr->out_fd = out;
	update_sources(chr);
	if (chr->front && chr->front->opened)
		chr->front->opened(chr->opaque);
}

/* write() that cannot raise SIGPIPE, whatever its disposition. */
static ssize_t write_quietly(int fd, const void *p, size_t n)
{
	const struct timespec now = { 0 };
	sigset_t pipe, old, pending;
	bool was_pending;
	ssize_t rc;
	int err;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	was_pending = sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &pipe, &old);
	rc = write(fd, p, n);
	err = errno;
	if (rc < 0 && err == EPIPE && !was_pending)
		sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = err;
	return rc;
}

/*
 * As much as goes without blocking. Descriptors that are not sockets may be shared with other
 * processes, so O_NONBLOCK is not touched: a writable one takes PIPE_BUF bytes.
 */
static ssize_t write_some(CxbChardev *chr, const void *p, size_t n)
{
	struct pollfd pfd = { .fd = chr->out_fd, .events = POLLOUT };

	if (chr->socket)
		return send(chr->out_fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (poll(&pfd, 1, 0) <= 0) {
		errno = EAGAIN;
		return -1;
	}
	return write_quietly(chr->out_fd, p, MIN(n, _POSIX_PIPE_BUF));
}

static gboolean on_drop(void *opaque)
{
	CxbChardev *chr = opaque;

	peer_gone(chr);
	return G_SOURCE_REMOVE;
}

/* The peer goes from the main loop, not under its writer. */
static void drop_later(CxbChardev *chr)
{
	if (chr->drop_source)
		return;
	chr->broken = true;
	chr->drop_source = g_idle_source_new();
	g_source_set_priority(chr->drop_source, G_PRIORITY_DEFAULT);
	g_source_set_callback(chr->drop_source, on_drop, chr, NULL);
	g_source_attach(chr->drop_source, chr->context);
}

/* Sends from @p what the peer takes now; returns how much. Sets broken if it never will. */
static size_t send_now(CxbChardev *chr, const uint8_t *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t rc = write_some(chr, p + done, n - done);

		if (rc > 0) {
			done += (size_t)rc;
		} else if (rc < 0 && errno == EINTR) {
			continue;
		} else if (rc < 0 && errno == EAGAIN) {
			break;
		} else {
			/* A log file on a full disk may have room again later. */
			chr->broken = !chr->lossy;
			/* One that has gone may have left requests; any other waits for answers. */
			if (chr->socket && chr->broken && errno != EPIPE && errno != ECONNRESET)
				drop_later(chr);
			return n;
		}
	}
	return done;
}

bool cxb_chardev_congested(const CxbChardev *chr)
{
	return queued(chr) > CHARDEV_CONGESTED;
}

static void send_queue(CxbChardev *chr)
{
	chr->queue_off += send_now(chr, chr->queue->data + chr->queue_off, queued(chr));
	queue_compact(chr);
}

/* The peer takes nothing, or too little. */
static void overflow(CxbChardev *chr)
{
	queue_clear(chr);
	if (!chr->lossy)
		drop_later(chr);
}

void cxb_chardev_write(CxbChardev *chr, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	if (!chr->peer || chr->out_fd < 0 || chr->broken || !len)
		return;
	if (!queued(chr)) {
		size_t n = send_now(chr, p, len);

		p += n;
		len -= n;
	}
	if (len > CHARDEV_QUEUE_MAX - queued(chr))
		overflow(chr);
	else if (len)
		g_byte_array_append(chr->queue, p, (guint)len);
	chr->congested = chr->congested || cxb_chardev_congested(chr);
	update_sources(chr);
}

void cxb_chardev_flush(CxbChardev *chr)
{
	const int64_t end = g_get_monotonic_time() + FLUSH_LIMIT;

	while (chr->peer && queued(chr)) {
		struct pollfd pfd = { .fd = chr->out_fd, .events = POLLOUT };
		int64_t left_us = end - g_get_monotonic_time();

		if (left_us <= 0 ||
		    (poll(&pfd, 1, (int)(left_us / 1000) + 1) < 0 && errno != EINTR))
			break;
		send_queue(chr);
	}
	update_sources(chr);
}

/* Nothing more comes. Answers still on their way out go first: the peer may have shut down only
 * its own direction. */
static void peer_eof(CxbChardev *chr)
{
	chr->eof = true;
	if (!queued(chr) || chr->broken)
		peer_gone(chr);
	else
		update_sources(chr);
}

static gboolean on_readable(int fd, GIOCondition cond, void *opaque)
{
	CxbChardev *chr = opaque;
	char buf[READ_SIZE];
	ssize_t n;

	n = chr->socket ? recv(fd, buf, sizeof(buf), MSG_DONTWAIT) : read(fd, buf, sizeof(buf));
	if (n > 0)
		chr->front->input(chr->opaque, buf, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		peer_eof(chr);
	return G_SOURCE_CONTINUE;
}

static gboolean on_writable(int fd, GIOCondition cond, void *opaque)
{
	CxbChardev *chr = opaque;

	send_queue(chr);
	/* Also when the peer takes nothing any more: what it sent is read to its end. */
	if (chr->congested && !cxb_chardev_congested(chr)) {
		chr->congested = false;
		if (chr->front && chr->front->drained)
			chr->front->drained(chr->opaque);
	}
	if (chr->eof && (!queued(chr) || chr->broken))
		peer_gone(chr);
	else
		update_sources(chr);
	return G_SOURCE_CONTINUE;
}

static gboolean on_retry(void *opaque)
{
	CxbChardev *chr = opaque;

	source_stop(&chr->retry_source);
	update_sources(chr);
	return G_SOURCE_REMOVE;
}

static gboolean on_connection(int fd, GIOCondition cond, void *opaque)
{
	CxbChardev *chr = opaque;

	if (socket_accept(chr) < 0) {
		/* The connection stays in the backlog; spinning on it would not help. */
		chr->retry_source = g_timeout_source_new_seconds(ACCEPT_PAUSE);
		g_source_set_callback(chr->retry_source, on_retry, chr, NULL);
		g_source_attach(chr->retry_source, chr->context);
		update_sources(chr);
	}
	return G_SOURCE_CONTINUE;
}

static void watch(CxbChardev *chr, GSource **source, bool wanted, int fd, GIOCondition cond,
		  GUnixFDSourceFunc fn)
{
	if (!wanted) {
		source_stop(source);
	} else if (!*source) {
		*source = g_unix_fd_source_new(fd, cond);
		g_source_set_callback(*source, G_SOURCE_FUNC(fn), chr, NULL);
		/* Nobody runs the loop from within a callback. Guarding against it, GLib would
		 * take the descriptor out and put it back around each one, and wake itself up
		 * for both: three system calls and one more poll for every message. */
		g_source_set_can_recurse(*source, TRUE);
		g_source_attach(*source, chr->context);
	}
}

static void update_sources(CxbChardev *chr)
{
	const bool reads = chr->peer && chr->in_fd >= 0 && chr->front && chr->front->input &&
			   !chr->paused && !chr->eof;
	const bool writes =
		chr->peer && chr->out_fd >= 0 && (queued(chr) || chr->eof || chr->congested);
	const bool listens = chr->listen_fd >= 0 && !chr->peer && !chr->retry_source;

	watch(chr, &chr->read_source, reads, chr->in_fd, G_IO_IN, on_readable);
	watch(chr, &chr->write_source, writes, chr->out_fd, G_IO_OUT, on_writable);
	watch(chr, &chr->listen_source, listens, chr->listen_fd, G_IO_IN, on_connection);
}

static bool null_open(CxbChardev *chr, CxbOpts *opts, GError **errp)
{
	chr->where = g_strdup("null");
	peer_arrived(chr, -1, -1);
	return true;
}

static bool stdio_open(CxbChardev *chr, CxbOpts *opts, GError **errp)
{
	chr->where = g_strdup("stdio");
	chr->keep_fds = true;
	peer_arrived(chr, STDIN_FILENO, STDOUT_FILENO);
	return true;
}

static bool file_open(CxbChardev *chr, CxbOpts *opts, GError **errp)
{
	const CxbScalar *path = cxb_opts_find(opts, "path");
	bool append;
	int fd;

	if (!opt_bool(opts, "append", false, &append, errp))
		return false;
	fd = open(path->s,
		  O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (append ? O_APPEND : O_TRUNC), 0666);
	if (fd < 0)
		return cxb_fail_errno(errp, errno, "Could not open '%s'", path->s);
	chr->where = g_strdup_printf("file:%s", path->s);
	chr->lossy = true;
	peer_arrived(chr, -1, fd);
	return true;
}

static bool pty_open(CxbChardev *chr, CxbOpts *opts, GError **errp)
{
	struct termios tio;
	char path[64];
	int master;

	if (openpty(&master, &chr->pty_slave, NULL, NULL, NULL)) {
		chr->pty_slave = -1;
		return cxb_fail_errno(errp, errno, "Failed to create PTY");
	}
	if (ptsname_r(master, path, sizeof(path)))
		path[0] = '\0';
	if (tcgetattr(chr->pty_slave, &tio) == 0) {
		cfmakeraw(&tio);
		tcsetattr(chr->pty_slave, TCSAFLUSH, &tio);
	}
	fcntl(master, F_SETFD, FD_CLOEXEC);
	fcntl(chr->pty_slave, F_SETFD, FD_CLOEXEC);
	g_unix_set_fd_nonblocking(master, TRUE, NULL);
	cxb_message("%s: info: char device redirected to %s", chr->name, path);
	chr->where = g_strdup_printf("pty:%s", path);
	chr->lossy = true;
	peer_arrived(chr, master, master);
	return true;
}

static bool file_check(CxbOpts *opts, GError **errp)
{
	const char *path;
	bool append;

	if (!cxb_opts_get_str(opts, "path", &path, errp) ||
	    !opt_bool(opts, "append", false, &append, errp))
		return false;
	return path || cxb_fail(errp, CXB_ERROR_INVALID, "chardev: file: no filename given");
}

static bool stdio_check(CxbOpts *opts, GError **errp)
{
	bool on;

	return opt_bool(opts, "signal", true, &on, errp);
}

static bool socket_check(CxbOpts *opts, GError **errp)
{
	SocketOpts so;

	return socket_opts_get(opts, &so, errp);
}

static bool socket_open_opts(CxbChardev *chr, CxbOpts *opts, GError **errp)
{
	SocketOpts so;

	return socket_opts_get(opts, &so, errp) && socket_open(chr, &so, errp);
}

static const struct backend {
	const char *name;
	bool (*check)(CxbOpts *opts, GError **errp); /* marks its options; nothing is opened yet */
	bool (*open)(CxbChardev *chr, CxbOpts *opts, GError **errp);
} backends[] = {
	{ "file", file_check, file_open },
	{ "null", NULL, null_open },
	{ "pty", NULL, pty_open },
	{ "socket", socket_check, socket_open_opts },
	{ "stdio", stdio_check, stdio_open },
};

const char *cxb_chardev_backend(unsigned i)
{
	return i < G_N_ELEMENTS(backends) ? backends[i].name : NULL;
}

static const struct backend *find_backend(CxbOpts *opts, GError **errp)
{
	const char *backend, *id;

	if (!cxb_opts_get_str(opts, "backend", &backend, errp))
		return NULL;
	if (!backend) {
		cxb_opts_get_str(opts, "id", &id, NULL);
		cxb_fail(errp, CXB_ERROR_INVALID, "chardev: \"%s\" missing backend", id ?: "");
		return NULL;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(backends); i++) {
		if (!strcmp(backends[i].name, backend))
			return &backends[i];
	}
	cxb_fail(errp, CXB_ERROR_INVALID, "'%s' is not a valid char driver name", backend);
	return NULL;
}

CxbChardev *cxb_chardev_new(CxbOpts *opts, GMainContext *context, const char *name, GError **errp)
{
	const struct backend *backend = find_backend(opts, errp);
	g_autoptr(CxbChardev) chr = NULL;
	const char *unused;

	if (!backend)
		return NULL;
	cxb_opts_find(opts, "id");
	if (!common_opts_check(opts, errp) || (backend->check && !backend->check(opts, errp)))
		return NULL;
	unused = cxb_opts_unused(opts);
	if (unused) {
		cxb_fail(errp, CXB_ERROR_INVALID, "Invalid parameter '%s'", unused);
		return NULL;
	}

	chr = g_new0(CxbChardev, 1);
	chr->name = g_strdup(name);
	chr->context = context ? g_main_context_ref(context) : NULL;
	chr->queue = g_byte_array_new();
	chr->in_fd = chr->out_fd = chr->listen_fd = chr->pty_slave = -1;
	if (!backend->open(chr, opts, errp))
		return NULL;
	update_sources(chr);
	return g_steal_pointer(&chr);
}

void cxb_chardev_free(CxbChardev *chr)
{
	if (!chr)
		return;
	peer_close(chr);
	source_stop(&chr->listen_source);
	source_stop(&chr->retry_source);
	if (chr->listener)
		cxb_unix_listener_free(chr->listener);
	else if (chr->listen_fd >= 0)
		close(chr->listen_fd);
	if (chr->pty_slave >= 0)
		close(chr->pty_slave);
	g_byte_array_unref(chr->queue);
	if (chr->context)
		g_main_context_unref(chr->context);
	g_free(chr->where);
	g_free(chr->name);
	g_free(chr);
}

bool cxb_chardev_attach(CxbChardev *chr, const CxbChardevFront *front, void *opaque, GError **errp)
{
	if (chr->front)
		return cxb_fail(errp, CXB_ERROR_BUSY, "Device '%s' is in use", chr->name);
	chr->front = front;
	chr->opaque = opaque;
	update_sources(chr);
	if (chr->peer && front->opened)
		front->opened(opaque);
	return true;
}

void cxb_chardev_detach(CxbChardev *chr)
{
	chr->front = NULL;
	chr->opaque = NULL;
	update_sources(chr);
}

bool cxb_chardev_wait(CxbChardev *chr, GError **errp)
{
	if (chr->listen_fd < 0 || !chr->wait || chr->peer)
		return true;
	cxb_message("%s: info: QEMU waiting for connection on: disconnected:%s", chr->name,
		    chr->where);
	while (!chr->peer) {
		struct pollfd pfd = { .fd = chr->listen_fd, .events = POLLIN };
		int rc = poll(&pfd, 1, -1) < 0 ? -errno : socket_accept(chr);

		if (rc < 0)
			return cxb_fail_errno(errp, -rc, "Failed to accept a connection on %s",
					      chr->where);
	}
	return true;
}

void cxb_chardev_pause(CxbChardev *chr, bool paused)
{
	chr->paused = paused;
	update_sources(chr);
}

void cxb_chardev_drop_peer(CxbChardev *chr)
{
	peer_gone(chr);
}

bool cxb_chardev_has_front(const CxbChardev *chr)
{
	return chr->front;
}

bool cxb_chardev_has_peer(const CxbChardev *chr)
{
	return chr->peer;
}

const char *cxb_chardev_name(const CxbChardev *chr)
{
	return chr->name;
}

const char *cxb_chardev_where(const CxbChardev *chr)
{
	return chr->where;
}
