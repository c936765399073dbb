/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of cxl-type2 share. */
#ifndef CXB_DEVICES_TYPE2_H
#define CXB_DEVICES_TYPE2_H

#include "cxl/hdm_virtual.h"
#include "devices.h"
#include "pci/served.h"
#include "vfu/wire.h"
#include "wire/regs.h"

/* BARs; each but the last takes two registers. */
enum { TYPE2_BAR_COMPONENT = 0, TYPE2_BAR_ENGINE = 2, TYPE2_BAR_MSIX = 4 };

/* Where the component registers are in their BAR. */
typedef enum { TYPE2_AT_START, TYPE2_AT_MIDDLE, TYPE2_AT_END, TYPE2_AT_ALL } Type2Place;

/* What a VMM that the device is served to finds: of Linux's proposals the second posting, and the fifth. */
typedef enum { TYPE2_PROFILE_OFF, TYPE2_PROFILE_EMULATED, TYPE2_PROFILE_ABSORBED } Type2Profile;

/* What can be wrong with it, in the order of the names in type2_fault.c. */
typedef enum {
	TYPE2_FAULT_NONE,
	TYPE2_FAULT_NO_TYPES,
	TYPE2_FAULT_NO_MEMORY,
	TYPE2_FAULT_NO_REGISTERS,
	TYPE2_FAULT_MEMORY_UNMAPPABLE,
	TYPE2_FAULT_MEMORY_EMPTY,
	TYPE2_FAULT_MEMORY_ODD,
	TYPE2_FAULT_MEMORY_SHORT,
	TYPE2_FAULT_ARRAY_ID,
	TYPE2_FAULT_ARRAY_WITHOUT_HDM,
	TYPE2_FAULT_ARRAY_POINTER,
	TYPE2_FAULT_ARRAY_ENDLESS,
	TYPE2_FAULT_TWO_DECODERS,
	TYPE2_FAULT_INTERLEAVED,
	TYPE2_FAULT_LOCK_LEFT,
	TYPE2_FAULT_BASE_IGNORED,
	TYPE2_FAULT_NEVER_COMMITTED,
	TYPE2_FAULT_COMMIT_ERROR,
	TYPE2_FAULT_GATED,
	TYPE2_FAULT_ACCESS_SHORT,
	TYPE2_FAULT_ACCESS_EIO,
	TYPE2_FAULT_ACCESS_EINVAL,
	TYPE2_FAULT_ACCESS_HANGUP,
	TYPE2_FAULT_AREAS_NONE,
	TYPE2_FAULT_AREAS_OVER_REGISTERS,
	TYPE2_FAULT_AREAS_UNALIGNED,
	TYPE2_FAULT_AREAS_WRAP,
	TYPE2_FAULT_AREAS_MANY,
	TYPE2_FAULT_CAPS_LOOP,
	TYPE2_FAULT_CAPS_BACK,
	TYPE2_FAULT_CAPS_SHORT,
	TYPE2_FAULTS
} Type2Fault;

/* The BAR of the component registers; see type2_bar.c. */
typedef struct {
	CxbRegion *region;
	uint64_t size, block; /* the registers are at @block */
	int fd;               /* a file with the layout of the BAR */
	uint8_t *bytes;       /* of it; NULL: there is none */
} Type2Bar;

typedef struct Type2Compute Type2Compute; /* see type2_compute.c */
/* The device as it is served to a VMM; see type2_served.c and type2_regs.c. */
typedef struct {
	GByteArray *caps; /* of the region that was asked for last; NULL: it is not served so */
	uint64_t hdm;     /* the decoders, from the capability array on */
	/* Emulated registers are a copy, taken when somebody comes and after each reset. */
	uint32_t array[WIRE_CACHEMEM_SIZE / 4]; /* what is before the decoders */
	CxbHdmVirtual decoders;
	uint32_t accesses; /* of registers, since somebody came */
	int short_fd;      /* -1: there is none */
} Type2Served;

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
	int profile; /* Type2Profile */
	bool swap_regions;
	int fault; /* Type2Fault */
	uint32_t fault_at;

	char *path; /* for guest errors, trace and messages */
	const CxbCxlListener *listener;
	uint16_t dvsec;  /* offset of the CXL device DVSEC */
	CxbHostMem *mem; /* held: device memory, at DPA 0 */
	CxbComp *comp;
	Type2Bar bar;
	Type2Compute *compute;
	Type2Served served;
	bool announced; /* the listener knows of us */
} Type2;

/** cxb_type2_bar_init() - Make the BAR; cxb_type2_bar_fini() undoes it, half made too. */
bool cxb_type2_bar_init(Type2 *t2, GError **errp);
void cxb_type2_bar_fini(Type2 *t2);
void cxb_type2_bar_reset(Type2 *t2);
/** cxb_type2_bar_hole() - What of the BAR nobody maps, in whole pages: there are registers in it. */
void cxb_type2_bar_hole(const Type2 *t2, uint64_t *from, uint64_t *to);

/** cxb_type2_profile() - How it is served; off in a machine of its own. */
static inline Type2Profile cxb_type2_profile(const Type2 *t2)
{
	return t2->served.caps ? t2->profile : TYPE2_PROFILE_OFF;
}

/* --- type2_served.c --- */

/** cxb_type2_served_init() - After the registers; cxb_type2_served_fini() undoes it. */
void cxb_type2_served_init(Type2 *t2);
void cxb_type2_served_fini(Type2 *t2);
/** cxb_type2_served_to() - Somebody is served the device, or nobody any more. */
void cxb_type2_served_to(CxbPciDev *dev, bool somebody);
extern const CxbPciServedOps cxb_type2_served_ops;

/* --- type2_regs.c: the region of component registers --- */

/** cxb_type2_regs_take() - Start over with what the device has. */
void cxb_type2_regs_take(Type2 *t2);
uint64_t cxb_type2_regs_size(const Type2 *t2);
/* As CxbPciServedOps has them. */
int cxb_type2_regs_read(Type2 *t2, uint64_t off, void *buf, size_t len);
int cxb_type2_regs_write(Type2 *t2, uint64_t off, const void *buf, size_t len);

/* --- type2_fault.c: what the property "fault" makes wrong --- */

/** cxb_type2_fault_check() - The fault is one that the device can have: it is served, with that profile. */
bool cxb_type2_fault_check(const Type2 *t2, Type2Fault fault, GError **errp);
/** cxb_type2_fault_access() - One more access to registers. Returns: 0, or what becomes of it: -errno, or
 * half of @len. */
int cxb_type2_fault_access(Type2 *t2, size_t len);
/** cxb_type2_fault_reg() - What is read instead of @val at @off of the decoders' structure. */
uint32_t cxb_type2_fault_reg(const Type2 *t2, uint64_t off, uint32_t val);
/** cxb_type2_fault_array() - Break the copy of the capability array. */
void cxb_type2_fault_array(Type2 *t2);
/** cxb_type2_fault_written() - A register of the emulated decoders is to be written, or has been.
 * False: it is not. */
bool cxb_type2_fault_writing(Type2 *t2, uint64_t off);
void cxb_type2_fault_written(Type2 *t2, uint64_t off);
/** cxb_type2_fault_memory() - Break the region of device memory. */
void cxb_type2_fault_memory(Type2 *t2, CxbPciServedRegion *r);
/** cxb_type2_fault_areas() - Break what can be mapped of the BAR, of struct vfu_area, at least one. */
void cxb_type2_fault_areas(const Type2 *t2, GArray *areas);
/** cxb_type2_fault_caps() - Break a chain of capabilities. */
void cxb_type2_fault_caps(const Type2 *t2, GByteArray *caps);
/* For the property. */
extern const char *const cxb_type2_faults[];

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
/** cxb_type2_dvsec_anew() - The CXL device DVSEC as nobody has written to it yet. */
void cxb_type2_dvsec_anew(Type2 *t2);
/** cxb_type2_served_reset() - Of a VMM that the device is served to. */
void cxb_type2_served_reset(CxbPciDev *dev);
/** cxb_type2_config_written() - CXL Control 2 starts a reset of another kind. */
void cxb_type2_config_written(CxbPciDev *dev, uint16_t off, unsigned size);

#endif
