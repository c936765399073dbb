/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"

#include <stdio.h>

#include "cmdline.h"

void cxb_print_version(void)
{
	/* Scripts look for "version N.M" of the QEMU whose interfaces these are. */
	printf("QEMU emulator version 11.1.3 (cxlbox %s)\n"
	       "Copyright (c) the cxlbox contributors\n",
	       CXB_VERSION);
}

static void print_kind(OptKind kind, const char *what)
{
	printf("\n%s:", what);
	for (const OptDef *def = cxb_cmdline_defs(); def->name; def++)
		if (def->kind == kind)
			printf(" -%s", def->name);
	printf("\n");
}

void cxb_print_help(const char *prog)
{
	printf("usage: %s [options]\n\n"
	       "A CXL memory machine, driven the way QEMU is.\n\n",
	       prog);
	for (const OptDef *def = cxb_cmdline_defs(); def->name; def++) {
		if (def->kind >= OPT_HARMLESS)
			continue;
		printf("-%s%s%s\n                %s\n", def->name, def->arg ? " " : "",
		       def->arg ? def->arg : "", def->help);
	}
	print_kind(OPT_HARMLESS, "Accepted for scripts made for QEMU, without effect");
	print_kind(OPT_NOTED, "Accepted with a warning that names what is not there");
	print_kind(OPT_REFUSED, "Refused, with what to do instead");
}
