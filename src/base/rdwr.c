/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rdwr.h"

#include <string.h>

/* What taking nothing from (or making no room in) no memory at all points to: not NULL. */
static void *nothing(void)
{
	return (void *)"";
}

const void *cxb_rd_take(CxbRd *rd, size_t n)
{
	const uint8_t *p = rd->p;

	if (n > rd->left)
		return NULL;
	if (!n)
		return p ? p : nothing();
	rd->p += n;
	rd->left -= n;
	return p;
}

bool cxb_rd_copy(CxbRd *rd, void *dst, size_t n)
{
	const void *p = cxb_rd_take(rd, n);

	if (!p)
		return false;
	if (n)
		memcpy(dst, p, n);
	return true;
}

/* The next @n bytes, not zeroed, or NULL. */
static void *wr_extend(CxbWr *wr, size_t n)
{
	uint8_t *p;

	if (n > cxb_wr_left(wr))
		return NULL;
	if (!wr->buf)
		return nothing();
	p = wr->buf + wr->len;
	wr->len += n;
	return p;
}

void *cxb_wr_room(CxbWr *wr, size_t n)
{
	void *p = wr_extend(wr, n);

	if (p && n)
		memset(p, 0, n);
	return p;
}

bool cxb_wr_copy(CxbWr *wr, const void *src, size_t n)
{
	void *p = wr_extend(wr, n);

	if (!p)
		return false;
	if (n)
		memcpy(p, src, n);
	return true;
}
