/* SPDX-License-Identifier: Apache-2.0 */
#include "qmp_host.h"

#include "base/error.h"
#include "io/json_put.h"

static void put_bdf(json_object *o, uint16_t bdf)
{
	char text[16];

	g_snprintf(text, sizeof(text), "%02x:%02x.%x", bdf >> 8, bdf >> 3 & 31, bdf & 7);
	cxb_json_put_str(o, "bdf", text);
}

static const char *state_name(CxbHostState state)
{
	switch (state) {
	case CXB_HOST_BOOTING:
		return "booting";
	case CXB_HOST_READY:
		return "ready";
	default:
		return "failed";
	}
}

static json_object *windows(const CxbHost *host)
{
	json_object *list = json_object_new_array();
	const CxbHostWindow *w;
	const unsigned n = cxb_host_windows(host, &w);

	for (unsigned i = 0; i < n; i++) {
		json_object *o = json_object_new_object(), *targets = json_object_new_array();

		cxb_json_put_u64(o, "base", w[i].base);
		cxb_json_put_u64(o, "size", w[i].size);
		cxb_json_put_u64(o, "granularity", w[i].granularity);
		for (unsigned t = 0; t < w[i].ways; t++)
			json_object_array_add(targets, json_object_new_uint64(w[i].targets[t]));
		json_object_object_add(o, "targets", targets);
		cxb_json_put_u64(o, "restrictions", w[i].restrictions);
		json_object_array_add(list, o);
	}
	return list;
}

void cxb_qmp_host_put_path(const QmpHost *qh, json_object *o, uint16_t bdf)
{
	const CxbPciDev *dev = cxb_pci_find(cxb_machine_pci(qh->machine), bdf);
	g_autofree char *path = dev ? cxb_object_path(&dev->dev.obj) : NULL;

	if (path)
		cxb_json_put_str(o, "path", path);
}

static json_object *functions(const QmpHost *qh)
{
	json_object *list = json_object_new_array();
	const CxbHostFunction *f;
	const unsigned n = cxb_host_functions(qh->host, &f);

	for (unsigned i = 0; i < n; i++) {
		json_object *o = json_object_new_object();

		put_bdf(o, f[i].bdf);
		cxb_json_put_u64(o, "depth", f[i].depth);
		cxb_json_put_str(o, "role", f[i].role);
		cxb_json_put_u64(o, "vendor", f[i].vendor);
		cxb_json_put_u64(o, "device", f[i].device);
		cxb_json_put_u64(o, "class", f[i].class_code);
		cxb_qmp_host_put_path(qh, o, f[i].bdf);
		json_object_array_add(list, o);
	}
	return list;
}

static json_object *memdevs(const CxbHost *host)
{
	json_object *list = json_object_new_array();
	const CxbHostMemdev *md;
	const unsigned n = cxb_host_memdevs(host, &md);

	for (unsigned i = 0; i < n; i++) {
		json_object *o = json_object_new_object();

		cxb_json_put_u64(o, "memdev", md[i].memdev);
		put_bdf(o, md[i].bdf);
		cxb_json_put_u64(o, "host-id", md[i].host_id);
		cxb_json_put_u64(o, "serial", md[i].serial);
		cxb_json_put_u64(o, "static-size", md[i].static_size);
		cxb_json_put_u64(o, "dc-regions", md[i].dc_regions);
		cxb_json_put_str(o, "firmware", md[i].firmware);
		json_object_array_add(list, o);
	}
	return list;
}

static json_object *regions(const CxbHost *host)
{
	json_object *list = json_object_new_array();
	const CxbHostRegion *r;
	const unsigned n = cxb_host_regions(host, &r);

	for (unsigned i = 0; i < n; i++) {
		json_object *o = json_object_new_object();

		cxb_json_put_u64(o, "memdev", r[i].memdev);
		cxb_json_put_str(o, "kind", r[i].is_static ? "static" : "dynamic");
		if (!r[i].is_static)
			cxb_json_put_u64(o, "region", r[i].region);
		cxb_json_put_u64(o, "dpa", r[i].dpa);
		cxb_json_put_u64(o, "len", r[i].len);
		if (!r[i].is_static)
			cxb_json_put_u64(o, "block-size", r[i].block_size);
		cxb_json_put_bool(o, "mapped", r[i].mapped);
		if (r[i].mapped) {
			cxb_json_put_u64(o, "hpa", r[i].hpa);
			cxb_json_put_u64(o, "decoder", r[i].decoder);
		}
		json_object_array_add(list, o);
	}
	return list;
}

static json_object *accelerators(const QmpHost *qh)
{
	json_object *list = json_object_new_array();
	const CxbHostAccel *a;
	const unsigned n = cxb_host_accels(qh->host, &a);

	for (unsigned i = 0; i < n; i++) {
		json_object *o = json_object_new_object();

		put_bdf(o, a[i].bdf);
		cxb_json_put_u64(o, "vendor", a[i].vendor);
		cxb_json_put_u64(o, "device", a[i].device);
		cxb_json_put_u64(o, "decoder", a[i].decoder);
		cxb_json_put_u64(o, "hpa", a[i].hpa);
		cxb_json_put_u64(o, "len", a[i].len);
		cxb_json_put_bool(o, "mapped", a[i].mapped);
		cxb_json_put_bool(o, "usable", a[i].usable);
		cxb_qmp_host_put_path(qh, o, a[i].bdf);
		json_object_array_add(list, o);
	}
	return list;
}

static json_object *extents(const CxbHost *host)
{
	json_object *list = json_object_new_array();
	g_autoptr(GArray) all = cxb_host_extents(host);

	for (guint i = 0; i < all->len; i++) {
		const CxbHostExtent *e = &g_array_index(all, CxbHostExtent, i);
		json_object *o = json_object_new_object();

		cxb_json_put_u64(o, "memdev", e->memdev);
		cxb_json_put_u64(o, "region", e->region);
		cxb_json_put_u64(o, "dpa", e->dpa);
		cxb_json_put_u64(o, "len", e->len);
		cxb_json_put_uuid(o, "tag", &e->tag);
		cxb_json_put_u64(o, "seq", e->seq);
		cxb_json_put_str(o, "state", cxb_host_extent_state_name(e->state));
		if (e->hpa)
			cxb_json_put_u64(o, "hpa", e->hpa);
		json_object_array_add(list, o);
	}
	return list;
}

static json_object *events(const CxbHost *host)
{
	json_object *list = json_object_new_array();
	g_autoptr(GArray) all = cxb_host_events(host);

	for (guint i = 0; i < all->len; i++) {
		const CxbHostEvent *e = &g_array_index(all, CxbHostEvent, i);
		json_object *o = json_object_new_object();

		cxb_json_put_u64(o, "memdev", e->memdev);
		cxb_json_put_u64(o, "log", e->log);
		cxb_json_put_u64(o, "type", e->type);
		cxb_json_put_u64(o, "handle", e->handle);
		cxb_json_put_bool(o, "more", e->more);
		cxb_json_put_u64(o, "dpa", e->dpa);
		cxb_json_put_u64(o, "len", e->len);
		cxb_json_put_uuid(o, "tag", &e->tag);
		cxb_json_put_u64(o, "seq", e->seq);
		json_object_array_add(list, o);
	}
	return list;
}

bool cxb_qmp_host_there(const QmpHost *qh, GError **errp)
{
	return qh->host || cxb_fail(errp, CXB_ERROR_INVALID,
				    "The built-in host is not there: started without -accel host");
}

bool cxb_qmp_host_runs(const QmpHost *qh, GError **errp)
{
	if (!cxb_qmp_host_there(qh, errp))
		return false;
	return !cxb_host_halted(qh->host) ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "The built-in host stands: 'cont' lets it run");
}

static json_object *query_cxl_host(void *opaque, void *args, GError **errp)
{
	const QmpHost *qh = opaque;
	json_object *o;

	if (!cxb_qmp_host_there(qh, errp))
		return NULL;
	o = json_object_new_object();
	cxb_json_put_str(o, "state", state_name(cxb_host_state(qh->host)));
	if (cxb_host_error(qh->host))
		cxb_json_put_str(o, "error", cxb_host_error(qh->host));
	json_object_object_add(o, "windows", windows(qh->host));
	json_object_object_add(o, "functions", functions(qh));
	json_object_object_add(o, "memdevs", memdevs(qh->host));
	json_object_object_add(o, "regions", regions(qh->host));
	json_object_object_add(o, "accelerators", accelerators(qh));
	json_object_object_add(o, "extents", extents(qh->host));
	json_object_object_add(o, "events", events(qh->host));
	return o;
}

/* --- cxl-host-respond --- */

enum { RESPOND_ACCEPT, RESPOND_REJECT, RESPOND_RELEASE, RESPOND_KEEP };
static const char *const responses[] = { "accept", "reject", "release", "keep", NULL };

struct respond_args {
	char *tag;
	int response;
	bool has_memdev;
	uint32_t memdev;
};

static const CxbArg respond_rows[] = {
	{ "tag", CXB_ARG_STR, offsetof(struct respond_args, tag), .has_offset = -1 },
	{ "response", CXB_ARG_ENUM, offsetof(struct respond_args, response), .has_offset = -1,
	  .names = responses, .enum_name = "CxlHostResponse" },
	{ "memdev", CXB_ARG_U32, offsetof(struct respond_args, memdev), .optional = true,
	  .has_offset = offsetof(struct respond_args, has_memdev) },
	{ NULL },
};

static bool waits_for(const CxbHost *host, const struct respond_args *a, const CxbUuid *tag,
		      CxbHostExtentState state)
{
	g_autoptr(GArray) all = cxb_host_extents(host);

	for (guint i = 0; i < all->len; i++) {
		const CxbHostExtent *e = &g_array_index(all, CxbHostExtent, i);

		if (e->state == state && cxb_uuid_equal(&e->tag, tag) &&
		    (!a->has_memdev || e->memdev == a->memdev))
			return true;
	}
	return false;
}

static json_object *cxl_host_respond(void *opaque, void *args, GError **errp)
{
	const QmpHost *qh = opaque;
	const struct respond_args *a = args;
	const bool add = a->response == RESPOND_ACCEPT || a->response == RESPOND_REJECT;
	CxbUuid tag = { { 0 } };

	if (!cxb_qmp_host_runs(qh, errp))
		return NULL;
	if (*a->tag && !cxb_uuid_parse(a->tag, &tag)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "tag '%s' is not a UUID", a->tag);
		return NULL;
	}
	if (!waits_for(qh->host, a, &tag,
		       add ? CXB_HOST_EXTENT_ASKING : CXB_HOST_EXTENT_RELEASE_ASKED)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "no %s of tag '%s' waits for an answer",
			 add ? "offer" : "release request", a->tag);
		return NULL;
	}
	if (!cxb_host_respond(qh->host, a->has_memdev ? (int)a->memdev : -1, &tag,
			      a->response == RESPOND_ACCEPT || a->response == RESPOND_RELEASE,
			      errp))
		return NULL;
	return cxb_qmp_empty();
}

/* --- cxl-host-restart --- */

struct restart_args {
	uint16_t host_id; /* not given: 0 */
};

static const CxbArg restart_rows[] = {
	{ "host-id", CXB_ARG_U16, offsetof(struct restart_args, host_id), .optional = true,
	  .has_offset = -1 },
	{ NULL },
};

static json_object *cxl_host_restart(void *opaque, void *args, GError **errp)
{
	const QmpHost *qh = opaque;
	const struct restart_args *a = args;

	if (!cxb_qmp_host_runs(qh, errp) || !cxb_host_restart(qh->host, a->host_id, errp))
		return NULL;
	return cxb_qmp_empty();
}

/* --- what query-cxl-host returns --- */

static const CxbRet window_info[] = {
	{ "base", CXB_RET_INT },         { "size", CXB_RET_INT },
	{ "granularity", CXB_RET_INT },  { "targets", CXB_RET_INT, .list = true },
	{ "restrictions", CXB_RET_INT }, { NULL },
};
static const CxbRet function_info[] = {
	{ "bdf", CXB_RET_STR },
	{ "depth", CXB_RET_INT },
	{ "role", CXB_RET_STR },
	{ "vendor", CXB_RET_INT },
	{ "device", CXB_RET_INT },
	{ "class", CXB_RET_INT },
	{ "path", CXB_RET_STR, .optional = true },
	{ NULL },
};
static const CxbRet memdev_info[] = {
	{ "memdev", CXB_RET_INT },      { "bdf", CXB_RET_STR },
	{ "host-id", CXB_RET_INT },     { "serial", CXB_RET_INT },
	{ "static-size", CXB_RET_INT }, { "dc-regions", CXB_RET_INT },
	{ "firmware", CXB_RET_STR },    { NULL },
};
static const char *const region_kinds[] = { "static", "dynamic", NULL };
static const CxbRet region_info[] = {
	{ "memdev", CXB_RET_INT },
	{ "kind", CXB_RET_ENUM, "CxlHostRegionKind", .names = region_kinds },
	{ "region", CXB_RET_INT, .optional = true },
	{ "dpa", CXB_RET_INT },
	{ "len", CXB_RET_INT },
	{ "block-size", CXB_RET_INT, .optional = true },
	{ "mapped", CXB_RET_BOOL },
	{ "hpa", CXB_RET_INT, .optional = true },
	{ "decoder", CXB_RET_INT, .optional = true },
	{ NULL },
};
static const CxbRet accelerator_info[] = {
	{ "bdf", CXB_RET_STR },
	{ "vendor", CXB_RET_INT },
	{ "device", CXB_RET_INT },
	{ "decoder", CXB_RET_INT },
	{ "hpa", CXB_RET_INT },
	{ "len", CXB_RET_INT },
	{ "mapped", CXB_RET_BOOL },
	{ "usable", CXB_RET_BOOL },
	{ "path", CXB_RET_STR, .optional = true },
	{ NULL },
};
static const char *const extent_states[] = { "staged", "asking", "accepted", "release-asked",
					     NULL };
static const CxbRet extent_info[] = {
	{ "memdev", CXB_RET_INT },
	{ "region", CXB_RET_INT },
	{ "dpa", CXB_RET_INT },
	{ "len", CXB_RET_INT },
	{ "tag", CXB_RET_STR },
	{ "seq", CXB_RET_INT },
	{ "state", CXB_RET_ENUM, "CxlHostExtentState", .names = extent_states },
	{ "hpa", CXB_RET_INT, .optional = true },
	{ NULL },
};
static const CxbRet event_info[] = {
	{ "memdev", CXB_RET_INT }, { "log", CXB_RET_INT },
	{ "type", CXB_RET_INT },   { "handle", CXB_RET_INT },
	{ "more", CXB_RET_BOOL },  { "dpa", CXB_RET_INT },
	{ "len", CXB_RET_INT },    { "tag", CXB_RET_STR },
	{ "seq", CXB_RET_INT },    { NULL },
};
static const char *const states[] = { "booting", "ready", "failed", NULL };
static const CxbRet host_info[] = {
	{ "state", CXB_RET_ENUM, "CxlHostState", .names = states },
	{ "error", CXB_RET_STR, .optional = true },
	{ "windows", CXB_RET_OBJECT, "CxlHostWindow", .list = true, .members = window_info },
	{ "functions", CXB_RET_OBJECT, "CxlHostFunction", .list = true, .members = function_info },
	{ "memdevs", CXB_RET_OBJECT, "CxlHostMemdev", .list = true, .members = memdev_info },
	{ "regions", CXB_RET_OBJECT, "CxlHostRegion", .list = true, .members = region_info },
	{ "accelerators", CXB_RET_OBJECT, "CxlHostAccelerator", .list = true,
	  .members = accelerator_info },
	{ "extents", CXB_RET_OBJECT, "CxlHostExtent", .list = true, .members = extent_info },
	{ "events", CXB_RET_OBJECT, "CxlHostEvent", .list = true, .members = event_info },
	{ NULL },
};
static const CxbRet host_ret = { NULL, CXB_RET_OBJECT, "CxlHostInfo", .members = host_info };

static const CxbQmpCmd rows[] = {
	{ "query-cxl-host", NULL, 0, 0, "what the built-in host found and holds", query_cxl_host,
	  &host_ret },
	{ "cxl-host-respond", respond_rows, sizeof(struct respond_args), 0,
	  "answer an offer or a release request for the built-in host", cxl_host_respond },
	{ "cxl-host-restart", restart_rows, sizeof(struct restart_args), 0,
	  "let one host of the built-in host start anew", cxl_host_restart },
	{ NULL },
};

void cxb_qmp_host_add(CxbQmp *qmp, QmpHost *qh)
{
	cxb_qmp_add(qmp, rows, qh);
	cxb_qmp_dax_add(qmp, qh);
}
