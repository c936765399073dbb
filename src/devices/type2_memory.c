/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of an accelerator: one backend, from DPA 0 on. */
#include "type2.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/range.h"

bool cxb_type2_memory_init(Type2 *t2, GError **errp)
{
	CxbHostMem *mem = t2->memdev ? cxb_hostmem_from_object(t2->memdev) : NULL;

	if (!mem)
		return cxb_fail(errp, CXB_ERROR_INVALID, "memdev property must be set");
	if (cxb_hostmem_size(mem) % CXB_HDM_UNIT)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"memory size 0x%" PRIx64
				" of backend %s is not a multiple of 256 MiB",
				cxb_hostmem_size(mem), cxb_hostmem_id(mem));
	if (cxb_hostmem_readonly(mem))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"memory of backend %s can only be read: a device writes to its own",
				cxb_hostmem_id(mem));
	if (!cxb_endpoint_take(mem, t2->path, errp))
		return false;
	cxb_hostmem_set_mapped(mem, true);
	t2->mem = mem;
	return true;
}

void cxb_type2_memory_fini(Type2 *t2)
{
	if (!t2->mem)
		return;
	cxb_hostmem_set_mapped(t2->mem, false);
	cxb_hostmem_release(t2->mem);
	t2->mem = NULL;
}

bool cxb_type2_dpa_ok(void *opaque, uint64_t dpa, uint64_t len)
{
	return cxb_range_in(dpa, len, cxb_hostmem_size(((Type2 *)opaque)->mem));
}

bool cxb_type2_answers(const CxbDevice *endpoint)
{
	return true;
}

bool cxb_type2_segment(CxbDevice *endpoint, uint64_t dpa, CxbCxlSegment *out)
{
	Type2 *t2 = (Type2 *)endpoint;

	if (dpa >= cxb_hostmem_size(t2->mem))
		return false;
	*out = (CxbCxlSegment){ .len = cxb_hostmem_size(t2->mem), .mem = t2->mem };
	return true;
}

bool cxb_type2_read(CxbDevice *endpoint, uint64_t dpa, void *buf, size_t len)
{
	return cxb_hostmem_read(((Type2 *)endpoint)->mem, dpa, buf, len);
}

bool cxb_type2_write(CxbDevice *endpoint, uint64_t dpa, const void *buf, size_t len)
{
	return cxb_hostmem_write(((Type2 *)endpoint)->mem, dpa, buf, len);
}
