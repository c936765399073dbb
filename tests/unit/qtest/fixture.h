/* SPDX-License-Identifier: Apache-2.0 */
/* A small machine and a qtest client. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <string.h>

#include "front.h"
#include "qtest/qtest.h"

typedef struct {
	CxbMachine *machine;
	CxbQtest *qtest;
	FrontPeer *peer;
} World;

static inline World *world_with(bool virtual_clock, const char *log)
{
	World *w = g_new0(World, 1);
	g_autoptr(GError) err = NULL;
	CxbChardev *chr;

	w->machine = front_small(virtual_clock);
	w->peer = front_peer_new(&chr);
	w->qtest = cxb_qtest_new(w->machine, chr, log, &err);
	g_assert_no_error(err);
	return w;
}

static inline World *world_new(void)
{
	return world_with(true, NULL);
}

static inline void world_free(World *w)
{
	front_peer_free(w->peer);
	cxb_qtest_free(w->qtest);
	cxb_machine_free(w->machine);
	g_free(w);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

static inline void say(FrontPeer *peer, const char *text)
{
	front_send(peer, text, strlen(text));
}

static inline void expect(FrontPeer *peer, const char *line)
{
	g_autofree char *got = front_line(peer);

	g_assert_cmpstr(got, ==, line);
}

/* @line has no newline. */
static inline void ask(World *w, const char *line, const char *answer)
{
	say(w->peer, line);
	say(w->peer, "\n");
	expect(w->peer, answer);
}

typedef struct {
	const char *in, *out;
} Exchange;

static inline void ask_all(World *w, const Exchange *rows)
{
	for (; rows->in; rows++)
		ask(w, rows->in, rows->out);
}

#endif
