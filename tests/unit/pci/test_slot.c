/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link and slot registers of ports, hot-plug events. Register values are those QEMU 11.1.3 shows for
 * cxl-rp and cxl-downstream with and without a device; events from PCIe 6.0 6.7.3.
 */
#include "rig.h"

#define LINK_STA (0x80 + 0x12)
#define SLOT_CTL (0x80 + 0x18)
#define SLOT_STA (0x80 + 0x1a)

typedef struct {
	Rig rig;
	CxbPciDev *rp, *dp, *ejected;
} Fixture;

static void eject(void *opaque, CxbPciDev *port)
{
	Fixture *f = opaque;

	f->ejected = port;
	if (port->secondary->functions[0])
		cxb_device_remove(&port->secondary->functions[0]->dev);
}

static void set_up(Fixture *f, gconstpointer unused)
{
	CxbPciDev *rp;

	rig_init(&f->rig);
	f->ejected = NULL;
	f->rp = rig_must(&f->rig, "rig-port,id=rp,addr=1");
	rp = rig_must(&f->rig, "rig-port,id=rp2,addr=2");
	rig_must(&f->rig, "rig-upstream,id=us,bus=rp2");
	f->dp = rig_must(&f->rig, "rig-downstream,id=dp,bus=us");
	cxb_pci_host_set_eject(f->rig.host, eject, f);
	/* MSI on, hot-plug interrupt off. */
	rig_mem_on(rp);
	rig_mem_on(f->rp);
	rig_put(f->rp, 0x64, 4, 0xfee00000);
	rig_put(f->rp, 0x62, 2, 1);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	rig_fini(&f->rig);
}

static void an_empty_port_shows_so(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(rig_get(f->rp, LINK_STA, 2), ==, 0x0206);
	g_assert_cmphex(rig_get(f->rp, SLOT_CTL, 2), ==, 0x07c0);
	g_assert_cmphex(rig_get(f->rp, SLOT_STA, 2), ==, 0x0000);
	g_assert_cmphex(rig_get(f->dp, LINK_STA, 2), ==, 0x0106);
	g_assert_cmphex(rig_get(f->dp, SLOT_CTL, 2), ==, 0x03c0);
	g_assert_cmphex(rig_get(f->dp, SLOT_STA, 2), ==, 0x0000);
}

static void a_port_with_a_device_shows_the_link(Fixture *f, gconstpointer unused)
{
	rig_must(&f->rig, "rig-endpoint,id=a,bus=rp");
	rig_must(&f->rig, "rig-endpoint,id=b,bus=dp");
	for (unsigned pass = 0; pass < 2; pass++) {
		CxbPciDev *const ports[] = { f->rp, f->dp };

		for (unsigned i = 0; i < 2; i++) {
			g_assert_cmphex(rig_get(ports[i], LINK_STA, 2), ==, 0x2105);
			g_assert_cmphex(rig_get(ports[i], SLOT_CTL, 2), ==, 0x03c0);
			g_assert_cmphex(rig_get(ports[i], SLOT_STA, 2), ==, 0x0040);
		}
		cxb_pci_host_reset(f->rig.host, CXB_RESET_WARM);
	}
}

static void hotplug_raises_presence_and_a_message(Fixture *f, gconstpointer unused)
{
	CxbPciDev *dev;

	rig_put(f->rp, SLOT_CTL, 2, 0x07c0 | 0x28);
	rig_put(f->rp, SLOT_STA, 2, 0x0010);
	g_array_set_size(f->rig.messages, 0);
	dev = rig_hotplug(&f->rig, "rig-endpoint,id=a,bus=rp", NULL);
	g_assert_cmphex(rig_get(f->rp, SLOT_STA, 2), ==, 0x0049);
	g_assert_cmphex(rig_get(f->rp, LINK_STA, 2), ==, 0x2105);
	g_assert_cmpuint(f->rig.messages->len, ==, 1);
	/* Reported once until cleared. */
	cxb_device_remove(&dev->dev);
	g_assert_cmpuint(f->rig.messages->len, ==, 1);
	g_assert_cmphex(rig_get(f->rp, SLOT_STA, 2), ==, 0x0009);
	g_assert_cmphex(rig_get(f->rp, LINK_STA, 2), ==, 0x0206);
	rig_put(f->rp, SLOT_STA, 2, 0x0009);
	g_assert_cmphex(rig_get(f->rp, SLOT_STA, 2), ==, 0x0000);
	g_assert_nonnull(rig_hotplug(&f->rig, "rig-endpoint,id=a,bus=rp", NULL));
	g_assert_cmpuint(f->rig.messages->len, ==, 2);
}

static void events_not_asked_for_are_silent(Fixture *f, gconstpointer unused)
{
	rig_hotplug(&f->rig, "rig-endpoint,id=a,bus=rp", NULL);
	g_assert_cmpuint(f->rig.messages->len, ==, 0);
	g_assert_cmphex(rig_get(f->rp, SLOT_STA, 2), ==, 0x0049);
	/* Enabling afterwards reports what is there. */
	rig_put(f->rp, SLOT_CTL, 2, 0x07c0 | 0x28);
	g_assert_cmpuint(f->rig.messages->len, ==, 1);
}

static void every_command_completes(Fixture *f, gconstpointer unused)
{
	rig_put(f->rp, SLOT_CTL, 2, 0xffff & ~0x0800);
	g_assert_cmphex(rig_get(f->rp, SLOT_CTL, 2), ==, 0x17fb);
	g_assert_cmphex(rig_get(f->rp, SLOT_STA, 2), ==, 0x0010);
	rig_put(f->rp, SLOT_STA, 2, 0x0010);
	g_assert_cmphex(rig_get(f->rp, SLOT_STA, 2), ==, 0x0000);
	/* Without a power controller its bit stays 0. */
	rig_put(f->dp, SLOT_CTL, 2, 0x07c0);
	g_assert_cmphex(rig_get(f->dp, SLOT_CTL, 2), ==, 0x03c0);
}

static void the_interlock_toggles(Fixture *f, gconstpointer unused)
{
	rig_put(f->rp, SLOT_CTL, 2, 0x07c0 | 0x0800);
	g_assert_cmphex(rig_get(f->rp, SLOT_CTL, 2), ==, 0x07c0);
	g_assert_cmphex(rig_get(f->rp, SLOT_STA, 2), ==, 0x0090);
	rig_put(f->rp, SLOT_CTL, 2, 0x07c0 | 0x0800);
	g_assert_cmphex(rig_get(f->rp, SLOT_STA, 2) & 0x80, ==, 0);
}

static void a_slot_never_switched_on_ejects_at_once(Fixture *f, gconstpointer unused)
{
	rig_hotplug(&f->rig, "rig-endpoint,id=a,bus=rp", NULL);
	rig_put(f->rp, SLOT_STA, 2, 1);
	g_assert_false(cxb_pcie_slot_eject_request(f->rp));
	g_assert_cmphex(rig_get(f->rp, SLOT_STA, 2) & 1, ==, 0);
}

static void a_running_slot_is_let_go_by_the_host(Fixture *f, gconstpointer unused)
{
	rig_hotplug(&f->rig, "rig-endpoint,id=a,bus=rp", NULL);
	rig_put(f->rp, SLOT_CTL, 2, 0x01c0 | 0x21);
	rig_put(f->rp, SLOT_STA, 2, 0x0019);
	g_array_set_size(f->rig.messages, 0);
	g_assert_true(cxb_pcie_slot_eject_request(f->rp));
	g_assert_cmphex(rig_get(f->rp, SLOT_STA, 2), ==, 0x0041);
	g_assert_cmpuint(f->rig.messages->len, ==, 1);
	rig_put(f->rp, SLOT_CTL, 2, 0x02c0 | 0x21);
	rig_put(f->rp, SLOT_CTL, 2, 0x03c0 | 0x21);
	g_assert_null(f->ejected);
	rig_put(f->rp, SLOT_CTL, 2, 0x07c0 | 0x21);
	g_assert_true(f->ejected == f->rp);
	g_assert_null(f->rp->secondary->functions[0]);
	g_assert_cmphex(rig_get(f->rp, SLOT_STA, 2) & 0x48, ==, 0x08);
}

static void a_slot_without_power_control_goes_by_its_indicator(Fixture *f, gconstpointer unused)
{
	rig_hotplug(&f->rig, "rig-endpoint,id=a,bus=dp", NULL);
	rig_put(f->dp, SLOT_CTL, 2, 0x01c0);
	g_assert_true(cxb_pcie_slot_eject_request(f->dp));
	rig_put(f->dp, SLOT_CTL + 1, 1, 0x03);
	g_assert_true(f->ejected == f->dp);
}

#define ADD(name) g_test_add("/pci/slot/" #name, Fixture, NULL, set_up, name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(an_empty_port_shows_so);
	ADD(a_port_with_a_device_shows_the_link);
	ADD(hotplug_raises_presence_and_a_message);
	ADD(events_not_asked_for_are_silent);
	ADD(every_command_completes);
	ADD(the_interlock_toggles);
	ADD(a_slot_never_switched_on_ejects_at_once);
	ADD(a_running_slot_is_let_go_by_the_host);
	ADD(a_slot_without_power_control_goes_by_its_indicator);
	return g_test_run();
}
