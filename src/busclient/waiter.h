/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever waits for an interrupt of a bus that is looked at from time to time. */
#ifndef BUSCLIENT_WAITER_H
#define BUSCLIENT_WAITER_H

#include "base/workq.h"
#include "bus/bus.h"

typedef struct Waiter Waiter;

Waiter *waiter_new(CxbWorkq *workq, CxbBusIrqFn fn, void *opaque);
void waiter_free(gpointer waiter); /* nothing runs any more */
/** waiter_wake() - Run its function from the work queue, once however often it is woken meanwhile. */
void waiter_wake(Waiter *w);

#endif
