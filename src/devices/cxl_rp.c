/* SPDX-License-Identifier: Apache-2.0 */
/* cxl-rp: a CXL root port, laid out in configuration space as QEMU's. */
#include "devices.h"

#include "base/bytes.h"
#include "base/error.h"
#include "wire/pci.h"

#define CAP_SSVID   0x40
#define CAP_MSI     0x60
#define CAP_PCIE    0x74
#define CAP_RESERVE 0xb0
#define SLOT_MAX    0x1fff
#define AER_LOG_MAX 128

static void give_slot(CxlRp *rp)
{
	if (rp->slot_taken)
		cxb_chassis_give(rp->pci.dev.obj.qom, rp->chassis, rp->slot);
	rp->slot_taken = false;
}

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
	const CxbPcieSlot slot = {
		.nr = rp->slot,
		.fixed = !rp->hotplug,
		.hides_hotplug = rp->hide_hotplug,
		.always_on = !rp->power_controller,
	};
	uint8_t ssvid;

	if (rp->aer_log_max > AER_LOG_MAX)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Invalid aer_log_max %u. The max number of aer log is %u",
				rp->aer_log_max, AER_LOG_MAX);
	if (rp->slot > SLOT_MAX)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"slot %u does not fit the 13 bits of Slot Capabilities", rp->slot);
	if (!cxb_pci_bridge_init(dev, dev->dev.id ? dev->dev.id : CXB_TYPE_NAME_CXL_RP, errp) ||
	    !cxb_chassis_take(dev->dev.obj.qom, rp->chassis, rp->slot, errp))
		return false; /* the bus goes by itself */
	rp->slot_taken = true;
	if (!cxb_pci_bridge_add_reserve(dev, CAP_RESERVE, &rp->reserve, errp)) {
		give_slot(rp);
		return false;
	}
	cxb_pci_bridge_without_io(dev);
	dev->config[0x3d] = 1; /* INTA, for hot-plug and error events; never raised */

	cxb_pcie_add_cap(dev, CAP_PCIE, 4, rp->port);
	cxb_pcie_set_link(dev, rp->link_speed, rp->link_width);
	if (rp->flits)
		cxb_pcie_offer_flits(dev);
	cxb_pcie_set_slot(dev, &slot);
	cxb_msi_init(dev, CAP_MSI, 2, false, true);
	ssvid = cxb_pci_add_cap(dev, 0x0d, CAP_SSVID, 8);
	le_store(dev->config + ssvid + 4, 2, 0x8086);

	cxb_pcie_add_aer(dev, 0x100);
	cxb_pcie_add_acs(dev, 0x148);
	rp->port_ext = cxb_dvsec_port_ext(dev, 0x150);
	cxb_dvsec_gpf_port(dev, 0x178);
	rp->flex_bus = cxb_dvsec_flex_bus(dev, 0x188, 0xbd);
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
	give_slot(rp);
}

static void rp_reset(CxbPciDev *dev, CxbResetKind kind)
{
	cxb_comp_reset(((CxlRp *)dev)->comp, kind);
}

static bool rp_resets_below(const CxbPciDev *dev, CxbPciPortControl control)
{
	return cxb_dvsec_port_resets_below(dev, ((const CxlRp *)dev)->port_ext, control);
}

static void rp_link_trained(CxbPciDev *dev, bool flits)
{
	cxb_dvsec_flex_bus_trained(dev, ((CxlRp *)dev)->flex_bus, flits);
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
	.link_trained = rp_link_trained,
};

#define RP(field)      offsetof(CxlRp, field)
#define RESERVE(field) offsetof(CxlRp, reserve.field)

static const CxbProp rp_props[] = {
	{ "port", CXB_PROP_U8, RP(port), .def = "0",
	  .desc = "port number in Link Capabilities, what decoder target lists name" },
	{ "chassis", CXB_PROP_U8, RP(chassis), .def = "0",
	  .desc = "chassis number; chassis and slot together are unique" },
	{ "slot", CXB_PROP_U16, RP(slot), .def = "0", .desc = "physical slot number, 13 bits" },
	{ "hotplug", CXB_PROP_BOOL, RP(hotplug), .def = "on",
	  .desc = "devices can come and go at run time" },
	{ "x-do-not-expose-native-hotplug-cap", CXB_PROP_BOOL, RP(hide_hotplug), .def = "off",
	  .desc = "Slot Capabilities offer no hot plug, so that it fails" },
	{ "power_controller_present", CXB_PROP_BOOL, RP(power_controller), .def = "on",
	  .desc = "software can switch the power of the slot" },
	{ "x-pci-express-writeable-slt-bug", CXB_PROP_BOOL, RP(writable_slot), .def = "off",
	  .desc = "no effect: what should be read-only is" },
	{ "aer_log_max", CXB_PROP_U16, RP(aer_log_max), .def = "8",
	  .desc = "0 to 128; no effect: AER logs one header" },
	{ "bus-reserve", CXB_PROP_U32, RESERVE(buses), .def = "0xffffffff",
	  .desc = "buses that firmware shall keep free below" },
	{ "io-reserve", CXB_PROP_SIZE, RESERVE(io), .def = "0xffffffffffffffff",
	  .desc = "bytes of I/O to keep free" },
	{ "mem-reserve", CXB_PROP_SIZE, RESERVE(mem), .def = "0xffffffffffffffff",
	  .desc = "bytes of memory to keep free, below 4 GiB" },
	{ "pref32-reserve", CXB_PROP_SIZE, RESERVE(pref32), .def = "0xffffffffffffffff",
	  .desc = "bytes of prefetchable memory to keep free, below 4 GiB" },
	{ "pref64-reserve", CXB_PROP_SIZE, RESERVE(pref64), .def = "0xffffffffffffffff",
	  .desc = "bytes of 64-bit prefetchable memory to keep free" },
	{ "x-256b-flit", CXB_PROP_BOOL, RP(flits), .def = "on",
	  .desc = "the link works in 256-byte flits if the device can, too" },
	{ "x-speed", CXB_PROP_ENUM, RP(link_speed), .def = "64", CXB_PCIE_SPEED_VALUES },
	{ "x-width", CXB_PROP_ENUM, RP(link_width), .def = "32", CXB_PCIE_WIDTH_VALUES },
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
