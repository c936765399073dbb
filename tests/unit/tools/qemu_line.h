/* SPDX-License-Identifier: Apache-2.0 */
/* A QEMU command line as one string, for tests. */
#ifndef CXB_TESTS_QEMU_LINE_H
#define CXB_TESTS_QEMU_LINE_H

#include "qemu_split.h"

/* Words are separated by blanks; @options holds what @split borrows. */
static inline QemuSplit *split_line(const char *text, GPtrArray **options, GError **errp)
{
	g_autofree char *whole = g_strdup_printf("prog %s", text);
	g_auto(GStrv) argv = g_strsplit(whole, " ", -1);
	const Option *culprit;
	Option *bad = NULL;

	*options =
		cxb_cmdline_parse(g_strv_length(argv), argv, cxb_cmdline_find("hda"), &bad, errp);
	cxb_option_free(bad);
	return *options ? qemu_split_new(*options, "/d", &culprit, errp) : NULL;
}

#endif
