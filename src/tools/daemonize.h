/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -daemonize: the program goes on in the background, and who started it learns whether the machine
 * came up. Until then messages go to the terminal of old.
 */
#ifndef CXB_TOOLS_DAEMONIZE_H
#define CXB_TOOLS_DAEMONIZE_H

#include <glib.h>
#include <stdbool.h>

typedef struct {
	bool on;
	int report_fd; /* to who waits for us */
} Daemon;

/**
 * daemon_start() - Fork twice. Returns in the grandchild only: the caller waits until
 * daemon_ready() and exits with 0, or, if this process ends before, with 1.
 */
bool daemon_start(Daemon *d, GError **errp);
/** daemon_ready() - The machine stands: into "/" and away from the terminal.
 * @keep_stderr: somebody's log, which messages go on to */
bool daemon_ready(Daemon *d, bool keep_stderr, GError **errp);

#endif
