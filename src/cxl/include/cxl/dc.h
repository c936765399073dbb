/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dynamic-capacity engine (CXL 3.1 9.13.3): pure state, no I/O. Regions, heads, backings by tag,
 * offered groups, accepted extents.
 *
 * Every operation validates everything, then runs its observers in two phases, prepare (may fail,
 * may take time) and commit or abort, then changes state. No notification re-enters the engine:
 * an operation started from an observer fails with CXB_ERROR_BUSY. All lookups are O(log n).
 *
 * States of an extent: free -> offered (add) -> accepted (Add Response) -> releasing (asked back,
 * still accepted) -> free (Release, or forced release). An offered one returns to free when
 * the response does not name it or the offer is withdrawn.
 *
 * Capacity is lazy or static. Lazy: every extent has a tag, every tag a backing that its extents
 * fill in order. Static: one backing has the bytes of all regions, and an extent those at its own
 * place; its tag is a name without bytes of its own, or none (null). A tag is offered, accepted and
 * asked back whole. What has none is cut as hosts and requests like: a part becomes an extent of its
 * own, in the place of the whole in every list, and changes the generation number if that shows.
 *
 * An allocation is what a tag names: its extents, the same on each host that has it. It lasts as long as
 * a host or the fabric manager's reference has one of them, and only then are its bytes free, after
 * sanitizing if any release asked for it. Several hosts may have one only in sharable regions, one after
 * the other in all of them.
 *
 * While one operation is under way
 * (an observer runs, or one said CXB_DC_WAIT) requests fail with CXB_ERROR_BUSY and the host's
 * commands with CXB_RC_BUSY; a reset is noted and announces again when the operation has ended.
 *
 * A release that was asked for and not answered may be asked for again: the extents stay
 * releasing and are announced anew, for a host that could not let go stays silent and expects
 * that. After a reset each open request is announced once, in the order of the first asking.
 *
 * Sanitizing is the backing's own affair: the engine says what is to be zeroed, which takes its time and
 * may fail, and lets go of it. Until it is done the backing cannot be held, and a static range not be
 * added; adds fail with what the backing says, CXB_ERROR_AGAIN while it goes on.
 */
#ifndef CXB_CXL_DC_H
#define CXB_CXL_DC_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "wire/rc.h"

#define CXB_DC_REGIONS     8
#define CXB_DC_BLOCK_SIZE  (2ull << 20) /* default */
#define CXB_DC_BLOCK_MIN   64ull
#define CXB_DC_MAX_EXTENTS (512u << 10) /* default of what 4800h reports as supported */

typedef struct CxbDc CxbDc;
typedef struct CxbDcBacking CxbDcBacking;
typedef struct CxbDcTagSpace CxbDcTagSpace;

/* Bytes that a tag names. The engine holds one while any extent of it is offered or accepted. The
 * one of static capacity is its owner's: tag, hold, release and set_mapped are not called. */
typedef struct {
	const CxbUuid *(*tag)(CxbDcBacking *b);
	uint64_t (*size)(CxbDcBacking *b);
	const char *(*name)(CxbDcBacking *b);
	/* Fails if held, or still to be zeroed (CXB_ERROR_AGAIN while that goes on). */
	bool (*hold)(CxbDcBacking *b, const char *holder, GError **errp);
	void (*release)(CxbDcBacking *b);
	void (*set_mapped)(CxbDcBacking *b, bool mapped); /* first acceptance / last release */
	/* Zero that part of the contents before anybody holds it again; before release. */
	void (*sanitize)(CxbDcBacking *b, uint64_t off, uint64_t len);
	/* Static only: that part is not to be zeroed any more; fails as hold does. */
	bool (*clean)(CxbDcBacking *b, uint64_t off, uint64_t len, GError **errp);
} CxbDcBackingOps;
struct CxbDcBacking {
	const CxbDcBackingOps *ops;
};

typedef struct {
	uint64_t base;       /* DPA */
	uint64_t decode_len; /* bytes, multiple of 256 MiB */
	uint64_t len;        /* bytes usable now */
	uint64_t block_size; /* bytes, power of two, multiple of 64; 0: CXB_DC_BLOCK_SIZE */
	uint8_t dsmad_handle;
	bool sharable, sanitize_on_release;
	/* What hosts are told; the engine does not act on it. */
	bool hw_coherent, read_only, non_volatile;
} CxbDcRegion;

typedef struct {
	const char *name; /* path of the device: holder of backings, guest errors */
	unsigned n_regions;
	CxbDcRegion regions[CXB_DC_REGIONS];
	unsigned n_heads;     /* hosts; at least 1 */
	uint32_t max_extents; /* 0: default */
	uint32_t max_tags;    /* 0: as many as extents */
	/* Static capacity: the bytes of all regions, one behind the other. NULL: it is lazy. */
	CxbDcBacking *backing;
	/* Lazy capacity: the backing of @tag, or NULL. An add needs a tag with a backing. */
	CxbDcBacking *(*find_backing)(void *opaque, const CxbUuid *tag);
	void *opaque;
	CxbClock *clock;     /* of timeouts; NULL: no request has one */
	CxbDcTagSpace *tags; /* borrowed; live tags of each host across devices. NULL: of its own */
} CxbDcConfig;

typedef enum { CXB_DC_OFFERED, CXB_DC_ACCEPTED, CXB_DC_RELEASING } CxbDcState;
const char *cxb_dc_state_name(CxbDcState state); /* "offered", "accepted", "releasing" */

typedef struct {
	uint64_t dpa, len;
	CxbUuid tag;
	uint16_t seq, head;
	uint8_t region;
	CxbDcState state : 8; /* there are many: no hole in front of it */
	uint64_t serial; /* of the extent when it was offered: what is cut off it has the same */
	CxbDcBacking *backing;
	const char *request_id; /* of the request that added it, or NULL */
	uint64_t backing_off;   /* bytes, of the extent's first byte in the backing. In order of DPA
	                       * where it is static */
} CxbDcExtent;

/* What happens to a list of extents. Order: as requested, or of acceptance. */
typedef enum {
	CXB_DC_OP_OFFER,           /* free -> offered: announce (type 0) */
	CXB_DC_OP_ACCEPT,          /* offered -> accepted: map */
	CXB_DC_OP_RETURN,          /* offered -> free: the host did not want it, or withdrawn */
	CXB_DC_OP_REQUEST_RELEASE, /* accepted -> releasing: announce (type 1) */
	CXB_DC_OP_RELEASE,         /* accepted or releasing -> free, by the host: unmap */
	CXB_DC_OP_FORCED_RELEASE, /* any -> free, by the fabric manager: unmap, announce (type 2) */
	CXB_DC_OP_REANNOUNCE,     /* no change of state: a reset emptied log 4; the record type is 0
	                            * for offered and 1 for releasing extents, one op a group */
} CxbDcOpKind;

typedef struct {
	CxbDcOpKind kind;
	uint16_t head;
	size_t n;
	/* In prepare and abort as they are before the operation, in commit see there. Those of one
	 * tag stand together for everything but ACCEPT and RELEASE. Valid until commit or abort
	 * returns. */
	const CxbDcExtent *const *extents;
	uint32_t extents_left, tags_left; /* in commit: available once the operation is done */
	bool timeout; /* FORCED_RELEASE: of an offer that was not answered in time */
	/* ACCEPT also returns what was not taken: a RETURN op of its own follows in the same step. */
} CxbDcOp;

typedef enum { CXB_DC_READY, CXB_DC_REFUSED, CXB_DC_WAIT } CxbDcPrepare;

typedef struct {
	/* Check and reserve. REFUSED fills @errp. WAIT: cxb_dc_prepared() will be called later with
	 * the outcome (not from inside prepare); allowed for ACCEPT and RELEASE. NULL: always
	 * ready. RETURN, FORCED_RELEASE and REANNOUNCE are prepared too but may not be refused. */
	CxbDcPrepare (*prepare)(void *opaque, const CxbDcOp *op, GError **errp);
	void (*abort)(void *opaque, const CxbDcOp *op); /* undo a prepare that was READY */
	/* It happens. Runs before the state changes for RELEASE, FORCED_RELEASE and RETURN (aliases
	 * go first), after it for the others. */
	void (*commit)(void *opaque, const CxbDcOp *op);
	/* cxb_dc_configure() has changed a region. NULL: of no interest. */
	void (*configured)(void *opaque, uint8_t region);
} CxbDcObserver;

/* Live tags of each host, shared by all devices of a machine. */
CxbDcTagSpace *cxb_dc_tag_space_new(void);
void cxb_dc_tag_space_free(CxbDcTagSpace *space);

/** cxb_dc_new() - @config is copied. Fails on regions that break 9.13.3's rules. */
CxbDc *cxb_dc_new(const CxbDcConfig *config, GError **errp);
/** cxb_dc_free() - Releases all backings without running observers, those to be sanitized whose
 * release with sanitizing has begun. An operation that waits is forgotten, its done not called. */
void cxb_dc_free(CxbDc *dc);
/** cxb_dc_add_observer() - Prepare runs in order of addition, commit too, abort in reverse. */
void cxb_dc_add_observer(CxbDc *dc, const CxbDcObserver *observer, void *opaque);
/** cxb_dc_remove_observers() - Those of @opaque see nothing any more, not even the end of an operation
 * that waits. Not from an observer. */
void cxb_dc_remove_observers(CxbDc *dc, void *opaque);
/** cxb_dc_prepared() - The outcome of a prepare that said CXB_DC_WAIT. @error: NULL = ready; taken. */
void cxb_dc_prepared(CxbDc *dc, GError *error);

/** cxb_dc_under_way() - An operation is: requests fail with CXB_ERROR_BUSY. */
bool cxb_dc_under_way(const CxbDc *dc);

/* --- the orchestrator's side --- */

typedef enum {
	CXB_DC_SELECT_FREE,
	CXB_DC_SELECT_CONTIGUOUS,
	CXB_DC_SELECT_PRESCRIPTIVE,
	CXB_DC_SELECT_SHARED,
} CxbDcSelection;
typedef enum { CXB_DC_REMOVE_TAG_BASED, CXB_DC_REMOVE_PRESCRIPTIVE } CxbDcRemoval;

/* Bytes from the region's base. */
typedef struct {
	uint64_t offset, len;
} CxbDcRange;

typedef struct {
	uint16_t host_id;
	CxbDcSelection policy;
	uint8_t region;
	CxbUuid tag; /* null: none */
	size_t n;    /* prescriptive: at least 1; other policies: 0 */
	const CxbDcRange *ranges;
	uint64_t length; /* bytes; free and contiguous */
	/* An offer not answered by then is withdrawn as by force; 0: it stays. Of a group the first
	 * request's counts. */
	uint32_t timeout_ms;
	const char *request_id; /* kept with the extents, means nothing here; copied; NULL: none */
} CxbDcAddReq;

typedef struct {
	uint16_t host_id;
	CxbDcRemoval policy;
	bool forced, sanitize;
	uint8_t region;
	CxbUuid tag;
	size_t n;
	const CxbDcRange *ranges;
} CxbDcReleaseReq;

/* Errors are worded as QEMU's cxl-add-dynamic-capacity and cxl-release-dynamic-capacity word them,
 * with the extent, tag or bound behind. All or nothing.
 *
 * A release covers whole tags: by tag, @ranges may be empty, else each must name whole extents of
 * the tag; prescriptive, the ranges name the tags, or just themselves where there is no tag. Forced,
 * it also withdraws an offer: what is left of the group is what a response answers. */
bool cxb_dc_add(CxbDc *dc, const CxbDcAddReq *req, GError **errp);
/** cxb_dc_add_group() - As cxb_dc_add() of @n requests for one host that make one offered group. Each
 * has another tag, or none; a policy by which the device chooses comes alone or first. */
bool cxb_dc_add_group(CxbDc *dc, const CxbDcAddReq *reqs, size_t n, GError **errp);
bool cxb_dc_release(CxbDc *dc, const CxbDcReleaseReq *req, GError **errp);
/** cxb_dc_release_group() - As cxb_dc_release() of @n prescriptive requests that differ in region, tag
 * and ranges only, as one: all of what they name, or nothing. */
bool cxb_dc_release_group(CxbDc *dc, const CxbDcReleaseReq *reqs, size_t n, GError **errp);

/** cxb_dc_add_reference(), _remove_reference() - The fabric manager's hold on an allocation (CXL 3.1
 * 7.6.7.6.7, 7.6.7.6.8): it stays, with its contents, when no host has it any more. There is one or
 * none: adding it again changes nothing. Fail on a tag that no allocation has, and on adding when a part
 * was given back. */
bool cxb_dc_add_reference(CxbDc *dc, const CxbUuid *tag, GError **errp);
bool cxb_dc_remove_reference(CxbDc *dc, const CxbUuid *tag, GError **errp);

/** cxb_dc_block_sizes() - What the blocks of a region may have: the sum of these powers of two. */
uint64_t cxb_dc_block_sizes(const CxbDc *dc, uint8_t region);
/** cxb_dc_region_is_free() - No host has any of it, nor does a reference keep some. */
bool cxb_dc_region_is_free(const CxbDc *dc, uint8_t region);
/** cxb_dc_configure() - Give a region blocks of another size, and have its capacity sanitized on
 * release or not. Fails with CXB_ERROR_BUSY while it is not free. Without a change nobody is told. */
bool cxb_dc_configure(CxbDc *dc, uint8_t region, uint64_t block_size, bool sanitize, GError **errp);

typedef enum {
	CXB_DC_STATUS_NOT_FOUND,
	CXB_DC_STATUS_PENDING,
	CXB_DC_STATUS_COMMITTED,
	CXB_DC_STATUS_RELEASING,
} CxbDcStatus;
/** cxb_dc_status() - Where the allocation of @tag in @region stands for a host; counts its extents
 * and bytes. Fails on an unknown host or region. */
bool cxb_dc_status(CxbDc *dc, uint16_t host_id, uint8_t region, const CxbUuid *tag,
		   CxbDcStatus *status, size_t *extents, uint64_t *bytes, GError **errp);
const char *cxb_dc_status_name(CxbDcStatus status);

/* --- the host's side (one head) --- */

typedef struct {
	uint64_t dpa, len;
} CxbDcDpaRange;

typedef void (*CxbDcDone)(void *opaque, CxbRc rc);

/**
 * cxb_dc_add_response() - 4802h (8.2.9.9.9.3), one payload.
 * @more: the list goes on in a further command; nothing happens yet
 * @done: called later if and only if CXB_RC_LATER is returned
 *
 * A range names whole extents: one, or several that adjoin; those without a tag may be named in
 * part, and the rest returns. Refused, by order of checks: nothing
 * offered (Invalid Physical Address), more extents than fit (Resources Exhausted), outside a
 * region (Invalid Physical Address), not aligned or overlapping in the list (Invalid Extent
 * List), not of the oldest group, cutting an extent or part of a tag (Invalid Physical Address).
 * An observer's refusal is Resources Exhausted for CXB_ERROR_NO_ROOM, Busy for CXB_ERROR_BUSY, else
 * Internal Error. Each refusal drops what was collected (Busy while an operation is under way
 * does not) and writes one guest error line.
 */
CxbRc cxb_dc_add_response(CxbDc *dc, uint16_t head, const CxbDcDpaRange *list, size_t n, bool more,
			  CxbDcDone done, void *opaque);
/** cxb_dc_host_release() - 4803h (8.2.9.9.9.4), same shape. An empty payload is Invalid Input; more
 * extents after cuts than are supported, Resources Exhausted. */
CxbRc cxb_dc_host_release(CxbDc *dc, uint16_t head, const CxbDcDpaRange *list, size_t n, bool more,
			  CxbDcDone done, void *opaque);
/* How a head's last 4802h or 4803h ended. */
typedef struct {
	uint16_t opcode; /* 0: there was none */
	CxbRc rc;
	char *check; /* that failed; NULL: it did not fail */
} CxbDcAnswer;
const CxbDcAnswer *cxb_dc_last_answer(const CxbDc *dc, uint16_t head);
/** cxb_dc_note_answer() - It ended before it came here. @check is copied. */
void cxb_dc_note_answer(CxbDc *dc, uint16_t head, uint16_t opcode, CxbRc rc, const char *check);
/** cxb_dc_reset_head() - Steps 2, 6 and 7 of a reset: half-collected lists are dropped, then every
 * offered group and open release request is announced again (REANNOUNCE), in the original order. */
void cxb_dc_reset_head(CxbDc *dc, uint16_t head);
/** cxb_dc_head_leave() - The host has gone: whatever it was offered and has accepted is free, as by force.
 * An operation of its own that waits fails; one of another host is waited for. */
void cxb_dc_head_leave(CxbDc *dc, uint16_t head);
/** cxb_dc_drop_lists() - An error or another command ended a collection. */
void cxb_dc_drop_lists(CxbDc *dc, uint16_t head);

/* --- looking --- */

const CxbDcConfig *cxb_dc_config(const CxbDc *dc);
/** cxb_dc_region_of() - The region that has all of (@dpa, @len), @len above 0; or NULL. */
const CxbDcRegion *cxb_dc_region_of(const CxbDc *dc, uint64_t dpa, uint64_t len);
/** cxb_dc_dsmas_flags() - WIRE_DSMAS_* of a region, in CDAT and 5601h alike. */
uint8_t cxb_dc_dsmas_flags(const CxbDcRegion *region);
/** cxb_dc_accepted_count(), _at() - Accepted extents (releasing ones too) in order of acceptance. */
size_t cxb_dc_accepted_count(const CxbDc *dc, uint16_t head);
const CxbDcExtent *cxb_dc_accepted_at(const CxbDc *dc, uint16_t head, size_t i); /* O(log n) */
uint32_t cxb_dc_generation(const CxbDc *dc, uint16_t head);

/* An allocation. */
typedef struct {
	CxbUuid tag;
	uint8_t region;
	CxbDcBacking *backing;
	bool referenced; /* by the fabric manager */
	unsigned heads;  /* to which it is offered, or which accepted it */
	size_t extents;  /* on each of them */
	uint64_t bytes;
} CxbDcTagInfo;

size_t cxb_dc_tag_count(const CxbDc *dc);
/** cxb_dc_tag_at() - In an order that is the same while the generation is; false behind the last. */
bool cxb_dc_tag_at(const CxbDc *dc, size_t i, CxbDcTagInfo *info);
bool cxb_dc_tag_info(CxbDc *dc, const CxbUuid *tag, CxbDcTagInfo *info, GError **errp);
/** cxb_dc_tags_generation() - Changes whenever a tag comes or goes, or who has it. */
uint32_t cxb_dc_tags_generation(const CxbDc *dc);

/** cxb_dc_is_free() - All of a range lies in one region, and no host and no reference has any of it. */
bool cxb_dc_is_free(const CxbDc *dc, uint64_t dpa, uint64_t len);
/** cxb_dc_find() - The extent of @head, offered or accepted, that contains @dpa, or NULL. */
const CxbDcExtent *cxb_dc_find(const CxbDc *dc, uint16_t head, uint64_t dpa);
/** cxb_dc_next() - Extents of @head in order of DPA: the first at or above @dpa, or NULL. */
const CxbDcExtent *cxb_dc_next(const CxbDc *dc, uint16_t head, uint64_t dpa);
uint32_t cxb_dc_extents_available(const CxbDc *dc);
uint32_t cxb_dc_tags_available(const CxbDc *dc);
size_t cxb_dc_groups(const CxbDc *dc, uint16_t head); /* offered groups not yet answered */

#endif
