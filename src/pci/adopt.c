/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that are elsewhere: what of their configuration space is answered here. It comes from a
 * device that need not mean well, so lists are walked with a limit and lengths are checked.
 */
#include "base/range.h"
#include "internal.h"

#define EXT_ID_VER 0x000fffffu
#define EXT_NEXT   0xfff00000u

void cxb_pci_emulate(CxbPciDev *dev, unsigned off, unsigned len)
{
	memset(dev->emulated + off, 0xff, len);
}

/* Ours from now on, and zero. */
static void hide(CxbPciDev *dev, unsigned off, unsigned len)
{
	cxb_pci_emulate(dev, off, len);
	memset(dev->config + off, 0, len);
	memset(dev->wmask + off, 0, len);
	memset(dev->w1c + off, 0, len);
}

static bool pcie_adopt(CxbPciDev *dev, uint8_t off, GError **errp)
{
	unsigned type;

	if (dev->pcie_cap || off > CXB_PCI_CONFIG_SIZE - PCIE_LINK_STA - 2)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"PCI Express capability at 0x%x makes no sense", off);
	dev->pcie_cap = off;
	type = pcie_type(dev);
	if (type != PCIE_TYPE_ENDPOINT && type != PCIE_TYPE_LEGACY && type != PCIE_TYPE_INTEGRATED)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"a PCI Express function of type %u is no "
				"endpoint",
				type);
	return true;
}

static bool take_cap(CxbPciDev *dev, uint8_t id, uint8_t off, GError **errp)
{
	switch (id) {
	case PCI_CAP_MSI:
		return msi_adopt(dev, off, errp);
	case PCI_CAP_MSIX:
		return msix_adopt(dev, off, errp);
	case PCI_CAP_PCIE:
		return pcie_adopt(dev, off, errp);
	}
	return true;
}

/* A list has no more members than there are places for them. */
static bool take_caps(CxbPciDev *dev, GError **errp)
{
	unsigned off = cfg_get(dev, PCI_CAP_PTR, 1) & ~3u, left = CXB_PCI_CONFIG_SIZE / 4;

	if (!(cfg_get(dev, PCI_STATUS, 2) & PCI_STATUS_CAPS))
		return true;
	for (; off; off = cfg_get(dev, off + 1, 1) & ~3u) {
		if (off < 0x40 || !left--)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"the list of capabilities makes no sense at 0x%x", off);
		if (!take_cap(dev, cfg_get(dev, off, 1), off, errp))
			return false;
	}
	return true;
}

static bool hidden(uint16_t id)
{
	return id == PCI_EXT_ARI || id == PCI_EXT_SRIOV || id == PCI_EXT_REBAR ||
	       id == PCI_EXT_VF_REBAR;
}

/* The first one keeps its place, without being anything; others are left out by the one before. */
static void leave_out(CxbPciDev *dev, unsigned off, unsigned before)
{
	const uint32_t next = cfg_get(dev, off, 4) & EXT_NEXT;

	if (!before) {
		cfg_put(dev, off, 4, next);
		cxb_pci_emulate(dev, off, 4);
		return;
	}
	cfg_put(dev, before, 4, (cfg_get(dev, before, 4) & EXT_ID_VER) | next);
	cxb_pci_emulate(dev, before, 4);
}

static bool take_ext_caps(CxbPciDev *dev, GError **errp)
{
	unsigned before = 0, next, left = CXB_PCIE_CONFIG_SIZE / 4;

	for (unsigned off = CXB_PCI_CONFIG_SIZE; off; off = next) {
		const uint32_t head = cfg_get(dev, off, 4);

		next = FIELD_GET(EXT_NEXT, head) & ~3u;
		if (head == UINT32_MAX)
			break;
		if (!left-- || (next && next < CXB_PCI_CONFIG_SIZE))
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"the list of extended capabilities makes no sense at 0x%x",
					off);
		if (hidden(head & UINT16_MAX)) {
			leave_out(dev, off, before);
			if (before)
				continue;
		}
		before = off;
	}
	return true;
}

bool cxb_pci_adopt(CxbPciDev *dev, const uint8_t *config, unsigned size, GError **errp)
{
	const uint8_t type = config[PCI_HEADER_TYPE] & ~PCI_HEADER_MULTI;
	const uint16_t command = PCI_COMMAND_IO | PCI_COMMAND_MEM | PCI_COMMAND_MASTER;
	uint8_t bars[4 * CXB_PCI_BARS];

	g_assert(size == CXB_PCI_CONFIG_SIZE || size == CXB_PCIE_CONFIG_SIZE);
	if (type)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"a header of type %u is not that of an endpoint", type);
	memcpy(bars, dev->config + PCI_BAR0, sizeof(bars));
	memset(dev->wmask, 0, PCI_BAR0);
	memset(dev->wmask + PCI_ROM, 0, dev->config_size - PCI_ROM);
	memset(dev->w1c, 0, dev->config_size);
	dev->config_size = size;
	memcpy(dev->config, config, size);
	dev->emulated = g_malloc0(size);

	memcpy(dev->config + PCI_BAR0, bars, sizeof(bars));
	cxb_pci_emulate(dev, PCI_BAR0, sizeof(bars));
	hide(dev, PCI_ROM, 4);
	hide(dev, PCI_INT_PIN, 1);
	cfg_put(dev, PCI_HEADER_TYPE, 1, dev->multifunction ? PCI_HEADER_MULTI : 0);
	cxb_pci_emulate(dev, PCI_HEADER_TYPE, 1);
	cfg_reg(dev, PCI_COMMAND, 2, cfg_get(dev, PCI_COMMAND, 2) & ~command, command, 0);
	le_store(dev->emulated + PCI_COMMAND, 2, command);
	return take_caps(dev, errp) && (size == CXB_PCI_CONFIG_SIZE || take_ext_caps(dev, errp));
}

/* --- memory of the machine --- */

static bool bus_memory(CxbPciBus *bus, GError **errp)
{
	for (unsigned i = 0; i < bus->bus.devices->len; i++) {
		CxbPciDev *dev = g_ptr_array_index(bus->bus.devices, i);
		const CxbPciClass *k = pci_class(dev);

		if (dev->dev.realized && k->memory && !k->memory(dev, errp))
			return false;
		if (dev->secondary && !bus_memory(dev->secondary, errp))
			return false;
	}
	return true;
}

bool cxb_pci_host_set_memory(CxbPciHost *host, const CxbPciMemory *memory, unsigned n,
			     GError **errp)
{
	g_free(host->memory);
	host->memory = g_memdup2(memory, n * sizeof(*memory));
	host->n_memory = n;
	for (unsigned i = 0; i < host->roots->len; i++)
		if (!bus_memory(g_ptr_array_index(host->roots, i), errp))
			return false;
	return true;
}

const CxbPciMemory *cxb_pci_host_memory(const CxbPciHost *host, unsigned *n)
{
	*n = host->n_memory;
	return host->memory;
}

void *cxb_pci_memory_ptr(const CxbPciDev *dev, uint64_t hpa, uint64_t len)
{
	const CxbPciHost *host = pci_host(dev);

	for (unsigned i = 0; i < host->n_memory && pci_master(dev); i++) {
		const CxbPciMemory *m = &host->memory[i];

		if (cxb_range_within(hpa, len, m->hpa, m->len))
			return (uint8_t *)cxb_hostmem_ptr(m->mem) + m->mem_off + (hpa - m->hpa);
	}
	return NULL;
}
