/* SPDX-License-Identifier: Apache-2.0 */
/* Where a function is, in what a QEMU answers to query-pci. */
#ifndef GUEST_FIND_FUNCTION_H
#define GUEST_FIND_FUNCTION_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
	unsigned bus, slot, function;
	uint64_t bar[6]; /* addresses; all ones: it is nowhere */
	uint64_t size[6];
} FunctionAt;

/**
 * find_function() - The one with @id, on a root bus, whose number is what it is from the start.
 * @error: why it cannot be used: it is not there, or the guest would find it; caller frees
 */
bool find_function(json_object *buses, const char *id, FunctionAt *out, char **error);

#endif
