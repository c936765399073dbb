/* SPDX-License-Identifier: Apache-2.0 */
#include "find_function.h"

#include <glib.h>

#include "io/json.h"

static json_object *array(json_object *o, const char *key)
{
	json_object *a;

	return json_object_object_get_ex(o, key, &a) && json_object_is_type(a, json_type_array)
		       ? a
		       : NULL;
}

static size_t length(json_object *a)
{
	return a ? json_object_array_length(a) : 0;
}

/* All ones: it has no such member. */
static uint64_t number(json_object *o, const char *key)
{
	json_object *n;

	if (!json_object_object_get_ex(o, key, &n) || !json_object_is_type(n, json_type_int))
		return UINT64_MAX;
	/* An address of nowhere is written as -1. */
	return json_object_get_int64(n) < 0 ? UINT64_MAX : json_object_get_uint64(n);
}

/* The guest looks for function 0 of each slot, and for the others if it is there. */
static bool is_hidden(json_object *devices, const FunctionAt *at)
{
	for (size_t i = 0; i < length(devices); i++) {
		json_object *dev = json_object_array_get_idx(devices, i);

		if (number(dev, "slot") == at->slot && number(dev, "function") == 0)
			return false;
	}
	return true;
}

static void take_regions(json_object *dev, FunctionAt *at)
{
	json_object *regions = array(dev, "regions");

	for (unsigned nr = 0; nr < G_N_ELEMENTS(at->bar); nr++) {
		at->bar[nr] = UINT64_MAX;
		at->size[nr] = 0;
	}
	for (size_t i = 0; i < length(regions); i++) {
		json_object *region = json_object_array_get_idx(regions, i);
		const uint64_t nr = number(region, "bar");

		if (nr >= G_N_ELEMENTS(at->bar))
			continue;
		at->bar[nr] = number(region, "address");
		at->size[nr] = number(region, "size");
	}
}

static bool take(json_object *devices, json_object *dev, const char *id, FunctionAt *at,
		 char **error)
{
	const uint64_t bus = number(dev, "bus"), slot = number(dev, "slot");
	const uint64_t function = number(dev, "function");

	if (bus > 255 || slot > 31 || function > 7) {
		*error = g_strdup_printf("QEMU does not say where device '%s' is", id);
		return false;
	}
	at->bus = bus;
	at->slot = slot;
	at->function = function;
	take_regions(dev, at);
	if (is_hidden(devices, at))
		return true;
	*error = g_strdup_printf("the guest finds device '%s': its place has to be a slot without "
				 "function 0, as addr=1d.1",
				 id);
	return false;
}

bool find_function(json_object *buses, const char *id, FunctionAt *out, char **error)
{
	const size_t n = json_object_is_type(buses, json_type_array) ? length(buses) : 0;

	for (size_t i = 0; i < n; i++) {
		json_object *devices = array(json_object_array_get_idx(buses, i), "devices");

		for (size_t j = 0; j < length(devices); j++) {
			json_object *dev = json_object_array_get_idx(devices, j);

			if (g_strcmp0(cxb_json_str(dev, "qdev_id"), id) == 0)
				return take(devices, dev, id, out, error);
		}
	}
	*error = g_strdup_printf("no device on a root bus there has the id '%s'", id);
	return false;
}
