/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The q35 host bridge, function 00.0: PCIEXBAR places ECAM. After reset it is enabled at the
 * address that MCFG gives (no firmware runs that would do it).
 */
#include "internal.h"

#include "base/bytes.h"
#include "base/range.h"
#include "base/trace.h"

CXB_TRACE(q35_ecam, (bool on, uint64_t base, uint64_t size),
	  "enabled %d base 0x%" PRIx64 " size 0x%" PRIx64, on, base, size)

#define PCIEXBAR        0x60
#define PCIEXBAR_ENABLE 1u

typedef struct {
	CxbPciDev pci;
	CxbMachine *m;
} Mch;

static void ecam_update(Mch *mch)
{
	static const struct {
		uint64_t size;
		uint32_t base_mask;
	} lengths[] = { { 256 << 20, 0xf0000000 },
			{ 128 << 20, 0xf8000000 },
			{ 64 << 20, 0xfc000000 } };
	const uint64_t val = le_load(mch->pci.config + PCIEXBAR, 8);
	const unsigned length = val >> 1 & 3;
	const uint64_t base =
		(val & 0xf00000000ull) | (length < 3 ? val & lengths[length].base_mask : 0);

	if (!(val & PCIEXBAR_ENABLE)) {
		trace_q35_ecam(false, 0, 0);
		cxb_memmap_remove(mch->m->mm, mch->m->ecam);
	} else if (length < G_N_ELEMENTS(lengths)) { /* 3 is reserved: the mapping stays */
		trace_q35_ecam(true, base, lengths[length].size);
		cxb_memmap_place(mch->m->mm, mch->m->ecam, base, PRIO_ECAM, 0,
				 lengths[length].size);
	}
}

static void mch_config_written(CxbPciDev *dev, uint16_t off, unsigned size)
{
	Mch *mch = (Mch *)dev;

	if (cxb_ranges_overlap(off, size, PCIEXBAR, 8))
		ecam_update(mch);
}

static bool mch_realize(CxbPciDev *dev, GError **errp)
{
	Mch *mch = (Mch *)dev;

	mch->m = cxb_qom_get_service(dev->dev.obj.qom, "machine");
	le_store(dev->config + PCIEXBAR, 8, LAYOUT_ECAM_BASE | PCIEXBAR_ENABLE);
	le_store(dev->wmask + PCIEXBAR, 8, UINT64_MAX);
	/* PAM and SMRAM: plain bytes, nothing behind them. */
	memset(dev->wmask + 0x90, 0xff, 7);
	dev->wmask[0x9d] = 0xff;
	return true;
}

static void mch_reset(CxbPciDev *dev, CxbResetKind kind)
{
	ecam_update((Mch *)dev);
}

static const CxbPciClass mch_class = {
	.device = { .bus_kind = "PCI",
		    .no_hotplug = true,
		    .realize = cxb_pci_dev_realize,
		    .unrealize = cxb_pci_dev_unrealize,
		    .reset = cxb_pci_dev_reset },
	.vendor_id = 0x8086,
	.device_id = 0x29c0,
	.subsys_vendor_id = 0x1af4,
	.subsys_id = 0x1100,
	.class_code = 0x060000,
	.realize = mch_realize,
	.config_written = mch_config_written,
	.reset = mch_reset,
};

const CxbType cxb_q35_mch_type = {
	.name = "mch",
	.parent = CXB_TYPE_NAME_PCI_DEVICE,
	.desc = "Host bridge",
	.category = "Bridge",
	.size = sizeof(Mch),
	.klass = &mch_class,
};

static bool create(CxbMachine *m, GError **errp)
{
	g_autoptr(CxbObject) obj = cxb_object_new(m->qom, &cxb_q35_mch_type);

	m->root_bus = cxb_pci_root_bus_new(m->pci, "pcie.0", 0, true, NULL, &m->obj->obj, errp);
	if (!m->root_bus)
		return false;
	cxb_qom_set_service(m->qom, "machine", m);
	m->ecam = cxb_region_new_io("pcie-mmcfg-mmio", LAYOUT_ECAM_SIZE, &cxb_pci_ecam_ops, m->pci);
	if (!cxb_object_set_text(obj, "addr", "00.0", errp) ||
	    !cxb_object_add(&m->obj->obj, "mch", obj, errp))
		return false;
	return cxb_device_realize((CxbDevice *)obj, &m->root_bus->bus, errp);
}

static bool layout(const CxbMachine *m, uint64_t windows, Layout *out, GError **errp)
{
	return layout_q35(out, m->ram_size, m->obj->max_ram_below_4g, m->maxmem, m->slots,
			  m->obj->cxl, windows, errp);
}

const MachineClass cxb_q35_class = {
	.ram_id = "pc.ram",
	.low_ram = "ram-below-4g",
	.layout = layout,
	.create = create,
};
