/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu_split.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "io/chardev.h"
#include "io/json.h"
#include "qemu_words.h"

typedef struct Item Item;
typedef struct Work Work;
typedef bool (*RuleFn)(Work *w, Item *item, GError **errp);

/* What is done with an option. Those without a rule are QEMU's as they are. */
typedef struct {
	const char *option;
	bool parsed;
	const char *implied; /* key, if parsed */
	bool strict;         /* no short booleans, as in -machine */
	RuleFn claim;        /* says whose it is, and what else is theirs; or NULL */
	RuleFn emit;         /* or NULL: to whoever it is claimed for, as it is */
} Rule;

typedef enum {
	OWNER_QEMU,
	OWNER_CXLBOX,
	OWNER_US,
} Owner;

struct Item {
	const Option *opt;
	const Rule *rule; /* NULL: none */
	CxbOpts *opts;    /* NULL: not parsed */
	Owner owner;
};

struct Work {
	QemuSplit *split;
	const char *dir;
	GPtrArray *items;     /* Item * */
	GHashTable *objects;  /* id -> Item *; ids are borrowed from the items */
	GHashTable *chardevs; /* id -> Item * */
	GHashTable *devices;  /* id -> Item * */
	unsigned unnamed;     /* devices that were given an id */
	bool has_cpu;
};

static const Rule *find_rule(const char *option);

static void item_free(void *p)
{
	Item *item = p;

	cxb_opts_free(item->opts);
	g_free(item);
}

static void device_free(void *p)
{
	QemuDevice *dev = p;

	g_free(dev->id);
	g_free(dev->served);
	g_free(dev->bus);
	g_free(dev->socket);
	g_ptr_array_unref(dev->memdevs);
	g_free(dev);
}

static void door_free(void *p)
{
	QemuDoor *door = p;

	cxb_opts_free(door->chardev);
	g_free(door->written);
	g_free(door);
}

static void opts_free(void *p)
{
	cxb_opts_free(p);
}

/* A text of an option; NULL if it is absent, or no text. Left unmarked. */
static const char *peek(const CxbOpts *opts, const char *key)
{
	const char *found = NULL;

	for (guint i = 0; opts && i < opts->opts->len; i++) {
		const CxbOpt *opt = opts->opts->pdata[i];

		if (strcmp(opt->key, key) == 0 &&
		    (opt->value.kind == CXB_SCALAR_TEXT || opt->value.kind == CXB_SCALAR_STR))
			found = opt->value.s;
	}
	return found;
}

/* A number of an option, whichever way it is written. */
static bool peek_number(const CxbOpts *opts, const char *key, uint64_t max, uint64_t *out)
{
	const char *text = peek(opts, key);

	for (guint i = 0; !text && i < opts->opts->len; i++) {
		const CxbOpt *opt = opts->opts->pdata[i];

		if (strcmp(opt->key, key) == 0 && opt->value.kind == CXB_SCALAR_UINT &&
		    opt->value.u <= max) {
			*out = opt->value.u;
			return true;
		}
	}
	return text && cxb_parse_uint(text, max, out);
}

/* Whatever was written, in one of the two lines. */
static bool emit_as_is(Work *w, Item *item, GError **errp)
{
	if (item->owner != OWNER_US)
		qemu_words_add(item->owner == OWNER_CXLBOX ? w->split->cxlbox : w->split->qemu,
			       item->opt->flag, item->opt->value);
	return true;
}

/* --- devices --- */

bool qemu_split_is_memory_device(const char *driver)
{
	static const char *const drivers[] = { "cxl-type3", "cxl-type3-head", NULL };

	return driver && g_strv_contains(drivers, driver);
}

static bool is_memory_device(const CxbOpts *opts)
{
	return qemu_split_is_memory_device(peek(opts, "driver"));
}

char *qemu_split_socket(const char *dir, const char *id)
{
	return g_strdup_printf("%s/%s.vfio-user", dir, id);
}

static bool is_driver(const CxbOpts *opts, const char *name)
{
	return g_strcmp0(peek(opts, "driver"), name) == 0;
}

/* Those in order of DPA, and the one for labels, which is no memory of the device. */
static const char *const memdev_keys[] = {
	"volatile-memdev", "persistent-memdev", "memdev", "volatile-dc-memdev", "lsa", NULL
};
#define STATIC_MEMDEV_KEYS 3

static bool claim_device(Work *w, Item *item, GError **errp)
{
	const char *id = peek(item->opts, "id");
	Item *chardev;

	if (id)
		g_hash_table_insert(w->devices, (char *)id, item);
	if (is_driver(item->opts, "cxl-mctp")) {
		item->owner = OWNER_CXLBOX;
		id = peek(item->opts, "chardev");
		chardev = id ? g_hash_table_lookup(w->chardevs, id) : NULL;
		if (chardev)
			chardev->owner = OWNER_CXLBOX;
		return true;
	}
	if (!is_memory_device(item->opts))
		return true;
	item->owner = OWNER_CXLBOX;
	for (unsigned i = 0; memdev_keys[i]; i++) {
		const char *memdev = peek(item->opts, memdev_keys[i]);
		Item *backend = memdev ? g_hash_table_lookup(w->objects, memdev) : NULL;

		if (backend)
			backend->owner = OWNER_CXLBOX;
	}
	return true;
}

/* Properties that any PCI device has: those stay with the place in QEMU. */
static bool keep_properties(CxbOpts *opts, json_object *place, GError **errp)
{
	const CxbScalar *v = cxb_opts_find(opts, "multifunction");
	bool on = false;
	const char *addr;

	if (v && v->kind != CXB_SCALAR_BOOL &&
	    (v->kind != CXB_SCALAR_TEXT || !cxb_parse_bool(v->s, &on)))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Parameter 'multifunction' expects 'on' or 'off'");
	if (v)
		json_object_object_add(
			place, "multifunction",
			json_object_new_boolean(v->kind == CXB_SCALAR_BOOL ? v->b : on));
	v = cxb_opts_find(opts, "addr");
	if (v && v->kind == CXB_SCALAR_UINT) {
		json_object_object_add(place, "addr", json_object_new_uint64(v->u));
		return true;
	}
	if (!cxb_opts_get_str(opts, "addr", &addr, errp))
		return false;
	if (addr)
		json_object_object_add(place, "addr", json_object_new_string(addr));
	return true;
}

static json_object *socket_address(const char *path)
{
	json_object *obj = json_object_new_object();

	json_object_object_add(obj, "type", json_object_new_string("unix"));
	json_object_object_add(obj, "path", json_object_new_string(path));
	return obj;
}

static bool emit_place(Work *w, const QemuDevice *dev, CxbOpts *opts, GError **errp)
{
	json_object *place = json_object_new_object();
	bool ok;

	json_object_object_add(place, "driver", json_object_new_string("vfio-user-pci"));
	json_object_object_add(place, "id", json_object_new_string(dev->id));
	json_object_object_add(place, "bus", json_object_new_string(dev->bus));
	ok = keep_properties(opts, place, errp);
	if (ok) {
		json_object_object_add(place, "socket", socket_address(dev->socket));
		qemu_words_add(
			w->split->qemu, "-device",
			json_object_to_json_string_ext(place, JSON_C_TO_STRING_NOSLASHESCAPE));
	}
	json_object_put(place);
	return ok;
}

/* An id for one that has none: both sides know it by that. */
static char *new_id(Work *w)
{
	char *id = g_strdup_printf("cxlbox-%u", w->unnamed++);

	while (g_hash_table_contains(w->devices, id)) {
		g_free(id);
		id = g_strdup_printf("cxlbox-%u", w->unnamed++);
	}
	return id;
}

static bool has_dynamic_capacity(const CxbOpts *opts)
{
	return is_driver(opts, "cxl-type3-head") || cxb_opts_has(opts, "num-dc-regions") ||
	       cxb_opts_has(opts, "dc-region") || cxb_opts_has(opts, "volatile-dc-memdev");
}

/* Of a head it is the device that has it, and its number. */
static char *served_words(const CxbOpts *opts, const char *id)
{
	const char *device = peek(opts, "device");
	g_autofree char *quoted = NULL;
	uint64_t head = 0; /* if it is missing or wrong cxlbox says so */

	if (!is_driver(opts, "cxl-type3-head") || !device)
		return g_strdup_printf("device=%s", id);
	peek_number(opts, "head", UINT16_MAX, &head);
	quoted = qemu_words_quote(device);
	return g_strdup_printf("device=%s,head=%" PRIu64, quoted, head);
}

static QemuDevice *new_device(Work *w, const CxbOpts *opts, const char *id, const char *bus)
{
	QemuDevice *dev = g_new0(QemuDevice, 1);

	dev->id = id ? g_strdup(id) : new_id(w);
	dev->served = served_words(opts, dev->id);
	dev->bus = g_strdup(bus);
	dev->socket = qemu_split_socket(w->dir, dev->id);
	dev->dynamic = has_dynamic_capacity(opts);
	dev->memdevs = g_ptr_array_new_with_free_func(g_free);
	for (unsigned i = 0; i < STATIC_MEMDEV_KEYS; i++) {
		const char *memdev = peek(opts, memdev_keys[i]);

		if (memdev)
			g_ptr_array_add(dev->memdevs, g_strdup(memdev));
	}
	g_ptr_array_add(w->split->devices, dev);
	return dev;
}

static bool emit_memory_device(Work *w, Item *item, GError **errp)
{
	g_autofree char *rest = NULL, *socket = NULL;
	const char *id, *bus;
	QemuDevice *dev;

	if (!cxb_opts_get_str(item->opts, "id", &id, errp) ||
	    !cxb_opts_get_str(item->opts, "bus", &bus, errp))
		return false;
	if (id && !cxb_id_valid(id))
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'id' expects an identifier");
	if (!bus)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Parameter 'bus' is missing: name the root port or the port of a "
				"switch that it is plugged into");
	dev = new_device(w, item->opts, id, bus);
	if (!emit_place(w, dev, item->opts, errp))
		return false;
	rest = qemu_words_opts(item->opts, "driver");
	socket = qemu_words_quote(dev->socket);
	qemu_words_add_fmt(w->split->cxlbox, "-device", "%s,id=%s", rest, dev->id);
	qemu_words_add_fmt(w->split->cxlbox, "-object",
			   "x-vfio-user-server,id=" QEMU_SERVER_PREFIX "%s,%s,path=%s", dev->id,
			   dev->served, socket);
	return true;
}

static bool wanted_of_bridge(const char *key)
{
	return strcmp(key, "driver") == 0 || strcmp(key, "id") == 0 || strcmp(key, "bus_nr") == 0;
}

bool qemu_split_slot(QemuSplit *split, const char *bus, unsigned slot)
{
	return g_hash_table_add(split->slots, g_strdup_printf("%s %02x", bus, slot));
}

/* Where a device of QEMU's is, as far as the line says. */
static void note_place(QemuSplit *split, const CxbOpts *opts)
{
	const char *id = peek(opts, "id"), *bus = peek(opts, "bus"), *addr = peek(opts, "addr");
	uint64_t number;

	if (id && bus)
		g_hash_table_insert(split->buses, g_strdup(id), g_strdup(bus));
	if (id && (is_driver(opts, "cxl-rp") || is_driver(opts, "cxl-downstream")))
		g_ptr_array_add(split->ports, g_strdup(id));
	if (bus && addr) /* "SS.F", hexadecimal; a number has the function in its low three bits */
		qemu_split_slot(split, bus, g_ascii_strtoull(addr, NULL, 16) & 0x1f);
	else if (bus && peek_number(opts, "addr", UINT8_MAX, &number))
		qemu_split_slot(split, bus, number >> 3);
	if (peek_number(opts, "chassis", UINT8_MAX, &number))
		split->chassis[number] = true;
}

static bool emit_device(Work *w, Item *item, GError **errp)
{
	note_place(w->split, item->opts);
	if (is_memory_device(item->opts))
		return emit_memory_device(w, item, errp);
	if (is_driver(item->opts, "pxb-cxl"))
		g_ptr_array_add(w->split->bridges, qemu_words_copy(item->opts, wanted_of_bridge));
	return emit_as_is(w, item, errp);
}

/* Defaults for drivers that are cxlbox's. */
static bool emit_global(Work *w, Item *item, GError **errp)
{
	const char *value = item->opt->value;

	if (g_str_has_prefix(value, "cxl-type3") || g_str_has_prefix(value, "driver=cxl-type3"))
		item->owner = OWNER_CXLBOX;
	return emit_as_is(w, item, errp);
}

/* --- monitors --- */

static bool wanted_of_chardev(const char *key)
{
	return strcmp(key, "id") != 0;
}

/* The chardev @id is not QEMU's: QMP on it is ours. */
static bool take_chardev(Work *w, const Item *item, const char *id, bool pretty, GError **errp)
{
	Item *chardev = id ? g_hash_table_lookup(w->chardevs, id) : NULL;
	QemuDoor *door;

	if (!chardev || chardev->owner != OWNER_QEMU)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"chardev \"%s\" not found, or something else has it", id ?: "");
	chardev->owner = OWNER_US;
	door = g_new0(QemuDoor, 1);
	door->chardev = qemu_words_copy(chardev->opts, wanted_of_chardev);
	door->pretty = pretty;
	door->written = cxb_option_written(item->opt);
	door->option = item->opt;
	g_ptr_array_add(w->split->doors, door);
	return true;
}

static bool pretty_of(const CxbOpts *opts)
{
	bool pretty = false;

	for (guint i = 0; i < opts->opts->len; i++) {
		const CxbOpt *opt = opts->opts->pdata[i];

		if (strcmp(opt->key, "pretty") == 0)
			pretty = opt->value.kind == CXB_SCALAR_BOOL
					 ? opt->value.b
					 : opt->value.kind == CXB_SCALAR_TEXT &&
						   cxb_parse_bool(opt->value.s, &pretty) && pretty;
	}
	return pretty;
}

static bool claim_mon(Work *w, Item *item, GError **errp)
{
	if (g_strcmp0(peek(item->opts, "mode"), "control") != 0)
		return true;
	item->owner = OWNER_US;
	return take_chardev(w, item, peek(item->opts, "chardev"), pretty_of(item->opts), errp);
}

static bool claim_qmp(Work *w, Item *item, GError **errp)
{
	const char *value = item->opt->value;
	const bool pretty = strcmp(item->opt->def->name, "qmp-pretty") == 0;
	CxbOpts *opts;
	QemuDoor *door;

	item->owner = OWNER_US;
	if (g_str_has_prefix(value, "chardev:"))
		return take_chardev(w, item, value + strlen("chardev:"), pretty, errp);
	opts = cxb_chardev_parse_legacy(value, errp);
	if (!opts)
		return false;
	door = g_new0(QemuDoor, 1);
	door->chardev = opts;
	door->pretty = pretty;
	door->written = cxb_option_written(item->opt);
	door->option = item->opt;
	g_ptr_array_add(w->split->doors, door);
	return true;
}

/* --- objects --- */

static bool is_backend(const CxbOpts *opts)
{
	const char *type = peek(opts, "qom-type");

	return type && g_str_has_prefix(type, "memory-backend-");
}

/* 0: there is no such backend, or its size is no size; QEMU says so. */
static uint64_t backend_size(const Work *w, const char *id)
{
	const Item *item = g_hash_table_lookup(w->objects, id);
	const CxbScalar *v = item ? cxb_opts_find(item->opts, "size") : NULL;
	uint64_t size;

	if (v && v->kind == CXB_SCALAR_UINT)
		return v->u;
	return v && v->kind == CXB_SCALAR_TEXT && cxb_parse_size(v->s, &size) ? size : 0;
}

static bool claim_object(Work *w, Item *item, GError **errp)
{
	if (g_strcmp0(peek(item->opts, "qom-type"), "monitor-qmp") == 0) {
		item->owner = OWNER_US;
		return take_chardev(w, item, peek(item->opts, "chardev"), pretty_of(item->opts),
				    errp);
	}
	/* Only what goes to a host by its tag has one. */
	if (is_backend(item->opts) && cxb_opts_has(item->opts, "tag"))
		item->owner = OWNER_CXLBOX;
	return true;
}

static bool emit_object(Work *w, Item *item, GError **errp)
{
	const char *id = peek(item->opts, "id");

	if (id && item->owner == OWNER_CXLBOX) {
		const uint64_t size = backend_size(w, id);

		g_hash_table_insert(w->split->objects, g_strdup(id),
				    g_memdup2(&size, sizeof(size)));
	}
	return emit_as_is(w, item, errp);
}

/* --- the machine --- */

/* A window of QEMU's own leads to no device but its own: windows are in the tables alone. */
static bool wanted_of_windows(const char *key)
{
	return g_str_has_prefix(key, "cxl-fmw") || g_str_has_prefix(key, "memory.");
}

static bool wanted_of_machine(const char *key)
{
	static const char *const keys[] = { "cxl", "max-ram-below-4g", "x-oem-id", "x-oem-table-id",
					    NULL };

	return wanted_of_windows(key) || g_strv_contains(keys, key);
}

static bool emit_machine(Work *w, Item *item, GError **errp)
{
	g_autofree char *rest = NULL;
	const char *ram = peek(item->opts, "memory-backend");

	if (ram)
		w->split->ram = backend_size(w, ram);
	if (g_strcmp0(peek(item->opts, "type"), "x-remote") == 0)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"name the machine of the guest: q35, or one of its versions");
	g_ptr_array_add(w->split->machine, qemu_words_copy(item->opts, wanted_of_machine));
	for (guint i = 0; i < item->opts->opts->len; i++) {
		CxbOpt *opt = item->opts->opts->pdata[i];

		opt->used = wanted_of_windows(opt->key);
	}
	rest = qemu_words_opts(item->opts, "type");
	if (*rest)
		qemu_words_add(w->split->qemu, item->opt->flag, rest);
	return true;
}

/* With more to it when the whole is known. */
static bool emit_memory(Work *w, Item *item, GError **errp)
{
	g_ptr_array_add(w->split->memory, g_steal_pointer(&item->opts));
	return true;
}

/* Where Linux sees a hypervisor it does not flush caches, and commits no region. */
static bool emit_cpu(Work *w, Item *item, GError **errp)
{
	g_auto(GStrv) parts = g_strsplit(item->opt->value, ",", -1);
	bool said = g_strcmp0(parts[0], "help") == 0 || g_strcmp0(parts[0], "?") == 0;

	w->has_cpu = true;
	for (char **part = parts; *part; part++)
		said |= strcmp(*part, "+hypervisor") == 0 || strcmp(*part, "-hypervisor") == 0 ||
			g_str_has_prefix(*part, "hypervisor=");
	qemu_words_add_fmt(w->split->qemu, "-cpu", "%s%s", item->opt->value,
			   said ? "" : ",-hypervisor");
	return true;
}

static bool emit_kernel(Work *w, Item *item, GError **errp)
{
	w->split->kernel = item->opt->value;
	return emit_as_is(w, item, errp);
}

/* Another takes its place. */
static bool emit_initrd(Work *w, Item *item, GError **errp)
{
	w->split->initrd = item->opt->value;
	return true;
}

static bool emit_daemonize(Work *w, Item *item, GError **errp)
{
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"this program stays, with the two that it has started: put it in the "
			"background as a whole");
}

/* --- all --- */

static const Rule rules[] = {
	{ "M", true, "type", .strict = true, .emit = emit_machine },
	{ "chardev", true, "backend" },
	{ "cpu", .emit = emit_cpu },
	{ "daemonize", .emit = emit_daemonize },
	{ "device", true, "driver", .claim = claim_device, .emit = emit_device },
	{ "global", .emit = emit_global },
	{ "initrd", .emit = emit_initrd },
	{ "kernel", .emit = emit_kernel },
	{ "m", true, "size", .emit = emit_memory },
	{ "machine", true, "type", .strict = true, .emit = emit_machine },
	{ "mon", true, "chardev", .claim = claim_mon },
	{ "numa", true, "type" },
	{ "object", true, "qom-type", .claim = claim_object, .emit = emit_object },
	{ "qmp", .claim = claim_qmp },
	{ "qmp-pretty", .claim = claim_qmp },
	{ NULL },
};

static const Rule *find_rule(const char *option)
{
	for (const Rule *rule = rules; rule->option; rule++)
		if (strcmp(rule->option, option) == 0)
			return rule;
	return NULL;
}

static bool add_item(Work *w, const Option *opt, GError **errp)
{
	Item *item = g_new0(Item, 1);
	const char *id;

	g_ptr_array_add(w->items, item);
	item->opt = opt;
	item->rule = find_rule(opt->def->name);
	if (!item->rule || !item->rule->parsed)
		return true;
	item->opts =
		item->rule->strict || *opt->value != '{'
			? cxb_opts_parse(opt->value, item->rule->implied, !item->rule->strict, errp)
			: cxb_opts_parse_any(opt->value, item->rule->implied, errp);
	if (!item->opts)
		return false;
	id = peek(item->opts, "id");
	if (id && opt->def->kind == OPT_OBJECT)
		g_hash_table_insert(w->objects, (char *)id, item);
	if (id && opt->def->kind == OPT_CHARDEV)
		g_hash_table_insert(w->chardevs, (char *)id, item);
	return true;
}

static bool claim(Work *w, Item *item, GError **errp)
{
	return !item->rule || !item->rule->claim || item->rule->claim(w, item, errp);
}

/* What has gone to cxlbox QEMU cannot name. */
static bool check(Work *w, Item *item, GError **errp)
{
	static const char *const keys[] = { "memdev", "memory-backend", "chardev", NULL };

	for (unsigned i = 0; item->owner == OWNER_QEMU && keys[i]; i++) {
		const char *id = peek(item->opts, keys[i]);
		const Item *other = NULL;

		if (id)
			other = g_hash_table_lookup(
				strcmp(keys[i], "chardev") == 0 ? w->chardevs : w->objects, id);
		if (other && other->owner != OWNER_QEMU)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"'%s' is not QEMU's: it goes with CXL memory, or is QMP's",
					id);
	}
	return true;
}

static bool emit(Work *w, Item *item, GError **errp)
{
	const RuleFn fn = item->rule && item->rule->emit ? item->rule->emit : emit_as_is;

	return fn(w, item, errp);
}

static bool for_all(Work *w, RuleFn fn, const Option **culprit, GError **errp)
{
	for (guint i = 0; i < w->items->len; i++) {
		Item *item = w->items->pdata[i];

		if (fn(w, item, errp))
			continue;
		*culprit = item->opt;
		return false;
	}
	return true;
}

static bool take_apart(Work *w, GPtrArray *options, const Option **culprit, GError **errp)
{
	for (guint i = 0; i < options->len; i++) {
		const Option *opt = options->pdata[i];

		if (opt->def->kind == OPT_READCONFIG || opt->def->kind == OPT_SET)
			continue; /* worked in */
		if (!add_item(w, opt, errp)) {
			*culprit = opt;
			return false;
		}
	}
	return for_all(w, claim, culprit, errp) && for_all(w, check, culprit, errp) &&
	       for_all(w, emit, culprit, errp);
}

static QemuSplit *split_alloc(void)
{
	QemuSplit *split = g_new0(QemuSplit, 1);

	split->cxlbox = g_ptr_array_new_with_free_func(g_free);
	split->qemu = g_ptr_array_new_with_free_func(g_free);
	split->devices = g_ptr_array_new_with_free_func(device_free);
	split->doors = g_ptr_array_new_with_free_func(door_free);
	split->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	split->buses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	split->ports = g_ptr_array_new_with_free_func(g_free);
	split->slots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	split->memory = g_ptr_array_new_with_free_func(opts_free);
	split->machine = g_ptr_array_new_with_free_func(opts_free);
	split->bridges = g_ptr_array_new_with_free_func(opts_free);
	return split;
}

QemuSplit *qemu_split_new(GPtrArray *options, const char *dir, const Option **culprit,
			  GError **errp)
{
	g_autoptr(QemuSplit) split = split_alloc();
	Work w = {
		.split = split,
		.dir = dir,
		.items = g_ptr_array_new_with_free_func(item_free),
		.objects = g_hash_table_new(g_str_hash, g_str_equal),
		.chardevs = g_hash_table_new(g_str_hash, g_str_equal),
		.devices = g_hash_table_new(g_str_hash, g_str_equal),
	};
	bool ok;

	*culprit = NULL;
	qemu_words_add(split->cxlbox, "-M", "x-remote");
	ok = take_apart(&w, options, culprit, errp);
	if (ok && !w.has_cpu)
		qemu_words_add(split->qemu, "-cpu", "max,-hypervisor");
	g_hash_table_unref(w.objects);
	g_hash_table_unref(w.chardevs);
	g_hash_table_unref(w.devices);
	g_ptr_array_unref(w.items);
	return ok ? g_steal_pointer(&split) : NULL;
}

void qemu_split_free(QemuSplit *split)
{
	if (!split)
		return;
	g_ptr_array_unref(split->cxlbox);
	g_ptr_array_unref(split->qemu);
	g_ptr_array_unref(split->devices);
	g_ptr_array_unref(split->doors);
	g_hash_table_unref(split->objects);
	g_hash_table_unref(split->buses);
	g_ptr_array_unref(split->ports);
	g_hash_table_unref(split->slots);
	g_ptr_array_unref(split->memory);
	g_ptr_array_unref(split->machine);
	g_ptr_array_unref(split->bridges);
	g_free(split);
}
