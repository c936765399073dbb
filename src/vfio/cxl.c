/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers of a CXL device: as the device has them, and as the guest sees them. Where writes are
 * absorbed the guest's are the model's alone; where registers are emulated they go to the device, and
 * the model follows what the device took.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/trace.h"
#include "cxl_impl.h"
#include "wire/regs.h"

CXB_TRACE(vfio_cxl_locked_hdm, (uint64_t base, uint32_t lo, uint32_t hi, uint32_t ctrl),
	  "base 0x%" PRIx64 " low 0x%x high 0x%x control 0x%x", base, lo, hi, ctrl)

/* Between two looks at a decoder that commits. */
#define PAUSE_US 100

static int device_read(void *opaque, uint64_t off, uint32_t *val)
{
	CxbVfioCxl *cxl = opaque;
	uint8_t bytes[4];
	const int err = cxb_vfio_read(cxl->dev, cxl->regs, off, bytes, sizeof(bytes));

	if (!err)
		*val = le_load(bytes, sizeof(bytes));
	return -err;
}

static int device_write(CxbVfioCxl *cxl, uint64_t off, uint32_t val)
{
	uint8_t bytes[4];

	le_store(bytes, sizeof(bytes), val);
	return -cxb_vfio_write(cxl->dev, cxl->regs, off, bytes, sizeof(bytes));
}

/* What the guest reads. */
static int guest_read(void *opaque, uint64_t off, uint32_t *val)
{
	CxbVfioCxl *cxl = opaque;
	uint32_t live;
	const int err = device_read(cxl, off, &live);

	if (!err)
		*val = off < cxl->hdm ? live
				      : cxb_hdm_virtual_show(&cxl->guest, off - cxl->hdm, live);
	return err;
}

static int write_both(CxbVfioCxl *cxl, uint64_t off, uint32_t val, bool *moved)
{
	int err = 0;

	/* Who is not asked would not say that it is gone, and its memory would come back. */
	if (cxl->policy == CXB_VFIO_CXL_EMULATED)
		err = device_write(cxl, off, val);
	else if (cxl->dev->lost)
		err = -ENODEV;
	if (!err && off >= cxl->hdm && cxb_hdm_virtual_write(&cxl->guest, off - cxl->hdm, val))
		*moved = true;
	return err;
}

static int io_write(void *opaque, uint64_t off, uint32_t val)
{
	bool moved = false;

	return write_both(opaque, off, val, &moved);
}

static void io_pause(void *opaque)
{
	g_usleep(PAUSE_US);
}

CxbRegIo cxl_regs_io(CxbVfioCxl *cxl)
{
	return (CxbRegIo){ device_read, io_write, io_pause, cxl };
}

bool cxl_look(CxbVfioCxl *cxl, CxbHdmRegs *out, GError **errp)
{
	const CxbRegIo io = cxl_regs_io(cxl);

	return cxb_hdm_regs_read(&io, cxl->hdm, out, errp);
}

/* What firmware has committed is as it was. What it has not is what the guest has made of it, if the
 * device cannot be reset. */
static bool look_again(CxbVfioCxl *cxl, CxbHdmRegs *out, GError **errp)
{
	bool committed;

	if (!cxl_look(cxl, out, errp))
		return false;
	if (!cxl->committed)
		return true;
	return cxb_hdm_regs_check(out, cxl->memory.size, &committed, errp) &&
	       (committed ||
		cxb_fail(errp, CXB_ERROR_INVALID, "HDM decoder 0 is no longer committed"));
}

/* Where writes are absorbed it is the guest's view that has to hold what was written; else the device,
 * whatever the model makes of it. */
static bool program(CxbVfioCxl *cxl, uint64_t base, bool *unlocked, GError **errp)
{
	const CxbRegIo io = {
		.read32 = cxl->policy == CXB_VFIO_CXL_ABSORBED ? guest_read : device_read,
		.write32 = io_write,
		.pause = io_pause,
		.opaque = cxl,
	};

	if (!cxb_hdm_program(&io, cxl->hdm, base, cxl->memory.size, unlocked, errp))
		return false;
	trace_vfio_cxl_locked_hdm(base, base, base >> 32, cxl->guest.regs.dec[0].ctrl);
	return true;
}

bool cxb_vfio_cxl_start(CxbVfioCxl *cxl, uint64_t base, bool *unlocked, GError **errp)
{
	CxbHdmRegs regs;

	cxb_vfio_cxl_stop(cxl);
	*unlocked = false;
	if (!look_again(cxl, &regs, errp))
		return false;
	cxb_hdm_virtual_reset(&cxl->guest, &regs, cxl->cache);
	if (!cxl->committed || program(cxl, base, unlocked, errp))
		return true;
	cxb_vfio_cxl_stop(cxl);
	return false;
}

void cxb_vfio_cxl_stop(CxbVfioCxl *cxl)
{
	const CxbHdmRegs regs = cxl->guest.regs;

	cxb_hdm_virtual_reset(&cxl->guest, &regs, cxl->cache);
}

bool cxb_vfio_cxl_range(const CxbVfioCxl *cxl, uint64_t *base, uint64_t *size)
{
	if (!cxb_hdm_virtual_range(&cxl->guest, 0, base, size))
		return false;
	*size = MIN(*size, cxl->memory.size);
	return true;
}

/* --- the guest's accesses --- */

static bool width_ok(const CxbVfioCxl *cxl, uint64_t off, unsigned size)
{
	return (size == 4 || size == 8) && off % size == 0 && off <= cxl->len - size;
}

/* One failure in a row is told; of a device that is lost its client has been told. */
static int ended(CxbVfioCxl *cxl, int err, const char *what, uint64_t off)
{
	g_autofree char *text = NULL;

	if (err && !cxl->failing && !cxl->dev->lost) {
		text = g_strdup_printf("component register 0x%" PRIx64 " cannot be %s: %s", off,
				       what, g_strerror(err));
		cxl->report(cxl->opaque, text);
	}
	cxl->failing = err;
	return err;
}

int cxb_vfio_cxl_read(CxbVfioCxl *cxl, uint64_t off, unsigned size, uint64_t *val)
{
	uint64_t got = 0;

	*val = UINT64_MAX >> (64 - 8 * size);
	if (!width_ok(cxl, off, size))
		return EINVAL;
	for (unsigned i = 0; i < size; i += 4) {
		uint32_t dword;
		const int err = -guest_read(cxl, off + i, &dword);

		if (err)
			return ended(cxl, err, "read", off + i);
		got |= (uint64_t)dword << (8 * i);
	}
	*val = got;
	return ended(cxl, 0, "read", off);
}

int cxb_vfio_cxl_write(CxbVfioCxl *cxl, uint64_t off, unsigned size, uint64_t val, bool *moved)
{
	if (!width_ok(cxl, off, size))
		return EINVAL;
	for (unsigned i = 0; i < size; i += 4) {
		const int err = -write_both(cxl, off + i, val >> (8 * i), moved);

		if (err)
			return ended(cxl, err, "written", off + i);
	}
	return ended(cxl, 0, "written", off);
}
