/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device that another program serves says where its component registers and its decoders are.
 * Two bytes: length of configuration space; that, the rest are registers. Whatever it says, the
 * walks end, stay inside, and what they find is there.
 */
#include <stdlib.h>

#include <glib.h>

#include "base/bytes.h"
#include "base/range.h"
#include "base/rdwr.h"
#include "cxl/locate.h"
#include "fuzz.h"
#include "wire/regs.h"

typedef struct {
	const uint8_t *p;
	size_t len;
	unsigned reads;
} Regs;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static int regs_read(void *opaque, uint64_t off, uint32_t *val)
{
	Regs *r = opaque;

	r->reads++;
	must(cxb_range_in(off, 4, r->len));
	*val = le_load(r->p + off, 4);
	return 0;
}

static void config(const uint8_t *p, size_t len)
{
	CxbCxlConfig out = { .bar = 0xff };
	GError *err = NULL;

	if (!cxb_cxl_locate_config(p, len, &out, &err)) {
		must(err && out.bar == 0xff);
		g_error_free(err);
	} else if (out.dvsec) {
		must(out.bar < 6 && out.block % WIRE_COMP_SIZE == 0 && out.locator);
	}
}

static void array(const uint8_t *p, size_t len)
{
	Regs r = { p, len, 0 };
	const CxbRegIo io = { .read32 = regs_read, .opaque = &r };
	GError *err = NULL;
	uint64_t hdm = 0;
	unsigned count = 0;

	if (!cxb_cxl_locate_hdm(&io, 0, len, &hdm, &count, &err)) {
		must(err && !hdm && !count);
		g_error_free(err);
	} else {
		must(count && cxb_range_in(hdm, WIRE_HDM_SIZE(count), len));
	}
	must(r.reads <= 257);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CxbRd in = { data, size };
	const uint8_t *head = cxb_rd_take(&in, 2);
	size_t len;

	if (!head)
		return 0;
	len = MIN(le_load(head, 2), in.left);
	config(in.p, len);
	array(in.p + len, in.left - len);
	return 0;
}
