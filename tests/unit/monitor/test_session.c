/* SPDX-License-Identifier: Apache-2.0 */
/* The protocol: what QEMU 11.1.3 was seen to answer. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>

#define ERROR(klass, desc) "{'error': {'class': '" klass "', 'desc': \"" desc "\"}}"
#define GENERIC(desc)      ERROR("GenericError", desc)
#define NOT_FOUND(desc)    ERROR("CommandNotFound", desc)
#define STATUS             "{'return': {'status': 'running', 'running': true}}"
#define VERSION \
	"{'qemu': {'major': 11, 'minor': 1, 'micro': 3}, 'package': 'cxlbox " CXB_VERSION "'}"

static void the_greeting_says_who_we_are(void)
{
	g_autoptr(World) w = world_new();
	CxbChardev *chr;
	g_autoptr(FrontPeer) peer = front_peer_new(&chr);

	g_assert_true(cxb_qmp_serve(w->qmp, chr, false, NULL));
	expect(peer, "{'QMP': {'version': " VERSION ", 'capabilities': ['oob']}}");
	expect_nothing(peer);
}

static void nothing_goes_before_negotiation(void)
{
	static const Exchange rows[] = {
		{ "{'execute': 'query-status'}",
		  NOT_FOUND("Expecting capabilities negotiation with 'qmp_capabilities'") },
		{ "{'execute': 'nosuch', 'id': 7}",
		  "{'error': {'class': 'CommandNotFound', 'desc': "
		  "\"Expecting capabilities negotiation with 'qmp_capabilities'\"}, 'id': 7}" },
		{ "{'execute': 'qmp_capabilities', 'arguments': {'enable': ['foo']}}",
		  GENERIC("Parameter 'null' does not accept value 'foo'") },
		{ "{'execute': 'qmp_capabilities', 'arguments': {'enable': 'oob'}}",
		  GENERIC("Invalid parameter type for 'enable', expected: array") },
		{ "{'execute': 'qmp_capabilities', 'arguments': {'x': 1}}",
		  GENERIC("Parameter 'x' is unexpected") },
		{ "{'exec-oob': 'qmp_capabilities'}",
		  GENERIC("QMP input member 'exec-oob' is unexpected") },
		{ "{'execute': 'qmp_capabilities'}", "{'return': {}}" },
		{ "{'execute': 'query-status'}", STATUS },
		{ "{'execute': 'qmp_capabilities'}",
		  NOT_FOUND("Capabilities negotiation is already complete, command ignored") },
		{ NULL },
	};
	g_autoptr(World) w = world_new();

	world_ask_all(w, rows);
}

static void any_id_comes_back(void)
{
	static const char *const ids[] = {
		"null",
		"true",
		"-1",
		"18446744073709551615",
		"'a\\u0041\\ud83d\\ude00'",
		"[1, {'x': [null]}]",
		"{'a': {'b': []}}",
		"1.5",
	};
	g_autoptr(World) w = world_ready();

	for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
		g_autofree char *in =
			g_strdup_printf("{'id': %s, 'execute': 'query-status'}", ids[i]);
		g_autofree char *bad = g_strdup_printf("{'execute': 'nosuch', 'id': %s}", ids[i]);
		g_autofree char *out = g_strdup_printf(
			"{'return': {'status': 'running', 'running': true}, 'id': %s}", ids[i]);
		g_autofree char *error =
			g_strdup_printf("{'id': %s, 'error': {'class': 'CommandNotFound', "
					"'desc': 'The command nosuch has not been found'}}",
					ids[i]);

		ask(w, in, out);
		ask(w, bad, error);
	}
}

static void bad_requests_are_told_apart(void)
{
	static const Exchange rows[] = {
		{ "{}", GENERIC("QMP input lacks member 'execute'") },
		{ "{'arguments': {}}", GENERIC("QMP input lacks member 'execute'") },
		{ "{'execute': 1}", GENERIC("QMP input member 'execute' must be a string") },
		{ "{'execute': null}", GENERIC("QMP input member 'execute' must be a string") },
		{ "{'execute': 'quit', 'foo': 1}",
		  GENERIC("QMP input member 'foo' is unexpected") },
		{ "{'execute': 'quit', 'arguments': []}",
		  GENERIC("QMP input member 'arguments' must be an object") },
		{ "{'execute': 'quit', 'arguments': null}",
		  GENERIC("QMP input member 'arguments' must be an object") },
		{ "{'execute': 'quit', 'arguments': {'x': 1}}",
		  GENERIC("Parameter 'x' is unexpected") },
		{ "{'exec-oob': 'quit'}", GENERIC("QMP input member 'exec-oob' is unexpected") },
		{ "[]", GENERIC("QMP input must be a JSON object") },
		{ "1 ", GENERIC("QMP input must be a JSON object") },
		{ "null ", GENERIC("QMP input must be a JSON object") },
		{ "'quit'", GENERIC("QMP input must be a JSON object") },
		{ "{'execute': ''}", NOT_FOUND("The command  has not been found") },
		{ "{'execute': 'Query-Status'}",
		  NOT_FOUND("The command Query-Status has not been found") },
		{ "{'execute': 'query-status'}", STATUS },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
}

static void out_of_band_is_for_who_asked_and_commands_that_can(void)
{
	static const Exchange rows[] = {
		{ "{'execute': 'qmp_capabilities', 'arguments': {'enable': ['oob']}}",
		  "{'return': {}}" },
		{ "{'exec-oob': 'query-status'}",
		  GENERIC("The command query-status does not support OOB") },
		{ "{'exec-oob': 'nosuch'}", NOT_FOUND("The command nosuch has not been found") },
		{ "{'exec-oob': 'quit', 'execute': 'quit'}",
		  GENERIC("QMP input member 'execute' clashes with 'exec-oob'") },
		{ "{'execute': 'query-status'}", STATUS },
		{ NULL },
	};
	g_autoptr(World) w = world_new();

	world_ask_all(w, rows);
}

static void syntax_errors_leave_the_session_alive(void)
{
	g_autoptr(World) w = world_ready();
	g_autofree char *line = NULL;

	say(w->peer, "{'execute' 'quit'}\n");
	line = front_line(w->peer);
	g_assert_nonnull(line);
	g_assert_nonnull(strstr(line, "\"GenericError\""));
	g_assert_nonnull(strstr(line, "JSON parse error, expecting ':'"));
	g_assert_null(strstr(line, "\"id\""));
	ask(w, "{'execute': 'query-status'}", STATUS);
}

static void requests_need_no_newline_and_may_come_in_one_write(void)
{
	g_autoptr(World) w = world_ready();

	say(w->peer, "{'execute': 'query-status', 'id': 1}{'execute': 'query-status', 'id': 2}\r\n"
		     "  {'execute': 'nosuch', 'id': 3}{'execute':");
	for (int i = 1; i <= 2; i++) {
		g_autofree char *out = g_strdup_printf(
			"{'return': {'status': 'running', 'running': true}, 'id': %d}", i);

		expect(w->peer, out);
	}
	expect(w->peer, "{'id': 3, 'error': {'class': 'CommandNotFound', "
			"'desc': 'The command nosuch has not been found'}}");
	expect_nothing(w->peer);
	ask(w, "'query-status'}", STATUS);
}

static void answers_are_one_line_of_ascii(void)
{
	g_autoptr(World) w = world_ready();
	g_autofree char *line = NULL;

	say(w->peer, "{'execute': 'query-name', 'id': 'gr\xc3\xbc\xc3\x9f'}");
	line = front_line(w->peer);
	g_assert_nonnull(line);
	g_assert_nonnull(strstr(line, "\"id\": \"gr\\u00FC\\u00DF\""));
}

static void pretty_is_indented_by_four(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(FrontPeer) peer = world_peer(w, true);
	static const char *const lines[] = { "{\r", "    \"return\": {\r" };

	say(peer, "{'execute': 'qmp_capabilities'}");
	for (size_t i = 0; i < 2; i++) {
		g_autofree char *line = front_line(peer);

		g_assert_nonnull(line);
		g_strchomp(line);
		g_autofree char *expected = g_strchomp(g_strdup(lines[i]));

		g_assert_true(g_str_has_prefix(line, expected));
	}
}

static void every_negotiated_session_gets_events(void)
{
	static const char reset[] = "{'event': 'RESET', 'data': {'guest': false, "
				    "'reason': 'host-qmp-system-reset'}}";
	g_autoptr(World) w = world_ready();
	g_autoptr(FrontPeer) silent = world_peer(w, false);
	g_autoptr(FrontPeer) second = world_peer(w, false);

	say(second, "{'execute': 'qmp_capabilities'}");
	expect(second, "{'return': {}}");
	say(w->peer, "{'execute': 'system_reset'}");
	expect(w->peer, reset);
	expect(w->peer, "{'return': {}}");
	expect(second, reset);
	expect_nothing(silent);
	expect_nothing(second);
}

static void each_client_starts_anew(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(GError) err = NULL;
	g_autofree char *dir = g_dir_make_tmp("qmpXXXXXX", &err);
	g_autofree char *path = g_build_filename(dir, "s", NULL);

	g_assert_no_error(err);
	g_assert_true(cxb_qmp_serve(w->qmp, front_listen(path), false, NULL));
	for (int i = 0; i < 2; i++) {
		g_autoptr(FrontPeer) peer = front_peer_connect(path);

		expect(peer, "{'QMP': {'version': " VERSION ", 'capabilities': ['oob']}}");
		say(peer, "{'execute': 'query-status'}");
		expect(peer,
		       NOT_FOUND("Expecting capabilities negotiation with 'qmp_capabilities'"));
		say(peer, "{'execute': 'qmp_capabilities'}");
		expect(peer, "{'return': {}}");
		say(peer, "{'execute': {'half of a request'"); /* of the old client only */
		front_turn();
	}
	front_turn();
	cxb_qmp_free(w->qmp); /* also removes the socket */
	w->qmp = NULL;
	g_assert_no_errno(g_rmdir(dir));
}

static void queued_work_comes_before_a_request(void)
{
	g_autoptr(World) w = world_ready();

	/* Port CF9h queues a guest's reset; its event stands before the answer. */
	cxb_machine_port_write(w->machine, 0xcf9, 1, 6);
	say(w->peer, "{'execute': 'query-status'}");
	expect(w->peer, "{'event': 'RESET', 'data': {'guest': true, 'reason': 'guest-reset'}}");
	expect(w->peer, STATUS);
}

static json_object *add_up(void *opaque, void *args, GError **errp)
{
	return json_object_new_int64(++*(int *)opaque);
}

static void rows_may_be_added_and_run_out_of_band(void)
{
	static const CxbQmpCmd rows[] = {
		{ "x-count", NULL, 0, CXB_QMP_OOB, "count", add_up },
		{ NULL },
	};
	int count = 0;
	g_autoptr(World) w = world_new();

	cxb_qmp_add(w->qmp, rows, &count);
	ask(w, "{'execute': 'qmp_capabilities', 'arguments': {'enable': ['oob']}}",
	    "{'return': {}}");
	ask(w, "{'execute': 'x-count'}", "{'return': 1}");
	ask(w, "{'exec-oob': 'x-count', 'id': 'o'}", "{'return': 2, 'id': 'o'}");
}

static void events_may_have_no_data(void)
{
	static const CxbQmpEvent rows[] = { { "X_STOP" }, { NULL } };
	g_autoptr(World) w = world_ready();

	cxb_qmp_add_events(w->qmp, rows);
	cxb_qmp_event(w->qmp, "X_STOP", NULL);
	expect(w->peer, "{'event': 'X_STOP'}");
}

static void quit_says_so_answers_and_hears_nothing_more(void)
{
	g_autoptr(World) w = world_ready();

	say(w->peer, "{'execute': 'quit', 'id': 1}{'execute': 'query-status'}");
	expect(w->peer, "{'event': 'SHUTDOWN', 'data': {'guest': false, "
			"'reason': 'host-qmp-quit'}}");
	expect(w->peer, "{'return': {}, 'id': 1}");
	expect_nothing(w->peer);
	cxb_qmp_free(w->qmp);
	w->qmp = NULL;
	g_assert_true(front_eof(w->peer));
}

static void a_signal_is_another_reason(void)
{
	g_autoptr(World) w = world_ready();

	cxb_machine_shutdown(w->machine, CXB_SHUTDOWN_SIGNAL);
	expect(w->peer, "{'event': 'SHUTDOWN', 'data': {'guest': false, 'reason': 'host-signal'}}");
}

static void garbage_ends_nothing(void)
{
	static const char junk[] = "\xff\xfe}{]['\"\\u{{{{[[[[\x80\x01\n\r\t";
	g_autoptr(World) w = world_ready();
	g_autofree char *line = NULL;

	for (int i = 0; i < 100; i++)
		front_send(w->peer, junk + i % 7, sizeof(junk) - i % 7);
	do {
		g_free(line);
		line = front_line(w->peer);
	} while (line);
	/* FFh brings the reader back to the start, whatever it was in. */
	say(w->peer, "\xff");
	do {
		g_free(line);
		line = front_line(w->peer);
	} while (line);
	ask(w, "{'execute': 'query-status'}", STATUS);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(fn) g_test_add_func("/monitor/session/" #fn, fn)
	ADD(the_greeting_says_who_we_are);
	ADD(nothing_goes_before_negotiation);
	ADD(any_id_comes_back);
	ADD(bad_requests_are_told_apart);
	ADD(out_of_band_is_for_who_asked_and_commands_that_can);
	ADD(syntax_errors_leave_the_session_alive);
	ADD(requests_need_no_newline_and_may_come_in_one_write);
	ADD(answers_are_one_line_of_ascii);
	ADD(pretty_is_indented_by_four);
	ADD(every_negotiated_session_gets_events);
	ADD(each_client_starts_anew);
	ADD(queued_work_comes_before_a_request);
	ADD(rows_may_be_added_and_run_out_of_band);
	ADD(events_may_have_no_data);
	ADD(quit_says_so_answers_and_hears_nothing_more);
	ADD(a_signal_is_another_reason);
	ADD(garbage_ends_nothing);
	return g_test_run();
}
