/* SPDX-License-Identifier: Apache-2.0 */
/* Timestamp, logs, Identify and partitions: what bytes in a file cannot show. */
#include <glib.h>

#include "cxl/memdev.h"
#include "wire/mbox.h"

#define GIB (1ull << 30)

typedef struct {
	CxbClock *clock;
	CxbCci *cci;
	CxbEvLogs *logs;
	CxbMemdev *md;
	uint8_t lsa[0x20000];
	bool lsa_gone;
	uint8_t out[2048];
	size_t out_len;
} Fixture;

static bool lsa_read(void *opaque, uint64_t off, void *buf, size_t len)
{
	Fixture *f = opaque;

	g_assert_cmpuint(off + len, <=, sizeof(f->lsa));
	memcpy(buf, f->lsa + off, len);
	return !f->lsa_gone;
}

static bool lsa_write(void *opaque, uint64_t off, const void *buf, size_t len)
{
	Fixture *f = opaque;

	g_assert_cmpuint(off + len, <=, sizeof(f->lsa));
	memcpy(f->lsa + off, buf, len);
	return !f->lsa_gone;
}

static void set_up(Fixture *f, gconstpointer unused)
{
	CxbCciConfig cci = { .name = "memdev", .payload_size = 2048 };
	const CxbEvLogsConfig logs = { .size = { 10, 11, 12, 13, 512 } };
	CxbMemdevConfig config = {
		.volatile_size = 4 * GIB,
		.persistent_size = 2 * GIB,
		.lsa_size = sizeof(f->lsa),
		.lsa_read = lsa_read,
		.lsa_write = lsa_write,
		.lsa_opaque = f,
		.fw_revision = "BWFW VERSION 00",
	};

	f->clock = cci.clock = config.clock = cxb_clock_new_virtual();
	f->cci = cxb_cci_new(&cci);
	f->logs = cxb_evlogs_new(&logs);
	f->md = cxb_memdev_new(&config);
	cxb_memdev_set_logs(f->md, f->logs);
	cxb_memdev_add_commands(f->md, f->cci);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
	cxb_memdev_free(f->md);
	cxb_evlogs_free(f->logs);
	cxb_cci_free(f->cci);
	cxb_clock_free(f->clock);
}

static CxbRc run(Fixture *f, uint16_t opcode, const void *in, size_t len)
{
	CxbRd rd = { in, len };
	CxbWr wr = { f->out, 0, sizeof(f->out) };
	CxbRc rc = cxb_cci_run(f->cci, opcode, &rd, &wr, NULL, NULL);

	f->out_len = wr.len;
	return rc;
}

static uint64_t get_time(Fixture *f)
{
	g_assert_cmphex(run(f, CXB_OP_GET_TIMESTAMP, NULL, 0), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->out_len, ==, 8);
	g_assert_cmpuint(cxb_memdev_timestamp(f->md), ==, le_load(f->out, 8));
	return le_load(f->out, 8);
}

static void time_is_zero_until_set_and_then_runs(Fixture *f, gconstpointer unused)
{
	const struct wire_timestamp ts = { le64_put(1700000000000000000ull) };

	cxb_clock_advance(f->clock, 500);
	g_assert_cmpuint(get_time(f), ==, 0);
	g_assert_cmphex(run(f, CXB_OP_SET_TIMESTAMP, &ts, 8), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(get_time(f), ==, 1700000000000000000ull);
	cxb_clock_advance(f->clock, 1500);
	g_assert_cmpuint(get_time(f), ==, 1700000000000001000ull);
	g_assert_cmphex(run(f, CXB_OP_SET_TIMESTAMP, &ts, 7), ==, CXB_RC_PAYLOAD_LEN);
	g_assert_cmpuint(get_time(f), ==, 1700000000000001000ull);
}

static CxbRc get_log(Fixture *f, const CxbUuid *uuid, uint32_t off, uint32_t len)
{
	const struct wire_get_log_in in = { *uuid, le32_put(off), le32_put(len) };

	return run(f, CXB_OP_GET_LOG, &in, sizeof(in));
}

static void the_effects_log_lists_every_command(Fixture *f, gconstpointer unused)
{
	uint32_t size, n = 0;
	uint8_t all[256];

	g_assert_cmphex(run(f, CXB_OP_GET_SUPPORTED_LOGS, NULL, 0), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->out_len, ==, 8 + 0x14);
	g_assert_cmpuint(le_load(f->out, 2), ==, 1);
	g_assert_cmpmem(f->out + 8, 16, &wire_uuid_cel, 16);
	size = le_load(f->out + 0x18, 4);
	g_assert_cmphex(get_log(f, &wire_uuid_cel, 0, size), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->out_len, ==, size);
	memcpy(all, f->out, size);
	for (const CxbCciCmd *cmd; (cmd = cxb_cci_nth(f->cci, n)); n++) {
		g_assert_cmphex(le_load(all + 4 * n, 2), ==, cmd->opcode);
		g_assert_cmphex(le_load(all + 4 * n + 2, 2), ==, cmd->effects);
	}
	g_assert_cmpuint(size, ==, 4 * n);

	/* Offsets are bytes, not entries. */
	g_assert_cmphex(get_log(f, &wire_uuid_cel, 5, 6), ==, CXB_RC_SUCCESS);
	g_assert_cmpmem(f->out, f->out_len, all + 5, 6);
	g_assert_cmphex(get_log(f, &wire_uuid_cel, size, 0), ==, CXB_RC_SUCCESS);
}

static void a_range_beyond_the_log_is_refused(Fixture *f, gconstpointer unused)
{
	uint32_t size;

	run(f, CXB_OP_GET_SUPPORTED_LOGS, NULL, 0);
	size = le_load(f->out + 0x18, 4);
	g_assert_cmphex(get_log(f, &wire_uuid_cel, 0, size + 1), ==, CXB_RC_INVALID_INPUT);
	g_assert_cmphex(get_log(f, &wire_uuid_cel, 1, size), ==, CXB_RC_INVALID_INPUT);
	g_assert_cmphex(get_log(f, &wire_uuid_cel, size + 1, 0), ==, CXB_RC_INVALID_INPUT);
	g_assert_cmphex(get_log(f, &wire_uuid_cel, UINT32_MAX, 1), ==, CXB_RC_INVALID_INPUT);
	g_assert_cmphex(get_log(f, &wire_uuid_cel, 4, UINT32_MAX), ==, CXB_RC_INVALID_INPUT);
	g_assert_cmphex(get_log(f, &wire_uuid_cel, 0, 2049), ==, CXB_RC_INVALID_INPUT);
	g_assert_cmphex(get_log(f, &wire_uuid_vendor_debug, 0, 4), ==, CXB_RC_INVALID_LOG);
	g_assert_cmpuint(f->out_len, ==, 0);
}

static void identify_tells_capacity_and_log_sizes(Fixture *f, gconstpointer unused)
{
	const struct wire_identify_memdev *id = (const void *)f->out;

	g_assert_cmphex(run(f, CXB_OP_IDENTIFY_MEMDEV, NULL, 0), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->out_len, ==, 0x45);
	g_assert_cmpstr(id->fw_revision, ==, "BWFW VERSION 00");
	g_assert_cmpuint(le64_get(id->total), ==, 24);
	g_assert_cmpuint(le64_get(id->volatile_only), ==, 16);
	g_assert_cmpuint(le64_get(id->persistent_only), ==, 8);
	g_assert_cmpuint(le64_get(id->partition_align), ==, 0);
	g_assert_cmpuint(le16_get(id->event_log_size[0]), ==, 10);
	g_assert_cmpuint(le16_get(id->event_log_size[3]), ==, 13);
	g_assert_cmpuint(le32_get(id->lsa_size), ==, 0x20000);
	g_assert_cmpuint(le16_get(id->dc_event_log_size), ==, 512);
}

static void media_commands_wait_for_media(Fixture *f, gconstpointer unused)
{
	const struct wire_get_lsa_in lsa = { le32_put(0), le32_put(8) };

	cxb_cci_set_media_disabled(f->cci, true);
	g_assert_cmphex(run(f, CXB_OP_GET_PARTITION, NULL, 0), ==, CXB_RC_MEDIA_DISABLED);
	g_assert_cmphex(run(f, CXB_OP_GET_LSA, &lsa, 8), ==, CXB_RC_MEDIA_DISABLED);
	g_assert_cmphex(run(f, CXB_OP_SET_LSA, &lsa, 8), ==, CXB_RC_MEDIA_DISABLED);
	g_assert_cmphex(get_log(f, &wire_uuid_cel, 0, 4), ==, CXB_RC_MEDIA_DISABLED);
	g_assert_cmphex(run(f, CXB_OP_IDENTIFY_MEMDEV, NULL, 0), ==, CXB_RC_SUCCESS);
}

/* The payload register holds 2048 bytes: labels are written with 8 bytes of header, read without. */
static void labels_are_bounded_by_their_area_and_the_payload(Fixture *f, gconstpointer unused)
{
	struct wire_get_lsa_in get = { le32_put(0x20000 - 2048), le32_put(2048) };
	uint8_t set[2049] = { 0 };

	le_store(set, 4, 0x20000 - 2040);
	memset(set + 8, 0xa5, 2040);
	g_assert_cmphex(run(f, CXB_OP_SET_LSA, set, 2048), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->out_len, ==, 0);
	g_assert_cmphex(run(f, CXB_OP_GET_LSA, &get, 8), ==, CXB_RC_SUCCESS);
	g_assert_cmpuint(f->out_len, ==, 2048);
	g_assert_cmphex(f->out[7], ==, 0);
	g_assert_cmpmem(f->out + 8, 2040, set + 8, 2040);

	le_store(set, 4, 0x20000 - 2039); /* one byte beyond */
	memset(set + 8, 0x5a, 2040);
	g_assert_cmphex(run(f, CXB_OP_SET_LSA, set, 2048), ==, CXB_RC_INVALID_INPUT);
	g_assert_cmphex(run(f, CXB_OP_SET_LSA, set, 2049), ==, CXB_RC_PAYLOAD_LEN);
	get.length = le32_put(2049);
	g_assert_cmphex(run(f, CXB_OP_GET_LSA, &get, 8), ==, CXB_RC_INVALID_INPUT);
	get = (struct wire_get_lsa_in){ le32_put(0), le32_put(2049) }; /* more than the payload */
	g_assert_cmphex(run(f, CXB_OP_GET_LSA, &get, 8), ==, CXB_RC_INVALID_INPUT);
	for (unsigned i = 0; i < 2040; i++)
		g_assert_cmphex(f->lsa[0x20000 - 2040 + i], ==, 0xa5);
}

static void labels_that_cannot_be_reached_are_an_internal_error(Fixture *f, gconstpointer unused)
{
	const struct wire_get_lsa_in get = { le32_put(0), le32_put(8) };

	f->lsa_gone = true;
	g_assert_cmphex(run(f, CXB_OP_SET_LSA, &get, 8), ==, CXB_RC_INTERNAL_ERROR);
	g_assert_cmphex(run(f, CXB_OP_GET_LSA, &get, 8), ==, CXB_RC_INTERNAL_ERROR);
	g_assert_cmpuint(f->out_len, ==, 0);
}

/* Without an area there are no commands for it, and Identify says so. */
static void without_label_storage_there_are_no_commands_for_it(Fixture *f, gconstpointer unused)
{
	const CxbCciConfig cci = { .name = "volatile", .payload_size = 2048, .clock = f->clock };
	const CxbMemdevConfig config = { .clock = f->clock, .volatile_size = GIB };
	CxbCci *other = cxb_cci_new(&cci);
	CxbMemdev *md = cxb_memdev_new(&config);
	CxbRd in = { NULL, 0 };
	CxbWr out = { f->out, 0, sizeof(f->out) };

	cxb_memdev_add_commands(md, other);
	g_assert_null(cxb_cci_find(other, CXB_OP_GET_LSA));
	g_assert_null(cxb_cci_find(other, CXB_OP_SET_LSA));
	g_assert_cmphex(cxb_cci_run(other, CXB_OP_IDENTIFY_MEMDEV, &in, &out, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	g_assert_cmpuint(le_load(f->out + 0x38, 4), ==, 0);
	cxb_memdev_free(md);
	cxb_cci_free(other);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(path, fn) g_test_add("/cxl/memdev/" path, Fixture, NULL, set_up, fn, tear_down)
	ADD("time", time_is_zero_until_set_and_then_runs);
	ADD("cel", the_effects_log_lists_every_command);
	ADD("cel-bad", a_range_beyond_the_log_is_refused);
	ADD("identify", identify_tells_capacity_and_log_sizes);
	ADD("lsa", labels_are_bounded_by_their_area_and_the_payload);
	ADD("lsa-gone", labels_that_cannot_be_reached_are_an_internal_error);
	ADD("lsa-none", without_label_storage_there_are_no_commands_for_it);
	ADD("media", media_commands_wait_for_media);
	return g_test_run();
}
