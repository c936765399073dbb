/* SPDX-License-Identifier: Apache-2.0 */
/* cxlbox-qemu: a QEMU command line with CXL memory devices, run by a stock QEMU and a cxlbox. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "qemu_dir.h"
#include "qemu_plan.h"
#include "qemu_run.h"
#include "qom/scalar.h"

#define DEFAULT_PORTS 64

static const char usage[] =
	"usage: cxlbox-qemu [--dry-run] [--cxlbox PROGRAM] [--qemu PROGRAM] [--ports N]\n"
	"                   [--exact] [--cedt FILE] QEMU-OPTION...\n\n"
	"Run a QEMU command line that has CXL memory devices: the devices in cxlbox, everything\n"
	"else in an unmodified QEMU.\n\n"
	"  --dry-run         print what would be started, and start nothing\n"
	"  --cxlbox PROGRAM  default: $CXLBOX, or the cxlbox beside this program, or in $PATH\n"
	"  --qemu PROGRAM    default: $QEMU, or qemu-system-x86_64\n"
	"  --ports N         pieces of CXL memory that the guest can have at a time, of all\n"
	"                    devices together (default 64, at most 189); 0: static memory alone\n"
	"  --exact           every load and store of CXL memory is a message to cxlbox: "
	"interleave,\n"
	"                    extents and poison as they are, and slow\n"
	"  --cedt FILE       write the guest's table CEDT there, as an archive for the front of\n"
	"                    its initramfs\n";

/* The program beside this one, if there is one. */
static char *neighbour(const char *name)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = self ? g_path_get_dirname(self) : NULL;
	g_autofree char *path = folder ? g_build_filename(folder, name, NULL) : NULL;

	if (path && g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
		return g_steal_pointer(&path);
	return g_strdup(name);
}

static void config_init(QemuConfig *config)
{
	const char *cxlbox = g_getenv("CXLBOX"), *qemu = g_getenv("QEMU");

	*config = (QemuConfig){
		.cxlbox = cxlbox && *cxlbox ? g_strdup(cxlbox) : neighbour("cxlbox"),
		.qemu = g_strdup(qemu && *qemu ? qemu : "qemu-system-x86_64"),
		.ports = DEFAULT_PORTS,
	};
}

static void config_fini(QemuConfig *config)
{
	g_free(config->cxlbox);
	g_free(config->qemu);
	g_free(config->cedt);
}

static bool take_text(char **to, const char *text)
{
	g_free(*to);
	*to = g_strdup(text);
	return true;
}

static bool take_ports(QemuConfig *config, const char *text, GError **errp)
{
	uint64_t ports;

	if (!cxb_parse_uint(text, QEMU_GUEST_MAX_PORTS, &ports))
		return cxb_fail(errp, CXB_ERROR_INVALID, "--ports %s: expected 0 to %u", text,
				QEMU_GUEST_MAX_PORTS);
	config->ports = ports;
	config->ports_given = true;
	return true;
}

static bool take(QemuConfig *config, const char *option, const char *value, GError **errp)
{
	if (!value)
		return cxb_fail(errp, CXB_ERROR_INVALID, "%s: requires an argument", option);
	if (strcmp(option, "--cxlbox") == 0)
		return take_text(&config->cxlbox, value);
	if (strcmp(option, "--qemu") == 0)
		return take_text(&config->qemu, value);
	if (strcmp(option, "--cedt") == 0)
		return take_text(&config->cedt, value);
	return take_ports(config, value, errp);
}

/* Our own come first. *@i: the first that is not; the others are QEMU's. */
static bool take_own(QemuConfig *config, char **argv, int *i, GError **errp)
{
	static const char *const with_value[] = { "--cxlbox", "--qemu", "--ports", "--cedt", NULL };

	for (*i = 1; argv[*i]; ++*i) {
		const char *option = argv[*i];

		if (strcmp(option, "--dry-run") == 0) {
			config->dry_run = true;
			continue;
		}
		if (strcmp(option, "--exact") == 0) {
			config->exact = true;
			continue;
		}
		if (!g_strv_contains(with_value, option))
			break;
		if (!take(config, option, argv[*i + 1], errp))
			return false;
		++*i;
	}
	return !config->exact || !config->ports_given ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"--exact: no memory is put behind ports then (--ports)");
}

/* -help and -version: of this program. */
static bool printed(GPtrArray *options)
{
	for (guint i = 0; i < options->len; i++) {
		const OptKind kind = ((Option *)options->pdata[i])->def->kind;

		if (kind == OPT_HELP)
			printf("%s", usage);
		else if (kind == OPT_VERSION)
			printf("cxlbox-qemu version " CXB_VERSION "\n");
		else
			continue;
		return true;
	}
	return false;
}

static int dry_run(const QemuConfig *config, GPtrArray *options)
{
	g_autofree char *dir = g_build_filename(g_get_tmp_dir(), "cxlbox-qemu-XXXXXX", NULL);
	g_autoptr(GError) err = NULL;
	const Option *culprit = NULL;
	g_autoptr(QemuPlan) plan = qemu_plan_new(config, options, dir, &culprit, &err);

	if (!plan || !qemu_plan_write_cedt(plan, &err)) {
		cxb_option_print_error(culprit, err);
		return 1;
	}
	qemu_plan_print(plan);
	qemu_plan_note(plan);
	return 0;
}

static bool run_plan(const QemuConfig *config, GPtrArray *options, const char *dir, int *status,
		     const Option **culprit, GError **errp)
{
	g_autoptr(QemuPlan) plan = qemu_plan_new(config, options, dir, culprit, errp);

	if (!plan || !qemu_plan_write_cedt(plan, errp) || !qemu_plan_write_initrd(plan, errp))
		return false;
	qemu_plan_note(plan);
	return qemu_run(plan, status, culprit, errp);
}

static int run_both(const QemuConfig *config, GPtrArray *options)
{
	g_autoptr(GError) err = NULL;
	const Option *culprit = NULL;
	int status = 1;
	QemuDir dir;

	if (qemu_dir_make(&dir, &err)) {
		if (!run_plan(config, options, dir.path, &status, &culprit, &err))
			status = 1;
		qemu_dir_remove(&dir);
	}
	if (err)
		cxb_option_print_error(culprit, err);
	return status;
}

static int run(QemuConfig *config, int argc, char **argv)
{
	g_autoptr(GPtrArray) options = NULL;
	g_autoptr(GError) err = NULL;
	Option *bad = NULL;
	int own = 1;

	if (take_own(config, argv, &own, &err))
		options = cxb_cmdline_parse(argc - own + 1, argv + own - 1, cxb_cmdline_find("hda"),
					    &bad, &err);
	if (!options) {
		cxb_option_print_error(bad, err);
		cxb_option_free(bad);
		return 1;
	}
	if (printed(options))
		return 0;
	return config->dry_run ? dry_run(config, options) : run_both(config, options);
}

int main(int argc, char **argv)
{
	g_autofree char *prog = g_path_get_basename(argv[0]);
	QemuConfig config;
	int status;

	g_set_prgname(prog);
	signal(SIGPIPE, SIG_IGN);
	config_init(&config);
	status = run(&config, argc, argv);
	config_fini(&config);
	return status;
}
