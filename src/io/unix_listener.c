/* SPDX-License-Identifier: Apache-2.0 */
#include "io/unix_listener.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define BACKLOG 128

struct CxbUnixListener {
	int fd;
	char *path; /* of our file, with its identity; NULL: none */
	dev_t dev;
	ino_t ino;
};

bool cxb_unix_address(const char *path, bool abstract, bool tight, struct sockaddr_un *addr,
		      socklen_t *len, GError **errp)
{
	const size_t n = strlen(path), max = sizeof(addr->sun_path);

	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* A file's name keeps its final NUL, an abstract name has one in front. */
	if (n + 1 > max)
		return cxb_fail(
			errp, CXB_ERROR_INVALID,
			"UNIX socket path '%s' is too long\nPath must be less than %zu bytes", path,
			max);
	memcpy(addr->sun_path + (abstract ? 1 : 0), path, n);
	*len = sizeof(*addr);
	if (!abstract || tight)
		*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
	return true;
}

/* Remove @addr's file if it is a socket that nobody listens on. */
static bool remove_stale(const struct sockaddr_un *addr, socklen_t len)
{
	struct stat before, after;
	int fd, rc;

	if (lstat(addr->sun_path, &before) || !S_ISSOCK(before.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	rc = connect(fd, (const struct sockaddr *)addr, len) ? errno : 0;
	close(fd);
	/* The name may have changed hands since. */
	if (rc != ECONNREFUSED || lstat(addr->sun_path, &after) || before.st_dev != after.st_dev ||
	    before.st_ino != after.st_ino)
		return false;
	return unlink(addr->sun_path) == 0;
}

static void remember_file(CxbUnixListener *l, const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		return;
	l->path = g_canonicalize_filename(path, NULL);
	l->dev = st.st_dev;
	l->ino = st.st_ino;
}

static void unlink_file(CxbUnixListener *l)
{
	struct stat st;

	if (l->path && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	g_clear_pointer(&l->path, g_free);
}

/* Until listen() nobody can connect, so rights that are set before it hold from the start. */
static bool set_rights(const char *path, const CxbUnixListenerOpts *opts, GError **errp)
{
	if (opts->group != (gid_t)-1 && chown(path, (uid_t)-1, opts->group))
		return cxb_fail_errno(errp, errno, "Failed to give socket %s to group %u", path,
				      (unsigned)opts->group);
	if (opts->mode_given && chmod(path, opts->mode))
		return cxb_fail_errno(errp, errno, "Failed to set the mode of socket %s", path);
	return true;
}

static bool bind_and_listen(CxbUnixListener *l, const char *path, const CxbUnixListenerOpts *opts,
			    GError **errp)
{
	struct sockaddr_un addr;
	socklen_t len;
	int rc;

	if (!cxb_unix_address(path, opts->abstract, opts->tight, &addr, &len, errp))
		return false;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return cxb_fail_errno(errp, errno, "Failed to create Unix socket");
	rc = bind(l->fd, (const struct sockaddr *)&addr, len) ? errno : 0;
	if (rc == EADDRINUSE && !opts->abstract && remove_stale(&addr, len))
		rc = bind(l->fd, (const struct sockaddr *)&addr, len) ? errno : 0;
	if (rc)
		return cxb_fail_errno(errp, rc, "Failed to bind socket to %s", path);
	if (!opts->abstract) {
		remember_file(l, path);
		if (!set_rights(path, opts, errp))
			return false;
	}
	if (listen(l->fd, BACKLOG))
		return cxb_fail_errno(errp, errno, "Failed to listen on socket");
	return true;
}

CxbUnixListener *cxb_unix_listener_new(const char *path, const CxbUnixListenerOpts *opts,
				       GError **errp)
{
	CxbUnixListener *l = g_new0(CxbUnixListener, 1);

	l->fd = -1;
	if (bind_and_listen(l, path, opts, errp))
		return l;
	cxb_unix_listener_free(l);
	return NULL;
}

void cxb_unix_listener_free(CxbUnixListener *l)
{
	if (!l)
		return;
	unlink_file(l);
	if (l->fd >= 0)
		close(l->fd);
	g_free(l);
}

int cxb_unix_listener_fd(const CxbUnixListener *l)
{
	return l->fd;
}

int cxb_unix_listener_accept(CxbUnixListener *l)
{
	const int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	return fd < 0 ? -errno : fd;
}
