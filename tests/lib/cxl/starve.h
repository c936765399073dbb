/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations that may fail, failing: the program is linked with --wrap for GLib's g_try_ functions
 * (starve_args in meson.build), which come here. While starve.on, one in STARVE_ODDS fails.
 */
#ifndef STARVE_H
#define STARVE_H

#include <glib.h>
#include <stdbool.h>

#define STARVE_ODDS 16

static struct {
	GRand *rand;
	bool on;
	bool hit;                /* set by one that failed; the test clears it */
	unsigned points, failed; /* allocations seen while on, and failed */
} starve;

static inline bool starve_now(void)
{
	if (!starve.on)
		return false;
	starve.points++;
	if (g_rand_int_range(starve.rand, 0, STARVE_ODDS))
		return false;
	starve.failed++;
	return starve.hit = true;
}

#define STARVE_WRAP(name, params, ...)                                   \
	gpointer __real_##name params;                                   \
	gpointer __wrap_##name params;                                   \
	gpointer __wrap_##name params                                    \
	{                                                                \
		return starve_now() ? NULL : __real_##name(__VA_ARGS__); \
	}

STARVE_WRAP(g_try_malloc, (gsize n), n)
STARVE_WRAP(g_try_malloc_n, (gsize n, gsize size), n, size)
STARVE_WRAP(g_try_realloc, (gpointer p, gsize n), p, n)
STARVE_WRAP(g_try_realloc_n, (gpointer p, gsize n, gsize size), p, n, size)

#endif
