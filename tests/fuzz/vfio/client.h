/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the input of fuzz_vfio_client, and whom they are about. */
#ifndef FUZZ_CLIENT_H
#define FUZZ_CLIENT_H

#include "../machine/world.h"
#include "served.h"

typedef struct {
	uint8_t what, flags, files, n;
	uint32_t w[2];
} Record;

enum {
	IS_CONFIG, /* bytes of configuration space, at a word */
	IS_REGION, /* number: a ModelRegion follows */
	IS_REGS,   /* bytes of component registers after a reset, at a word */
	IS_INFO,   /* flags are inverted, numbers of regions and of kinds of interrupts */
	IS_IRQ,    /* number, flags; count */
	IS_VERSION,
	LIES_TO, /* see lie() */
	PLUG,    /* with what properties: see plug() */
	UNPLUG,
	CONFIG, /* of which function and where; value */
	MEMORY, /* where, see address(); value */
	DECODER,
	VECTOR,
	RESET,
	SAY, /* bytes that follow */
	DMA, /* address, how much */
	RAISE,
	GO,
	FILE_CHANGES, /* length, or bytes at a word */
	RUN,
	TIME, /* 10 ms */
	CHECK,
	RECORDS
};

typedef struct {
	World w; /* first */
	Model model;
} Client;

/** client_find() - The device that is passed through, or NULL. */
CxbDevice *client_find(Client *c);
/** software_step() - What the machine's software does with it; false: the record says something else. */
bool software_step(Client *c, const Record *r);

#endif
