/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in host's DAX devices: query-dax, dax-hold, dax-release. */
#include "base/error.h"
#include "qmp_host.h"
#include "io/json_put.h"

static json_object *extents(const CxbHostDax *dax)
{
	json_object *list = json_object_new_array();

	for (guint i = 0; i < dax->extents->len; i++) {
		const CxbHostExtent *e = &g_array_index(dax->extents, CxbHostExtent, i);
		json_object *o = json_object_new_object();

		cxb_json_put_u64(o, "dpa", e->dpa);
		if (e->hpa)
			cxb_json_put_u64(o, "hpa", e->hpa);
		cxb_json_put_u64(o, "len", e->len);
		json_object_array_add(list, o);
	}
	return list;
}

static json_object *query_dax(void *opaque, void *args, GError **errp)
{
	const QmpHost *qh = opaque;
	g_autoptr(GPtrArray) all = NULL;
	json_object *list;

	if (!cxb_qmp_host_there(qh, errp))
		return NULL;
	all = cxb_host_daxes(qh->host);
	list = json_object_new_array();
	for (guint i = 0; i < all->len; i++) {
		const CxbHostDax *dax = g_ptr_array_index(all, i);
		json_object *o = json_object_new_object();

		cxb_json_put_uuid(o, "uuid", &dax->uuid);
		cxb_json_put_u64(o, "size", dax->size);
		cxb_json_put_u64(o, "host-id", dax->host_id);
		cxb_json_put_u64(o, "memdev", dax->memdev);
		cxb_qmp_host_put_path(qh, o, dax->bdf);
		cxb_json_put_u64(o, "region", dax->region);
		cxb_json_put_bool(o, "held", dax->holders > 0);
		cxb_json_put_u64(o, "holders", dax->holders);
		cxb_json_put_bool(o, "release-asked", dax->release_asked);
		json_object_object_add(o, "extents", extents(dax));
		json_object_array_add(list, o);
	}
	return list;
}

struct dax_args {
	char *uuid;
	uint16_t host_id; /* not given: 0 */
};

static const CxbArg dax_rows[] = {
	{ "uuid", CXB_ARG_STR, offsetof(struct dax_args, uuid), .has_offset = -1 },
	{ "host-id", CXB_ARG_U16, offsetof(struct dax_args, host_id), .optional = true,
	  .has_offset = -1 },
	{ NULL },
};

typedef bool (*DaxFn)(CxbHost *host, uint16_t host_id, const CxbUuid *uuid, GError **errp);

static json_object *by_uuid(const QmpHost *qh, const struct dax_args *a, DaxFn fn, GError **errp)
{
	CxbUuid uuid;

	if (!cxb_qmp_host_runs(qh, errp))
		return NULL;
	if (!cxb_uuid_parse(a->uuid, &uuid)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "uuid '%s' is not a UUID", a->uuid);
		return NULL;
	}
	return fn(qh->host, a->host_id, &uuid, errp) ? cxb_qmp_empty() : NULL;
}

static json_object *dax_hold(void *opaque, void *args, GError **errp)
{
	return by_uuid(opaque, args, cxb_host_dax_hold, errp);
}

static json_object *dax_release(void *opaque, void *args, GError **errp)
{
	return by_uuid(opaque, args, cxb_host_dax_release, errp);
}

static const CxbRet extent_info[] = {
	{ "dpa", CXB_RET_INT },
	{ "hpa", CXB_RET_INT, .optional = true },
	{ "len", CXB_RET_INT },
	{ NULL },
};
static const CxbRet dax_info[] = {
	{ "uuid", CXB_RET_STR },
	{ "size", CXB_RET_INT },
	{ "host-id", CXB_RET_INT },
	{ "memdev", CXB_RET_INT },
	{ "path", CXB_RET_STR, .optional = true },
	{ "region", CXB_RET_INT },
	{ "held", CXB_RET_BOOL },
	{ "holders", CXB_RET_INT },
	{ "release-asked", CXB_RET_BOOL },
	{ "extents", CXB_RET_OBJECT, "DaxExtentInfo", .list = true, .members = extent_info },
	{ NULL },
};
static const CxbRet dax_ret = {
	NULL, CXB_RET_OBJECT, "DaxInfo", .list = true, .members = dax_info,
};

static const CxbQmpCmd rows[] = {
	{ "query-dax", NULL, 0, 0, "DAX devices of the built-in host", query_dax, &dax_ret },
	{ "dax-hold", dax_rows, sizeof(struct dax_args), 0, "be a holder of a DAX device",
	  dax_hold },
	{ "dax-release", dax_rows, sizeof(struct dax_args), 0, "be a holder no longer",
	  dax_release },
	{ NULL },
};

void cxb_qmp_dax_add(CxbQmp *qmp, QmpHost *qh)
{
	cxb_qmp_add(qmp, rows, qh);
}
