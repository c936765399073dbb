/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts assert themselves when compiled; here the values that no assert can see. */
#include <glib.h>

#include "wire/acpi.h"
#include "wire/dc.h"
#include "wire/event.h"
#include "wire/mbox.h"
#include "wire/pci.h"
#include "wire/regs.h"

/* Texts: CXL 3.1 8.2.9.2.1 and 8.2.9.5.1. */
static void uuids_are_in_the_order_they_are_printed(void)
{
	static const struct {
		const CxbUuid *uuid;
		const char *text;
	} rows[] = {
		{ &wire_uuid_gmer, "fbcd0a77-c260-417f-85a9-088b1621eba6" },
		{ &wire_uuid_dram, "601dcbb3-9c06-4eab-b8af-4e9bfb5c9624" },
		{ &wire_uuid_module, "fe927475-dd59-4339-a586-79bab113b774" },
		{ &wire_uuid_sparing, "e71f3a40-2d29-4092-8a39-4d1c966c7c65" },
		{ &wire_uuid_dc, "ca95afa7-f183-4018-8c2f-95268e101a2a" },
		{ &wire_uuid_cel, "0da9c0b5-bf41-4b78-8f79-96b1623b3f17" },
		{ &wire_uuid_vendor_debug, "5e1819d9-11a9-400c-811f-d60719403d86" },
	};
	char buf[CXB_UUID_STRLEN + 1];

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		g_assert_cmpstr(cxb_uuid_format(rows[i].uuid, buf), ==, rows[i].text);
}

/* A host bridge's array header, 8.2.4.1: five entries, all versions 1. */
static void fields_of_the_capability_header_are_where_they_belong(void)
{
	uint32_t hdr = FIELD_PREP(WIRE_CAP_HDR_ID, 1) | FIELD_PREP(WIRE_CAP_HDR_VERSION, 1) |
		       FIELD_PREP(WIRE_CAP_HDR_CACHEMEM, 1) | FIELD_PREP(WIRE_CAP_HDR_COUNT, 5);

	g_assert_cmphex(hdr, ==, 0x05110001);
}

/* 8.2.8.4.5: a payload of 1 MiB needs all 21 bits of the length. */
static void a_length_of_one_mebibyte_fits_the_command_register(void)
{
	uint64_t cmd = FIELD_PREP(WIRE_MBOX_CMD_LEN, 1u << 20);

	g_assert_cmphex(cmd, ==, 0x1000000000ull);
	g_assert_cmphex(FIELD_GET(WIRE_MBOX_CMD_LEN, cmd), ==, 1u << 20);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/wire/layout/uuids", uuids_are_in_the_order_they_are_printed);
	g_test_add_func("/wire/layout/header",
			fields_of_the_capability_header_are_where_they_belong);
	g_test_add_func("/wire/layout/length", a_length_of_one_mebibyte_fits_the_command_register);
	return g_test_run();
}
