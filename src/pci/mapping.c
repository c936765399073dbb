/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where BARs answer: at the address programmed, if the function decodes memory, as far as the
 * windows of the bridges above let through. Each of a bridge's two memory windows forwards to any
 * BAR, prefetchable or not.
 */
#include "base/range.h"
#include "internal.h"

CXB_TRACE(pci_bar_place, (const char *type, unsigned bar, uint64_t hpa, uint64_t len),
	  "%s bar %u hpa 0x%" PRIx64 " len 0x%" PRIx64, type, bar, hpa, len)
CXB_TRACE(pci_bar_remove, (const char *type, unsigned bar), "%s bar %u", type, bar)

/* Both ends inclusive: the top of the address space fits. */
typedef struct {
	uint64_t first, last;
} Span;

static bool decodes_memory(const CxbPciDev *dev)
{
	return cfg_get(dev, PCI_COMMAND, 2) & PCI_COMMAND_MEM;
}

static bool intersect(Span a, Span b, Span *out)
{
	out->first = MAX(a.first, b.first);
	out->last = MIN(a.last, b.last);
	return out->first <= out->last;
}

/* The part of @in that @bridge forwards. If both windows let through a part and these do not touch,
 * the larger one counts: a BAR answers in one piece. */
static bool bridge_forwards(const CxbPciDev *bridge, Span in, Span *out)
{
	const Span mem = { (cfg_get(bridge, PCI_MEM_BASE, 2) & 0xfff0) << 16,
			   (cfg_get(bridge, PCI_MEM_LIMIT, 2) & 0xfff0) << 16 | 0xfffff };
	const Span pref = { (uint64_t)cfg_get(bridge, PCI_PREF_BASE_HI, 4) << 32 |
				    (cfg_get(bridge, PCI_PREF_BASE, 2) & 0xfff0) << 16,
			    (uint64_t)cfg_get(bridge, PCI_PREF_LIMIT_HI, 4) << 32 |
				    (cfg_get(bridge, PCI_PREF_LIMIT, 2) & 0xfff0) << 16 | 0xfffff };
	Span a, b;
	bool has_a, has_b;

	if (!decodes_memory(bridge))
		return false;
	has_a = mem.first <= mem.last && intersect(in, mem, &a);
	has_b = pref.first <= pref.last && intersect(in, pref, &b);
	if (!has_a && !has_b)
		return false;
	if (!has_a || !has_b)
		*out = has_a ? a : b;
	else if (MAX(a.first, b.first) - 1 <= MIN(a.last, b.last) || a.first == b.first)
		*out = (Span){ MIN(a.first, b.first), MAX(a.last, b.last) };
	else
		*out = a.last - a.first >= b.last - b.first ? a : b;
	return true;
}

/* The address in BAR @nr, unless it is none: disabled, 0, a size probe, or past the end. */
static bool bar_address(const CxbPciDev *dev, unsigned nr, uint64_t *hpa)
{
	const CxbPciBar *bar = &dev->bars[nr];
	const unsigned reg = PCI_BAR0 + 4 * nr;
	uint64_t addr = cfg_get(dev, reg, 4) & ~0xfu, last;

	if (pci_host(dev)->remote || !decodes_memory(dev) || bar->probe)
		return false;
	if (bar->is_64) {
		const uint32_t high = cfg_get(dev, reg + 4, 4);

		if (high == (uint32_t)(~(bar->size - 1) >> 32) && high == UINT32_MAX)
			return false;
		addr |= (uint64_t)high << 32;
	}
	if (!addr || !cxb_range_valid(addr, bar->size))
		return false;
	last = addr + (bar->size - 1);
	if (last == UINT32_MAX || last == UINT64_MAX)
		return false;
	*hpa = addr;
	return true;
}

static void bar_remove(CxbPciDev *dev, unsigned nr)
{
	CxbPciBar *bar = &dev->bars[nr];

	if (!bar->placed)
		return;
	trace_pci_bar_remove(dev->dev.obj.type->name, nr);
	cxb_memmap_remove(pci_host(dev)->mm, bar->region);
	bar->placed = false;
}

static void bar_update(CxbPciDev *dev, unsigned nr)
{
	CxbPciHost *host = pci_host(dev);
	CxbPciBar *bar = &dev->bars[nr];
	uint64_t hpa, start, len;
	Span s;

	if (!bar_address(dev, nr, &hpa)) {
		bar_remove(dev, nr);
		return;
	}
	s = (Span){ hpa, hpa + (bar->size - 1) };
	for (CxbPciDev *up = cxb_pci_dev_bus(dev)->bridge; up; up = cxb_pci_dev_bus(up)->bridge) {
		if (!bridge_forwards(up, s, &s)) {
			bar_remove(dev, nr);
			return;
		}
	}
	start = s.first - hpa;
	len = s.last - s.first + 1;
	if (bar->placed && bar->hpa == hpa && bar->clip_start == start && bar->clip_len == len)
		return;
	trace_pci_bar_place(dev->dev.obj.type->name, nr, s.first, len);
	cxb_memmap_place(host->mm, bar->region, hpa, host->bar_priority, start, len);
	bar->placed = true;
	bar->hpa = hpa;
	bar->clip_start = start;
	bar->clip_len = len;
}

static void update_bus(CxbPciBus *bus);

static void update_device(CxbPciDev *dev)
{
	for (unsigned i = 0; i < CXB_PCI_BARS; i++)
		if (dev->bars[i].region)
			bar_update(dev, i);
	if (dev->secondary)
		update_bus(dev->secondary);
}

static void update_bus(CxbPciBus *bus)
{
	for (unsigned i = 0; i < bus->bus.devices->len; i++) {
		CxbPciDev *dev = g_ptr_array_index(bus->bus.devices, i);

		if (bus->functions[dev->devfn] == dev)
			update_device(dev);
	}
}

void pci_map_device(CxbPciDev *dev)
{
	CXB_MEMMAP_TXN(pci_host(dev)->mm);

	update_device(dev);
}

void pci_unmap_device(CxbPciDev *dev)
{
	CXB_MEMMAP_TXN(pci_host(dev)->mm);

	for (unsigned i = 0; i < CXB_PCI_BARS; i++)
		if (dev->bars[i].region)
			bar_remove(dev, i);
}

void cxb_pci_update_mappings(CxbPciHost *host)
{
	CXB_MEMMAP_TXN(host->mm);

	for (unsigned i = 0; i < host->roots->len; i++)
		update_bus(g_ptr_array_index(host->roots, i));
}
