/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Static memory of a type 3 device: a volatile part at DPA 0, a persistent part behind it, and the
 * label storage area (LSA) that persistent memory needs. Properties and errors are QEMU's.
 */
#include "devices.h"

#include <inttypes.h>

#include "base/error.h"
#include "wire/mbox.h"

static bool part_init(Type3 *t3, Type3Part *part, const char *what, CxbObject *obj, GError **errp)
{
	CxbHostMem *mem;

	if (!obj)
		return true;
	mem = cxb_hostmem_from_object(obj);
	if (cxb_hostmem_size(mem) % WIRE_CAPACITY_UNIT)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"%s memory size 0x%" PRIx64
				" of backend %s is not a multiple of 256 MiB",
				what, cxb_hostmem_size(mem), cxb_hostmem_id(mem));
	if (!cxb_endpoint_take(mem, t3->path, errp))
		return false;
	cxb_hostmem_set_mapped(mem, true);
	*part = (Type3Part){ mem, t3->static_size, cxb_hostmem_size(mem) };
	t3->static_size += part->len;
	return true;
}

static bool lsa_init(Type3 *t3, GError **errp)
{
	CxbHostMem *mem = t3->lsa_memdev ? cxb_hostmem_from_object(t3->lsa_memdev) : NULL;

	if (!mem)
		return true;
	if (cxb_hostmem_size(mem) > UINT32_MAX) /* Identify has 32 bits for it */
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"lsa size 0x%" PRIx64 " of backend %s is not below 4 GiB",
				cxb_hostmem_size(mem), cxb_hostmem_id(mem));
	if (!cxb_endpoint_take(mem, t3->path, errp))
		return false;
	t3->lsa = mem;
	return true;
}

bool cxb_type3_static_init(Type3 *t3, GError **errp)
{
	CxbObject *persistent = t3->persistent_memdev ?: t3->legacy_memdev;

	/* Of half-described dynamic regions, they themselves say what is wrong. */
	if (!t3->volatile_memdev && !persistent && !t3->num_dc_regions && !t3->dc_total_size &&
	    !cxb_type3_regions_described(t3))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"at least one memdev property must be set");
	if (t3->persistent_memdev && t3->legacy_memdev)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"[memdev] cannot be used with new [persistent-memdev] property");
	if (persistent && !t3->lsa_memdev)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"lsa property must be set for persistent devices");
	return part_init(t3, &t3->part[TYPE3_VOLATILE], "volatile", t3->volatile_memdev, errp) &&
	       part_init(t3, &t3->part[TYPE3_PERSISTENT], "persistent", persistent, errp) &&
	       lsa_init(t3, errp);
}

void cxb_type3_static_fini(Type3 *t3)
{
	for (unsigned i = 0; i < TYPE3_PARTS; i++) {
		Type3Part *part = &t3->part[i];

		if (!part->mem)
			continue;
		cxb_hostmem_set_mapped(part->mem, false);
		cxb_hostmem_release(part->mem);
		*part = (Type3Part){ 0 };
	}
	t3->static_size = 0;
	if (t3->lsa)
		cxb_hostmem_release(t3->lsa);
	t3->lsa = NULL;
}

unsigned cxb_type3_parts(const Type3 *t3)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TYPE3_PARTS; i++)
		n += t3->part[i].mem != NULL;
	return n;
}

const Type3Part *cxb_type3_part_at(const Type3 *t3, uint64_t dpa)
{
	for (unsigned i = 0; i < TYPE3_PARTS; i++) {
		const Type3Part *part = &t3->part[i];

		if (part->mem && dpa >= part->dpa && dpa - part->dpa < part->len)
			return part;
	}
	return NULL;
}
