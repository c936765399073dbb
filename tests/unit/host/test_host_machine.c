/* SPDX-License-Identifier: Apache-2.0 */
/* The built-in host on a whole machine: boot, extents come and go, reset. Time stands still. */
#include <string.h>

#include "devices/cxl.h"
#include "host/host.h"
#include "machine/machine.h"

#define GIB    (1ull << 30)
#define MIB    (1ull << 20)
#define WINDOW 0x3d0000000ull
#define TAG    "5be13bce-ae34-4a77-b6c3-16df975fcf1a"

typedef struct {
	CxbMachine *m;
	CxbDevice *t3;
	CxbHost *host;
	GString *said;
} Fixture;

static void opt(CxbMachine *m, bool (*fn)(CxbMachine *, CxbOpts *, GError **), const char *text,
		const char *implied)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, implied, false, &err);

	g_assert_no_error(err);
	fn(m, opts, &err);
	g_assert_no_error(err);
}

static CxbDevice *device(CxbMachine *m, const char *text)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "driver", false, &err);
	CxbDevice *dev = cxb_device_add(cxb_machine_qom(m), opts, false, &err);

	g_assert_no_error(err);
	return dev;
}

static CxbHostMem *backend(Fixture *f, const char *text)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "qom-type", false, &err);
	CxbObject *obj = cxb_user_object_add(cxb_machine_qom(f->m), opts, &err);

	g_assert_no_error(err);
	return cxb_hostmem_from_object(obj);
}

static void say(void *opaque, const char *line)
{
	g_string_append_printf(((Fixture *)opaque)->said, "%s\n", line);
	g_test_message("%s", line);
}

static void boot(Fixture *f, const char *devices[])
{
	g_autoptr(GError) err = NULL;

	f->said = g_string_new(NULL);
	f->m = cxb_machine_new(&(CxbMachineConfig){ .virtual_clock = true });
	opt(f->m, cxb_machine_set_opts, "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=6G",
	    "type");
	opt(f->m, cxb_machine_set_memory, "1G,maxmem=8G,slots=4", "size");
	g_assert_true(cxb_machine_create(f->m, &err));
	g_assert_no_error(err);
	for (; *devices; devices++)
		f->t3 = device(f->m, *devices);
	cxb_machine_done(f->m, &err);
	g_assert_no_error(err);
	f->host = cxb_host_new(&(CxbHostConfig){ .bus = cxb_machine_bus(f->m),
						 .clock = cxb_machine_clock(f->m),
						 .workq = cxb_machine_workq(f->m),
						 .say = say,
						 .opaque = f });
	cxb_host_start(f->host);
	cxb_workq_drain(cxb_machine_workq(f->m));
}

static void setup(Fixture *f, gconstpointer pass_through)
{
	const char *devices[] = {
		pass_through ? "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1"
			     : "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1,hdm_for_passthrough=true",
		"cxl-rp,port=3,bus=cxl.1,id=rp,chassis=0,slot=2",
		"cxl-type3,bus=rp,id=t3,num-dc-regions=2,dc-regions-total-size=4G",
		NULL,
	};

	boot(f, devices);
}

static void teardown(Fixture *f, gconstpointer unused)
{
	cxb_host_free(f->host);
	cxb_machine_free(f->m);
	g_string_free(f->said, TRUE);
}

static void drain(Fixture *f)
{
	cxb_workq_drain(cxb_machine_workq(f->m));
}

static void boots_without_a_timer_left_and_maps_every_region(Fixture *f, gconstpointer unused)
{
	const CxbHostRegion *r;
	const CxbHostWindow *w;
	const CxbHostMemdev *md;

	g_assert_cmpstr(cxb_host_error(f->host), ==, NULL);
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	g_assert_false(cxb_clock_deadline(cxb_machine_clock(f->m), &(int64_t){ 0 }));
	g_assert_cmpuint(cxb_host_windows(f->host, &w), ==, 1);
	g_assert_cmphex(w->base, ==, WINDOW);
	g_assert_cmpuint(cxb_host_memdevs(f->host, &md), ==, 1);
	g_assert_cmpuint(md->dc_regions, ==, 2);
	g_assert_cmpuint(cxb_host_regions(f->host, &r), ==, 2);
	g_assert_true(r[0].mapped && r[1].mapped);
	g_assert_cmphex(r[0].hpa, ==, WINDOW);
	g_assert_cmphex(r[1].hpa, ==, WINDOW + 2 * GIB);
}

static void add(Fixture *f, CxbHostMem *mem, unsigned n, const CxbDcRange *ranges)
{
	CxbDcAddReq req = { .policy = CXB_DC_SELECT_PRESCRIPTIVE,
			    .tag = *cxb_hostmem_tag(mem),
			    .n = n,
			    .ranges = ranges };
	g_autoptr(GError) err = NULL;

	cxb_dc_add(cxb_cxl_type3_dc(f->t3), &req, &err);
	g_assert_no_error(err);
	drain(f);
}

static void release(Fixture *f, CxbHostMem *mem)
{
	CxbDcReleaseReq req = { .policy = CXB_DC_REMOVE_TAG_BASED, .tag = *cxb_hostmem_tag(mem) };
	g_autoptr(GError) err = NULL;

	cxb_dc_release(cxb_cxl_type3_dc(f->t3), &req, &err);
	g_assert_no_error(err);
	drain(f);
}

static void an_offer_becomes_memory_and_a_release_takes_it(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = backend(f, "memory-backend-ram,id=b,size=4M,tag=" TAG);
	const CxbDcRange ranges[] = { { GIB, 2 * MIB }, { 0, 2 * MIB } };
	g_autoptr(GArray) extents = NULL;
	g_autoptr(GArray) after = NULL;
	const CxbHostExtent *e;
	uint32_t word = 0;

	add(f, mem, 2, ranges);
	extents = cxb_host_extents(f->host);
	g_assert_cmpuint(extents->len, ==, 2);
	e = (const CxbHostExtent *)extents->data;
	g_assert_cmpint(e[0].state, ==, CXB_HOST_EXTENT_ACCEPTED);
	g_assert_cmphex(e[1].hpa, ==, WINDOW + GIB);
	*(uint32_t *)cxb_hostmem_ptr(mem) = 0x12345678;
	g_assert_cmpint(cxb_memmap_read(cxb_machine_memmap(f->m), e[1].hpa, &word, 4), ==,
			CXB_MEM_OK);
	g_assert_cmphex(word, ==, 0x12345678);
	release(f, mem);
	after = cxb_host_extents(f->host);
	g_assert_cmpuint(after->len, ==, 0);
	g_assert_cmpuint(cxb_dc_accepted_count(cxb_cxl_type3_dc(f->t3), 0), ==, 0);
	g_assert_null(strstr(f->said->str, "hysical address"));
}

static void a_release_of_what_is_held_completes_when_it_is_let_go(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = backend(f, "memory-backend-ram,id=b,size=2M,tag=" TAG);
	CxbDc *dc = cxb_cxl_type3_dc(f->t3);

	add(f, mem, 1, &(CxbDcRange){ 0, 2 * MIB });
	g_assert_true(cxb_host_dax_hold(f->host, 0, cxb_hostmem_tag(mem), NULL));
	release(f, mem);
	release(f, mem);
	g_assert_cmpuint(cxb_dc_accepted_count(dc, 0), ==, 1);
	g_assert_true(cxb_host_dax_release(f->host, 0, cxb_hostmem_tag(mem), NULL));
	drain(f);
	g_assert_cmpuint(cxb_dc_accepted_count(dc, 0), ==, 0);
}

static void accepted_extents_are_taken_over_after_a_reset(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = backend(f, "memory-backend-ram,id=b,size=4M,tag=" TAG);
	const CxbDcRange ranges[] = { { 0, 2 * MIB }, { 2 * MIB, 2 * MIB } };
	g_autoptr(GArray) extents = NULL;
	const CxbHostExtent *e;

	add(f, mem, 2, ranges);
	for (unsigned i = 0; i < 2; i++) {
		cxb_machine_reset(f->m, CXB_RESET_QMP);
		cxb_host_reset(f->host);
		drain(f);
	}
	g_assert_cmpint(cxb_host_state(f->host), ==, CXB_HOST_READY);
	extents = cxb_host_extents(f->host);
	g_assert_cmpuint(extents->len, ==, 2);
	e = (const CxbHostExtent *)extents->data;
	g_assert_cmpint(e->state, ==, CXB_HOST_EXTENT_ACCEPTED);
	g_assert_true(cxb_uuid_equal(&e->tag, cxb_hostmem_tag(mem)));
	g_assert_nonnull(cxb_memmap_ptr(cxb_machine_memmap(f->m), WINDOW, 4 * MIB));
	release(f, mem);
	g_assert_cmpuint(cxb_dc_accepted_count(cxb_cxl_type3_dc(f->t3), 0), ==, 0);
}

/* More extents than the log holds at once, than a response payload takes and than one clear. */
static void a_group_of_many_extents_is_one_allocation(Fixture *f, gconstpointer unused)
{
	enum { N = 300 };
	CxbHostMem *mem = backend(f, "memory-backend-ram,id=b,size=600M,tag=" TAG);
	CxbDcRange ranges[N];

	for (unsigned i = 0; i < N; i++)
		ranges[i] = (CxbDcRange){ 4 * MIB * i, 2 * MIB };
	add(f, mem, N, ranges);
	g_assert_cmpuint(cxb_dc_accepted_count(cxb_cxl_type3_dc(f->t3), 0), ==, N);
	g_assert_cmpuint(cxb_dc_groups(cxb_cxl_type3_dc(f->t3), 0), ==, 0);
	release(f, mem);
	g_assert_cmpuint(cxb_dc_accepted_count(cxb_cxl_type3_dc(f->t3), 0), ==, 0);
	g_assert_null(strstr(f->said->str, "hysical address"));
}

static void two_devices_behind_two_ports_share_the_window(void)
{
	const char *devices[] = {
		"pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1",
		"cxl-rp,port=3,bus=cxl.1,id=rp,chassis=0,slot=2",
		"cxl-rp,port=7,bus=cxl.1,id=rp2,chassis=0,slot=3",
		"cxl-type3,bus=rp,id=t1,num-dc-regions=1,dc-regions-total-size=2G",
		"cxl-type3,bus=rp2,id=t2,num-dc-regions=2,dc-regions-total-size=8G",
		NULL,
	};
	Fixture f = { 0 };
	const CxbHostRegion *r;

	boot(&f, devices);
	g_assert_cmpint(cxb_host_state(f.host), ==, CXB_HOST_READY);
	g_assert_cmpuint(cxb_host_regions(f.host, &r), ==, 3);
	g_assert_cmphex(r[0].hpa, ==, WINDOW);
	g_assert_cmphex(r[1].hpa, ==, WINDOW + 2 * GIB);
	g_assert_true(r[1].mapped);
	g_assert_false(r[2].mapped);
	g_assert_nonnull(strstr(f.said->str, "does not fit"));
	teardown(&f, NULL);
}

#define ADD(path, fn)                                                                          \
	g_test_add("/host/machine/" path, Fixture, NULL, setup, fn, teardown);                 \
	g_test_add("/host/machine/pass-through/" path, Fixture, GINT_TO_POINTER(1), setup, fn, \
		   teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("boot", boots_without_a_timer_left_and_maps_every_region);
	ADD("add-release", an_offer_becomes_memory_and_a_release_takes_it);
	ADD("held", a_release_of_what_is_held_completes_when_it_is_let_go);
	ADD("reset", accepted_extents_are_taken_over_after_a_reset);
	ADD("many", a_group_of_many_extents_is_one_allocation);
	g_test_add_func("/host/machine/two", two_devices_behind_two_ports_share_the_window);
	return g_test_run();
}
