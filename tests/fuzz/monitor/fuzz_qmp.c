/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to a negotiated QMP session of a small machine. Whatever comes out must be whole messages
 * of the known shapes. Inputs that would touch files, or allocate what they ask for, are left out.
 */
#include <string.h>

#include "front.h"
#include "fuzz.h"
#include "io/json.h"
#include "monitor/qmp.h"

#define MOST_BYTES 65536

static void look(void *opaque, json_object *value, const GError *err)
{
	bool *harmful = opaque;
	GString *text = cxb_json_text(value, false);

	if (strstr(text->str, "memory-backend-file") || strstr(text->str, "prealloc"))
		*harmful = true;
	g_string_free(text, TRUE);
}

static bool is_harmful(const char *bytes, size_t len)
{
	bool harmful = false;
	CxbJsonStream *s = cxb_json_stream_new(look, &harmful);

	cxb_json_stream_feed(s, bytes, len);
	cxb_json_stream_free(s);
	return harmful;
}

static void check(const char *line)
{
	static const char *const kinds[] = { "return", "error", "event" };
	json_object *o = front_json(line);
	int found = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		found += json_object_object_get_ex(o, kinds[i], NULL);
	if (found != 1)
		g_error("neither answer nor event: %s", line);
	json_object_put(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char hello[] = "{'execute': 'qmp_capabilities', "
				    "'arguments': {'enable': ['oob']}}";
	const char *bytes = (const char *)data;
	FrontPeer *peer;
	CxbMachine *m;
	CxbChardev *chr;
	CxbQmp *qmp;
	char *line;

	if (size > MOST_BYTES || is_harmful(bytes, size))
		return 0;
	m = front_small(true);
	qmp = cxb_qmp_new(m, "fuzz");
	peer = front_peer_new(&chr);
	if (!cxb_qmp_serve(qmp, chr, false, NULL))
		g_error("no session");
	g_free(front_line(peer));
	front_send(peer, hello, sizeof(hello) - 1);
	g_free(front_line(peer));
	front_send(peer, bytes, size);
	while ((line = front_line(peer))) {
		check(line);
		g_free(line);
	}
	if (peer->in->len)
		g_error("half a message: %s", peer->in->str);
	cxb_qmp_free(qmp);
	cxb_machine_free(m);
	front_peer_free(peer);
	return 0;
}
