/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "open_files.h"
#include "pci/regs.h"
#include "wire/regs.h"

enum {
	TWO_BRIDGES = 1,
	NO_PASSTHROUGH = 2,
	SET_UP = 4,
	COMMITTED = 8,
	ALL_BACKENDS = 16,
	STATIC = 32,
	HEADS = 64,
};

static const char *const ports[T3_MAX] = { "rp0", "rp1", "rp2" };
/* Bus of the port, its slot there, and the bus below. */
static const struct {
	uint8_t bus, slot, below;
} places[T3_MAX] = { { 12, 0, 13 }, { 12, 1, 14 }, { 40, 0, 41 } };

static CxbDevice *device(World *w, const char *text, bool hotplug)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "driver", false, NULL);

	return cxb_device_add(cxb_machine_qom(w->m), opts, hotplug, NULL);
}

static CxbHostMem *object(World *w, const char *text)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "qom-type", false, NULL);
	CxbObject *obj = cxb_user_object_add(cxb_machine_qom(w->m), opts, NULL);

	return obj ? cxb_hostmem_from_object(obj) : NULL;
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* --- parts that come and go --- */

CxbUuid world_tag(unsigned nr)
{
	CxbUuid tag = { { 0x5b, 0xe1, 0x3b, 0xce } };

	tag.b[15] = nr;
	return tag;
}

void world_backend_add(World *w, unsigned nr, unsigned blocks)
{
	g_autofree char *text = g_strdup_printf(
		"memory-backend-ram,id=b%u,size=%uM,tag=5be13bce-0000-0000-0000-0000000000%02x", nr,
		2 * blocks, nr);

	if (w->backend[nr])
		return;
	w->backend[nr] = object(w, text);
	must(w->backend[nr]);
}

void world_backend_del(World *w, unsigned nr)
{
	g_autofree char *id = g_strdup_printf("b%u", nr);

	if (w->backend[nr] && cxb_user_object_del(cxb_machine_qom(w->m), id, NULL))
		w->backend[nr] = NULL;
}

void world_plug(World *w, unsigned dev, bool hotplug)
{
	static const char *const props[T3_MAX] = {
		"num-dc-regions=1,dc-regions-total-size=256M,dc-event-log-size=6",
		"num-dc-regions=2,dc-regions-total-size=512M,volatile-memdev=vm",
		"num-dc-regions=1,dc-regions-total-size=512M,sn=1",
	};
	const bool heads = w->flags & HEADS && !w->static_mem && w->n_t3 == T3_MAX;
	const char *what = props[dev];
	g_autofree char *text = NULL;

	if (w->static_mem && dev == 0)
		what = "num-dc-regions=1,volatile-dc-memdev=dm,dc-event-log-size=6";
	else if (heads && dev == 0)
		what = "dc-region.0.size=256M,dc-region.0.sharable=on,heads=2,dc-event-log-size=6";
	if (heads && dev == 2 && !w->t3[0])
		return; /* a head of nothing */
	if (heads && dev == 2)
		text = g_strdup_printf("cxl-type3-head,id=t2,bus=%s,device=t0,head=1", ports[2]);
	else
		text = g_strdup_printf("cxl-type3,id=t%u,bus=%s,%s", dev, ports[dev], what);
	w->t3[dev] = device(w, text, hotplug);
	must(w->t3[dev]);
}

void world_unplug(World *w, unsigned dev)
{
	CxbDevice *t3 = g_steal_pointer(&w->t3[dev]);

	must(cxb_device_can_unplug(t3, NULL));
	cxb_device_remove(t3);
}

/* The host switched a slot off. */
static void eject(void *opaque, CxbPciDev *port)
{
	World *w = opaque;
	CxbPciDev *dev = port->secondary->functions[0];

	for (unsigned i = 0; i < w->n_t3; i++)
		if (dev && w->t3[i] == &dev->dev)
			world_unplug(w, i);
	dev = port->secondary->functions[0];
	if (dev && w->eject)
		w->eject(w, &dev->dev);
}

/* --- addresses --- */

uint16_t world_bdf(const World *w, unsigned nr)
{
	static const uint16_t known[] = {
		CXB_BDF(0, 0, 0),  CXB_BDF(0, 1, 0),  CXB_BDF(0, 2, 0),    CXB_BDF(12, 0, 0),
		CXB_BDF(12, 1, 0), CXB_BDF(40, 0, 0), CXB_BDF(13, 0, 0),   CXB_BDF(14, 0, 0),
		CXB_BDF(41, 0, 0), CXB_BDF(13, 0, 1), CXB_BDF(255, 31, 7),
	};

	return known[nr % G_N_ELEMENTS(known)];
}

uint64_t world_bars(unsigned dev)
{
	return 0xc0000000 + (uint64_t)dev * 0x200000;
}

/* --- what a driver does --- */

static void cfg(World *w, uint16_t bdf, uint16_t off, unsigned size, uint32_t val)
{
	cxb_pci_config_write(cxb_machine_pci(w->m), bdf, off, size, val);
}

/* A slot that was empty has no power; what has been put in wants it. */
static void power_on(World *w, unsigned i)
{
	const CxbPciDev *port = CXB_PCI_DEV(cxb_device_find(cxb_machine_qom(w->m), ports[i], NULL));

	if (port->secondary->functions[0] &&
	    le_load(port->config + port->pcie_cap + PCIE_SLOT_CTL, 2) & PCIE_SLOT_CTL_OFF)
		cfg(w, CXB_BDF(places[i].bus, places[i].slot, 0), port->pcie_cap + PCIE_SLOT_CTL, 2,
		    PCIE_SLOT_CTL_ATTN);
}

static void setup_device(World *w, unsigned i)
{
	const uint16_t port = CXB_BDF(places[i].bus, places[i].slot, 0);
	const uint16_t dev = CXB_BDF(places[i].below, 0, 0);
	const uint32_t base = world_bars(i);

	power_on(w, i);
	cfg(w, port, 0x18, 4, places[i].bus | places[i].below << 8 | places[i].below << 16);
	cfg(w, port, 0x20, 4, base >> 16 | (base + 0x100000));
	cfg(w, port, 4, 2, 6);
	cfg(w, dev, 0x10, 4, base);
	cfg(w, dev, 0x18, 4, base + 0x10000);
	cfg(w, dev, 0x20, 4, base + 0x20000);
	cfg(w, dev, 4, 2, 6);
	cfg(w, dev, 0x42, 2, 0x8000);
}

static void put64(World *w, uint64_t hpa, uint64_t val)
{
	const le64 v = le64_put(val);

	cxb_memmap_write(w->mm, hpa, &v, sizeof(v));
}

static void put32(World *w, uint64_t hpa, uint32_t val)
{
	const le32 v = le32_put(val);

	cxb_memmap_write(w->mm, hpa, &v, sizeof(v));
}

/* Decoder 0 of a component, one way. */
static void commit(World *w, uint64_t block, uint64_t hpa, uint64_t size, unsigned target)
{
	const uint64_t hdm = block + 0x1000 + HDM_AT;

	put64(w, hdm + WIRE_HDM_DEC(0) + WIRE_HDM_BASE_LO, hpa);
	put64(w, hdm + WIRE_HDM_DEC(0) + WIRE_HDM_SIZE_LO, size);
	put64(w, hdm + WIRE_HDM_DEC(0) + WIRE_HDM_TARGETS_LO, target);
	put32(w, hdm + WIRE_HDM_DEC(0) + WIRE_HDM_DEC_CTRL, WIRE_HDM_DC_COMMIT);
	put32(w, hdm + WIRE_HDM_CTRL, WIRE_HDM_CTRL_ENABLE);
}

void world_setup(World *w)
{
	const uint64_t base = cxb_machine_window(w->m, 0)->base;

	if (w->flags & SET_UP)
		for (unsigned i = 0; i < w->n_t3; i++)
			setup_device(w, i);
	if (!(w->flags & COMMITTED))
		return;
	commit(w, CHBS, base, 256 << 20, 0);
	commit(w, world_bars(0), base, 256 << 20, 0);
}

/* --- life --- */

static bool machine_init(World *w)
{
	const bool two = w->flags & TWO_BRIDGES;
	g_autoptr(CxbOpts) opts = cxb_opts_parse(
		two ? "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=1G,"
		      "cxl-fmw.1.targets.0=cxl.1,cxl-fmw.1.targets.1=cxl.2,cxl-fmw.1.size=1G"
		    : "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=512M",
		"type", false, NULL);
	g_autoptr(CxbOpts) memory = cxb_opts_parse("2M", "size", false, NULL);

	w->m = cxb_machine_new(&(CxbMachineConfig){ .virtual_clock = true });
	w->mm = cxb_machine_memmap(w->m);
	must(cxb_machine_set_opts(w->m, opts, NULL));
	must(cxb_machine_set_memory(w->m, memory, NULL));
	must(cxb_machine_create(w->m, NULL));
	must(device(w,
		    w->flags & NO_PASSTHROUGH
			    ? "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1,hdm_for_passthrough=on"
			    : "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1",
		    false));
	must(device(w, "cxl-rp,port=0,bus=cxl.1,id=rp0,chassis=0,slot=0", false));
	w->n_t3 = w->n_bridges = 1;
	if (two) {
		w->n_t3 = 3;
		w->n_bridges = 2;
		must(object(w, "memory-backend-ram,id=vm,size=256M"));
		must(device(w, "cxl-rp,port=1,bus=cxl.1,id=rp1,chassis=0,slot=1", false));
		must(device(w, "pxb-cxl,bus_nr=40,bus=pcie.0,id=cxl.2", false));
		must(device(w, "cxl-rp,port=2,bus=cxl.2,id=rp2,chassis=0,slot=2", false));
	}
	if (w->flags & STATIC) {
		w->static_mem = object(w, "memory-backend-ram,id=dm,size=256M");
		must(w->static_mem);
	}
	for (unsigned i = w->flags & WORLD_PORT_0_EMPTY ? 1 : 0; i < w->n_t3; i++)
		world_plug(w, i, false);
	if (w->others && !w->others(w))
		return false;
	if (!cxb_machine_done(w->m, NULL)) {
		must(w->others);
		return false;
	}
	cxb_pci_host_set_eject(cxb_machine_pci(w->m), eject, w);
	return true;
}

bool world_init(World *w, unsigned flags)
{
	w->flags = flags;
	g_main_context_default(); /* has a descriptor, once */
	w->open_files = open_files();
	cxb_map_budget_set_limit(0);
	if (!machine_init(w))
		return false;
	for (unsigned i = 0; flags & ALL_BACKENDS && i < BACKENDS; i++)
		world_backend_add(w, i, 1 + i % 3);
	world_setup(w);
	return true;
}

void world_fini(World *w)
{
	CxbBus *bus = cxb_machine_bus(w->m);

	for (unsigned i = 0; i < G_N_ELEMENTS(w->irq); i++)
		if (w->has_irq[i])
			bus->ops->irq_free(bus, &w->irq[i]);
	cxb_machine_free(w->m);
	must(open_files() == w->open_files);
	must(!cxb_map_budget_used());
}
