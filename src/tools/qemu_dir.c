/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

static void remove_all(const char *path)
{
	GDir *d = g_dir_open(path, 0, NULL);
	const char *name;

	while (d && (name = g_dir_read_name(d))) {
		g_autofree char *file = g_build_filename(path, name, NULL);

		g_unlink(file);
	}
	if (d)
		g_dir_close(d);
	g_rmdir(path);
}

/* The keeper: in a session of its own, so that what ends the others from a terminal leaves it be, and
 * with nothing open that somebody may wait for. */
static void keep(const char *path, int alive)
{
	char byte;

	setsid();
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fd != alive)
			close(fd);
	while (read(alive, &byte, 1) < 0 && errno == EINTR)
		;
	remove_all(path);
	_exit(0);
}

bool qemu_dir_make(QemuDir *dir, GError **errp)
{
	int fds[2];

	*dir = (QemuDir){ .alive = -1 };
	dir->path = g_dir_make_tmp("cxlbox-qemu-XXXXXX", errp); /* mode 0700 */
	if (!dir->path)
		return false;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		cxb_fail_errno(errp, errno, "no pipe");
		qemu_dir_remove(dir);
		return false;
	}
	dir->alive = fds[1];
	dir->keeper = fork();
	if (dir->keeper == 0) {
		close(fds[1]);
		keep(dir->path, fds[0]);
	}
	close(fds[0]);
	if (dir->keeper < 0) {
		cxb_fail_errno(errp, errno, "cannot fork");
		qemu_dir_remove(dir);
		return false;
	}
	return true;
}

void qemu_dir_remove(QemuDir *dir)
{
	if (dir->alive >= 0)
		close(dir->alive);
	if (dir->keeper > 0)
		waitpid(dir->keeper, NULL, 0);
	else if (dir->path)
		remove_all(dir->path);
	g_free(dir->path);
	*dir = (QemuDir){ .alive = -1 };
}
