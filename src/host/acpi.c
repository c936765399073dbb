/* SPDX-License-Identifier: Apache-2.0 */
/* ACPI tables: RSDP, XSDT, MCFG (ACPI 6.5 5.2.5), CEDT (CXL 3.1 9.18.1). Nothing is trusted. */
#include <inttypes.h>

#include "base/error.h"
#include "base/range.h"
#include "base/rdwr.h"
#include "priv.h"
#include "wire/acpi.h"

#define MAX_WINDOWS   256
#define MAX_RSDP_AREA (16 * H_MIB)

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s += *p++;
	return s;
}

static bool rsdp_good(const struct wire_rsdp *rsdp)
{
	return memcmp(rsdp->signature, WIRE_RSDP_SIGNATURE, 8) == 0 &&
	       sum((const uint8_t *)rsdp, WIRE_RSDP_V1_SIZE) == 0 && rsdp->revision >= 2 &&
	       le32_get(rsdp->length) == sizeof(*rsdp) &&
	       sum((const uint8_t *)rsdp, sizeof(*rsdp)) == 0;
}

/* Searching goes on behind one whose checksums are wrong. */
static bool rsdp_find(CxbHost *host, uint64_t *xsdt, GError **errp)
{
	CxbBusRange area = host->bus->ops->platform(host->bus)->rsdp_area;
	g_autofree uint8_t *buf = NULL;

	if (!cxb_range_valid(area.base, area.size))
		return cxb_fail(errp, CXB_ERROR_NOT_FOUND, "the machine has no area for an RSDP");
	area.size = MIN(area.size, MAX_RSDP_AREA);
	buf = g_try_malloc(area.size);
	if (!buf || !cxb_h_read(host, area.base, buf, area.size))
		return cxb_fail(errp, CXB_ERROR_NOT_FOUND, "cannot read the RSDP area");
	for (uint64_t at = 0; cxb_range_in(at, sizeof(struct wire_rsdp), area.size); at += 16) {
		const struct wire_rsdp *rsdp = (const void *)(buf + at);

		if (!rsdp_good(rsdp))
			continue;
		*xsdt = le64_get(rsdp->xsdt);
		return true;
	}
	return cxb_fail(errp, CXB_ERROR_NOT_FOUND,
			"no RSDP with good checksums at 0x%" PRIx64 "-0x%" PRIx64, area.base,
			area.base + area.size - 1);
}

/* A whole table whose length and checksum are right. Caller frees. */
static uint8_t *table_read(CxbHost *host, uint64_t at, const char *name, size_t min, size_t *len,
			   GError **errp)
{
	struct wire_acpi_header hdr;
	g_autofree uint8_t *buf = NULL;

	if (!cxb_range_valid(at, sizeof(hdr)) || !cxb_h_read(host, at, &hdr, sizeof(hdr)) ||
	    memcmp(hdr.signature, name, 4) != 0) {
		cxb_fail(errp, CXB_ERROR_NOT_FOUND, "no %s at 0x%" PRIx64, name, at);
		return NULL;
	}
	*len = le32_get(hdr.length);
	if (*len < min || *len > H_MAX_TABLE || !cxb_range_valid(at, *len)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "%s has length 0x%zx", name, *len);
		return NULL;
	}
	buf = g_try_malloc(*len);
	if (!buf || !cxb_h_read(host, at, buf, *len)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "cannot read %s", name);
		return NULL;
	}
	if (sum(buf, *len)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "%s has a wrong checksum", name);
		return NULL;
	}
	return g_steal_pointer(&buf);
}

static void mcfg_parse(CxbHost *host, uint64_t at)
{
	g_autoptr(GError) err = NULL;
	size_t len;
	g_autofree uint8_t *buf =
		table_read(host, at, "MCFG", sizeof(struct wire_mcfg), &len, &err);
	const struct wire_mcfg_entry *e;
	CxbRd rd;

	if (!buf) {
		cxb_h_say(host, "%s: ignored", err->message);
		return;
	}
	rd = (CxbRd){ buf + sizeof(struct wire_mcfg), len - sizeof(struct wire_mcfg) };
	while ((e = cxb_rd_take(&rd, sizeof(*e)))) {
		uint64_t base = le64_get(e->base);

		if (le16_get(e->segment) || e->first_bus || !cxb_range_valid(base, 256 * H_MIB))
			continue;
		host->ecam_base = base;
		host->ecam_size = (e->last_bus + 1ull) * H_MIB;
		host->mcfg_last_bus = e->last_bus;
		return;
	}
}

static void chbs_parse(CxbHost *host, const struct wire_cedt_chbs *chbs)
{
	uint32_t uid = le32_get(chbs->uid);
	uint64_t base = le64_get(chbs->base), len = le64_get(chbs->length);

	if (uid > 255) {
		cxb_h_say(host, "CEDT: host bridge %u cannot be a bus number: ignored", uid);
	} else if (le32_get(chbs->version) != 1) {
		cxb_h_say(host, "CEDT: host bridge %u is CXL 1.1: ignored", uid);
	} else if (!base || base % 0x10000 || len < 0x10000 || !cxb_range_valid(base, len)) {
		cxb_h_say(host,
			  "CEDT: host bridge %u has registers at 0x%" PRIx64 "+0x%" PRIx64
			  ": ignored",
			  uid, base, len);
	} else {
		cxb_h_root_add(host, uid, true, base);
	}
}

static unsigned ways_decode(uint8_t iw)
{
	if (iw <= 4)
		return 1u << iw;
	if (iw >= 8 && iw <= 10)
		return 3u << (iw - 8);
	return 0;
}

static const char *window_wrong(CxbHost *host, const struct wire_cedt_cfmws *w, size_t len)
{
	uint64_t base = le64_get(w->base), size = le64_get(w->size);
	unsigned ways = ways_decode(w->iw);

	if (!ways || len < sizeof(*w) + 4 * ways)
		return "targets do not fit";
	if (le32_get(w->ig) > 6)
		return "reserved granularity";
	if (w->arithmetic > WIRE_CFMWS_XOR)
		return "unknown arithmetic";
	if (base % H_HDM_UNIT || size % H_HDM_UNIT || !cxb_range_valid(base, size))
		return "base or size is not a multiple of 256 MiB";
	for (unsigned i = 0; i < host->windows->len; i++) {
		const CxbHostWindow *o = &g_array_index(host->windows, HWindow, i).pub;

		if (cxb_ranges_overlap(base, size, o->base, o->size))
			return "overlaps another";
	}
	return host->windows->len >= MAX_WINDOWS ? "too many" : NULL;
}

static void cfmws_parse(CxbHost *host, const struct wire_cedt_cfmws *w, size_t len)
{
	const char *wrong = window_wrong(host, w, len);
	HWindow win = { 0 };

	if (wrong) {
		cxb_h_say(host, "CEDT: window at 0x%" PRIx64 ": %s: ignored", le64_get(w->base),
			  wrong);
		return;
	}
	win.pub = (CxbHostWindow){
		.base = le64_get(w->base),
		.size = le64_get(w->size),
		.granularity = 256u << le32_get(w->ig),
		.ways = ways_decode(w->iw),
		.restrictions = le16_get(w->restrictions),
	};
	win.targets = g_new(uint32_t, win.pub.ways);
	for (unsigned i = 0; i < win.pub.ways; i++)
		win.targets[i] = le32_get(w->target[i]);
	win.pub.targets = win.targets;
	win.cursor = win.pub.base;
	g_array_append_val(host->windows, win);
}

static bool cedt_parse(CxbHost *host, uint64_t at, GError **errp)
{
	size_t len;
	g_autofree uint8_t *buf =
		table_read(host, at, "CEDT", sizeof(struct wire_acpi_header), &len, errp);
	CxbRd rd;

	if (!buf)
		return false;
	rd = (CxbRd){ buf, len };
	cxb_rd_take(&rd, sizeof(struct wire_acpi_header));
	while (rd.left) {
		const struct wire_cedt_header *s = (const void *)rd.p;
		size_t size = rd.left < sizeof(*s) ? 0 : le16_get(s->length);

		if (size < sizeof(*s) || !cxb_rd_take(&rd, size))
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"CEDT: structure at 0x%zx does not fit the table",
					(size_t)(rd.p - buf));
		if (s->type == WIRE_CEDT_CHBS && size >= sizeof(struct wire_cedt_chbs))
			chbs_parse(host, (const void *)s);
		else if (s->type == WIRE_CEDT_CFMWS && size >= sizeof(struct wire_cedt_cfmws))
			cfmws_parse(host, (const void *)s, size);
	}
	return true;
}

/* Keep BARs out of ECAM, whatever the platform says. */
static void ecam_cut(CxbHost *host)
{
	CxbBusRange *r = &host->pci32;
	uint64_t below, above;

	if (!r->size || !host->ecam_size ||
	    !cxb_ranges_overlap(r->base, r->size, host->ecam_base, host->ecam_size))
		return;
	below = host->ecam_base > r->base ? host->ecam_base - r->base : 0;
	above = r->base + r->size > host->ecam_base + host->ecam_size
			? r->base + r->size - (host->ecam_base + host->ecam_size)
			: 0;
	if (above >= below)
		r->base = host->ecam_base + host->ecam_size;
	r->size = MAX(above, below);
}

static CxbBusRange range_checked(CxbBusRange r)
{
	return cxb_range_valid(r.base, r.size) ? r : (CxbBusRange){ 0, 0 };
}

bool cxb_h_acpi(CxbHost *host, GError **errp)
{
	const CxbBusPlatform *platform = host->bus->ops->platform(host->bus);
	uint64_t at, mcfg = 0, cedt = 0;
	g_autofree uint8_t *xsdt = NULL;
	const le64 *entry;
	size_t len;
	CxbRd rd;

	host->pci32 = range_checked(platform->pci32);
	host->pci64 = range_checked(platform->pci64);
	host->mcfg_last_bus = 255;
	if (!rsdp_find(host, &at, errp))
		return false;
	xsdt = table_read(host, at, "XSDT", sizeof(struct wire_acpi_header), &len, errp);
	if (!xsdt)
		return false;
	rd = (CxbRd){ xsdt, MIN(len, 0x10000) };
	cxb_rd_take(&rd, sizeof(struct wire_acpi_header));
	while ((entry = cxb_rd_take(&rd, sizeof(*entry)))) {
		char sig[4];

		at = le64_get(*entry);
		if (!cxb_range_valid(at, sizeof(sig)) || !cxb_h_read(host, at, sig, sizeof(sig)))
			continue;
		if (!mcfg && memcmp(sig, "MCFG", 4) == 0)
			mcfg = at;
		if (!cedt && memcmp(sig, "CEDT", 4) == 0)
			cedt = at;
	}
	if (mcfg)
		mcfg_parse(host, mcfg);
	ecam_cut(host);
	cxb_h_root_add(host, 0, false, 0);
	if (!cedt)
		cxb_h_say(host, "no CEDT: this machine has no CXL");
	else if (!cedt_parse(host, cedt, errp))
		return false;
	return true;
}

void cxb_h_window_clear(HWindow *window)
{
	g_free(window->targets);
}
