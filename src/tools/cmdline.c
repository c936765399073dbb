/* SPDX-License-Identifier: Apache-2.0 */
#include "cmdline.h"

#include <string.h>

#include "base/error.h"

/* clang-format off */
static const OptDef defs[] = {
	{ "accel", OPT_ACCEL, "[accel=]host|qtest[,accept=P][,release=P]",
	  "who plays the host; P: all, reject, ignore, ask" },
	{ "chardev", OPT_CHARDEV, "socket|stdio|pty|file|null,id=ID[,...]",
	  "a character device for others to name ('-chardev help')" },
	{ "d", OPT_D, "item1,...", "log items: guest_errors, unimp ('-d help')" },
	{ "D", OPT_D_FILE, "file", "log to file instead of stderr" },
	{ "device", OPT_DEVICE, "driver[,prop=value]...", "add a device ('-device help')" },
	{ "h", OPT_HELP, NULL, "print this help" },
	{ "help", OPT_HELP, NULL, "print this help" },
	{ "m", OPT_M, "[size=]N[,slots=N][,maxmem=N]", "guest RAM; plain numbers are MiB" },
	{ "M", OPT_MACHINE, "[type=]q35[,prop=value]...", "machine ('-M help', '-M q35,help')" },
	{ "machine", OPT_MACHINE, "[type=]q35[,prop=value]...", "the same" },
	{ "mon", OPT_MON, "[chardev=]ID,mode=control[,pretty=on]", "speak QMP on a chardev" },
	{ "monitor", OPT_MONITOR, "none", "there is no human monitor" },
	{ "name", OPT_NAME, "[guest=]name", "name of the machine" },
	{ "object", OPT_OBJECT, "type,id=ID[,prop=value]...", "add an object ('-object help')" },
	{ "qmp", OPT_QMP, "unix:PATH[,server=on][,wait=off]|tcp:HOST:PORT|stdio|...",
	  "speak QMP there" },
	{ "qmp-pretty", OPT_QMP_PRETTY, "as -qmp", "the same, indented" },
	{ "qtest", OPT_QTEST, "as -qmp", "speak qtest there" },
	{ "qtest-log", OPT_QTEST_LOG, "FILE|none", "where qtest logs to" },
	{ "run-with", OPT_RUN_WITH, "exit-with-parent=on", "end when the parent process does" },
	{ "trace", OPT_TRACE, "[enable=]PATTERN", "switch trace events on ('-trace help')" },
	{ "version", OPT_VERSION, NULL, "print the version" },
	/* What scripts for QEMU carry and what changes nothing that can be seen of this machine. */
	{ "audio", OPT_HARMLESS, "...", NULL },
	{ "display", OPT_HARMLESS, "...", NULL },
	{ "no-reboot", OPT_HARMLESS, NULL, NULL },
	{ "no-shutdown", OPT_HARMLESS, NULL, NULL },
	{ "no-user-config", OPT_HARMLESS, NULL, NULL },
	{ "nodefaults", OPT_HARMLESS, NULL, NULL },
	{ "nographic", OPT_HARMLESS, NULL, NULL },
	{ "vga", OPT_HARMLESS, "...", NULL },
	{ NULL },
};
/* clang-format on */

const OptDef *cxb_cmdline_defs(void)
{
	return defs;
}

static void option_free(gpointer data)
{
	Option *opt = data;

	g_free(opt->flag);
	g_free(opt->value);
	g_free(opt);
}

static const OptDef *find_def(const char *name)
{
	for (const OptDef *def = defs; def->name; def++)
		if (strcmp(def->name, name) == 0)
			return def;
	return NULL;
}

GPtrArray *cxb_cmdline_parse(int argc, char **argv, GError **errp)
{
	g_autoptr(GPtrArray) options = g_ptr_array_new_with_free_func(option_free);

	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		const OptDef *def;
		Option *opt;

		if (word[0] != '-') {
			cxb_fail(errp, CXB_ERROR_INVALID,
				 "%s: not an option (disk images have no use here)", word);
			return NULL;
		}
		def = find_def(word + (word[1] == '-' ? 2 : 1));
		if (!def) {
			cxb_fail(errp, CXB_ERROR_INVALID, "%s: invalid option", word);
			return NULL;
		}
		if (def->arg && i + 1 == argc) {
			cxb_fail(errp, CXB_ERROR_INVALID, "%s: requires an argument", word);
			return NULL;
		}
		opt = g_new0(Option, 1);
		opt->kind = def->kind;
		opt->flag = g_strdup(word);
		opt->value = def->arg ? g_strdup(argv[++i]) : NULL;
		g_ptr_array_add(options, opt);
	}
	return g_steal_pointer(&options);
}

bool cxb_option_fail(const Option *opt, GError **errp)
{
	if (errp && *errp && !g_error_matches(*errp, CXB_ERROR, CXB_ERROR_HELP))
		g_prefix_error(errp, "%s %s: ", opt->flag, opt->value);
	return false;
}
