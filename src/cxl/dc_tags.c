/* SPDX-License-Identifier: Apache-2.0 */
/* Tags: who uses one on which host. */
#include "dc_internal.h"

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
	g_free(tag->request_id);
	g_free(tag);
}

DcTag *cxb_dc_tag_find(const DcHead *head, const CxbUuid *tag)
{
	return g_hash_table_lookup(head->tags, tag);
}

const char *cxb_dc_tag_live(CxbDc *dc, const CxbUuid *tag, uint16_t head)
{
	const Key key = { *tag, head };

	return g_hash_table_lookup(dc->config.tags->live, &key);
}

const char *cxb_dc_tag_user(CxbDc *dc, const CxbUuid *tag, uint16_t head)
{
	const char *user = cxb_dc_tag_live(dc, tag, head);

	return user || !g_hash_table_lookup(dc->allocs, tag) ? user : dc->config.name;
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
	cxb_dc_alloc_enter(dc, tag->alloc);
}

void cxb_dc_tag_leave(CxbDc *dc, DcTag *tag)
{
	const Key key = { tag->tag, tag->head };
	DcAlloc *alloc = tag->alloc;

	if (cxb_uuid_is_null(&tag->tag)) {
		g_hash_table_remove(dc->heads[tag->head].untagged, tag);
		cxb_dc_tag_free(tag);
		return;
	}
	g_hash_table_remove(dc->config.tags->live, &key);
	g_hash_table_remove(dc->heads[tag->head].tags, &tag->tag);
	cxb_dc_tag_free(tag);
	cxb_dc_alloc_leave(dc, alloc);
}
