/* SPDX-License-Identifier: Apache-2.0 */
#include "qtest_impl.h"

#include <string.h>

static Word word(const char *text)
{
	return (Word){ text, strlen(text) };
}

static void words_are_separated_by_one_blank(void)
{
	static const char line[] = "read  0x1\t2 ";
	static const char *const expected[] = { "read", "", "0x1\t2", "" };
	Words words = { line, line + strlen(line) };

	for (size_t i = 0; i < G_N_ELEMENTS(expected); i++)
		g_assert_true(word_is(words_next(&words), expected[i]));
	g_assert_null(words_next(&words).p);
	g_assert_null(words_next(&words).p);
}

static void numbers_are_decimal_hex_or_octal(void)
{
	static const struct {
		const char *text;
		uint64_t v;
	} good[] = {
		{ "0", 0 },
		{ "7", 7 },
		{ "0x0", 0 },
		{ "0xfF", 255 },
		{ "0X10", 16 },
		{ "010", 8 },
		{ "00", 0 },
		{ "18446744073709551615", UINT64_MAX },
		{ "0xffffffffffffffff", UINT64_MAX },
		{ "0x00000000000000000000001", 1 },
		{ "01777777777777777777777", UINT64_MAX },
	};
	static const char *const bad[] = {
		"",
		"0x",
		"x",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1\r",
		"08",
		"0xg",
		"1a",
		"1.0",
		"0x-1",
		"18446744073709551616",
		"0x10000000000000000",
		"02000000000000000000000",
		"0x0x1",
	};
	uint64_t v;

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		g_assert_true(word_u64(word(good[i].text), &v));
		g_assert_cmphex(v, ==, good[i].v);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		g_assert_false(word_u64(word(bad[i]), &v));
	g_assert_false(word_u64((Word){ 0 }, &v));
}

static void signed_numbers_stay_in_their_range(void)
{
	int64_t v;

	g_assert_true(word_i64(word("-1"), &v));
	g_assert_cmpint(v, ==, -1);
	g_assert_true(word_i64(word("9223372036854775807"), &v));
	g_assert_cmpint(v, ==, INT64_MAX);
	g_assert_true(word_i64(word("-9223372036854775808"), &v));
	g_assert_cmpint(v, ==, INT64_MIN);
	g_assert_false(word_i64(word("9223372036854775808"), &v));
	g_assert_false(word_i64(word("-9223372036854775809"), &v));
	g_assert_false(word_i64(word("-"), &v));
	g_assert_false(word_i64(word("--1"), &v));
	g_assert_false(word_i64((Word){ 0 }, &v));
}

static void hex_goes_both_ways(void)
{
	uint8_t all[256], back[256];
	char text[512];

	for (int i = 0; i < 256; i++)
		all[i] = i;
	hex_encode(all, 256, text);
	g_assert_cmpmem(text, 8, "00010203", 8);
	g_assert_cmpmem(text + 504, 8, "fcfdfeff", 8);
	g_assert_true(hex_decode(text, 512, back));
	g_assert_cmpmem(back, 256, all, 256);
	g_assert_true(hex_decode("AbC", 3, back));
	g_assert_cmpmem(back, 2, "\xab\xc0", 2);
	g_assert_false(hex_decode("0g", 2, back));
	g_assert_false(hex_decode("g", 1, back));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(fn) g_test_add_func("/qtest/words/" #fn, fn)
	ADD(words_are_separated_by_one_blank);
	ADD(numbers_are_decimal_hex_or_octal);
	ADD(signed_numbers_stay_in_their_range);
	ADD(hex_goes_both_ways);
	return g_test_run();
}
