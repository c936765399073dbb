/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded reader and writer for payloads a guest or peer made: they fail instead of overrunning.
 * Neither owns the memory it walks over.
 */
#ifndef CXB_BASE_RDWR_H
#define CXB_BASE_RDWR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	const uint8_t *p; /* next byte */
	size_t left;      /* bytes from p on */
} CxbRd;

typedef struct {
	uint8_t *buf;
	size_t len; /* bytes written so far */
	size_t cap; /* bytes there is room for */
} CxbWr;

/** cxb_rd_take() - The next @n bytes in place, or NULL (and nothing consumed) if fewer are left. */
const void *cxb_rd_take(CxbRd *rd, size_t n);
/** cxb_rd_copy() - Copy the next @n bytes to @dst; false, with nothing consumed, if too few. */
bool cxb_rd_copy(CxbRd *rd, void *dst, size_t n);

/** cxb_wr_room() - @n zeroed bytes to be filled in place, or NULL (nothing written) if too few. */
void *cxb_wr_room(CxbWr *wr, size_t n);
/** cxb_wr_copy() - Append @n bytes; false, with nothing written, if there is no room. */
bool cxb_wr_copy(CxbWr *wr, const void *src, size_t n);
static inline size_t cxb_wr_left(const CxbWr *wr)
{
	return wr->cap - wr->len;
}

#endif
