/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of backends that become zero together: on the pool's worker unless that is quickly done. A backend is
 * pinned meanwhile, so it goes to nobody else until none of its bytes is zeroed any more.
 */
#ifndef CXB_MEMORY_ERASURE_H
#define CXB_MEMORY_ERASURE_H

#include "memory/hostmem.h"

typedef struct CxbErasure CxbErasure;

/** cxb_erasure_new() - @done is told the end of what was not done at once, and may free it.
 * @who: of the pins; copied */
CxbErasure *cxb_erasure_new(const char *who, void (*done)(void *opaque), void *opaque);
/** cxb_erasure_free() - What is not zeroed yet stays; waits for the step that is being done. NULL is fine. */
void cxb_erasure_free(CxbErasure *e);
/** cxb_erasure_add() - Before the start. Ranges may overlap. */
void cxb_erasure_add(CxbErasure *e, CxbHostMem *mem, uint64_t off, uint64_t len);
/** cxb_erasure_start() - True: it is over. */
bool cxb_erasure_start(CxbErasure *e);
/** cxb_erasure_error() - Once it is over: why a range is not zero, of the first; NULL: all are. */
const GError *cxb_erasure_error(const CxbErasure *e);

#endif
