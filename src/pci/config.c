/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration space: accesses of any width through the masks, and what a write sets off. */
#include "internal.h"

static bool size_ok(unsigned size)
{
	return size == 1 || size == 2 || size == 4;
}

static uint32_t all_ones(unsigned size)
{
	return size >= 4 ? UINT32_MAX : (1u << (8 * size)) - 1;
}

static uint32_t read_aligned(CxbPciDev *dev, uint16_t off, unsigned size)
{
	const CxbPciClass *k = pci_class(dev);

	if (off >= dev->config_size)
		return all_ones(size);
	if (k->config_read)
		return k->config_read(dev, off, size);
	if (k->config_reading)
		k->config_reading(dev, off, size);
	return cfg_get(dev, off, size);
}

uint32_t cxb_pci_dev_config_read(CxbPciDev *dev, uint16_t off, unsigned size)
{
	uint32_t val = 0;

	if (!size_ok(size))
		return UINT32_MAX;
	if (off % size == 0)
		return read_aligned(dev, off, size);
	for (unsigned i = 0; i < size; i++)
		val |= read_aligned(dev, (uint16_t)(off + i), 1) << (8 * i);
	return val;
}

/* A size probe writes all ones, read-only type bits included; an address never does. */
static void bars_note_probe(CxbPciDev *dev, const CxbCfgWrite *w)
{
	for (unsigned i = 0; i < CXB_PCI_BARS; i++) {
		const unsigned reg = PCI_BAR0 + 4 * i;

		if (dev->bars[i].region && cfg_touches(w, reg, 1))
			dev->bars[i].probe = (w->val >> (8 * (reg - w->off)) & 0xf) == 0xf;
	}
}

static bool moves_bars(const CxbPciDev *dev, const CxbCfgWrite *w)
{
	if (cfg_touches(w, PCI_COMMAND, 1))
		return true;
	if (dev->secondary)
		return cfg_touches(w, PCI_BAR0, 8) || cfg_touches(w, PCI_MEM_BASE, 0x10);
	return cfg_touches(w, PCI_BAR0, 4 * CXB_PCI_BARS);
}

static void write_aligned(CxbPciDev *dev, uint16_t off, unsigned size, uint32_t val)
{
	const CxbPciClass *k = pci_class(dev);
	const CxbCfgWrite w = { off, size, val,
				off < dev->config_size ? cfg_get(dev, off, size) : 0 };

	if (off >= dev->config_size)
		return;
	if (k->config_write)
		k->config_write(dev, off, size, val);
	for (unsigned i = 0; i < size; i++) {
		uint8_t *c = &dev->config[off + i], b = val >> (8 * i);
		const uint8_t wm = dev->wmask[off + i], clear = dev->w1c[off + i];

		*c = ((*c & ~wm) | (b & wm)) & ~(b & clear);
	}
	if (off < PCI_CAP_PTR) {
		bars_note_probe(dev, &w);
		if (moves_bars(dev, &w))
			pci_map_device(dev);
	}
	if (dev->secondary)
		pci_bridge_config_written(dev, &w);
	msi_config_written(dev, &w);
	msix_config_written(dev, &w);
	aer_config_written(dev, &w);
	pcie_slot_config_written(dev, &w);
	pcie_link_config_written(dev, &w);
	doe_config_written(dev, &w);
	if (k->config_written)
		k->config_written(dev, off, size);
	pcie_config_written(dev, &w); /* last: it may reset the function */
}

void cxb_pci_dev_config_write(CxbPciDev *dev, uint16_t off, unsigned size, uint32_t val)
{
	if (!size_ok(size))
		return;
	if (off % size == 0) {
		write_aligned(dev, off, size, val);
		return;
	}
	for (unsigned i = 0; i < size; i++)
		write_aligned(dev, (uint16_t)(off + i), 1, val >> (8 * i) & 0xff);
}

uint32_t cxb_pci_config_read(CxbPciHost *host, uint16_t bdf, uint16_t off, unsigned size)
{
	CxbPciDev *dev = cxb_pci_find(host, bdf);

	return dev ? cxb_pci_dev_config_read(dev, off, size) : all_ones(size);
}

void cxb_pci_config_write(CxbPciHost *host, uint16_t bdf, uint16_t off, unsigned size, uint32_t val)
{
	CxbPciDev *dev = cxb_pci_find(host, bdf);

	if (dev)
		cxb_pci_dev_config_write(dev, off, size, val);
}
