/* SPDX-License-Identifier: Apache-2.0 */
#include "served.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HEADER  sizeof(struct vfu_header)
#define KEPT    16u /* eventfds of the client */
#define OUT_MAX (4u << 20)

/* One at a time, as the linker knows no others. */
static struct {
	Model *model;
	int fd;     /* our end; -1: nobody is connected */
	int client; /* the other one */
	int refuse;
	GByteArray *in, *out;
	size_t held; /* bytes of out that come later: the client is to wait before */
	int kept[KEPT];
	uint16_t id;
	int64_t now_us;
} s = { .fd = -1, .client = -1 };

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* --- sending --- */

static void flush(size_t keep)
{
	while (s.fd >= 0 && s.out->len > keep) {
		const ssize_t n =
			send(s.fd, s.out->data, s.out->len - keep, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n <= 0)
			return;
		g_byte_array_remove_range(s.out, 0, n);
	}
}

void served_say(const void *bytes, size_t n, unsigned files)
{
	char control[CMSG_SPACE(15 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { (void *)bytes, n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
	unsigned n_fds = 0;
	ssize_t sent = 0;
	int fds[15];

	for (unsigned i = 0; i < (files & 0xf); i++) {
		fds[n_fds] = s.model->files[((files >> 4) + i) % FILES];
		n_fds += fds[n_fds] >= 0;
	}
	if (s.fd < 0 || !n || s.out->len > OUT_MAX)
		return;
	if (n_fds) {
		struct cmsghdr *c = (void *)control;

		*c = (struct cmsghdr){ CMSG_LEN(n_fds * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	}
	if (!s.out->len)
		sent = sendmsg(s.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	sent = MAX(sent, 0);
	g_byte_array_append(s.out, (const uint8_t *)bytes + sent, n - sent);
}

void served_dma(uint64_t address, uint32_t value, const uint8_t *bytes, size_t n)
{
	const struct vfu_dma_access access = { address, n ?: value };
	const struct vfu_header h = { s.id++, n ? VFU_DMA_WRITE : VFU_DMA_READ,
				      HEADER + sizeof(access) + n, 0, 0 };
	uint8_t all[HEADER + sizeof(access) + LIE_BYTES_MAX];

	memcpy(all, &h, HEADER);
	memcpy(all + HEADER, &access, sizeof(access));
	if (n)
		memcpy(all + HEADER + sizeof(access), bytes, n);
	served_say(all, h.size, 0);
}

void served_go(unsigned how)
{
	if (s.fd < 0)
		return;
	flush(0);
	if (how == 1 || how == 2) {
		shutdown(s.fd, how == 1 ? SHUT_WR : SHUT_RD);
		return;
	}
	close(s.fd);
	s.fd = -1;
	g_byte_array_set_size(s.out, 0);
	g_byte_array_set_size(s.in, 0);
	s.held = 0;
}

/* --- answers --- */

static void keep_fd(int fd)
{
	if (s.kept[KEPT - 1] >= 0)
		close(s.kept[KEPT - 1]);
	memmove(s.kept + 1, s.kept, (KEPT - 1) * sizeof(int));
	s.kept[0] = fd;
}

void served_raise(unsigned nr)
{
	const uint64_t one = 1;
	const int fd = s.kept[nr % KEPT];

	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		must(errno == EAGAIN);
}

/* What the client answers is good, whatever it was asked. */
static void check_answer(const struct vfu_header *h)
{
	must((h->flags & ~VFU_ERROR) == VFU_TYPE_REPLY);
	must(h->flags & VFU_ERROR ? h->error && h->size == HEADER : !h->error);
}

static void answer(const struct vfu_header *h, const uint8_t *body)
{
	struct vfu_header reply = { h->id, h->command, 0, VFU_TYPE_REPLY, 0 };
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	Answer a = { .bytes = bytes };
	unsigned file = FILE_NONE;

	if (h->flags & VFU_TYPE) {
		check_answer(h);
		return;
	}
	must(h->flags == VFU_TYPE_COMMAND && !h->error);
	g_byte_array_set_size(bytes, HEADER);
	reply.error = model_answer(s.model, h->command, body, h->size - HEADER, bytes, &file);
	if (reply.error)
		reply.flags |= VFU_ERROR;
	reply.size = bytes->len;
	memcpy(bytes->data, &reply, HEADER);
	a.files = file ? file << 4 | 1 : 0;
	lies_tell(&a, h->command);
	s.held = a.held;
	s.now_us += a.late * INT64_C(1000);
	served_say(bytes->data, s.held ? 0 : bytes->len, a.files);
	if (s.held)
		g_byte_array_append(s.out, bytes->data, bytes->len);
	if (a.twice)
		served_say(bytes->data, bytes->len, a.files);
	served_say(a.after.bytes, a.after.n, a.after.files);
	if (a.goes)
		served_go(0);
}

/* --- turns --- */

static bool receive(void)
{
	static uint8_t buf[1 << 16];
	char control[CMSG_SPACE(16 * sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	const ssize_t n = s.fd < 0 ? -1 : recvmsg(s.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	if (n <= 0)
		return false;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			keep_fd(fd);
		}
	g_byte_array_append(s.in, buf, n);
	return true;
}

void served_turn(void)
{
	struct vfu_header h;

	while (receive())
		;
	while (s.in->len >= HEADER) {
		memcpy(&h, s.in->data, HEADER);
		must(h.size >= HEADER && h.size <= VFU_DATA_DEFAULT + 64);
		if (s.in->len < h.size)
			break;
		g_autofree uint8_t *body = g_memdup2(s.in->data + HEADER, h.size - HEADER);

		g_byte_array_remove_range(s.in, 0, h.size);
		answer(&h, body);
	}
	flush(s.held);
}

/* --- what the machine calls: see meson.build --- */

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __real_connect(int fd, const struct sockaddr *addr, socklen_t len);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_connect(int fd, const struct sockaddr *addr, socklen_t len);
gint64 __wrap_g_get_monotonic_time(void);
void __wrap_g_usleep(gulong us);

/* A client that waits gives the server its turn; what was held back comes once it waits in vain. */
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	int ready;

	if (n != 1 || s.client < 0 || fds->fd != s.client)
		return __real_poll(fds, n, timeout);
	served_turn();
	ready = __real_poll(fds, n, 0);
	if (!ready && s.held && timeout) {
		s.held = 0;
		flush(0);
		ready = __real_poll(fds, n, 0);
	}
	if (!ready && timeout > 0)
		s.now_us += timeout * INT64_C(1000);
	return ready;
}

int __wrap_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	const struct sockaddr_un *un = (const void *)addr;
	int ends[2];

	must(un->sun_family == AF_UNIX && strcmp(un->sun_path, SERVED_PATH) == 0);
	served_go(0);
	if (s.refuse) {
		errno = s.refuse;
		s.refuse = 0;
		return -1;
	}
	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
	must(dup3(ends[0], fd, O_CLOEXEC) == fd);
	close(ends[0]);
	s.client = fd;
	s.fd = ends[1];
	return 0;
}

gint64 __wrap_g_get_monotonic_time(void)
{
	return s.now_us;
}

void __wrap_g_usleep(gulong us)
{
	s.now_us += us;
}

/* --- life --- */

void served_refuse(int err)
{
	s.refuse = err;
}

void served_init(Model *m)
{
	s.model = m;
	s.in = g_byte_array_new();
	s.out = g_byte_array_new();
	lies_forget();
	s.refuse = 0;
	s.id = 0;
	s.now_us = 1;
	memset(s.kept, 0xff, sizeof(s.kept));
}

void served_fini(void)
{
	served_go(0);
	s.client = -1;
	for (unsigned i = 0; i < KEPT; i++)
		if (s.kept[i] >= 0)
			close(s.kept[i]);
	g_byte_array_unref(s.in);
	g_byte_array_unref(s.out);
}
