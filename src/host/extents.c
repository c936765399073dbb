/* SPDX-License-Identifier: Apache-2.0 */
/* Extents and allocations: the maps by DPA and the table by tag that everything is found in. */
#include <inttypes.h>

#include "base/error.h"
#include "priv.h"
#include "wire/dc.h"

void cxb_h_extents_init(HMemdev *md)
{
	md->offers = cxb_ivmap_new(NULL);
	md->live = cxb_ivmap_new(NULL);
	md->given_up = cxb_ivmap_new(NULL);
	g_queue_init(&md->accepted);
	g_queue_init(&md->answers);
	g_queue_init(&md->releasing);
}

void cxb_h_extents_fini(HMemdev *md)
{
	CxbIv *iv;

	cxb_h_offers_fini(md);
	g_queue_clear_full(&md->releasing, g_free);
	while ((iv = cxb_ivmap_first(md->live)))
		cxb_h_alloc_free(((HExtent *)iv->value)->alloc);
	cxb_ivmap_free(md->offers);
	cxb_ivmap_free(md->live);
	cxb_ivmap_free(md->given_up);
}

HAlloc *cxb_h_alloc_new(HMemdev *md, const CxbUuid *tag)
{
	HAlloc *alloc = g_new0(HAlloc, 1);

	alloc->md = md;
	alloc->tag = *tag;
	alloc->link.data = alloc;
	alloc->extents = g_ptr_array_new_with_free_func(g_free);
	return alloc;
}

void cxb_h_alloc_accepted(HAlloc *alloc)
{
	alloc->state = A_ACCEPTED;
	g_queue_push_tail_link(&alloc->md->accepted, &alloc->link);
}

guint cxb_h_tag_hash(gconstpointer p)
{
	const HAlloc *alloc = p;

	return cxb_uuid_hash(&alloc->tag);
}

gboolean cxb_h_tag_equal(gconstpointer a, gconstpointer b)
{
	const HAlloc *x = a, *y = b;

	return cxb_uuid_equal(&x->tag, &y->tag);
}

HAlloc *cxb_h_tag_find(HDriver *drv, const CxbUuid *tag)
{
	const HAlloc key = { .tag = *tag };

	return g_hash_table_lookup(drv->tags, &key);
}

void cxb_h_alloc_known(HAlloc *alloc, bool known)
{
	GHashTable *tags = alloc->md->driver->tags;

	if (known == alloc->known || cxb_uuid_is_null(&alloc->tag))
		return;
	if (!known)
		g_hash_table_remove(tags, alloc);
	else if (g_hash_table_contains(tags, alloc))
		return;
	else
		g_hash_table_add(tags, alloc);
	alloc->known = known;
}

void cxb_h_alloc_waiting(HAlloc *alloc, bool waiting)
{
	if (waiting == alloc->waiting || !cxb_uuid_is_null(&alloc->tag))
		return;
	if (waiting)
		g_hash_table_add(alloc->md->driver->waiting, alloc);
	else
		g_hash_table_remove(alloc->md->driver->waiting, alloc);
	alloc->waiting = waiting;
}

void cxb_h_extent_unoffer(HExtent *e)
{
	if (e->offered)
		cxb_ivmap_remove(e->alloc->md->offers, e->dpa);
	e->offered = false;
}

void cxb_h_extent_unlive(HExtent *e)
{
	if (e->live)
		cxb_ivmap_remove(e->alloc->md->live, e->dpa);
	e->live = false;
}

void cxb_h_alloc_free(HAlloc *alloc)
{
	cxb_h_alloc_known(alloc, false);
	cxb_h_alloc_waiting(alloc, false);
	if (alloc->state >= A_ACCEPTED)
		g_queue_unlink(&alloc->md->accepted, &alloc->link);
	for (unsigned i = 0; i < alloc->extents->len; i++) {
		cxb_h_extent_unoffer(g_ptr_array_index(alloc->extents, i));
		cxb_h_extent_unlive(g_ptr_array_index(alloc->extents, i));
	}
	g_ptr_array_unref(alloc->extents);
	g_free(alloc);
}

void cxb_h_take_over(HMemdev *md, const struct wire_dc_extent *wire)
{
	HAlloc *alloc = NULL;
	const CxbHostRegion *r;
	HExtent *e = g_new0(HExtent, 1);
	char tag[CXB_UUID_STRLEN + 1];

	e->dpa = le64_get(wire->dpa);
	e->len = le64_get(wire->length);
	e->tag = wire->tag;
	e->seq = le16_get(wire->seq);
	r = cxb_h_region_of(md, e->dpa, e->len);
	e->region = r ? r->region : 0;
	if (!r || !cxb_ivmap_insert(md->live, e->dpa, e->len, e)) {
		cxb_h_say_md(md, "extent at dpa 0x%" PRIx64 " in its list makes no sense: ignored",
			     e->dpa);
		g_free(e);
		return;
	}
	e->live = true;
	if (!cxb_uuid_is_null(&e->tag))
		alloc = cxb_h_tag_find(md->driver, &e->tag);
	if (!alloc || alloc->md != md) {
		alloc = cxb_h_alloc_new(md, &e->tag);
		cxb_h_alloc_accepted(alloc);
		cxb_h_alloc_known(alloc, true);
	}
	e->alloc = alloc;
	g_ptr_array_add(alloc->extents, e);
	cxb_h_say_md(md, "took over 0x%" PRIx64 " bytes at dpa 0x%" PRIx64 ", tag %s", e->len,
		     e->dpa, cxb_uuid_format(&e->tag, tag));
}

/* --- answers of a person --- */

static bool is_waiting(const HAlloc *alloc, int memdev)
{
	return alloc && (memdev < 0 || alloc->md->index == (unsigned)memdev) &&
	       (alloc->state == A_ASKING || alloc->state == A_RELEASE_ASKED);
}

static bool answer(HAlloc *alloc, bool yes, GError **errp)
{
	if (alloc->state == A_ASKING) {
		cxb_h_offer_decide(alloc, yes);
	} else if (!yes) {
		alloc->state = A_ACCEPTED;
		cxb_h_alloc_waiting(alloc, false);
	} else if (alloc->holders) {
		return cxb_fail(errp, CXB_ERROR_BUSY, "the memory is in use");
	} else {
		cxb_h_give_up(alloc);
	}
	return true;
}

/* What of a tag, or of none, may wait on one host; caller frees the list. */
static GList *of_tag(HDriver *drv, const CxbUuid *tag)
{
	HAlloc *alloc;

	if (cxb_uuid_is_null(tag))
		return g_hash_table_get_keys(drv->waiting);
	alloc = cxb_h_tag_find(drv, tag);
	return alloc ? g_list_append(NULL, alloc) : NULL;
}

bool cxb_host_respond(CxbHost *host, int memdev, const CxbUuid *tag, bool yes, GError **errp)
{
	char text[CXB_UUID_STRLEN + 1];
	g_autoptr(GList) waiting = NULL;
	GHashTableIter iter;
	gpointer drv;
	bool any = false;

	g_hash_table_iter_init(&iter, host->drivers);
	while (g_hash_table_iter_next(&iter, NULL, &drv))
		waiting = g_list_concat(waiting, of_tag(drv, tag));
	for (GList *l = waiting; l; l = l->next) {
		if (!is_waiting(l->data, memdev))
			continue;
		any = true;
		if (!answer(l->data, yes, errp))
			return false;
	}
	if (!any)
		return cxb_fail(errp, CXB_ERROR_NOT_FOUND, "nothing of tag %s waits for an answer",
				cxb_uuid_format(tag, text));
	return true;
}
