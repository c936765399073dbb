/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group as large as the largest event log, 65,535 extents: announced with one closing record,
 * answered and released in hundreds of commands (CXL 3.1 8.2.9.9.9.3 and 8.2.9.9.9.4, More).
 */
#include "dc_fixture.h"

#include "base/trace.h"
#include "cxl/dc_cmds.h"
#include "wire/dc.h"
#include "wire/event.h"

#define LARGEST UINT16_MAX
#define BLOCK   64
#define STRIDE  (2 * BLOCK) /* none adjoins another */
#define PAYLOAD 2048
#define PER_PART \
	((PAYLOAD - sizeof(struct wire_dc_update_in)) / sizeof(struct wire_dc_update_entry))

static bool starved; /* no allocation that may fail succeeds */

gpointer __real_g_try_malloc_n(gsize n, gsize size);
gpointer __wrap_g_try_malloc_n(gsize n, gsize size);
gpointer __wrap_g_try_malloc_n(gsize n, gsize size)
{
	return starved ? NULL : __real_g_try_malloc_n(n, size);
}

gpointer __real_g_try_realloc_n(gpointer p, gsize n, gsize size);
gpointer __wrap_g_try_realloc_n(gpointer p, gsize n, gsize size);
gpointer __wrap_g_try_realloc_n(gpointer p, gsize n, gsize size)
{
	return starved ? NULL : __real_g_try_realloc_n(p, n, size);
}

typedef struct {
	CxbDc *dc;
	CxbCci *cci;
	CxbEvLogs *logs;
	CxbDcHead *head;
	CxbDcRange *ranges; /* LARGEST + 1 */
	FakeStatic mem;
} Large;

static void nothing_to_zero(CxbDcBacking *b, uint64_t off, uint64_t len)
{
	g_assert_not_reached();
}

static bool nothing_unclean(CxbDcBacking *b, uint64_t off, uint64_t len, GError **errp)
{
	return true;
}

static uint64_t size(CxbDcBacking *b)
{
	return FAKE_SPAN;
}

static const CxbDcBackingOps ops = { .size = size,
				     .name = fake_static_name,
				     .sanitize = nothing_to_zero,
				     .clean = nothing_unclean };

static void large_set_up(Large *l, gconstpointer unused)
{
	const CxbEvLogsConfig logs = { .size = { [CXB_LOG_DC] = LARGEST } };
	CxbDcConfig c = {
		.name = "cxl-vmem0",
		.n_regions = 1,
		.regions = { { .base = FAKE_BASE,
			       .decode_len = FAKE_SPAN,
			       .len = FAKE_SPAN,
			       .block_size = BLOCK } },
		.n_heads = 1,
		.backing = &l->mem.backing,
	};

	l->mem.backing.ops = &ops;
	l->dc = cxb_dc_new(&c, NULL);
	g_assert_nonnull(l->dc);
	l->cci = cxb_cci_new(&(CxbCciConfig){ "cxl-vmem0", PAYLOAD });
	l->logs = cxb_evlogs_new(&logs);
	l->head = cxb_dc_head_new(l->dc, 0, l->cci, l->logs);
	l->ranges = g_new(CxbDcRange, LARGEST + 1);
	for (size_t i = 0; i <= LARGEST; i++)
		l->ranges[i] = (CxbDcRange){ i * STRIDE, BLOCK };
}

static void large_tear_down(Large *l, gconstpointer unused)
{
	cxb_dc_head_free(l->head);
	cxb_dc_free(l->dc);
	cxb_cci_free(l->cci);
	cxb_evlogs_free(l->logs);
	g_free(l->ranges);
}

static bool add(Large *l, size_t n, GError **errp)
{
	return cxb_dc_add(
		l->dc,
		&(CxbDcAddReq){ .policy = CXB_DC_SELECT_PRESCRIPTIVE, .n = n, .ranges = l->ranges },
		errp);
}

/* One command's part of the list: @n extents from @first on. */
static CxbRc part(Large *l, uint16_t opcode, size_t first, size_t n, bool more)
{
	uint8_t buf[PAYLOAD] = { 0 };
	struct wire_dc_update_in *in = (void *)buf;
	CxbRd rd = { buf, sizeof(*in) + n * sizeof(in->entry[0]) };
	CxbWr wr = { 0 };

	in->count = le32_put(n);
	in->flags = more ? WIRE_DC_UPDATE_MORE : 0;
	for (size_t i = 0; i < n; i++) {
		in->entry[i].dpa = le64_put(FAKE_BASE + l->ranges[first + i].offset);
		in->entry[i].length = le64_put(BLOCK);
	}
	return cxb_cci_run(l->cci, opcode, &rd, &wr, NULL, NULL);
}

/* Returns: what the last command says. */
static CxbRc list(Large *l, uint16_t opcode, size_t n)
{
	CxbRc rc = CXB_RC_SUCCESS;

	for (size_t first = 0; first < n; first += PER_PART) {
		const size_t k = MIN(PER_PART, n - first);

		g_assert_cmpint(rc, ==, CXB_RC_SUCCESS);
		rc = part(l, opcode, first, k, first + k < n);
	}
	return rc;
}

static void log_has_one_group(Large *l, uint8_t type)
{
	g_assert_cmpuint(cxb_evlogs_count(l->logs, CXB_LOG_DC), ==, LARGEST);
	for (size_t i = 0; i < LARGEST; i++) {
		const struct wire_dc_record *r =
			(const void *)cxb_evlogs_peek(l->logs, CXB_LOG_DC, i);

		g_assert_cmpuint(r->type, ==, type);
		g_assert_cmphex(le64_get(r->extent.dpa), ==, FAKE_BASE + i * STRIDE);
		g_assert_cmpuint(r->more, ==, i + 1 < LARGEST ? WIRE_DC_EVENT_MORE : 0);
	}
}

static void a_group_fills_the_largest_log_and_is_accepted_in_parts(Large *l, gconstpointer unused)
{
	g_assert_true(add(l, LARGEST, NULL));
	log_has_one_group(l, WIRE_DC_EVENT_ADD);
	cxb_evlogs_clear_dc(l->logs);
	g_assert_cmpint(list(l, 0x4802, LARGEST), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(cxb_dc_accepted_count(l->dc, 0), ==, LARGEST);
	g_assert_cmphex(cxb_dc_accepted_at(l->dc, 0, LARGEST - 1)->dpa, ==,
			FAKE_BASE + (LARGEST - 1) * STRIDE);
	g_assert_cmpuint(cxb_dc_generation(l->dc, 0), ==, 1);
}

static void it_is_asked_back_and_released_in_parts(Large *l, gconstpointer unused)
{
	g_assert_true(add(l, LARGEST, NULL));
	cxb_evlogs_clear_dc(l->logs);
	g_assert_cmpint(list(l, 0x4802, LARGEST), ==, CXB_RC_SUCCESS);
	g_assert_true(cxb_dc_release(l->dc,
				     &(CxbDcReleaseReq){ .policy = CXB_DC_REMOVE_PRESCRIPTIVE,
							 .n = LARGEST,
							 .ranges = l->ranges },
				     NULL));
	log_has_one_group(l, WIRE_DC_EVENT_RELEASE);
	g_assert_cmpint(list(l, 0x4803, LARGEST), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(cxb_dc_accepted_count(l->dc, 0), ==, 0);
	g_assert_cmpuint(cxb_dc_extents_available(l->dc), ==, CXB_DC_MAX_EXTENTS);
}

static void one_more_is_refused_whole(Large *l, gconstpointer unused)
{
	g_autoptr(GError) err = NULL;

	g_assert_false(add(l, LARGEST + 1, &err));
	g_assert_nonnull(strstr(err->message, "event log is too full: 65536 records needed, 65535 "
					      "left of 65535"));
	g_assert_cmpuint(cxb_evlogs_count(l->logs, CXB_LOG_DC), ==, 0);
	g_assert_cmpuint(cxb_dc_groups(l->dc, 0), ==, 0);
	g_assert_true(add(l, LARGEST, NULL)); /* nothing is taken by what was refused */
}

/* The last part is bad: nothing of those before it has happened. */
static void a_bad_last_part_changes_nothing(Large *l, gconstpointer unused)
{
	g_assert_true(add(l, LARGEST, NULL));
	g_assert_cmpint(list(l, 0x4802, LARGEST + 1), ==, CXB_RC_INVALID_PA);
	g_assert_cmpuint(cxb_dc_accepted_count(l->dc, 0), ==, 0);
	g_assert_cmpuint(cxb_dc_groups(l->dc, 0), ==, 1);
	g_assert_cmpint(list(l, 0x4802, LARGEST), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(cxb_dc_accepted_count(l->dc, 0), ==, LARGEST);
}

static void all_of_it_is_announced_again_after_a_reset(Large *l, gconstpointer unused)
{
	g_assert_true(add(l, LARGEST, NULL));
	cxb_evlogs_clear_dc(l->logs);
	g_assert_cmpint(part(l, 0x4802, 0, PER_PART, true), ==, CXB_RC_SUCCESS);
	cxb_dc_head_reset(l->head);
	log_has_one_group(l, WIRE_DC_EVENT_ADD);
	/* The part from before the reset does not count. */
	g_assert_cmpint(part(l, 0x4802, PER_PART, 1, false), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(cxb_dc_accepted_count(l->dc, 0), ==, 1);
}

static void without_memory_for_its_records_it_is_refused_whole(Large *l, gconstpointer unused)
{
	g_autoptr(GError) err = NULL;

	starved = true;
	g_assert_false(add(l, LARGEST, &err));
	starved = false;
	g_assert_nonnull(strstr(err->message, "event log: no memory for 65535 records"));
	g_assert_cmpuint(cxb_dc_groups(l->dc, 0), ==, 0);
	g_assert_cmpuint(cxb_dc_extents_available(l->dc), ==, CXB_DC_MAX_EXTENTS);
	g_assert_true(add(l, LARGEST, NULL));
	log_has_one_group(l, WIRE_DC_EVENT_ADD);
}

/* Force may not be refused: what it has to tell waits for records to be cleared. */
static void force_goes_on_without_memory_and_tells_later(Large *l, gconstpointer unused)
{
	static const uint8_t all[] = { CXB_LOG_DC, 0, 8, 0, 0, 0, 1, 0, 2, 0, 3,
				       0,          4, 0, 5, 0, 6, 0, 7, 0, 8, 0 };
	CxbRd in = { all, sizeof(all) };
	CxbWr out = { 0 };

	cxb_evlogs_add_commands(l->logs, l->cci);
	g_assert_true(add(l, 8, NULL)); /* as many as there is storage for from the start */
	starved = true;
	g_assert_true(cxb_dc_release(l->dc,
				     &(CxbDcReleaseReq){ .policy = CXB_DC_REMOVE_PRESCRIPTIVE,
							 .forced = true,
							 .n = 8,
							 .ranges = l->ranges },
				     NULL));
	starved = false;
	g_assert_cmpuint(cxb_dc_groups(l->dc, 0), ==, 0);
	g_assert_cmpuint(cxb_evlogs_count(l->logs, CXB_LOG_DC), ==, 8);
	g_assert_cmpint(cxb_cci_run(l->cci, 0x0101, &in, &out, NULL, NULL), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(cxb_evlogs_count(l->logs, CXB_LOG_DC), ==, 8);
	for (unsigned i = 0; i < 8; i++) {
		const struct wire_dc_record *r =
			(const void *)cxb_evlogs_peek(l->logs, CXB_LOG_DC, i);

		g_assert_cmpuint(r->type, ==, WIRE_DC_EVENT_FORCED_RELEASE);
		g_assert_cmpuint(r->more, ==, i < 7 ? WIRE_DC_EVENT_MORE : 0);
	}
}

#define ADD(name) \
	g_test_add("/cxl/dc-large/" #name, Large, NULL, large_set_up, name, large_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(a_group_fills_the_largest_log_and_is_accepted_in_parts);
	ADD(it_is_asked_back_and_released_in_parts);
	ADD(one_more_is_refused_whole);
	ADD(a_bad_last_part_changes_nothing);
	ADD(all_of_it_is_announced_again_after_a_reset);
	ADD(without_memory_for_its_records_it_is_refused_whole);
	ADD(force_goes_on_without_memory_and_tells_later);
	return g_test_run();
}
