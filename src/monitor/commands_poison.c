/* SPDX-License-Identifier: Apache-2.0 */
/* Poison that a device finds in its media (CXL 3.1 8.2.9.9.4). */
#include "monitor.h"

#include "devices/cxl.h"

struct poison_args {
	char *path;
	uint64_t start, length;
};

static const CxbArg poison_rows[] = {
	{ "path", CXB_ARG_STR, offsetof(struct poison_args, path), .has_offset = -1 },
	{ "start", CXB_ARG_U64, offsetof(struct poison_args, start), .has_offset = -1 },
	{ "length", CXB_ARG_U64, offsetof(struct poison_args, length), .has_offset = -1 },
	{ NULL },
};

/* As in QEMU, what is wrong by itself is told before a path that leads nowhere. */
static json_object *inject_poison(void *opaque, void *args, GError **errp)
{
	const struct poison_args *a = args;
	CxbDevice *device;

	if (!cxb_poison_check(a->start, a->length, errp))
		return NULL;
	device = qmp_find_type3(opaque, a->path, errp);
	if (!device || !cxb_poison_inject(cxb_cxl_type3_poison(device), a->start, a->length, errp))
		return NULL;
	return cxb_qmp_empty();
}

static const CxbQmpCmd rows[] = {
	{ "cxl-inject-poison", poison_rows, sizeof(struct poison_args), 0,
	  "poison lines of a device", inject_poison },
	{ NULL },
};

void qmp_add_poison_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
