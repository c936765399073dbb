/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to the machine, as QMP events. */
#include "monitor.h"

#include "cxl/dc.h"
#include "devices/cxl.h"

static json_object *guest_and_reason(bool guest, const char *reason)
{
	json_object *o = json_object_new_object();

	cxb_json_put_bool(o, "guest", guest);
	cxb_json_put_str(o, "reason", reason);
	return o;
}

static void on_deleted(void *opaque, const CxbMachineDeleted *deleted)
{
	json_object *o = json_object_new_object();

	if (deleted->id)
		cxb_json_put_str(o, "device", deleted->id);
	cxb_json_put_str(o, "path", deleted->path);
	cxb_qmp_event(opaque, "DEVICE_DELETED", o);
}

static void on_reset(void *opaque, const CxbResetCause *cause)
{
	const bool guest = *cause == CXB_RESET_GUEST;

	cxb_qmp_event(opaque, "RESET",
		      guest_and_reason(guest, guest ? "guest-reset" : "host-qmp-system-reset"));
}

static void on_run(void *opaque, const CxbRunState *state)
{
	cxb_qmp_event(opaque, *state == CXB_RUN_RUNNING ? "RESUME" : "STOP", NULL);
}

static void on_shutdown(void *opaque, const CxbMachineShutdown *event)
{
	static const char *const reasons[] = {
		[CXB_SHUTDOWN_QMP] = "host-qmp-quit",
		[CXB_SHUTDOWN_SIGNAL] = "host-signal",
		[CXB_SHUTDOWN_RESET_QMP] = "host-qmp-system-reset",
		[CXB_SHUTDOWN_RESET_GUEST] = "guest-reset",
	};
	CxbQmp *qmp = opaque;

	cxb_qmp_event(
		qmp, "SHUTDOWN",
		guest_and_reason(event->cause == CXB_SHUTDOWN_RESET_GUEST, reasons[event->cause]));
	qmp->ended = event->ends;
}

/* --- dynamic capacity --- */

static const char *operation_name(CxbDcOpKind kind)
{
	switch (kind) {
	case CXB_DC_OP_OFFER:
		return "offer";
	case CXB_DC_OP_ACCEPT:
		return "accept";
	case CXB_DC_OP_RETURN:
		return "return";
	case CXB_DC_OP_REQUEST_RELEASE:
		return "request-release";
	case CXB_DC_OP_RELEASE:
		return "release";
	case CXB_DC_OP_FORCED_RELEASE:
		return "forced-release";
	case CXB_DC_OP_REANNOUNCE:
		break; /* no news to an orchestrator */
	}
	return NULL;
}

/* Extents of one tag in one region belong to one event; without a tag, those of one request. */
static guint group_hash(gconstpointer key)
{
	const CxbDcExtent *e = key;

	return cxb_uuid_hash(&e->tag) ^ e->region;
}

static gboolean group_equal(gconstpointer a, gconstpointer b)
{
	const CxbDcExtent *x = a, *y = b;

	return x->region == y->region && cxb_uuid_equal(&x->tag, &y->tag) &&
	       g_strcmp0(x->request_id, y->request_id) == 0;
}

static json_object *group_new(const CxbMachineDcEvent *event, const char *operation,
			      const CxbDcExtent *first, json_object **extents)
{
	CxbDevice *device = cxb_cxl_type3_first_head(event->device);
	g_autofree char *path = cxb_object_path(&device->obj);
	json_object *o = json_object_new_object();

	*extents = json_object_new_array();
	cxb_json_put_str(o, "path", path);
	cxb_json_put_u64(o, "host-id", event->op->head);
	cxb_json_put_str(o, "operation", operation);
	cxb_json_put_uuid(o, "tag", &first->tag);
	cxb_json_put_u64(o, "region", first->region);
	if (first->request_id)
		cxb_json_put_str(o, "request-id", first->request_id);
	if (event->op->timeout)
		cxb_json_put_str(o, "reason", "timeout");
	put(o, "extents", *extents);
	return o;
}

static void on_dc(void *opaque, const CxbMachineDcEvent *event)
{
	CxbQmp *qmp = opaque;
	const char *operation = operation_name(event->op->kind);
	g_autoptr(GHashTable) lists = g_hash_table_new(group_hash, group_equal);
	g_autoptr(GPtrArray) groups = g_ptr_array_new(); /* in order of their first extents */

	if (!operation)
		return;
	for (size_t i = 0; i < event->op->n; i++) {
		const CxbDcExtent *e = event->op->extents[i];
		json_object *list = g_hash_table_lookup(lists, e), *o = json_object_new_object();

		if (!list) {
			g_ptr_array_add(groups, group_new(event, operation, e, &list));
			g_hash_table_insert(lists, (gpointer)e, list);
		}
		cxb_json_put_u64(o, "dpa", e->dpa);
		cxb_json_put_u64(o, "len", e->len);
		cxb_json_put_u64(o, "seq", e->seq);
		json_object_array_add(list, o);
	}
	for (guint i = 0; i < groups->len; i++)
		cxb_qmp_event(qmp, "CXL_DYNAMIC_CAPACITY", groups->pdata[i]);
}

/* --- sanitizing --- */

static void sessions_again(void *opaque)
{
	CxbQmp *qmp = opaque;

	qmp->again = false;
	for (guint i = 0; i < qmp->sessions->len; i++)
		qmp_session_again(qmp->sessions->pdata[i]);
}

static void on_sanitized(void *opaque, const CxbHostMemSanitized *sanitized)
{
	const CxbUuid *tag = cxb_hostmem_tag(sanitized->mem);
	json_object *o = json_object_new_object();
	CxbQmp *qmp = opaque;

	cxb_json_put_str(o, "id", cxb_hostmem_id(sanitized->mem));
	if (!cxb_uuid_is_null(tag))
		cxb_json_put_uuid(o, "tag", tag);
	cxb_json_put_u64(o, "offset", sanitized->off);
	cxb_json_put_u64(o, "len", sanitized->len);
	if (sanitized->err)
		cxb_json_put_str(o, "error", sanitized->err->message);
	cxb_qmp_event(qmp, "MEMORY_BACKEND_SANITIZED", o);
	/* Not now: a command may be what has led here. */
	if (!qmp->again)
		cxb_workq_post(cxb_machine_workq(qmp->machine), sessions_again, qmp);
	qmp->again = true;
}

static const CxbRet sanitized_data[] = {
	{ "id", CXB_RET_STR },
	{ "tag", CXB_RET_STR, .optional = true },
	{ "offset", CXB_RET_INT },
	{ "len", CXB_RET_INT },
	{ "error", CXB_RET_STR, .optional = true },
	{ NULL },
};
static const CxbRet deleted_data[] = {
	{ "device", CXB_RET_STR, .optional = true },
	{ "path", CXB_RET_STR },
	{ NULL },
};
static const char *const causes[] = {
	"guest-reset", "host-qmp-quit", "host-qmp-system-reset", "host-signal", NULL,
};
static const CxbRet cause_data[] = {
	{ "guest", CXB_RET_BOOL },
	{ "reason", CXB_RET_ENUM, "ShutdownCause", .names = causes },
	{ NULL },
};
static const char *const operations[] = {
	"offer", "accept", "return", "request-release", "release", "forced-release", NULL,
};
static const CxbRet extent_data[] = {
	{ "dpa", CXB_RET_INT },
	{ "len", CXB_RET_INT },
	{ "seq", CXB_RET_INT },
	{ NULL },
};
static const char *const reasons[] = { "timeout", NULL };
static const CxbRet capacity_data[] = {
	{ "path", CXB_RET_STR },
	{ "host-id", CXB_RET_INT },
	{ "operation", CXB_RET_ENUM, "CxlCapacityOperation", .names = operations },
	{ "tag", CXB_RET_STR },
	{ "region", CXB_RET_INT },
	{ "request-id", CXB_RET_STR, .optional = true },
	{ "reason", CXB_RET_ENUM, "CxlCapacityReason", .names = reasons, .optional = true },
	{ "extents", CXB_RET_OBJECT, "CxlCapacityExtent", .list = true, .members = extent_data },
	{ NULL },
};

static const CxbQmpEvent events[] = {
	{ "CXL_DYNAMIC_CAPACITY", capacity_data },
	{ "DEVICE_DELETED", deleted_data },
	{ "MEMORY_BACKEND_SANITIZED", sanitized_data },
	{ "POWERDOWN" },
	{ "RESET", cause_data },
	{ "RESUME" },
	{ "SHUTDOWN", cause_data },
	{ "STOP" },
	{ NULL },
};

void qmp_events_init(CxbQmp *qmp)
{
	CxbMachine *m = qmp->machine;

	cxb_qmp_add_events(qmp, events);
	qmp->deleted_id = cxb_deleted_notify_add(cxb_machine_deleted_notify(m), on_deleted, qmp);
	qmp->reset_id = cxb_reset_notify_add(cxb_machine_reset_notify(m), on_reset, qmp);
	qmp->run_id = cxb_run_notify_add(cxb_machine_run_notify(m), on_run, qmp);
	qmp->shutdown_id =
		cxb_shutdown_notify_add(cxb_machine_shutdown_notify(m), on_shutdown, qmp);
	qmp->dc_id = cxb_dc_notify_add(cxb_machine_dc_notify(m), on_dc, qmp);
	qmp->sanitized_id = cxb_hostmem_notify_add(
		cxb_hostmem_pool_sanitized_notify(cxb_machine_hostmem(m)), on_sanitized, qmp);
}

void qmp_events_fini(CxbQmp *qmp)
{
	CxbMachine *m = qmp->machine;

	cxb_deleted_notify_remove(cxb_machine_deleted_notify(m), qmp->deleted_id);
	cxb_reset_notify_remove(cxb_machine_reset_notify(m), qmp->reset_id);
	cxb_run_notify_remove(cxb_machine_run_notify(m), qmp->run_id);
	cxb_shutdown_notify_remove(cxb_machine_shutdown_notify(m), qmp->shutdown_id);
	cxb_dc_notify_remove(cxb_machine_dc_notify(m), qmp->dc_id);
	cxb_hostmem_notify_remove(cxb_hostmem_pool_sanitized_notify(cxb_machine_hostmem(m)),
				  qmp->sanitized_id);
	cxb_workq_cancel(cxb_machine_workq(m), sessions_again, qmp);
}
