/* SPDX-License-Identifier: Apache-2.0 */
/* From a host bridge's decoders by port number to an endpoint. */
#include "decode_rig.h"

static CxbDevice *route(Rig *r, uint64_t hpa)
{
	CxbCxlRoute out;

	if (!cxb_pxb_cxl_route(cxb_device_find(r->qom, "cxl.1", NULL), hpa, &out))
		return NULL;
	g_assert_cmphex(out.dpa, ==, hpa - BASE);
	g_assert_cmphex(out.len, ==, BASE + UNIT - hpa);
	g_assert_false(out.interleaved);
	return out.endpoint;
}

static void a_decoder_means_the_port_of_that_number(Rig *r, gconstpointer unused)
{
	CxbDevice *a, *b;

	rig_device(r, "pxb-cxl,id=cxl.1,bus=pcie.0,bus_nr=12");
	rig_device(r, "cxl-rp,id=p0,bus=cxl.1,port=255,slot=1");
	rig_device(r, "cxl-rp,id=p1,bus=cxl.1,port=0,slot=2");
	rig_device(r, "cxl-rp,id=p2,bus=cxl.1,port=7,slot=3");
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	a = rig_endpoint(r, "p0", 13, BASE);
	b = rig_endpoint(r, "p1", 14, BASE);
	rig_lead(r, 0, BASE, 255);
	g_assert_true(route(r, BASE) == a);
	g_assert_true(route(r, BASE + UNIT - 1) == a);
	g_assert_null(route(r, BASE - 1));
	g_assert_null(route(r, BASE + UNIT));
	rig_lead(r, 0, BASE, 0);
	g_assert_true(route(r, BASE) == b);
	rig_lead(r, 0, BASE, 7); /* nothing is plugged there */
	g_assert_null(route(r, BASE));
	rig_lead(r, 0, BASE, 1); /* no port has that number */
	g_assert_null(route(r, BASE));
}

/* QEMU looks in the same order; what came first does not matter. */
static void of_two_ports_of_one_number_the_lowest_function_is_meant(Rig *r, gconstpointer unused)
{
	CxbDevice *high, *low;

	rig_device(r, "pxb-cxl,id=cxl.1,bus=pcie.0,bus_nr=12");
	rig_device(r, "cxl-rp,id=high,bus=cxl.1,port=3,slot=1,addr=5");
	rig_device(r, "cxl-rp,id=low,bus=cxl.1,port=3,slot=2,addr=4");
	rig_device(r, "cxl-rp,id=last,bus=cxl.1,port=3,slot=3,addr=6");
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	high = rig_endpoint(r, "high", 13, BASE);
	low = rig_endpoint(r, "low", 14, BASE);
	rig_lead(r, 0, BASE, 3);
	g_assert_true(route(r, BASE) == low);
	cxb_device_remove(cxb_device_find(r->qom, "last", NULL));
	g_assert_true(route(r, BASE) == low);
	cxb_device_remove(cxb_device_find(r->qom, "low", NULL));
	g_assert_true(route(r, BASE) == high);
	cxb_device_remove(cxb_device_find(r->qom, "high", NULL));
	g_assert_null(route(r, BASE));
}

static void without_decoders_everything_goes_to_the_only_port(Rig *r, gconstpointer unused)
{
	CxbDevice *dev;

	rig_bridge(r);
	cxb_pci_host_reset(r->host, CXB_RESET_WARM);
	g_assert_null(route(r, BASE));
	dev = rig_endpoint(r, "rp", 13, BASE);
	g_assert_true(route(r, BASE) == dev);
	g_assert_null(route(r, BASE + UNIT)); /* its own decoder does not take it */
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define TEST(name) RIG_ADD("/devices/route/" #name, name)
	TEST(a_decoder_means_the_port_of_that_number);
	TEST(of_two_ports_of_one_number_the_lowest_function_is_meant);
	TEST(without_decoders_everything_goes_to_the_only_port);
	return g_test_run();
}
