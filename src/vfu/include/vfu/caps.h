/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains of capabilities in the reply to VFU_GET_REGION_INFO, as VFIO has them: each says where the
 * next one is, counted from the start of struct vfu_region_info, which the chain follows.
 */
#ifndef CXB_VFU_CAPS_H
#define CXB_VFU_CAPS_H

#include <glib.h>

#include "vfu/wire.h"

/** cxb_vfu_caps_add() - One more, with (@body, @len) behind its header; @len is a multiple of 8. */
void cxb_vfu_caps_add(GByteArray *caps, uint16_t id, const void *body, size_t len);
/** cxb_vfu_caps_add_sparse() - What of the region can be mapped; @n 0: nothing of it. */
void cxb_vfu_caps_add_sparse(GByteArray *caps, const struct vfu_area *areas, unsigned n);
/** cxb_vfu_caps_add_type() - What the region is. */
void cxb_vfu_caps_add_type(GByteArray *caps, uint32_t type, uint32_t subtype);

#endif
