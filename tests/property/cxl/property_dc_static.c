/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static capacity against a naive model: 100,000 random offers, answers, releases and requests, most
 * of them without a tag and of any parts, some refused by an observer, some without memory. The model
 * is a list of extents that it walks block by block; after each operation both must agree on the
 * answer, and on everything that can be looked at.
 *
 * G_TEST_RANDOM=N in the environment sets the seed, which is printed.
 */
#include "dc_fake.h"
#include "starve.h"

#include <stdlib.h>

#define BLOCKS      48 /* of region 0, the rest is never used */
#define TAGS        3  /* 1 to TAGS; 0 is none */
#define MAX_RANGES  4
#define MAX_EXTENTS 14
#define OPERATIONS  100000

typedef enum { OFFERED, ACCEPTED, RELEASING } State;

/* Extents without tag are cut; @group: the add that offered it. */
typedef struct {
	unsigned at, n, tag, group;
	State state;
	bool sanitize;
} X;

typedef struct {
	unsigned at, n;
} Range;

/* In order of acceptance; what is offered comes behind, in order of offering. */
typedef struct {
	X x[2 * MAX_EXTENTS + 4 * MAX_RANGES];
	unsigned n;
	unsigned groups[MAX_EXTENTS], n_groups; /* open offers, oldest first */
	unsigned last_group, generation;
	bool dirty[BLOCKS];
	FakeState state[BLOCKS];   /* of those to be sanitized */
	FakeSanitizing sanitizing; /* what becomes of it that begins now */
} Model;

typedef struct {
	GRand *rand;
	Model m;
	FakeStatic mem;
	CxbDc *dc;
	bool refuse, refused;
} World;

static unsigned pick(World *w, unsigned n)
{
	return g_rand_int_range(w->rand, 0, n);
}

/* --- the model --- */

static X *extent_at(Model *m, unsigned block)
{
	for (unsigned i = 0; i < m->n; i++)
		if (block >= m->x[i].at && block < m->x[i].at + m->x[i].n)
			return &m->x[i];
	return NULL;
}

static void insert(Model *m, unsigned at, X x)
{
	memmove(&m->x[at + 1], &m->x[at], (m->n - at) * sizeof(x));
	m->x[at] = x;
	m->n++;
}

static void drop(Model *m, unsigned at)
{
	m->n--;
	memmove(&m->x[at], &m->x[at + 1], (m->n - at) * sizeof(m->x[0]));
}

/* An extent begins at @block, if one is there. */
static bool split(Model *m, unsigned block)
{
	X *x = block < BLOCKS ? extent_at(m, block) : NULL;
	X right;

	if (!x || x->at == block)
		return false;
	right = *x;
	right.at = block;
	right.n = x->at + x->n - block;
	x->n -= right.n;
	insert(m, x - m->x + 1, right);
	return true;
}

static bool split_at(Model *m, const Range *r, unsigned n)
{
	bool any = false;

	for (unsigned i = 0; i < n; i++) {
		any |= split(m, r[i].at);
		any |= split(m, r[i].at + r[i].n);
	}
	return any;
}

static bool within(const Range *r, unsigned n, unsigned block)
{
	for (unsigned i = 0; i < n; i++)
		if (block >= r[i].at && block < r[i].at + r[i].n)
			return true;
	return false;
}

static bool overlapping(const Range *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < i; j++)
			if (r[i].at < r[j].at + r[j].n && r[j].at < r[i].at + r[i].n)
				return true;
	return false;
}

/* Whether the ranges take no extent with a tag apart. */
static bool cuts_a_tagged_one(const Model *m, const Range *r, unsigned n)
{
	for (unsigned i = 0; i < m->n; i++) {
		const X *x = &m->x[i];
		bool in_one = false;

		/* One range must have all of it. */
		for (unsigned j = 0; j < n; j++)
			in_one |= r[j].at <= x->at && r[j].at + r[j].n >= x->at + x->n;
		if (!x->tag || in_one)
			continue;
		for (unsigned b = x->at; b < x->at + x->n; b++)
			if (within(r, n, b))
				return true;
	}
	return false;
}

static bool group_open(const Model *m, unsigned group)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->x[i].state == OFFERED && m->x[i].group == group)
			return true;
	return false;
}

static void groups_tidy(Model *m)
{
	unsigned j = 0;

	for (unsigned i = 0; i < m->n_groups; i++)
		if (group_open(m, m->groups[i]))
			m->groups[j++] = m->groups[i];
	m->n_groups = j;
}

static void cleaned(Model *m, unsigned b, bool ok)
{
	m->state[b] = ok ? FAKE_CLEAN : FAKE_UNCLEAN;
	m->dirty[b] &= !ok;
}

static void clean_up(Model *m, unsigned b)
{
	m->state[b] = FAKE_CLEANING;
	if (m->sanitizing != FAKE_LATER)
		cleaned(m, b, m->sanitizing == FAKE_DONE);
}

static void end(Model *m, unsigned i, bool sanitize)
{
	for (unsigned b = m->x[i].at; b < m->x[i].at + m->x[i].n; b++)
		if (sanitize || m->x[i].sanitize)
			clean_up(m, b);
	drop(m, i);
}

/* Some sanitizing ends, one way or the other, and the dice fall for what begins next. */
static void sanitizing_goes_on(World *w)
{
	w->m.sanitizing = pick(w, 3) ? FAKE_DONE : pick(w, FAKE_LATER + 1);
	w->mem.sanitizing = w->m.sanitizing;
	for (unsigned b = 0; b < BLOCKS; b++)
		if (w->m.state[b] == FAKE_CLEANING && !pick(w, 8)) {
			const bool ok = pick(w, 3);

			fake_static_cleaned(&w->mem, b, ok);
			cleaned(&w->m, b, ok);
		}
}

/* All of a range can be had. What could not be zeroed is tried again. */
static bool to_be_had(Model *m, const Range *r)
{
	bool all = true;

	for (unsigned b = r->at; b < r->at + r->n; b++)
		all &= !extent_at(m, b);
	for (unsigned b = r->at; all && b < r->at + r->n; b++)
		if (m->state[b] == FAKE_UNCLEAN)
			clean_up(m, b);
	for (unsigned b = r->at; b < r->at + r->n; b++)
		all &= m->state[b] == FAKE_CLEAN;
	return all;
}

/* --- requests --- */

static CxbDcPrepare meddle(void *opaque, const CxbDcOp *op, GError **errp)
{
	World *w = opaque;

	if (!w->refuse || op->kind == CXB_DC_OP_RETURN || op->kind == CXB_DC_OP_FORCED_RELEASE)
		return CXB_DC_READY;
	w->refused = true;
	cxb_fail(errp, CXB_ERROR_INVALID, "as the dice fell");
	return CXB_DC_REFUSED;
}

static const CxbDcObserver meddler = { meddle, NULL, NULL };

/* Ranges, mostly of what satisfies @state and in parts; sometimes of anything. */
static unsigned some_ranges(World *w, Range *r, State from, State to)
{
	const unsigned want = 1 + pick(w, MAX_RANGES);
	unsigned n = 0;

	for (unsigned tries = 0; tries < 12 && n < want; tries++) {
		const X *x = extent_at(&w->m, pick(w, BLOCKS));

		if (!pick(w, 16)) {
			r[n].at = pick(w, BLOCKS - 6);
			r[n].n = 1 + pick(w, 6);
		} else if (x && x->state >= from && x->state <= to) {
			r[n] = (Range){ x->at, x->n };
			if (pick(w, 3) && (!x->tag || !pick(w, 6))) {
				r[n].at += pick(w, x->n);
				r[n].n = 1 + pick(w, x->at + x->n - r[n].at);
			} else if (!pick(w, 4) && r[n].at + r[n].n < BLOCKS) {
				r[n].n++; /* into what comes next */
			}
		} else {
			continue;
		}
		n += !overlapping(r, n + 1) || !pick(w, 8);
	}
	return n;
}

static CxbRc send(World *w, FakeUpdateFn fn, const Range *r, unsigned n)
{
	FakeRange blocks[MAX_RANGES];
	CxbRc rc;

	for (unsigned i = 0; i < n; i++)
		blocks[i] = (FakeRange){ r[i].at, r[i].n };
	starve.hit = false;
	starve.on = true;
	rc = fake_update_more(w->dc, fn, false, n, blocks);
	starve.on = false;
	return rc;
}

/* What memory and the dice make of an answer that the rules expect. */
static CxbRc fated(const World *w, CxbRc rc)
{
	if (starve.hit)
		return CXB_RC_RESOURCES;
	return rc == CXB_RC_SUCCESS && w->refused ? CXB_RC_INTERNAL_ERROR : rc;
}

static void do_add(World *w)
{
	const unsigned tag = pick(w, 3) ? 0 : 1 + pick(w, TAGS);
	Model *m = &w->m;
	FakeRange blocks[MAX_RANGES];
	Range r[MAX_RANGES];
	const unsigned n = 1 + pick(w, MAX_RANGES);
	bool want;

	for (unsigned i = 0; i < n; i++) {
		r[i].n = 1 + pick(w, 8);
		r[i].at = pick(w, BLOCKS + 1 - r[i].n);
		blocks[i] = (FakeRange){ r[i].at, r[i].n };
	}
	want = !overlapping(r, n);
	for (unsigned i = 0; i < n && want; i++)
		want = to_be_had(m, &r[i]);
	want &= m->n + n <= MAX_EXTENTS;
	for (unsigned i = 0; i < m->n; i++)
		want &= !tag || m->x[i].tag != tag;
	g_assert_cmpint(fake_add(w->dc, tag, 0, n, blocks, NULL), ==, want && !w->refused);
	if (!want || w->refused)
		return;
	m->groups[m->n_groups++] = ++m->last_group;
	for (unsigned i = 0; i < n; i++)
		m->x[m->n++] = (X){ r[i].at, r[i].n, tag, m->last_group, OFFERED, false };
}

static CxbRc response_expected(Model *m, const Range *r, unsigned n)
{
	const unsigned group = m->n_groups ? m->groups[0] : 0;
	unsigned others = 0, taken = 0;
	Model after = *m;

	if (!n)
		return CXB_RC_SUCCESS;
	if (!m->n_groups)
		return CXB_RC_INVALID_PA;
	for (unsigned i = 0; i < m->n; i++)
		others += m->x[i].state != OFFERED || m->x[i].group != group;
	if (n > MAX_EXTENTS - others)
		return CXB_RC_RESOURCES;
	if (overlapping(r, n))
		return CXB_RC_INVALID_EXTENTS;
	for (unsigned b = 0; b < BLOCKS; b++) {
		const X *x = extent_at(m, b);

		if (within(r, n, b) && (!x || x->state != OFFERED || x->group != group))
			return CXB_RC_INVALID_PA;
	}
	if (cuts_a_tagged_one(m, r, n))
		return CXB_RC_INVALID_PA;
	split_at(&after, r, n);
	for (unsigned i = 0; i < after.n; i++) {
		const X *x = &after.x[i];

		if (x->state != OFFERED || x->group != group)
			continue;
		if (within(r, n, x->at))
			taken++;
		else if (x->tag) /* a group has one tag */
			return CXB_RC_INVALID_PA;
	}
	return taken > MAX_EXTENTS - others ? CXB_RC_RESOURCES : CXB_RC_SUCCESS;
}

static void do_response(World *w)
{
	Model *m = &w->m;
	const unsigned group = m->n_groups ? m->groups[0] : 0;
	Range r[MAX_RANGES];
	unsigned n = pick(w, 8) ? some_ranges(w, r, OFFERED, OFFERED) : 0;
	const CxbRc want = response_expected(m, r, n);
	const CxbRc rc = send(w, cxb_dc_add_response, r, n);

	g_assert_cmpint(rc, ==, fated(w, want));
	if (rc != CXB_RC_SUCCESS || !group)
		return;
	split_at(m, r, n);
	/* In the list's order, a range's extents in order of address. */
	for (unsigned i = 0; i < n; i++)
		for (unsigned b = r[i].at; b < r[i].at + r[i].n;) {
			X x = *extent_at(m, b);
			unsigned accepted = 0;

			drop(m, extent_at(m, b) - m->x);
			x.state = ACCEPTED;
			while (accepted < m->n && m->x[accepted].state != OFFERED)
				accepted++;
			insert(m, accepted, x);
			b += x.n;
		}
	m->generation += n > 0;
	for (unsigned i = m->n; i--;)
		if (m->x[i].state == OFFERED && m->x[i].group == group)
			end(m, i, false);
	groups_tidy(m);
}

static void do_release(World *w)
{
	Model *m = &w->m, after = *m;
	Range r[MAX_RANGES];
	const unsigned n = some_ranges(w, r, ACCEPTED, RELEASING);
	CxbRc want = CXB_RC_SUCCESS, rc;
	unsigned gone = 0;

	for (unsigned b = 0; b < BLOCKS; b++) {
		const X *x = extent_at(m, b);

		if (within(r, n, b) && (!x || x->state == OFFERED))
			want = CXB_RC_INVALID_PA;
	}
	if (want == CXB_RC_SUCCESS && cuts_a_tagged_one(m, r, n))
		want = CXB_RC_INVALID_PA;
	if (overlapping(r, n))
		want = CXB_RC_INVALID_EXTENTS;
	if (!n)
		want = CXB_RC_INVALID_INPUT;
	split_at(&after, r, n);
	for (unsigned i = 0; i < after.n; i++)
		gone += within(r, n, after.x[i].at);
	if (want == CXB_RC_SUCCESS && after.n - gone > MAX_EXTENTS)
		want = CXB_RC_RESOURCES;
	rc = send(w, cxb_dc_host_release, r, n);
	g_assert_cmpint(rc, ==, fated(w, want));
	if (rc != CXB_RC_SUCCESS)
		return;
	*m = after;
	for (unsigned i = m->n; i--;)
		if (within(r, n, m->x[i].at))
			end(m, i, false);
	m->generation++;
}

static void do_ask(World *w)
{
	const bool forced = !pick(w, 3), sanitize = !pick(w, 3);
	Model *m = &w->m, after = *m;
	CxbDcRange ranges[MAX_RANGES];
	Range r[MAX_RANGES];
	const unsigned n = some_ranges(w, r, forced ? OFFERED : ACCEPTED, RELEASING);
	bool want = n > 0 && !overlapping(r, n), cut, listed = false, hit[TAGS + 1] = { false };
	unsigned gone = 0;

	for (unsigned i = 0; i < n; i++)
		ranges[i] = (CxbDcRange){ r[i].at * FAKE_BLOCK, r[i].n * FAKE_BLOCK };
	for (unsigned b = 0; b < BLOCKS; b++) {
		const X *x = extent_at(m, b);

		if (!within(r, n, b))
			continue;
		want &= x && (forced || x->state != OFFERED);
		if (x)
			hit[x->tag] = true;
	}
	want &= !cuts_a_tagged_one(m, r, n);
	cut = want && split_at(&after, r, n);
	for (unsigned i = 0; i < after.n; i++)
		gone += within(r, n, after.x[i].at);
	want &= !cut || after.n - (forced ? gone : 0) <= MAX_EXTENTS;
	g_assert_cmpint(cxb_dc_release(w->dc,
				       &(CxbDcReleaseReq){ .policy = CXB_DC_REMOVE_PRESCRIPTIVE,
							   .forced = forced,
							   .sanitize = sanitize,
							   .n = n,
							   .ranges = ranges },
				       NULL),
			==, want && !w->refused);
	if (!want || w->refused)
		return;
	*m = after;
	for (unsigned i = m->n; i--;) {
		X *x = &m->x[i];

		if (x->tag ? !hit[x->tag] : !within(r, n, x->at))
			continue;
		listed |= x->state != OFFERED;
		if (forced) {
			end(m, i, sanitize);
			continue;
		}
		x->state = RELEASING;
		x->sanitize |= sanitize;
	}
	m->generation += forced ? listed : cut;
	groups_tidy(m);
}

/* --- agreement --- */

static void extent_agrees(const X *x, const CxbDcExtent *e)
{
	static const CxbDcState states[] = { CXB_DC_OFFERED, CXB_DC_ACCEPTED, CXB_DC_RELEASING };
	const CxbUuid tag = x->tag ? fake_tag(x->tag) : (CxbUuid){ { 0 } };

	g_assert_nonnull(e);
	g_assert_cmphex(e->dpa, ==, FAKE_BASE + x->at * FAKE_BLOCK);
	g_assert_cmphex(e->len, ==, x->n * FAKE_BLOCK);
	g_assert_cmphex(e->backing_off, ==, x->at * FAKE_BLOCK);
	g_assert_cmpint(e->state, ==, states[x->state]);
	g_assert_true(cxb_uuid_equal(&e->tag, &tag));
}

static void agree(World *w)
{
	Model *m = &w->m;
	unsigned accepted = 0;

	g_assert_cmpuint(cxb_dc_extents_available(w->dc), ==, MAX_EXTENTS - m->n);
	g_assert_cmpuint(cxb_dc_groups(w->dc, 0), ==, m->n_groups);
	g_assert_cmpuint(cxb_dc_generation(w->dc, 0), ==, m->generation);
	for (unsigned i = 0; i < m->n; i++) {
		extent_agrees(&m->x[i], cxb_dc_find(w->dc, 0, FAKE_BASE + m->x[i].at * FAKE_BLOCK));
		if (m->x[i].state != OFFERED)
			extent_agrees(&m->x[i], cxb_dc_accepted_at(w->dc, 0, accepted++));
	}
	g_assert_cmpuint(cxb_dc_accepted_count(w->dc, 0), ==, accepted);
	for (unsigned b = 0; b < BLOCKS; b++) {
		if (!extent_at(m, b))
			g_assert_null(cxb_dc_find(w->dc, 0, FAKE_BASE + b * FAKE_BLOCK));
		g_assert_cmpint(w->mem.dirty[b], ==, m->dirty[b]);
		g_assert_cmpint(w->mem.state[b], ==, m->state[b]);
		/* Somebody writes to what is accepted. */
		if (extent_at(m, b) && extent_at(m, b)->state != OFFERED)
			w->mem.dirty[b] = m->dirty[b] = true;
	}
}

static void the_engine_agrees_with_a_naive_model(void)
{
	const char *env = g_getenv("G_TEST_RANDOM");
	const guint32 seed = env ? strtoul(env, NULL, 0) : (guint32)g_test_rand_int();
	const char *count = g_getenv("CXB_OPERATIONS");
	const unsigned operations = count ? strtoul(count, NULL, 0) : OPERATIONS;
	static void (*const acts[])(World *) = { do_add, do_response, do_release, do_ask };
	World w = { .rand = g_rand_new_with_seed(seed), .mem.backing.ops = &fake_static_ops };
	CxbDcConfig c = fake_config(NULL);
	unsigned cuts = 0;

	g_test_message("G_TEST_RANDOM=%u", seed);
	starve.rand = w.rand;
	c.backing = &w.mem.backing;
	c.find_backing = NULL;
	c.max_extents = MAX_EXTENTS;
	w.dc = cxb_dc_new(&c, NULL);
	g_assert_nonnull(w.dc);
	cxb_dc_add_observer(w.dc, &meddler, &w);
	for (unsigned i = 0; i < operations; i++) {
		const unsigned before = w.m.n;
		const unsigned what = pick(&w, G_N_ELEMENTS(acts));

		w.refuse = !pick(&w, 8);
		w.refused = false;
		sanitizing_goes_on(&w);
		acts[what](&w);
		cuts += what > 1 && w.m.n > before;
		agree(&w);
	}
	g_assert_cmpuint(w.m.generation, >, operations / 20);
	g_assert_cmpuint(cuts, >, operations / 250);
	g_test_message("%u operations; %u of %u allocations failed", operations, starve.failed,
		       starve.points);
	g_assert_cmpuint(starve.failed, >, operations / 200);
	cxb_dc_free(w.dc);
	g_rand_free(w.rand);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cxl/dc-static/the_engine_agrees_with_a_naive_model",
			the_engine_agrees_with_a_naive_model);
	return g_test_run();
}
