/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_machine.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/range.h"
#include "wire/acpi.h"
#include "wire/mbox.h"
#include "wire/pci.h"
#include "wire/rc.h"
#include "wire/regs.h"

#define HDM      0x1200 /* in a component block */
#define MBOX     0x100  /* in the device block */
#define STATUS   0x80
#define MEMDEV   0x90
#define PAYLOAD  512u
#define MSI_ADDR 0xfee00000u

typedef struct {
	CxbBusIrqFn fn;
	void *opaque;
	uint32_t data;
} FakeIrq;

/* --- tables --- */

void fake_fix(FakeMachine *m, uint32_t at)
{
	uint8_t *t = fake_table(m, at), sum = 0;
	uint32_t len = le_load(t + 4, 4);

	t[9] = 0;
	for (uint32_t i = 0; i < len; i++)
		sum += t[i];
	t[9] = -sum;
}

static void table_begin(FakeMachine *m, uint32_t at, const char *sig, uint32_t len)
{
	memcpy(fake_table(m, at), sig, 4);
	le_store(fake_table(m, at) + 4, 4, len);
	fake_table(m, at)[8] = 1;
}

static void tables_write(FakeMachine *m)
{
	uint8_t *rsdp = fake_table(m, FAKE_RSDP), *xsdt = fake_table(m, FAKE_XSDT), sum = 0;
	uint8_t *mcfg = fake_table(m, FAKE_MCFG), *cedt = fake_table(m, FAKE_CEDT);

	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[0x0f] = 2;
	le_store(rsdp + 0x14, 4, 0x24);
	le_store(rsdp + 0x18, 8, FAKE_XSDT);
	for (unsigned i = 0; i < 0x14; i++)
		sum += rsdp[i];
	rsdp[8] = -sum;
	sum = 0;
	for (unsigned i = 0; i < 0x24; i++)
		sum += rsdp[i];
	rsdp[0x20] = -sum;

	table_begin(m, FAKE_XSDT, "XSDT", 0x24 + 16);
	le_store(xsdt + 0x24, 8, FAKE_MCFG);
	le_store(xsdt + 0x2c, 8, FAKE_CEDT);
	fake_fix(m, FAKE_XSDT);

	table_begin(m, FAKE_MCFG, "MCFG", 0x3c);
	le_store(mcfg + 0x2c, 8, 0xb0000000);
	mcfg[0x37] = 255;
	fake_fix(m, FAKE_MCFG);

	table_begin(m, FAKE_CEDT, "CEDT", 0x24 + 0x20 + 0x28);
	le_store(cedt + 0x26, 2, 0x20); /* CHBS */
	le_store(cedt + 0x28, 4, FAKE_BUS);
	le_store(cedt + 0x2c, 4, 1);
	le_store(cedt + 0x34, 8, FAKE_CHBS);
	le_store(cedt + 0x3c, 8, 0x10000);
	cedt[0x44] = 1; /* CFMWS */
	le_store(cedt + 0x46, 2, 0x28);
	le_store(cedt + 0x4c, 8, FAKE_WINDOW);
	le_store(cedt + 0x54, 8, 32 * FAKE_256M);
	le_store(cedt + 0x64, 2, 0xf);
	le_store(cedt + 0x68, 4, FAKE_BUS);
	fake_fix(m, FAKE_CEDT);
}

/* --- register blocks --- */

static void comp_reset(uint8_t *comp, unsigned encoded_count)
{
	memset(comp, 0, 0x10000);
	le_store(comp + 0x1000, 4, 0x02110001);
	le_store(comp + 0x1004, 4, 0x10010002);
	le_store(comp + 0x1008, 4, 0x20010005); /* HDM at 200h */
	le_store(comp + HDM, 4, 0x300 | 8 << 4 | encoded_count);
}

void fake_no_decoders(FakeMachine *m)
{
	le_store(m->chbs + 0x1008, 4, 0x20010000);
}

uint32_t fake_decoder(const uint8_t *comp, unsigned n, unsigned reg)
{
	return le_load(comp + HDM + WIRE_HDM_DEC(n) + reg, 4);
}

static void regs_reset(FakeDev *d)
{
	const unsigned caps[][3] = { { 1, STATUS, 8 },
				     { 2, MBOX, 0x20 + PAYLOAD },
				     { 0x4000, MEMDEV, 8 } };

	memset(d->regs, 0, sizeof(d->regs));
	le_store(d->regs, 8, 3ull << 32 | 1 << 16);
	for (unsigned i = 0; i < 3; i++) {
		le_store(d->regs + 16 * (i + 1), 2, caps[i][0]);
		le_store(d->regs + 16 * (i + 1) + 4, 4, caps[i][1]);
		le_store(d->regs + 16 * (i + 1) + 8, 4, caps[i][2]);
	}
	le_store(d->regs + MBOX, 4, 9); /* 512 bytes */
	le_store(d->regs + MEMDEV, 8, 0x14);
	if (d->log[4]->len)
		d->regs[STATUS] = 0x10;
}

static void bar(uint8_t *cfg, uint8_t *mask, unsigned off, uint32_t size, bool is64)
{
	cfg[off] = is64 ? 4 : 0;
	le_store(mask + off, 4, ~(size - 1));
	if (is64)
		le_store(mask + off + 4, 4, UINT32_MAX);
}

static void port_reset(FakeDev *d, unsigned number)
{
	uint8_t *c = d->port, *w = d->port_mask;

	memset(c, 0, 0x1000);
	memset(w, 0, 0x1000);
	le_store(c, 4, 0x70758086);
	le_store(c + 8, 4, 0x06040000);
	c[0x0e] = 1;
	c[6] = 0x10;
	c[0x34] = 0x40;
	le_store(c + 0x40, 4, 0x01420010); /* PCIe, root port */
	le_store(c + 0x4c, 4, number << 24);
	le_store(w + 4, 2, 6);
	bar(c, w, 0x10, 0x10000, true);
	le_store(w + 0x18, 4, 0xffffff);
	le_store(w + 0x20, 4, 0xfff0fff0);
	le_store(c + 0x24, 4, 0x00010001);
	le_store(w + 0x24, 4, 0xfff0fff0);
	memset(w + 0x28, 0xff, 8);
}

static void dvsec(uint8_t *c, unsigned at, unsigned next, unsigned id, unsigned len)
{
	le_store(c + at, 4, 0x10023 | next << 20);
	le_store(c + at + 4, 4, len << 20 | 0x1e98);
	le_store(c + at + 8, 2, id);
}

static void endpoint_reset(FakeDev *d)
{
	uint8_t *c = d->cfg, *w = d->mask;

	memset(c, 0, 0x1000);
	memset(w, 0, 0x1000);
	le_store(c, 4, 0x0d938086);
	le_store(c + 8, 4, 0x05021001);
	c[6] = 0x10;
	c[0x34] = 0x40;
	le_store(c + 0x40, 4, 0x00078011); /* MSI-X: 8 vectors in BAR 4 */
	le_store(c + 0x44, 4, 4);
	le_store(c + 0x48, 4, 0x804);
	le_store(w + 0x42, 2, 0xc000);
	le_store(c + 0x80, 4, 0x00020010);
	le_store(w + 4, 2, 6);
	bar(c, w, 0x10, 0x10000, true);
	bar(c, w, 0x18, 0x10000, true);
	bar(c, w, 0x20, 0x1000, false);
	le_store(c + 0x100, 4, 0x10c10003); /* serial number */
	le_store(c + 0x104, 8, 0x1122334455667788);
	dvsec(c, 0x10c, 0x148, 0, 0x3c);
	le_store(c + 0x116, 2, 0x1e);
	le_store(w + 0x118, 2, 4);
	dvsec(c, 0x148, FAKE_DOE_AT, 8, 0x1c);
	fake_doe_caps(c);
	le_store(c + 0x154, 4, 0x100); /* component: BAR 0 */
	le_store(c + 0x15c, 4, 0x302); /* device: BAR 2 */
}

void fake_machine_reset(FakeMachine *m)
{
	comp_reset(m->chbs, 2);
	for (unsigned i = 0; i < m->n; i++) {
		FakeDev *d = &m->dev[i];

		port_reset(d, 5 + i);
		endpoint_reset(d);
		comp_reset(d->comp, 2);
		memset(d->msix, 0, sizeof(d->msix));
		regs_reset(d);
		memcpy(d->policy, (uint8_t[]){ 0x20, 0x30, 0x40, 0x50, 0x60 }, 5);
	}
}

/* --- commands --- */

static uint16_t get_events(FakeDev *d, const uint8_t *in, uint8_t *out, uint32_t *len)
{
	unsigned n;

	if (in[0] > 4)
		return CXB_RC_INVALID_INPUT;
	n = MIN(d->log[in[0]]->len, (PAYLOAD - 0x20) / 0x80);
	memset(out, 0, 0x20);
	le_store(out + 0x14, 2, n);
	if (n)
		memcpy(out + 0x20, d->log[in[0]]->data, 0x80 * n);
	*len = 0x20 + 0x80 * n;
	return CXB_RC_SUCCESS;
}

static uint16_t clear_events(FakeDev *d, const uint8_t *in)
{
	GArray *log = in[0] <= 4 ? d->log[in[0]] : NULL;

	for (unsigned i = 0; i < in[2]; i++) {
		const struct wire_event_record *rec;

		if (!log || i >= log->len)
			return CXB_RC_INVALID_HANDLE;
		rec = &g_array_index(log, struct wire_event_record, i);
		if (le16_get(rec->hdr.handle) != le_load(in + 6 + 2 * i, 2))
			return CXB_RC_INVALID_HANDLE;
	}
	if (in[2])
		g_array_remove_range(log, 0, in[2]);
	if (!log->len)
		d->regs[STATUS] &= ~(1u << in[0]);
	return CXB_RC_SUCCESS;
}

static uint16_t policy_set(FakeDev *d, const uint8_t *in, uint32_t len)
{
	if (len != (d->old_policy ? 4 : 5) && len != 4)
		return CXB_RC_PAYLOAD_LEN;
	for (unsigned i = 0; i < 4; i++)
		d->policy[i] = (d->policy[i] & 0xf0) | (in[i] & 3);
	if (len == 5)
		d->policy[4] = (d->policy[4] & 0xf0) | (in[4] & 3);
	return CXB_RC_SUCCESS;
}

static uint16_t dc_config(FakeDev *d, const uint8_t *in, uint8_t *out, uint32_t *len)
{
	unsigned n;

	if (in[1] >= d->n_regions)
		return CXB_RC_INVALID_INPUT;
	n = MIN(in[0], d->n_regions - in[1]);
	memset(out, 0, 8);
	out[0] = d->n_regions;
	out[1] = n;
	memcpy(out + 8, &d->region[in[1]], 0x28 * n);
	memset(out + 8 + 0x28 * n, 0, 16);
	*len = 8 + 0x28 * n + 16;
	return CXB_RC_SUCCESS;
}

static uint16_t dc_list(FakeDev *d, const uint8_t *in, uint8_t *out, uint32_t *len)
{
	uint32_t n = le_load(in, 4), start = le_load(in + 4, 4);

	if (start > d->accepted->len)
		return CXB_RC_INVALID_INPUT;
	n = MIN(MIN(n, d->accepted->len - start), (PAYLOAD - 16) / 0x28);
	if (d->most_extents)
		n = MIN(n, d->most_extents);
	memset(out, 0, 16);
	le_store(out, 4, n);
	le_store(out + 4, 4, d->accepted->len);
	le_store(out + 8, 4, 7);
	if (n)
		memcpy(out + 16, &g_array_index(d->accepted, struct wire_dc_extent, start),
		       0x28 * n);
	*len = 16 + 0x28 * n;
	return CXB_RC_SUCCESS;
}

static uint16_t dc_update(FakeDev *d, const char *name, const uint8_t *in)
{
	unsigned n = le_load(in, 4);

	g_string_append(d->did, name);
	for (unsigned i = 0; i < n; i++)
		g_string_append_printf(d->did, " %" PRIx64 "+%" PRIx64,
				       le_load(in + 8 + 0x18 * i, 8),
				       le_load(in + 16 + 0x18 * i, 8));
	g_string_append(d->did, in[4] & 1 ? " more\n" : "\n");
	return CXB_RC_SUCCESS;
}

static uint16_t supported_logs(uint8_t *out, uint32_t *len)
{
	memset(out, 0, 8 + 0x14);
	out[0] = 1;
	memcpy(out + 8, &wire_uuid_cel, 16);
	le_store(out + 0x18, 4, 4 * 12);
	*len = 8 + 0x14;
	return CXB_RC_SUCCESS;
}

static uint16_t get_log(const uint8_t *in, uint8_t *out, uint32_t *len)
{
	static const uint16_t ops[12] = { 0x100, 0x101,  0x102,  0x103,  0x301,  0x400,
					  0x401, 0x4000, 0x4100, 0x4800, 0x4801, 0x4802 };
	uint32_t off = le_load(in + 0x10, 4), n = le_load(in + 0x14, 4);

	if (off % 4 || off + n > 4 * G_N_ELEMENTS(ops))
		return CXB_RC_INVALID_INPUT;
	for (unsigned i = 0; i < n / 4; i++)
		le_store(out + 4 * i, 4, ops[off / 4 + i]);
	*len = n;
	return CXB_RC_SUCCESS;
}

static uint16_t identify(FakeDev *d, uint8_t *out, uint32_t *len)
{
	memset(out, 0, 0x45);
	memcpy(out, "FAKE 1", 6);
	le_store(out + 0x10, 8, d->volatile_units + d->persistent_units);
	le_store(out + 0x18, 8, d->volatile_units);
	le_store(out + 0x20, 8, d->persistent_units);
	le_store(out + 0x28, 8, d->partition_align);
	*len = 0x45;
	return CXB_RC_SUCCESS;
}

static uint16_t partition(FakeDev *d, uint8_t *out, uint32_t *len)
{
	memset(out, 0, 0x20);
	le_store(out, 8, d->volatile_units);
	le_store(out + 8, 8, d->persistent_units);
	*len = 0x20;
	return CXB_RC_SUCCESS;
}

static uint16_t run(FakeDev *d, uint16_t op, const uint8_t *in, uint32_t in_len, uint8_t *out,
		    uint32_t *len)
{
	if (op == d->fail_op)
		return d->fail_rc;
	switch (op) {
	case 0x100:
		return get_events(d, in, out, len);
	case 0x101:
		return clear_events(d, in);
	case 0x102:
		*len = d->old_policy ? 4 : 5;
		memcpy(out, d->policy, *len);
		return CXB_RC_SUCCESS;
	case 0x103:
		return policy_set(d, in, in_len);
	case 0x301:
		return in_len == 8 ? CXB_RC_SUCCESS : CXB_RC_PAYLOAD_LEN;
	case 0x400:
		return supported_logs(out, len);
	case 0x401:
		return get_log(in, out, len);
	case 0x4000:
		return identify(d, out, len);
	case 0x4100:
		return partition(d, out, len);
	case 0x4800:
		return dc_config(d, in, out, len);
	case 0x4801:
		return dc_list(d, in, out, len);
	case 0x4802:
		return dc_update(d, "add", in);
	case 0x4803:
		return dc_update(d, "release", in);
	default:
		return CXB_RC_UNSUPPORTED;
	}
}

void fake_answer(FakeDev *d)
{
	uint8_t *mbox = d->regs + MBOX, in[PAYLOAD];
	uint64_t cmd = le_load(mbox + 8, 8);
	uint16_t op = cmd & 0xffff, rc;
	uint32_t len = 0;

	memcpy(in, mbox + 0x20, PAYLOAD);
	g_array_append_val(d->opcodes, op);
	rc = run(d, op, in, cmd >> 16 & 0x1fffff, mbox + 0x20, &len);
	le_store(mbox + 0x10, 8, (uint64_t)rc << 32);
	le_store(mbox + 8, 8, op | (uint64_t)(rc ? 0 : len) << 16);
	mbox[4] = 0;
}

/* --- the bus --- */

static FakeMachine *machine(CxbBus *bus)
{
	return (FakeMachine *)bus;
}

static const CxbBusPlatform *platform(CxbBus *bus)
{
	return &machine(bus)->platform;
}

static uint8_t *function(FakeMachine *m, uint16_t bdf, uint8_t **mask, FakeDev **dev)
{
	for (unsigned i = 0; i < m->n; i++) {
		FakeDev *d = &m->dev[i];

		if (bdf == CXB_BDF(FAKE_BUS, i, 0)) {
			*mask = d->port_mask;
			return d->port;
		}
		if (d->port[0x19] && bdf == CXB_BDF(d->port[0x19], 0, 0)) {
			*mask = d->mask;
			*dev = d;
			return d->cfg;
		}
	}
	return NULL;
}

static bool config_read(CxbBus *bus, uint16_t bdf, uint16_t off, unsigned size, uint32_t *val,
			GError **errp)
{
	FakeDev *dev = NULL;
	uint8_t *mask = NULL, *cfg = function(machine(bus), bdf, &mask, &dev);

	machine(bus)->reads++;
	g_assert(off % size == 0 && off + size <= 0x1000);
	if (machine(bus)->bus_fails)
		return cxb_fail(errp, CXB_ERROR_SYSTEM, "the wire is cut");
	if (!dev || size != 4 || !fake_doe_read(&dev->cdat, off, val))
		*val = cfg ? le_load(cfg + off, size) : UINT32_MAX >> (32 - 8 * size);
	return true;
}

static bool config_write(CxbBus *bus, uint16_t bdf, uint16_t off, unsigned size, uint32_t val,
			 GError **errp)
{
	FakeDev *dev = NULL;
	uint8_t *mask = NULL, *cfg = function(machine(bus), bdf, &mask, &dev);

	machine(bus)->writes++;
	g_assert(off % size == 0 && off + size <= 0x1000);
	if (dev && size == 4 && fake_doe_write(&dev->cdat, off, val))
		return true;
	for (unsigned i = 0; cfg && i < size; i++)
		cfg[off + i] = (cfg[off + i] & ~mask[off + i]) | (val >> 8 * i & mask[off + i]);
	return true;
}

/* Through the root port's window, with memory decoding on everywhere. */
static bool reaches(const FakeDev *d, uint64_t hpa)
{
	uint64_t base = (uint64_t)(le_load(d->port + 0x20, 2) & 0xfff0) << 16;
	uint64_t last = (uint64_t)(le_load(d->port + 0x22, 2) & 0xfff0) << 16 | 0xfffff;

	return (d->port[4] & 2) && (d->cfg[4] & 2) && hpa >= base && hpa <= last;
}

static uint8_t *bar_at(FakeDev *d, unsigned off, bool is64, uint64_t hpa, size_t len,
		       uint8_t *bytes, uint64_t size)
{
	uint64_t base = le_load(d->cfg + off, is64 ? 8 : 4) & ~0xfull;

	return base && cxb_range_within(hpa, len, base, size) ? bytes + (hpa - base) : NULL;
}

static uint8_t *find(FakeMachine *m, uint64_t hpa, size_t len, FakeDev **dev)
{
	uint8_t *p;

	*dev = NULL;
	if (cxb_range_within(hpa, len, FAKE_TABLES, FAKE_TABLES_SIZE))
		return m->tables + (hpa - FAKE_TABLES);
	if (cxb_range_within(hpa, len, FAKE_CHBS, 0x10000))
		return m->chbs + (hpa - FAKE_CHBS);
	for (unsigned i = 0; i < m->n; i++) {
		FakeDev *d = *dev = &m->dev[i];

		if (!reaches(d, hpa))
			continue;
		if ((p = bar_at(d, 0x10, true, hpa, len, d->comp, sizeof(d->comp))) ||
		    (p = bar_at(d, 0x18, true, hpa, len, d->regs, sizeof(d->regs))) ||
		    (p = bar_at(d, 0x20, false, hpa, len, d->msix, sizeof(d->msix))))
			return p;
	}
	return NULL;
}

/* Decoder control: commits at once, after some polls, or not at all. */
static void decoder_touched(FakeMachine *m, uint8_t *comp, uint8_t *p)
{
	long off = p - comp - HDM - 0x10;
	uint32_t ctrl;

	if (off < 0 || off >= 4 * 0x20 || off % 0x20 != WIRE_HDM_DEC_CTRL)
		return;
	ctrl = le_load(p, 4);
	if (!(ctrl & WIRE_HDM_DC_COMMIT))
		ctrl &= ~(WIRE_HDM_DC_COMMITTED | WIRE_HDM_DC_ERROR);
	else if (m->commit_fails)
		ctrl |= WIRE_HDM_DC_ERROR;
	else if (m->commit_polls)
		m->commit_polls--;
	else
		ctrl |= WIRE_HDM_DC_COMMITTED;
	le_store(p, 4, ctrl);
}

static void touched(FakeMachine *m, FakeDev *d, uint8_t *p)
{
	if (p >= m->chbs && p < m->chbs + sizeof(m->chbs))
		decoder_touched(m, m->chbs, p);
	else if (d && p >= d->comp && p < d->comp + sizeof(d->comp))
		decoder_touched(m, d->comp, p);
}

static bool mem_read(CxbBus *bus, uint64_t hpa, void *buf, size_t len, GError **errp)
{
	FakeMachine *m = machine(bus);
	FakeDev *d;
	uint8_t *p = find(m, hpa, len, &d);

	m->reads++;
	if (!p) {
		memset(buf, 0xff, len);
		return cxb_fail(errp, CXB_ERROR_INVALID, "nothing there");
	}
	touched(m, d, p);
	memcpy(buf, p, len);
	return true;
}

static bool mem_write(CxbBus *bus, uint64_t hpa, const void *buf, size_t len, GError **errp)
{
	FakeMachine *m = machine(bus);
	FakeDev *d;
	uint8_t *p = find(m, hpa, len, &d);

	m->writes++;
	if (!p)
		return cxb_fail(errp, CXB_ERROR_INVALID, "nothing there");
	memcpy(p, buf, len);
	if (d && p == d->regs + MBOX + 4 && (p[0] & 1) && !d->hold)
		fake_answer(d);
	return true;
}

static bool map(CxbBus *bus, uint64_t hpa, uint64_t len, CxbBusMap *out, GError **errp)
{
	return cxb_fail(errp, CXB_ERROR_INVALID, "nothing to map");
}

static void unmap(CxbBus *bus, uint64_t hpa, uint64_t len, CxbBusMap *out)
{
}

/* As its registers say. */
static bool bar_placed(CxbBus *bus, uint16_t bdf, unsigned n, CxbBusRange *out, GError **errp)
{
	static const uint64_t sizes[] = { 0x10000, 0, 0x10000, 0, 0x1000, 0 };
	uint32_t lo, hi = 0;

	*out = (CxbBusRange){ 0 };
	if (!config_read(bus, bdf, 0x10 + 4 * n, 4, &lo, errp) ||
	    ((lo & 4) && !config_read(bus, bdf, 0x14 + 4 * n, 4, &hi, errp)))
		return false;
	if (sizes[n])
		*out = (CxbBusRange){ (uint64_t)hi << 32 | (lo & ~0xfu), sizes[n] };
	return true;
}

static bool irq_alloc(CxbBus *bus, CxbBusIrqFn fn, void *opaque, CxbBusIrq *out, GError **errp)
{
	GArray *irqs = machine(bus)->irqs;
	FakeIrq irq = { fn, opaque, 0x40 + irqs->len };

	*out = (CxbBusIrq){ machine(bus)->no_messages ? 0 : MSI_ADDR, irq.data, irqs->len };
	g_array_append_val(irqs, irq);
	return true;
}

static void irq_free(CxbBus *bus, const CxbBusIrq *irq)
{
	FakeIrq *i = &g_array_index(machine(bus)->irqs, FakeIrq, irq->id);

	cxb_workq_cancel(machine(bus)->workq, i->fn, i->opaque);
	i->fn = NULL;
}

static const CxbBusOps ops = {
	.platform = platform,
	.config_read = config_read,
	.config_write = config_write,
	.mem_read = mem_read,
	.mem_write = mem_write,
	.map = map,
	.unmap = unmap,
	.irq_alloc = irq_alloc,
	.irq_free = irq_free,
};

void fake_adopted(FakeMachine *m)
{
	m->adopted = ops;
	m->adopted.bar = bar_placed;
	m->bus.ops = &m->adopted;
}

/* --- events --- */

CxbUuid fake_tag(unsigned n)
{
	CxbUuid tag = { { 0 } };

	le_store(tag.b, 4, n);
	return tag;
}

/* A message goes out if the policy, MSI-X and bus mastering allow it. */
static void interrupt(FakeDev *d, unsigned log)
{
	const uint8_t *entry = d->msix + 16 * (d->policy[log] >> 4);

	if ((d->policy[log] & 3) != 1 || !(d->cfg[0x43] & 0x80) || !(d->cfg[4] & 4) ||
	    (entry[12] & 1) || le_load(entry, 8) != MSI_ADDR)
		return;
	for (unsigned i = 0; i < d->m->irqs->len; i++) {
		const FakeIrq *irq = &g_array_index(d->m->irqs, FakeIrq, i);

		if (irq->fn && irq->data == le_load(entry + 8, 4))
			cxb_workq_post(d->m->workq, irq->fn, irq->opaque);
	}
}

void fake_event(FakeDev *d, uint8_t type, uint64_t dpa, uint64_t len, unsigned tag, uint16_t seq,
		bool more)
{
	struct wire_dc_record rec = { 0 };
	bool was_empty = !d->log[4]->len;

	rec.hdr.uuid = wire_uuid_dc;
	rec.hdr.length = 0x80;
	if (!++d->handle)
		d->handle = 1;
	rec.hdr.handle = le16_put(d->handle);
	rec.type = type;
	rec.more = more;
	rec.extent.dpa = le64_put(dpa);
	rec.extent.length = le64_put(len);
	rec.extent.tag = fake_tag(tag);
	rec.extent.seq = le16_put(seq);
	g_array_append_vals(d->log[4], &rec, 1);
	d->regs[STATUS] |= 0x10;
	if (was_empty)
		interrupt(d, 4);
}

/* --- life --- */

FakeMachine *fake_machine_new(unsigned n)
{
	FakeMachine *m = g_new0(FakeMachine, 1);

	m->bus.ops = &ops;
	m->platform = (CxbBusPlatform){ .pci32 = { 0xc0000000, 0x3ec00000 },
					.pci64 = { FAKE_PCI64, 32ull << 30 },
					.rsdp_area = { FAKE_TABLES, FAKE_TABLES_SIZE } };
	m->clock = cxb_clock_new_virtual();
	m->workq = cxb_workq_new(NULL);
	m->irqs = g_array_new(false, false, sizeof(FakeIrq));
	m->n = n;
	for (unsigned i = 0; i < n; i++) {
		FakeDev *d = &m->dev[i];

		d->m = m;
		d->accepted = g_array_new(false, false, sizeof(struct wire_dc_extent));
		for (unsigned k = 0; k < 5; k++)
			d->log[k] = g_array_new(false, false, sizeof(struct wire_event_record));
		d->did = g_string_new(NULL);
		d->opcodes = g_array_new(false, false, sizeof(uint16_t));
		d->n_regions = 1;
		d->region[0] = (struct wire_dc_region){ .decode_len = le64_put(4),
							.length = le64_put(4 * FAKE_256M),
							.block_size = le64_put(FAKE_2M),
							.dsmad_handle = le32_put(FAKE_DSMAS(0)) };
		d->cdat.n = FAKE_REGIONS;
	}
	tables_write(m);
	fake_machine_reset(m);
	return m;
}

void fake_machine_free(FakeMachine *m)
{
	for (unsigned i = 0; i < m->n; i++) {
		FakeDev *d = &m->dev[i];

		g_array_unref(d->accepted);
		for (unsigned k = 0; k < 5; k++)
			g_array_unref(d->log[k]);
		g_string_free(d->did, TRUE);
		g_array_unref(d->opcodes);
	}
	g_array_unref(m->irqs);
	cxb_workq_free(m->workq);
	cxb_clock_free(m->clock);
	g_free(m);
}
