/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running QEMU, and memory that is mapped into it while it runs: a file's range at an address within
 * its device memory. The mapping is a virtio-pmem-pci as function 1 of a hidden root port's slot, which
 * has no function 0, so that the guest never looks at it. Such a device cannot be unplugged by itself; a
 * function 0 that comes and goes takes it along, as the slot is then without power.
 *
 * Every step is asynchronous. Mappings belong to this object; the caller has its own handle of each until
 * it is told that it is gone.
 */
#ifndef GUEST_VM_H
#define GUEST_VM_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

typedef struct Vm Vm;
typedef struct VmMapping VmMapping;

typedef struct {
	const char *path;  /* of the file */
	uint64_t off, len; /* in it; multiples of 4 KiB, as is @hpa */
	uint64_t hpa;
	bool readonly;
} VmRange;

/* @error: NULL if it is as asked for. */
typedef void (*VmDone)(void *opaque, VmMapping *mapping, const char *error);

typedef struct {
	const char *name;  /* for messages */
	const char *path;  /* of QEMU's QMP socket */
	const char *ports; /* what the ids of the hidden ports begin with */
	GMainContext *context;
	CxbClock *clock;
	/* Memory can be mapped from now on. */
	void (*ready)(void *opaque);
	/* QEMU has gone, and with it every mapping; their done is not called. It is waited for again. */
	void (*lost)(void *opaque);
	void *opaque;
} VmConfig;

Vm *vm_new(const VmConfig *config);
void vm_free(Vm *vm); /* what is mapped stays: QEMU is about to end, or to be left alone */
bool vm_ready(const Vm *vm);
const char *vm_state(const Vm *vm); /* "connecting", "testing", "ready", "failed: WHY" */
unsigned vm_ports_free(const Vm *vm);
/** vm_mappings() - That are there, or on their way in or out; the self-test's, too. */
unsigned vm_mappings(const Vm *vm);

/** vm_hold(), vm_flush() - What is asked for in between goes out in one write. */
void vm_hold(Vm *vm);
void vm_flush(Vm *vm);
/** vm_map() - NULL if no port is free. If @done is told an error the mapping is gone. */
VmMapping *vm_map(Vm *vm, const VmRange *range, VmDone done, void *opaque);
/** vm_unmap() - Of one that is mapped. After an error it is still there. */
void vm_unmap(Vm *vm, VmMapping *mapping, VmDone done, void *opaque);

#endif
