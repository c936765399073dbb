/* SPDX-License-Identifier: Apache-2.0 */
/* query-pci: functions as their configuration space has them now. */
#include "monitor.h"

#include "base/bytes.h"
#include "pci/regs.h"

static const char *class_desc(unsigned class)
{
	switch (class) {
	case 0x0600:
		return "Host bridge";
	case 0x0604:
		return "PCI bridge";
	default:
		return NULL;
	}
}

static uint64_t reg(const CxbPciDev *dev, unsigned off, unsigned size)
{
	return le_load(dev->config + off, size);
}

static json_object *range(uint64_t base, uint64_t limit)
{
	json_object *o = json_object_new_object();

	cxb_json_put_u64(o, "base", base);
	cxb_json_put_u64(o, "limit", limit);
	return o;
}

static json_object *devices(const CxbPciBus *bus);

static json_object *bridge(const CxbPciDev *dev)
{
	json_object *o = json_object_new_object(), *bus = json_object_new_object();
	const unsigned secondary = reg(dev, PCI_SECONDARY_BUS, 1);

	cxb_json_put_u64(bus, "number", reg(dev, PCI_PRIMARY_BUS, 1));
	cxb_json_put_u64(bus, "secondary", secondary);
	cxb_json_put_u64(bus, "subordinate", reg(dev, PCI_SUBORDINATE, 1));
	put(bus, "io_range",
	    range((reg(dev, PCI_IO_BASE, 1) & 0xf0) << 8,
		  (reg(dev, PCI_IO_LIMIT, 1) & 0xf0) << 8 | 0xfff));
	put(bus, "memory_range",
	    range((reg(dev, PCI_MEM_BASE, 2) & 0xfff0) << 16,
		  (reg(dev, PCI_MEM_LIMIT, 2) & 0xfff0) << 16 | 0xfffff));
	put(bus, "prefetchable_range",
	    range(reg(dev, PCI_PREF_BASE_HI, 4) << 32 | (reg(dev, PCI_PREF_BASE, 2) & 0xfff0) << 16,
		  reg(dev, PCI_PREF_LIMIT_HI, 4) << 32 |
			  (reg(dev, PCI_PREF_LIMIT, 2) & 0xfff0) << 16 | 0xfffff));
	put(o, "bus", bus);
	if (secondary)
		put(o, "devices", devices(dev->secondary));
	return o;
}

static json_object *regions(const CxbPciDev *dev)
{
	json_object *list = json_object_new_array();

	for (unsigned i = 0; i < CXB_PCI_BARS; i++) {
		const CxbPciBar *bar = &dev->bars[i];
		json_object *o;

		if (!bar->region)
			continue;
		o = json_object_new_object();
		cxb_json_put_u64(o, "bar", i);
		cxb_json_put_str(o, "type", "memory");
		/* -1: answers nowhere */
		put(o, "address",
		    bar->placed ? json_object_new_uint64(bar->hpa) : json_object_new_int64(-1));
		cxb_json_put_u64(o, "size", bar->size);
		cxb_json_put_bool(o, "prefetch", bar->prefetchable);
		cxb_json_put_bool(o, "mem_type_64", bar->is_64);
		json_object_array_add(list, o);
	}
	return list;
}

static json_object *device(const CxbPciDev *dev, unsigned bus_nr)
{
	json_object *o = json_object_new_object(), *class_info = json_object_new_object();
	json_object *id = json_object_new_object();
	const unsigned class = reg(dev, PCI_CLASS, 3) >> 8;

	cxb_json_put_u64(o, "bus", bus_nr);
	cxb_json_put_u64(o, "slot", dev->devfn >> 3);
	cxb_json_put_u64(o, "function", dev->devfn & 7);
	cxb_json_put_u64(class_info, "class", class);
	if (class_desc(class))
		cxb_json_put_str(class_info, "desc", class_desc(class));
	put(o, "class_info", class_info);
	cxb_json_put_u64(id, "vendor", reg(dev, PCI_VENDOR_ID, 2));
	cxb_json_put_u64(id, "device", reg(dev, PCI_DEVICE_ID, 2));
	put(o, "id", id);
	cxb_json_put_str(o, "qdev_id", dev->dev.id ? dev->dev.id : "");
	cxb_json_put_u64(o, "irq_pin", reg(dev, PCI_INT_PIN, 1));
	if (reg(dev, PCI_INT_PIN, 1))
		cxb_json_put_u64(o, "irq", reg(dev, PCI_INT_LINE, 1));
	put(o, "regions", regions(dev));
	if (dev->secondary) {
		put(o, "pci_bridge", bridge(dev));
	} else {
		cxb_json_put_u64(id, "subsystem", reg(dev, PCI_SUBSYS_ID, 2));
		cxb_json_put_u64(id, "subsystem-vendor", reg(dev, PCI_SUBSYS_VENDOR, 2));
	}
	return o;
}

static json_object *devices(const CxbPciBus *bus)
{
	json_object *list = json_object_new_array();

	for (unsigned i = 0; i < G_N_ELEMENTS(bus->functions); i++)
		if (bus->functions[i])
			json_object_array_add(list, device(bus->functions[i], cxb_pci_bus_nr(bus)));
	return list;
}

json_object *qmp_pci(CxbQmp *qmp)
{
	CxbPciHost *host = cxb_machine_pci(qmp->machine);
	json_object *list = json_object_new_array();

	for (unsigned nr = 0; nr <= UINT8_MAX; nr++) {
		const CxbPciBus *bus = cxb_pci_root_bus(host, nr);
		json_object *o;

		if (!bus)
			continue;
		o = json_object_new_object();
		cxb_json_put_u64(o, "bus", nr);
		put(o, "devices", devices(bus));
		json_object_array_add(list, o);
	}
	return list;
}

static json_object *query_pci(void *opaque, void *args, GError **errp)
{
	return qmp_pci(opaque);
}

static const CxbRet range_info[] = {
	{ "base", CXB_RET_INT },
	{ "limit", CXB_RET_INT },
	{ NULL },
};
static const CxbRet bus_info[] = {
	{ "number", CXB_RET_INT },
	{ "secondary", CXB_RET_INT },
	{ "subordinate", CXB_RET_INT },
	{ "io_range", CXB_RET_OBJECT, "PciMemoryRange", .members = range_info },
	{ "memory_range", CXB_RET_OBJECT, "PciMemoryRange", .members = range_info },
	{ "prefetchable_range", CXB_RET_OBJECT, "PciMemoryRange", .members = range_info },
	{ NULL },
};
static const CxbRet class_info[] = {
	{ "class", CXB_RET_INT },
	{ "desc", CXB_RET_STR, .optional = true },
	{ NULL },
};
static const CxbRet id_info[] = {
	{ "vendor", CXB_RET_INT },
	{ "device", CXB_RET_INT },
	{ "subsystem", CXB_RET_INT, .optional = true },
	{ "subsystem-vendor", CXB_RET_INT, .optional = true },
	{ NULL },
};
static const char *const region_types[] = { "memory", NULL };
static const CxbRet region_info[] = {
	{ "bar", CXB_RET_INT },
	{ "type", CXB_RET_ENUM, "PciRegionType", .names = region_types },
	{ "address", CXB_RET_INT },
	{ "size", CXB_RET_INT },
	{ "prefetch", CXB_RET_BOOL },
	{ "mem_type_64", CXB_RET_BOOL },
	{ NULL },
};
/* Bridges have devices below them, which may be bridges. */
static const CxbRet device_info[11];
static const CxbRet bridge_info[] = {
	{ "bus", CXB_RET_OBJECT, "PciBusInfo", .members = bus_info },
	{ "devices", CXB_RET_OBJECT, "PciDeviceInfo", .list = true, .optional = true,
	  .members = device_info },
	{ NULL },
};
static const CxbRet device_info[11] = {
	{ "bus", CXB_RET_INT },
	{ "slot", CXB_RET_INT },
	{ "function", CXB_RET_INT },
	{ "class_info", CXB_RET_OBJECT, "PciDeviceClass", .members = class_info },
	{ "id", CXB_RET_OBJECT, "PciDeviceId", .members = id_info },
	{ "qdev_id", CXB_RET_STR },
	{ "irq_pin", CXB_RET_INT },
	{ "irq", CXB_RET_INT, .optional = true },
	{ "regions", CXB_RET_OBJECT, "PciMemoryRegion", .list = true, .members = region_info },
	{ "pci_bridge", CXB_RET_OBJECT, "PciBridgeInfo", .optional = true, .members = bridge_info },
	{ NULL },
};
static const CxbRet root_info[] = {
	{ "bus", CXB_RET_INT },
	{ "devices", CXB_RET_OBJECT, "PciDeviceInfo", .list = true, .members = device_info },
	{ NULL },
};
static const CxbRet pci_ret = {
	NULL, CXB_RET_OBJECT, "PciInfo", .list = true, .members = root_info,
};

static const CxbQmpCmd rows[] = {
	{ "query-pci", NULL, 0, 0, "PCI functions, by root bus", query_pci, &pci_ret },
	{ NULL },
};

void qmp_add_pci_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
