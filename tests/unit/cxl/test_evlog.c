/* SPDX-License-Identifier: Apache-2.0 */
/* Event logs and their commands, CXL 3.1 8.2.9.2. */
#include <glib.h>

#include "cxl/evlog.h"
#include "wire/mbox.h"

#define SIZE    3 /* records of each log; log 4 has more than a payload carries */
#define DC_SIZE 40

typedef struct {
	CxbCci *cci;
	CxbEvLogs *logs;
	uint64_t now;
	unsigned irqs, last_vector;
	unsigned cleared;
	CxbLogId last_cleared;
	uint8_t out[2048];
	size_t out_len;
} Fixture;

static void irq(void *opaque, unsigned vector)
{
	Fixture *f = opaque;

	f->irqs++;
	f->last_vector = vector;
}

static uint64_t timestamp(void *opaque)
{
	return ((Fixture *)opaque)->now;
}

static void on_cleared(void *opaque, CxbLogId log)
{
	Fixture *f = opaque;

	f->cleared++;
	f->last_cleared = log;
}

static void set_up(Fixture *f, gconstpointer unused)
{
	const CxbCciConfig cci = { .name = "events", .payload_size = 2048 };
	const CxbEvLogsConfig config = {
		.size = { SIZE, SIZE, SIZE, SIZE, DC_SIZE },
		.vector = { 2, 3, 4, 5, 6 },
		.irq = irq,
		.timestamp = timestamp,
		.opaque = f,
	};

	f->cci = cxb_cci_new(&cci);
	f->logs = cxb_evlogs_new(&config);
	cxb_evlogs_add_commands(f->logs, f->cci);
	cxb_evlogs_on_cleared(f->logs, on_cleared, f);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_cci_free(f->cci);
	cxb_evlogs_free(f->logs);
}

static CxbRc run(Fixture *f, uint16_t opcode, const void *in, size_t len)
{
	CxbRd rd = { in, len };
	CxbWr wr = { f->out, 0, sizeof(f->out) };
	CxbRc rc = cxb_cci_run(f->cci, opcode, &rd, &wr, NULL, NULL);

	f->out_len = wr.len;
	return rc;
}

/* A record whose first byte of data is @mark. */
static bool append(Fixture *f, CxbLogId log, uint8_t mark)
{
	const struct wire_event_record rec = {
		.hdr.uuid = wire_uuid_gmer,
		.hdr.handle = { { 0xff, 0xff } }, /* filled in by the log */
		.data = { mark },
	};

	return cxb_evlogs_append(f->logs, log, &rec);
}

static const struct wire_get_events_out *get(Fixture *f, uint8_t log)
{
	g_assert_cmphex(run(f, CXB_OP_GET_EVENTS, &log, 1), ==, CXB_RC_SUCCESS);
	return (const struct wire_get_events_out *)f->out;
}

static const struct wire_event_record *got(Fixture *f, unsigned i)
{
	return (const struct wire_event_record *)(f->out + 0x20) + i;
}

static CxbRc clear(Fixture *f, uint8_t log, uint8_t flags, unsigned n, const uint16_t *handles)
{
	uint8_t in[6 + 2 * 255] = { log, flags, n };

	for (unsigned i = 0; i < n; i++)
		le_store(in + 6 + 2 * i, 2, handles[i]);
	return run(f, CXB_OP_CLEAR_EVENTS, in, 6 + 2 * n);
}

static uint16_t handle(Fixture *f, CxbLogId log, unsigned i)
{
	return le16_get(cxb_evlogs_peek(f->logs, log, i)->hdr.handle);
}

static void records_come_back_in_order_until_cleared(Fixture *f, gconstpointer unused)
{
	const struct wire_get_events_out *out;

	f->now = 1000;
	append(f, CXB_LOG_WARN, 7);
	f->now = 2000;
	append(f, CXB_LOG_WARN, 8);
	for (unsigned again = 0; again < 2; again++) {
		out = get(f, CXB_LOG_WARN);
		g_assert_cmpuint(f->out_len, ==, 0x20 + 2 * 0x80);
		g_assert_cmphex(out->flags, ==, 0);
		g_assert_cmpuint(le16_get(out->count), ==, 2);
		g_assert_cmpuint(got(f, 0)->data[0], ==, 7);
		g_assert_cmpuint(got(f, 1)->data[0], ==, 8);
		g_assert_cmpuint(le16_get(got(f, 0)->hdr.handle), ==, 1);
		g_assert_cmpuint(le16_get(got(f, 1)->hdr.handle), ==, 2);
		g_assert_cmpuint(le64_get(got(f, 1)->hdr.timestamp), ==, 2000);
		g_assert_cmpuint(got(f, 0)->hdr.length, ==, 0x80);
	}
	g_assert_cmpuint(le16_get(get(f, CXB_LOG_INFO)->count), ==, 0);
	g_assert_cmpuint(f->out_len, ==, 0x20);
}

/* 2048 - 20h bytes carry 15 records. */
static void more_is_set_when_not_all_records_fit(Fixture *f, gconstpointer unused)
{
	uint16_t handles[15];

	for (unsigned i = 0; i < 16; i++)
		append(f, CXB_LOG_DC, i);
	g_assert_cmphex(get(f, CXB_LOG_DC)->flags, ==, WIRE_EVENTS_MORE);
	g_assert_cmpuint(le16_get(get(f, CXB_LOG_DC)->count), ==, 15);
	for (unsigned i = 0; i < 15; i++)
		handles[i] = handle(f, CXB_LOG_DC, i);
	g_assert_cmphex(clear(f, CXB_LOG_DC, 0, 15, handles), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(get(f, CXB_LOG_DC)->flags, ==, 0);
	g_assert_cmpuint(le16_get(get(f, CXB_LOG_DC)->count), ==, 1);
	g_assert_cmpuint(got(f, 0)->data[0], ==, 15);
}

static void a_full_log_drops_the_new_record_and_counts(Fixture *f, gconstpointer unused)
{
	const struct wire_get_events_out *out;
	uint16_t first;

	for (unsigned i = 0; i < SIZE; i++)
		g_assert_true(append(f, CXB_LOG_INFO, i));
	g_assert_cmpuint(cxb_evlogs_room(f->logs, CXB_LOG_INFO), ==, 0);
	f->now = 50;
	g_assert_false(append(f, CXB_LOG_INFO, 100));
	f->now = 60;
	g_assert_false(append(f, CXB_LOG_INFO, 101));
	out = get(f, CXB_LOG_INFO);
	g_assert_cmphex(out->flags, ==, WIRE_EVENTS_OVERFLOW);
	g_assert_cmpuint(le16_get(out->overflow_count), ==, 2);
	g_assert_cmpuint(le64_get(out->first_overflow), ==, 50);
	g_assert_cmpuint(le64_get(out->last_overflow), ==, 60);
	g_assert_cmpuint(le16_get(out->count), ==, SIZE);
	g_assert_cmpuint(got(f, SIZE - 1)->data[0], ==, SIZE - 1);

	/* One cleared record ends it; a lost record took no handle. */
	first = handle(f, CXB_LOG_INFO, 0);
	g_assert_cmphex(clear(f, CXB_LOG_INFO, 0, 1, &first), ==, CXB_RC_SUCCESS);
	out = get(f, CXB_LOG_INFO);
	g_assert_cmphex(out->flags, ==, 0);
	g_assert_cmpuint(le16_get(out->overflow_count), ==, 0);
	g_assert_cmpuint(le64_get(out->first_overflow), ==, 0);
	g_assert_cmpuint(le64_get(out->last_overflow), ==, 0);
	g_assert_true(append(f, CXB_LOG_INFO, 9));
	g_assert_cmpuint(handle(f, CXB_LOG_INFO, SIZE - 1), ==, SIZE + 1);
}

static void the_overflow_count_saturates(Fixture *f, gconstpointer unused)
{
	for (unsigned i = 0; i < SIZE + 0x10005; i++)
		append(f, CXB_LOG_FAIL, 0);
	g_assert_cmphex(le16_get(get(f, CXB_LOG_FAIL)->overflow_count), ==, 0xffff);
}

static void handles_wrap_past_zero(Fixture *f, gconstpointer unused)
{
	for (unsigned i = 1; i < 0xffff; i++) {
		uint16_t h;

		append(f, CXB_LOG_INFO, 0);
		h = handle(f, CXB_LOG_INFO, 0);
		g_assert_cmpuint(h, ==, i);
		clear(f, CXB_LOG_INFO, 0, 1, &h);
	}
	append(f, CXB_LOG_INFO, 0);
	append(f, CXB_LOG_INFO, 0);
	append(f, CXB_LOG_INFO, 0);
	g_assert_cmphex(handle(f, CXB_LOG_INFO, 0), ==, 0xffff);
	g_assert_cmphex(handle(f, CXB_LOG_INFO, 1), ==, 1);
	g_assert_cmphex(handle(f, CXB_LOG_INFO, 2), ==, 2);
}

static void handles_of_logs_are_independent(Fixture *f, gconstpointer unused)
{
	append(f, CXB_LOG_INFO, 0);
	append(f, CXB_LOG_INFO, 0);
	append(f, CXB_LOG_FATAL, 0);
	g_assert_cmpuint(handle(f, CXB_LOG_FATAL, 0), ==, 1);
}

static void wrong_handles_clear_nothing(Fixture *f, gconstpointer unused)
{
	static const uint16_t bad[][3] = {
		{ 2, 1, 3 },              /* not in order of time */
		{ 1, 3, 2 }, { 0, 1, 2 }, /* 0 is no handle */
		{ 1, 2, 4 },              /* unknown */
		{ 1, 1, 2 },              /* twice */
	};
	static const uint16_t four[] = { 1, 2, 3, 4 };

	for (unsigned i = 0; i < 3; i++)
		append(f, CXB_LOG_INFO, i);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_assert_cmphex(clear(f, CXB_LOG_INFO, 0, 3, bad[i]), ==, CXB_RC_INVALID_HANDLE);
		g_assert_cmpuint(cxb_evlogs_count(f->logs, CXB_LOG_INFO), ==, 3);
	}
	g_assert_cmphex(clear(f, CXB_LOG_INFO, 0, 4, four), ==, CXB_RC_INVALID_HANDLE);
	g_assert_cmphex(clear(f, CXB_LOG_INFO, 0, 1, &four[1]), ==, CXB_RC_INVALID_HANDLE);
	g_assert_cmpuint(f->cleared, ==, 0);
	g_assert_cmphex(clear(f, CXB_LOG_INFO, 0, 2, four), ==, CXB_RC_SUCCESS);
	/* stale */
	g_assert_cmphex(clear(f, CXB_LOG_INFO, 0, 2, four), ==, CXB_RC_INVALID_HANDLE);
	g_assert_cmpuint(cxb_evlogs_count(f->logs, CXB_LOG_INFO), ==, 1);
	g_assert_cmpuint(f->cleared, ==, 1);
	g_assert_cmpint(f->last_cleared, ==, CXB_LOG_INFO);
}

static void clear_of_no_handles_does_nothing(Fixture *f, gconstpointer unused)
{
	append(f, CXB_LOG_INFO, 0);
	g_assert_cmphex(clear(f, CXB_LOG_INFO, 0, 0, NULL), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(cxb_evlogs_count(f->logs, CXB_LOG_INFO), ==, 1);
	g_assert_cmpuint(f->cleared, ==, 0);
}

static void clear_all_is_for_a_log_in_overflow(Fixture *f, gconstpointer unused)
{
	for (unsigned i = 0; i < SIZE; i++)
		append(f, CXB_LOG_INFO, i);
	g_assert_cmphex(clear(f, CXB_LOG_INFO, WIRE_CLEAR_EVENTS_ALL, 0, NULL), ==,
			CXB_RC_INVALID_INPUT);
	g_assert_cmpuint(cxb_evlogs_count(f->logs, CXB_LOG_INFO), ==, SIZE);
	append(f, CXB_LOG_INFO, SIZE);
	g_assert_cmphex(clear(f, CXB_LOG_INFO, WIRE_CLEAR_EVENTS_ALL, 0, NULL), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(cxb_evlogs_count(f->logs, CXB_LOG_INFO), ==, 0);
	g_assert_cmphex(get(f, CXB_LOG_INFO)->flags, ==, 0);
	g_assert_cmpuint(f->cleared, ==, 1);
}

/* Our choice: a host may send a longer structure than its count needs. */
static void bytes_behind_the_handles_are_ignored(Fixture *f, gconstpointer unused)
{
	static const uint8_t longer[] = { 0, 0, 1, 0, 0, 0, 1, 0, 0xff, 0xff, 0xff };

	append(f, CXB_LOG_INFO, 0);
	append(f, CXB_LOG_INFO, 0);
	g_assert_cmphex(run(f, CXB_OP_CLEAR_EVENTS, longer, sizeof(longer)), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(cxb_evlogs_count(f->logs, CXB_LOG_INFO), ==, 1);
}

static void bad_requests_are_refused(Fixture *f, gconstpointer unused)
{
	static const uint8_t short_list[] = { 0, 0, 2, 0, 0, 0, 1, 0, 2 };
	static const uint8_t get_log5[] = { 5 };

	append(f, CXB_LOG_INFO, 0);
	append(f, CXB_LOG_INFO, 0);
	g_assert_cmphex(run(f, CXB_OP_GET_EVENTS, get_log5, 1), ==, CXB_RC_INVALID_INPUT);
	g_assert_cmphex(run(f, CXB_OP_GET_EVENTS, get_log5, 0), ==, CXB_RC_PAYLOAD_LEN);
	g_assert_cmphex(clear(f, 5, 0, 0, NULL), ==, CXB_RC_INVALID_INPUT);
	g_assert_cmphex(clear(f, 255, WIRE_CLEAR_EVENTS_ALL, 0, NULL), ==, CXB_RC_INVALID_INPUT);
	g_assert_cmphex(run(f, CXB_OP_CLEAR_EVENTS, short_list, 5), ==, CXB_RC_PAYLOAD_LEN);
	g_assert_cmphex(run(f, CXB_OP_CLEAR_EVENTS, short_list, 9), ==, CXB_RC_PAYLOAD_LEN);
	g_assert_cmpuint(cxb_evlogs_count(f->logs, CXB_LOG_INFO), ==, 2);
}

static void status_bits_follow_the_logs(Fixture *f, gconstpointer unused)
{
	const uint16_t one = 1;

	g_assert_cmphex(cxb_evlogs_status(f->logs), ==, 0);
	for (unsigned i = 0; i < CXB_LOGS; i++)
		append(f, i, 0);
	g_assert_cmphex(cxb_evlogs_status(f->logs), ==, 0x1f);
	g_assert_cmphex(clear(f, CXB_LOG_FAIL, 0, 1, &one), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(cxb_evlogs_status(f->logs), ==, 0x1b);
}

/* --- interrupts --- */

static void set_policy(Fixture *f, uint8_t mode, size_t len)
{
	const uint8_t policy[5] = { mode, mode, mode, mode, mode };

	g_assert_cmphex(run(f, CXB_OP_SET_EVENT_POLICY, policy, len), ==, CXB_RC_SUCCESS);
}

static void an_interrupt_comes_when_a_log_stops_being_empty(Fixture *f, gconstpointer unused)
{
	const uint16_t both[] = { 1, 2 };

	append(f, CXB_LOG_WARN, 0);
	g_assert_cmpuint(f->irqs, ==, 0); /* off until asked for */
	clear(f, CXB_LOG_WARN, 0, 1, both);

	set_policy(f, WIRE_EVENT_IRQ_MSI, 5);
	append(f, CXB_LOG_WARN, 0);
	g_assert_cmpuint(f->irqs, ==, 1);
	g_assert_cmpuint(f->last_vector, ==, 3);
	append(f, CXB_LOG_WARN, 0);
	g_assert_cmpuint(f->irqs, ==, 1);
	append(f, CXB_LOG_DC, 0);
	g_assert_cmpuint(f->irqs, ==, 2);
	g_assert_cmpuint(f->last_vector, ==, 6);

	cxb_evlogs_reset(f->logs, CXB_RESET_HOT);
	append(f, CXB_LOG_FATAL, 0);
	g_assert_cmpuint(f->irqs, ==, 2);
}

static void switching_it_on_with_records_waiting_raises_it(Fixture *f, gconstpointer unused)
{
	append(f, CXB_LOG_DC, 0);
	set_policy(f, WIRE_EVENT_IRQ_FW, 5);
	g_assert_cmpuint(f->irqs, ==, 0);
	set_policy(f, WIRE_EVENT_IRQ_MSI, 5);
	g_assert_cmpuint(f->irqs, ==, 1);
	g_assert_cmpuint(f->last_vector, ==, 6);
	set_policy(f, WIRE_EVENT_IRQ_MSI, 5); /* no change */
	g_assert_cmpuint(f->irqs, ==, 1);
}

static void four_bytes_of_policy_leave_dynamic_capacity_alone(Fixture *f, gconstpointer unused)
{
	static const uint8_t one_for_dc[] = { 0x21, 0x31, 0x41, 0x51, 0x60 };
	static const uint8_t message_ignored[] = { 0xf0, 0xf2, 0xf1, 0xf0, 0xf1 };
	static const uint8_t want[] = { 0x20, 0x32, 0x41, 0x50, 0x61 };

	set_policy(f, WIRE_EVENT_IRQ_MSI, 4);
	g_assert_cmphex(run(f, CXB_OP_GET_EVENT_POLICY, NULL, 0), ==, CXB_RC_SUCCESS);
	g_assert_cmpmem(f->out, f->out_len, one_for_dc, 5);
	g_assert_cmphex(run(f, CXB_OP_SET_EVENT_POLICY, message_ignored, 5), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(run(f, CXB_OP_GET_EVENT_POLICY, NULL, 0), ==, CXB_RC_SUCCESS);
	g_assert_cmpmem(f->out, f->out_len, want, 5);
}

static void a_bad_policy_changes_nothing(Fixture *f, gconstpointer unused)
{
	static const uint8_t reserved_mode[] = { 1, 1, 1, 1, 3 };
	static const uint8_t none[] = { 0x20, 0x30, 0x40, 0x50, 0x60 };

	g_assert_cmphex(run(f, CXB_OP_SET_EVENT_POLICY, reserved_mode, 5), ==,
			CXB_RC_INVALID_INPUT);
	g_assert_cmphex(run(f, CXB_OP_SET_EVENT_POLICY, reserved_mode, 3), ==, CXB_RC_PAYLOAD_LEN);
	run(f, CXB_OP_GET_EVENT_POLICY, NULL, 0);
	g_assert_cmpmem(f->out, f->out_len, none, 5);
}

static void a_reset_empties_log_4_and_keeps_counting(Fixture *f, gconstpointer unused)
{
	for (unsigned i = 0; i < DC_SIZE + 1; i++)
		append(f, CXB_LOG_DC, 0);
	append(f, CXB_LOG_INFO, 0);
	cxb_evlogs_clear_dc(f->logs);
	g_assert_cmphex(cxb_evlogs_status(f->logs), ==, 1);
	g_assert_cmphex(get(f, CXB_LOG_DC)->flags, ==, 0);
	append(f, CXB_LOG_DC, 0);
	g_assert_cmpuint(handle(f, CXB_LOG_DC, 0), ==, DC_SIZE + 1);
	g_assert_cmpuint(f->cleared, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(path, fn) g_test_add("/cxl/evlog/" path, Fixture, NULL, set_up, fn, tear_down)
	ADD("order", records_come_back_in_order_until_cleared);
	ADD("more", more_is_set_when_not_all_records_fit);
	ADD("overflow", a_full_log_drops_the_new_record_and_counts);
	ADD("saturate", the_overflow_count_saturates);
	ADD("wrap", handles_wrap_past_zero);
	ADD("independent", handles_of_logs_are_independent);
	ADD("handles", wrong_handles_clear_nothing);
	ADD("no-handles", clear_of_no_handles_does_nothing);
	ADD("clear-all", clear_all_is_for_a_log_in_overflow);
	ADD("longer", bytes_behind_the_handles_are_ignored);
	ADD("bad", bad_requests_are_refused);
	ADD("status", status_bits_follow_the_logs);
	ADD("irq", an_interrupt_comes_when_a_log_stops_being_empty);
	ADD("irq-late", switching_it_on_with_records_waiting_raises_it);
	ADD("policy", four_bytes_of_policy_leave_dynamic_capacity_alone);
	ADD("policy-bad", a_bad_policy_changes_nothing);
	ADD("reset", a_reset_empties_log_4_and_keeps_counting);
	return g_test_run();
}
