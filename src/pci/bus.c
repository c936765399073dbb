/* SPDX-License-Identifier: Apache-2.0 */
/* Buses: types, and which slot a function gets. */
#include "internal.h"

static const char *type_name(const CxbPciDev *dev)
{
	return dev->dev.obj.type->name;
}

static bool slot_taken(const CxbPciDev *dev, unsigned devfn, const CxbPciDev *by, GError **errp)
{
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"PCI: slot %u function %u not available for %s, in use by %s,id=%s",
			devfn >> 3, devfn & 7, type_name(dev), type_name(by),
			by->dev.id ? by->dev.id : "(null)");
}

/* Software looks at functions above 0 only if function 0 says that there are some. */
static bool check_multifunction(const CxbPciBus *bus, const CxbPciDev *dev, unsigned devfn,
				GError **errp)
{
	const unsigned slot = devfn >> 3;
	const CxbPciDev *f0 = bus->functions[slot << 3];

	if (devfn & 7) {
		if (f0 && !f0->multifunction)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"PCI: single function device can't be populated in "
					"function %x.%x",
					slot, devfn & 7);
		return true;
	}
	if (dev->multifunction)
		return true;
	for (unsigned fn = 1; fn < 8; fn++)
		if (bus->functions[slot << 3 | fn])
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"PCI: %x.0 indicates single function, but %x.%x is "
					"already populated.",
					slot, slot, fn);
	return true;
}

bool pci_bus_pick_devfn(CxbPciBus *bus, CxbPciDev *dev, uint8_t *out, GError **errp)
{
	const CxbPciDev *f0 = bus->functions[0];
	unsigned devfn;

	if (bus->accepts && !bus->accepts(bus, dev, errp))
		return false;
	if (dev->devfn_prop >= 0) {
		devfn = dev->devfn_prop;
		if (bus->functions[devfn])
			return slot_taken(dev, devfn, bus->functions[devfn], errp);
	} else {
		for (devfn = bus->min_slot << 3; devfn < 256 && bus->functions[devfn]; devfn += 8)
			;
		if (devfn >= 256)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"PCI: no slot/function available for %s, all in use or "
					"reserved",
					type_name(dev));
	}
	/* Function 0 is what makes the host look: nothing can join it later. */
	if (bus->single_slot && dev->dev.hotplugged && f0)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"PCI: slot 0 function 0 already occupied by %s, new func %s "
				"cannot be exposed to guest.",
				type_name(f0), type_name(dev));
	if (bus->single_slot && devfn >> 3)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"PCI: slot %u is not valid for %s, parent device only allows "
				"plugging into slot 0.",
				devfn >> 3, type_name(dev));
	if (!check_multifunction(bus, dev, devfn, errp) ||
	    (dev->dev.hotplugged && bus->bridge && !pcie_slot_hotplugs(bus->bridge, "plug", errp)))
		return false;
	*out = devfn;
	return true;
}

bool cxb_pci_accepts_bridges(CxbPciBus *bus, CxbPciDev *dev, GError **errp)
{
	const CxbObject *owner = bus->bus.owner ? &bus->bus.owner->obj : &bus->bus.obj;

	return pci_class(dev)->is_bridge ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"PCI: Only PCI/PCIe bridges can be plugged into %s", owner->type->name);
}

static bool bus_accepts(CxbDevBus *b, CxbDevice *d, GError **errp)
{
	uint8_t devfn;

	return pci_bus_pick_devfn((CxbPciBus *)b, CXB_PCI_DEV(d), &devfn, errp);
}

/* However a root bus leaves, its number is free afterwards. */
static void bus_unparent(CxbObject *obj)
{
	CxbPciBus *bus = (CxbPciBus *)obj;

	if (!bus->host)
		return;
	g_ptr_array_remove(bus->host->roots, bus);
	bus->host->routes_stale = true;
}

static const CxbDevBusClass bus_class = { .kind = "PCI", .accepts = bus_accepts };

static const CxbType bus_types[] = {
	{
		.name = CXB_TYPE_NAME_PCI_BUS,
		.parent = CXB_TYPE_NAME_BUS,
		.size = sizeof(CxbPciBus),
		.klass = &bus_class,
		.unparent = bus_unparent,
	},
	{
		.name = CXB_TYPE_NAME_PCIE_BUS,
		.parent = CXB_TYPE_NAME_PCI_BUS,
		.size = sizeof(CxbPciBus),
	},
};

CxbPciBus *pci_bus_new(CxbPciHost *host, const char *name, bool express, CxbDevice *owner,
		       CxbObject *parent, GError **errp)
{
	CxbPciBus *bus = (CxbPciBus *)cxb_dev_bus_new(host->qom, &bus_types[express], name, owner,
						      parent, errp);

	if (bus) {
		bus->host = host;
		bus->express = express;
	}
	return bus;
}

static void dev_init(CxbObject *obj)
{
	CXB_PCI_DEV(obj)->devfn_prop = CXB_PCI_DEV(obj)->rombar = -1;
}

static const CxbPciClass abstract_class = { .device = CXB_PCI_DEVICE_CLASS };

static const CxbType dev_types[] = {
	{
		.name = CXB_TYPE_NAME_PCI_DEVICE,
		.parent = CXB_TYPE_NAME_DEVICE,
		.size = sizeof(CxbPciDev),
		.flags = CXB_TYPE_ABSTRACT,
		.props = pci_dev_props,
		.klass = &abstract_class,
		.init = dev_init,
	},
	{
		.name = CXB_TYPE_NAME_PCI_BRIDGE,
		.parent = CXB_TYPE_NAME_PCI_DEVICE,
		.size = sizeof(CxbPciDev),
		.flags = CXB_TYPE_ABSTRACT,
	},
};

void cxb_pci_types_register(CxbQom *qom)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(bus_types); i++)
		cxb_qom_register(qom, &bus_types[i]);
	for (unsigned i = 0; i < G_N_ELEMENTS(dev_types); i++)
		cxb_qom_register(qom, &dev_types[i]);
}
