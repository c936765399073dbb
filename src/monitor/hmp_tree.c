/* SPDX-License-Identifier: Apache-2.0 */
/* "info mtree", "info qtree", "info qom-tree": what the machine is made of. */
#include <inttypes.h>
#include <string.h>

#include "hmp.h"
#include "io/json.h"

/* --- info mtree --- */

static void print_range(void *opaque, uint64_t hpa, uint64_t len, const CxbRegion *region,
			uint64_t region_off)
{
	GString *out = opaque;

	g_string_append_printf(out, "  %016" PRIx64 "-%016" PRIx64 " (prio %d, %s): %s", hpa,
			       hpa + len - 1, cxb_region_priority(region), cxb_region_kind(region),
			       cxb_region_name(region));
	if (region_off)
		g_string_append_printf(out, " @%016" PRIx64, region_off);
	g_string_append_c(out, '\n');
}

/* As placed: what is hidden by a region of a higher priority shows too. */
static void print_placed(void *opaque, uint64_t hpa, uint64_t len, const CxbRegion *region,
			 uint64_t region_off)
{
	g_string_append(opaque, "  ");
	print_range(opaque, hpa, len, region, region_off);
}

void hmp_info_mtree(CxbQmp *qmp, char **args, GString *out)
{
	CxbMemMap *mm = cxb_machine_memmap(qmp->machine);

	if (*args[0]) { /* -f */
		g_string_append(out, "FlatView #0\n AS \"memory\", root: system\n"
				     " Root memory region: system\n");
		cxb_memmap_foreach(mm, print_range, out);
	} else {
		g_string_append_printf(out,
				       "address-space: memory\n"
				       "  %016x-%016" PRIx64 " (prio 0, container): system\n",
				       0, UINT64_MAX);
		cxb_memmap_foreach_placed(mm, print_placed, out);
	}
	g_string_append_c(out, '\n');
}

/* --- info qom-tree --- */

static gint by_name(gconstpointer a, gconstpointer b)
{
	const CxbObject *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void print_composition(const CxbObject *obj, int indent, GString *out)
{
	g_autoptr(GPtrArray) children = g_ptr_array_new();

	g_string_append_printf(out, "%*s/%s (%s)\n", indent, "", obj->parent ? obj->name : "",
			       obj->type->name);
	for (guint i = 0; obj->children && i < obj->children->len; i++)
		g_ptr_array_add(children, obj->children->pdata[i]);
	g_ptr_array_sort(children, by_name);
	for (guint i = 0; i < children->len; i++)
		print_composition(children->pdata[i], indent + 2, out);
}

void hmp_info_qom_tree(CxbQmp *qmp, char **args, GString *out)
{
	const char *path = args[0] ?: "/machine";
	const CxbObject *obj = cxb_qom_resolve(cxb_machine_qom(qmp->machine), path, NULL, NULL);

	if (obj)
		print_composition(obj, 0, out);
	else
		g_string_append_printf(out, "Path '%s' could not be resolved.\n", path);
}

/* --- info qtree --- */

static void print_prop(CxbObject *obj, const CxbProp *prop, int indent, GString *out)
{
	g_auto(CxbScalar) v = { 0 };

	if (!cxb_object_get(obj, prop->name, &v, NULL))
		return;
	g_string_append_printf(out, "%*s%s = ", indent, "", prop->name);
	switch (v.kind) {
	case CXB_SCALAR_UINT:
		g_string_append_printf(out, "%" PRIu64 " (0x%" PRIx64 ")\n", v.u, v.u);
		break;
	case CXB_SCALAR_INT:
		g_string_append_printf(out, "%" PRId64 "\n", v.i);
		break;
	case CXB_SCALAR_BOOL:
		g_string_append_printf(out, "%s\n", v.b ? "true" : "false");
		break;
	case CXB_SCALAR_STR:
	case CXB_SCALAR_TEXT:
		g_string_append_printf(out, "\"%s\"\n", v.s);
		break;
	default:
		g_string_append(out, "<null>\n");
	}
}

static void print_bus(const CxbDevBus *bus, int indent, GString *out);

static void print_device(CxbQom *qom, CxbDevice *dev, int indent, GString *out)
{
	CxbObject *obj = &dev->obj;

	g_string_append_printf(out, "%*sdev: %s, id \"%s\"\n", indent, "", obj->type->name,
			       dev->id ? dev->id : "");
	indent += 2;
	for (const CxbType *t = obj->type; t && strcmp(t->name, CXB_TYPE_NAME_DEVICE) != 0;
	     t = t->parent ? cxb_qom_find_type(qom, t->parent) : NULL)
		for (const CxbProp *prop = t->props; prop && prop->name; prop++)
			if (cxb_object_find_prop(obj, prop->name) == prop)
				print_prop(obj, prop, indent, out);
	for (guint i = 0; obj->children && i < obj->children->len; i++)
		if (cxb_object_is(obj->children->pdata[i], CXB_TYPE_NAME_BUS))
			print_bus(obj->children->pdata[i], indent, out);
}

static void print_bus(const CxbDevBus *bus, int indent, GString *out)
{
	g_string_append_printf(out, "%*sbus: %s\n%*stype %s\n", indent, "", bus->obj.name,
			       indent + 2, "", bus->obj.type->name);
	for (guint i = 0; i < bus->devices->len; i++)
		print_device(bus->obj.qom, bus->devices->pdata[i], indent + 2, out);
}

void hmp_info_qtree(CxbQmp *qmp, char **args, GString *out)
{
	const CxbPciBus *bus = cxb_pci_root_bus(cxb_machine_pci(qmp->machine), 0);

	if (bus)
		print_bus(&bus->bus, 0, out);
}
