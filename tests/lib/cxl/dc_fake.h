/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of dynamic capacity stand on: backings that only remember what was done to them, and
 * a device of 2 regions of 256 MiB (the second sharable) at DPA 256 MiB, blocks of 2 MiB.
 */
#ifndef DC_FAKE_H
#define DC_FAKE_H

#include <glib.h>

#include "base/error.h"
#include "cxl/dc.h"

#define FAKE_MIB(n) ((uint64_t)(n) << 20)
#define FAKE_BLOCK  FAKE_MIB(2)
#define FAKE_BASE   FAKE_MIB(256) /* of region 0 */
#define FAKE_SPAN   FAKE_MIB(256) /* of a region */

/* What becomes of sanitizing: it is done, fails, or goes on until fake_cleaned(). */
typedef enum { FAKE_DONE, FAKE_FAILS, FAKE_LATER } FakeSanitizing;
typedef enum { FAKE_CLEAN, FAKE_CLEANING, FAKE_UNCLEAN } FakeState;

typedef struct {
	CxbDcBacking backing; /* first */
	CxbUuid tag;
	uint64_t size;
	char name[24];
	const char *holder; /* NULL: free */
	bool mapped;
	bool dirty; /* tests set it; sanitizing clears it */
	FakeSanitizing sanitizing;
	FakeState state;
	bool leaving; /* released, and free once it is clean */
	unsigned sanitized, released;
} FakeBacking;

typedef struct {
	GHashTable *by_tag; /* &FakeBacking.tag -> FakeBacking (owned) */
} FakePool;

static inline FakeBacking *fake_of(CxbDcBacking *b)
{
	return (FakeBacking *)b;
}

static inline const CxbUuid *fake_tag_of(CxbDcBacking *b)
{
	return &fake_of(b)->tag;
}

static inline uint64_t fake_size_of(CxbDcBacking *b)
{
	return fake_of(b)->size;
}

static inline const char *fake_name_of(CxbDcBacking *b)
{
	return fake_of(b)->name;
}

/* Sanitizing has ended. */
static inline void fake_cleaned(FakeBacking *f, bool ok)
{
	f->state = ok ? FAKE_CLEAN : FAKE_UNCLEAN;
	if (!ok)
		return;
	f->dirty = false;
	f->sanitized++;
	if (f->leaving)
		f->holder = NULL;
	f->leaving = false;
}

static inline void fake_clean_up(FakeBacking *f)
{
	f->state = FAKE_CLEANING;
	if (f->sanitizing != FAKE_LATER)
		fake_cleaned(f, f->sanitizing == FAKE_DONE);
}

static inline bool fake_hold(CxbDcBacking *b, const char *holder, GError **errp)
{
	FakeBacking *f = fake_of(b);

	if (f->leaving && f->state == FAKE_CLEANING)
		return cxb_fail(errp, CXB_ERROR_AGAIN, "it is being sanitized");
	if (f->leaving)
		fake_clean_up(f);
	if (f->leaving)
		return cxb_fail(errp, CXB_ERROR_BUSY, "no such luck");
	if (f->holder)
		return cxb_fail(errp, CXB_ERROR_BUSY, "held by %s", f->holder);
	f->holder = holder;
	return true;
}

static inline void fake_release(CxbDcBacking *b)
{
	FakeBacking *f = fake_of(b);

	g_assert_nonnull(f->holder);
	g_assert_false(f->mapped || f->leaving);
	f->leaving = f->state != FAKE_CLEAN;
	if (!f->leaving)
		f->holder = NULL;
	f->released++;
}

static inline void fake_set_mapped(CxbDcBacking *b, bool mapped)
{
	g_assert_nonnull(fake_of(b)->holder);
	g_assert_true(fake_of(b)->mapped != mapped);
	fake_of(b)->mapped = mapped;
}

static inline void fake_sanitize(CxbDcBacking *b, uint64_t off, uint64_t len)
{
	g_assert_nonnull(fake_of(b)->holder);
	g_assert_false(fake_of(b)->mapped || fake_of(b)->leaving);
	g_assert_cmphex(off, ==, 0);
	g_assert_cmphex(len, ==, fake_of(b)->size);
	g_assert_cmpint(fake_of(b)->state, ==, FAKE_CLEAN);
	fake_clean_up(fake_of(b));
}

static const CxbDcBackingOps fake_ops __attribute__((unused)) = {
	fake_tag_of,  fake_size_of,    fake_name_of,  fake_hold,
	fake_release, fake_set_mapped, fake_sanitize,
};

static inline FakePool *fake_pool_new(void)
{
	FakePool *pool = g_new0(FakePool, 1);

	pool->by_tag = g_hash_table_new_full(cxb_uuid_hash, cxb_uuid_hash_equal, NULL, g_free);
	return pool;
}

static inline void fake_pool_free(FakePool *pool)
{
	g_hash_table_unref(pool->by_tag);
	g_free(pool);
}

static inline CxbDcBacking *fake_find(void *opaque, const CxbUuid *tag)
{
	return g_hash_table_lookup(((FakePool *)opaque)->by_tag, tag);
}

/* Tag number @n: 5be13bce-ae34-4a77-b6c3-0000NNNNNNNN. */
static inline CxbUuid fake_tag(unsigned n)
{
	return (CxbUuid){ { 0x5b, 0xe1, 0x3b, 0xce, 0xae, 0x34, 0x4a, 0x77, 0xb6, 0xc3, 0, 0,
			    n >> 24 & 0xff, n >> 16 & 0xff, n >> 8 & 0xff, n & 0xff } };
}

static inline FakeBacking *fake_backing(FakePool *pool, unsigned n, uint64_t size)
{
	FakeBacking *b = g_new0(FakeBacking, 1);

	b->backing.ops = &fake_ops;
	b->tag = fake_tag(n);
	b->size = size;
	g_snprintf(b->name, sizeof(b->name), "mem%u", n);
	g_hash_table_insert(pool->by_tag, &b->tag, b);
	return b;
}

static inline CxbDcConfig fake_config(FakePool *pool)
{
	return (CxbDcConfig){
		.name = "cxl-vmem0",
		.n_regions = 2,
		.regions = { { .base = FAKE_BASE,
			       .decode_len = FAKE_SPAN,
			       .len = FAKE_SPAN,
			       .block_size = FAKE_BLOCK,
			       .dsmad_handle = 2 },
			     { .base = FAKE_BASE + FAKE_SPAN,
			       .decode_len = FAKE_SPAN,
			       .len = FAKE_SPAN,
			       .block_size = FAKE_BLOCK,
			       .dsmad_handle = 3,
			       .sharable = true } },
		.n_heads = 1,
		.find_backing = fake_find,
		.opaque = pool,
	};
}

/* --- static capacity: one backing for all regions --- */

#define FAKE_STATIC_BLOCKS (2 * FAKE_SPAN / FAKE_BLOCK)

typedef struct {
	CxbDcBacking backing;                /* first */
	bool dirty[FAKE_STATIC_BLOCKS];      /* tests set them; sanitizing clears them */
	FakeState state[FAKE_STATIC_BLOCKS]; /* of those to be sanitized */
	FakeSanitizing sanitizing;
} FakeStatic;

static inline uint64_t fake_static_size(CxbDcBacking *b)
{
	return 2 * FAKE_SPAN;
}

static inline const char *fake_static_name(CxbDcBacking *b)
{
	return "static";
}

/* Sanitizing of a block has ended. */
static inline void fake_static_cleaned(FakeStatic *s, unsigned block, bool ok)
{
	s->state[block] = ok ? FAKE_CLEAN : FAKE_UNCLEAN;
	if (ok)
		s->dirty[block] = false;
}

static inline void fake_static_clean_up(FakeStatic *s, unsigned block)
{
	s->state[block] = FAKE_CLEANING;
	if (s->sanitizing != FAKE_LATER)
		fake_static_cleaned(s, block, s->sanitizing == FAKE_DONE);
}

static inline void fake_static_sanitize(CxbDcBacking *b, uint64_t off, uint64_t len)
{
	FakeStatic *s = (FakeStatic *)b;

	g_assert_true(len && off % FAKE_BLOCK == 0 && len % FAKE_BLOCK == 0);
	g_assert_true(off + len <= 2 * FAKE_SPAN);
	for (uint64_t i = off / FAKE_BLOCK; i < (off + len) / FAKE_BLOCK; i++) {
		g_assert_cmpint(s->state[i], ==, FAKE_CLEAN);
		fake_static_clean_up(s, i);
	}
}

static inline bool fake_static_clean(CxbDcBacking *b, uint64_t off, uint64_t len, GError **errp)
{
	FakeStatic *s = (FakeStatic *)b;
	bool failed = false, goes_on = false;

	for (uint64_t i = off / FAKE_BLOCK; i < (off + len) / FAKE_BLOCK; i++) {
		if (s->state[i] == FAKE_UNCLEAN)
			fake_static_clean_up(s, i);
		failed |= s->state[i] == FAKE_UNCLEAN;
		goes_on |= s->state[i] == FAKE_CLEANING;
	}
	if (failed)
		return cxb_fail(errp, CXB_ERROR_BUSY, "no such luck");
	return !goes_on || cxb_fail(errp, CXB_ERROR_AGAIN, "it is being sanitized");
}

/* The others are its owner's. */
static const CxbDcBackingOps fake_static_ops __attribute__((unused)) = {
	.size = fake_static_size,
	.name = fake_static_name,
	.sanitize = fake_static_sanitize,
	.clean = fake_static_clean,
};

/* --- an observer that writes down what it sees, and answers as told --- */

typedef struct {
	const char *name;             /* in front of each word */
	GString *seen;                /* shared; may be NULL */
	bool refuse, wait;            /* the next prepare of ... */
	CxbDcOpKind kind;             /* ... this kind */
	void (*inside)(void *opaque); /* called in each prepare and commit; may be NULL */
	void *opaque;
} FakeObserver;

static inline void fake_saw(FakeObserver *o, const char *what, const CxbDcOp *op)
{
	static const char *const kinds[] = {
		"offer", "accept", "return", "request", "release", "forced", "reannounce",
	};

	if (o->seen)
		g_string_append_printf(o->seen, "%s%s %s %zu;", o->name ? o->name : "", what,
				       kinds[op->kind], op->n);
	if (o->inside)
		o->inside(o->opaque);
}

static inline CxbDcPrepare fake_prepare(void *opaque, const CxbDcOp *op, GError **errp)
{
	FakeObserver *o = opaque;

	fake_saw(o, "prepare", op);
	if (o->kind != op->kind)
		return CXB_DC_READY;
	if (o->refuse) {
		o->refuse = false;
		cxb_fail(errp, CXB_ERROR_INVALID, "refused as told");
		return CXB_DC_REFUSED;
	}
	if (o->wait) {
		o->wait = false;
		return CXB_DC_WAIT;
	}
	return CXB_DC_READY;
}

static inline void fake_abort(void *opaque, const CxbDcOp *op)
{
	fake_saw(opaque, "abort", op);
}

static inline void fake_commit(void *opaque, const CxbDcOp *op)
{
	fake_saw(opaque, "commit", op);
}

static const CxbDcObserver fake_observer
	__attribute__((unused)) = { fake_prepare, fake_abort, fake_commit };

/* --- requests in short --- */

/* Ranges in blocks: { first block in the region, blocks }. */
typedef struct {
	unsigned at, n;
} FakeRange;

static inline bool fake_add(CxbDc *dc, unsigned tag, uint8_t region, size_t n,
			    const FakeRange *blocks, GError **errp)
{
	g_autofree CxbDcRange *ranges = g_new(CxbDcRange, n);

	for (size_t i = 0; i < n; i++)
		ranges[i] = (CxbDcRange){ blocks[i].at * FAKE_BLOCK, blocks[i].n * FAKE_BLOCK };
	return cxb_dc_add(dc,
			  &(CxbDcAddReq){ .policy = CXB_DC_SELECT_PRESCRIPTIVE,
					  .region = region,
					  .tag = tag ? fake_tag(tag) : (CxbUuid){ { 0 } },
					  .n = n,
					  .ranges = ranges },
			  errp);
}

#define FAKE_RANGES(...)                                                        \
	G_N_ELEMENTS(((const FakeRange[]){ __VA_ARGS__ })), (const FakeRange[]) \
	{                                                                       \
		__VA_ARGS__                                                     \
	}

/* By tag, in region 0. */
static inline bool fake_ask_back(CxbDc *dc, unsigned tag, bool forced, bool sanitize, GError **errp)
{
	return cxb_dc_release(dc,
			      &(CxbDcReleaseReq){ .policy = CXB_DC_REMOVE_TAG_BASED,
						  .forced = forced,
						  .sanitize = sanitize,
						  .tag = fake_tag(tag) },
			      errp);
}

typedef CxbRc (*FakeUpdateFn)(CxbDc *, uint16_t, const CxbDcDpaRange *, size_t, bool, CxbDcDone,
			      void *);

/* 4802h or 4803h on region 0. */
static inline CxbRc fake_update_more(CxbDc *dc, FakeUpdateFn fn, bool more, size_t n,
				     const FakeRange *blocks)
{
	g_autofree CxbDcDpaRange *list = g_new(CxbDcDpaRange, n);

	for (size_t i = 0; i < n; i++)
		list[i] = (CxbDcDpaRange){ FAKE_BASE + blocks[i].at * FAKE_BLOCK,
					   blocks[i].n * FAKE_BLOCK };
	return fn(dc, 0, list, n, more, NULL, NULL);
}

static inline CxbRc fake_respond(CxbDc *dc, size_t n, const FakeRange *blocks)
{
	return fake_update_more(dc, cxb_dc_add_response, false, n, blocks);
}

static inline CxbRc fake_give_back(CxbDc *dc, size_t n, const FakeRange *blocks)
{
	return fake_update_more(dc, cxb_dc_host_release, false, n, blocks);
}

static inline CxbDcStatus fake_status(CxbDc *dc, unsigned tag)
{
	const CxbUuid t = fake_tag(tag);
	CxbDcStatus status;

	g_assert_true(cxb_dc_status(dc, 0, 0, &t, &status, NULL, NULL, NULL));
	return status;
}

#endif
