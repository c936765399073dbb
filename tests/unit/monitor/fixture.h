/* SPDX-License-Identifier: Apache-2.0 */
/* A small machine, its QMP and one client. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "front.h"
#include "monitor/qmp.h"

typedef struct {
	CxbMachine *machine;
	CxbQmp *qmp;
	FrontPeer *peer;
} World;

/** world_new() - The greeting has come; nothing has been said. */
World *world_new(void);
/** world_ready() - As world_new(), and negotiated. */
World *world_ready(void);
void world_free(World *w);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

/** world_peer() - A further client on a chardev of its own; its greeting has been taken. */
FrontPeer *world_peer(World *w, bool pretty);

/** say() - Send @text; nothing is read. */
void say(FrontPeer *peer, const char *text);
/** expect() - The next message, a timestamp left out after it has been checked. */
void expect(FrontPeer *peer, const char *json);
void expect_nothing(FrontPeer *peer);
/** ask() - Send @text and expect @json. */
void ask(World *w, const char *text, const char *json);
/** ask_for() - Send @text; the answer's "return", which must be there. Caller puts it. */
json_object *ask_for(World *w, const char *text);
/** fails() - Send @text; the answer must be an error of @klass that says @desc. */
void fails(World *w, const char *text, const char *klass, const char *desc);

typedef struct {
	const char *in, *out;
} Exchange;
/** world_ask_all() - ask() each row, on one machine; ends with @in NULL. */
void world_ask_all(World *w, const Exchange *rows);

#endif
