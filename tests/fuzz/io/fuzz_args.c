/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of any JSON shape against a table with every kind of row: no crash, no leak. */
#include "io/args.h"

#include <stdint.h>
#include <stdlib.h>

#include "fuzz.h"
#include "io/json.h"

struct elem {
	uint64_t offset;
	char *note;
	GArray *inner;
};

struct args {
	char *s;
	bool b, has_b;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	int16_t i16;
	int64_t i64;
	int e;
	GArray *list, *values;
	struct elem one;
	json_object *any, *rest;
};

#define AT(field)  offsetof(struct args, field)
#define EAT(field) offsetof(struct elem, field)

static const char *const names[] = { "free", "contiguous", NULL };

static const CxbArg value_rows[] = { { "", CXB_ARG_STR, 0, false, -1 }, { NULL } };

/* clang-format off */
static const CxbArg elem_rows[] = {
	{ "o", CXB_ARG_U64, EAT(offset), false, -1 },
	{ "n", CXB_ARG_STR, EAT(note), true, -1 },
	{ "i", CXB_ARG_LIST, EAT(inner), true, -1, NULL, NULL, value_rows, sizeof(char *) },
	{ NULL },
};

#define ROWS \
	{ "s", CXB_ARG_STR, AT(s), true, -1 }, \
	{ "b", CXB_ARG_BOOL, AT(b), true, AT(has_b) }, \
	{ "u8", CXB_ARG_U8, AT(u8), true, -1 }, \
	{ "u16", CXB_ARG_U16, AT(u16), true, -1 }, \
	{ "u32", CXB_ARG_U32, AT(u32), true, -1 }, \
	{ "u64", CXB_ARG_U64, AT(u64), true, -1 }, \
	{ "i16", CXB_ARG_I16, AT(i16), true, -1 }, \
	{ "i64", CXB_ARG_I64, AT(i64), true, -1 }, \
	{ "e", CXB_ARG_ENUM, AT(e), true, -1, names, "E" }, \
	{ "l", CXB_ARG_LIST, AT(list), true, -1, NULL, NULL, elem_rows, sizeof(struct elem) }, \
	{ "v", CXB_ARG_LIST, AT(values), true, -1, NULL, NULL, value_rows, sizeof(char *) }, \
	{ "t", CXB_ARG_STRUCT, AT(one), true, -1, NULL, NULL, elem_rows }, \
	{ "a", CXB_ARG_ANY, AT(any), true, -1 }

static const CxbArg closed_rows[] = { ROWS, { NULL } };
static const CxbArg open_rows[] = { ROWS, { "r", CXB_ARG_REST, AT(rest), true, -1 }, { NULL } };
/* clang-format on */

static void decode(const CxbArg *rows, json_object *obj)
{
	GError *err = NULL;
	struct args a;

	if (cxb_args_decode(rows, obj, &a, sizeof(a), &err)) {
		if (err)
			abort();
	} else if (!err || a.s || a.list || a.rest) {
		abort();
	}
	g_clear_error(&err);
	cxb_args_clear(rows, &a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_object *obj = cxb_json_parse((const char *)data, size, NULL);

	decode(closed_rows, obj);
	decode(open_rows, obj);
	json_object_put(obj);
	return 0;
}
