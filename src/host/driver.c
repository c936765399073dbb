/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drivers, one for each host that has memory devices here. All start with the machine, after firmware;
 * later each may start anew by itself, on decoders that stay as firmware left them.
 */
#include "base/error.h"
#include "priv.h"

#define FLR_TIME_NS (100 * H_MS) /* PCIe 6.6.2 */

static void driver_free(gpointer opaque)
{
	HDriver *drv = opaque;

	g_hash_table_unref(drv->tags);
	g_hash_table_unref(drv->waiting);
	g_free(drv);
}

GHashTable *cxb_h_drivers_new(void)
{
	return g_hash_table_new_full(NULL, NULL, NULL, driver_free);
}

HDriver *cxb_h_driver(CxbHost *host, uint16_t id)
{
	return g_hash_table_lookup(host->drivers, GUINT_TO_POINTER(id));
}

HDriver *cxb_h_driver_of(CxbHost *host, uint16_t bdf)
{
	const uint16_t id =
		host->config.host_of ? host->config.host_of(host->config.host_of_opaque, bdf) : 0;
	HDriver *drv = cxb_h_driver(host, id);

	if (drv)
		return drv;
	drv = g_new0(HDriver, 1);
	drv->host = host;
	drv->id = id;
	drv->tags = g_hash_table_new(cxb_h_tag_hash, cxb_h_tag_equal);
	drv->waiting = g_hash_table_new(NULL, NULL);
	g_hash_table_insert(host->drivers, GUINT_TO_POINTER(id), drv);
	return drv;
}

/* --- one that starts anew --- */

static void through(HDriver *drv);

/* Its memory devices go their way side by side, as all do at a boot. */
static void each(HDriver *drv, void (*step)(HMemdev *md))
{
	CxbHost *host = drv->host;

	drv->busy = 1;
	for (unsigned i = 0; i < host->memdevs->len; i++) {
		HMemdev *md = g_ptr_array_index(host->memdevs, i);

		if (md->driver != drv || md->failed)
			continue;
		drv->busy++;
		step(md);
	}
	through(drv);
}

static void attach(HMemdev *md)
{
	cxb_h_regions_keep(md);
	cxb_h_attach(md);
}

static void through(HDriver *drv)
{
	g_assert(drv->busy);
	if (--drv->busy)
		return;
	if (drv->phase == H_PROBE) {
		drv->phase = H_ATTACH;
		each(drv, attach);
		return;
	}
	drv->phase = H_READY;
	drv->host->restarting--;
	cxb_h_say(drv->host, "host %u has started anew", drv->id);
}

static void settled(void *opaque)
{
	HMemdev *md = opaque;

	g_clear_pointer(&md->timer, cxb_timer_free);
	cxb_h_func_restore(md->host, md->func);
	cxb_h_probe(md);
}

static void start_anew(HMemdev *md)
{
	if (!cxb_h_func_reset(md->host, md->func)) {
		cxb_h_probe(md);
		return;
	}
	md->timer = cxb_timer_new(md->host->config.clock, settled, md);
	cxb_timer_arm(md->timer, cxb_h_now(md->host) + FLR_TIME_NS);
}

bool cxb_host_restart(CxbHost *host, uint16_t host_id, GError **errp)
{
	HDriver *drv = cxb_h_driver(host, host_id);

	if (host->phase != H_READY)
		return cxb_fail(errp, CXB_ERROR_BUSY, "the built-in host has not booted");
	if (!drv)
		return cxb_fail(errp, CXB_ERROR_NOT_FOUND, "host %u has no memory device", host_id);
	if (drv->phase != H_READY)
		return cxb_fail(errp, CXB_ERROR_BUSY, "host %u starts anew already", host_id);
	drv->phase = H_PROBE;
	host->restarting++;
	for (unsigned i = 0; i < host->memdevs->len; i++) {
		HMemdev *md = g_ptr_array_index(host->memdevs, i);

		if (md->driver == drv)
			cxb_h_memdev_renew(md);
	}
	each(drv, start_anew);
	return true;
}

/* --- a boot --- */

void cxb_h_drivers_ready(CxbHost *host)
{
	GHashTableIter iter;
	gpointer drv;

	g_hash_table_iter_init(&iter, host->drivers);
	while (g_hash_table_iter_next(&iter, NULL, &drv))
		((HDriver *)drv)->phase = H_READY;
}

void cxb_h_done(HMemdev *md)
{
	if (md->host->phase == H_READY)
		through(md->driver);
	else
		cxb_h_boot_done(md->host);
}
