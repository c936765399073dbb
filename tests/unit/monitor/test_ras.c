/* SPDX-License-Identifier: Apache-2.0 */
/* Injection of RAS errors over QMP: arguments, names and refusals as QEMU 11.1 has them. */
#include "base/bytes.h"
#include "devices/cxl.h"
#include "fixture.h"
#include "wire/regs.h"

#define OK  "{'return': {}}"
#define RAS 0x1080
#define UNC(path, errors)                                                             \
	"{'execute': 'cxl-inject-uncorrectable-errors', 'arguments': {'path': '" path \
	"', 'errors': [" errors "]}}"
#define COR(path, type)                                                            \
	"{'execute': 'cxl-inject-correctable-error', 'arguments': {'path': '" path \
	"', 'type': '" type "'}}"
#define DEVICE "/machine/peripheral/cxl-vmem0"

static CxbPciDev *function(World *w, const char *id)
{
	CxbDevice *dev = cxb_device_find(cxb_machine_qom(w->machine), id, NULL);

	g_assert_nonnull(dev);
	return CXB_PCI_DEV(dev);
}

static uint32_t ras(World *w, uint32_t reg)
{
	CxbMemMap *mm = cxb_machine_memmap(w->machine);
	uint8_t b[4];

	cxb_memmap_read(mm, 0xe0000000 + RAS + reg, b, sizeof(b));
	return le_load(b, sizeof(b));
}

static void put_ras(World *w, uint32_t reg, uint32_t val)
{
	uint8_t b[4];

	le_store(b, sizeof(b), val);
	cxb_memmap_write(cxb_machine_memmap(w->machine), 0xe0000000 + RAS + reg, b, sizeof(b));
}

/* The device's component registers at e0000000h, its errors unmasked. */
static World *unmasked(void)
{
	World *w = world_ready();
	CxbPciDev *t3 = function(w, "cxl-vmem0"), *port = cxb_pci_dev_bus(t3)->bridge;

	cxb_pci_dev_config_write(port, 0x20, 4, 0xe000e000);
	cxb_pci_dev_config_write(port, 4, 2, 2);
	cxb_pci_dev_config_write(t3, 0x10, 4, 0xe0000000);
	cxb_pci_dev_config_write(t3, 4, 2, 2);
	g_assert_cmphex(ras(w, WIRE_RAS_UE_MASK), ==, WIRE_RAS_UE_BITS);
	put_ras(w, WIRE_RAS_UE_MASK, 0);
	put_ras(w, WIRE_RAS_CE_MASK, 0);
	return w;
}

static void every_name_is_its_bit(void)
{
	static const struct {
		const char *name;
		unsigned bit;
	} uncorrectable[] = {
		{ "cache-data-parity", 0 }, { "cache-address-parity", 1 },
		{ "cache-be-parity", 2 },   { "cache-data-ecc", 3 },
		{ "mem-data-parity", 4 },   { "mem-address-parity", 5 },
		{ "mem-be-parity", 6 },     { "mem-data-ecc", 7 },
		{ "reinit-threshold", 8 },  { "rsvd-encoding", 9 },
		{ "poison-received", 10 },  { "receiver-overflow", 11 },
		{ "internal", 14 },         { "cxl-ide-tx", 15 },
		{ "cxl-ide-rx", 16 },
	};
	static const char *const correctable[] = {
		"cache-data-ecc",        "mem-data-ecc",        "crc-threshold", "retry-threshold",
		"cache-poison-received", "mem-poison-received", "physical",
	};
	g_autoptr(World) w = unmasked();

	for (unsigned i = 0; i < G_N_ELEMENTS(uncorrectable); i++) {
		g_autofree char *text =
			g_strdup_printf(UNC("cxl-vmem0", "{'type': '%s', 'header': [%u]}"),
					uncorrectable[i].name, i);

		ask(w, text, OK);
		g_assert_cmphex(ras(w, WIRE_RAS_UE_STATUS), ==, 1u << uncorrectable[i].bit);
		g_assert_cmphex(ras(w, WIRE_RAS_CAP_CTRL), ==, 0x200 | uncorrectable[i].bit);
		g_assert_cmphex(ras(w, WIRE_RAS_HEADER_LOG), ==, i);
		put_ras(w, WIRE_RAS_UE_STATUS, 1u << uncorrectable[i].bit);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(correctable); i++) {
		g_autofree char *text = g_strdup_printf(COR(DEVICE, "%s"), correctable[i]);

		ask(w, text, OK);
		g_assert_cmphex(ras(w, WIRE_RAS_CE_STATUS), ==, 1u << i);
		put_ras(w, WIRE_RAS_CE_STATUS, 1u << i);
	}
}

static void errors_become_internal_errors_of_the_function(void)
{
	g_autoptr(World) w = unmasked();
	CxbPciDev *t3 = function(w, "cxl-vmem0");

	ask(w, COR(DEVICE, "physical"), OK);
	g_assert_cmphex(cxb_pci_dev_config_read(t3, t3->aer_cap + 0x10, 4), ==, 0x4000);
	g_assert_cmphex(cxb_pci_dev_config_read(t3, t3->aer_cap + 0x04, 4), ==, 0);
	ask(w, UNC(DEVICE, "{'type': 'internal', 'header': []}"), OK);
	g_assert_cmphex(cxb_pci_dev_config_read(t3, t3->aer_cap + 0x04, 4), ==, 0x400000);
}

static void a_header_of_any_length_up_to_32_is_taken(void)
{
	g_autoptr(World) w = unmasked();
	g_autoptr(GString) dwords = g_string_new("4294967295");

	for (unsigned i = 1; i < 32; i++)
		g_string_append_printf(dwords, ", %u", i);
	g_autofree char *full =
		g_strdup_printf(UNC(DEVICE, "{'type': 'internal', 'header': [%s]}"), dwords->str);
	g_autofree char *more =
		g_strdup_printf(UNC(DEVICE, "{'type': 'mem-data-ecc', 'header': [1]}, "
					    "{'type': 'internal', 'header': [%s, 32]}"),
				dwords->str);

	fails(w, more, "GenericError", "Header must be 32 DWORD or less: error 1 has 33");
	g_assert_cmphex(ras(w, WIRE_RAS_UE_STATUS), ==, 0);
	ask(w, full, OK);
	g_assert_cmphex(ras(w, WIRE_RAS_HEADER_LOG), ==, UINT32_MAX);
	/* The log has 16; behind it is another structure. */
	g_assert_cmphex(ras(w, WIRE_RAS_HEADER_LOG + 60), ==, 15);
	g_assert_cmphex(ras(w, WIRE_RAS_HEADER_LOG + 64), ==, 0);
}

static void refusals_say_what_qemu_says(void)
{
	static const struct {
		const char *in, *desc;
	} rows[] = {
		{ UNC("/nosuch", ""), "Unable to resolve path '/nosuch'" },
		{ COR("/nosuch", "physical"), "Unable to resolve path '/nosuch'" },
		{ UNC("root_port13", ""), "Unable to resolve path 'root_port13'" },
		{ UNC("/machine/peripheral/rp0", ""),
		  "Path does not point to a CXL type 3 device: '/machine/peripheral/rp0'" },
		{ COR("/machine/peripheral/rp0", "physical"),
		  "Path does not point to a CXL type 3 device: '/machine/peripheral/rp0'" },
		{ UNC(DEVICE, "{'type': 'nosuch', 'header': []}"),
		  "Parameter 'type' does not accept value 'nosuch'" },
		{ UNC(DEVICE, "{'type': 'internal'}"), "Parameter 'errors[0].header' is missing" },
		{ UNC(DEVICE, "{'header': []}"), "Parameter 'errors[0].type' is missing" },
		{ COR(DEVICE, "internal"), "Parameter 'type' does not accept value 'internal'" },
	};
	g_autoptr(World) w = unmasked();

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
		fails(w, rows[i].in, "GenericError", rows[i].desc);
	g_assert_cmphex(ras(w, WIRE_RAS_UE_STATUS), ==, 0);
	g_assert_cmphex(ras(w, WIRE_RAS_CE_STATUS), ==, 0);
}

static void no_more_wait_than_there_is_room_for(void)
{
	g_autoptr(World) w = unmasked();

	for (unsigned i = 0; i < CXB_RAS_ERRORS; i++)
		ask(w, UNC(DEVICE, "{'type': 'internal', 'header': [7]}"), OK);
	fails(w, UNC(DEVICE, "{'type': 'internal', 'header': [7]}"), "GenericError",
	      "more than 64 errors would wait in the RAS registers of '" DEVICE "'");
	ask(w, UNC(DEVICE, ""), OK);
}

#define ADD(fn) g_test_add_func("/monitor/ras/" #fn, fn)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(every_name_is_its_bit);
	ADD(errors_become_internal_errors_of_the_function);
	ADD(a_header_of_any_length_up_to_32_is_taken);
	ADD(refusals_say_what_qemu_says);
	ADD(no_more_wait_than_there_is_room_for);
	return g_test_run();
}
