/* SPDX-License-Identifier: Apache-2.0 */
/* Device registers and the doorbell protocol, CXL 3.1 8.2.8. */
#include <glib.h>

#include "base/bytes.h"
#include "cxl/devregs.h"
#include "wire/regs.h"

#define STATUS  0x80
#define MBOX    0x88
#define PAYLOAD (MBOX + WIRE_MBOX_PAYLOAD)

typedef struct {
	CxbClock *clock;
	CxbCci *cci;
	CxbEvLogs *logs;
	CxbDevRegs *regs;
	unsigned irqs, last_vector;
	unsigned runs;
	CxbRc rc;
	uint8_t seen[8]; /* input of the last command */
	size_t seen_len;
	bool meddle; /* write to the mailbox from inside the command */
} Fixture;

/* Answers with its input, each byte inverted. */
static CxbRc op_invert(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	Fixture *f = opaque;
	const size_t n = in->left;
	const uint8_t *p = in->p;
	uint8_t *to;

	f->runs++;
	if (f->meddle) {
		cxb_devregs_write(f->regs, PAYLOAD, 4, 0x55555555);
		cxb_devregs_write(f->regs, MBOX + WIRE_MBOX_CMD, 8, 0);
		cxb_devregs_write(f->regs, MBOX + WIRE_MBOX_CTRL, 4, 1);
	}
	f->seen_len = n;
	memcpy(f->seen, p, MIN(n, sizeof(f->seen)));
	to = cxb_wr_room(out, n);
	for (size_t i = 0; to && i < n; i++)
		to[i] = ~p[i];
	return f->rc;
}

static CxbRc background_end(void *opaque, CxbCci *cci, CxbRc rc)
{
	return CXB_RC_INTERNAL_ERROR;
}

/* Goes on for 100 ns, and fails then. */
static CxbRc op_background(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	return cxb_cci_start_background(cci, 100, background_end, NULL);
}

/* clang-format off */
static const CxbCciCmd rows[] = {
	{ 0xc000, "invert", "-", 0, CXB_PAYLOAD_ANY, CXB_PAYLOAD_ANY, 0, 0, op_invert },
	{ 0xc010, "background", "-", 0, 0, 0, CXB_EFFECT_BACKGROUND, 0, op_background },
};
/* clang-format on */

static void irq(void *opaque, unsigned vector)
{
	Fixture *f = opaque;

	f->irqs++;
	f->last_vector = vector;
}

static void make(Fixture *f, size_t payload_size)
{
	const CxbCciConfig cci = { .name = "mailbox",
				   .payload_size = payload_size,
				   .clock = f->clock = cxb_clock_new_virtual() };
	const CxbEvLogsConfig logs = { .size = { 1, 1, 1, 1, 1 } };
	CxbDevRegsConfig config = { .mbox_vector = 7, .irq = irq, .opaque = f };

	f->cci = config.cci = cxb_cci_new(&cci);
	f->logs = config.logs = cxb_evlogs_new(&logs);
	f->regs = cxb_devregs_new(&config);
	cxb_cci_add(f->cci, rows, G_N_ELEMENTS(rows), f);
}

static void set_up(Fixture *f, gconstpointer unused)
{
	make(f, 2048);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_devregs_free(f->regs);
	cxb_evlogs_free(f->logs);
	cxb_cci_free(f->cci);
	cxb_clock_free(f->clock);
}

static uint64_t rd(Fixture *f, uint32_t off, unsigned size)
{
	return cxb_devregs_read(f->regs, off, size);
}

static void wr(Fixture *f, uint32_t off, unsigned size, uint64_t val)
{
	cxb_devregs_write(f->regs, off, size, val);
}

static void set_cmd(Fixture *f, uint16_t opcode, uint32_t len)
{
	wr(f, MBOX + WIRE_MBOX_CMD, 8, opcode | (uint64_t)len << 16);
}

static void ring(Fixture *f)
{
	wr(f, MBOX + WIRE_MBOX_CTRL, 4, 1);
}

static unsigned rc(Fixture *f)
{
	return FIELD_GET(WIRE_MBOX_STATUS_RC, rd(f, MBOX + WIRE_MBOX_STATUS, 8));
}

static unsigned len(Fixture *f)
{
	return FIELD_GET(WIRE_MBOX_CMD_LEN, rd(f, MBOX + WIRE_MBOX_CMD, 8));
}

static void the_capability_array_names_three_structures(Fixture *f, gconstpointer unused)
{
	static const uint32_t want[] = {
		0x00010000, 3,
		0,          0, /* array: id 0, version 1, three headers */
		0x00020001, 0x80,
		8,          0, /* device status */
		0x00010002, 0x88,
		0x820,      0, /* mailbox */
		0x00014000, 0x88 + 0x820,
		8,          0, /* memory device status */
		0,          0,
		0,          0,
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(want); i++)
		g_assert_cmphex(rd(f, 4 * i, 4), ==, want[i]);
	g_assert_cmphex(rd(f, 0x10, 2), ==, 0x0001);
	g_assert_cmphex(rd(f, 0x12, 1), ==, 2);
	g_assert_cmphex(rd(f, 0x10, 8), ==, 0x8000020001);
	g_assert_cmpuint(cxb_devregs_size(f->regs), ==, 4096);
}

static void the_block_grows_with_the_payload(void)
{
	static const struct {
		size_t payload;
		unsigned exponent, size;
	} sizes[] = { { 256, 8, 512 }, { 4096, 12, 8192 }, { 1 << 20, 20, 2 << 20 } };

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		Fixture f = { 0 };

		make(&f, sizes[i].payload);
		g_assert_cmpuint(rd(&f, MBOX, 4) & 0x1f, ==, sizes[i].exponent);
		g_assert_cmpuint(cxb_devregs_size(f.regs), ==, sizes[i].size);
		g_assert_cmphex(rd(&f, rd(&f, 0x34, 4), 8), ==, 0x14);
		tear_down(&f, NULL);
	}
}

static void the_mailbox_tells_size_interrupts_and_type(Fixture *f, gconstpointer unused)
{
	/* exponent 11, both interrupts, message 7, type 1 */
	g_assert_cmphex(rd(f, MBOX, 4), ==, 11 | 0x60 | 7 << 7 | 1 << 19);
	wr(f, MBOX, 4, 0);
	g_assert_cmphex(rd(f, MBOX, 4), ==, 11 | 0x60 | 7 << 7 | 1 << 19);
}

static void memory_device_status_shows_media(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(rd(f, 0x8a8, 8), ==, 0x14);
	wr(f, 0x8a8, 8, 0);
	g_assert_cmphex(rd(f, 0x8a8, 8), ==, 0x14);
	cxb_cci_set_media_disabled(f->cci, true);
	g_assert_cmphex(rd(f, 0x8a8, 8), ==, 0x1c);
}

static void event_status_shows_logs(Fixture *f, gconstpointer unused)
{
	const struct wire_event_record rec = { 0 };

	g_assert_cmphex(rd(f, STATUS, 8), ==, 0);
	cxb_evlogs_append(f->logs, CXB_LOG_DC, &rec);
	g_assert_cmphex(rd(f, STATUS, 8), ==, 0x10);
	g_assert_cmphex(rd(f, STATUS, 1), ==, 0x10);
	wr(f, STATUS, 8, 0x10);
	g_assert_cmphex(rd(f, STATUS, 4), ==, 0x10);
}

static void a_command_runs_at_the_doorbell(Fixture *f, gconstpointer unused)
{
	static const uint8_t in[] = { 1, 2, 3, 4, 5 };

	set_cmd(f, 0xc000, 5);
	g_assert_true(cxb_devregs_write_bulk(f->regs, PAYLOAD, in, 5));
	g_assert_cmpuint(f->runs, ==, 0);
	ring(f);
	g_assert_cmpuint(f->runs, ==, 1);
	g_assert_cmpmem(f->seen, f->seen_len, in, 5);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_CTRL, 4), ==, 0);
	g_assert_cmphex(rc(f), ==, 0);
	g_assert_cmpuint(len(f), ==, 5);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_CMD, 2), ==, 0xc000);
	g_assert_cmphex(rd(f, PAYLOAD, 8), ==, 0xfafbfcfdfe);
	g_assert_cmphex(rd(f, PAYLOAD + 3, 1), ==, 0xfb);
	/* Results stay until the next ring. */
	g_assert_cmphex(rd(f, PAYLOAD, 8), ==, 0xfafbfcfdfe);
	g_assert_cmphex(rc(f), ==, 0);
}

static void a_failure_reports_its_code_and_no_output(Fixture *f, gconstpointer unused)
{
	f->rc = CXB_RC_INVALID_INPUT;
	wr(f, PAYLOAD, 4, 0x11223344);
	set_cmd(f, 0xc000, 4);
	ring(f);
	g_assert_cmphex(rc(f), ==, CXB_RC_INVALID_INPUT);
	g_assert_cmpuint(len(f), ==, 0);
	g_assert_cmphex(rd(f, PAYLOAD, 4), ==, 0x11223344);
	set_cmd(f, 0xc001, 4);
	ring(f);
	g_assert_cmphex(rc(f), ==, CXB_RC_UNSUPPORTED);
}

static void a_length_beyond_the_payload_is_refused(Fixture *f, gconstpointer unused)
{
	static const uint32_t bad[] = { 2049, 0xffff, 0x10000, 0x100000, 0x1fffff };

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		set_cmd(f, 0xc000, bad[i]);
		g_assert_cmpuint(len(f), ==, bad[i]);
		ring(f);
		g_assert_cmphex(rc(f), ==, CXB_RC_PAYLOAD_LEN);
		g_assert_cmpuint(len(f), ==, 0);
	}
	g_assert_cmpuint(f->runs, ==, 0);
	set_cmd(f, 0xc000, 2048);
	ring(f);
	g_assert_cmphex(rc(f), ==, 0);
	g_assert_cmpuint(len(f), ==, 2048);
}

static void all_twenty_one_bits_of_the_length_work(void)
{
	Fixture f = { 0 };

	make(&f, 1 << 20);
	set_cmd(&f, 0xc000, 1 << 20);
	ring(&f);
	g_assert_cmphex(rc(&f), ==, 0);
	g_assert_cmpuint(len(&f), ==, 1 << 20);
	g_assert_cmphex(rd(&f, PAYLOAD + (1 << 20) - 8, 8), ==, UINT64_MAX);
	tear_down(&f, NULL);
}

static void nothing_can_be_written_while_the_doorbell_is_set(Fixture *f, gconstpointer unused)
{
	uint32_t junk = 0x99999999;

	f->rc = CXB_RC_LATER;
	wr(f, PAYLOAD, 4, 0x01020304);
	set_cmd(f, 0xc000, 4);
	ring(f);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_CTRL, 4), ==, 1);
	wr(f, PAYLOAD, 4, junk);
	g_assert_true(cxb_devregs_write_bulk(f->regs, PAYLOAD, &junk, 4));
	set_cmd(f, 0x1234, 99);
	wr(f, MBOX + WIRE_MBOX_CTRL, 4, 0);
	wr(f, MBOX + WIRE_MBOX_CTRL, 4, 7);
	g_assert_cmpuint(f->runs, ==, 1);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_CTRL, 4), ==, 1);
	g_assert_cmphex(rd(f, PAYLOAD, 4), ==, 0x01020304);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_CMD, 2), ==, 0xc000);

	cxb_cci_complete(f->cci, CXB_RC_INVALID_PA);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_CTRL, 4), ==, 0);
	g_assert_cmphex(rc(f), ==, CXB_RC_INVALID_PA);
	g_assert_cmpuint(len(f), ==, 0);
	wr(f, PAYLOAD, 4, junk);
	g_assert_cmphex(rd(f, PAYLOAD, 4), ==, junk);
}

static void a_command_keeps_the_payload_it_was_rung_with(Fixture *f, gconstpointer unused)
{
	f->meddle = true;
	wr(f, PAYLOAD, 4, 0x01020304);
	set_cmd(f, 0xc000, 4);
	ring(f);
	g_assert_cmpuint(f->runs, ==, 1);
	g_assert_cmphex(le_load(f->seen, 4), ==, 0x01020304);
	g_assert_cmphex(rd(f, PAYLOAD, 4), ==, 0xfefdfcfb);
}

static void the_doorbell_interrupt_is_asked_for(Fixture *f, gconstpointer unused)
{
	set_cmd(f, 0xc000, 0);
	ring(f);
	g_assert_cmpuint(f->irqs, ==, 0);
	wr(f, MBOX + WIRE_MBOX_CTRL, 4, WIRE_MBOX_CTRL_DOORBELL | WIRE_MBOX_CTRL_DB_IRQ);
	g_assert_cmpuint(f->irqs, ==, 1);
	g_assert_cmpuint(f->last_vector, ==, 7);
	ring(f); /* plain 1: off again */
	g_assert_cmpuint(f->irqs, ==, 1);
}

/* Linux enables it once and then rings with the constant 1. */
static void a_ring_leaves_the_background_interrupt_enabled(Fixture *f, gconstpointer unused)
{
	wr(f, MBOX + WIRE_MBOX_CTRL, 4, WIRE_MBOX_CTRL_BG_IRQ);
	set_cmd(f, 0xc000, 0);
	ring(f);
	g_assert_cmpuint(f->runs, ==, 1);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_CTRL, 4), ==, WIRE_MBOX_CTRL_BG_IRQ);
	wr(f, MBOX + WIRE_MBOX_CTRL, 4, 0);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_CTRL, 4), ==, 0);
}

static uint64_t background(Fixture *f)
{
	return rd(f, MBOX + WIRE_MBOX_BG_STATUS, 8);
}

static void a_background_operation_shows_how_far_it_is(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(background(f), ==, 0);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_STATUS, 8), ==, 0);
	set_cmd(f, 0xc010, 0);
	ring(f);
	g_assert_cmphex(rc(f), ==, CXB_RC_BG_STARTED);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_STATUS, 1), ==, 1);
	cxb_clock_advance(f->clock, 42);
	g_assert_cmphex(background(f), ==, 0xc010 | 42 << 16);
	/* Other commands come and go; the mailbox is no worse for it. */
	set_cmd(f, 0xc000, 4);
	ring(f);
	g_assert_cmphex(rc(f), ==, 0);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_STATUS, 8), ==, 1);
	wr(f, MBOX + WIRE_MBOX_BG_STATUS, 8, 0);
	wr(f, MBOX + WIRE_MBOX_STATUS, 8, 0);
	g_assert_cmphex(background(f), ==, 0xc010 | 42 << 16);
	cxb_clock_advance(f->clock, 100);
	g_assert_cmphex(background(f), ==,
			0xc010 | 100 << 16 | (uint64_t)CXB_RC_INTERNAL_ERROR << 32);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_STATUS, 8), ==, 0);
	g_assert_cmpuint(f->irqs, ==, 0);
}

static void the_end_of_a_background_operation_interrupts(Fixture *f, gconstpointer unused)
{
	wr(f, MBOX + WIRE_MBOX_CTRL, 4, WIRE_MBOX_CTRL_BG_IRQ);
	set_cmd(f, 0xc010, 0);
	ring(f);
	g_assert_cmpuint(f->irqs, ==, 0);
	cxb_clock_advance(f->clock, 100);
	g_assert_cmpuint(f->irqs, ==, 1);
	g_assert_cmpuint(f->last_vector, ==, 7);
	/* None once the registers are reset. */
	ring(f);
	cxb_devregs_reset(f->regs);
	cxb_clock_advance(f->clock, 1000);
	g_assert_cmpuint(f->irqs, ==, 1);
}

static void registers_take_any_width(Fixture *f, gconstpointer unused)
{
	wr(f, MBOX + WIRE_MBOX_CMD, 1, 0x00);
	wr(f, MBOX + WIRE_MBOX_CMD + 1, 1, 0xc0);
	wr(f, MBOX + WIRE_MBOX_CMD + 2, 2, 4);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_CMD, 8), ==, 0x4c000);
	wr(f, MBOX + WIRE_MBOX_CMD + 4, 4, UINT32_MAX); /* only bits [36:32] are there */
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_CMD + 4, 4), ==, 0x1f);
	set_cmd(f, 0xc000, 1);
	wr(f, PAYLOAD, 1, 0x0f);
	wr(f, MBOX + WIRE_MBOX_CTRL, 1, 1);
	g_assert_cmpuint(f->runs, ==, 1);
	wr(f, MBOX + WIRE_MBOX_CTRL + 1, 1, 0xff); /* beside the doorbell */
	g_assert_cmpuint(f->runs, ==, 1);
	wr(f, MBOX, 8, 1); /* the capability half: no ring */
	g_assert_cmpuint(f->runs, ==, 1);
	wr(f, MBOX, 8, 1ull << 32);
	g_assert_cmpuint(f->runs, ==, 2);
}

static void accesses_outside_are_harmless(Fixture *f, gconstpointer unused)
{
	static const uint32_t at[] = { 0x40, 0x78, 0x8b0, 0xff8, 0x1000, 0xfffffff8 };
	uint8_t buf[16];

	for (size_t i = 0; i < G_N_ELEMENTS(at); i++) {
		wr(f, at[i], 8, UINT64_MAX);
		g_assert_cmphex(rd(f, at[i], 8), ==, 0);
	}
	g_assert_cmphex(rd(f, 0x01, 2), ==, 0);
	g_assert_cmphex(rd(f, 0x00, 3), ==, 0);
	g_assert_false(cxb_devregs_read_bulk(f->regs, PAYLOAD - 1, buf, 2));
	g_assert_false(cxb_devregs_read_bulk(f->regs, PAYLOAD + 2040, buf, 9));
	g_assert_false(cxb_devregs_write_bulk(f->regs, 0xfffffff8, buf, 16));
	g_assert_true(cxb_devregs_read_bulk(f->regs, PAYLOAD + 2041, buf, 7));
}

static void a_reset_clears_the_mailbox_and_drops_the_command(Fixture *f, gconstpointer unused)
{
	f->rc = CXB_RC_LATER;
	wr(f, PAYLOAD, 4, 0x01020304);
	wr(f, MBOX + WIRE_MBOX_CTRL, 4, WIRE_MBOX_CTRL_BG_IRQ);
	set_cmd(f, 0xc000, 4);
	ring(f);
	cxb_devregs_reset(f->regs);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_CTRL, 4), ==, 0);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_CMD, 8), ==, 0);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_STATUS, 8), ==, 0);
	g_assert_cmphex(rd(f, PAYLOAD, 4), ==, 0);
	cxb_cci_complete(f->cci, CXB_RC_INVALID_PA); /* too late */
	g_assert_cmphex(rc(f), ==, 0);
	f->rc = CXB_RC_SUCCESS;
	set_cmd(f, 0xc000, 0);
	ring(f);
	g_assert_cmpuint(f->runs, ==, 2);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(path, fn) g_test_add("/cxl/devregs/" path, Fixture, NULL, set_up, fn, tear_down)
	ADD("array", the_capability_array_names_three_structures);
	g_test_add_func("/cxl/devregs/size", the_block_grows_with_the_payload);
	ADD("mailbox", the_mailbox_tells_size_interrupts_and_type);
	ADD("media", memory_device_status_shows_media);
	ADD("events", event_status_shows_logs);
	ADD("doorbell", a_command_runs_at_the_doorbell);
	ADD("failure", a_failure_reports_its_code_and_no_output);
	ADD("length", a_length_beyond_the_payload_is_refused);
	g_test_add_func("/cxl/devregs/length-21", all_twenty_one_bits_of_the_length_work);
	ADD("while-set", nothing_can_be_written_while_the_doorbell_is_set);
	ADD("snapshot", a_command_keeps_the_payload_it_was_rung_with);
	ADD("irq", the_doorbell_interrupt_is_asked_for);
	ADD("irq-bg", a_ring_leaves_the_background_interrupt_enabled);
	ADD("background", a_background_operation_shows_how_far_it_is);
	ADD("background-irq", the_end_of_a_background_operation_interrupts);
	ADD("width", registers_take_any_width);
	ADD("outside", accesses_outside_are_harmless);
	ADD("reset", a_reset_clears_the_mailbox_and_drops_the_command);
	return g_test_run();
}
