/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one tag costs the engine, offered, accepted and given back, with few and with many tags
 * alive beside it. Lookups are O(log n): the ratio should stay near log(4000) / log(10).
 */
#include <stdio.h>
#include <time.h>

#include "dc_fake.h"

#define ROUNDS 20000

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void must(bool ok)
{
	if (!ok)
		g_error("the engine refused what it should not");
}

static void cycle(CxbDc *dc, unsigned tag, unsigned at)
{
	const FakeRange r = { at, 1 };

	must(fake_add(dc, tag, 0, 1, &r, NULL));
	must(fake_respond(dc, 1, &r) == CXB_RC_SUCCESS);
	must(fake_give_back(dc, 1, &r) == CXB_RC_SUCCESS);
}

/* Nanoseconds of a cycle with @live tags beside it. */
static double cost(unsigned live)
{
	FakePool *pool = fake_pool_new();
	CxbDcConfig c = fake_config(pool);
	double t0, t1;
	CxbDc *dc;

	c.n_regions = 1;
	c.regions[0].decode_len = c.regions[0].len = FAKE_MIB(16384);
	dc = cxb_dc_new(&c, NULL);
	for (unsigned i = 0; i < live; i++) {
		const FakeRange r = { 2 * i, 1 };

		fake_backing(pool, i + 1, FAKE_BLOCK);
		must(fake_add(dc, i + 1, 0, 1, &r, NULL));
		must(fake_respond(dc, 1, &r) == CXB_RC_SUCCESS);
	}
	fake_backing(pool, live + 1, FAKE_BLOCK);
	t0 = now_ns();
	for (unsigned i = 0; i < ROUNDS; i++)
		cycle(dc, live + 1, live ? 2 * (i * 7919u % live) + 1 : 1);
	t1 = now_ns();
	cxb_dc_free(dc);
	fake_pool_free(pool);
	return (t1 - t0) / ROUNDS;
}

int main(void)
{
	double few, many;

	cost(10); /* warm up */
	few = cost(10);
	many = cost(4000);
	printf("add + accept + release: %.0f ns with 10 live tags, %.0f ns with 4000, ratio %.2f\n",
	       few, many, many / few);
	return 0;
}
