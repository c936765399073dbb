/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static void a_type_is_itself_and_all_its_ancestors(void)
{
	g_autoptr(World) w = world_new();
	const CxbType *t3 = cxb_qom_find_type(w->qom, "cxl-type3");

	g_assert_true(cxb_type_is(w->qom, t3, "cxl-type3"));
	g_assert_true(cxb_type_is(w->qom, t3, "pci-device"));
	g_assert_true(cxb_type_is(w->qom, t3, "device"));
	g_assert_true(cxb_type_is(w->qom, t3, "object"));
	g_assert_false(cxb_type_is(w->qom, t3, "cxl-rp"));
	g_assert_false(cxb_type_is(w->qom, t3, "nosuch"));
	g_assert_null(cxb_qom_find_type(w->qom, "nosuch"));
}

static void types_are_listed_in_order_and_once(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(GPtrArray) before = cxb_qom_types(w->qom);
	g_autoptr(GPtrArray) after = NULL;

	g_assert_cmpstr(((const CxbType *)before->pdata[0])->name, ==, "object");
	cxb_device_types_register(w->qom);
	after = cxb_qom_types(w->qom);
	g_assert_cmpuint(after->len, ==, before->len);
}

static void size_and_class_come_from_the_nearest_ancestor_that_has_them(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(CxbObject) ram =
		cxb_object_new(w->qom, cxb_qom_find_type(w->qom, "memory-backend-ram"));
	g_autoptr(CxbObject) other = cxb_object_new(w->qom, cxb_qom_find_type(w->qom, "other"));
	g_autoptr(CxbObject) rp = cxb_object_new(w->qom, cxb_qom_find_type(w->qom, "cxl-rp"));

	((Backend *)ram)->limit = UINT64_MAX; /* inside, or the sanitizer objects */
	g_assert_cmpint(*(const int *)cxb_object_klass(ram), ==, 7);
	g_assert_null(cxb_object_klass(other));
	g_assert_true(((const CxbDeviceClass *)cxb_object_klass(rp))->no_hotplug);
	g_assert_true(cxb_object_is(rp, "device"));
	g_assert_false(cxb_object_is(rp, "bus"));
}

static void services_are_found_by_key(void)
{
	g_autoptr(World) w = world_new();
	int x;

	g_assert_null(cxb_qom_get_service(w->qom, "pci-host"));
	cxb_qom_set_service(w->qom, "pci-host", &x);
	g_assert_true(cxb_qom_get_service(w->qom, "pci-host") == &x);
	cxb_qom_set_service(w->qom, "pci-host", NULL);
	g_assert_null(cxb_qom_get_service(w->qom, "pci-host"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(fn) g_test_add_func("/qom/type/" #fn, fn)
	T(a_type_is_itself_and_all_its_ancestors);
	T(types_are_listed_in_order_and_once);
	T(size_and_class_come_from_the_nearest_ancestor_that_has_them);
	T(services_are_found_by_key);
	return g_test_run();
}
