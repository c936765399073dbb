/* SPDX-License-Identifier: Apache-2.0 */
/* Chardevs against real sockets, files and terminals, driven by a main context of their own. */
#include "io/chardev.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct {
	GMainContext *context;
	char *dir, *path;
	CxbChardev *chr;
	GString *in;
	unsigned opened, closed;
	const char *reply; /* written from inside input */
	unsigned drained;
	bool drop_on_input; /* the peer is dropped from inside input */
} Fixture;

static void on_opened(void *opaque)
{
	((Fixture *)opaque)->opened++;
}

static void on_input(void *opaque, const char *bytes, size_t len)
{
	Fixture *f = opaque;

	g_string_append_len(f->in, bytes, len);
	if (f->reply)
		cxb_chardev_write(f->chr, f->reply, strlen(f->reply));
	if (f->drop_on_input)
		cxb_chardev_drop_peer(f->chr);
}

static void on_closed(void *opaque)
{
	((Fixture *)opaque)->closed++;
}

static void on_drained(void *opaque)
{
	((Fixture *)opaque)->drained++;
}

static const CxbChardevFront front = { on_opened, on_input, on_closed, on_drained };

static void setup(Fixture *f, gconstpointer unused)
{
	f->context = g_main_context_new();
	f->dir = g_dir_make_tmp("chardev-XXXXXX", NULL);
	f->path = g_build_filename(f->dir, "sock", NULL);
	f->in = g_string_new(NULL);
}

static void teardown(Fixture *f, gconstpointer unused)
{
	cxb_chardev_free(f->chr);
	g_assert_cmpint(g_rmdir(f->dir), ==, 0); /* nothing is left behind */
	g_string_free(f->in, TRUE);
	g_free(f->path);
	g_free(f->dir);
	g_main_context_unref(f->context);
}

static CxbChardev *open_text(Fixture *f, const char *text, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_chardev_parse_legacy(text, errp);

	return opts ? cxb_chardev_new(opts, f->context, "NAME", errp) : NULL;
}

static void open_unix(Fixture *f, const char *rest)
{
	g_autofree char *text = g_strdup_printf("unix:%s%s", f->path, rest);
	g_autoptr(GError) err = NULL;

	f->chr = open_text(f, text, &err);
	g_assert_no_error(err);
	g_assert_true(cxb_chardev_attach(f->chr, &front, f, NULL));
}

/* Everything that is ready now. */
static void run(Fixture *f)
{
	while (g_main_context_iteration(f->context, FALSE))
		;
}

static int unix_client(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
	g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
	return fd;
}

static void say(int fd, const char *text)
{
	g_assert_cmpint(send(fd, text, strlen(text), MSG_NOSIGNAL), ==, strlen(text));
}

/* What is there to read now; "EOF" at the end, "" if nothing. */
static char *hear(int fd)
{
	char buf[256];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0)
		return g_strdup(errno == EAGAIN ? "" : g_strerror(errno));
	return n ? g_strndup(buf, (size_t)n) : g_strdup("EOF");
}

#define assert_hears(fd, expected)                    \
	do {                                          \
		g_autofree char *heard = hear(fd);    \
		g_assert_cmpstr(heard, ==, expected); \
	} while (0)

static void a_server_serves_one_peer(Fixture *f, gconstpointer unused)
{
	int fd;

	open_unix(f, ",server=on,wait=off");
	g_assert_false(cxb_chardev_has_peer(f->chr));
	fd = unix_client(f->path);
	run(f);
	g_assert_cmpuint(f->opened, ==, 1);
	g_assert_true(cxb_chardev_has_peer(f->chr));
	say(fd, "hello");
	run(f);
	g_assert_cmpstr(f->in->str, ==, "hello");
	cxb_chardev_write(f->chr, "world", 5);
	assert_hears(fd, "world");
	close(fd);
	run(f);
	g_assert_cmpuint(f->closed, ==, 1);
	g_assert_false(cxb_chardev_has_peer(f->chr));
	cxb_chardev_write(f->chr, "lost", 4);
}

static void a_second_peer_waits_until_the_first_leaves(Fixture *f, gconstpointer unused)
{
	int a, b;

	open_unix(f, ",server=on,wait=off");
	a = unix_client(f->path);
	run(f);
	b = unix_client(f->path);
	say(b, "two");
	run(f);
	g_assert_cmpuint(f->opened, ==, 1);
	cxb_chardev_write(f->chr, "one", 3);
	assert_hears(b, "");
	close(a);
	run(f);
	g_assert_cmpuint(f->opened, ==, 2);
	g_assert_cmpuint(f->closed, ==, 1);
	g_assert_cmpstr(f->in->str, ==, "two");
	close(b);
}

static void a_late_front_end_gets_its_peer_and_what_it_sent(Fixture *f, gconstpointer unused)
{
	g_autofree char *text = g_strdup_printf("unix:%s,server,nowait", f->path);
	g_autoptr(GError) err = NULL;
	int fd;

	f->chr = open_text(f, text, NULL);
	fd = unix_client(f->path);
	say(fd, "early");
	run(f);
	g_assert_cmpuint(f->opened, ==, 0);
	g_assert_true(cxb_chardev_attach(f->chr, &front, f, NULL));
	g_assert_cmpuint(f->opened, ==, 1);
	run(f);
	g_assert_cmpstr(f->in->str, ==, "early");
	g_assert_false(cxb_chardev_attach(f->chr, &front, f, &err));
	g_assert_cmpstr(err->message, ==, "Device 'NAME' is in use");
	cxb_chardev_detach(f->chr);
	say(fd, "kept");
	run(f);
	g_assert_cmpstr(f->in->str, ==, "early");
	g_assert_true(cxb_chardev_attach(f->chr, &front, f, NULL));
	run(f);
	g_assert_cmpstr(f->in->str, ==, "earlykept");
	close(fd);
}

static void a_pause_leaves_input_unread(Fixture *f, gconstpointer unused)
{
	int fd;

	open_unix(f, ",server=on,wait=off");
	fd = unix_client(f->path);
	run(f);
	cxb_chardev_pause(f->chr, true);
	say(fd, "x");
	run(f);
	g_assert_cmpstr(f->in->str, ==, "");
	cxb_chardev_pause(f->chr, false);
	run(f);
	g_assert_cmpstr(f->in->str, ==, "x");
	close(fd);
}

static void the_front_end_may_write_and_drop_from_inside(Fixture *f, gconstpointer unused)
{
	int fd;

	open_unix(f, ",server=on,wait=off");
	f->reply = "bye";
	f->drop_on_input = true;
	fd = unix_client(f->path);
	say(fd, "x");
	run(f);
	g_assert_cmpuint(f->closed, ==, 1);
	assert_hears(fd, "bye");
	assert_hears(fd, "EOF");
	close(fd);
	fd = unix_client(f->path);
	run(f);
	g_assert_cmpuint(f->opened, ==, 2);
	close(fd);
}

static void a_half_closed_peer_still_gets_its_answers(Fixture *f, gconstpointer unused)
{
	g_autofree char *big = g_malloc0(8 << 20), *buf = g_malloc(1 << 20);
	size_t got = 0;
	ssize_t n = 1;
	int fd;

	open_unix(f, ",server=on,wait=off");
	fd = unix_client(f->path);
	run(f);
	cxb_chardev_write(f->chr, big, 8 << 20);
	shutdown(fd, SHUT_WR);
	run(f);
	g_assert_cmpuint(f->closed, ==, 0);
	while (n > 0) {
		n = recv(fd, buf, 1 << 20, MSG_DONTWAIT);
		g_assert_cmpint(n, >=, 0);
		got += (size_t)n;
		run(f);
	}
	g_assert_cmpuint(got, ==, 8 << 20);
	g_assert_cmpuint(f->closed, ==, 1);
	close(fd);
}

static void a_peer_that_does_not_read_is_dropped_at_64_mib(Fixture *f, gconstpointer unused)
{
	g_autofree char *block = g_malloc0(1 << 20);
	int fd;

	open_unix(f, ",server=on,wait=off");
	fd = unix_client(f->path);
	run(f);
	for (int i = 0; i < 64; i++)
		cxb_chardev_write(f->chr, block, 1 << 20);
	run(f);
	g_assert_cmpuint(f->closed, ==, 0);
	for (int i = 0; i < 2; i++)
		cxb_chardev_write(f->chr, block, 1 << 20);
	g_assert_cmpuint(f->closed, ==, 0); /* not under the writer's feet */
	run(f);
	g_assert_cmpuint(f->closed, ==, 1);
	close(fd);
}

static void the_end_of_congestion_is_told_once(Fixture *f, gconstpointer unused)
{
	g_autofree char *block = g_malloc0(4 << 20), *buf = g_malloc(1 << 20);
	int fd;

	open_unix(f, ",server=on,wait=off");
	fd = unix_client(f->path);
	run(f);
	cxb_chardev_write(f->chr, block, 1000);
	g_assert_false(cxb_chardev_congested(f->chr));
	cxb_chardev_write(f->chr, block, 4 << 20);
	g_assert_true(cxb_chardev_congested(f->chr));
	run(f);
	g_assert_cmpuint(f->drained, ==, 0);
	while (recv(fd, buf, 1 << 20, MSG_DONTWAIT) > 0)
		run(f);
	g_assert_cmpuint(f->drained, ==, 1);
	g_assert_false(cxb_chardev_congested(f->chr));
	close(fd);
}

static void a_peer_that_leaves_congested_is_seen_to_leave(Fixture *f, gconstpointer unused)
{
	g_autofree char *block = g_malloc0(4 << 20);
	int fd;

	open_unix(f, ",server=on,wait=off");
	fd = unix_client(f->path);
	run(f);
	cxb_chardev_write(f->chr, block, 4 << 20);
	cxb_chardev_pause(f->chr, true);
	close(fd);
	run(f);
	g_assert_cmpuint(f->drained, ==, 1);
	cxb_chardev_pause(f->chr, false);
	run(f);
	g_assert_cmpuint(f->closed, ==, 1);
}

static void a_write_to_a_peer_that_left_raises_no_signal(Fixture *f, gconstpointer unused)
{
	int fd;

	open_unix(f, ",server=on,wait=off");
	fd = unix_client(f->path);
	run(f);
	close(fd);
	for (int i = 0; i < 3; i++)
		cxb_chardev_write(f->chr, "x", 1);
	g_assert_cmpuint(f->closed, ==, 0);
	run(f);
	g_assert_cmpuint(f->closed, ==, 1);
}

static void nothing_is_ready_while_nothing_happens(Fixture *f, gconstpointer unused)
{
	int fd, timeout;
	GPollFD fds[8];
	gint priority;

	open_unix(f, ",server=on,wait=off");
	fd = unix_client(f->path);
	run(f);
	g_assert_true(g_main_context_acquire(f->context));
	g_main_context_prepare(f->context, &priority);
	g_main_context_query(f->context, priority, &timeout, fds, G_N_ELEMENTS(fds));
	g_assert_cmpint(timeout, ==, -1);
	g_main_context_release(f->context);
	close(fd);
}

static void a_stale_socket_file_is_replaced(Fixture *f, gconstpointer unused)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	g_strlcpy(addr.sun_path, f->path, sizeof(addr.sun_path));
	g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
	close(fd);
	open_unix(f, ",server=on,wait=off");
	close(unix_client(f->path));
}

static void assert_in_use(Fixture *f)
{
	g_autofree char *text = g_strdup_printf("unix:%s,server,nowait", f->path);
	g_autofree char *expected =
		g_strdup_printf("Failed to bind socket to %s: Address already in use", f->path);
	g_autoptr(GError) err = NULL;

	g_assert_null(open_text(f, text, &err));
	g_assert_cmpstr(err->message, ==, expected);
}

static void a_socket_somebody_listens_on_is_left_alone(Fixture *f, gconstpointer unused)
{
	open_unix(f, ",server=on,wait=off");
	assert_in_use(f);
	close(unix_client(f->path));
}

static void a_file_that_is_no_socket_is_left_alone(Fixture *f, gconstpointer unused)
{
	g_autofree char *content = NULL;

	g_assert_true(g_file_set_contents(f->path, "precious", -1, NULL));
	assert_in_use(f);
	g_assert_true(g_file_get_contents(f->path, &content, NULL, NULL));
	g_assert_cmpstr(content, ==, "precious");
	g_unlink(f->path);
}

static void a_symbolic_link_is_left_alone(Fixture *f, gconstpointer unused)
{
	g_assert_cmpint(symlink("/nowhere", f->path), ==, 0);
	assert_in_use(f);
	g_unlink(f->path);
}

static void only_its_own_socket_file_is_removed(Fixture *f, gconstpointer unused)
{
	open_unix(f, ",server=on,wait=off");
	g_unlink(f->path);
	g_assert_true(g_file_set_contents(f->path, "other", -1, NULL));
	g_clear_pointer(&f->chr, cxb_chardev_free);
	g_assert_cmpint(g_unlink(f->path), ==, 0);
}

static void the_socket_has_the_mode_of_the_umask(Fixture *f, gconstpointer unused)
{
	mode_t old = umask(027);
	struct stat st;

	open_unix(f, ",server=on,wait=off");
	umask(old);
	g_assert_cmpint(stat(f->path, &st), ==, 0);
	g_assert_cmpuint(st.st_mode & 0777, ==, 0750);
}

static void an_abstract_socket_has_no_file(Fixture *f, gconstpointer unused)
{
	g_autofree char *text = g_strdup_printf("unix:%s,abstract=on", f->path);
	g_autoptr(CxbChardev) client = NULL;

	open_unix(f, ",abstract=on,server=on,wait=off");
	g_assert_false(g_file_test(f->path, G_FILE_TEST_EXISTS));
	client = open_text(f, text, NULL);
	g_assert_nonnull(client);
	run(f);
	g_assert_cmpuint(f->opened, ==, 1);
}

static void a_client_connects_at_once(Fixture *f, gconstpointer unused)
{
	g_autofree char *text = g_strdup_printf("unix:%s", f->path);
	g_autoptr(CxbChardev) client = NULL;

	open_unix(f, ",server=on,wait=off");
	client = open_text(f, text, NULL);
	g_assert_true(cxb_chardev_has_peer(client));
	cxb_chardev_write(client, "hi", 2);
	run(f);
	g_assert_cmpstr(f->in->str, ==, "hi");
}

static void tcp_takes_any_host_and_port_0(Fixture *f, gconstpointer unused)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	const char *port;

	f->chr = open_text(f, "tcp::0,server=on,wait=off,ipv4=on", NULL);
	g_assert_nonnull(f->chr);
	g_assert_true(cxb_chardev_attach(f->chr, &front, f, NULL));
	g_assert_true(g_str_has_prefix(cxb_chardev_where(f->chr), "tcp:0.0.0.0:"));
	port = cxb_chardev_where(f->chr) + strlen("tcp:0.0.0.0:");
	addr.sin_port = htons((uint16_t)g_ascii_strtoull(port, NULL, 10));
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	g_assert_cmpint(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
	say(fd, "tcp");
	/* Loopback delivers within connect and send; accept and read are ready. */
	run(f);
	g_assert_cmpstr(f->in->str, ==, "tcp");
	close(fd);
}

static void a_listening_descriptor_can_be_handed_over(Fixture *f, gconstpointer unused)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), client;
	g_autofree char *text = g_strdup_printf("socket,fd=%d,server=on,wait=off", fd);
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "backend", true, NULL);

	g_strlcpy(addr.sun_path, f->path, sizeof(addr.sun_path));
	g_assert_cmpint(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), ==, 0);
	g_assert_cmpint(listen(fd, 1), ==, 0);
	f->chr = cxb_chardev_new(opts, f->context, "NAME", NULL);
	g_assert_true(cxb_chardev_attach(f->chr, &front, f, NULL));
	client = unix_client(f->path);
	run(f);
	g_assert_cmpuint(f->opened, ==, 1);
	close(client);
	g_unlink(f->path);
}

static gpointer connect_thread(gpointer path)
{
	return GINT_TO_POINTER(unix_client(path));
}

static void a_waiting_server_waits_for_its_first_client(Fixture *f, gconstpointer unused)
{
	GThread *thread;
	int fd;

	open_unix(f, ",server=on");
	thread = g_thread_new("client", connect_thread, f->path);
	g_assert_true(cxb_chardev_wait(f->chr, NULL));
	g_assert_true(cxb_chardev_has_peer(f->chr));
	g_assert_cmpuint(f->opened, ==, 1);
	fd = GPOINTER_TO_INT(g_thread_join(thread));
	g_assert_true(cxb_chardev_wait(f->chr, NULL));
	close(fd);
}

static void a_server_told_not_to_wait_does_not(Fixture *f, gconstpointer unused)
{
	open_unix(f, ",server=on,wait=off");
	g_assert_true(cxb_chardev_wait(f->chr, NULL));
	g_assert_false(cxb_chardev_has_peer(f->chr));
}

static void a_file_gets_what_is_written(Fixture *f, gconstpointer unused)
{
	g_autofree char *text = g_strdup_printf("file:%s", f->path), *content = NULL;

	f->chr = open_text(f, text, NULL);
	g_assert_true(cxb_chardev_attach(f->chr, &front, f, NULL));
	g_assert_cmpuint(f->opened, ==, 1);
	for (int i = 0; i < 1000; i++)
		cxb_chardev_write(f->chr, "0123456789", 10);
	cxb_chardev_flush(f->chr);
	g_assert_true(g_file_get_contents(f->path, &content, NULL, NULL));
	g_assert_cmpuint(strlen(content), ==, 10000);
	g_unlink(f->path);
}

static void null_takes_everything(Fixture *f, gconstpointer unused)
{
	f->chr = open_text(f, "null", NULL);
	g_assert_true(cxb_chardev_attach(f->chr, &front, f, NULL));
	g_assert_cmpuint(f->opened, ==, 1);
	cxb_chardev_write(f->chr, "x", 1);
	cxb_chardev_flush(f->chr);
	g_assert_cmpstr(cxb_chardev_name(f->chr), ==, "NAME");
	g_assert_cmpstr(cxb_chardev_where(f->chr), ==, "null");
}

static void a_pty_can_be_opened_and_left_again(Fixture *f, gconstpointer unused)
{
	f->chr = open_text(f, "pty", NULL);
	g_assert_nonnull(f->chr);
	g_assert_true(cxb_chardev_attach(f->chr, &front, f, NULL));
	for (int i = 0; i < 2; i++) {
		int fd = open(cxb_chardev_where(f->chr) + strlen("pty:"), O_RDWR | O_NOCTTY);
		char buf[4];

		g_assert_cmpint(fd, >=, 0);
		g_string_truncate(f->in, 0);
		g_assert_cmpint(write(fd, "in\n", 3), ==, 3);
		while (f->in->len < 3)
			g_main_context_iteration(f->context, TRUE);
		g_assert_cmpstr(f->in->str, ==, "in\n");
		cxb_chardev_write(f->chr, "out", 3);
		g_assert_cmpint(read(fd, buf, 3), ==, 3);
		close(fd);
		run(f);
	}
	g_assert_cmpuint(f->closed, ==, 0);
}

#define TEST(name, fn) g_test_add("/io/chardev/" name, Fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST("server", a_server_serves_one_peer);
	TEST("backlog", a_second_peer_waits_until_the_first_leaves);
	TEST("late_attach", a_late_front_end_gets_its_peer_and_what_it_sent);
	TEST("pause", a_pause_leaves_input_unread);
	TEST("inside", the_front_end_may_write_and_drop_from_inside);
	TEST("half_close", a_half_closed_peer_still_gets_its_answers);
	TEST("congested", the_end_of_congestion_is_told_once);
	TEST("leaves-congested", a_peer_that_leaves_congested_is_seen_to_leave);
	TEST("overflow", a_peer_that_does_not_read_is_dropped_at_64_mib);
	TEST("sigpipe", a_write_to_a_peer_that_left_raises_no_signal);
	TEST("idle", nothing_is_ready_while_nothing_happens);
	TEST("stale", a_stale_socket_file_is_replaced);
	TEST("in_use", a_socket_somebody_listens_on_is_left_alone);
	TEST("not_a_socket", a_file_that_is_no_socket_is_left_alone);
	TEST("symlink", a_symbolic_link_is_left_alone);
	TEST("unlink", only_its_own_socket_file_is_removed);
	TEST("umask", the_socket_has_the_mode_of_the_umask);
	TEST("abstract", an_abstract_socket_has_no_file);
	TEST("client", a_client_connects_at_once);
	TEST("tcp", tcp_takes_any_host_and_port_0);
	TEST("fd", a_listening_descriptor_can_be_handed_over);
	TEST("wait", a_waiting_server_waits_for_its_first_client);
	TEST("nowait", a_server_told_not_to_wait_does_not);
	TEST("file", a_file_gets_what_is_written);
	TEST("null", null_takes_everything);
	TEST("pty", a_pty_can_be_opened_and_left_again);
	return g_test_run();
}
