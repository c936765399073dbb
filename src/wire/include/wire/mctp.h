/* SPDX-License-Identifier: Apache-2.0 */
/* MCTP packets (DSP0236 8.1), control messages (DSP0236 12) and the two media they come over here. */
#ifndef CXB_WIRE_MCTP_H
#define CXB_WIRE_MCTP_H

#include "base/bytes.h"
#include "base/uuid.h"

#define WIRE_MCTP_VERSION 1
#define WIRE_MCTP_UNIT    64 /* payload of a packet, baseline */

#define WIRE_MCTP_VERSION_MASK 0x0f
#define WIRE_MCTP_SOM          0x80 /* in flags: first packet of a message */
#define WIRE_MCTP_EOM          0x40 /* last one */
#define WIRE_MCTP_SEQ          0x30
#define WIRE_MCTP_TO           0x08 /* the sender chose the tag: a request */
#define WIRE_MCTP_TAG          0x07

struct wire_mctp_header {
	uint8_t version;
	uint8_t dest;
	uint8_t source;
	uint8_t flags;
};
WIRE_SIZE(wire_mctp_header, 4);
#define WIRE_MCTP_PACKET_MAX (4 + WIRE_MCTP_UNIT)

/* Endpoint ids; from first to last they name endpoints. */
enum {
	WIRE_EID_NULL = 0, /* who is at the other end */
	WIRE_EID_FIRST = 8,
	WIRE_EID_LAST = 254,
	WIRE_EID_BROADCAST = 255,
};

/* First byte of a message (DSP0239). */
#define WIRE_MCTP_IC   0x80 /* an integrity check follows the body */
#define WIRE_MCTP_TYPE 0x7f
enum {
	WIRE_MCTP_CONTROL = 0x00,
	WIRE_MCTP_FMAPI = 0x07, /* DSP0234 */
	WIRE_MCTP_CCI = 0x08,   /* DSP0281 */
};

/* Control messages (DSP0236 12). */
#define WIRE_MCTP_RQ       0x80 /* a request */
#define WIRE_MCTP_DATAGRAM 0x40 /* wants no answer */
#define WIRE_MCTP_INSTANCE 0x1f

enum {
	WIRE_MCTP_SET_EID = 0x01,
	WIRE_MCTP_GET_EID = 0x02,
	WIRE_MCTP_GET_UUID = 0x03,
	WIRE_MCTP_GET_VERSION = 0x04,
	WIRE_MCTP_GET_TYPES = 0x05,
};

enum {
	WIRE_MCTP_SUCCESS = 0x00,
	WIRE_MCTP_ERROR = 0x01,
	WIRE_MCTP_INVALID_DATA = 0x02,
	WIRE_MCTP_INVALID_LENGTH = 0x03,
	WIRE_MCTP_NOT_READY = 0x04,
	WIRE_MCTP_UNSUPPORTED = 0x05,
	WIRE_MCTP_NO_SUCH_TYPE = 0x80, /* Get Version Support */
};

struct wire_mctp_control {
	uint8_t type;
	uint8_t instance;
	uint8_t command;
};
WIRE_SIZE(wire_mctp_control, 3);

struct wire_mctp_set_eid_in {
	uint8_t operation; /* bits 1:0 */
	uint8_t eid;
};
WIRE_SIZE(wire_mctp_set_eid_in, 2);
#define WIRE_MCTP_SET_EID_OPERATION 0x03
enum { WIRE_MCTP_EID_SET, WIRE_MCTP_EID_FORCE, WIRE_MCTP_EID_RESET, WIRE_MCTP_EID_DISCOVERED };

struct wire_mctp_set_eid_out {
	uint8_t status; /* 0: accepted, and no pool is wanted */
	uint8_t eid;
	uint8_t pool;
};
WIRE_SIZE(wire_mctp_set_eid_out, 3);

struct wire_mctp_get_eid_out {
	uint8_t eid;
	uint8_t type; /* 0: an endpoint whose id is dynamic */
	uint8_t medium;
};
WIRE_SIZE(wire_mctp_get_eid_out, 3);

/* Serial frames (DSP0253): flag, revision, count, packet, FCS high byte first, flag. */
#define WIRE_SERIAL_FLAG     0x7e
#define WIRE_SERIAL_ESCAPE   0x7d
#define WIRE_SERIAL_FLIP     0x20 /* in the byte behind an escape */
#define WIRE_SERIAL_REVISION 0x01

#endif
