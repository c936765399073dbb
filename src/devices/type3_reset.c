/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reset of a memory device takes. Whatever its kind, commands, half-collected lists and
 * log 4 go, offers and release requests are announced again, and accepted extents stay (CXL 3.1
 * 9.13.3). Its parts know the rest by the kind; the configuration space was reset before.
 */
#include "devices.h"

static void reset_poison(Type3 *t3, CxbResetKind kind)
{
	const CxbDcConfig *dc = t3->dc ? cxb_dc_config(t3->dc) : NULL;
	const Type3Part *part = &t3->part[TYPE3_PERSISTENT];
	CxbPoisonRange kept[1 + CXB_DC_REGIONS];
	size_t n = 0;

	if (part->len)
		kept[n++] = (CxbPoisonRange){ part->dpa, part->len };
	for (unsigned i = 0; dc && i < dc->n_regions; i++)
		if (dc->regions[i].non_volatile)
			kept[n++] = (CxbPoisonRange){ dc->regions[i].base, dc->regions[i].len };
	cxb_poison_reset(t3->poison, kind, kept, n);
	/* The power of the device is that of its first head. */
	if (t3->capacity && !cxb_type3_is_head(t3))
		cxb_poison_reset(t3->capacity->kept_poison, kind, kept, n);
}

void cxb_type3_reset(CxbPciDev *dev, CxbResetKind kind)
{
	Type3 *t3 = (Type3 *)dev;

	cxb_dvsec_device_update_lock(dev, t3->dvsec0);
	cxb_comp_reset(t3->comp, kind);
	cxb_cci_reset(t3->cci, kind);
	cxb_devregs_reset(t3->devregs);
	cxb_evlogs_reset(t3->logs, kind);
	cxb_memdev_reset(t3->memdev, kind);
	reset_poison(t3, kind);
	if (t3->head)
		cxb_dc_head_reset(t3->head);
	if (t3->fm)
		cxb_fmld_reset(t3->fm, kind);
}
