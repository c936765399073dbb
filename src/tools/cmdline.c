/* SPDX-License-Identifier: Apache-2.0 */
#include "cmdline.h"

#include <string.h>

#include "base/error.h"
#include "base/message.h"

Option *cxb_option_new(const OptDef *def, const char *flag, const char *value)
{
	Option *opt = g_new0(Option, 1);

	opt->def = def;
	opt->flag = g_strdup(flag);
	opt->value = g_strdup(value);
	return opt;
}

void cxb_option_free(Option *opt)
{
	if (!opt)
		return;
	g_free(opt->flag);
	g_free(opt->value);
	g_free(opt->where);
	g_free(opt);
}

char *cxb_option_written(const Option *opt)
{
	return g_strdup_printf("%s%s%s", opt->flag, opt->value ? " " : "", opt->value ?: "");
}

void cxb_option_print_error(const Option *opt, const GError *err)
{
	g_autofree char *written = NULL;

	if (!opt) {
		cxb_message("%s", err->message);
	} else if (opt->where) {
		cxb_message_at(opt->where, "%s", err->message);
	} else {
		written = cxb_option_written(opt);
		cxb_message("%s: %s", written, err->message);
	}
}

void cxb_option_begin(const Option *opt)
{
	g_autofree char *written = opt->where ? NULL : cxb_option_written(opt);

	cxb_message_about(opt->where, written);
}

void cxb_option_end(void)
{
	cxb_message_about(NULL, NULL);
}

/* What changes the list itself while it is collected. */
static bool collect(GPtrArray *options, const Option *opt, GError **errp)
{
	switch (opt->def->kind) {
	case OPT_READCONFIG:
		return cxb_readconfig(options, opt->value, errp);
	case OPT_SET:
		return cxb_option_set(options, opt->value, errp);
	default:
		return true;
	}
}

/* The option that begins at argv[*i]; *i moves over its argument. */
static Option *take_option(int argc, char **argv, int *i, const OptDef *stray, GError **errp)
{
	const char *word = argv[*i];
	const OptDef *def;

	if (word[0] != '-' && stray) {
		g_autofree char *flag = g_strdup_printf("-%s", stray->name);

		return cxb_option_new(stray, flag, word);
	}
	if (word[0] != '-') {
		cxb_fail(errp, CXB_ERROR_INVALID,
			 "%s: not an option (disk images have no use here)", word);
		return NULL;
	}
	def = cxb_cmdline_find(word + (word[1] == '-' ? 2 : 1));
	if (!def) {
		cxb_fail(errp, CXB_ERROR_INVALID, "%s: invalid option", word);
		return NULL;
	}
	if (def->arg && *i + 1 == argc) {
		cxb_fail(errp, CXB_ERROR_INVALID, "%s: requires an argument", word);
		return NULL;
	}
	return cxb_option_new(def, word, def->arg ? argv[++*i] : NULL);
}

GPtrArray *cxb_cmdline_parse(int argc, char **argv, const OptDef *stray, Option **culprit,
			     GError **errp)
{
	g_autoptr(GPtrArray) options =
		g_ptr_array_new_with_free_func((GDestroyNotify)cxb_option_free);

	*culprit = NULL;
	for (int i = 1; i < argc; i++) {
		Option *opt = take_option(argc, argv, &i, stray, errp);

		if (!opt)
			return NULL;
		if (!collect(options, opt, errp)) {
			*culprit = opt;
			return NULL;
		}
		g_ptr_array_add(options, opt);
	}
	return g_steal_pointer(&options);
}
