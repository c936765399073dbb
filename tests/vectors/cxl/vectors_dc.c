/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dynamic capacity byte for byte. Each *.txt file of the folder given is one test on a fresh
 * device: one region, base 40000000h, length 80000000h, blocks of 200000h; 4096 extents, 64 tags,
 * 16 records in log 4. Lines (numbers are hexadecimal, "#" begins a comment):
 *
 *	add TAG OFFSET+LENGTH ...    offer; the backing has the sum's size (TAG: one byte, x16)
 *	release TAG                  ask the tag back
 *	force TAG                    take it
 *	run OPCODE BYTES ...         run a command
 *	rc CODE                      what it returned
 *	out BYTES ...                all of its output
 *	record N OFFSET BYTES ...    bytes in record N of log 4, counted from 0
 *	records N                    how many there are
 */
#include "cxl/dc_cmds.h"
#include "dc_fake.h"

#include <stdlib.h>

typedef struct {
	FakePool *pool;
	CxbDc *dc;
	CxbCci *cci;
	CxbEvLogs *logs;
	CxbDcHead *head;
	CxbRc rc;
	uint8_t out[512];
	size_t out_len;
} World;

static uint64_t number(const char *text)
{
	char *end;
	const uint64_t x = g_ascii_strtoull(text, &end, 16);

	if (!*text || *end)
		g_error("\"%s\" is not a number", text);
	return x;
}

/* Bytes of all words from @words on, written without blanks or with. */
static GByteArray *bytes(char **words)
{
	g_autofree char *text = g_strjoinv("", words);
	GByteArray *a = g_byte_array_new();

	g_assert_cmpuint(strlen(text) % 2, ==, 0);
	for (size_t i = 0; text[i]; i += 2) {
		const char pair[] = { text[i], text[i + 1], 0 };
		const uint8_t b = number(pair);

		g_byte_array_append(a, &b, 1);
	}
	return a;
}

static CxbUuid tag_of(const char *word)
{
	CxbUuid tag;

	memset(&tag, number(word), sizeof(tag));
	return tag;
}

static void add(World *w, char **words)
{
	const CxbUuid tag = tag_of(words[0]);
	CxbDcRange r[16];
	FakeBacking *b;
	uint64_t sum = 0;
	size_t n = 0;

	for (char **x = words + 1; *x; x++, n++) {
		g_auto(GStrv) part = g_strsplit(*x, "+", 2);

		g_assert_cmpuint(n, <, G_N_ELEMENTS(r));
		r[n] = (CxbDcRange){ number(part[0]), number(part[1]) };
		sum += r[n].len;
	}
	b = fake_backing(w->pool, 1000 + tag.b[0], sum);
	g_hash_table_steal(w->pool->by_tag, &b->tag);
	b->tag = tag;
	g_hash_table_insert(w->pool->by_tag, &b->tag, b);
	g_assert_true(cxb_dc_add(
		w->dc,
		&(CxbDcAddReq){
			.policy = CXB_DC_SELECT_PRESCRIPTIVE, .tag = tag, .n = n, .ranges = r },
		NULL));
}

static void take_back(World *w, char **words, bool forced)
{
	g_assert_true(cxb_dc_release(w->dc,
				     &(CxbDcReleaseReq){ .policy = CXB_DC_REMOVE_TAG_BASED,
							 .forced = forced,
							 .tag = tag_of(words[0]) },
				     NULL));
}

static void run(World *w, char **words)
{
	g_autoptr(GByteArray) in = bytes(words + 1);
	CxbRd rd = { in->data, in->len };
	CxbWr wr = { w->out, 0, sizeof(w->out) };

	w->rc = cxb_cci_run(w->cci, number(words[0]), &rd, &wr, NULL, NULL);
	w->out_len = wr.len;
}

static void line_run(World *w, char **words)
{
	const char *what = words[0];
	g_autoptr(GByteArray) want = NULL;

	if (g_str_equal(what, "add")) {
		add(w, words + 1);
	} else if (g_str_equal(what, "release") || g_str_equal(what, "force")) {
		take_back(w, words + 1, what[0] == 'f');
	} else if (g_str_equal(what, "run")) {
		run(w, words + 1);
	} else if (g_str_equal(what, "rc")) {
		g_assert_cmphex(w->rc, ==, number(words[1]));
	} else if (g_str_equal(what, "out")) {
		want = bytes(words + 1);
		g_assert_cmpmem(w->out, w->out_len, want->data, want->len);
	} else if (g_str_equal(what, "records")) {
		g_assert_cmpuint(cxb_evlogs_count(w->logs, CXB_LOG_DC), ==, number(words[1]));
	} else if (g_str_equal(what, "record")) {
		const uint8_t *r =
			(const uint8_t *)cxb_evlogs_peek(w->logs, CXB_LOG_DC, number(words[1]));
		const uint64_t off = number(words[2]);

		want = bytes(words + 3);
		g_assert_nonnull(r);
		g_assert_true(off <= 0x80 && want->len <= 0x80 - off);
		g_assert_cmpmem(r + off, want->len, want->data, want->len);
	} else {
		g_error("\"%s\" is not known", what);
	}
}

static void begin(World *w)
{
	const CxbEvLogsConfig logs = { .size = { 1, 1, 1, 1, 16 } };
	const CxbDcConfig c = { .name = "vectors",
				.n_regions = 1,
				.regions = { { .base = 0x40000000,
					       .decode_len = 0x80000000,
					       .len = 0x80000000,
					       .block_size = 0x200000,
					       .dsmad_handle = 5 } },
				.n_heads = 1,
				.max_extents = 4096,
				.max_tags = 64,
				.find_backing = fake_find,
				.opaque = w->pool = fake_pool_new() };

	w->dc = cxb_dc_new(&c, NULL);
	w->cci = cxb_cci_new(&(CxbCciConfig){ "vectors", 512 });
	w->logs = cxb_evlogs_new(&logs);
	w->head = cxb_dc_head_new(w->dc, 0, w->cci, w->logs);
}

static void file_run(gconstpointer path)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	World w = { 0 };

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	lines = g_strsplit(text, "\n", -1);
	begin(&w);
	for (unsigned i = 0; lines[i]; i++) {
		g_autoptr(GPtrArray) words = g_ptr_array_new();
		char *comment = strchr(lines[i], '#');
		char *next = lines[i];

		if (comment)
			*comment = 0;
		for (char *word; (word = strsep(&next, " \t"));)
			if (*word)
				g_ptr_array_add(words, word);
		if (!words->len)
			continue;
		g_test_message("line %u", i + 1);
		g_ptr_array_add(words, NULL);
		line_run(&w, (char **)words->pdata);
	}
	cxb_dc_head_free(w.head);
	cxb_dc_free(w.dc);
	cxb_cci_free(w.cci);
	cxb_evlogs_free(w.logs);
	fake_pool_free(w.pool);
}

int main(int argc, char **argv)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	const char *name;
	GDir *dir;
	int rc;

	g_test_init(&argc, &argv, NULL);
	dir = g_dir_open(argc > 1 ? argv[1] : ".", 0, NULL);
	g_assert_nonnull(dir);
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *test = g_strconcat("/cxl/vectors/dc/", name, NULL);

		if (!g_str_has_suffix(name, ".txt"))
			continue;
		g_ptr_array_add(paths, g_build_filename(argv[1], name, NULL));
		g_test_add_data_func(test, paths->pdata[paths->len - 1], file_run);
	}
	g_dir_close(dir);
	g_assert_cmpuint(paths->len, >, 0);
	rc = g_test_run();
	return rc;
}
