/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where interrupts end. Message-signalled ones are writes: those to the local APIC's range, or to
 * the register of an ITS that translates them, are looked up among the messages that CxbBus users
 * allocated and run from the work queue; a test may as well give a RAM address and read the message
 * there. Lines are the 24 inputs of an I/O APIC, which only qtest drives and watches: no CXL
 * function uses INTx (CXL 3.1 3.1.1).
 */
#include "internal.h"

#include "base/error.h"

#define LINES    24
#define MAX_IRQS 65536

/* GICv3 (IHI 0069): GITS_TRANSLATER, in the second 64 KiB of an ITS. */
#define ITS_TRANSLATER 0x10040

typedef struct {
	CxbMachine *m;
	CxbBusIrqFn fn;
	void *opaque;
	guint id;
	bool queued; /* in the work queue, or held back */
} Irq;

struct Irqs {
	CxbMachine *m;
	CxbRegion *region;
	bool its;          /* it is that of an ITS */
	GHashTable *by_id; /* id -> Irq */
	guint next_id;
	GQueue held; /* Irq *, came while the machine stood */
	bool lines[LINES];
};

static void run(void *opaque)
{
	Irq *irq = opaque;

	if (!cxb_machine_running(irq->m)) {
		g_queue_push_tail(&irq->m->irqs->held, irq);
		return;
	}
	irq->queued = false;
	irq->fn(irq->opaque);
}

static void irq_free(gpointer data)
{
	Irq *irq = data;

	if (irq->queued && !cxb_workq_cancel(irq->m->workq, run, irq))
		g_queue_remove(&irq->m->irqs->held, irq);
	g_free(irq);
}

static CxbMemResult msi_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	*val = 0;
	return CXB_MEM_OK;
}

static void raise_id(Irqs *irqs, guint id)
{
	Irq *irq = g_hash_table_lookup(irqs->by_id, GUINT_TO_POINTER(id));

	if (irq && !irq->queued) {
		irq->queued = true;
		cxb_workq_post(irqs->m->workq, run, irq);
	}
}

/* The id is all that tells messages apart: high byte in the address, low byte in the data. */
static CxbMemResult msi_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	raise_id(opaque, (off >> 12 & 0xff) << 8 | (val & 0xff));
	return CXB_MEM_OK;
}

static const CxbRegionOps msi_ops = { .read = msi_read, .write = msi_write };

/* The id is the data, for whatever device: ids are given out once, not to each device anew. */
static CxbMemResult its_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	if (off == ITS_TRANSLATER && size == 4)
		raise_id(opaque, val);
	return CXB_MEM_OK;
}

static const CxbRegionOps its_ops = { .read = msi_read, .write = its_write };

Irqs *cxb_irqs_new(CxbMachine *m)
{
	Irqs *irqs = g_new0(Irqs, 1);

	irqs->m = m;
	g_queue_init(&irqs->held);
	irqs->by_id = g_hash_table_new_full(NULL, NULL, NULL, irq_free);
	irqs->region = cxb_region_new_io("apic-msi", LAYOUT_MSI_SIZE, &msi_ops, irqs);
	cxb_memmap_place(m->mm, irqs->region, LAYOUT_MSI_BASE, PRIO_MSI, 0, LAYOUT_MSI_SIZE);
	return irqs;
}

void cxb_irqs_use_its(Irqs *irqs)
{
	g_assert(!g_hash_table_size(irqs->by_id));
	cxb_region_free(irqs->region);
	irqs->its = true;
	irqs->region = cxb_region_new_io("gicv3_its", LAYOUT_ITS_SIZE, &its_ops, irqs);
	cxb_memmap_place(irqs->m->mm, irqs->region, LAYOUT_ITS_BASE, PRIO_MSI, 0, LAYOUT_ITS_SIZE);
}

void cxb_irqs_free(Irqs *irqs)
{
	if (!irqs)
		return;
	g_hash_table_unref(irqs->by_id);
	cxb_region_free(irqs->region);
	g_free(irqs);
}

bool cxb_irqs_alloc(Irqs *irqs, CxbBusIrqFn fn, void *opaque, CxbBusIrq *out, GError **errp)
{
	Irq *irq;
	guint id;

	if (g_hash_table_size(irqs->by_id) >= MAX_IRQS)
		return cxb_fail(errp, CXB_ERROR_NO_ROOM, "all %u interrupt messages are in use",
				MAX_IRQS);
	do {
		id = irqs->next_id++ % MAX_IRQS;
	} while (g_hash_table_contains(irqs->by_id, GUINT_TO_POINTER(id)));
	irq = g_new0(Irq, 1);
	*irq = (Irq){ .m = irqs->m, .fn = fn, .opaque = opaque, .id = id };
	g_hash_table_insert(irqs->by_id, GUINT_TO_POINTER(id), irq);
	if (irqs->its)
		*out = (CxbBusIrq){ .addr = LAYOUT_ITS_BASE + ITS_TRANSLATER, .data = id };
	else
		*out = (CxbBusIrq){ .addr = LAYOUT_MSI_BASE | (uint64_t)(id >> 8) << 12,
				    .data = id & 0xff };
	out->id = id;
	return true;
}

void cxb_irqs_release(Irqs *irqs, guint id)
{
	g_hash_table_remove(irqs->by_id, GUINT_TO_POINTER(id));
}

void cxb_irqs_resume(Irqs *irqs)
{
	Irq *irq;

	while ((irq = g_queue_pop_head(&irqs->held)))
		cxb_workq_post(irqs->m->workq, run, irq);
}

/* What was on its way, held back or not, was raised by devices as they no longer are. */
static void drop_all(Irqs *irqs)
{
	GHashTableIter it;
	gpointer value;

	g_queue_clear(&irqs->held);
	g_hash_table_iter_init(&it, irqs->by_id);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		Irq *irq = value;

		if (irq->queued)
			cxb_workq_cancel(irqs->m->workq, run, irq);
		irq->queued = false;
	}
}

void cxb_irqs_reset(Irqs *irqs)
{
	drop_all(irqs);
	for (unsigned i = 0; i < LINES; i++)
		cxb_machine_set_irq(irqs->m, i, false);
}

bool cxb_machine_set_irq(CxbMachine *m, unsigned line, bool level)
{
	const CxbMachineIrqEvent event = { line, level };

	if (line >= LINES || !cxb_machine_has_ports(m))
		return false;
	if (m->irqs->lines[line] != level) {
		m->irqs->lines[line] = level;
		cxb_irq_notify_run(&m->irq_notify, &event);
	}
	return true;
}

bool cxb_machine_irq_level(const CxbMachine *m, unsigned line)
{
	return line < LINES && m->irqs->lines[line];
}
