/* SPDX-License-Identifier: Apache-2.0 */
/* cxl-rp: a CXL root port, laid out in configuration space as QEMU's. */
#include "devices.h"

#include "base/bytes.h"
#include "base/error.h"
#include "wire/pci.h"

#define CAP_SSVID 0x40
#define CAP_MSI   0x60
#define CAP_PCIE  0x74
#define SLOT_MAX  0x1fff

static bool rp_realize(CxbPciDev *dev, GError **errp)
{
	CxlRp *rp = (CxlRp *)dev;
	const CxbLocatorBlock blocks[] = { { .bar = 0, .id = WIRE_BLOCK_COMPONENT } };
	const CxbCompConfig config = {
		.kind = CXB_COMP_ROOT_PORT,
		.name = dev->dev.id ? dev->dev.id : CXB_TYPE_NAME_CXL_RP,
		.hdm = true,
		.decoders = 4,
		.targets = 1,
	};
	uint8_t ssvid;

	if (rp->slot > SLOT_MAX)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"slot %u does not fit the 13 bits of Slot Capabilities", rp->slot);
	if (!cxb_pci_bridge_init(dev, dev->dev.id ? dev->dev.id : CXB_TYPE_NAME_CXL_RP, errp) ||
	    !cxb_chassis_take(dev->dev.obj.qom, rp->chassis, rp->slot, errp))
		return false; /* the bus goes by itself */
	rp->slot_taken = true;
	cxb_pci_bridge_without_io(dev);
	dev->config[0x3d] = 1; /* INTA, for hot-plug and error events; never raised */

	cxb_pcie_add_cap(dev, CAP_PCIE, 4, rp->port);
	cxb_pcie_set_link(dev, rp->link_speed, rp->link_width);
	cxb_pcie_set_slot(dev, rp->slot);
	cxb_msi_init(dev, CAP_MSI, 2, false, true);
	ssvid = cxb_pci_add_cap(dev, 0x0d, CAP_SSVID, 8);
	le_store(dev->config + ssvid + 4, 2, 0x8086);

	cxb_pcie_add_aer(dev, 0x100);
	cxb_pcie_add_acs(dev, 0x148);
	rp->port_ext = cxb_dvsec_port_ext(dev, 0x150);
	cxb_dvsec_gpf_port(dev, 0x178);
	cxb_dvsec_flex_bus(dev, 0x188, 0xbd);
	cxb_dvsec_locator(dev, 0x1a8, blocks, G_N_ELEMENTS(blocks));

	rp->comp = cxb_comp_new(&config);
	rp->regs = cxb_region_new_io("cxl-rp", CXB_COMP_SIZE, &cxb_comp_region_ops, &rp->comp);
	cxb_pci_add_bar(dev, 0, rp->regs, true, false);
	cxb_pxb_cxl_port_added(cxb_pci_dev_bus(dev), dev, rp->port);
	return true;
}

static void rp_unrealize(CxbPciDev *dev)
{
	CxlRp *rp = (CxlRp *)dev;

	cxb_pxb_cxl_port_removed(cxb_pci_dev_bus(dev), dev, rp->port);
	g_clear_pointer(&rp->regs, cxb_region_free);
	g_clear_pointer(&rp->comp, cxb_comp_free);
	if (rp->slot_taken)
		cxb_chassis_give(dev->dev.obj.qom, rp->chassis, rp->slot);
	rp->slot_taken = false;
}

static void rp_reset(CxbPciDev *dev, CxbResetKind kind)
{
	cxb_comp_reset(((CxlRp *)dev)->comp, kind);
}

static bool rp_resets_below(const CxbPciDev *dev, CxbPciPortControl control)
{
	return cxb_dvsec_port_resets_below(dev, ((const CxlRp *)dev)->port_ext, control);
}

static const CxbPciClass rp_class = {
	.device = PCI_DEVICE_CLASS_COLD,
	.vendor_id = 0x8086,
	.device_id = 0x7075,
	.class_code = 0x060400,
	.is_bridge = true,
	.is_express = true,
	.realize = rp_realize,
	.unrealize = rp_unrealize,
	.reset = rp_reset,
	.resets_below = rp_resets_below,
};

static const CxbProp rp_props[] = {
	{ "port", CXB_PROP_U8, offsetof(CxlRp, port),
	  .desc = "port number in Link Capabilities, what decoder target lists name" },
	{ "chassis", CXB_PROP_U8, offsetof(CxlRp, chassis),
	  .desc = "chassis number; chassis and slot together are unique" },
	{ "slot", CXB_PROP_U16, offsetof(CxlRp, slot), .desc = "physical slot number, 13 bits" },
	{ "x-speed", CXB_PROP_ENUM, offsetof(CxlRp, link_speed), .def = "64",
	  CXB_PCIE_SPEED_VALUES },
	{ "x-width", CXB_PROP_ENUM, offsetof(CxlRp, link_width), .def = "32",
	  CXB_PCIE_WIDTH_VALUES },
	{ NULL },
};

const CxbType cxb_cxl_rp_type = {
	.name = CXB_TYPE_NAME_CXL_RP,
	.parent = CXB_TYPE_NAME_PCI_BRIDGE,
	.desc = "CXL Root Port",
	.category = "Bridge",
	.size = sizeof(CxlRp),
	.flags = CXB_TYPE_DEVICE,
	.props = rp_props,
	.klass = &rp_class,
};
