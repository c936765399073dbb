/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdint.h>

/* Nanoseconds of the monotonic clock. */
int64_t bench_now_ns(void);

/*
 * Starts @argv and waits until the QMP socket at @path accepts a connection and until it has
 * greeted; ends the process. Prints both times in nanoseconds, counted from before the fork.
 */
int bench_start(const char *path, char **argv);

#endif
