/* SPDX-License-Identifier: Apache-2.0 */
#include "poison_impl.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/range.h"
#include "base/trace.h"
#include "wire/mbox.h"

CXB_TRACE(cxl_poison_add, (uint64_t dpa, uint64_t len, unsigned source, size_t count),
	  "dpa 0x%" PRIx64 " len 0x%" PRIx64 " source %u, %zu records", dpa, len, source, count)
CXB_TRACE(cxl_poison_drop, (uint64_t dpa, uint64_t len, size_t count),
	  "dpa 0x%" PRIx64 " len 0x%" PRIx64 ", %zu records left", dpa, len, count)
CXB_TRACE(cxl_poison_overflow, (uint64_t dpa, uint64_t len),
	  "dpa 0x%" PRIx64 " len 0x%" PRIx64 " does not fit the list", dpa, len)

CxbPoison *cxb_poison_new(const CxbPoisonConfig *config)
{
	CxbPoison *poison = g_new0(CxbPoison, 1);

	poison->config = *config;
	poison->records = cxb_ivmap_new(NULL);
	return poison;
}

void cxb_poison_free(CxbPoison *poison)
{
	if (!poison)
		return;
	cxb_ivmap_free(poison->records);
	g_free(poison);
}

void poison_add(CxbPoison *poison, uint64_t dpa, uint64_t len, unsigned source)
{
	if (cxb_ivmap_count(poison->records) < CXB_POISON_LIST_MAX) {
		cxb_ivmap_insert(poison->records, dpa, len, GUINT_TO_POINTER(source));
		trace_cxl_poison_add(dpa, len, source, cxb_ivmap_count(poison->records));
		return;
	}
	trace_cxl_poison_overflow(dpa, len);
	if (!poison->overflow)
		poison->overflow_ns = poison->config.timestamp(poison->config.opaque);
	poison->overflow = true;
}

bool cxb_poison_check(uint64_t dpa, uint64_t len, GError **errp)
{
	if (!len || len % CXB_POISON_LINE)
		return cxb_fail(
			errp, CXB_ERROR_INVALID,
			"Poison injection must be in multiples of 64 bytes: length 0x%" PRIx64,
			len);
	return dpa % CXB_POISON_LINE == 0 ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"Poison start address must be 64 byte aligned: 0x%" PRIx64, dpa);
}

bool cxb_poison_inject(CxbPoison *poison, uint64_t dpa, uint64_t len, GError **errp)
{
	const CxbIv *iv;

	if (!cxb_poison_check(dpa, len, errp))
		return false;
	if (len / CXB_POISON_LINE > UINT32_MAX)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Poison length 0x%" PRIx64
				" is more than a record counts, 0x%" PRIx64,
				len, (uint64_t)UINT32_MAX * CXB_POISON_LINE);
	iv = cxb_ivmap_overlap(poison->records, dpa, len);
	if (iv)
		return cxb_fail(
			errp, CXB_ERROR_INVALID,
			"Overlap with existing poisoned region not supported: start 0x%" PRIx64
			" length 0x%" PRIx64,
			iv->start, iv->len);
	if (!cxb_range_valid(dpa, len) || !poison->config.answers(poison->config.opaque, dpa, len))
		return cxb_fail(
			errp, CXB_ERROR_INVALID,
			"Poison is for memory that the device has: not all of start 0x%" PRIx64
			" length 0x%" PRIx64 " is",
			dpa, len);
	poison_add(poison, dpa, len, WIRE_POISON_INTERNAL);
	return true;
}

void cxb_poison_drop(CxbPoison *poison, uint64_t dpa, uint64_t len)
{
	CxbIv *iv;

	while ((iv = cxb_ivmap_overlap(poison->records, dpa, len))) {
		const CxbIv old = *iv;
		const uint64_t above = old.start + old.len - dpa; /* bytes from @dpa on */

		cxb_ivmap_remove(poison->records, old.start);
		if (old.start < dpa)
			poison_add(poison, old.start, dpa - old.start, GPOINTER_TO_UINT(old.value));
		if (above > len)
			poison_add(poison, dpa + len, above - len, GPOINTER_TO_UINT(old.value));
		trace_cxl_poison_drop(dpa, len, cxb_ivmap_count(poison->records));
	}
}

void cxb_poison_reset(CxbPoison *poison, CxbResetKind kind, const CxbPoisonRange *persistent,
		      size_t n)
{
	uint64_t end = 0; /* of what has been dealt with */

	poison->query_len = 0;
	if (kind != CXB_RESET_COLD)
		return;
	for (size_t i = 0; i < n; i++) {
		cxb_poison_drop(poison, end, persistent[i].dpa - end);
		end = persistent[i].dpa + persistent[i].len;
	}
	cxb_poison_drop(poison, end, UINT64_MAX - end);
	/* What was lost may have been persistent, if there is such. */
	if (!n) {
		poison->overflow = false;
		poison->overflow_ns = 0;
	}
}

size_t cxb_poison_count(const CxbPoison *poison)
{
	return cxb_ivmap_count(poison->records);
}
