/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a function: realize, reset, unrealize; its properties. */
#include "base/range.h"
#include "internal.h"

#define SUBSYS_VENDOR_DEFAULT 0x1af4
#define SUBSYS_ID_DEFAULT     0x1100

CXB_TRACE(pci_realize, (const char *type, unsigned bus, unsigned devfn), "%s bus %u slot %02x.%x",
	  type, bus, devfn >> 3, devfn & 7)
CXB_TRACE(pci_unrealize, (const char *type, unsigned devfn), "%s slot %02x.%x", type, devfn >> 3,
	  devfn & 7)
CXB_TRACE(pci_reset, (const char *type, unsigned devfn, CxbResetKind kind),
	  "%s slot %02x.%x kind %d", type, devfn >> 3, devfn & 7, kind)

static void arrays_new(CxbPciDev *dev, uint16_t size)
{
	dev->config_size = size;
	dev->config = g_malloc0(size);
	dev->wmask = g_malloc0(size);
	dev->w1c = g_malloc0(size);
	dev->sticky = g_malloc0(size);
	dev->link = g_malloc0(size);
}

static void arrays_free(CxbPciDev *dev)
{
	g_clear_pointer(&dev->config, g_free);
	g_clear_pointer(&dev->wmask, g_free);
	g_clear_pointer(&dev->w1c, g_free);
	g_clear_pointer(&dev->sticky, g_free);
	g_clear_pointer(&dev->link, g_free);
	g_clear_pointer(&dev->emulated, g_free);
	g_clear_pointer(&dev->reset_val, g_free);
	memset(dev->bars, 0, sizeof(dev->bars));
	dev->config_size = dev->pcie_cap = dev->msi_cap = dev->aer_cap = dev->ext_next = 0;
	dev->cap_next = 0;
	dev->slot_irq = dev->link_off = dev->bus_held = dev->aer_irq = false;
	dev->flits = dev->slot_fixed = false;
}

static void header_init(CxbPciDev *dev, const CxbPciClass *k)
{
	cfg_put(dev, PCI_VENDOR_ID, 2, k->vendor_id);
	cfg_put(dev, PCI_DEVICE_ID, 2, k->device_id);
	cfg_reg(dev, PCI_COMMAND, 2, 0,
		PCI_COMMAND_IO | PCI_COMMAND_MEM | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
			PCI_COMMAND_SERR | PCI_COMMAND_NO_INTX,
		0);
	cfg_reg(dev, PCI_STATUS, 2, 0, 0, PCI_STATUS_ERRORS);
	cfg_put(dev, PCI_REVISION, 1, k->revision);
	cfg_put(dev, PCI_CLASS, 3, k->class_code);
	cfg_reg(dev, PCI_CACHE_LINE, 1, 0, 0xff, 0);
	cfg_put(dev, PCI_HEADER_TYPE, 1, dev->multifunction ? PCI_HEADER_MULTI : 0);
	cfg_reg(dev, PCI_INT_LINE, 1, 0, 0xff, 0);
	if (!k->is_bridge) {
		const bool none = !k->subsys_vendor_id && !k->subsys_id;

		cfg_put(dev, PCI_SUBSYS_VENDOR, 2,
			none ? SUBSYS_VENDOR_DEFAULT : k->subsys_vendor_id);
		cfg_put(dev, PCI_SUBSYS_ID, 2, none ? SUBSYS_ID_DEFAULT : k->subsys_id);
	}
}

/* What is left when the class is through or has failed. */
static void dev_clear(CxbPciDev *dev)
{
	pci_bridge_fini(dev);
	msix_free(dev);
	doe_free(dev);
	arrays_free(dev);
}

bool cxb_pci_dev_realize(CxbDevice *d, GError **errp)
{
	CxbPciDev *dev = CXB_PCI_DEV(d);
	const CxbPciClass *k = pci_class(dev);
	CxbPciBus *bus = cxb_pci_dev_bus(dev);

	if (!pci_bus_pick_devfn(bus, dev, &dev->devfn, errp) || !pci_acpi_index_take(dev, errp))
		return false;
	arrays_new(dev, k->is_express ? CXB_PCIE_CONFIG_SIZE : CXB_PCI_CONFIG_SIZE);
	header_init(dev, k);
	if (k->realize && !k->realize(dev, errp)) {
		pci_acpi_index_give(dev);
		pci_unmap_device(dev);
		dev_clear(dev);
		return false;
	}
	if (dev->secondary && dev->pcie_cap && pcie_is_port_above_link(dev)) {
		dev->secondary->single_slot = true;
		dev->secondary->bus.hotplug = !dev->slot_fixed;
	}
	dev->reset_val = g_memdup2(dev->config, dev->config_size);
	bus->functions[dev->devfn] = dev;
	bus->host->routes_stale = true;
	if (dev->secondary)
		pcie_slot_reset(dev);
	if (bus->bridge)
		pcie_slot_plugged(bus->bridge, d->hotplugged);
	trace_pci_realize(d->obj.type->name, cxb_pci_bus_nr(bus), dev->devfn);
	return true;
}

void cxb_pci_dev_unrealize(CxbDevice *d)
{
	CxbPciDev *dev = CXB_PCI_DEV(d);
	const CxbPciClass *k = pci_class(dev);
	CxbPciBus *bus = cxb_pci_dev_bus(dev);

	trace_pci_unrealize(d->obj.type->name, dev->devfn);
	bus->functions[dev->devfn] = NULL;
	bus->host->routes_stale = true;
	pci_acpi_index_give(dev);
	pci_unmap_device(dev);
	if (bus->bridge)
		pcie_slot_unplugged(bus->bridge);
	if (k->unrealize)
		k->unrealize(dev);
	dev_clear(dev);
}

void cxb_pci_dev_reset(CxbDevice *d, CxbResetKind kind)
{
	CxbPciDev *dev = CXB_PCI_DEV(d);
	const CxbPciClass *k = pci_class(dev);

	trace_pci_reset(d->obj.type->name, dev->devfn, kind);
	for (unsigned i = 0; i < dev->config_size; i++) {
		const uint8_t keep = (cxb_reset_is_fundamental(kind) ? 0 : dev->sticky[i]) |
				     (kind == CXB_RESET_FUNCTION ? dev->link[i] : 0);

		dev->config[i] = (dev->config[i] & keep) | (dev->reset_val[i] & ~keep);
	}
	for (unsigned i = 0; i < CXB_PCI_BARS; i++)
		dev->bars[i].probe = false;
	dev->bus_held = dev->aer_irq = false;
	pci_host(dev)->routes_stale = true;
	pci_map_device(dev);
	msix_reset(dev);
	doe_reset(dev);
	pcie_slot_reset(dev);
	if (k->reset)
		k->reset(dev, kind);
}

void cxb_pci_add_bar(CxbPciDev *dev, unsigned nr, CxbRegion *region, bool is_64, bool prefetchable)
{
	const unsigned count = pci_class(dev)->is_bridge ? 2 : CXB_PCI_BARS;
	const uint64_t size = cxb_region_size(region), mask = ~(size - 1);
	const unsigned reg = PCI_BAR0 + 4 * nr;

	g_assert(nr + is_64 < count && !dev->bars[nr].region);
	g_assert(size >= 16 && !(size & (size - 1)) && (is_64 || size <= 1ull << 31));
	dev->bars[nr] = (CxbPciBar){
		.region = region, .size = size, .is_64 = is_64, .prefetchable = prefetchable
	};
	cfg_reg(dev, reg, 4, (is_64 ? PCI_BAR_64 : 0) | (prefetchable ? PCI_BAR_PREFETCH : 0),
		mask & 0xfffffff0u, 0);
	if (is_64)
		cfg_reg(dev, reg + 4, 4, 0, mask >> 32, 0);
}

void cxb_pci_share_bar(CxbPciDev *dev, unsigned nr, const CxbPciShared *shared)
{
	g_assert(cxb_range_in(shared->off, shared->len, dev->bars[nr].size));
	dev->bars[nr].shared = *shared;
}

unsigned cxb_pci_message(const CxbPciDev *dev, unsigned vector)
{
	return dev->msix || !dev->msi_cap ? vector : vector & (msi_allowed(dev) - 1);
}

void cxb_pci_notify(CxbPciDev *dev, unsigned vector)
{
	if (pci_master(dev) && !msix_notify(dev, vector))
		msi_notify(dev, vector);
}
