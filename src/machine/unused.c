/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of QEMU's machine that say something about parts this one does not have. Those that
 * change nothing that can be seen are taken; of those about firmware and processors one warning says
 * that they go unused; those without which a script does not do what it is for are refused.
 */
#include "internal.h"

#include <string.h>

#include "base/error.h"
#include "base/trace.h"

/* "PROP.MEMBER": which there are, the row's names say. */
static bool struct_member(const CxbProp *prop, const char *key, GError **errp)
{
	const char *member = key + strlen(prop->name);

	if (*member != '.')
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Invalid parameter type for '%s', expected: object", key);
	return g_strv_contains(prop->names, member + 1) ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' is unexpected", key);
}

static void note(CxbObject *obj, const CxbProp *prop)
{
	MachineUnused *unused = &((MachineObj *)obj)->unused;

	if (unused->noted != prop)
		cxb_warn("%s: %s", prop->name, prop->desc);
	unused->noted = prop;
}

static bool struct_set(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		       GError **errp)
{
	if (!struct_member(prop, key, errp))
		return false;
	note(obj, prop);
	return true;
}

static bool list_set(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		     GError **errp)
{
	return true;
}

static bool list_refused(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
			 GError **errp)
{
	return cxb_fail(errp, CXB_ERROR_INVALID, "%s: %s", prop->name, prop->desc);
}

static bool check_noted(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	note(obj, prop);
	return true;
}

static bool check_refused(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	return !*v->s || cxb_fail(errp, CXB_ERROR_INVALID, "%s: %s", prop->name, prop->desc);
}

static bool check_persistence(CxbObject *obj, const CxbProp *prop, const CxbScalar *v,
			      GError **errp)
{
	return strcmp(v->s, "cpu") == 0 || strcmp(v->s, "mem-ctrl") == 0 ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "-machine %s=%s: unsupported option", prop->name,
			v->s);
}

static const char *const on_off_auto[] = { "on", "off", "auto", NULL };
static const char *const entry_points[] = { "32", "64", "auto", NULL };
static const char *const boot_members[] = { "order",       "once",           "menu",   "splash",
					    "splash-time", "reboot-timeout", "strict", NULL };
static const char *const smp_members[] = { "cpus",    "drawers",  "books",   "sockets",
					   "dies",    "clusters", "modules", "cores",
					   "threads", "maxcpus",  NULL };

#define UNUSED(field) offsetof(MachineObj, unused.field)
#define NO_FIRMWARE   "there is no firmware: the ACPI tables are in RAM from the start"
#define NO_CPU        "there is no CPU"
#define NO_GUEST      "there is no CPU to run a guest: leave it out"

/* clang-format off */
const CxbProp machine_unused_props[] = {
	{ "acpi", CXB_PROP_ENUM, UNUSED(acpi), .type_name = "OnOffAuto", .names = on_off_auto,
	  .def = "auto", .desc = "no effect: the tables are there" },
	{ "aux-ram-share", CXB_PROP_BOOL, UNUSED(aux_ram_share), .desc = "no effect" },
	{ "bus-lock-ratelimit", CXB_PROP_U64, UNUSED(bus_lock_ratelimit), .type_name = "uint64_t",
	  .desc = "no effect: there is no CPU" },
	{ "default-bus-bypass-iommu", CXB_PROP_BOOL, UNUSED(bypass_iommu),
	  .desc = "no effect: there is no IOMMU" },
	{ "dt-compatible", CXB_PROP_STR, UNUSED(dt_compatible), .desc = "no effect" },
	{ "dump-guest-core", CXB_PROP_BOOL, UNUSED(dump_guest_core), .def = "on",
	  .desc = "no effect: dump of a memory backend" },
	{ "fd-bootchk", CXB_PROP_BOOL, UNUSED(fd_bootchk), .def = "on", .desc = "no effect" },
	{ "graphics", CXB_PROP_BOOL, UNUSED(graphics), .def = "on",
	  .desc = "no effect: there is no display" },
	{ "hmat", CXB_PROP_BOOL, UNUSED(hmat), .desc = "no effect: there is no HMAT table" },
	{ "hpet", CXB_PROP_BOOL, UNUSED(hpet), .def = "on", .desc = "no effect: there is no HPET" },
	{ "i8042", CXB_PROP_BOOL, UNUSED(i8042), .def = "on", .desc = "no effect: there is no 8042" },
	{ "max-fw-size", CXB_PROP_SIZE, UNUSED(max_fw_size), .def = "8M",
	  .desc = "no effect: there is no firmware" },
	{ "mem-merge", CXB_PROP_BOOL, UNUSED(mem_merge), .def = "on", .desc = "no effect" },
	{ "nvdimm", CXB_PROP_BOOL, UNUSED(nvdimm), .desc = "no effect: there are no NVDIMMs" },
	{ "nvdimm-persistence", CXB_PROP_STR, UNUSED(nvdimm_persistence),
	  .check = check_persistence, .desc = "cpu or mem-ctrl; no effect" },
	{ "phandle-start", CXB_PROP_U32, UNUSED(phandle_start), .type_name = "int",
	  .desc = "no effect" },
	{ "pic", CXB_PROP_ENUM, UNUSED(pic), .type_name = "OnOffAuto", .names = on_off_auto,
	  .def = "auto", .desc = "no effect: there is no 8259" },
	{ "pit", CXB_PROP_ENUM, UNUSED(pit), .type_name = "OnOffAuto", .names = on_off_auto,
	  .def = "auto", .desc = "no effect: there is no 8254" },
	{ "sata", CXB_PROP_BOOL, UNUSED(sata), .def = "on", .desc = "no effect: there is no AHCI" },
	{ "smbios-entry-point-type", CXB_PROP_ENUM, UNUSED(smbios_entry_point),
	  .type_name = "str", .names = entry_points, .def = "auto",
	  .desc = "no effect: there are no SMBIOS tables" },
	{ "smbus", CXB_PROP_BOOL, UNUSED(smbus), .def = "on", .desc = "no effect: there is no SMBus" },
	{ "smm", CXB_PROP_ENUM, UNUSED(smm), .type_name = "OnOffAuto", .names = on_off_auto,
	  .def = "auto", .desc = "no effect: there is no SMM" },
	{ "smp-cache", CXB_PROP_FN, .flags = CXB_PROP_LIST, .set = list_set,
	  .type_name = "SmpCachePropertiesWrapper", .desc = "no effect: there is no CPU" },
	{ "spcr", CXB_PROP_BOOL, UNUSED(spcr), .def = "on", .desc = "no effect: no SPCR table" },
	{ "suppress-vmdesc", CXB_PROP_BOOL, UNUSED(suppress_vmdesc), .desc = "no effect" },
	{ "usb", CXB_PROP_BOOL, UNUSED(usb), .desc = "no effect: there is no USB" },
	{ "vmport", CXB_PROP_ENUM, UNUSED(vmport), .type_name = "OnOffAuto", .names = on_off_auto,
	  .def = "auto", .desc = "no effect: there is no VMware port" },
	{ "wdat", CXB_PROP_BOOL, UNUSED(wdat), .desc = "no effect: there is no watchdog" },
	{ "x-change-vmfd-on-reset", CXB_PROP_BOOL, UNUSED(change_vmfd), .desc = "no effect" },

	{ "boot", CXB_PROP_FN, .flags = CXB_PROP_LIST, .set = struct_set, .names = boot_members,
	  .type_name = "BootConfiguration", .desc = "nothing is booted" },
	{ "firmware", CXB_PROP_STR, UNUSED(firmware), .check = check_noted, .desc = NO_FIRMWARE },
	{ "pcspk-audiodev", CXB_PROP_STR, UNUSED(pcspk), .type_name = "str", .check = check_noted,
	  .desc = "there is no sound" },
	{ "pflash0", CXB_PROP_STR, UNUSED(pflash[0]), .type_name = "str", .check = check_noted,
	  .desc = NO_FIRMWARE },
	{ "pflash1", CXB_PROP_STR, UNUSED(pflash[1]), .type_name = "str", .check = check_noted,
	  .desc = NO_FIRMWARE },
	{ "smp", CXB_PROP_FN, .flags = CXB_PROP_LIST, .set = struct_set, .names = smp_members,
	  .type_name = "SMPConfiguration", .desc = NO_CPU },

	{ "append", CXB_PROP_STR, UNUSED(append), .check = check_refused, .desc = NO_GUEST },
	{ "confidential-guest-support", CXB_PROP_STR, UNUSED(confidential),
	  .type_name = "link<confidential-guest-support>", .check = check_refused,
	  .desc = NO_GUEST },
	{ "dtb", CXB_PROP_STR, UNUSED(dtb), .check = check_refused, .desc = NO_GUEST },
	{ "dumpdtb", CXB_PROP_STR, UNUSED(dumpdtb), .check = check_refused,
	  .desc = "there is no device tree to dump: leave it out" },
	{ "initrd", CXB_PROP_STR, UNUSED(initrd), .check = check_refused, .desc = NO_GUEST },
	{ "kernel", CXB_PROP_STR, UNUSED(kernel), .check = check_refused, .desc = NO_GUEST },
	{ "memory-encryption", CXB_PROP_STR, UNUSED(memory_encryption), .check = check_refused,
	  .desc = NO_GUEST },
	{ "sgx-epc", CXB_PROP_FN, .flags = CXB_PROP_LIST, .set = list_refused,
	  .type_name = "SgxEPC", .desc = NO_GUEST },
	{ "shim", CXB_PROP_STR, UNUSED(shim), .check = check_refused, .desc = NO_GUEST },
	{ NULL },
};
/* clang-format on */
