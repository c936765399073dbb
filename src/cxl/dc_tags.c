/* SPDX-License-Identifier: Apache-2.0 */
/* Tags: who uses one on which host, and the backing that each holds. */
#include "dc_internal.h"

#include "base/error.h"
#include "base/trace.h"

/* A tag and the host it is live on; the value is the name of the device. */
typedef struct {
	CxbUuid tag;
	uint16_t host_id;
} Key;

struct CxbDcTagSpace {
	GHashTable *live; /* Key (owned) -> char * (owned) */
};

static guint key_hash(gconstpointer p)
{
	const Key *k = p;

	return cxb_uuid_hash(&k->tag) ^ k->host_id * 0x9e3779b1u;
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	const Key *x = a, *y = b;

	return x->host_id == y->host_id && cxb_uuid_equal(&x->tag, &y->tag);
}

CxbDcTagSpace *cxb_dc_tag_space_new(void)
{
	CxbDcTagSpace *space = g_new0(CxbDcTagSpace, 1);

	space->live = g_hash_table_new_full(key_hash, key_equal, g_free, g_free);
	return space;
}

void cxb_dc_tag_space_free(CxbDcTagSpace *space)
{
	if (!space)
		return;
	g_hash_table_unref(space->live);
	g_free(space);
}

DcTag *cxb_dc_tag_new(DcAlloc *alloc, uint16_t head, uint8_t region)
{
	DcTag *tag = g_new0(DcTag, 1);

	tag->alloc = alloc;
	tag->tag = alloc->tag;
	tag->head = head;
	tag->region = region;
	g_queue_init(&tag->extents);
	return tag;
}

void cxb_dc_tag_free(DcTag *tag)
{
	for (GList *l = tag->extents.head, *next; l; l = next) {
		next = l->next; /* the link is part of the extent */
		g_free(l->data);
	}
	g_free(tag);
}

DcTag *cxb_dc_tag_find(const DcHead *head, const CxbUuid *tag)
{
	return g_hash_table_lookup(head->tags, tag);
}

/* A backing that could not be zeroed is not free; whoever wants it next has it tried again. */
static bool clean_up(CxbDc *dc, const CxbUuid *tag, GError **errp)
{
	DcAlloc *alloc = g_hash_table_lookup(dc->unclean, tag);
	g_autoptr(GError) err = NULL;
	const char *name;

	if (!alloc)
		return true;
	name = alloc->backing->ops->name(alloc->backing);
	g_hash_table_remove(dc->unclean, tag);
	if (cxb_dc_alloc_free(dc, alloc, &err))
		return true;
	g_hash_table_insert(dc->unclean, &alloc->tag, alloc);
	return cxb_fail(errp, CXB_ERROR_BUSY,
			"memory backend %s is already mapped and cannot be reused: "
			"sanitizing it failed: %s",
			name, err->message);
}

static DcAlloc *alloc_new(const CxbUuid *tag, CxbDcBacking *backing)
{
	DcAlloc *alloc = g_new0(DcAlloc, 1);

	alloc->tag = *tag;
	alloc->backing = backing;
	return alloc;
}

/* Who has the tag, or NULL. */
static const char *tag_user(CxbDc *dc, const CxbUuid *tag, uint16_t head)
{
	const Key key = { *tag, head };
	const char *user = g_hash_table_lookup(dc->config.tags->live, &key);

	return user || !g_hash_table_lookup(dc->allocs, tag) ? user : dc->config.name;
}

static DcAlloc *hold_static(CxbDc *dc, const CxbUuid *tag, uint16_t head, GError **errp)
{
	char text[CXB_UUID_STRLEN + 1];
	const char *user;

	if (cxb_uuid_is_null(tag))
		return &dc->untagged;
	user = tag_user(dc, tag, head);
	if (!user)
		return alloc_new(tag, dc->config.backing);
	cxb_fail(errp, CXB_ERROR_BUSY, "tag %s is live on %s", cxb_uuid_format(tag, text), user);
	return NULL;
}

DcAlloc *cxb_dc_tag_hold(CxbDc *dc, const CxbUuid *tag, uint16_t head, GError **errp)
{
	char text[CXB_UUID_STRLEN + 1];
	g_autoptr(GError) err = NULL;
	CxbDcBacking *backing = NULL;
	const char *user;

	if (cxb_dc_is_static(dc))
		return hold_static(dc, tag, head, errp);
	if (!cxb_uuid_is_null(tag) && dc->config.find_backing)
		backing = dc->config.find_backing(dc->config.opaque, tag);
	if (!backing) {
		cxb_fail(errp, CXB_ERROR_INVALID,
			 "dynamic capacity must have a backing device: %s%s",
			 cxb_uuid_is_null(tag) ? "no tag given" : "none has tag ",
			 cxb_uuid_is_null(tag) ? "" : cxb_uuid_format(tag, text));
		return NULL;
	}
	if (!clean_up(dc, tag, errp))
		return NULL;
	user = tag_user(dc, tag, head);
	if (user) {
		cxb_fail(errp, CXB_ERROR_BUSY,
			 "memory backend %s is already mapped and cannot be reused: "
			 "tag %s is live on %s",
			 backing->ops->name(backing), cxb_uuid_format(tag, text), user);
		return NULL;
	}
	if (!backing->ops->hold(backing, dc->config.name, &err)) {
		cxb_fail(errp, CXB_ERROR_BUSY,
			 "memory backend %s is already mapped and cannot be reused: %s",
			 backing->ops->name(backing), err ? err->message : "it is held");
		return NULL;
	}
	return alloc_new(tag, backing);
}

void cxb_dc_tag_unhold(CxbDc *dc, DcAlloc *alloc)
{
	if (alloc == &dc->untagged)
		return;
	if (!cxb_dc_is_static(dc))
		alloc->backing->ops->release(alloc->backing);
	g_free(alloc);
}

void cxb_dc_tag_enter(CxbDc *dc, DcTag *tag)
{
	const Key key = { tag->tag, tag->head };

	if (cxb_uuid_is_null(&tag->tag)) {
		g_hash_table_add(dc->heads[tag->head].untagged, tag);
		return;
	}
	g_hash_table_insert(dc->config.tags->live, g_memdup2(&key, sizeof(key)),
			    g_strdup(dc->config.name));
	g_hash_table_insert(dc->heads[tag->head].tags, &tag->tag, tag);
	if (!tag->alloc->heads++)
		g_hash_table_insert(dc->allocs, &tag->alloc->tag, tag->alloc);
}

void cxb_dc_tag_leave(CxbDc *dc, DcTag *tag)
{
	const Key key = { tag->tag, tag->head };
	g_autoptr(GError) err = NULL;
	DcAlloc *alloc = tag->alloc;

	if (cxb_uuid_is_null(&tag->tag)) {
		g_hash_table_remove(dc->heads[tag->head].untagged, tag);
		cxb_dc_tag_free(tag);
		return;
	}
	g_hash_table_remove(dc->config.tags->live, &key);
	g_hash_table_remove(dc->heads[tag->head].tags, &tag->tag);
	cxb_dc_tag_free(tag);
	if (--alloc->heads)
		return;
	g_hash_table_remove(dc->allocs, &alloc->tag);
	if (cxb_dc_alloc_free(dc, alloc, &err))
		return;
	cxb_warn("%s: memory backend %s stays in use: sanitizing it failed: %s", dc->config.name,
		 alloc->backing->ops->name(alloc->backing), err->message);
	g_hash_table_insert(dc->unclean, &alloc->tag, alloc);
}

bool cxb_dc_alloc_free(CxbDc *dc, DcAlloc *alloc, GError **errp)
{
	CxbDcBacking *b = alloc->backing;
	g_autoptr(GError) err = NULL;

	if (cxb_dc_is_static(dc)) {
		g_free(alloc);
		return true;
	}
	if (alloc->accepted)
		b->ops->set_mapped(b, false);
	alloc->accepted = 0;
	if (alloc->sanitize && !b->ops->sanitize(b, 0, b->ops->size(b), &err))
		return cxb_fail(errp, CXB_ERROR_SYSTEM, "%s",
				err ? err->message : "no reason given");
	b->ops->release(b);
	g_free(alloc);
	return true;
}
