/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu_proxy.h"

#include <json-c/linkhash.h>
#include <string.h>

#include "base/error.h"
#include "qemu_hotplug.h"
#include "qemu_schema.h"

typedef struct {
	CxbQmpClient *client; /* NULL: it is not there */
	GHashTable *commands; /* names; NULL: not told yet */
	GHashTable *types;
	GHashTable *events; /* of QEMU's only */
} Side;

struct QemuProxy {
	GMainContext *context;
	Side sides[QEMU_SIDES];
	json_object *version; /* QEMU's; NULL: not told yet */
	GPtrArray *sessions;  /* Session * */
	GHashTable *objects;  /* ids of those that are cxlbox's */
	QemuHotplug *hotplug; /* devices that are on both sides */
	GHashTable *deleted;  /* set of Deleted * */
	GHashTable *calls;    /* set of Call *, under way */
};

/* QEMU has told that a memory device is gone, which it is not yet in cxlbox. */
typedef struct {
	QemuProxy *proxy;
	json_object *event;
} Deleted;

/* One monitor, whose peers come one after the other. */
typedef struct {
	QemuProxy *proxy;
	CxbChardev *chr;
	CxbJsonStream *stream;
	bool pretty;
	/* Of the present peer */
	unsigned peer; /* which it is: answers to those before are dropped */
	bool greeted, negotiated;
	bool asked;     /* a command is under way */
	GQueue waiting; /* Input * */
} Session;

/* What came from a peer: a value, or what was wrong with its text. */
typedef struct {
	json_object *value;
	GError *err;
} Input;

/* A command under way at one side, or at one after the other. */
typedef struct {
	Session *session;
	unsigned peer;
	json_object *request;
	json_object *first;    /* what cxlbox has answered, to be put in front of QEMU's; or NULL */
	char *added, *deleted; /* id of an object of cxlbox's that comes or goes; or NULL */
} Call;

static void pump(Session *s);

/* --- to the peer --- */

static void send_object(Session *s, json_object *o)
{
	GString *text = cxb_json_text(o, s->pretty);

	g_string_append(text, "\r\n");
	cxb_chardev_write(s->chr, text->str, text->len);
	g_string_free(text, TRUE);
}

/* @member: "return" or "error"; @value is taken. */
static json_object *new_answer(json_object *request, const char *member, json_object *value)
{
	json_object *o = json_object_new_object(), *id;

	json_object_object_add(o, member, value);
	if (json_object_is_type(request, json_type_object) &&
	    json_object_object_get_ex(request, "id", &id))
		json_object_object_add(o, "id", json_object_get(id));
	return o;
}

static json_object *new_error(const char *class, const char *desc)
{
	json_object *error = json_object_new_object();

	json_object_object_add(error, "class", json_object_new_string(class));
	json_object_object_add(error, "desc", json_object_new_string(desc));
	return error;
}

static void send_answer(Session *s, json_object *request, const char *member, json_object *value)
{
	json_object *o = new_answer(request, member, value);

	send_object(s, o);
	json_object_put(o);
}

static void send_error(Session *s, json_object *request, const char *class, const char *desc)
{
	send_answer(s, request, "error", new_error(class, desc));
}

static void greet(Session *s)
{
	json_object *greeting = json_object_new_object(), *body = json_object_new_object();

	json_object_object_add(body, "version", json_object_get(s->proxy->version));
	json_object_object_add(body, "capabilities", json_object_new_array());
	json_object_object_add(greeting, "QMP", body);
	send_object(s, greeting);
	json_object_put(greeting);
	s->greeted = true;
}

/* --- whose a command is --- */

static json_object *args_of(json_object *request)
{
	json_object *args;

	return json_object_object_get_ex(request, "arguments", &args) ? args : NULL;
}

static bool knows(const GHashTable *names, const char *name)
{
	return name && names && g_hash_table_contains((GHashTable *)names, name);
}

/* What serves a memory device, or maps its memory. */
static bool is_of_device(const QemuProxy *proxy, const char *name)
{
	static const char *const prefixes[] = { QEMU_SERVER_PREFIX, QEMU_GUEST_PREFIX };

	for (unsigned i = 0; name && i < G_N_ELEMENTS(prefixes); i++)
		if (g_str_has_prefix(name, prefixes[i]) &&
		    qemu_hotplug_knows(proxy->hotplug, name + strlen(prefixes[i])))
			return true;
	return false;
}

static bool is_object(const QemuProxy *proxy, const char *name)
{
	return knows(proxy->objects, name) || is_of_device(proxy, name);
}

/* The last part of a path names something of cxlbox's. */
static bool is_ours(const QemuProxy *proxy, const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *name = slash ? slash + 1 : path;

	return is_object(proxy, name) || qemu_hotplug_knows(proxy->hotplug, name);
}

static bool only_cxlbox(const QemuProxy *proxy, const char *type)
{
	return knows(proxy->sides[QEMU_SIDE_CXLBOX].types, type) &&
	       !knows(proxy->sides[QEMU_SIDE_QEMU].types, type);
}

static QemuSide side_of(const QemuProxy *proxy, json_object *request)
{
	const char *command = cxb_json_str(request, "execute");
	json_object *args = args_of(request), *tag;
	bool cxlbox = false;

	if (!command || !knows(proxy->sides[QEMU_SIDE_CXLBOX].commands, command))
		return QEMU_SIDE_QEMU;
	if (!knows(proxy->sides[QEMU_SIDE_QEMU].commands, command) ||
	    g_str_has_prefix(command, "cxl-"))
		return QEMU_SIDE_CXLBOX;
	/* Only what goes to a host by its tag has one. */
	if (strcmp(command, "object-add") == 0)
		cxlbox = only_cxlbox(proxy, cxb_json_str(args, "qom-type")) ||
			 (json_object_is_type(args, json_type_object) &&
			  json_object_object_get_ex(args, "tag", &tag));
	else if (strcmp(command, "object-del") == 0)
		cxlbox = is_object(proxy, cxb_json_str(args, "id"));
	else if (g_str_has_prefix(command, "qom-"))
		cxlbox = is_ours(proxy, cxb_json_str(args, "path")) ||
			 only_cxlbox(proxy, cxb_json_str(args, "typename"));
	else if (strcmp(command, "device-list-properties") == 0)
		cxlbox = only_cxlbox(proxy, cxb_json_str(args, "typename"));
	return cxlbox ? QEMU_SIDE_CXLBOX : QEMU_SIDE_QEMU;
}

/* Lists that both have a part of. */
static bool is_of_both(const QemuProxy *proxy, json_object *request)
{
	static const char *const commands[] = { "query-commands", "query-memdev",
						"query-qmp-schema", NULL };
	const char *command = cxb_json_str(request, "execute");

	return command && g_strv_contains(commands, command);
}

/* --- a command on its way --- */

static void call_free(void *p)
{
	Call *call = p;

	json_object_put(call->request);
	json_object_put(call->first);
	g_free(call->added);
	g_free(call->deleted);
	g_free(call);
}

static void deleted_free(void *p)
{
	Deleted *d = p;

	json_object_put(d->event);
	g_free(d);
}

static void finish(Call *call, json_object *message)
{
	Session *s = call->session;
	const bool present = call->peer == s->peer;

	if (call->added && json_object_object_get_ex(message, "return", NULL))
		g_hash_table_add(s->proxy->objects, g_steal_pointer(&call->added));
	if (call->deleted && json_object_object_get_ex(message, "return", NULL))
		g_hash_table_remove(s->proxy->objects, call->deleted);
	if (present) {
		send_object(s, message);
		s->asked = false;
	}
	g_hash_table_remove(s->proxy->calls, call);
	if (present)
		pump(s);
}

static void answered(void *opaque, json_object *message)
{
	finish(opaque, message);
}

/* Of two with the same name the first counts. */
static void add_named(json_object *list, GHashTable *seen, json_object *from)
{
	for (size_t i = 0; i < json_object_array_length(from); i++) {
		json_object *item = json_object_array_get_idx(from, i);
		const char *name = cxb_json_str(item, "name");

		if (!name || g_hash_table_add(seen, (char *)name))
			json_object_array_add(list, json_object_get(item));
	}
}

static json_object *merge(json_object *cxlbox, json_object *qemu)
{
	GHashTable *seen = g_hash_table_new(g_str_hash, g_str_equal);
	json_object *list = json_object_new_array();

	add_named(list, seen, cxlbox);
	add_named(list, seen, qemu);
	g_hash_table_unref(seen);
	return list;
}

static json_object *list_of(json_object *message)
{
	json_object *list;

	return json_object_object_get_ex(message, "return", &list) &&
			       json_object_is_type(list, json_type_array)
		       ? list
		       : NULL;
}

static void second_answered(void *opaque, json_object *message)
{
	Call *call = opaque;
	json_object *mine = list_of(call->first), *other = list_of(message);
	const bool schema =
		g_strcmp0(cxb_json_str(call->request, "execute"), "query-qmp-schema") == 0;

	if (!mine || !other) { /* whichever is wrong says why */
		finish(call, mine ? message : call->first);
		return;
	}
	json_object_object_add(call->first, "return",
			       schema ? qemu_schema_merge(other, mine) : merge(mine, other));
	finish(call, call->first);
}

static void relay(Call *call, QemuSide side, CxbQmpRelay fn)
{
	Session *s = call->session;
	CxbQmpClient *client = s->proxy->sides[side].client;

	if (client) {
		cxb_qmp_client_relay(client, call->request, fn, call);
		return;
	}
	/* It is about to end, and so are we. */
	if (call->peer == s->peer) {
		send_error(s, call->request, "GenericError", "the program it is for has ended");
		s->asked = false;
	}
	g_hash_table_remove(s->proxy->calls, call);
}

static void first_answered(void *opaque, json_object *message)
{
	Call *call = opaque;

	call->first = json_object_get(message);
	relay(call, QEMU_SIDE_QEMU, second_answered);
}

static void note_objects(Call *call)
{
	const char *command = cxb_json_str(call->request, "execute");
	const char *id = cxb_json_str(args_of(call->request), "id");

	if (strcmp(command, "object-add") == 0)
		call->added = g_strdup(id);
	else if (strcmp(command, "object-del") == 0)
		call->deleted = g_strdup(id);
}

static void forward(Session *s, json_object *request)
{
	Call *call = g_new0(Call, 1);
	const QemuSide side = side_of(s->proxy, request);

	*call = (Call){ s, s->peer, json_object_get(request) };
	g_hash_table_add(s->proxy->calls, call);
	s->asked = true;
	if (side == QEMU_SIDE_CXLBOX)
		note_objects(call);
	if (is_of_both(s->proxy, request))
		relay(call, QEMU_SIDE_CXLBOX, first_answered);
	else
		relay(call, side, answered);
}

/* --- memory devices that come and go --- */

static void plugged(void *opaque, const char *error)
{
	Call *call = opaque;
	json_object *message =
		error ? new_answer(call->request, "error", new_error("GenericError", error))
		      : new_answer(call->request, "return", json_object_new_object());

	finish(call, message);
	json_object_put(message);
}

static void plug(Session *s, json_object *request)
{
	Call *call = g_new0(Call, 1);

	*call = (Call){ s, s->peer, json_object_get(request) };
	g_hash_table_add(s->proxy->calls, call);
	s->asked = true;
	qemu_hotplug_add(s->proxy->hotplug, args_of(request), plugged, call);
}

/* --- requests --- */

static bool asks_for_oob(json_object *request)
{
	json_object *enable;

	return json_object_is_type(args_of(request), json_type_object) &&
	       json_object_object_get_ex(args_of(request), "enable", &enable) &&
	       json_object_is_type(enable, json_type_array) && json_object_array_length(enable);
}

static void negotiate(Session *s, json_object *request)
{
	if (g_strcmp0(cxb_json_str(request, "execute"), "qmp_capabilities") != 0) {
		send_error(s, request, "CommandNotFound",
			   "Expecting capabilities negotiation with 'qmp_capabilities'");
	} else if (asks_for_oob(request)) {
		send_error(s, request, "GenericError", "Capability 'oob' is not available here");
	} else {
		s->negotiated = true;
		send_answer(s, request, "return", json_object_new_object());
	}
}

static bool adds_memory_device(json_object *request)
{
	return g_strcmp0(cxb_json_str(request, "execute"), "device_add") == 0 &&
	       qemu_split_is_memory_device(cxb_json_str(args_of(request), "driver"));
}

static void handle(Session *s, const Input *in)
{
	if (in->err)
		send_error(s, NULL, "GenericError", in->err->message);
	else if (!json_object_is_type(in->value, json_type_object))
		send_error(s, NULL, "GenericError", "QMP input must be a JSON object");
	else if (!s->negotiated)
		negotiate(s, in->value);
	else if (adds_memory_device(in->value))
		plug(s, in->value);
	else
		forward(s, in->value);
}

static void input_free(Input *in)
{
	json_object_put(in->value);
	g_clear_error(&in->err);
	g_free(in);
}

/* One command at a time, while the peer reads its answers. */
static void pump(Session *s)
{
	Input *in;

	while (s->greeted && !s->asked && !cxb_chardev_congested(s->chr) &&
	       (in = g_queue_pop_head(&s->waiting))) {
		handle(s, in);
		input_free(in);
	}
	cxb_chardev_pause(s->chr, !g_queue_is_empty(&s->waiting));
}

static void on_value(void *opaque, json_object *value, const GError *err)
{
	Session *s = opaque;
	Input *in = g_new(Input, 1);

	*in = (Input){ json_object_get(value), err ? g_error_copy(err) : NULL };
	g_queue_push_tail(&s->waiting, in);
}

/* --- the peer --- */

static void forget_peer(Session *s)
{
	s->peer++;
	s->greeted = s->negotiated = s->asked = false;
	g_queue_clear_full(&s->waiting, (GDestroyNotify)input_free);
	cxb_chardev_pause(s->chr, false);
}

static void on_opened(void *opaque)
{
	Session *s = opaque;

	forget_peer(s);
	cxb_json_stream_free(s->stream);
	s->stream = cxb_json_stream_new(on_value, s);
	if (s->proxy->version)
		greet(s);
}

static void on_input(void *opaque, const char *bytes, size_t len)
{
	Session *s = opaque;

	cxb_json_stream_feed(s->stream, bytes, len);
	pump(s);
}

static void on_closed(void *opaque)
{
	Session *s = opaque;

	forget_peer(s);
	cxb_json_stream_drop(s->stream);
}

static void on_drained(void *opaque)
{
	pump(opaque);
}

static const CxbChardevFront front = { on_opened, on_input, on_closed, on_drained };

static void session_free(void *p)
{
	Session *s = p;

	cxb_chardev_flush(s->chr);
	g_queue_clear_full(&s->waiting, (GDestroyNotify)input_free);
	cxb_chardev_detach(s->chr);
	cxb_chardev_free(s->chr);
	cxb_json_stream_free(s->stream);
	g_free(s);
}

static bool add_session(QemuProxy *proxy, const QemuDoor *door, GError **errp)
{
	Session *s;
	CxbChardev *chr = cxb_chardev_new(door->chardev, proxy->context, door->written, errp);

	if (!chr)
		return false;
	s = g_new0(Session, 1);
	s->proxy = proxy;
	s->chr = chr;
	s->pretty = door->pretty;
	g_queue_init(&s->waiting);
	g_ptr_array_add(proxy->sessions, s);
	return cxb_chardev_attach(chr, &front, s, errp) && cxb_chardev_wait(chr, errp);
}

/* --- what the programs have --- */

static GHashTable *names_in(json_object *list, const char *meta)
{
	GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *item = json_object_array_get_idx(list, i);
		const char *name = cxb_json_str(item, "name");

		if (name && (!meta || g_strcmp0(cxb_json_str(item, "meta-type"), meta) == 0))
			g_hash_table_add(names, g_strdup(name));
	}
	return names;
}

static void take_names(GHashTable **names, json_object *ret, const char *meta)
{
	g_clear_pointer(names, g_hash_table_unref);
	if (json_object_is_type(ret, json_type_array))
		*names = names_in(ret, meta);
}

static void have_commands(void *opaque, json_object *ret, const char *error)
{
	take_names(&((Side *)opaque)->commands, ret, NULL);
}

static void have_types(void *opaque, json_object *ret, const char *error)
{
	take_names(&((Side *)opaque)->types, ret, NULL);
}

static void have_schema(void *opaque, json_object *ret, const char *error)
{
	take_names(&((Side *)opaque)->events, ret, "event");
}

/* The last that is asked for: from here on all is known. */
static void have_version(void *opaque, json_object *ret, const char *error)
{
	QemuProxy *proxy = opaque;

	proxy->version = ret ? json_object_get(ret) : json_object_new_object();
	for (guint i = 0; i < proxy->sessions->len; i++) {
		Session *s = proxy->sessions->pdata[i];

		if (!cxb_chardev_has_peer(s->chr))
			continue;
		greet(s);
		pump(s);
	}
}

void qemu_proxy_side(QemuProxy *proxy, QemuSide which, CxbQmpClient *client)
{
	Side *side = &proxy->sides[which];

	side->client = client;
	qemu_hotplug_clients(proxy->hotplug, proxy->sides[QEMU_SIDE_CXLBOX].client,
			     proxy->sides[QEMU_SIDE_QEMU].client);
	if (!client)
		return;
	cxb_qmp_client_send(client, "query-commands", NULL, have_commands, side);
	cxb_qmp_client_send(client, "qom-list-types", NULL, have_types, side);
	if (which != QEMU_SIDE_QEMU)
		return;
	cxb_qmp_client_send(client, "query-qmp-schema", NULL, have_schema, side);
	cxb_qmp_client_send(client, "query-version", NULL, have_version, proxy);
}

static void send_event(QemuProxy *proxy, json_object *event)
{
	for (guint i = 0; i < proxy->sessions->len; i++) {
		Session *s = proxy->sessions->pdata[i];

		if (s->negotiated)
			send_object(s, event);
	}
}

static void unplugged(void *opaque, const char *error)
{
	Deleted *d = opaque;

	send_event(d->proxy, d->event);
	g_hash_table_remove(d->proxy->deleted, d);
}

/* Told once it is gone on both sides. */
static bool is_unplugged(QemuProxy *proxy, const char *name, json_object *event)
{
	json_object *data;
	const char *id = strcmp(name, "DEVICE_DELETED") == 0 &&
					 json_object_object_get_ex(event, "data", &data)
				 ? cxb_json_str(data, "device")
				 : NULL;
	Deleted *d = g_new(Deleted, 1);

	*d = (Deleted){ proxy, json_object_get(event) };
	g_hash_table_add(proxy->deleted, d);
	if (qemu_hotplug_deleted(proxy->hotplug, id, unplugged, d))
		return true;
	g_hash_table_remove(proxy->deleted, d);
	return false;
}

void qemu_proxy_event(QemuProxy *proxy, QemuSide side, const char *name, json_object *event)
{
	/* What both have is about the machine, and that is QEMU's. */
	if (side == QEMU_SIDE_CXLBOX && knows(proxy->sides[QEMU_SIDE_QEMU].events, name))
		return;
	if (side == QEMU_SIDE_QEMU && is_unplugged(proxy, name, event))
		return;
	send_event(proxy, event);
}

/* --- all --- */

static void add_ids(QemuProxy *proxy, const QemuSplit *split)
{
	GHashTableIter iter;
	gpointer id;

	g_hash_table_iter_init(&iter, split->objects);
	while (g_hash_table_iter_next(&iter, &id, NULL))
		g_hash_table_add(proxy->objects, g_strdup(id));
}

QemuProxy *qemu_proxy_new(const QemuPlan *plan, GMainContext *context, const Option **culprit,
			  GError **errp)
{
	const QemuSplit *split = plan->split;
	QemuProxy *proxy = g_new0(QemuProxy, 1);

	proxy->context = context;
	proxy->sessions = g_ptr_array_new_with_free_func(session_free);
	proxy->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	proxy->hotplug = qemu_hotplug_new(split, plan->guest, plan->dir);
	proxy->deleted = g_hash_table_new_full(NULL, NULL, deleted_free, NULL);
	proxy->calls = g_hash_table_new_full(NULL, NULL, call_free, NULL);
	add_ids(proxy, split);
	for (guint i = 0; i < split->doors->len; i++) {
		const QemuDoor *door = split->doors->pdata[i];

		if (add_session(proxy, door, errp))
			continue;
		*culprit = door->option;
		qemu_proxy_free(proxy);
		return NULL;
	}
	return proxy;
}

void qemu_proxy_free(QemuProxy *proxy)
{
	if (!proxy)
		return;
	g_ptr_array_unref(proxy->sessions);
	g_hash_table_unref(proxy->calls);
	for (unsigned i = 0; i < QEMU_SIDES; i++) {
		g_clear_pointer(&proxy->sides[i].commands, g_hash_table_unref);
		g_clear_pointer(&proxy->sides[i].types, g_hash_table_unref);
		g_clear_pointer(&proxy->sides[i].events, g_hash_table_unref);
	}
	json_object_put(proxy->version);
	g_hash_table_unref(proxy->objects);
	g_hash_table_unref(proxy->deleted);
	qemu_hotplug_free(proxy->hotplug);
	g_free(proxy);
}
