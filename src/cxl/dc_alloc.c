/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations: what a tag names on a device, whoever has it. Each is made of pieces, which are the
 * extents of every host that it is given to, and lasts as long as a host or the fabric manager's
 * reference (CXL 3.1 7.6.7.6.7) has one.
 */
#include "dc_internal.h"

/* Unmap, have it sanitized if asked to, release. */
static void alloc_free(CxbDc *dc, DcAlloc *alloc)
{
	CxbDcBacking *b = alloc->backing;

	if (!cxb_dc_is_static(dc)) {
		if (alloc->accepted)
			b->ops->set_mapped(b, false);
		if (alloc->sanitize)
			b->ops->sanitize(b, 0, b->ops->size(b));
		b->ops->release(b);
	}
	g_free(alloc->pieces);
	g_free(alloc);
}

static DcAlloc *alloc_new(const CxbUuid *tag, CxbDcBacking *backing)
{
	DcAlloc *alloc = g_new0(DcAlloc, 1);

	alloc->tag = *tag;
	alloc->backing = backing;
	return alloc;
}

static DcAlloc *hold_static(CxbDc *dc, const CxbUuid *tag, uint16_t head, GError **errp)
{
	char text[CXB_UUID_STRLEN + 1];
	const char *user;

	if (cxb_uuid_is_null(tag))
		return &dc->untagged;
	user = cxb_dc_tag_user(dc, tag, head);
	if (!user)
		return alloc_new(tag, dc->config.backing);
	cxb_fail(errp, CXB_ERROR_BUSY, "tag %s is live on %s", cxb_uuid_format(tag, text), user);
	return NULL;
}

CxbErrorCode cxb_dc_backing_error(const GError *err)
{
	return g_error_matches(err, CXB_ERROR, CXB_ERROR_AGAIN) ? CXB_ERROR_AGAIN : CXB_ERROR_BUSY;
}

DcAlloc *cxb_dc_alloc_hold(CxbDc *dc, const CxbUuid *tag, uint16_t head, GError **errp)
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
	user = cxb_dc_tag_user(dc, tag, head);
	if (user) {
		cxb_fail(errp, CXB_ERROR_BUSY,
			 "memory backend %s is already mapped and cannot be reused: "
			 "tag %s is live on %s",
			 backing->ops->name(backing), cxb_uuid_format(tag, text), user);
		return NULL;
	}
	if (!backing->ops->hold(backing, dc->config.name, &err)) {
		cxb_fail(errp, cxb_dc_backing_error(err),
			 "memory backend %s is already mapped and cannot be reused: %s",
			 backing->ops->name(backing), err ? err->message : "it is held");
		return NULL;
	}
	return alloc_new(tag, backing);
}

void cxb_dc_alloc_unhold(CxbDc *dc, DcAlloc *alloc)
{
	if (alloc == &dc->untagged)
		return;
	if (!cxb_dc_is_static(dc))
		alloc->backing->ops->release(alloc->backing);
	g_free(alloc->pieces);
	g_free(alloc);
}

/* --- pieces --- */

void cxb_dc_pieces_init(DcAlloc *alloc, uint64_t base, const CxbDcRange *ranges, uint32_t n)
{
	alloc->pieces = g_new(DcPiece, n); /* no more than there are: they are many */
	alloc->n_pieces = n;
	for (uint32_t i = 0; i < n; i++) {
		alloc->pieces[i] =
			(DcPiece){ .dpa = base + ranges[i].offset, .len = ranges[i].len };
		alloc->bytes += ranges[i].len;
	}
}

void cxb_dc_piece_use(CxbDc *dc, DcAlloc *alloc, uint32_t i)
{
	DcPiece *piece = &alloc->pieces[i];

	if (!piece->users++)
		cxb_dc_space_take(&dc->space[alloc->region], piece->dpa, piece->len);
}

void cxb_dc_piece_drop(CxbDc *dc, DcAlloc *alloc, uint32_t i)
{
	DcPiece *piece = &alloc->pieces[i];

	if (--piece->users)
		return;
	cxb_dc_space_give(&dc->space[alloc->region], piece->dpa, piece->len);
	if (piece->sanitize)
		cxb_dc_sanitize(dc, piece->dpa, piece->len);
}

/* --- how long it lasts --- */

static void alloc_end(CxbDc *dc, DcAlloc *alloc)
{
	g_hash_table_remove(dc->allocs, &alloc->tag);
	g_ptr_array_remove_index_fast(dc->tag_list, alloc->place);
	if (alloc->place < dc->tag_list->len)
		((DcAlloc *)dc->tag_list->pdata[alloc->place])->place = alloc->place;
	alloc_free(dc, alloc);
}

void cxb_dc_alloc_enter(CxbDc *dc, DcAlloc *alloc)
{
	alloc->heads++;
	dc->tag_generation++;
	if (alloc->live)
		return;
	alloc->live = true;
	alloc->place = dc->tag_list->len;
	g_ptr_array_add(dc->tag_list, alloc);
	g_hash_table_insert(dc->allocs, &alloc->tag, alloc);
}

void cxb_dc_alloc_leave(CxbDc *dc, DcAlloc *alloc)
{
	dc->tag_generation++;
	if (!--alloc->heads && !alloc->referenced)
		alloc_end(dc, alloc);
}

/* --- the fabric manager's reference --- */

DcAlloc *cxb_dc_alloc_find(CxbDc *dc, const CxbUuid *tag, GError **errp)
{
	DcAlloc *alloc = g_hash_table_lookup(dc->allocs, tag);
	char text[CXB_UUID_STRLEN + 1];

	if (!alloc)
		cxb_fail(errp, CXB_ERROR_INVALID, "%s has no allocation with tag %s",
			 dc->config.name, cxb_uuid_format(tag, text));
	return alloc;
}

bool cxb_dc_alloc_whole(const DcAlloc *alloc, GError **errp)
{
	char text[CXB_UUID_STRLEN + 1];

	for (uint32_t i = 0; i < alloc->n_pieces; i++)
		if (!alloc->pieces[i].users)
			return cxb_fail(errp, CXB_ERROR_BUSY,
					"tag %s is being released: a part of it is free already",
					cxb_uuid_format(&alloc->tag, text));
	return true;
}

bool cxb_dc_add_reference(CxbDc *dc, const CxbUuid *tag, GError **errp)
{
	DcAlloc *alloc;

	if (cxb_dc_busy(dc, errp))
		return false;
	alloc = cxb_dc_alloc_find(dc, tag, errp);
	if (!alloc)
		return false;
	if (alloc->referenced)
		return true;
	if (!cxb_dc_alloc_whole(alloc, errp))
		return false;
	alloc->referenced = true;
	for (uint32_t i = 0; i < alloc->n_pieces; i++)
		cxb_dc_piece_use(dc, alloc, i);
	dc->tag_generation++;
	return true;
}

static void reference_drop(CxbDc *dc, DcAlloc *alloc)
{
	alloc->referenced = false;
	for (uint32_t i = 0; i < alloc->n_pieces; i++)
		cxb_dc_piece_drop(dc, alloc, i);
	dc->tag_generation++;
	if (!alloc->heads)
		alloc_end(dc, alloc);
}

bool cxb_dc_remove_reference(CxbDc *dc, const CxbUuid *tag, GError **errp)
{
	char text[CXB_UUID_STRLEN + 1];
	DcAlloc *alloc;

	if (cxb_dc_busy(dc, errp))
		return false;
	alloc = cxb_dc_alloc_find(dc, tag, errp);
	if (!alloc)
		return false;
	if (!alloc->referenced)
		return cxb_fail(errp, CXB_ERROR_INVALID, "nobody holds a reference to tag %s",
				cxb_uuid_format(tag, text));
	reference_drop(dc, alloc);
	return true;
}

void cxb_dc_allocs_fini(CxbDc *dc)
{
	while (dc->tag_list->len)
		reference_drop(dc, dc->tag_list->pdata[dc->tag_list->len - 1]);
}

/* --- looking --- */

static void info_fill(const DcAlloc *alloc, CxbDcTagInfo *info)
{
	*info = (CxbDcTagInfo){
		.tag = alloc->tag,
		.region = alloc->region,
		.backing = alloc->backing,
		.referenced = alloc->referenced,
		.heads = alloc->heads,
		.extents = alloc->n_pieces,
		.bytes = alloc->bytes,
	};
}

bool cxb_dc_tag_info(CxbDc *dc, const CxbUuid *tag, CxbDcTagInfo *info, GError **errp)
{
	const DcAlloc *alloc = cxb_dc_alloc_find(dc, tag, errp);

	if (alloc)
		info_fill(alloc, info);
	return alloc != NULL;
}

size_t cxb_dc_tag_count(const CxbDc *dc)
{
	return g_hash_table_size(dc->allocs);
}

bool cxb_dc_tag_at(const CxbDc *dc, size_t i, CxbDcTagInfo *info)
{
	if (i >= cxb_dc_tag_count(dc))
		return false;
	info_fill(dc->tag_list->pdata[i], info);
	return true;
}

uint32_t cxb_dc_tags_generation(const CxbDc *dc)
{
	return dc->tag_generation;
}
