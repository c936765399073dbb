/* SPDX-License-Identifier: Apache-2.0 */
/* Commands in messages of type 07h and 08h: a queue before an interface that runs one at a time. */
#include "mctp_impl.h"

#include <string.h>

#include "base/trace.h"
#include "cxl/cci_message.h"

#define FIRST_TYPE3_SET 0x40 /* below: generic component commands */
#define FIRST_FMAPI_SET 0x51

/* Where Jackrabbit's tools look for the category: the half of its byte that CXL 3.1 reserves. */
#define JACKRABBIT_CATEGORY 4

typedef struct {
	CxbMctpMessage from; /* without its bytes */
	uint8_t type;
	bool cut; /* fewer bytes than the header announces, or more */
	struct wire_cci_header hdr;
	size_t len;
	uint8_t payload[];
} Request;

void mctp_requests_clear(CxbMctp *m)
{
	CxbCci *cci = m->config.cci(m->config.opaque);

	if (m->running && cci)
		cxb_cci_drop(cci);
	m->running = false;
	g_queue_clear_full(&m->requests, g_free);
}

static void respond(CxbMctp *m, CxbRc rc, size_t len)
{
	Request *r = g_queue_pop_head(&m->requests);
	struct wire_cci_header hdr = cxb_cci_message_respond(&r->hdr, rc, len);

	if (m->config.framing == CXB_MCTP_TCP)
		hdr.category |= hdr.category << JACKRABBIT_CATEGORY;
	m->answer[0] = r->type;
	memcpy(m->answer + 1, &hdr, sizeof(hdr));
	mctp_send(m, &r->from, m->answer, 1 + sizeof(hdr) + len);
	g_free(r);
}

static bool goes_on_type(uint16_t opcode, uint8_t type)
{
	const uint8_t set = opcode >> 8;

	if (set < FIRST_TYPE3_SET)
		return true;
	return type == (set < FIRST_FMAPI_SET ? WIRE_MCTP_CCI : WIRE_MCTP_FMAPI);
}

static void pump(CxbMctp *m);

static void done(void *opaque, CxbRc rc)
{
	CxbMctp *m = opaque;

	m->running = false;
	respond(m, rc, 0);
	pump(m);
}

static CxbRc run(CxbMctp *m, CxbCci *cci, const Request *r, CxbWr *out)
{
	CxbRd in = { r->payload, r->len };

	if (!goes_on_type(le16_get(r->hdr.opcode), r->type)) {
		cxb_guest_error("%s: opcode %04xh in a message of type %02xh", m->config.name,
				le16_get(r->hdr.opcode), r->type);
		return CXB_RC_UNSUPPORTED;
	}
	if (r->cut) {
		cxb_guest_error("%s: opcode %04xh: %zu bytes of payload are announced",
				m->config.name, le16_get(r->hdr.opcode),
				cxb_cci_message_length(&r->hdr));
		return CXB_RC_PAYLOAD_LEN;
	}
	return cxb_cci_run(cci, le16_get(r->hdr.opcode), &in, out, done, m);
}

static void pump(CxbMctp *m)
{
	const size_t header = 1 + sizeof(struct wire_cci_header);

	while (!m->running && !g_queue_is_empty(&m->requests)) {
		CxbCci *cci = m->config.cci(m->config.opaque);
		CxbWr out = { m->answer + header, 0, 1 + m->config.message_max - header };
		CxbRc rc;

		if (!cci) {
			mctp_requests_clear(m);
			return;
		}
		rc = run(m, cci, g_queue_peek_head(&m->requests), &out);
		if (rc == CXB_RC_LATER)
			m->running = true;
		else
			respond(m, rc, out.len);
	}
}

static bool is_waiting(const CxbMctp *m, const CxbMctpMessage *msg,
		       const struct wire_cci_header *hdr)
{
	for (const GList *l = m->requests.head; l; l = l->next) {
		const Request *r = l->data;

		if (r->from.source == msg->source && r->from.tag == msg->tag &&
		    r->hdr.tag == hdr->tag)
			return true;
	}
	return false;
}

/* Over TCP the last packet is filled up, and a byte that would have needed one more is not sent. */
static size_t payload_size(const CxbMctp *m, const struct wire_cci_header *hdr, size_t have)
{
	const size_t want = cxb_cci_message_length(hdr);

	if (m->config.framing == CXB_MCTP_TCP && want <= have + 1)
		return want;
	return have;
}

void mctp_request(CxbMctp *m, const CxbMctpMessage *msg)
{
	const uint8_t *bytes = msg->bytes + 1;
	const size_t have = msg->len - 1 - sizeof(struct wire_cci_header);
	struct wire_cci_header hdr;
	Request *r;
	size_t len;

	if (msg->len < 1 + sizeof(hdr))
		return;
	memcpy(&hdr, bytes, sizeof(hdr));
	if (!cxb_cci_message_is_request(&hdr) || is_waiting(m, msg, &hdr))
		return;
	if (m->requests.length == CXB_MCTP_REQUESTS_MAX) {
		cxb_guest_error("%s: %u requests wait: another one is dropped", m->config.name,
				CXB_MCTP_REQUESTS_MAX);
		return;
	}
	len = payload_size(m, &hdr, have);
	r = g_malloc0(sizeof(*r) + len);
	r->from = *msg;
	r->from.bytes = NULL;
	r->type = msg->bytes[0];
	r->hdr = hdr;
	r->len = len;
	r->cut = len != cxb_cci_message_length(&hdr);
	memcpy(r->payload, bytes + sizeof(hdr), MIN(len, have));
	g_queue_push_tail(&m->requests, r);
	pump(m);
}
