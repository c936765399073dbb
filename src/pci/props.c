/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The properties that every PCI function has, QEMU's. Those about what is not here (option ROMs, DMA,
 * firmware that names slots) are taken where they change nothing that can be seen, and refused where
 * they ask for something.
 */
#include "internal.h"

#define ACPI_INDEX_MAX 16383

/* --- addr --- */

/* Two numbers in hex, the second optional, "0x" in front allowed: "1f.2", "0x1f.0x2". */
static bool parse_addr(const char *text, int32_t *devfn)
{
	unsigned part[2] = { 0, 0 }, n = 0;
	const char *p = text;

	for (;;) {
		unsigned digits = 0;

		if (p[0] == '0' && (p[1] | 0x20) == 'x')
			p += 2;
		while (g_ascii_isxdigit(*p) && digits++ < 4)
			part[n] = part[n] << 4 | g_ascii_xdigit_value(*p++);
		if (!digits)
			return false;
		if (*p != '.' || n)
			break;
		p++;
		n++;
	}
	if (*p || part[0] > 31 || part[1] > 7)
		return false;
	*devfn = part[0] << 3 | part[1];
	return true;
}

static bool addr_set(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		     GError **errp)
{
	CxbPciDev *dev = CXB_PCI_DEV(obj);

	switch (v->kind) {
	case CXB_SCALAR_TEXT:
	case CXB_SCALAR_STR:
		if (parse_addr(v->s, &dev->devfn_prop))
			return true;
		return cxb_fail(errp, CXB_ERROR_INVALID, "Property '%s.%s' doesn't take value '%s'",
				obj->type->name, key, v->s);
	case CXB_SCALAR_UINT:
		if (v->u > 255)
			break;
		dev->devfn_prop = v->u;
		return true;
	case CXB_SCALAR_INT:
		if (v->i != -1)
			break;
		dev->devfn_prop = -1;
		return true;
	default:
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Invalid parameter type for '%s', expected: string", key);
	}
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"Parameter '%s' expects a value between -1 and 255", key);
}

static bool addr_get(CxbObject *obj, const CxbProp *prop, CxbScalar *out, GError **errp)
{
	const CxbPciDev *dev = CXB_PCI_DEV(obj);

	if (dev->dev.realized)
		*out = (CxbScalar){ .kind = CXB_SCALAR_UINT, .u = dev->devfn };
	else if (dev->devfn_prop >= 0)
		*out = (CxbScalar){ .kind = CXB_SCALAR_UINT, .u = dev->devfn_prop };
	else
		*out = (CxbScalar){ .kind = CXB_SCALAR_INT, .i = -1 };
	return true;
}

/* --- busnr --- */

static bool busnr_get(CxbObject *obj, const CxbProp *prop, CxbScalar *out, GError **errp)
{
	const CxbPciDev *dev = CXB_PCI_DEV(obj);

	*out = (CxbScalar){
		.kind = CXB_SCALAR_UINT,
		.u = dev->dev.realized ? cxb_pci_bus_nr(cxb_pci_dev_bus(dev)) : 0,
	};
	return true;
}

/* --- rombar: a number with a sign, the only one --- */

static bool rombar_set(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		       GError **errp)
{
	int64_t n;

	switch (v->kind) {
	case CXB_SCALAR_TEXT:
		if (!g_ascii_string_to_signed(v->s, 10, INT32_MIN, INT32_MAX, &n, NULL))
			return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' expects integer",
					key);
		break;
	case CXB_SCALAR_UINT:
		n = MIN(v->u, INT64_MAX);
		break;
	case CXB_SCALAR_INT:
		n = v->i;
		break;
	default:
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Invalid parameter type for '%s', expected: integer", key);
	}
	if (n < INT32_MIN || n > INT32_MAX)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' expects int32_t", key);
	CXB_PCI_DEV(obj)->rombar = n;
	return true;
}

static bool rombar_get(CxbObject *obj, const CxbProp *prop, CxbScalar *out, GError **errp)
{
	const int32_t n = CXB_PCI_DEV(obj)->rombar;

	if (n < 0)
		*out = (CxbScalar){ .kind = CXB_SCALAR_INT, .i = n };
	else
		*out = (CxbScalar){ .kind = CXB_SCALAR_UINT, .u = n };
	return true;
}

/* --- checks --- */

static bool check_romsize(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	return v->u == UINT32_MAX || (v->u && !(v->u & (v->u - 1))) ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"ROM size %" G_GUINT64_FORMAT " is not a power of two", v->u);
}

static bool check_acpi_index(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	return v->u <= ACPI_INDEX_MAX ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "acpi-index should be less or equal to %u",
			ACPI_INDEX_MAX);
}

/* What asks for a part that is not here; the empty string asks for nothing. */
static bool check_absent(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	return !*v->s ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "%s=%s: %s", prop->name, v->s, prop->desc);
}

bool pci_acpi_index_take(CxbPciDev *dev, GError **errp)
{
	const gpointer index = GUINT_TO_POINTER(dev->acpi_index);

	return !dev->acpi_index || g_hash_table_add(pci_host(dev)->acpi_indices, index) ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "a PCI device with acpi-index = %u already exist",
			dev->acpi_index);
}

void pci_acpi_index_give(CxbPciDev *dev)
{
	g_hash_table_remove(pci_host(dev)->acpi_indices, GUINT_TO_POINTER(dev->acpi_index));
}

#define DEV(field) offsetof(CxbPciDev, field)

const CxbProp pci_dev_props[] = {
	{ "acpi-index", CXB_PROP_U32, DEV(acpi_index), .def = "0", .check = check_acpi_index,
	  .desc = "unique number up to 16383; no effect: nothing names slots" },
	{ "addr", CXB_PROP_FN, .type_name = "str", .def = "-1", .set = addr_set, .get = addr_get,
	  .desc = "Slot and optional function number, example: 06.0 or 06" },
	{ "busnr", CXB_PROP_FN, .type_name = "busnr", .get = busnr_get,
	  .desc = "number of the bus it is on" },
	{ "failover_pair_id", CXB_PROP_STR, DEV(failover_pair_id), .type_name = "str",
	  .check = check_absent, .desc = "there are no network devices to pair with" },
	{ "multifunction", CXB_PROP_BOOL, DEV(multifunction), .def = "off", .desc = "on/off" },
	{ "rombar", CXB_PROP_FN, .type_name = "int32", .def = "-1", .set = rombar_set,
	  .get = rombar_get, .desc = "no effect: there are no option ROMs" },
	{ "romfile", CXB_PROP_STR, DEV(romfile), .type_name = "str", .check = check_absent,
	  .desc = "there are no option ROMs: nothing would run one" },
	{ "romsize", CXB_PROP_U32, DEV(romsize), .def = "0xffffffff", .check = check_romsize,
	  .desc = "a power of two; no effect: there are no option ROMs" },
	{ "sriov-pf", CXB_PROP_STR, DEV(sriov_pf), .type_name = "str", .check = check_absent,
	  .desc = "no function here has virtual ones" },
	{ "x-max-bounce-buffer-size", CXB_PROP_SIZE, DEV(max_bounce_buffer), .def = "4096",
	  .desc = "no effect: no DMA goes through a buffer" },
	{ "x-pcie-ari-nextfn-1", CXB_PROP_BOOL, DEV(ari_nextfn_1), .def = "off",
	  .desc = "no effect: there is no ARI capability" },
	{ "x-pcie-err-unc-mask", CXB_PROP_BOOL, DEV(err_unc_mask), .def = "on",
	  .desc = "AER starts with uncorrectable internal errors masked" },
	{ "x-pcie-ext-tag", CXB_PROP_BOOL, DEV(ext_tag), .def = "on",
	  .desc = "Device Capabilities offer 8-bit tags" },
	{ "x-pcie-lnksta-dllla", CXB_PROP_BOOL, DEV(lnksta_dllla), .def = "on",
	  .desc = "no effect: a port says whether its link is active" },
	{ NULL },
};
