/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving memory back (8.2.9.9.9.4): a record that touches an allocation gives up all of it, one
 * command an extent. What somebody holds stays, silently, until nobody does.
 */
#include <inttypes.h>

#include "base/range.h"
#include "priv.h"
#include "wire/event.h"
#include "wire/mbox.h"
#include "wire/rc.h"

static void extent_gone(HExtent *e)
{
	HAlloc *alloc = e->alloc;
	char tag[CXB_UUID_STRLEN + 1];

	cxb_h_extent_unlive(e);
	if (alloc->state == A_ANSWERING) {
		e->withdrawn = true; /* its chain still names it */
		return;
	}
	g_ptr_array_remove(alloc->extents, e);
	if (alloc->extents->len)
		return;
	cxb_h_say_md(alloc->md, "tag %s is gone", cxb_uuid_format(&alloc->tag, tag));
	cxb_h_alloc_free(alloc);
}

static void release_done(HMemdev *md, void *unused, const HReply *reply)
{
	g_autofree HExtent *range = g_queue_pop_head(&md->releasing);
	CxbIv *iv = cxb_ivmap_at(md->live, range->dpa);
	HExtent *e = iv ? iv->value : NULL;
	HAlloc *alloc = e ? e->alloc : NULL;

	if (reply->rc != CXB_RC_SUCCESS)
		cxb_h_say_md(md, "Release Dynamic Capacity at dpa 0x%" PRIx64 ": %s", range->dpa,
			     cxb_h_reply_text(reply));
	if (!alloc || alloc->state != A_RELEASING)
		return;
	if (alloc->pending)
		alloc->pending--;
	/* Not accepted any more, says the device: gone as well. */
	if (reply->rc == CXB_RC_SUCCESS || reply->rc == CXB_RC_INVALID_PA)
		extent_gone(e);
	else if (!alloc->pending)
		alloc->state = A_RELEASE_ASKED;
}

static void release_send(HMemdev *md, uint64_t dpa, uint64_t len)
{
	uint8_t buf[sizeof(struct wire_dc_update_in) + sizeof(struct wire_dc_update_entry)] = { 0 };
	struct wire_dc_update_in *in = (void *)buf;
	HExtent *range = g_new0(HExtent, 1);

	in->count = le32_put(1);
	in->entry[0] = (struct wire_dc_update_entry){ le64_put(dpa), le64_put(len), { 0 } };
	range->dpa = dpa;
	range->len = len;
	g_queue_push_tail(&md->releasing, range);
	cxb_h_mbox(md, CXB_OP_RELEASE_DC, buf, sizeof(buf), release_done, NULL);
}

void cxb_h_give_up(HAlloc *alloc)
{
	HMemdev *md = alloc->md;

	alloc->state = A_RELEASING;
	cxb_h_alloc_waiting(alloc, false);
	alloc->pending = alloc->extents->len;
	for (unsigned i = 0; i < alloc->extents->len; i++) {
		const HExtent *e = g_ptr_array_index(alloc->extents, i);

		release_send(md, e->dpa, e->len);
	}
}

static void asked_back(HAlloc *alloc)
{
	CxbHost *host = alloc->md->host;
	char tag[CXB_UUID_STRLEN + 1];

	if (alloc->state == A_RELEASING || alloc->state == A_ANSWERING)
		return;
	if (host->config.release == CXB_HOST_ALL && !alloc->holders) {
		for (unsigned i = 0; i < alloc->extents->len; i++) {
			const HExtent *e = g_ptr_array_index(alloc->extents, i);

			cxb_ivmap_insert(alloc->md->given_up, e->dpa, e->len, NULL);
		}
		cxb_h_give_up(alloc);
		return;
	}
	alloc->state = A_RELEASE_ASKED;
	cxb_h_alloc_waiting(alloc, true);
	cxb_h_say_md(alloc->md, "asked to give back tag %s: %s", cxb_uuid_format(&alloc->tag, tag),
		     alloc->holders ? "in use" : "kept for now");
}

void cxb_h_let_go(HAlloc *alloc)
{
	if (alloc->state == A_RELEASE_ASKED && alloc->md->host->config.release == CXB_HOST_ALL)
		cxb_h_give_up(alloc);
}

/* A null tag names whatever lies there: some devices forget the tag. */
static void release_range(HMemdev *md, const CxbUuid *tag, uint64_t dpa, uint64_t len)
{
	CxbIv *iv = cxb_ivmap_overlap(md->live, dpa, len);

	if (!iv && cxb_ivmap_overlap(md->given_up, dpa, len))
		return; /* went with an earlier record of this chain */
	if (!iv && md->host->config.release != CXB_HOST_IGNORE) {
		cxb_h_say_md(md, "asked to give back dpa 0x%" PRIx64 ", which is not ours: done",
			     dpa);
		release_send(md, dpa, len);
	}
	for (; iv && cxb_ranges_overlap(iv->start, iv->len, dpa, len);
	     iv = cxb_ivmap_next(md->live, iv)) {
		HExtent *e = iv->value;

		if (cxb_uuid_is_null(tag) || cxb_uuid_equal(tag, &e->tag))
			asked_back(e->alloc);
		else
			cxb_h_say_md(md,
				     "asked to give back dpa 0x%" PRIx64 " by another tag: ignored",
				     dpa);
	}
}

void cxb_h_release(HMemdev *md, const struct wire_dc_record *rec)
{
	uint64_t dpa = le64_get(rec->extent.dpa), len = le64_get(rec->extent.length);

	if (len)
		release_range(md, &rec->extent.tag, dpa, len);
	else
		cxb_h_say_md(md, "asked to give back nothing");
	if (!(rec->more & WIRE_DC_EVENT_MORE))
		cxb_ivmap_clear(md->given_up);
}

/* The range is gone already, offered or accepted. */
void cxb_h_forced(HMemdev *md, const struct wire_dc_record *rec)
{
	uint64_t dpa = le64_get(rec->extent.dpa), len = le64_get(rec->extent.length);
	CxbIv *iv;

	cxb_h_say_md(md, "dpa 0x%" PRIx64 ", 0x%" PRIx64 " bytes, was taken away", dpa, len);
	while ((iv = cxb_ivmap_overlap(md->live, dpa, len))) {
		HExtent *e = iv->value;

		if (e->alloc->state == A_RELEASING && e->alloc->pending)
			e->alloc->pending--;
		extent_gone(e);
	}
	cxb_h_offers_withdraw(md, dpa, len);
}
