/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A type 3 device's dynamic capacity: as many regions of one size as wanted behind static memory. The
 * bytes are those of one backend for all of them (QEMU's volatile-dc-memdev), or come with each
 * tag that is added (dc-regions-total-size).
 */
#include "devices.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/trace.h"

#define DC_UNIT   (256ull << 20)
#define DPA_LIMIT (1ull << 52) /* physical addresses have 52 bits at most */

/* --- the machine watches --- */

static CxbDcPrepare dc_prepare(void *opaque, const CxbDcOp *op, GError **errp)
{
	Type3 *t3 = opaque;

	return t3->listener->dc_prepare(t3->listener->opaque, &t3->pci.dev, op, errp);
}

static void dc_abort(void *opaque, const CxbDcOp *op)
{
	Type3 *t3 = opaque;

	t3->listener->dc_abort(t3->listener->opaque, &t3->pci.dev, op);
}

static void dc_commit(void *opaque, const CxbDcOp *op)
{
	Type3 *t3 = opaque;

	t3->listener->dc_commit(t3->listener->opaque, &t3->pci.dev, op);
}

static const CxbDcObserver dc_observer = { dc_prepare, dc_abort, dc_commit };

/* --- making it --- */

/* What all regions have together, in *@size; false if the properties do not go together. */
static bool size_settle(Type3 *t3, uint64_t *size, GError **errp)
{
	CxbHostMem *mem = t3->dc_memdev ? cxb_hostmem_from_object(t3->dc_memdev) : NULL;
	const unsigned n = t3->num_dc_regions;

	if (n > CXB_DC_REGIONS)
		return cxb_fail(errp, CXB_ERROR_INVALID, "num-dc-regions %u is more than %u", n,
				CXB_DC_REGIONS);
	if (mem && t3->dc_total_size)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"volatile-dc-memdev and dc-regions-total-size are both set: "
				"capacity has its bytes from one backend, or from each tag's");
	*size = mem ? cxb_hostmem_size(mem) : t3->dc_total_size;
	if (!*size)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dynamic capacity must have a backing device: num-dc-regions is "
				"%u, but neither volatile-dc-memdev nor dc-regions-total-size is "
				"set",
				n);
	if (*size % (n * DC_UNIT) && mem)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"backend size is not multiple of region len: 0x%" PRIx64
				", size 0x%" PRIx64 " of %s is not a multiple of %u x 256 MiB",
				(*size + n - 1) / n, *size, cxb_hostmem_id(mem), n);
	if (*size % (n * DC_UNIT))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dc-regions-total-size 0x%" PRIx64
				" is not a multiple of %u regions x 256 MiB",
				*size, n);
	if (*size > DPA_LIMIT - MIN(t3->static_size, DPA_LIMIT))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dynamic capacity of 0x%" PRIx64
				" bytes does not fit below device physical address 0x%" PRIx64,
				*size, (uint64_t)DPA_LIMIT);
	return true;
}

bool cxb_type3_dc_init(Type3 *t3, GError **errp)
{
	CxbDcConfig config = {
		.name = t3->path,
		.n_regions = t3->num_dc_regions,
		.n_heads = 1,
		.find_backing = cxb_type3_find_backing,
		.opaque = t3,
		.tags = t3->listener->tags,
	};
	uint64_t size;

	if (!t3->num_dc_regions) {
		if (t3->dc_total_size)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"dc-regions-total-size is set, but num-dc-regions is 0");
		if (t3->dc_memdev) /* as QEMU: it is left alone */
			cxb_warn("%s: volatile-dc-memdev is not used: num-dc-regions is 0",
				 t3->path);
		return true;
	}
	if (!size_settle(t3, &size, errp))
		return false;
	if (t3->dc_memdev) {
		config.backing = cxb_type3_static_backing(t3, errp);
		if (!config.backing)
			return false;
	}
	for (unsigned i = 0; i < config.n_regions; i++) {
		const uint64_t len = size / config.n_regions;

		config.regions[i] = (CxbDcRegion){
			.base = t3->static_size + i * len,
			.decode_len = len,
			.len = len,
			.block_size = CXB_DC_BLOCK_SIZE,
			.dsmad_handle = i + cxb_type3_parts(t3),
		};
	}
	t3->dc = cxb_dc_new(&config, errp);
	return t3->dc != NULL;
}

void cxb_type3_dc_attach(Type3 *t3)
{
	if (!t3->dc)
		return;
	t3->head = cxb_dc_head_new(t3->dc, 0, t3->cci, t3->logs);
	cxb_dc_add_observer(t3->dc, &dc_observer, t3);
}

void cxb_type3_dc_fini(Type3 *t3)
{
	g_clear_pointer(&t3->dc, cxb_dc_free);
	cxb_type3_backings_fini(t3);
}
