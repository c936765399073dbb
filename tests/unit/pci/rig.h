/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small PCI system for tests: root bus 0 ("pcie.0"), ports, a switch and endpoints made for the
 * purpose, and a sink that records messages.
 *
 *	rig-port       root port: MSI at 60h, PCI Express at 80h, BAR0 64-bit 64 KiB
 *	rig-upstream   upstream switch port
 *	rig-downstream downstream switch port, no power controller
 *	rig-endpoint   PCI Express endpoint: BAR0 64-bit 64 KiB, BAR2 32-bit 4 KiB, BAR4 MSI-X with 8
 *	               vectors (table 0, pending bits 800h)
 *	rig-reporter   rig-endpoint with AER at 100h
 *	rig-big        PCI Express function: BAR0 64-bit 4 MiB, no capabilities
 *	rig-legacy     conventional function, 256 bytes, no capabilities
 *	rig-expander   like pxb: a function with a root bus of its own ("bus_nr"), named by its id
 *	rig-broken     fails in realize after everything was set up
 */
#ifndef RIG_H
#define RIG_H

#include "pci/pci.h"
#include "pci/regs.h"

#define RIG_VENDOR 0x1b36

typedef struct {
	uint64_t addr;
	uint32_t data;
} RigMessage;

typedef struct {
	CxbQom *qom;
	CxbMemMap *mm;
	CxbPciHost *host;
	CxbPciBus *root;
	GArray *messages; /* RigMessage */
	bool memory_sink; /* messages are also written to memory */
} Rig;

typedef struct {
	CxbPciDev pci;
	CxbRegion *bar[2];
	uint8_t bus_nr; /* rig-expander */
	CxbPciBus *expander;
	uint64_t last_off, last_val; /* last write to a BAR */
	unsigned config_writes, config_reads, resets;
	uint16_t config_off;
	unsigned config_size;
} RigDev;

void rig_init(Rig *rig);
void rig_fini(Rig *rig);

/** rig_add() - Add a device from option text; NULL and @errp on failure. */
CxbPciDev *rig_add(Rig *rig, const char *opts, GError **errp);
CxbPciDev *rig_hotplug(Rig *rig, const char *opts, GError **errp);
/** rig_must() - As rig_add(), failing the test. */
CxbPciDev *rig_must(Rig *rig, const char *opts);
/** rig_refuse() - Adding must fail with exactly this text. */
void rig_refuse(Rig *rig, const char *opts, const char *text);

uint32_t rig_get(CxbPciDev *dev, uint16_t off, unsigned size);
void rig_put(CxbPciDev *dev, uint16_t off, unsigned size, uint32_t val);
/** rig_bus_numbers() - Program primary, secondary and subordinate. */
void rig_bus_numbers(CxbPciDev *bridge, uint8_t pri, uint8_t sec, uint8_t sub);
/** rig_window() - Open the memory window; limit inclusive, both multiples of 1 MiB (less 1). */
void rig_window(CxbPciDev *bridge, uint32_t base, uint32_t limit);
void rig_prefetch_window(CxbPciDev *bridge, uint64_t base, uint64_t limit);
/** rig_mem_on() - Memory decoding and bus mastering. */
void rig_mem_on(CxbPciDev *dev);
/** rig_answers() - Whether anything is at @hpa. */
bool rig_answers(Rig *rig, uint64_t hpa);
uint32_t rig_read32(Rig *rig, uint64_t hpa);
void rig_write32(Rig *rig, uint64_t hpa, uint32_t val);

#endif
