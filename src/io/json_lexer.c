/* SPDX-License-Identifier: Apache-2.0 */
#include "json_lexer.h"

#include <string.h>

/* A token buffer that grew beyond this is given back once the token is done. */
#define TOKEN_KEEP 65536

void json_lexer_init(JsonLexer *lx, JsonTokenFn fn, void *opaque)
{
	*lx = (JsonLexer){ .token = g_string_new(NULL), .fn = fn, .opaque = opaque };
	json_lexer_reset(lx);
}

void json_lexer_fini(JsonLexer *lx)
{
	if (lx->token)
		g_string_free(lx->token, TRUE);
	lx->token = NULL;
}

static void token_clear(JsonLexer *lx)
{
	lx->too_big = false;
	if (lx->token->allocated_len > TOKEN_KEEP) {
		g_string_free(lx->token, TRUE);
		lx->token = g_string_new(NULL);
	}
	g_string_truncate(lx->token, 0);
}

void json_lexer_reset(JsonLexer *lx)
{
	lx->state = LEX_START;
	lx->line = lx->col = 1;
	token_clear(lx);
}

static bool emit(JsonLexer *lx, JsonTokenType type)
{
	const JsonToken token = { type, lx->token->str, lx->token->len, lx->tline, lx->tcol };

	return lx->fn(lx->opaque, &token);
}

/* The token is complete. The state is set first: the callback may reset the lexer. */
static bool finish(JsonLexer *lx, JsonTokenType type, JsonLexState next)
{
	bool more;

	lx->state = next;
	more = emit(lx, type);
	token_clear(lx);
	return more;
}

static bool append(JsonLexer *lx, const char *bytes, size_t len)
{
	if (lx->too_big)
		return true;
	if (len <= JSON_MAX_TOKEN_SIZE - lx->token->len) {
		g_string_append_len(lx->token, bytes, len);
		return true;
	}
	lx->too_big = true;
	g_string_truncate(lx->token, 0);
	return emit(lx, JSON_TOO_BIG);
}

static void advance(JsonLexer *lx, char c)
{
	if (c == '\n') {
		lx->line++;
		lx->col = 1;
	} else {
		lx->col++;
	}
}

static bool structural(char c, JsonTokenType *type)
{
	switch (c) {
	case '{':
		*type = JSON_LCURLY;
		return true;
	case '}':
		*type = JSON_RCURLY;
		return true;
	case '[':
		*type = JSON_LSQUARE;
		return true;
	case ']':
		*type = JSON_RSQUARE;
		return true;
	case ':':
		*type = JSON_COLON;
		return true;
	case ',':
		*type = JSON_COMMA;
		return true;
	default:
		return false;
	}
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Bytes no string may contain as they are. */
static bool impossible(unsigned char c)
{
	return c < 0x20 || c >= 0xfe;
}

/* @c does not fit: it ends the token and belongs to it. */
static bool stray(JsonLexer *lx, char c)
{
	if (!append(lx, &c, 1))
		return false;
	return finish(lx, JSON_STRAY, (unsigned char)c == 0xff ? LEX_START : LEX_SKIP);
}

static bool into(JsonLexer *lx, JsonLexState state, char c)
{
	lx->state = state;
	return append(lx, &c, 1);
}

static bool start(JsonLexer *lx, char c)
{
	JsonTokenType type;

	if (blank(c))
		return true;
	lx->tline = lx->line;
	lx->tcol = lx->col;
	if (structural(c, &type))
		return append(lx, &c, 1) && finish(lx, type, LEX_START);
	if (c == '"' || c == '\'') {
		lx->quote = c;
		return into(lx, LEX_STRING, c);
	}
	if (g_ascii_islower(c))
		return into(lx, LEX_KEYWORD, c);
	if (c == '-')
		return into(lx, LEX_MINUS, c);
	if (c == '0')
		return into(lx, LEX_ZERO, c);
	if (g_ascii_isdigit(c))
		return into(lx, LEX_DIGITS, c);
	return stray(lx, c);
}

static bool skip(JsonLexer *lx, char c)
{
	JsonTokenType type;

	if (structural(c, &type)) {
		lx->state = LEX_START;
		return start(lx, c);
	}
	if ((unsigned char)c <= 0x20 || (unsigned char)c == 0xff)
		lx->state = LEX_START;
	return true;
}

/* One byte inside a number; *again: the token ended before @c, which is still to be looked at. */
static bool number(JsonLexer *lx, char c, bool *again)
{
	const bool digit = g_ascii_isdigit(c);
	const bool exp = c == 'e' || c == 'E';

	switch (lx->state) {
	case LEX_MINUS:
		if (digit)
			return into(lx, c == '0' ? LEX_ZERO : LEX_DIGITS, c);
		return stray(lx, c);
	case LEX_ZERO:
		if (digit)
			return stray(lx, c);
		break;
	case LEX_DIGITS:
		if (digit)
			return into(lx, LEX_DIGITS, c);
		break;
	case LEX_POINT:
	case LEX_FRACTION:
		if (digit)
			return into(lx, LEX_FRACTION, c);
		if (lx->state == LEX_POINT)
			return stray(lx, c);
		break;
	case LEX_EXP:
		if (c == '+' || c == '-')
			return into(lx, LEX_EXP_SIGN, c);
		/* fall through */
	case LEX_EXP_SIGN:
		if (digit)
			return into(lx, LEX_EXP_DIGITS, c);
		return stray(lx, c);
	default: /* LEX_EXP_DIGITS */
		if (digit)
			return into(lx, LEX_EXP_DIGITS, c);
		*again = true;
		return finish(lx, JSON_FLOAT, LEX_START);
	}

	if (exp)
		return into(lx, LEX_EXP, c);
	if (c == '.' && lx->state != LEX_FRACTION)
		return into(lx, LEX_POINT, c);
	*again = true;
	return finish(lx, lx->state == LEX_FRACTION ? JSON_FLOAT : JSON_INTEGER, LEX_START);
}

static bool step(JsonLexer *lx, char c, bool *again)
{
	switch (lx->state) {
	case LEX_START:
		return start(lx, c);
	case LEX_SKIP:
		return skip(lx, c);
	case LEX_STRING:
		if (impossible(c))
			return stray(lx, c);
		if (c == lx->quote)
			return append(lx, &c, 1) && finish(lx, JSON_STRING, LEX_START);
		return into(lx, c == '\\' ? LEX_ESCAPE : LEX_STRING, c);
	case LEX_ESCAPE:
		if (impossible(c))
			return stray(lx, c);
		return into(lx, LEX_STRING, c);
	case LEX_KEYWORD:
		if (g_ascii_islower(c))
			return into(lx, LEX_KEYWORD, c);
		*again = true;
		return finish(lx, JSON_KEYWORD, LEX_START);
	default:
		return number(lx, c, again);
	}
}

/* Plain bytes of a string are taken in one go. Returns how many. */
static size_t string_run(const JsonLexer *lx, const char *bytes, size_t len)
{
	size_t n = 0;

	while (n < len && bytes[n] != lx->quote && bytes[n] != '\\' && !impossible(bytes[n]))
		n++;
	return n;
}

void json_lexer_feed(JsonLexer *lx, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		bool again = false;

		if (lx->state == LEX_STRING) {
			size_t n = string_run(lx, bytes + i, len - i);

			if (n) {
				if (!append(lx, bytes + i, n))
					return;
				lx->col += n;
				i += n;
				continue;
			}
		}
		if (!step(lx, bytes[i], &again))
			return;
		if (!again)
			advance(lx, bytes[i++]);
	}
}

void json_lexer_flush(JsonLexer *lx)
{
	switch (lx->state) {
	case LEX_START:
		break;
	case LEX_SKIP:
		lx->state = LEX_START;
		break;
	case LEX_KEYWORD:
		finish(lx, JSON_KEYWORD, LEX_START);
		break;
	case LEX_ZERO:
	case LEX_DIGITS:
		finish(lx, JSON_INTEGER, LEX_START);
		break;
	case LEX_FRACTION:
	case LEX_EXP_DIGITS:
		finish(lx, JSON_FLOAT, LEX_START);
		break;
	default:
		finish(lx, JSON_STRAY, LEX_START);
		break;
	}
}
