/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoder registers of a device that is passed through: what is accepted, and the accesses that
 * move decoder 0, one by one. The device here follows the rules of a kernel that emulates them; the
 * writes of its worked examples are base low, base high and control, to which size is added.
 */
#include <errno.h>
#include <glib.h>

#include "base/error.h"
#include "cxl/hdm_regs.h"

#define UNIT 0x10000000ull
#define HDM  0x140ull /* of the structure in the region */
#define BASE 0x890000000ull
#define SIZE 0x440000000ull

typedef struct {
	uint32_t cap, global, base[2], size[2], ctrl;
	GString *log;
	unsigned accesses, pauses;
	unsigned fail_at;    /* this access fails, counted from 1; 0: none */
	bool fail_on;        /* and so does every later one */
	bool fails_late;     /* a write that fails has been made nevertheless */
	bool ignores_base;   /* what is written there is lost */
	bool ignores_size;   /* there, too */
	bool errs;           /* a commit ends in the error bit */
	bool never;          /* a commit does not end */
	unsigned looks_left; /* reads of control until a commit is seen */
} Device;

static uint32_t *reg(Device *d, uint64_t off)
{
	g_assert_cmphex(off, >=, HDM);
	switch (off - HDM) {
	case 0x00:
		return &d->cap;
	case 0x04:
		return &d->global;
	case 0x10:
	case 0x14:
		return &d->base[off - HDM == 0x14];
	case 0x18:
	case 0x1c:
		return &d->size[off - HDM == 0x1c];
	case 0x20:
		return &d->ctrl;
	default:
		g_assert_not_reached();
	}
}

static bool fails(Device *d)
{
	d->accesses++;
	return d->accesses == d->fail_at || (d->fail_on && d->accesses > d->fail_at);
}

static int device_read(void *opaque, uint64_t off, uint32_t *val)
{
	Device *d = opaque;

	g_string_append_printf(d->log, "r%x ", (unsigned)(off - HDM));
	if (fails(d))
		return -EIO;
	*val = *reg(d, off);
	if (off == HDM + 0x20 && d->looks_left) {
		d->looks_left--;
		*val &= ~0x400u;
	}
	return 0;
}

static void write_ctrl(Device *d, uint32_t val)
{
	if (d->ctrl & 0x100) {
		d->ctrl &= val | ~0x100u;
		return;
	}
	d->ctrl = (d->ctrl & 0x1800) | (val & ~0x1c00u);
	if ((val & 0x200) && d->errs)
		d->ctrl |= 0x800;
	else if ((val & 0x200) && !d->never)
		d->ctrl |= 0x400;
}

static int device_write(void *opaque, uint64_t off, uint32_t val)
{
	Device *d = opaque;
	const bool fail = fails(d);
	const uint64_t in = off - HDM;

	g_string_append_printf(d->log, "w%x=%x ", (unsigned)in, val);
	if (fail && !d->fails_late)
		return -EIO;
	if (in == 0x20)
		write_ctrl(d, val);
	else if (!(d->ctrl & 0x100) && !(in < 0x18 ? d->ignores_base : d->ignores_size))
		*reg(d, off) = in % 8 ? val : val & 0xf0000000;
	return fail ? -EIO : 0;
}

static void device_pause(void *opaque)
{
	Device *d = opaque;

	d->pauses++;
}

typedef struct {
	Device d;
	CxbRegIo io;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
	f->d = (Device){
		.global = 2,
		.base = { 0xa0000000, 0x20 },
		.size = { 0x40000000, 0x4 },
		.ctrl = 0x600,
		.log = g_string_new(NULL),
	};
	f->io = (CxbRegIo){ device_read, device_write, device_pause, &f->d };
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	g_string_free(f->d.log, TRUE);
}

static bool program(Fixture *f, bool *unlocked, GError **errp)
{
	g_string_truncate(f->d.log, 0);
	f->d.accesses = 0;
	return cxb_hdm_program(&f->io, HDM, BASE, SIZE, unlocked, errp);
}

static void program_fails(Fixture *f, const char *text)
{
	bool unlocked = true;
	GError *err = NULL;

	g_assert_false(program(f, &unlocked, &err));
	g_assert_cmpstr(err->message, ==, text);
	g_assert_true(unlocked);
	g_clear_error(&err);
}

#define BEFORE "r20 r10 r14 r18 r1c "
#define MOVE   "w10=90000000 w14=8 w18=40000000 w1c=4 w20=700 "
#define AFTER  "r10 r14 r18 r1c "

static void an_unlocked_decoder_moves(Fixture *f, gconstpointer unused)
{
	bool unlocked = true;
	GError *err = NULL;

	g_assert_true(program(f, &unlocked, &err));
	g_assert_no_error(err);
	g_assert_false(unlocked);
	g_assert_cmpstr(f->d.log->str, ==, BEFORE MOVE "r20 " AFTER);
	g_assert_cmphex(f->d.ctrl, ==, 0x700);
	g_assert_cmpuint(f->d.pauses, ==, 0);
}

static void a_locked_one_is_unlocked_first(Fixture *f, gconstpointer unused)
{
	bool unlocked = false;
	GError *err = NULL;

	f->d.ctrl = 0x700;
	g_assert_true(program(f, &unlocked, &err));
	g_assert_no_error(err);
	g_assert_true(unlocked);
	g_assert_cmpstr(f->d.log->str, ==, BEFORE "w20=600 " MOVE "r20 " AFTER);
	g_assert_cmphex(f->d.base[0], ==, 0x90000000);
	g_assert_cmphex(f->d.base[1], ==, 0x8);
}

static void fields_of_control_are_kept(Fixture *f, gconstpointer unused)
{
	f->d.ctrl = 0x00001606;
	g_assert_true(program(f, NULL, NULL));
	g_assert_cmpstr(f->d.log->str, ==,
			BEFORE "w10=90000000 w14=8 w18=40000000 w1c=4 w20=1706 r20 " AFTER);
	g_assert_cmphex(f->d.ctrl, ==, 0x1706);
}

static void a_commit_that_is_under_way_is_none(Fixture *f, gconstpointer unused)
{
	f->d.looks_left = 1;
	program_fails(f, "HDM decoder 0 is not committed: control is 0x200");
	g_assert_cmpstr(f->d.log->str, ==, BEFORE);
}

/* Committed until COMMIT is written, then not for so many looks. */
static int slow_write(void *opaque, uint64_t off, uint32_t val)
{
	Device *d = opaque;

	if (off == HDM + 0x20 && (val & 0x100))
		d->looks_left = d->never ? UINT_MAX : CXB_HDM_COMMIT_LOOKS - 1;
	return device_write(opaque, off, val);
}

static void a_slow_commit_is_waited_for(Fixture *f, gconstpointer unused)
{
	GError *err = NULL;

	f->io.write32 = slow_write;
	g_assert_true(program(f, NULL, &err));
	g_assert_no_error(err);
	g_assert_cmpuint(f->d.pauses, ==, CXB_HDM_COMMIT_LOOKS - 1);
	/* Without a pause it is looked at as often. */
	f->io.pause = NULL;
	g_assert_true(program(f, NULL, &err));
}

static void as_it_was(Fixture *f, uint32_t ctrl)
{
	g_assert_cmphex(f->d.ctrl, ==, ctrl);
	g_assert_cmphex(f->d.base[0], ==, 0xa0000000);
	g_assert_cmphex(f->d.base[1], ==, 0x20);
	g_assert_cmphex(f->d.size[0], ==, 0x40000000);
	g_assert_cmphex(f->d.size[1], ==, 0x4);
}

static void a_commit_that_never_ends_is_given_up(Fixture *f, gconstpointer unused)
{
	f->d.never = true;
	f->io.write32 = slow_write;
	program_fails(f, "HDM decoder 0 does not commit in time");
	g_assert_cmpuint(f->d.pauses, ==, CXB_HDM_COMMIT_LOOKS - 1);
	g_assert_cmphex(f->d.base[0], ==, 0xa0000000);
	g_assert_cmphex(f->d.base[1], ==, 0x20);
}

static void an_error_bit_is_refused(Fixture *f, gconstpointer unused)
{
	f->d.errs = true;
	program_fails(f, "HDM decoder 0 does not commit: its error bit is set");
	g_assert_cmpuint(f->d.pauses, ==, 0);
	g_assert_cmphex(f->d.base[0], ==, 0xa0000000);
}

static void an_uncommitted_one_is_left_alone(Fixture *f, gconstpointer unused)
{
	f->d.ctrl = 0;
	program_fails(f, "HDM decoder 0 is not committed: control is 0x0");
	g_assert_cmpstr(f->d.log->str, ==, BEFORE);
	as_it_was(f, 0);
}

static void a_base_that_is_ignored_is_noticed(Fixture *f, gconstpointer unused)
{
	f->d.ignores_base = true;
	program_fails(f, "HDM decoder 0 did not take its base: 0x890000000 was written, "
			 "0x20a0000000 is read");
	as_it_was(f, 0x600);
}

static void so_is_a_size(Fixture *f, gconstpointer unused)
{
	f->d.ignores_size = true;
	f->d.size[1] = 0;
	program_fails(f, "HDM decoder 0 did not take its size: 0x440000000 was written, "
			 "0x40000000 is read");
	f->d.size[1] = 4;
	as_it_was(f, 0x600);
}

/* Every access fails once; what was there before is there afterwards, locked or not. */
static void what_fails_leaves_nothing_behind(Fixture *f, gconstpointer late)
{
	static const uint32_t ctrls[] = { 0x600, 0x700 };

	f->d.fails_late = GPOINTER_TO_INT(late);
	for (unsigned i = 0; i < G_N_ELEMENTS(ctrls); i++) {
		const unsigned accesses = i ? 16 : 15;

		for (f->d.fail_at = 1; f->d.fail_at <= accesses; f->d.fail_at++) {
			GError *err = NULL;

			f->d.ctrl = ctrls[i];
			g_assert_false(program(f, NULL, &err));
			g_assert_error(err, CXB_ERROR, CXB_ERROR_SYSTEM);
			g_assert_true(g_str_has_prefix(err->message, "cannot "));
			g_assert_true(g_str_has_suffix(err->message, ": Input/output error"));
			g_assert_cmpuint(f->d.accesses, <=, accesses + 6);
			g_clear_error(&err);
			as_it_was(f, ctrls[i]);
		}
		f->d.ctrl = ctrls[i];
		g_assert_true(program(f, NULL, NULL)); /* accesses was all */
		f->d.base[0] = 0xa0000000;
		f->d.base[1] = 0x20;
	}
}

static void a_device_that_is_lost_is_given_up(Fixture *f, gconstpointer unused)
{
	for (unsigned at = 1; at <= 15; at++) {
		f->d.fail_on = true;
		f->d.fail_at = at;
		f->d.ctrl = 0x600;
		g_assert_false(program(f, NULL, NULL));
		g_assert_cmpuint(f->d.accesses, <=, at + 6);
	}
}

/* --- what is accepted --- */

static void check_fails(const CxbHdmRegs *regs, uint64_t memory, const char *text)
{
	bool committed = true;
	GError *err = NULL;

	g_assert_false(cxb_hdm_regs_check(regs, memory, &committed, &err));
	g_assert_cmpstr(err->message, ==, text);
	g_assert_true(committed);
	g_clear_error(&err);
}

static void what_is_read_is_judged(Fixture *f, gconstpointer unused)
{
	GError *err = NULL;
	CxbHdmRegs regs;
	bool committed;

	g_assert_true(cxb_hdm_regs_read(&f->io, HDM, &regs, &err));
	g_assert_no_error(err);
	g_assert_cmpstr(f->d.log->str, ==, "r0 r4 r20 r10 r14 r18 r1c ");
	g_assert_cmpuint(regs.count, ==, 1);
	g_assert_cmphex(regs.ctrl, ==, 2);
	g_assert_cmphex(regs.dec[0].base, ==, 0x20a0000000);
	g_assert_cmphex(regs.dec[0].size, ==, SIZE);
	g_assert_cmphex(regs.dec[0].ctrl, ==, 0x600);
	g_assert_true(cxb_hdm_regs_check(&regs, SIZE, &committed, &err));
	g_assert_true(committed);

	check_fails(&regs, 0, "device memory of 0x0 bytes is not a multiple of 256 MiB");
	check_fails(&regs, UNIT / 2,
		    "device memory of 0x8000000 bytes is not a multiple of 256 MiB");
	check_fails(&regs, UNIT,
		    "HDM decoder 0 decodes 0x440000000 bytes of 0x10000000 of device memory");
	regs.dec[0].ctrl = 0x610;
	check_fails(&regs, SIZE, "HDM decoder 0 is interleaved: only one way is supported");
	regs.dec[0].ctrl = 0xa00;
	check_fails(&regs, SIZE, "HDM decoder 0 could not be committed: its error bit is set");
	regs.dec[0].ctrl = 0x600;
	regs.count = 2;
	check_fails(&regs, SIZE, "device has 2 HDM decoders: only one is supported");
	regs.count = 0;
	check_fails(&regs, SIZE, "device has 0 HDM decoders: only one is supported");
}

static void more_than_one_decoder_is_not_read(Fixture *f, gconstpointer unused)
{
	CxbHdmRegs regs;

	f->d.cap = 12; /* 32 of them */
	g_assert_true(cxb_hdm_regs_read(&f->io, HDM, &regs, NULL));
	g_assert_cmpstr(f->d.log->str, ==, "r0 r4 ");
	check_fails(&regs, SIZE, "device has 32 HDM decoders: only one is supported");
}

static void what_nobody_committed_may_have_any_size(Fixture *f, gconstpointer unused)
{
	CxbHdmRegs regs = { .count = 1 };
	bool committed = true;

	g_assert_true(cxb_hdm_regs_check(&regs, UNIT, &committed, NULL));
	g_assert_false(committed);
}

static void a_failed_read_reads_nothing(Fixture *f, gconstpointer unused)
{
	for (f->d.fail_at = 1; f->d.fail_at <= 7; f->d.fail_at++) {
		CxbHdmRegs regs = { .count = 77 };
		GError *err = NULL;

		f->d.accesses = 0;
		g_assert_false(cxb_hdm_regs_read(&f->io, HDM, &regs, &err));
		g_assert_true(g_str_has_prefix(err->message, "cannot read HDM decoder register"));
		g_assert_cmpuint(regs.count, ==, 77);
		g_clear_error(&err);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(path, fn) g_test_add("/hdm-regs/" path, Fixture, NULL, set_up, fn, tear_down)
	ADD("move/unlocked", an_unlocked_decoder_moves);
	ADD("move/locked", a_locked_one_is_unlocked_first);
	ADD("move/fields", fields_of_control_are_kept);
	ADD("move/under-way", a_commit_that_is_under_way_is_none);
	ADD("move/slow", a_slow_commit_is_waited_for);
	ADD("move/never", a_commit_that_never_ends_is_given_up);
	ADD("move/error-bit", an_error_bit_is_refused);
	ADD("move/uncommitted", an_uncommitted_one_is_left_alone);
	ADD("move/base-ignored", a_base_that_is_ignored_is_noticed);
	ADD("move/size-ignored", so_is_a_size);
	g_test_add("/hdm-regs/move/fails", Fixture, GINT_TO_POINTER(false), set_up,
		   what_fails_leaves_nothing_behind, tear_down);
	g_test_add("/hdm-regs/move/fails-late", Fixture, GINT_TO_POINTER(true), set_up,
		   what_fails_leaves_nothing_behind, tear_down);
	ADD("move/lost", a_device_that_is_lost_is_given_up);
	ADD("check/accepted", what_is_read_is_judged);
	ADD("check/many", more_than_one_decoder_is_not_read);
	ADD("check/uncommitted", what_nobody_committed_may_have_any_size);
	ADD("check/error", a_failed_read_reads_nothing);
	return g_test_run();
}
