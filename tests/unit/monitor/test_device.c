/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that come and go: QEMU's texts, slot registers by PCIe 6.0 7.5.3.10 and 7.5.3.11. */
#include "fixture.h"

#define OK                 "{'return': {}}"
#define ERROR(klass, desc) "{'error': {'class': '" klass "', 'desc': \"" desc "\"}}"
#define GENERIC(desc)      ERROR("GenericError", desc)
#define NO_DEVICE(desc)    ERROR("DeviceNotFound", desc)
#define ADD(args)          "{'execute': 'device_add', 'arguments': {" args "}}"
#define DEL(id)            "{'execute': 'device_del', 'arguments': {'id': '" id "'}}"
#define GONE(id)                                                            \
	"{'event': 'DEVICE_DELETED', 'data': {'device': '" id "', 'path': " \
	"'/machine/peripheral/" id "'}}"
#define TYPE3(id)                                                                        \
	ADD("'driver': 'cxl-type3', 'bus': 'rp0', 'id': '" id "', 'num-dc-regions': 1, " \
	    "'dc-regions-total-size': 268435456")

/* The root port's PCI Express capability is at 74h. */
#define SLOT_CTL (0x74 + 0x18)
#define SLOT_STA (0x74 + 0x1a)
#define SLOT_ON  0x01c0 /* power indicator on, power on */
#define SLOT_OFF 0x07c0
#define PRESENT  0x0040
#define CHANGED  0x0008
#define BUTTON   0x0001

static CxbPciDev *port(World *w)
{
	CxbObject *obj =
		cxb_qom_resolve(cxb_machine_qom(w->machine), "/machine/peripheral/rp0", NULL, NULL);

	g_assert_nonnull(obj);
	return CXB_PCI_DEV(obj);
}

static uint32_t status(World *w)
{
	return cxb_pci_dev_config_read(port(w), SLOT_STA, 2);
}

static void control(World *w, uint32_t val)
{
	cxb_pci_dev_config_write(port(w), SLOT_CTL, 2, val);
}

static void refusals_say_what_qemu_says(void)
{
	static const Exchange rows[] = {
		{ ADD(""), GENERIC("Parameter 'driver' is missing") },
		{ ADD("'driver': 1"),
		  GENERIC("Invalid parameter type for 'driver', expected: string") },
		{ ADD("'driver': 'nosuch'"), GENERIC("'nosuch' is not a valid device model name") },
		{ ADD("'driver': 'pci-device'"),
		  GENERIC("Parameter 'driver' expects a non-abstract device type") },
		{ TYPE3("cxl-vmem0"), GENERIC("Duplicate device ID 'cxl-vmem0'") },
		{ TYPE3("t"), GENERIC("PCI: slot 0 function 0 already occupied by cxl-type3, new "
				      "func cxl-type3 cannot be exposed to guest.") },
		{ ADD("'driver': 'cxl-type3', 'bus': 'nobus'"), GENERIC("Bus 'nobus' not found") },
		{ ADD("'driver': 'cxl-type3', 'bus': 'pcie.0'"),
		  GENERIC("Bus 'pcie.0' does not support hotplugging") },
		{ ADD("'driver': 'pxb-cxl', 'bus': 'pcie.0', 'bus_nr': 40"),
		  GENERIC("Device 'pxb-cxl' does not support hotplugging") },
		{ DEL("nosuch"), NO_DEVICE("Device 'nosuch' not found") },
		{ DEL("/machine/peripheral/rp0"),
		  GENERIC("Device 'cxl-rp' does not support hotplugging") },
		{ DEL("/machine"), GENERIC("/machine is not a device") },
		{ ADD("'driver': 'cxl-type3', 'bus': 'rp0', 'id': '1x'"),
		  GENERIC("Invalid qdev ID '1x'") },
		{ "{'execute': 'device_del', 'arguments': {}}",
		  GENERIC("Parameter 'id' is missing") },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
	g_assert_cmphex(status(w), ==, PRESENT);
}

static void bad_properties_leave_the_slot_empty(void)
{
	static const Exchange rows[] = {
		{ ADD("'driver': 'cxl-type3', 'bus': 'rp0', 'nosuch': 1"),
		  GENERIC("Property 'cxl-type3.nosuch' not found") },
		{ ADD("'driver': 'cxl-type3', 'bus': 'rp0', 'num-dc-regions': '1'"),
		  GENERIC("Parameter 'num-dc-regions' expects uint64") },
		{ ADD("'driver': 'cxl-type3', 'bus': 'rp0'"),
		  GENERIC("at least one memdev property must be set") },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	say(w->peer, DEL("cxl-vmem0"));
	expect(w->peer, GONE("cxl-vmem0"));
	expect(w->peer, OK);
	world_ask_all(w, rows);
	g_assert_cmphex(status(w) & PRESENT, ==, 0);
}

static void a_slot_that_is_off_is_emptied_at_once_and_filled_again(void)
{
	g_autoptr(World) w = world_ready();

	say(w->peer, DEL("cxl-vmem0"));
	expect(w->peer, GONE("cxl-vmem0"));
	expect(w->peer, OK);
	g_assert_cmphex(status(w), ==, CHANGED);
	fails(w, DEL("cxl-vmem0"), "DeviceNotFound", "Device 'cxl-vmem0' not found");

	cxb_pci_dev_config_write(port(w), SLOT_STA, 2, CHANGED);
	ask(w, TYPE3("t"), OK);
	g_assert_cmphex(status(w), ==, BUTTON | PRESENT | CHANGED);
	ask(w, "{'execute': 'qom-get', 'arguments': {'path': 't', 'property': 'num-dc-regions'}}",
	    "{'return': 1}");
	expect_nothing(w->peer);
}

static void a_device_without_id_goes_by_path(void)
{
	g_autoptr(World) w = world_ready();

	say(w->peer, DEL("cxl-vmem0"));
	expect(w->peer, GONE("cxl-vmem0"));
	expect(w->peer, OK);
	ask(w,
	    ADD("'driver': 'cxl-type3', 'bus': 'rp0', 'num-dc-regions': 1, "
		"'dc-regions-total-size': 268435456"),
	    OK);
	say(w->peer, DEL("/machine/peripheral-anon/device[0]"));
	expect(w->peer, "{'event': 'DEVICE_DELETED', 'data': {'path': "
			"'/machine/peripheral-anon/device[0]'}}");
	expect(w->peer, OK);
}

static void a_host_that_uses_the_slot_is_asked(void)
{
	g_autoptr(World) w = world_ready();

	control(w, SLOT_ON);
	ask(w, DEL("cxl-vmem0"), OK);
	g_assert_cmphex(status(w) & (BUTTON | PRESENT), ==, BUTTON | PRESENT);
	fails(w, DEL("cxl-vmem0"), "GenericError",
	      "Device cxl-vmem0 is already in the process of unplug");
	expect_nothing(w->peer);

	control(w, SLOT_OFF);
	expect(w->peer, GONE("cxl-vmem0"));
	g_assert_cmphex(status(w) & PRESENT, ==, 0);
	expect_nothing(w->peer);
}

static void a_host_that_does_not_answer_is_asked_again_after_five_seconds(void)
{
	const int64_t second = 1000000000;
	g_autoptr(World) w = world_ready();
	CxbClock *clock = cxb_machine_clock(w->machine);

	control(w, SLOT_ON);
	ask(w, DEL("cxl-vmem0"), OK);
	g_assert_true(cxb_clock_advance(clock, 5 * second - 1));
	fails(w, DEL("cxl-vmem0"), "GenericError",
	      "Device cxl-vmem0 is already in the process of unplug");
	g_assert_true(cxb_clock_advance(clock, 5 * second));
	cxb_pci_dev_config_write(port(w), SLOT_STA, 2, BUTTON);
	ask(w, DEL("cxl-vmem0"), OK);
	g_assert_cmphex(status(w) & BUTTON, ==, BUTTON);
	expect_nothing(w->peer);
}

static void a_reset_finishes_what_the_host_did_not(void)
{
	g_autoptr(World) w = world_ready();

	control(w, SLOT_ON);
	ask(w, DEL("cxl-vmem0"), OK);
	say(w->peer, "{'execute': 'system_reset'}");
	expect(w->peer, GONE("cxl-vmem0"));
	expect(w->peer, "{'event': 'RESET', 'data': {'guest': false, 'reason': "
			"'host-qmp-system-reset'}}");
	expect(w->peer, OK);
	g_assert_cmphex(status(w), ==, 0);
}

static void a_slot_switched_off_unasked_loses_its_device(void)
{
	g_autoptr(World) w = world_ready();

	control(w, SLOT_ON);
	expect_nothing(w->peer);
	control(w, SLOT_OFF);
	expect(w->peer, GONE("cxl-vmem0"));
}

static void a_machine_may_end_while_a_host_is_being_asked(void)
{
	g_autoptr(World) w = world_ready();

	control(w, SLOT_ON);
	ask(w, DEL("cxl-vmem0"), OK);
}

static void what_a_device_held_is_free_when_it_has_gone(void)
{
	static const char add[] = ADD("'driver': 'cxl-type3', 'bus': 'rp0', 'id': 't', "
				      "'volatile-memdev': 'm'");
	static const char del_object[] = "{'execute': 'object-del', 'arguments': {'id': 'm'}}";
	g_autoptr(World) w = world_ready();
	json_object *refused;

	say(w->peer, DEL("cxl-vmem0"));
	expect(w->peer, GONE("cxl-vmem0"));
	expect(w->peer, OK);
	ask(w,
	    "{'execute': 'object-add', 'arguments': {'qom-type': 'memory-backend-ram', "
	    "'id': 'm', 'size': 268435456}}",
	    OK);
	for (int i = 0; i < 2; i++) {
		ask(w, add, OK);
		say(w->peer, DEL("t"));
		expect(w->peer, GONE("t"));
		expect(w->peer, OK);
	}
	ask(w, add, OK);
	g_autofree char *line = NULL;

	say(w->peer, del_object);
	line = front_line(w->peer);
	refused = front_json(line);
	g_assert_true(json_object_object_get_ex(refused, "error", NULL));
	json_object_put(refused);
	say(w->peer, DEL("t"));
	expect(w->peer, GONE("t"));
	expect(w->peer, OK);
	ask(w, del_object, OK);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(fn) g_test_add_func("/monitor/device/" #fn, fn)
	TEST(refusals_say_what_qemu_says);
	TEST(bad_properties_leave_the_slot_empty);
	TEST(a_slot_that_is_off_is_emptied_at_once_and_filled_again);
	TEST(a_device_without_id_goes_by_path);
	TEST(a_host_that_uses_the_slot_is_asked);
	TEST(a_host_that_does_not_answer_is_asked_again_after_five_seconds);
	TEST(a_reset_finishes_what_the_host_did_not);
	TEST(a_slot_switched_off_unasked_loses_its_device);
	TEST(a_machine_may_end_while_a_host_is_being_asked);
	TEST(what_a_device_held_is_free_when_it_has_gone);
	return g_test_run();
}
