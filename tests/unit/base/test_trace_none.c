/* SPDX-License-Identifier: Apache-2.0 */
/* A program that declares no event links, and has none to switch on. */
#include <glib.h>

#include "base/trace.h"

static void no_pattern_matches_where_no_event_is_declared(void)
{
	g_autoptr(GError) err = NULL;

	g_assert_false(cxb_trace_enable("*", &err));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_INVALID);
	g_assert_cmpstr(err->message, ==, "no trace event matches '*'");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/trace/no-pattern-matches-where-no-event-is-declared",
			no_pattern_matches_where_no_event_is_declared);
	return g_test_run();
}
