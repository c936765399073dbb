/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory devices: found by class code, then asked in the order Linux asks: supported logs, the
 * command effects log, the clock, identify, partitions, dynamic-capacity regions. Decoders are
 * programmed in between; then the extent list, the interrupt policy and the logs.
 */
#include <inttypes.h>
#include <stdarg.h>

#include "base/range.h"
#include "base/rdwr.h"
#include "priv.h"
#include "wire/dc.h"
#include "wire/mbox.h"
#include "wire/pci.h"
#include "wire/rc.h"
#include "wire/regs.h"

#define MAX_CEL       0x10000u /* bytes: every opcode there can be fits four times less */
#define MAX_LIST      (1u << 20)
#define LIST_TRIES    8
#define READY_POLL_NS (10 * H_MS)

static const struct {
	uint16_t opcode;
	unsigned bit;
} wanted[] = {
	{ CXB_OP_GET_EVENTS, H_HAS_GET_EVENTS },
	{ CXB_OP_CLEAR_EVENTS, H_HAS_CLEAR_EVENTS },
	{ CXB_OP_GET_EVENT_POLICY, H_HAS_GET_POLICY },
	{ CXB_OP_SET_EVENT_POLICY, H_HAS_SET_POLICY },
	{ CXB_OP_SET_TIMESTAMP, H_HAS_TIMESTAMP },
	{ CXB_OP_GET_PARTITION, H_HAS_PARTITION },
	{ CXB_OP_GET_DC_CONFIG, H_HAS_DC_CONFIG },
	{ CXB_OP_GET_DC_EXTENTS, H_HAS_DC_LIST },
};

static void begin(HMemdev *md)
{
	md->serial = md->func->serial;
	md->regions = g_array_new(false, false, sizeof(CxbHostRegion));
	g_queue_init(&md->commands);
	cxb_h_extents_init(md);
}

/* All but its regions and decoders. */
static void end(HMemdev *md)
{
	cxb_h_cdat_fini(md);
	cxb_h_mbox_fini(md);
	cxb_h_events_fini(md);
	cxb_h_extents_fini(md);
	g_clear_pointer(&md->list, g_array_unref);
	g_clear_pointer(&md->mapped, g_array_unref);
}

void cxb_h_memdevs_find(CxbHost *host)
{
	for (unsigned i = 0; i < host->funcs->len; i++) {
		HFunc *f = g_ptr_array_index(host->funcs, i);
		HMemdev *md;

		cxb_h_locate(host, f);
		if (f->pub.class_code != WIRE_CLASS_CXL_MEMDEV || !f->dvsec_device || f->bridge)
			continue;
		if (host->memdevs->len >= H_MAX_MEMDEVS) {
			cxb_h_say(host, "more than %u memory devices: the rest is ignored",
				  H_MAX_MEMDEVS);
			break;
		}
		md = g_new0(HMemdev, 1);
		md->host = host;
		md->func = f;
		md->driver = cxb_h_driver_of(host, f->pub.bdf);
		md->index = host->memdevs->len;
		begin(md);
		g_ptr_array_add(host->memdevs, md);
	}
}

void cxb_h_memdev_free(HMemdev *md)
{
	end(md);
	cxb_h_hdm_fini(&md->hdm);
	g_array_unref(md->regions);
	g_free(md);
}

void cxb_h_memdev_renew(HMemdev *md)
{
	/* If it failed the last time, what was mapped before that. */
	GArray *mapped = g_steal_pointer(&md->mapped);

	if (mapped)
		g_array_unref(md->regions);
	else
		mapped = md->regions;
	end(md);
	*md = (HMemdev){
		.host = md->host,
		.func = md->func,
		.driver = md->driver,
		.index = md->index,
		.hdm = md->hdm,
		.mapped = mapped,
	};
	begin(md);
}

void cxb_h_regions_keep(HMemdev *md)
{
	for (unsigned i = 0; i < md->regions->len; i++) {
		CxbHostRegion *r = cxb_h_region(md, i);

		for (unsigned k = 0; k < md->mapped->len; k++) {
			const CxbHostRegion *old = &g_array_index(md->mapped, CxbHostRegion, k);

			if (old->dpa != r->dpa || old->len != r->len ||
			    old->is_static != r->is_static)
				continue;
			r->hpa = old->hpa;
			r->mapped = old->mapped;
			r->decoder = old->decoder;
		}
	}
	g_clear_pointer(&md->mapped, g_array_unref);
}

/* Only while it is probed or attached: the rest of the machine goes on. */
void cxb_h_memdev_fail(HMemdev *md, const char *fmt, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	cxb_h_say_md(md, "%s: not used", text);
	md->failed = true;
	cxb_h_done(md);
}

CxbHostRegion *cxb_h_region(HMemdev *md, unsigned i)
{
	return &g_array_index(md->regions, CxbHostRegion, i);
}

/* --- dynamic-capacity regions (4800h) --- */

static void region_add(HMemdev *md, const CxbHostRegion *region)
{
	g_array_append_val(md->regions, *region);
}

/* 9.13.3: in increasing order, behind static memory, decodable. */
static const char *region_wrong(HMemdev *md, const struct wire_dc_region *r, uint64_t end)
{
	uint64_t base = le64_get(r->base), units = le64_get(r->decode_len);
	uint64_t len = le64_get(r->length), block = le64_get(r->block_size);

	if (!units || units > UINT64_MAX / H_HDM_UNIT ||
	    !cxb_range_valid(base, units * H_HDM_UNIT) || base > UINT64_MAX - units * H_HDM_UNIT)
		return "its decode length is wrong";
	if (base % H_HDM_UNIT)
		return "its base is not a multiple of 256 MiB";
	if (base < end)
		return "it overlaps what lies below";
	if (!len || len > units * H_HDM_UNIT)
		return "its length is wrong";
	if (block < 0x40 || (block & (block - 1)))
		return "its block size is wrong";
	return NULL;
}

static uint64_t regions_end(HMemdev *md)
{
	const CxbHostRegion *last;

	if (!md->regions->len)
		return 0;
	last = cxb_h_region(md, md->regions->len - 1);
	return last->dpa + last->len;
}

static void region_learn(HMemdev *md, unsigned i, const struct wire_dc_region *r)
{
	const char *wrong = region_wrong(md, r, regions_end(md));
	CxbHostRegion region = {
		.memdev = md->index,
		.region = i,
		.dpa = le64_get(r->base),
		.block_size = le64_get(r->block_size),
	};

	if (wrong) {
		cxb_h_say_md(md, "region %u: %s: ignored", i, wrong);
		return;
	}
	region.len = le64_get(r->decode_len) * H_HDM_UNIT;
	md->dsmas[i] = le32_get(r->dsmad_handle);
	region_add(md, &region);
}

static void config_done(HMemdev *md, void *reread, const HReply *reply);

static void config_ask(HMemdev *md, bool reread)
{
	/* Room for the header and the trailer. */
	unsigned room = (md->payload - 8 - sizeof(struct wire_dc_config_trailer)) /
			sizeof(struct wire_dc_region);
	struct wire_dc_config_in in = { .count = MIN(H_DC_REGIONS - md->dc_regions, room),
					.start = md->dc_regions };

	cxb_h_mbox(md, CXB_OP_GET_DC_CONFIG, &in, sizeof(in), config_done, GINT_TO_POINTER(reread));
}

static void config_end(HMemdev *md, bool reread)
{
	if (!reread)
		cxb_h_cdat_read(md);
}

static void region_update(HMemdev *md, unsigned i, const struct wire_dc_region *r)
{
	for (unsigned k = 0; k < md->regions->len; k++) {
		CxbHostRegion *region = cxb_h_region(md, k);

		if (!region->is_static && region->region == i && region->dpa == le64_get(r->base))
			region->block_size = le64_get(r->block_size);
	}
}

static void config_done(HMemdev *md, void *opaque, const HReply *reply)
{
	bool reread = GPOINTER_TO_INT(opaque);
	CxbRd rd = { reply->out, reply->len };
	const struct wire_dc_config_out *out;
	const struct wire_dc_region *r;
	unsigned available, got = 0;

	if (reply->rc != CXB_RC_SUCCESS || !(out = cxb_rd_take(&rd, sizeof(*out)))) {
		cxb_h_say_md(md, "cannot read the dynamic-capacity configuration: %s",
			     cxb_h_reply_text(reply));
		config_end(md, reread);
		return;
	}
	available = MIN(out->available, H_DC_REGIONS);
	for (; got < out->returned && md->dc_regions < available; got++) {
		if (!(r = cxb_rd_take(&rd, sizeof(*r))))
			break;
		if (reread)
			region_update(md, md->dc_regions, r);
		else
			region_learn(md, md->dc_regions, r);
		md->dc_regions++;
	}
	if (got && md->dc_regions < available)
		config_ask(md, reread);
	else
		config_end(md, reread);
}

void cxb_h_config_reread(HMemdev *md)
{
	if (!(md->has & H_HAS_DC_CONFIG))
		return;
	md->dc_regions = 0;
	config_ask(md, true);
}

/* --- static memory (4000h, 4100h) --- */

static void add_static(HMemdev *md)
{
	CxbHostRegion region = { .memdev = md->index, .is_static = true };

	region.len = md->volatile_size;
	if (region.len)
		region_add(md, &region);
	region.dpa = md->volatile_size;
	region.len = md->persistent_size;
	if (region.len)
		region_add(md, &region);
	if (md->has & H_HAS_DC_CONFIG)
		config_ask(md, false);
	else
		cxb_h_done(md);
}

static bool sizes_set(HMemdev *md, uint64_t vol, uint64_t pers)
{
	const uint64_t most = H_MAX_BAR * 0x100 / WIRE_CAPACITY_UNIT;

	if (vol > most || pers > most)
		return false;
	md->volatile_size = vol * WIRE_CAPACITY_UNIT;
	md->persistent_size = pers * WIRE_CAPACITY_UNIT;
	return true;
}

static void partition_done(HMemdev *md, void *unused, const HReply *reply)
{
	const struct wire_partition_info *p = (const void *)reply->out;

	if (reply->rc != CXB_RC_SUCCESS || reply->len < sizeof(*p) ||
	    !sizes_set(md, le64_get(p->active_volatile), le64_get(p->active_persistent))) {
		cxb_h_memdev_fail(md, "Get Partition Info: %s", cxb_h_reply_text(reply));
		return;
	}
	add_static(md);
}

static void identify_done(HMemdev *md, void *unused, const HReply *reply)
{
	const struct wire_identify_memdev *id = (const void *)reply->out;

	/* CXL 2.0 ends before the size of the dynamic-capacity log. */
	if (reply->rc != CXB_RC_SUCCESS ||
	    reply->len < offsetof(struct wire_identify_memdev, dc_event_log_size)) {
		cxb_h_memdev_fail(md, "Identify Memory Device: %s", cxb_h_reply_text(reply));
		return;
	}
	for (unsigned i = 0; i < 16 && id->fw_revision[i]; i++)
		md->firmware[i] = g_ascii_isprint(id->fw_revision[i]) ? id->fw_revision[i] : '?';
	if (le64_get(id->partition_align) && (md->has & H_HAS_PARTITION)) {
		cxb_h_mbox(md, CXB_OP_GET_PARTITION, NULL, 0, partition_done, NULL);
	} else if (sizes_set(md, le64_get(id->volatile_only), le64_get(id->persistent_only))) {
		add_static(md);
	} else {
		cxb_h_memdev_fail(md, "says it is larger than can be");
	}
}

static void timestamp_done(HMemdev *md, void *unused, const HReply *reply)
{
	if (reply->rc != CXB_RC_SUCCESS)
		cxb_h_say_md(md, "Set Timestamp: %s", cxb_h_reply_text(reply));
	cxb_h_mbox(md, CXB_OP_IDENTIFY_MEMDEV, NULL, 0, identify_done, NULL);
}

/* --- command effects log --- */

static void cel_end(HMemdev *md)
{
	struct wire_timestamp now = { le64_put((uint64_t)g_get_real_time() * 1000) };

	if (md->has & H_HAS_TIMESTAMP)
		cxb_h_mbox(md, CXB_OP_SET_TIMESTAMP, &now, sizeof(now), timestamp_done, NULL);
	else
		cxb_h_mbox(md, CXB_OP_IDENTIFY_MEMDEV, NULL, 0, identify_done, NULL);
}

static void cel_done(HMemdev *md, void *unused, const HReply *reply);

static void cel_ask(HMemdev *md)
{
	struct wire_get_log_in in = {
		.uuid = wire_uuid_cel,
		.offset = le32_put(md->cel_at),
		.length = le32_put(MIN(md->cel_size - md->cel_at, md->payload)),
	};

	if (md->cel_at == md->cel_size)
		cel_end(md);
	else
		cxb_h_mbox(md, CXB_OP_GET_LOG, &in, sizeof(in), cel_done, NULL);
}

static void cel_done(HMemdev *md, void *unused, const HReply *reply)
{
	CxbRd rd = { reply->out, reply->len };
	const struct wire_cel_entry *e;

	if (reply->rc != CXB_RC_SUCCESS || reply->len < sizeof(*e)) {
		cxb_h_memdev_fail(md, "cannot read the command effects log: %s",
				  cxb_h_reply_text(reply));
		return;
	}
	rd.left = MIN(rd.left, md->cel_size - md->cel_at);
	while ((e = cxb_rd_take(&rd, sizeof(*e)))) {
		md->cel_at += sizeof(*e);
		for (unsigned i = 0; i < G_N_ELEMENTS(wanted); i++)
			if (wanted[i].opcode == le16_get(e->opcode))
				md->has |= wanted[i].bit;
	}
	cel_ask(md);
}

static void logs_done(HMemdev *md, void *unused, const HReply *reply)
{
	CxbRd rd = { reply->out, reply->len };
	const struct wire_supported_logs_out *out;
	const struct wire_log_entry *e;

	if (reply->rc != CXB_RC_SUCCESS || !(out = cxb_rd_take(&rd, sizeof(*out)))) {
		cxb_h_memdev_fail(md, "Get Supported Logs: %s", cxb_h_reply_text(reply));
		return;
	}
	for (unsigned i = 0; i < le16_get(out->count); i++) {
		if (!(e = cxb_rd_take(&rd, sizeof(*e))))
			break;
		if (cxb_uuid_equal(&e->uuid, &wire_uuid_cel))
			md->cel_size = MIN(le32_get(e->size), MAX_CEL) & ~3u;
	}
	if (!md->cel_size)
		cxb_h_memdev_fail(md, "has no command effects log");
	else
		cel_ask(md);
}

/* --- waiting for media and mailbox (8.2.8.5.1.1) --- */

static void ready_check(void *opaque)
{
	HMemdev *md = opaque;
	uint64_t status = cxb_h_read64(md->host, md->memdev_status);
	int64_t now = cxb_h_now(md->host);

	if (status != UINT64_MAX && (status & WIRE_MEMDEV_MBOX_READY) &&
	    FIELD_GET(WIRE_MEMDEV_MEDIA, status) == WIRE_MEDIA_READY &&
	    !(status & (WIRE_MEMDEV_FATAL | WIRE_MEMDEV_FW_HALT))) {
		g_clear_pointer(&md->timer, cxb_timer_free);
		cxb_h_mbox(md, CXB_OP_GET_SUPPORTED_LOGS, NULL, 0, logs_done, NULL);
		return;
	}
	if (now >= md->deadline) {
		cxb_h_memdev_fail(md, "not ready, status 0x%" PRIx64, status);
		return;
	}
	if (!md->timer)
		md->timer = cxb_timer_new(md->host->config.clock, ready_check, md);
	cxb_timer_arm(md->timer, MIN(now + md->backoff, md->deadline));
	md->backoff = MIN(md->backoff * 2, 1000 * H_MS);
}

void cxb_h_probe(HMemdev *md)
{
	if (!md->func->dev || !cxb_h_mbox_setup(md)) {
		cxb_h_memdev_fail(md, "no usable device registers");
		return;
	}
	md->deadline = cxb_h_now(md->host) + H_READY_TIMEOUT_NS;
	md->backoff = READY_POLL_NS;
	ready_check(md);
}

/* --- extents accepted before (4801h) --- */

static void list_done(HMemdev *md, void *unused, const HReply *reply);

static void list_ask(HMemdev *md)
{
	struct wire_dc_list_in in = {
		.count = le32_put((md->payload - sizeof(struct wire_dc_list_out)) /
				  sizeof(struct wire_dc_extent)),
		.start = le32_put(md->list->len),
	};

	cxb_h_mbox(md, CXB_OP_GET_DC_EXTENTS, &in, sizeof(in), list_done, NULL);
}

static void list_end(HMemdev *md, const char *wrong)
{
	if (wrong)
		cxb_h_say_md(md, "extent list: %s", wrong);
	for (unsigned i = 0; i < md->list->len; i++)
		cxb_h_take_over(md, &g_array_index(md->list, struct wire_dc_extent, i));
	g_clear_pointer(&md->list, g_array_unref);
	cxb_h_events_start(md);
}

static void list_done(HMemdev *md, void *unused, const HReply *reply)
{
	CxbRd rd = { reply->out, reply->len };
	const struct wire_dc_list_out *out;
	const struct wire_dc_extent *e;
	uint32_t total, generation;

	if (reply->rc != CXB_RC_SUCCESS || !(out = cxb_rd_take(&rd, sizeof(*out)))) {
		list_end(md, cxb_h_reply_text(reply));
		return;
	}
	total = le32_get(out->total);
	generation = le32_get(out->generation);
	if (md->list->len && (total != md->list_total || generation != md->list_generation)) {
		/* It changed while we read. */
		g_array_set_size(md->list, 0);
		if (++md->list_tries == LIST_TRIES)
			list_end(md, "does not stand still");
		else
			list_ask(md);
		return;
	}
	md->list_total = total;
	md->list_generation = generation;
	for (unsigned i = 0; i < le32_get(out->returned) && md->list->len < total; i++) {
		if (!(e = cxb_rd_take(&rd, sizeof(*e)))) {
			list_end(md, "shorter than it says");
			return;
		}
		g_array_append_val(md->list, *e);
	}
	if (md->list->len >= total)
		list_end(md, NULL);
	else if (!le32_get(out->returned) || total > MAX_LIST)
		list_end(md, "does not end");
	else
		list_ask(md);
}

void cxb_h_attach(HMemdev *md)
{
	if (!(md->has & H_HAS_DC_LIST)) {
		cxb_h_events_start(md);
		return;
	}
	md->list = g_array_new(false, false, sizeof(struct wire_dc_extent));
	list_ask(md);
}
