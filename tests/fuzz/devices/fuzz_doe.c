/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that does as it likes with a DOE mailbox that shows a CDAT from a file nobody checked.
 * Messages are written to memory, so that they can hit the mailbox again.
 *
 * Input: byte 0: dwords of table that follow, b7: make its length and checksum right; the table;
 * then records of 6 bytes. Byte 0: what (low nibble) and size; 1: register or entry; 2-5: value.
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "cxl/cdat.h"
#include "fuzz.h"
#include "pci/doe.h"
#include "pci/regs.h"
#include "wire/cdat.h"
#include "wire/pci.h"

#define RECORDS_MAX 512
#define ECAM        0xb0000000ull
#define TABLE       0xe0000000u /* of MSI-X */
#define DOE         0x190
#define RECORD      6

static bool table_access(void *opaque, CxbRd *in, CxbWr *out)
{
	return cxb_cdat_access(opaque, in, out);
}

typedef struct {
	CxbPciDev pci;
	CxbCdat *cdat;
} FuzzDev;

static const CxbCdat *table_of(CxbPciDev *dev)
{
	return ((FuzzDev *)dev)->cdat;
}

static const uint8_t *table_bytes;
static size_t table_len;

static bool dev_realize(CxbPciDev *dev, GError **errp)
{
	static const CxbCdatRange range = { .len = 1 << 28, .efi_type = WIRE_EFI_SPECIFIC_PURPOSE };
	FuzzDev *d = (FuzzDev *)dev;

	d->cdat = cxb_cdat_load(table_bytes, table_len, NULL) ?: cxb_cdat_new(&range, 1);

	const CxbDoeProtocol p = { WIRE_CXL_VENDOR_ID, WIRE_DOE_TABLE_ACCESS, 3,
				   3 + cxb_cdat_entry_max(d->cdat) / 4, table_access };

	cxb_doe_init(dev, DOE, &p, 1, 0, d->cdat);
	return cxb_msix_init(dev, 1, 4, 0x1000, 0, 0x800, 0x40, errp);
}

static void dev_unrealize(CxbPciDev *dev)
{
	g_clear_pointer(&((FuzzDev *)dev)->cdat, cxb_cdat_free);
}

static const CxbPciClass dev_class = {
	.device = CXB_PCI_DEVICE_CLASS,
	.is_express = true,
	.realize = dev_realize,
	.unrealize = dev_unrealize,
};
static const CxbType dev_type = {
	.name = "fuzz-doe",
	.parent = CXB_TYPE_NAME_PCI_DEVICE,
	.size = sizeof(FuzzDev),
	.flags = CXB_TYPE_DEVICE,
	.klass = &dev_class,
};

static void sink(void *opaque, uint64_t addr, uint32_t data)
{
	const uint32_t le = GUINT32_TO_LE(data);

	cxb_memmap_write(opaque, addr, &le, sizeof(le));
}

static uint32_t get(CxbPciDev *dev, unsigned reg)
{
	return cxb_pci_dev_config_read(dev, DOE + reg, 4);
}

static void put(CxbPciDev *dev, unsigned reg, uint32_t val)
{
	cxb_pci_dev_config_write(dev, DOE + reg, 4, val);
}

/* One object there and back as a driver would, checked against the table. */
static void read_entry(CxbPciDev *dev, uint16_t handle)
{
	const CxbCdat *c = table_of(dev);
	const uint8_t *entry;
	uint32_t head[3];
	size_t len;

	put(dev, PCIE_DOE_CTL, PCIE_DOE_CTL_ABORT);
	put(dev, PCIE_DOE_WRITE, WIRE_CXL_VENDOR_ID | WIRE_DOE_TABLE_ACCESS << 16);
	put(dev, PCIE_DOE_WRITE, 3);
	put(dev, PCIE_DOE_WRITE, (uint32_t)handle << 16);
	put(dev, PCIE_DOE_CTL, PCIE_DOE_CTL_GO);
	if (handle >= cxb_cdat_entries(c)) {
		if (get(dev, PCIE_DOE_STA) & ~PCIE_DOE_STA_INT)
			abort();
		return;
	}
	entry = cxb_cdat_entry(c, handle, &len);
	for (unsigned i = 0; i < G_N_ELEMENTS(head); i++) {
		head[i] = get(dev, PCIE_DOE_READ);
		put(dev, PCIE_DOE_READ, 0);
	}
	if (head[0] != (WIRE_CXL_VENDOR_ID | WIRE_DOE_TABLE_ACCESS << 16) ||
	    head[1] != 3 + len / 4 ||
	    head[2] >> 16 != (handle + 1u < cxb_cdat_entries(c) ? handle + 1u : WIRE_CDAT_LAST))
		abort();
	for (size_t i = 0; i < len; i += 4) {
		if (!(get(dev, PCIE_DOE_STA) & PCIE_DOE_STA_READY) ||
		    get(dev, PCIE_DOE_READ) != le_load(entry + i, 4))
			abort();
		put(dev, PCIE_DOE_READ, 0);
	}
	if (get(dev, PCIE_DOE_STA) & ~PCIE_DOE_STA_INT)
		abort();
}

/* What must hold whatever was written. */
static void check(CxbPciDev *dev)
{
	const uint32_t sta = get(dev, PCIE_DOE_STA) & ~PCIE_DOE_STA_INT;

	if (sta && sta != PCIE_DOE_STA_READY && sta != PCIE_DOE_STA_ERROR)
		abort();
	if (sta != PCIE_DOE_STA_READY && get(dev, PCIE_DOE_READ))
		abort();
	if (get(dev, PCIE_DOE_CTL) & ~PCIE_DOE_CTL_INT_EN)
		abort();
	if ((get(dev, 0) & 0xffff) != PCI_EXT_DOE || get(dev, PCIE_DOE_CAP) != PCIE_DOE_CAP_INT)
		abort();
}

static void step(CxbPciHost *host, CxbMemMap *mm, CxbPciDev *dev, const uint8_t *r)
{
	const unsigned size = 1u << (r[0] >> 4 & 3);
	const uint32_t val = le_load(r + 2, 4);

	switch (r[0] & 0xf) {
	case 0: /* anything in the capability, and a little more */
		cxb_pci_dev_config_write(dev, DOE - 2 + r[1] % (PCIE_DOE_LEN + 4), size, val);
		break;
	case 1:
		cxb_pci_dev_config_read(dev, DOE - 2 + r[1] % (PCIE_DOE_LEN + 4), size);
		break;
	case 2: /* a dword of a request */
		put(dev, PCIE_DOE_WRITE, val);
		break;
	case 3:
		put(dev, PCIE_DOE_CTL, PCIE_DOE_CTL_GO | (r[1] & PCIE_DOE_CTL_INT_EN));
		break;
	case 4:
		for (unsigned i = 0; i < r[1]; i++)
			put(dev, PCIE_DOE_READ, 0);
		break;
	case 5:
		read_entry(dev, r[1]);
		break;
	case 6:
		cxb_pci_host_reset(host, CXB_RESET_WARM);
		break;
	case 7: /* messages on, to a register of the mailbox */
		cxb_pci_dev_config_write(dev, PCI_BAR0 + 16, 4, TABLE);
		cxb_pci_dev_config_write(dev, PCI_COMMAND, 2, PCI_COMMAND_MEM | PCI_COMMAND_MASTER);
		cxb_pci_dev_config_write(dev, 0x42, 2, PCI_MSIX_CTL_ENABLE);
		const le32 entry[4] = {
			le32_put(ECAM + DOE + (r[1] & 0x1c)), { { 0 } }, le32_put(val), { { 0 } }
		};

		cxb_memmap_write(mm, TABLE, entry, sizeof(entry));
		break;
	case 8:
		cxb_pci_notify(dev, 0);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CxbQom *qom = cxb_qom_new();
	CxbMemMap *mm = cxb_memmap_new();
	CxbPciHost *host = cxb_pci_host_new(qom, mm, 1, sink, mm);
	CxbRegion *ecam = cxb_region_new_io("ecam", 256 << 20, &cxb_pci_ecam_ops, host);
	g_autoptr(CxbOpts) opts =
		cxb_opts_parse("fuzz-doe,bus=pcie.0,addr=0", "driver", false, NULL);
	const bool make_right = size && data[0] & 0x80;
	const size_t len = size ? MIN((data[0] & 0x7f) * 4u, size - 1) : 0;
	g_autofree uint8_t *table = g_memdup2(size ? data + 1 : data, len);
	CxbPciDev *dev;

	if (make_right && len >= sizeof(struct wire_cdat)) {
		uint8_t sum = 0;

		le_store(table, 4, len);
		table[5] = 0;
		for (size_t i = 0; i < len; i++)
			sum += table[i];
		table[5] = -sum;
	}
	table_bytes = table;
	table_len = len;
	cxb_device_types_register(qom);
	cxb_pci_types_register(qom);
	cxb_qom_register(qom, &dev_type);
	cxb_pci_root_bus_new(host, "pcie.0", 0, true, NULL, cxb_qom_container(qom, "/machine/q35"),
			     NULL);
	cxb_memmap_place(mm, ecam, ECAM, 0, 0, 256 << 20);
	dev = CXB_PCI_DEV(cxb_device_add(qom, opts, false, NULL));
	for (size_t i = 0, at = 1 + len; i < RECORDS_MAX && at + RECORD <= size;
	     i++, at += RECORD) {
		step(host, mm, dev, data + at);
		check(dev);
	}
	cxb_qom_free(qom);
	cxb_region_free(ecam);
	cxb_pci_host_free(host);
	cxb_memmap_free(mm);
	return 0;
}
