/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that must not run inside the call that caused it: notifications, interrupts, the built-in
 * host's steps. First in, first out; run by the main loop, or drained by hand before the next
 * request is looked at, so that a pasted script behaves like a typed one. One thread only.
 */
#ifndef CXB_BASE_WORKQ_H
#define CXB_BASE_WORKQ_H

#include <glib.h>
#include <stdbool.h>

typedef struct CxbWorkq CxbWorkq;
typedef void (*CxbWorkFn)(void *opaque);

/** cxb_workq_new() - Items run from @context (NULL: the default one) whenever it iterates. */
CxbWorkq *cxb_workq_new(GMainContext *context);
/** cxb_workq_free() - Drops items that have not run. Not from inside an item. NULL is fine. */
void cxb_workq_free(CxbWorkq *q);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbWorkq, cxb_workq_free)

void cxb_workq_post(CxbWorkq *q, CxbWorkFn fn, void *opaque);
/** cxb_workq_cancel() - Drop every waiting item with this @fn and @opaque. Returns: how many. */
unsigned cxb_workq_cancel(CxbWorkq *q, CxbWorkFn fn, void *opaque);
/** cxb_workq_drain() - Run items, also those posted meanwhile, until none waits. Not re-entrant:
 * called from inside an item it does nothing. */
void cxb_workq_drain(CxbWorkq *q);
bool cxb_workq_idle(const CxbWorkq *q);

#endif
