/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSDP, XSDT, MCFG and CEDT (CXL 3.1 9.18.1), written into low RAM at every reset: what a
 * host driver needs to find configuration space, host bridges and windows. The UID of a host
 * bridge is its bus number, as in QEMU.
 */
#include "internal.h"

#include "cxl/hdm.h"
#include "wire/acpi.h"

#define TABLES_IN    0xf0000ull /* into low RAM: the upper half of where firmware's tables are */
#define TABLES_SIZE  (LAYOUT_FIRMWARE + LAYOUT_FIRMWARE_SIZE - TABLES_IN)
#define OEM_REVISION 1
#define MIB          (1ull << 20)
/* What QEMU 11.1 says a window may hold: everything but a fixed configuration. */
#define RESTRICTIONS                                                               \
	(WIRE_CFMWS_DEVICE_COHERENT | WIRE_CFMWS_HOST_ONLY | WIRE_CFMWS_VOLATILE | \
	 WIRE_CFMWS_PERSISTENT | WIRE_CFMWS_BI)

static void *append(GByteArray *blob, size_t size)
{
	const guint at = blob->len;

	g_byte_array_set_size(blob, at + size);
	memset(blob->data + at, 0, size);
	return blob->data + at;
}

static uint8_t checksum(const uint8_t *p, size_t len)
{
	uint8_t sum = 0;

	while (len--)
		sum += *p++;
	return -sum;
}

/* Zeros stand behind a short one, as in QEMU. */
static void put_text(char *to, size_t size, const char *text)
{
	memset(to, 0, size);
	memcpy(to, text, MIN(strlen(text), size));
}

static void finish(const CxbMachine *m, uint8_t *table, size_t len, const char *signature,
		   uint32_t oem_revision)
{
	struct wire_acpi_header *h = (struct wire_acpi_header *)table;

	memcpy(h->signature, signature, sizeof(h->signature));
	h->length = le32_put(len);
	h->revision = 1;
	put_text(h->oem_id, sizeof(h->oem_id), m->obj->oem_id);
	put_text(h->oem_table_id, sizeof(h->oem_table_id), m->obj->oem_table_id);
	h->oem_revision = le32_put(oem_revision);
	memcpy(h->creator_id, "CXLB", sizeof(h->creator_id));
	h->creator_revision = le32_put(1);
	h->checksum = 0;
	h->checksum = checksum(table, len);
}

static GByteArray *build_mcfg(const CxbMachine *m)
{
	GByteArray *t = g_byte_array_new();
	struct wire_mcfg_entry *e;

	append(t, sizeof(struct wire_mcfg));
	e = append(t, sizeof(*e));
	e->base = le64_put(m->layout.ecam);
	e->last_bus = m->layout.ecam_size / MIB - 1;
	finish(m, t->data, t->len, "MCFG", OEM_REVISION);
	return t;
}

static void add_chbs(GByteArray *t, CxbDevice *bridge)
{
	struct wire_cedt_chbs *c = append(t, sizeof(*c));
	uint64_t base = 0;

	cxb_region_hpa(cxb_pxb_cxl_regs(bridge), &base);
	c->hdr.type = WIRE_CEDT_CHBS;
	c->hdr.length = le16_put(sizeof(*c));
	c->uid = le32_put(cxb_pxb_cxl_bus_nr(bridge));
	c->version = le32_put(1);
	c->base = le64_put(base);
	c->length = le64_put(CXB_COMP_SIZE);
}

static void add_cfmws(GByteArray *t, const Window *w, uint64_t base)
{
	const size_t size = sizeof(struct wire_cedt_cfmws) + w->pub.ways * sizeof(le32);
	struct wire_cedt_cfmws *c = append(t, size);
	uint8_t ig = 0;

	c->hdr.type = WIRE_CEDT_CFMWS;
	c->hdr.length = le16_put(size);
	c->base = le64_put(base);
	c->size = le64_put(w->pub.size);
	cxb_hdm_encode_ways(w->pub.ways, &c->iw);
	c->arithmetic = WIRE_CFMWS_MODULO;
	cxb_hdm_encode_granularity(w->pub.granularity, &ig);
	c->ig = le32_put(ig);
	c->restrictions = le16_put(RESTRICTIONS);
	for (unsigned i = 0; i < w->pub.ways; i++)
		c->target[i] = le32_put(cxb_pxb_cxl_bus_nr(w->bridges[i]));
}

GByteArray *cxb_machine_cedt(CxbMachine *m, uint64_t first_window, uint32_t oem_revision)
{
	GByteArray *t = g_byte_array_new();

	append(t, sizeof(struct wire_acpi_header));
	for (unsigned i = 0; i < m->bridges->len; i++)
		add_chbs(t, m->bridges->pdata[i]);
	for (unsigned i = 0; i < m->n_windows; i++)
		add_cfmws(t, &m->windows[i],
			  first_window + (m->windows[i].pub.base - m->layout.first_window));
	finish(m, t->data, t->len, "CEDT", oem_revision);
	return t;
}

static uint64_t tables_at(const CxbMachine *m)
{
	return m->layout.low_ram_base + TABLES_IN;
}

/* Put @table behind what is there and its address into the XSDT. Takes the table. */
static void place(const CxbMachine *m, GByteArray *blob, GByteArray *xsdt, GByteArray *table)
{
	le64 *entry = append(xsdt, sizeof(*entry));

	*entry = le64_put(tables_at(m) + blob->len);
	g_byte_array_append(blob, table->data, table->len);
	append(blob, -blob->len & 15);
	g_byte_array_unref(table);
}

void cxb_acpi_write(CxbMachine *m)
{
	g_autoptr(GByteArray) blob = g_byte_array_new();
	g_autoptr(GByteArray) xsdt = g_byte_array_new();
	struct wire_rsdp *rsdp;

	append(blob, (sizeof(*rsdp) + 15) & ~15u);
	append(xsdt, sizeof(struct wire_acpi_header));
	place(m, blob, xsdt, build_mcfg(m));
	if (m->obj->cxl)
		place(m, blob, xsdt, cxb_machine_cedt(m, m->layout.first_window, OEM_REVISION));
	finish(m, xsdt->data, xsdt->len, "XSDT", OEM_REVISION);

	rsdp = (struct wire_rsdp *)blob->data;
	memcpy(rsdp->signature, WIRE_RSDP_SIGNATURE, sizeof(rsdp->signature));
	put_text(rsdp->oem_id, sizeof(rsdp->oem_id), m->obj->oem_id);
	rsdp->revision = 2;
	rsdp->length = le32_put(sizeof(*rsdp));
	rsdp->xsdt = le64_put(tables_at(m) + blob->len);
	rsdp->checksum = checksum(blob->data, WIRE_RSDP_V1_SIZE);
	rsdp->ext_checksum = checksum(blob->data, sizeof(*rsdp));
	g_byte_array_append(blob, xsdt->data, xsdt->len);

	/* 64 windows of 16 targets and 16 host bridges are well below this. */
	g_assert(blob->len <= TABLES_SIZE);
	cxb_memmap_write(m->mm, tables_at(m), blob->data, blob->len);
}
