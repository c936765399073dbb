/* SPDX-License-Identifier: Apache-2.0 */
/* Error texts are QEMU 11.1's, which scripts compare. */
#include "fixture.h"

#define BAD_ID                                   \
	"Parameter 'id' expects an identifier\n" \
	"Identifiers consist of letters, digits, '-', '.', '_', starting with a letter."

static CxbObject *add_typed(World *w, const char *id, const char *key, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_new();

	opts->typed = true;
	cxb_opts_add(opts, "qom-type",
		     (CxbScalar){ .kind = CXB_SCALAR_STR, .s = g_strdup("memory-backend-ram") });
	cxb_opts_add(opts, "id", (CxbScalar){ .kind = CXB_SCALAR_STR, .s = g_strdup(id) });
	cxb_opts_add(opts, key, (CxbScalar){ .kind = CXB_SCALAR_UINT, .u = 4096 });
	return cxb_user_object_add(w->qom, opts, errp);
}

static void an_object_is_added_below_objects_and_completed(void)
{
	g_autoptr(World) w = world_new();
	CxbObject *m0 = add_object(w, "memory-backend-ram,id=m0,size=4096", NULL);
	CxbObject *m1 = add_typed(w, "m1", "size", NULL);

	g_assert_true(m0->completed && m1->completed);
	g_assert_true(cxb_qom_resolve(w->qom, "/objects/m0", NULL, NULL) == m0);
	g_assert_cmpuint(m0->refs, ==, 1);
	g_assert_cmpuint(((Backend *)m1)->size, ==, 4096);
}

static void wrong_requests_leave_nothing_behind(void)
{
	g_autoptr(World) w = world_new();
	unsigned before;

	add_object(w, "memory-backend-ram,id=a,size=4096", NULL);
	before = count_below(cxb_qom_root(w->qom));
	assert_fails("Parameter 'qom-type' is missing", CXB_ERROR_INVALID,
		     add_object(w, "id=b", &err));
	assert_fails("Parameter 'qom-type' does not accept value 'nosuch'", CXB_ERROR_INVALID,
		     add_object(w, "nosuch,id=b", &err));
	assert_fails("Parameter 'qom-type' does not accept value 'memory-backend'",
		     CXB_ERROR_INVALID, add_object(w, "memory-backend,id=b", &err));
	assert_fails("Parameter 'qom-type' does not accept value 'cxl-rp'", CXB_ERROR_INVALID,
		     add_object(w, "cxl-rp,id=b", &err));
	assert_fails("Parameter 'id' is missing", CXB_ERROR_INVALID,
		     add_object(w, "memory-backend-ram", &err));
	assert_fails(BAD_ID, CXB_ERROR_INVALID, add_object(w, "memory-backend-ram,id=1", &err));
	assert_fails("Duplicate ID 'a' for object", CXB_ERROR_INVALID,
		     add_object(w, "memory-backend-ram,id=a", &err));
	assert_fails("attempt to add duplicate property 'a' to object (type 'container')",
		     CXB_ERROR_INVALID, add_typed(w, "a", "size", &err));
	assert_fails("Invalid parameter 'foo'", CXB_ERROR_INVALID,
		     add_object(w, "memory-backend-ram,id=b,foo=1", &err));
	assert_fails("Parameter 'foo' is unexpected", CXB_ERROR_INVALID,
		     add_typed(w, "b", "foo", &err));
	assert_fails("Parameter 'size' expects a size value", CXB_ERROR_INVALID,
		     add_object(w, "memory-backend-ram,id=b,mem-path=x,size=y", &err));
	g_assert_cmpuint(count_below(cxb_qom_root(w->qom)), ==, before);
}

static void a_failed_complete_leaves_nothing_behind(void)
{
	g_autoptr(World) w = world_new();
	const unsigned before = count_below(cxb_qom_root(w->qom));

	assert_fails("no memory left", CXB_ERROR_SYSTEM,
		     add_object(w, "memory-backend-ram,id=b,size=1M,mem-path=x,fail=on", &err));
	g_assert_cmpuint(count_below(cxb_qom_root(w->qom)), ==, before);
	g_assert_nonnull(g_strrstr(w->journal->str, "complete b;leave b;unparent b;base-unparent b;"
						    "finalize memory-backend-ram;"));
	g_assert_nonnull(add_object(w, "memory-backend-ram,id=b,size=1M", NULL));
}

static void a_device_and_an_object_may_share_a_name(void)
{
	g_autoptr(World) w = world_new();

	g_assert_nonnull(add_object(w, "memory-backend-ram,id=a,size=4096", NULL));
	g_assert_nonnull(add_device(w, "cxl-type3,id=a", NULL));
}

static void deletion_asks_the_object(void)
{
	g_autoptr(World) w = world_new();

	add_object(w, "memory-backend-ram,id=m0,size=4096,share=on", NULL);
	add_object(w, "memory-backend-ram,id=m1,size=4096", NULL);
	add_object(w, "other,id=o", NULL);
	assert_fails("Cannot delete host memory backend 'm0' which is mapped", CXB_ERROR_BUSY,
		     cxb_user_object_del(w->qom, "m0", &err));
	assert_works(cxb_user_object_del(w->qom, "m1", &err));
	assert_works(cxb_user_object_del(w->qom, "o", &err));
	assert_fails("object 'm1' not found", CXB_ERROR_INVALID,
		     cxb_user_object_del(w->qom, "m1", &err));
	g_assert_nonnull(cxb_qom_resolve(w->qom, "m0", NULL, NULL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(fn) g_test_add_func("/qom/user/" #fn, fn)
	T(an_object_is_added_below_objects_and_completed);
	T(wrong_requests_leave_nothing_behind);
	T(a_failed_complete_leaves_nothing_behind);
	T(a_device_and_an_object_may_share_a_name);
	T(deletion_asks_the_object);
	return g_test_run();
}
