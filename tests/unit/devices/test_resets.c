/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every state of a memory device over every kind of reset, each kind by all its triggers. What is
 * kept: PCIe 6.0 6.6 for configuration space, CXL 3.1 8.1.3 and 9.13.3 and what Linux restores for
 * the rest.
 */
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "devices.h"
#include "rig.h"
#include "wire/dc.h"
#include "wire/mbox.h"
#include "wire/regs.h"

#define COMP   0xe0000000ull
#define REGS   0xe0010000ull
#define TABLE  0xe0020000ull
#define MBOX   (REGS + 0x88)
#define HDM    (COMP + 0x1000 + 0x128)
#define RAS    (COMP + 0x1000 + 0x80)
#define MIB(n) ((uint64_t)(n) << 20)

/* Configuration space of the device, with a serial number, and of the port. */
#define DVSEC_CTRL      0x118
#define DVSEC_LOCK      0x120
#define DVSEC_BASE      0x12c
#define AER_MASK        0x208
#define DEV_CTL         0x88
#define LINK_CTL        0x90
#define MSIX_CTL        0x42
#define PORT_BRIDGE_CTL 0x3e
#define PORT_LINK_CTL   0x84
#define PORT_SLOT_CTL   0x8c
#define PORT_EXT_CTRL   0x15c

typedef struct {
	Rig r;
	CxbPciDev *port, *t3;
} Fixture;

static void put(CxbPciDev *dev, uint16_t off, unsigned size, uint32_t val)
{
	cxb_pci_dev_config_write(dev, off, size, val);
}

static uint64_t rd(Fixture *f, uint64_t hpa, unsigned size)
{
	uint8_t b[8];

	g_assert_cmpint(cxb_memmap_read(f->r.mm, hpa, b, size), ==, CXB_MEM_OK);
	return le_load(b, size);
}

static void wr(Fixture *f, uint64_t hpa, unsigned size, uint64_t val)
{
	uint8_t b[8];

	le_store(b, size, val);
	g_assert_cmpint(cxb_memmap_write(f->r.mm, hpa, b, size), ==, CXB_MEM_OK);
}

/* As firmware leaves it: windows and BARs placed, memory and bus mastering on. */
static void bring_up(Fixture *f)
{
	put(f->port, 0x20, 4, 0xe000e000);
	put(f->port, 4, 2, 6);
	put(f->t3, 0x10, 4, COMP);
	put(f->t3, 0x14, 4, 0);
	put(f->t3, 0x18, 4, REGS);
	put(f->t3, 0x1c, 4, 0);
	put(f->t3, 0x20, 4, TABLE);
	put(f->t3, 4, 2, 6);
}

static void set_up(Fixture *f, gconstpointer unused)
{
	rig_setup(&f->r, NULL);
	rig_bridge(&f->r);
	rig_backend(&f->r, "memory-backend-ram,id=l,size=64K");
	f->t3 = rig_device(&f->r, "cxl-type3,id=t,bus=rp,sn=1,lsa=l,num-dc-regions=1,"
				  "dc-regions-total-size=256M");
	f->port = cxb_pci_dev_bus(f->t3)->bridge;
	bring_up(f);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	rig_teardown(&f->r, NULL);
}

/* --- the mailbox --- */

static CxbRc command(Fixture *f, uint16_t opcode, const void *in, size_t n, void *out, size_t room)
{
	g_autofree uint8_t *padded = g_malloc0(n + 1);

	if (n)
		memcpy(padded, in, n);
	for (size_t i = 0; i < n; i++)
		wr(f, MBOX + WIRE_MBOX_PAYLOAD + i, 1, padded[i]);
	wr(f, MBOX + WIRE_MBOX_CMD, 8, opcode | (uint64_t)n << 16);
	wr(f, MBOX + WIRE_MBOX_CTRL, 4, WIRE_MBOX_CTRL_DOORBELL);
	g_assert_cmphex(rd(f, MBOX + WIRE_MBOX_CTRL, 4) & WIRE_MBOX_CTRL_DOORBELL, ==, 0);
	for (size_t i = 0; i < room; i++)
		((uint8_t *)out)[i] = rd(f, MBOX + WIRE_MBOX_PAYLOAD + i, 1);
	return FIELD_GET(WIRE_MBOX_STATUS_RC, rd(f, MBOX + WIRE_MBOX_STATUS, 8));
}

static uint64_t answer(Fixture *f, uint16_t opcode, const void *in, size_t n, size_t at, size_t len)
{
	uint8_t out[64] = { 0 };

	g_assert_cmphex(command(f, opcode, in, n, out, at + len), ==, CXB_RC_SUCCESS);
	return le_load(out + at, len);
}

static void offer(Fixture *f, unsigned nr, const CxbDcRange *ranges, size_t n)
{
	g_autofree char *text = g_strdup_printf("memory-backend-ram,id=b%u,size=%zuM,"
						"tag=%08x-0000-4000-8000-000000000000",
						nr, 2 * n, nr);
	CxbDcAddReq req = { .policy = CXB_DC_SELECT_PRESCRIPTIVE, .n = n, .ranges = ranges };
	g_autofree char *tag = g_strdup_printf("%08x-0000-4000-8000-000000000000", nr);
	g_autoptr(GError) err = NULL;

	rig_backend(&f->r, text);
	g_assert_true(cxb_uuid_parse(tag, &req.tag));
	cxb_dc_add(cxb_cxl_type3_dc(&f->t3->dev), &req, &err);
	g_assert_no_error(err);
}

static CxbRc respond(Fixture *f, uint64_t dpa, bool more)
{
	uint8_t in[0x20] = { 1 };

	in[4] = more;
	le_store(in + 8, 8, dpa);
	le_store(in + 16, 8, MIB(2));
	return command(f, CXB_OP_ADD_DC_RESPONSE, in, sizeof(in), NULL, 0);
}

static size_t records(Fixture *f, CxbLogId log)
{
	return cxb_evlogs_count(((Type3 *)f->t3)->logs, log);
}

/* --- the states: how each is changed, and a number that tells whether it is --- */

#define CFG_STATE(name, dev, off, size, val)   \
	static void set_##name(Fixture *f)     \
	{                                      \
		put(f->dev, off, size, val);   \
	}                                      \
	static uint64_t get_##name(Fixture *f) \
	{                                      \
		return cfg(f->dev, off, size); \
	}
#define MEM_STATE(name, hpa, size, val)        \
	static void set_##name(Fixture *f)     \
	{                                      \
		wr(f, hpa, size, val);         \
	}                                      \
	static uint64_t get_##name(Fixture *f) \
	{                                      \
		return rd(f, hpa, size);       \
	}

CFG_STATE(interrupt_line, t3, 0x3c, 1, 0x42)
CFG_STATE(cache_line, t3, 0x0c, 1, 0x10)
CFG_STATE(error_reporting, t3, DEV_CTL, 1, 0x0f)
CFG_STATE(payload_size, t3, DEV_CTL, 1, 0x20)
CFG_STATE(aspm, t3, LINK_CTL, 1, 0x03)
CFG_STATE(msix_enable, t3, MSIX_CTL, 2, 0x8000)
CFG_STATE(aer_mask, t3, AER_MASK, 4, 0)
CFG_STATE(mem_enable, t3, DVSEC_CTRL, 2, 0x0006)
CFG_STATE(range_base, t3, DVSEC_BASE, 4, 0x1234)
CFG_STATE(config_lock, t3, DVSEC_LOCK, 2, 1)
MEM_STATE(msix_entry, TABLE + 0x20, 8, 0xfee00000)
MEM_STATE(ras_mask, RAS + WIRE_RAS_UE_MASK, 4, 0)
MEM_STATE(ras_severity, RAS + WIRE_RAS_UE_SEVERITY, 4, 0)
MEM_STATE(hdm_enable, HDM + WIRE_HDM_CTRL, 4, 2)
MEM_STATE(mailbox_payload, MBOX + WIRE_MBOX_PAYLOAD + 0x700, 4, 0xcafe)
MEM_STATE(mailbox_control, MBOX + WIRE_MBOX_CTRL, 4, WIRE_MBOX_CTRL_DB_IRQ)

static void set_decoder(Fixture *f)
{
	wr(f, HDM + WIRE_HDM_DEC(0) + WIRE_HDM_BASE_HI, 4, 1);
	wr(f, HDM + WIRE_HDM_DEC(0) + WIRE_HDM_SIZE_LO, 4, MIB(256));
	wr(f, HDM + WIRE_HDM_DEC(0) + WIRE_HDM_DEC_CTRL, 4, WIRE_HDM_DC_COMMIT);
}

static uint64_t get_decoder(Fixture *f)
{
	return rd(f, HDM + WIRE_HDM_DEC(0) + WIRE_HDM_DEC_CTRL, 4) & WIRE_HDM_DC_COMMITTED;
}

static void set_mailbox_status(Fixture *f)
{
	g_assert_cmphex(command(f, 0x7777, NULL, 0, NULL, 0), ==, CXB_RC_UNSUPPORTED);
}

static uint64_t get_mailbox_status(Fixture *f)
{
	return rd(f, MBOX + WIRE_MBOX_STATUS, 8);
}

static void set_policy(Fixture *f)
{
	static const uint8_t in[] = { 1, 1, 1, 1, 1 };

	g_assert_cmphex(command(f, CXB_OP_SET_EVENT_POLICY, in, sizeof(in), NULL, 0), ==,
			CXB_RC_SUCCESS);
}

static uint64_t get_policy(Fixture *f)
{
	return answer(f, CXB_OP_GET_EVENT_POLICY, NULL, 0, 0, 4);
}

static void set_timestamp(Fixture *f)
{
	static const uint8_t in[8] = { 1, 2, 3, 4 };

	g_assert_cmphex(command(f, CXB_OP_SET_TIMESTAMP, in, sizeof(in), NULL, 0), ==,
			CXB_RC_SUCCESS);
}

static uint64_t get_timestamp(Fixture *f)
{
	return answer(f, CXB_OP_GET_TIMESTAMP, NULL, 0, 0, 8);
}

static void set_alerts(Fixture *f)
{
	static const uint8_t in[0x0c] = { 1, 1, 50 };

	g_assert_cmphex(command(f, CXB_OP_SET_ALERTS, in, sizeof(in), NULL, 0), ==, CXB_RC_SUCCESS);
}

static uint64_t get_alerts(Fixture *f)
{
	return answer(f, CXB_OP_GET_ALERTS, NULL, 0, 3, 1);
}

static void set_labels(Fixture *f)
{
	static const uint8_t in[] = { 0, 0, 0, 0, 0, 0, 0, 0, 'l', 'a', 'b', 'l' };

	g_assert_cmphex(command(f, CXB_OP_SET_LSA, in, sizeof(in), NULL, 0), ==, CXB_RC_SUCCESS);
}

static uint64_t get_labels(Fixture *f)
{
	static const uint8_t in[] = { 0, 0, 0, 0, 4, 0, 0, 0 };

	return answer(f, CXB_OP_GET_LSA, in, sizeof(in), 0, 4);
}

static void set_warning_log(Fixture *f)
{
	g_assert_true(cxb_evlogs_append(((Type3 *)f->t3)->logs, CXB_LOG_WARN,
					&(struct wire_event_record){ 0 }));
}

static uint64_t get_warning_log(Fixture *f)
{
	return records(f, CXB_LOG_WARN);
}

static void set_accepted(Fixture *f)
{
	offer(f, 1, &(CxbDcRange){ 0, MIB(2) }, 1);
	g_assert_cmphex(respond(f, 0, false), ==, CXB_RC_SUCCESS);
}

static void set_poison(Fixture *f)
{
	g_assert_true(cxb_poison_inject(((Type3 *)f->t3)->poison, 0, 64, NULL));
}

static uint64_t get_poison(Fixture *f)
{
	return cxb_poison_count(((Type3 *)f->t3)->poison);
}

static uint64_t extent_list(Fixture *f, size_t at)
{
	static const uint8_t in[] = { 0, 0, 0, 0, 0, 0, 0, 0 };

	return answer(f, CXB_OP_GET_DC_EXTENTS, in, sizeof(in), at, 4);
}

static uint64_t get_accepted(Fixture *f)
{
	return extent_list(f, 4);
}

static uint64_t get_generation(Fixture *f)
{
	return extent_list(f, 8);
}

static void set_offered(Fixture *f)
{
	const CxbDcRange two[] = { { MIB(4), MIB(2) }, { MIB(8), MIB(2) } };

	offer(f, 2, two, 2);
}

static uint64_t get_offered(Fixture *f)
{
	return cxb_dc_groups(cxb_cxl_type3_dc(&f->t3->dev), 0);
}

static void set_nothing(Fixture *f)
{
}

typedef enum { CONFIG, MEMORY } Where;

static const struct {
	const char *name;
	Where where; /* memory is looked at after the BARs have been placed again */
	void (*set)(Fixture *f);
	uint64_t (*get)(Fixture *f);
	const char *kept; /* cold, warm, hot, function: K is kept, - is initial */
} states[] = {
#define STATE(name, where, kept)                           \
	{                                                  \
#name, where, set_##name, get_##name, kept \
	}
	/* clang-format off */
	STATE(interrupt_line,  CONFIG, "----"),
	STATE(cache_line,      CONFIG, "----"),
	STATE(error_reporting, CONFIG, "----"),
	STATE(aspm,            CONFIG, "---K"),
	STATE(msix_enable,     CONFIG, "----"),
	STATE(aer_mask,        CONFIG, "--KK"),
	STATE(mem_enable,      CONFIG, "---K"),
	STATE(range_base,      CONFIG, "---K"),
	STATE(config_lock,     CONFIG, "---K"),
	STATE(msix_entry,      MEMORY, "----"),
	STATE(ras_mask,        MEMORY, "--KK"),
	STATE(ras_severity,    MEMORY, "--KK"),
	STATE(decoder,         MEMORY, "---K"),
	STATE(hdm_enable,      MEMORY, "---K"),
	STATE(policy,          MEMORY, "---K"),
	STATE(timestamp,       MEMORY, "-KKK"),
	STATE(alerts,          MEMORY, "KKKK"),
	STATE(labels,          MEMORY, "KKKK"),
	STATE(warning_log,     MEMORY, "-KKK"),
	STATE(accepted,        MEMORY, "KKKK"),
	STATE(poison,          MEMORY, "-KKK"), /* of what is not persistent */
	{ "generation",        MEMORY, set_nothing, get_generation, "KKKK" },
	STATE(offered,         MEMORY, "KKKK"),
	STATE(mailbox_payload, MEMORY, "----"),
	STATE(mailbox_status,  MEMORY, "----"),
	STATE(mailbox_control, MEMORY, "----"),
	/* clang-format on */
};

#define N G_N_ELEMENTS(states)

/* The mailbox's registers, which are last, first: looking at most others runs commands. */
static void look(Fixture *f, Where where, uint64_t *values)
{
	for (size_t i = N; i-- > 0;)
		if (states[i].where == where)
			values[i] = states[i].get(f);
}

/* --- the ways to reset --- */

static void power_cut(Fixture *f)
{
	put(f->port, PORT_SLOT_CTL, 2, 0x05c0);
	put(f->port, PORT_SLOT_CTL, 2, 0x01c0);
}

static void whole_machine(Fixture *f)
{
	cxb_pci_host_reset(f->r.host, CXB_RESET_WARM);
}

static void secondary_bus_reset(Fixture *f)
{
	put(f->port, PORT_EXT_CTRL, 2, 1);
	put(f->port, PORT_BRIDGE_CTL, 2, 0x40);
	put(f->port, PORT_BRIDGE_CTL, 2, 0);
}

static void link_disable(Fixture *f)
{
	put(f->port, PORT_EXT_CTRL, 2, 2);
	put(f->port, PORT_LINK_CTL, 2, 0x10);
	put(f->port, PORT_LINK_CTL, 2, 0);
}

static void function_level(Fixture *f)
{
	put(f->t3, DEV_CTL + 1, 1, 0x80);
	g_assert_cmphex(cfg(f->t3, DEV_CTL, 2) & 0x8000, ==, 0);
}

static const struct {
	const char *name;
	CxbResetKind kind;
	void (*reset)(Fixture *f);
} ways[] = {
	{ "power-cut", CXB_RESET_COLD, power_cut },
	{ "whole-machine", CXB_RESET_WARM, whole_machine },
	{ "secondary-bus", CXB_RESET_HOT, secondary_bus_reset },
	{ "link-disable", CXB_RESET_HOT, link_disable },
	{ "function-level", CXB_RESET_FUNCTION, function_level },
};

static void check(size_t i, const char *way, const uint64_t *before, const uint64_t *set,
		  const uint64_t *after, CxbResetKind kind)
{
	const bool kept = states[i].kept[kind] == 'K';

	if (after[i] != (kept ? set[i] : before[i]))
		g_error("%s over %s: 0x%" PRIx64 " became 0x%" PRIx64 ", then 0x%" PRIx64,
			states[i].name, way, before[i], set[i], after[i]);
}

static void every_state_meets_every_reset(Fixture *f, gconstpointer way)
{
	const size_t w = GPOINTER_TO_SIZE(way);
	uint64_t before[N], set[N], after[N];

	look(f, CONFIG, before);
	look(f, MEMORY, before);
	for (size_t i = 0; i < N; i++) {
		states[i].set(f);
		if (states[i].where == CONFIG)
			set[i] = states[i].get(f);
	}
	look(f, MEMORY, set);
	for (size_t i = 0; i < N; i++)
		if (set[i] == before[i])
			g_error("%s does not change", states[i].name);
	for (unsigned pass = 0; pass < 2; pass++) { /* twice is once */
		set_mailbox_status(f);              /* spoilt by looking */
		set_mailbox_control(f);
		ways[w].reset(f);
		g_assert_cmphex(cfg(f->t3, 4, 2), ==, 0);
		g_assert_cmphex(cfg(f->t3, 0x10, 4), ==, 4);
		look(f, CONFIG, after);
		bring_up(f);
		look(f, MEMORY, after);
		for (size_t i = 0; i < N; i++)
			check(i, ways[w].name, before, set, after, ways[w].kind);
	}
}

/* Agreed on by both ends of the link; apart from the rest because others share its byte. */
static void payload_size_belongs_to_the_link(Fixture *f, gconstpointer way)
{
	const size_t w = GPOINTER_TO_SIZE(way);

	set_payload_size(f);
	ways[w].reset(f);
	g_assert_cmphex(get_payload_size(f), ==, ways[w].kind == CXB_RESET_FUNCTION ? 0x20 : 0);
}

/* Log 4 holds what is open, and nothing else, under new handles. */
static void what_is_open_is_announced_again(Fixture *f, gconstpointer way)
{
	static const uint8_t log_4[] = { 4 };
	const size_t w = GPOINTER_TO_SIZE(way);
	uint64_t handle;

	set_accepted(f);
	set_offered(f);
	g_assert_cmpuint(records(f, CXB_LOG_DC), ==, 3);
	handle = answer(f, CXB_OP_GET_EVENTS, log_4, 1, 0x34, 2);
	ways[w].reset(f);
	bring_up(f);
	g_assert_cmpuint(records(f, CXB_LOG_DC), ==, 2);
	g_assert_cmphex(answer(f, CXB_OP_GET_EVENTS, log_4, 1, 0x34, 2), ==, handle + 3);
	g_assert_cmphex(rd(f, REGS + 0x80, 4), ==, 1 << CXB_LOG_DC);
	g_assert_cmphex(respond(f, MIB(4), true), ==, CXB_RC_SUCCESS);
	g_assert_cmphex(respond(f, MIB(8), false), ==, CXB_RC_SUCCESS);
}

static void a_list_in_parts_is_dropped(Fixture *f, gconstpointer way)
{
	set_offered(f);
	g_assert_cmphex(respond(f, MIB(4), true), ==, CXB_RC_SUCCESS);
	ways[GPOINTER_TO_SIZE(way)].reset(f);
	bring_up(f);
	g_assert_cmphex(respond(f, MIB(8), false), ==, CXB_RC_INVALID_PA);
	g_assert_cmpuint(get_offered(f), ==, 1);
}

static void locked_registers_are_free_after_all_but_a_function_level_reset(Fixture *f,
									   gconstpointer way)
{
	const size_t w = GPOINTER_TO_SIZE(way);

	set_config_lock(f);
	ways[w].reset(f);
	set_mem_enable(f);
	g_assert_cmphex(get_mem_enable(f), ==, ways[w].kind == CXB_RESET_FUNCTION ? 2 : 6);
}

/* --- what a port holds back --- */

static void a_masked_reset_does_nothing(Fixture *f, gconstpointer unused)
{
	set_interrupt_line(f);
	set_decoder(f);
	put(f->port, PORT_BRIDGE_CTL, 2, 0x40);
	g_assert_cmphex(cfg(f->port, PORT_BRIDGE_CTL, 2), ==, 0x40);
	put(f->port, PORT_LINK_CTL, 2, 0x10);
	g_assert_cmphex(cfg(f->port, PORT_LINK_CTL + 2, 2), ==, 0x2105);
	g_assert_cmphex(get_interrupt_line(f), ==, 0x42);
	g_assert_cmphex(get_decoder(f), !=, 0);
	/* Unmasking later resets nothing either: it takes the bit going from 0 to 1. */
	put(f->port, PORT_EXT_CTRL, 2, 3);
	g_assert_cmphex(get_decoder(f), !=, 0);
	/* Each bit of the mask is for its own. */
	put(f->port, PORT_EXT_CTRL, 2, 2);
	put(f->port, PORT_BRIDGE_CTL, 2, 0);
	put(f->port, PORT_BRIDGE_CTL, 2, 0x40);
	put(f->port, PORT_EXT_CTRL, 2, 1);
	put(f->port, PORT_LINK_CTL, 2, 0);
	put(f->port, PORT_LINK_CTL, 2, 0x10);
	g_assert_cmphex(get_decoder(f), !=, 0);
	g_assert_cmphex(get_interrupt_line(f), ==, 0x42);
}

#define ADD_EACH(fn)                                                                   \
	for (size_t w = 0; w < G_N_ELEMENTS(ways); w++) {                              \
		g_autofree char *path =                                                \
			g_strdup_printf("/devices/resets/" #fn "/%s", ways[w].name);   \
		g_test_add(path, Fixture, GSIZE_TO_POINTER(w), set_up, fn, tear_down); \
	}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD_EACH(every_state_meets_every_reset);
	ADD_EACH(payload_size_belongs_to_the_link);
	ADD_EACH(what_is_open_is_announced_again);
	ADD_EACH(a_list_in_parts_is_dropped);
	ADD_EACH(locked_registers_are_free_after_all_but_a_function_level_reset);
	g_test_add("/devices/resets/a_masked_reset_does_nothing", Fixture, NULL, set_up,
		   a_masked_reset_does_nothing, tear_down);
	return g_test_run();
}
