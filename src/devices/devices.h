/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. */
#ifndef CXB_DEVICES_PRIVATE_H
#define CXB_DEVICES_PRIVATE_H

#include "cxl/cci.h"
#include "cxl/cdat.h"
#include "cxl/dc_cmds.h"
#include "cxl/devregs.h"
#include "cxl/evlog.h"
#include "cxl/fmld.h"
#include "cxl/memdev.h"
#include "cxl/poison.h"
#include "devices/cxl.h"

/* As CXB_PCI_DEVICE_CLASS, for what only comes with the machine. */
#define PCI_DEVICE_CLASS_COLD                                                          \
	{                                                                              \
		.bus_kind = "PCI", .no_hotplug = true, .realize = cxb_pci_dev_realize, \
		.unrealize = cxb_pci_dev_unrealize, .reset = cxb_pci_dev_reset         \
	}

/* --- endpoints: where host addresses end --- */

/* klass of every CXL endpoint; see devices/cxl.h. */
typedef struct {
	CxbPciClass pci;
	const CxbHdm *(*hdm)(const CxbDevice *endpoint);
	void (*settle)(CxbDevice *endpoint); /* optional: its commits never wait */
	bool (*answers)(const CxbDevice *endpoint);
	bool (*segment)(CxbDevice *endpoint, uint64_t dpa, CxbCxlSegment *out);
	bool (*read)(CxbDevice *endpoint, uint64_t dpa, void *buf, size_t len);
	bool (*write)(CxbDevice *endpoint, uint64_t dpa, const void *buf, size_t len);
} CxlEndpointClass;

/* What endpoints are served with that have nothing else of their own: memory by message. */
extern const CxbPciServedOps cxb_endpoint_served_ops;

/** cxb_endpoint_take() - Hold a backend for @holder alone ("can't be used multiple times"). */
bool cxb_endpoint_take(CxbHostMem *mem, const char *holder, GError **errp);

/** cxb_route_limit() - Decoder @d takes @hpa: how far it goes on in order from there. */
void cxb_route_limit(CxbCxlRoute *r, const CxbHdmDecoder *d, uint64_t hpa);

/* --- component registers as a region --- */

extern const CxbRegionOps cxb_comp_region_ops; /* opaque is a CxbComp ** */

#define PHYS_LIMIT (UINT64_C(1) << 52) /* physical addresses have 52 bits at most */
#define SN_UNSET   UINT64_MAX          /* no serial number */

/* --- DVSECs (CXL 3.1 8.1) --- */

/* A block in the register locator. */
typedef struct {
	uint8_t bar, id;
	uint64_t offset;
} CxbLocatorBlock;

/* What devices differ in, beside their memory. */
typedef struct {
	uint64_t range1, range2; /* static memory, bytes */
	uint16_t cap, ctrl;      /* bits beyond those of every memory device */
	uint16_t status2;
} CxbDvsecDevice;

/** cxb_dvsec_device() - Returns: its offset. */
uint16_t cxb_dvsec_device(CxbPciDev *dev, uint16_t off, const CxbDvsecDevice *d);
/** cxb_dvsec_device_update_lock() - After a write to configuration space, and after reset: what
 * CONFIG_LOCK guards is writable or not (8.1.3.6). */
void cxb_dvsec_device_update_lock(CxbPciDev *dev, uint16_t dvsec);
/** cxb_dvsec_port_ext() - Returns: its offset. */
uint16_t cxb_dvsec_port_ext(CxbPciDev *dev, uint16_t off);
/** cxb_dvsec_port_resets_below() - Port Control Extensions mask what @control does (8.1.5.2). */
bool cxb_dvsec_port_resets_below(const CxbPciDev *dev, uint16_t dvsec, CxbPciPortControl control);
void cxb_dvsec_gpf_port(CxbPciDev *dev, uint16_t off);
void cxb_dvsec_gpf_device(CxbPciDev *dev, uint16_t off);
/** cxb_dvsec_flex_bus() - Returns: its offset. The link has trained in 68-byte flits. */
uint16_t cxb_dvsec_flex_bus(CxbPciDev *dev, uint16_t off, uint16_t ctrl_wmask);
/** cxb_dvsec_flex_bus_add() - Protocols (WIRE_FLEX_) that are there, enabled and agreed on, too. */
void cxb_dvsec_flex_bus_add(CxbPciDev *dev, uint16_t dvsec, uint8_t protocols);
/** cxb_dvsec_flex_bus_trained() - It has now, in 256-byte @flits or not (8.2.1.3.3). */
void cxb_dvsec_flex_bus_trained(CxbPciDev *dev, uint16_t dvsec, bool flits);
void cxb_dvsec_locator(CxbPciDev *dev, uint16_t off, const CxbLocatorBlock *blocks, unsigned n);

/* --- chassis and slot numbers, unique in a machine --- */

bool cxb_chassis_take(CxbQom *qom, uint8_t chassis, uint16_t slot, GError **errp);
void cxb_chassis_give(CxbQom *qom, uint8_t chassis, uint16_t slot);

/* --- host bridge --- */

typedef struct {
	CxbPciDev pci;
	uint8_t bus_nr;
	bool hdm_for_passthrough, bypass_iommu;
	uint16_t numa_node;
	bool passthrough; /* one root port and no decoders: settled at reset */
	CxbPciBus *bus;
	CxbPciDev *ports[256]; /* by number: what a decoder's target means */
	CxbComp *comp;
	CxbRegion *regs;
	const CxbCxlListener *listener;
} PxbCxl;

/** cxb_pxb_cxl_port_added() - A root port on @bus has @number. Of several with one number, decoders
 * mean the lowest function. A bus that is no CXL host bridge's is fine. */
void cxb_pxb_cxl_port_added(CxbPciBus *bus, CxbPciDev *port, uint8_t number);
void cxb_pxb_cxl_port_removed(CxbPciBus *bus, CxbPciDev *port, uint8_t number);

/* --- root port --- */

typedef struct {
	CxbPciDev pci;
	uint8_t port, chassis;
	int link_speed, link_width;
	uint16_t port_ext, flex_bus; /* offsets of their DVSECs */
	uint16_t slot;
	bool hotplug, hide_hotplug, power_controller, writable_slot, flits;
	CxbPciReserve reserve;
	uint16_t aer_log_max;
	bool slot_taken;
	CxbComp *comp;
	CxbRegion *regs;
} CxlRp;

/* --- type 3 --- */

typedef struct Type3 Type3;

typedef struct Type3Capacity Type3Capacity;

/* A host memory backend as the engine sees it; referenced while held, and gone when released. */
typedef struct {
	CxbDcBacking backing;
	Type3Capacity *capacity;
	CxbHostMem *mem;
} Type3Backing;

/* A device's dynamic capacity, which its heads share. It goes with the last of them. */
struct Type3Capacity {
	const CxbCxlListener *listener;
	CxbDc *dc;
	Type3 **heads; /* by number; NULL: not plugged */
	unsigned n_heads, plugged;
	Type3Backing fixed;      /* static; mem NULL: capacity is lazy */
	Type3Backing *candidate; /* found and not held; replaced by the next one found */
	GHashTable *held;        /* set of Type3Backing (owned) */
	CxbPoison *kept_poison;  /* of what a reference keeps */
};

/* Static memory: @mem, held, is at @dpa for @len bytes. */
typedef struct {
	CxbHostMem *mem; /* NULL: the device has no such part, and @len is 0 */
	uint64_t dpa, len;
} Type3Part;

/* A dynamic region as its properties describe it. */
typedef struct {
	bool given;
	uint64_t size, block_size; /* bytes; 0: not said */
	bool sharable, hw_coherent, read_only, non_volatile, sanitize_on_release;
} Type3RegionOpts;

/* Of a device that is served to a machine elsewhere; see type3_page.c. */
typedef struct {
	CxbClock *clock; /* NULL: there is no page */
	int fd;
	uint8_t *bytes;
	CxbDevRegs **regs;
	CxbTimer *timer; /* NULL: the doorbell is not looked at */
	int64_t active_ns;
} Type3Page;

enum { TYPE3_VOLATILE, TYPE3_PERSISTENT, TYPE3_PARTS };

struct Type3 {
	CxbPciDev pci;

	/* properties */
	uint8_t num_dc_regions;
	uint64_t dc_total_size;
	Type3RegionOpts regions[CXB_DC_REGIONS];
	CxbObject *dc_memdev; /* static backing of all regions */
	bool mailbox_poll, msix;
	uint64_t sn;
	int link_speed, link_width;
	bool flits, hdm_db;
	uint32_t dc_event_log_size, dc_max_extents, dc_max_tags;
	char *cdat_file; /* NULL: the table is made */
	CxbObject *volatile_memdev, *persistent_memdev, *lsa_memdev;
	CxbObject *legacy_memdev; /* "memdev": persistent, too */
	uint16_t n_heads;
	CxbObject *device; /* cxl-type3-head: whose head it is; else NULL */
	uint16_t head_nr;

	const CxbCxlListener *listener;
	char *path;
	uint16_t dvsec0;
	CxbComp *comp;
	CxbRegion *comp_regs;
	CxbCci *cci;
	CxbEvLogs *logs;
	CxbMemdev *memdev;
	CxbPoison *poison;
	CxbDevRegs *devregs;
	CxbRegion *dev_regs;
	Type3Capacity *capacity; /* NULL: it has none */
	CxbDc *dc;               /* of capacity */
	CxbDcHead *head;
	CxbFmLd *fm; /* the fabric manager's side; NULL: a further head */
	CxbCdat *cdat;
	Type3Part part[TYPE3_PARTS];
	uint64_t static_size; /* bytes of DPA below the dynamic regions */
	Type3Page page;
	CxbHostMem *lsa;            /* held; NULL: no label storage */
	struct CxbErasure *erasing; /* NULL: nothing */
	uint64_t missed;            /* accesses that met no capacity */
	bool announced;             /* the listener knows of us */
};

/* Properties of every head, as each is a function of its own. */
#define TYPE3_FUNCTION_PROPS                                                                   \
	{ "mailbox-poll", CXB_PROP_BOOL, offsetof(Type3, mailbox_poll), .def = "off",          \
	  .desc = "served elsewhere: all of the mailbox is on a page that the host maps, and " \
		  "is watched" },                                                              \
	{                                                                                      \
		"msix", CXB_PROP_BOOL, offsetof(Type3, msix),                                  \
			.def = "on", .desc = "interrupts by MSI-X; off: by MSI"                \
	}

#define TYPE3_HEADS      255u /* what the fabric manager is told of them is a byte */
#define TYPE3_VECTOR_DOE 0

/** cxb_type3_static_init() - Take the backends of static memory and label storage. On failure
 * cxb_type3_static_fini() gives back those that were taken. */
bool cxb_type3_static_init(Type3 *t3, GError **errp);
void cxb_type3_static_fini(Type3 *t3);
/** cxb_type3_parts() - Static parts there are; their DSMAD handles count from 0 in order of DPA,
 * those of the regions follow. */
unsigned cxb_type3_parts(const Type3 *t3);
/** cxb_type3_part_at() - The static part that @dpa lies in, or NULL. */
const Type3Part *cxb_type3_part_at(const Type3 *t3, uint64_t dpa);

/** cxb_type3_dpa_ok() - (@dpa, @len) lies below the end of the device; @opaque is a Type3. */
bool cxb_type3_dpa_ok(void *opaque, uint64_t dpa, uint64_t len);

/** cxb_type3_bytes_at() - The bytes at (@dpa, *@len), *@len cut to what lies together; false if @dpa
 * has none. */
bool cxb_type3_bytes_at(const Type3 *t3, uint64_t dpa, size_t *len, CxbHostMem **mem,
			uint64_t *off);

/** cxb_type3_answers() - All of (@dpa, @len) has bytes behind it; @opaque is a Type3. */
bool cxb_type3_answers(void *opaque, uint64_t dpa, uint64_t len);
/** cxb_type3_segment() - As cxb_cxl_endpoint_segment(), media disabled or not. */
bool cxb_type3_segment(Type3 *t3, uint64_t dpa, CxbCxlSegment *out);
/* As cxb_cxl_endpoint_answers(), _segment(), _read() and _write(). */
bool cxb_type3_media_answers(const CxbDevice *endpoint);
bool cxb_type3_media_segment(CxbDevice *endpoint, uint64_t dpa, CxbCxlSegment *out);
bool cxb_type3_media_read(CxbDevice *endpoint, uint64_t dpa, void *buf, size_t len);
bool cxb_type3_media_write(CxbDevice *endpoint, uint64_t dpa, const void *buf, size_t len);

/** cxb_type3_media() - For CxbMemdevConfig: erases what is behind @t3. */
CxbMemdevMedia cxb_type3_media(Type3 *t3);
/** cxb_type3_sanitize_fini() - Nothing is erased any more. */
void cxb_type3_sanitize_fini(Type3 *t3);

/** cxb_type3_poison_init() - The list and its commands, after memdev and dc are settled. */
void cxb_type3_poison_init(Type3 *t3);
CxbPoison *cxb_type3_poison_kept_new(void);

/** cxb_type3_region_set() - The setter of "dc-region.N.KEY". */
bool cxb_type3_region_set(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
			  GError **errp);
/** cxb_type3_regions_described() - How many regions "dc-region" speaks of; 0: it is not used. */
unsigned cxb_type3_regions_described(const Type3 *t3);
/** cxb_type3_regions() - Check these and lay them out behind static memory. @total: bytes of all. */
bool cxb_type3_regions(const Type3 *t3, CxbDcRegion *regions, uint64_t *total, GError **errp);
/** cxb_type3_dc_init() - Make the engine, if there are regions; after static memory. */
bool cxb_type3_dc_init(Type3 *t3, GError **errp);
/** cxb_type3_dc_join() - Be a further head of t3->device. */
bool cxb_type3_dc_join(Type3 *t3, GError **errp);
/** cxb_type3_dc_plug() - @t3 is head t3->head_nr of it from now on. */
void cxb_type3_dc_plug(Type3 *t3, Type3Capacity *c);
bool cxb_type3_is_head(const Type3 *t3); /* a further one */
/** cxb_type3_dc_attach() - Give it its commands and records, and the machine as an observer. */
void cxb_type3_dc_attach(Type3 *t3);
/** cxb_type3_dc_leave() - The host has gone, whatever it had is free, while others go on. Before the machine
 * is told that @t3 goes. */
void cxb_type3_dc_leave(Type3 *t3);
void cxb_type3_dc_fini(Type3 *t3); /* with the last head: the engine */

/** cxb_type3_page_init() - Of a device that is served elsewhere; before its registers. */
bool cxb_type3_page_init(Type3 *t3, GError **errp);
void cxb_type3_page_fini(Type3 *t3);
/** cxb_type3_page_share() - Let it be mapped, in @bar. */
void cxb_type3_page_share(Type3 *t3, unsigned bar);
void cxb_type3_page_served(Type3 *t3, bool by_somebody);

/** cxb_type3_fm_init() - The fabric manager's side, after memdev and dc are settled. */
void cxb_type3_fm_init(Type3 *t3);

void cxb_type3_backings_init(Type3Capacity *c);
/** cxb_type3_find_backing() - For CxbDcConfig; good until the next call unless held meanwhile. */
CxbDcBacking *cxb_type3_find_backing(void *opaque, const CxbUuid *tag);
/** cxb_type3_static_backing() - Take dc_memdev; NULL on failure. */
CxbDcBacking *cxb_type3_static_backing(Type3 *t3, GError **errp);
void cxb_type3_backings_fini(Type3Capacity *c);
/** cxb_type3_cdat_init() - Make or load the table and add the DOE that shows it. After dc and
 * static_size are settled. */
bool cxb_type3_cdat_init(Type3 *t3, uint16_t off, GError **errp);
void cxb_type3_cdat_fini(Type3 *t3);

/** cxb_type3_ras_error() - For CxbCompConfig; @opaque is the Type3. */
void cxb_type3_ras_error(void *opaque, bool correctable);
void cxb_type3_reset(CxbPciDev *dev, CxbResetKind kind);

extern const CxlEndpointClass cxb_type3_class;

extern const CxbType cxb_pxb_cxl_type;
extern const CxbType cxb_cxl_rp_type;
extern const CxbType cxb_cxl_type2_type;
extern const CxbType cxb_cxl_type3_type;
extern const CxbType cxb_cxl_type3_head_type;
extern const CxbType cxb_cxl_mctp_type;
extern const CxbType cxb_cxl_window_type;

#endif
