/* SPDX-License-Identifier: Apache-2.0 */
/* Error texts are QEMU 11.1's, which scripts compare. */
#include "fixture.h"

#define BAD_ID                                   \
	"Parameter 'id' expects an identifier\n" \
	"Identifiers consist of letters, digits, '-', '.', '_', starting with a letter."

static void a_device_goes_where_its_bus_is(void)
{
	g_autoptr(World) w = world_new();
	CxbDevice *rp = add_device(w, "cxl-rp,id=rp0,bus=pcie.0", NULL);
	CxbDevice *t3 = add_device(w, "cxl-type3,bus=rp0,id=t3", NULL);

	g_assert_true(rp->realized && t3->realized);
	g_assert_true(rp->bus == w->root_bus);
	g_assert_true(t3->bus == ((Endpoint *)rp)->bus);
	g_assert_true(t3->bus->owner == rp);
	g_assert_cmpstr(t3->id, ==, "t3");
	g_assert_true(cxb_device_find(w->qom, "t3", NULL) == t3);
	g_assert_true(cxb_device_find(w->qom, "rp0", NULL) == rp);
	g_assert_true(cxb_device_find(w->qom, "/machine/peripheral/t3", NULL) == t3);
	assert_fails("Device 'd' not found", CXB_ERROR_NOT_FOUND,
		     cxb_device_find(w->qom, "d", &err));
	assert_fails("/machine is not a device", CXB_ERROR_INVALID,
		     cxb_device_find(w->qom, "/machine", &err));
}

static void devices_without_id_are_counted(void)
{
	g_autoptr(World) w = world_new();
	CxbDevice *a = add_device(w, "cxl-type3", NULL);
	CxbDevice *b = add_device(w, "cxl-type3,addr=1", NULL);
	g_autofree char *pa = cxb_object_path(&a->obj);
	g_autofree char *pb = cxb_object_path(&b->obj);

	g_assert_null(a->id);
	g_assert_cmpstr(pa, ==, "/machine/peripheral-anon/device[0]");
	g_assert_cmpstr(pb, ==, "/machine/peripheral-anon/device[1]");
}

static void buses_are_found_by_name_or_path(void)
{
	g_autoptr(World) w = world_new();
	CxbDevice *rp = add_device(w, "cxl-rp,id=rp0", NULL);

	g_assert_true(cxb_dev_bus_find(w->qom, "pcie.0", NULL) == w->root_bus);
	g_assert_true(cxb_dev_bus_find(w->qom, "/machine/q35/pcie.0", NULL) == w->root_bus);
	g_assert_true(cxb_dev_bus_find(w->qom, "rp0", NULL) == ((Endpoint *)rp)->bus);
	assert_fails("Bus 'nobus' not found", CXB_ERROR_INVALID,
		     cxb_dev_bus_find(w->qom, "nobus", &err));
	assert_fails("Bus '/machine/peripheral/rp0' not found", CXB_ERROR_INVALID,
		     cxb_dev_bus_find(w->qom, "/machine/peripheral/rp0", &err));
	cxb_device_remove(rp);
	assert_fails("Bus 'rp0' not found", CXB_ERROR_INVALID,
		     cxb_dev_bus_find(w->qom, "rp0", &err));
}

static void without_a_bus_the_first_that_accepts_is_taken(void)
{
	g_autoptr(World) w = world_new();
	CxbDevice *rp = add_device(w, "cxl-rp,id=rp0,bus=pcie.0,addr=1", NULL);
	CxbDevice *a = add_device(w, "cxl-type3", NULL);
	CxbDevice *b = add_device(w, "cxl-type3", NULL);

	g_assert_true(a->bus == w->root_bus);
	g_assert_true(b->bus == ((Endpoint *)rp)->bus); /* slot 0 of pcie.0 is taken */
	assert_fails("No 'PCI' bus found for device 'cxl-type3'", CXB_ERROR_INVALID,
		     add_device(w, "cxl-type3", &err));
}

static void wrong_requests_leave_nothing_behind(void)
{
	g_autoptr(World) w = world_new();
	unsigned before;

	add_device(w, "cxl-type3,id=a", NULL);
	assert_works(cxb_dev_bus_new(w->qom, cxb_qom_find_type(w->qom, "ISA"), "isa.0", NULL,
				     cxb_qom_container(w->qom, "/machine"), &err));
	cxb_qom_container(w->qom, "/machine/peripheral-anon");
	before = count_below(cxb_qom_root(w->qom));
	assert_fails("Parameter 'driver' is missing", CXB_ERROR_INVALID,
		     add_device(w, "id=b", &err));
	assert_fails("'nosuch' is not a valid device model name", CXB_ERROR_INVALID,
		     add_device(w, "nosuch", &err));
	assert_fails("'memory-backend-ram' is not a valid device model name", CXB_ERROR_INVALID,
		     add_device(w, "memory-backend-ram", &err));
	assert_fails("Parameter 'driver' expects a non-abstract device type", CXB_ERROR_INVALID,
		     add_device(w, "pci-device", &err));
	assert_fails("Parameter 'driver' expects a pluggable device type", CXB_ERROR_INVALID,
		     add_device(w, "built-in", &err));
	assert_fails("Bus 'nobus' not found", CXB_ERROR_INVALID,
		     add_device(w, "cxl-rp,bus=nobus", &err));
	assert_fails("No 'PCI' bus found for device 'cxl-rp'", CXB_ERROR_INVALID,
		     add_device(w, "cxl-rp,bus=isa.0", &err));
	assert_fails("No 'usb-bus' bus found for device 'usb-stick'", CXB_ERROR_INVALID,
		     add_device(w, "usb-stick", &err));
	assert_fails("Duplicate ID 'a' for device", CXB_ERROR_INVALID,
		     add_device(w, "cxl-type3,id=a,addr=1", &err));
	assert_fails(BAD_ID, CXB_ERROR_INVALID, add_device(w, "cxl-type3,id=1a,addr=1", &err));
	assert_fails("Property 'cxl-rp.foo' not found", CXB_ERROR_INVALID,
		     add_device(w, "cxl-rp,foo=1,addr=1", &err));
	assert_fails("Parameter 'membar' expects size", CXB_ERROR_INVALID,
		     add_device(w, "cxl-rp,id=b,membar=x", &err));
	assert_fails("PCI: slot 0 not available", CXB_ERROR_INVALID,
		     add_device(w, "cxl-rp,bus=pcie.0", &err));
	g_assert_cmpuint(count_below(cxb_qom_root(w->qom)), ==, before);
	g_assert_cmpuint(w->root_bus->devices->len, ==, 1);
}

static void a_failed_realize_leaves_nothing_behind(void)
{
	g_autoptr(World) w = world_new();
	CxbObject *m0 = add_object(w, "memory-backend-ram,id=m0,size=4096", NULL);
	unsigned before;

	cxb_qom_container(w->qom, "/machine/peripheral");
	before = count_below(cxb_qom_root(w->qom));
	assert_fails("at least one memdev property must be set", CXB_ERROR_INVALID,
		     add_device(w, "cxl-type3,id=t3,memdev=m0,fail=on", &err));
	assert_fails("Can't add chassis slot, error -16", CXB_ERROR_INVALID,
		     add_device(w, "cxl-rp,id=rp0,memdev=m0,fail=on", &err));
	g_assert_cmpuint(count_below(cxb_qom_root(w->qom)), ==, before);
	g_assert_cmpuint(w->root_bus->devices->len, ==, 0);
	g_assert_cmpuint(m0->refs, ==, 1);
	assert_fails("Bus 'rp0' not found", CXB_ERROR_INVALID,
		     cxb_dev_bus_find(w->qom, "rp0", &err));
	g_assert_null(g_strrstr(w->journal->str, "unrealize"));
	g_assert_nonnull(add_device(w, "cxl-rp,id=rp0", NULL));
}

static void removal_takes_what_is_below_first(void)
{
	g_autoptr(World) w = world_new();
	CxbDevice *rp = add_device(w, "cxl-rp,id=rp0", NULL);

	add_device(w, "cxl-type3,id=a,bus=rp0", NULL);
	add_device(w, "cxl-rp,id=rp1,bus=rp0,addr=1", NULL);
	add_device(w, "cxl-type3,id=b,bus=rp1", NULL);
	g_string_truncate(w->journal, 0);
	cxb_device_remove(rp);
	g_assert_cmpstr(w->journal->str, ==,
			"unrealize b;unrealize rp1;bus-gone rp1;unrealize a;unrealize rp0;"
			"bus-gone rp0;");
	g_assert_cmpuint(w->root_bus->devices->len, ==, 0);
	g_assert_cmpuint(count_below(cxb_qom_container(w->qom, "/machine/peripheral")), ==, 0);
}

static void a_bus_that_goes_takes_its_devices_along(void)
{
	g_autoptr(World) w = world_new();
	CxbDevice *t3 = add_device(w, "cxl-type3,id=t3", NULL);

	cxb_object_ref(&t3->obj);
	cxb_object_unparent(&w->root_bus->obj);
	g_assert_null(t3->bus);
	g_assert_false(t3->realized);
	g_assert_null(t3->obj.parent);
	cxb_object_unref(&t3->obj);
}

static void hotplug_is_refused_where_it_cannot_be(void)
{
	g_autoptr(World) w = world_new();
	CxbDevice *rp = add_device(w, "cxl-rp,id=rp0,bus=pcie.0", NULL);
	CxbDevice *cold = add_device(w, "cxl-type3,bus=pcie.0,addr=1", NULL);
	CxbDevice *t3 = plug_device(w, "cxl-type3,id=t3,bus=rp0", NULL);

	g_assert_true(t3->hotplugged && !rp->hotplugged);
	assert_fails("Device 'cxl-rp' does not support hotplugging", CXB_ERROR_INVALID,
		     plug_device(w, "cxl-rp,id=x,bus=pcie.0", &err));
	assert_fails("Bus 'pcie.0' does not support hotplugging", CXB_ERROR_INVALID,
		     plug_device(w, "cxl-type3,id=x,bus=pcie.0", &err));
	assert_fails("Duplicate device ID 't3'", CXB_ERROR_INVALID,
		     plug_device(w, "cxl-type3,id=t3,bus=rp0", &err));
	assert_fails("Bus 'nobus' not found", CXB_ERROR_INVALID,
		     plug_device(w, "cxl-type3,id=x,bus=nobus", &err));
	assert_fails("PCI: slot 0 not available", CXB_ERROR_INVALID,
		     plug_device(w, "cxl-type3,id=x,bus=rp0", &err));
	g_assert_true(plug_device(w, "cxl-type3,addr=2", NULL)->bus == ((Endpoint *)rp)->bus);
	/* pcie.0 alone has slot 2 left */
	assert_fails("Bus 'pcie.0' does not support hotplugging", CXB_ERROR_INVALID,
		     plug_device(w, "cxl-type3,addr=2", &err));
	assert_works(cxb_device_can_unplug(t3, &err));
	assert_fails("Device 'cxl-rp' does not support hotplugging", CXB_ERROR_INVALID,
		     cxb_device_can_unplug(rp, &err));
	assert_fails("Bus 'pcie.0' does not support hotplugging", CXB_ERROR_INVALID,
		     cxb_device_can_unplug(cold, &err));
}

static void a_machine_realizes_its_own_devices(void)
{
	g_autoptr(World) w = world_new();
	g_autoptr(CxbObject) a = cxb_object_new(w->qom, cxb_qom_find_type(w->qom, "built-in"));
	g_autoptr(CxbObject) b = cxb_object_new(w->qom, cxb_qom_find_type(w->qom, "built-in"));
	CxbObject *place = cxb_qom_container(w->qom, "/machine/unattached");

	assert_works(cxb_object_add(place, "device[0]", a, &err));
	assert_works(cxb_object_add(place, "device[1]", b, &err));
	assert_works(cxb_device_realize((CxbDevice *)a, w->root_bus, &err));
	assert_fails("PCI: slot 0 not available", CXB_ERROR_INVALID,
		     cxb_device_realize((CxbDevice *)b, w->root_bus, &err));
	assert_fails("Device 'built-in' needs a bus", CXB_ERROR_INVALID,
		     cxb_device_realize((CxbDevice *)b, NULL, &err));
	g_assert_null(((CxbDevice *)b)->bus);
	g_assert_nonnull(b->parent);
}

static void a_device_may_need_no_bus(void)
{
	g_autoptr(World) w = world_new();
	CxbDevice *dev = add_device(w, "busless,id=d", NULL);

	g_assert_true(dev->realized);
	g_assert_null(dev->bus);
	cxb_device_remove(dev);
	g_assert_false(add_device(w, "busless,id=d,bus=pcie.0", NULL));
}

static void reset_runs_from_the_top_down(void)
{
	g_autoptr(World) w = world_new();

	add_device(w, "cxl-rp,id=rp0", NULL);
	add_device(w, "cxl-type3,id=late,addr=2,bus=pcie.0", NULL);
	add_device(w, "cxl-type3,id=leaves,bus=rp0,sn=99", NULL);
	add_device(w, "cxl-type3,id=stays,bus=rp0,addr=1", NULL);
	g_string_truncate(w->journal, 0);
	cxb_dev_bus_reset(w->root_bus, CXB_RESET_COLD);
	g_assert_cmpstr(w->journal->str, ==,
			"reset rp0;reset leaves;unrealize leaves;reset stays;reset late;");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(fn) g_test_add_func("/qom/device/" #fn, fn)
	T(a_device_goes_where_its_bus_is);
	T(devices_without_id_are_counted);
	T(buses_are_found_by_name_or_path);
	T(without_a_bus_the_first_that_accepts_is_taken);
	T(wrong_requests_leave_nothing_behind);
	T(a_failed_realize_leaves_nothing_behind);
	T(removal_takes_what_is_below_first);
	T(a_bus_that_goes_takes_its_devices_along);
	T(hotplug_is_refused_where_it_cannot_be);
	T(a_machine_realizes_its_own_devices);
	T(a_device_may_need_no_bus);
	T(reset_runs_from_the_top_down);
	return g_test_run();
}
