/* SPDX-License-Identifier: Apache-2.0 */
/* The poison list where bytes in a file (tests/vectors/cxl/poison.txt) do not reach. */
#include "cxl/poison.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "wire/mbox.h"

#define END        (1ull << 46) /* of the device */
#define HOLE       0x100000ull  /* a MiB without memory */
#define HOLE_LEN   0x100000ull
#define PERSISTENT 0x400000ull
#define AGES       (INT64_C(1) << 50) /* ns: more than a scan of the device takes */
#define LINE       ((uint64_t)CXB_POISON_LINE)

typedef struct {
	CxbClock *clock;
	CxbPoison *poison;
	CxbCci *cci;
	uint64_t now;
	bool gone; /* memory cannot be reached */
	uint64_t written_at;
	uint8_t written[CXB_POISON_LINE];
	GString *told;
	uint8_t out[2048];
	size_t out_len;
} Fixture;

static bool exists(void *opaque, uint64_t dpa, uint64_t len)
{
	return len <= END && dpa <= END - len;
}

static bool answers(void *opaque, uint64_t dpa, uint64_t len)
{
	return exists(opaque, dpa, len) && (dpa >= HOLE + HOLE_LEN || dpa + len <= HOLE);
}

static bool write_line(void *opaque, uint64_t dpa, const void *line)
{
	Fixture *f = opaque;

	f->written_at = dpa;
	memcpy(f->written, line, sizeof(f->written));
	return !f->gone;
}

static uint64_t timestamp(void *opaque)
{
	return ((Fixture *)opaque)->now;
}

static void poisoned(void *opaque, uint64_t dpa, uint64_t len, unsigned source)
{
	g_string_append_printf(((Fixture *)opaque)->told, "+%" PRIx64 ":%" PRIx64 "/%u ", dpa, len,
			       source);
}

static void cleared(void *opaque, uint64_t dpa, uint64_t len)
{
	g_string_append_printf(((Fixture *)opaque)->told, "-%" PRIx64 ":%" PRIx64 " ", dpa, len);
}

static void set_up(Fixture *f, gconstpointer unused)
{
	const CxbPoisonConfig config = {
		.exists = exists,
		.answers = answers,
		.write = write_line,
		.timestamp = timestamp,
		.poisoned = poisoned,
		.cleared = cleared,
		.opaque = f,
	};
	CxbCciConfig cci = { .name = "memdev", .payload_size = 2048 };

	f->now = 1000;
	f->told = g_string_new(NULL);
	f->poison = cxb_poison_new(&config);
	f->clock = cci.clock = cxb_clock_new_virtual();
	f->cci = cxb_cci_new(&cci);
	cxb_poison_add_commands(f->poison, f->cci);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_cci_free(f->cci);
	cxb_poison_free(f->poison);
	cxb_clock_free(f->clock);
	g_string_free(f->told, TRUE);
}

static CxbRc run(Fixture *f, uint16_t opcode, const void *in, size_t len)
{
	CxbRd rd = { in, len };
	CxbWr wr = { f->out, 0, sizeof(f->out) };
	const CxbRc rc = cxb_cci_run(f->cci, opcode, &rd, &wr, NULL, NULL);

	f->out_len = wr.len;
	return rc;
}

static CxbRc inject(Fixture *f, uint64_t dpa)
{
	const struct wire_inject_poison_in in = { le64_put(dpa) };

	return run(f, CXB_OP_INJECT_POISON, &in, sizeof(in));
}

static CxbRc clear(Fixture *f, uint64_t dpa)
{
	struct wire_clear_poison_in in = { .dpa = le64_put(dpa) };

	memset(in.data, 0x5a, sizeof(in.data));
	return run(f, CXB_OP_CLEAR_POISON, &in, sizeof(in));
}

static void inject_range(Fixture *f, uint64_t dpa, uint64_t len)
{
	g_autoptr(GError) err = NULL;

	if (!cxb_poison_inject(f->poison, dpa, len, &err))
		g_error("%s", err->message);
}

/* Flags and count of an answer. */
static void expect_query(Fixture *f, uint64_t dpa, uint64_t len, uint8_t flags, size_t count)
{
	const struct wire_poison_range in = { le64_put(dpa), le64_put(len / LINE) };

	g_assert_cmphex(run(f, CXB_OP_GET_POISON, &in, sizeof(in)), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(f->out[0], ==, flags);
	g_assert_cmpuint(le_load(f->out + 0x0a, 2), ==, count);
	g_assert_cmpuint(f->out_len, ==, 0x20 + 0x10 * count);
}

static void expect_record(const Fixture *f, size_t i, uint64_t dpa, unsigned source, uint64_t len)
{
	const uint8_t *rec = f->out + 0x20 + 0x10 * i;

	g_assert_cmphex(le_load(rec, 8), ==, dpa | source);
	g_assert_cmpuint(le_load(rec + 8, 4), ==, len / LINE);
	g_assert_cmpuint(le_load(rec + 12, 4), ==, 0);
}

static CxbRc start_scan(Fixture *f, uint64_t dpa, uint64_t len)
{
	const struct wire_scan_media_in in = { .range = { le64_put(dpa), le64_put(len / LINE) } };

	return run(f, CXB_OP_SCAN_MEDIA, &in, sizeof(in));
}

/* A scan, and the flags and the count of its first results. */
static void scan(Fixture *f, uint64_t dpa, uint64_t len, uint8_t flags, size_t count)
{
	g_assert_cmphex(start_scan(f, dpa, len), ==, CXB_RC_BG_STARTED);
	cxb_clock_advance(f->clock, cxb_clock_now_ns(f->clock) + AGES);
	g_assert_cmphex(cxb_cci_background(f->cci).rc, ==, CXB_RC_SUCCESS);
	g_assert_cmphex(run(f, CXB_OP_GET_SCAN_RESULTS, NULL, 0), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(f->out[0x10], ==, flags);
	g_assert_cmpuint(le_load(f->out + 0x12, 2), ==, count);
	g_assert_cmpuint(f->out_len, ==, 0x20 + 0x10 * count);
}

/* @n records of a line each, a line apart, from 0 on. */
static void fill(Fixture *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		g_assert_cmphex(inject(f, 2 * i * LINE), ==, CXB_RC_SUCCESS);
}

static void clearing_writes_the_line_and_splits_the_record(Fixture *f, gconstpointer unused)
{
	inject_range(f, 0x1000, 8 * LINE);
	g_assert_cmphex(clear(f, 0x1000 + 3 * LINE), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(f->written_at, ==, 0x1000 + 3 * LINE);
	for (unsigned i = 0; i < sizeof(f->written); i++)
		g_assert_cmphex(f->written[i], ==, 0x5a);
	expect_query(f, 0, 0x2000, 0, 2);
	expect_record(f, 0, 0x1000, WIRE_POISON_INTERNAL, 3 * LINE);
	expect_record(f, 1, 0x1000 + 4 * LINE, WIRE_POISON_INTERNAL, 4 * LINE);
	g_assert_cmphex(clear(f, 0x1000), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(clear(f, 0x1000 + 7 * LINE), ==, CXB_RC_SUCCESS);
	expect_query(f, 0, 0x2000, 0, 2);
	expect_record(f, 0, 0x1000 + LINE, WIRE_POISON_INTERNAL, 2 * LINE);
	expect_record(f, 1, 0x1000 + 4 * LINE, WIRE_POISON_INTERNAL, 3 * LINE);
}

static void neighbours_are_records_of_their_own(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(inject(f, 0), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(inject(f, LINE), ==, CXB_RC_SUCCESS);
	inject_range(f, 2 * LINE, LINE);
	expect_query(f, 0, 0x1000, 0, 3);
	expect_record(f, 1, LINE, WIRE_POISON_INJECTED, LINE);
	expect_record(f, 2, 2 * LINE, WIRE_POISON_INTERNAL, LINE);
}

static void a_line_that_cannot_be_written_stays_poisoned(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(inject(f, 0x1000), ==, CXB_RC_SUCCESS);
	f->gone = true;
	g_assert_cmphex(clear(f, 0x1000), ==, CXB_RC_INTERNAL_ERROR);
	g_assert_cmpuint(cxb_poison_count(f->poison), ==, 1);
}

static void memory_that_is_not_there_is_not_poisoned(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(inject(f, HOLE), ==, CXB_RC_INVALID_PA);
	g_assert_cmphex(inject(f, HOLE - LINE), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(clear(f, HOLE + HOLE_LEN - LINE), ==, CXB_RC_INVALID_PA);
	g_assert_cmphex(inject(f, END), ==, CXB_RC_INVALID_PA);
	expect_query(f, HOLE, HOLE_LEN, 0, 0);
}

static void an_answer_goes_on_where_the_last_one_ended(Fixture *f, gconstpointer unused)
{
	fill(f, 200);
	/* (2048 - 20h) / 10h */
	expect_query(f, 0, HOLE, WIRE_POISON_MORE, 126);
	expect_record(f, 125, 250 * LINE, WIRE_POISON_INJECTED, LINE);
	expect_query(f, 0, HOLE, 0, 74);
	expect_record(f, 0, 252 * LINE, WIRE_POISON_INJECTED, LINE);
	/* Done: from the start. */
	expect_query(f, 0, HOLE, WIRE_POISON_MORE, 126);
	expect_record(f, 0, 0, WIRE_POISON_INJECTED, LINE);
}

static void another_query_or_a_reset_starts_anew(Fixture *f, gconstpointer unused)
{
	fill(f, 200);
	expect_query(f, 0, HOLE, WIRE_POISON_MORE, 126);
	expect_query(f, LINE, HOLE - LINE, WIRE_POISON_MORE, 126);
	expect_record(f, 0, 2 * LINE, WIRE_POISON_INJECTED, LINE);
	expect_query(f, 0, HOLE, WIRE_POISON_MORE, 126);
	expect_record(f, 0, 0, WIRE_POISON_INJECTED, LINE);
	cxb_poison_reset(f->poison, CXB_RESET_FUNCTION, NULL, 0);
	expect_query(f, 0, HOLE, WIRE_POISON_MORE, 126);
	expect_record(f, 0, 0, WIRE_POISON_INJECTED, LINE);
}

static void a_list_that_changes_meanwhile_is_neither_repeated_nor_left_out(Fixture *f,
									   gconstpointer unused)
{
	fill(f, 200);
	expect_query(f, 0, HOLE, WIRE_POISON_MORE, 126);
	g_assert_cmphex(clear(f, 0), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(clear(f, 252 * LINE), ==, CXB_RC_SUCCESS);
	expect_query(f, 0, HOLE, 0, 73);
	expect_record(f, 0, 254 * LINE, WIRE_POISON_INJECTED, LINE);
}

static void a_record_that_begins_before_the_next_part_is_told_once(Fixture *f, gconstpointer unused)
{
	fill(f, 126);
	inject_range(f, 0x8000, 0x8000);
	expect_query(f, 0, HOLE, WIRE_POISON_MORE, 126);
	expect_query(f, 0, HOLE, 0, 1);
	expect_record(f, 0, 0x8000, WIRE_POISON_INTERNAL, 0x8000);
}

static void a_full_list_refuses_the_host(Fixture *f, gconstpointer unused)
{
	fill(f, CXB_POISON_LIST_MAX);
	g_assert_cmphex(inject(f, LINE), ==, CXB_RC_POISON_LIMIT);
	g_assert_cmphex(inject(f, 0), ==, CXB_RC_SUCCESS);
	expect_query(f, HOLE, 0, 0, 0);
	g_assert_cmphex(clear(f, 0), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(inject(f, LINE), ==, CXB_RC_SUCCESS);
}

static void what_the_device_finds_more_overflows(Fixture *f, gconstpointer unused)
{
	fill(f, CXB_POISON_LIST_MAX);
	inject_range(f, LINE, LINE);
	f->now = 2000;
	inject_range(f, 3 * LINE, LINE);
	expect_query(f, LINE, LINE, WIRE_POISON_OVERFLOW, 0);
	/* The time of the first. */
	g_assert_cmpuint(le_load(f->out + 2, 8), ==, 1000);
	g_assert_cmphex(clear(f, 0), ==, CXB_RC_SUCCESS);
	expect_query(f, LINE, LINE, WIRE_POISON_OVERFLOW, 0);
}

static void a_split_in_a_full_list_loses_the_upper_part(Fixture *f, gconstpointer unused)
{
	fill(f, CXB_POISON_LIST_MAX - 1);
	inject_range(f, 0x10000, 8 * LINE);
	g_assert_cmphex(clear(f, 0x10000 + 2 * LINE), ==, CXB_RC_SUCCESS);
	expect_query(f, 0x10000, 8 * LINE, WIRE_POISON_OVERFLOW, 1);
	expect_record(f, 0, 0x10000, WIRE_POISON_INTERNAL, 2 * LINE);
	g_assert_cmpuint(le_load(f->out + 2, 8), ==, 1000);
}

static const CxbPoisonRange persistent = { PERSISTENT, 0x1000 };

static void a_scan_finds_what_the_list_had_no_room_for(Fixture *f, gconstpointer unused)
{
	fill(f, CXB_POISON_LIST_MAX);
	inject_range(f, 0x10000, 8 * LINE);
	expect_query(f, 0x10000, 8 * LINE, WIRE_POISON_OVERFLOW, 0);
	g_assert_cmphex(clear(f, 0), ==, CXB_RC_SUCCESS);
	/* Room, but nobody has looked; then at the half of it, which is as much as fits. */
	expect_query(f, 0x10000, 8 * LINE, WIRE_POISON_OVERFLOW, 0);
	scan(f, 0x10000 + 2 * LINE, 4 * LINE, 0, 1);
	expect_record(f, 0, 0x10000 + 2 * LINE, WIRE_POISON_INTERNAL, 4 * LINE);
	expect_query(f, 0x10000, 8 * LINE, WIRE_POISON_OVERFLOW, 1);
	expect_record(f, 0, 0x10000 + 2 * LINE, WIRE_POISON_INTERNAL, 4 * LINE);
	/* Three parts for two places, then for three. */
	g_assert_cmphex(clear(f, 2 * LINE), ==, CXB_RC_SUCCESS);
	scan(f, 0x10000, END - 0x10000, 0, 3);
	expect_query(f, 0x10000, 8 * LINE, WIRE_POISON_OVERFLOW, 2);
	g_assert_cmpuint(le_load(f->out + 2, 8), ==, 1000);
	g_assert_cmphex(clear(f, 4 * LINE), ==, CXB_RC_SUCCESS);
	scan(f, 0x10000, END - 0x10000, 0, 3);
	expect_query(f, 0x10000, 8 * LINE, 0, 3);
	g_assert_cmpuint(le_load(f->out + 2, 8), ==, 0);
}

static void a_scan_stops_at_as_many_as_it_keeps(Fixture *f, gconstpointer unused)
{
	const struct wire_poison_record *rec = (const void *)(f->out + 0x20);

	fill(f, CXB_POISON_LIST_MAX);
	inject_range(f, 0x10000, LINE);
	inject_range(f, 0x20000, LINE);
	scan(f, 0, HOLE, WIRE_SCAN_MORE | WIRE_SCAN_STOPPED, 126);
	g_assert_cmphex(le_load(f->out, 8), ==, 0x10000);
	g_assert_cmpuint(le_load(f->out + 8, 8), ==, (HOLE - 0x10000) / LINE);
	g_assert_cmphex(run(f, CXB_OP_GET_SCAN_RESULTS, NULL, 0), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(f->out[0x10], ==, WIRE_SCAN_MORE | WIRE_SCAN_STOPPED);
	g_assert_cmphex(le64_get(rec->dpa), ==, 252 * LINE | WIRE_POISON_INJECTED);
	g_assert_cmphex(run(f, CXB_OP_GET_SCAN_RESULTS, NULL, 0), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(f->out[0x10], ==, WIRE_SCAN_STOPPED);
	g_assert_cmpuint(le_load(f->out + 0x12, 2), ==, 4);
	scan(f, 0x10000, HOLE - 0x10000, 0, 2);
	expect_record(f, 1, 0x20000, WIRE_POISON_INTERNAL, LINE);
}

static void what_is_hidden_can_be_cleared_and_found_again(Fixture *f, gconstpointer unused)
{
	fill(f, CXB_POISON_LIST_MAX);
	inject_range(f, 0x10000, 3 * LINE);
	/* The device finds it twice. */
	inject_range(f, 0x10000 - LINE, 5 * LINE);
	g_assert_cmphex(clear(f, 0x10000 + LINE), ==, CXB_RC_SUCCESS);
	g_assert_true(cxb_poison_hits(f->poison, 0x10000 - 1, 1));
	g_assert_true(cxb_poison_hits(f->poison, 0x10000 + LINE - 1, 2));
	g_assert_false(cxb_poison_hits(f->poison, 0x10000 + LINE, LINE));
	g_assert_false(cxb_poison_hits(f->poison, 0x10000 + 4 * LINE, LINE));
	scan(f, 0x10000 - LINE, 5 * LINE, 0, 4);
	expect_record(f, 0, 0x10000 - LINE, WIRE_POISON_INTERNAL, LINE);
	expect_record(f, 2, 0x10000 + 2 * LINE, WIRE_POISON_INTERNAL, LINE);
	/* By the host, which makes it one of the list's. */
	g_assert_cmphex(clear(f, 0), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(inject(f, 0x10000), ==, CXB_RC_SUCCESS);
	scan(f, 0x10000 - LINE, 5 * LINE, 0, 4);
	expect_record(f, 1, 0x10000, WIRE_POISON_INJECTED, LINE);
	/* And what goes takes the rest of it along. */
	cxb_poison_drop(f->poison, 0x8000, HOLE);
	scan(f, 0, HOLE, WIRE_SCAN_MORE, 126);
	expect_query(f, 0x8000, HOLE, 0, 0);
}

static void what_is_hidden_has_a_limit(Fixture *f, gconstpointer unused)
{
	fill(f, CXB_POISON_LIST_MAX);
	for (uint64_t i = 0; i < CXB_POISON_HIDDEN_MAX; i++)
		inject_range(f, HOLE + HOLE_LEN + 2 * i * LINE, LINE);
	inject_range(f, PERSISTENT, LINE);
	scan(f, PERSISTENT, LINE, 0, 0);
	expect_query(f, PERSISTENT, LINE, WIRE_POISON_OVERFLOW, 0);
	g_assert_cmphex(clear(f, HOLE + HOLE_LEN), ==, CXB_RC_SUCCESS);
	inject_range(f, PERSISTENT, LINE);
	scan(f, PERSISTENT, LINE, 0, 1);
}

static void a_reset_of_any_kind_takes_a_scan_and_results(Fixture *f, gconstpointer unused)
{
	for (CxbResetKind kind = 0; kind < CXB_RESET_KINDS; kind++) {
		fill(f, CXB_POISON_LIST_MAX);
		inject_range(f, 0x10000, LINE);
		g_assert_cmphex(clear(f, 0), ==, CXB_RC_SUCCESS);
		g_assert_cmphex(start_scan(f, 0, HOLE), ==, CXB_RC_BG_STARTED);
		cxb_cci_reset(f->cci, kind);
		cxb_poison_reset(f->poison, kind, NULL, 0);
		cxb_clock_advance(f->clock, cxb_clock_now_ns(f->clock) + AGES);
		expect_query(f, 0x10000, LINE, kind == CXB_RESET_COLD ? 0 : WIRE_POISON_OVERFLOW,
			     0);
		g_assert_cmphex(run(f, CXB_OP_GET_SCAN_RESULTS, NULL, 0), ==, CXB_RC_UNSUPPORTED);
		cxb_poison_reset(f->poison, CXB_RESET_COLD, NULL, 0);
	}
}

static void a_scan_of_ages_has_a_time(Fixture *f, gconstpointer unused)
{
	/* 2^40 lines: 500 ns each are less than what 32 bits of ms count. */
	const struct wire_poison_range in = { le64_put(0), le64_put(END / LINE) };
	CxbCciBackground bg;

	g_assert_cmphex(run(f, CXB_OP_GET_SCAN_CAPS, &in, sizeof(in)), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(le_load(f->out, 4), ==, (END / LINE) / 2000);
	g_assert_cmphex(start_scan(f, 0, END), ==, CXB_RC_BG_STARTED);
	cxb_clock_advance(f->clock, (END / LINE) / 2000 * 1000000 - 1);
	bg = cxb_cci_background(f->cci);
	g_assert_true(bg.running);
	g_assert_cmpuint(bg.percent, ==, 99);
	cxb_clock_advance(f->clock, (END / LINE) / 2000 * 1000000);
	g_assert_false(cxb_cci_background(f->cci).running);
}

static void a_reset_keeps_the_list(Fixture *f, gconstpointer unused)
{
	inject_range(f, PERSISTENT - LINE, 2 * LINE);
	for (CxbResetKind kind = CXB_RESET_WARM; kind < CXB_RESET_KINDS; kind++)
		cxb_poison_reset(f->poison, kind, &persistent, 1);
	expect_query(f, 0, END, 0, 1);
	expect_record(f, 0, PERSISTENT - LINE, WIRE_POISON_INTERNAL, 2 * LINE);
}

static void without_power_the_persistent_part_keeps_it(Fixture *f, gconstpointer unused)
{
	inject_range(f, 0, LINE);
	inject_range(f, PERSISTENT - LINE, 2 * LINE);
	inject_range(f, PERSISTENT + 0x1000 - LINE, 2 * LINE);
	inject_range(f, PERSISTENT + 0x2000, LINE);
	cxb_poison_reset(f->poison, CXB_RESET_COLD, &persistent, 1);
	expect_query(f, 0, END, 0, 2);
	expect_record(f, 0, PERSISTENT, WIRE_POISON_INTERNAL, LINE);
	expect_record(f, 1, PERSISTENT + 0x1000 - LINE, WIRE_POISON_INTERNAL, LINE);
}

static void an_overflow_ends_without_power_if_nothing_is_persistent(Fixture *f,
								    gconstpointer unused)
{
	fill(f, CXB_POISON_LIST_MAX);
	inject_range(f, LINE, LINE);
	cxb_poison_reset(f->poison, CXB_RESET_COLD, &persistent, 1);
	expect_query(f, 0, END, WIRE_POISON_OVERFLOW, 0);
	cxb_poison_reset(f->poison, CXB_RESET_COLD, NULL, 0);
	expect_query(f, 0, END, 0, 0);
	g_assert_cmpuint(le_load(f->out + 2, 8), ==, 0);
}

static void poison_commands_wait_for_media(Fixture *f, gconstpointer unused)
{
	const struct wire_poison_range in = { le64_put(0), le64_put(1) };

	cxb_cci_set_media_disabled(f->cci, true);
	g_assert_cmphex(run(f, CXB_OP_GET_POISON, &in, sizeof(in)), ==, CXB_RC_MEDIA_DISABLED);
	g_assert_cmphex(inject(f, 0), ==, CXB_RC_MEDIA_DISABLED);
	g_assert_cmphex(start_scan(f, 0, LINE), ==, CXB_RC_MEDIA_DISABLED);
	g_assert_cmphex(clear(f, 0), ==, CXB_RC_MEDIA_DISABLED);
	g_assert_cmpuint(cxb_poison_count(f->poison), ==, 0);
}

static void bad_ranges_are_refused_by_name(Fixture *f, gconstpointer unused)
{
	static const struct {
		uint64_t dpa, len;
		const char *text;
	} rows[] = {
		{ 0x1000, 0, "Poison injection must be in multiples of 64 bytes: length 0x0" },
		{ 0x1001, 63, "Poison injection must be in multiples of 64 bytes: length 0x3f" },
		{ 0x1001, 64, "Poison start address must be 64 byte aligned: 0x1001" },
		{ 0x1000, 0x40ull << 32,
		  "Poison length 0x4000000000 is more than a record counts, 0x3fffffffc0" },
		{ 0, 0x1000,
		  "Overlap with existing poisoned region not supported: start 0x40 length 0x80" },
		{ HOLE - 64, 128,
		  "Poison is for memory that the device has: not all of start 0xfffc0 length "
		  "0x80 is" },
		{ UINT64_MAX - 63, 128,
		  "Poison is for memory that the device has: not all of start "
		  "0xffffffffffffffc0 length 0x80 is" },
	};

	inject_range(f, LINE, 2 * LINE);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) err = NULL;

		g_assert_false(cxb_poison_inject(f->poison, rows[i].dpa, rows[i].len, &err));
		g_assert_cmpstr(err->message, ==, rows[i].text);
		g_assert_false(cxb_poison_inject(f->poison, rows[i].dpa, rows[i].len, NULL));
	}
	g_assert_cmpuint(cxb_poison_count(f->poison), ==, 1);
	/* The longest that a record counts. */
	inject_range(f, PERSISTENT, UINT32_MAX * LINE);
	expect_query(f, PERSISTENT, END - PERSISTENT, 0, 1);
	expect_record(f, 0, PERSISTENT, WIRE_POISON_INTERNAL, UINT32_MAX * LINE);
}

#define ADD(path, test) g_test_add("/cxl/poison/" path, Fixture, NULL, set_up, test, tear_down)

static void what_changes_is_told_and_what_is_learned_is_not(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(inject(f, 0x1000), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(inject(f, 0x1000), ==, CXB_RC_SUCCESS); /* bad before */
	inject_range(f, 0x2000, 2 * LINE);
	g_assert_cmphex(clear(f, 0x2000), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(inject(f, HOLE), ==, CXB_RC_INVALID_PA);
	g_assert_cmphex(clear(f, HOLE), ==, CXB_RC_INVALID_PA);
	f->gone = true;
	g_assert_cmphex(clear(f, 0x1000), ==, CXB_RC_INTERNAL_ERROR);
	cxb_poison_learn(f->poison, 0x3000, LINE, WIRE_POISON_INTERNAL);
	cxb_poison_drop(f->poison, 0x3000, LINE);
	g_assert_cmpstr(f->told->str, ==, "+1000:40/3 +2000:80/2 -2000:40 ");
}

static void what_is_known_is_not_learned_again(Fixture *f, gconstpointer unused)
{
	g_assert_true(cxb_poison_is_clean(f->poison));
	g_assert_cmphex(inject(f, 0x1000 + 2 * LINE), ==, CXB_RC_SUCCESS);
	cxb_poison_learn(f->poison, 0x1000, 4 * LINE, WIRE_POISON_INTERNAL);
	cxb_poison_learn(f->poison, 0x1000 + LINE, LINE, WIRE_POISON_INJECTED);
	expect_query(f, 0, 0x2000, 0, 3);
	expect_record(f, 0, 0x1000, WIRE_POISON_INTERNAL, 2 * LINE);
	expect_record(f, 1, 0x1000 + 2 * LINE, WIRE_POISON_INJECTED, LINE);
	expect_record(f, 2, 0x1000 + 3 * LINE, WIRE_POISON_INTERNAL, LINE);
}

static void another_list_is_taught_a_range_and_no_more(Fixture *f, gconstpointer unused)
{
	Fixture g = { 0 };

	set_up(&g, NULL);
	fill(f, CXB_POISON_LIST_MAX);
	inject_range(f, 0x200000, 8 * LINE); /* beside the list */
	cxb_poison_teach(f->poison, 2 * LINE, 3 * LINE, g.poison);
	cxb_poison_teach(f->poison, 0x200000 + 6 * LINE, AGES, g.poison);
	cxb_poison_teach(f->poison, 0x300000, LINE, g.poison);
	expect_query(&g, 0, 0x300000, 0, 3);
	expect_record(&g, 0, 2 * LINE, WIRE_POISON_INJECTED, LINE);
	expect_record(&g, 1, 4 * LINE, WIRE_POISON_INJECTED, LINE);
	expect_record(&g, 2, 0x200000 + 6 * LINE, WIRE_POISON_INTERNAL, 2 * LINE);
	cxb_poison_drop(g.poison, 0, END);
	g_assert_true(cxb_poison_is_clean(g.poison));
	/* What is hidden is bad, too. */
	cxb_poison_drop(f->poison, 0, 0x100000);
	g_assert_cmpuint(cxb_poison_count(f->poison), ==, 0);
	g_assert_false(cxb_poison_is_clean(f->poison));
	tear_down(&g, NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("clear", clearing_writes_the_line_and_splits_the_record);
	ADD("neighbours", neighbours_are_records_of_their_own);
	ADD("unwritten", a_line_that_cannot_be_written_stays_poisoned);
	ADD("nothing_there", memory_that_is_not_there_is_not_poisoned);
	ADD("more", an_answer_goes_on_where_the_last_one_ended);
	ADD("anew", another_query_or_a_reset_starts_anew);
	ADD("meanwhile", a_list_that_changes_meanwhile_is_neither_repeated_nor_left_out);
	ADD("once", a_record_that_begins_before_the_next_part_is_told_once);
	ADD("full", a_full_list_refuses_the_host);
	ADD("overflow", what_the_device_finds_more_overflows);
	ADD("split_full", a_split_in_a_full_list_loses_the_upper_part);
	ADD("scan", a_scan_finds_what_the_list_had_no_room_for);
	ADD("scan_stops", a_scan_stops_at_as_many_as_it_keeps);
	ADD("hidden", what_is_hidden_can_be_cleared_and_found_again);
	ADD("hidden_limit", what_is_hidden_has_a_limit);
	ADD("scan_reset", a_reset_of_any_kind_takes_a_scan_and_results);
	ADD("scan_time", a_scan_of_ages_has_a_time);
	ADD("reset", a_reset_keeps_the_list);
	ADD("cold", without_power_the_persistent_part_keeps_it);
	ADD("cold_overflow", an_overflow_ends_without_power_if_nothing_is_persistent);
	ADD("media", poison_commands_wait_for_media);
	ADD("told", what_changes_is_told_and_what_is_learned_is_not);
	ADD("learned", what_is_known_is_not_learned_again);
	ADD("taught", another_list_is_taught_a_range_and_no_more);
	ADD("refused", bad_ranges_are_refused_by_name);
	return g_test_run();
}
