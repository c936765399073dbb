/* SPDX-License-Identifier: Apache-2.0 */
#include "cxl/hdm_claim.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/ivmap.h"
#include "base/range.h"
#include "cxl/hdm.h"

struct CxbHdmClaims {
	CxbIvMap *taken; /* HPA -> char *: who */
};

CxbHdmClaims *cxb_hdm_claims_new(void)
{
	CxbHdmClaims *claims = g_new0(CxbHdmClaims, 1);

	claims->taken = cxb_ivmap_new(g_free);
	return claims;
}

void cxb_hdm_claims_free(CxbHdmClaims *claims)
{
	if (!claims)
		return;
	cxb_ivmap_free(claims->taken);
	g_free(claims);
}

/* Whether (@base, @size) may be had in @w, in which @base lies. */
static bool has_room(const CxbHdmClaims *claims, const CxbHdmWindow *w, uint64_t base,
		     uint64_t size, GError **errp)
{
	const CxbIv *other;

	if (w->ways != 1)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"cxl-fmw.%u is interleaved over %u host bridges", w->index,
				w->ways);
	if (!cxb_range_within(base, size, w->base, w->size))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"device memory of 0x%" PRIx64 " bytes at 0x%" PRIx64
				" runs past the end of cxl-fmw.%u",
				size, base, w->index);
	other = cxb_ivmap_overlap(claims->taken, base, size);
	if (other)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"device memory at 0x%" PRIx64 " overlaps that of '%s' at 0x%" PRIx64
				": give each a cxl-fmws-base of its own",
				base, (const char *)other->value, other->start);
	return true;
}

static bool check_given(const CxbHdmClaims *claims, uint64_t given, uint64_t size,
			const CxbHdmWindow *windows, size_t n, GError **errp)
{
	if (given % CXB_HDM_UNIT)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"cxl-fmws-base 0x%" PRIx64 " is not a multiple of 256 MiB", given);
	for (size_t i = 0; i < n; i++)
		if (cxb_range_within(given, 1, windows[i].base, windows[i].size))
			return has_room(claims, &windows[i], given, size, errp);
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"cxl-fmws-base 0x%" PRIx64
			" is in no fixed memory window of the device's host bridge",
			given);
}

/* The base of the first window that has room there; else what is wrong with the last. */
static bool look(const CxbHdmClaims *claims, uint64_t size, const CxbHdmWindow *windows, size_t n,
		 uint64_t *base, GError **errp)
{
	g_autoptr(GError) why = NULL;

	for (size_t i = 0; i < n; i++) {
		g_clear_error(&why);
		if (has_room(claims, &windows[i], windows[i].base, size, &why)) {
			*base = windows[i].base;
			return true;
		}
	}
	g_propagate_error(errp, g_steal_pointer(&why));
	return false;
}

bool cxb_hdm_claim(CxbHdmClaims *claims, const char *who, uint64_t given, uint64_t size,
		   const CxbHdmWindow *windows, size_t n, uint64_t *base, GError **errp)
{
	uint64_t at = given;
	bool added;

	g_assert(size && size % CXB_HDM_UNIT == 0);
	if (!n)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"no fixed memory window leads to the device's host bridge: device "
				"memory needs one (cxl-fmw)");
	if (given ? !check_given(claims, given, size, windows, n, errp)
		  : !look(claims, size, windows, n, &at, errp))
		return false;
	added = cxb_ivmap_insert(claims->taken, at, size, g_strdup(who));
	g_assert(added);
	*base = at;
	return true;
}

void cxb_hdm_release(CxbHdmClaims *claims, uint64_t base)
{
	const bool was = cxb_ivmap_remove(claims->taken, base);

	g_assert(was);
}
