/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that misbehave, come and go; the log. */
#include "fixture.h"

#include <glib/gstdio.h>

#define MAX_LINE ((size_t)64 << 20)

static void a_line_without_end_is_refused_once(void)
{
	g_autoptr(World) w = world_new();
	g_autofree char *junk = g_malloc(1 << 20);

	memset(junk, 'x', 1 << 20);
	for (size_t n = 0; n < MAX_LINE; n += 1 << 20)
		front_send(w->peer, junk, 1 << 20);
	expect(w->peer, NULL);
	say(w->peer, "x");
	expect(w->peer, "FAIL line is too long");
	front_send(w->peer, junk, 1 << 20);
	expect(w->peer, NULL);
	say(w->peer, "\nendianness\n");
	expect(w->peer, "OK little");
}

static void bytes_that_are_no_text_are_answered(void)
{
	g_autoptr(World) w = world_new();
	char line[300];

	front_send(w->peer, "\0\n", 2);
	g_free(front_line(w->peer));
	for (int i = 0; i < (int)sizeof(line); i++)
		line[i] = i % 256 == '\n' ? ' ' : i;
	front_send(w->peer, line, sizeof(line));
	say(w->peer, "\nendianness\n");
	g_free(front_line(w->peer));
	expect(w->peer, "OK little");
}

/* More answers than a chardev queues, asked for at once. */
static void one_that_does_not_read_its_answers_waits_for_the_rest(void)
{
	g_autoptr(World) w = world_new();
	const unsigned n = 10;
	const size_t answer = strlen("OK 0x") + 2 * (4 << 20);

	for (unsigned i = 0; i < n; i++)
		say(w->peer, "read 0x0 0x400000\n");
	say(w->peer, "endianness\nendian");
	for (unsigned i = 0; i < n; i++) {
		g_autofree char *line = front_line(w->peer);

		g_assert_nonnull(line);
		g_assert_cmpuint(strlen(line), ==, answer);
	}
	expect(w->peer, "OK little");
	say(w->peer, "ness\n");
	expect(w->peer, "OK little");
}

static void one_that_goes_without_reading_is_forgotten(void)
{
	g_autoptr(World) w = world_new();

	for (unsigned i = 0; i < 10; i++)
		say(w->peer, "read 0x0 0x400000\n");
	front_turn();
	g_clear_pointer(&w->peer, front_peer_free);
	front_turn();
}

static void queued_work_runs_between_two_commands(void)
{
	g_autoptr(World) w = world_new();

	/* 00.0 offset 60h, PCIEXBAR: the reset that CF9h queues brings its value back. */
	say(w->peer, "outl 0xcf8 0x80000060\ninl 0xcfc\noutl 0xcfc 0\ninl 0xcfc\n"
		     "outb 0xcf9 6\noutl 0xcf8 0x80000060\ninl 0xcfc\n");
	expect(w->peer, "OK");
	g_autofree char *before = front_line(w->peer);
	expect(w->peer, "OK");
	expect(w->peer, "OK 0x0000");
	expect(w->peer, "OK");
	expect(w->peer, "OK");
	expect(w->peer, before);
}

static CxbQtest *serve(World *w, const char *path, const char *log)
{
	g_autoptr(GError) err = NULL;
	CxbQtest *q = cxb_qtest_new(w->machine, front_listen(path), log, &err);

	g_assert_no_error(err);
	return q;
}

static void clients_come_and_go(void)
{
	g_autoptr(World) w = world_new();
	g_autofree char *dir = g_dir_make_tmp("qtestXXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "s", NULL);
	CxbQtest *q = serve(w, path, NULL);
	FrontPeer *peer = front_peer_connect(path);

	say(peer,
	    "irq_intercept_in ioapic\nset_irq_in ioapic unnamed-gpio-in 1 1\nwriteb 0x100000");
	expect(peer, "OK");
	expect(peer, "IRQ raise 1");
	expect(peer, "OK");
	front_peer_free(peer);
	front_turn();

	/* Half a line is forgotten, levels told are too; the machine is as it was. */
	peer = front_peer_connect(path);
	say(peer, " 7\n");
	expect(peer, "FAIL Unknown command ''");
	say(peer, "set_irq_in ioapic unnamed-gpio-in 1 0\n");
	expect(peer, "OK");
	say(peer, "set_irq_in ioapic unnamed-gpio-in 1 1\n");
	expect(peer, "IRQ raise 1");
	expect(peer, "OK");
	front_peer_free(peer);
	cxb_qtest_free(q);
	g_assert_no_errno(g_rmdir(dir));
}

static void the_log_has_both_sides(void)
{
	static const char *const expected[] = {
		"[I +T] OPENED",
		"[R +T] endianness",
		"[S +T] OK little",
		"[R +T] nosuch",
		"[S +T] FAIL Unknown command 'nosuch'",
		"[I +T] CLOSED",
		"",
	};
	g_autofree char *dir = g_dir_make_tmp("qtestXXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "log", NULL), *text = NULL;
	g_autoptr(GRegex) time = g_regex_new("\\+[0-9]+\\.[0-9]{6}\\]", 0, 0, NULL);
	g_auto(GStrv) lines = NULL;
	World *w = world_with(true, path);

	ask(w, "endianness", "OK little");
	ask(w, "nosuch", "FAIL Unknown command 'nosuch'");
	front_peer_free(w->peer);
	w->peer = NULL;
	front_turn();
	world_free(w);
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	g_autofree char *timeless = g_regex_replace_literal(time, text, -1, 0, "+T]", 0, NULL);

	lines = g_strsplit(timeless, "\n", -1);
	g_assert_cmpuint(g_strv_length(lines), ==, G_N_ELEMENTS(expected));
	for (size_t i = 0; i < G_N_ELEMENTS(expected); i++)
		g_assert_cmpstr(lines[i], ==, expected[i]);
	g_assert_no_errno(g_unlink(path));
	g_assert_no_errno(g_rmdir(dir));
}

static void a_log_that_cannot_be_is_an_error(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(GError) err = NULL;
	CxbChardev *chr;
	g_autoptr(FrontPeer) peer = front_peer_new(&chr);

	g_assert_nonnull(peer);
	g_assert_null(cxb_qtest_new(w->machine, chr, "/nosuch/dir/log", &err));
	g_assert_cmpstr(err->message, ==,
			"Could not open '/nosuch/dir/log': No such file or directory");
	cxb_chardev_free(chr); /* still ours */
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(fn) g_test_add_func("/qtest/robust/" #fn, fn)
	ADD(a_line_without_end_is_refused_once);
	ADD(bytes_that_are_no_text_are_answered);
	ADD(one_that_does_not_read_its_answers_waits_for_the_rest);
	ADD(one_that_goes_without_reading_is_forgotten);
	ADD(queued_work_runs_between_two_commands);
	ADD(clients_come_and_go);
	ADD(the_log_has_both_sides);
	ADD(a_log_that_cannot_be_is_an_error);
	return g_test_run();
}
