/* SPDX-License-Identifier: Apache-2.0 */
/* Machines that stop half way: each refusal says why and nothing leaks (run with sanitizers). */
#include <string.h>

#include "devices/cxl.h"
#include "machine/machine.h"

#define MACHINE "q35,cxl=on"
#define WINDOW  MACHINE ",cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=256M"
#define BRIDGE  "pxb-cxl,id=cxl.1,bus=pcie.0,bus_nr=12"

typedef bool (*OptsFn)(CxbMachine *m, CxbOpts *opts, GError **errp);

static bool opts(CxbMachine *m, OptsFn fn, const char *text, const char *implied, GError **errp)
{
	g_autoptr(CxbOpts) o = cxb_opts_parse(text, implied, false, NULL);

	return fn(m, o, errp);
}

static bool object(CxbMachine *m, const char *text, GError **errp)
{
	g_autoptr(CxbOpts) o = cxb_opts_parse(text, "qom-type", false, NULL);

	return cxb_user_object_add(cxb_machine_qom(m), o, errp);
}

static bool device(CxbMachine *m, const char *text, GError **errp)
{
	g_autoptr(CxbOpts) o = cxb_opts_parse(text, "driver", false, NULL);

	return cxb_device_add(cxb_machine_qom(m), o, false, errp);
}

typedef struct {
	const char *machine, *memory, *object;
	const char *devices[3];
	const char *why; /* NULL: it all succeeds */
} Row;

/* All stages until one fails. */
static bool build(CxbMachine *m, const Row *row, GError **errp)
{
	if (!opts(m, cxb_machine_set_opts, row->machine, "type", errp) ||
	    (row->memory && !opts(m, cxb_machine_set_memory, row->memory, "size", errp)) ||
	    (row->object && !object(m, row->object, errp)) || !cxb_machine_create(m, errp))
		return false;
	for (unsigned i = 0; i < G_N_ELEMENTS(row->devices) && row->devices[i]; i++)
		if (!device(m, row->devices[i], errp))
			return false;
	return cxb_machine_done(m, errp);
}

static void check(const Row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		g_autoptr(CxbMachine) m =
			cxb_machine_new(&(CxbMachineConfig){ .virtual_clock = true });
		g_autoptr(GError) err = NULL;
		const bool ok = build(m, &rows[i], &err);

		g_test_message("%s %s: %s", rows[i].machine, rows[i].memory ? rows[i].memory : "",
			       err ? err->message : "fine");
		g_assert_cmpint(ok, ==, !rows[i].why);
		g_assert_cmpint(ok, ==, !err);
		g_assert_true(ok || strstr(err->message, rows[i].why));
	}
}

static void machines_can_go_at_once(void)
{
	cxb_machine_free(NULL);
	cxb_machine_free(cxb_machine_new(&(CxbMachineConfig){ .virtual_clock = true }));
	cxb_machine_free(cxb_machine_new(&(CxbMachineConfig){ .virtual_clock = false }));
}

static void bad_machine_options_are_refused(void)
{
	static const Row rows[] = {
		{ .machine = "nosuch", .why = "unsupported machine type: \"nosuch\"" },
		{ .machine = "q35,cxl=perhaps", .why = "expects 'on' or 'off'" },
		{ .machine = "q35,foo=1", .why = "foo" },
		{ .machine = MACHINE ",cxl-fmw=1", .why = "is unexpected" },
		{ .machine = "pc-q35-5.1", .why = "unsupported machine type" },
		{ .machine = "pc-q35-9.3", .why = "unsupported machine type" },
		{ .machine = "pc-q35-11.2", .why = "unsupported machine type" },
		{ .machine = MACHINE ",cxl-fmw.0=1", .why = "is unexpected" },
		{ .machine = MACHINE ",cxl-fmw.0.=1", .why = "is unexpected" },
		{ .machine = MACHINE ",cxl-fmw.x.size=256M", .why = "is unexpected" },
		{ .machine = MACHINE ",cxl-fmw.-1.size=256M", .why = "is unexpected" },
		{ .machine = MACHINE ",cxl-fmw.64.size=256M", .why = "is unexpected" },
		{ .machine = MACHINE ",cxl-fmw.18446744073709551616.size=1G",
		  .why = "is unexpected" },
		{ .machine = MACHINE ",cxl-fmw.0.nosuch=1", .why = "is unexpected" },
		{ .machine = MACHINE ",cxl-fmw.0.targets=cxl.1", .why = "is unexpected" },
		{ .machine = MACHINE ",cxl-fmw.0.targets.16=cxl.1", .why = "at most 16" },
		{ .machine = MACHINE ",cxl-fmw.0.targets.0.x=cxl.1", .why = "at most 16" },
		{ .machine = "q35,max-ram-below-4g=5G", .why = "expects size less than or equal" },
		{ .machine = "q35,max-ram-below-4g=1023K", .why = "first 1 MiB" },
		{ .machine = "q35,x-oem-id=7777777", .why = "bigger than 6 bytes in size" },
		{ .machine = "q35,x-oem-table-id=999999999", .why = "bigger than 8 bytes in size" },
		{ .machine = "q35,smp.foo=1", .why = "Parameter 'smp.foo' is unexpected" },
		{ .machine = "q35,smp=1", .why = "expected: object" },
		{ .machine = "q35,boot.=1", .why = "Parameter 'boot.' is unexpected" },
		{ .machine = "q35,memory.foo=1", .why = "Parameter 'memory.foo' is unexpected" },
		{ .machine = "q35,memory=1", .why = "Parameter 'memory' is unexpected" },
		{ .machine = "q35,memory.size=x", .why = "expects size" },
		{ .machine = "q35,memory.slots=x", .why = "expects integer" },
		{ .machine = "q35,memory.slots=1", .why = "no max-size" },
		{ .machine = "q35,memory.size=2G,memory.max-size=1G", .why = "value of maxmem" },
		{ .machine = "q35,nvdimm-persistence=x", .why = "unsupported option" },
		{ .machine = "q35,highmem-ecam=on", .why = "highmem-ecam" },
		{ .machine = "virt-11.0", .why = "unsupported machine type" },
		{ .machine = "virt,max-ram-below-4g=1G", .why = "max-ram-below-4g" },
		{ .machine = "virt,highmem-mmio-size=600G", .why = "is not a power of 2" },
		{ .machine = "virt,highmem-mmio-size=256G",
		  .why = "lower value than the default (512 GiB)" },
		{ .machine = "virt,highmem-mmio-size=0", .why = "lower value than the default" },
		{ .machine = "virt,cxl=on,cxl-fmw.0.nosuch=1", .why = "is unexpected" },
		{ .machine = "q35,pit=x", .why = "does not accept value 'x'" },
		{ .machine = "q35,kernel=x", .why = "kernel: there is no CPU to run a guest" },
		{ .machine = "q35,initrd=x", .why = "initrd: there is no CPU" },
		{ .machine = "q35,append=x", .why = "append: there is no CPU" },
		{ .machine = "q35,dtb=x", .why = "dtb: there is no CPU" },
		{ .machine = "q35,dumpdtb=x", .why = "dumpdtb: there is no device tree" },
		{ .machine = "q35,shim=x", .why = "shim: there is no CPU" },
		{ .machine = "q35,memory-encryption=x", .why = "memory-encryption: there is no" },
		{ .machine = "q35,confidential-guest-support=x",
		  .why = "support: there is no CPU" },
		{ .machine = "q35,sgx-epc.0.memdev=x", .why = "sgx-epc: there is no CPU" },
		{ .machine = MACHINE ",cxl-fmw.0.size=big", .why = "expects size" },
		{ .machine = MACHINE ",cxl-fmw.0.size=-1", .why = "expects size" },
		{ .machine = MACHINE ",cxl-fmw.0.size=16E", .why = "expects size" },
	};

	check(rows, G_N_ELEMENTS(rows));
}

static void properties_of_the_machine_are_taken(void)
{
	static const Row rows[] = {
		{ .machine = "q35,acpi=off,aux-ram-share=on,bus-lock-ratelimit=1,"
			     "default-bus-bypass-iommu=on,dt-compatible=x,dump-guest-core=off,"
			     "fd-bootchk=off,graphics=off,hmat=on,hpet=off,i8042=off,"
			     "max-fw-size=1M,mem-merge=off,nvdimm=on,nvdimm-persistence=cpu,"
			     "phandle-start=1,pic=off,pit=auto,sata=off" },
		{ .machine = "q35,smbios-entry-point-type=64,smbus=off,smm=on,"
			     "smp-cache.0.cache=l1d,smp-cache.0.topology=core,spcr=off,"
			     "suppress-vmdesc=on,usb=on,vmport=off,wdat=on,"
			     "x-change-vmfd-on-reset=on,kernel=,append=" },
		{ .machine = "q35,boot.order=c,boot.menu=on,firmware=x,pcspk-audiodev=x,"
			     "pflash0=x,pflash1=y,smp.cpus=4,smp.maxcpus=8" },
		{ .machine = "q35,memory.size=1G,memory.max-size=2G,memory.slots=2" },
		{ .machine = "q35,memory.size=1G,max-ram-below-4g=512M,x-oem-id=A,"
			     "x-oem-table-id=" },
		{ .machine = "q35,max-ram-below-4g=0" },
		{ .machine = "q35,max-ram-below-4g=4G", .memory = "3G" },
		{ .machine = "virt,gic-version=3,iommu=smmuv3,its=off,mte=on,ras=on,secure=on,"
			     "virtualization=on,acpi=on,x-oem-id=A" },
		{ .machine = "virt-11.1,highmem-ecam=off,highmem-mmio=off", .memory = "8G" },
		{ .machine = "virt,highmem-mmio-size=2T,memory.size=2G" },
	};

	check(rows, G_N_ELEMENTS(rows));
}

static void bad_memory_is_refused(void)
{
	static const Row rows[] = {
		{ .machine = "q35", .memory = "" },
		{ .machine = "q35", .memory = "0" },
		{ .machine = "q35", .memory = "1" },
		{ .machine = "q35",
		  .memory = "4096b",
		  .why = "not a multiple of 4 KiB of at least" },
		{ .machine = "q35", .memory = "1MiB", .why = "expects a non-negative number" },
		{ .machine = "q35", .memory = "-1", .why = "out of range" },
		{ .machine = "q35", .memory = "99999999T", .why = "out of range" },
		{ .machine = "q35", .memory = "99999999TT", .why = "expects a non-negative" },
		{ .machine = "q35", .memory = "1G,maxmem=1G,slots=1", .why = "is equal to" },
		{ .machine = "q35", .memory = "0x100", .why = "Parameter 'memory.size' expects" },
		{ .machine = "q35", .memory = "18446744073709551615", .why = "out of range" },
		{ .machine = "q35", .memory = "64k", .why = "not a multiple of 4 KiB of at least" },
		{ .machine = "q35", .memory = "1048577k", .why = "not a multiple of 4 KiB" },
		{ .machine = "q35", .memory = "1G,slots=x", .why = "'slots' expects a number" },
		{ .machine = "q35", .memory = "1G,slots=2", .why = "slots specified but no max" },
		{ .machine = "q35",
		  .memory = "1G,maxmem=2G,slots=257",
		  .why = "memory slots: 257" },
		{ .machine = "q35", .memory = "1G,maxmem=512M", .why = "invalid value of maxmem" },
		{ .machine = "q35", .memory = "1G,maxmem=8E", .why = "Address space limit" },
		{ .machine = "q35", .memory = "1G,foo=1", .why = "Invalid parameter 'foo'" },
		{ .machine = "q35,memory-backend=b", .why = "Memory backend 'b' not found" },
		{ .machine = "q35,memory-backend=b",
		  .object = "memory-backend-ram,id=b,size=64M",
		  .why = "does not match the size of the memory" },
		{ .machine = "q35,memory-backend=b",
		  .object = "memory-backend-ram,id=b,size=64M",
		  .memory = "64M" },
		{ .machine = "q35",
		  .object = "memory-backend-ram,id=pc.ram,size=64M",
		  .why = "Duplicate ID 'pc.ram' for object" },
	};

	check(rows, G_N_ELEMENTS(rows));
}

static void bad_windows_are_refused_when_all_devices_are_there(void)
{
	static const Row rows[] = {
		{ .machine = WINDOW, .devices = { BRIDGE } },
		{ .machine = "q35", .devices = { BRIDGE }, .why = "present, but cxl=off" },
		{ .machine = "q35,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=256M",
		  .why = "needs cxl=on" },
		{ .machine = WINDOW, .why = "Could not resolve CXLFM target cxl.1" },
		{ .machine = WINDOW ",cxl-fmw.0.targets.1=rp",
		  .devices = { BRIDGE, "cxl-rp,id=rp,bus=cxl.1" },
		  .why = "size is not a multiple" },
		{ .machine = WINDOW ",cxl-fmw.0.size=512M,cxl-fmw.0.targets.1=rp",
		  .devices = { BRIDGE, "cxl-rp,id=rp,bus=cxl.1" },
		  .why = "Could not resolve CXLFM target rp" },
		{ .machine = MACHINE ",cxl-fmw.0.size=256M",
		  .devices = { BRIDGE },
		  .why = "Parameter 'cxl-fmw.0.targets' is missing" },
		{ .machine = MACHINE ",cxl-fmw.0.targets.0=cxl.1",
		  .devices = { BRIDGE },
		  .why = "Parameter 'cxl-fmw.0.size' is missing" },
		{ .machine = MACHINE ",cxl-fmw.1.targets.0=cxl.1,cxl-fmw.1.size=256M",
		  .devices = { BRIDGE },
		  .why = "Parameter 'cxl-fmw.0' missing" },
		{ .machine = WINDOW ",cxl-fmw.63.targets.0=cxl.1,cxl-fmw.63.size=256M",
		  .devices = { BRIDGE },
		  .why = "Parameter 'cxl-fmw.1' missing" },
		{ .machine = MACHINE ",cxl-fmw.0.targets.1=cxl.1,cxl-fmw.0.size=512M",
		  .devices = { BRIDGE },
		  .why = "Parameter 'cxl-fmw.0.targets.0' missing" },
		{ .machine = WINDOW ",cxl-fmw.0.size=128M",
		  .devices = { BRIDGE },
		  .why = "must be a multiple of 256MiB" },
		{ .machine = WINDOW ",cxl-fmw.0.size=0",
		  .devices = { BRIDGE },
		  .why = "must be a multiple of 256MiB" },
		{ .machine = WINDOW ",cxl-fmw.0.interleave-granularity=100",
		  .devices = { BRIDGE },
		  .why = "Interleave granularity: 100 invalid" },
		{ .machine = WINDOW ",cxl-fmw.0.interleave-granularity=0x100000100",
		  .devices = { BRIDGE },
		  .why = "Interleave granularity" },
		{ .machine = WINDOW ",cxl-fmw.0.interleave-granularity=32k",
		  .devices = { BRIDGE },
		  .why = "Interleave granularity" },
		{ .machine = WINDOW ",cxl-fmw.0.size=0x7ffff0000000",
		  .devices = { BRIDGE },
		  .why = "Address space limit" },
		{ .machine = WINDOW ",cxl-fmw.0.size=0xfffffffff0000000"
				    ",cxl-fmw.1.targets.0=cxl.1,cxl-fmw.1.size=0xfffffffff0000000",
		  .devices = { BRIDGE },
		  .why = "Address space limit" },
	};

	check(rows, G_N_ELEMENTS(rows));
}

static void host_bridges_are_16_at_most(void)
{
	for (unsigned n = 16; n <= 17; n++) {
		g_autoptr(CxbMachine) m =
			cxb_machine_new(&(CxbMachineConfig){ .virtual_clock = true });
		g_autoptr(GError) err = NULL;

		g_assert_true(opts(m, cxb_machine_set_opts, MACHINE, "type", NULL));
		g_assert_true(cxb_machine_create(m, NULL));
		for (unsigned i = 0; i < n; i++) {
			g_autofree char *text = g_strdup_printf(
				"pxb-cxl,id=b%u,bus=pcie.0,bus_nr=%u", i, 8 + 8 * i);

			g_assert_true(device(m, text, NULL));
		}
		g_assert_cmpint(cxb_machine_done(m, &err), ==, n == 16);
		g_assert_cmpint(!err, ==, n == 16);
	}
}

/* The windows look at what the options say, so these are settled once the machine is made. */
static void options_cannot_change_under_a_machine(void)
{
	static const Row row = { .machine = WINDOW, .devices = { BRIDGE } };
	g_autoptr(CxbMachine) m = cxb_machine_new(&(CxbMachineConfig){ .virtual_clock = true });
	CxbObject *obj = cxb_qom_resolve(cxb_machine_qom(m), "/machine", NULL, NULL);

	g_assert_true(build(m, &row, NULL));
	g_assert_false(cxb_object_set_text(obj, "cxl-fmw.0.targets.0", "other", NULL));
	g_assert_false(cxb_object_set_text(obj, "cxl-fmw.1.size", "256M", NULL));
	g_assert_false(cxb_object_set_text(obj, "cxl", "off", NULL));
	g_assert_cmpstr(cxb_machine_window(m, 0)->targets[0], ==, "cxl.1");
	cxb_machine_reset(m, CXB_RESET_QMP);
}

/* 64 windows of 16 targets: the most there can be fits the tables' place below 1 MiB. */
static void the_largest_tables_fit(void)
{
	g_autoptr(GString) text = g_string_new(MACHINE);
	g_autoptr(CxbMachine) m = cxb_machine_new(&(CxbMachineConfig){ .virtual_clock = true });
	g_autoptr(GError) err = NULL;

	for (unsigned w = 0; w < 64; w++) {
		g_string_append_printf(text, ",cxl-fmw.%u.size=4G", w);
		for (unsigned t = 0; t < 16; t++)
			g_string_append_printf(text, ",cxl-fmw.%u.targets.%u=b%u", w, t, t);
	}
	g_assert_true(opts(m, cxb_machine_set_opts, text->str, "type", NULL));
	g_assert_true(cxb_machine_create(m, NULL));
	for (unsigned i = 0; i < 16; i++) {
		g_autofree char *dev =
			g_strdup_printf("pxb-cxl,id=b%u,bus=pcie.0,bus_nr=%u", i, 8 + 8 * i);

		g_assert_true(device(m, dev, NULL));
	}
	cxb_machine_done(m, &err);
	g_assert_no_error(err);
	g_assert_cmpuint(cxb_machine_windows(m), ==, 64);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/machine/life/at-once", machines_can_go_at_once);
	g_test_add_func("/machine/life/options", bad_machine_options_are_refused);
	g_test_add_func("/machine/life/properties", properties_of_the_machine_are_taken);
	g_test_add_func("/machine/life/memory", bad_memory_is_refused);
	g_test_add_func("/machine/life/windows",
			bad_windows_are_refused_when_all_devices_are_there);
	g_test_add_func("/machine/life/bridges", host_bridges_are_16_at_most);
	g_test_add_func("/machine/life/settled", options_cannot_change_under_a_machine);
	g_test_add_func("/machine/life/tables", the_largest_tables_fit);
	return g_test_run();
}
