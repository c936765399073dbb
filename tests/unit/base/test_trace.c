/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/trace.h"

CXB_TRACE(pear_ripe, (const char *dev, uint64_t len), "%s len 0x%" PRIx64, dev, len)
CXB_TRACE(pear_eaten, (int n), "%d", n)
CXB_TRACE(apple_ripe, (int n), "%d", n)

typedef struct {
	char *path; /* the log */
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
	const int fd = g_file_open_tmp("cxlbox-trace-XXXXXX", &f->path, NULL);

	g_assert_cmpint(fd, >=, 0);
	close(fd);
	g_assert_true(cxb_log_set_file(f->path, NULL));
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	g_assert_true(cxb_log_set_file(NULL, NULL));
	g_assert_true(cxb_trace_enable("-*", NULL));
	cxb_log_mask_bits = 0;
	g_unlink(f->path);
	g_free(f->path);
}

static void expect_log(Fixture *f, const char *want)
{
	g_autofree char *text = NULL;

	g_assert_true(g_file_get_contents(f->path, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, want);
}

static void trace_all(void)
{
	trace_pear_ripe("mem0", 0x2000);
	trace_pear_eaten(3);
	trace_apple_ripe(-1);
}

static void events_are_off_until_enabled(Fixture *f, gconstpointer u)
{
	trace_all();
	expect_log(f, "");
	g_assert_true(cxb_trace_enable("pear_ripe", NULL));
	trace_all();
	expect_log(f, "pear_ripe: mem0 len 0x2000\n");
}

static void a_pattern_switches_all_that_match(Fixture *f, gconstpointer u)
{
	g_assert_true(cxb_trace_enable("enable=pear_*", NULL));
	trace_all();
	expect_log(f, "pear_ripe: mem0 len 0x2000\npear_eaten: 3\n");
}

static void a_leading_dash_switches_off(Fixture *f, gconstpointer u)
{
	g_assert_true(cxb_trace_enable("*", NULL));
	g_assert_true(cxb_trace_enable("-*_ripe", NULL));
	trace_all();
	expect_log(f, "pear_eaten: 3\n");
}

static void a_pattern_that_matches_nothing_is_named_in_the_error(Fixture *f, gconstpointer u)
{
	static const char *const bad[][2] = {
		{ "plum_*", "no trace event matches 'plum_*'" },
		{ "-plum", "no trace event matches 'plum'" },
		{ "enable=pear", "no trace event matches 'pear'" },
		{ "", "no trace event matches ''" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) err = NULL;

		g_assert_false(cxb_trace_enable(bad[i][0], &err));
		g_assert_error(err, CXB_ERROR, CXB_ERROR_INVALID);
		g_assert_cmpstr(err->message, ==, bad[i][1]);
	}
	trace_all();
	expect_log(f, "");
}

static void help_lists_the_events_in_order(void)
{
	if (g_test_subprocess()) {
		g_autoptr(GError) err = NULL;

		g_assert_false(cxb_trace_enable("help", &err));
		g_assert_error(err, CXB_ERROR, CXB_ERROR_HELP);
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stdout("*apple_ripe\npear_eaten\npear_ripe\n*");
}

static void guest_errors_are_logged_only_when_asked_for(Fixture *f, gconstpointer u)
{
	cxb_guest_error("%s: bad opcode 0x%x", "mem0", 0x4802);
	expect_log(f, "");
	g_assert_true(cxb_log_set_mask("unimp", NULL));
	cxb_guest_error("%s: bad opcode 0x%x", "mem0", 0x4802);
	expect_log(f, "");
	g_assert_true(cxb_log_set_mask("unimp,guest_errors", NULL));
	cxb_guest_error("%s: bad opcode 0x%x", "mem0", 0x4802);
	expect_log(f, "mem0: bad opcode 0x4802\n");
}

static void an_unknown_log_item_is_named_and_nothing_changes(Fixture *f, gconstpointer u)
{
	static const char *const bad[][2] = {
		{ "unimp,guest_error", "unknown log item 'guest_error'" },
		{ "unimp,", "unknown log item ''" },
		{ "unimp, guest_errors", "unknown log item ' guest_errors'" },
	};

	g_assert_true(cxb_log_set_mask("guest_errors", NULL));
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) err = NULL;

		g_assert_false(cxb_log_set_mask(bad[i][0], &err));
		g_assert_error(err, CXB_ERROR, CXB_ERROR_INVALID);
		g_assert_cmpstr(err->message, ==, bad[i][1]);
		g_assert_cmphex(cxb_log_mask_bits, ==, CXB_LOG_GUEST_ERROR);
	}
}

static void help_lists_the_log_items(void)
{
	if (g_test_subprocess()) {
		g_autoptr(GError) err = NULL;

		g_assert_false(cxb_log_set_mask("help", &err));
		g_assert_error(err, CXB_ERROR, CXB_ERROR_HELP);
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stdout("*guest_errors *\nunimp *");
}

static void a_peer_cannot_forge_a_line(Fixture *f, gconstpointer u)
{
	cxb_log_line("name '%s'", "a\nb\r\x1b[2J\x7f\t\xc3\xa9");
	expect_log(f, "name 'a?b??[2J?\t\xc3\xa9'\n");
}

static void a_log_file_is_truncated_and_one_that_cannot_be_opened_changes_nothing(Fixture *f,
										  gconstpointer u)
{
	g_autofree char *bad = g_build_filename(f->path, "x", NULL);
	g_autoptr(GError) err = NULL;

	cxb_log_line("one");
	g_assert_false(cxb_log_set_file(bad, &err));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_SYSTEM);
	g_assert_nonnull(strstr(err->message, bad));
	cxb_log_line("two");
	expect_log(f, "one\ntwo\n");
	g_assert_true(cxb_log_set_file(f->path, NULL));
	expect_log(f, "");
}

static void log_and_warnings_go_to_stderr_by_default(void)
{
	if (g_test_subprocess()) {
		g_set_prgname("prog");
		cxb_log_line("a line");
		cxb_warn("%d extents", 101);
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("*a line\nprog: warning: 101 extents\n*");
}

static void warnings_stay_on_stderr_when_the_log_goes_to_a_file(Fixture *f, gconstpointer u)
{
	if (g_test_subprocess()) {
		cxb_warn("hear, hear");
		expect_log(f, "");
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("*: warning: hear, hear\n*");
}

#define ADD(name, fn) g_test_add("/trace/" name, Fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("events-are-off-until-enabled", events_are_off_until_enabled);
	ADD("a-pattern-switches-all-that-match", a_pattern_switches_all_that_match);
	ADD("a-leading-dash-switches-off", a_leading_dash_switches_off);
	ADD("a-pattern-that-matches-nothing-is-named-in-the-error",
	    a_pattern_that_matches_nothing_is_named_in_the_error);
	g_test_add_func("/trace/help-lists-the-events-in-order", help_lists_the_events_in_order);
	ADD("guest-errors-are-logged-only-when-asked-for",
	    guest_errors_are_logged_only_when_asked_for);
	ADD("an-unknown-log-item-is-named-and-nothing-changes",
	    an_unknown_log_item_is_named_and_nothing_changes);
	g_test_add_func("/trace/help-lists-the-log-items", help_lists_the_log_items);
	ADD("a-peer-cannot-forge-a-line", a_peer_cannot_forge_a_line);
	ADD("a-log-file-is-truncated-and-one-that-cannot-be-opened-changes-nothing",
	    a_log_file_is_truncated_and_one_that_cannot_be_opened_changes_nothing);
	g_test_add_func("/trace/log-and-warnings-go-to-stderr-by-default",
			log_and_warnings_go_to_stderr_by_default);
	ADD("warnings-stay-on-stderr-when-the-log-goes-to-a-file",
	    warnings_stay_on_stderr_when_the_log_goes_to_a_file);
	return g_test_run();
}
