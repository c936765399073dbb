/* SPDX-License-Identifier: Apache-2.0 */
/* MSI-X (PCIe 6.0 7.7.2): table, masks, pending bits. */
#include "rig.h"

#define BASE 0xe0000000ull
#define PBA  (BASE + 0x800)

typedef struct {
	Rig rig;
	CxbPciDev *ep;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
	rig_init(&f->rig);
	f->ep = rig_must(&f->rig, "rig-endpoint,id=ep,bus=pcie.0,addr=1");
	rig_put(f->ep, 0x20, 4, BASE);
	rig_mem_on(f->ep);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	rig_fini(&f->rig);
}

static void control(Fixture *f, uint16_t val)
{
	rig_put(f->ep, 0x42, 2, val);
}

static void entry(Fixture *f, unsigned v, uint64_t addr, uint32_t data, uint32_t ctl)
{
	rig_write32(&f->rig, BASE + 16 * v, addr);
	rig_write32(&f->rig, BASE + 16 * v + 4, addr >> 32);
	rig_write32(&f->rig, BASE + 16 * v + 8, data);
	rig_write32(&f->rig, BASE + 16 * v + 12, ctl);
}

static void expect(Fixture *f, unsigned count, uint64_t addr, uint32_t data)
{
	const GArray *m = f->rig.messages;

	g_assert_cmpuint(m->len, ==, count);
	if (count) {
		g_assert_cmphex(g_array_index(m, RigMessage, count - 1).addr, ==, addr);
		g_assert_cmphex(g_array_index(m, RigMessage, count - 1).data, ==, data);
	}
}

static void capability_says_where_things_are(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(rig_get(f->ep, 0x34, 1), ==, 0x40);
	g_assert_cmphex(rig_get(f->ep, 0x40, 4), ==, 0x00078011);
	g_assert_cmphex(rig_get(f->ep, 0x44, 4), ==, 0x00000004);
	g_assert_cmphex(rig_get(f->ep, 0x48, 4), ==, 0x00000804);
	control(f, 0xffff);
	g_assert_cmphex(rig_get(f->ep, 0x42, 2), ==, 0xc007);
}

static void vectors_start_masked(Fixture *f, gconstpointer unused)
{
	for (unsigned v = 0; v < 8; v++) {
		g_assert_cmphex(rig_read32(&f->rig, BASE + 16 * v), ==, 0);
		g_assert_cmphex(rig_read32(&f->rig, BASE + 16 * v + 12), ==, 1);
	}
	control(f, 0x8000);
	cxb_pci_notify(f->ep, 3);
	expect(f, 0, 0, 0);
	g_assert_cmphex(rig_read32(&f->rig, PBA), ==, 1u << 3);
}

static void an_unmasked_vector_sends_its_message(Fixture *f, gconstpointer unused)
{
	control(f, 0x8000);
	entry(f, 2, 0x1fee00000, 0x4021, 0);
	cxb_pci_notify(f->ep, 2);
	expect(f, 1, 0x1fee00000, 0x4021);
	g_assert_cmphex(rig_read32(&f->rig, PBA), ==, 0);
}

static void nothing_is_sent_while_disabled(Fixture *f, gconstpointer unused)
{
	entry(f, 0, 0xfee00000, 1, 0);
	cxb_pci_notify(f->ep, 0);
	expect(f, 0, 0, 0);
	g_assert_cmphex(rig_read32(&f->rig, PBA), ==, 0);
}

static void nothing_is_sent_without_bus_mastering(Fixture *f, gconstpointer unused)
{
	entry(f, 0, 0xfee00000, 1, 0);
	control(f, 0x8000);
	rig_put(f->ep, PCI_COMMAND, 2, PCI_COMMAND_MEM);
	cxb_pci_notify(f->ep, 0);
	expect(f, 0, 0, 0);
	rig_mem_on(f->ep);
	expect(f, 0, 0, 0);
}

static void unmasking_delivers_what_waited(Fixture *f, gconstpointer unused)
{
	control(f, 0x8000);
	entry(f, 1, 0xfee01000, 0x31, 1);
	cxb_pci_notify(f->ep, 1);
	cxb_pci_notify(f->ep, 1);
	expect(f, 0, 0, 0);
	rig_write32(&f->rig, BASE + 16 + 12, 0);
	expect(f, 1, 0xfee01000, 0x31);
	g_assert_cmphex(rig_read32(&f->rig, PBA), ==, 0);
	rig_write32(&f->rig, BASE + 16 + 12, 1);
	rig_write32(&f->rig, BASE + 16 + 12, 0);
	expect(f, 1, 0xfee01000, 0x31);
}

static void the_function_mask_holds_all(Fixture *f, gconstpointer unused)
{
	entry(f, 0, 0xfee00000, 0x10, 0);
	entry(f, 7, 0xfee00000, 0x17, 0);
	control(f, 0xc000);
	cxb_pci_notify(f->ep, 0);
	cxb_pci_notify(f->ep, 7);
	expect(f, 0, 0, 0);
	g_assert_cmphex(rig_read32(&f->rig, PBA), ==, 0x81);
	control(f, 0x8000);
	expect(f, 2, 0xfee00000, 0x17);
	g_assert_cmphex(rig_read32(&f->rig, PBA), ==, 0);
}

static void pending_waits_for_bus_mastering_too(Fixture *f, gconstpointer unused)
{
	control(f, 0xc000);
	entry(f, 0, 0xfee00000, 0x10, 0);
	cxb_pci_notify(f->ep, 0);
	rig_put(f->ep, PCI_COMMAND, 2, PCI_COMMAND_MEM);
	control(f, 0x8000);
	expect(f, 0, 0, 0);
	rig_mem_on(f->ep);
	expect(f, 1, 0xfee00000, 0x10);
}

static void quadword_accesses_work(Fixture *f, gconstpointer unused)
{
	uint64_t v = GUINT64_TO_LE(0x123456789abcdef3ull);

	cxb_memmap_write(f->rig.mm, BASE + 16, &v, 8);
	/* Bits 1:0 of the address are always 0. */
	g_assert_cmphex(rig_read32(&f->rig, BASE + 16), ==, 0x9abcdef0);
	g_assert_cmphex(rig_read32(&f->rig, BASE + 20), ==, 0x12345678);
	v = GUINT64_TO_LE(0xfffffffe00000077ull);
	cxb_memmap_write(f->rig.mm, BASE + 24, &v, 8);
	g_assert_cmpint(cxb_memmap_read(f->rig.mm, BASE + 24, &v, 8), ==, CXB_MEM_OK);
	g_assert_cmphex(GUINT64_FROM_LE(v), ==, 0x77);
}

static void narrow_writes_are_ignored(Fixture *f, gconstpointer unused)
{
	const uint8_t b = 0;

	cxb_memmap_write(f->rig.mm, BASE + 12, &b, 1);
	g_assert_cmphex(rig_read32(&f->rig, BASE + 12), ==, 1);
}

static void pending_bits_and_gaps_are_read_only(Fixture *f, gconstpointer unused)
{
	rig_write32(&f->rig, PBA, 0xff);
	g_assert_cmphex(rig_read32(&f->rig, PBA), ==, 0);
	rig_write32(&f->rig, BASE + 0x80, 0xff);
	g_assert_cmphex(rig_read32(&f->rig, BASE + 0x80), ==, 0);
	g_assert_cmphex(rig_read32(&f->rig, BASE + 0x808), ==, 0);
	g_assert_cmphex(rig_read32(&f->rig, BASE + 0xffc), ==, 0);
}

static void a_vector_that_is_not_there_is_dropped(Fixture *f, gconstpointer unused)
{
	control(f, 0x8000);
	cxb_pci_notify(f->ep, 8);
	cxb_pci_notify(f->ep, 2048);
	cxb_pci_notify(f->ep, UINT_MAX);
	expect(f, 0, 0, 0);
}

static void a_message_into_its_own_table_ends(Fixture *f, gconstpointer unused)
{
	f->rig.memory_sink = true;
	control(f, 0x8000);
	/* Vector v unmasks vector v + 1, and so on; the last unmasks the first. */
	for (unsigned v = 0; v < 8; v++) {
		entry(f, v, BASE + 16 * ((v + 1) % 8) + 12, 0, 1);
		cxb_pci_notify(f->ep, v);
	}
	rig_write32(&f->rig, BASE + 12, 0);
	g_assert_cmpuint(f->rig.messages->len, >, 1);
	g_assert_cmpuint(f->rig.messages->len, <=, 8);
}

static void layouts_that_do_not_fit_are_refused(Fixture *f, gconstpointer unused)
{
	static const struct {
		unsigned vectors;
		uint32_t size, table, pba;
	} bad[] = {
		{ 0, 0x1000, 0, 0x800 },      { 2049, 0x10000, 0, 0x9000 },
		{ 8, 0x1000, 0xff8, 0x800 },  { 8, 0x1000, 0, 0x1000 },
		{ 8, 0x1000, 0, 0x78 },       { 8, 0x1001, 0, 0x800 },
		{ 8, 0x1000, 4, 0x800 },      { 8, 0x1000, 0, 0xfffffff8 },
		{ 8, 0x1000, 0xfffffff8, 0 },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		CxbPciDev dev = { 0 };
		g_autoptr(GError) err = NULL;

		g_assert_false(cxb_msix_init(&dev, bad[i].vectors, 0, bad[i].size, bad[i].table,
					     bad[i].pba, 0x40, &err));
		g_assert_nonnull(err);
	}
}

#define ADD(name) g_test_add("/pci/msix/" #name, Fixture, NULL, set_up, name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(capability_says_where_things_are);
	ADD(vectors_start_masked);
	ADD(an_unmasked_vector_sends_its_message);
	ADD(nothing_is_sent_while_disabled);
	ADD(nothing_is_sent_without_bus_mastering);
	ADD(unmasking_delivers_what_waited);
	ADD(the_function_mask_holds_all);
	ADD(pending_waits_for_bus_mastering_too);
	ADD(quadword_accesses_work);
	ADD(narrow_writes_are_ignored);
	ADD(pending_bits_and_gaps_are_read_only);
	ADD(a_vector_that_is_not_there_is_dropped);
	ADD(a_message_into_its_own_table_ends);
	ADD(layouts_that_do_not_fit_are_refused);
	return g_test_run();
}
