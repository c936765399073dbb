/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memory device's poison. Only what answers can be poisoned, and dynamic capacity takes its poison
 * with it when it is released, for what comes to its addresses next may be other memory.
 *
 * Each head has a list of its own, of what it can reach. What several hosts share is bad for all of them,
 * whichever has it found out, and is clean for all when one has written it anew. What the fabric manager's
 * reference keeps is as bad for the next host as it was for the last one: a list that no host sees has it.
 */
#include "devices.h"

static bool write_line(void *opaque, uint64_t dpa, const void *line)
{
	return cxb_cxl_endpoint_write(opaque, dpa, line, CXB_POISON_LINE);
}

static uint64_t timestamp(void *opaque)
{
	return cxb_memdev_timestamp(((Type3 *)opaque)->memdev);
}

/* The head with @i, if it is another one, and has come so far as to have a list. */
static Type3 *other_head(const Type3 *t3, unsigned i)
{
	Type3 *other = t3->capacity->heads[i];

	return other && other != t3 && other->poison ? other : NULL;
}

/* Of a range, what it has accepted is bad. */
static void learn_range(Type3 *t3, uint64_t dpa, uint64_t end, unsigned source)
{
	while (dpa < end) {
		const CxbDcExtent *e = cxb_dc_find(t3->dc, t3->head_nr, dpa)
					       ?: cxb_dc_next(t3->dc, t3->head_nr, dpa);
		uint64_t from;

		if (!e || e->dpa >= end)
			return;
		from = MAX(dpa, e->dpa);
		dpa = MIN(end, e->dpa + e->len);
		if (e->state != CXB_DC_OFFERED)
			cxb_poison_learn(t3->poison, from, dpa - from, source);
	}
}

static void poisoned(void *opaque, uint64_t dpa, uint64_t len, unsigned source)
{
	const Type3 *t3 = opaque;

	for (unsigned i = 0; t3->capacity && i < t3->capacity->n_heads; i++) {
		Type3 *other = other_head(t3, i);

		if (other)
			learn_range(other, dpa, dpa + len, source);
	}
}

static void cleared(void *opaque, uint64_t dpa, uint64_t len)
{
	const Type3 *t3 = opaque;

	for (unsigned i = 0; t3->capacity && i < t3->capacity->n_heads; i++) {
		Type3 *other = other_head(t3, i);

		if (other)
			cxb_poison_drop(other->poison, dpa, len);
	}
	if (t3->capacity)
		cxb_poison_drop(t3->capacity->kept_poison, dpa, len);
}

static void teach(const CxbPoison *from, const CxbDcOp *op, CxbPoison *to)
{
	for (size_t i = 0; i < op->n && !cxb_poison_is_clean(from); i++)
		cxb_poison_teach(from, op->extents[i]->dpa, op->extents[i]->len, to);
}

/* It is as bad as others that have it already know. */
static void learn(Type3 *t3, const CxbDcOp *op)
{
	for (unsigned i = 0; i < t3->capacity->n_heads; i++) {
		const Type3 *other = other_head(t3, i);

		if (other)
			teach(other->poison, op, t3->poison);
	}
	teach(t3->capacity->kept_poison, op, t3->poison);
}

/* What of it a reference keeps stays as bad as it is. */
static void forget(Type3 *t3, const CxbDcOp *op)
{
	for (size_t i = 0; i < op->n && !cxb_poison_is_clean(t3->poison); i++) {
		const CxbDcExtent *e = op->extents[i];
		CxbDcTagInfo info;

		if (cxb_dc_tag_info(t3->dc, &e->tag, &info, NULL) && info.referenced)
			cxb_poison_teach(t3->poison, e->dpa, e->len, t3->capacity->kept_poison);
		cxb_poison_drop(t3->poison, e->dpa, e->len);
	}
}

/* Other memory comes to where something was kept. One head sees to it: to whom it goes may not be
 * plugged. */
static CxbDcPrepare dc_prepare(void *opaque, const CxbDcOp *op, GError **errp)
{
	Type3 *t3 = opaque;
	CxbPoison *kept = t3->capacity->kept_poison;
	CxbDcTagInfo info;

	if (op->kind != CXB_DC_OP_OFFER || &t3->pci.dev != cxb_cxl_type3_first_head(&t3->pci.dev))
		return CXB_DC_READY;
	for (size_t i = 0; i < op->n && !cxb_poison_is_clean(kept); i++)
		if (!cxb_dc_tag_info(t3->dc, &op->extents[i]->tag, &info, NULL))
			cxb_poison_drop(kept, op->extents[i]->dpa, op->extents[i]->len);
	return CXB_DC_READY;
}

static void dc_commit(void *opaque, const CxbDcOp *op)
{
	Type3 *t3 = opaque;

	if (op->head != t3->head_nr)
		return;
	if (op->kind == CXB_DC_OP_ACCEPT)
		learn(t3, op);
	if (op->kind == CXB_DC_OP_RELEASE || op->kind == CXB_DC_OP_FORCED_RELEASE)
		forget(t3, op);
}

static const CxbDcObserver dc_observer = { .prepare = dc_prepare, .commit = dc_commit };

void cxb_type3_poison_init(Type3 *t3)
{
	const CxbPoisonConfig config = {
		.exists = cxb_type3_dpa_ok,
		.answers = cxb_type3_answers,
		.write = write_line,
		.timestamp = timestamp,
		.poisoned = poisoned,
		.cleared = cleared,
		.opaque = t3,
	};

	t3->poison = cxb_poison_new(&config);
	cxb_poison_add_commands(t3->poison, t3->cci);
	if (t3->dc)
		cxb_dc_add_observer(t3->dc, &dc_observer, t3);
}

static uint64_t no_timestamp(void *opaque)
{
	return 0; /* nobody asks when it overflowed */
}

CxbPoison *cxb_type3_poison_kept_new(void)
{
	const CxbPoisonConfig config = { .timestamp = no_timestamp };

	return cxb_poison_new(&config);
}

CxbPoison *cxb_cxl_type3_poison(CxbDevice *type3)
{
	return ((Type3 *)type3)->poison;
}
