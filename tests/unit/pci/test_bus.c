/* SPDX-License-Identifier: Apache-2.0 */
/* Slots, addresses and refusals. The texts are QEMU's, which scripts look for. */
#include "rig.h"

typedef struct {
	Rig rig;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
	rig_init(&f->rig);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	rig_fini(&f->rig);
}

static void slots_are_handed_out_in_order(Fixture *f, gconstpointer unused)
{
	f->rig.root->min_slot = 1;
	rig_must(&f->rig, "rig-legacy,id=a,addr=2");
	g_assert_cmphex(rig_must(&f->rig, "rig-legacy")->devfn, ==, 0x08);
	g_assert_cmphex(rig_must(&f->rig, "rig-legacy")->devfn, ==, 0x18);
	for (unsigned slot = 4; slot < 32; slot++)
		g_assert_cmphex(rig_must(&f->rig, "rig-legacy,bus=pcie.0")->devfn, ==, slot << 3);
	rig_refuse(&f->rig, "rig-legacy,bus=pcie.0",
		   "PCI: no slot/function available for rig-legacy, all in use or reserved");
	g_assert_cmphex(rig_must(&f->rig, "rig-legacy,addr=0")->devfn, ==, 0);
}

static void addresses_are_hexadecimal(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(rig_must(&f->rig, "rig-legacy,addr=1f.7")->devfn, ==, 0xff);
	g_assert_cmphex(rig_must(&f->rig, "rig-legacy,addr=0x1E.0x3")->devfn, ==, 0xf3);
}

static void bad_addresses_are_refused(Fixture *f, gconstpointer unused)
{
	static const char *const bad[] = { "40", "20", "1f.8",      "1.",    ".1",
					   "",   "x",  "1,,2",      "1.2.3", "-1",
					   " 1", "1 ", "000000001", "0x",    "1.0x" };

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *opts = g_strdup_printf("rig-legacy,bus=pcie.0,addr=%s", bad[i]);
		g_auto(GStrv) parts = g_strsplit(bad[i], ",,", 2);
		g_autofree char *plain = g_strjoinv(",", parts);
		g_autofree char *text = g_strdup_printf(
			"Property 'rig-legacy.addr' doesn't take value '%s'", plain);

		rig_refuse(&f->rig, opts, text);
	}
}

static void typed_addresses_are_numbers_or_text(Fixture *f, gconstpointer unused)
{
	CxbObject *obj = cxb_object_new(f->rig.qom, cxb_qom_find_type(f->rig.qom, "rig-legacy"));
	CxbScalar v = { .kind = CXB_SCALAR_UINT, .u = 0x29 };
	g_autoptr(GError) err = NULL;

	g_assert_true(cxb_object_set(obj, "addr", &v, NULL));
	g_assert_cmpint(CXB_PCI_DEV(obj)->devfn_prop, ==, 0x29);
	v.u = 256;
	g_assert_false(cxb_object_set(obj, "addr", &v, &err));
	g_assert_cmpstr(err->message, ==, "Parameter 'addr' expects a value between -1 and 255");
	v = (CxbScalar){ .kind = CXB_SCALAR_INT, .i = -2 };
	g_assert_false(cxb_object_set(obj, "addr", &v, NULL));
	g_assert_cmpint(CXB_PCI_DEV(obj)->devfn_prop, ==, 0x29);
	v.i = -1;
	g_assert_true(cxb_object_set(obj, "addr", &v, NULL));
	g_assert_cmpint(CXB_PCI_DEV(obj)->devfn_prop, ==, -1);
	v = (CxbScalar){ .kind = CXB_SCALAR_STR, .s = (char *)"4.1" };
	g_assert_true(cxb_object_set(obj, "addr", &v, NULL));
	g_assert_cmpint(CXB_PCI_DEV(obj)->devfn_prop, ==, 0x21);
	cxb_object_unref(obj);
}

static void a_taken_slot_names_who_has_it(Fixture *f, gconstpointer unused)
{
	rig_must(&f->rig, "rig-legacy,addr=1f");
	rig_must(&f->rig, "rig-port,id=rp,addr=3");
	rig_refuse(&f->rig, "rig-endpoint,bus=pcie.0,addr=1f",
		   "PCI: slot 31 function 0 not available for rig-endpoint, in use by "
		   "rig-legacy,id=(null)");
	rig_refuse(&f->rig, "rig-endpoint,bus=pcie.0,addr=3.0",
		   "PCI: slot 3 function 0 not available for rig-endpoint, in use by "
		   "rig-port,id=rp");
}

static void functions_need_multifunction_at_function_0(Fixture *f, gconstpointer unused)
{
	rig_must(&f->rig, "rig-legacy,addr=4");
	rig_refuse(&f->rig, "rig-legacy,bus=pcie.0,addr=4.1",
		   "PCI: single function device can't be populated in function 4.1");
	rig_must(&f->rig, "rig-legacy,addr=5,multifunction=on");
	rig_must(&f->rig, "rig-legacy,addr=5.1");
	rig_must(&f->rig, "rig-legacy,addr=6.2");
	rig_refuse(&f->rig, "rig-legacy,bus=pcie.0,addr=6",
		   "PCI: 6.0 indicates single function, but 6.2 is already populated.");
	g_assert_cmphex(cxb_pci_config_read(f->rig.host, 0x28, 0x0e, 1), ==, 0x80);
	g_assert_cmphex(cxb_pci_config_read(f->rig.host, 0x29, 0x0e, 1), ==, 0x00);
}

static void behind_a_port_there_is_only_device_0(Fixture *f, gconstpointer unused)
{
	rig_must(&f->rig, "rig-port,id=rp");
	rig_refuse(&f->rig, "rig-endpoint,bus=rp,addr=1",
		   "PCI: slot 1 is not valid for rig-endpoint, parent device only allows plugging "
		   "into slot 0.");
	rig_must(&f->rig, "rig-endpoint,bus=rp");
	rig_refuse(&f->rig, "rig-endpoint,bus=rp",
		   "PCI: slot 1 is not valid for rig-endpoint, parent device only allows plugging "
		   "into slot 0.");
}

static void a_switch_has_many_slots_inside(Fixture *f, gconstpointer unused)
{
	rig_must(&f->rig, "rig-port,id=rp");
	rig_must(&f->rig, "rig-upstream,id=us,bus=rp");
	g_assert_cmphex(rig_must(&f->rig, "rig-downstream,id=d0,bus=us")->devfn, ==, 0x00);
	g_assert_cmphex(rig_must(&f->rig, "rig-downstream,id=d1,bus=us")->devfn, ==, 0x08);
}

static void an_occupied_port_refuses_hotplug(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) err = NULL;

	rig_must(&f->rig, "rig-port,id=rp");
	g_assert_nonnull(rig_hotplug(&f->rig, "rig-endpoint,id=a,bus=rp", NULL));
	g_assert_null(rig_hotplug(&f->rig, "rig-endpoint,id=b,bus=rp", &err));
	g_assert_cmpstr(err->message, ==,
			"PCI: slot 0 function 0 already occupied by rig-endpoint, new func "
			"rig-endpoint cannot be exposed to guest.");
}

static void only_ports_allow_hotplug(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) err = NULL;

	g_assert_null(rig_hotplug(&f->rig, "rig-legacy,bus=pcie.0", &err));
	g_assert_cmpstr(err->message, ==, "Bus 'pcie.0' does not support hotplugging");
}

static void an_expander_bus_takes_bridges_only(Fixture *f, gconstpointer unused)
{
	rig_must(&f->rig, "rig-expander,id=cxl.1,bus=pcie.0,bus_nr=12");
	rig_refuse(&f->rig, "rig-endpoint,bus=cxl.1",
		   "PCI: Only PCI/PCIe bridges can be plugged into rig-expander");
	rig_must(&f->rig, "rig-port,id=rp,bus=cxl.1");
}

static void a_bus_number_is_used_once(Fixture *f, gconstpointer unused)
{
	CxbPciDev *x = rig_must(&f->rig, "rig-expander,id=a,bus=pcie.0,bus_nr=12");

	rig_refuse(&f->rig, "rig-expander,id=b,bus=pcie.0,bus_nr=12", "Bus 12 is already in use");
	cxb_device_remove(&x->dev);
	g_assert_null(cxb_pci_root_bus(f->rig.host, 12));
	rig_must(&f->rig, "rig-expander,id=b,bus=pcie.0,bus_nr=12");
}

/* QEMU's default for an expander, and what its own tests give. */
static void an_expander_numbered_as_the_hosts_bus_is_reached_by_nobody(Fixture *f,
								       gconstpointer unused)
{
	CxbPciBus *host_bus = cxb_pci_root_bus(f->rig.host, 0);
	CxbPciDev *x = rig_must(&f->rig, "rig-expander,id=a,bus=pcie.0,addr=3");
	CxbPciDev *port = rig_must(&f->rig, "rig-port,id=rp,bus=a,addr=5");

	rig_refuse(&f->rig, "rig-expander,id=b,bus=pcie.0,bus_nr=0", "Bus 0 is already in use");
	g_assert_true(cxb_pci_root_bus(f->rig.host, 0) == host_bus);
	g_assert_true(cxb_pci_find(f->rig.host, 0x18) == x);
	g_assert_null(cxb_pci_find(f->rig.host, 0x28));

	/* Nor is what claims to be below it. */
	cxb_pci_dev_config_write(port, PCI_SECONDARY_BUS, 1, 7);
	cxb_pci_dev_config_write(port, PCI_SUBORDINATE, 1, 7);
	rig_must(&f->rig, "rig-endpoint,id=e,bus=rp");
	g_assert_null(cxb_pci_find(f->rig.host, 7 << 8));

	/* A reset reaches it all the same. */
	cxb_pci_host_reset(f->rig.host, CXB_RESET_WARM);
	g_assert_cmphex(cxb_pci_dev_config_read(port, PCI_SECONDARY_BUS, 1), ==, 0);
	cxb_device_remove(cxb_device_find(f->rig.qom, "e", NULL));
	cxb_device_remove(&port->dev);
	cxb_device_remove(&x->dev);
	g_assert_true(cxb_pci_root_bus(f->rig.host, 0) == host_bus);
	rig_must(&f->rig, "rig-expander,id=b,bus=pcie.0");
}

static void a_failed_realize_leaves_nothing(Fixture *f, gconstpointer unused)
{
	rig_refuse(&f->rig, "rig-broken,id=x,addr=9", "broken on purpose");
	g_assert_null(cxb_pci_find(f->rig.host, 0x48));
	g_assert_null(cxb_dev_bus_find(f->rig.qom, "x", NULL));
	g_assert_cmphex(cxb_pci_config_read(f->rig.host, 0x48, 0, 4), ==, 0xffffffff);
	rig_must(&f->rig, "rig-legacy,addr=9");
}

#define ADD(name) g_test_add("/pci/bus/" #name, Fixture, NULL, set_up, name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(slots_are_handed_out_in_order);
	ADD(addresses_are_hexadecimal);
	ADD(bad_addresses_are_refused);
	ADD(typed_addresses_are_numbers_or_text);
	ADD(a_taken_slot_names_who_has_it);
	ADD(functions_need_multifunction_at_function_0);
	ADD(behind_a_port_there_is_only_device_0);
	ADD(a_switch_has_many_slots_inside);
	ADD(an_occupied_port_refuses_hotplug);
	ADD(only_ports_allow_hotplug);
	ADD(an_expander_bus_takes_bridges_only);
	ADD(a_bus_number_is_used_once);
	ADD(an_expander_numbered_as_the_hosts_bus_is_reached_by_nobody);
	ADD(a_failed_realize_leaves_nothing);
	return g_test_run();
}
