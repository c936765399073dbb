/* SPDX-License-Identifier: Apache-2.0 */
/* Finding functions and giving out bus numbers: each root bus has those up to the next one. */
#include <string.h>

#include "base/range.h"
#include "priv.h"
#include "wire/pci.h"

#define PCI_COMMAND     0x04
#define PCI_HEADER_TYPE 0x0e
#define PCI_BUSES       0x18 /* primary, secondary, subordinate */
#define PCI_CAPS        0x34
#define CAP_MSI         0x05
#define CAP_PCIE        0x10
#define CAP_MSIX        0x11
#define EXT_CAP_SERIAL  0x0003

enum {
	TYPE_ENDPOINT = 0,
	TYPE_ROOT_PORT = 4,
	TYPE_UPSTREAM = 5,
	TYPE_DOWNSTREAM = 6,
	TYPE_RCIEP = 9
};

/* Kept in order of bus; a second structure for one bridge is ignored. */
void cxb_h_root_add(CxbHost *host, uint8_t bus, bool cxl, uint64_t comp)
{
	HRoot *root;
	unsigned i;

	for (i = 0; i < host->roots->len; i++) {
		root = g_ptr_array_index(host->roots, i);
		if (root->bus == bus && !root->cxl) {
			root->cxl = cxl;
			root->comp = comp;
			return;
		}
		if (root->bus == bus)
			return;
		if (root->bus > bus)
			break;
	}
	root = g_new0(HRoot, 1);
	root->bus = bus;
	root->cxl = cxl;
	root->comp = comp;
	root->funcs = g_ptr_array_new();
	g_ptr_array_insert(host->roots, i, root);
}

void cxb_h_root_free(HRoot *root)
{
	g_ptr_array_unref(root->funcs);
	cxb_h_hdm_fini(&root->hdm);
	g_free(root);
}

void cxb_h_func_free(HFunc *func)
{
	if (func->below)
		g_ptr_array_unref(func->below);
	cxb_h_hdm_fini(&func->hdm);
	g_free(func);
}

static const char *role(const HFunc *f)
{
	switch (f->port_type) {
	case TYPE_ROOT_PORT:
		return "root-port";
	case TYPE_UPSTREAM:
		return "upstream";
	case TYPE_DOWNSTREAM:
		return "downstream";
	case TYPE_ENDPOINT:
	case TYPE_ENDPOINT + 1: /* legacy */
	case TYPE_RCIEP:
		return "endpoint";
	default:
		return f->pub.class_code >> 8 == 0x0600 ? "host-bridge" : "other";
	}
}

static void caps_find(CxbHost *host, HFunc *f)
{
	uint16_t bdf = f->pub.bdf;
	unsigned at = cxb_h_cfg(host, bdf, PCI_CAPS, 1) & 0xfc;

	f->port_type = -1;
	if (!(cxb_h_cfg(host, bdf, 0x06, 2) & 0x10))
		return;
	/* Bounded: the list of a broken device may be a ring. */
	for (unsigned i = 0; i < 48 && at >= 0x40; i++) {
		uint32_t hdr = cxb_h_cfg(host, bdf, at, 4);

		switch (hdr & 0xff) {
		case CAP_MSI:
			f->msi = at;
			break;
		case CAP_MSIX:
			f->msix = at;
			break;
		case CAP_PCIE:
			if (at > 0xf0)
				break;
			f->pcie = at;
			f->port_type = hdr >> 20 & 0xf;
			f->port_number = cxb_h_cfg(host, bdf, at + 0x0c, 4) >> 24;
			break;
		}
		at = hdr >> 8 & 0xfc;
	}
}

static void dvsec_note(CxbHost *host, HFunc *f, unsigned at)
{
	uint16_t bdf = f->pub.bdf;
	uint32_t hdr = cxb_h_cfg(host, bdf, at + 4, 4);
	unsigned len = hdr >> 20, id = cxb_h_cfg(host, bdf, at + 8, 2);

	if ((hdr & 0xffff) != WIRE_CXL_VENDOR_ID || at + len > 0x1000)
		return;
	if (id == WIRE_DVSEC_DEVICE && len >= WIRE_DVSEC_BODY + 4 && !f->dvsec_device)
		f->dvsec_device = at;
	if (id == WIRE_DVSEC_LOCATOR && len >= WIRE_DVSEC_LOCATOR_LEN(1) && !f->dvsec_locator)
		f->dvsec_locator = at;
}

static void ext_caps_find(CxbHost *host, HFunc *f)
{
	uint16_t bdf = f->pub.bdf;
	unsigned at = 0x100;

	if (f->port_type < 0)
		return;
	for (unsigned i = 0; i < 128 && at >= 0x100 && at <= 0xff4; i++) {
		uint32_t hdr = cxb_h_cfg(host, bdf, at, 4);

		if (hdr == 0 || hdr == UINT32_MAX)
			return;
		if ((hdr & 0xffff) == EXT_CAP_SERIAL)
			f->serial = cxb_h_cfg(host, bdf, at + 4, 4) |
				    (uint64_t)cxb_h_cfg(host, bdf, at + 8, 4) << 32;
		if ((hdr & 0xffff) == WIRE_EXT_CAP_DOE && at <= 0x1000 - H_DOE_LEN &&
		    f->n_does < H_MAX_DOES)
			f->doe[f->n_does++] = at;
		if ((hdr & 0xffff) == WIRE_EXT_CAP_DVSEC)
			dvsec_note(host, f, at);
		at = hdr >> 20 & 0xffc;
	}
}

/* As the operating system has placed them. */
static void bars_take(CxbHost *host, HFunc *f)
{
	for (unsigned i = 0; i < (f->bridge ? 2 : 6); i++) {
		CxbBusRange range = cxb_h_bar(host, f->pub.bdf, i);
		HBar *bar = &f->bar[i];

		if (!range.size || !cxb_range_valid(range.base, range.size))
			continue;
		bar->addr = range.base;
		bar->size = range.size;
		bar->mem = bar->placed = true;
	}
}

static void bars_size(CxbHost *host, HFunc *f)
{
	uint16_t bdf = f->pub.bdf;
	unsigned count = f->bridge ? 2 : 6;

	/* Nothing answers while the BARs hold all ones. */
	cxb_h_cfg_write(host, bdf, PCI_COMMAND, 2, 0);
	for (unsigned i = 0; i < count; i++) {
		HBar *bar = &f->bar[i];
		unsigned off = 0x10 + 4 * i;
		uint32_t lo, hi = UINT32_MAX;
		uint64_t mask;

		cxb_h_cfg_write(host, bdf, off, 4, UINT32_MAX);
		lo = cxb_h_cfg(host, bdf, off, 4);
		cxb_h_cfg_write(host, bdf, off, 4, 0);
		if (lo == 0 || lo == UINT32_MAX || (lo & 1))
			continue; /* none, or I/O: not used */
		bar->is64 = (lo >> 1 & 3) == 2 && i + 1 < count;
		bar->pref = lo & 8;
		if (bar->is64) {
			cxb_h_cfg_write(host, bdf, off + 4, 4, UINT32_MAX);
			hi = cxb_h_cfg(host, bdf, off + 4, 4);
			cxb_h_cfg_write(host, bdf, off + 4, 4, 0);
			i++;
		}
		mask = (uint64_t)hi << 32 | (lo & ~0xfu);
		bar->size = ~mask + 1;
		bar->mem =
			bar->size && (bar->size & (bar->size - 1)) == 0 && bar->size <= H_MAX_BAR;
		if (!bar->mem)
			cxb_h_say(host,
				  "%02x:%02x.%x: BAR %u of 0x%" G_GINT64_MODIFIER
				  "x bytes: ignored",
				  bdf >> 8, bdf >> 3 & 0x1f, bdf & 7, (unsigned)(bar - f->bar),
				  bar->size);
	}
}

/* Decoders target a number: of two ports that have the same one, only the first is led to. */
static void number_check(CxbHost *host, HFunc *f, const GPtrArray *siblings)
{
	if (f->port_type != TYPE_ROOT_PORT && f->port_type != TYPE_DOWNSTREAM)
		return;
	for (unsigned i = 0; i < siblings->len; i++) {
		const HFunc *other = g_ptr_array_index(siblings, i);

		if (other->port_type != f->port_type || other->port_number != f->port_number)
			continue;
		cxb_h_say(host, "%02x:%02x.%x: port number %u is that of %02x:%02x.%x too",
			  f->pub.bdf >> 8, f->pub.bdf >> 3 & 0x1f, f->pub.bdf & 7, f->port_number,
			  other->pub.bdf >> 8, other->pub.bdf >> 3 & 0x1f, other->pub.bdf & 7);
		f->number_clash = true;
		return;
	}
}

static HFunc *func_add(CxbHost *host, HRoot *root, HFunc *parent, uint16_t bdf, uint32_t id)
{
	HFunc *f = g_new0(HFunc, 1);

	f->root = root;
	f->parent = parent;
	f->pub.bdf = bdf;
	f->pub.vendor = id;
	f->pub.device = id >> 16;
	f->pub.class_code = cxb_h_cfg(host, bdf, 0x08, 4) >> 8;
	f->pub.depth = parent ? parent->pub.depth + 1 : 0;
	f->bridge = (cxb_h_cfg(host, bdf, PCI_HEADER_TYPE, 1) & 0x7f) == 1;
	caps_find(host, f);
	ext_caps_find(host, f);
	if (cxb_h_adopts(host))
		bars_take(host, f);
	else
		bars_size(host, f);
	f->pub.role = role(f);
	if (!parent && f->port_type == TYPE_ROOT_PORT)
		root->root_ports++;
	number_check(host, f, parent ? parent->below : root->funcs);
	g_ptr_array_add(host->funcs, f);
	g_ptr_array_add(parent ? parent->below : root->funcs, f);
	return f;
}

static void scan_bus(CxbHost *host, HRoot *root, HFunc *parent, unsigned bus);

/* A number that somebody else gave out leads further down once, or not at all. */
static void scan_bridge_adopted(CxbHost *host, HRoot *root, HFunc *f, unsigned bus)
{
	unsigned below = cxb_h_cfg(host, f->pub.bdf, PCI_BUSES + 1, 1);

	f->below = g_ptr_array_new();
	if (below <= bus || below > root->last_bus || host->bus_seen[below])
		return;
	host->bus_seen[below] = true;
	f->bus_below = below;
	f->last_below = cxb_h_cfg(host, f->pub.bdf, PCI_BUSES + 2, 1);
	scan_bus(host, root, f, below);
}

/* Numbers below a bridge: the next free one, and as many as turn out to be needed. */
static void scan_bridge(CxbHost *host, HRoot *root, HFunc *f, unsigned bus)
{
	f->below = g_ptr_array_new();
	if (root->next_bus > root->last_bus) {
		cxb_h_say(host, "%02x:%02x.%x: no bus number left behind it", f->pub.bdf >> 8,
			  f->pub.bdf >> 3 & 0x1f, f->pub.bdf & 7);
		return;
	}
	f->bus_below = root->next_bus++;
	cxb_h_cfg_write(host, f->pub.bdf, PCI_BUSES, 4,
			bus | f->bus_below << 8 | root->last_bus << 16);
	scan_bus(host, root, f, f->bus_below);
	f->last_below = root->next_bus - 1;
	cxb_h_cfg_write(host, f->pub.bdf, PCI_BUSES, 4,
			bus | f->bus_below << 8 | f->last_below << 16);
}

static void scan_bus(CxbHost *host, HRoot *root, HFunc *parent, unsigned bus)
{
	/* Behind a link there is one device. */
	unsigned devices = parent && (parent->port_type == TYPE_ROOT_PORT ||
				      parent->port_type == TYPE_DOWNSTREAM)
				   ? 1
				   : 32;

	for (unsigned slot = 0; slot < devices; slot++) {
		unsigned functions = 1;

		for (unsigned fn = 0; fn < functions; fn++) {
			uint16_t bdf = CXB_BDF(bus, slot, fn);
			uint32_t id = cxb_h_cfg(host, bdf, 0, 4);
			HFunc *f;

			if ((id & 0xffff) == 0xffff || (id & 0xffff) == 0)
				continue;
			if (host->lost || host->funcs->len >= H_MAX_FUNCTIONS)
				return;
			if (fn == 0 && cxb_h_cfg(host, bdf, PCI_HEADER_TYPE, 1) & 0x80)
				functions = 8;
			f = func_add(host, root, parent, bdf, id);
			if (f->bridge && cxb_h_adopts(host))
				scan_bridge_adopted(host, root, f, bus);
			else if (f->bridge)
				scan_bridge(host, root, f, bus);
		}
	}
}

void cxb_h_enumerate(CxbHost *host, HRoot *root)
{
	unsigned last = host->mcfg_last_bus;

	for (unsigned i = 0; i < host->roots->len; i++) {
		const HRoot *other = g_ptr_array_index(host->roots, i);

		if (other->bus > root->bus) {
			last = MIN(last, other->bus - 1u);
			break;
		}
	}
	root->last_bus = MAX(last, root->bus);
	root->next_bus = root->bus + 1u;
	scan_bus(host, root, NULL, root->bus);
	if (host->funcs->len >= H_MAX_FUNCTIONS)
		cxb_h_say(host, "more than %u functions: the rest is ignored", H_MAX_FUNCTIONS);
}
