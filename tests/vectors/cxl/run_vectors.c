/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs files of mailbox commands, one device (mailbox_device.h) a file. A file is a list of
 * vectors; the device keeps its state from one to the next:
 *
 *	# a comment
 *	name: what this shows
 *	source: where the expected bytes come from
 *	event: LOG COUNT                    optional: append records first
 *	offer: REGION TAG OFFSET LENGTH...  optional: offer dynamic capacity first, in MiB
 *	backing: TAG SIZE [later]           optional: a backing for dynamic capacity, in MiB; sanitizing
 *	                                    it takes its time
 *	cleaned: TAG                        optional: until now
 *	advance: NS                         optional: move the clock first
 *	to: fm                              optional: to the fabric manager's interface
 *	op: 0100
 *	in: 00 0102 00*8
 *	rc: 0000
 *	out: 00 0102
 *	 00*8
 *
 * Numbers of op, in, rc and out are hexadecimal; "00*8" is a byte repeated (decimal); a line that
 * starts with a blank goes on from the one before. Without "in" the command has no input. Without
 * "out" there must be no output.
 */
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox_device.h"

typedef struct {
	char *name, *source, *event, *offer, *backing, *cleaned, *advance, *to, *op, *in, *rc, *out;
	unsigned line;
} Vector;

static void vector_free(Vector *v)
{
	char **const fields[] = { &v->name,    &v->source,  &v->event,   &v->offer,
				  &v->backing, &v->cleaned, &v->advance, &v->to,
				  &v->op,      &v->in,      &v->rc,      &v->out };

	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
		g_free(*fields[i]);
	g_free(v);
}

static char **field_of(Vector *v, const char *key)
{
	const struct {
		const char *key;
		char **field;
	} fields[] = {
		{ "name", &v->name },       { "source", &v->source },   { "event", &v->event },
		{ "offer", &v->offer },     { "backing", &v->backing }, { "cleaned", &v->cleaned },
		{ "advance", &v->advance }, { "to", &v->to },           { "op", &v->op },
		{ "in", &v->in },           { "rc", &v->rc },           { "out", &v->out },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
		if (g_str_equal(fields[i].key, key))
			return fields[i].field;
	return NULL;
}

static GPtrArray *parse(const char *path)
{
	GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)vector_free);
	g_autoptr(GError) err = NULL;
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	char **field = NULL;

	if (!g_file_get_contents(path, &text, NULL, &err))
		g_error("%s", err->message);
	lines = g_strsplit(text, "\n", -1);
	for (unsigned i = 0; lines[i]; i++) {
		const char *colon = strchr(lines[i], ':');
		g_autofree char *key = NULL;
		char *old;

		if (!*lines[i] || *lines[i] == '#')
			continue;
		if (*lines[i] == ' ') {
			if (!field || !*field)
				g_error("%s:%u: continues nothing", path, i + 1);
			old = *field;
			*field = g_strconcat(old, lines[i], NULL);
			g_free(old);
			continue;
		}
		if (!colon)
			g_error("%s:%u: no key", path, i + 1);
		key = g_strndup(lines[i], colon - lines[i]);
		if (g_str_equal(key, "name")) {
			Vector *v = g_new0(Vector, 1);

			v->line = i + 1;
			g_ptr_array_add(all, v);
		}
		field = all->len ? field_of(all->pdata[all->len - 1], key) : NULL;
		if (!field || *field)
			g_error("%s:%u: key '%s' unknown or twice", path, i + 1, key);
		*field = g_strstrip(g_strdup(colon + 1));
	}
	if (!all->len)
		g_error("%s: no vectors", path);
	return all;
}

static GByteArray *bytes_of(const Vector *v, const char *text)
{
	GByteArray *bytes = g_byte_array_new();
	g_auto(GStrv) words = g_strsplit_set(text ? text : "", " \t", -1);

	for (unsigned i = 0; words[i]; i++) {
		char *star = strchr(words[i], '*');
		const unsigned times = star ? strtoul(star + 1, NULL, 10) : 1;
		const size_t digits = star ? star - words[i] : strlen(words[i]);

		if (digits % 2 || (star && digits != 2))
			g_error("line %u: '%s' is not whole bytes", v->line, words[i]);
		for (unsigned t = 0; t < times; t++) {
			for (size_t d = 0; d < digits; d += 2) {
				const int hi = g_ascii_xdigit_value(words[i][d]);
				const int lo = g_ascii_xdigit_value(words[i][d + 1]);
				const uint8_t b = hi << 4 | lo;

				if (hi < 0 || lo < 0)
					g_error("line %u: '%s' is not hex", v->line, words[i]);
				g_byte_array_append(bytes, &b, 1);
			}
		}
	}
	return bytes;
}

/* What comes before the command: "event", "offer", "backing", "cleaned", "advance". */
static void prepare(MailboxDevice *d, const Vector *v)
{
	if (v->event) {
		unsigned log, count;

		g_assert_cmpint(sscanf(v->event, "%u %u", &log, &count), ==, 2);
		g_assert_cmpuint(log, <, CXB_LOGS);
		while (count--)
			mailbox_device_event(d, log);
	}
	if (v->offer) {
		g_auto(GStrv) w = g_strsplit(v->offer, " ", -1);
		const unsigned n = g_strv_length(w);
		CxbDcRange ranges[16];

		g_assert_cmpuint(n, >=, 4);
		g_assert_cmpuint(n % 2, ==, 0);
		g_assert_cmpuint(n / 2 - 1, <=, G_N_ELEMENTS(ranges));
		for (unsigned i = 2; i < n; i += 2)
			ranges[i / 2 - 1] = (CxbDcRange){ FAKE_MIB(strtoull(w[i], NULL, 0)),
							  FAKE_MIB(strtoull(w[i + 1], NULL, 0)) };
		g_assert_true(mailbox_device_offer(d, strtoul(w[0], NULL, 0),
						   strtoul(w[1], NULL, 0), ranges, n / 2 - 1));
	}
	if (v->backing) {
		unsigned tag, mib;
		int end = 0;

		g_assert_cmpint(sscanf(v->backing, "%u %u%n", &tag, &mib, &end), ==, 2);
		if (g_str_equal(v->backing + end, " later"))
			fake_backing(d->pool, tag, FAKE_MIB(mib))->sanitizing = FAKE_LATER;
		else
			fake_backing(d->pool, tag, FAKE_MIB(mib));
	}
	if (v->cleaned) {
		const CxbUuid tag = fake_tag(strtoul(v->cleaned, NULL, 0));

		fake_cleaned(fake_of(fake_find(d->pool, &tag)), true);
	}
	if (v->advance)
		cxb_clock_advance(d->clock,
				  cxb_clock_now_ns(d->clock) + strtoll(v->advance, NULL, 0));
}

static void run(MailboxDevice *d, const char *path, const Vector *v)
{
	g_autoptr(GByteArray) want = bytes_of(v, v->out);
	g_autoptr(GByteArray) bytes = bytes_of(v, v->in);
	uint8_t *buf = g_malloc(2048);
	CxbRd in = { bytes->data, bytes->len };
	CxbWr out = { buf, 0, 2048 };
	CxbRc rc;

	if (!v->source || !v->op || !v->rc)
		g_error("%s:%u: '%s' lacks source, op or rc", path, v->line, v->name);
	g_test_message("%s:%u: %s", path, v->line, v->name);
	g_assert_true(!v->to || g_str_equal(v->to, "fm"));
	prepare(d, v);
	rc = cxb_cci_run(v->to ? cxb_fmld_cci(d->fm) : d->cci, strtoul(v->op, NULL, 16), &in, &out,
			 NULL, NULL);
	g_assert_cmphex(rc, ==, strtoul(v->rc, NULL, 16));
	g_assert_cmpmem(buf, out.len, want->data, want->len);
	g_free(buf);
}

static void run_file(gconstpointer path)
{
	g_autoptr(GPtrArray) all = parse(path);
	MailboxDevice d;

	mailbox_device_init(&d);
	for (guint i = 0; i < all->len; i++)
		run(&d, path, all->pdata[i]);
	mailbox_device_fini(&d);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_assert_cmpint(argc, >, 1);
	for (int i = 1; i < argc; i++) {
		g_autofree char *base = g_path_get_basename(argv[i]);
		g_autofree char *name = g_strconcat("/cxl/vectors/", base, NULL);

		g_test_add_data_func(name, argv[i], run_file);
	}
	return g_test_run();
}
