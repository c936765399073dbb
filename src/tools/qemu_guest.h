/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest needs to find CXL memory that QEMU does not know: room for its windows where QEMU
 * lets memory be plugged, a table CEDT that has them there, and ports that no guest sees, behind
 * which cxlbox puts memory into a window as the guest's decoders and acceptances have it.
 *
 * What QEMU's machine will be is asked of a machine of ours made by the same options.
 */
#ifndef CXB_TOOLS_QEMU_GUEST_H
#define CXB_TOOLS_QEMU_GUEST_H

#include "qemu_split.h"

#define QEMU_ROOT_BUS "pcie.0"

/* Of a device on the root bus that no guest sees. */
typedef struct {
	unsigned slot, function; /* 0: none yet */
} QemuHidden;

/* Without ports: static memory of a device, in a window from the start. */
typedef struct {
	const char *memdev; /* borrowed from the split */
	uint64_t hpa, size;
	QemuHidden at;
} QemuStatic;

/* Hidden ports of one device, and where cxlbox reaches QEMU's monitor to use them. */
typedef struct {
	char *ports; /* what their ids begin with */
	char *qmp;
	bool taken; /* a device has them now */
} QemuPlace;

typedef struct {
	GByteArray *cedt;  /* NULL: there are no windows, QEMU's own does */
	char *memory;      /* what -m says now */
	unsigned ports;    /* hidden ones */
	GArray *places;    /* QemuPlace: of the split's devices in order, then of those to come */
	GArray *statics;   /* QemuStatic */
	GPtrArray *unseen; /* char *: devices whose memory the guest does not see all of */
} QemuGuest;

/* Most hidden ports that there may be: 27 slots of 7 functions. */
#define QEMU_GUEST_MAX_PORTS 189

/**
 * qemu_guest_new() - Settle the machine; both lines get what is about memory and hidden ports.
 * @dir: where sockets will be
 * @ports: how many for all devices together; 0: none, static memory is there from the start
 * @exact: none of these, but functions that make messages of all accesses to the windows
 */
QemuGuest *qemu_guest_new(QemuSplit *split, const char *dir, unsigned ports, bool exact,
			  GError **errp);
void qemu_guest_free(QemuGuest *guest); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QemuGuest, qemu_guest_free)

/** qemu_guest_next_hidden() - Move @place on to one that is free, for @what. */
bool qemu_guest_next_hidden(QemuSplit *split, QemuHidden *place, const char *what, GError **errp);

/** qemu_guest_map() - QEMU's words for one static piece whose bytes are in the file @path. */
void qemu_guest_map(GPtrArray *words, const QemuStatic *piece, const char *path);

#endif
