/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of commands, and what concerns all sessions. */
#include "monitor.h"

#include "base/error.h"
#include "devices/cxl.h"

CxbQmp *cxb_qmp_new(CxbMachine *m, const char *name)
{
	CxbQmp *qmp = g_new0(CxbQmp, 1);

	qmp->machine = m;
	qmp->name = g_strdup(name);
	qmp->commands = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
	qmp->events = g_hash_table_new(g_str_hash, g_str_equal);
	qmp->hmp_sessions = g_ptr_array_new_with_free_func((GDestroyNotify)hmp_session_free);
	qmp->sessions = g_ptr_array_new_with_free_func((GDestroyNotify)qmp_session_free);
	qmp_add_core_commands(qmp);
	qmp_add_qom_commands(qmp);
	qmp_add_dc_commands(qmp);
	qmp_add_device_commands(qmp);
	qmp_add_hmp_commands(qmp);
	qmp_add_machine_commands(qmp);
	qmp_add_pci_commands(qmp);
	qmp_add_poison_commands(qmp);
	qmp_add_ras_commands(qmp);
	qmp_add_raw_dc_commands(qmp);
	qmp_add_dc_display_commands(qmp);
	qmp_add_dc_tag_commands(qmp);
	qmp_add_record_commands(qmp);
	qmp_add_run_commands(qmp);
	qmp_add_schema_commands(qmp);
	qmp_add_type_commands(qmp);
	qmp_events_init(qmp);
	return qmp;
}

void cxb_qmp_free(CxbQmp *qmp)
{
	if (!qmp)
		return;
	qmp_events_fini(qmp);
	g_ptr_array_unref(qmp->hmp_sessions);
	g_ptr_array_unref(qmp->sessions);
	g_hash_table_unref(qmp->commands);
	g_hash_table_unref(qmp->events);
	g_free(qmp->name);
	g_free(qmp);
}

void cxb_qmp_add(CxbQmp *qmp, const CxbQmpCmd *rows, void *opaque)
{
	for (const CxbQmpCmd *row = rows; row->name; row++) {
		Command *cmd = g_new(Command, 1);

		*cmd = (Command){ row, opaque };
		if (!g_hash_table_insert(qmp->commands, (gpointer)row->name, cmd))
			g_error("QMP command %s is there twice", row->name);
	}
}

void cxb_qmp_add_events(CxbQmp *qmp, const CxbQmpEvent *rows)
{
	for (const CxbQmpEvent *row = rows; row->name; row++)
		if (!g_hash_table_insert(qmp->events, (gpointer)row->name, (gpointer)row))
			g_error("QMP event %s is there twice", row->name);
}

void cxb_qmp_set_uuid(CxbQmp *qmp, const CxbUuid *uuid)
{
	qmp->uuid = *uuid;
}

bool cxb_qmp_serve(CxbQmp *qmp, CxbChardev *chr, bool pretty, GError **errp)
{
	return qmp_session_new(qmp, chr, pretty, errp) != NULL;
}

void cxb_qmp_event(CxbQmp *qmp, const char *name, json_object *data)
{
	const int64_t now_us = g_get_real_time();
	json_object *event = json_object_new_object(), *stamp = json_object_new_object();

	g_assert(g_hash_table_contains(qmp->events, name));
	put(stamp, "seconds", json_object_new_int64(now_us / G_USEC_PER_SEC));
	put(stamp, "microseconds", json_object_new_int64(now_us % G_USEC_PER_SEC));
	put(event, "timestamp", stamp);
	cxb_json_put_str(event, "event", name);
	if (data)
		put(event, "data", data);
	for (guint i = 0; i < qmp->sessions->len; i++)
		qmp_session_event(qmp->sessions->pdata[i], event);
	json_object_put(event);
}

void qmp_add_str(CxbOpts *opts, const char *key, const char *s)
{
	if (s)
		cxb_opts_add(opts, key, (CxbScalar){ .kind = CXB_SCALAR_STR, .s = g_strdup(s) });
}

void cxb_qmp_flush(CxbQmp *qmp)
{
	for (guint i = 0; i < qmp->sessions->len; i++)
		qmp_session_flush(qmp->sessions->pdata[i]);
	for (guint i = 0; i < qmp->hmp_sessions->len; i++)
		hmp_session_flush(qmp->hmp_sessions->pdata[i]);
}

CxbDevice *qmp_find_type3(CxbQmp *qmp, const char *path, GError **errp)
{
	CxbObject *obj = cxb_qom_resolve(cxb_machine_qom(qmp->machine), path, NULL, NULL);

	if (!obj) {
		cxb_fail(errp, CXB_ERROR_INVALID, "Unable to resolve path '%s'", path);
		return NULL;
	}
	if (!cxb_object_is(obj, CXB_TYPE_NAME_DEVICE) || !cxb_cxl_is_type3((CxbDevice *)obj) ||
	    !((CxbDevice *)obj)->realized) {
		cxb_fail(errp, CXB_ERROR_INVALID,
			 "Path does not point to a CXL type 3 device: '%s'", path);
		return NULL;
	}
	return (CxbDevice *)obj;
}
