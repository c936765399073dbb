/* SPDX-License-Identifier: Apache-2.0 */
#include "vfu/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/trace.h"

#define IN_SIZE     (CXB_VFU_MESSAGE_MAX + (64u << 10))
#define OUT_BATCH   (16u << 10) /* fits one buffer of the kernel's: no header is cut in two */
#define OUT_HIGH    (4u << 20)
#define TURN_BYTES  (4u << 20) /* of both directions; then others have their turn, ... */
#define TURN_MAX    256u       /* ... and behind so many messages, ... */
#define TURN_NS     2000000    /* ... and so much time */
#define LINGER      50u        /* reads that may find nothing, ... */
#define LINGER_TURN 16u        /* ... so often in a turn, ... */
#define LINGER_REST 32u        /* ... and not at all for so many turns once all found nothing */
#define IOV_MAX_MSG 4
#define KEEP_MIN    (512u << 10) /* of an answer's buffer */
#define PATIENCE_NS (30 * G_GINT64_CONSTANT(1000000000))

CXB_TRACE(vfu_receive, (const struct vfu_header *h, unsigned fds),
	  "id %u command %u size %u flags 0x%x fds %u", h->id, h->command, h->size, h->flags, fds)
CXB_TRACE(vfu_send, (const struct vfu_header *h, unsigned fds),
	  "id %u command %u size %u flags 0x%x error %u fds %u", h->id, h->command, h->size,
	  h->flags, h->error, fds)

/* Descriptors that go with a message. */
typedef struct {
	int fds[CXB_VFU_SEND_FDS];
	unsigned n;
} Fds;

/* What waits to be sent: one or more whole messages, or the end of one; the descriptors go with the
 * first byte. */
typedef struct {
	size_t len, sent;
	Fds fds;
	const uint8_t *bytes;
	uint8_t *data; /* that they lie in; NULL: they follow */
	uint8_t copy[];
} Chunk;

struct CxbVfuConn {
	int fd;
	GSource *source;
	gpointer tag;
	GIOCondition watched;
	CxbTimer *patience; /* armed while the peer is in the middle of something */
	CxbClock *clock;
	const CxbVfuConnOps *ops;
	void *opaque;

	uint8_t *in;
	size_t start, end; /* bytes [start, end) of in are still to be handed out */
	uint64_t consumed; /* bytes of the stream before in[start] */
	GArray *fds;       /* int, that came with ... */
	GArray *fds_at;    /* uint64_t, ... the message that has this byte of the stream */

	uint8_t *batch; /* whole small messages; sent together */
	size_t batched;
	GQueue out; /* of Chunk */
	size_t queued;
	bool handing_out;
	size_t turn_bytes;
	int64_t turn_end_ns;
	unsigned turn_messages, turn_max, turn_lingers, linger_rest;
	bool drained;  /* the last read took all there was */
	bool broken;   /* nothing can be sent any more */
	char *closing; /* why it is given up; NULL: it is not */
};

/* --- descriptors --- */

static void close_fds(int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int cxb_vfu_take_fd(CxbVfuMessage *msg, unsigned i)
{
	int fd = -1;

	if (i < msg->n_fds) {
		fd = msg->fds[i];
		msg->fds[i] = -1;
	}
	return fd;
}

/* --- watching --- */

static bool wants_input(const CxbVfuConn *conn)
{
	return !conn->closing && conn->queued <= OUT_HIGH;
}

/* A message has come whole, or one that cannot be right. */
static bool whole(const CxbVfuConn *conn, struct vfu_header *header)
{
	const size_t n = conn->end - conn->start;

	if (n < sizeof(*header))
		return false;
	memcpy(header, conn->in + conn->start, sizeof(*header));
	return n >= header->size || header->size > CXB_VFU_MESSAGE_MAX;
}

static void watch(CxbVfuConn *conn)
{
	const GIOCondition want = (wants_input(conn) ? G_IO_IN : 0) | (conn->queued ? G_IO_OUT : 0);
	struct vfu_header next;

	if (want != conn->watched)
		g_source_modify_unix_fd(conn->source, conn->tag, want);
	conn->watched = want;
	if (wants_input(conn) && whole(conn, &next))
		g_source_set_ready_time(conn->source, 0);
	if (!conn->queued && conn->start == conn->end)
		cxb_timer_disarm(conn->patience);
	else if (!cxb_timer_armed(conn->patience))
		cxb_timer_arm(conn->patience, cxb_clock_now_ns(conn->clock) + PATIENCE_NS);
}

/* The peer has taken or finished something. */
static void progress(CxbVfuConn *conn)
{
	cxb_timer_disarm(conn->patience);
}

bool cxb_vfu_hears(const CxbVfuConn *conn)
{
	return !conn->broken;
}

void cxb_vfu_close(CxbVfuConn *conn, const char *why)
{
	if (!conn->closing)
		conn->closing = g_strdup(why ?: "");
	g_source_set_ready_time(conn->source, 0);
}

static void out_of_patience(void *opaque)
{
	CxbVfuConn *conn = opaque;

	cxb_vfu_close(conn, conn->queued ? "the peer does not read"
					 : "the peer stopped in the middle of a message");
}

/* --- sending --- */

static const Fds no_fds;

/* Bytes that the socket took, 0 if it takes none now, -1 if the connection is lost. */
static ssize_t send_some(CxbVfuConn *conn, struct iovec *iov, unsigned n, const Fds *fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(CXB_VFU_SEND_FDS * sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };
	ssize_t sent;

	if (fds->n) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(fds->n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fds->n * sizeof(int));
		memcpy(CMSG_DATA(c), fds->fds, fds->n * sizeof(int));
	}
	do {
		sent = sendmsg(conn->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN) {
		conn->broken = true;
		if (errno != EPIPE && errno != ECONNRESET)
			cxb_vfu_close(conn, g_strerror(errno));
		g_source_set_ready_time(conn->source, 0);
		return -1;
	}
	return MAX(sent, 0);
}

static void chunk_free(gpointer data)
{
	Chunk *c = data;

	close_fds(c->fds.fds, c->fds.n);
	g_free(c->data);
	g_free(c);
}

/* All that waits is the end of the last of @iov, and it is not worth a copy. */
static bool keep(CxbVfuConn *conn, const struct iovec *iov, unsigned n, size_t rest, uint8_t **data)
{
	const struct iovec *last = &iov[n - 1];
	Chunk *c;

	/* What is kept is all of it, of which much counts. */
	if (!data || rest < KEEP_MIN || rest > last->iov_len)
		return false;
	c = g_try_malloc(sizeof(*c));
	if (!c)
		return false;
	*c = (Chunk){ .len = rest, .data = g_steal_pointer(data) };
	c->bytes = (const uint8_t *)last->iov_base + (last->iov_len - rest);
	g_queue_push_tail(&conn->out, c);
	conn->queued += rest;
	return true;
}

/* Keep what @iov has behind its first @sent bytes. */
static void enqueue(CxbVfuConn *conn, const struct iovec *iov, unsigned n, size_t sent,
		    const Fds *fds, uint8_t **data)
{
	size_t len = 0, at = 0;
	Chunk *c;

	for (unsigned i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (sent && keep(conn, iov, n, len - sent, data))
		return;
	c = g_try_malloc(sizeof(*c) + len);
	if (!c) {
		cxb_vfu_close(conn, "no memory is left to keep an answer for the peer");
		return;
	}
	*c = (Chunk){ .len = len, .sent = sent, .bytes = c->copy };
	c->fds.n = sent ? 0 : fds->n;
	for (unsigned i = 0; i < c->fds.n; i++) {
		c->fds.fds[i] = fcntl(fds->fds[i], F_DUPFD_CLOEXEC, 0);
		if (c->fds.fds[i] < 0)
			cxb_vfu_close(conn, "no descriptor is left to keep one for the peer");
	}
	for (unsigned i = 0; i < n; i++) {
		if (iov[i].iov_len)
			memcpy(c->copy + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	g_queue_push_tail(&conn->out, c);
	conn->queued += len - sent;
}

static void send_or_enqueue(CxbVfuConn *conn, struct iovec *iov, unsigned n, const Fds *fds,
			    uint8_t **data)
{
	size_t len = 0;
	ssize_t sent = 0;

	for (unsigned i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (!conn->queued)
		sent = send_some(conn, iov, n, fds);
	if (sent >= 0 && (size_t)sent < len)
		enqueue(conn, iov, n, sent, fds, data);
}

static void flush_batch(CxbVfuConn *conn)
{
	struct iovec iov = { conn->batch, conn->batched };

	conn->batched = 0;
	if (iov.iov_len && !conn->broken)
		send_or_enqueue(conn, &iov, 1, &no_fds, NULL);
}

static void flush_queue(CxbVfuConn *conn)
{
	Chunk *c;

	while ((c = g_queue_peek_head(&conn->out)) && !conn->broken) {
		struct iovec iov = { (void *)(c->bytes + c->sent), c->len - c->sent };
		const ssize_t sent = send_some(conn, &iov, 1, c->sent ? &no_fds : &c->fds);

		if (sent <= 0)
			return;
		progress(conn);
		c->sent += sent;
		conn->queued -= sent;
		if (c->sent == c->len) {
			g_queue_pop_head(&conn->out);
			chunk_free(c);
		}
	}
}

static void send_message(CxbVfuConn *conn, struct vfu_header header, const struct iovec *iov,
			 unsigned n, const int *fds, unsigned n_fds, uint8_t **data)
{
	Fds with = { .n = n_fds };
	struct iovec all[IOV_MAX_MSG + 1] = { { &header, sizeof(header) } };
	size_t len = sizeof(header);

	g_assert(n <= IOV_MAX_MSG && n_fds <= CXB_VFU_SEND_FDS);
	if (conn->closing || conn->broken)
		return;
	if (n_fds)
		memcpy(with.fds, fds, n_fds * sizeof(*fds));
	for (unsigned i = 0; i < n; i++) {
		all[i + 1] = iov[i];
		len += iov[i].iov_len;
	}
	header.size = len;
	conn->turn_bytes += len;
	trace_vfu_send(&header, n_fds);
	if (n_fds || len > OUT_BATCH - conn->batched || !conn->handing_out)
		flush_batch(conn);
	if (n_fds || len > OUT_BATCH || !conn->handing_out) {
		send_or_enqueue(conn, all, n + 1, &with, data);
		if (!conn->handing_out)
			watch(conn);
		return;
	}
	for (unsigned i = 0; i <= n; i++) {
		if (all[i].iov_len)
			memcpy(conn->batch + conn->batched, all[i].iov_base, all[i].iov_len);
		conn->batched += all[i].iov_len;
	}
}

void cxb_vfu_send(CxbVfuConn *conn, struct vfu_header header, const struct iovec *iov, unsigned n,
		  int fd)
{
	send_message(conn, header, iov, n, &fd, fd >= 0, NULL);
}

void cxb_vfu_send_data(CxbVfuConn *conn, struct vfu_header header, const struct iovec *iov,
		       unsigned n, int fd, uint8_t **data)
{
	send_message(conn, header, iov, n, &fd, fd >= 0, data);
}

void cxb_vfu_send_fds(CxbVfuConn *conn, struct vfu_header header, const struct iovec *iov,
		      unsigned n, const int *fds, unsigned n_fds)
{
	send_message(conn, header, iov, n, fds, n_fds, NULL);
}

/* --- receiving --- */

/* All that came with one read belongs to the message of the read's last byte: the kernel ends a read
 * behind the piece that carries descriptors. */
static void keep_fds(CxbVfuConn *conn, const int *fds, unsigned n, uint64_t at)
{
	for (unsigned i = 0; i < n; i++) {
		g_array_append_val(conn->fds, fds[i]);
		g_array_append_val(conn->fds_at, at);
	}
}

static void collect_fds(CxbVfuConn *conn, struct msghdr *msg, uint64_t at)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		int fds[CXB_VFU_FDS_MAX];
		unsigned n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		n = MIN(n, CXB_VFU_FDS_MAX);
		memcpy(fds, CMSG_DATA(c), n * sizeof(int));
		keep_fds(conn, fds, n, at);
	}
	if (msg->msg_flags & MSG_CTRUNC)
		cxb_vfu_close(conn, "descriptors were lost on the way");
	else if (conn->fds->len > CXB_VFU_FDS_MAX)
		cxb_vfu_close(conn, "too many descriptors on one message");
}

/* False if there is nothing now, or the connection is being closed. */
static bool receive(CxbVfuConn *conn)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(CXB_VFU_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	if (conn->start == conn->end)
		conn->start = conn->end = 0;
	if (IN_SIZE - conn->start < CXB_VFU_MESSAGE_MAX) {
		memmove(conn->in, conn->in + conn->start, conn->end - conn->start);
		conn->end -= conn->start;
		conn->start = 0;
	}
	iov = (struct iovec){ conn->in + conn->end, IN_SIZE - conn->end };
	do {
		n = recvmsg(conn->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		cxb_vfu_close(conn, n == 0 && conn->start != conn->end
					    ? "the peer left in the middle of a message"
				    : n == 0 || errno == ECONNRESET ? NULL
								    : g_strerror(errno));
		return false;
	}
	conn->drained = (size_t)n < iov.iov_len;
	conn->end += n;
	conn->turn_bytes += n;
	collect_fds(conn, &msg, conn->consumed + (conn->end - conn->start) - 1);
	return true;
}

static void hand_out(CxbVfuConn *conn, const struct vfu_header *header)
{
	const uint64_t next = conn->consumed + header->size;
	CxbVfuMessage msg = { .header = *header,
			      .body = conn->in + conn->start + sizeof(*header),
			      .len = header->size - sizeof(*header),
			      .fds = (int *)conn->fds->data };

	while (msg.n_fds < conn->fds->len &&
	       g_array_index(conn->fds_at, uint64_t, msg.n_fds) < next)
		msg.n_fds++;
	trace_vfu_receive(header, msg.n_fds);
	conn->ops->message(conn->opaque, &msg);
	close_fds(msg.fds, msg.n_fds);
	if (msg.n_fds) {
		g_array_remove_range(conn->fds, 0, msg.n_fds);
		g_array_remove_range(conn->fds_at, 0, msg.n_fds);
	}
	conn->start += header->size;
	conn->consumed = next;
}

/* Once a size is wrong nothing tells where the next message begins. Who asked gets to know. */
static bool size_ok(CxbVfuConn *conn, const struct vfu_header *header)
{
	const struct vfu_header error = { .id = header->id,
					  .command = header->command,
					  .flags = VFU_TYPE_REPLY | VFU_ERROR,
					  .error = EINVAL };
	g_autofree char *why = NULL;

	if (header->size >= sizeof(*header) && header->size <= CXB_VFU_MESSAGE_MAX)
		return true;
	if ((header->flags & (VFU_TYPE | VFU_NO_REPLY)) == VFU_TYPE_COMMAND)
		cxb_vfu_send(conn, error, NULL, 0, -1);
	why = g_strdup_printf("a message of %u bytes is not %zu to %zu bytes long", header->size,
			      sizeof(*header), (size_t)CXB_VFU_MESSAGE_MAX);
	cxb_vfu_close(conn, why);
	return false;
}

/* What one peer asks for must not keep the others waiting, nor pile up answers it does not take. */
static bool may_go_on(const CxbVfuConn *conn)
{
	return wants_input(conn) && conn->turn_bytes < TURN_BYTES &&
	       conn->turn_messages < conn->turn_max &&
	       cxb_clock_now_ns(conn->clock) < conn->turn_end_ns;
}

static void hand_out_all(CxbVfuConn *conn)
{
	struct vfu_header header;

	while (may_go_on(conn) && whole(conn, &header) && size_ok(conn, &header)) {
		hand_out(conn, &header);
		conn->turn_messages++;
		progress(conn);
	}
}

/* What came short came in full: the next read would find nothing. A long message is on its way in
 * pieces. */
static bool more(CxbVfuConn *conn)
{
	return may_go_on(conn) && (!conn->drained || conn->start != conn->end) && receive(conn);
}

/* A client that has its answer often asks for more at once: a burst of a guest's accesses, requests
 * in flight. To look a moment longer spares both a sleep. It may need this CPU for that. Who has yet to
 * take an answer asks for nothing. */
static bool linger(CxbVfuConn *conn)
{
	if (!may_go_on(conn) || !conn->turn_messages || !conn->turn_lingers || conn->queued)
		return false;
	conn->turn_lingers--;
	sched_yield();
	for (unsigned i = 0; i < LINGER && may_go_on(conn); i++)
		if (receive(conn))
			return true;
	conn->linger_rest = LINGER_REST;
	return false;
}

static void begin_turn(CxbVfuConn *conn, unsigned max, int64_t end_ns, unsigned lingers)
{
	conn->turn_bytes = 0;
	conn->turn_messages = 0;
	conn->turn_max = max;
	conn->turn_end_ns = end_ns;
	conn->turn_lingers = conn->linger_rest ? 0 : lingers;
	if (conn->linger_rest)
		conn->linger_rest--;
	conn->drained = false;
}

static void input(CxbVfuConn *conn, unsigned max, unsigned lingers)
{
	begin_turn(conn, max, cxb_clock_now_ns(conn->clock) + TURN_NS, lingers);
	conn->handing_out = true;
	do {
		hand_out_all(conn);
		flush_batch(conn);
	} while (!conn->broken && (more(conn) || linger(conn)));
	conn->handing_out = false;
}

/* A peer that is reading takes a long answer piece by piece, and may need this CPU for that. To go on
 * with the next piece at once spares a sleep for each. */
static void linger_out(CxbVfuConn *conn)
{
	size_t before = SIZE_MAX;

	while (conn->queued && conn->queued < before && !conn->broken &&
	       cxb_clock_now_ns(conn->clock) < conn->turn_end_ns) {
		before = conn->queued;
		sched_yield();
		flush_queue(conn);
	}
}

/* Nobody hears an answer any more; what was said is still done. */
static void last_words(CxbVfuConn *conn)
{
	conn->broken = true;
	conn->queued = 0;
	g_queue_clear_full(&conn->out, chunk_free);
	begin_turn(conn, UINT_MAX, INT64_MAX, 0);
	conn->handing_out = true;
	do {
		hand_out_all(conn);
	} while (may_go_on(conn) && receive(conn));
	conn->handing_out = false;
	cxb_vfu_close(conn, NULL);
}

/* The last thing: the connection may be gone afterwards. */
static void lost(CxbVfuConn *conn)
{
	cxb_timer_disarm(conn->patience);
	g_source_destroy(conn->source);
	conn->ops->closed(conn->opaque, *conn->closing ? conn->closing : NULL);
}

/* Returns: false if the connection is lost: it may be gone. */
static bool turn(CxbVfuConn *conn, GIOCondition cond, unsigned max, unsigned lingers)
{
	g_source_set_ready_time(conn->source, -1);
	if (cond & (G_IO_OUT | G_IO_HUP | G_IO_ERR))
		flush_queue(conn);
	if (!conn->broken)
		input(conn, max, lingers);
	if (lingers)
		linger_out(conn);
	if (conn->broken && !conn->closing)
		last_words(conn);
	if (conn->closing) {
		lost(conn);
		return false;
	}
	watch(conn);
	return true;
}

static void ready(CxbVfuConn *conn)
{
	turn(conn, g_source_query_unix_fd(conn->source, conn->tag), TURN_MAX, LINGER_TURN);
}

bool cxb_vfu_conn_wait(CxbVfuConn *conn, int timeout_ms)
{
	struct pollfd p = { .fd = conn->fd };
	struct vfu_header next;

	g_assert(!conn->handing_out);
	if (!conn->closing && !conn->broken) {
		p.events = (wants_input(conn) ? POLLIN : 0) | (conn->queued ? POLLOUT : 0);
		/* What is whole and was left for a later turn needs no waiting. */
		if (wants_input(conn) && whole(conn, &next))
			timeout_ms = 0;
		poll(&p, 1, timeout_ms);
	}
	return turn(conn, p.revents, 1, 0);
}

void cxb_vfu_conn_check(CxbVfuConn *conn)
{
	struct pollfd p = { .fd = conn->fd, .events = POLLRDHUP };

	if (conn->handing_out || poll(&p, 1, 0) != 1)
		return;
	last_words(conn);
	lost(conn);
}

typedef struct {
	GSource source;
	CxbVfuConn *conn;
} Source;

static gboolean source_dispatch(GSource *source, GSourceFunc fn, gpointer data)
{
	ready(((Source *)source)->conn);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { .dispatch = source_dispatch };

CxbVfuConn *cxb_vfu_conn_new(int fd, GMainContext *context, CxbClock *clock,
			     const CxbVfuConnOps *ops, void *opaque)
{
	CxbVfuConn *conn = g_new0(CxbVfuConn, 1);

	conn->fd = fd;
	conn->clock = clock;
	conn->ops = ops;
	conn->opaque = opaque;
	conn->patience = cxb_timer_new(clock, out_of_patience, conn);
	conn->in = g_malloc(IN_SIZE);
	conn->batch = g_malloc(OUT_BATCH);
	conn->fds = g_array_new(FALSE, FALSE, sizeof(int));
	conn->fds_at = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	g_queue_init(&conn->out);
	conn->source = g_source_new(&source_funcs, sizeof(Source));
	((Source *)conn->source)->conn = conn;
	/* Nobody runs the loop from within a message. Guarding against it, GLib would take the
	 * descriptor out and put it back around each dispatch. */
	g_source_set_can_recurse(conn->source, TRUE);
	conn->watched = G_IO_IN;
	conn->tag = g_source_add_unix_fd(conn->source, fd, conn->watched);
	g_source_attach(conn->source, context);
	return conn;
}

void cxb_vfu_conn_free(CxbVfuConn *conn)
{
	if (!conn)
		return;
	g_source_destroy(conn->source);
	g_source_unref(conn->source);
	cxb_timer_free(conn->patience);
	close_fds((int *)conn->fds->data, conn->fds->len);
	g_array_unref(conn->fds);
	g_array_unref(conn->fds_at);
	g_queue_clear_full(&conn->out, chunk_free);
	close(conn->fd);
	g_free(conn->closing);
	g_free(conn->batch);
	g_free(conn->in);
	g_free(conn);
}
