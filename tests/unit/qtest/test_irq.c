/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static void lines_are_told_at_a_change_of_level(void)
{
	g_autoptr(World) w = world_new();

	ask(w, "irq_intercept_in ioapic", "OK");
	ask(w, "irq_intercept_in ioapic", "OK");
	say(w->peer, "set_irq_in ioapic unnamed-gpio-in 5 1\n");
	expect(w->peer, "IRQ raise 5");
	expect(w->peer, "OK");
	ask(w, "set_irq_in ioapic unnamed-gpio-in 5 1", "OK");
	say(w->peer, "set_irq_in ioapic unnamed-gpio-in 5 0\n");
	expect(w->peer, "IRQ lower 5");
	expect(w->peer, "OK");
	g_assert_false(cxb_machine_irq_level(w->machine, 5));
	ask(w, "inb 0", "OK 0x00ff"); /* how libqtest polls */
}

static void nothing_is_told_without_intercept(void)
{
	g_autoptr(World) w = world_new();

	ask(w, "set_irq_in ioapic unnamed-gpio-in 23 1", "OK");
	g_assert_true(cxb_machine_irq_level(w->machine, 23));
	expect(w->peer, NULL);
}

static void one_device_a_run(void)
{
	static const Exchange rows[] = {
		{ "irq_intercept_out cxl-vmem0", "FAIL No intercepts installed" },
		{ "irq_intercept_out ioapic name", "FAIL No intercepts installed" },
		{ "irq_intercept_in nosuch", "FAIL Unknown device" },
		{ "irq_intercept_in /machine", "FAIL Unknown device" }, /* not a device */
		{ "irq_intercept_in ioapic name",
		  "FAIL Interception of named in-GPIOs not yet supported" },
		{ "irq_intercept_in", "FAIL device is missing" },
		{ "irq_intercept_in ", "FAIL Unknown device" },
		{ "irq_intercept_in ioapic", "OK" },
		{ "irq_intercept_in cxl-vmem0", "FAIL IRQ intercept already enabled" },
		{ "irq_intercept_out cxl-vmem0", "FAIL IRQ intercept already enabled" },
		{ "irq_intercept_out ioapic", "OK" },
		{ NULL },
	};
	g_autoptr(World) w = world_new();

	ask_all(w, rows);
}

static void unknown_lines_are_refused(void)
{
	static const Exchange rows[] = {
		{ "set_irq_in ioapic unnamed-gpio-in 24 1", "FAIL no such interrupt line" },
		{ "set_irq_in ioapic unnamed-gpio-in 0x100000005 1",
		  "FAIL no such interrupt line" },
		{ "set_irq_in ioapic named 5 1", "FAIL no such interrupt line" },
		{ "set_irq_in cxl-vmem0 unnamed-gpio-in 0 1", "FAIL no such interrupt line" },
		{ "set_irq_in nosuch unnamed-gpio-in 0 1", "FAIL Unknown device" },
		{ "set_irq_in ioapic unnamed-gpio-in 0",
		  "FAIL line or level is missing or not a number" },
		{ "set_irq_in ioapic unnamed-gpio-in x 1",
		  "FAIL line or level is missing or not a number" },
		{ "set_irq_in", "FAIL device is missing" },
		{ NULL },
	};
	g_autoptr(World) w = world_new();

	ask_all(w, rows);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(fn) g_test_add_func("/qtest/irq/" #fn, fn)
	ADD(lines_are_told_at_a_change_of_level);
	ADD(nothing_is_told_without_intercept);
	ADD(one_device_a_run);
	ADD(unknown_lines_are_refused);
	return g_test_run();
}
