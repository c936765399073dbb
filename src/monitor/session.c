/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One session on one chardev: greeting, negotiation, requests and their answers in order. Each
 * peer that comes starts anew. Commands run inside the callback that read them, so a chunk of input
 * is answered before the next is read.
 */
#include "monitor.h"

#include <json-c/linkhash.h>
#include <string.h>

#include "base/error.h"
#include "io/json.h"

struct Session {
	CxbQmp *qmp;
	CxbChardev *chr;
	CxbJsonStream *stream;
	bool pretty;
	/* Of the present peer */
	bool negotiated;
	bool oob; /* it may say exec-oob */
	/* Input *, while it does not read what it asked for, or the first is refused for now. */
	GQueue waiting;
	bool held;     /* until work that is under way has ended */
	unsigned peer; /* counts them */
};

/* What came from the peer: a value, or what was wrong with its text. */
typedef struct {
	json_object *value;
	GError *err;
} Input;

/* A request taken apart; everything is borrowed from its JSON. */
typedef struct {
	const char *command;
	json_object *args; /* NULL: not given */
	bool oob;
} Request;

static const char *const capability_names[] = { "oob", NULL };
static const CxbArg capability_row[] = {
	{ "", CXB_ARG_ENUM, 0, .has_offset = -1, .names = capability_names,
	  .enum_name = "QMPCapability" },
	{ NULL },
};
const CxbArg qmp_capabilities_args[] = {
	{ "enable", CXB_ARG_LIST, offsetof(struct capabilities_args, enable), .optional = true,
	  .has_offset = -1, .elem = capability_row, .elem_size = sizeof(int) },
	{ NULL },
};

/* --- output --- */

static void send_object(Session *s, json_object *o)
{
	GString *text = cxb_json_text(o, s->pretty);

	g_string_append(text, "\r\n");
	cxb_chardev_write(s->chr, text->str, text->len);
	g_string_free(text, TRUE);
}

static void send_greeting(Session *s)
{
	json_object *greeting = json_object_new_object(), *body = json_object_new_object();
	json_object *caps = json_object_new_array();

	for (int i = 0; capability_names[i]; i++)
		json_object_array_add(caps, json_object_new_string(capability_names[i]));
	put(body, "version", qmp_version());
	put(body, "capabilities", caps);
	put(greeting, "QMP", body);
	send_object(s, greeting);
	json_object_put(greeting);
}

static const char *error_class(const GError *err)
{
	if (g_error_matches(err, CXB_ERROR, CXB_ERROR_NOT_FOUND))
		return "DeviceNotFound";
	if (g_error_matches(err, CXB_ERROR, CXB_ERROR_COMMAND_NOT_FOUND))
		return "CommandNotFound";
	return "GenericError";
}

/* @value is taken; NULL: @err is the answer. @request may be NULL; its id comes back. */
static void answer(Session *s, json_object *request, json_object *value, const GError *err)
{
	json_object *o = json_object_new_object(), *id;

	if (value) {
		put(o, "return", value);
	} else {
		json_object *error = json_object_new_object();
		/* Further lines are hints for whoever reads a terminal; QEMU's QMP has none. */
		g_autofree char *desc =
			g_utf8_make_valid(err->message, strcspn(err->message, "\n"));

		cxb_json_put_str(error, "class", error_class(err));
		cxb_json_put_str(error, "desc", desc);
		put(o, "error", error);
	}
	if (json_object_object_get_ex(request, "id", &id))
		put(o, "id", json_object_get(id));
	send_object(s, o);
	json_object_put(o);
}

/* --- requests --- */

static bool take_command(Request *r, const char *member, json_object *value, GError **errp)
{
	if (!json_object_is_type(value, json_type_string))
		return cxb_fail(errp, CXB_ERROR_INVALID, "QMP input member '%s' must be a string",
				member);
	if (r->command)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"QMP input member 'execute' clashes with 'exec-oob'");
	r->command = json_object_get_string(value);
	r->oob = strcmp(member, "exec-oob") == 0;
	return true;
}

static bool parse_request(const Session *s, json_object *value, Request *r, GError **errp)
{
	*r = (Request){ 0 };
	if (!json_object_is_type(value, json_type_object))
		return cxb_fail(errp, CXB_ERROR_INVALID, "QMP input must be a JSON object");
	json_object_object_foreach(value, key, member)
	{
		if (strcmp(key, "execute") == 0 || (strcmp(key, "exec-oob") == 0 && s->oob)) {
			if (!take_command(r, key, member, errp))
				return false;
		} else if (strcmp(key, "arguments") == 0) {
			if (!json_object_is_type(member, json_type_object))
				return cxb_fail(errp, CXB_ERROR_INVALID,
						"QMP input member 'arguments' must be an object");
			r->args = member;
		} else if (strcmp(key, "id") != 0) {
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"QMP input member '%s' is unexpected", key);
		}
	}
	return r->command || cxb_fail(errp, CXB_ERROR_INVALID, "QMP input lacks member 'execute'");
}

static json_object *run(const Command *cmd, json_object *obj, GError **errp)
{
	static const CxbArg none[] = { { NULL } };
	const CxbArg *rows = cmd->row->args ? cmd->row->args : none;
	g_autofree void *args = g_malloc0(MAX(cmd->row->args_size, 1));
	json_object *value;

	if (!cxb_args_decode(rows, obj, args, cmd->row->args_size, errp))
		return NULL;
	value = cmd->row->run(cmd->opaque, args, errp);
	cxb_args_clear(rows, args);
	return value;
}

static const Command *find(const CxbQmp *qmp, const char *name, GError **errp)
{
	const Command *cmd = g_hash_table_lookup(qmp->commands, name);

	if (!cmd)
		cxb_fail(errp, CXB_ERROR_COMMAND_NOT_FOUND, "The command %s has not been found",
			 name);
	return cmd;
}

json_object *qmp_call(CxbQmp *qmp, const char *name, json_object *args, GError **errp)
{
	const Command *cmd = find(qmp, name, errp);

	return cmd ? run(cmd, args, errp) : NULL;
}

static json_object *execute(Session *s, const Request *r, GError **errp)
{
	const Command *cmd = find(s->qmp, r->command, errp);

	if (!cmd)
		return NULL;
	if (r->oob && !(cmd->row->flags & CXB_QMP_OOB)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "The command %s does not support OOB",
			 r->command);
		return NULL;
	}
	return run(cmd, r->args, errp);
}

static json_object *negotiate(Session *s, const Request *r, GError **errp)
{
	struct capabilities_args args;

	if (strcmp(r->command, QMP_CAPABILITIES) != 0) {
		cxb_fail(errp, CXB_ERROR_COMMAND_NOT_FOUND,
			 "Expecting capabilities negotiation with '%s'", QMP_CAPABILITIES);
		return NULL;
	}
	if (!cxb_args_decode(qmp_capabilities_args, r->args, &args, sizeof(args), errp))
		return NULL;
	s->oob = args.enable && args.enable->len;
	s->negotiated = true;
	cxb_args_clear(qmp_capabilities_args, &args);
	return cxb_qmp_empty();
}

/* False: not now. It has changed nothing and is to be handled anew when work has ended. */
static bool handle(Session *s, json_object *value, const GError *parse_error)
{
	g_autoptr(GError) err = NULL;
	json_object *result = NULL;
	Request r;

	if (s->qmp->ended)
		return true;
	/* What earlier commands set off comes to rest first: a pasted script sees what a typed one
	 * does. */
	cxb_workq_drain(cxb_machine_workq(s->qmp->machine));
	if (parse_error) {
		answer(s, NULL, NULL, parse_error);
		return true;
	}
	if (parse_request(s, value, &r, &err))
		result = s->negotiated ? execute(s, &r, &err) : negotiate(s, &r, &err);
	if (g_error_matches(err, CXB_ERROR, CXB_ERROR_AGAIN))
		return false;
	answer(s, value, result, err);
	return true;
}

/* --- the peer --- */

static void input_free(Input *in)
{
	json_object_put(in->value);
	g_clear_error(&in->err);
	g_free(in);
}

/* Handle what waits, in order, as far as it goes. */
static void work(Session *s)
{
	Input *in;

	while (!s->held && !cxb_chardev_congested(s->chr) && (in = g_queue_pop_head(&s->waiting))) {
		const unsigned peer = s->peer;

		if (handle(s, in->value, in->err) || peer != s->peer) {
			input_free(in);
			continue;
		}
		g_queue_push_head(&s->waiting, in);
		s->held = true;
	}
	cxb_chardev_pause(s->chr, !g_queue_is_empty(&s->waiting));
}

/* Who does not read answers gets no more of them: requests wait, the chunk being read at most. */
static void on_value(void *opaque, json_object *value, const GError *parse_error)
{
	Session *s = opaque;
	Input *in = g_new(Input, 1);

	*in = (Input){ json_object_get(value), parse_error ? g_error_copy(parse_error) : NULL };
	g_queue_push_tail(&s->waiting, in);
	work(s);
}

static void on_drained(void *opaque)
{
	work(opaque);
}

void qmp_session_again(Session *s)
{
	if (!s->held)
		return; /* and it may be in the middle of a request */
	s->held = false;
	work(s);
}

static void forget_waiting(Session *s)
{
	g_queue_clear_full(&s->waiting, (GDestroyNotify)input_free);
	s->held = false;
	s->peer++;
	cxb_chardev_pause(s->chr, false);
}

static void on_opened(void *opaque)
{
	Session *s = opaque;

	s->negotiated = s->oob = false;
	forget_waiting(s);
	cxb_json_stream_free(s->stream);
	s->stream = cxb_json_stream_new(on_value, s);
	send_greeting(s);
}

static void on_input(void *opaque, const char *bytes, size_t len)
{
	Session *s = opaque;

	cxb_json_stream_feed(s->stream, bytes, len);
}

static void on_closed(void *opaque)
{
	Session *s = opaque;

	s->negotiated = s->oob = false;
	forget_waiting(s);
	cxb_json_stream_drop(s->stream);
}

static const CxbChardevFront front = { on_opened, on_input, on_closed, on_drained };

Session *qmp_session_new(CxbQmp *qmp, CxbChardev *chr, bool pretty, GError **errp)
{
	Session *s = g_new0(Session, 1);

	s->qmp = qmp;
	s->chr = chr;
	s->pretty = pretty;
	g_queue_init(&s->waiting);
	if (!cxb_chardev_attach(chr, &front, s, errp)) {
		g_free(s);
		return NULL;
	}
	g_ptr_array_add(qmp->sessions, s);
	return s;
}

void qmp_session_free(Session *s)
{
	forget_waiting(s);
	cxb_chardev_detach(s->chr);
	cxb_chardev_free(s->chr);
	cxb_json_stream_free(s->stream);
	g_free(s);
}

void qmp_session_event(Session *s, json_object *event)
{
	if (s->negotiated)
		send_object(s, event);
}

void qmp_session_flush(Session *s)
{
	cxb_chardev_flush(s->chr);
}
