/* SPDX-License-Identifier: Apache-2.0 */
#include "cci_impl.h"

#include <glib.h>

#include "base/trace.h"

/* A row and what its table was added with. */
struct entry {
	const CxbCciCmd *cmd;
	void *opaque;
};

CXB_TRACE(cxl_cci_run, (const char *name, const CxbCciCmd *cmd, size_t len, unsigned rc),
	  "%s %s (%04xh) in %zu rc %04xh", name, cmd->name, cmd->opcode, len, rc)
CXB_TRACE(cxl_cci_complete, (const char *name, const CxbCciCmd *cmd, unsigned rc),
	  "%s %s (%04xh) rc %04xh", name, cmd->name, cmd->opcode, rc)

CxbCci *cxb_cci_new(const CxbCciConfig *config)
{
	CxbCci *cci = g_new0(CxbCci, 1);

	g_assert(config->payload_size >= 256 && config->payload_size <= 1 << 20);
	g_assert((config->payload_size & (config->payload_size - 1)) == 0);
	cci->name = g_strdup(config->name);
	cci->payload_size = config->payload_size;
	cci->out_limit = config->payload_size;
	cci->entries = g_array_new(FALSE, FALSE, sizeof(struct entry));
	cci_background_init(cci, config->clock);
	return cci;
}

void cxb_cci_free(CxbCci *cci)
{
	if (!cci)
		return;
	cci_background_fini(cci);
	g_array_free(cci->entries, TRUE);
	g_free(cci->name);
	g_free(cci);
}

const char *cxb_cci_name(const CxbCci *cci)
{
	return cci->name ? cci->name : "cci";
}

size_t cxb_cci_payload_size(const CxbCci *cci)
{
	return cci->payload_size;
}

void cxb_cci_set_out_limit(CxbCci *cci, size_t limit)
{
	cci->out_limit = MIN(limit, cci->payload_size);
}

static const struct entry *entry_at(const CxbCci *cci, size_t i)
{
	return &g_array_index(cci->entries, struct entry, i);
}

/* Index of the first row with at least @opcode. */
static size_t lower_bound(const CxbCci *cci, uint16_t opcode)
{
	size_t lo = 0, hi = cci->entries->len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (entry_at(cci, mid)->cmd->opcode < opcode)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static const struct entry *find(const CxbCci *cci, uint16_t opcode)
{
	size_t i = lower_bound(cci, opcode);

	if (i < cci->entries->len && entry_at(cci, i)->cmd->opcode == opcode)
		return entry_at(cci, i);
	return NULL;
}

void cxb_cci_add(CxbCci *cci, const CxbCciCmd *rows, size_t n, void *opaque)
{
	for (size_t i = 0; i < n; i++) {
		struct entry e = { &rows[i], opaque };

		g_assert(i == 0 || rows[i - 1].opcode < rows[i].opcode);
		g_assert(!find(cci, rows[i].opcode));
		g_assert(cci->clock || !(rows[i].effects & CXB_EFFECT_BACKGROUND));
		g_array_insert_val(cci->entries, lower_bound(cci, rows[i].opcode), e);
	}
}

const CxbCciCmd *cxb_cci_find(const CxbCci *cci, uint16_t opcode)
{
	const struct entry *e = find(cci, opcode);

	return e ? e->cmd : NULL;
}

const CxbCciCmd *cxb_cci_nth(const CxbCci *cci, size_t n)
{
	return n < cci->entries->len ? entry_at(cci, n)->cmd : NULL;
}

static void forget_current(CxbCci *cci)
{
	cci->current = NULL;
	cci->later = false;
	cci->ticket = 0;
	cci->done = NULL;
	cci->done_opaque = NULL;
}

/* The checks that a row asks for, in the order of the header. */
static CxbRc check(CxbCci *cci, uint16_t opcode, const CxbCciCmd *cmd, size_t len)
{
	if (!cmd) {
		cxb_guest_error("%s: opcode %04xh is not supported", cxb_cci_name(cci), opcode);
		return CXB_RC_UNSUPPORTED;
	}
	if (len < cmd->in_min || len > MIN(cmd->in_max, cci->payload_size)) {
		cxb_guest_error("%s: %s: payload of %zu bytes", cxb_cci_name(cci), cmd->name, len);
		return CXB_RC_PAYLOAD_LEN;
	}
	if (cci->current) {
		cxb_guest_error("%s: %s while %s runs", cxb_cci_name(cci), cmd->name,
				cci->current->name);
		return CXB_RC_BUSY;
	}
	if ((cmd->effects & CXB_EFFECT_BACKGROUND) && cci->bg.running) {
		cxb_guest_error("%s: %s while %04xh goes on in the background", cxb_cci_name(cci),
				cmd->name, cci->bg.opcode);
		return CXB_RC_BUSY;
	}
	if ((cmd->flags & CXB_CMD_NEEDS_MEDIA) && cci->media_disabled) {
		cxb_guest_error("%s: %s while media is disabled", cxb_cci_name(cci), cmd->name);
		return CXB_RC_MEDIA_DISABLED;
	}
	return CXB_RC_SUCCESS;
}

CxbRc cxb_cci_run(CxbCci *cci, uint16_t opcode, CxbRd *in, CxbWr *out, CxbCciDone done,
		  void *opaque)
{
	const struct entry *e = find(cci, opcode);
	const CxbCciCmd *cmd = e ? e->cmd : NULL;
	void *cmd_opaque = e ? e->opaque : NULL;
	const size_t len = in->left;
	CxbRc rc = check(cci, opcode, cmd, len);

	out->len = 0;
	if (rc != CXB_RC_SUCCESS)
		return rc;

	out->cap = MIN(out->cap, MIN(cmd->out_max, cci->out_limit));
	cci->current = cmd;
	cci->ticket = ++cci->last_ticket;
	cci->done = done;
	cci->done_opaque = opaque;

	rc = cmd->run(cmd_opaque, cci, in, out);

	g_assert((rc == CXB_RC_BG_STARTED) == cci->bg_starting);
	cci->bg_starting = false;
	trace_cxl_cci_run(cxb_cci_name(cci), cmd, len, rc);
	if (rc != CXB_RC_SUCCESS)
		out->len = 0;
	if (rc == CXB_RC_LATER)
		cci->later = true;
	else
		forget_current(cci);
	return rc;
}

void cxb_cci_complete(CxbCci *cci, CxbRc rc)
{
	CxbCciDone done = cci->done;
	void *opaque = cci->done_opaque;

	if (!cci->later)
		return;
	trace_cxl_cci_complete(cxb_cci_name(cci), cci->current, rc);
	forget_current(cci);
	if (done)
		done(opaque, rc);
}

uint64_t cxb_cci_ticket(const CxbCci *cci)
{
	return cci->ticket;
}

void cxb_cci_complete_ticket(CxbCci *cci, uint64_t ticket, CxbRc rc)
{
	if (ticket && ticket == cci->ticket)
		cxb_cci_complete(cci, rc);
}

bool cxb_cci_busy(const CxbCci *cci)
{
	return cci->current != NULL;
}

void cxb_cci_drop(CxbCci *cci)
{
	if (cci->later)
		forget_current(cci);
}

void cxb_cci_reset(CxbCci *cci, CxbResetKind kind)
{
	cxb_cci_drop(cci);
	cci_background_reset(cci, kind);
}

void cxb_cci_set_media_disabled(CxbCci *cci, bool disabled)
{
	cci->media_disabled = disabled;
}

bool cxb_cci_media_disabled(const CxbCci *cci)
{
	return cci->media_disabled;
}
