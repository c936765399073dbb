/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vfio-user messages. Every integer is in host order, as both ends are on one machine; bodies start
 * at any address, so they are copied out before they are looked at.
 */
#ifndef CXB_VFU_WIRE_H
#define CXB_VFU_WIRE_H

#include <stdint.h>

enum {
	VFU_VERSION = 1,
	VFU_DMA_MAP = 2,
	VFU_DMA_UNMAP = 3,
	VFU_GET_INFO = 4,
	VFU_GET_REGION_INFO = 5,
	VFU_GET_REGION_IO_FDS = 6,
	VFU_GET_IRQ_INFO = 7,
	VFU_SET_IRQS = 8,
	VFU_REGION_READ = 9,
	VFU_REGION_WRITE = 10,
	VFU_DMA_READ = 11,
	VFU_DMA_WRITE = 12,
	VFU_RESET = 13,
	VFU_REGION_WRITE_MULTI = 15,
	VFU_COMMANDS
};

#define VFU_MAJOR 0
#define VFU_MINOR 2 /* the highest known; no difference between minors is defined */

/* Header flags. */
#define VFU_TYPE         0x0fu
#define VFU_TYPE_COMMAND 0u
#define VFU_TYPE_REPLY   1u
#define VFU_NO_REPLY     0x10u
#define VFU_ERROR        0x20u

struct vfu_header {
	uint16_t id, command;
	uint32_t size; /* of the whole message */
	uint32_t flags;
	uint32_t error; /* errno */
};

struct vfu_version {
	uint16_t major, minor;
}; /* then JSON, its NUL included */

/* The defaults of capabilities that a peer does not name. */
#define VFU_DATA_DEFAULT     1048576u
#define VFU_FDS_DEFAULT      1u
#define VFU_PGSIZES_DEFAULT  4096u
#define VFU_DMA_MAPS_DEFAULT 65535u

#define VFU_DMA_READABLE  1u
#define VFU_DMA_WRITEABLE 2u

struct vfu_dma_map {
	uint32_t argsz, flags;
	uint64_t offset, address, size;
};

#define VFU_UNMAP_ALL 2u

struct vfu_dma_unmap {
	uint32_t argsz, flags;
	uint64_t address, size;
};

#define VFU_INFO_RESET 1u
#define VFU_INFO_PCI   2u

struct vfu_info {
	uint32_t argsz, flags, num_regions, num_irqs;
};

/* Regions of a PCI device. */
enum { VFU_REGION_BAR0 = 0, VFU_REGION_ROM = 6, VFU_REGION_CONFIG = 7, VFU_REGIONS = 9 };

#define VFU_REGION_READABLE  1u
#define VFU_REGION_WRITEABLE 2u
#define VFU_REGION_MMAP      4u
#define VFU_REGION_CAPS      8u

struct vfu_region_info {
	uint32_t argsz, flags, index, cap_offset;
	uint64_t size, offset;
};

#define VFU_CAP_SPARSE_MMAP   1
#define VFU_CAP_TYPE          2
#define VFU_CAP_MSIX_MAPPABLE 3
#define VFU_CAP_CXL_COMP_REGS 6

struct vfu_cap {
	uint16_t id, version;
	uint32_t next;
};

struct vfu_sparse {
	struct vfu_cap cap;
	uint32_t nr_areas, reserved;
}; /* then the areas */

struct vfu_area {
	uint64_t offset, size;
};

/* Behind the header of VFU_CAP_CXL_COMP_REGS. */
struct vfu_comp_regs {
	uint32_t bar, reserved;
	uint64_t offset; /* in the BAR, of the HDM decoder structure */
};

enum { VFU_IRQ_INTX, VFU_IRQ_MSI, VFU_IRQ_MSIX, VFU_IRQ_ERR, VFU_IRQ_REQ, VFU_IRQS };

#define VFU_IRQ_EVENTFD    1u
#define VFU_IRQ_MASKABLE   2u
#define VFU_IRQ_AUTOMASKED 4u
#define VFU_IRQ_NORESIZE   8u

struct vfu_irq_info {
	uint32_t argsz, flags, index, count;
};

#define VFU_SET_NONE    0x01u
#define VFU_SET_BOOL    0x02u
#define VFU_SET_EVENTFD 0x04u
#define VFU_SET_DATA    0x07u
#define VFU_SET_MASK    0x08u
#define VFU_SET_UNMASK  0x10u
#define VFU_SET_TRIGGER 0x20u
#define VFU_SET_ACTION  0x38u

struct vfu_set_irqs {
	uint32_t argsz, flags, index, start, count;
};

struct vfu_region_access {
	uint64_t offset;
	uint32_t region, count;
}; /* then the data, of a write or of the reply to a read */

struct vfu_dma_access {
	uint64_t address, count;
}; /* then the data, of a write or of the reply to a read */

struct vfu_write_multi_entry {
	uint64_t offset;
	uint32_t region, count;
	uint8_t data[8];
};

_Static_assert(sizeof(struct vfu_header) == 16, "as on the wire");
_Static_assert(sizeof(struct vfu_version) == 4, "as on the wire");
_Static_assert(sizeof(struct vfu_dma_map) == 32, "as on the wire");
_Static_assert(sizeof(struct vfu_dma_unmap) == 24, "as on the wire");
_Static_assert(sizeof(struct vfu_info) == 16, "as on the wire");
_Static_assert(sizeof(struct vfu_region_info) == 32, "as on the wire");
_Static_assert(sizeof(struct vfu_sparse) == 16, "as on the wire");
_Static_assert(sizeof(struct vfu_area) == 16, "as on the wire");
_Static_assert(sizeof(struct vfu_comp_regs) == 16, "as on the wire");
_Static_assert(sizeof(struct vfu_irq_info) == 16, "as on the wire");
_Static_assert(sizeof(struct vfu_set_irqs) == 20, "as on the wire");
_Static_assert(sizeof(struct vfu_region_access) == 16, "as on the wire");
_Static_assert(sizeof(struct vfu_dma_access) == 16, "as on the wire");
_Static_assert(sizeof(struct vfu_write_multi_entry) == 24, "as on the wire");

#endif
