/* SPDX-License-Identifier: Apache-2.0 */
#include "served.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/range.h"
#include "vfio/cxl.h"

#define HDM_IN_ARRAY 0x128u  /* as world.c commits decoders */
#define DECODERS     0x30u   /* bytes of one decoder and what is before it */
#define BLOCK        0x1000u /* of cache/mem registers in BAR 0 */
#define MSIX_TABLE   0x800u
#define ACCESS_MAX   64u

#define RW   (VFU_REGION_READABLE | VFU_REGION_WRITEABLE)
#define MEM  9u
#define REGS 10u

/* --- an accelerator as it should be --- */

static void put(uint8_t *at, unsigned off, unsigned n, uint64_t val)
{
	le_store(at + off, n, val);
}

static void make_config(Model *m, unsigned kind)
{
	uint8_t *c = m->config;

	put(c, 0x00, 4, 0xc2c21234);
	put(c, 0x06, 2, 0x10);
	put(c, 0x0a, 2, 0x0302);
	put(c, 0x10, 4, 4); /* BAR 0 and 2: 64 bits */
	put(c, 0x18, 4, 4);
	put(c, 0x34, 1, 0x40);
	if (kind & MODEL_MSI) {
		put(c, 0x40, 4, 0x00840005 | 0x80 << 8); /* 4 vectors, 64 bits */
	} else {
		put(c, 0x40, 4, 0x00030011 | 0x80 << 8);
		put(c, 0x44, 4, MSIX_TABLE | 2);
		put(c, 0x48, 4, (MSIX_TABLE + 0x100) | 2);
	}
	put(c, 0x80, 4, 0x00020010);
	put(c, 0x84, 4, 0x10000000);
	put(c, 0x100, 4, 0x14010023);
	put(c, 0x104, 4, 0x03c01e98);
	put(c, 0x10a, 4, 0x000600d7);
	put(c, 0x140, 4, 0x00010023);
	put(c, 0x144, 4, 0x01401e98);
	put(c, 0x148, 2, 8);
	put(c, 0x14c, 4, 0x100);
}

/* Capabilities of a region behind the fixed part: type; where component registers are. */
static void add_type(ModelRegion *r, uint32_t type, unsigned subtype, bool more)
{
	put(r->caps, 0, 2, VFU_CAP_TYPE);
	put(r->caps, 2, 2, 1);
	put(r->caps, 4, 4, more ? 48 : 0);
	put(r->caps, 8, 4, type);
	put(r->caps, 12, 4, subtype);
	r->n_caps = 16;
	r->cap_offset = 32;
	r->flags |= VFU_REGION_CAPS;
}

static void add_place(ModelRegion *r)
{
	put(r->caps, 16, 2, VFU_CAP_CXL_COMP_REGS);
	put(r->caps, 18, 2, 1);
	put(r->caps, 32, 8, BLOCK + HDM_IN_ARRAY);
	r->n_caps = 40;
}

static void make_regions(Model *m, unsigned kind)
{
	ModelRegion *r = m->regions;

	r[0] = (ModelRegion){ .flags = RW, .size = 0x10000 };
	r[2] = (ModelRegion){ .flags = RW, .size = 0x1000 };
	r[4] = (ModelRegion){ .flags = RW | VFU_REGION_MMAP, .size = MODEL_BAR, .file = FILE_BAR };
	r[VFU_REGION_CONFIG] = (ModelRegion){ .flags = RW, .size = sizeof(m->config) };
	if (kind & MODEL_PLAIN && kind & MODEL_MESSAGES) {
		r[MEM] = (ModelRegion){ .flags = RW, .size = UINT64_C(1) << 52 };
		add_type(&r[MEM], CXB_VFIO_TYPE_CXLBOX, CXB_VFIO_SUBTYPE_HPA, false);
	}
	if (kind & MODEL_PLAIN)
		return;
	r[MEM] = (ModelRegion){ .flags = RW | VFU_REGION_MMAP,
				.size = MODEL_MEMORY,
				.file = FILE_MEMORY };
	add_type(&r[MEM], CXB_VFIO_TYPE_CXL, CXB_VFIO_SUBTYPE_CXL_MEM, false);
	r[REGS] = (ModelRegion){ .flags = RW, .size = m->hdm + DECODERS };
	add_type(&r[REGS], CXB_VFIO_TYPE_CXL, CXB_VFIO_SUBTYPE_COMP_REGS, m->absorbs);
	if (m->absorbs)
		add_place(&r[REGS]);
}

static void make_regs(Model *m, unsigned kind)
{
	uint8_t *hdm;

	m->absorbs = kind & MODEL_ABSORBS;
	m->stubborn = kind & MODEL_STUBBORN;
	m->hdm = m->absorbs ? 0 : HDM_IN_ARRAY;
	hdm = m->fresh + m->hdm;
	if (!m->absorbs) {
		put(m->fresh, 0, 4, 0x02110001);
		put(m->fresh, 4, 4, 0x10020002);
		put(m->fresh, 8, 4, HDM_IN_ARRAY << 20 | 0x10005);
	}
	put(hdm, 4, 4, 2);
	if (kind & MODEL_UNCOMMITTED)
		return;
	put(hdm, 0x14, 4, m->absorbs ? 0x20 : 0);
	put(hdm, 0x18, 8, MODEL_MEMORY);
	put(hdm, 0x20, 4, m->absorbs ? 0x700 : 0x600);
}

static void make_files(Model *m)
{
	int ends[2];

	m->files[FILE_NONE] = -1;
	m->files[FILE_MEMORY] = memfd_create("memory", MFD_CLOEXEC);
	m->files[FILE_BAR] = memfd_create("bar", MFD_CLOEXEC);
	m->files[FILE_SMALL] = memfd_create("small", MFD_CLOEXEC);
	if (ftruncate(m->files[FILE_MEMORY], MODEL_MEMORY) ||
	    ftruncate(m->files[FILE_BAR], MODEL_BAR) || ftruncate(m->files[FILE_SMALL], 0x1000) ||
	    pipe2(ends, O_CLOEXEC))
		abort();
	m->files[FILE_PIPE] = ends[1];
	m->pipe_out = ends[0];
	m->files[FILE_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
	m->files[FILE_EVENT] = eventfd(0, EFD_CLOEXEC);
}

void model_init(Model *m, unsigned kind)
{
	const unsigned irqs = kind & MODEL_MSI ? VFU_IRQ_MSI : VFU_IRQ_MSIX;

	*m = (Model){ 0 };
	m->info = (struct vfu_info){ sizeof(m->info),
				     3 | (kind & MODEL_PLAIN ? 0 : CXB_VFIO_DEVICE_CXL), REGS + 1,
				     VFU_IRQS };
	for (unsigned i = 0; i < VFU_IRQS; i++)
		m->irqs[i] = (struct vfu_irq_info){ sizeof(m->irqs[i]), 0, i, 0 };
	m->irqs[irqs].flags = VFU_IRQ_EVENTFD;
	m->irqs[irqs].count = 4;
	make_config(m, kind);
	make_regs(m, kind);
	make_regions(m, kind);
	make_files(m);
	memcpy(m->regs, m->fresh, sizeof(m->regs));
}

void model_fini(Model *m)
{
	for (unsigned i = 1; i < FILES; i++)
		close(m->files[i]);
	close(m->pipe_out);
}

/* --- what it answers --- */

static void reset(Model *m)
{
	memcpy(m->regs, m->fresh, sizeof(m->regs));
}

static int version(const Model *m, GByteArray *out)
{
	static const char good[] = "\0\0\1\0{\"capabilities\":{\"max_msg_fds\":2}}";

	g_byte_array_append(out, m->version ?: (const void *)good,
			    m->version ? m->version_len : sizeof(good));
	return 0;
}

static int region(const Model *m, const uint8_t *body, size_t len, GByteArray *out, unsigned *file)
{
	static const ModelRegion none;
	const ModelRegion *r = &none;
	struct vfu_region_info info;

	if (len < sizeof(info))
		return EINVAL;
	memcpy(&info, body, sizeof(info));
	if (info.index < MODEL_REGIONS)
		r = &m->regions[info.index];
	info.argsz = sizeof(info) + r->n_caps;
	info.flags = r->flags;
	info.cap_offset = r->cap_offset;
	info.size = r->size;
	info.offset = r->offset;
	g_byte_array_append(out, (const void *)&info, sizeof(info));
	g_byte_array_append(out, r->caps, r->n_caps);
	*file = r->file % FILES;
	return 0;
}

static int irq(const Model *m, const uint8_t *body, size_t len, GByteArray *out)
{
	struct vfu_irq_info info;

	if (len < sizeof(info))
		return EINVAL;
	memcpy(&info, body, sizeof(info));
	if (info.index >= VFU_IRQS)
		return EINVAL;
	g_byte_array_append(out, (const void *)&m->irqs[info.index], sizeof(info));
	return 0;
}

/* Where the bytes of an access are; NULL: nowhere. */
static uint8_t *place(Model *m, const struct vfu_region_access *a)
{
	if (a->region == VFU_REGION_CONFIG && cxb_range_in(a->offset, a->count, sizeof(m->config)))
		return m->config + a->offset;
	if ((a->region < VFU_REGION_ROM || a->region == MEM) && a->count <= ACCESS_MAX)
		return m->bar + a->offset % (sizeof(m->bar) - ACCESS_MAX);
	if (a->region == REGS && cxb_range_in(a->offset, a->count, sizeof(m->regs)))
		return m->regs + a->offset;
	return NULL;
}

/* What is written has a meaning in a few places. */
static void written(Model *m, const struct vfu_region_access *a, const uint8_t *data)
{
	const bool config = a->region == VFU_REGION_CONFIG;

	if (config &&
	    ((cxb_range_within(0x110, 1, a->offset, a->count) && data[0x110 - a->offset] & 4) ||
	     (cxb_range_within(0x89, 1, a->offset, a->count) && data[0x89 - a->offset] & 0x80)))
		reset(m);
	if (a->region == REGS && a->offset == m->hdm + 0x20 && a->count == 4) {
		uint8_t *ctrl = m->regs + a->offset;

		put(ctrl, 0, 4,
		    (le_load(ctrl, 4) & ~0xc00u) | (data[1] & 2 && !m->stubborn ? 0x400 : 0));
	}
}

static int region_access(Model *m, unsigned command, const uint8_t *body, size_t len,
			 GByteArray *out)
{
	const bool write = command == VFU_REGION_WRITE;
	struct vfu_region_access a;
	uint8_t *at;

	if (len < sizeof(a))
		return EINVAL;
	memcpy(&a, body, sizeof(a));
	if (!a.count || len != sizeof(a) + (write ? a.count : 0))
		abort(); /* the client said it */
	at = place(m, &a);
	if (!at)
		return EINVAL;
	g_byte_array_append(out, body, sizeof(a));
	if (!write) {
		g_byte_array_append(out, at, a.count);
		return 0;
	}
	if (a.region != REGS || !m->absorbs)
		memcpy(at, body + sizeof(a), a.count);
	written(m, &a, body + sizeof(a));
	return 0;
}

int model_answer(Model *m, unsigned command, const uint8_t *body, size_t len, GByteArray *out,
		 unsigned *file)
{
	switch (command) {
	case VFU_VERSION:
		reset(m);
		return version(m, out);
	case VFU_GET_INFO:
		g_byte_array_append(out, (const void *)&m->info, sizeof(m->info));
		return 0;
	case VFU_GET_REGION_INFO:
		return region(m, body, len, out, file);
	case VFU_GET_IRQ_INFO:
		return irq(m, body, len, out);
	case VFU_REGION_READ:
	case VFU_REGION_WRITE:
		return region_access(m, command, body, len, out);
	case VFU_RESET:
		reset(m);
		return 0;
	case VFU_SET_IRQS:
	case VFU_DMA_MAP:
	case VFU_DMA_UNMAP:
		return 0;
	default:
		abort(); /* nothing else is asked */
	}
}
