/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration space at reset: identity, where each capability is, and its constant words.
 * Expected values were read from QEMU 11.1's devices.
 */
#include "rig.h"

typedef struct {
	uint16_t id, off; /* off 0 ends the list */
} Cap;

static void has_caps(CxbPciDev *dev, const Cap *caps)
{
	uint8_t off = cfg(dev, 0x34, 1);

	g_assert_cmphex(cfg(dev, 6, 2) & 0x10, ==, caps[0].off ? 0x10 : 0);
	for (; caps->off; caps++) {
		g_assert_cmphex(off, ==, caps->off);
		g_assert_cmphex(cfg(dev, off, 1), ==, caps->id);
		off = cfg(dev, off + 1, 1);
	}
	g_assert_cmphex(off, ==, 0);
}

/* Id of an extended capability; for a DVSEC 100h + its DVSEC id, all of which are CXL's. */
static uint16_t ext_id(CxbPciDev *dev, uint16_t off)
{
	const uint16_t id = cfg(dev, off, 2);

	if (id != 0x23)
		return id;
	g_assert_cmphex(cfg(dev, off + 4, 2), ==, 0x1e98);
	return 0x100 + cfg(dev, off + 8, 2);
}

#define DVSEC(n) (0x100 + (n))
#define DOE      0x2e

static void has_ext_caps(CxbPciDev *dev, const Cap *caps)
{
	uint16_t off = 0x100;

	for (; caps->off; caps++) {
		g_assert_cmphex(off, ==, caps->off);
		g_assert_cmphex(ext_id(dev, off), ==, caps->id);
		off = cfg(dev, off, 4) >> 20;
	}
	g_assert_cmphex(off, ==, 0);
}

/* Size that a BAR asks for, as software finds out. */
static uint64_t bar_size(CxbPciDev *dev, unsigned nr)
{
	const uint16_t reg = 0x10 + 4 * nr;
	const uint32_t old = cfg(dev, reg, 4);
	uint64_t mask;

	cxb_pci_dev_config_write(dev, reg, 4, UINT32_MAX);
	mask = cfg(dev, reg, 4);
	cxb_pci_dev_config_write(dev, reg, 4, old);
	if (!mask)
		return 0;
	if ((mask & 6) == 4) {
		cxb_pci_dev_config_write(dev, reg + 4, 4, UINT32_MAX);
		mask |= (uint64_t)cfg(dev, reg + 4, 4) << 32;
		cxb_pci_dev_config_write(dev, reg + 4, 4, 0);
		return -(mask & ~0xfull);
	}
	return (uint32_t) - (mask & ~0xfull);
}

static void root_port_is_laid_out_as_qemus(Rig *r, gconstpointer unused)
{
	static const Cap caps[] = { { 0x10, 0x74 }, { 0x05, 0x60 }, { 0x0d, 0x40 }, { 0, 0 } };
	static const Cap ext[] = { { 0x01, 0x100 },
				   { 0x0d, 0x148 },
				   { DVSEC(3), 0x150 },
				   { DVSEC(4), 0x178 },
				   { DVSEC(7), 0x188 },
				   { DVSEC(8), 0x1a8 },
				   { 0, 0 } };
	CxbPciDev *rp;

	rig_bridge(r);
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	rp = CXB_PCI_DEV(cxb_device_find(r->qom, "rp", NULL));
	g_assert_cmphex(cfg(rp, 0x00, 4), ==, 0x70758086);
	g_assert_cmphex(cfg(rp, 0x06, 2), ==, 0x0010);
	g_assert_cmphex(cfg(rp, 0x08, 4), ==, 0x06040000);
	g_assert_cmphex(cfg(rp, 0x0e, 1) & 0x7f, ==, 1);
	g_assert_cmphex(cfg(rp, 0x10, 4), ==, 0x00000004);
	g_assert_cmphex(cfg(rp, 0x18, 4), ==, 0); /* bus numbers */
	/* I/O is not forwarded: closed for good, and no enable. */
	cxb_pci_dev_config_write(rp, 0x1c, 2, 0xf000);
	g_assert_cmphex(cfg(rp, 0x1c, 2), ==, 0x00f0);
	cxb_pci_dev_config_write(rp, 0x04, 2, 0x0001);
	g_assert_cmphex(cfg(rp, 0x04, 2), ==, 0);
	g_assert_cmphex(cfg(rp, 0x20, 4), ==, 0x0000fff0);
	g_assert_cmphex(cfg(rp, 0x24, 4) & 0x000f000f, ==, 0x00010001);
	g_assert_cmphex(cfg(rp, 0x3d, 1), ==, 1);
	has_caps(rp, caps);
	has_ext_caps(rp, ext);
	g_assert_cmphex(cfg(rp, 0x44, 4), ==, 0x00008086);      /* subsystem 8086:0000 */
	g_assert_cmphex(cfg(rp, 0x62, 2) & 0x018e, ==, 0x0102); /* 2 vectors, maskable, 32 bit */
	g_assert_cmphex(cfg(rp, 0x76, 2), ==, 0x0142);
	g_assert_cmphex(cfg(rp, 0x78, 4), ==, 0x00008020);
	g_assert_cmphex(cfg(rp, 0x80, 4), ==, 0x03300606);
	g_assert_cmphex(cfg(rp, 0x86, 2), ==, 0x0206);
	g_assert_cmphex(cfg(rp, 0x88, 4), ==, 0x0002007b | 2 << 19);
	g_assert_cmphex(cfg(rp, 0x8c, 2), ==, 0x07c0);
	g_assert_cmphex(cfg(rp, 0x8e, 2), ==, 0x0000);
	g_assert_cmphex(bar_size(rp, 0), ==, 0x10000);
}

static void root_port_shows_the_device_below(Rig *r, gconstpointer unused)
{
	CxbPciDev *rp;

	rig_bridge(r);
	rig_device(r, "cxl-type3,id=t,bus=rp,num-dc-regions=1,dc-regions-total-size=256M");
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	rp = CXB_PCI_DEV(cxb_device_find(r->qom, "rp", NULL));
	g_assert_cmphex(cfg(rp, 0x86, 2), ==, 0x2105);
	g_assert_cmphex(cfg(rp, 0x8c, 2), ==, 0x03c0);
	g_assert_cmphex(cfg(rp, 0x8e, 2), ==, 0x0040);
}

static void type3_common(CxbPciDev *t)
{
	static const Cap caps[] = { { 0x11, 0x40 }, { 0x10, 0x80 }, { 0, 0 } };

	g_assert_cmphex(cfg(t, 0x00, 4), ==, 0x0d938086);
	g_assert_cmphex(cfg(t, 0x08, 4), ==, 0x05021001);
	g_assert_cmphex(cfg(t, 0x0e, 1), ==, 0);
	g_assert_cmphex(cfg(t, 0x10, 4), ==, 0x00000004);
	g_assert_cmphex(cfg(t, 0x18, 4), ==, 0x00000004);
	g_assert_cmphex(cfg(t, 0x20, 4), ==, 0x00000000);
	g_assert_cmphex(cfg(t, 0x2c, 4), ==, 0x11001af4);
	has_caps(t, caps);
	g_assert_cmphex(cfg(t, 0x42, 2), ==, 7);     /* 8 vectors, off */
	g_assert_cmphex(cfg(t, 0x44, 4), ==, 4);     /* table at BAR 4 */
	g_assert_cmphex(cfg(t, 0x48, 4), ==, 0x804); /* pending bits */
	g_assert_cmphex(cfg(t, 0x82, 2), ==, 0x0002);
	g_assert_cmphex(cfg(t, 0x84, 4), ==, 0x10008020);
	g_assert_cmphex(cfg(t, 0x8c, 4), ==, 0x00000505);
	g_assert_cmphex(cfg(t, 0x92, 2), ==, 0x0105);
	g_assert_cmphex(bar_size(t, 0), ==, 0x10000);
	/* Capability array and status to 88h, mailbox 20h + 2 KiB, memory device status 8. */
	g_assert_cmphex(bar_size(t, 2), ==, 0x1000);
	g_assert_cmphex(bar_size(t, 4), ==, 0x1000);
}

static void type3_with_a_serial_number(Rig *r, gconstpointer unused)
{
	static const Cap ext[] = { { 0x03, 0x100 },     { DVSEC(0), 0x10c },
				   { DVSEC(8), 0x148 }, { DVSEC(5), 0x16c },
				   { DVSEC(7), 0x17c }, { DOE, 0x19c },
				   { 0x01, 0x200 },     { 0, 0 } };
	CxbPciDev *t;

	rig_bridge(r);
	t = rig_device(r, "cxl-type3,id=t,bus=rp,num-dc-regions=1,dc-regions-total-size=256M,"
			  "sn=0x1122334455667788");
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	type3_common(t);
	has_ext_caps(t, ext);
	g_assert_cmphex(cfg(t, 0x104, 4), ==, 0x55667788);
	g_assert_cmphex(cfg(t, 0x108, 4), ==, 0x11223344);
}

static void type3_without_a_serial_number(Rig *r, gconstpointer unused)
{
	static const Cap ext[] = { { DVSEC(0), 0x100 },
				   { DVSEC(8), 0x13c },
				   { DVSEC(5), 0x160 },
				   { DVSEC(7), 0x170 },
				   { DOE, 0x190 },
				   { 0x01, 0x200 },
				   { 0, 0 } };
	CxbPciDev *t;

	rig_bridge(r);
	t = rig_device(r, "cxl-type3,id=t,bus=rp,num-dc-regions=1,dc-regions-total-size=256M");
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	type3_common(t);
	has_ext_caps(t, ext);
}

static void host_bridge_is_a_function_without_anything(Rig *r, gconstpointer unused)
{
	static const Cap none[] = { { 0, 0 } };
	CxbPciDev *pxb;

	rig_bridge(r);
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	pxb = CXB_PCI_DEV(cxb_device_find(r->qom, "cxl.1", NULL));
	g_assert_cmphex(cfg(pxb, 0x00, 4), ==, 0x000b1b36);
	g_assert_cmphex(cfg(pxb, 0x08, 4), ==, 0x06000000);
	g_assert_cmphex(cfg(pxb, 0x0e, 1), ==, 0);
	g_assert_cmphex(cfg(pxb, 0x2c, 4), ==, 0x11001af4);
	has_caps(pxb, none);
	for (unsigned i = 0; i < 6; i++)
		g_assert_cmphex(bar_size(pxb, i), ==, 0);
	g_assert_cmphex(cfg(pxb, 0x100, 4), ==, UINT32_MAX); /* a conventional function */
}

static uint32_t comp(CxbRegion *regs, Rig *r, uint32_t off)
{
	uint32_t v = 0;

	cxb_memmap_place(r->mm, regs, 1ull << 32, 0, 0, cxb_region_size(regs));
	cxb_memmap_read(r->mm, (1ull << 32) + off, &v, sizeof(v));
	cxb_memmap_remove(r->mm, regs);
	return GUINT32_FROM_LE(v);
}

/* Link Capabilities, Status, Capabilities 2 and Control 2 as QEMU 11.1 shows them. */
static void links_train_to_what_both_ends_can_do(Rig *r, gconstpointer unused)
{
	static const struct {
		const char *port, *device;
		uint32_t port_cap, port_sta, port_cap2, port_ctl2;
		uint32_t device_cap, device_sta, device_cap2, device_ctl2;
	} rows[] = {
		{ "", "", 0x00300606, 0x2105, 0x7e, 6, 0x00000505, 0x0105, 0x3e, 5 },
		{ "x-speed=2_5", "", 0x00200601, 0x2101, 0, 0, 0x00000505, 0x0105, 0x3e, 5 },
		{ "x-speed=5", "", 0x00300602, 0x2102, 0, 2, 0x00000505, 0x0105, 0x3e, 5 },
		{ "x-speed=8", "", 0x00300603, 0x2103, 0x0e, 3, 0x00000505, 0x0105, 0x3e, 5 },
		{ "x-width=1", "", 0x00300416, 0x2015, 0x7e, 6, 0x00000505, 0x0105, 0x3e, 5 },
		{ "x-width=12", "", 0x003004c6, 0x20c5, 0x7e, 6, 0x00000505, 0x0105, 0x3e, 5 },
		{ "", "x-speed=64", 0x00300606, 0x2106, 0x7e, 6, 0x00000506, 0x0106, 0x7e, 6 },
		{ "", "x-speed=2_5,x-width=1", 0x00300606, 0x2011, 0x7e, 6, 0x00000411, 0x0011, 0,
		  0 },
		{ "", "x-width=32", 0x00300606, 0x2205, 0x7e, 6, 0x00000605, 0x0205, 0x3e, 5 },
		{ "x-speed=16,x-width=4", "x-speed=8,x-width=8", 0x00300444, 0x2043, 0x1e, 4,
		  0x00000483, 0x0083, 0x0e, 3 },
	};

	rig_device(r, "pxb-cxl,id=cxl.1,bus=pcie.0,bus_nr=12");
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *port =
			g_strdup_printf("cxl-rp,id=p,bus=cxl.1,slot=1,%s", rows[i].port);
		g_autofree char *device = g_strdup_printf(
			"cxl-type3,id=d,bus=p,num-dc-regions=1,dc-regions-total-size=256M,%s",
			rows[i].device);
		CxbPciDev *p = rig_device(r, port), *d = rig_device(r, device);

		g_assert_cmphex(cfg(p, 0x74 + 0x0c, 4), ==, rows[i].port_cap);
		g_assert_cmphex(cfg(p, 0x74 + 0x12, 2), ==, rows[i].port_sta);
		g_assert_cmphex(cfg(p, 0x74 + 0x2c, 4), ==, rows[i].port_cap2);
		g_assert_cmphex(cfg(p, 0x74 + 0x30, 2), ==, rows[i].port_ctl2);
		g_assert_cmphex(cfg(d, 0x80 + 0x0c, 4), ==, rows[i].device_cap);
		g_assert_cmphex(cfg(d, 0x80 + 0x12, 2), ==, rows[i].device_sta);
		g_assert_cmphex(cfg(d, 0x80 + 0x2c, 4), ==, rows[i].device_cap2);
		g_assert_cmphex(cfg(d, 0x80 + 0x30, 2), ==, rows[i].device_ctl2);
		cxb_device_remove(&p->dev);
	}
	rig_refuses(r, "cxl-rp,id=p,bus=cxl.1,slot=1,x-speed=7",
		    "Parameter 'x-speed' does not accept value '7'");
	rig_refuses(r, "cxl-rp,id=p,bus=cxl.1,slot=1,x-width=016",
		    "Parameter 'x-width' does not accept value '016'");
	rig_refuses(r, "cxl-rp,id=p,bus=cxl.1,slot=1,x-speed=",
		    "Parameter 'x-speed' does not accept value ''");
}

/* One root port: pass-through unless asked otherwise. What counts is the reset that follows. */
static void host_bridge_with_one_port_has_no_decoders(Rig *r, gconstpointer unused)
{
	CxbDevice *pxb;

	rig_bridge(r);
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	pxb = cxb_device_find(r->qom, "cxl.1", NULL);
	g_assert_cmphex(comp(cxb_pxb_cxl_regs(pxb), r, 0x1000), ==, 0x05110001);
	g_assert_cmphex(comp(cxb_pxb_cxl_regs(pxb), r, 0x1004), ==, 0);
	g_assert_cmphex(comp(cxb_pxb_cxl_regs(pxb), r, 0x100c), ==, 0x12810000);
	rig_device(r, "cxl-rp,id=rp2,bus=cxl.1,port=4,chassis=0,slot=3");
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	g_assert_cmphex(comp(cxb_pxb_cxl_regs(pxb), r, 0x100c), ==, 0x12810005);
	/* 4 decoders, 8 targets, both interleave bits. */
	g_assert_cmphex(comp(cxb_pxb_cxl_regs(pxb), r, 0x1128), ==, 0x382);
}

static void hdm_for_passthrough_keeps_the_decoders(Rig *r, gconstpointer unused)
{
	CxbDevice *pxb = &rig_device(r, "pxb-cxl,id=cxl.1,bus=pcie.0,bus_nr=12,"
					"hdm_for_passthrough=on")
				  ->dev;

	rig_device(r, "cxl-rp,id=rp,bus=cxl.1,port=3,chassis=0,slot=2");
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	g_assert_cmphex(comp(cxb_pxb_cxl_regs(pxb), r, 0x100c), ==, 0x12810005);
	g_assert_cmphex(comp(cxb_pxb_cxl_regs(pxb), r, 0x1128), ==, 0x382);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	RIG_ADD("/devices/config/root-port", root_port_is_laid_out_as_qemus);
	RIG_ADD("/devices/config/root-port-slot", root_port_shows_the_device_below);
	RIG_ADD("/devices/config/type3-sn", type3_with_a_serial_number);
	RIG_ADD("/devices/config/type3", type3_without_a_serial_number);
	RIG_ADD("/devices/config/links", links_train_to_what_both_ends_can_do);
	RIG_ADD("/devices/config/host-bridge", host_bridge_is_a_function_without_anything);
	RIG_ADD("/devices/config/passthrough", host_bridge_with_one_port_has_no_decoders);
	RIG_ADD("/devices/config/hdm", hdm_for_passthrough_keeps_the_decoders);
	return g_test_run();
}
