/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to the qtest session of a small machine, at whose registers they get. Every answer must be
 * one of the known forms; a line more must still be answered in the end.
 */
#include <string.h>

#include "front.h"
#include "fuzz.h"
#include "qtest/qtest.h"

#define MOST_BYTES 65536

static bool is_answer(const char *line)
{
	static const char *const starts[] = { "OK", "FAIL", "ERR ", "IRQ raise ", "IRQ lower " };

	for (size_t i = 0; i < G_N_ELEMENTS(starts); i++)
		if (g_str_has_prefix(line, starts[i]))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *last = NULL;
	FrontPeer *peer;
	CxbMachine *m;
	CxbChardev *chr;
	CxbQtest *qtest;
	char *line;

	/* A memset of 1 GiB is no bug, but no use either. */
	if (size > MOST_BYTES || g_strstr_len((const char *)data, size, "memset"))
		return 0;
	m = front_small(true);
	peer = front_peer_new(&chr);
	qtest = cxb_qtest_new(m, chr, NULL, NULL);
	if (!qtest)
		g_error("no session");
	front_send(peer, (const char *)data, size);
	front_send(peer, "\nendianness\n", 12);
	while ((line = front_line(peer))) {
		g_free(last);
		last = line;
		if (!is_answer(line))
			g_error("not an answer: %s", line);
	}
	if (g_strcmp0(last, "OK little") != 0)
		g_error("the last answer is %s", last);
	cxb_qtest_free(qtest);
	cxb_machine_free(m);
	front_peer_free(peer);
	return 0;
}
