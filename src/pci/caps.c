/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of capabilities, and the extended ones that hold no behaviour. */
#include "internal.h"

#define DVSEC_VENDOR_CXL 0x1e98

#define EXT_ID   0x0000ffffu
#define EXT_VER  0x000f0000u
#define EXT_NEXT 0xfff00000u

uint8_t cxb_pci_add_cap(CxbPciDev *dev, uint8_t id, uint8_t off, uint8_t len)
{
	unsigned link = PCI_CAP_PTR;

	if (!off)
		off = MAX(dev->cap_next, 0x40);
	g_assert(off >= 0x40 && off % 4 == 0 && off + len <= CXB_PCI_CONFIG_SIZE);
	while (dev->config[link])
		link = dev->config[link] + 1;
	dev->config[link] = off;
	dev->config[off] = id;
	dev->config[off + 1] = 0;
	cfg_put(dev, PCI_STATUS, 2, cfg_get(dev, PCI_STATUS, 2) | PCI_STATUS_CAPS);
	dev->cap_next = MAX(dev->cap_next, MIN(off + ((len + 3) & ~3), 0xfc));
	return off;
}

uint16_t cxb_pcie_add_ext_cap(CxbPciDev *dev, uint16_t id, uint8_t version, uint16_t off,
			      uint16_t len)
{
	const uint32_t head = FIELD_PREP(EXT_ID, id) | FIELD_PREP(EXT_VER, version);
	unsigned last = CXB_PCI_CONFIG_SIZE;
	uint32_t next;

	if (!off)
		off = MAX(dev->ext_next, CXB_PCI_CONFIG_SIZE);
	g_assert(off >= CXB_PCI_CONFIG_SIZE && off % 4 == 0 && off + len <= dev->config_size);
	if (off == CXB_PCI_CONFIG_SIZE) {
		/* The list starts here always: a null capability may have kept the place. */
		cfg_put(dev, off, 4, head | (cfg_get(dev, off, 4) & EXT_NEXT));
	} else {
		while ((next = FIELD_GET(EXT_NEXT, cfg_get(dev, last, 4))))
			last = next;
		cfg_put(dev, last, 4, cfg_get(dev, last, 4) | FIELD_PREP(EXT_NEXT, off));
		cfg_put(dev, off, 4, head);
	}
	dev->ext_next = MAX(dev->ext_next, (off + len + 3) & ~3);
	return off;
}

uint16_t cxb_pcie_add_dvsec(CxbPciDev *dev, uint16_t id, uint8_t rev, uint16_t off, uint16_t len,
			    const void *body)
{
	g_assert(len >= 0xa);
	off = cxb_pcie_add_ext_cap(dev, PCI_EXT_DVSEC, 1, off, len);
	cfg_put(dev, off + 4, 4, DVSEC_VENDOR_CXL | (uint32_t)rev << 16 | (uint32_t)len << 20);
	cfg_put(dev, off + 8, 2, id);
	if (body)
		memcpy(dev->config + off + 0xa, body, len - 0xa);
	return off;
}

void cxb_pcie_add_acs(CxbPciDev *dev, uint16_t off)
{
	/* Source validation, translation blocking, redirect of requests and completions, upstream
	 * forwarding, direct translated: what a downstream port has to have. */
	const uint16_t bits = 0x5f;

	off = cxb_pcie_add_ext_cap(dev, PCI_EXT_ACS, 1, off, 8);
	cfg_reg(dev, off + 4, 2, bits, 0, 0);
	cfg_reg(dev, off + 6, 2, 0, bits, 0);
}

void cxb_pcie_add_dsn(CxbPciDev *dev, uint16_t off, uint64_t serial)
{
	off = cxb_pcie_add_ext_cap(dev, PCI_EXT_DSN, 1, off, 0xc);
	le_store(dev->config + off + 4, 8, serial);
}
