/* SPDX-License-Identifier: Apache-2.0 */
/* Machines by name: what is refused before anything is opened, and by which words. */
#include "base/error.h"
#include "busclient/client.h"

static void refused(const char *text, const char *want)
{
	CxbWorkq *workq = cxb_workq_new(NULL);
	g_autoptr(GError) err = NULL;

	g_assert_null(cxb_bus_client_open(text, workq, &err));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_INVALID);
	g_assert_cmpstr(err->message, ==, want);
	cxb_workq_free(workq);
}

static void names_of_no_machine_are_refused_with_the_forms_there_are(void)
{
	g_autofree char *usage = cxb_bus_client_usage();
	g_autofree char *want = g_strconcat("expected ", usage, NULL);
	static const char *const names[] = { "",       "qtest", "qtest:",    "qtestx:s",
					     "vfio:s", ":s",    "server=on", "QTEST:s" };

	g_assert_nonnull(g_strstr_len(usage, -1, "qtest:SOCKET"));
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
		refused(names[i], want);
}

static void options_are_judged_before_anything_is_opened(void)
{
	/* Nobody listens there: what would be opened first would fail otherwise. */
	refused("qtest:/nosuch/s,server=maybe", "Parameter 'server' expects 'on' or 'off'");
	refused("qtest:/nosuch/s,foo=1", "Invalid parameter 'foo'");
	refused("qtest:/nosuch/s,server=on,serve=on", "Invalid parameter 'serve'");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/busclient/client/names",
			names_of_no_machine_are_refused_with_the_forms_there_are);
	g_test_add_func("/busclient/client/options", options_are_judged_before_anything_is_opened);
	return g_test_run();
}
