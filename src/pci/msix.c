/* SPDX-License-Identifier: Apache-2.0 */
/* MSI-X (PCIe 6.0 7.7.2): table and pending bits in a BAR of their own; those of a function that is
 * elsewhere are in whatever BARs it says. */
#include "base/range.h"
#include "internal.h"

#define VECTORS_MAX 2048
#define ENTRY_SIZE  16
#define ENTRY_DATA  8
#define ENTRY_CTL   12
#define CTL_MASKED  1u

#define MSIX_CAP_LEN 0xc

struct CxbMsix {
	CxbPciDev *dev;
	unsigned vectors;
	uint8_t cap;
	unsigned table_bar, pba_bar;
	uint32_t table_off, table_len;
	uint32_t pba_off, pba_len;
	uint8_t *table;    /* vectors entries */
	uint8_t *pba;      /* one bit a vector, whole 64-bit words */
	CxbRegion *region; /* NULL: the BARs are somebody else's */
};

static uint16_t msix_ctl(const CxbMsix *m)
{
	return cfg_get(m->dev, m->cap + PCI_MSIX_CTL, 2);
}

/* The table of a function that is served elsewhere is, too. */
static bool masked(const CxbMsix *m, unsigned v)
{
	return !m->dev->server && le_load(m->table + v * ENTRY_SIZE + ENTRY_CTL, 4) & CTL_MASKED;
}

static bool pending(const CxbMsix *m, unsigned v)
{
	return m->pba[v / 8] >> (v % 8) & 1;
}

static void set_pending(CxbMsix *m, unsigned v)
{
	m->pba[v / 8] |= 1u << (v % 8);
}

static void send(CxbMsix *m, unsigned v)
{
	const uint8_t *e = m->table + v * ENTRY_SIZE;

	if (!m->dev->server)
		pci_msi_send(m->dev, le_load(e, 8), le_load(e + ENTRY_DATA, 4));
	else if (!m->dev->server->interrupt(m->dev->server->opaque, true, v))
		set_pending(m, v);
}

/* Deliver what waits for vectors [first, last), if it may go now. */
static void flush(CxbMsix *m, unsigned first, unsigned last)
{
	for (unsigned v = first; v < last; v++) {
		/* Looked at anew for each: a message may come back as a write to these registers. */
		const uint16_t ctl = msix_ctl(m);

		if (!(ctl & PCI_MSIX_CTL_ENABLE) || (ctl & PCI_MSIX_CTL_FMASK) ||
		    !pci_master(m->dev))
			return;
		if (pending(m, v) && !masked(m, v)) {
			m->pba[v / 8] &= ~(1u << (v % 8));
			send(m, v);
		}
	}
}

static bool in_table(const CxbMsix *m, uint64_t off, unsigned size)
{
	return cxb_range_within(off, size, m->table_off, m->table_len);
}

static bool in_pba(const CxbMsix *m, uint64_t off, unsigned size)
{
	return cxb_range_within(off, size, m->pba_off, m->pba_len);
}

static CxbMemResult region_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	const CxbMsix *m = opaque;

	*val = 0;
	if (in_table(m, off, size))
		*val = le_load(m->table + (off - m->table_off), size);
	else if (in_pba(m, off, size))
		*val = le_load(m->pba + (off - m->pba_off), size);
	return CXB_MEM_OK;
}

static void write_dword(CxbMsix *m, uint32_t off, uint32_t val)
{
	if (off % ENTRY_SIZE == 0)
		val &= ~3u;
	else if (off % ENTRY_SIZE == ENTRY_CTL)
		val &= CTL_MASKED;
	le_store(m->table + off, 4, val);
}

static void table_write(CxbMsix *m, uint64_t off, unsigned size, uint64_t val)
{
	uint32_t in;

	if (size < 4) {
		cxb_guest_error("pci: %s: %u-byte write to the MSI-X table ignored",
				m->dev->dev.obj.type->name, size);
		return;
	}
	in = off - m->table_off;
	for (unsigned i = 0; i < size; i += 4)
		write_dword(m, in + i, val >> (8 * i));
	flush(m, in / ENTRY_SIZE, in / ENTRY_SIZE + 1);
}

static CxbMemResult region_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	/* Pending bits are read-only, the rest is not there. */
	if (in_table(opaque, off, size))
		table_write(opaque, off, size, val);
	return CXB_MEM_OK;
}

static const CxbRegionOps region_ops = { .read = region_read, .write = region_write };

static bool layout_ok(const CxbMsix *m, uint32_t bar_size)
{
	return bar_size >= 16 && !(bar_size & (bar_size - 1)) && bar_size <= 1u << 31 &&
	       m->table_off % 8 == 0 && m->pba_off % 8 == 0 &&
	       cxb_range_in(m->table_off, m->table_len, bar_size) &&
	       cxb_range_in(m->pba_off, m->pba_len, bar_size) &&
	       !cxb_ranges_overlap(m->table_off, m->table_len, m->pba_off, m->pba_len);
}

bool cxb_msix_init(CxbPciDev *dev, unsigned vectors, unsigned bar, uint32_t bar_size,
		   uint32_t table_off, uint32_t pba_off, uint8_t cap_off, GError **errp)
{
	CxbMsix *m;

	if (!vectors || vectors > VECTORS_MAX)
		return cxb_fail(errp, CXB_ERROR_INVALID, "%u MSI-X vectors are not 1 to %u",
				vectors, VECTORS_MAX);
	g_assert(!dev->msix);
	m = g_new0(CxbMsix, 1);
	m->dev = dev;
	m->vectors = vectors;
	m->table_off = table_off;
	m->table_len = vectors * ENTRY_SIZE;
	m->pba_off = pba_off;
	m->pba_len = (vectors + 63) / 64 * 8;
	m->table_bar = m->pba_bar = bar;
	if (!layout_ok(m, bar_size)) {
		g_free(m);
		return cxb_fail(
			errp, CXB_ERROR_INVALID,
			"MSI-X table and pending bits of %u vectors do not fit at 0x%x and 0x%x "
			"of a BAR of 0x%x bytes",
			vectors, table_off, pba_off, bar_size);
	}
	m->table = g_malloc0(m->table_len);
	m->pba = g_malloc0(m->pba_len);
	m->region = cxb_region_new_io("msix", bar_size, &region_ops, m);
	m->cap = cxb_pci_add_cap(dev, PCI_CAP_MSIX, cap_off, MSIX_CAP_LEN);
	cfg_reg(dev, m->cap + PCI_MSIX_CTL, 2, vectors - 1,
		PCI_MSIX_CTL_ENABLE | PCI_MSIX_CTL_FMASK, 0);
	cfg_put(dev, m->cap + PCI_MSIX_TABLE, 4, table_off | bar);
	cfg_put(dev, m->cap + PCI_MSIX_PBA, 4, pba_off | bar);
	dev->msix = m;
	msix_reset(dev);
	cxb_pci_add_bar(dev, bar, m->region, false, false);
	return true;
}

/* --- of a function that is elsewhere --- */

static bool part_ok(const CxbMsix *m, unsigned bar, uint32_t off, uint32_t len)
{
	return bar < CXB_PCI_BARS && m->dev->bars[bar].region &&
	       cxb_range_in(off, len, m->dev->bars[bar].size);
}

bool msix_adopt(CxbPciDev *dev, uint8_t cap, GError **errp)
{
	const uint32_t table = cfg_get(dev, cap + PCI_MSIX_TABLE, 4);
	const uint32_t pba = cfg_get(dev, cap + PCI_MSIX_PBA, 4);
	const uint16_t ctl = cfg_get(dev, cap + PCI_MSIX_CTL, 2);
	CxbMsix *m;

	if (dev->msix || cap > CXB_PCI_CONFIG_SIZE - MSIX_CAP_LEN)
		return cxb_fail(errp, CXB_ERROR_INVALID, "MSI-X capability at 0x%x makes no sense",
				cap);
	m = dev->msix = g_new0(CxbMsix, 1);
	m->dev = dev;
	m->cap = cap;
	m->vectors = (ctl & (VECTORS_MAX - 1)) + 1;
	m->table_bar = table & 7;
	m->table_off = table & ~7u;
	m->table_len = m->vectors * ENTRY_SIZE;
	m->pba_bar = pba & 7;
	m->pba_off = pba & ~7u;
	m->pba_len = (m->vectors + 63) / 64 * 8;
	m->table = g_malloc0(m->table_len);
	m->pba = g_malloc0(m->pba_len);
	if (!part_ok(m, m->table_bar, m->table_off, m->table_len) ||
	    !part_ok(m, m->pba_bar, m->pba_off, m->pba_len) ||
	    (m->table_bar == m->pba_bar &&
	     cxb_ranges_overlap(m->table_off, m->table_len, m->pba_off, m->pba_len)))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"MSI-X table and pending bits of %u vectors do not fit at 0x%x of "
				"BAR %u and 0x%x of BAR %u",
				m->vectors, m->table_off, m->table_bar, m->pba_off, m->pba_bar);
	cfg_reg(dev, cap + PCI_MSIX_CTL, 2, ctl & ~(PCI_MSIX_CTL_ENABLE | PCI_MSIX_CTL_FMASK),
		PCI_MSIX_CTL_ENABLE | PCI_MSIX_CTL_FMASK, 0);
	cxb_pci_emulate(dev, cap + PCI_MSIX_CTL, MSIX_CAP_LEN - PCI_MSIX_CTL);
	msix_reset(dev);
	return true;
}

bool cxb_msix_table_at(const CxbPciDev *dev, unsigned bar, uint64_t off, unsigned size)
{
	return dev->msix && dev->msix->table_bar == bar && in_table(dev->msix, off, size);
}

uint64_t cxb_msix_table_read(const CxbPciDev *dev, uint64_t off, unsigned size)
{
	return le_load(dev->msix->table + (off - dev->msix->table_off), size);
}

unsigned cxb_msix_table_write(CxbPciDev *dev, uint64_t off, unsigned size, uint64_t val)
{
	table_write(dev->msix, off, size, val);
	return (off - dev->msix->table_off) / ENTRY_SIZE;
}

uint64_t cxb_msix_pending(const CxbPciDev *dev, unsigned bar, uint64_t off, unsigned size)
{
	const CxbMsix *m = dev->msix;

	return m && m->pba_bar == bar && in_pba(m, off, size)
		       ? le_load(m->pba + (off - m->pba_off), size)
		       : 0;
}

bool cxb_msix_traps(const CxbPciDev *dev, unsigned i, unsigned bar, uint64_t *off, uint64_t *len)
{
	const CxbMsix *m = dev->msix;

	if (!m || bar != (i ? m->pba_bar : m->table_bar))
		return false;
	*off = i ? m->pba_off : m->table_off;
	*len = i ? m->pba_len : m->table_len;
	return true;
}

bool cxb_msix_enabled(const CxbPciDev *dev)
{
	return dev->msix && (msix_ctl(dev->msix) & PCI_MSIX_CTL_ENABLE);
}

bool cxb_msix_open(const CxbPciDev *dev, unsigned vector)
{
	return cxb_msix_enabled(dev) && !masked(dev->msix, vector);
}

void msix_free(CxbPciDev *dev)
{
	CxbMsix *m = g_steal_pointer(&dev->msix);

	if (!m)
		return;
	cxb_region_free(m->region);
	g_free(m->table);
	g_free(m->pba);
	g_free(m);
}

void msix_reset(CxbPciDev *dev)
{
	CxbMsix *m = dev->msix;

	if (!m)
		return;
	memset(m->table, 0, m->table_len);
	memset(m->pba, 0, m->pba_len);
	for (unsigned v = 0; v < m->vectors; v++)
		le_store(m->table + v * ENTRY_SIZE + ENTRY_CTL, 4, CTL_MASKED);
}

bool msix_notify(CxbPciDev *dev, unsigned vector)
{
	CxbMsix *m = dev->msix;

	if (!m || !(msix_ctl(m) & PCI_MSIX_CTL_ENABLE))
		return false;
	if (vector >= m->vectors) {
		cxb_guest_error("pci: %s: MSI-X vector %u of %u", dev->dev.obj.type->name, vector,
				m->vectors);
		return true;
	}
	if ((msix_ctl(m) & PCI_MSIX_CTL_FMASK) || masked(m, vector))
		set_pending(m, vector);
	else
		send(m, vector);
	return true;
}

void msix_config_written(CxbPciDev *dev, const CxbCfgWrite *w)
{
	CxbMsix *m = dev->msix;

	if (m && (cfg_touches(w, m->cap + PCI_MSIX_CTL, 2) || cfg_touches(w, PCI_COMMAND, 1)))
		flush(m, 0, m->vectors);
}

unsigned cxb_msix_vectors(const CxbPciDev *dev)
{
	return dev->msix ? dev->msix->vectors : 0;
}

void msix_flush(CxbPciDev *dev, unsigned first, unsigned n)
{
	if (dev->msix && cxb_range_in(first, n, dev->msix->vectors))
		flush(dev->msix, first, first + n);
}
