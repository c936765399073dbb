/* SPDX-License-Identifier: Apache-2.0 */
/* A whole machine in process: what its parts do together, seen through CxbBus and the memory map. */
#include <string.h>

#include "base/bytes.h"
#include "devices/cxl.h"
#include "machine/machine.h"

#define GIB    (1ull << 30)
#define WINDOW 0x3d0000000ull
#define CHBS   0x3c0000000ull

typedef struct {
	CxbMachine *m;
	CxbDevice *t3;
} Fixture;

static void opt(CxbMachine *m, bool (*fn)(CxbMachine *, CxbOpts *, GError **), const char *text,
		const char *implied)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, implied, false, &err);

	g_assert_no_error(err);
	fn(m, opts, &err);
	g_assert_no_error(err);
}

static CxbDevice *device(CxbMachine *m, const char *text)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "driver", false, &err);
	CxbDevice *dev = cxb_device_add(cxb_machine_qom(m), opts, false, &err);

	g_assert_no_error(err);
	return dev;
}

static void machine(Fixture *f)
{
	g_autoptr(GError) err = NULL;

	f->m = cxb_machine_new(&(CxbMachineConfig){ .virtual_clock = true });
	opt(f->m, cxb_machine_set_opts, "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=6G",
	    "type");
	opt(f->m, cxb_machine_set_memory, "1G,maxmem=8G,slots=4", "size");
	g_assert_true(cxb_machine_create(f->m, &err));
	g_assert_no_error(err);
}

static void done(Fixture *f)
{
	g_autoptr(GError) err = NULL;

	cxb_machine_done(f->m, &err);
	g_assert_no_error(err);
}

static void setup(Fixture *f, gconstpointer unused)
{
	machine(f);
	device(f->m, "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1,hdm_for_passthrough=true");
	device(f->m, "cxl-rp,port=0,bus=cxl.1,id=rp,chassis=0,slot=2");
	f->t3 = device(f->m, "cxl-type3,bus=rp,id=t3,num-dc-regions=1,dc-regions-total-size=4G");
	done(f);
}

/* Firmware has put the accelerator's memory 256 MiB into the window. */
static void setup_accelerator(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts =
		cxb_opts_parse("memory-backend-ram,id=m,size=512M", "qom-type", false, NULL);

	machine(f);
	g_assert_nonnull(cxb_user_object_add(cxb_machine_qom(f->m), opts, &err));
	device(f->m, "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1");
	device(f->m, "cxl-rp,port=0,bus=cxl.1,id=rp,chassis=0,slot=2");
	device(f->m, "cxl-type2,bus=rp,id=t2,memdev=m,firmware-base=0x3e0000000");
	done(f);
}

static void teardown(Fixture *f, gconstpointer unused)
{
	cxb_machine_free(f->m);
}

static uint32_t readl(Fixture *f, uint64_t hpa)
{
	le32 v;

	cxb_memmap_read(cxb_machine_memmap(f->m), hpa, &v, sizeof(v));
	return le32_get(v);
}

static void writel(Fixture *f, uint64_t hpa, uint32_t val)
{
	const le32 v = le32_put(val);

	cxb_memmap_write(cxb_machine_memmap(f->m), hpa, &v, sizeof(v));
}

static void finds_the_window_and_host_bridge_where_qemu_has_them(Fixture *f, gconstpointer unused)
{
	g_assert_cmpuint(cxb_machine_windows(f->m), ==, 1);
	g_assert_cmphex(cxb_machine_window(f->m, 0)->base, ==, WINDOW);
	g_assert_cmphex(cxb_machine_window(f->m, 0)->size, ==, 6 * GIB);
	/* Capability array header of a host bridge with decoders. */
	g_assert_cmphex(readl(f, CHBS + 0x1000), ==, 0x05110001);
}

static void ecam_is_on_after_reset_and_follows_pciexbar(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(readl(f, 0xb0000000), ==, 0x29c08086);
	writel(f, 0xb0000060, 0xa0000001);
	g_assert_cmphex(readl(f, 0xa0000000), ==, 0x29c08086);
	g_assert_cmphex(readl(f, 0xb0000000), !=, 0x29c08086);
	writel(f, 0xa0000060, 0);
	g_assert_cmphex(readl(f, 0xa0000000), !=, 0x29c08086);
	cxb_machine_reset(f->m, CXB_RESET_QMP);
	g_assert_cmphex(readl(f, 0xb0000000), ==, 0x29c08086);
}

static void rsdp_is_written_again_at_reset(Fixture *f, gconstpointer unused)
{
	char sig[8];

	writel(f, 0xf0000, 0);
	cxb_machine_reset(f->m, CXB_RESET_QMP);
	cxb_memmap_read(cxb_machine_memmap(f->m), 0xf0000, sig, sizeof(sig));
	g_assert_cmpmem(sig, sizeof(sig), "RSD PTR ", 8);
}

static void port_cf9_resets_from_the_work_queue(Fixture *f, gconstpointer unused)
{
	writel(f, 0xb0000060, 0);
	cxb_machine_port_write(f->m, 0xcf9, 1, 6);
	g_assert_cmphex(readl(f, 0xb0000000), !=, 0x29c08086);
	cxb_workq_drain(cxb_machine_workq(f->m));
	g_assert_cmphex(readl(f, 0xb0000000), ==, 0x29c08086);
}

static void count_up(void *opaque)
{
	(*(unsigned *)opaque)++;
}

static void messages_run_their_handler_once_from_the_queue(Fixture *f, gconstpointer unused)
{
	CxbBus *bus = cxb_machine_bus(f->m);
	CxbBusIrq irq, other;
	unsigned count = 0, other_count = 0;

	g_assert_true(bus->ops->irq_alloc(bus, count_up, &count, &irq, NULL));
	g_assert_true(bus->ops->irq_alloc(bus, count_up, &other_count, &other, NULL));
	writel(f, irq.addr, irq.data);
	writel(f, irq.addr, irq.data);
	g_assert_cmpuint(count, ==, 0);
	cxb_workq_drain(cxb_machine_workq(f->m));
	g_assert_cmpuint(count, ==, 1);
	g_assert_cmpuint(other_count, ==, 0);
	writel(f, irq.addr, irq.data);
	bus->ops->irq_free(bus, &irq);
	cxb_workq_drain(cxb_machine_workq(f->m));
	g_assert_cmpuint(count, ==, 1);
	bus->ops->irq_free(bus, &other);
}

static void window_without_memory_reads_all_ones(Fixture *f, gconstpointer unused)
{
	uint64_t v = 0;

	g_assert_cmpint(cxb_memmap_read(cxb_machine_memmap(f->m), WINDOW, &v, 8), ==,
			CXB_MEM_ERROR);
	g_assert_cmphex(v, ==, UINT64_MAX);
}

/* A decoder of the endpoint and one of the host bridge, both at the window's start. */
static void commit(Fixture *f, uint64_t block, uint64_t hpa, uint64_t size)
{
	const uint32_t array = readl(f, block + 0x1000);
	uint64_t hdm = 0;

	for (unsigned i = 1; i <= array >> 24; i++) {
		const uint32_t entry = readl(f, block + 0x1000 + 4 * i);

		if ((entry & 0xffff) == 5)
			hdm = block + 0x1000 + (entry >> 20);
	}
	g_assert_cmphex(hdm, !=, 0);
	writel(f, hdm + 0x10, hpa);
	writel(f, hdm + 0x14, hpa >> 32);
	writel(f, hdm + 0x18, size);
	writel(f, hdm + 0x1c, size >> 32);
	writel(f, hdm + 0x20, 1u << 12 | 1u << 9);
	g_assert_cmphex(readl(f, hdm + 0x20) >> 10 & 3, ==, 1);
	writel(f, hdm + 4, 2);
}

static void place(Fixture *f)
{
	CxbBus *bus = cxb_machine_bus(f->m);

	bus->ops->config_write(bus, CXB_BDF(12, 0, 0), 0x18, 4, 12 | 13 << 8 | 13 << 16, NULL);
	bus->ops->config_write(bus, CXB_BDF(12, 0, 0), 0x20, 4, 0xc010c000, NULL);
	bus->ops->config_write(bus, CXB_BDF(12, 0, 0), 4, 2, 6, NULL);
	bus->ops->config_write(bus, CXB_BDF(13, 0, 0), 0x10, 4, 0xc0000000, NULL);
	bus->ops->config_write(bus, CXB_BDF(13, 0, 0), 4, 2, 6, NULL);
}

static void accepted_extents_are_aliased_into_the_window(Fixture *f, gconstpointer unused)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse("memory-backend-ram,id=b,size=4M,"
						 "tag=5be13bce-ae34-4a77-b6c3-16df975fcf1a",
						 "qom-type", false, NULL);
	g_autoptr(GError) err = NULL;
	const CxbDcRange ranges[] = { { 1 * GIB, 2 << 20 }, { 0, 2 << 20 } };
	CxbDcAddReq add = { .policy = CXB_DC_SELECT_PRESCRIPTIVE, .n = 2, .ranges = ranges };
	const CxbDcDpaRange list[] = { { 1 * GIB, 2 << 20 }, { 0, 2 << 20 } };
	CxbObject *backend = cxb_user_object_add(cxb_machine_qom(f->m), opts, &err);
	CxbDc *dc = cxb_cxl_type3_dc(f->t3);
	CxbHostMem *mem = cxb_hostmem_from_object(backend);
	CxbAliasMode mode;
	uint64_t hpa;

	g_assert_no_error(err);
	place(f);
	commit(f, CHBS, WINDOW, 4 * GIB);
	commit(f, 0xc0000000, WINDOW, 4 * GIB);
	add.tag = *cxb_hostmem_tag(mem);
	g_assert_true(cxb_dc_add(dc, &add, &err));
	g_assert_null(cxb_memmap_ptr(cxb_machine_memmap(f->m), WINDOW, 4));
	g_assert_cmpint(cxb_dc_add_response(dc, 0, list, 2, false, NULL, NULL), ==, CXB_RC_SUCCESS);
	g_assert_true(cxb_hostmem_mapped(mem));

	writel(f, WINDOW + GIB, 0x11111111);
	writel(f, WINDOW, 0x22222222);
	g_assert_cmphex(*(uint32_t *)cxb_hostmem_ptr(mem), ==, 0x11111111);
	g_assert_cmphex(((uint32_t *)cxb_hostmem_ptr(mem))[(2 << 20) / 4], ==, 0x22222222);
	g_assert_true(cxb_machine_dpa_to_hpa(f->m, f->t3, GIB, &hpa, &mode));
	g_assert_cmphex(hpa, ==, WINDOW + GIB);
	g_assert_cmpint(mode, ==, CXB_ALIAS_DIRECT);
	g_assert_cmphex(*(uint32_t *)cxb_memmap_ptr(cxb_machine_memmap(f->m), WINDOW + GIB, 4), ==,
			0x11111111);
	g_assert_null(cxb_memmap_ptr(cxb_machine_memmap(f->m), WINDOW + GIB, 4 << 20));

	/* Half of the way: decoders of the bridge go, then come back. */
	g_assert_cmpint(cxb_dc_host_release(dc, 0, list, 2, false, NULL, NULL), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(readl(f, WINDOW), ==, UINT32_MAX);
	g_assert_cmpuint(cxb_cxl_type3_missed(f->t3), >, 0);
	g_assert_true(cxb_user_object_del(cxb_machine_qom(f->m), "b", &err));
}

/* The bridge decodes from 256 MiB on only: what of the extent lies there is direct all the same. */
static void an_extent_that_is_reached_in_part_is_aliased_there(Fixture *f, gconstpointer unused)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse("memory-backend-ram,id=b,size=512M,"
						 "tag=5be13bce-ae34-4a77-b6c3-16df975fcf1a",
						 "qom-type", false, NULL);
	const CxbDcRange range = { 0, 512 << 20 };
	const CxbDcDpaRange list = { 0, 512 << 20 };
	CxbDcAddReq add = { .policy = CXB_DC_SELECT_PRESCRIPTIVE, .n = 1, .ranges = &range };
	CxbHostMem *mem =
		cxb_hostmem_from_object(cxb_user_object_add(cxb_machine_qom(f->m), opts, NULL));
	CxbDc *dc = cxb_cxl_type3_dc(f->t3);

	place(f);
	commit(f, CHBS, WINDOW + (256 << 20), GIB);
	commit(f, 0xc0000000, WINDOW, 4 * GIB);
	add.tag = *cxb_hostmem_tag(mem);
	g_assert_true(cxb_dc_add(dc, &add, NULL));
	g_assert_cmpint(cxb_dc_add_response(dc, 0, &list, 1, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	g_assert_null(cxb_memmap_ptr(cxb_machine_memmap(f->m), WINDOW, 4));
	g_assert_nonnull(cxb_memmap_ptr(cxb_machine_memmap(f->m), WINDOW + (256 << 20), 256 << 20));
	g_assert_cmphex(readl(f, WINDOW + (256 << 20) - 4), ==, UINT32_MAX);
}

static void an_accelerators_memory_is_where_firmware_put_it(Fixture *f, gconstpointer unused)
{
	const uint64_t base = 0x3e0000000, size = GIB / 2;
	CxbMemMap *mm = cxb_machine_memmap(f->m);
	CxbObject *m = cxb_qom_resolve(cxb_machine_qom(f->m), "m", NULL, NULL);
	const uint8_t *bytes = cxb_hostmem_ptr(cxb_hostmem_from_object(m));
	le32 v = le32_put(0x12345678);

	/* Mapped in place, all of it. */
	g_assert_nonnull(cxb_memmap_ptr(mm, base, size));
	g_assert_cmpint(cxb_memmap_write(mm, base + size - 4, &v, 4), ==, CXB_MEM_OK);
	g_assert_cmpmem(bytes + size - 4, 4, &v, 4);
	/* Nothing around it. */
	g_assert_cmpint(cxb_memmap_read(mm, base - 4, &v, 4), !=, CXB_MEM_OK);
	g_assert_cmpint(cxb_memmap_read(mm, base + size, &v, 4), !=, CXB_MEM_OK);
	/* Firmware does it again after each reset of the machine. */
	cxb_machine_reset(f->m, CXB_RESET_QMP);
	g_assert_nonnull(cxb_memmap_ptr(mm, base, size));
	cxb_device_remove(cxb_device_find(cxb_machine_qom(f->m), "t2", NULL));
	g_assert_null(cxb_memmap_ptr(mm, base, size));
	g_assert_cmpint(cxb_memmap_read(mm, base, &v, 4), !=, CXB_MEM_OK);
}

static void devices_can_be_removed_with_everything_in_use(Fixture *f, gconstpointer unused)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse("memory-backend-ram,id=b,size=2M,"
						 "tag=5be13bce-ae34-4a77-b6c3-16df975fcf1a",
						 "qom-type", false, NULL);
	const CxbDcRange range = { 0, 2 << 20 };
	const CxbDcDpaRange list = { 0, 2 << 20 };
	CxbDcAddReq add = { .policy = CXB_DC_SELECT_PRESCRIPTIVE, .n = 1, .ranges = &range };
	CxbObject *backend = cxb_user_object_add(cxb_machine_qom(f->m), opts, NULL);
	CxbHostMem *mem = cxb_hostmem_from_object(backend);
	CxbDc *dc = cxb_cxl_type3_dc(f->t3);

	place(f);
	commit(f, CHBS, WINDOW, 4 * GIB);
	commit(f, 0xc0000000, WINDOW, 4 * GIB);
	add.tag = *cxb_hostmem_tag(mem);
	g_assert_true(cxb_dc_add(dc, &add, NULL));
	g_assert_cmpint(cxb_dc_add_response(dc, 0, &list, 1, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	g_assert_nonnull(cxb_memmap_ptr(cxb_machine_memmap(f->m), WINDOW, 2 << 20));
	cxb_device_remove(f->t3);
	g_assert_null(cxb_memmap_ptr(cxb_machine_memmap(f->m), WINDOW, 2 << 20));
	g_assert_cmphex(readl(f, WINDOW), ==, UINT32_MAX);
	g_assert_null(cxb_hostmem_holder(mem));
	g_assert_true(cxb_user_object_del(cxb_machine_qom(f->m), "b", NULL));
}

#define ADD(path, fn) g_test_add(path, Fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/machine/places", finds_the_window_and_host_bridge_where_qemu_has_them);
	ADD("/machine/ecam", ecam_is_on_after_reset_and_follows_pciexbar);
	ADD("/machine/rsdp", rsdp_is_written_again_at_reset);
	ADD("/machine/cf9", port_cf9_resets_from_the_work_queue);
	ADD("/machine/msi", messages_run_their_handler_once_from_the_queue);
	ADD("/machine/hole", window_without_memory_reads_all_ones);
	ADD("/machine/alias", accepted_extents_are_aliased_into_the_window);
	ADD("/machine/alias-part", an_extent_that_is_reached_in_part_is_aliased_there);
	g_test_add("/machine/accelerator", Fixture, NULL, setup_accelerator,
		   an_accelerators_memory_is_where_firmware_put_it, teardown);
	ADD("/machine/remove", devices_can_be_removed_with_everything_in_use);
	return g_test_run();
}
