/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Initiate Dynamic Capacity Add and Release, CXL 3.1 7.6.7.6.5 and 7.6.7.6.6. The payload is judged
 * here, each mistake with its own code, and then made into the request that QMP makes, too.
 *
 * A list may name extents of several tags, in several regions: all of it becomes one group, in which
 * those of one tag stand together. In which region an extent is its address tells; the region number of
 * the payload is for policies by which the device chooses.
 */
#include "fmld_impl.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/ivmap.h"
#include "base/trace.h"
#include "wire/fmapi.h"

/* Extents of one tag, or those without one in a region. */
typedef struct {
	CxbUuid tag;
	unsigned region;
	GArray *ranges; /* CxbDcRange */
} Part;

/* A payload that is as long as it says. */
typedef struct {
	const char *what; /* for guest errors */
	CxbDc *dc;
	const struct wire_initiate_dc_in *hdr;
	uint16_t host_id;
	uint32_t n;
	GArray *parts;                  /* Part, in order of first appearance in the list */
	GHashTable *by_tag;             /* CxbUuid in the payload -> index in parts + 1 */
	guint untagged[CXB_DC_REGIONS]; /* the same of those without a tag */
} Change;

static CxbRc refuse(const Change *c, CxbRc rc, const struct wire_dc_extent *x, const char *why)
{
	const char *device = cxb_dc_config(c->dc)->name;

	if (x)
		cxb_guest_error("%s: %s: dpa 0x%" PRIx64 " len 0x%" PRIx64 ": %s", device, c->what,
				le64_get(x->dpa), le64_get(x->length), why);
	else
		cxb_guest_error("%s: %s: %s", device, c->what, why);
	return rc;
}

static CxbRc change_read(Change *c, CxbRd *in)
{
	c->hdr = cxb_rd_take(in, sizeof(*c->hdr));
	c->host_id = le16_get(c->hdr->host_id);
	c->n = le32_get(c->hdr->count);
	if (in->left % sizeof(c->hdr->extent[0]) || c->n != in->left / sizeof(c->hdr->extent[0]))
		return refuse(c, CXB_RC_PAYLOAD_LEN, NULL, "length and extent count disagree");
	if (c->host_id >= cxb_dc_config(c->dc)->n_heads)
		return refuse(c, CXB_RC_INVALID_INPUT, NULL, "no such host");
	return CXB_RC_SUCCESS;
}

/* The part that the extent belongs to. */
static CxbRc part_of(Change *c, const struct wire_dc_extent *x, unsigned region, Part **part)
{
	const bool tagged = !cxb_uuid_is_null(&x->tag);
	guint i = tagged ? GPOINTER_TO_UINT(g_hash_table_lookup(c->by_tag, &x->tag))
			 : c->untagged[region];

	if (!i) {
		const Part new = { x->tag, region, g_array_new(FALSE, FALSE, sizeof(CxbDcRange)) };

		g_array_append_val(c->parts, new);
		i = c->parts->len;
		if (tagged)
			g_hash_table_insert(c->by_tag, (gpointer)&x->tag, GUINT_TO_POINTER(i));
		else
			c->untagged[region] = i;
	}
	*part = &g_array_index(c->parts, Part, i - 1);
	if ((*part)->region != region)
		return refuse(c, CXB_RC_INVALID_INPUT, x, "in another region than its tag");
	return CXB_RC_SUCCESS;
}

/* Each extent by itself, then against those before it. */
static CxbRc list_check(Change *c)
{
	g_autoptr(CxbIvMap) seen = cxb_ivmap_new(NULL);

	for (uint32_t i = 0; i < c->n; i++) {
		const struct wire_dc_extent *x = &c->hdr->extent[i];
		const uint64_t dpa = le64_get(x->dpa), len = le64_get(x->length);
		/* Where an empty one begins: it is refused for its length. */
		const CxbDcRegion *r = cxb_dc_region_of(c->dc, dpa, MAX(len, 1));
		CxbDcRange range;
		Part *part;
		CxbRc rc;

		if (!r)
			return refuse(c, CXB_RC_INVALID_PA, x, "not inside of a region");
		if (!len || (dpa - r->base) % r->block_size || len % r->block_size)
			return refuse(c, CXB_RC_INVALID_EXTENTS, x, "not whole blocks");
		if (!cxb_ivmap_insert(seen, dpa, len, NULL))
			return refuse(c, CXB_RC_INVALID_EXTENTS, x, "overlaps another of the list");
		rc = part_of(c, x, r - cxb_dc_config(c->dc)->regions, &part);
		if (rc != CXB_RC_SUCCESS)
			return rc;
		range = (CxbDcRange){ dpa - r->base, len };
		g_array_append_val(part->ranges, range);
	}
	return c->n ? CXB_RC_SUCCESS
		    : refuse(c, CXB_RC_INVALID_INPUT, NULL, "the extent list is empty");
}

static CxbRc none_given(const Change *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		const struct wire_dc_extent *x = &c->hdr->extent[i];

		if (!cxb_dc_is_free(c->dc, le64_get(x->dpa), le64_get(x->length)))
			return refuse(c, CXB_RC_INVALID_EXTENTS, x,
				      "offered or accepted already, or kept by a reference");
	}
	return CXB_RC_SUCCESS;
}

/* Every byte is in an extent of the host, and in none that is only offered. */
static CxbRc all_accepted(const Change *c, bool offered_too)
{
	for (uint32_t i = 0; i < c->n; i++) {
		const struct wire_dc_extent *x = &c->hdr->extent[i];
		const uint64_t end = le64_get(x->dpa) + le64_get(x->length);

		for (uint64_t dpa = le64_get(x->dpa); dpa < end;) {
			const CxbDcExtent *e = cxb_dc_find(c->dc, c->host_id, dpa);

			if (!e)
				return refuse(c, CXB_RC_INVALID_PA, x, "not accepted");
			if (e->state == CXB_DC_OFFERED && !offered_too)
				return refuse(c, CXB_RC_INVALID_PA, x, "not answered yet");
			dpa = e->dpa + e->len;
		}
	}
	return CXB_RC_SUCCESS;
}

/* What the engine refused for a reason of its own. */
static CxbRc engine_rc(const Change *c, GError *err)
{
	CxbRc rc = CXB_RC_INVALID_INPUT;

	if (g_error_matches(err, CXB_ERROR, CXB_ERROR_NO_ROOM))
		rc = CXB_RC_RESOURCES;
	else if (g_error_matches(err, CXB_ERROR, CXB_ERROR_AGAIN))
		rc = CXB_RC_BUSY;

	refuse(c, rc, NULL, err->message);
	g_error_free(err);
	return rc;
}

/* The device's answer to what the engine said. */
static CxbRc answer(const Change *c, bool ok, GError **err)
{
	return ok ? CXB_RC_SUCCESS : engine_rc(c, *err);
}

static CxbRc add_list(Change *c)
{
	g_autofree CxbDcAddReq *reqs = NULL;
	GError *err = NULL;
	CxbRc rc;

	if (c->n > cxb_dc_extents_available(c->dc))
		return refuse(c, CXB_RC_RESOURCES, NULL, "more extents than are left");
	rc = list_check(c);
	if (rc == CXB_RC_SUCCESS)
		rc = none_given(c);
	if (rc != CXB_RC_SUCCESS)
		return rc;
	reqs = g_new0(CxbDcAddReq, c->parts->len);
	for (guint i = 0; i < c->parts->len; i++) {
		const Part *part = &g_array_index(c->parts, Part, i);

		reqs[i] = (CxbDcAddReq){
			.host_id = c->host_id,
			.policy = CXB_DC_SELECT_PRESCRIPTIVE,
			.region = part->region,
			.tag = part->tag,
			.n = part->ranges->len,
			.ranges = (const CxbDcRange *)part->ranges->data,
		};
	}
	return answer(c, cxb_dc_add_group(c->dc, reqs, c->parts->len, &err), &err);
}

/* Policies by which the device says which extents. */
static CxbRc add_chosen(Change *c, CxbDcSelection policy)
{
	CxbDcAddReq req = {
		.host_id = c->host_id,
		.policy = policy,
		.region = c->hdr->region,
		.tag = c->hdr->tag,
		.length = le64_get(c->hdr->length),
	};
	GError *err = NULL;
	CxbDcTagInfo info;

	if (c->n)
		return refuse(c, CXB_RC_INVALID_INPUT, NULL,
			      "extents go with the prescriptive policy only");
	if (policy == CXB_DC_SELECT_SHARED) {
		if (!cxb_dc_tag_info(c->dc, &req.tag, &info, &err))
			return engine_rc(c, err);
		req.region = info.region; /* the tag says all */
	}
	return answer(c, cxb_dc_add(c->dc, &req, &err), &err);
}

static CxbRc add_run(Change *c)
{
	const unsigned policy = c->hdr->control & WIRE_DC_POLICY;

	switch (policy) {
	case CXB_DC_SELECT_PRESCRIPTIVE:
		return add_list(c);
	case CXB_DC_SELECT_FREE:
	case CXB_DC_SELECT_CONTIGUOUS:
	case CXB_DC_SELECT_SHARED:
		return add_chosen(c, policy);
	}
	return refuse(c, CXB_RC_INVALID_INPUT, NULL, "selection policy not supported");
}

static CxbRc release_tag(Change *c, CxbDcReleaseReq *req)
{
	const uint64_t length = le64_get(c->hdr->length);
	GError *err = NULL;

	req->tag = c->hdr->tag;
	for (; req->region < cxb_dc_config(c->dc)->n_regions; req->region++) {
		CxbDcStatus status;
		uint64_t bytes;

		if (!cxb_dc_status(c->dc, c->host_id, req->region, &req->tag, &status, NULL, &bytes,
				   NULL) ||
		    status == CXB_DC_STATUS_NOT_FOUND)
			continue;
		if (bytes != length) /* the whole of it goes */
			return refuse(c, CXB_RC_INVALID_INPUT, NULL,
				      "length is not that of the tag");
		return answer(c, cxb_dc_release(c->dc, req, &err), &err);
	}
	return refuse(c, CXB_RC_INVALID_INPUT, NULL, "the host has nothing of this tag");
}

static CxbRc release_list(Change *c, const CxbDcReleaseReq *like)
{
	g_autofree CxbDcReleaseReq *reqs = NULL;
	GError *err = NULL;
	CxbRc rc;

	rc = list_check(c);
	if (rc == CXB_RC_SUCCESS)
		rc = all_accepted(c, like->forced);
	if (rc != CXB_RC_SUCCESS)
		return rc;
	reqs = g_new0(CxbDcReleaseReq, c->parts->len);
	for (guint i = 0; i < c->parts->len; i++) {
		const Part *part = &g_array_index(c->parts, Part, i);

		reqs[i] = *like;
		reqs[i].region = part->region;
		reqs[i].tag = part->tag;
		reqs[i].n = part->ranges->len;
		reqs[i].ranges = (const CxbDcRange *)part->ranges->data;
	}
	return answer(c, cxb_dc_release_group(c->dc, reqs, c->parts->len, &err), &err);
}

static CxbRc release_run(Change *c)
{
	CxbDcReleaseReq req = {
		.host_id = c->host_id,
		.policy = c->hdr->control & WIRE_DC_POLICY,
		.forced = c->hdr->control & WIRE_DC_FORCED,
		.sanitize = c->hdr->control & WIRE_DC_SANITIZE,
	};

	switch (req.policy) {
	case CXB_DC_REMOVE_TAG_BASED:
		return release_tag(c, &req);
	case CXB_DC_REMOVE_PRESCRIPTIVE:
		return release_list(c, &req);
	}
	return refuse(c, CXB_RC_INVALID_INPUT, NULL, "removal policy not supported");
}

static void part_clear(void *part)
{
	g_array_unref(((Part *)part)->ranges);
}

static CxbRc change_run(CxbFmLd *fm, const char *what, CxbRd *in, CxbRc (*run)(Change *c))
{
	g_autoptr(GHashTable) by_tag = g_hash_table_new(cxb_uuid_hash, cxb_uuid_hash_equal);
	g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(Part));
	Change c = { .what = what, .dc = fm->config.dc, .parts = parts, .by_tag = by_tag };
	CxbRc rc;

	g_array_set_clear_func(parts, part_clear);
	rc = change_read(&c, in);
	if (rc == CXB_RC_SUCCESS && cxb_dc_under_way(c.dc))
		return refuse(&c, CXB_RC_BUSY, NULL, "an operation is under way");
	return rc == CXB_RC_SUCCESS ? run(&c) : rc;
}

static CxbRc add(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	return change_run(opaque, "initiate-dc-add", in, add_run);
}

static CxbRc release(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	return change_run(opaque, "initiate-dc-release", in, release_run);
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_INITIATE_DC_ADD,
		.name = "initiate-dc-add",
		.spec = "7.6.7.6.5",
		.in_min = sizeof(struct wire_initiate_dc_in),
		.in_max = CXB_PAYLOAD_ANY,
		.effects = FMLD_CHANGE_EFFECTS,
		.run = add,
	},
	{
		.opcode = CXB_OP_INITIATE_DC_RELEASE,
		.name = "initiate-dc-release",
		.spec = "7.6.7.6.6",
		.in_min = sizeof(struct wire_initiate_dc_in),
		.in_max = CXB_PAYLOAD_ANY,
		.effects = FMLD_CHANGE_EFFECTS,
		.run = release,
	},
};

void fmld_add_dc_changes(CxbFmLd *fm)
{
	cxb_cci_add(fm->cci, commands, G_N_ELEMENTS(commands), fm);
}
