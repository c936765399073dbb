/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#include <inttypes.h>

#include "base/error.h"

#define GIB                  (1ull << 30)
#define PCI32_BASE           0xc0000000ull
#define PCI32_END            0xfec00000ull
#define PCI64_SIZE           (32 * GIB)
#define FOUR_GIB             (4 * GIB)
#define ROUND_UP_TO(x, unit) (((x) + (unit)-1) / (unit) * (unit))

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
			l->first_window = ROUND_UP_TO(at, 256ull << 20);
			at = l->first_window + windows;
		}
	}
	l->pci64 = ROUND_UP_TO(at, GIB);
	l->end = l->pci64 + l->pci64_size;
	if (l->end <= limit)
		return true;
too_large:
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"Address space limit 0x%" PRIx64 " is too low for this machine: "
			"memory, windows and PCI aperture do not fit in %u physical address bits",
			limit - 1, LAYOUT_PHYS_BITS);
}
