/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <glib.h>

#include "base/error.h"

static void fail_words_the_error_and_returns_false(void)
{
	g_autoptr(GError) err = NULL;

	g_assert_false(cxb_fail(&err, CXB_ERROR_BUSY, "%s is in use by %d", "mem0", 2));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_BUSY);
	g_assert_cmpstr(err->message, ==, "mem0 is in use by 2");
}

static void fail_without_a_place_for_the_error_still_returns_false(void)
{
	g_assert_false(cxb_fail(NULL, CXB_ERROR_INVALID, "%s", "nobody asks"));
	g_assert_false(cxb_fail_errno(NULL, ENOENT, "%s", "nobody asks"));
}

static void fail_errno_adds_what_the_system_says(void)
{
	g_autoptr(GError) err = NULL;
	g_autofree char *want = g_strdup_printf("cannot open 'x%%s': %s", g_strerror(ENOENT));

	g_assert_false(cxb_fail_errno(&err, ENOENT, "cannot open '%s'", "x%s"));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_SYSTEM);
	g_assert_cmpstr(err->message, ==, want);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/error/fail-words-the-error-and-returns-false",
			fail_words_the_error_and_returns_false);
	g_test_add_func("/error/fail-without-a-place-for-the-error-still-returns-false",
			fail_without_a_place_for_the_error_still_returns_false);
	g_test_add_func("/error/fail-errno-adds-what-the-system-says",
			fail_errno_adds_what_the_system_says);
	return g_test_run();
}
