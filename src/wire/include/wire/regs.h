/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Register offsets and bits: component registers (CXL 3.1 8.2.3, 8.2.4) and device registers
 * (8.2.8). Offsets in bytes. Values are host-order numbers; registers are little-endian.
 */
#ifndef CXB_WIRE_REGS_H
#define CXB_WIRE_REGS_H

/* 8.2.3: the 64 KiB component block. */
#define WIRE_COMP_SIZE     0x10000
#define WIRE_CACHEMEM_BASE 0x1000 /* CXL.cache and CXL.mem primary range */
#define WIRE_CACHEMEM_SIZE 0x1000
#define WIRE_ARBMUX_BASE   0xe000
#define WIRE_ARBMUX_SIZE   0x400

/* 8.2.4.1: capability array; header and entries are 32 bits each, at WIRE_CACHEMEM_BASE. */
#define WIRE_CAP_HDR_ID       0x0000ffffu
#define WIRE_CAP_HDR_VERSION  0x000f0000u
#define WIRE_CAP_HDR_CACHEMEM 0x00f00000u
#define WIRE_CAP_HDR_COUNT    0xff000000u
#define WIRE_CAP_ENT_ID       0x0000ffffu
#define WIRE_CAP_ENT_VERSION  0x000f0000u
#define WIRE_CAP_ENT_POINTER  0xfff00000u /* bytes from WIRE_CACHEMEM_BASE */

enum {
	WIRE_COMP_CAP_NULL = 0,
	WIRE_COMP_CAP_ARRAY = 1,
	WIRE_COMP_CAP_RAS = 2,           /* 8.2.4.17 */
	WIRE_COMP_CAP_SECURITY = 3,      /* 8.2.4.18 */
	WIRE_COMP_CAP_LINK = 4,          /* 8.2.4.19 */
	WIRE_COMP_CAP_HDM = 5,           /* 8.2.4.20 */
	WIRE_COMP_CAP_EXT_SECURITY = 6,  /* 8.2.4.21 */
	WIRE_COMP_CAP_IDE = 7,           /* 8.2.4.22 */
	WIRE_COMP_CAP_SNOOP = 8,         /* 8.2.4.23 */
	WIRE_COMP_CAP_TIMEOUT = 9,       /* 8.2.4.24 */
	WIRE_COMP_CAP_BI_RT = 0x0b,      /* 8.2.4.26 */
	WIRE_COMP_CAP_BI_DECODER = 0x0c, /* 8.2.4.27 */
};

/* Bytes of the structures. */
#define WIRE_RAS_SIZE          0x58
#define WIRE_LINK_SIZE         0x50
#define WIRE_HDM_SIZE(n)       (0x10 + 0x20 * (n))
#define WIRE_EXT_SECURITY_SIZE (4 + 8 * 256)
#define WIRE_IDE_SIZE          0x24
#define WIRE_SNOOP_SIZE        8
#define WIRE_BI_RT_SIZE        0xc

/* 8.2.4.17: RAS. */
#define WIRE_RAS_UE_STATUS         0x00 /* RW1CS */
#define WIRE_RAS_UE_MASK           0x04 /* RWS */
#define WIRE_RAS_UE_SEVERITY       0x08 /* RWS */
#define WIRE_RAS_CE_STATUS         0x0c /* RW1CS */
#define WIRE_RAS_CE_MASK           0x10 /* RWS */
#define WIRE_RAS_CAP_CTRL          0x14
#define WIRE_RAS_HEADER_LOG        0x18
#define WIRE_RAS_UE_BITS           0x0001cfffu
#define WIRE_RAS_CE_BITS           0x0000007fu
#define WIRE_RAS_CAP_FIRST_ERROR   0x0000003fu
#define WIRE_RAS_CAP_MULTI_HEADER  0x00000200u
#define WIRE_RAS_CAP_POISON_ENABLE 0x00002000u

/* 8.2.4.20: HDM decoders. */
#define WIRE_HDM_CAP           0x00
#define WIRE_HDM_CAP_COUNT     0x0000000fu /* encoded */
#define WIRE_HDM_CAP_TARGETS   0x000000f0u /* ports: 1, 2, 4 or 8 */
#define WIRE_HDM_CAP_IL_11_8   0x00000100u
#define WIRE_HDM_CAP_IL_14_12  0x00000200u
#define WIRE_HDM_CAP_POISON    0x00000400u
#define WIRE_HDM_CAP_3_6_12    0x00000800u
#define WIRE_HDM_CAP_16        0x00001000u
#define WIRE_HDM_CAP_UIO       0x00002000u
#define WIRE_HDM_CAP_COHERENCY 0x00600000u /* both: device-coherent and host-only */
#define WIRE_HDM_CAP_DEVICE    0x00200000u /* device-coherent only */

#define WIRE_HDM_CTRL        0x04 /* global */
#define WIRE_HDM_CTRL_POISON 0x00000001u
#define WIRE_HDM_CTRL_ENABLE 0x00000002u

#define WIRE_HDM_DEC(n)     (0x10 + 0x20 * (n)) /* decoder n; offsets below are in it */
#define WIRE_HDM_DEC_STRIDE 0x20
#define WIRE_HDM_BASE_LO    0x00
#define WIRE_HDM_BASE_HI    0x04
#define WIRE_HDM_SIZE_LO    0x08
#define WIRE_HDM_SIZE_HI    0x0c
#define WIRE_HDM_DEC_CTRL   0x10
#define WIRE_HDM_TARGETS_LO 0x14 /* ports */
#define WIRE_HDM_TARGETS_HI 0x18
#define WIRE_HDM_SKIP_LO    0x14 /* devices */
#define WIRE_HDM_SKIP_HI    0x18
#define WIRE_HDM_LO_MASK    0xf0000000u /* base, size and skip are multiples of 256 MiB */

/* 8.2.4.20.7: decoder control. */
#define WIRE_HDM_DC_IG        0x0000000fu
#define WIRE_HDM_DC_IW        0x000000f0u
#define WIRE_HDM_DC_LOCK      0x00000100u /* lock on commit */
#define WIRE_HDM_DC_COMMIT    0x00000200u
#define WIRE_HDM_DC_COMMITTED 0x00000400u
#define WIRE_HDM_DC_ERROR     0x00000800u /* error not committed */
#define WIRE_HDM_DC_HOST_ONLY 0x00001000u /* HDM-H; clear: device coherent */
#define WIRE_HDM_DC_BI        0x00002000u
#define WIRE_HDM_DC_UIO       0x00004000u

/* 8.2.4.27: BI decoder. */
#define WIRE_BI_DECODER_CTRL      0x04
#define WIRE_BI_DECODER_CTRL_MASK 0x00000007u /* forward, enable, commit */
#define WIRE_BI_DECODER_STATUS    0x08
#define WIRE_BI_DECODER_SCALE     0x00000f00u /* commit timeout: 10^(this - 6) seconds */
#define WIRE_BI_DECODER_BASE      0x0000f000u /* ... times this */

/* 8.2.8.1, 8.2.8.2: device capability array; 16 bytes a header. */
#define WIRE_DEV_CAP_HDR_SIZE 0x10
enum {
	WIRE_DEV_CAP_STATUS = 0x0001,  /* 8.2.8.3 */
	WIRE_DEV_CAP_MAILBOX = 0x0002, /* 8.2.8.4, primary */
	WIRE_DEV_CAP_MAILBOX2 = 0x0003,
	WIRE_DEV_CAP_MEMDEV = 0x4000, /* 8.2.8.5 */
};

/* 8.2.8.3: device status, 8 bytes; bit n: event log n is not empty. */
#define WIRE_DEV_STATUS_SIZE 8

/* 8.2.8.4: mailbox. */
#define WIRE_MBOX_CAP       0x00 /* 32 bits */
#define WIRE_MBOX_CTRL      0x04 /* 32 bits */
#define WIRE_MBOX_CMD       0x08 /* 64 bits */
#define WIRE_MBOX_STATUS    0x10 /* 64 bits */
#define WIRE_MBOX_BG_STATUS 0x18 /* 64 bits */
#define WIRE_MBOX_PAYLOAD   0x20

#define WIRE_MBOX_CAP_PAYLOAD 0x0000001fu /* log2 of bytes, 8 to 20 */
#define WIRE_MBOX_CAP_DB_IRQ  0x00000020u
#define WIRE_MBOX_CAP_BG_IRQ  0x00000040u
#define WIRE_MBOX_CAP_MSG     0x00000780u
#define WIRE_MBOX_CAP_READY   0x0007f800u /* seconds */
#define WIRE_MBOX_CAP_TYPE    0x00780000u
#define WIRE_MBOX_TYPE_MEMDEV 1
#define WIRE_MBOX_TYPE_SWITCH 2

#define WIRE_MBOX_CTRL_DOORBELL 0x00000001u
#define WIRE_MBOX_CTRL_DB_IRQ   0x00000002u
#define WIRE_MBOX_CTRL_BG_IRQ   0x00000004u

#define WIRE_MBOX_CMD_OPCODE 0x000000000000ffffull
#define WIRE_MBOX_CMD_LEN    0x0000001fffff0000ull

#define WIRE_MBOX_STATUS_BG     0x0000000000000001ull
#define WIRE_MBOX_STATUS_RC     0x0000ffff00000000ull
#define WIRE_MBOX_STATUS_VENDOR 0xffff000000000000ull

#define WIRE_MBOX_BG_OPCODE  0x000000000000ffffull
#define WIRE_MBOX_BG_PERCENT 0x00000000007f0000ull
#define WIRE_MBOX_BG_RC      0x0000ffff00000000ull

/* 8.2.8.5.1.1: memory device status, 8 bytes. */
#define WIRE_MEMDEV_SIZE       8
#define WIRE_MEMDEV_FATAL      0x01ull
#define WIRE_MEMDEV_FW_HALT    0x02ull
#define WIRE_MEMDEV_MEDIA      0x0cull
#define WIRE_MEMDEV_MBOX_READY 0x10ull
#define WIRE_MEMDEV_RESET      0xe0ull
enum {
	WIRE_MEDIA_NOT_READY = 0,
	WIRE_MEDIA_READY = 1,
	WIRE_MEDIA_ERROR = 2,
	WIRE_MEDIA_DISABLED = 3,
};

#endif
