/* SPDX-License-Identifier: Apache-2.0 */
/* Dynamic capacity on the wire: extents and commands 4800h-4803h, CXL 3.1 8.2.9.9.9. */
#ifndef CXB_WIRE_DC_H
#define CXB_WIRE_DC_H

#include "base/bytes.h"
#include "base/uuid.h"

#define WIRE_DC_REGIONS 8

/* In 4801h, event records and the fabric-manager commands. */
struct wire_dc_extent {
	le64 dpa;
	le64 length; /* bytes */
	CxbUuid tag; /* all zero: none */
	le16 seq;    /* shared extent sequence */
	uint8_t reserved[6];
};
WIRE_SIZE(wire_dc_extent, 0x28);
WIRE_AT(wire_dc_extent, length, 8);
WIRE_AT(wire_dc_extent, tag, 0x10);
WIRE_AT(wire_dc_extent, seq, 0x20);

/* 4800h Get Dynamic Capacity Configuration (8.2.9.9.9.1). */
struct wire_dc_config_in {
	uint8_t count; /* regions wanted */
	uint8_t start; /* index of the first */
};
WIRE_SIZE(wire_dc_config_in, 2);

#define WIRE_DC_REGION_SANITIZE 0x01 /* on release */

struct wire_dc_region {
	le64 base;       /* DPA */
	le64 decode_len; /* in 256 MiB */
	le64 length;     /* bytes */
	le64 block_size; /* bytes */
	le32 dsmad_handle;
	uint8_t flags;
	uint8_t reserved[3];
};
WIRE_SIZE(wire_dc_region, 0x28);
WIRE_AT(wire_dc_region, decode_len, 8);
WIRE_AT(wire_dc_region, block_size, 0x18);
WIRE_AT(wire_dc_region, dsmad_handle, 0x20);
WIRE_AT(wire_dc_region, flags, 0x24);

/* Answer: header, the regions returned, trailer directly behind them. */
struct wire_dc_config_out {
	uint8_t available; /* regions there are */
	uint8_t returned;
	uint8_t reserved[6];
	struct wire_dc_region region[];
};
WIRE_SIZE(wire_dc_config_out, 8);
WIRE_AT(wire_dc_config_out, region, 8);

struct wire_dc_config_trailer {
	le32 extents_supported;
	le32 extents_available;
	le32 tags_supported;
	le32 tags_available;
};
WIRE_SIZE(wire_dc_config_trailer, 0x10);
WIRE_AT(wire_dc_config_trailer, tags_available, 0x0c);

/* 4801h Get Dynamic Capacity Extent List (8.2.9.9.9.2). */
struct wire_dc_list_in {
	le32 count; /* extents wanted */
	le32 start; /* index of the first */
};
WIRE_SIZE(wire_dc_list_in, 8);
WIRE_AT(wire_dc_list_in, start, 4);

struct wire_dc_list_out {
	le32 returned;
	le32 total;
	le32 generation;
	le32 reserved;
	struct wire_dc_extent extent[];
};
WIRE_SIZE(wire_dc_list_out, 0x10);
WIRE_AT(wire_dc_list_out, generation, 8);
WIRE_AT(wire_dc_list_out, extent, 0x10);

/* 4802h Add Dynamic Capacity Response (8.2.9.9.9.3), 4803h Release (8.2.9.9.9.4): one layout. */
#define WIRE_DC_UPDATE_MORE 0x01 /* the list continues in a further command */

struct wire_dc_update_entry {
	le64 dpa;
	le64 length; /* bytes */
	uint8_t reserved[8];
};
WIRE_SIZE(wire_dc_update_entry, 0x18);

struct wire_dc_update_in {
	le32 count;
	uint8_t flags;
	uint8_t reserved[3];
	struct wire_dc_update_entry entry[];
};
WIRE_SIZE(wire_dc_update_in, 8);
WIRE_AT(wire_dc_update_in, flags, 4);
WIRE_AT(wire_dc_update_in, entry, 8);

#endif
