/* SPDX-License-Identifier: Apache-2.0 */
/* What the properties of QEMU's ports and devices do here. Bytes are those of QEMU 11.1, which
 * tests/e2e/differential/properties.py reads off itself. */
#include <string.h>

#include "pci/regs.h"
#include "rig.h"

#define PORT      "cxl-rp,id=rp,bus=cxl.1,"
#define DEVICE    "cxl-type3,id=t,bus=rp,volatile-memdev=m,"
#define PCIE      0x74 /* capability of the port; the device's is at 80h */
#define FLEX_BUS  0x188
#define LINK_STA2 0x32

static void bridge(Rig *r)
{
	rig_backend(r, "memory-backend-ram,id=m,size=256M");
	rig_device(r, "pxb-cxl,id=cxl.1,bus=pcie.0,bus_nr=12");
}

static void slots_are_as_they_are_said_to_be(Rig *r, gconstpointer unused)
{
	static const struct {
		const char *port;
		uint32_t cap;
		bool switchable;
	} rows[] = {
		{ PORT "slot=2", 0x0012007b, true },
		{ PORT "slot=2,hotplug=off", 0x0012001b, true },
		{ PORT "slot=2,x-do-not-expose-native-hotplug-cap=on", 0x0012001b, true },
		{ PORT "slot=2,power_controller_present=off", 0x00120079, false },
		{ PORT "slot=2,hotplug=off,power_controller_present=off", 0x00120019, false },
	};

	bridge(r);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		CxbPciDev *rp = rig_device(r, rows[i].port);

		g_assert_cmphex(cfg(rp, PCIE + PCIE_SLOT_CAP, 4), ==, rows[i].cap);
		cxb_pci_dev_config_write(rp, PCIE + PCIE_SLOT_CTL, 2, 0xffff);
		g_assert_cmphex(cfg(rp, PCIE + PCIE_SLOT_CTL, 2) & PCIE_SLOT_CTL_OFF, ==,
				rows[i].switchable ? PCIE_SLOT_CTL_OFF : 0);
		cxb_device_remove(&rp->dev);
	}
}

static void refused_at_run_time(Rig *r, const char *why)
{
	g_autoptr(CxbOpts) opts =
		cxb_opts_parse("cxl-type3,id=t,bus=rp,volatile-memdev=m", "driver", false, NULL);
	g_autoptr(GError) err = NULL;

	g_assert_null(cxb_device_add(r->qom, opts, true, &err));
	g_assert_cmpstr(err->message, ==, why);
}

static void nothing_comes_or_goes_where_hot_plug_is_off(Rig *r, gconstpointer unused)
{
	g_autoptr(GError) err = NULL;
	CxbPciDev *rp, *t;

	bridge(r);
	rp = rig_device(r, PORT "hotplug=off");
	refused_at_run_time(r, "Bus 'rp' does not support hotplugging");
	t = rig_device(r, DEVICE); /* from the start it may be there */
	g_assert_false(cxb_device_can_unplug(&t->dev, &err));
	g_assert_cmpstr(err->message, ==, "Bus 'rp' does not support hotplugging");
	cxb_device_remove(&rp->dev);
	rp = rig_device(r, PORT "x-do-not-expose-native-hotplug-cap=on");
	refused_at_run_time(r, "Hot-plug failed: unsupported by the port device 'rp'");
	g_clear_error(&err);
	g_assert_false(cxb_pcie_slot_can_unplug(rp, &err));
	g_assert_cmpstr(err->message, ==, "Hot-unplug failed: unsupported by the port device 'rp'");
}

/* PCI 3.0 6.7; what is in it is QEMU's. */
static void a_port_says_what_to_keep_free(Rig *r, gconstpointer unused)
{
	static const struct {
		const char *props;
		uint32_t dword[8]; /* without what the list of capabilities is */
	} rows[] = {
		{ "bus-reserve=4", { 0x01200009, 4, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u } },
		{ "bus-reserve=0", { 0x01200009, 0, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u } },
		{ "io-reserve=4K", { 0x01200009, ~0u, 0x1000, 0, ~0u, ~0u, ~0u, ~0u } },
		{ "mem-reserve=32M", { 0x01200009, ~0u, ~0u, ~0u, 0x2000000, ~0u, ~0u, ~0u } },
		{ "pref32-reserve=16M", { 0x01200009, ~0u, ~0u, ~0u, ~0u, 0x1000000, ~0u, ~0u } },
		{ "pref64-reserve=6G", { 0x01200009, ~0u, ~0u, ~0u, ~0u, ~0u, 0x80000000, 1 } },
	};
	CxbPciDev *rp;

	bridge(r);
	rp = rig_device(r, PORT);
	g_assert_cmphex(cfg(rp, PCI_CAP_PTR, 1), ==, PCIE);
	cxb_device_remove(&rp->dev);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = g_strconcat(PORT, rows[i].props, NULL);

		rp = rig_device(r, text);
		g_assert_cmphex(cfg(rp, PCI_CAP_PTR, 1), ==, 0xb0);
		g_assert_cmphex(cfg(rp, 0xb1, 1), ==, PCIE);
		g_assert_cmphex(cfg(rp, 0xb0, 4) & 0xffff00ff, ==, rows[i].dword[0]);
		for (unsigned n = 1; n < 8; n++)
			g_assert_cmphex(cfg(rp, 0xb0 + 4 * n, 4), ==, rows[i].dword[n]);
		cxb_device_remove(&rp->dev);
	}
}

static void express_registers_start_as_asked(Rig *r, gconstpointer unused)
{
	CxbPciDev *rp, *t;

	bridge(r);
	rp = rig_device(r, PORT "x-pcie-ext-tag=off,x-pcie-err-unc-mask=off");
	t = rig_device(r, DEVICE "x-pcie-ext-tag=off,x-pcie-err-unc-mask=off");
	g_assert_cmphex(cfg(rp, PCIE + PCIE_DEV_CAP, 4), ==, 0x00008000);
	g_assert_cmphex(cfg(rp, 0x100 + PCIE_AER_UNC_MASK, 4), ==, 0);
	g_assert_cmphex(cfg(t, 0x80 + PCIE_DEV_CAP, 4), ==, 0x10008000);
	g_assert_cmphex(cfg(t, 0x200 + PCIE_AER_UNC_MASK, 4), ==, 0);
}

static void a_link_works_in_flits_where_both_ends_can(Rig *r, gconstpointer unused)
{
	static const struct {
		const char *port, *device;
		bool flits;
	} rows[] = {
		{ PORT, DEVICE, false },
		{ PORT, DEVICE "x-256b-flit=on", true },
		{ PORT "x-256b-flit=off", DEVICE, false },
		{ PORT "x-256b-flit=off", DEVICE "x-256b-flit=on", false },
	};

	bridge(r);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		CxbPciDev *rp = rig_device(r, rows[i].port), *t;
		const uint16_t sta2 = rows[i].flits ? 0x0400 : 0, flex = rows[i].flits ? 6 : 0x26;

		g_assert_cmphex(cfg(rp, PCIE + LINK_STA2, 2), ==, 0);
		g_assert_cmphex(cfg(rp, FLEX_BUS + 0xe, 2), ==, 0x26);
		t = rig_device(r, rows[i].device);
		for (unsigned n = 0; n < 2; n++) {
			g_assert_cmphex(cfg(rp, PCIE + LINK_STA2, 2), ==, sta2);
			g_assert_cmphex(cfg(rp, FLEX_BUS + 0xe, 2), ==, flex);
			g_assert_cmphex(cfg(t, 0x80 + LINK_STA2, 2), ==, sta2);
			cxb_pci_host_reset(r->host, CXB_RESET_WARM);
		}
		cxb_device_remove(&t->dev);
		g_assert_cmphex(cfg(rp, PCIE + LINK_STA2, 2), ==, 0);
		g_assert_cmphex(cfg(rp, FLEX_BUS + 0xe, 2), ==, 0x26);
		cxb_device_remove(&rp->dev);
	}
}

static void values_out_of_range_are_refused(Rig *r, gconstpointer unused)
{
	static const struct {
		const char *device, *why;
	} rows[] = {
		{ PORT "aer_log_max=129",
		  "Invalid aer_log_max 129. The max number of aer log is 128" },
		{ PORT "mem-reserve=4G", "mem-reserve must be less than 4G" },
		{ PORT "pref32-reserve=4G", "pref32-reserve must be less than 4G" },
		{ PORT "pref32-reserve=1M,pref64-reserve=1M", "PREF32 and PREF64 conflict" },
		{ PORT "romsize=3", "ROM size 3 is not a power of two" },
		{ PORT "romsize=0", "ROM size 0 is not a power of two" },
		{ PORT "romfile=x", "romfile=x: there are no option ROMs" },
		{ PORT "rombar=x", "Parameter 'rombar' expects integer" },
		{ PORT "rombar=2147483648", "Parameter 'rombar' expects integer" },
		{ PORT "failover_pair_id=x", "failover_pair_id=x: there are no network devices" },
		{ PORT "sriov-pf=x", "sriov-pf=x: no function here has virtual ones" },
		{ PORT "acpi-index=16384", "acpi-index should be less or equal to 16383" },
		{ PORT "busnr=1", "Property 'cxl-rp.busnr' is not writable" },
		{ "pxb-cxl,bus_nr=20,numa_node=129", "Illegal numa node 129" },
	};

	bridge(r);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_test_message("%s", rows[i].device);
		rig_refuses(r, rows[i].device, rows[i].why);
	}
	rig_device(r, PORT); /* chassis and slot are free */
	rig_refuses(r, DEVICE "hdm-db=on", "hdm-db requires operating in 256b flit");
	rig_device(r, DEVICE "hdm-db=on,x-256b-flit=on");
}

static void an_acpi_index_is_one_functions(Rig *r, gconstpointer unused)
{
	CxbPciDev *rp;

	bridge(r);
	rp = rig_device(r, PORT "acpi-index=5");
	rig_refuses(r, "cxl-type3,id=t,bus=rp,acpi-index=5",
		    "a PCI device with acpi-index = 5 already exist");
	/* One that fails later gives it back. */
	rig_refuses(r, "cxl-type3,id=t,bus=rp,acpi-index=6", "at least one memdev");
	rig_device(r, DEVICE "acpi-index=6");
	cxb_device_remove(&rp->dev);
	rig_device(r, PORT "acpi-index=5");
}

static void those_without_effect_are_kept(Rig *r, gconstpointer unused)
{
	g_auto(CxbScalar) rombar = { 0 };
	CxbPciDev *rp;

	bridge(r);
	rp = rig_device(r, PORT "romfile=,rombar=0,romsize=4096,sriov-pf=,failover_pair_id=,"
				"x-max-bounce-buffer-size=1,x-pcie-ari-nextfn-1=on,"
				"x-pcie-lnksta-dllla=off,x-pci-express-writeable-slt-bug=on,"
				"aer_log_max=128");
	g_assert_true(cxb_object_get(&rp->dev.obj, "rombar", &rombar, NULL));
	g_assert_cmpint(rombar.kind, ==, CXB_SCALAR_UINT);
	g_assert_cmpuint(rombar.u, ==, 0);
	rig_device(r, "pxb-cxl,bus_nr=20,numa_node=127,bypass_iommu=on");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	RIG_ADD("/devices/properties/slots", slots_are_as_they_are_said_to_be);
	RIG_ADD("/devices/properties/hot-plug", nothing_comes_or_goes_where_hot_plug_is_off);
	RIG_ADD("/devices/properties/reserve", a_port_says_what_to_keep_free);
	RIG_ADD("/devices/properties/express", express_registers_start_as_asked);
	RIG_ADD("/devices/properties/flits", a_link_works_in_flits_where_both_ends_can);
	RIG_ADD("/devices/properties/bad", values_out_of_range_are_refused);
	RIG_ADD("/devices/properties/acpi-index", an_acpi_index_is_one_functions);
	RIG_ADD("/devices/properties/no-effect", those_without_effect_are_kept);
	return g_test_run();
}
