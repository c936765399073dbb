/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration space of a device that is passed through: reads come from it but for the bits that
 * are answered here (pci/adopt.c), writes go to it as they are, and then to those.
 */
#include "vfio.h"

#include "base/bytes.h"
#include "base/error.h"
#include "pci/regs.h"

bool vfio_config_fetch(VfioPci *v, uint8_t *config, unsigned *size, GError **errp)
{
	g_auto(CxbVfioRegion) region = { .fd = -1 };
	int err;

	if (!cxb_vfio_region(v->dev, CXB_VFIO_CONFIG, &region, errp))
		return false;
	if (region.size != CXB_PCI_CONFIG_SIZE && region.size != CXB_PCIE_CONFIG_SIZE)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"configuration space of 0x%" G_GINT64_MODIFIER
				"x bytes is not one of %u or %u",
				region.size, CXB_PCI_CONFIG_SIZE, CXB_PCIE_CONFIG_SIZE);
	*size = region.size;
	err = cxb_vfio_read(v->dev, CXB_VFIO_CONFIG, 0, config, *size);
	return !err || cxb_fail_errno(errp, err, "configuration space cannot be read");
}

/* The properties' order. */
static const struct {
	uint8_t off, len;
} ids[] = {
	{ PCI_VENDOR_ID, 2 }, { PCI_DEVICE_ID, 2 }, { PCI_SUBSYS_VENDOR, 2 },
	{ PCI_SUBSYS_ID, 2 }, { PCI_CLASS, 3 },
};

_Static_assert(G_N_ELEMENTS(ids) == G_N_ELEMENTS(((VfioPci *)0)->ids), "one each");

void vfio_config_override(VfioPci *v)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
		if (v->ids[i] == UINT32_MAX)
			continue;
		le_store(v->pci.config + ids[i].off, ids[i].len, v->ids[i]);
		cxb_pci_emulate(&v->pci, ids[i].off, ids[i].len);
	}
}

/* A device that is lost is one that is not there any more. */
uint32_t vfio_config_read(CxbPciDev *dev, uint16_t off, unsigned size)
{
	const uint32_t all = UINT32_MAX >> (8 * (4 - size));
	const uint32_t ours = le_load(dev->emulated + off, size);
	uint32_t val = le_load(dev->config + off, size);
	VfioPci *v = vfio_pci(dev);
	uint8_t bytes[4];

	if (v->dev->lost)
		return all;
	if (ours == all)
		return val;
	if (cxb_vfio_read(v->dev, CXB_VFIO_CONFIG, off, bytes, size))
		return all;
	val = (val & ours) | (le_load(bytes, size) & ~ours);
	le_store(dev->config + off, size, val);
	vfio_irqs_take(v);
	return val;
}

void vfio_config_write(CxbPciDev *dev, uint16_t off, unsigned size, uint32_t val)
{
	VfioPci *v = vfio_pci(dev);
	uint8_t bytes[4];

	if (cxb_msi_owns(dev, off))
		return;
	le_store(bytes, size, val);
	cxb_vfio_write(v->dev, CXB_VFIO_CONFIG, off, bytes, size);
	vfio_cxl_config_written(v, off, size, val);
}

void vfio_config_written(CxbPciDev *dev, uint16_t off, unsigned size)
{
	VfioPci *v = vfio_pci(dev);

	if (off < CXB_PCI_CONFIG_SIZE && off >= PCI_CAP_PTR)
		vfio_irqs_update(v);
	vfio_irqs_take(v);
}
