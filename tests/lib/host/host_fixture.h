/* SPDX-License-Identifier: Apache-2.0 */
/* A host on a fake machine, for g_test. */
#ifndef HOST_FIXTURE_H
#define HOST_FIXTURE_H

#include <string.h>

#include "fake_machine.h"
#include "host/host.h"

typedef struct {
	FakeMachine *m;
	FakeDev *d; /* the first */
	CxbHost *host;
	CxbHostConfig config;
	GString *said;
	uint16_t host_of_asked;
} Fixture;

static inline void fixture_say(void *opaque, const char *line)
{
	g_string_append_printf(((Fixture *)opaque)->said, "%s\n", line);
	g_test_message("%s", line);
}

static inline void drain(Fixture *f)
{
	cxb_workq_drain(f->m->workq);
}

static inline void advance_ms(Fixture *f, int64_t ms)
{
	cxb_clock_advance(f->m->clock, cxb_clock_now_ns(f->m->clock) + ms * 1000000);
	drain(f);
}

/* No timer is armed: the host would sleep for ever. */
static inline bool idle(Fixture *f)
{
	int64_t ns;

	return cxb_workq_idle(f->m->workq) && !cxb_clock_deadline(f->m->clock, &ns);
}

static inline void fixture_machine(Fixture *f, unsigned devices)
{
	f->said = g_string_new(NULL);
	f->m = fake_machine_new(devices);
	f->d = &f->m->dev[0];
	f->config = (CxbHostConfig){ .bus = &f->m->bus,
				     .clock = f->m->clock,
				     .workq = f->m->workq,
				     .say = fixture_say,
				     .opaque = f };
}

static inline void fixture_boot(Fixture *f)
{
	f->host = cxb_host_new(&f->config);
	cxb_host_start(f->host);
	drain(f);
}

static inline void set_up(Fixture *f, gconstpointer unused)
{
	fixture_machine(f, 1);
}

static inline void set_up_booted(Fixture *f, gconstpointer unused)
{
	fixture_machine(f, 1);
	fixture_boot(f);
}

static inline void set_up_two(Fixture *f, gconstpointer unused)
{
	fixture_machine(f, 2);
	fixture_boot(f);
}

static inline void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_host_free(f->host);
	fake_machine_free(f->m);
	g_string_free(f->said, TRUE);
}

/* What the host answered since last time. */
static inline void did(FakeDev *d, const char *what)
{
	g_assert_cmpstr(d->did->str, ==, what);
	g_string_truncate(d->did, 0);
}

static inline void assert_said(Fixture *f, const char *what)
{
	if (!strstr(f->said->str, what))
		g_error("not said: \"%s\" in:\n%s", what, f->said->str);
}

static inline unsigned extents(Fixture *f, CxbHostExtent *first)
{
	g_autoptr(GArray) all = cxb_host_extents(f->host);

	if (first && all->len)
		*first = g_array_index(all, CxbHostExtent, 0);
	return all->len;
}

#endif
