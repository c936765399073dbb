/* SPDX-License-Identifier: Apache-2.0 */
/* Plain MSI (PCIe 6.0 7.7.1): everything lives in configuration space. */
#include "internal.h"

static unsigned data_reg(const CxbPciDev *dev)
{
	const bool is_64 = cfg_get(dev, dev->msi_cap + PCI_MSI_CTL, 2) & PCI_MSI_CTL_64;

	return dev->msi_cap + PCI_MSI_ADDR + (is_64 ? 8 : 4);
}

void cxb_msi_init(CxbPciDev *dev, uint8_t off, unsigned vectors, bool is_64, bool maskable)
{
	const uint8_t len = 0xa + (is_64 ? 4 : 0) + (maskable ? 0xa : 0);
	const unsigned log2 = g_bit_nth_msf(vectors, -1);

	g_assert(vectors >= 1 && vectors <= 32 && !(vectors & (vectors - 1)) && !dev->msi_cap);
	dev->msi_cap = off = cxb_pci_add_cap(dev, PCI_CAP_MSI, off, len);
	cfg_reg(dev, off + PCI_MSI_CTL, 2,
		FIELD_PREP(PCI_MSI_CTL_MMC, log2) | (is_64 ? PCI_MSI_CTL_64 : 0) |
			(maskable ? PCI_MSI_CTL_MASK : 0),
		PCI_MSI_CTL_ENABLE | PCI_MSI_CTL_MME, 0);
	cfg_reg(dev, off + PCI_MSI_ADDR, 4, 0, 0xfffffffc, 0);
	if (is_64)
		cfg_reg(dev, off + PCI_MSI_ADDR + 4, 4, 0, UINT32_MAX, 0);
	cfg_reg(dev, data_reg(dev), 2, 0, 0xffff, 0);
	if (maskable)
		cfg_reg(dev, data_reg(dev) + 4, 4, 0, UINT32_MAX >> (32 - vectors), 0);
}

unsigned cxb_msi_vectors(const CxbPciDev *dev)
{
	return dev->msi_cap ? 1u << FIELD_GET(PCI_MSI_CTL_MMC,
					      cfg_get(dev, dev->msi_cap + PCI_MSI_CTL, 2))
			    : 0;
}

unsigned msi_allowed(const CxbPciDev *dev)
{
	const uint16_t ctl = cfg_get(dev, dev->msi_cap + PCI_MSI_CTL, 2);

	return 1u << MIN(FIELD_GET(PCI_MSI_CTL_MME, ctl), FIELD_GET(PCI_MSI_CTL_MMC, ctl));
}

/* What follows the data: 4 bytes of masks, 4 of pending bits, if there are any. */
static bool has_masks(const CxbPciDev *dev)
{
	return cfg_get(dev, dev->msi_cap + PCI_MSI_CTL, 2) & PCI_MSI_CTL_MASK;
}

bool msi_adopt(CxbPciDev *dev, uint8_t off, GError **errp)
{
	const uint16_t ctl = cfg_get(dev, off + PCI_MSI_CTL, 2);
	const unsigned log2 = FIELD_GET(PCI_MSI_CTL_MMC, ctl);
	unsigned end;

	if (dev->msi_cap || log2 > 5)
		return cxb_fail(errp, CXB_ERROR_INVALID, "MSI capability at 0x%x makes no sense",
				off);
	dev->msi_cap = off;
	end = data_reg(dev) + (has_masks(dev) ? 0xc : 2);
	if (end > CXB_PCI_CONFIG_SIZE)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"MSI capability at 0x%x ends behind configuration space", off);
	cfg_reg(dev, off + PCI_MSI_CTL, 2, ctl & ~(PCI_MSI_CTL_ENABLE | PCI_MSI_CTL_MME),
		PCI_MSI_CTL_ENABLE | PCI_MSI_CTL_MME, 0);
	cfg_reg(dev, off + PCI_MSI_ADDR, 4, 0, 0xfffffffc, 0);
	if (ctl & PCI_MSI_CTL_64)
		cfg_reg(dev, off + PCI_MSI_ADDR + 4, 4, 0, UINT32_MAX, 0);
	cfg_reg(dev, data_reg(dev), 2, 0, 0xffff, 0);
	if (has_masks(dev)) {
		cfg_reg(dev, data_reg(dev) + 4, 4, 0, UINT32_MAX >> (32 - (1u << log2)), 0);
		cfg_reg(dev, data_reg(dev) + 8, 4, 0, 0, 0);
	}
	cxb_pci_emulate(dev, off + PCI_MSI_CTL, end - off - PCI_MSI_CTL);
	return true;
}

bool cxb_msi_owns(const CxbPciDev *dev, unsigned off)
{
	return dev->msi_cap && has_masks(dev) && off >= data_reg(dev) + 4 &&
	       off < data_reg(dev) + 0xc;
}

unsigned cxb_msi_allowed(const CxbPciDev *dev)
{
	return dev->msi_cap && (cfg_get(dev, dev->msi_cap + PCI_MSI_CTL, 2) & PCI_MSI_CTL_ENABLE)
		       ? msi_allowed(dev)
		       : 0;
}

static void send(CxbPciDev *dev, unsigned vector)
{
	const unsigned addr = dev->msi_cap + PCI_MSI_ADDR, data = data_reg(dev);
	uint64_t hpa = cfg_get(dev, addr, 4);

	if (dev->server) {
		dev->server->interrupt(dev->server->opaque, false, vector);
		return;
	}
	if (data - addr == 8)
		hpa |= (uint64_t)cfg_get(dev, addr + 4, 4) << 32;
	pci_msi_send(dev, hpa, (cfg_get(dev, data, 2) & ~(msi_allowed(dev) - 1)) | vector);
}

bool msi_notify(CxbPciDev *dev, unsigned vector)
{
	uint16_t ctl;

	if (!dev->msi_cap)
		return false;
	ctl = cfg_get(dev, dev->msi_cap + PCI_MSI_CTL, 2);
	if (!(ctl & PCI_MSI_CTL_ENABLE))
		return false;
	vector &= msi_allowed(dev) - 1;
	if (ctl & PCI_MSI_CTL_MASK) {
		const unsigned mask = data_reg(dev) + 4, pending = mask + 4;

		if (cfg_get(dev, mask, 4) >> vector & 1) {
			cfg_put(dev, pending, 4, cfg_get(dev, pending, 4) | 1u << vector);
			return true;
		}
	}
	send(dev, vector);
	return true;
}

void msi_config_written(CxbPciDev *dev, const CxbCfgWrite *w)
{
	unsigned mask, pending;
	uint16_t ctl;

	if (!dev->msi_cap ||
	    !(cfg_touches(w, dev->msi_cap, 0x18) || cfg_touches(w, PCI_COMMAND, 1)))
		return;
	ctl = cfg_get(dev, dev->msi_cap + PCI_MSI_CTL, 2);
	if (!(ctl & PCI_MSI_CTL_ENABLE) || !(ctl & PCI_MSI_CTL_MASK) || !pci_master(dev))
		return;
	mask = data_reg(dev) + 4;
	pending = mask + 4;
	for (unsigned v = 0; v < 32; v++) {
		const uint32_t bit = 1u << v;

		/* Looked at anew each time: a message may come back as a write. */
		if (cfg_get(dev, pending, 4) & ~cfg_get(dev, mask, 4) & bit) {
			cfg_put(dev, pending, 4, cfg_get(dev, pending, 4) & ~bit);
			send(dev, v & (msi_allowed(dev) - 1));
		}
	}
}
