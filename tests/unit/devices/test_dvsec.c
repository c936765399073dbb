/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CXL DVSECs, CXL 3.1 8.1.3 to 8.1.9: what they read at reset (as QEMU 11.1's do) and what of
 * them can be written.
 */
#include "rig.h"

#define T3_DEVICE 0x100 /* a type 3 device without serial number */

typedef struct {
	uint16_t off; /* 0 ends the list */
	uint8_t size;
	uint32_t reset;
	uint32_t wmask; /* bits that keep what is written */
} Reg;

static void registers(CxbPciDev *dev, uint16_t dvsec, const Reg *regs)
{
	for (; regs->off; regs++) {
		const uint32_t all = regs->size == 4 ? UINT32_MAX : (1u << 8 * regs->size) - 1;

		g_test_message("%03x", dvsec + regs->off);
		g_assert_cmphex(cfg(dev, dvsec + regs->off, regs->size), ==, regs->reset);
		cxb_pci_dev_config_write(dev, dvsec + regs->off, regs->size, all);
		g_assert_cmphex(cfg(dev, dvsec + regs->off, regs->size), ==,
				regs->reset | regs->wmask);
		cxb_pci_dev_config_write(dev, dvsec + regs->off, regs->size, 0);
		g_assert_cmphex(cfg(dev, dvsec + regs->off, regs->size), ==,
				regs->reset & ~regs->wmask);
	}
}

static CxbPciDev *type3(Rig *r, const char *props)
{
	g_autofree char *text = g_strdup_printf("cxl-type3,id=t,bus=rp,%s", props);
	CxbPciDev *t;

	rig_bridge(r);
	t = rig_device(r, text);
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	return t;
}

#define DYNAMIC "num-dc-regions=1,dc-regions-total-size=256M"

/* 8.1.3, all but the lock. */
static void device_registers(Rig *r, gconstpointer unused)
{
	static const Reg regs[] = {
		{ 0x04, 4, 0x1e98 | 0x03c << 20 | 3 << 16, 0 },
		{ 0x08, 2, 0, 0 },
		{ 0x0a, 2, 0x001e, 0 },
		{ 0x0c, 2, 0x0002, 0x4ffd },
		{ 0x0e, 2, 0, 0 },
		{ 0x10, 2, 0, 0x000f },
		{ 0x12, 2, 0x0002, 0 },
		{ 0x16, 2, 0, 0 },
		/* Only dynamic capacity: no range, but valid and active, type and class by CDAT. */
		{ 0x18, 4, 0, 0 },
		{ 0x1c, 4, 2 << 5 | 2 << 2 | 3, 0 },
		{ 0x20, 4, 0, 0xffffffff },
		{ 0x24, 4, 0, 0xf0000000 },
		{ 0x28, 4, 0, 0 },
		{ 0x2c, 4, 0, 0 },
		{ 0x30, 4, 0, 0xffffffff },
		{ 0x34, 4, 0, 0xf0000000 },
		{ 0x38, 2, 0, 0 },
		{ 0 },
	};

	registers(type3(r, DYNAMIC), T3_DEVICE, regs);
}

static void device_range_is_the_static_memory(Rig *r, gconstpointer unused)
{
	CxbPciDev *t;

	rig_backend(r, "memory-backend-ram,id=m,size=4864M"); /* 1 3000 0000h */
	t = type3(r, "volatile-memdev=m");
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x18, 4), ==, 1);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x1c, 4), ==, 0x3000004b);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x0a, 2) >> 4 & 3, ==, 1); /* one range */
}

static void persistent_memory_alone_is_the_first_range(Rig *r, gconstpointer unused)
{
	CxbPciDev *t;

	rig_backend(r, "memory-backend-ram,id=l,size=64K");
	rig_backend(r, "memory-backend-ram,id=m,size=4864M");
	t = type3(r, "persistent-memdev=m,lsa=l");
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x18, 4), ==, 1);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x1c, 4), ==, 0x3000004b);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x28, 4), ==, 0);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x2c, 4), ==, 0);
}

static void persistent_memory_is_the_second_range_behind_volatile(Rig *r, gconstpointer unused)
{
	CxbPciDev *t;

	rig_backend(r, "memory-backend-ram,id=l,size=64K");
	rig_backend(r, "memory-backend-ram,id=p,size=4864M");
	rig_backend(r, "memory-backend-ram,id=v,size=512M");
	t = type3(r, "persistent-memdev=p,lsa=l,volatile-memdev=v");
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x18, 4), ==, 0);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x1c, 4), ==, 0x2000004b);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x28, 4), ==, 1);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x2c, 4), ==, 0x3000004b);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x0a, 2) >> 4 & 3, ==, 1); /* as QEMU says */
}

static void unlocked(CxbPciDev *t)
{
	cxb_pci_dev_config_write(t, T3_DEVICE + 0x0c, 2, 4);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x0c, 2), ==, 6);
	cxb_pci_dev_config_write(t, T3_DEVICE + 0x20, 4, 0x12345678);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x20, 4), ==, 0x12345678);
}

/* 8.1.3.6: once set the lock stays, and so do Control and the bases; Control2 does not care. */
static void lock_freezes_control_and_bases_until_reset(Rig *r, gconstpointer unused)
{
	CxbPciDev *t = type3(r, DYNAMIC);

	unlocked(t);
	cxb_pci_dev_config_write(t, T3_DEVICE + 0x14, 2, 0xfffe);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x14, 2), ==, 0);
	/* In one access with Control2 and Status2, as software may do. */
	cxb_pci_dev_config_write(t, T3_DEVICE + 0x14, 4, 1);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x14, 2), ==, 1);
	cxb_pci_dev_config_write(t, T3_DEVICE + 0x14, 2, 0);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x14, 2), ==, 1);

	for (unsigned size = 1; size <= 4; size *= 2) {
		cxb_pci_dev_config_write(t, T3_DEVICE + 0x0c, size, 0);
		g_assert_cmphex(cfg(t, T3_DEVICE + 0x0c, 2), ==, 6);
		cxb_pci_dev_config_write(t, T3_DEVICE + 0x20, size, 0);
		g_assert_cmphex(cfg(t, T3_DEVICE + 0x20, 4), ==, 0x12345678);
	}
	cxb_pci_dev_config_write(t, T3_DEVICE + 0x34, 4, 0xf0000000);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x34, 4), ==, 0);
	cxb_pci_dev_config_write(t, T3_DEVICE + 0x10, 2, 9);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x10, 2), ==, 9);

	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x14, 2), ==, 0);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x0c, 2), ==, 2);
	g_assert_cmphex(cfg(t, T3_DEVICE + 0x20, 4), ==, 0);
	unlocked(t);
}

/* 8.1.9: three blocks, the last one empty. */
static void device_locator_names_both_blocks(Rig *r, gconstpointer unused)
{
	static const Reg regs[] = {
		{ 0x04, 4, 0x1e98 | 0x024 << 20, 0 },
		{ 0x08, 2, 8, 0 },
		{ 0x0c, 4, 0x0100, 0 }, /* component registers, BAR 0 */
		{ 0x10, 4, 0, 0 },
		{ 0x14, 4, 0x0302, 0 }, /* device registers, BAR 2 */
		{ 0x18, 4, 0, 0 },
		{ 0x1c, 4, 0, 0 },
		{ 0x20, 4, 0, 0 },
		{ 0 },
	};

	registers(type3(r, DYNAMIC), 0x13c, regs);
}

/* 8.1.7 and 8.1.8 */
static void device_gpf_and_flex_bus(Rig *r, gconstpointer unused)
{
	static const Reg gpf[] = {
		{ 0x04, 4, 0x1e98 | 0x010 << 20, 0 },
		{ 0x08, 2, 5, 0 },
		{ 0x0a, 2, 0x0603, 0 },
		{ 0x0c, 4, 0x33, 0 },
		{ 0 },
	};
	static const Reg flex[] = {
		{ 0x04, 4, 0x1e98 | 0x020 << 20 | 2 << 16, 0 },
		{ 0x08, 2, 7, 0 },
		{ 0x0a, 2, 0x26, 0 },
		{ 0x0c, 2, 0x02, 0 },
		{ 0x0e, 2, 0x26, 0 },
		{ 0x10, 4, 0xef, 0 },
		{ 0x14, 4, 0, 0 },
		{ 0x1c, 4, 0, 0 },
		{ 0 },
	};
	CxbPciDev *t = type3(r, DYNAMIC);

	registers(t, 0x160, gpf);
	registers(t, 0x170, flex);
}

/* 8.1.5, 8.1.6, 8.1.8, 8.1.9 */
static void port_registers(Rig *r, gconstpointer unused)
{
	static const Reg ext[] = {
		{ 0x04, 4, 0x1e98 | 0x028 << 20, 0 },
		{ 0x08, 2, 3, 0 },
		{ 0x0a, 2, 0x0001, 0 },
		{ 0x0c, 2, 0, 0x400f },
		{ 0x0e, 1, 0, 0xff },
		{ 0x0f, 1, 0, 0xff },
		{ 0x10, 2, 0, 0xfff0 },
		{ 0x12, 2, 0, 0xfff0 },
		{ 0x14, 2, 0, 0xfff0 },
		{ 0x16, 2, 0, 0xfff0 },
		{ 0x18, 4, 0, 0xffffffff },
		{ 0x1c, 4, 0, 0xffffffff },
		{ 0 },
	};
	static const Reg gpf[] = {
		{ 0x04, 4, 0x1e98 | 0x010 << 20, 0 },
		{ 0x08, 2, 4, 0 },
		{ 0x0a, 2, 0, 0 },
		{ 0x0c, 2, 1, 0x0f0f },
		{ 0x0e, 2, 1, 0x0f0f },
		{ 0 },
	};
	static const Reg flex[] = {
		{ 0x04, 4, 0x1e98 | 0x020 << 20 | 2 << 16, 0 },
		{ 0x08, 2, 7, 0 },
		{ 0x0a, 2, 0x26, 0 },
		{ 0x0c, 2, 0x02, 0xbd },
		{ 0x0e, 2, 0x26, 0 },
		{ 0 },
	};
	static const Reg locator[] = {
		{ 0x04, 4, 0x1e98 | 0x024 << 20, 0 },
		{ 0x08, 2, 8, 0 },
		{ 0x0c, 4, 0x0100, 0 },
		{ 0x10, 4, 0, 0 },
		{ 0x14, 4, 0, 0 },
		{ 0 },
	};
	CxbPciDev *rp;

	rig_bridge(r);
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	rp = CXB_PCI_DEV(cxb_device_find(r->qom, "rp", NULL));
	registers(rp, 0x150, ext);
	registers(rp, 0x178, gpf);
	registers(rp, 0x188, flex);
	registers(rp, 0x1a8, locator);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	RIG_ADD("/devices/dvsec/device", device_registers);
	RIG_ADD("/devices/dvsec/device-range", device_range_is_the_static_memory);
	RIG_ADD("/devices/dvsec/persistent", persistent_memory_alone_is_the_first_range);
	RIG_ADD("/devices/dvsec/both", persistent_memory_is_the_second_range_behind_volatile);
	RIG_ADD("/devices/dvsec/device-lock", lock_freezes_control_and_bases_until_reset);
	RIG_ADD("/devices/dvsec/device-locator", device_locator_names_both_blocks);
	RIG_ADD("/devices/dvsec/device-other", device_gpf_and_flex_bus);
	RIG_ADD("/devices/dvsec/port", port_registers);
	return g_test_run();
}
