/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and ports. */
#include "qtest_impl.h"

#include <string.h>

#define CHUNK 65536

static bool fail_word(CxbQtest *q, const char *what, Word w)
{
	if (!w.p)
		reply_printf(q, "FAIL %s is missing", what);
	else
		reply_printf(q, "FAIL %s '%.*s' is not a number", what, (int)MIN(w.len, 32), w.p);
	return false;
}

static bool next_u64(CxbQtest *q, Words *words, const char *what, uint64_t *out)
{
	const Word w = words_next(words);

	return word_u64(w, out) || fail_word(q, what, w);
}

static bool next_range(CxbQtest *q, Words *words, uint64_t *addr, uint64_t *size)
{
	if (!next_u64(q, words, "address", addr) || !next_u64(q, words, "size", size))
		return false;
	if (*size > QTEST_MAX_SIZE) {
		reply_fail(q, "size is more than 1 GiB");
		return false;
	}
	if (*size && *addr > UINT64_MAX - (*size - 1)) {
		reply_fail(q, "range goes past the end of the address space");
		return false;
	}
	return true;
}

/* --- what answers nowhere reads zero here, as with QEMU --- */

typedef struct {
	uint8_t *buf;
	uint64_t at, end; /* not looked at yet: [at, end), end included as its last byte */
	bool done;
} Gaps;

static void close_gap(void *opaque, uint64_t hpa, uint64_t len, const CxbRegion *region,
		      uint64_t region_off)
{
	Gaps *g = opaque;
	const uint64_t last = hpa + (len - 1);

	if (g->done || !len || last < g->at || hpa > g->end)
		return;
	if (hpa > g->at) {
		memset(g->buf, 0, hpa - g->at);
		g->buf += hpa - g->at;
		g->at = hpa;
	}
	if (last >= g->end) {
		g->done = true;
		return;
	}
	g->buf += last - g->at + 1;
	g->at = last + 1;
}

static void read_memory(CxbQtest *q, uint64_t addr, void *buf, size_t size)
{
	CxbMemMap *mm = cxb_machine_memmap(q->machine);
	Gaps gaps = { .buf = buf, .at = addr, .end = addr + (size - 1) };

	if (cxb_memmap_read(mm, addr, buf, size) == CXB_MEM_OK)
		return;
	cxb_memmap_foreach(mm, close_gap, &gaps);
	if (!gaps.done)
		memset(gaps.buf, 0, gaps.end - gaps.at + 1);
}

void qtest_read(CxbQtest *q, Words words, unsigned size)
{
	uint8_t le[8] = { 0 };
	uint64_t addr, v;

	if (!next_u64(q, &words, "address", &addr))
		return;
	if (addr > UINT64_MAX - (size - 1)) {
		reply_fail(q, "range goes past the end of the address space");
		return;
	}
	read_memory(q, addr, le, size);
	memcpy(&v, le, sizeof(v));
	reply_hex(q, GUINT64_FROM_LE(v), 16);
}

void qtest_write(CxbQtest *q, Words words, unsigned size)
{
	uint64_t addr, v;

	if (!next_u64(q, &words, "address", &addr) || !next_u64(q, &words, "value", &v))
		return;
	if (addr > UINT64_MAX - (size - 1)) {
		reply_fail(q, "range goes past the end of the address space");
		return;
	}
	v = GUINT64_TO_LE(v);
	cxb_memmap_write(cxb_machine_memmap(q->machine), addr, &v, size);
	reply_text(q, "OK");
}

/* Reads into q->data, with room for an answer of @reply bytes. */
static bool read_bytes(CxbQtest *q, Words *words, uint64_t *size, size_t (*reply_len)(uint64_t))
{
	uint64_t addr;
	size_t reply;

	if (!next_range(q, words, &addr, size))
		return false;
	reply = reply_len(*size);
	if (reply > QTEST_MAX_REPLY) {
		reply_printf(q, "FAIL answer would be longer than %zu MiB", QTEST_MAX_REPLY >> 20);
		return false;
	}
	if (!buf_reserve(&q->data, *size) || !buf_reserve(&q->reply, reply)) {
		reply_fail(q, "out of memory");
		return false;
	}
	if (*size)
		read_memory(q, addr, q->data.p, *size);
	return true;
}

static size_t hex_reply_len(uint64_t size)
{
	return 5 + 2 * size + 1; /* with the newline */
}

void qtest_read_hex(CxbQtest *q, Words words, unsigned arg)
{
	uint64_t size;

	if (!read_bytes(q, &words, &size, hex_reply_len))
		return;
	if (!size) {
		reply_fail(q, "size is 0");
		return;
	}
	memcpy(q->reply.p, "OK 0x", 5);
	hex_encode((const uint8_t *)q->data.p, size, q->reply.p + 5);
	q->reply.len = 5 + 2 * size;
}

static size_t b64_reply_len(uint64_t size)
{
	return 3 + (size / 3 + 1) * 4 + 4 + 1;
}

void qtest_read_b64(CxbQtest *q, Words words, unsigned arg)
{
	int state = 0, save = 0;
	uint64_t size;
	char *p;

	if (!read_bytes(q, &words, &size, b64_reply_len))
		return;
	memcpy(q->reply.p, "OK ", 3);
	p = q->reply.p + 3;
	p += g_base64_encode_step((const guchar *)q->data.p, size, FALSE, p, &state, &save);
	p += g_base64_encode_close(FALSE, p, &state, &save);
	q->reply.len = p - q->reply.p;
}

/* --- writing --- */

/* In pieces that end where the address is a multiple of CHUNK: no register access is cut. */
static bool fill(CxbQtest *q, uint64_t addr, uint64_t size, uint8_t byte)
{
	if (!buf_reserve(&q->data, MIN(size, CHUNK))) {
		reply_fail(q, "out of memory");
		return false;
	}
	if (size)
		memset(q->data.p, byte, MIN(size, CHUNK));
	while (size) {
		const size_t n = MIN(size, CHUNK - addr % CHUNK);

		cxb_memmap_write(cxb_machine_memmap(q->machine), addr, q->data.p, n);
		addr += n;
		size -= n;
	}
	return true;
}

void qtest_memset(CxbQtest *q, Words words, unsigned arg)
{
	uint64_t addr, size, byte;

	if (next_range(q, &words, &addr, &size) && next_u64(q, &words, "byte", &byte) &&
	    fill(q, addr, size, byte))
		reply_text(q, "OK");
}

static bool next_data(CxbQtest *q, Words *words, Word *data)
{
	*data = words_next(words);
	if (!data->p) {
		reply_fail(q, "data is missing");
		return false;
	}
	if (data->len < 3) {
		reply_text(q, "ERR invalid argument size");
		return false;
	}
	return true;
}

void qtest_write_hex(CxbQtest *q, Words words, unsigned arg)
{
	uint64_t addr, size, n;
	Word data;

	if (!next_range(q, &words, &addr, &size) || !next_data(q, &words, &data))
		return;
	/* The first two characters are "0x", whatever they are. */
	n = MIN(size, (data.len - 2 + 1) / 2);
	if (!buf_reserve(&q->data, n)) {
		reply_fail(q, "out of memory");
		return;
	}
	if (!hex_decode(data.p + 2, MIN(data.len - 2, 2 * n), (uint8_t *)q->data.p)) {
		reply_fail(q, "data has something that is not a hex digit");
		return;
	}
	if (n)
		cxb_memmap_write(cxb_machine_memmap(q->machine), addr, q->data.p, n);
	if (fill(q, addr + n, size - n, 0))
		reply_text(q, "OK");
}

void qtest_write_b64(CxbQtest *q, Words words, unsigned arg)
{
	uint64_t addr, size;
	int state = 0;
	guint save = 0;
	Word data;
	size_t n;

	if (!next_range(q, &words, &addr, &size) || !next_data(q, &words, &data))
		return;
	if (!buf_reserve(&q->data, data.len / 4 * 3 + 3)) {
		reply_fail(q, "out of memory");
		return;
	}
	n = g_base64_decode_step(data.p, data.len, (guchar *)q->data.p, &state, &save);
	n = MIN(n, size);
	if (n)
		cxb_memmap_write(cxb_machine_memmap(q->machine), addr, q->data.p, n);
	reply_text(q, "OK");
}

/* --- ports --- */

static bool next_port(CxbQtest *q, Words *words, uint64_t *port)
{
	if (!next_u64(q, words, "port", port))
		return false;
	if (*port <= UINT16_MAX)
		return true;
	reply_fail(q, "port is above 0xffff");
	return false;
}

void qtest_in(CxbQtest *q, Words words, unsigned size)
{
	uint64_t port;

	if (next_port(q, &words, &port))
		reply_hex(q, cxb_machine_port_read(q->machine, port, size), 4);
}

void qtest_out(CxbQtest *q, Words words, unsigned size)
{
	uint64_t port, v;

	if (!next_port(q, &words, &port) || !next_u64(q, &words, "value", &v))
		return;
	if (size < 4)
		v &= (1u << 8 * size) - 1;
	cxb_machine_port_write(q->machine, port, size, v);
	reply_text(q, "OK");
}
