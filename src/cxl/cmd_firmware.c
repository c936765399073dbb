/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands 0200h to 0202h, CXL 3.1 8.2.9.3: two slots of firmware. Nothing runs it, so any bytes are a
 * package and none are kept; a slot holds a revision. Slots stay over every reset, a transfer over
 * none.
 */
#include "memdev_impl.h"

#include <stdio.h>
#include <string.h>

#include "base/trace.h"

#define FULL_NS      (10 * NS_PER_S) /* durations, limits: QEMU's */
#define PART_NS      (2 * NS_PER_S)
#define NEXT_PART_NS (30 * NS_PER_S) /* from the end of a part */
#define PACKAGE_MAX  (32ull << 20)

void memdev_init_firmware(CxbMemdev *md)
{
	MemdevFirmware *fw = &md->firmware;
	const char *revision = md->config.fw_revision ?: "";

	fw->active = 1;
	memcpy(fw->revision[0], revision, MIN(strlen(revision), WIRE_FW_REVISION_LEN));
}

void memdev_reset_firmware(CxbMemdev *md, CxbResetKind kind)
{
	MemdevFirmware *fw = &md->firmware;

	fw->open = false;
	if (kind == CXB_RESET_COLD && fw->staged) {
		fw->active = fw->staged;
		fw->staged = 0;
	}
}

const char *memdev_firmware_revision(const CxbMemdev *md)
{
	return md->firmware.revision[md->firmware.active - 1];
}

static CxbRc get_fw_info(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const MemdevFirmware *fw = &((const CxbMemdev *)opaque)->firmware;
	struct wire_fw_info *info = cxb_wr_room(out, sizeof(*info));

	if (!info)
		return CXB_RC_INTERNAL_ERROR;
	info->slots = MEMDEV_FW_SLOTS;
	info->slot_info = FIELD_PREP(WIRE_FW_ACTIVE_SLOT, fw->active) |
			  FIELD_PREP(WIRE_FW_STAGED_SLOT, fw->staged);
	info->caps = WIRE_FW_CAP_ONLINE;
	memcpy(info->revision, fw->revision, sizeof(fw->revision));
	return CXB_RC_SUCCESS;
}

static CxbRc refuse(CxbCci *cci, const char *what, CxbRc rc)
{
	cxb_guest_error("%s: transfer-fw: %s", cxb_cci_name(cci), what);
	return rc;
}

/* A slot that a package may go to, or be activated in. */
static bool slot_ok(const MemdevFirmware *fw, uint8_t slot)
{
	return slot >= 1 && slot <= MEMDEV_FW_SLOTS && slot != fw->active;
}

/* Of a part that goes on with the open transfer. The one before may be sent again as it was. */
static bool in_order(const MemdevFirmware *fw, uint32_t offset, size_t len)
{
	return offset == fw->part_offset + (fw->part_len + WIRE_FW_UNIT - 1) / WIRE_FW_UNIT ||
	       (offset == fw->part_offset && len == fw->part_len);
}

/* The checks in QEMU's order. */
static CxbRc check_transfer(const MemdevFirmware *fw, CxbCci *cci,
			    const struct wire_transfer_fw_in *req, size_t len)
{
	const bool full = req->action == WIRE_FW_TRANSFER_FULL;
	const bool first = full || req->action == WIRE_FW_TRANSFER_INITIATE;
	const bool last = full || req->action == WIRE_FW_TRANSFER_END;
	const uint32_t offset = full ? 0 : le32_get(req->offset);

	if (req->action > WIRE_FW_TRANSFER_END)
		return refuse(cci, "no such action", CXB_RC_INVALID_INPUT);
	if (offset * (uint64_t)WIRE_FW_UNIT + len > PACKAGE_MAX)
		return refuse(cci, "the package is too long", CXB_RC_INVALID_INPUT);
	if (first && fw->open)
		return refuse(cci, "another transfer is open", CXB_RC_FW_TRANSFER_BUSY);
	if (first && offset)
		return refuse(cci, "the first part is not at 0", CXB_RC_INVALID_INPUT);
	if (!first && !fw->open)
		return refuse(cci, "no transfer is open", CXB_RC_INVALID_INPUT);
	if (!first && !in_order(fw, offset, len))
		return refuse(cci, "a part is out of order", CXB_RC_FW_OUT_OF_ORDER);
	if (last && !slot_ok(fw, req->slot))
		return refuse(cci, "no package can go to this slot", CXB_RC_INVALID_SLOT);
	return CXB_RC_SUCCESS;
}

/* A part, or a whole package, has arrived. */
static CxbRc transferred(void *opaque, CxbCci *cci, CxbRc rc)
{
	CxbMemdev *md = opaque;
	MemdevFirmware *fw = &md->firmware;
	char *revision;

	fw->open = rc == CXB_RC_SUCCESS && !fw->filling;
	fw->part_end_ns = cxb_clock_now_ns(md->config.clock);
	if (rc == CXB_RC_SUCCESS && fw->filling) {
		revision = fw->revision[fw->filling - 1];
		memset(revision, 0, WIRE_FW_REVISION_LEN);
		snprintf(revision, WIRE_FW_REVISION_LEN, "package %u", ++fw->packages);
	}
	return CXB_RC_SUCCESS;
}

static CxbRc transfer_fw(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	CxbMemdev *md = opaque;
	MemdevFirmware *fw = &md->firmware;
	const struct wire_transfer_fw_in *req = cxb_rd_take(in, sizeof(*req));
	const size_t len = in->left;
	CxbRc rc;

	if (cxb_clock_now_ns(md->config.clock) - fw->part_end_ns > NEXT_PART_NS)
		fw->open = false;
	if (req->action == WIRE_FW_TRANSFER_ABORT) {
		fw->open = false;
		return CXB_RC_SUCCESS;
	}
	rc = check_transfer(fw, cci, req, len);
	if (rc != CXB_RC_SUCCESS)
		return rc;
	fw->part_offset = le32_get(req->offset);
	fw->part_len = len;
	fw->filling = req->action == WIRE_FW_TRANSFER_FULL || req->action == WIRE_FW_TRANSFER_END
			      ? req->slot
			      : 0;
	return cxb_cci_start_background(
		cci, req->action == WIRE_FW_TRANSFER_FULL ? FULL_NS : PART_NS, transferred, md);
}

static CxbRc activate_fw(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	MemdevFirmware *fw = &((CxbMemdev *)opaque)->firmware;
	const struct wire_activate_fw_in *req = cxb_rd_take(in, sizeof(*req));

	if (req->action > WIRE_FW_ACTIVATE_COLD_RESET) {
		cxb_guest_error("%s: activate-fw: no action %u", cxb_cci_name(cci), req->action);
		return CXB_RC_INVALID_INPUT;
	}
	if (!slot_ok(fw, req->slot) || !fw->revision[req->slot - 1][0]) {
		cxb_guest_error("%s: activate-fw: slot %u is active, empty or not there",
				cxb_cci_name(cci), req->slot);
		return CXB_RC_INVALID_SLOT;
	}
	if (req->action == WIRE_FW_ACTIVATE_COLD_RESET) {
		fw->staged = req->slot;
		return CXB_RC_SUCCESS;
	}
	fw->active = req->slot;
	if (fw->staged == fw->active)
		fw->staged = 0;
	return CXB_RC_SUCCESS;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_GET_FW_INFO,
		.name = "get-fw-info",
		.spec = "8.2.9.3.1",
		.out_max = sizeof(struct wire_fw_info),
		.run = get_fw_info,
	},
	{
		.opcode = CXB_OP_TRANSFER_FW,
		.name = "transfer-fw",
		.spec = "8.2.9.3.2",
		.in_min = sizeof(struct wire_transfer_fw_in),
		.in_max = CXB_PAYLOAD_ANY,
		.effects = CXB_EFFECT_BACKGROUND | CXB_EFFECT_ABORT,
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = transfer_fw,
	},
	{
		.opcode = CXB_OP_ACTIVATE_FW,
		.name = "activate-fw",
		.spec = "8.2.9.3.3",
		.in_min = sizeof(struct wire_activate_fw_in),
		.in_max = sizeof(struct wire_activate_fw_in),
		.effects = CXB_EFFECT_BACKGROUND | CXB_EFFECT_ABORT,
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = activate_fw,
	},
};

void memdev_add_firmware(CxbMemdev *md, CxbCci *cci)
{
	cxb_cci_add(cci, commands, G_N_ELEMENTS(commands), md);
}
