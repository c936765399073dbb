/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kinds of reset (PCIe 6.0 6.6, CXL 3.1 9.12), from the one that forgets most to the one that
 * forgets least. What a reset is started with reaches everything it takes.
 */
#ifndef CXB_BASE_RESET_H
#define CXB_BASE_RESET_H

#include <stdbool.h>

typedef enum {
	CXB_RESET_COLD,     /* power comes on */
	CXB_RESET_WARM,     /* the whole machine, power stays on */
	CXB_RESET_HOT,      /* over a link: secondary bus reset, link disabled */
	CXB_RESET_FUNCTION, /* function level reset: neither link nor CXL.mem notice */
	CXB_RESET_KINDS
} CxbResetKind;

/** cxb_reset_is_fundamental() - Registers that are called sticky go to their initial values, too. */
static inline bool cxb_reset_is_fundamental(CxbResetKind kind)
{
	return kind <= CXB_RESET_WARM;
}

#endif
