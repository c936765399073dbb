/* SPDX-License-Identifier: Apache-2.0 */
#include "qtest_impl.h"

#include <string.h>

#define SMALL 8192 /* always there, so that short answers cannot fail */
#define KEEP  ((size_t)4 << 20)

bool buf_reserve(Buf *b, size_t cap)
{
	char *p;

	if (cap <= b->cap)
		return true;
	cap = MAX(cap, MAX(SMALL, cap < QTEST_MAX_LINE ? MIN(b->cap * 2, QTEST_MAX_LINE) : 0));
	p = g_try_realloc(b->p, cap);
	if (!p)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

void buf_shrink(Buf *b)
{
	b->len = 0;
	if (b->cap <= KEEP)
		return;
	g_free(b->p);
	b->p = g_malloc(SMALL);
	b->cap = SMALL;
}

void buf_free(Buf *b)
{
	g_free(b->p);
	*b = (Buf){ 0 };
}

void reply_text(CxbQtest *q, const char *text)
{
	const size_t n = strlen(text);

	g_assert(n < q->reply.cap);
	memcpy(q->reply.p, text, n);
	q->reply.len = n;
}

void reply_printf(CxbQtest *q, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	const int n = g_vsnprintf(q->reply.p, q->reply.cap, fmt, ap);
	va_end(ap);
	q->reply.len = MIN((size_t)n, q->reply.cap - 1);
}

void reply_hex(CxbQtest *q, uint64_t v, unsigned digits)
{
	char *p = q->reply.p;

	while (digits < 16 && v >> 4 * digits)
		digits++;
	memcpy(p, "OK 0x", 5);
	p += 5;
	for (unsigned i = digits; i > 0; i--)
		*p++ = "0123456789abcdef"[v >> 4 * (i - 1) & 15];
	q->reply.len = p - q->reply.p;
}

void reply_fail(CxbQtest *q, const char *text)
{
	reply_printf(q, "FAIL %s", text);
}
