/* SPDX-License-Identifier: Apache-2.0 */
/* Allocations of dynamic capacity by tag, and the orchestrator's references to them (CXL 3.1 7.6.7.6.7 to
 * 7.6.7.6.9, by QMP instead of an FM). */
#include "monitor.h"

#include "devices/cxl.h"
#include "memory/hostmem.h"

struct tag_args {
	char *path, *tag;
};

#define ROW(name, field, ...)                                                          \
	{                                                                              \
		name, CXB_ARG_STR, offsetof(struct tag_args, field), .has_offset = -1, \
								     ##__VA_ARGS__     \
	}
static const CxbArg tag_rows[] = { ROW("path", path), ROW("tag", tag), { NULL } };
static const CxbArg path_rows[] = { ROW("path", path), { NULL } };

static json_object *reference(void *opaque, const struct tag_args *a,
			      bool (*change)(CxbDc *dc, const CxbUuid *tag, GError **errp),
			      GError **errp)
{
	CxbDevice *device;
	CxbUuid tag;
	CxbDc *dc;

	if (!qmp_parse_tag(a->tag, &tag, errp))
		return NULL;
	dc = qmp_find_dc(opaque, a->path, &device, errp);
	return dc && change(dc, &tag, errp) ? cxb_qmp_empty() : NULL;
}

static json_object *add_reference(void *opaque, void *args, GError **errp)
{
	return reference(opaque, args, cxb_dc_add_reference, errp);
}

static json_object *remove_reference(void *opaque, void *args, GError **errp)
{
	return reference(opaque, args, cxb_dc_remove_reference, errp);
}

/* Which hosts have it: those that answered, or those that did not. */
static json_object *hosts(CxbDc *dc, const CxbDcTagInfo *info, bool pending)
{
	json_object *list = json_object_new_array();

	for (unsigned host = 0; host < cxb_dc_config(dc)->n_heads; host++) {
		CxbDcStatus status;

		if (cxb_dc_status(dc, host, info->region, &info->tag, &status, NULL, NULL, NULL) &&
		    status != CXB_DC_STATUS_NOT_FOUND &&
		    (status == CXB_DC_STATUS_PENDING) == pending)
			json_object_array_add(list, json_object_new_int(host));
	}
	return list;
}

static json_object *query(void *opaque, void *args, GError **errp)
{
	const struct tag_args *a = args;
	CxbDevice *device;
	CxbDcTagInfo info;
	json_object *list;
	CxbDc *dc = qmp_find_dc(opaque, a->path, &device, errp);

	if (!dc)
		return NULL;
	list = json_object_new_array();
	for (size_t i = 0; cxb_dc_tag_at(dc, i, &info); i++) {
		json_object *o = json_object_new_object();

		cxb_json_put_uuid(o, "tag", &info.tag);
		cxb_json_put_u64(o, "region", info.region);
		cxb_json_put_u64(o, "extents", info.extents);
		cxb_json_put_u64(o, "bytes", info.bytes);
		cxb_json_put_str(o, "backend", cxb_hostmem_id(cxb_cxl_backing_mem(info.backing)));
		cxb_json_put_bool(o, "referenced", info.referenced);
		cxb_json_put_u64(o, "references", info.heads + info.referenced);
		put(o, "hosts", hosts(dc, &info, false));
		put(o, "pending-hosts", hosts(dc, &info, true));
		json_object_array_add(list, o);
	}
	return list;
}

static const CxbRet tag_info[] = {
	{ "tag", CXB_RET_STR },
	{ "region", CXB_RET_INT },
	{ "extents", CXB_RET_INT },
	{ "bytes", CXB_RET_INT },
	{ "backend", CXB_RET_STR },
	{ "referenced", CXB_RET_BOOL },
	{ "references", CXB_RET_INT },
	{ "hosts", CXB_RET_INT, .list = true },
	{ "pending-hosts", CXB_RET_INT, .list = true },
	{ NULL },
};
static const CxbRet tags_ret = {
	NULL, CXB_RET_OBJECT, "CxlCapacityTagInfo", .list = true, .members = tag_info,
};

static const CxbQmpCmd rows[] = {
	{ "cxl-add-dynamic-capacity-reference", tag_rows, sizeof(struct tag_args), CXB_QMP_UNSTABLE,
	  "keep an allocation that no host has any more", add_reference },
	{ "cxl-remove-dynamic-capacity-reference", tag_rows, sizeof(struct tag_args),
	  CXB_QMP_UNSTABLE, "end that", remove_reference },
	{ "query-cxl-dynamic-capacity-tags", path_rows, sizeof(struct tag_args), CXB_QMP_UNSTABLE,
	  "allocations of a device and who has them", query, &tags_ret },
	{ NULL },
};

void qmp_add_dc_tag_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
