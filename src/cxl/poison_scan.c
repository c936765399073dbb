/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands 4303h to 4305h, CXL 3.1 8.2.9.9.4.4 to 8.2.9.9.4.6: a scan finds what is poisoned when its time
 * is over, all at once. How long it takes is QEMU's.
 */
#include "poison_impl.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/trace.h"
#include "wire/mbox.h"

#define LINES_PER_MS 2000
#define NS_PER_MS    1000000ll

CXB_TRACE(cxl_poison_scanned, (uint64_t dpa, uint64_t len, size_t found, uint64_t left),
	  "dpa 0x%" PRIx64 " len 0x%" PRIx64 ", %zu ranges, 0x%" PRIx64 " bytes left", dpa, len,
	  found, left)

static uint32_t duration_ms(const struct wire_poison_range *range)
{
	return CLAMP(le64_get(range->lines) / LINES_PER_MS, 1, UINT32_MAX);
}

static CxbRc get_scan_caps(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const struct wire_poison_range *req = cxb_rd_take(in, sizeof(*req));
	const CxbRc rc = poison_check_range(opaque, cci, "get-scan-media-capabilities", req);
	struct wire_scan_caps_out *caps;

	if (rc)
		return rc;
	caps = cxb_wr_room(out, sizeof(*caps));
	if (!caps)
		return CXB_RC_INTERNAL_ERROR;
	caps->ms = le32_put(duration_ms(req));
	return CXB_RC_SUCCESS;
}

/* The lowest range, known or hidden, with something from @start up to @end; or NULL. */
static const CxbIv *lowest(const CxbPoison *poison, uint64_t start, uint64_t end)
{
	const CxbIv *known = cxb_ivmap_overlap(poison->records, start, end - start);
	const CxbIv *hidden = cxb_ivmap_overlap(poison->hidden, start, end - start);

	return !known || (hidden && hidden->start < known->start) ? hidden : known;
}

/* Returns: where it stopped, @end if it did not. */
static uint64_t find(CxbPoison *poison, uint64_t start, uint64_t end)
{
	PoisonScan *scan = &poison->scan;
	const CxbIv *iv;

	while ((iv = lowest(poison, start, end))) {
		const uint64_t from = MAX(iv->start, start);

		if (scan->n == G_N_ELEMENTS(scan->results))
			return from;
		start = MIN(iv->start + iv->len, end);
		poison_put_record(&scan->results[scan->n++], iv, from, start);
	}
	return end;
}

/* What is hidden goes to the list, which may become full. */
static void learn(CxbPoison *poison, uint64_t start, uint64_t end)
{
	const CxbIv *iv;

	while (cxb_ivmap_count(poison->records) < CXB_POISON_LIST_MAX &&
	       (iv = cxb_ivmap_overlap(poison->hidden, start, end - start))) {
		const uint64_t from = MAX(iv->start, start), to = MIN(iv->start + iv->len, end);

		poison_add(poison, from, to - from, GPOINTER_TO_UINT(iv->value));
	}
	if (cxb_ivmap_count(poison->hidden))
		return;
	poison->overflow = false;
	poison->overflow_ns = 0;
}

static CxbRc scanned(void *opaque, CxbCci *cci, CxbRc rc)
{
	CxbPoison *poison = opaque;
	PoisonScan *scan = &poison->scan;
	const uint64_t dpa = scan->dpa, end = dpa + scan->len;

	scan->running = false;
	scan->ended = true;
	if (rc == CXB_RC_SUCCESS) {
		scan->dpa = find(poison, dpa, end);
		scan->len = end - scan->dpa;
		learn(poison, dpa, scan->dpa);
	}
	trace_cxl_poison_scanned(dpa, end - dpa, scan->n, scan->len);
	return rc;
}

static CxbRc scan_media(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	CxbPoison *poison = opaque;
	const struct wire_scan_media_in *req = cxb_rd_take(in, sizeof(*req));
	const CxbRc rc = poison_check_range(poison, cci, "scan-media", &req->range);

	if (rc)
		return rc;
	poison->scan.running = true;
	poison->scan.ended = false;
	poison->scan.dpa = le64_get(req->range.dpa);
	poison->scan.len = le64_get(req->range.lines) * CXB_POISON_LINE;
	poison->scan.n = poison->scan.told = 0;
	return cxb_cci_start_background(cci, duration_ms(&req->range) * NS_PER_MS, scanned, poison);
}

static CxbRc get_scan_results(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	PoisonScan *scan = &((CxbPoison *)opaque)->scan;
	struct wire_scan_results_out *hdr;
	size_t n;

	if (!scan->ended) {
		cxb_guest_error("%s: get-scan-media-results: no scan has ended", cxb_cci_name(cci));
		return CXB_RC_UNSUPPORTED;
	}
	hdr = cxb_wr_room(out, sizeof(*hdr));
	if (!hdr)
		return CXB_RC_INTERNAL_ERROR;
	n = MIN(scan->n - scan->told, cxb_wr_left(out) / sizeof(scan->results[0]));
	if (!cxb_wr_copy(out, &scan->results[scan->told], n * sizeof(scan->results[0])))
		return CXB_RC_INTERNAL_ERROR;
	scan->told += n;
	hdr->count = le16_put(n);
	if (scan->told < scan->n)
		hdr->flags |= WIRE_SCAN_MORE;
	if (scan->len) {
		hdr->flags |= WIRE_SCAN_STOPPED;
		hdr->restart_dpa = le64_put(scan->dpa);
		hdr->restart_lines = le64_put(scan->len / CXB_POISON_LINE);
	}
	return CXB_RC_SUCCESS;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_GET_SCAN_CAPS,
		.name = "get-scan-media-capabilities",
		.spec = "8.2.9.9.4.4",
		.in_min = sizeof(struct wire_poison_range),
		.in_max = sizeof(struct wire_poison_range),
		.out_max = sizeof(struct wire_scan_caps_out),
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = get_scan_caps,
	},
	{
		.opcode = CXB_OP_SCAN_MEDIA,
		.name = "scan-media",
		.spec = "8.2.9.9.4.5",
		.in_min = sizeof(struct wire_scan_media_in),
		.in_max = sizeof(struct wire_scan_media_in),
		.effects = CXB_EFFECT_BACKGROUND | CXB_EFFECT_ABORT,
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = scan_media,
	},
	{
		.opcode = CXB_OP_GET_SCAN_RESULTS,
		.name = "get-scan-media-results",
		.spec = "8.2.9.9.4.6",
		.out_max = CXB_PAYLOAD_ANY,
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = get_scan_results,
	},
};

void poison_add_scan(CxbPoison *poison, CxbCci *cci)
{
	cxb_cci_add(cci, commands, G_N_ELEMENTS(commands), poison);
}
