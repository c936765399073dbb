/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "base/range.h"

static void a_range_is_valid_up_to_the_last_byte_of_the_space(void)
{
	g_assert_true(cxb_range_valid(0, 1));
	g_assert_true(cxb_range_valid(0, UINT64_MAX));
	g_assert_true(cxb_range_valid(UINT64_MAX, 1));
	g_assert_true(cxb_range_valid(1, UINT64_MAX));
	g_assert_false(cxb_range_valid(0, 0));
	g_assert_false(cxb_range_valid(UINT64_MAX, 2));
	g_assert_false(cxb_range_valid(2, UINT64_MAX));
}

static void an_offset_and_length_lie_in_a_size_or_not(void)
{
	g_assert_true(cxb_range_in(0, 8, 8));
	g_assert_true(cxb_range_in(8, 0, 8));
	g_assert_true(cxb_range_in(0, 0, 0));
	g_assert_false(cxb_range_in(1, 8, 8));
	g_assert_false(cxb_range_in(9, 0, 8));
	g_assert_false(cxb_range_in(UINT64_MAX, 2, 8));
	g_assert_false(cxb_range_in(2, UINT64_MAX, 8));
}

static void a_range_lies_within_another_or_not(void)
{
	g_assert_true(cxb_range_within(0x1000, 0x1000, 0x1000, 0x1000));
	g_assert_true(cxb_range_within(UINT64_MAX, 1, UINT64_MAX - 1, 2));
	g_assert_false(cxb_range_within(0xfff, 2, 0x1000, 0x1000));
	g_assert_false(cxb_range_within(0x1fff, 2, 0x1000, 0x1000));
	g_assert_false(cxb_range_within(0x1000, UINT64_MAX, 0x1000, 0x1000));
}

static void ranges_overlap_only_if_they_share_a_byte(void)
{
	g_assert_true(cxb_ranges_overlap(0, 2, 1, 2));
	g_assert_true(cxb_ranges_overlap(1, 2, 0, 2));
	g_assert_true(cxb_ranges_overlap(0, 8, 3, 1));
	g_assert_true(cxb_ranges_overlap(1, UINT64_MAX, UINT64_MAX, 1));
	g_assert_false(cxb_ranges_overlap(0, 2, 2, 2));
	g_assert_false(cxb_ranges_overlap(2, 2, 0, 2));
	g_assert_false(cxb_ranges_overlap(0, 1, UINT64_MAX, 1));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/range/a-range-is-valid-up-to-the-last-byte-of-the-space",
			a_range_is_valid_up_to_the_last_byte_of_the_space);
	g_test_add_func("/range/an-offset-and-length-lie-in-a-size-or-not",
			an_offset_and_length_lie_in_a_size_or_not);
	g_test_add_func("/range/a-range-lies-within-another-or-not",
			a_range_lies_within_another_or_not);
	g_test_add_func("/range/ranges-overlap-only-if-they-share-a-byte",
			ranges_overlap_only_if_they_share_a_byte);
	return g_test_run();
}
