/* SPDX-License-Identifier: Apache-2.0 */
/* As rig.h, with decoders: of the host bridge "cxl.1" on bus 12 and of devices below its ports. */
#ifndef DECODE_RIG_H
#define DECODE_RIG_H

#include "base/bytes.h"
#include "rig.h"

/* Where all component registers have their HDM decoders (CXL 3.1 8.2.4.20), as in QEMU. */
#define HDM  0x1128
#define UNIT (256ull << 20)
#define BASE (16 * UNIT)
#define REGS (1ull << 40)
#define BAR  0xe0000000u

static inline void rig_writel(Rig *r, uint64_t hpa, uint32_t val)
{
	const le32 v = le32_put(val);

	g_assert_cmpint(cxb_memmap_write(r->mm, hpa, &v, sizeof(v)), ==, CXB_MEM_OK);
}

/* Decoder @n at @hdm takes a unit at @base, one way; @list is a port number. */
static inline void rig_commit(Rig *r, uint64_t hdm, unsigned n, uint64_t base, uint32_t list)
{
	const uint64_t dec = hdm + 0x10 + 0x20 * n;

	rig_writel(r, dec + 0x10, 0);
	rig_writel(r, dec, base);
	rig_writel(r, dec + 0x04, base >> 32);
	rig_writel(r, dec + 0x08, UNIT);
	rig_writel(r, dec + 0x14, list);
	rig_writel(r, dec + 0x10, 1 << 12 | 1 << 9);
	rig_writel(r, hdm + 0x04, 2);
}

/* Decoder @n of the bridge leads a unit at @base to port @number. */
static inline void rig_lead(Rig *r, unsigned n, uint64_t base, uint8_t number)
{
	CxbRegion *regs = cxb_pxb_cxl_regs(cxb_device_find(r->qom, "cxl.1", NULL));

	cxb_memmap_place(r->mm, regs, REGS, 0, 0, cxb_region_size(regs));
	rig_commit(r, REGS + HDM, n, base, number);
	cxb_memmap_remove(r->mm, regs);
}

/* A new device behind port @rp, whose bus is @bus, takes a unit at @base. */
static inline CxbDevice *rig_endpoint(Rig *r, const char *rp, uint8_t bus, uint64_t base)
{
	g_autofree char *backend =
		g_strdup_printf("memory-backend-ram,id=m%u,size=256M", (unsigned)bus);
	g_autofree char *text =
		g_strdup_printf("cxl-type3,bus=%s,volatile-memdev=m%u", rp, (unsigned)bus);
	CxbPciDev *port = CXB_PCI_DEV(cxb_device_find(r->qom, rp, NULL)), *dev;

	rig_backend(r, backend);
	dev = rig_device(r, text);
	cxb_pci_dev_config_write(port, 0x18, 4, 12 | bus << 8 | bus << 16);
	cxb_pci_dev_config_write(port, 0x20, 4, BAR >> 16 | BAR);
	cxb_pci_dev_config_write(port, 0x04, 2, 2);
	cxb_pci_dev_config_write(dev, 0x10, 4, BAR);
	cxb_pci_dev_config_write(dev, 0x04, 2, 2);
	rig_commit(r, BAR + HDM, 0, base, 0);
	cxb_pci_dev_config_write(port, 0x04, 2, 0);
	return &dev->dev;
}

#endif
