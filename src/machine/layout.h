/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are in the address map of a machine: a pure function of a few sizes. */
#ifndef CXB_MACHINE_LAYOUT_H
#define CXB_MACHINE_LAYOUT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define LAYOUT_HOST_REGS_SIZE (1ull << 20) /* component registers of all host bridges */
#define LAYOUT_ECAM_BASE      0xb0000000ull
#define LAYOUT_ECAM_SIZE      (256ull << 20)
#define LAYOUT_MSI_BASE       0xfee00000ull
#define LAYOUT_MSI_SIZE       (1ull << 20)
#define LAYOUT_FIRMWARE       0xe0000ull /* into RAM: where the RSDP is looked for */
#define LAYOUT_FIRMWARE_SIZE  0x20000ull
#define LAYOUT_LOW_RAM_MIN    (1ull << 20) /* ACPI tables are below */
#define LAYOUT_PHYS_BITS      46           /* what the address space may reach */

typedef struct {
	uint64_t low_ram_base;
	uint64_t low_ram;       /* bytes from there */
	uint64_t high_ram;      /* bytes from 4 GiB */
	uint64_t device_memory; /* base, if device_memory_size */
	uint64_t device_memory_size;
	uint64_t host_regs;    /* 1 MiB, if cxl */
	uint64_t first_window; /* if cxl */
	uint64_t ecam;         /* where configuration space is after a reset */
	uint64_t ecam_size;    /* 1 MiB for each bus */
	uint64_t pci32;        /* base of the 32-bit aperture */
	uint64_t pci32_size;
	uint64_t pci64; /* base of the 64-bit aperture */
	uint64_t pci64_size;
	uint64_t end; /* first address behind everything */
} Layout;

/**
 * layout_q35() - QEMU's q35 map.
 * @ram, @maxmem: bytes; maxmem equal to ram = none
 * @low_max: bytes that may be below 4 GiB, in whole pages; 0: as many as go there
 * @windows: bytes of all fixed windows together
 *
 * Fails if it does not fit the physical address bits.
 */
bool layout_q35(Layout *l, uint64_t ram, uint64_t low_max, uint64_t maxmem, unsigned slots,
		bool cxl, uint64_t windows, GError **errp);

/* Sizes that the map of an ARM virt machine depends on, in bytes. */
typedef struct {
	uint64_t ram, maxmem; /* maxmem equal to ram = none */
	uint64_t slots;
	bool ecam_high;      /* 256 buses above RAM; else 16 buses below it */
	uint64_t pci64_size; /* a power of 2; 0: no 64-bit aperture */
	bool cxl;
	uint64_t windows; /* of all fixed windows together */
} LayoutVirt;

#define LAYOUT_VIRT_PHYS_BITS  52             /* as QEMU's "-cpu max" has */
#define LAYOUT_VIRT_PCI64_SIZE (512ull << 30) /* at least, if there is one */
#define LAYOUT_ITS_BASE        0x08080000ull  /* two pages of 64 KiB */
#define LAYOUT_ITS_SIZE        0x20000ull

/** layout_virt() - QEMU's virt map. Fails if it does not fit the physical address bits. */
bool layout_virt(Layout *l, const LayoutVirt *virt, GError **errp);

#endif
