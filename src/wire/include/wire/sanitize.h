/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sanitize, media operations and security state of a mailbox, CXL 3.1 8.2.9.9.5 and 8.2.9.9.6. Opcodes
 * are in wire/mbox.h.
 */
#ifndef CXB_WIRE_SANITIZE_H
#define CXB_WIRE_SANITIZE_H

#include "base/bytes.h"

/* 4402h Media Operations, 8.2.9.9.5.3. Ranges follow. */
enum { WIRE_MEDIA_OP_GENERAL = 0, WIRE_MEDIA_OP_SANITIZE = 1 };
enum { WIRE_MEDIA_OP_DISCOVER = 0 };                  /* of class general */
enum { WIRE_MEDIA_OP_ERASE = 0, WIRE_MEDIA_OP_ZERO }; /* of class sanitize */

struct wire_media_op_in {
	uint8_t op_class;
	uint8_t subclass;
	uint8_t reserved[2];
	le32 count; /* ranges */
};
WIRE_SIZE(wire_media_op_in, 8);
WIRE_AT(wire_media_op_in, count, 4);

#define WIRE_MEDIA_OP_UNIT 64 /* bytes that ranges are multiples of */

struct wire_dpa_range {
	le64 dpa;
	le64 len; /* bytes */
};
WIRE_SIZE(wire_dpa_range, 0x10);
WIRE_AT(wire_dpa_range, len, 8);

/* Discovery: behind struct wire_media_op_in with no ranges, and what comes back. */
struct wire_media_discover_in {
	le16 start; /* index */
	le16 count;
};
WIRE_SIZE(wire_media_discover_in, 4);

struct wire_media_discover_out { /* class and subclass of each follow */
	le64 granularity;
	le16 total; /* operations there are, this one aside */
	le16 returned;
};
WIRE_SIZE(wire_media_discover_out, 0x0c);
WIRE_AT(wire_media_discover_out, total, 8);

/* 4500h Get Security State, 8.2.9.9.6.1. */
struct wire_security_state {
	le32 flags; /* 0: no passphrase, not locked, not frozen */
};
WIRE_SIZE(wire_security_state, 4);

#endif
