/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static CxbObject *resolve(World *w, const char *path)
{
	return cxb_qom_resolve(w->qom, path, NULL, NULL);
}

static void absolute_paths_ignore_doubled_and_trailing_slashes(void)
{
	g_autoptr(World) w = world_new();
	CxbObject *m0 = add_object(w, "memory-backend-ram,id=m0,size=4096", NULL);

	g_assert_true(resolve(w, "/objects/m0") == m0);
	g_assert_true(resolve(w, "//objects///m0//") == m0);
	g_assert_true(resolve(w, "/") == cxb_qom_root(w->qom));
	g_assert_true(resolve(w, "///") == cxb_qom_root(w->qom));
	assert_fails("Device '/m0' not found", CXB_ERROR_NOT_FOUND,
		     cxb_qom_resolve(w->qom, "/m0", NULL, &err));
	assert_fails("Device '/objects/m0/x' not found", CXB_ERROR_NOT_FOUND,
		     cxb_qom_resolve(w->qom, "/objects/m0/x", NULL, &err));
}

static void partial_paths_match_anywhere(void)
{
	g_autoptr(World) w = world_new();
	CxbObject *m0 = add_object(w, "memory-backend-ram,id=m0,size=4096", NULL);
	CxbDevice *t3 = add_device(w, "cxl-type3,id=t3,bus=pcie.0", NULL);

	g_assert_true(resolve(w, "m0") == m0);
	g_assert_true(resolve(w, "objects/m0") == m0);
	g_assert_true(resolve(w, "objects//m0/") == m0);
	g_assert_true(resolve(w, "peripheral/t3") == &t3->obj);
	g_assert_true(resolve(w, "t3") == &t3->obj);
	g_assert_nonnull(resolve(w, "machine"));
	g_assert_null(resolve(w, "machine/t3"));
	g_assert_null(resolve(w, "nosuch"));
	assert_fails("Device '' not found", CXB_ERROR_NOT_FOUND,
		     cxb_qom_resolve(w->qom, "", NULL, &err));
}

static void two_matches_count_as_none(void)
{
	g_autoptr(World) w = world_new();
	CxbDevice *rp = add_device(w, "cxl-rp,id=rp0,bus=pcie.0", NULL);

	/* the bridge and its bus */
	assert_fails("Device 'rp0' not found", CXB_ERROR_NOT_FOUND,
		     cxb_qom_resolve(w->qom, "rp0", NULL, &err));
	g_assert_true(resolve(w, "/machine/peripheral/rp0") == &rp->obj);
	g_assert_true(resolve(w, "peripheral/rp0") == &rp->obj);
	g_assert_true(cxb_object_is(resolve(w, "rp0/rp0"), "bus"));
}

static void a_type_filters_matches(void)
{
	g_autoptr(World) w = world_new();
	CxbDevice *rp = add_device(w, "cxl-rp,id=rp0,bus=pcie.0", NULL);

	g_assert_true(cxb_qom_resolve(w->qom, "rp0", "device", NULL) == &rp->obj);
	g_assert_true(cxb_object_is(cxb_qom_resolve(w->qom, "rp0", "bus", NULL), "PCIE"));
	g_assert_null(cxb_qom_resolve(w->qom, "/machine/peripheral/rp0", "bus", NULL));
	g_assert_null(cxb_qom_resolve(w->qom, "rp0", "memory-backend", NULL));
}

static void every_object_resolves_by_its_own_path(void)
{
	g_autoptr(World) w = world_new();
	CxbDevice *rp = add_device(w, "cxl-rp,id=rp0,bus=pcie.0", NULL);
	g_autofree char *dev = cxb_object_path(&rp->obj);
	g_autofree char *bus = cxb_object_path(&((Endpoint *)rp)->bus->obj);
	g_autofree char *root = cxb_object_path(cxb_qom_root(w->qom));
	g_autoptr(CxbObject) loose = cxb_object_new(w->qom, cxb_qom_find_type(w->qom, "other"));
	g_autofree char *none = cxb_object_path(loose);

	g_assert_cmpstr(dev, ==, "/machine/peripheral/rp0");
	g_assert_cmpstr(bus, ==, "/machine/peripheral/rp0/rp0");
	g_assert_cmpstr(root, ==, "/");
	g_assert_cmpstr(none, ==, "");
	g_assert_true(resolve(w, bus) == &((Endpoint *)rp)->bus->obj);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(fn) g_test_add_func("/qom/path/" #fn, fn)
	T(absolute_paths_ignore_doubled_and_trailing_slashes);
	T(partial_paths_match_anywhere);
	T(two_matches_count_as_none);
	T(a_type_filters_matches);
	T(every_object_resolves_by_its_own_path);
	return g_test_run();
}
