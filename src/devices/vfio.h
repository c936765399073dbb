/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices of other processes, passed through: what the files vfio_*.c share. vfio_pci.c is the device,
 * each of the others a part of it that can be made, reset and unmade by itself.
 */
#ifndef CXB_DEVICES_VFIO_H
#define CXB_DEVICES_VFIO_H

#include "devices.h"
#include "vfio/device.h"

typedef struct VfioPci VfioPci;
typedef struct VfioIrqs VfioIrqs;
typedef struct VfioCxl VfioCxl;

/* A part of a BAR that is answered here, whatever the device would say. */
typedef struct {
	uint64_t off, len;       /* @len 0: there is none */
	const CxbRegionOps *ops; /* offsets are into the part */
	void *opaque;
} VfioOverlay;

typedef struct {
	VfioPci *v;
	unsigned nr;
	CxbVfioRegion info; /* size 0: there is no such BAR */
	CxbRegion *region;
	GArray *mapped; /* uint64_t, offsets of what is mapped in the window it is; NULL: it is none */
	VfioOverlay overlay;
} VfioBar;

struct VfioPci {
	CxbPciDev pci;

	/* properties */
	char *socket_path;
	int socket_type;
	bool socket_given;
	uint32_t timeout_ms;
	bool no_posted_writes, send_queued;
	uint64_t fmws_base; /* where device memory has to be; 0: anywhere */
	uint32_t ids[5]; /* vendor, device, subsystem vendor, subsystem, class; all ones: its own */

	const CxbCxlListener *listener;
	char *path;
	CxbVfioDevice *dev; /* NULL: not realized */
	VfioBar bars[CXB_PCI_BARS];
	VfioIrqs *irqs;
	VfioCxl *cxl;        /* NULL: it is no CXL device */
	unsigned mem_region; /* host addresses; 0: there is none */
	bool memory_let;     /* the machine's memory is mapped for DMA */
};

static inline VfioPci *vfio_pci(const CxbPciDev *dev)
{
	return (VfioPci *)dev;
}

/** vfio_report() - Something went wrong: a line that names the device. */
void vfio_report(const VfioPci *v, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* --- vfio_config.c: configuration space --- */

/** vfio_config_fetch() - What it is now. @config: room for CXB_PCIE_CONFIG_SIZE; @size: what there is */
bool vfio_config_fetch(VfioPci *v, uint8_t *config, unsigned *size, GError **errp);
/** vfio_config_override() - Show the numbers that properties give instead of its own. */
void vfio_config_override(VfioPci *v);
/* Of its class. */
uint32_t vfio_config_read(CxbPciDev *dev, uint16_t off, unsigned size);
void vfio_config_write(CxbPciDev *dev, uint16_t off, unsigned size, uint32_t val);
void vfio_config_written(CxbPciDev *dev, uint16_t off, unsigned size);

/* --- vfio_bar.c --- */

/** vfio_bars_init() - Ask what there is and make it. On failure vfio_bars_fini() takes what there is. */
bool vfio_bars_init(VfioPci *v, const uint8_t *config, GError **errp);
/** vfio_bars_map() - Map what may be mapped, but for what has to be seen; once MSI-X is settled. */
bool vfio_bars_map(VfioPci *v, GError **errp);
/** vfio_bars_unmap() - Each access is a message from now on: the device is lost. */
void vfio_bars_unmap(VfioPci *v);
void vfio_bars_fini(VfioPci *v);
/** vfio_bar_set_overlay() - Before vfio_bars_map(). @overlay: copied, lies in BAR @nr */
void vfio_bar_set_overlay(VfioPci *v, unsigned nr, const VfioOverlay *overlay);
/** vfio_map_area() - (@off, @len) of @region as memory that can be shown; one reference. */
CxbHostMem *vfio_map_area(VfioPci *v, const char *name, const CxbVfioRegion *region, uint64_t off,
			  uint64_t len, GError **errp);

/* --- vfio_irq.c: interrupts --- */

bool vfio_irqs_init(VfioPci *v, GError **errp);
void vfio_irqs_fini(VfioPci *v);
/** vfio_irqs_update() - Listen to what software has switched on, and to nothing else. */
void vfio_irqs_update(VfioPci *v);
/** vfio_irqs_update_vector() - The same after a write to the MSI-X table entry of one vector. */
void vfio_irqs_update_vector(VfioPci *v, unsigned vector);
/** vfio_irqs_take() - Pass on what the device has raised by now. What it raised before it answered
 * an access has so been raised when the access ends. */
void vfio_irqs_take(VfioPci *v);

/* --- vfio_cxl.c: component registers and memory of a CXL device; nothing to do for others --- */

/** vfio_cxl_init() - Before BARs are mapped. On failure vfio_cxl_fini() takes what there is. */
bool vfio_cxl_init(VfioPci *v, const uint8_t *config, unsigned size, GError **errp);
/** vfio_cxl_place() - Windows are there: what firmware has committed gets its place. */
bool vfio_cxl_place(VfioPci *v, GError **errp);
/** vfio_cxl_stop() - The device is about to be reset, or is lost: it may not be called. */
void vfio_cxl_stop(VfioPci *v);
/** vfio_cxl_restart() - It has been reset. */
void vfio_cxl_restart(VfioPci *v);
/** vfio_cxl_config_written() - Configuration space has been written; some of it resets. */
void vfio_cxl_config_written(VfioPci *v, uint16_t off, unsigned size, uint32_t val);
void vfio_cxl_fini(VfioPci *v);

/* --- vfio_mem.c: memory of a device that decodes host addresses itself --- */

/** vfio_mem_init() - After vfio_cxl_init(). */
bool vfio_mem_init(VfioPci *v, GError **errp);
/* As an endpoint. */
const CxbHdm *vfio_mem_hdm(const CxbDevice *endpoint);
bool vfio_mem_answers(const CxbDevice *endpoint);
bool vfio_mem_segment(CxbDevice *endpoint, uint64_t dpa, CxbCxlSegment *out);
bool vfio_mem_read(CxbDevice *endpoint, uint64_t dpa, void *buf, size_t len);
bool vfio_mem_write(CxbDevice *endpoint, uint64_t dpa, const void *buf, size_t len);

/* --- vfio_dma.c: memory --- */

bool vfio_dma_map_memory(CxbPciDev *dev, GError **errp);
int vfio_dma_read(void *opaque, uint64_t iova, void *buf, size_t len);
int vfio_dma_write(void *opaque, uint64_t iova, const void *buf, size_t len);

extern const CxbType cxb_vfio_user_pci_type;

#endif
