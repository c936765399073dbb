/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses of the machine's fixed memory windows belong to which passed-through device. Such
 * a device is decoder 0 at one place, which nobody else may have.
 */
#ifndef CXB_CXL_HDM_CLAIM_H
#define CXB_CXL_HDM_CLAIM_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	unsigned index;      /* as in cxl-fmw.N, for errors */
	uint64_t base, size; /* HPA, bytes */
	unsigned ways;
} CxbHdmWindow;

typedef struct CxbHdmClaims CxbHdmClaims;

CxbHdmClaims *cxb_hdm_claims_new(void);
void cxb_hdm_claims_free(CxbHdmClaims *claims);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbHdmClaims, cxb_hdm_claims_free)

/**
 * cxb_hdm_claim() - A place for a device's memory.
 * @who:     the device, for errors of others
 * @given:   HPA that it has to be at; 0: the base of the first window that has room there
 * @size:    bytes of device memory, a multiple of 256 MiB
 * @windows: those that lead to the device's own host bridge
 *
 * A window has room if it leads nowhere else, holds the memory, and nobody has claimed a part of
 * it. Release with cxb_hdm_release().
 *
 * Returns: false, with nothing claimed and *@base untouched, if there is no such place.
 */
bool cxb_hdm_claim(CxbHdmClaims *claims, const char *who, uint64_t given, uint64_t size,
		   const CxbHdmWindow *windows, size_t n, uint64_t *base, GError **errp);
/** cxb_hdm_release() - Give back what was claimed at @base. */
void cxb_hdm_release(CxbHdmClaims *claims, uint64_t base);

#endif
