/* SPDX-License-Identifier: Apache-2.0 */
#include "mctp_impl.h"

#include <string.h>

#include "base/trace.h"

static void message(void *opaque, const CxbMctpMessage *msg)
{
	CxbMctp *m = opaque;

	switch (msg->bytes[0]) {
	case WIRE_MCTP_CONTROL:
		mctp_control(m, msg);
		break;
	case WIRE_MCTP_FMAPI:
	case WIRE_MCTP_CCI:
		if (msg->dest != WIRE_EID_BROADCAST || m->config.framing == CXB_MCTP_TCP)
			mctp_request(m, msg);
		break;
	default:
		cxb_guest_error("%s: message of type %02xh", m->config.name, msg->bytes[0]);
	}
}

CxbMctp *cxb_mctp_new(const CxbMctpConfig *config)
{
	CxbMctp *m = g_new0(CxbMctp, 1);
	size_t limit = 1 + config->message_max;

	if (config->framing == CXB_MCTP_TCP) /* the last packet is filled up */
		limit = (limit + WIRE_MCTP_UNIT - 1) / WIRE_MCTP_UNIT * WIRE_MCTP_UNIT;
	m->config = *config;
	m->config.name = g_strdup(config->name);
	m->assembly = cxb_mctp_assembly_new(config->clock, limit, message, m);
	m->answer = g_malloc(1 + config->message_max);
	g_queue_init(&m->requests);
	return m;
}

void cxb_mctp_free(CxbMctp *m)
{
	if (!m)
		return;
	mctp_requests_clear(m);
	cxb_mctp_assembly_free(m->assembly);
	g_free(m->answer);
	g_free((char *)m->config.name);
	g_free(m);
}

uint8_t cxb_mctp_eid(const CxbMctp *m)
{
	return m->eid;
}

void cxb_mctp_link_reset(CxbMctp *m)
{
	memset(&m->rx, 0, sizeof(m->rx));
	m->cured = false;
	cxb_mctp_assembly_clear(m->assembly);
	mctp_requests_clear(m);
}

/* Ids 1 to 7 are reserved, and nobody is everybody. */
static bool is_for_us(const CxbMctp *m, const struct wire_mctp_header *hdr)
{
	if (m->config.framing == CXB_MCTP_TCP)
		return true;
	if ((hdr->source && hdr->source < WIRE_EID_FIRST) || hdr->source == WIRE_EID_BROADCAST)
		return false;
	return hdr->dest == WIRE_EID_NULL || hdr->dest == WIRE_EID_BROADCAST || hdr->dest == m->eid;
}

static void packet(void *opaque, const uint8_t *bytes, size_t len)
{
	CxbMctp *m = opaque;
	const struct wire_mctp_header *hdr = (const struct wire_mctp_header *)bytes;

	/* We own no tags: who answers us is mistaken. */
	if (len < sizeof(*hdr) || !(hdr->flags & WIRE_MCTP_TO) || !is_for_us(m, hdr))
		return;
	cxb_mctp_assembly_packet(m->assembly, bytes, len);
}

void cxb_mctp_input(CxbMctp *m, const void *bytes, size_t len)
{
	if (!m->config.cci(m->config.opaque)) {
		cxb_mctp_link_reset(m);
		return;
	}
	if (m->config.framing == CXB_MCTP_SERIAL)
		cxb_mctp_serial_rx(&m->rx.serial, bytes, len, packet, m);
	else
		cxb_mctp_tcp_rx(&m->rx.tcp, bytes, len, packet, m);
}

/* Frames that go out by one write. Together they fit a segment on Ethernet, so that a peer that takes each
 * read for a packet finds whole ones. */
typedef struct {
	CxbMctp *m;
	size_t len;
	uint8_t bytes[1400];
} Burst;

static void burst_send(Burst *b)
{
	b->m->config.send(b->m->config.opaque, b->bytes, b->len);
	b->len = 0;
}

static void burst_add(void *opaque, const uint8_t *packet, size_t len)
{
	Burst *b = opaque;

	if (sizeof(b->bytes) - b->len < CXB_MCTP_SERIAL_FRAME_MAX)
		burst_send(b);
	if (b->m->config.framing == CXB_MCTP_TCP)
		b->len += cxb_mctp_tcp_frame(packet, len, b->bytes + b->len);
	else
		b->len += cxb_mctp_serial_frame(packet, len, b->bytes + b->len);
}

void mctp_send(CxbMctp *m, const CxbMctpMessage *to, const uint8_t *bytes, size_t len)
{
	const CxbMctpMessage answer = {
		.dest = to->source,
		.source = m->eid,
		.tag = to->tag,
		.bytes = bytes,
		.len = len,
	};
	Burst b = { .m = m, .len = 0 };

	if (m->config.framing == CXB_MCTP_SERIAL && !m->cured)
		m->config.send(m->config.opaque, cxb_mctp_serial_cure,
			       sizeof(cxb_mctp_serial_cure));
	m->cured = true;
	cxb_mctp_fragment(&answer, burst_add, &b);
	burst_send(&b);
}
