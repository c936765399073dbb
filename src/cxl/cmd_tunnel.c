/* SPDX-License-Identifier: Apache-2.0 */
/* Command 5300h, CXL 3.1 7.6.7.3.1: a message for LD 0 or the pool, and its answer, inside of one to us. */
#include "fmld_impl.h"

#include "base/trace.h"
#include "cxl/cci_message.h"
#include "wire/fmapi.h"

/* Where it leads; NULL: nowhere. */
static CxbCci *target(const CxbFmLd *fm, const struct wire_tunnel_in *req,
		      const struct wire_cci_header *hdr)
{
	const unsigned type = req->target & WIRE_TUNNEL_TARGET;

	if (!cxb_cci_message_is_request(hdr)) {
		cxb_guest_error("%s: tunnel: category %u", fm->config.name, hdr->category);
		return NULL;
	}
	if (type == WIRE_TUNNEL_TO_LD && !req->ld)
		return fm->ld0;
	if (type == WIRE_TUNNEL_TO_POOL && fm->pool)
		return fm->pool;
	cxb_guest_error("%s: tunnel: target type %u, LD %u", fm->config.name, type, req->ld);
	return NULL;
}

static CxbRc tunnel(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	CxbFmLd *fm = opaque;
	const struct wire_tunnel_in *req = cxb_rd_take(in, sizeof(*req));
	const size_t size = in->left;
	const struct wire_cci_header *hdr = cxb_rd_take(in, sizeof(*hdr));
	struct wire_tunnel_out *o = cxb_wr_room(out, sizeof(*o));
	struct wire_cci_header *answer = cxb_wr_room(out, sizeof(*answer));
	CxbRc rc = CXB_RC_PAYLOAD_LEN;
	CxbCci *to;
	CxbWr inner;

	if (!o || !answer)
		return CXB_RC_INTERNAL_ERROR; /* the lowest limit has room */
	if (le16_get(req->size) != size) {
		cxb_guest_error("%s: tunnel: command size %u of %zu bytes", cxb_cci_name(cci),
				le16_get(req->size), size);
		return CXB_RC_PAYLOAD_LEN;
	}
	to = target(fm, req, hdr);
	if (!to)
		return CXB_RC_INVALID_INPUT;
	inner = (CxbWr){ out->buf + out->len, 0, cxb_wr_left(out) };
	if (cxb_cci_message_length(hdr) == in->left)
		rc = cxb_cci_run(to, le16_get(hdr->opcode), in, &inner, NULL, NULL);
	g_assert(rc != CXB_RC_LATER);
	*answer = cxb_cci_message_respond(hdr, rc, inner.len);
	o->size = le16_put(sizeof(*answer) + inner.len);
	out->len += inner.len;
	return CXB_RC_SUCCESS;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_TUNNEL,
		.name = "tunnel-management-command",
		.spec = "7.6.7.3.1",
		.in_min = sizeof(struct wire_tunnel_in) + sizeof(struct wire_cci_header),
		.in_max = CXB_PAYLOAD_ANY,
		.out_max = CXB_PAYLOAD_ANY,
		.run = tunnel,
	},
};

void fmld_add_tunnel(CxbFmLd *fm)
{
	cxb_cci_add(fm->cci, commands, G_N_ELEMENTS(commands), fm);
}
