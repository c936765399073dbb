/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An option string is parsed, then made an object of, which must be all or nothing. Short booleans
 * are off: each would print a warning. What was taken apart is also set typed, each value in the
 * type its first letter picks.
 */
#include <glib.h>
#include <stddef.h>
#include <string.h>

#include "fuzz.h"
#include "qom/object.h"

typedef struct {
	CxbObject obj;
	bool b;
	uint8_t u8;
	uint32_t u32;
	uint64_t size;
	char *str;
	int policy;
	CxbObject *link;
} Thing;

static const char *const policies[] = { "default", "bind", NULL };

static bool list_set(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		     GError **errp)
{
	return true;
}

static const CxbProp props[] = {
	{ .name = "b", .kind = CXB_PROP_BOOL, .offset = offsetof(Thing, b), .def = "on" },
	{ .name = "u8", .kind = CXB_PROP_U8, .offset = offsetof(Thing, u8) },
	{ .name = "u32", .kind = CXB_PROP_U32, .offset = offsetof(Thing, u32) },
	{ .name = "size", .kind = CXB_PROP_SIZE, .offset = offsetof(Thing, size) },
	{ .name = "str", .kind = CXB_PROP_STR, .offset = offsetof(Thing, str) },
	{ .name = "policy",
	  .kind = CXB_PROP_ENUM,
	  .offset = offsetof(Thing, policy),
	  .names = policies },
	{ .name = "link", .kind = CXB_PROP_LINK, .offset = offsetof(Thing, link) },
	{ .name = "list", .kind = CXB_PROP_FN, .flags = CXB_PROP_LIST, .set = list_set },
	{ 0 },
};

static const CxbType thing_type = {
	.name = "thing",
	.size = sizeof(Thing),
	.flags = CXB_TYPE_USER_OBJECT,
	.props = props,
};

static CxbScalar retype(const char *text)
{
	switch (text[0]) {
	case 'b':
		return (CxbScalar){ .kind = CXB_SCALAR_BOOL, .b = true };
	case 'i':
		return (CxbScalar){ .kind = CXB_SCALAR_INT, .i = -(int64_t)strlen(text) };
	case 'd':
		return (CxbScalar){ .kind = CXB_SCALAR_DOUBLE, .d = 1.5 };
	case 'l':
		return (CxbScalar){ .kind = CXB_SCALAR_EMPTY_LIST };
	case 'n':
		return (CxbScalar){ .kind = CXB_SCALAR_NULL };
	case 'u':
		return (CxbScalar){ .kind = CXB_SCALAR_UINT, .u = strlen(text) };
	default:
		return (CxbScalar){ .kind = CXB_SCALAR_STR, .s = g_strdup(text) };
	}
}

static void must_be_all_or_nothing(CxbQom *qom, CxbOpts *opts)
{
	CxbObject *objects = cxb_qom_container(qom, "/objects");
	const guint before = objects->children ? objects->children->len : 0;
	g_autoptr(GError) err = NULL;
	CxbObject *obj = cxb_user_object_add(qom, opts, &err);

	if (!obj != !!err)
		g_error("success and error, or neither");
	if (obj ? !obj->completed || cxb_opts_unused(opts) != NULL
		: objects->children && objects->children->len != before)
		g_error("half an object");
}

static void add_typed(CxbQom *qom, const CxbOpts *text)
{
	g_autoptr(CxbOpts) opts = cxb_opts_new();

	opts->typed = true;
	cxb_opts_add(opts, "qom-type",
		     (CxbScalar){ .kind = CXB_SCALAR_STR, .s = g_strdup("thing") });
	cxb_opts_add(opts, "id", (CxbScalar){ .kind = CXB_SCALAR_STR, .s = g_strdup("typed") });
	for (guint i = 0; i < text->opts->len; i++) {
		const CxbOpt *opt = text->opts->pdata[i];

		if (strcmp(opt->key, "qom-type") != 0)
			cxb_opts_add(opts, opt->key, retype(opt->value.s));
	}
	must_be_all_or_nothing(qom, opts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "qom-type", false, &err);
	CxbQom *qom;

	if (!opts != !!err)
		g_error("success and error, or neither");
	if (!opts)
		return 0;
	qom = cxb_qom_new();
	cxb_qom_register(qom, &thing_type);
	must_be_all_or_nothing(qom, opts);
	add_typed(qom, opts);
	cxb_qom_free(qom);
	return 0;
}
