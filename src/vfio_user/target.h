/* SPDX-License-Identifier: Apache-2.0 */
/* What a session serves: a PCI function as vfio-user sees one. */
#ifndef VFIO_USER_TARGET_H
#define VFIO_USER_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfu/wire.h"

typedef struct {
	uint64_t size; /* 0: there is no such region */
	/* Parts a client may map instead of sending messages; both ways must agree. */
	int fd; /* of all areas, at fd_off + area.offset; -1: nothing can be mapped */
	uint64_t fd_off;
	const struct vfu_area *areas;
	unsigned n_areas;
} TargetRegion;

typedef struct {
	/* Region @index below VFU_REGIONS. */
	void (*region)(void *opaque, unsigned index, TargetRegion *out);
	/* Ranges lie within the region. False: the access failed. */
	bool (*read)(void *opaque, unsigned index, uint64_t off, void *buf, size_t len);
	bool (*write)(void *opaque, unsigned index, uint64_t off, const void *buf, size_t len);
	/* Interrupts of kind @index below VFU_IRQS. */
	unsigned (*irqs)(void *opaque, unsigned index);
	/* Those have got somebody who listens: what was held back may go. */
	void (*irqs_ready)(void *opaque, unsigned index, unsigned start, unsigned count);
	void (*reset)(void *opaque);
} TargetOps;

#endif
