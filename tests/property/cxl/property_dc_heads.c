/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several hosts on one engine against a naive model: policies by which the device chooses, allocations
 * that go to further hosts, the fabric manager's references, several tags in one group, offers that are not
 * answered in time, regions that change. The model keeps an array of blocks and a table of tags, and walks both; what the device chooses is only held to
 * be free, of the right size and in as few pieces as can be.
 *
 * G_TEST_RANDOM=N in the environment sets the seed, which is printed; CXB_OPERATIONS=N their number.
 */
#include "dc_fake.h"

#include <stdlib.h>

#define HEADS       3
#define TAGS        10
#define BLOCKS      20 /* usable of a region; the second one is sharable */
#define MAX_PIECES  6
#define MAX_EXTENTS 30
#define MAX_TAGS    7
#define OPERATIONS  100000

typedef enum { GONE, OFFERED, ACCEPTED, RELEASING } State;

typedef struct {
	unsigned at, n;
} Range; /* blocks of the region */

typedef struct {
	bool live, referenced, sanitize;
	bool unclean; /* in the hands of nobody, and being sanitized */
	unsigned size, region, sanitized;
	Range piece[BLOCKS];
	unsigned n;
	State state[HEADS];
	bool has[HEADS][BLOCKS]; /* pieces not given back */
} Tag;

typedef struct {
	unsigned head;
	unsigned deadline_ms; /* 0: none */
	bool in[TAGS];
} Offer;

typedef struct {
	unsigned block; /* in blocks of the model */
	bool sanitize;
} Region;

typedef struct {
	GRand *rand;
	Tag tag[TAGS];
	Offer offers[HEADS * TAGS];
	unsigned n_offers, arrivals, withdrawn, configured, now_ms;
	Region region[2];
	CxbClock *clock;
	FakePool *pool;
	FakeBacking *backing[TAGS];
	CxbDc *dc;
	bool refuse, refused;
} World;

static unsigned pick(World *w, unsigned n)
{
	return g_rand_int_range(w->rand, 0, n);
}

/* --- the model --- */

static bool piece_used(const Tag *t, unsigned i)
{
	bool used = t->referenced;

	for (unsigned h = 0; h < HEADS; h++)
		used |= t->has[h][i];
	return t->live && used;
}

static bool is_free(const World *w, unsigned region, unsigned at, unsigned n)
{
	for (unsigned i = 0; i < TAGS; i++) {
		const Tag *t = &w->tag[i];

		for (unsigned j = 0; j < t->n && t->region == region; j++)
			if (piece_used(t, j) && t->piece[j].at < at + n &&
			    at < t->piece[j].at + t->piece[j].n)
				return false;
	}
	return true;
}

static unsigned heads_of(const Tag *t)
{
	unsigned n = 0;

	for (unsigned h = 0; h < HEADS; h++)
		n += t->state[h] != GONE;
	return n;
}

static unsigned all_tags(const World *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TAGS; i++)
		n += w->tag[i].live;
	return n;
}

static unsigned all_extents(const World *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TAGS; i++)
		for (unsigned h = 0; h < HEADS; h++)
			for (unsigned j = 0; j < w->tag[i].n; j++)
				n += w->tag[i].live && w->tag[i].has[h][j];
	return n;
}

static void maybe_end(Tag *t)
{
	if (heads_of(t) || t->referenced)
		return;
	t->live = false;
	t->unclean = t->sanitize;
	t->sanitize = false;
}

static void piece_end(const World *w, Tag *t, unsigned h, unsigned i)
{
	bool any = false;

	t->sanitize |= t->state[h] != OFFERED && w->region[t->region].sanitize;
	t->has[h][i] = false;
	for (unsigned j = 0; j < t->n; j++)
		any |= t->has[h][j];
	if (!any) {
		t->state[h] = GONE;
		maybe_end(t);
	}
}

static void tag_end(const World *w, Tag *t, unsigned h)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->has[h][i])
			piece_end(w, t, h, i);
}

static void offer_forget(World *w, unsigned h, unsigned tag)
{
	unsigned j = 0;

	for (unsigned i = 0; i < w->n_offers; i++) {
		Offer *o = &w->offers[i];
		bool any = false;

		if (o->head == h)
			o->in[tag] = false;
		for (unsigned t = 0; t < TAGS; t++)
			any |= o->in[t];
		if (any)
			w->offers[j++] = *o;
	}
	w->n_offers = j;
}

static Offer *oldest(World *w, unsigned h)
{
	for (unsigned i = 0; i < w->n_offers; i++)
		if (w->offers[i].head == h)
			return &w->offers[i];
	return NULL;
}

static int longer_first(const void *a, const void *b)
{
	return *(const int *)b - *(const int *)a;
}

/* Lengths of the gaps of a region, the longest first. */
static unsigned gaps(const World *w, unsigned region, int *len)
{
	unsigned n = 0;

	for (unsigned at = 0; at < BLOCKS; at++) {
		if (!is_free(w, region, at, 1))
			continue;
		if (at && is_free(w, region, at - 1, 1))
			len[n - 1]++;
		else
			len[n++] = 1;
	}
	qsort(len, n, sizeof(*len), longer_first);
	return n;
}

/* The fewest pieces that @size blocks can be had in; 0: none. */
static unsigned fewest(const World *w, unsigned region, unsigned size)
{
	int len[BLOCKS];
	const unsigned n = gaps(w, region, len);

	for (unsigned i = 0; i < n; i++) {
		if ((unsigned)len[i] >= size)
			return i + 1;
		size -= len[i];
	}
	return 0;
}

/* --- the observer --- */

static CxbDcPrepare meddle(void *opaque, const CxbDcOp *op, GError **errp)
{
	World *w = opaque;

	if (!w->refuse || op->kind == CXB_DC_OP_RETURN || op->kind == CXB_DC_OP_FORCED_RELEASE ||
	    op->kind == CXB_DC_OP_REANNOUNCE)
		return CXB_DC_READY;
	w->refused = true;
	cxb_fail(errp, CXB_ERROR_INVALID, "as the dice fell");
	return CXB_DC_REFUSED;
}

static const CxbDcObserver meddler = { meddle, NULL, NULL };

/* --- agreement --- */

static uint64_t dpa_of(const Tag *t, unsigned i)
{
	return FAKE_BASE + t->region * FAKE_SPAN + t->piece[i].at * FAKE_BLOCK;
}

static void extents_agree(World *w, unsigned tag, unsigned h)
{
	static const CxbDcState states[] = { [OFFERED] = CXB_DC_OFFERED,
					     [ACCEPTED] = CXB_DC_ACCEPTED,
					     [RELEASING] = CXB_DC_RELEASING };
	const Tag *t = &w->tag[tag];
	const CxbUuid uuid = fake_tag(tag);
	uint64_t off = 0;

	for (unsigned i = 0; i < t->n; i++) {
		const CxbDcExtent *e = cxb_dc_find(w->dc, h, dpa_of(t, i));

		if (t->live && t->has[h][i]) {
			g_assert_nonnull(e);
			g_assert_cmphex(e->dpa, ==, dpa_of(t, i));
			g_assert_cmphex(e->len, ==, t->piece[i].n * FAKE_BLOCK);
			g_assert_cmphex(e->backing_off, ==, off);
			g_assert_cmpuint(e->seq, ==, t->region ? i : 0);
			g_assert_cmpuint(e->head, ==, h);
			g_assert_cmpint(e->state, ==, states[t->state[h]]);
			g_assert_true(cxb_uuid_equal(&e->tag, &uuid));
		} else if (e) {
			g_assert_false(cxb_uuid_equal(&e->tag, &uuid));
		}
		off += t->piece[i].n * FAKE_BLOCK;
	}
}

static void list_agrees(World *w)
{
	CxbDcTagInfo info;
	bool seen[TAGS] = { false };

	g_assert_cmpuint(cxb_dc_tag_count(w->dc), ==, all_tags(w));
	g_assert_false(cxb_dc_tag_at(w->dc, all_tags(w), &info));
	for (unsigned i = 0; i < all_tags(w); i++) {
		const Tag *t;
		unsigned tag;

		g_assert_true(cxb_dc_tag_at(w->dc, i, &info));
		tag = info.tag.b[15];
		t = &w->tag[tag];
		g_assert_true(t->live && !seen[tag]);
		seen[tag] = true;
		g_assert_cmpint(info.referenced, ==, t->referenced);
		g_assert_cmpuint(info.heads, ==, heads_of(t));
		g_assert_cmpuint(info.region, ==, t->region);
		g_assert_cmpuint(info.extents, ==, t->n);
		g_assert_cmphex(info.bytes, ==, t->size * FAKE_BLOCK);
		g_assert_true(info.backing == &w->backing[tag]->backing);
	}
}

static void agree(World *w)
{
	unsigned offers = 0;

	for (unsigned i = 0; i < TAGS; i++) {
		const Tag *t = &w->tag[i];
		bool mapped = false;

		for (unsigned h = 0; h < HEADS; h++) {
			extents_agree(w, i, h);
			mapped |= t->live && (t->state[h] == ACCEPTED || t->state[h] == RELEASING);
		}
		g_assert_cmpint(w->backing[i]->holder != NULL, ==, t->live || t->unclean);
		g_assert_cmpint(w->backing[i]->mapped, ==, mapped);
		g_assert_cmpuint(w->backing[i]->sanitized, ==, t->sanitized);
	}
	for (unsigned h = 0; h < HEADS; h++)
		offers += cxb_dc_groups(w->dc, h);
	g_assert_cmpuint(offers, ==, w->n_offers);
	g_assert_cmpuint(cxb_dc_extents_available(w->dc), ==, MAX_EXTENTS - all_extents(w));
	g_assert_cmpuint(cxb_dc_tags_available(w->dc), ==, MAX_TAGS - all_tags(w));
	list_agrees(w);
}

/* --- operations --- */

/* Some offers have a deadline. */
static uint32_t some_timeout(World *w, Offer *offer)
{
	const unsigned ms = pick(w, 4) ? 0 : 1 + pick(w, 30);

	offer->deadline_ms = ms ? w->now_ms + ms : 0;
	return ms;
}

/* Random ranges in free places that make up the tag's size, most of the time. */
static unsigned some_ranges(World *w, unsigned tag, unsigned region, Range *r)
{
	const unsigned unit = pick(w, 8) ? w->region[region].block : 1;
	unsigned left = w->tag[tag].size, n = 0;

	while (left && n < MAX_PIECES) {
		r[n].n = n == MAX_PIECES - 1 || left < unit ? left
							    : unit * (1 + pick(w, left / unit));
		r[n].at = 0;
		for (unsigned tries = 0; tries < 30 && r[n].n <= BLOCKS; tries++) {
			r[n].at = unit * pick(w, (BLOCKS - r[n].n) / unit + 1);
			if (is_free(w, region, r[n].at, r[n].n))
				break;
		}
		left -= r[n++].n;
	}
	return n;
}

static bool ranges_ok(const World *w, unsigned region, const Range *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if ((r[i].at | r[i].n) % w->region[region].block ||
		    !is_free(w, region, r[i].at, r[i].n))
			return false;
		for (unsigned j = 0; j < i; j++)
			if (r[i].at < r[j].at + r[j].n && r[j].at < r[i].at + r[i].n)
				return false;
	}
	return true;
}

static void offered(World *w, unsigned tag, unsigned h, unsigned region, const Range *r, unsigned n)
{
	Tag *t = &w->tag[tag];

	if (!t->live) {
		t->live = true;
		w->arrivals++;
		t->region = region;
		t->n = n;
		memcpy(t->piece, r, n * sizeof(*r));
		memset(t->has, 0, sizeof(t->has));
	}
	t->state[h] = OFFERED;
	for (unsigned i = 0; i < t->n; i++)
		t->has[h][i] = true;
}

static void do_prescriptive(World *w)
{
	const unsigned h = pick(w, HEADS), k = pick(w, 4) ? 1 : 2;
	CxbDcRange ranges[2][MAX_PIECES];
	CxbDcAddReq req[2] = { { 0 } };
	unsigned tag[2], n[2], region[2], total = 0;
	bool expected = true;
	Range r[2][MAX_PIECES];
	Offer offer = { .head = h };

	for (unsigned i = 0; i < k; i++) {
		tag[i] = pick(w, TAGS);
		region[i] = pick(w, 2);
		n[i] = some_ranges(w, tag[i], region[i], r[i]);
		for (unsigned j = 0; j < n[i]; j++)
			ranges[i][j] =
				(CxbDcRange){ r[i][j].at * FAKE_BLOCK, r[i][j].n * FAKE_BLOCK };
		req[i] = (CxbDcAddReq){ .host_id = h,
					.policy = CXB_DC_SELECT_PRESCRIPTIVE,
					.region = region[i],
					.tag = fake_tag(tag[i]),
					.n = n[i],
					.ranges = ranges[i],
					/* that of the first one counts */
					.timeout_ms = i ? 1 : some_timeout(w, &offer) };
		expected &= !w->tag[tag[i]].live && !w->tag[tag[i]].unclean &&
			    ranges_ok(w, region[i], r[i], n[i]);
		total += n[i];
	}
	if (k == 2) {
		Range both[2 * MAX_PIECES];

		memcpy(both, r[0], n[0] * sizeof(Range));
		memcpy(both + n[0], r[1], n[1] * sizeof(Range));
		expected &= tag[0] != tag[1];
		expected &= region[0] != region[1] || ranges_ok(w, region[0], both, n[0] + n[1]);
	}
	expected &= all_extents(w) + total <= MAX_EXTENTS && all_tags(w) + k <= MAX_TAGS;
	g_assert_cmpint(cxb_dc_add_group(w->dc, req, k, NULL), ==, expected && !w->refused);
	if (!expected || w->refused)
		return;
	for (unsigned i = 0; i < k; i++) {
		offered(w, tag[i], h, region[i], r[i], n[i]);
		offer.in[tag[i]] = true;
	}
	w->offers[w->n_offers++] = offer;
}

/* Free or contiguous. */
static void do_chosen(World *w)
{
	const unsigned h = pick(w, HEADS), tag = pick(w, TAGS), region = pick(w, 2);
	const bool contiguous = pick(w, 2);
	const unsigned size = pick(w, 10) ? w->tag[tag].size : pick(w, BLOCKS);
	const unsigned pieces = fewest(w, region, size);
	Offer offer = { .head = h };
	const CxbDcAddReq req = { .host_id = h,
				  .policy = contiguous ? CXB_DC_SELECT_CONTIGUOUS
						       : CXB_DC_SELECT_FREE,
				  .region = region,
				  .tag = fake_tag(tag),
				  .length = size * FAKE_BLOCK,
				  .timeout_ms = some_timeout(w, &offer) };
	const bool expected = size == w->tag[tag].size && !w->tag[tag].live &&
			      !w->tag[tag].unclean && pieces && (!contiguous || pieces == 1) &&
			      size % w->region[region].block == 0 &&
			      all_extents(w) + pieces <= MAX_EXTENTS && all_tags(w) < MAX_TAGS;
	const CxbUuid uuid = fake_tag(tag);
	Range r[BLOCKS];
	unsigned n = 0;

	g_assert_cmpint(cxb_dc_add(w->dc, &req, NULL), ==, expected && !w->refused);
	if (!expected || w->refused)
		return;
	for (const CxbDcExtent *e = cxb_dc_next(w->dc, h, 0); e;
	     e = cxb_dc_next(w->dc, h, e->dpa + e->len)) {
		if (!cxb_uuid_equal(&e->tag, &uuid))
			continue;
		g_assert_cmpuint(e->region, ==, region);
		r[n] = (Range){ (e->dpa - FAKE_BASE) / FAKE_BLOCK % (FAKE_SPAN / FAKE_BLOCK),
				e->len / FAKE_BLOCK };
		g_assert_cmpuint(r[n].at + r[n].n, <=, BLOCKS);
		n++;
	}
	g_assert_true(ranges_ok(w, region, r, n));
	g_assert_cmpuint(n, ==, pieces);
	offered(w, tag, h, region, r, n); /* agree() finds their lengths to add up */
	offer.in[tag] = true;
	w->offers[w->n_offers++] = offer;
}

static void do_share(World *w)
{
	const unsigned h = pick(w, HEADS), tag = pick(w, TAGS);
	const Tag *t = &w->tag[tag];
	const unsigned region = pick(w, 20) ? t->region : pick(w, 2);
	Offer offer = { .head = h };
	const CxbDcAddReq req = { .host_id = h,
				  .policy = CXB_DC_SELECT_SHARED,
				  .region = region,
				  .tag = fake_tag(tag),
				  .timeout_ms = some_timeout(w, &offer) };
	bool expected = t->live && t->region == region && t->state[h] == GONE &&
			(region == 1 || !heads_of(t)) && all_extents(w) + t->n <= MAX_EXTENTS;

	for (unsigned i = 0; i < t->n; i++)
		expected &= piece_used(t, i);
	g_assert_cmpint(cxb_dc_add(w->dc, &req, NULL), ==, expected && !w->refused);
	if (!expected || w->refused)
		return;
	offered(w, tag, h, region, NULL, 0);
	offer.in[tag] = true;
	w->offers[w->n_offers++] = offer;
}

/* Accept some of the tags of the oldest group, each whole. */
static void do_response(World *w)
{
	const unsigned h = pick(w, HEADS);
	const Offer *o = oldest(w, h);
	CxbDcDpaRange list[2 * BLOCKS];
	bool take[TAGS] = { false };
	unsigned n = 0;
	CxbRc rc;

	for (unsigned i = 0; o && i < TAGS; i++) {
		take[i] = o->in[i] && pick(w, 5);
		for (unsigned j = 0; take[i] && j < w->tag[i].n; j++)
			list[n++] = (CxbDcDpaRange){ dpa_of(&w->tag[i], j),
						     w->tag[i].piece[j].n * FAKE_BLOCK };
	}
	rc = cxb_dc_add_response(w->dc, h, list, n, false, NULL, NULL);
	g_assert_cmpint(rc, ==, w->refused ? CXB_RC_INTERNAL_ERROR : CXB_RC_SUCCESS);
	if (w->refused || !o)
		return;
	for (unsigned i = 0; i < TAGS; i++) {
		if (take[i])
			w->tag[i].state[h] = ACCEPTED;
		else if (o->in[i])
			tag_end(w, &w->tag[i], h);
	}
	memmove(&w->offers[o - w->offers], o + 1, (w->n_offers - (o - w->offers) - 1) * sizeof(*o));
	w->n_offers--;
}

static void do_host_release(World *w)
{
	const unsigned h = pick(w, HEADS), tag = pick(w, TAGS);
	Tag *t = &w->tag[tag];
	CxbDcDpaRange list[BLOCKS];
	bool named[BLOCKS] = { false };
	unsigned n = 0;
	CxbRc rc, want = CXB_RC_SUCCESS;

	for (unsigned i = 0; t->live && i < t->n; i++) {
		named[i] = t->has[h][i] && pick(w, 3);
		if (named[i])
			list[n++] = (CxbDcDpaRange){ dpa_of(t, i), t->piece[i].n * FAKE_BLOCK };
	}
	rc = cxb_dc_host_release(w->dc, h, list, n, false, NULL, NULL);
	if (!n)
		want = CXB_RC_INVALID_INPUT;
	else if (t->state[h] == OFFERED)
		want = CXB_RC_INVALID_PA;
	else if (w->refused)
		want = CXB_RC_INTERNAL_ERROR;
	g_assert_cmpint(rc, ==, want);
	for (unsigned i = 0; rc == CXB_RC_SUCCESS && i < t->n; i++)
		if (named[i])
			piece_end(w, t, h, i);
}

static void do_ask(World *w)
{
	const unsigned h = pick(w, HEADS), tag = pick(w, TAGS);
	Tag *t = &w->tag[tag];
	const CxbDcReleaseReq req = { .host_id = h,
				      .policy = CXB_DC_REMOVE_TAG_BASED,
				      .forced = !pick(w, 3),
				      .sanitize = !pick(w, 3),
				      .region = t->region,
				      .tag = fake_tag(tag) };
	const bool expected =
		t->live && t->state[h] != GONE && (req.forced || t->state[h] != OFFERED);

	g_assert_cmpint(cxb_dc_release(w->dc, &req, NULL), ==, expected && !w->refused);
	if (!expected || w->refused)
		return;
	t->sanitize |= req.sanitize;
	if (!req.forced) {
		t->state[h] = RELEASING;
		return;
	}
	offer_forget(w, h, tag);
	tag_end(w, t, h);
}

static void reference(World *w, unsigned tag, bool add)
{
	const CxbUuid uuid = fake_tag(tag);
	const uint32_t generation = cxb_dc_tags_generation(w->dc);
	Tag *t = &w->tag[tag];
	bool whole = t->live;

	for (unsigned i = 0; i < t->n; i++)
		whole &= piece_used(t, i);
	if (add) {
		g_assert_cmpint(cxb_dc_add_reference(w->dc, &uuid, NULL), ==, whole);
		g_assert_cmpint(cxb_dc_tags_generation(w->dc) != generation, ==,
				whole && !t->referenced);
		t->referenced |= whole;
		return;
	}
	g_assert_cmpint(cxb_dc_remove_reference(w->dc, &uuid, NULL), ==, t->live && t->referenced);
	if (!t->live || !t->referenced)
		return;
	t->referenced = false;
	maybe_end(t);
}

static void do_reference(World *w)
{
	const bool add = !pick(w, 3);
	unsigned tag = pick(w, TAGS);

	/* Most of what is kept would be kept for ever if removals did not look for it. */
	for (unsigned tries = 0; !add && !w->tag[tag].referenced && tries < TAGS; tries++)
		tag = pick(w, TAGS);
	reference(w, tag, add);
}

/* Most sanitizing has ended by the next operation. */
static void sanitizing_goes_on(World *w)
{
	for (unsigned i = 0; i < TAGS; i++) {
		if (!w->tag[i].unclean || !pick(w, 4))
			continue;
		fake_cleaned(w->backing[i], true);
		w->tag[i].unclean = false;
		w->tag[i].sanitized++;
	}
}

static void do_reset(World *w)
{
	cxb_dc_reset_head(w->dc, pick(w, HEADS));
}

/* What is late is taken away as by force, which nobody can refuse. */
static void do_time(World *w)
{
	w->now_ms += 1 + pick(w, 10);
	cxb_clock_advance(w->clock, w->now_ms * INT64_C(1000000));
	for (unsigned i = 0; i < w->n_offers;) {
		const Offer o = w->offers[i];

		if (!o.deadline_ms || o.deadline_ms > w->now_ms) {
			i++;
			continue;
		}
		memmove(&w->offers[i], &w->offers[i + 1], (--w->n_offers - i) * sizeof(o));
		for (unsigned t = 0; t < TAGS; t++)
			if (o.in[t])
				tag_end(w, &w->tag[t], o.head);
		w->withdrawn++;
	}
}

static void do_configure(World *w)
{
	const unsigned region = pick(w, 2), block = 1 + pick(w, 3);
	const bool sanitize = pick(w, 2);
	const bool expected = is_free(w, region, 0, BLOCKS) && block != 3;

	g_assert_cmpint(cxb_dc_configure(w->dc, region, block * FAKE_BLOCK, sanitize, NULL), ==,
			expected);
	if (!expected)
		return;
	w->region[region] = (Region){ block, sanitize };
	w->configured++;
}

static void begin(World *w)
{
	CxbDcConfig c;

	w->pool = fake_pool_new();
	c = fake_config(w->pool);
	c.n_heads = HEADS;
	c.max_extents = MAX_EXTENTS;
	c.max_tags = MAX_TAGS;
	c.clock = w->clock = cxb_clock_new_virtual();
	for (unsigned i = 0; i < 2; i++) {
		c.regions[i].len = BLOCKS * FAKE_BLOCK;
		w->region[i].block = 1;
	}
	w->dc = cxb_dc_new(&c, NULL);
	for (unsigned t = 0; t < TAGS; t++) {
		w->tag[t].size = 1 + t % 7;
		w->backing[t] = fake_backing(w->pool, t, w->tag[t].size * FAKE_BLOCK);
		w->backing[t]->sanitizing = FAKE_LATER;
	}
	cxb_dc_add_observer(w->dc, &meddler, w);
}

static void several_hosts_agree_with_a_naive_model(void)
{
	static const struct {
		void (*run)(World *w);
		unsigned share;
	} operations[] = {
		{ do_prescriptive, 15 }, { do_chosen, 15 },   { do_share, 13 }, { do_response, 17 },
		{ do_host_release, 12 }, { do_reference, 8 }, { do_ask, 14 },   { do_reset, 1 },
		{ do_time, 3 },          { do_configure, 2 },
	};
	const char *env = g_getenv("G_TEST_RANDOM");
	const guint32 seed = env ? strtoul(env, NULL, 0) : (guint32)g_test_rand_int();
	const char *count = g_getenv("CXB_OPERATIONS");
	const unsigned n = count ? strtoul(count, NULL, 0) : OPERATIONS;
	World w = { .rand = g_rand_new_with_seed(seed) };
	unsigned shared = 0, kept = 0, split = 0;

	g_test_message("G_TEST_RANDOM=%u", seed);
	begin(&w);
	for (unsigned i = 0; i < n; i++) {
		unsigned dice = pick(&w, 100), what = 0;

		while (dice >= operations[what].share)
			dice -= operations[what++].share;
		w.refuse = !pick(&w, 8);
		w.refused = false;
		sanitizing_goes_on(&w);
		operations[what].run(&w);
		agree(&w);
		for (unsigned t = 0; t < TAGS; t++) {
			shared += w.tag[t].live && heads_of(&w.tag[t]) > 1;
			kept += w.tag[t].live && !heads_of(&w.tag[t]);
			split += w.tag[t].live && w.tag[t].n > 2;
		}
	}
	/* Not only refusals. */
	g_assert_cmpuint(shared, >, n / 100);
	g_assert_cmpuint(kept, >, n / 100);
	g_assert_cmpuint(split, >, n / 100);
	g_assert_cmpuint(w.arrivals, >, n / 100);
	g_assert_cmpuint(w.withdrawn, >, n / 2000);
	g_assert_cmpuint(w.configured, >, n / 50000);
	g_test_message(
		"%u operations, %u arrivals of tags, %u offers withdrawn in time, %u changes of "
		"a region",
		n, w.arrivals, w.withdrawn, w.configured);
	cxb_dc_free(w.dc);
	for (unsigned t = 0; t < TAGS; t++)
		if (w.backing[t]->state != FAKE_CLEAN)
			fake_cleaned(w.backing[t], true);
	for (unsigned t = 0; t < TAGS; t++)
		g_assert_true(!w.backing[t]->holder && !w.backing[t]->mapped);
	fake_pool_free(w.pool);
	cxb_clock_free(w.clock);
	g_rand_free(w.rand);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cxl/dc/several_hosts_agree_with_a_naive_model",
			several_hosts_agree_with_a_naive_model);
	return g_test_run();
}
