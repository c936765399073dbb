/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dynamic-capacity engine against a naive model of its rules: 100,000 random operations, some
 * refused by an observer, some taking time, some interrupted by a reset, some without memory. The
 * model walks lists and knows nothing of groups, maps or phases; after each operation both must
 * agree on the answer, and on everything that can be looked at.
 *
 * G_TEST_RANDOM=N in the environment sets the seed, which is printed.
 */
#include "dc_fake.h"
#include "starve.h"

#include <stdlib.h>

#define TAGS        14  /* the last one has no backing */
#define BLOCKS      128 /* of a region; block numbers below count through both regions */
#define MAX_RANGES  6
#define MAX_EXTENTS 24
#define MAX_TAGS    9
#define OPERATIONS  100000

/* --- the model --- */

typedef enum { GONE, OFFERED, ACCEPTED, RELEASING } State;

typedef struct {
	unsigned at, n, off, seq;
	bool live;
} MExtent;

typedef struct {
	State state;
	MExtent x[MAX_RANGES];
	unsigned n;
	unsigned region, size;
	unsigned request; /* number of the request that asked it back */
	bool sanitize;
	FakeState bytes; /* in the hands of nobody */
	unsigned sanitized, released;
} MTag;

typedef struct {
	unsigned at, n;
} Range; /* blocks */

typedef struct {
	MTag tag[TAGS];
	unsigned offers[TAGS], n_offers;
	MExtent *accepted[MAX_EXTENTS];
	unsigned n_accepted;
	unsigned generation, requests;
	FakeSanitizing sanitizing; /* what becomes of it that begins now */
} Model;

/* How the next operation that reaches the observer fares there. */
typedef enum { PLAIN, REFUSE, WAIT_READY, WAIT_REFUSE, FATES } Fate;

typedef struct {
	GRand *rand;
	Model m;
	FakePool *pool;
	FakeBacking *backing[TAGS];
	CxbDc *dc;
	Fate fate;
	bool waiting, fate_used;
	int prepared;       /* prepares without abort or commit */
	unsigned announced; /* groups, by each of two counters */
	CxbRc done;
	unsigned n_done;
	unsigned again; /* adds refused while sanitizing went on */
} World;

static unsigned pick(World *w, unsigned n)
{
	return g_rand_int_range(w->rand, 0, n);
}

static unsigned tag_of(const Model *m, const MExtent *x)
{
	for (unsigned t = 0; t < TAGS; t++)
		if (x >= m->tag[t].x && x < m->tag[t].x + MAX_RANGES)
			return t;
	g_assert_not_reached();
}

static MExtent *extent_at(Model *m, unsigned block)
{
	for (unsigned t = 0; t < TAGS; t++)
		for (unsigned i = 0; i < m->tag[t].n; i++) {
			MExtent *x = &m->tag[t].x[i];

			if (x->live && block >= x->at && block < x->at + x->n)
				return x;
		}
	return NULL;
}

static unsigned live_extents(const MTag *t)
{
	unsigned n = 0;

	for (unsigned i = 0; i < t->n; i++)
		n += t->x[i].live;
	return n;
}

static unsigned all_extents(const Model *m)
{
	unsigned n = 0;

	for (unsigned t = 0; t < TAGS; t++)
		n += live_extents(&m->tag[t]);
	return n;
}

static unsigned all_tags(const Model *m)
{
	unsigned n = 0;

	for (unsigned t = 0; t < TAGS; t++)
		n += m->tag[t].state != GONE;
	return n;
}

static bool overlap(const Range *a, const Range *b)
{
	return a->at < b->at + b->n && b->at < a->at + a->n;
}

static bool overlaps(const Range *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < i; j++)
			if (overlap(&r[i], &r[j]))
				return true;
	return false;
}

/* The extents that a range names whole; 0 if it does not. */
static unsigned named_by(Model *m, const Range *r, MExtent **out)
{
	unsigned n = 0;

	for (unsigned b = r->at; b < r->at + r->n;) {
		MExtent *x = extent_at(m, b);

		if (!x || x->at != b || b + x->n > r->at + r->n)
			return 0;
		out[n++] = x;
		b += x->n;
	}
	return n;
}

static void cleaned(MTag *t, bool ok)
{
	t->bytes = ok ? FAKE_CLEAN : FAKE_UNCLEAN;
	t->sanitized += ok;
}

static void clean_up(const Model *m, MTag *t)
{
	t->bytes = FAKE_CLEANING;
	if (m->sanitizing != FAKE_LATER)
		cleaned(t, m->sanitizing == FAKE_DONE);
}

static void extent_end(Model *m, MExtent *x, bool sanitize)
{
	MTag *t = &m->tag[tag_of(m, x)];
	unsigned j = 0;

	t->sanitize |= sanitize;
	x->live = false;
	for (unsigned i = 0; i < m->n_accepted; i++)
		if (m->accepted[i] != x)
			m->accepted[j++] = m->accepted[i];
	m->n_accepted = j;
	if (live_extents(t))
		return;
	if (t->sanitize)
		clean_up(m, t);
	t->released++;
	t->sanitize = false;
	t->state = GONE;
}

static void offer_end(Model *m, unsigned tag)
{
	unsigned j = 0;

	for (unsigned i = 0; i < m->n_offers; i++)
		if (m->offers[i] != tag)
			m->offers[j++] = m->offers[i];
	m->n_offers = j;
}

/* --- the observer --- */

static bool may_refuse(CxbDcOpKind k)
{
	return k == CXB_DC_OP_OFFER || k == CXB_DC_OP_ACCEPT || k == CXB_DC_OP_REQUEST_RELEASE ||
	       k == CXB_DC_OP_RELEASE;
}

static bool may_wait(CxbDcOpKind k)
{
	return k == CXB_DC_OP_ACCEPT || k == CXB_DC_OP_RELEASE;
}

static CxbDcPrepare meddle(void *opaque, const CxbDcOp *op, GError **errp)
{
	World *w = opaque;

	if (w->fate == REFUSE && may_refuse(op->kind)) {
		w->fate_used = true;
		cxb_fail(errp, CXB_ERROR_INVALID, "as the dice fell");
		return CXB_DC_REFUSED;
	}
	if ((w->fate == WAIT_READY || w->fate == WAIT_REFUSE) && may_wait(op->kind)) {
		w->fate_used = w->waiting = true;
		return CXB_DC_WAIT;
	}
	return CXB_DC_READY;
}

static const CxbDcObserver meddler = { meddle, NULL, NULL };

static CxbDcPrepare count_prepare(void *opaque, const CxbDcOp *op, GError **errp)
{
	((World *)opaque)->prepared++;
	return CXB_DC_READY;
}

static void count_abort(void *opaque, const CxbDcOp *op)
{
	((World *)opaque)->prepared--;
}

static void count_commit(void *opaque, const CxbDcOp *op)
{
	World *w = opaque;

	w->prepared--;
	w->announced += op->kind == CXB_DC_OP_REANNOUNCE;
}

static const CxbDcObserver counter = { count_prepare, count_abort, count_commit };

static void command_done(void *opaque, CxbRc rc)
{
	World *w = opaque;

	w->done = rc;
	w->n_done++;
}

/* --- agreement --- */

static uint64_t dpa_of(unsigned block)
{
	return FAKE_BASE + block * FAKE_BLOCK;
}

static void extent_agrees(const World *w, const MExtent *x, const CxbDcExtent *e)
{
	static const CxbDcState states[] = { [OFFERED] = CXB_DC_OFFERED,
					     [ACCEPTED] = CXB_DC_ACCEPTED,
					     [RELEASING] = CXB_DC_RELEASING };
	const unsigned t = tag_of(&w->m, x);
	const CxbUuid tag = fake_tag(t);

	g_assert_nonnull(e);
	g_assert_cmphex(e->dpa, ==, dpa_of(x->at));
	g_assert_cmphex(e->len, ==, x->n * FAKE_BLOCK);
	g_assert_cmpuint(e->seq, ==, x->seq);
	g_assert_cmphex(e->backing_off, ==, x->off * FAKE_BLOCK);
	g_assert_true(cxb_uuid_equal(&e->tag, &tag));
	g_assert_cmpint(e->state, ==, states[w->m.tag[t].state]);
	g_assert_true(e->backing == &w->backing[t]->backing);
}

static unsigned groups_open(const Model *m)
{
	unsigned n = m->n_offers;

	for (unsigned t = 0; t < TAGS; t++) {
		bool first = m->tag[t].state == RELEASING;

		for (unsigned u = 0; u < t; u++)
			if (m->tag[u].state == RELEASING && m->tag[u].request == m->tag[t].request)
				first = false;
		n += first;
	}
	return n;
}

static void tags_agree(World *w)
{
	static const CxbDcStatus statuses[] = { [GONE] = CXB_DC_STATUS_NOT_FOUND,
						[OFFERED] = CXB_DC_STATUS_PENDING,
						[ACCEPTED] = CXB_DC_STATUS_COMMITTED,
						[RELEASING] = CXB_DC_STATUS_RELEASING };

	for (unsigned i = 0; i < TAGS - 1; i++) {
		const MTag *t = &w->m.tag[i];
		const CxbUuid tag = fake_tag(i);
		CxbDcStatus status;
		size_t n;

		g_assert_true(cxb_dc_status(w->dc, 0, t->region, &tag, &status, &n, NULL, NULL));
		g_assert_cmpint(status, ==, statuses[t->state]);
		g_assert_cmpuint(n, ==, live_extents(t));
		g_assert_cmpint(w->backing[i]->holder != NULL, ==,
				t->state != GONE || t->bytes != FAKE_CLEAN);
		g_assert_cmpint(w->backing[i]->state, ==, t->bytes);
		g_assert_cmpint(w->backing[i]->mapped, ==,
				t->state == ACCEPTED || t->state == RELEASING);
		g_assert_cmpuint(w->backing[i]->sanitized, ==, t->sanitized);
	}
}

static void agree(World *w)
{
	const CxbDcExtent *e = cxb_dc_next(w->dc, 0, 0);

	g_assert_cmpint(w->prepared, ==, 0);
	g_assert_cmpuint(cxb_dc_extents_available(w->dc), ==, MAX_EXTENTS - all_extents(&w->m));
	g_assert_cmpuint(cxb_dc_tags_available(w->dc), ==, MAX_TAGS - all_tags(&w->m));
	g_assert_cmpuint(cxb_dc_groups(w->dc, 0), ==, w->m.n_offers);
	g_assert_cmpuint(cxb_dc_generation(w->dc, 0), ==, w->m.generation);
	g_assert_cmpuint(cxb_dc_accepted_count(w->dc, 0), ==, w->m.n_accepted);
	for (unsigned i = 0; i < w->m.n_accepted; i++)
		extent_agrees(w, w->m.accepted[i], cxb_dc_accepted_at(w->dc, 0, i));
	for (unsigned b = 0; b < 2 * BLOCKS; b++) {
		const MExtent *x = extent_at(&w->m, b);

		if (!x) {
			g_assert_null(cxb_dc_find(w->dc, 0, dpa_of(b)));
			continue;
		}
		g_assert_true(e == cxb_dc_find(w->dc, 0, dpa_of(b)));
		extent_agrees(w, x, e);
		if (b + 1 == x->at + x->n)
			e = cxb_dc_next(w->dc, 0, e->dpa + 1);
	}
	g_assert_null(e);
	tags_agree(w);
}

/* --- operations --- */

static unsigned some_ranges(World *w, Range *r, unsigned limit)
{
	const unsigned n = pick(w, MAX_RANGES) + (pick(w, 20) ? 1 : 0);

	for (unsigned i = 0; i < n; i++)
		r[i] = (Range){ pick(w, limit), pick(w, 30) ? 1 + pick(w, 3) : pick(w, 9) };
	return n;
}

/* Ranges that fit @tag, where the dice allow. */
static unsigned fitting_ranges(World *w, unsigned tag, unsigned region, Range *r)
{
	unsigned left = w->m.tag[tag].size, n = 0;

	while (left && n < MAX_RANGES) {
		r[n].n = n == MAX_RANGES - 1 ? left : 1 + pick(w, left);
		for (unsigned tries = 0; tries < 20; tries++) {
			r[n].at = pick(w, BLOCKS - 8);
			if (!extent_at(&w->m, region * BLOCKS + r[n].at))
				break;
		}
		left -= r[n++].n;
	}
	return n;
}

static bool add_expected(World *w, unsigned tag, unsigned region, const Range *r, unsigned n)
{
	MTag *t = &w->m.tag[tag];
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!r[i].n || r[i].at + r[i].n > BLOCKS)
			return false;
		for (unsigned b = 0; b < r[i].n; b++)
			if (extent_at(&w->m, region * BLOCKS + r[i].at + b))
				return false;
		sum += r[i].n;
	}
	if (!n || overlaps(r, n) || !t->size || t->state != GONE)
		return false;
	if (t->bytes == FAKE_UNCLEAN) /* whatever comes of the rest */
		clean_up(&w->m, t);
	return t->bytes == FAKE_CLEAN && sum == t->size && all_extents(&w->m) + n <= MAX_EXTENTS &&
	       all_tags(&w->m) < MAX_TAGS;
}

static void do_add(World *w)
{
	const unsigned tag = pick(w, TAGS), region = pick(w, 2);
	CxbDcRange ranges[MAX_RANGES];
	Range r[MAX_RANGES];
	const unsigned n =
		pick(w, 4) ? fitting_ranges(w, tag, region, r) : some_ranges(w, r, BLOCKS + 2);
	const FakeState before = w->m.tag[tag].bytes;
	const bool expected = add_expected(w, tag, region, r, n);
	g_autoptr(GError) err = NULL;
	CxbDcAddReq req = { .policy = CXB_DC_SELECT_PRESCRIPTIVE,
			    .region = region,
			    .tag = fake_tag(tag),
			    .n = n,
			    .ranges = ranges };
	MTag *t = &w->m.tag[tag];
	unsigned off = 0;

	for (unsigned i = 0; i < n; i++)
		ranges[i] = (CxbDcRange){ r[i].at * FAKE_BLOCK, r[i].n * FAKE_BLOCK };
	g_assert_cmpint(cxb_dc_add(w->dc, &req, &err), ==, expected && !w->fate_used);
	if (g_error_matches(err, CXB_ERROR, CXB_ERROR_AGAIN)) {
		g_assert_cmpint(before, ==, FAKE_CLEANING);
		w->again++;
	}
	if (!expected || w->fate_used)
		return;
	t->state = OFFERED;
	t->n = n;
	t->region = region;
	for (unsigned i = 0; i < n; i++) {
		t->x[i] = (MExtent){ region * BLOCKS + r[i].at, r[i].n, off, region ? i : 0, true };
		off += r[i].n;
	}
	w->m.offers[w->m.n_offers++] = tag;
}

/* Checks of a list by itself; what it names, in its order. */
static CxbRc list_expected(World *w, const Range *r, unsigned n, MExtent **named, unsigned *n_named)
{
	*n_named = 0;
	for (unsigned i = 0; i < n; i++)
		if (!r[i].n || r[i].at + r[i].n > 2 * BLOCKS ||
		    r[i].at / BLOCKS != (r[i].at + r[i].n - 1) / BLOCKS)
			return CXB_RC_INVALID_PA;
	if (overlaps(r, n))
		return CXB_RC_INVALID_EXTENTS;
	for (unsigned i = 0; i < n; i++) {
		const unsigned k = named_by(&w->m, &r[i], named + *n_named);

		if (!k)
			return CXB_RC_INVALID_PA;
		*n_named += k;
	}
	return CXB_RC_SUCCESS;
}

static CxbRc response_expected(World *w, const Range *r, unsigned n, MExtent **named, unsigned *k)
{
	const MTag *oldest = w->m.n_offers ? &w->m.tag[w->m.offers[0]] : NULL;
	CxbRc rc;

	*k = 0;
	if (!oldest)
		return n ? CXB_RC_INVALID_PA : CXB_RC_SUCCESS;
	if (!n)
		return CXB_RC_SUCCESS;
	if (n + all_extents(&w->m) - live_extents(oldest) > MAX_EXTENTS)
		return CXB_RC_RESOURCES;
	rc = list_expected(w, r, n, named, k);
	if (rc != CXB_RC_SUCCESS)
		return rc;
	for (unsigned i = 0; i < *k; i++)
		if (&w->m.tag[tag_of(&w->m, named[i])] != oldest)
			return CXB_RC_INVALID_PA;
	return *k == oldest->n ? CXB_RC_SUCCESS : CXB_RC_INVALID_PA;
}

static CxbRc release_expected(World *w, const Range *r, unsigned n, MExtent **named, unsigned *k)
{
	CxbRc rc = list_expected(w, r, n, named, k);

	if (!n)
		return CXB_RC_INVALID_INPUT;
	for (unsigned i = 0; i < *k && rc == CXB_RC_SUCCESS; i++)
		if (w->m.tag[tag_of(&w->m, named[i])].state == OFFERED)
			rc = CXB_RC_INVALID_PA;
	return rc;
}

static void reset(World *w)
{
	const bool waiting = w->waiting;

	w->announced = 0;
	cxb_dc_reset_head(w->dc, 0);
	if (waiting)
		g_assert_cmpuint(w->announced, ==, 0); /* only when it has ended */
	else
		g_assert_cmpuint(w->announced, ==, 2 * groups_open(&w->m));
}

/* An operation waits: all else is busy; then let it go on. Returns how it ended. */
static CxbRc wait_out(World *w, bool *was_reset)
{
	const CxbDcDpaRange range = { FAKE_BASE, FAKE_BLOCK };
	const CxbDcRange offset = { 0, FAKE_BLOCK };
	const CxbDcAddReq add = {
		.policy = CXB_DC_SELECT_PRESCRIPTIVE, .tag = fake_tag(0), .n = 1, .ranges = &offset
	};
	g_autoptr(GError) err = NULL;

	g_assert_false(cxb_dc_add(w->dc, &add, &err));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_BUSY);
	g_assert_cmpint(cxb_dc_add_response(w->dc, 0, &range, 1, pick(w, 2), NULL, NULL), ==,
			CXB_RC_BUSY);
	g_assert_cmpint(cxb_dc_host_release(w->dc, 0, &range, 1, pick(w, 2), NULL, NULL), ==,
			CXB_RC_BUSY);
	*was_reset = !pick(w, 3);
	if (*was_reset)
		reset(w);
	w->n_done = 0;
	w->waiting = false;
	cxb_dc_prepared(w->dc, w->fate == WAIT_REFUSE
				       ? g_error_new(CXB_ERROR, CXB_ERROR_SYSTEM, "too late")
				       : NULL);
	g_assert_cmpuint(w->n_done, ==, 1);
	return w->done;
}

/* Send a list, sometimes in two parts. */
static CxbRc send(World *w, FakeUpdateFn fn, const Range *r, unsigned n, bool *was_reset)
{
	CxbDcDpaRange list[MAX_EXTENTS];
	unsigned first = 0;
	CxbRc rc;

	for (unsigned i = 0; i < n; i++)
		list[i] = (CxbDcDpaRange){ dpa_of(r[i].at), r[i].n * FAKE_BLOCK };
	*was_reset = false;
	starve.hit = false;
	starve.on = true;
	if (n > 1 && !pick(w, 3)) {
		first = 1 + pick(w, n - 1);
		rc = fn(w->dc, 0, list, first, true, NULL, NULL);
		if (rc != CXB_RC_SUCCESS) {
			starve.on = false;
			g_assert_true(starve.hit);
			return rc;
		}
	}
	rc = fn(w->dc, 0, list + first, n - first, false, command_done, w);
	starve.on = false;
	if (rc == CXB_RC_LATER)
		rc = wait_out(w, was_reset);
	return rc;
}

/* What the dice make of an operation that the rules allow. */
static CxbRc fated(const World *w, CxbRc rc)
{
	if (starve.hit) /* before the rest is looked at */
		return CXB_RC_RESOURCES;
	if (rc == CXB_RC_SUCCESS && w->fate_used && w->fate != WAIT_READY)
		return CXB_RC_INTERNAL_ERROR;
	return rc;
}

static unsigned ranges_of_tag(World *w, unsigned tag, Range *r)
{
	const MTag *t = &w->m.tag[tag];
	unsigned n = 0;

	for (unsigned i = 0; i < t->n; i++)
		if (t->x[i].live)
			r[n++] = (Range){ t->x[i].at, t->x[i].n };
	for (unsigned i = n; i > 1; i--) { /* in any order */
		const unsigned j = pick(w, i);
		const Range swap = r[i - 1];

		r[i - 1] = r[j];
		r[j] = swap;
	}
	return n;
}

static void spoil(World *w, Range *r, unsigned *n)
{
	switch (pick(w, 12)) {
	case 0:
		if (*n)
			(*n)--;
		break;
	case 1:
		if (*n)
			r[pick(w, *n)].n += 1;
		break;
	case 2:
		if (*n)
			r[pick(w, *n)].at += 1;
		break;
	case 3:
		*n = 0;
		break;
	case 4:
		if (*n < MAX_RANGES)
			r[(*n)++] = (Range){ pick(w, 2 * BLOCKS), 1 };
		break;
	}
}

static void do_response(World *w)
{
	MExtent *named[MAX_RANGES * 16];
	Range r[MAX_RANGES + 1];
	unsigned n, k;
	CxbRc want, rc;
	bool was_reset;

	if (w->m.n_offers && pick(w, 10))
		n = ranges_of_tag(w, w->m.offers[pick(w, 8) ? 0 : pick(w, w->m.n_offers)], r);
	else
		n = some_ranges(w, r, 2 * BLOCKS + 2);
	spoil(w, r, &n);
	want = response_expected(w, r, n, named, &k);
	rc = send(w, cxb_dc_add_response, r, n, &was_reset);
	want = fated(w, want);
	g_assert_cmpint(rc, ==, want);
	if (rc == CXB_RC_SUCCESS && w->m.n_offers) {
		MTag *t = &w->m.tag[w->m.offers[0]];

		offer_end(&w->m, w->m.offers[0]);
		if (n) {
			t->state = ACCEPTED;
			w->m.generation++;
		}
		for (unsigned i = 0; i < k; i++)
			w->m.accepted[w->m.n_accepted++] = named[i];
		for (unsigned i = 0; !n && i < t->n; i++)
			extent_end(&w->m, &t->x[i], false);
	}
	if (was_reset)
		g_assert_cmpuint(w->announced, ==, 2 * groups_open(&w->m));
}

static void do_host_release(World *w)
{
	MExtent *named[MAX_RANGES * 16];
	Range r[MAX_RANGES + 1];
	unsigned n = 0, k;
	CxbRc want, rc;
	bool was_reset;

	for (unsigned i = 0; i < w->m.n_accepted && n < MAX_RANGES; i++)
		if (!pick(w, 4))
			r[n++] = (Range){ w->m.accepted[i]->at, w->m.accepted[i]->n };
	spoil(w, r, &n);
	want = release_expected(w, r, n, named, &k);
	rc = send(w, cxb_dc_host_release, r, n, &was_reset);
	want = fated(w, want);
	g_assert_cmpint(rc, ==, want);
	if (rc == CXB_RC_SUCCESS) {
		w->m.generation++;
		for (unsigned i = 0; i < k; i++)
			extent_end(&w->m, named[i], false);
	}
	if (was_reset)
		g_assert_cmpuint(w->announced, ==, 2 * groups_open(&w->m));
}

static bool ask_expected(World *w, const CxbDcReleaseReq *req, unsigned tag, const Range *r,
			 bool *hit)
{
	MExtent *named[MAX_RANGES * 16];
	const bool by_tag = req->policy == CXB_DC_REMOVE_TAG_BASED;
	const bool tagged = !cxb_uuid_is_null(&req->tag);
	const MTag *t = &w->m.tag[tag];
	unsigned k;

	memset(hit, 0, TAGS);
	for (unsigned i = 0; i < req->n; i++)
		if (!r[i].n || r[i].at + r[i].n > BLOCKS)
			return false;
	if (overlaps(r, req->n))
		return false;
	for (unsigned i = 0; i < req->n; i++) {
		const Range x = { req->region * BLOCKS + r[i].at, r[i].n };

		k = named_by(&w->m, &x, named);
		if (!k)
			return false;
		while (k--) {
			const unsigned of = tag_of(&w->m, named[k]);

			if (tagged && of != tag)
				return false;
			hit[of] = true;
		}
	}
	if (by_tag) {
		if (t->state == GONE || t->region != req->region)
			return false;
		hit[tag] = true;
	} else if (!req->n) {
		return false;
	}
	for (unsigned i = 0; i < TAGS; i++)
		if (hit[i] && !req->forced && w->m.tag[i].state == OFFERED)
			return false;
	return true;
}

static void do_ask(World *w)
{
	const unsigned tag = pick(w, TAGS);
	CxbDcRange ranges[MAX_RANGES + 1];
	Range r[MAX_RANGES + 1];
	CxbDcReleaseReq req = {
		.policy = pick(w, 2) ? CXB_DC_REMOVE_TAG_BASED : CXB_DC_REMOVE_PRESCRIPTIVE,
		.forced = !pick(w, 3),
		.sanitize = !pick(w, 3),
		.region = pick(w, 10) ? w->m.tag[tag].region : pick(w, 2),
		.ranges = ranges,
	};
	bool hit[TAGS], listed = false, expected, asked = false;
	unsigned n = 0;

	if (req.policy == CXB_DC_REMOVE_TAG_BASED || pick(w, 2))
		req.tag = fake_tag(tag);
	if (req.policy == CXB_DC_REMOVE_PRESCRIPTIVE || !pick(w, 3)) {
		n = ranges_of_tag(w, tag, r);
		for (unsigned i = 0; i < n; i++)
			r[i].at %= BLOCKS;
		if (n)
			n = 1 + pick(w, n);
		if (n < MAX_RANGES && w->m.n_accepted && !pick(w, 4)) {
			const MExtent *x = w->m.accepted[pick(w, w->m.n_accepted)];

			r[n++] = (Range){ x->at % BLOCKS, x->n };
		}
		spoil(w, r, &n);
	}
	req.n = n;
	for (unsigned i = 0; i < n; i++)
		ranges[i] = (CxbDcRange){ r[i].at * FAKE_BLOCK, r[i].n * FAKE_BLOCK };
	expected = ask_expected(w, &req, tag, r, hit);
	g_assert_cmpint(cxb_dc_release(w->dc, &req, NULL), ==, expected && !w->fate_used);
	if (!expected || w->fate_used)
		return;
	for (unsigned i = 0; i < TAGS; i++) {
		MTag *t = &w->m.tag[i];

		if (!hit[i])
			continue;
		if (!req.forced) {
			t->sanitize |= req.sanitize;
			if (t->state != RELEASING) {
				t->state = RELEASING;
				t->request = w->m.requests + 1;
				asked = true;
			}
			continue;
		}
		listed |= t->state != OFFERED;
		offer_end(&w->m, i);
		for (unsigned j = 0; j < t->n; j++)
			if (t->x[j].live)
				extent_end(&w->m, &t->x[j], req.sanitize);
	}
	w->m.requests += asked;
	w->m.generation += listed;
}

/* Some sanitizing ends, one way or the other, and the dice fall for what begins next. */
static void sanitizing_goes_on(World *w)
{
	w->m.sanitizing = pick(w, 2) ? FAKE_DONE : pick(w, FAKE_LATER + 1);
	for (unsigned t = 0; t < TAGS - 1; t++) {
		w->backing[t]->sanitizing = w->m.sanitizing;
		if (w->m.tag[t].bytes == FAKE_CLEANING && !pick(w, 50)) {
			const bool ok = pick(w, 3);

			fake_cleaned(w->backing[t], ok);
			cleaned(&w->m.tag[t], ok);
		}
	}
}

static void begin(World *w)
{
	CxbDcConfig c;

	w->pool = fake_pool_new();
	c = fake_config(w->pool);
	c.max_extents = MAX_EXTENTS;
	c.max_tags = MAX_TAGS;
	w->dc = cxb_dc_new(&c, NULL);
	for (unsigned t = 0; t < TAGS - 1; t++) {
		w->m.tag[t].size = 1 + t % 6;
		w->backing[t] = fake_backing(w->pool, t, w->m.tag[t].size * FAKE_BLOCK);
	}
	cxb_dc_add_observer(w->dc, &counter, w);
	cxb_dc_add_observer(w->dc, &meddler, w);
	cxb_dc_add_observer(w->dc, &counter, w);
}

static void the_engine_agrees_with_a_naive_model(void)
{
	const char *env = g_getenv("G_TEST_RANDOM");
	const guint32 seed = env ? strtoul(env, NULL, 0) : (guint32)g_test_rand_int();
	const char *count = g_getenv("CXB_OPERATIONS");
	const unsigned operations = count ? strtoul(count, NULL, 0) : OPERATIONS;
	World w = { .rand = g_rand_new_with_seed(seed) };
	unsigned done[5] = { 0 };

	g_test_message("G_TEST_RANDOM=%u", seed);
	starve.rand = w.rand;
	begin(&w);
	for (unsigned i = 0; i < operations; i++) {
		const unsigned dice = pick(&w, 100);
		const unsigned what = dice < 35   ? 0
				      : dice < 65 ? 1
				      : dice < 80 ? 2
				      : dice < 97 ? 3
						  : 4;

		sanitizing_goes_on(&w);
		w.fate = pick(&w, 4) ? PLAIN : pick(&w, FATES);
		w.fate_used = false;
		switch (what) {
		case 0:
			do_add(&w);
			break;
		case 1:
			do_response(&w);
			break;
		case 2:
			do_host_release(&w);
			break;
		case 3:
			do_ask(&w);
			break;
		default:
			reset(&w);
		}
		done[what] += w.fate == PLAIN;
		agree(&w);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(done); i++)
		g_assert_cmpuint(done[i], >, operations / 100);
	g_assert_cmpuint(w.m.generation, >, operations / 100); /* not only refusals */
	g_test_message("%u operations; %u of %u allocations failed", operations, starve.failed,
		       starve.points);
	g_assert_cmpuint(starve.failed, >, operations / 200);
	g_test_message("%u adds while sanitizing went on", w.again);
	g_assert_cmpuint(w.again, >, operations / 2000);
	cxb_dc_free(w.dc);
	for (unsigned t = 0; t < TAGS - 1; t++)
		if (w.backing[t]->state != FAKE_CLEAN) /* nobody asks the engine */
			fake_cleaned(w.backing[t], true);
	for (unsigned t = 0; t < TAGS - 1; t++)
		g_assert_true(!w.backing[t]->holder && !w.backing[t]->mapped);
	fake_pool_free(w.pool);
	g_rand_free(w.rand);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cxl/dc/the_engine_agrees_with_a_naive_model",
			the_engine_agrees_with_a_naive_model);
	return g_test_run();
}
