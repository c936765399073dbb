/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dynamic-capacity engine's state, shared by dc*.c and looked at by nobody else.
 *
 * An extent is in its head's map, in its tag and, while offered or asked back, in one group; once
 * accepted also in its head's list. All four are reached from the extent without a search.
 */
#ifndef CXB_CXL_DC_INTERNAL_H
#define CXB_CXL_DC_INTERNAL_H

#include "base/error.h"
#include "base/ivmap.h"
#include "cxl/dc.h"

/* Free space of one region: dc_space.c. */
typedef struct {
	CxbIvMap *gaps; /* by DPA */
	GTree *by_size; /* the same CxbIv by length, then DPA */
} DcSpace;

/* A part of an allocation: what is an extent on each host that has it. */
typedef struct {
	uint64_t dpa, len;
	uint32_t users; /* heads that have it, and the reference; 0: given back */
	bool sanitize;  /* static: before the range is free again */
} DcPiece;

/* What a tag names on this device, while a host or the fabric manager has it. */
typedef struct {
	CxbUuid tag;
	CxbDcBacking *backing; /* held */
	uint8_t region;
	DcPiece *pieces; /* in order of sequence; NULL: what has no tag */
	uint32_t n_pieces;
	uint64_t bytes;  /* of all of them */
	guint place;     /* in CxbDc.tag_list */
	bool live;       /* it is in there */
	unsigned heads;  /* on which the tag is live */
	bool referenced; /* by the fabric manager */
	size_t accepted; /* extents, on all heads; mapped while not 0 */
	bool sanitize;   /* before the backing is free again */
} DcAlloc;

/* A tag that is live on one head. All of its extents are in one region and in one state. Those of
 * one add without a tag have one of these, too, with the null tag and states of their own. */
typedef struct {
	DcAlloc *alloc;
	CxbUuid tag;
	uint16_t head;
	uint8_t region;
	uint64_t bytes;
	char *request_id; /* or NULL */
	GQueue extents;   /* DcExtent, in order of offset in the backing */
	size_t scratch;   /* 0 between operations */
} DcTag;

typedef struct DcTimeout DcTimeout;

/* What one add offered, or what one request asked back. Freed when it is empty. */
typedef struct {
	GQueue extents; /* DcExtent */
	GQueue *owner;
	GList link;         /* in owner */
	DcTimeout *timeout; /* of an offer, or NULL */
} DcGroup;

typedef struct {
	CxbDcExtent pub; /* first */
	DcTag *tag;
	GList tag_link;
	DcGroup *group; /* or NULL */
	GList group_link;
	GSequenceIter *order; /* in the accepted list, or NULL */
	uint32_t piece;       /* of the allocation, where there is a tag */
	bool sanitize;        /* static: before the range is free again */
	bool marked;          /* false between operations */
} DcExtent;

/* Ranges of a list that goes on in a further command. */
typedef struct {
	CxbDcDpaRange *ranges;
	size_t n, cap;
} DcList;

enum { DC_LIST_RESPONSE, DC_LIST_RELEASE, DC_LISTS };

typedef struct {
	CxbIvMap *map;        /* DPA -> DcExtent */
	GHashTable *tags;     /* &DcTag.tag -> DcTag */
	GHashTable *untagged; /* set of DcTag with the null tag */
	GQueue offers;        /* DcGroup, oldest first */
	GQueue requests;      /* DcGroup */
	GSequence *accepted;  /* DcExtent, in order of acceptance */
	uint32_t generation;
	DcList lists[DC_LISTS];
	/* What has to wait for the end of an operation. */
	bool reannounce; /* reset meanwhile */
	bool leaving;    /* gone meanwhile */
	CxbDcAnswer answer;
} DcHead;

typedef struct {
	const CxbDcObserver *observer;
	void *opaque;
} DcWatch;

typedef enum { DC_TXN_DONE, DC_TXN_REFUSED, DC_TXN_LATER } DcTxnResult;

/* One operation under way. */
typedef struct {
	CxbDcOp ops[2];
	GPtrArray *extents[2]; /* DcExtent; what ops[].extents points into */
	unsigned n_ops;
	guint n_watches; /* of the engine when the operation began */
	unsigned op;     /* next prepare: of this op */
	guint watch;     /* by this observer */
	bool waiting;
	bool sanitize;   /* REQUEST_RELEASE and FORCED_RELEASE */
	GPtrArray *cuts; /* DcExtent that were cut off others for it, in order; NULL: none */
	uint16_t opcode; /* host commands, for guest errors */
	CxbDcDone done;
	void *opaque;
} DcTxn;

struct CxbDc {
	CxbDcConfig config; /* name is our copy */
	DcHead *heads;      /* config.n_heads */
	GArray *watches;    /* DcWatch */
	DcSpace space[CXB_DC_REGIONS];
	GHashTable *allocs; /* &DcAlloc.tag -> DcAlloc */
	GPtrArray *
		tag_list; /* the same, each at its place; the last one takes that of one that goes */
	uint32_t tag_generation;
	DcAlloc untagged; /* static: of what has no tag */
	uint32_t extents; /* offered and accepted, on all heads */
	uint64_t serial;  /* CxbDcExtent.serial of the last one offered */
	unsigned late;    /* offers to be withdrawn when it has ended */
	bool withdrawing;
	DcTxn *txn; /* under way */
	CxbDcTagSpace *own_tags;
};

/* --- dc.c --- */

bool cxb_dc_busy(CxbDc *dc, GError **errp); /* true, with an error, if an operation is under way */
/** cxb_dc_head() - Fails on a host without a head. */
DcHead *cxb_dc_head(CxbDc *dc, uint16_t host_id, GError **errp);

typedef enum { DC_COVER_WHOLE, DC_COVER_NONE, DC_COVER_CUT } DcCover;
/** cxb_dc_cover() - Append to @out the adjoining extents that the range lies in, in order of DPA.
 * @parts: set if it begins or ends inside one that may be cut: then cxb_dc_carve() is due
 *
 * NONE: bytes of it are in no extent; CUT: it begins or ends inside one that may not be cut. Then
 * @out is as it was. */
DcCover cxb_dc_cover(const DcHead *head, uint64_t dpa, uint64_t len, GPtrArray *out, bool *parts);
/** cxb_dc_is_static() - Extents have the bytes at their own place. */
static inline bool cxb_dc_is_static(const CxbDc *dc)
{
	return dc->config.backing != NULL;
}

/** cxb_dc_check_ranges() - Ranges of a request: whole blocks of the region, without overlap. */
bool cxb_dc_check_ranges(CxbDc *dc, uint8_t region, const CxbDcRange *ranges, size_t n,
			 GError **errp);
/** cxb_dc_host_error() - The guest error line of a refused 4802h or 4803h. @range: NULL if none. */
void cxb_dc_host_error(CxbDc *dc, uint16_t opcode, const CxbDcDpaRange *range, const char *why);

/** cxb_dc_extents_left() - How many fit yet when @going of those there are have gone. */
uint32_t cxb_dc_extents_left(const CxbDc *dc, size_t going);

/* --- dc_state.c: the changes of state themselves, which cannot fail --- */

/** cxb_dc_extent_end() - Its bytes are free now, zeroed if @sanitize, or if it was to be. The extent
 * is in no map any more, and stays its tag's. */
void cxb_dc_extent_end(CxbDc *dc, const DcExtent *e, bool sanitize);
void cxb_dc_group_add(DcGroup *group, DcExtent *e);
void cxb_dc_group_drop(DcExtent *e); /* out of its group, if it is in one */
void cxb_dc_apply(CxbDc *dc, const DcTxn *txn, unsigned op);
void cxb_dc_list_clear(DcList *list);

/* --- dc_carve.c: extents without a tag, which go in parts --- */

/** cxb_dc_carve() - As cxb_dc_cover() of a range it has found whole, but in extents that are just the
 * range: others are cut for @txn, and put together again if it is refused. */
void cxb_dc_carve(CxbDc *dc, DcTxn *txn, uint64_t dpa, uint64_t len, GPtrArray *out);
void cxb_dc_uncarve(CxbDc *dc, DcTxn *txn);
/** cxb_dc_cut_points() - Append to @points (uint64_t) where cxb_dc_carve() of the range would cut. */
void cxb_dc_cut_points(const DcHead *head, uint64_t dpa, uint64_t len, GArray *points);
/** cxb_dc_cuts() - How many cuts these are, and so how many extents more: a place that two ranges
 * share is cut once. Sorts @points. */
size_t cxb_dc_cuts(GArray *points);
/** cxb_dc_sanitize() - Have a range of static capacity zeroed that is free now. */
void cxb_dc_sanitize(CxbDc *dc, uint64_t dpa, uint64_t len);
/** cxb_dc_clean() - No byte of the range is to be zeroed still. True where capacity is lazy. */
bool cxb_dc_clean(CxbDc *dc, uint64_t dpa, uint64_t len, GError **errp);
/** cxb_dc_static_off() - Where the static backing has the byte at @dpa, which is in a region. */
uint64_t cxb_dc_static_off(const CxbDc *dc, uint64_t dpa);

/* --- dc_txn.c --- */

DcTxn *cxb_dc_txn_new(uint16_t head);
/** cxb_dc_txn_add() - Add an operation on @extents (DcExtent; taken). */
void cxb_dc_txn_add(DcTxn *txn, CxbDcOpKind kind, GPtrArray *extents);
/** cxb_dc_txn_run() - Prepare, then change everything or nothing. @txn is taken. */
DcTxnResult cxb_dc_txn_run(CxbDc *dc, DcTxn *txn, GError **errp);
/** cxb_dc_txn_drop() - It does not come to that: undo what was cut for it, and free it. */
void cxb_dc_txn_drop(CxbDc *dc, DcTxn *txn);
CxbRc cxb_dc_error_rc(const GError *error);
void cxb_dc_txn_free(DcTxn *txn);

/* --- dc_space.c: nothing here fails --- */

void cxb_dc_space_init(DcSpace *s, uint64_t base, uint64_t len);
void cxb_dc_space_fini(DcSpace *s);
/** cxb_dc_space_is_free() - All of a range that is not empty is. */
bool cxb_dc_space_is_free(const DcSpace *s, uint64_t dpa, uint64_t len);
void cxb_dc_space_take(DcSpace *s, uint64_t dpa, uint64_t len); /* it is free */
void cxb_dc_space_give(DcSpace *s, uint64_t dpa, uint64_t len); /* no byte of it is */
/** cxb_dc_space_fitting() - The smallest gap of at least @len bytes, or NULL. */
const CxbIv *cxb_dc_space_fitting(const DcSpace *s, uint64_t len);
/** cxb_dc_space_largest() - The largest gap, or the next smaller one to @below; NULL if none. */
const CxbIv *cxb_dc_space_largest(const DcSpace *s, const CxbIv *below);

/* --- dc_select.c --- */

/** cxb_dc_select() - The ranges (CxbDcRange) that the device chooses for a free or contiguous request,
 * in order of DPA. NULL on failure. */
GArray *cxb_dc_select(CxbDc *dc, const CxbDcAddReq *req, GError **errp);

/* --- dc_alloc.c --- */

/** cxb_dc_backing_error() - What a backing's refusal is to whoever asked: CXB_ERROR_BUSY or, if it is worth
 * asking again, CXB_ERROR_AGAIN. */
CxbErrorCode cxb_dc_backing_error(const GError *err);

/** cxb_dc_alloc_hold() - Hold the backing of @tag for @head; nothing else changes. NULL on failure. */
DcAlloc *cxb_dc_alloc_hold(CxbDc *dc, const CxbUuid *tag, uint16_t head, GError **errp);
/** cxb_dc_alloc_unhold() - Undo that. */
void cxb_dc_alloc_unhold(CxbDc *dc, DcAlloc *alloc);
DcAlloc *cxb_dc_alloc_find(CxbDc *dc, const CxbUuid *tag, GError **errp); /* that is live */
/** cxb_dc_alloc_whole() - Fails if a part of it was given back. */
bool cxb_dc_alloc_whole(const DcAlloc *alloc, GError **errp);
/** cxb_dc_pieces_init() - Of what has a tag, before anybody has it: @ranges are bytes from @base. */
void cxb_dc_pieces_init(DcAlloc *alloc, uint64_t base, const CxbDcRange *ranges, uint32_t n);
/** cxb_dc_piece_use() - One more has it; the first one takes it out of free space. */
void cxb_dc_piece_use(CxbDc *dc, DcAlloc *alloc, uint32_t i);
/** cxb_dc_piece_drop() - One less; the last one's is zeroed if it is to be, and free. */
void cxb_dc_piece_drop(CxbDc *dc, DcAlloc *alloc, uint32_t i);
/** cxb_dc_alloc_enter() - A head has it. */
void cxb_dc_alloc_enter(CxbDc *dc, DcAlloc *alloc);
/** cxb_dc_alloc_leave() - One has it no more. Without any, and without a reference, it ends. */
void cxb_dc_alloc_leave(CxbDc *dc, DcAlloc *alloc);
/** cxb_dc_allocs_fini() - End those that only the fabric manager has. */
void cxb_dc_allocs_fini(CxbDc *dc);

/* --- dc_timeout.c --- */

void cxb_dc_timeout_start(CxbDc *dc, uint16_t head, DcGroup *group, uint32_t ms);
void cxb_dc_timeout_free(DcTimeout *timeout); /* NULL is fine */
/** cxb_dc_timeouts_run() - An operation has ended: those that came meanwhile have their effect. */
void cxb_dc_timeouts_run(CxbDc *dc);

/* --- dc_tags.c --- */

/** cxb_dc_tag_new() - @alloc stays the caller's until cxb_dc_tag_enter(). */
DcTag *cxb_dc_tag_new(DcAlloc *alloc, uint16_t head, uint8_t region);
/** cxb_dc_tag_free() - With its extents, which must be in no map, list or group. */
void cxb_dc_tag_free(DcTag *tag);
DcTag *cxb_dc_tag_find(const DcHead *head, const CxbUuid *tag);
/** cxb_dc_tag_live() - The device where a host has the tag, or NULL. */
const char *cxb_dc_tag_live(CxbDc *dc, const CxbUuid *tag, uint16_t head);
/** cxb_dc_tag_user() - The device where a host has the tag, or that has it for another one; NULL. */
const char *cxb_dc_tag_user(CxbDc *dc, const CxbUuid *tag, uint16_t head);
/** cxb_dc_tag_enter() - The tag becomes live on its head. */
void cxb_dc_tag_enter(CxbDc *dc, DcTag *tag);
/** cxb_dc_tag_leave() - It is live no more: frees it, and the allocation with the last head's. */
void cxb_dc_tag_leave(CxbDc *dc, DcTag *tag);

static inline DcExtent *dc_ext(const GPtrArray *list, guint i)
{
	return g_ptr_array_index(list, i);
}

#endif
