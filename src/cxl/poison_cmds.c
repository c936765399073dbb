/* SPDX-License-Identifier: Apache-2.0 */
/* Commands 4300h to 4302h, CXL 3.1 8.2.9.9.4.1 to 8.2.9.9.4.3; those of scans are in poison_scan.c. */
#include "poison_impl.h"

#include <inttypes.h>

#include "base/trace.h"
#include "wire/mbox.h"

static CxbRc refuse(const CxbCci *cci, const char *what, uint64_t dpa, const char *why, CxbRc rc)
{
	cxb_guest_error("%s: %s: dpa 0x%" PRIx64 " %s", cxb_cci_name(cci), what, dpa, why);
	return rc;
}

/* Where to go on: an answer with More is continued by the same query, and by no other. */
static uint64_t query_start(const CxbPoison *poison, uint64_t dpa, uint64_t len)
{
	const bool same = len && poison->query_dpa == dpa && poison->query_len == len;

	return same ? poison->query_next : dpa;
}

void poison_put_record(struct wire_poison_record *rec, const CxbIv *iv, uint64_t start,
		       uint64_t end)
{
	rec->dpa = le64_put(start | GPOINTER_TO_UINT(iv->value));
	rec->lines = le32_put((end - start) / CXB_POISON_LINE);
}

CxbRc poison_check_range(const CxbPoison *poison, const CxbCci *cci, const char *what,
			 const struct wire_poison_range *range)
{
	const uint64_t dpa = le64_get(range->dpa), lines = le64_get(range->lines);
	const uint64_t len = lines * CXB_POISON_LINE;

	if (dpa % CXB_POISON_LINE)
		return refuse(cci, what, dpa, "is not aligned to a line", CXB_RC_INVALID_INPUT);
	if (lines > UINT64_MAX / CXB_POISON_LINE || dpa + len < dpa ||
	    !poison->config.exists(poison->config.opaque, dpa, len))
		return refuse(cci, what, dpa, "and length go beyond the device", CXB_RC_INVALID_PA);
	return CXB_RC_SUCCESS;
}

static CxbRc get_poison(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	CxbPoison *poison = opaque;
	const struct wire_poison_range *req = cxb_rd_take(in, sizeof(*req));
	const CxbRc rc = poison_check_range(poison, cci, "get-poison-list", req);
	const uint64_t dpa = le64_get(req->dpa), len = le64_get(req->lines) * CXB_POISON_LINE;
	const uint64_t end = dpa + len;
	struct wire_get_poison_out *hdr;
	uint64_t start;
	CxbIv *iv;

	if (rc)
		return rc;
	hdr = cxb_wr_room(out, sizeof(*hdr));
	if (!hdr)
		return CXB_RC_INTERNAL_ERROR;
	start = query_start(poison, dpa, len);
	poison->query_len = 0;
	for (iv = cxb_ivmap_overlap(poison->records, start, end - start); iv && iv->start < end;
	     iv = cxb_ivmap_next(poison->records, iv)) {
		const uint64_t from = MAX(iv->start, start), to = MIN(iv->start + iv->len, end);
		struct wire_poison_record *rec = cxb_wr_room(out, sizeof(*rec));

		if (!rec) {
			hdr->flags |= WIRE_POISON_MORE;
			poison->query_dpa = dpa;
			poison->query_len = len;
			poison->query_next = from;
			break;
		}
		poison_put_record(rec, iv, from, to);
		hdr->count = le16_put(le16_get(hdr->count) + 1);
	}
	if (poison->overflow)
		hdr->flags |= WIRE_POISON_OVERFLOW;
	if (poison->scan.running)
		hdr->flags |= WIRE_POISON_SCANNING;
	hdr->overflow = le64_put(poison->overflow_ns);
	return CXB_RC_SUCCESS;
}

/* One line, which must be of memory that is there. */
static CxbRc check_line(CxbPoison *poison, CxbCci *cci, const char *what, uint64_t dpa)
{
	if (dpa % CXB_POISON_LINE)
		return refuse(cci, what, dpa, "is not aligned to a line", CXB_RC_INVALID_INPUT);
	if (!poison->config.answers(poison->config.opaque, dpa, CXB_POISON_LINE))
		return refuse(cci, what, dpa, "is no memory", CXB_RC_INVALID_PA);
	return CXB_RC_SUCCESS;
}

static CxbRc inject_poison(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	CxbPoison *poison = opaque;
	const struct wire_inject_poison_in *req = cxb_rd_take(in, sizeof(*req));
	const uint64_t dpa = le64_get(req->dpa);
	const CxbRc rc = check_line(poison, cci, "inject-poison", dpa);

	if (rc || cxb_ivmap_find(poison->records, dpa))
		return rc;
	if (cxb_ivmap_count(poison->records) == CXB_POISON_LIST_MAX)
		return refuse(cci, "inject-poison", dpa, "does not fit the list",
			      CXB_RC_POISON_LIMIT);
	poison_inject(poison, dpa, CXB_POISON_LINE, WIRE_POISON_INJECTED);
	return CXB_RC_SUCCESS;
}

static CxbRc clear_poison(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	CxbPoison *poison = opaque;
	const struct wire_clear_poison_in *req = cxb_rd_take(in, sizeof(*req));
	const uint64_t dpa = le64_get(req->dpa);
	const CxbRc rc = check_line(poison, cci, "clear-poison", dpa);

	if (rc)
		return rc;
	if (!poison->config.write(poison->config.opaque, dpa, req->data))
		return CXB_RC_INTERNAL_ERROR;
	cxb_poison_drop(poison, dpa, CXB_POISON_LINE);
	if (poison->config.cleared)
		poison->config.cleared(poison->config.opaque, dpa, CXB_POISON_LINE);
	return CXB_RC_SUCCESS;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_GET_POISON,
		.name = "get-poison-list",
		.spec = "8.2.9.9.4.1",
		.in_min = sizeof(struct wire_poison_range),
		.in_max = sizeof(struct wire_poison_range),
		.out_max = CXB_PAYLOAD_ANY,
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = get_poison,
	},
	{
		.opcode = CXB_OP_INJECT_POISON,
		.name = "inject-poison",
		.spec = "8.2.9.9.4.2",
		.in_min = sizeof(struct wire_inject_poison_in),
		.in_max = sizeof(struct wire_inject_poison_in),
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = inject_poison,
	},
	{
		.opcode = CXB_OP_CLEAR_POISON,
		.name = "clear-poison",
		.spec = "8.2.9.9.4.3",
		.in_min = sizeof(struct wire_clear_poison_in),
		.in_max = sizeof(struct wire_clear_poison_in),
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = clear_poison,
	},
};

void cxb_poison_add_commands(CxbPoison *poison, CxbCci *cci)
{
	cxb_cci_add(cci, commands, G_N_ELEMENTS(commands), poison);
	poison_add_scan(poison, cci);
}
