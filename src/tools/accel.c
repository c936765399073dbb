/* SPDX-License-Identifier: Apache-2.0 */
#include "accel.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/message.h"

void cxb_accel_print_help(void)
{
	printf("Accelerators supported in cxlbox binary:\nhost\nqtest\n");
}

static bool policy(CxbOpts *opts, const char *key, bool may_reject, CxbHostPolicy *out,
		   GError **errp)
{
	CxbHostPolicy value;
	const char *text;

	if (!cxb_opts_get_str(opts, key, &text, errp))
		return false;
	if (!text)
		return true;
	if (!cxb_host_policy_parse(text, &value) || (value == CXB_HOST_REJECT && !may_reject))
		return cxb_fail(
			errp, CXB_ERROR_INVALID,
			"Parameter '%s' does not accept value '%s': one of all, %signore, ask", key,
			text, may_reject ? "reject, " : "");
	*out = value;
	return true;
}

/* QEMU's, which may come with properties of any kind. */
static bool cpu_accel(const char *name)
{
	static const char *const names[] = { "hvf", "kvm",  "mshv", "nitro", "nvmm",
					     "tcg", "whpx", "xen",  NULL };

	return g_strv_contains(names, name);
}

bool cxb_accel_parse(AccelConfig *accel, CxbOpts *opts, GError **errp)
{
	const char *name, *unknown;

	if (cxb_opts_has(opts, "help")) {
		cxb_accel_print_help();
		return cxb_fail(errp, CXB_ERROR_HELP, "help");
	}
	if (!cxb_opts_get_str(opts, "accel", &name, errp))
		return false;
	if (!name)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'accel' is missing");
	if (cpu_accel(name)) {
		cxb_message("warning: accelerator '%s' runs a CPU, and there is none: the built-in "
			    "host plays the host",
			    name);
		accel->host = accel->given = true;
		return true;
	}
	if (strcmp(name, "qtest") == 0) {
		accel->qtest = true;
	} else if (strcmp(name, "host") == 0) {
		accel->host = true;
		if (!policy(opts, "accept", true, &accel->accept, errp) ||
		    !policy(opts, "release", false, &accel->release, errp))
			return false;
	} else {
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"invalid accelerator %s: there are host and qtest", name);
	}
	unknown = cxb_opts_unused(opts);
	if (unknown)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Property '%s-accel.%s' not found", name,
				unknown);
	accel->given = true;
	return true;
}
