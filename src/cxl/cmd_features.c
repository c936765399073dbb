/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands 0500h to 0502h, CXL 3.1 8.2.9.6. A feature is a row: what can be read is made of what
 * can be written, which is kept as it comes over the wire. Nothing scrubs; what is set is told.
 */
#include "memdev_impl.h"

#include "base/range.h"
#include "base/trace.h"

#define VERSION         1
#define SCRUB_HOURS     12
#define SCRUB_MIN_HOURS 1

typedef struct {
	const CxbUuid *uuid;
	size_t get_size, set_size;
	size_t set_at; /* what can be written, in MemdevFeatureData */
	void (*get)(const MemdevFeatureData *data, void *to);
	/* What is wrong with @set, or NULL. It is made what is to be kept. */
	const char *(*check)(void *set);
} Feature;

static void get_scrub(const MemdevFeatureData *data, void *to)
{
	*(struct wire_scrub_get *)to = (struct wire_scrub_get){
		.caps = WIRE_SCRUB_CYCLE_CHANGEABLE | WIRE_SCRUB_REALTIME,
		.hours = data->scrub.hours,
		.min_hours = SCRUB_MIN_HOURS,
		.flags = data->scrub.flags,
	};
}

static const char *check_scrub(void *set)
{
	struct wire_scrub_set *scrub = set;

	if (scrub->hours < SCRUB_MIN_HOURS)
		return "a cycle below the minimum";
	scrub->flags &= WIRE_SCRUB_ENABLE;
	return NULL;
}

static void get_ecs(const MemdevFeatureData *data, void *to)
{
	struct wire_ecs_get *ecs = to;

	ecs->log_type = data->ecs.log_type;
	for (unsigned i = 0; i < WIRE_ECS_FRUS; i++) {
		ecs->fru[i].caps = WIRE_ECS_REALTIME;
		ecs->fru[i].config = data->ecs.config[i];
		ecs->fru[i].flags = 0;
	}
}

static const char *check_ecs(void *set)
{
	struct wire_ecs_set *ecs = set;

	ecs->log_type &= WIRE_ECS_LOG_TYPE;
	if (ecs->log_type > 1)
		return "a log type there is not";
	for (unsigned i = 0; i < WIRE_ECS_FRUS; i++) {
		const uint16_t config = le16_get(ecs->config[i]);
		const unsigned threshold = config & WIRE_ECS_THRESHOLD;

		if (threshold < WIRE_ECS_256 || threshold > WIRE_ECS_4096)
			return "a threshold there is not";
		/* There is no counter to be reset. */
		ecs->config[i] = le16_put(config & (WIRE_ECS_THRESHOLD | WIRE_ECS_COUNT_WORDS));
	}
	return NULL;
}

static const Feature features[] = {
	{
		.uuid = &wire_uuid_scrub,
		.get_size = sizeof(struct wire_scrub_get),
		.set_size = sizeof(struct wire_scrub_set),
		.set_at = offsetof(MemdevFeatureData, scrub),
		.get = get_scrub,
		.check = check_scrub,
	},
	{
		.uuid = &wire_uuid_ecs,
		.get_size = sizeof(struct wire_ecs_get),
		.set_size = sizeof(struct wire_ecs_set),
		.set_at = offsetof(MemdevFeatureData, ecs),
		.get = get_ecs,
		.check = check_ecs,
	},
};

void memdev_init_features(CxbMemdev *md)
{
	md->features = (MemdevFeatures){
		.data.scrub.hours = SCRUB_HOURS,
		.data.ecs.log_type = 1,
	};
	for (unsigned i = 0; i < WIRE_ECS_FRUS; i++)
		md->features.data.ecs.config[i] = le16_put(WIRE_ECS_256);
}

void memdev_reset_features(CxbMemdev *md, CxbResetKind kind)
{
	if (kind == CXB_RESET_FUNCTION)
		md->features.open = false;
	else
		memdev_init_features(md);
}

static const Feature *find(const CxbUuid *uuid)
{
	for (size_t i = 0; i < G_N_ELEMENTS(features); i++)
		if (cxb_uuid_equal(features[i].uuid, uuid))
			return &features[i];
	return NULL;
}

static CxbRc refuse(CxbCci *cci, const char *cmd, const char *what, CxbRc rc)
{
	cxb_guest_error("%s: %s: %s", cxb_cci_name(cci), cmd, what);
	return rc;
}

static CxbRc get_supported_features(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const struct wire_supported_features_in *req = cxb_rd_take(in, sizeof(*req));
	const uint32_t count = le32_get(req->count), start = le16_get(req->start);
	struct wire_supported_features_out *hdr = cxb_wr_room(out, sizeof(*hdr));
	size_t n;

	if (!hdr)
		return CXB_RC_INTERNAL_ERROR;
	if (count < sizeof(*hdr) || start >= G_N_ELEMENTS(features))
		return refuse(cci, "get-supported-features", "no such range", CXB_RC_INVALID_INPUT);
	n = MIN(count - sizeof(*hdr), cxb_wr_left(out)) / sizeof(struct wire_feature_entry);
	n = MIN(n, G_N_ELEMENTS(features) - start);
	for (size_t i = start; i < start + n; i++) {
		struct wire_feature_entry *entry = cxb_wr_room(out, sizeof(*entry));

		entry->uuid = *features[i].uuid;
		entry->index = le16_put(i);
		entry->get_size = le16_put(features[i].get_size);
		entry->set_size = le16_put(features[i].set_size);
		entry->attributes = le32_put(WIRE_FEATURE_CHANGEABLE);
		entry->get_version = entry->set_version = VERSION;
		entry->effects = le16_put(CXB_EFFECT_CONFIG_NOW | WIRE_FEATURE_EFFECTS_VALID);
	}
	hdr->returned = le16_put(n);
	hdr->supported = le16_put(G_N_ELEMENTS(features));
	return CXB_RC_SUCCESS;
}

static CxbRc get_feature(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const MemdevFeatures *all = &((const CxbMemdev *)opaque)->features;
	const struct wire_get_feature_in *req = cxb_rd_take(in, sizeof(*req));
	const Feature *feature = find(&req->uuid);
	const size_t offset = le16_get(req->offset), count = le16_get(req->count);
	uint8_t data[MEMDEV_FEATURE_MAX];

	if (!feature)
		return refuse(cci, "get-feature", "no such feature", CXB_RC_UNSUPPORTED);
	if (all->open && cxb_uuid_equal(&all->uuid, &req->uuid))
		return refuse(cci, "get-feature", "it is being set", CXB_RC_FEATURE_BUSY);
	if (req->selection != WIRE_FEATURE_CURRENT)
		return refuse(cci, "get-feature", "only current values are kept",
			      CXB_RC_FEATURE_SELECTION);
	if (offset + count > cxb_cci_payload_size(cci) || offset >= feature->get_size)
		return refuse(cci, "get-feature", "no such range", CXB_RC_INVALID_INPUT);
	feature->get(&all->data, data);
	return cxb_wr_copy(out, data + offset, MIN(count, feature->get_size - offset))
		       ? CXB_RC_SUCCESS
		       : CXB_RC_INTERNAL_ERROR;
}

/* A part that goes on with the open transfer. The one before may be sent again as it was. */
static bool in_order(const MemdevFeatures *all, size_t offset, size_t len)
{
	return offset == all->part_offset + all->part_len ||
	       (offset == all->part_offset && len == all->part_len);
}

static CxbRc check_set(const MemdevFeatures *all, CxbCci *cci, const Feature *feature,
		       const struct wire_set_feature_in *req, size_t len)
{
	const unsigned transfer = FIELD_GET(WIRE_SET_FEATURE_TRANSFER, le32_get(req->flags));
	const size_t offset = le16_get(req->offset);
	const char *cmd = "set-feature";

	if (!feature)
		return refuse(cci, cmd, "no such feature", CXB_RC_UNSUPPORTED);
	if (all->open && !cxb_uuid_equal(&all->uuid, &req->uuid))
		return refuse(cci, cmd, "another one is being set", CXB_RC_FEATURE_BUSY);
	if (transfer > WIRE_SET_FEATURE_ABORT)
		return refuse(cci, cmd, "no such action", CXB_RC_INVALID_INPUT);
	if (transfer == WIRE_SET_FEATURE_ABORT)
		return CXB_RC_SUCCESS;
	if (!len)
		return refuse(cci, cmd, "no data", CXB_RC_PAYLOAD_LEN);
	if (req->version != VERSION)
		return refuse(cci, cmd, "another version", CXB_RC_FEATURE_VERSION);
	if (!cxb_range_in(offset, len, feature->set_size))
		return refuse(cci, cmd, "more than there is", CXB_RC_PAYLOAD_LEN);
	if ((transfer == WIRE_SET_FEATURE_CONTINUE || transfer == WIRE_SET_FEATURE_FINISH) &&
	    !(all->open && in_order(all, offset, len)))
		return refuse(cci, cmd, "a part is out of order", CXB_RC_FEATURE_OUT_OF_ORDER);
	return CXB_RC_SUCCESS;
}

/* What a transfer leaves out stays as it is. Nothing is taken of one that ends in bad values. */
static CxbRc set_feature(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	MemdevFeatures *all = &((CxbMemdev *)opaque)->features;
	const struct wire_set_feature_in *req = cxb_rd_take(in, sizeof(*req));
	const unsigned transfer = FIELD_GET(WIRE_SET_FEATURE_TRANSFER, le32_get(req->flags));
	const Feature *feature = find(&req->uuid);
	const size_t offset = le16_get(req->offset), len = in->left;
	const char *what;
	CxbRc rc = check_set(all, cci, feature, req, len);
	uint8_t *kept;

	if (rc != CXB_RC_SUCCESS)
		return rc;
	all->open = transfer == WIRE_SET_FEATURE_INITIATE || transfer == WIRE_SET_FEATURE_CONTINUE;
	if (transfer == WIRE_SET_FEATURE_ABORT)
		return CXB_RC_SUCCESS;
	kept = (uint8_t *)&all->data + feature->set_at;
	if (transfer == WIRE_SET_FEATURE_FULL || transfer == WIRE_SET_FEATURE_INITIATE)
		memcpy(all->collected, kept, feature->set_size);
	cxb_rd_copy(in, all->collected + offset, len);
	all->uuid = req->uuid;
	all->part_offset = offset;
	all->part_len = len;
	if (all->open)
		return CXB_RC_SUCCESS;
	what = feature->check(all->collected);
	if (what)
		return refuse(cci, "set-feature", what, CXB_RC_INVALID_INPUT);
	memcpy(kept, all->collected, feature->set_size);
	return CXB_RC_SUCCESS;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_GET_SUPPORTED_FEATURES,
		.name = "get-supported-features",
		.spec = "8.2.9.6.1",
		.in_min = sizeof(struct wire_supported_features_in),
		.in_max = sizeof(struct wire_supported_features_in),
		.out_max = CXB_PAYLOAD_ANY,
		.run = get_supported_features,
	},
	{
		.opcode = CXB_OP_GET_FEATURE,
		.name = "get-feature",
		.spec = "8.2.9.6.2",
		.in_min = sizeof(struct wire_get_feature_in),
		.in_max = sizeof(struct wire_get_feature_in),
		.out_max = CXB_PAYLOAD_ANY,
		.run = get_feature,
	},
	{
		.opcode = CXB_OP_SET_FEATURE,
		.name = "set-feature",
		.spec = "8.2.9.6.3",
		.in_min = sizeof(struct wire_set_feature_in),
		.in_max = CXB_PAYLOAD_ANY,
		.effects = CXB_EFFECT_CONFIG_NOW | CXB_EFFECT_DATA_NOW | CXB_EFFECT_POLICY_NOW |
			   CXB_EFFECT_LOG_NOW | CXB_EFFECT_SECURITY,
		.run = set_feature,
	},
};

void memdev_add_features(CxbMemdev *md, CxbCci *cci)
{
	cxb_cci_add(cci, commands, G_N_ELEMENTS(commands), md);
}
