/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The logical device of a memory device that a fabric manager owns (CXL 3.1 2.4, 7.6.7): its command
 * interface, to be reached over MCTP, and the event log behind it.
 *
 * Commands: 0001h to 0004h, 0100h, 0101h, 0300h, 0301h, 0400h, 0401h, 5300h, and with dynamic capacity
 * 5600h to 5608h. These act on the same engine as QMP's commands. The tunnel leads to
 * LD 0, which has 0001h, 0400h and 0401h; and, of a device with several heads, to its pool of LDs, which has
 * 5500h and 5501h besides.
 *
 * Log 4 gets a record for each extent that a host accepted (type 4), and one when the host has it no more
 * (type 5): it gave it back, or force took it.
 */
#ifndef CXB_CXL_FMLD_H
#define CXB_CXL_FMLD_H

#include <stdint.h>

#include "base/reset.h"
#include "cxl/cci.h"
#include "cxl/dc.h"
#include "cxl/memdev.h"

/* Bytes of the largest message, header and payload, in either direction. */
#define CXB_FMLD_MESSAGE_MAX 4096

typedef struct CxbFmLd CxbFmLd;

/* The link of a head, as PCIe's link registers have it. */
typedef struct {
	uint8_t width_max, width;
	uint8_t speeds, speed_max, speed;
} CxbFmLink;

typedef struct {
	const char *name; /* device path, for guest errors */
	uint16_t vendor_id, device_id, subsys_vendor_id, subsys_id;
	uint64_t serial;
	CxbClock *clock;
	CxbMemdev *memdev; /* borrowed: all interfaces of a device have one time */
	CxbDc *dc;         /* borrowed; NULL: no dynamic capacity */
	uint16_t log_size; /* records of log 4; the others have no room */
	uint8_t heads;     /* above 1: it is multi-headed, and has a pool */
	/* False: nothing is plugged there. Wanted of a multi-headed one. */
	bool (*link)(void *opaque, uint8_t head, CxbFmLink *out);
	void *link_opaque;
} CxbFmLdConfig;

CxbFmLd *cxb_fmld_new(const CxbFmLdConfig *config);
/** cxb_fmld_free() - Before dc and memdev go. NULL is fine. */
void cxb_fmld_free(CxbFmLd *fm);
/** cxb_fmld_reset() - Only with the power: the fabric manager is not the host. */
void cxb_fmld_reset(CxbFmLd *fm, CxbResetKind kind);
CxbCci *cxb_fmld_cci(CxbFmLd *fm);

#endif
