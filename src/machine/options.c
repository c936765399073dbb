/* SPDX-License-Identifier: Apache-2.0 */
/* The machine object and its properties: what -machine takes. */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "wire/acpi.h"

static MachineObj *of(CxbObject *obj)
{
	return (MachineObj *)obj;
}

/* A number at *@p, below @limit, ended by "." or the end of the string. */
static bool take_index(const char **p, unsigned limit, unsigned *out)
{
	char *end;
	guint64 n;

	if (!g_ascii_isdigit(**p))
		return false;
	n = g_ascii_strtoull(*p, &end, 10);
	if (n >= limit || (*end && *end != '.'))
		return false;
	*p = *end ? end + 1 : end;
	*out = n;
	return true;
}

static bool window_size(const char *key, const CxbScalar *v, uint64_t *out, GError **errp)
{
	if (v->kind == CXB_SCALAR_UINT) {
		*out = v->u;
		return true;
	}
	if (v->kind == CXB_SCALAR_TEXT && cxb_parse_size(v->s, out))
		return true;
	return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' expects size", key);
}

/* "cxl-fmw.N.targets.M", "cxl-fmw.N.size", "cxl-fmw.N.interleave-granularity" */
static bool fmw_set(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		    GError **errp)
{
	MachineObj *mo = of(obj);
	const char *p = key + strlen(prop->name);
	WindowOpts *w;
	unsigned index, target;

	if (*p != '.' || (p++, !take_index(&p, MAX_WINDOWS, &index)) || !*p)
		return cxb_fail(
			errp, CXB_ERROR_INVALID,
			"Parameter '%s' is unexpected: expected cxl-fmw.N.KEY with N from 0 "
			"to %u",
			key, MAX_WINDOWS - 1);
	w = &mo->windows[index];
	if (g_str_has_prefix(p, "targets.")) {
		p += strlen("targets.");
		if (!take_index(&p, MAX_TARGETS, &target) || *p)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"Parameter '%s' is unexpected: at most %u targets", key,
					MAX_TARGETS);
		if (v->kind != CXB_SCALAR_TEXT && v->kind != CXB_SCALAR_STR)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"Invalid parameter type for '%s', expected: string", key);
		if (!w->targets)
			w->targets = g_ptr_array_new_with_free_func(g_free);
		if (w->targets->len <= target)
			g_ptr_array_set_size(w->targets, target + 1);
		g_free(w->targets->pdata[target]);
		w->targets->pdata[target] = g_strdup(v->s);
	} else if (strcmp(p, "size") == 0) {
		if (!window_size(key, v, &w->size, errp))
			return false;
		w->has_size = true;
	} else if (strcmp(p, "interleave-granularity") == 0) {
		if (!window_size(key, v, &w->granularity, errp))
			return false;
	} else {
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' is unexpected", key);
	}
	w->given = true;
	mo->n_windows = MAX(mo->n_windows, index + 1);
	return true;
}

static void machine_obj_finalize(CxbObject *obj)
{
	for (unsigned i = 0; i < MAX_WINDOWS; i++)
		g_clear_pointer(&of(obj)->windows[i].targets, g_ptr_array_unref);
}

/* "memory.size", "memory.max-size", "memory.slots": what -m says. */
static bool memory_set(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		       GError **errp)
{
	CxbMachine *m = of(obj)->m;
	const char *member = key + strlen(prop->name);

	if (strcmp(member, ".size") == 0)
		return window_size(key, v, &m->ram_size, errp);
	if (strcmp(member, ".max-size") == 0) {
		m->has_maxmem = true;
		return window_size(key, v, &m->maxmem, errp);
	}
	if (strcmp(member, ".slots") == 0) {
		m->has_slots = true;
		if (v->kind == CXB_SCALAR_UINT)
			m->slots = v->u;
		else if (v->kind != CXB_SCALAR_TEXT || !cxb_parse_uint(v->s, UINT64_MAX, &m->slots))
			return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' expects integer",
					key);
		return true;
	}
	return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' is unexpected", key);
}

static bool check_below_4g(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	if (v->u > 4ull << 30)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Machine option 'max-ram-below-4g=%" PRIu64
				"' expects size less than or equal to 4G",
				v->u);
	return !v->u || v->u >= LAYOUT_LOW_RAM_MIN ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"max-ram-below-4g: the ACPI tables are in the first 1 MiB");
}

static bool check_oem(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	const size_t max = strcmp(prop->name, "x-oem-id") == 0
				   ? sizeof(((struct wire_acpi_header *)0)->oem_id)
				   : sizeof(((struct wire_acpi_header *)0)->oem_table_id);

	return strlen(v->s) <= max ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"User specified %s value is bigger than %zu bytes in size", prop->name,
			max);
}

static bool check_mmio_size(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	if (v->u & (v->u - 1))
		return cxb_fail(errp, CXB_ERROR_INVALID, "highmem-mmio-size is not a power of 2");
	return v->u >= LAYOUT_VIRT_PCI64_SIZE ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"highmem-mmio-size cannot be set to a lower value than the default (%u "
			"GiB)",
			(unsigned)(LAYOUT_VIRT_PCI64_SIZE >> 30));
}

/* Of every machine that has memory and CXL host bridges. */
/* clang-format off */
#define COMMON_PROPS                                                                             \
	{ "cxl", CXB_PROP_BOOL, offsetof(MachineObj, cxl), .desc = "CXL host bridges and windows", \
	  .def = "off" },                                                                        \
	{ "cxl-fmw", CXB_PROP_FN, .flags = CXB_PROP_LIST, .type_name = "CXLFixedMemoryWindow",   \
	  .desc = "fixed memory windows: cxl-fmw.N.targets.M=ID, .size, .interleave-granularity", \
	  .set = fmw_set },                                                                      \
	{ "memory-backend", CXB_PROP_STR, offsetof(MachineObj, memory_backend),                  \
	  .type_name = "link<memory-backend>", .desc = "id of the memory backend that is RAM" }, \
	{ "memory", CXB_PROP_FN, .flags = CXB_PROP_LIST, .type_name = "MemorySizeConfiguration", \
	  .desc = "what -m says: memory.size, .max-size, .slots", .set = memory_set },           \
	{ "x-oem-id", CXB_PROP_STR, offsetof(MachineObj, oem_id), .def = "CXLBOX",               \
	  .desc = "OEM id of the ACPI tables, 6 bytes", .check = check_oem },                    \
	{ "x-oem-table-id", CXB_PROP_STR, offsetof(MachineObj, oem_table_id), .def = "CXLBOX  ", \
	  .desc = "OEM table id of the ACPI tables, 8 bytes", .check = check_oem }

static const CxbProp q35_props[] = {
	COMMON_PROPS,
	{ "max-ram-below-4g", CXB_PROP_SIZE, offsetof(MachineObj, max_ram_below_4g), .def = "4G",
	  .desc = "RAM below 4 GiB, 1 MiB to 4 GiB; the rest is above", .check = check_below_4g },
	{ NULL },
};

static const CxbProp virt_props[] = {
	COMMON_PROPS,
	{ "highmem-ecam", CXB_PROP_BOOL, offsetof(MachineObj, highmem_ecam), .def = "on",
	  .desc = "configuration space of 256 buses above RAM, not of 16 below" },
	{ "highmem-mmio", CXB_PROP_BOOL, offsetof(MachineObj, highmem_mmio), .def = "on",
	  .desc = "an aperture for 64-bit BARs above RAM" },
	{ "highmem-mmio-size", CXB_PROP_SIZE, offsetof(MachineObj, highmem_mmio_size),
	  .def = "512G", .desc = "its size, a power of 2 of at least 512 GiB",
	  .check = check_mmio_size },
	{ "gic-version", CXB_PROP_STR, offsetof(MachineObj, unused.gic_version),
	  .desc = "no effect: there is the doorbell of an ITS alone" },
	{ "iommu", CXB_PROP_STR, offsetof(MachineObj, unused.iommu),
	  .desc = "no effect: there is no IOMMU" },
	{ "its", CXB_PROP_BOOL, offsetof(MachineObj, unused.its), .def = "on",
	  .desc = "no effect: its doorbell is there" },
	{ "mte", CXB_PROP_BOOL, offsetof(MachineObj, unused.mte),
	  .desc = "no effect: there is no CPU" },
	{ "ras", CXB_PROP_BOOL, offsetof(MachineObj, unused.ras),
	  .desc = "no effect: there is no CPU" },
	{ "secure", CXB_PROP_BOOL, offsetof(MachineObj, unused.secure),
	  .desc = "no effect: there is no CPU" },
	{ "virtualization", CXB_PROP_BOOL, offsetof(MachineObj, unused.virtualization),
	  .desc = "no effect: there is no CPU" },
	{ NULL },
};
/* clang-format on */

const CxbType cxb_machine_base_type = {
	.name = "machine",
	.desc = "machine",
	.size = sizeof(MachineObj),
	.flags = CXB_TYPE_ABSTRACT,
	.props = machine_unused_props,
	.finalize = machine_obj_finalize,
};

const CxbType cxb_q35_machine_type = {
	.name = CXB_MACHINE_TYPE_NAME,
	.parent = "machine",
	.desc = "Standard PC (Q35 + ICH9, 2009)",
	.size = sizeof(MachineObj),
	.props = q35_props,
	.klass = &cxb_q35_class,
};

const CxbType cxb_virt_machine_type = {
	.name = "virt-11.1-machine",
	.parent = "machine",
	.desc = "QEMU 11.1 ARM Virtual Machine",
	.size = sizeof(MachineObj),
	.props = virt_props,
	.klass = &cxb_virt_class,
};

void cxb_machine_print_types(void)
{
	printf("Supported machines are:\n"
	       "%-20s %s (alias of pc-q35-11.1)\n"
	       "%-20s %s (default)\n"
	       "%-20s %s (alias of virt-11.1)\n"
	       "%-20s %s\n"
	       "%-20s %s\n",
	       "q35", cxb_q35_machine_type.desc, "pc-q35-11.1", cxb_q35_machine_type.desc, "virt",
	       cxb_virt_machine_type.desc, "virt-11.1", cxb_virt_machine_type.desc, "x-remote",
	       cxb_remote_machine_type.desc);
}

/* Those of QEMU 11.1. */
static const CxbMachineTypeName type_names[] = {
	{ "pc-q35-5.2", .deprecated = true, .ram_id = "pc.ram" },
	{ "pc-q35-6.0", .deprecated = true, .ram_id = "pc.ram" },
	{ "pc-q35-6.1", .deprecated = true, .ram_id = "pc.ram" },
	{ "pc-q35-6.2", .deprecated = true, .ram_id = "pc.ram" },
	{ "pc-q35-7.0", .deprecated = true, .ram_id = "pc.ram" },
	{ "pc-q35-7.1", .deprecated = true, .ram_id = "pc.ram" },
	{ "pc-q35-7.2", .deprecated = true, .ram_id = "pc.ram" },
	{ "pc-q35-8.0", .deprecated = true, .ram_id = "pc.ram" },
	{ "pc-q35-8.1", .deprecated = true, .ram_id = "pc.ram" },
	{ "pc-q35-8.2", .ram_id = "pc.ram" },
	{ "pc-q35-9.0", .ram_id = "pc.ram" },
	{ "pc-q35-9.1", .ram_id = "pc.ram" },
	{ "pc-q35-9.2", .ram_id = "pc.ram" },
	{ "pc-q35-10.0", .ram_id = "pc.ram" },
	{ "pc-q35-10.1", .ram_id = "pc.ram" },
	{ "pc-q35-10.2", .ram_id = "pc.ram" },
	{ "pc-q35-11.0", .ram_id = "pc.ram" },
	{ "pc-q35-11.1", .alias = "q35", .is_default = true, .ram_id = "pc.ram" },
	{ "virt-11.1", .alias = "virt", .ram_id = "mach-virt.ram" },
	{ NULL },
};

const CxbMachineTypeName *cxb_machine_type_names(void)
{
	return type_names;
}

/* NULL: there is no such machine. */
static const CxbType *type_of(const char *type)
{
	if (strcmp(type, "x-remote") == 0)
		return &cxb_remote_machine_type;
	for (const CxbMachineTypeName *t = type_names; t->name; t++)
		if (strcmp(t->name, type) == 0 || g_strcmp0(t->alias, type) == 0)
			return g_str_has_prefix(t->name, "virt-") ? &cxb_virt_machine_type
								  : &cxb_q35_machine_type;
	return NULL;
}

bool cxb_machine_set_opts(CxbMachine *m, CxbOpts *opts, GError **errp)
{
	const CxbType *want;
	const char *type;

	g_assert(!m->created);
	if (!cxb_opts_get_str(opts, "type", &type, errp))
		return false;
	want = type ? type_of(type) : m->obj->obj.type;
	if (!want)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"unsupported machine type: \"%s\"\n"
				"Use -machine help to list supported machines",
				type);
	if (cxb_opts_has(opts, "help")) {
		if (!type)
			cxb_machine_print_types();
		else if (!cxb_type_print_help(m->qom, want->name, errp))
			return false;
		return cxb_fail(errp, CXB_ERROR_HELP, "help");
	}
	if (want != m->obj->obj.type) {
		if (m->opts_given)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"machine type \"%s\" comes behind properties of another: "
					"name it first",
					type);
		cxb_machine_object_make(m, want);
	}
	m->opts_given |= cxb_opts_unused(opts) != NULL;
	return cxb_object_set_opts(&m->obj->obj, opts, errp);
}

/* Digits, with a sign and a suffix if need be, that no 64 bits hold. */
static bool size_too_large(const char *text)
{
	const char *p = text + (*text == '-');
	const size_t n = strspn(p, "0123456789");

	return n && (!p[n] || (strchr("bBkKmMgGtTpPeE", p[n]) && !p[n + 1]));
}

static bool out_of_range(const char *key, const char *text, GError **errp)
{
	return cxb_fail(errp, CXB_ERROR_INVALID, "Value '%s' is out of range for parameter '%s'",
			text, key);
}

static bool memory_size(CxbOpts *opts, const char *key, bool mib, uint64_t *out, bool *given,
			GError **errp)
{
	const CxbScalar *v = cxb_opts_find(opts, key);
	const char *text = v && v->kind == CXB_SCALAR_TEXT ? v->s : "";
	uint64_t size;

	if (!v)
		return true;
	if (g_str_has_prefix(text, "0x") || g_str_has_prefix(text, "0X"))
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'memory.%s' expects size", key);
	if (!cxb_parse_size(text, &size)) {
		if (size_too_large(text))
			return out_of_range(key, text, errp);
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Parameter '%s' expects a non-negative number below 2^64\n"
				"Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, "
				"tera-, peta-\nand exabytes, respectively.",
				key);
	}
	if (mib && g_ascii_isdigit(text[strlen(text) - 1])) {
		if (size > UINT64_MAX >> 20)
			return out_of_range(key, text, errp);
		size <<= 20;
	}
	*out = size;
	*given = true;
	return true;
}

bool cxb_machine_set_memory(CxbMachine *m, CxbOpts *opts, GError **errp)
{
	const CxbScalar *v;
	bool given = false;
	const char *unknown;

	g_assert(!m->created);
	if (!memory_size(opts, "size", true, &m->ram_size, &given, errp) ||
	    !memory_size(opts, "maxmem", false, &m->maxmem, &m->has_maxmem, errp))
		return false;
	v = cxb_opts_find(opts, "slots");
	if (v) {
		if (v->kind != CXB_SCALAR_TEXT || !cxb_parse_uint(v->s, UINT64_MAX, &m->slots))
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"Parameter 'slots' expects a number");
		m->has_slots = true;
	}
	unknown = cxb_opts_unused(opts);
	return !unknown || cxb_fail(errp, CXB_ERROR_INVALID, "Invalid parameter '%s'", unknown);
}
