/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dynamic-capacity regions described one by one, each by what CXL 3.1 9.13.3 lets it have of its own:
 * "dc-region.N.KEY" on the command line, a list "dc-region" of objects in JSON.
 */
#include "devices.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

#define DC_UNIT   (256ull << 20)
#define MIN_BLOCK 64

#define KEY(key_name, kind, field)                                \
	{                                                         \
		key_name, kind, offsetof(Type3, regions[0].field) \
	}

/* Offsets are those of region 0. */
static const CxbProp keys[] = {
	KEY("size", CXB_PROP_SIZE, size),
	KEY("block-size", CXB_PROP_SIZE, block_size),
	KEY("sharable", CXB_PROP_BOOL, sharable),
	KEY("hw-coherent", CXB_PROP_BOOL, hw_coherent),
	KEY("read-only", CXB_PROP_BOOL, read_only),
	KEY("non-volatile", CXB_PROP_BOOL, non_volatile),
	KEY("sanitize-on-release", CXB_PROP_BOOL, sanitize_on_release),
};

static bool fail_unexpected(const char *key, GError **errp)
{
	return cxb_fail(
		errp, CXB_ERROR_INVALID,
		"Parameter '%s' is unexpected: expected dc-region.N.KEY with N from 0 to %u", key,
		CXB_DC_REGIONS - 1);
}

bool cxb_type3_region_set(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
			  GError **errp)
{
	const char *p = key + strlen(prop->name);
	unsigned index;

	if (!*p && v->kind == CXB_SCALAR_EMPTY_LIST)
		return true;
	if (p[0] != '.' || p[1] < '0' || p[1] >= '0' + CXB_DC_REGIONS)
		return fail_unexpected(key, errp);
	index = p[1] - '0';
	if (!p[2] && v->kind == CXB_SCALAR_EMPTY_DICT)
		return ((Type3 *)obj)->regions[index].given = true; /* its size will be missed */
	if (p[2] != '.')
		return fail_unexpected(key, errp);
	for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
		CxbProp row = keys[i];

		if (strcmp(row.name, p + 3) != 0)
			continue;
		row.offset += index * sizeof(Type3RegionOpts);
		((Type3 *)obj)->regions[index].given = true;
		return cxb_object_set_row(obj, &row, key, v, errp);
	}
	return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' is unexpected", key);
}

static bool region_check(const Type3RegionOpts *o, unsigned i, uint64_t block_size, GError **errp)
{
	if (!o->given)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'dc-region.%u' missing", i);
	if (!o->size)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Parameter 'dc-region.%u.size' is missing or 0", i);
	if (block_size < MIN_BLOCK || block_size > o->size || block_size & (block_size - 1))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dc-region.%u.block-size 0x%" PRIx64
				" is not a power of two from %u up to the size 0x%" PRIx64,
				i, block_size, MIN_BLOCK, o->size);
	if (o->size % block_size)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dc-region.%u.size 0x%" PRIx64
				" is not a multiple of the block size 0x%" PRIx64,
				i, o->size, block_size);
	return true;
}

/* Where region @i begins, at or above *@end, and where it ends. Both units are powers of two. */
static bool region_place(const Type3RegionOpts *o, unsigned i, CxbDcRegion *r, uint64_t *end,
			 GError **errp)
{
	const uint64_t align = MAX(DC_UNIT, r->block_size);

	if (o->size > PHYS_LIMIT || (*end + align - 1) / align * align > PHYS_LIMIT - o->size)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dc-region.%u.size 0x%" PRIx64
				" does not fit below device physical address 0x%" PRIx64,
				i, o->size, PHYS_LIMIT);
	r->base = (*end + align - 1) / align * align;
	r->len = o->size;
	r->decode_len = (o->size + DC_UNIT - 1) / DC_UNIT * DC_UNIT;
	*end = r->base + r->decode_len;
	return true;
}

unsigned cxb_type3_regions_described(const Type3 *t3)
{
	unsigned n = CXB_DC_REGIONS;

	while (n && !t3->regions[n - 1].given)
		n--;
	return n;
}

bool cxb_type3_regions(const Type3 *t3, CxbDcRegion *regions, uint64_t *total, GError **errp)
{
	const unsigned n = cxb_type3_regions_described(t3);
	uint64_t end = t3->static_size;

	*total = 0;
	for (unsigned i = 0; i < n; i++) {
		const Type3RegionOpts *o = &t3->regions[i];

		regions[i] = (CxbDcRegion){
			.block_size = o->block_size ?: CXB_DC_BLOCK_SIZE,
			.dsmad_handle = i + cxb_type3_parts(t3),
			.sharable = o->sharable,
			.hw_coherent = o->hw_coherent,
			.read_only = o->read_only,
			.non_volatile = o->non_volatile,
			.sanitize_on_release = o->sanitize_on_release,
		};
		if (!region_check(o, i, regions[i].block_size, errp) ||
		    !region_place(o, i, &regions[i], &end, errp))
			return false;
		*total += o->size;
	}
	return true;
}
