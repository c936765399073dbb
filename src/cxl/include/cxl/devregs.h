/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device registers (CXL 3.1 8.2.8): capability array, device status, primary mailbox with its
 * doorbell protocol, memory device status. Laid out as QEMU does: device status at 80h, mailbox at
 * 88h, memory device status behind the payload.
 *
 * Hosts that reach the registers by messages do better with a page that they map. Then the payload
 * starts at that page, at 2000h, with the mailbox's other registers right in front of it; or all of the
 * mailbox is in the page and the doorbell is looked at from time to time (cxb_devregs_poll()).
 * Memory device status is at 88h. Whatever is in the page changes at any time: a command works on a
 * copy taken at the doorbell, and what hosts may not write there is only shown.
 */
#ifndef CXB_CXL_DEVREGS_H
#define CXB_CXL_DEVREGS_H

#include <stdbool.h>
#include <stdint.h>

#include "cxl/cci.h"
#include "cxl/evlog.h"

typedef struct CxbDevRegs CxbDevRegs;

typedef struct {
	CxbCci *cci;         /* borrowed */
	CxbEvLogs *logs;     /* borrowed */
	uint8_t mbox_vector; /* message, 0 to 15 */
	/* The number software knows a message by, which may change; NULL: the same. */
	unsigned (*message)(void *opaque, unsigned vector);
	void (*irq)(void *opaque, unsigned vector);
	void *opaque;
	uint8_t *page; /* borrowed, CXB_DEVREGS_PAGE_SIZE bytes; NULL: QEMU's layout */
	bool polled;   /* all of the mailbox is in it */
} CxbDevRegsConfig;

#define CXB_DEVREGS_PAGE_AT   0x2000u
#define CXB_DEVREGS_PAGE_SIZE 0x1000u
#define CXB_DEVREGS_PAGED_BAR 0x4000u /* what cxb_devregs_size() is with a page */

CxbDevRegs *cxb_devregs_new(const CxbDevRegsConfig *config);
void cxb_devregs_free(CxbDevRegs *regs);
/** cxb_devregs_size() - Bytes of the block, rounded up to a power of two (the BAR). */
uint32_t cxb_devregs_size(const CxbDevRegs *regs);

/* @size 1, 2, 4 or 8, naturally aligned. Never fails. */
uint64_t cxb_devregs_read(CxbDevRegs *regs, uint32_t off, unsigned size);
void cxb_devregs_write(CxbDevRegs *regs, uint32_t off, unsigned size, uint64_t val);
/* Payload copies of any length and alignment in one go; false if the range is not all payload. */
bool cxb_devregs_read_bulk(CxbDevRegs *regs, uint32_t off, void *buf, uint32_t len);
bool cxb_devregs_write_bulk(CxbDevRegs *regs, uint32_t off, const void *buf, uint32_t len);
/** cxb_devregs_poll() - Look whether the doorbell in the page rings, and run the command. Returns:
 * whether it did, or one is outstanding. */
bool cxb_devregs_poll(CxbDevRegs *regs);
/** cxb_devregs_reset() - Doorbell, control, command, status, payload initial; an outstanding
 * command is dropped. */
void cxb_devregs_reset(CxbDevRegs *regs);

#endif
