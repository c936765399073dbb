/* SPDX-License-Identifier: Apache-2.0 */
/* The human monitor: finding a command, and the short ones. */
#include "hmp.h"

#include <string.h>

typedef struct {
	const char *name, *args, *help;
	void (*run)(CxbQmp *qmp, const char *arg, GString *out);
} HmpCmd;

static void help(CxbQmp *qmp, const char *arg, GString *out);
static void info(CxbQmp *qmp, const char *arg, GString *out);

static void info_name(CxbQmp *qmp, const char *arg, GString *out)
{
	if (qmp->name)
		g_string_append_printf(out, "%s\n", qmp->name);
}

static void info_status(CxbQmp *qmp, const char *arg, GString *out)
{
	const char *state = qmp_run_state(qmp);

	if (cxb_machine_running(qmp->machine) || cxb_machine_state(qmp->machine) == CXB_RUN_PAUSED)
		g_string_append_printf(out, "VM status: %s\n", state);
	else
		g_string_append_printf(out, "VM status: paused (%s)\n", state);
}

static void info_version(CxbQmp *qmp, const char *arg, GString *out)
{
	g_string_append_printf(out, "%d.%d.%d (%s)\n", QMP_MAJOR, QMP_MINOR, QMP_MICRO,
			       QMP_PACKAGE);
}

static const HmpCmd commands[] = {
	{ "help", "", "show the help", help },
	{ "info", "[subcommand]", "show various information about the system state", info },
	{ NULL },
};

static const HmpCmd info_commands[] = {
	{ "mtree", "[-f]", "show memory tree", hmp_info_mtree },
	{ "name", "", "show the current VM name", info_name },
	{ "pci", "", "show PCI info", hmp_info_pci },
	{ "qom-tree", "[path]", "show QOM composition tree", hmp_info_qom_tree },
	{ "qtree", "", "show device tree", hmp_info_qtree },
	{ "status", "", "show the current VM status (running|paused)", info_status },
	{ "version", "", "show the version of QEMU", info_version },
	{ NULL },
};

static void print_help(const HmpCmd *rows, const char *prefix, GString *out)
{
	for (; rows->name; rows++)
		g_string_append_printf(out, "%s%s %s -- %s\n", prefix, rows->name, rows->args,
				       rows->help);
}

static void help(CxbQmp *qmp, const char *arg, GString *out)
{
	print_help(commands, "", out);
}

/* Cut the first word off @line; what follows is without blanks around. */
static char *take_word(const char *line, const char **rest)
{
	const size_t len = strcspn(line, " \t");

	*rest = line + len + strspn(line + len, " \t");
	return g_strndup(line, len);
}

/* Run what @line names of @rows; false if it names nothing. */
static bool dispatch(const HmpCmd *rows, CxbQmp *qmp, const char *line, GString *out)
{
	const char *rest;
	g_autofree char *word = take_word(line, &rest);

	for (; rows->name; rows++) {
		if (strcmp(rows->name, word) != 0)
			continue;
		rows->run(qmp, rest, out);
		return true;
	}
	return false;
}

static void info(CxbQmp *qmp, const char *arg, GString *out)
{
	const char *rest;
	g_autofree char *word = take_word(arg, &rest);

	if (!*word)
		print_help(info_commands, "info ", out);
	else if (!dispatch(info_commands, qmp, arg, out))
		g_string_append_printf(out, "unknown command: 'info %s'\n", word);
}

char *hmp_run(CxbQmp *qmp, const char *line)
{
	g_autofree char *stripped = g_strstrip(g_strdup(line));
	GString *out = g_string_new(NULL);

	if (*stripped && !dispatch(commands, qmp, stripped, out)) {
		const char *rest;
		g_autofree char *word = take_word(stripped, &rest);

		g_string_append_printf(out, "unknown command: '%s'\n", word);
	}
	g_string_replace(out, "\n", "\r\n", 0);
	return g_string_free(out, FALSE);
}

/* --- human-monitor-command --- */

struct hmp_args {
	char *line;
	int64_t cpu_index; /* no CPU is here: any will do */
};

static const CxbArg hmp_rows[] = {
	{ "command-line", CXB_ARG_STR, offsetof(struct hmp_args, line), .has_offset = -1 },
	{ "cpu-index", CXB_ARG_I64, offsetof(struct hmp_args, cpu_index), .optional = true,
	  .has_offset = -1 },
	{ NULL },
};

static json_object *human_monitor_command(void *opaque, void *args, GError **errp)
{
	const struct hmp_args *a = args;
	g_autofree char *text = hmp_run(opaque, a->line);

	return json_object_new_string(text);
}

static const CxbRet text_ret = { NULL, CXB_RET_STR };

static const CxbQmpCmd rows[] = {
	{ "human-monitor-command", hmp_rows, sizeof(struct hmp_args), 0,
	  "what a command of the human monitor prints", human_monitor_command, &text_ret },
	{ NULL },
};

void qmp_add_hmp_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
