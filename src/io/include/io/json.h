/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strict JSON front. Our lexer frames a stream of values and checks what json-c would let
 * pass or cannot say (single quotes, duplicate keys, integer range, UTF-8, control characters,
 * depth 1024, sizes) with QEMU's error texts and builds json-c objects as the tokens come.
 *
 * U+0000 in a string or key is kept as the two bytes C0 80, so that C strings never end early;
 * cxb_json_text() prints it as \u0000 again. Integers are int64 or uint64 (json-c's int type),
 * doubles beyond.
 */
#ifndef CXB_IO_JSON_H
#define CXB_IO_JSON_H

#include <glib.h>
#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

#include "qom/scalar.h"

typedef struct CxbJsonStream CxbJsonStream;

/**
 * CxbJsonFn - One value, or one error, out of a stream.
 * @value: a borrowed value (json_object_get() to keep it; a JSON null is NULL), or NULL with @err
 * @err: NULL, or what is wrong ("JSON parse error, …" with line and column as QEMU words it)
 */
typedef void (*CxbJsonFn)(void *opaque, json_object *value, const GError *err);

/* Byte stream -> values. Feeding continues after errors by QEMU's rules of recovery; FFh resets.
 * Memory use is bounded (64 MiB a token and a message, 2 Mi tokens). */
CxbJsonStream *cxb_json_stream_new(CxbJsonFn fn, void *opaque);
void cxb_json_stream_free(CxbJsonStream *s);
void cxb_json_stream_feed(CxbJsonStream *s, const char *bytes, size_t len);
/** cxb_json_stream_drop() - The callback wants no more of what is being fed (client gone). */
void cxb_json_stream_drop(CxbJsonStream *s);

/** cxb_json_parse() - One value that is all of @text. Caller puts it. NULL with @errp on error
 * (and without for the value null). */
json_object *cxb_json_parse(const char *text, size_t len, GError **errp);

/** cxb_json_opts() - Flatten a JSON object to typed options (dotted keys). At most 32 deep. */
CxbOpts *cxb_json_opts(json_object *obj, GError **errp);
/** cxb_json_from_scalar() - New json_object for a scalar (TEXT counts as string). */
json_object *cxb_json_from_scalar(const CxbScalar *v);
/** cxb_json_to_scalar() - Scalars only; "expects" errors are the caller's. False for containers. */
bool cxb_json_to_scalar(json_object *obj, CxbScalar *out);

/** cxb_json_str() - A member that is a string; NULL: there is none, or @obj is no object. Borrowed. */
const char *cxb_json_str(json_object *obj, const char *key);

/** cxb_json_text() - One line, pure ASCII (\uXXXX), ", " and ": " as separators as QMP prints;
 * @pretty: indented by 4. Caller frees. */
GString *cxb_json_text(json_object *obj, bool pretty);

/**
 * cxb_opts_parse_any() - An option value in either form: JSON if it starts with "{", else
 * key=value with @implied as the first key.
 */
CxbOpts *cxb_opts_parse_any(const char *text, const char *implied, GError **errp);

#endif
