/* SPDX-License-Identifier: Apache-2.0 */
#include "cxl/hdm_virtual.h"

#include "base/range.h"
#include "wire/regs.h"

/* Of decoder control (8.2.4.20.7). Granularity and ways of the upstream link are plain storage. */
#define DC_KEPT     (WIRE_HDM_DC_COMMITTED | WIRE_HDM_DC_ERROR | WIRE_HDM_DC_HOST_ONLY)
#define DC_RESERVED 0xf0008000u
#define DC_UIO_BITS (WIRE_HDM_DC_UIO | 0x0f000000u) /* with the position in the set */
#define NO_SUCH_DEC UINT_MAX

/* The decoder that has a register at @off, and where in its registers that is. */
static unsigned decoder_at(const CxbHdmVirtual *v, uint64_t off, unsigned *in)
{
	uint64_t n;

	if (off < WIRE_HDM_DEC(0))
		return NO_SUCH_DEC;
	n = (off - WIRE_HDM_DEC(0)) / WIRE_HDM_DEC_STRIDE;
	*in = (off - WIRE_HDM_DEC(0)) % WIRE_HDM_DEC_STRIDE;
	return n < v->regs.count ? n : NO_SUCH_DEC;
}

void cxb_hdm_virtual_reset(CxbHdmVirtual *v, const CxbHdmRegs *device, bool cache)
{
	const uint32_t frozen = WIRE_HDM_DC_COMMITTED | WIRE_HDM_DC_LOCK;

	*v = (CxbHdmVirtual){ .regs = *device, .cache = cache };
	for (unsigned n = 0; n < v->regs.count; n++) {
		CxbHdmDecoderRegs *d = &v->regs.dec[n];

		d->base = 0;
		if ((d->ctrl & frozen) == frozen)
			d->ctrl &= ~WIRE_HDM_DC_LOCK;
	}
}

uint32_t cxb_hdm_virtual_show(const CxbHdmVirtual *v, uint64_t off, uint32_t live)
{
	unsigned in, n;

	if (off == WIRE_HDM_CTRL)
		return v->regs.ctrl;
	n = decoder_at(v, off, &in);
	if (n == NO_SUCH_DEC)
		return live;
	switch (in) {
	case WIRE_HDM_BASE_LO:
		return v->regs.dec[n].base;
	case WIRE_HDM_BASE_HI:
		return v->regs.dec[n].base >> 32;
	case WIRE_HDM_SIZE_LO:
		return v->regs.dec[n].size;
	case WIRE_HDM_SIZE_HI:
		return v->regs.dec[n].size >> 32;
	case WIRE_HDM_DEC_CTRL:
		return v->regs.dec[n].ctrl;
	default:
		return live;
	}
}

static void set_lo(uint64_t *reg, uint32_t val)
{
	*reg = (*reg & ~(uint64_t)UINT32_MAX) | (val & WIRE_HDM_LO_MASK);
}

static void set_hi(uint64_t *reg, uint32_t val)
{
	*reg = (uint64_t)val << 32 | (uint32_t)*reg;
}

static void write_global(CxbHdmVirtual *v, uint32_t val)
{
	uint32_t settable = WIRE_HDM_CTRL_ENABLE;

	if (v->regs.cap & WIRE_HDM_CAP_POISON)
		settable |= WIRE_HDM_CTRL_POISON;
	v->regs.ctrl = (v->regs.ctrl & ~settable) | (val & settable);
}

static bool write_ctrl(CxbHdmVirtual *v, unsigned n, uint32_t val)
{
	CxbHdmDecoderRegs *d = &v->regs.dec[n];
	uint32_t kept = DC_KEPT | DC_RESERVED;

	if (d->ctrl & WIRE_HDM_DC_LOCK) {
		d->ctrl &= val | ~WIRE_HDM_DC_LOCK;
		return false;
	}
	if (!(v->regs.cap & WIRE_HDM_CAP_UIO))
		kept |= DC_UIO_BITS;
	if (!v->cache)
		kept |= WIRE_HDM_DC_BI;
	d->ctrl = (d->ctrl & kept & ~WIRE_HDM_DC_COMMITTED) | (val & ~kept);
	if (d->ctrl & WIRE_HDM_DC_COMMIT)
		d->ctrl |= WIRE_HDM_DC_COMMITTED;
	v->decodes[n].committed = d->ctrl & WIRE_HDM_DC_COMMIT;
	v->decodes[n].base = d->base;
	v->decodes[n].size = d->size & ~(CXB_HDM_UNIT - 1);
	return true;
}

bool cxb_hdm_virtual_write(CxbHdmVirtual *v, uint64_t off, uint32_t val)
{
	unsigned in, n;

	if (off == WIRE_HDM_CTRL) {
		write_global(v, val);
		return false;
	}
	n = decoder_at(v, off, &in);
	if (n == NO_SUCH_DEC)
		return false;
	if (in == WIRE_HDM_DEC_CTRL)
		return write_ctrl(v, n, val);
	if (v->regs.dec[n].ctrl & WIRE_HDM_DC_LOCK)
		return false;
	switch (in) {
	case WIRE_HDM_BASE_LO:
		set_lo(&v->regs.dec[n].base, val);
		break;
	case WIRE_HDM_BASE_HI:
		set_hi(&v->regs.dec[n].base, val);
		break;
	case WIRE_HDM_SIZE_LO:
		set_lo(&v->regs.dec[n].size, val);
		break;
	case WIRE_HDM_SIZE_HI:
		set_hi(&v->regs.dec[n].size, val);
		break;
	default:
		break;
	}
	return false;
}

bool cxb_hdm_virtual_range(const CxbHdmVirtual *v, unsigned n, uint64_t *base, uint64_t *size)
{
	if (n >= v->regs.count || !v->decodes[n].committed ||
	    !cxb_range_valid(v->decodes[n].base, v->decodes[n].size))
		return false;
	*base = v->decodes[n].base;
	*size = v->decodes[n].size;
	return true;
}
