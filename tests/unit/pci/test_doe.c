/* SPDX-License-Identifier: Apache-2.0 */
/* Data object exchange (PCIe 6.0 6.30, 7.9.24). */
#include "base/bytes.h"
#include "pci/doe.h"
#include "rig.h"

#define DOE    0x190
#define CTL    (DOE + PCIE_DOE_CTL)
#define STA    (DOE + PCIE_DOE_STA)
#define WR     (DOE + PCIE_DOE_WRITE)
#define RD     (DOE + PCIE_DOE_READ)
#define VECTOR 5

#define BUSY  PCIE_DOE_STA_BUSY
#define INT   PCIE_DOE_STA_INT
#define ERROR PCIE_DOE_STA_ERROR
#define READY PCIE_DOE_STA_READY
#define GO    PCIE_DOE_CTL_GO
#define ABORT PCIE_DOE_CTL_ABORT
#define IE    PCIE_DOE_CTL_INT_EN

/* Protocols of the test: echo answers its payload, drop refuses, odd answers 5 bytes, call runs
 * what the test wants to be run from inside of a handler. */
#define VENDOR 0x1e98
enum { ECHO = 2, DROP = 3, ODD = 4, CALL = 5, BIG = 6 };
#define ECHO_MAX 5
#define BIG_RESP 100

typedef struct {
	Rig rig;
	CxbPciDev *ep;
	uint32_t seen; /* status inside of the handler, after hook ran */
} Fixture;

static Fixture *now;
static void (*hook)(Fixture *f);
static unsigned calls;

static bool echo(void *opaque, CxbRd *in, CxbWr *out)
{
	const size_t n = in->left;

	calls++;
	g_assert_cmpuint(n, <=, (ECHO_MAX - CXB_DOE_HEADER_DWORDS) * 4);
	return cxb_wr_copy(out, cxb_rd_take(in, n), n);
}

static bool drop(void *opaque, CxbRd *in, CxbWr *out)
{
	cxb_wr_copy(out, "abcd", 4);
	return false;
}

static bool odd(void *opaque, CxbRd *in, CxbWr *out)
{
	return cxb_wr_copy(out, "\x01\x02\x03\x04\x05", 5);
}

static bool call(void *opaque, CxbRd *in, CxbWr *out)
{
	g_assert_true(opaque == now->ep);
	if (hook)
		hook(now);
	now->seen = rig_get(now->ep, STA, 4);
	return cxb_wr_copy(out, "call", 4);
}

static bool big(void *opaque, CxbRd *in, CxbWr *out)
{
	g_assert_cmpuint(cxb_wr_left(out), ==, (BIG_RESP - CXB_DOE_HEADER_DWORDS) * 4);
	g_assert_null(cxb_wr_room(out, cxb_wr_left(out) + 1));
	return cxb_wr_room(out, cxb_wr_left(out));
}

static const CxbDoeProtocol protocols[] = {
	{ VENDOR, ECHO, ECHO_MAX, ECHO_MAX, echo },
	{ VENDOR, DROP, 3, 3, drop },
	{ VENDOR, ODD, 3, 4, odd },
	{ VENDOR, CALL, 3, 3, call },
	{ 0xabcd, BIG, 2, BIG_RESP, big },
};

static bool with_vector(CxbPciDev *dev, GError **errp)
{
	if (!cxb_msix_init(dev, 8, 4, 0x1000, 0, 0x800, 0x40, errp))
		return false;
	g_assert_cmphex(cxb_doe_init(dev, DOE, protocols, G_N_ELEMENTS(protocols), VECTOR, dev), ==,
			DOE);
	return true;
}

static bool without_vector(CxbPciDev *dev, GError **errp)
{
	cxb_doe_init(dev, DOE, NULL, 0, CXB_DOE_NO_VECTOR, NULL);
	return true;
}

static const CxbPciClass with_class = { .device = CXB_PCI_DEVICE_CLASS,
					.is_express = true,
					.realize = with_vector };
static const CxbPciClass without_class = { .device = CXB_PCI_DEVICE_CLASS,
					   .is_express = true,
					   .realize = without_vector };
static const CxbType types[] = {
	{ .name = "doe",
	  .parent = CXB_TYPE_NAME_PCI_DEVICE,
	  .size = sizeof(CxbPciDev),
	  .flags = CXB_TYPE_DEVICE,
	  .klass = &with_class },
	{ .name = "doe-quiet",
	  .parent = CXB_TYPE_NAME_PCI_DEVICE,
	  .size = sizeof(CxbPciDev),
	  .flags = CXB_TYPE_DEVICE,
	  .klass = &without_class },
};

static void set_up(Fixture *f, gconstpointer unused)
{
	rig_init(&f->rig);
	for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
		cxb_qom_register(f->rig.qom, &types[i]);
	f->ep = rig_must(&f->rig, "doe,id=ep,addr=1");
	now = f;
	hook = NULL;
	calls = 0;
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	rig_fini(&f->rig);
}

static void request(CxbPciDev *dev, uint16_t vendor, uint8_t type, unsigned n, ...)
{
	va_list ap;

	rig_put(dev, WR, 4, vendor | (uint32_t)type << 16);
	rig_put(dev, WR, 4, n + 2);
	va_start(ap, n);
	for (unsigned i = 0; i < n; i++)
		rig_put(dev, WR, 4, va_arg(ap, uint32_t));
	va_end(ap);
}

static uint32_t next(CxbPciDev *dev)
{
	const uint32_t val = rig_get(dev, RD, 4);

	rig_put(dev, RD, 4, 0);
	return val;
}

static void expect_status(const Fixture *f, uint32_t status)
{
	g_assert_cmphex(rig_get(f->ep, STA, 4), ==, status);
}

static void capability_shows_the_vector(Fixture *f, gconstpointer unused)
{
	CxbPciDev *quiet = rig_must(&f->rig, "doe-quiet,id=q,addr=2");

	g_assert_cmphex(rig_get(f->ep, DOE, 4), ==, 0x0001002e);
	g_assert_cmphex(rig_get(f->ep, DOE + 4, 4), ==, VECTOR << 1 | 1);
	g_assert_cmphex(rig_get(quiet, DOE + 4, 4), ==, 0);
	for (unsigned off = 0; off < PCIE_DOE_LEN; off += 4)
		if (off != PCIE_DOE_CTL)
			rig_put(quiet, DOE + off, 4, 0xffffffff);
	rig_put(quiet, CTL, 4, 0x7ffffffe);
	g_assert_cmphex(rig_get(quiet, DOE, 4), ==, 0x0001002e);
	g_assert_cmphex(rig_get(quiet, CTL, 4), ==, 0);
	rig_put(f->ep, CTL, 4, 0x7ffffffe);
	g_assert_cmphex(rig_get(f->ep, CTL, 4), ==, IE);
	expect_status(f, 0);
}

static void an_answer_is_read_dword_by_dword(Fixture *f, gconstpointer unused)
{
	request(f->ep, VENDOR, ECHO, 2, 0x11223344, 0x55667788);
	expect_status(f, 0);
	rig_put(f->ep, CTL, 4, GO);
	g_assert_cmphex(rig_get(f->ep, CTL, 4), ==, 0);
	expect_status(f, READY);
	g_assert_cmphex(rig_get(f->ep, WR, 4), ==, 0);
	g_assert_cmphex(rig_get(f->ep, RD, 4), ==, 0x00021e98); /* reading moves nothing */
	g_assert_cmphex(next(f->ep), ==, 0x00021e98);
	g_assert_cmphex(next(f->ep), ==, 4);
	g_assert_cmphex(next(f->ep), ==, 0x11223344);
	expect_status(f, READY);
	g_assert_cmphex(next(f->ep), ==, 0x55667788);
	expect_status(f, 0);
	g_assert_cmphex(next(f->ep), ==, 0);
	expect_status(f, 0);
	/* And the next one. */
	request(f->ep, VENDOR, ECHO, 0);
	rig_put(f->ep, CTL, 4, GO);
	g_assert_cmphex(next(f->ep), ==, 0x00021e98);
	g_assert_cmphex(next(f->ep), ==, 2);
	expect_status(f, 0);
}

static void a_part_of_a_dword_is_filled_up(Fixture *f, gconstpointer unused)
{
	request(f->ep, VENDOR, ODD, 0);
	rig_put(f->ep, CTL, 4, GO);
	next(f->ep);
	g_assert_cmphex(next(f->ep), ==, 4);
	g_assert_cmphex(next(f->ep), ==, 0x04030201);
	g_assert_cmphex(next(f->ep), ==, 0x00000005);
	expect_status(f, 0);
}

static void the_longest_answer_fits(Fixture *f, gconstpointer unused)
{
	request(f->ep, 0xabcd, BIG, 0);
	rig_put(f->ep, CTL, 4, GO);
	g_assert_cmphex(next(f->ep), ==, 0x0006abcd);
	g_assert_cmpuint(next(f->ep), ==, BIG_RESP);
	for (unsigned i = 2; i < BIG_RESP; i++) {
		expect_status(f, READY);
		next(f->ep);
	}
	expect_status(f, 0);
}

/* 6.30.1.1: index 0 is discovery itself, 0 as the next index ends the list. */
static void discovery_lists_every_protocol(Fixture *f, gconstpointer unused)
{
	static const uint32_t list[] = { 0x01000001, 0x02021e98, 0x03031e98,
					 0x04041e98, 0x05051e98, 0x0006abcd };

	for (unsigned i = 0; i <= G_N_ELEMENTS(list); i++) {
		/* The version byte and what is reserved do not matter. */
		request(f->ep, PCIE_DOE_VENDOR_SIG, 0, 1, i | 0xabcd0100);
		rig_put(f->ep, CTL, 4, GO);
		expect_status(f, READY);
		g_assert_cmphex(next(f->ep), ==, 0x00000001);
		g_assert_cmphex(next(f->ep), ==, 3);
		g_assert_cmphex(next(f->ep), ==, i < G_N_ELEMENTS(list) ? list[i] : 0x0000ffff);
		expect_status(f, 0);
	}
}

static void what_is_not_understood_is_dropped(Fixture *f, gconstpointer unused)
{
	static const struct {
		uint32_t dwords[5];
		unsigned n;
	} rows[] = {
		{ { 0 }, 0 },
		{ { 0x00021e98 }, 1 },
		{ { 0x00021e98, 3 }, 2 },       /* short */
		{ { 0x00021e98, 2, 0 }, 3 },    /* long */
		{ { 0x00021e98, 1 }, 2 },       /* shorter than its header */
		{ { 0x00021e98, 0 }, 2 },       /* 2^18 */
		{ { 0x00021e98, 0x3ffff }, 2 }, /* nearly */
		{ { 0x00071e98, 2 }, 2 },       /* no such type */
		{ { 0x0002abcd, 2 }, 2 },       /* not of this vendor */
		{ { 0x00031e98, 3, 0 }, 3 },    /* its handler refuses */
		{ { 0x00031e98, 4, 0, 0 }, 4 }, /* more than this protocol takes */
		{ { 0x00000001, 2 }, 2 },       /* discovery without an index */
		{ { 0x00000001, 4, 0, 0 }, 4 }, /* and with too much */
	};

	rig_put(f->ep, CTL, 4, IE);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		for (unsigned j = 0; j < rows[i].n; j++)
			rig_put(f->ep, WR, 4, rows[i].dwords[j]);
		rig_put(f->ep, CTL, 4, GO | IE);
		expect_status(f, 0);
		g_assert_cmphex(rig_get(f->ep, RD, 4), ==, 0);
		g_assert_cmpuint(calls, ==, 0);
	}
	/* Reserved bits of the header do not matter, and nothing is left of the above. */
	rig_put(f->ep, WR, 4, 0xff021e98);
	rig_put(f->ep, WR, 4, 0xfffc0002);
	rig_put(f->ep, CTL, 4, GO);
	expect_status(f, READY);
	g_assert_cmphex(next(f->ep), ==, 0x00021e98);
}

/* --- every state, every operation --- */

enum state { IN_IDLE, IN_FULL, IN_BUSY, IN_READY, IN_READY_LAST, IN_ERROR, N_STATES };

static void op_write(Fixture *f)
{
	rig_put(f->ep, WR, 4, 0x12345678);
}

static void op_go(Fixture *f)
{
	rig_put(f->ep, CTL, 4, GO);
}

static void op_next(Fixture *f)
{
	rig_put(f->ep, RD, 4, 0xffffffff);
}

static void op_abort(Fixture *f)
{
	rig_put(f->ep, CTL, 4, ABORT);
}

static void op_abort_go(Fixture *f)
{
	rig_put(f->ep, CTL, 4, ABORT | GO);
}

static void op_reset(Fixture *f)
{
	cxb_pci_host_reset(f->rig.host, CXB_RESET_WARM);
}

static void enter(Fixture *f, enum state state)
{
	switch (state) {
	case IN_FULL:
		request(f->ep, VENDOR, ECHO, 3, 1, 2, 3);
		break;
	case IN_READY:
		request(f->ep, VENDOR, ECHO, 0);
		op_go(f);
		break;
	case IN_READY_LAST:
		enter(f, IN_READY);
		op_next(f);
		break;
	case IN_ERROR:
		enter(f, IN_FULL);
		op_write(f);
		break;
	default:
		break;
	}
}

static void every_state_meets_every_operation(Fixture *f, gconstpointer unused)
{
	static const struct {
		const char *name;
		void (*op)(Fixture *f);
		uint32_t status[N_STATES]; /* afterwards */
	} rows[] = {
		/*                       idle   full   busy   ready  last   error */
		{ "write", op_write, { 0, ERROR, ERROR, ERROR, ERROR, ERROR } },
		{ "go", op_go, { 0, READY, ERROR, ERROR, ERROR, ERROR } },
		{ "next", op_next, { 0, 0, BUSY, READY, 0, ERROR } },
		{ "abort", op_abort, { 0, 0, 0, 0, 0, 0 } },
		{ "abort and go", op_abort_go, { 0, 0, 0, 0, 0, 0 } },
		{ "reset", op_reset, { 0, 0, 0, 0, 0, 0 } },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
		for (unsigned s = 0; s < N_STATES; s++) {
			g_test_message("%s in state %u", rows[i].name, s);
			if (s == IN_BUSY) {
				hook = rows[i].op;
				request(f->ep, VENDOR, CALL, 0);
				op_go(f);
				g_assert_cmphex(f->seen, ==, rows[i].status[s]);
				/* An answer given meanwhile counts only if nothing happened. */
				expect_status(f, rows[i].status[s] == BUSY ? READY
									   : rows[i].status[s]);
			} else {
				enter(f, s);
				rows[i].op(f);
				expect_status(f, rows[i].status[s]);
			}
			g_assert_cmphex(rig_get(f->ep, RD, 4) != 0, ==,
					rig_get(f->ep, STA, 4) == READY);
			/* From wherever it is, abort leads to a mailbox that works. */
			op_abort(f);
			expect_status(f, 0);
			request(f->ep, VENDOR, ECHO, 1, 7);
			op_go(f);
			expect_status(f, READY);
			next(f->ep);
			g_assert_cmphex(next(f->ep), ==, 3);
			g_assert_cmphex(next(f->ep), ==, 7);
			expect_status(f, 0);
		}
}

static void abort_and_ask_again(Fixture *f)
{
	hook = NULL;
	op_abort(f);
	request(f->ep, VENDOR, ECHO, 0);
	op_go(f);
}

static void an_aborted_handler_keeps_the_mailbox_until_it_returns(Fixture *f, gconstpointer unused)
{
	hook = abort_and_ask_again;
	request(f->ep, VENDOR, CALL, 0);
	op_go(f);
	g_assert_cmphex(f->seen, ==, ERROR);
	expect_status(f, ERROR);
	g_assert_cmpuint(calls, ==, 0);
}

static void interrupts_on(Fixture *f)
{
	rig_put(f->ep, PCI_BAR0 + 16, 4, 0xe0000000);
	rig_mem_on(f->ep);
	rig_put(f->ep, 0x42, 2, 0x8000);
	rig_write32(&f->rig, 0xe0000000 + 16 * VECTOR, 0xfee00000);
	rig_write32(&f->rig, 0xe0000008 + 16 * VECTOR, 0x4711);
	rig_write32(&f->rig, 0xe000000c + 16 * VECTOR, 0);
}

static void an_interrupt_comes_with_ready_and_with_error(Fixture *f, gconstpointer unused)
{
	const GArray *m = f->rig.messages;

	interrupts_on(f);
	enter(f, IN_READY);
	expect_status(f, READY); /* not enabled */
	g_assert_cmpuint(m->len, ==, 0);
	op_abort(f);
	rig_put(f->ep, CTL, 4, IE);
	expect_status(f, 0);
	request(f->ep, VENDOR, ECHO, 0);
	rig_put(f->ep, CTL, 4, GO | IE);
	expect_status(f, READY | INT);
	g_assert_cmpuint(m->len, ==, 1);
	g_assert_cmphex(g_array_index(m, RigMessage, 0).data, ==, 0x4711);
	next(f->ep);
	next(f->ep);
	expect_status(f, INT);
	/* Once until it is acknowledged. */
	request(f->ep, VENDOR, ECHO, 0);
	rig_put(f->ep, CTL, 4, GO | IE);
	expect_status(f, READY | INT);
	g_assert_cmpuint(m->len, ==, 1);
	rig_put(f->ep, STA, 4, ~INT);
	expect_status(f, READY | INT);
	rig_put(f->ep, STA, 4, 0xffffffff);
	expect_status(f, READY);
	/* Error, here a request while an answer waits. */
	op_write(f);
	expect_status(f, ERROR | INT);
	g_assert_cmpuint(m->len, ==, 2);
	/* Abort takes back everything but the interrupt's status; a reset also that. */
	rig_put(f->ep, CTL, 4, ABORT | IE);
	expect_status(f, INT);
	op_reset(f);
	expect_status(f, 0);
	g_assert_cmphex(rig_get(f->ep, CTL, 4), ==, 0);
}

static void enabling_and_going_may_come_together(Fixture *f, gconstpointer unused)
{
	interrupts_on(f);
	request(f->ep, VENDOR, ECHO, 0);
	rig_put(f->ep, CTL, 4, GO | IE);
	expect_status(f, READY | INT);
	g_assert_cmpuint(f->rig.messages->len, ==, 1);
}

static void a_mailbox_without_a_vector_is_polled(Fixture *f, gconstpointer unused)
{
	CxbPciDev *quiet = rig_must(&f->rig, "doe-quiet,id=q,addr=2");

	request(quiet, PCIE_DOE_VENDOR_SIG, 0, 1, 0);
	rig_put(quiet, CTL, 4, GO | IE);
	g_assert_cmphex(rig_get(quiet, STA, 4), ==, READY);
	g_assert_cmphex(next(quiet), ==, 1);
	next(quiet);
	g_assert_cmphex(next(quiet), ==, 1); /* the only one */
}

/* 1, 2 and 4 bytes, aligned or not, give the same. */
static void put_by(CxbPciDev *dev, unsigned size, unsigned off, uint32_t val)
{
	for (unsigned i = 0; i < 4; i += size)
		rig_put(dev, off + i, size, val >> (8 * i));
}

static uint32_t get_by(CxbPciDev *dev, unsigned size, unsigned off)
{
	uint32_t val = 0;

	for (unsigned i = 0; i < 4; i += size)
		val |= rig_get(dev, off + i, size) << (8 * i);
	return val;
}

static void narrow_accesses_do_the_same(Fixture *f, gconstpointer unused)
{
	static const uint32_t req[] = { 0x00021e98, 3, 0xa1b2c3d4 };

	for (unsigned size = 1; size <= 4; size *= 2) {
		for (unsigned i = 0; i < G_N_ELEMENTS(req); i++)
			put_by(f->ep, size, WR, req[i]);
		put_by(f->ep, size, CTL, GO);
		g_assert_cmphex(get_by(f->ep, size, STA), ==, READY);
		for (unsigned i = 0; i < G_N_ELEMENTS(req); i++) {
			g_assert_cmphex(get_by(f->ep, size, RD), ==, req[i]);
			put_by(f->ep, size, RD, 0);
		}
		g_assert_cmphex(get_by(f->ep, size, STA), ==, 0);
	}
	/* A part given up by an abort does not show in what comes after. */
	rig_put(f->ep, WR, 2, 0xffff);
	rig_put(f->ep, WR + 2, 1, 0xff);
	rig_put(f->ep, CTL, 1, ABORT);
	rig_put(f->ep, WR + 3, 1, 0x00);
	expect_status(f, 0);
	rig_put(f->ep, CTL, 1, ABORT);
	/* Across registers: bytes of each. */
	rig_put(f->ep, STA + 2, 4, 0x1e980000);
	rig_put(f->ep, WR + 2, 4, 0x00000002);
	expect_status(f, 0);
	rig_put(f->ep, CTL, 1, ABORT);
	/* One byte is enough to go or to move on. */
	request(f->ep, VENDOR, ECHO, 0);
	rig_put(f->ep, CTL + 3, 1, 0x7f);
	expect_status(f, 0);
	rig_put(f->ep, CTL + 3, 1, 0x80);
	expect_status(f, READY);
	rig_put(f->ep, RD, 1, 0);
	g_assert_cmphex(rig_get(f->ep, RD, 4), ==, 2);
	rig_put(f->ep, RD + 1, 1, 0);
	rig_put(f->ep, RD + 2, 2, 0);
	expect_status(f, READY);
}

#define ADD(name) g_test_add("/pci/doe/" #name, Fixture, NULL, set_up, name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(capability_shows_the_vector);
	ADD(an_answer_is_read_dword_by_dword);
	ADD(a_part_of_a_dword_is_filled_up);
	ADD(the_longest_answer_fits);
	ADD(discovery_lists_every_protocol);
	ADD(what_is_not_understood_is_dropped);
	ADD(every_state_meets_every_operation);
	ADD(an_aborted_handler_keeps_the_mailbox_until_it_returns);
	ADD(an_interrupt_comes_with_ready_and_with_error);
	ADD(enabling_and_going_may_come_together);
	ADD(a_mailbox_without_a_vector_is_polled);
	ADD(narrow_accesses_do_the_same);
	return g_test_run();
}
