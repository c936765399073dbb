/* SPDX-License-Identifier: Apache-2.0 */
#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* Whether @path still names the file that @fd is: 1, 0 or -errno. */
static int still_named(int fd, const char *path)
{
	struct stat ours, theirs;

	if (fstat(fd, &ours) != 0)
		return -errno;
	if (stat(path, &theirs) != 0)
		return errno == ENOENT ? 0 : -errno;
	return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* The lock is that of the open file, so it survives the forks of -daemonize. */
static int open_locked(const char *path, GError **errp)
{
	for (;;) {
		const int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
		int named;

		if (fd < 0) {
			cxb_fail_errno(errp, errno, "cannot create PID file: Could not create '%s'",
				       path);
			return -1;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
			cxb_fail_errno(errp, errno, "cannot create PID file: Cannot lock pid file");
			close(fd);
			return -1;
		}
		named = still_named(fd, path);
		if (named > 0)
			return fd;
		close(fd); /* 0: its owner removed it between the two calls */
		if (named < 0) {
			cxb_fail_errno(errp, -named, "cannot create PID file: Cannot stat file");
			return -1;
		}
	}
}

bool pidfile_open(Pidfile *p, const char *path, GError **errp)
{
	const int fd = open_locked(path, errp);

	if (fd < 0)
		return false;
	pidfile_remove(p); /* given twice: the last wins */
	p->path = g_canonicalize_filename(path, NULL);
	p->fd = fd;
	return true;
}

bool pidfile_write(Pidfile *p, GError **errp)
{
	if (!p->path)
		return true;
	if (ftruncate(p->fd, 0) != 0 || dprintf(p->fd, "%d\n", (int)getpid()) < 0)
		return cxb_fail_errno(errp, errno,
				      "cannot create PID file: Failed to write pid file");
	return true;
}

void pidfile_remove(Pidfile *p)
{
	if (!p->path)
		return;
	unlink(p->path);
	close(p->fd);
	g_free(p->path);
	*p = (Pidfile){ 0 };
}
