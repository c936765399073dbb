/* SPDX-License-Identifier: Apache-2.0 */
/* QMP rows about chardevs: query-chardev, query-chardev-backends. */
#ifndef CXB_TOOLS_QMP_CHARDEV_H
#define CXB_TOOLS_QMP_CHARDEV_H

#include "doors.h"

/** cxb_qmp_chardev_add() - @d must not be asked once it is freed. */
void cxb_qmp_chardev_add(CxbQmp *qmp, Doors *d);

#endif
