/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The primary mailbox (8.2.8.4): one command outstanding, the rest wait in order. A device that
 * answers inside the doorbell write needs no timer; others are polled, ever more slowly, for 2 s.
 */
#include "base/range.h"
#include "priv.h"
#include "wire/rc.h"
#include "wire/regs.h"

#define MAX_CAPS     64
#define FIRST_POLL   (H_MS / 20)
#define SLOWEST_POLL (10 * H_MS)

struct HMboxCmd {
	HMboxDone done;
	void *opaque;
	uint16_t opcode;
	size_t len;
	uint8_t in[];
};

static void mbox_work(void *opaque);

bool cxb_h_mbox_setup(HMemdev *md)
{
	CxbHost *host = md->host;
	uint64_t base = md->func->dev, size = md->func->dev_size;
	unsigned count, exponent;
	uint64_t mbox_len = 0;

	if (size < WIRE_DEV_CAP_HDR_SIZE)
		return false;
	count = cxb_h_read64(host, base) >> 32 & 0xffff;
	count = MIN(count, MAX_CAPS);
	for (unsigned i = 1; i <= count && cxb_range_in(16 * i, 16, size); i++) {
		uint64_t at = base + WIRE_DEV_CAP_HDR_SIZE * i;
		unsigned id = cxb_h_read32(host, at) & 0xffff;
		uint32_t off = cxb_h_read32(host, at + 4), len = cxb_h_read32(host, at + 8);

		if (off % 8 || !cxb_range_in(off, len, size))
			continue;
		if (id == WIRE_DEV_CAP_STATUS && len >= WIRE_DEV_STATUS_SIZE)
			md->status = base + off;
		if (id == WIRE_DEV_CAP_MEMDEV && len >= WIRE_MEMDEV_SIZE)
			md->memdev_status = base + off;
		if (id == WIRE_DEV_CAP_MAILBOX && len >= WIRE_MBOX_PAYLOAD) {
			md->mbox = base + off;
			mbox_len = len;
		}
	}
	if (!md->status || !md->mbox || !md->memdev_status)
		return false;
	exponent = FIELD_GET(WIRE_MBOX_CAP_PAYLOAD, cxb_h_read32(host, md->mbox + WIRE_MBOX_CAP));
	if (exponent < 8)
		return false;
	md->payload = 1u << MIN(exponent, 20u);
	if (mbox_len < WIRE_MBOX_PAYLOAD + md->payload)
		return false;
	md->buf = g_try_malloc(md->payload);
	return md->buf;
}

static void drop_all(HMemdev *md)
{
	g_free(md->current);
	md->current = NULL;
	g_queue_clear_full(&md->commands, g_free);
}

void cxb_h_mbox_fini(HMemdev *md)
{
	drop_all(md);
	cxb_workq_cancel(md->host->config.workq, mbox_work, md);
	cxb_timer_free(md->timer);
	md->timer = NULL;
	g_free(md->buf);
	md->buf = NULL;
}

static void post_work(HMemdev *md)
{
	if (md->work_posted || md->current || g_queue_is_empty(&md->commands))
		return;
	md->work_posted = true;
	cxb_workq_post(md->host->config.workq, mbox_work, md);
}

static HMboxCmd *cmd_new(HMemdev *md, uint16_t opcode, const void *in, size_t len, HMboxDone done,
			 void *opaque)
{
	HMboxCmd *cmd = g_malloc(sizeof(*cmd) + len);

	g_assert(len <= md->payload);
	cmd->done = done;
	cmd->opaque = opaque;
	cmd->opcode = opcode;
	cmd->len = len;
	if (len)
		memcpy(cmd->in, in, len);
	return cmd;
}

void cxb_h_mbox(HMemdev *md, uint16_t opcode, const void *in, size_t len, HMboxDone done,
		void *opaque)
{
	g_queue_push_tail(&md->commands, cmd_new(md, opcode, in, len, done, opaque));
	post_work(md);
}

void cxb_h_mbox_next(HMemdev *md, uint16_t opcode, const void *in, size_t len, HMboxDone done,
		     void *opaque)
{
	g_queue_push_head(&md->commands, cmd_new(md, opcode, in, len, done, opaque));
	post_work(md);
}

static void finish(HMemdev *md, int rc)
{
	HMboxCmd *cmd = g_steal_pointer(&md->current);
	HReply reply = { .rc = rc, .out = md->buf };
	uint64_t len;

	if (rc == CXB_RC_SUCCESS) {
		len = FIELD_GET(WIRE_MBOX_CMD_LEN,
				cxb_h_read64(md->host, md->mbox + WIRE_MBOX_CMD));
		reply.len = MIN(len, md->payload);
		if (reply.len)
			cxb_h_read(md->host, md->mbox + WIRE_MBOX_PAYLOAD, md->buf, reply.len);
	}
	cmd->done(md, cmd->opaque, &reply);
	g_free(cmd);
	post_work(md);
}

static bool doorbell(HMemdev *md)
{
	return cxb_h_read32(md->host, md->mbox + WIRE_MBOX_CTRL) & WIRE_MBOX_CTRL_DOORBELL;
}

static void ring(HMemdev *md)
{
	const HMboxCmd *cmd = md->current;
	CxbHost *host = md->host;

	cxb_h_write64(host, md->mbox + WIRE_MBOX_CMD,
		      cmd->opcode | FIELD_PREP(WIRE_MBOX_CMD_LEN, cmd->len));
	if (cmd->len)
		cxb_h_write(host, md->mbox + WIRE_MBOX_PAYLOAD, cmd->in, cmd->len);
	cxb_h_write32(host, md->mbox + WIRE_MBOX_CTRL, WIRE_MBOX_CTRL_DOORBELL);
	md->rung = true;
}

/* Both waits, for a free doorbell and for the answer, are here. */
static void advance(HMemdev *md)
{
	int64_t now = cxb_h_now(md->host);

	if (!doorbell(md)) {
		if (!md->rung) {
			ring(md);
			md->deadline = now + H_MBOX_TIMEOUT_NS;
			md->backoff = FIRST_POLL;
		}
		if (!doorbell(md)) {
			finish(md, FIELD_GET(WIRE_MBOX_STATUS_RC,
					     cxb_h_read64(md->host, md->mbox + WIRE_MBOX_STATUS)));
			return;
		}
	}
	if (now >= md->deadline) {
		cxb_h_say_md(md, "command %04xh: no answer within 2 s", md->current->opcode);
		finish(md, -1);
		return;
	}
	cxb_timer_arm(md->timer, MIN(now + md->backoff, md->deadline));
	md->backoff = MIN(md->backoff * 2, SLOWEST_POLL);
}

static void mbox_timer(void *opaque)
{
	HMemdev *md = opaque;

	if (md->current)
		advance(md);
}

static void mbox_work(void *opaque)
{
	HMemdev *md = opaque;

	md->work_posted = false;
	if (md->failed) {
		drop_all(md);
		return;
	}
	if (md->current || !(md->current = g_queue_pop_head(&md->commands)))
		return;
	if (!md->timer)
		md->timer = cxb_timer_new(md->host->config.clock, mbox_timer, md);
	md->rung = false;
	md->deadline = cxb_h_now(md->host) + H_MBOX_TIMEOUT_NS;
	md->backoff = FIRST_POLL;
	advance(md);
}

const char *cxb_h_reply_text(const HReply *reply)
{
	return reply->rc < 0 ? "no answer" : cxb_rc_text(reply->rc);
}
