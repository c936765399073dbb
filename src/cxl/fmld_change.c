/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Initiate Dynamic Capacity Add and Release, CXL 3.1 7.6.7.6.5 and 7.6.7.6.6. The payload is judged
 * here, each mistake with its own code, and then made into the request that QMP makes, too.
 *
 * The engine takes one tag in one region at a time, so a list that spreads over several is Invalid
 * Input. Which region it is the addresses tell; the region number of the payload is for policies by
 * which the device chooses.
 */
#include "fmld_impl.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/ivmap.h"
#include "base/range.h"
#include "base/trace.h"
#include "wire/fmapi.h"

/* A payload that is as long as it says. */
typedef struct {
	const char *what; /* for guest errors */
	CxbDc *dc;
	const struct wire_initiate_dc_in *hdr;
	uint16_t host_id;
	uint32_t n;
	unsigned region;    /* of the list; 0 without one */
	CxbDcRange *ranges; /* in it */
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

static const CxbDcRegion *region_of(const Change *c, const struct wire_dc_extent *x, unsigned *i)
{
	const CxbDcConfig *config = cxb_dc_config(c->dc);

	for (*i = 0; *i < config->n_regions; ++*i) {
		const CxbDcRegion *r = &config->regions[*i];

		if (cxb_range_within(le64_get(x->dpa), le64_get(x->length), r->base, r->len))
			return r;
	}
	return NULL;
}

/* Each extent by itself, then against those before it. */
static CxbRc list_check(Change *c)
{
	g_autoptr(CxbIvMap) seen = cxb_ivmap_new(NULL);

	c->ranges = g_new(CxbDcRange, c->n); /* no longer than the message */
	for (uint32_t i = 0; i < c->n; i++) {
		const struct wire_dc_extent *x = &c->hdr->extent[i];
		const uint64_t dpa = le64_get(x->dpa), len = le64_get(x->length);
		unsigned region;
		const CxbDcRegion *r = region_of(c, x, &region);

		if (!r)
			return refuse(c, CXB_RC_INVALID_PA, x, "not inside of a region");
		if (!len || (dpa - r->base) % r->block_size || len % r->block_size)
			return refuse(c, CXB_RC_INVALID_EXTENTS, x, "not whole blocks");
		if (!cxb_ivmap_insert(seen, dpa, len, NULL))
			return refuse(c, CXB_RC_INVALID_EXTENTS, x, "overlaps another of the list");
		if (i && region != c->region)
			return refuse(c, CXB_RC_INVALID_INPUT, x, "in another region");
		if (i && !cxb_uuid_equal(&x->tag, &c->hdr->extent[0].tag))
			return refuse(c, CXB_RC_INVALID_INPUT, x, "of another tag");
		c->region = region;
		c->ranges[i] = (CxbDcRange){ dpa - r->base, len };
	}
	return CXB_RC_SUCCESS;
}

static CxbRc none_given(const Change *c)
{
	for (unsigned host = 0; host < cxb_dc_config(c->dc)->n_heads; host++) {
		for (uint32_t i = 0; i < c->n; i++) {
			const struct wire_dc_extent *x = &c->hdr->extent[i];
			const uint64_t dpa = le64_get(x->dpa);
			const CxbDcExtent *next = cxb_dc_next(c->dc, host, dpa);

			if (cxb_dc_find(c->dc, host, dpa) ||
			    (next && next->dpa - dpa < le64_get(x->length)))
				return refuse(c, CXB_RC_INVALID_EXTENTS, x,
					      "offered or accepted already");
		}
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
	else if (g_error_matches(err, CXB_ERROR, CXB_ERROR_BUSY))
		rc = CXB_RC_BUSY;
	refuse(c, rc, NULL, err->message);
	g_error_free(err);
	return rc;
}

static CxbRc add_run(Change *c)
{
	GError *err = NULL;
	CxbDcAddReq req = {
		.host_id = c->host_id,
		.policy = c->hdr->control & WIRE_DC_POLICY,
		.n = c->n,
	};
	CxbRc rc;

	if (req.policy != CXB_DC_SELECT_PRESCRIPTIVE)
		return refuse(c, CXB_RC_INVALID_INPUT, NULL, "selection policy not supported");
	if (c->n > cxb_dc_extents_available(c->dc))
		return refuse(c, CXB_RC_RESOURCES, NULL, "more extents than are left");
	rc = list_check(c);
	if (rc == CXB_RC_SUCCESS)
		rc = none_given(c);
	if (rc != CXB_RC_SUCCESS)
		return rc;
	req.region = c->region;
	req.ranges = c->ranges;
	if (c->n)
		req.tag = c->hdr->extent[0].tag;
	return cxb_dc_add(c->dc, &req, &err) ? CXB_RC_SUCCESS : engine_rc(c, err);
}

/* The region that the tag is in; the whole of it goes. */
static CxbRc tag_find(Change *c)
{
	const uint64_t length = le64_get(c->hdr->length);

	for (c->region = 0; c->region < cxb_dc_config(c->dc)->n_regions; c->region++) {
		CxbDcStatus status;
		uint64_t bytes;

		if (!cxb_dc_status(c->dc, c->host_id, c->region, &c->hdr->tag, &status, NULL,
				   &bytes, NULL) ||
		    status == CXB_DC_STATUS_NOT_FOUND)
			continue;
		if (bytes == length)
			return CXB_RC_SUCCESS;
		return refuse(c, CXB_RC_INVALID_INPUT, NULL, "length is not that of the tag");
	}
	return refuse(c, CXB_RC_INVALID_INPUT, NULL, "the host has nothing of this tag");
}

static CxbRc release_run(Change *c)
{
	GError *err = NULL;
	CxbDcReleaseReq req = {
		.host_id = c->host_id,
		.policy = c->hdr->control & WIRE_DC_POLICY,
		.forced = c->hdr->control & WIRE_DC_FORCED,
		.sanitize = c->hdr->control & WIRE_DC_SANITIZE,
	};
	CxbRc rc;

	switch (req.policy) {
	case CXB_DC_REMOVE_TAG_BASED:
		rc = tag_find(c);
		req.tag = c->hdr->tag;
		break;
	case CXB_DC_REMOVE_PRESCRIPTIVE:
		rc = list_check(c);
		if (rc == CXB_RC_SUCCESS)
			rc = all_accepted(c, req.forced);
		req.tag = c->n ? c->hdr->extent[0].tag : req.tag;
		req.n = c->n;
		req.ranges = c->ranges;
		break;
	default:
		return refuse(c, CXB_RC_INVALID_INPUT, NULL, "removal policy not supported");
	}
	if (rc != CXB_RC_SUCCESS)
		return rc;
	req.region = c->region;
	return cxb_dc_release(c->dc, &req, &err) ? CXB_RC_SUCCESS : engine_rc(c, err);
}

static CxbRc change_run(CxbFmLd *fm, const char *what, CxbRd *in, CxbRc (*run)(Change *c))
{
	Change c = { .what = what, .dc = fm->config.dc };
	CxbRc rc = change_read(&c, in);

	if (rc == CXB_RC_SUCCESS)
		rc = run(&c);
	g_free(c.ranges);
	return rc;
}

static CxbRc add(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	return change_run(opaque, "initiate-dc-add", in, add_run);
}

static CxbRc release(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	return change_run(opaque, "initiate-dc-release", in, release_run);
}

#define EFFECTS (CXB_EFFECT_CONFIG_COLD | CXB_EFFECT_CONFIG_NOW | CXB_EFFECT_DATA_NOW)

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_INITIATE_DC_ADD,
		.name = "initiate-dc-add",
		.spec = "7.6.7.6.5",
		.in_min = sizeof(struct wire_initiate_dc_in),
		.in_max = CXB_PAYLOAD_ANY,
		.effects = EFFECTS,
		.run = add,
	},
	{
		.opcode = CXB_OP_INITIATE_DC_RELEASE,
		.name = "initiate-dc-release",
		.spec = "7.6.7.6.6",
		.in_min = sizeof(struct wire_initiate_dc_in),
		.in_max = CXB_PAYLOAD_ANY,
		.effects = EFFECTS,
		.run = release,
	},
};

void fmld_add_dc_changes(CxbFmLd *fm)
{
	cxb_cci_add(fm->cci, commands, G_N_ELEMENTS(commands), fm);
}
