/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the host room share. A boot goes through the phases below, one or more work
 * items each; devices are probed side by side, each with one mailbox command outstanding.
 */
#ifndef CXB_HOST_PRIV_H
#define CXB_HOST_PRIV_H

#include "base/bytes.h"
#include "base/ivmap.h"
#include "host/host.h"

#define H_MIB              (1ull << 20)
#define H_HDM_UNIT         (256 * H_MIB)
#define H_MAX_FUNCTIONS    1024
#define H_MAX_MEMDEVS      256
#define H_MAX_TABLE        H_MIB /* bytes of an ACPI table */
#define H_MAX_DOES         4     /* of one function, that are looked at */
#define H_DOE_LEN          0x18
#define H_MAX_BAR          (1ull << 40) /* larger ones are not placed */
#define H_EXTENT_ALIGN     (2 * H_MIB)  /* what an allocation can be mapped with */
#define H_EVENTS_KEPT      256
#define H_MS               1000000ll     /* ns */
#define H_MBOX_TIMEOUT_NS  (2000 * H_MS) /* a command's doorbell */
#define H_READY_TIMEOUT_NS (60000 * H_MS)
#define H_DOE_TIMEOUT_NS   (1000 * H_MS)  /* a data object, or an abort */
#define H_CHAIN_TIMEOUT_NS (20000 * H_MS) /* an open chain of add records */

typedef enum {
	H_ACPI,   /* find the tables */
	H_ENUM,   /* one root bus a step */
	H_PLACE,  /* BARs and bridge windows */
	H_PROBE,  /* memory devices: identify, regions */
	H_PLAN,   /* where each region goes */
	H_COMMIT, /* one decoder a step */
	H_ATTACH, /* extents, interrupts, logs */
	H_READY,
	H_FAILED,
} HPhase;

/*
 * The driver of one host: what it holds of the memory devices that are its heads. What firmware does, to
 * find out what is on the bus and to place it, is the machine's, which is one.
 */
typedef struct {
	CxbHost *host;
	uint16_t id;
	HPhase phase;        /* of a start of its own: H_PROBE, H_ATTACH, H_READY */
	unsigned busy;       /* its memory devices not through that phase yet */
	GHashTable *tags;    /* set of HAlloc by tag: asking or accepted */
	GHashTable *waiting; /* set of untagged HAlloc waiting for an answer */
} HDriver;

/* The HDM decoders of a host bridge, switch or device (8.2.4.20). */
typedef struct {
	uint64_t hpa; /* of the capability; 0: has none */
	unsigned count;
	unsigned next;  /* decoder to be committed next */
	GArray *ranges; /* of HRange, by HPA, neighbours merged; ports only */
} HHdm;

typedef struct {
	uint64_t hpa, len;
	uint8_t target; /* port number */
	bool device;    /* device-coherent: memory of an accelerator */
} HRange;

typedef struct {
	uint64_t size, addr;
	bool mem, is64, pref, placed;
} HBar;

enum { H_MEM, H_PREF, H_KINDS }; /* bridge windows */

typedef struct {
	uint64_t size, align, addr;
	bool placed;
} HBridgeWindow;

typedef struct HRoot HRoot;

typedef struct HFunc {
	CxbHostFunction pub;
	HRoot *root;
	struct HFunc *parent; /* bridge above; NULL on a root bus */
	GPtrArray *below;     /* bridges: of HFunc, not owned */
	bool bridge;
	bool pref64;
	uint8_t bus_below, last_below;
	int port_type; /* PCIe device/port type; -1: not PCIe */
	uint8_t port_number;
	bool number_clash; /* a port before it has the same number */

	uint16_t pcie, msix, msi, dvsec_device, dvsec_locator; /* offsets; 0: none */
	uint16_t doe[H_MAX_DOES];
	unsigned n_does;
	uint16_t control; /* PCIe Device Control, over a reset */
	uint64_t serial;
	HBar bar[6];
	HBridgeWindow win[H_KINDS];
	uint64_t comp;          /* HPA of the component block; 0: none */
	uint64_t dev, dev_size; /* device block */
	HHdm hdm;               /* upstream ports */
} HFunc;

/* A root bus: bus 0, and one for each CXL host bridge. */
struct HRoot {
	uint8_t bus, last_bus;
	unsigned next_bus;
	bool cxl;
	uint64_t comp; /* component registers from CHBS; 0: none */
	unsigned root_ports;
	HHdm hdm;
	GPtrArray *funcs; /* on this bus; not owned */
};

typedef struct {
	CxbHostWindow pub;
	uint32_t *targets; /* owned */
	uint64_t cursor;   /* first HPA not handed out */
} HWindow;

typedef struct HMemdev HMemdev;
typedef struct HAlloc HAlloc;

/* One extent, offered or accepted. */
typedef struct {
	uint64_t dpa, len;
	CxbUuid tag;
	uint16_t seq;
	uint8_t region;
	bool offered;   /* in the map of offers */
	bool live;      /* in the map of what we accepted */
	bool clash;     /* overlaps another offer */
	bool duplicate; /* already accepted */
	bool withdrawn; /* taken away by the device before it was accepted */
	HAlloc *alloc;  /* owner; NULL while its chain is open */
} HExtent;

typedef enum {
	A_ASKING,
	A_REFUSED,
	A_ANSWERING,
	A_ACCEPTED,
	A_RELEASE_ASKED,
	A_RELEASING
} HAllocState;

typedef struct HChain HChain;

/* All extents of one tag, or one untagged extent: accepted and given back as a whole. */
struct HAlloc {
	HMemdev *md;
	CxbUuid tag;
	HAllocState state;
	unsigned holders;   /* of its DAX device */
	bool known;         /* in the driver's table of tags */
	bool waiting;       /* in its table of untagged ones to be answered */
	unsigned pending;   /* release commands not answered */
	HChain *chain;      /* until it is answered */
	GPtrArray *extents; /* of HExtent, owned; as offered or listed */
	GList link;         /* in the device's accepted ones */
};

/* Add records up to the one without "more": answered by one response. */
struct HChain {
	GPtrArray *extents; /* of HExtent, in order of arrival; owned only while open */
	GPtrArray *allocs;  /* of HAlloc, owned until accepted; NULL while open */
	unsigned asking;
	GArray *answer; /* of wire_dc_update_entry; NULL until all is decided */
	size_t sent;    /* entries answered */
};

typedef struct {
	int rc;             /* device's return code; negative: no answer */
	const uint8_t *out; /* valid during the call */
	size_t len;
} HReply;
typedef void (*HMboxDone)(HMemdev *md, void *opaque, const HReply *reply);

typedef struct HMboxCmd HMboxCmd;
typedef struct HCdat HCdat;

enum { /* commands the effects log names, those we care about */
       H_HAS_TIMESTAMP = 1u << 0,
       H_HAS_PARTITION = 1u << 1,
       H_HAS_GET_EVENTS = 1u << 2,
       H_HAS_CLEAR_EVENTS = 1u << 3,
       H_HAS_GET_POLICY = 1u << 4,
       H_HAS_SET_POLICY = 1u << 5,
       H_HAS_DC_CONFIG = 1u << 6,
       H_HAS_DC_LIST = 1u << 7,
};
#define H_HAS_EVENTS (H_HAS_GET_EVENTS | H_HAS_CLEAR_EVENTS | H_HAS_GET_POLICY | H_HAS_SET_POLICY)

#define H_DC_REGIONS 8
#define H_LOGS       5

struct HMemdev {
	CxbHost *host;
	HFunc *func;
	unsigned index;
	HDriver *driver;
	bool failed;
	uint64_t serial;
	char firmware[17];

	/* registers, HPA */
	uint64_t status, mbox, memdev_status;
	unsigned payload; /* bytes */
	HHdm hdm;
	uint64_t dpa_cursor; /* end of what the committed decoders cover */

	/* mailbox */
	GQueue commands; /* of HMboxCmd */
	HMboxCmd *current;
	bool rung;
	bool work_posted;
	int64_t deadline, backoff;
	CxbTimer *timer; /* doorbell; before that, readiness */
	uint8_t *buf;    /* payload bytes */

	/* probe */
	unsigned has;
	uint32_t cel_size, cel_at;
	uint64_t volatile_size, persistent_size;
	uint64_t hpa_cursor; /* decoders must be in increasing order of HPA */
	GArray *regions;     /* of CxbHostRegion, by DPA */
	GArray *mapped;      /* those of the last start, while they are learned anew; else NULL */
	unsigned dc_regions;
	uint8_t dsmas[H_DC_REGIONS]; /* handle, by number of the region */
	HCdat *cdat;                 /* while it is read */

	/* extent list at boot */
	GArray *list; /* of wire_dc_extent */
	uint32_t list_generation, list_total;
	unsigned list_tries;

	/* events */
	uint8_t policy[H_LOGS];
	unsigned policy_len;
	unsigned n_irqs;
	CxbBusIrq irq[H_LOGS];
	uint8_t irq_vector[H_LOGS];
	bool draining, drained;
	uint8_t drain_logs, failed_logs;
	unsigned drain_rounds;
	unsigned clears; /* Clear Event Records not answered */
	CxbTimer *drain_timer;

	/* dynamic capacity */
	CxbIvMap *offers;   /* of HExtent, by DPA */
	CxbIvMap *live;     /* of HExtent, by DPA */
	GQueue accepted;    /* of HAlloc, oldest first */
	CxbIvMap *given_up; /* ranges given up in the open chain of release records */
	GQueue releasing;   /* of HExtent (range only): release commands on their way, in order */
	uint8_t sharable;   /* a bit a region, from CDAT */
	HChain *chain;      /* open */
	CxbTimer *chain_timer;
	GQueue answers; /* of HChain, oldest first */
	bool answering;
};

struct CxbHost {
	CxbHostConfig config;
	CxbBus *bus;
	HPhase phase;
	char *error;
	bool lost; /* the bus failed */
	bool started, work_posted;
	bool halted, held; /* held: a step was due meanwhile */

	CxbBusRange pci32, pci64;
	uint64_t ecam_base, ecam_size;
	unsigned mcfg_last_bus;
	bool bus_seen[256];  /* where numbers are adopted: led to by a bridge */
	GArray *windows;     /* of HWindow */
	GArray *windows_pub; /* of CxbHostWindow */
	GPtrArray *roots;    /* of HRoot, by bus */
	unsigned next_root;
	GPtrArray *funcs;    /* of HFunc, tree order */
	GArray *funcs_pub;   /* of CxbHostFunction */
	GPtrArray *memdevs;  /* of HMemdev */
	GArray *memdevs_pub; /* of CxbHostMemdev */
	GArray *regions_pub; /* of CxbHostRegion */
	GArray *accels;      /* of CxbHostAccel */
	GHashTable *drivers; /* host id -> HDriver */
	unsigned restarting; /* of them: are starting anew */
	unsigned busy;       /* memory devices not through this phase yet */
	GPtrArray *jobs;     /* decoders to commit */
	unsigned next_job;
	CxbTimer *commit_timer;
	bool committing;
	int64_t commit_deadline;

	GQueue events; /* of CxbHostEvent, oldest first */
};

/* host.c */
void cxb_h_say(CxbHost *host, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void cxb_h_say_md(HMemdev *md, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/** cxb_h_go() - Enter @phase and queue its first step. */
void cxb_h_go(CxbHost *host, HPhase phase);
/** cxb_h_kick() - Queue another step of this phase. */
void cxb_h_kick(CxbHost *host);
void cxb_h_fail(CxbHost *host, const char *why);
/** cxb_h_boot_done() - One memory device is through this phase of the boot. */
void cxb_h_boot_done(CxbHost *host);
int64_t cxb_h_now(const CxbHost *host);

/* Accesses read all ones where nothing answers. */
uint32_t cxb_h_cfg(CxbHost *host, uint16_t bdf, unsigned off, unsigned size);
void cxb_h_cfg_write(CxbHost *host, uint16_t bdf, unsigned off, unsigned size, uint32_t val);
/** cxb_h_adopts() - Bus numbers and addresses are there already, and stay. */
bool cxb_h_adopts(const CxbHost *host);
CxbBusRange cxb_h_bar(CxbHost *host, uint16_t bdf, unsigned n);
bool cxb_h_read(CxbHost *host, uint64_t hpa, void *buf, size_t len);
uint32_t cxb_h_read32(CxbHost *host, uint64_t hpa);
uint64_t cxb_h_read64(CxbHost *host, uint64_t hpa);
void cxb_h_write(CxbHost *host, uint64_t hpa, const void *buf, size_t len);
void cxb_h_write32(CxbHost *host, uint64_t hpa, uint32_t val);
void cxb_h_write64(CxbHost *host, uint64_t hpa, uint64_t val);

/* driver.c */
GHashTable *cxb_h_drivers_new(void);
/** cxb_h_driver() - Of a host; NULL: it has no memory device here. */
HDriver *cxb_h_driver(CxbHost *host, uint16_t id);
/** cxb_h_driver_of() - Of the host that a function belongs to; made if it is the first. */
HDriver *cxb_h_driver_of(CxbHost *host, uint16_t bdf);
/** cxb_h_drivers_ready() - The machine has booted, and they with it. */
void cxb_h_drivers_ready(CxbHost *host);
/** cxb_h_done() - A memory device is through this phase, of the boot or of its driver. */
void cxb_h_done(HMemdev *md);

/* acpi.c */
bool cxb_h_acpi(CxbHost *host, GError **errp);
void cxb_h_window_clear(HWindow *window);

/* pci_enum.c */
void cxb_h_root_add(CxbHost *host, uint8_t bus, bool cxl, uint64_t comp);
void cxb_h_root_free(HRoot *root);
void cxb_h_func_free(HFunc *func);
void cxb_h_enumerate(CxbHost *host, HRoot *root);

/* pci_place.c */
void cxb_h_place(CxbHost *host);
/** cxb_h_func_reset() - Begin a function level reset of an endpoint. False: it has none. */
bool cxb_h_func_reset(CxbHost *host, HFunc *func);
/** cxb_h_func_restore() - After it: back to where it was placed. */
void cxb_h_func_restore(CxbHost *host, HFunc *func);
/** cxb_h_locate() - Find the register blocks of a function whose BARs are placed (8.1.9). */
void cxb_h_locate(CxbHost *host, HFunc *func);

/* memdev.c */
void cxb_h_memdevs_find(CxbHost *host);
void cxb_h_memdev_free(HMemdev *md);
/** cxb_h_memdev_renew() - Forget all but what firmware knows: where it is, and what is mapped where. */
void cxb_h_memdev_renew(HMemdev *md);
/** cxb_h_regions_keep() - Regions that were learned anew lie where they did before. */
void cxb_h_regions_keep(HMemdev *md);
void cxb_h_memdev_fail(HMemdev *md, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void cxb_h_probe(HMemdev *md);
void cxb_h_attach(HMemdev *md);
/** cxb_h_config_reread() - The device says its region configuration changed. */
void cxb_h_config_reread(HMemdev *md);
CxbHostRegion *cxb_h_region(HMemdev *md, unsigned i);

/* mailbox.c */
/** cxb_h_mbox_setup() - Find the mailbox and status registers in the device block. */
bool cxb_h_mbox_setup(HMemdev *md);
void cxb_h_mbox_fini(HMemdev *md);
/** cxb_h_mbox() - Queue a command; @done is told once. @in is copied. */
void cxb_h_mbox(HMemdev *md, uint16_t opcode, const void *in, size_t len, HMboxDone done,
		void *opaque);
/** cxb_h_mbox_next() - As cxb_h_mbox(), before all that wait. */
void cxb_h_mbox_next(HMemdev *md, uint16_t opcode, const void *in, size_t len, HMboxDone done,
		     void *opaque);
const char *cxb_h_reply_text(const HReply *reply);

/* cdat.c */
/** cxb_h_cdat_read() - Learn from CDAT which regions are sharable; then this phase is done. */
void cxb_h_cdat_read(HMemdev *md);
void cxb_h_cdat_fini(HMemdev *md);

/* decoders.c */
void cxb_h_hdm_find(CxbHost *host, uint64_t comp, HHdm *hdm);
void cxb_h_hdm_fini(HHdm *hdm);
void cxb_h_plan(CxbHost *host);
/** cxb_h_path_take() - Have the ports above @f lead (@hpa, @len), of device-coherent memory, to it. Returns:
 * NULL, or why they cannot. */
const char *cxb_h_path_take(HFunc *f, uint64_t hpa, uint64_t len);

/* accel.c */
/** cxb_h_accels_plan() - Before memory devices get addresses. */
void cxb_h_accels_plan(CxbHost *host);
/** cxb_h_accels_unmap() - No port leads to (@hpa, @len) after all. */
void cxb_h_accels_unmap(CxbHost *host, uint64_t hpa, uint64_t len);
/** cxb_h_accels_try() - Once the ports lead there. */
void cxb_h_accels_try(CxbHost *host);

void cxb_h_commit_step(CxbHost *host);

/* events.c */
void cxb_h_events_start(HMemdev *md);
void cxb_h_events_fini(HMemdev *md);

/* dcd.c: what may be accepted */
/** cxb_h_judge() - Why an offered allocation must be refused; NULL: it may be accepted. */
const char *cxb_h_judge(HAlloc *alloc);
/** cxb_h_region_of() - The dynamic-capacity region that holds all of a range, or NULL. */
CxbHostRegion *cxb_h_region_of(HMemdev *md, uint64_t dpa, uint64_t len);

/* extents.c: what is offered and accepted */
struct wire_dc_record;
struct wire_dc_extent;
void cxb_h_extents_init(HMemdev *md);
void cxb_h_extents_fini(HMemdev *md);
/** cxb_h_take_over() - An extent that the device lists as accepted. */
void cxb_h_take_over(HMemdev *md, const struct wire_dc_extent *e);
HAlloc *cxb_h_alloc_new(HMemdev *md, const CxbUuid *tag);
void cxb_h_alloc_free(HAlloc *alloc);
/** cxb_h_alloc_accepted() - It is ours: a DAX device. */
void cxb_h_alloc_accepted(HAlloc *alloc);
guint cxb_h_tag_hash(gconstpointer alloc);
gboolean cxb_h_tag_equal(gconstpointer a, gconstpointer b);
/** cxb_h_tag_find() - What a driver knows of a tag, or NULL. */
HAlloc *cxb_h_tag_find(HDriver *drv, const CxbUuid *tag);
/** cxb_h_alloc_known() - Into or out of the table that tags are looked up in. */
void cxb_h_alloc_known(HAlloc *alloc, bool known);
/** cxb_h_alloc_waiting() - Waits, or no longer waits, for cxb_host_respond(). */
void cxb_h_alloc_waiting(HAlloc *alloc, bool waiting);
void cxb_h_extent_unoffer(HExtent *e);
void cxb_h_extent_unlive(HExtent *e);

/* look.c */
CxbHostExtent cxb_h_extent_pub(HMemdev *md, const HExtent *e);

/* offers.c: chains of add records and their answers */
void cxb_h_offer(HMemdev *md, const struct wire_dc_record *rec);
void cxb_h_offer_decide(HAlloc *alloc, bool yes);
/** cxb_h_offers_withdraw() - The device took a range back before it was answered. */
void cxb_h_offers_withdraw(HMemdev *md, uint64_t dpa, uint64_t len);
void cxb_h_offers_fini(HMemdev *md);

/* releases.c */
void cxb_h_release(HMemdev *md, const struct wire_dc_record *rec);
void cxb_h_forced(HMemdev *md, const struct wire_dc_record *rec);
void cxb_h_give_up(HAlloc *alloc);
/** cxb_h_let_go() - Nobody holds it any more: what was asked back meanwhile goes. */
void cxb_h_let_go(HAlloc *alloc);

#endif
