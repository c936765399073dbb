/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the compute engine of an accelerator has around it: its BAR, its interrupt, and the time it is
 * given. A slice of work is a turn of the main loop, so that neither the host nor anybody else waits
 * for a command; on a clock that is moved by hand each takes a while of it.
 */
#include "type2.h"

#include "base/trace.h"
#include "type2_engine.h"

#define SIZE  0x1000u
#define SLICE (100 * G_GINT64_CONSTANT(1000)) /* of a clock moved by hand, ns: about 10 GiB/s */

CXB_TRACE(cxl_type2_engine_begin,
	  (const char *dev, unsigned command, uint64_t src, uint64_t dst, uint64_t len),
	  "%s command %u source 0x%" PRIx64 " destination 0x%" PRIx64 " length 0x%" PRIx64, dev,
	  command, src, dst, len)
CXB_TRACE(cxl_type2_engine_end, (const char *dev, unsigned status, uint64_t done, uint64_t result),
	  "%s status 0x%x, 0x%" PRIx64 " bytes, result 0x%" PRIx64, dev, status, done, result)

struct Type2Compute {
	Type2 *t2;
	CxbRegion *region;
	CxbTimer *timer; /* armed while there is work */
	Type2Engine engine;
};

static CxbMemResult compute_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	Type2Compute *c = opaque;

	*val = size < 4 ? UINT64_MAX : cxb_type2_engine_read(&c->engine, off, size);
	return CXB_MEM_OK;
}

static CxbMemResult compute_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	Type2Compute *c = opaque;

	if (size < 4)
		cxb_guest_error("%s: %u-byte write to the engine ignored", c->t2->path, size);
	else
		cxb_type2_engine_write(&c->engine, off, size, val);
	return CXB_MEM_OK;
}

static const CxbRegionOps compute_ops = { .read = compute_read, .write = compute_write };

static void next_slice(Type2Compute *c)
{
	CxbClock *clock = c->t2->listener->clock;

	cxb_timer_arm(c->timer,
		      cxb_clock_now_ns(clock) + (cxb_clock_is_virtual(clock) ? SLICE : 0));
}

static void work(void *opaque)
{
	Type2Compute *c = opaque;

	cxb_type2_engine_work(&c->engine);
	if (cxb_type2_engine_busy(&c->engine))
		next_slice(c);
}

static void begun(void *opaque)
{
	Type2Compute *c = opaque;
	const Type2Engine *e = &c->engine;

	trace_cxl_type2_engine_begin(c->t2->path, cxb_type2_engine_get(e, TYPE2_ENGINE_COMMAND),
				     cxb_type2_engine_get(e, TYPE2_ENGINE_SRC),
				     cxb_type2_engine_get(e, TYPE2_ENGINE_DST),
				     cxb_type2_engine_get(e, TYPE2_ENGINE_LEN));
	next_slice(c);
}

static void ended(void *opaque)
{
	Type2Compute *c = opaque;
	const Type2Engine *e = &c->engine;
	const uint32_t interrupt = cxb_type2_engine_get(e, TYPE2_ENGINE_INTERRUPT);

	cxb_timer_disarm(c->timer);
	trace_cxl_type2_engine_end(c->t2->path, cxb_type2_engine_get(e, TYPE2_ENGINE_STATUS),
				   cxb_type2_engine_get(e, TYPE2_ENGINE_PROGRESS),
				   cxb_type2_engine_get(e, TYPE2_ENGINE_RESULT));
	if (interrupt & TYPE2_INTERRUPT_ENABLE)
		cxb_pci_notify(&c->t2->pci, interrupt & TYPE2_INTERRUPT_VECTOR);
}

void cxb_type2_compute_init(Type2 *t2)
{
	Type2Compute *c = g_new0(Type2Compute, 1);
	const Type2EngineConfig config = {
		.mem = t2->mem,
		.vectors = cxb_msix_vectors(&t2->pci),
		.name = t2->path,
		.begun = begun,
		.ended = ended,
		.opaque = c,
	};

	c->t2 = t2;
	c->timer = cxb_timer_new(t2->listener->clock, work, c);
	c->region = cxb_region_new_io("cxl-type2-engine", SIZE, &compute_ops, c);
	cxb_type2_engine_init(&c->engine, &config);
	cxb_pci_add_bar(&t2->pci, TYPE2_BAR_ENGINE, c->region, true, false);
	t2->compute = c;
}

void cxb_type2_compute_fini(Type2 *t2)
{
	Type2Compute *c = g_steal_pointer(&t2->compute);

	if (!c)
		return;
	cxb_timer_free(c->timer);
	cxb_region_free(c->region);
	cxb_type2_engine_fini(&c->engine);
	g_free(c);
}

void cxb_type2_compute_reset(Type2 *t2)
{
	cxb_timer_disarm(t2->compute->timer);
	cxb_type2_engine_reset(&t2->compute->engine);
}

void cxb_type2_compute_cxl_reset(Type2 *t2)
{
	cxb_type2_engine_stop(&t2->compute->engine, TYPE2_ERROR_RESET);
}
