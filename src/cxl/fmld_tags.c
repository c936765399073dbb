/* SPDX-License-Identifier: Apache-2.0 */
/* Tags and the fabric manager's references to them, CXL 3.1 7.6.7.6.7 to 7.6.7.6.9. */
#include "fmld_impl.h"

#include "base/trace.h"
#include "wire/fmapi.h"

static CxbRc reference(CxbFmLd *fm, const char *what, CxbRd *in,
		       bool (*change)(CxbDc *dc, const CxbUuid *tag, GError **errp))
{
	const struct wire_dc_reference_in *req = cxb_rd_take(in, sizeof(*req));
	g_autoptr(GError) err = NULL;

	if (cxb_dc_under_way(fm->config.dc))
		return CXB_RC_BUSY;
	if (change(fm->config.dc, &req->tag, &err))
		return CXB_RC_SUCCESS;
	cxb_guest_error("%s: %s: %s", fm->config.name, what, err->message);
	return CXB_RC_INVALID_INPUT;
}

static CxbRc add_reference(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	return reference(opaque, "add-dc-reference", in, cxb_dc_add_reference);
}

static CxbRc remove_reference(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	return reference(opaque, "remove-dc-reference", in, cxb_dc_remove_reference);
}

static void tag_fill(CxbDc *dc, struct wire_tag_info *w, const CxbDcTagInfo *info)
{
	const unsigned hosts = MIN(cxb_dc_config(dc)->n_heads, 8 * sizeof(w->references));

	w->tag = info->tag;
	w->flags = info->referenced ? WIRE_TAG_REFERENCED : 0;
	for (unsigned host = 0; host < hosts; host++) {
		const uint8_t bit = 1 << host % 8;
		CxbDcStatus status;

		if (!cxb_dc_status(dc, host, info->region, &info->tag, &status, NULL, NULL, NULL))
			continue;
		if (status == CXB_DC_STATUS_PENDING)
			w->pending_refs[host / 8] |= bit;
		else if (status != CXB_DC_STATUS_NOT_FOUND)
			w->references[host / 8] |= bit;
	}
}

static CxbRc list_tags(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	CxbDc *dc = ((CxbFmLd *)opaque)->config.dc;
	const struct wire_list_tags_in *req = cxb_rd_take(in, sizeof(*req));
	const uint32_t start = le32_get(req->start), total = cxb_dc_tag_count(dc);
	struct wire_list_tags_out *o;
	uint32_t n;

	if (start > total) {
		cxb_guest_error("%s: list-tags: tag %u of %u", cxb_cci_name(cci), start, total);
		return CXB_RC_INVALID_INPUT;
	}
	o = cxb_wr_room(out, sizeof(*o));
	if (!o)
		return CXB_RC_INTERNAL_ERROR;
	n = MIN(le32_get(req->count), total - start);
	n = MIN(n, cxb_wr_left(out) / sizeof(o->tag[0]));
	o->generation = le32_put(cxb_dc_tags_generation(dc));
	o->total = le32_put(total);
	o->returned = le32_put(n);
	o->valid = WIRE_TAGS_REFERENCES_VALID | WIRE_TAGS_PENDING_REFS_VALID;
	for (uint32_t i = 0; i < n; i++) {
		CxbDcTagInfo info;

		cxb_dc_tag_at(dc, start + i, &info);
		tag_fill(dc, cxb_wr_room(out, sizeof(o->tag[0])), &info);
	}
	return CXB_RC_SUCCESS;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_ADD_REFERENCE,
		.name = "add-dc-reference",
		.spec = "7.6.7.6.7",
		.in_min = sizeof(struct wire_dc_reference_in),
		.in_max = sizeof(struct wire_dc_reference_in),
		.effects = CXB_EFFECT_CONFIG_NOW,
		.run = add_reference,
	},
	{
		.opcode = CXB_OP_REMOVE_REFERENCE,
		.name = "remove-dc-reference",
		.spec = "7.6.7.6.8",
		.in_min = sizeof(struct wire_dc_reference_in),
		.in_max = sizeof(struct wire_dc_reference_in),
		.effects = CXB_EFFECT_CONFIG_NOW | CXB_EFFECT_DATA_NOW, /* bytes may be zeroed */
		.run = remove_reference,
	},
	{
		.opcode = CXB_OP_LIST_TAGS,
		.name = "list-tags",
		.spec = "7.6.7.6.9",
		.in_min = sizeof(struct wire_list_tags_in),
		.in_max = sizeof(struct wire_list_tags_in),
		.out_max = CXB_PAYLOAD_ANY,
		.run = list_tags,
	},
};

void fmld_add_tags(CxbFmLd *fm)
{
	cxb_cci_add(fm->cci, commands, G_N_ELEMENTS(commands), fm);
}
