/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration accesses. Values from PCIe 6.0 7.5.1 (header layout, which bits are writable). */
#include "rig.h"

typedef struct {
	Rig rig;
	CxbPciDev *ep, *port, *legacy;
} Fixture;

static void set_up(Fixture *f, gconstpointer unused)
{
	rig_init(&f->rig);
	f->legacy = rig_must(&f->rig, "rig-legacy,id=l,addr=02");
	f->port = rig_must(&f->rig, "rig-port,id=rp,addr=03");
	f->ep = rig_must(&f->rig, "rig-endpoint,id=ep,bus=rp");
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	rig_fini(&f->rig);
}

static void header_shows_ids_class_and_type(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(rig_get(f->ep, 0x00, 4), ==, 0x00041b36);
	g_assert_cmphex(rig_get(f->ep, 0x08, 4), ==, 0x05021001);
	g_assert_cmphex(rig_get(f->ep, 0x0e, 1), ==, 0x00);
	g_assert_cmphex(rig_get(f->ep, 0x06, 2), ==, 0x0010);
	g_assert_cmphex(rig_get(f->ep, 0x2c, 4), ==, 0x11001af4);
	g_assert_cmphex(rig_get(f->legacy, 0x2c, 4), ==, 0x56781234);
	g_assert_cmphex(rig_get(f->port, 0x0e, 1), ==, 0x01);
	g_assert_cmphex(rig_get(f->legacy, 0x06, 2), ==, 0x0000);
	g_assert_cmphex(rig_get(f->legacy, 0x34, 1), ==, 0x00);
}

static void identification_cannot_be_written(Fixture *f, gconstpointer unused)
{
	for (unsigned off = 0; off < 0x10; off += 4) {
		const uint32_t was = rig_get(f->ep, off, 4);

		if (off == 4)
			continue;
		rig_put(f->ep, off, 4, ~was);
		/* Only the cache line size takes a value. */
		g_assert_cmphex(rig_get(f->ep, off, 4) & ~(off == 0xc ? 0xffu : 0), ==,
				was & ~(off == 0xc ? 0xffu : 0));
	}
}

static void command_takes_its_defined_bits_only(Fixture *f, gconstpointer unused)
{
	rig_put(f->ep, 0x04, 2, 0xffff);
	g_assert_cmphex(rig_get(f->ep, 0x04, 2), ==, 0x0547);
	rig_put(f->ep, 0x04, 2, 0);
	g_assert_cmphex(rig_get(f->ep, 0x04, 2), ==, 0);
}

static void every_width_reaches_the_same_bytes(Fixture *f, gconstpointer unused)
{
	rig_put(f->ep, 0x3c, 1, 0x5a);
	g_assert_cmphex(rig_get(f->ep, 0x3c, 2) & 0xff, ==, 0x5a);
	g_assert_cmphex(rig_get(f->ep, 0x3c, 4) & 0xff, ==, 0x5a);
	rig_put(f->ep, 0x3c, 4, 0xffffffa5);
	g_assert_cmphex(rig_get(f->ep, 0x3c, 1), ==, 0xa5);
	g_assert_cmphex(rig_get(f->ep, 0x3d, 1), ==, 0x00);
}

static void a_crossing_access_is_split_into_bytes(Fixture *f, gconstpointer unused)
{
	RigDev *d = (RigDev *)f->ep;
	unsigned before = d->config_writes;

	g_assert_cmphex(rig_get(f->ep, 0x01, 4), ==, 0x0000041b);
	rig_put(f->ep, 0x3b, 4, 0x00007700);
	g_assert_cmpuint(d->config_writes - before, ==, 4);
	g_assert_cmpuint(d->config_size, ==, 1);
	g_assert_cmphex(rig_get(f->ep, 0x3c, 1), ==, 0x77);
}

static void the_class_hears_of_accesses(Fixture *f, gconstpointer unused)
{
	RigDev *d = (RigDev *)f->ep;
	const unsigned w = d->config_writes, r = d->config_reads;

	rig_put(f->ep, 0x3c, 2, 1);
	rig_get(f->ep, 0x3c, 2);
	g_assert_cmpuint(d->config_writes, ==, w + 1);
	g_assert_cmpuint(d->config_off, ==, 0x3c);
	g_assert_cmpuint(d->config_size, ==, 2);
	g_assert_cmpuint(d->config_reads, ==, r + 1);
}

static void ones_clear_and_zeros_keep(Fixture *f, gconstpointer unused)
{
	/* As if the function had seen a master abort and a system error. */
	f->ep->config[0x07] |= 0x60;
	rig_put(f->ep, 0x06, 2, 0x0000);
	g_assert_cmphex(rig_get(f->ep, 0x06, 2), ==, 0x6010);
	rig_put(f->ep, 0x06, 2, 0x2000);
	g_assert_cmphex(rig_get(f->ep, 0x06, 2), ==, 0x4010);
	rig_put(f->ep, 0x04, 4, 0xffff0002);
	g_assert_cmphex(rig_get(f->ep, 0x04, 4), ==, 0x00100002);
}

static void what_is_not_there_reads_all_ones(Fixture *f, gconstpointer unused)
{
	g_assert_cmphex(rig_get(f->legacy, 0x100, 4), ==, 0xffffffff);
	g_assert_cmphex(rig_get(f->legacy, 0xfff, 1), ==, 0xff);
	rig_put(f->legacy, 0x100, 4, 0);
	/* Half inside of a conventional function. */
	g_assert_cmphex(rig_get(f->legacy, 0xfe, 4), ==, 0xffff0000);
	g_assert_cmphex(rig_get(f->ep, 0x1000, 4), ==, 0xffffffff);
	g_assert_cmphex(rig_get(f->ep, 0xffff, 4) & 0xff, ==, 0xff);
	rig_put(f->ep, 0xffff, 4, 0);
	/* No such width. */
	g_assert_cmphex(rig_get(f->ep, 0, 3), ==, 0xffffffff);
	rig_put(f->ep, 0x3c, 8, 0x99);
	g_assert_cmphex(rig_get(f->ep, 0x3c, 1), ==, 0);
}

#define ADD(name) g_test_add("/pci/config/" #name, Fixture, NULL, set_up, name, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(header_shows_ids_class_and_type);
	ADD(identification_cannot_be_written);
	ADD(command_takes_its_defined_bits_only);
	ADD(every_width_reaches_the_same_bytes);
	ADD(a_crossing_access_is_split_into_bytes);
	ADD(the_class_hears_of_accesses);
	ADD(ones_clear_and_zeros_keep);
	ADD(what_is_not_there_reads_all_ones);
	return g_test_run();
}
