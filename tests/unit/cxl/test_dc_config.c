/* SPDX-License-Identifier: Apache-2.0 */
/* Changing a region (CXL 3.1 7.6.7.6.3): what the host is told of it, and when it may not be. */
#include "mailbox_device.h"

#define LOG_SIZE 8 /* of mailbox_device.h */

static CxbRc command(MailboxDevice *d, CxbCci *cci, uint16_t opcode, const void *in, size_t len)
{
	uint8_t out[2048];
	CxbRd rd = { in, len };
	CxbWr wr = { out, 0, sizeof(out) };

	return cxb_cci_run(cci, opcode, &rd, &wr, NULL, NULL);
}

static void clear_oldest(MailboxDevice *d)
{
	const struct wire_event_record *r = cxb_evlogs_peek(d->logs, CXB_LOG_DC, 0);
	const uint8_t in[] = { CXB_LOG_DC, 0, 1, 0, 0, 0, r->hdr.handle.b[0], r->hdr.handle.b[1] };

	g_assert_cmpint(command(d, d->cci, 0x0101, in, sizeof(in)), ==, CXB_RC_SUCCESS);
}

/* The last record of the log is of an update of @region. */
static void last_is_update_of(MailboxDevice *d, uint8_t region)
{
	const size_t n = cxb_evlogs_count(d->logs, CXB_LOG_DC);
	const struct wire_dc_record *r =
		(const struct wire_dc_record *)cxb_evlogs_peek(d->logs, CXB_LOG_DC, n - 1);

	g_assert_cmpuint(r->type, ==, WIRE_DC_EVENT_REGION_UPDATED);
	g_assert_cmpuint(r->region, ==, region);
	g_assert_cmpuint(r->more, ==, 0);
}

static bool configure(MailboxDevice *d, uint8_t region, uint64_t block)
{
	return cxb_dc_configure(d->dc, region, block, false, NULL);
}

static void an_update_waits_for_room_and_once_is_enough(void)
{
	MailboxDevice d;

	mailbox_device_init(&d);
	for (unsigned i = 0; i < LOG_SIZE; i++)
		g_assert_true(configure(&d, 0, FAKE_MIB(i % 2 ? 2 : 4)));
	g_assert_cmpuint(cxb_evlogs_count(d.logs, CXB_LOG_DC), ==, LOG_SIZE);
	for (unsigned i = 0; i < 100; i++) {
		g_assert_true(configure(&d, 1, FAKE_MIB(4 << i % 3)));
		g_assert_true(configure(&d, 0, FAKE_MIB(4 << i % 3)));
	}
	clear_oldest(&d);
	last_is_update_of(&d, 1);
	clear_oldest(&d);
	last_is_update_of(&d, 0);
	clear_oldest(&d);
	g_assert_cmpuint(cxb_evlogs_count(d.logs, CXB_LOG_DC), ==, LOG_SIZE - 1);
	/* The next one waits no more. */
	g_assert_true(configure(&d, 1, FAKE_MIB(2)));
	last_is_update_of(&d, 1);
	mailbox_device_fini(&d);
}

static void a_reset_takes_what_waits(void)
{
	MailboxDevice d;

	mailbox_device_init(&d);
	for (unsigned i = 0; i < LOG_SIZE + 1; i++)
		g_assert_true(configure(&d, 0, FAKE_MIB(i % 2 ? 2 : 4)));
	cxb_dc_head_reset(d.head);
	g_assert_cmpuint(cxb_evlogs_count(d.logs, CXB_LOG_DC), ==, 0);
	g_assert_true(configure(&d, 0, FAKE_MIB(2)));
	last_is_update_of(&d, 0);
	g_assert_cmphex(cxb_dc_config(d.dc)->regions[0].block_size, ==, FAKE_MIB(2));
	mailbox_device_fini(&d);
}

static CxbDcPrepare wait(void *opaque, const CxbDcOp *op, GError **errp)
{
	return op->kind == CXB_DC_OP_ACCEPT ? CXB_DC_WAIT : CXB_DC_READY;
}

static void not_while_an_operation_is_under_way(void)
{
	static const CxbDcObserver waits = { .prepare = wait };
	static const uint8_t accept[0x20] = { 1, [0xb] = 0x10, [0x12] = 0x20 };
	static const uint8_t set[0x10] = { 1, [6] = 0x40 };
	const CxbDcRange range = { 0, FAKE_BLOCK };
	g_autoptr(GError) err = NULL;
	MailboxDevice d;

	mailbox_device_init(&d);
	cxb_dc_add_observer(d.dc, &waits, NULL);
	g_assert_true(mailbox_device_offer(&d, 0, 1, &range, 1));
	g_assert_cmpint(command(&d, d.cci, 0x4802, accept, sizeof(accept)), ==, CXB_RC_LATER);
	g_assert_false(cxb_dc_configure(d.dc, 1, FAKE_MIB(4), false, &err));
	g_assert_error(err, CXB_ERROR, CXB_ERROR_BUSY);
	g_assert_cmpint(command(&d, cxb_fmld_cci(d.fm), 0x5602, set, sizeof(set)), ==, CXB_RC_BUSY);
	cxb_dc_prepared(d.dc, NULL);
	g_assert_cmpint(command(&d, cxb_fmld_cci(d.fm), 0x5602, set, sizeof(set)), ==,
			CXB_RC_SUCCESS);
	mailbox_device_fini(&d);
}

static void what_is_wrong_is_named(void)
{
	static const struct {
		uint8_t region;
		uint64_t block;
		const char *text;
	} bad[] = {
		{ 2, FAKE_MIB(4), "region id is too large: 2" },
		{ 1, FAKE_MIB(3), "region 1: block size 0x300000 is not one of 0x1fffffc0" },
		{ 1, 0, "region 1: block size 0x0 is not" },
		{ 0, FAKE_MIB(4), "region 0 is not free" },
	};
	const CxbDcRange range = { 0, FAKE_BLOCK };
	MailboxDevice d;

	mailbox_device_init(&d);
	g_assert_true(mailbox_device_offer(&d, 0, 1, &range, 1));
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) err = NULL;

		g_assert_false(cxb_dc_configure(d.dc, bad[i].region, bad[i].block, false, &err));
		g_assert_nonnull(strstr(err->message, bad[i].text));
	}
	mailbox_device_fini(&d);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cxl/dc_config/an_update_waits_for_room_and_once_is_enough",
			an_update_waits_for_room_and_once_is_enough);
	g_test_add_func("/cxl/dc_config/a_reset_takes_what_waits", a_reset_takes_what_waits);
	g_test_add_func("/cxl/dc_config/not_while_an_operation_is_under_way",
			not_while_an_operation_is_under_way);
	g_test_add_func("/cxl/dc_config/what_is_wrong_is_named", what_is_wrong_is_named);
	return g_test_run();
}
