/* SPDX-License-Identifier: Apache-2.0 */
#include "qom/scalar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "qom.h"

/* Base 0 of strtoull, without the sign and the blanks it lets pass. */
static bool parse_u64(const char *text, char **end, int base, uint64_t *out)
{
	if (!g_ascii_isdigit(*text))
		return false;
	errno = 0;
	*out = strtoull(text, end, base);
	return errno == 0;
}

bool cxb_parse_uint(const char *text, uint64_t max, uint64_t *out)
{
	char *end;
	uint64_t v;

	if (!parse_u64(text, &end, 0, &v) || *end || v > max)
		return false;
	*out = v;
	return true;
}

/* log2 of what a suffix letter multiplies by; -1: no suffix letter. */
static int suffix_shift(char c)
{
	static const char letters[] = "bkmgtpe";
	const char *at = c ? strchr(letters, g_ascii_tolower(c)) : NULL;

	return at ? 10 * (int)(at - letters) : -1;
}

/* The fraction behind the point, times 2^@shift, rounded to nearest. Digits past the 18th are
 * read but do not count. */
static uint64_t scale_fraction(const char *digits, size_t n, int shift)
{
	uint64_t num = 0, den = 1;

	for (size_t i = 0; i < n && i < 18; i++) {
		num = num * 10 + (uint64_t)(digits[i] - '0');
		den *= 10;
	}
	return (((unsigned __int128)num << shift) + den / 2) / den;
}

static bool parse_hex_size(const char *text, uint64_t *out)
{
	char *end;
	uint64_t v;

	if (!g_ascii_isxdigit(text[2]) || !parse_u64(text, &end, 16, &v) || *end)
		return false;
	*out = v;
	return true;
}

bool cxb_parse_size(const char *text, uint64_t *out)
{
	const char *frac = NULL;
	size_t frac_len = 0;
	uint64_t v = 0, low = 0;
	char *end;
	int shift = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return parse_hex_size(text, out);
	if (!parse_u64(text, &end, 10, &v))
		return false;
	if (*end == '.') {
		frac = end + 1;
		frac_len = strspn(frac, "0123456789");
		if (frac_len == 0)
			return false;
		end += 1 + frac_len;
	}
	if (*end) {
		shift = suffix_shift(*end);
		if (shift < 0 || end[1])
			return false;
	}
	if (frac && shift == 0)
		return false; /* there is no part of a byte */
	if (v > UINT64_MAX >> shift)
		return false;
	v <<= shift;
	if (frac)
		low = scale_fraction(frac, frac_len, shift);
	if (v > UINT64_MAX - low)
		return false;
	*out = v + low;
	return true;
}

bool cxb_parse_bool(const char *text, bool *out)
{
	static const char *const on[] = { "on", "yes", "true", "y", NULL };
	static const char *const off[] = { "off", "no", "false", "n", NULL };

	if (g_strv_contains(on, text)) {
		*out = true;
		return true;
	}
	if (g_strv_contains(off, text)) {
		*out = false;
		return true;
	}
	return false;
}

bool cxb_id_valid(const char *id)
{
	if (!g_ascii_isalpha(*id))
		return false;
	for (; *id; id++) {
		if (!g_ascii_isalnum(*id) && *id != '-' && *id != '.' && *id != '_')
			return false;
	}
	return true;
}

bool cxb_id_check(const char *id, GError **errp)
{
	if (cxb_id_valid(id))
		return true;
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"Parameter 'id' expects an identifier\n"
			"Identifiers consist of letters, digits, '-', '.', '_', "
			"starting with a letter.");
}
