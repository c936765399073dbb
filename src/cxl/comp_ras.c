/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RAS registers, CXL 3.1 8.2.4.17. Uncorrectable errors queue up with their headers (multiple header
 * recording): status shows the kinds of all that wait, pointer and header log the oldest.
 */
#include <string.h>

#include "comp_impl.h"

#include "base/trace.h"

CXB_TRACE(cxl_ras_error, (const char *name, const char *kind, unsigned bit), "%s %s bit %u", name,
	  kind, bit)

/* What the pointer names when no error waits: a bit that is never set (PCIe 6.0 6.2.4.2). */
#define FIRST_NONE WIRE_RAS_CAP_FIRST_ERROR

static uint32_t *ras_reg(CxbComp *comp, uint32_t off)
{
	return comp_reg(comp, comp->ras_at + off);
}

void comp_ras_init(CxbComp *comp, uint32_t at)
{
	static const struct {
		uint8_t off;
		uint32_t reset, wmask, w1c;
	} rows[] = {
		{ WIRE_RAS_UE_MASK, WIRE_RAS_UE_BITS, WIRE_RAS_UE_BITS, 0 },
		{ WIRE_RAS_UE_SEVERITY, WIRE_RAS_UE_BITS, WIRE_RAS_UE_BITS, 0 },
		{ WIRE_RAS_CE_STATUS, 0, 0, WIRE_RAS_CE_BITS },
		{ WIRE_RAS_CE_MASK, WIRE_RAS_CE_BITS, WIRE_RAS_CE_BITS, 0 },
		{ WIRE_RAS_CAP_CTRL, WIRE_RAS_CAP_MULTI_HEADER, WIRE_RAS_CAP_POISON_ENABLE, 0 },
	};

	comp->ras_at = at;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const uint32_t n = (at + rows[i].off) / 4;

		comp->regs[n] = rows[i].reset;
		comp->wmask[n] = rows[i].wmask;
		comp->w1c[n] = rows[i].w1c;
	}
	comp->ras_errors = g_array_new(FALSE, FALSE, sizeof(CxbRasError));
}

static const CxbRasError *waiting(const CxbComp *comp, guint i)
{
	return &g_array_index(comp->ras_errors, CxbRasError, i);
}

/* Status of all that waits. */
static void show_status(CxbComp *comp)
{
	uint32_t status = 0;

	for (guint i = 0; i < comp->ras_errors->len; i++)
		status |= 1u << waiting(comp, i)->bit;
	*ras_reg(comp, WIRE_RAS_UE_STATUS) = status;
}

/* Pointer and header of the oldest; the header of the last one stays to be read. */
static void show_first(CxbComp *comp)
{
	uint32_t *ctrl = ras_reg(comp, WIRE_RAS_CAP_CTRL);
	const CxbRasError *first = comp->ras_errors->len ? waiting(comp, 0) : NULL;

	*ctrl = (*ctrl & ~WIRE_RAS_CAP_FIRST_ERROR) | (first ? first->bit : FIRST_NONE);
	if (first)
		memcpy(ras_reg(comp, WIRE_RAS_HEADER_LOG), first->header, sizeof(first->header));
}

bool comp_ras_owns(const CxbComp *comp, uint32_t off)
{
	return comp->ras_at && off == comp->ras_at + WIRE_RAS_UE_STATUS;
}

void comp_ras_clear(CxbComp *comp, uint32_t bits)
{
	GArray *errors = comp->ras_errors;

	if (!errors->len)
		return;
	/* Software that knows of the queue writes the one bit that the pointer names, and gets the
	 * next error. Any other write means all errors of the kinds it names. */
	if (bits == 1u << waiting(comp, 0)->bit) {
		g_array_remove_index(errors, 0);
	} else {
		for (guint i = errors->len; i-- > 0;)
			if (bits >> waiting(comp, i)->bit & 1)
				g_array_remove_index(errors, i);
	}
	show_status(comp);
	show_first(comp);
}

void comp_ras_reset(CxbComp *comp)
{
	if (comp->ras_errors)
		g_array_set_size(comp->ras_errors, 0);
}

bool cxb_comp_ras_uncorrectable(CxbComp *comp, const CxbRasError *errors, size_t n)
{
	const uint32_t mask = *ras_reg(comp, WIRE_RAS_UE_MASK);
	GArray *queue = comp->ras_errors;
	const guint before = queue->len;

	g_assert(comp->ras_at);
	for (size_t i = 0; i < n; i++) {
		g_assert(WIRE_RAS_UE_BITS >> errors[i].bit & 1);
		if (!(mask >> errors[i].bit & 1))
			g_array_append_val(queue, errors[i]);
	}
	if (queue->len > CXB_RAS_ERRORS) {
		g_array_set_size(queue, before);
		return false;
	}
	if (queue->len == before)
		return true;
	for (guint i = before; i < queue->len; i++)
		trace_cxl_ras_error(comp->name, "uncorrectable", waiting(comp, i)->bit);
	show_status(comp);
	if (!before)
		show_first(comp);
	if (comp->config.ras_error)
		comp->config.ras_error(comp->config.opaque, false);
	return true;
}

void cxb_comp_ras_correctable(CxbComp *comp, unsigned bit)
{
	g_assert(comp->ras_at && WIRE_RAS_CE_BITS >> bit & 1);
	if (*ras_reg(comp, WIRE_RAS_CE_MASK) >> bit & 1)
		return;
	trace_cxl_ras_error(comp->name, "correctable", bit);
	*ras_reg(comp, WIRE_RAS_CE_STATUS) |= 1u << bit;
	if (comp->config.ras_error)
		comp->config.ras_error(comp->config.opaque, true);
}
