/* SPDX-License-Identifier: Apache-2.0 */
/* The connection of a qtest bus: lines out, lines in, and time-outs. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "qtest_impl.h"

#define DEFAULT_MS 20000
#define RETRY_US   5000
#define MAX_LINE   (4u << 20)
#define READ_CHUNK (64u << 10)

const char cxb_qtest_letters[9] = { 0, 'b', 'w', 0, 'l', 0, 0, 0, 'q' };

/* --- opening --- */

static int ms_left(gint64 end)
{
	gint64 left = end - g_get_monotonic_time();

	return left > 0 ? (int)((left + 999) / 1000) : 0;
}

/* 1: ready; 0: time is up; negative: errno. */
static int wait_fd(int fd, short events, gint64 end)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&p, 1, ms_left(end));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int serve(const char *path, const struct sockaddr_un *addr, gint64 end, GError **errp)
{
	int fd = -1, n, listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0) {
		cxb_fail_errno(errp, errno, "cannot make a socket");
		return -1;
	}
	if (bind(listener, (const struct sockaddr *)addr, sizeof(*addr)) != 0) {
		cxb_fail_errno(errp, errno, "cannot listen at %s", path);
		close(listener);
		return -1;
	}
	if (listen(listener, 1) != 0) {
		cxb_fail_errno(errp, errno, "cannot listen at %s", path);
	} else if ((n = wait_fd(listener, POLLIN, end)) == 0) {
		cxb_fail(errp, CXB_ERROR_SYSTEM, "nobody came to %s", path);
	} else if (n < 0 || (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0) {
		cxb_fail_errno(errp, n < 0 ? -n : errno, "cannot take a client at %s", path);
	}
	unlink(path);
	close(listener);
	return fd;
}

/* The other side may be about to open its socket. */
static int reach(const char *path, const struct sockaddr_un *addr, gint64 end, GError **errp)
{
	for (;;) {
		int err, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0) {
			cxb_fail_errno(errp, errno, "cannot make a socket");
			return -1;
		}
		if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
			return fd;
		err = errno;
		close(fd);
		if ((err != ENOENT && err != ECONNREFUSED && err != EAGAIN && err != EINTR) ||
		    ms_left(end) == 0) {
			cxb_fail_errno(errp, err, "cannot connect to %s", path);
			return -1;
		}
		g_usleep(RETRY_US);
	}
}

bool cxb_qtest_wire_open(QtestWire *wire, const char *path, const CxbQtestBusConfig *config,
			 GError **errp)
{
	unsigned ms = config->connect_ms ? config->connect_ms : DEFAULT_MS;
	gint64 end = g_get_monotonic_time() + ms * G_GINT64_CONSTANT(1000);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	wire->fd = -1;
	wire->reply_ms = config->reply_ms ? config->reply_ms : DEFAULT_MS;
	if (!*path || strlen(path) >= sizeof(addr.sun_path))
		return cxb_fail(errp, CXB_ERROR_INVALID, "'%s' cannot be the path of a socket",
				path);
	strcpy(addr.sun_path, path);
	wire->fd = config->server ? serve(path, &addr, end, errp) : reach(path, &addr, end, errp);
	if (wire->fd < 0)
		return false;
	wire->in = g_byte_array_new();
	return true;
}

void cxb_qtest_wire_close(QtestWire *wire)
{
	if (wire->fd >= 0)
		close(wire->fd);
	wire->fd = -1;
	if (wire->in)
		g_byte_array_unref(wire->in);
	wire->in = NULL;
}

/* --- lines --- */

static bool lost(QtestWire *wire, GError **errp, const char *why)
{
	wire->lost = true;
	return cxb_fail(errp, CXB_ERROR_SYSTEM, "the qtest connection is lost: %s", why);
}

static bool is_lost(QtestWire *wire, GError **errp)
{
	if (wire->lost)
		lost(wire, errp, "an earlier access failed");
	return wire->lost;
}

static bool ready(QtestWire *wire, short events, gint64 end, GError **errp)
{
	int n = wait_fd(wire->fd, events, end);

	if (n > 0)
		return true;
	return lost(wire, errp, n == 0 ? "no answer in time" : g_strerror(-n));
}

static bool fill(QtestWire *wire, int flags, GError **errp)
{
	guint8 buf[READ_CHUNK];
	ssize_t n;

	do
		n = recv(wire->fd, buf, sizeof(buf), flags);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return true;
	if (n <= 0)
		return lost(wire, errp, n ? g_strerror(errno) : "the peer closed it");
	g_byte_array_append(wire->in, buf, n);
	return true;
}

/* Replies to lines sent earlier are taken in meanwhile, so that neither side waits for the other. */
bool cxb_qtest_send(QtestWire *wire, const char *text, gsize len, GError **errp)
{
	gint64 end = g_get_monotonic_time() + wire->reply_ms * G_GINT64_CONSTANT(1000);

	if (is_lost(wire, errp))
		return false;
	while (len) {
		ssize_t n = send(wire->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0) {
			text += n;
			len -= n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return lost(wire, errp, g_strerror(errno));
		if (!ready(wire, POLLIN | POLLOUT, end, errp) || !fill(wire, MSG_DONTWAIT, errp))
			return false;
		if (wire->in->len - wire->in_pos > 2 * MAX_LINE)
			return lost(wire, errp, "more was said than asked for");
	}
	return true;
}

/* A whole line, its end replaced; NULL: lost. */
static const char *line(QtestWire *wire, gint64 end, GError **errp)
{
	gsize seen = 0;

	if (wire->in_pos)
		g_byte_array_remove_range(wire->in, 0, wire->in_pos);
	wire->in_pos = 0;
	for (;;) {
		guint8 *lf = wire->in->len > seen
				     ? memchr(wire->in->data + seen, '\n', wire->in->len - seen)
				     : NULL;

		if (lf) {
			*lf = '\0';
			wire->in_pos = lf + 1 - wire->in->data;
			if (memchr(wire->in->data, '\0', wire->in_pos - 1)) {
				lost(wire, errp, "a line holds a zero byte");
				return NULL;
			}
			return (const char *)wire->in->data;
		}
		seen = wire->in->len;
		if (seen > MAX_LINE) {
			lost(wire, errp, "a line does not end");
			return NULL;
		}
		if (!ready(wire, POLLIN, end, errp) || !fill(wire, 0, errp))
			return NULL;
	}
}

const char *cxb_qtest_reply(QtestWire *wire, GError **errp)
{
	gint64 end = g_get_monotonic_time() + wire->reply_ms * G_GINT64_CONSTANT(1000);
	const char *text;

	if (is_lost(wire, errp))
		return NULL;
	do {
		text = line(wire, end, errp);
		if (!text)
			return NULL;
	} while (g_str_has_prefix(text, "IRQ "));
	if (g_str_equal(text, "OK"))
		return "";
	if (g_str_has_prefix(text, "OK "))
		return text + 3;
	if (g_str_has_prefix(text, "FAIL") || g_str_has_prefix(text, "ERR"))
		cxb_fail(errp, CXB_ERROR_INVALID, "the machine refused: %.200s", text);
	else
		lost(wire, errp, "an answer that is none of qtest");
	return NULL;
}

bool cxb_qtest_reply_number(QtestWire *wire, unsigned size, uint64_t *val, GError **errp)
{
	const char *text = cxb_qtest_reply(wire, errp);
	guint64 n;

	if (!text)
		return false;
	if (!g_str_has_prefix(text, "0x") ||
	    !g_ascii_string_to_unsigned(text + 2, 16, 0, UINT64_MAX >> (64 - 8 * size), &n, NULL))
		return lost(wire, errp, "an answer that is not the number asked for");
	*val = n;
	return true;
}

const char *cxb_qtest_cmd(QtestWire *wire, GError **errp, const char *fmt, ...)
{
	g_autoptr(GString) text = g_string_new(NULL);
	va_list ap;

	va_start(ap, fmt);
	g_string_vprintf(text, fmt, ap);
	va_end(ap);
	g_string_append_c(text, '\n');
	return cxb_qtest_send(wire, text->str, text->len, errp) ? cxb_qtest_reply(wire, errp)
								: NULL;
}

bool cxb_qtest_out(QtestWire *wire, uint16_t port, unsigned size, uint32_t val, GError **errp)
{
	return cxb_qtest_cmd(wire, errp, "out%c 0x%x 0x%x", cxb_qtest_letters[size], port, val);
}
