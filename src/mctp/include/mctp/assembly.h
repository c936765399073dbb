/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages out of packets and back (DSP0236 8.4 to 8.7). A message belongs to the key of its packets:
 * source, tag and tag owner; messages of different keys may interleave.
 *
 * A message in parts is discarded on a wrong sequence number, a packet of another size than the
 * first (the last may be shorter) or to another endpoint, a new first packet of its key, more bytes
 * than the limit, 6 s after its first packet, and when too many are open. A packet without a message
 * to continue is dropped.
 */
#ifndef CXB_MCTP_ASSEMBLY_H
#define CXB_MCTP_ASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "mctp/serial.h"

#define CXB_MCTP_TIMEOUT_NS   (6 * (int64_t)1000000000)
#define CXB_MCTP_ASSEMBLY_MAX 32 /* open at one time; then the oldest goes */

typedef struct {
	uint8_t dest, source, tag;
	bool owner; /* the sender chose the tag: a request */
	const uint8_t *bytes;
	size_t len;
} CxbMctpMessage;

typedef struct CxbMctpAssembly CxbMctpAssembly;
typedef void (*CxbMctpMessageFn)(void *opaque, const CxbMctpMessage *msg);

/** cxb_mctp_assembly_new() - @limit: bytes of the longest message. @fn gets each that is whole. */
CxbMctpAssembly *cxb_mctp_assembly_new(CxbClock *clock, size_t limit, CxbMctpMessageFn fn,
				       void *opaque);
void cxb_mctp_assembly_free(CxbMctpAssembly *a);
/** cxb_mctp_assembly_packet() - Any bytes; @fn may not come back here. */
void cxb_mctp_assembly_packet(CxbMctpAssembly *a, const uint8_t *packet, size_t len);
/** cxb_mctp_assembly_clear() - Discard what is open. */
void cxb_mctp_assembly_clear(CxbMctpAssembly *a);

/** cxb_mctp_fragment() - @fn gets the packets of @msg, which is not empty, in order. */
void cxb_mctp_fragment(const CxbMctpMessage *msg, CxbMctpPacketFn fn, void *opaque);

#endif
