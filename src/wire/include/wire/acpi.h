/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACPI tables that a machine hands to a host: RSDP, XSDT, MCFG (ACPI 6.5 5.2, PCI Firmware 3.3) and
 * CEDT (CXL 3.1 9.18.1). XSDT entries start at 24h and are not aligned.
 */
#ifndef CXB_WIRE_ACPI_H
#define CXB_WIRE_ACPI_H

#include "base/bytes.h"

struct wire_acpi_header {
	char signature[4];
	le32 length; /* of the whole table */
	uint8_t revision;
	uint8_t checksum; /* all bytes of the table sum to 0 mod 256 */
	char oem_id[6];
	char oem_table_id[8];
	le32 oem_revision;
	char creator_id[4];
	le32 creator_revision;
};
WIRE_SIZE(wire_acpi_header, 0x24);
WIRE_AT(wire_acpi_header, length, 4);
WIRE_AT(wire_acpi_header, checksum, 9);
WIRE_AT(wire_acpi_header, oem_id, 0x0a);
WIRE_AT(wire_acpi_header, oem_table_id, 0x10);
WIRE_AT(wire_acpi_header, creator_id, 0x1c);

#define WIRE_RSDP_SIGNATURE "RSD PTR " /* 8 characters */

struct wire_rsdp {
	char signature[8];
	uint8_t checksum; /* bytes 00h-13h */
	char oem_id[6];
	uint8_t revision; /* 2 */
	le32 rsdt;
	le32 length; /* 24h */
	le64 xsdt;
	uint8_t ext_checksum; /* all bytes */
	uint8_t reserved[3];
};
WIRE_SIZE(wire_rsdp, 0x24);
WIRE_AT(wire_rsdp, checksum, 8);
WIRE_AT(wire_rsdp, revision, 0x0f);
WIRE_AT(wire_rsdp, rsdt, 0x10);
WIRE_AT(wire_rsdp, length, 0x14);
WIRE_AT(wire_rsdp, xsdt, 0x18);
WIRE_AT(wire_rsdp, ext_checksum, 0x20);
#define WIRE_RSDP_V1_SIZE 0x14

/* Behind the header of a table "MCFG" there are 8 reserved bytes, then entries. */
struct wire_mcfg {
	struct wire_acpi_header hdr;
	uint8_t reserved[8];
};
WIRE_SIZE(wire_mcfg, 0x2c);

struct wire_mcfg_entry {
	le64 base; /* ECAM address of bus 0 */
	le16 segment;
	uint8_t first_bus;
	uint8_t last_bus;
	uint8_t reserved[4];
};
WIRE_SIZE(wire_mcfg_entry, 0x10);
WIRE_AT(wire_mcfg_entry, segment, 8);
WIRE_AT(wire_mcfg_entry, first_bus, 0x0a);

/* Structures behind the header of a table "CEDT". */
enum {
	WIRE_CEDT_CHBS = 0,
	WIRE_CEDT_CFMWS = 1,
	WIRE_CEDT_CXIMS = 2,
	WIRE_CEDT_RDPAS = 3,
	WIRE_CEDT_CSDS = 4,
};

struct wire_cedt_header {
	uint8_t type;
	uint8_t reserved;
	le16 length; /* of the structure */
};
WIRE_SIZE(wire_cedt_header, 4);

/* 9.18.1.2 CXL Host Bridge Structure. */
struct wire_cedt_chbs {
	struct wire_cedt_header hdr;
	le32 uid;     /* _UID of the ACPI0016 device */
	le32 version; /* 0: CXL 1.1, base is the RCRB; 1: 2.0 and later, component registers */
	le32 reserved;
	le64 base;
	le64 length;
};
WIRE_SIZE(wire_cedt_chbs, 0x20);
WIRE_AT(wire_cedt_chbs, uid, 4);
WIRE_AT(wire_cedt_chbs, version, 8);
WIRE_AT(wire_cedt_chbs, base, 0x10);
WIRE_AT(wire_cedt_chbs, length, 0x18);

/* 9.18.1.3 CXL Fixed Memory Window Structure. */
struct wire_cedt_cfmws {
	struct wire_cedt_header hdr;
	le32 reserved1;
	le64 base;  /* HPA */
	le64 size;  /* bytes */
	uint8_t iw; /* encoded ways */
	uint8_t arithmetic;
	le16 reserved2;
	le32 ig; /* encoded granularity */
	le16 restrictions;
	le16 qtg_id;
	le32 target[]; /* UIDs of host bridges, as many as ways, interleave order */
};
WIRE_SIZE(wire_cedt_cfmws, 0x24);
WIRE_AT(wire_cedt_cfmws, base, 8);
WIRE_AT(wire_cedt_cfmws, size, 0x10);
WIRE_AT(wire_cedt_cfmws, iw, 0x18);
WIRE_AT(wire_cedt_cfmws, arithmetic, 0x19);
WIRE_AT(wire_cedt_cfmws, ig, 0x1c);
WIRE_AT(wire_cedt_cfmws, restrictions, 0x20);
WIRE_AT(wire_cedt_cfmws, qtg_id, 0x22);
WIRE_AT(wire_cedt_cfmws, target, 0x24);

enum { WIRE_CFMWS_MODULO = 0, WIRE_CFMWS_XOR = 1 };

enum {
	WIRE_CFMWS_DEVICE_COHERENT = 1u << 0,
	WIRE_CFMWS_HOST_ONLY = 1u << 1,
	WIRE_CFMWS_VOLATILE = 1u << 2,
	WIRE_CFMWS_PERSISTENT = 1u << 3,
	WIRE_CFMWS_FIXED = 1u << 4,
	WIRE_CFMWS_BI = 1u << 5,
};

#endif
