/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Component registers (CXL 3.1 8.2.3, 8.2.4): the 64 KiB block with capability array, RAS, link,
 * HDM decoder, extended security, snoop filter and BI decoder structures, as QEMU lays them out.
 *
 * Decoder registers are the pending state; COMMIT validates all of it (8.2.4.20.12) and publishes
 * all of it into the CxbHdm, or sets Error Not Committed. Fields are locked while committed; with
 * Lock On Commit until the next reset.
 *
 * One thread; callbacks may read but not write registers.
 */
#ifndef CXB_CXL_COMP_H
#define CXB_CXL_COMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reset.h"
#include "cxl/hdm.h"

#define CXB_COMP_SIZE 0x10000

typedef enum {
	CXB_COMP_HOST_BRIDGE,
	CXB_COMP_ROOT_PORT,
	CXB_COMP_UPSTREAM,
	CXB_COMP_DOWNSTREAM,
	CXB_COMP_ENDPOINT,
} CxbCompKind;

typedef struct CxbComp CxbComp;

typedef struct {
	CxbCompKind kind;
	const char *name; /* for guest errors and trace */
	bool hdm;         /* decoders are there (else the entry of the array has id 0) */
	bool hdm_db;      /* endpoints: memory is device-coherent, too, by back-invalidation */
	bool hdm_d;       /* endpoints: memory is device-coherent only, and never interleaved */
	bool vendor_cap;  /* the first entry of the array is one of a vendor's own, of no effect */
	uint8_t decoders; /* 1, 2, 4, … 10 and on as the encoding has it; 4 by habit */
	uint8_t targets;  /* ports: 1, 2, 4 or 8 */
	/* Endpoints: decoder 0 as firmware commits and locks it after every reset of the decoders, so
	 * that nobody ever sees it otherwise; @size 0: firmware leaves it alone. */
	struct {
		uint64_t base, size;
	} firmware;
	/* Endpoints: whether (@dpa, @len) is capacity of this device; NULL accepts all. */
	bool (*dpa_ok)(void *opaque, uint64_t dpa, uint64_t len);
	/* About to stop decoding (uncommit, disable, reset): what relies on decoders goes now. Runs
	 * before the state changes. */
	void (*hdm_removing)(void *opaque);
	/* Committed state has changed (also after removing). Runs with the new state in force. */
	void (*hdm_changed)(void *opaque);
	/* A decoder was committed and is in force, after hdm_changed. True: software is not to be
	 * told yet, cxb_comp_settle() will; Committed reads 0 until then. */
	bool (*hdm_settling)(void *opaque);
	/* An error, or a group of uncorrectable ones, was logged: to be reported (12.2). */
	void (*ras_error)(void *opaque, bool correctable);
	void *opaque;
} CxbCompConfig;

CxbComp *cxb_comp_new(const CxbCompConfig *config);
void cxb_comp_free(CxbComp *comp);
const CxbHdm *cxb_comp_hdm(const CxbComp *comp);
/** cxb_comp_settle() - Show Committed of every decoder that waited; nothing if none does. */
void cxb_comp_settle(CxbComp *comp);

/* Register access; @size 1, 2, 4 or 8, naturally aligned. Never fails: reserved space reads 0 and
 * ignores writes. */
uint64_t cxb_comp_read(CxbComp *comp, uint32_t off, unsigned size);
void cxb_comp_write(CxbComp *comp, uint32_t off, unsigned size, uint64_t val);
#define CXB_RAS_HEADER 16 /* dwords in the header log */
#define CXB_RAS_ERRORS 64 /* uncorrectable errors that can wait for software */

/* An uncorrectable error: its status bit, which must be one that 8.2.4.17.1 defines, and what the
 * header log shows of it. */
typedef struct {
	uint8_t bit;
	uint32_t header[CXB_RAS_HEADER];
} CxbRasError;

/** cxb_comp_ras_uncorrectable() - Log @n errors in order, those that are masked left out. For
 * kinds with RAS. Returns: false, with nothing changed, if too many would wait. */
bool cxb_comp_ras_uncorrectable(CxbComp *comp, const CxbRasError *errors, size_t n);
/** cxb_comp_ras_correctable() - Log one, unless masked (8.2.4.17.4). */
void cxb_comp_ras_correctable(CxbComp *comp, unsigned bit);
/** cxb_comp_reset() - All registers initial, but RAS registers are sticky, and nothing of this
 * belongs to a function's own reset. */
void cxb_comp_reset(CxbComp *comp, CxbResetKind kind);

#endif
