/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of a CXL device share. */
#ifndef VFIO_CXL_IMPL_H
#define VFIO_CXL_IMPL_H

#include "vfio/cxl.h"

/** cxl_look() - Read the decoder. */
bool cxl_look(CxbVfioCxl *cxl, CxbHdmRegs *out, GError **errp);
/** cxl_regs_io() - The region with the registers, as it is. */
CxbRegIo cxl_regs_io(CxbVfioCxl *cxl);

#endif
