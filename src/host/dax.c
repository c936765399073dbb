/* SPDX-License-Identifier: Apache-2.0 */
/* Accepted allocations as DAX devices, and who holds them. */
#include "base/error.h"
#include "priv.h"

static void dax_free(gpointer opaque)
{
	CxbHostDax *dax = opaque;

	g_array_unref(dax->extents);
	g_free(dax);
}

/* Sharable: every host places them by their numbers. */
static gint by_sequence(gconstpointer a, gconstpointer b)
{
	return (gint)((const CxbHostExtent *)a)->seq - ((const CxbHostExtent *)b)->seq;
}

static CxbHostDax *dax_new(const HAlloc *alloc)
{
	HMemdev *md = alloc->md;
	CxbHostDax *dax = g_new0(CxbHostDax, 1);

	dax->uuid = alloc->tag;
	dax->host_id = md->driver->id;
	dax->memdev = md->index;
	dax->bdf = md->func->pub.bdf;
	dax->holders = alloc->holders;
	dax->release_asked = alloc->state != A_ACCEPTED;
	dax->extents = g_array_sized_new(false, false, sizeof(CxbHostExtent), alloc->extents->len);
	for (unsigned i = 0; i < alloc->extents->len; i++) {
		CxbHostExtent e = cxb_h_extent_pub(md, g_ptr_array_index(alloc->extents, i));

		dax->region = e.region;
		dax->size += e.len;
		g_array_append_val(dax->extents, e);
	}
	if (md->sharable >> dax->region & 1)
		g_array_sort(dax->extents, by_sequence);
	return dax;
}

GPtrArray *cxb_host_daxes(const CxbHost *host)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(dax_free);

	for (unsigned i = 0; i < host->memdevs->len; i++) {
		const HMemdev *md = g_ptr_array_index(host->memdevs, i);

		for (const GList *l = md->accepted.head; l; l = l->next)
			g_ptr_array_add(all, dax_new(l->data));
	}
	return all;
}

static HAlloc *find(CxbHost *host, uint16_t host_id, const CxbUuid *uuid, GError **errp)
{
	HDriver *drv = cxb_h_driver(host, host_id);
	char text[CXB_UUID_STRLEN + 1];
	HAlloc *alloc = drv ? cxb_h_tag_find(drv, uuid) : NULL;

	if (alloc && alloc->state >= A_ACCEPTED)
		return alloc;
	cxb_uuid_format(uuid, text);
	if (host_id)
		cxb_fail(errp, CXB_ERROR_NOT_FOUND, "no DAX device of host %u has uuid %s", host_id,
			 text);
	else
		cxb_fail(errp, CXB_ERROR_NOT_FOUND, "no DAX device has uuid %s", text);
	return NULL;
}

bool cxb_host_dax_hold(CxbHost *host, uint16_t host_id, const CxbUuid *uuid, GError **errp)
{
	char text[CXB_UUID_STRLEN + 1];
	HAlloc *alloc = find(host, host_id, uuid, errp);

	if (!alloc)
		return false;
	if (alloc->state == A_RELEASING)
		return cxb_fail(errp, CXB_ERROR_BUSY, "DAX device %s is being given back",
				cxb_uuid_format(uuid, text));
	alloc->holders++;
	return true;
}

bool cxb_host_dax_release(CxbHost *host, uint16_t host_id, const CxbUuid *uuid, GError **errp)
{
	char text[CXB_UUID_STRLEN + 1];
	HAlloc *alloc = find(host, host_id, uuid, errp);

	if (!alloc)
		return false;
	if (!alloc->holders)
		return cxb_fail(errp, CXB_ERROR_INVALID, "DAX device %s is not held",
				cxb_uuid_format(uuid, text));
	if (--alloc->holders == 0)
		cxb_h_let_go(alloc);
	return true;
}
