/* SPDX-License-Identifier: Apache-2.0 */
#include "mctp/assembly.h"

#include <string.h>

#include "base/trace.h"

#define KEYS 4096 /* source, tag owner and tag, side by side */

CXB_TRACE(mctp_message, (const CxbMctpMessage *m), "%u to %u tag %u owner %u: %zu bytes", m->source,
	  m->dest, m->tag, m->owner, m->len)

typedef struct {
	GList link; /* in open */
	unsigned key;
	int64_t deadline_ns;
	uint8_t dest, seq; /* expected next */
	size_t unit;       /* payload of the first packet */
	size_t len;
	uint8_t bytes[];
} Open;

struct CxbMctpAssembly {
	CxbTimer *timer; /* armed for the oldest while any is open */
	CxbClock *clock;
	size_t limit;
	CxbMctpMessageFn fn;
	void *opaque;
	GQueue open; /* oldest first */
	Open *by_key[KEYS];
};

static void timer_update(CxbMctpAssembly *a)
{
	const Open *oldest = g_queue_peek_head(&a->open);

	if (oldest)
		cxb_timer_arm(a->timer, oldest->deadline_ns);
	else
		cxb_timer_disarm(a->timer);
}

/* Out of the books; still to be freed. */
static void take_out(CxbMctpAssembly *a, Open *o)
{
	g_queue_unlink(&a->open, &o->link);
	a->by_key[o->key] = NULL;
	timer_update(a);
}

static void discard(CxbMctpAssembly *a, Open *o, const char *why)
{
	cxb_guest_error("mctp: message from %u to %u, tag %u: %s", o->key >> 4, o->dest, o->key & 7,
			why);
	take_out(a, o);
	g_free(o);
}

static void expired(void *opaque)
{
	CxbMctpAssembly *a = opaque;
	Open *o;

	while ((o = g_queue_peek_head(&a->open)) && o->deadline_ns <= cxb_clock_now_ns(a->clock))
		discard(a, o, "not complete in time");
}

CxbMctpAssembly *cxb_mctp_assembly_new(CxbClock *clock, size_t limit, CxbMctpMessageFn fn,
				       void *opaque)
{
	CxbMctpAssembly *a = g_new0(CxbMctpAssembly, 1);

	a->clock = clock;
	a->timer = cxb_timer_new(clock, expired, a);
	a->limit = limit;
	a->fn = fn;
	a->opaque = opaque;
	g_queue_init(&a->open);
	return a;
}

void cxb_mctp_assembly_clear(CxbMctpAssembly *a)
{
	Open *o;

	while ((o = g_queue_peek_head(&a->open))) {
		take_out(a, o);
		g_free(o);
	}
}

void cxb_mctp_assembly_free(CxbMctpAssembly *a)
{
	if (!a)
		return;
	cxb_mctp_assembly_clear(a);
	cxb_timer_free(a->timer);
	g_free(a);
}

static void deliver(CxbMctpAssembly *a, unsigned key, uint8_t dest, const uint8_t *bytes,
		    size_t len)
{
	const CxbMctpMessage msg = {
		.dest = dest,
		.source = key >> 4,
		.tag = key & WIRE_MCTP_TAG,
		.owner = key & WIRE_MCTP_TO,
		.bytes = bytes,
		.len = len,
	};

	trace_mctp_message(&msg);
	a->fn(a->opaque, &msg);
}

static Open *begin(CxbMctpAssembly *a, unsigned key, uint8_t dest, size_t unit)
{
	Open *o;

	if (a->open.length == CXB_MCTP_ASSEMBLY_MAX)
		discard(a, g_queue_peek_head(&a->open), "too many are open");
	o = g_malloc(sizeof(*o) + a->limit);
	*o = (Open){ .key = key,
		     .deadline_ns = cxb_clock_now_ns(a->clock) + CXB_MCTP_TIMEOUT_NS,
		     .dest = dest,
		     .unit = unit };
	o->link.data = o;
	g_queue_push_tail_link(&a->open, &o->link);
	a->by_key[key] = o;
	timer_update(a);
	return o;
}

/* What is wrong with a packet as the next one of @o; NULL: nothing. */
static const char *mistake(const CxbMctpAssembly *a, const Open *o,
			   const struct wire_mctp_header *hdr, size_t len)
{
	if (hdr->dest != o->dest)
		return "goes on to another endpoint";
	if (FIELD_GET(WIRE_MCTP_SEQ, hdr->flags) != o->seq)
		return "a packet is missing";
	if (len > o->unit || (len < o->unit && !(hdr->flags & WIRE_MCTP_EOM)))
		return "packets of different sizes";
	if (len > a->limit - o->len)
		return "too long";
	return NULL;
}

void cxb_mctp_assembly_packet(CxbMctpAssembly *a, const uint8_t *packet, size_t len)
{
	const struct wire_mctp_header *hdr = (const struct wire_mctp_header *)packet;
	const uint8_t *payload = packet + sizeof(*hdr);
	const char *why;
	unsigned key;
	Open *o;

	if (len <= sizeof(*hdr) || (hdr->version & WIRE_MCTP_VERSION_MASK) != WIRE_MCTP_VERSION)
		return;
	len -= sizeof(*hdr);
	key = hdr->source << 4 | (hdr->flags & (WIRE_MCTP_TO | WIRE_MCTP_TAG));
	o = a->by_key[key];
	if (hdr->flags & WIRE_MCTP_SOM) {
		if (o)
			discard(a, o, "another one begins");
		if (len > a->limit)
			return;
		if (hdr->flags & WIRE_MCTP_EOM) {
			deliver(a, key, hdr->dest, payload, len);
			return;
		}
		o = begin(a, key, hdr->dest, len);
		o->seq = FIELD_GET(WIRE_MCTP_SEQ, hdr->flags);
	}
	if (!o)
		return;
	why = mistake(a, o, hdr, len);
	if (why) {
		discard(a, o, why);
		return;
	}
	memcpy(o->bytes + o->len, payload, len);
	o->len += len;
	o->seq = (o->seq + 1) & 3;
	if (!(hdr->flags & WIRE_MCTP_EOM))
		return;
	take_out(a, o);
	deliver(a, key, o->dest, o->bytes, o->len);
	g_free(o);
}

void cxb_mctp_fragment(const CxbMctpMessage *msg, CxbMctpPacketFn fn, void *opaque)
{
	uint8_t packet[WIRE_MCTP_PACKET_MAX];
	struct wire_mctp_header *hdr = (struct wire_mctp_header *)packet;

	g_assert(msg->len);
	hdr->version = WIRE_MCTP_VERSION;
	hdr->dest = msg->dest;
	hdr->source = msg->source;
	for (size_t at = 0, n; at < msg->len; at += n) {
		n = MIN(msg->len - at, WIRE_MCTP_UNIT);
		hdr->flags = (at ? 0 : WIRE_MCTP_SOM) | (at + n == msg->len ? WIRE_MCTP_EOM : 0) |
			     FIELD_PREP(WIRE_MCTP_SEQ, at / WIRE_MCTP_UNIT) |
			     (msg->owner ? WIRE_MCTP_TO : 0) | msg->tag;
		memcpy(packet + sizeof(*hdr), msg->bytes + at, n);
		fn(opaque, packet, sizeof(*hdr) + n);
	}
}
