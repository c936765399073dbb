/* SPDX-License-Identifier: Apache-2.0 */
/* Coherent Device Attribute Table (CXL 3.1 8.1.11, CDAT 1.03). */
#include "cxl/cdat.h"

#include "base/error.h"
#include "base/trace.h"
#include "wire/cdat.h"

#define LATENCY_PS     10000
#define BANDWIDTH_MB_S 1000
#define VALUE_MAX      0xfffe /* FFFFh: unreachable */

/* The largest file that is looked at; far more than 65534 structures of their usual size. */
#define FILE_MAX    (16u << 20)
#define ENTRIES_MAX 0xffff

struct CxbCdat {
	GByteArray *bytes;
	GArray *at; /* uint32_t, offset of each entry; at the end, that of the end */
	size_t entry_max;
};

static CxbCdat *cdat_new(void)
{
	CxbCdat *c = g_new0(CxbCdat, 1);

	c->bytes = g_byte_array_new();
	c->at = g_array_new(false, false, sizeof(uint32_t));
	return c;
}

void cxb_cdat_free(CxbCdat *cdat)
{
	if (!cdat)
		return;
	g_byte_array_unref(cdat->bytes);
	g_array_unref(cdat->at);
	g_free(cdat);
}

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	while (n--)
		s += *p++;
	return s;
}

/* An entry of @len bytes stands at @off. */
static void note_entry(CxbCdat *c, uint32_t off, size_t len)
{
	g_array_append_val(c->at, off);
	c->entry_max = MAX(c->entry_max, len);
}

static void note_end(CxbCdat *c)
{
	const uint32_t end = c->bytes->len;

	g_array_append_val(c->at, end);
}

/* --- building --- */

static struct wire_cdat_struct head(unsigned type, size_t len)
{
	return (struct wire_cdat_struct){ .type = type, .length = le16_put(len) };
}

static void put(CxbCdat *c, const void *p, size_t len)
{
	note_entry(c, c->bytes->len, len);
	g_byte_array_append(c->bytes, p, len);
}

static void put_dslbis(CxbCdat *c, uint8_t handle, unsigned type, uint64_t value, uint32_t base)
{
	const struct wire_dslbis s = {
		.head = head(WIRE_CDAT_DSLBIS, sizeof(s)),
		.handle = handle,
		.data_type = type,
		.base = le64_put(base),
		.entry = { le16_put(MIN((value + base - 1) / base, VALUE_MAX)) },
	};

	put(c, &s, sizeof(s));
}

static void put_range(CxbCdat *c, const CxbCdatRange *r)
{
	const struct wire_dsmas dsmas = {
		.head = head(WIRE_CDAT_DSMAS, sizeof(dsmas)),
		.handle = r->handle,
		.flags = r->flags,
		.dpa = le64_put(r->dpa),
		.length = le64_put(r->len),
	};
	const struct wire_dsemts dsemts = {
		.head = head(WIRE_CDAT_DSEMTS, sizeof(dsemts)),
		.handle = r->handle,
		.efi_type = r->efi_type,
		.length = le64_put(r->len),
	};

	put(c, &dsmas, sizeof(dsmas));
	put_dslbis(c, r->handle, WIRE_DSLBIS_READ_LATENCY, r->read_latency_ns * 1000ull,
		   LATENCY_PS);
	put_dslbis(c, r->handle, WIRE_DSLBIS_WRITE_LATENCY, r->write_latency_ns * 1000ull,
		   LATENCY_PS);
	put_dslbis(c, r->handle, WIRE_DSLBIS_READ_BANDWIDTH, r->read_mb_s, BANDWIDTH_MB_S);
	put_dslbis(c, r->handle, WIRE_DSLBIS_WRITE_BANDWIDTH, r->write_mb_s, BANDWIDTH_MB_S);
	put(c, &dsemts, sizeof(dsemts));
}

CxbCdat *cxb_cdat_new(const CxbCdatRange *ranges, unsigned n)
{
	const struct wire_cdat empty = { .revision = WIRE_CDAT_REVISION };
	CxbCdat *c = cdat_new();
	struct wire_cdat *table;

	g_assert(n <= 256);
	put(c, &empty, sizeof(empty));
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < i; j++)
			g_assert(ranges[i].handle != ranges[j].handle);
		put_range(c, &ranges[i]);
	}
	note_end(c);
	table = (struct wire_cdat *)c->bytes->data;
	table->length = le32_put(c->bytes->len);
	table->checksum = -sum(c->bytes->data, c->bytes->len);
	return c;
}

/* --- loading --- */

static bool length_ok(const struct wire_cdat_struct *s)
{
	static const uint8_t fixed[] = {
		[WIRE_CDAT_DSMAS] = sizeof(struct wire_dsmas),
		[WIRE_CDAT_DSLBIS] = sizeof(struct wire_dslbis),
		[WIRE_CDAT_DSMSCIS] = WIRE_CDAT_DSMSCIS_LEN,
		[WIRE_CDAT_DSIS] = WIRE_CDAT_DSIS_LEN,
		[WIRE_CDAT_DSEMTS] = sizeof(struct wire_dsemts),
	};
	const unsigned len = le16_get(s->length);

	if (s->type < G_N_ELEMENTS(fixed))
		return len == fixed[s->type];
	if (s->type == WIRE_CDAT_SSLBIS)
		return len >= WIRE_CDAT_SSLBIS_LEN(0) && (len - WIRE_CDAT_SSLBIS_LEN(0)) % 8 == 0;
	return len >= sizeof(*s) && len % 4 == 0;
}

/* Index the structures of @size bytes behind the header. */
static bool walk(CxbCdat *c, size_t size, GError **errp)
{
	CxbRd rd = { c->bytes->data, size };

	note_entry(c, 0, sizeof(struct wire_cdat));
	cxb_rd_take(&rd, sizeof(struct wire_cdat));
	while (rd.left) {
		const uint32_t at = size - rd.left;
		const struct wire_cdat_struct *s = cxb_rd_take(&rd, sizeof(*s));
		unsigned len;

		if (!s)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"%zu bytes behind the last structure", size - at);
		len = le16_get(s->length);
		if (!length_ok(s))
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"structure of type %u at offset 0x%x cannot be %u bytes "
					"long",
					s->type, at, len);
		if (!cxb_rd_take(&rd, len - sizeof(*s)))
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"structure of type %u at offset 0x%x is cut: %u bytes, "
					"%zu left",
					s->type, at, len, size - at);
		if (c->at->len == ENTRIES_MAX)
			return cxb_fail(errp, CXB_ERROR_INVALID, "more than %u structures",
					ENTRIES_MAX - 1);
		note_entry(c, at, len);
	}
	note_end(c);
	return true;
}

CxbCdat *cxb_cdat_load(const void *data, size_t size, GError **errp)
{
	const struct wire_cdat *table = data;
	g_autoptr(CxbCdat) c = NULL;

	if (size < sizeof(*table)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "%zu bytes are too short for a header", size);
		return NULL;
	}
	if (size > FILE_MAX) {
		cxb_fail(errp, CXB_ERROR_INVALID, "%zu bytes are more than %u", size, FILE_MAX);
		return NULL;
	}
	if (le32_get(table->length) != size) {
		cxb_fail(errp, CXB_ERROR_INVALID, "the header says %u bytes, there are %zu",
			 le32_get(table->length), size);
		return NULL;
	}
	c = cdat_new();
	g_byte_array_append(c->bytes, data, size);
	if (!walk(c, size, errp))
		return NULL;
	if (sum(data, size)) {
		cxb_fail(errp, CXB_ERROR_INVALID,
			 "wrong checksum 0x%02x, the other bytes ask for 0x%02x", table->checksum,
			 (uint8_t)(table->checksum - sum(data, size)));
		return NULL;
	}
	return g_steal_pointer(&c);
}

CxbCdat *cxb_cdat_load_file(const char *path, GError **errp)
{
	g_autofree char *data = NULL;
	GError *err = NULL;
	CxbCdat *c;
	size_t size;

	if (!g_file_get_contents(path, &data, &size, &err)) {
		cxb_fail(errp, CXB_ERROR_SYSTEM, "CDAT: File read failed: %s", err->message);
		g_error_free(err);
		return NULL;
	}
	c = cxb_cdat_load(data, size, errp);
	if (!c)
		g_prefix_error(errp, "CDAT: %s: ", path);
	return c;
}

/* --- reading --- */

const uint8_t *cxb_cdat_bytes(const CxbCdat *cdat, size_t *size)
{
	*size = cdat->bytes->len;
	return cdat->bytes->data;
}

unsigned cxb_cdat_entries(const CxbCdat *cdat)
{
	return cdat->at->len - 1;
}

const uint8_t *cxb_cdat_entry(const CxbCdat *cdat, unsigned handle, size_t *len)
{
	const uint32_t *at = (const uint32_t *)(void *)cdat->at->data;

	g_assert(handle < cxb_cdat_entries(cdat));
	*len = at[handle + 1] - at[handle];
	return cdat->bytes->data + at[handle];
}

size_t cxb_cdat_entry_max(const CxbCdat *cdat)
{
	return cdat->entry_max;
}

bool cxb_cdat_access(const CxbCdat *cdat, CxbRd *in, CxbWr *out)
{
	const struct wire_cdat_access *req = cxb_rd_take(in, sizeof(*req));
	struct wire_cdat_access resp = { 0 };
	unsigned handle;
	const uint8_t *entry;
	size_t len;

	if (!req || in->left || req->code || req->table) {
		cxb_guest_error("CDAT: a request for code %u, table %u, with %zu bytes more, is "
				"dropped",
				req ? req->code : 0, req ? req->table : 0, in->left);
		return false;
	}
	handle = le16_get(req->handle);
	if (handle >= cxb_cdat_entries(cdat)) {
		cxb_guest_error("CDAT: there is no entry %u", handle);
		return false;
	}
	entry = cxb_cdat_entry(cdat, handle, &len);
	resp.handle = le16_put(handle + 1 < cxb_cdat_entries(cdat) ? handle + 1 : WIRE_CDAT_LAST);
	return cxb_wr_left(out) >= sizeof(resp) + len && cxb_wr_copy(out, &resp, sizeof(resp)) &&
	       cxb_wr_copy(out, entry, len);
}
