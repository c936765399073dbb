/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cxl-type2: an accelerator whose memory firmware has committed and locked in its one HDM decoder.
 * No other program has such a device to be like; its layout is its own, see docs/cxl-type2.md.
 */
#include "type2.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/range.h"
#include "pci/regs.h"
#include "wire/pci.h"

#define MSIX_VECTORS 4
#define CLASS_BRIDGE 0x06 /* base class: another header */

static void hdm_removing(void *opaque)
{
	Type2 *t2 = opaque;

	if (t2->announced)
		t2->listener->decode_removing(t2->listener->opaque, &t2->pci.dev);
}

static void hdm_changed(void *opaque)
{
	Type2 *t2 = opaque;

	if (t2->announced)
		t2->listener->decode_changed(t2->listener->opaque, &t2->pci.dev);
}

static bool registers_init(Type2 *t2, GError **errp)
{
	const uint64_t size = cxb_hostmem_size(t2->mem);
	CxbCompConfig comp = {
		.kind = CXB_COMP_ENDPOINT,
		.name = t2->path,
		.hdm = true,
		.hdm_d = true,
		.vendor_cap = true,
		.decoders = 1,
		.dpa_ok = cxb_type2_dpa_ok,
		.hdm_removing = hdm_removing,
		.hdm_changed = hdm_changed,
		.opaque = t2,
	};

	if (t2->firmware_base % CXB_HDM_UNIT ||
	    !cxb_range_within(t2->firmware_base, size, 0, PHYS_LIMIT))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"firmware-base 0x%" PRIx64
				" is not a multiple of 256 MiB with 0x%" PRIx64
				" bytes below 2^52 behind it",
				t2->firmware_base, size);
	if (t2->firmware_committed) {
		comp.firmware.base = t2->firmware_base;
		comp.firmware.size = size;
	}
	t2->comp = cxb_comp_new(&comp);
	return true;
}

static void header_init(Type2 *t2)
{
	uint8_t *config = t2->pci.config;

	le_store(config + PCI_VENDOR_ID, 2, t2->vendor_id);
	le_store(config + PCI_DEVICE_ID, 2, t2->device_id);
	le_store(config + PCI_SUBSYS_VENDOR, 2, t2->sub_vendor_id);
	le_store(config + PCI_SUBSYS_ID, 2, t2->sub_device_id);
	le_store(config + PCI_CLASS + 1, 2, t2->class_id);
}

static void dvsecs_init(Type2 *t2, uint16_t off)
{
	const CxbLocatorBlock block = { .bar = TYPE2_BAR_COMPONENT,
					.id = WIRE_BLOCK_COMPONENT,
					.offset = t2->bar.block };
	CxbDvsecDevice device = {
		.range1 = cxb_hostmem_size(t2->mem),
		.cap = WIRE_DEV_CAP_RESET | WIRE_DEV_CAP_MEM_CLR,
		.ctrl = WIRE_DEV_CTRL_MEM_EN,
		.status2 = WIRE_DEV_STATUS2_PM_INIT,
	};
	uint16_t flex_bus;

	if (t2->cache) {
		device.cap |= WIRE_DEV_CAP_CACHE | WIRE_DEV_CAP_WBI;
		device.ctrl |= WIRE_DEV_CTRL_CACHE_EN;
	}
	t2->dvsec = cxb_dvsec_device(&t2->pci, off, &device);
	off += WIRE_DVSEC_DEVICE_LEN;
	cxb_dvsec_locator(&t2->pci, off, &block, 1);
	off += WIRE_DVSEC_LOCATOR_LEN(3);
	flex_bus = cxb_dvsec_flex_bus(&t2->pci, off, 0);
	cxb_dvsec_flex_bus_add(&t2->pci, flex_bus,
			       WIRE_FLEX_MEM | (t2->cache ? WIRE_FLEX_CACHE : 0));
}

static bool config_init(Type2 *t2, GError **errp)
{
	CxbPciDev *dev = &t2->pci;
	uint16_t off = 0x100;

	header_init(t2);
	if (!cxb_msix_init(dev, MSIX_VECTORS, TYPE2_BAR_MSIX, 4096, 0, 0x800, 0x40, errp))
		return false;
	cxb_pcie_add_cap(dev, 0x80, 0, 0);
	cxb_pcie_set_link(dev, t2->link_speed, t2->link_width);
	if (!t2->flr)
		dev->config[dev->pcie_cap + PCIE_DEV_CAP + 3] &= ~(PCIE_DEV_CAP_FLR >> 24);
	if (t2->sn != SN_UNSET) {
		cxb_pcie_add_dsn(dev, off, t2->sn);
		off += 0x0c;
	}
	dvsecs_init(t2, off);
	cxb_pci_add_bar(dev, TYPE2_BAR_COMPONENT, t2->bar.region, true, false);
	cxb_type2_compute_init(t2);
	return true;
}

static void t2_unrealize(CxbPciDev *dev)
{
	Type2 *t2 = (Type2 *)dev;

	if (t2->announced)
		t2->listener->endpoint_removing(t2->listener->opaque, &dev->dev);
	t2->announced = false;
	cxb_type2_compute_fini(t2);
	cxb_type2_served_fini(t2);
	cxb_type2_bar_fini(t2);
	g_clear_pointer(&t2->comp, cxb_comp_free);
	cxb_type2_memory_fini(t2);
	g_clear_pointer(&t2->path, g_free);
}

static bool t2_realize(CxbPciDev *dev, GError **errp)
{
	Type2 *t2 = (Type2 *)dev;

	t2->listener = cxb_qom_get_service(dev->dev.obj.qom, CXB_SERVICE_CXL_LISTENER);
	g_assert(t2->listener);
	t2->path = cxb_object_path(&dev->dev.obj);
	if (!cxb_type2_fault_check(t2, t2->fault, errp) || !cxb_type2_memory_init(t2, errp) ||
	    !registers_init(t2, errp) || !cxb_type2_bar_init(t2, errp) || !config_init(t2, errp)) {
		t2_unrealize(dev); /* takes what is there */
		return false;
	}
	cxb_type2_served_init(t2);
	t2->announced = true;
	t2->listener->endpoint_added(t2->listener->opaque, &dev->dev);
	return true;
}

static const CxbHdm *t2_hdm(const CxbDevice *endpoint)
{
	return cxb_comp_hdm(((const Type2 *)endpoint)->comp);
}

static const CxlEndpointClass t2_class = {
	.pci = {
		.device = CXB_PCI_DEVICE_CLASS,
		.revision = 1,
		.is_express = true,
		.realize = t2_realize,
		.unrealize = t2_unrealize,
		.config_written = cxb_type2_config_written,
		.reset = cxb_type2_reset,
		.served = cxb_type2_served_to,
		.served_ops = &cxb_type2_served_ops,
	},
	.hdm = t2_hdm,
	.answers = cxb_type2_answers,
	.segment = cxb_type2_segment,
	.read = cxb_type2_read,
	.write = cxb_type2_write,
};

static bool check_class(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	return v->u >> 8 != CLASS_BRIDGE ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "class 0x%04" PRIx64 " is that of a bridge", v->u);
}

static bool check_fault(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	/* Before it is there the profile may be still to come. */
	return !((CxbDevice *)obj)->realized || cxb_type2_fault_check((Type2 *)obj, v->u, errp);
}

static const char *const profiles[] = { "off", "emulated", "absorbed", NULL };

static const char *const places[] = { "start", "middle", "end", "all", NULL };

static const CxbProp t2_props[] = {
	{ "memdev", CXB_PROP_LINK, offsetof(Type2, memdev),
	  .desc = "backend of the device's memory, a multiple of 256 MiB",
	  .link_type = CXB_TYPE_NAME_HOSTMEM },
	{ "vendor-id", CXB_PROP_U16, offsetof(Type2, vendor_id), .def = "0x1234",
	  .desc = "PCI vendor id" },
	{ "device-id", CXB_PROP_U16, offsetof(Type2, device_id), .def = "0xc2c2",
	  .desc = "PCI device id" },
	{ "sub-vendor-id", CXB_PROP_U16, offsetof(Type2, sub_vendor_id), .def = "0x1af4",
	  .desc = "PCI subsystem vendor id" },
	{ "sub-device-id", CXB_PROP_U16, offsetof(Type2, sub_device_id), .def = "0x1100",
	  .desc = "PCI subsystem id" },
	{ "class", CXB_PROP_U16, offsetof(Type2, class_id), .def = "0x0302",
	  .desc = "base class and sub-class; 0x0302 is a 3D controller", .check = check_class },
	{ "sn", CXB_PROP_U64, offsetof(Type2, sn), .desc = "PCIe device serial number",
	  .def = "0xffffffffffffffff" },
	{ "cache", CXB_PROP_BOOL, offsetof(Type2, cache), .def = "on",
	  .desc = "the device caches host memory (CXL.cache)" },
	{ "flr", CXB_PROP_BOOL, offsetof(Type2, flr), .def = "on",
	  .desc = "the function can be reset alone" },
	{ "component-at", CXB_PROP_ENUM, offsetof(Type2, component_at), .def = "start",
	  .names = places, .type_name = "str",
	  .desc = "where in their BAR the component registers are: start/middle/end/all" },
	{ "firmware-committed", CXB_PROP_BOOL, offsetof(Type2, firmware_committed), .def = "on",
	  .desc = "firmware commits and locks the decoder" },
	{ "firmware-base", CXB_PROP_U64, offsetof(Type2, firmware_base), .def = "0x2000000000",
	  .desc = "host address that firmware commits the memory at, a multiple of 256 MiB" },
	{ "profile", CXB_PROP_ENUM, offsetof(Type2, profile), .def = "absorbed", .names = profiles,
	  .type_name = "str",
	  .desc = "served: what a VMM finds beside PCI: off/emulated/absorbed" },
	{ "swap-regions", CXB_PROP_BOOL, offsetof(Type2, swap_regions), .def = "off",
	  .desc = "served: component registers are region 9, memory is region 10" },
	{ "fault", CXB_PROP_ENUM, offsetof(Type2, fault), CXB_PROP_LIVE, .def = "none",
	  .names = cxb_type2_faults, .type_name = "str", .check = check_fault,
	  .desc = "served: what is wrong with it" },
	{ "fault-at", CXB_PROP_U32, offsetof(Type2, fault_at), CXB_PROP_LIVE, .def = "0",
	  .desc = "served: which access to registers meets the fault, from 1 on; 0: each" },
	{ "x-speed", CXB_PROP_ENUM, offsetof(Type2, link_speed), .def = "32",
	  CXB_PCIE_SPEED_VALUES },
	{ "x-width", CXB_PROP_ENUM, offsetof(Type2, link_width), .def = "16",
	  CXB_PCIE_WIDTH_VALUES },
	{ NULL },
};

const CxbType cxb_cxl_type2_type = {
	.name = CXB_TYPE_NAME_CXL_TYPE2,
	.parent = CXB_TYPE_NAME_PCI_DEVICE,
	.desc = "CXL Accelerator (Type 2)",
	.category = "Misc",
	.size = sizeof(Type2),
	.flags = CXB_TYPE_DEVICE,
	.props = t2_props,
	.klass = &t2_class,
};
