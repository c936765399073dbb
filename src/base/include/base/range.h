/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on address ranges that cannot overflow. A range is a start and a length in bytes. */
#ifndef CXB_BASE_RANGE_H
#define CXB_BASE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/** cxb_range_valid() - Not empty, and its last byte is at most 2^64 - 1. */
static inline bool cxb_range_valid(uint64_t start, uint64_t len)
{
	return len && start <= UINT64_MAX - (len - 1);
}

/** cxb_range_in() - [@off, @off + @len) lies within [0, @size). Empty ranges are inside. */
static inline bool cxb_range_in(uint64_t off, uint64_t len, uint64_t size)
{
	return len <= size && off <= size - len;
}

/** cxb_range_within() - Range (@start, @len) lies within range (@outer, @outer_len). */
static inline bool cxb_range_within(uint64_t start, uint64_t len, uint64_t outer,
				    uint64_t outer_len)
{
	return start >= outer && cxb_range_in(start - outer, len, outer_len);
}

/** cxb_ranges_overlap() - Two valid ranges share a byte. */
static inline bool cxb_ranges_overlap(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a <= b ? b - a < a_len : a - b < b_len;
}

#endif
