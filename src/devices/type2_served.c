/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An accelerator as it is served to a VMM that passes it on to a guest: VFIO's flag of CXL devices,
 * device memory and component registers as regions of their types, and a BAR 0 in which a hole is
 * left for the registers that the VMM answers for.
 */
#include <errno.h>
#include <unistd.h>

#include "type2.h"
#include "vfio/cxl.h"
#include "vfu/caps.h"
#include "wire/pci.h"

/* Two regions more than every function has. */
enum { REGION_FIRST = CXB_PCI_SERVED_OWN, REGION_SECOND, REGIONS };

static bool is_memory(const Type2 *t2, unsigned index)
{
	return index == (t2->swap_regions ? REGION_SECOND : REGION_FIRST);
}

static uint32_t flags(CxbPciDev *dev)
{
	return cxb_type2_profile((Type2 *)dev) ? CXB_VFIO_DEVICE_CXL : 0;
}

static unsigned regions(CxbPciDev *dev)
{
	return cxb_type2_profile((Type2 *)dev) ? REGIONS : CXB_PCI_SERVED_OWN;
}

static void add_type(const Type2 *t2, uint32_t subtype)
{
	if (t2->fault != TYPE2_FAULT_NO_TYPES)
		cxb_vfu_caps_add_type(t2->served.caps, CXB_VFIO_TYPE_CXL, subtype);
}

static void memory_region(Type2 *t2, CxbPciServedRegion *r)
{
	if (t2->fault == TYPE2_FAULT_NO_MEMORY)
		return;
	r->size = cxb_hostmem_size(t2->mem);
	r->fd = cxb_hostmem_fd(t2->mem, &r->fd_off);
	add_type(t2, CXB_VFIO_SUBTYPE_CXL_MEM);
	cxb_type2_fault_memory(t2, r);
}

static void registers_region(Type2 *t2, CxbPciServedRegion *r)
{
	const struct vfu_comp_regs where = {
		.bar = TYPE2_BAR_COMPONENT,
		.offset = t2->bar.block + WIRE_CACHEMEM_BASE + t2->served.hdm,
	};

	if (t2->fault == TYPE2_FAULT_NO_REGISTERS)
		return;
	r->size = cxb_type2_regs_size(t2);
	add_type(t2, CXB_VFIO_SUBTYPE_COMP_REGS);
	if (t2->profile == TYPE2_PROFILE_ABSORBED)
		cxb_vfu_caps_add(t2->served.caps, VFU_CAP_CXL_COMP_REGS, &where, sizeof(where));
}

/* What is around the registers can be mapped. */
static void bar_region(Type2 *t2, CxbPciServedRegion *r)
{
	g_autoptr(GArray) areas = g_array_new(false, false, sizeof(struct vfu_area));
	struct vfu_area before = { 0 }, behind = { 0 };

	cxb_type2_bar_hole(t2, &before.size, &behind.offset);
	behind.size = t2->bar.size - behind.offset;
	if (before.size)
		g_array_append_val(areas, before);
	if (behind.size)
		g_array_append_val(areas, behind);
	r->size = t2->bar.size;
	if (!areas->len)
		return;
	r->fd = t2->bar.fd;
	cxb_type2_fault_areas(t2, areas);
	cxb_vfu_caps_add_sparse(t2->served.caps, (const struct vfu_area *)areas->data, areas->len);
}

static bool region(CxbPciDev *dev, unsigned index, CxbPciServedRegion *out)
{
	Type2 *t2 = (Type2 *)dev;

	if (!cxb_type2_profile(t2) || (index != TYPE2_BAR_COMPONENT && index < CXB_PCI_SERVED_OWN))
		return false;
	g_byte_array_set_size(t2->served.caps, 0);
	out->caps = t2->served.caps;
	if (index == TYPE2_BAR_COMPONENT)
		bar_region(t2, out);
	else if (is_memory(t2, index))
		memory_region(t2, out);
	else
		registers_region(t2, out);
	if (index != TYPE2_BAR_COMPONENT)
		cxb_type2_fault_caps(t2, t2->served.caps);
	return true;
}

/* How much of an access to device memory there is: of what is said to be there. */
static int memory_judge(Type2 *t2, uint64_t off, size_t len)
{
	CxbPciServedRegion r = { .size = cxb_hostmem_size(t2->mem) };

	cxb_type2_fault_memory(t2, &r);
	return t2->fault == TYPE2_FAULT_NO_MEMORY || off >= r.size ? -EINVAL
								   : (int)MIN(len, r.size - off);
}

static int read_own(CxbPciDev *dev, unsigned index, uint64_t off, void *buf, size_t len)
{
	Type2 *t2 = (Type2 *)dev;
	int n;

	if (!is_memory(t2, index))
		return cxb_type2_regs_read(t2, off, buf, len);
	n = memory_judge(t2, off, len);
	return n < 0 || cxb_hostmem_read(t2->mem, off, buf, n) ? n : -EIO;
}

static int write_own(CxbPciDev *dev, unsigned index, uint64_t off, const void *buf, size_t len)
{
	Type2 *t2 = (Type2 *)dev;
	int n;

	if (!is_memory(t2, index))
		return cxb_type2_regs_write(t2, off, buf, len);
	n = memory_judge(t2, off, len);
	return n < 0 || cxb_hostmem_write(t2->mem, off, buf, n) ? n : -EIO;
}

const CxbPciServedOps cxb_type2_served_ops = {
	.flags = flags,
	.regions = regions,
	.region = region,
	.read = read_own,
	.write = write_own,
	.reset = cxb_type2_served_reset,
};

void cxb_type2_served_init(Type2 *t2)
{
	t2->served.short_fd = -1;
	if (!t2->listener->remote || !t2->profile)
		return;
	t2->served.caps = g_byte_array_new();
	cxb_type2_regs_take(t2);
}

void cxb_type2_served_fini(Type2 *t2)
{
	Type2Served *s = &t2->served;

	if (!s->caps)
		return;
	if (s->short_fd >= 0)
		close(s->short_fd);
	g_byte_array_unref(s->caps);
	*s = (Type2Served){ .short_fd = -1 };
}

void cxb_type2_served_to(CxbPciDev *dev, bool somebody)
{
	Type2 *t2 = (Type2 *)dev;

	if (!somebody || !cxb_type2_profile(t2))
		return;
	t2->served.accesses = 0;
	cxb_type2_dvsec_anew(t2);
	cxb_type2_regs_take(t2);
}
