/* SPDX-License-Identifier: Apache-2.0 */
/* Event records, CXL 3.1 8.2.9.2.1. All 80h bytes: a common header and 80 bytes of data. */
#ifndef CXB_WIRE_EVENT_H
#define CXB_WIRE_EVENT_H

#include "base/bytes.h"
#include "base/uuid.h"
#include "wire/dc.h"

/* 8.2.9.2.1, flags (24 bits). */
enum {
	WIRE_EVENT_SEVERITY = 0x3, /* mask: number of the log, 0 to 3 */
	WIRE_EVENT_PERMANENT = 1u << 2,
	WIRE_EVENT_MAINTENANCE = 1u << 3,
	WIRE_EVENT_DEGRADED = 1u << 4,
	WIRE_EVENT_REPLACE = 1u << 5,
	WIRE_EVENT_SUBCLASS_VALID = 1u << 6,
	WIRE_EVENT_LD_VALID = 1u << 7,   /* CXL 3.2 */
	WIRE_EVENT_HEAD_VALID = 1u << 8, /* CXL 3.2 */
};

struct wire_event_header {
	CxbUuid uuid;   /* says what the data is */
	uint8_t length; /* 80h */
	le24 flags;
	le16 handle;    /* unique in its log, never 0 */
	le16 related;   /* 0: none */
	le64 timestamp; /* ns; 0: the clock was never set */
	uint8_t maint_class;
	uint8_t maint_subclass;
	le16 ld_id;
	uint8_t head_id;
	uint8_t reserved[11];
};
WIRE_SIZE(wire_event_header, 0x30);
WIRE_AT(wire_event_header, length, 0x10);
WIRE_AT(wire_event_header, flags, 0x11);
WIRE_AT(wire_event_header, handle, 0x14);
WIRE_AT(wire_event_header, related, 0x16);
WIRE_AT(wire_event_header, timestamp, 0x18);
WIRE_AT(wire_event_header, maint_class, 0x20);
WIRE_AT(wire_event_header, ld_id, 0x22);
WIRE_AT(wire_event_header, head_id, 0x24);

#define WIRE_EVENT_RECORD_SIZE 0x80

struct wire_event_record {
	struct wire_event_header hdr;
	uint8_t data[80];
};
WIRE_SIZE(wire_event_record, 0x80);
WIRE_AT(wire_event_record, data, 0x30);

/* 8.2.9.9.3.1: health information, also the output of 4200h. */
struct wire_health_info {
	uint8_t health;
	uint8_t media;
	uint8_t additional;
	uint8_t life_used; /* percent */
	le16 temperature;  /* degrees Celsius, signed */
	le32 dirty_shutdowns;
	le32 volatile_errors;
	le32 persistent_errors;
};
WIRE_SIZE(wire_health_info, 0x12);
WIRE_AT(wire_health_info, dirty_shutdowns, 6);

/* A component's id in the records below; bit PLDM of their validity says how to read it. */
#define WIRE_COMPONENT_ID_SIZE 16

/*
 * 8.2.9.2.1.1 General Media (Table 8-45). The fields from cme_flags on are newer than CXL 3.0, where
 * they are reserved; which of them mean something, their own values say.
 */
enum {
	WIRE_MEDIA_CHANNEL_VALID = 1u << 0,
	WIRE_MEDIA_RANK_VALID = 1u << 1,
	WIRE_MEDIA_DEVICE_VALID = 1u << 2,
	WIRE_MEDIA_COMPONENT_VALID = 1u << 3,
	WIRE_MEDIA_COMPONENT_PLDM = 1u << 4,
};
/* In descriptor, of this record and the next: an error count crossed its threshold, so the count
 * is valid. */
#define WIRE_MEDIA_THRESHOLD 0x02

struct wire_media_record {
	struct wire_event_header hdr;
	le64 dpa; /* bits 63:6; bit 0: volatile, bit 1: cannot be repaired */
	uint8_t descriptor;
	uint8_t type;
	uint8_t transaction;
	le16 validity;
	uint8_t channel;
	uint8_t rank;
	le24 device; /* a mask */
	uint8_t component[WIRE_COMPONENT_ID_SIZE];
	uint8_t cme_flags; /* corrected memory errors */
	le24 cme_count;
	uint8_t sub_type;
	uint8_t reserved[41];
};
WIRE_SIZE(wire_media_record, 0x80);
WIRE_AT(wire_media_record, dpa, 0x30);
WIRE_AT(wire_media_record, descriptor, 0x38);
WIRE_AT(wire_media_record, validity, 0x3b);
WIRE_AT(wire_media_record, channel, 0x3d);
WIRE_AT(wire_media_record, device, 0x3f);
WIRE_AT(wire_media_record, component, 0x42);
WIRE_AT(wire_media_record, cme_flags, 0x52);
WIRE_AT(wire_media_record, cme_count, 0x53);
WIRE_AT(wire_media_record, sub_type, 0x56);

/* 8.2.9.2.1.2 DRAM (Table 8-46). CXL 3.0 ends with the correction mask. */
enum {
	WIRE_DRAM_CHANNEL_VALID = 1u << 0,
	WIRE_DRAM_RANK_VALID = 1u << 1,
	WIRE_DRAM_NIBBLE_VALID = 1u << 2,
	WIRE_DRAM_GROUP_VALID = 1u << 3,
	WIRE_DRAM_BANK_VALID = 1u << 4,
	WIRE_DRAM_ROW_VALID = 1u << 5,
	WIRE_DRAM_COLUMN_VALID = 1u << 6,
	WIRE_DRAM_CORRECTION_VALID = 1u << 7,
	WIRE_DRAM_COMPONENT_VALID = 1u << 8,
	WIRE_DRAM_COMPONENT_PLDM = 1u << 9,
	WIRE_DRAM_SUBCHANNEL_VALID = 1u << 10,
};
#define WIRE_DRAM_CORRECTION_QWORDS 4

struct wire_dram_record {
	struct wire_event_header hdr;
	le64 dpa; /* as above */
	uint8_t descriptor;
	uint8_t type;
	uint8_t transaction;
	le16 validity;
	uint8_t channel;
	uint8_t rank;
	le24 nibble_mask;
	uint8_t bank_group;
	uint8_t bank;
	le24 row;
	le16 column;
	le64 correction_mask[WIRE_DRAM_CORRECTION_QWORDS];
	uint8_t component[WIRE_COMPONENT_ID_SIZE];
	uint8_t sub_channel;
	uint8_t cme_flags;
	le24 cvme_count; /* corrected volatile memory errors */
	uint8_t sub_type;
	uint8_t reserved;
};
WIRE_SIZE(wire_dram_record, 0x80);
WIRE_AT(wire_dram_record, dpa, 0x30);
WIRE_AT(wire_dram_record, validity, 0x3b);
WIRE_AT(wire_dram_record, nibble_mask, 0x3f);
WIRE_AT(wire_dram_record, bank_group, 0x42);
WIRE_AT(wire_dram_record, row, 0x44);
WIRE_AT(wire_dram_record, column, 0x47);
WIRE_AT(wire_dram_record, correction_mask, 0x49);
WIRE_AT(wire_dram_record, component, 0x69);
WIRE_AT(wire_dram_record, sub_channel, 0x79);
WIRE_AT(wire_dram_record, cvme_count, 0x7b);
WIRE_AT(wire_dram_record, sub_type, 0x7e);

/* 8.2.9.2.1.3 Memory Module (Table 8-47). CXL 3.0 ends with the health information. */
enum {
	WIRE_MODULE_COMPONENT_VALID = 1u << 0,
	WIRE_MODULE_COMPONENT_PLDM = 1u << 1,
};

struct wire_module_record {
	struct wire_event_header hdr;
	uint8_t type;
	struct wire_health_info health;
	le16 validity;
	uint8_t component[WIRE_COMPONENT_ID_SIZE];
	uint8_t sub_type;
	uint8_t reserved[42];
};
WIRE_SIZE(wire_module_record, 0x80);
WIRE_AT(wire_module_record, type, 0x30);
WIRE_AT(wire_module_record, health, 0x31);
WIRE_AT(wire_module_record, validity, 0x43);
WIRE_AT(wire_module_record, component, 0x45);
WIRE_AT(wire_module_record, sub_type, 0x55);

/* 8.2.9.2.1.6 Dynamic Capacity (Table 8-50): type, meaning. */
enum {
	WIRE_DC_EVENT_ADD = 0,
	WIRE_DC_EVENT_RELEASE = 1,
	WIRE_DC_EVENT_FORCED_RELEASE = 2,
	WIRE_DC_EVENT_REGION_UPDATED = 3,
	WIRE_DC_EVENT_ADD_RESPONSE = 4, /* to the fabric manager */
	WIRE_DC_EVENT_RELEASED = 5,     /* to the fabric manager */
};
#define WIRE_DC_EVENT_MORE 0x01 /* in more: the next record belongs to the same group */

struct wire_dc_record {
	struct wire_event_header hdr;
	uint8_t type;
	uint8_t validity;
	le16 host_id;
	uint8_t region; /* updated region index */
	uint8_t more;   /* WIRE_DC_EVENT_MORE */
	uint8_t reserved1[2];
	struct wire_dc_extent extent;
	uint8_t reserved2[24];
	le32 extents_available;
	le32 tags_available;
};
WIRE_SIZE(wire_dc_record, 0x80);
WIRE_AT(wire_dc_record, type, 0x30);
WIRE_AT(wire_dc_record, host_id, 0x32);
WIRE_AT(wire_dc_record, region, 0x34);
WIRE_AT(wire_dc_record, more, 0x35);
WIRE_AT(wire_dc_record, extent, 0x38);
WIRE_AT(wire_dc_record, extents_available, 0x78);
WIRE_AT(wire_dc_record, tags_available, 0x7c);

/* UUIDs of record types, in the order of their bytes on the wire. */
/* clang-format off */
static const CxbUuid wire_uuid_gmer __attribute__((unused)) = { {
	0xfb, 0xcd, 0x0a, 0x77, 0xc2, 0x60, 0x41, 0x7f, 0x85, 0xa9, 0x08, 0x8b, 0x16, 0x21, 0xeb, 0xa6 } };
static const CxbUuid wire_uuid_dram __attribute__((unused)) = { {
	0x60, 0x1d, 0xcb, 0xb3, 0x9c, 0x06, 0x4e, 0xab, 0xb8, 0xaf, 0x4e, 0x9b, 0xfb, 0x5c, 0x96, 0x24 } };
static const CxbUuid wire_uuid_module __attribute__((unused)) = { {
	0xfe, 0x92, 0x74, 0x75, 0xdd, 0x59, 0x43, 0x39, 0xa5, 0x86, 0x79, 0xba, 0xb1, 0x13, 0xb7, 0x74 } };
static const CxbUuid wire_uuid_sparing __attribute__((unused)) = { {
	0xe7, 0x1f, 0x3a, 0x40, 0x2d, 0x29, 0x40, 0x92, 0x8a, 0x39, 0x4d, 0x1c, 0x96, 0x6c, 0x7c, 0x65 } };
static const CxbUuid wire_uuid_dc __attribute__((unused)) = { {
	0xca, 0x95, 0xaf, 0xa7, 0xf1, 0x83, 0x40, 0x18, 0x8c, 0x2f, 0x95, 0x26, 0x8e, 0x10, 0x1a, 0x2a } };
/* clang-format on */

#endif
