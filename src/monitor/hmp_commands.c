/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the human monitor that do something: most are those of QMP in other words. */
#include <string.h>

#include "base/error.h"
#include "hmp.h"
#include "io/json.h"

json_object *hmp_call(CxbQmp *qmp, const char *name, json_object *args, GString *out)
{
	g_autoptr(GError) err = NULL;
	json_object *value = qmp_call(qmp, name, args, &err);

	json_object_put(args);
	if (!value)
		g_string_append_printf(out, "Error: %s\n", err->message);
	return value;
}

static void call(CxbQmp *qmp, const char *name, json_object *args, GString *out)
{
	json_object_put(hmp_call(qmp, name, args, out));
}

static json_object *one_arg(const char *key, const char *value)
{
	json_object *o = json_object_new_object();

	cxb_json_put_str(o, key, value);
	return o;
}

void hmp_cont(CxbQmp *qmp, char **args, GString *out)
{
	call(qmp, "cont", NULL, out);
}

void hmp_stop(CxbQmp *qmp, char **args, GString *out)
{
	call(qmp, "stop", NULL, out);
}

void hmp_quit(CxbQmp *qmp, char **args, GString *out)
{
	call(qmp, "quit", NULL, out);
}

void hmp_system_reset(CxbQmp *qmp, char **args, GString *out)
{
	call(qmp, "system_reset", NULL, out);
}

void hmp_system_powerdown(CxbQmp *qmp, char **args, GString *out)
{
	call(qmp, "system_powerdown", NULL, out);
}

void hmp_system_wakeup(CxbQmp *qmp, char **args, GString *out)
{
	call(qmp, "system_wakeup", NULL, out);
}

void hmp_device_del(CxbQmp *qmp, char **args, GString *out)
{
	call(qmp, "device_del", one_arg("id", args[0]), out);
}

void hmp_object_del(CxbQmp *qmp, char **args, GString *out)
{
	call(qmp, "object-del", one_arg("id", args[0]), out);
}

static void tell(const GError *err, GString *out)
{
	if (err)
		g_string_append_printf(out, "Error: %s\n", err->message);
}

void hmp_device_add(CxbQmp *qmp, char **args, GString *out)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts = cxb_opts_parse(args[0], "driver", false, &err);

	if (opts)
		cxb_machine_device_add(qmp->machine, opts, &err);
	tell(err, out);
}

void hmp_object_add(CxbQmp *qmp, char **args, GString *out)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts = cxb_opts_parse(args[0], "qom-type", false, &err);

	if (!opts) {
		tell(err, out);
		return;
	}
	opts->typed = true; /* what is wrong with them is told as by object-add */
	cxb_user_object_add(cxb_machine_qom(qmp->machine), opts, &err);
	tell(err, out);
}

void hmp_qom_list(CxbQmp *qmp, char **args, GString *out)
{
	json_object *list;

	if (!args[0]) {
		g_string_append(out, "/\n");
		return;
	}
	list = hmp_call(qmp, "qom-list", one_arg("path", args[0]), out);
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);

		g_string_append_printf(out, "%s (%s)\n", hmp_text(o, "name"), hmp_text(o, "type"));
	}
	json_object_put(list);
}

void hmp_qom_get(CxbQmp *qmp, char **args, GString *out)
{
	json_object *request = one_arg("path", args[0]), *value;

	cxb_json_put_str(request, "property", args[1]);
	value = hmp_call(qmp, "qom-get", request, out);
	if (value) {
		GString *text = cxb_json_text(value, true);

		g_string_append_printf(out, "%s\n", text->str);
		g_string_free(text, TRUE);
	}
	json_object_put(value);
}

void hmp_qom_set(CxbQmp *qmp, char **args, GString *out)
{
	g_autoptr(GError) err = NULL;
	CxbObject *obj = cxb_qom_resolve(cxb_machine_qom(qmp->machine), args[0], NULL, &err);

	if (obj)
		cxb_object_set_text(obj, args[1], args[2], &err);
	tell(err, out);
}
