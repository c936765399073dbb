/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coherent Device Attribute Table: header, structures, and the data objects that read it, CXL 3.1
 * 8.1.11 and CDAT 1.03. All little-endian, nothing between the structures.
 */
#ifndef CXB_WIRE_CDAT_H
#define CXB_WIRE_CDAT_H

#include "base/bytes.h"

#define WIRE_CDAT_REVISION 2

struct wire_cdat {
	le32 length; /* of the table, header included */
	uint8_t revision;
	uint8_t checksum; /* all bytes of the table sum to 0 */
	uint8_t reserved[6];
	le32 sequence;
};
WIRE_SIZE(wire_cdat, 0x10);
WIRE_AT(wire_cdat, checksum, 5);
WIRE_AT(wire_cdat, sequence, 0x0c);

enum {
	WIRE_CDAT_DSMAS = 0,
	WIRE_CDAT_DSLBIS = 1,
	WIRE_CDAT_DSMSCIS = 2,
	WIRE_CDAT_DSIS = 3,
	WIRE_CDAT_DSEMTS = 4,
	WIRE_CDAT_SSLBIS = 5,
};

/* Lengths of those that are not described further down. */
#define WIRE_CDAT_DSMSCIS_LEN   0x14
#define WIRE_CDAT_DSIS_LEN      0x08
#define WIRE_CDAT_SSLBIS_LEN(n) (0x10 + 8 * (n))

/* Head of every structure. */
struct wire_cdat_struct {
	uint8_t type;
	uint8_t reserved;
	le16 length;
};
WIRE_SIZE(wire_cdat_struct, 4);
WIRE_AT(wire_cdat_struct, length, 2);

/* Device scoped memory affinity. */
struct wire_dsmas {
	struct wire_cdat_struct head;
	uint8_t handle; /* DSMAD handle, unique in the device */
	uint8_t flags;
	le16 reserved;
	le64 dpa;
	le64 length; /* bytes */
};
WIRE_SIZE(wire_dsmas, 0x18);
WIRE_AT(wire_dsmas, handle, 4);
WIRE_AT(wire_dsmas, flags, 5);
WIRE_AT(wire_dsmas, dpa, 8);
WIRE_AT(wire_dsmas, length, 0x10);

#define WIRE_DSMAS_NON_VOLATILE 0x04
#define WIRE_DSMAS_SHARABLE     0x08
#define WIRE_DSMAS_HW_COHERENT  0x10
#define WIRE_DSMAS_DYNAMIC      0x20
#define WIRE_DSMAS_READ_ONLY    0x40

/* Device scoped latency and bandwidth. Value = entry x base. */
struct wire_dslbis {
	struct wire_cdat_struct head;
	uint8_t handle; /* of a DSMAS */
	uint8_t flags;  /* [3:0] memory hierarchy, 0: memory */
	uint8_t data_type;
	uint8_t reserved;
	le64 base;     /* ps or MB/s */
	le16 entry[3]; /* the first is used for memory */
	le16 reserved2;
};
WIRE_SIZE(wire_dslbis, 0x18);
WIRE_AT(wire_dslbis, data_type, 6);
WIRE_AT(wire_dslbis, base, 8);
WIRE_AT(wire_dslbis, entry, 0x10);

enum {
	WIRE_DSLBIS_LATENCY = 0, /* access: read and write alike */
	WIRE_DSLBIS_READ_LATENCY = 1,
	WIRE_DSLBIS_WRITE_LATENCY = 2,
	WIRE_DSLBIS_BANDWIDTH = 3,
	WIRE_DSLBIS_READ_BANDWIDTH = 4,
	WIRE_DSLBIS_WRITE_BANDWIDTH = 5,
};

/* Device scoped EFI memory type. */
struct wire_dsemts {
	struct wire_cdat_struct head;
	uint8_t handle; /* of a DSMAS */
	uint8_t efi_type;
	le16 reserved;
	le64 offset; /* in the DSMAS's range */
	le64 length; /* bytes */
};
WIRE_SIZE(wire_dsemts, 0x18);
WIRE_AT(wire_dsemts, efi_type, 5);
WIRE_AT(wire_dsemts, offset, 8);
WIRE_AT(wire_dsemts, length, 0x10);

enum {
	WIRE_EFI_CONVENTIONAL = 0,
	WIRE_EFI_SPECIFIC_PURPOSE = 1,
	WIRE_EFI_RESERVED = 2,
};

/* Table access over DOE (8.1.11): vendor 1E98h, type 2; behind the object's header. */
#define WIRE_DOE_TABLE_ACCESS 2
#define WIRE_CDAT_LAST        0xffff /* next handle: there is none */

struct wire_cdat_access {
	uint8_t code;  /* request: 0 read entry; answer: 0 */
	uint8_t table; /* 0: CDAT */
	le16 handle;   /* request: entry wanted, 0 the header; answer: the next one */
};
WIRE_SIZE(wire_cdat_access, 4);
WIRE_AT(wire_cdat_access, handle, 2);

#endif
