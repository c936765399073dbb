/* SPDX-License-Identifier: Apache-2.0 */
/* The sysfs bus on a folder of ordinary files: what Linux shows is read as it is, and what is wrong is
 * refused. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "busclient/sysfs.h"

#define BDF     CXB_BDF(13, 0, 0)
#define DEVICE  "sys/bus/pci/devices/0000:0d:00.0/"
#define BAR0    UINT64_C(0xfe400000)
#define LEN0    0x10000
#define RAM     0x40000
#define REGIONS 6

typedef struct {
	char *root;
	CxbWorkq *workq;
	CxbBus *bus;
	unsigned ran;
} Fixture;

static char *path_of(Fixture *f, const char *name)
{
	return g_build_filename(f->root, name, NULL);
}

static void put(Fixture *f, const char *name, const void *data, size_t len, off_t size)
{
	g_autofree char *path = path_of(f, name), *dir = g_path_get_dirname(path);
	int fd;

	g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(ftruncate(fd, size), ==, 0);
	g_assert_cmpint(pwrite(fd, data, len, 0), ==, len);
	close(fd);
}

static void put_resource(Fixture *f, const char *bar0)
{
	g_autoptr(GString) text = g_string_new(bar0);

	g_string_append(text, "\n0x000000000000c000 0x000000000000c0ff 0x0000000000040101\n");
	for (unsigned i = 2; i < REGIONS; i++)
		g_string_append(text, "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
	put(f, DEVICE "resource", text->str, text->len, text->len);
}

static void set_up(Fixture *f, gconstpointer unused)
{
	static const uint8_t config[0x100] = { 0x86, 0x80, 0x93, 0x0d, 0, 0, 0, 0, 0, 0x10, 2, 5 };
	static const uint8_t bar[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

	f->root = g_dir_make_tmp("cxlbox-XXXXXX", NULL);
	g_assert_nonnull(f->root);
	f->workq = cxb_workq_new(NULL);
	put(f, DEVICE "config", config, sizeof(config), 0x100);
	put(f, DEVICE "resource0", bar, sizeof(bar), LEN0);
	put_resource(f, "0x00000000fe400000 0x00000000fe40ffff 0x0000000000140204");
	put(f, "sys/firmware/acpi/tables/CEDT", "CEDT and more", 13, 13);
	put(f, "dev/mem", "memory", 6, RAM);
}

static bool opened(Fixture *f, GError **errp)
{
	f->bus = cxb_bus_sysfs_new(f->root, f->workq, errp);
	return f->bus;
}

static void set_up_open(Fixture *f, gconstpointer unused)
{
	set_up(f, NULL);
	g_assert_true(opened(f, NULL));
}

static void remove_all(const char *path)
{
	GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *child = g_build_filename(path, name, NULL);

		remove_all(child);
	}
	g_clear_pointer(&dir, g_dir_close);
	g_remove(path);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_bus_sysfs_free(f->bus);
	cxb_workq_free(f->workq);
	remove_all(f->root);
	g_free(f->root);
}

static uint32_t config(Fixture *f, uint16_t bdf, uint16_t off, unsigned size)
{
	uint32_t val;

	g_assert_true(f->bus->ops->config_read(f->bus, bdf, off, size, &val, NULL));
	return val;
}

static void configuration_space_is_the_file(Fixture *f, gconstpointer unused)
{
	uint32_t val;

	g_assert_cmphex(config(f, BDF, 0, 4), ==, 0x0d938086);
	g_assert_cmphex(config(f, BDF, 2, 2), ==, 0x0d93);
	g_assert_true(f->bus->ops->config_write(f->bus, BDF, 4, 2, 0x10006, NULL));
	g_assert_cmphex(config(f, BDF, 4, 4), ==, 6);
	/* Behind its end, and where there is none. */
	g_assert_cmphex(config(f, BDF, 0x100, 4), ==, UINT32_MAX);
	g_assert_cmphex(config(f, CXB_BDF(13, 1, 0), 0, 2), ==, 0xffff);
	g_assert_true(f->bus->ops->config_write(f->bus, CXB_BDF(13, 1, 0), 4, 2, 6, NULL));
	g_assert_false(f->bus->ops->config_read(f->bus, BDF, 1, 2, &val, NULL));
	g_assert_false(f->bus->ops->config_read(f->bus, BDF, 0x1000, 4, &val, NULL));
	g_assert_false(f->bus->ops->config_write(f->bus, BDF, 2, 4, 0, NULL));
}

static void bars_lie_where_linux_says(Fixture *f, gconstpointer unused)
{
	CxbBusRange range;

	g_assert_true(f->bus->ops->bar(f->bus, BDF, 0, &range, NULL));
	g_assert_cmphex(range.base, ==, BAR0);
	g_assert_cmphex(range.size, ==, LEN0);
	/* I/O, none, no such BAR, no such function. */
	for (unsigned n = 1; n < 8; n++) {
		g_assert_true(f->bus->ops->bar(f->bus, BDF, n, &range, NULL));
		g_assert_cmphex(range.size, ==, 0);
	}
	g_assert_true(f->bus->ops->bar(f->bus, 0, 0, &range, NULL));
	g_assert_cmphex(range.size, ==, 0);
}

static void registers_are_the_bar(Fixture *f, gconstpointer unused)
{
	const uint8_t all[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	uint8_t buf[9];

	for (unsigned len = 1; len <= 8; len *= 2) {
		g_assert_true(f->bus->ops->mem_read(f->bus, BAR0, buf, len, NULL));
		g_assert_cmpmem(buf, len, all, len);
	}
	g_assert_true(f->bus->ops->mem_read(f->bus, BAR0, buf, 9, NULL));
	g_assert_cmpmem(buf, 9, all, 9);
	g_assert_true(f->bus->ops->mem_write(f->bus, BAR0 + LEN0 - 9, all, 9, NULL));
	g_assert_true(f->bus->ops->mem_read(f->bus, BAR0 + LEN0 - 8, buf, 8, NULL));
	g_assert_cmpmem(buf, 8, all + 1, 8);
	/* Half in the BAR: not one place. */
	g_assert_false(f->bus->ops->mem_read(f->bus, BAR0 + LEN0 - 4, buf, 8, NULL));
	g_assert_cmphex(le_load(buf, 8), ==, UINT64_MAX);
}

static void all_else_is_memory(Fixture *f, gconstpointer unused)
{
	g_autofree uint8_t *page = g_malloc(RAM);
	g_autoptr(GError) err = NULL;
	CxbBusMap map;
	char buf[6];

	g_assert_true(f->bus->ops->mem_read(f->bus, 0, buf, 6, NULL));
	g_assert_cmpmem(buf, 6, "memory", 6);
	memset(page, 0x5a, RAM);
	g_assert_true(f->bus->ops->mem_write(f->bus, 0, page, RAM, NULL));
	g_assert_true(f->bus->ops->mem_read(f->bus, RAM - 6, buf, 6, NULL));
	g_assert_cmpmem(buf, 6, page, 6);
	g_assert_false(f->bus->ops->mem_write(f->bus, RAM, page, 1, &err));
	g_assert_nonnull(strstr(err->message, "cannot map 0x40000 of "));
	g_assert_true(f->bus->ops->map(f->bus, 0x1000, 0x1000, &map, NULL));
	g_assert_cmphex(*(uint8_t *)map.ptr, ==, 0x5a);
	f->bus->ops->unmap(f->bus, 0x1000, 0x1000, &map);
	g_assert_null(map.ptr);
	g_assert_false(f->bus->ops->map(f->bus, 0x1001, 0x1000, &map, NULL));
	g_assert_false(f->bus->ops->map(f->bus, RAM, 0x1000, &map, NULL));
	g_assert_false(f->bus->ops->mem_read(f->bus, UINT64_MAX, buf, 6, NULL));
	g_assert_false(f->bus->ops->mem_write(f->bus, CXB_SYSFS_TABLES, buf, 6, NULL));
}

static void tables_are_found_behind_an_rsdp(Fixture *f, gconstpointer unused)
{
	CxbBusRange area = f->bus->ops->platform(f->bus)->rsdp_area;
	uint8_t buf[36];
	uint64_t xsdt;
	char table[13];

	g_assert_true(f->bus->ops->mem_read(f->bus, area.base, buf, sizeof(buf), NULL));
	g_assert_cmpmem(buf, 8, "RSD PTR ", 8);
	xsdt = le_load(buf + 24, 8);
	g_assert_true(f->bus->ops->mem_read(f->bus, xsdt, buf, sizeof(buf), NULL));
	g_assert_cmpuint(le_load(buf + 4, 4), ==, 36 + 8); /* there is no MCFG */
	g_assert_true(f->bus->ops->mem_read(f->bus, xsdt + 36, buf, 8, NULL));
	g_assert_true(f->bus->ops->mem_read(f->bus, le_load(buf, 8), table, 13, NULL));
	g_assert_cmpmem(table, 13, "CEDT and more", 13);
}

static void count(void *opaque)
{
	((Fixture *)opaque)->ran++;
}

static void handlers_run_at_every_poll(Fixture *f, gconstpointer unused)
{
	CxbBusIrq irq;
	bool any;

	g_assert_true(f->bus->ops->irq_alloc(f->bus, count, f, &irq, NULL));
	g_assert_cmphex(irq.addr, ==, 0);
	for (unsigned i = 0; i < 3; i++) {
		g_assert_true(cxb_bus_sysfs_kind.poll(f->bus, false, &any, NULL));
		g_assert_false(any);
		cxb_workq_drain(f->workq);
	}
	g_assert_cmpuint(f->ran, ==, 3);
	g_assert_true(cxb_bus_sysfs_kind.poll(f->bus, false, &any, NULL));
	f->bus->ops->irq_free(f->bus, &irq);
	cxb_workq_drain(f->workq);
	g_assert_cmpuint(f->ran, ==, 3);
}

static void refused(Fixture *f, const char *why)
{
	g_autoptr(GError) err = NULL;

	g_assert_false(opened(f, &err));
	if (!strstr(err->message, why))
		g_error("\"%s\" is not in: %s", why, err->message);
}

static void what_is_no_range_is_refused(Fixture *f, gconstpointer unused)
{
	put_resource(f, "0xfe400000");
	refused(f, "'0xfe400000' is no range");
	put_resource(f, "0xfe40ffff 0xfe400000 0x200");
	refused(f, "is no range");
	put_resource(f, "0xfe400000 0xffffffffffffffff 0x200");
	refused(f, "is no range");
}

static void what_linux_drives_is_refused(Fixture *f, gconstpointer unused)
{
	g_autofree char *link = path_of(f, DEVICE "driver");

	g_assert_cmpint(symlink("../../drivers/cxl_pci", link), ==, 0);
	refused(f, "0000:0d:00.0 is driven by cxl_pci: unbind it first");
}

static void what_is_missing_is_told(Fixture *f, gconstpointer name)
{
	g_autofree char *path = path_of(f, name);

	remove_all(path);
	refused(f, path);
}

static void a_bar_that_is_shorter_than_told_is_not_read(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) err = NULL;
	uint8_t byte;

	put(f, DEVICE "resource0", "", 0, 0x1000);
	g_assert_true(opened(f, NULL));
	g_assert_false(f->bus->ops->mem_read(f->bus, BAR0, &byte, 1, &err));
	g_assert_nonnull(strstr(err->message, "resource0"));
	g_assert_cmphex(byte, ==, 0xff);
}

#define OPEN(path, fn) \
	g_test_add("/busclient/sysfs/" path, Fixture, NULL, set_up_open, fn, tear_down)
#define TEST(path, data, fn) \
	g_test_add("/busclient/sysfs/" path, Fixture, data, set_up, fn, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	OPEN("config", configuration_space_is_the_file);
	OPEN("bar", bars_lie_where_linux_says);
	OPEN("registers", registers_are_the_bar);
	OPEN("memory", all_else_is_memory);
	OPEN("tables", tables_are_found_behind_an_rsdp);
	OPEN("poll", handlers_run_at_every_poll);
	TEST("resource", NULL, what_is_no_range_is_refused);
	TEST("driver", NULL, what_linux_drives_is_refused);
	TEST("missing/mem", "dev/mem", what_is_missing_is_told);
	TEST("missing/devices", "sys/bus/pci/devices", what_is_missing_is_told);
	TEST("missing/config", DEVICE "config", what_is_missing_is_told);
	TEST("missing/resource", DEVICE "resource", what_is_missing_is_told);
	TEST("short-bar", NULL, a_bar_that_is_shorter_than_told_is_not_read);
	return g_test_run();
}
