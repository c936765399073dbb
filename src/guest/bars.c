/* SPDX-License-Identifier: Apache-2.0 */
#include "bars.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/trace.h"
#include "find_function.h"
#include "io/json_put.h"
#include "io/qmp_client.h"

#define RETRY_NS (100 * G_GINT64_CONSTANT(1000000))

#define CONFIG_ADDRESS 0xcf8u
#define CONFIG_DATA    0xcfcu
#define COMMAND        0x04u
#define COMMAND_MEM    2u
#define BAR0           0x10u

CXB_TRACE(guest_bars_state, (const char *name, const char *state), "%s: %s", name, state)
CXB_TRACE(guest_bars_hmp, (const char *name, const char *line), "%s: %s", name, line)

typedef enum { BARS_CONNECTING, BARS_WAITING, BARS_PLACING, BARS_READY, BARS_FAILED } BarsPhase;

struct Bars {
	BarsConfig config; /* texts are copies */
	CxbQmpClient *client;
	CxbTimer *retry;
	BarsPhase phase;
	char *state;

	/* of a round */
	bool reset;   /* the machine was, meanwhile */
	bool stopped; /* by us, for all we know: it is to go on */
	GArray *at;   /* FunctionAt, of each of the functions */
	char *error;  /* the first one */
};

static void set_phase(Bars *b, BarsPhase phase)
{
	static const char *const names[] = {
		[BARS_CONNECTING] = "connecting", [BARS_WAITING] = "waiting",
		[BARS_PLACING] = "placing",       [BARS_READY] = "ready",
		[BARS_FAILED] = "failed: ",
	};

	b->phase = phase;
	g_free(b->state);
	b->state = g_strconcat(names[phase], phase == BARS_FAILED ? b->error : NULL, NULL);
	trace_guest_bars_state(b->config.name, b->state);
}

static void note(Bars *b, const char *what, const char *error)
{
	if (error && !b->error)
		b->error = g_strdup_printf("%s: %s", what, error);
}

static void begin(Bars *b);

static const BarsFunction *function(const Bars *b, guint i)
{
	return &g_array_index(b->config.functions, BarsFunction, i);
}

/* They are nowhere. */
static void wait_for_use(Bars *b)
{
	if (b->config.used(b->config.opaque))
		begin(b);
	else
		set_phase(b, BARS_WAITING);
}

/* --- the end of a round --- */

static void finish(Bars *b)
{
	if (b->reset) {
		wait_for_use(b);
	} else {
		if (b->error)
			cxb_warn("%s: the guest does not have its windows: %s", b->config.name,
				 b->error);
		set_phase(b, b->error ? BARS_FAILED : BARS_READY);
	}
	if (b->phase != BARS_PLACING)
		b->config.placed(b->config.opaque);
}

static void resumed(void *opaque, json_object *ret, const char *error)
{
	Bars *b = opaque;

	b->stopped = false;
	note(b, "cont", error);
	finish(b);
}

/* What we have stopped goes on, whatever else went wrong. */
static void go_on(Bars *b)
{
	if (b->stopped)
		cxb_qmp_client_send(b->client, "cont", NULL, resumed, b);
	else
		finish(b);
}

static void verify_function(Bars *b, const BarsFunction *f, const FunctionAt *at)
{
	for (unsigned i = 0; i < f->n_bars && !b->error; i++) {
		const Bar *bar = &f->bars[i];

		if (at->bar[bar->nr] != bar->hpa)
			b->error = g_strdup_printf("BAR %u of '%s' is not at 0x%" PRIx64
						   " after it was put there",
						   bar->nr, f->id, bar->hpa);
	}
}

static void verify(void *opaque, json_object *ret, const char *error)
{
	Bars *b = opaque;

	note(b, "query-pci", error);
	for (guint i = 0; i < b->config.functions->len && !b->error; i++) {
		const BarsFunction *f = function(b, i);
		FunctionAt at;

		if (find_function(ret, f->id, &at, &b->error))
			verify_function(b, f, &at);
	}
	go_on(b);
}

/* --- configuration space, by the ports of a PC --- */

static void hmp(Bars *b, CxbQmpAnswer fn, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

static void hmp(Bars *b, CxbQmpAnswer fn, const char *fmt, ...)
{
	json_object *args = json_object_new_object();
	g_autofree char *line = NULL;
	va_list ap;

	va_start(ap, fmt);
	line = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	trace_guest_bars_hmp(b->config.name, line);
	cxb_json_put_str(args, "command-line", line);
	cxb_qmp_client_send(b->client, "human-monitor-command", args, fn, b);
}

/* A port that was written says nothing. */
static void written(void *opaque, json_object *ret, const char *error)
{
	const char *said = json_object_is_type(ret, json_type_string) ? json_object_get_string(ret)
								      : "no text";

	note(opaque, "o", error ?: *said ? said : NULL);
}

/* Of 4 bytes, or of 2. */
static void config_write(Bars *b, const FunctionAt *at, unsigned off, char size, uint32_t value)
{
	const uint32_t address =
		0x80000000u | at->bus << 16 | at->slot << 11 | at->function << 8 | off;

	hmp(b, written, "o /w 0x%x 0x%x", CONFIG_ADDRESS, address);
	hmp(b, written, "o /%c 0x%x 0x%x", size, CONFIG_DATA, value);
}

/* "portl[0x0cf8] = 0x80000000" */
static bool parse_port(json_object *ret, uint32_t *value)
{
	const char *text =
		json_object_is_type(ret, json_type_string) ? json_object_get_string(ret) : "";
	const char *at = strstr(text, "= 0x");
	char *end;
	guint64 v;

	if (!at)
		return false;
	v = g_ascii_strtoull(at + strlen("= 0x"), &end, 16);
	*value = v;
	return end != at + strlen("= 0x") && v <= UINT32_MAX;
}

static void place_function(Bars *b, const BarsFunction *f, const FunctionAt *at)
{
	for (unsigned i = 0; i < f->n_bars; i++) {
		const Bar *bar = &f->bars[i];

		config_write(b, at, BAR0 + 4 * bar->nr, 'w', bar->hpa);
		config_write(b, at, BAR0 + 4 * bar->nr + 4, 'w', bar->hpa >> 32);
	}
	config_write(b, at, COMMAND, 'h', COMMAND_MEM);
}

/* The guest may be between an address and its data. */
static void have_address(void *opaque, json_object *ret, const char *error)
{
	Bars *b = opaque;
	uint32_t address = 0;

	note(b, "i", error);
	if (!b->error && !parse_port(ret, &address))
		note(b, "i", "the answer is no port's value");
	if (b->error) {
		go_on(b);
		return;
	}
	cxb_qmp_client_hold(b->client);
	for (guint i = 0; i < b->at->len; i++)
		place_function(b, function(b, i), &g_array_index(b->at, FunctionAt, i));
	hmp(b, written, "o /w 0x%x 0x%x", CONFIG_ADDRESS, address);
	cxb_qmp_client_send(b->client, "query-pci", NULL, verify, b);
	cxb_qmp_client_flush(b->client);
}

static void have_stopped(void *opaque, json_object *ret, const char *error)
{
	Bars *b = opaque;

	if (error)
		b->stopped = false;
	note(b, "stop", error);
}

/* --- the start of a round --- */

static void check_sizes(Bars *b, const BarsFunction *f, const FunctionAt *at)
{
	for (unsigned i = 0; i < f->n_bars && !b->error; i++) {
		const Bar *bar = &f->bars[i];

		if (at->size[bar->nr] != bar->size)
			b->error = g_strdup_printf("device '%s' there is another one: BAR %u has "
						   "0x%" PRIx64 " bytes, not 0x%" PRIx64,
						   f->id, bar->nr, at->size[bar->nr], bar->size);
	}
}

static void have_devices(void *opaque, json_object *ret, const char *error)
{
	Bars *b = opaque;

	note(b, "query-pci", error);
	g_array_set_size(b->at, 0);
	for (guint i = 0; i < b->config.functions->len && !b->error; i++) {
		const BarsFunction *f = function(b, i);
		FunctionAt at;

		if (!find_function(ret, f->id, &at, &b->error))
			return;
		check_sizes(b, f, &at);
		g_array_append_val(b->at, at);
	}
}

/* What does not run is left alone: it would run when we are through. */
static void have_status(void *opaque, json_object *ret, const char *error)
{
	Bars *b = opaque;
	json_object *running = NULL;

	note(b, "query-status", error);
	if (!b->error && !json_object_object_get_ex(ret, "running", &running))
		note(b, "query-status", "the answer does not say what runs");
	if (b->error) {
		finish(b);
		return;
	}
	cxb_qmp_client_hold(b->client);
	if (json_object_get_boolean(running)) {
		b->stopped = true;
		cxb_qmp_client_send(b->client, "stop", NULL, have_stopped, b);
	}
	hmp(b, have_address, "i /w 0x%x", CONFIG_ADDRESS);
	cxb_qmp_client_flush(b->client);
}

static void begin(Bars *b)
{
	b->reset = false;
	g_clear_pointer(&b->error, g_free);
	set_phase(b, BARS_PLACING);
	cxb_qmp_client_hold(b->client);
	cxb_qmp_client_send(b->client, "query-pci", NULL, have_devices, b);
	cxb_qmp_client_send(b->client, "query-status", NULL, have_status, b);
	cxb_qmp_client_flush(b->client);
}

/* --- QEMU comes and goes --- */

static void let_go_on(void *opaque, json_object *ret, const char *error)
{
}

/* What we have stopped before the connection was lost goes on. */
static void negotiated(void *opaque)
{
	Bars *b = opaque;

	if (b->stopped)
		cxb_qmp_client_send(b->client, "cont", NULL, let_go_on, b);
	b->stopped = false;
	wait_for_use(b);
}

static void event(void *opaque, const char *name, json_object *message)
{
	Bars *b = opaque;

	if (strcmp(name, "RESET") != 0)
		return;
	if (b->phase == BARS_PLACING)
		b->reset = true;
	else if (b->phase != BARS_CONNECTING)
		wait_for_use(b);
}

static void wait_for_it(Bars *b)
{
	cxb_timer_arm(b->retry, cxb_clock_now_ns(b->config.clock) + RETRY_NS);
}

static void closed(void *opaque, const char *why)
{
	Bars *b = opaque;

	if (why)
		cxb_warn("%s: QMP of the guest: %s", b->config.name, why);
	g_clear_pointer(&b->client, cxb_qmp_client_free);
	set_phase(b, BARS_CONNECTING);
	b->config.placed(b->config.opaque);
	wait_for_it(b);
}

static void connect_to_it(void *opaque)
{
	static const CxbQmpClientOps ops = { .ready = negotiated,
					     .event = event,
					     .closed = closed };
	Bars *b = opaque;

	b->client = cxb_qmp_client_new(b->config.path, b->config.context, &ops, b, NULL);
	if (!b->client)
		wait_for_it(b);
}

Bars *bars_new(const BarsConfig *config)
{
	Bars *b = g_new0(Bars, 1);

	b->config = *config;
	b->config.name = g_strdup(config->name);
	b->config.path = g_strdup(config->path);
	b->config.functions = g_array_ref(config->functions);
	b->at = g_array_new(FALSE, FALSE, sizeof(FunctionAt));
	b->retry = cxb_timer_new(config->clock, connect_to_it, b);
	set_phase(b, BARS_CONNECTING);
	connect_to_it(b);
	return b;
}

void bars_free(Bars *b)
{
	if (!b)
		return;
	cxb_qmp_client_free(b->client);
	cxb_timer_free(b->retry);
	g_free((char *)b->config.name);
	g_free((char *)b->config.path);
	g_array_unref(b->config.functions);
	g_array_unref(b->at);
	g_free(b->state);
	g_free(b->error);
	g_free(b);
}

const char *bars_state(const Bars *b)
{
	return b->state;
}

bool bars_hold_guest(const Bars *b)
{
	return b->client && b->stopped;
}

bool bars_placing(const Bars *b)
{
	return b->phase == BARS_PLACING;
}

void bars_place(Bars *b)
{
	if (b->phase == BARS_WAITING || b->phase == BARS_FAILED)
		begin(b);
}
