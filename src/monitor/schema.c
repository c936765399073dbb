/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query-qmp-schema: commands, events and the types they use, in QEMU's shape. Everything is read off
 * the rows of commands and events. A type is built when it is first named; its name stands before
 * its members are looked at, so types may contain themselves.
 */
#include "monitor.h"

#include <string.h>

#define EMPTY_TYPE "q_empty"

typedef struct {
	json_object *list;   /* the answer */
	GHashTable *sources; /* name of a type -> the rows or names it was built from */
} Schema;

static json_object *entry(Schema *s, const char *name, const char *meta_type)
{
	json_object *o = json_object_new_object();

	cxb_json_put_str(o, "name", name);
	cxb_json_put_str(o, "meta-type", meta_type);
	json_object_array_add(s->list, o);
	return o;
}

/* True the first time. One name never stands for two things. */
static bool is_new(Schema *s, const char *name, gconstpointer source)
{
	gpointer known;

	if (g_hash_table_lookup_extended(s->sources, name, NULL, &known)) {
		g_assert(known == source);
		return false;
	}
	g_hash_table_insert(s->sources, g_strdup(name), (gpointer)source);
	return true;
}

/* --- types; each returns the type's name, which the caller frees --- */

static char *builtin_type(Schema *s, const char *name, const char *json_type)
{
	if (is_new(s, name, NULL))
		cxb_json_put_str(entry(s, name, "builtin"), "json-type", json_type);
	return g_strdup(name);
}

static char *str_type(Schema *s)
{
	return builtin_type(s, "str", "string");
}

static char *int_type(Schema *s)
{
	return builtin_type(s, "int", "int");
}

static char *bool_type(Schema *s)
{
	return builtin_type(s, "bool", "boolean");
}

static char *any_type(Schema *s)
{
	return builtin_type(s, "any", "value");
}

static char *enum_type(Schema *s, const char *name, const char *const *names)
{
	if (is_new(s, name, names)) {
		json_object *o = entry(s, name, "enum");
		json_object *members = json_object_new_array(), *values = json_object_new_array();

		for (; *names; names++) {
			json_object *member = json_object_new_object();

			cxb_json_put_str(member, "name", *names);
			json_object_array_add(members, member);
			json_object_array_add(values, json_object_new_string(*names));
		}
		put(o, "members", members);
		put(o, "values", values);
	}
	return g_strdup(name);
}

static char *array_type(Schema *s, char *element /* taken */)
{
	char *name = g_strdup_printf("[%s]", element);

	if (is_new(s, name, NULL))
		cxb_json_put_str(entry(s, name, "array"), "element-type", element);
	g_free(element);
	return name;
}

/* An object's list of members, to be filled; NULL if the type is there already. */
static json_object *object_members(Schema *s, const char *name, gconstpointer source)
{
	json_object *members;

	if (!is_new(s, name, source))
		return NULL;
	members = json_object_new_array();
	put(entry(s, name, "object"), "members", members);
	return members;
}

static void add_member(json_object *members, const char *name, char *type /* taken */,
		       bool optional)
{
	json_object *o = json_object_new_object();

	cxb_json_put_str(o, "name", name);
	cxb_json_put_str(o, "type", type);
	if (optional)
		put(o, "default", NULL);
	json_object_array_add(members, o);
	g_free(type);
}

static char *empty_type(Schema *s)
{
	object_members(s, EMPTY_TYPE, NULL);
	return g_strdup(EMPTY_TYPE);
}

/* --- arguments --- */

static char *args_type(Schema *s, char *name /* taken */, const CxbArg *rows);

/* Types of lists and structures have no names in the rows: they get that of the place. */
static char *arg_type(Schema *s, const char *place, const CxbArg *row)
{
	switch (row->kind) {
	case CXB_ARG_STR:
		return str_type(s);
	case CXB_ARG_BOOL:
		return bool_type(s);
	case CXB_ARG_U8:
	case CXB_ARG_U16:
	case CXB_ARG_U32:
	case CXB_ARG_U64:
	case CXB_ARG_I16:
	case CXB_ARG_I64:
		return int_type(s);
	case CXB_ARG_ENUM:
		return enum_type(s, row->enum_name, row->names);
	case CXB_ARG_LIST:
		if (!row->elem[0].name[0])
			return array_type(s, arg_type(s, place, row->elem));
		return array_type(
			s, args_type(s, g_strdup_printf("%s.%s", place, row->name), row->elem));
	case CXB_ARG_STRUCT:
		return args_type(s, g_strdup_printf("%s.%s", place, row->name), row->elem);
	case CXB_ARG_ANY:
	case CXB_ARG_REST:
		break;
	}
	return any_type(s);
}

/* What a REST row takes has no name before it is given: it is not in the schema. */
static char *args_type(Schema *s, char *name, const CxbArg *rows)
{
	json_object *members = object_members(s, name, rows);

	for (const CxbArg *row = rows; members && row->name; row++)
		if (row->kind != CXB_ARG_REST)
			add_member(members, row->name, arg_type(s, name, row), row->optional);
	return name;
}

/* --- returned values, data of events --- */

static char *members_type(Schema *s, const char *name, const CxbRet *rows);

static char *element_type(Schema *s, const CxbRet *row)
{
	switch (row->kind) {
	case CXB_RET_STR:
		return str_type(s);
	case CXB_RET_INT:
		return int_type(s);
	case CXB_RET_BOOL:
		return bool_type(s);
	case CXB_RET_ENUM:
		return enum_type(s, row->type, row->names);
	case CXB_RET_OBJECT:
		return members_type(s, row->type, row->members);
	case CXB_RET_ANY:
		break;
	}
	return any_type(s);
}

static char *ret_type(Schema *s, const CxbRet *row)
{
	char *type = element_type(s, row);

	return row->list ? array_type(s, type) : type;
}

static char *members_type(Schema *s, const char *name, const CxbRet *rows)
{
	json_object *members = object_members(s, name, rows);

	for (const CxbRet *row = rows; members && row->name; row++)
		add_member(members, row->name, ret_type(s, row), row->optional);
	return g_strdup(name);
}

/* --- the whole --- */

static void put_type(json_object *o, const char *key, char *type /* taken */)
{
	cxb_json_put_str(o, key, type);
	g_free(type);
}

static void add_command(Schema *s, const CxbQmpCmd *row)
{
	json_object *o = entry(s, row->name, "command");

	put_type(o, "arg-type",
		 row->args ? args_type(s, g_strdup_printf("q_obj_%s-arg", row->name), row->args)
			   : empty_type(s));
	put_type(o, "ret-type", row->ret ? ret_type(s, row->ret) : empty_type(s));
	if (row->flags & CXB_QMP_OOB)
		cxb_json_put_bool(o, "allow-oob", true);
	if (row->flags & CXB_QMP_UNSTABLE) {
		json_object *features = json_object_new_array();

		json_object_array_add(features, json_object_new_string("unstable"));
		put(o, "features", features);
	}
}

static void add_event(Schema *s, const CxbQmpEvent *row)
{
	g_autofree char *name = g_strdup_printf("q_obj_%s-arg", row->name);

	put_type(entry(s, row->name, "event"), "arg-type",
		 row->data ? members_type(s, name, row->data) : empty_type(s));
}

static GList *sorted_names(GHashTable *table)
{
	return g_list_sort(g_hash_table_get_keys(table), (GCompareFunc)strcmp);
}

static json_object *query_qmp_schema(void *opaque, void *args, GError **errp)
{
	const CxbQmp *qmp = opaque;
	g_autoptr(GHashTable) sources =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GList) commands = sorted_names(qmp->commands);
	g_autoptr(GList) events = sorted_names(qmp->events);
	Schema s = { json_object_new_array(), sources };

	for (const GList *l = commands; l; l = l->next)
		add_command(&s, ((Command *)g_hash_table_lookup(qmp->commands, l->data))->row);
	for (const GList *l = events; l; l = l->next)
		add_event(&s, g_hash_table_lookup(qmp->events, l->data));
	return s.list;
}

static const char *const meta_types[] = {
	"builtin", "enum", "array", "object", "command", "event", NULL,
};
static const CxbRet member_info[] = {
	{ "name", CXB_RET_STR },
	{ "type", CXB_RET_STR, .optional = true },
	{ "default", CXB_RET_ANY, .optional = true },
	{ NULL },
};
/* Which of the optional ones are there depends on meta-type. */
static const CxbRet schema_info[] = {
	{ "name", CXB_RET_STR },
	{ "meta-type", CXB_RET_ENUM, "SchemaMetaType", .names = meta_types },
	{ "json-type", CXB_RET_STR, .optional = true },
	{ "members", CXB_RET_OBJECT, "SchemaInfoMember", .list = true, .optional = true,
	  .members = member_info },
	{ "values", CXB_RET_STR, .list = true, .optional = true },
	{ "element-type", CXB_RET_STR, .optional = true },
	{ "arg-type", CXB_RET_STR, .optional = true },
	{ "ret-type", CXB_RET_STR, .optional = true },
	{ "allow-oob", CXB_RET_BOOL, .optional = true },
	{ "features", CXB_RET_STR, .list = true, .optional = true },
	{ NULL },
};
static const CxbRet schema_ret = {
	NULL, CXB_RET_OBJECT, "SchemaInfo", .list = true, .members = schema_info,
};

static const CxbQmpCmd rows[] = {
	{ "query-qmp-schema", NULL, 0, 0, "commands, events and their types", query_qmp_schema,
	  &schema_ret },
	{ NULL },
};

void qmp_add_schema_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
