/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host learns from CDAT, over DOE: which regions are sharable, and what that asks of an
 * offer (CXL 3.1 9.13.3: numbers 0 to n-1 give the order for every host). Devices lie, break and
 * take their time.
 */
#include "host_fixture.h"
#include "wire/cdat.h"

#define ADD    WIRE_DC_EVENT_ADD
#define M2     FAKE_2M
#define R1     (4 * FAKE_256M) /* base of the second region */
#define SECOND 1000ll

static void boot_sharable(Fixture *f)
{
	f->d->cdat.flags[0] = WIRE_DSMAS_SHARABLE | WIRE_DSMAS_DYNAMIC;
	fixture_boot(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
}

/* Extents of tag @tag, one behind the other from @dpa on, with these numbers. */
static void offer(Fixture *f, uint64_t dpa, unsigned tag, unsigned n, const uint16_t *seq)
{
	for (unsigned i = 0; i < n; i++)
		fake_event(f->d, ADD, dpa + i * M2, M2, tag, seq[i], i + 1 < n);
	drain(f);
}

static void sequences_in_a_sharable_region_are_0_to_n_minus_1(Fixture *f, gconstpointer unused)
{
	static const struct {
		unsigned n;
		uint16_t seq[4];
		bool good;
	} rows[] = {
		{ 1, { 0 }, true },           { 1, { 1 }, false },
		{ 3, { 0, 1, 2 }, true },     { 3, { 2, 0, 1 }, true },
		{ 3, { 1, 2, 3 }, false },    { 3, { 0, 1, 3 }, false }, /* a gap */
		{ 3, { 0, 2, 2 }, false },    { 3, { 0, 0, 0 }, false },
		{ 2, { 0, 0xffff }, false },  { 4, { 3, 1, 2, 0 }, true },
		{ 4, { 0, 1, 2, 4 }, false },
	};
	unsigned taken = 0;

	boot_sharable(f);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_string_truncate(f->d->did, 0);
		g_string_truncate(f->said, 0);
		offer(f, 8 * i * M2, i + 1, rows[i].n, rows[i].seq);
		taken += rows[i].good ? rows[i].n : 0;
		g_assert_cmpuint(extents(f, NULL), ==, taken);
		if (rows[i].good)
			continue;
		did(f->d, "add\n");
		assert_said(f, "its sequence numbers are not 0 to n-1");
	}
}

static void a_gap_drops_its_tag_but_not_the_chain(Fixture *f, gconstpointer unused)
{
	boot_sharable(f);
	fake_event(f->d, ADD, 0, M2, 1, 0, true);
	fake_event(f->d, ADD, M2, M2, 2, 1, true);
	fake_event(f->d, ADD, 2 * M2, M2, 1, 2, true);
	fake_event(f->d, ADD, 3 * M2, M2, 2, 0, false);
	drain(f);
	did(f->d, "add 200000+200000 600000+200000\n");
}

static void what_is_shared_has_a_tag(Fixture *f, gconstpointer unused)
{
	boot_sharable(f);
	fake_event(f->d, ADD, 0, M2, 0, 0, false);
	drain(f);
	did(f->d, "add\n");
	assert_said(f, "the region is sharable and there is no tag");
}

static void a_shared_dax_device_is_in_order_of_sequence(Fixture *f, gconstpointer unused)
{
	g_autoptr(GPtrArray) all = NULL;
	const CxbHostDax *dax;

	boot_sharable(f);
	offer(f, 0, 1, 4, (const uint16_t[]){ 2, 0, 3, 1 });
	all = cxb_host_daxes(f->host);
	g_assert_cmpuint(all->len, ==, 1);
	dax = g_ptr_array_index(all, 0);
	for (unsigned i = 0; i < 4; i++) {
		static const uint64_t at[] = { 1, 3, 0, 2 };
		const CxbHostExtent *e = &g_array_index(dax->extents, CxbHostExtent, i);

		g_assert_cmphex(e->dpa, ==, at[i] * M2);
		g_assert_cmpuint(e->seq, ==, i);
	}
}

static void each_region_is_as_its_own_dsmas_says(Fixture *f, gconstpointer unused)
{
	f->d->n_regions = 2;
	f->d->region[1] = f->d->region[0];
	f->d->region[1].base = le64_put(R1);
	f->d->region[1].dsmad_handle = le32_put(FAKE_DSMAS(1));
	f->d->cdat.flags[1] = WIRE_DSMAS_SHARABLE;
	fixture_boot(f);
	offer(f, 0, 1, 1, (const uint16_t[]){ 5 });
	did(f->d, "add 0+200000\n");
	offer(f, R1, 2, 1, (const uint16_t[]){ 5 });
	did(f->d, "add\n");
	offer(f, R1, 3, 1, (const uint16_t[]){ 0 });
	did(f->d, "add 40000000+200000\n");
}

static void other_flags_make_nothing_sharable(Fixture *f, gconstpointer unused)
{
	f->d->cdat.flags[0] = 0xff & ~WIRE_DSMAS_SHARABLE;
	f->d->cdat.flags[1] = WIRE_DSMAS_SHARABLE; /* of no region */
	fixture_boot(f);
	offer(f, 0, 1, 2, (const uint16_t[]){ 5, 5 });
	did(f->d, "add 0+200000 200000+200000\n");
	g_assert_null(strstr(f->said->str, "CDAT"));
}

static void a_slow_device_is_waited_for(Fixture *f, gconstpointer unused)
{
	f->d->cdat.fault = FAKE_CDAT_SLOW;
	f->d->cdat.flags[0] = WIRE_DSMAS_SHARABLE;
	fixture_boot(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_BOOTING);
	for (unsigned i = 0; i < 200; i++)
		advance_ms(f, 10);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_true(idle(f));
	offer(f, 0, 1, 1, (const uint16_t[]){ 1 });
	did(f->d, "add\n");
}

/* What cannot be read makes no region sharable, and nothing else fails. */
static void a_table_that_cannot_be_read_is_told_and_left(Fixture *f, gconstpointer unused)
{
	static const char *const said[FAKE_CDAT_FAULTS] = {
		[FAKE_CDAT_NONE] = "the device has none",
		[FAKE_CDAT_SILENT] = "no answer within 1 s",
		[FAKE_CDAT_ENDLESS] = "the device has none",
		[FAKE_CDAT_DROPPED] = "a request was refused",
		[FAKE_CDAT_FAILED] = "a request was refused",
		[FAKE_CDAT_CODE] = "what was read is no table entry",
		[FAKE_CDAT_EMPTY] = "an answer is of a wrong length",
		[FAKE_CDAT_TINY] = "its header is wrong",
		[FAKE_CDAT_HEADER] = "its header is wrong",
		[FAKE_CDAT_SUM] = "its checksum is wrong",
		[FAKE_CDAT_STRUCT] = "a structure is of a wrong length",
		[FAKE_CDAT_EARLY] = "it ends too early",
		[FAKE_CDAT_LATE] = "it is longer than it says",
	};

	f->d->cdat.flags[0] = WIRE_DSMAS_SHARABLE;
	for (FakeCdatFault fault = FAKE_CDAT_NONE; fault < FAKE_CDAT_FAULTS; fault++) {
		g_autofree char *line = g_strdup_printf(
			"mem0: CDAT: %s: no region is taken for sharable", said[fault]);

		f->d->cdat.fault = fault;
		f->d->cdat.requests = 0;
		fake_machine_reset(f->m);
		if (f->host)
			cxb_host_reset(f->host);
		else
			fixture_boot(f);
		drain(f);
		if (fault == FAKE_CDAT_SILENT) {
			advance_ms(f, SECOND - 1);
			g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_BOOTING);
			advance_ms(f, 1);
		}
		g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
		g_assert_cmpuint(f->d->cdat.requests, <=, 2 * 256);
		assert_said(f, line);
		g_assert_true(idle(f));
		g_string_truncate(f->said, 0);
		g_string_truncate(f->d->did, 0);
		offer(f, 0, 1, 1, (const uint16_t[]){ 9 });
		did(f->d, "add 0+200000\n");
	}
}

static void a_reset_while_it_is_read_begins_anew(Fixture *f, gconstpointer unused)
{
	f->d->cdat.fault = FAKE_CDAT_SILENT;
	f->d->cdat.flags[0] = WIRE_DSMAS_SHARABLE;
	fixture_boot(f);
	advance_ms(f, 10);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_BOOTING);
	f->d->cdat.fault = FAKE_CDAT_GOOD;
	fake_machine_reset(f->m);
	cxb_host_reset(f->host);
	drain(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	offer(f, 0, 1, 1, (const uint16_t[]){ 1 });
	did(f->d, "add\n");
}

static void shared_extents_are_taken_over_in_order(Fixture *f, gconstpointer unused)
{
	g_autoptr(GPtrArray) all = NULL;
	const CxbHostDax *dax;

	for (unsigned i = 0; i < 3; i++) {
		struct wire_dc_extent x = { .dpa = le64_put(M2 * i),
					    .length = le64_put(M2),
					    .tag = fake_tag(1),
					    .seq = le16_put(2 - i) };

		g_array_append_val(f->d->accepted, x);
	}
	boot_sharable(f);
	all = cxb_host_daxes(f->host);
	g_assert_cmpuint(all->len, ==, 1);
	dax = g_ptr_array_index(all, 0);
	for (unsigned i = 0; i < 3; i++)
		g_assert_cmphex(g_array_index(dax->extents, CxbHostExtent, i).dpa, ==,
				(2 - i) * M2);
}

#define PLAIN(path, fn) g_test_add("/host/cdat/" path, Fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	PLAIN("sequences", sequences_in_a_sharable_region_are_0_to_n_minus_1);
	PLAIN("gap", a_gap_drops_its_tag_but_not_the_chain);
	PLAIN("untagged", what_is_shared_has_a_tag);
	PLAIN("dax", a_shared_dax_device_is_in_order_of_sequence);
	PLAIN("regions", each_region_is_as_its_own_dsmas_says);
	PLAIN("flags", other_flags_make_nothing_sharable);
	PLAIN("slow", a_slow_device_is_waited_for);
	PLAIN("broken", a_table_that_cannot_be_read_is_told_and_left);
	PLAIN("reset", a_reset_while_it_is_read_begins_anew);
	PLAIN("take-over", shared_extents_are_taken_over_in_order);
	return g_test_run();
}
