/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BARs of functions of a running QEMU that its guest does not know of, kept at addresses that only we
 * know. Firmware would put them elsewhere and an operating system reserve them, so such a function is where
 * neither looks (in a slot without function 0), and we write its configuration space instead, by I/O ports
 * and over QMP, while the machine stands. QEMU's ACPI tables, which firmware takes over, tell of where BARs
 * are, so that is done only once an operating system is there: when it uses what they are for. A reset of the
 * machine takes them away.
 */
#ifndef GUEST_BARS_H
#define GUEST_BARS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

typedef struct Bars Bars;

typedef struct {
	unsigned nr; /* it and the next one are one of 64 bits */
	uint64_t hpa, size;
} Bar;

#define BARS_MAX 3

/* A function, by its id in QEMU. */
typedef struct {
	char *id;
	Bar bars[BARS_MAX];
	unsigned n_bars;
} BarsFunction;

typedef struct {
	const char *name; /* for messages */
	const char *path; /* of QEMU's QMP socket */
	GMainContext *context;
	CxbClock *clock;
	GArray *functions; /* BarsFunction */
	/* The operating system is there, and uses them. */
	bool (*used)(void *opaque);
	/* They are there, or are not for a reason that the state tells. */
	void (*placed)(void *opaque);
	void *opaque;
} BarsConfig;

/** bars_new() - What is in @config->functions belongs to it, and is freed with it. */
Bars *bars_new(const BarsConfig *config);
void bars_free(Bars *bars); /* they stay where they are; NULL is fine */
/* "connecting", "waiting" (for them to be used), "placing", "ready", "failed: WHY" */
const char *bars_state(const Bars *bars);
/** bars_hold_guest() - The guest has been stopped and is to go on: they may not be freed, or it would not. QEMU
 * does nothing of what a monitor has got whose client hangs up. */
bool bars_hold_guest(const Bars *b);
/** bars_place() - They are used from now on. */
void bars_place(Bars *bars);
bool bars_placing(const Bars *bars);

#endif
