/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cxl-guest: keeps the memory that is mapped in a guest the same as the capacity that its endpoint has
 * accepted and decodes.
 *
 * An acceptance waits until every run of it is mapped, a release until every one is unmapped: the
 * mailbox's doorbell stays set meanwhile, messages of the guest are answered. A decoder that is
 * committed shows it once all is mapped, but waits only as long as software would. Everything else
 * that changes what is to be mapped (other changes of decoders, resets, forced releases) cannot wait;
 * it is followed up at once, and a backend that goes while it is still mapped stays pinned until it
 * no longer is.
 */
#include "guest/guest.h"

#include <string.h>

#include "base/error.h"
#include "base/ivmap.h"
#include "base/range.h"
#include "base/trace.h"
#include "devices/cxl.h"
#include "runs.h"
#include "vm.h"
#include "window.h"

#define SERVICE   "guests"
#define SETTLE_NS (8 * G_GINT64_CONSTANT(1000000)) /* a commit takes 10 ms at most (8.2.4.20.12) */

struct CxbGuests {
	CxbMachine *m;
	GuestWindows *windows;
	bool started;
};

typedef struct Guest Guest;

typedef struct {
	Guest *guest;
	Run run;
	char *path;         /* of the backend's file */
	VmMapping *mapping; /* NULL: not asked for, or gone with the guest */
	bool mapped;        /* and not on its way out */
	bool awaited;       /* by the operation under way */
} Mapped;

struct Guest {
	CxbObject obj;

	/* properties */
	char *qmp, *device, *ports;
	uint16_t head;

	CxbGuests *guests;
	CxbDevice *endpoint; /* NULL: gone, or not started */
	Vm *vm;
	CxbIvMap *mapped;    /* by DPA, of Mapped; those on their way out are not in it */
	GHashTable *leaving; /* set of Mapped */
	unsigned in_flight;  /* steps that QEMU has not done yet */
	unsigned awaited;    /* those that the operation under way waits for */
	char *refusal;       /* of the operation under way; NULL: none yet */
	/* Ranges of DPA: what may not be mapped as it should be, and what no port was left for */
	CxbIvMap *changed, *missing;
	bool follow_queued;
	CxbTimer *settle; /* armed: a decoder's Committed waits, at most until then */
};

CXB_TRACE(guest_follow, (const char *name, guint looked_at, size_t mapped),
	  "%s: %u runs looked at, %zu are mapped", name, looked_at, mapped)
CXB_TRACE(guest_settle, (const char *name, unsigned in_flight),
	  "%s: committed, %u steps are not done", name, in_flight)

static CxbDc *dc_of(const Guest *g)
{
	return cxb_cxl_type3_dc(g->endpoint);
}

/* --- one run --- */

static Mapped *mapped_new(Guest *g, const Run *run)
{
	Mapped *m = g_new0(Mapped, 1);

	m->guest = g;
	m->run = *run;
	m->path = cxb_hostmem_path(run->mem);
	cxb_hostmem_pin(run->mem, g->obj.name);
	return m;
}

static void mapped_free(gpointer data)
{
	Mapped *m = data;

	cxb_hostmem_unpin(m->run.mem);
	g_free(m->path);
	g_free(m);
}

static void step_done(Guest *g, const char *what, const Run *run, const char *error);
static void follow_up(Guest *g, uint64_t dpa, uint64_t len);
static void queue_follow(Guest *g);
static void settle_if_done(Guest *g);

static void map_done(void *opaque, VmMapping *mapping, const char *error)
{
	Mapped *m = opaque;
	Guest *g = m->guest;
	const Run run = m->run;
	const bool awaited = m->awaited;

	g->in_flight--;
	m->awaited = false;
	m->mapped = !error;
	if (error) {
		m->mapping = NULL;
		cxb_ivmap_remove(g->mapped, run.dpa); /* frees it */
	}
	if (awaited)
		step_done(g, "mapping", &run, error);
	else if (!error)
		follow_up(g, run.dpa, run.len); /* it may not be wanted any more */
	else
		cxb_warn("%s: dpa 0x%" PRIx64 " is not mapped at 0x%" PRIx64 ": %s", g->obj.name,
			 run.dpa, run.hpa, error);
	settle_if_done(g);
}

static void unmap_done(void *opaque, VmMapping *mapping, const char *error)
{
	Mapped *m = opaque;
	Guest *g = m->guest;
	const Run run = m->run;
	const bool awaited = m->awaited;

	g->in_flight--;
	m->awaited = false;
	if (!error)
		g_hash_table_remove(g->leaving, m); /* frees it */
	if (!error && cxb_ivmap_count(g->missing))
		queue_follow(g);
	if (awaited)
		step_done(g, "unmapping", &run, error);
	else if (error)
		cxb_warn("%s: dpa 0x%" PRIx64 " stays mapped at 0x%" PRIx64
			 ", and its backend in use: %s",
			 g->obj.name, run.dpa, run.hpa, error);
	settle_if_done(g);
}

/* False: no port is left for it. */
static bool map(Guest *g, const Run *run, bool awaited)
{
	Mapped *m = mapped_new(g, run);
	VmRange range = {
		.path = m->path, .len = run->len, .hpa = run->hpa, .readonly = run->readonly
	};
	uint64_t fd_off;

	cxb_hostmem_fd(run->mem, &fd_off);
	range.off = fd_off + run->mem_off;
	m->awaited = awaited;
	if (!cxb_ivmap_insert(g->mapped, run->dpa, run->len, m)) {
		mapped_free(m);
		return true; /* there already, in part: followed up later */
	}
	m->mapping = vm_map(g->vm, &range, map_done, m);
	if (!m->mapping) {
		cxb_ivmap_remove(g->mapped, run->dpa);
		return false;
	}
	g->in_flight++;
	g->awaited += awaited;
	return true;
}

/* It leaves the map at once: something else may come to its DPA meanwhile. */
static void unmap(Guest *g, CxbIv *iv, bool awaited)
{
	Mapped *m = iv->value;
	Mapped *out = g_memdup2(m, sizeof(*m));

	cxb_hostmem_pin(out->run.mem, g->obj.name);
	out->path = NULL;
	out->awaited = awaited;
	g_hash_table_add(g->leaving, out);
	cxb_ivmap_remove(g->mapped, iv->start);
	g->in_flight++;
	g->awaited += awaited;
	vm_unmap(g->vm, out->mapping, unmap_done, out);
}

/* --- following up --- */

static bool same(const Run *a, const Run *b)
{
	return a->dpa == b->dpa && a->len == b->len && a->hpa == b->hpa && a->mem == b->mem &&
	       a->mem_off == b->mem_off && a->readonly == b->readonly;
}

static GHashTable *by_dpa(const GArray *runs)
{
	GHashTable *table = g_hash_table_new(g_int64_hash, g_int64_equal);

	for (guint i = 0; i < runs->len; i++) {
		Run *run = &g_array_index(runs, Run, i);

		g_hash_table_insert(table, &run->dpa, run);
	}
	return table;
}

/* What is mapped in part of a range, and what is to be, stays or goes as a whole. */
static GArray *runs_around(Guest *g, uint64_t *from, uint64_t *to)
{
	GArray *runs = NULL;
	uint64_t start, end;

	do {
		const CxbIv *first = cxb_ivmap_overlap(g->mapped, *from, *to - *from);
		const CxbIv *last = cxb_ivmap_find(g->mapped, *to - 1);

		start = *from;
		end = *to;
		if (first)
			*from = MIN(*from, first->start);
		if (last)
			*to = MAX(*to, last->start + last->len);
		if (runs)
			g_array_unref(runs);
		runs = runs_between(g->endpoint, *from, *to);
		for (guint i = 0; i < runs->len; i++) {
			const Run *run = &g_array_index(runs, Run, i);

			*from = MIN(*from, run->dpa);
			*to = MAX(*to, run->dpa + run->len);
		}
	} while (*from < start || *to > end);
	return runs;
}

/* What is mapped and is not to be goes; one that is still being mapped goes when it is. */
static void drop_unwanted(Guest *g, uint64_t from, uint64_t to, GHashTable *wanted)
{
	CxbIv *next;

	for (CxbIv *iv = cxb_ivmap_overlap(g->mapped, from, to - from); iv && iv->start < to;
	     iv = next) {
		const Mapped *m = iv->value;
		const Run *want = g_hash_table_lookup(wanted, &m->run.dpa);

		next = cxb_ivmap_next(g->mapped, iv);
		if (m->mapped && (!want || !same(want, &m->run)))
			unmap(g, iv, false);
	}
}

/* @runs: what is to be mapped there is added */
static void compare(Guest *g, uint64_t from, uint64_t to, GArray *runs)
{
	g_autoptr(GArray) here = runs_around(g, &from, &to);
	g_autoptr(GHashTable) wanted = by_dpa(here);

	drop_unwanted(g, from, to, wanted);
	ranges_drop(g->missing, from, to - from);
	g_array_append_vals(runs, here->data, here->len);
}

static void map_wanted(Guest *g, const GArray *runs)
{
	for (guint i = 0; i < runs->len; i++) {
		const Run *run = &g_array_index(runs, Run, i);

		if (!cxb_ivmap_overlap(g->mapped, run->dpa, run->len) && !map(g, run, false))
			ranges_add(g->missing, run->dpa, run->len);
	}
}

/* As far as there are ports. One that is about to be free brings us here again. */
static void map_missing(Guest *g)
{
	const CxbIv *iv;

	while (vm_ports_free(g->vm) && (iv = cxb_ivmap_first(g->missing))) {
		g_autoptr(GArray) runs = runs_between(g->endpoint, iv->start, iv->start + iv->len);

		cxb_ivmap_remove(g->missing, iv->start);
		map_wanted(g, runs);
	}
	if (cxb_ivmap_count(g->missing) && !g->in_flight)
		cxb_warn("%s: %zu ranges are not mapped: no hidden port is left for them",
			 g->obj.name, cxb_ivmap_count(g->missing));
}

static void follow(void *opaque)
{
	Guest *g = opaque;
	g_autoptr(GArray) runs = NULL;

	g->follow_queued = false;
	if (!g->endpoint)
		return;
	if (!vm_ready(g->vm)) { /* which begins with everything */
		cxb_ivmap_clear(g->changed);
		return;
	}
	/* What it will be is not known yet; its end comes here again. */
	if (g->awaited)
		return;
	runs = g_array_new(FALSE, FALSE, sizeof(Run));
	vm_hold(g->vm);
	for (const CxbIv *iv = cxb_ivmap_first(g->changed); iv; iv = cxb_ivmap_next(g->changed, iv))
		compare(g, iv->start, iv->start + iv->len, runs);
	cxb_ivmap_clear(g->changed);
	trace_guest_follow(g->obj.name, runs->len, cxb_ivmap_count(g->mapped));
	map_wanted(g, runs);
	map_missing(g);
	vm_flush(g->vm);
	settle_if_done(g);
}

static void queue_follow(Guest *g)
{
	if (g->follow_queued)
		return;
	g->follow_queued = true;
	cxb_workq_post(cxb_machine_workq(g->guests->m), follow, g);
}

static void follow_up(Guest *g, uint64_t dpa, uint64_t len)
{
	ranges_add(g->changed, dpa, len);
	queue_follow(g);
}

static void follow_up_op(Guest *g, const CxbDcOp *op)
{
	for (size_t i = 0; i < op->n; i++)
		follow_up(g, op->extents[i]->dpa, op->extents[i]->len);
}

static void follow_up_all(Guest *g)
{
	follow_up(g, 0, UINT64_MAX);
}

/* --- decoders --- */

/* What was to be mapped is, or cannot be, or takes too long. */
static void settle(void *opaque)
{
	Guest *g = opaque;

	trace_guest_settle(g->obj.name, g->in_flight);
	cxb_timer_disarm(g->settle);
	cxb_cxl_endpoint_settle(g->endpoint);
}

static void settle_if_done(Guest *g)
{
	if (cxb_timer_armed(g->settle) && !g->in_flight && !g->follow_queued)
		settle(g);
}

static void decode_changed(void *opaque)
{
	follow_up_all(opaque);
}

static bool decode_settling(void *opaque)
{
	Guest *g = opaque;

	if (!vm_ready(g->vm))
		return false;
	cxb_workq_cancel(cxb_machine_workq(g->guests->m), follow, g);
	ranges_add(g->changed, 0, UINT64_MAX);
	follow(g);
	if (!g->in_flight)
		return false;
	cxb_timer_arm(g->settle, cxb_clock_now_ns(cxb_machine_clock(g->guests->m)) + SETTLE_NS);
	return true;
}

/* --- operations of the device --- */

/* One step that the operation waits for is done. With the last of them, all are. */
static void step_done(Guest *g, const char *what, const Run *run, const char *error)
{
	if (error && !g->refusal)
		g->refusal = g_strdup_printf("%s of dpa 0x%" PRIx64 " in %s: %s", what, run->dpa,
					     g->obj.name, error);
	follow_up(g, run->dpa, run->len); /* undoes what was mapped if the operation fails */
	if (--g->awaited)
		return;
	cxb_dc_prepared(dc_of(g),
			g->refusal ? g_error_new(CXB_ERROR, CXB_ERROR_SYSTEM, "%s", g->refusal)
				   : NULL);
	g_clear_pointer(&g->refusal, g_free);
}

static GArray *runs_of_op(Guest *g, const CxbDcOp *op)
{
	GArray *runs = g_array_new(FALSE, FALSE, sizeof(Run));
	const CxbDcConfig *config = cxb_dc_config(dc_of(g));

	for (size_t i = 0; i < op->n; i++) {
		const CxbDcExtent *e = op->extents[i];
		const CxbCxlSegment segment = {
			.dpa = e->dpa,
			.len = e->len,
			.mem = cxb_cxl_backing_mem(e->backing),
			.mem_off = e->backing_off,
			.readonly = config->regions[e->region].read_only,
		};

		runs_of(g->endpoint, &segment, runs);
	}
	return runs;
}

static CxbDcPrepare prepare_accept(Guest *g, const CxbDcOp *op, GError **errp)
{
	g_autoptr(GArray) runs = runs_of_op(g, op);

	if (runs->len > vm_ports_free(g->vm)) {
		cxb_fail(errp, CXB_ERROR_NO_ROOM, "%s: %u ranges to map, %u hidden ports are left",
			 g->obj.name, runs->len, vm_ports_free(g->vm));
		return CXB_DC_REFUSED;
	}
	vm_hold(g->vm);
	for (guint i = 0; i < runs->len; i++)
		map(g, &g_array_index(runs, Run, i), true);
	vm_flush(g->vm);
	return g->awaited ? CXB_DC_WAIT : CXB_DC_READY;
}

static void unmap_extents(Guest *g, const CxbDcOp *op, bool awaited)
{
	vm_hold(g->vm);
	for (size_t i = 0; i < op->n; i++) {
		const CxbDcExtent *e = op->extents[i];
		CxbIv *iv;

		while ((iv = cxb_ivmap_overlap(g->mapped, e->dpa, e->len)) &&
		       ((Mapped *)iv->value)->mapped) {
			/* It may reach beyond, and the rest stays. */
			ranges_add(g->changed, iv->start, iv->len);
			unmap(g, iv, awaited);
		}
	}
	vm_flush(g->vm);
}

static CxbDcPrepare prepare(void *opaque, const CxbDcOp *op, GError **errp)
{
	Guest *g = opaque;

	if (!vm_ready(g->vm))
		return CXB_DC_READY;
	if (op->kind == CXB_DC_OP_ACCEPT)
		return prepare_accept(g, op, errp);
	if (op->kind == CXB_DC_OP_RELEASE)
		unmap_extents(g, op, true);
	return g->awaited ? CXB_DC_WAIT : CXB_DC_READY;
}

static void expect_nothing(Guest *g)
{
	GHashTableIter it;
	gpointer out;

	g->awaited = 0;
	g_clear_pointer(&g->refusal, g_free);
	for (CxbIv *iv = cxb_ivmap_first(g->mapped); iv; iv = cxb_ivmap_next(g->mapped, iv))
		((Mapped *)iv->value)->awaited = false;
	g_hash_table_iter_init(&it, g->leaving);
	while (g_hash_table_iter_next(&it, &out, NULL))
		((Mapped *)out)->awaited = false;
}

/* Somebody else refused, or the operation was given up while it waited. */
static void aborted(void *opaque, const CxbDcOp *op)
{
	expect_nothing(opaque);
	follow_up_op(opaque, op);
}

static void committed(void *opaque, const CxbDcOp *op)
{
	Guest *g = opaque;

	if (vm_ready(g->vm) && op->kind == CXB_DC_OP_FORCED_RELEASE)
		unmap_extents(g, op, false);
	follow_up_op(g, op);
}

/* Bytes that were taken away by force, and are still on their way out. */
static bool shows(void *opaque, CxbHostMem *mem, uint64_t off, uint64_t len, GError **errp)
{
	const Guest *g = opaque;
	GHashTableIter it;
	gpointer out;

	g_hash_table_iter_init(&it, g->leaving);
	while (g_hash_table_iter_next(&it, &out, NULL)) {
		const Run *run = &((const Mapped *)out)->run;

		if (run->mem == mem && cxb_ranges_overlap(run->mem_off, run->len, off, len))
			return !cxb_fail(errp, CXB_ERROR_BUSY,
					 "offset 0x%" PRIx64
					 " of memory backend '%s' is still mapped "
					 "in %s",
					 off, cxb_hostmem_id(mem), g->obj.name);
	}
	return false;
}

/* --- the guest comes and goes --- */

static void forget_all(Guest *g)
{
	const bool waited = g->awaited;

	g->in_flight = g->awaited = 0;
	cxb_ivmap_clear(g->changed);
	cxb_ivmap_clear(g->missing);
	cxb_ivmap_clear(g->mapped);
	g_hash_table_remove_all(g->leaving);
	if (cxb_timer_armed(g->settle))
		settle(g);
	if (!waited || !cxb_dc_under_way(dc_of(g)))
		return;
	/* Nothing is mapped in a guest that is not there. What it wanted to accept nobody will use. */
	cxb_dc_prepared(dc_of(g), NULL);
	g_clear_pointer(&g->refusal, g_free);
}

static void vm_is_ready(void *opaque)
{
	follow_up_all(opaque);
}

static void vm_is_lost(void *opaque)
{
	forget_all(opaque);
}

/* --- start and end --- */

static void stop(Guest *g)
{
	if (g->endpoint)
		cxb_machine_set_mapper(g->guests->m, g->endpoint, NULL, NULL);
	if (g->follow_queued)
		cxb_workq_cancel(cxb_machine_workq(g->guests->m), follow, g);
	g->follow_queued = false;
	if (g->mapped)
		forget_all(g);
	g_clear_pointer(&g->settle, cxb_timer_free);
	g->endpoint = NULL;
	g_clear_pointer(&g->vm, vm_free);
	g_clear_pointer(&g->mapped, cxb_ivmap_free);
	g_clear_pointer(&g->changed, cxb_ivmap_free);
	g_clear_pointer(&g->missing, cxb_ivmap_free);
	g_clear_pointer(&g->leaving, g_hash_table_unref);
}

static void endpoint_gone(void *opaque)
{
	stop(opaque);
}

static const CxbMachineMapper mapper = {
	.prepare = prepare,
	.abort = aborted,
	.commit = committed,
	.shows = shows,
	.decode_changed = decode_changed,
	.decode_settling = decode_settling,
	.gone = endpoint_gone,
};

static CxbDevice *find_endpoint(Guest *g, GError **errp)
{
	CxbDevice *dev = cxb_cxl_type3_find(cxb_machine_qom(g->guests->m), g->device, errp);

	return dev ? cxb_cxl_head_of(dev, g->head, errp) : NULL;
}

static const char *socket_path(const Guest *g)
{
	return g_str_has_prefix(g->qmp, "unix:") ? g->qmp + strlen("unix:") : g->qmp;
}

static bool start(Guest *g, GError **errp)
{
	CxbDevice *endpoint = find_endpoint(g, errp);
	const VmConfig config = {
		.name = g->obj.name,
		.path = socket_path(g),
		.ports = g->ports ?: "ha",
		.context = cxb_machine_context(g->guests->m),
		.clock = cxb_machine_clock(g->guests->m),
		.ready = vm_is_ready,
		.lost = vm_is_lost,
		.opaque = g,
	};

	if (!endpoint)
		return false;
	if (!cxb_machine_set_mapper(g->guests->m, endpoint, &mapper, g))
		return cxb_fail(errp, CXB_ERROR_BUSY, "Device '%s' has a guest already", g->device);
	g->endpoint = endpoint;
	g->mapped = cxb_ivmap_new(mapped_free);
	g->changed = cxb_ivmap_new(NULL);
	g->missing = cxb_ivmap_new(NULL);
	g->leaving = g_hash_table_new_full(NULL, NULL, mapped_free, NULL);
	g->settle = cxb_timer_new(cxb_machine_clock(g->guests->m), settle, g);
	g->vm = vm_new(&config);
	return true;
}

/* --- the object --- */

static bool complete(CxbObject *obj, GError **errp)
{
	Guest *g = (Guest *)obj;

	g->guests = cxb_qom_get_service(obj->qom, SERVICE);
	if (!cxb_machine_is_remote(g->guests->m))
		return cxb_fail(
			errp, CXB_ERROR_INVALID,
			"cxl-guest is of machine x-remote: other machines have their memory "
			"here");
	if (!g->qmp)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'qmp' is missing");
	if (!g->device)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'device' is missing");
	return !g->guests->started || start(g, errp);
}

static bool can_delete(CxbObject *obj, GError **errp)
{
	const Guest *g = (const Guest *)obj;
	const unsigned n = g->vm ? vm_mappings(g->vm) : 0;

	return !n ||
	       cxb_fail(errp, CXB_ERROR_BUSY,
			"object '%s' is in use: %u ranges are mapped in the guest", obj->name, n);
}

static void unparent(CxbObject *obj)
{
	stop((Guest *)obj);
}

static bool get_state(CxbObject *obj, const CxbProp *prop, CxbScalar *out, GError **errp)
{
	const Guest *g = (const Guest *)obj;

	*out = (CxbScalar){ .kind = CXB_SCALAR_STR,
			    .s = g_strdup(g->vm ? vm_state(g->vm) : "idle") };
	return true;
}

static bool get_mapped(CxbObject *obj, const CxbProp *prop, CxbScalar *out, GError **errp)
{
	const Guest *g = (const Guest *)obj;

	*out = (CxbScalar){ .kind = CXB_SCALAR_UINT, .u = g->vm ? vm_mappings(g->vm) : 0 };
	return true;
}

static const CxbProp props[] = {
	{ "qmp", CXB_PROP_STR, offsetof(Guest, qmp),
	  .desc = "QMP of the guest's QEMU: unix:PATH, of nobody else" },
	{ "device", CXB_PROP_STR, offsetof(Guest, device),
	  .desc = "id or path of the cxl-type3 that the guest has" },
	{ "head", CXB_PROP_U16, offsetof(Guest, head), .def = CXB_CXL_OWN_HEAD_TEXT,
	  .desc = "of a device with several, the head of this host instead" },
	{ "ports", CXB_PROP_STR, offsetof(Guest, ports),
	  .desc = "what the ids of the guest's hidden root ports begin with; \"ha\" if not given" },
	{ "state", CXB_PROP_FN, .flags = CXB_PROP_RDONLY, .type_name = "str", .get = get_state,
	  .desc = "connecting, testing, ready, or failed and why" },
	{ "mapped", CXB_PROP_FN, .flags = CXB_PROP_RDONLY, .type_name = "uint64", .get = get_mapped,
	  .desc = "ranges that are mapped in the guest" },
	{ NULL },
};

static const CxbType guest_type = {
	.name = CXB_TYPE_NAME_GUEST,
	.desc = "maps a served device's capacity into the guest that has it",
	.size = sizeof(Guest),
	.flags = CXB_TYPE_USER_OBJECT,
	.props = props,
	.complete = complete,
	.can_delete = can_delete,
	.unparent = unparent,
};

/* --- all of them --- */

CxbGuests *cxb_guests_new(CxbMachine *m)
{
	CxbGuests *guests = g_new0(CxbGuests, 1);

	guests->m = m;
	cxb_qom_set_service(cxb_machine_qom(m), SERVICE, guests);
	cxb_qom_register(cxb_machine_qom(m), &guest_type);
	guests->windows = guest_windows_new(m);
	return guests;
}

static GPtrArray *all(CxbGuests *guests)
{
	return cxb_user_objects(cxb_machine_qom(guests->m), CXB_TYPE_NAME_GUEST);
}

bool cxb_guests_start(CxbGuests *guests, GError **errp)
{
	g_autoptr(GPtrArray) list = all(guests);

	guests->started = true;
	for (guint i = 0; i < list->len; i++)
		if (!start(list->pdata[i], errp))
			return false;
	return guest_windows_start(guests->windows, errp);
}

void cxb_guests_stop(CxbGuests *guests)
{
	g_autoptr(GPtrArray) list = all(guests);

	for (guint i = 0; i < list->len; i++)
		stop(list->pdata[i]);
	guest_windows_stop(guests->windows);
}

void cxb_guests_free(CxbGuests *guests)
{
	if (guests)
		guest_windows_free(guests->windows);
	g_free(guests);
}
