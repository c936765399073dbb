/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "base/rdwr.h"

static void takes_bytes_in_order_and_in_place(void)
{
	const uint8_t data[] = { 1, 2, 3, 4, 5 };
	CxbRd rd = { data, sizeof(data) };

	g_assert_true(cxb_rd_take(&rd, 2) == data);
	g_assert_true(cxb_rd_take(&rd, 3) == data + 2);
	g_assert_cmpuint(rd.left, ==, 0);
}

static void refuses_to_take_more_than_is_left_and_consumes_nothing(void)
{
	const uint8_t data[] = { 1, 2, 3 };
	uint8_t dst[4] = { 9, 9, 9, 9 };
	CxbRd rd = { data, sizeof(data) };

	g_assert_null(cxb_rd_take(&rd, 4));
	g_assert_null(cxb_rd_take(&rd, SIZE_MAX));
	g_assert_false(cxb_rd_copy(&rd, dst, 4));
	g_assert_cmpuint(dst[0], ==, 9);
	g_assert_cmpuint(rd.left, ==, 3);
	g_assert_true(rd.p == data);
	g_assert_true(cxb_rd_copy(&rd, dst, 3));
	g_assert_cmpmem(dst, 3, data, 3);
	g_assert_cmpuint(dst[3], ==, 9);
	g_assert_null(cxb_rd_take(&rd, 1));
}

static void taking_nothing_succeeds_even_from_nothing(void)
{
	CxbRd rd = { NULL, 0 };

	g_assert_nonnull(cxb_rd_take(&rd, 0));
	g_assert_true(cxb_rd_copy(&rd, NULL, 0));
	g_assert_null(cxb_rd_take(&rd, 1));
}

static void makes_zeroed_room_and_appends(void)
{
	uint8_t buf[6] = { 9, 9, 9, 9, 9, 9 };
	CxbWr wr = { buf, 0, 5 };

	g_assert_true(cxb_wr_copy(&wr, "ab", 2));
	g_assert_true(cxb_wr_room(&wr, 3) == buf + 2);
	g_assert_cmpmem(buf, 6, "ab\0\0\0\t", 6);
	g_assert_cmpuint(wr.len, ==, 5);
	g_assert_cmpuint(cxb_wr_left(&wr), ==, 0);
}

static void refuses_to_write_past_the_end_and_writes_nothing(void)
{
	uint8_t buf[4] = { 9, 9, 9, 9 };
	CxbWr wr = { buf, 1, 3 };

	g_assert_null(cxb_wr_room(&wr, 3));
	g_assert_null(cxb_wr_room(&wr, SIZE_MAX));
	g_assert_false(cxb_wr_copy(&wr, "abc", 3));
	g_assert_cmpmem(buf, 4, "\t\t\t\t", 4);
	g_assert_cmpuint(wr.len, ==, 1);
}

static void writing_nothing_succeeds_even_to_nothing(void)
{
	CxbWr wr = { NULL, 0, 0 };

	g_assert_nonnull(cxb_wr_room(&wr, 0));
	g_assert_true(cxb_wr_copy(&wr, NULL, 0));
	g_assert_false(cxb_wr_copy(&wr, "a", 1));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rdwr/takes-bytes-in-order-and-in-place",
			takes_bytes_in_order_and_in_place);
	g_test_add_func("/rdwr/refuses-to-take-more-than-is-left-and-consumes-nothing",
			refuses_to_take_more_than_is_left_and_consumes_nothing);
	g_test_add_func("/rdwr/taking-nothing-succeeds-even-from-nothing",
			taking_nothing_succeeds_even_from_nothing);
	g_test_add_func("/rdwr/makes-zeroed-room-and-appends", makes_zeroed_room_and_appends);
	g_test_add_func("/rdwr/refuses-to-write-past-the-end-and-writes-nothing",
			refuses_to_write_past_the_end_and_writes_nothing);
	g_test_add_func("/rdwr/writing-nothing-succeeds-even-to-nothing",
			writing_nothing_succeeds_even_to_nothing);
	return g_test_run();
}
