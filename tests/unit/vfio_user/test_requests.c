/* SPDX-License-Identifier: Apache-2.0 */
/* A session that serves a device made of bytes, and the requests a client may send it. */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vfu/caps.h"

#define SECOND  G_GINT64_CONSTANT(1000000000)
#define HEADER  sizeof(struct vfu_header)
#define BAR0    (2u << 20)
#define CONFIG  4096u
#define VECTORS 40u
#define FLAG    0x200u      /* of the device, beyond the usual */
#define OWN     VFU_REGIONS /* a region of its own */
#define BROKEN  0xbadu      /* accesses to this register of BAR 0 fail */

typedef struct {
	GMainContext *context;
	CxbClock *clock;
	Session *session;
	int peer;
	uint8_t bar[BAR0], config[CONFIG];
	struct vfu_area areas[2];
	GByteArray *caps;
	int shared; /* what can be mapped of BAR 2, or -1 */
	unsigned resets, reads, writes, ready_start, ready_count;
	bool ended;
	char *why;
	/* The last reply. */
	struct vfu_header header;
	GByteArray *body;
	int fd; /* that came with it, or -1 */
} Fixture;

/* --- the target --- */

static uint32_t flags(void *opaque)
{
	return FLAG;
}

static unsigned regions(void *opaque)
{
	return VFU_REGIONS + 1;
}

static uint64_t size(void *opaque, unsigned index)
{
	const Fixture *f = opaque;

	return index == 0                     ? BAR0
	       : index == VFU_REGION_CONFIG   ? CONFIG
	       : index == 2 && f->shared >= 0 ? 0x10000
					      : 0;
}

static void region(void *opaque, unsigned index, TargetRegion *out)
{
	Fixture *f = opaque;

	if (index == 0) {
		out->size = BAR0;
	} else if (index == VFU_REGION_CONFIG) {
		out->size = CONFIG;
	} else if (index == 2 && f->shared >= 0) {
		out->size = 0x10000;
		out->fd = f->shared;
		out->fd_off = 0x1000;
		g_byte_array_set_size(f->caps, 0);
		cxb_vfu_caps_add_sparse(f->caps, f->areas, G_N_ELEMENTS(f->areas));
		out->caps = f->caps;
	} else if (index == OWN) {
		out->size = 8;
		g_byte_array_set_size(f->caps, 0);
		cxb_vfu_caps_add_type(f->caps, 0x80001e98, 2);
		cxb_vfu_caps_add_type(f->caps, 7, 8);
		out->caps = f->caps;
	}
}

static uint8_t *at(Fixture *f, unsigned index, uint64_t off)
{
	return (index == 0 ? f->bar : f->config) + off;
}

/* Eight bytes, of which an access gets what there is; the last of them ends it all. */
static int own_access(uint64_t off, size_t len)
{
	return off == 7 ? -ESHUTDOWN : off >= 8 ? -EINVAL : (int)MIN(len, 8 - off);
}

static int read_bytes(void *opaque, unsigned index, uint64_t off, void *buf, size_t len)
{
	((Fixture *)opaque)->reads++;
	if (index == OWN) {
		const int n = own_access(off, len);

		for (int i = 0; i < n; i++)
			((uint8_t *)buf)[i] = off + i;
		return n;
	}
	if (index == 0 && off == BROKEN)
		return -EIO;
	memcpy(buf, at(opaque, index, off), len);
	return len;
}

static int write_bytes(void *opaque, unsigned index, uint64_t off, const void *buf, size_t len)
{
	((Fixture *)opaque)->writes++;
	if (index == OWN)
		return own_access(off, len);
	if (index == 0 && off == BROKEN)
		return -EIO;
	memcpy(at(opaque, index, off), buf, len);
	return len;
}

static unsigned irqs(void *opaque, unsigned index)
{
	return index == VFU_IRQ_MSIX ? VECTORS : index >= VFU_IRQ_ERR;
}

static void irqs_ready(void *opaque, unsigned index, unsigned start, unsigned count)
{
	Fixture *f = opaque;

	g_assert_cmpuint(index, ==, VFU_IRQ_MSIX);
	f->ready_start = start;
	f->ready_count = count;
}

static void reset(void *opaque)
{
	((Fixture *)opaque)->resets++;
}

static const TargetOps target = {
	.flags = flags,
	.regions = regions,
	.size = size,
	.region = region,
	.read = read_bytes,
	.write = write_bytes,
	.irqs = irqs,
	.irqs_ready = irqs_ready,
	.reset = reset,
};

/* --- the client --- */

static void on_ended(void *opaque, const char *why)
{
	Fixture *f = opaque;

	f->ended = true;
	f->why = g_strdup(why);
	g_clear_pointer(&f->session, session_free);
}

static void setup(Fixture *f, gconstpointer unused)
{
	const SessionConfig config = {
		.name = "s0", .target = &target, .opaque = f, .ended = on_ended, .ended_opaque = f
	};
	SessionConfig c = config;
	int fds[2];

	f->context = c.context = g_main_context_new();
	f->clock = c.clock = cxb_clock_new_virtual();
	f->shared = -1;
	f->fd = -1;
	f->body = g_byte_array_new();
	f->caps = g_byte_array_new();
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	f->peer = fds[1];
	f->session = session_new(fds[0], &c);
}

static void teardown(Fixture *f, gconstpointer unused)
{
	session_free(f->session);
	if (f->peer >= 0)
		close(f->peer);
	for (unsigned i = 0; i < 2; i++)
		if ((i ? f->fd : f->shared) >= 0)
			close(i ? f->fd : f->shared);
	g_byte_array_unref(f->body);
	g_byte_array_unref(f->caps);
	g_free(f->why);
	cxb_clock_free(f->clock);
	g_main_context_unref(f->context);
}

static void run(Fixture *f)
{
	while (g_main_context_iteration(f->context, FALSE))
		;
}

typedef struct {
	unsigned command, flags, n_fds;
	const int *fds;
} Request;

static void send_request(Fixture *f, Request r, const void *body, size_t len)
{
	struct vfu_header header = { 0x1234, r.command, HEADER + len, r.flags, 0 };
	char control[CMSG_SPACE(CXB_VFU_FDS_MAX * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov[] = { { &header, HEADER }, { (void *)body, len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (r.n_fds) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(r.n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		*c = (struct cmsghdr){ CMSG_LEN(r.n_fds * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(c), r.fds, r.n_fds * sizeof(int));
	}
	g_assert_cmpint(sendmsg(f->peer, &msg, MSG_NOSIGNAL), ==, HEADER + len);
	run(f);
}

static bool take_reply(Fixture *f)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = { &f->header, HEADER };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };

	if (recvmsg(f->peer, &msg, MSG_DONTWAIT) != HEADER)
		return false;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	if (CMSG_FIRSTHDR(&msg))
		memcpy(&f->fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(f->fd));
	g_byte_array_set_size(f->body, f->header.size - HEADER);
	for (size_t got = 0; got < f->body->len;) {
		const ssize_t n =
			recv(f->peer, f->body->data + got, f->body->len - got, MSG_DONTWAIT);

		if (n > 0)
			got += n;
		else
			run(f);
	}
	return true;
}

/* errno of the reply. Errors are a header alone, and change nothing of who may ask next. */
static int ask_with(Fixture *f, Request r, const void *body, size_t len)
{
	send_request(f, r, body, len);
	g_assert_true(take_reply(f));
	g_assert_cmphex(f->header.id, ==, 0x1234);
	g_assert_cmpuint(f->header.command, ==, r.command);
	if (f->header.flags == VFU_TYPE_REPLY) {
		g_assert_cmpuint(f->header.error, ==, 0);
		return 0;
	}
	g_assert_cmphex(f->header.flags, ==, VFU_TYPE_REPLY | VFU_ERROR);
	g_assert_cmpuint(f->body->len, ==, 0);
	g_assert_cmpuint(f->header.error, !=, 0);
	return f->header.error;
}

static int ask(Fixture *f, unsigned command, const void *body, size_t len)
{
	return ask_with(f, (Request){ .command = command }, body, len);
}

static void answer(Fixture *f, void *out, size_t len)
{
	g_assert_cmpuint(f->body->len, ==, len);
	memcpy(out, f->body->data, len);
}

static int say_version(Fixture *f, unsigned major, unsigned minor, const char *text)
{
	const struct vfu_version version = { major, minor };
	g_autoptr(GByteArray) body = g_byte_array_new();

	g_byte_array_append(body, (const void *)&version, sizeof(version));
	if (text)
		g_byte_array_append(body, (const void *)text, strlen(text) + 1);
	return ask(f, VFU_VERSION, body->data, body->len);
}

static void setup_negotiated(Fixture *f, gconstpointer unused)
{
	setup(f, NULL);
	g_assert_cmpint(say_version(f, 0, 0, NULL), ==, 0);
}

/* --- negotiation --- */

static const char *offered(Fixture *f)
{
	g_assert_cmpuint(f->body->len, >, 4);
	g_assert_cmpint(f->body->data[f->body->len - 1], ==, 0);
	return (const char *)f->body->data + 4;
}

static void test_version(Fixture *f, gconstpointer unused)
{
	/* What QEMU 11.1 sends; it takes no answer longer than that. */
	static const char qemu[] =
		"{\"capabilities\": {\"pgsizes\": 4096, \"max_msg_fds\": 16, \"max_dma_maps\": "
		"65535, \"max_data_xfer_size\": 1048576, \"migration\": {\"max_bitmap_size\": "
		"268435456, \"pgsize\": 4096}, \"write_multiple\": true}}";
	struct vfu_version version;

	g_assert_cmpint(say_version(f, 0, 0, qemu), ==, 0);
	g_assert_cmpuint(f->header.size, <=, 214);
	memcpy(&version, f->body->data, sizeof(version));
	g_assert_cmpuint(version.major, ==, 0);
	g_assert_cmpuint(version.minor, ==, 0);
	g_assert_cmpstr(offered(f), ==,
			"{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,"
			"\"pgsizes\":4096,\"max_dma_maps\":65535,\"write_multiple\":true}}");
	g_assert_cmpint(say_version(f, 0, 0, NULL), ==, EINVAL); /* once */
	g_assert_false(f->ended);
}

static const char *const good_texts[] = {
	NULL,
	"{}",
	"{\"capabilities\":{}}",
	"{\"capabilities\":{\"write_multiple\":false,\"max_msg_fds\":0,\"unknown\":[1.5]}}",
	"{\"capabilities\":{\"twin_socket\":{\"supported\":true}}, \"more\":null}",
};

static void test_good_text(Fixture *f, gconstpointer text)
{
	g_assert_cmpint(say_version(f, 0, 1, text), ==, 0);
	g_assert_null(strstr(offered(f), "write_multiple"));
	g_assert_cmpint(f->body->data[2], ==, 1);
}

static const char *const bad_texts[] = {
	"",
	"[]",
	"null",
	"{",
	"{\"capabilities\":null}",
	"{\"capabilities\":[]}",
	"{\"capabilities\":{}}{}",
	"{\"capabilities\":{\"max_msg_fds\":-1}}",
	"{\"capabilities\":{\"max_msg_fds\":\"8\"}}",
	"{\"capabilities\":{\"max_msg_fds\":8.0}}",
	"{\"capabilities\":{\"max_msg_fds\":null}}",
	"{\"capabilities\":{\"max_msg_fds\":{}}}",
	"{\"capabilities\":{\"max_data_xfer_size\":9223372036854775808}}",
	"{\"capabilities\":{\"max_dma_maps\":4294967296}}",
	"{\"capabilities\":{\"pgsizes\":0}}",
	"{\"capabilities\":{\"write_multiple\":1}}",
	"{\"capabilities\":{\"write_multiple\":true,\"write_multiple\":false}}",
};

static void test_bad_text(Fixture *f, gconstpointer text)
{
	g_assert_cmpint(say_version(f, 0, 0, text), ==, EINVAL);
	run(f);
	g_assert_cmpstr(f->why, ==, "no agreement on a version");
}

static void test_text_without_end(Fixture *f, gconstpointer unused)
{
	g_assert_cmpint(ask(f, VFU_VERSION, "\0\0\0\0{}", 6), ==, EINVAL);
}

static void test_text_with_two_ends(Fixture *f, gconstpointer unused)
{
	g_assert_cmpint(ask(f, VFU_VERSION, "\0\0\0\0{}\0", 8), ==, EINVAL);
}

static void test_another_major(Fixture *f, gconstpointer unused)
{
	g_assert_cmpint(say_version(f, 1, 0, NULL), ==, EINVAL);
	g_assert_cmpstr(f->why, ==, "no agreement on a version");
}

static void test_short_version(Fixture *f, gconstpointer unused)
{
	g_assert_cmpint(ask(f, VFU_VERSION, "\0\0\0", 3), ==, EINVAL);
	g_assert_true(f->ended);
}

static void test_something_before_the_version(Fixture *f, gconstpointer command)
{
	static const uint8_t zeros[64];

	g_assert_cmpint(ask(f, GPOINTER_TO_UINT(command), zeros, sizeof(zeros)), ==, EINVAL);
	g_assert_cmpstr(f->why, ==, "no agreement on a version");
	g_assert_cmpuint(f->resets + f->writes, ==, 0);
}

static void test_a_silent_client(Fixture *f, gconstpointer unused)
{
	cxb_clock_advance(f->clock, 10 * SECOND - 1);
	run(f);
	g_assert_false(f->ended);
	cxb_clock_advance(f->clock, 10 * SECOND);
	run(f);
	g_assert_cmpstr(f->why, ==, "the client says nothing");
}

static void test_a_client_may_rest(Fixture *f, gconstpointer unused)
{
	cxb_clock_advance(f->clock, 3600 * SECOND);
	run(f);
	g_assert_false(f->ended);
	g_assert_cmpint(ask(f, VFU_RESET, NULL, 0), ==, 0);
	g_assert_cmpuint(f->resets, ==, 1);
}

/* --- framing of requests --- */

static void test_commands_that_are_none(Fixture *f, gconstpointer unused)
{
	static const unsigned none[] = { 0, VFU_DMA_READ, VFU_DMA_WRITE, 14, 16, 17, 18, 0xffff };
	static const uint8_t zeros[64];

	for (unsigned i = 0; i < G_N_ELEMENTS(none); i++)
		g_assert_cmpint(ask(f, none[i], zeros, sizeof(zeros)), ==, EINVAL);
	g_assert_cmpint(ask(f, VFU_RESET, NULL, 0), ==, 0);
}

/* Each with its least body, less one byte. */
static void test_short_bodies(Fixture *f, gconstpointer unused)
{
	static const struct {
		unsigned command;
		size_t len;
	} rows[] = {
		{ VFU_DMA_MAP, 32 },           { VFU_DMA_UNMAP, 24 },
		{ VFU_GET_INFO, 16 },          { VFU_GET_REGION_INFO, 32 },
		{ VFU_GET_REGION_IO_FDS, 16 }, { VFU_GET_IRQ_INFO, 16 },
		{ VFU_SET_IRQS, 20 },          { VFU_REGION_READ, 16 },
		{ VFU_REGION_WRITE, 16 },      { VFU_REGION_WRITE_MULTI, 8 },
	};
	uint32_t body[8];

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
		for (size_t len = 0; len < rows[i].len; len++) {
			memset(body, 0, sizeof(body));
			body[0] = 32;
			g_assert_cmpint(ask(f, rows[i].command, body, len), ==, EINVAL);
		}
	g_assert_cmpuint(f->writes, ==, 0);
}

/* A structure that says it is shorter than it has to be. */
static void test_short_argsz(Fixture *f, gconstpointer unused)
{
	static const unsigned commands[] = { VFU_DMA_MAP,           VFU_DMA_UNMAP,
					     VFU_GET_INFO,          VFU_GET_REGION_INFO,
					     VFU_GET_REGION_IO_FDS, VFU_GET_IRQ_INFO,
					     VFU_SET_IRQS };
	uint32_t body[16] = { 15 };

	for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++)
		g_assert_cmpint(ask(f, commands[i], body, sizeof(body)), ==, EINVAL);
}

static void test_descriptors_where_none_belong(Fixture *f, gconstpointer unused)
{
	static const uint32_t body[16] = { 64 };
	int fds[17];

	for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++)
		fds[i] = f->peer;
	for (unsigned c = VFU_VERSION; c < VFU_COMMANDS; c++) {
		const unsigned n = c == VFU_DMA_MAP ? 2 : c == VFU_SET_IRQS ? 17 : 1;
		const Request r = { .command = c, .fds = fds, .n_fds = n };

		g_assert_cmpint(ask_with(f, r, body, c == VFU_RESET ? 0 : sizeof(body)), ==,
				EINVAL);
	}
	g_assert_cmpuint(f->resets, ==, 0);
}

static void test_no_reply(Fixture *f, gconstpointer unused)
{
	const struct vfu_region_access bad = { BAR0, 0, 4 };

	send_request(f, (Request){ .command = VFU_RESET, .flags = VFU_NO_REPLY }, NULL, 0);
	send_request(f, (Request){ .command = VFU_REGION_READ, .flags = VFU_NO_REPLY }, &bad,
		     sizeof(bad));
	g_assert_false(take_reply(f));
	g_assert_cmpuint(f->resets, ==, 1);
	g_assert_cmpint(ask(f, VFU_RESET, NULL, 0), ==, 0);
}

static void test_a_reply_out_of_nowhere(Fixture *f, gconstpointer unused)
{
	send_request(f, (Request){ .command = VFU_DMA_READ, .flags = VFU_TYPE_REPLY }, NULL, 0);
	g_assert_false(take_reply(f));
	g_assert_cmpstr(f->why, ==, "a reply where nothing was asked");
}

static void test_a_type_that_is_none(Fixture *f, gconstpointer unused)
{
	const Request r = { .command = VFU_RESET, .flags = 2 };

	g_assert_cmpint(ask_with(f, r, NULL, 0), ==, EINVAL);
	g_assert_cmpuint(f->resets, ==, 0);
}

/* --- information --- */

static void test_info(Fixture *f, gconstpointer unused)
{
	uint32_t info[8] = { 32 }; /* one client counts the header */

	g_assert_cmpint(ask(f, VFU_GET_INFO, info, 16), ==, 0);
	answer(f, info, 16);
	g_assert_cmpuint(info[0], ==, 16);
	g_assert_cmpuint(info[1], ==, VFU_INFO_RESET | VFU_INFO_PCI | FLAG);
	g_assert_cmpuint(info[2], ==, VFU_REGIONS + 1);
	g_assert_cmpuint(info[3], ==, 5);
	g_assert_cmpint(ask(f, VFU_GET_INFO, info, 32), ==, 0); /* longer than it needs to be */
}

static struct vfu_region_info region_info(Fixture *f, uint32_t index, uint32_t argsz)
{
	struct vfu_region_info info = { .argsz = argsz, .index = index };

	g_assert_cmpint(ask(f, VFU_GET_REGION_INFO, &info, sizeof(info)), ==, 0);
	g_assert_cmpuint(f->body->len, >=, sizeof(info));
	memcpy(&info, f->body->data, sizeof(info));
	g_assert_cmpuint(info.index, ==, index);
	return info;
}

static void test_regions(Fixture *f, gconstpointer unused)
{
	struct vfu_region_info info = region_info(f, 0, 32);

	g_assert_cmpuint(info.size, ==, BAR0);
	g_assert_cmphex(info.flags, ==, VFU_REGION_READABLE | VFU_REGION_WRITEABLE);
	g_assert_cmpuint(info.argsz, ==, 32);
	info = region_info(f, 1, 4064);
	g_assert_cmpuint(info.size, ==, 0);
	g_assert_cmphex(info.flags, ==, 0);
	for (uint32_t index = VFU_REGIONS + 1; index; index <<= 1) {
		info = (struct vfu_region_info){ .argsz = 32, .index = index };
		g_assert_cmpint(ask(f, VFU_GET_REGION_INFO, &info, sizeof(info)), ==, EINVAL);
	}
}

static void test_a_region_to_map(Fixture *f, gconstpointer unused)
{
	struct vfu_region_info info;
	struct vfu_sparse sparse;

	f->shared = memfd_create("bar", MFD_CLOEXEC);
	f->areas[0] = (struct vfu_area){ 0x1000, 0x2000 };
	f->areas[1] = (struct vfu_area){ 0x8000, 0x1000 };
	info = region_info(f, 2, 63);
	g_assert_cmphex(info.flags, ==, 15);
	g_assert_cmpuint(info.argsz, ==, 32 + 16 + 2 * 16);
	g_assert_cmpuint(info.cap_offset, ==, 32); /* QEMU wants to know even so */
	g_assert_cmpuint(f->body->len, ==, 32);
	g_assert_cmpint(f->fd, ==, -1);

	info = region_info(f, 2, info.argsz);
	g_assert_cmpuint(info.cap_offset, ==, 32);
	g_assert_cmphex(info.offset, ==, 0x1000);
	g_assert_cmpuint(f->body->len, ==, info.argsz);
	memcpy(&sparse, f->body->data + 32, sizeof(sparse));
	g_assert_cmpuint(sparse.cap.id, ==, VFU_CAP_SPARSE_MMAP);
	g_assert_cmpuint(sparse.nr_areas, ==, 2);
	g_assert_cmpmem(f->body->data + 48, 32, f->areas, 32);
	g_assert_cmpint(f->fd, >=, 0);
}

static void test_no_descriptors_for_access(Fixture *f, gconstpointer unused)
{
	uint32_t io[4] = { 16, 0, 0, 0 };

	g_assert_cmpint(ask(f, VFU_GET_REGION_IO_FDS, io, 16), ==, 0);
	answer(f, io, 16);
	g_assert_cmpuint(io[3], ==, 0);
	io[1] = 1;
	g_assert_cmpint(ask(f, VFU_GET_REGION_IO_FDS, io, 16), ==, EINVAL);
	io[1] = 0;
	io[3] = 1;
	g_assert_cmpint(ask(f, VFU_GET_REGION_IO_FDS, io, 16), ==, EINVAL);
}

/* --- access --- */

static int access_region(Fixture *f, unsigned command, struct vfu_region_access access,
			 const void *data, size_t len)
{
	g_autoptr(GByteArray) body = g_byte_array_new();

	g_byte_array_append(body, (const void *)&access, sizeof(access));
	if (len)
		g_byte_array_append(body, data, len);
	return ask(f, command, body->data, body->len);
}

static int read_region(Fixture *f, uint64_t off, uint32_t index, uint32_t count)
{
	return access_region(f, VFU_REGION_READ, (struct vfu_region_access){ off, index, count },
			     NULL, 0);
}

static int write_region(Fixture *f, uint64_t off, uint32_t index, uint32_t count, const void *data)
{
	return access_region(f, VFU_REGION_WRITE, (struct vfu_region_access){ off, index, count },
			     data, count);
}

static void test_reads_and_writes(Fixture *f, gconstpointer unused)
{
	struct vfu_region_access back;

	g_assert_cmpint(write_region(f, BAR0 - 5, 0, 5, "hello"), ==, 0);
	answer(f, &back, sizeof(back));
	g_assert_cmpuint(back.count, ==, 5);
	g_assert_cmpint(read_region(f, BAR0 - 5, 0, 5), ==, 0);
	g_assert_cmpuint(f->body->len, ==, sizeof(back) + 5);
	g_assert_cmpmem(f->body->data + sizeof(back), 5, "hello", 5);
	g_assert_cmpint(read_region(f, BAR0, 0, 0), ==, 0);
	g_assert_cmpuint(f->body->len, ==, sizeof(back));
	g_assert_cmpint(read_region(f, BROKEN, 0, 1), ==, EIO);
	g_assert_cmpint(write_region(f, BROKEN, 0, 1, "x"), ==, EIO);
}

static void multi(Fixture *f, struct vfu_write_multi_entry e, uint64_t done)
{
	g_autoptr(GByteArray) body = g_byte_array_new();
	const uint64_t n = 1;
	uint64_t back;

	g_byte_array_append(body, (const void *)&n, sizeof(n));
	g_byte_array_append(body, (const void *)&e, sizeof(e));
	g_assert_cmpint(ask(f, VFU_REGION_WRITE_MULTI, body->data, body->len), ==, 0);
	answer(f, &back, sizeof(back));
	g_assert_cmpuint(back, ==, done);
}

/* Of a region that only this device has it says itself what can be accessed. */
static void test_a_region_of_its_own(Fixture *f, gconstpointer unused)
{
	const uint32_t caps[] = { VFU_CAP_TYPE | 1 << 16, 48, 0x80001e98, 2,
				  VFU_CAP_TYPE | 1 << 16, 0,  7,          8 };
	struct vfu_region_info info = region_info(f, OWN, 64);
	struct vfu_region_access back;

	g_assert_cmphex(info.flags, ==,
			VFU_REGION_READABLE | VFU_REGION_WRITEABLE | VFU_REGION_CAPS);
	g_assert_cmpmem(f->body->data + 32, f->body->len - 32, caps, sizeof(caps));
	g_assert_cmpint(f->fd, ==, -1);

	g_assert_cmpint(read_region(f, 5, OWN, 8), ==, 0);
	memcpy(&back, f->body->data, sizeof(back));
	g_assert_cmpuint(back.count, ==, 3);
	g_assert_cmpmem(f->body->data + sizeof(back), f->body->len - sizeof(back), "\5\6\7", 3);
	g_assert_cmpint(write_region(f, 6, OWN, 4, "abcd"), ==, 0);
	answer(f, &back, sizeof(back));
	g_assert_cmpuint(back.count, ==, 2);
	g_assert_cmpint(read_region(f, 8, OWN, 4), ==, EINVAL);
	/* One of several that is cut short has not been done. */
	multi(f, (struct vfu_write_multi_entry){ 6, OWN, 4 }, 0);
	multi(f, (struct vfu_write_multi_entry){ 4, OWN, 4 }, 1);
	g_assert_cmpint(read_region(f, 0, OWN, VFU_DATA_DEFAULT + 1), ==, EINVAL);
	send_request(f, (Request){ .command = VFU_REGION_READ },
		     &(struct vfu_region_access){ 7, OWN, 1 }, sizeof(struct vfu_region_access));
	g_assert_true(f->ended);
	g_assert_cmpstr(f->why, ==, "the device hangs up");
	g_assert_false(take_reply(f));
}

/* What it wrote is done; what it asked would cost us, and those who come next, for nobody. */
static void test_one_that_went_is_answered_nothing(Fixture *f, gconstpointer unused)
{
	const struct vfu_region_access access = { 8, 0, 4 };
	const uint16_t commands[] = { VFU_REGION_READ, VFU_REGION_WRITE, VFU_REGION_READ };
	g_autoptr(GByteArray) all = g_byte_array_new();

	for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
		const bool write = commands[i] == VFU_REGION_WRITE;
		const struct vfu_header h = { i, commands[i],
					      HEADER + sizeof(access) + (write ? 4 : 0), 0, 0 };

		g_byte_array_append(all, (const void *)&h, HEADER);
		g_byte_array_append(all, (const void *)&access, sizeof(access));
		if (write)
			g_byte_array_append(all, (const void *)"last", 4);
	}
	g_assert_cmpint(send(f->peer, all->data, all->len, MSG_NOSIGNAL), ==, all->len);
	close(f->peer);
	f->peer = -1;
	session_check(f->session);
	g_assert_true(f->ended);
	g_assert_cmpmem(f->bar + 8, 4, "last", 4);
	g_assert_cmpuint(f->reads, ==, 0);
}

static void test_a_mebibyte(Fixture *f, gconstpointer unused)
{
	for (unsigned i = 0; i < VFU_DATA_DEFAULT; i++)
		f->bar[7 + i] = i * 31;
	g_assert_cmpint(read_region(f, 7, 0, VFU_DATA_DEFAULT), ==, 0);
	g_assert_cmpmem(f->body->data + 16, f->body->len - 16, f->bar + 7, VFU_DATA_DEFAULT);
	g_assert_cmpint(read_region(f, 0, 0, VFU_DATA_DEFAULT + 1), ==, EINVAL);
}

static void test_ranges_that_cannot_be(Fixture *f, gconstpointer unused)
{
	static const struct vfu_region_access rows[] = {
		{ BAR0, 0, 1 },
		{ BAR0 - 3, 0, 4 },
		{ UINT64_MAX, 0, 1 },
		{ UINT64_MAX - 3, 0, 4 },
		{ 1, 0, UINT32_MAX },
		{ 0, 1, 1 },
		{ CONFIG - 1, VFU_REGION_CONFIG, 2 },
		{ 0, VFU_REGION_ROM, 4 },
		{ 0, VFU_REGIONS + 1, 4 },
		{ 0, UINT32_MAX, 4 },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct vfu_region_access w = rows[i];

		g_assert_cmpint(read_region(f, w.offset, w.region, w.count), ==, EINVAL);
		w.count = MIN(w.count, 8);
		if (w.count == rows[i].count)
			g_assert_cmpint(write_region(f, w.offset, w.region, w.count, "01234567"),
					==, EINVAL);
	}
	g_assert_cmpuint(f->writes, ==, 0);
}

/* The data are as long as the request says, neither more nor less. */
static void test_writes_of_another_length(Fixture *f, gconstpointer unused)
{
	const struct vfu_region_access four = { 0, 0, 4 };

	for (size_t len = 0; len < 8; len++)
		g_assert_cmpint(access_region(f, VFU_REGION_WRITE, four, "01234567", len), ==,
				len == 4 ? 0 : EINVAL);
	g_assert_cmpuint(f->writes, ==, 1);
}

static int write_multi(Fixture *f, uint64_t n, const struct vfu_write_multi_entry *entries,
		       size_t len)
{
	g_autoptr(GByteArray) body = g_byte_array_new();

	g_byte_array_append(body, (const void *)&n, sizeof(n));
	g_byte_array_append(body, (const void *)entries, len);
	return ask(f, VFU_REGION_WRITE_MULTI, body->data, body->len);
}

static void test_several_writes(Fixture *f, gconstpointer unused)
{
	struct vfu_write_multi_entry e[3] = { { 8, 0, 8, "abcdefgh" },
					      { 9, 0, 0, "" },
					      { 10, 0, 1, "x" } };
	uint64_t done;

	g_assert_cmpint(write_multi(f, 3, e, sizeof(e)), ==, 0);
	answer(f, &done, sizeof(done));
	g_assert_cmpuint(done, ==, 3);
	g_assert_cmpmem(f->bar + 8, 8, "abxdefgh", 8);
	g_assert_cmpint(write_multi(f, 0, e, 0), ==, 0);

	e[1] = (struct vfu_write_multi_entry){ BROKEN, 0, 1, "x" };
	g_assert_cmpint(write_multi(f, 3, e, sizeof(e)), ==, 0);
	answer(f, &done, sizeof(done));
	g_assert_cmpuint(done, ==, 1); /* up to the one that failed */
}

static void test_too_many_writes(Fixture *f, gconstpointer unused)
{
	g_autofree struct vfu_write_multi_entry *e = g_new0(struct vfu_write_multi_entry, 4097);

	for (unsigned i = 0; i < 4097; i++)
		e[i] = (struct vfu_write_multi_entry){ 0, 0, 1, "x" };
	g_assert_cmpint(write_multi(f, 4097, e, 4097 * sizeof(*e)), ==, EINVAL);
	g_assert_cmpuint(f->writes, ==, 0);
	g_assert_cmpint(write_multi(f, 4096, e, 4096 * sizeof(*e)), ==, 0);
	g_assert_cmpuint(f->writes, ==, 4096);
}

/* All or nothing. */
static void test_several_writes_one_of_them_wrong(Fixture *f, gconstpointer unused)
{
	const struct vfu_write_multi_entry good = { 8, 0, 8, "abcdefgh" };
	struct vfu_write_multi_entry e[2] = { good, good };

	g_assert_cmpint(write_multi(f, 1, e, sizeof(e)), ==, EINVAL);
	g_assert_cmpint(write_multi(f, 3, e, sizeof(e)), ==, EINVAL);
	g_assert_cmpint(write_multi(f, 2, e, sizeof(e) - 1), ==, EINVAL);
	g_assert_cmpint(write_multi(f, 1ull << 61, e, 0), ==, EINVAL);
	g_assert_cmpint(write_multi(f, UINT64_MAX / 24 + 3, e, sizeof(e)), ==, EINVAL);
	e[1].count = 9;
	g_assert_cmpint(write_multi(f, 2, e, sizeof(e)), ==, EINVAL);
	e[1] = good;
	e[1].offset = BAR0 - 7;
	g_assert_cmpint(write_multi(f, 2, e, sizeof(e)), ==, EINVAL);
	e[1] = good;
	e[1].region = VFU_REGIONS + 1;
	g_assert_cmpint(write_multi(f, 2, e, sizeof(e)), ==, EINVAL);
	g_assert_cmpuint(f->writes, ==, 0);
}

/* --- interrupts --- */

static int set_irqs(Fixture *f, uint32_t flags, uint32_t index, uint32_t start, uint32_t count,
		    const int *fds, unsigned n)
{
	const struct vfu_set_irqs set = { sizeof(set), flags, index, start, count };

	return ask_with(f, (Request){ .command = VFU_SET_IRQS, .fds = fds, .n_fds = n }, &set,
			sizeof(set));
}

static void irq_fds(int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

static void close_all(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
}

static uint64_t fired(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void test_interrupts(Fixture *f, gconstpointer unused)
{
	int fds[16];

	irq_fds(fds, 16);
	g_assert_false(session_fire(f->session, VFU_IRQ_MSIX, 24));
	g_assert_cmpint(
		set_irqs(f, VFU_SET_EVENTFD | VFU_SET_TRIGGER, VFU_IRQ_MSIX, 24, 16, fds, 16), ==,
		0);
	g_assert_cmpuint(f->ready_start, ==, 24);
	g_assert_cmpuint(f->ready_count, ==, 16);
	g_assert_true(session_fire(f->session, VFU_IRQ_MSIX, 39));
	g_assert_false(session_fire(f->session, VFU_IRQ_MSIX, 40));
	g_assert_cmpuint(fired(fds[15]), ==, 1);
	g_assert_cmpuint(fired(fds[14]), ==, 0);

	/* Some, from above 0 on, are forgotten. */
	f->ready_count = 0;
	g_assert_cmpint(
		set_irqs(f, VFU_SET_EVENTFD | VFU_SET_TRIGGER, VFU_IRQ_MSIX, 38, 2, NULL, 0), ==,
		0);
	g_assert_cmpuint(f->ready_count, ==, 0);
	g_assert_false(session_fire(f->session, VFU_IRQ_MSIX, 39));
	g_assert_true(session_fire(f->session, VFU_IRQ_MSIX, 37));
	g_assert_cmpint(set_irqs(f, VFU_SET_NONE | VFU_SET_TRIGGER, VFU_IRQ_MSIX, 0, 0, NULL, 0),
			==, 0);
	g_assert_false(session_fire(f->session, VFU_IRQ_MSIX, 37));
	close_all(fds, 16);
}

static void test_masked_interrupts(Fixture *f, gconstpointer unused)
{
	const uint32_t none = VFU_SET_NONE;
	int fd[1];

	irq_fds(fd, 1);
	g_assert_cmpint(set_irqs(f, VFU_SET_EVENTFD | VFU_SET_TRIGGER, VFU_IRQ_MSIX, 3, 1, fd, 1),
			==, 0);
	g_assert_cmpint(set_irqs(f, none | VFU_SET_MASK, VFU_IRQ_MSIX, 0, VECTORS, NULL, 0), ==, 0);
	g_assert_true(session_fire(f->session, VFU_IRQ_MSIX, 3));
	g_assert_true(session_fire(f->session, VFU_IRQ_MSIX, 3));
	g_assert_cmpuint(fired(fd[0]), ==, 0);
	g_assert_cmpint(set_irqs(f, none | VFU_SET_UNMASK, VFU_IRQ_MSIX, 3, 1, NULL, 0), ==, 0);
	g_assert_cmpuint(fired(fd[0]), ==, 1);
	g_assert_cmpint(set_irqs(f, none | VFU_SET_UNMASK, VFU_IRQ_MSIX, 3, 1, NULL, 0), ==, 0);
	g_assert_cmpuint(fired(fd[0]), ==, 0);
	close_all(fd, 1);
}

static void test_loop_back(Fixture *f, gconstpointer unused)
{
	struct {
		struct vfu_set_irqs set;
		uint8_t which[3];
	} __attribute__((packed))
	some = { { sizeof(some), VFU_SET_BOOL | VFU_SET_TRIGGER, VFU_IRQ_MSIX, 1, 3 },
		 { 1, 0, 1 } };
	int fds[3];

	irq_fds(fds, 3);
	g_assert_cmpint(set_irqs(f, VFU_SET_EVENTFD | VFU_SET_TRIGGER, VFU_IRQ_MSIX, 1, 3, fds, 3),
			==, 0);
	g_assert_cmpint(ask(f, VFU_SET_IRQS, &some, sizeof(some)), ==, 0);
	for (unsigned i = 0; i < 3; i++)
		g_assert_cmpuint(fired(fds[i]), ==, some.which[i]);
	g_assert_cmpint(ask(f, VFU_SET_IRQS, &some, sizeof(some) - 1), ==, EINVAL);
	close_all(fds, 3);
}

/* The client has made it block, and filled it. */
static void test_an_eventfd_that_is_full(Fixture *f, gconstpointer unused)
{
	const uint64_t full = UINT64_MAX - 1;
	const int fd = eventfd(0, EFD_CLOEXEC);

	g_assert_cmpint(write(fd, &full, sizeof(full)), ==, sizeof(full));
	g_assert_cmpint(set_irqs(f, VFU_SET_EVENTFD | VFU_SET_TRIGGER, VFU_IRQ_MSIX, 0, 1, &fd, 1),
			==, 0);
	g_assert_true(session_fire(f->session, VFU_IRQ_MSIX, 0));
	g_assert_cmpuint(fired(fd), ==, full);
	fcntl(fd, F_SETFL, 0);
	g_assert_true(session_fire(f->session, VFU_IRQ_MSIX, 0));
	g_assert_cmpuint(fired(fd), ==, 1);
	close(fd);
}

static int refilled = -1; /* between a look at it and a write to it */

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	const uint64_t full = UINT64_MAX - 1;
	const int rc = __real_poll(fds, n, timeout);

	if (n == 1 && fds[0].events == POLLOUT && refilled >= 0) {
		fcntl(refilled, F_SETFL, 0);
		g_assert_cmpint(write(refilled, &full, sizeof(full)), ==, sizeof(full));
	}
	return rc;
}

/* The client does so as often as it likes: it is waited for once, and told no more. */
static void test_an_eventfd_that_is_filled_meanwhile(Fixture *f, gconstpointer unused)
{
	int fds[2];

	irq_fds(fds, 2);
	g_assert_cmpint(set_irqs(f, VFU_SET_EVENTFD | VFU_SET_TRIGGER, VFU_IRQ_MSIX, 0, 2, fds, 2),
			==, 0);
	refilled = fds[0];
	g_assert_true(session_fire(f->session, VFU_IRQ_MSIX, 0));
	refilled = -1;
	g_assert_false(session_fire(f->session, VFU_IRQ_MSIX, 0));
	g_assert_cmpuint(fired(fds[0]), ==, UINT64_MAX - 1);
	g_assert_true(session_fire(f->session, VFU_IRQ_MSIX, 1));
	g_assert_cmpuint(fired(fds[1]), ==, 1);
	/* Asked for anew it is told again. */
	g_assert_cmpint(set_irqs(f, VFU_SET_EVENTFD | VFU_SET_TRIGGER, VFU_IRQ_MSIX, 0, 1, fds, 1),
			==, 0);
	g_assert_true(session_fire(f->session, VFU_IRQ_MSIX, 0));
	g_assert_cmpuint(fired(fds[0]), ==, 1);
	close_all(fds, 2);
}

static void test_interrupts_that_cannot_be(Fixture *f, gconstpointer unused)
{
	const uint32_t listen = VFU_SET_EVENTFD | VFU_SET_TRIGGER;
	const uint32_t fire = VFU_SET_NONE | VFU_SET_TRIGGER;
	int fds[2], pipes[2];

	irq_fds(fds, 2);
	g_assert_cmpint(pipe(pipes), ==, 0);
	const struct {
		uint32_t flags, index, start, count;
		const int *fds;
		unsigned n;
	} rows[] = {
		{ listen, VFU_IRQS, 0, 1, fds, 1 },
		{ listen, UINT32_MAX, 0, 1, fds, 1 },
		{ listen, VFU_IRQ_INTX, 0, 1, fds, 1 }, /* there is none */
		{ listen, VFU_IRQ_MSIX, VECTORS, 1, fds, 1 },
		{ listen, VFU_IRQ_MSIX, VECTORS - 1, 2, fds, 2 },
		{ listen, VFU_IRQ_MSIX, 1, UINT32_MAX, fds, 1 },
		{ listen, VFU_IRQ_MSIX, UINT32_MAX, 1, fds, 1 },
		{ listen, VFU_IRQ_MSIX, 0, 2, fds, 1 },
		{ listen, VFU_IRQ_MSIX, 0, 1, fds, 2 },
		{ listen, VFU_IRQ_MSIX, 0, 0, NULL, 0 },
		{ listen, VFU_IRQ_MSIX, 0, 2, pipes, 2 },
		{ listen, VFU_IRQ_MSIX, 0, 1, &f->peer, 1 },
		{ listen | VFU_SET_NONE, VFU_IRQ_MSIX, 0, 1, NULL, 0 },
		{ listen | VFU_SET_MASK, VFU_IRQ_MSIX, 0, 1, fds, 1 },
		{ listen | 0x40, VFU_IRQ_MSIX, 0, 1, fds, 1 },
		{ VFU_SET_EVENTFD | VFU_SET_UNMASK, VFU_IRQ_MSIX, 0, 1, fds, 1 },
		{ VFU_SET_EVENTFD, VFU_IRQ_MSIX, 0, 1, fds, 1 },
		{ VFU_SET_TRIGGER, VFU_IRQ_MSIX, 0, 1, NULL, 0 },
		{ 0, VFU_IRQ_MSIX, 0, 0, NULL, 0 },
		{ fire, VFU_IRQ_MSIX, 1, 0, NULL, 0 },
		{ fire, VFU_IRQ_MSIX, 0, 0, fds, 1 },
		{ fire, VFU_IRQ_MSIX, 0, 1, fds, 1 },
		{ VFU_SET_NONE | VFU_SET_MASK, VFU_IRQ_MSIX, 0, 0, NULL, 0 },
		{ VFU_SET_NONE | VFU_SET_MASK, VFU_IRQ_ERR, 0, 1, NULL, 0 },
		{ listen, VFU_IRQ_REQ, 0, 2, fds, 2 },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		const int rc = set_irqs(f, rows[i].flags, rows[i].index, rows[i].start,
					rows[i].count, rows[i].fds, rows[i].n);

		g_assert_cmpint(rc, ==, EINVAL);
		for (unsigned v = 0; v < VECTORS; v++)
			g_assert_false(session_fire(f->session, VFU_IRQ_MSIX, v));
	}
	close_all(fds, 2);
	close_all(pipes, 2);
}

static void test_irq_info(Fixture *f, gconstpointer unused)
{
	for (uint32_t index = 0; index <= VFU_IRQS; index++) {
		struct vfu_irq_info info = { .argsz = 16, .index = index };

		if (index == VFU_IRQS) {
			g_assert_cmpint(ask(f, VFU_GET_IRQ_INFO, &info, sizeof(info)), ==, EINVAL);
			continue;
		}
		g_assert_cmpint(ask(f, VFU_GET_IRQ_INFO, &info, sizeof(info)), ==, 0);
		answer(f, &info, sizeof(info));
		g_assert_cmpuint(info.count, ==, irqs(f, index));
		g_assert_cmphex(info.flags, ==, VFU_IRQ_EVENTFD);
	}
}

/* --- memory --- */

static int dma_map(Fixture *f, uint64_t address, uint64_t size, uint32_t flags, uint64_t offset,
		   int fd)
{
	const struct vfu_dma_map map = { sizeof(map), flags, offset, address, size };

	return ask_with(f, (Request){ .command = VFU_DMA_MAP, .fds = &fd, .n_fds = fd >= 0 }, &map,
			sizeof(map));
}

static int dma_unmap(Fixture *f, uint64_t address, uint64_t size, uint32_t flags)
{
	const struct vfu_dma_unmap unmap = { sizeof(unmap), flags, address, size };
	const int rc = ask(f, VFU_DMA_UNMAP, &unmap, sizeof(unmap));

	if (!rc)
		g_assert_cmpmem(f->body->data, f->body->len, &unmap, sizeof(unmap));
	return rc;
}

static void test_ranges(Fixture *f, gconstpointer unused)
{
	const uint64_t top = UINT64_MAX - 0xfff;

	g_assert_cmpint(dma_map(f, 0, 0xa0000, 3, 0, -1), ==, 0);
	g_assert_cmpint(dma_map(f, 0xa0000, 0x1000, 1, 0, -1), ==, 0);
	g_assert_cmpint(dma_map(f, top, 0x1000, 3, 0, -1), ==, 0);
	g_assert_cmpint(dma_map(f, 0, 0xa0000, 3, 0, -1), ==, EEXIST);
	g_assert_cmpint(dma_map(f, 0x9f000, 0x1000, 3, 0, -1), ==, EEXIST);
	g_assert_cmpuint(dma_count(f->session->dma), ==, 3);

	g_assert_cmpint(dma_unmap(f, 0, 0x1000, 0), ==, EINVAL);
	g_assert_cmpint(dma_unmap(f, 0x9f000, 0x2000, 0), ==, EINVAL);
	g_assert_cmpint(dma_unmap(f, 0x1000, 0x1000, 0), ==, EINVAL);
	g_assert_cmpuint(dma_count(f->session->dma), ==, 3);
	g_assert_cmpint(dma_unmap(f, 0, 1ull << 32, 0), ==, 0); /* what is inside */
	g_assert_cmpint(dma_unmap(f, 0, 1ull << 32, 0), ==, 0); /* nothing */
	g_assert_cmpuint(dma_count(f->session->dma), ==, 1);
	g_assert_cmpint(dma_unmap(f, top, 0x1000, 0), ==, 0);
	g_assert_cmpint(dma_map(f, top, 0x1000, 3, 0, -1), ==, 0);
	g_assert_cmpint(dma_unmap(f, 0, 0, VFU_UNMAP_ALL), ==, 0);
	g_assert_cmpuint(dma_count(f->session->dma), ==, 0);
}

static void test_ranges_of_memory_that_cannot_be(Fixture *f, gconstpointer unused)
{
	const int fd = memfd_create("ram", MFD_CLOEXEC);
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	g_autofree char *name = g_strdup_printf("/proc/self/fd/%d", fd);
	const int ro = open(name, O_RDONLY | O_CLOEXEC), wo = open(name, O_WRONLY | O_CLOEXEC);

	g_assert_cmpint(ftruncate(fd, 0x10000), ==, 0);
	const struct {
		uint64_t address, size;
		uint32_t flags;
		uint64_t offset;
		int fd, rc;
	} rows[] = {
		{ 0, 0, 3, 0, -1, EINVAL },
		{ 1, 0x1000, 3, 0, -1, EINVAL },
		{ 0, 0x1001, 3, 0, -1, EINVAL },
		{ UINT64_MAX - 0xfff, 0x2000, 3, 0, -1, EINVAL },
		{ 0x2000, UINT64_MAX - 0xfff, 3, 0, -1, EINVAL },
		{ 0, 0x1000, 4, 0, -1, EINVAL },
		{ 0, 0x1000, 0x80000003, 0, -1, EINVAL },
		{ 0, 0x11000, 3, 0, fd, EINVAL },
		{ 0, 0x1000, 3, 0x10000, fd, EINVAL },
		{ 0, 0x2000, 3, UINT64_MAX - 0xfff, fd, EINVAL },
		{ 0, 0x1000, 3, 1, fd, EINVAL },
		{ 0, 0x1000, 3, 0, null, EINVAL },
		{ 0, 0x1000, 3, 0, f->peer, EINVAL },
		{ 0, 0x1000, 3, 0, ro, EACCES },
		{ 0, 0x1000, 2, 0, wo, EACCES },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
		g_assert_cmpint(dma_map(f, rows[i].address, rows[i].size, rows[i].flags,
					rows[i].offset, rows[i].fd),
				==, rows[i].rc);
	g_assert_cmpuint(dma_count(f->session->dma), ==, 0);
	g_assert_cmpint(dma_map(f, 0, 0x10000, 1, 0, ro), ==, 0);
	g_assert_cmpint(dma_unmap(f, 0, 0, 0), ==, EINVAL);
	g_assert_cmpint(dma_unmap(f, 0, 0x10000, 1), ==, EINVAL);
	g_assert_cmpint(dma_unmap(f, 0, 0x10000, VFU_UNMAP_ALL), ==, EINVAL);
	g_assert_cmpint(dma_unmap(f, 1, UINT64_MAX, 0), ==, EINVAL);
	g_assert_cmpuint(dma_count(f->session->dma), ==, 1);
	close_all((int[]){ fd, null, ro, wo }, 4);
}

/* As many as were announced. */
static void test_ranges_without_end(Fixture *f, gconstpointer unused)
{
	for (uint64_t n = 0; n < MAX_DMA_MAPS; n++) {
		const struct vfu_dma_map map = { sizeof(map), 3, 0, n << 13, 0x1000 };

		g_assert_cmpint(dma_add(f->session->dma, &map, -1), ==, 0);
	}
	g_assert_cmpint(dma_map(f, 1ull << 40, 0x1000, 3, 0, -1), ==, ENOSPC);
	g_assert_cmpint(dma_unmap(f, 0, 1ull << 40, 0), ==, 0);
	g_assert_cmpuint(dma_count(f->session->dma), ==, 0);
}

#define NEW(path, data, fn) g_test_add(path, Fixture, data, setup, fn, teardown)
#define ADD(path, fn)       g_test_add(path, Fixture, NULL, setup_negotiated, fn, teardown)

static void add_negotiation(void)
{
	NEW("/vfio-user/requests/version", NULL, test_version);
	for (unsigned i = 0; i < G_N_ELEMENTS(good_texts); i++) {
		g_autofree char *path = g_strdup_printf("/vfio-user/requests/good-text/%u", i);

		NEW(path, good_texts[i], test_good_text);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(bad_texts); i++) {
		g_autofree char *path = g_strdup_printf("/vfio-user/requests/bad-text/%u", i);

		NEW(path, bad_texts[i], test_bad_text);
	}
	NEW("/vfio-user/requests/bad-text/without-end", NULL, test_text_without_end);
	NEW("/vfio-user/requests/bad-text/two-ends", NULL, test_text_with_two_ends);
	NEW("/vfio-user/requests/another-major", NULL, test_another_major);
	NEW("/vfio-user/requests/short-version", NULL, test_short_version);
	for (unsigned c = 0; c <= VFU_COMMANDS; c++) {
		g_autofree char *path = g_strdup_printf("/vfio-user/requests/too-early/%u", c);

		if (c != VFU_VERSION)
			NEW(path, GUINT_TO_POINTER(c), test_something_before_the_version);
	}
	NEW("/vfio-user/requests/a-silent-client", NULL, test_a_silent_client);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add_negotiation();
	ADD("/vfio-user/requests/a-client-may-rest", test_a_client_may_rest);
	ADD("/vfio-user/requests/commands-that-are-none", test_commands_that_are_none);
	ADD("/vfio-user/requests/short-bodies", test_short_bodies);
	ADD("/vfio-user/requests/short-argsz", test_short_argsz);
	ADD("/vfio-user/requests/fds-where-none-belong", test_descriptors_where_none_belong);
	ADD("/vfio-user/requests/no-reply", test_no_reply);
	ADD("/vfio-user/requests/a-reply-out-of-nowhere", test_a_reply_out_of_nowhere);
	ADD("/vfio-user/requests/a-type-that-is-none", test_a_type_that_is_none);
	ADD("/vfio-user/requests/info", test_info);
	ADD("/vfio-user/requests/regions", test_regions);
	ADD("/vfio-user/requests/a-region-to-map", test_a_region_to_map);
	ADD("/vfio-user/requests/no-fds-for-access", test_no_descriptors_for_access);
	ADD("/vfio-user/requests/reads-and-writes", test_reads_and_writes);
	ADD("/vfio-user/requests/a-region-of-its-own", test_a_region_of_its_own);
	ADD("/vfio-user/requests/one-that-went", test_one_that_went_is_answered_nothing);
	ADD("/vfio-user/requests/a-mebibyte", test_a_mebibyte);
	ADD("/vfio-user/requests/ranges-that-cannot-be", test_ranges_that_cannot_be);
	ADD("/vfio-user/requests/writes-of-another-length", test_writes_of_another_length);
	ADD("/vfio-user/requests/several-writes", test_several_writes);
	ADD("/vfio-user/requests/too-many-writes", test_too_many_writes);
	ADD("/vfio-user/requests/several-writes-one-wrong", test_several_writes_one_of_them_wrong);
	ADD("/vfio-user/requests/irq-info", test_irq_info);
	ADD("/vfio-user/requests/interrupts", test_interrupts);
	ADD("/vfio-user/requests/masked-interrupts", test_masked_interrupts);
	ADD("/vfio-user/requests/loop-back", test_loop_back);
	ADD("/vfio-user/requests/a-full-eventfd", test_an_eventfd_that_is_full);
	ADD("/vfio-user/requests/an-eventfd-filled-meanwhile",
	    test_an_eventfd_that_is_filled_meanwhile);
	ADD("/vfio-user/requests/interrupts-that-cannot-be", test_interrupts_that_cannot_be);
	ADD("/vfio-user/requests/memory", test_ranges);
	ADD("/vfio-user/requests/memory-that-cannot-be", test_ranges_of_memory_that_cannot_be);
	ADD("/vfio-user/requests/memory-without-end", test_ranges_without_end);
	return g_test_run();
}
