/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: adding and removing them while the machine runs. */
#include "monitor.h"

#include "io/json.h"

/* --- device_add --- */

struct device_add_args {
	char *driver, *bus, *id; /* bus, id: NULL if not given */
	json_object *props;
};

#define ADD_ROW(name, kind, ...)                                                                   \
	{                                                                                          \
#name, kind, offsetof(struct device_add_args, name), .has_offset = -1, __VA_ARGS__ \
	}

static const CxbArg device_add_rows[] = {
	ADD_ROW(driver, CXB_ARG_STR, .optional = false),
	ADD_ROW(bus, CXB_ARG_STR, .optional = true),
	ADD_ROW(id, CXB_ARG_STR, .optional = true),
	ADD_ROW(props, CXB_ARG_REST, .optional = true),
	{ NULL },
};

static json_object *device_add(void *opaque, void *args, GError **errp)
{
	const struct device_add_args *a = args;
	g_autoptr(CxbOpts) opts = cxb_json_opts(a->props, errp);

	if (!opts)
		return NULL;
	qmp_add_str(opts, "driver", a->driver);
	qmp_add_str(opts, "bus", a->bus);
	qmp_add_str(opts, "id", a->id);
	if (!cxb_machine_device_add(((CxbQmp *)opaque)->machine, opts, errp))
		return NULL;
	return cxb_qmp_empty();
}

/* --- device_del --- */

struct device_del_args {
	char *id;
};

static const CxbArg device_del_rows[] = {
	{ "id", CXB_ARG_STR, offsetof(struct device_del_args, id), .has_offset = -1 },
	{ NULL },
};

static json_object *device_del(void *opaque, void *args, GError **errp)
{
	const struct device_del_args *a = args;

	if (!cxb_machine_device_del(((CxbQmp *)opaque)->machine, a->id, errp))
		return NULL;
	return cxb_qmp_empty();
}

static const CxbQmpCmd rows[] = {
	{ "device_add", device_add_rows, sizeof(struct device_add_args), 0,
	  "plug a device, as -device does", device_add },
	{ "device_del", device_del_rows, sizeof(struct device_del_args), 0,
	  "unplug a device, or ask the host to let it go", device_del },
	{ NULL },
};

void qmp_add_device_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
