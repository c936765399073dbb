/* SPDX-License-Identifier: Apache-2.0 */
/* What resets take of a memory device's commands; the commands are in tests/vectors/cxl. */
#include <glib.h>

#include "mailbox_device.h"
#include "wire/feature.h"
#include "wire/firmware.h"
#include "wire/mbox.h"
#include "wire/sanitize.h"

#define SECOND INT64_C(1000000000)

static void set_up(MailboxDevice *d, gconstpointer unused)
{
	mailbox_device_init(d);
}

static void tear_down(MailboxDevice *d, gconstpointer unused)
{
	mailbox_device_fini(d);
}

static CxbRc transfer(MailboxDevice *d, uint8_t action, uint8_t slot, uint32_t offset)
{
	const struct wire_transfer_fw_in hdr = { .action = action,
						 .slot = slot,
						 .offset = le32_put(offset) };
	uint8_t req[sizeof(hdr) + WIRE_FW_UNIT] = { 0 };
	CxbRd in = { req, sizeof(req) };
	CxbWr out = { NULL, 0, 0 };

	memcpy(req, &hdr, sizeof(hdr));
	return cxb_cci_run(d->cci, CXB_OP_TRANSFER_FW, &in, &out, NULL, NULL);
}

static CxbRc activate(MailboxDevice *d, uint8_t action, uint8_t slot)
{
	const struct wire_activate_fw_in req = { action, slot };
	CxbRd in = { (const uint8_t *)&req, sizeof(req) };
	CxbWr out = { NULL, 0, 0 };

	return cxb_cci_run(d->cci, CXB_OP_ACTIVATE_FW, &in, &out, NULL, NULL);
}

static void assert_slots(MailboxDevice *d, unsigned active, unsigned staged, const char *second)
{
	struct wire_fw_info info;
	CxbRd in = { NULL, 0 };
	CxbWr out = { (uint8_t *)&info, 0, sizeof(info) };

	g_assert_cmphex(cxb_cci_run(d->cci, CXB_OP_GET_FW_INFO, &in, &out, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	g_assert_cmpuint(FIELD_GET(WIRE_FW_ACTIVE_SLOT, info.slot_info), ==, active);
	g_assert_cmpuint(FIELD_GET(WIRE_FW_STAGED_SLOT, info.slot_info), ==, staged);
	g_assert_cmpstr(info.revision[0], ==, "REVISION 1");
	g_assert_cmpstr(info.revision[1], ==, second);
}

static void pass(MailboxDevice *d, int64_t ns)
{
	g_assert_true(cxb_clock_advance(d->clock, cxb_clock_now_ns(d->clock) + ns));
}

static void reset(MailboxDevice *d, CxbResetKind kind)
{
	cxb_cci_reset(d->cci, kind);
	cxb_memdev_reset(d->memdev, kind);
}

static void staged_firmware_waits_for_the_power(MailboxDevice *d, gconstpointer unused)
{
	g_assert_cmphex(transfer(d, WIRE_FW_TRANSFER_FULL, 2, 0), ==, CXB_RC_BG_STARTED);
	pass(d, 10 * SECOND);
	g_assert_cmphex(activate(d, WIRE_FW_ACTIVATE_COLD_RESET, 2), ==, CXB_RC_SUCCESS);
	for (CxbResetKind kind = CXB_RESET_WARM; kind < CXB_RESET_KINDS; kind++) {
		reset(d, kind);
		assert_slots(d, 1, 2, "package 1");
	}
	reset(d, CXB_RESET_COLD);
	assert_slots(d, 2, 0, "package 1");
	reset(d, CXB_RESET_COLD);
	assert_slots(d, 2, 0, "package 1");
}

static void a_reset_drops_a_transfer(MailboxDevice *d, gconstpointer unused)
{
	for (CxbResetKind kind = 0; kind < CXB_RESET_KINDS; kind++) {
		/* While a part is on its way, and between two. */
		g_assert_cmphex(transfer(d, WIRE_FW_TRANSFER_FULL, 2, 0), ==, CXB_RC_BG_STARTED);
		reset(d, kind);
		pass(d, 10 * SECOND);
		assert_slots(d, 1, 0, "");
		g_assert_cmphex(transfer(d, WIRE_FW_TRANSFER_INITIATE, 0, 0), ==,
				CXB_RC_BG_STARTED);
		pass(d, 2 * SECOND);
		reset(d, kind);
		g_assert_cmphex(transfer(d, WIRE_FW_TRANSFER_END, 2, 1), ==, CXB_RC_INVALID_INPUT);
		assert_slots(d, 1, 0, "");
	}
}

static void firmware_needs_media(MailboxDevice *d, gconstpointer unused)
{
	cxb_cci_set_media_disabled(d->cci, true);
	g_assert_cmphex(transfer(d, WIRE_FW_TRANSFER_FULL, 2, 0), ==, CXB_RC_MEDIA_DISABLED);
	g_assert_cmphex(activate(d, WIRE_FW_ACTIVATE_ONLINE, 2), ==, CXB_RC_MEDIA_DISABLED);
	assert_slots(d, 1, 0, "");
}

static CxbRc set_hours(MailboxDevice *d, unsigned transfer, uint8_t hours)
{
	const struct wire_set_feature_in hdr = { .uuid = wire_uuid_scrub,
						 .flags = le32_put(transfer),
						 .version = 1 };
	uint8_t req[sizeof(hdr) + 1];
	CxbRd in = { req, sizeof(req) };
	CxbWr out = { NULL, 0, 0 };

	memcpy(req, &hdr, sizeof(hdr));
	req[sizeof(hdr)] = hours;
	return cxb_cci_run(d->cci, CXB_OP_SET_FEATURE, &in, &out, NULL, NULL);
}

static void assert_hours(MailboxDevice *d, unsigned hours)
{
	const struct wire_get_feature_in req = {
		.uuid = wire_uuid_scrub,
		.count = le16_put(sizeof(struct wire_scrub_get)),
	};
	struct wire_scrub_get got;
	CxbRd in = { (const uint8_t *)&req, sizeof(req) };
	CxbWr out = { (uint8_t *)&got, 0, sizeof(got) };

	g_assert_cmphex(cxb_cci_run(d->cci, CXB_OP_GET_FEATURE, &in, &out, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	g_assert_cmpuint(got.hours, ==, hours);
}

static void features_go_back_to_their_defaults(MailboxDevice *d, gconstpointer unused)
{
	for (CxbResetKind kind = 0; kind < CXB_RESET_KINDS; kind++) {
		g_assert_cmphex(set_hours(d, WIRE_SET_FEATURE_FULL, 24), ==, CXB_RC_SUCCESS);
		g_assert_cmphex(set_hours(d, WIRE_SET_FEATURE_INITIATE, 48), ==, CXB_RC_SUCCESS);
		reset(d, kind);
		assert_hours(d, kind == CXB_RESET_FUNCTION ? 24 : 12);
		g_assert_cmphex(set_hours(d, WIRE_SET_FEATURE_FINISH, 48), ==,
				CXB_RC_FEATURE_OUT_OF_ORDER);
	}
}

static CxbRc run(MailboxDevice *d, uint16_t opcode)
{
	CxbRd in = { NULL, 0 };
	CxbWr out = { NULL, 0, 0 };

	return cxb_cci_run(d->cci, opcode, &in, &out, NULL, NULL);
}

static void an_interrupted_sanitize_leaves_media_disabled(MailboxDevice *d, gconstpointer unused)
{
	for (CxbResetKind kind = 0; kind < CXB_RESET_KINDS; kind++) {
		g_assert_cmphex(run(d, CXB_OP_SANITIZE), ==, CXB_RC_BG_STARTED);
		g_assert_true(cxb_cci_media_disabled(d->cci));
		pass(d, 2 * SECOND);
		reset(d, kind);
		pass(d, 100 * SECOND);
		g_assert_true(cxb_cci_media_disabled(d->cci));
		g_assert_cmpuint(d->sanitized, ==, kind);

		g_assert_cmphex(run(d, CXB_OP_SANITIZE), ==, CXB_RC_BG_STARTED);
		pass(d, 4 * SECOND - 1);
		g_assert_true(cxb_cci_media_disabled(d->cci));
		pass(d, 1);
		g_assert_false(cxb_cci_media_disabled(d->cci));
		g_assert_cmpuint(d->sanitized, ==, kind + 1);
	}
}

static void a_sanitize_that_fails_leaves_media_disabled(MailboxDevice *d, gconstpointer unused)
{
	mailbox_device_event(d, CXB_LOG_WARN);
	d->erase_fails = true;
	g_assert_cmphex(run(d, CXB_OP_SANITIZE), ==, CXB_RC_BG_STARTED);
	pass(d, 4 * SECOND);
	g_assert_cmphex(cxb_cci_background(d->cci).rc, ==, CXB_RC_INTERNAL_ERROR);
	g_assert_true(cxb_cci_media_disabled(d->cci));
	g_assert_cmpuint(cxb_evlogs_count(d->logs, CXB_LOG_WARN), ==, 1);
}

static void it_ends_when_the_media_has_done_it(MailboxDevice *d, gconstpointer unused)
{
	for (unsigned everything = 0; everything < 2; everything++) {
		d->erase_later = true;
		g_assert_cmphex(run(d, CXB_OP_SANITIZE), ==, CXB_RC_BG_STARTED);
		pass(d, 100 * SECOND);
		g_assert_true(cxb_cci_background(d->cci).running);
		g_assert_cmpuint(cxb_cci_background(d->cci).percent, ==, 99);
		g_assert_true(cxb_cci_media_disabled(d->cci));
		cxb_memdev_erased(d->memdev, everything);
		g_assert_false(cxb_cci_background(d->cci).running);
		g_assert_cmphex(cxb_cci_background(d->cci).rc, ==,
				everything ? CXB_RC_SUCCESS : CXB_RC_INTERNAL_ERROR);
		g_assert_true(cxb_cci_media_disabled(d->cci) == !everything);
	}
	g_assert_cmpuint(d->stopped, ==, 0);
}

static void a_reset_stops_the_media(MailboxDevice *d, gconstpointer unused)
{
	for (CxbResetKind kind = 0; kind < CXB_RESET_KINDS; kind++) {
		d->erase_later = true;
		g_assert_cmphex(run(d, CXB_OP_SANITIZE), ==, CXB_RC_BG_STARTED);
		pass(d, 4 * SECOND);
		reset(d, kind);
		g_assert_cmpuint(d->stopped, ==, kind + 1);
		g_assert_false(cxb_cci_background(d->cci).running);
		g_assert_true(cxb_cci_media_disabled(d->cci));
	}
}

static void a_sanitize_empties_logs_0_to_3(MailboxDevice *d, gconstpointer unused)
{
	for (unsigned i = 0; i < CXB_LOGS; i++)
		g_assert_true(mailbox_device_event(d, i));
	g_assert_cmphex(run(d, CXB_OP_SANITIZE), ==, CXB_RC_BG_STARTED);
	g_assert_cmphex(cxb_evlogs_status(d->logs), ==, 0x1f);
	pass(d, 4 * SECOND);
	g_assert_cmphex(cxb_evlogs_status(d->logs), ==, 1u << CXB_LOG_DC);
}

static CxbRc erase(MailboxDevice *d, uint64_t dpa, uint64_t len)
{
	const struct {
		struct wire_media_op_in hdr;
		struct wire_dpa_range range;
	} req = {
		.hdr = { WIRE_MEDIA_OP_SANITIZE, WIRE_MEDIA_OP_ERASE, .count = le32_put(1) },
		.range = { le64_put(dpa), le64_put(len) },
	};
	CxbRd in = { (const uint8_t *)&req, sizeof(req) };
	CxbWr out = { NULL, 0, 0 };

	return cxb_cci_run(d->cci, CXB_OP_MEDIA_OPERATIONS, &in, &out, NULL, NULL);
}

static void a_reset_takes_a_media_operation(MailboxDevice *d, gconstpointer unused)
{
	g_assert_cmphex(erase(d, 0, 0x1000), ==, CXB_RC_BG_STARTED);
	g_assert_cmpuint(d->erased, ==, 0);
	reset(d, CXB_RESET_FUNCTION);
	pass(d, 100 * SECOND);
	g_assert_cmpuint(d->erased, ==, 0);
	g_assert_cmphex(erase(d, 0x40, 0x80), ==, CXB_RC_BG_STARTED);
	pass(d, 4 * SECOND);
	g_assert_cmpuint(d->erased, ==, 0x80);
	d->erase_fails = true;
	g_assert_cmphex(erase(d, 0, 0x40), ==, CXB_RC_BG_STARTED);
	pass(d, 4 * SECOND);
	g_assert_cmphex(cxb_cci_background(d->cci).rc, ==, CXB_RC_INTERNAL_ERROR);
	/* One that is under way when the device goes is freed with it. */
	g_assert_cmphex(erase(d, 0, 0x40), ==, CXB_RC_BG_STARTED);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(path, fn) \
	g_test_add("/cxl/device-resets/" path, MailboxDevice, NULL, set_up, fn, tear_down)
	ADD("staged", staged_firmware_waits_for_the_power);
	ADD("reset", a_reset_drops_a_transfer);
	ADD("features", features_go_back_to_their_defaults);
	ADD("sanitize", an_interrupted_sanitize_leaves_media_disabled);
	ADD("sanitize-logs", a_sanitize_empties_logs_0_to_3);
	ADD("sanitize-fails", a_sanitize_that_fails_leaves_media_disabled);
	ADD("sanitize-later", it_ends_when_the_media_has_done_it);
	ADD("sanitize-stopped", a_reset_stops_the_media);
	ADD("ranges", a_reset_takes_a_media_operation);
	ADD("media", firmware_needs_media);
	return g_test_run();
}
