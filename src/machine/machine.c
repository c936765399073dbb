/* SPDX-License-Identifier: Apache-2.0 */
/* A machine's life: from options to running, reset, end. */
#include "internal.h"

#include "base/error.h"
#include "base/trace.h"

#define DEFAULT_RAM (128ull << 20)
#define MIN_RAM     (1ull << 20) /* tables are written below 1 MiB */
#define MAX_SLOTS   256

CXB_TRACE(machine_reset, (CxbResetCause cause), "cause %d", cause)
CXB_TRACE(machine_window, (unsigned index, uint64_t base, uint64_t size),
	  "window %u at 0x%" PRIx64 " size 0x%" PRIx64, index, base, size)

/* --- what devices tell us --- */

static void decode_removing(void *opaque, CxbDevice *component)
{
	cxb_aliases_drop(((CxbMachine *)opaque)->aliases, component);
	cxb_mapper_decode_changed(opaque, component);
}

static void decode_changed(void *opaque, CxbDevice *component)
{
	CxbMachine *m = opaque;
	CxbMachineDecode event = { .endpoint = component };

	cxb_aliases_refresh(m->aliases, component);
	cxb_mapper_decode_changed(m, component);
	if (cxb_cxl_is_endpoint(component))
		cxb_decode_notify_run(&m->decode_notify, &event);
}

static bool decode_settling(void *opaque, CxbDevice *endpoint)
{
	CxbMachine *m = opaque;
	CxbMachineDecode event = { .endpoint = endpoint, .committed = true };

	event.settling = cxb_mapper_decode_settling(m, endpoint);
	cxb_decode_notify_run(&m->decode_notify, &event);
	return event.settling;
}

static void endpoint_added(void *opaque, CxbDevice *endpoint)
{
	cxb_aliases_add_endpoint(((CxbMachine *)opaque)->aliases, endpoint);
}

static void endpoint_removing(void *opaque, CxbDevice *endpoint)
{
	cxb_aliases_remove_endpoint(((CxbMachine *)opaque)->aliases, endpoint);
	cxb_mapper_gone(opaque, endpoint);
}

static bool claim_memory(void *opaque, CxbDevice *dev, uint64_t given, uint64_t size, uint64_t *hpa,
			 GError **errp)
{
	return cxb_placed_claim(opaque, dev, given, size, hpa, errp);
}

static void release_memory(void *opaque, uint64_t hpa)
{
	cxb_hdm_release(((CxbMachine *)opaque)->claims, hpa);
}

static bool show_memory(void *opaque, CxbDevice *dev, uint64_t hpa, uint64_t size, CxbHostMem *mem,
			GError **errp)
{
	return cxb_placed_show(opaque, dev, hpa, size, mem, errp);
}

static void hide_memory(void *opaque, uint64_t hpa)
{
	cxb_placed_hide(opaque, hpa);
}

static CxbDcPrepare dc_prepare(void *opaque, CxbDevice *endpoint, const CxbDcOp *op, GError **errp)
{
	/* An alias that cannot be made is decoded instead: there is nothing to refuse here. */
	if (op->kind == CXB_DC_OP_OFFER && !cxb_mappers_lost(opaque, op, errp))
		return CXB_DC_REFUSED;
	return cxb_mapper_prepare(opaque, endpoint, op, errp);
}

static void dc_abort(void *opaque, CxbDevice *endpoint, const CxbDcOp *op)
{
	cxb_mapper_abort(opaque, endpoint, op);
}

static void dc_commit(void *opaque, CxbDevice *endpoint, const CxbDcOp *op)
{
	CxbMachine *m = opaque;
	const CxbMachineDcEvent event = { endpoint, op };

	for (size_t i = 0; i < op->n; i++) {
		const CxbDcExtent *e = op->extents[i];
		CxbCxlSegment seg;

		if (op->kind == CXB_DC_OP_ACCEPT &&
		    cxb_cxl_endpoint_segment(endpoint, e->dpa, &seg))
			cxb_aliases_add_range(m->aliases, endpoint, &seg);
		else if (op->kind == CXB_DC_OP_RELEASE || op->kind == CXB_DC_OP_FORCED_RELEASE)
			cxb_aliases_remove_range(m->aliases, endpoint, e->dpa, e->len);
	}
	cxb_mapper_commit(m, endpoint, op);
	cxb_dc_notify_run(&m->dc_notify, &event);
}

static void msi(void *opaque, uint64_t addr, uint32_t data)
{
	CxbMachine *m = opaque;
	const uint32_t le = GUINT32_TO_LE(data);

	cxb_memmap_write(m->mm, addr, &le, sizeof(le));
}

/* --- life --- */

void cxb_machine_object_make(CxbMachine *m, const CxbType *type)
{
	g_autoptr(CxbObject) obj = cxb_object_new(m->qom, type);

	if (m->obj)
		cxb_object_unparent(&m->obj->obj);
	m->obj = (MachineObj *)obj;
	m->obj->m = m;
	cxb_object_add(cxb_qom_root(m->qom), "machine", obj, NULL);
	/* There from the start, as in QEMU, whether devices come or not. */
	cxb_qom_container(m->qom, "/machine/peripheral");
	cxb_qom_container(m->qom, "/machine/peripheral-anon");
}

CxbMachine *cxb_machine_new(const CxbMachineConfig *config)
{
	CxbMachine *m = g_new0(CxbMachine, 1);

	m->context = config->context;
	m->ram_size = DEFAULT_RAM;
	m->state = CXB_RUN_RUNNING;
	cxb_deleted_notify_init(&m->deleted_notify);
	cxb_reset_notify_init(&m->reset_notify);
	cxb_run_notify_init(&m->run_notify);
	cxb_shutdown_notify_init(&m->shutdown_notify);
	cxb_dc_notify_init(&m->dc_notify);
	cxb_irq_notify_init(&m->irq_notify);
	cxb_decode_notify_init(&m->decode_notify);
	m->clock = config->virtual_clock ? cxb_clock_new_virtual() : cxb_clock_new_real(m->context);
	m->workq = cxb_workq_new(m->context);
	m->worker = cxb_worker_new(m->context);
	m->tags = cxb_dc_tag_space_new();
	m->mm = cxb_memmap_new();
	m->qom = cxb_qom_new();
	m->pool = cxb_hostmem_pool_new(m->qom);
	cxb_hostmem_pool_set_worker(m->pool, m->worker);
	cxb_device_types_register(m->qom);
	cxb_pci_types_register(m->qom);
	cxb_cxl_types_register(m->qom);
	cxb_qom_register(m->qom, &cxb_machine_base_type);
	cxb_qom_register(m->qom, &cxb_q35_machine_type);
	cxb_qom_register(m->qom, &cxb_q35_mch_type);
	cxb_qom_register(m->qom, &cxb_virt_machine_type);
	cxb_qom_register(m->qom, &cxb_gpex_root_type);
	cxb_qom_register(m->qom, &cxb_remote_machine_type);
	cxb_machine_object_make(m, &cxb_q35_machine_type);

	cxb_mappers_init(m);
	m->irqs = cxb_irqs_new(m);
	m->aliases = cxb_aliases_new(m);
	m->claims = cxb_hdm_claims_new();
	m->bus = cxb_machine_bus_new(m);
	m->pci = cxb_pci_host_new(m->qom, m->mm, PRIO_BAR, msi, m);
	cxb_hotplug_init(m);
	m->listener = (CxbCxlListener){
		.opaque = m,
		.context = m->context,
		.clock = m->clock,
		.tags = m->tags,
		.pool = m->pool,
		.decode_removing = decode_removing,
		.decode_changed = decode_changed,
		.decode_settling = decode_settling,
		.endpoint_added = endpoint_added,
		.endpoint_removing = endpoint_removing,
		.claim_memory = claim_memory,
		.release_memory = release_memory,
		.show_memory = show_memory,
		.hide_memory = hide_memory,
		.dc_prepare = dc_prepare,
		.dc_abort = dc_abort,
		.dc_commit = dc_commit,
	};
	cxb_qom_set_service(m->qom, CXB_SERVICE_CXL_LISTENER, &m->listener);
	return m;
}

void cxb_machine_free(CxbMachine *m)
{
	if (!m)
		return;
	cxb_hotplug_fini(m);
	/* Devices first (they hold backends and sit in the map), then what they sat in. */
	for (unsigned i = 0; m->bridges && i < m->bridges->len; i++)
		cxb_memmap_remove(m->mm, cxb_pxb_cxl_regs(m->bridges->pdata[i]));
	if (m->root_bus)
		while (m->root_bus->bus.devices->len)
			cxb_device_remove(
				m->root_bus->bus.devices->pdata[m->root_bus->bus.devices->len - 1]);
	g_clear_pointer(&m->ecam, cxb_region_free);
	cxb_fmw_fini(m);
	g_clear_pointer(&m->bridges, g_ptr_array_unref);
	cxb_region_free(m->ram_low);
	cxb_region_free(m->ram_high);
	if (m->ram)
		cxb_hostmem_release(m->ram);
	if (m->root_bus)
		cxb_pci_root_bus_gone(m->root_bus);
	cxb_worker_finish(m->worker); /* it has backends */
	cxb_qom_free(m->qom);
	cxb_pci_host_free(m->pci);
	cxb_hostmem_pool_free(m->pool);
	cxb_machine_bus_free(m->bus);
	cxb_aliases_free(m->aliases);
	cxb_hdm_claims_free(m->claims);
	cxb_mappers_fini(m);
	cxb_irqs_free(m->irqs);
	cxb_memmap_free(m->mm);
	cxb_dc_tag_space_free(m->tags);
	cxb_worker_free(m->worker);
	cxb_workq_free(m->workq);
	cxb_clock_free(m->clock);
	cxb_deleted_notify_fini(&m->deleted_notify);
	cxb_reset_notify_fini(&m->reset_notify);
	cxb_run_notify_fini(&m->run_notify);
	cxb_shutdown_notify_fini(&m->shutdown_notify);
	cxb_dc_notify_fini(&m->dc_notify);
	cxb_irq_notify_fini(&m->irq_notify);
	cxb_decode_notify_fini(&m->decode_notify);
	g_free(m);
}

static bool check_memory(CxbMachine *m, GError **errp)
{
	if (!m->ram_size)
		m->ram_size = DEFAULT_RAM;
	if (m->ram_size < MIN_RAM || m->ram_size % 4096)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"memory size 0x%" PRIx64 " is not a multiple of 4 KiB of at least "
				"1 MiB",
				m->ram_size);
	if (m->has_slots && !m->has_maxmem)
		return cxb_fail(errp, CXB_ERROR_INVALID, "slots specified but no max-size");
	if (m->slots > MAX_SLOTS)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"unsupported amount of memory slots: %" PRIu64, m->slots);
	if (m->has_maxmem && m->maxmem < m->ram_size)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"invalid value of maxmem: maximum memory size (0x%" PRIx64
				") must be at least the initial memory size (0x%" PRIx64 ")",
				m->maxmem, m->ram_size);
	if (m->slots && m->maxmem == m->ram_size)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"invalid value of maxmem: memory slots were specified but maximum "
				"memory size (0x%" PRIx64
				") is equal to the initial memory size (0x%" PRIx64 ")",
				m->maxmem, m->ram_size);
	if (!m->has_maxmem)
		m->maxmem = m->ram_size;
	return true;
}

/* The backend that -machine names, or one of our own called @own_id, as QEMU's is. */
static CxbHostMem *find_ram(CxbMachine *m, const char *own_id, GError **errp)
{
	const char *id = m->obj->memory_backend;
	g_autoptr(CxbOpts) opts = NULL;
	CxbObject *obj;

	if (id) {
		obj = cxb_qom_resolve(m->qom, id, CXB_TYPE_NAME_HOSTMEM, NULL);
		if (!obj) {
			cxb_fail(errp, CXB_ERROR_INVALID, "Memory backend '%s' not found", id);
			return NULL;
		}
		if (cxb_hostmem_readonly(cxb_hostmem_from_object(obj))) {
			cxb_fail(errp, CXB_ERROR_INVALID,
				 "Memory backend '%s' is read-only and cannot be the machine's RAM",
				 id);
			return NULL;
		}
		if (cxb_hostmem_size(cxb_hostmem_from_object(obj)) != m->ram_size) {
			cxb_fail(errp, CXB_ERROR_INVALID,
				 "Machine memory size does not match the size of the memory "
				 "backend");
			return NULL;
		}
		return cxb_hostmem_from_object(obj);
	}
	g_autofree char *size = g_strdup_printf("%" PRIu64, m->ram_size);

	opts = cxb_opts_new();
	cxb_opts_add_text(opts, "qom-type", CXB_TYPE_NAME_HOSTMEM_RAM);
	cxb_opts_add_text(opts, "id", own_id);
	cxb_opts_add_text(opts, "size", size);
	obj = cxb_user_object_add(m->qom, opts, errp);
	return obj ? cxb_hostmem_from_object(obj) : NULL;
}

static bool create_ram(CxbMachine *m, const char *own_id, GError **errp)
{
	CxbHostMem *ram = find_ram(m, own_id, errp);

	if (!ram || !cxb_hostmem_hold(ram, "/machine", errp))
		return false;
	m->ram = ram;
	cxb_hostmem_set_mapped(ram, true);
	return true;
}

bool cxb_machine_create(CxbMachine *m, GError **errp)
{
	const MachineClass *class = machine_class(m->obj);

	g_assert(!m->created);
	m->created = true;
	/* From here on options are settled: the windows borrow from them. */
	if (!check_memory(m, errp) || !cxb_object_complete(&m->obj->obj, errp))
		return false;
	if (class->ram_id && !create_ram(m, class->ram_id, errp))
		return false;
	return class->create(m, errp);
}

/* Component registers of the host bridges, 64 KiB each: the newest first, as QEMU has them. */
static bool place_host_regs(CxbMachine *m, GError **errp)
{
	if (m->bridges->len > LAYOUT_HOST_REGS_SIZE / CXB_COMP_SIZE)
		return cxb_fail(errp, CXB_ERROR_INVALID, "%u CXL host bridges are more than %u",
				m->bridges->len, (unsigned)(LAYOUT_HOST_REGS_SIZE / CXB_COMP_SIZE));
	for (unsigned i = 0; i < m->bridges->len; i++)
		cxb_memmap_place(m->mm, cxb_pxb_cxl_regs(m->bridges->pdata[i]),
				 m->layout.host_regs + i * CXB_COMP_SIZE, PRIO_HOST_REGS, 0,
				 CXB_COMP_SIZE);
	return true;
}

static void place_ram(CxbMachine *m)
{
	m->ram_low = cxb_region_new_ram(machine_class(m->obj)->low_ram, m->ram, 0,
					m->layout.low_ram, false);
	cxb_memmap_place(m->mm, m->ram_low, m->layout.low_ram_base, PRIO_RAM, 0, m->layout.low_ram);
	if (!m->layout.high_ram)
		return;
	m->ram_high = cxb_region_new_ram("ram-above-4g", m->ram, m->layout.low_ram,
					 m->layout.high_ram, false);
	cxb_memmap_place(m->mm, m->ram_high, 4ull << 30, PRIO_RAM, 0, m->layout.high_ram);
}

static void reset(CxbMachine *m, CxbResetKind kind)
{
	cxb_hotplug_reset(m);
	cxb_pci_host_reset(m->pci, kind);
	cxb_irqs_reset(m->irqs);
	m->port92 = 0;
	if (m->ram)
		cxb_acpi_write(m);
}

/* Windows, registers of host bridges and RAM, each where it belongs. */
static bool place_all(CxbMachine *m, GError **errp)
{
	m->bridges = cxb_pxb_cxl_list(m->root_bus);
	if (m->bridges->len && !m->obj->cxl)
		return cxb_fail(errp, CXB_ERROR_INVALID, "CXL host bridges present, but cxl=off");
	if (!cxb_fmw_init(m, errp))
		return false;
	if (!machine_class(m->obj)->layout(m, cxb_fmw_total(m), &m->layout, errp))
		return false;
	cxb_memmap_begin(m->mm);
	place_ram(m);
	if (machine_class(m->obj)->place)
		machine_class(m->obj)->place(m);
	const bool ok = place_host_regs(m, errp) && cxb_fmw_place(m, m->layout.first_window, errp);
	cxb_memmap_commit(m->mm);
	if (!ok)
		return false;
	for (unsigned i = 0; i < m->n_windows; i++)
		trace_machine_window(i, m->windows[i].pub.base, m->windows[i].pub.size);
	m->platform = (CxbBusPlatform){
		.pci32 = { m->layout.pci32, m->layout.pci32_size },
		.pci64 = { m->layout.pci64, m->layout.pci64_size },
		.rsdp_area = { m->layout.low_ram_base + LAYOUT_FIRMWARE, LAYOUT_FIRMWARE_SIZE },
	};
	return true;
}

/* What functions that reach memory by themselves may reach. */
static bool let_memory(CxbMachine *m, GError **errp)
{
	const CxbPciMemory memory[] = {
		{ m->layout.low_ram_base, m->layout.low_ram, m->ram, 0 },
		{ 4ull << 30, m->layout.high_ram, m->ram, m->layout.low_ram },
	};

	return cxb_pci_host_set_memory(m->pci, memory, m->layout.high_ram ? 2 : 1, errp);
}

bool cxb_machine_done(CxbMachine *m, GError **errp)
{
	g_assert(m->created && !m->done);
	if (machine_class(m->obj)->layout && !place_all(m, errp))
		return false;
	m->done = true;
	if (m->ram && !let_memory(m, errp))
		return false;
	reset(m, CXB_RESET_COLD);
	return true;
}

void machine_reset(CxbMachine *m, CxbResetCause cause)
{
	trace_machine_reset(cause);
	reset(m, CXB_RESET_WARM);
}

/* --- parts --- */

bool cxb_machine_is_done(const CxbMachine *m)
{
	return m->done;
}

uint64_t cxb_machine_ram_size(const CxbMachine *m)
{
	return m->ram_size;
}

CxbMachineMemory cxb_machine_memory(const CxbMachine *m)
{
	return (CxbMachineMemory){
		.ram = m->ram_size,
		.maxmem = m->maxmem,
		.slots = m->slots,
		.device_memory = m->layout.device_memory,
		.device_memory_size = m->layout.device_memory_size,
	};
}

CxbQom *cxb_machine_qom(CxbMachine *m)
{
	return m->qom;
}

CxbClock *cxb_machine_clock(CxbMachine *m)
{
	return m->clock;
}

CxbWorkq *cxb_machine_workq(CxbMachine *m)
{
	return m->workq;
}

CxbMemMap *cxb_machine_memmap(CxbMachine *m)
{
	return m->mm;
}

CxbPciHost *cxb_machine_pci(CxbMachine *m)
{
	return m->pci;
}

CxbHostMemPool *cxb_machine_hostmem(CxbMachine *m)
{
	return m->pool;
}

CxbBus *cxb_machine_bus(CxbMachine *m)
{
	return m->bus;
}

GMainContext *cxb_machine_context(CxbMachine *m)
{
	return m->context;
}

CxbResetNotify *cxb_machine_reset_notify(CxbMachine *m)
{
	return &m->reset_notify;
}

CxbShutdownNotify *cxb_machine_shutdown_notify(CxbMachine *m)
{
	return &m->shutdown_notify;
}

CxbDcNotify *cxb_machine_dc_notify(CxbMachine *m)
{
	return &m->dc_notify;
}

CxbIrqNotify *cxb_machine_irq_notify(CxbMachine *m)
{
	return &m->irq_notify;
}

CxbDecodeNotify *cxb_machine_decode_notify(CxbMachine *m)
{
	return &m->decode_notify;
}
