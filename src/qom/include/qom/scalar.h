/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A value on its way into or out of a property, and ordered lists of them: what is left of
 * "-device a,b=c" or of a JSON object once it is taken apart. Structures become dotted keys with
 * list indices from 0 ("cxl-fmw.0.targets.0"), whichever form they came in.
 */
#ifndef CXB_QOM_SCALAR_H
#define CXB_QOM_SCALAR_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
	CXB_SCALAR_TEXT, /* from a key=value option: any type, still to be parsed; text in s */
	CXB_SCALAR_STR,  /* typed (JSON) from here on */
	CXB_SCALAR_BOOL,
	CXB_SCALAR_INT, /* negative integers only */
	CXB_SCALAR_UINT,
	CXB_SCALAR_DOUBLE,
	CXB_SCALAR_NULL,
	CXB_SCALAR_EMPTY_LIST,
	CXB_SCALAR_EMPTY_DICT,
} CxbScalarKind;

typedef struct {
	CxbScalarKind kind;
	union {
		char *s; /* owned */
		bool b;
		int64_t i;
		uint64_t u;
		double d;
	};
} CxbScalar;

void cxb_scalar_clear(CxbScalar *v);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CxbScalar, cxb_scalar_clear)
void cxb_scalar_copy(CxbScalar *dst, const CxbScalar *src);

/* One key and its value. */
typedef struct {
	char *key;
	CxbScalar value;
	bool used; /* set by whoever consumed it; what stays unused is an unknown option */
} CxbOpt;

/* An option string or JSON object, in the order written. */
typedef struct {
	GPtrArray *opts; /* CxbOpt * */
	bool typed;      /* came from JSON */
} CxbOpts;

CxbOpts *cxb_opts_new(void);
void cxb_opts_free(CxbOpts *opts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbOpts, cxb_opts_free)

/**
 * cxb_opts_parse() - Parse "key=value,key=value".
 * @implied: key of a first word without "=", or NULL if there is none
 *
 * Commas inside values are doubled. Short booleans "key" and "nokey" become on and off with a
 * deprecation warning on stderr if @short_bools, else they fail as QEMU's -machine does. A bare
 * "help" or "?" gives the key "help" in either case, without warning.
 */
CxbOpts *cxb_opts_parse(const char *text, const char *implied, bool short_bools, GError **errp);

void cxb_opts_add(CxbOpts *opts, const char *key, CxbScalar value /* owned from here */);
void cxb_opts_add_text(CxbOpts *opts, const char *key, const char *text);
/** cxb_opts_find() - The last value of @key (repetition: the last wins) or NULL; marks all used. */
const CxbScalar *cxb_opts_find(CxbOpts *opts, const char *key);
/** cxb_opts_get_str() - As find, for a string of either form; NULL without error if absent. */
bool cxb_opts_get_str(CxbOpts *opts, const char *key, const char **out, GError **errp);
/** cxb_opts_has() - @key, or a key below it ("key.…"), is present. Does not mark it. */
bool cxb_opts_has(const CxbOpts *opts, const char *key);
/** cxb_opts_unused() - The first key nobody used, or NULL. */
const char *cxb_opts_unused(const CxbOpts *opts);

/* Parsers behind the option syntax; errors are worded by the caller, who knows the key. */
bool cxb_parse_size(const char *text, uint64_t *out); /* "1.5G", "0x1000"; powers of 1024 */
bool cxb_parse_uint(const char *text, uint64_t max, uint64_t *out); /* decimal, 0x hex, 0 octal */
bool cxb_parse_bool(const char *text, bool *out); /* on off yes no true false y n */
bool cxb_id_valid(const char *id);                /* a letter, then letters digits - . _ */

#endif
