/* SPDX-License-Identifier: Apache-2.0 */
/* Return codes against CXL 3.1 8.2.8.4.5.1. */
#include <glib.h>

#include "wire/rc.h"

static void codes_have_the_values_of_the_table(void)
{
	g_assert_cmpint(CXB_RC_SUCCESS, ==, 0x0000);
	g_assert_cmpint(CXB_RC_INVALID_INPUT, ==, 0x0002);
	g_assert_cmpint(CXB_RC_INVALID_HANDLE, ==, 0x000e);
	g_assert_cmpint(CXB_RC_INVALID_PA, ==, 0x000f);
	g_assert_cmpint(CXB_RC_PAYLOAD_LEN, ==, 0x0016);
	g_assert_cmpint(CXB_RC_INVALID_LOG, ==, 0x0017);
	g_assert_cmpint(CXB_RC_RESOURCES, ==, 0x001d);
	g_assert_cmpint(CXB_RC_INVALID_EXTENTS, ==, 0x001e);
}

static void every_code_has_a_text_and_failures_an_errno(void)
{
	for (unsigned rc = 0; rc <= 0x20; rc++) {
		g_assert_cmpstr(cxb_rc_text(rc), !=, "unknown return code");
		if (rc)
			g_assert_cmpint(cxb_rc_errno(rc), >, 0);
	}
	g_assert_cmpint(cxb_rc_errno(0), ==, 0);
}

static void unknown_codes_are_an_io_error(void)
{
	static const unsigned bad[] = { 0x21, 0xffff, CXB_RC_LATER, 0xffffffff };

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_assert_cmpstr(cxb_rc_text(bad[i]), ==, "unknown return code");
		g_assert_cmpint(cxb_rc_errno(bad[i]), ==, EIO);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/wire/rc/values", codes_have_the_values_of_the_table);
	g_test_add_func("/wire/rc/texts", every_code_has_a_text_and_failures_an_errno);
	g_test_add_func("/wire/rc/unknown", unknown_codes_are_an_io_error);
	return g_test_run();
}
