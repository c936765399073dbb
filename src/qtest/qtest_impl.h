/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of qtest: a line is parsed where it lies, its answer grows in one reused buffer and goes
 * out in one write. Nothing of an ordinary access allocates.
 */
#ifndef CXB_QTEST_IMPL_H
#define CXB_QTEST_IMPL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "qtest/qtest.h"

#define QTEST_MAX_LINE  ((size_t)64 << 20)
#define QTEST_MAX_REPLY ((size_t)60 << 20) /* a chardev queues no more than 64 MiB */
#define QTEST_MAX_SIZE  (1ull << 30)       /* of one access, bytes */
#define QTEST_LINES     256                /* interrupt lines that can be reported */

/* Bytes that grow on demand; growing may fail. */
typedef struct {
	char *p;
	size_t len, cap;
} Buf;

/* A part of the line. @p NULL: there is no such word. */
typedef struct {
	const char *p;
	size_t len;
} Word;

/* What is left of a line. Words are separated by exactly one blank: two make an empty word. */
typedef struct {
	const char *p, *end; /* @p NULL: nothing */
} Words;

struct CxbQtest {
	CxbMachine *machine;
	CxbChardev *chr;
	FILE *log; /* NULL: none */
	int64_t opened_us;

	GByteArray *waiting; /* input behind an answer that the client has yet to read */
	Buf line;            /* the start of a line whose end has not come */
	bool skipping;       /* the line was too long: nothing counts up to its end */
	Buf reply;
	Buf data; /* bytes of an access on their way */

	char *irq_device;             /* path of the device whose lines are reported; NULL: none */
	bool irq_in;                  /* it is the I/O APIC's inputs */
	bool irq_levels[QTEST_LINES]; /* as the client has been told */
	guint irq_id;
};

/* --- words.c --- */

Word words_next(Words *words);
bool word_is(Word w, const char *text);
/** word_u64() - Decimal, 0x hex or 0 octal, all of the word. */
bool word_u64(Word w, uint64_t *out);
/** word_i64() - The same, with a sign. */
bool word_i64(Word w, int64_t *out);
/** hex_decode() - @n digits from @p to bytes; a last single digit is a high nibble. */
bool hex_decode(const char *p, size_t n, uint8_t *out);
/** hex_encode() - 2 * @n digits. */
void hex_encode(const uint8_t *p, size_t n, char *out);

/* --- reply.c --- */

bool buf_reserve(Buf *b, size_t cap);
/** buf_shrink() - Give a large buffer back; contents are lost. */
void buf_shrink(Buf *b);
void buf_free(Buf *b);
void reply_text(CxbQtest *q, const char *text);
void reply_printf(CxbQtest *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/** reply_hex() - "OK 0x" and at least @digits digits. */
void reply_hex(CxbQtest *q, uint64_t v, unsigned digits);
/** reply_fail() - "FAIL TEXT". */
void reply_fail(CxbQtest *q, const char *text);

/* --- the commands: one line each, answered by reply_*() before they return --- */

typedef void (*QtestFn)(CxbQtest *q, Words words, unsigned arg);

/** qtest_execute() - Look at one line, without its newline; the answer is in q->reply, empty if
 * the line asks for none. */
void qtest_execute(CxbQtest *q, const char *line, size_t len);

/* access.c: memory and ports; arg is the access size */
void qtest_read(CxbQtest *q, Words words, unsigned size);
void qtest_write(CxbQtest *q, Words words, unsigned size);
void qtest_read_hex(CxbQtest *q, Words words, unsigned arg);
void qtest_write_hex(CxbQtest *q, Words words, unsigned arg);
void qtest_read_b64(CxbQtest *q, Words words, unsigned arg);
void qtest_write_b64(CxbQtest *q, Words words, unsigned arg);
void qtest_memset(CxbQtest *q, Words words, unsigned arg);
void qtest_in(CxbQtest *q, Words words, unsigned size);
void qtest_out(CxbQtest *q, Words words, unsigned size);

/* irq.c */
void qtest_irq_init(CxbQtest *q);
void qtest_irq_fini(CxbQtest *q);
/** qtest_irq_forget() - A client came that has been told nothing. */
void qtest_irq_forget(CxbQtest *q);
void qtest_intercept(CxbQtest *q, Words words, unsigned out);
void qtest_set_irq_in(CxbQtest *q, Words words, unsigned arg);

/** qtest_send() - @len bytes, a whole line with its newline, to the client and the log. */
void qtest_send(CxbQtest *q, const char *line, size_t len);

#endif
