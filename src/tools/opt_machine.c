/* SPDX-License-Identifier: Apache-2.0 */
/* Options about the machine and what is in it. */
#include <string.h>

#include "app.h"
#include "base/error.h"
#include "io/json.h"

bool do_accel(App *app, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(opt->value, "accel", true, errp);

	return opts && cxb_accel_parse(&app->accel, opts, errp);
}

/* "-machine accel=a:b", the older way to say the same. */
bool do_machine_accel(App *app, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(opt->value, "type", false, errp);
	g_auto(GStrv) names = NULL;
	const char *text;

	if (!opts || !cxb_opts_get_str(opts, "accel", &text, errp))
		return false;
	names = g_strsplit(text ?: "", ":", -1);
	for (char **name = names; *name; name++) {
		g_autoptr(CxbOpts) accel = cxb_opts_new();

		cxb_opts_add_text(accel, "accel", *name);
		if (!cxb_accel_parse(&app->accel, accel, errp))
			return false;
	}
	return true;
}

bool do_machine(App *app, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(opt->value, "type", false, errp);

	if (!opts)
		return false;
	cxb_opts_find(opts, "accel"); /* taken before the machine was made */
	return cxb_machine_set_opts(app->machine, opts, errp);
}

bool do_memory(App *app, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(opt->value, "size", true, errp);

	return opts && cxb_machine_set_memory(app->machine, opts, errp);
}

/* "driver=D,property=P,value=V", or "D.P=V", where a comma is nothing special. */
bool do_global(App *app, const Option *opt, GError **errp)
{
	const char *dot = strchr(opt->value, '.'), *eq = dot ? strchr(dot, '=') : NULL;
	const char *driver, *property, *value;
	g_autoptr(CxbOpts) opts = NULL;

	if (eq && dot < eq && !memchr(opt->value, '=', dot - opt->value)) {
		g_autofree char *d = g_strndup(opt->value, dot - opt->value);
		g_autofree char *p = g_strndup(dot + 1, eq - dot - 1);

		cxb_qom_add_global(cxb_machine_qom(app->machine), d, p, eq + 1);
		return true;
	}
	opts = cxb_opts_parse(opt->value, NULL, true, errp);
	if (!opts || !cxb_opts_get_str(opts, "driver", &driver, errp) ||
	    !cxb_opts_get_str(opts, "property", &property, errp) ||
	    !cxb_opts_get_str(opts, "value", &value, errp) || !app_no_more(opts, errp))
		return false;
	if (!driver || !property || !value)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"options 'driver', 'property', and 'value' are required");
	cxb_qom_add_global(cxb_machine_qom(app->machine), driver, property, value);
	return true;
}

/* "-device help", "-device X,help": printed, then the program ends with success. */
static bool asked_for_help(App *app, CxbOpts *opts, const char *type_key, unsigned flag,
			   GError **errp)
{
	const char *type;

	if (!cxb_opts_has(opts, "help") || !cxb_opts_get_str(opts, type_key, &type, NULL))
		return false;
	if (!type)
		cxb_qom_print_types(cxb_machine_qom(app->machine), flag);
	else if (!cxb_type_print_help(cxb_machine_qom(app->machine), type, errp))
		return true;
	cxb_fail(errp, CXB_ERROR_HELP, "help");
	return true;
}

bool do_object(App *app, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse_any(opt->value, "qom-type", errp);

	if (!opts || asked_for_help(app, opts, "qom-type", CXB_TYPE_USER_OBJECT, errp))
		return false;
	return is_monitor(opts) || cxb_user_object_add(cxb_machine_qom(app->machine), opts, errp);
}

bool do_device(App *app, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse_any(opt->value, "driver", errp);

	if (!opts)
		return false;
	return cxb_device_add(cxb_machine_qom(app->machine), opts, false, errp) != NULL;
}

bool do_device_help(App *app, const Option *opt, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse_any(opt->value, "driver", NULL);

	return !opts || !asked_for_help(app, opts, "driver", CXB_TYPE_DEVICE, errp);
}
