/* SPDX-License-Identifier: Apache-2.0 */
#include "function.h"

#include <errno.h>

#include "base/bytes.h"
#include "pci/served.h"
#include "vfu/caps.h"

struct Function {
	CxbPciDev *dev;
	CxbPciServer server;
	char *name;
	Session *session;
	GByteArray *caps; /* of the region looked at last */
};

static bool interrupt(void *opaque, bool msix, unsigned vector)
{
	Function *f = opaque;

	return f->session && session_fire(f->session, msix ? VFU_IRQ_MSIX : VFU_IRQ_MSI, vector);
}

Function *function_new(CxbPciDev *dev, const char *name, GError **errp)
{
	Function *f = g_new0(Function, 1);

	f->name = g_strdup(name);
	f->caps = g_byte_array_new();
	f->server = (CxbPciServer){ .name = f->name, .interrupt = interrupt, .opaque = f };
	if (cxb_pci_serve(dev, &f->server, errp)) {
		f->dev = dev;
		return f;
	}
	function_free(f);
	return NULL;
}

void function_free(Function *f)
{
	if (!f)
		return;
	if (f->dev) {
		function_set_session(f, NULL);
		cxb_pci_serve(f->dev, NULL, NULL);
	}
	g_byte_array_unref(f->caps);
	g_free(f->name);
	g_free(f);
}

void function_set_session(Function *f, Session *session)
{
	f->session = session;
	cxb_pci_served_to(f->dev, session != NULL);
}

/* --- regions --- */

static const CxbPciServedOps *own(const Function *f)
{
	return ((const CxbPciClass *)f->dev->dev.obj.type->klass)->served_ops;
}

static uint32_t flags(void *opaque)
{
	const Function *f = opaque;

	return own(f) ? own(f)->flags(f->dev) : 0;
}

static unsigned regions(void *opaque)
{
	const Function *f = opaque;

	return own(f) ? own(f)->regions(f->dev) : VFU_REGIONS;
}

static bool own_region(Function *f, unsigned index, TargetRegion *out)
{
	CxbPciServedRegion r = { .fd = -1 };

	if (!own(f) || !own(f)->region(f->dev, index, &r))
		return false;
	*out = (TargetRegion){ .size = r.size, .fd = r.fd, .fd_off = r.fd_off, .caps = r.caps };
	return true;
}

_Static_assert(CXB_PCI_SERVED_OWN == VFU_REGIONS, "a function's own follow those of all");

static uint64_t size(void *opaque, unsigned index)
{
	const Function *f = opaque;

	if (index == VFU_REGION_CONFIG)
		return f->dev->config_size;
	return index < CXB_PCI_BARS ? f->dev->bars[index].size : 0;
}

static void region(void *opaque, unsigned index, TargetRegion *out)
{
	Function *f = opaque;

	if (own_region(f, index, out))
		return;
	out->size = size(opaque, index);
	if (index < CXB_PCI_BARS) {
		const CxbPciBar *bar = &f->dev->bars[index];
		const struct vfu_area area = { bar->shared.off, bar->shared.len };

		if (!area.size)
			return;
		g_byte_array_set_size(f->caps, 0);
		cxb_vfu_caps_add_sparse(f->caps, &area, 1);
		out->fd = bar->shared.fd;
		out->caps = f->caps;
	}
}

/* The largest access at @off that configuration space knows. */
static unsigned config_piece(uint64_t off, size_t len)
{
	return off % 4 == 0 && len >= 4 ? 4 : off % 2 == 0 && len >= 2 ? 2 : 1;
}

static int done(CxbMemResult result, size_t len)
{
	return result == CXB_MEM_OK ? (int)len : -EIO;
}

static int read_region(void *opaque, unsigned index, uint64_t off, void *buf, size_t len)
{
	Function *f = opaque;

	if (index >= VFU_REGIONS)
		return own(f)->read(f->dev, index, off, buf, len);
	if (index != VFU_REGION_CONFIG)
		return done(cxb_region_read(f->dev->bars[index].region, off, buf, len), len);
	for (size_t at = 0; at < len;) {
		const unsigned n = config_piece(off + at, len - at);

		le_store((uint8_t *)buf + at, n, cxb_pci_dev_config_read(f->dev, off + at, n));
		at += n;
	}
	return len;
}

static int write_region(void *opaque, unsigned index, uint64_t off, const void *buf, size_t len)
{
	Function *f = opaque;

	if (index >= VFU_REGIONS)
		return own(f)->write(f->dev, index, off, buf, len);
	if (index != VFU_REGION_CONFIG)
		return done(cxb_region_write(f->dev->bars[index].region, off, buf, len), len);
	for (size_t at = 0; at < len;) {
		const unsigned n = config_piece(off + at, len - at);

		cxb_pci_dev_config_write(f->dev, off + at, n,
					 le_load((const uint8_t *)buf + at, n));
		at += n;
	}
	return len;
}

/* --- interrupts, reset --- */

static unsigned irqs(void *opaque, unsigned index)
{
	const Function *f = opaque;

	switch (index) {
	case VFU_IRQ_MSI:
		return cxb_msi_vectors(f->dev);
	case VFU_IRQ_MSIX:
		return cxb_msix_vectors(f->dev);
	case VFU_IRQ_ERR:
	case VFU_IRQ_REQ:
		return 1;
	}
	return 0; /* CXL functions have no INTx */
}

static void irqs_ready(void *opaque, unsigned index, unsigned start, unsigned count)
{
	Function *f = opaque;

	if (index == VFU_IRQ_MSIX)
		cxb_pci_served_ready(f->dev, start, count);
}

/* A client says the same word for a reset of its machine and for one of the bus above. */
static void reset(void *opaque)
{
	Function *f = opaque;

	if (own(f) && own(f)->reset)
		own(f)->reset(f->dev);
	else
		cxb_device_reset(&f->dev->dev, CXB_RESET_WARM);
}

const TargetOps function_ops = {
	.flags = flags,
	.regions = regions,
	.size = size,
	.region = region,
	.read = read_region,
	.write = write_region,
	.irqs = irqs,
	.irqs_ready = irqs_ready,
	.reset = reset,
};
