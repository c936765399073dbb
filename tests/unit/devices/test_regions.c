/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions described one by one: what is laid out, what is refused, and that all who tell of a region
 * say the same: 4800h, 5601h and CDAT.
 */
#include <string.h>

#include "devices.h"
#include "rig.h"
#include "wire/cdat.h"
#include "wire/dc.h"
#include "wire/fmapi.h"

#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)
#define TAG    "5be13bce-ae34-4a77-b6c3-16df975fcf1a"

/* Five regions behind 256 MiB of static memory, no two alike. */
#define FIVE                                                                                   \
	"cxl-type3,id=t,bus=rp,volatile-memdev=v,"                                             \
	"dc-region.0.size=512M,"                                                               \
	"dc-region.1.size=192,dc-region.1.block-size=64,dc-region.1.hw-coherent=on,"           \
	"dc-region.2.size=1G,dc-region.2.block-size=1G,dc-region.2.sharable=on,"               \
	"dc-region.3.size=300M,dc-region.3.block-size=4K,dc-region.3.read-only=on,"            \
	"dc-region.3.sanitize-on-release=on,"                                                  \
	"dc-region.4.size=256M,dc-region.4.non-volatile=on,dc-region.4.sharable=on,"           \
	"dc-region.4.hw-coherent=on,dc-region.4.read-only=on,dc-region.4.sanitize-on-release=" \
	"on"

static const struct {
	uint64_t base, decode_len, len, block_size;
	uint8_t flags; /* of DSMAS */
	bool sanitize;
} five[] = {
	{ MIB(256), MIB(512), MIB(512), MIB(2), 0x20, false },
	{ MIB(768), MIB(256), 192, 64, 0x30, false },
	{ GIB(1), GIB(1), GIB(1), GIB(1), 0x28, false },
	{ GIB(2), MIB(512), MIB(300), 4096, 0x60, true },
	{ GIB(2) + MIB(512), MIB(256), MIB(256), MIB(2), 0x7c, true },
};
#define N_FIVE G_N_ELEMENTS(five)

static Type3 *device(Rig *r, const char *text)
{
	return (Type3 *)rig_device(r, text);
}

static void run(CxbCci *cci, uint16_t opcode, const void *in, size_t n, void *out, size_t room)
{
	CxbRd rd = { in, n };
	CxbWr wr = { .buf = out, .cap = room };

	g_assert_cmpint(cxb_cci_run(cci, opcode, &rd, &wr, NULL, NULL), ==, CXB_RC_SUCCESS);
}

static void setup(Rig *r)
{
	rig_backend(r, "memory-backend-ram,id=v,size=256M");
	rig_bridge(r);
}

static void hosts_read_what_was_described(Rig *r, gconstpointer unused)
{
	const struct wire_dc_config_in in = { .count = 8 };
	uint8_t out[2048] = { 0 };
	const struct wire_dc_config_out *o = (const void *)out;

	setup(r);
	run(device(r, FIVE)->cci, 0x4800, &in, sizeof(in), out, sizeof(out));
	g_assert_cmpuint(o->available, ==, N_FIVE);
	g_assert_cmpuint(o->returned, ==, N_FIVE);
	for (unsigned i = 0; i < N_FIVE; i++) {
		const struct wire_dc_region *w = &o->region[i];

		g_assert_cmphex(le64_get(w->base), ==, five[i].base);
		g_assert_cmphex(le64_get(w->decode_len) << 28, ==, five[i].decode_len);
		g_assert_cmphex(le64_get(w->length), ==, five[i].len);
		g_assert_cmphex(le64_get(w->block_size), ==, five[i].block_size);
		g_assert_cmpuint(le32_get(w->dsmad_handle), ==, 1 + i);
		g_assert_cmphex(w->flags, ==, five[i].sanitize);
	}
}

static void the_fabric_manager_reads_the_same(Rig *r, gconstpointer unused)
{
	const struct wire_host_dc_in in = { .count = 8 };
	uint8_t out[2048] = { 0 };
	const struct wire_host_dc_out *o = (const void *)out;

	setup(r);
	run(cxb_fmld_cci(device(r, FIVE)->fm), 0x5601, &in, sizeof(in), out, sizeof(out));
	g_assert_cmpuint(o->available, ==, N_FIVE);
	g_assert_cmpuint(o->returned, ==, N_FIVE);
	for (unsigned i = 0; i < N_FIVE; i++) {
		const struct wire_host_dc_region *w = &o->region[i];

		g_assert_cmphex(le64_get(w->base), ==, five[i].base);
		g_assert_cmphex(le64_get(w->decode_len) << 28, ==, five[i].decode_len);
		g_assert_cmphex(le64_get(w->length), ==, five[i].len);
		g_assert_cmphex(le64_get(w->block_size), ==, five[i].block_size);
		g_assert_cmphex(w->dsmas_flags, ==, five[i].flags);
		g_assert_cmphex(w->flags, ==, five[i].sanitize);
	}
}

/* The DSMAS of @handle in the table. */
static const struct wire_dsmas *dsmas(const CxbCdat *cdat, unsigned handle)
{
	for (unsigned i = 1; i < cxb_cdat_entries(cdat); i++) {
		size_t len;
		const struct wire_dsmas *d = (const void *)cxb_cdat_entry(cdat, i, &len);

		if (d->head.type == WIRE_CDAT_DSMAS && d->handle == handle)
			return d;
	}
	g_assert_not_reached();
}

static void so_does_who_reads_the_cdat(Rig *r, gconstpointer unused)
{
	const CxbCdat *cdat;

	setup(r);
	cdat = device(r, FIVE)->cdat;
	for (unsigned i = 0; i < N_FIVE; i++) {
		g_assert_cmphex(le64_get(dsmas(cdat, 1 + i)->dpa), ==, five[i].base);
		g_assert_cmphex(le64_get(dsmas(cdat, 1 + i)->length), ==, five[i].len);
		g_assert_cmphex(dsmas(cdat, 1 + i)->flags, ==, five[i].flags);
	}
}

static void mistakes_name_property_and_region(Rig *r, gconstpointer unused)
{
	static const struct {
		const char *props, *why;
	} rows[] = {
		{ "dc-region.0.size=0", "Parameter 'dc-region.0.size' is missing or 0" },
		{ "dc-region.0.block-size=2M", "Parameter 'dc-region.0.size' is missing or 0" },
		{ "dc-region.0.size=1G,dc-region.2.size=1G", "Parameter 'dc-region.1' missing" },
		{ "dc-region.7.size=1G", "Parameter 'dc-region.0' missing" },
		{ "dc-region.8.size=1G", "Parameter 'dc-region.8.size' is unexpected" },
		{ "dc-region.00.size=1G", "Parameter 'dc-region.00.size' is unexpected" },
		{ "dc-region.0=1G", "Parameter 'dc-region.0' is unexpected" },
		{ "dc-region.=1G", "Parameter 'dc-region.' is unexpected" },
		{ "dc-region=1G", "Parameter 'dc-region' is unexpected" },
		{ "dc-region.0.colour=red", "Parameter 'dc-region.0.colour' is unexpected" },
		{ "dc-region.0.size=x", "Parameter 'dc-region.0.size' expects size" },
		{ "dc-region.0.size=1G,dc-region.0.sharable=maybe",
		  "Parameter 'dc-region.0.sharable' expects 'on' or 'off'" },
		{ "dc-region.0.size=1G,dc-region.0.block-size=32",
		  "dc-region.0.block-size 0x20 is not a power of two from 64" },
		{ "dc-region.0.size=1G,dc-region.0.block-size=3M",
		  "dc-region.0.block-size 0x300000 is not a power of two" },
		{ "dc-region.0.size=1G,dc-region.1.size=1G,dc-region.1.block-size=2G",
		  "dc-region.1.block-size 0x80000000 is not a power of two from 64 up to the size "
		  "0x40000000" },
		{ "dc-region.0.size=1M", "dc-region.0.block-size 0x200000 is not" },
		{ "dc-region.0.size=3M",
		  "dc-region.0.size 0x300000 is not a multiple of the block size 0x200000" },
		{ "dc-region.0.size=0x10000010000000", "dc-region.0.size 0x10000010000000 does "
						       "not fit" },
		{ "dc-region.0.size=2048T,dc-region.0.block-size=2048T,"
		  "dc-region.1.size=2048T,dc-region.1.block-size=2048T,dc-region.2.size=4M",
		  "dc-region.2.size 0x400000 does not fit" },
		{ "dc-region.0.size=0xffffffffffe00000", "dc-region.0.size 0xffffffffffe00000" },
		{ "dc-region.0.size=1G,num-dc-regions=2",
		  "num-dc-regions is 2, but dc-region describes 1" },
		{ "dc-region.0.size=1G,dc-region.1.size=1G,dc-regions-total-size=1G",
		  "dc-regions-total-size is 0x40000000, but the sizes of dc-region add up to "
		  "0x80000000" },
		{ "dc-region.0.size=1G,volatile-dc-memdev=m",
		  "size 0x20000000 of m, which is volatile-dc-memdev, is not what the sizes of "
		  "dc-region add up to, 0x40000000" },
		{ "dc-region.0.size=512M,volatile-dc-memdev=m,dc-regions-total-size=512M",
		  "are both set" },
	};
	CxbHostMem *m;

	setup(r);
	m = rig_backend(r, "memory-backend-ram,id=m,size=512M");
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = g_strdup_printf("cxl-type3,id=t,bus=rp,%s", rows[i].props);

		g_test_message("%s", text);
		rig_refuses(r, text, rows[i].why);
		g_assert_cmpuint(r->endpoints, ==, 0);
		g_assert_null(cxb_hostmem_holder(m));
	}
}

static void both_ways_may_say_the_same(Rig *r, gconstpointer unused)
{
	const CxbDcConfig *config;

	setup(r);
	config = cxb_dc_config(device(r, "cxl-type3,id=t,bus=rp,num-dc-regions=2,"
					 "dc-regions-total-size=1G,dc-region.0.size=768M,"
					 "dc-region.1.size=256M")
				       ->dc);
	g_assert_cmpuint(config->n_regions, ==, 2);
	g_assert_cmphex(config->regions[1].base, ==, MIB(768));
}

static bool add(CxbDc *dc, unsigned region, const char *tag, uint64_t off, uint64_t len)
{
	const CxbDcRange range = { off, len };
	CxbDcAddReq req = {
		.policy = CXB_DC_SELECT_PRESCRIPTIVE, .region = region, .n = 1, .ranges = &range
	};

	g_assert_true(!tag || cxb_uuid_parse(tag, &req.tag));
	return cxb_dc_add(dc, &req, NULL);
}

static void take(CxbDc *dc, unsigned region, const char *tag, uint64_t off, uint64_t len)
{
	const CxbDcDpaRange taken = { cxb_dc_config(dc)->regions[region].base + off, len };

	g_assert_true(add(dc, region, tag, off, len));
	g_assert_cmpint(cxb_dc_add_response(dc, 0, &taken, 1, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
}

/* Regions with gaps of DPA between them, none between their bytes. */
static void static_regions_lie_one_behind_the_other(Rig *r, gconstpointer unused)
{
	static const uint8_t data[4] = { 1, 2, 3, 4 };
	uint8_t got[4];
	CxbHostMem *m;
	Type3 *t;

	setup(r);
	m = rig_backend(r, "memory-backend-ram,id=m,size=8448K");
	t = device(r, "cxl-type3,id=t,bus=rp,volatile-dc-memdev=m,dc-region.0.size=256K,"
		      "dc-region.0.block-size=64,dc-region.1.size=8M");
	take(t->dc, 0, NULL, 128, 64);
	take(t->dc, 1, NULL, MIB(2), MIB(2));
	g_assert_true(cxb_cxl_endpoint_write(&t->pci.dev, 128, data, 4));
	g_assert_true(cxb_hostmem_read(m, 128, got, 4));
	g_assert_cmpmem(got, 4, data, 4);
	g_assert_true(cxb_cxl_endpoint_write(&t->pci.dev, MIB(258), data, 4));
	g_assert_true(cxb_hostmem_read(m, (256 << 10) + MIB(2), got, 4));
	g_assert_cmpmem(got, 4, data, 4);
	g_assert_false(cxb_cxl_endpoint_write(&t->pci.dev, 192, data, 4));
	g_assert_false(cxb_cxl_endpoint_write(&t->pci.dev, 256 << 10, data, 4));
}

static void hosts_do_not_write_what_is_read_only(Rig *r, gconstpointer unused)
{
	uint8_t got[4], data[4] = { 1, 2, 3, 4 };
	CxbCxlSegment seg;
	CxbDevice *dev;
	CxbHostMem *m;
	Type3 *t;

	setup(r);
	m = rig_backend(r, "memory-backend-ram,id=m,size=2M,tag=" TAG);
	t = device(r, "cxl-type3,id=t,bus=rp,dc-region.0.size=256M,dc-region.1.size=256M,"
		      "dc-region.1.read-only=on");
	dev = &t->pci.dev;
	g_assert_true(cxb_hostmem_write(m, 0, data, 4));
	take(t->dc, 1, TAG, 0, MIB(2));
	g_assert_true(cxb_cxl_endpoint_segment(dev, MIB(256), &seg));
	g_assert_true(seg.readonly);
	g_assert_true(cxb_cxl_endpoint_read(dev, MIB(256), got, 4));
	g_assert_cmpmem(got, 4, data, 4);
	data[0] = 9;
	g_assert_false(cxb_cxl_endpoint_write(dev, MIB(256), data, 4));
	g_assert_true(cxb_hostmem_read(m, 0, got, 4));
	g_assert_cmpuint(got[0], ==, 1);
	g_assert_cmpuint(cxb_cxl_type3_missed(dev), ==, 0);
}

static void what_comes_back_to_such_a_region_is_zeroed(Rig *r, gconstpointer unused)
{
	const CxbDcDpaRange whole = { 0, MIB(2) };
	uint8_t got[4], data[4] = { 1, 2, 3, 4 };
	CxbHostMem *m;
	Type3 *t;

	setup(r);
	m = rig_backend(r, "memory-backend-ram,id=m,size=2M,tag=" TAG);
	t = device(r, "cxl-type3,id=t,bus=rp,dc-region.0.size=256M,"
		      "dc-region.0.sanitize-on-release=on");
	g_assert_true(cxb_hostmem_write(m, 0, data, 4));
	take(t->dc, 0, TAG, 0, MIB(2));
	g_assert_cmpint(cxb_dc_host_release(t->dc, 0, &whole, 1, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	g_assert_null(cxb_hostmem_holder(m));
	g_assert_true(cxb_hostmem_read(m, 0, got, 4));
	g_assert_cmpmem(got, 4, "\0\0\0\0", 4);
}

/* Where blocks are smaller than pages, too: of a page just the block. */
static void a_block_smaller_than_a_page_is_zeroed_alone(Rig *r, gconstpointer unused)
{
	const CxbDcDpaRange block = { 128, 64 };
	uint8_t got[256], data[256];
	CxbHostMem *m;
	Type3 *t;

	setup(r);
	m = rig_backend(r, "memory-backend-ram,id=m,size=256K");
	t = device(r, "cxl-type3,id=t,bus=rp,volatile-dc-memdev=m,dc-region.0.size=256K,"
		      "dc-region.0.block-size=64,dc-region.0.sanitize-on-release=on");
	memset(data, 0xa5, sizeof(data));
	g_assert_true(cxb_hostmem_write(m, 0, data, sizeof(data)));
	take(t->dc, 0, NULL, 0, 256);
	g_assert_cmpint(cxb_dc_host_release(t->dc, 0, &block, 1, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	memset(data + 128, 0, 64);
	g_assert_true(cxb_hostmem_read(m, 0, got, sizeof(got)));
	g_assert_cmpmem(got, sizeof(got), data, sizeof(data));
}

static void sharable_capacity_needs_a_tag_and_is_numbered(Rig *r, gconstpointer unused)
{
	const CxbDcRange two[] = { { 0, MIB(2) }, { MIB(4), MIB(2) } };
	CxbDcAddReq req = { .policy = CXB_DC_SELECT_PRESCRIPTIVE, .n = 2, .ranges = two };
	g_autoptr(GError) err = NULL;
	Type3 *t;

	setup(r);
	rig_backend(r, "memory-backend-ram,id=m,size=256M");
	t = device(r, "cxl-type3,id=t,bus=rp,volatile-dc-memdev=m,dc-region.0.size=256M,"
		      "dc-region.0.sharable=on");
	g_assert_false(cxb_dc_add(t->dc, &req, &err));
	g_assert_nonnull(strstr(err->message, "sharable capacity needs a tag"));
	g_assert_true(cxb_uuid_parse(TAG, &req.tag));
	g_assert_true(cxb_dc_add(t->dc, &req, NULL));
	g_assert_cmpuint(cxb_dc_find(t->dc, 0, 0)->seq, ==, 0);
	g_assert_cmpuint(cxb_dc_find(t->dc, 0, MIB(4))->seq, ==, 1);
}

static void poison_of_non_volatile_capacity_outlives_the_power(Rig *r, gconstpointer unused)
{
	Type3 *t;

	setup(r);
	rig_backend(r, "memory-backend-ram,id=m,size=768M");
	t = device(r, "cxl-type3,id=t,bus=rp,volatile-dc-memdev=m,dc-region.0.size=256M,"
		      "dc-region.1.size=256M,dc-region.1.non-volatile=on,dc-region.2.size=256M");
	for (unsigned i = 0; i < 3; i++) {
		take(t->dc, i, NULL, 0, MIB(2));
		g_assert_true(cxb_poison_inject(t->poison, MIB(256) * i, 64, NULL));
	}
	cxb_type3_reset(&t->pci, CXB_RESET_COLD);
	g_assert_cmpuint(cxb_poison_count(t->poison), ==, 1);
	cxb_poison_drop(t->poison, MIB(256), 64);
	g_assert_cmpuint(cxb_poison_count(t->poison), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	RIG_ADD("/devices/regions/4800h", hosts_read_what_was_described);
	RIG_ADD("/devices/regions/5601h", the_fabric_manager_reads_the_same);
	RIG_ADD("/devices/regions/cdat", so_does_who_reads_the_cdat);
	RIG_ADD("/devices/regions/mistakes", mistakes_name_property_and_region);
	RIG_ADD("/devices/regions/both-ways", both_ways_may_say_the_same);
	RIG_ADD("/devices/regions/static", static_regions_lie_one_behind_the_other);
	RIG_ADD("/devices/regions/read-only", hosts_do_not_write_what_is_read_only);
	RIG_ADD("/devices/regions/sanitize", what_comes_back_to_such_a_region_is_zeroed);
	RIG_ADD("/devices/regions/sub-page", a_block_smaller_than_a_page_is_zeroed_alone);
	RIG_ADD("/devices/regions/sharable", sharable_capacity_needs_a_tag_and_is_numbered);
	RIG_ADD("/devices/regions/poison", poison_of_non_volatile_capacity_outlives_the_power);
	return g_test_run();
}
