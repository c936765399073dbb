/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine: from the options of a command line to memory layout, PCI, fixed windows, ACPI
 * tables, reset. It owns the one thread's world (objects, clock, work queue). Front doors (QMP,
 * qtest, the built-in host) call it; it never calls them, it notifies.
 *
 * Order: new -> set_opts, set_memory (merged, any number) -> user objects -> create -> devices ->
 * done -> running. Objects and hot-pluggable devices may come and go afterwards.
 */
#ifndef CXB_MACHINE_MACHINE_H
#define CXB_MACHINE_MACHINE_H

#include "base/clock.h"
#include "base/notify.h"
#include "base/uuid.h"
#include "base/workq.h"
#include "bus/bus.h"
#include "cxl/dc.h"
#include "memory/hostmem.h"
#include "memory/memmap.h"
#include "pci/pci.h"
#include "qom/device.h"

typedef struct CxbMachine CxbMachine;

typedef struct {
	GMainContext *context; /* NULL: the default one */
	bool virtual_clock;    /* time moves only by cxb_clock_advance() (-accel qtest alone) */
} CxbMachineConfig;

CxbMachine *cxb_machine_new(const CxbMachineConfig *config);
void cxb_machine_free(CxbMachine *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbMachine, cxb_machine_free)

/** cxb_machine_set_opts() - One -machine/-M value (implied key "type"); later keys win. */
bool cxb_machine_set_opts(CxbMachine *m, CxbOpts *opts, GError **errp);
/** cxb_machine_set_memory() - One -m value: size, slots, maxmem (implied key "size"). */
bool cxb_machine_set_memory(CxbMachine *m, CxbOpts *opts, GError **errp);
/** cxb_machine_create() - RAM, host bridge, bus "pcie.0". */
bool cxb_machine_create(CxbMachine *m, GError **errp);
/** cxb_machine_done() - All start-up devices are there: windows are resolved and placed, tables
 * written, everything reset. */
bool cxb_machine_done(CxbMachine *m, GError **errp);

/* The QOM type of the default machine. */
#define CXB_MACHINE_TYPE_NAME "pc-q35-11.1-machine"

/* A type of machine by the name that "-M" has for it; those of one kind are the same machine. */
typedef struct {
	const char *name;
	const char *alias; /* NULL: none */
	bool is_default;
	bool deprecated;    /* as in QEMU, which drops the oldest with each release */
	const char *ram_id; /* of the backend that is RAM if none is named */
} CxbMachineTypeName;

/** cxb_machine_type_names() - All of them, oldest first; ends with name NULL. */
const CxbMachineTypeName *cxb_machine_type_names(void);
/** cxb_machine_print_types() - "-M help". */
void cxb_machine_print_types(void);

/** cxb_machine_is_remote() - It has devices for other machines and no host of its own (x-remote). */
bool cxb_machine_is_remote(const CxbMachine *m);
/** cxb_machine_serves() - Its devices may be served over vfio-user. */
bool cxb_machine_serves(const CxbMachine *m);
/** cxb_machine_auto_shutdown() - It ends with the last of those that serve. */
bool cxb_machine_auto_shutdown(const CxbMachine *m);
/** cxb_machine_is_done() - cxb_machine_done() is through. */
bool cxb_machine_is_done(const CxbMachine *m);

uint64_t cxb_machine_ram_size(const CxbMachine *m);

/* What -m says, and what comes of it. */
typedef struct {
	uint64_t ram, maxmem; /* bytes; equal: none can be plugged */
	uint64_t slots;
	uint64_t device_memory, device_memory_size; /* where it would be: HPA, bytes */
} CxbMachineMemory;

/** cxb_machine_memory() - Of a machine that is done. */
CxbMachineMemory cxb_machine_memory(const CxbMachine *m);
CxbQom *cxb_machine_qom(CxbMachine *m);
CxbClock *cxb_machine_clock(CxbMachine *m);
CxbWorkq *cxb_machine_workq(CxbMachine *m);
CxbMemMap *cxb_machine_memmap(CxbMachine *m);
CxbPciHost *cxb_machine_pci(CxbMachine *m);
CxbHostMemPool *cxb_machine_hostmem(CxbMachine *m);
CxbBus *cxb_machine_bus(CxbMachine *m);
GMainContext *cxb_machine_context(CxbMachine *m);

/** cxb_machine_has_ports() - It has what is a PC's: I/O ports, interrupt lines of an I/O APIC. */
bool cxb_machine_has_ports(const CxbMachine *m);
/* Port I/O (@size 1, 2, 4). Ports nobody answers read all ones. */
uint32_t cxb_machine_port_read(CxbMachine *m, uint16_t port, unsigned size);
void cxb_machine_port_write(CxbMachine *m, uint16_t port, unsigned size, uint32_t val);

/* --- devices at run time --- */

/** cxb_machine_device_add() - As cxb_device_add() for a running machine, with the power-on reset. */
CxbDevice *cxb_machine_device_add(CxbMachine *m, CxbOpts *opts, GError **errp);
/**
 * cxb_machine_device_del() - Take a device out, or ask the host to let it go.
 * @id: id or path; DeviceNotFound error
 *
 * Where no host has switched its slot on it is gone on return. Else it goes, with all that is in
 * the slot, once the host has switched that off, at the latest with the next reset. Listeners of
 * the deleted notifier run for each device that has gone, those below it first.
 *
 * Asking again fails for five seconds: a second press of the attention button would take the first
 * one back.
 */
bool cxb_machine_device_del(CxbMachine *m, const char *id, GError **errp);

/* --- fixed memory windows, in index order --- */

typedef struct {
	unsigned index;
	uint64_t base, size; /* HPA, bytes */
	uint32_t granularity;
	unsigned ways;
	const char *const *targets; /* ids of host bridges */
} CxbFixedWindow;

unsigned cxb_machine_windows(const CxbMachine *m);
const CxbFixedWindow *cxb_machine_window(const CxbMachine *m, unsigned i);

/**
 * cxb_machine_cedt() - The table CEDT as it would be with the windows elsewhere; caller unrefs.
 * @first_window: HPA of the first; the others follow it without gap
 * @oem_revision: of two tables an OS that is given one beside the firmware's takes the newer
 */
GByteArray *cxb_machine_cedt(CxbMachine *m, uint64_t first_window, uint32_t oem_revision);

/**
 * cxb_machine_dpa_to_hpa() - Where @dpa of an endpoint is seen by the host, if its path is
 * committed, and how the access is made.
 *
 * Returns: false if no committed path leads to it.
 */
bool cxb_machine_dpa_to_hpa(CxbMachine *m, CxbDevice *endpoint, uint64_t dpa, uint64_t *hpa,
			    CxbAliasMode *mode);

/* --- capacity of devices that are served to machines elsewhere --- */

/* Who maps an endpoint's capacity into the machine that it is served to. */
typedef struct {
	/* Operations on its capacity, as a CxbDcObserver sees them. */
	CxbDcPrepare (*prepare)(void *opaque, const CxbDcOp *op, GError **errp);
	void (*abort)(void *opaque, const CxbDcOp *op);
	void (*commit)(void *opaque, const CxbDcOp *op);
	/* Whether bytes that its host lost are still to be seen there; if so they cannot be offered
	 * to anybody, and @errp says so. */
	bool (*shows)(void *opaque, CxbHostMem *mem, uint64_t off, uint64_t len, GError **errp);
	/* Its decoders, or what is behind them, are about to change, or have changed. */
	void (*decode_changed)(void *opaque);
	/* A decoder was committed, and that has been told as a change. True: its software is to
	 * learn of it later, by cxb_cxl_endpoint_settle(). */
	bool (*decode_settling)(void *opaque);
	/* It goes; nothing more is told. */
	void (*gone)(void *opaque);
} CxbMachineMapper;

/** cxb_machine_set_mapper() - One each; NULL: none any more. False: there is another. */
bool cxb_machine_set_mapper(CxbMachine *m, CxbDevice *endpoint, const CxbMachineMapper *mapper,
			    void *opaque);

/* --- what happens --- */

typedef enum {
	CXB_RESET_QMP,   /* system_reset: "host-qmp-system-reset" */
	CXB_RESET_GUEST, /* port CF9h, port 92h: "guest-reset" */
} CxbResetCause;

typedef enum {
	CXB_SHUTDOWN_QMP,         /* "host-qmp-quit" */
	CXB_SHUTDOWN_SIGNAL,      /* "host-signal" */
	CXB_SHUTDOWN_RESET_QMP,   /* a reset that was made one: "host-qmp-system-reset" */
	CXB_SHUTDOWN_RESET_GUEST, /* "guest-reset" */
} CxbShutdownCause;

typedef struct {
	CxbShutdownCause cause;
	bool ends; /* the program; false: the machine stands, in state "shutdown" */
} CxbMachineShutdown;

typedef enum {
	CXB_RUN_PRELAUNCH, /* stands since the start or a reset */
	CXB_RUN_RUNNING,
	CXB_RUN_PAUSED,
	CXB_RUN_SHUTDOWN, /* stands until it is reset */
} CxbRunState;

/* A step in the life of extents of one tag on one device (QMP event CXL_DYNAMIC_CAPACITY). */
typedef struct {
	CxbDevice *device;
	const CxbDcOp *op;
} CxbMachineDcEvent;

typedef struct {
	unsigned line; /* I/O APIC pin, 0 to 23 */
	bool level;
} CxbMachineIrqEvent;

/* Decoders of an endpoint, or what is behind them, have changed. */
typedef struct {
	CxbDevice *endpoint;
	bool committed; /* one was just committed; that it changed was told before */
	bool settling; /* of these set by whoever lets it be known later, by cxb_cxl_endpoint_settle() */
} CxbMachineDecode;

/* A device that device_del, the host or a reset has taken out; it is no more. */
typedef struct {
	const char *id; /* NULL: it had none */
	const char *path;
} CxbMachineDeleted;

CXB_NOTIFY_TYPE(CxbDeletedNotify, cxb_deleted_notify, const CxbMachineDeleted)
CXB_NOTIFY_TYPE(CxbResetNotify, cxb_reset_notify, const CxbResetCause)
CXB_NOTIFY_TYPE(CxbRunNotify, cxb_run_notify, const CxbRunState)
CXB_NOTIFY_TYPE(CxbShutdownNotify, cxb_shutdown_notify, const CxbMachineShutdown)
CXB_NOTIFY_TYPE(CxbDcNotify, cxb_dc_notify, const CxbMachineDcEvent)
CXB_NOTIFY_TYPE(CxbDecodeNotify, cxb_decode_notify, CxbMachineDecode)
CXB_NOTIFY_TYPE(CxbIrqNotify, cxb_irq_notify, const CxbMachineIrqEvent)

CxbDeletedNotify *cxb_machine_deleted_notify(CxbMachine *m);
CxbResetNotify *cxb_machine_reset_notify(CxbMachine *m);
CxbRunNotify *cxb_machine_run_notify(CxbMachine *m); /* between running and not */
CxbShutdownNotify *cxb_machine_shutdown_notify(CxbMachine *m);
CxbDcNotify *cxb_machine_dc_notify(CxbMachine *m);
CxbDecodeNotify *cxb_machine_decode_notify(CxbMachine *m);
CxbIrqNotify *cxb_machine_irq_notify(CxbMachine *m); /* changes of level only */

/* -action: what becomes of these; may change at any time. */
typedef struct {
	bool reset_is_shutdown; /* "reboot=shutdown", -no-reboot */
	bool shutdown_pauses; /* "shutdown=pause", -no-shutdown; not of what QMP or a signal asks */
} CxbMachineActions;
CxbMachineActions *cxb_machine_actions(CxbMachine *m);

/** cxb_machine_reset() - Everything to its initial state but what survives by rule (accepted
 * extents, backends); devices that were asked to leave are gone. Listeners run after it. A machine
 * that stood stands in state "prelaunch". */
void cxb_machine_reset(CxbMachine *m, CxbResetCause cause);
/** cxb_machine_shutdown() - Ask for the end. Listeners run, but no more after one that ends the
 * program; whoever runs the loop ends it. */
void cxb_machine_shutdown(CxbMachine *m, CxbShutdownCause cause);

/*
 * A machine that stands delivers no interrupt to users of its bus: those wait until it runs. The
 * listeners of the run notifier hold the host. Devices, the clock and accesses from elsewhere
 * (qtest) go on.
 */
CxbRunState cxb_machine_state(const CxbMachine *m);
bool cxb_machine_running(const CxbMachine *m);
/** cxb_machine_start_stopped() - Stand from the start (-S); before cxb_machine_done(). */
void cxb_machine_start_stopped(CxbMachine *m);
/** cxb_machine_cont() - Fails in state "shutdown", which only a reset ends. */
bool cxb_machine_cont(CxbMachine *m, GError **errp);
void cxb_machine_stop(CxbMachine *m);
/** cxb_machine_set_irq() - Drive an I/O APIC input (qtest set_irq_in); false: no such line. */
bool cxb_machine_set_irq(CxbMachine *m, unsigned line, bool level);
bool cxb_machine_irq_level(const CxbMachine *m, unsigned line);

#endif
