/* SPDX-License-Identifier: Apache-2.0 */
/* The human monitor: commands by name, their arguments taken off the line, help. */
#include "hmp.h"

#include <string.h>

#include "base/error.h"

#define MAX_ARGS 4

/*
 * What stands behind a command: "-fo" flags that may come first (args[0] has those given), "s" a
 * word or "quoted string", "?" the same if it is there, "S" the rest of the line, "R" the same if it
 * is not empty.
 */
typedef struct {
	const char *name; /* "stop|s": any of them */
	const char *args, *help;
	const char *spec;
	void (*run)(CxbQmp *qmp, char **args, GString *out);
} HmpCmd;

static void help(CxbQmp *qmp, char **args, GString *out);
static void info(CxbQmp *qmp, char **args, GString *out);

static const HmpCmd commands[] = {
	{ "cont|c", "", "resume emulation", "", hmp_cont },
	{ "device_add", "driver[,prop=value][,...]", "add device, like -device on the command line",
	  "S", hmp_device_add },
	{ "device_del", "device", "remove device", "s", hmp_device_del },
	{ "help|?", "[cmd]", "show the help", "S", help },
	{ "info", "[subcommand]", "show various information about the system state", "S", info },
	{ "object_add", "[qom-type=]type,id=str[,prop=value][,...]", "create QOM object", "R",
	  hmp_object_add },
	{ "object_del", "id", "destroy QOM object", "s", hmp_object_del },
	{ "qom-get", "path property", "print QOM property", "ss", hmp_qom_get },
	{ "qom-list", "path", "list QOM properties", "?", hmp_qom_list },
	{ "qom-set", "path property value", "set QOM property", "sss", hmp_qom_set },
	{ "quit|q", "", "quit the emulator", "", hmp_quit },
	{ "stop|s", "", "stop emulation", "", hmp_stop },
	{ "system_powerdown", "", "send system power down event", "", hmp_system_powerdown },
	{ "system_reset", "", "reset the system", "", hmp_system_reset },
	{ "system_wakeup", "", "wakeup guest from suspend", "", hmp_system_wakeup },
	{ NULL },
};

static const HmpCmd info_commands[] = {
	{ "block", "", "show the block devices", "", hmp_info_nothing },
	{ "chardev", "", "show the character devices", "", hmp_info_chardev },
	{ "iothreads", "", "show iothreads", "", hmp_info_nothing },
	{ "kvm", "", "show KVM information", "", hmp_info_kvm },
	{ "memdev", "", "show memory backends", "", hmp_info_memdev },
	/* cxl-type3 is none in QEMU's sense, and no other can be plugged */
	{ "memory-devices", "", "show memory devices", "", hmp_info_nothing },
	{ "memory_size_summary", "", "show the amount of memory in bytes", "",
	  hmp_info_memory_size },
	{ "migrate", "", "show migration status", "", hmp_info_nothing },
	{ "mtree", "[-f]", "show memory tree (-f: dump flat view for address spaces)", "-f",
	  hmp_info_mtree },
	{ "name", "", "show the current VM name", "", hmp_info_name },
	{ "network", "", "show the network state", "", hmp_info_nothing },
	{ "pci", "", "show PCI info", "", hmp_info_pci },
	{ "qom-tree", "[path]", "show QOM composition tree", "?", hmp_info_qom_tree },
	{ "qtree", "", "show device tree", "", hmp_info_qtree },
	{ "status", "", "show the current VM status (running|paused)", "", hmp_info_status },
	{ "tpm", "", "show the TPM device", "", hmp_info_nothing },
	{ "uuid", "", "show the current VM UUID", "", hmp_info_uuid },
	{ "version", "", "show the version of QEMU", "", hmp_info_version },
	{ "vnc", "", "show the vnc server status", "", hmp_info_vnc },
	{ NULL },
};

/* --- words --- */

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* Cut the first word off @line; what follows is without blanks in front. */
static char *take_word(const char *line, const char **rest)
{
	const size_t len = strcspn(line, " \t");

	*rest = skip_blanks(line + len);
	return g_strndup(line, len);
}

/* What a backslash and @c stand for; 0: nothing. */
static char escaped(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case '\\':
	case '\'':
	case '"':
		return c;
	}
	return '\0';
}

/* A word, or a string in quotes; NULL if that does not end or has an escape that is none. */
static char *take_string(const char *line, const char **rest)
{
	g_autoptr(GString) out = NULL;

	if (*line != '"')
		return take_word(line, rest);
	out = g_string_new(NULL);
	for (line++; *line != '"'; line++) {
		const char c = *line == '\\' ? escaped(*++line) : *line;

		if (!c)
			return NULL;
		g_string_append_c(out, c);
	}
	*rest = skip_blanks(line + 1);
	return g_string_free(g_steal_pointer(&out), FALSE);
}

/* --- looking up and running --- */

static const HmpCmd *find(const HmpCmd *rows, const char *name)
{
	for (; rows->name; rows++) {
		g_auto(GStrv) names = g_strsplit(rows->name, "|", -1);

		if (g_strv_contains((const char *const *)names, name))
			return rows;
	}
	return NULL;
}

/* @prefix is "info " for those below it. */
static void complain(const HmpCmd *cmd, const char *prefix, const char *what, GString *out)
{
	const size_t len = strcspn(cmd->name, "|");

	g_string_append_printf(out, "%s: %s\nTry \"help %s%.*s\" for more information\n", cmd->name,
			       what, prefix, (int)len, cmd->name);
}

/* "-f -o" or "-fo"; each letter must be in @known. */
static bool take_flags(const HmpCmd *cmd, const char *prefix, const char *known, const char **line,
		       char **flags, GString *out)
{
	g_autoptr(GString) given = g_string_new(NULL);

	while (**line == '-' && (*line)[1] && !strchr(" \t", (*line)[1])) {
		for (++*line; **line && !strchr(" \t", **line); ++*line) {
			if (!strchr(known, **line)) {
				g_autofree char *what =
					g_strdup_printf("unsupported option -%c", **line);

				complain(cmd, prefix, what, out);
				return false;
			}
			g_string_append_c(given, **line);
		}
		*line = skip_blanks(*line);
	}
	*flags = g_strdup(given->str);
	return true;
}

/* What @cmd wants, off @line; false after a complaint. */
static bool take_args(const HmpCmd *cmd, const char *prefix, const char *line, char **args,
		      GString *out)
{
	const char *spec = cmd->spec;

	if (*spec == '-')
		return take_flags(cmd, prefix, spec + 1, &line, args, out) &&
		       (!*line ||
			(complain(cmd, prefix, "extraneous characters at the end of line", out),
			 false));
	for (; *spec; spec++) {
		const bool rest = strchr("RS", *spec) != NULL;

		if (*line || *spec == 'S')
			*args = rest ? g_strdup(line) : take_string(line, &line);
		if (!*args && (*line || *spec != '?')) {
			complain(cmd, prefix, "string expected", out);
			return false;
		}
		if (rest)
			return true;
		if (*args)
			args++;
	}
	if (*line)
		complain(cmd, prefix, "extraneous characters at the end of line", out);
	return !*line;
}

static void run(const HmpCmd *cmd, const char *prefix, CxbQmp *qmp, const char *line, GString *out)
{
	char *args[MAX_ARGS + 1] = { NULL };

	if (take_args(cmd, prefix, line, args, out))
		cmd->run(qmp, args, out);
	for (unsigned i = 0; i < MAX_ARGS; i++)
		g_free(args[i]);
}

static void print_help(const HmpCmd *cmd, const char *prefix, GString *out)
{
	g_string_append_printf(out, "%s%s %s -- %s\n", prefix, cmd->name, cmd->args, cmd->help);
}

static void print_all(const HmpCmd *rows, const char *prefix, GString *out)
{
	for (; rows->name; rows++)
		print_help(rows, prefix, out);
}

static void unknown(const char *prefix, const char *word, GString *out)
{
	g_string_append_printf(out, "unknown command: '%s%s'\n", prefix, word);
}

/* "help", "help stop", "help info", "help info pci". */
static void help(CxbQmp *qmp, char **args, GString *out)
{
	const char *rest;
	g_autofree char *word = take_word(args[0], &rest);
	const bool below = strcmp(word, "info") == 0;
	const HmpCmd *cmd;

	if (below) {
		g_free(word);
		word = take_word(rest, &rest);
	}
	if (!*word) {
		print_all(below ? info_commands : commands, below ? "info " : "", out);
		return;
	}
	cmd = find(below ? info_commands : commands, word);
	if (cmd)
		print_help(cmd, below ? "info " : "", out);
	else
		unknown(below ? "info " : "", word, out);
}

static void info(CxbQmp *qmp, char **args, GString *out)
{
	const char *rest;
	g_autofree char *word = take_word(args[0], &rest);
	const HmpCmd *cmd = find(info_commands, word);

	if (!*word)
		print_all(info_commands, "info ", out);
	else if (cmd)
		run(cmd, "info ", qmp, rest, out);
	else
		unknown("info ", word, out);
}

char *hmp_run(CxbQmp *qmp, const char *line)
{
	g_autofree char *stripped = g_strstrip(g_strdup(line));
	const char *rest;
	g_autofree char *word = take_word(stripped, &rest);
	const HmpCmd *cmd = find(commands, word);
	GString *out = g_string_new(NULL);

	if (cmd)
		run(cmd, "", qmp, rest, out);
	else if (*word)
		unknown("", word, out);
	g_string_replace(out, "\n", "\r\n", 0);
	return g_string_free(out, FALSE);
}

/* --- human-monitor-command --- */

struct hmp_args {
	char *line;
	int64_t cpu_index; /* 0 will do, though no CPU is here */
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
	g_autofree char *text = NULL;

	if (a->cpu_index != 0) {
		cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'cpu-index' expects a CPU number");
		return NULL;
	}
	text = hmp_run(opaque, a->line);
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
