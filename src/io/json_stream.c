/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens -> values: a push-down parser that builds json-c objects as the tokens come, without
 * recursion. After an error inside brackets everything is dropped until curly and square brackets
 * (counted apart) balance; a stray byte forgets the counts.
 */
#include "io/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "json_lexer.h"
#include "json_string.h"

#define MAX_DEPTH      1024
#define MAX_TOKENS     ((size_t)2 << 20)
#define MAX_TEXT       JSON_MAX_TOKEN_SIZE
#define MAX_STRAY_TEXT 256 /* bytes of a stray token that go into its message */

typedef enum {
	WANT_VALUE,
	WANT_FIRST_VALUE, /* or ']' */
	WANT_FIRST_KEY,   /* or '}' */
	WANT_KEY,
	WANT_COLON,
	WANT_NEXT, /* ',' or the closing bracket of the innermost container */
} Want;

struct CxbJsonStream {
	JsonLexer lexer;
	CxbJsonFn fn;
	void *opaque;
	unsigned feeding; /* depth of feed calls: free is put off */
	bool dropped;     /* the rest of what is being fed is not wanted */
	bool freed;

	json_object *root;     /* the value under construction, owned */
	json_object **open;    /* containers not closed yet, outermost first, owned by root */
	size_t depth;          /* how many */
	GString *key, *string; /* of the member being read; scratch */
	Want want;
	bool failed; /* its error is out; waiting for balance */
	int64_t braces, brackets;
	size_t tokens, text; /* of this message */
};

static void message_reset(CxbJsonStream *s)
{
	json_object_put(s->root);
	s->root = NULL;
	s->depth = 0;
	s->want = WANT_VALUE;
	s->failed = false;
	s->braces = s->brackets = 0;
	s->tokens = s->text = 0;
}

static void emit_error(CxbJsonStream *s, const char *text)
{
	g_autoptr(GError) err = NULL;

	cxb_fail(&err, CXB_ERROR_INVALID, "%s", text);
	s->fn(s->opaque, NULL, err);
}

static char *parse_error(uint64_t line, uint64_t col, const char *text)
{
	return g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT ": JSON parse error, %s",
			       line, col, text);
}

static char *stray_text(const JsonToken *token)
{
	g_autofree char *bytes = g_strndup(token->text, MIN(token->len, MAX_STRAY_TEXT));
	g_autofree char *valid = g_utf8_make_valid(bytes, -1);

	return g_strdup_printf("stray '%s'", valid);
}

/* Hang @value where the reader stands and, if it is a container, go into it. */
static char *place(CxbJsonStream *s, json_object *value, bool container)
{
	json_object *in = s->depth ? s->open[s->depth - 1] : NULL;
	int rc = 0;

	if (!in)
		s->root = value;
	else if (json_object_is_type(in, json_type_array))
		rc = json_object_array_add(in, value);
	else
		rc = json_object_object_add_ex(in, s->key->str, value,
					       JSON_C_OBJECT_ADD_KEY_IS_NEW);
	if (rc) {
		json_object_put(value);
		return g_strdup("out of memory");
	}
	if (container)
		s->open[s->depth++] = value;
	s->want = WANT_NEXT;
	return NULL;
}

static char *place_new(CxbJsonStream *s, json_object *value)
{
	return value ? place(s, value, false) : g_strdup("out of memory");
}

static char *open_container(CxbJsonStream *s, json_object *value, Want want)
{
	char *err;

	if (!value)
		return g_strdup("out of memory");
	err = place(s, value, true);
	if (!err)
		s->want = want;
	return err;
}

static char *close_container(CxbJsonStream *s)
{
	s->depth--;
	s->want = WANT_NEXT;
	return NULL;
}

/* Exact while it fits 64 bits, signed or unsigned; a double beyond. */
static json_object *integer(const char *text)
{
	errno = 0;
	if (text[0] == '-') {
		int64_t v = g_ascii_strtoll(text, NULL, 10);

		if (!errno)
			return json_object_new_int64(v);
	} else {
		uint64_t v = g_ascii_strtoull(text, NULL, 10);

		if (!errno)
			return v <= INT64_MAX ? json_object_new_int64((int64_t)v)
					      : json_object_new_uint64(v);
	}
	return json_object_new_double(g_ascii_strtod(text, NULL));
}

static char *value(CxbJsonStream *s, const JsonToken *token)
{
	char *err;

	switch (token->type) {
	case JSON_LCURLY:
		return open_container(s, json_object_new_object(), WANT_FIRST_KEY);
	case JSON_LSQUARE:
		return open_container(s, json_object_new_array_ext(2), WANT_FIRST_VALUE);
	case JSON_INTEGER:
		return place_new(s, integer(token->text));
	case JSON_FLOAT:
		return place_new(s, json_object_new_double(g_ascii_strtod(token->text, NULL)));
	case JSON_STRING:
		g_string_truncate(s->string, 0);
		err = json_string_decode(token->text, token->len, s->string);
		if (err)
			return err;
		return place_new(s,
				 json_object_new_string_len(s->string->str, (int)s->string->len));
	case JSON_KEYWORD:
		if (!strcmp(token->text, "null"))
			return place(s, NULL, false);
		if (!strcmp(token->text, "true"))
			return place_new(s, json_object_new_boolean(TRUE));
		if (!strcmp(token->text, "false"))
			return place_new(s, json_object_new_boolean(FALSE));
		return g_strdup_printf("invalid keyword '%.*s'", MAX_STRAY_TEXT, token->text);
	default:
		return g_strdup("expecting value");
	}
}

static char *key(CxbJsonStream *s, const JsonToken *token)
{
	char *err;

	if (token->type != JSON_STRING)
		return g_strdup("expecting key");
	g_string_truncate(s->key, 0);
	err = json_string_decode(token->text, token->len, s->key);
	if (err)
		return err;
	if (json_object_object_get_ex(s->open[s->depth - 1], s->key->str, NULL))
		return g_strdup("duplicate key");
	s->want = WANT_COLON;
	return NULL;
}

static char *next(CxbJsonStream *s, const JsonToken *token)
{
	const bool array = json_object_is_type(s->open[s->depth - 1], json_type_array);

	if (token->type == (array ? JSON_RSQUARE : JSON_RCURLY))
		return close_container(s);
	if (token->type != JSON_COMMA)
		return g_strdup(array ? "expected ',' or ']'" : "expected ',' or '}'");
	s->want = array ? WANT_VALUE : WANT_KEY;
	return NULL;
}

/* Returns: NULL or what is wrong (caller frees). */
static char *step(CxbJsonStream *s, const JsonToken *token)
{
	switch (s->want) {
	case WANT_FIRST_VALUE:
		if (token->type == JSON_RSQUARE)
			return close_container(s);
		return value(s, token);
	case WANT_VALUE:
		return value(s, token);
	case WANT_FIRST_KEY:
		if (token->type == JSON_RCURLY)
			return close_container(s);
		return key(s, token);
	case WANT_KEY:
		return key(s, token);
	case WANT_COLON:
		if (token->type != JSON_COLON)
			return g_strdup("expecting ':'");
		s->want = WANT_VALUE;
		return NULL;
	case WANT_NEXT:
		return next(s, token);
	}
	g_assert_not_reached();
}

static const char *over_limit(CxbJsonStream *s, const JsonToken *token)
{
	if (token->len > MAX_TEXT - s->text)
		return "JSON token size limit exceeded";
	if (s->tokens == MAX_TOKENS)
		return "JSON token count limit exceeded";
	if (s->braces + s->brackets > MAX_DEPTH)
		return "JSON nesting depth limit exceeded";
	s->text += token->len;
	s->tokens++;
	return NULL;
}

static void count_brackets(CxbJsonStream *s, JsonTokenType type)
{
	s->braces += (type == JSON_LCURLY) - (type == JSON_RCURLY);
	s->brackets += (type == JSON_LSQUARE) - (type == JSON_RSQUARE);
}

static bool balanced(const CxbJsonStream *s)
{
	return s->braces < 0 || s->brackets < 0 || (!s->braces && !s->brackets);
}

/* The message is lost. What it held is freed now, not when it ends. */
static void message_fail(CxbJsonStream *s)
{
	const int64_t braces = s->braces, brackets = s->brackets;

	message_reset(s);
	s->braces = braces;
	s->brackets = brackets;
	s->failed = true;
}

static bool on_stray(CxbJsonStream *s, const JsonToken *token)
{
	const bool silent = s->failed;

	message_reset(s);
	if (!silent) {
		g_autofree char *what = stray_text(token);
		g_autofree char *text = parse_error(token->line, token->col, what);

		emit_error(s, text);
	}
	return !s->dropped;
}

/* Every state change comes before the callback, which may drop or free the stream. */
static bool on_token(void *opaque, const JsonToken *token)
{
	CxbJsonStream *s = opaque;
	g_autofree char *text = NULL;

	if (token->type == JSON_STRAY)
		return on_stray(s, token);
	if (token->type == JSON_TOO_BIG) {
		if (!s->failed) {
			message_fail(s);
			emit_error(s, "JSON token size limit exceeded");
		}
		return !s->dropped;
	}

	count_brackets(s, token->type);
	if (!s->failed) {
		text = g_strdup(over_limit(s, token));
		if (!text) {
			g_autofree char *what = step(s, token);

			if (what)
				text = parse_error(token->line, token->col, what);
		}
		if (text)
			message_fail(s);
	}
	if (s->failed) {
		if (balanced(s))
			message_reset(s);
		if (text)
			emit_error(s, text);
	} else if (!s->depth) {
		json_object *done = g_steal_pointer(&s->root);

		message_reset(s);
		s->fn(s->opaque, done, NULL);
		json_object_put(done);
	}
	return !s->dropped;
}

CxbJsonStream *cxb_json_stream_new(CxbJsonFn fn, void *opaque)
{
	CxbJsonStream *s = g_new0(CxbJsonStream, 1);

	s->fn = fn;
	s->opaque = opaque;
	s->open = g_new(json_object *, MAX_DEPTH);
	s->key = g_string_new(NULL);
	s->string = g_string_new(NULL);
	json_lexer_init(&s->lexer, on_token, s);
	return s;
}

void cxb_json_stream_free(CxbJsonStream *s)
{
	if (!s)
		return;
	if (s->feeding) {
		s->dropped = s->freed = true;
		return;
	}
	message_reset(s);
	json_lexer_fini(&s->lexer);
	g_string_free(s->key, TRUE);
	g_string_free(s->string, TRUE);
	g_free(s->open);
	g_free(s);
}

void cxb_json_stream_drop(CxbJsonStream *s)
{
	s->dropped = true;
	if (s->feeding)
		return;
	s->dropped = false;
	message_reset(s);
	json_lexer_reset(&s->lexer);
}

static void feed_end(CxbJsonStream *s)
{
	if (--s->feeding)
		return;
	if (s->freed)
		cxb_json_stream_free(s);
	else if (s->dropped)
		cxb_json_stream_drop(s);
}

void cxb_json_stream_feed(CxbJsonStream *s, const char *bytes, size_t len)
{
	s->feeding++;
	json_lexer_feed(&s->lexer, bytes, len);
	feed_end(s);
}

/* End of input: an open token ends, an open message is an error. */
static void stream_flush(CxbJsonStream *s)
{
	s->feeding++;
	json_lexer_flush(&s->lexer);
	if (s->depth && !s->failed && !s->dropped) {
		g_autofree char *text =
			parse_error(s->lexer.line, s->lexer.col, "premature end of input");

		message_reset(s);
		emit_error(s, text);
	}
	feed_end(s);
}

typedef struct {
	json_object *value;
	unsigned values;
	GError *err;
} ParseOne;

static void parse_one(void *opaque, json_object *value, const GError *err)
{
	ParseOne *one = opaque;

	if (one->err)
		return;
	if (err)
		one->err = g_error_copy(err);
	else if (one->values++)
		cxb_fail(&one->err, CXB_ERROR_INVALID, "Expecting at most one JSON value");
	else
		one->value = json_object_get(value);
}

json_object *cxb_json_parse(const char *text, size_t len, GError **errp)
{
	ParseOne one = { 0 };
	CxbJsonStream *s = cxb_json_stream_new(parse_one, &one);

	cxb_json_stream_feed(s, text, len);
	stream_flush(s);
	cxb_json_stream_free(s);
	if (!one.err && !one.values)
		cxb_fail(&one.err, CXB_ERROR_INVALID, "Expecting a JSON value");
	if (one.err) {
		json_object_put(one.value);
		g_propagate_error(errp, one.err);
		return NULL;
	}
	return one.value;
}
