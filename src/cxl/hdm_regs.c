/* SPDX-License-Identifier: Apache-2.0 */
#include "cxl/hdm_regs.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/error.h"
#include "wire/regs.h"

static bool read32(const CxbRegIo *io, uint64_t off, uint32_t *val, GError **errp)
{
	const int rc = io->read32(io->opaque, off, val);

	if (rc)
		return cxb_fail_errno(errp, -rc, "cannot read HDM decoder register 0x%" PRIx64,
				      off);
	return true;
}

static bool write32(const CxbRegIo *io, uint64_t off, uint32_t val, GError **errp)
{
	const int rc = io->write32(io->opaque, off, val);

	if (rc)
		return cxb_fail_errno(errp, -rc, "cannot write HDM decoder register 0x%" PRIx64,
				      off);
	return true;
}

static bool read64(const CxbRegIo *io, uint64_t off, uint64_t *val, GError **errp)
{
	uint32_t lo, hi;

	if (!read32(io, off, &lo, errp) || !read32(io, off + 4, &hi, errp))
		return false;
	*val = (uint64_t)hi << 32 | lo;
	return true;
}

static bool write64(const CxbRegIo *io, uint64_t off, uint64_t val, GError **errp)
{
	return write32(io, off, val, errp) && write32(io, off + 4, val >> 32, errp);
}

/* Of the decoder whose registers start at @dec. */
static bool read_decoder(const CxbRegIo *io, uint64_t dec, CxbHdmDecoderRegs *out, GError **errp)
{
	return read32(io, dec + WIRE_HDM_DEC_CTRL, &out->ctrl, errp) &&
	       read64(io, dec + WIRE_HDM_BASE_LO, &out->base, errp) &&
	       read64(io, dec + WIRE_HDM_SIZE_LO, &out->size, errp);
}

bool cxb_hdm_regs_read(const CxbRegIo *io, uint64_t hdm, CxbHdmRegs *out, GError **errp)
{
	CxbHdmRegs regs = { 0 };

	if (!read32(io, hdm + WIRE_HDM_CAP, &regs.cap, errp) ||
	    !read32(io, hdm + WIRE_HDM_CTRL, &regs.ctrl, errp))
		return false;
	regs.count = cxb_hdm_count(FIELD_GET(WIRE_HDM_CAP_COUNT, regs.cap));
	if (regs.count == 1 && !read_decoder(io, hdm + WIRE_HDM_DEC(0), &regs.dec[0], errp))
		return false;
	*out = regs;
	return true;
}

bool cxb_hdm_regs_check(const CxbHdmRegs *regs, uint64_t memory, bool *committed, GError **errp)
{
	const CxbHdmDecoderRegs *d = &regs->dec[0];

	if (regs->count != 1)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"device has %u HDM decoders: only one is supported", regs->count);
	if (!memory || memory % CXB_HDM_UNIT)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"device memory of 0x%" PRIx64 " bytes is not a multiple of 256 MiB",
				memory);
	if (d->ctrl & WIRE_HDM_DC_ERROR)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"HDM decoder 0 could not be committed: its error bit is set");
	if (FIELD_GET(WIRE_HDM_DC_IW, d->ctrl))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"HDM decoder 0 is interleaved: only one way is supported");
	if ((d->ctrl & WIRE_HDM_DC_COMMITTED) && d->size != memory)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"HDM decoder 0 decodes 0x%" PRIx64 " bytes of 0x%" PRIx64
				" of device memory",
				d->size, memory);
	*committed = d->ctrl & WIRE_HDM_DC_COMMITTED;
	return true;
}

/* LOCK is cleared by itself, all else of that write is dropped. */
static bool unlock(const CxbRegIo *io, uint64_t dec, uint32_t *ctrl, GError **errp)
{
	if (!(*ctrl & WIRE_HDM_DC_LOCK))
		return true;
	*ctrl &= ~WIRE_HDM_DC_LOCK;
	return write32(io, dec + WIRE_HDM_DEC_CTRL, *ctrl, errp);
}

static bool wait_committed(const CxbRegIo *io, uint64_t dec, GError **errp)
{
	for (unsigned i = 0; i < CXB_HDM_COMMIT_LOOKS; i++) {
		uint32_t ctrl;

		if (i && io->pause)
			io->pause(io->opaque);
		if (!read32(io, dec + WIRE_HDM_DEC_CTRL, &ctrl, errp))
			return false;
		if (ctrl & WIRE_HDM_DC_ERROR)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"HDM decoder 0 does not commit: its error bit is set");
		if (ctrl & WIRE_HDM_DC_COMMITTED)
			return true;
	}
	return cxb_fail(errp, CXB_ERROR_INVALID, "HDM decoder 0 does not commit in time");
}

static bool verify(const CxbRegIo *io, uint64_t off, uint64_t want, const char *what, GError **errp)
{
	uint64_t val;

	if (!read64(io, off, &val, errp))
		return false;
	if (val != want)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"HDM decoder 0 did not take its %s: 0x%" PRIx64
				" was written, 0x%" PRIx64 " is read",
				what, want, val);
	return true;
}

static bool move(const CxbRegIo *io, uint64_t dec, uint32_t ctrl, uint64_t base, uint64_t size,
		 GError **errp)
{
	return unlock(io, dec, &ctrl, errp) && write64(io, dec + WIRE_HDM_BASE_LO, base, errp) &&
	       write64(io, dec + WIRE_HDM_SIZE_LO, size, errp) &&
	       write32(io, dec + WIRE_HDM_DEC_CTRL, ctrl | WIRE_HDM_DC_COMMIT | WIRE_HDM_DC_LOCK,
		       errp) &&
	       wait_committed(io, dec, errp) &&
	       verify(io, dec + WIRE_HDM_BASE_LO, base, "base", errp) &&
	       verify(io, dec + WIRE_HDM_SIZE_LO, size, "size", errp);
}

/* Nobody hears of what fails here: the cause has been told. The lock may have taken effect. */
static void move_back(const CxbRegIo *io, uint64_t dec, const CxbHdmDecoderRegs *was)
{
	const uint32_t ctrl = was->ctrl & ~WIRE_HDM_DC_LOCK;

	write32(io, dec + WIRE_HDM_DEC_CTRL, ctrl, NULL);
	write64(io, dec + WIRE_HDM_BASE_LO, was->base, NULL);
	write64(io, dec + WIRE_HDM_SIZE_LO, was->size, NULL);
	write32(io, dec + WIRE_HDM_DEC_CTRL, was->ctrl, NULL);
}

bool cxb_hdm_program(const CxbRegIo *io, uint64_t hdm, uint64_t base, uint64_t size, bool *unlocked,
		     GError **errp)
{
	const uint64_t dec = hdm + WIRE_HDM_DEC(0);
	CxbHdmDecoderRegs was;

	g_assert(base % CXB_HDM_UNIT == 0 && size && size % CXB_HDM_UNIT == 0);
	if (!read_decoder(io, dec, &was, errp))
		return false;
	if (!(was.ctrl & WIRE_HDM_DC_COMMITTED))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"HDM decoder 0 is not committed: control is 0x%x", was.ctrl);
	if (!move(io, dec, was.ctrl, base, size, errp)) {
		move_back(io, dec, &was);
		return false;
	}
	if (unlocked)
		*unlocked = was.ctrl & WIRE_HDM_DC_LOCK;
	return true;
}
