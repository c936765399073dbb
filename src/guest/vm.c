/* SPDX-License-Identifier: Apache-2.0 */
#include "vm.h"

#include <string.h>

#include "base/error.h"
#include "base/trace.h"
#include "io/json_put.h"
#include "io/qmp_client.h"

#define RETRY_NS (100 * G_GINT64_CONSTANT(1000000))
#define TEST_LEN (2u << 20) /* what anonymous memory there is a multiple of */

CXB_TRACE(guest_map, (const char *vm, unsigned nr, uint64_t hpa, uint64_t len, const char *error),
	  "%s: %u hpa 0x%" PRIx64 " len 0x%" PRIx64 ": %s", vm, nr, hpa, len, error ?: "mapped")
CXB_TRACE(guest_unmap, (const char *vm, unsigned nr, const char *error), "%s: %u: %s", vm, nr,
	  error ?: "unmapped")
CXB_TRACE(guest_state, (const char *vm, const char *state), "%s: %s", vm, state)

struct VmMapping {
	Vm *vm;
	unsigned nr;
	char *port;
	uint64_t hpa, len;
	bool object; /* its memory backend is there */
	char *error; /* of the first step that failed */
	VmDone done;
	void *opaque;
};

typedef enum { VM_CONNECTING, VM_TESTING, VM_READY, VM_FAILED } VmPhase;

struct Vm {
	VmConfig config; /* texts are copies */
	CxbQmpClient *client;
	CxbTimer *retry;
	VmPhase phase;
	char *reason;         /* of FAILED; else NULL */
	char *state;          /* both in words */
	GPtrArray *ports;     /* ids of free ones, the next to be taken last */
	GHashTable *mappings; /* set of VmMapping, owned */
	unsigned last_nr;
};

static void set_phase(Vm *vm, VmPhase phase)
{
	static const char *const names[] = {
		[VM_CONNECTING] = "connecting",
		[VM_TESTING] = "testing",
		[VM_READY] = "ready",
		[VM_FAILED] = "failed",
	};

	vm->phase = phase;
	if (phase != VM_FAILED)
		g_clear_pointer(&vm->reason, g_free);
	g_free(vm->state);
	vm->state = vm->reason ? g_strdup_printf("%s: %s", names[phase], vm->reason)
			       : g_strdup(names[phase]);
	trace_guest_state(vm->config.name, vm->state);
}

/* --- arguments --- */

/* Arguments with one member, a text. */
static json_object *only(const char *key, const char *value)
{
	json_object *o = json_object_new_object();

	cxb_json_put_str(o, key, value);
	return o;
}

/* Names of our own in QEMU: the mapping's device, memory, and the function that takes it along. */
static char *name_of(const VmMapping *map, char kind)
{
	return g_strdup_printf("cxlbox-%s-%c%u", map->vm->config.name, kind, map->nr);
}

static void send(VmMapping *map, const char *command, json_object *args, CxbQmpAnswer fn)
{
	cxb_qmp_client_send(map->vm->client, command, args, fn, map);
}

/* --- mapping --- */

static void mapping_free(gpointer data)
{
	VmMapping *map = data;

	g_free(map->port);
	g_free(map->error);
	g_free(map);
}

/* It is gone: its port is free for the next one. */
static void forget(VmMapping *map)
{
	g_ptr_array_add(map->vm->ports, g_steal_pointer(&map->port));
	g_hash_table_remove(map->vm->mappings, map);
}

static void note(VmMapping *map, const char *what, const char *error)
{
	if (error && !map->error)
		map->error = g_strdup_printf("%s: %s", what, error);
}

static void object_added(void *opaque, json_object *ret, const char *error)
{
	VmMapping *map = opaque;

	map->object = !error;
	note(map, "object-add", error);
}

static void undone(void *opaque, json_object *ret, const char *error)
{
	VmMapping *map = opaque;

	if (error)
		cxb_warn("%s: memory is left behind in the guest: object-del: %s",
			 map->vm->config.name, error);
	map->done(map->opaque, map, map->error);
	forget(map);
}

static void device_added(void *opaque, json_object *ret, const char *error)
{
	VmMapping *map = opaque;
	g_autofree char *memory = name_of(map, 'm');

	note(map, "device_add", error);
	trace_guest_map(map->vm->config.name, map->nr, map->hpa, map->len, map->error);
	if (!map->error) {
		map->done(map->opaque, map, NULL);
		return;
	}
	if (map->object) {
		send(map, "object-del", only("id", memory), undone);
		return;
	}
	map->done(map->opaque, map, map->error);
	forget(map);
}

static VmMapping *mapping_new(Vm *vm, VmDone done, void *opaque)
{
	VmMapping *map;

	if (!vm->ports->len) /* nor is there any before the guest is there */
		return NULL;
	map = g_new0(VmMapping, 1);
	map->vm = vm;
	map->nr = ++vm->last_nr;
	map->port = g_ptr_array_steal_index(vm->ports, vm->ports->len - 1);
	map->done = done;
	map->opaque = opaque;
	g_hash_table_add(vm->mappings, map);
	return map;
}

static void plug(VmMapping *map, bool anywhere)
{
	g_autofree char *device = name_of(map, 'd'), *memory = name_of(map, 'm');
	json_object *args = json_object_new_object();

	cxb_json_put_str(args, "driver", "virtio-pmem-pci");
	cxb_json_put_str(args, "id", device);
	cxb_json_put_str(args, "memdev", memory);
	cxb_json_put_str(args, "bus", map->port);
	cxb_json_put_str(args, "addr", "0.1");
	if (!anywhere)
		cxb_json_put_u64(args, "memaddr", map->hpa);
	send(map, "device_add", args, device_added);
}

VmMapping *vm_map(Vm *vm, const VmRange *range, VmDone done, void *opaque)
{
	VmMapping *map = mapping_new(vm, done, opaque);
	json_object *args;
	g_autofree char *memory = NULL;

	if (!map)
		return NULL;
	map->hpa = range->hpa;
	map->len = range->len;
	memory = name_of(map, 'm');
	args = json_object_new_object();
	cxb_json_put_str(args, "qom-type", "memory-backend-file");
	cxb_json_put_str(args, "id", memory);
	cxb_json_put_str(args, "mem-path", range->path);
	cxb_json_put_u64(args, "size", range->len);
	cxb_json_put_u64(args, "offset", range->off);
	cxb_json_put_bool(args, "share", true);
	if (range->readonly)
		cxb_json_put_bool(args, "readonly", true);
	send(map, "object-add", args, object_added);
	plug(map, false);
	return map;
}

/* --- unmapping --- */

static void step(void *opaque, json_object *ret, const char *error)
{
	note(opaque, "device_del", error);
}

static void unmapped(void *opaque, json_object *ret, const char *error)
{
	VmMapping *map = opaque;
	g_autofree char *why = NULL;

	note(map, "object-del", error);
	trace_guest_unmap(map->vm->config.name, map->nr, map->error);
	/* Once the memory is gone nothing of it can be left. */
	if (!error)
		g_clear_pointer(&map->error, g_free);
	why = g_steal_pointer(&map->error);
	map->done(map->opaque, map, why);
	if (!why)
		forget(map);
}

void vm_unmap(Vm *vm, VmMapping *map, VmDone done, void *opaque)
{
	g_autofree char *key = name_of(map, 'k'), *memory = name_of(map, 'm');
	json_object *args = json_object_new_object();

	map->done = done;
	map->opaque = opaque;
	cxb_json_put_str(args, "driver", "pci-testdev");
	cxb_json_put_str(args, "id", key);
	cxb_json_put_str(args, "bus", map->port);
	cxb_json_put_str(args, "addr", "0.0");
	cxb_json_put_bool(args, "multifunction", true);
	/* Together, so that no reset of the guest comes in between: it would leave the slot stuck. */
	cxb_qmp_client_hold(vm->client);
	send(map, "device_add", args, step);
	send(map, "device_del", only("id", key), step);
	send(map, "object-del", only("id", memory), unmapped);
	cxb_qmp_client_flush(vm->client);
}

/* --- attaching: which ports there are, and whether all this works with this QEMU --- */

static void failed(Vm *vm, const char *what, const char *error)
{
	cxb_warn("%s: capacity cannot be mapped into the guest: %s: %s; what is in its static "
		 "window, if it has one, works",
		 vm->config.name, what, error);
	g_free(vm->reason);
	vm->reason = g_strdup_printf("%s: %s", what, error);
	set_phase(vm, VM_FAILED);
}

static void test_unmapped(void *opaque, VmMapping *map, const char *error)
{
	Vm *vm = opaque;

	if (error) {
		failed(vm, "self-test", error);
		return;
	}
	set_phase(vm, VM_READY);
	vm->config.ready(vm->config.opaque);
}

static void test_mapped(void *opaque, VmMapping *map, const char *error)
{
	Vm *vm = opaque;

	if (error)
		failed(vm, "self-test", error);
	else
		vm_unmap(vm, map, test_unmapped, vm);
}

/* A page anywhere, there and back. */
static void self_test(Vm *vm)
{
	VmMapping *map = mapping_new(vm, test_mapped, vm);
	json_object *args = json_object_new_object();
	g_autofree char *memory = name_of(map, 'm');

	map->len = TEST_LEN;
	cxb_json_put_str(args, "qom-type", "memory-backend-ram");
	cxb_json_put_str(args, "id", memory);
	cxb_json_put_u64(args, "size", TEST_LEN);
	cxb_json_put_bool(args, "share", true);
	send(map, "object-add", args, object_added);
	plug(map, true);
}

static void take_port(Vm *vm, json_object *o)
{
	json_object *name, *type;

	if (json_object_object_get_ex(o, "name", &name) &&
	    json_object_object_get_ex(o, "type", &type) &&
	    g_str_has_prefix(json_object_get_string(name), vm->config.ports) &&
	    strcmp(json_object_get_string(type), "child<pcie-root-port>") == 0)
		g_ptr_array_add(vm->ports, g_strdup(json_object_get_string(name)));
}

static void listed(void *opaque, json_object *ret, const char *error)
{
	Vm *vm = opaque;

	if (error || !json_object_is_type(ret, json_type_array)) {
		failed(vm, "qom-list", error ?: "the answer is no list");
		return;
	}
	for (size_t i = json_object_array_length(ret); i-- > 0;)
		take_port(vm, json_object_array_get_idx(ret, i));
	if (vm->ports->len)
		self_test(vm);
	else
		failed(vm, "no hidden port",
		       "no pcie-root-port has an id that begins with the "
		       "value of 'ports'");
}

static void negotiated(void *opaque)
{
	Vm *vm = opaque;

	set_phase(vm, VM_TESTING);
	cxb_qmp_client_send(vm->client, "qom-list", only("path", "/machine/peripheral"), listed,
			    vm);
}

static void wait_for_it(Vm *vm)
{
	cxb_timer_arm(vm->retry, cxb_clock_now_ns(vm->config.clock) + RETRY_NS);
}

static void closed(void *opaque, const char *why)
{
	Vm *vm = opaque;

	if (why)
		cxb_warn("%s: QMP of the guest: %s", vm->config.name, why);
	vm->phase = VM_CONNECTING;
	g_clear_pointer(&vm->client, cxb_qmp_client_free);
	vm->config.lost(vm->config.opaque);
	g_hash_table_remove_all(vm->mappings);
	g_ptr_array_set_size(vm->ports, 0);
	set_phase(vm, VM_CONNECTING);
	wait_for_it(vm);
}

static void connect_to_it(void *opaque)
{
	static const CxbQmpClientOps ops = { .ready = negotiated, .closed = closed };
	Vm *vm = opaque;

	vm->client = cxb_qmp_client_new(vm->config.path, vm->config.context, &ops, vm, NULL);
	if (!vm->client)
		wait_for_it(vm);
}

Vm *vm_new(const VmConfig *config)
{
	Vm *vm = g_new0(Vm, 1);

	vm->config = *config;
	vm->config.name = g_strdup(config->name);
	vm->config.path = g_strdup(config->path);
	vm->config.ports = g_strdup(config->ports);
	vm->ports = g_ptr_array_new_with_free_func(g_free);
	vm->mappings = g_hash_table_new_full(NULL, NULL, mapping_free, NULL);
	vm->retry = cxb_timer_new(config->clock, connect_to_it, vm);
	set_phase(vm, VM_CONNECTING);
	connect_to_it(vm);
	return vm;
}

void vm_free(Vm *vm)
{
	if (!vm)
		return;
	cxb_qmp_client_free(vm->client);
	cxb_timer_free(vm->retry);
	g_hash_table_unref(vm->mappings);
	g_ptr_array_unref(vm->ports);
	g_free((char *)vm->config.name);
	g_free((char *)vm->config.path);
	g_free((char *)vm->config.ports);
	g_free(vm->reason);
	g_free(vm->state);
	g_free(vm);
}

bool vm_ready(const Vm *vm)
{
	return vm->phase == VM_READY;
}

const char *vm_state(const Vm *vm)
{
	return vm->state;
}

unsigned vm_ports_free(const Vm *vm)
{
	return vm->ports->len;
}

unsigned vm_mappings(const Vm *vm)
{
	return g_hash_table_size(vm->mappings);
}

void vm_hold(Vm *vm)
{
	if (vm->client)
		cxb_qmp_client_hold(vm->client);
}

void vm_flush(Vm *vm)
{
	if (vm->client)
		cxb_qmp_client_flush(vm->client);
}
