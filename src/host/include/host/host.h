/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in host: firmware and driver in one. Finds the ACPI tables, enumerates PCI, places
 * BARs and bridge windows, programs HDM decoders for static memory and every dynamic-capacity
 * region that fits the window, takes event interrupts and answers dynamic-capacity events by the
 * Linux kernel's acceptance rules. It knows a machine only through CxbBus: the same driver drives
 * other emulators and real devices.
 *
 * An event-driven state machine: it never blocks; every step is a work item or a timer.
 */
#ifndef CXB_HOST_HOST_H
#define CXB_HOST_HOST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "base/workq.h"
#include "bus/bus.h"

typedef struct CxbHost CxbHost;

typedef enum {
	CXB_HOST_ALL,    /* take what the rules allow */
	CXB_HOST_REJECT, /* adds only: answer with an empty list */
	CXB_HOST_IGNORE, /* never answer */
	CXB_HOST_ASK,    /* wait for cxb_host_respond() */
} CxbHostPolicy;
/** cxb_host_policy_parse() - "all", "reject", "ignore", "ask". */
bool cxb_host_policy_parse(const char *text, CxbHostPolicy *out);

typedef struct {
	CxbBus *bus;
	CxbClock *clock;
	CxbWorkq *workq;
	CxbHostPolicy accept, release;
	/* Whose the function is: of a multi-headed device each head is another host's. The machine is one, and
	 * so is its firmware; each host has a driver of its own, with its own tags and DAX devices. NULL: all
	 * are of host 0. */
	uint16_t (*host_of)(void *opaque, uint16_t bdf);
	void *host_of_opaque;
	/* Told what happens, one readable line each, as trace event host_say is; NULL: nobody. */
	void (*say)(void *opaque, const char *line);
	void *opaque;
} CxbHostConfig;

CxbHost *cxb_host_new(const CxbHostConfig *config);
void cxb_host_free(CxbHost *host);
/** cxb_host_start() - Queue the first step. */
void cxb_host_start(CxbHost *host);
/** cxb_host_reset() - The machine was reset: begin anew; accepted extents are taken over from the
 * devices (4801h). */
void cxb_host_reset(CxbHost *host);

/**
 * cxb_host_restart() - One host alone starts anew, with a reset of its functions; accepted extents are taken
 * over from the devices. The machine goes on and so do all other hosts; decoders stay.
 *
 * Returns: false if it has no memory device, or is starting.
 */
bool cxb_host_restart(CxbHost *host, uint16_t host_id, GError **errp);

/** cxb_host_halt() - While it is halted the host begins no step of its boot; what it has sent to a
 * mailbox it sees through. Interrupts are for the machine to hold back. */
void cxb_host_halt(CxbHost *host, bool halted);
bool cxb_host_halted(const CxbHost *host);

/* Booting: the machine is, or one of the hosts starts anew. */
typedef enum { CXB_HOST_BOOTING, CXB_HOST_READY, CXB_HOST_FAILED } CxbHostState;
CxbHostState cxb_host_state(const CxbHost *host);
const char *cxb_host_error(const CxbHost *host); /* why it failed, or NULL */

/* --- looking (valid until the host's next step) --- */

typedef struct {
	uint64_t base, size;
	uint32_t granularity;
	unsigned ways;
	const uint32_t *targets; /* host bridge UIDs */
	uint16_t restrictions;
} CxbHostWindow;

typedef struct {
	uint16_t bdf;
	uint16_t vendor, device;
	uint32_t class_code;
	unsigned depth; /* 0 on a root bus */
	const char *
		role; /* "host-bridge", "root-port", "endpoint", "upstream", "downstream", "other" */
} CxbHostFunction;

typedef struct {
	unsigned memdev; /* mem0, mem1, … in order of enumeration */
	uint8_t region;  /* dynamic-capacity region; static memory has is_static */
	bool is_static;
	uint64_t dpa, len, block_size;
	uint64_t hpa; /* 0 with mapped false: did not fit a window */
	bool mapped;
	uint8_t decoder; /* of the endpoint */
} CxbHostRegion;

typedef enum {
	CXB_HOST_EXTENT_STAGED, /* its chain is open (more = 1) */
	CXB_HOST_EXTENT_ASKING, /* waits for cxb_host_respond() */
	CXB_HOST_EXTENT_ACCEPTED,
	CXB_HOST_EXTENT_RELEASE_ASKED, /* asked back; waits for cxb_host_respond(), or is held */
} CxbHostExtentState;
const char *cxb_host_extent_state_name(CxbHostExtentState state);

typedef struct {
	unsigned memdev;
	uint8_t region;
	uint64_t dpa, len, hpa; /* hpa 0: region not mapped */
	CxbUuid tag;
	uint16_t seq;
	CxbHostExtentState state;
} CxbHostExtent;

/* An event record the host saw, newest last; a bounded ring of the last 256. */
typedef struct {
	unsigned memdev;
	uint8_t log;
	uint8_t type; /* dynamic capacity: event type */
	uint16_t handle;
	bool more;
	uint64_t dpa, len;
	CxbUuid tag;
	uint16_t seq;
} CxbHostEvent;

/* A memory device. */
typedef struct {
	unsigned memdev;
	uint16_t bdf;
	uint16_t host_id; /* whose it is */
	uint64_t serial;
	uint64_t static_size; /* bytes */
	unsigned dc_regions;
	const char *firmware;
} CxbHostMemdev;

/* Memory of an accelerator, a function that is no memory device: what firmware has committed. */
typedef struct {
	uint16_t bdf;
	uint16_t vendor, device;
	uint8_t decoder;
	uint64_t hpa, len;
	bool mapped; /* a window and the ports above lead there */
	bool usable; /* mapped, and it holds what is written to it */
} CxbHostAccel;

unsigned cxb_host_windows(const CxbHost *host, const CxbHostWindow **out);
unsigned cxb_host_functions(const CxbHost *host, const CxbHostFunction **out); /* tree order */
unsigned cxb_host_memdevs(const CxbHost *host, const CxbHostMemdev **out);
unsigned cxb_host_regions(const CxbHost *host, const CxbHostRegion **out);
unsigned cxb_host_accels(const CxbHost *host, const CxbHostAccel **out);
/** cxb_host_extents() - Filled into a new array of CxbHostExtent; caller unrefs. */
GArray *cxb_host_extents(const CxbHost *host);
GArray *cxb_host_events(const CxbHost *host);

/* --- answering --- */

/**
 * cxb_host_respond() - Answer what policy "ask" left open for @tag (null tag: untagged).
 * @memdev: which device, or -1: any
 * @yes: accept the offer / give the memory back; no: reject the offer / keep it (stay silent)
 *
 * Returns: false if nothing of that tag is waiting.
 */
bool cxb_host_respond(CxbHost *host, int memdev, const CxbUuid *tag, bool yes, GError **errp);

/* --- DAX devices --- */

/* An accepted allocation is a DAX device: all extents of a tag, one behind the other. */
typedef struct {
	CxbUuid uuid; /* the tag; null: an extent without one, which is an allocation by itself */
	uint16_t host_id; /* see host_of */
	unsigned memdev;
	uint16_t bdf; /* of the memory device */
	uint8_t region;
	uint64_t size;
	unsigned holders;
	bool release_asked;
	GArray *extents; /* of CxbHostExtent, as they follow each other in it */
} CxbHostDax;

/** cxb_host_daxes() - All of them (CxbHostDax), by memory device and then in order of acceptance.
 * Caller unrefs. */
GPtrArray *cxb_host_daxes(const CxbHost *host);
/**
 * cxb_host_dax_hold() - One holder more. What is held is not given back: a request for it is
 * remembered, and answered when the last holder has let go. A reset of the host ends all holding,
 * and a forced release takes what is held as well.
 *
 * Returns: false if there is no such device, or if it is being given back.
 */
bool cxb_host_dax_hold(CxbHost *host, uint16_t host_id, const CxbUuid *uuid, GError **errp);
/** cxb_host_dax_release() - One holder less; fails if there is none. */
bool cxb_host_dax_release(CxbHost *host, uint16_t host_id, const CxbUuid *uuid, GError **errp);

#endif
