/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a CXL device has what, as it says itself: from configuration space to its component
 * registers (CXL 3.1 8.1.3, 8.1.9), and from their capability array to the HDM decoders (8.2.4).
 *
 * What is read comes from another program and may be anything: each walk is bounded by what it
 * walks over, allocates nothing, and an error names the place that is wrong.
 */
#ifndef CXB_CXL_LOCATE_H
#define CXB_CXL_LOCATE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cxl/regio.h"

typedef struct {
	uint16_t dvsec; /* offset of the CXL device DVSEC; 0: not a CXL device, the rest is unset */
	uint16_t cap;   /* its capability register, WIRE_DEV_CAP_ */
	uint16_t locator; /* offset of the register locator DVSEC */
	uint8_t bar;      /* BAR with the component registers, 0 to 5 */
	uint64_t block;   /* offset of their 64 KiB in it */
} CxbCxlConfig;

/**
 * cxb_cxl_locate_config() - What configuration space says.
 * @config, @len: a copy of it; one that ends before 0x100 has no extended capabilities
 *
 * A device without the CXL device DVSEC is no error: @out->dvsec is 0. One that has it must lead
 * to component registers. Of two DVSECs or blocks of one kind the first counts.
 *
 * Returns: false, with @out untouched, if the list or a DVSEC of CXL is malformed.
 */
bool cxb_cxl_locate_config(const uint8_t *config, size_t len, CxbCxlConfig *out, GError **errp);

/**
 * cxb_cxl_locate_hdm() - Walk a component's capability array to its HDM decoders.
 * @array: where the array's header is in @io
 * @len:   bytes of @io from there on
 * @hdm:   offset in @io of the structure; all of it lies in @len
 * @count: its decoders
 *
 * One read for each entry up to that of the decoders (255 at most), one for the header, one for
 * the structure's capability register.
 *
 * Returns: false, with nothing written, if a read fails or what is read makes no sense.
 */
bool cxb_cxl_locate_hdm(const CxbRegIo *io, uint64_t array, uint64_t len, uint64_t *hdm,
			unsigned *count, GError **errp);

#endif
