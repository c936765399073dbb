/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slot and link below a root or downstream port (PCIe 6.0 6.7, 7.5.3.8 to 7.5.3.11): presence,
 * negotiated link, hot-plug events, and the handshake by which a host lets a device go.
 */
#include "internal.h"

static bool has_slot(const CxbPciDev *dev)
{
	return dev->pcie_cap && dev->secondary && pcie_is_port_above_link(dev);
}

static uint32_t slot_get(const CxbPciDev *port, unsigned reg, unsigned size)
{
	return cfg_get(port, port->pcie_cap + reg, size);
}

static void slot_set(CxbPciDev *port, unsigned reg, uint16_t clear, uint16_t set)
{
	cfg_put(port, port->pcie_cap + reg, 2, (slot_get(port, reg, 2) & ~clear) | set);
}

static const CxbPciDev *below(const CxbPciDev *port)
{
	return port->secondary->functions[0];
}

/* What both ends can do. One that says nothing of it, as a function that is passed through may, does what
 * the port can: a link of no lanes would not have trained. */
static uint32_t common(uint32_t own, uint32_t other)
{
	return other ? MIN(own, other) : own;
}

/* Without a partner the port's own best, and not active. */
static void link_train(CxbPciDev *port)
{
	const uint32_t own = slot_get(port, PCIE_LINK_CAP, 4);
	const CxbPciDev *dev = below(port);
	const bool flits = dev && port->flits && dev->flits;
	uint32_t speed = own & PCIE_LINK_SPEED, width = own & PCIE_LINK_WIDTH;

	if (dev && dev->pcie_cap) {
		const uint32_t other = cfg_get(dev, dev->pcie_cap + PCIE_LINK_CAP, 4);

		speed = common(speed, other & PCIE_LINK_SPEED);
		width = common(width, other & PCIE_LINK_WIDTH);
	}
	slot_set(port, PCIE_LINK_STA, PCIE_LINK_SPEED | PCIE_LINK_WIDTH | PCIE_LINK_STA_ACTIVE,
		 speed | width | (dev && !port->link_off ? PCIE_LINK_STA_ACTIVE : 0));
	slot_set(port, PCIE_LINK_STA2, PCIE_LINK_STA2_FLITS, flits ? PCIE_LINK_STA2_FLITS : 0);
	if (pci_class(port)->link_trained)
		pci_class(port)->link_trained(port, flits);
}

/* Which events are both there and asked for; 0 if hot-plug interrupts are off. */
static uint16_t events(const CxbPciDev *port)
{
	const uint16_t ctl = slot_get(port, PCIE_SLOT_CTL, 2),
		       sta = slot_get(port, PCIE_SLOT_STA, 2);

	if (!(ctl & PCIE_SLOT_CTL_HPI))
		return 0;
	return (sta & ctl & 0x1f) | (ctl & PCIE_SLOT_CTL_DLLSC ? sta & PCIE_SLOT_STA_DLLSC : 0);
}

/* A message goes out when there begins to be something to report. */
static void signal_events(CxbPciDev *port)
{
	const bool now = events(port);

	if (now && !port->slot_irq) {
		port->slot_irq = true;
		cxb_pci_notify(port, FIELD_GET(PCIE_FLAGS_MSG, slot_get(port, PCIE_FLAGS, 2)));
	}
	port->slot_irq = now;
}

static void slot_event(CxbPciDev *port, uint16_t sta)
{
	if ((slot_get(port, PCIE_SLOT_STA, 2) & sta) == sta)
		return;
	slot_set(port, PCIE_SLOT_STA, 0, sta);
	signal_events(port);
}

static bool can_cut(const CxbPciDev *port)
{
	return slot_get(port, PCIE_SLOT_CAP, 4) & PCIE_SLOT_CAP_PCP;
}

/* Presence, link and power as they are when power comes on. */
static void slot_power_on(CxbPciDev *port)
{
	const bool present = below(port);

	slot_set(port, PCIE_SLOT_CTL, PCIE_SLOT_CTL_OFF,
		 PCIE_SLOT_CTL_ATTN | PCIE_SLOT_CTL_POWER |
			 (!present && can_cut(port) ? PCIE_SLOT_CTL_OFF : 0));
	slot_set(port, PCIE_SLOT_STA, PCIE_SLOT_STA_PRES, present ? PCIE_SLOT_STA_PRES : 0);
	link_train(port);
}

void pcie_slot_plugged(CxbPciDev *port, bool hotplugged)
{
	if (!has_slot(port) || !below(port))
		return;
	if (!hotplugged) {
		slot_power_on(port);
		return;
	}
	link_train(port);
	slot_set(port, PCIE_SLOT_STA, 0, PCIE_SLOT_STA_PRES);
	/* Who puts a device in presses the button, too: please switch it on. */
	slot_event(port, PCIE_SLOT_STA_PDC | PCIE_SLOT_STA_ABP);
}

void pcie_slot_unplugged(CxbPciDev *port)
{
	if (!has_slot(port) || below(port) ||
	    !(slot_get(port, PCIE_SLOT_STA, 2) & PCIE_SLOT_STA_PRES))
		return;
	link_train(port);
	slot_set(port, PCIE_SLOT_STA, PCIE_SLOT_STA_PRES, 0);
	slot_event(port, PCIE_SLOT_STA_PDC);
}

void pcie_slot_reset(CxbPciDev *port)
{
	if (!has_slot(port))
		return;
	port->slot_irq = port->link_off = false;
	slot_power_on(port);
}

static bool power_cut(const CxbPciDev *port, uint16_t ctl)
{
	return can_cut(port) && (ctl & PCIE_SLOT_CTL_OFF);
}

/* Indicator off, and power cut where that is possible. */
static bool switched_off(const CxbPciDev *port, uint16_t ctl)
{
	return (ctl & PCIE_SLOT_CTL_POWER) == PCIE_SLOT_CTL_POWER &&
	       (!can_cut(port) || power_cut(port, ctl));
}

bool pcie_slot_is_up(const CxbPciDev *port)
{
	return !has_slot(port) ||
	       (!port->link_off && !power_cut(port, slot_get(port, PCIE_SLOT_CTL, 2)));
}

bool pcie_slot_hotplugs(const CxbPciDev *port, const char *what, GError **errp)
{
	return !has_slot(port) || (slot_get(port, PCIE_SLOT_CAP, 4) & PCIE_SLOT_CAP_HPC) ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"Hot-%s failed: unsupported by the port device '%s'", what,
			port->dev.id ?: "");
}

bool cxb_pcie_slot_can_unplug(const CxbPciDev *port, GError **errp)
{
	return pcie_slot_hotplugs(port, "unplug", errp);
}

bool cxb_pcie_slot_eject_request(CxbPciDev *port)
{
	if (!has_slot(port) ||
	    (slot_get(port, PCIE_SLOT_CTL, 2) & PCIE_SLOT_CTL_POWER) == PCIE_SLOT_CTL_POWER)
		return false;
	slot_event(port, PCIE_SLOT_STA_ABP);
	return true;
}

void pcie_slot_config_written(CxbPciDev *dev, const CxbCfgWrite *w)
{
	CxbPciHost *host;
	unsigned ctl_reg;
	uint16_t was, now;

	if (!has_slot(dev) || !cfg_touches(w, dev->pcie_cap + PCIE_SLOT_CTL, 4))
		return;
	ctl_reg = dev->pcie_cap + PCIE_SLOT_CTL;
	if (!cfg_touches(w, ctl_reg, 2)) {
		signal_events(dev);
		return;
	}
	if (cfg_written16(w, ctl_reg) & PCIE_SLOT_CTL_LOCK)
		slot_set(dev, PCIE_SLOT_STA, PCIE_SLOT_STA_LOCK,
			 ~slot_get(dev, PCIE_SLOT_STA, 2) & PCIE_SLOT_STA_LOCK);
	was = cfg_old16(dev, w, ctl_reg);
	now = cfg_get(dev, ctl_reg, 2);
	host = pci_host(dev);
	if (below(dev) && switched_off(dev, now) && !switched_off(dev, was) && host->eject)
		host->eject(host->eject_opaque, dev);
	if (power_cut(dev, now) != power_cut(dev, was)) {
		host->routes_stale = true;
		if (power_cut(dev, now))
			pci_bridge_reset_below(dev, CXB_RESET_COLD);
	}
	signal_events(dev);
	slot_event(dev, PCIE_SLOT_STA_CC);
}

void pcie_link_config_written(CxbPciDev *dev, const CxbCfgWrite *w)
{
	bool off;

	if (!has_slot(dev) || !cfg_touches(w, dev->pcie_cap + PCIE_LINK_CTL, 1))
		return;
	off = slot_get(dev, PCIE_LINK_CTL, 2) & PCIE_LINK_CTL_OFF;
	if (off == dev->link_off || (off && !pci_resets_below(dev, CXB_PCI_LINK_DISABLE)))
		return;
	/* While the link is down nothing below is reached: the routes know, and a reset has closed
	 * the windows. */
	if (off)
		pci_bridge_reset_below(dev, CXB_RESET_HOT);
	dev->link_off = off;
	pci_host(dev)->routes_stale = true;
	link_train(dev);
	if (below(dev))
		slot_event(dev, PCIE_SLOT_STA_DLLSC);
}
