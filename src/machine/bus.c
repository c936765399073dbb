/* SPDX-License-Identifier: Apache-2.0 */
/* CxbBus in process. */
#include "internal.h"

#include "base/error.h"

typedef struct {
	CxbBus bus;
	CxbMachine *m;
} MachineBus;

static CxbMachine *machine(CxbBus *bus)
{
	return ((MachineBus *)bus)->m;
}

static const CxbBusPlatform *bus_platform(CxbBus *bus)
{
	return &machine(bus)->platform;
}

static bool bus_config_read(CxbBus *bus, uint16_t bdf, uint16_t off, unsigned size, uint32_t *val,
			    GError **errp)
{
	*val = cxb_pci_config_read(machine(bus)->pci, bdf, off, size);
	return true;
}

static bool bus_config_write(CxbBus *bus, uint16_t bdf, uint16_t off, unsigned size, uint32_t val,
			     GError **errp)
{
	cxb_pci_config_write(machine(bus)->pci, bdf, off, size, val);
	return true;
}

static bool bus_mem_read(CxbBus *bus, uint64_t hpa, void *buf, size_t len, GError **errp)
{
	return cxb_memmap_read(machine(bus)->mm, hpa, buf, len) == CXB_MEM_OK ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"read of 0x%zx bytes at hpa 0x%" G_GINT64_MODIFIER "x failed", len, hpa);
}

static bool bus_mem_write(CxbBus *bus, uint64_t hpa, const void *buf, size_t len, GError **errp)
{
	return cxb_memmap_write(machine(bus)->mm, hpa, buf, len) == CXB_MEM_OK ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"write of 0x%zx bytes at hpa 0x%" G_GINT64_MODIFIER "x failed", len, hpa);
}

static bool bus_map(CxbBus *bus, uint64_t hpa, uint64_t len, CxbBusMap *out, GError **errp)
{
	void *ptr = cxb_memmap_ptr(machine(bus)->mm, hpa, len);

	if (!ptr)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"hpa 0x%" G_GINT64_MODIFIER "x, 0x%" G_GINT64_MODIFIER
				"x bytes: not all of it is directly mapped memory",
				hpa, len);
	*out = (CxbBusMap){ .ptr = ptr, .fd = -1 };
	return true;
}

static void bus_unmap(CxbBus *bus, uint64_t hpa, uint64_t len, CxbBusMap *map)
{
	*map = (CxbBusMap){ .fd = -1 };
}

static bool bus_irq_alloc(CxbBus *bus, CxbBusIrqFn fn, void *opaque, CxbBusIrq *out, GError **errp)
{
	return cxb_irqs_alloc(machine(bus)->irqs, fn, opaque, out, errp);
}

static void bus_irq_free(CxbBus *bus, const CxbBusIrq *irq)
{
	cxb_irqs_release(machine(bus)->irqs, irq->id);
}

static const CxbBusOps ops = {
	.platform = bus_platform,
	.config_read = bus_config_read,
	.config_write = bus_config_write,
	.mem_read = bus_mem_read,
	.mem_write = bus_mem_write,
	.map = bus_map,
	.unmap = bus_unmap,
	.irq_alloc = bus_irq_alloc,
	.irq_free = bus_irq_free,
};

CxbBus *cxb_machine_bus_new(CxbMachine *m)
{
	MachineBus *bus = g_new0(MachineBus, 1);

	bus->bus.ops = &ops;
	bus->m = m;
	return &bus->bus;
}

void cxb_machine_bus_free(CxbBus *bus)
{
	g_free(bus);
}
