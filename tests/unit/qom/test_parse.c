/* SPDX-License-Identifier: Apache-2.0 */
/* Values worked out by hand from the rules of QEMU's option syntax. */
#include <glib.h>

#include "qom/scalar.h"

#define assert_size(text, want)                            \
	do {                                               \
		uint64_t got = 77;                         \
		g_assert_true(cxb_parse_size(text, &got)); \
		g_assert_cmphex(got, ==, want);            \
	} while (0)

static void a_size_has_one_suffix_letter_in_either_case(void)
{
	assert_size("0", 0);
	assert_size("1", 1);
	assert_size("7b", 7);
	assert_size("1k", 1024);
	assert_size("1K", 1024);
	assert_size("256M", 0x10000000);
	assert_size("4g", 0x100000000);
	assert_size("2T", 0x20000000000);
	assert_size("1P", 0x4000000000000);
	assert_size("15E", 0xf000000000000000);
	assert_size("18446744073709551615", UINT64_MAX);
	assert_size("0x1000", 4096);
	assert_size("0XfFFFffffffFFFFFF", UINT64_MAX);
}

static void a_size_may_have_a_fraction(void)
{
	assert_size("1.5M", 0x180000);
	assert_size("0.5k", 512);
	assert_size("0.0009765625k", 1);
	assert_size("1.25G", 0x50000000);
	assert_size("3.99999999999999999999999k", 4096);
}

static void bad_sizes_are_refused_and_leave_the_result_alone(void)
{
	static const char *const bad[] = {
		"",
		" 1",
		"1 ",
		"-1",
		"+1",
		"M",
		"1MiB",
		"1MM",
		"1x",
		"0x",
		"0x1M",
		"0x1.8",
		"0xg",
		"1.",
		"1.M",
		"1.5",
		"1.5b",
		".5M",
		"1.5.5M",
		"16E",
		"1e3",
		"1,5M",
		"0x-1",
		"0x 1",
		"18446744073709551616",
		"18014398509481984K",
		"0x10000000000000000",
	};
	uint64_t got = 77;

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		if (cxb_parse_size(bad[i], &got))
			g_error("'%s' was taken for a size", bad[i]);
		g_assert_cmpuint(got, ==, 77);
	}
}

static void a_fraction_may_not_carry_past_64_bits(void)
{
	uint64_t left;

	assert_size("15.5E", 0xf800000000000000);
	assert_size("18014398509481983.25k", 0xfffffffffffffd00);
	g_assert_false(cxb_parse_size("18014398509481983.9999k", &left));
}

static void unsigned_numbers_are_decimal_hex_or_octal(void)
{
	uint64_t u = 0;

	g_assert_true(cxb_parse_uint("12", 255, &u));
	g_assert_cmpuint(u, ==, 12);
	g_assert_true(cxb_parse_uint("0xff", 255, &u));
	g_assert_cmpuint(u, ==, 255);
	g_assert_true(cxb_parse_uint("017", 255, &u));
	g_assert_cmpuint(u, ==, 15);
	g_assert_true(cxb_parse_uint("18446744073709551615", UINT64_MAX, &u));
	g_assert_cmpuint(u, ==, UINT64_MAX);
}

static void bad_unsigned_numbers_are_refused(void)
{
	static const char *const bad[] = { "",
					   "256",
					   "-1",
					   "+1",
					   " 1",
					   "1 ",
					   "0x",
					   "0x1g",
					   "08",
					   "1k",
					   "1.0",
					   "a",
					   "18446744073709551616" };
	uint64_t u = 77;

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		if (cxb_parse_uint(bad[i], 255, &u))
			g_error("'%s' was taken for a number", bad[i]);
		g_assert_cmpuint(u, ==, 77);
	}
}

static void booleans_have_four_words_each_in_lower_case(void)
{
	static const char *const on[] = { "on", "yes", "true", "y" };
	static const char *const off[] = { "off", "no", "false", "n" };
	static const char *const bad[] = { "", "ON", "True", "1", "0", "on ", "onn", "o" };
	bool b;

	for (size_t i = 0; i < G_N_ELEMENTS(on); i++) {
		b = false;
		g_assert_true(cxb_parse_bool(on[i], &b));
		g_assert_true(b);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(off); i++) {
		b = true;
		g_assert_true(cxb_parse_bool(off[i], &b));
		g_assert_false(b);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		g_assert_false(cxb_parse_bool(bad[i], &b));
}

static void an_id_starts_with_a_letter(void)
{
	static const char *const good[] = { "a", "Z9", "rp0", "cxl.1", "a-b_c.d" };
	static const char *const bad[] = { "",    "1a",  "-a",  ".a",       "_a",
					   "a b", "a/b", "a,b", "a\xc3\xa4" };

	for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
		g_assert_true(cxb_id_valid(good[i]));
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		g_assert_false(cxb_id_valid(bad[i]));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(fn) g_test_add_func("/qom/parse/" #fn, fn)
	T(a_size_has_one_suffix_letter_in_either_case);
	T(a_size_may_have_a_fraction);
	T(bad_sizes_are_refused_and_leave_the_result_alone);
	T(a_fraction_may_not_carry_past_64_bits);
	T(unsigned_numbers_are_decimal_hex_or_octal);
	T(bad_unsigned_numbers_are_refused);
	T(booleans_have_four_words_each_in_lower_case);
	T(an_id_starts_with_a_letter);
	return g_test_run();
}
