/* SPDX-License-Identifier: Apache-2.0 */
/* Offers that a host does not answer in time: withdrawn as by force, and the host told so. */
#include "dc_internal.h"

#include "base/trace.h"

CXB_TRACE(cxl_dc_timeout, (const char *dev, unsigned head), "%s head %u: an offer was not answered",
	  dev, head)

struct DcTimeout {
	CxbDc *dc;
	DcGroup *group;
	uint16_t head;
	CxbTimer *timer;
	bool late; /* its time has come while an operation was under way */
};

static void withdraw(DcTimeout *t)
{
	GPtrArray *extents = g_ptr_array_new();
	DcTxn *txn = cxb_dc_txn_new(t->head);

	trace_cxl_dc_timeout(t->dc->config.name, t->head);
	for (GList *l = t->group->extents.head; l; l = l->next)
		g_ptr_array_add(extents, l->data);
	cxb_dc_txn_add(txn, CXB_DC_OP_FORCED_RELEASE, extents);
	txn->ops[0].timeout = true;
	cxb_dc_txn_run(t->dc, txn, NULL); /* may not be refused; frees the group, and @t */
}

static void expired(void *opaque)
{
	DcTimeout *t = opaque;

	if (!t->dc->txn) {
		withdraw(t);
		return;
	}
	t->late = true;
	t->dc->late++;
}

void cxb_dc_timeout_start(CxbDc *dc, uint16_t head, DcGroup *group, uint32_t ms)
{
	DcTimeout *t = g_new0(DcTimeout, 1);

	t->dc = dc;
	t->group = group;
	t->head = head;
	t->timer = cxb_timer_new(dc->config.clock, expired, t);
	cxb_timer_arm(t->timer, cxb_clock_now_ns(dc->config.clock) + (int64_t)ms * 1000000);
	group->timeout = t;
}

void cxb_dc_timeout_free(DcTimeout *t)
{
	if (!t)
		return;
	t->dc->late -= t->late;
	cxb_timer_free(t->timer);
	g_free(t);
}

static DcTimeout *first_late(const CxbDc *dc)
{
	for (unsigned i = 0; i < dc->config.n_heads; i++)
		for (GList *l = dc->heads[i].offers.head; l; l = l->next) {
			const DcGroup *group = l->data;

			if (group->timeout && group->timeout->late)
				return group->timeout;
		}
	g_assert_not_reached();
}

void cxb_dc_timeouts_run(CxbDc *dc)
{
	if (dc->withdrawing)
		return; /* the end of one of these */
	dc->withdrawing = true;
	while (dc->late && !dc->txn)
		withdraw(first_late(dc));
	dc->withdrawing = false;
}
