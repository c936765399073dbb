/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes -> tokens, one byte at a time, so that the result does not depend on how a stream is cut
 * into pieces. A byte that fits nowhere ends its token and is reported with it as JSON_STRAY; the
 * lexer then skips to the next structural character, blank or control character. Byte FFh always
 * brings it back to the start.
 */
#ifndef CXB_IO_JSON_LEXER_H
#define CXB_IO_JSON_LEXER_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_MAX_TOKEN_SIZE ((size_t)64 << 20)

typedef enum {
	JSON_LCURLY,
	JSON_RCURLY,
	JSON_LSQUARE,
	JSON_RSQUARE,
	JSON_COLON,
	JSON_COMMA,
	JSON_INTEGER,
	JSON_FLOAT,
	JSON_KEYWORD, /* any run of lower-case letters */
	JSON_STRING,  /* with its quotes, escapes untouched */
	JSON_STRAY,   /* ends with the byte that did not fit */
	JSON_TOO_BIG, /* the token that follows is beyond the size limit and comes truncated */
} JsonTokenType;

/* Valid during the callback. */
typedef struct {
	JsonTokenType type;
	const char *text; /* NUL-terminated; may contain NULs if stray */
	size_t len;
	uint64_t line, col; /* of its first byte, from 1 */
} JsonToken;

/* Returns: false to leave the bytes that follow unread. */
typedef bool (*JsonTokenFn)(void *opaque, const JsonToken *token);

typedef enum {
	LEX_START,
	LEX_SKIP,
	LEX_STRING,
	LEX_ESCAPE,
	LEX_KEYWORD,
	LEX_MINUS,
	LEX_ZERO,
	LEX_DIGITS,
	LEX_POINT,
	LEX_FRACTION,
	LEX_EXP,
	LEX_EXP_SIGN,
	LEX_EXP_DIGITS,
} JsonLexState;

typedef struct {
	JsonLexState state;
	char quote;
	GString *token;
	bool too_big;         /* token is over the limit; its bytes are not kept any more */
	uint64_t line, col;   /* of the next byte */
	uint64_t tline, tcol; /* of the token's first byte */
	JsonTokenFn fn;
	void *opaque;
} JsonLexer;

void json_lexer_init(JsonLexer *lx, JsonTokenFn fn, void *opaque);
void json_lexer_fini(JsonLexer *lx);
/** json_lexer_reset() - Back to the state after init: a new connection. */
void json_lexer_reset(JsonLexer *lx);
void json_lexer_feed(JsonLexer *lx, const char *bytes, size_t len);
/** json_lexer_flush() - End of input: what is open becomes a token or a stray one. */
void json_lexer_flush(JsonLexer *lx);

#endif
