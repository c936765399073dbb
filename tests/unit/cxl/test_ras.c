/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RAS registers, CXL 3.1 8.2.4.17, and multiple header recording as PCIe 6.0 6.2.4.2 has it. Values
 * and order are what QEMU 11.1's cxl-type3 shows for the same injections.
 */
#include <glib.h>

#include "base/bytes.h"
#include "cxl/comp.h"
#include "wire/regs.h"

#define RAS(reg) (WIRE_CACHEMEM_BASE + 0x80 + WIRE_RAS_##reg)

typedef struct {
	CxbComp *comp;
	unsigned correctable, uncorrectable; /* reports */
} Fixture;

static void ras_error(void *opaque, bool correctable)
{
	Fixture *f = opaque;

	*(correctable ? &f->correctable : &f->uncorrectable) += 1;
}

static void set_up(Fixture *f, gconstpointer unused)
{
	const CxbCompConfig config = {
		.kind = CXB_COMP_ENDPOINT,
		.hdm = true,
		.decoders = 4,
		.ras_error = ras_error,
		.opaque = f,
	};

	f->comp = cxb_comp_new(&config);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_comp_free(f->comp);
}

static uint32_t rd(Fixture *f, uint32_t off)
{
	return cxb_comp_read(f->comp, off, 4);
}

static void wr(Fixture *f, uint32_t off, uint32_t val)
{
	cxb_comp_write(f->comp, off, 4, val);
}

static void unmask(Fixture *f)
{
	wr(f, RAS(UE_MASK), 0);
	wr(f, RAS(CE_MASK), 0);
}

static bool inject(Fixture *f, unsigned bit, uint32_t header)
{
	const CxbRasError e = { .bit = bit, .header = { header, header + 1 } };

	return cxb_comp_ras_uncorrectable(f->comp, &e, 1);
}

/* Status, the bit that the pointer names, and the header log's first dword. */
static void shows(Fixture *f, uint32_t status, unsigned first, uint32_t header)
{
	g_assert_cmphex(rd(f, RAS(UE_STATUS)), ==, status);
	g_assert_cmphex(rd(f, RAS(CAP_CTRL)), ==, WIRE_RAS_CAP_MULTI_HEADER | first);
	g_assert_cmphex(rd(f, RAS(HEADER_LOG)), ==, header);
}

static void masked_errors_leave_no_trace(Fixture *f, gconstpointer unused)
{
	g_assert_true(inject(f, 7, 1));
	cxb_comp_ras_correctable(f->comp, 2);
	shows(f, 0, 0, 0);
	g_assert_cmphex(rd(f, RAS(CE_STATUS)), ==, 0);
	g_assert_cmpuint(f->correctable + f->uncorrectable, ==, 0);
	/* Each kind by its own bit. */
	wr(f, RAS(UE_MASK), WIRE_RAS_UE_BITS & ~(1u << 7));
	wr(f, RAS(CE_MASK), WIRE_RAS_CE_BITS & ~(1u << 2));
	g_assert_true(inject(f, 8, 1));
	cxb_comp_ras_correctable(f->comp, 3);
	g_assert_cmpuint(f->correctable + f->uncorrectable, ==, 0);
	g_assert_true(inject(f, 7, 1));
	cxb_comp_ras_correctable(f->comp, 2);
	shows(f, 1 << 7, 7, 1);
	g_assert_cmphex(rd(f, RAS(CE_STATUS)), ==, 1 << 2);
	g_assert_cmpuint(f->correctable, ==, 1);
	g_assert_cmpuint(f->uncorrectable, ==, 1);
}

static void correctable_errors_clear_by_writing_one(Fixture *f, gconstpointer unused)
{
	unmask(f);
	cxb_comp_ras_correctable(f->comp, 0);
	cxb_comp_ras_correctable(f->comp, 6);
	cxb_comp_ras_correctable(f->comp, 6); /* reported each time */
	g_assert_cmpuint(f->correctable, ==, 3);
	g_assert_cmphex(rd(f, RAS(CE_STATUS)), ==, 0x41);
	wr(f, RAS(CE_STATUS), 0x40);
	g_assert_cmphex(rd(f, RAS(CE_STATUS)), ==, 0x01);
}

static void the_oldest_error_is_shown_and_the_next_takes_over(Fixture *f, gconstpointer unused)
{
	const CxbRasError two[] = { { 14, { 0x11 } }, { 15, { 0x21 } } };

	unmask(f);
	g_assert_true(cxb_comp_ras_uncorrectable(f->comp, two, 2));
	g_assert_cmpuint(f->uncorrectable, ==, 1); /* one report of a group */
	g_assert_true(inject(f, 14, 0x31));
	shows(f, 0xc000, 14, 0x11);
	g_assert_cmphex(rd(f, RAS(HEADER_LOG) + 4), ==, 0);
	wr(f, RAS(UE_STATUS), 1 << 14);
	shows(f, 0xc000, 15, 0x21); /* another 14 waits */
	wr(f, RAS(UE_STATUS), 1 << 15);
	shows(f, 0x4000, 14, 0x31);
	g_assert_cmphex(rd(f, RAS(HEADER_LOG) + 4), ==, 0x32);
	wr(f, RAS(UE_STATUS), 1 << 14);
	shows(f, 0, 63, 0x31);
	g_assert_true(inject(f, 3, 0x41));
	shows(f, 0x8, 3, 0x41);
}

static void any_other_write_clears_all_errors_of_its_kinds(Fixture *f, gconstpointer unused)
{
	unmask(f);
	g_assert_true(inject(f, 3, 1));
	g_assert_true(inject(f, 10, 2));
	g_assert_true(inject(f, 3, 3));
	g_assert_true(inject(f, 10, 4));
	g_assert_true(inject(f, 9, 5));
	wr(f, RAS(UE_STATUS), 0);
	shows(f, 0x608, 3, 1);
	wr(f, RAS(UE_STATUS), 1 << 10); /* not the one named */
	shows(f, 0x208, 3, 1);
	wr(f, RAS(UE_STATUS), 1 << 3 | 1 << 5);
	shows(f, 0x200, 9, 5);
	wr(f, RAS(UE_STATUS), UINT32_MAX);
	shows(f, 0, 63, 5);
	wr(f, RAS(UE_STATUS), UINT32_MAX);
	shows(f, 0, 63, 5);
}

static void a_narrow_write_clears_what_it_carries(Fixture *f, gconstpointer unused)
{
	unmask(f);
	g_assert_true(inject(f, 10, 1));
	cxb_comp_write(f->comp, RAS(UE_STATUS), 1, 0xff);
	shows(f, 1 << 10, 10, 1);
	cxb_comp_write(f->comp, RAS(UE_STATUS) + 1, 1, 0x04);
	shows(f, 0, 63, 1);
}

static void the_queue_is_bounded_and_a_group_goes_in_whole(Fixture *f, gconstpointer unused)
{
	const CxbRasError two[] = { { 1, { 0x11 } }, { 2, { 0x21 } } };

	unmask(f);
	for (unsigned i = 0; i < CXB_RAS_ERRORS - 1; i++)
		g_assert_true(inject(f, 7, i));
	f->uncorrectable = 0;
	g_assert_false(cxb_comp_ras_uncorrectable(f->comp, two, 2));
	shows(f, 1 << 7, 7, 0);
	g_assert_cmpuint(f->uncorrectable, ==, 0);
	g_assert_true(cxb_comp_ras_uncorrectable(f->comp, two, 1));
	g_assert_false(inject(f, 7, 1));
	/* What is masked needs no room. */
	wr(f, RAS(UE_MASK), 1 << 2);
	g_assert_true(cxb_comp_ras_uncorrectable(f->comp, two + 1, 1));
	shows(f, 1 << 7 | 1 << 1, 7, 0);
}

static void errors_outlive_all_but_a_fundamental_reset(Fixture *f, gconstpointer unused)
{
	unmask(f);
	g_assert_true(inject(f, 7, 5));
	g_assert_true(inject(f, 8, 6));
	cxb_comp_ras_correctable(f->comp, 1);
	cxb_comp_reset(f->comp, CXB_RESET_FUNCTION);
	cxb_comp_reset(f->comp, CXB_RESET_HOT);
	shows(f, 0x180, 7, 5);
	g_assert_cmphex(rd(f, RAS(CE_STATUS)), ==, 2);
	wr(f, RAS(UE_STATUS), 1 << 7);
	shows(f, 0x100, 8, 6);
	cxb_comp_reset(f->comp, CXB_RESET_WARM);
	shows(f, 0, 0, 0);
	g_assert_cmphex(rd(f, RAS(CE_STATUS)), ==, 0);
	g_assert_cmphex(rd(f, RAS(UE_MASK)), ==, WIRE_RAS_UE_BITS);
	wr(f, RAS(UE_STATUS), 1 << 8);
	unmask(f);
	g_assert_true(inject(f, 2, 9));
	shows(f, 1 << 2, 2, 9);
}

#define ADD(fn) g_test_add("/cxl/ras/" #fn, Fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(masked_errors_leave_no_trace);
	ADD(correctable_errors_clear_by_writing_one);
	ADD(the_oldest_error_is_shown_and_the_next_takes_over);
	ADD(any_other_write_clears_all_errors_of_its_kinds);
	ADD(a_narrow_write_clears_what_it_carries);
	ADD(the_queue_is_bounded_and_a_group_goes_in_whole);
	ADD(errors_outlive_all_but_a_fundamental_reset);
	return g_test_run();
}
