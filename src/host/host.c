/* SPDX-License-Identifier: Apache-2.0 */
/* The phases of a boot, and what all of them use. */
#include <stdarg.h>
#include <string.h>

#include "base/trace.h"
#include "base/uuid.h"
#include "priv.h"

CXB_TRACE(host_phase, (const char *name), "%s", name)
CXB_TRACE(host_say, (const char *line), "%s", line)

static const char *const phase_names[] = {
	[H_ACPI] = "acpi",     [H_ENUM] = "enumerate", [H_PLACE] = "place",
	[H_PROBE] = "probe",   [H_PLAN] = "plan",      [H_COMMIT] = "commit",
	[H_ATTACH] = "attach", [H_READY] = "ready",    [H_FAILED] = "failed",
};

bool cxb_host_policy_parse(const char *text, CxbHostPolicy *out)
{
	static const char *const names[] = {
		[CXB_HOST_ALL] = "all",
		[CXB_HOST_REJECT] = "reject",
		[CXB_HOST_IGNORE] = "ignore",
		[CXB_HOST_ASK] = "ask",
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		if (g_str_equal(text, names[i])) {
			*out = i;
			return true;
		}
	}
	return false;
}

void cxb_h_say(CxbHost *host, const char *fmt, ...)
{
	g_autofree char *line = NULL;
	va_list ap;

	va_start(ap, fmt);
	line = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	trace_host_say(line);
	if (host->config.say)
		host->config.say(host->config.opaque, line);
}

void cxb_h_say_md(HMemdev *md, const char *fmt, ...)
{
	g_autofree char *line = NULL;
	va_list ap;

	va_start(ap, fmt);
	line = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	cxb_h_say(md->host, "mem%u: %s", md->index, line);
}

int64_t cxb_h_now(const CxbHost *host)
{
	return cxb_clock_now_ns(host->config.clock);
}

/* --- the bus --- */

static void lost(CxbHost *host, GError *err)
{
	if (!host->lost && host->phase < H_READY)
		cxb_h_fail(host, err ? err->message : "the bus failed");
	host->lost = true;
}

uint32_t cxb_h_cfg(CxbHost *host, uint16_t bdf, unsigned off, unsigned size)
{
	g_autoptr(GError) err = NULL;
	uint32_t val = UINT32_MAX;

	if (!host->lost &&
	    !host->bus->ops->config_read(host->bus, bdf, off & ~(size - 1), size, &val, &err))
		lost(host, err);
	return host->lost ? UINT32_MAX >> (32 - 8 * size) : val;
}

void cxb_h_cfg_write(CxbHost *host, uint16_t bdf, unsigned off, unsigned size, uint32_t val)
{
	g_autoptr(GError) err = NULL;

	if (!host->lost && !host->bus->ops->config_write(host->bus, bdf, off, size, val, &err))
		lost(host, err);
}

bool cxb_h_adopts(const CxbHost *host)
{
	return host->bus->ops->bar;
}

CxbBusRange cxb_h_bar(CxbHost *host, uint16_t bdf, unsigned n)
{
	g_autoptr(GError) err = NULL;
	CxbBusRange range = { 0 };

	if (!host->lost && !host->bus->ops->bar(host->bus, bdf, n, &range, &err))
		lost(host, err);
	return host->lost ? (CxbBusRange){ 0 } : range;
}

bool cxb_h_read(CxbHost *host, uint64_t hpa, void *buf, size_t len)
{
	if (host->bus->ops->mem_read(host->bus, hpa, buf, len, NULL))
		return true;
	memset(buf, 0xff, len);
	return false;
}

uint32_t cxb_h_read32(CxbHost *host, uint64_t hpa)
{
	le32 val;

	cxb_h_read(host, hpa, &val, sizeof(val));
	return le32_get(val);
}

uint64_t cxb_h_read64(CxbHost *host, uint64_t hpa)
{
	le64 val;

	cxb_h_read(host, hpa, &val, sizeof(val));
	return le64_get(val);
}

void cxb_h_write(CxbHost *host, uint64_t hpa, const void *buf, size_t len)
{
	host->bus->ops->mem_write(host->bus, hpa, buf, len, NULL);
}

void cxb_h_write32(CxbHost *host, uint64_t hpa, uint32_t val)
{
	le32 x = le32_put(val);

	cxb_h_write(host, hpa, &x, sizeof(x));
}

void cxb_h_write64(CxbHost *host, uint64_t hpa, uint64_t val)
{
	le64 x = le64_put(val);

	cxb_h_write(host, hpa, &x, sizeof(x));
}

/* --- phases --- */

static void host_work(void *opaque);

void cxb_h_kick(CxbHost *host)
{
	if (host->work_posted)
		return;
	host->work_posted = true;
	cxb_workq_post(host->config.workq, host_work, host);
}

void cxb_h_go(CxbHost *host, HPhase phase)
{
	host->phase = phase;
	trace_host_phase(phase_names[phase]);
	if (phase < H_READY)
		cxb_h_kick(host);
}

void cxb_h_fail(CxbHost *host, const char *why)
{
	if (host->phase == H_FAILED)
		return;
	host->error = g_strdup(why);
	cxb_h_say(host, "%s", why);
	cxb_h_go(host, H_FAILED);
}

void cxb_h_boot_done(CxbHost *host)
{
	g_assert(host->busy);
	if (--host->busy)
		return;
	if (host->phase == H_PROBE)
		cxb_h_go(host, H_PLAN);
	else if (host->phase == H_ATTACH)
		cxb_h_go(host, H_READY);
	if (host->phase == H_READY)
		cxb_h_drivers_ready(host);
}

/* Each memory device goes its way; the last one through opens the next phase. */
static void each_memdev(CxbHost *host, void (*step)(HMemdev *md))
{
	host->busy = 1;
	for (unsigned i = 0; i < host->memdevs->len; i++) {
		HMemdev *md = g_ptr_array_index(host->memdevs, i);

		if (md->failed)
			continue;
		host->busy++;
		step(md);
	}
	cxb_h_boot_done(host);
}

static void publish(CxbHost *host)
{
	for (unsigned i = 0; i < host->funcs->len; i++) {
		HFunc *f = g_ptr_array_index(host->funcs, i);

		g_array_append_val(host->funcs_pub, f->pub);
	}
}

static void enumerate_step(CxbHost *host)
{
	if (host->next_root < host->roots->len) {
		cxb_h_enumerate(host, g_ptr_array_index(host->roots, host->next_root++));
		cxb_h_kick(host);
		return;
	}
	publish(host);
	cxb_h_go(host, H_PLACE);
}

static void acpi_step(CxbHost *host)
{
	g_autoptr(GError) err = NULL;

	if (!cxb_h_acpi(host, &err)) {
		cxb_h_fail(host, err->message);
		return;
	}
	for (unsigned i = 0; i < host->windows->len; i++)
		g_array_append_val(host->windows_pub, g_array_index(host->windows, HWindow, i).pub);
	cxb_h_go(host, H_ENUM);
}

static void host_work(void *opaque)
{
	CxbHost *host = opaque;

	host->work_posted = false;
	if (host->halted) {
		host->held = true;
		return;
	}
	switch (host->phase) {
	case H_ACPI:
		acpi_step(host);
		break;
	case H_ENUM:
		enumerate_step(host);
		break;
	case H_PLACE:
		cxb_h_place(host);
		cxb_h_memdevs_find(host);
		if (host->phase != H_FAILED)
			cxb_h_go(host, H_PROBE);
		break;
	case H_PROBE:
		each_memdev(host, cxb_h_probe);
		break;
	case H_PLAN:
		cxb_h_plan(host);
		if (host->phase != H_FAILED)
			cxb_h_go(host, H_COMMIT);
		break;
	case H_COMMIT:
		cxb_h_commit_step(host);
		break;
	case H_ATTACH:
		each_memdev(host, cxb_h_attach);
		break;
	case H_READY:
	case H_FAILED:
		break;
	}
}

/* --- life --- */

static void event_free(gpointer event)
{
	g_free(event);
}

static void window_clear(gpointer window)
{
	cxb_h_window_clear(window);
}

static void begin(CxbHost *host)
{
	host->phase = H_ACPI;
	host->windows = g_array_new(false, false, sizeof(HWindow));
	g_array_set_clear_func(host->windows, window_clear);
	host->windows_pub = g_array_new(false, false, sizeof(CxbHostWindow));
	host->roots = g_ptr_array_new_with_free_func((GDestroyNotify)cxb_h_root_free);
	host->funcs = g_ptr_array_new_with_free_func((GDestroyNotify)cxb_h_func_free);
	host->funcs_pub = g_array_new(false, false, sizeof(CxbHostFunction));
	host->memdevs = g_ptr_array_new_with_free_func((GDestroyNotify)cxb_h_memdev_free);
	host->memdevs_pub = g_array_new(false, false, sizeof(CxbHostMemdev));
	host->regions_pub = g_array_new(false, false, sizeof(CxbHostRegion));
	host->accels = g_array_new(false, false, sizeof(CxbHostAccel));
	host->jobs = g_ptr_array_new_with_free_func(g_free);
	host->drivers = cxb_h_drivers_new();
	g_queue_init(&host->events);
}

static void end(CxbHost *host)
{
	cxb_workq_cancel(host->config.workq, host_work, host);
	cxb_timer_free(host->commit_timer);
	g_ptr_array_unref(host->jobs);
	g_ptr_array_unref(host->memdevs);
	g_hash_table_unref(host->drivers);
	g_array_unref(host->memdevs_pub);
	g_array_unref(host->regions_pub);
	g_array_unref(host->accels);
	g_array_unref(host->funcs_pub);
	g_ptr_array_unref(host->funcs);
	g_ptr_array_unref(host->roots);
	g_array_unref(host->windows_pub);
	g_array_unref(host->windows);
	g_queue_clear_full(&host->events, event_free);
	g_free(host->error);
}

CxbHost *cxb_host_new(const CxbHostConfig *config)
{
	CxbHost *host = g_new0(CxbHost, 1);

	host->config = *config;
	host->bus = config->bus;
	begin(host);
	return host;
}

void cxb_host_free(CxbHost *host)
{
	if (!host)
		return;
	end(host);
	g_free(host);
}

void cxb_host_start(CxbHost *host)
{
	if (host->started)
		return;
	host->started = true;
	cxb_h_kick(host);
}

void cxb_host_halt(CxbHost *host, bool halted)
{
	host->halted = halted;
	if (halted || !host->held)
		return;
	host->held = false;
	cxb_h_kick(host);
}

bool cxb_host_halted(const CxbHost *host)
{
	return host->halted;
}

void cxb_host_reset(CxbHost *host)
{
	CxbHostConfig config = host->config;
	const bool started = host->started, halted = host->halted;

	end(host);
	*host = (CxbHost){ .config = config, .bus = config.bus, .halted = halted };
	begin(host);
	if (started)
		cxb_host_start(host);
}

CxbHostState cxb_host_state(const CxbHost *host)
{
	if (host->phase == H_FAILED)
		return CXB_HOST_FAILED;
	return host->phase == H_READY && !host->restarting ? CXB_HOST_READY : CXB_HOST_BOOTING;
}

const char *cxb_host_error(const CxbHost *host)
{
	return host->error;
}
