/* SPDX-License-Identifier: Apache-2.0 */
/* What of an endpoint's capacity has bytes and an address in the host, cut into runs of pages. */
#ifndef GUEST_RUNS_H
#define GUEST_RUNS_H

#include "devices/cxl.h"

typedef struct {
	uint64_t dpa, len, hpa; /* multiples of 4 KiB */
	CxbHostMem *mem;
	uint64_t mem_off;
	bool readonly;
} Run;

/** runs_of() - Append those of @segment; what is not whole pages or interleaved has none. */
void runs_of(CxbDevice *endpoint, const CxbCxlSegment *segment, GArray *runs);
/** runs_all() - Of everything that answers its guest now, in order of DPA. Transfer: full. */
GArray *runs_all(CxbDevice *endpoint);

#endif
