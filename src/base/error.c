/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

/* What the macros of these names call. */
#undef cxb_fail
#undef cxb_fail_errno

GQuark cxb_error_quark(void)
{
	return g_quark_from_static_string("cxb-error-quark");
}

bool cxb_fail(GError **errp, CxbErrorCode code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (errp)
		g_propagate_error(errp, g_error_new_valist(CXB_ERROR, code, fmt, ap));
	va_end(ap);
	return false;
}

bool cxb_fail_errno(GError **errp, int errnum, const char *fmt, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	if (!errp)
		return false;
	va_start(ap, fmt);
	text = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	return cxb_fail(errp, CXB_ERROR_SYSTEM, "%s: %s", text, g_strerror(errnum));
}
