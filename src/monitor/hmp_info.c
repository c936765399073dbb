/* SPDX-License-Identifier: Apache-2.0 */
/* The short ones of "info". */
#include <inttypes.h>

#include "hmp.h"

const char *hmp_text(json_object *o, const char *key)
{
	json_object *v = NULL;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v) : "";
}

void hmp_info_chardev(CxbQmp *qmp, char **args, GString *out)
{
	json_object *list = hmp_call(qmp, "query-chardev", NULL, out);

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);

		g_string_append_printf(out, "%s: filename=%s\n", hmp_text(o, "label"),
				       hmp_text(o, "filename"));
	}
	json_object_put(list);
}

void hmp_info_kvm(CxbQmp *qmp, char **args, GString *out)
{
	g_string_append(out, "kvm support: not compiled\n");
}

void hmp_info_memdev(CxbQmp *qmp, char **args, GString *out)
{
	static const char *const keys[] = { "merge", "dump", "prealloc", "share", "reserve" };
	json_object *list = hmp_call(qmp, "query-memdev", NULL, out);

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);

		g_string_append_printf(out, "memory backend: %s\n  size:  %s\n", hmp_text(o, "id"),
				       hmp_text(o, "size"));
		for (size_t k = 0; k < G_N_ELEMENTS(keys); k++)
			g_string_append_printf(out, "  %s: %s\n", keys[k], hmp_text(o, keys[k]));
		g_string_append_printf(out, "  policy: %s\n  host nodes: \n",
				       hmp_text(o, "policy"));
	}
	g_string_append_c(out, '\n');
	json_object_put(list);
}

/* Of what this machine cannot have. */
void hmp_info_nothing(CxbQmp *qmp, char **args, GString *out)
{
}

void hmp_info_memory_size(CxbQmp *qmp, char **args, GString *out)
{
	json_object *o = hmp_call(qmp, "query-memory-size-summary", NULL, out);

	g_string_append_printf(out, "base memory: %s\nplugged memory: %s\n",
			       hmp_text(o, "base-memory"), hmp_text(o, "plugged-memory"));
	json_object_put(o);
}

void hmp_info_name(CxbQmp *qmp, char **args, GString *out)
{
	if (qmp->name)
		g_string_append_printf(out, "%s\n", qmp->name);
}

void hmp_info_status(CxbQmp *qmp, char **args, GString *out)
{
	const CxbRunState state = cxb_machine_state(qmp->machine);

	if (state == CXB_RUN_RUNNING || state == CXB_RUN_PAUSED)
		g_string_append_printf(out, "VM status: %s\n", qmp_run_state(qmp));
	else
		g_string_append_printf(out, "VM status: paused (%s)\n", qmp_run_state(qmp));
}

void hmp_info_uuid(CxbQmp *qmp, char **args, GString *out)
{
	char text[CXB_UUID_STRLEN + 1];

	g_string_append_printf(out, "%s\n", cxb_uuid_format(&qmp->uuid, text));
}

void hmp_info_version(CxbQmp *qmp, char **args, GString *out)
{
	g_string_append_printf(out, "%d.%d.%d (%s)\n", QMP_MAJOR, QMP_MINOR, QMP_MICRO,
			       QMP_PACKAGE);
}

void hmp_info_vnc(CxbQmp *qmp, char **args, GString *out)
{
	g_string_append(out, "None\n");
}
