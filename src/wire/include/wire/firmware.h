/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware commands of a mailbox, CXL 3.1 8.2.9.3. Opcodes are in wire/mbox.h. */
#ifndef CXB_WIRE_FIRMWARE_H
#define CXB_WIRE_FIRMWARE_H

#include "base/bytes.h"

#define WIRE_FW_SLOTS        4
#define WIRE_FW_REVISION_LEN 16

/* 0200h Get FW Info, 8.2.9.3.1. */
#define WIRE_FW_ACTIVE_SLOT 0x07 /* counted from 1 */
#define WIRE_FW_STAGED_SLOT 0x38 /* active after the next cold reset; 0: none */
#define WIRE_FW_CAP_ONLINE  0x01

struct wire_fw_info {
	uint8_t slots;
	uint8_t slot_info;
	uint8_t caps;
	uint8_t reserved[13];
	char revision[WIRE_FW_SLOTS][WIRE_FW_REVISION_LEN];
};
WIRE_SIZE(wire_fw_info, 0x50);
WIRE_AT(wire_fw_info, caps, 2);
WIRE_AT(wire_fw_info, revision, 0x10);

/* 0201h Transfer FW, 8.2.9.3.2. Data follow. */
#define WIRE_FW_UNIT 128 /* bytes that offsets are counted in */
enum {
	WIRE_FW_TRANSFER_FULL = 0,
	WIRE_FW_TRANSFER_INITIATE = 1,
	WIRE_FW_TRANSFER_CONTINUE = 2,
	WIRE_FW_TRANSFER_END = 3,
	WIRE_FW_TRANSFER_ABORT = 4,
};

struct wire_transfer_fw_in {
	uint8_t action;
	uint8_t slot; /* of a full package, and at the end of one in parts */
	uint8_t reserved1[2];
	le32 offset; /* in WIRE_FW_UNIT; not of a full package */
	uint8_t reserved2[0x78];
	uint8_t data[];
};
WIRE_SIZE(wire_transfer_fw_in, 0x80);
WIRE_AT(wire_transfer_fw_in, offset, 4);
WIRE_AT(wire_transfer_fw_in, data, 0x80);

/* 0202h Activate FW, 8.2.9.3.3. */
enum { WIRE_FW_ACTIVATE_ONLINE, WIRE_FW_ACTIVATE_COLD_RESET };

struct wire_activate_fw_in {
	uint8_t action;
	uint8_t slot;
};
WIRE_SIZE(wire_activate_fw_in, 2);

#endif
