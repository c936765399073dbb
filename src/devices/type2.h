/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of cxl-type2 share. */
#ifndef CXB_DEVICES_TYPE2_H
#define CXB_DEVICES_TYPE2_H

#include "devices.h"

/* BARs; each but the last takes two registers. */
enum { TYPE2_BAR_COMPONENT = 0, TYPE2_BAR_ENGINE = 2, TYPE2_BAR_MSIX = 4 };

/* Where the component registers are in their BAR. */
typedef enum { TYPE2_AT_START, TYPE2_AT_MIDDLE, TYPE2_AT_END, TYPE2_AT_ALL } Type2Place;

/* The BAR of the component registers; see type2_bar.c. */
typedef struct {
	CxbRegion *region;
	uint64_t size, block; /* the registers are at @block */
	int fd;               /* a file with the layout of the BAR */
	uint8_t *bytes;       /* of it; NULL: there is none */
} Type2Bar;

typedef struct Type2Compute Type2Compute; /* see type2_compute.c */

typedef struct {
	CxbPciDev pci;

	/* properties */
	uint16_t vendor_id, device_id, sub_vendor_id, sub_device_id, class_id;
	uint64_t sn;
	CxbObject *memdev;
	bool cache, flr, firmware_committed;
	uint64_t firmware_base;
	int component_at; /* Type2Place */
	int link_speed, link_width;

	char *path; /* for guest errors, trace and messages */
	const CxbCxlListener *listener;
	uint16_t dvsec;  /* offset of the CXL device DVSEC */
	CxbHostMem *mem; /* held: device memory, at DPA 0 */
	CxbComp *comp;
	Type2Bar bar;
	Type2Compute *compute;
	bool announced; /* the listener knows of us */
} Type2;

/** cxb_type2_bar_init() - Make the BAR; cxb_type2_bar_fini() undoes it, half made too. */
bool cxb_type2_bar_init(Type2 *t2, GError **errp);
void cxb_type2_bar_fini(Type2 *t2);
void cxb_type2_bar_reset(Type2 *t2);

/** cxb_type2_compute_init() - The engine and its BAR; after memory and MSI-X. */
void cxb_type2_compute_init(Type2 *t2);
void cxb_type2_compute_fini(Type2 *t2);
/** cxb_type2_compute_reset() - What runs is gone; _cxl_reset(): is ended, and told of. */
void cxb_type2_compute_reset(Type2 *t2);
void cxb_type2_compute_cxl_reset(Type2 *t2);

/** cxb_type2_memory_init() - Hold the backend. cxb_type2_memory_fini() lets go of it. */
bool cxb_type2_memory_init(Type2 *t2, GError **errp);
void cxb_type2_memory_fini(Type2 *t2);
bool cxb_type2_dpa_ok(void *t2, uint64_t dpa, uint64_t len);
/* As cxb_cxl_endpoint_answers(), _segment(), _read() and _write(). */
bool cxb_type2_answers(const CxbDevice *endpoint);
bool cxb_type2_segment(CxbDevice *endpoint, uint64_t dpa, CxbCxlSegment *out);
bool cxb_type2_read(CxbDevice *endpoint, uint64_t dpa, void *buf, size_t len);
bool cxb_type2_write(CxbDevice *endpoint, uint64_t dpa, const void *buf, size_t len);

/** cxb_type2_reset() - Of a kind that PCI Express knows. */
void cxb_type2_reset(CxbPciDev *dev, CxbResetKind kind);
/** cxb_type2_config_written() - CXL Control 2 starts a reset of another kind. */
void cxb_type2_config_written(CxbPciDev *dev, uint16_t off, unsigned size);

#endif
