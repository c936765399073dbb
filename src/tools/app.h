/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program: what the files that work off its options share. Each option is worked off by one
 * function of type OptionFn, in the passes of start.c.
 */
#ifndef CXB_TOOLS_APP_H
#define CXB_TOOLS_APP_H

#include <glib.h>
#include <sys/types.h>

#include "accel.h"
#include "cmdline.h"
#include "daemonize.h"
#include "doors.h"
#include "guest/guest.h"
#include "machine/machine.h"
#include "monitor/qmp.h"
#include "pidfile.h"
#include "qmp_host.h"
#include "qmp_options.h"
#include "vfio_user/vfio_user.h"

typedef struct {
	GMainLoop *loop;
	pid_t parent;       /* who started us */
	GPtrArray *options; /* Option * */
	AccelConfig accel;
	char *name;
	CxbUuid uuid;
	bool timestamps, guest_in_messages; /* -msg */
	bool exit_with_parent;
	bool logs_to_file;
	bool stopped;  /* -S */
	bool mon_told; /* that -mon is deprecated */
	CxbMachineActions actions;
	Daemon daemon;
	Pidfile pidfile;
	const char *qtest_log;
	CxbMachine *machine;
	CxbChardevs *chardevs; /* not taken by doors or devices */
	Doors *doors;
	CxbQmp *qmp;
	QmpHost qmp_host;
	QmpOptions qmp_options;
	CxbVfioUser *vfio_user;
	CxbGuests *guests;
} App;

typedef bool (*OptionFn)(App *app, const Option *opt, GError **errp);

/**
 * app_start() - From the options to a running machine.
 * @culprit: the option that an error is about; NULL: none in particular
 */
bool app_start(App *app, const Option **culprit, GError **errp);

/** app_no_more() - "Invalid parameter 'X'" for the first key nobody asked for. */
bool app_no_more(CxbOpts *opts, GError **errp);
/** app_bool() - A boolean of an option; what it was if @key is not given. */
bool app_bool(CxbOpts *opts, const char *key, bool *out, GError **errp);

/* --- opt_program.c: the process --- */

bool do_trace(App *app, const Option *opt, GError **errp);
bool do_log(App *app, const Option *opt, GError **errp);
bool do_log_file(App *app, const Option *opt, GError **errp);
bool do_name(App *app, const Option *opt, GError **errp);
bool do_msg(App *app, const Option *opt, GError **errp);
bool do_uuid(App *app, const Option *opt, GError **errp);
bool do_run_with(App *app, const Option *opt, GError **errp);
bool do_daemonize(App *app, const Option *opt, GError **errp);
bool do_pidfile(App *app, const Option *opt, GError **errp);
bool do_stopped(App *app, const Option *opt, GError **errp);
bool do_action(App *app, const Option *opt, GError **errp);
bool do_watchdog_action(App *app, const Option *opt, GError **errp);
bool do_no_reboot(App *app, const Option *opt, GError **errp);
bool do_no_shutdown(App *app, const Option *opt, GError **errp);
bool do_noted(App *app, const Option *opt, GError **errp);
bool do_refused(App *app, const Option *opt, GError **errp);

/* --- opt_machine.c: the machine and what is in it --- */

bool do_accel(App *app, const Option *opt, GError **errp);
bool do_machine_accel(App *app, const Option *opt, GError **errp);
bool do_machine(App *app, const Option *opt, GError **errp);
bool do_memory(App *app, const Option *opt, GError **errp);
bool do_global(App *app, const Option *opt, GError **errp);
bool do_object(App *app, const Option *opt, GError **errp);
bool do_device(App *app, const Option *opt, GError **errp);
bool do_device_help(App *app, const Option *opt, GError **errp);

/* --- opt_doors.c: chardevs and who speaks there --- */

bool do_chardev(App *app, const Option *opt, GError **errp);
bool do_qmp(App *app, const Option *opt, GError **errp);
bool do_qmp_pretty(App *app, const Option *opt, GError **errp);
bool do_qtest(App *app, const Option *opt, GError **errp);
bool do_qtest_log(App *app, const Option *opt, GError **errp);
bool do_mon(App *app, const Option *opt, GError **errp);
bool do_monitor(App *app, const Option *opt, GError **errp);
bool do_monitor_object(App *app, const Option *opt, GError **errp);
/** is_monitor() - An object that is made when the machine it speaks about is there. */
bool is_monitor(CxbOpts *opts);

#endif
