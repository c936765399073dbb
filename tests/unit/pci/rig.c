/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include "base/error.h"

/* BARs read their own offset and remember the last write. */
static CxbMemResult bar_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	*val = off;
	return CXB_MEM_OK;
}

static CxbMemResult bar_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	RigDev *d = opaque;

	d->last_off = off;
	d->last_val = val;
	return CXB_MEM_OK;
}

static const CxbRegionOps bar_ops = { .read = bar_read, .write = bar_write };

static void rig_unrealize(CxbPciDev *dev)
{
	RigDev *d = (RigDev *)dev;

	for (unsigned i = 0; i < G_N_ELEMENTS(d->bar); i++)
		g_clear_pointer(&d->bar[i], cxb_region_free);
	if (d->expander)
		cxb_pci_root_bus_gone(g_steal_pointer(&d->expander));
}

static void bar_add(RigDev *d, unsigned i, unsigned nr, uint64_t size, bool is_64)
{
	d->bar[i] = cxb_region_new_io("rig", size, &bar_ops, d);
	cxb_pci_add_bar(&d->pci, nr, d->bar[i], is_64, false);
}

static bool port_common(CxbPciDev *dev, uint8_t type, uint8_t msi_vectors, GError **errp)
{
	if (!cxb_pci_bridge_init(dev, dev->dev.id, errp))
		return false;
	cxb_msi_init(dev, 0x60, msi_vectors, type != PCIE_TYPE_ROOT_PORT,
		     type == PCIE_TYPE_ROOT_PORT);
	cxb_pcie_add_cap(dev, 0x80, type, type == PCIE_TYPE_UPSTREAM ? 0 : 7);
	bar_add((RigDev *)dev, 0, 0, 0x10000, true);
	return true;
}

static bool port_realize(CxbPciDev *dev, GError **errp)
{
	if (!port_common(dev, PCIE_TYPE_ROOT_PORT, 2, errp))
		return false;
	cxb_pcie_set_slot(dev, &(CxbPcieSlot){ .nr = 5 });
	cxb_pcie_add_aer(dev, 0x100);
	return true;
}

static bool upstream_realize(CxbPciDev *dev, GError **errp)
{
	return port_common(dev, PCIE_TYPE_UPSTREAM, 2, errp);
}

static bool downstream_realize(CxbPciDev *dev, GError **errp)
{
	return port_common(dev, PCIE_TYPE_DOWNSTREAM, 1, errp);
}

static bool endpoint_realize(CxbPciDev *dev, GError **errp)
{
	RigDev *d = (RigDev *)dev;

	bar_add(d, 0, 0, 0x10000, true);
	bar_add(d, 1, 2, 0x1000, false);
	if (!cxb_msix_init(dev, 8, 4, 0x1000, 0, 0x800, 0x40, errp))
		return false;
	cxb_pcie_add_cap(dev, 0x80, PCIE_TYPE_ENDPOINT, 0);
	return true;
}

static bool reporter_realize(CxbPciDev *dev, GError **errp)
{
	if (!endpoint_realize(dev, errp))
		return false;
	cxb_pcie_add_aer(dev, 0x100);
	return true;
}

static bool big_realize(CxbPciDev *dev, GError **errp)
{
	bar_add((RigDev *)dev, 0, 0, 4 << 20, true);
	return true;
}

static bool broken_realize(CxbPciDev *dev, GError **errp)
{
	if (!cxb_pci_bridge_init(dev, dev->dev.id, errp))
		return false;
	if (!cxb_msix_init(dev, 8, 0, 0x1000, 0, 0x800, 0x40, errp))
		return false;
	return cxb_fail(errp, CXB_ERROR_INVALID, "broken on purpose");
}

static bool expander_realize(CxbPciDev *dev, GError **errp)
{
	RigDev *d = (RigDev *)dev;

	d->expander = cxb_pci_root_bus_new(cxb_pci_dev_bus(dev)->host, dev->dev.id, d->bus_nr, true,
					   &dev->dev, NULL, errp);
	if (!d->expander)
		return false;
	d->expander->accepts = cxb_pci_accepts_bridges;
	return true;
}

static void count_write(CxbPciDev *dev, uint16_t off, unsigned size)
{
	RigDev *d = (RigDev *)dev;

	d->config_writes++;
	d->config_off = off;
	d->config_size = size;
}

static void count_read(CxbPciDev *dev, uint16_t off, unsigned size)
{
	((RigDev *)dev)->config_reads++;
}

static void count_reset(CxbPciDev *dev, CxbResetKind kind)
{
	((RigDev *)dev)->resets++;
}

#define RIG_CLASS(fn, dev_id, ...)                                                            \
	{                                                                                     \
		.device = CXB_PCI_DEVICE_CLASS, .vendor_id = RIG_VENDOR, .device_id = dev_id, \
		.realize = fn, .unrealize = rig_unrealize, .reset = count_reset,              \
		.config_written = count_write, .config_reading = count_read, __VA_ARGS__      \
	}

static const CxbPciClass port_class =
	RIG_CLASS(port_realize, 1, .class_code = 0x060400, .is_bridge = true, .is_express = true);
static const CxbPciClass upstream_class = RIG_CLASS(upstream_realize, 2, .class_code = 0x060400,
						    .is_bridge = true, .is_express = true);
static const CxbPciClass downstream_class = RIG_CLASS(downstream_realize, 3, .class_code = 0x060400,
						      .is_bridge = true, .is_express = true);
static const CxbPciClass endpoint_class =
	RIG_CLASS(endpoint_realize, 4, .class_code = 0x050210, .revision = 1, .is_express = true);
static const CxbPciClass reporter_class =
	RIG_CLASS(reporter_realize, 9, .class_code = 0x050210, .is_express = true);
static const CxbPciClass legacy_class =
	RIG_CLASS(NULL, 5, .class_code = 0x060000, .subsys_vendor_id = 0x1234, .subsys_id = 0x5678);
static const CxbPciClass expander_class = RIG_CLASS(expander_realize, 6, .class_code = 0x060000);
static const CxbPciClass broken_class =
	RIG_CLASS(broken_realize, 7, .class_code = 0x060400, .is_bridge = true, .is_express = true);
static const CxbPciClass big_class =
	RIG_CLASS(big_realize, 8, .class_code = 0x050000, .is_express = true);

static const CxbProp expander_props[] = {
	{ .name = "bus_nr", .kind = CXB_PROP_U8, .offset = offsetof(RigDev, bus_nr) },
	{ NULL },
};

#define RIG_TYPE(type_name, parent_name, class_ptr, ...)                          \
	{                                                                         \
		.name = type_name, .parent = parent_name, .size = sizeof(RigDev), \
		.flags = CXB_TYPE_DEVICE, .klass = class_ptr, __VA_ARGS__         \
	}

static const CxbType types[] = {
	RIG_TYPE("rig-port", CXB_TYPE_NAME_PCI_BRIDGE, &port_class),
	RIG_TYPE("rig-upstream", CXB_TYPE_NAME_PCI_BRIDGE, &upstream_class),
	RIG_TYPE("rig-downstream", CXB_TYPE_NAME_PCI_BRIDGE, &downstream_class),
	RIG_TYPE("rig-endpoint", CXB_TYPE_NAME_PCI_DEVICE, &endpoint_class),
	RIG_TYPE("rig-reporter", CXB_TYPE_NAME_PCI_DEVICE, &reporter_class),
	RIG_TYPE("rig-legacy", CXB_TYPE_NAME_PCI_DEVICE, &legacy_class),
	RIG_TYPE("rig-expander", CXB_TYPE_NAME_PCI_DEVICE, &expander_class,
		 .props = expander_props),
	RIG_TYPE("rig-big", CXB_TYPE_NAME_PCI_DEVICE, &big_class),
	RIG_TYPE("rig-broken", CXB_TYPE_NAME_PCI_BRIDGE, &broken_class),
};

static void sink(void *opaque, uint64_t addr, uint32_t data)
{
	Rig *rig = opaque;
	const RigMessage m = { addr, data };

	g_array_append_val(rig->messages, m);
	if (rig->memory_sink)
		rig_write32(rig, addr, data);
}

void rig_init(Rig *rig)
{
	*rig = (Rig){ .qom = cxb_qom_new(), .mm = cxb_memmap_new() };
	rig->messages = g_array_new(false, false, sizeof(RigMessage));
	cxb_device_types_register(rig->qom);
	cxb_pci_types_register(rig->qom);
	for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
		cxb_qom_register(rig->qom, &types[i]);
	rig->host = cxb_pci_host_new(rig->qom, rig->mm, 1, sink, rig);
	rig->root = cxb_pci_root_bus_new(rig->host, "pcie.0", 0, true, NULL,
					 cxb_qom_container(rig->qom, "/machine/q35"), NULL);
	g_assert_nonnull(rig->root);
}

void rig_fini(Rig *rig)
{
	cxb_qom_free(rig->qom);
	cxb_pci_host_free(rig->host);
	cxb_memmap_free(rig->mm);
	g_array_unref(rig->messages);
}

static CxbPciDev *add(Rig *rig, const char *text, bool hotplug, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "driver", false, errp);

	return opts ? CXB_PCI_DEV(cxb_device_add(rig->qom, opts, hotplug, errp)) : NULL;
}

CxbPciDev *rig_add(Rig *rig, const char *opts, GError **errp)
{
	return add(rig, opts, false, errp);
}

CxbPciDev *rig_hotplug(Rig *rig, const char *opts, GError **errp)
{
	return add(rig, opts, true, errp);
}

CxbPciDev *rig_must(Rig *rig, const char *opts)
{
	GError *err = NULL;
	CxbPciDev *dev = rig_add(rig, opts, &err);

	g_assert_no_error(err);
	return dev;
}

void rig_refuse(Rig *rig, const char *opts, const char *text)
{
	g_autoptr(GError) err = NULL;

	g_assert_null(rig_add(rig, opts, &err));
	g_assert_cmpstr(err->message, ==, text);
}

uint32_t rig_get(CxbPciDev *dev, uint16_t off, unsigned size)
{
	return cxb_pci_dev_config_read(dev, off, size);
}

void rig_put(CxbPciDev *dev, uint16_t off, unsigned size, uint32_t val)
{
	cxb_pci_dev_config_write(dev, off, size, val);
}

void rig_bus_numbers(CxbPciDev *bridge, uint8_t pri, uint8_t sec, uint8_t sub)
{
	rig_put(bridge, PCI_PRIMARY_BUS, 4, pri | sec << 8 | sub << 16);
}

void rig_window(CxbPciDev *bridge, uint32_t base, uint32_t limit)
{
	rig_put(bridge, PCI_MEM_BASE, 4, base >> 16 | (limit & 0xfff00000));
}

void rig_prefetch_window(CxbPciDev *bridge, uint64_t base, uint64_t limit)
{
	rig_put(bridge, PCI_PREF_BASE, 2, base >> 16 & 0xfff0);
	rig_put(bridge, PCI_PREF_LIMIT, 2, limit >> 16 & 0xfff0);
	rig_put(bridge, PCI_PREF_BASE_HI, 4, base >> 32);
	rig_put(bridge, PCI_PREF_LIMIT_HI, 4, limit >> 32);
}

void rig_mem_on(CxbPciDev *dev)
{
	rig_put(dev, PCI_COMMAND, 2, PCI_COMMAND_MEM | PCI_COMMAND_MASTER);
}

bool rig_answers(Rig *rig, uint64_t hpa)
{
	uint8_t b[4];

	return cxb_memmap_read(rig->mm, hpa, b, sizeof(b)) == CXB_MEM_OK;
}

uint32_t rig_read32(Rig *rig, uint64_t hpa)
{
	uint32_t val;

	g_assert_cmpint(cxb_memmap_read(rig->mm, hpa, &val, sizeof(val)), ==, CXB_MEM_OK);
	return GUINT32_FROM_LE(val);
}

void rig_write32(Rig *rig, uint64_t hpa, uint32_t val)
{
	val = GUINT32_TO_LE(val);
	cxb_memmap_write(rig->mm, hpa, &val, sizeof(val));
}
