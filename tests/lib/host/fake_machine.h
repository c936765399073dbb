/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine for testing a host: ACPI tables, one host bridge on bus 12, up to two memory devices
 * with dynamic capacity behind root ports of their own. It does what it is told, right or wrong,
 * and writes down what the host sends. Layouts are those of CXL 3.1, made here by hand.
 */
#ifndef FAKE_MACHINE_H
#define FAKE_MACHINE_H

#include "base/clock.h"
#include "base/workq.h"
#include "bus/bus.h"
#include "fake_doe.h"
#include "wire/dc.h"
#include "wire/event.h"

#define FAKE_TABLES      0xe0000u /* the area with all tables */
#define FAKE_TABLES_SIZE 0x20000u
#define FAKE_RSDP        0xf0000u
#define FAKE_XSDT        0xf1000u
#define FAKE_MCFG        0xf2000u
#define FAKE_CEDT        0xf3000u
#define FAKE_CHBS        0x100000000ull
#define FAKE_WINDOW      0x110000000ull
#define FAKE_PCI64       0x1000000000ull
#define FAKE_BUS         12
#define FAKE_256M        (256ull << 20)
#define FAKE_2M          (2ull << 20)

typedef struct FakeMachine FakeMachine;

typedef struct {
	FakeMachine *m;
	uint8_t port[0x1000], port_mask[0x1000]; /* root port */
	uint8_t cfg[0x1000], mask[0x1000];
	uint8_t comp[0x10000], regs[0x10000], msix[0x1000];
	/* what it answers */
	uint64_t volatile_units, persistent_units, partition_align; /* 256 MiB */
	unsigned n_regions;
	struct wire_dc_region region[8];
	FakeCdat cdat;    /* a DSMAS a region */
	GArray *accepted; /* of wire_dc_extent: 4801h */
	GArray *log[5];   /* of wire_event_record */
	uint16_t handle;
	uint8_t policy[5];
	bool old_policy;  /* knows 4 bytes only */
	bool hold;        /* leaves the doorbell set until fake_answer() */
	uint16_t fail_op; /* this opcode ends with fail_rc */
	uint16_t fail_rc;
	GString *did;    /* a line a 4802h and 4803h: "add DPA+LEN ... [more]", "release DPA+LEN" */
	GArray *opcodes; /* of uint16_t: all commands in order */
	unsigned most_extents; /* of one 4801h answer; 0: as many as fit */
} FakeDev;

struct FakeMachine {
	CxbBus bus;
	CxbBusOps adopted; /* see fake_adopted() */
	CxbBusPlatform platform;
	CxbClock *clock;
	CxbWorkq *workq;
	uint8_t tables[FAKE_TABLES_SIZE];
	uint8_t chbs[0x10000];
	unsigned n;
	FakeDev dev[2];
	GArray *irqs;          /* of FakeIrq */
	unsigned commit_polls; /* reads of a decoder's control before it says "committed" */
	bool commit_fails;
	bool bus_fails;
	bool no_messages; /* none gets to the host */
	uint64_t reads, writes;
};

/** fake_machine_new() - @n devices with one region of 1 GiB each; window of 8 GiB. */
FakeMachine *fake_machine_new(unsigned n);
void fake_machine_free(FakeMachine *m);
/** fake_machine_reset() - Registers only; logs and what was accepted stay. */
void fake_machine_reset(FakeMachine *m);
/** fake_fix() - Make the checksum of the table at @at right. */
void fake_fix(FakeMachine *m, uint32_t at);
static inline uint8_t *fake_table(FakeMachine *m, uint32_t at)
{
	return m->tables + (at - FAKE_TABLES);
}
/** fake_adopted() - From now on bus numbers and BARs are what they were when this was called. */
void fake_adopted(FakeMachine *m);
/** fake_no_decoders() - The host bridge is a pass-through. */
void fake_no_decoders(FakeMachine *m);

/** fake_tag() - A tag made of a number; 0: none. */
CxbUuid fake_tag(unsigned n);
/** fake_event() - A dynamic-capacity record into log 4, and the interrupt if it was empty. */
void fake_event(FakeDev *dev, uint8_t type, uint64_t dpa, uint64_t len, unsigned tag, uint16_t seq,
		bool more);
/** fake_answer() - Execute what @hold kept back. */
void fake_answer(FakeDev *dev);
/** fake_decoder() - Register of decoder @n of a component block. */
uint32_t fake_decoder(const uint8_t *comp, unsigned n, unsigned reg);

#endif
