/* SPDX-License-Identifier: Apache-2.0 */
#include <glib.h>

#include "base/uuid.h"

/* The Command Effects Log's identifier, CXL 3.1 section 8.2.9.5.2 (Get Log). */
#define CEL_TEXT "0da9c0b5-bf41-4b78-8f79-96b1623b3f17"
static const CxbUuid cel = { { 0x0d, 0xa9, 0xc0, 0xb5, 0xbf, 0x41, 0x4b, 0x78, 0x8f, 0x79, 0x96,
			       0xb1, 0x62, 0x3b, 0x3f, 0x17 } };

static void bytes_stand_in_the_order_they_are_printed(void)
{
	char buf[CXB_UUID_STRLEN + 1];
	CxbUuid uuid;

	g_assert_true(cxb_uuid_parse(CEL_TEXT, &uuid));
	g_assert_cmpmem(uuid.b, 16, cel.b, 16);
	g_assert_true(cxb_uuid_format(&cel, buf) == buf);
	g_assert_cmpstr(buf, ==, CEL_TEXT);
}

static void either_case_is_read_and_lower_case_printed(void)
{
	char buf[CXB_UUID_STRLEN + 1];
	CxbUuid uuid;

	g_assert_true(cxb_uuid_parse("0DA9C0B5-bf41-4B78-8F79-96B1623b3f17", &uuid));
	g_assert_true(cxb_uuid_equal(&uuid, &cel));
	g_assert_cmpstr(cxb_uuid_format(&uuid, buf), ==, CEL_TEXT);
}

static void any_other_text_is_refused_and_nothing_written(void)
{
	static const char *const bad[] = {
		"",
		"0",
		"-",
		"0da9c0b5-bf41-4b78-8f79-96b1623b3f1",
		"0da9c0b5-bf41-4b78-8f79-96b1623b3f170",
		"0da9c0b5-bf41-4b78-8f79-96b1623b3f17 ",
		" 0da9c0b5-bf41-4b78-8f79-96b1623b3f17",
		"0da9c0b5-bf41-4b78-8f79-96b1623b3f17\n",
		"{0da9c0b5-bf41-4b78-8f79-96b1623b3f17}",
		"urn:uuid:0da9c0b5-bf41-4b78-8f79-96b1623b3f17",
		"0da9c0b5bf414b788f7996b1623b3f17",
		"0da9c0b5-bf41-4b788f79-96b1623b3f17",
		"0da9c0b5-bf41-4b788-f79-96b1623b3f17",
		"0da9c0b-5bf41-4b78-8f79-96b1623b3f17",
		"0da9c0b5_bf41_4b78_8f79_96b1623b3f17",
		"0da9c0b5-bf41-4b78-8f79-96b1623b3f1g",
		"0xa9c0b5-bf41-4b78-8f79-96b1623b3f17",
		"+da9c0b5-bf41-4b78-8f79-96b1623b3f17",
		"-da9c0b5-bf41-4b78-8f79-96b1623b3f17",
		"0da9c0b5-bf41-4b78-8f79--6b1623b3f17",
		"\357\274\221da9c0b5-bf41-4b78-8f79-96b1623b3f17",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		CxbUuid uuid = cel;

		g_test_message("'%s'", bad[i]);
		g_assert_false(cxb_uuid_parse(bad[i], &uuid));
		g_assert_true(cxb_uuid_equal(&uuid, &cel));
	}
}

static void only_all_zero_is_null(void)
{
	CxbUuid uuid;

	g_assert_true(cxb_uuid_parse("00000000-0000-0000-0000-000000000000", &uuid));
	g_assert_true(cxb_uuid_is_null(&uuid));
	for (unsigned bit = 0; bit < 128; bit++) {
		uuid = (CxbUuid){ { 0 } };
		uuid.b[bit / 8] = 1 << bit % 8;
		g_assert_false(cxb_uuid_is_null(&uuid));
	}
}

static void hash_tables_find_by_bytes(void)
{
	g_autoptr(GHashTable) table = g_hash_table_new(cxb_uuid_hash, cxb_uuid_hash_equal);
	CxbUuid key[16], again;

	for (unsigned i = 0; i < G_N_ELEMENTS(key); i++) {
		key[i] = cel;
		key[i].b[i] ^= 0x80;
		g_assert_true(g_hash_table_insert(table, &key[i], &key[i]));
	}
	g_assert_null(g_hash_table_lookup(table, &cel));
	for (unsigned i = 0; i < G_N_ELEMENTS(key); i++) {
		again = key[i];
		g_assert_true(g_hash_table_lookup(table, &again) == &key[i]);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/uuid/bytes-stand-in-the-order-they-are-printed",
			bytes_stand_in_the_order_they_are_printed);
	g_test_add_func("/uuid/either-case-is-read-and-lower-case-printed",
			either_case_is_read_and_lower_case_printed);
	g_test_add_func("/uuid/any-other-text-is-refused-and-nothing-written",
			any_other_text_is_refused_and_nothing_written);
	g_test_add_func("/uuid/only-all-zero-is-null", only_all_zero_is_null);
	g_test_add_func("/uuid/hash-tables-find-by-bytes", hash_tables_find_by_bytes);
	return g_test_run();
}
