/* SPDX-License-Identifier: Apache-2.0 */
#include "busclient/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/range.h"
#include "tables.h"
#include "waiter.h"

#define BARS      6
#define MEM_CHUNK (64ull << 10) /* mapped at a time of what is in no BAR */
#define FLAG_MEM  0x200         /* of a line of "resource": memory, not I/O */
#define CLASS     0x09          /* class code, 3 bytes; of a CXL memory device: 050210h */

typedef struct {
	uint16_t bdf;
	char *path;
	int config;
	CxbBusRange bar[BARS]; /* size 0: none */
	uint8_t *map[BARS];    /* once it has been accessed */
} SysFunc;

typedef struct {
	SysFunc *func;
	unsigned n;
} SysBar;

typedef struct {
	CxbBus bus;
	CxbWorkq *workq;
	CxbBusPlatform platform;
	char *root;
	CxbTables tables;
	GHashTable *funcs; /* bdf -> SysFunc */
	GArray *bars;      /* of SysBar, by address */
	GHashTable *irqs;  /* id -> Waiter */
	guint next_irq;
	int mem;        /* /dev/mem */
	uint8_t *chunk; /* what was accessed last of it */
	uint64_t chunk_hpa;
} SysBus;

static SysBus *sys_bus(CxbBus *bus)
{
	return (SysBus *)bus;
}

static const CxbBusPlatform *bus_platform(CxbBus *bus)
{
	return &sys_bus(bus)->platform;
}

/* --- configuration space --- */

static bool config_good(uint16_t off, unsigned size, GError **errp)
{
	return ((size == 1 || size == 2 || size == 4) && off % size == 0 && off < 0x1000) ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "no such access: register 0x%x, %u bytes", off,
			size);
}

/* What is behind the end of a conventional function's file, or was unplugged, reads all ones. */
static bool bus_config_read(CxbBus *bus, uint16_t bdf, uint16_t off, unsigned size, uint32_t *val,
			    GError **errp)
{
	SysFunc *f = g_hash_table_lookup(sys_bus(bus)->funcs, GUINT_TO_POINTER(bdf));
	uint8_t buf[4];

	*val = UINT32_MAX >> (32 - 8 * size);
	if (!config_good(off, size, errp))
		return false;
	if (f && pread(f->config, buf, size, off) == size)
		*val = le_load(buf, size);
	return true;
}

static bool bus_config_write(CxbBus *bus, uint16_t bdf, uint16_t off, unsigned size, uint32_t val,
			     GError **errp)
{
	SysFunc *f = g_hash_table_lookup(sys_bus(bus)->funcs, GUINT_TO_POINTER(bdf));
	uint8_t buf[4];

	if (!config_good(off, size, errp))
		return false;
	le_store(buf, size, val);
	if (f && pwrite(f->config, buf, size, off) < 0)
		return cxb_fail_errno(errp, errno, "cannot write register 0x%x of %s", off,
				      f->path);
	return true;
}

/* --- memory --- */

/* NULL: errno says why. A file that is shorter would end this process when it is read. */
static uint8_t *map_file(int fd, uint64_t at, uint64_t len)
{
	struct stat st;
	void *map;

	if (fstat(fd, &st) != 0)
		return NULL;
	if (S_ISREG(st.st_mode) && !cxb_range_in(at, len, st.st_size)) {
		errno = ERANGE;
		return NULL;
	}
	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);
	return map == MAP_FAILED ? NULL : map;
}

static uint8_t *bar_map(SysFunc *f, unsigned n, GError **errp)
{
	g_autofree char *path = g_strdup_printf("%s/resource%u", f->path, n);
	int fd, err;

	if (f->map[n])
		return f->map[n];
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	if (fd >= 0)
		f->map[n] = map_file(fd, 0, f->bar[n].size);
	err = errno;
	if (fd >= 0)
		close(fd);
	if (!f->map[n])
		cxb_fail_errno(errp, err, "cannot map %s", path);
	return f->map[n];
}

/* The BAR that holds all of a range. */
static SysBar *bar_find(SysBus *sb, uint64_t hpa, uint64_t len)
{
	guint lo = 0, hi = sb->bars->len;

	while (lo < hi) {
		guint mid = lo + (hi - lo) / 2;
		SysBar *b = &g_array_index(sb->bars, SysBar, mid);
		const CxbBusRange *r = &b->func->bar[b->n];

		if (cxb_range_within(hpa, len, r->base, r->size))
			return b;
		if (hpa < r->base)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static uint8_t *mem_at(SysBus *sb, uint64_t hpa, GError **errp)
{
	uint64_t base = hpa & ~(MEM_CHUNK - 1);

	if (sb->chunk && sb->chunk_hpa == base)
		return sb->chunk + (hpa - base);
	if (sb->chunk)
		munmap(sb->chunk, MEM_CHUNK);
	sb->chunk_hpa = base;
	sb->chunk = map_file(sb->mem, base, MEM_CHUNK);
	if (sb->chunk)
		return sb->chunk + (hpa - base);
	cxb_fail_errno(errp, errno, "cannot map 0x%" PRIx64 " of %s/dev/mem", base, sb->root);
	return NULL;
}

/* Where @hpa can be accessed, and how much from there on, at most @len. */
static uint8_t *at(SysBus *sb, uint64_t hpa, size_t len, size_t *part, GError **errp)
{
	SysBar *b = bar_find(sb, hpa, len);
	uint8_t *map;

	*part = len;
	if (b) {
		map = bar_map(b->func, b->n, errp);
		return map ? map + (hpa - b->func->bar[b->n].base) : NULL;
	}
	*part = MIN(len, MEM_CHUNK - hpa % MEM_CHUNK);
	return mem_at(sb, hpa, errp);
}

/* One access of the widest size that @hpa and @len allow; registers want no other. */
static size_t width(uint64_t hpa, size_t len)
{
	size_t size = 8;

	while (size > len || hpa % size)
		size /= 2;
	return size;
}

static void load(uint8_t *buf, const volatile uint8_t *p, size_t size)
{
	switch (size) {
	case 1:
		*buf = *p;
		break;
	case 2:
		le_store(buf, 2, GUINT16_FROM_LE(*(const volatile uint16_t *)p));
		break;
	case 4:
		le_store(buf, 4, GUINT32_FROM_LE(*(const volatile uint32_t *)p));
		break;
	default:
		le_store(buf, 8, GUINT64_FROM_LE(*(const volatile uint64_t *)p));
	}
}

static void store(volatile uint8_t *p, const uint8_t *buf, size_t size)
{
	switch (size) {
	case 1:
		*p = *buf;
		break;
	case 2:
		*(volatile uint16_t *)p = GUINT16_TO_LE(le_load(buf, 2));
		break;
	case 4:
		*(volatile uint32_t *)p = GUINT32_TO_LE(le_load(buf, 4));
		break;
	default:
		*(volatile uint64_t *)p = GUINT64_TO_LE(le_load(buf, 8));
	}
}

static bool access_any(SysBus *sb, uint64_t hpa, uint8_t *in, const uint8_t *out, size_t len,
		       GError **errp)
{
	while (len) {
		size_t part, size;
		uint8_t *p = at(sb, hpa, len, &part, errp);

		if (!p)
			return false;
		hpa += part;
		len -= part;
		for (uint64_t pos = hpa - part; part; part -= size, pos += size, p += size) {
			size = width(pos, part);
			if (in) {
				load(in, p, size);
				in += size;
			} else {
				store(p, out, size);
				out += size;
			}
		}
	}
	return true;
}

static bool in_tables(SysBus *sb, uint64_t hpa, uint64_t len)
{
	return cxb_range_within(hpa, len, sb->tables.hpa, sb->tables.blob->len);
}

static bool bus_mem_read(CxbBus *bus, uint64_t hpa, void *buf, size_t len, GError **errp)
{
	SysBus *sb = sys_bus(bus);
	bool good = true;

	if (len == 0)
		return true;
	if (!cxb_range_valid(hpa, len))
		good = cxb_fail(errp, CXB_ERROR_INVALID, "the range wraps");
	else if (in_tables(sb, hpa, len))
		memcpy(buf, sb->tables.blob->data + (hpa - sb->tables.hpa), len);
	else if (hpa >= CXB_SYSFS_TABLES)
		good = cxb_fail(errp, CXB_ERROR_INVALID, "nothing is at 0x%" PRIx64, hpa);
	else
		good = access_any(sb, hpa, buf, NULL, len, errp);
	if (!good)
		memset(buf, 0xff, len);
	return good;
}

static bool bus_mem_write(CxbBus *bus, uint64_t hpa, const void *buf, size_t len, GError **errp)
{
	if (len == 0)
		return true;
	if (!cxb_range_valid(hpa, len))
		return cxb_fail(errp, CXB_ERROR_INVALID, "the range wraps");
	if (hpa >= CXB_SYSFS_TABLES)
		return cxb_fail(errp, CXB_ERROR_INVALID, "nothing is at 0x%" PRIx64, hpa);
	return access_any(sys_bus(bus), hpa, NULL, buf, len, errp);
}

static bool bus_map(CxbBus *bus, uint64_t hpa, uint64_t len, CxbBusMap *out, GError **errp)
{
	SysBus *sb = sys_bus(bus);
	const uint64_t page = sysconf(_SC_PAGESIZE);

	*out = (CxbBusMap){ .fd = -1 };
	if (!cxb_range_valid(hpa, len) || hpa >= CXB_SYSFS_TABLES || hpa % page || len % page)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"0x%" PRIx64 "+0x%" PRIx64 " cannot be mapped", hpa, len);
	out->ptr = map_file(sb->mem, hpa, len);
	if (!out->ptr)
		return cxb_fail_errno(errp, errno, "cannot map 0x%" PRIx64 " of %s/dev/mem", hpa,
				      sb->root);
	out->fd = sb->mem;
	out->fd_offset = hpa;
	return true;
}

static void bus_unmap(CxbBus *bus, uint64_t hpa, uint64_t len, CxbBusMap *map)
{
	if (map->ptr)
		munmap(map->ptr, len);
	*map = (CxbBusMap){ .fd = -1 };
}

static bool bus_bar(CxbBus *bus, uint16_t bdf, unsigned n, CxbBusRange *out, GError **errp)
{
	SysFunc *f = g_hash_table_lookup(sys_bus(bus)->funcs, GUINT_TO_POINTER(bdf));

	*out = f && n < BARS ? f->bar[n] : (CxbBusRange){ 0 };
	return true;
}

/* --- interrupts: none; those who wait for one look at every poll --- */

static bool bus_irq_alloc(CxbBus *bus, CxbBusIrqFn fn, void *opaque, CxbBusIrq *out, GError **errp)
{
	SysBus *sb = sys_bus(bus);

	*out = (CxbBusIrq){ .id = sb->next_irq++ };
	g_hash_table_insert(sb->irqs, GUINT_TO_POINTER(out->id), waiter_new(sb->workq, fn, opaque));
	return true;
}

static void bus_irq_free(CxbBus *bus, const CxbBusIrq *irq)
{
	g_hash_table_remove(sys_bus(bus)->irqs, GUINT_TO_POINTER(irq->id));
}

static bool poll_all(CxbBus *bus, bool all, bool *any, GError **errp)
{
	GHashTableIter iter;
	gpointer value;

	*any = false;
	g_hash_table_iter_init(&iter, sys_bus(bus)->irqs);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		waiter_wake(value);
	return true;
}

/* --- what there is --- */

static void func_free(gpointer opaque)
{
	SysFunc *f = opaque;

	for (unsigned i = 0; i < BARS; i++)
		if (f->map[i])
			munmap(f->map[i], f->bar[i].size);
	if (f->config >= 0)
		close(f->config);
	g_free(f->path);
	g_free(f);
}

/* A line a BAR: first and last address, flags. */
static bool resource_parse(SysFunc *f, GError **errp)
{
	g_autofree char *path = g_build_filename(f->path, "resource", NULL), *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(path, &text, NULL, errp))
		return false;
	lines = g_strsplit(text, "\n", BARS + 1);
	for (unsigned i = 0; i < BARS && lines[i] && *lines[i]; i++) {
		uint64_t first, last, flags;

		if (sscanf(lines[i], "%" SCNx64 " %" SCNx64 " %" SCNx64, &first, &last, &flags) !=
			    3 ||
		    last < first || last >= CXB_SYSFS_TABLES)
			return cxb_fail(errp, CXB_ERROR_INVALID, "%s: '%s' is no range", path,
					lines[i]);
		if (first && (flags & FLAG_MEM))
			f->bar[i] = (CxbBusRange){ first, last - first + 1 };
	}
	return true;
}

/* Two drivers of one mailbox would take each other's answers. */
static bool nobody_drives(const SysFunc *f, GError **errp)
{
	g_autofree char *link = g_build_filename(f->path, "driver", NULL);
	g_autofree char *driver = NULL, *name = NULL;
	uint8_t class[3];

	if (pread(f->config, class, sizeof(class), CLASS) != sizeof(class) ||
	    le_load(class, 3) != 0x050210)
		return true;
	driver = g_file_read_link(link, NULL);
	if (!driver)
		return true;
	name = g_path_get_basename(driver);
	return cxb_fail(errp, CXB_ERROR_BUSY, "%s is driven by %s: unbind it first", f->path, name);
}

static bool func_add(SysBus *sb, const char *devices, const char *name, GError **errp)
{
	unsigned domain, bus, slot, fn;
	g_autofree char *config = NULL;
	SysFunc *f;
	char end;

	/* One segment. */
	if (sscanf(name, "%x:%x:%x.%x%c", &domain, &bus, &slot, &fn, &end) != 4 || domain ||
	    bus > 255 || slot > 31 || fn > 7)
		return true;
	f = g_new0(SysFunc, 1);
	f->bdf = CXB_BDF(bus, slot, fn);
	f->path = g_build_filename(devices, name, NULL);
	config = g_build_filename(f->path, "config", NULL);
	f->config = open(config, O_RDWR | O_CLOEXEC);
	if (f->config < 0)
		cxb_fail_errno(errp, errno, "cannot open %s", config);
	if (f->config < 0 || !nobody_drives(f, errp) || !resource_parse(f, errp)) {
		func_free(f);
		return false;
	}
	g_hash_table_insert(sb->funcs, GUINT_TO_POINTER(f->bdf), f);
	for (unsigned i = 0; i < BARS; i++) {
		SysBar b = { f, i };

		if (f->bar[i].size)
			g_array_append_val(sb->bars, b);
	}
	return true;
}

static gint by_address(gconstpointer a, gconstpointer b)
{
	const SysBar *x = a, *y = b;
	uint64_t p = x->func->bar[x->n].base, q = y->func->bar[y->n].base;

	return p < q ? -1 : p > q;
}

static bool funcs_find(SysBus *sb, GError **errp)
{
	g_autofree char *path = g_build_filename(sb->root, "sys/bus/pci/devices", NULL);
	g_autoptr(GDir) dir = g_dir_open(path, 0, errp);
	const char *name;

	if (!dir)
		return false;
	while ((name = g_dir_read_name(dir)))
		if (!func_add(sb, path, name, errp))
			return false;
	g_array_sort(sb->bars, by_address);
	return true;
}

/* A machine may lack either; what is wrong with one is for the host to say. */
static bool tables_find(SysBus *sb, GError **errp)
{
	static const char *const names[] = { "CEDT", "MCFG" };

	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path =
			g_build_filename(sb->root, "sys/firmware/acpi/tables", names[i], NULL);
		g_autofree char *table = NULL;
		g_autoptr(GError) err = NULL;
		gsize len;

		if (g_file_get_contents(path, &table, &len, &err)) {
			cxb_tables_add(&sb->tables, (uint8_t *)table, len);
		} else if (!g_error_matches(err, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
			g_propagate_error(errp, g_steal_pointer(&err));
			return false;
		}
	}
	sb->platform.rsdp_area = cxb_tables_seal(&sb->tables);
	return true;
}

/* @flags: O_SYNC: mapped without caching, for registers */
static bool mem_open(const SysBus *sb, int flags, int *fd, GError **errp)
{
	g_autofree char *path = g_build_filename(sb->root, "dev/mem", NULL);

	*fd = open(path, O_RDWR | O_CLOEXEC | flags);
	return *fd >= 0 || cxb_fail_errno(errp, errno, "cannot open %s", path);
}

static bool open_memory(CxbBus *bus, int *fd, GError **errp)
{
	return mem_open(sys_bus(bus), 0, fd, errp);
}

static const CxbBusOps ops = {
	.platform = bus_platform,
	.config_read = bus_config_read,
	.config_write = bus_config_write,
	.mem_read = bus_mem_read,
	.mem_write = bus_mem_write,
	.map = bus_map,
	.unmap = bus_unmap,
	.bar = bus_bar,
	.irq_alloc = bus_irq_alloc,
	.irq_free = bus_irq_free,
};

CxbBus *cxb_bus_sysfs_new(const char *root, CxbWorkq *workq, GError **errp)
{
	SysBus *sb = g_new0(SysBus, 1);

	sb->bus.ops = &ops;
	sb->workq = workq;
	sb->root = g_strdup(root);
	sb->mem = -1;
	sb->funcs = g_hash_table_new_full(NULL, NULL, NULL, func_free);
	sb->bars = g_array_new(false, false, sizeof(SysBar));
	sb->irqs = g_hash_table_new_full(NULL, NULL, NULL, waiter_free);
	cxb_tables_init(&sb->tables, CXB_SYSFS_TABLES);
	if (funcs_find(sb, errp) && tables_find(sb, errp) && mem_open(sb, O_SYNC, &sb->mem, errp))
		return &sb->bus;
	cxb_bus_sysfs_free(&sb->bus);
	return NULL;
}

void cxb_bus_sysfs_free(CxbBus *bus)
{
	SysBus *sb = sys_bus(bus);

	if (!sb)
		return;
	if (sb->chunk)
		munmap(sb->chunk, MEM_CHUNK);
	if (sb->mem >= 0)
		close(sb->mem);
	g_hash_table_unref(sb->irqs);
	g_array_unref(sb->bars);
	g_hash_table_unref(sb->funcs);
	cxb_tables_fini(&sb->tables);
	g_free(sb->root);
	g_free(sb);
}

static CxbBus *open_named(const char *where, CxbOpts *opts, CxbWorkq *workq, GError **errp)
{
	return cxb_bus_client_opts_done(opts, errp) ? cxb_bus_sysfs_new(where, workq, errp) : NULL;
}

const CxbBusClientKind cxb_bus_sysfs_kind = {
	.scheme = "sysfs",
	.usage = "sysfs:ROOT",
	.open = open_named,
	.close = cxb_bus_sysfs_free,
	.poll = poll_all,
	.memory = open_memory,
};
