/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CXL in configuration space: ids and DVSEC bodies, CXL 3.1 8.1. A body starts at offset 0Ah of
 * its DVSEC, behind the common header; offsets in comments and asserts count from the DVSEC.
 */
#ifndef CXB_WIRE_PCI_H
#define CXB_WIRE_PCI_H

#include "base/bytes.h"

#define WIRE_CXL_VENDOR_ID    0x1e98   /* DVSECs, DOE */
#define WIRE_CLASS_CXL_MEMDEV 0x050210 /* 8.1.12.1 */

#define WIRE_EXT_CAP_DVSEC 0x0023
#define WIRE_EXT_CAP_DOE   0x002e

#define WIRE_DVSEC_BODY 0x0a
#define WIRE_DVSEC_AT(type, field, off)                                         \
	_Static_assert(offsetof(struct type, field) + WIRE_DVSEC_BODY == (off), \
		       #type "." #field " is not at " #off)

enum {
	WIRE_DVSEC_DEVICE = 0,      /* 8.1.3 */
	WIRE_DVSEC_NON_CXL_MAP = 2, /* 8.1.4 */
	WIRE_DVSEC_PORT = 3,        /* 8.1.5 */
	WIRE_DVSEC_GPF_PORT = 4,    /* 8.1.6 */
	WIRE_DVSEC_GPF_DEVICE = 5,  /* 8.1.7 */
	WIRE_DVSEC_FLEX_BUS = 7,    /* 8.1.8 */
	WIRE_DVSEC_LOCATOR = 8,     /* 8.1.9 */
	WIRE_DVSEC_MLD = 9,         /* 8.1.10 */
};

/* Lengths (common header included) and revisions. */
#define WIRE_DVSEC_DEVICE_LEN     0x3c
#define WIRE_DVSEC_DEVICE_REV     3
#define WIRE_DVSEC_PORT_LEN       0x28
#define WIRE_DVSEC_PORT_REV       0
#define WIRE_DVSEC_GPF_LEN        0x10 /* port and device */
#define WIRE_DVSEC_GPF_REV        0
#define WIRE_DVSEC_FLEX_BUS_LEN   0x20
#define WIRE_DVSEC_FLEX_BUS_REV   2
#define WIRE_DVSEC_LOCATOR_LEN(n) (0x0c + 8 * (n))
#define WIRE_DVSEC_LOCATOR_REV    0

/* 8.1.3. */
struct wire_dvsec_range {
	le32 size_hi;
	le32 size_lo;
	le32 base_hi;
	le32 base_lo;
};

struct wire_dvsec_device {
	le16 cap;
	le16 ctrl;
	le16 status;
	le16 ctrl2;
	le16 status2;
	le16 lock;
	le16 cap2;
	struct wire_dvsec_range range[2];
	le16 cap3;
	le16 reserved;
};
WIRE_SIZE(wire_dvsec_device, WIRE_DVSEC_DEVICE_LEN - WIRE_DVSEC_BODY);
WIRE_DVSEC_AT(wire_dvsec_device, cap, 0x0a);
WIRE_DVSEC_AT(wire_dvsec_device, ctrl, 0x0c);
WIRE_DVSEC_AT(wire_dvsec_device, status2, 0x12);
WIRE_DVSEC_AT(wire_dvsec_device, lock, 0x14);
WIRE_DVSEC_AT(wire_dvsec_device, range, 0x18);
WIRE_DVSEC_AT(wire_dvsec_device, range[1], 0x28);
WIRE_DVSEC_AT(wire_dvsec_device, cap3, 0x38);

#define WIRE_DEV_CAP_CACHE     0x0001 /* 8.1.3.1 */
#define WIRE_DEV_CAP_IO        0x0002
#define WIRE_DEV_CAP_MEM       0x0004
#define WIRE_DEV_CAP_HWINIT    0x0008
#define WIRE_DEV_CAP_HDM_COUNT 0x0030
#define WIRE_DEV_CAP_WBI       0x0040 /* cache write-back and invalidate */
#define WIRE_DEV_CAP_RESET     0x0080
#define WIRE_DEV_CAP_MEM_CLR   0x0800 /* a reset can clear memory */

#define WIRE_DEV_CTRL_CACHE_EN 0x0001 /* 8.1.3.2; frozen by the lock */
#define WIRE_DEV_CTRL_IO_EN    0x0002
#define WIRE_DEV_CTRL_MEM_EN   0x0004

#define WIRE_DEV_CTRL2_NO_CACHING 0x0001 /* 8.1.3.4 */
#define WIRE_DEV_CTRL2_WBI        0x0002 /* starts one; reads 0 */
#define WIRE_DEV_CTRL2_RESET      0x0004 /* as above */
#define WIRE_DEV_CTRL2_MEM_CLR    0x0008

#define WIRE_DEV_STATUS2_CACHE_INVALID 0x0001 /* 8.1.3.5 */
#define WIRE_DEV_STATUS2_RESET_DONE    0x0002
#define WIRE_DEV_STATUS2_RESET_ERROR   0x0004
#define WIRE_DEV_STATUS2_PM_INIT       0x8000

#define WIRE_DEV_LOCK 0x0001 /* 8.1.3.6 */

#define WIRE_DEV_RANGE_VALID   0x00000001u /* 8.1.3.8.2, size low */
#define WIRE_DEV_RANGE_ACTIVE  0x00000002u
#define WIRE_DEV_RANGE_MEDIA   0x0000001cu
#define WIRE_DEV_RANGE_CLASS   0x000000e0u
#define WIRE_DEV_RANGE_CDAT    2 /* media type or memory class: "see CDAT" */
#define WIRE_DEV_RANGE_LO_MASK 0xf0000000u

/* 8.1.5. */
struct wire_dvsec_port {
	le16 status;
	le16 ctrl;
	uint8_t alt_bus_base;
	uint8_t alt_bus_limit;
	le16 alt_mem_base;
	le16 alt_mem_limit;
	le16 alt_pref_base;
	le16 alt_pref_limit;
	le32 alt_pref_base_hi;
	le32 alt_pref_limit_hi;
	le32 rcrb_base;
	le32 rcrb_base_hi;
};
WIRE_SIZE(wire_dvsec_port, WIRE_DVSEC_PORT_LEN - WIRE_DVSEC_BODY);
WIRE_DVSEC_AT(wire_dvsec_port, ctrl, 0x0c);
WIRE_DVSEC_AT(wire_dvsec_port, alt_mem_base, 0x10);
WIRE_DVSEC_AT(wire_dvsec_port, alt_pref_base_hi, 0x18);
WIRE_DVSEC_AT(wire_dvsec_port, rcrb_base, 0x20);

#define WIRE_PORT_STATUS_PM_INIT   0x0001
#define WIRE_PORT_CTRL_UNMASK_SBR  0x0001
#define WIRE_PORT_CTRL_UNMASK_LINK 0x0002 /* Link Disable */
#define WIRE_PORT_CTRL_MASK        0x400f /* what can be written */

/* 8.1.6. */
struct wire_dvsec_gpf_port {
	le16 reserved;
	le16 phase1;
	le16 phase2;
};
WIRE_SIZE(wire_dvsec_gpf_port, WIRE_DVSEC_GPF_LEN - WIRE_DVSEC_BODY);
WIRE_DVSEC_AT(wire_dvsec_gpf_port, phase1, 0x0c);

/* 8.1.7. */
struct wire_dvsec_gpf_device {
	le16 phase2_duration;
	le32 phase2_power; /* mW */
};
WIRE_SIZE(wire_dvsec_gpf_device, WIRE_DVSEC_GPF_LEN - WIRE_DVSEC_BODY);
WIRE_DVSEC_AT(wire_dvsec_gpf_device, phase2_power, 0x0c);

#define WIRE_GPF_BASE  0x000f
#define WIRE_GPF_SCALE 0x0f00

/* 8.1.8, 8.2.1.3. */
struct wire_dvsec_flex_bus {
	le16 cap;
	le16 ctrl;
	le16 status;
	le32 received; /* modified TS data, phase 1 */
	le32 cap2;
	le32 ctrl2;
	le32 status2;
};
WIRE_SIZE(wire_dvsec_flex_bus, WIRE_DVSEC_FLEX_BUS_LEN - WIRE_DVSEC_BODY);
WIRE_DVSEC_AT(wire_dvsec_flex_bus, status, 0x0e);
WIRE_DVSEC_AT(wire_dvsec_flex_bus, received, 0x10);
WIRE_DVSEC_AT(wire_dvsec_flex_bus, status2, 0x1c);

#define WIRE_FLEX_CACHE 0x0001
#define WIRE_FLEX_IO    0x0002
#define WIRE_FLEX_MEM   0x0004
#define WIRE_FLEX_68B   0x0020

/* 8.1.9. */
struct wire_locator_block {
	le32 lo;
	le32 hi; /* offset [63:32] */
};

struct wire_dvsec_locator {
	le16 reserved;
	struct wire_locator_block block[];
};
WIRE_SIZE(wire_dvsec_locator, 2);
WIRE_DVSEC_AT(wire_dvsec_locator, block, 0x0c);

#define WIRE_LOCATOR_BIR    0x00000007u
#define WIRE_LOCATOR_ID     0x0000ff00u
#define WIRE_LOCATOR_OFFSET 0xffff0000u /* bits [31:16] of the offset, in place */
enum {
	WIRE_BLOCK_EMPTY = 0,
	WIRE_BLOCK_COMPONENT = 1,
	WIRE_BLOCK_DEVICE = 3,
	WIRE_BLOCK_CPMU = 4,
};

#endif
