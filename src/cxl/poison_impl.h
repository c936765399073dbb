/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the poison list, shared by the list (poison.c) and its commands (poison_cmds.c). */
#ifndef CXB_CXL_POISON_IMPL_H
#define CXB_CXL_POISON_IMPL_H

#include "base/ivmap.h"
#include "cxl/poison.h"

struct CxbPoison {
	CxbPoisonConfig config;
	CxbIvMap *records; /* value: source, WIRE_POISON_* */
	bool overflow;
	uint64_t overflow_ns;
	/* The query whose answer had more to come, and where the next one goes on; nothing: len 0. */
	uint64_t query_dpa, query_len, query_next;
};

/** poison_add() - A range that meets no record, or an overflow. */
void poison_add(CxbPoison *poison, uint64_t dpa, uint64_t len, unsigned source);

#endif
