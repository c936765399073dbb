/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges: the type 1 header, what its registers forward, and the reset of the bus below. */
#include "internal.h"

/* Parity and SERR response, ISA, VGA, VGA 16 bit, secondary bus reset; PCI Express wires the
 * others to 0. */
#define BRIDGE_CTL_MASK 0x005f

void pci_bridge_header(CxbPciDev *dev)
{
	cfg_put(dev, PCI_HEADER_TYPE, 1, cfg_get(dev, PCI_HEADER_TYPE, 1) | 1);
	/* Primary, secondary, subordinate bus number. */
	cfg_reg(dev, PCI_PRIMARY_BUS, 3, 0, 0xffffff, 0);
	/* All windows start closed: limit below base. I/O is 16 bits wide, prefetchable memory 64. */
	cfg_reg(dev, PCI_IO_BASE, 1, 0xf0, 0xf0, 0);
	cfg_reg(dev, PCI_IO_LIMIT, 1, 0x00, 0xf0, 0);
	cfg_reg(dev, PCI_SEC_STATUS, 2, 0, 0, PCI_STATUS_ERRORS);
	cfg_reg(dev, PCI_MEM_BASE, 2, 0xfff0, 0xfff0, 0);
	cfg_reg(dev, PCI_MEM_LIMIT, 2, 0x0000, 0xfff0, 0);
	cfg_reg(dev, PCI_PREF_BASE, 2, 0xfff1, 0xfff0, 0);
	cfg_reg(dev, PCI_PREF_LIMIT, 2, 0x0001, 0xfff0, 0);
	cfg_reg(dev, PCI_PREF_BASE_HI, 4, 0, UINT32_MAX, 0);
	cfg_reg(dev, PCI_PREF_LIMIT_HI, 4, 0, UINT32_MAX, 0);
	cfg_reg(dev, PCI_BRIDGE_CTL, 2, 0, BRIDGE_CTL_MASK, 0);
}

bool cxb_pci_bridge_init(CxbPciDev *dev, const char *bus_name, GError **errp)
{
	CxbPciBus *bus;

	g_assert(pci_class(dev)->is_bridge && !dev->secondary);
	bus = pci_bus_new(pci_host(dev), bus_name, pci_class(dev)->is_express, &dev->dev, NULL,
			  errp);
	if (!bus)
		return false;
	pci_bridge_header(dev);
	bus->bridge = dev;
	dev->secondary = bus;
	return true;
}

void cxb_pci_bridge_without_io(CxbPciDev *dev)
{
	le_store(dev->wmask + PCI_IO_BASE, 2, 0);
	dev->wmask[PCI_COMMAND] &= ~PCI_COMMAND_IO;
}

void pci_bridge_fini(CxbPciDev *dev)
{
	CxbPciBus *bus = g_steal_pointer(&dev->secondary);

	if (bus)
		cxb_object_unparent(&bus->bus.obj);
}

bool pci_bridge_reaches_below(const CxbPciDev *dev)
{
	return !dev->bus_held && pcie_slot_is_up(dev);
}

bool pci_resets_below(const CxbPciDev *dev, CxbPciPortControl control)
{
	const CxbPciClass *k = pci_class(dev);

	return !k->resets_below || k->resets_below(dev, control);
}

void pci_bridge_reset_below(CxbPciDev *dev, CxbResetKind kind)
{
	CXB_MEMMAP_TXN(pci_host(dev)->mm);

	cxb_dev_bus_reset(&dev->secondary->bus, kind);
}

void pci_bridge_config_written(CxbPciDev *dev, const CxbCfgWrite *w)
{
	if (cfg_touches(w, PCI_PRIMARY_BUS, 3))
		pci_host(dev)->routes_stale = true;
	if (cfg_touches(w, PCI_BRIDGE_CTL, 2)) {
		const uint16_t was = cfg_old16(dev, w, PCI_BRIDGE_CTL);
		const uint16_t now = cfg_get(dev, PCI_BRIDGE_CTL, 2);

		if (!((now ^ was) & PCI_BRIDGE_CTL_SBR))
			return;
		dev->bus_held = (now & PCI_BRIDGE_CTL_SBR) &&
				pci_resets_below(dev, CXB_PCI_SECONDARY_BUS_RESET);
		pci_host(dev)->routes_stale = true;
		if (dev->bus_held)
			pci_bridge_reset_below(dev, CXB_RESET_HOT);
	}
}
