/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every memory device's mailbox has beside events, poison and dynamic capacity: Request Abort
 * Background Operation (0005h), firmware (0200h to 0202h), timestamp (0300h/0301h), logs with the
 * effects log (0400h/0401h), features (0500h to 0502h), Identify (4000h), partitions
 * (4100h/4101h), label storage (4102h/4103h), health and alerts (4200h to 4202h), sanitize and
 * media operations (4400h, 4402h), security state (4500h).
 */
#ifndef CXB_CXL_MEMDEV_H
#define CXB_CXL_MEMDEV_H

#include <stdint.h>

#include "base/clock.h"
#include "base/reset.h"
#include "cxl/cci.h"
#include "cxl/evlog.h"

typedef struct CxbMemdev CxbMemdev;

typedef struct {
	uint64_t dpa, len;
} CxbMemdevRange;

/*
 * The media as sanitize and media operations (4400h, 4402h) see it: bytes become zero. Both return Success;
 * Internal Error, if some are not erased; or CXB_RC_LATER: cxb_memdev_erased() tells, unless it was stopped.
 */
typedef struct {
	/* Everything: memory that answers now, label storage. */
	CxbRc (*sanitize)(void *opaque);
	/* It stops answering, or does again; the interface's media disabled goes with it. */
	void (*disable)(void *opaque, bool disabled);
	bool (*answers)(void *opaque, uint64_t dpa, uint64_t len); /* all of it */
	/* What answers of some ranges. */
	CxbRc (*erase)(void *opaque, const CxbMemdevRange *ranges, size_t n);
	/* What was to come later is given up; nothing is erased once this has returned. */
	void (*stop)(void *opaque);
	void *opaque;
} CxbMemdevMedia;

typedef struct {
	CxbClock *clock;
	CxbEvLogs *logs; /* borrowed; sizes for Identify. May be set later: cxb_memdev_set_logs() */
	uint64_t volatile_size, persistent_size; /* bytes, multiples of 256 MiB */
	uint32_t lsa_size; /* bytes; 0: no label storage area, and no commands for it */
	/* Copy @len bytes of the label storage area, inside of it; false: it cannot be reached,
	 * which the host sees as Internal Error. Wanted if there is one. */
	bool (*lsa_read)(void *opaque, uint64_t off, void *buf, size_t len);
	bool (*lsa_write)(void *opaque, uint64_t off, const void *buf, size_t len);
	void *lsa_opaque;
	CxbMemdevMedia media;     /* all of it, or nothing and no commands for it */
	uint32_t poison_list_max; /* records, for Identify; 0: no poison list */
	const char *fw_revision;  /* 16 characters at most */
} CxbMemdevConfig;

CxbMemdev *cxb_memdev_new(const CxbMemdevConfig *config);
void cxb_memdev_free(CxbMemdev *md);
void cxb_memdev_set_logs(CxbMemdev *md, CxbEvLogs *logs);
void cxb_memdev_add_commands(CxbMemdev *md, CxbCci *cci);
/** cxb_memdev_add_timestamp(), _logs() - Only these, to another interface of the device. */
void cxb_memdev_add_timestamp(CxbMemdev *md, CxbCci *cci);
void cxb_memdev_add_logs(CxbMemdev *md, CxbCci *cci);
/** cxb_memdev_reset() - After cxb_cci_reset(). Open transfers of firmware and features are dropped;
 * features go back to their defaults unless it is the function's own reset; with the power, the time is
 * lost and staged firmware becomes active. */
void cxb_memdev_reset(CxbMemdev *md, CxbResetKind kind);
/** cxb_memdev_erased() - What its media was to do later it has done: everything, or not. */
void cxb_memdev_erased(CxbMemdev *md, bool everything);
/** cxb_memdev_timestamp() - Device time in ns; 0 until it has been set (8.2.9.4). */
uint64_t cxb_memdev_timestamp(const CxbMemdev *md);

#endif
