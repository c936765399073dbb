/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices: objects that sit on a bus. A bus is a named object of a kind ("PCI"); the room that
 * owns the kind decides what fits where. -device and device_add come through here.
 */
#ifndef CXB_QOM_DEVICE_H
#define CXB_QOM_DEVICE_H

#include "base/reset.h"
#include "qom/object.h"

#define CXB_TYPE_NAME_DEVICE "device"
#define CXB_TYPE_NAME_BUS    "bus"

typedef struct CxbDevice CxbDevice;
typedef struct CxbDevBus CxbDevBus;

/* A bus: child of the device (or machine) that has it. Embeds CxbObject; klass is CxbDevBusClass. */
struct CxbDevBus {
	CxbObject obj;
	CxbDevice *owner;   /* NULL: the machine's own */
	GPtrArray *devices; /* CxbDevice *, not referenced, in order of arrival */
	bool hotplug;       /* devices may come and go at run time */
};

/* klass of every type of bus. */
typedef struct {
	const char *kind; /* "PCI" */
	/* Whether @dev would be taken (device kind, free slot); a refusal is worded as QEMU's. */
	bool (*accepts)(CxbDevBus *bus, CxbDevice *dev, GError **errp);
} CxbDevBusClass;

struct CxbDevice {
	CxbObject obj;
	char *id;       /* NULL: none given */
	CxbDevBus *bus; /* NULL: not plugged, or has none */
	bool realized;
	bool hotplugged;
	const char *user; /* who cannot do without it: it stays; borrowed; NULL: nobody */
};

/* klass of every type of device. A more specific class embeds it as its first member. */
typedef struct {
	const char *bus_kind; /* NULL: sits on no bus */
	bool no_hotplug;
	bool (*realize)(CxbDevice *dev, GError **errp);
	void (*unrealize)(CxbDevice *dev);
	/* Back to the initial state, as far as @kind reaches; runs for a bus from its owner down.
	 * @dev is realized. */
	void (*reset)(CxbDevice *dev, CxbResetKind kind);
} CxbDeviceClass;

/** cxb_device_types_register() - The abstract types "device" and "bus". */
void cxb_device_types_register(CxbQom *qom);

/**
 * cxb_device_add() - Create a device as -device (@hotplug false) or device_add (true) does.
 * @opts: "driver", optionally "id" and "bus", properties; each is marked used
 *
 * Finds the bus (by name or path; without "bus" the first one that accepts, in order of creation),
 * adds the device below /machine/peripheral (or -anon), realizes it. All or nothing.
 */
CxbDevice *cxb_device_add(CxbQom *qom, CxbOpts *opts, bool hotplug, GError **errp);
/**
 * cxb_device_realize() - Plug @dev, which is in the tree with its properties set, and realize it.
 * @bus: where it goes (asked whether it accepts), or NULL for a device that sits on no bus
 *
 * The step cxb_device_add() ends with, for devices a machine makes by itself. On failure the device
 * is off the bus again but still in the tree.
 */
bool cxb_device_realize(CxbDevice *dev, CxbDevBus *bus, GError **errp);
/**
 * cxb_qom_add_global() - A default for a property of devices of type @driver and those derived
 * from it (-global). Given when a device is made, in the order added, before its own options. A type
 * that there is not is worth a warning, as in QEMU.
 */
void cxb_qom_add_global(CxbQom *qom, const char *driver, const char *property, const char *value);
/** cxb_device_can_unplug() - Whether device_del may take @dev; worded as QEMU's refusals. */
bool cxb_device_can_unplug(const CxbDevice *dev, GError **errp);
/** cxb_device_remove() - Unrealize, off the bus, out of the tree; what is below it first. */
void cxb_device_remove(CxbDevice *dev);
/** cxb_device_find() - By id below /machine/peripheral, else by path. Errors: those of
 * cxb_qom_resolve(), "X is not a device". */
CxbDevice *cxb_device_find(CxbQom *qom, const char *id, GError **errp);

/** cxb_dev_bus_new() - A bus object of @type named @name, child of @owner's object (or of
 * @parent when @owner is NULL). Borrowed: the tree owns it. */
CxbDevBus *cxb_dev_bus_new(CxbQom *qom, const CxbType *type, const char *name, CxbDevice *owner,
			   CxbObject *parent, GError **errp);
/** cxb_dev_bus_find() - By name or path. "Bus 'NAME' not found" (CXB_ERROR_INVALID). */
CxbDevBus *cxb_dev_bus_find(CxbQom *qom, const char *name, GError **errp);
/** cxb_device_reset() - Reset @dev alone. */
void cxb_device_reset(CxbDevice *dev, CxbResetKind kind);
/** cxb_dev_bus_reset() - Reset every device on @bus, each before the buses below it. */
void cxb_dev_bus_reset(CxbDevBus *bus, CxbResetKind kind);

#endif
