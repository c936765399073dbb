/* SPDX-License-Identifier: Apache-2.0 */
/* Dynamic capacity by QMP; the host's part is played on the engine. */
#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "devices/cxl.h"

#define OK            "{'return': {}}"
#define GENERIC(desc) "{'error': {'class': 'GenericError', 'desc': \"" desc "\"}}"
#define TAG           "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
#define TAG2          "11111111-2222-3333-4444-555555555555"
#define MIB2          2097152
#define BACKEND(id, tag, size)                                                                 \
	"{'execute': 'object-add', 'arguments': {'qom-type': 'memory-backend-ram', 'id': '" id \
	"', 'size': " size ", 'tag': '" tag "'}}"
#define ADD_DC(rest)                                                                             \
	"{'execute': 'cxl-add-dynamic-capacity', 'arguments': {'path': 'cxl-vmem0', 'host-id': " \
	"0, " rest "}}"
#define RELEASE_DC(rest)                                                                  \
	"{'execute': 'cxl-release-dynamic-capacity', 'arguments': {'path': 'cxl-vmem0', " \
	"'host-id': 0, " rest "}}"
#define STATUS(tag)                                                        \
	"{'execute': 'cxl-release-dynamic-capacity-status', 'arguments': " \
	"{'path': 'cxl-vmem0', 'host-id': 0, 'region': 0, 'tag': '" tag "'}}"
#define FLAGS_OFF                                                    \
	"'hw-coherent': false, 'read-only': false, 'non-volatile': " \
	"false, 'sanitize-on-release': false"
#define EVENT(operation, extents)                                                              \
	"{'event': 'CXL_DYNAMIC_CAPACITY', 'data': {'path': '" FRONT_TYPE3 "', 'host-id': 0, " \
	"'operation': '" operation "', 'tag': '" TAG "', 'region': 0, 'extents': [" extents "]}}"
#define TWO "{'dpa': 0, 'len': 2097152, 'seq': 0}, {'dpa': 8388608, 'len': 2097152, 'seq': 0}"

static CxbDc *engine(World *w)
{
	CxbDevice *dev = cxb_cxl_type3_find(cxb_machine_qom(w->machine), FRONT_TYPE3, NULL);

	g_assert_nonnull(dev);
	return cxb_cxl_type3_dc(dev);
}

static const CxbDcDpaRange two[] = { { 0, MIB2 }, { 8388608, MIB2 } };

/* A tagged group of two extents, offered. */
static World *offered(void)
{
	World *w = world_ready();

	ask(w, BACKEND("m", TAG, "4194304"), OK);
	say(w->peer, ADD_DC("'selection-policy': 'prescriptive', 'region': 0, 'tag': '" TAG "', "
			    "'extents': [{'offset': 0, 'len': 2097152}, "
			    "{'offset': 8388608, 'len': 2097152}]"));
	expect(w->peer, EVENT("offer", TWO));
	expect(w->peer, OK);
	return w;
}

static World *accepted(void)
{
	World *w = offered();

	g_assert_cmpint(cxb_dc_add_response(engine(w), 0, two, 2, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	expect(w->peer, EVENT("accept", TWO));
	return w;
}

static void expect_status(World *w, const char *tag, const char *status)
{
	g_autofree char *text =
		g_strdup_printf("{'execute': 'cxl-release-dynamic-capacity-status', 'arguments': "
				"{'path': 'cxl-vmem0', 'host-id': 0, 'region': 0, 'tag': '%s'}}",
				tag);
	json_object *o = ask_for(w, text), *v;

	g_assert_cmpint(json_object_object_length(o), ==, 2);
	g_assert_true(json_object_object_get_ex(o, "status", &v));
	g_assert_cmpstr(json_object_get_string(v), ==, status);
	g_assert_true(json_object_object_get_ex(o, "message", &v));
	g_assert_cmpint(json_object_get_string_len(v), >, 0);
	json_object_put(o);
}

static void arguments_are_checked_before_anything_else(void)
{
	static const Exchange rows[] = {
		{ "{'execute': 'cxl-add-dynamic-capacity'}",
		  GENERIC("Parameter 'path' is missing") },
		{ ADD_DC("'region': 0, 'extents': []"),
		  GENERIC("Parameter 'selection-policy' is missing") },
		{ ADD_DC("'selection-policy': 'bad', 'region': 0, 'extents': []"),
		  GENERIC("Parameter 'selection-policy' does not accept value 'bad'") },
		{ ADD_DC("'selection-policy': 'prescriptive', 'region': 0, "
			 "'extents': [{'offset': 0}]"),
		  GENERIC("Parameter 'extents[0].len' is missing") },
		{ ADD_DC("'selection-policy': 'prescriptive', 'region': 0"),
		  GENERIC("Parameter 'extents' is missing") },
		{ ADD_DC("'selection-policy': 'free', 'region': 0"),
		  GENERIC("Parameter 'length' is missing") },
		{ ADD_DC("'selection-policy': 'free', 'region': 0, 'length': 2097152, "
			 "'extents': [{'offset': 0, 'len': 2097152}]"),
		  GENERIC("Parameters 'extents' and 'length' exclude each other") },
		{ ADD_DC("'selection-policy': 'prescriptive', 'region': 0, 'length': 1, "
			 "'extents': []"),
		  GENERIC("Parameter 'length' goes with the policies free and contiguous only") },
		{ ADD_DC("'selection-policy': 'prescriptive', 'region': 0, 'tag': 'T', "
			 "'extents': []"),
		  GENERIC("tag 'T' is not a UUID") },
		{ ADD_DC("'selection-policy': 'prescriptive', 'region': 0, 'tag': 5, "
			 "'extents': []"),
		  GENERIC("Invalid parameter type for 'tag', expected: string") },
		{ "{'execute': 'cxl-add-dynamic-capacity', 'arguments': {'path': 'nosuch', "
		  "'host-id': 0, 'selection-policy': 'prescriptive', 'region': 0, "
		  "'extents': []}}",
		  GENERIC("Unable to resolve CXL type 3 device 'nosuch'") },
		{ "{'execute': 'cxl-add-dynamic-capacity', 'arguments': {'path': 'cxl-vmem0', "
		  "'host-id': 65536, 'selection-policy': 'prescriptive', 'region': 0, "
		  "'extents': []}}",
		  GENERIC("Parameter 'host-id' expects uint16_t") },
		{ RELEASE_DC("'region': 0"), GENERIC("Parameter 'removal-policy' is missing") },
		{ RELEASE_DC("'removal-policy': 'prescriptive', 'region': 0"),
		  GENERIC("Parameter 'extents' is missing") },
		{ RELEASE_DC("'removal-policy': 'tag-based', 'region': 0, 'tag': '" TAG "0'"),
		  GENERIC("tag '" TAG "0' is not a UUID") },
		{ STATUS("{" TAG "}"), GENERIC("tag '{" TAG "}' is not a UUID") },
		{ "{'execute': 'cxl-release-dynamic-capacity-status', 'arguments': "
		  "{'path': 'cxl-vmem0', 'host-id': 0, 'region': 0}}",
		  GENERIC("Parameter 'tag' is missing") },
		{ NULL },
	};
	g_autoptr(World) w = world_ready();

	world_ask_all(w, rows);
	g_assert_cmpuint(cxb_dc_groups(engine(w), 0), ==, 0);
}

/* @in must be answered by an error whose text starts with @start. */
static void refused(World *w, const char *in, const char *start)
{
	g_autofree char *line = NULL, *text = g_strdup_printf("\"desc\": \"%s", start);

	say(w->peer, in);
	line = front_line(w->peer);
	g_assert_nonnull(line);
	if (!strstr(line, text) || !strstr(line, "\"GenericError\""))
		g_error("expected %s, got %s", start, line);
}

static void refusals_start_with_the_known_texts(void)
{
	g_autoptr(World) w = offered();
	static const struct {
		const char *in, *start;
	} rows[] = {
		{ ADD_DC("'selection-policy': 'prescriptive', 'region': 9, 'tag': '" TAG2 "', "
			 "'extents': [{'offset': 0, 'len': 2097152}]"),
		  "region id is too large" },
		{ ADD_DC("'selection-policy': 'prescriptive', 'region': 0, 'tag': '" TAG2 "', "
			 "'extents': [{'offset': 0, 'len': 0}]"),
		  "extent with 0 length is not allowed" },
		{ ADD_DC("'selection-policy': 'prescriptive', 'region': 0, 'tag': '" TAG2 "', "
			 "'extents': [{'offset': 1, 'len': 2097152}]"),
		  "dpa or len is not aligned to region block size" },
		{ ADD_DC("'selection-policy': 'prescriptive', 'region': 0, 'tag': '" TAG2 "', "
			 "'extents': [{'offset': 536870912, 'len': 2097152}]"),
		  "extent range is beyond the region end" },
		{ ADD_DC("'selection-policy': 'prescriptive', 'region': 0, 'tag': '" TAG2 "', "
			 "'extents': [{'offset': 4194304, 'len': 2097152}]"),
		  "dynamic capacity must have a backing device" },
		{ RELEASE_DC("'removal-policy': 'prescriptive', 'region': 0, "
			     "'extents': [{'offset': 0, 'len': 2097152}]"),
		  "cannot release extent with pending DPA range" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		refused(w, rows[i].in, rows[i].start);
	expect_nothing(w->peer);
}

static void a_life_is_told_step_by_step(void)
{
	g_autoptr(World) w = offered();

	expect_status(w, TAG, "pending");
	expect_status(w, TAG2, "not-found");
	g_assert_cmpint(cxb_dc_add_response(engine(w), 0, two, 2, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	expect(w->peer, EVENT("accept", TWO));
	expect_status(w, TAG, "committed");
	say(w->peer, RELEASE_DC("'removal-policy': 'tag-based', 'region': 0, 'tag': '" TAG "'"));
	expect(w->peer, EVENT("request-release", TWO));
	expect(w->peer, OK);
	expect_status(w, TAG, "releasing");
	for (int i = 0; i < 2; i++)
		g_assert_cmpint(cxb_dc_host_release(engine(w), 0, &two[i], 1, false, NULL, NULL),
				==, CXB_RC_SUCCESS);
	expect(w->peer, EVENT("release", "{'dpa': 0, 'len': 2097152, 'seq': 0}"));
	expect(w->peer, EVENT("release", "{'dpa': 8388608, 'len': 2097152, 'seq': 0}"));
	expect_status(w, TAG, "not-found");
	ask(w, "{'execute': 'object-del', 'arguments': {'id': 'm'}}", OK);
}

static void an_offer_may_come_back(void)
{
	g_autoptr(World) w = offered();

	g_assert_cmpint(cxb_dc_add_response(engine(w), 0, NULL, 0, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	expect(w->peer, EVENT("return", TWO));
	expect_status(w, TAG, "not-found");
}

static void a_forced_release_is_over_at_once(void)
{
	g_autoptr(World) w = accepted();

	say(w->peer, RELEASE_DC("'removal-policy': 'tag-based', 'region': 0, 'tag': '" TAG "', "
				"'forced-removal': true, 'extents': []"));
	expect(w->peer, EVENT("forced-release", TWO));
	expect(w->peer, OK);
	expect_status(w, TAG, "not-found");
}

static void a_reset_tells_nothing_of_extents(void)
{
	g_autoptr(World) w = offered();

	say(w->peer, "{'execute': 'system_reset'}");
	expect(w->peer, "{'event': 'RESET', 'data': {'guest': false, "
			"'reason': 'host-qmp-system-reset'}}");
	expect(w->peer, OK);
	expect_nothing(w->peer);
	expect_status(w, TAG, "pending");
}

static void the_query_shows_regions_and_extents(void)
{
	static const char *const texts[] = {
		"{'execute': 'query-cxl-dynamic-capacity'}",
		"{'execute': 'query-cxl-dynamic-capacity', 'arguments': {'path': 'cxl-vmem0'}}",
	};
	g_autoptr(World) w = accepted();

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		json_object *list = ask_for(w, texts[i]), *o, *v;

		g_assert_cmpuint(json_object_array_length(list), ==, 1);
		o = json_object_array_get_idx(list, 0);
		g_assert_true(json_object_object_get_ex(o, "extents-available", &v));
		g_assert_cmpint(json_object_get_int64(v), ==, CXB_DC_MAX_EXTENTS - 2);
		g_assert_true(json_object_object_get_ex(o, "tags-available", &v));
		g_assert_cmpint(json_object_get_int64(v), >, 0);
		json_object_object_del(o, "extents-available");
		json_object_object_del(o, "tags-available");
		front_assert_json(
			json_object_to_json_string(o),
			"{'path': '" FRONT_TYPE3 "', 'missed-accesses': 0, "
			"'heads': [{'host-id': 0, 'path': '" FRONT_TYPE3
			"', 'missed-accesses': 0}], 'answers': "
			"[{'host-id': 0, 'opcode': 18434, 'return-code': 0}], 'regions': ["
			"{'index': 0, 'base': 0, 'decode-length': 536870912, "
			"'length': 536870912, 'block-size': 2097152, 'sharable': false, " FLAGS_OFF
			"}, "
			"{'index': 1, 'base': 536870912, 'decode-length': 536870912, "
			"'length': 536870912, 'block-size': 2097152, 'sharable': false, " FLAGS_OFF
			"}], "
			"'extents': ["
			"{'region': 0, 'dpa': 0, 'offset': 0, 'len': 2097152, 'tag': '" TAG "', "
			"'seq': 0, 'host-id': 0, 'state': 'accepted', 'backend': 'm', "
			"'backend-offset': 0, 'access': 'none'}, "
			"{'region': 0, 'dpa': 8388608, 'offset': 8388608, 'len': 2097152, "
			"'tag': '" TAG "', 'seq': 0, 'host-id': 0, 'state': 'accepted', "
			"'backend': 'm', 'backend-offset': 2097152, 'access': 'none'}]}");
		json_object_put(list);
	}
	fails(w, "{'execute': 'query-cxl-dynamic-capacity', 'arguments': {'path': 'm'}}",
	      "GenericError", "Unable to resolve CXL type 3 device 'm'");
}

#define REFERENCE(what)                                                        \
	"{'execute': 'cxl-" what "-dynamic-capacity-reference', 'arguments': " \
	"{'path': 'cxl-vmem0', 'tag': '" TAG "'}}"
#define TAGS "{'execute': 'query-cxl-dynamic-capacity-tags', 'arguments': {'path': 'cxl-vmem0'}}"
#define ONE_TAG(rest)                                                                  \
	"{'return': [{'tag': '" TAG "', 'region': 0, 'extents': 1, 'bytes': 4194304, " \
	"'backend': 'm', " rest "}]}"
#define WHOLE "{'dpa': 0, 'len': 4194304, 'seq': 0}"

static void the_device_chooses_and_a_reference_keeps(void)
{
	static const CxbDcDpaRange whole = { 0, 4194304 };
	g_autoptr(World) w = world_ready();

	ask(w, BACKEND("m", TAG, "4194304"), OK);
	fails(w, REFERENCE("add"), "GenericError",
	      "/machine/peripheral/cxl-vmem0 has no allocation with tag " TAG);
	fails(w,
	      ADD_DC("'selection-policy': 'free', 'region': 0, 'tag': '" TAG "', "
		     "'length': 536870913"),
	      "GenericError", "length 0x20000001 is not aligned to region block size 0x200000");
	say(w->peer, ADD_DC("'selection-policy': 'contiguous', 'region': 0, 'tag': '" TAG "', "
			    "'length': 4194304, 'extents': []"));
	expect(w->peer, EVENT("offer", WHOLE));
	expect(w->peer, OK);
	ask(w, TAGS,
	    ONE_TAG("'referenced': false, 'references': 1, 'hosts': [], 'pending-hosts': [0]"));
	ask(w, REFERENCE("add"), OK);
	g_assert_cmpint(cxb_dc_add_response(engine(w), 0, &whole, 1, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	expect(w->peer, EVENT("accept", WHOLE));
	ask(w, TAGS,
	    ONE_TAG("'referenced': true, 'references': 2, 'hosts': [0], 'pending-hosts': []"));
	g_assert_cmpint(cxb_dc_host_release(engine(w), 0, &whole, 1, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	expect(w->peer, EVENT("release", WHOLE));
	ask(w, TAGS,
	    ONE_TAG("'referenced': true, 'references': 1, 'hosts': [], 'pending-hosts': []"));
	say(w->peer,
	    ADD_DC("'selection-policy': 'enable-shared-access', 'region': 0, 'tag': '" TAG "'"));
	expect(w->peer, EVENT("offer", WHOLE));
	expect(w->peer, OK);
	ask(w, REFERENCE("remove"), OK);
	fails(w, REFERENCE("remove"), "GenericError", "nobody holds a reference to tag " TAG);
	expect_status(w, TAG, "pending");
}

#define JOB "'request-id': 'job 7'"
#define JOB_ADD                                                                          \
	ADD_DC("'selection-policy': 'prescriptive', 'region': 0, 'tag': '" TAG "', " JOB \
	       ", 'timeout': 250, 'extents': [{'offset': 0, 'len': 2097152}]")
#define JOB_EVENT(operation, rest)                                                             \
	"{'event': 'CXL_DYNAMIC_CAPACITY', 'data': {'path': '" FRONT_TYPE3 "', 'host-id': 0, " \
	"'operation': '" operation "', 'tag': '" TAG "', 'region': 0, " JOB rest               \
	", 'extents': [{'dpa': 0, 'len': 2097152, 'seq': 0}]}}"

/* The first device in answer to the query. */
static json_object *queried(World *w, json_object **list)
{
	*list = ask_for(w, "{'execute': 'query-cxl-dynamic-capacity'}");
	return json_object_array_get_idx(*list, 0);
}

static json_object *member(json_object *o, const char *name)
{
	json_object *v;

	g_assert_true(json_object_object_get_ex(o, name, &v));
	return v;
}

static void the_id_of_a_request_stays_with_its_extents(void)
{
	const CxbDcDpaRange one = { 0, MIB2 };
	g_autoptr(World) w = world_ready();
	json_object *list, *e;

	ask(w, BACKEND("m", TAG, "2097152"), OK);
	say(w->peer, JOB_ADD);
	expect(w->peer, JOB_EVENT("offer", ""));
	expect(w->peer, OK);
	e = json_object_array_get_idx(member(queried(w, &list), "extents"), 0);
	g_assert_cmpstr(json_object_get_string(member(e, "request-id")), ==, "job 7");
	json_object_put(list);
	g_assert_cmpint(cxb_dc_add_response(engine(w), 0, &one, 1, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	expect(w->peer, JOB_EVENT("accept", ""));
	g_assert_cmpint(cxb_dc_host_release(engine(w), 0, &one, 1, false, NULL, NULL), ==,
			CXB_RC_SUCCESS);
	expect(w->peer, JOB_EVENT("release", ""));
}

static void an_offer_not_answered_in_time_is_withdrawn(void)
{
	CxbClock *clock;
	g_autoptr(World) w = world_ready();

	clock = cxb_machine_clock(w->machine);
	ask(w, BACKEND("m", TAG, "2097152"), OK);
	say(w->peer, JOB_ADD);
	expect(w->peer, JOB_EVENT("offer", ""));
	expect(w->peer, OK);
	g_assert_true(cxb_clock_advance(clock, cxb_clock_now_ns(clock) + 249999999));
	expect_status(w, TAG, "pending");
	g_assert_true(cxb_clock_advance(clock, cxb_clock_now_ns(clock) + 1));
	expect(w->peer, JOB_EVENT("forced-release", ", 'reason': 'timeout'"));
	expect_status(w, TAG, "not-found");
	fails(w,
	      ADD_DC("'selection-policy': 'prescriptive', 'region': 0, 'timeout': 4294967296, "
		     "'extents': []"),
	      "GenericError", "Parameter 'timeout' expects uint32_t");
	fails(w,
	      ADD_DC("'selection-policy': 'prescriptive', 'region': 0, 'request-id': 7, "
		     "'extents': []"),
	      "GenericError", "Invalid parameter type for 'request-id', expected: string");
}

static void the_query_tells_how_the_host_answered(void)
{
	const CxbDcDpaRange odd = { 1, MIB2 };
	g_autoptr(World) w = offered();
	json_object *list, *answer;

	g_assert_cmpint(json_object_array_length(member(queried(w, &list), "answers")), ==, 0);
	json_object_put(list);
	g_assert_cmpint(cxb_dc_add_response(engine(w), 0, &odd, 1, false, NULL, NULL), ==,
			CXB_RC_INVALID_EXTENTS);
	answer = json_object_array_get_idx(member(queried(w, &list), "answers"), 0);
	front_assert_json(json_object_to_json_string(answer),
			  "{'host-id': 0, 'opcode': 18434, 'return-code': 30, 'check': 'not a "
			  "multiple of the region\\'s block size'}");
	json_object_put(list);
}

#define DISPLAY(what, path, file)                                                     \
	"{'execute': 'cxl-display-" what "-dc-extents', 'arguments': {'path': '" path \
	"', 'output': '" file "'}}"

static void extents_are_appended_to_a_file(void)
{
	g_autofree char *dir = g_dir_make_tmp("dc-XXXXXX", NULL), *text = NULL;
	g_autofree char *file = g_build_filename(dir, "extents", NULL);
	g_autofree char *in1 = g_strdup_printf(DISPLAY("accepted", "cxl-vmem0", "%s"), file);
	g_autofree char *in2 = g_strdup_printf(DISPLAY("pending-to-add", "cxl-vmem0", "%s"), file);
	g_autofree char *in3 = g_strdup_printf(DISPLAY("accepted", "cxl-vmem0", "%s"), dir);
	g_autoptr(World) w = accepted();

	ask(w, BACKEND("n", TAG2, "2097152"), OK);
	say(w->peer, ADD_DC("'selection-policy': 'prescriptive', 'region': 0, 'tag': '" TAG2 "', "
			    "'extents': [{'offset': 4194304, 'len': 2097152}]"));
	g_free(front_line(w->peer));
	expect(w->peer, OK);
	ask(w, in1, OK);
	ask(w, in2, OK);
	g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
	g_assert_cmpstr(text, ==,
			"Print accepted extent info:\n"
			"0: [0x0 - 0x200000]\n"
			"1: [0x800000 - 0xa00000]\n"
			"In total, 2 extents printed!\n"
			"Print pending-to-add extent info:\n"
			"0: [0x400000 - 0x600000]\n"
			"In total, 1 extents printed!\n");
	refused(w, in3, "cannot open '");
	refused(w, DISPLAY("accepted", "nosuch", "x"), "Unable to resolve CXL type 3 device");
	refused(w, "{'execute': 'cxl-display-accepted-dc-extents', 'arguments': {'path': 'x'}}",
		"Parameter 'output' is missing");
	g_assert_cmpint(g_unlink(file), ==, 0);
	/* Nothing waits for who would read it. */
	g_assert_cmpint(mkfifo(file, 0600), ==, 0);
	refused(w, in1, "cannot open '");
	g_assert_cmpint(g_unlink(file), ==, 0);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(fn) g_test_add_func("/monitor/dc/" #fn, fn)
	ADD(arguments_are_checked_before_anything_else);
	ADD(refusals_start_with_the_known_texts);
	ADD(a_life_is_told_step_by_step);
	ADD(an_offer_may_come_back);
	ADD(a_forced_release_is_over_at_once);
	ADD(a_reset_tells_nothing_of_extents);
	ADD(the_query_shows_regions_and_extents);
	ADD(the_device_chooses_and_a_reference_keeps);
	g_test_add_func("/monitor/dc/request-id", the_id_of_a_request_stays_with_its_extents);
	g_test_add_func("/monitor/dc/timeout", an_offer_not_answered_in_time_is_withdrawn);
	g_test_add_func("/monitor/dc/answers", the_query_tells_how_the_host_answered);
	g_test_add_func("/monitor/dc/display", extents_are_appended_to_a_file);
	return g_test_run();
}
