/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dynamic capacity records (CXL 3.1 8.2.9.2.1.6) that no capacity stands behind: to try what a host
 * makes of sequences with gaps, overlaps, chains that stay open, regions that are not there. What
 * they say is the caller's; what is checked is that they can be written, all of them.
 */
#include "monitor.h"

#include "base/error.h"
#include "base/range.h"
#include "devices/cxl.h"

struct record_arg {
	uint64_t dpa, len;
	char *tag; /* NULL: not given */
	uint16_t sequence;
	bool more;
};

struct raw_dc_args {
	char *path;
	uint16_t host_id;
	uint8_t type;
	bool has_region;
	uint8_t region;
	GArray *records; /* struct record_arg */
};

#define RECORD_ROW(name, kind, field, ...)                                                      \
	{                                                                                       \
		name, kind, offsetof(struct record_arg, field), .has_offset = -1, ##__VA_ARGS__ \
	}
static const CxbArg record_rows[] = {
	RECORD_ROW("dpa", CXB_ARG_U64, dpa),
	RECORD_ROW("len", CXB_ARG_U64, len),
	RECORD_ROW("tag", CXB_ARG_STR, tag, .optional = true),
	RECORD_ROW("sequence", CXB_ARG_U16, sequence, .optional = true),
	RECORD_ROW("more", CXB_ARG_BOOL, more, .optional = true),
	{ NULL },
};

#define ROW(name, kind, field, ...)                                                              \
	{                                                                                        \
		name, kind, offsetof(struct raw_dc_args, field), .has_offset = -1, ##__VA_ARGS__ \
	}
static const CxbArg inject_rows[] = {
	ROW("path", CXB_ARG_STR, path),
	ROW("host-id", CXB_ARG_U16, host_id),
	ROW("type", CXB_ARG_U8, type),
	{ "region", CXB_ARG_U8, offsetof(struct raw_dc_args, region), .optional = true,
	  .has_offset = offsetof(struct raw_dc_args, has_region) },
	ROW("records", CXB_ARG_LIST, records, .elem = record_rows,
	    .elem_size = sizeof(struct record_arg)),
	{ NULL },
};

/* What the record says of a region: where its capacity begins, or 0 if that is in none. */
static uint8_t region_at(const CxbDcConfig *config, uint64_t dpa)
{
	for (unsigned i = 0; i < config->n_regions; i++)
		if (cxb_range_within(dpa, 1, config->regions[i].base, config->regions[i].len))
			return i;
	return 0;
}

static json_object *inject(void *opaque, void *args, GError **errp)
{
	const struct raw_dc_args *a = args;
	const size_t n = a->records->len;
	g_autofree CxbDcRawRecord *records = g_new0(CxbDcRawRecord, n);
	CxbDevice *device;
	CxbDcHead *head;
	CxbDc *dc = qmp_find_dc(opaque, a->path, &device, errp);

	if (!dc || !(head = cxb_cxl_type3_dc_head(device, a->host_id, errp)))
		return NULL;
	if (!n) {
		cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'records' is empty");
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		const struct record_arg *r = &g_array_index(a->records, struct record_arg, i);

		records[i] = (CxbDcRawRecord){
			.dpa = r->dpa,
			.len = r->len,
			.seq = r->sequence,
			.type = a->type,
			.region = a->has_region ? a->region : region_at(cxb_dc_config(dc), r->dpa),
			.more = r->more,
		};
		if (!qmp_parse_tag(r->tag, &records[i].tag, errp))
			return NULL;
	}
	return cxb_dc_head_inject(head, records, n, errp) ? cxb_qmp_empty() : NULL;
}

static const CxbQmpCmd rows[] = {
	{ "cxl-inject-dynamic-capacity-event", inject_rows, sizeof(struct raw_dc_args),
	  CXB_QMP_UNSTABLE, "write dynamic capacity records into an event log", inject },
	{ NULL },
};

void qmp_add_raw_dc_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
