/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The component block as a bank of 32-bit registers with masks. Access rules: registers of the
 * cache/mem range are 32 bits wide. A wider access is two of them, lower half first; a narrower
 * write changes only the bytes it carries (and clears only write-1-to-clear bits among them).
 */
#include "comp_impl.h"

#include "base/trace.h"

/* Where structures are, counted from the start of the range. The area of the HDM structure holds
 * ten decoders, the most that a device or host bridge of habit has; more push the rest up. */
#define RAS_AT   0x80
#define LINK_AT  (RAS_AT + WIRE_RAS_SIZE)
#define HDM_AT   (LINK_AT + WIRE_LINK_SIZE)
#define HDM_AREA WIRE_HDM_SIZE(10)

#define VENDOR_CAP 0xfff0 /* an id that CXL has not given away */

/* Entries of the capability array, in their fixed places. */
enum { ENT_RAS = 1, ENT_LINK, ENT_HDM, ENT_EXT_SECURITY, ENT_SNOOP, ENT_BI_DECODER = 7 };

/* How many entries, and whether the first is there, by kind; without the last. */
static const struct {
	uint8_t entries;
	bool ras;
} kinds[] = {
	[CXB_COMP_HOST_BRIDGE] = { ENT_SNOOP, false }, [CXB_COMP_ROOT_PORT] = { ENT_SNOOP, true },
	[CXB_COMP_UPSTREAM] = { ENT_HDM, true },       [CXB_COMP_DOWNSTREAM] = { ENT_LINK, true },
	[CXB_COMP_ENDPOINT] = { ENT_HDM, true },
};

static void add_cap(CxbComp *comp, unsigned entry, uint16_t id, unsigned version, uint32_t at)
{
	*comp_reg(comp, 4 * (entry + comp->config.vendor_cap)) =
		FIELD_PREP(WIRE_CAP_ENT_ID, id) | FIELD_PREP(WIRE_CAP_ENT_VERSION, version) |
		FIELD_PREP(WIRE_CAP_ENT_POINTER, at);
}

static void add_hdm(CxbComp *comp)
{
	/* Without decoders the entry keeps its place but names nothing: pass-through. */
	add_cap(comp, ENT_HDM, comp->config.hdm ? WIRE_COMP_CAP_HDM : WIRE_COMP_CAP_NULL, 1,
		HDM_AT);
	if (comp->config.hdm)
		comp_hdm_init(comp, HDM_AT);
}

/* Root ports and devices announce no commit of theirs, so what is written is in force. */
static void add_bi_decoder(CxbComp *comp, uint32_t at)
{
	add_cap(comp, ENT_BI_DECODER, WIRE_COMP_CAP_BI_DECODER, 1, at);
	comp->wmask[(at + WIRE_BI_DECODER_CTRL) / 4] = WIRE_BI_DECODER_CTRL_MASK;
	*comp_reg(comp, at + WIRE_BI_DECODER_STATUS) =
		FIELD_PREP(WIRE_BI_DECODER_SCALE, 6) | FIELD_PREP(WIRE_BI_DECODER_BASE, 2);
}

CxbComp *cxb_comp_new(const CxbCompConfig *config)
{
	CxbComp *comp = g_new0(CxbComp, 1);
	const unsigned entries = kinds[config->kind].entries;
	const bool bi = config->kind == CXB_COMP_ROOT_PORT || config->hdm_db;
	const uint32_t ext_security_at = HDM_AT + MAX(HDM_AREA, WIRE_HDM_SIZE(config->decoders)),
		       snoop_at = ext_security_at + WIRE_EXT_SECURITY_SIZE + WIRE_IDE_SIZE;

	comp->config = *config;
	comp->name = g_strdup(config->name ? config->name : "component");
	comp->config.name = comp->name;
	comp->regs[0] = FIELD_PREP(WIRE_CAP_HDR_ID, WIRE_COMP_CAP_ARRAY) |
			FIELD_PREP(WIRE_CAP_HDR_VERSION, 1) | FIELD_PREP(WIRE_CAP_HDR_CACHEMEM, 1) |
			FIELD_PREP(WIRE_CAP_HDR_COUNT,
				   (bi ? ENT_BI_DECODER : entries) + config->vendor_cap);
	if (config->vendor_cap)
		add_cap(comp, 0, VENDOR_CAP, 1, 0);
	if (kinds[config->kind].ras) {
		add_cap(comp, ENT_RAS, WIRE_COMP_CAP_RAS, 2, RAS_AT);
		comp_ras_init(comp, RAS_AT);
	}
	add_cap(comp, ENT_LINK, WIRE_COMP_CAP_LINK, 2, LINK_AT);
	if (entries >= ENT_HDM)
		add_hdm(comp);
	if (entries >= ENT_EXT_SECURITY)
		add_cap(comp, ENT_EXT_SECURITY, WIRE_COMP_CAP_EXT_SECURITY, 1, ext_security_at);
	if (entries >= ENT_SNOOP)
		add_cap(comp, ENT_SNOOP, WIRE_COMP_CAP_SNOOP, 1, snoop_at);
	if (bi)
		add_bi_decoder(comp, snoop_at + WIRE_SNOOP_SIZE + WIRE_BI_RT_SIZE);
	memcpy(comp->initial, comp->regs, sizeof(comp->initial));
	if (comp->hdm_at)
		comp_hdm_firmware(comp);
	return comp;
}

void cxb_comp_free(CxbComp *comp)
{
	if (!comp)
		return;
	if (comp->ras_errors)
		g_array_free(comp->ras_errors, TRUE);
	g_free(comp->name);
	g_free(comp);
}

const CxbHdm *cxb_comp_hdm(const CxbComp *comp)
{
	return &comp->hdm;
}

/* An access that is a part of the cache/mem range; anything else reads 0 and ignores writes. */
static bool in_range(uint32_t off, unsigned size)
{
	return (size == 1 || size == 2 || size == 4 || size == 8) && off % size == 0 &&
	       off >= WIRE_CACHEMEM_BASE && off < WIRE_CACHEMEM_BASE + WIRE_CACHEMEM_SIZE;
}

uint64_t cxb_comp_read(CxbComp *comp, uint32_t off, unsigned size)
{
	if (!in_range(off, size))
		return 0;
	off -= WIRE_CACHEMEM_BASE;
	if (size == 8)
		return *comp_reg(comp, off) | (uint64_t)*comp_reg(comp, off + 4) << 32;
	return *comp_reg(comp, off) >> (8 * (off % 4)) & (UINT32_MAX >> (32 - 8 * size));
}

static void write32(CxbComp *comp, uint32_t off, uint32_t val, uint32_t mask)
{
	const uint32_t n = off / 4, settable = comp->wmask[n] & mask;

	if (comp_hdm_owns(comp, off)) {
		comp_hdm_write(comp, off, val, mask);
		return;
	}
	if (comp_ras_owns(comp, off)) {
		comp_ras_clear(comp, val & mask);
		return;
	}
	comp->regs[n] = (comp->regs[n] & ~settable) | (val & settable);
	comp->regs[n] &= ~(val & mask & comp->w1c[n]);
}

void cxb_comp_write(CxbComp *comp, uint32_t off, unsigned size, uint64_t val)
{
	unsigned shift;

	if (!in_range(off, size)) {
		cxb_guest_error("%s: write of %u bytes to reserved 0x%x", comp->name, size, off);
		return;
	}
	off -= WIRE_CACHEMEM_BASE;
	if (size == 8) {
		write32(comp, off, val, UINT32_MAX);
		write32(comp, off + 4, val >> 32, UINT32_MAX);
		return;
	}
	shift = 8 * (off % 4);
	write32(comp, off & ~3u, (uint32_t)val << shift, UINT32_MAX >> (32 - 8 * size) << shift);
}

void cxb_comp_reset(CxbComp *comp, CxbResetKind kind)
{
	const uint32_t first = RAS_AT / 4, behind = (RAS_AT + WIRE_RAS_SIZE) / 4;

	if (kind == CXB_RESET_FUNCTION)
		return;
	if (comp->hdm_at)
		comp_hdm_reset(comp);
	if (cxb_reset_is_fundamental(kind))
		comp_ras_reset(comp);
	for (uint32_t i = 0; i < BANK_REGS; i++)
		if (cxb_reset_is_fundamental(kind) || i < first || i >= behind)
			comp->regs[i] = comp->initial[i];
	if (comp->hdm_at)
		comp_hdm_firmware(comp);
}
