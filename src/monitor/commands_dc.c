/* SPDX-License-Identifier: Apache-2.0 */
/* Dynamic capacity: the orchestrator's commands (CXL 3.1 7.6.7.6, by QMP instead of an FM). */
#include "monitor.h"

#include <inttypes.h>

#include "base/error.h"
#include "cxl/dc.h"
#include "devices/cxl.h"
#include "memory/hostmem.h"

struct range_arg {
	uint64_t offset, len;
};

/* What the three commands take, each a part of it. */
struct dc_args {
	char *path;
	uint16_t host_id;
	int policy;
	bool forced, sanitize;
	uint8_t region;
	char *tag;       /* NULL: not given */
	GArray *extents; /* struct range_arg; NULL: not given */
	bool has_length;
	uint64_t length;
	uint32_t timeout; /* ms; 0: not given */
	char *request_id; /* NULL: not given */
};

static const char *const selection_names[] = {
	[CXB_DC_SELECT_FREE] = "free",
	[CXB_DC_SELECT_CONTIGUOUS] = "contiguous",
	[CXB_DC_SELECT_PRESCRIPTIVE] = "prescriptive",
	[CXB_DC_SELECT_SHARED] = "enable-shared-access",
	NULL,
};
static const char *const removal_names[] = {
	[CXB_DC_REMOVE_TAG_BASED] = "tag-based",
	[CXB_DC_REMOVE_PRESCRIPTIVE] = "prescriptive",
	NULL,
};

static const CxbArg range_rows[] = {
	{ "offset", CXB_ARG_U64, offsetof(struct range_arg, offset), .has_offset = -1 },
	{ "len", CXB_ARG_U64, offsetof(struct range_arg, len), .has_offset = -1 },
	{ NULL },
};

#define DC_ROW(name, kind, field, ...)                                                       \
	{                                                                                    \
		name, kind, offsetof(struct dc_args, field), .has_offset = -1, ##__VA_ARGS__ \
	}

static const CxbArg add_rows[] = {
	DC_ROW("path", CXB_ARG_STR, path),
	DC_ROW("host-id", CXB_ARG_U16, host_id),
	DC_ROW("selection-policy", CXB_ARG_ENUM, policy, .names = selection_names,
	       .enum_name = "CxlExtentSelectionPolicy"),
	DC_ROW("region", CXB_ARG_U8, region),
	DC_ROW("tag", CXB_ARG_STR, tag, .optional = true),
	DC_ROW("extents", CXB_ARG_LIST, extents, .optional = true, .elem = range_rows,
	       .elem_size = sizeof(struct range_arg)),
	{ "length", CXB_ARG_U64, offsetof(struct dc_args, length), .optional = true,
	  .has_offset = offsetof(struct dc_args, has_length) },
	DC_ROW("timeout", CXB_ARG_U32, timeout, .optional = true),
	DC_ROW("request-id", CXB_ARG_STR, request_id, .optional = true),
	{ NULL },
};

static const CxbArg release_rows[] = {
	DC_ROW("path", CXB_ARG_STR, path),
	DC_ROW("host-id", CXB_ARG_U16, host_id),
	DC_ROW("removal-policy", CXB_ARG_ENUM, policy, .names = removal_names,
	       .enum_name = "CxlExtentRemovalPolicy"),
	DC_ROW("forced-removal", CXB_ARG_BOOL, forced, .optional = true),
	DC_ROW("sanitize-on-release", CXB_ARG_BOOL, sanitize, .optional = true),
	DC_ROW("region", CXB_ARG_U8, region),
	DC_ROW("tag", CXB_ARG_STR, tag, .optional = true),
	DC_ROW("extents", CXB_ARG_LIST, extents, .optional = true, .elem = range_rows,
	       .elem_size = sizeof(struct range_arg)),
	{ NULL },
};

static const CxbArg status_rows[] = {
	DC_ROW("path", CXB_ARG_STR, path),
	DC_ROW("host-id", CXB_ARG_U16, host_id),
	DC_ROW("region", CXB_ARG_U8, region),
	DC_ROW("tag", CXB_ARG_STR, tag),
	{ NULL },
};

static const CxbArg query_rows[] = {
	DC_ROW("path", CXB_ARG_STR, path, .optional = true),
	{ NULL },
};

/* --- what is common --- */

CxbDc *qmp_find_dc(CxbQmp *qmp, const char *path, CxbDevice **device, GError **errp)
{
	CxbDc *dc;

	*device = cxb_cxl_type3_find(cxb_machine_qom(qmp->machine), path, errp);
	if (!*device)
		return NULL;
	dc = cxb_cxl_type3_dc(*device);
	if (!dc)
		cxb_fail(errp, CXB_ERROR_INVALID,
			 "No dynamic capacity support from the device '%s'", path);
	return dc;
}

bool qmp_parse_tag(const char *text, CxbUuid *tag, GError **errp)
{
	*tag = (CxbUuid){ 0 };
	return !text || !*text || cxb_uuid_parse(text, tag) ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "tag '%s' is not a UUID", text);
}

static bool fail_missing(const char *name, GError **errp)
{
	return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' is missing", name);
}

/* The rows decode into the engine's own shape. */
G_STATIC_ASSERT(sizeof(struct range_arg) == sizeof(CxbDcRange));
G_STATIC_ASSERT(offsetof(struct range_arg, len) == offsetof(CxbDcRange, len));

static size_t n_ranges(const struct dc_args *a)
{
	return a->extents ? a->extents->len : 0;
}

static const CxbDcRange *ranges(const struct dc_args *a)
{
	return a->extents ? (const CxbDcRange *)a->extents->data : NULL;
}

/* --- add, release, status --- */

static bool check_add(const struct dc_args *a, GError **errp)
{
	switch (a->policy) {
	case CXB_DC_SELECT_PRESCRIPTIVE:
		if (!a->extents)
			return fail_missing("extents", errp);
		break;
	case CXB_DC_SELECT_FREE:
	case CXB_DC_SELECT_CONTIGUOUS: /* QEMU's schema wants an empty list of extents, too */
		if (!a->has_length)
			return fail_missing("length", errp);
		return !n_ranges(a) ||
		       cxb_fail(errp, CXB_ERROR_INVALID,
				"Parameters 'extents' and 'length' exclude each other");
	default:
		break;
	}
	return !a->has_length ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"Parameter 'length' goes with the policies free and contiguous only");
}

static json_object *add(void *opaque, void *args, GError **errp)
{
	const struct dc_args *a = args;
	CxbDcAddReq req = {
		.host_id = a->host_id,
		.policy = a->policy,
		.region = a->region,
		.n = n_ranges(a),
		.ranges = ranges(a),
		.length = a->length,
		.timeout_ms = a->timeout,
		.request_id = a->request_id,
	};
	CxbDevice *device;
	CxbDc *dc;

	if (!qmp_parse_tag(a->tag, &req.tag, errp) || !check_add(a, errp))
		return NULL;
	dc = qmp_find_dc(opaque, a->path, &device, errp);
	return dc && cxb_dc_add(dc, &req, errp) ? cxb_qmp_empty() : NULL;
}

static json_object *release(void *opaque, void *args, GError **errp)
{
	const struct dc_args *a = args;
	CxbDcReleaseReq req = {
		.host_id = a->host_id,
		.policy = a->policy,
		.forced = a->forced,
		.sanitize = a->sanitize,
		.region = a->region,
		.n = n_ranges(a),
		.ranges = ranges(a),
	};
	CxbDevice *device;
	CxbDc *dc;

	if (!qmp_parse_tag(a->tag, &req.tag, errp))
		return NULL;
	if (a->policy == CXB_DC_REMOVE_PRESCRIPTIVE && !a->extents) {
		fail_missing("extents", errp);
		return NULL;
	}
	dc = qmp_find_dc(opaque, a->path, &device, errp);
	return dc && cxb_dc_release(dc, &req, errp) ? cxb_qmp_empty() : NULL;
}

static char *status_message(CxbDcStatus status, const CxbUuid *tag, size_t extents, uint64_t bytes)
{
	static const char *const words[] = {
		[CXB_DC_STATUS_PENDING] = "offered to the host, which has not accepted it yet",
		[CXB_DC_STATUS_COMMITTED] = "accepted by the host",
		[CXB_DC_STATUS_RELEASING] = "asked back; the host has not released it yet",
	};
	char text[CXB_UUID_STRLEN + 1];

	cxb_uuid_format(tag, text);
	if (status == CXB_DC_STATUS_NOT_FOUND)
		return g_strdup_printf("the host has no capacity with tag %s in this region", text);
	return g_strdup_printf("tag %s, %zu extent%s, 0x%" PRIx64 " bytes: %s", text, extents,
			       extents == 1 ? "" : "s", bytes, words[status]);
}

static json_object *status(void *opaque, void *args, GError **errp)
{
	const struct dc_args *a = args;
	g_autofree char *message = NULL;
	CxbDcStatus where;
	CxbDevice *device;
	CxbUuid tag;
	size_t extents;
	uint64_t bytes;
	json_object *o;
	CxbDc *dc;

	if (!qmp_parse_tag(a->tag, &tag, errp))
		return NULL;
	dc = qmp_find_dc(opaque, a->path, &device, errp);
	if (!dc || !cxb_dc_status(dc, a->host_id, a->region, &tag, &where, &extents, &bytes, errp))
		return NULL;
	message = status_message(where, &tag, extents, bytes);
	o = json_object_new_object();
	cxb_json_put_str(o, "status", cxb_dc_status_name(where));
	cxb_json_put_str(o, "message", message);
	return o;
}

/* --- query-cxl-dynamic-capacity --- */

static const char *access_name(CxbAliasMode mode)
{
	switch (mode) {
	case CXB_ALIAS_DIRECT:
		return "direct";
	case CXB_ALIAS_DECODED:
		return "decoded";
	default:
		return "none";
	}
}

static json_object *extent(CxbMachine *m, CxbDevice *device, const CxbDcExtent *e)
{
	const CxbDcConfig *config = cxb_dc_config(cxb_cxl_type3_dc(device));
	CxbDevice *head = cxb_cxl_type3_head(device, e->head);
	json_object *o = json_object_new_object();
	CxbAliasMode mode = CXB_ALIAS_NONE;
	uint64_t hpa;

	cxb_json_put_u64(o, "region", e->region);
	cxb_json_put_u64(o, "dpa", e->dpa);
	cxb_json_put_u64(o, "offset", e->dpa - config->regions[e->region].base);
	cxb_json_put_u64(o, "len", e->len);
	cxb_json_put_uuid(o, "tag", &e->tag);
	cxb_json_put_u64(o, "seq", e->seq);
	cxb_json_put_u64(o, "host-id", e->head);
	cxb_json_put_str(o, "state", cxb_dc_state_name(e->state));
	if (e->request_id)
		cxb_json_put_str(o, "request-id", e->request_id);
	if (e->backing) {
		cxb_json_put_str(o, "backend", cxb_hostmem_id(cxb_cxl_backing_mem(e->backing)));
		cxb_json_put_u64(o, "backend-offset", e->backing_off);
	}
	if (head && cxb_machine_dpa_to_hpa(m, head, e->dpa, &hpa, &mode))
		cxb_json_put_u64(o, "hpa", hpa);
	else
		mode = CXB_ALIAS_NONE;
	cxb_json_put_str(o, "access",
			 access_name(e->state == CXB_DC_OFFERED ? CXB_ALIAS_NONE : mode));
	return o;
}

static json_object *extents(CxbMachine *m, CxbDevice *device, const CxbDc *dc)
{
	json_object *list = json_object_new_array();
	const unsigned heads = cxb_dc_config(dc)->n_heads;

	for (unsigned head = 0; head < heads; head++)
		for (const CxbDcExtent *e = cxb_dc_next(dc, head, 0); e;
		     e = cxb_dc_next(dc, head, e->dpa + e->len))
			json_object_array_add(list, extent(m, device, e));
	return list;
}

static json_object *regions(const CxbDcConfig *config)
{
	json_object *list = json_object_new_array();

	for (unsigned i = 0; i < config->n_regions; i++) {
		const CxbDcRegion *r = &config->regions[i];
		json_object *o = json_object_new_object();

		cxb_json_put_u64(o, "index", i);
		cxb_json_put_u64(o, "base", r->base);
		cxb_json_put_u64(o, "decode-length", r->decode_len);
		cxb_json_put_u64(o, "length", r->len);
		cxb_json_put_u64(o, "block-size", r->block_size);
		cxb_json_put_bool(o, "sharable", r->sharable);
		cxb_json_put_bool(o, "hw-coherent", r->hw_coherent);
		cxb_json_put_bool(o, "read-only", r->read_only);
		cxb_json_put_bool(o, "non-volatile", r->non_volatile);
		cxb_json_put_bool(o, "sanitize-on-release", r->sanitize_on_release);
		json_object_array_add(list, o);
	}
	return list;
}

static json_object *heads(CxbDevice *device, const CxbDcConfig *config)
{
	json_object *list = json_object_new_array();

	for (unsigned i = 0; i < config->n_heads; i++) {
		CxbDevice *head = cxb_cxl_type3_head(device, i);
		json_object *o = json_object_new_object();

		cxb_json_put_u64(o, "host-id", i);
		if (head) {
			g_autofree char *path = cxb_object_path(&head->obj);

			cxb_json_put_str(o, "path", path);
			cxb_json_put_u64(o, "missed-accesses", cxb_cxl_type3_missed(head));
		}
		json_object_array_add(list, o);
	}
	return list;
}

static json_object *answers(const CxbDc *dc)
{
	json_object *list = json_object_new_array();

	for (unsigned head = 0; head < cxb_dc_config(dc)->n_heads; head++) {
		const CxbDcAnswer *answer = cxb_dc_last_answer(dc, head);
		json_object *o;

		if (!answer->opcode)
			continue;
		o = json_object_new_object();
		cxb_json_put_u64(o, "host-id", head);
		cxb_json_put_u64(o, "opcode", answer->opcode);
		cxb_json_put_u64(o, "return-code", answer->rc);
		if (answer->check)
			cxb_json_put_str(o, "check", answer->check);
		json_object_array_add(list, o);
	}
	return list;
}

static json_object *device_capacity(CxbMachine *m, CxbDevice *device, const CxbDc *dc)
{
	g_autofree char *path = cxb_object_path(&device->obj);
	json_object *o = json_object_new_object();

	cxb_json_put_str(o, "path", path);
	put(o, "heads", heads(device, cxb_dc_config(dc)));
	put(o, "regions", regions(cxb_dc_config(dc)));
	put(o, "extents", extents(m, device, dc));
	put(o, "answers", answers(dc));
	cxb_json_put_u64(o, "extents-available", cxb_dc_extents_available(dc));
	cxb_json_put_u64(o, "tags-available", cxb_dc_tags_available(dc));
	cxb_json_put_u64(o, "missed-accesses", cxb_cxl_type3_missed(device));
	return o;
}

static void add_devices(CxbMachine *m, CxbObject *obj, json_object *list)
{
	if (cxb_object_is(obj, CXB_TYPE_NAME_DEVICE) && cxb_cxl_is_type3((CxbDevice *)obj) &&
	    ((CxbDevice *)obj)->realized) {
		CxbDc *dc = cxb_cxl_type3_dc((CxbDevice *)obj);

		if (dc && cxb_cxl_type3_first_head((CxbDevice *)obj) == (CxbDevice *)obj)
			json_object_array_add(list, device_capacity(m, (CxbDevice *)obj, dc));
	}
	for (guint i = 0; obj->children && i < obj->children->len; i++)
		add_devices(m, obj->children->pdata[i], list);
}

static json_object *query(void *opaque, void *args, GError **errp)
{
	const struct dc_args *a = args;
	CxbMachine *m = ((CxbQmp *)opaque)->machine;
	json_object *list;
	CxbDevice *device;
	CxbDc *dc;

	if (!a->path) {
		list = json_object_new_array();
		add_devices(m, cxb_qom_root(cxb_machine_qom(m)), list);
		return list;
	}
	dc = qmp_find_dc(opaque, a->path, &device, errp);
	if (!dc)
		return NULL;
	list = json_object_new_array();
	json_object_array_add(list, device_capacity(m, device, dc));
	return list;
}

static const char *const statuses[] = { "not-found", "pending", "committed", "releasing", NULL };
static const CxbRet status_info[] = {
	{ "status", CXB_RET_ENUM, "CxlExtentReleaseStatus", .names = statuses },
	{ "message", CXB_RET_STR },
	{ NULL },
};
static const CxbRet status_ret = {
	NULL,
	CXB_RET_OBJECT,
	"CxlExtentReleaseStatusInfo",
	.members = status_info,
};

static const CxbRet region_info[] = {
	{ "index", CXB_RET_INT },
	{ "base", CXB_RET_INT },
	{ "decode-length", CXB_RET_INT },
	{ "length", CXB_RET_INT },
	{ "block-size", CXB_RET_INT },
	{ "sharable", CXB_RET_BOOL },
	{ "hw-coherent", CXB_RET_BOOL },
	{ "read-only", CXB_RET_BOOL },
	{ "non-volatile", CXB_RET_BOOL },
	{ "sanitize-on-release", CXB_RET_BOOL },
	{ NULL },
};
static const char *const states[] = { "offered", "accepted", "releasing", NULL };
static const char *const accesses[] = { "none", "direct", "decoded", NULL };
static const CxbRet extent_info[] = {
	{ "region", CXB_RET_INT },
	{ "dpa", CXB_RET_INT },
	{ "offset", CXB_RET_INT },
	{ "len", CXB_RET_INT },
	{ "tag", CXB_RET_STR },
	{ "seq", CXB_RET_INT },
	{ "host-id", CXB_RET_INT },
	{ "state", CXB_RET_ENUM, "CxlExtentState", .names = states },
	{ "request-id", CXB_RET_STR, .optional = true },
	{ "backend", CXB_RET_STR, .optional = true },
	{ "backend-offset", CXB_RET_INT, .optional = true },
	{ "hpa", CXB_RET_INT, .optional = true },
	{ "access", CXB_RET_ENUM, "CxlExtentAccess", .names = accesses },
	{ NULL },
};
static const CxbRet head_info[] = {
	{ "host-id", CXB_RET_INT },
	{ "path", CXB_RET_STR, .optional = true },
	{ "missed-accesses", CXB_RET_INT, .optional = true },
	{ NULL },
};
static const CxbRet answer_info[] = {
	{ "host-id", CXB_RET_INT },
	{ "opcode", CXB_RET_INT },
	{ "return-code", CXB_RET_INT },
	{ "check", CXB_RET_STR, .optional = true },
	{ NULL },
};
static const CxbRet capacity_info[] = {
	{ "path", CXB_RET_STR },
	{ "heads", CXB_RET_OBJECT, "CxlHeadInfo", .list = true, .members = head_info },
	{ "regions", CXB_RET_OBJECT, "CxlRegionInfo", .list = true, .members = region_info },
	{ "extents", CXB_RET_OBJECT, "CxlExtentInfo", .list = true, .members = extent_info },
	{ "answers", CXB_RET_OBJECT, "CxlHostAnswer", .list = true, .members = answer_info },
	{ "extents-available", CXB_RET_INT },
	{ "tags-available", CXB_RET_INT },
	{ "missed-accesses", CXB_RET_INT },
	{ NULL },
};
static const CxbRet capacity_ret = {
	NULL, CXB_RET_OBJECT, "CxlCapacityInfo", .list = true, .members = capacity_info,
};

static const CxbQmpCmd rows[] = {
	{ "cxl-add-dynamic-capacity", add_rows, sizeof(struct dc_args), CXB_QMP_UNSTABLE,
	  "offer capacity to a host", add },
	{ "cxl-release-dynamic-capacity", release_rows, sizeof(struct dc_args), CXB_QMP_UNSTABLE,
	  "ask capacity back from a host, or take it", release },
	{ "cxl-release-dynamic-capacity-status", status_rows, sizeof(struct dc_args),
	  CXB_QMP_UNSTABLE, "where the allocation of a tag stands", status, &status_ret },
	{ "query-cxl-dynamic-capacity", query_rows, sizeof(struct dc_args), CXB_QMP_UNSTABLE,
	  "regions and extents of devices", query, &capacity_ret },
	{ NULL },
};

void qmp_add_dc_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
