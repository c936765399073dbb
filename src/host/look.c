/* SPDX-License-Identifier: Apache-2.0 */
/* What others may see of the host. Arrays are made anew by each call. */
#include "priv.h"

unsigned cxb_host_windows(const CxbHost *host, const CxbHostWindow **out)
{
	*out = (const CxbHostWindow *)host->windows_pub->data;
	return host->windows_pub->len;
}

unsigned cxb_host_functions(const CxbHost *host, const CxbHostFunction **out)
{
	*out = (const CxbHostFunction *)host->funcs_pub->data;
	return host->funcs_pub->len;
}

unsigned cxb_host_memdevs(const CxbHost *host, const CxbHostMemdev **out)
{
	g_array_set_size(host->memdevs_pub, 0);
	for (unsigned i = 0; i < host->memdevs->len; i++) {
		const HMemdev *md = g_ptr_array_index(host->memdevs, i);
		CxbHostMemdev pub = {
			.memdev = md->index,
			.bdf = md->func->pub.bdf,
			.host_id = md->driver->id,
			.serial = md->serial,
			.static_size = md->volatile_size + md->persistent_size,
			.dc_regions = md->dc_regions,
			.firmware = md->firmware,
		};

		g_array_append_val(host->memdevs_pub, pub);
	}
	*out = (const CxbHostMemdev *)host->memdevs_pub->data;
	return host->memdevs_pub->len;
}

unsigned cxb_host_regions(const CxbHost *host, const CxbHostRegion **out)
{
	g_array_set_size(host->regions_pub, 0);
	for (unsigned i = 0; i < host->memdevs->len; i++) {
		const HMemdev *md = g_ptr_array_index(host->memdevs, i);

		g_array_append_vals(host->regions_pub, md->regions->data, md->regions->len);
	}
	*out = (const CxbHostRegion *)host->regions_pub->data;
	return host->regions_pub->len;
}

unsigned cxb_host_accels(const CxbHost *host, const CxbHostAccel **out)
{
	*out = (const CxbHostAccel *)host->accels->data;
	return host->accels->len;
}

const char *cxb_host_extent_state_name(CxbHostExtentState state)
{
	static const char *const names[] = {
		[CXB_HOST_EXTENT_STAGED] = "staged",
		[CXB_HOST_EXTENT_ASKING] = "asking",
		[CXB_HOST_EXTENT_ACCEPTED] = "accepted",
		[CXB_HOST_EXTENT_RELEASE_ASKED] = "release-asked",
	};

	return names[state];
}

static CxbHostExtentState extent_state(const HExtent *e)
{
	if (!e->alloc)
		return CXB_HOST_EXTENT_STAGED;
	switch (e->alloc->state) {
	case A_ASKING:
		return CXB_HOST_EXTENT_ASKING;
	case A_ACCEPTED:
		return CXB_HOST_EXTENT_ACCEPTED;
	case A_RELEASE_ASKED:
	case A_RELEASING:
		return CXB_HOST_EXTENT_RELEASE_ASKED;
	case A_REFUSED:
	case A_ANSWERING:
		break;
	}
	return CXB_HOST_EXTENT_STAGED;
}

CxbHostExtent cxb_h_extent_pub(HMemdev *md, const HExtent *e)
{
	const CxbHostRegion *r = cxb_h_region_of(md, e->dpa, e->len);

	return (CxbHostExtent){
		.memdev = md->index,
		.region = r ? r->region : e->region,
		.dpa = e->dpa,
		.len = e->len,
		.hpa = r && r->mapped ? r->hpa + (e->dpa - r->dpa) : 0,
		.tag = e->tag,
		.seq = e->seq,
		.state = extent_state(e),
	};
}

static void add_extents(GArray *all, HMemdev *md, const CxbIvMap *map)
{
	for (CxbIv *iv = cxb_ivmap_first(map); iv; iv = cxb_ivmap_next(map, iv)) {
		CxbHostExtent pub = cxb_h_extent_pub(md, iv->value);

		g_array_append_val(all, pub);
	}
}

GArray *cxb_host_extents(const CxbHost *host)
{
	GArray *all = g_array_new(false, false, sizeof(CxbHostExtent));

	for (unsigned i = 0; i < host->memdevs->len; i++) {
		HMemdev *md = g_ptr_array_index(host->memdevs, i);

		add_extents(all, md, md->live);
		add_extents(all, md, md->offers);
	}
	return all;
}

GArray *cxb_host_events(const CxbHost *host)
{
	GArray *all = g_array_new(false, false, sizeof(CxbHostEvent));

	for (const GList *l = host->events.head; l; l = l->next)
		g_array_append_vals(all, l->data, 1);
	return all;
}
