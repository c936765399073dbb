/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu_guest.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "machine/machine.h"
#include "qemu_exact.h"
#include "qemu_words.h"

#define WINDOW_UNIT  (256ull << 20)
#define OEM_REVISION 2 /* QEMU's own has 1 */
/* Slots 1 to 31 on a bus of QEMU's; on its root bus the last is the chipset's. */
#define LAST_SLOT      31
#define LAST_ROOT_SLOT 30
#define FIRST_SLOT     5 /* those before are for devices that say none */
#define FUNCTIONS      7 /* of a slot, without 0: without it nobody asks for the others */

/* --- a machine like QEMU's --- */

static bool set_machine(CxbMachine *m, const QemuSplit *split, GError **errp)
{
	g_autoptr(CxbOpts) oem = cxb_opts_new();

	/* QEMU's own: a table takes the place of one that has the same. */
	cxb_opts_add_text(oem, "x-oem-id", "BOCHS ");
	cxb_opts_add_text(oem, "x-oem-table-id", "BXPC    ");
	if (!cxb_machine_set_opts(m, oem, errp))
		return false;
	for (guint i = 0; i < split->machine->len; i++) {
		g_autoptr(CxbOpts) opts = qemu_words_copy(split->machine->pdata[i], NULL);

		if (!cxb_machine_set_opts(m, opts, errp))
			return false;
	}
	return true;
}

static bool set_size(CxbMachine *m, const char *key, uint64_t bytes, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_new();
	g_autofree char *text = g_strdup_printf("%" PRIu64 "b", bytes);

	cxb_opts_add_text(opts, key, text);
	return cxb_machine_set_memory(m, opts, errp);
}

/* @maxmem: 0: what the line says */
static bool set_memory(CxbMachine *m, const QemuSplit *split, uint64_t maxmem, GError **errp)
{
	if (split->ram && !set_size(m, "size", split->ram, errp))
		return false;
	for (guint i = 0; i < split->memory->len; i++) {
		g_autoptr(CxbOpts) opts = qemu_words_copy(split->memory->pdata[i], NULL);

		if (!cxb_machine_set_memory(m, opts, errp)) {
			g_prefix_error(errp, "-m: ");
			return false;
		}
	}
	return !maxmem || set_size(m, "maxmem", maxmem, errp);
}

static bool add_bridges(CxbMachine *m, const QemuSplit *split, GError **errp)
{
	for (guint i = 0; i < split->bridges->len; i++) {
		g_autoptr(CxbOpts) opts = qemu_words_copy(split->bridges->pdata[i], NULL);

		if (!cxb_device_add(cxb_machine_qom(m), opts, false, errp)) {
			g_prefix_error(errp, "-device pxb-cxl: ");
			return false;
		}
	}
	return true;
}

static CxbMachine *new_model(const QemuSplit *split, uint64_t maxmem, GError **errp)
{
	const CxbMachineConfig config = { .virtual_clock = true };
	g_autoptr(CxbMachine) m = cxb_machine_new(&config);

	if (!set_machine(m, split, errp) || !set_memory(m, split, maxmem, errp) ||
	    !cxb_machine_create(m, errp) || !add_bridges(m, split, errp) ||
	    !cxb_machine_done(m, errp))
		return NULL;
	return g_steal_pointer(&m);
}

static uint64_t windows_size(const CxbMachine *m)
{
	uint64_t size = 0;

	for (unsigned i = 0; i < cxb_machine_windows(m); i++)
		size += cxb_machine_window(m, i)->size; /* it fits: the machine has them */
	return size;
}

/* At the end of where memory can be plugged: what is plugged without address goes to its start. */
static uint64_t first_window(const CxbMachine *m)
{
	const CxbMachineMemory mem = cxb_machine_memory(m);
	const uint64_t end = mem.device_memory + mem.device_memory_size - windows_size(m);

	return end / WINDOW_UNIT * WINDOW_UNIT;
}

static char *memory_option(const CxbMachineMemory *mem)
{
	g_autofree char *size = qemu_words_size(mem->ram), *maxmem = qemu_words_size(mem->maxmem);
	GString *text = g_string_new(NULL);

	g_string_printf(text, "size=%s", size);
	if (mem->slots)
		g_string_append_printf(text, ",slots=%" PRIu64, mem->slots);
	if (mem->maxmem > mem->ram)
		g_string_append_printf(text, ",maxmem=%s", maxmem);
	return g_string_free(text, FALSE);
}

/* --- static memory --- */

/* The host bridge that @dev is below; NULL: the line does not say. */
static const char *bridge_of(const QemuSplit *split, const QemuDevice *dev)
{
	const char *at = dev->bus;

	/* No chain is longer than there are devices, unless it is a ring. */
	for (guint i = 0; at && i <= g_hash_table_size(split->buses); i++) {
		const char *above = g_hash_table_lookup(split->buses, at);

		if (!above || strcmp(above, QEMU_ROOT_BUS) == 0)
			return at;
		at = above;
	}
	return NULL;
}

/* The only window over that bridge alone; NULL: there is none, or there are several. */
static const CxbFixedWindow *window_of(const CxbMachine *m, const char *bridge)
{
	const CxbFixedWindow *found = NULL;

	for (unsigned i = 0; bridge && i < cxb_machine_windows(m); i++) {
		const CxbFixedWindow *w = cxb_machine_window(m, i);

		if (w->ways != 1 || strcmp(w->targets[0], bridge) != 0)
			continue;
		if (found)
			return NULL;
		found = w;
	}
	return found;
}

static uint64_t backend_size(const QemuSplit *split, const char *memdev)
{
	const uint64_t *size = g_hash_table_lookup(split->objects, memdev);

	return size ? *size : 0;
}

/* Bytes of static memory; 0 also if it is not known. */
static uint64_t static_size(const QemuSplit *split, const QemuDevice *dev)
{
	uint64_t total = 0;

	for (guint i = 0; i < dev->memdevs->len; i++) {
		const uint64_t size = backend_size(split, dev->memdevs->pdata[i]);

		if (!size || __builtin_add_overflow(total, size, &total))
			return 0;
	}
	return total;
}

bool qemu_guest_next_hidden(QemuSplit *split, QemuHidden *place, const char *what, GError **errp)
{
	if (place->function && place->function < FUNCTIONS) {
		place->function++;
		return true;
	}
	for (unsigned slot = LAST_ROOT_SLOT; slot >= FIRST_SLOT; slot--) {
		if (!qemu_split_slot(split, QEMU_ROOT_BUS, slot))
			continue;
		place->slot = slot;
		place->function = 1;
		return true;
	}
	return cxb_fail(errp, CXB_ERROR_NO_ROOM, "no slot of " QEMU_ROOT_BUS " is left for %s",
			what);
}

/*
 * A guest makes its first region at the start of a window, and the next behind it: devices in the
 * order of the line are there if regions are made in that order, each of a whole device.
 */
static bool place_statics(QemuGuest *guest, QemuSplit *split, const CxbMachine *m, GError **errp)
{
	g_autofree uint64_t *used = g_new0(uint64_t, cxb_machine_windows(m) + 1);
	const uint64_t shift = first_window(m) - cxb_machine_window(m, 0)->base;
	QemuStatic place = { 0 };

	for (guint i = 0; i < split->devices->len; i++) {
		const QemuDevice *dev = split->devices->pdata[i];
		const CxbFixedWindow *w = window_of(m, bridge_of(split, dev));
		const uint64_t size = static_size(split, dev);

		if (!dev->memdevs->len && !dev->dynamic)
			continue;
		if (dev->dynamic || !w || !size || size > w->size - used[w->index]) {
			g_ptr_array_add(guest->unseen, g_strdup(dev->id));
			continue;
		}
		for (guint j = 0; j < dev->memdevs->len; j++) {
			place.memdev = dev->memdevs->pdata[j];
			place.size = backend_size(split, place.memdev);
			place.hpa = w->base + shift + used[w->index];
			if (!qemu_guest_next_hidden(split, &place.at, "static memory", errp))
				return false;
			g_array_append_val(guest->statics, place);
			used[w->index] += place.size;
		}
	}
	return true;
}

void qemu_guest_map(GPtrArray *words, const QemuStatic *piece, const char *path)
{
	g_autofree char *quoted = qemu_words_quote(path);

	qemu_words_add_fmt(words, "-object",
			   "memory-backend-file,id=cxlbox.%s,share=on,mem-path=%s,size=%" PRIu64,
			   piece->memdev, quoted, piece->size);
	qemu_words_add_fmt(words, "-device",
			   "virtio-pmem-pci,id=cxlbox.%s,memdev=cxlbox.%s,memaddr=0x%" PRIx64
			   ",bus=" QEMU_ROOT_BUS ",addr=%x.%x",
			   piece->memdev, piece->memdev, piece->hpa, piece->at.slot,
			   piece->at.function);
}

/* --- hidden ports --- */

/* Static memory takes one for each decoder that has some of it. */
#define STATIC_PORTS 4
/* For a device that may come later, of either kind. */
#define SPARE_PORTS 8

static unsigned count_dynamic(const QemuSplit *split)
{
	unsigned n = 0;

	for (guint i = 0; i < split->devices->len; i++)
		n += ((QemuDevice *)split->devices->pdata[i])->dynamic;
	return n;
}

/* Ports that no device of the line is plugged into. */
static unsigned count_free_ports(const QemuSplit *split)
{
	GHashTable *used = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTableIter iter;
	gpointer bus;
	unsigned n = 0;

	g_hash_table_iter_init(&iter, split->buses);
	while (g_hash_table_iter_next(&iter, NULL, &bus))
		g_hash_table_add(used, bus);
	for (guint i = 0; i < split->devices->len; i++)
		g_hash_table_add(used, ((QemuDevice *)split->devices->pdata[i])->bus);
	for (guint i = 0; i < split->ports->len; i++)
		n += !g_hash_table_contains(used, split->ports->pdata[i]);
	g_hash_table_unref(used);
	return n;
}

static unsigned free_chassis(const QemuSplit *split)
{
	unsigned chassis = 255;

	while (chassis && split->chassis[chassis])
		chassis--;
	return chassis;
}

/* Where the next port goes: functions 1 to 7 of one slot after the other, from the last one down. */
typedef struct {
	const char *bus;
	unsigned chassis, slot, function;
} PortPlace;

static bool next_place(QemuSplit *split, PortPlace *place)
{
	if (place->function && place->function < FUNCTIONS) {
		place->function++;
		return true;
	}
	for (place->function = 1; place->slot > FIRST_SLOT;)
		if (qemu_split_slot(split, place->bus, --place->slot))
			return true;
	return false;
}

static bool add_device_ports(QemuGuest *guest, QemuSplit *split, PortPlace *place, unsigned device,
			     unsigned n, GError **errp)
{
	for (unsigned i = 0; i < n; i++, guest->ports++) {
		if (!next_place(split, place))
			return cxb_fail(errp, CXB_ERROR_NO_ROOM,
					"there is room for %u hidden ports on %s, and no more "
					"(--ports)",
					guest->ports, place->bus);
		qemu_words_add_fmt(
			split->qemu, "-device",
			"pcie-root-port,id=cxlbox-ports%u.%u,bus=%s,addr=%x.%x,chassis=%u,"
			"slot=%u",
			device, i, place->bus, place->slot, place->function, place->chassis,
			guest->ports);
	}
	return true;
}

/* The two ends of the way by which cxlbox puts memory into the guest; @dev is NULL if it has yet to
 * come. */
static void add_mapper(QemuGuest *guest, QemuSplit *split, const QemuDevice *dev, const char *dir)
{
	const unsigned number = guest->places->len;
	const QemuPlace place = { .ports = g_strdup_printf("cxlbox-ports%u.", number),
				  .qmp = dev ? g_strdup_printf("%s/%s.qmp", dir, dev->id)
					     : g_strdup_printf("%s/%u.qmp", dir, number) };
	g_autofree char *quoted = qemu_words_quote(place.qmp);

	g_array_append_val(guest->places, place);
	qemu_words_add_fmt(split->qemu, "-qmp", "unix:%s,server=on,wait=off", quoted);
	if (dev)
		qemu_words_add_fmt(split->cxlbox, "-object",
				   "cxl-guest,id=" QEMU_GUEST_PREFIX "%s,qmp=unix:%s,%s,ports=%s",
				   dev->id, quoted, dev->served, place.ports);
}

static void place_clear(void *p)
{
	QemuPlace *place = p;

	g_free(place->ports);
	g_free(place->qmp);
}

/* On the bus of a CXL host bridge: on others ACPI hot plug has them. */
static bool ports_bus(const QemuSplit *split, const char **bus, GError **errp)
{
	CxbOpts *first = split->bridges->len ? split->bridges->pdata[0] : NULL;

	*bus = NULL;
	if (first && !cxb_opts_get_str(first, "id", bus, errp))
		return false;
	return *bus || cxb_fail(errp, CXB_ERROR_INVALID,
				"CXL memory needs a pxb-cxl with an id, for the ports behind which "
				"it is put into the guest");
}

static bool add_ports(QemuGuest *guest, QemuSplit *split, const char *dir, unsigned ports,
		      GError **errp)
{
	const unsigned devices = split->devices->len, dynamic = count_dynamic(split);
	const unsigned for_static = STATIC_PORTS * (devices - dynamic);
	PortPlace place = { .chassis = free_chassis(split), .slot = LAST_SLOT + 1 };
	unsigned spare = count_free_ports(split), each;

	if (ports < for_static + dynamic)
		return cxb_fail(
			errp, CXB_ERROR_INVALID,
			"--ports %u is too few: %u for each device without dynamic capacity, "
			"and at least one for each other",
			ports, STATIC_PORTS);
	spare = MIN(spare, (ports - for_static - dynamic) / SPARE_PORTS);
	each = dynamic ? (ports - for_static - SPARE_PORTS * spare) / dynamic : 0;
	if (!ports_bus(split, &place.bus, errp))
		return false;
	for (unsigned i = 0; i < devices + spare; i++) {
		const QemuDevice *dev = i < devices ? split->devices->pdata[i] : NULL;
		const unsigned n = !dev ? SPARE_PORTS : dev->dynamic ? each : STATIC_PORTS;

		if (!add_device_ports(guest, split, &place, i, n, errp))
			return false;
		add_mapper(guest, split, dev, dir);
	}
	return true;
}

/* --- all --- */

static bool add_windows(QemuSplit *split, const CxbMachine *m, const char *dir, GError **errp)
{
	const uint64_t shift = first_window(m) - cxb_machine_window(m, 0)->base;
	const unsigned n = cxb_machine_windows(m);
	g_autofree QemuExactWindow *windows = g_new0(QemuExactWindow, n);

	for (unsigned i = 0; i < n; i++) {
		const CxbFixedWindow *w = cxb_machine_window(m, i);

		windows[i] = (QemuExactWindow){ w->base + shift, w->size };
	}
	return qemu_exact_add(split, dir, windows, n, errp);
}

static bool settle(QemuGuest *guest, QemuSplit *split, const char *dir, unsigned ports, bool exact,
		   GError **errp)
{
	g_autoptr(CxbMachine) m = new_model(split, 0, errp);
	CxbMachineMemory mem;

	if (!m)
		return false;
	mem = cxb_machine_memory(m);
	if (windows_size(m)) {
		/* As much can be plugged beside the windows as the line says. */
		const uint64_t maxmem = mem.maxmem + windows_size(m);

		g_clear_pointer(&m, cxb_machine_free);
		m = new_model(split, maxmem, errp);
		if (!m)
			return false;
		mem = cxb_machine_memory(m);
		guest->cedt = cxb_machine_cedt(m, first_window(m), OEM_REVISION);
		if (exact ? !add_windows(split, m, dir, errp)
			  : !ports && !place_statics(guest, split, m, errp))
			return false;
	}
	guest->memory = memory_option(&mem);
	return true;
}

QemuGuest *qemu_guest_new(QemuSplit *split, const char *dir, unsigned ports, bool exact,
			  GError **errp)
{
	g_autoptr(QemuGuest) guest = g_new0(QemuGuest, 1);

	guest->statics = g_array_new(FALSE, FALSE, sizeof(QemuStatic));
	guest->places = g_array_new(FALSE, FALSE, sizeof(QemuPlace));
	g_array_set_clear_func(guest->places, place_clear);
	guest->unseen = g_ptr_array_new_with_free_func(g_free);
	if (!settle(guest, split, dir, ports, exact, errp))
		return NULL;
	if (guest->cedt && ports && !exact && split->devices->len + split->ports->len &&
	    !add_ports(guest, split, dir, ports, errp))
		return NULL;
	qemu_words_add(split->qemu, "-m", guest->memory);
	return g_steal_pointer(&guest);
}

void qemu_guest_free(QemuGuest *guest)
{
	if (!guest)
		return;
	if (guest->cedt)
		g_byte_array_unref(guest->cedt);
	g_free(guest->memory);
	g_array_unref(guest->places);
	g_array_unref(guest->statics);
	g_ptr_array_unref(guest->unseen);
	g_free(guest);
}
