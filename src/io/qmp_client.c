/* SPDX-License-Identifier: Apache-2.0 */
#include "io/qmp_client.h"

#include <string.h>

#include "base/error.h"
#include "base/trace.h"

CXB_TRACE(qmp_client_send, (const char *text), "%s", text)
CXB_TRACE(qmp_client_answer, (uint64_t id, const char *error), "id %" PRIu64 ": %s", id,
	  error ?: "done")

typedef struct {
	uint64_t id;
	CxbQmpAnswer fn;
	CxbQmpRelay relay; /* in its stead */
	void *opaque;
} Sent;

struct CxbQmpClient {
	CxbChardev *chr;
	CxbJsonStream *stream;
	const CxbQmpClientOps *ops;
	void *opaque;
	bool greeted;
	bool negotiated;
	uint64_t last_id;
	GQueue sent; /* of Sent, in order */
	GString *held;
	bool holding;
	char *bad;     /* what is wrong with the other side; NULL: nothing */
	GSource *gone; /* it has gone; closed is still to be told */
	GMainContext *context;
};

static void write_text(CxbQmpClient *c, const char *text, size_t len)
{
	if (c->holding || !c->negotiated)
		g_string_append_len(c->held, text, len);
	else
		cxb_chardev_write(c->chr, text, len);
}

static json_object *make(const char *command, json_object *args, uint64_t id)
{
	json_object *o = json_object_new_object();

	json_object_object_add(o, "execute", json_object_new_string(command));
	if (args)
		json_object_object_add(o, "arguments", args);
	json_object_object_add(o, "id", json_object_new_uint64(id));
	return o;
}

static void send_request(CxbQmpClient *c, json_object *request, const Sent *sent)
{
	GString *text = cxb_json_text(request, false);

	trace_qmp_client_send(text->str);
	g_queue_push_tail(&c->sent, g_memdup2(sent, sizeof(*sent)));
	g_string_append_c(text, '\n');
	write_text(c, text->str, text->len);
	g_string_free(text, TRUE);
}

void cxb_qmp_client_send(CxbQmpClient *c, const char *command, json_object *args, CxbQmpAnswer fn,
			 void *opaque)
{
	const Sent sent = { .id = ++c->last_id, .fn = fn, .opaque = opaque };
	json_object *o = make(command, args, sent.id);

	send_request(c, o, &sent);
	json_object_put(o);
}

void cxb_qmp_client_relay(CxbQmpClient *c, json_object *request, CxbQmpRelay fn, void *opaque)
{
	const Sent sent = { .id = ++c->last_id, .relay = fn, .opaque = opaque };

	send_request(c, request, &sent);
}

void cxb_qmp_client_hold(CxbQmpClient *c)
{
	c->holding = true;
}

void cxb_qmp_client_flush(CxbQmpClient *c)
{
	c->holding = false;
	if (!c->negotiated || !c->held->len)
		return;
	cxb_chardev_write(c->chr, c->held->str, c->held->len);
	g_string_truncate(c->held, 0);
}

/* --- what comes --- */

static gboolean tell_closed(gpointer data)
{
	CxbQmpClient *c = data;
	g_autofree char *why = g_steal_pointer(&c->bad);

	c->ops->closed(c->opaque, why);
	return G_SOURCE_REMOVE;
}

/* Whoever is told may free the client, which no callback of a chardev may. */
static void lost(CxbQmpClient *c)
{
	if (c->gone)
		return;
	c->gone = g_idle_source_new();
	g_source_set_callback(c->gone, tell_closed, c, NULL);
	g_source_attach(c->gone, c->context);
}

static void nonsense(CxbQmpClient *c, const char *what)
{
	if (!c->bad)
		c->bad = g_strdup(what);
}

/* Its own queries need no name: the first answer is that of the negotiation. */
static void greeting(CxbQmpClient *c, json_object *o)
{
	static const char hello[] = "{\"execute\": \"qmp_capabilities\"}\n";

	if (!json_object_object_get_ex(o, "QMP", NULL)) {
		nonsense(c, "no greeting of QMP");
		return;
	}
	c->greeted = true;
	cxb_chardev_write(c->chr, hello, strlen(hello));
}

static void answer(CxbQmpClient *c, json_object *o)
{
	json_object *ret = NULL, *err = NULL;
	g_autofree Sent *sent = NULL;
	const char *text = NULL;

	json_object_object_get_ex(o, "return", &ret);
	if (json_object_object_get_ex(o, "error", &err))
		text = cxb_json_str(err, "desc") ?: "an error without a description";
	if (!c->negotiated) {
		if (text) {
			nonsense(c, text);
			return;
		}
		c->negotiated = true;
		c->ops->ready(c->opaque);
		return;
	}
	sent = g_queue_pop_head(&c->sent);
	if (!sent) {
		nonsense(c, "an answer where nothing was asked");
		return;
	}
	trace_qmp_client_answer(sent->id, text);
	if (sent->relay)
		sent->relay(sent->opaque, o);
	else if (sent->fn)
		sent->fn(sent->opaque, text ? NULL : ret, text);
}

static void value(void *opaque, json_object *o, const GError *err)
{
	CxbQmpClient *c = opaque;
	const char *event;

	if (c->bad)
		return;
	if (err || !json_object_is_type(o, json_type_object)) {
		nonsense(c, err ? err->message : "a message that is no object");
		return;
	}
	event = cxb_json_str(o, "event");
	if (!c->greeted)
		greeting(c, o);
	else if (!event)
		answer(c, o);
	else if (c->ops->event)
		c->ops->event(c->opaque, event, o);
}

static void input(void *opaque, const char *bytes, size_t len)
{
	CxbQmpClient *c = opaque;

	cxb_json_stream_feed(c->stream, bytes, len);
	if (c->negotiated && !c->holding)
		cxb_qmp_client_flush(c); /* what was sent before the negotiation */
	if (c->bad)
		lost(c);
}

static void opened(void *opaque)
{
}

static void closed(void *opaque)
{
	lost(opaque);
}

static CxbQmpClient *new_client(CxbOpts *opts, const char *path, GMainContext *context,
				const CxbQmpClientOps *ops, void *opaque, GError **errp)
{
	static const CxbChardevFront front = { .opened = opened, .input = input, .closed = closed };
	CxbQmpClient *c;
	CxbChardev *chr;

	cxb_opts_add_text(opts, "backend", "socket");
	cxb_opts_add_text(opts, "path", path);
	chr = cxb_chardev_new(opts, context, path, errp);
	if (!chr)
		return NULL;
	c = g_new0(CxbQmpClient, 1);
	c->chr = chr;
	c->context = context;
	c->ops = ops;
	c->opaque = opaque;
	c->held = g_string_new(NULL);
	c->stream = cxb_json_stream_new(value, c);
	g_queue_init(&c->sent);
	cxb_chardev_attach(chr, &front, c, NULL);
	return c;
}

CxbQmpClient *cxb_qmp_client_new(const char *path, GMainContext *context,
				 const CxbQmpClientOps *ops, void *opaque, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_new();

	return new_client(opts, path, context, ops, opaque, errp);
}

CxbQmpClient *cxb_qmp_client_listen(const char *path, GMainContext *context,
				    const CxbQmpClientOps *ops, void *opaque, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_new();

	cxb_opts_add_text(opts, "server", "on");
	cxb_opts_add_text(opts, "wait", "off");
	return new_client(opts, path, context, ops, opaque, errp);
}

void cxb_qmp_client_free(CxbQmpClient *c)
{
	if (!c)
		return;
	if (c->gone) {
		g_source_destroy(c->gone);
		g_source_unref(c->gone);
	}
	cxb_chardev_free(c->chr);
	cxb_json_stream_free(c->stream);
	g_queue_clear_full(&c->sent, g_free);
	g_string_free(c->held, TRUE);
	g_free(c->bad);
	g_free(c);
}
