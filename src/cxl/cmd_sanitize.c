/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands 4400h and 4402h, CXL 3.1 8.2.9.9.5: bytes become zero when the time is over, and it ends when all
 * are. How long it takes is QEMU's, but for erasing itself.
 */
#include "memdev_impl.h"

#include <inttypes.h>

#include "base/trace.h"
#include "wire/sanitize.h"

#define MIB (1ull << 20)

static int64_t duration(uint64_t bytes)
{
	static const struct {
		unsigned mib, seconds;
	} up_to[] = {
		{ 512, 4 },      { 1024, 8 },      { 2048, 15 },     { 4096, 30 },
		{ 8192, 60 },    { 16384, 120 },   { 32768, 240 },   { 65536, 480 },
		{ 131072, 900 }, { 262144, 1800 }, { 524288, 3600 }, { 1048576, 7200 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(up_to); i++)
		if (bytes <= up_to[i].mib * MIB)
			return up_to[i].seconds * NS_PER_S;
	return 14400 * NS_PER_S;
}

/* --- 4400h Sanitize --- */

/* One that was interrupted leaves media disabled until another one succeeds (8.2.9.9.5.1). */
static CxbRc all_erased(CxbMemdev *md, CxbRc rc)
{
	if (rc != CXB_RC_SUCCESS)
		return rc;
	if (md->config.logs)
		cxb_evlogs_clear_all(md->config.logs);
	md->config.media.disable(md->config.media.opaque, false);
	return CXB_RC_SUCCESS;
}

static CxbRc sanitized(void *opaque, CxbCci *cci, CxbRc rc)
{
	CxbMemdev *md = opaque;

	if (rc == CXB_RC_SUCCESS)
		return all_erased(md, md->config.media.sanitize(md->config.media.opaque));
	md->config.media.stop(md->config.media.opaque);
	return rc;
}

static CxbRc sanitize(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	CxbMemdev *md = opaque;

	md->config.media.disable(md->config.media.opaque, true);
	md->eraser = cci;
	return cxb_cci_start_background(
		cci, duration(md->config.volatile_size + md->config.persistent_size), sanitized,
		md);
}

/* --- 4402h Media Operations --- */

static CxbRc refuse(CxbCci *cci, const char *what, CxbRc rc)
{
	cxb_guest_error("%s: media-operations: %s", cxb_cci_name(cci), what);
	return rc;
}

static CxbRc discover(CxbCci *cci, uint32_t ranges, CxbRd *in, CxbWr *out)
{
	static const uint8_t operations[][2] = {
		{ WIRE_MEDIA_OP_SANITIZE, WIRE_MEDIA_OP_ERASE },
		{ WIRE_MEDIA_OP_SANITIZE, WIRE_MEDIA_OP_ZERO },
	};
	const struct wire_media_discover_in *req = cxb_rd_take(in, sizeof(*req));
	struct wire_media_discover_out *hdr = cxb_wr_room(out, sizeof(*hdr));
	unsigned start, n;

	if (!req)
		return refuse(cci, "no range of operations", CXB_RC_PAYLOAD_LEN);
	start = le16_get(req->start);
	if (ranges || start >= G_N_ELEMENTS(operations))
		return refuse(cci, "no such operations", CXB_RC_INVALID_INPUT);
	n = MIN(le16_get(req->count), G_N_ELEMENTS(operations) - start);
	if (!hdr || !cxb_wr_copy(out, operations[start], n * sizeof(operations[0])))
		return CXB_RC_INTERNAL_ERROR;
	hdr->granularity = le64_put(WIRE_MEDIA_OP_UNIT);
	hdr->total = le16_put(G_N_ELEMENTS(operations));
	hdr->returned = le16_put(n);
	return CXB_RC_SUCCESS;
}

static bool range_ok(const CxbMemdev *md, CxbCci *cci, const struct wire_dpa_range *range)
{
	const uint64_t dpa = le64_get(range->dpa), len = le64_get(range->len);

	if (len && dpa % WIRE_MEDIA_OP_UNIT == 0 && len % WIRE_MEDIA_OP_UNIT == 0 &&
	    md->config.media.answers(md->config.media.opaque, dpa, len))
		return true;
	cxb_guest_error("%s: media-operations: no range dpa 0x%" PRIx64 " len 0x%" PRIx64,
			cxb_cci_name(cci), dpa, len);
	return false;
}

/* What is not there any more needs no erasing. */
static CxbRc erased(void *opaque, CxbCci *cci, CxbRc rc)
{
	CxbMemdev *md = opaque;

	if (rc == CXB_RC_SUCCESS)
		rc = md->config.media.erase(md->config.media.opaque, md->erasing, md->n_erasing);
	else
		md->config.media.stop(md->config.media.opaque);
	if (rc != CXB_RC_LATER)
		g_clear_pointer(&md->erasing, g_free);
	return rc;
}

void cxb_memdev_erased(CxbMemdev *md, bool everything)
{
	const CxbRc rc = everything ? CXB_RC_SUCCESS : CXB_RC_INTERNAL_ERROR;
	const bool ranges = md->erasing;

	g_clear_pointer(&md->erasing, g_free);
	cxb_cci_end_background(md->eraser, ranges ? rc : all_erased(md, rc));
}

static CxbRc erase_ranges(CxbMemdev *md, CxbCci *cci, uint32_t n, CxbRd *in)
{
	const struct wire_dpa_range *ranges = (const struct wire_dpa_range *)in->p;
	uint64_t total = 0;

	if (n > in->left / sizeof(*ranges))
		return refuse(cci, "fewer ranges than counted", CXB_RC_PAYLOAD_LEN);
	if (!n)
		return CXB_RC_SUCCESS;
	for (uint32_t i = 0; i < n; i++) {
		if (!range_ok(md, cci, &ranges[i]))
			return CXB_RC_INVALID_INPUT;
		total += le64_get(ranges[i].len);
	}
	md->erasing = g_new(CxbMemdevRange, n);
	for (uint32_t i = 0; i < n; i++)
		md->erasing[i] =
			(CxbMemdevRange){ le64_get(ranges[i].dpa), le64_get(ranges[i].len) };
	md->n_erasing = n;
	md->eraser = cci;
	return cxb_cci_start_background(cci, duration(total), erased, md);
}

static CxbRc media_operations(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const struct wire_media_op_in *req = cxb_rd_take(in, sizeof(*req));
	const uint32_t n = le32_get(req->count);

	if (req->op_class == WIRE_MEDIA_OP_GENERAL && req->subclass == WIRE_MEDIA_OP_DISCOVER)
		return discover(cci, n, in, out);
	if (req->op_class == WIRE_MEDIA_OP_SANITIZE && req->subclass <= WIRE_MEDIA_OP_ZERO)
		return erase_ranges(opaque, cci, n, in);
	return refuse(cci, "no such operation", CXB_RC_UNSUPPORTED);
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_SANITIZE,
		.name = "sanitize",
		.spec = "8.2.9.9.5.1",
		.effects = CXB_EFFECT_DATA_NOW | CXB_EFFECT_SECURITY | CXB_EFFECT_BACKGROUND |
			   CXB_EFFECT_ABORT,
		.run = sanitize,
	},
	{
		.opcode = CXB_OP_MEDIA_OPERATIONS,
		.name = "media-operations",
		.spec = "8.2.9.9.5.3",
		.in_min = sizeof(struct wire_media_op_in),
		.in_max = CXB_PAYLOAD_ANY,
		.out_max = CXB_PAYLOAD_ANY,
		.effects = CXB_EFFECT_DATA_NOW | CXB_EFFECT_BACKGROUND,
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = media_operations,
	},
};

void memdev_add_sanitize(CxbMemdev *md, CxbCci *cci)
{
	if (md->config.media.sanitize)
		cxb_cci_add(cci, commands, G_N_ELEMENTS(commands), md);
}
