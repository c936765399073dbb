/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the poison list, shared by the list (poison.c), its commands (poison_cmds.c) and scans
 * (poison_scan.c). */
#ifndef CXB_CXL_POISON_IMPL_H
#define CXB_CXL_POISON_IMPL_H

#include "base/ivmap.h"
#include "cxl/poison.h"
#include "wire/mbox.h"

/* The last scan, and what it found: up to @dpa if it stopped before the end, @len bytes of it left. */
typedef struct {
	bool running, ended;
	uint64_t dpa, len;
	size_t n, told; /* results, and how many of them the host has */
	struct wire_poison_record results[CXB_POISON_LIST_MAX];
} PoisonScan;

struct CxbPoison {
	CxbPoisonConfig config;
	CxbIvMap *records; /* value: source, WIRE_POISON_* */
	/* Poisoned as well, but not on the list: it was full. Meets no record; values as above. */
	CxbIvMap *hidden;
	bool overflow;
	uint64_t overflow_ns;
	/* The query whose answer had more to come, and where the next one goes on; nothing: len 0. */
	uint64_t query_dpa, query_len, query_next;
	PoisonScan scan;
};

/** poison_add() - A range that meets no record, or an overflow. What was hidden of it is known now. */
void poison_add(CxbPoison *poison, uint64_t dpa, uint64_t len, unsigned source);
/** poison_inject() - The same, and whoever wants to know is told. */
void poison_inject(CxbPoison *poison, uint64_t dpa, uint64_t len, unsigned source);
/** poison_put_record() - What lies of @iv between @start and @end. */
void poison_put_record(struct wire_poison_record *rec, const CxbIv *iv, uint64_t start,
		       uint64_t end);
/** poison_check_range() - Lines of the device, whether something is there or not. */
CxbRc poison_check_range(const CxbPoison *poison, const CxbCci *cci, const char *what,
			 const struct wire_poison_range *range);
void poison_add_scan(CxbPoison *poison, CxbCci *cci);

#endif
