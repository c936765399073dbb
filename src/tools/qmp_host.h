/* SPDX-License-Identifier: Apache-2.0 */
/* QMP rows of the built-in host: qmp_host.c and qmp_dax.c. */
#ifndef CXB_TOOLS_QMP_HOST_H
#define CXB_TOOLS_QMP_HOST_H

#include <json-c/json_object.h>

#include "host/host.h"
#include "monitor/qmp.h"

typedef struct {
	CxbMachine *machine;
	CxbHost *host; /* NULL: nobody plays the host */
} QmpHost;

/** cxb_qmp_host_add() - @qh must outlive @qmp. */
void cxb_qmp_host_add(CxbQmp *qmp, QmpHost *qh);

/* --- between the files --- */

void cxb_qmp_dax_add(CxbQmp *qmp, QmpHost *qh);
/** cxb_qmp_host_there() - There is a built-in host; runs: and it does not stand. */
bool cxb_qmp_host_there(const QmpHost *qh, GError **errp);
bool cxb_qmp_host_runs(const QmpHost *qh, GError **errp);
/** cxb_qmp_host_put_path() - "path" of the device at @bdf, if it is there. */
void cxb_qmp_host_put_path(const QmpHost *qh, json_object *o, uint16_t bdf);

#endif
