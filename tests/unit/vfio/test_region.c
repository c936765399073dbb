/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities of a region, good ones and those of a device that means no good. */
#include "vfio/region.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfu/wire.h"

#define FIXED CXB_VFIO_REGION_INFO_LEN
#define SIZE  (UINT64_C(1) << 20)

typedef struct {
	uint8_t bytes[CXB_VFIO_REGION_INFO_MAX + 8];
	size_t len;
	CxbVfioCaps caps;
} Info;

static void begin(Info *info)
{
	memset(info, 0, sizeof(*info));
	info->len = FIXED;
}

/* Append a capability; @next: where it says the next one is, 0 for none, 1 for right behind it. */
static void put_cap(Info *info, uint16_t id, const void *body, size_t len, uint32_t next)
{
	const struct vfu_cap cap = { id, 1,
				     next == 1 ? (uint32_t)(info->len + sizeof(cap) + len) : next };

	memcpy(info->bytes + info->len, &cap, sizeof(cap));
	if (len)
		memcpy(info->bytes + info->len + sizeof(cap), body, len);
	info->len += sizeof(cap) + len;
}

static void put_sparse(Info *info, uint32_t says, const struct vfu_area *areas, unsigned n)
{
	uint8_t body[8 + 64 * sizeof(*areas)] = { 0 };

	g_assert_cmpuint(n, <=, 64);
	memcpy(body, &says, sizeof(says));
	if (n)
		memcpy(body + 8, areas, n * sizeof(*areas));
	put_cap(info, VFU_CAP_SPARSE_MMAP, body, 8 + n * sizeof(*areas), 0);
}

static bool decode(Info *info, uint32_t first, GError **errp)
{
	/* At the end of a block of its own, so that a byte too much is noticed. */
	g_autofree uint8_t *exact = g_memdup2(info->bytes, info->len);

	return cxb_vfio_caps_decode(exact, info->len, first, SIZE, &info->caps, errp);
}

static void refused(Info *info, uint32_t first, const char *why)
{
	static const CxbVfioCaps none;
	g_autoptr(GError) err = NULL;

	g_assert_false(decode(info, first, &err));
	g_assert_nonnull(err);
	if (!strstr(err->message, why))
		g_error("\"%s\" does not say \"%s\"", err->message, why);
	g_assert_cmpmem(&info->caps, sizeof(none), &none, sizeof(none));
}

static void test_none(void)
{
	g_autofree Info *info = g_new(Info, 1);

	begin(info);
	g_assert_true(decode(info, 0, NULL));
	g_assert_false(info->caps.sparse || info->caps.typed || info->caps.comp_regs);
}

static void test_all(void)
{
	const struct vfu_area areas[] = { { 0x8000, 0x1000 }, { 0, 0x2000 }, { 0x2000, 0x3000 } };
	const uint32_t type[] = { 0x80001e98, 2 };
	struct {
		uint32_t bar, reserved;
		uint64_t off;
	} comp = { 4, 0, 0x11000 };
	g_autofree Info *info = g_new(Info, 1);
	g_auto(CxbVfioCaps) caps = { 0 };

	begin(info);
	put_cap(info, 77, "unknown!", 8, 1);
	put_cap(info, VFU_CAP_TYPE, type, sizeof(type), 1);
	put_cap(info, VFU_CAP_MSIX_MAPPABLE, NULL, 0, 1);
	put_cap(info, VFU_CAP_CXL_COMP_REGS, &comp, sizeof(comp), 1);
	put_sparse(info, 3, areas, 3);
	g_assert_true(decode(info, FIXED, NULL));
	caps = info->caps;
	g_assert_true(caps.typed && caps.msix_mappable && caps.comp_regs && caps.sparse);
	g_assert_cmphex(caps.type, ==, 0x80001e98);
	g_assert_cmpuint(caps.subtype, ==, 2);
	g_assert_cmpuint(caps.comp_bar, ==, 4);
	g_assert_cmphex(caps.comp_off, ==, 0x11000);
	g_assert_cmpuint(caps.n_areas, ==, 3);
	g_assert_cmphex(caps.areas[0].off, ==, 0);
	g_assert_cmphex(caps.areas[1].off, ==, 0x2000);
	g_assert_cmphex(caps.areas[2].len, ==, 0x1000);
}

static void test_no_areas(void)
{
	g_autofree Info *info = g_new(Info, 1);
	CxbVfioRegion region = { .size = SIZE, .flags = CXB_VFIO_REGION_MMAP, .fd = 0 };
	CxbVfioArea whole;
	unsigned n;

	begin(info);
	put_sparse(info, 0, NULL, 0);
	g_assert_true(decode(info, FIXED, NULL));
	region.caps = info->caps;
	cxb_vfio_region_areas(&region, &whole, &n);
	g_assert_cmpuint(n, ==, 0);
	region.caps.sparse = false;
	g_assert_cmphex(cxb_vfio_region_areas(&region, &whole, &n)->len, ==, SIZE);
	region.fd = -1; /* it says MMAP, and sends nothing to map */
	cxb_vfio_region_areas(&region, &whole, &n);
	g_assert_cmpuint(n, ==, 0);
}

static void test_bad_lists(void)
{
	g_autofree Info *info = g_new(Info, 1);
	const uint32_t type[] = { 1, 2 };

	begin(info);
	put_cap(info, VFU_CAP_TYPE, type, sizeof(type), FIXED); /* itself */
	refused(info, FIXED, "not behind it");
	begin(info);
	put_cap(info, VFU_CAP_TYPE, type, sizeof(type), 1);
	put_cap(info, 77, NULL, 0, FIXED); /* back */
	refused(info, FIXED, "not behind it");
	begin(info);
	put_cap(info, VFU_CAP_TYPE, type, sizeof(type), FIXED + 4); /* into itself */
	refused(info, FIXED, "not behind it");
	begin(info);
	put_cap(info, 77, type, sizeof(type), UINT32_MAX);
	refused(info, FIXED, "not behind it");
	begin(info);
	put_cap(info, 77, NULL, 0, 1); /* right behind, where nothing is */
	refused(info, FIXED, "outside");
	begin(info);
	put_cap(info, VFU_CAP_TYPE, type, sizeof(type), 1);
	put_cap(info, VFU_CAP_TYPE, type, sizeof(type), 0);
	refused(info, FIXED, "twice");
	begin(info);
	put_cap(info, VFU_CAP_TYPE, type, sizeof(type), 0);
	refused(info, 8, "fixed part");
	refused(info, info->len - 4, "outside");
	refused(info, UINT32_MAX, "outside");
	info->len = CXB_VFIO_REGION_INFO_MAX + 1;
	refused(info, FIXED, "65537 bytes");
}

static void test_cut_short(void)
{
	const uint16_t ids[] = { VFU_CAP_SPARSE_MMAP, VFU_CAP_TYPE, VFU_CAP_CXL_COMP_REGS };
	g_autofree Info *info = g_new(Info, 1);

	for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
		begin(info);
		put_cap(info, ids[i], "1234567", 7, 0);
		refused(info, FIXED, "cut short");
		begin(info);
		put_cap(info, ids[i], "1234567", 7, 1); /* though more follows */
		put_cap(info, 77, "12345678", 8, 0);
		refused(info, FIXED, "cut short");
	}
}

static void test_bad_areas(void)
{
	static const struct {
		struct vfu_area areas[2];
		const char *why;
	} bad[] = {
		{ { { 0x800, 0x1000 }, { 0x4000, 0x1000 } }, "whole pages" },
		{ { { 0, 0x1001 }, { 0x4000, 0x1000 } }, "whole pages" },
		{ { { 0, 0 }, { 0x4000, 0x1000 } }, "whole pages" },
		{ { { SIZE, 0x1000 }, { 0, 0x1000 } }, "whole pages" },
		{ { { SIZE - 0x1000, 0x2000 }, { 0, 0x1000 } }, "whole pages" },
		{ { { UINT64_MAX - 0xfff, 0x2000 }, { 0, 0x1000 } }, "whole pages" },
		{ { { 0x1000, UINT64_MAX - 0xfff }, { 0, 0x1000 } }, "whole pages" },
		{ { { 0x2000, 0x2000 }, { 0x1000, 0x2000 } }, "overlap" },
		{ { { 0x2000, 0x2000 }, { 0x2000, 0x2000 } }, "overlap" },
	};
	g_autofree Info *info = g_new(Info, 1);

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		begin(info);
		put_sparse(info, 2, bad[i].areas, 2);
		refused(info, FIXED, bad[i].why);
	}
	begin(info);
	put_sparse(info, 3, bad[0].areas, 2); /* one more than there is */
	refused(info, FIXED, "more than it can have");
	begin(info);
	put_sparse(info, UINT32_MAX, bad[0].areas, 2);
	refused(info, FIXED, "more than it can have");
	begin(info);
	put_sparse(info, CXB_VFIO_AREAS_MAX + 1, NULL, 0);
	info->len += (CXB_VFIO_AREAS_MAX + 1) * sizeof(struct vfu_area);
	refused(info, FIXED, "more than it can have");
}

static void test_bad_comp_regs(void)
{
	static const struct {
		uint32_t bar, reserved;
		uint64_t off;
	} bad[] = { { 6, 0, 0 }, { UINT32_MAX, 0, 0 }, { 0, 0, 2 } };
	g_autofree Info *info = g_new(Info, 1);

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		begin(info);
		put_cap(info, VFU_CAP_CXL_COMP_REGS, &bad[i], sizeof(bad[i]), 0);
		refused(info, FIXED, "no place for registers");
	}
}

/* A list as long as there is room for ends, too. */
static void test_long(void)
{
	g_autofree Info *info = g_new(Info, 1);

	begin(info);
	while (info->len + 16 < CXB_VFIO_REGION_INFO_MAX)
		put_cap(info, 77, NULL, 0, 1);
	put_cap(info, 77, NULL, 0, 0);
	g_assert_true(decode(info, FIXED, NULL));
}

static void fd_refused(CxbVfioRegion *region, const char *why)
{
	g_autoptr(GError) err = NULL;

	g_assert_false(cxb_vfio_region_check_fd(region, &err));
	g_assert_nonnull(strstr(err->message, why));
}

static void test_fd(void)
{
	CxbVfioArea area = { 0x1000, 0x1000 };
	CxbVfioRegion region = { .size = 0x4000,
				 .flags = CXB_VFIO_REGION_MMAP,
				 .caps = { .sparse = true, .areas = &area, .n_areas = 1 } };
	int fds[2];

	region.fd = memfd_create("region", MFD_CLOEXEC);
	g_assert_cmpint(ftruncate(region.fd, 0x3000), ==, 0);
	g_assert_true(cxb_vfio_region_check_fd(&region, NULL));
	region.fd_off = 0x1000;
	g_assert_true(cxb_vfio_region_check_fd(&region, NULL));
	region.fd_off = 0x2000;
	fd_refused(&region, "ends before 0x2000+0x2000");
	region.fd_off = UINT64_MAX - 0xfff;
	fd_refused(&region, "ends before");
	region.fd_off = 0x800;
	fd_refused(&region, "not that of a page");
	region.fd_off = 0;
	region.caps = (CxbVfioCaps){ 0 }; /* all of it */
	fd_refused(&region, "ends before 0x0+0x4000");
	region.flags = 0; /* nothing is to be mapped */
	g_assert_true(cxb_vfio_region_check_fd(&region, NULL));
	close(region.fd);

	region.flags = CXB_VFIO_REGION_MMAP;
	g_assert_cmpint(pipe(fds), ==, 0);
	region.fd = fds[0];
	fd_refused(&region, "not one of memory");
	close(fds[0]);
	close(fds[1]);
	fd_refused(&region, "cannot look");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vfio/region/none", test_none);
	g_test_add_func("/vfio/region/all", test_all);
	g_test_add_func("/vfio/region/no-areas", test_no_areas);
	g_test_add_func("/vfio/region/bad-lists", test_bad_lists);
	g_test_add_func("/vfio/region/cut-short", test_cut_short);
	g_test_add_func("/vfio/region/bad-areas", test_bad_areas);
	g_test_add_func("/vfio/region/bad-comp-regs", test_bad_comp_regs);
	g_test_add_func("/vfio/region/long", test_long);
	g_test_add_func("/vfio/region/fd", test_fd);
	return g_test_run();
}
