/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dynamic capacity records written by QMP. Bytes are laid out by hand from CXL 3.1 Tables 8-42 (header)
 * and 8-50; the time was never set.
 */
#include "fixture.h"

#include <string.h>

#include "devices/cxl.h"

#define OK  "{'return': {}}"
#define TAG "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
#define RAW(rest)                                                                             \
	"{'execute': 'cxl-inject-dynamic-capacity-event', 'arguments': {'path': 'cxl-vmem0'," \
	" 'host-id': 0, " rest "}}"

static CxbDevice *device(World *w)
{
	return cxb_cxl_type3_find(cxb_machine_qom(w->machine), FRONT_TYPE3, NULL);
}

static CxbEvLogs *logs(World *w)
{
	return cxb_cxl_type3_logs(device(w));
}

static const struct wire_dc_record *record(World *w, size_t i)
{
	const struct wire_event_record *rec = cxb_evlogs_peek(logs(w), CXB_LOG_DC, i);

	g_assert_nonnull(rec);
	return (const struct wire_dc_record *)rec;
}

static void expect_record(World *w, size_t i, const char *hex)
{
	const uint8_t *raw = (const uint8_t *)record(w, i);
	g_autoptr(GString) got = g_string_new(NULL);

	for (size_t n = 0; n < sizeof(struct wire_event_record); n++)
		g_string_append_printf(got, "%02x", raw[n]);
	g_assert_cmpstr(got->str, ==, hex);
}

static void every_argument_has_its_place(void)
{
	g_autoptr(World) w = world_ready();

	ask(w,
	    RAW("'type': 0, 'records': [{'dpa': 1311768467463790320, 'len': 1234605616436508552, "
		"'tag': '" TAG "', 'sequence': 4660, 'more': true}, {'dpa': 0, 'len': 0}]"),
	    OK);
	expect_record(w, 0,
		      "ca95afa7f18340188c2f95268e101a2a80000000010000000000000000000000"
		      "0000000000000000000000000000000000010000000100"
		      "00f0debc9a785634128877665544332211"
		      "5be13bceae344a77b6c316df975fcf1a3412000000000000"
		      "0000000000000000000000000000000000000000000000000000080000000800");
	/* What is not given is zero: no tag, first in sequence, the end of its chain. */
	expect_record(w, 1,
		      "ca95afa7f18340188c2f95268e101a2a80000000020000000000000000000000"
		      "0000000000000000000000000000000000010000000000"
		      "0000000000000000000000000000000000"
		      "000000000000000000000000000000000000000000000000"
		      "0000000000000000000000000000000000000000000000000000080000000800");
	g_assert_cmphex(cxb_evlogs_status(logs(w)), ==, 0x10);
}

static void every_type_may_be_told(void)
{
	static const unsigned types[] = { 0, 1, 2, 3, 4, 5, 6, 255 };
	g_autoptr(World) w = world_ready();

	for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
		g_autofree char *text = g_strdup_printf(
			RAW("'type': %u, 'records': [{'dpa': 0, 'len': 64}]"), types[i]);

		ask(w, text, OK);
		g_assert_cmpuint(record(w, i)->type, ==, types[i]);
	}
}

/* Of the machine's two regions of 512 MiB. */
static void the_region_is_that_of_the_address_or_the_one_given(void)
{
	static const struct {
		const char *args;
		unsigned region;
	} rows[] = {
		{ "'records': [{'dpa': 536870911, 'len': 1}]", 0 },
		{ "'records': [{'dpa': 536870912, 'len': 1}]", 1 },
		{ "'records': [{'dpa': 1073741824, 'len': 1}]", 0 }, /* in none */
		{ "'region': 0, 'records': [{'dpa': 536870912, 'len': 1}]", 0 },
		{ "'region': 7, 'records': [{'dpa': 536870912, 'len': 1}]", 7 },
		{ "'region': 255, 'records': [{'dpa': 0, 'len': 1}]", 255 },
	};
	g_autoptr(World) w = world_ready();

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = g_strdup_printf(RAW("'type': 3, %s"), rows[i].args);

		ask(w, text, OK);
		g_assert_cmpuint(record(w, i)->region, ==, rows[i].region);
	}
}

static void what_is_wrong_is_refused_and_nothing_is_written(void)
{
	static const struct {
		const char *text, *desc;
	} rows[] = {
		{ RAW("'records': [{'dpa': 0, 'len': 1}]"), "Parameter 'type' is missing" },
		{ RAW("'type': 0"), "Parameter 'records' is missing" },
		{ RAW("'type': 0, 'records': []"), "Parameter 'records' is empty" },
		{ RAW("'type': 0, 'records': [{'len': 1}]"),
		  "Parameter 'records[0].dpa' is missing" },
		{ RAW("'type': 0, 'records': [{'dpa': 0, 'len': 1}, {'dpa': 0}]"),
		  "Parameter 'records[1].len' is missing" },
		{ RAW("'type': 256, 'records': [{'dpa': 0, 'len': 1}]"),
		  "Parameter 'type' expects uint8_t" },
		{ RAW("'type': 0, 'region': 256, 'records': [{'dpa': 0, 'len': 1}]"),
		  "Parameter 'region' expects uint8_t" },
		{ RAW("'type': 0, 'records': [{'dpa': 0, 'len': 1, 'sequence': 65536}]"),
		  "Parameter 'sequence' expects uint16_t" },
		{ RAW("'type': 0, 'records': [{'dpa': 0, 'len': 1}, "
		      "{'dpa': 0, 'len': 1, 'tag': 'x'}]"),
		  "tag 'x' is not a UUID" },
		{ "{'execute': 'cxl-inject-dynamic-capacity-event', 'arguments': {'path': "
		  "'cxl-vmem0', 'host-id': 1, 'type': 0, 'records': [{'dpa': 0, 'len': 1}]}}",
		  "host id 1 is not known: " FRONT_TYPE3 " has 1 head" },
		{ "{'execute': 'cxl-inject-dynamic-capacity-event', 'arguments': {'path': "
		  "'rp0', 'host-id': 0, 'type': 0, 'records': [{'dpa': 0, 'len': 1}]}}",
		  "Unable to resolve CXL type 3 device 'rp0'" },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	for (unsigned i = 0; rows[i].text; i++)
		fails(w, rows[i].text, "GenericError", rows[i].desc);
	g_assert_cmpuint(cxb_evlogs_count(logs(w), CXB_LOG_DC), ==, 0);
}

/* @n records, all but the last with "more". Caller frees. */
static char *many(unsigned n)
{
	GString *text = g_string_new(NULL);

	for (unsigned i = 0; i < n; i++)
		g_string_append_printf(text, "%s{'dpa': %u, 'len': 1, 'more': %s}", i ? ", " : "",
				       i, i + 1 < n ? "true" : "false");
	g_string_prepend(text, "{'execute': 'cxl-inject-dynamic-capacity-event', 'arguments': "
			       "{'path': 'cxl-vmem0', 'host-id': 0, 'type': 0, 'records': [");
	g_string_append(text, "]}}");
	return g_string_free(text, FALSE);
}

static void all_fit_behind_what_the_device_says_or_none_is_written(void)
{
	g_autoptr(World) w = world_ready();
	g_autofree char *over = many(1024), *full = many(1023);
	const CxbUuid tag = { { 1 } };
	const CxbDcDpaRange taken = { 0, 2 << 20 };

	ask(w,
	    "{'execute': 'object-add', 'arguments': {'qom-type': 'memory-backend-ram', 'id': 'm', "
	    "'size': 2097152, 'tag': '01000000-0000-0000-0000-000000000000'}}",
	    OK);
	g_assert_true(cxb_dc_add(cxb_cxl_type3_dc(device(w)),
				 &(CxbDcAddReq){ .policy = CXB_DC_SELECT_PRESCRIPTIVE,
						 .tag = tag,
						 .n = 1,
						 .ranges = &(CxbDcRange){ 0, 2 << 20 } },
				 NULL));
	g_free(front_line(w->peer)); /* the event of the offer */
	fails(w, over, "GenericError",
	      "dynamic capacity event log is too full: 1024 records needed, 1023 left of 1024");
	g_assert_cmpuint(cxb_evlogs_count(logs(w), CXB_LOG_DC), ==, 1);
	ask(w, full, OK);
	g_assert_cmpuint(cxb_evlogs_room(logs(w), CXB_LOG_DC), ==, 0);
	fails(w, RAW("'type': 0, 'records': [{'dpa': 0, 'len': 1}]"), "GenericError",
	      "dynamic capacity event log is too full: 1 records needed, 0 left of 1024");
	/* The engine's own offer stands as it stood. */
	g_assert_cmpint(
		cxb_dc_add_response(cxb_cxl_type3_dc(device(w)), 0, &taken, 1, false, NULL, NULL),
		==, CXB_RC_SUCCESS);
}

static void the_engine_knows_nothing_of_them(void)
{
	g_autoptr(World) w = world_ready();
	CxbDc *dc = cxb_cxl_type3_dc(device(w));
	const CxbDcDpaRange range = { 0, 2 << 20 };

	ask(w, RAW("'type': 0, 'records': [{'dpa': 0, 'len': 2097152, 'tag': '" TAG "'}]"), OK);
	g_assert_null(cxb_dc_find(dc, 0, 0));
	g_assert_cmpuint(cxb_dc_groups(dc, 0), ==, 0);
	g_assert_cmpint(cxb_dc_add_response(dc, 0, &range, 1, false, NULL, NULL), ==,
			CXB_RC_INVALID_PA);
	/* A reset empties the log and tells again only what is so. */
	cxb_machine_reset(w->machine, CXB_RESET_QMP);
	g_assert_cmpuint(cxb_evlogs_count(logs(w), CXB_LOG_DC), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(path, fn) g_test_add_func("/monitor/raw-dc/" path, fn)
	ADD("places", every_argument_has_its_place);
	ADD("types", every_type_may_be_told);
	ADD("region", the_region_is_that_of_the_address_or_the_one_given);
	ADD("refused", what_is_wrong_is_refused_and_nothing_is_written);
	ADD("room", all_fit_behind_what_the_device_says_or_none_is_written);
	ADD("engine", the_engine_knows_nothing_of_them);
	return g_test_run();
}
