/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sanitize and media operations of a memory device: holes are punched, so that erasing a device costs no
 * memory. What is read-only cannot be erased, and keeps media disabled.
 */
#include "devices.h"

#include "base/error.h"
#include "base/trace.h"

static bool discard(const Type3 *t3, CxbHostMem *mem, uint64_t off, uint64_t len)
{
	g_autoptr(GError) err = NULL;

	if (cxb_hostmem_discard(mem, off, len, &err))
		return true;
	cxb_warn("%s: sanitizing: %s", t3->path, err->message);
	return false;
}

static bool erase(void *opaque, uint64_t dpa, uint64_t len)
{
	Type3 *t3 = opaque;
	const uint64_t end = dpa + len;
	CxbCxlSegment at;
	bool all = true;

	while (dpa < end && cxb_type3_segment(t3, dpa, &at) && at.dpa < end) {
		const uint64_t from = MAX(dpa, at.dpa), upto = MIN(end, at.dpa + at.len);

		if (!discard(t3, at.mem, at.mem_off + (from - at.dpa), upto - from))
			all = false;
		dpa = upto;
	}
	return all;
}

static bool sanitize(void *opaque)
{
	Type3 *t3 = opaque;
	const bool memory = erase(t3, 0, UINT64_MAX);

	return (!t3->lsa || discard(t3, t3->lsa, 0, cxb_hostmem_size(t3->lsa))) && memory;
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
		.opaque = t3,
	};
}
