/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An MCTP endpoint that answers: control messages (DSP0236 12), and the command interface of a
 * memory device in messages of type 08h (DSP0281) and 07h, FM-API (DSP0234). It never asks.
 *
 * Commands of sets below 40h are taken in both types, 40h to 50h in 08h only, 51h and up in 07h only.
 * One command runs at a time; those that come meanwhile wait, and the answers go out in the order of
 * the requests. A request that comes again (source, MCTP tag and CCI tag) while the first one has no
 * answer is dropped; so is one that finds CXB_MCTP_REQUESTS_MAX waiting. What is no request, or not
 * for us, is dropped without an answer.
 *
 * Over TCP (Jackrabbit's framing) the endpoint does not look at whom a packet is for, and takes the
 * length of a message from its content. An answer says what it is in both halves of the byte: its tools
 * look at the upper one, which CXL 3.1 reserves.
 */
#ifndef CXB_MCTP_ENDPOINT_H
#define CXB_MCTP_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "cxl/cci.h"

#define CXB_MCTP_REQUESTS_MAX 32

typedef enum { CXB_MCTP_SERIAL, CXB_MCTP_TCP } CxbMctpFraming;

typedef struct CxbMctp CxbMctp;

typedef struct {
	const char *name; /* for guest errors */
	CxbMctpFraming framing;
	CxbClock *clock;
	CxbUuid uuid;       /* says who this is, whatever its id */
	size_t message_max; /* bytes of a CCI message, header and payload, in either direction */
	/* Where commands go. NULL: the device is gone; the endpoint is then as dead as it. */
	CxbCci *(*cci)(void *opaque);
	/* Whole frames of one message, to be sent by one write. May not come back here. */
	void (*send)(void *opaque, const void *frames, size_t len);
	void *opaque;
} CxbMctpConfig;

/** cxb_mctp_new() - @config is copied. It has no endpoint id yet. */
CxbMctp *cxb_mctp_new(const CxbMctpConfig *config);
void cxb_mctp_free(CxbMctp *m);
/** cxb_mctp_input() - What came over the link, in any pieces. */
void cxb_mctp_input(CxbMctp *m, const void *bytes, size_t len);
/** cxb_mctp_link_reset() - The peer came or went: half frames, messages in parts and requests without
 * an answer are forgotten. The endpoint id stays. */
void cxb_mctp_link_reset(CxbMctp *m);
uint8_t cxb_mctp_eid(const CxbMctp *m); /* 0: none yet */

#endif
