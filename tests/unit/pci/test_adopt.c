/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that are elsewhere: what of their configuration space is answered here, and what theirs may
 * hold. */
#include "rig.h"

#include <string.h>

#include "base/bytes.h"

#define BAR_SIZE 0x10000u

/* The configuration space elsewhere. */
static struct {
	uint8_t bytes[CXB_PCIE_CONFIG_SIZE];
	unsigned size, writes;
} there;

static CxbMemResult bar_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	*val = 0;
	return CXB_MEM_OK;
}

static CxbMemResult bar_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	return CXB_MEM_OK;
}

static const CxbRegionOps bar_ops = { .read = bar_read, .write = bar_write };

static bool realize(CxbPciDev *dev, GError **errp)
{
	RigDev *d = (RigDev *)dev;

	d->bar[0] = cxb_region_new_io("bar", BAR_SIZE, &bar_ops, NULL);
	cxb_pci_add_bar(dev, 0, d->bar[0], true, false);
	if (cxb_pci_adopt(dev, there.bytes, there.size, errp))
		return true;
	g_clear_pointer(&d->bar[0], cxb_region_free);
	return false;
}

static void unrealize(CxbPciDev *dev)
{
	g_clear_pointer(&((RigDev *)dev)->bar[0], cxb_region_free);
}

static uint32_t config_read(CxbPciDev *dev, uint16_t off, unsigned size)
{
	const uint32_t ours = le_load(dev->emulated + off, size);

	return (le_load(dev->config + off, size) & ours) |
	       (le_load(there.bytes + off, size) & ~ours);
}

static void config_write(CxbPciDev *dev, uint16_t off, unsigned size, uint32_t val)
{
	there.writes++;
}

static const CxbPciClass class = {
	.device = CXB_PCI_DEVICE_CLASS,
	.is_express = true,
	.realize = realize,
	.unrealize = unrealize,
	.config_read = config_read,
	.config_write = config_write,
};

static const CxbType type = {
	.name = "rig-adopted",
	.parent = CXB_TYPE_NAME_PCI_DEVICE,
	.size = sizeof(RigDev),
	.flags = CXB_TYPE_DEVICE,
	.klass = &class,
};

static void set_up(Rig *rig, gconstpointer unused)
{
	rig_init(rig);
	cxb_qom_register(rig->qom, &type);
	memset(&there, 0, sizeof(there));
	there.size = CXB_PCIE_CONFIG_SIZE;
}

static void tear_down(Rig *rig, gconstpointer unused)
{
	rig_fini(rig);
}

static void put(unsigned off, unsigned size, uint32_t val)
{
	le_store(there.bytes + off, size, val);
}

/* A function as it should be: PCI Express at 40h, MSI at 80h, MSI-X at a0h. */
static void put_good(void)
{
	put(PCI_VENDOR_ID, 4, 0x56781234);
	put(PCI_STATUS, 2, PCI_STATUS_CAPS);
	put(PCI_HEADER_TYPE, 1, PCI_HEADER_MULTI);
	put(PCI_ROM, 4, 0xfffe0001);
	put(PCI_INT_PIN, 1, 1);
	put(PCI_CAP_PTR, 1, 0x40);
	put(0x40, 4, 0x00028010);
	put(0x80, 4, 0x0186a005); /* 64 bits, masks, 8 vectors */
	put(0xa0, 4, 0x00070011);
	put(0xa4, 4, 0x1000);
	put(0xa8, 4, 0x2000);
	put(0x100, 4, 0x2001000e); /* ARI, first */
	put(0x200, 4, 0x30010010); /* SR-IOV */
	put(0x300, 4, 0x00010003);
}

static void what_cannot_be_passed_on_is_answered_here(Rig *rig, gconstpointer unused)
{
	CxbPciDev *dev;

	put_good();
	dev = rig_must(rig, "rig-adopted,id=d,addr=1");
	g_assert_cmphex(rig_get(dev, 0, 4), ==, 0x56781234);
	g_assert_cmphex(rig_get(dev, PCI_HEADER_TYPE, 1), ==, 0);
	g_assert_cmphex(rig_get(dev, PCI_ROM, 4), ==, 0);
	g_assert_cmphex(rig_get(dev, PCI_INT_PIN, 1), ==, 0);
	rig_put(dev, PCI_BAR0, 4, UINT32_MAX);
	g_assert_cmphex(rig_get(dev, PCI_BAR0, 4), ==, ~(BAR_SIZE - 1) | PCI_BAR_64);
	/* The first keeps its place and links on; the second is left out. */
	g_assert_cmphex(rig_get(dev, 0x100, 4), ==, 0x30000000);
	g_assert_cmphex(rig_get(dev, 0x300, 4), ==, 0x00010003);
	g_assert_cmpuint(there.writes, ==, 1);
}

static void interrupts_are_kept_here(Rig *rig, gconstpointer unused)
{
	CxbPciDev *dev;

	put_good();
	dev = rig_must(rig, "rig-adopted,id=d,addr=1");
	g_assert_cmpuint(cxb_msix_vectors(dev), ==, 8);
	g_assert_false(cxb_msix_enabled(dev));
	rig_put(dev, 0xa2, 2, 0x8000);
	g_assert_true(cxb_msix_enabled(dev));
	g_assert_false(cxb_msix_open(dev, 3));
	g_assert_true(cxb_msix_table_at(dev, 0, 0x103c, 4));
	g_assert_false(cxb_msix_table_at(dev, 0, 0x1080, 4));
	g_assert_cmpuint(cxb_msix_table_write(dev, 0x103c, 4, 0), ==, 3);
	g_assert_true(cxb_msix_open(dev, 3));
	g_assert_cmphex(rig_get(dev, 0xa0, 4), ==, 0x80070011);
	rig_put(dev, 0xa2, 2, 0);
	rig_put(dev, 0x82, 2, 0x0071);
	g_assert_cmpuint(cxb_msi_allowed(dev), ==, 8);
	g_assert_true(cxb_msi_owns(dev, 0x90) && cxb_msi_owns(dev, 0x97));
	g_assert_false(cxb_msi_owns(dev, 0x8f) || cxb_msi_owns(dev, 0x98));
}

/* What a port shows of its link is what software waits for before it looks behind it. */
static void a_link_it_says_nothing_of_is_the_ports(Rig *rig, gconstpointer unused)
{
	CxbPciDev *port = rig_must(rig, "rig-port,id=rp,addr=1"), *dev;

	put_good();
	dev = rig_must(rig, "rig-adopted,id=d,bus=rp");
	g_assert_cmphex(rig_get(port, 0x92, 2), ==, 0x2206);
	cxb_device_remove(&dev->dev);
	put(0x4c, 4, 0x11);
	rig_must(rig, "rig-adopted,id=d,bus=rp");
	g_assert_cmphex(rig_get(port, 0x92, 2), ==, 0x2011);
}

static void what_makes_no_sense_is_refused(Rig *rig, gconstpointer unused)
{
	static const struct {
		unsigned off, size;
		uint32_t val;
		const char *text;
	} rows[] = {
		{ PCI_HEADER_TYPE, 1, 1, "a header of type 1 is not that of an endpoint" },
		{ PCI_CAP_PTR, 1, 0x3c, "the list of capabilities makes no sense at 0x3c" },
		{ 0xa1, 1, 0x80, "MSI capability at 0x80 makes no sense" },
		{ 0x42, 1, 0x42, "a PCI Express function of type 4 is no endpoint" },
		{ 0x82, 1, 0x0c, "MSI capability at 0x80 makes no sense" },
		{ 0xa4, 4, 0xff90,
		  "MSI-X table and pending bits of 8 vectors do not fit at 0xff90 of BAR 0 and "
		  "0x2000 of "
		  "BAR 0" },
		{ 0xa4, 4, 0x1006,
		  "MSI-X table and pending bits of 8 vectors do not fit at 0x1000 of BAR 6 and "
		  "0x2000 of "
		  "BAR 0" },
		{ 0xa8, 4, 0x1040,
		  "MSI-X table and pending bits of 8 vectors do not fit at 0x1000 of BAR 0 and "
		  "0x1040 of "
		  "BAR 0" },
		{ 0x200, 4, 0x0c010001,
		  "the list of extended capabilities makes no sense at 0x200" },
		{ 0x300, 4, 0x30010003,
		  "the list of extended capabilities makes no sense at 0x300" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		put_good();
		put(rows[i].off, rows[i].size, rows[i].val);
		rig_refuse(rig, "rig-adopted,id=d,addr=1", rows[i].text);
		memset(there.bytes, 0, sizeof(there.bytes));
	}
}

/* Whatever is there is refused or taken, and then read and written without harm. */
static void anything_may_be_there(Rig *rig, gconstpointer unused)
{
	unsigned taken = 0;

	for (unsigned round = 0; round < 3000; round++) {
		CxbPciDev *dev;

		put_good();
		for (int n = g_test_rand_int_range(0, 12); n >= 0; n--)
			there.bytes[g_test_rand_int_range(0, n & 1 ? 0x100 : 0x340)] =
				g_test_rand_int();
		there.bytes[PCI_HEADER_TYPE] &= PCI_HEADER_MULTI;
		there.size = round & 1 ? CXB_PCI_CONFIG_SIZE : CXB_PCIE_CONFIG_SIZE;
		dev = rig_add(rig, "rig-adopted,id=d,addr=1", NULL);
		if (!dev)
			continue;
		taken++;
		for (unsigned n = 0; n < 50; n++) {
			const unsigned size = 1u << g_test_rand_int_range(0, 3);
			const uint16_t off = g_test_rand_int_range(0, 4096) & ~(size - 1);

			rig_put(dev, off, size, g_test_rand_int());
			rig_get(dev, off, size);
		}
		for (unsigned v = 0; v < cxb_msix_vectors(dev) && v < 8; v++)
			cxb_pci_notify(dev, v);
		cxb_device_remove(&dev->dev);
	}
	g_assert_cmpuint(taken, >, 100);
	g_assert_cmpuint(taken, <, 2900);
}

#define T(name, fn) g_test_add("/pci/adopt/" name, Rig, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	T("answered-here", what_cannot_be_passed_on_is_answered_here);
	T("interrupts", interrupts_are_kept_here);
	T("link", a_link_it_says_nothing_of_is_the_ports);
	T("refused", what_makes_no_sense_is_refused);
	T("anything", anything_may_be_there);
	return g_test_run();
}
