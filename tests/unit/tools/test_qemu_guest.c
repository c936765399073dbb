/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest needs beside devices. Addresses are those of QEMU 11.1 (info mtree, and the CHBS of its
 * own table): registers of host bridges stand at the end of where memory can be plugged.
 */
#include <string.h>

#include "qemu_cedt.h"
#include "qemu_guest.h"
#include "qemu_line.h"
#include "qemu_words.h"

#define BRIDGES                                        \
	" -device pxb-cxl,id=b0,bus=pcie.0,bus_nr=12"  \
	" -device pxb-cxl,id=b1,bus=pcie.0,bus_nr=223" \
	" -device cxl-rp,id=rp0,bus=b0,slot=0 -device cxl-rp,id=rp1,bus=b1,slot=1"
#define ONE "-M q35,cxl=on,cxl-fmw.0.targets.0=b0,cxl-fmw.0.size=6G" BRIDGES

typedef struct {
	GPtrArray *options;
	QemuSplit *split;
	QemuGuest *guest;
	GError *err;
} Fixture;

static void settle_as(Fixture *f, const char *line, unsigned ports, bool exact)
{
	f->split = split_line(line, &f->options, &f->err);
	g_assert_no_error(f->err);
	f->guest = qemu_guest_new(f->split, "/d", ports, exact, &f->err);
}

static void settle(Fixture *f, const char *line, unsigned ports)
{
	settle_as(f, line, ports, false);
}

static void clear(Fixture *f, gconstpointer unused)
{
	qemu_guest_free(f->guest);
	qemu_split_free(f->split);
	if (f->options)
		g_ptr_array_unref(f->options);
	g_clear_error(&f->err);
	*f = (Fixture){ 0 };
}

static void the_table_is_where_qemu_has_things(Fixture *f, gconstpointer unused)
{
	static const struct {
		const char *line, *memory, *words;
	} rows[] = {
		/* 1G,maxmem=14G,slots=4 in QEMU: device memory is 100000000h-53FFFFFFFh */
		{ ONE " -m 1G,maxmem=8G,slots=4", "size=1G,slots=4,maxmem=14G",
		  "host bridge 223: registers at 0x540000000, 0x10000 bytes\n"
		  "host bridge 12: registers at 0x540010000, 0x10000 bytes\n"
		  "window 0x3c0000000-0x53fffffff (6G) to host bridge 12\n" },
		/* without maxmem just the windows */
		{ ONE " -m 1G", "size=1G,maxmem=7G",
		  "host bridge 223: registers at 0x280000000, 0x10000 bytes\n"
		  "host bridge 12: registers at 0x280010000, 0x10000 bytes\n"
		  "window 0x100000000-0x27fffffff (6G) to host bridge 12\n" },
		/* RAM above 4 GiB, of an odd size: windows keep their alignment */
		{ ONE " -m 2817M,slots=1,maxmem=2818M", "size=2817M,slots=1,maxmem=8962M",
		  "host bridge 223: registers at 0x300100000, 0x10000 bytes\n"
		  "host bridge 12: registers at 0x300110000, 0x10000 bytes\n"
		  "window 0x180000000-0x2ffffffff (6G) to host bridge 12\n" },
		{ ONE " -M cxl-fmw.1.targets.0=b1,cxl-fmw.1.targets.1=b0,cxl-fmw.1.size=1G,"
		      "cxl-fmw.1.interleave-granularity=4096 -m 512M",
		  "size=512M,maxmem=7680M",
		  "host bridge 223: registers at 0x2c0000000, 0x10000 bytes\n"
		  "host bridge 12: registers at 0x2c0010000, 0x10000 bytes\n"
		  "window 0x100000000-0x27fffffff (6G) to host bridge 12\n"
		  "window 0x280000000-0x2bfffffff (1G) to host bridges 223 12, 4096 bytes each in "
		  "turn\n" },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *words = NULL;

		g_test_message("%s", rows[i].line);
		settle(f, rows[i].line, 0);
		g_assert_no_error(f->err);
		g_assert_cmpstr(f->guest->memory, ==, rows[i].memory);
		words = qemu_cedt_words(f->guest->cedt);
		g_assert_cmpstr(words, ==, rows[i].words);
		clear(f, NULL);
	}
}

static void the_table_takes_the_place_of_qemus(Fixture *f, gconstpointer unused)
{
	uint8_t sum = 0;

	settle(f, ONE, 0);
	g_assert_no_error(f->err);
	/* 24h of header, 20h each host bridge, 24h + 4 a window of one way */
	g_assert_cmpuint(f->guest->cedt->len, ==, 0x24 + 2 * 0x20 + 0x28);
	g_assert_cmpmem(f->guest->cedt->data, 4, "CEDT", 4);
	g_assert_cmpmem(f->guest->cedt->data + 0x0a, 14, "BOCHS BXPC    ", 14);
	g_assert_cmpmem(f->guest->cedt->data + 0x18, 4, "\2\0\0\0", 4);
	for (guint i = 0; i < f->guest->cedt->len; i++)
		sum += f->guest->cedt->data[i];
	g_assert_cmpuint(sum, ==, 0);
	clear(f, NULL);

	settle(f, ONE " -M x-oem-id=MINE,x-oem-table-id=TABLE", 0);
	g_assert_no_error(f->err);
	g_assert_cmpmem(f->guest->cedt->data + 0x0a, 14, "MINE\0\0TABLE\0\0\0", 14);
}

static void without_windows_all_is_qemus(Fixture *f, gconstpointer unused)
{
	settle(f, "-M q35,cxl=on" BRIDGES " -m 1G,slots=2,maxmem=2G", 0);
	g_assert_no_error(f->err);
	g_assert_null(f->guest->cedt);
	g_assert_cmpstr(f->guest->memory, ==, "size=1G,slots=2,maxmem=2G");
}

/* The size of RAM may be said by the backend alone. */
static void ram_may_be_a_backend(Fixture *f, gconstpointer unused)
{
	settle(f, ONE " -object memory-backend-ram,id=r,size=2G -M memory-backend=r", 0);
	g_assert_no_error(f->err);
	g_assert_cmpstr(f->guest->memory, ==, "size=2G,maxmem=8G");
}

static void the_archive_is_one_that_linux_finds(Fixture *f, gconstpointer unused)
{
	static const char name[] = "kernel/firmware/acpi/CEDT.aml";
	g_autoptr(GByteArray) archive = NULL;
	g_autofree char *size = NULL;

	settle(f, ONE, 0);
	g_assert_no_error(f->err);
	archive = qemu_cedt_archive(f->guest->cedt);
	/* Documentation/driver-api/early-userspace/buffer-format.rst: 6 + 13 x 8 characters, the
	 * name, and both padded to 4 bytes. */
	g_assert_cmpuint(archive->len % 512, ==, 0);
	g_assert_cmpmem(archive->data, 6, "070701", 6);
	size = g_strdup_printf("%08x%08x", f->guest->cedt->len, 0);
	g_assert_cmpmem(archive->data + 6 + 6 * 8, 16, size, 16);
	g_assert_cmpmem(archive->data + 6 + 11 * 8, 8, "0000001e", 8);
	g_assert_cmpmem(archive->data + 110, sizeof(name), name, sizeof(name));
	g_assert_cmpmem(archive->data + 140, f->guest->cedt->len, f->guest->cedt->data,
			f->guest->cedt->len);
	g_assert_nonnull(memmem(archive->data, archive->len, "TRAILER!!!", 11));
}

static void hidden_ports_have_slots_of_their_own(Fixture *f, gconstpointer unused)
{
	g_autofree char *qemu = NULL, *cxlbox = NULL;

	settle(f,
	       ONE " -device cxl-rp,id=rp9,bus=b0,addr=1f.0,chassis=255,slot=9"
		   " -device cxl-type3,bus=rp0,id=t3,num-dc-regions=1"
		   " -device cxl-type3,bus=rp1,id=s,volatile-memdev=m",
	       12);
	g_assert_no_error(f->err);
	g_assert_cmpuint(f->guest->ports, ==, 12);
	qemu = qemu_words_shell(f->split->qemu);
	g_assert_nonnull(strstr(qemu, " -device pcie-root-port,id=cxlbox-ports0.0,bus=b0,addr=1e.1,"
				      "chassis=254,slot=0 "));
	g_assert_nonnull(strstr(qemu, "0.6,bus=b0,addr=1e.7,chassis=254,slot=6 "));
	g_assert_nonnull(strstr(qemu, "0.7,bus=b0,addr=1d.1,chassis=254,slot=7 "
				      "-qmp unix:/d/t3.qmp,server=on,wait=off "));
	g_assert_nonnull(strstr(qemu, "1.3,bus=b0,addr=1d.5,chassis=254,slot=11 "
				      "-qmp unix:/d/s.qmp,server=on,wait=off "));
	cxlbox = qemu_words_shell(f->split->cxlbox);
	g_assert_nonnull(strstr(cxlbox,
				" -object cxl-guest,id=guest.t3,qmp=unix:/d/t3.qmp,device=t3,"
				"ports=cxlbox-ports0. "));
	g_assert_true(g_str_has_suffix(cxlbox, " -object cxl-guest,id=guest.s,qmp=unix:/d/s.qmp,"
					       "device=s,ports=cxlbox-ports1."));
}

/* Written either way. */
static void ports_keep_away_from_what_is_there(Fixture *f, gconstpointer unused)
{
	g_autofree char *qemu = NULL;

	settle(f,
	       ONE " -device {\"driver\":\"cxl-rp\",\"id\":\"rp9\",\"bus\":\"b0\",\"addr\":248,"
		   "\"chassis\":255}"
		   " -device cxl-rp,id=rp8,bus=b0,addr=1e,chassis=254"
		   " -device cxl-type3,bus=rp0,id=t3,num-dc-regions=1",
	       1);
	g_assert_no_error(f->err);
	qemu = qemu_words_shell(f->split->qemu);
	g_assert_nonnull(strstr(qemu, "cxlbox-ports0.0,bus=b0,addr=1d.1,chassis=253,slot=0 "));
}

static void as_many_ports_as_there_can_be(Fixture *f, gconstpointer unused)
{
	settle(f, ONE " -device cxl-type3,bus=rp0,id=t3,num-dc-regions=1", QEMU_GUEST_MAX_PORTS);
	g_assert_no_error(f->err);
	g_assert_cmpuint(f->guest->ports, ==, QEMU_GUEST_MAX_PORTS);
	clear(f, NULL);

	settle(f,
	       ONE " -device cxl-type3,bus=rp0,id=t3,num-dc-regions=1"
		   " -device cxl-rp,id=rp9,bus=b0,addr=a.0,chassis=255,slot=9",
	       QEMU_GUEST_MAX_PORTS);
	g_assert_cmpstr(f->err->message, ==,
			"there is room for 182 hidden ports on b0, and no more (--ports)");
	clear(f, NULL);

	settle(f,
	       ONE " -device cxl-type3,bus=rp0,id=t3,num-dc-regions=1"
		   " -device cxl-type3,bus=rp1,id=s,volatile-memdev=m",
	       4);
	g_assert_cmpstr(f->err->message, ==,
			"--ports 4 is too few: 4 for each device without dynamic capacity, and at "
			"least one for each other");
}

static void static_memory_is_at_the_start_of_its_window(Fixture *f, gconstpointer unused)
{
	g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
	const QemuStatic *piece;
	g_autofree char *line = NULL;

	settle(f,
	       ONE " -m 1G -object memory-backend-ram,id=v,size=256M"
		   " -object memory-backend-ram,id=p,size=512M"
		   " -object memory-backend-ram,id=l,size=1M"
		   " -object memory-backend-ram,id=w,size=1G"
		   " -device cxl-rp,id=rp2,bus=b0,slot=2,chassis=1"
		   " -device cxl-type3,id=t0,bus=rp0,persistent-memdev=p,volatile-memdev=v,lsa=l"
		   " -device cxl-type3,id=t1,bus=rp1,volatile-memdev=x"
		   " -device cxl-type3,id=t3,bus=rp1,num-dc-regions=1"
		   " -device cxl-type3,id=t2,bus=rp2,volatile-memdev=w",
	       0);
	g_assert_no_error(f->err);
	g_assert_cmpuint(f->guest->statics->len, ==, 3);
	piece = &g_array_index(f->guest->statics, QemuStatic, 0);
	g_assert_cmpstr(piece[0].memdev, ==, "v");
	g_assert_cmphex(piece[0].hpa, ==, 0x100000000);
	g_assert_cmpstr(piece[1].memdev, ==, "p");
	g_assert_cmphex(piece[1].hpa, ==, 0x110000000);
	g_assert_cmpstr(piece[2].memdev, ==, "w");
	g_assert_cmphex(piece[2].hpa, ==, 0x130000000);
	/* below a host bridge that no window leads to */
	g_assert_cmpuint(f->guest->unseen->len, ==, 2);
	g_assert_cmpstr(f->guest->unseen->pdata[0], ==, "t1");
	g_assert_cmpstr(f->guest->unseen->pdata[1], ==, "t3");

	qemu_guest_map(words, &piece[1], "/proc/1/fd/3,4");
	line = qemu_words_shell(words);
	g_assert_cmpstr(line, ==,
			"-object memory-backend-file,id=cxlbox.p,share=on,mem-path=/proc/1/fd/3,,4,"
			"size=536870912 -device virtio-pmem-pci,id=cxlbox.p,memdev=cxlbox.p,"
			"memaddr=0x110000000,bus=pcie.0,addr=1e.2");
}

/* 6 GiB from 4 GiB on are 4 and 2; 1.25 GiB from 10 GiB on are 1 and 1/4. */
static void exact_windows_are_functions_that_no_guest_sees(Fixture *f, gconstpointer unused)
{
	g_autofree char *qemu = NULL, *cxlbox = NULL;

	settle_as(f,
		  ONE " -M cxl-fmw.1.targets.0=b1,cxl-fmw.1.size=1280M"
		      " -device cxl-type3,bus=rp0,id=t3,volatile-memdev=v"
		      " -object memory-backend-ram,id=v,size=256M -m 1G",
		  64, true);
	g_assert_no_error(f->err);
	g_assert_cmpuint(f->guest->ports + f->guest->statics->len + f->guest->places->len, ==, 0);
	cxlbox = qemu_words_shell(f->split->cxlbox);
	g_assert_null(strstr(cxlbox, " cxl-guest,"));
	g_assert_nonnull(strstr(
		cxlbox, " -device cxl-window,id=cxlbox-window0.0,base=0x100000000,size=6G"
			" -object x-vfio-user-server,id=vfio-user.cxlbox-window0.0,"
			"device=cxlbox-window0.0,path=/d/cxlbox-window0.0.vfio-user"
			" -device cxl-window,id=cxlbox-window1.0,base=0x280000000,size=1280M "));
	g_assert_true(g_str_has_suffix(cxlbox,
				       " -object cxl-guest-window,id=guest.cxlbox-windows,"
				       "qmp=unix:/d/cxlbox-windows.qmp,windows.0=cxlbox-window0.0,"
				       "windows.1=cxlbox-window1.0"));
	qemu = qemu_words_shell(f->split->qemu);
	g_assert_nonnull(strstr(
		qemu,
		"\"id\":\"cxlbox-window0.0\",\"bus\":\"pcie.0\",\"addr\":\"1e.1\","
		"\"socket\":{\"type\":\"unix\",\"path\":\"/d/cxlbox-window0.0.vfio-user\"}}' "));
	g_assert_nonnull(strstr(qemu, " -qmp unix:/d/cxlbox-windows.qmp,server=on,wait=off "));
	g_assert_nonnull(
		strstr(qemu, "\"id\":\"cxlbox-window1.0\",\"bus\":\"pcie.0\",\"addr\":\"1e.2\""));
	clear(f, NULL);

	/* From 4.75 GiB on: 1/4, 1, 2; 2, 1/2, 1/4. */
	settle_as(f, ONE " -m 1G,maxmem=1792M", 64, true);
	g_assert_no_error(f->err);
	g_free(cxlbox);
	cxlbox = qemu_words_shell(f->split->cxlbox);
	g_assert_nonnull(strstr(cxlbox, "window0.0,base=0x130000000,size=3328M "));
	g_assert_nonnull(strstr(cxlbox, "window0.1,base=0x200000000,size=2816M "));
}

static void what_does_not_fit_is_told(Fixture *f, gconstpointer unused)
{
	settle(f,
	       ONE
	       " -object memory-backend-ram,id=v,size=4G -object memory-backend-ram,id=w,size=3G"
	       " -device cxl-rp,id=rp2,bus=b0,slot=2,chassis=1"
	       " -device cxl-type3,id=t0,bus=rp0,volatile-memdev=v"
	       " -device cxl-type3,id=t2,bus=rp2,volatile-memdev=w",
	       0);
	g_assert_no_error(f->err);
	g_assert_cmpuint(f->guest->statics->len, ==, 1);
	g_assert_cmpstr(f->guest->unseen->pdata[0], ==, "t2");
}

static void bad_machines_are_refused(Fixture *f, gconstpointer unused)
{
	static const struct {
		const char *line, *error;
	} rows[] = {
		{ "-M q35,cxl=on,cxl-fmw.0.targets.0=b7,cxl-fmw.0.size=6G" BRIDGES,
		  "Could not resolve CXLFM target b7" },
		{ "-M q35,cxl=on,cxl-fmw.0.targets.0=b0,cxl-fmw.0.size=1M" BRIDGES, NULL },
		{ "-M q35,cxl=off,cxl-fmw.0.targets.0=b0,cxl-fmw.0.size=1G" BRIDGES, NULL },
		{ ONE " -m 1G,maxmem=512M", NULL },
		{ ONE " -m lots", NULL },
		{ ONE " -device pxb-cxl,id=b2,bus_nr=12", NULL },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_test_message("%s", rows[i].line);
		settle(f, rows[i].line, 0);
		g_assert_null(f->guest);
		g_assert_nonnull(f->err);
		if (rows[i].error)
			g_assert_cmpstr(f->err->message, ==, rows[i].error);
		clear(f, NULL);
	}
}

#define ADD(name) g_test_add("/qemu_guest/" #name, Fixture, NULL, NULL, name, clear)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD(the_table_is_where_qemu_has_things);
	ADD(the_table_takes_the_place_of_qemus);
	ADD(without_windows_all_is_qemus);
	ADD(ram_may_be_a_backend);
	ADD(the_archive_is_one_that_linux_finds);
	ADD(hidden_ports_have_slots_of_their_own);
	ADD(ports_keep_away_from_what_is_there);
	ADD(as_many_ports_as_there_can_be);
	ADD(static_memory_is_at_the_start_of_its_window);
	ADD(exact_windows_are_functions_that_no_guest_sees);
	ADD(what_does_not_fit_is_told);
	ADD(bad_machines_are_refused);
	return g_test_run();
}
