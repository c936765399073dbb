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

/* --- the machine watches what is its head's --- */

static CxbDcPrepare dc_prepare(void *opaque, const CxbDcOp *op, GError **errp)
{
	Type3 *t3 = opaque;

	if (op->head != t3->head_nr)
		return CXB_DC_READY;
	return t3->listener->dc_prepare(t3->listener->opaque, &t3->pci.dev, op, errp);
}

static void dc_abort(void *opaque, const CxbDcOp *op)
{
	Type3 *t3 = opaque;

	if (op->head == t3->head_nr)
		t3->listener->dc_abort(t3->listener->opaque, &t3->pci.dev, op);
}

static void dc_commit(void *opaque, const CxbDcOp *op)
{
	Type3 *t3 = opaque;

	if (op->head == t3->head_nr)
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
	if (size > PHYS_LIMIT - MIN(t3->static_size, PHYS_LIMIT))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dynamic capacity of 0x%" PRIx64
				" bytes does not fit below device physical address 0x%" PRIx64,
				size, PHYS_LIMIT);
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

static Type3Capacity *capacity_new(Type3 *t3)
{
	Type3Capacity *c = g_new0(Type3Capacity, 1);

	c->listener = t3->listener;
	c->n_heads = t3->n_heads;
	c->heads = g_new0(Type3 *, c->n_heads);
	c->kept_poison = cxb_type3_poison_kept_new();
	cxb_type3_backings_init(c);
	return c;
}

static void capacity_free(Type3Capacity *c)
{
	cxb_dc_free(c->dc);
	cxb_type3_backings_fini(c);
	cxb_poison_free(c->kept_poison);
	g_free(c->heads);
	g_free(c);
}

void cxb_type3_dc_plug(Type3 *t3, Type3Capacity *c)
{
	t3->capacity = c;
	t3->dc = c->dc;
	t3->n_heads = c->n_heads;
	c->heads[t3->head_nr] = t3;
	c->plugged++;
}

bool cxb_type3_dc_init(Type3 *t3, GError **errp)
{
	CxbDcConfig config = {
		.name = t3->path,
		.n_heads = t3->n_heads,
		.max_extents = t3->dc_max_extents,
		.max_tags = t3->dc_max_tags,
		.find_backing = cxb_type3_find_backing,
		.clock = t3->listener->clock,
		.tags = t3->listener->tags,
	};

	if (!t3->n_heads || t3->n_heads > TYPE3_HEADS)
		return cxb_fail(errp, CXB_ERROR_INVALID, "heads %u is not 1 to %u", t3->n_heads,
				TYPE3_HEADS);
	if (!t3->dc_max_extents)
		return cxb_fail(errp, CXB_ERROR_INVALID, "dc-max-extents is 0");
	if (!regions_settle(t3, &config, errp))
		return false;
	if (!config.n_regions) {
		if (t3->n_heads > 1)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"heads is %u, but there is no dynamic capacity for them to "
					"share",
					t3->n_heads);
		if (t3->dc_memdev) /* as QEMU: it is left alone */
			cxb_warn("%s: volatile-dc-memdev is not used: num-dc-regions is 0",
				 t3->path);
		return true;
	}
	t3->capacity = config.opaque = capacity_new(t3);
	if (t3->dc_memdev)
		config.backing = cxb_type3_static_backing(t3, errp);
	if (!t3->dc_memdev || config.backing)
		t3->capacity->dc = cxb_dc_new(&config, errp);
	if (!t3->capacity->dc) {
		g_clear_pointer(&t3->capacity, capacity_free);
		return false;
	}
	cxb_type3_dc_plug(t3, t3->capacity);
	return true;
}

void cxb_type3_dc_attach(Type3 *t3)
{
	if (!t3->dc)
		return;
	t3->head = cxb_dc_head_new(t3->dc, t3->head_nr, t3->cci, t3->logs);
	cxb_dc_add_observer(t3->dc, &dc_observer, t3);
}

void cxb_type3_dc_leave(Type3 *t3)
{
	if (!t3->capacity)
		return;
	g_clear_pointer(&t3->head, cxb_dc_head_free); /* nothing is written into its log any more */
	if (t3->capacity->plugged > 1)
		cxb_dc_head_leave(t3->dc, t3->head_nr);
}

void cxb_type3_dc_fini(Type3 *t3)
{
	Type3Capacity *c = g_steal_pointer(&t3->capacity);

	if (!c)
		return;
	cxb_dc_remove_observers(t3->dc, t3);
	t3->dc = NULL;
	c->heads[t3->head_nr] = NULL;
	if (!--c->plugged)
		capacity_free(c);
}

/* --- looking --- */

CxbDc *cxb_cxl_type3_dc(CxbDevice *type3)
{
	return ((Type3 *)type3)->dc;
}

CxbDevice *cxb_cxl_type3_head(CxbDevice *type3, uint16_t host_id)
{
	const Type3Capacity *c = ((const Type3 *)type3)->capacity;
	Type3 *t3 = c && host_id < c->n_heads ? c->heads[host_id] : NULL;

	return t3 ? &t3->pci.dev : NULL;
}

CxbDevice *cxb_cxl_head_of(CxbDevice *dev, uint16_t host_id, GError **errp)
{
	CxbDevice *head = dev;

	if (host_id == CXB_CXL_OWN_HEAD)
		return dev;
	head = cxb_cxl_is_type3(dev) ? cxb_cxl_type3_head(dev, host_id) : NULL;
	if (!head)
		cxb_fail(errp, CXB_ERROR_INVALID, "Device '%s' has no head %u",
			 dev->id ?: dev->obj.name, host_id);
	return head;
}

uint16_t cxb_cxl_type3_host_id(const CxbDevice *type3)
{
	return ((const Type3 *)type3)->head_nr;
}

CxbDevice *cxb_cxl_type3_first_head(CxbDevice *type3)
{
	const Type3Capacity *c = ((const Type3 *)type3)->capacity;

	for (unsigned i = 0; c && i < c->n_heads; i++)
		if (c->heads[i])
			return &c->heads[i]->pci.dev;
	return type3;
}

CxbDcHead *cxb_cxl_type3_dc_head(CxbDevice *type3, uint16_t host_id, GError **errp)
{
	const Type3 *t3 = (const Type3 *)type3;
	const CxbDevice *head = cxb_cxl_type3_head(type3, host_id);

	if (head)
		return ((const Type3 *)head)->head;
	if (t3->capacity && host_id < t3->capacity->n_heads)
		cxb_fail(errp, CXB_ERROR_INVALID, "host id %u: that head of %s is not plugged",
			 host_id, t3->path);
	else
		cxb_fail(errp, CXB_ERROR_INVALID, "host id %u is not known: %s has %u head%s",
			 host_id, t3->path, t3->n_heads, t3->n_heads == 1 ? "" : "s");
	return NULL;
}
