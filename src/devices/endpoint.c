/* SPDX-License-Identifier: Apache-2.0 */
/* What all endpoints have: each kind of device answers for itself. */
#include "devices.h"

#include "base/error.h"

bool cxb_cxl_is_endpoint(const CxbDevice *dev)
{
	static const char *const kinds[] = { CXB_TYPE_NAME_CXL_TYPE2, CXB_TYPE_NAME_CXL_TYPE3,
					     CXB_TYPE_NAME_CXL_TYPE3_HEAD,
					     CXB_TYPE_NAME_VFIO_USER_PCI };

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (cxb_object_is(&dev->obj, kinds[i]))
			return true;
	return false;
}

static const CxlEndpointClass *class_of(const CxbDevice *endpoint)
{
	return cxb_object_klass(&endpoint->obj);
}

const CxbHdm *cxb_cxl_endpoint_hdm(const CxbDevice *endpoint)
{
	return class_of(endpoint)->hdm(endpoint);
}

bool cxb_cxl_endpoint_served(const CxbDevice *endpoint)
{
	return ((const CxbPciDev *)endpoint)->served;
}

void cxb_cxl_endpoint_settle(CxbDevice *endpoint)
{
	if (class_of(endpoint)->settle)
		class_of(endpoint)->settle(endpoint);
}

bool cxb_cxl_endpoint_answers(const CxbDevice *endpoint)
{
	return class_of(endpoint)->answers(endpoint);
}

bool cxb_cxl_endpoint_segment(CxbDevice *endpoint, uint64_t dpa, CxbCxlSegment *out)
{
	return class_of(endpoint)->segment(endpoint, dpa, out);
}

bool cxb_cxl_endpoint_read(CxbDevice *endpoint, uint64_t dpa, void *buf, size_t len)
{
	return class_of(endpoint)->read(endpoint, dpa, buf, len);
}

bool cxb_cxl_endpoint_write(CxbDevice *endpoint, uint64_t dpa, const void *buf, size_t len)
{
	return class_of(endpoint)->write(endpoint, dpa, buf, len);
}

bool cxb_endpoint_take(CxbHostMem *mem, const char *holder, GError **errp)
{
	/* One that is still to be zeroed says so itself. */
	if (cxb_hostmem_holder(mem) && cxb_hostmem_state(mem) == CXB_HOSTMEM_CLEAN)
		return cxb_fail(errp, CXB_ERROR_BUSY,
				"memory backend %s can't be used multiple times. It is held by %s",
				cxb_hostmem_id(mem), cxb_hostmem_holder(mem));
	return cxb_hostmem_hold(mem, holder, errp);
}
