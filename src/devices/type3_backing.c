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
	Type3Capacity *c = of(b)->capacity;

	if (!cxb_hostmem_hold(of(b)->mem, holder, errp))
		return false;
	cxb_object_ref(cxb_hostmem_object(of(b)->mem));
	g_hash_table_add(c->held, b);
	if (c->candidate == of(b))
		c->candidate = NULL;
	return true;
}

static void backing_release(CxbDcBacking *b)
{
	cxb_hostmem_release(of(b)->mem);
	cxb_object_unref(cxb_hostmem_object(of(b)->mem));
	g_hash_table_remove(of(b)->capacity->held, b);
}

static void backing_set_mapped(CxbDcBacking *b, bool mapped)
{
	cxb_hostmem_set_mapped(of(b)->mem, mapped);
}

static void backing_sanitize(CxbDcBacking *b, uint64_t off, uint64_t len)
{
	cxb_hostmem_sanitize(of(b)->mem, off, len);
}

static bool backing_clean(CxbDcBacking *b, uint64_t off, uint64_t len, GError **errp)
{
	return cxb_hostmem_clean(of(b)->mem, off, len, errp);
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

/* The engine asks of it what it needs and leaves holding to us. */
static const CxbDcBackingOps static_ops = {
	.size = backing_size,
	.name = backing_name,
	.sanitize = backing_sanitize,
	.clean = backing_clean,
};

CxbDcBacking *cxb_type3_static_backing(Type3 *t3, GError **errp)
{
	CxbHostMem *mem = cxb_hostmem_from_object(t3->dc_memdev);

	if (!cxb_endpoint_take(mem, t3->path, errp))
		return NULL;
	cxb_hostmem_set_mapped(mem, true);
	t3->capacity->fixed = (Type3Backing){ { &static_ops }, t3->capacity, mem };
	return &t3->capacity->fixed.backing;
}

CxbDcBacking *cxb_type3_find_backing(void *opaque, const CxbUuid *tag)
{
	Type3Capacity *c = opaque;
	CxbHostMem *mem = cxb_hostmem_by_tag(c->listener->pool, tag);
	Type3Backing *b;

	if (!mem)
		return NULL;
	/* Not referenced until held: whoever deletes a free backend gets its memory back now. */
	b = g_new0(Type3Backing, 1);
	b->backing.ops = &ops;
	b->capacity = c;
	b->mem = mem;
	g_free(c->candidate);
	c->candidate = b;
	return &b->backing;
}

void cxb_type3_backings_init(Type3Capacity *c)
{
	c->held = g_hash_table_new_full(NULL, NULL, g_free, NULL);
}

void cxb_type3_backings_fini(Type3Capacity *c)
{
	if (c->fixed.mem) {
		cxb_hostmem_set_mapped(c->fixed.mem, false);
		cxb_hostmem_release(c->fixed.mem);
	}
	g_free(c->candidate);
	g_hash_table_unref(c->held);
}

CxbHostMem *cxb_cxl_backing_mem(CxbDcBacking *backing)
{
	return of(backing)->mem;
}
