/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#include <inttypes.h>

#include "base/error.h"

#define GIB         (1ull << 30)
#define PCI32_BASE  0xc0000000ull
#define PCI32_END   0xfec00000ull
#define PCI64_SIZE  (32 * GIB)
#define WINDOW_UNIT (256ull << 20)

/* Of the virt machine. */
#define VIRT_RAM             GIB
#define VIRT_PCI32           0x10000000ull
#define VIRT_PCI32_END       0x3eff0000ull
#define VIRT_ECAM_LOW        0x3f000000ull
#define VIRT_ECAM_LOW_N      0x01000000ull
#define VIRT_HIGH            (256 * GIB) /* what does not go below starts here, or behind memory */
#define VIRT_REDIST          0x04000000ull
#define FOUR_GIB             (4 * GIB)
#define ROUND_UP_TO(x, unit) (((x) + (unit)-1) / (unit) * (unit))

static bool too_low(unsigned bits, GError **errp)
{
	const uint64_t limit = 1ull << bits;

	return cxb_fail(errp, CXB_ERROR_INVALID,
			"Address space limit 0x%" PRIx64 " is too low for this machine: "
			"memory, windows and PCI aperture do not fit in %u physical address bits",
			limit - 1, bits);
}

bool layout_q35(Layout *l, uint64_t ram, uint64_t low_max, uint64_t maxmem, unsigned slots,
		bool cxl, uint64_t windows, GError **errp)
{
	const uint64_t limit = 1ull << LAYOUT_PHYS_BITS;
	uint64_t low = ram < LAYOUT_ECAM_BASE ? LAYOUT_ECAM_BASE : 2 * GIB;
	uint64_t at;

	/* Each term is bounded first, so that no sum below can wrap. */
	if (ram > limit || maxmem > limit || windows > limit)
		goto too_large;
	*l = (Layout){
		.ecam = LAYOUT_ECAM_BASE,
		.ecam_size = LAYOUT_ECAM_SIZE,
		.pci32 = PCI32_BASE,
		.pci32_size = PCI32_END - PCI32_BASE,
		.pci64_size = PCI64_SIZE,
	};
	if (low_max)
		low = MIN(low, low_max & ~0xfffull);
	l->low_ram = MIN(ram, low);
	l->high_ram = ram - l->low_ram;
	at = FOUR_GIB + l->high_ram;
	if (maxmem > ram) {
		l->device_memory = ROUND_UP_TO(at, GIB);
		l->device_memory_size = maxmem - ram + slots * GIB;
		at = l->device_memory + l->device_memory_size;
	}
	if (cxl) {
		l->host_regs = at;
		at += LAYOUT_HOST_REGS_SIZE;
		if (windows) {
			l->first_window = ROUND_UP_TO(at, WINDOW_UNIT);
			at = l->first_window + windows;
		}
	}
	l->pci64 = ROUND_UP_TO(at, GIB);
	l->end = l->pci64 + l->pci64_size;
	if (l->end <= limit)
		return true;
too_large:
	return too_low(LAYOUT_PHYS_BITS, errp);
}

/* The next multiple of @size at or behind *@at; *@at moves behind the range if it is @there. */
static uint64_t take(uint64_t *at, uint64_t size, bool there)
{
	const uint64_t start = ROUND_UP_TO(*at, size);

	*at = there ? start + size : start;
	return start;
}

bool layout_virt(Layout *l, const LayoutVirt *virt, GError **errp)
{
	const uint64_t limit = 1ull << LAYOUT_VIRT_PHYS_BITS;
	uint64_t at, high_ecam;

	if (virt->ram > limit || virt->maxmem > limit || virt->windows > limit ||
	    virt->pci64_size > limit)
		return too_low(LAYOUT_VIRT_PHYS_BITS, errp);
	*l = (Layout){
		.low_ram_base = VIRT_RAM,
		.low_ram = virt->ram,
		.pci32 = VIRT_PCI32,
		.pci32_size = VIRT_PCI32_END - VIRT_PCI32,
	};
	at = ROUND_UP_TO(VIRT_RAM + virt->ram, GIB);
	if (virt->maxmem > virt->ram) {
		l->device_memory = at;
		l->device_memory_size = virt->maxmem - virt->ram + virt->slots * GIB;
		at += ROUND_UP_TO(l->device_memory_size, GIB);
	}
	at = MAX(at, VIRT_HIGH);
	take(&at, VIRT_REDIST, true);
	/* There is room for them in any case. */
	l->host_regs = take(&at, LAYOUT_HOST_REGS_SIZE, true);
	high_ecam = take(&at, LAYOUT_ECAM_SIZE, virt->ecam_high);
	l->ecam = virt->ecam_high ? high_ecam : VIRT_ECAM_LOW;
	l->ecam_size = virt->ecam_high ? LAYOUT_ECAM_SIZE : VIRT_ECAM_LOW_N;
	if (virt->pci64_size) {
		l->pci64 = take(&at, virt->pci64_size, true);
		l->pci64_size = virt->pci64_size;
	}
	if (virt->cxl && virt->windows) {
		l->first_window = ROUND_UP_TO(at, WINDOW_UNIT);
		at = l->first_window + virt->windows;
	}
	l->end = at;
	return l->end <= limit || too_low(LAYOUT_VIRT_PHYS_BITS, errp);
}
