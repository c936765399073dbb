/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records written into event logs by QMP. The bytes expected are those that QEMU 11.1 was seen to
 * write for the same arguments, timestamps and handles as they are here.
 */
#include "fixture.h"

#include "devices/cxl.h"

#define OK "{'return': {}}"

#define HEADER_ALL    "'maint-op-class': 17, 'maint-op-subclass': 18, 'ld-id': 4884, 'head-id': 21, "
#define COMPONENT_ALL "'component-id': '0123456789abcdef', 'is-comp-id-pldm': true"

typedef enum { MEDIA, DRAM, MODULE } Kind;

/* What a record of the kind cannot do without, and @rest. Caller frees. */
static char *request(Kind kind, const char *rest)
{
	static const char *const names[] = { "general-media", "dram", "memory-module" };
	static const char media[] = "'dpa': 1311768467463790275, 'descriptor': 4, "
				    "'transaction-type': 23";
	static const char module[] =
		"'health-status': 65, 'media-status': 66, 'additional-status': 67, "
		"'life-used': 68, 'temperature': -2, 'dirty-shutdown-count': 1162233672, "
		"'corrected-volatile-error-count': 1229605708, "
		"'corrected-persistent-error-count': 1296977744";

	return g_strdup_printf("{'execute': 'cxl-inject-%s-event', 'arguments': {'path': '%s', "
			       "'type': 22, 'sub-type': 33, %s, %s}}",
			       names[kind], FRONT_TYPE3, kind == MODULE ? module : media, rest);
}

static void inject(World *w, Kind kind, const char *rest)
{
	g_autofree char *text = request(kind, rest);

	ask(w, text, OK);
}

static void refused(World *w, Kind kind, const char *rest, const char *desc)
{
	g_autofree char *text = request(kind, rest);

	fails(w, text, "GenericError", desc);
}

static CxbEvLogs *logs(World *w)
{
	return cxb_cxl_type3_logs(
		cxb_cxl_type3_find(cxb_machine_qom(w->machine), FRONT_TYPE3, NULL));
}

static void expect_record(World *w, CxbLogId log, size_t i, const char *hex)
{
	const struct wire_event_record *rec = cxb_evlogs_peek(logs(w), log, i);
	g_autoptr(GString) got = g_string_new(NULL);

	g_assert_nonnull(rec);
	for (size_t n = 0; n < sizeof(*rec); n++)
		g_string_append_printf(got, "%02x", ((const uint8_t *)rec)[n]);
	g_assert_cmpstr(got->str, ==, hex);
}

static void every_argument_has_its_place(void)
{
	g_autoptr(World) w = world_ready();

	inject(w, MEDIA,
	       "'log': 'warning', 'flags': 37, " HEADER_ALL
	       "'channel': 24, 'rank': 25, 'device': 1710876, 'cme-ev-flags': 29, "
	       "'cme-count': 1974048, " COMPONENT_ALL);
	expect_record(w, CXB_LOG_WARN, 0,
		      "fbcd0a77c260417f85a9088b1621eba680e50100010000000000000000000000"
		      "11121413150000000000000000000000c3debc9a785634120616171f0018191c"
		      "1b1a303132333435363738396162636465661d201f1e21000000000000000000"
		      "0000000000000000000000000000000000000000000000000000000000000000");
	inject(w, DRAM,
	       "'log': 'failure', 'flags': 42, " HEADER_ALL
	       "'channel': 24, 'rank': 25, 'nibble-mask': 1710876, 'bank-group': 34, "
	       "'bank': 35, 'row': 2368806, 'column': 10024, 'sub-channel': 41, "
	       "'correction-mask': [3544952156018063160, 4702394921427289928, "
	       "5859837686836516696, 7017280452245743464], 'cme-ev-flags': 29, "
	       "'cvme-count': 1974048, " COMPONENT_ALL);
	expect_record(w, CXB_LOG_FAIL, 0,
		      "601dcbb39c064eabb8af4e9bfb5c962480ea0100010000000000000000000000"
		      "11121413150000000000000000000000c3debc9a78563412061617ff0718191c"
		      "1b1a222326252428273837363534333231484746454443424158575655545352"
		      "51686766656463626130313233343536373839616263646566291d201f1e2100");
	inject(w, MODULE, "'log': 'fatal', 'flags': 59, " HEADER_ALL COMPONENT_ALL);
	expect_record(w, CXB_LOG_FATAL, 0,
		      "fe927475dd594339a58679bab113b77480fb0100010000000000000000000000"
		      "111214131500000000000000000000001641424344feff484746454c4b4a4950"
		      "4f4e4d0300303132333435363738396162636465662100000000000000000000"
		      "0000000000000000000000000000000000000000000000000000000000000000");
	g_assert_cmphex(cxb_evlogs_status(logs(w)), ==, 0x0e);
}

static void what_is_not_given_is_zero_and_not_valid(void)
{
	g_autoptr(World) w = world_ready();

	inject(w, MEDIA, "'log': 'informational', 'flags': 0");
	expect_record(w, CXB_LOG_INFO, 0,
		      "fbcd0a77c260417f85a9088b1621eba680000000010000000000000000000000"
		      "00000000000000000000000000000000c3debc9a785634120416170000000000"
		      "0000000000000000000000000000000000000000000021000000000000000000"
		      "0000000000000000000000000000000000000000000000000000000000000000");
	/* The format of an id that is not there says nothing; neither does a class of maintenance. */
	inject(w, DRAM,
	       "'log': 'informational', 'flags': 0, 'is-comp-id-pldm': true, "
	       "'maint-op-class': 1");
	expect_record(w, CXB_LOG_INFO, 1,
		      "601dcbb39c064eabb8af4e9bfb5c962480000000020000000000000000000000"
		      "01000000000000000000000000000000c3debc9a785634120416170000000000"
		      "0000000000000000000000000000000000000000000000000000000000000000"
		      "0000000000000000000000000000000000000000000000000000000000002100");
	inject(w, MODULE, "'log': 'informational', 'flags': 8");
	expect_record(w, CXB_LOG_INFO, 2,
		      "fe927475dd594339a58679bab113b77480080000030000000000000000000000"
		      "000000000000000000000000000000001641424344feff484746454c4b4a4950"
		      "4f4e4d0000000000000000000000000000000000002100000000000000000000"
		      "0000000000000000000000000000000000000000000000000000000000000000");
}

/* Each alone sets its bit, a value of 0 too. */
static void an_argument_makes_its_field_valid(void)
{
	static const struct {
		Kind kind;
		const char *text;
		uint16_t validity;
		uint8_t descriptor;
	} rows[] = {
		{ MEDIA, "'channel': 0", 1u << 0, 4 },
		{ MEDIA, "'rank': 0", 1u << 1, 4 },
		{ MEDIA, "'device': 0", 1u << 2, 4 },
		{ MEDIA, "'component-id': ''", 1u << 3, 4 },
		{ MEDIA, "'component-id': '', 'is-comp-id-pldm': false", 1u << 3, 4 },
		{ MEDIA, "'component-id': 'x', 'is-comp-id-pldm': true", 3u << 3, 4 },
		{ MEDIA, "'cme-count': 0", 0, 6 },
		{ MEDIA, "'cme-ev-flags': 0", 0, 4 },
		{ DRAM, "'channel': 0", 1u << 0, 4 },
		{ DRAM, "'rank': 0", 1u << 1, 4 },
		{ DRAM, "'nibble-mask': 0", 1u << 2, 4 },
		{ DRAM, "'bank-group': 0", 1u << 3, 4 },
		{ DRAM, "'bank': 0", 1u << 4, 4 },
		{ DRAM, "'row': 0", 1u << 5, 4 },
		{ DRAM, "'column': 0", 1u << 6, 4 },
		{ DRAM, "'correction-mask': []", 1u << 7, 4 },
		{ DRAM, "'component-id': ''", 1u << 8, 4 },
		{ DRAM, "'component-id': 'x', 'is-comp-id-pldm': true", 3u << 8, 4 },
		{ DRAM, "'sub-channel': 0", 1u << 10, 4 },
		{ DRAM, "'cvme-count': 0", 0, 6 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(World) w = world_ready();
		g_autofree char *rest =
			g_strdup_printf("'log': 'fatal', 'flags': 3, %s", rows[i].text);
		const uint8_t *rec;

		inject(w, rows[i].kind, rest);
		rec = (const uint8_t *)cxb_evlogs_peek(logs(w), CXB_LOG_FATAL, 0);
		g_assert_cmphex(le_load(rec + 0x3b, 2), ==, rows[i].validity);
		g_assert_cmphex(rec[0x38], ==, rows[i].descriptor);
	}
}

static void a_short_list_or_id_is_followed_by_zeros(void)
{
	g_autoptr(World) w = world_ready();

	inject(w, DRAM,
	       "'log': 'warning', 'flags': 1, 'component-id': 'abc', "
	       "'correction-mask': [1, 2]");
	expect_record(w, CXB_LOG_WARN, 0,
		      "601dcbb39c064eabb8af4e9bfb5c962480010000010000000000000000000000"
		      "00000000000000000000000000000000c3debc9a785634120416178001000000"
		      "0000000000000000000100000000000000020000000000000000000000000000"
		      "0000000000000000006162630000000000000000000000000000000000002100");
}

static void what_does_not_fit_is_refused_and_nothing_is_written(void)
{
	static const struct {
		Kind kind;
		const char *rest, *desc;
	} rows[] = {
		{ MEDIA, "'log': 'informational', 'flags': 8",
		  "Informational event cannot require maintenance" },
		{ DRAM, "'log': 'informational', 'flags': 15",
		  "Informational event cannot require maintenance" },
		{ MEDIA, "'flags': 0", "Parameter 'log' is missing" },
		{ MEDIA, "'log': 'fatal'", "Parameter 'flags' is missing" },
		{ MEDIA, "'log': 'dynamic-capacity', 'flags': 0",
		  "Parameter 'log' does not accept value 'dynamic-capacity'" },
		{ MEDIA, "'log': 'fatal', 'flags': 0, 'bank': 1",
		  "Parameter 'bank' is unexpected" },
		{ DRAM, "'log': 'fatal', 'flags': 0, 'device': 1",
		  "Parameter 'device' is unexpected" },
		{ MODULE, "'log': 'fatal', 'flags': 0, 'dpa': 1", "Parameter 'dpa' is unexpected" },
		{ MODULE, "'log': 'fatal', 'flags': 0, 'head-id': 256",
		  "Parameter 'head-id' expects uint8_t" },
		{ MODULE, "'log': 'fatal', 'flags': 0, 'ld-id': 65536",
		  "Parameter 'ld-id' expects uint16_t" },
		{ DRAM, "'log': 'fatal', 'flags': 0, 'column': 65536",
		  "Parameter 'column' expects uint16_t" },
		{ DRAM, "'log': 'fatal', 'flags': 0, 'correction-mask': ['x']",
		  "Parameter 'correction-mask[0]' expects uint64" },
		{ DRAM, "'log': 'fatal', 'flags': 0, 'correction-mask': [1, 2, 3, 4, 5]",
		  "Parameter 'correction-mask' has 5 numbers, its field 4" },
		{ MEDIA, "'log': 'fatal', 'flags': 4294967296",
		  "Parameter 'flags' expects uint32_t" },
		{ MODULE, "'log': 'fatal', 'flags': 16777216",
		  "Parameter 'flags' 0x1000000 does not fit into the 24 bits of its field" },
		{ MEDIA, "'log': 'fatal', 'flags': 0, 'device': 16777216",
		  "Parameter 'device' 0x1000000 does not fit into the 24 bits of its field" },
		{ MEDIA, "'log': 'fatal', 'flags': 0, 'cme-count': 16777216",
		  "Parameter 'cme-count' 0x1000000 does not fit into the 24 bits of its field" },
		{ DRAM, "'log': 'fatal', 'flags': 0, 'cvme-count': 4294967295",
		  "Parameter 'cvme-count' 0xffffffff does not fit into the 24 bits of its field" },
		{ DRAM, "'log': 'fatal', 'flags': 0, 'nibble-mask': 16777216",
		  "Parameter 'nibble-mask' 0x1000000 does not fit into the 24 bits of its field" },
		{ DRAM, "'log': 'fatal', 'flags': 0, 'row': 16777216",
		  "Parameter 'row' 0x1000000 does not fit into the 24 bits of its field" },
		{ MODULE, "'log': 'fatal', 'flags': 0, 'component-id': '0123456789abcdefg'",
		  "Parameter 'component-id' has 17 bytes, its field 16" },
	};
	g_autoptr(World) w = world_ready();

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		refused(w, rows[i].kind, rows[i].rest, rows[i].desc);
	g_assert_cmphex(cxb_evlogs_status(logs(w)), ==, 0);
}

static void paths_that_lead_nowhere_or_elsewhere_are_told_apart(void)
{
	g_autoptr(World) w = world_ready();

	for (Kind kind = MEDIA; kind <= MODULE; kind++) {
		g_autofree char *here = request(kind, "'log': 'informational', 'flags': 8");
		g_autoptr(GString) text = g_string_new(here);

		g_string_replace(text, FRONT_TYPE3, "/nosuch", 0);
		fails(w, text->str, "GenericError", "Unable to resolve path '/nosuch'");
		g_string_replace(text, "/nosuch", "/machine/peripheral/rp0", 0);
		fails(w, text->str, "GenericError",
		      "Path does not point to a CXL type 3 device: '/machine/peripheral/rp0'");
	}
}

static void a_full_log_counts_what_it_does_not_take(void)
{
	g_autoptr(World) w = world_ready();

	for (unsigned i = 0; i < 10; i++)
		inject(w, MODULE, "'log': 'failure', 'flags': 2");
	g_assert_cmpuint(cxb_evlogs_count(logs(w), CXB_LOG_FAIL), ==, 8);
	g_assert_cmpuint(cxb_evlogs_room(logs(w), CXB_LOG_FAIL), ==, 0);
	g_assert_cmphex(cxb_evlogs_status(logs(w)), ==, 0x04);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/monitor/records/all", every_argument_has_its_place);
	g_test_add_func("/monitor/records/least", what_is_not_given_is_zero_and_not_valid);
	g_test_add_func("/monitor/records/validity", an_argument_makes_its_field_valid);
	g_test_add_func("/monitor/records/short", a_short_list_or_id_is_followed_by_zeros);
	g_test_add_func("/monitor/records/refused",
			what_does_not_fit_is_refused_and_nothing_is_written);
	g_test_add_func("/monitor/records/paths",
			paths_that_lead_nowhere_or_elsewhere_are_told_apart);
	g_test_add_func("/monitor/records/full", a_full_log_counts_what_it_does_not_take);
	return g_test_run();
}
