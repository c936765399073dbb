/* SPDX-License-Identifier: Apache-2.0 */
#include "dma.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/ivmap.h"
#include "base/range.h"
#include "base/trace.h"

#define PAGE 4096u

CXB_TRACE(vfio_user_dma, (const char *what, uint64_t address, uint64_t size, int rc),
	  "%s 0x%" PRIx64 " size 0x%" PRIx64 " rc %d", what, address, size, rc)

struct DmaMap {
	CxbIvMap *ranges;
	size_t max;
};

DmaMap *dma_new(size_t max)
{
	DmaMap *dma = g_new0(DmaMap, 1);

	dma->ranges = cxb_ivmap_new(NULL);
	dma->max = max;
	return dma;
}

void dma_free(DmaMap *dma)
{
	cxb_ivmap_free(dma->ranges);
	g_free(dma);
}

size_t dma_count(const DmaMap *dma)
{
	return cxb_ivmap_count(dma->ranges);
}

/* The file has all of the range, and may be used as the flags say. */
static int check_file(const struct vfu_dma_map *map, int fd)
{
	const int mode = fcntl(fd, F_GETFL);
	struct stat st;

	if (mode < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return EINVAL;
	if (map->offset % PAGE || !cxb_range_in(map->offset, map->size, st.st_size))
		return EINVAL;
	if ((mode & O_ACCMODE) == O_WRONLY ||
	    ((map->flags & VFU_DMA_WRITEABLE) && (mode & O_ACCMODE) == O_RDONLY))
		return EACCES;
	return 0;
}

static int add(DmaMap *dma, const struct vfu_dma_map *map, int fd)
{
	int rc = 0;

	if (map->flags & ~(VFU_DMA_READABLE | VFU_DMA_WRITEABLE))
		return EINVAL;
	if (!cxb_range_valid(map->address, map->size) || map->address % PAGE || map->size % PAGE)
		return EINVAL;
	if (fd >= 0)
		rc = check_file(map, fd);
	if (rc)
		return rc;
	if (cxb_ivmap_overlap(dma->ranges, map->address, map->size))
		return EEXIST;
	if (cxb_ivmap_count(dma->ranges) >= dma->max)
		return ENOSPC;
	cxb_ivmap_insert(dma->ranges, map->address, map->size, NULL);
	return 0;
}

int dma_add(DmaMap *dma, const struct vfu_dma_map *map, int fd)
{
	const int rc = add(dma, map, fd);

	trace_vfio_user_dma("map", map->address, map->size, rc);
	return rc;
}

/* No range sticks out of (@start, @len). */
static bool cuts_none(const DmaMap *dma, uint64_t start, uint64_t len)
{
	const uint64_t last = start + (len - 1);
	const CxbIv *low = cxb_ivmap_find(dma->ranges, start);
	const CxbIv *high = cxb_ivmap_find(dma->ranges, last);

	return (!low || low->start == start) && (!high || high->start + (high->len - 1) == last);
}

static int remove_range(DmaMap *dma, const struct vfu_dma_unmap *unmap)
{
	const CxbIv *iv;

	if (unmap->flags == VFU_UNMAP_ALL) {
		if (unmap->address || unmap->size)
			return EINVAL;
		cxb_ivmap_clear(dma->ranges);
		return 0;
	}
	if (unmap->flags || !cxb_range_valid(unmap->address, unmap->size) ||
	    !cuts_none(dma, unmap->address, unmap->size))
		return EINVAL;
	while ((iv = cxb_ivmap_overlap(dma->ranges, unmap->address, unmap->size)))
		cxb_ivmap_remove(dma->ranges, iv->start);
	return 0;
}

int dma_remove(DmaMap *dma, const struct vfu_dma_unmap *unmap)
{
	const int rc = remove_range(dma, unmap);

	trace_vfio_user_dma("unmap", unmap->address, unmap->size, rc);
	return rc;
}
