/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for sockets and files that goes with this program, even if that is killed. */
#ifndef CXB_TOOLS_QEMU_DIR_H
#define CXB_TOOLS_QEMU_DIR_H

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct {
	char *path; /* nobody else may enter it; there are only files in it */
	int alive;  /* the keeper sees it close */
	pid_t keeper;
} QemuDir;

/** qemu_dir_make() - Before any thread is started: it forks. */
bool qemu_dir_make(QemuDir *dir, GError **errp);
void qemu_dir_remove(QemuDir *dir);

#endif
