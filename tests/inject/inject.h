/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failure injection: what the project's own code asks of the system or of GLib's g_try_* is a
 * point, and a point can be made to fail. The linker's --wrap brings the calls here, so that the
 * code under test is the code that is shipped; calls that libraries make among themselves are not
 * touched.
 *
 * A call can also be held up until it is told to go on; others, on other threads, do not wait for it.
 *
 * Who controls it shares a page with it: CXB_FAIL_CONTROL names a file of InjectControl's size,
 * or the program itself uses inject_control(). Words are little-endian on all that we build for.
 */
#ifndef INJECT_H
#define INJECT_H

#include <stdint.h>

#define INJECT_CALLS 64

typedef struct {
	uint64_t fail_at;             /* the point that fails, counted down; 0: none */
	uint64_t one_in;              /* about one point in so many fails; 0: none */
	uint64_t random;              /* state of the generator, not 0 */
	uint64_t failed;              /* points that failed so far */
	uint64_t last;                /* number of the call that failed last, from 1 */
	uint64_t hold;                /* number of the call that does not go on while this is set */
	uint64_t held;                /* calls that did not go on so far */
	uint64_t hits[INJECT_CALLS];  /* by call, failed or not */
	uint64_t fails[INJECT_CALLS]; /* by call */
	char names[1024];             /* of the calls in order, a space behind each */
} InjectControl;

InjectControl *inject_control(void);

#endif
