/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets of several senders and tags, lost, repeated and mixed, while the clock moves. What is
 * assembled must be what a naive model makes of it: it keeps the packets since the last first one of each
 * sender and tag, and judges them when the last one is there.
 *
 * Input: records of 4 bytes. Byte 0: source (low nibble) and destination (b4), b7: the clock moves instead,
 * by byte 1 of 40 ms; byte 1: flags; byte 2: payload; byte 3: its size.
 */
#include <glib.h>
#include <string.h>

#include "fuzz.h"
#include "mctp/assembly.h"

#define RECORD      4
#define RECORDS_MAX 2048
#define LIMIT       200 /* three packets and a bit */
#define KEYS        (16 * 16)
#define TICK_NS     (40 * (int64_t)1000000)

typedef struct {
	uint8_t dest, flags, len, fill;
} Packet;

/* What there is of one message. */
typedef struct {
	bool open;
	int64_t since;
	uint64_t order;
	GArray *packets; /* Packet */
} Pending;

typedef struct {
	Pending pending[KEYS];
	uint64_t begun;
	int64_t now;
	GByteArray *want, *got; /* messages, one behind the other */
} World;

static void note(GByteArray *to, uint8_t dest, uint8_t source, uint8_t tag, const uint8_t *bytes,
		 size_t len)
{
	const uint8_t head[] = { dest, source, tag, len };

	g_byte_array_append(to, head, sizeof(head));
	g_byte_array_append(to, bytes, len);
}

static void got(void *opaque, const CxbMctpMessage *msg)
{
	note(((World *)opaque)->got, msg->dest, msg->source,
	     msg->tag | (msg->owner ? WIRE_MCTP_TO : 0), msg->bytes, msg->len);
}

static const Packet *packet_at(const Pending *p, guint i)
{
	return &g_array_index(p->packets, Packet, i);
}

/* Is what is there so far the beginning, or the whole, of a message? */
static bool is_good(const Pending *p)
{
	size_t sum = 0;

	for (guint i = 0; i < p->packets->len; i++) {
		const Packet *x = packet_at(p, i), *first = packet_at(p, 0);
		const bool last = x->flags & WIRE_MCTP_EOM;

		sum += x->len;
		if (x->dest != first->dest || sum > LIMIT ||
		    (last ? x->len > first->len : x->len != first->len) ||
		    (x->flags - first->flags - (i << 4)) & WIRE_MCTP_SEQ)
			return false;
	}
	return true;
}

/* Too many are open: the oldest goes. */
static void model_make_room(World *w)
{
	Pending *oldest = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		Pending *p = &w->pending[i];

		if (!p->open)
			continue;
		n++;
		if (!oldest || p->order < oldest->order)
			oldest = p;
	}
	if (n == CXB_MCTP_ASSEMBLY_MAX)
		oldest->open = false;
}

static void model(World *w, uint8_t source, const Packet *x)
{
	Pending *p = &w->pending[source << 4 | (x->flags & 0xf)];

	if (x->flags & WIRE_MCTP_SOM) {
		p->open = false;
		if (x->len <= LIMIT && !(x->flags & WIRE_MCTP_EOM))
			model_make_room(w);
		p->open = true;
		p->since = w->now;
		p->order = w->begun++;
		g_array_set_size(p->packets, 0);
	}
	if (!p->open)
		return;
	g_array_append_val(p->packets, *x);
	if (!is_good(p)) {
		p->open = false;
	} else if (x->flags & WIRE_MCTP_EOM) {
		uint8_t bytes[LIMIT];
		size_t len = 0;

		for (guint i = 0; i < p->packets->len; i++) {
			memset(bytes + len, packet_at(p, i)->fill, packet_at(p, i)->len);
			len += packet_at(p, i)->len;
		}
		p->open = false;
		note(w->want, x->dest, source, x->flags & 0xf, bytes, len);
	}
}

static void model_time(World *w)
{
	for (unsigned i = 0; i < KEYS; i++)
		if (w->pending[i].open && w->now - w->pending[i].since >= CXB_MCTP_TIMEOUT_NS)
			w->pending[i].open = false;
}

static void step(World *w, CxbMctpAssembly *a, const uint8_t *r)
{
	const Packet x = { .dest = 8 + (r[0] >> 4 & 1),
			   .flags = r[1],
			   .len = 1 + r[3] % WIRE_MCTP_UNIT,
			   .fill = r[2] };
	const uint8_t source = r[0] & 0xf;
	uint8_t bytes[WIRE_MCTP_PACKET_MAX] = { 1, x.dest, source, x.flags };

	memset(bytes + 4, x.fill, x.len);
	model(w, source, &x);
	cxb_mctp_assembly_packet(a, bytes, 4 + x.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	World w = { .want = g_byte_array_new(), .got = g_byte_array_new() };
	CxbClock *clock = cxb_clock_new_virtual();
	CxbMctpAssembly *a = cxb_mctp_assembly_new(clock, LIMIT, got, &w);

	for (unsigned i = 0; i < KEYS; i++)
		w.pending[i].packets = g_array_new(FALSE, FALSE, sizeof(Packet));
	for (size_t i = 0; i < RECORDS_MAX && (i + 1) * RECORD <= size; i++) {
		const uint8_t *r = data + i * RECORD;

		if (r[0] & 0x80) {
			w.now += r[1] * TICK_NS;
			cxb_clock_advance(clock, w.now);
			model_time(&w);
		} else {
			step(&w, a, r);
		}
		g_assert_cmpmem(w.got->data, w.got->len, w.want->data, w.want->len);
	}
	cxb_mctp_assembly_free(a);
	for (unsigned i = 0; i < KEYS; i++)
		g_array_unref(w.pending[i].packets);
	g_byte_array_unref(w.want);
	g_byte_array_unref(w.got);
	cxb_clock_free(clock);
	return 0;
}
