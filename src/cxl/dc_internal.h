/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dynamic-capacity engine's state, shared by dc*.c and looked at by nobody else.
 *
 * An extent is in its head's map, in its tag and, while offered or asked back, in one group; once
 * accepted also in its head's list. All four are reached from the extent without a search.
 */
#ifndef CXB_CXL_DC_INTERNAL_H
#define CXB_CXL_DC_INTERNAL_H

#include "base/ivmap.h"
#include "cxl/dc.h"

/* What a tag names on this device. */
typedef struct {
	CxbUuid tag;
	CxbDcBacking *backing; /* held */
	unsigned heads;        /* on which the tag is live */
	size_t accepted;       /* extents, on all heads; mapped while not 0 */
	bool sanitize;         /* before the backing is free again */
} DcAlloc;

/* A tag that is live on one head. All of its extents are in one region and in one state. Those of
 * one add without a tag have one of these, too, with the null tag and states of their own. */
typedef struct {
	DcAlloc *alloc;
	CxbUuid tag;
	uint16_t head;
	uint8_t region;
	uint64_t bytes;
	GQueue extents; /* DcExtent, in order of offset in the backing */
	size_t scratch; /* 0 between operations */
} DcTag;

/* What one add offered, or what one request asked back. Freed when it is empty. */
typedef struct {
	GQueue extents; /* DcExtent */
	GQueue *owner;
	GList link; /* in owner */
} DcGroup;

typedef struct {
	CxbDcExtent pub; /* first */
	DcTag *tag;
	GList tag_link;
	DcGroup *group; /* or NULL */
	GList group_link;
	GSequenceIter *order; /* in the accepted list, or NULL */
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
	bool reannounce; /* reset while an operation was under way */
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
	CxbDcConfig config;  /* name is our copy */
	DcHead *heads;       /* config.n_heads */
	GArray *watches;     /* DcWatch */
	GHashTable *allocs;  /* &DcAlloc.tag -> DcAlloc */
	GHashTable *unclean; /* &DcAlloc.tag -> DcAlloc whose sanitizing failed */
	CxbIvMap *dirty;     /* static: DPA whose sanitizing failed */
	DcAlloc untagged;    /* static: of what has no tag */
	uint32_t extents;    /* offered and accepted, on all heads */
	DcTxn *txn;          /* under way */
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

void cxb_dc_group_add(DcGroup *group, DcExtent *e);
void cxb_dc_group_drop(DcExtent *e); /* out of its group, if it is in one */
void cxb_dc_apply(CxbDc *dc, const DcTxn *txn, unsigned op);
void cxb_dc_list_clear(DcList *list);

/* --- dc_carve.c: extents without a tag, which go in parts --- */

/** cxb_dc_carve() - As cxb_dc_cover() of a range it has found whole, but in extents that are just the
 * range: others are cut for @txn, and put together again if it is refused. */
void cxb_dc_carve(CxbDc *dc, DcTxn *txn, uint64_t dpa, uint64_t len, GPtrArray *out);
void cxb_dc_uncarve(CxbDc *dc, DcTxn *txn);
/** cxb_dc_clean() - Zero a range of static capacity that is free now, or remember that it is not. */
void cxb_dc_clean(CxbDc *dc, uint64_t dpa, uint64_t len);
/** cxb_dc_clean_again() - Whatever of the range could not be zeroed is tried again. */
bool cxb_dc_clean_again(CxbDc *dc, uint64_t dpa, uint64_t len, GError **errp);
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

/* --- dc_tags.c --- */

/** cxb_dc_tag_new() - @alloc stays the caller's until cxb_dc_tag_enter(). */
DcTag *cxb_dc_tag_new(DcAlloc *alloc, uint16_t head, uint8_t region);
/** cxb_dc_tag_free() - With its extents, which must be in no map, list or group. */
void cxb_dc_tag_free(DcTag *tag);
DcTag *cxb_dc_tag_find(const DcHead *head, const CxbUuid *tag);
/** cxb_dc_tag_hold() - Hold the backing of @tag for @head; nothing else changes. NULL on failure. */
DcAlloc *cxb_dc_tag_hold(CxbDc *dc, const CxbUuid *tag, uint16_t head, GError **errp);
/** cxb_dc_tag_unhold() - Undo that. */
void cxb_dc_tag_unhold(CxbDc *dc, DcAlloc *alloc);
/** cxb_dc_tag_enter() - The tag becomes live on its head. */
void cxb_dc_tag_enter(CxbDc *dc, DcTag *tag);
/** cxb_dc_tag_leave() - It is live no more: frees it, and the backing with the last head's. */
void cxb_dc_tag_leave(CxbDc *dc, DcTag *tag);
/** cxb_dc_alloc_free() - Unmap, sanitize if asked to, release; false: still held, not freed. */
bool cxb_dc_alloc_free(CxbDc *dc, DcAlloc *alloc, GError **errp);

static inline DcExtent *dc_ext(const GPtrArray *list, guint i)
{
	return g_ptr_array_index(list, i);
}

#endif
