/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a memory device's commands; each file below adds its own rows. */
#ifndef CXB_CXL_MEMDEV_IMPL_H
#define CXB_CXL_MEMDEV_IMPL_H

#include <glib.h>

#include "cxl/memdev.h"
#include "wire/feature.h"
#include "wire/firmware.h"
#include "wire/mbox.h"
#include "wire/sanitize.h"

#define NS_PER_S        INT64_C(1000000000)
#define MEMDEV_FW_SLOTS 2

typedef struct {
	/* Nothing in [0]: the slot is empty. Without an end if all 16 characters are used. */
	char revision[MEMDEV_FW_SLOTS][WIRE_FW_REVISION_LEN];
	uint8_t active, staged; /* slots, from 1; staged 0: none */
	unsigned packages;      /* that have arrived */
	/* The transfer: its last part, and since when the next one is awaited. */
	bool open;
	uint32_t part_offset; /* in WIRE_FW_UNIT */
	size_t part_len;
	int64_t part_end_ns;
	uint8_t filling; /* slot that the part on its way completes; 0: none */
} MemdevFirmware;

/* What can be written of each feature, as it is now. */
typedef struct {
	struct wire_scrub_set scrub;
	struct wire_ecs_set ecs;
} MemdevFeatureData;

#define MEMDEV_FEATURE_MAX sizeof(struct wire_ecs_get) /* bytes of the longest */

typedef struct {
	MemdevFeatureData data;
	/* The transfer: whose, what has arrived of it, and where its last part was. */
	bool open;
	CxbUuid uuid;
	uint8_t collected[MEMDEV_FEATURE_MAX];
	size_t part_offset, part_len;
} MemdevFeatures;

struct CxbMemdev {
	CxbMemdevConfig config;
	bool time_set;
	uint64_t time_ns;   /* device time when it was set */
	int64_t time_at_ns; /* clock's time then */
	struct wire_alert_config alerts;
	MemdevFirmware firmware;
	MemdevFeatures features;
	CxbCci *eraser;          /* whose sanitize or media operation is or was under way */
	CxbMemdevRange *erasing; /* of the media operation; NULL: there is none */
	size_t n_erasing;
};

void memdev_add_identify(CxbMemdev *md, CxbCci *cci); /* cmd_identify.c */
void memdev_add_lsa(CxbMemdev *md, CxbCci *cci);      /* cmd_lsa.c */
void memdev_add_health(CxbMemdev *md, CxbCci *cci);   /* cmd_health.c */
void memdev_add_firmware(CxbMemdev *md, CxbCci *cci); /* cmd_firmware.c */
void memdev_init_firmware(CxbMemdev *md);
void memdev_reset_firmware(CxbMemdev *md, CxbResetKind kind);
/** memdev_firmware_revision() - Of the active slot, up to 16 characters. */
const char *memdev_firmware_revision(const CxbMemdev *md);
void memdev_add_features(CxbMemdev *md, CxbCci *cci); /* cmd_features.c */
void memdev_init_features(CxbMemdev *md);
void memdev_reset_features(CxbMemdev *md, CxbResetKind kind);
void memdev_add_sanitize(CxbMemdev *md, CxbCci *cci); /* cmd_sanitize.c */
void memdev_add_security(CxbMemdev *md, CxbCci *cci); /* cmd_security.c */
void memdev_init_alerts(CxbMemdev *md);

#endif
