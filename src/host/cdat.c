/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which dynamic-capacity regions are sharable: CDAT says so (CXL 3.1 8.1.11), in the DSMAS that
 * a region names. It is read entry by entry through the one of the function's DOE mailboxes (PCIe
 * 6.0 6.30) that knows table access. One data object a step; what cannot be read makes no region
 * sharable and fails nothing else.
 */
#include <string.h>

#include "base/rdwr.h"
#include "priv.h"
#include "wire/cdat.h"
#include "wire/pci.h"

#define DOE_CTRL   0x08
#define DOE_STATUS 0x0c
#define DOE_WRITE  0x10
#define DOE_READ   0x14

#define DOE_ABORT (1u << 0)
#define DOE_GO    (1u << 31)
#define DOE_BUSY  (1u << 0)
#define DOE_ERROR (1u << 2)
#define DOE_READY (1u << 31)

#define OBJECT(vendor, type) ((vendor) | (uint32_t)(type) << 16)
#define OBJECT_LEN           0x3ffffu
#define DISCOVERY            OBJECT(1, 0)
#define TABLE_ACCESS         OBJECT(WIRE_CXL_VENDOR_ID, WIRE_DOE_TABLE_ACCESS)

#define HEADER      3    /* dwords in front of an entry */
#define MAX_ENTRY   4096 /* bytes */
#define MAX_TABLE   0x10000u
#define FIRST_POLL  (H_MS / 10)
#define SLOWEST     (50 * H_MS)
#define N_PROTOCOLS 256

enum step { ABORT, DISCOVER, READ };

struct HCdat {
	enum step step;
	unsigned doe; /* which of the function's */
	unsigned asked;
	CxbTimer *timer;
	int64_t deadline, backoff;
	/* the table */
	bool begun;
	uint32_t left; /* bytes to come */
	uint8_t sum;
	bool sharable[256]; /* by handle of the DSMAS */
	le32 answer[HEADER + MAX_ENTRY / 4];
};

static uint32_t get(HMemdev *md, unsigned reg)
{
	return cxb_h_cfg(md->host, md->func->pub.bdf, md->func->doe[md->cdat->doe] + reg, 4);
}

static void set(HMemdev *md, unsigned reg, uint32_t val)
{
	cxb_h_cfg_write(md->host, md->func->pub.bdf, md->func->doe[md->cdat->doe] + reg, 4, val);
}

static void cdat_work(void *opaque);

static void begin(HMemdev *md, enum step step, uint32_t ctrl)
{
	HCdat *c = md->cdat;

	c->step = step;
	set(md, DOE_CTRL, ctrl);
	c->deadline = cxb_h_now(md->host) + H_DOE_TIMEOUT_NS;
	c->backoff = FIRST_POLL;
	cxb_workq_post(md->host->config.workq, cdat_work, md);
}

static void ask(HMemdev *md, enum step step, uint32_t object, uint32_t what)
{
	set(md, DOE_WRITE, object);
	set(md, DOE_WRITE, HEADER);
	set(md, DOE_WRITE, what);
	begin(md, step, DOE_GO);
}

void cxb_h_cdat_fini(HMemdev *md)
{
	HCdat *c = g_steal_pointer(&md->cdat);

	if (!c)
		return;
	cxb_workq_cancel(md->host->config.workq, cdat_work, md);
	cxb_timer_free(c->timer);
	g_free(c);
}

static void end(HMemdev *md, const char *wrong)
{
	if (wrong)
		cxb_h_say_md(md, "CDAT: %s: no region is taken for sharable", wrong);
	cxb_h_cdat_fini(md);
	cxb_h_done(md);
}

/* Whatever somebody left in it goes. */
static void open_doe(HMemdev *md)
{
	if (md->cdat->doe == md->func->n_does) {
		end(md, "the device has none");
		return;
	}
	md->cdat->asked = 0;
	begin(md, ABORT, DOE_ABORT);
}

/* --- the table --- */

static void good(HMemdev *md)
{
	for (unsigned i = 0; i < md->dc_regions; i++)
		if (md->cdat->sharable[md->dsmas[i]])
			md->sharable |= 1u << i;
	end(md, NULL);
}

static const char *take_header(HCdat *c, const uint8_t *entry, size_t len)
{
	const struct wire_cdat *head = (const void *)entry;
	const uint32_t size = len == sizeof(*head) ? le32_get(head->length) : 0;

	if (size < sizeof(*head) || size > MAX_TABLE)
		return "its header is wrong";
	c->begun = true;
	c->left = size - sizeof(*head);
	return NULL;
}

static const char *take_struct(HCdat *c, const uint8_t *entry, size_t len)
{
	const struct wire_cdat_struct *head = (const void *)entry;
	const struct wire_dsmas *dsmas = (const void *)entry;

	if (len < sizeof(*head) || len != le16_get(head->length) || len > c->left)
		return "a structure is of a wrong length";
	c->left -= len;
	if (head->type == WIRE_CDAT_DSMAS && len >= sizeof(*dsmas))
		c->sharable[dsmas->handle] = dsmas->flags & WIRE_DSMAS_SHARABLE;
	return NULL;
}

static void entry_read(HMemdev *md, size_t dwords)
{
	HCdat *c = md->cdat;
	const struct wire_cdat_access *access = (const void *)&c->answer[HEADER - 1];
	const uint8_t *entry = (const void *)&c->answer[HEADER];
	const size_t len = (dwords - HEADER) * 4;
	const uint16_t next = le16_get(access->handle);
	const char *wrong;

	if (access->code || access->table) {
		end(md, "what was read is no table entry");
		return;
	}
	wrong = c->begun ? take_struct(c, entry, len) : take_header(c, entry, len);
	for (size_t i = 0; !wrong && i < len; i++)
		c->sum += entry[i];
	if (!wrong && next == WIRE_CDAT_LAST && (c->left || c->sum))
		wrong = c->left ? "it ends too early" : "its checksum is wrong";
	if (wrong)
		end(md, wrong);
	else if (next == WIRE_CDAT_LAST)
		good(md);
	else if (!c->left)
		end(md, "it is longer than it says");
	else
		ask(md, READ, TABLE_ACCESS, (uint32_t)next << 16);
}

static void discovered(HMemdev *md)
{
	const uint32_t answer = le32_get(md->cdat->answer[HEADER - 1]);

	if ((answer & 0xffffff) == TABLE_ACCESS) {
		ask(md, READ, TABLE_ACCESS, 0);
	} else if (answer >> 24 && ++md->cdat->asked < N_PROTOCOLS) {
		ask(md, DISCOVER, DISCOVERY, answer >> 24);
	} else {
		md->cdat->doe++;
		open_doe(md);
	}
}

/* --- data objects --- */

/* Into answer[]; its dwords, 0 if it is none that can be. */
static size_t take_answer(HMemdev *md)
{
	HCdat *c = md->cdat;
	size_t n = HEADER;

	for (size_t i = 0; i < n; i++) {
		const uint32_t word = get(md, DOE_READ);

		c->answer[i] = le32_put(word);
		set(md, DOE_READ, 0);
		if (i != 1)
			continue;
		n = word & OBJECT_LEN;
		if (n < HEADER || n > G_N_ELEMENTS(c->answer))
			return 0;
	}
	return n;
}

static void advance(HMemdev *md);

static void cdat_timer(void *opaque)
{
	advance(opaque);
}

static void wait(HMemdev *md)
{
	HCdat *c = md->cdat;
	const int64_t now = cxb_h_now(md->host);

	if (now >= c->deadline) {
		end(md, "no answer within 1 s");
		return;
	}
	if (!c->timer)
		c->timer = cxb_timer_new(md->host->config.clock, cdat_timer, md);
	cxb_timer_arm(c->timer, MIN(now + c->backoff, c->deadline));
	c->backoff = MIN(c->backoff * 2, SLOWEST);
}

static void advance(HMemdev *md)
{
	const enum step step = md->cdat->step;
	const uint32_t status = get(md, DOE_STATUS);
	size_t n;

	if (status == UINT32_MAX)
		end(md, "nothing answers");
	else if ((status & DOE_BUSY) || (step == ABORT && (status & (DOE_READY | DOE_ERROR))))
		wait(md);
	else if (step == ABORT)
		ask(md, DISCOVER, DISCOVERY, 0);
	else if (!(status & DOE_READY) || (status & DOE_ERROR))
		end(md, "a request was refused");
	else if (!(n = take_answer(md)))
		end(md, "an answer is of a wrong length");
	else if (step == DISCOVER)
		discovered(md);
	else
		entry_read(md, n);
}

static void cdat_work(void *opaque)
{
	advance(opaque);
}

void cxb_h_cdat_read(HMemdev *md)
{
	if (!md->dc_regions) {
		cxb_h_done(md);
		return;
	}
	md->cdat = g_new0(HCdat, 1);
	open_doe(md);
}
