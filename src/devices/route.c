/* SPDX-License-Identifier: Apache-2.0 */
/* From a host bridge down to an endpoint (CXL 3.1 8.2.4.20.13): a pure function of what is
 * committed and what is plugged. */
#include "devices.h"

#include "base/range.h"

static CxbDevice *endpoint_below(const CxbPciDev *port)
{
	CxbPciDev *dev = port->secondary ? port->secondary->functions[0] : NULL;

	return dev && cxb_cxl_is_endpoint(&dev->dev) ? &dev->dev : NULL;
}

void cxb_route_limit(CxbCxlRoute *r, const CxbHdmDecoder *d, uint64_t hpa)
{
	r->len = MIN(r->len, d->size - (hpa - d->base));
	if (cxb_hdm_ways(d->iw) > 1) {
		const uint32_t g = cxb_hdm_granularity(d->ig);

		r->interleaved = true;
		r->len = MIN(r->len, g - ((hpa - d->base) & (g - 1)));
	}
}

/* The committed decoder that takes @hpa limits how far it goes on in order. */
static bool decoder_run(const CxbHdm *hdm, uint64_t hpa, CxbCxlRoute *r)
{
	for (unsigned i = 0; i < hdm->count; i++) {
		const CxbHdmDecoder *d = &hdm->dec[i];

		if (!d->committed)
			break;
		if (!cxb_range_within(hpa, 1, d->base, d->size))
			continue;
		cxb_route_limit(r, d, hpa);
		return true;
	}
	return false;
}

bool cxb_pxb_cxl_route(CxbDevice *dev, uint64_t hpa, CxbCxlRoute *out)
{
	const PxbCxl *pxb = (const PxbCxl *)dev;
	const CxbHdm *hdm = cxb_comp_hdm(pxb->comp);
	const GPtrArray *ports = pxb->bus->bus.devices;
	CxbCxlRoute r = { .len = UINT64_MAX };
	CxbPciDev *port;

	if (!pxb->passthrough) {
		uint8_t number;

		if (!cxb_hdm_route(hdm, hpa, &number) || !decoder_run(hdm, hpa, &r))
			return false;
		port = pxb->ports[number];
	} else {
		/* Everything goes to the only port. */
		port = ports->len == 1 ? ports->pdata[0] : NULL;
	}
	if (!port)
		return false;
	r.endpoint = endpoint_below(port);
	if (!r.endpoint)
		return false;
	hdm = cxb_cxl_endpoint_hdm(r.endpoint);
	if (!cxb_hdm_to_dpa(hdm, hpa, &r.dpa) || !decoder_run(hdm, hpa, &r))
		return false;
	*out = r;
	return true;
}

CxbDevice *cxb_cxl_endpoint_bridge(const CxbDevice *endpoint)
{
	CxbDevBus *bus = endpoint->bus;

	while (bus && bus->owner) {
		if (cxb_object_is(&bus->owner->obj, CXB_TYPE_NAME_PXB_CXL))
			return bus->owner;
		bus = bus->owner->bus;
	}
	return NULL;
}
