/* SPDX-License-Identifier: Apache-2.0 */
/* Eight bytes a step: table n has what a byte does that n bytes follow. */
#include "base/crc32c.h"

#include <glib.h>

#include "base/bytes.h"

#define POLYNOMIAL 0x82f63b78u /* 1EDC6F41h with its bits the other way round */
#define STEP       8

static uint32_t tables[STEP][256];

static void make_tables(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		tables[0][i] = crc;
	}
	for (unsigned n = 1; n < STEP; n++)
		for (unsigned i = 0; i < 256; i++) {
			const uint32_t crc = tables[n - 1][i];

			tables[n][i] = crc >> 8 ^ tables[0][crc & 0xff];
		}
}

uint32_t cxb_crc32c(uint32_t crc, const void *buf, size_t len)
{
	static gsize once;
	const uint8_t *p = buf;

	if (g_once_init_enter(&once)) {
		make_tables();
		g_once_init_leave(&once, 1);
	}
	crc = ~crc;
	for (; len >= STEP; p += STEP, len -= STEP) {
		le64 word;
		uint64_t w;

		memcpy(&word, p, sizeof(word));
		w = le64_get(word) ^ crc;
		crc = 0;
		for (unsigned n = 0; n < STEP; n++)
			crc ^= tables[STEP - 1 - n][w >> (8 * n) & 0xff];
	}
	while (len--)
		crc = crc >> 8 ^ tables[0][(crc ^ *p++) & 0xff];
	return ~crc;
}
