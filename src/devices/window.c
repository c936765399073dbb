/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cxl-window: the function, which exists for its BARs alone. A BAR is a power of two in size and lies at a
 * multiple of it, so a window is cut into as many as it takes. It is not for a guest's software to find:
 * whoever has the machine plugs it where nobody looks, and has its BARs put where the window is.
 */
#include "window.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/range.h"

#define MAX_TARGETS 256
#define LARGEST     (UINT64_C(1) << 51)

/* --- parts --- */

/* The largest that starts at @hpa and is not longer than @len. */
static uint64_t part_size(uint64_t hpa, uint64_t len)
{
	uint64_t size = LARGEST;

	while (size > len || hpa % size)
		size /= 2;
	return size;
}

uint64_t cxb_cxl_window_reach(uint64_t base, uint64_t size)
{
	uint64_t reach = 0;

	for (unsigned i = 0; i < WINDOW_BARS && reach < size; i++)
		reach += part_size(base + reach, size - reach);
	return reach;
}

static bool check_place(const CxlWindow *w, GError **errp)
{
	if (!w->size || w->size % CXB_HDM_UNIT)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Property 'cxl-window.size': 0x%" PRIx64
				" is not a multiple of 256 MiB",
				w->size);
	return (w->base % CXB_HDM_UNIT == 0 && cxb_range_within(w->base, w->size, 0, PHYS_LIMIT)) ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"Property 'cxl-window.base': 0x%" PRIx64
			" is not a multiple of 256 MiB with 0x%" PRIx64
			" bytes below 2^52 behind it",
			w->base, w->size);
}

static void parts_fini(CxlWindow *w)
{
	for (unsigned i = 0; i < WINDOW_BARS; i++)
		g_clear_pointer(&w->parts[i].region, cxb_region_free);
}

static bool parts_init(CxlWindow *w, GError **errp)
{
	uint64_t hpa = w->base, left = w->size;

	for (unsigned i = 0; left; i++) {
		const uint64_t size = part_size(hpa, left);
		WindowPart *part = &w->parts[i];

		if (i == WINDOW_BARS) {
			parts_fini(w);
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"Property 'cxl-window.base': 0x%" PRIx64
					" bytes from 0x%" PRIx64
					" on are more than 3 powers of two at multiples of "
					"themselves, which is what a function has BARs for",
					w->size, w->base);
		}
		*part = (WindowPart){ .window = w, .hpa = hpa };
		part->region = cxb_region_new_io("cxl-window", size, &cxb_window_part_ops, part);
		cxb_pci_add_bar(&w->pci, 2 * i, part->region, true, true);
		hpa += size;
		left -= size;
	}
	return true;
}

/* --- targets --- */

static bool check_targets(const CxlWindow *w, GError **errp)
{
	if (!cxb_str_list_check(w->targets, "targets", errp))
		return false;
	for (guint i = 0; w->targets && i < w->targets->len; i++) {
		const char *id = w->targets->pdata[i];
		CxbDevice *dev = cxb_device_find(w->pci.dev.obj.qom, id, errp);

		if (!dev)
			return false;
		if (!cxb_cxl_is_endpoint(dev) || g_strcmp0(dev->id, id) != 0)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"Property 'cxl-window.targets.%u': '%s' is not the id of a "
					"CXL memory device",
					i, id);
	}
	return true;
}

static bool set_target(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		       GError **errp)
{
	return cxb_str_list_set(&((CxlWindow *)obj)->targets, MAX_TARGETS, prop, key, v, errp);
}

/* --- the function --- */

static bool window_realize(CxbPciDev *dev, GError **errp)
{
	CxlWindow *w = (CxlWindow *)dev;
	const CxbCxlListener *listener =
		cxb_qom_get_service(dev->dev.obj.qom, CXB_SERVICE_CXL_LISTENER);

	if (!listener->remote)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"cxl-window is of machine x-remote: others have fixed memory "
				"windows of their own");
	return check_place(w, errp) && check_targets(w, errp) && parts_init(w, errp);
}

static void window_unrealize(CxbPciDev *dev)
{
	parts_fini((CxlWindow *)dev);
}

static void window_finalize(CxbObject *obj)
{
	g_clear_pointer(&((CxlWindow *)obj)->targets, g_ptr_array_unref);
}

static const CxbPciClass window_class = {
	.device = CXB_PCI_DEVICE_CLASS,
	.vendor_id = 0x1234,
	.device_id = 0xc2c3,    /* next to the accelerator's */
	.class_code = 0x058000, /* memory controller of no other kind */
	.revision = 1,
	.realize = window_realize,
	.unrealize = window_unrealize,
};

static const CxbProp window_props[] = {
	{ "base", CXB_PROP_U64, offsetof(CxlWindow, base),
	  .desc = "host address of the window there, a multiple of 256 MiB" },
	{ "size", CXB_PROP_SIZE, offsetof(CxlWindow, size),
	  .desc = "bytes, a multiple of 256 MiB" },
	{ "targets", CXB_PROP_FN, .flags = CXB_PROP_LIST, .type_name = "list",
	  .desc = "targets.N=ID: devices of that machine; all there are if none is named",
	  .set = set_target },
	{ "reads", CXB_PROP_U64, offsetof(CxlWindow, reads), .flags = CXB_PROP_RDONLY,
	  .desc = "loads that came" },
	{ "writes", CXB_PROP_U64, offsetof(CxlWindow, writes), .flags = CXB_PROP_RDONLY,
	  .desc = "stores that came" },
	{ "refused", CXB_PROP_U64, offsetof(CxlWindow, refused), .flags = CXB_PROP_RDONLY,
	  .desc = "of these, those that reached no memory" },
	{ "poisoned", CXB_PROP_U64, offsetof(CxlWindow, poisoned), .flags = CXB_PROP_RDONLY,
	  .desc = "loads that met poison" },
	{ NULL },
};

const CxbType cxb_cxl_window_type = {
	.name = CXB_TYPE_NAME_CXL_WINDOW,
	.parent = CXB_TYPE_NAME_PCI_DEVICE,
	.desc = "CXL fixed memory window of a served machine, by message",
	.category = "Memory",
	.size = sizeof(CxlWindow),
	.flags = CXB_TYPE_DEVICE,
	.props = window_props,
	.klass = &window_class,
	.finalize = window_finalize,
};

/* --- looking --- */

CxbDevice *cxb_cxl_window_find(CxbQom *qom, const char *id, GError **errp)
{
	CxbDevice *dev = cxb_device_find(qom, id, errp);

	if (dev && (!cxb_object_is(&dev->obj, CXB_TYPE_NAME_CXL_WINDOW) || !dev->realized)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "Device '%s' is not a cxl-window", id);
		return NULL;
	}
	return dev;
}

bool cxb_cxl_window_bar(const CxbDevice *window, unsigned nr, uint64_t *hpa, uint64_t *size)
{
	const WindowPart *part = nr % 2 || nr / 2 >= WINDOW_BARS
					 ? NULL
					 : &((const CxlWindow *)window)->parts[nr / 2];

	if (!part || !part->region)
		return false;
	*hpa = part->hpa;
	*size = cxb_region_size(part->region);
	return true;
}
