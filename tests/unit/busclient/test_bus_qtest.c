/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The qtest bus against a server that says what it is told to. Lines and replies are those of
 * QEMU 11.1.3; layouts of tables are ACPI 6.5 5.2.5 and CXL 3.1 9.18.1, of fw_cfg QEMU's.
 */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "busclient/qtest.h"

#define HANG_UP "(hang up)"
#define SILENCE "(silence)"

/* @expect: the line, or NULL: whatever comes. @reply: NULL: "OK". */
typedef struct {
	const char *expect, *reply;
} Step;

typedef struct {
	char *dir, *path;
	int listener;
	GThread *thread;
	const Step *steps;                               /* up to one of { NULL, NULL } */
	char *(*answer)(void *opaque, const char *line); /* instead of steps */
	void *opaque;
	CxbWorkq *workq;
	CxbBus *bus;
	unsigned fired;
} World;

static char *read_line(FILE *in)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n = getline(&line, &cap, in);

	if (n > 0)
		line[n - 1] = '\0';
	else
		g_clear_pointer(&line, free);
	return line;
}

static void *serve(void *opaque)
{
	World *w = opaque;
	int fd = accept(w->listener, NULL, NULL);
	FILE *in = fdopen(fd, "r");
	char *line;

	for (const Step *s = w->steps; (line = read_line(in)); free(line)) {
		g_autofree char *made = NULL;
		g_autofree char *out = NULL;
		const char *reply = "OK";

		if (g_str_equal(line, "endianness")) {
			reply = "OK little";
		} else if (w->answer) {
			reply = made = w->answer(w->opaque, line);
		} else if (!s || (!s->expect && !s->reply)) {
			g_error("unexpected: %s", line);
		} else {
			g_assert_cmpstr(line, ==, s->expect ? s->expect : line);
			reply = s->reply ? s->reply : "OK";
			s++;
		}
		if (g_str_equal(reply, HANG_UP)) {
			free(line);
			break;
		}
		if (g_str_equal(reply, SILENCE))
			continue;
		out = g_strconcat(reply, "\n", NULL);
		g_assert_cmpint(write(fd, out, strlen(out)), ==, strlen(out));
	}
	fclose(in);
	return NULL;
}

static World *world_new(const Step *steps, char *(*answer)(void *, const char *), void *opaque)
{
	World *w = g_new0(World, 1);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	g_autoptr(GError) err = NULL;
	CxbQtestBusConfig config = { .reply_ms = 10000 };

	w->dir = g_dir_make_tmp("cxlbox-XXXXXX", NULL);
	w->path = g_build_filename(w->dir, "s", NULL);
	g_strlcpy(addr.sun_path, w->path, sizeof(addr.sun_path));
	w->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	g_assert_no_errno(bind(w->listener, (struct sockaddr *)&addr, sizeof(addr)));
	g_assert_no_errno(listen(w->listener, 1));
	w->steps = steps;
	w->answer = answer;
	w->opaque = opaque;
	w->thread = g_thread_new("server", serve, w);
	w->workq = cxb_workq_new(NULL);
	config.workq = w->workq;
	w->bus = cxb_bus_qtest_new(w->path, &config, &err);
	g_assert_no_error(err);
	return w;
}

static void world_free(World *w)
{
	cxb_bus_qtest_free(w->bus);
	g_thread_join(w->thread);
	cxb_workq_free(w->workq);
	close(w->listener);
	g_unlink(w->path);
	g_rmdir(w->dir);
	g_free(w->path);
	g_free(w->dir);
	g_free(w);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

/* --- accesses --- */

static void aligned_accesses_are_one_of_their_width(void)
{
	static const Step steps[] = {
		{ "readb 0x1001", "OK 0x00000000000000a5" },
		{ "readw 0x1002", "OK 0x0000000000001234" },
		{ "readl 0x1004", "OK 0x0000000089abcdef" },
		{ "readq 0x1008", "OK 0x0123456789abcdef" },
		{ "writeb 0x1001 0xa5" },
		{ "writew 0x1002 0x1234" },
		{ "writel 0x1004 0x89abcdef" },
		{ "writeq 0x1008 0x123456789abcdef" },
		{ NULL },
	};
	g_autoptr(World) w = world_new(steps, NULL, NULL);
	static const uint8_t want[8] = { 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01 };
	const CxbBusOps *o = w->bus->ops;
	uint8_t buf[8];

	g_assert_true(o->mem_read(w->bus, 0x1001, buf, 1, NULL));
	g_assert_cmpmem(buf, 1, "\xa5", 1);
	g_assert_true(o->mem_read(w->bus, 0x1002, buf, 2, NULL));
	g_assert_cmpmem(buf, 2, "\x34\x12", 2);
	g_assert_true(o->mem_read(w->bus, 0x1004, buf, 4, NULL));
	g_assert_cmpmem(buf, 4, want, 4);
	g_assert_true(o->mem_read(w->bus, 0x1008, buf, 8, NULL));
	g_assert_cmpmem(buf, 8, want, 8);
	g_assert_true(o->mem_write(w->bus, 0x1001, "\xa5", 1, NULL));
	g_assert_true(o->mem_write(w->bus, 0x1002, "\x34\x12", 2, NULL));
	g_assert_true(o->mem_write(w->bus, 0x1004, want, 4, NULL));
	g_assert_true(o->mem_write(w->bus, 0x1008, want, 8, NULL));
}

static void other_accesses_are_copies(void)
{
	static const Step steps[] = {
		{ "b64read 0x1001 0x2", "OK AQI=" },
		{ "b64read 0x1000 0x3", "OK AQID" },
		{ "b64write 0x1004 0x8 AQIDBAUGBwg=" },
		{ NULL },
	};
	g_autoptr(World) w = world_new(steps, NULL, NULL);
	const CxbBusOps *o = w->bus->ops;
	uint8_t buf[3];

	g_assert_true(o->mem_read(w->bus, 0x1001, buf, 2, NULL));
	g_assert_cmpmem(buf, 2, "\1\2", 2);
	g_assert_true(o->mem_read(w->bus, 0x1000, buf, 3, NULL));
	g_assert_cmpmem(buf, 3, "\1\2\3", 3);
	g_assert_true(o->mem_write(w->bus, 0x1004, "\1\2\3\4\5\6\7\10", 8, NULL));
	g_assert_true(o->mem_read(w->bus, 0x1000, buf, 0, NULL)); /* nothing is said */
	g_assert_true(o->mem_write(w->bus, 0x1000, buf, 0, NULL));
	g_assert_false(o->mem_read(w->bus, UINT64_MAX, buf, 2, NULL));
	g_assert_cmpmem(buf, 2, "\xff\xff", 2);
	g_assert_false(o->mem_write(w->bus, UINT64_MAX, buf, 2, NULL));
}

static void configuration_goes_by_ports_and_above_100h_by_ecam(void)
{
	static const Step steps[] = {
		{ "outl 0xcf8 0x800d0800", "OK" }, /* 0d:01.0 */
		{ "inl 0xcfc", "OK 0x29c08086" },
		{ "outl 0xcf8 0x800d080c", "OK" },
		{ "inb 0xcfe", "OK 0x0081" },
		{ "outl 0xcf8 0x800d0804", "OK" },
		{ "outw 0xcfe 0x1234", "OK" },
		{ "readl 0xb0d08100", "OK 0x0000000000010023" },
		{ "writew 0xb0d08ffe 0x5678", "OK" },
		{ NULL },
	};
	g_autoptr(World) w = world_new(steps, NULL, NULL);
	const CxbBusOps *o = w->bus->ops;
	const uint16_t bdf = CXB_BDF(0x0d, 1, 0);
	uint32_t val;

	g_assert_true(o->config_read(w->bus, bdf, 0, 4, &val, NULL));
	g_assert_cmphex(val, ==, 0x29c08086);
	g_assert_true(o->config_read(w->bus, bdf, 0x0e, 1, &val, NULL));
	g_assert_cmphex(val, ==, 0x81);
	g_assert_true(o->config_write(w->bus, bdf, 0x06, 2, 0xffff1234, NULL));
	g_assert_true(o->config_read(w->bus, bdf, 0x100, 4, &val, NULL));
	g_assert_cmphex(val, ==, 0x10023);
	g_assert_true(o->config_write(w->bus, bdf, 0xffe, 2, 0x5678, NULL));
	/* nothing is sent for these */
	g_assert_false(o->config_read(w->bus, bdf, 2, 4, &val, NULL));
	g_assert_cmphex(val, ==, UINT32_MAX);
	g_assert_false(o->config_read(w->bus, bdf, 0x1000, 4, &val, NULL));
	g_assert_false(o->config_write(w->bus, bdf, 0, 3, 0, NULL));
}

static void irq_lines_between_replies_are_passed_over(void)
{
	static const Step steps[] = {
		{ "readl 0x1000", "IRQ raise 5\nIRQ lower 5\nOK 0x0000000000000007" },
		{ NULL },
	};
	g_autoptr(World) w = world_new(steps, NULL, NULL);
	uint32_t val;

	g_assert_true(w->bus->ops->mem_read(w->bus, 0x1000, &val, 4, NULL));
	g_assert_cmpuint(GUINT32_FROM_LE(val), ==, 7);
}

/* --- what goes wrong --- */

static void a_refusal_is_an_error_and_the_connection_lives(void)
{
	static const Step steps[] = {
		{ "writel 0x1000 0x0", "FAIL no" },
		{ "writel 0x1000 0x0", "ERR no" },
		{ "writel 0x1000 0x0", "OK" },
		{ NULL },
	};
	g_autoptr(World) w = world_new(steps, NULL, NULL);

	for (int i = 0; i < 2; i++) {
		g_autoptr(GError) err = NULL;

		g_assert_false(w->bus->ops->mem_write(w->bus, 0x1000, "\0\0\0", 4, &err));
		g_assert_error(err, CXB_ERROR, CXB_ERROR_INVALID);
	}
	g_assert_true(w->bus->ops->mem_write(w->bus, 0x1000, "\0\0\0", 4, NULL));
}

/* The first access fails, and so does all that follows, without a word. */
static void check_lost(const Step *steps, size_t len)
{
	g_autoptr(World) w = world_new(steps, NULL, NULL);

	for (int i = 0; i < 2; i++) {
		g_autoptr(GError) err = NULL;
		uint32_t val = 0, cfg = 0;
		uint8_t buf[8] = { 0 };

		g_assert_false(w->bus->ops->mem_read(w->bus, 0x1000, buf, len, &err));
		g_assert_error(err, CXB_ERROR, CXB_ERROR_SYSTEM);
		g_assert_cmpmem(buf, len, "\xff\xff\xff\xff\xff\xff\xff\xff", len);
		g_assert_false(w->bus->ops->mem_read(w->bus, 0, &val, 4, NULL));
		g_assert_cmphex(val, ==, UINT32_MAX);
		g_assert_false(w->bus->ops->config_read(w->bus, 0, 0, 4, &cfg, NULL));
		g_assert_cmphex(cfg, ==, UINT32_MAX);
	}
}

static void answers_that_make_no_sense_end_the_connection(void)
{
	static const struct {
		Step steps[2];
		size_t len;
	} cases[] = {
		{ { { NULL, "readl" } }, 4 },
		{ { { NULL, "" } }, 4 },
		{ { { NULL, "OK" } }, 4 },
		{ { { NULL, "OK 0x" } }, 4 },
		{ { { NULL, "OK 12" } }, 4 },
		{ { { NULL, "OK 0x100000000" } }, 4 }, /* more than 32 bits */
		{ { { NULL, "OK 0x-1" } }, 4 },
		{ { { NULL, "OK 0x1 2" } }, 4 },
		{ { { NULL, "OK 0x10000000000000000" } }, 8 },
		{ { { NULL, "OK AQI=" } }, 3 }, /* too few */
		{ { { NULL, "OK AQIDBA==" } }, 3 },
		{ { { NULL, "OK " } }, 3 },
		{ { { NULL, HANG_UP } }, 4 },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
		check_lost(cases[i].steps, cases[i].len);
}

static void silence_ends_with_a_time_out(void)
{
	g_autofree char *dir = g_dir_make_tmp("cxlbox-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "s", NULL);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	CxbQtestBusConfig config = { .connect_ms = 1, .reply_ms = 1 };
	g_autoptr(GError) err = NULL;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
	g_assert_no_errno(bind(listener, (struct sockaddr *)&addr, sizeof(addr)));
	g_assert_no_errno(listen(listener, 1));
	g_assert_null(cxb_bus_qtest_new(path, &config, &err));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_SYSTEM);
	g_assert_nonnull(strstr(err->message, "no answer in time"));
	close(listener);
	g_unlink(path);
	g_rmdir(dir);
}

static void nobody_to_talk_to_is_an_error(void)
{
	g_autofree char *dir = g_dir_make_tmp("cxlbox-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "s", NULL);
	g_autofree char *endless = g_strnfill(200, 'x');
	CxbQtestBusConfig config = { .connect_ms = 1 };
	g_autoptr(GError) err = NULL;

	g_assert_null(cxb_bus_qtest_new(path, &config, &err));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_SYSTEM);
	g_clear_error(&err);
	config.server = true;
	g_assert_null(cxb_bus_qtest_new(path, &config, &err));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_SYSTEM);
	g_clear_error(&err);
	g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
	g_assert_null(cxb_bus_qtest_new(endless, &config, &err));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_INVALID);
	g_rmdir(dir);
}

/* --- interrupts --- */

static void fired(void *opaque)
{
	((World *)opaque)->fired++;
}

static void messages_are_found_in_the_page(void)
{
	static const Step steps[] = {
		{ "writel 0x9f000 0x0" },
		{ "writel 0x9f004 0x0" },
		{ "b64read 0x9f000 0xc", "OK AAAAAAAAAAAAAAAA" },
		{ "b64read 0x9f000 0xc", "OK AAAAAAEAAAAAAAAA" }, /* the second */
		{ "writel 0x9f004 0x0" },
		{ "b64read 0x9f000 0xc", "OK AAAAAAAAAAAAAAAA" },
		{ "b64read 0x9f000 0xc", "OK AQAAAAAAAAAAAAAA" }, /* the first, freed */
		{ "writel 0x9f000 0x0" },
		{ "writel 0x9f000 0x0" }, /* given out again */
		{ NULL },
	};
	g_autoptr(World) w = world_new(steps, NULL, NULL);
	const CxbBusOps *o = w->bus->ops;
	CxbBusIrq first, second;
	bool any;

	g_assert_true(o->irq_alloc(w->bus, fired, w, &first, NULL));
	g_assert_true(o->irq_alloc(w->bus, fired, w, &second, NULL));
	g_assert_cmphex(first.addr, ==, CXB_QTEST_IRQ_PAGE);
	g_assert_cmphex(second.addr, ==, CXB_QTEST_IRQ_PAGE + 4);
	g_assert_cmphex(second.data, !=, 0);
	g_assert_true(cxb_bus_qtest_poll(w->bus, false, &any, NULL));
	g_assert_false(any);
	g_assert_true(cxb_workq_idle(w->workq));
	g_assert_true(cxb_bus_qtest_poll(w->bus, false, &any, NULL));
	g_assert_true(any);
	g_assert_cmpuint(w->fired, ==, 0); /* from the queue only */
	cxb_workq_drain(w->workq);
	g_assert_cmpuint(w->fired, ==, 1);
	g_assert_true(cxb_bus_qtest_poll(w->bus, true, &any, NULL));
	g_assert_false(any);
	o->irq_free(w->bus, &first); /* its queued run goes with it */
	cxb_workq_drain(w->workq);
	g_assert_cmpuint(w->fired, ==, 2);
	g_assert_true(cxb_bus_qtest_poll(w->bus, false, &any, NULL));
	g_assert_true(cxb_workq_idle(w->workq));
	g_assert_true(o->irq_alloc(w->bus, fired, w, &first, NULL));
	g_assert_cmphex(first.addr, ==, CXB_QTEST_IRQ_PAGE);
}

static void nothing_can_be_mapped(void)
{
	g_autoptr(World) w = world_new(NULL, NULL, NULL);
	CxbBusMap map;

	g_assert_false(w->bus->ops->map(w->bus, 0, 4096, &map, NULL));
}

/* --- firmware --- */

/* A q35 of 1 MiB of RAM; fw_cfg if it has a blob. */
typedef struct {
	uint8_t ram[1 << 20];
	uint32_t id;
	uint32_t cf8, pciexbar;
	GByteArray *blob;
	uint8_t dir[4 + 64];
	unsigned key, at;
} Q35;

static unsigned data_byte(Q35 *q)
{
	unsigned at = q->at++;

	switch (q->blob ? q->key : UINT_MAX) {
	case 0x00:
		return at < 4 ? "QEMU"[at] : 0;
	case 0x19:
		return at < sizeof(q->dir) ? q->dir[at] : 0;
	case 0x20:
		return at < q->blob->len ? q->blob->data[at] : 0;
	default:
		return q->blob ? 0 : 0xff;
	}
}

static char *q35_write(Q35 *q, char **word)
{
	guint64 addr = g_ascii_strtoull(word[1], NULL, 0), len = g_ascii_strtoull(word[2], NULL, 0);
	g_autofree guchar *bytes = NULL;
	gsize n;

	g_assert_cmphex(addr + len, <=, sizeof(q->ram));
	if (g_str_equal(word[0], "b64read")) {
		g_autofree char *text = g_base64_encode(q->ram + addr, len);

		return g_strconcat("OK ", text, NULL);
	}
	bytes = g_base64_decode(word[3], &n);
	g_assert_cmpuint(n, ==, len);
	memcpy(q->ram + addr, bytes, n);
	return g_strdup("OK");
}

static char *q35_answer(void *opaque, const char *line)
{
	Q35 *q = opaque;
	g_auto(GStrv) word = g_strsplit(line, " ", -1);
	guint64 port = g_ascii_strtoull(word[1], NULL, 0);
	guint64 val = word[2] ? g_ascii_strtoull(word[2], NULL, 0) : 0;

	if (g_str_has_prefix(line, "b64"))
		return q35_write(q, word);
	if (g_str_equal(word[0], "outl") && port == 0xcf8)
		q->cf8 = val;
	else if (g_str_equal(word[0], "outl") && port == 0xcfc && q->cf8 == 0x80000060)
		q->pciexbar = val;
	else if (g_str_equal(word[0], "outl") && port == 0xcfc)
		g_assert_cmphex(q->cf8, ==, 0x80000064);
	else if (g_str_equal(word[0], "inl") && q->cf8 == 0x80000000)
		return g_strdup_printf("OK 0x%04x", q->id);
	else if (g_str_equal(line, "inb 0x511"))
		return g_strdup_printf("OK 0x%04x", data_byte(q));
	else if (g_str_equal(word[0], "outw") && port == 0x510)
		q->key = val, q->at = 0;
	else
		g_error("unexpected: %s", line);
	return g_strdup("OK");
}

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s += *p++;
	return s;
}

/* Wrong checksum, as fw_cfg has it. */
static void add_table(Q35 *q, const char *signature, const void *body, uint32_t len)
{
	uint8_t head[36] = { 0 };

	memcpy(head, signature, 4);
	le_store(head + 4, 4, sizeof(head) + len);
	g_byte_array_append(q->blob, head, sizeof(head));
	g_byte_array_append(q->blob, body, len);
}

static void add_file(Q35 *q, const char *name, uint32_t size)
{
	const uint8_t entry[] = { size >> 24, size >> 16, size >> 8, size, 0, 0x20 };

	q->dir[3] = 1;
	memcpy(q->dir + 4, entry, sizeof(entry));
	g_strlcpy((char *)q->dir + 4 + 8, name, 56);
}

static Q35 *q35_new(void)
{
	Q35 *q = g_new0(Q35, 1);

	q->id = 0x29c08086;
	memset(q->ram + CXB_QTEST_IRQ_PAGE, 0xee, 4096);
	return q;
}

static void q35_free(Q35 *q)
{
	if (q->blob)
		g_byte_array_unref(q->blob);
	g_free(q);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Q35, q35_free)

/* FACS, a table of no interest, MCFG and a CEDT with one bridge and one window. */
static void add_tables(Q35 *q)
{
	uint8_t facs[64] = { 'F', 'A', 'C', 'S', 64 };
	uint8_t cedt[0x20 + 0x28] = { 0 }, mcfg[24] = { 0 };

	q->blob = g_byte_array_new();
	g_byte_array_append(q->blob, facs, sizeof(facs));
	add_table(q, "DSDT", facs, 5);
	le_store(mcfg + 8, 8, 0xb0000000);
	mcfg[19] = 255;
	add_table(q, "MCFG", mcfg, sizeof(mcfg));
	cedt[2] = 0x20;
	le_store(cedt + 0x10, 8, 0x100000000);
	le_store(cedt + 0x18, 8, 0x10000);
	cedt[0x20] = 1;
	cedt[0x22] = 0x28;
	le_store(cedt + 0x28, 8, 0x110000000);
	le_store(cedt + 0x30, 8, 0x100000000);
	add_table(q, "CEDT", cedt, sizeof(cedt));
	add_file(q, "etc/acpi/tables", q->blob->len + 1000);
}

static void tables_come_from_fw_cfg(void)
{
	g_autoptr(Q35) q = q35_new();
	g_autoptr(World) w = NULL;
	g_autoptr(GError) err = NULL;
	const CxbBusPlatform *p;
	const uint8_t *rsdp, *xsdt;

	add_tables(q);
	w = world_new(NULL, q35_answer, q);
	g_assert_true(cxb_bus_qtest_firmware(w->bus, &err));
	g_assert_no_error(err);
	g_assert_cmphex(q->pciexbar, ==, 0xb0000001);
	g_assert_cmphex(q->ram[CXB_QTEST_IRQ_PAGE], ==, 0);
	g_assert_cmphex(q->ram[CXB_QTEST_IRQ_PAGE + 4095], ==, 0);

	p = w->bus->ops->platform(w->bus);
	g_assert_cmphex(p->rsdp_area.base, ==, CXB_QTEST_TABLES);
	g_assert_cmphex(p->pci32.base, ==, 0xc0000000);
	g_assert_cmphex(p->pci32.size, ==, 0x3ec00000);
	g_assert_cmphex(p->pci64.base, ==, 0x240000000); /* the next GiB behind 210000000h */
	g_assert_cmphex(p->pci64.size, ==, 32ull << 30);

	rsdp = q->ram + CXB_QTEST_TABLES;
	g_assert_cmpmem(rsdp, 8, "RSD PTR ", 8);
	g_assert_cmpuint(rsdp[15], ==, 2);
	g_assert_cmpuint(sum(rsdp, 20), ==, 0);
	g_assert_cmpuint(sum(rsdp, 36), ==, 0);
	g_assert_cmphex(le_load(rsdp + 24, 8), <, CXB_QTEST_TABLES + CXB_QTEST_TABLES_SIZE);
	xsdt = q->ram + le_load(rsdp + 24, 8);
	g_assert_cmpmem(xsdt, 4, "XSDT", 4);
	g_assert_cmphex(le_load(xsdt + 4, 4), ==, 36 + 2 * 8);
	g_assert_cmpuint(sum(xsdt, 36 + 2 * 8), ==, 0);
	for (int i = 0; i < 2; i++) {
		const uint8_t *t = q->ram + le_load(xsdt + 36 + 8 * i, 8);

		g_assert_cmpmem(t, 4, i ? "CEDT" : "MCFG", 4);
		g_assert_cmpuint(sum(t, le_load(t + 4, 4)), ==, 0);
	}
}

static void tables_in_ram_are_left_alone(void)
{
	g_autoptr(Q35) q = q35_new();
	g_autoptr(World) w = NULL;
	g_autoptr(GError) err = NULL;
	uint8_t *rsdp = q->ram + 0xe0010;

	memcpy(q->ram + 0xe0000, "RSD PTR ", 8); /* no checksum: passed over */
	q->ram[0xe0000 + 9] = 1;
	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[15] = 2;
	rsdp[20] = 36;
	le_store(rsdp + 24, 8, 0x80000);
	rsdp[8] = -sum(rsdp, 20);
	rsdp[32] = -sum(rsdp, 36);
	w = world_new(NULL, q35_answer, q);
	g_assert_true(cxb_bus_qtest_firmware(w->bus, &err));
	g_assert_no_error(err);
	g_assert_cmphex(w->bus->ops->platform(w->bus)->rsdp_area.base, ==, 0xe0000);
	g_assert_cmphex(w->bus->ops->platform(w->bus)->pci64.size, ==, 0); /* no CEDT */
	g_assert_cmphex(q->ram[CXB_QTEST_TABLES], ==, 0);
}

static void check_no_firmware(Q35 *q, int code)
{
	g_autoptr(World) w = world_new(NULL, q35_answer, q);
	g_autoptr(GError) err = NULL;

	g_assert_false(cxb_bus_qtest_firmware(w->bus, &err));
	g_assert_error(err, CXB_ERROR, code);
}

static void machines_without_tables_are_refused(void)
{
	g_autoptr(Q35) other = q35_new();
	g_autoptr(Q35) bare = q35_new();
	g_autoptr(Q35) no_file = q35_new();
	g_autoptr(Q35) short_table = q35_new();
	g_autoptr(Q35) long_table = q35_new();

	other->id = 0x12378086; /* an i440FX */
	check_no_firmware(other, CXB_ERROR_NOT_FOUND);
	check_no_firmware(bare, CXB_ERROR_NOT_FOUND); /* no fw_cfg */
	add_tables(no_file);
	add_file(no_file, "etc/acpi/rsdp", 20);
	check_no_firmware(no_file, CXB_ERROR_NOT_FOUND);
	add_tables(short_table);
	le_store(short_table->blob->data + 64 + 4, 4, 7);
	check_no_firmware(short_table, CXB_ERROR_INVALID);
	add_tables(long_table);
	le_store(long_table->blob->data + 64 + 4, 4, UINT32_MAX);
	check_no_firmware(long_table, CXB_ERROR_INVALID);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/busclient/qtest/width", aligned_accesses_are_one_of_their_width);
	g_test_add_func("/busclient/qtest/copy", other_accesses_are_copies);
	g_test_add_func("/busclient/qtest/config",
			configuration_goes_by_ports_and_above_100h_by_ecam);
	g_test_add_func("/busclient/qtest/irq-lines", irq_lines_between_replies_are_passed_over);
	g_test_add_func("/busclient/qtest/refusal", a_refusal_is_an_error_and_the_connection_lives);
	g_test_add_func("/busclient/qtest/nonsense", answers_that_make_no_sense_end_the_connection);
	g_test_add_func("/busclient/qtest/silence", silence_ends_with_a_time_out);
	g_test_add_func("/busclient/qtest/nobody", nobody_to_talk_to_is_an_error);
	g_test_add_func("/busclient/qtest/messages", messages_are_found_in_the_page);
	g_test_add_func("/busclient/qtest/map", nothing_can_be_mapped);
	g_test_add_func("/busclient/qtest/fw-cfg", tables_come_from_fw_cfg);
	g_test_add_func("/busclient/qtest/tables", tables_in_ram_are_left_alone);
	g_test_add_func("/busclient/qtest/no-tables", machines_without_tables_are_refused);
	return g_test_run();
}
