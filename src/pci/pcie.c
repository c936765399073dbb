/* SPDX-License-Identifier: Apache-2.0 */
/* The PCI Express capability of the functions a CXL hierarchy is made of. */
#include "internal.h"

/* What distinguishes the types. */
static const struct pcie_row {
	uint8_t type;
	bool slot;
	uint32_t dev_cap; /* b28: function level reset, b15 role-based errors, b5 extended tags */
	CxbPcieSpeed speed;
	CxbPcieWidth width;
	/* b17 interlock, hot plug (6, 5), indicators (4, 3), b1 power, b0 button */
	uint32_t slot_cap;
} rows[] = {
	{ PCIE_TYPE_ENDPOINT, false, 0x10008020, CXB_PCIE_32, CXB_PCIE_X16, 0 },
	{ PCIE_TYPE_ROOT_PORT, true, 0x00008020, CXB_PCIE_64, CXB_PCIE_X32, 0x0002007b },
	{ PCIE_TYPE_UPSTREAM, false, 0x10008020, CXB_PCIE_32, CXB_PCIE_X16, 0 },
	{ PCIE_TYPE_DOWNSTREAM, true, 0x10008020, CXB_PCIE_64, CXB_PCIE_X16, 0x00020079 },
};

/* Error reporting, relaxed ordering, payload size, extended tags, no snoop, read request size. */
#define DEV_CTL_MASK 0x79ff
#define DEV_STA_W1C  0x000f
/* ASPM, common clock, extended synch; ports also link disable. */
#define LINK_CTL_MASK      0x00c3
#define LINK_CTL_PORT_MASK (LINK_CTL_MASK | PCIE_LINK_CTL_OFF)
#define LINK_STA_PORT_W1C  0xc000
#define ROOT_CTL_MASK      0x000f
#define ROOT_STA_W1C       0x00010000
/* Extended format field and end-end prefixes; no ARI. */
#define DEV_CAP2      0x00300000
#define DEV_CTL2_MASK 0x8000

unsigned pcie_type(const CxbPciDev *dev)
{
	return FIELD_GET(PCIE_FLAGS_TYPE, cfg_get(dev, dev->pcie_cap + PCIE_FLAGS, 2));
}

bool pcie_is_port_above_link(const CxbPciDev *dev)
{
	return pcie_type(dev) == PCIE_TYPE_ROOT_PORT || pcie_type(dev) == PCIE_TYPE_DOWNSTREAM;
}

void cxb_pcie_add_cap(CxbPciDev *dev, uint8_t off, uint8_t type, uint8_t port)
{
	const struct pcie_row *row = NULL;

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
		if (rows[i].type == type)
			row = &rows[i];
	g_assert(row && !dev->pcie_cap);
	dev->pcie_cap = off = cxb_pci_add_cap(dev, PCI_CAP_PCIE, off, PCIE_CAP_LEN);
	cfg_put(dev, off + PCIE_FLAGS, 2,
		2 | FIELD_PREP(PCIE_FLAGS_TYPE, type) | (row->slot ? PCIE_FLAGS_SLOT : 0));
	cfg_put(dev, off + PCIE_DEV_CAP, 4,
		row->dev_cap & ~(dev->ext_tag ? 0 : PCIE_DEV_CAP_EXT_TAG));
	cfg_reg(dev, off + PCIE_DEV_CTL, 2, 0, DEV_CTL_MASK, 0);
	le_store(dev->link + off + PCIE_DEV_CTL, 2, PCIE_DEV_CTL_PAYLOAD);
	cfg_reg(dev, off + PCIE_DEV_STA, 2, 0, 0, DEV_STA_W1C);
	cfg_put(dev, off + PCIE_LINK_CAP, 4,
		(row->slot ? PCIE_LINK_CAP_NOTIFY : 0) | PCIE_LINK_CAP_L0S | (uint32_t)port << 24);
	cfg_reg(dev, off + PCIE_LINK_CTL, 2, 0, row->slot ? LINK_CTL_PORT_MASK : LINK_CTL_MASK, 0);
	/* What both ends of the link have agreed on (6.6.2). */
	le_store(dev->link + off + PCIE_LINK_CTL, 2, LINK_CTL_MASK);
	cfg_reg(dev, off + PCIE_LINK_STA, 2, 0, 0, row->slot ? LINK_STA_PORT_W1C : 0);
	if (row->slot) {
		uint16_t ctl = PCIE_SLOT_CTL_ABP | PCIE_SLOT_CTL_PFD | PCIE_SLOT_CTL_PDC |
			       PCIE_SLOT_CTL_CC | PCIE_SLOT_CTL_HPI | PCIE_SLOT_CTL_ATTN |
			       PCIE_SLOT_CTL_POWER | PCIE_SLOT_CTL_DLLSC;

		if (row->slot_cap & PCIE_SLOT_CAP_PCP)
			ctl |= PCIE_SLOT_CTL_OFF;
		cfg_put(dev, off + PCIE_SLOT_CAP, 4, row->slot_cap);
		cfg_reg(dev, off + PCIE_SLOT_CTL, 2, PCIE_SLOT_CTL_ATTN | PCIE_SLOT_CTL_POWER, ctl,
			0);
		cfg_reg(dev, off + PCIE_SLOT_STA, 2, 0, 0, PCIE_SLOT_STA_W1C);
	}
	if (type == PCIE_TYPE_ROOT_PORT) {
		cfg_reg(dev, off + PCIE_ROOT_CTL, 2, 0, ROOT_CTL_MASK, 0);
		cfg_reg(dev, off + PCIE_ROOT_STA, 4, 0, 0, ROOT_STA_W1C);
	}
	cfg_put(dev, off + PCIE_DEV_CAP2, 4, DEV_CAP2);
	cfg_reg(dev, off + PCIE_DEV_CTL2, 2, 0, DEV_CTL2_MASK, 0);
	cfg_reg(dev, off + PCIE_LINK_CTL2, 2, 0, 0xf, 0);
	le_store(dev->sticky + off + PCIE_LINK_CTL2, 2, 0xf);
	cxb_pcie_set_link(dev, row->speed, row->width);
}

const char *const cxb_pcie_speed_names[] = { "2_5", "5", "8", "16", "32", "64", NULL };
const char *const cxb_pcie_width_names[] = { "1", "2", "4", "8", "12", "16", "32", NULL };

void cxb_pcie_set_link(CxbPciDev *dev, CxbPcieSpeed speed, CxbPcieWidth width)
{
	static const uint8_t lanes[] = { 1, 2, 4, 8, 12, 16, 32 };
	const unsigned off = dev->pcie_cap, generation = speed + 1;
	const uint32_t both =
		FIELD_PREP(PCIE_LINK_SPEED, generation) | FIELD_PREP(PCIE_LINK_WIDTH, lanes[width]);
	uint32_t cap = cfg_get(dev, off + PCIE_LINK_CAP, 4);

	cap &= ~(PCIE_LINK_SPEED | PCIE_LINK_WIDTH | PCIE_LINK_CAP_DLLLA);
	/* A port tells whether the link is active from 5 GT/s on. */
	if (pcie_is_port_above_link(dev) && speed > CXB_PCIE_2_5)
		cap |= PCIE_LINK_CAP_DLLLA;
	cfg_put(dev, off + PCIE_LINK_CAP, 4, cap | both);
	cfg_put(dev, off + PCIE_LINK_STA, 2, both);
	/* Supported speeds, a bit for each generation from 1 on, were added with the third; a target
	 * with the second. */
	cfg_put(dev, off + PCIE_LINK_CAP2, 4, speed > CXB_PCIE_5 ? (2u << generation) - 2 : 0);
	cfg_put(dev, off + PCIE_LINK_CTL2, 2, speed > CXB_PCIE_2_5 ? generation : 0);
}

bool cxb_pcie_offer_flits(CxbPciDev *dev)
{
	const CxbPciDev *above = cxb_pci_dev_bus(dev)->bridge;

	dev->flits = pcie_is_port_above_link(dev) || (above && above->flits);
	if (dev->flits && !pcie_is_port_above_link(dev))
		cfg_put(dev, dev->pcie_cap + PCIE_LINK_STA2, 2, PCIE_LINK_STA2_FLITS);
	return dev->flits;
}

void cxb_pcie_set_slot(CxbPciDev *port, const CxbPcieSlot *slot)
{
	const unsigned off = port->pcie_cap;
	uint32_t cap = cfg_get(port, off + PCIE_SLOT_CAP, 4);

	g_assert(off && pcie_is_port_above_link(port) && slot->nr < 1u << 13);
	if (slot->fixed || slot->hides_hotplug)
		cap &= ~PCIE_SLOT_CAP_HOTPLUG;
	if (slot->always_on) {
		cap &= ~PCIE_SLOT_CAP_PCP;
		le_store(port->wmask + off + PCIE_SLOT_CTL, 2,
			 le_load(port->wmask + off + PCIE_SLOT_CTL, 2) & ~PCIE_SLOT_CTL_OFF);
	}
	port->slot_fixed = slot->fixed;
	cfg_put(port, off + PCIE_SLOT_CAP, 4,
		(cap & ~PCIE_SLOT_CAP_NR) | FIELD_PREP(PCIE_SLOT_CAP_NR, slot->nr));
}

void pcie_config_written(CxbPciDev *dev, const CxbCfgWrite *w)
{
	const unsigned cap = dev->pcie_cap;

	if (!cap || !(cfg_written16(w, cap + PCIE_DEV_CTL) & PCIE_DEV_CTL_FLR) || dev->secondary ||
	    !(cfg_get(dev, cap + PCIE_DEV_CAP, 4) & PCIE_DEV_CAP_FLR))
		return;
	CXB_MEMMAP_TXN(pci_host(dev)->mm);

	cxb_device_reset(&dev->dev, CXB_RESET_FUNCTION);
}
