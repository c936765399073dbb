/* SPDX-License-Identifier: Apache-2.0 */
/* CxbBus over qtest: accesses, and interrupts that are looked for in RAM. */
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/range.h"
#include "qtest_impl.h"
#include "waiter.h"

#define PORT_CF8 0xcf8
#define PORT_CFC 0xcfc
#define ECAM     0xb0000000ull
#define CHUNK    (32u << 10) /* bytes of a copy in one line */
#define MAX_IRQS 1024        /* words in the page */

static QtestBus *qtest_bus(CxbBus *bus)
{
	return (QtestBus *)bus;
}

static const CxbBusPlatform *bus_platform(CxbBus *bus)
{
	return &qtest_bus(bus)->platform;
}

/* --- memory --- */

static bool whole(uint64_t hpa, size_t len)
{
	return (len == 1 || len == 2 || len == 4 || len == 8) && hpa % len == 0;
}

static bool copy_in(QtestWire *wire, uint64_t hpa, uint8_t *buf, size_t len, GError **errp)
{
	const char *text = cxb_qtest_cmd(wire, errp, "b64read 0x%" PRIx64 " 0x%zx", hpa, len);
	g_autofree guchar *bytes = NULL;
	gsize n;

	if (!text)
		return false;
	bytes = g_base64_decode(text, &n);
	if (n != len) {
		wire->lost = true;
		return cxb_fail(errp, CXB_ERROR_SYSTEM,
				"the qtest connection is lost: %zu bytes came for %zu asked for", n,
				len);
	}
	memcpy(buf, bytes, len);
	return true;
}

static bool read_any(QtestBus *qb, uint64_t hpa, void *buf, size_t len, GError **errp)
{
	QtestWire *wire = &qb->wire;
	uint8_t *p = buf;
	char cmd[64];
	uint64_t val;
	int n;

	if (whole(hpa, len)) {
		n = g_snprintf(cmd, sizeof(cmd), "read%c 0x%" PRIx64 "\n", cxb_qtest_letters[len],
			       hpa);
		if (!cxb_qtest_send(wire, cmd, n, errp) ||
		    !cxb_qtest_reply_number(wire, len, &val, errp))
			return false;
		le_store(buf, len, val);
		return true;
	}
	while (len) {
		size_t part = MIN(len, CHUNK);

		if (!copy_in(wire, hpa, p, part, errp))
			return false;
		hpa += part;
		p += part;
		len -= part;
	}
	return true;
}

static bool bus_mem_read(CxbBus *bus, uint64_t hpa, void *buf, size_t len, GError **errp)
{
	bool good = len == 0 || (cxb_range_valid(hpa, len)
					 ? read_any(qtest_bus(bus), hpa, buf, len, errp)
					 : cxb_fail(errp, CXB_ERROR_INVALID, "the range wraps"));

	if (!good)
		memset(buf, 0xff, len);
	return good;
}

static bool bus_mem_write(CxbBus *bus, uint64_t hpa, const void *buf, size_t len, GError **errp)
{
	QtestWire *wire = &qtest_bus(bus)->wire;
	const uint8_t *p = buf;

	if (len == 0)
		return true;
	if (!cxb_range_valid(hpa, len))
		return cxb_fail(errp, CXB_ERROR_INVALID, "the range wraps");
	if (whole(hpa, len))
		return cxb_qtest_cmd(wire, errp, "write%c 0x%" PRIx64 " 0x%" PRIx64,
				     cxb_qtest_letters[len], hpa, le_load(buf, len));
	while (len) {
		size_t part = MIN(len, CHUNK);
		g_autofree char *text = g_base64_encode(p, part);

		if (!cxb_qtest_cmd(wire, errp, "b64write 0x%" PRIx64 " 0x%zx %s", hpa, part, text))
			return false;
		hpa += part;
		p += part;
		len -= part;
	}
	return true;
}

/* --- configuration space --- */

/* Through the ports below 100h; only ECAM leads to what is above. */
static uint64_t ecam(uint16_t bdf, uint16_t off)
{
	return ECAM | (uint64_t)bdf << 12 | off;
}

static uint32_t cf8(uint16_t bdf, uint16_t off)
{
	return 0x80000000u | (uint32_t)bdf << 8 | (off & 0xfc);
}

static bool config_good(uint16_t off, unsigned size, GError **errp)
{
	return ((size == 1 || size == 2 || size == 4) && off % size == 0 && off < 0x1000) ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "no such access: register 0x%x, %u bytes", off,
			size);
}

static bool bus_config_read(CxbBus *bus, uint16_t bdf, uint16_t off, unsigned size, uint32_t *val,
			    GError **errp)
{
	QtestWire *wire = &qtest_bus(bus)->wire;
	uint64_t x = 0;
	char cmd[96];
	bool good;
	int n;

	*val = UINT32_MAX;
	if (!config_good(off, size, errp))
		return false;
	if (off >= 0x100) {
		n = g_snprintf(cmd, sizeof(cmd), "read%c 0x%" PRIx64 "\n", cxb_qtest_letters[size],
			       ecam(bdf, off));
		good = cxb_qtest_send(wire, cmd, n, errp);
	} else {
		n = g_snprintf(cmd, sizeof(cmd), "outl 0x%x 0x%x\nin%c 0x%x\n", PORT_CF8,
			       cf8(bdf, off), cxb_qtest_letters[size], PORT_CFC + (off & 3));
		good = cxb_qtest_send(wire, cmd, n, errp) && cxb_qtest_reply(wire, errp);
	}
	if (!good || !cxb_qtest_reply_number(wire, size, &x, errp))
		return false;
	*val = x;
	return true;
}

static bool bus_config_write(CxbBus *bus, uint16_t bdf, uint16_t off, unsigned size, uint32_t val,
			     GError **errp)
{
	QtestWire *wire = &qtest_bus(bus)->wire;

	if (!config_good(off, size, errp))
		return false;
	if (size < 4)
		val &= (1u << 8 * size) - 1;
	if (off >= 0x100)
		return cxb_qtest_cmd(wire, errp, "write%c 0x%" PRIx64 " 0x%x",
				     cxb_qtest_letters[size], ecam(bdf, off), val);
	return cxb_qtest_out(wire, PORT_CF8, 4, cf8(bdf, off), errp) &&
	       cxb_qtest_out(wire, PORT_CFC + (off & 3), size, val, errp);
}

static bool bus_map(CxbBus *bus, uint64_t hpa, uint64_t len, CxbBusMap *out, GError **errp)
{
	return cxb_fail(errp, CXB_ERROR_INVALID, "memory cannot be mapped through qtest");
}

static void bus_unmap(CxbBus *bus, uint64_t hpa, uint64_t len, CxbBusMap *map)
{
	*map = (CxbBusMap){ .fd = -1 };
}

/* --- interrupts --- */

static bool bus_irq_alloc(CxbBus *bus, CxbBusIrqFn fn, void *opaque, CxbBusIrq *out, GError **errp)
{
	QtestBus *qb = qtest_bus(bus);
	const uint32_t none = 0;
	guint id = 0;

	while (id < MAX_IRQS && g_hash_table_contains(qb->irqs, GUINT_TO_POINTER(id)))
		id++;
	if (id == MAX_IRQS)
		return cxb_fail(errp, CXB_ERROR_NO_ROOM, "all %u messages are in use", MAX_IRQS);
	*out = (CxbBusIrq){ .addr = CXB_QTEST_IRQ_PAGE + 4 * id, .data = 1, .id = id };
	if (!bus_mem_write(bus, out->addr, &none, sizeof(none), errp))
		return false;
	g_hash_table_insert(qb->irqs, GUINT_TO_POINTER(id), waiter_new(qb->workq, fn, opaque));
	qb->irq_end = MAX(qb->irq_end, id + 1);
	return true;
}

static void bus_irq_free(CxbBus *bus, const CxbBusIrq *irq)
{
	g_hash_table_remove(qtest_bus(bus)->irqs, GUINT_TO_POINTER(irq->id));
}

/*
 * A word is cleared before its handler runs: a message that comes later is seen next time, one in
 * between is served by the run to come.
 */
bool cxb_bus_qtest_poll(CxbBus *bus, bool all, bool *any, GError **errp)
{
	QtestBus *qb = qtest_bus(bus);
	uint32_t words[MAX_IRQS], none = 0;

	*any = false;
	/* Never one word by itself, which would be no copy: the line stays the same. */
	if (!bus_mem_read(bus, CXB_QTEST_IRQ_PAGE, words, 4 * MAX(qb->irq_end, 3), errp))
		return false;
	for (guint id = 0; id < qb->irq_end; id++) {
		Waiter *waiter = g_hash_table_lookup(qb->irqs, GUINT_TO_POINTER(id));

		if (words[id]) {
			if (!bus_mem_write(bus, CXB_QTEST_IRQ_PAGE + 4 * id, &none, sizeof(none),
					   errp))
				return false;
			*any = true;
		}
		if (waiter && (words[id] || all))
			waiter_wake(waiter);
	}
	return true;
}

/* --- life --- */

static const CxbBusOps ops = {
	.platform = bus_platform,
	.config_read = bus_config_read,
	.config_write = bus_config_write,
	.mem_read = bus_mem_read,
	.mem_write = bus_mem_write,
	.map = bus_map,
	.unmap = bus_unmap,
	.irq_alloc = bus_irq_alloc,
	.irq_free = bus_irq_free,
};

CxbBus *cxb_bus_qtest_new(const char *path, const CxbQtestBusConfig *config, GError **errp)
{
	QtestBus *qb = g_new0(QtestBus, 1);
	const char *order;

	qb->bus.ops = &ops;
	qb->workq = config->workq;
	qb->platform = config->platform;
	qb->irqs = g_hash_table_new_full(NULL, NULL, NULL, waiter_free);
	if (cxb_qtest_wire_open(&qb->wire, path, config, errp)) {
		order = cxb_qtest_cmd(&qb->wire, errp, "endianness");
		if (order && g_str_equal(order, "little"))
			return &qb->bus;
		if (order)
			cxb_fail(errp, CXB_ERROR_INVALID, "%s: the machine is not little-endian",
				 path);
	}
	cxb_bus_qtest_free(&qb->bus);
	return NULL;
}

void cxb_bus_qtest_free(CxbBus *bus)
{
	QtestBus *qb = qtest_bus(bus);

	if (!qb)
		return;
	cxb_qtest_wire_close(&qb->wire);
	g_hash_table_unref(qb->irqs);
	g_free(qb);
}

/* --- by name --- */

static CxbBus *open_named(const char *where, CxbOpts *opts, CxbWorkq *workq, GError **errp)
{
	CxbQtestBusConfig config = { .workq = workq };
	const char *server;

	if (!cxb_opts_get_str(opts, "server", &server, errp))
		return NULL;
	if (server && !cxb_parse_bool(server, &config.server)) {
		cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'server' expects 'on' or 'off'");
		return NULL;
	}
	return cxb_bus_client_opts_done(opts, errp) ? cxb_bus_qtest_new(where, &config, errp)
						    : NULL;
}

const CxbBusClientKind cxb_bus_qtest_kind = {
	.scheme = "qtest",
	.usage = "qtest:SOCKET[,server=on|off]",
	.open = open_named,
	.close = cxb_bus_qtest_free,
	.firmware = cxb_bus_qtest_firmware,
	.poll = cxb_bus_qtest_poll,
};
