/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Poison (CXL 3.1 8.2.9.9.4): the list of lines known to be bad, in records of ranges that do not
 * overlap, and commands 4300h to 4305h. A record is never joined with another. The list knows
 * nothing of what is in memory; whether reading a bad line gives data is not its affair.
 *
 * The list holds CXB_POISON_LIST_MAX records. What does not fit is poisoned all the same, in up to
 * CXB_POISON_HIDDEN_MAX ranges, but hidden; the overflow is told with the time of the first. A scan
 * (4304h) moves what it finds hidden to the list while there is room, when its time is over, and ends
 * the overflow when nothing stays hidden. It finds as many ranges as the list has records, and stops at
 * the next one; results (4305h) are what was there then. Any reset takes them.
 *
 * Several devices may show the same memory, each with a list of its own: what one's host or the device
 * itself changes is told, for the others to learn.
 */
#ifndef CXB_CXL_POISON_H
#define CXB_CXL_POISON_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/reset.h"
#include "cxl/cci.h"

#define CXB_POISON_LIST_MAX   256
#define CXB_POISON_HIDDEN_MAX 4096
#define CXB_POISON_LINE       64 /* bytes */

typedef struct CxbPoison CxbPoison;

typedef struct {
	/* (@dpa, @len) is of the device, whether something is there or not. */
	bool (*exists)(void *opaque, uint64_t dpa, uint64_t len);
	/* There is memory now at all of it. It may end at 2^64, but does not go beyond. */
	bool (*answers)(void *opaque, uint64_t dpa, uint64_t len);
	/* Write a line of which answers() said yes; false: it cannot be reached. */
	bool (*write)(void *opaque, uint64_t dpa, const void *line);
	/* Device time in ns; 0 while the clock was never set. */
	uint64_t (*timestamp)(void *opaque);
	/* A range was injected, by whom @source says, or cleared. NULL: nobody wants to know. */
	void (*poisoned)(void *opaque, uint64_t dpa, uint64_t len, unsigned source);
	void (*cleared)(void *opaque, uint64_t dpa, uint64_t len);
	void *opaque;
} CxbPoisonConfig;

CxbPoison *cxb_poison_new(const CxbPoisonConfig *config);
void cxb_poison_free(CxbPoison *poison);
/** cxb_poison_add_commands() - 4300h to 4305h, to a @cci that has a clock. */
void cxb_poison_add_commands(CxbPoison *poison, CxbCci *cci);

/**
 * cxb_poison_inject() - The device found a range to be bad ("internal" in its record).
 *
 * Errors, as QEMU words them: an address or a length that is not one of whole lines; a range that
 * overlaps a record; and one that is not all memory. A list that is full overflows, which is none.
 */
bool cxb_poison_inject(CxbPoison *poison, uint64_t dpa, uint64_t len, GError **errp);
/** cxb_poison_check() - The errors of cxb_poison_inject() that need no device. */
bool cxb_poison_check(uint64_t dpa, uint64_t len, GError **errp);
/** cxb_poison_learn() - A range is bad, of which some may be known to be. Nobody is told. */
void cxb_poison_learn(CxbPoison *poison, uint64_t dpa, uint64_t len, unsigned source);
/** cxb_poison_teach() - @to learns all that is bad in a range, on the list or not. */
void cxb_poison_teach(const CxbPoison *poison, uint64_t dpa, uint64_t len, CxbPoison *to);
/** cxb_poison_hits() - Something of a range is bad, on the list or not. */
bool cxb_poison_hits(const CxbPoison *poison, uint64_t dpa, uint64_t len);
bool cxb_poison_is_clean(const CxbPoison *poison); /* there is none at all */
/** cxb_poison_drop() - The memory at (@dpa, @len) goes, and its poison with it. Records that reach
 * beyond it are cut. Nobody is told. */
void cxb_poison_drop(CxbPoison *poison, uint64_t dpa, uint64_t len);
/* Of DPA. */
typedef struct {
	uint64_t dpa, len;
} CxbPoisonRange;

/** cxb_poison_reset() - Without power only what is @persistent keeps its poison: @n ranges in order
 * of DPA, none of length 0. */
void cxb_poison_reset(CxbPoison *poison, CxbResetKind kind, const CxbPoisonRange *persistent,
		      size_t n);
size_t cxb_poison_count(const CxbPoison *poison);

#endif
