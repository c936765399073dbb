/* SPDX-License-Identifier: Apache-2.0 */
/* -readconfig and -set: options written elsewhere, as pieces. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cmdline.h"
#include "qom/scalar.h"

#define MAX_FILE (1u << 20)

/* A line taken apart; names are owned. */
typedef struct {
	char *name; /* of a group, or a key */
	char *text; /* id of a group (NULL: none), or value */
} Pair;

static void pair_clear(Pair *pair)
{
	g_free(pair->name);
	g_free(pair->text);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pair, pair_clear)

/* "TEXT" up to the closing quote; what follows may be blanks or a comment. */
static bool take_quoted(const char *p, char **out, const char **end)
{
	const char *close = *p == '"' ? strchr(p + 1, '"') : NULL;

	if (!close)
		return false;
	*out = g_strndup(p + 1, close - p - 1);
	*end = close + 1;
	return true;
}

static bool at_end(const char *p)
{
	p += strspn(p, " \t");
	return !*p || *p == '#';
}

/* [group] or [group "id"] */
static bool parse_group(const char *p, Pair *out)
{
	const size_t len = strcspn(++p, " \t\"]");

	out->name = g_strndup(p, len);
	p += len;
	p += strspn(p, " \t");
	if (*p == '"' && !take_quoted(p, &out->text, &p))
		return false;
	p += strspn(p, " \t");
	return len && *p == ']' && (!out->text || *out->text) && at_end(p + 1);
}

/* key = "value" */
static bool parse_key(const char *p, Pair *out)
{
	const size_t len = strcspn(p, " \t=");

	out->name = g_strndup(p, len);
	p += len;
	p += strspn(p, " \t");
	if (!len || *p++ != '=')
		return false;
	p += strspn(p, " \t");
	return take_quoted(p, &out->text, &p) && at_end(p);
}

/* One more pair for the value of an option; commas inside are doubled. */
static void add_pair(Option *opt, const char *key, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, ",", -1);
	g_autofree char *escaped = g_strjoinv(",,", parts);
	char *value =
		g_strdup_printf("%s%s%s=%s", opt->value, *opt->value ? "," : "", key, escaped);

	g_free(opt->value);
	opt->value = value;
}

static const char *option_id(CxbOpts *opts)
{
	const char *id;

	return opts && cxb_opts_get_str(opts, "id", &id, NULL) ? id : NULL;
}

/* The option of @def that has @id; NULL: none. Those in JSON are not looked at. */
static Option *find_option(GPtrArray *options, const OptDef *def, const char *id)
{
	for (guint i = 0; i < options->len; i++) {
		Option *opt = options->pdata[i];
		g_autoptr(CxbOpts) opts = NULL;

		if (opt->def != def || *opt->value == '{')
			continue;
		opts = cxb_opts_parse(opt->value, "", false, NULL);
		if (g_strcmp0(option_id(opts), id) == 0)
			return opt;
	}
	return NULL;
}

static Option *begin_group(GPtrArray *options, const Pair *group, GError **errp)
{
	const OptDef *def = cxb_option_group(group->name);
	g_autofree char *flag = NULL;
	Option *opt;

	if (!def) {
		cxb_fail(errp, CXB_ERROR_INVALID, "There is no option group '%s'", group->name);
		return NULL;
	}
	if (group->text && find_option(options, def, group->text)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "Duplicate ID '%s' for %s", group->text,
			 group->name);
		return NULL;
	}
	flag = g_strdup_printf("-%s", def->name);
	opt = cxb_option_new(def, flag, "");
	if (group->text)
		add_pair(opt, "id", group->text);
	g_ptr_array_add(options, opt);
	return opt;
}

/* Work in one line; @opt is the option of the group it is in, *@opt moves with groups. */
static bool take_line(GPtrArray *options, char *line, const char *where, Option **opt,
		      GError **errp)
{
	g_auto(Pair) pair = { 0 };
	const bool is_group = *g_strstrip(line) == '[';

	if (at_end(line))
		return true;
	if (!(is_group ? parse_group(line, &pair) : parse_key(line, &pair)))
		return cxb_fail(errp, CXB_ERROR_INVALID, "parse error at %s: '%s'", where, line);
	if (is_group) {
		*opt = begin_group(options, &pair, errp);
		if (!*opt)
			return false;
	} else if (*opt) {
		add_pair(*opt, pair.name, pair.text);
	} else {
		return cxb_fail(errp, CXB_ERROR_INVALID, "no group defined");
	}
	/* Errors are told with the last line of what they are about. */
	g_free((*opt)->where);
	(*opt)->where = g_strdup(where);
	return true;
}

static bool read_text(FILE *f, const char *file, char *text, GError **errp)
{
	const size_t n = fread(text, 1, MAX_FILE + 1, f);

	if (ferror(f))
		return cxb_fail_errno(errp, errno, "Cannot read config file");
	if (n > MAX_FILE)
		return cxb_fail(errp, CXB_ERROR_INVALID, "'%s' is longer than 1 MiB", file);
	if (memchr(text, 0, n))
		return cxb_fail(errp, CXB_ERROR_INVALID, "'%s' is not text: it has zero bytes",
				file);
	text[n] = '\0';
	return true;
}

static char *read_file(const char *file, GError **errp)
{
	g_autofree char *text = g_malloc(MAX_FILE + 1);
	FILE *f = fopen(file, "re");
	bool ok;

	if (!f) {
		cxb_fail_errno(errp, errno, "Could not open '%s'", file);
		return NULL;
	}
	ok = read_text(f, file, text, errp);
	fclose(f);
	return ok ? g_steal_pointer(&text) : NULL;
}

bool cxb_readconfig(GPtrArray *options, const char *file, GError **errp)
{
	g_autofree char *text = read_file(file, errp);
	g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;
	Option *opt = NULL;

	if (!text)
		return false;
	for (unsigned i = 0; lines[i]; i++) {
		g_autofree char *where = g_strdup_printf("%s:%u", file, i + 1);

		if (!take_line(options, lines[i], where, &opt, errp))
			return false;
	}
	return true;
}

bool cxb_option_set(GPtrArray *options, const char *text, GError **errp)
{
	/* group.id.key=value; only the value may have anything in it */
	g_auto(GStrv) parts = g_strsplit(text, ".", 3);
	char *eq = g_strv_length(parts) == 3 ? strchr(parts[2], '=') : NULL;
	const OptDef *def;
	Option *opt;

	if (!eq || eq == parts[2] || !*parts[0] || !*parts[1])
		return cxb_fail(errp, CXB_ERROR_INVALID, "can't parse: \"%s\"", text);
	*eq = '\0';
	def = cxb_option_group(parts[0]);
	if (!def)
		return cxb_fail(errp, CXB_ERROR_INVALID, "There is no option group '%s'", parts[0]);
	opt = find_option(options, def, parts[1]);
	if (!opt)
		return cxb_fail(errp, CXB_ERROR_INVALID, "there is no %s \"%s\" defined", parts[0],
				parts[1]);
	add_pair(opt, parts[2], eq + 1);
	return true;
}
