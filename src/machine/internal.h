/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. */
#ifndef CXB_MACHINE_INTERNAL_H
#define CXB_MACHINE_INTERNAL_H

#include "cxl/hdm_claim.h"
#include "devices/cxl.h"
#include "layout.h"
#include "machine/machine.h"

/* Priorities in the memory map: what wins where ranges overlap. */
enum {
	PRIO_BAR,
	PRIO_RAM,
	PRIO_WINDOW,
	PRIO_HOST_REGS,
	PRIO_ECAM,
	PRIO_MSI,
};

/* --- the machine object (/machine): properties of -machine --- */

#define MAX_WINDOWS 64
#define MAX_TARGETS 16

typedef struct {
	bool given;
	GPtrArray *targets; /* char *, NULL where not given */
	bool has_size;
	uint64_t size;
	uint64_t granularity;
} WindowOpts;

/* What unused.c takes and nothing else looks at. */
typedef struct {
	int acpi, pic, pit, smbios_entry_point, smm, vmport;
	bool aux_ram_share, bypass_iommu, change_vmfd, dump_guest_core, fd_bootchk, graphics, hmat,
		hpet, i8042, its, mem_merge, mte, nvdimm, ras, sata, secure, smbus, spcr,
		suppress_vmdesc, usb, virtualization, wdat;
	uint32_t phandle_start;
	uint64_t bus_lock_ratelimit, max_fw_size;
	char *append, *confidential, *dt_compatible, *dtb, *dumpdtb, *firmware, *gic_version,
		*initrd, *iommu, *kernel, *memory_encryption, *nvdimm_persistence, *pcspk,
		*pflash[2], *shim;
	const CxbProp *noted; /* the last that was warned of */
} MachineUnused;

extern const CxbProp machine_unused_props[];

typedef struct {
	CxbObject obj;
	CxbMachine *m;
	bool cxl;
	char *memory_backend;
	uint64_t max_ram_below_4g;
	bool vfio_user, auto_shutdown;   /* of x-remote */
	char *oem_id, *oem_table_id;     /* of the ACPI tables */
	bool highmem_ecam, highmem_mmio; /* of virt */
	uint64_t highmem_mmio_size;
	MachineUnused unused;
	WindowOpts windows[MAX_WINDOWS];
	unsigned n_windows; /* highest index given + 1 */
} MachineObj;

extern const CxbType cxb_q35_machine_type;
extern const CxbType cxb_virt_machine_type;
extern const CxbType cxb_remote_machine_type;
extern const CxbType cxb_machine_base_type;

/* What one kind of machine has of its own: what its type's klass points to. */
typedef struct {
	const char *ram_id; /* of the backend that is RAM if none is named; NULL: there is no RAM */
	const char *low_ram; /* what the part of it that comes first is called in the map */
	/* Where all is that is not placed by a register; NULL: there is nothing to place. */
	bool (*layout)(const CxbMachine *m, uint64_t windows, Layout *out, GError **errp);
	/* The bus for devices and what is on it from the start. */
	bool (*create)(CxbMachine *m, GError **errp);
	/* What stays where the map has it and is of this kind alone; NULL: nothing. */
	void (*place)(CxbMachine *m);
	bool no_ports; /* neither I/O ports nor interrupt lines */
} MachineClass;

static inline const MachineClass *machine_class(const MachineObj *obj)
{
	return cxb_object_klass(&obj->obj);
}

/* --- fixed windows --- */

typedef struct {
	CxbFixedWindow pub;
	CxbDevice **bridges; /* ways entries */
	CxbRegion *region;
} Window;

bool cxb_fmw_init(CxbMachine *m, GError **errp); /* check options, resolve targets; sizes */
bool cxb_fmw_place(CxbMachine *m, uint64_t first, GError **errp);
void cxb_fmw_fini(CxbMachine *m);
uint64_t cxb_fmw_total(const CxbMachine *m);
/** cxb_fmw_at() - The window that contains @hpa, or NULL. */
Window *cxb_fmw_at(CxbMachine *m, uint64_t hpa);
/** cxb_fmw_route() - Follow @hpa through its window; @route's len ends with the window. */
bool cxb_fmw_route(Window *w, uint64_t hpa, CxbCxlRoute *route);

/* --- direct aliases --- */

typedef struct Aliases Aliases;
Aliases *cxb_aliases_new(CxbMachine *m);
void cxb_aliases_free(Aliases *a);
void cxb_aliases_add_endpoint(Aliases *a, CxbDevice *endpoint);
void cxb_aliases_remove_endpoint(Aliases *a, CxbDevice *endpoint);
/** cxb_aliases_drop() - Remove all aliases of endpoints whose path has @component. */
void cxb_aliases_drop(Aliases *a, CxbDevice *component);
/** cxb_aliases_refresh() - Make every alias that is now possible for those endpoints. */
void cxb_aliases_refresh(Aliases *a, CxbDevice *component);
void cxb_aliases_add_range(Aliases *a, CxbDevice *endpoint, const CxbCxlSegment *seg);
void cxb_aliases_remove_range(Aliases *a, CxbDevice *endpoint, uint64_t dpa, uint64_t len);

/* --- memory of devices that are passed through: what a CxbCxlListener says --- */

bool cxb_placed_claim(CxbMachine *m, const CxbDevice *dev, uint64_t given, uint64_t size,
		      uint64_t *hpa, GError **errp);
bool cxb_placed_show(CxbMachine *m, const CxbDevice *dev, uint64_t hpa, uint64_t size,
		     CxbHostMem *mem, GError **errp);
void cxb_placed_hide(CxbMachine *m, uint64_t hpa);

/* --- interrupts --- */

typedef struct Irqs Irqs;
Irqs *cxb_irqs_new(CxbMachine *m);
/** cxb_irqs_use_its() - Messages end at an ITS, not at local APICs. Before the first is allocated. */
void cxb_irqs_use_its(Irqs *irqs);
void cxb_irqs_free(Irqs *irqs);
bool cxb_irqs_alloc(Irqs *irqs, CxbBusIrqFn fn, void *opaque, CxbBusIrq *out, GError **errp);
void cxb_irqs_release(Irqs *irqs, guint id);
void cxb_irqs_reset(Irqs *irqs);
/** cxb_irqs_resume() - Run what came while the machine stood, in order of arrival. */
void cxb_irqs_resume(Irqs *irqs);

/* --- reset --- */

void machine_reset(CxbMachine *m, CxbResetCause cause); /* all but the listeners */

/* --- devices at run time --- */

void cxb_hotplug_init(CxbMachine *m); /* after the PCI host is there */
void cxb_hotplug_fini(CxbMachine *m); /* while the tree is there */
/** cxb_hotplug_reset() - Those that were asked to leave go now. */
void cxb_hotplug_reset(CxbMachine *m);

/* --- chipset --- */

extern const MachineClass cxb_q35_class;
extern const CxbType cxb_q35_mch_type; /* the host bridge function 00.0 with PCIEXBAR */
extern const MachineClass cxb_virt_class;
extern const CxbType cxb_gpex_root_type; /* the same without a register */

/* --- who maps capacity into machines elsewhere; each does nothing where there is nobody --- */

void cxb_mappers_init(CxbMachine *m);
void cxb_mappers_fini(CxbMachine *m);
CxbDcPrepare cxb_mapper_prepare(CxbMachine *m, CxbDevice *endpoint, const CxbDcOp *op,
				GError **errp);
/** cxb_mappers_lost() - No machine elsewhere still shows the bytes of what is to be offered. */
bool cxb_mappers_lost(CxbMachine *m, const CxbDcOp *op, GError **errp);
void cxb_mapper_abort(CxbMachine *m, CxbDevice *endpoint, const CxbDcOp *op);
void cxb_mapper_commit(CxbMachine *m, CxbDevice *endpoint, const CxbDcOp *op);
void cxb_mapper_decode_changed(CxbMachine *m, CxbDevice *endpoint);
bool cxb_mapper_decode_settling(CxbMachine *m, CxbDevice *endpoint);
void cxb_mapper_gone(CxbMachine *m, CxbDevice *endpoint);

/* --- the machine object --- */

/** cxb_machine_object_make() - /machine, of @type, in the place of the one there is. */
void cxb_machine_object_make(CxbMachine *m, const CxbType *type);

/* --- tables --- */

/** cxb_acpi_write() - RSDP, XSDT, MCFG, CEDT into RAM below 1 MiB. */
void cxb_acpi_write(CxbMachine *m);

/* --- bus --- */

CxbBus *cxb_machine_bus_new(CxbMachine *m);
void cxb_machine_bus_free(CxbBus *bus);

struct CxbMachine {
	CxbQom *qom;
	GMainContext *context;
	CxbClock *clock;
	CxbWorkq *workq;
	CxbWorker *worker;
	CxbMemMap *mm;
	CxbHostMemPool *pool;
	CxbPciHost *pci;
	CxbPciBus *root_bus;
	CxbDcTagSpace *tags;
	CxbBus *bus;
	Irqs *irqs;
	Aliases *aliases;
	CxbHdmClaims *claims; /* of devices that are passed through */
	MachineObj *obj;      /* the tree keeps it */
	CxbCxlListener listener;

	/* -m; merged */
	uint64_t ram_size, maxmem;
	uint64_t slots;
	bool has_maxmem, has_slots;

	bool opts_given; /* some -machine has said something about m->obj */
	bool created, done;
	Layout layout;
	CxbHostMem *ram; /* held */
	CxbRegion *ram_low, *ram_high;
	CxbRegion *ecam;
	Window *windows;
	unsigned n_windows;
	GPtrArray *bridges; /* CxbDevice *, pxb-cxl in order of their registers */

	GHashTable *leaving; /* CxbDevice *, referenced -> int64_t: asked to leave at, ns */
	uint8_t port92;
	CxbRunState state;
	CxbMachineActions actions;
	bool ending; /* a shutdown that ends the program was told */
	bool reset_pending;
	CxbBusPlatform platform;
	GHashTable *mappers; /* CxbDevice * -> Mapper */

	CxbDeletedNotify deleted_notify;
	CxbResetNotify reset_notify;
	CxbRunNotify run_notify;
	CxbShutdownNotify shutdown_notify;
	CxbDcNotify dc_notify;
	CxbIrqNotify irq_notify;
	CxbDecodeNotify decode_notify;
};

#endif
