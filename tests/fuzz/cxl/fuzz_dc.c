/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to operations on dynamic capacity, from both sides: requests of an orchestrator, and a
 * hostile host's raw payloads for 4800h-4803h, 0100h and 0101h. The top bit of the first operation
 * makes the capacity static, where half of what is added has no tag. After each operation what must
 * always hold is checked, and at the end that nothing is stuck.
 */
#include "fuzz.h"

#include "cxl/dc_cmds.h"
#include "dc_fake.h"

#define TAGS     8
#define LOG_SIZE 12
#define STATIC   0x80

typedef struct {
	FakePool *pool;
	FakeBacking *backing[TAGS];
	FakeStatic mem;
	bool is_static;
	CxbDc *dc;
	CxbCci *cci;
	CxbEvLogs *logs;
	CxbDcHead *head;
	bool refuse, wait, waiting;
	CxbRd in;
} World;

static unsigned byte(World *w)
{
	const uint8_t *b = cxb_rd_take(&w->in, 1);

	return b ? *b : 0;
}

static CxbDcPrepare meddle(void *opaque, const CxbDcOp *op, GError **errp)
{
	World *w = opaque;

	if (w->refuse) {
		w->refuse = false;
		cxb_fail(errp, CXB_ERROR_INVALID, "refused");
		return CXB_DC_REFUSED;
	}
	if (w->wait && (op->kind == CXB_DC_OP_ACCEPT || op->kind == CXB_DC_OP_RELEASE)) {
		w->wait = false;
		w->waiting = true;
		return CXB_DC_WAIT;
	}
	return CXB_DC_READY;
}

static const CxbDcObserver meddler = { meddle, NULL, NULL };

static void begin(World *w)
{
	const CxbEvLogsConfig logs = { .size = { 1, 1, 1, 1, LOG_SIZE } };
	CxbDcConfig c;

	w->pool = fake_pool_new();
	c = fake_config(w->pool);
	c.max_extents = 20;
	c.max_tags = TAGS - 1;
	for (unsigned i = 0; i < TAGS; i++)
		w->backing[i] = fake_backing(w->pool, i, (1 + i % 4) * FAKE_BLOCK);
	if (w->is_static) {
		w->mem.backing.ops = &fake_static_ops;
		c.backing = &w->mem.backing;
		c.find_backing = NULL;
	}
	w->dc = cxb_dc_new(&c, NULL);
	w->cci = cxb_cci_new(&(CxbCciConfig){ "fuzz", 512 });
	w->logs = cxb_evlogs_new(&logs);
	cxb_evlogs_add_commands(w->logs, w->cci);
	w->head = cxb_dc_head_new(w->dc, 0, w->cci, w->logs);
	cxb_dc_add_observer(w->dc, &meddler, w);
}

static void end(World *w)
{
	cxb_dc_head_free(w->head);
	cxb_dc_free(w->dc);
	cxb_cci_free(w->cci);
	cxb_evlogs_free(w->logs);
	for (unsigned i = 0; i < TAGS; i++)
		g_assert_true(!w->backing[i]->holder && !w->backing[i]->mapped);
	fake_pool_free(w->pool);
}

static size_t ranges(World *w, CxbDcRange r[4])
{
	const size_t n = byte(w) % 5;

	for (size_t i = 0; i < n; i++) {
		r[i].offset = byte(w) % 130 * FAKE_BLOCK;
		r[i].len = byte(w) % 6 * FAKE_BLOCK;
	}
	return n;
}

/* What a refused operation may not change. */
typedef struct {
	uint32_t extents, tags, generation;
	size_t groups;
} State;

static State state(const World *w)
{
	return (State){ cxb_dc_extents_available(w->dc), cxb_dc_tags_available(w->dc),
			cxb_dc_generation(w->dc, 0), cxb_dc_groups(w->dc, 0) };
}

static void same_state(const World *w, const State *was)
{
	const State now = state(w);

	g_assert_cmpuint(now.extents, ==, was->extents);
	g_assert_cmpuint(now.tags, ==, was->tags);
	g_assert_cmpuint(now.generation, ==, was->generation);
	g_assert_cmpuint(now.groups, ==, was->groups);
}

static void add(World *w)
{
	const unsigned how = byte(w);
	const State was = state(w);
	CxbDcRange r[4];
	CxbDcAddReq req = { .host_id = how & 0x40 ? 1 : 0,
			    .policy = how & 0x80 ? how % 4 : CXB_DC_SELECT_PRESCRIPTIVE,
			    .region = how >> 4 & 3,
			    .tag = fake_tag(how % 16),
			    .ranges = r };

	if (w->is_static && how & 8)
		req.tag = (CxbUuid){ { 0 } };
	req.n = ranges(w, r);
	if (!cxb_dc_add(w->dc, &req, NULL))
		same_state(w, &was);
	else
		g_assert_true(how % 16 < TAGS || w->is_static);
}

static void ask(World *w)
{
	const unsigned how = byte(w), tag = byte(w);
	const State was = state(w);
	CxbDcRange r[4];
	CxbDcReleaseReq req = { .policy = how & 1,
				.forced = how & 2,
				.sanitize = how & 4,
				.region = how >> 3 & 1,
				.ranges = r };

	if (tag & 0x80)
		req.tag = fake_tag(tag % 16);
	req.n = ranges(w, r);
	if (!cxb_dc_release(w->dc, &req, NULL))
		same_state(w, &was);
}

/* An extent as it is, or one without a tag cut at either end. */
static void put_range(World *w, uint8_t *to, const CxbDcExtent *e)
{
	uint64_t dpa = e ? e->dpa : 0, len = e ? e->len : 0;

	if (e && cxb_uuid_is_null(&e->tag)) {
		const unsigned b = byte(w);
		const uint64_t below = (b & 3) * FAKE_BLOCK, above = (b >> 2 & 3) * FAKE_BLOCK;

		if (below + above < len) {
			dpa += below;
			len -= below + above;
		}
	}
	le_store(to, 8, dpa);
	le_store(to + 8, 8, len);
}

/* A payload that is half likely: entries are extents of the device, or raw bytes. */
static void command(World *w)
{
	static const uint16_t opcodes[] = { 0x4800, 0x4801, 0x4802, 0x4803,
					    0x4802, 0x4803, 0x0100, 0x0101 };
	const unsigned how = byte(w), raw = byte(w);
	const uint16_t opcode = opcodes[how % 8];
	const State was = state(w);
	uint8_t in[512] = { 0 }, out[512];
	size_t len = 0;
	CxbWr wr = { out, 0, sizeof(out) };
	CxbRd rd;
	CxbRc rc;

	if (opcode >= 0x4802 && how & 0x80) {
		const CxbDcExtent *e = NULL;
		const unsigned n = raw % 8;

		for (unsigned i = 0; i < n; i++) {
			e = cxb_dc_next(w->dc, 0, e && byte(w) % 8 ? e->dpa + 1 : 0);
			put_range(w, in + 8 + 0x18 * i, e);
		}
		in[0] = n;
		in[4] = raw >> 7;
		len = 8 + 0x18 * n;
	} else {
		len = raw * 2;
		for (size_t i = 0; i < len; i++)
			in[i] = byte(w);
	}
	rd = (CxbRd){ in, len };
	rc = cxb_cci_run(w->cci, opcode, &rd, &wr, NULL, NULL);
	g_assert_true(rc == CXB_RC_LATER || rc <= CXB_RC_ABORT_UNSUPPORTED);
	g_assert_true(rc == CXB_RC_SUCCESS || !wr.len);
	g_assert_cmpuint(wr.len, <=, sizeof(out));
	if (rc != CXB_RC_SUCCESS && rc != CXB_RC_LATER)
		same_state(w, &was);
}

static void clear_records(World *w, size_t wanted)
{
	const size_t n = MIN(wanted, cxb_evlogs_count(w->logs, CXB_LOG_DC));
	uint8_t in[6 + 2 * 4] = { CXB_LOG_DC, 0, n }, out[16];
	CxbRd rd = { in, 6 + 2 * n };
	CxbWr wr = { out, 0, sizeof(out) };

	for (size_t i = 0; i < n; i++)
		memcpy(in + 6 + 2 * i, cxb_evlogs_peek(w->logs, CXB_LOG_DC, i)->hdr.handle.b, 2);
	cxb_cci_run(w->cci, 0x0101, &rd, &wr, NULL, NULL);
}

static void go_on(World *w, bool fail)
{
	if (!w->waiting)
		return;
	w->waiting = false;
	cxb_dc_prepared(w->dc, fail ? g_error_new(CXB_ERROR, CXB_ERROR_NO_ROOM, "late") : NULL);
}

/* --- what always holds --- */

static void backing_holds(const World *w, const CxbDcExtent *e)
{
	const unsigned t = e->tag.b[15];

	if (w->is_static) {
		g_assert_true(e->backing == &w->mem.backing);
		g_assert_cmphex(e->backing_off, ==, e->dpa - FAKE_BASE);
		return;
	}
	g_assert_true(e->backing == &w->backing[t]->backing);
	g_assert_true(e->backing_off + e->len <= w->backing[t]->size);
}

static void backings_hold(const World *w, const bool *live, const bool *mapped, const uint64_t *sum)
{
	for (unsigned t = 0; t < TAGS; t++) {
		const FakeBacking *b = w->backing[t];

		g_assert_true(!b->holder == (w->is_static || !live[t]));
		g_assert_true(b->mapped == (!w->is_static && mapped[t]));
		g_assert_true(w->is_static || sum[t] <= b->size);
	}
}

static void extents_hold(World *w)
{
	const CxbDcConfig *c = cxb_dc_config(w->dc);
	bool live[TAGS] = { false }, mapped[TAGS] = { false };
	uint64_t sum[TAGS] = { 0 };
	size_t n = 0, accepted = 0, tags = 0;
	uint64_t above = 0;

	for (const CxbDcExtent *e = cxb_dc_next(w->dc, 0, 0); e;
	     e = cxb_dc_next(w->dc, 0, e->dpa + 1)) {
		const CxbDcRegion *r = &c->regions[e->region];
		const unsigned t = e->tag.b[15];

		g_assert_cmphex(e->dpa, >=, above);
		above = e->dpa + e->len;
		g_assert_true(e->dpa >= r->base && above <= r->base + r->len);
		g_assert_cmpuint(e->len % FAKE_BLOCK, ==, 0);
		g_assert_cmpuint(t, <, TAGS);
		backing_holds(w, e);
		accepted += e->state != CXB_DC_OFFERED;
		n++;
		if (cxb_uuid_is_null(&e->tag)) {
			g_assert_true(w->is_static);
			continue;
		}
		live[t] = true;
		mapped[t] |= e->state != CXB_DC_OFFERED;
		sum[t] += e->len;
	}
	for (unsigned t = 0; t < TAGS; t++)
		tags += live[t];
	backings_hold(w, live, mapped, sum);
	g_assert_cmpuint(cxb_dc_extents_available(w->dc), ==,
			 c->max_extents - MIN(n, c->max_extents));
	g_assert_true(n <= c->max_extents || w->waiting);
	g_assert_cmpuint(cxb_dc_tags_available(w->dc), ==, c->max_tags - tags);
	g_assert_cmpuint(cxb_dc_accepted_count(w->dc, 0), ==, accepted);
	for (size_t i = 0; i < accepted; i++) {
		const CxbDcExtent *e = cxb_dc_accepted_at(w->dc, 0, i);

		g_assert_true(e == cxb_dc_find(w->dc, 0, e->dpa));
	}
}

/* A host never waits for the end of a group: the last record of the log has no More. */
static void log_holds(World *w)
{
	const size_t n = cxb_evlogs_count(w->logs, CXB_LOG_DC);

	g_assert_cmpuint(n, <=, LOG_SIZE);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *r = (const uint8_t *)cxb_evlogs_peek(w->logs, CXB_LOG_DC, i);

		g_assert_cmpuint(r[0x30], <=, 2);
		g_assert_true(r[0x48] == 0x5b || w->is_static); /* of every tag */
		g_assert_true(i + 1 < n || !(r[0x35] & 1));
	}
}

/* What is being sanitized has ended. */
static void cleaned(World *w, bool ok)
{
	for (unsigned b = 0; b < FAKE_STATIC_BLOCKS; b++)
		if (w->mem.state[b] == FAKE_CLEANING)
			fake_static_cleaned(&w->mem, b, ok);
}

/* Once the host has read all records, and gives up all capacity, there is room for more. */
static void nothing_is_stuck(World *w)
{
	const CxbDcRange range = { 0, FAKE_BLOCK };
	CxbDcAddReq req = { .policy = CXB_DC_SELECT_PRESCRIPTIVE, .n = 1, .ranges = &range };
	const CxbDcExtent *e;

	w->in.left = 0; /* no more surprises */
	go_on(w, false);
	w->refuse = w->wait = false;
	w->mem.sanitizing = FAKE_DONE;
	cleaned(w, true);
	go_on(w, false);
	while ((e = cxb_dc_next(w->dc, 0, 0))) {
		const uint64_t base = cxb_dc_config(w->dc)->regions[e->region].base;
		const CxbDcRange whole = { e->dpa - base, e->len };
		const CxbDcReleaseReq force = { .policy = CXB_DC_REMOVE_PRESCRIPTIVE,
						.forced = true,
						.region = e->region,
						.n = 1,
						.ranges = &whole };

		g_assert_true(cxb_dc_release(w->dc, &force, NULL));
	}
	while (cxb_evlogs_count(w->logs, CXB_LOG_DC))
		clear_records(w, 1);
	if (!w->is_static)
		req.tag = fake_tag(0); /* one block */
	g_assert_true(cxb_dc_add(w->dc, &req, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	World w = { .in = { data, size }, .is_static = size && data[0] & STATIC };

	begin(&w);
	while (w.in.left) {
		switch (byte(&w) % 10) {
		case 0:
		case 1:
			add(&w);
			break;
		case 2:
			ask(&w);
			break;
		case 3:
		case 4:
		case 5:
			command(&w);
			break;
		case 6:
			clear_records(&w, byte(&w) % 4);
			break;
		case 7:
			w.refuse = true;
			w.mem.sanitizing = (w.mem.sanitizing + 1) % (FAKE_LATER + 1);
			break;
		case 8:
			w.wait = true;
			cleaned(&w, !w.refuse);
			go_on(&w, byte(&w) & 1);
			break;
		case 9:
			if (byte(&w) & 1)
				cxb_cci_reset(w.cci, CXB_RESET_HOT);
			cxb_dc_head_reset(w.head);
			break;
		}
		extents_hold(&w);
		log_holds(&w);
	}
	nothing_is_stuck(&w);
	end(&w);
	return 0;
}
