/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fabric manager that does anything at its end of the link, and a host that answers in between. The
 * input is a program of bytes, packets, messages that arrive damaged, commands of the host and time. After
 * each step what must always hold is checked; whatever came, a good request has its answer, and at the
 * end all capacity can be had again.
 */
#include <string.h>

#include "base/bytes.h"
#include "fuzz.h"
#include "mailbox_device.h"
#include "mctp/assembly.h"
#include "mctp_fixture.h"
#include "wire/cci.h"
#include "wire/fmapi.h"

#define TAGS   8
#define SOURCE 8

enum {
	STEP_BYTES,
	STEP_PACKET,
	STEP_COMMAND,
	STEP_CHANGE,
	STEP_CHANGE_AGAIN, /* as often as all others */
	STEP_HOST,
	STEP_CLEAR,
	STEP_CLOCK,
	STEP_LINK_RESET,
	STEP_ASK,
	STEPS
};

typedef struct {
	MailboxDevice d;
	Endpoint e;
	bool tcp;
	size_t sent; /* bytes that went in, of a packet over TCP */
	uint8_t seq, cci_tag;
	unsigned drop, twice, spoil; /* numbers of packets of the next message; 0: none */
	unsigned packet;             /* of the message that goes in */
	CxbRd in;
} World;

static uint64_t take(World *w, size_t n)
{
	uint8_t b[8] = { 0 };

	if (!cxb_rd_copy(&w->in, b, n))
		w->in.left = 0;
	return le_load(b, 8);
}

/* --- to the endpoint --- */

static void bytes_in(World *w, const uint8_t *bytes, size_t len)
{
	w->sent = (w->sent + len) % WIRE_MCTP_PACKET_MAX;
	cxb_mctp_input(w->e.mctp, bytes, len);
}

static void frame_in(World *w, const uint8_t *packet, size_t len, unsigned spoil)
{
	uint8_t frame[CXB_MCTP_SERIAL_FRAME_MAX];
	const size_t n = w->tcp ? cxb_mctp_tcp_frame(packet, len, frame)
				: cxb_mctp_serial_frame(packet, len, frame);

	if (spoil)
		frame[spoil % n] ^= 1 << spoil % 8;
	bytes_in(w, frame, n);
}

/* One of a message, by a link that loses, repeats and spoils. */
static void packet_in(void *opaque, const uint8_t *packet, size_t len)
{
	World *w = opaque;
	const unsigned n = ++w->packet;

	if (n == w->drop)
		return;
	frame_in(w, packet, len, n == w->spoil ? w->spoil : 0);
	if (n == w->twice)
		frame_in(w, packet, len, 0);
}

static void message_in(World *w, uint8_t type, uint16_t opcode, uint8_t mctp_tag,
		       const uint8_t *payload, size_t len)
{
	const struct wire_cci_header hdr = { .tag = w->cci_tag,
					     .opcode = le16_put(opcode),
					     .length = le24_put(len) };
	g_autofree uint8_t *bytes = g_malloc(1 + sizeof(hdr) + len);
	const CxbMctpMessage msg = { .source = SOURCE,
				     .tag = mctp_tag,
				     .owner = true,
				     .bytes = bytes,
				     .len = 1 + sizeof(hdr) + len };

	bytes[0] = type;
	memcpy(bytes + 1, &hdr, sizeof(hdr));
	if (len)
		memcpy(bytes + 1 + sizeof(hdr), payload, len);
	w->packet = 0;
	cxb_mctp_fragment(&msg, packet_in, w);
}

/* --- what comes back --- */

typedef struct {
	unsigned messages;
	uint8_t bytes[1 + CXB_FMLD_MESSAGE_MAX + WIRE_MCTP_UNIT]; /* of the last one */
	size_t len;
} Answers;

static void answer(void *opaque, const CxbMctpMessage *msg)
{
	Answers *a = opaque;
	const struct wire_cci_header *hdr = (const struct wire_cci_header *)(msg->bytes + 1);

	g_assert_false(msg->owner);
	g_assert_cmpuint(msg->len, <=, sizeof(a->bytes));
	if (msg->bytes[0] != WIRE_MCTP_CONTROL) {
		g_assert_cmpuint(msg->len, >=, 1 + sizeof(*hdr));
		g_assert_cmpuint(hdr->category & WIRE_CCI_CATEGORY, ==, WIRE_CCI_RESPONSE);
		g_assert_cmpuint(le16_get(hdr->rc), <=, CXB_RC_ABORT_UNSUPPORTED);
		g_assert_cmpuint(msg->len, >=, 1 + sizeof(*hdr) + le24_get(hdr->length));
	}
	a->messages++;
	a->len = msg->len;
	memcpy(a->bytes, msg->bytes, msg->len);
}

static void read_packet(void *opaque, const uint8_t *packet, size_t len)
{
	cxb_mctp_assembly_packet(opaque, packet, len);
}

/* All frames that were sent, which must be messages whole. */
static void read_answers(World *w, Answers *a)
{
	CxbMctpAssembly *assembly = cxb_mctp_assembly_new(w->d.clock, sizeof(a->bytes), answer, a);
	CxbMctpSerialRx serial = { 0 };
	CxbMctpTcpRx tcp = { 0 };

	a->messages = 0;
	if (w->tcp)
		cxb_mctp_tcp_rx(&tcp, w->e.sent->data, w->e.sent->len, read_packet, assembly);
	else
		cxb_mctp_serial_rx(&serial, w->e.sent->data, w->e.sent->len, read_packet, assembly);
	g_assert_cmpuint(tcp.len, ==, 0);
	g_byte_array_set_size(w->e.sent, 0);
	cxb_mctp_assembly_free(assembly);
}

/* A request that arrives whole has its answer, and no other comes. */
static CxbRc ask(World *w, uint8_t type, uint16_t opcode, const void *payload, size_t len)
{
	static const uint8_t zeros[WIRE_MCTP_PACKET_MAX];
	g_autofree Answers *a = g_new0(Answers, 1);
	const struct wire_cci_header *hdr = (const struct wire_cci_header *)(a->bytes + 1);

	if (w->tcp && w->sent) /* this framing knows no other way */
		bytes_in(w, zeros, sizeof(zeros) - w->sent);
	w->drop = w->twice = w->spoil = 0;
	read_answers(w, a);
	w->cci_tag++;
	message_in(w, type, opcode, 7, payload, len);
	read_answers(w, a);
	g_assert_cmpuint(a->messages, ==, 1);
	g_assert_cmpuint(a->bytes[0], ==, type);
	g_assert_cmpuint(hdr->tag, ==, w->cci_tag);
	g_assert_cmpuint(le16_get(hdr->opcode), ==, opcode);
	return le16_get(hdr->rc);
}

/* --- steps --- */

static void raw_bytes(World *w)
{
	const size_t wanted = take(w, 1), n = MIN(wanted, w->in.left);

	bytes_in(w, cxb_rd_take(&w->in, n), n);
}

static void raw_packet(World *w)
{
	uint8_t packet[WIRE_MCTP_PACKET_MAX] = { 1, take(w, 1) % 12, take(w, 1) % 12,
						 take(w, 1) | WIRE_MCTP_TO };
	const size_t wanted = 1 + take(w, 1) % WIRE_MCTP_UNIT, n = MIN(wanted, w->in.left);

	if (!n)
		return;
	memcpy(packet + 4, cxb_rd_take(&w->in, n), n);
	frame_in(w, packet, 4 + n, 0);
}

static void damage(World *w)
{
	const unsigned how = take(w, 1), which = 1 + take(w, 1) % 8;

	w->drop = how % 8 == 1 ? which : 0;
	w->twice = how % 8 == 2 ? which : 0;
	w->spoil = how % 8 == 3 ? which : 0;
}

/* Any command that there is, on either type, with any payload of a length that its row takes. */
static void command(World *w)
{
	const CxbCciCmd *cmd = cxb_cci_nth(cxb_fmld_cci(w->d.fm), take(w, 1) % 32);
	uint8_t payload[CXB_FMLD_MESSAGE_MAX] = { 0 };
	const uint8_t how = take(w, 1);
	size_t len = take(w, 2) % sizeof(payload);
	uint16_t opcode = take(w, 2);

	if (cmd) {
		opcode = cmd->opcode;
		len = how & 0x40 ? len : CLAMP(len, cmd->in_min, MIN(cmd->in_max, 200));
	}
	for (size_t i = 0; i < len && w->in.left; i++)
		payload[i] = take(w, 1);
	w->cci_tag++;
	message_in(w, how & 0x80 ? WIRE_MCTP_CCI : WIRE_MCTP_FMAPI, opcode, how % 8, payload, len);
}

static void extent_put(uint8_t *to, uint64_t dpa, uint64_t len, const CxbUuid *tag)
{
	struct wire_dc_extent *x = (struct wire_dc_extent *)to;

	x->dpa = le64_put(dpa);
	x->length = le64_put(len);
	x->tag = *tag;
}

/* 5604h or 5605h, mostly sensible: extents in blocks, or those there are. */
static void change(World *w)
{
	const unsigned how = take(w, 1), n = take(w, 1) % 8;
	uint8_t payload[sizeof(struct wire_initiate_dc_in) + 8 * sizeof(struct wire_dc_extent)] = {
		0
	};
	struct wire_initiate_dc_in *req = (struct wire_initiate_dc_in *)payload;
	const CxbDcExtent *e = NULL;

	req->control = take(w, 1);
	req->region = how >> 2 & 1;
	req->length = le64_put(take(w, 1) % 8 * FAKE_BLOCK);
	req->tag = fake_tag(take(w, 1) % TAGS);
	req->count = le32_put(n);
	for (unsigned i = 0; i < n; i++) {
		uint8_t *x = payload + sizeof(*req) + i * sizeof(struct wire_dc_extent);
		const CxbUuid tag = fake_tag(take(w, 1) % TAGS);

		if (how & 2)
			e = cxb_dc_next(w->d.dc, 0, e ? e->dpa + 1 : 0);
		if (how & 2 && e)
			extent_put(x, e->dpa, e->len, &e->tag);
		else
			extent_put(x, FAKE_BASE + take(w, 1) * FAKE_BLOCK,
				   take(w, 1) % 5 * FAKE_BLOCK, &tag);
	}
	w->cci_tag++;
	message_in(w, WIRE_MCTP_FMAPI,
		   how & 1 ? CXB_OP_INITIATE_DC_RELEASE : CXB_OP_INITIATE_DC_ADD, how >> 3 & 7,
		   payload, sizeof(*req) + n * sizeof(struct wire_dc_extent));
}

static void host_run(World *w, uint16_t opcode, const uint8_t *in, size_t len)
{
	uint8_t out[2048];
	CxbRd rd = { in, len };
	CxbWr wr = { out, 0, sizeof(out) };

	cxb_cci_run(w->d.cci, opcode, &rd, &wr, NULL, NULL);
}

/* 4802h or 4803h with extents in the one state or the other, some left out. */
static void host(World *w)
{
	const unsigned how = take(w, 1), mask = take(w, 1);
	uint8_t in[8 + 8 * 0x18] = { 0 };
	unsigned n = 0, i = 0;

	for (const CxbDcExtent *e = cxb_dc_next(w->d.dc, 0, 0); e && n < 8;
	     e = cxb_dc_next(w->d.dc, 0, e->dpa + 1), i++) {
		if ((e->state == CXB_DC_OFFERED) == (how & 1) || mask & 1u << i % 8)
			continue;
		le_store(in + 8 + 0x18 * n, 8, e->dpa);
		le_store(in + 16 + 0x18 * n, 8, e->len);
		n++;
	}
	in[0] = n;
	in[4] = how >> 7;
	host_run(w, how & 1 ? 0x4803 : 0x4802, in, 8 + 0x18 * n);
}

static void clear_oldest(World *w)
{
	const struct wire_event_record *r = cxb_evlogs_peek(w->d.logs, CXB_LOG_DC, 0);
	uint8_t in[8] = { CXB_LOG_DC, 0, 1 };

	if (!r)
		return;
	memcpy(in + 6, r->hdr.handle.b, 2);
	host_run(w, 0x0101, in, sizeof(in));
}

static void step(World *w)
{
	switch (take(w, 1) % STEPS) {
	case STEP_BYTES:
		raw_bytes(w);
		break;
	case STEP_PACKET:
		raw_packet(w);
		break;
	case STEP_COMMAND:
		damage(w);
		command(w);
		break;
	case STEP_CHANGE:
	case STEP_CHANGE_AGAIN:
		damage(w);
		change(w);
		break;
	case STEP_HOST:
		host(w);
		break;
	case STEP_CLEAR:
		clear_oldest(w);
		break;
	case STEP_CLOCK:
		cxb_clock_advance(w->d.clock, cxb_clock_now_ns(w->d.clock) + (int64_t)take(w, 4));
		break;
	case STEP_LINK_RESET:
		w->sent = 0;
		cxb_mctp_link_reset(w->e.mctp);
		w->e.frames = 0; /* the cure comes again */
		break;
	case STEP_ASK:
		g_assert_cmpint(ask(w, WIRE_MCTP_CCI, CXB_OP_IDENTIFY, NULL, 0), ==,
				CXB_RC_SUCCESS);
		break;
	}
}

/* --- what always holds --- */

static void check(World *w)
{
	const CxbDcConfig *c = cxb_dc_config(w->d.dc);
	size_t n = 0, accepted = 0;
	uint64_t above = 0;

	for (const CxbDcExtent *e = cxb_dc_next(w->d.dc, 0, 0); e;
	     e = cxb_dc_next(w->d.dc, 0, e->dpa + 1)) {
		const CxbDcRegion *r = &c->regions[e->region];

		g_assert_cmphex(e->dpa, >=, above);
		above = e->dpa + e->len;
		g_assert_true(e->len && e->dpa >= r->base && above <= r->base + r->len);
		g_assert_cmphex((e->dpa - r->base) % r->block_size, ==, 0);
		g_assert_cmphex(e->len % r->block_size, ==, 0);
		accepted += e->state != CXB_DC_OFFERED;
		n++;
	}
	g_assert_cmpuint(cxb_dc_extents_available(w->d.dc), ==, c->max_extents - n);
	g_assert_cmpuint(cxb_dc_accepted_count(w->d.dc, 0), ==, accepted);
	for (unsigned i = 0; i < c->n_regions; i++)
		g_assert_true(c->regions[i].block_size & cxb_dc_block_sizes(w->d.dc, i));
	g_assert_false(cxb_cci_busy(cxb_fmld_cci(w->d.fm)));
}

/* References go, then everything by force; the host reads what it is told; then the first tag fits. */
static void nothing_is_stuck(World *w)
{
	uint8_t payload[sizeof(struct wire_initiate_dc_in) + sizeof(struct wire_dc_extent)] = { 0 };
	struct wire_initiate_dc_in *req = (struct wire_initiate_dc_in *)payload;
	uint8_t *x = payload + sizeof(*req);
	const CxbUuid first = fake_tag(0);
	const CxbDcExtent *e;

	for (unsigned i = 0; i < TAGS; i++) {
		const CxbUuid tag = fake_tag(i);
		CxbDcTagInfo info;

		if (cxb_dc_tag_info(w->d.dc, &tag, &info, NULL) && info.referenced)
			g_assert_cmpint(
				ask(w, WIRE_MCTP_FMAPI, CXB_OP_REMOVE_REFERENCE, &tag, sizeof(tag)),
				==, CXB_RC_SUCCESS);
	}
	req->count = le32_put(1);
	req->control = CXB_DC_REMOVE_PRESCRIPTIVE | WIRE_DC_FORCED;
	while ((e = cxb_dc_next(w->d.dc, 0, 0))) {
		extent_put(x, e->dpa, e->len, &e->tag);
		g_assert_cmpint(ask(w, WIRE_MCTP_FMAPI, CXB_OP_INITIATE_DC_RELEASE, payload,
				    sizeof(payload)),
				==, CXB_RC_SUCCESS);
	}
	while (cxb_evlogs_count(w->d.logs, CXB_LOG_DC))
		clear_oldest(w);
	req->control = CXB_DC_SELECT_PRESCRIPTIVE;
	extent_put(x, FAKE_BASE, FAKE_SPAN, &first);
	g_assert_cmpint(ask(w, WIRE_MCTP_FMAPI, CXB_OP_INITIATE_DC_ADD, payload, sizeof(payload)),
			==, CXB_RC_SUCCESS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	World w = { .in = { data, size } };

	mailbox_device_init(&w.d);
	fake_backing(w.d.pool, 0, FAKE_SPAN); /* fits any block size */
	for (unsigned i = 1; i < TAGS; i++)
		fake_backing(w.d.pool, i, (1 + i % 4) * FAKE_BLOCK);
	w.tcp = take(&w, 1) & 1;
	w.e.clock = w.d.clock;
	endpoint_begin(&w.e, w.tcp ? CXB_MCTP_TCP : CXB_MCTP_SERIAL, cxb_fmld_cci(w.d.fm),
		       CXB_FMLD_MESSAGE_MAX);
	while (w.in.left) {
		step(&w);
		check(&w);
	}
	nothing_is_stuck(&w);
	endpoint_end(&w.e);
	mailbox_device_fini(&w.d);
	return 0;
}
