/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line, as QEMU has it: a table of options, each collected in the order written and
 * worked off by kind in QEMU's order of creation. Messages are "PROG: -option value: text", or
 * "PROG:FILE:LINE: text" for what -readconfig has read.
 */
#ifndef CXB_TOOLS_CMDLINE_H
#define CXB_TOOLS_CMDLINE_H

#include <glib.h>
#include <stdbool.h>

typedef enum {
	OPT_ACCEL,
	OPT_ACTION,
	OPT_CHARDEV,
	OPT_D,
	OPT_DAEMONIZE,
	OPT_DEVICE,
	OPT_D_FILE,
	OPT_GLOBAL,
	OPT_HELP,
	OPT_M,
	OPT_MACHINE,
	OPT_MON,
	OPT_MONITOR,
	OPT_MSG,
	OPT_NAME,
	OPT_NO_REBOOT,
	OPT_NO_SHUTDOWN,
	OPT_OBJECT,
	OPT_PIDFILE,
	OPT_QMP,
	OPT_QMP_PRETTY,
	OPT_QTEST,
	OPT_QTEST_LOG,
	OPT_READCONFIG,
	OPT_RUN_WITH,
	OPT_SET,
	OPT_STOPPED,
	OPT_TRACE,
	OPT_UUID,
	OPT_VERSION,
	OPT_WATCHDOG_ACTION,
	/* Options of QEMU's about parts that are not in this machine */
	OPT_HARMLESS, /* taken: nothing that can be seen depends on it */
	OPT_NOTED,    /* taken with a note that says what is absent */
	OPT_REFUSED,  /* to ignore it would mislead; says what to do instead */
	OPT_KINDS,
} OptKind;

typedef struct {
	const char *name; /* without dash */
	OptKind kind;
	const char *arg;   /* what help calls the argument; NULL: none */
	const char *help;  /* NOTED: what is absent; REFUSED: why, and what to do instead */
	const char *quiet; /* NOTED, REFUSED: the value that asks for nothing, or NULL */
} OptDef;

/* One option as written. */
typedef struct {
	const OptDef *def;
	char *flag;  /* "-device", with the dashes used */
	char *value; /* NULL if it has no argument */
	char *where; /* "FILE:LINE" if it is from there */
} Option;

const OptDef *cxb_cmdline_defs(void); /* ends with name NULL */
/** cxb_cmdline_find() - The row of "-NAME"; NULL: there is no such option. */
const OptDef *cxb_cmdline_find(const char *name);

/**
 * cxb_cmdline_parse() - Collect options; what -readconfig and -set say is worked in.
 * @stray: the option that a word without dash is the value of; NULL: there may be none
 * @culprit: what an error is about, for cxb_option_print_error(); NULL if it says so itself
 *
 * Returns: GPtrArray of Option *, freed with it; NULL with @errp.
 */
GPtrArray *cxb_cmdline_parse(int argc, char **argv, const OptDef *stray, Option **culprit,
			     GError **errp);
Option *cxb_option_new(const OptDef *def, const char *flag, const char *value);
void cxb_option_free(Option *opt); /* NULL is fine */
/** cxb_option_written() - "-device x,y=z", or "-S". Caller frees. */
char *cxb_option_written(const Option *opt);
/** cxb_option_print_error() - On stderr, with where the option was written; NULL: nowhere. */
void cxb_option_print_error(const Option *opt, const GError *err);
/** cxb_option_begin() - Warnings from now on name where the option was written. */
void cxb_option_begin(const Option *opt);
void cxb_option_end(void);

/** cxb_readconfig() - Add the sections of @file to @options, each as if written as an option. */
bool cxb_readconfig(GPtrArray *options, const char *file, GError **errp);
/** cxb_option_set() - "-set GROUP.ID.KEY=VALUE": one more key for an option given before. */
bool cxb_option_set(GPtrArray *options, const char *text, GError **errp);

/* --- groups.c --- */

/* A key of an option's value; its type is "string", "boolean", "number" or "size". */
typedef struct {
	const char *name;
	const char *type;
} OptParam;

typedef struct {
	const char *name;
	const char *option;
	const OptParam *params; /* ends with name NULL; NULL: none, or not known beforehand */
} OptGroup;

const OptGroup *cxb_option_groups(void); /* ends with name NULL */
/** cxb_option_group() - The option that a group of -readconfig and -set stands for, or NULL. */
const OptDef *cxb_option_group(const char *name);

#endif
