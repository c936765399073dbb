/* SPDX-License-Identifier: Apache-2.0 */
#include "qom/device.h"

#include <string.h>

#include "base/error.h"
#include "qom.h"

static const CxbDeviceClass *dev_class(const CxbDevice *dev)
{
	return cxb_object_klass(&dev->obj);
}

static const CxbDevBusClass *bus_class(const CxbDevBus *bus)
{
	return cxb_object_klass(&bus->obj);
}

/* Buses, and everything on one that leaves */

static void bus_init(CxbObject *obj)
{
	((CxbDevBus *)obj)->devices = g_ptr_array_new();
}

static void bus_clear(CxbDevBus *bus)
{
	while (bus->devices->len)
		cxb_device_remove(bus->devices->pdata[bus->devices->len - 1]);
}

static void bus_leave(CxbObject *obj)
{
	bus_clear((CxbDevBus *)obj);
}

static void bus_unparent(CxbObject *obj)
{
	CxbDevBus *bus = (CxbDevBus *)obj;

	g_ptr_array_remove(obj->qom->buses, bus);
	bus->owner = NULL;
}

static void bus_finalize(CxbObject *obj)
{
	g_ptr_array_unref(((CxbDevBus *)obj)->devices);
}

static void unplug(CxbDevice *dev)
{
	if (dev->bus)
		g_ptr_array_remove(dev->bus->devices, dev);
	dev->bus = NULL;
}

/* The devices below go before @obj's own resources, on which they may rest. */
static void device_leave(CxbObject *obj)
{
	CxbDevice *dev = (CxbDevice *)obj;

	for (guint i = obj->children ? obj->children->len : 0; i-- > 0;) {
		CxbObject *child = obj->children->pdata[i];

		if (cxb_object_is(child, CXB_TYPE_NAME_BUS))
			bus_clear((CxbDevBus *)child);
	}
	if (dev->realized && dev_class(dev)->unrealize)
		dev_class(dev)->unrealize(dev);
	dev->realized = false;
	unplug(dev);
}

static void device_finalize(CxbObject *obj)
{
	g_free(((CxbDevice *)obj)->id);
}

static bool device_complete(CxbObject *obj, GError **errp)
{
	CxbDevice *dev = (CxbDevice *)obj;

	if (dev_class(dev)->realize && !dev_class(dev)->realize(dev, errp))
		return false;
	dev->realized = true;
	return true;
}

static const CxbDeviceClass no_class;

static const CxbType device_type = {
	.name = CXB_TYPE_NAME_DEVICE,
	.size = sizeof(CxbDevice),
	.flags = CXB_TYPE_ABSTRACT,
	.klass = &no_class,
	.complete = device_complete,
	.leave = device_leave,
	.finalize = device_finalize,
};

static const CxbType bus_type = {
	.name = CXB_TYPE_NAME_BUS,
	.size = sizeof(CxbDevBus),
	.flags = CXB_TYPE_ABSTRACT,
	.init = bus_init,
	.leave = bus_leave,
	.unparent = bus_unparent,
	.finalize = bus_finalize,
};

void cxb_device_types_register(CxbQom *qom)
{
	cxb_qom_register(qom, &device_type);
	cxb_qom_register(qom, &bus_type);
}

CxbDevBus *cxb_dev_bus_new(CxbQom *qom, const CxbType *type, const char *name, CxbDevice *owner,
			   CxbObject *parent, GError **errp)
{
	g_autoptr(CxbObject) obj = cxb_object_new(qom, type);
	CxbDevBus *bus = (CxbDevBus *)obj;

	g_assert(bus_class(bus) && bus_class(bus)->kind);
	bus->owner = owner;
	if (!cxb_object_add(owner ? &owner->obj : parent, name, obj, errp))
		return NULL;
	g_ptr_array_add(qom->buses, bus);
	if (!cxb_object_complete(obj, errp)) {
		cxb_object_unparent(obj);
		return NULL;
	}
	return bus; /* the tree keeps it */
}

CxbDevBus *cxb_dev_bus_find(CxbQom *qom, const char *name, GError **errp)
{
	CxbObject *obj = NULL;

	for (guint i = 0; i < qom->buses->len; i++) {
		CxbDevBus *bus = qom->buses->pdata[i];

		if (strcmp(bus->obj.name, name) == 0)
			return bus;
	}
	if (strchr(name, '/'))
		obj = cxb_qom_resolve(qom, name, CXB_TYPE_NAME_BUS, NULL);
	if (!obj)
		cxb_fail(errp, CXB_ERROR_INVALID, "Bus '%s' not found", name);
	return (CxbDevBus *)obj;
}

void cxb_device_reset(CxbDevice *dev, CxbResetKind kind)
{
	if (dev_class(dev)->reset)
		dev_class(dev)->reset(dev, kind);
}

static void reset_below(CxbDevice *dev, CxbResetKind kind)
{
	for (guint i = 0; dev->obj.children && i < dev->obj.children->len; i++) {
		CxbObject *child = dev->obj.children->pdata[i];

		if (cxb_object_is(child, CXB_TYPE_NAME_BUS))
			cxb_dev_bus_reset((CxbDevBus *)child, kind);
	}
}

void cxb_dev_bus_reset(CxbDevBus *bus, CxbResetKind kind)
{
	/* A reset may finish an unplug that was asked for: walk over a copy. */
	g_autoptr(GPtrArray) devices =
		g_ptr_array_new_with_free_func((GDestroyNotify)cxb_object_unref);

	for (guint i = 0; i < bus->devices->len; i++)
		g_ptr_array_add(devices, cxb_object_ref(bus->devices->pdata[i]));
	for (guint i = 0; i < devices->len; i++) {
		CxbDevice *dev = devices->pdata[i];

		if (!dev->realized)
			continue;
		cxb_device_reset(dev, kind);
		reset_below(dev, kind);
	}
}

/* Adding */

static bool is_kind(const CxbDevBus *bus, const char *kind)
{
	return strcmp(bus_class(bus)->kind, kind) == 0;
}

static bool fail_no_bus(const CxbDevice *dev, GError **errp)
{
	return cxb_fail(errp, CXB_ERROR_INVALID, "No '%s' bus found for device '%s'",
			dev_class(dev)->bus_kind, dev->obj.type->name);
}

static bool bus_accepts(CxbDevBus *bus, CxbDevice *dev, GError **errp)
{
	if (!is_kind(bus, dev_class(dev)->bus_kind))
		return fail_no_bus(dev, errp);
	return !bus_class(bus)->accepts || bus_class(bus)->accepts(bus, dev, errp);
}

static bool bus_hotplugs(const CxbDevBus *bus, GError **errp)
{
	return bus->hotplug || cxb_fail(errp, CXB_ERROR_INVALID,
					"Bus '%s' does not support hotplugging", bus->obj.name);
}

/* The first bus that would take @dev; one that could not do so at run time is only second best. */
static CxbDevBus *choose_bus(CxbDevice *dev, GError **errp)
{
	const GPtrArray *buses = dev->obj.qom->buses;
	CxbDevBus *cold = NULL;

	for (guint i = 0; i < buses->len; i++) {
		CxbDevBus *bus = buses->pdata[i];

		if (!bus_accepts(bus, dev, NULL))
			continue;
		if (!dev->hotplugged || bus->hotplug)
			return bus;
		if (!cold)
			cold = bus;
	}
	if (cold)
		bus_hotplugs(cold, errp);
	else
		fail_no_bus(dev, errp);
	return NULL;
}

static bool fail_no_hotplug(const CxbType *type, GError **errp)
{
	return cxb_fail(errp, CXB_ERROR_INVALID, "Device '%s' does not support hotplugging",
			type->name);
}

static const CxbType *find_driver(CxbQom *qom, CxbOpts *opts, GError **errp)
{
	const CxbType *type;
	const char *name;

	if (!cxb_opts_get_str(opts, "driver", &name, errp))
		return NULL;
	if (!name) {
		cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'driver' is missing");
		return NULL;
	}
	type = cxb_qom_find_type(qom, name);
	if (!type || !cxb_type_is(qom, type, CXB_TYPE_NAME_DEVICE)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "'%s' is not a valid device model name", name);
		return NULL;
	}
	if (type->flags & CXB_TYPE_ABSTRACT) {
		cxb_fail(errp, CXB_ERROR_INVALID,
			 "Parameter 'driver' expects a non-abstract device type");
		return NULL;
	}
	if (!(type->flags & CXB_TYPE_DEVICE)) {
		cxb_fail(errp, CXB_ERROR_INVALID,
			 "Parameter 'driver' expects a pluggable device type");
		return NULL;
	}
	return type;
}

/* What the options say apart from properties. Strings are borrowed from them. */
typedef struct {
	const char *id;
	const char *bus_name;
	const CxbType *type;
	CxbDevBus *bus; /* NULL: none named */
} Request;

/* A command line's own way to give an id complains in its own words. */
static bool id_check(CxbOpts *opts, const char *id, GError **errp)
{
	if (cxb_opts_find(opts, "id")->kind == CXB_SCALAR_TEXT)
		return cxb_id_check(id, errp);
	return cxb_id_valid(id) || cxb_fail(errp, CXB_ERROR_INVALID, "Invalid qdev ID '%s'", id);
}

static bool request_read(Request *r, CxbQom *qom, CxbOpts *opts, bool hotplug, GError **errp)
{
	CxbObject *peripheral = cxb_qom_container(qom, "/machine/peripheral");

	if (!cxb_opts_get_str(opts, "id", &r->id, errp) ||
	    !cxb_opts_get_str(opts, "bus", &r->bus_name, errp))
		return false;
	if (r->id && !id_check(opts, r->id, errp))
		return false;
	if (r->id && !hotplug && cxb_object_child(peripheral, r->id))
		return cxb_fail(errp, CXB_ERROR_INVALID, "Duplicate ID '%s' for device", r->id);
	r->type = find_driver(qom, opts, errp);
	if (!r->type)
		return false;
	if (hotplug && ((const CxbDeviceClass *)cxb_type_node(qom, r->type)->klass)->no_hotplug)
		return fail_no_hotplug(r->type, errp);
	if (r->bus_name) {
		r->bus = cxb_dev_bus_find(qom, r->bus_name, errp);
		if (!r->bus || (hotplug && !bus_hotplugs(r->bus, errp)))
			return false;
	}
	if (r->id && cxb_object_child(peripheral, r->id))
		return cxb_fail(errp, CXB_ERROR_INVALID, "Duplicate device ID '%s'", r->id);
	return true;
}

static bool add_to_tree(CxbDevice *dev, GError **errp)
{
	CxbQom *qom = dev->obj.qom;
	g_autofree char *name = NULL;

	if (dev->id)
		return cxb_object_add(cxb_qom_container(qom, "/machine/peripheral"), dev->id,
				      &dev->obj, errp);
	name = g_strdup_printf("device[%u]", qom->anon++);
	return cxb_object_add(cxb_qom_container(qom, "/machine/peripheral-anon"), name, &dev->obj,
			      errp);
}

bool cxb_device_realize(CxbDevice *dev, CxbDevBus *bus, GError **errp)
{
	g_assert(dev->obj.parent && !dev->bus && !dev->realized);
	if (!bus != !dev_class(dev)->bus_kind)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				bus ? "Device '%s' goes on no bus" : "Device '%s' needs a bus",
				dev->obj.type->name);
	if (bus) {
		if (!bus_accepts(bus, dev, errp))
			return false;
		dev->bus = bus;
		g_ptr_array_add(bus->devices, dev);
	}
	if (cxb_object_complete(&dev->obj, errp))
		return true;
	unplug(dev);
	return false;
}

static bool find_place(CxbDevice *dev, Request *r, GError **errp)
{
	if (!dev_class(dev)->bus_kind)
		return !r->bus || fail_no_bus(dev, errp);
	if (!r->bus)
		r->bus = choose_bus(dev, errp);
	return r->bus;
}

CxbDevice *cxb_device_add(CxbQom *qom, CxbOpts *opts, bool hotplug, GError **errp)
{
	g_autoptr(CxbObject) obj = NULL;
	Request r = { 0 };
	CxbDevice *dev;

	if (!request_read(&r, qom, opts, hotplug, errp))
		return NULL;
	obj = cxb_object_new(qom, r.type);
	dev = (CxbDevice *)obj;
	dev->id = g_strdup(r.id);
	dev->hotplugged = hotplug;
	if (!cxb_globals_apply(obj, errp) || !cxb_object_set_opts(obj, opts, errp) ||
	    !find_place(dev, &r, errp) || !add_to_tree(dev, errp))
		return NULL;
	if (!cxb_device_realize(dev, r.bus, errp)) {
		cxb_object_unparent(obj);
		return NULL;
	}
	return dev; /* the tree keeps it */
}

bool cxb_device_can_unplug(const CxbDevice *dev, GError **errp)
{
	if (dev_class(dev)->no_hotplug)
		return fail_no_hotplug(dev->obj.type, errp);
	if (dev->user)
		return cxb_fail(errp, CXB_ERROR_BUSY, "Device '%s' is in use by '%s'",
				dev->id ?: dev->obj.name, dev->user);
	return !dev->bus || bus_hotplugs(dev->bus, errp);
}

void cxb_device_remove(CxbDevice *dev)
{
	cxb_object_unparent(&dev->obj);
}

CxbDevice *cxb_device_find(CxbQom *qom, const char *id, GError **errp)
{
	CxbObject *obj = cxb_object_child(cxb_qom_container(qom, "/machine/peripheral"), id);

	if (!obj)
		obj = cxb_qom_resolve(qom, id, NULL, errp);
	if (obj && !cxb_object_is(obj, CXB_TYPE_NAME_DEVICE)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "%s is not a device", id);
		return NULL;
	}
	return (CxbDevice *)obj;
}
