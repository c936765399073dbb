/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every option that QEMU 11.1 has, and what becomes of it here: help, the manual and the tests go by
 * this table. What is not in it QEMU does not know either.
 */
#include <string.h>

#include "cmdline.h"

#define NO_CPU     "there is no CPU"
#define NO_DISPLAY "there is no display"
#define NO_SERIAL  "there is no such port: nothing comes out of it"
#define NO_FW      "there is no firmware: the ACPI tables are in RAM from the start"
#define NO_XEN     "Option not supported for this target"

#define INSTEAD_KERNEL                                                                    \
	"there is no CPU to run a guest: the built-in host (-accel host) or a test over " \
	"-qtest plays it"
#define INSTEAD_DISK \
	"there are no disks: leave it out; bytes of memory come from -object memory-backend-file"
#define INSTEAD_NET "there is no network: leave it out, or say 'none'"
#define INSTEAD_RAM "use -object memory-backend-file,id=ram,... and -machine memory-backend=ram"
#define INSTEAD_MIG \
	"there is no migration: start anew; bytes live on in -object memory-backend-file"
#define INSTEAD_TPM "there is no TPM: leave it out"

/* clang-format off */
static const OptDef defs[] = {
	{ "accel", OPT_ACCEL, "[accel=]host|qtest[,accept=P][,release=P]",
	  "who plays the host; P: all, reject, ignore, ask" },
	{ "action", OPT_ACTION, "[reboot=reset|shutdown][,shutdown=poweroff|pause]",
	  "what becomes of resets and shutdowns" },
	{ "chardev", OPT_CHARDEV, "socket|stdio|pty|file|null,id=ID[,...]",
	  "a character device for others to name ('-chardev help')" },
	{ "d", OPT_D, "item1,...", "log items: guest_errors, unimp ('-d help')" },
	{ "D", OPT_D_FILE, "file", "log to file instead of stderr" },
	{ "daemonize", OPT_DAEMONIZE, NULL, "go to the background once the machine is there" },
	{ "device", OPT_DEVICE, "driver[,prop=value]...", "add a device ('-device help')" },
	{ "global", OPT_GLOBAL, "driver.property=value", "a default for devices of that driver" },
	{ "h", OPT_HELP, NULL, "print this help" },
	{ "help", OPT_HELP, NULL, "print this help" },
	{ "m", OPT_M, "[size=]N[,slots=N][,maxmem=N]", "guest RAM; plain numbers are MiB" },
	{ "M", OPT_MACHINE, "[type=]q35|virt[,prop=value]...", "machine ('-M help', '-M q35,help')" },
	{ "machine", OPT_MACHINE, "[type=]q35|virt[,prop=value]...", "the same" },
	{ "mon", OPT_MON, "[chardev=]ID[,mode=readline|control][,pretty=on]", "a monitor, or QMP, on a chardev" },
	{ "monitor", OPT_MONITOR, "as -qmp, or none", "a human monitor there" },
	{ "msg", OPT_MSG, "[timestamp=on|off][,guest-name=on|off]", "what messages begin with" },
	{ "name", OPT_NAME, "[guest=]name", "name of the machine" },
	{ "no-reboot", OPT_NO_REBOOT, NULL, "end instead of a reset" },
	{ "no-shutdown", OPT_NO_SHUTDOWN, NULL, "stand instead of ending, but for quit and signals" },
	{ "object", OPT_OBJECT, "type,id=ID[,prop=value]...", "add an object ('-object help')" },
	{ "pidfile", OPT_PIDFILE, "file", "write the process id there" },
	{ "qmp", OPT_QMP, "unix:PATH[,server=on][,wait=off]|tcp:HOST:PORT|stdio|...",
	  "speak QMP there" },
	{ "qmp-pretty", OPT_QMP_PRETTY, "as -qmp", "the same, indented" },
	{ "qtest", OPT_QTEST, "as -qmp", "speak qtest there" },
	{ "qtest-log", OPT_QTEST_LOG, "FILE|none", "where qtest logs to" },
	{ "readconfig", OPT_READCONFIG, "file", "more options from a file of groups" },
	{ "run-with", OPT_RUN_WITH, "exit-with-parent=on", "end when the parent process does" },
	{ "S", OPT_STOPPED, NULL, "stand until QMP's 'cont'" },
	{ "set", OPT_SET, "group.id.key=value", "one more key for an option given before" },
	{ "trace", OPT_TRACE, "[enable=]PATTERN", "switch trace events on ('-trace help')" },
	{ "uuid", OPT_UUID, "UUID", "UUID of the machine" },
	{ "version", OPT_VERSION, NULL, "print the version" },
	{ "watchdog-action", OPT_WATCHDOG_ACTION, "action", "taken: there is no watchdog" },

	{ "echr", OPT_HARMLESS, "..." },
	{ "enable-sync-profile", OPT_HARMLESS, NULL },
	{ "k", OPT_HARMLESS, "..." },
	{ "L", OPT_HARMLESS, "..." },
	{ "no-fd-bootchk", OPT_HARMLESS, NULL },
	{ "no-user-config", OPT_HARMLESS, NULL },
	{ "nodefaults", OPT_HARMLESS, NULL },
	{ "nographic", OPT_HARMLESS, NULL },
	{ "only-migratable", OPT_HARMLESS, NULL },
	{ "overcommit", OPT_HARMLESS, "..." },
	{ "seed", OPT_HARMLESS, "..." },
	{ "win2k-hack", OPT_HARMLESS, NULL },

	{ "audio", OPT_NOTED, "...", "there is no sound", "none" },
	{ "audiodev", OPT_NOTED, "...", "there is no sound" },
	{ "bios", OPT_NOTED, "...", NO_FW },
	{ "boot", OPT_NOTED, "...", "nothing is booted" },
	{ "compat", OPT_NOTED, "...", "deprecated and unstable interfaces are taken and told" },
	{ "cpu", OPT_NOTED, "...", NO_CPU },
	{ "debugcon", OPT_NOTED, "...", NO_SERIAL, "none" },
	{ "dfilter", OPT_NOTED, "...", NO_CPU },
	{ "display", OPT_NOTED, "...", NO_DISPLAY, "none" },
	{ "enable-kvm", OPT_NOTED, NULL, NO_CPU },
	{ "full-screen", OPT_NOTED, NULL, NO_DISPLAY },
	{ "gdb", OPT_NOTED, "...", NO_CPU },
	{ "icount", OPT_NOTED, "...", NO_CPU },
	{ "jitdump", OPT_NOTED, NULL, NO_CPU },
	{ "mem-prealloc", OPT_NOTED, NULL, "RAM is not preallocated: use prealloc=on of a memory backend" },
	{ "numa", OPT_NOTED, "...", "there are no SRAT, SLIT and HMAT tables" },
	{ "option-rom", OPT_NOTED, "...", NO_FW },
	{ "parallel", OPT_NOTED, "...", NO_SERIAL, "none" },
	{ "perfmap", OPT_NOTED, NULL, NO_CPU },
	{ "pflash", OPT_NOTED, "...", NO_FW },
	{ "plugin", OPT_NOTED, "...", NO_CPU },
	{ "rtc", OPT_NOTED, "...", "there is no real-time clock chip" },
	{ "s", OPT_NOTED, NULL, NO_CPU },
	{ "sandbox", OPT_NOTED, "...", "system calls are not filtered", "off" },
	{ "serial", OPT_NOTED, "...", NO_SERIAL, "none" },
	{ "smbios", OPT_NOTED, "...", "there are no SMBIOS tables" },
	{ "smp", OPT_NOTED, "...", NO_CPU },
	{ "snapshot", OPT_NOTED, NULL, "there are no disks" },
	{ "spice", OPT_NOTED, "...", NO_DISPLAY },
	{ "usb", OPT_NOTED, NULL, "there is no USB" },
	{ "usbdevice", OPT_NOTED, "...", "there is no USB" },
	{ "vga", OPT_NOTED, "...", NO_DISPLAY, "none" },
	{ "vnc", OPT_NOTED, "...", NO_DISPLAY, "none" },

	{ "acpitable", OPT_REFUSED, "...", "no table can be added: leave it out" },
	{ "add-fd", OPT_REFUSED, "...", "name an inherited descriptor as /dev/fd/N" },
	{ "append", OPT_REFUSED, "...", INSTEAD_KERNEL },
	{ "blockdev", OPT_REFUSED, "...", INSTEAD_DISK },
	{ "cdrom", OPT_REFUSED, "...", INSTEAD_DISK },
	{ "drive", OPT_REFUSED, "...", INSTEAD_DISK },
	{ "dtb", OPT_REFUSED, "...", INSTEAD_KERNEL },
	{ "dump-vmstate", OPT_REFUSED, "...", INSTEAD_MIG },
	{ "fda", OPT_REFUSED, "...", INSTEAD_DISK },
	{ "fdb", OPT_REFUSED, "...", INSTEAD_DISK },
	{ "fsdev", OPT_REFUSED, "...", INSTEAD_DISK },
	{ "fw_cfg", OPT_REFUSED, "...", "there is no fw_cfg device: the ACPI tables are in RAM" },
	{ "g", OPT_REFUSED, "...", NO_XEN },
	{ "hda", OPT_REFUSED, "...", INSTEAD_DISK },
	{ "hdb", OPT_REFUSED, "...", INSTEAD_DISK },
	{ "hdc", OPT_REFUSED, "...", INSTEAD_DISK },
	{ "hdd", OPT_REFUSED, "...", INSTEAD_DISK },
	{ "incoming", OPT_REFUSED, "...", INSTEAD_MIG },
	{ "initrd", OPT_REFUSED, "...", INSTEAD_KERNEL },
	{ "iscsi", OPT_REFUSED, "...", INSTEAD_DISK },
	{ "kernel", OPT_REFUSED, "...", INSTEAD_KERNEL },
	{ "loadvm", OPT_REFUSED, "...", INSTEAD_MIG },
	{ "mem-path", OPT_REFUSED, "...", INSTEAD_RAM },
	{ "mtdblock", OPT_REFUSED, "...", INSTEAD_DISK },
	{ "net", OPT_REFUSED, "...", INSTEAD_NET, "none" },
	{ "netdev", OPT_REFUSED, "...", INSTEAD_NET },
	{ "nic", OPT_REFUSED, "...", INSTEAD_NET, "none" },
	{ "preconfig", OPT_REFUSED, NULL, "the machine is made at once: give all of it on the command line" },
	{ "prom-env", OPT_REFUSED, "...", NO_XEN },
	{ "sd", OPT_REFUSED, "...", INSTEAD_DISK },
	{ "semihosting", OPT_REFUSED, NULL, NO_XEN },
	{ "semihosting-config", OPT_REFUSED, "...", NO_XEN },
	{ "shim", OPT_REFUSED, "...", INSTEAD_KERNEL },
	{ "tpmdev", OPT_REFUSED, "...", INSTEAD_TPM },
	{ "virtfs", OPT_REFUSED, "...", INSTEAD_DISK },
	{ "xen-attach", OPT_REFUSED, NULL, NO_XEN },
	{ "xen-domid", OPT_REFUSED, "...", NO_XEN },
	{ "xen-domid-restrict", OPT_REFUSED, NULL, NO_XEN },
	{ NULL },
};
/* clang-format on */

const OptDef *cxb_cmdline_defs(void)
{
	return defs;
}

const OptDef *cxb_cmdline_find(const char *name)
{
	for (const OptDef *def = defs; def->name; def++)
		if (strcmp(def->name, name) == 0)
			return def;
	return NULL;
}
