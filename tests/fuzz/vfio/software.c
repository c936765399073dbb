/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"
#include "client.h"
#include "wire/regs.h"

#define MSI_ADDR 0xfee00000u

static uint64_t address(const Client *c, uint32_t where)
{
	const unsigned what = where >> 28, off = where & 0xffffff;

	switch (what) {
	case 0:
		return off;
	case 1:
	case 2:
	case 3:
		return world_bars(0) + (what - 1) * 0x10000 + off;
	case 4:
		return CHBS + 0x1000 + HDM_AT + off;
	case 5:
		return world_bars(0) + 0x1000 + HDM_AT + off;
	case 6:
		return MSI_ADDR + off;
	default:
		return cxb_machine_window(c->w.m, 0)->base + ((uint64_t)(where & 0xfffffff) << 4);
	}
}

static void memory(Client *c, const Record *r)
{
	const uint64_t hpa = address(c, r->w[0]);
	const unsigned size = 1 + (r->flags >> 1) % 65;
	uint8_t buf[65];

	for (unsigned i = 0; i < sizeof(buf); i++)
		buf[i] = r->w[1] >> 8 * (i % 4);
	if (r->flags & 1)
		cxb_memmap_write(c->w.mm, hpa, buf, size);
	else
		cxb_memmap_read(c->w.mm, hpa, buf, size);
}

static void config(Client *c, const Record *r)
{
	static const uint16_t functions[] = { CXB_BDF(13, 0, 0), CXB_BDF(12, 0, 0),
					      CXB_BDF(13, 0, 1), CXB_BDF(0, 0, 0) };
	CxbPciHost *pci = cxb_machine_pci(c->w.m);
	const unsigned size = 1u << (r->flags >> 1) % 3;
	const uint16_t off = r->w[0] % 0x1010, bdf = functions[r->w[0] >> 30];

	if (r->flags & 1)
		cxb_pci_config_write(pci, bdf, off, size, r->w[1]);
	else
		cxb_pci_config_read(pci, bdf, off, size);
}

static void writel(Client *c, uint64_t hpa, uint32_t val)
{
	const le32 v = le32_put(val);

	cxb_memmap_write(c->w.mm, hpa, &v, sizeof(v));
}

/* Of the device, or with bit 7 of its bridge: base in units of 64 MiB into the window, size; control. */
static void decoder(Client *c, const Record *r)
{
	const uint64_t hdm = address(c, r->flags & 0x80 ? 4u << 28 : 5u << 28);
	const uint64_t dec = hdm + WIRE_HDM_DEC(r->flags & 3);
	const uint64_t base =
		cxb_machine_window(c->w.m, 0)->base + ((uint64_t)(r->w[0] & 0xff) << 26);
	const uint64_t size = (uint64_t)(r->w[0] >> 8) << 26;

	writel(c, dec + WIRE_HDM_BASE_LO, base);
	writel(c, dec + WIRE_HDM_BASE_HI, base >> 32);
	writel(c, dec + WIRE_HDM_SIZE_LO, size);
	writel(c, dec + WIRE_HDM_SIZE_HI, size >> 32);
	writel(c, dec + WIRE_HDM_DEC_CTRL, r->w[1]);
	writel(c, hdm + WIRE_HDM_CTRL, WIRE_HDM_CTRL_ENABLE);
}

/* An entry of the MSI-X table: where the message goes, and what it is. */
static void vector(Client *c, const Record *r)
{
	const uint64_t entry = world_bars(0) + 0x10800 + 16 * (r->flags & 7);
	const uint64_t to = address(c, r->w[0]);

	writel(c, entry, to);
	writel(c, entry + 4, to >> 32);
	writel(c, entry + 8, r->w[1]);
	writel(c, entry + 12, r->flags >> 7);
}

static void reset(Client *c, const Record *r)
{
	CxbDevice *dev = client_find(c);

	if (!(r->flags & 1))
		cxb_machine_reset(c->w.m, CXB_RESET_QMP);
	else if (dev)
		cxb_device_reset(dev, r->w[0] % (CXB_RESET_FUNCTION + 1));
	if (r->flags & 2)
		world_setup(&c->w);
}

bool software_step(Client *c, const Record *r)
{
	switch (r->what % RECORDS) {
	case CONFIG:
		config(c, r);
		return true;
	case MEMORY:
		memory(c, r);
		return true;
	case DECODER:
		decoder(c, r);
		return true;
	case VECTOR:
		vector(c, r);
		return true;
	case RESET:
		reset(c, r);
		return true;
	default:
		return false;
	}
}
