/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains of add records. "More" marks a delivery boundary: at its end every tag in the chain is
 * complete, is judged as a whole, and one response answers the chain. Responses go out in the
 * order of the chains, for a device takes each as the answer to its oldest offer (8.2.9.9.9.3).
 */
#include <inttypes.h>

#include "priv.h"
#include "wire/event.h"
#include "wire/mbox.h"
#include "wire/rc.h"

#define MAX_CHAIN 65536 /* extents */

static void pump(HMemdev *md);

static HChain *chain_new(void)
{
	HChain *chain = g_new0(HChain, 1);

	chain->extents = g_ptr_array_new();
	return chain;
}

static void chain_free(HChain *chain)
{
	for (unsigned i = 0; chain->allocs && i < chain->allocs->len; i++)
		cxb_h_alloc_free(g_ptr_array_index(chain->allocs, i));
	if (chain->allocs)
		g_ptr_array_unref(chain->allocs);
	if (chain->answer)
		g_array_unref(chain->answer);
	g_ptr_array_unref(chain->extents);
	g_free(chain);
}

/* Give every extent of an open chain its owner: its tag's allocation, or one of its own. */
static void chain_sort(HMemdev *md, HChain *chain)
{
	g_autoptr(GHashTable) tags = g_hash_table_new(cxb_uuid_hash, cxb_uuid_hash_equal);

	chain->allocs = g_ptr_array_new();
	for (unsigned i = 0; i < chain->extents->len; i++) {
		HExtent *e = g_ptr_array_index(chain->extents, i);
		bool tagged = !cxb_uuid_is_null(&e->tag);
		HAlloc *alloc = tagged ? g_hash_table_lookup(tags, &e->tag) : NULL;

		if (!alloc) {
			alloc = cxb_h_alloc_new(md, &e->tag);
			alloc->chain = chain;
			g_ptr_array_add(chain->allocs, alloc);
			if (tagged)
				g_hash_table_insert(tags, &alloc->tag, alloc);
		}
		e->alloc = alloc;
		g_ptr_array_add(alloc->extents, e);
	}
}

static void unstage(HMemdev *md, HExtent *e)
{
	if (e->offered)
		cxb_ivmap_remove(md->offers, e->dpa);
	e->offered = false;
}

static HChain *chain_take(HMemdev *md)
{
	if (md->chain_timer)
		cxb_timer_disarm(md->chain_timer);
	return g_steal_pointer(&md->chain);
}

/* Forget what the open chain brought so far. */
static void chain_drop(HMemdev *md)
{
	HChain *chain = chain_take(md);

	if (!chain)
		return;
	for (unsigned i = 0; i < chain->extents->len; i++) {
		unstage(md, g_ptr_array_index(chain->extents, i));
		g_free(g_ptr_array_index(chain->extents, i));
	}
	chain_free(chain);
}

void cxb_h_offers_fini(HMemdev *md)
{
	HChain *chain;

	chain_drop(md);
	while ((chain = g_queue_pop_head(&md->answers)))
		chain_free(chain);
	cxb_timer_free(md->chain_timer);
	md->chain_timer = NULL;
}

/* --- deciding --- */

static void refuse(HAlloc *alloc, const char *why)
{
	char tag[CXB_UUID_STRLEN + 1];

	alloc->state = A_REFUSED;
	cxb_h_alloc_known(alloc, false);
	for (unsigned i = 0; i < alloc->extents->len; i++)
		cxb_h_extent_unoffer(g_ptr_array_index(alloc->extents, i));
	cxb_h_say_md(alloc->md, "refused tag %s: %s", cxb_uuid_format(&alloc->tag, tag), why);
}

/* From here on it takes part in the rules; it is ours when the device has taken the response. */
static void admit(HAlloc *alloc)
{
	alloc->state = A_ANSWERING;
	for (unsigned i = 0; i < alloc->extents->len; i++) {
		HExtent *e = g_ptr_array_index(alloc->extents, i);

		cxb_h_extent_unoffer(e);
		if (!e->duplicate)
			e->live = cxb_ivmap_insert(alloc->md->live, e->dpa, e->len, e);
	}
	if (!((HExtent *)g_ptr_array_index(alloc->extents, 0))->duplicate)
		cxb_h_alloc_known(alloc, true);
}

static void decide(HAlloc *alloc)
{
	CxbHost *host = alloc->md->host;
	char tag[CXB_UUID_STRLEN + 1];
	const char *wrong = cxb_h_judge(alloc);

	if (wrong) {
		refuse(alloc, wrong);
	} else if (host->config.accept == CXB_HOST_REJECT) {
		refuse(alloc, "so the policy says");
	} else if (host->config.accept == CXB_HOST_ASK) {
		alloc->state = A_ASKING;
		alloc->chain->asking++;
		cxb_h_alloc_known(alloc, true);
		cxb_h_alloc_waiting(alloc, true);
		cxb_h_say_md(alloc->md, "offered tag %s: waiting for an answer",
			     cxb_uuid_format(&alloc->tag, tag));
	} else {
		admit(alloc);
	}
}

void cxb_h_offer_decide(HAlloc *alloc, bool yes)
{
	const char *wrong = yes ? cxb_h_judge(alloc) : "so it was answered";

	cxb_h_alloc_waiting(alloc, false);
	alloc->chain->asking--;
	if (wrong)
		refuse(alloc, wrong);
	else
		admit(alloc);
	pump(alloc->md);
}

/* --- answering --- */

static void answer_end(HMemdev *md, HChain *chain, bool good);

static void answer_done(HMemdev *md, void *unused, const HReply *reply);

static void answer_send(HMemdev *md, HChain *chain)
{
	const size_t one = sizeof(struct wire_dc_update_entry);
	size_t most = (md->payload - sizeof(struct wire_dc_update_in)) / one;
	size_t left = chain->answer->len - chain->sent, n = MIN(left, most);
	size_t len = sizeof(struct wire_dc_update_in) + n * one;
	g_autofree struct wire_dc_update_in *in = g_malloc0(len);

	in->count = le32_put(n);
	in->flags = left > n ? WIRE_DC_UPDATE_MORE : 0;
	if (n)
		memcpy(in->entry,
		       &g_array_index(chain->answer, struct wire_dc_update_entry, chain->sent),
		       n * one);
	md->answering = true;
	/* Another command between the parts of a list would end the collection. */
	if (chain->sent)
		cxb_h_mbox_next(md, CXB_OP_ADD_DC_RESPONSE, in, len, answer_done, NULL);
	else
		cxb_h_mbox(md, CXB_OP_ADD_DC_RESPONSE, in, len, answer_done, NULL);
	chain->sent += n;
}

static void answer_done(HMemdev *md, void *unused, const HReply *reply)
{
	HChain *chain = g_queue_peek_head(&md->answers);
	bool good = reply->rc == CXB_RC_SUCCESS;

	if (!good)
		cxb_h_say_md(md, "Add Dynamic Capacity Response: %s", cxb_h_reply_text(reply));
	if (good && chain->sent < chain->answer->len)
		answer_send(md, chain);
	else
		answer_end(md, chain, good);
}

static void accepted(HAlloc *alloc)
{
	char tag[CXB_UUID_STRLEN + 1];
	uint64_t total = 0;

	/* The device may have forced some of it out while the answer waited. */
	for (unsigned i = alloc->extents->len; i-- > 0;) {
		HExtent *e = g_ptr_array_index(alloc->extents, i);

		if (e->live)
			total += e->len;
		else
			g_ptr_array_remove_index(alloc->extents, i);
	}
	if (!alloc->extents->len) {
		cxb_h_alloc_free(alloc);
		return;
	}
	cxb_h_alloc_accepted(alloc);
	alloc->chain = NULL;
	cxb_h_say_md(alloc->md, "accepted tag %s: %u extents, 0x%" PRIx64 " bytes",
		     cxb_uuid_format(&alloc->tag, tag), alloc->extents->len, total);
}

static void answer_end(HMemdev *md, HChain *chain, bool good)
{
	GPtrArray *allocs = chain->allocs;

	md->answering = false;
	g_queue_pop_head(&md->answers);
	chain->allocs = g_ptr_array_new();
	for (unsigned i = 0; i < allocs->len; i++) {
		HAlloc *alloc = g_ptr_array_index(allocs, i);

		/* One that only repeated an accepted allocation goes with its chain. */
		if (good && alloc->state == A_ANSWERING &&
		    !((HExtent *)g_ptr_array_index(alloc->extents, 0))->duplicate)
			accepted(alloc);
		else
			g_ptr_array_add(chain->allocs, alloc);
	}
	g_ptr_array_unref(allocs);
	chain_free(chain);
	pump(md);
}

static bool all_withdrawn(const HChain *chain)
{
	for (unsigned i = 0; i < chain->extents->len; i++)
		if (!((HExtent *)g_ptr_array_index(chain->extents, i))->withdrawn)
			return false;
	return chain->extents->len;
}

static bool has_withdrawn(const HAlloc *alloc)
{
	for (unsigned i = 0; i < alloc->extents->len; i++)
		if (((HExtent *)g_ptr_array_index(alloc->extents, i))->withdrawn)
			return true;
	return false;
}

/* The accepted extents unchanged, in order of arrival. */
static void answer_make(HChain *chain)
{
	for (unsigned i = 0; i < chain->allocs->len; i++) {
		HAlloc *alloc = g_ptr_array_index(chain->allocs, i);

		if (alloc->state == A_ANSWERING && has_withdrawn(alloc))
			refuse(alloc, "it was withdrawn");
	}
	chain->answer = g_array_new(false, true, sizeof(struct wire_dc_update_entry));
	for (unsigned i = 0; i < chain->extents->len; i++) {
		const HExtent *e = g_ptr_array_index(chain->extents, i);
		struct wire_dc_update_entry entry = { le64_put(e->dpa), le64_put(e->len), { 0 } };

		if (e->alloc->state == A_ANSWERING)
			g_array_append_val(chain->answer, entry);
	}
}

static void pump(HMemdev *md)
{
	HChain *chain;

	while (!md->answering && (chain = g_queue_peek_head(&md->answers)) && !chain->asking) {
		if (all_withdrawn(chain)) {
			/* No offer is left there; an answer would hit the next one. */
			g_queue_pop_head(&md->answers);
			chain_free(chain);
			continue;
		}
		answer_make(chain);
		answer_send(md, chain);
	}
}

/* --- records --- */

static void chain_close(HMemdev *md)
{
	HChain *chain = chain_take(md);

	chain_sort(md, chain);
	g_queue_push_tail(&md->answers, chain);
	for (unsigned i = 0; i < chain->allocs->len; i++)
		decide(g_ptr_array_index(chain->allocs, i));
	pump(md);
}

/* Answered like any other, by an empty list: the device is not to wait for ever. */
static void chain_reject(HMemdev *md, const char *why)
{
	HChain *chain = chain_new();

	cxb_h_say_md(md, "dropped a chain of %u extents: %s", md->chain->extents->len, why);
	chain_drop(md);
	chain->allocs = g_ptr_array_new();
	g_queue_push_tail(&md->answers, chain);
	pump(md);
}

static void chain_expired(void *opaque)
{
	HMemdev *md = opaque;

	if (md->chain)
		chain_reject(md, "its end did not come within 20 s");
}

static void chain_watch(HMemdev *md)
{
	if (!md->chain_timer)
		md->chain_timer = cxb_timer_new(md->host->config.clock, chain_expired, md);
	if (!cxb_timer_armed(md->chain_timer))
		cxb_timer_arm(md->chain_timer, cxb_h_now(md->host) + H_CHAIN_TIMEOUT_NS);
}

void cxb_h_offer(HMemdev *md, const struct wire_dc_record *rec)
{
	HExtent *e;

	if (md->host->config.accept == CXB_HOST_IGNORE) {
		cxb_h_say_md(md, "ignored an offer at dpa 0x%" PRIx64, le64_get(rec->extent.dpa));
		return;
	}
	e = g_new0(HExtent, 1);
	e->dpa = le64_get(rec->extent.dpa);
	e->len = le64_get(rec->extent.length);
	e->tag = rec->extent.tag;
	e->seq = le16_get(rec->extent.seq);
	e->offered = cxb_ivmap_insert(md->offers, e->dpa, e->len, e);
	e->clash = !e->offered;
	if (!md->chain)
		md->chain = chain_new();
	g_ptr_array_add(md->chain->extents, e);
	if (!(rec->more & WIRE_DC_EVENT_MORE))
		chain_close(md);
	else if (md->chain->extents->len >= MAX_CHAIN)
		chain_reject(md, "it does not end");
	else
		chain_watch(md);
}

/* --- withdrawn by the device --- */

void cxb_h_offers_withdraw(HMemdev *md, uint64_t dpa, uint64_t len)
{
	CxbIv *iv;

	while ((iv = cxb_ivmap_overlap(md->offers, dpa, len))) {
		HExtent *e = iv->value;
		HAlloc *alloc = e->alloc;

		e->withdrawn = true;
		unstage(md, e);
		if (alloc && alloc->state == A_ASKING) {
			cxb_h_alloc_waiting(alloc, false);
			alloc->chain->asking--;
			refuse(alloc, "it was withdrawn");
		}
	}
	if (md->chain && all_withdrawn(md->chain))
		chain_drop(md);
	pump(md);
}
