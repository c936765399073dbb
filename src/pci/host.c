/* SPDX-License-Identifier: Apache-2.0 */
/* The host side: root buses, routing by bus number, CF8h/CFCh and ECAM, messages, reset. */
#include "internal.h"

#define CF8_ENABLE 0x80000000u
#define CF8_BDF    0x00ffff00u
#define CF8_REG    0x000000fcu

/* A message may be a write to a doorbell that raises the next one; loops of that kind end here. */
#define MSI_DEPTH_MAX 4

CXB_TRACE(pci_msi, (unsigned bdf, uint64_t addr, uint32_t data),
	  "bdf 0x%04x addr 0x%" PRIx64 " data 0x%x", bdf, addr, data)

CxbPciHost *cxb_pci_host_new(CxbQom *qom, CxbMemMap *mm, int bar_priority, CxbMsiSink sink,
			     void *opaque)
{
	CxbPciHost *host = g_new0(CxbPciHost, 1);

	host->qom = qom;
	host->roots = g_ptr_array_new();
	host->acpi_indices = g_hash_table_new(NULL, NULL);
	host->mm = mm;
	host->bar_priority = bar_priority;
	host->sink = sink;
	host->sink_opaque = opaque;
	return host;
}

void cxb_pci_host_free(CxbPciHost *host)
{
	if (!host)
		return;
	g_ptr_array_unref(host->roots);
	g_hash_table_unref(host->acpi_indices);
	g_free(host->memory);
	g_free(host);
}

CxbMemMap *cxb_pci_host_memmap(CxbPciHost *host)
{
	return host->mm;
}

void cxb_pci_host_set_eject(CxbPciHost *host, CxbPciEjectFn fn, void *opaque)
{
	host->eject = fn;
	host->eject_opaque = opaque;
}

CxbPciBus *cxb_pci_root_bus_new(CxbPciHost *host, const char *name, uint8_t nr, bool express,
				CxbDevice *owner, CxbObject *parent, GError **errp)
{
	CxbPciBus *bus;
	unsigned at = 0;

	for (; at < host->roots->len; at++) {
		const CxbPciBus *other = g_ptr_array_index(host->roots, at);

		if (other->root_nr > nr)
			break;
		/* An expander's number may be that of the host's own bus. */
		if (other->root_nr == nr && !other->bus.owner == !owner) {
			cxb_fail(errp, CXB_ERROR_INVALID, "Bus %u is already in use", nr);
			return NULL;
		}
	}
	bus = pci_bus_new(host, name, express, owner, parent, errp);
	if (bus) {
		bus->root_nr = nr;
		g_ptr_array_insert(host->roots, at, bus);
		host->routes_stale = true;
	}
	return bus;
}

void cxb_pci_root_bus_gone(CxbPciBus *bus)
{
	g_assert(!bus->bridge && !bus->bus.devices->len);
	cxb_object_unparent(&bus->bus.obj);
}

CxbPciBus *cxb_pci_root_bus(CxbPciHost *host, uint8_t nr)
{
	for (unsigned i = 0; i < host->roots->len; i++) {
		CxbPciBus *bus = g_ptr_array_index(host->roots, i);

		if (bus->root_nr == nr)
			return bus;
	}
	return NULL;
}

uint8_t cxb_pci_bus_nr(const CxbPciBus *bus)
{
	return bus->bridge ? bus->bridge->config[PCI_SECONDARY_BUS] : bus->root_nr;
}

uint16_t cxb_pci_bdf(const CxbPciDev *dev)
{
	return cxb_pci_bus_nr(cxb_pci_dev_bus(dev)) << 8 | dev->devfn;
}

/* A bridge forwards [secondary, subordinate], as far as the one above does. The first that claims
 * a number has it; root buses come before all. */
static void route_below(CxbPciHost *host, CxbPciBus *bus, unsigned first, unsigned last)
{
	for (unsigned i = 0; i < bus->bus.devices->len; i++) {
		CxbPciDev *dev = g_ptr_array_index(bus->bus.devices, i);
		unsigned sec, sub;

		if (bus->functions[dev->devfn] != dev || !dev->secondary ||
		    !pci_bridge_reaches_below(dev))
			continue;
		sec = dev->config[PCI_SECONDARY_BUS];
		sub = MIN(dev->config[PCI_SUBORDINATE], last);
		if (sec < first || sec > last || host->by_nr[sec])
			continue;
		host->by_nr[sec] = dev->secondary;
		if (sec < sub)
			route_below(host, dev->secondary, sec + 1, sub);
	}
}

static void routes_renew(CxbPciHost *host)
{
	memset(host->by_nr, 0, sizeof(host->by_nr));
	for (unsigned i = 0; i < host->roots->len; i++) {
		CxbPciBus *bus = g_ptr_array_index(host->roots, i);

		if (!host->by_nr[bus->root_nr])
			host->by_nr[bus->root_nr] = bus;
	}
	for (unsigned i = 0; i < host->roots->len; i++) {
		CxbPciBus *bus = g_ptr_array_index(host->roots, i);

		if (host->by_nr[bus->root_nr] == bus)
			route_below(host, bus, 1, 255);
	}
	host->routes_stale = false;
}

CxbPciDev *cxb_pci_find(CxbPciHost *host, uint16_t bdf)
{
	CxbPciBus *bus;

	if (host->routes_stale)
		routes_renew(host);
	bus = host->by_nr[bdf >> 8];
	return bus ? bus->functions[bdf & 0xff] : NULL;
}

bool cxb_pci_port_read(CxbPciHost *host, uint16_t port, unsigned size, uint32_t *val)
{
	const uint16_t reg = FIELD_GET(CF8_REG, host->cf8) << 2 | (port & 3);

	if (port == 0xcf8 && size == 4) {
		*val = host->cf8;
		return true;
	}
	if (port < 0xcfc || port + size > 0xd00)
		return false;
	if (host->cf8 & CF8_ENABLE)
		*val = cxb_pci_config_read(host, FIELD_GET(CF8_BDF, host->cf8), reg, size);
	else
		*val = UINT32_MAX >> (32 - 8 * size);
	return true;
}

bool cxb_pci_port_write(CxbPciHost *host, uint16_t port, unsigned size, uint32_t val)
{
	const uint16_t reg = FIELD_GET(CF8_REG, host->cf8) << 2 | (port & 3);

	if (port == 0xcf8 && size == 4) {
		host->cf8 = val;
		return true;
	}
	if (port < 0xcfc || port + size > 0xd00)
		return false;
	if (host->cf8 & CF8_ENABLE)
		cxb_pci_config_write(host, FIELD_GET(CF8_BDF, host->cf8), reg, size, val);
	return true;
}

static CxbMemResult ecam_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	CxbPciHost *host = opaque;
	const uint16_t bdf = off >> 12, reg = off & 0xfff;

	if (size == 8)
		*val = cxb_pci_config_read(host, bdf, reg, 4) |
		       (uint64_t)cxb_pci_config_read(host, bdf, reg + 4, 4) << 32;
	else
		*val = cxb_pci_config_read(host, bdf, reg, size);
	return CXB_MEM_OK;
}

static CxbMemResult ecam_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	CxbPciHost *host = opaque;
	const uint16_t bdf = off >> 12, reg = off & 0xfff;

	/* Messages are not routed here. It would let a device reset or eject itself in the middle
	 * of an access. */
	if (host->msi_depth) {
		cxb_guest_error("pci: message into configuration space dropped");
		return CXB_MEM_ERROR;
	}
	cxb_pci_config_write(host, bdf, reg, MIN(size, 4), val);
	if (size == 8)
		cxb_pci_config_write(host, bdf, reg + 4, 4, val >> 32);
	return CXB_MEM_OK;
}

const CxbRegionOps cxb_pci_ecam_ops = { .read = ecam_read, .write = ecam_write };

void pci_msi_send(CxbPciDev *dev, uint64_t addr, uint32_t data)
{
	CxbPciHost *host = pci_host(dev);

	if (host->msi_depth >= MSI_DEPTH_MAX) {
		cxb_guest_error("pci: %s: message to 0x%" PRIx64 " dropped: messages cause each "
				"other in a loop",
				dev->dev.obj.type->name, addr);
		return;
	}
	trace_pci_msi(cxb_pci_bdf(dev), addr, data);
	if (!host->sink)
		return;
	host->msi_depth++;
	host->sink(host->sink_opaque, addr, data);
	host->msi_depth--;
}

void cxb_pci_host_reset(CxbPciHost *host, CxbResetKind kind)
{
	CXB_MEMMAP_TXN(host->mm);

	host->cf8 = 0;
	for (unsigned i = 0; i < host->roots->len; i++) {
		CxbPciBus *bus = g_ptr_array_index(host->roots, i);

		/* A root bus whose expander sits on another bus is reset with that one. */
		if (!(bus->bus.owner && bus->bus.owner->bus))
			cxb_dev_bus_reset(&bus->bus, kind);
	}
}
