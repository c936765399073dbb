/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

World *world_new(void)
{
	World *w = g_new0(World, 1);

	w->machine = front_small(true);
	w->qmp = cxb_qmp_new(w->machine, "box");
	w->peer = world_peer(w, false);
	return w;
}

World *world_ready(void)
{
	World *w = world_new();

	ask(w, "{'execute': 'qmp_capabilities'}", "{'return': {}}");
	return w;
}

void world_free(World *w)
{
	front_peer_free(w->peer);
	cxb_qmp_free(w->qmp);
	cxb_machine_free(w->machine);
	g_free(w);
}

FrontPeer *world_peer(World *w, bool pretty)
{
	g_autoptr(GError) err = NULL;
	CxbChardev *chr;
	FrontPeer *peer = front_peer_new(&chr);
	const char *last = pretty ? "}\r" : "";
	char *line;

	cxb_qmp_serve(w->qmp, chr, pretty, &err);
	g_assert_no_error(err);
	do {
		line = front_line(peer);
		g_assert_nonnull(line);
		if (strcmp(line, last) == 0)
			last = "";
		g_free(line);
	} while (*last);
	return peer;
}

void say(FrontPeer *peer, const char *text)
{
	front_send(peer, text, strlen(text));
}

static void take_timestamp(json_object *o)
{
	json_object *stamp, *v;

	if (!json_object_object_get_ex(o, "timestamp", &stamp))
		return;
	g_assert_cmpint(json_object_object_length(stamp), ==, 2);
	g_assert_true(json_object_object_get_ex(stamp, "seconds", &v));
	g_assert_true(json_object_is_type(v, json_type_int));
	g_assert_true(json_object_object_get_ex(stamp, "microseconds", &v));
	g_assert_cmpint(json_object_get_int64(v), >=, 0);
	g_assert_cmpint(json_object_get_int64(v), <, 1000000);
	json_object_object_del(o, "timestamp");
}

static char *message(FrontPeer *peer)
{
	char *line = front_line(peer);

	if (line)
		g_assert_true(g_str_has_suffix(line, "\r"));
	return line;
}

void expect(FrontPeer *peer, const char *json)
{
	g_autofree char *line = message(peer);
	json_object *o;

	if (!line)
		g_error("expected %s\n     got nothing", json);
	o = front_json(line);
	take_timestamp(o);
	front_assert_json(json_object_to_json_string(o), json);
	json_object_put(o);
}

void expect_nothing(FrontPeer *peer)
{
	g_autofree char *line = front_line(peer);

	if (line)
		g_error("expected nothing, got %s", line);
}

void ask(World *w, const char *text, const char *json)
{
	say(w->peer, text);
	expect(w->peer, json);
}

json_object *ask_for(World *w, const char *text)
{
	g_autofree char *line = NULL;
	json_object *o, *value;

	say(w->peer, text);
	line = message(w->peer);
	g_assert_nonnull(line);
	o = front_json(line);
	if (!json_object_object_get_ex(o, "return", &value))
		g_error("%s: %s", text, line);
	json_object_get(value);
	json_object_put(o);
	return value;
}

void fails(World *w, const char *text, const char *klass, const char *desc)
{
	json_object *o = json_object_new_object(), *error = json_object_new_object();

	json_object_object_add(error, "class", json_object_new_string(klass));
	json_object_object_add(error, "desc", json_object_new_string(desc));
	json_object_object_add(o, "error", error);
	ask(w, text, json_object_to_json_string(o));
	json_object_put(o);
}

void world_ask_all(World *w, const Exchange *rows)
{
	for (; rows->in; rows++)
		ask(w, rows->in, rows->out);
}
