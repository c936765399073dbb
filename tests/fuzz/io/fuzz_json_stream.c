/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile JSON streams: no crash, and the same values and errors however the bytes are cut. The
 * first byte seeds the cutting. Values printed and read again print the same.
 */
#include "io/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static void check_round_trip(const GString *text)
{
	json_object *again = cxb_json_parse(text->str, text->len, NULL);
	GString *second = cxb_json_text(again, false);

	/* As in QEMU an infinity is no JSON, and a negative zero reads as an integer. */
	if (!strstr(text->str, "inf") && !strstr(text->str, "-0") && !g_string_equal(text, second))
		abort();
	g_string_free(second, TRUE);
	json_object_put(again);
}

static void check_options(json_object *value)
{
	CxbOpts *opts = cxb_json_opts(value, NULL);

	cxb_opts_free(opts);
}

static void log_result(void *opaque, json_object *value, const GError *err)
{
	GString *log = opaque, *text;

	if (err) {
		if (!g_utf8_validate(err->message, -1, NULL))
			abort();
		g_string_append_printf(log, "! %s\n", err->message);
		return;
	}
	text = cxb_json_text(value, false);
	g_string_append_len(log, text->str, text->len);
	g_string_append_c(log, '\n');
	check_round_trip(text);
	check_options(value);
	g_string_free(text, TRUE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GString *whole = g_string_new(NULL), *cut = g_string_new(NULL);
	CxbJsonStream *s;
	uint32_t seed;

	if (size) {
		seed = data[0];
		data++;
		size--;
		s = cxb_json_stream_new(log_result, whole);
		cxb_json_stream_feed(s, (const char *)data, size);
		cxb_json_stream_free(s);

		s = cxb_json_stream_new(log_result, cut);
		for (size_t i = 0; i < size;) {
			size_t n;

			seed = seed * 1103515245 + 12345;
			n = MIN(seed >> 16 & 7, size - i);
			cxb_json_stream_feed(s, (const char *)data + i, n);
			i += n;
		}
		cxb_json_stream_free(s);
		if (!g_string_equal(whole, cut))
			abort();
		json_object_put(cxb_json_parse((const char *)data, size, NULL));
	}
	g_string_free(whole, TRUE);
	g_string_free(cut, TRUE);
	return 0;
}
