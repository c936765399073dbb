/* SPDX-License-Identifier: Apache-2.0 */
#include "qom/object.h"

#include <string.h>

#include "base/error.h"
#include "qom/device.h"
#include "qom.h"

/* "name=<type>" and two blanks before it take this much. */
#define NAME_COLUMNS 24

static void append_type(GString *line, const CxbProp *prop)
{
	static const char *const names[] = {
		[CXB_PROP_BOOL] = "bool",  [CXB_PROP_U8] = "uint8",   [CXB_PROP_U16] = "uint16",
		[CXB_PROP_U32] = "uint32", [CXB_PROP_U64] = "uint64", [CXB_PROP_SIZE] = "size",
		[CXB_PROP_STR] = "str",    [CXB_PROP_ENUM] = "str",   [CXB_PROP_LINK] = "link",
		[CXB_PROP_FN] = "str",
	};

	if (prop->type_name)
		g_string_append(line, prop->type_name);
	else if (prop->kind == CXB_PROP_LINK)
		g_string_append_printf(line, "link<%s>",
				       prop->link_type ? prop->link_type : "object");
	else
		g_string_append(line, names[prop->kind]);
}

/* Defaults as JSON shows them: numbers in bytes, texts quoted. */
static void append_default(GString *line, const CxbProp *prop)
{
	const char *s = prop->def;
	uint64_t u;
	bool b;

	if (prop->kind == CXB_PROP_BOOL && cxb_parse_bool(s, &b))
		g_string_append_printf(line, " (default: %s)", b ? "true" : "false");
	else if (prop->kind == CXB_PROP_SIZE && cxb_parse_size(s, &u))
		g_string_append_printf(line, " (default: %" G_GUINT64_FORMAT ")", u);
	else if (prop->kind >= CXB_PROP_U8 && prop->kind <= CXB_PROP_U64 &&
		 cxb_parse_uint(s, UINT64_MAX, &u))
		g_string_append_printf(line, " (default: %" G_GUINT64_FORMAT ")", u);
	else if (prop->kind == CXB_PROP_STR || prop->kind == CXB_PROP_ENUM)
		g_string_append_printf(line, " (default: \"%s\")", s);
	else
		g_string_append_printf(line, " (default: %s)", s);
}

static char *prop_line(const CxbProp *prop)
{
	GString *line = g_string_new("  ");

	g_string_append_printf(line, "%s=<", prop->name);
	append_type(line, prop);
	g_string_append_c(line, '>');
	if (prop->desc || prop->def) {
		while (line->len < NAME_COLUMNS)
			g_string_append_c(line, ' ');
		g_string_append_printf(line, " - %s", prop->desc ? prop->desc : "");
	}
	if (prop->def)
		append_default(line, prop);
	return g_string_free(line, FALSE);
}

static int compare_props(gconstpointer a, gconstpointer b)
{
	const CxbProp *const *pa = a, *const *pb = b;

	return strcmp((*pa)->name, (*pb)->name);
}

/* Rows of @node and its ancestors, a derived row hiding an inherited one, sorted by name. */
static GPtrArray *visible_props(const TypeNode *node)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	GPtrArray *rows = g_ptr_array_new();

	for (; node; node = node->parent) {
		for (const CxbProp *prop = node->type->props; prop && prop->name; prop++) {
			if (g_hash_table_add(seen, (gpointer)prop->name) &&
			    !(prop->flags & CXB_PROP_HIDDEN))
				g_ptr_array_add(rows, (gpointer)prop);
		}
	}
	g_ptr_array_sort(rows, compare_props);
	return rows;
}

bool cxb_type_print_help(CxbQom *qom, const char *type_name, GError **errp)
{
	const CxbType *type = cxb_qom_find_type(qom, type_name);
	g_autoptr(GPtrArray) rows = NULL;

	if (!type)
		return cxb_fail(errp, CXB_ERROR_NOT_FOUND, "Device '%s' not found", type_name);
	rows = visible_props(cxb_type_node(qom, type));
	if (rows->len)
		g_print("%s options:\n", type_name);
	else
		g_print("There are no options for %s.\n", type_name);
	for (guint i = 0; i < rows->len; i++) {
		g_autofree char *line = prop_line(rows->pdata[i]);

		g_print("%s\n", line);
	}
	return true;
}

static int compare_types(gconstpointer a, gconstpointer b)
{
	const CxbType *const *ta = a, *const *tb = b;

	return strcmp((*ta)->name, (*tb)->name);
}

static GPtrArray *creatable_types(CxbQom *qom, unsigned flag)
{
	GPtrArray *types = g_ptr_array_new();

	for (guint i = 0; i < qom->type_list->len; i++) {
		const CxbType *type = qom->type_list->pdata[i];

		if ((type->flags & flag) && !(type->flags & CXB_TYPE_ABSTRACT))
			g_ptr_array_add(types, (gpointer)type);
	}
	g_ptr_array_sort(types, compare_types);
	return types;
}

static const char *heading(const CxbType *type)
{
	if (!type->category)
		return "Uncategorized";
	return strcmp(type->category, "Bridge") == 0 ? "Controller/Bridge/Hub" : type->category;
}

static void print_device(CxbQom *qom, const CxbType *type)
{
	const CxbDeviceClass *klass = cxb_type_node(qom, type)->klass;

	g_print("name \"%s\"", type->name);
	if (klass->bus_kind)
		g_print(", bus %s", klass->bus_kind);
	if (type->desc)
		g_print(", desc \"%s\"", type->desc);
	g_print("\n");
}

/* One group a heading; headings in the order of the names that first need them, bridges first. */
static void print_devices(CxbQom *qom, const GPtrArray *types)
{
	g_autoptr(GPtrArray) headings = g_ptr_array_new();

	g_ptr_array_add(headings, (gpointer) "Controller/Bridge/Hub");
	for (guint i = 0; i < types->len; i++) {
		const char *h = heading(types->pdata[i]);

		if (!g_ptr_array_find_with_equal_func(headings, h, g_str_equal, NULL))
			g_ptr_array_add(headings, (gpointer)h);
	}
	for (guint g = 0, printed = 0; g < headings->len; g++) {
		const char *h = headings->pdata[g];
		bool open = false;

		for (guint i = 0; i < types->len; i++) {
			if (strcmp(heading(types->pdata[i]), h) != 0)
				continue;
			if (!open)
				g_print("%s%s devices:\n", printed++ ? "\n" : "", h);
			open = true;
			print_device(qom, types->pdata[i]);
		}
	}
}

void cxb_qom_print_types(CxbQom *qom, unsigned flag)
{
	g_autoptr(GPtrArray) types = creatable_types(qom, flag);

	if (flag == CXB_TYPE_DEVICE) {
		print_devices(qom, types);
		return;
	}
	g_print("List of user creatable objects:\n");
	for (guint i = 0; i < types->len; i++)
		g_print("  %s\n", ((const CxbType *)types->pdata[i])->name);
}
