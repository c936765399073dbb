/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CDAT bytes (CDAT 1.03) and table access (CXL 3.1 8.1.11). Expected bytes were written down from
 * the tables of the specification.
 */
#include <unistd.h>

#include "base/bytes.h"
#include "cxl/cdat.h"
#include "wire/cdat.h"

/* One DC region at 256 MiB: 512 MiB, handle 1. */
static const CxbCdatRange region = {
	.handle = 1,
	.dpa = 0x10000000,
	.len = 0x20000000,
	.flags = WIRE_DSMAS_DYNAMIC | WIRE_DSMAS_SHARABLE,
	.efi_type = WIRE_EFI_SPECIFIC_PURPOSE,
	.read_latency_ns = 150,
	.write_latency_ns = 250,
	.read_mb_s = 16000,
	.write_mb_s = 12001,
};

/* clang-format off */
static const uint8_t region_table[] = {
	/* header: 16 + 6 x 24 bytes, revision 2, checksum, sequence 0 */
	0xa0, 0, 0, 0,  2, 0xb2, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0,
	/* DSMAS: handle 1, sharable and dynamic */
	0, 0, 0x18, 0,  1, 0x28, 0, 0,  0, 0, 0, 0x10, 0, 0, 0, 0,  0, 0, 0, 0x20, 0, 0, 0, 0,
	/* DSLBIS: read latency, 10000 ps x 15 */
	1, 0, 0x18, 0,  1, 0, 1, 0,  0x10, 0x27, 0, 0, 0, 0, 0, 0,  15, 0, 0, 0, 0, 0, 0, 0,
	/* write latency, x 25 */
	1, 0, 0x18, 0,  1, 0, 2, 0,  0x10, 0x27, 0, 0, 0, 0, 0, 0,  25, 0, 0, 0, 0, 0, 0, 0,
	/* read bandwidth, 1000 MB/s x 16 */
	1, 0, 0x18, 0,  1, 0, 4, 0,  0xe8, 0x03, 0, 0, 0, 0, 0, 0,  16, 0, 0, 0, 0, 0, 0, 0,
	/* write bandwidth, x 13 */
	1, 0, 0x18, 0,  1, 0, 5, 0,  0xe8, 0x03, 0, 0, 0, 0, 0, 0,  13, 0, 0, 0, 0, 0, 0, 0,
	/* DSEMTS: special purpose, from the start of the range */
	4, 0, 0x18, 0,  1, 1, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0x20, 0, 0, 0, 0,
};

/* Each kind of structure, one of a type nobody knows. */
static const uint8_t every_type[] = {
	0x84, 0, 0, 0,  1, 0, 1, 2, 3, 4, 5, 6,  9, 0, 0, 0,
	0, 0, 0x18, 0,  0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0, 0x10, 0, 0, 0, 0,
	2, 0, 0x14, 0,  0, 0, 0, 0,  0, 0, 1, 0, 0, 0, 0, 0,  1, 0, 0, 0,
	3, 0, 8, 0,  1, 0, 0, 0,
	5, 0, 0x20, 0,  0, 0, 0, 0,  0x10, 0x27, 0, 0, 0, 0, 0, 0,
		0, 1, 0, 0, 15, 0, 0, 0,  0, 1, 1, 0, 15, 0, 0, 0,
	0x77, 0, 4, 0,
	5, 0, 0x10, 0,  0, 0, 0, 0,  0x10, 0x27, 0, 0, 0, 0, 0, 0,
	0x80, 0, 0x0c, 0,  1, 2, 3, 4, 5, 6, 7, 8,
};
/* clang-format on */

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	for (size_t i = 0; i < n; i++)
		s += p[i];
	return s;
}

/* A table with its length and checksum made right. */
static GByteArray *fixed(const uint8_t *p, size_t n)
{
	GByteArray *a = g_byte_array_new();

	g_byte_array_append(a, p, n);
	le_store(a->data, 4, n);
	a->data[5] = 0;
	a->data[5] = -sum(a->data, n);
	return a;
}

static void a_region_is_described_byte_by_byte(void)
{
	g_autoptr(CxbCdat) c = cxb_cdat_new(&region, 1);
	size_t n;
	const uint8_t *p = cxb_cdat_bytes(c, &n);

	g_assert_cmpmem(p, n, region_table, sizeof(region_table));
	g_assert_cmpuint(sum(p, n), ==, 0);
	g_assert_cmpuint(cxb_cdat_entries(c), ==, 7);
	g_assert_cmpuint(cxb_cdat_entry_max(c), ==, 24);
}

static void ranges_follow_each_other(void)
{
	CxbCdatRange r[256];
	size_t n;

	for (unsigned i = 0; i < G_N_ELEMENTS(r); i++) {
		r[i] = region;
		r[i].handle = 255 - i;
		r[i].dpa = (uint64_t)i << 40;
	}
	for (unsigned count = 0; count <= G_N_ELEMENTS(r); count += 32) {
		g_autoptr(CxbCdat) c = cxb_cdat_new(r, count);
		const uint8_t *p = cxb_cdat_bytes(c, &n);

		g_assert_cmpuint(n, ==, 16 + 6 * 24 * count);
		g_assert_cmpuint(le_load(p, 4), ==, n);
		g_assert_cmpuint(sum(p, n), ==, 0);
		g_assert_cmpuint(cxb_cdat_entries(c), ==, 1 + 6 * count);
		for (unsigned i = 0; i < count; i++) {
			p = cxb_cdat_entry(c, 1 + 6 * i, &n);
			g_assert_cmpuint(p[0], ==, WIRE_CDAT_DSMAS);
			g_assert_cmpuint(p[4], ==, 255 - i);
			g_assert_cmphex(le_load(p + 8, 8), ==, (uint64_t)i << 40);
			p = cxb_cdat_entry(c, 6 + 6 * i, &n);
			g_assert_cmpuint(p[0], ==, WIRE_CDAT_DSEMTS);
			g_assert_cmpuint(p[4], ==, 255 - i);
		}
	}
}

/* FFFFh would say "unreachable" (as HMAT), 0 "not given". */
static void numbers_are_rounded_up_and_never_unreachable(void)
{
	static const struct {
		uint32_t ns, mb_s;
		uint16_t latency, bandwidth;
	} rows[] = {
		{ 0, 0, 0, 0 },
		{ 1, 1, 1, 1 },
		{ 10, 1000, 1, 1 },
		{ 11, 1001, 2, 2 },
		{ 655340, 65534000, 0xfffe, 0xfffe },
		{ 655341, 65534001, 0xfffe, 0xfffe },
		{ UINT32_MAX, UINT32_MAX, 0xfffe, 0xfffe },
	};
	size_t n;

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		const CxbCdatRange r = {
			.read_latency_ns = rows[i].ns,
			.write_latency_ns = rows[i].ns,
			.read_mb_s = rows[i].mb_s,
			.write_mb_s = rows[i].mb_s,
		};
		g_autoptr(CxbCdat) c = cxb_cdat_new(&r, 1);

		for (unsigned e = 2; e < 6; e++)
			g_assert_cmphex(le_load(cxb_cdat_entry(c, e, &n) + 16, 2), ==,
					e < 4 ? rows[i].latency : rows[i].bandwidth);
	}
}

static void what_was_built_can_be_loaded(void)
{
	g_autoptr(CxbCdat) c = cxb_cdat_load(region_table, sizeof(region_table), NULL);
	size_t n;

	g_assert_nonnull(c);
	g_assert_cmpuint(cxb_cdat_entries(c), ==, 7);
	g_assert_cmpmem(cxb_cdat_bytes(c, &n), n, region_table, sizeof(region_table));
}

static void every_type_is_loaded_as_it_is(void)
{
	static const uint8_t lengths[] = { 16, 24, 20, 8, 32, 4, 16, 12 };
	g_autoptr(GByteArray) a = fixed(every_type, sizeof(every_type));
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbCdat) c = cxb_cdat_load(a->data, a->len, &err);
	size_t n, at = 0;

	g_assert_no_error(err);
	g_assert_cmpuint(cxb_cdat_entries(c), ==, G_N_ELEMENTS(lengths));
	for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) {
		const uint8_t *p = cxb_cdat_entry(c, i, &n);

		g_assert_cmpmem(p, n, a->data + at, lengths[i]);
		at += n;
	}
	g_assert_cmpuint(cxb_cdat_entry_max(c), ==, 32);
}

static void refuse(const uint8_t *p, size_t n, const char *text)
{
	g_autoptr(GError) err = NULL;

	g_assert_null(cxb_cdat_load(p, n, &err));
	g_assert_cmpstr(err->message, ==, text);
	g_assert_null(cxb_cdat_load(p, n, NULL));
}

static void a_damaged_table_is_refused(void)
{
	uint8_t t[sizeof(region_table) + 4];

	refuse(NULL, 0, "0 bytes are too short for a header");
	refuse(region_table, 15, "15 bytes are too short for a header");
	for (size_t n = 16; n < sizeof(region_table); n++) {
		g_autoptr(GError) err = NULL;

		g_assert_null(cxb_cdat_load(region_table, n, &err));
		g_assert_true(g_str_has_prefix(err->message, "the header says 160 bytes"));
	}
	for (size_t i = 4; i < sizeof(region_table); i++) {
		g_autoptr(CxbCdat) c = NULL;

		memcpy(t, region_table, sizeof(region_table));
		t[i] ^= 0x40;
		c = cxb_cdat_load(t, sizeof(region_table), NULL);
		g_assert_null(c);
	}
	memcpy(t, region_table, sizeof(region_table));
	t[5]++;
	refuse(t, sizeof(region_table), "wrong checksum 0xb3, the other bytes ask for 0xb2");
}

static void a_structure_of_a_wrong_length_is_refused(void)
{
	static const struct {
		uint8_t type;
		uint16_t length;
	} rows[] = {
		{ WIRE_CDAT_DSMAS, 0 },
		{ WIRE_CDAT_DSMAS, 0x14 },
		{ WIRE_CDAT_DSMAS, 0x1c },
		{ WIRE_CDAT_DSLBIS, 0x10 },
		{ WIRE_CDAT_DSMSCIS, 0x18 },
		{ WIRE_CDAT_DSIS, 4 },
		{ WIRE_CDAT_DSEMTS, 0x20 },
		{ WIRE_CDAT_SSLBIS, 8 },
		{ WIRE_CDAT_SSLBIS, 0x14 },
		{ 6, 0 },
		{ 6, 3 },
		{ 6, 6 },
		{ 0xff, 2 },
	};
	uint8_t t[16 + 64] = { [4] = 2 };

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GByteArray) a = NULL;
		g_autofree char *text =
			g_strdup_printf("structure of type %u at offset 0x10 cannot be %u bytes "
					"long",
					rows[i].type, rows[i].length);

		t[16] = rows[i].type;
		le_store(t + 18, 2, rows[i].length);
		a = fixed(t, sizeof(t));
		refuse(a->data, a->len, text);
	}
}

static void a_structure_that_is_cut_is_refused(void)
{
	g_autoptr(GByteArray) a = fixed(region_table, sizeof(region_table) - 4);
	g_autoptr(GByteArray) b = fixed(region_table, 16 + 24 + 3);

	refuse(a->data, a->len, "structure of type 4 at offset 0x88 is cut: 24 bytes, 20 left");
	refuse(b->data, b->len, "3 bytes behind the last structure");
}

/* Handles are 16 bits and FFFFh ends the chain. */
static void there_are_no_more_structures_than_handles(void)
{
	const size_t max = 16 + 65534 * 4, more = max + 4;
	g_autofree uint8_t *t = g_malloc0(more);
	g_autoptr(GByteArray) a = NULL, b = NULL;
	g_autoptr(CxbCdat) c = NULL;

	for (size_t at = 16; at < more; at += 4)
		le_store(t + at, 4, 0x00040099);
	a = fixed(t, max);
	c = cxb_cdat_load(a->data, a->len, NULL);
	g_assert_cmpuint(cxb_cdat_entries(c), ==, 65535);
	b = fixed(t, more);
	refuse(b->data, b->len, "more than 65534 structures");
}

static void a_file_is_named_in_what_is_wrong_with_it(void)
{
	g_autofree char *path = NULL, *text = NULL;
	g_autoptr(CxbCdat) c = NULL;
	g_autoptr(GError) err = NULL;
	const int fd = g_file_open_tmp("cdat-XXXXXX", &path, NULL);

	g_assert_cmpint(fd, >=, 0);
	close(fd);
	g_assert_true(
		g_file_set_contents(path, (const char *)region_table, sizeof(region_table), NULL));
	c = cxb_cdat_load_file(path, &err);
	g_assert_no_error(err);
	g_assert_cmpuint(cxb_cdat_entries(c), ==, 7);
	g_assert_true(g_file_set_contents(path, "CDAT", 4, NULL));
	g_assert_null(cxb_cdat_load_file(path, &err));
	text = g_strdup_printf("CDAT: %s: 4 bytes are too short for a header", path);
	g_assert_cmpstr(err->message, ==, text);
	g_clear_error(&err);
	unlink(path);
	g_assert_null(cxb_cdat_load_file(path, &err));
	g_assert_true(g_str_has_prefix(err->message, "CDAT: "));
	g_assert_nonnull(strstr(err->message, path));
	g_assert_null(cxb_cdat_load_file(path, NULL));
	cxb_cdat_free(NULL);
}

/* --- table access --- */

static bool ask(const CxbCdat *c, const void *req, size_t n, CxbWr *out)
{
	CxbRd in = { req, n };

	return cxb_cdat_access(c, &in, out);
}

static void handles_lead_through_the_table(void)
{
	g_autoptr(CxbCdat) c = cxb_cdat_new(&region, 1);
	unsigned handle = 0, entries = 0;
	g_autoptr(GByteArray) got = g_byte_array_new();

	do {
		const uint8_t req[4] = { 0, 0, handle, handle >> 8 };
		uint8_t buf[28];
		CxbWr out = { buf, 0, sizeof(buf) };

		g_assert_true(ask(c, req, sizeof(req), &out));
		g_assert_cmpuint(buf[0], ==, 0);
		g_assert_cmpuint(buf[1], ==, 0);
		g_assert_cmpuint(out.len, ==, handle ? 28 : 20);
		g_byte_array_append(got, buf + 4, out.len - 4);
		handle = le_load(buf + 2, 2);
		entries++;
	} while (handle != 0xffff);
	g_assert_cmpuint(entries, ==, 7);
	g_assert_cmpmem(got->data, got->len, region_table, sizeof(region_table));
}

static void a_header_alone_is_the_last_entry(void)
{
	g_autoptr(CxbCdat) c = cxb_cdat_new(NULL, 0);
	uint8_t buf[20];
	CxbWr out = { buf, 0, sizeof(buf) };

	g_assert_true(ask(c, "\0\0\0\0", 4, &out));
	g_assert_cmpuint(out.len, ==, 20);
	g_assert_cmphex(le_load(buf + 2, 2), ==, 0xffff);
	/* 16 bytes, revision 2, and what makes it 0: EEh */
	g_assert_cmphex(buf[4 + 5], ==, 0xee);
}

static void a_bad_request_has_no_answer(void)
{
	static const struct {
		uint8_t req[8];
		unsigned n;
	} rows[] = {
		{ { 0 }, 0 },          { { 0 }, 3 },
		{ { 0 }, 8 },          /* too long */
		{ { 1, 0, 0, 0 }, 4 }, /* code */
		{ { 0, 1, 0, 0 }, 4 }, /* table */
		{ { 0, 0, 7, 0 }, 4 }, /* one past the last */
		{ { 0, 0, 0, 1 }, 4 }, { { 0, 0, 0xff, 0xff }, 4 },
	};
	g_autoptr(CxbCdat) c = cxb_cdat_new(&region, 1);
	uint8_t buf[28];

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		CxbWr out = { buf, 0, sizeof(buf) };

		g_assert_false(ask(c, rows[i].req, rows[i].n, &out));
		g_assert_cmpuint(out.len, ==, 0);
	}
	for (size_t cap = 0; cap < 28; cap++) {
		CxbWr out = { buf, 0, cap };

		g_assert_false(ask(c, "\0\0\1\0", 4, &out));
		g_assert_cmpuint(out.len, ==, 0);
	}
}

#define ADD(name) g_test_add_func("/cxl/cdat/" #name, name)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(a_region_is_described_byte_by_byte);
	ADD(ranges_follow_each_other);
	ADD(numbers_are_rounded_up_and_never_unreachable);
	ADD(what_was_built_can_be_loaded);
	ADD(every_type_is_loaded_as_it_is);
	ADD(a_damaged_table_is_refused);
	ADD(a_structure_of_a_wrong_length_is_refused);
	ADD(a_structure_that_is_cut_is_refused);
	ADD(there_are_no_more_structures_than_handles);
	ADD(a_file_is_named_in_what_is_wrong_with_it);
	ADD(handles_lead_through_the_table);
	ADD(a_header_alone_is_the_last_entry);
	ADD(a_bad_request_has_no_answer);
	return g_test_run();
}
