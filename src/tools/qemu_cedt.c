/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu_cedt.h"

#include <inttypes.h>
#include <string.h>

#include "cxl/hdm.h"
#include "qemu_words.h"
#include "wire/acpi.h"

#define TABLE_NAME "kernel/firmware/acpi/CEDT.aml"
#define FILE_MODE  0100644u
#define CPIO_ALIGN 4
#define SKIP_ALIGN 512 /* what follows an archive may be any; Linux skips zeros in between */

static void pad(GByteArray *a, guint align)
{
	static const uint8_t zeros[SKIP_ALIGN];

	g_byte_array_append(a, zeros, -a->len & (align - 1));
}

/* One entry of a "newc" archive (Linux, Documentation/driver-api/early-userspace/buffer-format). */
static void add_entry(GByteArray *a, const char *name, unsigned inode, unsigned mode,
		      const uint8_t *data, guint len)
{
	const unsigned fields[13] = { inode, mode, 0, 0, 1, 0, len, 0, 0, 0, 0, strlen(name) + 1 };
	GString *head = g_string_new("070701");

	for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++)
		g_string_append_printf(head, "%08x", fields[i]);
	g_byte_array_append(a, (const uint8_t *)head->str, head->len);
	g_string_free(head, TRUE);
	g_byte_array_append(a, (const uint8_t *)name, strlen(name) + 1);
	pad(a, CPIO_ALIGN);
	if (len)
		g_byte_array_append(a, data, len);
	pad(a, CPIO_ALIGN);
}

GByteArray *qemu_cedt_archive(const GByteArray *cedt)
{
	GByteArray *a = g_byte_array_new();

	add_entry(a, TABLE_NAME, 1, FILE_MODE, cedt->data, cedt->len);
	add_entry(a, "TRAILER!!!", 0, 0, NULL, 0);
	pad(a, SKIP_ALIGN);
	return a;
}

static void say_chbs(GString *text, const struct wire_cedt_chbs *c)
{
	g_string_append_printf(
		text, "host bridge %" PRIu32 ": registers at 0x%" PRIx64 ", 0x%" PRIx64 " bytes\n",
		le32_get(c->uid), le64_get(c->base), le64_get(c->length));
}

static void say_cfmws(GString *text, const struct wire_cedt_cfmws *c)
{
	const uint64_t base = le64_get(c->base), size = le64_get(c->size);
	const unsigned ways = cxb_hdm_ways(c->iw);
	g_autofree char *human = qemu_words_size(size);

	g_string_append_printf(text, "window 0x%" PRIx64 "-0x%" PRIx64 " (%s) to host bridge%s",
			       base, base + size - 1, human, ways > 1 ? "s" : "");
	for (unsigned i = 0; i < ways; i++)
		g_string_append_printf(text, " %" PRIu32, le32_get(c->target[i]));
	if (ways > 1)
		g_string_append_printf(text, ", %" PRIu32 " bytes each in turn",
				       cxb_hdm_granularity(le32_get(c->ig)));
	g_string_append_c(text, '\n');
}

char *qemu_cedt_words(const GByteArray *cedt)
{
	GString *text = g_string_new(NULL);
	const struct wire_cedt_header *h;

	for (guint at = sizeof(struct wire_acpi_header); at < cedt->len;
	     at += le16_get(h->length)) {
		h = (const struct wire_cedt_header *)(cedt->data + at);
		if (h->type == WIRE_CEDT_CHBS)
			say_chbs(text, (const struct wire_cedt_chbs *)h);
		else if (h->type == WIRE_CEDT_CFMWS)
			say_cfmws(text, (const struct wire_cedt_cfmws *)h);
	}
	return g_string_free(text, FALSE);
}
