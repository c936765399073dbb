/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. */
#ifndef CXB_PCI_INTERNAL_H
#define CXB_PCI_INTERNAL_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/trace.h"
#include "pci/pci.h"
#include "pci/regs.h"

struct CxbPciHost {
	CxbQom *qom;
	CxbMemMap *mm;
	int bar_priority;
	CxbMsiSink sink;
	void *sink_opaque;
	unsigned msi_depth; /* messages being delivered: one may cause another */
	CxbPciEjectFn eject;
	void *eject_opaque;
	GPtrArray *roots;      /* CxbPciBus by number; of two, the one that has it comes first */
	CxbPciBus *by_nr[256]; /* as bridges route; made anew when stale */
	bool routes_stale;
	GHashTable *acpi_indices; /* those in use */
	uint32_t cf8;
	bool remote;          /* addresses are those of other machines */
	CxbPciMemory *memory; /* that functions may reach */
	unsigned n_memory;
};

/* One aligned write to configuration space, for those who act on it afterwards. */
typedef struct {
	uint16_t off;
	unsigned size;
	uint32_t val; /* as written */
	uint32_t old; /* what the bytes held before */
} CxbCfgWrite;

static inline const CxbPciClass *pci_class(const CxbPciDev *dev)
{
	return cxb_object_klass((const CxbObject *)dev);
}

static inline CxbPciHost *pci_host(const CxbPciDev *dev)
{
	return cxb_pci_dev_bus(dev)->host;
}

static inline uint32_t cfg_get(const CxbPciDev *dev, unsigned off, unsigned size)
{
	return le_load(dev->config + off, size);
}

static inline void cfg_put(CxbPciDev *dev, unsigned off, unsigned size, uint32_t val)
{
	le_store(dev->config + off, size, val);
}

/* Set one register while the function is being made: value, writable and write-1-to-clear bits. */
static inline void cfg_reg(CxbPciDev *dev, unsigned off, unsigned size, uint32_t val,
			   uint32_t wmask, uint32_t w1c)
{
	le_store(dev->config + off, size, val);
	le_store(dev->wmask + off, size, wmask);
	le_store(dev->w1c + off, size, w1c);
}

static inline bool cfg_touches(const CxbCfgWrite *w, unsigned off, unsigned len)
{
	return w->off < off + len && off < w->off + w->size;
}

/* A 16-bit register before the write. */
static inline uint16_t cfg_old16(const CxbPciDev *dev, const CxbCfgWrite *w, unsigned off)
{
	uint8_t b[2];

	for (unsigned i = 0; i < 2; i++)
		b[i] = cfg_touches(w, off + i, 1) ? w->old >> (8 * (off + i - w->off))
						  : dev->config[off + i];
	return le_load(b, 2);
}

/* A 16-bit value as the write gave it, bytes outside of it 0. */
static inline uint16_t cfg_written16(const CxbCfgWrite *w, unsigned off)
{
	uint8_t b[2] = { 0 };

	for (unsigned i = 0; i < 2; i++)
		if (cfg_touches(w, off + i, 1))
			b[i] = w->val >> (8 * (off + i - w->off));
	return le_load(b, 2);
}

static inline bool pci_master(const CxbPciDev *dev)
{
	return cfg_get(dev, PCI_COMMAND, 2) & PCI_COMMAND_MASTER;
}

/* bus.c */
bool pci_bus_pick_devfn(CxbPciBus *bus, CxbPciDev *dev, uint8_t *devfn, GError **errp);
CxbPciBus *pci_bus_new(CxbPciHost *host, const char *name, bool express, CxbDevice *owner,
		       CxbObject *parent, GError **errp);

/* props.c */
extern const CxbProp pci_dev_props[];
bool pci_acpi_index_take(CxbPciDev *dev, GError **errp);
void pci_acpi_index_give(CxbPciDev *dev);

/* host.c */
void pci_msi_send(CxbPciDev *dev, uint64_t addr, uint32_t data);

/* mapping.c: each is one transaction */
void pci_map_device(CxbPciDev *dev); /* and what is below, if it is a bridge */
void pci_unmap_device(CxbPciDev *dev);

/* bridge.c */
void pci_bridge_header(CxbPciDev *dev);
void pci_bridge_fini(CxbPciDev *dev);
void pci_bridge_config_written(CxbPciDev *dev, const CxbCfgWrite *w);
bool pci_bridge_reaches_below(const CxbPciDev *dev); /* neither in reset, unpowered nor cut off */
bool pci_resets_below(const CxbPciDev *dev, CxbPciPortControl control);
void pci_bridge_reset_below(CxbPciDev *dev, CxbResetKind kind);

/* aer.c */
void aer_config_written(CxbPciDev *dev, const CxbCfgWrite *w);

/* msi.c, msix.c */
unsigned msi_allowed(
	const CxbPciDev *dev); /* vectors software allowed, never more than there are */
bool msi_adopt(CxbPciDev *dev, uint8_t off, GError **errp);
bool msix_adopt(CxbPciDev *dev, uint8_t cap, GError **errp);
bool msi_notify(CxbPciDev *dev, unsigned vector); /* false: not enabled */
void msi_config_written(CxbPciDev *dev, const CxbCfgWrite *w);
void msix_free(CxbPciDev *dev);
void msix_reset(CxbPciDev *dev);
bool msix_notify(CxbPciDev *dev, unsigned vector); /* false: not enabled */
void msix_config_written(CxbPciDev *dev, const CxbCfgWrite *w);
void msix_flush(CxbPciDev *dev, unsigned first, unsigned n); /* what waits and may go now */

/* doe.c */
void doe_free(CxbPciDev *dev);
void doe_reset(CxbPciDev *dev);
void doe_config_written(CxbPciDev *dev, const CxbCfgWrite *w);

/* pcie.c */
unsigned pcie_type(const CxbPciDev *dev); /* PCIE_TYPE_*; of a function that has the capability */
bool pcie_is_port_above_link(const CxbPciDev *dev); /* root or downstream port */
void pcie_config_written(CxbPciDev *dev, const CxbCfgWrite *w);

/* slot.c: of root and downstream ports; others are left alone */
void pcie_slot_plugged(CxbPciDev *port, bool hotplugged);
void pcie_slot_unplugged(CxbPciDev *port);
void pcie_slot_reset(CxbPciDev *port);
bool pcie_slot_hotplugs(const CxbPciDev *port, const char *what, GError **errp);
bool pcie_slot_is_up(const CxbPciDev *port); /* what is below has power and a link */
void pcie_slot_config_written(CxbPciDev *dev, const CxbCfgWrite *w);
void pcie_link_config_written(CxbPciDev *dev, const CxbCfgWrite *w);

#endif
