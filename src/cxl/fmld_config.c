/* SPDX-License-Identifier: Apache-2.0 */
/* Set DC Region Configuration, CXL 3.1 7.6.7.6.3. */
#include "fmld_impl.h"

#include <inttypes.h>

#include "base/trace.h"
#include "wire/fmapi.h"

static CxbRc refuse(const CxbCci *cci, const struct wire_set_dc_region_in *req, CxbRc rc,
		    const char *why)
{
	cxb_guest_error("%s: set-dc-region-config: region %u, block size 0x%" PRIx64 ": %s",
			cxb_cci_name(cci), req->region, le64_get(req->block_size), why);
	return rc;
}

static CxbRc set_config(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	CxbDc *dc = ((CxbFmLd *)opaque)->config.dc;
	const struct wire_set_dc_region_in *req = cxb_rd_take(in, sizeof(*req));
	g_autoptr(GError) err = NULL;

	/* A region that no device can have is told from one that this device has not. */
	if (req->region >= WIRE_DC_REGIONS)
		return refuse(cci, req, CXB_RC_UNSUPPORTED, "no such region");
	if (req->region >= cxb_dc_config(dc)->n_regions)
		return refuse(cci, req, CXB_RC_INVALID_INPUT, "no such region");
	if (cxb_dc_under_way(dc))
		return refuse(cci, req, CXB_RC_BUSY, "an operation is under way");
	if (!cxb_dc_region_is_free(dc, req->region))
		return refuse(cci, req, CXB_RC_UNSUPPORTED, "not free");
	if (cxb_dc_configure(dc, req->region, le64_get(req->block_size),
			     req->flags & WIRE_DC_REGION_SANITIZE, &err))
		return CXB_RC_SUCCESS;
	return refuse(cci, req, CXB_RC_INVALID_INPUT, err->message);
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_SET_DC_REGION_CONFIG,
		.name = "set-dc-region-config",
		.spec = "7.6.7.6.3",
		.in_min = sizeof(struct wire_set_dc_region_in),
		.in_max = sizeof(struct wire_set_dc_region_in),
		.effects = FMLD_CHANGE_EFFECTS,
		.run = set_config,
	},
};

void fmld_add_dc_config(CxbFmLd *fm)
{
	cxb_cci_add(fm->cci, commands, G_N_ELEMENTS(commands), fm);
}
