/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HDM decoder registers of a device that firmware has committed (CXL 3.1 8.2.4.20), as whoever
 * passes it through to a guest has to treat them: read them, judge them, move decoder 0 to where
 * the guest sees the memory.
 */
#ifndef CXB_CXL_HDM_REGS_H
#define CXB_CXL_HDM_REGS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "cxl/hdm.h"
#include "cxl/regio.h"

typedef struct {
	uint64_t base, size; /* as the registers have them, low 28 bits included */
	uint32_t ctrl;
} CxbHdmDecoderRegs;

typedef struct {
	uint32_t cap;
	uint32_t ctrl; /* global */
	unsigned count;
	CxbHdmDecoderRegs dec[CXB_HDM_MAX_DECODERS]; /* count entries */
} CxbHdmRegs;

/** cxb_hdm_regs_read() - The structure at @hdm of @io; @out is written only on success. Of a device with
 * more than one decoder, which is not accepted, they are not read. */
bool cxb_hdm_regs_read(const CxbRegIo *io, uint64_t hdm, CxbHdmRegs *out, GError **errp);

/**
 * cxb_hdm_regs_check() - Whether the device can be passed through.
 * @memory:    bytes of device memory
 * @committed: set to whether decoder 0 is committed
 *
 * There is one decoder, not interleaved and not in error; the memory is a multiple of 256 MiB; and
 * if the decoder is committed, it decodes just that. Each of these has an error of its own.
 */
bool cxb_hdm_regs_check(const CxbHdmRegs *regs, uint64_t memory, bool *committed, GError **errp);

/* Looks at COMMITTED before a commit has failed, with a pause between two: 10 ms are the longest
 * that a commit may take (8.2.4.20.12), if a pause is a tenth of a millisecond. */
#define CXB_HDM_COMMIT_LOOKS 100

/**
 * cxb_hdm_program() - Move decoder 0, which is committed, to @base and lock it there.
 * @base, @size: multiples of 256 MiB; @size is that of the device memory
 * @unlocked:    set to whether it had to be unlocked first, which is worth a warning; NULL: never
 *               mind
 *
 * Reads what is there; clears LOCK if it is set; writes base (low, high), size (low, high) and
 * control with COMMIT and LOCK, in this order; waits for COMMITTED; and reads base and size back.
 *
 * Returns: false if an access fails, the decoder does not commit or does not hold what was written.
 * What was there before is then written back, as far as the device lets itself be written.
 */
bool cxb_hdm_program(const CxbRegIo *io, uint64_t hdm, uint64_t base, uint64_t size, bool *unlocked,
		     GError **errp);

#endif
