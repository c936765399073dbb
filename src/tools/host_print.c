/* SPDX-License-Identifier: Apache-2.0 */
#include "host_print.h"

#include <inttypes.h>
#include <stdio.h>

static const char *bdf_text(uint16_t bdf, char buf[16])
{
	g_snprintf(buf, 16, "%02x:%02x.%x", bdf >> 8, bdf >> 3 & 31, bdf & 7);
	return buf;
}

static void print_windows(const CxbHost *host)
{
	const CxbHostWindow *w;
	const unsigned n = cxb_host_windows(host, &w);

	for (unsigned i = 0; i < n; i++) {
		printf("window %u: hpa 0x%" PRIx64 " size 0x%" PRIx64
		       " granularity %u restrictions 0x%x targets",
		       i, w[i].base, w[i].size, w[i].granularity, w[i].restrictions);
		for (unsigned t = 0; t < w[i].ways; t++)
			printf(" %u", w[i].targets[t]);
		printf("\n");
	}
}

static void print_functions(const CxbHost *host)
{
	const CxbHostFunction *f;
	const unsigned n = cxb_host_functions(host, &f);
	char bdf[16];

	for (unsigned i = 0; i < n; i++)
		printf("function %*s%s %s %04x:%04x class %06x\n", 2 * f[i].depth, "",
		       bdf_text(f[i].bdf, bdf), f[i].role, f[i].vendor, f[i].device,
		       f[i].class_code);
}

static void print_memdevs(const CxbHost *host)
{
	const CxbHostMemdev *md;
	const unsigned n = cxb_host_memdevs(host, &md);
	char bdf[16];

	for (unsigned i = 0; i < n; i++)
		printf("memdev mem%u: %s serial 0x%" PRIx64 " static 0x%" PRIx64
		       " dc-regions %u firmware '%s'\n",
		       md[i].memdev, bdf_text(md[i].bdf, bdf), md[i].serial, md[i].static_size,
		       md[i].dc_regions, md[i].firmware);
}

static void print_regions(const CxbHost *host)
{
	const CxbHostRegion *r;
	const unsigned n = cxb_host_regions(host, &r);

	for (unsigned i = 0; i < n; i++) {
		printf("region mem%u ", r[i].memdev);
		if (r[i].is_static)
			printf("static: ");
		else
			printf("dc%u: ", r[i].region);
		printf("dpa 0x%" PRIx64 " len 0x%" PRIx64, r[i].dpa, r[i].len);
		if (!r[i].is_static)
			printf(" block 0x%" PRIx64, r[i].block_size);
		if (r[i].mapped)
			printf(" hpa 0x%" PRIx64 " decoder %u\n", r[i].hpa, r[i].decoder);
		else
			printf(" not mapped\n");
	}
}

static void print_accelerators(const CxbHost *host)
{
	const CxbHostAccel *a;
	const unsigned n = cxb_host_accels(host, &a);
	char bdf[16];

	for (unsigned i = 0; i < n; i++)
		printf("accelerator %s: %04x:%04x hpa 0x%" PRIx64 " len 0x%" PRIx64
		       " decoder %u%s\n",
		       bdf_text(a[i].bdf, bdf), a[i].vendor, a[i].device, a[i].hpa, a[i].len,
		       a[i].decoder,
		       a[i].usable   ? ""
		       : a[i].mapped ? " not usable"
				     : " not mapped");
}

void cxb_host_print_extents(const CxbHost *host)
{
	g_autoptr(GArray) all = cxb_host_extents(host);
	char tag[CXB_UUID_STRLEN + 1];

	for (guint i = 0; i < all->len; i++) {
		const CxbHostExtent *e = &g_array_index(all, CxbHostExtent, i);

		printf("extent mem%u dc%u: dpa 0x%" PRIx64 " len 0x%" PRIx64 " tag %s seq %u",
		       e->memdev, e->region, e->dpa, e->len, cxb_uuid_format(&e->tag, tag), e->seq);
		if (e->hpa)
			printf(" hpa 0x%" PRIx64, e->hpa);
		printf(" %s\n", cxb_host_extent_state_name(e->state));
	}
}

void cxb_host_print(const CxbHost *host)
{
	print_windows(host);
	print_functions(host);
	print_memdevs(host);
	print_regions(host);
	print_accelerators(host);
	cxb_host_print_extents(host);
}
