/* SPDX-License-Identifier: Apache-2.0 */
/* query-qmp-schema: the shape is that of QEMU 11.1.3, names of types are ours. */
#include "fixture.h"

#include <string.h>

typedef struct {
	World *w;
	json_object *list;
	GHashTable *types;    /* name -> its entry; commands and events are not there */
	GHashTable *commands; /* name -> its entry */
	GHashTable *events;   /* name -> its entry */
} Fixture;

static const char *text(json_object *o, const char *key)
{
	json_object *v;

	g_assert_true(json_object_object_get_ex(o, key, &v));
	g_assert_true(json_object_is_type(v, json_type_string));
	return json_object_get_string(v);
}

static json_object *array(json_object *o, const char *key)
{
	json_object *v;

	g_assert_true(json_object_object_get_ex(o, key, &v));
	g_assert_true(json_object_is_type(v, json_type_array));
	return v;
}

static GHashTable *table_of(Fixture *f, json_object *o)
{
	const char *meta = text(o, "meta-type");

	if (!strcmp(meta, "command"))
		return f->commands;
	return !strcmp(meta, "event") ? f->events : f->types;
}

static void set_up(Fixture *f, gconstpointer unused)
{
	f->w = world_ready();
	f->list = ask_for(f->w, "{'execute': 'query-qmp-schema'}");
	f->types = g_hash_table_new(g_str_hash, g_str_equal);
	f->commands = g_hash_table_new(g_str_hash, g_str_equal);
	f->events = g_hash_table_new(g_str_hash, g_str_equal);
	for (size_t i = 0; i < json_object_array_length(f->list); i++) {
		json_object *o = json_object_array_get_idx(f->list, i);

		/* twice is once too often */
		g_assert_true(g_hash_table_insert(table_of(f, o), (gpointer)text(o, "name"), o));
	}
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	g_hash_table_unref(f->types);
	g_hash_table_unref(f->commands);
	g_hash_table_unref(f->events);
	json_object_put(f->list);
	world_free(f->w);
}

static void every_command_is_there_and_no_other(Fixture *f, gconstpointer unused)
{
	json_object *names = ask_for(f->w, "{'execute': 'query-commands'}");

	g_assert_cmpuint(json_object_array_length(names), ==, g_hash_table_size(f->commands));
	for (size_t i = 0; i < json_object_array_length(names); i++)
		g_assert_true(g_hash_table_contains(
			f->commands, text(json_object_array_get_idx(names, i), "name")));
	json_object_put(names);
}

/* That no other is sent is asserted where events are. */
static void every_event_is_there(Fixture *f, gconstpointer unused)
{
	static const char *const names[] = {
		"CXL_DYNAMIC_CAPACITY",
		"DEVICE_DELETED",
		"MEMORY_BACKEND_SANITIZED",
		"POWERDOWN",
		"RESET",
		"RESUME",
		"SHUTDOWN",
		"STOP",
	};

	g_assert_cmpuint(g_hash_table_size(f->events), ==, G_N_ELEMENTS(names));
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		g_assert_true(g_hash_table_contains(f->events, names[i]));
}

static void use(Fixture *f, GHashTable *used, json_object *o, const char *key)
{
	const char *name = text(o, key);
	json_object *type = g_hash_table_lookup(f->types, name);

	g_assert_nonnull(type);
	g_hash_table_add(used, (gpointer)name);
	if (strcmp(key, "arg-type") == 0)
		g_assert_cmpstr(text(type, "meta-type"), ==, "object");
}

static void use_members(Fixture *f, GHashTable *used, json_object *o)
{
	json_object *members = array(o, "members");

	for (size_t i = 0; i < json_object_array_length(members); i++) {
		json_object *member = json_object_array_get_idx(members, i), *def;

		g_assert_cmpstr(text(member, "name"), !=, "");
		use(f, used, member, "type");
		if (json_object_object_get_ex(member, "default", &def))
			g_assert_null(def);
	}
}

static void every_type_named_is_there_and_every_type_there_is_named(Fixture *f,
								    gconstpointer unused)
{
	g_autoptr(GHashTable) used = g_hash_table_new(g_str_hash, g_str_equal);

	for (size_t i = 0; i < json_object_array_length(f->list); i++) {
		json_object *o = json_object_array_get_idx(f->list, i);
		const char *meta = text(o, "meta-type");

		if (!strcmp(meta, "command")) {
			use(f, used, o, "arg-type");
			use(f, used, o, "ret-type");
		} else if (!strcmp(meta, "event")) {
			use(f, used, o, "arg-type");
		} else if (!strcmp(meta, "array")) {
			use(f, used, o, "element-type");
		} else if (!strcmp(meta, "object")) {
			use_members(f, used, o);
		} else if (!strcmp(meta, "enum")) {
			g_assert_cmpuint(json_object_array_length(array(o, "members")), ==,
					 json_object_array_length(array(o, "values")));
		} else {
			g_assert_cmpstr(meta, ==, "builtin");
			text(o, "json-type");
		}
	}
	g_assert_cmpuint(g_hash_table_size(used), ==, g_hash_table_size(f->types));
}

/* Fails unless @name of @table reads @expected. */
static void is(GHashTable *table, const char *name, const char *expected)
{
	json_object *o = g_hash_table_lookup(table, name);

	g_assert_nonnull(o);
	g_assert_cmpstr(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), ==, expected);
}

static void entries_have_the_known_shape(Fixture *f, gconstpointer unused)
{
	is(f->commands, "quit",
	   "{\"name\":\"quit\",\"meta-type\":\"command\",\"arg-type\":\"q_empty\","
	   "\"ret-type\":\"q_empty\"}");
	is(f->types, "q_empty", "{\"name\":\"q_empty\",\"meta-type\":\"object\",\"members\":[]}");
	is(f->types, "str",
	   "{\"name\":\"str\",\"meta-type\":\"builtin\",\"json-type\":\"string\"}");
	is(f->types, "[str]",
	   "{\"name\":\"[str]\",\"meta-type\":\"array\",\"element-type\":\"str\"}");
	is(f->types, "SysEmuTarget",
	   "{\"name\":\"SysEmuTarget\",\"meta-type\":\"enum\",\"members\":[{\"name\":\"x86_64\"}],"
	   "\"values\":[\"x86_64\"]}");
	is(f->types, "q_obj_human-monitor-command-arg",
	   "{\"name\":\"q_obj_human-monitor-command-arg\",\"meta-type\":\"object\",\"members\":["
	   "{\"name\":\"command-line\",\"type\":\"str\"},"
	   "{\"name\":\"cpu-index\",\"type\":\"int\",\"default\":null}]}");
	is(f->events, "RESET",
	   "{\"name\":\"RESET\",\"meta-type\":\"event\",\"arg-type\":\"q_obj_RESET-arg\"}");
}

static void fixed_members_of_open_objects_are_typed(Fixture *f, gconstpointer unused)
{
	is(f->types, "q_obj_object-add-arg",
	   "{\"name\":\"q_obj_object-add-arg\",\"meta-type\":\"object\",\"members\":["
	   "{\"name\":\"qom-type\",\"type\":\"str\"},{\"name\":\"id\",\"type\":\"str\"}]}");
	is(f->types, "q_obj_device_add-arg",
	   "{\"name\":\"q_obj_device_add-arg\",\"meta-type\":\"object\",\"members\":["
	   "{\"name\":\"driver\",\"type\":\"str\"},"
	   "{\"name\":\"bus\",\"type\":\"str\",\"default\":null},"
	   "{\"name\":\"id\",\"type\":\"str\",\"default\":null}]}");
}

static void dynamic_capacity_is_unstable_and_nothing_else(Fixture *f, gconstpointer unused)
{
	GHashTableIter iter;
	gpointer name, o;

	g_hash_table_iter_init(&iter, f->commands);
	while (g_hash_table_iter_next(&iter, &name, &o)) {
		json_object *features;

		if (!strstr(name, "dynamic-capacity") && !strstr(name, "-dc-extents")) {
			g_assert_false(json_object_object_get_ex(o, "features", &features));
			continue;
		}
		features = array(o, "features");
		g_assert_cmpuint(json_object_array_length(features), ==, 1);
		g_assert_cmpstr(json_object_get_string(json_object_array_get_idx(features, 0)), ==,
				"unstable");
	}
}

static json_object *nothing(void *opaque, void *args, GError **errp)
{
	return cxb_qmp_empty();
}

static void rows_added_later_are_there_too(void)
{
	static const CxbRet node[] = {
		{ "value", CXB_RET_INT },
		{ "below", CXB_RET_OBJECT, "Node", .list = true, .members = node },
		{ NULL },
	};
	static const CxbRet ret = { NULL, CXB_RET_OBJECT, "Node", .members = node };
	static const CxbQmpCmd rows[] = {
		{ "x-tree", NULL, 0, CXB_QMP_OOB, "a type that contains itself", nothing, &ret },
		{ NULL },
	};
	static const CxbQmpEvent events[] = { { "X_STOP" }, { NULL } };
	g_autoptr(World) w = world_ready();
	json_object *list;
	GString *all;

	cxb_qmp_add(w->qmp, rows, NULL);
	cxb_qmp_add_events(w->qmp, events);
	list = ask_for(w, "{'execute': 'query-qmp-schema'}");
	all = g_string_new(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN));
	g_assert_nonnull(strstr(all->str, "{\"name\":\"x-tree\",\"meta-type\":\"command\","
					  "\"arg-type\":\"q_empty\",\"ret-type\":\"Node\","
					  "\"allow-oob\":true}"));
	g_assert_nonnull(strstr(all->str, "{\"name\":\"below\",\"type\":\"[Node]\"}"));
	g_assert_nonnull(strstr(all->str, "{\"name\":\"X_STOP\",\"meta-type\":\"event\","
					  "\"arg-type\":\"q_empty\"}"));
	g_string_free(all, TRUE);
	json_object_put(list);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(fn) g_test_add("/monitor/schema/" #fn, Fixture, NULL, set_up, fn, tear_down)
	ADD(every_command_is_there_and_no_other);
	ADD(every_event_is_there);
	ADD(every_type_named_is_there_and_every_type_there_is_named);
	ADD(entries_have_the_known_shape);
	ADD(fixed_members_of_open_objects_are_typed);
	ADD(dynamic_capacity_is_unstable_and_nothing_else);
	g_test_add_func("/monitor/schema/rows_added_later_are_there_too",
			rows_added_later_are_there_too);
	return g_test_run();
}
