/* SPDX-License-Identifier: Apache-2.0 */
/* Questions and answers, and what the device asks meanwhile. */
#include "user_impl.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/trace.h"
#include "io/unix_listener.h"

#define ERRNO_MAX 4095u

CXB_TRACE(vfio_user_ask, (unsigned command, unsigned id, int result), "command %u id %u: errno %d",
	  command, id, result)
CXB_TRACE(vfio_user_lost, (const char *why), "%s", why)

/* --- the end of it --- */

void user_lose(User *u, const char *fmt, ...)
{
	va_list ap;

	if (u->dev.lost)
		return;
	va_start(ap, fmt);
	u->why = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	u->dev.lost = true;
	trace_vfio_user_lost(u->why);
	if (u->conn)
		cxb_vfu_close(u->conn, u->why);
	if (u->told && u->client && u->client->lost)
		u->client->lost(u->opaque, u->why);
}

static void closed(void *opaque, const char *why)
{
	User *u = opaque;
	CxbVfuConn *conn = g_steal_pointer(&u->conn);

	user_lose(u, "%s", why ?: "it has gone");
	cxb_vfu_conn_free(conn);
}

bool user_fail(const User *u, int err, const char *what, GError **errp)
{
	if (u->why)
		return cxb_fail(errp, CXB_ERROR_SYSTEM, "%s: %s", what, u->why);
	return cxb_fail_errno(errp, err, "%s", what);
}

/* --- answers --- */

/* Returns: what the call comes to; an answer of the wrong shape loses the device. */
static int take_answer(User *u, CxbVfuMessage *msg)
{
	UserReply *r = u->reply;
	const uint32_t error = msg->header.error;

	if (msg->header.flags & VFU_ERROR) {
		if (!msg->len)
			return error && error <= ERRNO_MAX ? (int)error : EIO;
	} else if (msg->len >= r->head_len && msg->len - r->head_len <= r->data_max) {
		r->data_len = msg->len - r->head_len;
		if (r->head_len)
			memcpy(r->head, msg->body, r->head_len);
		if (r->data_len)
			memcpy(r->data, msg->body + r->head_len, r->data_len);
		if (r->fd)
			*r->fd = cxb_vfu_take_fd(msg, 0);
		return 0;
	}
	user_lose(u, "an answer to command %u has %u bytes", msg->header.command, msg->header.size);
	return ENODEV;
}

/* --- what the device asks --- */

static int dma_access(User *u, CxbVfuMessage *msg, struct vfu_dma_access *access)
{
	const bool write = msg->header.command == VFU_DMA_WRITE;
	const size_t follows = msg->len - sizeof(*access);

	if (msg->len < sizeof(*access) || msg->n_fds)
		return EINVAL;
	memcpy(access, msg->body, sizeof(*access));
	if (access->count > USER_DATA_MAX)
		return E2BIG;
	if (follows != (write ? access->count : 0) || access->address > UINT64_MAX - access->count)
		return EINVAL;
	if (!u->client || (write ? !u->client->dma_write : !u->client->dma_read))
		return ENODEV;
	if (!access->count)
		return 0;
	if (write)
		return u->client->dma_write(u->opaque, access->address, msg->body + sizeof(*access),
					    access->count);
	if (!u->data)
		u->data = g_malloc(USER_DATA_MAX);
	return u->client->dma_read(u->opaque, access->address, u->data, access->count);
}

static void serve(User *u, CxbVfuMessage *msg)
{
	const uint16_t command = msg->header.command;
	const bool dma = command == VFU_DMA_READ || command == VFU_DMA_WRITE;
	struct vfu_dma_access access = { 0 };
	const int rc = dma ? dma_access(u, msg, &access) : ENOSYS;
	const struct vfu_header header = { .id = msg->header.id,
					   .command = command,
					   .flags = VFU_TYPE_REPLY | (rc ? VFU_ERROR : 0),
					   .error = rc };
	const struct iovec iov[] = {
		{ &access, sizeof(access) },
		{ u->data, command == VFU_DMA_READ ? access.count : 0 },
	};

	if (rc)
		cxb_guest_error("vfio-user: the device's command %u of %u bytes: %s", command,
				msg->header.size, g_strerror(rc));
	if (!(msg->header.flags & VFU_NO_REPLY))
		cxb_vfu_send(u->conn, header, iov, rc ? 0 : G_N_ELEMENTS(iov), -1);
}

static void message(void *opaque, CxbVfuMessage *msg)
{
	User *u = opaque;
	const struct vfu_header *h = &msg->header;

	if (u->dev.lost)
		return;
	switch (h->flags & VFU_TYPE) {
	case VFU_TYPE_COMMAND:
		serve(u, msg);
		return;
	case VFU_TYPE_REPLY:
		/* One that comes too late cannot be told from another. */
		if (u->waiting && h->id == u->id && h->command == u->command) {
			u->waiting = false;
			u->result = take_answer(u, msg);
			return;
		}
		user_lose(u, "an answer to command %u, id %u, where none is waited for", h->command,
			  h->id);
		return;
	default:
		user_lose(u, "a message of type %u", h->flags & VFU_TYPE);
	}
}

/* --- questions --- */

/* By the wall, as what is waited for is another process; the clock may stand still. */
static int64_t left_ms(int64_t end_us)
{
	const int64_t left = end_us - g_get_monotonic_time();

	return left > 0 ? (left + 999) / 1000 : 0;
}

/* One answer may take all of its time, but not one after the other: whoever waits is the whole machine. What
 * goes beyond a tenth of it adds up, is forgotten by and by, and all together may be no more than one. */
static void count_slow(User *u, int64_t asked_us)
{
	const int64_t limit = (int64_t)u->timeout_ms * 1000, now = g_get_monotonic_time();

	u->slow_us = MAX(0, u->slow_us - (asked_us - u->answered_us));
	u->slow_us += MAX(0, now - asked_us - limit / 10);
	u->answered_us = now;
	if (u->slow_us > limit)
		user_lose(u, "its answers are late by more than %u ms together", u->timeout_ms);
}

int user_ask(User *u, uint16_t command, const struct iovec *iov, unsigned n, const int *fds,
	     unsigned n_fds, UserReply *reply)
{
	const int64_t asked_us = g_get_monotonic_time();
	const int64_t end_us = asked_us + (int64_t)u->timeout_ms * 1000;
	const struct vfu_header header = { .id = ++u->id, .command = command };

	if (u->dev.lost)
		return ENODEV;
	g_assert(!u->waiting);
	u->waiting = true;
	u->command = command;
	u->reply = reply;
	u->result = ENODEV;
	cxb_vfu_send_fds(u->conn, header, iov, n, fds, n_fds);
	while (u->waiting && !u->dev.lost) {
		const int64_t left = left_ms(end_us);

		if (left)
			cxb_vfu_conn_wait(u->conn, MIN(left, INT_MAX));
		else
			user_lose(u, "no answer to command %u within %u ms", command,
				  u->timeout_ms);
	}
	u->waiting = false;
	u->reply = NULL;
	trace_vfio_user_ask(command, u->id, u->result);
	count_slow(u, asked_us);
	return u->dev.lost ? ENODEV : u->result;
}

/* --- life --- */

void user_free(CxbVfioDevice *dev)
{
	User *u = (User *)dev;

	cxb_vfu_conn_free(u->conn);
	g_free(u->data);
	g_free(u->why);
	g_free(u);
}

static bool get_info(User *u, GError **errp)
{
	struct vfu_info info = { .argsz = sizeof(info) };
	const struct iovec iov = { &info, sizeof(info) };
	struct vfu_info got;
	UserReply reply = { .head = &got, .head_len = sizeof(got) };
	const int err = user_ask(u, VFU_GET_INFO, &iov, 1, NULL, 0, &reply);

	if (err)
		return user_fail(u, err, "no information about the device", errp);
	if (!(got.flags & VFU_INFO_PCI))
		return cxb_fail(errp, CXB_ERROR_INVALID, "it is not a PCI device");
	if (got.num_regions <= VFU_REGION_CONFIG || got.num_regions > CXB_VFIO_REGIONS_MAX)
		return cxb_fail(errp, CXB_ERROR_INVALID, "%u regions are not %u to %u",
				got.num_regions, VFU_REGION_CONFIG + 1, CXB_VFIO_REGIONS_MAX);
	u->dev.info = (CxbVfioInfo){ got.flags, got.num_regions, MIN(got.num_irqs, VFU_IRQS) };
	return true;
}

CxbVfioDevice *cxb_vfio_open_user_fd(int fd, const CxbVfioUserConfig *config, GError **errp)
{
	static const CxbVfuConnOps ops = { .message = message, .closed = closed };
	User *u = g_new0(User, 1);

	u->dev.ops = &user_ops;
	u->timeout_ms = config->timeout_ms;
	u->client = config->client;
	u->opaque = config->opaque;
	u->conn = cxb_vfu_conn_new(fd, config->context, config->clock, &ops, u);
	if (!user_negotiate(u, errp) || !get_info(u, errp)) {
		user_free(&u->dev);
		return NULL;
	}
	u->told = true;
	return &u->dev;
}

/* A server that does not accept is waited for no longer than one that does not answer: what it has
 * no room for is refused at once. */
static int connect_to(const char *path, GError **errp)
{
	struct sockaddr_un addr;
	socklen_t len;
	int fd;

	if (!cxb_unix_address(path, false, false, &addr, &len, errp))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, len) == 0)
		return fd;
	cxb_fail_errno(errp, errno, "Failed to connect to '%s'", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

CxbVfioDevice *cxb_vfio_open_user(const CxbVfioUserConfig *config, GError **errp)
{
	const int fd = connect_to(config->path, errp);
	CxbVfioDevice *dev;
	GError *err = NULL;

	if (fd < 0)
		return NULL;
	dev = cxb_vfio_open_user_fd(fd, config, &err);
	if (!dev)
		g_propagate_prefixed_error(errp, err, "device at '%s': ", config->path);
	return dev;
}
