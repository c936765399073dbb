/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of devices that are passed through: each has a place of its own in a fixed memory window that
 * leads to its host bridge and nowhere else. It is shown there whatever the bridge's decoders
 * say: firmware that commits such a device has committed those above it, too.
 */
#include "internal.h"

#include "base/error.h"
#include "base/range.h"

static bool leads_to(const Window *w, const CxbDevice *bridge)
{
	for (unsigned i = 0; i < w->pub.ways; i++)
		if (w->bridges[i] == bridge)
			return true;
	return false;
}

bool cxb_placed_claim(CxbMachine *m, const CxbDevice *dev, uint64_t given, uint64_t size,
		      uint64_t *hpa, GError **errp)
{
	g_autofree char *path = cxb_object_path(&dev->obj);
	const CxbDevice *bridge = cxb_cxl_endpoint_bridge(dev);
	CxbHdmWindow windows[MAX_WINDOWS];
	unsigned n = 0;

	for (unsigned i = 0; bridge && i < m->n_windows; i++) {
		const CxbFixedWindow *w = &m->windows[i].pub;

		if (leads_to(&m->windows[i], bridge))
			windows[n++] = (CxbHdmWindow){ w->index, w->base, w->size, w->ways };
	}
	return cxb_hdm_claim(m->claims, path, given, size, windows, n, hpa, errp);
}

bool cxb_placed_show(CxbMachine *m, const CxbDevice *dev, uint64_t hpa, uint64_t size,
		     CxbHostMem *mem, GError **errp)
{
	Window *w = cxb_fmw_at(m, hpa);
	CxbAliasMode mode;

	if (!w || w->pub.ways != 1 || w->bridges[0] != cxb_cxl_endpoint_bridge(dev) ||
	    !cxb_range_within(hpa, size, w->pub.base, w->pub.size))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"0x%" G_GINT64_MODIFIER "x, 0x%" G_GINT64_MODIFIER
				"x bytes, is in no fixed memory window of its host bridge alone",
				hpa, size);
	if (!cxb_window_alias(w->region, hpa - w->pub.base, size, mem, 0, false, &mode, errp))
		return false;
	if (mode == CXB_ALIAS_DIRECT)
		return true;
	cxb_placed_hide(m, hpa);
	return cxb_fail(errp, CXB_ERROR_NO_ROOM, "no more memory can be mapped");
}

void cxb_placed_hide(CxbMachine *m, uint64_t hpa)
{
	Window *w = cxb_fmw_at(m, hpa);

	cxb_window_unalias(w->region, hpa - w->pub.base);
}
