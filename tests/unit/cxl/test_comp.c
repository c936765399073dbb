/* SPDX-License-Identifier: Apache-2.0 */
/* Component registers: placement, access rules, and the commit rules of CXL 3.1 8.2.4.20.12. */
#include <glib.h>

#include "base/bytes.h"
#include "cxl/comp.h"
#include "wire/regs.h"

#define MIB256 0x10000000ull
#define GIB4   0x100000000ull

typedef struct {
	CxbComp *comp;
	unsigned removing, changed;
	bool committed_while_removing; /* dec[0], at the last removing */
	bool later;                    /* commits are to be held back */
	uint64_t dpa_limit;
	unsigned hdm_at; /* in the block */
} Fixture;

static bool dpa_ok(void *opaque, uint64_t dpa, uint64_t len)
{
	Fixture *f = opaque;

	return len <= f->dpa_limit && dpa <= f->dpa_limit - len;
}

static void hdm_removing(void *opaque)
{
	Fixture *f = opaque;

	f->removing++;
	f->committed_while_removing = cxb_comp_hdm(f->comp)->dec[0].committed;
}

static void hdm_changed(void *opaque)
{
	Fixture *f = opaque;

	f->changed++;
}

static bool hdm_settling(void *opaque)
{
	return ((Fixture *)opaque)->later;
}

static void make(Fixture *f, CxbCompKind kind, unsigned decoders, unsigned targets)
{
	const CxbCompConfig config = {
		.kind = kind,
		.name = "component-under-test",
		.hdm = decoders > 0,
		.decoders = decoders,
		.targets = targets,
		.dpa_ok = dpa_ok,
		.hdm_removing = hdm_removing,
		.hdm_changed = hdm_changed,
		.hdm_settling = hdm_settling,
		.opaque = f,
	};

	f->comp = cxb_comp_new(&config);
	f->hdm_at = WIRE_CACHEMEM_BASE + 0x128;
}

static void endpoint(Fixture *f, gconstpointer unused)
{
	f->dpa_limit = 64 * GIB4;
	make(f, CXB_COMP_ENDPOINT, 4, 1);
}

static void bridge(Fixture *f, gconstpointer unused)
{
	make(f, CXB_COMP_HOST_BRIDGE, 4, 8);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_comp_free(f->comp);
}

static uint32_t rd(Fixture *f, unsigned off)
{
	return cxb_comp_read(f->comp, off, 4);
}

static uint32_t dec_at(Fixture *f, unsigned n, unsigned off)
{
	return f->hdm_at + WIRE_HDM_DEC(n) + off;
}

static uint32_t ctrl(Fixture *f, unsigned n)
{
	return rd(f, dec_at(f, n, WIRE_HDM_DEC_CTRL));
}

static void set_ctrl(Fixture *f, unsigned n, uint32_t val)
{
	cxb_comp_write(f->comp, dec_at(f, n, WIRE_HDM_DEC_CTRL), 4, val);
}

static void set64(Fixture *f, unsigned n, unsigned off, uint64_t val)
{
	cxb_comp_write(f->comp, dec_at(f, n, off), 4, (uint32_t)val);
	cxb_comp_write(f->comp, dec_at(f, n, off + 4), 4, val >> 32);
}

static void propose(Fixture *f, unsigned n, uint64_t base, uint64_t size)
{
	set64(f, n, WIRE_HDM_BASE_LO, base);
	set64(f, n, WIRE_HDM_SIZE_LO, size);
}

/* Commit with @fields beside; the answer is Committed or Error Not Committed, never both. */
static bool try_commit(Fixture *f, unsigned n, uint32_t fields)
{
	uint32_t c;

	set_ctrl(f, n, fields | WIRE_HDM_DC_COMMIT);
	c = ctrl(f, n);
	g_assert_true(!(c & WIRE_HDM_DC_COMMITTED) != !(c & WIRE_HDM_DC_ERROR));
	g_assert_true(!!(c & WIRE_HDM_DC_COMMITTED) == cxb_comp_hdm(f->comp)->dec[n].committed);
	return c & WIRE_HDM_DC_COMMITTED;
}

static uint32_t fields(unsigned ig, unsigned iw)
{
	return FIELD_PREP(WIRE_HDM_DC_IG, ig) | FIELD_PREP(WIRE_HDM_DC_IW, iw);
}

/* --- placement --- */

static void capabilities_of_each_kind_are_where_qemu_has_them(void)
{
	static const struct {
		CxbCompKind kind;
		unsigned decoders;
		uint32_t words[6];
	} rows[] = {
		{ CXB_COMP_HOST_BRIDGE,
		  4,
		  { 0x05110001, 0, 0x0d820004, 0x12810005, 0x27810006, 0xaa010008 } },
		{ CXB_COMP_HOST_BRIDGE,
		  0,
		  { 0x05110001, 0, 0x0d820004, 0x12810000, 0x27810006, 0xaa010008 } },
		{ CXB_COMP_ROOT_PORT,
		  4,
		  { 0x07110001, 0x08020002, 0x0d820004, 0x12810005, 0x27810006, 0xaa010008 } },
		{ CXB_COMP_UPSTREAM, 4, { 0x03110001, 0x08020002, 0x0d820004, 0x12810005, 0, 0 } },
		{ CXB_COMP_DOWNSTREAM, 0, { 0x02110001, 0x08020002, 0x0d820004, 0, 0, 0 } },
		{ CXB_COMP_ENDPOINT, 4, { 0x03110001, 0x08020002, 0x0d820004, 0x12810005, 0, 0 } },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		Fixture f = { 0 };

		make(&f, rows[i].kind, rows[i].decoders, 8);
		for (unsigned w = 0; w < 6; w++)
			g_assert_cmphex(rd(&f, WIRE_CACHEMEM_BASE + 4 * w), ==, rows[i].words[w]);
		cxb_comp_free(f.comp);
	}
}

/* A root port has one, a device where its memory is device-coherent; its place is QEMU's. */
static void a_bi_decoder_is_there_where_it_is_needed(void)
{
	static const struct {
		CxbCompConfig config;
		uint32_t array, hdm_cap;
		bool bi;
	} rows[] = {
		{ { .kind = CXB_COMP_ROOT_PORT, .hdm = true, .decoders = 4, .targets = 1 },
		  0x07110001,
		  0x312,
		  true },
		{ { .kind = CXB_COMP_ENDPOINT, .hdm = true, .decoders = 4 }, 0x03110001, 0x1b12 },
		{ { .kind = CXB_COMP_ENDPOINT, .hdm = true, .hdm_db = true, .decoders = 4 },
		  0x07110001,
		  0x601b12,
		  true },
	};
	const unsigned at = WIRE_CACHEMEM_BASE + 0xab4;

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		CxbComp *comp = cxb_comp_new(&rows[i].config);
		const bool bi = rows[i].bi;

		g_assert_cmphex(cxb_comp_read(comp, WIRE_CACHEMEM_BASE, 4), ==, rows[i].array);
		g_assert_cmphex(cxb_comp_read(comp, WIRE_CACHEMEM_BASE + 0x1c, 4), ==,
				bi ? 0xab41000c : 0);
		g_assert_cmphex(cxb_comp_read(comp, WIRE_CACHEMEM_BASE + 0x128, 4), ==,
				rows[i].hdm_cap);
		for (unsigned off = 0; off < 0xc; off += 4)
			cxb_comp_write(comp, at + off, 4, UINT32_MAX);
		g_assert_cmphex(cxb_comp_read(comp, at, 4), ==, 0);
		g_assert_cmphex(cxb_comp_read(comp, at + 4, 4), ==, bi ? 7 : 0);
		g_assert_cmphex(cxb_comp_read(comp, at + 8, 4), ==, bi ? 0x2600 : 0);
		cxb_comp_reset(comp, CXB_RESET_HOT);
		g_assert_cmphex(cxb_comp_read(comp, at + 4, 4), ==, 0);
		cxb_comp_free(comp);
	}
}

static void the_hdm_capability_tells_decoders_targets_and_ways(void)
{
	static const struct {
		CxbCompKind kind;
		unsigned decoders, targets;
		uint32_t cap;
	} rows[] = {
		{ CXB_COMP_HOST_BRIDGE, 4, 8, 0x382 },  { CXB_COMP_UPSTREAM, 1, 4, 0x340 },
		{ CXB_COMP_ENDPOINT, 4, 1, 0x1b12 },    { CXB_COMP_ENDPOINT, 10, 1, 0x1b15 },
		{ CXB_COMP_HOST_BRIDGE, 32, 2, 0x32c },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		Fixture f = { 0 };

		make(&f, rows[i].kind, rows[i].decoders, rows[i].targets);
		g_assert_cmphex(rd(&f, f.hdm_at), ==, rows[i].cap);
		cxb_comp_free(f.comp);
	}
}

static void more_than_ten_decoders_push_later_structures_up(void)
{
	Fixture f = { 0 };

	make(&f, CXB_COMP_HOST_BRIDGE, 32, 8);
	g_assert_cmphex(rd(&f, 0x1010) >> 20, ==, 0x128 + 0x410);
	g_assert_cmphex(rd(&f, 0x1014) >> 20, ==, 0x128 + 0x410 + 0x804 + 0x24);
	propose(&f, 31, GIB4, MIB256);
	g_assert_cmphex(rd(&f, dec_at(&f, 31, WIRE_HDM_SIZE_LO)), ==, MIB256);
	cxb_comp_free(f.comp);
}

/* --- access --- */

static void eight_bytes_are_two_registers(Fixture *f, gconstpointer unused)
{
	cxb_comp_write(f->comp, dec_at(f, 1, WIRE_HDM_BASE_LO), 8, 0x123456789abcdef0);
	g_assert_cmphex(rd(f, dec_at(f, 1, WIRE_HDM_BASE_LO)), ==, 0x90000000);
	g_assert_cmphex(rd(f, dec_at(f, 1, WIRE_HDM_BASE_HI)), ==, 0x12345678);
	g_assert_cmphex(cxb_comp_read(f->comp, dec_at(f, 1, WIRE_HDM_BASE_LO), 8), ==,
			0x1234567890000000);
}

static void narrow_writes_change_only_their_bytes(Fixture *f, gconstpointer unused)
{
	const unsigned hi = dec_at(f, 1, WIRE_HDM_BASE_HI);

	cxb_comp_write(f->comp, hi, 4, 0x11223344);
	cxb_comp_write(f->comp, hi + 1, 1, 0xaa);
	g_assert_cmphex(rd(f, hi), ==, 0x1122aa44);
	cxb_comp_write(f->comp, hi + 2, 2, 0xbbcc);
	g_assert_cmphex(rd(f, hi), ==, 0xbbccaa44);
	g_assert_cmphex(cxb_comp_read(f->comp, hi + 2, 2), ==, 0xbbcc);
	g_assert_cmphex(cxb_comp_read(f->comp, hi + 3, 1), ==, 0xbb);
}

static void a_narrow_write_beside_commit_does_not_commit(Fixture *f, gconstpointer unused)
{
	const unsigned at = dec_at(f, 0, WIRE_HDM_DEC_CTRL);

	g_assert_false(try_commit(f, 0, 0)); /* size 0: Commit stays set in the register */
	propose(f, 0, GIB4, MIB256);
	cxb_comp_write(f->comp, at, 1, fields(2, 1));
	g_assert_true(ctrl(f, 0) & WIRE_HDM_DC_ERROR);
	cxb_comp_write(f->comp, at + 1, 1, WIRE_HDM_DC_COMMIT >> 8);
	g_assert_true(ctrl(f, 0) & WIRE_HDM_DC_COMMITTED);
	g_assert_cmpuint(cxb_comp_hdm(f->comp)->dec[0].ig, ==, 2);
	g_assert_cmpuint(cxb_comp_hdm(f->comp)->dec[0].iw, ==, 1);
}

static void reserved_space_reads_zero_and_ignores_writes(Fixture *f, gconstpointer unused)
{
	static const unsigned at[] = { 0, 0xffc, 0x107c, 0x1130, 0x1ffc, 0x2000, 0xe180, 0xfff8 };

	for (size_t i = 0; i < G_N_ELEMENTS(at); i++) {
		cxb_comp_write(f->comp, at[i], 4, UINT32_MAX);
		g_assert_cmphex(rd(f, at[i]), ==, 0);
	}
	cxb_comp_write(f->comp, 0x10000, 4, 1);
	cxb_comp_write(f->comp, 0xfffffffc, 4, 1);
	g_assert_cmphex(cxb_comp_read(f->comp, 0x10000, 4), ==, 0);
	g_assert_cmphex(cxb_comp_read(f->comp, 0x1001, 4), ==, 0); /* not aligned */
	g_assert_cmphex(cxb_comp_read(f->comp, 0x1000, 3), ==, 0); /* no such width */
}

static void read_only_registers_stay(Fixture *f, gconstpointer unused)
{
	cxb_comp_write(f->comp, WIRE_CACHEMEM_BASE, 4, 0);
	cxb_comp_write(f->comp, f->hdm_at, 4, 0);
	g_assert_cmphex(rd(f, WIRE_CACHEMEM_BASE), ==, 0x03110001);
	g_assert_cmphex(rd(f, f->hdm_at), ==, 0x1b12);
	set_ctrl(f, 0, ~WIRE_HDM_DC_COMMIT);
	g_assert_cmphex(ctrl(f, 0), ==, 0x11ff);
}

/* 8.2.4.17; reset values as QEMU has them. */
static void ras_registers_have_their_masks(Fixture *f, gconstpointer unused)
{
	const unsigned ras = WIRE_CACHEMEM_BASE + 0x80;

	g_assert_cmphex(rd(f, ras + WIRE_RAS_UE_STATUS), ==, 0);
	g_assert_cmphex(rd(f, ras + WIRE_RAS_UE_MASK), ==, 0x1cfff);
	g_assert_cmphex(rd(f, ras + WIRE_RAS_UE_SEVERITY), ==, 0x1cfff);
	g_assert_cmphex(rd(f, ras + WIRE_RAS_CE_MASK), ==, 0x7f);
	g_assert_cmphex(rd(f, ras + WIRE_RAS_CAP_CTRL), ==, 0x200);
	cxb_comp_write(f->comp, ras + WIRE_RAS_UE_MASK, 4, 0);
	cxb_comp_write(f->comp, ras + WIRE_RAS_CE_MASK, 4, UINT32_MAX);
	cxb_comp_write(f->comp, ras + WIRE_RAS_CAP_CTRL, 4, UINT32_MAX);
	cxb_comp_write(f->comp, ras + WIRE_RAS_HEADER_LOG, 4, UINT32_MAX);
	g_assert_cmphex(rd(f, ras + WIRE_RAS_UE_MASK), ==, 0);
	g_assert_cmphex(rd(f, ras + WIRE_RAS_CE_MASK), ==, 0x7f);
	g_assert_cmphex(rd(f, ras + WIRE_RAS_CAP_CTRL), ==, 0x2200);
	g_assert_cmphex(rd(f, ras + WIRE_RAS_HEADER_LOG), ==, 0);
}

/* --- states --- */

typedef enum { OFF, COMMITTED, LOCKED, ERROR, STATES } State;
typedef enum { COMMIT, COMMIT_LOCKED, COMMIT_BAD, CLEAR, RESET, EVENTS } Event;

static void apply(Fixture *f, Event ev)
{
	switch (ev) {
	case COMMIT:
	case COMMIT_LOCKED:
		propose(f, 0, GIB4, MIB256);
		set_ctrl(f, 0, WIRE_HDM_DC_COMMIT | (ev == COMMIT_LOCKED ? WIRE_HDM_DC_LOCK : 0));
		break;
	case COMMIT_BAD:
		propose(f, 0, GIB4, 0);
		set_ctrl(f, 0, WIRE_HDM_DC_COMMIT);
		break;
	case CLEAR:
		set_ctrl(f, 0, 0);
		break;
	case RESET:
		cxb_comp_reset(f->comp, CXB_RESET_HOT);
		break;
	default:
		g_assert_not_reached();
	}
}

static State state_of(Fixture *f)
{
	const CxbHdmDecoder *d = &cxb_comp_hdm(f->comp)->dec[0];
	const uint32_t c = ctrl(f, 0);

	g_assert_true(!!(c & WIRE_HDM_DC_COMMITTED) == d->committed);
	if (c & WIRE_HDM_DC_ERROR) {
		g_assert_false(d->committed);
		return ERROR;
	}
	if (!d->committed)
		return OFF;
	return d->locked ? LOCKED : COMMITTED;
}

static void every_state_meets_every_event(void)
{
	/* clang-format off */
	static const Event way_to[STATES] = { RESET, COMMIT, COMMIT_LOCKED, COMMIT_BAD };
	static const State want[STATES][EVENTS] = {
		/*              COMMIT     LOCKED     BAD        CLEAR   RESET */
		[OFF]       = { COMMITTED, LOCKED,    ERROR,     OFF,    OFF },
		[COMMITTED] = { COMMITTED, COMMITTED, COMMITTED, OFF,    OFF },
		[LOCKED]    = { LOCKED,    LOCKED,    LOCKED,    LOCKED, OFF },
		[ERROR]     = { COMMITTED, LOCKED,    ERROR,     OFF,    OFF },
	};
	/* clang-format on */

	for (unsigned s = 0; s < STATES; s++) {
		for (unsigned e = 0; e < EVENTS; e++) {
			Fixture f = { 0 };
			bool was;

			endpoint(&f, NULL);
			apply(&f, way_to[s]);
			g_assert_cmpint(state_of(&f), ==, s);
			was = cxb_comp_hdm(f.comp)->dec[0].committed;
			f.removing = f.changed = 0;
			apply(&f, e);
			g_assert_cmpint(state_of(&f), ==, want[s][e]);
			/* Told once, and only if decoding changed; before it when it ends. */
			g_assert_cmpuint(f.changed, ==,
					 was != cxb_comp_hdm(f.comp)->dec[0].committed);
			g_assert_cmpuint(f.removing, ==,
					 was && !cxb_comp_hdm(f.comp)->dec[0].committed);
			if (f.removing)
				g_assert_true(f.committed_while_removing);
			cxb_comp_free(f.comp);
		}
	}
}

/* --- commit rules --- */

static void a_commit_publishes_what_was_proposed(Fixture *f, gconstpointer unused)
{
	const CxbHdmDecoder *d = &cxb_comp_hdm(f->comp)->dec[0];

	propose(f, 0, 0x12340000000, 4 * MIB256);
	set64(f, 0, WIRE_HDM_SKIP_LO, 2 * MIB256);
	g_assert_false(d->committed);
	g_assert_true(try_commit(f, 0, fields(3, 2) | WIRE_HDM_DC_HOST_ONLY));
	g_assert_cmphex(d->base, ==, 0x12340000000);
	g_assert_cmphex(d->size, ==, 4 * MIB256);
	g_assert_cmphex(d->skip, ==, 2 * MIB256);
	g_assert_cmpuint(d->ig, ==, 3);
	g_assert_cmpuint(d->iw, ==, 2);
}

static void fields_of_a_committed_decoder_are_locked(Fixture *f, gconstpointer unused)
{
	propose(f, 0, GIB4, MIB256);
	g_assert_true(try_commit(f, 0, fields(1, 0)));
	propose(f, 0, 2 * GIB4, 2 * MIB256);
	set64(f, 0, WIRE_HDM_SKIP_LO, MIB256);
	set_ctrl(f, 0, fields(5, 1) | WIRE_HDM_DC_COMMIT);
	g_assert_cmphex(rd(f, dec_at(f, 0, WIRE_HDM_BASE_HI)), ==, 1);
	g_assert_cmphex(rd(f, dec_at(f, 0, WIRE_HDM_SIZE_LO)), ==, MIB256);
	g_assert_cmphex(rd(f, dec_at(f, 0, WIRE_HDM_SKIP_LO)), ==, 0);
	g_assert_cmphex(ctrl(f, 0), ==, fields(1, 0) | 0x600);
	/* After Commit is cleared they are free again, with the values they had. */
	set_ctrl(f, 0, fields(5, 1));
	g_assert_cmphex(ctrl(f, 0), ==, fields(1, 0));
	propose(f, 0, 2 * GIB4, MIB256);
	g_assert_true(try_commit(f, 0, fields(1, 0)));
}

static void an_endpoint_refuses_a_bad_proposal(void)
{
	static const struct {
		uint64_t base, size, skip;
		uint32_t fields;
		bool ok;
	} rows[] = {
		{ GIB4, MIB256, 0, 0x00, true },
		{ GIB4, 0, 0, 0x00, false },                /* zero size */
		{ 0 - MIB256, MIB256, 0, 0x00, true },      /* to the very end */
		{ 0 - MIB256, 2 * MIB256, 0, 0x00, false }, /* wraps around */
		{ GIB4, MIB256, 0, 0x07, false },           /* reserved IG */
		{ GIB4, MIB256, 0, 0x0f, false },
		{ GIB4, MIB256, 0, 0x50, false }, /* reserved IW */
		{ GIB4, MIB256, 0, 0xb0, false },
		{ GIB4, MIB256, 0, 0xf0, false },
		{ GIB4, 3 * MIB256, 0, 0x80, true },           /* 3 ways */
		{ GIB4, 4 * MIB256, 0, 0x80, false },          /* not divisible by 3 */
		{ GIB4, 12 * MIB256, 0, 0xa6, true },          /* 12 ways, 16 KiB */
		{ GIB4, 16 * MIB256, 0, 0x40, true },          /* 16 ways */
		{ GIB4, 64 * GIB4, 0, 0x00, true },            /* all of the DPA */
		{ GIB4, 64 * GIB4, MIB256, 0x00, false },      /* beyond it */
		{ GIB4, 128 * GIB4, 0, 0x10, true },           /* half of it here */
		{ GIB4, 2 * MIB256, 0 - MIB256, 0x00, false }, /* DPA wraps around */
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		Fixture f = { 0 };

		endpoint(&f, NULL);
		propose(&f, 0, rows[i].base, rows[i].size);
		set64(&f, 0, WIRE_HDM_SKIP_LO, rows[i].skip);
		g_test_message("row %zu", i);
		g_assert_true(try_commit(&f, 0, rows[i].fields) == rows[i].ok);
		g_assert_cmpuint(f.changed, ==, rows[i].ok);
		cxb_comp_free(f.comp);
	}
}

static void a_port_takes_powers_of_two_up_to_its_targets(void)
{
	for (unsigned targets = 1; targets <= 8; targets *= 2) {
		for (unsigned iw = 0; iw < 16; iw++) {
			Fixture f = { 0 };

			make(&f, CXB_COMP_UPSTREAM, 2, targets);
			propose(&f, 0, GIB4, 12 * MIB256);
			g_assert_true(try_commit(&f, 0, fields(0, iw)) ==
				      (iw <= 3 && 1u << iw <= targets));
			cxb_comp_free(f.comp);
		}
	}
}

static void decoders_are_committed_in_order(Fixture *f, gconstpointer unused)
{
	propose(f, 0, GIB4, MIB256);
	propose(f, 1, GIB4 + MIB256, MIB256);
	g_assert_false(try_commit(f, 1, 0));
	g_assert_true(try_commit(f, 0, 0));
	g_assert_true(ctrl(f, 1) & WIRE_HDM_DC_ERROR); /* until the next attempt */
	g_assert_true(try_commit(f, 1, 0));
}

static void ranges_do_not_overlap_and_increase(Fixture *f, gconstpointer unused)
{
	propose(f, 0, 2 * GIB4, 2 * MIB256);
	g_assert_true(try_commit(f, 0, 0));
	propose(f, 1, 2 * GIB4 + MIB256, MIB256);
	g_assert_false(try_commit(f, 1, 0)); /* inside */
	propose(f, 1, 2 * GIB4 - MIB256, 2 * MIB256);
	g_assert_false(try_commit(f, 1, 0)); /* over the start */
	propose(f, 1, GIB4, MIB256);
	g_assert_false(try_commit(f, 1, 0)); /* below */
	propose(f, 1, 2 * GIB4 + 2 * MIB256, MIB256);
	g_assert_true(try_commit(f, 1, 0));
}

static void a_lower_decoder_committed_again_stays_below_the_upper(Fixture *f, gconstpointer unused)
{
	propose(f, 0, GIB4, MIB256);
	propose(f, 1, 2 * GIB4, MIB256);
	g_assert_true(try_commit(f, 0, 0));
	g_assert_true(try_commit(f, 1, 0));
	set_ctrl(f, 0, 0);
	propose(f, 0, 3 * GIB4, MIB256);
	g_assert_false(try_commit(f, 0, 0));
	propose(f, 0, 2 * GIB4, MIB256);
	g_assert_false(try_commit(f, 0, 0));
	/* It would push the upper one's DPA out of the device. */
	f->dpa_limit = 2 * MIB256;
	propose(f, 0, GIB4, 2 * MIB256);
	g_assert_false(try_commit(f, 0, 0));
	propose(f, 0, GIB4, MIB256);
	g_assert_true(try_commit(f, 0, 0));
}

static void dpa_is_judged_behind_lower_decoders(Fixture *f, gconstpointer unused)
{
	f->dpa_limit = 4 * MIB256;
	propose(f, 0, GIB4, 4 * MIB256);
	g_assert_true(try_commit(f, 0, fields(0, 1))); /* two ways: half of it */
	propose(f, 1, 2 * GIB4, 2 * MIB256);
	set64(f, 1, WIRE_HDM_SKIP_LO, MIB256);
	g_assert_false(try_commit(f, 1, 0));
	set64(f, 1, WIRE_HDM_SKIP_LO, 0);
	g_assert_true(try_commit(f, 1, 0));
}

static void software_resets_decoders_from_the_highest_down(Fixture *f, gconstpointer unused)
{
	for (unsigned n = 0; n < 4; n++) {
		propose(f, n, (n + 1) * GIB4, MIB256);
		g_assert_true(try_commit(f, n, 0));
	}
	for (int n = 3; n >= 0; n--) {
		set_ctrl(f, n, ctrl(f, n) & ~WIRE_HDM_DC_COMMIT);
		g_assert_cmphex(ctrl(f, n) & (WIRE_HDM_DC_COMMITTED | WIRE_HDM_DC_ERROR), ==, 0);
		propose(f, n, 0, 0);
		g_assert_cmphex(rd(f, dec_at(f, n, WIRE_HDM_BASE_HI)), ==, 0);
	}
	g_assert_cmpuint(f->removing, ==, 4);
	g_assert_cmpuint(f->changed, ==, 8);
}

static void a_locked_decoder_stays_until_reset(Fixture *f, gconstpointer unused)
{
	propose(f, 0, GIB4, MIB256);
	g_assert_true(try_commit(f, 0, WIRE_HDM_DC_LOCK));
	set_ctrl(f, 0, 0);
	g_assert_cmphex(ctrl(f, 0), ==, 0x700);
	g_assert_cmpuint(f->removing, ==, 0);
	cxb_comp_reset(f->comp, CXB_RESET_FUNCTION);
	g_assert_cmphex(ctrl(f, 0), ==, 0x700);
	cxb_comp_reset(f->comp, CXB_RESET_HOT);
	g_assert_cmphex(ctrl(f, 0), ==, 0);
	g_assert_cmphex(rd(f, dec_at(f, 0, WIRE_HDM_BASE_HI)), ==, 0);
}

/* It decodes, and its fields are locked; only Committed is not shown. */
static void a_commit_is_shown_once_it_has_settled(Fixture *f, gconstpointer unused)
{
	f->later = true;
	propose(f, 0, GIB4, MIB256);
	set_ctrl(f, 0, WIRE_HDM_DC_COMMIT);
	g_assert_cmphex(ctrl(f, 0), ==, WIRE_HDM_DC_COMMIT);
	g_assert_true(cxb_comp_hdm(f->comp)->dec[0].committed);
	g_assert_cmpuint(f->changed, ==, 1);
	propose(f, 0, 0, 0);
	set_ctrl(f, 0, WIRE_HDM_DC_COMMIT | fields(1, 1));
	g_assert_cmphex(ctrl(f, 0), ==, WIRE_HDM_DC_COMMIT);
	g_assert_cmphex(rd(f, dec_at(f, 0, WIRE_HDM_BASE_HI)), ==, 1);
	f->later = false;
	propose(f, 1, 2 * GIB4, MIB256);
	g_assert_true(try_commit(f, 1, 0));
	g_assert_cmphex(ctrl(f, 0), ==, WIRE_HDM_DC_COMMIT);
	cxb_comp_settle(f->comp);
	g_assert_cmphex(ctrl(f, 0), ==, WIRE_HDM_DC_COMMIT | WIRE_HDM_DC_COMMITTED);
	g_assert_cmpuint(f->changed, ==, 2);
}

static void what_ends_a_commit_ends_its_settling(Fixture *f, gconstpointer unused)
{
	f->later = true;
	propose(f, 0, GIB4, MIB256);
	set_ctrl(f, 0, WIRE_HDM_DC_COMMIT);
	set_ctrl(f, 0, 0);
	g_assert_cmpuint(f->removing, ==, 1);
	cxb_comp_settle(f->comp);
	g_assert_cmphex(ctrl(f, 0), ==, 0);
	set_ctrl(f, 0, WIRE_HDM_DC_COMMIT | WIRE_HDM_DC_LOCK);
	cxb_comp_reset(f->comp, CXB_RESET_FUNCTION);
	g_assert_cmphex(ctrl(f, 0), ==, WIRE_HDM_DC_COMMIT | WIRE_HDM_DC_LOCK);
	cxb_comp_reset(f->comp, CXB_RESET_HOT);
	cxb_comp_settle(f->comp);
	g_assert_cmphex(ctrl(f, 0), ==, 0);
	/* What is refused has nothing to wait for. */
	set_ctrl(f, 0, WIRE_HDM_DC_COMMIT);
	g_assert_cmphex(ctrl(f, 0), ==, WIRE_HDM_DC_COMMIT | WIRE_HDM_DC_ERROR);
}

static void enabling_and_disabling_are_told(Fixture *f, gconstpointer unused)
{
	cxb_comp_write(f->comp, f->hdm_at + WIRE_HDM_CTRL, 4, 0xfffffffe);
	g_assert_true(cxb_comp_hdm(f->comp)->enabled);
	g_assert_cmphex(rd(f, f->hdm_at + WIRE_HDM_CTRL), ==, 2);
	g_assert_cmpuint(f->changed, ==, 1);
	cxb_comp_write(f->comp, f->hdm_at + WIRE_HDM_CTRL, 4, 3);
	g_assert_cmpuint(f->changed, ==, 1);
	g_assert_cmpuint(f->removing, ==, 0);
	cxb_comp_write(f->comp, f->hdm_at + WIRE_HDM_CTRL, 1, 0);
	g_assert_false(cxb_comp_hdm(f->comp)->enabled);
	g_assert_cmpuint(f->removing, ==, 1);
	g_assert_cmpuint(f->changed, ==, 2);
}

static void a_reset_of_the_function_keeps_decoders(Fixture *f, gconstpointer unused)
{
	const unsigned ras_mask = WIRE_CACHEMEM_BASE + 0x80 + WIRE_RAS_UE_MASK;

	propose(f, 0, GIB4, MIB256);
	g_assert_true(try_commit(f, 0, 0));
	cxb_comp_write(f->comp, f->hdm_at + WIRE_HDM_CTRL, 4, 2);
	cxb_comp_write(f->comp, ras_mask, 4, 0);
	f->changed = 0;
	cxb_comp_reset(f->comp, CXB_RESET_FUNCTION);
	g_assert_cmpuint(f->removing + f->changed, ==, 0);
	g_assert_cmphex(rd(f, dec_at(f, 0, WIRE_HDM_BASE_HI)), ==, 1);
	g_assert_true(cxb_comp_hdm(f->comp)->enabled);
	g_assert_cmphex(rd(f, ras_mask), ==, 0);
	cxb_comp_reset(f->comp, CXB_RESET_HOT);
	g_assert_cmphex(rd(f, ras_mask), ==, 0);
	g_assert_false(cxb_comp_hdm(f->comp)->enabled);
	g_assert_false(cxb_comp_hdm(f->comp)->dec[0].committed);
	g_assert_cmpuint(f->removing, ==, 1);
	g_assert_cmpuint(f->changed, ==, 1);
	cxb_comp_reset(f->comp, CXB_RESET_WARM); /* nothing decodes any more */
	g_assert_cmphex(rd(f, ras_mask), ==, 0x1cfff);
	g_assert_cmpuint(f->removing + f->changed, ==, 2);
}

static void a_port_publishes_its_target_list(Fixture *f, gconstpointer unused)
{
	uint8_t port;

	propose(f, 0, GIB4, MIB256);
	set64(f, 0, WIRE_HDM_TARGETS_LO, 0x0807060504030201);
	g_assert_true(try_commit(f, 0, fields(0, 3)));
	g_assert_false(cxb_hdm_route(cxb_comp_hdm(f->comp), GIB4 + 0x700, &port)); /* not on */
	cxb_comp_write(f->comp, f->hdm_at + WIRE_HDM_CTRL, 4, 2);
	g_assert_true(cxb_hdm_route(cxb_comp_hdm(f->comp), GIB4 + 0x700, &port));
	g_assert_cmpuint(port, ==, 8);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define PLAIN(path, fn) g_test_add_func("/cxl/comp/" path, fn)
#define ADD(path, fn)   g_test_add("/cxl/comp/" path, Fixture, NULL, endpoint, fn, tear_down)
	PLAIN("placement", capabilities_of_each_kind_are_where_qemu_has_them);
	PLAIN("bi-decoder", a_bi_decoder_is_there_where_it_is_needed);
	PLAIN("hdm-cap", the_hdm_capability_tells_decoders_targets_and_ways);
	PLAIN("many-decoders", more_than_ten_decoders_push_later_structures_up);
	ADD("access/8", eight_bytes_are_two_registers);
	ADD("access/narrow", narrow_writes_change_only_their_bytes);
	ADD("access/commit", a_narrow_write_beside_commit_does_not_commit);
	ADD("access/reserved", reserved_space_reads_zero_and_ignores_writes);
	ADD("access/ro", read_only_registers_stay);
	ADD("ras", ras_registers_have_their_masks);
	PLAIN("states", every_state_meets_every_event);
	ADD("commit/publish", a_commit_publishes_what_was_proposed);
	ADD("commit/locked-fields", fields_of_a_committed_decoder_are_locked);
	PLAIN("commit/bad", an_endpoint_refuses_a_bad_proposal);
	PLAIN("commit/ways", a_port_takes_powers_of_two_up_to_its_targets);
	ADD("commit/order", decoders_are_committed_in_order);
	ADD("commit/overlap", ranges_do_not_overlap_and_increase);
	ADD("commit/again", a_lower_decoder_committed_again_stays_below_the_upper);
	ADD("commit/dpa", dpa_is_judged_behind_lower_decoders);
	ADD("commit/reset-path", software_resets_decoders_from_the_highest_down);
	ADD("commit/lock", a_locked_decoder_stays_until_reset);
	ADD("settles", a_commit_is_shown_once_it_has_settled);
	ADD("settles-no-more", what_ends_a_commit_ends_its_settling);
	ADD("enable", enabling_and_disabling_are_told);
	ADD("reset", a_reset_of_the_function_keeps_decoders);
	g_test_add("/cxl/comp/targets", Fixture, NULL, bridge, a_port_publishes_its_target_list,
		   tear_down);
	return g_test_run();
}
