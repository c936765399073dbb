/* SPDX-License-Identifier: Apache-2.0 */
/* -accel: who plays the host. */
#ifndef CXB_TOOLS_ACCEL_H
#define CXB_TOOLS_ACCEL_H

#include "host/host.h"
#include "qom/scalar.h"

typedef struct {
	bool given; /* some -accel was there; without any, the built-in host plays */
	bool host, qtest;
	CxbHostPolicy accept, release;
} AccelConfig;

/** cxb_accel_parse() - One -accel value ("accel" is the implied key). */
bool cxb_accel_parse(AccelConfig *accel, CxbOpts *opts, GError **errp);
void cxb_accel_print_help(void);

#endif
