/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of the command interface that come by another way than a mailbox (CXL 3.1 7.6.3), and
 * the commands that only such interfaces have: 0001h to 0004h, 8.2.9.1.
 */
#ifndef CXB_WIRE_CCI_H
#define CXB_WIRE_CCI_H

#include "base/bytes.h"

enum {
	CXB_OP_IDENTIFY = 0x0001,           /* 8.2.9.1.1 */
	CXB_OP_BACKGROUND_STATUS = 0x0002,  /* 8.2.9.1.2 */
	CXB_OP_GET_RESPONSE_LIMIT = 0x0003, /* 8.2.9.1.3 */
	CXB_OP_SET_RESPONSE_LIMIT = 0x0004, /* 8.2.9.1.4 */
};

/* Message header, Figure 7-19; the payload follows. */
#define WIRE_CCI_CATEGORY   0x0f
#define WIRE_CCI_REQUEST    0
#define WIRE_CCI_RESPONSE   1
#define WIRE_CCI_LENGTH     0x0fffff /* in length */
#define WIRE_CCI_BACKGROUND 0x800000 /* in length, of responses */

struct wire_cci_header {
	uint8_t category;
	uint8_t tag; /* echoed */
	uint8_t reserved;
	le16 opcode;
	le24 length; /* of the payload */
	le16 rc;     /* 0 in requests */
	le16 extended_status;
};
WIRE_SIZE(wire_cci_header, 0x0c);
WIRE_AT(wire_cci_header, opcode, 3);
WIRE_AT(wire_cci_header, length, 5);
WIRE_AT(wire_cci_header, rc, 8);
WIRE_AT(wire_cci_header, extended_status, 0x0a);

/* 0001h Identify. */
enum {
	WIRE_COMPONENT_SWITCH = 0,
	WIRE_COMPONENT_TYPE3 = 3,
};

struct wire_identify {
	le16 vendor_id;
	le16 device_id;
	le16 subsys_vendor_id;
	le16 subsys_id;
	le64 serial;
	uint8_t max_message; /* bytes of the largest request, as a power of two */
	uint8_t component;
};
WIRE_SIZE(wire_identify, 0x12);
WIRE_AT(wire_identify, serial, 8);
WIRE_AT(wire_identify, max_message, 0x10);
WIRE_AT(wire_identify, component, 0x11);

/* 0002h Background Operation Status. */
#define WIRE_BACKGROUND_RUNNING 0x01
#define WIRE_BACKGROUND_PERCENT 0xfe

struct wire_background_status {
	uint8_t status;
	uint8_t reserved;
	le16 opcode;
	le16 rc;
	le16 extended_status;
};
WIRE_SIZE(wire_background_status, 8);
WIRE_AT(wire_background_status, opcode, 2);
WIRE_AT(wire_background_status, rc, 4);

/* 0003h out, 0004h in and out. */
struct wire_response_limit {
	uint8_t limit; /* bytes of the largest response, as a power of two */
};
WIRE_SIZE(wire_response_limit, 1);
#define WIRE_RESPONSE_LIMIT_MIN 8

#endif
