/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that does as it likes with a small topology: root bus, root port, endpoint with MSI-X.
 * Messages are written to memory, so that they can hit registers again.
 *
 * Input: records of 8 bytes. Byte 0: what (low nibble) and size; 1: bus; 2: devfn; 3: unused;
 * 4-5: register or offset; 6-7: value, spread by the high bits of byte 0.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "pci/pci.h"
#include "pci/regs.h"

#define RECORDS_MAX 512
#define ECAM        0xb0000000ull

typedef struct {
	CxbPciDev pci;
	CxbRegion *bar;
} FuzzDev;

static CxbMemResult bar_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	*val = off;
	return CXB_MEM_OK;
}

/* A doorbell: every write raises a message. */
static CxbMemResult bar_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	cxb_pci_notify(opaque, val & 0x1f);
	return CXB_MEM_OK;
}

static const CxbRegionOps bar_ops = { .read = bar_read, .write = bar_write };

static void bar_make(FuzzDev *d, uint64_t size)
{
	d->bar = cxb_region_new_io("fuzz", size, &bar_ops, d);
	cxb_pci_add_bar(&d->pci, 0, d->bar, true, false);
}

static bool port_realize(CxbPciDev *dev, GError **errp)
{
	if (!cxb_pci_bridge_init(dev, "rp", errp))
		return false;
	cxb_pcie_add_cap(dev, 0x74, PCIE_TYPE_ROOT_PORT, 1);
	cxb_msi_init(dev, 0x40, 2, false, true);
	cxb_pcie_add_aer(dev, 0x100);
	bar_make((FuzzDev *)dev, 0x10000);
	return true;
}

static bool endpoint_realize(CxbPciDev *dev, GError **errp)
{
	cxb_pcie_add_cap(dev, 0x80, PCIE_TYPE_ENDPOINT, 0);
	cxb_pcie_add_aer(dev, 0x100);
	bar_make((FuzzDev *)dev, 0x200000);
	return cxb_msix_init(dev, 8, 4, 0x1000, 0, 0x800, 0x40, errp);
}

static void dev_unrealize(CxbPciDev *dev)
{
	g_clear_pointer(&((FuzzDev *)dev)->bar, cxb_region_free);
}

static const CxbPciClass port_class = {
	.device = CXB_PCI_DEVICE_CLASS,
	.is_bridge = true,
	.is_express = true,
	.realize = port_realize,
	.unrealize = dev_unrealize,
};
static const CxbPciClass endpoint_class = {
	.device = CXB_PCI_DEVICE_CLASS,
	.is_express = true,
	.realize = endpoint_realize,
	.unrealize = dev_unrealize,
};
static const CxbType types[] = {
	{ .name = "fuzz-port",
	  .parent = CXB_TYPE_NAME_PCI_BRIDGE,
	  .size = sizeof(FuzzDev),
	  .flags = CXB_TYPE_DEVICE,
	  .klass = &port_class },
	{ .name = "fuzz-endpoint",
	  .parent = CXB_TYPE_NAME_PCI_DEVICE,
	  .size = sizeof(FuzzDev),
	  .flags = CXB_TYPE_DEVICE,
	  .klass = &endpoint_class },
};

static void sink(void *opaque, uint64_t addr, uint32_t data)
{
	const uint32_t le = GUINT32_TO_LE(data);

	cxb_memmap_write(opaque, addr, &le, sizeof(le));
}

static CxbPciDev *add(CxbQom *qom, const char *text, bool hotplug)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "driver", false, NULL);

	return CXB_PCI_DEV(cxb_device_add(qom, opts, hotplug, NULL));
}

/* An address that has a chance to hit something. */
static uint64_t somewhere(CxbPciHost *host, const uint8_t *r)
{
	const uint64_t off = (r[4] | r[5] << 8) + (r[3] << 16);
	CxbPciDev *dev = cxb_pci_find(host, r[1] << 8 | r[2]);

	if (r[0] & 0x80)
		return ECAM + (r[1] << 20) + (r[2] << 12) + off;
	for (unsigned i = 0; dev && i < CXB_PCI_BARS; i++)
		if (dev->bars[i].placed && (i != 0 || !(r[0] & 0x40)))
			return dev->bars[i].hpa + off;
	return off;
}

/* What must hold whatever was written. */
static void check(CxbPciHost *host, CxbPciDev *dev)
{
	for (unsigned i = 0; i < CXB_PCI_BARS; i++) {
		const CxbPciBar *bar = &dev->bars[i];

		if (bar->placed && (!bar->hpa || bar->hpa & (bar->size - 1) || !bar->clip_len ||
				    bar->clip_start + bar->clip_len > bar->size))
			abort();
	}
	for (unsigned i = 0; dev->reset_val && i < PCI_COMMAND; i++)
		if (dev->config[i] != dev->reset_val[i])
			abort();
}

static void step(CxbQom *qom, CxbPciHost *host, CxbMemMap *mm, const uint8_t *r)
{
	const uint16_t bdf = r[1] << 8 | r[2], off = r[4] | r[5] << 8;
	const uint32_t spread = r[0] & 0x40 ? 0xffffffff : 0;
	const uint32_t val = (r[6] | r[7] << 8) ^ (r[3] << 16) ^ spread;
	const unsigned size = 1u << (r[0] >> 4 & 3);
	uint8_t buf[16] = { r[6], r[7], r[3] };
	CxbDevice *ep = cxb_device_find(qom, "ep", NULL);
	uint32_t v;

	switch (r[0] & 0xf) {
	case 0:
	case 1:
		cxb_pci_config_write(host, bdf, off, size, val);
		break;
	case 2:
		cxb_pci_config_read(host, bdf, off, size);
		break;
	case 3:
	case 4:
		cxb_memmap_write(mm, somewhere(host, r), buf, 1 + r[7] % sizeof(buf));
		break;
	case 5:
		cxb_memmap_read(mm, somewhere(host, r), buf, 1 + r[7] % sizeof(buf));
		break;
	case 6:
		cxb_pci_port_write(host, 0xcf8 + (r[4] & 7), size, val | (uint32_t)r[5] << 24);
		break;
	case 7:
		cxb_pci_port_read(host, 0xcf8 + (r[4] & 7), size, &v);
		break;
	case 8:
		if (ep)
			cxb_pci_notify(CXB_PCI_DEV(ep), val);
		break;
	case 9:
		cxb_pci_host_reset(host, val & 1 ? CXB_RESET_COLD : CXB_RESET_WARM);
		break;
	case 10:
		if (ep)
			cxb_device_remove(ep);
		else
			add(qom, "fuzz-endpoint,id=ep,bus=rp", true);
		break;
	case 11:
		cxb_pcie_slot_eject_request(cxb_pci_find(host, 0));
		break;
	case 12:
		if (ep && (val & 1))
			cxb_pcie_aer_uncorrectable(CXB_PCI_DEV(ep), CXB_AER_UNC_INTERNAL);
		else if (ep)
			cxb_pcie_aer_correctable(CXB_PCI_DEV(ep), CXB_AER_COR_INTERNAL);
		break;
	}
}

static void eject(void *opaque, CxbPciDev *port)
{
	CxbPciDev *dev = port->secondary->functions[0];

	if (dev)
		cxb_device_remove(&dev->dev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CxbQom *qom = cxb_qom_new();
	CxbMemMap *mm = cxb_memmap_new();
	CxbPciHost *host = cxb_pci_host_new(qom, mm, 1, sink, mm);
	CxbRegion *ecam = cxb_region_new_io("ecam", 256 << 20, &cxb_pci_ecam_ops, host);
	CxbPciDev *port;

	cxb_device_types_register(qom);
	cxb_pci_types_register(qom);
	for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
		cxb_qom_register(qom, &types[i]);
	cxb_pci_root_bus_new(host, "pcie.0", 0, true, NULL, cxb_qom_container(qom, "/machine/q35"),
			     NULL);
	cxb_pci_host_set_eject(host, eject, NULL);
	cxb_memmap_place(mm, ecam, ECAM, 0, 0, 256 << 20);
	port = add(qom, "fuzz-port,id=p,bus=pcie.0,addr=0", false);
	add(qom, "fuzz-endpoint,id=ep,bus=rp", false);
	for (size_t i = 0; i < RECORDS_MAX && i * 8 + 8 <= size; i++) {
		CxbDevice *ep;

		step(qom, host, mm, data + i * 8);
		check(host, port);
		ep = cxb_device_find(qom, "ep", NULL);
		if (ep)
			check(host, CXB_PCI_DEV(ep));
	}
	cxb_qom_free(qom);
	cxb_region_free(ecam);
	cxb_pci_host_free(host);
	cxb_memmap_free(mm);
	return 0;
}
