/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line, as QEMU has it: a table of options, each collected in the order written and
 * worked off by kind in QEMU's order of creation. Messages are "PROG: -option value: text".
 */
#ifndef CXB_TOOLS_CMDLINE_H
#define CXB_TOOLS_CMDLINE_H

#include <glib.h>
#include <stdbool.h>

typedef enum {
	OPT_ACCEL,
	OPT_CHARDEV,
	OPT_D,
	OPT_DEVICE,
	OPT_D_FILE,
	OPT_HELP,
	OPT_M,
	OPT_MACHINE,
	OPT_MON,
	OPT_MONITOR,
	OPT_NAME,
	OPT_OBJECT,
	OPT_QMP,
	OPT_QMP_PRETTY,
	OPT_QTEST,
	OPT_QTEST_LOG,
	OPT_RUN_WITH,
	OPT_TRACE,
	OPT_VERSION,
	OPT_HARMLESS, /* taken, without effect here */
	OPT_KINDS,
} OptKind;

typedef struct {
	const char *name; /* without dash */
	OptKind kind;
	const char *arg; /* what help calls the argument; NULL: none */
	const char *help;
} OptDef;

/* One option as written. */
typedef struct {
	OptKind kind;
	char *flag;  /* "-device", with the dashes used */
	char *value; /* NULL if it has no argument */
} Option;

const OptDef *cxb_cmdline_defs(void); /* ends with name NULL */
/** cxb_cmdline_parse() - Returns: GPtrArray of Option *, freed with it; NULL with @errp. */
GPtrArray *cxb_cmdline_parse(int argc, char **argv, GError **errp);
/** cxb_option_fail() - Put "FLAG VALUE: " in front of *errp, unless the message is of the kind that
 * QEMU prints with the program's name only. Returns false. */
bool cxb_option_fail(const Option *opt, GError **errp);

#endif
