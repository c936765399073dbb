/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cxl-type3-head: a further head of a multi-headed memory device (CXL 3.1 2.5), for another host. It is a
 * function of its own, with its own registers, mailbox, logs and lists, as cxl-type3 is; what it has in
 * common with its device is the dynamic capacity, at the same device physical addresses.
 */
#include "devices.h"

#include "base/error.h"

bool cxb_type3_is_head(const Type3 *t3)
{
	return cxb_object_is(&t3->pci.dev.obj, CXB_TYPE_NAME_CXL_TYPE3_HEAD);
}

bool cxb_type3_dc_join(Type3 *t3, GError **errp)
{
	const Type3 *device = (const Type3 *)t3->device;
	Type3Capacity *c = device ? device->capacity : NULL;

	if (!device)
		return cxb_fail(errp, CXB_ERROR_INVALID, "'device' property not set");
	if (!device->pci.dev.realized || !c)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Property 'cxl-type3-head.device': %s has no dynamic capacity to "
				"share",
				device->path ?: "the device");
	if (c->n_heads == 1)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Property 'cxl-type3-head.device': %s has one head, itself: "
				"'heads' of it says how many",
				device->path);
	if (!t3->head_nr || t3->head_nr >= c->n_heads)
		return cxb_fail(
			errp, CXB_ERROR_INVALID,
			"Property 'cxl-type3-head.head': %u is not 1 to %u: %s has %u heads "
			"and is the first itself",
			t3->head_nr, c->n_heads - 1, device->path, c->n_heads);
	if (c->heads[t3->head_nr])
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Property 'cxl-type3-head.head': %u of %s is %s already",
				t3->head_nr, device->path, c->heads[t3->head_nr]->path);
	cxb_type3_dc_plug(t3, c);
	return true;
}

static const CxbProp head_props[] = {
	{ "device", CXB_PROP_LINK, offsetof(Type3, device),
	  .desc = "cxl-type3, whose dynamic capacity this is a head of",
	  .link_type = CXB_TYPE_NAME_CXL_TYPE3 },
	{ "head", CXB_PROP_U16, offsetof(Type3, head_nr),
	  .desc = "number of the head, from 1 on: the host-id of what is added to it" },
	{ "dc-event-log-size", CXB_PROP_U32, offsetof(Type3, dc_event_log_size),
	  .desc = "records of the dynamic-capacity event log, 1 to 65535", .def = "1024" },
	TYPE3_FUNCTION_PROPS,
	{ "sn", CXB_PROP_U64, offsetof(Type3, sn), .desc = "PCIe device serial number",
	  .def = "0xffffffffffffffff" },
	{ "x-speed", CXB_PROP_ENUM, offsetof(Type3, link_speed), .def = "32",
	  CXB_PCIE_SPEED_VALUES },
	{ "x-width", CXB_PROP_ENUM, offsetof(Type3, link_width), .def = "16",
	  CXB_PCIE_WIDTH_VALUES },
	{ NULL },
};

const CxbType cxb_cxl_type3_head_type = {
	.name = CXB_TYPE_NAME_CXL_TYPE3_HEAD,
	.parent = CXB_TYPE_NAME_PCI_DEVICE,
	.desc = "Head of a CXL Memory Device (Type 3)",
	.category = "Memory",
	.size = sizeof(Type3),
	.flags = CXB_TYPE_DEVICE,
	.props = head_props,
	.klass = &cxb_type3_class,
};
