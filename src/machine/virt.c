/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ARM virt machine, as far as CXL needs it: the map of memory, configuration space at the
 * place that MCFG gives, and the doorbell of an interrupt translation service (GICv3 ITS), where
 * messages end. There are no I/O ports, no interrupt lines and no other devices.
 */
#include "internal.h"

#include "base/error.h"

typedef struct {
	CxbPciDev pci;
} Gpex;

static const CxbPciClass gpex_class = {
	.device = { .bus_kind = "PCI",
		    .no_hotplug = true,
		    .realize = cxb_pci_dev_realize,
		    .unrealize = cxb_pci_dev_unrealize,
		    .reset = cxb_pci_dev_reset },
	.vendor_id = 0x1b36,
	.device_id = 0x0008,
	.subsys_vendor_id = 0x1af4,
	.subsys_id = 0x1100,
	.class_code = 0x060000,
};

const CxbType cxb_gpex_root_type = {
	.name = "gpex-root",
	.parent = CXB_TYPE_NAME_PCI_DEVICE,
	.desc = "QEMU generic PCIe host bridge",
	.category = "Bridge",
	.size = sizeof(Gpex),
	.klass = &gpex_class,
};

static bool create(CxbMachine *m, GError **errp)
{
	g_autoptr(CxbObject) obj = cxb_object_new(m->qom, &cxb_gpex_root_type);

	cxb_irqs_use_its(m->irqs);
	m->root_bus = cxb_pci_root_bus_new(m->pci, "pcie.0", 0, true, NULL, &m->obj->obj, errp);
	return m->root_bus && cxb_object_set_text(obj, "addr", "00.0", errp) &&
	       cxb_object_add(&m->obj->obj, "gpex-root", obj, errp) &&
	       cxb_device_realize((CxbDevice *)obj, &m->root_bus->bus, errp);
}

static bool layout(const CxbMachine *m, uint64_t windows, Layout *out, GError **errp)
{
	const LayoutVirt virt = {
		.ram = m->ram_size,
		.maxmem = m->maxmem,
		.slots = m->slots,
		.ecam_high = m->obj->highmem_ecam,
		.pci64_size = m->obj->highmem_mmio ? m->obj->highmem_mmio_size : 0,
		.cxl = m->obj->cxl,
		.windows = windows,
	};

	return layout_virt(out, &virt, errp);
}

/* No register moves it. */
static void place(CxbMachine *m)
{
	m->ecam = cxb_region_new_io("pcie-ecam", m->layout.ecam_size, &cxb_pci_ecam_ops, m->pci);
	cxb_memmap_place(m->mm, m->ecam, m->layout.ecam, PRIO_ECAM, 0, m->layout.ecam_size);
}

const MachineClass cxb_virt_class = {
	.ram_id = "mach-virt.ram",
	.low_ram = "mach-virt.ram",
	.no_ports = true,
	.layout = layout,
	.create = create,
	.place = place,
};
