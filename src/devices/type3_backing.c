/* SPDX-License-Identifier: Apache-2.0 */
/* Host memory backends as the dynamic-capacity engine sees them. */
#include "devices.h"

static Type3Backing *of(CxbDcBacking *b)
{
	return (Type3Backing *)b;
}

static const CxbUuid *backing_tag(CxbDcBacking *b)
{
	return cxb_hostmem_tag(of(b)->mem);
}

static uint64_t backing_size(CxbDcBacking *b)
{
	return cxb_hostmem_size(of(b)->mem);
}

static const char *backing_name(CxbDcBacking *b)
{
	return cxb_hostmem_id(of(b)->mem);
}

static bool backing_hold(CxbDcBacking *b, const char *holder, GError **errp)
{
	if (!cxb_hostmem_hold(of(b)->mem, holder, errp))
		return false;
	of(b)->held = true;
	if (of(b)->t3->candidate == of(b))
		of(b)->t3->candidate = NULL;
	return true;
}

static void candidate_set(Type3 *t3, Type3Backing *b)
{
	if (t3->candidate) {
		cxb_object_unref(cxb_hostmem_object(t3->candidate->mem));
		g_free(t3->candidate);
	}
	t3->candidate = b;
}

static void backing_release(CxbDcBacking *b)
{
	of(b)->held = false;
	cxb_hostmem_release(of(b)->mem);
	candidate_set(of(b)->t3, of(b)); /* the engine may still look at it once */
}

static void backing_set_mapped(CxbDcBacking *b, bool mapped)
{
	cxb_hostmem_set_mapped(of(b)->mem, mapped);
}

static bool backing_sanitize(CxbDcBacking *b, GError **errp)
{
	return cxb_hostmem_discard(of(b)->mem, 0, cxb_hostmem_size(of(b)->mem), errp);
}

static const CxbDcBackingOps ops = {
	.tag = backing_tag,
	.size = backing_size,
	.name = backing_name,
	.hold = backing_hold,
	.release = backing_release,
	.set_mapped = backing_set_mapped,
	.sanitize = backing_sanitize,
};

CxbDcBacking *cxb_type3_find_backing(void *opaque, const CxbUuid *tag)
{
	Type3 *t3 = opaque;
	CxbHostMem *mem = t3->listener ? cxb_hostmem_by_tag(t3->listener->pool, tag) : NULL;
	Type3Backing *b;

	if (!mem)
		return NULL;
	if (t3->candidate && t3->candidate->mem == mem)
		return &t3->candidate->backing;
	b = g_new0(Type3Backing, 1);
	b->backing.ops = &ops;
	b->t3 = t3;
	b->mem = mem;
	cxb_object_ref(cxb_hostmem_object(mem));
	candidate_set(t3, b);
	return &b->backing;
}

void cxb_type3_backings_fini(Type3 *t3)
{
	candidate_set(t3, NULL);
}

CxbHostMem *cxb_cxl_backing_mem(CxbDcBacking *backing)
{
	return of(backing)->mem;
}
