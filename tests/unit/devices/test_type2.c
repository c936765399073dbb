/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cxl-type2 as its host sees it: configuration space (CXL 3.1 8.1.3, 8.1.8, 8.1.9), the BAR of the
 * component registers (8.2.4), the decoder that firmware has locked (8.2.4.20), and resets.
 */
#include "base/bytes.h"
#include "pci/regs.h"
#include "rig.h"
#include "type2.h"
#include "wire/pci.h"
#include "wire/regs.h"

#define BAR     0xe0000000u
#define HDM     0x1128 /* in the component block, as of every endpoint here */
#define UNIT    (256ull << 20)
#define FIRM    0x2000000000ull
#define DEVICE  0x100 /* DVSECs, without serial number */
#define CTRL2   (DEVICE + 0x10)
#define STATUS2 (DEVICE + 0x12)

static CxbPciDev *plug(Rig *r, const char *more)
{
	g_autofree char *text = g_strdup_printf("cxl-type2,id=t2,bus=rp,memdev=m%s", more);
	CxbPciDev *port, *dev;

	rig_backend(r, "memory-backend-ram,id=m,size=512M");
	rig_bridge(r);
	dev = rig_device(r, text);
	port = CXB_PCI_DEV(cxb_device_find(r->qom, "rp", NULL));
	cxb_pci_dev_config_write(port, 0x18, 4, 12 | 13 << 8 | 13 << 16);
	cxb_pci_dev_config_write(port, 0x20, 4, BAR >> 16 | BAR);
	cxb_pci_dev_config_write(port, 0x04, 2, 2);
	cxb_pci_dev_config_write(dev, 0x10, 4, BAR);
	cxb_pci_dev_config_write(dev, 0x04, 2, 2);
	return dev;
}

static uint32_t rd(Rig *r, uint64_t off)
{
	le32 v = le32_put(0);

	g_assert_cmpint(cxb_memmap_read(r->mm, BAR + off, &v, sizeof(v)), ==, CXB_MEM_OK);
	return le32_get(v);
}

static void wr(Rig *r, uint64_t off, uint32_t val)
{
	const le32 v = le32_put(val);

	g_assert_cmpint(cxb_memmap_write(r->mm, BAR + off, &v, sizeof(v)), ==, CXB_MEM_OK);
}

/* Bytes of device memory. */
static void put_byte(CxbPciDev *dev, uint64_t dpa, uint8_t byte)
{
	g_assert_true(cxb_cxl_endpoint_write(&dev->dev, dpa, &byte, 1));
}

static uint8_t byte_at(CxbPciDev *dev, uint64_t dpa)
{
	uint8_t byte = 0;

	g_assert_true(cxb_cxl_endpoint_read(&dev->dev, dpa, &byte, 1));
	return byte;
}

/* --- configuration space --- */

static void its_ids_are_what_is_asked_for(Rig *r, gconstpointer unused)
{
	CxbPciDev *dev = plug(r, ",vendor-id=0x10de,device-id=0x2901,sub-vendor-id=1,"
				 "sub-device-id=2,class=0x1200");

	g_assert_cmphex(cfg(dev, 0x00, 4), ==, 0x290110de);
	g_assert_cmphex(cfg(dev, 0x08, 4), ==, 0x12000001);
	g_assert_cmphex(cfg(dev, 0x2c, 4), ==, 0x00020001);
}

static void by_default_it_is_a_3d_controller(Rig *r, gconstpointer unused)
{
	g_assert_cmphex(cfg(plug(r, ""), 0x08, 4), ==, 0x03020001);
}

static void its_dvsecs_say_what_it_is(Rig *r, gconstpointer unused)
{
	CxbPciDev *dev = plug(r, "");
	const uint16_t locator = DEVICE + 0x3c, flex = locator + 0x24;

	g_assert_cmphex(cfg(dev, DEVICE + 0x08, 2), ==, 0);
	g_assert_cmphex(cfg(dev, DEVICE + 0x0a, 2), ==, 0x08df);
	g_assert_cmphex(cfg(dev, DEVICE + 0x0c, 2), ==, 0x0007);
	g_assert_cmphex(cfg(dev, STATUS2, 2), ==, 0x8000);
	g_assert_cmphex(cfg(dev, DEVICE + 0x1c, 4) & 0xf0000003, ==, 2 * UNIT | 3);
	g_assert_cmphex(cfg(dev, locator + 0x08, 2), ==, 8);
	g_assert_cmphex(cfg(dev, locator + 0x0c, 4), ==, 1 << 8);
	g_assert_cmphex(cfg(dev, flex + 0x08, 2), ==, 7);
	for (unsigned reg = 0x0a; reg <= 0x0e; reg += 2) /* capability, control, status */
		g_assert_cmphex(cfg(dev, flex + reg, 2) & 7, ==, 7);
}

static void without_a_cache_it_says_so(Rig *r, gconstpointer unused)
{
	CxbPciDev *dev = plug(r, ",cache=off");

	g_assert_cmphex(cfg(dev, DEVICE + 0x0a, 2), ==, 0x089e);
	g_assert_cmphex(cfg(dev, DEVICE + 0x0c, 2), ==, 0x0006);
	for (unsigned reg = 0x0a; reg <= 0x0e; reg += 2)
		g_assert_cmphex(cfg(dev, DEVICE + 0x3c + 0x24 + reg, 2) & 7, ==, 6);
	/* So there is nothing to invalidate. */
	cxb_pci_dev_config_write(dev, CTRL2, 2, 2);
	g_assert_cmphex(cfg(dev, CTRL2, 4), ==, 0x80000000);
}

static void a_serial_number_moves_the_rest(Rig *r, gconstpointer unused)
{
	CxbPciDev *dev = plug(r, ",sn=0x1122334455667788");

	g_assert_cmphex(cfg(dev, 0x100, 2), ==, 3);
	g_assert_cmphex(cfg(dev, 0x104, 4), ==, 0x55667788);
	g_assert_cmphex(cfg(dev, 0x10c, 2), ==, 0x23);
}

static void flr_can_be_missing(Rig *r, gconstpointer unused)
{
	CxbPciDev *dev = plug(r, ",flr=off");

	g_assert_cmphex(cfg(dev, dev->pcie_cap + PCIE_DEV_CAP, 4) & PCIE_DEV_CAP_FLR, ==, 0);
	cxb_pci_dev_config_write(dev, dev->pcie_cap + PCIE_DEV_CTL, 2, PCIE_DEV_CTL_FLR);
	g_assert_cmphex(cfg(dev, 0x10, 4), ==, BAR | 4);
}

/* --- the BAR --- */

static void the_block_is_where_the_locator_says(Rig *r, gconstpointer data)
{
	const struct {
		const char *place;
		uint32_t block, size;
	} *c = data;
	g_autofree char *more = g_strdup_printf(",component-at=%s", c->place);
	CxbPciDev *dev = plug(r, more);

	g_assert_cmphex(cfg(dev, DEVICE + 0x3c + 0x0c, 4), ==, 1 << 8 | c->block);
	g_assert_cmphex(cfg(dev, DEVICE + 0x3c + 0x10, 4), ==, 0);
	g_assert_cmpuint(dev->bars[TYPE2_BAR_COMPONENT].size, ==, c->size);
	/* Array header, one of a vendor, then RAS, link and decoders. */
	g_assert_cmphex(rd(r, c->block + 0x1000), ==, 0x04110001);
	g_assert_cmphex(rd(r, c->block + 0x1008), ==, 0x08020002);
	g_assert_cmphex(rd(r, c->block + 0x1010), ==, 0x12810005);
	g_assert_cmphex(rd(r, c->block + HDM), ==, 0x00200010);
}

static const struct {
	const char *place;
	uint32_t block, size;
} start = { "start", 0, 0x40000 }, middle = { "middle", 0x10000, 0x40000 },
  end = { "end", 0x30000, 0x40000 }, all = { "all", 0, 0x10000 };

static void scratch_registers_count_accesses(Rig *r, gconstpointer unused)
{
	static const uint32_t stretches[] = { 0, 0x20000 };

	plug(r, ",component-at=middle");
	for (unsigned i = 0; i < G_N_ELEMENTS(stretches); i++) {
		const uint32_t at = stretches[i];

		g_assert_cmphex(rd(r, at + 0xfffc), ==, 0x5c000000 | (at + 0xfffc));
		wr(r, at + 0xfffc, 0x1234);
		wr(r, at, 0x77); /* does not change what it counts */
		g_assert_cmphex(rd(r, at + 0xfffc), ==, 0x1234);
		g_assert_cmpuint(rd(r, at), ==, 2);
		g_assert_cmpuint(rd(r, at + 4), ==, 2);
	}
	/* Nothing of this was in the block. */
	/* One entry more than what CXL knows: a parser has to pass by it. */
	g_assert_cmphex(rd(r, 0x11000), ==, 0x04110001);
	g_assert_cmphex(rd(r, 0x11004), ==, 0x0001fff0);
}

/* --- the decoder --- */

static void firmware_has_locked_the_decoder(Rig *r, gconstpointer unused)
{
	CxbPciDev *dev = plug(r, "");
	const CxbHdm *hdm = cxb_cxl_endpoint_hdm(&dev->dev);
	uint64_t dpa;

	g_assert_true(cxb_cxl_is_endpoint(&dev->dev));
	g_assert_false(cxb_cxl_is_type3(&dev->dev));
	g_assert_cmphex(rd(r, HDM + 0x04), ==, 2);
	g_assert_cmphex(rd(r, HDM + 0x10), ==, (uint32_t)FIRM);
	g_assert_cmphex(rd(r, HDM + 0x14), ==, FIRM >> 32);
	g_assert_cmphex(rd(r, HDM + 0x18), ==, 2 * UNIT);
	g_assert_cmphex(rd(r, HDM + 0x1c), ==, 0);
	g_assert_cmphex(rd(r, HDM + 0x20), ==, 0x700);
	g_assert_true(cxb_hdm_to_dpa(hdm, FIRM + UNIT + 5, &dpa));
	g_assert_cmphex(dpa, ==, UNIT + 5);
	/* It is locked: base, size and commit stay. */
	wr(r, HDM + 0x10, 0);
	wr(r, HDM + 0x20, 0);
	g_assert_cmphex(rd(r, HDM + 0x20), ==, 0x700);
	g_assert_true(cxb_hdm_to_dpa(hdm, FIRM, &dpa));
	g_assert_false(cxb_hdm_to_dpa(hdm, FIRM + 2 * UNIT, &dpa));
}

static void firmware_can_leave_it_alone(Rig *r, gconstpointer unused)
{
	CxbPciDev *dev = plug(r, ",firmware-committed=off");
	const CxbHdm *hdm = cxb_cxl_endpoint_hdm(&dev->dev);
	uint64_t dpa;

	for (unsigned off = 0x04; off < 0x30; off += 4)
		g_assert_cmphex(rd(r, HDM + off), ==, 0);
	/* Then the host does it; the memory is device-coherent whatever is written. */
	wr(r, HDM + 0x10, 0x40000000);
	wr(r, HDM + 0x18, 2 * UNIT);
	wr(r, HDM + 0x20, 1 << 12 | 1 << 9);
	wr(r, HDM + 0x04, 2);
	g_assert_cmphex(rd(r, HDM + 0x20), ==, 0x600);
	g_assert_true(cxb_hdm_to_dpa(hdm, 0x40000000, &dpa));
	g_assert_cmpuint(dpa, ==, 0);
}

static void memory_is_not_interleaved_and_not_larger_than_it_is(Rig *r, gconstpointer unused)
{
	plug(r, ",firmware-committed=off");
	wr(r, HDM + 0x18, 2 * UNIT);
	wr(r, HDM + 0x20, 1 << 4 | 1 << 9);
	g_assert_cmphex(rd(r, HDM + 0x20) & 0xc00, ==, 0x800);
	wr(r, HDM + 0x20, 0);
	wr(r, HDM + 0x18, 3 * UNIT);
	wr(r, HDM + 0x20, 1 << 9);
	g_assert_cmphex(rd(r, HDM + 0x20) & 0xc00, ==, 0x800);
}

static void memory_ends_with_its_backend(Rig *r, gconstpointer unused)
{
	CxbPciDev *dev = plug(r, "");
	CxbCxlSegment seg;
	uint8_t byte = 1;

	put_byte(dev, 2 * UNIT - 1, 9);
	g_assert_cmpuint(byte_at(dev, 2 * UNIT - 1), ==, 9);
	g_assert_false(cxb_cxl_endpoint_write(&dev->dev, 2 * UNIT, &byte, 1));
	g_assert_false(cxb_cxl_endpoint_read(&dev->dev, UINT64_MAX, &byte, 1));
	g_assert_true(cxb_cxl_endpoint_segment(&dev->dev, 5, &seg));
	g_assert_cmphex(seg.dpa, ==, 0);
	g_assert_cmphex(seg.len, ==, 2 * UNIT);
	g_assert_false(cxb_cxl_endpoint_segment(&dev->dev, 2 * UNIT, &seg));
}

/* --- resets --- */

/* A mark in each part that a reset may take. */
static void mark(Rig *r, CxbPciDev *dev)
{
	put_byte(dev, 0, 1);
	wr(r, 0x10008, 0);                          /* a scratch register */
	wr(r, 0x1000 + 0x80 + 0x10, 0);             /* RAS, correctable mask: sticky */
	wr(r, HDM + 0x04, 0);                       /* decoding off */
	cxb_pci_dev_config_write(dev, CTRL2, 2, 1); /* caching off */
}

static bool scratch_kept(const Type2 *t2)
{
	return !le_load(t2->bar.bytes + 0x10008, 4);
}

static bool decoding_kept(const Type2 *t2)
{
	return !cxb_comp_hdm(t2->comp)->enabled;
}

static uint32_t ras_mask(Type2 *t2)
{
	return cxb_comp_read(t2->comp, 0x1090, 4);
}

static void a_function_level_reset_takes_what_is_of_io(Rig *r, gconstpointer unused)
{
	CxbPciDev *dev = plug(r, "");
	Type2 *t2 = (Type2 *)dev;

	mark(r, dev);
	cxb_pci_dev_config_write(dev, dev->pcie_cap + PCIE_DEV_CTL, 2, PCIE_DEV_CTL_FLR);
	g_assert_cmphex(cfg(dev, 0x10, 4), ==, 4);
	g_assert_cmphex(cfg(dev, 0x04, 2), ==, 0);
	g_assert_false(scratch_kept(t2));
	g_assert_true(decoding_kept(t2));
	g_assert_cmphex(cfg(dev, CTRL2, 2), ==, 1);
	g_assert_cmpuint(byte_at(dev, 0), ==, 1);
}

static void a_cxl_reset_takes_what_is_of_mem(Rig *r, gconstpointer unused)
{
	CxbPciDev *dev = plug(r, "");
	Type2 *t2 = (Type2 *)dev;

	mark(r, dev);
	cxb_pci_dev_config_write(dev, CTRL2, 2, 1 | 4);
	g_assert_cmphex(cfg(dev, CTRL2, 2), ==, 1);
	g_assert_cmphex(cfg(dev, STATUS2, 2), ==, 0x8002);
	g_assert_false(decoding_kept(t2));
	g_assert_cmphex(rd(r, HDM + 0x20), ==, 0x700);
	g_assert_cmphex(ras_mask(t2), ==, 0);
	g_assert_true(scratch_kept(t2));
	g_assert_cmphex(cfg(dev, 0x10, 4), ==, BAR | 4);
	g_assert_cmpuint(byte_at(dev, 0), ==, 1);
}

static void a_cxl_reset_clears_memory_if_told_to(Rig *r, gconstpointer unused)
{
	CxbPciDev *dev = plug(r, "");

	put_byte(dev, 0, 1);
	put_byte(dev, 2 * UNIT - 1, 1);
	/* By single bytes, too; the one beside it changes nothing. */
	cxb_pci_dev_config_write(dev, CTRL2 + 1, 1, 0xff);
	cxb_pci_dev_config_write(dev, CTRL2, 1, 8);
	g_assert_cmpuint(byte_at(dev, 0), ==, 1);
	cxb_pci_dev_config_write(dev, CTRL2, 1, 8 | 4);
	g_assert_cmphex(cfg(dev, CTRL2, 4), ==, 0x80020008);
	g_assert_cmpuint(byte_at(dev, 0), ==, 0);
	g_assert_cmpuint(byte_at(dev, 2 * UNIT - 1), ==, 0);
}

static void a_conventional_reset_takes_both(Rig *r, gconstpointer unused)
{
	CxbPciDev *dev = plug(r, "");
	Type2 *t2 = (Type2 *)dev;

	mark(r, dev);
	cxb_device_reset(&dev->dev, CXB_RESET_HOT);
	g_assert_cmphex(cfg(dev, 0x10, 4), ==, 4);
	g_assert_cmphex(cfg(dev, CTRL2, 4), ==, 0x80000000);
	g_assert_false(scratch_kept(t2));
	g_assert_false(decoding_kept(t2));
	g_assert_cmphex(ras_mask(t2), ==, 0);
	g_assert_cmpuint(byte_at(dev, 0), ==, 1);
	cxb_device_reset(&dev->dev, CXB_RESET_WARM);
	g_assert_cmphex(ras_mask(t2), ==, 0x7f);
	g_assert_cmpuint(byte_at(dev, 0), ==, 1);
}

static void caches_are_written_back_at_once(Rig *r, gconstpointer unused)
{
	CxbPciDev *dev = plug(r, "");

	cxb_pci_dev_config_write(dev, CTRL2, 2, 1 | 2);
	g_assert_cmphex(cfg(dev, CTRL2, 4), ==, 0x80010001);
	/* Invalid until caching goes on. */
	cxb_pci_dev_config_write(dev, CTRL2, 2, 0);
	g_assert_cmphex(cfg(dev, CTRL2, 4), ==, 0x80000000);
}

static void decoding_is_told_of_and_given_back(Rig *r, gconstpointer unused)
{
	CxbPciDev *dev = plug(r, "");

	g_assert_cmpuint(r->endpoints, ==, 1);
	wr(r, HDM + 0x04, 0);
	g_assert_cmpuint(r->removing, ==, 1);
	g_assert_cmpuint(r->changed, ==, 1);
	cxb_device_remove(&dev->dev);
	g_assert_cmpuint(r->endpoints, ==, 0);
	/* The memory is free for the next one. */
	rig_device(r, "cxl-type2,bus=rp,memdev=m");
}

static void what_makes_no_sense_is_refused(Rig *r, gconstpointer unused)
{
	rig_bridge(r);
	rig_backend(r, "memory-backend-ram,id=odd,size=257M");
	rig_backend(r, "memory-backend-ram,id=m,size=256M");
	rig_refuses(r, "cxl-type2,bus=rp", "memdev property must be set");
	rig_refuses(r, "cxl-type2,bus=rp,memdev=odd",
		    "memory size 0x10100000 of backend odd is not a multiple of 256 MiB");
	rig_refuses(r, "cxl-type2,bus=rp,memdev=m,firmware-base=0x2000001000",
		    "firmware-base 0x2000001000 is not a multiple of 256 MiB");
	rig_refuses(r, "cxl-type2,bus=rp,memdev=m,firmware-base=0x10000000000000", "below 2^52");
	rig_refuses(r, "cxl-type2,bus=rp,memdev=m,firmware-base=0xfffffffff0000000", "below 2^52");
	rig_refuses(r, "cxl-type2,bus=rp,memdev=m,class=0x0604",
		    "class 0x0604 is that of a bridge");
	rig_refuses(r, "cxl-type2,bus=rp,memdev=m,class=0x10000", "class");
	rig_refuses(r, "cxl-type2,bus=rp,memdev=m,component-at=top", "component-at");
	/* Nothing of these was kept. */
	rig_device(r, "cxl-type2,bus=rp,memdev=m,firmware-base=0xffffff0000000");
	rig_device(r, "cxl-rp,id=rp2,bus=cxl.1,port=4,chassis=0,slot=3");
	rig_refuses(r, "cxl-type2,bus=rp2,memdev=m", "can't be used multiple times");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	RIG_ADD("/type2/ids", its_ids_are_what_is_asked_for);
	RIG_ADD("/type2/class", by_default_it_is_a_3d_controller);
	RIG_ADD("/type2/dvsecs", its_dvsecs_say_what_it_is);
	RIG_ADD("/type2/no-cache", without_a_cache_it_says_so);
	RIG_ADD("/type2/serial", a_serial_number_moves_the_rest);
	RIG_ADD("/type2/no-flr", flr_can_be_missing);
	g_test_add("/type2/block/start", Rig, &start, rig_setup,
		   the_block_is_where_the_locator_says, rig_teardown);
	g_test_add("/type2/block/middle", Rig, &middle, rig_setup,
		   the_block_is_where_the_locator_says, rig_teardown);
	g_test_add("/type2/block/end", Rig, &end, rig_setup, the_block_is_where_the_locator_says,
		   rig_teardown);
	g_test_add("/type2/block/all", Rig, &all, rig_setup, the_block_is_where_the_locator_says,
		   rig_teardown);
	RIG_ADD("/type2/scratch", scratch_registers_count_accesses);
	RIG_ADD("/type2/locked", firmware_has_locked_the_decoder);
	RIG_ADD("/type2/not-committed", firmware_can_leave_it_alone);
	RIG_ADD("/type2/commit", memory_is_not_interleaved_and_not_larger_than_it_is);
	RIG_ADD("/type2/memory", memory_ends_with_its_backend);
	RIG_ADD("/type2/reset/function", a_function_level_reset_takes_what_is_of_io);
	RIG_ADD("/type2/reset/cxl", a_cxl_reset_takes_what_is_of_mem);
	RIG_ADD("/type2/reset/clear", a_cxl_reset_clears_memory_if_told_to);
	RIG_ADD("/type2/reset/conventional", a_conventional_reset_takes_both);
	RIG_ADD("/type2/write-back", caches_are_written_back_at_once);
	RIG_ADD("/type2/life", decoding_is_told_of_and_given_back);
	RIG_ADD("/type2/refused", what_makes_no_sense_is_refused);
	return g_test_run();
}
