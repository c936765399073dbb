/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event records that are written into a device's logs from outside (CXL 3.1 8.2.9.2.1.1 to
 * 8.2.9.2.1.3). The caller says what a record holds, severity included; what is checked is that it
 * fits. Arguments, and which of them make a field valid, are QEMU's.
 */
#include "monitor.h"

#include <string.h>

#include "base/error.h"
#include "devices/cxl.h"

#define LE24_MAX 0xffffffu

/* What the three commands take, each a part of it. */
struct record_args {
	char *path;
	int log;

	/* header */
	uint32_t flags;
	uint8_t maint_class, maint_subclass, head_id;
	uint16_t ld_id;
	bool has_maint_subclass, has_ld_id, has_head_id;

	uint8_t type, sub_type;
	char *component; /* NULL: not given */
	bool pldm;

	/* general media, DRAM */
	uint64_t dpa;
	uint8_t descriptor, transaction, channel, rank, cme_flags;
	uint32_t device, cme_count;
	bool has_channel, has_rank, has_device, has_cme_count;

	/* DRAM */
	uint32_t nibble_mask, row;
	uint16_t column;
	uint8_t bank_group, bank, sub_channel;
	GArray *correction_mask; /* uint64_t; NULL: not given */
	bool has_nibble_mask, has_bank_group, has_bank, has_row, has_column, has_sub_channel;

	/* memory module */
	uint8_t health, media, additional, life_used;
	int16_t temperature;
	uint32_t dirty_shutdowns, volatile_errors, persistent_errors;
};

static const char *const log_names[] = {
	[CXB_LOG_INFO] = "informational",
	[CXB_LOG_WARN] = "warning",
	[CXB_LOG_FAIL] = "failure",
	[CXB_LOG_FATAL] = "fatal",
	NULL,
};

static const CxbArg mask_rows[] = { { "", CXB_ARG_U64, 0, .has_offset = -1 }, { NULL } };

/* clang-format off */
#define AT(field) offsetof(struct record_args, field)
#define MUST(name, kind, field) { name, kind, AT(field), .has_offset = -1 }
#define MAY(name, kind, field)  { name, kind, AT(field), .optional = true, .has_offset = -1 }
#define MAY_SEEN(name, kind, field) \
	{ name, kind, AT(field), .optional = true, .has_offset = AT(has_##field) }

#define HEADER_ROWS \
	MUST("path", CXB_ARG_STR, path), \
	{ "log", CXB_ARG_ENUM, AT(log), .has_offset = -1, .names = log_names, \
	  .enum_name = "CxlEventLog" }, \
	MUST("flags", CXB_ARG_U32, flags), \
	MAY("maint-op-class", CXB_ARG_U8, maint_class), \
	MAY_SEEN("maint-op-subclass", CXB_ARG_U8, maint_subclass), \
	MAY_SEEN("ld-id", CXB_ARG_U16, ld_id), \
	MAY_SEEN("head-id", CXB_ARG_U8, head_id)
#define MEDIA_ROWS \
	MUST("dpa", CXB_ARG_U64, dpa), \
	MUST("descriptor", CXB_ARG_U8, descriptor), \
	MUST("type", CXB_ARG_U8, type), \
	MUST("transaction-type", CXB_ARG_U8, transaction), \
	MAY_SEEN("channel", CXB_ARG_U8, channel), \
	MAY_SEEN("rank", CXB_ARG_U8, rank)
#define COMPONENT_ROWS \
	MAY("component-id", CXB_ARG_STR, component), \
	MAY("is-comp-id-pldm", CXB_ARG_BOOL, pldm)
/* clang-format on */

static const CxbArg media_rows[] = {
	HEADER_ROWS,
	MEDIA_ROWS,
	MAY_SEEN("device", CXB_ARG_U32, device),
	COMPONENT_ROWS,
	MAY("cme-ev-flags", CXB_ARG_U8, cme_flags),
	MAY_SEEN("cme-count", CXB_ARG_U32, cme_count),
	MUST("sub-type", CXB_ARG_U8, sub_type),
	{ NULL },
};

static const CxbArg dram_rows[] = {
	HEADER_ROWS,
	MEDIA_ROWS,
	MAY_SEEN("nibble-mask", CXB_ARG_U32, nibble_mask),
	MAY_SEEN("bank-group", CXB_ARG_U8, bank_group),
	MAY_SEEN("bank", CXB_ARG_U8, bank),
	MAY_SEEN("row", CXB_ARG_U32, row),
	MAY_SEEN("column", CXB_ARG_U16, column),
	{ "correction-mask", CXB_ARG_LIST, AT(correction_mask), .optional = true, .has_offset = -1,
	  .elem = mask_rows, .elem_size = sizeof(uint64_t) },
	COMPONENT_ROWS,
	MAY_SEEN("sub-channel", CXB_ARG_U8, sub_channel),
	MAY("cme-ev-flags", CXB_ARG_U8, cme_flags),
	MAY_SEEN("cvme-count", CXB_ARG_U32, cme_count),
	MUST("sub-type", CXB_ARG_U8, sub_type),
	{ NULL },
};

static const CxbArg module_rows[] = {
	HEADER_ROWS,
	MUST("type", CXB_ARG_U8, type),
	MUST("health-status", CXB_ARG_U8, health),
	MUST("media-status", CXB_ARG_U8, media),
	MUST("additional-status", CXB_ARG_U8, additional),
	MUST("life-used", CXB_ARG_U8, life_used),
	MUST("temperature", CXB_ARG_I16, temperature),
	MUST("dirty-shutdown-count", CXB_ARG_U32, dirty_shutdowns),
	MUST("corrected-volatile-error-count", CXB_ARG_U32, volatile_errors),
	MUST("corrected-persistent-error-count", CXB_ARG_U32, persistent_errors),
	COMPONENT_ROWS,
	MUST("sub-type", CXB_ARG_U8, sub_type),
	{ NULL },
};

/* --- what is common --- */

/* Fields of three bytes are given as four. */
static bool fits_24(const char *name, uint32_t value, GError **errp)
{
	return value <= LE24_MAX ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"Parameter '%s' 0x%x does not fit into the 24 bits of its field", name,
			value);
}

static bool check_common(const struct record_args *a, GError **errp)
{
	if (a->component && strlen(a->component) > WIRE_COMPONENT_ID_SIZE)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Parameter 'component-id' has %zu bytes, its field %u",
				strlen(a->component), WIRE_COMPONENT_ID_SIZE);
	return fits_24("flags", a->flags, errp);
}

static bool check_media(const struct record_args *a, const char *count, GError **errp)
{
	if (a->log == CXB_LOG_INFO && (a->flags & WIRE_EVENT_MAINTENANCE))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Informational event cannot require maintenance");
	return check_common(a, errp) && fits_24(count, a->cme_count, errp);
}

static bool check_dram(const struct record_args *a, GError **errp)
{
	if (a->correction_mask && a->correction_mask->len > WIRE_DRAM_CORRECTION_QWORDS)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Parameter 'correction-mask' has %u numbers, its field %u",
				a->correction_mask->len, WIRE_DRAM_CORRECTION_QWORDS);
	return check_media(a, "cvme-count", errp) && fits_24("nibble-mask", a->nibble_mask, errp) &&
	       fits_24("row", a->row, errp);
}

static uint32_t bits_if(bool given, uint32_t bits)
{
	return given ? bits : 0;
}

static struct wire_event_header header(const struct record_args *a, const CxbUuid *uuid)
{
	const uint32_t flags = a->flags |
			       bits_if(a->has_maint_subclass, WIRE_EVENT_SUBCLASS_VALID) |
			       bits_if(a->has_ld_id, WIRE_EVENT_LD_VALID) |
			       bits_if(a->has_head_id, WIRE_EVENT_HEAD_VALID);

	return (struct wire_event_header){
		.uuid = *uuid,
		.flags = le24_put(flags),
		.maint_class = a->maint_class,
		.maint_subclass = a->maint_subclass,
		.ld_id = le16_put(a->ld_id),
		.head_id = a->head_id,
	};
}

/* A count comes with the bit that says it is one. */
static uint8_t descriptor(const struct record_args *a)
{
	return a->descriptor | bits_if(a->has_cme_count, WIRE_MEDIA_THRESHOLD);
}

/* A shorter id is followed by zeros. */
static void put_component(const struct record_args *a, uint8_t *to)
{
	if (a->component)
		memcpy(to, a->component, strlen(a->component));
}

/* A log that is full counts an overflow, which may be what is wanted. */
static json_object *append(CxbDevice *device, const struct record_args *a, const void *rec)
{
	struct wire_event_record raw;

	memcpy(&raw, rec, sizeof(raw));
	cxb_evlogs_append(cxb_cxl_type3_logs(device), a->log, &raw);
	return cxb_qmp_empty();
}

/* --- the records --- */

static json_object *inject_media(void *opaque, void *args, GError **errp)
{
	const struct record_args *a = args;
	CxbDevice *device = qmp_find_type3(opaque, a->path, errp);
	const uint32_t valid = bits_if(a->has_channel, WIRE_MEDIA_CHANNEL_VALID) |
			       bits_if(a->has_rank, WIRE_MEDIA_RANK_VALID) |
			       bits_if(a->has_device, WIRE_MEDIA_DEVICE_VALID) |
			       bits_if(a->component, WIRE_MEDIA_COMPONENT_VALID) |
			       bits_if(a->component && a->pldm, WIRE_MEDIA_COMPONENT_PLDM);
	struct wire_media_record rec = {
		.hdr = header(a, &wire_uuid_gmer),
		.dpa = le64_put(a->dpa),
		.descriptor = descriptor(a),
		.type = a->type,
		.transaction = a->transaction,
		.validity = le16_put(valid),
		.channel = a->channel,
		.rank = a->rank,
		.device = le24_put(a->device),
		.cme_flags = a->cme_flags,
		.cme_count = le24_put(a->cme_count),
		.sub_type = a->sub_type,
	};

	if (!device || !check_media(a, "cme-count", errp) || !fits_24("device", a->device, errp))
		return NULL;
	put_component(a, rec.component);
	return append(device, a, &rec);
}

static json_object *inject_dram(void *opaque, void *args, GError **errp)
{
	const struct record_args *a = args;
	CxbDevice *device = qmp_find_type3(opaque, a->path, errp);
	const uint32_t valid = bits_if(a->has_channel, WIRE_DRAM_CHANNEL_VALID) |
			       bits_if(a->has_rank, WIRE_DRAM_RANK_VALID) |
			       bits_if(a->has_nibble_mask, WIRE_DRAM_NIBBLE_VALID) |
			       bits_if(a->has_bank_group, WIRE_DRAM_GROUP_VALID) |
			       bits_if(a->has_bank, WIRE_DRAM_BANK_VALID) |
			       bits_if(a->has_row, WIRE_DRAM_ROW_VALID) |
			       bits_if(a->has_column, WIRE_DRAM_COLUMN_VALID) |
			       bits_if(a->correction_mask, WIRE_DRAM_CORRECTION_VALID) |
			       bits_if(a->component, WIRE_DRAM_COMPONENT_VALID) |
			       bits_if(a->component && a->pldm, WIRE_DRAM_COMPONENT_PLDM) |
			       bits_if(a->has_sub_channel, WIRE_DRAM_SUBCHANNEL_VALID);
	struct wire_dram_record rec = {
		.hdr = header(a, &wire_uuid_dram),
		.dpa = le64_put(a->dpa),
		.descriptor = descriptor(a),
		.type = a->type,
		.transaction = a->transaction,
		.validity = le16_put(valid),
		.channel = a->channel,
		.rank = a->rank,
		.nibble_mask = le24_put(a->nibble_mask),
		.bank_group = a->bank_group,
		.bank = a->bank,
		.row = le24_put(a->row),
		.column = le16_put(a->column),
		.sub_channel = a->sub_channel,
		.cme_flags = a->cme_flags,
		.cvme_count = le24_put(a->cme_count),
		.sub_type = a->sub_type,
	};

	if (!device || !check_dram(a, errp))
		return NULL;
	for (guint i = 0; a->correction_mask && i < a->correction_mask->len; i++)
		rec.correction_mask[i] = le64_put(g_array_index(a->correction_mask, uint64_t, i));
	put_component(a, rec.component);
	return append(device, a, &rec);
}

static json_object *inject_module(void *opaque, void *args, GError **errp)
{
	const struct record_args *a = args;
	CxbDevice *device = qmp_find_type3(opaque, a->path, errp);
	const uint32_t valid = bits_if(a->component, WIRE_MODULE_COMPONENT_VALID) |
			       bits_if(a->component && a->pldm, WIRE_MODULE_COMPONENT_PLDM);
	struct wire_module_record rec = {
		.hdr = header(a, &wire_uuid_module),
		.type = a->type,
		.health = {
			.health = a->health,
			.media = a->media,
			.additional = a->additional,
			.life_used = a->life_used,
			.temperature = le16_put((uint16_t)a->temperature),
			.dirty_shutdowns = le32_put(a->dirty_shutdowns),
			.volatile_errors = le32_put(a->volatile_errors),
			.persistent_errors = le32_put(a->persistent_errors),
		},
		.validity = le16_put(valid),
		.sub_type = a->sub_type,
	};

	if (!device || !check_common(a, errp))
		return NULL;
	put_component(a, rec.component);
	return append(device, a, &rec);
}

static const CxbQmpCmd rows[] = {
	{ "cxl-inject-general-media-event", media_rows, sizeof(struct record_args), 0,
	  "write a general media record into an event log", inject_media },
	{ "cxl-inject-dram-event", dram_rows, sizeof(struct record_args), 0,
	  "write a DRAM record into an event log", inject_dram },
	{ "cxl-inject-memory-module-event", module_rows, sizeof(struct record_args), 0,
	  "write a memory module record into an event log", inject_module },
	{ NULL },
};

void qmp_add_record_commands(CxbQmp *qmp)
{
	cxb_qmp_add(qmp, rows, qmp);
}
