/* SPDX-License-Identifier: Apache-2.0 */
/* The machine that is fuzzed: two topologies, backends by number, and what must always hold. */
#ifndef WORLD_H
#define WORLD_H

#include "base/rdwr.h"
#include "devices/cxl.h"
#include "fuzz.h"
#include "machine/machine.h"

#define CHBS     0x100000000ull /* host bridge component registers: RAM ends below 4 GiB */
#define HDM_AT   0x128          /* of a host bridge or endpoint, from the start of cache/mem */
#define BACKENDS 8
#define T3_MAX   3

#define WORLD_PORT_0_EMPTY 0x100u /* a flag: the first device is plugged later, or another one */

typedef struct World World;
struct World {
	CxbRd in;
	unsigned flags;
	CxbMachine *m;
	CxbMemMap *mm;
	unsigned n_t3, n_bridges;
	CxbDevice *t3[T3_MAX]; /* NULL: unplugged */
	CxbHostMem *backend[BACKENDS];
	CxbHostMem *static_mem; /* of the first device's dynamic capacity; NULL: that is lazy */
	CxbBusIrq irq[4];
	bool has_irq[4];
	unsigned messages, open_files;
	/* What a target has besides; NULL: nothing. Devices that are there from the start; false if the
	 * machine cannot start with them. One of them whose slot was switched off. */
	bool (*others)(World *w);
	void (*eject)(World *w, CxbDevice *dev);
};

/** world_init() - @flags bit 0: two bridges, three devices; bit 1: decoders at bridges with one
 * port; bit 2: set up as a driver would; bit 3: one-way decoders committed; bit 4: all backends;
 * bit 5: the first device's dynamic capacity is static; bit 6: else, of three devices, the last is a
 * further head of the first. Returns: false if the others do not let the machine start. */
bool world_init(World *w, unsigned flags);
void world_fini(World *w); /* aborts if something was left behind */
/** world_setup() - Bus numbers, BARs, vectors, decoders, as the flags say (after each reset). */
void world_setup(World *w);
/** world_check() - Aborts if backends, extents, aliases and decode do not agree. */
void world_check(World *w);

CxbUuid world_tag(unsigned nr);
uint16_t world_bdf(const World *w, unsigned nr); /* some function's, often one that is there */
uint64_t world_bars(unsigned dev);               /* where the BARs of a device are put */
void world_plug(World *w, unsigned dev, bool hotplug);
void world_unplug(World *w, unsigned dev);
void world_backend_add(World *w, unsigned nr, unsigned blocks);
void world_backend_del(World *w, unsigned nr);

#endif
