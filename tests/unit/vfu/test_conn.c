/* SPDX-License-Identifier: Apache-2.0 */
/* One end of a vfio-user connection against a peer that is a bare socket, on a virtual clock. */
#include "vfu/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "open_files.h"

#define SECOND  G_GINT64_CONSTANT(1000000000)
#define HEADER  sizeof(struct vfu_header)
#define SILENT  1u /* commands of this test: no answer, ... */
#define ECHO    2u /* ... the body again, ... */
#define LARGE   3u /* ... as many bytes as the body's first word says, ... */
#define KEEP    4u /* ... the descriptors are taken, ... */
#define CLOSE   5u /* ... the connection is given up, ... */
#define LEND    6u /* ... a descriptor comes along, ... */
#define SLOW    7u /* ... it takes a millisecond, ... */
#define GIVE    8u /* ... as LARGE, in memory that may be kept */
#define ANSWERS (64u << 10)

typedef struct {
	GMainContext *context;
	CxbClock *clock;
	CxbVfuConn *conn;
	int peer;
	GArray *ids;  /* uint16_t, of the messages handed out */
	GArray *kept; /* int, descriptors taken */
	bool given;   /* the memory of the last GIVE was kept */
	unsigned n_fds;
	size_t bytes; /* of all bodies */
	bool closed;
	char *why;
	unsigned fds_before;
} Fixture;

static void reply(Fixture *f, const CxbVfuMessage *msg, const void *body, size_t len, int fd)
{
	const struct iovec iov = { (void *)body, len };
	struct vfu_header header = msg->header;

	header.flags = VFU_TYPE_REPLY;
	cxb_vfu_send(f->conn, header, &iov, 1, fd);
}

/* What byte @i of a GIVE is. */
static uint8_t given_byte(uint16_t id, size_t i)
{
	return i * 7 + (i >> 8) + id;
}

static void give(Fixture *f, const CxbVfuMessage *msg, size_t len)
{
	uint8_t *data = g_malloc(len);
	const struct iovec iov = { data, len };

	for (size_t i = 0; i < len; i++)
		data[i] = given_byte(msg->header.id, i);
	cxb_vfu_send_data(f->conn, msg->header, &iov, 1, -1, &data);
	f->given = !data;
	g_free(data);
}

static void on_message(void *opaque, CxbVfuMessage *msg)
{
	static const uint8_t zeros[CXB_VFU_MESSAGE_MAX];
	Fixture *f = opaque;
	uint32_t len = 0;

	g_assert_false(f->closed);
	g_assert_cmpuint(msg->len + HEADER, ==, msg->header.size);
	g_array_append_val(f->ids, msg->header.id);
	f->n_fds = msg->n_fds;
	f->bytes += msg->len;
	switch (msg->header.command) {
	case ECHO:
		reply(f, msg, msg->body, msg->len, -1);
		break;
	case LARGE:
		memcpy(&len, msg->body, sizeof(len));
		reply(f, msg, zeros, len, -1);
		break;
	case GIVE:
		memcpy(&len, msg->body, sizeof(len));
		give(f, msg, len);
		break;
	case KEEP:
		for (unsigned i = 0; i < msg->n_fds; i++) {
			const int fd = cxb_vfu_take_fd(msg, i);

			g_array_append_val(f->kept, fd);
		}
		g_assert_cmpint(cxb_vfu_take_fd(msg, msg->n_fds), ==, -1);
		break;
	case CLOSE:
		cxb_vfu_close(f->conn, "enough");
		break;
	case SLOW:
		cxb_clock_advance(f->clock, cxb_clock_now_ns(f->clock) + SECOND / 1000);
		break;
	case LEND:
		reply(f, msg, NULL, 0, f->peer);
		break;
	}
}

static void on_closed(void *opaque, const char *why)
{
	Fixture *f = opaque;

	g_assert_false(f->closed);
	f->closed = true;
	f->why = g_strdup(why);
	g_clear_pointer(&f->conn, cxb_vfu_conn_free);
}

static void setup(Fixture *f, gconstpointer unused)
{
	static const CxbVfuConnOps ops = { .message = on_message, .closed = on_closed };
	int fds[2];

	f->context = g_main_context_new();
	f->clock = cxb_clock_new_virtual();
	f->ids = g_array_new(FALSE, FALSE, sizeof(uint16_t));
	f->kept = g_array_new(FALSE, FALSE, sizeof(int));
	f->fds_before = open_files();
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	f->peer = fds[1];
	f->conn = cxb_vfu_conn_new(fds[0], f->context, f->clock, &ops, f);
}

static void hang_up(Fixture *f)
{
	if (f->peer >= 0)
		close(f->peer);
	f->peer = -1;
}

static void teardown(Fixture *f, gconstpointer unused)
{
	cxb_vfu_conn_free(f->conn);
	hang_up(f);
	for (unsigned i = 0; i < f->kept->len; i++)
		close(g_array_index(f->kept, int, i));
	g_assert_cmpuint(open_files(), ==, f->fds_before);
	g_array_unref(f->ids);
	g_array_unref(f->kept);
	g_free(f->why);
	cxb_clock_free(f->clock);
	g_main_context_unref(f->context);
}

/* Everything that can be done now. */
static void run(Fixture *f)
{
	while (g_main_context_iteration(f->context, FALSE))
		;
}

static void advance(Fixture *f, int64_t ns)
{
	g_assert_true(cxb_clock_advance(f->clock, cxb_clock_now_ns(f->clock) + ns));
	run(f);
}

/* --- the peer --- */

static void put_fds(Fixture *f, const void *bytes, size_t len, const int *fds, unsigned n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(CXB_VFU_FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)bytes, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	g_assert_cmpint(sendmsg(f->peer, &msg, MSG_NOSIGNAL), ==, len);
}

static void put(Fixture *f, const void *bytes, size_t len)
{
	put_fds(f, bytes, len, NULL, 0);
}

static GByteArray *message(unsigned id, unsigned command, const void *body, size_t len)
{
	const struct vfu_header header = { id, command, HEADER + len, 0, 0 };
	GByteArray *m = g_byte_array_new();

	g_byte_array_append(m, (const void *)&header, sizeof(header));
	if (body)
		g_byte_array_append(m, body, len);
	else
		g_byte_array_set_size(m, HEADER + len);
	if (!body && len)
		memset(m->data + HEADER, 0, len);
	return m;
}

static void say_fds(Fixture *f, unsigned id, unsigned command, size_t len, const int *fds,
		    unsigned n)
{
	g_autoptr(GByteArray) m = message(id, command, NULL, len);

	put_fds(f, m->data, m->len, fds, n);
}

static void say(Fixture *f, unsigned id, unsigned command, size_t len)
{
	say_fds(f, id, command, len, NULL, 0);
}

/* Bytes there are now, at most @len. */
static size_t take(Fixture *f, void *out, size_t len)
{
	const ssize_t n = recv(f->peer, out, len, MSG_DONTWAIT);

	return MAX(n, 0);
}

/* The next reply, which is all there: its header. Its body is of zeros. */
static struct vfu_header take_reply(Fixture *f)
{
	static uint8_t body[CXB_VFU_MESSAGE_MAX];
	struct vfu_header header;

	g_assert_cmpuint(take(f, &header, HEADER), ==, HEADER);
	for (size_t at = 0, n; at < header.size - HEADER; at += n) {
		n = take(f, body, header.size - HEADER - at);
		if (!n)
			run(f);
	}
	return header;
}

static void assert_lost(Fixture *f, const char *why)
{
	g_assert_true(f->closed);
	g_assert_cmpstr(f->why, ==, why);
}

static void assert_ids(Fixture *f, unsigned first, unsigned n)
{
	g_assert_cmpuint(f->ids->len, ==, n);
	for (unsigned i = 0; i < n; i++)
		g_assert_cmpuint(g_array_index(f->ids, uint16_t, i), ==, (first + i) & 0xffff);
}

/* --- framing --- */

static void test_byte_by_byte(Fixture *f, gconstpointer unused)
{
	for (unsigned id = 1; id <= 3; id++) {
		g_autoptr(GByteArray) m = message(id, ECHO, "12345", 5);

		for (unsigned i = 0; i < m->len; i++) {
			g_assert_cmpuint(f->ids->len, ==, id - 1);
			put(f, m->data + i, 1);
			run(f);
		}
		g_assert_cmpuint(take_reply(f).id, ==, id);
	}
	assert_ids(f, 1, 3);
}

static void test_many_at_once(Fixture *f, gconstpointer unused)
{
	g_autoptr(GByteArray) all = g_byte_array_new();

	for (unsigned id = 0; id < 1000; id++) {
		g_autoptr(GByteArray) m = message(id, ECHO, NULL, id % 40);

		g_byte_array_append(all, m->data, m->len);
	}
	put(f, all->data, all->len);
	run(f);
	assert_ids(f, 0, 1000);
	for (unsigned id = 0; id < 1000; id++) {
		const struct vfu_header header = take_reply(f);

		g_assert_cmpuint(header.id, ==, id);
		g_assert_cmpuint(header.size, ==, HEADER + id % 40);
	}
}

/* The others of the context have their turn meanwhile. */
static void test_a_turn_ends(Fixture *f, gconstpointer command)
{
	const unsigned n = GPOINTER_TO_UINT(command) == SLOW ? 20 : 4000;
	g_autoptr(GByteArray) all = g_byte_array_new();
	unsigned turns = 0;

	for (unsigned id = 0; id < n; id++) {
		const struct vfu_header header = { id, GPOINTER_TO_UINT(command), HEADER, 0, 0 };

		g_byte_array_append(all, (const void *)&header, HEADER);
	}
	put(f, all->data, all->len);
	while (g_main_context_iteration(f->context, FALSE))
		turns++;
	assert_ids(f, 0, n);
	g_assert_cmpuint(turns, >=, 10);
}

static void test_sizes_that_cannot_be(Fixture *f, gconstpointer size)
{
	const struct vfu_header header = { 1, SILENT, GPOINTER_TO_UINT(size), 0, 0 };
	g_autofree char *why = g_strdup_printf("a message of %u bytes is not 16 to 1048608 bytes "
					       "long",
					       header.size);
	struct vfu_header reply;

	say(f, 0, SILENT, 0);
	put(f, &header, sizeof(header));
	say(f, 2, SILENT, 0);
	run(f);
	assert_ids(f, 0, 1);
	assert_lost(f, why);
	reply = take_reply(f);
	g_assert_cmpuint(reply.id, ==, 1);
	g_assert_cmphex(reply.flags, ==, VFU_TYPE_REPLY | VFU_ERROR);
	g_assert_cmpuint(reply.error, ==, EINVAL);
	g_assert_cmpuint(recv(f->peer, &reply, 1, MSG_DONTWAIT), ==, 0);
}

/* One that wants no answer gets none, and neither does an answer. */
static void test_a_wrong_size_that_nobody_asks_about(Fixture *f, gconstpointer flags)
{
	struct vfu_header header = { 1, SILENT, 15, GPOINTER_TO_UINT(flags), 0 };

	put(f, &header, sizeof(header));
	run(f);
	assert_lost(f, "a message of 15 bytes is not 16 to 1048608 bytes long");
	g_assert_cmpint(recv(f->peer, &header, 1, MSG_DONTWAIT), <=, 0);
}

static void feed(Fixture *f, const GByteArray *m)
{
	for (size_t at = 0; at < m->len;) {
		const ssize_t n =
			send(f->peer, m->data + at, m->len - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			at += n;
		else
			g_assert_cmpint(errno, ==, EAGAIN);
		run(f);
	}
}

static void test_the_longest_both_ways(Fixture *f, gconstpointer unused)
{
	for (unsigned id = 0; id < 3; id++) {
		g_autoptr(GByteArray) m = message(id, ECHO, NULL, CXB_VFU_MESSAGE_MAX - HEADER);

		feed(f, m);
		g_assert_cmpuint(take_reply(f).size, ==, CXB_VFU_MESSAGE_MAX);
	}
	g_assert_cmpuint(f->bytes, ==, 3 * (CXB_VFU_MESSAGE_MAX - HEADER));
	assert_ids(f, 0, 3);
}

/* Short ones between long ones: what is left of the buffer moves to its front. */
static void test_long_and_short(Fixture *f, gconstpointer unused)
{
	g_autoptr(GByteArray) all = g_byte_array_new();

	for (unsigned id = 0; id < 60; id++) {
		g_autoptr(GByteArray) m = message(id, SILENT, NULL, id % 3 ? id : 300000 + 7 * id);

		g_byte_array_append(all, m->data, m->len);
	}
	feed(f, all);
	assert_ids(f, 0, 60);
}

/* --- descriptors --- */

static void test_descriptors_are_those_of_their_message(Fixture *f, gconstpointer unused)
{
	const int two[] = { f->peer, f->peer };

	say(f, 1, SILENT, 0);
	say_fds(f, 2, KEEP, 8, two, 2);
	say(f, 3, SILENT, 0);
	run(f);
	assert_ids(f, 1, 3);
	g_assert_cmpuint(f->n_fds, ==, 0);
	g_assert_cmpuint(f->kept->len, ==, 2);
	g_assert_true(fcntl(g_array_index(f->kept, int, 0), F_GETFD) & FD_CLOEXEC);
}

static void test_descriptors_come_with_any_piece(Fixture *f, gconstpointer unused)
{
	g_autoptr(GByteArray) m = message(1, KEEP, NULL, 100);

	put(f, m->data, 7);
	run(f);
	put_fds(f, m->data + 7, 50, &f->peer, 1);
	run(f);
	put_fds(f, m->data + 57, m->len - 57, &f->peer, 1);
	say(f, 2, SILENT, 0);
	run(f);
	assert_ids(f, 1, 2);
	g_assert_cmpuint(f->kept->len, ==, 2);
}

/* Closed with their message; teardown counts. */
static void test_descriptors_nobody_takes(Fixture *f, gconstpointer unused)
{
	int many[CXB_VFU_FDS_MAX];
	int before = open_files();

	for (unsigned i = 0; i < CXB_VFU_FDS_MAX; i++)
		many[i] = f->peer;
	for (unsigned id = 0; id < 20; id++)
		say_fds(f, id, SILENT, 4, many, CXB_VFU_FDS_MAX);
	run(f);
	assert_ids(f, 0, 20);
	g_assert_cmpuint(f->n_fds, ==, CXB_VFU_FDS_MAX);
	g_assert_cmpuint(open_files(), ==, before);
}

static void test_descriptors_without_end(Fixture *f, gconstpointer unused)
{
	g_autoptr(GByteArray) m = message(1, KEEP, NULL, 100);
	int many[CXB_VFU_FDS_MAX];

	for (unsigned i = 0; i < CXB_VFU_FDS_MAX; i++)
		many[i] = f->peer;
	put_fds(f, m->data, 20, many, CXB_VFU_FDS_MAX);
	put_fds(f, m->data + 20, 20, many, 1);
	run(f);
	assert_ids(f, 1, 0);
	assert_lost(f, "too many descriptors on one message");
}

static void test_descriptors_lost_on_the_way(Fixture *f, gconstpointer unused)
{
	const int three[] = { f->peer, f->peer, f->peer };
	const int next = dup(f->peer);
	struct rlimit before, few;

	close(next);
	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
	few = (struct rlimit){ next + 1, before.rlim_max }; /* room for one */
	say_fds(f, 1, KEEP, 0, three, 3);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
	run(f);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
	g_assert_cmpuint(f->kept->len, ==, 0);
	assert_lost(f, "descriptors were lost on the way");
}

static void test_gone_with_half_a_message_and_its_descriptors(Fixture *f, gconstpointer unused)
{
	g_autoptr(GByteArray) m = message(1, KEEP, NULL, 100);
	const int two[] = { STDERR_FILENO, STDERR_FILENO };

	put_fds(f, m->data, 20, two, 2);
	run(f);
	hang_up(f);
	run(f);
	assert_lost(f, "the peer left in the middle of a message");
}

/* With the first byte of the reply, whatever waits before it. */
static void test_a_descriptor_with_a_reply(Fixture *f, gconstpointer unused)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct vfu_header header;
	struct iovec iov = { &header, sizeof(header) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	const uint32_t len = VFU_DATA_DEFAULT;
	g_autoptr(GByteArray) large = message(1, LARGE, &len, sizeof(len));
	int fd;

	put(f, large->data, large->len);
	say(f, 2, LEND, 0);
	run(f);
	g_assert_cmpuint(take_reply(f).id, ==, 1);
	run(f);
	g_assert_cmpint(recvmsg(f->peer, &msg, MSG_DONTWAIT), ==, HEADER);
	g_assert_cmpuint(header.id, ==, 2);
	g_assert_nonnull(CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	close(fd);
}

static void ask_given(Fixture *f, uint16_t id, uint32_t len, bool given)
{
	g_autoptr(GByteArray) m = message(id, GIVE, &len, sizeof(len));

	put(f, m->data, m->len);
	run(f);
	g_assert_cmpint(f->given, ==, given);
}

static void expect_given(Fixture *f, uint16_t id, size_t len)
{
	const size_t total = HEADER + len;
	g_autofree uint8_t *got = g_malloc(total);
	struct vfu_header header;

	for (size_t at = 0; at < total; run(f)) {
		const ssize_t n = recv(f->peer, got + at, total - at, MSG_DONTWAIT);

		g_assert_cmpint(n, >, 0);
		at += n;
	}
	memcpy(&header, got, HEADER);
	g_assert_cmpuint(header.id, ==, id);
	g_assert_cmpuint(header.size, ==, total);
	for (size_t i = 0; i < len; i++)
		g_assert_cmpuint(got[HEADER + i], ==, given_byte(id, i));
}

/* The end of a large answer waits where it is; what comes behind it, and small ones, are copied. */
static void test_memory_that_may_be_kept(Fixture *f, gconstpointer unused)
{
	for (unsigned round = 0; round < 3; round++) {
		ask_given(f, 1, VFU_DATA_DEFAULT, true);
		ask_given(f, 2, VFU_DATA_DEFAULT, false);
		ask_given(f, 3, 100, false);
		expect_given(f, 1, VFU_DATA_DEFAULT);
		expect_given(f, 2, VFU_DATA_DEFAULT);
		expect_given(f, 3, 100);
	}
	ask_given(f, 4, 300000, false);
	expect_given(f, 4, 300000);
	ask_given(f, 5, VFU_DATA_DEFAULT, true);
}

/* --- the end --- */

static void test_the_peer_goes(Fixture *f, gconstpointer unused)
{
	say(f, 1, SILENT, 3);
	hang_up(f);
	run(f);
	assert_ids(f, 1, 1);
	assert_lost(f, NULL);
}

static void test_it_is_given_up_from_inside(Fixture *f, gconstpointer unused)
{
	say(f, 1, ECHO, 0);
	say(f, 2, CLOSE, 0);
	say_fds(f, 3, KEEP, 0, &f->peer, 1);
	run(f);
	assert_ids(f, 1, 2);
	assert_lost(f, "enough");
	g_assert_cmpuint(take_reply(f).id, ==, 1);
	g_assert_cmpuint(recv(f->peer, &(char){ 0 }, 1, MSG_DONTWAIT), ==, 0);
}

static void test_it_is_freed_with_answers_waiting(Fixture *f, gconstpointer unused)
{
	const uint32_t len = VFU_DATA_DEFAULT;
	g_autoptr(GByteArray) m = message(1, LARGE, &len, sizeof(len));

	put(f, m->data, m->len);
	say(f, 2, LEND, 0);
	put(f, m->data, 5);
	run(f);
	g_clear_pointer(&f->conn, cxb_vfu_conn_free);
	run(f);
	g_assert_false(f->closed);
}

/* It asked, and wrote, and went: nobody hears the answers, but what was said is done. */
static void test_last_words(Fixture *f, gconstpointer check)
{
	g_autoptr(GByteArray) all = g_byte_array_new();

	for (unsigned id = 0; id < 1000; id++) {
		const struct vfu_header header = { id, id % 2 ? ECHO : SILENT, HEADER, 0, 0 };

		g_byte_array_append(all, (const void *)&header, HEADER);
	}
	put(f, all->data, all->len);
	hang_up(f);
	if (check)
		cxb_vfu_conn_check(f->conn);
	else
		run(f);
	assert_ids(f, 0, 1000);
	assert_lost(f, NULL);
}

static void test_check_leaves_a_peer_that_is_there(Fixture *f, gconstpointer unused)
{
	cxb_vfu_conn_check(f->conn);
	say(f, 1, ECHO, 0);
	cxb_vfu_conn_check(f->conn);
	g_assert_false(f->closed);
	run(f);
	assert_ids(f, 1, 1);
}

/* --- peers that do not read --- */

static void ask_large(Fixture *f, unsigned n)
{
	const uint32_t len = ANSWERS;

	for (unsigned id = 0; id < n; id++) {
		g_autoptr(GByteArray) m = message(id, LARGE, &len, sizeof(len));

		put(f, m->data, m->len);
	}
}

/* What has come is not worked off either while too much waits. */
static void test_answers_do_not_pile_up(Fixture *f, gconstpointer unused)
{
	ask_large(f, 200);
	run(f);
	g_assert_cmpuint(f->ids->len, >, 60);
	g_assert_cmpuint(f->ids->len, <, 80);
	for (unsigned id = 0; id < 200; id++) {
		const struct vfu_header header = take_reply(f);

		g_assert_cmpuint(header.id, ==, id);
		g_assert_cmpuint(header.size, ==, HEADER + ANSWERS);
		run(f);
	}
	assert_ids(f, 0, 200);
	g_assert_false(f->closed);
}

static void test_gone_while_answers_wait(Fixture *f, gconstpointer unused)
{
	ask_large(f, 200);
	run(f);
	hang_up(f);
	run(f);
	assert_ids(f, 0, 200);
	assert_lost(f, NULL);
}

/* The peer could still read, but it will say no more: as good as gone. */
static void test_half_closed_while_answers_wait(Fixture *f, gconstpointer unused)
{
	ask_large(f, 200);
	run(f);
	shutdown(f->peer, SHUT_WR);
	run(f);
	g_assert_false(f->closed);
	cxb_vfu_conn_check(f->conn);
	assert_ids(f, 0, 200);
	assert_lost(f, NULL);
}

static void test_no_thirty_seconds_without_reading(Fixture *f, gconstpointer unused)
{
	static char some[1 << 20]; /* all that the socket holds */

	ask_large(f, 200);
	run(f);
	for (unsigned i = 0; i < 3; i++) {
		advance(f, 30 * SECOND - 1);
		g_assert_false(f->closed);
		g_assert_cmpuint(take(f, some, sizeof(some)), >, 0);
		run(f);
	}
	advance(f, 30 * SECOND);
	assert_lost(f, "the peer does not read");
}

static void test_no_thirty_seconds_for_a_message(Fixture *f, gconstpointer unused)
{
	g_autoptr(GByteArray) m = message(1, SILENT, NULL, 100);

	for (unsigned i = 0; i < 3; i++) {
		put(f, m->data, m->len);
		put(f, m->data, 10);
		run(f);
		advance(f, 29 * SECOND);
		put(f, m->data + 10, m->len - 10);
		run(f);
	}
	g_assert_cmpuint(f->ids->len, ==, 6);
	advance(f, 3600 * SECOND); /* between messages there is no hurry */
	g_assert_false(f->closed);
	put(f, m->data, 10);
	run(f);
	advance(f, 15 * SECOND);
	put(f, m->data + 10, 10); /* a byte now and then does not help */
	run(f);
	advance(f, 15 * SECOND);
	assert_lost(f, "the peer stopped in the middle of a message");
}

#define ADD_DATA(path, data, fn) g_test_add(path, Fixture, data, setup, fn, teardown)
#define ADD(path, fn)            ADD_DATA(path, NULL, fn)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/vfu/conn/byte-by-byte", test_byte_by_byte);
	ADD("/vfu/conn/many-at-once", test_many_at_once);
	ADD_DATA("/vfu/conn/a-turn-of-many-ends", GUINT_TO_POINTER(SILENT), test_a_turn_ends);
	ADD_DATA("/vfu/conn/a-turn-of-slow-ones-ends", GUINT_TO_POINTER(SLOW), test_a_turn_ends);
	ADD_DATA("/vfu/conn/size-0", GUINT_TO_POINTER(0), test_sizes_that_cannot_be);
	ADD_DATA("/vfu/conn/size-15", GUINT_TO_POINTER(15), test_sizes_that_cannot_be);
	ADD_DATA("/vfu/conn/size-one-too-many", GUINT_TO_POINTER(CXB_VFU_MESSAGE_MAX + 1),
		 test_sizes_that_cannot_be);
	ADD_DATA("/vfu/conn/size-4g", GUINT_TO_POINTER(UINT32_MAX), test_sizes_that_cannot_be);
	ADD_DATA("/vfu/conn/size-of-no-reply", GUINT_TO_POINTER(VFU_NO_REPLY),
		 test_a_wrong_size_that_nobody_asks_about);
	ADD_DATA("/vfu/conn/size-of-a-reply", GUINT_TO_POINTER(VFU_TYPE_REPLY),
		 test_a_wrong_size_that_nobody_asks_about);
	ADD("/vfu/conn/the-longest-both-ways", test_the_longest_both_ways);
	ADD("/vfu/conn/long-and-short", test_long_and_short);
	ADD("/vfu/conn/fds/of-their-message", test_descriptors_are_those_of_their_message);
	ADD("/vfu/conn/fds/with-any-piece", test_descriptors_come_with_any_piece);
	ADD("/vfu/conn/fds/nobody-takes-them", test_descriptors_nobody_takes);
	ADD("/vfu/conn/fds/without-end", test_descriptors_without_end);
	ADD("/vfu/conn/fds/lost-on-the-way", test_descriptors_lost_on_the_way);
	ADD("/vfu/conn/fds/of-half-a-message", test_gone_with_half_a_message_and_its_descriptors);
	ADD("/vfu/conn/fds/with-a-reply", test_a_descriptor_with_a_reply);
	ADD("/vfu/conn/end/the-peer-goes", test_the_peer_goes);
	ADD("/vfu/conn/end/given-up-from-inside", test_it_is_given_up_from_inside);
	ADD("/vfu/conn/end/freed-with-answers-waiting", test_it_is_freed_with_answers_waiting);
	ADD("/vfu/conn/end/last-words", test_last_words);
	ADD_DATA("/vfu/conn/end/last-words-checked", "check", test_last_words);
	ADD("/vfu/conn/end/check-leaves-a-peer-that-is-there",
	    test_check_leaves_a_peer_that_is_there);
	ADD("/vfu/conn/slow/memory-that-may-be-kept", test_memory_that_may_be_kept);
	ADD("/vfu/conn/slow/answers-do-not-pile-up", test_answers_do_not_pile_up);
	ADD("/vfu/conn/slow/gone-while-answers-wait", test_gone_while_answers_wait);
	ADD("/vfu/conn/slow/half-closed-while-answers-wait", test_half_closed_while_answers_wait);
	ADD("/vfu/conn/slow/no-thirty-seconds-without-reading",
	    test_no_thirty_seconds_without_reading);
	ADD("/vfu/conn/slow/no-thirty-seconds-for-a-message", test_no_thirty_seconds_for_a_message);
	return g_test_run();
}
