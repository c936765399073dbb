/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of an accelerator without a device around it: docs/cxl-type2.md, register by register. */
#include "base/bytes.h"
#include "base/crc32c.h"
#include "memory/hostmem.h"
#include "type2_engine.h"

#define SIZE  (4u << 20)
#define ROUND 400

typedef struct {
	CxbQom *qom;
	CxbHostMemPool *pool;
	CxbHostMem *mem;
	uint8_t *bytes; /* of it */
	Type2Engine e;
	unsigned begun, ended;
	bool again; /* ring the doorbell as soon as a command has ended */
} Rig;

static void begun(void *opaque)
{
	((Rig *)opaque)->begun++;
}

static void ended(void *opaque)
{
	Rig *r = opaque;

	r->ended++;
	if (r->again)
		cxb_type2_engine_write(&r->e, TYPE2_ENGINE_DOORBELL, 4, 1);
}

static void setup(Rig *r, gconstpointer unused)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts = NULL;
	g_autofree char *text = g_strdup_printf("memory-backend-ram,id=m,size=%u", SIZE);
	Type2EngineConfig config = { .vectors = 4, .name = "t2", .begun = begun, .ended = ended };

	*r = (Rig){ .qom = cxb_qom_new() };
	r->pool = cxb_hostmem_pool_new(r->qom);
	opts = cxb_opts_parse(text, "qom-type", false, &err);
	r->mem = cxb_hostmem_from_object(cxb_user_object_add(r->qom, opts, &err));
	g_assert_no_error(err);
	r->bytes = cxb_hostmem_ptr(r->mem);
	config.mem = r->mem;
	config.opaque = r;
	cxb_type2_engine_init(&r->e, &config);
}

static void teardown(Rig *r, gconstpointer unused)
{
	cxb_type2_engine_fini(&r->e);
	cxb_qom_free(r->qom);
	cxb_hostmem_pool_free(r->pool);
}

static uint64_t rd(Rig *r, unsigned reg, unsigned size)
{
	return cxb_type2_engine_read(&r->e, reg, size);
}

static void wr(Rig *r, unsigned reg, unsigned size, uint64_t val)
{
	cxb_type2_engine_write(&r->e, reg, size, val);
}

static void command(Rig *r, uint32_t which, uint64_t src, uint64_t dst, uint64_t len)
{
	wr(r, TYPE2_ENGINE_COMMAND, 4, which);
	wr(r, TYPE2_ENGINE_SRC, 8, src);
	wr(r, TYPE2_ENGINE_DST, 8, dst);
	wr(r, TYPE2_ENGINE_LEN, 8, len);
	wr(r, TYPE2_ENGINE_DOORBELL, 4, 1);
}

static void finish(Rig *r)
{
	while (cxb_type2_engine_busy(&r->e))
		cxb_type2_engine_work(&r->e);
}

static void scribble(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i += 4)
		le_store(p + i, MIN(4, len - i), g_test_rand_int());
}

/* --- registers --- */

static void registers_begin_as_documented(Rig *r, gconstpointer unused)
{
	for (unsigned reg = 0; reg < 0x1000; reg += 4)
		g_assert_cmphex(rd(r, reg, 4), ==,
				reg == TYPE2_ENGINE_ID        ? 0x45425843
				: reg == TYPE2_ENGINE_VERSION ? 0x00010000
				: reg == TYPE2_ENGINE_MEMORY  ? SIZE
							      : 0);
	g_assert_cmphex(rd(r, TYPE2_ENGINE_ID, 8), ==, 0x0001000045425843);
}

static void what_can_be_written_reads_back(Rig *r, gconstpointer unused)
{
	static const struct {
		unsigned reg;
		uint32_t bits;
	} rows[] = {
		{ TYPE2_ENGINE_COMMAND, UINT32_MAX }, { TYPE2_ENGINE_INTERRUPT, 0x80000003 },
		{ TYPE2_ENGINE_SRC, UINT32_MAX },     { TYPE2_ENGINE_SRC + 4, UINT32_MAX },
		{ TYPE2_ENGINE_DST, UINT32_MAX },     { TYPE2_ENGINE_DST + 4, UINT32_MAX },
		{ TYPE2_ENGINE_LEN, UINT32_MAX },     { TYPE2_ENGINE_LEN + 4, UINT32_MAX },
		{ TYPE2_ENGINE_PATTERN, UINT32_MAX }, { TYPE2_ENGINE_PATTERN + 4, UINT32_MAX },
	};

	/* By both widths; the two that start something are not among them. */
	for (unsigned size = 4; size <= 8; size += 4) {
		for (unsigned reg = 0; reg < 0x1000; reg += size)
			if (reg + size <= TYPE2_ENGINE_STATUS || reg >= TYPE2_ENGINE_END)
				wr(r, reg, size, UINT64_MAX);
		for (unsigned reg = TYPE2_ENGINE_COMMAND; reg < 0x1000; reg += 4) {
			uint32_t want = 0;

			for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
				want |= rows[i].reg == reg ? rows[i].bits : 0;
			g_assert_cmphex(rd(r, reg, 4), ==, want);
		}
		g_assert_cmphex(rd(r, TYPE2_ENGINE_ID, 8), ==, 0x0001000045425843);
		cxb_type2_engine_reset(&r->e);
	}
	wr(r, TYPE2_ENGINE_DOORBELL, 4, ~1u);
	wr(r, TYPE2_ENGINE_ABORT, 4, ~1u);
	g_assert_cmpuint(r->ended, ==, 0);
}

static void parameters_are_kept_while_it_works(Rig *r, gconstpointer unused)
{
	command(r, TYPE2_FILL, 1, 2, 3u << 20);
	for (unsigned reg = 0; reg < 0x1000; reg += 8)
		if (reg != (TYPE2_ENGINE_ABORT & ~7u))
			wr(r, reg, 8, UINT64_MAX); /* the doorbell, too */
	g_assert_cmphex(rd(r, TYPE2_ENGINE_COMMAND, 8), ==, TYPE2_FILL);
	g_assert_cmphex(rd(r, TYPE2_ENGINE_SRC, 8), ==, 1);
	g_assert_cmphex(rd(r, TYPE2_ENGINE_DST, 8), ==, 2);
	g_assert_cmphex(rd(r, TYPE2_ENGINE_LEN, 8), ==, 3u << 20);
	g_assert_cmphex(rd(r, TYPE2_ENGINE_PATTERN, 8), ==, 0);
	finish(r);
	g_assert_cmpuint(r->begun, ==, 1);
	g_assert_cmpuint(r->ended, ==, 1);
}

/* --- commands --- */

static void one_round(Rig *r, uint8_t *model)
{
	const uint32_t which = g_test_rand_int_range(TYPE2_FILL, TYPE2_CHECKSUM + 1);
	const bool large = !g_test_rand_int_range(0, 8);
	const uint64_t len = g_test_rand_int_range(1, large ? SIZE : 200000);
	const uint64_t src = g_test_rand_int_range(0, SIZE - len + 1);
	/* Half of the copies overlap. */
	const int64_t beside = (int64_t)src + g_test_rand_int_range(-100000, 100000);
	const uint64_t near = CLAMP(beside, 0, (int64_t)(SIZE - len));
	const uint64_t dst = g_test_rand_bit() ? near : g_test_rand_int_range(0, SIZE - len + 1);
	const uint64_t pattern = (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
	const uint64_t result = rd(r, TYPE2_ENGINE_RESULT, 8);

	wr(r, TYPE2_ENGINE_PATTERN, 8, pattern);
	command(r, which, src, dst, len);
	g_assert_cmphex(rd(r, TYPE2_ENGINE_STATUS, 4), ==, TYPE2_STATUS_BUSY);
	finish(r);
	g_assert_cmphex(rd(r, TYPE2_ENGINE_STATUS, 4), ==, TYPE2_STATUS_DONE);
	g_assert_cmphex(rd(r, TYPE2_ENGINE_PROGRESS, 8), ==, len);
	if (which == TYPE2_COPY)
		memmove(model + dst, model + src, len);
	for (uint64_t i = 0; which == TYPE2_FILL && i < len; i++)
		model[dst + i] = pattern >> (8 * (i % 8));
	g_assert_cmphex(rd(r, TYPE2_ENGINE_RESULT, 8), ==,
			which == TYPE2_CHECKSUM ? cxb_crc32c(0, model + src, len) : result);
	g_assert_true(!memcmp(model, r->bytes, SIZE));
}

static void commands_do_what_is_said_of_them(Rig *r, gconstpointer unused)
{
	g_autofree uint8_t *model = g_malloc(SIZE);

	scribble(model, SIZE);
	memcpy(r->bytes, model, SIZE);
	for (unsigned i = 0; i < ROUND; i++)
		one_round(r, model);
	g_assert_cmpuint(r->begun, ==, ROUND);
	g_assert_cmpuint(r->ended, ==, ROUND);
}

static void a_slice_is_a_mebibyte(Rig *r, gconstpointer unused)
{
	wr(r, TYPE2_ENGINE_PATTERN, 8, UINT64_MAX);
	command(r, TYPE2_FILL, 0, 8, 2 * TYPE2_ENGINE_SLICE + 1);
	g_assert_cmpuint(r->bytes[8], ==, 0);
	for (unsigned i = 1; i <= 2; i++) {
		cxb_type2_engine_work(&r->e);
		g_assert_cmphex(rd(r, TYPE2_ENGINE_STATUS, 4), ==, TYPE2_STATUS_BUSY);
		g_assert_cmpuint(rd(r, TYPE2_ENGINE_PROGRESS, 8), ==, i * TYPE2_ENGINE_SLICE);
		g_assert_cmpuint(r->bytes[8 + i * TYPE2_ENGINE_SLICE - 1], ==, 0xff);
		g_assert_cmpuint(r->bytes[8 + i * TYPE2_ENGINE_SLICE], ==, 0);
	}
	cxb_type2_engine_work(&r->e);
	g_assert_cmphex(rd(r, TYPE2_ENGINE_STATUS, 4), ==, TYPE2_STATUS_DONE);
	cxb_type2_engine_work(&r->e); /* of nothing */
	g_assert_cmpuint(r->ended, ==, 1);
}

static void what_makes_no_sense_is_an_error(Rig *r, gconstpointer unused)
{
	static const struct {
		uint64_t command, src, dst, len;
		Type2Error error;
	} rows[] = {
		{ 0, 0, 0, 8, TYPE2_ERROR_COMMAND },
		{ 4, 0, 0, 8, TYPE2_ERROR_COMMAND },
		{ UINT32_MAX, UINT64_MAX, 0, 0, TYPE2_ERROR_COMMAND },
		{ TYPE2_FILL, 0, 0, 0, TYPE2_ERROR_LEN },
		{ TYPE2_COPY, SIZE, SIZE, 0, TYPE2_ERROR_LEN },
		{ TYPE2_CHECKSUM, 0, 0, 0, TYPE2_ERROR_LEN },
		{ TYPE2_COPY, SIZE, SIZE, 1, TYPE2_ERROR_SRC },
		{ TYPE2_COPY, UINT64_MAX, 0, 2, TYPE2_ERROR_SRC },
		{ TYPE2_CHECKSUM, SIZE - 7, 0, 8, TYPE2_ERROR_SRC },
		{ TYPE2_CHECKSUM, 1, 0, UINT64_MAX, TYPE2_ERROR_SRC },
		{ TYPE2_COPY, 0, SIZE - 7, 8, TYPE2_ERROR_DST },
		{ TYPE2_FILL, 0, UINT64_MAX - 7, 8, TYPE2_ERROR_DST },
		{ TYPE2_FILL, 0, 0, SIZE + 1, TYPE2_ERROR_DST },
		/* What a command does not use may be anything. */
		{ TYPE2_FILL, UINT64_MAX, 0, 1, TYPE2_OK },
		{ TYPE2_CHECKSUM, 0, UINT64_MAX, 1, TYPE2_OK },
		{ TYPE2_FILL, 0, 0, SIZE, TYPE2_OK },
	};
	g_autofree uint8_t *zeros = g_malloc0(SIZE);

	command(r, TYPE2_CHECKSUM, 0, 0, 5);
	finish(r);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		const uint64_t result = rd(r, TYPE2_ENGINE_RESULT, 8);
		const unsigned begun = r->begun;

		wr(r, TYPE2_ENGINE_PATTERN, 8, UINT64_MAX);
		command(r, rows[i].command, rows[i].src, rows[i].dst, rows[i].len);
		g_assert_cmpuint(r->begun, ==, begun + !rows[i].error);
		finish(r);
		g_assert_cmphex(rd(r, TYPE2_ENGINE_STATUS, 4), ==,
				TYPE2_STATUS_DONE | rows[i].error << 8);
		g_assert_cmpuint(r->ended, ==, i + 2);
		if (!rows[i].error)
			continue;
		g_assert_cmphex(rd(r, TYPE2_ENGINE_RESULT, 8), ==, result);
		g_assert_cmphex(rd(r, TYPE2_ENGINE_PROGRESS, 8), ==, 0);
		g_assert_true(!memcmp(r->bytes, zeros, SIZE));
	}
}

static void an_abort_ends_it_where_it_is(Rig *r, gconstpointer unused)
{
	wr(r, TYPE2_ENGINE_PATTERN, 8, UINT64_MAX);
	wr(r, TYPE2_ENGINE_ABORT, 4, 1); /* nothing to abort */
	g_assert_cmphex(rd(r, TYPE2_ENGINE_STATUS, 4), ==, 0);
	command(r, TYPE2_FILL, 0, 0, SIZE);
	cxb_type2_engine_work(&r->e);
	wr(r, TYPE2_ENGINE_ABORT, 4, 1);
	g_assert_cmphex(rd(r, TYPE2_ENGINE_STATUS, 4), ==, 0x602);
	g_assert_cmphex(rd(r, TYPE2_ENGINE_PROGRESS, 8), ==, TYPE2_ENGINE_SLICE);
	cxb_type2_engine_work(&r->e);
	g_assert_cmpuint(r->bytes[TYPE2_ENGINE_SLICE], ==, 0);
	g_assert_cmpuint(r->ended, ==, 1);
	/* The next one is as good as any. */
	command(r, TYPE2_CHECKSUM, 0, 0, 1);
	finish(r);
	g_assert_cmphex(rd(r, TYPE2_ENGINE_STATUS, 4), ==, TYPE2_STATUS_DONE);
	g_assert_cmphex(rd(r, TYPE2_ENGINE_RESULT, 8), ==, cxb_crc32c(0, "\xff", 1));
}

static void a_reset_forgets_it(Rig *r, gconstpointer unused)
{
	command(r, TYPE2_FILL, 0, 0, SIZE);
	cxb_type2_engine_work(&r->e);
	cxb_type2_engine_reset(&r->e);
	g_assert_false(cxb_type2_engine_busy(&r->e));
	g_assert_cmpuint(r->ended, ==, 0);
	registers_begin_as_documented(r, NULL);
}

/* As when the message of the interrupt is a write to the doorbell. */
static void an_end_that_begins_the_next_is_a_slice(Rig *r, gconstpointer unused)
{
	r->again = true;
	command(r, TYPE2_FILL, 0, 0, 1);
	for (unsigned i = 1; i <= 3; i++) {
		cxb_type2_engine_work(&r->e);
		g_assert_cmpuint(r->ended, ==, i);
	}
	r->again = false;
}

/* Half of it is good: what is bad comes together from several registers. */
static uint64_t some_number(void)
{
	static const uint64_t odd[] = { 0, TYPE2_ENGINE_SLICE, SIZE, UINT64_MAX };

	return g_test_rand_int_range(0, 8)
		       ? (uint64_t)g_test_rand_int_range(1, 5)
		       : odd[g_test_rand_int_range(0, G_N_ELEMENTS(odd))] - g_test_rand_bit();
}

static void whatever_is_written_it_goes_on(Rig *r, gconstpointer unused)
{
	for (unsigned i = 0; i < 100000; i++) {
		const unsigned size = g_test_rand_bit() ? 4 : 8;
		const unsigned off = g_test_rand_int_range(0, TYPE2_ENGINE_END / size + 1) * size;
		const bool was_busy = cxb_type2_engine_busy(&r->e);
		const unsigned ended = r->ended;
		uint32_t status;

		if (g_test_rand_bit())
			wr(r, off, size, some_number());
		else
			cxb_type2_engine_work(&r->e);
		status = rd(r, TYPE2_ENGINE_STATUS, 4);
		g_assert_cmphex(status & ~(TYPE2_STATUS_ERROR | 3), ==, 0);
		g_assert_cmpuint(status & 3, !=, 3);
		g_assert_cmpuint(r->ended - ended, <=, 1);
		g_assert_true(!was_busy || status & 1 || r->ended > ended);
		g_assert_cmpuint(rd(r, TYPE2_ENGINE_PROGRESS, 8), <=, SIZE);
	}
	g_assert_cmpuint(r->begun, >, 10); /* commands that were good */
	/* It is not worn out. */
	finish(r);
	command(r, TYPE2_FILL, 0, 0, 1);
	finish(r);
	g_assert_cmphex(rd(r, TYPE2_ENGINE_STATUS, 4), ==, TYPE2_STATUS_DONE);
}

#define ADD(path, fn) g_test_add("/type2-engine/" path, Rig, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("registers", registers_begin_as_documented);
	ADD("written", what_can_be_written_reads_back);
	ADD("busy", parameters_are_kept_while_it_works);
	ADD("commands", commands_do_what_is_said_of_them);
	ADD("slice", a_slice_is_a_mebibyte);
	ADD("errors", what_makes_no_sense_is_an_error);
	ADD("abort", an_abort_ends_it_where_it_is);
	ADD("reset", a_reset_forgets_it);
	ADD("again", an_end_that_begins_the_next_is_a_slice);
	ADD("hostile", whatever_is_written_it_goes_on);
	return g_test_run();
}
