/* SPDX-License-Identifier: Apache-2.0 */
/* From a host bridge's decoders by port number to an endpoint. */
#include "rig.h"

#include "base/bytes.h"

/* Where all component registers have their HDM decoders (CXL 3.1 8.2.4.20), as in QEMU. */
#define HDM  0x1128
#define UNIT (256ull << 20)
#define BASE (16 * UNIT)
#define REGS (1ull << 40)
#define BAR  0xe0000000u

static void writel(Rig *r, uint64_t hpa, uint32_t val)
{
	const le32 v = le32_put(val);

	g_assert_cmpint(cxb_memmap_write(r->mm, hpa, &v, sizeof(v)), ==, CXB_MEM_OK);
}

/* One way: @list is a port number. */
static void commit(Rig *r, uint64_t hdm, uint64_t base, uint32_t list)
{
	writel(r, hdm + 0x10, base);
	writel(r, hdm + 0x14, base >> 32);
	writel(r, hdm + 0x18, UNIT);
	writel(r, hdm + 0x24, list);
	writel(r, hdm + 0x20, 1 << 12 | 1 << 9);
	writel(r, hdm + 0x04, 2);
}

/* The bridge leads @base to port @number. */
static void lead(Rig *r, uint8_t number)
{
	CxbRegion *regs = cxb_pxb_cxl_regs(cxb_device_find(r->qom, "cxl.1", NULL));

	cxb_memmap_place(r->mm, regs, REGS, 0, 0, cxb_region_size(regs));
	writel(r, REGS + HDM + 0x20, 0);
	commit(r, REGS + HDM, BASE, number);
	cxb_memmap_remove(r->mm, regs);
}

/* The device behind port @rp takes BASE. */
static CxbDevice *device(Rig *r, const char *rp, uint8_t bus)
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
	commit(r, BAR + HDM, BASE, 0);
	cxb_pci_dev_config_write(port, 0x04, 2, 0);
	return &dev->dev;
}

static CxbDevice *route(Rig *r, uint64_t hpa)
{
	CxbCxlRoute out;

	if (!cxb_pxb_cxl_route(cxb_device_find(r->qom, "cxl.1", NULL), hpa, &out))
		return NULL;
	g_assert_cmphex(out.dpa, ==, hpa - BASE);
	g_assert_cmphex(out.len, ==, BASE + UNIT - hpa);
	g_assert_false(out.interleaved);
	return out.endpoint;
}

static void a_decoder_means_the_port_of_that_number(Rig *r, gconstpointer unused)
{
	CxbDevice *a, *b;

	rig_device(r, "pxb-cxl,id=cxl.1,bus=pcie.0,bus_nr=12");
	rig_device(r, "cxl-rp,id=p0,bus=cxl.1,port=255,slot=1");
	rig_device(r, "cxl-rp,id=p1,bus=cxl.1,port=0,slot=2");
	rig_device(r, "cxl-rp,id=p2,bus=cxl.1,port=7,slot=3");
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	a = device(r, "p0", 13);
	b = device(r, "p1", 14);
	lead(r, 255);
	g_assert_true(route(r, BASE) == a);
	g_assert_true(route(r, BASE + UNIT - 1) == a);
	g_assert_null(route(r, BASE - 1));
	g_assert_null(route(r, BASE + UNIT));
	lead(r, 0);
	g_assert_true(route(r, BASE) == b);
	lead(r, 7); /* nothing is plugged there */
	g_assert_null(route(r, BASE));
	lead(r, 1); /* no port has that number */
	g_assert_null(route(r, BASE));
}

/* QEMU looks in the same order; what came first does not matter. */
static void of_two_ports_of_one_number_the_lowest_function_is_meant(Rig *r, gconstpointer unused)
{
	CxbDevice *high, *low;

	rig_device(r, "pxb-cxl,id=cxl.1,bus=pcie.0,bus_nr=12");
	rig_device(r, "cxl-rp,id=high,bus=cxl.1,port=3,slot=1,addr=5");
	rig_device(r, "cxl-rp,id=low,bus=cxl.1,port=3,slot=2,addr=4");
	rig_device(r, "cxl-rp,id=last,bus=cxl.1,port=3,slot=3,addr=6");
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	high = device(r, "high", 13);
	low = device(r, "low", 14);
	lead(r, 3);
	g_assert_true(route(r, BASE) == low);
	cxb_device_remove(cxb_device_find(r->qom, "last", NULL));
	g_assert_true(route(r, BASE) == low);
	cxb_device_remove(cxb_device_find(r->qom, "low", NULL));
	g_assert_true(route(r, BASE) == high);
	cxb_device_remove(cxb_device_find(r->qom, "high", NULL));
	g_assert_null(route(r, BASE));
}

static void without_decoders_everything_goes_to_the_only_port(Rig *r, gconstpointer unused)
{
	CxbDevice *dev;

	rig_bridge(r);
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	g_assert_null(route(r, BASE));
	dev = device(r, "rp", 13);
	g_assert_true(route(r, BASE) == dev);
	g_assert_null(route(r, BASE + UNIT)); /* its own decoder does not take it */
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(name) RIG_ADD("/devices/route/" #name, name)
	TEST(a_decoder_means_the_port_of_that_number);
	TEST(of_two_ports_of_one_number_the_lowest_function_is_meant);
	TEST(without_decoders_everything_goes_to_the_only_port);
	return g_test_run();
}
