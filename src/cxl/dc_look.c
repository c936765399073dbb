/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at the dynamic-capacity engine. */
#include "dc_internal.h"

#include "base/error.h"
#include "base/range.h"
#include "wire/cdat.h"

const char *cxb_dc_state_name(CxbDcState state)
{
	static const char *const names[] = {
		[CXB_DC_OFFERED] = "offered",
		[CXB_DC_ACCEPTED] = "accepted",
		[CXB_DC_RELEASING] = "releasing",
	};

	return names[state];
}

const char *cxb_dc_status_name(CxbDcStatus status)
{
	static const char *const names[] = {
		[CXB_DC_STATUS_NOT_FOUND] = "not-found",
		[CXB_DC_STATUS_PENDING] = "pending",
		[CXB_DC_STATUS_COMMITTED] = "committed",
		[CXB_DC_STATUS_RELEASING] = "releasing",
	};

	return names[status];
}

bool cxb_dc_status(CxbDc *dc, uint16_t host_id, uint8_t region, const CxbUuid *tag,
		   CxbDcStatus *status, size_t *extents, uint64_t *bytes, GError **errp)
{
	static const CxbDcStatus of_state[] = {
		[CXB_DC_OFFERED] = CXB_DC_STATUS_PENDING,
		[CXB_DC_ACCEPTED] = CXB_DC_STATUS_COMMITTED,
		[CXB_DC_RELEASING] = CXB_DC_STATUS_RELEASING,
	};
	const DcHead *head = cxb_dc_head(dc, host_id, errp);
	const DcTag *t;

	if (!head || !cxb_dc_check_ranges(dc, region, NULL, 0, errp))
		return false;
	t = cxb_dc_tag_find(head, tag);
	if (t && t->region != region)
		t = NULL;
	*status = CXB_DC_STATUS_NOT_FOUND;
	if (t)
		*status = of_state[((const DcExtent *)t->extents.head->data)->pub.state];
	if (extents)
		*extents = t ? t->extents.length : 0;
	if (bytes)
		*bytes = t ? t->bytes : 0;
	return true;
}

const CxbDcConfig *cxb_dc_config(const CxbDc *dc)
{
	return &dc->config;
}

const CxbDcRegion *cxb_dc_region_of(const CxbDc *dc, uint64_t dpa, uint64_t len)
{
	for (unsigned i = 0; i < dc->config.n_regions; i++) {
		const CxbDcRegion *r = &dc->config.regions[i];

		if (len && cxb_range_within(dpa, len, r->base, r->len))
			return r;
	}
	return NULL;
}

uint8_t cxb_dc_dsmas_flags(const CxbDcRegion *region)
{
	return WIRE_DSMAS_DYNAMIC | (region->non_volatile ? WIRE_DSMAS_NON_VOLATILE : 0) |
	       (region->sharable ? WIRE_DSMAS_SHARABLE : 0) |
	       (region->hw_coherent ? WIRE_DSMAS_HW_COHERENT : 0) |
	       (region->read_only ? WIRE_DSMAS_READ_ONLY : 0);
}

size_t cxb_dc_accepted_count(const CxbDc *dc, uint16_t head)
{
	return g_sequence_get_length(dc->heads[head].accepted);
}

const CxbDcExtent *cxb_dc_accepted_at(const CxbDc *dc, uint16_t head, size_t i)
{
	GSequence *accepted = dc->heads[head].accepted;

	if (i >= (size_t)g_sequence_get_length(accepted))
		return NULL;
	return g_sequence_get(g_sequence_get_iter_at_pos(accepted, i));
}

uint32_t cxb_dc_generation(const CxbDc *dc, uint16_t head)
{
	return dc->heads[head].generation;
}

bool cxb_dc_is_free(const CxbDc *dc, uint64_t dpa, uint64_t len)
{
	const CxbDcRegion *r = cxb_dc_region_of(dc, dpa, len);

	return r && cxb_dc_space_is_free(&dc->space[r - dc->config.regions], dpa, len);
}

const CxbDcExtent *cxb_dc_find(const CxbDc *dc, uint16_t head, uint64_t dpa)
{
	const CxbIv *iv = cxb_ivmap_find(dc->heads[head].map, dpa);

	return iv ? iv->value : NULL;
}

const CxbDcExtent *cxb_dc_next(const CxbDc *dc, uint16_t head, uint64_t dpa)
{
	const CxbIv *iv = cxb_ivmap_overlap(dc->heads[head].map, dpa, UINT64_MAX - dpa);

	if (iv && iv->start < dpa)
		iv = cxb_ivmap_next(dc->heads[head].map, iv);
	return iv ? iv->value : NULL;
}

uint32_t cxb_dc_extents_left(const CxbDc *dc, size_t going)
{
	/* Until what a host does not want of an extent has returned, its parts may be too many. */
	return dc->config.max_extents - MIN(dc->extents - going, dc->config.max_extents);
}

uint32_t cxb_dc_extents_available(const CxbDc *dc)
{
	return cxb_dc_extents_left(dc, 0);
}

uint32_t cxb_dc_tags_available(const CxbDc *dc)
{
	return dc->config.max_tags - g_hash_table_size(dc->allocs);
}

const CxbDcAnswer *cxb_dc_last_answer(const CxbDc *dc, uint16_t head)
{
	return &dc->heads[head].answer;
}

void cxb_dc_note_answer(CxbDc *dc, uint16_t head, uint16_t opcode, CxbRc rc, const char *check)
{
	CxbDcAnswer *answer = &dc->heads[head].answer;

	g_free(answer->check);
	*answer = (CxbDcAnswer){ opcode, rc, g_strdup(check) };
}

size_t cxb_dc_groups(const CxbDc *dc, uint16_t head)
{
	return g_queue_get_length((GQueue *)&dc->heads[head].offers);
}
