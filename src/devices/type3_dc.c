/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A type 3 device's dynamic capacity: regions behind static memory, as many of one size as wanted or each
 * described by itself (type3_regions.c). The bytes are those of one backend for all of them (QEMU's
 * volatile-dc-memdev), or come with each tag that is added.
 */
#include "devices.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/trace.h"

#define DC_UNIT (256ull << 20)

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

/* Regions of one size. */
static bool regions_even(const Type3 *t3, CxbDcRegion *regions, GError **errp)
{
	CxbHostMem *mem = t3->dc_memdev ? cxb_hostmem_from_object(t3->dc_memdev) : NULL;
	const uint64_t size = mem ? cxb_hostmem_size(mem) : t3->dc_total_size;
	const unsigned n = t3->num_dc_regions;

	if (n > CXB_DC_REGIONS)
		return cxb_fail(errp, CXB_ERROR_INVALID, "num-dc-regions %u is more than %u", n,
				CXB_DC_REGIONS);
	if (!size)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dynamic capacity must have a backing device: num-dc-regions is "
				"%u, but neither volatile-dc-memdev nor dc-regions-total-size is "
				"set",
				n);
	if (size % (n * DC_UNIT) && mem)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"backend size is not multiple of region len: 0x%" PRIx64
				", size 0x%" PRIx64 " of %s is not a multiple of %u x 256 MiB",
				(size + n - 1) / n, size, cxb_hostmem_id(mem), n);
	if (size % (n * DC_UNIT))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dc-regions-total-size 0x%" PRIx64
				" is not a multiple of %u regions x 256 MiB",
				size, n);
	if (size > TYPE3_DPA_LIMIT - MIN(t3->static_size, TYPE3_DPA_LIMIT))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dynamic capacity of 0x%" PRIx64
				" bytes does not fit below device physical address 0x%" PRIx64,
				size, TYPE3_DPA_LIMIT);
	for (unsigned i = 0; i < n; i++) {
		const uint64_t len = size / n;

		regions[i] = (CxbDcRegion){
			.base = t3->static_size + i * len,
			.decode_len = len,
			.len = len,
			.block_size = CXB_DC_BLOCK_SIZE,
			.dsmad_handle = i + cxb_type3_parts(t3),
		};
	}
	return true;
}

/* What describes regions one by one, and what is said of all of them, must be the same. */
static bool regions_agree(const Type3 *t3, unsigned n, uint64_t total, GError **errp)
{
	CxbHostMem *mem = t3->dc_memdev ? cxb_hostmem_from_object(t3->dc_memdev) : NULL;

	if (t3->num_dc_regions && t3->num_dc_regions != n)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"num-dc-regions is %u, but dc-region describes %u",
				t3->num_dc_regions, n);
	if (t3->dc_total_size && t3->dc_total_size != total)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dc-regions-total-size is 0x%" PRIx64
				", but the sizes of dc-region add up to 0x%" PRIx64,
				t3->dc_total_size, total);
	if (mem && cxb_hostmem_size(mem) != total)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"size 0x%" PRIx64
				" of %s, which is volatile-dc-memdev, is not what "
				"the sizes of dc-region add up to, 0x%" PRIx64,
				cxb_hostmem_size(mem), cxb_hostmem_id(mem), total);
	return true;
}

/* The regions by whatever properties describe them; none is fine. */
static bool regions_settle(const Type3 *t3, CxbDcConfig *config, GError **errp)
{
	const unsigned described = cxb_type3_regions_described(t3);
	uint64_t total;

	if (!described && !t3->num_dc_regions)
		return !t3->dc_total_size ||
		       cxb_fail(errp, CXB_ERROR_INVALID,
				"dc-regions-total-size is set, but num-dc-regions is 0");
	if (t3->dc_memdev && t3->dc_total_size)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"volatile-dc-memdev and dc-regions-total-size are both set: "
				"capacity has its bytes from one backend, or from each tag's");
	config->n_regions = described ?: t3->num_dc_regions;
	if (!described)
		return regions_even(t3, config->regions, errp);
	return cxb_type3_regions(t3, config->regions, &total, errp) &&
	       regions_agree(t3, described, total, errp);
}

bool cxb_type3_dc_init(Type3 *t3, GError **errp)
{
	CxbDcConfig config = {
		.name = t3->path,
		.n_heads = 1,
		.find_backing = cxb_type3_find_backing,
		.opaque = t3,
		.tags = t3->listener->tags,
	};

	if (!regions_settle(t3, &config, errp))
		return false;
	if (!config.n_regions) {
		if (t3->dc_memdev) /* as QEMU: it is left alone */
			cxb_warn("%s: volatile-dc-memdev is not used: num-dc-regions is 0",
				 t3->path);
		return true;
	}
	if (t3->dc_memdev) {
		config.backing = cxb_type3_static_backing(t3, errp);
		if (!config.backing)
			return false;
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
