/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cxl-type3: a memory device. Configuration space, BARs and vectors as QEMU lays them out; behind
 * them the command interface, event logs and the dynamic-capacity engine.
 */
#include "devices.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/range.h"
#include "wire/pci.h"

#define MSIX_VECTORS 8

/* Message numbers (QEMU's): TYPE3_VECTOR_DOE is 0; the dynamic-capacity log shares log 0's. */
enum {
	VECTOR_INFO = 2,
	VECTOR_WARN = 3,
	VECTOR_FAIL = 4,
	VECTOR_FATAL = 5,
	VECTOR_DC = VECTOR_INFO,
	VECTOR_MBOX = 7,
};

/* --- what the parts call back --- */

static void irq(void *opaque, unsigned vector)
{
	cxb_pci_notify(opaque, vector);
}

static unsigned message(void *opaque, unsigned vector)
{
	return cxb_pci_message(opaque, vector);
}

static uint64_t timestamp(void *opaque)
{
	return cxb_memdev_timestamp(((Type3 *)opaque)->memdev);
}

static uint64_t dpa_end(const Type3 *t3)
{
	uint64_t end = t3->static_size;

	if (t3->dc) {
		const CxbDcConfig *config = cxb_dc_config(t3->dc);
		const CxbDcRegion *last = &config->regions[config->n_regions - 1];

		end = last->base + last->decode_len;
	}
	return end;
}

bool cxb_type3_dpa_ok(void *opaque, uint64_t dpa, uint64_t len)
{
	return cxb_range_in(dpa, len, dpa_end(opaque));
}

static void hdm_removing(void *opaque)
{
	Type3 *t3 = opaque;

	if (t3->announced)
		t3->listener->decode_removing(t3->listener->opaque, &t3->pci.dev);
}

static void hdm_changed(void *opaque)
{
	Type3 *t3 = opaque;

	if (t3->announced)
		t3->listener->decode_changed(t3->listener->opaque, &t3->pci.dev);
}

static bool hdm_settling(void *opaque)
{
	Type3 *t3 = opaque;

	return t3->announced && t3->listener->decode_settling(t3->listener->opaque, &t3->pci.dev);
}

static CxbMemResult devregs_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	*val = cxb_devregs_read(((Type3 *)opaque)->devregs, off, size);
	return CXB_MEM_OK;
}

static CxbMemResult devregs_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	cxb_devregs_write(((Type3 *)opaque)->devregs, off, size, val);
	return CXB_MEM_OK;
}

static const CxbRegionOps devregs_ops = { .read = devregs_read, .write = devregs_write };

/* --- label storage, for its commands --- */

static bool lsa_read(void *opaque, uint64_t off, void *buf, size_t len)
{
	return cxb_hostmem_read(((Type3 *)opaque)->lsa, off, buf, len);
}

static bool lsa_write(void *opaque, uint64_t off, const void *buf, size_t len)
{
	return cxb_hostmem_write(((Type3 *)opaque)->lsa, off, buf, len);
}

/* --- realize --- */

static bool registers_init(Type3 *t3, GError **errp)
{
	const CxbCciConfig cci = { .name = t3->path,
				   .payload_size = 2048,
				   .clock = t3->listener->clock };
	const CxbEvLogsConfig logs = {
		.size = { 8, 8, 8, 8, t3->dc_event_log_size },
		.vector = { VECTOR_INFO, VECTOR_WARN, VECTOR_FAIL, VECTOR_FATAL, VECTOR_DC },
		.message = message,
		.irq = irq,
		.timestamp = timestamp,
		.opaque = t3,
	};
	const CxbCompConfig comp = {
		.kind = CXB_COMP_ENDPOINT,
		.name = t3->path,
		.hdm = true,
		.hdm_db = t3->hdm_db,
		.decoders = 4,
		.dpa_ok = cxb_type3_dpa_ok,
		.hdm_removing = hdm_removing,
		.hdm_changed = hdm_changed,
		.hdm_settling = hdm_settling,
		.ras_error = cxb_type3_ras_error,
		.opaque = t3,
	};
	CxbMemdevConfig memdev = {
		.clock = t3->listener->clock,
		.volatile_size = t3->part[TYPE3_VOLATILE].len,
		.persistent_size = t3->part[TYPE3_PERSISTENT].len,
		.lsa_size = t3->lsa ? cxb_hostmem_size(t3->lsa) : 0,
		.lsa_read = lsa_read,
		.lsa_write = lsa_write,
		.lsa_opaque = t3,
		.media = cxb_type3_media(t3),
		.poison_list_max = CXB_POISON_LIST_MAX,
		.fw_revision = "cxlbox " CXB_VERSION,
	};

	t3->cci = cxb_cci_new(&cci);
	t3->logs = cxb_evlogs_new(&logs);
	cxb_evlogs_add_commands(t3->logs, t3->cci);
	memdev.logs = t3->logs;
	t3->memdev = cxb_memdev_new(&memdev);
	cxb_memdev_add_commands(t3->memdev, t3->cci);
	cxb_type3_dc_attach(t3);
	cxb_type3_poison_init(t3);
	if (!cxb_type3_is_head(t3))
		cxb_type3_fm_init(t3);
	t3->comp = cxb_comp_new(&comp);

	const CxbDevRegsConfig devregs = { .cci = t3->cci,
					   .logs = t3->logs,
					   .mbox_vector = VECTOR_MBOX,
					   .message = message,
					   .irq = irq,
					   .opaque = t3,
					   .page = t3->page.bytes,
					   .polled = t3->mailbox_poll };

	t3->devregs = cxb_devregs_new(&devregs);
	return true;
}

static bool config_init(Type3 *t3, GError **errp)
{
	const uint64_t volatile_len = t3->part[TYPE3_VOLATILE].len;
	const uint64_t persistent_len = t3->part[TYPE3_PERSISTENT].len;
	CxbPciDev *dev = &t3->pci;
	const CxbLocatorBlock blocks[] = {
		{ .bar = 0, .id = WIRE_BLOCK_COMPONENT },
		{ .bar = 2, .id = WIRE_BLOCK_DEVICE },
	};
	/* The first range is that of whatever part comes first; status 2 is QEMU's. */
	const CxbDvsecDevice device = {
		.range1 = volatile_len ?: persistent_len,
		.range2 = volatile_len ? persistent_len : 0,
		.status2 = WIRE_DEV_STATUS2_RESET_DONE,
	};
	uint16_t off = 0x100, flex_bus;

	if (!t3->msix)
		cxb_msi_init(dev, 0x40, MSIX_VECTORS, true, false);
	else if (!cxb_msix_init(dev, MSIX_VECTORS, 4, 4096, 0, 0x800, 0x40, errp))
		return false;
	cxb_pcie_add_cap(dev, 0x80, 0, 0);
	cxb_pcie_set_link(dev, t3->link_speed, t3->link_width);
	if (t3->sn != SN_UNSET) {
		cxb_pcie_add_dsn(dev, off, t3->sn);
		off += 0x0c;
	}
	t3->dvsec0 = cxb_dvsec_device(dev, off, &device);
	off += WIRE_DVSEC_DEVICE_LEN;
	cxb_dvsec_locator(dev, off, blocks, G_N_ELEMENTS(blocks));
	off += WIRE_DVSEC_LOCATOR_LEN(3);
	cxb_dvsec_gpf_device(dev, off);
	off += WIRE_DVSEC_GPF_LEN;
	flex_bus = cxb_dvsec_flex_bus(dev, off, 0);
	cxb_dvsec_flex_bus_trained(dev, flex_bus, t3->flits && cxb_pcie_offer_flits(dev));
	off += WIRE_DVSEC_FLEX_BUS_LEN;
	if (!cxb_type3_cdat_init(t3, off, errp))
		return false;
	cxb_pcie_add_aer(dev, 0x200);

	t3->comp_regs = cxb_region_new_io("cxl-type3-component", CXB_COMP_SIZE,
					  &cxb_comp_region_ops, &t3->comp);
	cxb_pci_add_bar(dev, 0, t3->comp_regs, true, false);
	t3->dev_regs = cxb_region_new_io("cxl-type3-device", cxb_devregs_size(t3->devregs),
					 &devregs_ops, t3);
	cxb_pci_add_bar(dev, 2, t3->dev_regs, true, false);
	cxb_type3_page_share(t3, 2);
	return true;
}

static void t3_unrealize(CxbPciDev *dev)
{
	Type3 *t3 = (Type3 *)dev;

	cxb_type3_sanitize_fini(t3);
	cxb_type3_dc_leave(t3);
	if (t3->announced)
		t3->listener->endpoint_removing(t3->listener->opaque, &dev->dev);
	t3->announced = false;
	g_clear_pointer(&t3->dev_regs, cxb_region_free);
	g_clear_pointer(&t3->comp_regs, cxb_region_free);
	g_clear_pointer(&t3->comp, cxb_comp_free);
	g_clear_pointer(&t3->devregs, cxb_devregs_free);
	cxb_type3_page_fini(t3);
	g_clear_pointer(&t3->fm, cxb_fmld_free);
	cxb_type3_dc_fini(t3);
	g_clear_pointer(&t3->poison, cxb_poison_free);
	g_clear_pointer(&t3->memdev, cxb_memdev_free);
	g_clear_pointer(&t3->cci, cxb_cci_free);
	g_clear_pointer(&t3->logs, cxb_evlogs_free);
	cxb_type3_static_fini(t3);
	cxb_type3_cdat_fini(t3);
	g_clear_pointer(&t3->path, g_free);
}

static bool parts_init(Type3 *t3, GError **errp)
{
	if (t3->hdm_db && !t3->flits)
		return cxb_fail(errp, CXB_ERROR_INVALID, "hdm-db requires operating in 256b flit");
	if (t3->dc_event_log_size < 1 || t3->dc_event_log_size > UINT16_MAX)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dc-event-log-size %u is not between 1 and 65535",
				t3->dc_event_log_size);
	/* Static memory is the device's own; a further head has what is shared. */
	if (cxb_type3_is_head(t3)
		    ? !cxb_type3_dc_join(t3, errp)
		    : !cxb_type3_static_init(t3, errp) || !cxb_type3_dc_init(t3, errp))
		return false;
	return cxb_type3_page_init(t3, errp) && registers_init(t3, errp) && config_init(t3, errp);
}

static bool t3_realize(CxbPciDev *dev, GError **errp)
{
	Type3 *t3 = (Type3 *)dev;

	t3->listener = cxb_qom_get_service(dev->dev.obj.qom, CXB_SERVICE_CXL_LISTENER);
	g_assert(t3->listener);
	t3->path = cxb_object_path(&dev->dev.obj);
	if (!parts_init(t3, errp)) {
		t3_unrealize(dev); /* takes what is there */
		return false;
	}
	t3->announced = true;
	t3->listener->endpoint_added(t3->listener->opaque, &dev->dev);
	return true;
}

static void t3_config_written(CxbPciDev *dev, uint16_t off, unsigned size)
{
	Type3 *t3 = (Type3 *)dev;

	if (cxb_ranges_overlap(off, size, t3->dvsec0, WIRE_DVSEC_DEVICE_LEN))
		cxb_dvsec_device_update_lock(dev, t3->dvsec0);
}

/* What nobody has decodes nothing for anybody. */
static void t3_served(CxbPciDev *dev, bool by_somebody)
{
	cxb_type3_page_served((Type3 *)dev, by_somebody);
	hdm_changed(dev);
}

static const CxbHdm *t3_hdm(const CxbDevice *endpoint)
{
	return cxb_comp_hdm(((const Type3 *)endpoint)->comp);
}

static void t3_settle(CxbDevice *endpoint)
{
	cxb_comp_settle(((Type3 *)endpoint)->comp);
}

const CxlEndpointClass cxb_type3_class = {
	.pci = {
		.device = CXB_PCI_DEVICE_CLASS,
		.vendor_id = 0x8086,
		.device_id = 0x0d93,
		.subsys_vendor_id = 0x1af4,
		.subsys_id = 0x1100,
		.class_code = 0x050210,
		.revision = 1,
		.is_express = true,
		.realize = t3_realize,
		.unrealize = t3_unrealize,
		.config_written = t3_config_written,
		.reset = cxb_type3_reset,
		.served = t3_served,
		.served_ops = &cxb_endpoint_served_ops,
	},
	.hdm = t3_hdm,
	.settle = t3_settle,
	.answers = cxb_type3_media_answers,
	.segment = cxb_type3_media_segment,
	.read = cxb_type3_media_read,
	.write = cxb_type3_media_write,
};

static const CxbProp t3_props[] = {
	{ "num-dc-regions", CXB_PROP_U8, offsetof(Type3, num_dc_regions), .def = "0",
	  .desc = "dynamic-capacity regions, 0 to 8" },
	{ "dc-regions-total-size", CXB_PROP_SIZE, offsetof(Type3, dc_total_size),
	  .desc = "bytes of all regions together, a multiple of regions x 256 MiB; capacity is "
		  "backed by tagged memory backends when it is added" },
	{ "dc-region", CXB_PROP_FN, .flags = CXB_PROP_LIST, .type_name = "list",
	  .desc = "regions one by one: dc-region.N.size, .block-size, .sharable, .hw-coherent, "
		  ".read-only, .non-volatile, .sanitize-on-release",
	  .set = cxb_type3_region_set },
	{ "volatile-dc-memdev", CXB_PROP_LINK, offsetof(Type3, dc_memdev),
	  .desc = "backend that has the bytes of all regions, instead of dc-regions-total-size",
	  .link_type = CXB_TYPE_NAME_HOSTMEM },
	{ "dc-event-log-size", CXB_PROP_U32, offsetof(Type3, dc_event_log_size),
	  .desc = "records of the dynamic-capacity event log, 1 to 65535", .def = "1024" },
	{ "heads", CXB_PROP_U16, offsetof(Type3, n_heads),
	  .desc = "hosts that dynamic capacity can go to: this function is the first, "
		  "cxl-type3-head "
		  "plugs the others",
	  .def = "1" },
	{ "dc-max-extents", CXB_PROP_U32, offsetof(Type3, dc_max_extents),
	  .desc = "extents of dynamic capacity there can be at a time", .def = "524288" },
	{ "dc-max-tags", CXB_PROP_U32, offsetof(Type3, dc_max_tags),
	  .desc = "tags there can be at a time; 0: as many as extents", .def = "0" },
	{ "volatile-memdev", CXB_PROP_LINK, offsetof(Type3, volatile_memdev),
	  .desc = "backend of static volatile memory", .link_type = CXB_TYPE_NAME_HOSTMEM },
	{ "persistent-memdev", CXB_PROP_LINK, offsetof(Type3, persistent_memdev),
	  .desc = "backend of static persistent memory; wants lsa",
	  .link_type = CXB_TYPE_NAME_HOSTMEM },
	{ "memdev", CXB_PROP_LINK, offsetof(Type3, legacy_memdev),
	  .desc = "older name of persistent-memdev", .link_type = CXB_TYPE_NAME_HOSTMEM },
	{ "lsa", CXB_PROP_LINK, offsetof(Type3, lsa_memdev),
	  .desc = "backend of the label storage area, below 4 GiB",
	  .link_type = CXB_TYPE_NAME_HOSTMEM },
	{ "cdat", CXB_PROP_STR, offsetof(Type3, cdat_file), .type_name = "str",
	  .desc = "file with the whole CDAT to show instead of the one made from the memory" },
	{ "sn", CXB_PROP_U64, offsetof(Type3, sn), .desc = "PCIe device serial number",
	  .def = "0xffffffffffffffff" },
	TYPE3_FUNCTION_PROPS,
	{ "x-256b-flit", CXB_PROP_BOOL, offsetof(Type3, flits), .def = "off",
	  .desc = "the link works in 256-byte flits if the port can, too" },
	{ "hdm-db", CXB_PROP_BOOL, offsetof(Type3, hdm_db), .def = "off",
	  .desc = "memory is device-coherent, too (HDM-DB); wants x-256b-flit" },
	{ "x-speed", CXB_PROP_ENUM, offsetof(Type3, link_speed), .def = "32",
	  CXB_PCIE_SPEED_VALUES },
	{ "x-width", CXB_PROP_ENUM, offsetof(Type3, link_width), .def = "16",
	  CXB_PCIE_WIDTH_VALUES },
	{ NULL },
};

const CxbType cxb_cxl_type3_type = {
	.name = CXB_TYPE_NAME_CXL_TYPE3,
	.parent = CXB_TYPE_NAME_PCI_DEVICE,
	.desc = "CXL Memory Device (Type 3)",
	.category = "Memory",
	.size = sizeof(Type3),
	.flags = CXB_TYPE_DEVICE,
	.props = t3_props,
	.klass = &cxb_type3_class,
};

/* --- looking --- */

bool cxb_cxl_is_type3(const CxbDevice *dev)
{
	return cxb_object_is(&dev->obj, CXB_TYPE_NAME_CXL_TYPE3) ||
	       cxb_object_is(&dev->obj, CXB_TYPE_NAME_CXL_TYPE3_HEAD);
}

CxbDevice *cxb_cxl_type3_find(CxbQom *qom, const char *path, GError **errp)
{
	CxbObject *obj = cxb_qom_resolve(qom, path, CXB_TYPE_NAME_CXL_TYPE3, NULL)
				 ?: cxb_qom_resolve(qom, path, CXB_TYPE_NAME_CXL_TYPE3_HEAD, NULL);

	if (!obj || !((CxbDevice *)obj)->realized) {
		cxb_fail(errp, CXB_ERROR_INVALID, "Unable to resolve CXL type 3 device '%s'", path);
		return NULL;
	}
	return (CxbDevice *)obj;
}

CxbEvLogs *cxb_cxl_type3_logs(CxbDevice *type3)
{
	return ((Type3 *)type3)->logs;
}

uint64_t cxb_cxl_type3_missed(CxbDevice *type3)
{
	return ((Type3 *)type3)->missed;
}
