/* SPDX-License-Identifier: Apache-2.0 */
/* What QEMU 11.1.3 was seen to answer. RAM is 64 MiB. */
#include "fixture.h"

static void memory_is_read_and_written(void)
{
	static const Exchange rows[] = {
		{ "endianness", "OK little" },
		{ "writeq 0x100000 0x1122334455667788", "OK" },
		{ "readq 0x100000", "OK 0x1122334455667788" },
		{ "readl 0x100000", "OK 0x0000000055667788" },
		{ "readw 1048576", "OK 0x0000000000007788" },
		{ "readb 04000000", "OK 0x0000000000000088" },
		{ "readb 0x100001 and more words", "OK 0x0000000000000077" },
		{ "writeb 0x100000 0x1ff", "OK" }, /* cut to its size */
		{ "writew 0x100002 0xabcd", "OK" },
		{ "writel 0x100004 0xffffffffffffffff", "OK" },
		{ "readq 0x100000", "OK 0xffffffffabcd77ff" },
		{ "read 0x100000 8", "OK 0xff77cdabffffffff" },
		{ "read 0x100000 1", "OK 0xff" },
		{ "write 0x100000 4 0x01020304", "OK" },
		{ "read 0x100000 5", "OK 0x01020304ff" },
		{ "write 0x100000 4 0x05", "OK" }, /* the rest is zero */
		{ "read 0x100000 5", "OK 0x05000000ff" },
		{ "write 0x100000 1 ??060708", "OK" }, /* two characters unseen; cut */
		{ "read 0x100000 2", "OK 0x0600" },
		{ "write 0x100000 4 0x", "ERR invalid argument size" },
		{ "write 0x100000 0 0x01", "OK" },
		{ "memset 0x100000 4 0xaa", "OK" },
		{ "memset 0x100002 0 0xbb", "OK" },
		{ "read 0x100000 4", "OK 0xaaaaaaaa" },
		{ "b64read 0x100000 4", "OK qqqqqg==" },
		{ "b64read 0x100000 3", "OK qqqq" },
		{ "b64read 0x100000 0", "OK " },
		{ "b64write 0x100000 3 AQID", "OK" },
		{ "read 0x100000 4", "OK 0x010203aa" },
		{ "b64write 0x100000 9 BA==", "OK" }, /* what was given, no more */
		{ "read 0x100000 2", "OK 0x0402" },
		{ "b64write 0x100000 1 BQYH", "OK" },
		{ "read 0x100000 2", "OK 0x0502" },
		{ "b64write 0x100000 1 A", "ERR invalid argument size" },
		{ NULL },
	};
	g_autoptr(World) w = world_new();

	ask_all(w, rows);
}

static void where_nothing_answers_there_are_zeros(void)
{
	static const Exchange rows[] = {
		{ "readq 0xc0000000", "OK 0x0000000000000000" },
		{ "readb 0xffffffffffffffff", "OK 0x0000000000000000" },
		{ "read 0xc0000000 4", "OK 0x00000000" },
		{ "writel 0xc0000000 1", "OK" },
		{ "writeq 0x3fffff8 0x0102030405060708", "OK" },
		{ "read 0x3fffffc 8", "OK 0x0403020100000000" }, /* the end of RAM */
		{ "b64read 0x3fffffd 3", "OK AwIB" },
		{ NULL },
	};
	g_autoptr(World) w = world_new();

	ask_all(w, rows);
}

static void capacity_nobody_accepted_reads_all_ones(void)
{
	g_autoptr(World) w = world_new();
	const CxbFixedWindow *window = cxb_machine_window(w->machine, 0);
	g_autofree char *line = g_strdup_printf("readl 0x%" G_GINT64_MODIFIER "x", window->base);

	ask(w, line, "OK 0x00000000ffffffff");
}

static void ports_reach_configuration_space(void)
{
	static const Exchange rows[] = {
		{ "outl 0xcf8 0x80000000", "OK" },
		{ "inl 0xcfc", "OK 0x29c08086" }, /* 8086:29C0, the host bridge */
		{ "inw 0xcfc", "OK 0x8086" },
		{ "inb 0xcfc", "OK 0x0086" },
		{ "inb 0", "OK 0x00ff" },
		{ "outb 0x80 0x1ff", "OK" },
		{ "inb 0x10000", "FAIL port is above 0xffff" },
		{ "outb 0x10000 1", "FAIL port is above 0xffff" },
		{ NULL },
	};
	g_autoptr(World) w = world_new();

	ask_all(w, rows);
}

static void malformed_lines_fail_and_nothing_else(void)
{
	static const Exchange rows[] = {
		{ "nosuch 1 2", "FAIL Unknown command 'nosuch'" },
		{ " readb 0", "FAIL Unknown command ''" },
		{ "readb\t0", "FAIL Unknown command 'readb\t0'" },
		{ "READB 0", "FAIL Unknown command 'READB'" },
		{ "readb", "FAIL address is missing" },
		{ "readb ", "FAIL address '' is not a number" },
		{ "readb  0", "FAIL address '' is not a number" },
		{ "readb 0\r", "FAIL address '0\r' is not a number" },
		{ "readb -1", "FAIL address '-1' is not a number" },
		{ "readb 0x10000000000000000",
		  "FAIL address '0x10000000000000000' is not a number" },
		{ "readw 0xffffffffffffffff", "FAIL range goes past the end of the address space" },
		{ "writeb 0x100000", "FAIL value is missing" },
		{ "writeb 0x100000 x", "FAIL value 'x' is not a number" },
		{ "read 0x100000", "FAIL size is missing" },
		{ "read 0x100000 0", "FAIL size is 0" },
		{ "read 0x100000 0x40000001", "FAIL size is more than 1 GiB" },
		{ "read 0x100000 0x40000000", "FAIL answer would be longer than 60 MiB" },
		{ "b64read 0 0xffffffffffffffff", "FAIL size is more than 1 GiB" },
		{ "memset 0xffffffffffffffff 2 0",
		  "FAIL range goes past the end of the address space" },
		{ "memset 0x100000 1", "FAIL byte is missing" },
		{ "write 0x100000 2", "FAIL data is missing" },
		{ "write 0x100000 2 0x0g", "FAIL data has something that is not a hex digit" },
		{ "b64write 0x100000 2", "FAIL data is missing" },
		{ "inb", "FAIL port is missing" },
		{ "outb 0x80", "FAIL value is missing" },
		{ "clock_step x", "FAIL time is not a number" },
		{ "clock_set", "FAIL time is missing or not a number" },
		{ "module_load a b", "FAIL" },
		{ "endianness", "OK little" },
		{ NULL },
	};
	g_autoptr(World) w = world_new();

	ask_all(w, rows);
}

static void empty_lines_are_ignored(void)
{
	g_autoptr(World) w = world_new();

	say(w->peer, "\n\nendianness\n\n");
	expect(w->peer, "OK little");
	expect(w->peer, NULL);
}

static void lines_may_come_together_or_in_pieces(void)
{
	g_autoptr(World) w = world_new();

	say(w->peer, "writel 0x100000 5\nreadl 0x100000\nread");
	expect(w->peer, "OK");
	expect(w->peer, "OK 0x0000000000000005");
	say(w->peer, "b 0x1000");
	expect(w->peer, NULL);
	say(w->peer, "00\nendianness\n");
	expect(w->peer, "OK 0x0000000000000005");
	expect(w->peer, "OK little");
	expect(w->peer, NULL);
}

static void large_copies_go_through_whole(void)
{
	const size_t size = 1 << 20;
	g_autofree uint8_t *bytes = g_malloc(size);
	g_autoptr(World) w = world_new();

	for (size_t i = 0; i < size; i++)
		bytes[i] = i * 7 + (i >> 8);
	g_autofree char *b64 = g_base64_encode(bytes, size);
	g_autofree char *line = g_strdup_printf("b64write 0x100001 0x100000 %s", b64);
	g_autofree char *answer = g_strdup_printf("OK %s", b64);

	ask(w, line, "OK");
	ask(w, "b64read 0x100001 0x100000", answer);
	g_autofree char *hex = g_malloc(2 * size + 1);

	for (size_t i = 0; i < size; i++) {
		hex[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	hex[2 * size] = '\0';
	g_autofree char *hex_line = g_strdup_printf("write 0x300001 0x100000 0x%s", hex);
	g_autofree char *hex_answer = g_strdup_printf("OK 0x%s", hex);

	ask(w, hex_line, "OK");
	ask(w, "read 0x300001 0x100000", hex_answer);
	ask(w, "memset 0x100000 0x3e00000 0", "OK");
	ask(w, "readq 0x300001", "OK 0x0000000000000000");
}

/* --- clock --- */

static void fired(void *opaque)
{
	++*(int *)opaque;
}

static void the_clock_steps(void)
{
	g_autoptr(World) w = world_new();
	CxbClock *clock = cxb_machine_clock(w->machine);
	int count = 0;
	CxbTimer *timer = cxb_timer_new(clock, fired, &count);

	ask(w, "clock_step",
	    "FAIL cannot advance clock to the next deadline because there is no pending deadline");
	ask(w, "clock_step 100", "OK 100");
	ask(w, "clock_step 0", "FAIL could not advance time");
	ask(w, "clock_step -5", "FAIL could not advance time");
	ask(w, "clock_step 0x7fffffffffffffff", "FAIL could not advance time");
	ask(w, "clock_set 99", "FAIL 100");
	ask(w, "clock_set -1", "FAIL 100");
	ask(w, "clock_set 100", "OK 100");
	ask(w, "clock_set 150", "OK 150");
	cxb_timer_arm(timer, 1000);
	ask(w, "clock_step 849", "OK 999");
	g_assert_cmpint(count, ==, 0);
	ask(w, "clock_step", "OK 1000");
	g_assert_cmpint(count, ==, 1);
	cxb_timer_arm(timer, 5); /* past: due now */
	ask(w, "clock_step", "OK 1000");
	g_assert_cmpint(count, ==, 2);
	cxb_timer_free(timer);
}

static void a_real_clock_cannot_be_stepped(void)
{
	static const Exchange rows[] = {
		{ "clock_step",
		  "FAIL the clock is real: it can be stepped with -accel qtest only" },
		{ "clock_step 1",
		  "FAIL the clock is real: it can be stepped with -accel qtest only" },
		{ "clock_set 99999999999",
		  "FAIL the clock is real: it can be stepped with -accel qtest only" },
		{ NULL },
	};
	g_autoptr(World) w = world_with(false, NULL);

	ask_all(w, rows);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(fn) g_test_add_func("/qtest/protocol/" #fn, fn)
	ADD(memory_is_read_and_written);
	ADD(where_nothing_answers_there_are_zeros);
	ADD(capacity_nobody_accepted_reads_all_ones);
	ADD(ports_reach_configuration_space);
	ADD(malformed_lines_fail_and_nothing_else);
	ADD(empty_lines_are_ignored);
	ADD(lines_may_come_together_or_in_pieces);
	ADD(large_copies_go_through_whole);
	ADD(the_clock_steps);
	ADD(a_real_clock_cannot_be_stepped);
	return g_test_run();
}
