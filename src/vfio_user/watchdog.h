/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends a system call of this thread that must not block, and does because another process that has the
 * same file meddles with it: after a millisecond it fails with EINTR, as by any signal (SIGRTMIN).
 */
#ifndef VFIO_USER_WATCHDOG_H
#define VFIO_USER_WATCHDOG_H

typedef struct Watchdog Watchdog;

/** watchdog_new() - Of this thread. Where the system gives no timer it watches nothing. */
Watchdog *watchdog_new(void);
void watchdog_free(Watchdog *w);
/** watchdog_begin(), watchdog_end() - Around the call. */
void watchdog_begin(Watchdog *w);
void watchdog_end(Watchdog *w);

#endif
