/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compute engine of an accelerator: registers, and commands that fill, copy and checksum the
 * device's own memory. It knows neither PCI nor time: whoever has it calls cxb_type2_engine_work() as
 * long as it is busy. Its registers are in docs/cxl-type2.md.
 */
#ifndef CXB_DEVICES_TYPE2_ENGINE_H
#define CXB_DEVICES_TYPE2_ENGINE_H

#include "memory/hostmem.h"

#define TYPE2_ENGINE_SLICE (1u << 20) /* bytes done at once, at most */

/* Registers of 32 or 64 bits. */
enum {
	TYPE2_ENGINE_ID = 0x00,
	TYPE2_ENGINE_VERSION = 0x04,
	TYPE2_ENGINE_MEMORY = 0x08,
	TYPE2_ENGINE_COMMAND = 0x10,
	TYPE2_ENGINE_INTERRUPT = 0x14,
	TYPE2_ENGINE_SRC = 0x18,
	TYPE2_ENGINE_DST = 0x20,
	TYPE2_ENGINE_LEN = 0x28,
	TYPE2_ENGINE_PATTERN = 0x30,
	TYPE2_ENGINE_RESULT = 0x38,
	TYPE2_ENGINE_PROGRESS = 0x40,
	TYPE2_ENGINE_STATUS = 0x48,
	TYPE2_ENGINE_DOORBELL = 0x4c,
	TYPE2_ENGINE_ABORT = 0x50,
	TYPE2_ENGINE_END = 0x58,
};

typedef enum { TYPE2_FILL = 1, TYPE2_COPY = 2, TYPE2_CHECKSUM = 3 } Type2Command;

#define TYPE2_INTERRUPT_ENABLE 0x80000000u
#define TYPE2_INTERRUPT_VECTOR 0x000007ffu

#define TYPE2_STATUS_BUSY  0x00000001u
#define TYPE2_STATUS_DONE  0x00000002u
#define TYPE2_STATUS_ERROR 0x0000ff00u

typedef enum {
	TYPE2_OK,
	TYPE2_ERROR_COMMAND, /* there is no such command */
	TYPE2_ERROR_LEN,     /* nothing to do */
	TYPE2_ERROR_SRC,     /* outside of the memory */
	TYPE2_ERROR_DST,
	TYPE2_ERROR_MEMORY, /* it is gone */
	TYPE2_ERROR_ABORTED,
	TYPE2_ERROR_RESET, /* a CXL reset has ended it */
} Type2Error;

typedef struct {
	CxbHostMem *mem;  /* borrowed */
	unsigned vectors; /* a power of two */
	const char *name; /* for guest errors; borrowed */
	/* A command is to be worked on; one that is over, be it refused. */
	void (*begun)(void *opaque);
	void (*ended)(void *opaque);
	void *opaque;
} Type2EngineConfig;

typedef struct {
	Type2EngineConfig config;
	uint64_t words[TYPE2_ENGINE_END / 8]; /* registers as they are read */
	bool backwards;                       /* copying starts at the end */
	uint32_t crc;                         /* of what has been read */
	uint8_t *piece;
} Type2Engine;

void cxb_type2_engine_init(Type2Engine *e, const Type2EngineConfig *config);
void cxb_type2_engine_fini(Type2Engine *e);
/** cxb_type2_engine_reset() - As it was in the beginning. A command is gone without being told of. */
void cxb_type2_engine_reset(Type2Engine *e);

uint64_t cxb_type2_engine_get(const Type2Engine *e, unsigned reg);
/** cxb_type2_engine_read(), _write() - As software does: @size is 4 or 8, @off a multiple of it. */
uint64_t cxb_type2_engine_read(const Type2Engine *e, uint64_t off, unsigned size);
void cxb_type2_engine_write(Type2Engine *e, uint64_t off, unsigned size, uint64_t val);

/** cxb_type2_engine_work() - A slice of the command. */
void cxb_type2_engine_work(Type2Engine *e);
/** cxb_type2_engine_stop() - End the command with @error, if there is one. */
void cxb_type2_engine_stop(Type2Engine *e, Type2Error error);

static inline bool cxb_type2_engine_busy(const Type2Engine *e)
{
	return e->words[TYPE2_ENGINE_STATUS / 8] & TYPE2_STATUS_BUSY;
}

#endif
