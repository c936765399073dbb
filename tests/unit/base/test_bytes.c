/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "base/bytes.h"

struct sample {
	uint8_t a;
	le16 b;
	le24 c;
	le32 d;
	le64 e;
};
WIRE_SIZE(sample, 18);
WIRE_AT(sample, b, 1);
WIRE_AT(sample, c, 3);
WIRE_AT(sample, d, 6);
WIRE_AT(sample, e, 10);

static void puts_the_least_significant_byte_first(void)
{
	const uint8_t want[] = { 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11 };
	const le16 v16 = le16_put(0x7788);
	const le24 v24 = le24_put(0x667788);
	const le32 v32 = le32_put(0x55667788);
	const le64 v64 = le64_put(0x1122334455667788);

	g_assert_cmpmem(v16.b, 2, want, 2);
	g_assert_cmpmem(v24.b, 3, want, 3);
	g_assert_cmpmem(v32.b, 4, want, 4);
	g_assert_cmpmem(v64.b, 8, want, 8);
}

static void gets_what_was_put_with_every_top_bit_set(void)
{
	g_assert_cmphex(le16_get(le16_put(0xfedc)), ==, 0xfedc);
	g_assert_cmphex(le24_get(le24_put(0xfffedcba)), ==, 0xfedcba);
	g_assert_cmphex(le32_get(le32_put(0xfedcba98)), ==, 0xfedcba98);
	g_assert_cmphex(le64_get(le64_put(0xfedcba9876543210)), ==, 0xfedcba9876543210);
}

static void loads_and_stores_any_size_of_1_to_8(void)
{
	const uint64_t all = 0xf8f7f6f5f4f3f2f1;

	for (unsigned size = 1; size <= 8; size++) {
		uint8_t buf[9] = { 0 };

		le_store(buf, size, all);
		for (unsigned i = 0; i < 9; i++)
			g_assert_cmphex(buf[i], ==, i < size ? 0xf1 + i : 0);
		g_assert_cmphex(le_load(buf, size), ==, all & UINT64_MAX >> (64 - 8 * size));
	}
}

static void fields_are_taken_and_made_by_mask(void)
{
	g_assert_cmphex(FIELD_GET(0x0ff0u, 0xabcdu), ==, 0xbc);
	g_assert_cmphex(FIELD_PREP(0x0ff0u, 0xbc), ==, 0x0bc0);
	g_assert_cmphex(FIELD_PREP(0x0ff0u, 0xfbc), ==, 0x0bc0);
	g_assert_cmphex(FIELD_PREP(UINT64_C(3) << 62, 2), ==, UINT64_C(1) << 63);
	g_assert_cmphex(FIELD_GET(UINT64_C(3) << 62, UINT64_C(1) << 63), ==, 2);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/bytes/puts-the-least-significant-byte-first",
			puts_the_least_significant_byte_first);
	g_test_add_func("/bytes/gets-what-was-put-with-every-top-bit-set",
			gets_what_was_put_with_every_top_bit_set);
	g_test_add_func("/bytes/loads-and-stores-any-size-of-1-to-8",
			loads_and_stores_any_size_of_1_to_8);
	g_test_add_func("/bytes/fields-are-taken-and-made-by-mask",
			fields_are_taken_and_made_by_mask);
	return g_test_run();
}
