/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small machine for tests of its front doors, and the other end of a chardev. Nothing waits: a
 * turn of the main loop runs until nothing is left to do.
 */
#ifndef FRONT_H
#define FRONT_H

#include <glib.h>
#include <json-c/json_object.h>

#include "io/chardev.h"
#include "machine/machine.h"

#define FRONT_TYPE3 "/machine/peripheral/cxl-vmem0"

/* In front_small(): regions of 512 MiB, the second one at this DPA. */
#define FRONT_REGION (512ull << 20)

/**
 * front_small() - A q35 with 64 MiB of RAM, one 4 GiB window to host bridge "cxl.0" (bus 12), root
 * port "rp0" and type 3 device "cxl-vmem0" with two regions of dynamic capacity.
 */
CxbMachine *front_small(bool virtual_clock);

typedef struct {
	int fd;
	GString *in;
} FrontPeer;

/** front_peer_new() - One end of a socket pair; the chardev in *@chr has the other. */
FrontPeer *front_peer_new(CxbChardev **chr);
/** front_peer_connect() - Connect to the unix socket at @path. */
FrontPeer *front_peer_connect(const char *path);
void front_peer_free(FrontPeer *peer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FrontPeer, front_peer_free)

/** front_listen() - A chardev that listens on the unix socket @path. */
CxbChardev *front_listen(const char *path);
/** front_turn() - Run the default main loop until it has nothing to do. */
void front_turn(void);
void front_send(FrontPeer *peer, const char *bytes, size_t len);
/** front_line() - Run the loop, then the next line, without its end; NULL if there is none.
 * Caller frees. */
char *front_line(FrontPeer *peer);
/** front_eof() - The other side has closed. */
bool front_eof(FrontPeer *peer);

/** front_json() - Parse; single quotes will do. */
json_object *front_json(const char *text);
/** front_assert_json() - Equal but for the order of members. @got is a line. */
void front_assert_json(const char *got, const char *expected);

#endif
