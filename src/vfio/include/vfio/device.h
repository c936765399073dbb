/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device of the VFIO kind, whoever has it: regions that are read and written, interrupts that come
 * as eventfds, memory that is let to it. vfio/user.h reaches one over vfio-user; what is said here is
 * just as true of Linux's /dev/vfio.
 *
 * Calls are answered before they return, but never wait for ever. A device that breaks the rules, is
 * silent for too long or goes away is *lost*: its client is told, once, and every call fails with
 * ENODEV from then on. One thread only.
 *
 * Queries word their errors. Calls in the course of business return an errno, 0 for success; what they
 * fail to do in full has failed.
 */
#ifndef CXB_VFIO_DEVICE_H
#define CXB_VFIO_DEVICE_H

#include <errno.h>

#include "vfio/region.h"

typedef struct CxbVfioDevice CxbVfioDevice;

/* Flags of a device; as Linux's. */
#define CXB_VFIO_DEVICE_RESET 1u
#define CXB_VFIO_DEVICE_PCI   2u
#define CXB_VFIO_DEVICE_CXL   (1u << 9)

/* Regions of a PCI device that have fixed numbers; those behind have a type. */
enum {
	CXB_VFIO_BAR0 = 0,
	CXB_VFIO_ROM = 6,
	CXB_VFIO_CONFIG = 7,
	CXB_VFIO_VGA = 8,
	CXB_VFIO_REGIONS_FIXED = 9,
};
#define CXB_VFIO_REGIONS_MAX 256u

/* Types of regions: a vendor's are this bit and its PCI number. */
#define CXB_VFIO_TYPE_PCI_VENDOR (1u << 31)

typedef struct {
	uint32_t flags;
	unsigned n_regions; /* at least CXB_VFIO_CONFIG + 1, at most CXB_VFIO_REGIONS_MAX */
	unsigned n_irqs;    /* kinds of interrupts */
} CxbVfioInfo;

/* Kinds of interrupts of a PCI device. */
enum { CXB_VFIO_INTX, CXB_VFIO_MSI, CXB_VFIO_MSIX, CXB_VFIO_ERR, CXB_VFIO_REQ, CXB_VFIO_IRQS };
#define CXB_VFIO_VECTORS_MAX 2048u

#define CXB_VFIO_IRQ_EVENTFD    1u
#define CXB_VFIO_IRQ_MASKABLE   2u
#define CXB_VFIO_IRQ_AUTOMASKED 4u
#define CXB_VFIO_IRQ_NORESIZE   8u /* all vectors at once; one more means all anew */

typedef struct {
	uint32_t flags;
	unsigned count; /* 0: there are none of the kind */
} CxbVfioIrq;

/* A change of how interrupts of one kind reach us. */
typedef enum {
	CXB_VFIO_IRQ_LISTEN,  /* at these eventfds, -1: nowhere; those before are forgotten */
	CXB_VFIO_IRQ_DISABLE, /* the whole kind: @first, @n are 0 */
	CXB_VFIO_IRQ_MASK,
	CXB_VFIO_IRQ_UNMASK,
} CxbVfioIrqAction;

typedef struct {
	unsigned index;
	CxbVfioIrqAction action;
	unsigned first, n;
	const int *fds; /* of LISTEN: @n, which stay the caller's */
} CxbVfioIrqSet;

/* Memory let to the device. */
typedef struct {
	uint64_t iova, size; /* whole pages */
	int fd;              /* borrowed; -1: the device reaches it by asking the client */
	uint64_t fd_off;
	bool readonly;
} CxbVfioDma;

/* Who uses a device. Called while a call waits or from the context; may not call the device nor free
 * it. */
typedef struct {
	/* @why: what was wrong with it, in a few words. */
	void (*lost)(void *opaque, const char *why);
	/* The device reads or writes memory by asking; errno. NULL: it may not. */
	int (*dma_read)(void *opaque, uint64_t iova, void *buf, size_t len);
	int (*dma_write)(void *opaque, uint64_t iova, const void *buf, size_t len);
} CxbVfioClient;

/* A transport. */
typedef struct {
	bool (*region)(CxbVfioDevice *dev, unsigned index, CxbVfioRegion *out, GError **errp);
	bool (*irq)(CxbVfioDevice *dev, unsigned index, CxbVfioIrq *out, GError **errp);
	int (*read)(CxbVfioDevice *dev, unsigned region, uint64_t off, void *buf, size_t len);
	int (*write)(CxbVfioDevice *dev, unsigned region, uint64_t off, const void *buf,
		     size_t len);
	int (*set_irqs)(CxbVfioDevice *dev, const CxbVfioIrqSet *set);
	int (*dma_map)(CxbVfioDevice *dev, const CxbVfioDma *dma);
	int (*dma_unmap)(CxbVfioDevice *dev, uint64_t iova, uint64_t size);
	int (*reset)(CxbVfioDevice *dev);
	void (*free)(CxbVfioDevice *dev);
} CxbVfioOps;

/* What every transport's device begins with; filled in when it is opened. */
struct CxbVfioDevice {
	const CxbVfioOps *ops;
	CxbVfioInfo info;
	uint64_t dma_page; /* bytes: what lets memory is aligned to this */
	unsigned dma_max;  /* maps there can be at a time */
	bool lost;
};

static inline void cxb_vfio_free(CxbVfioDevice *dev) /* NULL is fine */
{
	if (dev)
		dev->ops->free(dev);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbVfioDevice, cxb_vfio_free)

/** cxb_vfio_region() - Region @index below info.n_regions; caller clears @out. */
static inline bool cxb_vfio_region(CxbVfioDevice *dev, unsigned index, CxbVfioRegion *out,
				   GError **errp)
{
	return dev->ops->region(dev, index, out, errp);
}

/** cxb_vfio_irq() - Interrupts of kind @index; of one that the device does not know there are none. */
static inline bool cxb_vfio_irq(CxbVfioDevice *dev, unsigned index, CxbVfioIrq *out, GError **errp)
{
	*out = (CxbVfioIrq){ 0 };
	return index >= dev->info.n_irqs || dev->ops->irq(dev, index, out, errp);
}

/** cxb_vfio_read(), _write() - All of it, in accesses as large as the transport takes; a register is
 * accessed by its own size. */
static inline int cxb_vfio_read(CxbVfioDevice *dev, unsigned region, uint64_t off, void *buf,
				size_t len)
{
	return dev->lost ? ENODEV : dev->ops->read(dev, region, off, buf, len);
}
static inline int cxb_vfio_write(CxbVfioDevice *dev, unsigned region, uint64_t off, const void *buf,
				 size_t len)
{
	return dev->lost ? ENODEV : dev->ops->write(dev, region, off, buf, len);
}

static inline int cxb_vfio_set_irqs(CxbVfioDevice *dev, const CxbVfioIrqSet *set)
{
	return dev->lost ? ENODEV : dev->ops->set_irqs(dev, set);
}

/** cxb_vfio_dma_map() - EEXIST where something is mapped, EINVAL if not in pages of dma_page. */
static inline int cxb_vfio_dma_map(CxbVfioDevice *dev, const CxbVfioDma *dma)
{
	return dev->lost ? ENODEV : dev->ops->dma_map(dev, dma);
}
/** cxb_vfio_dma_unmap() - A range as it was mapped; the device does not touch it any more. */
static inline int cxb_vfio_dma_unmap(CxbVfioDevice *dev, uint64_t iova, uint64_t size)
{
	return dev->lost ? ENODEV : dev->ops->dma_unmap(dev, iova, size);
}

/** cxb_vfio_reset() - ENOTTY if the device does not offer it. */
static inline int cxb_vfio_reset(CxbVfioDevice *dev)
{
	if (dev->lost)
		return ENODEV;
	return dev->info.flags & CXB_VFIO_DEVICE_RESET ? dev->ops->reset(dev) : ENOTTY;
}

#endif
