/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CXL device that is passed through, and a device here that can be wrong in every way: which is
 * refused, what accesses it sees, and what the guest sees. In shape A it emulates its registers, from
 * the capability array on; in shape B it has the decoders alone and absorbs what is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "vfio/cxl.h"

#define UNIT       0x10000000ull
#define MEMORY     (2 * UNIT)
#define BASE       0x890000000ull
#define HOST_BASE  0x20a0000000ull
#define HDM_A      0x40u /* of the decoders in A's region */
#define BLOCK      0x20000u
#define CONFIG_LEN 0x400u

enum { MEM = 9, REGS = 10, N_REGIONS = 11 };

typedef struct {
	CxbVfioDevice dev; /* first */
	bool absorbs;
	unsigned mem_index, regs_index;
	CxbVfioRegion mem, regs;
	uint32_t val[0x100];
	uint8_t config[CONFIG_LEN];
	uint64_t bars[CXB_VFIO_ROM];
	GString *log;
	unsigned accesses, fail_at, error; /* of registers */
	bool stuck;                        /* base cannot be written */
	char *told;
	unsigned tolds;
	CxbVfioCxl *cxl;
} Fake;

static unsigned hdm(const Fake *f)
{
	return f->absorbs ? 0 : HDM_A;
}

static uint32_t *reg(Fake *f, unsigned off)
{
	return &f->val[(hdm(f) + off) / 4];
}

static bool fake_region(CxbVfioDevice *dev, unsigned index, CxbVfioRegion *out, GError **errp)
{
	const Fake *f = (Fake *)dev;

	*out = (CxbVfioRegion){ .fd = -1 };
	if (index == f->mem_index)
		*out = f->mem;
	else if (index == f->regs_index)
		*out = f->regs;
	if (out->fd >= 0)
		out->fd = fcntl(out->fd, F_DUPFD_CLOEXEC, 0);
	out->caps.areas = g_memdup2(out->caps.areas, out->caps.n_areas * sizeof(CxbVfioArea));
	return true;
}

static int next_access(Fake *f)
{
	return ++f->accesses == f->fail_at ? (int)f->error : 0;
}

static int fake_read(CxbVfioDevice *dev, unsigned region, uint64_t off, void *buf, size_t len)
{
	Fake *f = (Fake *)dev;
	const int err = next_access(f);

	g_assert_cmpuint(region, ==, f->regs_index);
	g_assert_cmpuint(len, ==, 4);
	g_assert_cmphex(off % 4, ==, 0);
	g_string_append_printf(f->log, "r%x ", (unsigned)off);
	if (err)
		return err;
	g_assert_cmphex(off, <, sizeof(f->val));
	le_store(buf, 4, f->val[off / 4]);
	return 0;
}

static void emulate(Fake *f, unsigned in, uint32_t val)
{
	uint32_t *ctrl = reg(f, 0x20);

	if (in == 0x20 && (*ctrl & 0x100)) {
		*ctrl = val & 0x100 ? *ctrl : *ctrl & ~0x100u;
	} else if (in == 0x20) {
		*ctrl = (val & ~0x400u) | (val & 0x200) << 1;
	} else if (in >= 0x10 && in < 0x20 && !(*ctrl & 0x100) && !(f->stuck && in < 0x18)) {
		*reg(f, in) = val;
	}
}

static int fake_write(CxbVfioDevice *dev, unsigned region, uint64_t off, const void *buf,
		      size_t len)
{
	Fake *f = (Fake *)dev;
	const int err = next_access(f);

	g_assert_cmpuint(region, ==, f->regs_index);
	g_assert_cmpuint(len, ==, 4);
	g_string_append_printf(f->log, "w%x=%x ", (unsigned)off, (uint32_t)le_load(buf, 4));
	if (!err && !f->absorbs)
		emulate(f, off - hdm(f), le_load(buf, 4));
	return err;
}

static const CxbVfioOps fake_ops = {
	.region = fake_region,
	.read = fake_read,
	.write = fake_write,
};

static void tell(void *opaque, const char *text)
{
	Fake *f = opaque;

	g_free(f->told);
	f->told = g_strdup(text);
	f->tolds++;
}

/* Device DVSEC of a Type 2 (cache, mem, one decoder), locator: component registers in BAR 2. */
static void make_config(Fake *f)
{
	uint8_t *c = f->config;

	le_store(c + 0x100, 4, 0x14000000u | 0x10023);
	le_store(c + 0x104, 4, 0x1e98 | 0x3cu << 20);
	le_store(c + 0x10a, 2, 0x57);
	le_store(c + 0x140, 4, 0x10023);
	le_store(c + 0x144, 4, 0x1e98 | 0x14u << 20);
	le_store(c + 0x148, 2, 8);
	le_store(c + 0x14c, 4, BLOCK | 0x102);
}

/* As the shape has it after a reset. */
static void after_reset(Fake *f)
{
	*reg(f, 0x04) = 2;
	*reg(f, 0x10) = f->absorbs ? (uint32_t)HOST_BASE : 0;
	*reg(f, 0x14) = f->absorbs ? HOST_BASE >> 32 : 0;
	*reg(f, 0x18) = MEMORY;
	*reg(f, 0x1c) = 0;
	*reg(f, 0x20) = f->absorbs ? 0x700 : 0x600;
}

static void set_up(Fake *f, gconstpointer absorbs)
{
	const uint32_t rw = CXB_VFIO_REGION_READ | CXB_VFIO_REGION_WRITE;

	f->absorbs = GPOINTER_TO_INT(absorbs);
	f->dev = (CxbVfioDevice){
		.ops = &fake_ops,
		.info = { CXB_VFIO_DEVICE_PCI | CXB_VFIO_DEVICE_CXL, N_REGIONS, 5 },
	};
	f->mem_index = MEM;
	f->regs_index = REGS;
	f->error = EIO;
	f->bars[2] = 0x40000;
	f->log = g_string_new(NULL);
	f->mem = (CxbVfioRegion){
		.size = MEMORY,
		.flags = rw | CXB_VFIO_REGION_MMAP | CXB_VFIO_REGION_CAPS,
		.caps = { .typed = true, .type = 0x80001e98, .subtype = 1 },
		.fd = memfd_create("memory", MFD_CLOEXEC),
	};
	g_assert_cmpint(ftruncate(f->mem.fd, MEMORY), ==, 0);
	f->regs = (CxbVfioRegion){
		.size = hdm(f) + 0x30,
		.flags = rw | CXB_VFIO_REGION_CAPS,
		.caps = { .typed = true, .type = 0x80001e98, .subtype = 2 },
		.fd = -1,
	};
	if (f->absorbs) {
		f->regs.caps.comp_regs = true;
		f->regs.caps.comp_bar = 2;
		f->regs.caps.comp_off = BLOCK + 0x1000 + 0x140;
	} else {
		f->val[0] = 0x02110001;
		f->val[1] = 0x10020002;
		f->val[2] = HDM_A << 20 | 0x10005;
	}
	make_config(f);
	after_reset(f);
}

static void tear_down(Fake *f, gconstpointer absorbs)
{
	cxb_vfio_cxl_free(f->cxl);
	close(f->mem.fd);
	g_string_free(f->log, TRUE);
	g_free(f->told);
}

static bool try_open(Fake *f, GError **errp)
{
	g_string_truncate(f->log, 0);
	f->accesses = 0;
	return cxb_vfio_cxl_open(&f->dev, f->config, CONFIG_LEN, f->bars, tell, f, &f->cxl, errp);
}

static void open_it(Fake *f)
{
	GError *err = NULL;
	const bool ok = try_open(f, &err);

	g_assert_no_error(err);
	g_assert_true(ok);
	g_assert_nonnull(f->cxl);
}

static void refused(Fake *f, const char *text)
{
	GError *err = NULL;

	g_assert_false(try_open(f, &err));
	g_assert_cmpstr(err->message, ==, text);
	g_assert_null(f->cxl);
	g_clear_error(&err);
}

static bool try_start(Fake *f, bool *unlocked, GError **errp)
{
	g_string_truncate(f->log, 0);
	f->accesses = 0;
	return cxb_vfio_cxl_start(f->cxl, BASE, unlocked, errp);
}

static void start_it(Fake *f)
{
	GError *err = NULL;
	bool unlocked;
	const bool ok = try_start(f, &unlocked, &err);

	g_assert_no_error(err);
	g_assert_true(ok);
	g_assert_false(unlocked);
}

static bool is_at(const Fake *f, uint64_t want, uint64_t want_size)
{
	uint64_t base, size;

	return cxb_vfio_cxl_range(f->cxl, &base, &size) && base == want && size == want_size;
}

static bool is_nowhere(const Fake *f)
{
	uint64_t base, size;

	return !cxb_vfio_cxl_range(f->cxl, &base, &size);
}

static uint32_t guest_reads(Fake *f, unsigned in)
{
	uint64_t val;

	g_assert_cmpint(cxb_vfio_cxl_read(f->cxl, hdm(f) + in, 4, &val), ==, 0);
	return val;
}

static bool guest_writes(Fake *f, unsigned in, uint32_t val)
{
	bool moved = false;

	g_assert_cmpint(cxb_vfio_cxl_write(f->cxl, hdm(f) + in, 4, val, &moved), ==, 0);
	return moved;
}

/* --- what it is --- */

static void a_device_without_the_flag_is_none(Fake *f, gconstpointer absorbs)
{
	f->dev.info.flags = CXB_VFIO_DEVICE_PCI;
	g_assert_true(try_open(f, NULL));
	g_assert_null(f->cxl);
	g_assert_cmpstr(f->log->str, ==, "");
}

static void its_parts_are_found(Fake *f, gconstpointer absorbs)
{
	open_it(f);
	g_assert_cmpint(f->cxl->policy, ==,
			f->absorbs ? CXB_VFIO_CXL_ABSORBED : CXB_VFIO_CXL_EMULATED);
	g_assert_cmpuint(f->cxl->bar, ==, 2);
	g_assert_cmphex(f->cxl->bar_off, ==, BLOCK + (f->absorbs ? 0x1140 : 0x1000));
	g_assert_cmphex(f->cxl->len, ==, f->absorbs ? 0x30 : HDM_A + 0x30);
	g_assert_cmphex(f->cxl->memory.size, ==, MEMORY);
	g_assert_cmpint(f->cxl->memory.fd, >=, 0);
	g_assert_true(f->cxl->committed);
	g_assert_true(is_nowhere(f));
	g_assert_cmpstr(f->log->str, ==,
			f->absorbs ? "r0 r4 r20 r10 r14 r18 r1c "
				   : "r0 r4 r8 r40 r40 r44 r60 r50 r54 r58 r5c ");
}

static void numbers_of_regions_mean_nothing(Fake *f, gconstpointer absorbs)
{
	f->mem_index = 200;
	f->regs_index = 9;
	f->dev.info.n_regions = 256;
	open_it(f);
	start_it(f);
	g_assert_true(is_at(f, BASE, MEMORY));
}

static void regions_of_other_kinds_are_left_out(Fake *f, gconstpointer absorbs)
{
	f->mem.caps.type = 0x80008086;
	refused(f, "CXL device has no region of device memory among its 11");
	f->mem.caps.type = 0x80001e98;
	f->mem.caps.subtype = 3;
	refused(f, "CXL device has no region of device memory among its 11");
	f->mem.caps.subtype = 1;
	f->regs.caps.typed = false;
	refused(f, "CXL device has no region of component registers among its 11");
	f->regs.caps.typed = true;
	f->dev.info.n_regions = 9;
	refused(f, "CXL device has no region of device memory among its 9");
	f->dev.info.n_regions = 11;
	f->regs.caps.subtype = 1;
	refused(f, "region 10 is a second one of device memory");
}

static void the_flag_wants_a_dvsec(Fake *f, gconstpointer absorbs)
{
	le_store(f->config + 0x10a, 2, 0x53);
	refused(f, "CXL device has no memory: capability is 0x0053");
	le_store(f->config + 0x100, 4, 0);
	refused(f, "device says that it is a CXL device and has no CXL device DVSEC");
	le_store(f->config + 0x100, 4, 0x10000000u | 0x10023);
	refused(f, "list of extended capabilities comes back to 0x100");
}

static void memory_is_refused_unless_all_of_it_can_be_mapped(Fake *f, gconstpointer absorbs)
{
	CxbVfioArea half = { 0, UNIT };
	const CxbVfioRegion good = f->mem;

	f->mem.flags &= ~CXB_VFIO_REGION_MMAP;
	refused(f, "device memory of 0x20000000 bytes cannot be mapped as a whole");
	f->mem = good;
	f->mem.fd = -1;
	refused(f, "device memory of 0x20000000 bytes cannot be mapped as a whole");
	f->mem = good;
	f->mem.caps.sparse = true;
	refused(f, "device memory of 0x20000000 bytes cannot be mapped as a whole");
	f->mem.caps.areas = &half;
	f->mem.caps.n_areas = 1;
	refused(f, "device memory of 0x20000000 bytes cannot be mapped as a whole");
	half.len = MEMORY;
	open_it(f);
	g_clear_pointer(&f->cxl, cxb_vfio_cxl_free);
	f->mem = good;
	f->mem.flags &= ~CXB_VFIO_REGION_WRITE;
	refused(f, "device memory cannot be read and written");
	f->mem = good;
	f->mem.size = 0;
	refused(f, "device memory is empty");
	f->mem.size = MEMORY + UNIT; /* more than the file has */
	g_assert_false(try_open(f, NULL));
	f->mem.size = UNIT / 2;
	refused(f, "device memory of 0x8000000 bytes is not a multiple of 256 MiB");
	f->mem.size = UNIT;
	refused(f, "HDM decoder 0 decodes 0x20000000 bytes of 0x10000000 of device memory");
	f->mem = good;
}

static void a_decoder_that_cannot_be_passed_through_is_refused(Fake *f, gconstpointer absorbs)
{
	*reg(f, 0x20) = 0x610;
	refused(f, "HDM decoder 0 is interleaved: only one way is supported");
	*reg(f, 0x20) = 0xa00;
	refused(f, "HDM decoder 0 could not be committed: its error bit is set");
	after_reset(f);
	*reg(f, 0x00) = 1;
	f->regs.size = hdm(f) + 0x50;
	refused(f, "device has 2 HDM decoders: only one is supported");
	*reg(f, 0x00) = 0;
	f->regs.flags &= ~CXB_VFIO_REGION_WRITE;
	refused(f, "component registers cannot be read and written");
}

static void registers_lie_in_their_bar(Fake *f, gconstpointer absorbs)
{
	f->bars[2] = BLOCK + 0x1000;
	g_assert_false(try_open(f, NULL));
	f->bars[2] = 0;
	g_assert_false(try_open(f, NULL));
	f->bars[2] = f->absorbs ? BLOCK + 0x1170 : BLOCK + 0x1000 + HDM_A + 0x30;
	open_it(f);
}

static void decoders_are_where_the_locator_says(Fake *f, gconstpointer absorbs)
{
	f->regs.caps.comp_bar = 3;
	refused(f, "decoders at 0x21140 of BAR 3 are not among the component registers at 0x20000 "
		   "of BAR 2");
	f->regs.caps.comp_bar = 2;
	f->regs.caps.comp_off = BLOCK + 0xff0;
	refused(f, "decoders at 0x20ff0 of BAR 2 are not among the component registers at 0x20000 "
		   "of BAR 2");
	f->regs.caps.comp_off = BLOCK + 0x1fe0;
	refused(f, "decoders at 0x21fe0 of BAR 2 are not among the component registers at 0x20000 "
		   "of BAR 2");
	f->regs.caps.comp_off = UINT64_MAX - 3;
	refused(f, "decoders at 0xfffffffffffffffc of BAR 2 are not among the component registers "
		   "at 0x20000 of BAR 2");
	f->regs.caps.comp_off = BLOCK + 0x1142;
	refused(f, "decoders at 0x21142 of BAR 2 are not among the component registers at 0x20000 "
		   "of BAR 2");
	f->regs.caps.comp_off = BLOCK + 0x1140;
	f->regs.size = 0x2c;
	refused(f, "region of 0x2c bytes has no room for a decoder");
}

static void a_bad_array_is_refused(Fake *f, gconstpointer absorbs)
{
	f->val[0] = 0xff110001;
	refused(f, "capability array of 255 entries runs past the end: 0x70");
	f->val[0] = 0x02110003;
	refused(f, "capability array has id 0x3, not 1");
	f->val[0] = 0x01110001;
	refused(f, "capability array of 1 entries has no HDM decoder capability");
	/* A block at the end of all addresses. */
	f->val[0] = 0x02110001;
	le_store(f->config + 0x14c, 4, 0xffff0102);
	le_store(f->config + 0x150, 4, UINT32_MAX);
	refused(f, "component registers at 0xffffffffffff1000 do not fit BAR 2 of 0x40000 bytes");
}

static void a_failed_look_opens_nothing(Fake *f, gconstpointer absorbs)
{
	const unsigned all = f->absorbs ? 7 : 11;

	for (f->fail_at = 1; f->fail_at <= all; f->fail_at++) {
		GError *err = NULL;

		g_assert_false(try_open(f, &err));
		g_assert_true(g_str_has_suffix(err->message, ": Input/output error"));
		g_assert_cmpuint(f->accesses, ==, f->fail_at);
		g_assert_null(f->cxl);
		g_clear_error(&err);
	}
	open_it(f);
}

/* --- where it is --- */

static void firmware_has_committed_it(Fake *f, gconstpointer absorbs)
{
	open_it(f);
	start_it(f);
	g_assert_true(is_at(f, BASE, MEMORY));
	g_assert_cmphex(guest_reads(f, 0x10), ==, 0x90000000);
	g_assert_cmphex(guest_reads(f, 0x14), ==, 0x8);
	g_assert_cmphex(guest_reads(f, 0x18), ==, MEMORY);
	g_assert_cmphex(guest_reads(f, 0x20), ==, 0x700);
}

static void the_device_sees_just_these_accesses(Fake *f, gconstpointer absorbs)
{
	open_it(f);
	start_it(f);
	/* Looked at, moved, read back: by the guest's eyes where writes are absorbed. */
	g_assert_cmpstr(f->log->str, ==,
			f->absorbs ? "r0 r4 r20 r10 r14 r18 r1c r20 r10 r14 r18 r1c "
				     "r20 r10 r14 r18 r1c "
				   : "r40 r44 r60 r50 r54 r58 r5c r60 r50 r54 r58 r5c "
				     "w50=90000000 w54=8 w58=20000000 w5c=0 w60=700 "
				     "r60 r50 r54 r58 r5c ");
}

static void a_lock_that_is_left_is_told_of(Fake *f, gconstpointer absorbs)
{
	bool unlocked = false;

	*reg(f, 0x20) = 0x700;
	open_it(f);
	g_assert_true(try_start(f, &unlocked, NULL));
	g_assert_true(unlocked);
	g_assert_nonnull(strstr(f->log->str, " w60=600 w50=90000000 w54=8 w58=20000000 w5c=0 "
					     "w60=700 "));
	g_assert_true(is_at(f, BASE, MEMORY));
}

static void a_base_that_does_not_stay_is_refused(Fake *f, gconstpointer absorbs)
{
	bool unlocked;
	GError *err = NULL;

	open_it(f);
	f->stuck = true;
	g_assert_false(try_start(f, &unlocked, &err));
	g_assert_cmpstr(err->message, ==,
			"HDM decoder 0 did not take its base: 0x890000000 was written, 0x0 is "
			"read");
	g_assert_true(is_nowhere(f));
	g_clear_error(&err);
}

/* Each access in turn: nothing is where it is not, and a device that can be again is. */
static void a_failed_start_leaves_it_nowhere(Fake *f, gconstpointer absorbs)
{
	const unsigned all = f->absorbs ? 17 : 22;

	open_it(f);
	for (f->fail_at = 1; f->fail_at <= all; f->fail_at++) {
		bool unlocked;

		after_reset(f);
		g_assert_false(try_start(f, &unlocked, NULL));
		g_assert_true(is_nowhere(f));
	}
	after_reset(f);
	start_it(f);
	g_assert_true(is_at(f, BASE, MEMORY));
}

static void a_reset_is_followed_by_another_start(Fake *f, gconstpointer absorbs)
{
	open_it(f);
	for (unsigned i = 0; i < 3; i++) {
		start_it(f);
		g_assert_true(is_at(f, BASE, MEMORY));
		guest_writes(f, 0x20, 0x600);
		guest_writes(f, 0x20, 0x000);
		g_assert_true(is_nowhere(f));
		cxb_vfio_cxl_stop(f->cxl);
		g_assert_true(is_nowhere(f));
		after_reset(f);
	}
}

static void stopped_it_is_nowhere(Fake *f, gconstpointer absorbs)
{
	open_it(f);
	start_it(f);
	cxb_vfio_cxl_stop(f->cxl);
	g_assert_true(is_nowhere(f));
}

static void one_that_is_no_longer_what_it_was_is_refused(Fake *f, gconstpointer absorbs)
{
	bool unlocked;
	GError *err = NULL;

	open_it(f);
	*reg(f, 0x20) = 0;
	g_assert_false(try_start(f, &unlocked, &err));
	g_assert_cmpstr(err->message, ==, "HDM decoder 0 is no longer committed");
	g_clear_error(&err);
	after_reset(f);
	*reg(f, 0x18) = UNIT;
	g_assert_false(try_start(f, &unlocked, &err));
	g_assert_cmpstr(err->message, ==,
			"HDM decoder 0 decodes 0x10000000 bytes of 0x20000000 of device memory");
	g_clear_error(&err);
	g_assert_true(is_nowhere(f));
}

static void what_firmware_left_the_guest_commits(Fake *f, gconstpointer absorbs)
{
	*reg(f, 0x20) = 0;
	*reg(f, 0x18) = 0;
	open_it(f);
	g_assert_false(f->cxl->committed);
	start_it(f);
	g_assert_null(strchr(f->log->str, 'w'));
	g_assert_true(is_nowhere(f));
	g_assert_false(guest_writes(f, 0x10, 0xa0000000));
	g_assert_false(guest_writes(f, 0x14, 0x1));
	g_assert_false(guest_writes(f, 0x18, UNIT));
	g_assert_false(guest_writes(f, 0x1c, 0));
	g_assert_true(guest_writes(f, 0x20, 0x200));
	g_assert_true(is_at(f, 0x1a0000000, UNIT));
	g_assert_cmphex(guest_reads(f, 0x20), ==, 0x600);
	/* More than there is: what there is. */
	guest_writes(f, 0x1c, 1);
	g_assert_true(guest_writes(f, 0x20, 0x300));
	g_assert_true(is_at(f, 0x1a0000000, MEMORY));
	g_assert_false(guest_writes(f, 0x20, 0x100));
	g_assert_false(guest_writes(f, 0x10, 0));
	g_assert_true(is_at(f, 0x1a0000000, MEMORY));
	/* Whatever of it the device still has after a reset that it does not offer. */
	start_it(f);
	g_assert_true(is_nowhere(f));
}

/* --- the guest's accesses --- */

static void the_device_sees_what_a_guest_does(Fake *f, gconstpointer absorbs)
{
	open_it(f);
	start_it(f);
	g_string_truncate(f->log, 0);
	*reg(f, 0x2c) = 0x12345678;
	g_assert_cmphex(guest_reads(f, 0x2c), ==, 0x12345678);
	guest_writes(f, 0x04, 0);
	g_assert_cmphex(guest_reads(f, 0x04), ==, 0);
	g_assert_cmpstr(f->log->str, ==, f->absorbs ? "r2c r4 " : "r6c w44=0 r44 ");
	/* The host's base is nobody's business. */
	*reg(f, 0x10) = 0xe0000000;
	*reg(f, 0x14) = 0x7e;
	g_assert_cmphex(guest_reads(f, 0x10), ==, 0x90000000);
	g_assert_cmphex(guest_reads(f, 0x14), ==, 0x8);
}

static void the_array_is_the_devices(Fake *f, gconstpointer absorbs)
{
	uint64_t val;
	bool moved = false;

	open_it(f);
	start_it(f);
	g_assert_cmpint(cxb_vfio_cxl_read(f->cxl, 0, 4, &val), ==, 0);
	g_assert_cmphex(val, ==, 0x02110001);
	g_assert_cmpint(cxb_vfio_cxl_write(f->cxl, 8, 4, 0, &moved), ==, 0);
	g_assert_false(moved);
	g_assert_true(is_at(f, BASE, MEMORY));
}

static void registers_are_32_bits_wide(Fake *f, gconstpointer absorbs)
{
	static const struct {
		unsigned off, size;
	} bad[] = { { 0x20, 1 }, { 0x21, 1 }, { 0x20, 2 }, { 0x22, 2 }, { 0x22, 4 },
		    { 0x1c, 8 }, { 0x2e, 4 }, { 0x30, 4 }, { 0x2c, 8 } };
	uint64_t val;
	bool moved = false;

	open_it(f);
	start_it(f);
	g_string_truncate(f->log, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		const unsigned off = hdm(f) + bad[i].off, size = bad[i].size;

		g_assert_cmpint(cxb_vfio_cxl_read(f->cxl, off, size, &val), ==, EINVAL);
		g_assert_cmphex(val, ==, UINT64_MAX >> (64 - 8 * size));
		g_assert_cmpint(cxb_vfio_cxl_write(f->cxl, off, size, 0, &moved), ==, EINVAL);
	}
	g_assert_cmpint(cxb_vfio_cxl_read(f->cxl, UINT64_MAX - 3, 4, &val), ==, EINVAL);
	g_assert_cmpstr(f->log->str, ==, "");
	g_assert_cmpuint(f->tolds, ==, 0);
	g_assert_false(moved);

	g_assert_cmpint(cxb_vfio_cxl_read(f->cxl, hdm(f) + 0x10, 8, &val), ==, 0);
	g_assert_cmphex(val, ==, BASE);
	g_assert_cmpstr(f->log->str, ==, f->absorbs ? "r10 r14 " : "r50 r54 ");
	guest_writes(f, 0x20, 0x600);
	g_assert_cmpint(cxb_vfio_cxl_write(f->cxl, hdm(f) + 0x10, 8, 0x1d0000000, &moved), ==, 0);
	g_assert_true(guest_writes(f, 0x20, 0x600));
	g_assert_true(is_at(f, 0x1d0000000, MEMORY));
}

static void a_failure_is_all_ones_and_told_once(Fake *f, gconstpointer absorbs)
{
	uint64_t val;

	open_it(f);
	start_it(f);
	f->accesses = 0;
	for (unsigned i = 1; i <= 3; i++) {
		f->fail_at = i;
		g_assert_cmpint(cxb_vfio_cxl_read(f->cxl, hdm(f) + 0x10, 4, &val), ==, EIO);
		g_assert_cmphex(val, ==, 0xffffffff);
		g_assert_cmpuint(f->tolds, ==, 1);
	}
	g_assert_cmpstr(f->told, ==,
			f->absorbs ? "component register 0x10 cannot be read: Input/output error"
				   : "component register 0x50 cannot be read: Input/output error");
	guest_reads(f, 0x10);
	/* The second half of one. */
	f->fail_at = f->accesses + 2;
	g_assert_cmpint(cxb_vfio_cxl_read(f->cxl, hdm(f) + 0x10, 8, &val), ==, EIO);
	g_assert_cmphex(val, ==, UINT64_MAX);
	g_assert_cmpuint(f->tolds, ==, 2);
	g_assert_true(is_at(f, BASE, MEMORY));
}

static void a_write_that_fails_moves_nothing(Fake *f, gconstpointer absorbs)
{
	bool moved = false;

	open_it(f);
	start_it(f);
	guest_writes(f, 0x20, 0x600);
	f->fail_at = f->accesses + 1;
	g_assert_cmpint(cxb_vfio_cxl_write(f->cxl, HDM_A + 0x20, 4, 0, &moved), ==, EIO);
	g_assert_false(moved);
	g_assert_true(is_at(f, BASE, MEMORY));
	g_assert_cmpstr(f->told, ==,
			"component register 0x60 cannot be written: Input/output error");
}

static void a_lost_device_was_told_of(Fake *f, gconstpointer absorbs)
{
	bool unlocked, moved = false;
	uint64_t val;

	open_it(f);
	start_it(f);
	f->dev.lost = true;
	g_string_truncate(f->log, 0);
	g_assert_cmpint(cxb_vfio_cxl_read(f->cxl, hdm(f) + 0x10, 4, &val), ==, ENODEV);
	g_assert_cmphex(val, ==, 0xffffffff);
	g_assert_false(cxb_vfio_cxl_start(f->cxl, BASE, &unlocked, NULL));
	g_assert_cmpint(cxb_vfio_cxl_write(f->cxl, hdm(f) + 0x20, 4, 0x200, &moved), ==, ENODEV);
	g_assert_false(moved);
	g_assert_cmpuint(f->tolds, ==, 0);
	g_assert_true(is_nowhere(f));
	g_assert_cmpstr(f->log->str, ==, "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define A(path, fn) \
	g_test_add("/vfio-cxl/emulated/" path, Fake, GINT_TO_POINTER(0), set_up, fn, tear_down)
#define B(path, fn) \
	g_test_add("/vfio-cxl/absorbed/" path, Fake, GINT_TO_POINTER(1), set_up, fn, tear_down)
#define BOTH(path, fn) \
	A(path, fn);   \
	B(path, fn)
	BOTH("open/flag", a_device_without_the_flag_is_none);
	BOTH("open/parts", its_parts_are_found);
	BOTH("open/numbers", numbers_of_regions_mean_nothing);
	BOTH("open/kinds", regions_of_other_kinds_are_left_out);
	BOTH("open/dvsec", the_flag_wants_a_dvsec);
	BOTH("open/memory", memory_is_refused_unless_all_of_it_can_be_mapped);
	BOTH("open/decoder", a_decoder_that_cannot_be_passed_through_is_refused);
	BOTH("open/bar", registers_lie_in_their_bar);
	B("open/place", decoders_are_where_the_locator_says);
	A("open/array", a_bad_array_is_refused);
	BOTH("open/fails", a_failed_look_opens_nothing);
	BOTH("start/committed", firmware_has_committed_it);
	BOTH("start/accesses", the_device_sees_just_these_accesses);
	A("start/lock", a_lock_that_is_left_is_told_of);
	A("start/stuck", a_base_that_does_not_stay_is_refused);
	BOTH("start/fails", a_failed_start_leaves_it_nowhere);
	BOTH("start/again", a_reset_is_followed_by_another_start);
	BOTH("start/stop", stopped_it_is_nowhere);
	BOTH("start/changed", one_that_is_no_longer_what_it_was_is_refused);
	BOTH("start/uncommitted", what_firmware_left_the_guest_commits);
	BOTH("guest/accesses", the_device_sees_what_a_guest_does);
	A("guest/array", the_array_is_the_devices);
	BOTH("guest/width", registers_are_32_bits_wide);
	BOTH("guest/fails", a_failure_is_all_ones_and_told_once);
	A("guest/write-fails", a_write_that_fails_moves_nothing);
	BOTH("guest/lost", a_lost_device_was_told_of);
	return g_test_run();
}
