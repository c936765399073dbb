/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client lets the device reach of its memory. No device here reads or writes a guest's memory
 * of its own accord (interrupts are eventfds), so ranges are checked and kept, and descriptors are
 * not held on to.
 */
#ifndef VFIO_USER_DMA_H
#define VFIO_USER_DMA_H

#include <stddef.h>

#include "vfu/wire.h"

typedef struct DmaMap DmaMap;

DmaMap *dma_new(size_t max); /* @max: ranges there may be */
void dma_free(DmaMap *dma);
size_t dma_count(const DmaMap *dma);
/** dma_add() - A range; @fd: the file that has it, or -1. Returns: errno. */
int dma_add(DmaMap *dma, const struct vfu_dma_map *map, int fd);
/**
 * dma_remove() - Forget what lies in a range, which need not be what was mapped: a client behind an
 * IOMMU unmaps large ranges without looking. Returns: errno; EINVAL if it would cut a range in two.
 */
int dma_remove(DmaMap *dma, const struct vfu_dma_unmap *unmap);

#endif
