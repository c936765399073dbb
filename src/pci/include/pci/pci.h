/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCI Express: functions with 4 KiB (or 256 bytes) of configuration space, capabilities, BARs,
 * MSI-X, bridges with their windows, root buses, ECAM and CF8h/CFCh access.
 *
 * A CxbPciHost is all of PCI of one machine (segment 0): several root buses (bus 0 and one per
 * expander bridge) share its memory map and its sink for message-signalled interrupts.
 */
#ifndef CXB_PCI_PCI_H
#define CXB_PCI_PCI_H

#include "memory/memmap.h"
#include "qom/device.h"

#define CXB_TYPE_NAME_PCI_DEVICE "pci-device"      /* abstract */
#define CXB_TYPE_NAME_PCI_BRIDGE "base-pci-bridge" /* abstract, derived from it */
#define CXB_TYPE_NAME_PCI_BUS    "PCI"
#define CXB_TYPE_NAME_PCIE_BUS   "PCIE"

#define CXB_PCI_CONFIG_SIZE  256
#define CXB_PCIE_CONFIG_SIZE 4096

typedef struct CxbPciHost CxbPciHost;
typedef struct CxbPciBus CxbPciBus;
typedef struct CxbPciDev CxbPciDev;
typedef struct CxbPciServedOps CxbPciServedOps; /* see pci/served.h */

/* How a port resets what is below it. */
typedef enum { CXB_PCI_SECONDARY_BUS_RESET, CXB_PCI_LINK_DISABLE } CxbPciPortControl;

/* klass of every PCI device type; starts with the device class. */
typedef struct {
	CxbDeviceClass device;
	uint16_t vendor_id, device_id, subsys_vendor_id, subsys_id;
	uint32_t class_code; /* base class [23:16], sub-class [15:8], interface [7:0] */
	uint8_t revision;
	bool is_bridge;  /* type 1 header and a secondary bus */
	bool is_express; /* 4 KiB of configuration space */
	/* After the generic code took a write of any width to configuration space; optional. */
	void (*config_written)(CxbPciDev *dev, uint16_t off, unsigned size);
	/* Before a read is answered (registers computed on demand); optional. */
	void (*config_reading)(CxbPciDev *dev, uint16_t off, unsigned size);
	/* Functions that are elsewhere, both or neither: a read, and a write before the generic code
	 * takes what is emulated of it. Naturally aligned. */
	uint32_t (*config_read)(CxbPciDev *dev, uint16_t off, unsigned size);
	void (*config_write)(CxbPciDev *dev, uint16_t off, unsigned size, uint32_t val);
	/* Function-specific part of realize, called with header, BAR and config arrays ready. If it
	 * fails it has undone what it made itself (regions, root buses); unrealize is not called.
	 * MSI-X, capabilities and the secondary bus go by themselves. */
	bool (*realize)(CxbPciDev *dev, GError **errp);
	void (*unrealize)(CxbPciDev *dev);
	/* After the generic reset of the function. */
	void (*reset)(CxbPciDev *dev, CxbResetKind kind);
	/* Ports: whether Secondary Bus Reset (Bridge Control) or Link Disable (Link Control) does
	 * what it says; NULL: always. */
	bool (*resets_below)(const CxbPciDev *dev, CxbPciPortControl control);
	/* What cxb_pci_host_memory() gives is there now. False: the function cannot do without, and has
	 * not got, what it needs. Optional. */
	bool (*memory)(CxbPciDev *dev, GError **errp);
	/* Somebody is served the function, or nobody any more; optional. */
	void (*served)(CxbPciDev *dev, bool by_somebody);
	const CxbPciServedOps *served_ops; /* NULL: it is served as it is */
	/* Ports: what is below the link has come or gone; it works in 256-byte @flits or not; optional. */
	void (*link_trained)(CxbPciDev *port, bool flits);
} CxbPciClass;

#define CXB_PCI_BARS 6

/* A stretch of a BAR that is plain memory, which whoever serves the function may let be mapped. */
typedef struct {
	int fd;            /* borrowed; a file with the layout of the BAR that cannot shrink */
	uint64_t off, len; /* in BAR and file, whole pages; @len 0: there is none */
} CxbPciShared;

typedef struct {
	CxbRegion *region; /* borrowed; NULL: no such BAR */
	uint64_t size;
	bool is_64;
	bool prefetchable;
	bool probe;   /* the last write asked for the size: all ones, type bits included */
	bool placed;  /* answers now */
	uint64_t hpa; /* where, if placed */
	uint64_t clip_start, clip_len; /* the part of it that windows above let through */
	CxbPciShared shared;
} CxbPciBar;

/*
 * Whoever serves a function to a machine elsewhere, which has the addresses and messages of
 * interrupts: vectors are told to it by number. False: nobody listens to that one now.
 */
typedef struct {
	const char *name;
	bool (*interrupt)(void *opaque, bool msix, unsigned vector);
	void *opaque;
} CxbPciServer;

typedef struct CxbMsix CxbMsix;
typedef struct CxbDoe CxbDoe;

struct CxbPciDev {
	CxbDevice dev;
	int32_t devfn_prop; /* "addr"; -1: next free */
	uint8_t devfn;
	bool multifunction;
	/* Other properties, see props.c. */
	bool err_unc_mask, ext_tag;
	uint32_t acpi_index;
	char *failover_pair_id, *romfile, *sriov_pf;
	int32_t rombar;
	uint32_t romsize;
	uint64_t max_bounce_buffer;
	bool ari_nextfn_1, lnksta_dllla;

	uint16_t config_size;
	uint8_t *config;    /* what reads give */
	uint8_t *wmask;     /* bits software may write */
	uint8_t *w1c;       /* bits that clear on writing one */
	uint8_t *reset_val; /* snapshot at the end of realize: what reset restores */
	uint8_t *sticky;    /* bits that only a fundamental reset takes back */
	uint8_t *link;      /* bits that a function level reset leaves alone, beside sticky ones */
	uint8_t *
		emulated; /* functions that are elsewhere: bits that are answered here; else NULL */
	CxbPciBar bars[CXB_PCI_BARS];
	CxbMsix *msix;
	CxbDoe *doe;       /* see pci/doe.h */
	uint16_t pcie_cap; /* offset of the PCIe capability; 0: none */
	uint16_t msi_cap;  /* offset of the MSI capability; 0: none */
	uint16_t aer_cap;  /* offset of the AER capability; 0: none */
	bool flits;        /* private: 256-byte flits are offered */
	bool slot_fixed;   /* private: nothing may come or go below */
	bool slot_irq;     /* private: a hot-plug event is being signalled */
	bool aer_irq;      /* private: an error is being signalled */
	bool link_off;     /* private: software has disabled the link below */
	bool bus_held;     /* private: software holds the secondary bus in reset */
	uint8_t cap_next;  /* private: lists under construction */
	uint16_t ext_next;
	CxbPciBus *secondary;       /* bridges */
	const CxbPciServer *server; /* NULL: it is a function of this machine */
	bool served;                /* the server has somebody to serve it to */
};

/*
 * What the head of every klass holds: realize makes the configuration space, calls the class's own
 * realize, takes the snapshot for reset and plugs the function into its bus.
 *
 *	static const CxbPciClass my_class = { .device = CXB_PCI_DEVICE_CLASS, .vendor_id = ... };
 */
#define CXB_PCI_DEVICE_CLASS                                                   \
	{                                                                      \
		.bus_kind = "PCI", .realize = cxb_pci_dev_realize,             \
		.unrealize = cxb_pci_dev_unrealize, .reset = cxb_pci_dev_reset \
	}
bool cxb_pci_dev_realize(CxbDevice *dev, GError **errp);
void cxb_pci_dev_unrealize(CxbDevice *dev);
void cxb_pci_dev_reset(CxbDevice *dev, CxbResetKind kind);

/* One bus segment; object kind "PCI". Root buses know their number from the start, others take it
 * from their bridge's secondary bus register. */
struct CxbPciBus {
	CxbDevBus bus;
	CxbPciHost *host;
	CxbPciDev *bridge; /* NULL: a root bus */
	uint8_t root_nr;
	bool express;
	uint8_t min_slot; /* first one handed out automatically */
	bool single_slot; /* behind a port: only device 0 */
	CxbPciDev *functions[256];
	/* Root buses: which other device kinds are refused (QEMU's "Only PCI/PCIe bridges can be
	 * plugged into pxb-cxl"); NULL accepts all. */
	bool (*accepts)(CxbPciBus *bus, CxbPciDev *dev, GError **errp);
};

/** cxb_pci_types_register() - Abstract device types and the bus types. */
void cxb_pci_types_register(CxbQom *qom);

/* What carries a message-signalled interrupt away: a 32-bit write of @data to @addr. */
typedef void (*CxbMsiSink)(void *opaque, uint64_t addr, uint32_t data);

/**
 * cxb_pci_host_new() - @mm receives BARs at @bar_priority. The sink is called for every message.
 */
CxbPciHost *cxb_pci_host_new(CxbQom *qom, CxbMemMap *mm, int bar_priority, CxbMsiSink sink,
			     void *opaque);
/** cxb_pci_host_free() - After all devices and buses are gone. NULL is fine. */
void cxb_pci_host_free(CxbPciHost *host);
CxbMemMap *cxb_pci_host_memmap(CxbPciHost *host);

/**
 * cxb_pci_root_bus_new() - A root bus named @name with number @nr ("Bus 12 is already in use").
 * @owner: the expander bridge it belongs to, or NULL with @parent the object that has it
 *
 * The bus of an expander may have the number of one without, made before: then it is there but no
 * access is routed to it. That is what QEMU makes of an expander whose number is left out (0).
 */
CxbPciBus *cxb_pci_root_bus_new(CxbPciHost *host, const char *name, uint8_t nr, bool express,
				CxbDevice *owner, CxbObject *parent, GError **errp);
/** cxb_pci_root_bus_gone() - The owner goes; the bus must be empty. */
void cxb_pci_root_bus_gone(CxbPciBus *bus);
CxbPciBus *cxb_pci_root_bus(CxbPciHost *host, uint8_t nr); /* NULL if none */
/** cxb_pci_accepts_bridges() - For CxbPciBus.accepts: "Only PCI/PCIe bridges can be plugged into
 * OWNER'S TYPE". */
bool cxb_pci_accepts_bridges(CxbPciBus *bus, CxbPciDev *dev, GError **errp);

/** cxb_pci_dev_bus() - The segment @dev sits on; valid from its realize to its unrealize. */
static inline CxbPciBus *cxb_pci_dev_bus(const CxbPciDev *dev)
{
	return (CxbPciBus *)dev->dev.bus;
}
uint8_t cxb_pci_bus_nr(const CxbPciBus *bus);
uint16_t cxb_pci_bdf(const CxbPciDev *dev);
/** cxb_pci_find() - The function at @bdf as routed now (bridge bus numbers), or NULL. */
CxbPciDev *cxb_pci_find(CxbPciHost *host, uint16_t bdf);

/* Access by address, with everything a write causes. Absent functions and registers read all ones;
 * a 32-bit or smaller access that crosses its natural alignment is split into bytes. */
uint32_t cxb_pci_config_read(CxbPciHost *host, uint16_t bdf, uint16_t off, unsigned size);
void cxb_pci_config_write(CxbPciHost *host, uint16_t bdf, uint16_t off, unsigned size,
			  uint32_t val);
/* The same for a function in hand (what vfio-user and tests use). */
uint32_t cxb_pci_dev_config_read(CxbPciDev *dev, uint16_t off, unsigned size);
void cxb_pci_dev_config_write(CxbPciDev *dev, uint16_t off, unsigned size, uint32_t val);

/* CF8h/CFCh: port I/O, @size 1, 2 or 4; other ports are not for PCI (returns false). */
bool cxb_pci_port_read(CxbPciHost *host, uint16_t port, unsigned size, uint32_t *val);
bool cxb_pci_port_write(CxbPciHost *host, uint16_t port, unsigned size, uint32_t val);
/* Register functions for a region of ECAM (bus 0 at offset 0); opaque is the CxbPciHost. */
extern const CxbRegionOps cxb_pci_ecam_ops;

/** cxb_pci_host_reset() - Reset every function, root buses in order of number. */
void cxb_pci_host_reset(CxbPciHost *host, CxbResetKind kind);
/** cxb_pci_update_mappings() - Recompute where BARs answer (after bridge windows changed). */
void cxb_pci_update_mappings(CxbPciHost *host);

/* --- for device code, inside realize --- */

/** cxb_pci_add_cap() - Standard capability at @off (0: next free); list order = order of calls.
 * Returns: its offset. */
uint8_t cxb_pci_add_cap(CxbPciDev *dev, uint8_t id, uint8_t off, uint8_t len);
/** cxb_pcie_add_ext_cap() - Extended capability at @off (0: directly behind the last). */
uint16_t cxb_pcie_add_ext_cap(CxbPciDev *dev, uint16_t id, uint8_t version, uint16_t off,
			      uint16_t len);
/** cxb_pcie_add_cap() - PCI Express capability, version 2, 3Ch bytes, with the registers that every
 * CXL function has; @type: 0 endpoint, 4 root port, 5 upstream, 6 downstream. */
void cxb_pcie_add_cap(CxbPciDev *dev, uint8_t off, uint8_t type, uint8_t port);
/* What a link can do at best, in GT/s and lanes; names as QEMU's, in the same order. */
typedef enum {
	CXB_PCIE_2_5,
	CXB_PCIE_5,
	CXB_PCIE_8,
	CXB_PCIE_16,
	CXB_PCIE_32,
	CXB_PCIE_64,
} CxbPcieSpeed;
typedef enum {
	CXB_PCIE_X1,
	CXB_PCIE_X2,
	CXB_PCIE_X4,
	CXB_PCIE_X8,
	CXB_PCIE_X12,
	CXB_PCIE_X16,
	CXB_PCIE_X32,
} CxbPcieWidth;
extern const char *const cxb_pcie_speed_names[], *const cxb_pcie_width_names[];

/* The part of a row that all properties of these kinds share; the field is an int. */
#define CXB_PCIE_SPEED_VALUES \
	.desc = "2_5/5/8/16/32/64", .names = cxb_pcie_speed_names, .type_name = "PCIELinkSpeed"
#define CXB_PCIE_WIDTH_VALUES \
	.desc = "1/2/4/8/12/16/32", .names = cxb_pcie_width_names, .type_name = "PCIELinkWidth"
/** cxb_pcie_set_link() - Other than what cxb_pcie_add_cap() gives the type. */
void cxb_pcie_set_link(CxbPciDev *dev, CxbPcieSpeed speed, CxbPcieWidth width);
/** cxb_pcie_offer_flits() - The link may work in 256-byte flits (PCIe 6.0 4.2.3); after
 * cxb_pcie_add_cap(). Returns: for what is below a port, whether it does. */
bool cxb_pcie_offer_flits(CxbPciDev *dev);
/* What the slot of a root or downstream port is like; all but the number are there by default. */
typedef struct {
	uint16_t nr;        /* physical slot number, 13 bits */
	bool fixed;         /* what is in it stays: the bus refuses whoever comes or goes */
	bool hides_hotplug; /* Slot Capabilities offer no hot plug, so that nothing can come or go */
	bool always_on;     /* no power controller */
} CxbPcieSlot;
/** cxb_pcie_set_slot() - Of a root or downstream port, after cxb_pcie_add_cap(). */
void cxb_pcie_set_slot(CxbPciDev *port, const CxbPcieSlot *slot);
/** cxb_pcie_add_dvsec() - DVSEC header with vendor 1E98h plus @body (from offset 0Ah on, @len - 0Ah
 * bytes). Returns: its offset. */
uint16_t cxb_pcie_add_dvsec(CxbPciDev *dev, uint16_t id, uint8_t rev, uint16_t off, uint16_t len,
			    const void *body);
/** cxb_pcie_add_aer() - Advanced error reporting; after the PCI Express capability. */
void cxb_pcie_add_aer(CxbPciDev *dev, uint16_t off);
void cxb_pcie_add_acs(CxbPciDev *dev, uint16_t off);
void cxb_pcie_add_dsn(CxbPciDev *dev, uint16_t off, uint64_t serial);

/** cxb_pci_add_bar() - @region's size must be a power of two, at least 16; at most 2 GiB if not
 * @is_64. The region stays the caller's; it leaves the memory map before the class's unrealize. */
void cxb_pci_add_bar(CxbPciDev *dev, unsigned nr, CxbRegion *region, bool is_64, bool prefetchable);

/** cxb_pci_share_bar() - Let a stretch of a BAR be mapped by those it is served to. */
void cxb_pci_share_bar(CxbPciDev *dev, unsigned nr, const CxbPciShared *shared);

/** cxb_msix_init() - @vectors, table at @table_off and PBA at @pba_off of BAR @bar, which is made
 * here with size @bar_size and belongs to the device. Capability at @cap_off. */
bool cxb_msix_init(CxbPciDev *dev, unsigned vectors, unsigned bar, uint32_t bar_size,
		   uint32_t table_off, uint32_t pba_off, uint8_t cap_off, GError **errp);
/** cxb_msi_init() - Plain MSI capability for ports: present and programmable. */
void cxb_msi_init(CxbPciDev *dev, uint8_t off, unsigned vectors, bool is_64, bool maskable);
/* Vectors there are; 0 without the capability. */
unsigned cxb_msix_vectors(const CxbPciDev *dev);
unsigned cxb_msi_vectors(const CxbPciDev *dev);
/** cxb_pci_message() - The number that software knows message @vector by: with MSI it depends on how
 * many software has allowed (PCIe 6.0 7.7.1.2). */
unsigned cxb_pci_message(const CxbPciDev *dev, unsigned vector);
/** cxb_pci_notify() - Raise message @vector (MSI-X, masked ones go pending; else MSI). Nothing if
 * neither is enabled or bus mastering is off. */
void cxb_pci_notify(CxbPciDev *dev, unsigned vector);

/* Errors by their bits in the AER status registers. */
#define CXB_AER_UNC_INTERNAL 0x00400000u
#define CXB_AER_COR_INTERNAL 0x00004000u

/**
 * cxb_pcie_aer_correctable(), _uncorrectable() - @dev, which has AER, meets an error (one bit). It
 * is logged; unless masked it is reported to the root port, as far as the functions on the way let
 * it through.
 */
void cxb_pcie_aer_correctable(CxbPciDev *dev, uint32_t error);
void cxb_pcie_aer_uncorrectable(CxbPciDev *dev, uint32_t error);

/* --- functions that are elsewhere, and passed through --- */

/**
 * cxb_pci_adopt() - Be the function whose configuration space is @config; inside realize, after its
 * BARs were added.
 * @size: CXB_PCI_CONFIG_SIZE or CXB_PCIE_CONFIG_SIZE, of @config and of @dev from now on
 *
 * Answered here (dev->emulated) are header type, BARs, option ROM (there is none), interrupt pin (nor
 * that), what the command register says of memory and bus mastering, MSI, MSI-X, and links to what
 * cannot be passed through: SR-IOV, ARI, resizable BARs. The class reads and writes all else there.
 *
 * Returns: false if something is wrong with it, naming it.
 */
bool cxb_pci_adopt(CxbPciDev *dev, const uint8_t *config, unsigned size, GError **errp);
/** cxb_pci_emulate() - Answer @len bytes at @off here; they have what they have in dev->config. */
void cxb_pci_emulate(CxbPciDev *dev, unsigned off, unsigned len);

/* Of a function that was adopted the table and pending bits of MSI-X lie in BARs that the class has;
 * naturally aligned accesses. */

/** cxb_msix_table_at() - An access of BAR @bar is one of the table. */
bool cxb_msix_table_at(const CxbPciDev *dev, unsigned bar, uint64_t off, unsigned size);
/** cxb_msix_table_read(), _write() - Of one that is; as seen by the host. Returns: of a write the vector
 * it is about. */
uint64_t cxb_msix_table_read(const CxbPciDev *dev, uint64_t off, unsigned size);
unsigned cxb_msix_table_write(CxbPciDev *dev, uint64_t off, unsigned size, uint64_t val);
/** cxb_msix_pending() - Those of the bits that an access reads that are pending here. */
uint64_t cxb_msix_pending(const CxbPciDev *dev, unsigned bar, uint64_t off, unsigned size);
/** cxb_msix_traps() - A range of BAR @bar that must not be mapped, as it has the table or pending bits.
 * @i: 0 or 1; false: there is none */
bool cxb_msix_traps(const CxbPciDev *dev, unsigned i, unsigned bar, uint64_t *off, uint64_t *len);
/** cxb_msix_enabled() - Software has switched it on; cxb_msix_open(): and unmasked @vector. */
bool cxb_msix_enabled(const CxbPciDev *dev);
bool cxb_msix_open(const CxbPciDev *dev, unsigned vector);
/** cxb_msi_allowed() - Vectors that software lets a function have; 0: it has not switched MSI on. */
unsigned cxb_msi_allowed(const CxbPciDev *dev);
/** cxb_msi_owns() - A register that is of no concern to who has the function: masks and pending bits,
 * which are kept here. */
bool cxb_msi_owns(const CxbPciDev *dev, unsigned off);

/* Memory of the machine that functions may reach. */
typedef struct {
	uint64_t hpa, len;
	CxbHostMem *mem;
	uint64_t mem_off;
} CxbPciMemory;

/** cxb_pci_host_set_memory() - @n ranges, copied; tells every function. False as soon as one fails. */
bool cxb_pci_host_set_memory(CxbPciHost *host, const CxbPciMemory *memory, unsigned n,
			     GError **errp);
/** cxb_pci_host_memory() - All there is, for functions that come later. @n: 0 before it was set */
const CxbPciMemory *cxb_pci_host_memory(const CxbPciHost *host, unsigned *n);
/** cxb_pci_memory_ptr() - Where a function finds (@hpa, @len) of it, if it may master the bus; NULL. */
void *cxb_pci_memory_ptr(const CxbPciDev *dev, uint64_t hpa, uint64_t len);

/* --- functions that are served to other machines --- */

/** cxb_pci_host_set_remote() - All functions are: their BARs hold addresses of machines elsewhere and
 * are not placed in the map. Before the first one is made. */
void cxb_pci_host_set_remote(CxbPciHost *host);
/** cxb_pci_serve() - @server has @dev from now on, until it is NULL again. device_del is refused
 * meanwhile. "Device 'X' is in use by 'SERVER'" */
bool cxb_pci_serve(CxbPciDev *dev, const CxbPciServer *server, GError **errp);
/** cxb_pci_served_to() - The server has somebody to serve it to, or nobody any more. */
void cxb_pci_served_to(CxbPciDev *dev, bool somebody);
/** cxb_pci_served_ready() - The server has got somebody who listens to MSI-X vectors [first, first +
 * n): those that are pending may go. */
void cxb_pci_served_ready(CxbPciDev *dev, unsigned first, unsigned n);

/* --- hot plug --- */

/** cxb_pcie_slot_can_unplug() - "Hot-unplug failed: unsupported by the port device 'PORT'". */
bool cxb_pcie_slot_can_unplug(const CxbPciDev *port, GError **errp);
/**
 * cxb_pcie_slot_eject_request() - Ask the host to let go of what is behind @port.
 *
 * Returns: false if no host has switched the slot on: the caller may remove the device at once.
 * True if the attention button was pressed; the eject function is called once the host has
 * switched indicator and power off.
 */
bool cxb_pcie_slot_eject_request(CxbPciDev *port);
/* The host has switched a slot off, asked to or not. May remove what is behind @port before it
 * returns: configuration writes never come from inside of a device's own access. */
typedef void (*CxbPciEjectFn)(void *opaque, CxbPciDev *port);
void cxb_pci_host_set_eject(CxbPciHost *host, CxbPciEjectFn fn, void *opaque);

/** cxb_pci_bridge_init() - Header type 1, windows, bus numbers, secondary bus named @bus_name.
 * Call from realize of an is_bridge class. */
bool cxb_pci_bridge_init(CxbPciDev *dev, const char *bus_name, GError **errp);
/* What firmware shall keep free below a bridge, in bytes and buses; all ones: not said. */
typedef struct {
	uint32_t buses;
	uint64_t io, mem, pref32, pref64;
} CxbPciReserve;
#define CXB_PCI_RESERVE_NONE UINT64_MAX

/** cxb_pci_bridge_add_reserve() - QEMU's capability for it at @off; nothing if nothing is said. Before
 * the capabilities behind it in the list. */
bool cxb_pci_bridge_add_reserve(CxbPciDev *dev, uint8_t off, const CxbPciReserve *reserve,
				GError **errp);
/** cxb_pci_bridge_without_io() - The bridge forwards no I/O (7.5.1.3.6): nothing below wants any, and
 * the 64 KiB there are do not reach for many ports. */
void cxb_pci_bridge_without_io(CxbPciDev *dev);

#define CXB_PCI_DEV(obj) ((CxbPciDev *)(obj))

#endif
