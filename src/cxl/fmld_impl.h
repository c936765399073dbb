/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the fabric manager's logical device; each file adds its own rows. */
#ifndef CXB_CXL_FMLD_IMPL_H
#define CXB_CXL_FMLD_IMPL_H

#include <glib.h>

#include "cxl/evlog.h"
#include "cxl/fmld.h"

/* What commands 0001h to 0004h go by, of one interface. */
typedef struct {
	const CxbFmLdConfig *config;
	uint8_t limit; /* of responses, as a power of two */
} CciInfo;

struct CxbFmLd {
	CxbFmLdConfig config; /* name is our copy */
	CxbCci *cci;
	CxbEvLogs *logs;
	CciInfo info;
	CxbCci *ld0; /* where the tunnel leads */
	CciInfo ld0_info;
	CxbCci *pool; /* as well; NULL: it has one head */
	CciInfo pool_info;
};

/* cmd_info.c */
void fmld_add_identify(CciInfo *info, CxbCci *cci); /* 0001h */
void fmld_add_status(CciInfo *info, CxbCci *cci);   /* 0002h to 0004h */
void fmld_set_limit(CciInfo *info, CxbCci *cci, uint8_t limit);

void fmld_add_tunnel(CxbFmLd *fm);             /* cmd_tunnel.c */
void fmld_add_heads(CxbFmLd *fm, CxbCci *cci); /* fmld_heads.c */
void fmld_add_dc(CxbFmLd *fm);                 /* fmld_dc.c */
void fmld_add_dc_config(CxbFmLd *fm);          /* fmld_config.c */
void fmld_add_dc_changes(CxbFmLd *fm);         /* fmld_change.c */
void fmld_add_tags(CxbFmLd *fm);               /* fmld_tags.c */
extern const CxbDcObserver fmld_events;        /* fmld_events.c; opaque: CxbFmLd */

/* Of commands that change dynamic capacity. */
#define FMLD_CHANGE_EFFECTS (CXB_EFFECT_CONFIG_COLD | CXB_EFFECT_CONFIG_NOW | CXB_EFFECT_DATA_NOW)

#define FMLD_MESSAGE_MAX_LOG2 12
_Static_assert(CXB_FMLD_MESSAGE_MAX == 1 << FMLD_MESSAGE_MAX_LOG2, "a power of two");

#endif
