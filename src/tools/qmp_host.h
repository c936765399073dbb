/* SPDX-License-Identifier: Apache-2.0 */
/* QMP rows of the built-in host: query-cxl-host, cxl-host-respond. */
#ifndef CXB_TOOLS_QMP_HOST_H
#define CXB_TOOLS_QMP_HOST_H

#include "host/host.h"
#include "monitor/qmp.h"

typedef struct {
	CxbMachine *machine;
	CxbHost *host; /* NULL: nobody plays the host */
} QmpHost;

/** cxb_qmp_host_add() - @qh must outlive @qmp. */
void cxb_qmp_host_add(CxbQmp *qmp, QmpHost *qh);

#endif
