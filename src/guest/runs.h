/* SPDX-License-Identifier: Apache-2.0 */
/* What of an endpoint's capacity has bytes and an address in the host, cut into runs of pages. */
#ifndef GUEST_RUNS_H
#define GUEST_RUNS_H

#include "base/ivmap.h"
#include "devices/cxl.h"

typedef struct {
	uint64_t dpa, len, hpa; /* multiples of 4 KiB */
	CxbHostMem *mem;
	uint64_t mem_off;
	bool readonly;
} Run;

/** runs_of() - Append those of @segment; what is not whole pages or interleaved has none. */
void runs_of(CxbDevice *endpoint, const CxbCxlSegment *segment, GArray *runs);
/**
 * runs_between() - Of everything that answers its guest now and shares a byte with [@from, @to), in
 * order of DPA. The first and the last may reach beyond. Transfer: full.
 */
GArray *runs_between(CxbDevice *endpoint, uint64_t from, uint64_t to);

/* Sets of ranges of DPA: maps without values. */

/** ranges_add() - One that overlaps others becomes one with them. */
void ranges_add(CxbIvMap *ranges, uint64_t start, uint64_t len);
/** ranges_drop() - Whatever shares a byte with it goes as a whole. */
void ranges_drop(CxbIvMap *ranges, uint64_t start, uint64_t len);

#endif
