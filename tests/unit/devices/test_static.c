/* SPDX-License-Identifier: Apache-2.0 */
/* Static memory: which properties go together, where the parts lie, and whose bytes they show. */
#include <string.h>

#include "rig.h"

#define MIB(n) ((uint64_t)(n) << 20)
#define DC     ",num-dc-regions=1,dc-regions-total-size=256M"
#define STATIC ",sn=7" /* marks what has dynamic capacity on one backend */

static void backends(Rig *r)
{
	rig_backend(r, "memory-backend-ram,id=v,size=512M");
	rig_backend(r, "memory-backend-ram,id=p,size=256M");
	rig_backend(r, "memory-backend-ram,id=l,size=64K");
	rig_backend(r, "memory-backend-ram,id=odd,size=255M");
	rig_backend(r, "memory-backend-ram,id=huge,size=4G");
}

static CxbHostMem *backend(Rig *r, const char *id)
{
	g_autofree char *path = g_strconcat("/objects/", id, NULL);
	CxbObject *obj = cxb_qom_resolve(r->qom, path, CXB_TYPE_NAME_HOSTMEM, NULL);

	g_assert_nonnull(obj);
	return cxb_hostmem_from_object(obj);
}

static void all_free(Rig *r)
{
	static const char *const ids[] = { "v", "p", "l", "odd", "huge" };

	for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
		g_assert_null(cxb_hostmem_holder(backend(r, ids[i])));
		g_assert_false(cxb_hostmem_mapped(backend(r, ids[i])));
	}
}

static void every_combination_that_is_allowed_is_laid_out(Rig *r, gconstpointer unused)
{
	static const struct {
		const char *props;
		uint64_t volatile_mib, persistent_mib; /* at DPA 0 and behind it */
		uint64_t dc_mib;                       /* base of region 0; 0: none */
	} rows[] = {
		{ "volatile-memdev=v", 512, 0, 0 },
		{ "volatile-memdev=v,lsa=l", 512, 0, 0 },
		{ "persistent-memdev=p,lsa=l", 0, 256, 0 },
		{ "memdev=p,lsa=l", 0, 256, 0 },
		{ "volatile-memdev=v,persistent-memdev=p,lsa=l", 512, 256, 0 },
		{ "volatile-memdev=v,memdev=p,lsa=l", 512, 256, 0 },
		{ "volatile-memdev=v" DC, 512, 0, 512 },
		{ "persistent-memdev=p,lsa=l" DC, 0, 256, 256 },
		{ "volatile-memdev=v,persistent-memdev=p,lsa=l" DC, 512, 256, 768 },
		{ "lsa=l" DC, 0, 0, 0 },
		{ "volatile-dc-memdev=v,num-dc-regions=1" STATIC, 0, 0, 0 },
		{ "volatile-dc-memdev=huge,num-dc-regions=8,persistent-memdev=p,lsa=l" STATIC, 0,
		  256, 256 },
		{ "volatile-memdev=v,volatile-dc-memdev=huge,num-dc-regions=2" STATIC, 512, 0,
		  512 },
		{ "volatile-memdev=v,volatile-dc-memdev=huge", 512, 0, 0 },
	};

	backends(r);
	rig_bridge(r);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = g_strdup_printf("cxl-type3,id=t,bus=rp,%s", rows[i].props);
		const uint64_t end = MIB(rows[i].volatile_mib + rows[i].persistent_mib);
		CxbCxlSegment seg;
		CxbDevice *t;

		g_test_message("%s", text);
		t = &rig_device(r, text)->dev;
		if (rows[i].volatile_mib) {
			g_assert_true(cxb_cxl_endpoint_segment(t, 4096, &seg));
			g_assert_cmphex(seg.dpa, ==, 0);
			g_assert_cmphex(seg.len, ==, MIB(rows[i].volatile_mib));
			g_assert_true(seg.mem == backend(r, "v"));
			g_assert_cmphex(seg.mem_off, ==, 0);
		}
		if (rows[i].persistent_mib) {
			g_assert_true(cxb_cxl_endpoint_segment(t, end - 1, &seg));
			g_assert_cmphex(seg.dpa, ==, MIB(rows[i].volatile_mib));
			g_assert_cmphex(seg.len, ==, MIB(rows[i].persistent_mib));
			g_assert_true(seg.mem == backend(r, "p"));
			g_assert_cmphex(seg.mem_off, ==, 0);
		}
		g_assert_false(cxb_cxl_endpoint_segment(t, end, &seg));
		if (strstr(text, DC) || strstr(text, STATIC))
			g_assert_cmphex(cxb_dc_config(cxb_cxl_type3_dc(t))->regions[0].base, ==,
					MIB(rows[i].dc_mib));
		else
			g_assert_null(cxb_cxl_type3_dc(t));
		if (strstr(text, "lsa=l"))
			g_assert_cmpstr(cxb_hostmem_holder(backend(r, "l")), ==,
					"/machine/peripheral/t");
		cxb_device_remove(t);
		all_free(r);
	}
}

static void every_other_combination_says_what_is_wrong(Rig *r, gconstpointer unused)
{
	static const struct {
		const char *props, *why;
	} rows[] = {
		{ "sn=1", "at least one memdev property must be set" },
		{ "lsa=l", "at least one memdev property must be set" },
		{ "persistent-memdev=p", "lsa property must be set for persistent devices" },
		{ "memdev=p", "lsa property must be set for persistent devices" },
		{ "volatile-memdev=v,persistent-memdev=p",
		  "lsa property must be set for persistent devices" },
		{ "persistent-memdev=p" DC, "lsa property must be set for persistent devices" },
		{ "memdev=v,persistent-memdev=p,lsa=l",
		  "cannot be used with new [persistent-memdev]" },
		{ "volatile-memdev=p,persistent-memdev=p,lsa=l",
		  "memory backend p can't be used multiple times." },
		{ "volatile-memdev=p,memdev=p,lsa=l",
		  "memory backend p can't be used multiple times." },
		{ "persistent-memdev=p,lsa=p", "memory backend p can't be used multiple times." },
		{ "volatile-memdev=v,lsa=v", "memory backend v can't be used multiple times." },
		{ "persistent-memdev=odd,lsa=l", "persistent memory size 0xff00000" },
		{ "volatile-memdev=v,persistent-memdev=odd,lsa=l", "is not a multiple of 256 MiB" },
		{ "volatile-memdev=odd,persistent-memdev=p,lsa=l", "volatile memory size" },
		{ "persistent-memdev=p,lsa=huge", "is not below 4 GiB" },
		{ "volatile-memdev=v,persistent-memdev=p,lsa=l,num-dc-regions=1",
		  "dynamic capacity must have a backing device" },
		{ "volatile-dc-memdev=v", "at least one memdev property must be set" },
		{ "volatile-dc-memdev=huge,num-dc-regions=3",
		  "backend size is not multiple of region len: 0x55555556" },
		{ "volatile-dc-memdev=odd,num-dc-regions=1",
		  "backend size is not multiple of region len: 0xff00000" },
		{ "volatile-dc-memdev=huge,num-dc-regions=9", "num-dc-regions 9 is more than 8" },
		{ "volatile-dc-memdev=v" DC, "are both set" },
		{ "volatile-memdev=v,volatile-dc-memdev=v,num-dc-regions=1",
		  "memory backend v can't be used multiple times." },
		{ "volatile-dc-memdev=v,num-dc-regions=1,persistent-memdev=p",
		  "lsa property must be set for persistent devices" },
	};

	backends(r);
	rig_bridge(r);
	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = g_strdup_printf("cxl-type3,id=t,bus=rp,%s", rows[i].props);

		g_test_message("%s", text);
		rig_refuses(r, text, rows[i].why);
		all_free(r);
		g_assert_cmpuint(r->endpoints, ==, 0);
	}
	rig_device(r, "cxl-type3,id=t,bus=rp,volatile-memdev=v,persistent-memdev=p,lsa=l");
}

/* One backend, cut into regions in order of DPA; it is the device's as long as that is there. */
static void regions_share_one_backend(Rig *r, gconstpointer unused)
{
	const CxbDcConfig *config;
	CxbHostMem *mem;
	CxbDevice *t;

	backends(r);
	mem = backend(r, "huge");
	rig_bridge(r);
	t = &rig_device(r, "cxl-type3,id=t,bus=rp,volatile-memdev=v,volatile-dc-memdev=huge,"
			   "num-dc-regions=4")
		     ->dev;
	config = cxb_dc_config(cxb_cxl_type3_dc(t));
	g_assert_cmpuint(config->n_regions, ==, 4);
	for (unsigned i = 0; i < 4; i++) {
		g_assert_cmphex(config->regions[i].base, ==, MIB(512 + 1024 * i));
		g_assert_cmphex(config->regions[i].len, ==, MIB(1024));
		g_assert_cmphex(config->regions[i].decode_len, ==, MIB(1024));
		g_assert_cmpuint(config->regions[i].dsmad_handle, ==, 1 + i);
	}
	g_assert_cmpstr(cxb_hostmem_holder(mem), ==, "/machine/peripheral/t");
	g_assert_true(cxb_hostmem_mapped(mem));
	g_assert_false(cxb_user_object_del(r->qom, "huge", NULL));
	rig_device(r, "cxl-rp,id=rp2,bus=cxl.1,port=4,chassis=0,slot=3");
	rig_refuses(r, "cxl-type3,id=u,bus=rp2,volatile-dc-memdev=huge,num-dc-regions=1",
		    "memory backend huge can't be used multiple times.");
	cxb_device_remove(t);
	all_free(r);
}

/* Without a tag, a part accepted, a part of that given back: bytes at their own place. */
static void what_is_accepted_shows_its_own_place(Rig *r, gconstpointer unused)
{
	const CxbDcRange range = { MIB(16), MIB(16) };
	const CxbDcDpaRange taken = { MIB(512 + 20), MIB(8) }, back = { MIB(512 + 22), MIB(2) };
	static const uint8_t data[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t got[8];
	CxbCxlSegment seg;
	CxbDevice *t;
	CxbDc *dc;

	backends(r);
	rig_bridge(r);
	t = &rig_device(r, "cxl-type3,id=t,bus=rp,volatile-memdev=v,volatile-dc-memdev=huge,"
			   "num-dc-regions=2")
		     ->dev;
	dc = cxb_cxl_type3_dc(t);
	g_assert_true(cxb_dc_add(
		dc,
		&(CxbDcAddReq){ .policy = CXB_DC_SELECT_PRESCRIPTIVE, .n = 1, .ranges = &range },
		NULL));
	g_assert_cmpint(cxb_dc_add_response(dc, 0, &taken, 1, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	g_assert_false(cxb_cxl_endpoint_write(t, MIB(512 + 20) - 8, data, 8));
	g_assert_true(cxb_cxl_endpoint_write(t, MIB(512 + 22) - 4, data, 8));
	g_assert_true(cxb_hostmem_read(backend(r, "huge"), MIB(22) - 4, got, 8));
	g_assert_cmpmem(got, 8, data, 8);
	g_assert_cmpint(cxb_dc_host_release(dc, 0, &back, 1, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	g_assert_false(cxb_cxl_endpoint_read(t, MIB(512 + 22), got, 1));
	g_assert_true(cxb_cxl_endpoint_segment(t, MIB(512 + 22), &seg));
	g_assert_cmphex(seg.dpa, ==, MIB(512 + 24));
	g_assert_cmphex(seg.mem_off, ==, MIB(24));
	g_assert_cmphex(seg.len, ==, MIB(4));
	g_assert_true(seg.mem == backend(r, "huge"));
}

static void backends_of_one_device_are_refused_to_another(Rig *r, gconstpointer unused)
{
	backends(r);
	rig_bridge(r);
	rig_device(r, "cxl-rp,id=rp2,bus=cxl.1,port=4,chassis=0,slot=3");
	rig_device(r, "cxl-type3,id=t,bus=rp,persistent-memdev=p,lsa=l");
	rig_refuses(r, "cxl-type3,id=u,bus=rp2,persistent-memdev=v,lsa=l",
		    "memory backend l can't be used multiple times.");
	rig_refuses(r, "cxl-type3,id=u,bus=rp2,volatile-memdev=p",
		    "memory backend p can't be used multiple times.");
	g_assert_null(cxb_hostmem_holder(backend(r, "v")));
	g_assert_false(cxb_user_object_del(r->qom, "l", NULL));
}

/* One access may begin in the one part and end in the other; none may go on behind both. */
static void an_access_crosses_from_part_to_part(Rig *r, gconstpointer unused)
{
	static const uint8_t data[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t v[4], p[4], back[8];
	CxbDevice *t;

	backends(r);
	rig_bridge(r);
	t = &rig_device(r, "cxl-type3,id=t,bus=rp,volatile-memdev=v,persistent-memdev=p,lsa=l" DC)
		     ->dev;
	g_assert_true(cxb_cxl_endpoint_write(t, MIB(512) - 4, data, 8));
	g_assert_true(cxb_hostmem_read(backend(r, "v"), MIB(512) - 4, v, 4));
	g_assert_true(cxb_hostmem_read(backend(r, "p"), 0, p, 4));
	g_assert_cmpmem(v, 4, data, 4);
	g_assert_cmpmem(p, 4, data + 4, 4);
	g_assert_true(cxb_cxl_endpoint_read(t, MIB(512) - 4, back, 8));
	g_assert_cmpmem(back, 8, data, 8);

	g_assert_true(cxb_cxl_endpoint_write(t, MIB(768) - 8, data, 8));
	g_assert_true(cxb_hostmem_read(backend(r, "p"), MIB(256) - 8, back, 8));
	g_assert_cmpmem(back, 8, data, 8);
	g_assert_false(cxb_cxl_endpoint_read(t, MIB(768) - 4, back, 8));
	g_assert_false(cxb_cxl_endpoint_write(t, MIB(768), data, 1));
	g_assert_cmpuint(cxb_cxl_type3_missed(t), ==, 2);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	RIG_ADD("/devices/static/allowed", every_combination_that_is_allowed_is_laid_out);
	RIG_ADD("/devices/static/refused", every_other_combination_says_what_is_wrong);
	RIG_ADD("/devices/static/regions", regions_share_one_backend);
	RIG_ADD("/devices/static/own-place", what_is_accepted_shows_its_own_place);
	RIG_ADD("/devices/static/two-devices", backends_of_one_device_are_refused_to_another);
	RIG_ADD("/devices/static/crossing", an_access_crosses_from_part_to_part);
	return g_test_run();
}
