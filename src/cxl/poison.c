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
CXB_TRACE(cxl_poison_forget, (uint64_t dpa, uint64_t len),
	  "dpa 0x%" PRIx64 " len 0x%" PRIx64 " does not fit what is behind the list", dpa, len)

CxbPoison *cxb_poison_new(const CxbPoisonConfig *config)
{
	CxbPoison *poison = g_new0(CxbPoison, 1);

	poison->config = *config;
	poison->records = cxb_ivmap_new(NULL);
	poison->hidden = cxb_ivmap_new(NULL);
	return poison;
}

void cxb_poison_free(CxbPoison *poison)
{
	if (!poison)
		return;
	cxb_ivmap_free(poison->hidden);
	cxb_ivmap_free(poison->records);
	g_free(poison);
}

/* A range that meets nothing hidden. */
static void hidden_add(CxbPoison *poison, uint64_t dpa, uint64_t len, unsigned source)
{
	if (cxb_ivmap_count(poison->hidden) < CXB_POISON_HIDDEN_MAX)
		cxb_ivmap_insert(poison->hidden, dpa, len, GUINT_TO_POINTER(source));
	else
		trace_cxl_poison_forget(dpa, len);
}

typedef void Add(CxbPoison *poison, uint64_t dpa, uint64_t len, unsigned source);

/* By @add, a range of which some may be in @map already, and stays as it is. */
static void add_rest(CxbPoison *poison, const CxbIvMap *map, Add *add, uint64_t dpa, uint64_t len,
		     unsigned source)
{
	while (len) {
		const CxbIv *iv = cxb_ivmap_overlap(map, dpa, len);
		const uint64_t clean = !iv ? len : iv->start > dpa ? iv->start - dpa : 0;
		const uint64_t done = iv ? MIN(iv->start + iv->len - dpa, len) : len;

		if (clean)
			add(poison, dpa, clean, source);
		dpa += done;
		len -= done;
	}
}

/* A range that meets no record, and nothing hidden unless the list is full. */
static void list_add(CxbPoison *poison, uint64_t dpa, uint64_t len, unsigned source)
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
	add_rest(poison, poison->hidden, hidden_add, dpa, len, source);
}

/* What is left of a range that is cut goes back by @add. */
static void cut(CxbPoison *poison, CxbIvMap *map, Add *add, uint64_t dpa, uint64_t len)
{
	CxbIv *iv;

	while ((iv = cxb_ivmap_overlap(map, dpa, len))) {
		const CxbIv old = *iv;
		const uint64_t above = old.start + old.len - dpa; /* bytes from @dpa on */

		cxb_ivmap_remove(map, old.start);
		if (old.start < dpa)
			add(poison, old.start, dpa - old.start, GPOINTER_TO_UINT(old.value));
		if (above > len)
			add(poison, dpa + len, above - len, GPOINTER_TO_UINT(old.value));
	}
}

void poison_add(CxbPoison *poison, uint64_t dpa, uint64_t len, unsigned source)
{
	if (cxb_ivmap_count(poison->records) < CXB_POISON_LIST_MAX)
		cut(poison, poison->hidden, hidden_add, dpa, len);
	list_add(poison, dpa, len, source);
}

void poison_inject(CxbPoison *poison, uint64_t dpa, uint64_t len, unsigned source)
{
	poison_add(poison, dpa, len, source);
	if (poison->config.poisoned)
		poison->config.poisoned(poison->config.opaque, dpa, len, source);
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
	poison_inject(poison, dpa, len, WIRE_POISON_INTERNAL);
	return true;
}

void cxb_poison_learn(CxbPoison *poison, uint64_t dpa, uint64_t len, unsigned source)
{
	add_rest(poison, poison->records, poison_add, dpa, len, source);
}

static void teach(const CxbIvMap *map, uint64_t dpa, uint64_t len, CxbPoison *to)
{
	const CxbIv *iv = cxb_ivmap_overlap(map, dpa, len);

	for (; iv && (iv->start <= dpa || iv->start - dpa < len); iv = cxb_ivmap_next(map, iv)) {
		const uint64_t from = MAX(iv->start, dpa);
		const uint64_t upto = MIN(iv->start + (iv->len - 1), dpa + (len - 1));

		cxb_poison_learn(to, from, upto - from + 1, GPOINTER_TO_UINT(iv->value));
	}
}

void cxb_poison_teach(const CxbPoison *poison, uint64_t dpa, uint64_t len, CxbPoison *to)
{
	teach(poison->records, dpa, len, to);
	teach(poison->hidden, dpa, len, to);
}

bool cxb_poison_hits(const CxbPoison *poison, uint64_t dpa, uint64_t len)
{
	return cxb_ivmap_overlap(poison->records, dpa, len) ||
	       cxb_ivmap_overlap(poison->hidden, dpa, len);
}

bool cxb_poison_is_clean(const CxbPoison *poison)
{
	return !cxb_ivmap_count(poison->records) && !cxb_ivmap_count(poison->hidden);
}

void cxb_poison_drop(CxbPoison *poison, uint64_t dpa, uint64_t len)
{
	cut(poison, poison->records, list_add, dpa, len);
	cut(poison, poison->hidden, hidden_add, dpa, len);
	trace_cxl_poison_drop(dpa, len, cxb_ivmap_count(poison->records));
}

void cxb_poison_reset(CxbPoison *poison, CxbResetKind kind, const CxbPoisonRange *persistent,
		      size_t n)
{
	uint64_t end = 0; /* of what has been dealt with */

	poison->query_len = 0;
	poison->scan.ended = false;
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
