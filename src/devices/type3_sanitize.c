/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sanitize and media operations of a memory device: holes are punched, so that erasing a device costs no
 * memory, and on the worker if there is much to free. What is read-only cannot be erased, and keeps media
 * disabled.
 */
#include "devices.h"

#include "base/error.h"
#include "base/trace.h"
#include "memory/erasure.h"

/* What it erased, or was about to, is let go. True: all of it. */
static bool let_go(Type3 *t3)
{
	CxbErasure *e = g_steal_pointer(&t3->erasing);
	const GError *err = cxb_erasure_error(e);
	const bool everything = !err;

	if (err)
		cxb_warn("%s: sanitizing: %s", t3->path, err->message);
	cxb_erasure_free(e);
	return everything;
}

static void erased(void *opaque)
{
	Type3 *t3 = opaque;

	cxb_memdev_erased(t3->memdev, let_go(t3));
}

static void begin(Type3 *t3)
{
	g_assert(!t3->erasing);
	t3->erasing = cxb_erasure_new(t3->path, erased, t3);
}

static CxbRc go(Type3 *t3)
{
	if (!cxb_erasure_start(t3->erasing))
		return CXB_RC_LATER;
	return let_go(t3) ? CXB_RC_SUCCESS : CXB_RC_INTERNAL_ERROR;
}

/* What is not there any more needs no erasing. */
static void add_range(Type3 *t3, uint64_t dpa, uint64_t len)
{
	const uint64_t end = dpa + len;
	CxbCxlSegment at;

	while (dpa < end && cxb_type3_segment(t3, dpa, &at) && at.dpa < end) {
		const uint64_t from = MAX(dpa, at.dpa), upto = MIN(end, at.dpa + at.len);

		cxb_erasure_add(t3->erasing, at.mem, at.mem_off + (from - at.dpa), upto - from);
		dpa = upto;
	}
}

static CxbRc sanitize(void *opaque)
{
	Type3 *t3 = opaque;

	begin(t3);
	add_range(t3, 0, UINT64_MAX);
	if (t3->lsa)
		cxb_erasure_add(t3->erasing, t3->lsa, 0, cxb_hostmem_size(t3->lsa));
	return go(t3);
}

static CxbRc erase(void *opaque, const CxbMemdevRange *ranges, size_t n)
{
	Type3 *t3 = opaque;

	begin(t3);
	for (size_t i = 0; i < n; i++)
		add_range(t3, ranges[i].dpa, ranges[i].len);
	return go(t3);
}

static void stop(void *opaque)
{
	Type3 *t3 = opaque;

	g_clear_pointer(&t3->erasing, cxb_erasure_free);
}

/* The windows onto the memory go, and come back with it. */
static void disable(void *opaque, bool disabled)
{
	Type3 *t3 = opaque;

	if (cxb_cci_media_disabled(t3->cci) == disabled)
		return;
	if (t3->announced)
		t3->listener->decode_removing(t3->listener->opaque, &t3->pci.dev);
	cxb_cci_set_media_disabled(t3->cci, disabled);
	if (t3->announced)
		t3->listener->decode_changed(t3->listener->opaque, &t3->pci.dev);
}

CxbMemdevMedia cxb_type3_media(Type3 *t3)
{
	return (CxbMemdevMedia){
		.sanitize = sanitize,
		.disable = disable,
		.answers = cxb_type3_answers,
		.erase = erase,
		.stop = stop,
		.opaque = t3,
	};
}

void cxb_type3_sanitize_fini(Type3 *t3)
{
	stop(t3);
}
