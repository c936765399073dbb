/* SPDX-License-Identifier: Apache-2.0 */
/* A memory device as a fabric manager sees it: cxl-mctp joins its interface to a wire. */
#include "devices.h"

#include "base/bytes.h"
#include "pci/regs.h"

static const CxbPciClass *pci_class(const Type3 *t3)
{
	return cxb_object_klass(&t3->pci.dev.obj);
}

/* What its link registers say. */
static bool head_link(void *opaque, uint8_t head, CxbFmLink *out)
{
	Type3 *t3 = opaque;
	const CxbPciDev *dev = (const CxbPciDev *)cxb_cxl_type3_head(&t3->pci.dev, head);
	const uint8_t *cap = dev ? dev->config + dev->pcie_cap : NULL;
	uint32_t most;
	uint16_t now;

	if (!dev)
		return false;
	most = le_load(cap + PCIE_LINK_CAP, 4);
	now = le_load(cap + PCIE_LINK_STA, 2);
	*out = (CxbFmLink){
		.width_max = FIELD_GET(PCIE_LINK_WIDTH, most),
		.width = FIELD_GET(PCIE_LINK_WIDTH, now),
		.speeds = le_load(cap + PCIE_LINK_CAP2, 4) >> 1 & 0x3f,
		.speed_max = FIELD_GET(PCIE_LINK_SPEED, most),
		.speed = FIELD_GET(PCIE_LINK_SPEED, now),
	};
	return true;
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
		.heads = t3->dc ? cxb_dc_config(t3->dc)->n_heads : 1,
		.link = head_link,
		.link_opaque = t3,
	};

	t3->fm = cxb_fmld_new(&config);
}

CxbCci *cxb_cxl_type3_fm_cci(CxbDevice *type3)
{
	const Type3 *t3 = (const Type3 *)type3;

	return t3->fm ? cxb_fmld_cci(t3->fm) : NULL;
}
