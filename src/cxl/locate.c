/* SPDX-License-Identifier: Apache-2.0 */
#include "cxl/locate.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/range.h"
#include "cxl/hdm.h"
#include "wire/pci.h"
#include "wire/regs.h"

/* PCIe 6.0 7.6: extended capabilities, a list from 100h on. */
#define EXT_FIRST 0x100
#define EXT_END   0x1000
#define EXT_ID    0x0000ffffu
#define EXT_NEXT  0xffc00000u /* in units of 4, as it is looked at */

/* PCIe 6.0 7.9.6: behind the capability's header, two of the DVSEC's own. */
#define DVSEC_HDR1        0x04
#define DVSEC_HDR1_VENDOR 0x0000ffffu
#define DVSEC_HDR1_LEN    0xfff00000u
#define DVSEC_HDR2        0x08 /* 16 bits: id */

/* Revisions before the third range of capabilities end here; what is looked at is in all. */
#define DEVICE_LEN_MIN 0x38

static uint32_t get32(const uint8_t *config, unsigned at)
{
	return le_load(config + at, 4);
}

/* The DVSEC at @at is CXL's and has @min bytes, all of them in configuration space. */
static bool dvsec_fits(const uint8_t *config, size_t len, unsigned at, const char *what,
		       unsigned min, unsigned *dvsec_len, GError **errp)
{
	*dvsec_len = FIELD_GET(DVSEC_HDR1_LEN, get32(config, at + DVSEC_HDR1));
	if (*dvsec_len < min)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"%s DVSEC at 0x%x is cut short: 0x%x bytes, not 0x%x", what, at,
				*dvsec_len, min);
	if (!cxb_range_in(at, *dvsec_len, len))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"%s DVSEC at 0x%x runs past the end of configuration space", what,
				at);
	return true;
}

static bool take_device(const uint8_t *config, size_t len, unsigned at, CxbCxlConfig *out,
			GError **errp)
{
	unsigned dvsec_len;

	if (!dvsec_fits(config, len, at, "CXL device", DEVICE_LEN_MIN, &dvsec_len, errp))
		return false;
	out->dvsec = at;
	out->cap =
		le_load(config + at + WIRE_DVSEC_BODY + offsetof(struct wire_dvsec_device, cap), 2);
	return true;
}

static bool take_locator(const uint8_t *config, size_t len, unsigned at, CxbCxlConfig *out,
			 GError **errp)
{
	const unsigned first = WIRE_DVSEC_LOCATOR_LEN(0);
	unsigned dvsec_len;

	if (!dvsec_fits(config, len, at, "register locator", first, &dvsec_len, errp))
		return false;
	out->locator = at;
	for (unsigned in = first; in + sizeof(struct wire_locator_block) <= dvsec_len;
	     in += sizeof(struct wire_locator_block)) {
		const uint32_t lo = get32(config, at + in);

		if (FIELD_GET(WIRE_LOCATOR_ID, lo) != WIRE_BLOCK_COMPONENT)
			continue;
		out->bar = FIELD_GET(WIRE_LOCATOR_BIR, lo);
		out->block =
			(uint64_t)get32(config, at + in + 4) << 32 | (lo & WIRE_LOCATOR_OFFSET);
		if (out->bar > 5)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"register locator DVSEC at 0x%x names BAR %u", at,
					out->bar);
		return true;
	}
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"register locator DVSEC at 0x%x names no component registers", at);
}

/* The extended capability at @at: of interest is CXL's own vendor's. */
static bool take(const uint8_t *config, size_t len, unsigned at, CxbCxlConfig *out, GError **errp)
{
	if (FIELD_GET(EXT_ID, get32(config, at)) != WIRE_EXT_CAP_DVSEC)
		return true;
	if (!cxb_range_in(at, WIRE_DVSEC_BODY, len))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"DVSEC at 0x%x runs past the end of configuration space", at);
	if (FIELD_GET(DVSEC_HDR1_VENDOR, get32(config, at + DVSEC_HDR1)) != WIRE_CXL_VENDOR_ID)
		return true;
	switch (le_load(config + at + DVSEC_HDR2, 2)) {
	case WIRE_DVSEC_DEVICE:
		return out->dvsec || take_device(config, len, at, out, errp);
	case WIRE_DVSEC_LOCATOR:
		return out->locator || take_locator(config, len, at, out, errp);
	default:
		return true;
	}
}

bool cxb_cxl_locate_config(const uint8_t *config, size_t len, CxbCxlConfig *out, GError **errp)
{
	uint8_t seen[(EXT_END - EXT_FIRST) / 4] = { 0 };
	CxbCxlConfig found = { 0 };
	uint32_t head;

	len = MIN(len, EXT_END);
	/* No list, or no device any more. */
	if (len < EXT_FIRST + 4 || get32(config, EXT_FIRST) == UINT32_MAX) {
		*out = found;
		return true;
	}
	for (unsigned at = EXT_FIRST; at; at = 4 * FIELD_GET(EXT_NEXT, head)) {
		if (at < EXT_FIRST || !cxb_range_in(at, 4, len))
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"list of extended capabilities leads to 0x%x", at);
		if (seen[(at - EXT_FIRST) / 4]++)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"list of extended capabilities comes back to 0x%x", at);
		head = get32(config, at);
		if (!take(config, len, at, &found, errp))
			return false;
	}
	if (found.dvsec && !found.locator)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"CXL device has no register locator DVSEC");
	*out = found.dvsec ? found : (CxbCxlConfig){ 0 };
	return true;
}

static bool read_at(const CxbRegIo *io, uint64_t off, uint32_t *val, const char *what,
		    GError **errp)
{
	const int rc = io->read32(io->opaque, off, val);

	if (rc)
		return cxb_fail_errno(errp, -rc, "cannot read %s at 0x%" PRIx64, what, off);
	return true;
}

/* The structure at @at of the array, behind its @entries entries. */
static bool take_hdm(const CxbRegIo *io, uint64_t array, uint64_t len, unsigned entries,
		     uint32_t at, unsigned *count, GError **errp)
{
	uint32_t cap;

	if (at < 4 * (entries + 1) || at % 4)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"HDM decoder capability points to 0x%x, where it cannot be", at);
	if (!cxb_range_in(at, WIRE_HDM_SIZE(1), len))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"HDM decoder capability points past the end: 0x%x of 0x%" PRIx64,
				at, len);
	if (!read_at(io, array + at, &cap, "HDM decoder capability", errp))
		return false;
	*count = cxb_hdm_count(FIELD_GET(WIRE_HDM_CAP_COUNT, cap));
	if (!*count)
		return cxb_fail(errp, CXB_ERROR_INVALID, "reserved count of HDM decoders: code %u",
				(unsigned)FIELD_GET(WIRE_HDM_CAP_COUNT, cap));
	if (!cxb_range_in(at, WIRE_HDM_SIZE(*count), len))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"%u HDM decoders at 0x%x run past the end: 0x%" PRIx64, *count, at,
				len);
	return true;
}

bool cxb_cxl_locate_hdm(const CxbRegIo *io, uint64_t array, uint64_t len, uint64_t *hdm,
			unsigned *count, GError **errp)
{
	unsigned entries, decoders;
	uint32_t val;

	len = MIN(len, WIRE_CACHEMEM_SIZE);
	if (len < 4)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"no room for a capability array: 0x%" PRIx64 " bytes", len);
	if (!read_at(io, array, &val, "capability array", errp))
		return false;
	if (FIELD_GET(WIRE_CAP_HDR_ID, val) != WIRE_COMP_CAP_ARRAY)
		return cxb_fail(errp, CXB_ERROR_INVALID, "capability array has id 0x%x, not 1",
				(unsigned)FIELD_GET(WIRE_CAP_HDR_ID, val));
	entries = FIELD_GET(WIRE_CAP_HDR_COUNT, val);
	if (4 * (entries + 1) > len)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"capability array of %u entries runs past the end: 0x%" PRIx64,
				entries, len);
	for (unsigned i = 1; i <= entries; i++) {
		if (!read_at(io, array + 4 * i, &val, "capability array", errp))
			return false;
		if (FIELD_GET(WIRE_CAP_ENT_ID, val) != WIRE_COMP_CAP_HDM)
			continue;
		val = FIELD_GET(WIRE_CAP_ENT_POINTER, val);
		if (!take_hdm(io, array, len, entries, val, &decoders, errp))
			return false;
		*hdm = array + val;
		*count = decoders;
		return true;
	}
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"capability array of %u entries has no HDM decoder capability", entries);
}
