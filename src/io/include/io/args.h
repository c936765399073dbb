/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arguments of a command, decoded by rows: name, kind, offset into a plain structure, optional.
 * One table serves decoding, its error texts (QEMU's), the schema and the documentation.
 *
 *	struct add_args { char *path; uint16_t host_id; bool has_tag; char *tag; GArray *extents; };
 *
 * Strings are owned by the structure; cxb_args_clear() frees what cxb_args_decode() made.
 */
#ifndef CXB_IO_ARGS_H
#define CXB_IO_ARGS_H

#include <glib.h>
#include <json-c/json_object.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum {
	CXB_ARG_STR,  /* char * */
	CXB_ARG_BOOL, /* bool */
	CXB_ARG_U8,
	CXB_ARG_U16,
	CXB_ARG_U32,
	CXB_ARG_U64,
	CXB_ARG_I16,
	CXB_ARG_I64,
	CXB_ARG_ENUM,   /* int: index into names */
	CXB_ARG_LIST,   /* GArray * of structures of elem_size decoded by elem rows; NULL if absent.
		       * One elem row named "" decodes plain values ([1, 2], ["a", "b"]) */
	CXB_ARG_STRUCT, /* structure in place, decoded by elem rows */
	CXB_ARG_ANY,    /* json_object *, referenced */
	CXB_ARG_REST,   /* json_object *: all members no other row took; at most one, last */
} CxbArgKind;

typedef struct CxbArg {
	const char *name; /* NULL ends a table */
	CxbArgKind kind;
	size_t offset;
	bool optional;
	ptrdiff_t has_offset; /* of a bool that says it was given; -1: none */
	const char *const *names;
	const char *enum_name; /* ENUM: name of the type, for the schema */
	const struct CxbArg *elem;
	size_t elem_size;
} CxbArg;

/**
 * cxb_args_decode() - Decode @obj (NULL: no arguments given) into @out, which is zeroed first.
 *
 * Nothing is left allocated on failure. Errors: "Parameter 'x' is missing", "Parameter 'x' is
 * unexpected", "Invalid parameter type for 'x', expected: string", "Parameter 'extents[0].len' is
 * missing", "Parameter 'host-id' expects uint16_t", "Parameter 'p' does not accept value 'v'".
 */
bool cxb_args_decode(const CxbArg *rows, json_object *obj, void *out, size_t out_size,
		     GError **errp);
void cxb_args_clear(const CxbArg *rows, void *out);

#endif
