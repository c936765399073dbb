/* SPDX-License-Identifier: Apache-2.0 */
/* ACPI 6.5 5.2.5.3 (RSDP), 5.2.8 (XSDT). */
#include "tables.h"

#include <string.h>

#include "base/bytes.h"

#define RSDP    36
#define RSDP_V1 20
#define XSDT_AT 0x40

uint8_t cxb_tables_sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s += *p++;
	return s;
}

void cxb_tables_init(CxbTables *t, uint64_t hpa)
{
	*t = (CxbTables){ .hpa = hpa, .blob = g_byte_array_new() };
	g_byte_array_set_size(t->blob, XSDT_AT + CXB_TABLE_HEADER + 8 * CXB_TABLES_MAX);
	memset(t->blob->data, 0, t->blob->len);
}

void cxb_tables_fini(CxbTables *t)
{
	if (t->blob)
		g_byte_array_unref(t->blob);
	t->blob = NULL;
}

bool cxb_tables_add(CxbTables *t, const uint8_t *table, uint32_t len)
{
	if (t->count == CXB_TABLES_MAX)
		return false;
	le_store(t->blob->data + XSDT_AT + CXB_TABLE_HEADER + 8 * t->count++, 8,
		 t->hpa + t->blob->len);
	g_byte_array_append(t->blob, table, len);
	return true;
}

static void header_fill(uint8_t *p, const char *signature, uint32_t len)
{
	memcpy(p, signature, 4);
	le_store(p + 4, 4, len);
	p[8] = 1;
	memcpy(p + 10, "CXLBOX", 6);
	memcpy(p + 16, "CXLBOX  ", 8);
	le_store(p + 24, 4, 1);
	memcpy(p + 28, "CXLB", 4);
	le_store(p + 32, 4, 1);
	p[9] = -cxb_tables_sum(p, len);
}

static void rsdp_fill(uint8_t *p, uint64_t xsdt)
{
	memcpy(p, "RSD PTR ", 8);
	memcpy(p + 9, "CXLBOX", 6);
	p[15] = 2;
	le_store(p + 20, 4, RSDP);
	le_store(p + 24, 8, xsdt);
	p[8] = -cxb_tables_sum(p, RSDP_V1);
	p[32] = -cxb_tables_sum(p, RSDP);
}

CxbBusRange cxb_tables_seal(CxbTables *t)
{
	header_fill(t->blob->data + XSDT_AT, "XSDT", CXB_TABLE_HEADER + 8 * t->count);
	rsdp_fill(t->blob->data, t->hpa + XSDT_AT);
	return (CxbBusRange){ t->hpa, 16 * ((RSDP + 15) / 16) };
}
