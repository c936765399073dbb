/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations in two phases. Every observer prepares every part; one that refuses undoes what the
 * others prepared, in reverse order. Then the parts are committed one after the other.
 */
#include "dc_internal.h"

#include "base/error.h"
#include "base/trace.h"

static const char *kind_name(CxbDcOpKind kind)
{
	static const char *const names[] = {
		[CXB_DC_OP_OFFER] = "offer",
		[CXB_DC_OP_ACCEPT] = "accept",
		[CXB_DC_OP_RETURN] = "return",
		[CXB_DC_OP_REQUEST_RELEASE] = "request-release",
		[CXB_DC_OP_RELEASE] = "release",
		[CXB_DC_OP_FORCED_RELEASE] = "forced-release",
		[CXB_DC_OP_REANNOUNCE] = "reannounce",
	};

	return names[kind];
}

CXB_TRACE(cxl_dc_op, (const char *dev, const CxbDcOp *op),
	  "%s head %u: %s, %zu extents, first 0x%" PRIx64, dev, op->head, kind_name(op->kind),
	  op->n, op->extents[0]->dpa)
CXB_TRACE(cxl_dc_refused, (const char *dev, const CxbDcOp *op, const char *why),
	  "%s head %u: %s refused: %s", dev, op->head, kind_name(op->kind), why)

static bool may_refuse(CxbDcOpKind kind)
{
	return kind != CXB_DC_OP_RETURN && kind != CXB_DC_OP_FORCED_RELEASE &&
	       kind != CXB_DC_OP_REANNOUNCE;
}

static bool may_wait(CxbDcOpKind kind)
{
	return kind == CXB_DC_OP_ACCEPT || kind == CXB_DC_OP_RELEASE;
}

/* Things that use an extent end before it does. */
static bool commit_first(CxbDcOpKind kind)
{
	return kind == CXB_DC_OP_RELEASE || kind == CXB_DC_OP_FORCED_RELEASE ||
	       kind == CXB_DC_OP_RETURN;
}

DcTxn *cxb_dc_txn_new(uint16_t head)
{
	DcTxn *txn = g_new0(DcTxn, 1);

	txn->ops[0].head = txn->ops[1].head = head;
	return txn;
}

void cxb_dc_txn_free(DcTxn *txn)
{
	for (unsigned i = 0; i < txn->n_ops; i++)
		g_ptr_array_unref(txn->extents[i]);
	g_clear_pointer(&txn->cuts, g_ptr_array_unref);
	g_free(txn);
}

void cxb_dc_txn_drop(CxbDc *dc, DcTxn *txn)
{
	cxb_dc_uncarve(dc, txn);
	cxb_dc_txn_free(txn);
}

void cxb_dc_txn_add(DcTxn *txn, CxbDcOpKind kind, GPtrArray *extents)
{
	CxbDcOp *op = &txn->ops[txn->n_ops];

	g_assert(txn->n_ops < G_N_ELEMENTS(txn->ops) && extents->len);
	txn->extents[txn->n_ops++] = extents;
	op->kind = kind;
	op->n = extents->len;
	op->extents = (const CxbDcExtent *const *)extents->pdata; /* pub comes first */
}

CxbRc cxb_dc_error_rc(const GError *error)
{
	if (g_error_matches(error, CXB_ERROR, CXB_ERROR_NO_ROOM))
		return CXB_RC_RESOURCES;
	if (g_error_matches(error, CXB_ERROR, CXB_ERROR_BUSY))
		return CXB_RC_BUSY;
	return CXB_RC_INTERNAL_ERROR;
}

static const DcWatch *watch_at(const CxbDc *dc, guint i)
{
	return &g_array_index(dc->watches, DcWatch, i);
}

static CxbDcPrepare prepare_one(CxbDc *dc, DcTxn *txn, GError **errp)
{
	const DcWatch w = *watch_at(dc, txn->watch);
	const CxbDcOp *op = &txn->ops[txn->op];
	g_autoptr(GError) err = NULL;
	CxbDcPrepare result;

	if (!w.observer->prepare)
		return CXB_DC_READY;
	result = w.observer->prepare(w.opaque, op, &err);
	if (!may_refuse(op->kind))
		return CXB_DC_READY;
	g_assert(result != CXB_DC_WAIT || may_wait(op->kind));
	if (result == CXB_DC_REFUSED) {
		if (!err)
			cxb_fail(&err, CXB_ERROR_INVALID, "refused");
		trace_cxl_dc_refused(dc->config.name, op, err->message);
		g_propagate_error(errp, g_steal_pointer(&err));
	}
	return result;
}

/* Undo everything before the prepare that did not succeed. */
static void abort_all(CxbDc *dc, DcTxn *txn)
{
	for (;;) {
		const DcWatch *w;

		if (!txn->watch) {
			if (!txn->op)
				return;
			txn->op--;
			txn->watch = txn->n_watches;
			continue;
		}
		w = watch_at(dc, --txn->watch);
		if (w->observer->abort)
			w->observer->abort(w->opaque, &txn->ops[txn->op]);
	}
}

/* How many tags that nobody else has are gone when these extents are. */
static uint32_t tags_ending(const GPtrArray *extents)
{
	uint32_t n = 0;

	for (guint i = 0; i < extents->len; i++) {
		DcTag *tag = dc_ext(extents, i)->tag;

		if (++tag->scratch == g_queue_get_length(&tag->extents) && tag->alloc->heads == 1 &&
		    !tag->alloc->referenced)
			n++;
	}
	for (guint i = 0; i < extents->len; i++)
		dc_ext(extents, i)->tag->scratch = 0;
	return n;
}

static void commit_one(CxbDc *dc, DcTxn *txn, unsigned i)
{
	CxbDcOp *op = &txn->ops[i];
	const bool first = commit_first(op->kind);

	trace_cxl_dc_op(dc->config.name, op);
	if (!first)
		cxb_dc_apply(dc, txn, i);
	op->extents_left = cxb_dc_extents_left(dc, first ? op->n : 0);
	op->tags_left = cxb_dc_tags_available(dc) + (first ? tags_ending(txn->extents[i]) : 0);
	for (guint w = 0; w < txn->n_watches; w++) {
		const DcWatch *watch = watch_at(dc, w);

		if (watch->observer->commit)
			watch->observer->commit(watch->opaque, op);
	}
	if (first)
		cxb_dc_apply(dc, txn, i);
}

static void end(CxbDc *dc)
{
	cxb_dc_txn_free(g_steal_pointer(&dc->txn));
	for (unsigned i = 0; i < dc->config.n_heads && !dc->txn; i++) {
		if (dc->heads[i].leaving)
			cxb_dc_head_leave(dc, i);
		if (dc->heads[i].reannounce)
			cxb_dc_reset_head(dc, i);
	}
	cxb_dc_timeouts_run(dc);
}

static DcTxnResult go_on(CxbDc *dc, GError **errp)
{
	DcTxn *txn = dc->txn;

	for (; txn->op < txn->n_ops; txn->op++, txn->watch = 0)
		for (; txn->watch < txn->n_watches; txn->watch++)
			switch (prepare_one(dc, txn, errp)) {
			case CXB_DC_READY:
				break;
			case CXB_DC_WAIT:
				txn->waiting = true;
				return DC_TXN_LATER;
			case CXB_DC_REFUSED:
				abort_all(dc, txn);
				cxb_dc_uncarve(dc, txn);
				end(dc);
				return DC_TXN_REFUSED;
			}
	for (unsigned i = 0; i < txn->n_ops; i++)
		commit_one(dc, txn, i);
	end(dc);
	return DC_TXN_DONE;
}

DcTxnResult cxb_dc_txn_run(CxbDc *dc, DcTxn *txn, GError **errp)
{
	g_assert(!dc->txn);
	dc->txn = txn;
	txn->n_watches = dc->watches->len;
	return go_on(dc, errp);
}

void cxb_dc_prepared(CxbDc *dc, GError *error)
{
	DcTxn *txn = dc->txn;
	g_autoptr(GError) err = error;
	const CxbDcDpaRange first = { txn ? txn->ops[0].extents[0]->dpa : 0,
				      txn ? txn->ops[0].extents[0]->len : 0 };
	uint16_t opcode, head;
	CxbDcDone done;
	void *opaque;
	CxbRc rc;

	g_assert(txn && txn->waiting);
	txn->waiting = false;
	done = txn->done;
	opaque = txn->opaque;
	opcode = txn->opcode;
	head = txn->ops[0].head;
	if (err) {
		abort_all(dc, txn);
		cxb_dc_uncarve(dc, txn);
		end(dc);
	} else {
		txn->watch++;
		if (go_on(dc, &err) == DC_TXN_LATER)
			return;
	}
	if (err)
		cxb_dc_host_error(dc, opcode, &first, err->message);
	rc = err ? cxb_dc_error_rc(err) : CXB_RC_SUCCESS;
	cxb_dc_note_answer(dc, head, opcode, rc, err ? err->message : NULL);
	if (done)
		done(opaque, rc);
}
