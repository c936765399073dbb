/* SPDX-License-Identifier: Apache-2.0 */
/* Making and freeing the dynamic-capacity engine; resets. */
#include "dc_internal.h"

#include "base/error.h"
#include "base/range.h"

#include <inttypes.h>

#define REGION_UNIT (256ull << 20)

/* CXL 3.1 9.13.3: increasing DPA without overlap, bases on 256 MiB, whole blocks. */
static bool region_check(const CxbDcConfig *c, unsigned i, GError **errp)
{
	const CxbDcRegion *r = &c->regions[i];
	const CxbDcRegion *below = i ? &c->regions[i - 1] : NULL;

	if (r->block_size < CXB_DC_BLOCK_MIN || r->block_size & (r->block_size - 1))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dynamic capacity region %u: block size 0x%" PRIx64
				" is not a power of two of at least 64",
				i, r->block_size);
	if (r->base % REGION_UNIT || r->base % r->block_size)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dynamic capacity region %u: base 0x%" PRIx64
				" is not a multiple of 256 MiB and of the block size",
				i, r->base);
	if (r->decode_len % REGION_UNIT || !cxb_range_valid(r->base, r->decode_len))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dynamic capacity region %u: decode length 0x%" PRIx64
				" is not a multiple of 256 MiB above 0 that fits the address space",
				i, r->decode_len);
	if (!r->len || r->len > r->decode_len || r->len % r->block_size)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dynamic capacity region %u: length 0x%" PRIx64
				" is 0, beyond the decode length or not whole blocks",
				i, r->len);
	if (below && (r->base < below->base || r->base - below->base < below->decode_len))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dynamic capacity region %u: begins before the end of region %u", i,
				i - 1);
	return true;
}

static bool config_check(CxbDcConfig *c, GError **errp)
{
	uint64_t bytes = 0; /* regions do not overlap: no overflow */

	if (!c->n_regions || c->n_regions > CXB_DC_REGIONS)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"number of dynamic capacity regions %u is not 1 to %u",
				c->n_regions, CXB_DC_REGIONS);
	if (!c->n_heads || c->n_heads > UINT16_MAX)
		return cxb_fail(errp, CXB_ERROR_INVALID, "number of heads %u is not 1 to %u",
				c->n_heads, UINT16_MAX);
	for (unsigned i = 0; i < c->n_regions; i++) {
		if (!c->regions[i].block_size)
			c->regions[i].block_size = CXB_DC_BLOCK_SIZE;
		if (!region_check(c, i, errp))
			return false;
		bytes += c->regions[i].len;
	}
	if (c->backing && c->backing->ops->size(c->backing) != bytes)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"dynamic capacity: backing %s has 0x%" PRIx64
				" bytes, the regions 0x%" PRIx64,
				c->backing->ops->name(c->backing),
				c->backing->ops->size(c->backing), bytes);
	if (!c->max_extents)
		c->max_extents = CXB_DC_MAX_EXTENTS;
	if (!c->max_tags)
		c->max_tags = c->max_extents;
	return true;
}

CxbDc *cxb_dc_new(const CxbDcConfig *config, GError **errp)
{
	CxbDcConfig c = *config;
	CxbDc *dc;

	if (!config_check(&c, errp))
		return NULL;
	dc = g_new0(CxbDc, 1);
	dc->config = c;
	dc->config.name = g_strdup(c.name ? c.name : "?");
	if (!c.tags)
		dc->config.tags = dc->own_tags = cxb_dc_tag_space_new();
	dc->watches = g_array_new(FALSE, FALSE, sizeof(DcWatch));
	dc->allocs = g_hash_table_new(cxb_uuid_hash, cxb_uuid_hash_equal);
	dc->tag_list = g_ptr_array_new();
	for (unsigned i = 0; i < c.n_regions; i++)
		cxb_dc_space_init(&dc->space[i], c.regions[i].base, c.regions[i].len);
	dc->untagged.backing = c.backing;
	dc->heads = g_new0(DcHead, c.n_heads);
	for (unsigned i = 0; i < c.n_heads; i++) {
		DcHead *head = &dc->heads[i];

		head->map = cxb_ivmap_new(NULL);
		head->tags = g_hash_table_new(cxb_uuid_hash, cxb_uuid_hash_equal);
		head->untagged = g_hash_table_new(NULL, NULL);
		head->accepted = g_sequence_new(NULL);
	}
	return dc;
}

static void tags_fini(CxbDc *dc, GHashTable *tags)
{
	GHashTableIter it;
	DcTag *tag;

	g_hash_table_iter_init(&it, tags);
	while (g_hash_table_iter_next(&it, NULL, (gpointer *)&tag)) {
		g_hash_table_iter_steal(&it);
		for (GList *l = tag->extents.head; l; l = l->next) {
			cxb_dc_group_drop(l->data);
			cxb_dc_extent_end(dc, l->data, false);
		}
		cxb_dc_tag_leave(dc, tag);
	}
}

static void head_fini(CxbDc *dc, DcHead *head)
{
	cxb_ivmap_clear(head->map);
	tags_fini(dc, head->tags);
	tags_fini(dc, head->untagged);
	for (unsigned i = 0; i < DC_LISTS; i++)
		cxb_dc_list_clear(&head->lists[i]);
	cxb_ivmap_free(head->map);
	g_hash_table_unref(head->tags);
	g_hash_table_unref(head->untagged);
	g_sequence_free(head->accepted);
	g_free(head->answer.check);
}

void cxb_dc_free(CxbDc *dc)
{
	if (!dc)
		return;
	if (dc->txn) {
		g_assert(dc->txn->waiting); /* not from inside an observer */
		cxb_dc_txn_free(dc->txn);
	}
	for (unsigned i = 0; i < dc->config.n_heads; i++)
		head_fini(dc, &dc->heads[i]);
	cxb_dc_allocs_fini(dc);
	for (unsigned i = 0; i < dc->config.n_regions; i++)
		cxb_dc_space_fini(&dc->space[i]);
	g_ptr_array_unref(dc->tag_list);
	g_hash_table_unref(dc->allocs);
	g_array_unref(dc->watches);
	cxb_dc_tag_space_free(dc->own_tags);
	g_free((char *)dc->config.name);
	g_free(dc->heads);
	g_free(dc);
}

void cxb_dc_add_observer(CxbDc *dc, const CxbDcObserver *observer, void *opaque)
{
	const DcWatch watch = { observer, opaque };

	g_array_append_val(dc->watches, watch);
}

void cxb_dc_remove_observers(CxbDc *dc, void *opaque)
{
	static const CxbDcObserver nobody;

	for (guint i = dc->watches->len; i--;) {
		DcWatch *w = &g_array_index(dc->watches, DcWatch, i);

		if (w->opaque != opaque)
			continue;
		if (dc->txn) /* which counts them */
			*w = (DcWatch){ &nobody, NULL };
		else
			g_array_remove_index(dc->watches, i);
	}
}

bool cxb_dc_under_way(const CxbDc *dc)
{
	return dc->txn != NULL;
}

bool cxb_dc_busy(CxbDc *dc, GError **errp)
{
	if (!dc->txn)
		return false;
	cxb_fail(errp, CXB_ERROR_BUSY, "%s: an operation on dynamic capacity is under way",
		 dc->config.name);
	return true;
}

DcHead *cxb_dc_head(CxbDc *dc, uint16_t host_id, GError **errp)
{
	if (host_id < dc->config.n_heads)
		return &dc->heads[host_id];
	cxb_fail(errp, CXB_ERROR_INVALID, "host id %u is not known: %s has %u head%s", host_id,
		 dc->config.name, dc->config.n_heads, dc->config.n_heads == 1 ? "" : "s");
	return NULL;
}

DcCover cxb_dc_cover(const DcHead *head, uint64_t dpa, uint64_t len, GPtrArray *out, bool *parts)
{
	const guint before = out->len;
	const CxbIv *iv = cxb_ivmap_find(head->map, dpa);
	DcCover result = DC_COVER_WHOLE;
	uint64_t done = 0;

	while (done < len && result == DC_COVER_WHOLE) {
		uint64_t skipped; /* of the extent, below the range */
		bool part;

		if (!iv || iv->start > dpa + done) {
			result = DC_COVER_NONE;
			break;
		}
		skipped = dpa + done - iv->start;
		part = skipped || iv->len > len - done;
		if (part && !cxb_uuid_is_null(&((const DcExtent *)iv->value)->pub.tag)) {
			result = DC_COVER_CUT;
			break;
		}
		*parts |= part;
		g_ptr_array_add(out, iv->value);
		done += MIN(iv->len - skipped, len - done);
		if (done < len)
			iv = cxb_ivmap_next(head->map, iv);
	}
	if (result != DC_COVER_WHOLE)
		g_ptr_array_set_size(out, before);
	return result;
}

/* --- resets: CXL 3.1 9.13.3 leaves offered and accepted extents alone --- */

static void announce_group(CxbDc *dc, uint16_t head, const DcGroup *group)
{
	GPtrArray *extents = g_ptr_array_sized_new(g_queue_get_length((GQueue *)&group->extents));
	DcTxn *txn = cxb_dc_txn_new(head);

	for (GList *l = group->extents.head; l; l = l->next)
		g_ptr_array_add(extents, l->data);
	cxb_dc_txn_add(txn, CXB_DC_OP_REANNOUNCE, extents);
	cxb_dc_txn_run(dc, txn, NULL);
}

static void announce_all(CxbDc *dc, uint16_t id)
{
	DcHead *head = &dc->heads[id];

	head->reannounce = false;
	for (GList *l = head->offers.head; l; l = l->next)
		announce_group(dc, id, l->data);
	for (GList *l = head->requests.head; l; l = l->next)
		announce_group(dc, id, l->data);
}

void cxb_dc_reset_head(CxbDc *dc, uint16_t head)
{
	g_assert(head < dc->config.n_heads);
	cxb_dc_drop_lists(dc, head);
	if (dc->txn)
		dc->heads[head].reannounce = true; /* when it has ended */
	else
		announce_all(dc, head);
}

void cxb_dc_drop_lists(CxbDc *dc, uint16_t head)
{
	g_assert(head < dc->config.n_heads);
	for (unsigned i = 0; i < DC_LISTS; i++)
		cxb_dc_list_clear(&dc->heads[head].lists[i]);
}
