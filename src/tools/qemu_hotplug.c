/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu_hotplug.h"

#include <json-c/linkhash.h>
#include <string.h>

#include "base/error.h"
#include "base/message.h"
#include "io/json_put.h"

/* Memory of the guest's is being unmapped, which is a few milliseconds' work. */
#define RETRY_MS  20
#define RETRY_MAX 500

/* In this order a device comes, and in the other it goes. */
typedef enum {
	STEP_DEVICE, /* cxlbox has it, */
	STEP_SERVER, /* serves it, */
	STEP_PLUG,   /* QEMU has a place for it, and cxlbox */
	STEP_GUEST,  /* maps its memory */
	STEPS,
} Step;

typedef struct {
	char *id;
	QemuPlace *place; /* NULL: it has none, nothing of it is mapped */
	bool in_qemu;
} Device;

struct QemuHotplug {
	const char *dir;
	const QemuGuest *guest;
	CxbQmpClient *cxlbox, *qemu;
	GHashTable *devices; /* id -> Device * */
	GHashTable *changes; /* set of Change *, under way */
};

/* A device that comes, or goes. */
typedef struct {
	QemuHotplug *h;
	Device *dev;
	json_object *args; /* of device_add; NULL: it goes */
	Step step;
	char *error;
	unsigned tries;
	guint retry;
	QemuHotplugDone done;
	void *opaque;
} Change;

static void device_free(void *p)
{
	Device *dev = p;

	if (dev->place)
		dev->place->taken = false;
	g_free(dev->id);
	g_free(dev);
}

static void change_free(void *p)
{
	Change *c = p;

	if (c->retry)
		g_source_remove(c->retry);
	json_object_put(c->args);
	g_free(c->error);
	g_free(c);
}

static QemuPlace *free_place(const QemuHotplug *h)
{
	for (guint i = 0; i < h->guest->places->len; i++) {
		QemuPlace *place = &g_array_index(h->guest->places, QemuPlace, i);

		if (!place->taken)
			return place;
	}
	return NULL;
}

static Device *add_device(QemuHotplug *h, const char *id, QemuPlace *place)
{
	Device *dev = g_new0(Device, 1);

	dev->id = g_strdup(id);
	dev->place = place;
	if (place)
		place->taken = true;
	g_hash_table_insert(h->devices, dev->id, dev);
	return dev;
}

QemuHotplug *qemu_hotplug_new(const QemuSplit *split, const QemuGuest *guest, const char *dir)
{
	QemuHotplug *h = g_new0(QemuHotplug, 1);

	h->dir = dir;
	h->guest = guest;
	h->devices = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, device_free);
	h->changes = g_hash_table_new_full(NULL, NULL, change_free, NULL);
	for (guint i = 0; i < split->devices->len; i++)
		add_device(h, ((QemuDevice *)split->devices->pdata[i])->id, free_place(h))
			->in_qemu = true;
	return h;
}

void qemu_hotplug_free(QemuHotplug *h)
{
	if (!h)
		return;
	g_hash_table_unref(h->changes);
	g_hash_table_unref(h->devices);
	g_free(h);
}

void qemu_hotplug_clients(QemuHotplug *h, CxbQmpClient *cxlbox, CxbQmpClient *qemu)
{
	h->cxlbox = cxlbox;
	h->qemu = qemu;
}

bool qemu_hotplug_knows(const QemuHotplug *h, const char *id)
{
	return id && g_hash_table_contains(h->devices, id);
}

static void finish(Change *c, bool gone)
{
	QemuHotplug *h = c->h;
	const QemuHotplugDone done = c->done;
	void *opaque = c->opaque;
	g_autofree char *error = g_steal_pointer(&c->error);

	if (gone)
		g_hash_table_remove(h->devices, c->dev->id);
	g_hash_table_remove(h->changes, c);
	done(opaque, error);
}

static void send(Change *c, CxbQmpClient *client, const char *command, json_object *args,
		 CxbQmpAnswer answer)
{
	if (client) {
		cxb_qmp_client_send(client, command, args, answer, c);
		return;
	}
	json_object_put(args);
	answer(c, NULL, "the program it is for has ended");
}

/* --- what each step says --- */

static json_object *with_id(const char *prefix, const char *id)
{
	json_object *o = json_object_new_object();
	g_autofree char *name = g_strconcat(prefix, id, NULL);

	cxb_json_put_str(o, "id", name);
	return o;
}

/* These stay with the place in QEMU. */
static bool is_of_place(const char *key)
{
	static const char *const keys[] = { "bus", "addr", "multifunction", NULL };

	return g_strv_contains(keys, key);
}

static json_object *device_args(const Change *c)
{
	json_object *o = json_object_new_object();

	json_object_object_foreach(c->args, key, value)
	{
		if (!is_of_place(key))
			json_object_object_add(o, key, json_object_get(value));
	}
	return o;
}

static json_object *socket_address(const Change *c)
{
	g_autofree char *path = qemu_split_socket(c->h->dir, c->dev->id);
	json_object *o = json_object_new_object();

	cxb_json_put_str(o, "type", "unix");
	cxb_json_put_str(o, "path", path);
	return o;
}

static json_object *place_args(const Change *c)
{
	json_object *o = json_object_new_object();

	cxb_json_put_str(o, "driver", "vfio-user-pci");
	cxb_json_put_str(o, "id", c->dev->id);
	json_object_object_foreach(c->args, key, value)
	{
		if (is_of_place(key))
			json_object_object_add(o, key, json_object_get(value));
	}
	json_object_object_add(o, "socket", socket_address(c));
	return o;
}

/* Of a head it is the device that has it, and its number. */
static void put_served(const Change *c, json_object *o)
{
	const char *device = cxb_json_str(c->args, "device");
	json_object *head;

	cxb_json_put_str(o, "device", device ?: c->dev->id);
	if (device && json_object_object_get_ex(c->args, "head", &head))
		json_object_object_add(o, "head", json_object_get(head));
}

static json_object *server_args(const Change *c)
{
	g_autofree char *path = qemu_split_socket(c->h->dir, c->dev->id);
	json_object *o = with_id(QEMU_SERVER_PREFIX, c->dev->id);

	cxb_json_put_str(o, "qom-type", "x-vfio-user-server");
	cxb_json_put_str(o, "path", path);
	put_served(c, o);
	return o;
}

static json_object *guest_args(const Change *c)
{
	g_autofree char *qmp = g_strconcat("unix:", c->dev->place->qmp, NULL);
	json_object *o = with_id(QEMU_GUEST_PREFIX, c->dev->id);

	cxb_json_put_str(o, "qom-type", "cxl-guest");
	cxb_json_put_str(o, "qmp", qmp);
	cxb_json_put_str(o, "ports", c->dev->place->ports);
	put_served(c, o);
	return o;
}

/* --- going --- */

static void take_away(Change *c);

static gboolean try_again(gpointer opaque)
{
	Change *c = opaque;

	c->retry = 0;
	take_away(c);
	return G_SOURCE_REMOVE;
}

static void taken_away(void *opaque, json_object *ret, const char *error)
{
	Change *c = opaque;

	if (error && c->step == STEP_GUEST && c->h->cxlbox && c->tries++ < RETRY_MAX) {
		c->retry = g_timeout_add(RETRY_MS, try_again, c);
		return;
	}
	if (error)
		cxb_message("something of '%s' is left behind in cxlbox: %s", c->dev->id, error);
	if (c->step == STEP_DEVICE) {
		finish(c, true);
		return;
	}
	c->step = c->step == STEP_GUEST ? STEP_SERVER : STEP_DEVICE;
	take_away(c);
}

static void take_away(Change *c)
{
	static const char *const prefixes[] = {
		[STEP_DEVICE] = "",
		[STEP_SERVER] = QEMU_SERVER_PREFIX,
		[STEP_GUEST] = QEMU_GUEST_PREFIX,
	};

	send(c, c->h->cxlbox, c->step == STEP_DEVICE ? "device_del" : "object-del",
	     with_id(prefixes[c->step], c->dev->id), taken_away);
}

static Change *begin(QemuHotplug *h, Device *dev, QemuHotplugDone done, void *opaque)
{
	Change *c = g_new0(Change, 1);

	c->h = h;
	c->dev = dev;
	c->done = done;
	c->opaque = opaque;
	g_hash_table_add(h->changes, c);
	return c;
}

bool qemu_hotplug_deleted(QemuHotplug *h, const char *id, QemuHotplugDone done, void *opaque)
{
	Device *dev = id ? g_hash_table_lookup(h->devices, id) : NULL;
	Change *c;

	if (!dev || !dev->in_qemu)
		return false;
	dev->in_qemu = false;
	c = begin(h, dev, done, opaque);
	c->step = dev->place ? STEP_GUEST : STEP_SERVER;
	take_away(c);
	return true;
}

/* --- coming --- */

static void ignore(void *opaque, json_object *ret, const char *error)
{
}

static void come(Change *c);

static void came(void *opaque, json_object *ret, const char *error)
{
	Change *c = opaque;

	if (!error) {
		c->dev->in_qemu |= c->step == STEP_PLUG;
		c->step++;
		come(c);
		return;
	}
	c->error = g_strdup(error);
	switch (c->step) {
	case STEP_DEVICE:
		finish(c, true);
		break;
	case STEP_SERVER:
	case STEP_PLUG:
		c->step--;
		take_away(c);
		break;
	default:
		/* It is in the guest, which is asked to let it go; the rest follows then. */
		c->dev->place->taken = false;
		c->dev->place = NULL;
		if (c->h->qemu)
			cxb_qmp_client_send(c->h->qemu, "device_del", with_id("", c->dev->id),
					    ignore, NULL);
		finish(c, false);
	}
}

static void come(Change *c)
{
	QemuHotplug *h = c->h;

	switch (c->step) {
	case STEP_DEVICE:
		send(c, h->cxlbox, "device_add", device_args(c), came);
		return;
	case STEP_SERVER:
		send(c, h->cxlbox, "object-add", server_args(c), came);
		return;
	case STEP_PLUG:
		send(c, h->qemu, "device_add", place_args(c), came);
		return;
	case STEP_GUEST:
		if (c->dev->place) {
			send(c, h->cxlbox, "object-add", guest_args(c), came);
			return;
		}
		break;
	case STEPS:
		break;
	}
	finish(c, false);
}

static const char *wrong(const QemuHotplug *h, json_object *args)
{
	const char *id = cxb_json_str(args, "id");

	if (!id)
		return "Parameter 'id' is missing: a CXL memory device is known by it on both "
		       "sides";
	if (!cxb_id_valid(id))
		return "Parameter 'id' expects an identifier";
	if (!cxb_json_str(args, "bus"))
		return "Parameter 'bus' is missing: name the root port that it is plugged into";
	if (qemu_hotplug_knows(h, id))
		return "there is, or was a moment ago, a CXL memory device of that id";
	if (h->guest->places->len && !free_place(h))
		return "no hidden ports are left for it: there can be as many CXL memory devices "
		       "as ports for them at the start, and --ports for each";
	return NULL;
}

void qemu_hotplug_add(QemuHotplug *h, json_object *args, QemuHotplugDone done, void *opaque)
{
	const char *error = wrong(h, args);
	Change *c;

	if (error) {
		done(opaque, error);
		return;
	}
	c = begin(h, add_device(h, cxb_json_str(args, "id"), free_place(h)), done, opaque);
	c->args = json_object_get(args);
	come(c);
}
