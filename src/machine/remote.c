/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x-remote: devices for machines elsewhere, which reach them over vfio-user. There is no memory, no
 * host bridge, no window and no host; a device sits on no bus but that of those who serve it. Its
 * reset button is each client's own; system_reset resets all devices.
 */
#include "internal.h"

#include "base/error.h"

#define PCI_CLASS_BRIDGE 6

static const CxbProp props[] = {
	{ "vfio-user", CXB_PROP_BOOL, offsetof(MachineObj, vfio_user), .def = "on",
	  .desc = "devices may be served over vfio-user" },
	{ "auto-shutdown", CXB_PROP_BOOL, offsetof(MachineObj, auto_shutdown), .def = "off",
	  .desc = "the program ends when the last x-vfio-user-server goes" },
	{ NULL },
};

/* What is below a port has addresses that mean something here. */
static bool accepts(CxbPciBus *bus, CxbPciDev *dev, GError **errp)
{
	const CxbPciClass *k = cxb_object_klass(&dev->dev.obj);

	return k->class_code >> 16 != PCI_CLASS_BRIDGE ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"'%s' is a bridge: machine x-remote has devices alone, the bridges are "
			"those of the machine they are served to",
			dev->dev.obj.type->name);
}

bool cxb_machine_is_remote(const CxbMachine *m)
{
	return m->obj->obj.type == &cxb_remote_machine_type;
}

bool cxb_machine_serves(const CxbMachine *m)
{
	return cxb_machine_is_remote(m) && m->obj->vfio_user;
}

bool cxb_machine_auto_shutdown(const CxbMachine *m)
{
	return m->obj->auto_shutdown;
}

static bool create(CxbMachine *m, GError **errp)
{
	cxb_pci_host_set_remote(m->pci);
	m->listener.remote = true;
	m->root_bus = cxb_pci_root_bus_new(m->pci, "remote", 0, true, NULL, &m->obj->obj, errp);
	if (!m->root_bus)
		return false;
	m->root_bus->accepts = accepts;
	m->root_bus->bus.hotplug = true;
	return true;
}

static const MachineClass class = { .create = create };

const CxbType cxb_remote_machine_type = {
	.name = "x-remote-machine",
	.parent = "machine",
	.desc = "Experimental remote machine",
	.size = sizeof(MachineObj),
	.props = props,
	.klass = &class,
};
