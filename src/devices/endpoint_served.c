/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of an endpoint for machines elsewhere that ask for it by message: a region whose offsets are
 * host addresses of that machine. The endpoint's own decoders make DPAs of them, as they do of requests that
 * come over a link. Whoever maps memory instead (a guest of a cxl-guest, a cxl-window) needs nothing of it.
 */
#include <errno.h>

#include "base/range.h"
#include "devices.h"
#include "pci/served.h"
#include "vfio/cxl.h"
#include "vfu/wire.h"

enum { REGION_MEM = CXB_PCI_SERVED_OWN, REGIONS };

static const struct {
	struct vfu_cap cap;
	uint32_t type, subtype;
} type = { { VFU_CAP_TYPE, 1, 0 }, CXB_VFIO_TYPE_CXLBOX, CXB_VFIO_SUBTYPE_HPA };

static const GByteArray caps = { (guint8 *)&type, sizeof(type) };

static uint32_t flags(CxbPciDev *dev)
{
	return 0;
}

static unsigned regions(CxbPciDev *dev)
{
	return REGIONS;
}

static bool region(CxbPciDev *dev, unsigned index, CxbPciServedRegion *out)
{
	if (index != REGION_MEM)
		return false;
	out->size = PHYS_LIMIT;
	out->caps = &caps;
	return true;
}

/* An access that not all of it is there for is cut short where it ends. */

/* The largest piece at the start of (@hpa, @len) that is in one place. Returns: its size, 0 if there is no
 * such place. */
static size_t piece(CxbPciDev *dev, uint64_t hpa, size_t len, uint64_t *dpa)
{
	const CxbHdm *hdm = cxb_cxl_endpoint_hdm(&dev->dev);
	const CxbHdmDecoder *d = cxb_hdm_decoder_at(hdm, hpa);
	CxbCxlRoute r = { .len = len };

	if (!d || !cxb_hdm_to_dpa(hdm, hpa, dpa))
		return 0;
	cxb_route_limit(&r, d, hpa);
	return r.len;
}

static int read_mem(CxbPciDev *dev, unsigned index, uint64_t hpa, void *buf, size_t len)
{
	uint64_t dpa;

	if (!cxb_range_within(hpa, len, 0, PHYS_LIMIT))
		return -EINVAL;
	for (size_t at = 0, n; at < len; at += n) {
		n = piece(dev, hpa + at, len - at, &dpa);
		if (!n || !cxb_cxl_endpoint_read(&dev->dev, dpa, (uint8_t *)buf + at, n))
			return at ? (int)at : -EIO;
	}
	return len;
}

static int write_mem(CxbPciDev *dev, unsigned index, uint64_t hpa, const void *buf, size_t len)
{
	uint64_t dpa;

	if (!cxb_range_within(hpa, len, 0, PHYS_LIMIT))
		return -EINVAL;
	for (size_t at = 0, n; at < len; at += n) {
		n = piece(dev, hpa + at, len - at, &dpa);
		if (!n || !cxb_cxl_endpoint_write(&dev->dev, dpa, (const uint8_t *)buf + at, n))
			return at ? (int)at : -EIO;
	}
	return len;
}

const CxbPciServedOps cxb_endpoint_served_ops = {
	.flags = flags,
	.regions = regions,
	.region = region,
	.read = read_mem,
	.write = write_mem,
};
