/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vendor-specific capability by which a bridge asks firmware to keep room free below it: buses,
 * I/O, memory, prefetchable memory below or above 4 GiB. Its layout is QEMU's; Linux does not read it.
 */
#include "internal.h"

#define RESERVE_LEN    0x20
#define RESERVE_KIND   0x03 /* what the capability is about: 1 */
#define RESERVE_BUSES  0x04
#define RESERVE_IO     0x08 /* 8 bytes */
#define RESERVE_MEM    0x10
#define RESERVE_PREF32 0x14
#define RESERVE_PREF64 0x18 /* 8 bytes */

static bool below_4g(const char *what, uint64_t size, GError **errp)
{
	return size == CXB_PCI_RESERVE_NONE || size < 1ull << 32 ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"PCI resource reserve cap: %s must be less than 4G", what);
}

bool cxb_pci_bridge_add_reserve(CxbPciDev *dev, uint8_t off, const CxbPciReserve *r, GError **errp)
{
	const uint64_t none = CXB_PCI_RESERVE_NONE;

	if (r->buses == UINT32_MAX && r->io == none && r->mem == none && r->pref32 == none &&
	    r->pref64 == none)
		return true;
	if (!below_4g("mem-reserve", r->mem, errp) || !below_4g("pref32-reserve", r->pref32, errp))
		return false;
	/* There is one prefetchable window. */
	if (r->pref32 != none && r->pref64 != none)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"PCI resource reserve cap: PREF32 and PREF64 conflict");
	off = cxb_pci_add_cap(dev, PCI_CAP_VENDOR, off, RESERVE_LEN);
	cfg_put(dev, off + 2, 1, RESERVE_LEN);
	cfg_put(dev, off + RESERVE_KIND, 1, 1);
	cfg_put(dev, off + RESERVE_BUSES, 4, r->buses);
	le_store(dev->config + off + RESERVE_IO, 8, r->io);
	cfg_put(dev, off + RESERVE_MEM, 4, r->mem);
	cfg_put(dev, off + RESERVE_PREF32, 4, r->pref32);
	le_store(dev->config + off + RESERVE_PREF64, 8, r->pref64);
	return true;
}
