/* SPDX-License-Identifier: Apache-2.0 */
/* From tables to committed decoders: what the host makes of good, odd and broken machines. */
#include "host_fixture.h"

#include "wire/regs.h"

static void finds_everything(Fixture *f, gconstpointer unused)
{
	const CxbHostFunction *fn;
	const CxbHostMemdev *md;
	const CxbHostWindow *w;

	fixture_boot(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_null(cxb_host_error(f->host));
	g_assert_true(idle(f));
	g_assert_cmpuint(cxb_host_functions(f->host, &fn), ==, 2);
	g_assert_cmphex(fn[0].bdf, ==, CXB_BDF(12, 0, 0));
	g_assert_cmpstr(fn[0].role, ==, "root-port");
	g_assert_cmpuint(fn[0].depth, ==, 0);
	g_assert_cmphex(fn[1].bdf, ==, CXB_BDF(13, 0, 0));
	g_assert_cmpstr(fn[1].role, ==, "endpoint");
	g_assert_cmpuint(fn[1].depth, ==, 1);
	g_assert_cmphex(fn[1].class_code, ==, 0x050210);
	g_assert_cmpuint(cxb_host_memdevs(f->host, &md), ==, 1);
	g_assert_cmphex(md->serial, ==, 0x1122334455667788);
	g_assert_cmpstr(md->firmware, ==, "FAKE 1");
	g_assert_cmpuint(cxb_host_windows(f->host, &w), ==, 1);
	g_assert_cmphex(w->base, ==, FAKE_WINDOW);
	g_assert_cmpuint(w->targets[0], ==, FAKE_BUS);
}

/* 0400, 0401, 0301, 4000, then regions; extents; policy; then the logs. As Linux. */
static void asks_in_the_order_of_linux(Fixture *f, gconstpointer unused)
{
	const uint16_t order[] = { 0x400, 0x401, 0x301, 0x4000, 0x4800, 0x4801, 0x102,
				   0x103, 0x102, 0x100, 0x100,  0x100,  0x100,  0x100 };

	fixture_boot(f);
	g_assert_cmpmem(f->d->opcodes->data, 2 * f->d->opcodes->len, order, sizeof(order));
	g_assert_cmphex(f->d->policy[4], ==, 0x61);
}

static void asks_for_partitions_if_there_can_be_any(Fixture *f, gconstpointer unused)
{
	f->d->partition_align = 1;
	fixture_boot(f);
	g_assert_cmphex(g_array_index(f->d->opcodes, uint16_t, 4), ==, 0x4100);
}

static void sets_four_bytes_of_policy_where_there_are_no_more(Fixture *f, gconstpointer unused)
{
	f->d->old_policy = true;
	fixture_boot(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_cmphex(f->d->policy[3], ==, 0x51);
}

static void places_bars_apart_and_inside_windows(Fixture *f, gconstpointer unused)
{
	uint64_t base, last, bar0, bar2, bar4;

	fixture_boot(f);
	base = (le_load(f->d->port + 0x20, 2) & 0xfff0) << 16;
	last = (le_load(f->d->port + 0x22, 2) & 0xfff0) << 16 | 0xfffff;
	bar0 = le_load(f->d->cfg + 0x10, 8) & ~0xfull;
	bar2 = le_load(f->d->cfg + 0x18, 8) & ~0xfull;
	bar4 = le_load(f->d->cfg + 0x20, 4) & ~0xfull;
	g_assert_cmphex(base, >=, 0xc0000000);
	g_assert_cmphex(last, <, 0xfec00000);
	g_assert_cmphex(bar0 % 0x10000, ==, 0);
	g_assert_cmphex(bar2 % 0x10000, ==, 0);
	g_assert_cmphex(ABS((int64_t)(bar0 - bar2)), >=, 0x10000);
	g_assert_true(bar0 >= base && bar0 + 0xffff <= last);
	g_assert_true(bar2 >= base && bar2 + 0xffff <= last);
	g_assert_true(bar4 >= base && bar4 + 0xfff <= last);
	/* A port's own BAR needs no window. */
	g_assert_cmphex(le_load(f->d->port + 0x10, 8) & ~0xfull, ==, FAKE_PCI64);
	/* No prefetchable window, no I/O: bases above limits. */
	g_assert_cmphex(le_load(f->d->port + 0x24, 4) & 0xfff0fff0, ==, 0x0000fff0);
}

static void maps_static_memory_then_regions_in_dpa_order(Fixture *f, gconstpointer unused)
{
	const CxbHostRegion *r;

	f->d->volatile_units = 2;
	f->d->region[0].base = le64_put(4 * FAKE_256M); /* a gap of 512 MiB */
	fixture_boot(f);
	g_assert_cmpuint(cxb_host_regions(f->host, &r), ==, 2);
	g_assert_true(r[0].is_static && r[0].mapped && !r[1].is_static && r[1].mapped);
	g_assert_cmphex(r[0].hpa, ==, FAKE_WINDOW);
	g_assert_cmphex(r[1].hpa, ==, FAKE_WINDOW + 2 * FAKE_256M);
	g_assert_cmpuint(r[1].decoder, ==, 1);
	g_assert_cmphex(fake_decoder(f->d->comp, 1, WIRE_HDM_BASE_LO), ==,
			(uint32_t)(FAKE_WINDOW + 2 * FAKE_256M));
	g_assert_cmphex(fake_decoder(f->d->comp, 1, WIRE_HDM_BASE_HI), ==, 1);
	g_assert_cmphex(fake_decoder(f->d->comp, 1, WIRE_HDM_SIZE_LO), ==, 4 * FAKE_256M);
	g_assert_cmphex(fake_decoder(f->d->comp, 1, WIRE_HDM_SKIP_LO), ==, 2 * FAKE_256M);
	g_assert_cmphex(fake_decoder(f->d->comp, 1, WIRE_HDM_DEC_CTRL) & 0xf00, ==, 0x600);
	/* One decoder of the bridge routes both to port 5. */
	g_assert_cmphex(fake_decoder(f->m->chbs, 0, WIRE_HDM_SIZE_LO), ==, 6 * FAKE_256M);
	g_assert_cmphex(fake_decoder(f->m->chbs, 0, WIRE_HDM_TARGETS_LO), ==, 5);
	g_assert_cmphex(fake_decoder(f->m->chbs, 1, WIRE_HDM_DEC_CTRL), ==, 0);
	/* Enabled, and memory in DVSEC 0. */
	g_assert_cmphex(f->d->comp[0x1204] & 2, ==, 2);
	g_assert_cmphex(f->m->chbs[0x1204] & 2, ==, 2);
	g_assert_cmphex(f->d->cfg[0x118] & 4, ==, 4);
}

static void every_port_gets_its_own_decoder(Fixture *f, gconstpointer unused)
{
	fixture_boot(f);
	g_assert_cmphex(fake_decoder(f->m->chbs, 0, WIRE_HDM_TARGETS_LO), ==, 5);
	g_assert_cmphex(fake_decoder(f->m->chbs, 1, WIRE_HDM_TARGETS_LO), ==, 6);
	g_assert_cmphex(fake_decoder(f->m->chbs, 1, WIRE_HDM_BASE_LO), ==,
			(uint32_t)(FAKE_WINDOW + 4 * FAKE_256M));
}

static void decoders_do_not_lead_to_the_second_of_two_ports_with_one_number(Fixture *f,
									    gconstpointer unused)
{
	const CxbHostRegion *r;

	g_assert_cmphex(f->m->dev[1].port[0x4f], ==, 6);
	f->m->dev[1].port[0x4f] = 5;
	fixture_boot(f);
	g_assert_cmpuint(cxb_host_regions(f->host, &r), ==, 2);
	g_assert_true(r[0].mapped && !r[1].mapped);
	assert_said(f, "port number 5 is that of 0c:00.0 too");
	g_assert_cmphex(fake_decoder(f->m->chbs, 1, WIRE_HDM_DEC_CTRL), ==, 0);
}

/* The first window has @first units of 256 MiB; another one of @second is behind it. */
static void two_windows(Fixture *f, unsigned first, unsigned second)
{
	uint8_t *cedt = fake_table(f->m, FAKE_CEDT);

	memcpy(cedt + 0x6c, cedt + 0x44, 0x28);
	le_store(cedt + 0x04, 4, 0x94);
	le_store(cedt + 0x54, 8, first * FAKE_256M);
	le_store(cedt + 0x74, 8, FAKE_WINDOW + first * FAKE_256M);
	le_store(cedt + 0x7c, 8, second * FAKE_256M);
	fake_fix(f->m, FAKE_CEDT);
}

static void a_device_lies_in_one_window_where_there_is_room(Fixture *f, gconstpointer unused)
{
	const CxbHostRegion *r;

	two_windows(f, 3, 6);
	f->d->volatile_units = 2;
	f->d->region[0].base = le64_put(2 * FAKE_256M);
	fixture_boot(f);
	g_assert_cmpuint(cxb_host_regions(f->host, &r), ==, 2);
	g_assert_true(r[0].mapped && r[1].mapped);
	g_assert_cmphex(r[0].hpa, ==, FAKE_WINDOW + 3 * FAKE_256M);
	g_assert_cmphex(r[1].hpa, ==, FAKE_WINDOW + 5 * FAKE_256M);
	g_assert_cmphex(fake_decoder(f->m->chbs, 0, WIRE_HDM_SIZE_LO), ==, 6 * FAKE_256M);
	g_assert_cmphex(fake_decoder(f->m->chbs, 1, WIRE_HDM_DEC_CTRL), ==, 0);
}

static void a_device_lies_in_two_windows_where_it_must(Fixture *f, gconstpointer unused)
{
	const CxbHostRegion *r;

	two_windows(f, 3, 5);
	f->d->volatile_units = 2;
	f->d->region[0].base = le64_put(2 * FAKE_256M);
	fixture_boot(f);
	g_assert_cmpuint(cxb_host_regions(f->host, &r), ==, 2);
	g_assert_true(r[0].mapped && r[1].mapped);
	g_assert_cmphex(r[0].hpa, ==, FAKE_WINDOW);
	g_assert_cmphex(r[1].hpa, ==, FAKE_WINDOW + 3 * FAKE_256M);
	g_assert_cmphex(fake_decoder(f->m->chbs, 0, WIRE_HDM_SIZE_LO), ==, 2 * FAKE_256M);
	g_assert_cmphex(fake_decoder(f->m->chbs, 1, WIRE_HDM_SIZE_LO), ==, 4 * FAKE_256M);
}

static void a_bridge_without_decoders_passes_to_its_only_port(Fixture *f, gconstpointer unused)
{
	const CxbHostRegion *r;

	fake_no_decoders(f->m);
	fixture_boot(f);
	cxb_host_regions(f->host, &r);
	g_assert_true(r->mapped);
	g_assert_cmphex(fake_decoder(f->m->chbs, 0, WIRE_HDM_DEC_CTRL), ==, 0);
}

static void a_bridge_without_decoders_and_two_ports_leads_nowhere(Fixture *f, gconstpointer unused)
{
	const CxbHostRegion *r;

	fake_no_decoders(f->m);
	fixture_boot(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_cmpuint(cxb_host_regions(f->host, &r), ==, 2);
	g_assert_false(r[0].mapped || r[1].mapped);
}

static void a_slow_commit_is_waited_for(Fixture *f, gconstpointer unused)
{
	f->m->commit_polls = 10;
	fixture_boot(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_BOOTING);
	for (unsigned ms = 0; ms < 30; ms++)
		advance_ms(f, 1);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_true(idle(f));
}

static void a_commit_that_fails_leaves_the_region_unmapped(Fixture *f, gconstpointer unused)
{
	const CxbHostRegion *r;

	f->m->commit_fails = true;
	fixture_boot(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	cxb_host_regions(f->host, &r);
	g_assert_false(r->mapped);
	assert_said(f, "a decoder did not commit");
	g_assert_cmphex(fake_decoder(f->d->comp, 0, WIRE_HDM_DEC_CTRL), ==, 0);
}

static void a_window_for_other_memory_is_not_used(Fixture *f, gconstpointer restrictions)
{
	const CxbHostRegion *r;

	le_store(fake_table(f->m, FAKE_CEDT) + 0x64, 2, GPOINTER_TO_UINT(restrictions));
	fake_fix(f->m, FAKE_CEDT);
	fixture_boot(f);
	cxb_host_regions(f->host, &r);
	g_assert_false(r->mapped);
}

static void a_second_boot_finds_decoders_committed(Fixture *f, gconstpointer unused)
{
	const CxbHostRegion *r;

	fixture_boot(f);
	cxb_host_reset(f->host); /* the host alone */
	drain(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	cxb_host_regions(f->host, &r);
	g_assert_true(r->mapped);
	g_assert_cmpuint(r->decoder, ==, 0);
}

/* --- the mailbox --- */

/* A machine that was brought up before, looked at by a host that must not move anything. */
static void set_up_adopted(Fixture *f, gconstpointer unused)
{
	fixture_machine(f, 1);
	fixture_boot(f);
	cxb_host_free(f->host);
	f->host = NULL;
	f->d->cfg[4] = f->d->port[4] = 0; /* memory off, as Linux leaves what has no driver */
	g_string_truncate(f->said, 0);
	fake_adopted(f->m);
}

static void what_another_has_placed_stays(Fixture *f, gconstpointer unused)
{
	g_autofree uint8_t *port = g_memdup2(f->d->port, sizeof(f->d->port));
	g_autofree uint8_t *cfg = g_memdup2(f->d->cfg, sizeof(f->d->cfg));
	const CxbHostFunction *fn;
	const CxbHostRegion *r;

	fixture_boot(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_cmpuint(cxb_host_functions(f->host, &fn), ==, 2);
	g_assert_cmphex(fn[1].bdf, ==, CXB_BDF(13, 0, 0));
	g_assert_cmpuint(cxb_host_regions(f->host, &r), ==, 1);
	g_assert_true(r->mapped);
	/* Memory is on; all else up to the capabilities is as it was. */
	g_assert_cmphex(f->d->port[4], ==, 2);
	g_assert_cmphex(f->d->cfg[4], ==, 2);
	port[4] = cfg[4] = 2;
	g_assert_cmpmem(f->d->port, sizeof(f->d->port), port, sizeof(f->d->port));
	g_assert_cmpmem(f->d->cfg, 0x40, cfg, 0x40);
}

static void a_bus_number_that_leads_back_is_not_followed(Fixture *f, gconstpointer number)
{
	const CxbHostFunction *fn;

	f->d->port[0x19] = GPOINTER_TO_UINT(number);
	fixture_boot(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_cmpuint(cxb_host_functions(f->host, &fn), ==, 1);
}

static void without_messages_devices_are_told_of_none(Fixture *f, gconstpointer unused)
{
	static const uint8_t none[16];

	memset(f->d->msix, 0, sizeof(f->d->msix));
	f->d->cfg[0x43] &= 0x7f;
	f->m->no_messages = true;
	fixture_boot(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_cmpuint(f->m->irqs->len, >, 0);
	g_assert_cmpmem(f->d->msix, 16, none, 16);
	g_assert_cmphex(f->d->cfg[0x43] & 0x80, ==, 0);
}

static void a_command_that_takes_its_time_is_polled(Fixture *f, gconstpointer unused)
{
	fixture_boot(f);
	f->d->hold = true;
	fake_event(f->d, 0, 0, FAKE_2M, 1, 0, false);
	drain(f);
	g_assert_false(idle(f));
	advance_ms(f, 1500);
	f->d->hold = false;
	fake_answer(f->d);
	advance_ms(f, 20);
	g_assert_true(idle(f));
	g_assert_cmpstr(f->d->did->str, ==, "add 0+200000\n");
}

static void a_device_that_never_answers_is_given_up_after_2_seconds(Fixture *f,
								    gconstpointer unused)
{
	f->d->hold = true;
	fixture_boot(f);
	advance_ms(f, 1999);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_BOOTING);
	advance_ms(f, 1);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	assert_said(f, "no answer within 2 s");
	g_assert_true(idle(f));
}

static void a_device_that_is_never_ready_is_given_up_after_60_seconds(Fixture *f,
								      gconstpointer unused)
{
	f->d->regs[0x90] = 0x10; /* media not ready */
	fixture_boot(f);
	advance_ms(f, 59999);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_BOOTING);
	advance_ms(f, 1);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_true(idle(f));
}

static void a_device_that_becomes_ready_is_used(Fixture *f, gconstpointer unused)
{
	const CxbHostRegion *r;

	f->d->regs[0x90] = 0x10;
	fixture_boot(f);
	advance_ms(f, 5000);
	f->d->regs[0x90] = 0x14;
	advance_ms(f, 1000);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_cmpuint(cxb_host_regions(f->host, &r), ==, 1);
}

static void a_failing_command_spoils_its_device_only(Fixture *f, gconstpointer opcode)
{
	const CxbHostRegion *r;

	f->d->fail_op = GPOINTER_TO_UINT(opcode);
	f->d->fail_rc = 4;
	fixture_boot(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_true(idle(f));
	g_assert_cmpuint(cxb_host_regions(f->host, &r), >=, 1);
	g_assert_cmpuint(r[cxb_host_regions(f->host, &r) - 1].memdev, ==, 1);
}

static void set_up_two_plain(Fixture *f, gconstpointer unused)
{
	fixture_machine(f, 2);
}

/* --- register blocks that lie --- */

static void broken_registers_spoil_the_device_only(Fixture *f, gconstpointer unused)
{
	const struct {
		bool cfg;
		unsigned at, size;
		uint64_t val;
	} lies[] = {
		{ true, 0x154, 4, 0x10100 },    /* component block behind its BAR */
		{ true, 0x15c, 4, 0x10302 },    /* device block behind its BAR */
		{ true, 0x15c, 4, 0x307 },      /* in BAR 7 */
		{ true, 0x14c, 4, 0xfff01e98 }, /* locator beyond configuration space */
		{ true, 0x148, 4, 0x14810023 }, /* list of capabilities is a ring */
		{ true, 0x41, 1, 0x40 },        /* so is this one */
		{ false, 0, 8, 0xffffull << 32 },
		{ false, 0x24, 4, 0xfffffff8 }, /* mailbox beyond the block */
		{ false, 0x28, 4, 0x20 },       /* no payload */
		{ false, 0x24, 4, 0x101 },
		{ false, 0x100, 4, 7 },  /* payload of 128 bytes */
		{ false, 0x100, 4, 31 }, /* of 2 GiB */
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(lies); i++) {
		Fixture g = { 0 };

		fixture_machine(&g, 1);
		le_store((lies[i].cfg ? g.d->cfg : g.d->regs) + lies[i].at, lies[i].size,
			 lies[i].val);
		fixture_boot(&g);
		advance_ms(&g, 70000);
		g_assert_cmpint(cxb_host_state(g.host), ==, CXB_HOST_READY);
		g_assert_true(idle(&g));
		tear_down(&g, NULL);
	}
}

static void regions_that_break_the_rules_are_left_out(Fixture *f, gconstpointer unused)
{
	const struct {
		uint64_t base, units, len, block;
	} bad[] = {
		{ 0x1000, 4, FAKE_256M, FAKE_2M },
		{ 0, 0, FAKE_256M, FAKE_2M },
		{ 0, 4, 0, FAKE_2M },
		{ 0, 4, 5 * FAKE_256M, FAKE_2M },
		{ 0, 4, FAKE_256M, FAKE_2M + 1 },
		{ 0, 4, FAKE_256M, 32 },
		{ 0, UINT64_MAX, FAKE_256M, FAKE_2M },
		{ -FAKE_256M, 2, FAKE_256M, FAKE_2M },
		{ -FAKE_256M, 1, FAKE_256M, FAKE_2M },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		const CxbHostRegion *r;
		Fixture g = { 0 };

		fixture_machine(&g, 1);
		g.d->region[0] = (struct wire_dc_region){ .base = le64_put(bad[i].base),
							  .decode_len = le64_put(bad[i].units),
							  .length = le64_put(bad[i].len),
							  .block_size = le64_put(bad[i].block) };
		fixture_boot(&g);
		g_assert_cmpint(cxb_host_state(g.host), ==, CXB_HOST_READY);
		g_assert_cmpuint(cxb_host_regions(g.host, &r), ==, 0);
		tear_down(&g, NULL);
	}
}

/* --- tables --- */

static void fails(Fixture *f, const char *why)
{
	fixture_boot(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_FAILED);
	if (!strstr(cxb_host_error(f->host), why))
		g_error("\"%s\" instead of \"%s\"", cxb_host_error(f->host), why);
	g_assert_true(idle(f));
}

static void without_rsdp_nothing_works(Fixture *f, gconstpointer unused)
{
	fake_table(f->m, FAKE_RSDP)[3] = 'x';
	fails(f, "no RSDP");
}

static void a_wrong_first_checksum_is_no_rsdp(Fixture *f, gconstpointer unused)
{
	fake_table(f->m, FAKE_RSDP)[8]++;
	fake_table(f->m, FAKE_RSDP)[0x20]--;
	fails(f, "no RSDP");
}

static void a_wrong_second_checksum_is_no_rsdp(Fixture *f, gconstpointer unused)
{
	fake_table(f->m, FAKE_RSDP)[0x20]++;
	fails(f, "no RSDP");
}

static void a_broken_rsdp_does_not_hide_a_good_one(Fixture *f, gconstpointer unused)
{
	memcpy(fake_table(f->m, FAKE_TABLES), fake_table(f->m, FAKE_RSDP), 0x24);
	fake_table(f->m, FAKE_TABLES)[0x20]++;
	fixture_boot(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
}

static void a_broken_xsdt_is_refused(Fixture *f, gconstpointer unused)
{
	fake_table(f->m, FAKE_XSDT)[9]++;
	fails(f, "XSDT has a wrong checksum");
}

static void a_broken_cedt_is_refused(Fixture *f, gconstpointer unused)
{
	fake_table(f->m, FAKE_CEDT)[0x40]++;
	fails(f, "CEDT has a wrong checksum");
}

static void a_length_beyond_reason_is_refused(Fixture *f, gconstpointer unused)
{
	le_store(fake_table(f->m, FAKE_CEDT) + 4, 4, 0xfffffff0);
	fails(f, "CEDT has length");
}

static void a_length_below_the_header_is_refused(Fixture *f, gconstpointer unused)
{
	le_store(fake_table(f->m, FAKE_XSDT) + 4, 4, 0x23);
	fails(f, "XSDT has length");
}

static void a_structure_must_fit_its_table(Fixture *f, gconstpointer length)
{
	le_store(fake_table(f->m, FAKE_CEDT) + 0x46, 2, GPOINTER_TO_UINT(length));
	fake_fix(f->m, FAKE_CEDT);
	fails(f, "does not fit the table");
}

static void a_failing_bus_is_reported(Fixture *f, gconstpointer unused)
{
	f->m->bus_fails = true;
	fails(f, "the wire is cut");
}

static void without_cedt_there_is_no_cxl(Fixture *f, gconstpointer unused)
{
	fake_table(f->m, FAKE_CEDT)[0] = 'X';
	fixture_boot(f);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_true(idle(f));
}

static void wrong_structures_are_left_out(Fixture *f, gconstpointer unused)
{
	const struct {
		unsigned at, size;
		uint64_t val;
	} bad[] = {
		{ 0x28, 4, 256 },         /* CHBS: not a bus */
		{ 0x2c, 4, 0 },           /* CXL 1.1 */
		{ 0x34, 8, 0 },           /* no registers */
		{ 0x34, 8, -0x10000ull }, /* the last 64 KiB are legal, but nothing is there */
		{ 0x34, 8, 0x1000 },      { 0x3c, 8, 0x2000 },     { 0x3c, 8, UINT64_MAX },
		{ 0x4c, 8, 0x1000 },                                               /* CFMWS: base */
		{ 0x54, 8, 0 },           { 0x54, 8, -FAKE_256M }, { 0x5c, 1, 5 }, /* ways */
		{ 0x5c, 1, 1 },  /* two targets do not fit */
		{ 0x5d, 1, 2 },  /* arithmetic */
		{ 0x60, 4, 7 },  /* granularity */
		{ 0x68, 4, 99 }, /* leads to no bridge */
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		const CxbHostRegion *r;
		Fixture g = { 0 };
		unsigned n;

		fixture_machine(&g, 1);
		le_store(fake_table(g.m, FAKE_CEDT) + bad[i].at, bad[i].size, bad[i].val);
		fake_fix(g.m, FAKE_CEDT);
		fixture_boot(&g);
		g_assert_cmpint(cxb_host_state(g.host), ==, CXB_HOST_READY);
		n = cxb_host_regions(g.host, &r);
		/* Without decoders the bridge still has one port only. */
		if (i != 3)
			g_assert_true(n == 0 || !r->mapped);
		tear_down(&g, NULL);
	}
}

#define ADOPTED(path, data, fn) \
	g_test_add("/host/boot/" path, Fixture, data, set_up_adopted, fn, tear_down)
#define TEST(path, fn) g_test_add("/host/boot/" path, Fixture, NULL, set_up, fn, tear_down)
#define TEST_ARG(path, fn, x) \
	g_test_add("/host/boot/" path, Fixture, GUINT_TO_POINTER(x), set_up, fn, tear_down)
#define TEST_TWO(path, fn, x)                                                              \
	g_test_add("/host/boot/" path, Fixture, GUINT_TO_POINTER(x), set_up_two_plain, fn, \
		   tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST("finds", finds_everything);
	TEST("order", asks_in_the_order_of_linux);
	TEST("partition", asks_for_partitions_if_there_can_be_any);
	TEST("old-policy", sets_four_bytes_of_policy_where_there_are_no_more);
	TEST("place", places_bars_apart_and_inside_windows);
	TEST("map", maps_static_memory_then_regions_in_dpa_order);
	TEST_TWO("two-ports", every_port_gets_its_own_decoder, 0);
	TEST_TWO("one-number", decoders_do_not_lead_to_the_second_of_two_ports_with_one_number, 0);
	TEST("one-window", a_device_lies_in_one_window_where_there_is_room);
	TEST("two-windows", a_device_lies_in_two_windows_where_it_must);
	TEST("pass-through", a_bridge_without_decoders_passes_to_its_only_port);
	TEST_TWO("no-path", a_bridge_without_decoders_and_two_ports_leads_nowhere, 0);
	TEST("slow-commit", a_slow_commit_is_waited_for);
	TEST("commit-fails", a_commit_that_fails_leaves_the_region_unmapped);
	TEST_ARG("restrictions/not-volatile", a_window_for_other_memory_is_not_used, 0xb);
	TEST_ARG("restrictions/not-host-only", a_window_for_other_memory_is_not_used, 0xd);
	TEST_ARG("restrictions/fixed", a_window_for_other_memory_is_not_used, 0x1f);
	TEST("again", a_second_boot_finds_decoders_committed);
	ADOPTED("adopted", NULL, what_another_has_placed_stays);
	/* The port lies on bus 12, and numbers up to 255 are there. */
	ADOPTED("adopted/none", GUINT_TO_POINTER(0), a_bus_number_that_leads_back_is_not_followed);
	ADOPTED("adopted/itself", GUINT_TO_POINTER(12),
		a_bus_number_that_leads_back_is_not_followed);
	ADOPTED("adopted/no-messages", NULL, without_messages_devices_are_told_of_none);
	TEST("slow-command", a_command_that_takes_its_time_is_polled);
	TEST("no-answer", a_device_that_never_answers_is_given_up_after_2_seconds);
	TEST("not-ready", a_device_that_is_never_ready_is_given_up_after_60_seconds);
	TEST("late-ready", a_device_that_becomes_ready_is_used);
	TEST_TWO("fails/0400", a_failing_command_spoils_its_device_only, 0x400);
	TEST_TWO("fails/0401", a_failing_command_spoils_its_device_only, 0x401);
	TEST_TWO("fails/0301", a_failing_command_spoils_its_device_only, 0x301);
	TEST_TWO("fails/4000", a_failing_command_spoils_its_device_only, 0x4000);
	TEST_TWO("fails/4800", a_failing_command_spoils_its_device_only, 0x4800);
	TEST_TWO("fails/4801", a_failing_command_spoils_its_device_only, 0x4801);
	TEST_TWO("fails/0102", a_failing_command_spoils_its_device_only, 0x102);
	TEST_TWO("fails/0103", a_failing_command_spoils_its_device_only, 0x103);
	TEST_TWO("fails/0100", a_failing_command_spoils_its_device_only, 0x100);
	TEST("lies", broken_registers_spoil_the_device_only);
	TEST("bad-regions", regions_that_break_the_rules_are_left_out);
	TEST("acpi/no-rsdp", without_rsdp_nothing_works);
	TEST("acpi/rsdp-first", a_wrong_first_checksum_is_no_rsdp);
	TEST("acpi/rsdp-second", a_wrong_second_checksum_is_no_rsdp);
	TEST("acpi/rsdp-other", a_broken_rsdp_does_not_hide_a_good_one);
	TEST("acpi/xsdt", a_broken_xsdt_is_refused);
	TEST("acpi/cedt", a_broken_cedt_is_refused);
	TEST("acpi/long", a_length_beyond_reason_is_refused);
	TEST("acpi/short", a_length_below_the_header_is_refused);
	TEST_ARG("acpi/structure/0", a_structure_must_fit_its_table, 0);
	TEST_ARG("acpi/structure/3", a_structure_must_fit_its_table, 3);
	TEST_ARG("acpi/structure/long", a_structure_must_fit_its_table, 0xffff);
	TEST("acpi/none", without_cedt_there_is_no_cxl);
	TEST("acpi/wrong", wrong_structures_are_left_out);
	TEST("bus", a_failing_bus_is_reported);
	return g_test_run();
}
