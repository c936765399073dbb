/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the component registers: the bank (comp.c), RAS (comp_ras.c), decoders (comp_hdm.c). */
#ifndef CXB_CXL_COMP_IMPL_H
#define CXB_CXL_COMP_IMPL_H

#include <glib.h>

#include "base/bytes.h"
#include "cxl/comp.h"
#include "wire/regs.h"

#define BANK_REGS (WIRE_CACHEMEM_SIZE / 4)

/* Of one decoder. ERROR: the last commit was refused. */
typedef enum { DEC_OFF, DEC_COMMITTED, DEC_LOCKED, DEC_ERROR, DEC_STATES } DecState;
typedef enum {
	DEC_EV_COMMIT,        /* 1 was written to Commit, all rules hold, Lock On Commit clear */
	DEC_EV_COMMIT_LOCKED, /* the same with Lock On Commit set */
	DEC_EV_COMMIT_BAD,    /* a rule is broken */
	DEC_EV_CLEAR,         /* 0 was written to Commit */
	DEC_EV_RESET,         /* any but of the function alone */
	DEC_EVENTS
} DecEvent;

struct CxbComp {
	CxbCompConfig config;
	char *name;
	/* The cache/mem range: what reads give, what can be written, what clears on writing 1. */
	uint32_t regs[BANK_REGS], wmask[BANK_REGS], w1c[BANK_REGS];
	uint32_t initial[BANK_REGS];
	uint32_t ras_at;    /* offset of the RAS structure in the range; 0: none */
	GArray *ras_errors; /* CxbRasError, oldest first */
	uint32_t hdm_at;    /* offset of the HDM structure in the range; 0: none */
	DecState state[CXB_HDM_MAX_DECODERS];
	uint32_t settling; /* bit per decoder: committed, but not shown yet */
	CxbHdm hdm;        /* committed state: all that decoding looks at */
};

/* The register at @off of the cache/mem range. */
static inline uint32_t *comp_reg(CxbComp *comp, uint32_t off)
{
	return &comp->regs[off / 4];
}

/** comp_ras_init() - Registers and masks of the structure at @at. */
void comp_ras_init(CxbComp *comp, uint32_t at);
/** comp_ras_owns() - @off is the status of uncorrectable errors, which has rules of its own. */
bool comp_ras_owns(const CxbComp *comp, uint32_t off);
/** comp_ras_clear() - Ones were written to @bits of it. */
void comp_ras_clear(CxbComp *comp, uint32_t bits);
/** comp_ras_reset() - No error waits any more; the bank is reset by the caller. */
void comp_ras_reset(CxbComp *comp);

/** comp_hdm_init() - Capability and masks of the structure at @at. */
void comp_hdm_init(CxbComp *comp, uint32_t at);
/** comp_hdm_owns() - @off is a register of the structure that has rules of its own. */
bool comp_hdm_owns(const CxbComp *comp, uint32_t off);
/** comp_hdm_write() - 32-bit write of the bits of @mask. */
void comp_hdm_write(CxbComp *comp, uint32_t off, uint32_t val, uint32_t mask);
/** comp_hdm_reset() - Every decoder off and decoding disabled; the bank is reset by the caller. */
void comp_hdm_reset(CxbComp *comp);
/** comp_hdm_firmware() - What firmware does when the bank has its initial values. */
void comp_hdm_firmware(CxbComp *comp);

#endif
