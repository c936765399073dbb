/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CXB_TOOLS_HOST_PRINT_H
#define CXB_TOOLS_HOST_PRINT_H

#include "host/host.h"

/** cxb_host_print() - What the host found, a line each: windows, functions, devices, regions, and
 * the extents that it holds. */
void cxb_host_print(const CxbHost *host);
void cxb_host_print_extents(const CxbHost *host);

#endif
