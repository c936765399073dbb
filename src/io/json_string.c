/* SPDX-License-Identifier: Apache-2.0 */
#include "json_string.h"

#include <stdint.h>
#include <string.h>

/*
 * The character at @p, *used bytes long; -1 if the bytes are no valid UTF-8. The two-byte form of
 * U+0000 is accepted; every other overlong form, surrogates and what is above U+10FFFF are not.
 */
static int32_t utf8_next(const char *p, size_t len, size_t *used)
{
	gunichar c;

	*used = 1;
	if ((signed char)p[0] >= 0)
		return p[0];
	if (len >= 2 && !memcmp(p, "\xc0\x80", 2)) {
		*used = 2;
		return 0;
	}
	c = g_utf8_get_char_validated(p, MIN(len, 6));
	if (c > 0x10ffff)
		return -1;
	*used = g_unichar_to_utf8(c, NULL);
	return c;
}

static void append_char(GString *out, uint32_t c)
{
	if (c)
		g_string_append_unichar(out, c);
	else
		g_string_append_len(out, "\xc0\x80", 2);
}

/* Four hexadecimal digits, or -1. */
static int32_t hex4(const char *p, const char *end)
{
	int32_t v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		if (!g_ascii_isxdigit(p[i]))
			return -1;
		v = v << 4 | g_ascii_xdigit_value(p[i]);
	}
	return v;
}

/* @p is behind "\u"; surrogates must come in pairs. Moves *p behind what it used. */
static char *unicode_escape(const char **p, const char *end, GString *out)
{
	const char *s = *p;
	int32_t c = hex4(s, end), low = -1;

	if (c < 0)
		return g_strdup("invalid escape sequence in string");
	*p = s + 4;
	if (c >= 0xd800 && c < 0xdc00 && end - s >= 6 && s[4] == '\\' && s[5] == 'u')
		low = hex4(s + 6, end);
	if (low >= 0xdc00 && low < 0xe000) {
		c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
		*p = s + 10;
	}
	if (c >= 0xd800 && c < 0xe000)
		return g_strdup_printf("\\u%.4s is not a valid Unicode character", s);
	append_char(out, c);
	return NULL;
}

static char *escape(const char **p, const char *end, GString *out)
{
	const char c = *(*p)++;

	switch (c) {
	case '"':
	case '\'':
	case '\\':
	case '/':
		g_string_append_c(out, c);
		return NULL;
	case 'b':
		g_string_append_c(out, '\b');
		return NULL;
	case 'f':
		g_string_append_c(out, '\f');
		return NULL;
	case 'n':
		g_string_append_c(out, '\n');
		return NULL;
	case 'r':
		g_string_append_c(out, '\r');
		return NULL;
	case 't':
		g_string_append_c(out, '\t');
		return NULL;
	case 'u':
		return unicode_escape(p, end, out);
	default:
		return g_strdup("invalid escape sequence in string");
	}
}

char *json_string_decode(const char *token, size_t len, GString *out)
{
	const char *p = token + 1, *end = token + len - 1;

	while (p < end) {
		size_t used;

		if (*p == '\\') {
			char *err;

			p++;
			err = escape(&p, end, out);
			if (err)
				return err;
			continue;
		}
		if (utf8_next(p, end - p, &used) < 0)
			return g_strdup("invalid UTF-8 sequence in string");
		g_string_append_len(out, p, used);
		p += used;
	}
	return NULL;
}

static void encode_char(GString *out, uint32_t c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	const char *named = c && c < 0x80 ? strchr(plain, (int)c) : NULL;

	if (named) {
		g_string_append_c(out, '\\');
		g_string_append_c(out, names[named - plain]);
	} else if (c >= 0x20 && c < 0x7f) {
		g_string_append_c(out, (char)c);
	} else if (c < 0x10000) {
		g_string_append_printf(out, "\\u%04X", c);
	} else {
		g_string_append_printf(out, "\\u%04X\\u%04X", 0xd800 + ((c - 0x10000) >> 10),
				       0xdc00 + ((c - 0x10000) & 0x3ff));
	}
}

void json_string_encode(GString *out, const char *s, size_t len)
{
	const char *p = s, *end = s + len;

	g_string_append_c(out, '"');
	while (p < end) {
		size_t used;
		int32_t c = utf8_next(p, end - p, &used);

		encode_char(out, c < 0 ? 0xfffd : (uint32_t)c);
		p += used;
	}
	g_string_append_c(out, '"');
}
