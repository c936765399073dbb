/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All or nothing: a life of capacity is lived again and again, and each time the next call that can fail
 * fails: an observer before or behind the event log, an allocation, holding a backing. The
 * step it belongs to must say so, leave everything as it was, and succeed when it is tried again.
 * Between the steps the device is reset.
 */
#include "dc_fixture.h"

#include "base/trace.h"
#include "cxl/dc_cmds.h"
#include "wire/dc.h"

static struct {
	unsigned left; /* until the one that fails; 0: none does */
	bool hit;
} point;

static bool fails_now(void)
{
	if (!point.left || --point.left)
		return false;
	return point.hit = true;
}

#define WRAP(name, params, ...)                                         \
	gpointer __real_##name params;                                  \
	gpointer __wrap_##name params;                                  \
	gpointer __wrap_##name params                                   \
	{                                                               \
		return fails_now() ? NULL : __real_##name(__VA_ARGS__); \
	}

WRAP(g_try_malloc_n, (gsize n, gsize size), n, size)
WRAP(g_try_realloc_n, (gpointer p, gsize n, gsize size), p, n, size)

typedef struct {
	FakePool *pool;
	FakeStatic mem;
	CxbDcBackingOps ops; /* of the fake backings, but holding may fail */
	CxbDc *dc;
	CxbCci *cci;
	CxbEvLogs *logs;
	CxbDcHead *head;
	bool is_static;
	unsigned tag; /* 0: none */
} Life;

static CxbDcPrepare may_refuse(void *opaque, const CxbDcOp *op, GError **errp)
{
	/* What may not be refused is not a point. */
	if (op->kind == CXB_DC_OP_RETURN || op->kind == CXB_DC_OP_FORCED_RELEASE ||
	    op->kind == CXB_DC_OP_REANNOUNCE || !fails_now())
		return CXB_DC_READY;
	cxb_fail(errp, CXB_ERROR_SYSTEM, "it was its turn");
	return CXB_DC_REFUSED;
}

static const CxbDcObserver observer = { .prepare = may_refuse };

static bool hold(CxbDcBacking *b, const char *holder, GError **errp)
{
	if (fails_now())
		return cxb_fail(errp, CXB_ERROR_SYSTEM, "it was its turn");
	return fake_hold(b, holder, errp);
}

static void begin(Life *l, bool is_static, unsigned tag)
{
	const CxbEvLogsConfig logs = { .size = { [CXB_LOG_DC] = 64 } };
	CxbDcConfig c;

	*l = (Life){ .pool = fake_pool_new(), .is_static = is_static, .tag = tag, .ops = fake_ops };
	l->ops.hold = hold;
	l->mem.backing.ops = &fake_static_ops;
	c = fake_config(l->pool);
	if (is_static)
		c.backing = &l->mem.backing;
	else
		fake_backing(l->pool, tag, 6 * FAKE_BLOCK)->backing.ops = &l->ops;
	l->dc = cxb_dc_new(&c, NULL);
	g_assert_nonnull(l->dc);
	cxb_dc_add_observer(l->dc, &observer, l);
	l->cci = cxb_cci_new(&(CxbCciConfig){ "cxl-vmem0", 256 });
	l->logs = cxb_evlogs_new(&logs);
	l->head = cxb_dc_head_new(l->dc, 0, l->cci, l->logs);
	cxb_dc_add_observer(l->dc, &observer, l);
}

static void end(Life *l)
{
	cxb_dc_head_free(l->head);
	cxb_dc_free(l->dc);
	cxb_cci_free(l->cci);
	cxb_evlogs_free(l->logs);
	fake_pool_free(l->pool);
}

/* Everything that shows from outside. */
static char *picture(Life *l)
{
	GString *s = g_string_new(NULL);
	FakeBacking *b =
		l->is_static ? NULL
			     : (FakeBacking *)fake_find(l->pool, (CxbUuid[]){ fake_tag(l->tag) });

	for (const CxbDcExtent *e = cxb_dc_next(l->dc, 0, 0); e;
	     e = cxb_dc_next(l->dc, 0, e->dpa + e->len))
		g_string_append_printf(s, "%" G_GINT64_MODIFIER "x+%" G_GINT64_MODIFIER "x %u %s\n",
				       e->dpa, e->len, e->seq, cxb_dc_state_name(e->state));
	for (size_t i = 0; i < cxb_dc_accepted_count(l->dc, 0); i++)
		g_string_append_printf(s, "%" G_GINT64_MODIFIER "x ",
				       cxb_dc_accepted_at(l->dc, 0, i)->dpa);
	g_string_append_printf(s, "groups %zu generation %u left %u %u records %zu",
			       cxb_dc_groups(l->dc, 0), cxb_dc_generation(l->dc, 0),
			       cxb_dc_extents_available(l->dc), cxb_dc_tags_available(l->dc),
			       cxb_evlogs_count(l->logs, CXB_LOG_DC));
	if (b)
		g_string_append_printf(s, " held %d mapped %d", b->holder != NULL, b->mapped);
	return g_string_free(s, FALSE);
}

/* --- steps --- */

static const FakeRange whole[] = { { 8, 3 }, { 2, 2 }, { 20, 1 } };
static const FakeRange some[] = { { 9, 1 }, { 20, 1 } }; /* parts, for what has no tag */

static bool add(Life *l)
{
	return fake_add(l->dc, l->tag, 0, G_N_ELEMENTS(whole), whole, NULL);
}

/* By the mailbox, one range a command. */
static bool list(Life *l, uint16_t opcode, size_t n, const FakeRange *r)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t buf[sizeof(struct wire_dc_update_in) +
			    sizeof(struct wire_dc_update_entry)] = { 0 };
		struct wire_dc_update_in *in = (void *)buf;
		CxbRd rd = { buf, sizeof(buf) };
		CxbWr wr = { 0 };

		in->count = le32_put(1);
		in->flags = i + 1 < n ? WIRE_DC_UPDATE_MORE : 0;
		in->entry[0].dpa = le64_put(FAKE_BASE + r[i].at * FAKE_BLOCK);
		in->entry[0].length = le64_put(r[i].n * FAKE_BLOCK);
		if (cxb_cci_run(l->cci, opcode, &rd, &wr, NULL, NULL) != CXB_RC_SUCCESS)
			return false;
	}
	return true;
}

static bool respond(Life *l)
{
	return list(l, 0x4802, G_N_ELEMENTS(whole), whole);
}

static bool respond_in_part(Life *l)
{
	return list(l, 0x4802, G_N_ELEMENTS(some), some);
}

static bool ask(Life *l, bool forced, size_t n, const FakeRange *r)
{
	CxbDcRange ranges[G_N_ELEMENTS(whole)];

	for (size_t i = 0; i < n; i++)
		ranges[i] = (CxbDcRange){ r[i].at * FAKE_BLOCK, r[i].n * FAKE_BLOCK };
	return cxb_dc_release(l->dc,
			      &(CxbDcReleaseReq){ .policy = CXB_DC_REMOVE_PRESCRIPTIVE,
						  .forced = forced,
						  .sanitize = true,
						  .n = n,
						  .ranges = ranges },
			      NULL);
}

static bool ask_back(Life *l)
{
	return ask(l, false, G_N_ELEMENTS(whole), whole);
}

static bool ask_back_in_part(Life *l)
{
	return ask(l, false, G_N_ELEMENTS(some), some);
}

static bool give_back(Life *l)
{
	return list(l, 0x4803, G_N_ELEMENTS(whole), whole);
}

static bool give_back_in_part(Life *l)
{
	return list(l, 0x4803, G_N_ELEMENTS(some), some);
}

static bool take(Life *l)
{
	return ask(l, true, G_N_ELEMENTS(whole), whole);
}

/* What pieces cut out of it left. */
static bool take_rest(Life *l)
{
	static const FakeRange rest[] = { { 8, 1 }, { 10, 1 }, { 2, 2 } };

	return ask(l, true, G_N_ELEMENTS(rest), rest);
}

typedef bool (*Step)(Life *l);

/* --- lives --- */

/* Live with the @nth point failing. Returns: whether there was one. */
static bool live(bool is_static, unsigned tag, const Step *steps, unsigned nth)
{
	Life l;

	begin(&l, is_static, tag);
	point.left = nth;
	point.hit = false;
	for (; *steps; steps++) {
		g_autofree char *before = picture(&l);
		const bool hit = point.hit;
		unsigned left;

		if (!(*steps)(&l)) {
			g_autofree char *after = picture(&l);

			g_assert_true(point.hit && !hit);
			g_assert_cmpstr(before, ==, after);
			g_assert_true((*steps)(&l));
		}
		left = point.left;
		point.left = 0; /* a reset may not fail */
		cxb_dc_head_reset(l.head);
		point.left = left;
	}
	g_assert_cmpuint(cxb_dc_extents_available(l.dc), ==, CXB_DC_MAX_EXTENTS);
	g_assert_cmpuint(cxb_dc_tags_available(l.dc), ==, CXB_DC_MAX_EXTENTS);
	point.left = 0;
	end(&l);
	return point.hit;
}

static void lives(bool is_static, unsigned tag, const Step *steps, unsigned least)
{
	unsigned n = 1;

	while (live(is_static, tag, steps, n))
		n++;
	g_test_message("%u points", n - 1);
	g_assert_cmpuint(n - 1, >=, least);
}

static const Step of_a_tag[] = { add,  respond, ask_back, give_back, add,
				 take, add,     respond,  take,      NULL };

static void a_tag_with_its_backing(void)
{
	lives(false, 1, of_a_tag, 20);
}

static void a_tag_on_static_backing(void)
{
	lives(true, 1, of_a_tag, 20);
}

static void no_tag_whole(void)
{
	lives(true, 0, of_a_tag, 20);
}

/* { 9, 1 } and { 20, 1 } are all that is accepted first; then pieces are cut out of what is whole. */
static void no_tag_in_parts(void)
{
	static const Step steps[] = { add,     respond_in_part,  give_back_in_part, add,
				      respond, ask_back_in_part, give_back_in_part, take_rest,
				      NULL };

	lives(true, 0, steps, 20);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cxl/dc-points/tag", a_tag_with_its_backing);
	g_test_add_func("/cxl/dc-points/static-tag", a_tag_on_static_backing);
	g_test_add_func("/cxl/dc-points/no-tag", no_tag_whole);
	g_test_add_func("/cxl/dc-points/parts", no_tag_in_parts);
	return g_test_run();
}
