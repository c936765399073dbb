/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data object exchange (PCIe 6.0 6.30): a mailbox in configuration space through which software
 * sends a data object of some protocol and reads the answer. One instance per function.
 *
 * Requests are collected dword by dword and handled at once when GO is written, so busy is seen
 * only from inside of a handler. States:
 *
 *	idle   collecting a request
 *	busy   its handler runs
 *	ready  an answer waits: until it is read or aborted no new request is taken
 *	error  software did something out of turn, or wrote more than any protocol takes; until abort
 *
 * An object of an unknown protocol, of a length other than the one its header gives, or one that
 * its handler refuses is dropped without an answer (6.30.1): back to idle.
 *
 * Narrow accesses: a request dword is complete with its highest byte, an answer's dword is left
 * behind with the lowest byte of the read register written, abort and GO go with the byte that
 * holds them. If both are written, abort wins.
 */
#ifndef CXB_PCI_DOE_H
#define CXB_PCI_DOE_H

#include "base/rdwr.h"
#include "pci/pci.h"

#define CXB_DOE_HEADER_DWORDS 2
#define CXB_DOE_NO_VECTOR     (-1)

/* One protocol. Lengths are in dwords with the header, at least CXB_DOE_HEADER_DWORDS. */
typedef struct {
	uint16_t vendor;
	uint8_t type;
	uint32_t max_request, max_response; /* at most 2^18 */
	/* @in: what follows the header, whole dwords, little-endian. Writes what follows the
	 * answer's header to @out, which has room for max_response; a last dword written in part is
	 * filled up with zeros. Should it write to the mailbox itself, that is software's doing.
	 * Returns: false to drop the request. */
	bool (*handle)(void *opaque, CxbRd *in, CxbWr *out);
} CxbDoeProtocol;

/**
 * cxb_doe_init() - Add the capability to @dev; call from its realize. Goes with the function.
 * @off: where, 0: behind the last extended capability
 * @protocols: @n of them, copied; discovery is index 0 and added by itself
 * @vector: message to raise, or CXB_DOE_NO_VECTOR
 * @opaque: for the handlers
 *
 * Interrupt status is set, and the message raised, when ready or error becomes set while
 * interrupts are enabled and the status is clear.
 *
 * Returns: its offset.
 */
uint16_t cxb_doe_init(CxbPciDev *dev, uint16_t off, const CxbDoeProtocol *protocols, unsigned n,
		      int vector, void *opaque);

#endif
