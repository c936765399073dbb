/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The poison list against a model that knows for every line which record it belongs to, and which
 * lines are poisoned beside the list. Queries go through a payload of 14 records, so that most come in
 * parts.
 */
#include <glib.h>
#include <string.h>

#include "base/clock.h"
#include "cxl/poison.h"
#include "wire/mbox.h"

#define OPS   50000
#define LINES 1024
#define END   (LINES * (uint64_t)CXB_POISON_LINE)

typedef struct {
	/* the model */
	unsigned record[LINES]; /* 0: clean */
	uint8_t source[LINES];
	unsigned last_record;
	unsigned overflows,
		learned;        /* ranges that did not fit, and that scans brought to the list */
	unsigned hidden[LINES]; /* likewise, of ranges beside the list; source is then theirs */
	bool overflow;
	uint64_t overflow_ns, now;

	CxbClock *clock;
	CxbPoison *poison;
	CxbCci *cci;
	uint64_t written; /* address of the last line written */
	uint8_t out[256];
	size_t out_len;
} Fixture;

static bool in_device(void *opaque, uint64_t dpa, uint64_t len)
{
	return len <= END && dpa <= END - len;
}

static bool write_line(void *opaque, uint64_t dpa, const void *line)
{
	((Fixture *)opaque)->written = dpa;
	return true;
}

static uint64_t timestamp(void *opaque)
{
	return ((Fixture *)opaque)->now;
}

static void set_up(Fixture *f, gconstpointer unused)
{
	const CxbPoisonConfig config = { .exists = in_device,
					 .answers = in_device,
					 .write = write_line,
					 .timestamp = timestamp,
					 .opaque = f };
	CxbCciConfig cci = { .name = "memdev", .payload_size = sizeof(f->out) };

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
}

static CxbRc run(Fixture *f, uint16_t opcode, const void *in, size_t len)
{
	CxbRd rd = { in, len };
	CxbWr wr = { f->out, 0, sizeof(f->out) };
	const CxbRc rc = cxb_cci_run(f->cci, opcode, &rd, &wr, NULL, NULL);

	f->out_len = wr.len;
	return rc;
}

/* --- the model --- */

static size_t model_count(const Fixture *f)
{
	size_t n = 0;

	for (unsigned i = 0; i < LINES; i++)
		n += f->record[i] && (i == 0 || f->record[i] != f->record[i - 1]);
	return n;
}

/* Lines @first to @last become a record of their own, or, if there are too many, hidden. */
static void model_add(Fixture *f, unsigned first, unsigned last, uint8_t source)
{
	const bool full = model_count(f) >= 256;

	for (unsigned i = first; i <= last; i++) {
		f->record[i] = full ? 0 : f->last_record + 1;
		if (!full || !f->hidden[i])
			f->source[i] = source;
		if (!full)
			f->hidden[i] = 0;
		else if (!f->hidden[i])
			f->hidden[i] = f->last_record + 1;
	}
	f->last_record++;
	if (full && !f->overflow)
		f->overflow_ns = f->now;
	f->overflow |= full;
	f->overflows += full;
}

static void model_drop(Fixture *f, unsigned first, unsigned n)
{
	unsigned last = first + n - 1, end = last;
	unsigned above = n ? f->record[last] : 0;

	if (!n)
		return;
	memset(&f->record[first], 0, n * sizeof(f->record[0]));
	memset(&f->hidden[first], 0, n * sizeof(f->hidden[0]));
	while (above && end + 1 < LINES && f->record[end + 1] == above)
		f->record[++end] = 0;
	/* What is left above is a record by itself; it is one more only if some is left below. */
	if (end > last)
		model_add(f, last + 1, end, f->source[last + 1]);
}

/* Of the hidden ranges from @first up to @end those go to the list that it has room for. */
static void model_learn(Fixture *f, unsigned first, unsigned end)
{
	size_t n = model_count(f);
	bool all = true;

	for (unsigned i = first; i < end && n < 256; i++) {
		const unsigned range = f->hidden[i];

		if (!range)
			continue;
		f->last_record++;
		f->learned++;
		for (n++; i < end && f->hidden[i] == range; i++) {
			f->record[i] = f->last_record;
			f->hidden[i] = 0;
		}
		i--;
	}
	for (unsigned i = 0; i < LINES; i++)
		all &= !f->hidden[i];
	if (all) {
		f->overflow = false;
		f->overflow_ns = 0;
	}
}

static bool model_clean(const Fixture *f, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++)
		if (f->record[i])
			return false;
	return true;
}

/* --- operations --- */

static void inject_range(Fixture *f, unsigned first, unsigned n)
{
	const bool ok = n && model_clean(f, first, n);

	if (ok)
		model_add(f, first, first + n - 1, 2);
	g_assert_cmpint(cxb_poison_inject(f->poison, first * 64ull, n * 64ull, NULL), ==, ok);
}

static void inject_line(Fixture *f, unsigned line)
{
	const struct wire_inject_poison_in in = { le64_put(line * 64ull) };
	CxbRc rc = CXB_RC_SUCCESS;

	if (!f->record[line]) {
		if (model_count(f) == 256)
			rc = CXB_RC_POISON_LIMIT;
		else
			model_add(f, line, line, 3);
	}
	g_assert_cmphex(run(f, CXB_OP_INJECT_POISON, &in, sizeof(in)), ==, rc);
}

static void clear_line(Fixture *f, unsigned line)
{
	const struct wire_clear_poison_in in = { .dpa = le64_put(line * 64ull) };

	f->written = 1;
	model_drop(f, line, 1);
	g_assert_cmphex(run(f, CXB_OP_CLEAR_POISON, &in, sizeof(in)), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(f->written, ==, line * 64ull);
}

static void drop_range(Fixture *f, unsigned first, unsigned n)
{
	model_drop(f, first, n);
	cxb_poison_drop(f->poison, first * 64ull, n * 64ull);
}

static void query(Fixture *f, unsigned first, unsigned n)
{
	const struct wire_poison_range in = { le64_put(first * 64ull), le64_put(n) };
	unsigned line = first, parts = 0;
	uint8_t flags;

	do {
		g_assert_cmphex(run(f, CXB_OP_GET_POISON, &in, sizeof(in)), ==, CXB_RC_SUCCESS);
		flags = f->out[0];
		g_assert_cmphex(flags & ~WIRE_POISON_MORE, ==,
				f->overflow ? WIRE_POISON_OVERFLOW : 0);
		g_assert_cmpuint(le_load(f->out + 2, 8), ==, f->overflow_ns);
		g_assert_cmpuint(f->out_len, ==, 0x20 + 0x10 * le_load(f->out + 0x0a, 2));
		for (size_t at = 0x20; at < f->out_len; at += 0x10) {
			unsigned end;

			while (line < first + n && !f->record[line])
				line++;
			g_assert_cmpuint(line, <, first + n);
			for (end = line; end < first + n && f->record[end] == f->record[line];)
				end++;
			g_assert_cmphex(le_load(f->out + at, 8), ==,
					line * 64ull | f->source[line]);
			g_assert_cmpuint(le_load(f->out + at + 8, 8), ==, end - line);
			line = end;
		}
		parts++;
	} while (flags & WIRE_POISON_MORE);
	g_assert_cmpuint(parts, <=, LINES / 14 + 1);
	g_assert_true(model_clean(f, line, first + n - line));
}

/* A scan tells what is poisoned up to where it stops. */
static void scan(Fixture *f, unsigned first, unsigned n)
{
	const struct wire_scan_media_in in = {
		.range = { le64_put(first * 64ull), le64_put(n) },
	};
	unsigned line = first, found = 0, end;
	uint8_t flags;

	g_assert_cmphex(run(f, CXB_OP_SCAN_MEDIA, &in, sizeof(in)), ==, CXB_RC_BG_STARTED);
	cxb_clock_advance(f->clock, cxb_clock_now_ns(f->clock) + 1000000);
	do {
		g_assert_cmphex(run(f, CXB_OP_GET_SCAN_RESULTS, NULL, 0), ==, CXB_RC_SUCCESS);
		flags = f->out[0x10];
		end = flags & WIRE_SCAN_STOPPED ? le_load(f->out, 8) / 64 : first + n;
		g_assert_cmpuint(f->out_len, ==, 0x20 + 0x10 * le_load(f->out + 0x12, 2));
		for (size_t at = 0x20; at < f->out_len; at += 0x10) {
			const unsigned start = le_load(f->out + at, 8) / 64;
			const unsigned lines = le_load(f->out + at + 8, 4);

			for (; line < start; line++)
				g_assert_false(f->record[line] || f->hidden[line]);
			for (; line < start + lines; line++)
				g_assert_true(f->record[line] || f->hidden[line]);
			found++;
		}
	} while (flags & WIRE_SCAN_MORE);
	for (; line < end; line++)
		g_assert_false(f->record[line] || f->hidden[line]);
	g_assert_cmpuint(end, <=, first + n);
	g_assert_true(end == first + n || found == CXB_POISON_LIST_MAX);
	model_learn(f, first, end);
}

static void the_list_agrees_with_a_model_of_lines(Fixture *f, gconstpointer unused)
{
	unsigned most = 0;

	for (unsigned i = 0; i < OPS; i++) {
		const unsigned line = g_test_rand_int_range(0, LINES);
		const unsigned len = g_test_rand_int_range(0, 40), n = MIN(len, LINES - line);
		const bool filling = i % 4000 < 3000;

		f->now += 1000;
		switch (g_test_rand_int_range(0, 11)) {
		case 0:
			inject_range(f, line, n);
			break;
		case 1:
			drop_range(f, line, filling ? n / 20 : n);
			break;
		case 2:
			query(f, line, n);
			break;
		case 3:
			query(f, 0, LINES);
			break;
		case 4:
		case 5:
			clear_line(f, line);
			break;
		case 6:
			scan(f, line, n);
			break;
		default:
			if (filling)
				inject_line(f, line);
			else
				drop_range(f, line, n);
			break;
		}
		g_assert_cmpuint(cxb_poison_count(f->poison), ==, model_count(f));
		most = MAX(most, model_count(f));
		if (i % 4000 == 3999) {
			/* Power goes: nothing is persistent here. */
			cxb_poison_reset(f->poison, CXB_RESET_COLD, NULL, 0);
			memset(f->record, 0, sizeof(f->record));
			memset(f->hidden, 0, sizeof(f->hidden));
			f->overflow = false;
			f->overflow_ns = 0;
		}
	}
	/* The limit was met. */
	g_assert_cmpuint(most, ==, 256);
	g_assert_cmpuint(f->overflows, >, 0);
	g_assert_cmpuint(f->learned, >, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/cxl/poison/model", Fixture, NULL, set_up,
		   the_list_agrees_with_a_model_of_lines, tear_down);
	return g_test_run();
}
