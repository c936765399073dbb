/* SPDX-License-Identifier: Apache-2.0 */
/* What a session serves: a PCI function as vfio-user sees one. */
#ifndef VFIO_USER_TARGET_H
#define VFIO_USER_TARGET_H

#include <glib.h>

#include "vfu/wire.h"

typedef struct {
	uint64_t size; /* 0: there is no such region */
	/* Parts a client may map instead of sending messages; both ways must agree. */
	int fd;                 /* of all of them; -1: nothing can be mapped */
	uint64_t fd_off;        /* where the region begins in the file */
	const GByteArray *caps; /* NULL or empty: none; must live until the next request */
} TargetRegion;

typedef struct {
	uint32_t (*flags)(void *opaque);   /* of the device */
	unsigned (*regions)(void *opaque); /* VFU_REGIONS at least */
	/* Of region @index below VFU_REGIONS; 0: there is none. */
	uint64_t (*size)(void *opaque, unsigned index);
	/* Region @index below that many. */
	void (*region)(void *opaque, unsigned index, TargetRegion *out);
	/* Ranges lie within the region if it is below VFU_REGIONS; of others the target judges. Returns:
	 * how many bytes, or -errno; -ESHUTDOWN: the session is to end instead. */
	int (*read)(void *opaque, unsigned index, uint64_t off, void *buf, size_t len);
	int (*write)(void *opaque, unsigned index, uint64_t off, const void *buf, size_t len);
	/* Interrupts of kind @index below VFU_IRQS. */
	unsigned (*irqs)(void *opaque, unsigned index);
	/* Those have got somebody who listens: what was held back may go. */
	void (*irqs_ready)(void *opaque, unsigned index, unsigned start, unsigned count);
	void (*reset)(void *opaque);
} TargetOps;

#endif
