/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a memory device's commands; each file below adds its own rows. */
#ifndef CXB_CXL_MEMDEV_IMPL_H
#define CXB_CXL_MEMDEV_IMPL_H

#include <glib.h>

#include "cxl/memdev.h"
#include "wire/mbox.h"

struct CxbMemdev {
	CxbMemdevConfig config;
	char *fw_revision;
	bool time_set;
	uint64_t time_ns;   /* device time when it was set */
	int64_t time_at_ns; /* clock's time then */
	struct wire_alert_config alerts;
};

void memdev_add_timestamp(CxbMemdev *md, CxbCci *cci); /* cmd_timestamp.c */
void memdev_add_logs(CxbMemdev *md, CxbCci *cci);      /* cmd_logs.c */
void memdev_add_identify(CxbMemdev *md, CxbCci *cci);  /* cmd_identify.c */
void memdev_add_lsa(CxbMemdev *md, CxbCci *cci);       /* cmd_lsa.c */
void memdev_add_health(CxbMemdev *md, CxbCci *cci);    /* cmd_health.c */
void memdev_init_alerts(CxbMemdev *md);

#endif
