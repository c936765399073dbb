/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that cannot be made leave nothing behind: the same request, put right, succeeds. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "open_files.h"
#include "rig.h"

#define BACKEND "memory-backend-ram,id=m,size=256M"
#define TAGGED  "memory-backend-ram,id=b,size=2M,tag=5be13bce-ae34-4a77-b6c3-16df975fcf1a"

static void is_free(CxbHostMem *mem)
{
	g_assert_null(cxb_hostmem_holder(mem));
	g_assert_false(cxb_hostmem_mapped(mem));
}

static void type3_without_memory_is_refused(Rig *r, gconstpointer unused)
{
	rig_bridge(r);
	rig_refuses(r, "cxl-type3,id=t,bus=rp", "at least one memdev property must be set");
	rig_refuses(r, "cxl-type3,id=t,bus=rp,dc-regions-total-size=256M",
		    "dc-regions-total-size is set, but num-dc-regions is 0");
	rig_device(r, "cxl-type3,id=t,bus=rp,num-dc-regions=1,dc-regions-total-size=256M");
}

/* What fails late gives back what came first: the static memory. */
static void type3_with_bad_regions_gives_its_static_memory_back(Rig *r, gconstpointer unused)
{
	static const struct {
		const char *props, *why;
	} rows[] = {
		{ "num-dc-regions=9,dc-regions-total-size=2304M", "more than 8" },
		{ "num-dc-regions=255,dc-regions-total-size=256M", "more than 8" },
		{ "num-dc-regions=1", "dynamic capacity must have a backing device" },
		{ "num-dc-regions=2,dc-regions-total-size=256M", "not a multiple of 2 regions" },
		{ "num-dc-regions=1,dc-regions-total-size=255M", "not a multiple of 1 regions" },
		{ "num-dc-regions=1,dc-regions-total-size=0x10000000000000", "does not fit" },
		{ "num-dc-regions=1,dc-regions-total-size=0xfffffffff0000000", "does not fit" },
		{ "num-dc-regions=0,dc-regions-total-size=256M", "num-dc-regions is 0" },
		{ "cdat=/dev/null", "CDAT: /dev/null: 0 bytes are too short" },
		{ "num-dc-regions=1,dc-regions-total-size=256M,cdat=/", "CDAT: " },
		{ "dc-event-log-size=0", "dc-event-log-size" },
		{ "dc-max-extents=0", "dc-max-extents is 0" },
		{ "dc-max-extents=4294967296", "'dc-max-extents' expects uint32_t" },
		{ "dc-max-tags=-1", "'dc-max-tags' expects" },
		{ "dc-event-log-size=65536", "dc-event-log-size" },
	};
	CxbHostMem *mem = rig_backend(r, BACKEND);

	rig_bridge(r);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = g_strdup_printf(
			"cxl-type3,id=t,bus=rp,volatile-memdev=m,%s", rows[i].props);

		g_test_message("%s", text);
		rig_refuses(r, text, rows[i].why);
		is_free(mem);
		g_assert_cmpuint(r->endpoints, ==, 0);
	}
	rig_device(r, "cxl-type3,id=t,bus=rp,volatile-memdev=m,num-dc-regions=1,"
		      "dc-regions-total-size=256M");
	g_assert_cmpstr(cxb_hostmem_holder(mem), ==, "/machine/peripheral/t");
	g_assert_true(cxb_hostmem_mapped(mem));
}

static void static_memory_serves_one_device(Rig *r, gconstpointer unused)
{
	CxbHostMem *mem = rig_backend(r, BACKEND);

	rig_bridge(r);
	rig_device(r, "cxl-rp,id=rp2,bus=cxl.1,port=4,chassis=0,slot=3");
	rig_device(r, "cxl-type3,id=t,bus=rp,volatile-memdev=m");
	rig_refuses(r, "cxl-type3,id=u,bus=rp2,volatile-memdev=m",
		    "memory backend m can't be used multiple times");
	g_assert_cmpstr(cxb_hostmem_holder(mem), ==, "/machine/peripheral/t");
	cxb_device_remove(cxb_device_find(r->qom, "t", NULL));
	is_free(mem);
	rig_device(r, "cxl-type3,id=u,bus=rp2,volatile-memdev=m");
	g_assert_cmpstr(cxb_hostmem_holder(mem), ==, "/machine/peripheral/u");
}

static void static_memory_is_whole_256_mib(Rig *r, gconstpointer unused)
{
	CxbHostMem *mem = rig_backend(r, "memory-backend-ram,id=m,size=255M");

	rig_bridge(r);
	rig_refuses(r, "cxl-type3,id=t,bus=rp,volatile-memdev=m", "not a multiple of 256 MiB");
	is_free(mem);
}

static void a_port_has_one_device(Rig *r, gconstpointer unused)
{
	CxbHostMem *mem = rig_backend(r, BACKEND);

	rig_bridge(r);
	rig_device(r, "cxl-type3,id=t,bus=rp,num-dc-regions=1,dc-regions-total-size=256M");
	rig_refuses(r, "cxl-type3,id=u,bus=rp,volatile-memdev=m,addr=0", "in use by cxl-type3");
	rig_refuses(r, "cxl-type3,id=u,bus=rp,volatile-memdev=m,addr=1", "only allows");
	is_free(mem);
	g_assert_cmpuint(r->endpoints, ==, 1);
}

static void root_ports_need_a_chassis_and_slot_of_their_own(Rig *r, gconstpointer unused)
{
	rig_bridge(r);
	rig_refuses(r, "cxl-rp,id=p,bus=cxl.1,chassis=0,slot=2",
		    "Can't add chassis slot, error -16");
	rig_device(r, "cxl-rp,id=p,bus=cxl.1,chassis=1,slot=2");
	rig_device(r, "cxl-rp,id=q,bus=cxl.1,chassis=0,slot=3");
	/* The refused one has not taken the pair with it. */
	cxb_device_remove(cxb_device_find(r->qom, "rp", NULL));
	rig_device(r, "cxl-rp,id=rp,bus=cxl.1,chassis=0,slot=2");
}

static void slot_numbers_have_13_bits(Rig *r, gconstpointer unused)
{
	rig_device(r, "pxb-cxl,id=cxl.1,bus=pcie.0,bus_nr=12");
	rig_refuses(r, "cxl-rp,id=p,bus=cxl.1,slot=8192", "13 bits");
	rig_refuses(r, "cxl-rp,id=p,bus=cxl.1,slot=65535", "13 bits");
	rig_device(r, "cxl-rp,id=p,bus=cxl.1,slot=8191");
}

static void host_bridges_need_a_free_number_and_bus_0(Rig *r, gconstpointer unused)
{
	rig_bridge(r);
	rig_refuses(r, "pxb-cxl,id=p,bus=pcie.0,bus_nr=12", "Bus 12 is already in use");
	/* Without a number it is 0: taken once, as by QEMU, whose own tests do that. */
	rig_device(r, "pxb-cxl,id=q,bus=pcie.0");
	rig_refuses(r, "pxb-cxl,id=p,bus=pcie.0,bus_nr=0", "Bus 0 is already in use");
	rig_refuses(r, "pxb-cxl,id=p,bus=cxl.1,bus_nr=20",
		    "Only PCI/PCIe bridges can be plugged into pxb-cxl");
	rig_refuses(r, "pxb-cxl,id=p,bus=rp,bus_nr=20", "");
	rig_device(r, "pxb-cxl,id=p,bus=pcie.0,bus_nr=20");
	rig_refuses(r, "cxl-type3,id=t,bus=p,num-dc-regions=1,dc-regions-total-size=256M",
		    "Only PCI/PCIe bridges can be plugged into pxb-cxl");
}

static CxbDcAddReq add_request(CxbHostMem *mem, const CxbDcRange *range)
{
	return (CxbDcAddReq){ .policy = CXB_DC_SELECT_PRESCRIPTIVE,
			      .tag = *cxb_hostmem_tag(mem),
			      .n = 1,
			      .ranges = range };
}

/* A backend that was looked at, used or refused may be deleted, and then its memory is gone. */
static void deleted_backends_leave_no_memory_behind(Rig *r, gconstpointer unused)
{
	const CxbDcRange wrong = { 0, 4 << 20 }, right = { 0, 2 << 20 };
	const CxbDcDpaRange list = { 0, 2 << 20 };
	const unsigned before = open_files();
	CxbDc *dc;

	rig_bridge(r);
	dc = cxb_cxl_type3_dc(&rig_device(r, "cxl-type3,id=t,bus=rp,num-dc-regions=1,"
					     "dc-regions-total-size=256M")
				       ->dev);
	for (unsigned i = 0; i < 3; i++) {
		CxbHostMem *mem = rig_backend(r, TAGGED);
		CxbDcAddReq req = add_request(mem, i ? &right : &wrong);

		g_assert_cmpint(cxb_dc_add(dc, &req, NULL), ==, i > 0);
		if (i == 1)
			g_assert_cmpint(cxb_dc_add_response(dc, 0, NULL, 0, false, NULL, NULL), ==,
					CXB_RC_SUCCESS);
		if (i == 2) {
			g_assert_false(cxb_user_object_del(r->qom, "b", NULL));
			g_assert_cmpint(cxb_dc_add_response(dc, 0, &list, 1, false, NULL, NULL), ==,
					CXB_RC_SUCCESS);
			g_assert_cmpint(cxb_dc_host_release(dc, 0, &list, 1, false, NULL, NULL), ==,
					CXB_RC_SUCCESS);
		}
		g_assert_true(cxb_user_object_del(r->qom, "b", NULL));
		g_assert_cmpuint(open_files(), ==, before);
	}
}

/* A read-only file cannot be zeroed: its backend stays in use, and asking again is no crash. */
static void a_backing_that_cannot_be_zeroed_stays_held(Rig *r, gconstpointer unused)
{
	const CxbDcRange range = { 0, 2 << 20 };
	const CxbDcReleaseReq release = { .policy = CXB_DC_REMOVE_PRESCRIPTIVE,
					  .forced = true,
					  .sanitize = true,
					  .n = 1,
					  .ranges = &range };
	g_autofree char *path = NULL, *text = NULL;
	g_autoptr(GError) err = NULL;
	int fd = g_file_open_tmp("cxlbox-XXXXXX", &path, NULL);
	CxbHostMem *mem;
	CxbDcAddReq req;
	CxbDc *dc;

	g_assert_cmpint(ftruncate(fd, 2 << 20), ==, 0);
	text = g_strdup_printf("memory-backend-file,id=b,size=2M,mem-path=%s,readonly=on,share=on,"
			       "tag=5be13bce-ae34-4a77-b6c3-16df975fcf1a",
			       path);
	mem = rig_backend(r, text);
	rig_bridge(r);
	dc = cxb_cxl_type3_dc(&rig_device(r, "cxl-type3,id=t,bus=rp,num-dc-regions=1,"
					     "dc-regions-total-size=256M")
				       ->dev);
	req = add_request(mem, &range);
	g_assert_true(cxb_dc_add(dc, &req, NULL));
	g_assert_true(cxb_dc_release(dc, &release, NULL));
	g_assert_nonnull(cxb_hostmem_holder(mem));
	for (unsigned i = 0; i < 2; i++) {
		g_assert_false(cxb_dc_add(dc, &req, &err));
		g_assert_nonnull(strstr(err->message, "already mapped and cannot be reused"));
		g_clear_error(&err);
	}
	cxb_device_remove(cxb_device_find(r->qom, "t", NULL));
	g_assert_nonnull(cxb_hostmem_holder(mem));
	close(fd);
	g_unlink(path);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	RIG_ADD("/devices/realize/no-memory", type3_without_memory_is_refused);
	RIG_ADD("/devices/realize/bad-regions",
		type3_with_bad_regions_gives_its_static_memory_back);
	RIG_ADD("/devices/realize/memdev-used", static_memory_serves_one_device);
	RIG_ADD("/devices/realize/memdev-size", static_memory_is_whole_256_mib);
	RIG_ADD("/devices/realize/port-full", a_port_has_one_device);
	RIG_ADD("/devices/realize/chassis", root_ports_need_a_chassis_and_slot_of_their_own);
	RIG_ADD("/devices/realize/slot", slot_numbers_have_13_bits);
	RIG_ADD("/devices/realize/bus-nr", host_bridges_need_a_free_number_and_bus_0);
	RIG_ADD("/devices/realize/deleted-backend", deleted_backends_leave_no_memory_behind);
	RIG_ADD("/devices/realize/unclean", a_backing_that_cannot_be_zeroed_stays_held);
	return g_test_run();
}
