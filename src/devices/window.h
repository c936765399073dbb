/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cxl-window: a fixed memory window of a machine elsewhere, all of whose accesses come here as messages.
 * It is a function of its own whose BARs that machine has at the window's addresses, see window.c; where an
 * access goes is found out in window_access.c.
 */
#ifndef CXB_DEVICES_WINDOW_H
#define CXB_DEVICES_WINDOW_H

#include "devices.h"

#define WINDOW_BARS 3 /* of 64 bits */

typedef struct CxlWindow CxlWindow;

/* A part of the window, as large as it is aligned. */
typedef struct {
	CxlWindow *window;
	CxbRegion *region; /* NULL: there is none */
	uint64_t hpa;
} WindowPart;

struct CxlWindow {
	CxbPciDev pci;

	/* properties */
	uint64_t base, size;
	GPtrArray *targets; /* char *, ids; NULL: every endpoint there is */

	WindowPart parts[WINDOW_BARS];
	uint64_t reads, writes;     /* accesses that came */
	uint64_t refused, poisoned; /* of these */
};

extern const CxbRegionOps cxb_window_part_ops; /* opaque is a WindowPart */

#endif
