/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HDM decoder registers, CXL 3.1 8.2.4.20. The registers are what software proposes; the CxbHdm is
 * what was committed. Only change() touches the state of a decoder, and only publish() the CxbHdm.
 */
#include "comp_impl.h"

#include "base/range.h"
#include "base/trace.h"

CXB_TRACE(cxl_hdm_decoder, (const char *name, unsigned n, const char *from, const char *to),
	  "%s decoder %u %s -> %s", name, n, from, to)
CXB_TRACE(cxl_hdm_enable, (const char *name, bool on), "%s %s", name, on ? "on" : "off")

static const char *const state_names[DEC_STATES] = {
	[DEC_OFF] = "off",
	[DEC_COMMITTED] = "committed",
	[DEC_LOCKED] = "locked",
	[DEC_ERROR] = "error",
};

/* 8.2.4.20.12. Commit written to a committed decoder changes nothing: its fields are locked. */
/* clang-format off */
static const uint8_t next_state[DEC_STATES][DEC_EVENTS] = {
	/*                  COMMIT         COMMIT_LOCKED  COMMIT_BAD     CLEAR       RESET   */
	[DEC_OFF]       = { DEC_COMMITTED, DEC_LOCKED,    DEC_ERROR,     DEC_OFF,    DEC_OFF },
	[DEC_COMMITTED] = { DEC_COMMITTED, DEC_COMMITTED, DEC_COMMITTED, DEC_OFF,    DEC_OFF },
	[DEC_LOCKED]    = { DEC_LOCKED,    DEC_LOCKED,    DEC_LOCKED,    DEC_LOCKED, DEC_OFF },
	[DEC_ERROR]     = { DEC_COMMITTED, DEC_LOCKED,    DEC_ERROR,     DEC_OFF,    DEC_OFF },
};
/* clang-format on */

#define DC_RO (WIRE_HDM_DC_COMMITTED | WIRE_HDM_DC_ERROR)
#define DC_RW                                                                      \
	(WIRE_HDM_DC_IG | WIRE_HDM_DC_IW | WIRE_HDM_DC_LOCK | WIRE_HDM_DC_COMMIT | \
	 WIRE_HDM_DC_HOST_ONLY)

static bool is_committed(const CxbComp *comp, unsigned n)
{
	return comp->state[n] == DEC_COMMITTED || comp->state[n] == DEC_LOCKED;
}

static uint32_t *dec_reg(CxbComp *comp, unsigned n, uint32_t off)
{
	return comp_reg(comp, comp->hdm_at + WIRE_HDM_DEC(n) + off);
}

static uint64_t dec_reg64(CxbComp *comp, unsigned n, uint32_t off)
{
	return *dec_reg(comp, n, off) | (uint64_t)*dec_reg(comp, n, off + 4) << 32;
}

void comp_hdm_init(CxbComp *comp, uint32_t at)
{
	const CxbCompConfig *c = &comp->config;
	const bool endpoint = c->kind == CXB_COMP_ENDPOINT;
	const unsigned targets = endpoint ? 1 : c->targets;
	const uint32_t interleave = WIRE_HDM_CAP_IL_11_8 | WIRE_HDM_CAP_IL_14_12 |
				    (endpoint ? WIRE_HDM_CAP_3_6_12 | WIRE_HDM_CAP_16 : 0);
	uint8_t code;
	const bool encodes = cxb_hdm_encode_count(c->decoders, &code);

	g_assert(encodes);
	g_assert(targets == 1 || targets == 2 || targets == 4 || targets == 8);

	comp->hdm_at = at;
	comp->hdm.endpoint = endpoint;
	comp->hdm.count = c->decoders;
	*comp_reg(comp, at + WIRE_HDM_CAP) = FIELD_PREP(WIRE_HDM_CAP_COUNT, code) |
					     FIELD_PREP(WIRE_HDM_CAP_TARGETS, targets) |
					     (c->hdm_d ? WIRE_HDM_CAP_DEVICE : interleave) |
					     (c->hdm_db ? WIRE_HDM_CAP_COHERENCY : 0);
	comp->wmask[(at + WIRE_HDM_CTRL) / 4] = WIRE_HDM_CTRL_POISON | WIRE_HDM_CTRL_ENABLE;
	for (unsigned n = 0; n < c->decoders; n++) {
		uint32_t *m = &comp->wmask[(at + WIRE_HDM_DEC(n)) / 4];

		m[WIRE_HDM_BASE_LO / 4] = WIRE_HDM_LO_MASK;
		m[WIRE_HDM_BASE_HI / 4] = UINT32_MAX;
		m[WIRE_HDM_SIZE_LO / 4] = WIRE_HDM_LO_MASK;
		m[WIRE_HDM_SIZE_HI / 4] = UINT32_MAX;
		m[WIRE_HDM_DEC_CTRL / 4] = c->hdm_d ? DC_RW & ~WIRE_HDM_DC_HOST_ONLY : DC_RW;
		m[WIRE_HDM_TARGETS_LO / 4] = endpoint ? WIRE_HDM_LO_MASK : UINT32_MAX;
		m[WIRE_HDM_TARGETS_HI / 4] = UINT32_MAX;
	}
}

bool comp_hdm_owns(const CxbComp *comp, uint32_t off)
{
	return comp->hdm_at && off >= comp->hdm_at &&
	       off - comp->hdm_at < WIRE_HDM_SIZE(comp->hdm.count);
}

/* What the registers of decoder @n propose. */
static CxbHdmDecoder proposal(CxbComp *comp, unsigned n)
{
	const uint32_t ctrl = *dec_reg(comp, n, WIRE_HDM_DEC_CTRL);
	CxbHdmDecoder d = {
		.committed = true,
		.locked = ctrl & WIRE_HDM_DC_LOCK,
		.base = dec_reg64(comp, n, WIRE_HDM_BASE_LO),
		.size = dec_reg64(comp, n, WIRE_HDM_SIZE_LO),
		.ig = FIELD_GET(WIRE_HDM_DC_IG, ctrl),
		.iw = FIELD_GET(WIRE_HDM_DC_IW, ctrl),
	};

	if (comp->hdm.endpoint)
		d.skip = dec_reg64(comp, n, WIRE_HDM_SKIP_LO);
	else
		le_store(d.targets, 8, dec_reg64(comp, n, WIRE_HDM_TARGETS_LO));
	return d;
}

/* Ways and granularity against what the capability register announces. */
static const char *bad_interleave(CxbComp *comp, const CxbHdmDecoder *d)
{
	const uint32_t cap = *comp_reg(comp, comp->hdm_at + WIRE_HDM_CAP);
	const unsigned ways = cxb_hdm_ways(d->iw);

	if (!ways)
		return "reserved interleave ways";
	if (!cxb_hdm_granularity(d->ig))
		return "reserved interleave granularity";
	/* The lowest address bit that selects: [11:8] for 256 B to 2 KiB, [14:12] above. */
	if (ways > 1 && !(cap & (d->ig < 4 ? WIRE_HDM_CAP_IL_11_8 : WIRE_HDM_CAP_IL_14_12)))
		return "granularity beyond capability";
	if (ways == 16 && !(cap & WIRE_HDM_CAP_16))
		return "16 ways beyond capability";
	if (ways % 3 == 0 && !(cap & WIRE_HDM_CAP_3_6_12))
		return "3, 6 or 12 ways beyond capability";
	if (!comp->hdm.endpoint && ways > FIELD_GET(WIRE_HDM_CAP_TARGETS, cap))
		return "more ways than targets";
	if (comp->hdm.endpoint && d->size % ways)
		return "size is not divisible by the ways";
	return NULL;
}

/* Decoders below are committed, lie below, and those above (if any) lie above. */
static const char *bad_order(const CxbComp *comp, unsigned n, const CxbHdmDecoder *d)
{
	for (unsigned i = 0; i < comp->hdm.count; i++) {
		const CxbHdmDecoder *o = &comp->hdm.dec[i];

		if (i < n && !o->committed)
			return "a decoder below is not committed";
		if (i == n || !o->committed)
			continue;
		if (cxb_ranges_overlap(d->base, d->size, o->base, o->size))
			return "overlaps another decoder";
		if ((i < n) != (o->base < d->base))
			return "ranges are not in increasing order";
	}
	return NULL;
}

/* An endpoint's DPA, handed out in order of decoders: this one's, and what moves above it. */
static const char *bad_dpa(CxbComp *comp, unsigned n, const CxbHdmDecoder *d)
{
	uint64_t at = 0;

	for (unsigned i = 0; i < comp->hdm.count; i++) {
		const CxbHdmDecoder *c = i == n ? d : &comp->hdm.dec[i];
		uint64_t len;

		if (!c->committed)
			break;
		len = c->size / cxb_hdm_ways(c->iw);
		if (c->skip > UINT64_MAX - at || !cxb_range_valid(at + c->skip, len))
			return "DPA wraps around";
		at += c->skip;
		if (i >= n && comp->config.dpa_ok &&
		    !comp->config.dpa_ok(comp->config.opaque, at, len))
			return "DPA is not this device's";
		if (len > UINT64_MAX - at)
			return "DPA wraps around";
		at += len;
	}
	return NULL;
}

/* Why decoder @n may not be committed as proposed; NULL: it may (8.2.4.20.12). */
static const char *bad_commit(CxbComp *comp, unsigned n, const CxbHdmDecoder *d)
{
	const char *why;

	if (!d->size)
		return "size is zero";
	if (!cxb_range_valid(d->base, d->size))
		return "range wraps around";
	why = bad_interleave(comp, d);
	if (!why)
		why = bad_order(comp, n, d);
	if (!why && comp->hdm.endpoint)
		why = bad_dpa(comp, n, d);
	return why;
}

static void removing(CxbComp *comp)
{
	if (comp->config.hdm_removing)
		comp->config.hdm_removing(comp->config.opaque);
}

static void changed(CxbComp *comp)
{
	if (comp->config.hdm_changed)
		comp->config.hdm_changed(comp->config.opaque);
}

/* Move decoder @n to @to and show it in the register; true if it joins or leaves decoding. */
static bool change(CxbComp *comp, unsigned n, DecState to)
{
	uint32_t *ctrl = dec_reg(comp, n, WIRE_HDM_DEC_CTRL);
	const bool was = is_committed(comp, n);

	if (comp->state[n] != to)
		trace_cxl_hdm_decoder(comp->name, n, state_names[comp->state[n]], state_names[to]);
	comp->state[n] = to;
	comp->settling &= ~(1u << n);
	*ctrl &= ~DC_RO;
	if (is_committed(comp, n))
		*ctrl |= WIRE_HDM_DC_COMMIT | WIRE_HDM_DC_COMMITTED;
	else if (to == DEC_ERROR)
		*ctrl |= WIRE_HDM_DC_ERROR;
	return was != is_committed(comp, n);
}

static void publish(CxbComp *comp, unsigned n, const CxbHdmDecoder *d)
{
	comp->hdm.dec[n] = *d;
	changed(comp);
}

/* Of all components: the machine's thread has them. */
static uint64_t commits;

static void commit(CxbComp *comp, unsigned n)
{
	CxbHdmDecoder d = proposal(comp, n);
	const char *why = bad_commit(comp, n, &d);
	DecEvent ev = d.locked ? DEC_EV_COMMIT_LOCKED : DEC_EV_COMMIT;

	if (why) {
		cxb_guest_error("%s: decoder %u not committed: %s", comp->name, n, why);
		ev = DEC_EV_COMMIT_BAD;
	}
	if (!change(comp, n, next_state[comp->state[n]][ev]))
		return;
	d.order = ++commits;
	publish(comp, n, &d);
	if (comp->config.hdm_settling && comp->config.hdm_settling(comp->config.opaque)) {
		comp->settling |= 1u << n;
		*dec_reg(comp, n, WIRE_HDM_DEC_CTRL) &= ~WIRE_HDM_DC_COMMITTED;
	}
}

void cxb_comp_settle(CxbComp *comp)
{
	for (unsigned n = 0; n < comp->hdm.count; n++)
		if (comp->settling & 1u << n)
			*dec_reg(comp, n, WIRE_HDM_DEC_CTRL) |= WIRE_HDM_DC_COMMITTED;
	comp->settling = 0;
}

static void uncommit(CxbComp *comp, unsigned n)
{
	const DecState to = next_state[comp->state[n]][DEC_EV_CLEAR];
	const CxbHdmDecoder off = { 0 };

	if (to == comp->state[n]) {
		if (to == DEC_LOCKED)
			cxb_guest_error("%s: decoder %u is locked", comp->name, n);
		return;
	}
	if (is_committed(comp, n))
		removing(comp);
	*dec_reg(comp, n, WIRE_HDM_DEC_CTRL) &= ~WIRE_HDM_DC_COMMIT;
	if (change(comp, n, to))
		publish(comp, n, &off);
}

/*
 * Decoder control. While committed, only a 0 in Commit counts, and the other fields of that very
 * write are still locked. Else fields are taken first, so one write may set them and commit.
 */
static void write_dec_ctrl(CxbComp *comp, unsigned n, uint32_t val, uint32_t mask)
{
	const uint32_t off = comp->hdm_at + WIRE_HDM_DEC(n) + WIRE_HDM_DEC_CTRL;
	const uint32_t settable = comp->wmask[off / 4] & mask;
	uint32_t *ctrl = comp_reg(comp, off);

	if (!is_committed(comp, n))
		*ctrl = (*ctrl & ~settable) | (val & settable);
	if (!(mask & WIRE_HDM_DC_COMMIT))
		return;
	if (!(val & WIRE_HDM_DC_COMMIT))
		uncommit(comp, n);
	else if (!is_committed(comp, n))
		commit(comp, n);
}

static void write_global(CxbComp *comp, uint32_t off, uint32_t val, uint32_t mask)
{
	uint32_t *ctrl = comp_reg(comp, off);
	const uint32_t settable = comp->wmask[off / 4] & mask;
	const uint32_t now = (*ctrl & ~settable) | (val & settable);
	const bool on = now & WIRE_HDM_CTRL_ENABLE;

	if (on == comp->hdm.enabled) {
		*ctrl = now;
		return;
	}
	trace_cxl_hdm_enable(comp->name, on);
	if (!on)
		removing(comp);
	*ctrl = now;
	comp->hdm.enabled = on;
	changed(comp);
}

void comp_hdm_write(CxbComp *comp, uint32_t off, uint32_t val, uint32_t mask)
{
	const uint32_t in = off - comp->hdm_at;
	const uint32_t settable = comp->wmask[off / 4] & mask;
	unsigned n;

	if (in == WIRE_HDM_CTRL) {
		write_global(comp, off, val, mask);
		return;
	}
	if (in < WIRE_HDM_DEC(0))
		return;
	n = (in - WIRE_HDM_DEC(0)) / WIRE_HDM_DEC_STRIDE;
	if (in - WIRE_HDM_DEC(n) == WIRE_HDM_DEC_CTRL) {
		write_dec_ctrl(comp, n, val, mask);
		return;
	}
	if (is_committed(comp, n)) {
		cxb_guest_error("%s: write to 0x%x of committed decoder %u", comp->name, in, n);
		return;
	}
	*comp_reg(comp, off) = (*comp_reg(comp, off) & ~settable) | (val & settable);
}

void comp_hdm_reset(CxbComp *comp)
{
	bool any = comp->hdm.enabled;

	for (unsigned n = 0; n < comp->hdm.count; n++)
		any |= comp->hdm.dec[n].committed;
	if (any)
		removing(comp);
	comp->hdm.enabled = false;
	for (unsigned n = comp->hdm.count; n-- > 0;) {
		change(comp, n, next_state[comp->state[n]][DEC_EV_RESET]);
		comp->hdm.dec[n] = (CxbHdmDecoder){ 0 };
	}
	*comp_reg(comp, comp->hdm_at + WIRE_HDM_CTRL) = 0;
	if (any)
		changed(comp);
}

void comp_hdm_firmware(CxbComp *comp)
{
	const uint64_t base = comp->config.firmware.base, size = comp->config.firmware.size;
	const uint32_t dec = comp->hdm_at + WIRE_HDM_DEC(0);

	if (!size)
		return;
	comp_hdm_write(comp, dec + WIRE_HDM_BASE_LO, base, UINT32_MAX);
	comp_hdm_write(comp, dec + WIRE_HDM_BASE_HI, base >> 32, UINT32_MAX);
	comp_hdm_write(comp, dec + WIRE_HDM_SIZE_LO, size, UINT32_MAX);
	comp_hdm_write(comp, dec + WIRE_HDM_SIZE_HI, size >> 32, UINT32_MAX);
	comp_hdm_write(comp, dec + WIRE_HDM_DEC_CTRL, WIRE_HDM_DC_LOCK | WIRE_HDM_DC_COMMIT,
		       UINT32_MAX);
	comp_hdm_write(comp, comp->hdm_at + WIRE_HDM_CTRL, WIRE_HDM_CTRL_ENABLE, UINT32_MAX);
}
