/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of options by the names that -readconfig, -set and query-command-line-options have. */
#include <string.h>

#include "cmdline.h"

static const OptParam action_params[] = {
	{ "panic", "string" },
	{ "reboot", "string" },
	{ "shutdown", "string" },
	{ "watchdog", "string" },
	{ NULL },
};
static const OptParam accel_params[] = {
	{ "accel", "string" },
	{ "accept", "string" },
	{ "release", "string" },
	{ NULL },
};
static const OptParam chardev_params[] = {
	{ "abstract", "boolean" },
	{ "append", "boolean" },
	{ "backend", "string" },
	{ "fd", "string" },
	{ "host", "string" },
	{ "ipv4", "boolean" },
	{ "ipv6", "boolean" },
	{ "logappend", "boolean" },
	{ "mux", "boolean" },
	{ "nodelay", "boolean" },
	{ "path", "string" },
	{ "port", "string" },
	{ "server", "boolean" },
	{ "signal", "boolean" },
	{ "tight", "boolean" },
	{ "wait", "boolean" },
	{ NULL },
};
static const OptParam global_params[] = {
	{ "driver", "string" },
	{ "property", "string" },
	{ "value", "string" },
	{ NULL },
};
static const OptParam memory_params[] = {
	{ "maxmem", "size" },
	{ "size", "size" },
	{ "slots", "number" },
	{ NULL },
};
static const OptParam mon_params[] = {
	{ "chardev", "string" },
	{ "mode", "string" },
	{ "pretty", "boolean" },
	{ NULL },
};
static const OptParam msg_params[] = {
	{ "guest-name", "boolean" },
	{ "timestamp", "boolean" },
	{ NULL },
};
static const OptParam name_params[] = {
	{ "debug-threads", "boolean" },
	{ "guest", "string" },
	{ "process", "string" },
	{ NULL },
};
static const OptParam run_with_params[] = {
	{ "async-teardown", "boolean" },
	{ "exit-with-parent", "boolean" },
	{ NULL },
};
static const OptParam trace_params[] = {
	{ "enable", "string" },
	{ NULL },
};

static const OptGroup groups[] = {
	{ "accel", "accel", accel_params },
	{ "action", "action", action_params },
	{ "chardev", "chardev", chardev_params },
	{ "device", "device" },
	{ "global", "global", global_params },
	{ "machine", "machine" },
	{ "memory", "m", memory_params },
	{ "mon", "mon", mon_params },
	{ "msg", "msg", msg_params },
	{ "name", "name", name_params },
	{ "object", "object" },
	{ "run-with", "run-with", run_with_params },
	{ "trace", "trace", trace_params },
	{ "drive", "drive" },
	{ "netdev", "netdev" },
	{ "net", "net" },
	{ "nic", "nic" },
	{ "smp-opts", "smp" },
	{ "boot-opts", "boot" },
	{ "rtc", "rtc" },
	{ "numa", "numa" },
	{ "fw_cfg", "fw_cfg" },
	{ "fsdev", "fsdev" },
	{ "virtfs", "virtfs" },
	{ "sandbox", "sandbox" },
	{ "overcommit", "overcommit" },
	{ "icount", "icount" },
	{ "tpmdev", "tpmdev" },
	{ "iscsi", "iscsi" },
	{ "spice", "spice" },
	{ "vnc", "vnc" },
	{ "audiodev", "audiodev" },
	{ "option-rom", "option-rom" },
	{ "acpi", "acpitable" },
	{ "smbios", "smbios" },
	{ "add-fd", "add-fd" },
	{ "plugin", "plugin" },
	{ "semihosting-config", "semihosting-config" },
	{ NULL },
};

const OptGroup *cxb_option_groups(void)
{
	return groups;
}

const OptDef *cxb_option_group(const char *name)
{
	for (const OptGroup *group = groups; group->name; group++)
		if (strcmp(group->name, name) == 0)
			return cxb_cmdline_find(group->option);
	return NULL;
}
