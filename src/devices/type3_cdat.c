/* SPDX-License-Identifier: Apache-2.0 */
/* What a type 3 device says about its memory: CDAT, read over DOE (CXL 3.1 8.1.11). */
#include "devices.h"
#include "pci/doe.h"
#include "wire/cdat.h"
#include "wire/pci.h"

static CxbCdatRange range(uint8_t handle, uint64_t dpa, uint64_t len, uint8_t flags)
{
	const bool persistent = flags & WIRE_DSMAS_NON_VOLATILE;

	return (CxbCdatRange){
		.handle = handle,
		.dpa = dpa,
		.len = len,
		.flags = flags,
		/* The rest as QEMU says of its memory. */
		.efi_type = persistent ? WIRE_EFI_RESERVED : WIRE_EFI_SPECIFIC_PURPOSE,
		.read_latency_ns = 150,
		.write_latency_ns = 250,
		.read_mb_s = 16000,
		.write_mb_s = 16000,
	};
}

/* All that the device can have, whether there are bytes behind it now or not. */
static CxbCdat *describe(const Type3 *t3)
{
	const CxbDcConfig *dc = t3->dc ? cxb_dc_config(t3->dc) : NULL;
	CxbCdatRange ranges[TYPE3_PARTS + CXB_DC_REGIONS];
	unsigned n = 0;

	for (unsigned i = 0; i < TYPE3_PARTS; i++) {
		const Type3Part *part = &t3->part[i];
		const uint8_t flags = i == TYPE3_PERSISTENT ? WIRE_DSMAS_NON_VOLATILE : 0;

		if (part->mem) {
			ranges[n] = range(n, part->dpa, part->len, flags);
			n++;
		}
	}
	for (unsigned i = 0; dc && i < dc->n_regions; i++) {
		const CxbDcRegion *r = &dc->regions[i];

		ranges[n++] = range(r->dsmad_handle, r->base, r->len, cxb_dc_dsmas_flags(r));
	}
	return cxb_cdat_new(ranges, n);
}

static bool table_access(void *opaque, CxbRd *in, CxbWr *out)
{
	return cxb_cdat_access(((Type3 *)opaque)->cdat, in, out);
}

bool cxb_type3_cdat_init(Type3 *t3, uint16_t off, GError **errp)
{
	CxbDoeProtocol access = {
		.vendor = WIRE_CXL_VENDOR_ID,
		.type = WIRE_DOE_TABLE_ACCESS,
		.max_request = CXB_DOE_HEADER_DWORDS + sizeof(struct wire_cdat_access) / 4,
		.handle = table_access,
	};

	t3->cdat = t3->cdat_file ? cxb_cdat_load_file(t3->cdat_file, errp) : describe(t3);
	if (!t3->cdat)
		return false;
	access.max_response = access.max_request + cxb_cdat_entry_max(t3->cdat) / 4;
	cxb_doe_init(&t3->pci, off, &access, 1, TYPE3_VECTOR_DOE, t3);
	return true;
}

void cxb_type3_cdat_fini(Type3 *t3)
{
	g_clear_pointer(&t3->cdat, cxb_cdat_free);
}
