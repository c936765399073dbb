/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepted memory for programs of the machine, by tag: a unix socket, which its owner alone may connect
 * to. Each line is a command:
 *
 *   list        "tag UUID size N memdev memN region dcN extents N holders N[ asked-back]", each
 *   hold UUID   "map ADDRESS LENGTH" for each extent as they follow each other; with the answer comes
 *               a descriptor whose offsets are those addresses, if the bus has one
 *   release UUID
 *
 * and "ok" or "error WHY" ends each answer. What a client holds is not given back: it is told "asked-back
 * UUID", and the answer to who has asked waits until it lets go, or its connection ends. What was taken
 * away by force is held no longer; "gone UUID" says so.
 */
#ifndef CXB_TOOLS_HOST_CONTROL_H
#define CXB_TOOLS_HOST_CONTROL_H

#include "host/host.h"

typedef struct HostControl HostControl;

typedef struct {
	const char *path;
	CxbHost *host;
	CxbWorkq *workq;
	int memory; /* the descriptor, the control's from now on; -1: none */
} HostControlConfig;

/** host_control_new() - Listen. With an error @config->memory stays the caller's. */
HostControl *host_control_new(const HostControlConfig *config, GError **errp);
void host_control_free(HostControl *c); /* what is held is let go; NULL is fine */
/** host_control_look() - Something has happened: clients will be told what concerns them. */
void host_control_look(HostControl *c);

#endif
