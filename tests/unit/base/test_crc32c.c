/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C against the values of RFC 3720 B.4, and the usual one of nine digits. */
#include <glib.h>

#include "base/crc32c.h"

static void known_values(void)
{
	uint8_t buf[32];

	g_assert_cmphex(cxb_crc32c(0, "123456789", 9), ==, 0xe3069283);
	g_assert_cmphex(cxb_crc32c(0, "", 0), ==, 0);
	memset(buf, 0, sizeof(buf));
	g_assert_cmphex(cxb_crc32c(0, buf, sizeof(buf)), ==, 0x8a9136aa);
	memset(buf, 0xff, sizeof(buf));
	g_assert_cmphex(cxb_crc32c(0, buf, sizeof(buf)), ==, 0x62a8ab43);
	for (unsigned i = 0; i < sizeof(buf); i++)
		buf[i] = i;
	g_assert_cmphex(cxb_crc32c(0, buf, sizeof(buf)), ==, 0x46dd794e);
	for (unsigned i = 0; i < sizeof(buf); i++)
		buf[i] = 31 - i;
	g_assert_cmphex(cxb_crc32c(0, buf, sizeof(buf)), ==, 0x113fdb5c);
}

static void pieces_are_as_good_as_the_whole(void)
{
	uint8_t buf[67];
	uint32_t whole;

	for (unsigned i = 0; i < sizeof(buf); i++)
		buf[i] = 7 * i;
	whole = cxb_crc32c(0, buf, sizeof(buf));
	for (size_t cut = 0; cut <= sizeof(buf); cut++)
		g_assert_cmphex(cxb_crc32c(cxb_crc32c(0, buf, cut), buf + cut, sizeof(buf) - cut),
				==, whole);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/crc32c/known", known_values);
	g_test_add_func("/crc32c/pieces", pieces_are_as_good_as_the_whole);
	return g_test_run();
}
