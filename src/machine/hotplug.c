/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices that come and go while the machine runs. Going is the host's decision where it has
 * switched the slot on: the attention button is pressed, and the device goes when the host has cut
 * the power, or with the next reset.
 */
#include "internal.h"

#include "base/error.h"
#include "base/trace.h"

/* A second press within five seconds takes the first one back (PCIe 6.0 6.7.1.5). */
#define PRESS_AGAIN_NS (5 * (int64_t)G_USEC_PER_SEC * 1000)

CXB_TRACE(machine_device_add, (const char *path), "%s", path)
CXB_TRACE(machine_device_ask, (const char *path), "%s", path)
CXB_TRACE(machine_device_gone, (const char *path), "%s", path)

/* --- a device and what is below it, which leaves with it --- */

typedef struct {
	char *id, *path;
} Gone;

static void gone_free(gpointer p)
{
	Gone *gone = p;

	g_free(gone->id);
	g_free(gone->path);
	g_free(gone);
}

static void collect(GPtrArray *list, const CxbObject *obj)
{
	for (guint i = 0; obj->children && i < obj->children->len; i++) {
		const CxbDevBus *bus = obj->children->pdata[i];

		if (!cxb_object_is(&bus->obj, CXB_TYPE_NAME_BUS))
			continue;
		for (guint d = 0; d < bus->devices->len; d++)
			collect(list, bus->devices->pdata[d]);
	}
	if (cxb_object_is(obj, CXB_TYPE_NAME_DEVICE)) {
		Gone *gone = g_new0(Gone, 1);

		gone->id = g_strdup(((const CxbDevice *)obj)->id);
		gone->path = cxb_object_path(obj);
		g_ptr_array_add(list, gone);
	}
}

static void forget_gone(CxbMachine *m)
{
	GHashTableIter it;
	gpointer dev;

	g_hash_table_iter_init(&it, m->leaving);
	while (g_hash_table_iter_next(&it, &dev, NULL))
		if (!((CxbDevice *)dev)->realized)
			g_hash_table_iter_remove(&it);
}

static void take_out(CxbMachine *m, CxbDevice *dev)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(gone_free);

	collect(list, &dev->obj);
	cxb_device_remove(dev);
	forget_gone(m);
	for (guint i = 0; i < list->len; i++) {
		const Gone *gone = list->pdata[i];
		const CxbMachineDeleted deleted = { gone->id, gone->path };

		trace_machine_device_gone(gone->path);
		cxb_deleted_notify_run(&m->deleted_notify, &deleted);
	}
}

/* The host has switched the slot off: everything in it goes, asked back or not. */
static void eject(void *opaque, CxbPciDev *port)
{
	GPtrArray *devices = port->secondary->bus.devices;

	while (devices->len)
		take_out(opaque, devices->pdata[devices->len - 1]);
}

/* --- life --- */

void cxb_hotplug_init(CxbMachine *m)
{
	m->leaving = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)cxb_object_unref, g_free);
	cxb_pci_host_set_eject(m->pci, eject, m);
}

void cxb_hotplug_fini(CxbMachine *m)
{
	cxb_pci_host_set_eject(m->pci, NULL, NULL);
	g_hash_table_unref(m->leaving);
}

void cxb_hotplug_reset(CxbMachine *m)
{
	GHashTableIter it;
	gpointer dev;

	for (;;) {
		forget_gone(m);
		g_hash_table_iter_init(&it, m->leaving);
		if (!g_hash_table_iter_next(&it, &dev, NULL))
			break;
		take_out(m, dev);
	}
}

/* --- adding, removing --- */

CxbDevice *cxb_machine_device_add(CxbMachine *m, CxbOpts *opts, GError **errp)
{
	CxbDevice *dev = cxb_device_add(m->qom, opts, true, errp);
	g_autofree char *path = NULL;

	if (!dev)
		return NULL;
	/* What has power for the first time starts from its initial state. */
	cxb_memmap_begin(m->mm);
	cxb_device_reset(dev, CXB_RESET_COLD);
	cxb_memmap_commit(m->mm);
	path = cxb_object_path(&dev->obj);
	trace_machine_device_add(path);
	return dev;
}

/* The port whose slot @dev is in, or NULL. */
static CxbPciDev *slot_of(const CxbDevice *dev)
{
	return dev->bus && cxb_object_is(&dev->bus->obj, CXB_TYPE_NAME_PCI_BUS)
		       ? ((CxbPciBus *)dev->bus)->bridge
		       : NULL;
}

bool cxb_machine_device_del(CxbMachine *m, const char *id, GError **errp)
{
	CxbDevice *dev = cxb_device_find(m->qom, id, errp);
	const int64_t now = cxb_clock_now_ns(m->clock);
	const int64_t *asked;
	g_autofree char *path = NULL;
	CxbPciDev *port;

	if (!dev)
		return false;
	asked = g_hash_table_lookup(m->leaving, dev);
	if (asked && now - *asked < PRESS_AGAIN_NS)
		return cxb_fail(errp, CXB_ERROR_BUSY,
				"Device %s is already in the process of unplug", id);
	port = slot_of(dev);
	if (!cxb_device_can_unplug(dev, errp) || (port && !cxb_pcie_slot_can_unplug(port, errp)))
		return false;
	g_autoptr(CxbObject) keep G_GNUC_UNUSED = cxb_object_ref(&dev->obj);

	if (!port || !cxb_pcie_slot_eject_request(port)) {
		take_out(m, dev);
		return true;
	}
	path = cxb_object_path(&dev->obj);
	trace_machine_device_ask(path);
	/* The press may have been answered at once. */
	if (dev->realized)
		g_hash_table_replace(m->leaving, cxb_object_ref(&dev->obj),
				     g_memdup2(&now, sizeof(now)));
	return true;
}

CxbDeletedNotify *cxb_machine_deleted_notify(CxbMachine *m)
{
	return &m->deleted_notify;
}
