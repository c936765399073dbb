/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Component registers of an accelerator as a region of their own, as VMMs are let see them.
 *
 * Emulated: the capability array and the decoders behind it, one dword at a time, in a copy. What was
 * committed and locked for the host is committed there at no address and not locked, so that a VMM
 * can move it in its own address space; the device stays as it is.
 *
 * Absorbed: the decoders alone and as they are, any number of dwords. Writes succeed and change nothing.
 */
#include "type2.h"

#include <errno.h>
#include <inttypes.h>

#include "base/bytes.h"
#include "base/trace.h"
#include "cxl/locate.h"
#include "cxl/regio.h"

CXB_TRACE(cxl_type2_regs_taken, (const char *dev, uint32_t ctrl), "%s control 0x%x", dev, ctrl)
CXB_TRACE(cxl_type2_regs_read, (const char *dev, uint64_t off, uint32_t val),
	  "%s offset 0x%" PRIx64 " value 0x%x", dev, off, val)
CXB_TRACE(cxl_type2_regs_write, (const char *dev, uint64_t off, uint32_t val),
	  "%s offset 0x%" PRIx64 " value 0x%x", dev, off, val)

#define DECODERS WIRE_HDM_SIZE(1) /* bytes of them, and of what is before the first */

/* The device's own, from the capability array on. */
static int device_read(void *opaque, uint64_t off, uint32_t *val)
{
	*val = cxb_comp_read(((Type2 *)opaque)->comp, WIRE_CACHEMEM_BASE + off, 4);
	return 0;
}

static CxbRegIo device_io(Type2 *t2)
{
	return (CxbRegIo){ .read32 = device_read, .opaque = t2 };
}

void cxb_type2_regs_take(Type2 *t2)
{
	const CxbRegIo io = device_io(t2);
	Type2Served *s = &t2->served;
	unsigned count;
	CxbHdmRegs regs;

	if (!cxb_cxl_locate_hdm(&io, 0, WIRE_CACHEMEM_SIZE, &s->hdm, &count, NULL) ||
	    !cxb_hdm_regs_read(&io, s->hdm, &regs, NULL))
		g_assert_not_reached();
	for (uint32_t off = 0; off < s->hdm; off += 4)
		device_read(t2, off, &s->array[off / 4]);
	cxb_hdm_virtual_reset(&s->decoders, &regs, t2->cache);
	cxb_type2_fault_array(t2);
	trace_cxl_type2_regs_taken(t2->path, s->decoders.regs.dec[0].ctrl);
}

/* Of the region: where the decoders are. */
static uint32_t decoders_at(const Type2 *t2)
{
	return t2->profile == TYPE2_PROFILE_EMULATED ? t2->served.hdm : 0;
}

uint64_t cxb_type2_regs_size(const Type2 *t2)
{
	return decoders_at(t2) + DECODERS;
}

static uint32_t read_dword(Type2 *t2, uint64_t off)
{
	const Type2Served *s = &t2->served;
	uint32_t val;

	if (off < decoders_at(t2))
		return s->array[off / 4];
	off -= decoders_at(t2);
	device_read(t2, s->hdm + off, &val);
	if (t2->profile == TYPE2_PROFILE_EMULATED)
		val = cxb_hdm_virtual_show(&s->decoders, off, val);
	return cxb_type2_fault_reg(t2, off, val);
}

static void write_dword(Type2 *t2, uint64_t off, uint32_t val)
{
	if (t2->profile == TYPE2_PROFILE_ABSORBED || off < decoders_at(t2))
		return;
	off -= decoders_at(t2);
	if (!cxb_type2_fault_writing(t2, off))
		return;
	cxb_hdm_virtual_write(&t2->served.decoders, off, val);
	cxb_type2_fault_written(t2, off);
}

/* How much of an access there is, or -errno. */
static int judge(Type2 *t2, uint64_t off, size_t len)
{
	const uint64_t size = cxb_type2_regs_size(t2);

	if (t2->fault == TYPE2_FAULT_NO_REGISTERS || len % 4 || off % 4 || off >= size ||
	    (t2->profile == TYPE2_PROFILE_EMULATED && len != 4))
		return -EINVAL;
	len = MIN(len, size - off);
	return cxb_type2_fault_access(t2, len) ?: (int)len;
}

int cxb_type2_regs_read(Type2 *t2, uint64_t off, void *buf, size_t len)
{
	const int n = judge(t2, off, len);

	for (int at = 0; at < n; at += 4) {
		const uint32_t val = read_dword(t2, off + at);

		trace_cxl_type2_regs_read(t2->path, off + at, val);
		le_store((uint8_t *)buf + at, MIN(4, n - at), val);
	}
	return n;
}

int cxb_type2_regs_write(Type2 *t2, uint64_t off, const void *buf, size_t len)
{
	const int n = judge(t2, off, len);

	for (int at = 0; at + 4 <= n; at += 4) {
		const uint32_t val = le_load((const uint8_t *)buf + at, 4);

		trace_cxl_type2_regs_write(t2->path, off + at, val);
		write_dword(t2, off + at, val);
	}
	return n;
}
