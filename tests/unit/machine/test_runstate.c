/* SPDX-License-Identifier: Apache-2.0 */
/* Running and standing, resets and shutdowns: states as QEMU 11.1 shows them, and interrupts that
 * wait for a machine that stands. */
#include "machine/machine.h"

typedef struct {
	CxbMachine *m;
	GString *seen; /* a letter for each thing told */
	CxbBusIrq irq[3];
} Fixture;

static void on_run(void *opaque, const CxbRunState *state)
{
	g_string_append_c(opaque, *state == CXB_RUN_RUNNING ? 'r' : 's');
}

static void on_reset(void *opaque, const CxbResetCause *cause)
{
	g_string_append_c(opaque, 'R');
}

static void on_shutdown(void *opaque, const CxbMachineShutdown *event)
{
	g_string_append_c(opaque, event->ends ? 'E' : 'P');
	g_string_append_printf(opaque, "%d", event->cause);
}

static void setup(Fixture *f, gconstpointer stopped)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse("q35,cxl=on", "type", false, NULL);

	f->m = cxb_machine_new(&(CxbMachineConfig){ .virtual_clock = true });
	f->seen = g_string_new(NULL);
	if (stopped)
		cxb_machine_start_stopped(f->m);
	g_assert_true(cxb_machine_set_opts(f->m, opts, NULL));
	g_assert_true(cxb_machine_create(f->m, NULL));
	g_assert_true(cxb_machine_done(f->m, NULL));
	cxb_run_notify_add(cxb_machine_run_notify(f->m), on_run, f->seen);
	cxb_reset_notify_add(cxb_machine_reset_notify(f->m), on_reset, f->seen);
	cxb_shutdown_notify_add(cxb_machine_shutdown_notify(f->m), on_shutdown, f->seen);
}

static void teardown(Fixture *f, gconstpointer unused)
{
	cxb_machine_free(f->m);
	g_string_free(f->seen, TRUE);
}

/* What was told since the last time, and the state. */
#define check(f, told, what)                                          \
	do {                                                          \
		g_assert_cmpstr((f)->seen->str, ==, told);            \
		g_string_truncate((f)->seen, 0);                      \
		g_assert_cmpint(cxb_machine_state((f)->m), ==, what); \
	} while (0)

static void only_changes_are_told(Fixture *f, gconstpointer unused)
{
	check(f, "", CXB_RUN_RUNNING);
	g_assert_true(cxb_machine_cont(f->m, NULL));
	check(f, "", CXB_RUN_RUNNING);
	cxb_machine_stop(f->m);
	cxb_machine_stop(f->m);
	check(f, "s", CXB_RUN_PAUSED);
	g_assert_true(cxb_machine_cont(f->m, NULL));
	check(f, "r", CXB_RUN_RUNNING);
	cxb_machine_reset(f->m, CXB_RESET_QMP);
	check(f, "R", CXB_RUN_RUNNING);
}

static void a_reset_of_what_stands_is_a_start(Fixture *f, gconstpointer stopped)
{
	check(f, "", CXB_RUN_PRELAUNCH);
	cxb_machine_stop(f->m);
	check(f, "", CXB_RUN_PRELAUNCH);
	g_assert_true(cxb_machine_cont(f->m, NULL));
	cxb_machine_stop(f->m);
	check(f, "rs", CXB_RUN_PAUSED);
	cxb_machine_reset(f->m, CXB_RESET_QMP);
	check(f, "R", CXB_RUN_PRELAUNCH);
}

static void a_reset_that_is_a_shutdown_ends_once(Fixture *f, gconstpointer unused)
{
	cxb_machine_actions(f->m)->reset_is_shutdown = true;
	cxb_machine_reset(f->m, CXB_RESET_GUEST);
	cxb_machine_reset(f->m, CXB_RESET_QMP);
	cxb_machine_shutdown(f->m, CXB_SHUTDOWN_SIGNAL);
	check(f, "E3", CXB_RUN_RUNNING);
}

static void a_shutdown_that_pauses_stands_until_reset(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) err = NULL;

	*cxb_machine_actions(f->m) = (CxbMachineActions){ true, true };
	cxb_machine_reset(f->m, CXB_RESET_QMP);
	check(f, "P2s", CXB_RUN_SHUTDOWN);
	g_assert_false(cxb_machine_cont(f->m, &err));
	g_assert_cmpstr(err->message, ==, "Resetting the Virtual Machine is required");
	cxb_machine_stop(f->m);
	cxb_machine_reset(f->m, CXB_RESET_QMP);
	check(f, "P2", CXB_RUN_SHUTDOWN);
	cxb_machine_actions(f->m)->reset_is_shutdown = false;
	cxb_machine_reset(f->m, CXB_RESET_QMP);
	check(f, "R", CXB_RUN_PRELAUNCH);
	cxb_machine_shutdown(f->m, CXB_SHUTDOWN_QMP);
	check(f, "E0", CXB_RUN_PRELAUNCH);
}

/* --- interrupts --- */

static void on_irq_a(void *opaque)
{
	g_string_append_c(opaque, 'a');
}

static void on_irq_b(void *opaque)
{
	g_string_append_c(opaque, 'b');
}

static void on_irq_c(void *opaque)
{
	g_string_append_c(opaque, 'c');
}

static void raise_irq(Fixture *f, unsigned i)
{
	const uint32_t data = GUINT32_TO_LE(f->irq[i].data);

	cxb_memmap_write(cxb_machine_memmap(f->m), f->irq[i].addr, &data, sizeof(data));
}

static void alloc_irqs(Fixture *f)
{
	static const CxbBusIrqFn fns[] = { on_irq_a, on_irq_b, on_irq_c };
	CxbBus *bus = cxb_machine_bus(f->m);

	for (unsigned i = 0; i < G_N_ELEMENTS(fns); i++)
		g_assert_true(bus->ops->irq_alloc(bus, fns[i], f->seen, &f->irq[i], NULL));
}

static void interrupts_wait_in_order(Fixture *f, gconstpointer stopped)
{
	CxbWorkq *q = cxb_machine_workq(f->m);

	alloc_irqs(f);
	raise_irq(f, 2);
	raise_irq(f, 0);
	cxb_workq_drain(q);
	raise_irq(f, 2); /* is waiting already */
	raise_irq(f, 1);
	cxb_workq_drain(q);
	check(f, "", CXB_RUN_PRELAUNCH);
	g_assert_true(cxb_machine_cont(f->m, NULL));
	cxb_workq_drain(q);
	check(f, "rcab", CXB_RUN_RUNNING);
	raise_irq(f, 1);
	cxb_workq_drain(q);
	check(f, "b", CXB_RUN_RUNNING);
}

static void what_was_on_its_way_waits_too(Fixture *f, gconstpointer unused)
{
	alloc_irqs(f);
	raise_irq(f, 0);
	cxb_machine_stop(f->m);
	cxb_workq_drain(cxb_machine_workq(f->m));
	check(f, "s", CXB_RUN_PAUSED);
	g_assert_true(cxb_machine_cont(f->m, NULL));
	cxb_workq_drain(cxb_machine_workq(f->m));
	check(f, "ra", CXB_RUN_RUNNING);
}

static void one_given_back_while_it_waits_never_comes(Fixture *f, gconstpointer stopped)
{
	CxbBus *bus = cxb_machine_bus(f->m);

	alloc_irqs(f);
	raise_irq(f, 0);
	raise_irq(f, 1);
	cxb_workq_drain(cxb_machine_workq(f->m));
	raise_irq(f, 2);
	bus->ops->irq_free(bus, &f->irq[0]);
	bus->ops->irq_free(bus, &f->irq[2]);
	g_assert_true(cxb_machine_cont(f->m, NULL));
	cxb_workq_drain(cxb_machine_workq(f->m));
	check(f, "rb", CXB_RUN_RUNNING);
}

/* The devices that raised them start anew; what they raise then comes as ever. */
static void a_reset_discards_what_waits(Fixture *f, gconstpointer stopped)
{
	CxbWorkq *q = cxb_machine_workq(f->m);

	alloc_irqs(f);
	raise_irq(f, 0);
	raise_irq(f, 1);
	cxb_workq_drain(q);
	raise_irq(f, 2); /* not held back yet */
	cxb_machine_reset(f->m, CXB_RESET_QMP);
	g_assert_true(cxb_machine_cont(f->m, NULL));
	cxb_workq_drain(q);
	check(f, "Rr", CXB_RUN_RUNNING);
	raise_irq(f, 2);
	raise_irq(f, 0);
	cxb_workq_drain(q);
	check(f, "ca", CXB_RUN_RUNNING);
}

static void a_reset_discards_what_is_on_its_way(Fixture *f, gconstpointer unused)
{
	alloc_irqs(f);
	raise_irq(f, 1);
	cxb_machine_reset(f->m, CXB_RESET_QMP);
	cxb_workq_drain(cxb_machine_workq(f->m));
	check(f, "R", CXB_RUN_RUNNING);
}

#define TEST(name, stopped)                                                                    \
	g_test_add("/machine/runstate/" #name, Fixture, GINT_TO_POINTER(stopped), setup, name, \
		   teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST(only_changes_are_told, false);
	TEST(a_reset_of_what_stands_is_a_start, true);
	TEST(a_reset_that_is_a_shutdown_ends_once, false);
	TEST(a_shutdown_that_pauses_stands_until_reset, false);
	TEST(interrupts_wait_in_order, true);
	TEST(what_was_on_its_way_waits_too, false);
	TEST(one_given_back_while_it_waits_never_comes, true);
	TEST(a_reset_discards_what_waits, true);
	TEST(a_reset_discards_what_is_on_its_way, false);
	return g_test_run();
}
