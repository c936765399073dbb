/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON reader, as QEMU's QMP reader was observed to behave: what it takes, how it words what
 * it refuses, and where it picks up again. Each row is fed whole and byte by byte.
 */
#include "io/json.h"

#include <string.h>

/* Results, one a line: values as printed, errors behind "! ". */
static void log_result(void *opaque, json_object *value, const GError *err)
{
	GString *log = opaque;

	if (err) {
		g_string_append_printf(log, "! %s\n", err->message);
	} else {
		GString *text = cxb_json_text(value, false);

		g_string_append_printf(log, "%s\n", text->str);
		g_string_free(text, TRUE);
	}
}

static char *read_stream(const char *bytes, size_t len, size_t chunk)
{
	GString *log = g_string_new(NULL);
	CxbJsonStream *s = cxb_json_stream_new(log_result, log);

	for (size_t i = 0; i < len; i += chunk) {
		g_autofree char *piece = g_memdup2(bytes + i, MIN(chunk, len - i));

		cxb_json_stream_feed(s, piece, MIN(chunk, len - i));
	}
	cxb_json_stream_free(s);
	return g_string_free(log, FALSE);
}

typedef struct {
	const char *in;
	size_t len; /* 0: strlen */
	const char *out;
} Row;

#define ERR(pos, text) "! " pos ": JSON parse error, " text "\n"

/* clang-format off */
static const Row framing[] = {
	{ "{}", 0, "{}\n" },
	{ "{}{}", 0, "{}\n{}\n" },
	{ "{} \r\n\t[]\n", 0, "{}\n[]\n" },
	{ "{\"a\":1}{\"b\":[2,{}]}", 0, "{\"a\": 1}\n{\"b\": [2, {}]}\n" },
	{ "null true false ", 0, "null\ntrue\nfalse\n" },
	{ "'top'", 0, "\"top\"\n" },
	{ "{", 0, "" },
	{ "1", 0, "" }, /* more digits may follow */
	{ "", 0, "" },
};

static const Row strings[] = {
	{ "'a' \"b\"", 0, "\"a\"\n\"b\"\n" },
	{ "'a\"b' \"a'b\"", 0, "\"a\\\"b\"\n\"a'b\"\n" },
	{ "'\\\"\\'\\\\\\/\\b\\f\\n\\r\\t'", 0, "\"\\\"'\\\\/\\b\\f\\n\\r\\t\"\n" },
	{ "'\\u0041\\u00e9\\u20AC'", 0, "\"A\\u00E9\\u20AC\"\n" },
	{ "'\\ud83d\\ude00'", 0, "\"\\uD83D\\uDE00\"\n" },
	{ "'\xc3\xa9\xf0\x9f\x98\x80'", 0, "\"\\u00E9\\uD83D\\uDE00\"\n" },
	{ "'a\\u0000b'", 0, "\"a\\u0000b\"\n" },
	{ "'a\xc0\x80" "b'", 0, "\"a\\u0000b\"\n" },
	{ "{'k\\u0000x': 1, 'k': 2}", 0, "{\"k\\u0000x\": 1, \"k\": 2}\n" },
	{ "'\x7f'", 0, "\"\\u007F\"\n" },
	{ "'\\ud83d'", 0, ERR("1:1", "\\ud83d is not a valid Unicode character") },
	{ "'\\ud83dx'", 0, ERR("1:1", "\\ud83d is not a valid Unicode character") },
	{ "'\\uDE00'", 0, ERR("1:1", "\\uDE00 is not a valid Unicode character") },
	{ "'\\ud83d\\ud83d'", 0, ERR("1:1", "\\ud83d is not a valid Unicode character") },
	{ "'\\ud83d\\u12'", 0, ERR("1:1", "\\ud83d is not a valid Unicode character") },
	{ "'\\u12G4'", 0, ERR("1:1", "invalid escape sequence in string") },
	{ "'\\u12'", 0, ERR("1:1", "invalid escape sequence in string") },
	{ "'\\u'", 0, ERR("1:1", "invalid escape sequence in string") },
	{ "'\\x41'", 0, ERR("1:1", "invalid escape sequence in string") },
	{ "'\\U0041'", 0, ERR("1:1", "invalid escape sequence in string") },
	{ "'\x80'", 0, ERR("1:1", "invalid UTF-8 sequence in string") },
	{ "'\xc0\x81'", 0, ERR("1:1", "invalid UTF-8 sequence in string") },
	{ "'\xc3'", 0, ERR("1:1", "invalid UTF-8 sequence in string") },
	{ "'\xe0\x80\x80'", 0, ERR("1:1", "invalid UTF-8 sequence in string") },
	{ "'\xed\xa0\x80'", 0, ERR("1:1", "invalid UTF-8 sequence in string") },
	{ "'\xf4\x90\x80\x80'", 0, ERR("1:1", "invalid UTF-8 sequence in string") },
	{ "'\xf8\x88\x80\x80\x80'", 0, ERR("1:1", "invalid UTF-8 sequence in string") },
};

static const Row stray_bytes[] = {
	{ "'a\nb'", 0, ERR("1:1", "stray ''a\n'") },
	{ "'a\x1f", 0, ERR("1:1", "stray ''a\x1f'") },
	{ "'a\\\n", 0, ERR("1:1", "stray ''a\\\n'") },
	{ "'\0 ", 3, ERR("1:1", "stray '''") },
	{ "\0 {}", 4, ERR("1:1", "stray ''") "{}\n" },
	{ "\x01 {}", 0, ERR("1:1", "stray '\x01'") "{}\n" },
	{ "'\xfe {}", 0, ERR("1:1", "stray ''\xef\xbf\xbd'") "{}\n" },
	{ "'bad \xff{}", 0, ERR("1:1", "stray ''bad \xef\xbf\xbd'") "{}\n" },
	{ "# x", 0, ERR("1:1", "stray '#'") },
	{ "// {}", 0, ERR("1:1", "stray '/'") "{}\n" },
	{ "[%s]", 0, ERR("1:2", "stray '%'") ERR("1:4", "expecting value") },
	{ "True ", 0, ERR("1:1", "stray 'T'") },
	{ "NaN ", 0, ERR("1:1", "stray 'N'") },
	{ "\x80 ", 0, ERR("1:1", "stray '\xef\xbf\xbd'") },
	{ "\xc3\xa9 ", 0, ERR("1:1", "stray '\xef\xbf\xbd'") },
};

static const Row numbers[] = {
	{ "0 1 -1 -0 ", 0, "0\n1\n-1\n0\n" },
	{ "9223372036854775807 ", 0, "9223372036854775807\n" },
	{ "9223372036854775808 ", 0, "9223372036854775808\n" },
	{ "18446744073709551615 ", 0, "18446744073709551615\n" },
	{ "18446744073709551616 ", 0, "1.8446744073709552e+19\n" },
	{ "-9223372036854775808 ", 0, "-9223372036854775808\n" },
	{ "-9223372036854775809 ", 0, "-9.2233720368547758e+18\n" },
	{ "1.1 ", 0, "1.1000000000000001\n" },
	{ "1e3 1E+3 1000e-3 ", 0, "1000\n1000\n1\n" },
	{ "1e400 -1e400 ", 0, "inf\n-inf\n" },
	{ "0.5 -0.25e1 ", 0, "0.5\n-2.5\n" },
	{ "[1,2]", 0, "[1, 2]\n" },
	{ "007 ", 0, ERR("1:1", "stray '00'") },
	{ "+1 ", 0, ERR("1:1", "stray '+'") },
	{ ".5 ", 0, ERR("1:1", "stray '.'") },
	{ "5. ", 0, ERR("1:1", "stray '5. '") },
	{ "- 1 2 ", 0, ERR("1:1", "stray '- '") "2\n" },
	{ "-a ", 0, ERR("1:1", "stray '-a'") },
	{ "1e ", 0, ERR("1:1", "stray '1e '") },
	{ "1e+x ", 0, ERR("1:1", "stray '1e+x'") },
	{ "0x10 ", 0, "0\n" ERR("1:2", "invalid keyword 'x'") "10\n" },
};

static const Row syntax[] = {
	{ "tru ", 0, ERR("1:1", "invalid keyword 'tru'") },
	{ "truefalse ", 0, ERR("1:1", "invalid keyword 'truefalse'") },
	{ "}", 0, ERR("1:1", "expecting value") },
	{ "]", 0, ERR("1:1", "expecting value") },
	{ ",", 0, ERR("1:1", "expecting value") },
	{ ":{}", 0, ERR("1:1", "expecting value") "{}\n" },
	{ "[,]", 0, ERR("1:2", "expecting value") },
	{ "[1,]", 0, ERR("1:4", "expecting value") },
	{ "[1 2]", 0, ERR("1:4", "expected ',' or ']'") },
	{ "[1:2]", 0, ERR("1:3", "expected ',' or ']'") },
	{ "{,}", 0, ERR("1:2", "expecting key") },
	{ "{1:2}", 0, ERR("1:2", "expecting key") },
	{ "{'a':1,}", 0, ERR("1:8", "expecting key") },
	{ "{'a'}", 0, ERR("1:5", "expecting ':'") },
	{ "{'a' 1}", 0, ERR("1:6", "expecting ':'") },
	{ "{'a':}", 0, ERR("1:6", "expecting value") },
	{ "{'a':1 'b':2}", 0, ERR("1:8", "expected ',' or '}'") },
	{ "{'a':1, 'a':2}", 0, ERR("1:9", "duplicate key") },
	{ "{'a':1, '\\u0061':2}", 0, ERR("1:9", "duplicate key") },
	{ "{'a':{'a':1}, 'b':{'a':1}}", 0, "{\"a\": {\"a\": 1}, \"b\": {\"a\": 1}}\n" },
	{ "{}\n  {'a':\n ,}", 0, "{}\n" ERR("3:2", "expecting value") },
};

static const Row recovery[] = {
	{ "{'a' 1, 'b': [2, {}]} {'c':3}", 0, ERR("1:6", "expecting ':'") "{\"c\": 3}\n" },
	/* Curly and square brackets are counted apart. */
	{ "{\"a\":[} {} {} ] {}", 0, ERR("1:7", "expecting value") "{}\n" },
	{ "[} {}", 0, ERR("1:2", "expecting value") "{}\n" },
	/* One error only for what is dropped. */
	{ "[tru, fals, {,}] 1 ", 0, ERR("1:2", "invalid keyword 'tru'") "1\n" },
	{ "[tru, # ] 1 ", 0, ERR("1:2", "invalid keyword 'tru'") ERR("1:9", "expecting value")
	  "1\n" },
	/* A stray byte forgets the brackets, so the left-over ones are errors. */
	{ "{\"a\":#}", 0, ERR("1:6", "stray '#'") ERR("1:7", "expecting value") },
	{ "[#abc] {}", 0, ERR("1:2", "stray '#'") ERR("1:6", "expecting value") "{}\n" },
	{ "#abc\"x\" {}", 0, ERR("1:1", "stray '#'") "{}\n" },
	{ "#abc\x01{}", 0, ERR("1:1", "stray '#'") "{}\n" },
	/* FFh: back to the start from anywhere. */
	{ "{\xff{}", 0, ERR("1:2", "stray '\xef\xbf\xbd'") "{}\n" },
	{ "{'a':[\xff{}", 0, ERR("1:7", "stray '\xef\xbf\xbd'") "{}\n" },
	{ "tru\xff{}", 0, ERR("1:1", "invalid keyword 'tru'") ERR("1:4", "stray '\xef\xbf\xbd'")
	  "{}\n" },
	{ "[tru, [[\xff{}", 0, ERR("1:2", "invalid keyword 'tru'") "{}\n" },
	{ "#\xff{}", 0, ERR("1:1", "stray '#'") "{}\n" },
	{ "\xff{}", 0, ERR("1:1", "stray '\xef\xbf\xbd'") "{}\n" },
};
/* clang-format on */

typedef struct {
	const Row *rows;
	size_t n;
} Table;

static void table_holds_for_any_chunk_size(gconstpointer data)
{
	const Table *t = data;

	for (size_t i = 0; i < t->n; i++) {
		const Row *row = &t->rows[i];
		const size_t len = row->len ? row->len : strlen(row->in);

		for (size_t chunk = 1; chunk <= 64; chunk = chunk * 3 + 1) {
			g_autofree char *out = read_stream(row->in, len, chunk);

			g_assert_cmpstr(out, ==, row->out);
		}
	}
}

static GString *repeat(const char *text, size_t n)
{
	GString *s = g_string_new(NULL);

	for (size_t i = 0; i < n; i++)
		g_string_append(s, text);
	return s;
}

static void brackets_nest_1024_deep_and_no_deeper(void)
{
	g_autoptr(GString) good = repeat("[", 1024);
	g_autoptr(GString) bad = repeat("[", 1025);
	g_autofree char *out = NULL, *refused = NULL;

	for (int i = 0; i < 1024; i++)
		g_string_append_c(good, ']');
	out = read_stream(good->str, good->len, good->len);
	g_assert_cmpuint(strlen(out), ==, 2049);
	g_assert_cmpint(out[0], ==, '[');

	for (int i = 0; i < 1025; i++)
		g_string_append_c(bad, ']');
	g_string_append(bad, "{}");
	refused = read_stream(bad->str, bad->len, bad->len);
	g_assert_cmpstr(refused, ==, "! JSON nesting depth limit exceeded\n{}\n");
}

static void curly_and_square_brackets_nest_together(void)
{
	g_autoptr(GString) bad = repeat("[{'a':", 513);
	g_autofree char *out = read_stream(bad->str, bad->len, bad->len);

	g_assert_cmpstr(out, ==, "! JSON nesting depth limit exceeded\n");
}

static void a_message_has_two_mebi_tokens_at_most(void)
{
	/* '[', then n times value and separator. */
	g_autoptr(GString) good = repeat("1,", (1 << 20) - 1);
	g_autoptr(GString) bad = repeat("1,", 1 << 20);
	g_autofree char *out = NULL, *refused = NULL;

	g_string_prepend_c(good, '[');
	g_string_truncate(good, good->len - 1);
	g_string_append(good, "] ");
	out = read_stream(good->str, good->len, 65536);
	g_assert_true(g_str_has_prefix(out, "[1, 1"));

	g_string_prepend_c(bad, '[');
	g_string_append(bad, "1] 7 ");
	refused = read_stream(bad->str, bad->len, 65536);
	g_assert_cmpstr(refused, ==, "! JSON token count limit exceeded\n7\n");
}

static void feed_fill(CxbJsonStream *s, char c, size_t n)
{
	g_autofree char *block = g_malloc(1 << 20);

	memset(block, c, 1 << 20);
	for (; n >= 1 << 20; n -= 1 << 20)
		cxb_json_stream_feed(s, block, 1 << 20);
	cxb_json_stream_feed(s, block, n);
}

static void a_token_has_64_mib_at_most(void)
{
	g_autoptr(GString) log = g_string_new(NULL);
	CxbJsonStream *s = cxb_json_stream_new(log_result, log);

	cxb_json_stream_feed(s, "{'a':'", 6);
	feed_fill(s, 'x', (size_t)65 << 20);
	g_assert_cmpstr(log->str, ==, "! JSON token size limit exceeded\n");
	cxb_json_stream_feed(s, "', 'b': 1} 2 ", 13);
	g_assert_cmpstr(log->str, ==, "! JSON token size limit exceeded\n2\n");
	cxb_json_stream_free(s);
}

static void a_message_has_64_mib_of_text_at_most(void)
{
	g_autoptr(GString) log = g_string_new(NULL);
	CxbJsonStream *s = cxb_json_stream_new(log_result, log);

	cxb_json_stream_feed(s, "['", 2);
	feed_fill(s, 'x', (size_t)40 << 20);
	cxb_json_stream_feed(s, "','", 3);
	feed_fill(s, 'x', (size_t)40 << 20);
	cxb_json_stream_feed(s, "'] 2 ", 5);
	g_assert_cmpstr(log->str, ==, "! JSON token size limit exceeded\n2\n");
	cxb_json_stream_free(s);
}

typedef struct {
	CxbJsonStream *s;
	unsigned calls;
	bool free;
} Dropper;

static void drop_at_first(void *opaque, json_object *value, const GError *err)
{
	Dropper *d = opaque;

	d->calls++;
	if (d->free)
		cxb_json_stream_free(d->s);
	else
		cxb_json_stream_drop(d->s);
}

static void a_drop_ends_the_feed_and_starts_afresh(void)
{
	Dropper d = { 0 };

	d.s = cxb_json_stream_new(drop_at_first, &d);
	cxb_json_stream_feed(d.s, "1 2 3 [", 7);
	g_assert_cmpuint(d.calls, ==, 1);
	cxb_json_stream_feed(d.s, "{}", 2);
	g_assert_cmpuint(d.calls, ==, 2);
	cxb_json_stream_feed(d.s, "[{", 2);
	cxb_json_stream_drop(d.s);
	cxb_json_stream_feed(d.s, "[]", 2);
	g_assert_cmpuint(d.calls, ==, 3);
	cxb_json_stream_free(d.s);
}

static void the_callback_may_free_the_stream(void)
{
	Dropper d = { .free = true };

	d.s = cxb_json_stream_new(drop_at_first, &d);
	cxb_json_stream_feed(d.s, "[1] [2] #", 9);
	g_assert_cmpuint(d.calls, ==, 1);
	cxb_json_stream_free(NULL);
}

static void parse_takes_exactly_one_value(void)
{
	static const char *const bad[][2] = {
		{ "", "Expecting a JSON value" },
		{ "  ", "Expecting a JSON value" },
		{ "1 2", "Expecting at most one JSON value" },
		{ "{", "1:2: JSON parse error, premature end of input" },
		{ "{\"driver\":\"pci-testdev\",",
		  "1:25: JSON parse error, premature end of input" },
		{ "{\n'a':", "2:5: JSON parse error, premature end of input" },
		{ "'abc", "1:1: JSON parse error, stray ''abc'" },
		{ "5.", "1:1: JSON parse error, stray '5.'" },
		{ "{,", "1:2: JSON parse error, expecting key" },
		{ "1 #", "1:3: JSON parse error, stray '#'" },
	};
	json_object *v;

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) err = NULL;

		g_assert_null(cxb_json_parse(bad[i][0], strlen(bad[i][0]), &err));
		g_assert_cmpstr(err ? err->message : NULL, ==, bad[i][1]);
	}
	v = cxb_json_parse(" 42", 3, NULL);
	g_assert_cmpint(json_object_get_int64(v), ==, 42);
	json_object_put(v);
	v = cxb_json_parse("1.5", 3, NULL);
	g_assert_cmpfloat(json_object_get_double(v), ==, 1.5);
	json_object_put(v);
	v = cxb_json_parse("true", 4, NULL);
	g_assert_true(json_object_get_boolean(v));
	json_object_put(v);
	g_assert_null(cxb_json_parse("{", 1, NULL));
}

static void null_is_a_value_and_no_error(void)
{
	g_autoptr(GError) err = NULL;

	g_assert_null(cxb_json_parse("null", 4, &err));
	g_assert_no_error(err);
}

int main(int argc, char **argv)
{
	static const Table framing_t = { framing, G_N_ELEMENTS(framing) };
	static const Table strings_t = { strings, G_N_ELEMENTS(strings) };
	static const Table stray_t = { stray_bytes, G_N_ELEMENTS(stray_bytes) };
	static const Table numbers_t = { numbers, G_N_ELEMENTS(numbers) };
	static const Table syntax_t = { syntax, G_N_ELEMENTS(syntax) };
	static const Table recovery_t = { recovery, G_N_ELEMENTS(recovery) };

	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/io/json/framing", &framing_t, table_holds_for_any_chunk_size);
	g_test_add_data_func("/io/json/strings", &strings_t, table_holds_for_any_chunk_size);
	g_test_add_data_func("/io/json/stray", &stray_t, table_holds_for_any_chunk_size);
	g_test_add_data_func("/io/json/numbers", &numbers_t, table_holds_for_any_chunk_size);
	g_test_add_data_func("/io/json/syntax", &syntax_t, table_holds_for_any_chunk_size);
	g_test_add_data_func("/io/json/recovery", &recovery_t, table_holds_for_any_chunk_size);
	g_test_add_func("/io/json/depth", brackets_nest_1024_deep_and_no_deeper);
	g_test_add_func("/io/json/depth_mixed", curly_and_square_brackets_nest_together);
	g_test_add_func("/io/json/token_count", a_message_has_two_mebi_tokens_at_most);
	g_test_add_func("/io/json/token_size", a_token_has_64_mib_at_most);
	g_test_add_func("/io/json/message_size", a_message_has_64_mib_of_text_at_most);
	g_test_add_func("/io/json/drop", a_drop_ends_the_feed_and_starts_afresh);
	g_test_add_func("/io/json/free_inside", the_callback_may_free_the_stream);
	g_test_add_func("/io/json/parse_one", parse_takes_exactly_one_value);
	g_test_add_func("/io/json/null", null_is_a_value_and_no_error);
	return g_test_run();
}
