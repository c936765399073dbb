/* SPDX-License-Identifier: Apache-2.0 */
/* -pidfile: a locked file that has our process id while the machine is there. */
#ifndef CXB_TOOLS_PIDFILE_H
#define CXB_TOOLS_PIDFILE_H

#include <glib.h>
#include <stdbool.h>

typedef struct {
	char *path; /* absolute; NULL: none */
	int fd;     /* locked while it is open */
} Pidfile;

/** pidfile_open() - Make and lock @path; it is empty until pidfile_write(). */
bool pidfile_open(Pidfile *p, const char *path, GError **errp);
bool pidfile_write(Pidfile *p, GError **errp);
/** pidfile_remove() - Nothing if there is none. */
void pidfile_remove(Pidfile *p);

#endif
