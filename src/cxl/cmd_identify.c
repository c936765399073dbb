/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands 4000h, 4100h and 4101h, CXL 3.1 8.2.9.9.1.1 and 8.2.9.9.2. Capacity is static:
 * partition alignment 0, no change ever pending. Dynamic capacity counts in neither.
 */
#include "memdev_impl.h"

#include <inttypes.h>
#include <string.h>

#include "base/trace.h"
#include "wire/mbox.h"

static le64 units(uint64_t bytes)
{
	return le64_put(bytes / WIRE_CAPACITY_UNIT);
}

static uint16_t log_size(const CxbMemdev *md, CxbLogId id)
{
	return md->config.logs ? cxb_evlogs_size(md->config.logs, id) : 0;
}

static CxbRc identify(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbMemdev *md = opaque;
	struct wire_identify_memdev *id = cxb_wr_room(out, sizeof(*id));

	if (!id)
		return CXB_RC_INTERNAL_ERROR;
	memcpy(id->fw_revision, memdev_firmware_revision(md), sizeof(id->fw_revision));
	id->total = units(md->config.volatile_size + md->config.persistent_size);
	id->volatile_only = units(md->config.volatile_size);
	id->persistent_only = units(md->config.persistent_size);
	for (unsigned i = 0; i < G_N_ELEMENTS(id->event_log_size); i++)
		id->event_log_size[i] = le16_put(log_size(md, i));
	id->lsa_size = le32_put(md->config.lsa_size);
	id->poison_list_max = le24_put(md->config.poison_list_max);
	id->dc_event_log_size = le16_put(log_size(md, CXB_LOG_DC));
	return CXB_RC_SUCCESS;
}

static CxbRc get_partition(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbMemdev *md = opaque;
	struct wire_partition_info *info = cxb_wr_room(out, sizeof(*info));

	if (!info)
		return CXB_RC_INTERNAL_ERROR;
	info->active_volatile = units(md->config.volatile_size);
	info->active_persistent = units(md->config.persistent_size);
	return CXB_RC_SUCCESS;
}

/* Nothing can be partitioned, so the only capacity there is to ask for is none: as it is now. */
static CxbRc set_partition(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const struct wire_set_partition_in *req = cxb_rd_take(in, sizeof(*req));
	const uint64_t capacity = le64_get(req->volatile_capacity);

	if (!capacity)
		return CXB_RC_SUCCESS;
	cxb_guest_error("%s: set-partition-info: volatile capacity 0x%" PRIx64
			" x 256 MiB, but none can be partitioned",
			cxb_cci_name(cci), capacity);
	return CXB_RC_INVALID_INPUT;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_IDENTIFY_MEMDEV,
		.name = "identify-memory-device",
		.spec = "8.2.9.9.1.1",
		.out_max = sizeof(struct wire_identify_memdev),
		.run = identify,
	},
	{
		.opcode = CXB_OP_GET_PARTITION,
		.name = "get-partition-info",
		.spec = "8.2.9.9.2.1",
		.out_max = sizeof(struct wire_partition_info),
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = get_partition,
	},
	{
		.opcode = CXB_OP_SET_PARTITION,
		.name = "set-partition-info",
		.spec = "8.2.9.9.2.2",
		.in_min = sizeof(struct wire_set_partition_in),
		.in_max = WIRE_SET_PARTITION_LONG_SIZE,
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = set_partition,
	},
};

void memdev_add_identify(CxbMemdev *md, CxbCci *cci)
{
	cxb_cci_add(cci, commands, G_N_ELEMENTS(commands), md);
}
