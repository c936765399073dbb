/* SPDX-License-Identifier: Apache-2.0 */
/* Options about chardevs and who speaks there. */
#include <string.h>

#include "app.h"
#include "base/error.h"
#include "base/message.h"
#include "io/json.h"

bool do_qtest_log(App *app, const Option *opt, GError **errp)
{
	app->qtest_log = opt->value;
	return true;
}

bool do_chardev(App *app, const Option *opt, GError **errp)
{
	g_autofree char *written = cxb_option_written(opt);

	return cxb_doors_chardev(app->doors, opt->value, written, errp);
}

static bool add_door(App *app, DoorKind kind, const Option *opt, GError **errp)
{
	g_autofree char *written = cxb_option_written(opt);

	return cxb_doors_add(app->doors, kind, opt->value, written, errp);
}

bool do_qmp(App *app, const Option *opt, GError **errp)
{
	return add_door(app, DOOR_QMP, opt, errp);
}

bool do_qmp_pretty(App *app, const Option *opt, GError **errp)
{
	return add_door(app, DOOR_QMP_PRETTY, opt, errp);
}

bool do_qtest(App *app, const Option *opt, GError **errp)
{
	return add_door(app, DOOR_QTEST, opt, errp);
}

bool do_mon(App *app, const Option *opt, GError **errp)
{
	if (!app->mon_told)
		cxb_message_warning("'-mon' is deprecated, use '-object' with 'monitor-hmp' or "
				    "'monitor-qmp' types instead");
	app->mon_told = true;
	return cxb_doors_mon(app->doors, opt->value, errp);
}

bool do_monitor(App *app, const Option *opt, GError **errp)
{
	return add_door(app, DOOR_HMP, opt, errp);
}

bool is_monitor(CxbOpts *opts)
{
	const char *type;

	return cxb_opts_get_str(opts, "qom-type", &type, NULL) && type &&
	       (strcmp(type, MONITOR_QMP_TYPE) == 0 || strcmp(type, MONITOR_HMP_TYPE) == 0);
}

bool do_monitor_object(App *app, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse_any(opt->value, "qom-type", errp);

	return opts && (!is_monitor(opts) || cxb_doors_monitor_object(app->doors, opts, errp));
}
