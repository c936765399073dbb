/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What firmware does on a q35 before an operating system looks for tables: ECAM on, ACPI tables in
 * RAM. QEMU hands its tables over through fw_cfg (selector 510h, data 511h); pointers and checksums
 * in them are for firmware to fill in. CEDT and MCFG hold no pointers.
 */
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/range.h"
#include "qtest_impl.h"
#include "tables.h"

#define PCIEXBAR        0x60 /* of 00:00.0 */
#define PCIEXBAR_ENABLE 1u
#define ECAM_BASE       0xb0000000u /* 256 MiB */

#define PORT_SELECT   0x510
#define PORT_DATA     0x511
#define KEY_SIGNATURE 0x00
#define KEY_DIRECTORY 0x19
#define DIR_ENTRY     64
#define MAX_FILES     1024
#define MAX_BLOB      (4u << 20)
#define BATCH         256 /* bytes asked for before the first is looked at */

#define HEADER       CXB_TABLE_HEADER
#define RSDP         36
#define RSDP_V1      20
#define FIRMWARE     0xe0000ull
#define FIRMWARE_LEN 0x20000
#define GIB          (1ull << 30)

/* --- fw_cfg --- */

static bool fw_select(QtestBus *qb, uint16_t key, GError **errp)
{
	return cxb_qtest_out(&qb->wire, PORT_SELECT, 2, key, errp);
}

static bool fw_read(QtestBus *qb, uint8_t *buf, size_t len, GError **errp)
{
	g_autoptr(GString) text = g_string_new(NULL);
	uint64_t val;

	while (len) {
		size_t n = MIN(len, BATCH);

		g_string_truncate(text, 0);
		for (size_t i = 0; i < n; i++)
			g_string_append_printf(text, "inb 0x%x\n", PORT_DATA);
		if (!cxb_qtest_send(&qb->wire, text->str, text->len, errp))
			return false;
		for (size_t i = 0; i < n; i++) {
			if (!cxb_qtest_reply_number(&qb->wire, 1, &val, errp))
				return false;
			*buf++ = val;
		}
		len -= n;
	}
	return true;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Select the file called @name. */
static bool fw_open(QtestBus *qb, const char *name, uint32_t *size, GError **errp)
{
	uint8_t entry[DIR_ENTRY], head[4];
	uint32_t count;

	if (!fw_select(qb, KEY_SIGNATURE, errp) || !fw_read(qb, head, sizeof(head), errp))
		return false;
	if (memcmp(head, "QEMU", 4) != 0)
		return cxb_fail(errp, CXB_ERROR_NOT_FOUND,
				"the machine has no ACPI tables: neither in RAM nor in fw_cfg");
	if (!fw_select(qb, KEY_DIRECTORY, errp) || !fw_read(qb, head, sizeof(head), errp))
		return false;
	count = be32(head);
	for (uint32_t i = 0; i < MIN(count, MAX_FILES); i++) {
		if (!fw_read(qb, entry, sizeof(entry), errp))
			return false;
		entry[DIR_ENTRY - 1] = '\0';
		if (strcmp((const char *)entry + 8, name) != 0)
			continue;
		*size = be32(entry);
		return fw_select(qb, entry[4] << 8 | entry[5], errp);
	}
	return cxb_fail(errp, CXB_ERROR_NOT_FOUND, "fw_cfg has no %s", name);
}

/* --- tables --- */

/* Tables follow each other; zeros end them. FACS has its length where others have it. */
static bool walk(QtestBus *qb, uint32_t size, CxbTables *t, GError **errp)
{
	uint32_t at = 0;

	while (cxb_range_in(at, 8, size)) {
		g_autofree uint8_t *table = NULL;
		uint8_t head[8];
		uint32_t len;

		if (!fw_read(qb, head, sizeof(head), errp))
			return false;
		len = le_load(head + 4, 4);
		if (head[0] == 0)
			return true;
		if (len < sizeof(head) || !cxb_range_in(at, len, size))
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"fw_cfg: table at 0x%x has length 0x%x", at, len);
		at += len;
		table = g_try_malloc(len);
		if (!table)
			return cxb_fail(errp, CXB_ERROR_SYSTEM, "no memory for a table");
		memcpy(table, head, sizeof(head));
		if (!fw_read(qb, table + sizeof(head), len - sizeof(head), errp))
			return false;
		if ((memcmp(table, "CEDT", 4) != 0 && memcmp(table, "MCFG", 4) != 0) ||
		    len < HEADER || t->count == CXB_TABLES_MAX)
			continue;
		if (len > CXB_QTEST_TABLES_SIZE - t->blob->len)
			return cxb_fail(errp, CXB_ERROR_NO_ROOM, "the ACPI tables are too long");
		table[9] = 0;
		table[9] = -cxb_tables_sum(table, len);
		cxb_tables_add(t, table, len);
	}
	return true;
}

static bool tables_place(QtestBus *qb, GError **errp)
{
	CxbTables t;
	uint32_t size;
	bool good;

	cxb_tables_init(&t, CXB_QTEST_TABLES);
	good = fw_open(qb, "etc/acpi/tables", &size, errp) &&
	       walk(qb, MIN(size, MAX_BLOB), &t, errp);
	if (good) {
		qb->platform.rsdp_area = cxb_tables_seal(&t);
		good = qb->bus.ops->mem_write(&qb->bus, t.hpa, t.blob->data, t.blob->len, errp);
	}
	cxb_tables_fini(&t);
	return good;
}

/* 0: no RSDP there. */
static bool xsdt_find(QtestBus *qb, CxbBusRange area, uint64_t *xsdt, GError **errp)
{
	g_autofree uint8_t *buf = g_try_malloc(area.size);

	*xsdt = 0;
	if (!buf)
		return cxb_fail(errp, CXB_ERROR_SYSTEM, "no memory to look for the RSDP in");
	if (!qb->bus.ops->mem_read(&qb->bus, area.base, buf, area.size, errp))
		return false;
	for (uint64_t at = 0; cxb_range_in(at, RSDP, area.size); at += 16) {
		const uint8_t *p = buf + at;

		if (memcmp(p, "RSD PTR ", 8) != 0 || cxb_tables_sum(p, RSDP_V1) || p[15] < 2 ||
		    le_load(p + 20, 4) != RSDP || cxb_tables_sum(p, RSDP))
			continue;
		*xsdt = le_load(p + 24, 8);
		return true;
	}
	return true;
}

/* --- where 64-bit BARs go --- */

static uint8_t *table_read(QtestBus *qb, uint64_t at, const char *name, uint32_t *len)
{
	g_autofree uint8_t *buf = NULL;
	uint8_t head[HEADER];

	if (!cxb_range_valid(at, HEADER) ||
	    !qb->bus.ops->mem_read(&qb->bus, at, head, sizeof(head), NULL))
		return NULL;
	*len = le_load(head + 4, 4);
	if (memcmp(head, name, 4) != 0 || *len < HEADER || *len > MAX_BLOB ||
	    !cxb_range_valid(at, *len))
		return NULL;
	buf = g_try_malloc(*len);
	if (!buf || !qb->bus.ops->mem_read(&qb->bus, at, buf, *len, NULL))
		return NULL;
	return g_steal_pointer(&buf);
}

/* Host bridges' registers (CXL 3.1 9.18.1.2) and windows (9.18.1.3): base and size. */
static uint64_t cedt_end(const uint8_t *cedt, uint32_t len)
{
	uint64_t end = 0;
	uint32_t at = HEADER;

	while (cxb_range_in(at, 4, len)) {
		uint32_t size = le_load(cedt + at + 2, 2);
		uint8_t type = cedt[at];
		uint32_t base_at = at + (type == 0 ? 0x10 : 8);

		if (size < 4 || !cxb_range_in(at, size, len))
			break;
		if ((type == 0 && size >= 0x20) || (type == 1 && size >= 0x24)) {
			uint64_t base = le_load(cedt + base_at, 8);
			uint64_t bytes = le_load(cedt + base_at + 8, 8);

			if (cxb_range_valid(base, bytes) && base + bytes)
				end = MAX(end, base + bytes);
		}
		at += size;
	}
	return end;
}

static void pci64_find(QtestBus *qb, uint64_t xsdt_at)
{
	uint32_t len, cedt_len;
	g_autofree uint8_t *xsdt = table_read(qb, xsdt_at, "XSDT", &len);
	uint64_t end = 0;

	for (uint32_t at = HEADER; xsdt && at + 8 <= MIN(len, 0x1000); at += 8) {
		g_autofree uint8_t *cedt = table_read(qb, le_load(xsdt + at, 8), "CEDT", &cedt_len);

		if (cedt)
			end = cedt_end(cedt, cedt_len);
	}
	if (end && end <= UINT64_MAX - 64 * GIB)
		qb->platform.pci64 = (CxbBusRange){ (end + GIB - 1) & ~(GIB - 1), 32 * GIB };
}

/* --- all of it --- */

static bool ecam_enable(QtestBus *qb, GError **errp)
{
	const CxbBusOps *o = qb->bus.ops;
	uint32_t id;

	if (!o->config_read(&qb->bus, 0, 0, 4, &id, errp))
		return false;
	if (id != 0x29c08086)
		return cxb_fail(errp, CXB_ERROR_NOT_FOUND,
				"00:00.0 is %08x: this machine is not a q35", id);
	return o->config_write(&qb->bus, 0, PCIEXBAR + 4, 4, 0, errp) &&
	       o->config_write(&qb->bus, 0, PCIEXBAR, 4, ECAM_BASE | PCIEXBAR_ENABLE, errp);
}

bool cxb_bus_qtest_firmware(CxbBus *bus, GError **errp)
{
	static const uint8_t zeros[4096];
	QtestBus *qb = (QtestBus *)bus;
	CxbBusPlatform *p = &qb->platform;
	uint64_t xsdt;

	if (!bus->ops->mem_write(bus, CXB_QTEST_IRQ_PAGE, zeros, sizeof(zeros), errp) ||
	    !ecam_enable(qb, errp))
		return false;
	if (!p->rsdp_area.size)
		p->rsdp_area = (CxbBusRange){ FIRMWARE, FIRMWARE_LEN };
	if (!xsdt_find(qb, p->rsdp_area, &xsdt, errp))
		return false;
	if (!xsdt) {
		if (!tables_place(qb, errp) || !xsdt_find(qb, p->rsdp_area, &xsdt, errp))
			return false;
		if (!xsdt)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"what is written at 0x%" PRIx64
					" does not stay: the machine has too little RAM",
					CXB_QTEST_TABLES);
	}
	if (!p->pci32.size)
		p->pci32 = (CxbBusRange){ 0xc0000000, 0xfec00000 - 0xc0000000 };
	if (!p->pci64.size)
		pci64_find(qb, xsdt);
	return true;
}
