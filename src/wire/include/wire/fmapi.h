/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fabric manager API, CXL 3.1 7.6.7: the commands that a memory device's fabric-manager-owned logical
 * device takes. Extents are those of wire/dc.h.
 */
#ifndef CXB_WIRE_FMAPI_H
#define CXB_WIRE_FMAPI_H

#include "base/bytes.h"
#include "base/uuid.h"
#include "wire/dc.h"

enum {
	CXB_OP_TUNNEL = 0x5300,                /* 7.6.7.3.1 */
	CXB_OP_GET_MULTI_HEADED_INFO = 0x5500, /* 7.6.7.5.1 */
	CXB_OP_GET_HEAD_INFO = 0x5501,         /* 7.6.7.5.2 */
	CXB_OP_GET_DCD_INFO = 0x5600,          /* 7.6.7.6.1 */
	CXB_OP_GET_HOST_DC_CONFIG = 0x5601,    /* 7.6.7.6.2 */
	CXB_OP_SET_DC_REGION_CONFIG = 0x5602,  /* 7.6.7.6.3 */
	CXB_OP_GET_REGION_EXTENTS = 0x5603,    /* 7.6.7.6.4 */
	CXB_OP_INITIATE_DC_ADD = 0x5604,       /* 7.6.7.6.5 */
	CXB_OP_INITIATE_DC_RELEASE = 0x5605,   /* 7.6.7.6.6 */
	CXB_OP_ADD_REFERENCE = 0x5606,         /* 7.6.7.6.7 */
	CXB_OP_REMOVE_REFERENCE = 0x5607,      /* 7.6.7.6.8 */
	CXB_OP_LIST_TAGS = 0x5608,             /* 7.6.7.6.9 */
};

/* 5300h Tunnel Management Command; the message, whole, follows in both directions. */
#define WIRE_TUNNEL_TARGET  0x0f
#define WIRE_TUNNEL_TO_LD   0 /* or to a port, of a switch */
#define WIRE_TUNNEL_TO_POOL 1 /* of the logical devices of a multi-headed device */

struct wire_tunnel_in {
	uint8_t ld; /* or port */
	uint8_t target;
	le16 size; /* of the message */
};
WIRE_SIZE(wire_tunnel_in, 4);
WIRE_AT(wire_tunnel_in, size, 2);

struct wire_tunnel_out {
	le16 size;
	uint8_t reserved[2];
};
WIRE_SIZE(wire_tunnel_out, 4);

/* 5500h Get Multi-Headed Info */
struct wire_multi_headed_in {
	uint8_t start; /* LD */
	uint8_t limit; /* LDs wanted */
};
WIRE_SIZE(wire_multi_headed_in, 2);

struct wire_multi_headed_info {
	uint8_t lds, heads;
	uint8_t reserved1[2];
	uint8_t start, len; /* of the map */
	uint8_t reserved2[2];
	uint8_t map[]; /* head of each LD */
};
WIRE_SIZE(wire_multi_headed_info, 8);
WIRE_AT(wire_multi_headed_info, start, 4);

/* 5501h Get Head Info */
struct wire_heads_in {
	uint8_t start, count;
};
WIRE_SIZE(wire_heads_in, 2);

#define WIRE_LTSSM_DETECT 0
#define WIRE_LTSSM_L0     4
#define WIRE_LINK_PRESENT 0x04

struct wire_head {
	uint8_t port;
	uint8_t width_max, width; /* lanes; the second as negotiated */
	uint8_t speeds;           /* a bit each that is supported, the slowest first */
	uint8_t speed_max, speed; /* as PCIe counts them, from 1 */
	uint8_t ltssm;
	uint8_t first_lane;
	uint8_t flags;
};
WIRE_SIZE(wire_head, 9);
WIRE_AT(wire_head, ltssm, 6);

struct wire_heads_info {
	uint8_t count;
	uint8_t reserved[3];
	struct wire_head head[];
};
WIRE_SIZE(wire_heads_info, 4);

/* 5600h Get DCD Info. A policy is a bit; so is a block size, at its own logarithm. */
struct wire_dcd_info {
	uint8_t hosts;
	uint8_t regions;
	uint8_t reserved1[2];
	le16 add_policies;
	uint8_t reserved2[2];
	le16 removal_policies;
	uint8_t sanitize_configurable; /* a bit each region */
	uint8_t reserved3;
	le64 total; /* in 256 MiB */
	le64 block_sizes[WIRE_DC_REGIONS];
};
WIRE_SIZE(wire_dcd_info, 0x54);
WIRE_AT(wire_dcd_info, add_policies, 4);
WIRE_AT(wire_dcd_info, removal_policies, 8);
WIRE_AT(wire_dcd_info, total, 0x0c);
WIRE_AT(wire_dcd_info, block_sizes, 0x14);

/* 5601h Get Host DC Region Configuration. wire_dc_config_trailer follows the regions returned. */
struct wire_host_dc_in {
	le16 host_id;
	uint8_t count; /* regions wanted */
	uint8_t start; /* index of the first */
};
WIRE_SIZE(wire_host_dc_in, 4);

struct wire_host_dc_region {
	le64 base;           /* DPA */
	le64 decode_len;     /* in 256 MiB */
	le64 length;         /* bytes */
	le64 block_size;     /* bytes */
	uint8_t dsmas_flags; /* WIRE_DSMAS_*, of wire/cdat.h */
	uint8_t reserved1[3];
	uint8_t flags; /* WIRE_DC_REGION_SANITIZE */
	uint8_t reserved2[3];
};
WIRE_SIZE(wire_host_dc_region, 0x28);
WIRE_AT(wire_host_dc_region, block_size, 0x18);
WIRE_AT(wire_host_dc_region, dsmas_flags, 0x20);
WIRE_AT(wire_host_dc_region, flags, 0x24);

struct wire_host_dc_out {
	le16 host_id;
	uint8_t available; /* regions there are */
	uint8_t returned;
	struct wire_host_dc_region region[];
};
WIRE_SIZE(wire_host_dc_out, 4);

/* 5602h Set DC Region Configuration. */
struct wire_set_dc_region_in {
	uint8_t region;
	uint8_t reserved1[3];
	le64 block_size; /* bytes */
	uint8_t flags;   /* WIRE_DC_REGION_SANITIZE */
	uint8_t reserved2[3];
};
WIRE_SIZE(wire_set_dc_region_in, 0x10);
WIRE_AT(wire_set_dc_region_in, block_size, 4);
WIRE_AT(wire_set_dc_region_in, flags, 0x0c);

/* 5603h Get DC Region Extent Lists. */
struct wire_region_extents_in {
	le16 host_id;
	uint8_t reserved[2];
	le32 count; /* extents wanted */
	le32 start; /* index of the first */
};
WIRE_SIZE(wire_region_extents_in, 0x0c);
WIRE_AT(wire_region_extents_in, count, 4);
WIRE_AT(wire_region_extents_in, start, 8);

struct wire_region_extents_out {
	le16 host_id;
	uint8_t reserved1[2];
	le32 start;
	le32 returned;
	le32 total;
	le32 generation;
	uint8_t reserved2[4];
	struct wire_dc_extent extent[];
};
WIRE_SIZE(wire_region_extents_out, 0x18);
WIRE_AT(wire_region_extents_out, start, 4);
WIRE_AT(wire_region_extents_out, total, 0x0c);
WIRE_AT(wire_region_extents_out, generation, 0x10);
WIRE_AT(wire_region_extents_out, extent, 0x18);

/* 5604h Initiate Dynamic Capacity Add, 5605h Release: one layout, but for what a byte means. */
#define WIRE_DC_POLICY   0x0f /* in control */
#define WIRE_DC_FORCED   0x10 /* 5605h */
#define WIRE_DC_SANITIZE 0x20 /* 5605h */

struct wire_initiate_dc_in {
	le16 host_id;
	uint8_t control;
	uint8_t region;
	le64 length; /* bytes */
	CxbUuid tag;
	le32 count;
	struct wire_dc_extent extent[]; /* prescriptive only */
};
WIRE_SIZE(wire_initiate_dc_in, 0x20);
WIRE_AT(wire_initiate_dc_in, length, 4);
WIRE_AT(wire_initiate_dc_in, tag, 0x0c);
WIRE_AT(wire_initiate_dc_in, count, 0x1c);
WIRE_AT(wire_initiate_dc_in, extent, 0x20);

/* 5606h Dynamic Capacity Add Reference, 5607h Remove Reference. */
struct wire_dc_reference_in {
	CxbUuid tag;
};
WIRE_SIZE(wire_dc_reference_in, 0x10);

/* 5608h Dynamic Capacity List Tags. A host is a bit. */
#define WIRE_TAG_REFERENCED          0x01 /* in flags: the fabric manager holds a reference */
#define WIRE_TAGS_REFERENCES_VALID   0x01
#define WIRE_TAGS_PENDING_REFS_VALID 0x02

struct wire_list_tags_in {
	le32 start; /* index of the first */
	le32 count; /* tags wanted */
};
WIRE_SIZE(wire_list_tags_in, 8);

struct wire_tag_info {
	CxbUuid tag;
	uint8_t flags;
	uint8_t reserved[3];
	uint8_t references[32];   /* hosts that accepted extents of the tag */
	uint8_t pending_refs[32]; /* hosts that were offered it and did not answer */
};
WIRE_SIZE(wire_tag_info, 0x54);
WIRE_AT(wire_tag_info, flags, 0x10);
WIRE_AT(wire_tag_info, references, 0x14);
WIRE_AT(wire_tag_info, pending_refs, 0x34);

struct wire_list_tags_out {
	le32 generation;
	le32 total;
	le32 returned;
	uint8_t valid; /* WIRE_TAGS_* */
	uint8_t reserved[3];
	struct wire_tag_info tag[];
};
WIRE_SIZE(wire_list_tags_out, 0x10);
WIRE_AT(wire_list_tags_out, valid, 0x0c);

#endif
