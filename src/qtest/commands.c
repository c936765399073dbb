/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands; clock and the rest that touches no memory. */
#include "qtest_impl.h"

#include <string.h>

static void endianness(CxbQtest *q, Words words, unsigned arg)
{
	reply_text(q, "OK little");
}

static void module_load(CxbQtest *q, Words words, unsigned arg)
{
	reply_text(q, "FAIL"); /* there are no modules */
}

static bool clock_can_step(CxbQtest *q)
{
	if (cxb_clock_is_virtual(cxb_machine_clock(q->machine)))
		return true;
	reply_fail(q, "the clock is real: it can be stepped with -accel qtest only");
	return false;
}

static void clock_step(CxbQtest *q, Words words, unsigned arg)
{
	CxbClock *clock = cxb_machine_clock(q->machine);
	const int64_t now = cxb_clock_now_ns(clock);
	const Word w = words_next(&words);
	int64_t target, by;

	if (!clock_can_step(q))
		return;
	if (!w.p) {
		if (!cxb_clock_deadline(clock, &target)) {
			reply_fail(q,
				   "cannot advance clock to the next deadline because there is no "
				   "pending deadline");
			return;
		}
		target = MAX(target, now);
	} else if (!word_i64(w, &by)) {
		reply_fail(q, "time is not a number");
		return;
	} else if (by <= 0 || by > INT64_MAX - now) {
		reply_fail(q, "could not advance time");
		return;
	} else {
		target = now + by;
	}
	if (cxb_clock_advance(clock, target))
		reply_printf(q, "OK %" G_GINT64_FORMAT, cxb_clock_now_ns(clock));
	else
		reply_fail(q, "could not advance time");
}

static void clock_set(CxbQtest *q, Words words, unsigned arg)
{
	CxbClock *clock = cxb_machine_clock(q->machine);
	int64_t target;
	bool done;

	if (!clock_can_step(q))
		return;
	if (!word_i64(words_next(&words), &target)) {
		reply_fail(q, "time is missing or not a number");
		return;
	}
	done = cxb_clock_advance(clock, target);
	reply_printf(q, "%s %" G_GINT64_FORMAT, done ? "OK" : "FAIL", cxb_clock_now_ns(clock));
}

/* The most frequent first. */
static const struct command {
	const char *name;
	QtestFn fn;
	unsigned arg;
} commands[] = {
	{ "readq", qtest_read, 8 },
	{ "readl", qtest_read, 4 },
	{ "writeq", qtest_write, 8 },
	{ "writel", qtest_write, 4 },
	{ "inl", qtest_in, 4 },
	{ "outl", qtest_out, 4 },
	{ "readw", qtest_read, 2 },
	{ "readb", qtest_read, 1 },
	{ "writew", qtest_write, 2 },
	{ "writeb", qtest_write, 1 },
	{ "inb", qtest_in, 1 },
	{ "inw", qtest_in, 2 },
	{ "outb", qtest_out, 1 },
	{ "outw", qtest_out, 2 },
	{ "read", qtest_read_hex },
	{ "write", qtest_write_hex },
	{ "b64read", qtest_read_b64 },
	{ "b64write", qtest_write_b64 },
	{ "memset", qtest_memset },
	{ "clock_step", clock_step },
	{ "clock_set", clock_set },
	{ "irq_intercept_in", qtest_intercept, false },
	{ "irq_intercept_out", qtest_intercept, true },
	{ "set_irq_in", qtest_set_irq_in },
	{ "endianness", endianness },
	{ "module_load", module_load },
};

void qtest_execute(CxbQtest *q, const char *line, size_t len)
{
	Words words = { line, line + len };
	Word name;

	q->reply.len = 0;
	if (!len)
		return;
	name = words_next(&words);
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		if (word_is(name, commands[i].name)) {
			commands[i].fn(q, words, commands[i].arg);
			return;
		}
	}
	reply_printf(q, "FAIL Unknown command '%.*s'", (int)MIN(name.len, 256), name.p);
}
