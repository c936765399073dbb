/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CxbBus: everything a host has to reach a machine through: configuration space, memory,
 * mappings and interrupts. The machine implements it in process; clients implement it over
 * qtest, vfio-user and sysfs. The built-in host driver (src/host) knows nothing else.
 *
 * All calls are made from one thread. Accesses complete, side effects included, before they
 * return. No call runs an interrupt handler or posted work from inside: those run later from the
 * host's work queue.
 */
#ifndef CXB_BUS_BUS_H
#define CXB_BUS_BUS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct CxbBus CxbBus;

/* A range of addresses; size 0 = there is none. */
typedef struct {
	uint64_t base;
	uint64_t size;
} CxbBusRange;

/* What firmware knows of its chipset without looking at a device. */
typedef struct {
	CxbBusRange pci32;     /* where 32-bit BARs and bridge windows may be placed */
	CxbBusRange pci64;     /* where 64-bit ones may be placed */
	CxbBusRange rsdp_area; /* searched for the RSDP in steps of 16 bytes */
} CxbBusPlatform;

/* A message-signalled interrupt: write @data (32 bits) to @addr to raise it. An @addr of 0: no message
 * gets here, and devices are to send none; the handler runs whenever the bus has it run. */
typedef struct {
	uint64_t addr;
	uint32_t data;
	guint id; /* for irq_free */
} CxbBusIrq;

typedef void (*CxbBusIrqFn)(void *opaque);

/* A mapped range of host physical addresses. */
typedef struct {
	void *ptr;          /* mapped in this process; NULL if the bus cannot */
	int fd;             /* file behind it, owned by the bus; -1 if not one file */
	uint64_t fd_offset; /* of the range's first byte */
} CxbBusMap;

/* A function's address: bus [15:8], device [7:3], function [2:0]; one segment. */
#define CXB_BDF(bus, dev, fn) ((uint16_t)((bus) << 8 | (dev) << 3 | (fn)))

typedef struct {
	const CxbBusPlatform *(*platform)(CxbBus *bus);

	/* Configuration space, @off 0 to FFFh, @size 1, 2 or 4, naturally aligned. Functions that do
	 * not exist read all ones and ignore writes. False: the bus itself failed (transport lost). */
	bool (*config_read)(CxbBus *bus, uint16_t bdf, uint16_t off, unsigned size, uint32_t *val,
			    GError **errp);
	bool (*config_write)(CxbBus *bus, uint16_t bdf, uint16_t off, unsigned size, uint32_t val,
			     GError **errp);

	/* Memory. A @len of 1, 2, 4 or 8 that is naturally aligned is one access of that width; any
	 * other is a copy, split as the bus likes. False: nothing answers there, or the bus failed;
	 * @buf is then all ones. */
	bool (*mem_read)(CxbBus *bus, uint64_t hpa, void *buf, size_t len, GError **errp);
	bool (*mem_write)(CxbBus *bus, uint64_t hpa, const void *buf, size_t len, GError **errp);

	/* Map a range for direct use. Fails if it is not all backed by memory that is mapped now.
	 * The pointer stays valid as an address until unmap, but faults once the memory behind it
	 * has been taken away. */
	bool (*map)(CxbBus *bus, uint64_t hpa, uint64_t len, CxbBusMap *out, GError **errp);
	void (*unmap)(CxbBus *bus, uint64_t hpa, uint64_t len, CxbBusMap *map);

	/* Where BAR @n of a function lies, @out->size 0 if it is none or has no place. NULL on a bus where
	 * nobody has been before; with it, an operating system has given out bus numbers and addresses
	 * and they are to be left as they are. False: the bus itself failed. */
	bool (*bar)(CxbBus *bus, uint16_t bdf, unsigned n, CxbBusRange *out, GError **errp);

	/* Allocate a message for @fn, which runs from the work queue after each write of it
	 * (several writes before it runs may become one call). */
	bool (*irq_alloc)(CxbBus *bus, CxbBusIrqFn fn, void *opaque, CxbBusIrq *out, GError **errp);
	void (*irq_free)(CxbBus *bus, const CxbBusIrq *irq);
} CxbBusOps;

/* Implementations embed this as their first member. */
struct CxbBus {
	const CxbBusOps *ops;
};

#endif
