/* SPDX-License-Identifier: Apache-2.0 */
/* Devices on buses without a machine: PCI host, memory map, backends, and a listener that counts. */
#ifndef RIG_H
#define RIG_H

#include "base/error.h"
#include "devices/cxl.h"

typedef struct {
	CxbQom *qom;
	CxbMemMap *mm;
	CxbPciHost *host;
	CxbHostMemPool *pool;
	CxbPciBus *root;
	CxbCxlListener listener;
	unsigned endpoints, removing, changed;
} Rig;

static inline void rig_removing(void *opaque, CxbDevice *component)
{
	((Rig *)opaque)->removing++;
}

static inline void rig_changed(void *opaque, CxbDevice *component)
{
	((Rig *)opaque)->changed++;
}

static inline bool rig_settling(void *opaque, CxbDevice *endpoint)
{
	return false;
}

static inline void rig_added(void *opaque, CxbDevice *endpoint)
{
	((Rig *)opaque)->endpoints++;
}

static inline void rig_gone(void *opaque, CxbDevice *endpoint)
{
	((Rig *)opaque)->endpoints--;
}

static inline CxbDcPrepare rig_prepare(void *opaque, CxbDevice *endpoint, const CxbDcOp *op,
				       GError **errp)
{
	return CXB_DC_READY;
}

static inline void rig_ignore(void *opaque, CxbDevice *endpoint, const CxbDcOp *op)
{
}

static inline void rig_setup(Rig *r, gconstpointer unused)
{
	*r = (Rig){ .qom = cxb_qom_new(), .mm = cxb_memmap_new() };
	r->pool = cxb_hostmem_pool_new(r->qom);
	cxb_device_types_register(r->qom);
	cxb_pci_types_register(r->qom);
	cxb_cxl_types_register(r->qom);
	r->host = cxb_pci_host_new(r->qom, r->mm, 0, NULL, NULL);
	r->root = cxb_pci_root_bus_new(r->host, "pcie.0", 0, true, NULL,
				       cxb_qom_container(r->qom, "/machine"), NULL);
	r->listener = (CxbCxlListener){
		.opaque = r,
		.clock = cxb_clock_new_virtual(),
		.tags = cxb_dc_tag_space_new(),
		.pool = r->pool,
		.decode_removing = rig_removing,
		.decode_changed = rig_changed,
		.decode_settling = rig_settling,
		.endpoint_added = rig_added,
		.endpoint_removing = rig_gone,
		.dc_prepare = rig_prepare,
		.dc_abort = rig_ignore,
		.dc_commit = rig_ignore,
	};
	cxb_qom_set_service(r->qom, CXB_SERVICE_CXL_LISTENER, &r->listener);
}

static inline void rig_teardown(Rig *r, gconstpointer unused)
{
	while (r->root->bus.devices->len)
		cxb_device_remove(r->root->bus.devices->pdata[r->root->bus.devices->len - 1]);
	g_assert_cmpuint(r->endpoints, ==, 0);
	cxb_qom_free(r->qom);
	cxb_pci_host_free(r->host);
	cxb_hostmem_pool_free(r->pool);
	cxb_memmap_free(r->mm);
	cxb_dc_tag_space_free(r->listener.tags);
	cxb_clock_free(r->listener.clock);
}

static inline CxbDevice *rig_try(Rig *r, const char *text, GError **errp)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "driver", false, NULL);

	return cxb_device_add(r->qom, opts, false, errp);
}

static inline CxbPciDev *rig_device(Rig *r, const char *text)
{
	g_autoptr(GError) err = NULL;
	CxbDevice *dev = rig_try(r, text, &err);

	g_assert_no_error(err);
	return CXB_PCI_DEV(dev);
}

/* Refused, with a message that has @why in it. */
static inline void rig_refuses(Rig *r, const char *text, const char *why)
{
	g_autoptr(GError) err = NULL;

	g_assert_null(rig_try(r, text, &err));
	g_assert_nonnull(err);
	if (!strstr(err->message, why))
		g_error("'%s' does not say '%s'", err->message, why);
}

static inline CxbHostMem *rig_backend(Rig *r, const char *text)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "qom-type", false, &err);
	CxbObject *obj = cxb_user_object_add(r->qom, opts, &err);

	g_assert_no_error(err);
	return cxb_hostmem_from_object(obj);
}

/* pxb "cxl.1" on bus 12, root port "rp" below it. */
static inline void rig_bridge(Rig *r)
{
	rig_device(r, "pxb-cxl,id=cxl.1,bus=pcie.0,bus_nr=12");
	rig_device(r, "cxl-rp,id=rp,bus=cxl.1,port=3,chassis=0,slot=2");
}

static inline uint32_t cfg(CxbPciDev *dev, uint16_t off, unsigned size)
{
	return cxb_pci_dev_config_read(dev, off, size);
}

#define RIG_ADD(path, fn) g_test_add(path, Rig, NULL, rig_setup, fn, rig_teardown)

#endif
