/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pxb-cxl: a CXL host bridge. On bus 0 it is a function without BARs; it owns a root bus, and the
 * component registers that CHBS points to (placed by the machine).
 */
#include "devices.h"

#include "base/error.h"

#define NUMA_NODE_NONE 128

static void hdm_removing(void *opaque)
{
	PxbCxl *pxb = opaque;

	if (pxb->listener)
		pxb->listener->decode_removing(pxb->listener->opaque, &pxb->pci.dev);
}

static void hdm_changed(void *opaque)
{
	PxbCxl *pxb = opaque;

	if (pxb->listener)
		pxb->listener->decode_changed(pxb->listener->opaque, &pxb->pci.dev);
}

static CxbComp *comp_new(PxbCxl *pxb)
{
	const CxbCompConfig config = {
		.kind = CXB_COMP_HOST_BRIDGE,
		.name = pxb->pci.dev.id ? pxb->pci.dev.id : CXB_TYPE_NAME_PXB_CXL,
		.hdm = !pxb->passthrough,
		.decoders = 4,
		.targets = 8,
		.hdm_removing = hdm_removing,
		.hdm_changed = hdm_changed,
		.opaque = pxb,
	};

	return cxb_comp_new(&config);
}

static bool pxb_realize(CxbPciDev *dev, GError **errp)
{
	PxbCxl *pxb = (PxbCxl *)dev;
	CxbPciHost *host = cxb_pci_dev_bus(dev)->host;
	const char *name = dev->dev.id ? dev->dev.id : CXB_TYPE_NAME_PXB_CXL;

	if (cxb_pci_dev_bus(dev)->bridge || cxb_pci_dev_bus(dev)->root_nr != 0)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"PXB devices can be attached only to root bus");
	pxb->bus = cxb_pci_root_bus_new(host, name, pxb->bus_nr, true, &dev->dev, NULL, errp);
	if (!pxb->bus)
		return false;
	pxb->bus->accepts = cxb_pci_accepts_bridges;
	pxb->listener = cxb_qom_get_service(dev->dev.obj.qom, CXB_SERVICE_CXL_LISTENER);
	pxb->comp = comp_new(pxb);
	pxb->regs = cxb_region_new_io("cxl-host-bridge", CXB_COMP_SIZE, &cxb_comp_region_ops,
				      &pxb->comp);
	return true;
}

static void pxb_unrealize(CxbPciDev *dev)
{
	PxbCxl *pxb = (PxbCxl *)dev;

	pxb->listener = NULL;
	g_clear_pointer(&pxb->regs, cxb_region_free);
	g_clear_pointer(&pxb->comp, cxb_comp_free);
	if (pxb->bus)
		cxb_pci_root_bus_gone(pxb->bus);
	pxb->bus = NULL;
}

static void pxb_reset(CxbPciDev *dev, CxbResetKind kind)
{
	PxbCxl *pxb = (PxbCxl *)dev;

	/* With exactly one root port the decoders may be left out (8.2.4.20). Ports may have come
	 * since the last time: whether decoders are there is settled at reset, as in QEMU. */
	const bool passthrough = !pxb->hdm_for_passthrough && pxb->bus->bus.devices->len == 1;

	cxb_comp_reset(pxb->comp, kind);
	if (passthrough != pxb->passthrough) {
		pxb->passthrough = passthrough;
		cxb_comp_free(pxb->comp);
		pxb->comp = comp_new(pxb);
	}
}

/* --- its ports --- */

static PxbCxl *pxb_of(const CxbPciBus *bus)
{
	CxbDevice *owner = bus->bus.owner;

	return owner && cxb_object_is(&owner->obj, CXB_TYPE_NAME_PXB_CXL) ? (PxbCxl *)owner : NULL;
}

void cxb_pxb_cxl_port_added(CxbPciBus *bus, CxbPciDev *port, uint8_t number)
{
	PxbCxl *pxb = pxb_of(bus);

	if (pxb && (!pxb->ports[number] || port->devfn < pxb->ports[number]->devfn))
		pxb->ports[number] = port;
}

void cxb_pxb_cxl_port_removed(CxbPciBus *bus, CxbPciDev *port, uint8_t number)
{
	PxbCxl *pxb = pxb_of(bus);

	if (!pxb || pxb->ports[number] != port)
		return;
	pxb->ports[number] = NULL;
	/* Another one may have the same number. */
	for (unsigned i = 0; i < G_N_ELEMENTS(bus->functions); i++) {
		CxbPciDev *dev = bus->functions[i];

		if (dev && dev != port && cxb_object_is(&dev->dev.obj, CXB_TYPE_NAME_CXL_RP) &&
		    ((const CxlRp *)dev)->port == number)
			cxb_pxb_cxl_port_added(bus, dev, number);
	}
}

static const CxbPciClass pxb_class = {
	.device = PCI_DEVICE_CLASS_COLD,
	.vendor_id = 0x1b36,
	.device_id = 0x000b,
	.subsys_vendor_id = 0x1af4,
	.subsys_id = 0x1100,
	.class_code = 0x060000,
	.realize = pxb_realize,
	.unrealize = pxb_unrealize,
	.reset = pxb_reset,
};

static bool check_numa_node(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	return v->u <= NUMA_NODE_NONE ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "Illegal numa node %" G_GUINT64_FORMAT, v->u);
}

static const CxbProp pxb_props[] = {
	{ "bus_nr", CXB_PROP_U8, offsetof(PxbCxl, bus_nr), .def = "0",
	  .desc = "number of the bridge's bus, 1 to 255; 0: nothing on it can be reached" },
	{ "bypass_iommu", CXB_PROP_BOOL, offsetof(PxbCxl, bypass_iommu), .def = "off",
	  .desc = "no effect: there is no IOMMU" },
	{ "hdm_for_passthrough", CXB_PROP_BOOL, offsetof(PxbCxl, hdm_for_passthrough),
	  .desc = "HDM decoders even with a single root port", .def = "off" },
	{ "numa_node", CXB_PROP_U16, offsetof(PxbCxl, numa_node), .def = "128",
	  .check = check_numa_node, .desc = "0 to 127, 128: none; no effect: no table tells" },
	{ NULL },
};

const CxbType cxb_pxb_cxl_type = {
	.name = CXB_TYPE_NAME_PXB_CXL,
	.parent = CXB_TYPE_NAME_PCI_DEVICE,
	.desc = "CXL Host Bridge",
	.category = "Bridge",
	.size = sizeof(PxbCxl),
	.flags = CXB_TYPE_DEVICE,
	.props = pxb_props,
	.klass = &pxb_class,
};

GPtrArray *cxb_pxb_cxl_list(const CxbPciBus *root)
{
	GPtrArray *list = g_ptr_array_new();

	for (unsigned i = root->bus.devices->len; i-- > 0;) {
		CxbDevice *dev = root->bus.devices->pdata[i];

		if (cxb_object_is(&dev->obj, CXB_TYPE_NAME_PXB_CXL))
			g_ptr_array_add(list, dev);
	}
	return list;
}

uint8_t cxb_pxb_cxl_bus_nr(const CxbDevice *dev)
{
	return ((const PxbCxl *)dev)->bus_nr;
}

CxbRegion *cxb_pxb_cxl_regs(CxbDevice *dev)
{
	return ((PxbCxl *)dev)->regs;
}
