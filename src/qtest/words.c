/* SPDX-License-Identifier: Apache-2.0 */
#include "qtest_impl.h"

#include <string.h>

Word words_next(Words *words)
{
	const char *blank;
	Word w;

	if (!words->p)
		return (Word){ 0 };
	blank = memchr(words->p, ' ', words->end - words->p);
	w = (Word){ words->p, (blank ? blank : words->end) - words->p };
	words->p = blank ? blank + 1 : NULL;
	return w;
}

bool word_is(Word w, const char *text)
{
	const size_t n = strlen(text);

	return w.p && w.len == n && memcmp(w.p, text, n) == 0;
}

/* 0xff: not a digit of any base. */
static uint8_t digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 0xff;
}

static bool parse(const char *p, const char *end, uint64_t *out)
{
	unsigned base = 10;
	uint64_t v = 0;

	if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	} else if (end - p > 1 && p[0] == '0') {
		base = 8;
		p++;
	}
	if (p == end)
		return false;
	for (; p < end; p++) {
		const uint8_t d = digit(*p);

		if (d >= base || v > (UINT64_MAX - d) / base)
			return false;
		v = v * base + d;
	}
	*out = v;
	return true;
}

bool word_u64(Word w, uint64_t *out)
{
	return w.p && parse(w.p, w.p + w.len, out);
}

bool word_i64(Word w, int64_t *out)
{
	const bool negative = w.p && w.len && *w.p == '-';
	uint64_t v;

	if (!w.p || !parse(w.p + negative, w.p + w.len, &v) || v > (uint64_t)INT64_MAX + negative)
		return false;
	*out = negative ? (int64_t)-v : (int64_t)v;
	return true;
}

bool hex_decode(const char *p, size_t n, uint8_t *out)
{
	uint8_t bad = 0;

	for (size_t i = 0; i + 1 < n; i += 2) {
		const uint8_t high = digit(p[i]), low = digit(p[i + 1]);

		bad |= high | low;
		*out++ = high << 4 | low;
	}
	if (n % 2) {
		const uint8_t high = digit(p[n - 1]);

		bad |= high;
		*out = high << 4;
	}
	return bad < 16;
}

void hex_encode(const uint8_t *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
}
