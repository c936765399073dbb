/* SPDX-License-Identifier: Apache-2.0 */
/* A fixture for g_test around dc_fake.h: a pool, a device and one observer. */
#ifndef DC_FIXTURE_H
#define DC_FIXTURE_H

#include "dc_fake.h"

typedef struct {
	FakePool *pool;
	CxbDc *dc;
	FakeObserver observer;
	CxbRc done; /* what the last command that completed later ended with */
	unsigned n_done;
} Fixture;

static inline void fixture_begin(Fixture *f, const CxbDcConfig *c)
{
	f->dc = cxb_dc_new(c, NULL);
	g_assert_nonnull(f->dc);
	f->observer.seen = g_string_new(NULL);
	cxb_dc_add_observer(f->dc, &fake_observer, &f->observer);
}

static inline void set_up(Fixture *f, gconstpointer unused)
{
	CxbDcConfig c;

	f->pool = fake_pool_new();
	c = fake_config(f->pool);
	fixture_begin(f, &c);
}

static inline void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_dc_free(f->dc);
	fake_pool_free(f->pool);
	g_string_free(f->observer.seen, TRUE);
}

static inline void fixture_done(void *opaque, CxbRc rc)
{
	Fixture *f = opaque;

	f->done = rc;
	f->n_done++;
}

static inline void saw(Fixture *f, const char *what)
{
	g_assert_cmpstr(f->observer.seen->str, ==, what);
	g_string_truncate(f->observer.seen, 0);
}

static inline void forget(Fixture *f)
{
	g_string_truncate(f->observer.seen, 0);
}

/* Offer tag @tag in the given blocks of region 0, with a new backing. */
static inline FakeBacking *offered(Fixture *f, unsigned tag, size_t n, const FakeRange *r)
{
	FakeBacking *b;
	unsigned blocks = 0;

	for (size_t i = 0; i < n; i++)
		blocks += r[i].n;
	b = fake_backing(f->pool, tag, blocks * FAKE_BLOCK);
	g_assert_true(fake_add(f->dc, tag, 0, n, r, NULL));
	return b;
}

static inline FakeBacking *accepted(Fixture *f, unsigned tag, size_t n, const FakeRange *r)
{
	FakeBacking *b = offered(f, tag, n, r);

	g_assert_cmpint(fake_respond(f->dc, n, r), ==, CXB_RC_SUCCESS);
	forget(f);
	return b;
}

#endif
