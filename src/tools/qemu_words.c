/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu_words.h"

#include <inttypes.h>
#include <string.h>

void qemu_words_add(GPtrArray *words, const char *flag, const char *value)
{
	g_ptr_array_add(words, g_strdup(flag));
	if (value)
		g_ptr_array_add(words, g_strdup(value));
}

void qemu_words_add_fmt(GPtrArray *words, const char *flag, const char *fmt, ...)
{
	g_autofree char *value = NULL;
	va_list args;

	va_start(args, fmt);
	value = g_strdup_vprintf(fmt, args);
	va_end(args);
	qemu_words_add(words, flag, value);
}

/* No shell makes anything else of it. */
static bool is_plain(const char *word)
{
	for (const char *p = word; *p; p++)
		if (!g_ascii_isalnum(*p) && !strchr("-_=+,./:@%", *p))
			return false;
	return *word;
}

char *qemu_words_shell(const GPtrArray *words)
{
	GString *line = g_string_new(NULL);

	for (guint i = 0; i < words->len; i++) {
		const char *word = words->pdata[i];
		g_autofree char *quoted = is_plain(word) ? g_strdup(word) : g_shell_quote(word);

		if (i)
			g_string_append_c(line, ' ');
		g_string_append(line, quoted);
	}
	return g_string_free(line, FALSE);
}

char *qemu_words_quote(const char *value)
{
	g_auto(GStrv) parts = g_strsplit(value, ",", -1);

	return g_strjoinv(",,", parts);
}

static char *scalar_text(const CxbScalar *v)
{
	switch (v->kind) {
	case CXB_SCALAR_TEXT:
	case CXB_SCALAR_STR:
		return qemu_words_quote(v->s);
	case CXB_SCALAR_BOOL:
		return g_strdup(v->b ? "on" : "off");
	case CXB_SCALAR_INT:
		return g_strdup_printf("%" PRId64, v->i);
	case CXB_SCALAR_UINT:
		return g_strdup_printf("%" PRIu64, v->u);
	case CXB_SCALAR_DOUBLE:
		return g_strdup_printf("%.17g", v->d);
	case CXB_SCALAR_NULL:
	case CXB_SCALAR_EMPTY_LIST:
	case CXB_SCALAR_EMPTY_DICT:
		break;
	}
	return g_strdup("");
}

char *qemu_words_opts(const CxbOpts *opts, const char *implied)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < opts->opts->len; i++) {
		const CxbOpt *opt = opts->opts->pdata[i];
		g_autofree char *value = NULL;

		if (opt->used)
			continue;
		value = scalar_text(&opt->value);
		if (text->len)
			g_string_append_c(text, ',');
		/* A value with "=" in it would be taken for a key of that name. */
		if (text->len || g_strcmp0(opt->key, implied) != 0 || strchr(value, '='))
			g_string_append_printf(text, "%s=", opt->key);
		g_string_append(text, value);
	}
	return g_string_free(text, FALSE);
}

CxbOpts *qemu_words_copy(const CxbOpts *opts, bool (*wanted)(const char *key))
{
	CxbOpts *copy = cxb_opts_new();

	for (guint i = 0; i < opts->opts->len; i++) {
		const CxbOpt *opt = opts->opts->pdata[i];
		CxbScalar value = { 0 };

		if (wanted && !wanted(opt->key))
			continue;
		cxb_scalar_copy(&value, &opt->value);
		cxb_opts_add(copy, opt->key, value);
	}
	return copy;
}

char *qemu_words_size(uint64_t bytes)
{
	static const char units[] = "bKMGT";
	unsigned unit = 0;

	while (bytes && bytes % 1024 == 0 && units[unit + 1]) {
		bytes /= 1024;
		unit++;
	}
	return g_strdup_printf("%" PRIu64 "%c", bytes, units[unit]);
}
