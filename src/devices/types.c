/* SPDX-License-Identifier: Apache-2.0 */
#include "devices.h"
#include "vfio.h"

void cxb_cxl_types_register(CxbQom *qom)
{
	cxb_qom_register(qom, &cxb_pxb_cxl_type);
	cxb_qom_register(qom, &cxb_cxl_rp_type);
	cxb_qom_register(qom, &cxb_cxl_type2_type);
	cxb_qom_register(qom, &cxb_cxl_type3_type);
	cxb_qom_register(qom, &cxb_cxl_type3_head_type);
	cxb_qom_register(qom, &cxb_cxl_mctp_type);
	cxb_qom_register(qom, &cxb_cxl_window_type);
	cxb_qom_register(qom, &cxb_vfio_user_pci_type);
}

static CxbMemResult comp_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	CxbComp **comp = opaque;

	*val = cxb_comp_read(*comp, off, size);
	return CXB_MEM_OK;
}

static CxbMemResult comp_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	CxbComp **comp = opaque;

	cxb_comp_write(*comp, off, size, val);
	return CXB_MEM_OK;
}

const CxbRegionOps cxb_comp_region_ops = { .read = comp_read, .write = comp_write };
