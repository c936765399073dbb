/* SPDX-License-Identifier: Apache-2.0 */
#include "qom/scalar.h"

#include <string.h>

#include "base/error.h"
#include "base/trace.h"

static bool owns_string(const CxbScalar *v)
{
	return v->kind == CXB_SCALAR_TEXT || v->kind == CXB_SCALAR_STR;
}

void cxb_scalar_clear(CxbScalar *v)
{
	if (owns_string(v))
		g_free(v->s);
	*v = (CxbScalar){ 0 };
}

void cxb_scalar_copy(CxbScalar *dst, const CxbScalar *src)
{
	*dst = *src;
	if (owns_string(src))
		dst->s = g_strdup(src->s);
}

static void opt_free(gpointer p)
{
	CxbOpt *opt = p;

	g_free(opt->key);
	cxb_scalar_clear(&opt->value);
	g_free(opt);
}

CxbOpts *cxb_opts_new(void)
{
	CxbOpts *opts = g_new0(CxbOpts, 1);

	opts->opts = g_ptr_array_new_with_free_func(opt_free);
	return opts;
}

void cxb_opts_free(CxbOpts *opts)
{
	if (!opts)
		return;
	g_ptr_array_unref(opts->opts);
	g_free(opts);
}

void cxb_opts_add(CxbOpts *opts, const char *key, CxbScalar value)
{
	CxbOpt *opt = g_new0(CxbOpt, 1);

	opt->key = g_strdup(key);
	opt->value = value;
	g_ptr_array_add(opts->opts, opt);
}

void cxb_opts_add_text(CxbOpts *opts, const char *key, const char *text)
{
	cxb_opts_add(opts, key, (CxbScalar){ .kind = CXB_SCALAR_TEXT, .s = g_strdup(text) });
}

/* Take the value at *@p, up to a comma that is not doubled or the end; *@p ends behind both. */
static char *take_value(const char **p)
{
	GString *value = g_string_new(NULL);
	const char *s = *p;

	for (; *s; s++) {
		if (*s == ',' && *++s != ',')
			break;
		g_string_append_c(value, *s);
	}
	*p = s;
	return g_string_free(value, FALSE);
}

static bool is_help(const char *word, size_t n)
{
	return (n == 4 && memcmp(word, "help", 4) == 0) || (n == 1 && *word == '?');
}

/* A word without "=": "help", "key" or "nokey". */
static bool add_bare_word(CxbOpts *opts, const char *word, bool short_bools, GError **errp)
{
	bool off = g_str_has_prefix(word, "no");
	const char *key = off ? word + 2 : word;

	if (is_help(word, strlen(word))) {
		cxb_opts_add_text(opts, "help", "on");
		return true;
	}
	if (!*key)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Invalid parameter '%s'", word);
	if (!short_bools)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Expected '=' after parameter '%s'", word);
	cxb_warn("short-form boolean option '%s' deprecated", word);
	g_printerr("Please use %s=%s instead\n", key, off ? "off" : "on");
	cxb_opts_add_text(opts, key, off ? "off" : "on");
	return true;
}

CxbOpts *cxb_opts_parse(const char *text, const char *implied, bool short_bools, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_new();

	for (const char *p = text; *p; implied = NULL) {
		size_t n = strcspn(p, "=,");
		g_autofree char *key = NULL;
		g_autofree char *value = NULL;

		if (p[n] == '=') {
			key = g_strndup(p, n);
			p += n + 1;
			value = take_value(&p);
			if (n == 0) {
				cxb_fail(errp, CXB_ERROR_INVALID, "Invalid parameter ''");
				return NULL;
			}
			cxb_opts_add_text(opts, key, value);
		} else if (implied && n && !is_help(p, n)) {
			value = take_value(&p);
			cxb_opts_add_text(opts, implied, value);
		} else {
			key = g_strndup(p, n);
			p += p[n] ? n + 1 : n;
			if (!add_bare_word(opts, key, short_bools, errp))
				return NULL;
		}
	}
	return g_steal_pointer(&opts);
}

const CxbScalar *cxb_opts_find(CxbOpts *opts, const char *key)
{
	const CxbScalar *found = NULL;

	for (guint i = 0; i < opts->opts->len; i++) {
		CxbOpt *opt = opts->opts->pdata[i];

		if (strcmp(opt->key, key) == 0) {
			opt->used = true;
			found = &opt->value;
		}
	}
	return found;
}

bool cxb_opts_get_str(CxbOpts *opts, const char *key, const char **out, GError **errp)
{
	const CxbScalar *v = cxb_opts_find(opts, key);

	*out = NULL;
	if (!v)
		return true;
	if (!owns_string(v))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Invalid parameter type for '%s', expected: string", key);
	*out = v->s;
	return true;
}

bool cxb_opts_has(const CxbOpts *opts, const char *key)
{
	const size_t n = strlen(key);

	for (guint i = 0; i < opts->opts->len; i++) {
		const CxbOpt *opt = opts->opts->pdata[i];

		if (strncmp(opt->key, key, n) == 0 && (opt->key[n] == '\0' || opt->key[n] == '.'))
			return true;
	}
	return false;
}

const char *cxb_opts_unused(const CxbOpts *opts)
{
	for (guint i = 0; i < opts->opts->len; i++) {
		const CxbOpt *opt = opts->opts->pdata[i];

		if (!opt->used)
			return opt->key;
	}
	return NULL;
}
