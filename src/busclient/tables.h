/* SPDX-License-Identifier: Apache-2.0 */
/* ACPI tables laid out for a host driver to find: RSDP, XSDT and the tables that it names, in a row. */
#ifndef CXB_BUSCLIENT_TABLES_H
#define CXB_BUSCLIENT_TABLES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus/bus.h"

#define CXB_TABLE_HEADER 36 /* length at 4, checksum at 9 */
#define CXB_TABLES_MAX   4

typedef struct {
	uint64_t hpa;     /* of the first byte */
	GByteArray *blob; /* owned */
	unsigned count;
} CxbTables;

void cxb_tables_init(CxbTables *t, uint64_t hpa);
void cxb_tables_fini(CxbTables *t);
/** cxb_tables_add() - A whole table, its checksum as it is. False: there are CXB_TABLES_MAX. */
bool cxb_tables_add(CxbTables *t, const uint8_t *table, uint32_t len);
/** cxb_tables_seal() - All are there: RSDP and XSDT. Returns: where to look for the RSDP. */
CxbBusRange cxb_tables_seal(CxbTables *t);
/** cxb_tables_sum() - Of all bytes; 0 over what has a good checksum. */
uint8_t cxb_tables_sum(const uint8_t *p, size_t len);

#endif
