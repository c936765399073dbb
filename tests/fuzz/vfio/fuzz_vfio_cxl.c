/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CXL device that says anything of itself, answers its registers with anything, and fails when it
 * likes; and a guest that accesses them at random. Input: four bytes (flags, regions, access that
 * fails, BAR), two regions of eight bytes, 200h bytes of configuration space from 100h on, 100h of
 * registers; the rest is what the guest does, eight bytes each.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <glib.h>

#include "base/bytes.h"
#include "base/range.h"
#include "base/rdwr.h"
#include "fuzz.h"
#include "vfio/cxl.h"

#define UNIT   CXB_HDM_UNIT
#define CONFIG 0x300
#define OPS    256

typedef struct {
	CxbVfioDevice dev; /* first */
	const uint8_t *regions;
	uint8_t regs[0x100];
	unsigned accesses, fail_at;
	uint64_t size[2]; /* of the regions, as told */
	bool absorbs;
	int fd;
} World;

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* A byte each: flags, type, size, kinds of capabilities, BAR; two of offset, one of areas. */
static bool world_region(CxbVfioDevice *dev, unsigned index, CxbVfioRegion *out, GError **errp)
{
	World *w = (World *)dev;
	const uint8_t *r = w->regions + 8 * (index % 2);

	*out = (CxbVfioRegion){ .fd = -1 };
	if (index > CXB_VFIO_REGIONS_FIXED + 1)
		return true;
	out->flags = r[0];
	out->size = r[2] & 0x80 ? (uint64_t)(r[2] & 0x7f) << 2 : r[2] * (UNIT / 2);
	out->caps = (CxbVfioCaps){
		.typed = r[3] & 1,
		.type = CXB_VFIO_TYPE_CXL,
		.subtype = r[1] & 3,
		.comp_regs = r[3] & 2,
		.comp_bar = r[4] % CXB_VFIO_ROM,
		.comp_off = le_load(r + 5, 2) * 4,
		.sparse = r[3] & 4,
	};
	if (r[3] & 8)
		out->fd = fcntl(w->fd, F_DUPFD_CLOEXEC, 0);
	w->size[index % 2] = out->size;
	return true;
}

static int next(World *w, unsigned region, uint64_t off, size_t len)
{
	must(len == 4 && off % 4 == 0 && cxb_range_in(off, len, w->size[region % 2]));
	return ++w->accesses == w->fail_at ? EIO : 0;
}

static int world_read(CxbVfioDevice *dev, unsigned region, uint64_t off, void *buf, size_t len)
{
	World *w = (World *)dev;
	const int err = next(w, region, off, len);

	if (!err)
		memcpy(buf, w->regs + off % sizeof(w->regs), len);
	return err;
}

/* Taken as it is, or not at all. */
static int world_write(CxbVfioDevice *dev, unsigned region, uint64_t off, const void *buf,
		       size_t len)
{
	World *w = (World *)dev;
	const int err = next(w, region, off, len);

	must(!w->absorbs);
	if (!err && w->fail_at % 2)
		memcpy(w->regs + off % sizeof(w->regs), buf, len);
	return err;
}

static const CxbVfioOps ops = { .region = world_region, .read = world_read, .write = world_write };

static void tell(void *opaque, const char *text)
{
	must(*text);
}

static void range_ok(const CxbVfioCxl *cxl)
{
	uint64_t base, size;

	if (cxb_vfio_cxl_range(cxl, &base, &size))
		must(base % UNIT == 0 && size && size % UNIT == 0 && size <= cxl->memory.size &&
		     cxb_range_valid(base, size));
}

static void start(CxbVfioCxl *cxl, const uint8_t *p)
{
	GError *err = NULL;
	uint64_t base, size;
	bool unlocked;

	if (cxb_vfio_cxl_start(cxl, UNIT * le_load(p, 4), &unlocked, &err)) {
		must(cxb_vfio_cxl_range(cxl, &base, &size) == cxl->committed);
		return;
	}
	must(err && !cxb_vfio_cxl_range(cxl, &base, &size));
	g_error_free(err);
}

static void guest(CxbVfioCxl *cxl, const uint8_t *p)
{
	const unsigned size = 1u << (p[0] >> 2 & 3);
	const uint64_t off = le_load(p + 1, 2) / size * size;
	uint64_t val;
	bool moved = false;

	switch (p[0] & 3) {
	case 0:
		if (cxb_vfio_cxl_read(cxl, off, size, &val))
			must(val == UINT64_MAX >> (64 - 8 * size));
		break;
	case 1:
		if (cxb_vfio_cxl_write(cxl, off, size, le_load(p + 3, 5), &moved) == EINVAL)
			must(!moved);
		break;
	case 2:
		cxb_vfio_cxl_stop(cxl);
		must(!cxb_vfio_cxl_range(cxl, &val, &val));
		break;
	default:
		start(cxl, p + 1);
	}
	range_ok(cxl);
}

static void run(World *w, CxbRd *in, const uint8_t *config, const uint64_t *bars)
{
	CxbVfioCxl *cxl = NULL;
	GError *err = NULL;
	const uint8_t *p;

	if (!cxb_vfio_cxl_open(&w->dev, config, CONFIG, bars, tell, NULL, &cxl, &err)) {
		must(err && !cxl);
		g_error_free(err);
		return;
	}
	if (!cxl)
		return;
	must(cxb_range_in(cxl->bar_off, cxl->len, bars[cxl->bar]) && cxl->memory.fd >= 0 &&
	     cxl->memory.size % UNIT == 0);
	w->absorbs = cxl->policy == CXB_VFIO_CXL_ABSORBED;
	for (unsigned i = 0; i < OPS && (p = cxb_rd_take(in, 8)); i++)
		guest(cxl, p);
	cxb_vfio_cxl_free(cxl);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CxbRd in = { data, size };
	const uint8_t *head = cxb_rd_take(&in, 4), *regions = cxb_rd_take(&in, 16);
	uint8_t config[CONFIG] = { 0 };
	uint64_t bars[CXB_VFIO_ROM];
	World w = { .dev.ops = &ops, .regions = regions };

	if (!head || !regions || !cxb_rd_copy(&in, config + 0x100, sizeof(config) - 0x100) ||
	    !cxb_rd_copy(&in, w.regs, sizeof(w.regs)))
		return 0;
	w.dev.info.flags = head[0] & 1 ? CXB_VFIO_DEVICE_PCI : CXB_VFIO_DEVICE_CXL;
	w.dev.info.n_regions = CXB_VFIO_REGIONS_FIXED + head[1] % 8;
	w.fail_at = head[2];
	for (unsigned i = 0; i < CXB_VFIO_ROM; i++)
		bars[i] = (uint64_t)head[3] << 12;
	w.fd = memfd_create("memory", MFD_CLOEXEC);
	if (w.fd < 0 || ftruncate(w.fd, 4 * UNIT))
		return 0;
	run(&w, &in, config, bars);
	close(w.fd);
	return 0;
}
