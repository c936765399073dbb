/* SPDX-License-Identifier: Apache-2.0 */
/* Maps of machines. Expected values were measured on QEMU 11.1 (info mtree), windows of 4 and 8 GiB
 * for q35; for virt with "-cpu max", and windows of 256 MiB and 4 GiB. */
#include "layout.h"

#define GIB (1ull << 30)
#define MIB (1ull << 20)

static void matches_what_qemu_shows(void)
{
	static const struct {
		uint64_t ram, maxmem;
		unsigned slots;
		uint64_t low, device_memory, device_memory_end, host_regs, window0, pci64;
	} rows[] = {
		{ 256 * MIB, 0, 0, 256 * MIB, 0, 0, 0x100000000, 0x110000000, 0x440000000 },
		{ 2 * GIB, 0, 0, 2 * GIB, 0, 0, 0x100000000, 0x110000000, 0x440000000 },
		{ 2049 * MIB, 0, 0, 0x80100000, 0, 0, 0x100000000, 0x110000000, 0x440000000 },
		{ 2816 * MIB, 0, 0, 0x80000000, 0, 0, 0x130000000, 0x140000000, 0x440000000 },
		{ 3 * GIB, 0, 0, 0x80000000, 0, 0, 0x140000000, 0x150000000, 0x480000000 },
		{ 4 * GIB, 0, 0, 0x80000000, 0, 0, 0x180000000, 0x190000000, 0x4c0000000 },
		{ 8 * GIB, 0, 0, 0x80000000, 0, 0, 0x280000000, 0x290000000, 0x5c0000000 },
		{ GIB, 8 * GIB, 0, GIB, 0x100000000, 0x2c0000000, 0x2c0000000, 0x2d0000000,
		  0x600000000 },
		{ GIB, 8 * GIB, 4, GIB, 0x100000000, 0x3c0000000, 0x3c0000000, 0x3d0000000,
		  0x700000000 },
		{ GIB, 8 * GIB, 8, GIB, 0x100000000, 0x4c0000000, 0x4c0000000, 0x4d0000000,
		  0x800000000 },
		{ 4 * GIB, 8 * GIB, 4, 0x80000000, 0x180000000, 0x380000000, 0x380000000,
		  0x390000000, 0x6c0000000 },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) err = NULL;
		Layout l;

		g_test_message("row %u", i);
		g_assert_true(layout_q35(&l, rows[i].ram, 0, MAX(rows[i].ram, rows[i].maxmem),
					 rows[i].slots, true, 12 * GIB, &err));
		g_assert_no_error(err);
		g_assert_cmphex(l.low_ram, ==, rows[i].low);
		g_assert_cmphex(l.low_ram + l.high_ram, ==, rows[i].ram);
		g_assert_cmphex(l.device_memory, ==, rows[i].device_memory);
		g_assert_cmphex(l.device_memory + l.device_memory_size, ==,
				rows[i].device_memory_end);
		g_assert_cmphex(l.host_regs, ==, rows[i].host_regs);
		g_assert_cmphex(l.first_window, ==, rows[i].window0);
		g_assert_cmphex(l.pci64, ==, rows[i].pci64);
	}
}

/* A window of 4 GiB, as above. */
static void max_ram_below_4g_moves_the_rest_up(void)
{
	static const struct {
		uint64_t ram, low_max, low, window0;
	} rows[] = {
		{ GIB, 4 * GIB, GIB, 0x110000000 },
		{ GIB, 512 * MIB, 512 * MIB, 0x130000000 },
		{ GIB, MIB, MIB, 0x140000000 },
		{ 6 * GIB, 2 * GIB, 2 * GIB, 0x210000000 },
		{ 6 * GIB, 3 * GIB, 2 * GIB, 0x210000000 },
		{ 4 * GIB, 1000 * MIB, 1000 * MIB, 0x1d0000000 },
		{ 8 * GIB, 4187593114, 2 * GIB, 0x290000000 },
		/* Whole pages, where QEMU takes any number of bytes. */
		{ GIB, 512 * MIB + 1, 512 * MIB, 0x130000000 },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		Layout l;

		g_test_message("row %u", i);
		g_assert_true(layout_q35(&l, rows[i].ram, rows[i].low_max, rows[i].ram, 0, true,
					 4 * GIB, NULL));
		g_assert_cmphex(l.low_ram, ==, rows[i].low);
		g_assert_cmphex(l.low_ram + l.high_ram, ==, rows[i].ram);
		g_assert_cmphex(l.first_window, ==, rows[i].window0);
	}
}

static void without_windows_or_cxl_the_aperture_follows_ram(void)
{
	Layout l;

	g_assert_true(layout_q35(&l, GIB, 0, GIB, 0, true, 0, NULL));
	g_assert_cmphex(l.host_regs, ==, 0x100000000);
	g_assert_cmphex(l.pci64, ==, 0x140000000);
	g_assert_true(layout_q35(&l, GIB, 0, GIB, 0, false, 0, NULL));
	g_assert_cmphex(l.pci64, ==, 0x100000000);
	g_assert_true(layout_q35(&l, 4097 * MIB, 0, 4097 * MIB, 0, true, 0, NULL));
	g_assert_cmphex(l.host_regs, ==, 0x180100000);
}

static void refuses_what_does_not_fit_the_address_bits(void)
{
	static const struct {
		uint64_t ram, maxmem, windows;
	} rows[] = {
		{ GIB, GIB, 1ull << 46 },
		{ GIB, GIB, UINT64_MAX },
		{ GIB, UINT64_MAX, 0 },
		{ UINT64_MAX - 4095, UINT64_MAX - 4095, 0 },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) err = NULL;
		Layout l;

		g_assert_false(layout_q35(&l, rows[i].ram, 0, rows[i].maxmem, 256, true,
					  rows[i].windows, &err));
		g_assert_nonnull(err);
	}
}

/* --- virt --- */

#define VIRT_WINDOWS (4 * GIB + 256 * MIB)

static void virt_is_where_qemu_has_it(void)
{
	static const struct {
		uint64_t ram, maxmem, slots;
		bool ecam_high;
		uint64_t pci64_size;
		uint64_t device_memory, device_memory_end, host_regs, ecam, ecam_size, pci64,
			window0;
	} rows[] = {
		{ GIB, GIB, 0, true, 512 * GIB, 0, 0, 0x4004000000, 0x4010000000, 256 * MIB,
		  0x8000000000, 0x10000000000 },
		{ GIB, 3 * GIB, 2, true, 512 * GIB, 0x80000000, 0x180000000, 0x4004000000,
		  0x4010000000, 256 * MIB, 0x8000000000, 0x10000000000 },
		{ 1025 * MIB, 2 * GIB, 1, true, 512 * GIB, 0xc0000000, 0x13ff00000, 0x4004000000,
		  0x4010000000, 256 * MIB, 0x8000000000, 0x10000000000 },
		{ GIB, 100 * 1024 * GIB, 1, true, 512 * GIB, 0x80000000, 0x640080000000,
		  0x640084000000, 0x640090000000, 256 * MIB, 0x648000000000, 0x650000000000 },
		{ GIB, GIB, 0, false, 512 * GIB, 0, 0, 0x4004000000, 0x3f000000, 16 * MIB,
		  0x8000000000, 0x10000000000 },
		{ GIB, GIB, 0, true, 0, 0, 0, 0x4004000000, 0x4010000000, 256 * MIB, 0,
		  0x4020000000 },
		{ GIB, GIB, 0, true, 1024 * GIB, 0, 0, 0x4004000000, 0x4010000000, 256 * MIB,
		  0x10000000000, 0x20000000000 },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		const LayoutVirt virt = {
			.ram = rows[i].ram,
			.maxmem = rows[i].maxmem,
			.slots = rows[i].slots,
			.ecam_high = rows[i].ecam_high,
			.pci64_size = rows[i].pci64_size,
			.cxl = true,
			.windows = VIRT_WINDOWS,
		};
		g_autoptr(GError) err = NULL;
		Layout l;

		g_test_message("row %u", i);
		g_assert_true(layout_virt(&l, &virt, &err));
		g_assert_no_error(err);
		g_assert_cmphex(l.low_ram_base, ==, 0x40000000);
		g_assert_cmphex(l.low_ram, ==, rows[i].ram);
		g_assert_cmphex(l.high_ram, ==, 0);
		g_assert_cmphex(l.pci32, ==, 0x10000000);
		g_assert_cmphex(l.pci32 + l.pci32_size, ==, 0x3eff0000);
		g_assert_cmphex(l.device_memory, ==, rows[i].device_memory);
		g_assert_cmphex(l.device_memory + l.device_memory_size, ==,
				rows[i].device_memory_end);
		g_assert_cmphex(l.host_regs, ==, rows[i].host_regs);
		g_assert_cmphex(l.ecam, ==, rows[i].ecam);
		g_assert_cmphex(l.ecam_size, ==, rows[i].ecam_size);
		g_assert_cmphex(l.pci64, ==, rows[i].pci64);
		g_assert_cmphex(l.pci64_size, ==, rows[i].pci64_size);
		g_assert_cmphex(l.first_window, ==, rows[i].window0);
		g_assert_cmphex(l.end, ==, rows[i].window0 + VIRT_WINDOWS);
	}
}

/* Where QEMU starts such a machine, with windows at address 0. */
static void virt_refuses_what_does_not_fit(void)
{
	static const LayoutVirt rows[] = {
		{ .ram = GIB, .maxmem = GIB, .cxl = true, .windows = 1ull << 52 },
		{ .ram = GIB, .maxmem = GIB, .cxl = true, .windows = UINT64_MAX },
		{ .ram = GIB, .maxmem = UINT64_MAX, .slots = 256 },
		{ .ram = UINT64_MAX - 4095, .maxmem = UINT64_MAX - 4095 },
		{ .ram = GIB, .maxmem = GIB, .pci64_size = 1ull << 52 },
		{ .ram = GIB, .maxmem = GIB, .pci64_size = 1ull << 63 },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) err = NULL;
		Layout l;

		g_assert_false(layout_virt(&l, &rows[i], &err));
		g_assert_cmpstr(err->message, ==,
				"Address space limit 0xfffffffffffff is too low for this machine: "
				"memory, windows and PCI aperture do not fit in 52 physical "
				"address bits");
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/layout/qemu", matches_what_qemu_shows);
	g_test_add_func("/layout/below-4g", max_ram_below_4g_moves_the_rest_up);
	g_test_add_func("/layout/no-windows", without_windows_or_cxl_the_aperture_follows_ram);
	g_test_add_func("/layout/limits", refuses_what_does_not_fit_the_address_bits);
	g_test_add_func("/layout/virt/qemu", virt_is_where_qemu_has_it);
	g_test_add_func("/layout/virt/limits", virt_refuses_what_does_not_fit);
	return g_test_run();
}
