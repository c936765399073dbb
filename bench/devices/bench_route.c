/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs to find the device behind an address that is decoded: by the first of a bridge's
 * ports, and by the last of many. */
#include <stdio.h>
#include <time.h>

#include "decode_rig.h"

#define PORTS  32
#define ROUNDS 20000000u

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double cost(CxbDevice *pxb, uint64_t base)
{
	uint64_t sum = 0;
	CxbCxlRoute out;
	double t0 = now_ns();

	for (unsigned i = 0; i < ROUNDS; i++) {
		if (!cxb_pxb_cxl_route(pxb, base + (i * 64 & (UNIT - 1)), &out))
			g_error("0x%" G_GINT64_MODIFIER "x leads nowhere", base);
		sum += out.dpa;
	}
	if (!sum)
		g_error("every address leads to the same place");
	return (now_ns() - t0) / ROUNDS;
}

int main(void)
{
	double first, last;
	CxbDevice *pxb;
	Rig r;

	rig_setup(&r, NULL);
	pxb = &rig_device(&r, "pxb-cxl,id=cxl.1,bus=pcie.0,bus_nr=12")->dev;
	for (unsigned i = 0; i < PORTS; i++) {
		g_autofree char *text =
			g_strdup_printf("cxl-rp,id=p%u,bus=cxl.1,port=%u,slot=%u", i, i, i);

		rig_device(&r, text);
	}
	cxb_pci_host_reset(r.host, CXB_RESET_WARM);
	/* Each by decoder 0: later decoders cost more, which is not the question. */
	rig_endpoint(&r, "p0", 13, BASE);
	rig_endpoint(&r, "p31", 14, BASE);
	rig_lead(&r, 0, BASE, 0);
	cost(pxb, BASE); /* warm up */
	first = cost(pxb, BASE);
	rig_lead(&r, 0, BASE, PORTS - 1);
	last = cost(pxb, BASE);
	printf("route: %.1f ns by the first of %u ports, %.1f ns by the last\n", first, PORTS,
	       last);
	rig_teardown(&r, NULL);
	return 0;
}
