/* SPDX-License-Identifier: Apache-2.0 */
/* Dynamic capacity commands 4800h-4803h, CXL 3.1 8.2.9.9.9. */
#include "cxl/dc_cmds.h"

#include "base/trace.h"
#include "dc_head.h"
#include "wire/dc.h"

/* 8.2.9.9.9.1. The trailer stands behind the regions returned, not behind all there could be. */
static CxbRc get_config(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbDcHead *h = opaque;
	const CxbDcConfig *c = cxb_dc_config(h->dc);
	const struct wire_dc_config_in *req = cxb_rd_take(in, sizeof(*req));
	struct wire_dc_config_trailer *trailer;
	struct wire_dc_config_out *o;
	unsigned n;

	if (req->start >= c->n_regions) {
		cxb_guest_error("%s: opcode 4800h: region %u of %u", c->name, req->start,
				c->n_regions);
		return CXB_RC_INVALID_INPUT;
	}
	o = cxb_wr_room(out, sizeof(*o));
	if (!o || cxb_wr_left(out) < sizeof(*trailer))
		return CXB_RC_INTERNAL_ERROR; /* the smallest payload has room */
	n = MIN(req->count, c->n_regions - req->start);
	n = MIN(n, (cxb_wr_left(out) - sizeof(*trailer)) / sizeof(o->region[0]));
	o->available = c->n_regions;
	o->returned = n;
	for (unsigned i = 0; i < n; i++) {
		const CxbDcRegion *r = &c->regions[req->start + i];
		struct wire_dc_region *w = cxb_wr_room(out, sizeof(*w));

		w->base = le64_put(r->base);
		w->decode_len = le64_put(r->decode_len >> 28);
		w->length = le64_put(r->len);
		w->block_size = le64_put(r->block_size);
		w->dsmad_handle = le32_put(r->dsmad_handle);
		w->flags = r->sanitize_on_release ? WIRE_DC_REGION_SANITIZE : 0;
	}
	trailer = cxb_wr_room(out, sizeof(*trailer));
	trailer->extents_supported = le32_put(c->max_extents);
	trailer->extents_available = le32_put(cxb_dc_extents_available(h->dc));
	trailer->tags_supported = le32_put(c->max_tags);
	trailer->tags_available = le32_put(cxb_dc_tags_available(h->dc));
	return CXB_RC_SUCCESS;
}

/* 8.2.9.9.9.2 */
static CxbRc get_list(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbDcHead *h = opaque;
	const struct wire_dc_list_in *req = cxb_rd_take(in, sizeof(*req));
	const uint32_t total = cxb_dc_accepted_count(h->dc, h->head);
	const uint32_t start = le32_get(req->start);
	struct wire_dc_list_out *o;
	uint32_t n;

	if (start > total) {
		cxb_guest_error("%s: opcode 4801h: extent %u of %u", cxb_dc_config(h->dc)->name,
				start, total);
		return CXB_RC_INVALID_INPUT;
	}
	o = cxb_wr_room(out, sizeof(*o));
	if (!o)
		return CXB_RC_INTERNAL_ERROR;
	n = MIN(le32_get(req->count), total - start);
	n = MIN(n, cxb_wr_left(out) / sizeof(o->extent[0]));
	o->returned = le32_put(n);
	o->total = le32_put(total);
	o->generation = le32_put(cxb_dc_generation(h->dc, h->head));
	for (uint32_t i = 0; i < n; i++) {
		const CxbDcExtent *e = cxb_dc_accepted_at(h->dc, h->head, start + i);
		struct wire_dc_extent *w = cxb_wr_room(out, sizeof(*w));

		w->dpa = le64_put(e->dpa);
		w->length = le64_put(e->len);
		w->tag = e->tag;
		w->seq = le16_put(e->seq);
	}
	return CXB_RC_SUCCESS;
}

static CxbRc bad_payload(CxbDcHead *h, unsigned opcode, size_t len)
{
	cxb_guest_error("%s: opcode %04Xh: dpa 0x0 len 0x0: payload of %zu bytes is too short",
			cxb_dc_config(h->dc)->name, opcode, len);
	cxb_dc_note_answer(h->dc, h->head, opcode, CXB_RC_PAYLOAD_LEN, "payload is too short");
	cxb_dc_drop_lists(h->dc, h->head);
	return CXB_RC_PAYLOAD_LEN;
}

static void done(void *opaque, CxbRc rc)
{
	CxbDcHead *h = opaque;

	cxb_cci_complete_ticket(h->cci, h->ticket, rc);
}

typedef CxbRc (*UpdateFn)(CxbDc *dc, uint16_t head, const CxbDcDpaRange *list, size_t n, bool more,
			  CxbDcDone done, void *opaque);

/* The payload of 4802h and 4803h: a header and as many entries as it says. */
static CxbRc update(CxbDcHead *h, unsigned opcode, CxbRd *in, UpdateFn fn)
{
	const size_t len = in->left;
	const struct wire_dc_update_in *req = cxb_rd_take(in, sizeof(*req));
	g_autofree CxbDcDpaRange *list = NULL;
	uint32_t n;
	CxbRc rc;

	if (!req)
		return bad_payload(h, opcode, len);
	n = le32_get(req->count);
	if (n > in->left / sizeof(req->entry[0]))
		return bad_payload(h, opcode, len);
	list = g_try_new(CxbDcDpaRange, n);
	if (n && !list) {
		cxb_dc_note_answer(h->dc, h->head, opcode, CXB_RC_RESOURCES,
				   "no memory for the list");
		cxb_dc_drop_lists(h->dc, h->head);
		return CXB_RC_RESOURCES;
	}
	for (uint32_t i = 0; i < n; i++)
		list[i] = (CxbDcDpaRange){ le64_get(req->entry[i].dpa),
					   le64_get(req->entry[i].length) };
	rc = fn(h->dc, h->head, list, n, req->flags & WIRE_DC_UPDATE_MORE, done, h);
	if (rc == CXB_RC_LATER)
		h->ticket = cxb_cci_ticket(h->cci);
	return rc;
}

static CxbRc add_response(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	return update(opaque, 0x4802, in, cxb_dc_add_response);
}

static CxbRc release(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	return update(opaque, 0x4803, in, cxb_dc_host_release);
}

#define CONFIG_OUT_MAX                                                                         \
	(sizeof(struct wire_dc_config_out) + WIRE_DC_REGIONS * sizeof(struct wire_dc_region) + \
	 sizeof(struct wire_dc_config_trailer))

/* clang-format off */
static const CxbCciCmd rows[] = {
	{ .opcode = 0x4800, .name = "get-dc-config", .spec = "8.2.9.9.9.1",
	  .in_min = sizeof(struct wire_dc_config_in), .in_max = sizeof(struct wire_dc_config_in),
	  .out_max = CONFIG_OUT_MAX, .run = get_config },
	{ .opcode = 0x4801, .name = "get-dc-extent-list", .spec = "8.2.9.9.9.2",
	  .in_min = sizeof(struct wire_dc_list_in), .in_max = sizeof(struct wire_dc_list_in),
	  .out_max = CXB_PAYLOAD_ANY, .run = get_list },
	/* A payload too short ends a list in several parts, so these two see it themselves. */
	{ .opcode = 0x4802, .name = "add-dc-response", .spec = "8.2.9.9.9.3",
	  .in_min = 0, .in_max = CXB_PAYLOAD_ANY, .out_max = 0,
	  .effects = CXB_EFFECT_DATA_NOW, .run = add_response },
	{ .opcode = 0x4803, .name = "release-dc", .spec = "8.2.9.9.9.4",
	  .in_min = 0, .in_max = CXB_PAYLOAD_ANY, .out_max = 0,
	  .effects = CXB_EFFECT_DATA_NOW, .run = release },
};
/* clang-format on */

CxbDcHead *cxb_dc_head_new(CxbDc *dc, uint16_t head, CxbCci *cci, CxbEvLogs *logs)
{
	CxbDcHead *h = g_new0(CxbDcHead, 1);

	g_assert(head < cxb_dc_config(dc)->n_heads);
	h->dc = dc;
	h->head = head;
	h->cci = cci;
	h->logs = logs;
	g_queue_init(&h->waiting);
	cxb_cci_add(cci, rows, G_N_ELEMENTS(rows), h);
	cxb_dc_add_observer(dc, &cxb_dc_records, h);
	cxb_evlogs_on_cleared(logs, cxb_dc_records_cleared, h);
	return h;
}

void cxb_dc_head_free(CxbDcHead *h)
{
	if (!h)
		return;
	cxb_dc_remove_observers(h->dc, h);
	cxb_dc_records_drop(h);
	g_free(h);
}

void cxb_dc_head_reset(CxbDcHead *h)
{
	cxb_dc_records_drop(h);
	cxb_evlogs_clear_dc(h->logs);
	cxb_dc_reset_head(h->dc, h->head);
}
