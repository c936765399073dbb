/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static CxbObject *new_of(World *w, const char *type)
{
	return cxb_object_new(w->qom, cxb_qom_find_type(w->qom, type));
}

static void a_life_runs_its_hooks_in_order(void)
{
	g_autoptr(World) w = world_new();
	CxbObject *obj = new_of(w, "memory-backend-ram");

	assert_works(cxb_object_add(cxb_qom_root(w->qom), "m", obj, &err));
	g_assert_false(obj->completed);
	assert_works(cxb_object_complete(obj, &err));
	g_assert_true(obj->completed);
	cxb_object_unparent(obj);
	g_assert_null(obj->parent);
	g_assert_null(obj->name);
	cxb_object_unparent(obj); /* once more changes nothing */
	cxb_object_unref(obj);
	g_assert_cmpstr(w->journal->str, ==,
			"base-init memory-backend-ram;init memory-backend-ram;complete m;"
			"leave m;unparent m;base-unparent m;"
			"finalize memory-backend-ram;base-finalize memory-backend-ram;");
}

static void complete_is_inherited(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(CxbObject) obj = new_of(w, "memory-backend-plain");

	assert_works(cxb_object_complete(obj, &err));
	g_assert_cmpstr(w->journal->str, ==,
			"base-init memory-backend-plain;base-complete memory-backend-plain;");
}

static void a_taken_name_is_refused(void)
{
	g_autoptr(World) w = world_new();
	CxbObject *objects = cxb_qom_container(w->qom, "/objects");
	g_autoptr(CxbObject) a = new_of(w, "other");
	g_autoptr(CxbObject) b = new_of(w, "other");

	assert_works(cxb_object_add(objects, "a", a, &err));
	assert_fails("attempt to add duplicate property 'a' to object (type 'container')",
		     CXB_ERROR_INVALID, cxb_object_add(objects, "a", b, &err));
	g_assert_null(b->parent);
	g_assert_true(cxb_object_child(objects, "a") == a);
	cxb_object_unparent(a);
	g_assert_null(cxb_object_child(objects, "a"));
	assert_works(cxb_object_add(objects, "a", b, &err));
}

static void containers_are_made_once(void)
{
	g_autoptr(World) w = world_new();
	CxbObject *c = cxb_qom_container(w->qom, "/a/b");

	g_assert_true(cxb_qom_container(w->qom, "/a//b/") == c);
	g_assert_true(cxb_qom_container(w->qom, "/") == cxb_qom_root(w->qom));
	g_assert_cmpstr(c->type->name, ==, "container");
}

static void what_is_below_leaves_first_and_last_comes_first(void)
{
	g_autoptr(World) w = world_new();
	CxbObject *top = new_of(w, "memory-backend-ram");

	assert_works(cxb_object_add(cxb_qom_root(w->qom), "top", top, &err));
	for (int i = 0; i < 2; i++) {
		g_autoptr(CxbObject) obj = new_of(w, "memory-backend-ram");

		assert_works(cxb_object_add(top, i ? "b" : "a", obj, &err));
	}
	cxb_object_unref(top);
	g_string_truncate(w->journal, 0);
	cxb_object_unparent(top);
	g_assert_cmpstr(w->journal->str, ==,
			"leave top;"
			"leave b;unparent b;base-unparent b;finalize memory-backend-ram;"
			"base-finalize memory-backend-ram;"
			"leave a;unparent a;base-unparent a;finalize memory-backend-ram;"
			"base-finalize memory-backend-ram;"
			"unparent top;base-unparent top;finalize memory-backend-ram;"
			"base-finalize memory-backend-ram;");
}

static void a_tree_outside_the_tree_is_freed_whole(void)
{
	g_autoptr(World) w = world_new();
	CxbObject *top = new_of(w, "memory-backend-ram");
	g_autoptr(CxbObject) below = new_of(w, "other");

	assert_works(cxb_object_add(top, "x", below, &err));
	cxb_object_unref(top);
	g_assert_null(below->parent);
}

static void the_machine_goes_before_the_objects_it_uses(void)
{
	World *w = world_new();
	g_autoptr(GString) journal = g_string_new(NULL);

	cxb_qom_set_service(w->qom, "journal", journal);
	add_device(w, "cxl-rp,id=rp0,bus=pcie.0", NULL);
	add_object(w, "memory-backend-ram,id=m0,size=4096", NULL);
	add_device(w, "cxl-type3,id=t3,bus=rp0,memdev=m0", NULL);
	g_string_truncate(journal, 0);
	world_free(w);
	g_assert_cmpstr(journal->str, ==,
			"unrealize t3;unrealize rp0;bus-gone rp0;bus-gone pcie.0;"
			"leave m0;unparent m0;base-unparent m0;finalize memory-backend-ram;"
			"base-finalize memory-backend-ram;");
}

static void an_object_still_held_survives_the_tree(void)
{
	World *w = world_new();
	g_autoptr(CxbObject) m0 =
		cxb_object_ref(add_object(w, "memory-backend-ram,id=m0,size=4096", NULL));
	g_autofree char *path = NULL;

	cxb_qom_set_service(w->qom, "journal", NULL);
	world_free(w);
	path = cxb_object_path(m0);
	g_assert_cmpstr(path, ==, "");
	g_assert_true(cxb_object_is(m0, "memory-backend"));
	cxb_qom_free(NULL);
	cxb_object_unref(NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(fn) g_test_add_func("/qom/object/" #fn, fn)
	T(a_life_runs_its_hooks_in_order);
	T(complete_is_inherited);
	T(a_taken_name_is_refused);
	T(containers_are_made_once);
	T(what_is_below_leaves_first_and_last_comes_first);
	T(a_tree_outside_the_tree_is_freed_whole);
	T(the_machine_goes_before_the_objects_it_uses);
	T(an_object_still_held_survives_the_tree);
	return g_test_run();
}
