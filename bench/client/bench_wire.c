/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A QMP and qtest client that costs next to nothing, for bench/run.
 *
 *   bench_wire run QMP-FD QTEST-FD MAILBOX ROUNDS < steps
 *       Runs the steps ROUNDS times over two connected sockets that it inherits and prints the
 *       nanoseconds of each round. MAILBOX is the address of a primary mailbox (CXL 3.1 8.2.8.4).
 *
 *       qmp JSON              send, wait for the return; an error ends the run
 *       qmp-until TEXT JSON   the same, again and again until TEXT (no blanks) is in the return
 *       link REPLY HEX        send bytes over the first socket, again and again until the reply is that
 *       qtest LINE            send, wait for OK
 *       mbox OPCODE [HEX]     run a mailbox command over qtest
 *       events N              fetch the dynamic-capacity log until it holds N records, clear them
 *       begin, end            what lies between is timed; without these, the whole round
 *
 *   bench_wire start SOCKET CMD...
 *       See bench_start().
 */
#include "bench_wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <glib.h>

#define LOG_DC       4
#define GET_EVENTS   0x0100
#define CLEAR_EVENTS 0x0101
#define MAX_RECORDS  8

/* A socket and what has been read from it beyond the last line. */
typedef struct Conn {
	int fd;
	GString *in;
	gsize used; /* bytes of @in that are the last line, its end included */
} Conn;

typedef enum StepKind {
	STEP_QMP,
	STEP_QMP_UNTIL,
	STEP_LINK,
	STEP_QTEST,
	STEP_MBOX,
	STEP_EVENTS,
	STEP_BEGIN,
	STEP_END,
} StepKind;

typedef struct Step {
	StepKind kind;
	char *text;       /* what is sent */
	char *until;      /* what the reply must hold; NULL: anything */
	unsigned number;  /* opcode, or number of records */
	GByteArray *data; /* payload of a mailbox command, or what is sent */
	GByteArray *reply;
} Step;

typedef struct Client {
	Conn qmp;
	Conn qtest;
	uint64_t mbox;
} Client;

G_GNUC_PRINTF(1, 2) G_GNUC_NORETURN static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("bench_wire: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

int64_t bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void conn_send(Conn *conn, const char *text, gsize len)
{
	while (len) {
		ssize_t n = send(conn->fd, text, len, 0);

		if (n <= 0)
			die("cannot send");
		text += n;
		len -= n;
	}
}

/* The next line, without its end; valid until the next call. */
static const char *conn_line(Conn *conn)
{
	gsize seen = 0;
	char *end;

	g_string_erase(conn->in, 0, conn->used);
	conn->used = 0;
	while (!(end = memchr(conn->in->str + seen, '\n', conn->in->len - seen))) {
		static char buf[1 << 18];
		ssize_t n = recv(conn->fd, buf, sizeof(buf), 0);

		if (n <= 0)
			die("the peer closed the connection");
		seen = conn->in->len;
		g_string_append_len(conn->in, buf, n);
	}
	conn->used = end - conn->in->str + 1;
	*end = '\0';
	return conn->in->str;
}

static const char *qmp(Client *c, const char *request)
{
	const char *line;

	conn_send(&c->qmp, request, strlen(request));
	do
		line = conn_line(&c->qmp);
	while (strstr(line, "\"timestamp\"")); /* an event */
	if (strstr(line, "\"error\":"))
		die("%s: %s", request, line);
	return line;
}

/* Does the peer say @want? Whatever it says, it is as long. */
static gboolean link_says(Client *c, const GByteArray *request, const GByteArray *want)
{
	g_autofree char *got = g_malloc(want->len);

	conn_send(&c->qmp, (const char *)request->data, request->len);
	for (gsize len = 0; len < want->len;) {
		ssize_t n = recv(c->qmp.fd, got + len, want->len - len, 0);

		if (n <= 0)
			die("the peer closed the connection");
		len += n;
	}
	return !memcmp(got, want->data, want->len);
}

/* The words behind OK. */
static const char *qtest_line(Client *c, const char *line, gsize len)
{
	const char *reply;

	conn_send(&c->qtest, line, len);
	do
		reply = conn_line(&c->qtest);
	while (g_str_has_prefix(reply, "IRQ "));
	if (!g_str_has_prefix(reply, "OK"))
		die("%.80s: %s", line, reply);
	return reply[2] ? reply + 3 : reply + 2;
}

G_GNUC_PRINTF(2, 3) static const char *qtest(Client *c, const char *format, ...)
{
	char line[512];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	g_assert(len < (int)sizeof(line));
	return qtest_line(c, line, len);
}

static uint64_t qtest_read(Client *c, char letter, uint64_t addr)
{
	return g_ascii_strtoull(qtest(c, "read%c 0x%" PRIx64 "\n", letter, addr), NULL, 0);
}

/* Runs a command as cxbpy's CxlHost does, access for access. @out: NULL or freed by the caller. */
static gsize command(Client *c, unsigned opcode, const uint8_t *in, gsize len, guchar **out)
{
	const uint64_t m = c->mbox;
	uint64_t status, size;
	const char *text;
	gsize got = 0;

	if (qtest_read(c, 'l', m + 4) & 1)
		die("the doorbell is set");
	if (len) {
		g_autofree char *base64 = g_base64_encode(in, len);

		qtest(c, "b64write 0x%" PRIx64 " 0x%zx %s\n", m + 0x20, len, base64);
	}
	qtest(c, "writeq 0x%" PRIx64 " 0x%" PRIx64 "\n", m + 8, (uint64_t)len << 16 | opcode);
	qtest(c, "writel 0x%" PRIx64 " 0x1\n", m + 4);
	while (qtest_read(c, 'l', m + 4) & 1)
		continue;
	status = qtest_read(c, 'q', m + 0x10) >> 32 & 0xffff;
	if (status)
		die("command %04xh returned %04" PRIx64 "h", opcode, status);
	size = qtest_read(c, 'q', m + 8) >> 16 & 0x1fffff;
	if (out)
		*out = NULL;
	if (!size)
		return 0;
	text = qtest(c, "b64read 0x%" PRIx64 " 0x%" PRIx64 "\n", m + 0x20, size);
	if (out)
		*out = g_base64_decode(text, &got);
	return got;
}

/* CXL 3.1 8.2.9.2.2, 8.2.9.2.3: records of 80h bytes from 20h on, their handles at 14h. */
static void events(Client *c, unsigned want)
{
	const uint8_t log = LOG_DC;
	uint8_t clear[6 + 2 * MAX_RECORDS] = { LOG_DC, 0, want };

	for (;;) {
		g_autofree guchar *out = NULL;
		gsize len = command(c, GET_EVENTS, &log, 1, &out);
		unsigned count = len >= 0x20 ? out[0x14] | out[0x15] << 8 : 0;

		if (count < want)
			continue;
		if (count > want || len < 0x20 + 0x80 * count)
			die("%u event records instead of %u", count, want);
		for (unsigned i = 0; i < count; i++)
			memcpy(clear + 6 + 2 * i, out + 0x20 + 0x80 * i + 0x14, 2);
		command(c, CLEAR_EVENTS, clear, 6 + 2 * count, NULL);
		return;
	}
}

static GByteArray *parse_hex(const char *text)
{
	GByteArray *data = g_byte_array_new();

	for (; g_ascii_isxdigit(text[0]) && g_ascii_isxdigit(text[1]); text += 2) {
		guint8 byte = g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]);

		g_byte_array_append(data, &byte, 1);
	}
	if (*text)
		die("not hexadecimal: %s", text);
	return data;
}

static Step parse_step(const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", 3);
	const char *rest = strchr(line, ' ') ? strchr(line, ' ') + 1 : "";
	Step step = { 0 };

	if (g_str_equal(words[0], "begin")) {
		step.kind = STEP_BEGIN;
	} else if (g_str_equal(words[0], "end")) {
		step.kind = STEP_END;
	} else if (!words[1]) {
		die("a step without arguments: %s", line);
	} else if (g_str_equal(words[0], "qmp")) {
		step.kind = STEP_QMP;
		step.text = g_strconcat(rest, "\n", NULL);
	} else if (g_str_equal(words[0], "qmp-until") && words[2]) {
		step.kind = STEP_QMP_UNTIL;
		step.until = g_strdup(words[1]);
		step.text = g_strconcat(words[2], "\n", NULL);
	} else if (g_str_equal(words[0], "link") && words[2]) {
		step.kind = STEP_LINK;
		step.reply = parse_hex(words[1]);
		step.data = parse_hex(words[2]);
	} else if (g_str_equal(words[0], "qtest")) {
		step.kind = STEP_QTEST;
		step.text = g_strconcat(rest, "\n", NULL);
	} else if (g_str_equal(words[0], "mbox")) {
		step.kind = STEP_MBOX;
		step.number = strtoul(words[1], NULL, 0);
		step.data = parse_hex(words[2] ? words[2] : "");
	} else if (g_str_equal(words[0], "events")) {
		step.kind = STEP_EVENTS;
		step.number = strtoul(words[1], NULL, 0);
		if (step.number > MAX_RECORDS)
			die("at most %d records", MAX_RECORDS);
	} else {
		die("unknown step: %s", line);
	}
	return step;
}

static GArray *read_steps(FILE *file)
{
	GArray *steps = g_array_new(FALSE, FALSE, sizeof(Step));
	g_autofree char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, file)) > 0) {
		Step step = parse_step(g_strchomp(line));

		g_array_append_val(steps, step);
	}
	return steps;
}

static int64_t run_round(Client *c, const GArray *steps)
{
	int64_t start = bench_now_ns(), end = 0;

	for (guint i = 0; i < steps->len; i++) {
		const Step *step = &g_array_index(steps, Step, i);

		switch (step->kind) {
		case STEP_QMP:
			qmp(c, step->text);
			break;
		case STEP_QMP_UNTIL:
			while (!strstr(qmp(c, step->text), step->until))
				continue;
			break;
		case STEP_LINK:
			while (!link_says(c, step->data, step->reply))
				continue;
			break;
		case STEP_QTEST:
			qtest_line(c, step->text, strlen(step->text));
			break;
		case STEP_MBOX:
			command(c, step->number, step->data->data, step->data->len, NULL);
			break;
		case STEP_EVENTS:
			events(c, step->number);
			break;
		case STEP_BEGIN:
			start = bench_now_ns();
			break;
		case STEP_END:
			end = bench_now_ns();
			break;
		}
	}
	return (end ? end : bench_now_ns()) - start;
}

static int run(char **argv)
{
	const unsigned rounds = strtoul(argv[3], NULL, 0);
	g_autofree int64_t *took = g_new(int64_t, rounds);
	Client c = { { strtol(argv[0], NULL, 0), g_string_new(NULL) },
		     { strtol(argv[1], NULL, 0), g_string_new(NULL) },
		     strtoull(argv[2], NULL, 0) };
	GArray *steps = read_steps(stdin);

	for (unsigned i = 0; i < rounds; i++)
		took[i] = run_round(&c, steps);
	for (unsigned i = 0; i < rounds; i++)
		printf("%" PRId64 "\n", took[i]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && g_str_equal(argv[1], "run"))
		return run(argv + 2);
	if (argc >= 4 && g_str_equal(argv[1], "start"))
		return bench_start(argv[2], argv + 3);
	die("see the head of bench_wire.c");
}
