/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of a memory device's CXL.mem side: logged in its RAS registers, reported as internal errors
 * of the function (CXL 3.1 12.2.2). */
#include "devices.h"

#include "base/error.h"

void cxb_type3_ras_error(void *opaque, bool correctable)
{
	if (correctable)
		cxb_pcie_aer_correctable(opaque, CXB_AER_COR_INTERNAL);
	else
		cxb_pcie_aer_uncorrectable(opaque, CXB_AER_UNC_INTERNAL);
}

bool cxb_cxl_type3_uncorrectable(CxbDevice *type3, const CxbRasError *errors, size_t n,
				 GError **errp)
{
	return cxb_comp_ras_uncorrectable(((Type3 *)type3)->comp, errors, n) ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"more than %u errors would wait in the RAS registers of '%s'",
			CXB_RAS_ERRORS, ((Type3 *)type3)->path);
}

void cxb_cxl_type3_correctable(CxbDevice *type3, unsigned bit)
{
	cxb_comp_ras_correctable(((Type3 *)type3)->comp, bit);
}
