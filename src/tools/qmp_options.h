/* SPDX-License-Identifier: Apache-2.0 */
/* QMP rows about how the program can be started: query-accelerators, query-command-line-options. */
#ifndef CXB_TOOLS_QMP_OPTIONS_H
#define CXB_TOOLS_QMP_OPTIONS_H

#include "accel.h"
#include "monitor/qmp.h"

/* What they are answered from. */
typedef struct {
	const AccelConfig *accel;
	const CxbQom *qom;
} QmpOptions;

/** cxb_qmp_options_add() - @qo must outlive @qmp. */
void cxb_qmp_options_add(CxbQmp *qmp, const QmpOptions *qo);

#endif
