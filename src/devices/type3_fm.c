/* SPDX-License-Identifier: Apache-2.0 */
/* A memory device as a fabric manager sees it: cxl-mctp joins its interface to a wire. */
#include "devices.h"

static const CxbPciClass *pci_class(const Type3 *t3)
{
	return cxb_object_klass(&t3->pci.dev.obj);
}

void cxb_type3_fm_init(Type3 *t3)
{
	const CxbFmLdConfig config = {
		.name = t3->path,
		.vendor_id = pci_class(t3)->vendor_id,
		.device_id = pci_class(t3)->device_id,
		.subsys_vendor_id = pci_class(t3)->subsys_vendor_id,
		.subsys_id = pci_class(t3)->subsys_id,
		.serial = t3->sn == SN_UNSET ? 0 : t3->sn,
		.clock = t3->listener->clock,
		.memdev = t3->memdev,
		.dc = t3->dc,
		.log_size = t3->dc_event_log_size,
	};

	t3->fm = cxb_fmld_new(&config);
}

CxbCci *cxb_cxl_type3_fm_cci(CxbDevice *type3)
{
	const Type3 *t3 = (const Type3 *)type3;

	return t3->fm ? cxb_fmld_cci(t3->fm) : NULL;
}
