/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines in, lines out; a client that does not read its answers is not listened to meanwhile. What a command queued (a reset, an interrupt, a guest's next step) runs once
 * it has been answered and before the next one is looked at.
 */
#include "qtest_impl.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

/* --- log --- */

static void log_line(CxbQtest *q, char kind, const char *text, size_t len)
{
	if (!q->log)
		return;
	fprintf(q->log, "[%c +%.6f] ", kind,
		(double)(g_get_monotonic_time() - q->opened_us) / G_USEC_PER_SEC);
	fwrite(text, 1, len, q->log);
	fputc('\n', q->log);
	fflush(q->log);
}

void qtest_send(CxbQtest *q, const char *line, size_t len)
{
	cxb_chardev_write(q->chr, line, len);
	log_line(q, 'S', line, len - 1);
}

/* --- lines --- */

static void send_reply(CxbQtest *q)
{
	if (q->reply.len) {
		g_assert(q->reply.len < q->reply.cap);
		q->reply.p[q->reply.len] = '\n';
		qtest_send(q, q->reply.p, q->reply.len + 1);
	}
	buf_shrink(&q->reply);
	buf_shrink(&q->data);
	cxb_workq_drain(cxb_machine_workq(q->machine));
}

static void on_line(CxbQtest *q, const char *line, size_t len)
{
	if (len)
		log_line(q, 'R', line, len);
	/* What another door set off comes to rest first: an observer sees a settled machine. */
	cxb_workq_drain(cxb_machine_workq(q->machine));
	qtest_execute(q, line, len);
	send_reply(q);
}

/* A line that is too long is answered at once, then forgotten up to its end. */
static void refuse_line(CxbQtest *q, const char *why)
{
	buf_shrink(&q->line);
	q->skipping = true;
	reply_fail(q, why);
	send_reply(q);
}

static void keep_part(CxbQtest *q, const char *part, size_t len)
{
	if (q->skipping)
		return;
	if (len > QTEST_MAX_LINE - q->line.len) {
		refuse_line(q, "line is too long");
	} else if (!buf_reserve(&q->line, q->line.len + len)) {
		refuse_line(q, "out of memory");
	} else {
		memcpy(q->line.p + q->line.len, part, len);
		q->line.len += len;
	}
}

/* Line by line, as long as the client reads its answers; returns how many bytes that took. */
static size_t take_input(CxbQtest *q, const char *bytes, size_t len)
{
	const char *start = bytes, *end = bytes + len;

	while (bytes < end && cxb_chardev_has_peer(q->chr) && !cxb_chardev_congested(q->chr)) {
		const char *lf = memchr(bytes, '\n', end - bytes);
		const size_t n = (lf ? lf : end) - bytes;

		if (!lf || q->line.len || q->skipping)
			keep_part(q, bytes, n);
		if (!lf)
			return len;
		if (q->skipping)
			q->skipping = false;
		else if (q->line.len)
			on_line(q, q->line.p, q->line.len);
		else
			on_line(q, bytes, n);
		buf_shrink(&q->line);
		bytes = lf + 1;
	}
	return bytes - start;
}

/* Nothing is read while something waits, so this is at most what came at once. */
static void on_input(void *opaque, const char *bytes, size_t len)
{
	CxbQtest *q = opaque;
	const size_t taken = take_input(q, bytes, len);

	if (taken < len && cxb_chardev_has_peer(q->chr)) {
		g_byte_array_append(q->waiting, (const uint8_t *)bytes + taken, len - taken);
		cxb_chardev_pause(q->chr, true);
	}
}

static void on_drained(void *opaque)
{
	CxbQtest *q = opaque;
	g_autoptr(GByteArray) input = g_steal_pointer(&q->waiting);

	q->waiting = g_byte_array_new();
	cxb_chardev_pause(q->chr, false);
	on_input(q, (const char *)input->data, input->len);
}

/* --- the client --- */

static void forget_input(CxbQtest *q)
{
	buf_shrink(&q->line);
	q->skipping = false;
	g_byte_array_set_size(q->waiting, 0);
	cxb_chardev_pause(q->chr, false);
}

static void on_opened(void *opaque)
{
	CxbQtest *q = opaque;

	forget_input(q);
	qtest_irq_forget(q);
	q->opened_us = g_get_monotonic_time();
	log_line(q, 'I', "OPENED", 6);
}

static void on_closed(void *opaque)
{
	CxbQtest *q = opaque;

	forget_input(q);
	log_line(q, 'I', "CLOSED", 6);
}

static const CxbChardevFront front = { on_opened, on_input, on_closed, on_drained };

CxbQtest *cxb_qtest_new(CxbMachine *m, CxbChardev *chr, const char *log, GError **errp)
{
	g_autoptr(CxbQtest) q = g_new0(CxbQtest, 1);

	q->machine = m;
	q->waiting = g_byte_array_new();
	if (!buf_reserve(&q->line, 1) || !buf_reserve(&q->reply, 1) || !buf_reserve(&q->data, 1)) {
		cxb_fail(errp, CXB_ERROR_NO_ROOM, "out of memory");
		return NULL;
	}
	if (log && strcmp(log, "none") != 0) {
		q->log = fopen(log, "we");
		if (!q->log) {
			cxb_fail_errno(errp, errno, "Could not open '%s'", log);
			return NULL;
		}
	}
	qtest_irq_init(q);
	q->chr = chr;
	if (!cxb_chardev_attach(chr, &front, q, errp)) {
		q->chr = NULL;
		return NULL;
	}
	return g_steal_pointer(&q);
}

void cxb_qtest_free(CxbQtest *q)
{
	if (!q)
		return;
	if (q->irq_id)
		qtest_irq_fini(q);
	if (q->chr) {
		cxb_chardev_detach(q->chr);
		cxb_chardev_free(q->chr);
	}
	if (q->log)
		fclose(q->log);
	g_byte_array_unref(q->waiting);
	buf_free(&q->line);
	buf_free(&q->reply);
	buf_free(&q->data);
	g_free(q);
}
