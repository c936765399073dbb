/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placing BARs and bridge windows. On a root bus a 64-bit BAR goes to the 64-bit aperture. Behind
 * a bridge only the prefetchable window reaches beyond 4 GiB, so all but 64-bit prefetchable BARs
 * go below. Largest alignment first: nothing is lost between neighbours.
 */
#include <inttypes.h>

#include "base/range.h"
#include "priv.h"
#include "wire/pci.h"
#include "wire/regs.h"

#define PCI_COMMAND        0x04
#define PCI_COMMAND_MEMORY 0x0002
#define PCI_COMMAND_MASTER 0x0004
#define PCIE_DEV_CAP       0x04
#define PCIE_DEV_CAP_FLR   0x10000000
#define PCIE_DEV_CTL       0x08
#define PCIE_DEV_CTL_FLR   0x8000
#define BRIDGE_IO          0x1c
#define BRIDGE_MEM         0x20
#define BRIDGE_PREF        0x24
#define BRIDGE_PREF_HI     0x28 /* base, then limit */
#define BRIDGE_IO_HI       0x30

typedef struct {
	HFunc *func;
	int bar; /* -1: the window of a bridge */
	uint64_t size, align;
} Item;

static bool bar_in(const HBar *bar, int kind, bool pref64)
{
	bool high = bar->is64 && bar->pref && pref64;

	return bar->mem && high == (kind == H_PREF);
}

static int by_align(gconstpointer a, gconstpointer b)
{
	const Item *x = a, *y = b;

	if (x->align != y->align)
		return x->align < y->align ? 1 : -1;
	if (x->func->pub.bdf != y->func->pub.bdf)
		return x->func->pub.bdf < y->func->pub.bdf ? -1 : 1;
	return x->bar - y->bar;
}

static void add_item(GArray *items, HFunc *f, int bar, uint64_t size, uint64_t align)
{
	Item item = { f, bar, size, align };

	g_array_append_val(items, item);
}

/* What lies right behind a bridge, of one kind. */
static GArray *items_below(HFunc *bridge, int kind)
{
	GArray *items = g_array_new(false, false, sizeof(Item));

	for (unsigned i = 0; i < bridge->below->len; i++) {
		HFunc *f = g_ptr_array_index(bridge->below, i);

		for (int b = 0; b < 6; b++)
			if (bar_in(&f->bar[b], kind, bridge->pref64))
				add_item(items, f, b, f->bar[b].size, f->bar[b].size);
		if (f->bridge && f->win[kind].size)
			add_item(items, f, -1, f->win[kind].size, f->win[kind].align);
	}
	g_array_sort(items, by_align);
	return items;
}

static uint64_t align_up(uint64_t x, uint64_t align)
{
	return (x + align - 1) & ~(align - 1);
}

/* A 64-bit window only counts if every bridge above has one too. */
static void pref_find(CxbHost *host, HFunc *f)
{
	uint32_t val = cxb_h_cfg(host, f->pub.bdf, BRIDGE_PREF, 4);

	f->pref64 = (val & 0xf) == 1 && (!f->parent || f->parent->pref64) && host->pci64.size;
}

static void windows_size(HFunc *bridge)
{
	for (unsigned i = 0; i < bridge->below->len; i++) {
		HFunc *f = g_ptr_array_index(bridge->below, i);

		if (f->bridge)
			windows_size(f);
	}
	for (int kind = 0; kind < H_KINDS; kind++) {
		g_autoptr(GArray) items = items_below(bridge, kind);
		HBridgeWindow *w = &bridge->win[kind];

		w->size = 0;
		w->align = H_MIB;
		for (unsigned i = 0; i < items->len; i++) {
			const Item *item = &g_array_index(items, Item, i);

			w->size = align_up(w->size, item->align) + item->size;
			w->align = MAX(w->align, item->align);
		}
		w->size = align_up(w->size, H_MIB);
	}
}

static void put_item(const Item *item, int kind, uint64_t addr);

static void put_below(HFunc *bridge, int kind)
{
	g_autoptr(GArray) items = items_below(bridge, kind);
	uint64_t at = bridge->win[kind].addr;

	for (unsigned i = 0; i < items->len; i++) {
		const Item *item = &g_array_index(items, Item, i);

		at = align_up(at, item->align);
		put_item(item, kind, at);
		at += item->size;
	}
}

static void put_item(const Item *item, int kind, uint64_t addr)
{
	if (item->bar >= 0) {
		item->func->bar[item->bar].addr = addr;
		item->func->bar[item->bar].placed = true;
		return;
	}
	item->func->win[kind].addr = addr;
	item->func->win[kind].placed = true;
	put_below(item->func, kind);
}

static bool take(CxbBusRange *range, uint64_t size, uint64_t align, uint64_t *addr)
{
	uint64_t pad = -range->base & (align - 1);

	if (pad >= range->size || size > range->size - pad)
		return false;
	*addr = range->base + pad;
	range->base += pad + size;
	range->size -= pad + size;
	return true;
}

/* Items of all root buses, from one aperture. Those that do not fit are tried in @other. */
static void put_all(CxbHost *host, GArray *items, int kind, CxbBusRange *range, CxbBusRange *other)
{
	g_array_sort(items, by_align);
	for (unsigned i = 0; i < items->len; i++) {
		const Item *item = &g_array_index(items, Item, i);
		uint16_t bdf = item->func->pub.bdf;
		uint64_t addr;

		if (take(range, item->size, item->align, &addr) ||
		    (other && take(other, item->size, item->align, &addr)))
			put_item(item, kind, addr);
		else
			cxb_h_say(host, "%02x:%02x.%x: no room for %s of 0x%" PRIx64 " bytes",
				  bdf >> 8, bdf >> 3 & 0x1f, bdf & 7,
				  item->bar < 0 ? "a window" : "a BAR", item->size);
	}
}

static void window_write(CxbHost *host, HFunc *f)
{
	const HBridgeWindow *m = &f->win[H_MEM], *p = &f->win[H_PREF];
	uint16_t bdf = f->pub.bdf;
	uint64_t last;

	/* Base above limit: closed. */
	cxb_h_cfg_write(host, bdf, BRIDGE_IO, 2, 0x00f0);
	cxb_h_cfg_write(host, bdf, BRIDGE_IO_HI, 4, 0);
	if (m->placed) {
		last = m->addr + m->size - 1;
		cxb_h_cfg_write(host, bdf, BRIDGE_MEM, 4,
				(m->addr >> 16 & 0xfff0) | (last & 0xfff00000));
	} else {
		cxb_h_cfg_write(host, bdf, BRIDGE_MEM, 4, 0x0000fff0);
	}
	if (p->placed) {
		last = p->addr + p->size - 1;
		cxb_h_cfg_write(host, bdf, BRIDGE_PREF, 4,
				(p->addr >> 16 & 0xfff0) | (last & 0xfff00000));
		cxb_h_cfg_write(host, bdf, BRIDGE_PREF_HI, 4, p->addr >> 32);
		cxb_h_cfg_write(host, bdf, BRIDGE_PREF_HI + 4, 4, last >> 32);
	} else {
		cxb_h_cfg_write(host, bdf, BRIDGE_PREF, 4, 0x0000fff0);
		cxb_h_cfg_write(host, bdf, BRIDGE_PREF_HI, 4, 0);
		cxb_h_cfg_write(host, bdf, BRIDGE_PREF_HI + 4, 4, 0);
	}
}

static void func_write(CxbHost *host, HFunc *f)
{
	bool all = true;

	for (unsigned i = 0; i < 6; i++) {
		const HBar *bar = &f->bar[i];

		if (bar->mem && !bar->placed)
			all = false;
		if (!bar->placed)
			continue;
		cxb_h_cfg_write(host, f->pub.bdf, 0x10 + 4 * i, 4, bar->addr);
		if (bar->is64)
			cxb_h_cfg_write(host, f->pub.bdf, 0x14 + 4 * i, 4, bar->addr >> 32);
	}
	if (f->bridge)
		window_write(host, f);
	/* A BAR without a place would answer at address 0. */
	cxb_h_cfg_write(host, f->pub.bdf, PCI_COMMAND, 2,
			PCI_COMMAND_MASTER | (all ? PCI_COMMAND_MEMORY : 0));
	for (unsigned i = 0; !all && i < 6; i++)
		f->bar[i].placed = false;
}

/* Memory is switched on for CXL functions and on the way to them; the rest of the machine is not ours. */
static void adopt(CxbHost *host)
{
	for (unsigned i = 0; i < host->funcs->len; i++) {
		HFunc *f = g_ptr_array_index(host->funcs, i);

		if (!f->dvsec_locator)
			continue;
		for (; f; f = f->parent) {
			uint32_t command = cxb_h_cfg(host, f->pub.bdf, PCI_COMMAND, 2);

			if (!(command & PCI_COMMAND_MEMORY))
				cxb_h_cfg_write(host, f->pub.bdf, PCI_COMMAND, 2,
						command | PCI_COMMAND_MEMORY);
		}
	}
}

void cxb_h_place(CxbHost *host)
{
	g_autoptr(GArray) low = g_array_new(false, false, sizeof(Item));
	g_autoptr(GArray) high = g_array_new(false, false, sizeof(Item));
	g_autoptr(GArray) low_win = g_array_new(false, false, sizeof(Item));
	g_autoptr(GArray) high_win = g_array_new(false, false, sizeof(Item));

	if (cxb_h_adopts(host)) {
		adopt(host);
		return;
	}
	for (unsigned i = 0; i < host->funcs->len; i++) {
		HFunc *f = g_ptr_array_index(host->funcs, i);

		if (f->bridge)
			pref_find(host, f);
	}
	for (unsigned i = 0; i < host->funcs->len; i++) {
		HFunc *f = g_ptr_array_index(host->funcs, i);

		if (f->parent)
			continue;
		for (int b = 0; b < 6; b++)
			if (f->bar[b].mem)
				add_item(f->bar[b].is64 ? high : low, f, b, f->bar[b].size,
					 f->bar[b].size);
		if (!f->bridge)
			continue;
		windows_size(f);
		if (f->win[H_MEM].size)
			add_item(low_win, f, -1, f->win[H_MEM].size, f->win[H_MEM].align);
		if (f->win[H_PREF].size)
			add_item(high_win, f, -1, f->win[H_PREF].size, f->win[H_PREF].align);
	}
	/* What can only be low takes its place first. */
	put_all(host, low_win, H_MEM, &host->pci32, NULL);
	put_all(host, low, H_MEM, &host->pci32, NULL);
	put_all(host, high_win, H_PREF, &host->pci64, NULL);
	put_all(host, high, H_MEM, &host->pci64, &host->pci32);
	for (unsigned i = 0; i < host->funcs->len; i++)
		func_write(host, g_ptr_array_index(host->funcs, i));
}

bool cxb_h_func_reset(CxbHost *host, HFunc *f)
{
	const uint16_t bdf = f->pub.bdf;

	/* What somebody else has placed only they can put back. */
	if (cxb_h_adopts(host) || !f->pcie || f->bridge ||
	    !(cxb_h_cfg(host, bdf, f->pcie + PCIE_DEV_CAP, 4) & PCIE_DEV_CAP_FLR))
		return false;
	f->control = cxb_h_cfg(host, bdf, f->pcie + PCIE_DEV_CTL, 2);
	cxb_h_cfg_write(host, bdf, PCI_COMMAND, 2, 0);
	cxb_h_cfg_write(host, bdf, f->pcie + PCIE_DEV_CTL, 2, f->control | PCIE_DEV_CTL_FLR);
	return true;
}

void cxb_h_func_restore(CxbHost *host, HFunc *f)
{
	cxb_h_cfg_write(host, f->pub.bdf, f->pcie + PCIE_DEV_CTL, 2, f->control);
	func_write(host, f);
}

void cxb_h_locate(CxbHost *host, HFunc *f)
{
	unsigned len, at = f->dvsec_locator;

	if (!at)
		return;
	len = cxb_h_cfg(host, f->pub.bdf, at + 4, 4) >> 20;
	for (unsigned off = 0x0c; off + 8 <= len && at + off + 8 <= 0x1000; off += 8) {
		uint32_t lo = cxb_h_cfg(host, f->pub.bdf, at + off, 4);
		uint64_t offset = (uint64_t)cxb_h_cfg(host, f->pub.bdf, at + off + 4, 4) << 32 |
				  (lo & WIRE_LOCATOR_OFFSET);
		unsigned bir = FIELD_GET(WIRE_LOCATOR_BIR, lo);
		unsigned id = FIELD_GET(WIRE_LOCATOR_ID, lo);
		const HBar *bar = bir < 6 ? &f->bar[bir] : NULL;

		if (id != WIRE_BLOCK_COMPONENT && id != WIRE_BLOCK_DEVICE)
			continue;
		if (!bar || !bar->placed || offset >= bar->size) {
			cxb_h_say(host, "%02x:%02x.%x: register block %u lies in no BAR: ignored",
				  f->pub.bdf >> 8, f->pub.bdf >> 3 & 0x1f, f->pub.bdf & 7, id);
		} else if (id == WIRE_BLOCK_DEVICE && !f->dev) {
			f->dev = bar->addr + offset;
			f->dev_size = bar->size - offset;
		} else if (id == WIRE_BLOCK_COMPONENT && !f->comp &&
			   cxb_range_in(offset, WIRE_COMP_SIZE, bar->size)) {
			f->comp = bar->addr + offset;
		}
	}
}
