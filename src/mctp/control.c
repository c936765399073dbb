/* SPDX-License-Identifier: Apache-2.0 */
/* Control messages, DSP0236 12: a row each; what is not there is unsupported. */
#include "mctp_impl.h"

#include "base/rdwr.h"
#include "base/trace.h"

CXB_TRACE(mctp_control, (const char *name, const struct wire_mctp_control *hdr, uint8_t code),
	  "%s command %02xh instance %u: completion code %02xh", name, hdr->command,
	  hdr->instance &WIRE_MCTP_INSTANCE, code)

static uint8_t set_eid(CxbMctp *m, const uint8_t *data, CxbWr *out)
{
	const struct wire_mctp_set_eid_in *req = (const struct wire_mctp_set_eid_in *)data;
	struct wire_mctp_set_eid_out *o;

	/* Its id is not static, and on a medium without discovery there is none to finish. */
	if ((req->operation & WIRE_MCTP_SET_EID_OPERATION) > WIRE_MCTP_EID_FORCE ||
	    req->eid < WIRE_EID_FIRST || req->eid > WIRE_EID_LAST)
		return WIRE_MCTP_INVALID_DATA;
	m->eid = req->eid;
	o = cxb_wr_room(out, sizeof(*o));
	o->eid = m->eid;
	return WIRE_MCTP_SUCCESS;
}

static uint8_t get_eid(CxbMctp *m, const uint8_t *data, CxbWr *out)
{
	struct wire_mctp_get_eid_out *o = cxb_wr_room(out, sizeof(*o));

	o->eid = m->eid;
	return WIRE_MCTP_SUCCESS;
}

static uint8_t get_uuid(CxbMctp *m, const uint8_t *data, CxbWr *out)
{
	cxb_wr_copy(out, &m->config.uuid, sizeof(m->config.uuid));
	return WIRE_MCTP_SUCCESS;
}

/* Numbers are BCD; Fh stands for no digit, or no update at all. */
static uint8_t get_version(CxbMctp *m, const uint8_t *data, CxbWr *out)
{
	static const uint8_t base[] = { 1, 0xf1, 0xf3, 0xf1, 0x00 }; /* 1.3.1 */
	static const uint8_t cxl[] = { 1, 0xf1, 0xf0, 0xff, 0x00 };  /* 1.0 */

	switch (*data) {
	case 0xff: /* the base specification */
	case WIRE_MCTP_CONTROL:
		cxb_wr_copy(out, base, sizeof(base));
		return WIRE_MCTP_SUCCESS;
	case WIRE_MCTP_FMAPI:
	case WIRE_MCTP_CCI:
		cxb_wr_copy(out, cxl, sizeof(cxl));
		return WIRE_MCTP_SUCCESS;
	}
	return WIRE_MCTP_NO_SUCH_TYPE;
}

static uint8_t get_types(CxbMctp *m, const uint8_t *data, CxbWr *out)
{
	static const uint8_t types[] = { 2, WIRE_MCTP_FMAPI, WIRE_MCTP_CCI };

	cxb_wr_copy(out, types, sizeof(types));
	return WIRE_MCTP_SUCCESS;
}

static const struct control {
	uint8_t command;
	size_t data; /* bytes behind the header */
	uint8_t (*run)(CxbMctp *m, const uint8_t *data, CxbWr *out);
} controls[] = {
	{ WIRE_MCTP_SET_EID, sizeof(struct wire_mctp_set_eid_in), set_eid },
	{ WIRE_MCTP_GET_EID, 0, get_eid },
	{ WIRE_MCTP_GET_UUID, 0, get_uuid },
	{ WIRE_MCTP_GET_VERSION, 1, get_version },
	{ WIRE_MCTP_GET_TYPES, 0, get_types },
};

static uint8_t run(CxbMctp *m, uint8_t command, const uint8_t *data, size_t len, CxbWr *out)
{
	for (size_t i = 0; i < G_N_ELEMENTS(controls); i++) {
		const struct control *c = &controls[i];

		if (c->command != command)
			continue;
		/* Over TCP packets are filled up. */
		if (len != c->data && (len < c->data || m->config.framing != CXB_MCTP_TCP))
			return WIRE_MCTP_INVALID_LENGTH;
		return c->run(m, data, out);
	}
	return WIRE_MCTP_UNSUPPORTED;
}

void mctp_control(CxbMctp *m, const CxbMctpMessage *msg)
{
	const struct wire_mctp_control *hdr = (const struct wire_mctp_control *)msg->bytes;
	uint8_t answer[WIRE_MCTP_UNIT] = { 0 };
	CxbWr out = { answer, 0, sizeof(answer) };
	struct wire_mctp_control *o = cxb_wr_room(&out, sizeof(*o));
	uint8_t *code = cxb_wr_room(&out, 1);

	/* They fit a packet, so what came in several is none. */
	if (msg->len < sizeof(*hdr) || msg->len > WIRE_MCTP_UNIT || !(hdr->instance & WIRE_MCTP_RQ))
		return;
	o->instance = hdr->instance & WIRE_MCTP_INSTANCE;
	o->command = hdr->command;
	*code = run(m, hdr->command, msg->bytes + sizeof(*hdr), msg->len - sizeof(*hdr), &out);
	trace_mctp_control(m->config.name, hdr, *code);
	if (!(hdr->instance & WIRE_MCTP_DATAGRAM))
		mctp_send(m, msg, answer, out.len);
}
