/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CXL devices as the machine and the front doors see them. Device types: pxb-cxl, cxl-rp,
 * cxl-type2, cxl-type3, cxl-type3-head, cxl-mctp, cxl-window, vfio-user-pci.
 */
#ifndef CXB_DEVICES_CXL_H
#define CXB_DEVICES_CXL_H

#include "base/clock.h"
#include "cxl/comp.h"
#include "cxl/dc.h"
#include "cxl/dc_cmds.h"
#include "cxl/evlog.h"
#include "cxl/poison.h"
#include "memory/hostmem.h"
#include "pci/pci.h"

#define CXB_TYPE_NAME_PXB_CXL        "pxb-cxl"
#define CXB_TYPE_NAME_CXL_RP         "cxl-rp"
#define CXB_TYPE_NAME_CXL_TYPE2      "cxl-type2"
#define CXB_TYPE_NAME_CXL_TYPE3      "cxl-type3"
#define CXB_TYPE_NAME_CXL_TYPE3_HEAD "cxl-type3-head"
#define CXB_TYPE_NAME_CXL_MCTP       "cxl-mctp"
#define CXB_TYPE_NAME_CXL_WINDOW     "cxl-window"
#define CXB_TYPE_NAME_VFIO_USER_PCI  "vfio-user-pci"

/**
 * What devices tell the machine. The machine sets one such table as service "cxl-listener" before
 * any device is made; devices call it, never the other way round.
 */
typedef struct {
	void *opaque;
	GMainContext *context;
	CxbClock *clock;
	CxbDcTagSpace *tags;
	CxbHostMemPool *pool;
	bool remote; /* devices are served to machines elsewhere */
	/* Decoders of @component (a pxb-cxl or an endpoint) are about to stop, or have changed. */
	void (*decode_removing)(void *opaque, CxbDevice *component);
	void (*decode_changed)(void *opaque, CxbDevice *component);
	/* An endpoint's decoder was committed. True: cxb_cxl_endpoint_settle() lets it be known. */
	bool (*decode_settling)(void *opaque, CxbDevice *endpoint);
	/* An endpoint is there, or about to go. */
	void (*endpoint_added)(void *opaque, CxbDevice *endpoint);
	void (*endpoint_removing)(void *opaque, CxbDevice *endpoint);
	/* A place in a window for @size bytes of a device that is passed through, at @given unless it
	 * is 0; windows are there. See cxl/hdm_claim.h. */
	bool (*claim_memory)(void *opaque, CxbDevice *dev, uint64_t given, uint64_t size,
			     uint64_t *hpa, GError **errp);
	void (*release_memory)(void *opaque, uint64_t hpa);
	/* Its memory is to be seen from @hpa on, or from there no longer. */
	bool (*show_memory)(void *opaque, CxbDevice *dev, uint64_t hpa, uint64_t size,
			    CxbHostMem *mem, GError **errp);
	void (*hide_memory)(void *opaque, uint64_t hpa);
	/* Operations of an endpoint's dynamic-capacity engine, as a CxbDcObserver sees them. */
	CxbDcPrepare (*dc_prepare)(void *opaque, CxbDevice *endpoint, const CxbDcOp *op,
				   GError **errp);
	void (*dc_abort)(void *opaque, CxbDevice *endpoint, const CxbDcOp *op);
	void (*dc_commit)(void *opaque, CxbDevice *endpoint, const CxbDcOp *op);
} CxbCxlListener;

#define CXB_SERVICE_CXL_LISTENER "cxl-listener"

/** cxb_cxl_types_register() - All CXL device types. */
void cxb_cxl_types_register(CxbQom *qom);

/* --- host bridges --- */

/** cxb_pxb_cxl_list() - All pxb-cxl devices on bus 0, the newest first. Transfer: container. */
GPtrArray *cxb_pxb_cxl_list(const CxbPciBus *root);
uint8_t cxb_pxb_cxl_bus_nr(const CxbDevice *pxb);
/** cxb_pxb_cxl_regs() - Its component registers, to be placed by the machine (CHBS). */
CxbRegion *cxb_pxb_cxl_regs(CxbDevice *pxb);
/* Where a host physical address ends. */
typedef struct {
	CxbDevice *endpoint;
	uint64_t dpa;
	uint64_t len;     /* bytes from the address on that follow it to the same place in order */
	bool interleaved; /* some decoder on the way has more than one way; len is within a granule */
} CxbCxlRoute;

/**
 * cxb_pxb_cxl_route() - Follow @hpa through the host bridge's decoders (or pass-through) and its
 * root ports to an endpoint and a DPA.
 *
 * Returns: false, with @out untouched, if some decoder on the way does not take it.
 */
bool cxb_pxb_cxl_route(CxbDevice *pxb, uint64_t hpa, CxbCxlRoute *out);

/* --- endpoints --- */

/** cxb_cxl_is_endpoint() - @dev has memory of its own that decoders lead to. */
bool cxb_cxl_is_endpoint(const CxbDevice *dev);
/** cxb_cxl_endpoint_bridge() - The pxb-cxl above @endpoint, or NULL. */
CxbDevice *cxb_cxl_endpoint_bridge(const CxbDevice *endpoint);
const CxbHdm *cxb_cxl_endpoint_hdm(const CxbDevice *endpoint);
/** cxb_cxl_endpoint_served() - Remote: some machine has it now. Changes are told as of its decoders. */
bool cxb_cxl_endpoint_served(const CxbDevice *endpoint);
/** cxb_cxl_endpoint_settle() - See cxb_comp_settle(). */
void cxb_cxl_endpoint_settle(CxbDevice *endpoint);

/* One run of DPA that has bytes behind it now: an accepted extent, later static memory. */
typedef struct {
	uint64_t dpa, len;
	CxbHostMem *mem;
	uint64_t mem_off;
	bool readonly;
} CxbCxlSegment;

/** cxb_cxl_endpoint_answers() - Its media is not disabled: there are segments. */
bool cxb_cxl_endpoint_answers(const CxbDevice *endpoint);
/** cxb_cxl_endpoint_segment() - The segment at or next above @dpa; false if there is none. */
bool cxb_cxl_endpoint_segment(CxbDevice *endpoint, uint64_t dpa, CxbCxlSegment *out);
/** cxb_cxl_endpoint_read(), _write() - Access by DPA; false if no capacity answers at (@dpa, @len). */
bool cxb_cxl_endpoint_read(CxbDevice *endpoint, uint64_t dpa, void *buf, size_t len);
bool cxb_cxl_endpoint_write(CxbDevice *endpoint, uint64_t dpa, const void *buf, size_t len);

/* A device with several heads is several endpoints: "type3" below is any of them. */

bool cxb_cxl_is_type3(const CxbDevice *dev);
/** cxb_cxl_type3_find() - Resolve a QMP path: "Unable to resolve CXL type 3 device". */
CxbDevice *cxb_cxl_type3_find(CxbQom *qom, const char *path, GError **errp);
/** cxb_cxl_type3_dc() - Its engine, or NULL if it has no dynamic capacity. */
CxbDc *cxb_cxl_type3_dc(CxbDevice *type3);
/* Of a property that names one of a device's heads: none in particular, the function itself. */
#define CXB_CXL_OWN_HEAD      UINT16_MAX
#define CXB_CXL_OWN_HEAD_TEXT "65535"
/** cxb_cxl_head_of() - The head of host @host_id, or @dev itself. "Device 'X' has no head N" */
CxbDevice *cxb_cxl_head_of(CxbDevice *dev, uint16_t host_id, GError **errp);
/** cxb_cxl_type3_head() - The endpoint of a host, or NULL if none is plugged. */
CxbDevice *cxb_cxl_type3_head(CxbDevice *type3, uint16_t host_id);
/** cxb_cxl_type3_host_id() - Whose head it is: what op->head and host-id are. */
uint16_t cxb_cxl_type3_host_id(const CxbDevice *type3);
/** cxb_cxl_type3_first_head() - The one that stands for all: of the lowest host that has one. */
CxbDevice *cxb_cxl_type3_first_head(CxbDevice *type3);
/** cxb_cxl_type3_dc_head() - A host's head of a device with dynamic capacity. */
CxbDcHead *cxb_cxl_type3_dc_head(CxbDevice *type3, uint16_t host_id, GError **errp);
/** cxb_cxl_type3_fm_cci() - Its command interface for a fabric manager; NULL once it has been taken
 * out. */
CxbCci *cxb_cxl_type3_fm_cci(CxbDevice *type3);
/** cxb_cxl_type3_logs() - Its event logs. */
CxbEvLogs *cxb_cxl_type3_logs(CxbDevice *type3);
/** cxb_cxl_type3_poison() - Its poison list. */
CxbPoison *cxb_cxl_type3_poison(CxbDevice *type3);
/** cxb_cxl_type3_missed() - Accesses that met no accepted capacity, since realize. */
uint64_t cxb_cxl_type3_missed(CxbDevice *type3);
/** cxb_cxl_type3_uncorrectable(), _correctable() - Errors of its CXL.mem side, see cxl/comp.h. */
bool cxb_cxl_type3_uncorrectable(CxbDevice *type3, const CxbRasError *errors, size_t n,
				 GError **errp);
void cxb_cxl_type3_correctable(CxbDevice *type3, unsigned bit);
/** cxb_cxl_backing_mem() - The host memory behind a backing made by a type 3 device. */
CxbHostMem *cxb_cxl_backing_mem(CxbDcBacking *backing);

/* --- windows of machines elsewhere --- */

/** cxb_cxl_window_find() - By its id: "Device 'X' is not a cxl-window". */
CxbDevice *cxb_cxl_window_find(CxbQom *qom, const char *id, GError **errp);
/** cxb_cxl_window_is_for() - Its machine has that endpoint. */
bool cxb_cxl_window_is_for(const CxbDevice *window, const CxbDevice *endpoint);
/** cxb_cxl_window_is_used() - An operating system there has committed a decoder of some endpoint. */
bool cxb_cxl_window_is_used(const CxbDevice *window);
/** cxb_cxl_window_reach() - How much of (@base, @size), multiples of 256 MiB, one cxl-window can be. */
uint64_t cxb_cxl_window_reach(uint64_t base, uint64_t size);
/** cxb_cxl_window_bar() - Where in the machine elsewhere BAR @nr has to be. False: there is none. */
bool cxb_cxl_window_bar(const CxbDevice *window, unsigned nr, uint64_t *hpa, uint64_t *size);

#endif
