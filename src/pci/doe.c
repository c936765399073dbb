/* SPDX-License-Identifier: Apache-2.0 */
/* Data object exchange (PCIe 6.0 6.30, 7.9.24). */
#include "pci/doe.h"

#include "internal.h"

#define OBJ_DWORDS_MAX   (1u << 18)
#define DISCOVERY_DWORDS 3
#define DISCOVERY_NONE   0xffff /* vendor of an index that does not exist */

enum state { IDLE, BUSY, READY, FAILED, STATES };
/* WRITE: a dword of a request; GO; ANSWERED, DROPPED: a handler has ended; NEXT, LAST: a dword of
 * the answer was read and there are more, or not; ABORT, which is also a reset. */
enum event { WRITE, OVERFLOW, GO, ANSWERED, DROPPED, NEXT, LAST, ABORT, EVENTS };

/* clang-format off */
static const uint8_t next_state[STATES][EVENTS] = {
	/*           WRITE   OVERFLOW GO      ANSWERED DROPPED NEXT    LAST    ABORT */
	[IDLE]   = { IDLE,   FAILED,  BUSY,   IDLE,    IDLE,   IDLE,   IDLE,   IDLE },
	[BUSY]   = { FAILED, FAILED,  FAILED, READY,   IDLE,   BUSY,   BUSY,   IDLE },
	[READY]  = { FAILED, FAILED,  FAILED, READY,   READY,  READY,  IDLE,   IDLE },
	[FAILED] = { FAILED, FAILED,  FAILED, FAILED,  FAILED, FAILED, FAILED, IDLE },
};
/* clang-format on */

static const char *const state_name[STATES] = { "idle", "busy", "ready", "error" };
static const char *const event_name[EVENTS] = { "write",   "overflow", "go",   "answered",
						"dropped", "next",     "last", "abort" };

CXB_TRACE(pci_doe_state, (const char *dev, const char *from, const char *event, const char *to),
	  "%s: %s, %s -> %s", dev, from, event, to)
CXB_TRACE(pci_doe_object, (const char *dev, uint32_t id, uint32_t dwords, const char *what),
	  "%s: object %08x of %u dwords %s", dev, id, dwords, what)

struct CxbDoe {
	CxbPciDev *dev;
	uint16_t cap;
	int vector;
	void *opaque;
	CxbDoeProtocol *protocols;
	unsigned n;
	enum state state;
	bool running;    /* a handler, also after an abort */
	uint8_t part[4]; /* request dword under construction */
	uint32_t *req;   /* dwords in wire order */
	uint32_t req_len, req_max;
	uint32_t *resp;
	uint32_t resp_len, resp_max, resp_at;
};

static const char *dev_name(const CxbDoe *doe)
{
	return doe->dev->dev.obj.type->name;
}

/* Registers follow the state. */
static void show(CxbDoe *doe)
{
	static const uint32_t bit[STATES] = {
		[BUSY] = PCIE_DOE_STA_BUSY,
		[READY] = PCIE_DOE_STA_READY,
		[FAILED] = PCIE_DOE_STA_ERROR,
	};
	const unsigned sta = doe->cap + PCIE_DOE_STA;
	const uint32_t irq = cfg_get(doe->dev, sta, 4) & PCIE_DOE_STA_INT;

	cfg_put(doe->dev, sta, 4, bit[doe->state] | irq);
	cfg_put(doe->dev, doe->cap + PCIE_DOE_READ, 4,
		doe->state == READY ? GUINT32_FROM_LE(doe->resp[doe->resp_at]) : 0);
}

static void drop_request(CxbDoe *doe)
{
	doe->req_len = 0;
	memset(doe->part, 0, sizeof(doe->part));
}

/* The one place that changes the state. */
static void step(CxbDoe *doe, enum event event)
{
	const enum state from = doe->state, to = next_state[from][event];

	doe->state = to;
	if (to != from)
		trace_pci_doe_state(dev_name(doe), state_name[from], event_name[event],
				    state_name[to]);
	if (to == FAILED && from != FAILED)
		cxb_guest_error("pci: %s: DOE: %s while %s", dev_name(doe), event_name[event],
				state_name[from]);
	if (to != BUSY && (from == BUSY || event == ABORT))
		drop_request(doe);
	if (to != READY)
		doe->resp_len = doe->resp_at = 0;
	show(doe);
	if (to != from && (to == READY || to == FAILED)) {
		const unsigned sta = doe->cap + PCIE_DOE_STA;
		const uint32_t was = cfg_get(doe->dev, sta, 4);

		if (doe->vector == CXB_DOE_NO_VECTOR || (was & PCIE_DOE_STA_INT) ||
		    !(cfg_get(doe->dev, doe->cap + PCIE_DOE_CTL, 4) & PCIE_DOE_CTL_INT_EN))
			return;
		cfg_put(doe->dev, sta, 4, was | PCIE_DOE_STA_INT);
		/* Last: the message may come back as a write to these registers. */
		cxb_pci_notify(doe->dev, doe->vector);
	}
}

static bool discover(const CxbDoe *doe, CxbRd *in, CxbWr *out)
{
	const le32 *req = cxb_rd_take(in, sizeof(*req));
	le32 *resp = cxb_wr_room(out, sizeof(*resp));
	unsigned index;

	if (!req || !resp)
		return false;
	index = le32_get(*req) & 0xff;
	if (index >= doe->n) {
		*resp = le32_put(DISCOVERY_NONE);
		return true;
	}
	*resp = le32_put(doe->protocols[index].vendor | (uint32_t)doe->protocols[index].type << 16 |
			 (index + 1 < doe->n ? (index + 1) << 24 : 0));
	return true;
}

static const CxbDoeProtocol *find_protocol(const CxbDoe *doe, uint32_t id)
{
	for (unsigned i = 0; i < doe->n; i++)
		if (FIELD_GET(PCIE_DOE_OBJ_VENDOR, id) == doe->protocols[i].vendor &&
		    FIELD_GET(PCIE_DOE_OBJ_TYPE, id) == doe->protocols[i].type)
			return &doe->protocols[i];
	return NULL;
}

/* Handle the request; false if there is no answer. */
static bool answer(CxbDoe *doe)
{
	const uint32_t head = CXB_DOE_HEADER_DWORDS;
	const CxbDoeProtocol *p;
	uint32_t id, len;
	CxbRd in;
	CxbWr out;

	if (doe->req_len < head) {
		cxb_guest_error("pci: %s: DOE: object of %u dwords dropped", dev_name(doe),
				doe->req_len);
		return false;
	}
	id = GUINT32_FROM_LE(doe->req[0]);
	len = FIELD_GET(PCIE_DOE_OBJ_LEN, GUINT32_FROM_LE(doe->req[1])) ?: OBJ_DWORDS_MAX;
	p = find_protocol(doe, id);
	if (!p || len != doe->req_len || len > p->max_request) {
		cxb_guest_error("pci: %s: DOE: object %08x of %u dwords, %u written: dropped",
				dev_name(doe), id, len, doe->req_len);
		return false;
	}
	in = (CxbRd){ (const uint8_t *)(doe->req + head), (len - head) * 4 };
	out = (CxbWr){ (uint8_t *)(doe->resp + head), 0, (p->max_response - head) * 4 };
	memset(doe->resp, 0, doe->resp_max * 4);
	if (!(p->handle ? p->handle(doe->opaque, &in, &out) : discover(doe, &in, &out))) {
		trace_pci_doe_object(dev_name(doe), id, len, "dropped");
		return false;
	}
	doe->resp_len = head + (out.len + 3) / 4;
	doe->resp[0] = GUINT32_TO_LE(id & (PCIE_DOE_OBJ_VENDOR | PCIE_DOE_OBJ_TYPE));
	doe->resp[1] = GUINT32_TO_LE(doe->resp_len & PCIE_DOE_OBJ_LEN);
	trace_pci_doe_object(dev_name(doe), id, len, "answered");
	return true;
}

static void go(CxbDoe *doe)
{
	bool answered;

	/* An aborted handler that has not returned still uses the buffers: there is no room. */
	step(doe, doe->running && doe->state == IDLE ? OVERFLOW : GO);
	if (doe->running || doe->state != BUSY)
		return;
	doe->running = true;
	answered = answer(doe);
	doe->running = false;
	if (doe->state == BUSY)
		step(doe, answered ? ANSWERED : DROPPED);
	else
		doe->resp_len = 0;
}

static void append(CxbDoe *doe)
{
	const bool fits = doe->req_len < doe->req_max;
	uint32_t dword;

	memcpy(&dword, doe->part, sizeof(dword));
	memset(doe->part, 0, sizeof(doe->part));
	if (fits && doe->state == IDLE)
		doe->req[doe->req_len++] = dword;
	step(doe, fits ? WRITE : OVERFLOW);
}

/* The byte at @off as the write gave it; 0 outside of it. */
static uint8_t written(const CxbCfgWrite *w, unsigned off)
{
	return cfg_touches(w, off, 1) ? w->val >> (8 * (off - w->off)) : 0;
}

void doe_config_written(CxbPciDev *dev, const CxbCfgWrite *w)
{
	CxbDoe *doe = dev->doe;
	unsigned ctl, wr;

	if (!doe || !cfg_touches(w, doe->cap, PCIE_DOE_LEN))
		return;
	ctl = doe->cap + PCIE_DOE_CTL;
	wr = doe->cap + PCIE_DOE_WRITE;
	/* Writes are aligned, so one concerns one register. */
	if (cfg_touches(w, ctl, 4)) {
		if (written(w, ctl) & PCIE_DOE_CTL_ABORT)
			step(doe, ABORT);
		else if (written(w, ctl + 3) & PCIE_DOE_CTL_GO >> 24)
			go(doe);
	} else if (cfg_touches(w, wr, 4)) {
		for (unsigned i = 0; i < 4; i++)
			if (cfg_touches(w, wr + i, 1))
				doe->part[i] = written(w, wr + i);
		if (cfg_touches(w, wr + 3, 1))
			append(doe);
	} else if (cfg_touches(w, doe->cap + PCIE_DOE_READ, 1)) {
		if (doe->state == READY && doe->resp_at + 1 < doe->resp_len) {
			doe->resp_at++;
			step(doe, NEXT);
		} else {
			step(doe, LAST);
		}
	}
}

void doe_reset(CxbPciDev *dev)
{
	if (dev->doe)
		step(dev->doe, ABORT); /* the registers are reset already */
}

void doe_free(CxbPciDev *dev)
{
	CxbDoe *doe = g_steal_pointer(&dev->doe);

	if (!doe)
		return;
	g_free(doe->protocols);
	g_free(doe->req);
	g_free(doe->resp);
	g_free(doe);
}

uint16_t cxb_doe_init(CxbPciDev *dev, uint16_t off, const CxbDoeProtocol *protocols, unsigned n,
		      int vector, void *opaque)
{
	CxbDoe *doe = g_new0(CxbDoe, 1);

	g_assert(!dev->doe && n < 0xff);
	g_assert(vector == CXB_DOE_NO_VECTOR || (vector >= 0 && vector < 1 << 11));
	doe->dev = dev;
	doe->vector = vector;
	doe->opaque = opaque;
	doe->n = n + 1;
	doe->protocols = g_new0(CxbDoeProtocol, doe->n);
	doe->protocols[0] = (CxbDoeProtocol){
		.vendor = PCIE_DOE_VENDOR_SIG,
		.type = PCIE_DOE_DISCOVERY,
		.max_request = DISCOVERY_DWORDS,
		.max_response = DISCOVERY_DWORDS,
	};
	for (unsigned i = 0; i < n; i++) {
		g_assert(protocols[i].handle);
		doe->protocols[i + 1] = protocols[i];
	}
	for (unsigned i = 0; i < doe->n; i++) {
		const CxbDoeProtocol *p = &doe->protocols[i];

		g_assert(MIN(p->max_request, p->max_response) >= CXB_DOE_HEADER_DWORDS);
		g_assert(MAX(p->max_request, p->max_response) <= OBJ_DWORDS_MAX);
		doe->req_max = MAX(doe->req_max, p->max_request);
		doe->resp_max = MAX(doe->resp_max, p->max_response);
	}
	doe->req = g_new0(uint32_t, doe->req_max);
	doe->resp = g_new0(uint32_t, doe->resp_max);
	doe->cap = off = cxb_pcie_add_ext_cap(dev, PCI_EXT_DOE, 1, off, PCIE_DOE_LEN);
	if (vector != CXB_DOE_NO_VECTOR)
		cfg_put(dev, off + PCIE_DOE_CAP, 4,
			PCIE_DOE_CAP_INT | FIELD_PREP(PCIE_DOE_CAP_VECTOR, vector));
	cfg_reg(dev, off + PCIE_DOE_CTL, 4, 0,
		vector == CXB_DOE_NO_VECTOR ? 0 : PCIE_DOE_CTL_INT_EN, 0);
	cfg_reg(dev, off + PCIE_DOE_STA, 4, 0, 0, PCIE_DOE_STA_INT);
	dev->doe = doe;
	return off;
}
