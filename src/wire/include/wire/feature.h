/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feature commands of a mailbox, CXL 3.1 8.2.9.6, and the data of the features there are. Opcodes
 * are in wire/mbox.h.
 */
#ifndef CXB_WIRE_FEATURE_H
#define CXB_WIRE_FEATURE_H

#include "base/bytes.h"
#include "base/uuid.h"

/* 0500h Get Supported Features, 8.2.9.6.1. */
struct wire_supported_features_in {
	le32 count; /* bytes of output wanted */
	le16 start; /* index */
	uint8_t reserved[2];
};
WIRE_SIZE(wire_supported_features_in, 8);
WIRE_AT(wire_supported_features_in, start, 4);

#define WIRE_FEATURE_CHANGEABLE    0x00000001u
#define WIRE_FEATURE_EFFECTS_VALID 0x0200u /* bits 10 and 11 of the effects mean something */

struct wire_feature_entry {
	CxbUuid uuid;
	le16 index;
	le16 get_size; /* bytes */
	le16 set_size;
	le32 attributes;
	uint8_t get_version;
	uint8_t set_version;
	le16 effects;
	uint8_t reserved[18];
};
WIRE_SIZE(wire_feature_entry, 0x30);
WIRE_AT(wire_feature_entry, index, 0x10);
WIRE_AT(wire_feature_entry, attributes, 0x16);
WIRE_AT(wire_feature_entry, get_version, 0x1a);
WIRE_AT(wire_feature_entry, effects, 0x1c);

struct wire_supported_features_out {
	le16 returned;
	le16 supported; /* by the device */
	uint8_t reserved[4];
	struct wire_feature_entry entry[];
};
WIRE_SIZE(wire_supported_features_out, 8);
WIRE_AT(wire_supported_features_out, supported, 2);
WIRE_AT(wire_supported_features_out, entry, 8);

/* 0501h Get Feature, 8.2.9.6.2. */
enum { WIRE_FEATURE_CURRENT, WIRE_FEATURE_DEFAULT, WIRE_FEATURE_SAVED };

struct wire_get_feature_in {
	CxbUuid uuid;
	le16 offset;
	le16 count;
	uint8_t selection;
};
WIRE_SIZE(wire_get_feature_in, 0x15);
WIRE_AT(wire_get_feature_in, offset, 0x10);
WIRE_AT(wire_get_feature_in, selection, 0x14);

/* 0502h Set Feature, 8.2.9.6.3. Data follow. */
#define WIRE_SET_FEATURE_TRANSFER 0x00000007u
enum {
	WIRE_SET_FEATURE_FULL = 0,
	WIRE_SET_FEATURE_INITIATE = 1,
	WIRE_SET_FEATURE_CONTINUE = 2,
	WIRE_SET_FEATURE_FINISH = 3,
	WIRE_SET_FEATURE_ABORT = 4,
};

struct wire_set_feature_in {
	CxbUuid uuid;
	le32 flags;
	le16 offset;
	uint8_t version;
	uint8_t reserved[9];
	uint8_t data[];
};
WIRE_SIZE(wire_set_feature_in, 0x20);
WIRE_AT(wire_set_feature_in, flags, 0x10);
WIRE_AT(wire_set_feature_in, offset, 0x14);
WIRE_AT(wire_set_feature_in, version, 0x16);
WIRE_AT(wire_set_feature_in, data, 0x20);

/* Device patrol scrub control, 8.2.9.9.11.1. */
#define WIRE_SCRUB_CYCLE_CHANGEABLE 0x01
#define WIRE_SCRUB_REALTIME         0x02
#define WIRE_SCRUB_ENABLE           0x01

struct wire_scrub_get {
	uint8_t caps;
	uint8_t hours; /* of a cycle */
	uint8_t min_hours;
	uint8_t flags;
};
WIRE_SIZE(wire_scrub_get, 4);

struct wire_scrub_set {
	uint8_t hours;
	uint8_t flags;
};
WIRE_SIZE(wire_scrub_set, 2);

/* DDR5 ECS control, 8.2.9.9.11.2, of a device with three media FRUs. */
#define WIRE_ECS_FRUS        3
#define WIRE_ECS_LOG_TYPE    0x03 /* 0: an entry per DRAM, 1: per FRU */
#define WIRE_ECS_REALTIME    0x01
#define WIRE_ECS_THRESHOLD   0x0007 /* errors per Gbit */
#define WIRE_ECS_COUNT_WORDS 0x0008 /* codewords, else rows, with errors */
#define WIRE_ECS_RESET_COUNT 0x0010
enum { WIRE_ECS_256 = 3, WIRE_ECS_1024 = 4, WIRE_ECS_4096 = 5 };

struct wire_ecs_get {
	uint8_t log_type;
	struct {
		uint8_t caps;
		le16 config;
		uint8_t flags;
	} fru[WIRE_ECS_FRUS];
};
WIRE_SIZE(wire_ecs_get, 0x0d);

struct wire_ecs_set {
	uint8_t log_type;
	le16 config[WIRE_ECS_FRUS];
};
WIRE_SIZE(wire_ecs_set, 7);

/* clang-format off */
static const CxbUuid wire_uuid_scrub __attribute__((unused)) = { {
	0x96, 0xda, 0xd7, 0xd6, 0xfd, 0xe8, 0x48, 0x2b, 0xa7, 0x33, 0x75, 0x77, 0x4e, 0x06, 0xdb, 0x8a } };
static const CxbUuid wire_uuid_ecs __attribute__((unused)) = { {
	0xe5, 0xb1, 0x3f, 0x22, 0x23, 0x28, 0x4a, 0x14, 0xb8, 0xba, 0xb9, 0x69, 0x1e, 0x89, 0x33, 0x86 } };
/* clang-format on */

#endif
