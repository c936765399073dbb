/* SPDX-License-Identifier: Apache-2.0 */
/* Dynamic capacity management, CXL 3.1 7.6.7.6: looking (5600h, 5601h, 5603h). Changes are in
 * fmld_config.c and fmld_change.c, references in fmld_tags.c. */
#include "fmld_impl.h"

#include "base/trace.h"
#include "wire/fmapi.h"

#define ADD_POLICIES                                                 \
	(1u << CXB_DC_SELECT_FREE | 1u << CXB_DC_SELECT_CONTIGUOUS | \
	 1u << CXB_DC_SELECT_PRESCRIPTIVE | 1u << CXB_DC_SELECT_SHARED)
#define REMOVAL_POLICIES (1u << CXB_DC_REMOVE_TAG_BASED | 1u << CXB_DC_REMOVE_PRESCRIPTIVE)

static CxbRc get_info(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbDc *dc = ((const CxbFmLd *)opaque)->config.dc;
	const CxbDcConfig *c = cxb_dc_config(dc);
	struct wire_dcd_info *info = cxb_wr_room(out, sizeof(*info));
	uint64_t total = 0;

	if (!info)
		return CXB_RC_INTERNAL_ERROR;
	for (unsigned i = 0; i < c->n_regions; i++) {
		total += c->regions[i].decode_len;
		info->sanitize_configurable |= 1u << i;
		info->block_sizes[i] = le64_put(cxb_dc_block_sizes(dc, i));
	}
	info->hosts = c->n_heads;
	info->regions = c->n_regions;
	info->add_policies = le16_put(ADD_POLICIES);
	info->removal_policies = le16_put(REMOVAL_POLICIES);
	info->total = le64_put(total >> 28);
	return CXB_RC_SUCCESS;
}

static bool host_exists(const CxbCci *cci, const CxbDcConfig *c, uint16_t host_id)
{
	if (host_id < c->n_heads)
		return true;
	cxb_guest_error("%s: host %u of %u", cxb_cci_name(cci), host_id, c->n_heads);
	return false;
}

static void region_fill(struct wire_host_dc_region *w, const CxbDcRegion *r)
{
	w->base = le64_put(r->base);
	w->decode_len = le64_put(r->decode_len >> 28);
	w->length = le64_put(r->len);
	w->block_size = le64_put(r->block_size);
	w->dsmas_flags = cxb_dc_dsmas_flags(r);
	w->flags = r->sanitize_on_release ? WIRE_DC_REGION_SANITIZE : 0;
}

/* As 4800h: the trailer stands behind the regions returned. */
static CxbRc get_config(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	CxbDc *dc = ((CxbFmLd *)opaque)->config.dc;
	const CxbDcConfig *c = cxb_dc_config(dc);
	const struct wire_host_dc_in *req = cxb_rd_take(in, sizeof(*req));
	struct wire_dc_config_trailer *trailer;
	struct wire_host_dc_out *o;
	unsigned n;

	if (!host_exists(cci, c, le16_get(req->host_id)))
		return CXB_RC_INVALID_INPUT;
	if (req->start >= c->n_regions) {
		cxb_guest_error("%s: get-host-dc-config: region %u of %u", cxb_cci_name(cci),
				req->start, c->n_regions);
		return CXB_RC_INVALID_INPUT;
	}
	o = cxb_wr_room(out, sizeof(*o));
	if (!o || cxb_wr_left(out) < sizeof(*trailer))
		return CXB_RC_INTERNAL_ERROR; /* the lowest limit has room */
	n = MIN(req->count, c->n_regions - req->start);
	n = MIN(n, (cxb_wr_left(out) - sizeof(*trailer)) / sizeof(o->region[0]));
	o->host_id = req->host_id;
	o->available = c->n_regions;
	o->returned = n;
	for (unsigned i = 0; i < n; i++)
		region_fill(cxb_wr_room(out, sizeof(o->region[0])), &c->regions[req->start + i]);
	trailer = cxb_wr_room(out, sizeof(*trailer));
	trailer->extents_supported = le32_put(c->max_extents);
	trailer->extents_available = le32_put(cxb_dc_extents_available(dc));
	trailer->tags_supported = le32_put(c->max_tags);
	trailer->tags_available = le32_put(cxb_dc_tags_available(dc));
	return CXB_RC_SUCCESS;
}

static CxbRc get_extents(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	CxbDc *dc = ((CxbFmLd *)opaque)->config.dc;
	const struct wire_region_extents_in *req = cxb_rd_take(in, sizeof(*req));
	const uint16_t host_id = le16_get(req->host_id);
	const uint32_t start = le32_get(req->start);
	struct wire_region_extents_out *o;
	uint32_t total, n;

	if (!host_exists(cci, cxb_dc_config(dc), host_id))
		return CXB_RC_INVALID_INPUT;
	total = cxb_dc_accepted_count(dc, host_id);
	if (start > total) {
		cxb_guest_error("%s: get-region-extents: extent %u of %u", cxb_cci_name(cci), start,
				total);
		return CXB_RC_INVALID_INPUT;
	}
	o = cxb_wr_room(out, sizeof(*o));
	if (!o)
		return CXB_RC_INTERNAL_ERROR;
	n = MIN(le32_get(req->count), total - start);
	n = MIN(n, cxb_wr_left(out) / sizeof(o->extent[0]));
	o->host_id = req->host_id;
	o->start = req->start;
	o->returned = le32_put(n);
	o->total = le32_put(total);
	o->generation = le32_put(cxb_dc_generation(dc, host_id));
	for (uint32_t i = 0; i < n; i++) {
		const CxbDcExtent *e = cxb_dc_accepted_at(dc, host_id, start + i);
		struct wire_dc_extent *w = cxb_wr_room(out, sizeof(*w));

		w->dpa = le64_put(e->dpa);
		w->length = le64_put(e->len);
		w->tag = e->tag;
		w->seq = le16_put(e->seq);
	}
	return CXB_RC_SUCCESS;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_GET_DCD_INFO,
		.name = "get-dcd-info",
		.spec = "7.6.7.6.1",
		.out_max = sizeof(struct wire_dcd_info),
		.run = get_info,
	},
	{
		.opcode = CXB_OP_GET_HOST_DC_CONFIG,
		.name = "get-host-dc-config",
		.spec = "7.6.7.6.2",
		.in_min = sizeof(struct wire_host_dc_in),
		.in_max = sizeof(struct wire_host_dc_in),
		.out_max = CXB_PAYLOAD_ANY,
		.run = get_config,
	},
	{
		.opcode = CXB_OP_GET_REGION_EXTENTS,
		.name = "get-region-extents",
		.spec = "7.6.7.6.4",
		.in_min = sizeof(struct wire_region_extents_in),
		.in_max = sizeof(struct wire_region_extents_in),
		.out_max = CXB_PAYLOAD_ANY,
		.run = get_extents,
	},
};

void fmld_add_dc(CxbFmLd *fm)
{
	cxb_cci_add(fm->cci, commands, G_N_ELEMENTS(commands), fm);
	fmld_add_dc_config(fm);
	fmld_add_dc_changes(fm);
	fmld_add_tags(fm);
}
