/* SPDX-License-Identifier: Apache-2.0 */
/* The CXL DVSECs of CXL 3.1 8.1.3 to 8.1.9, with the values QEMU's devices show. */
#include "devices.h"

#include "base/bytes.h"
#include "wire/pci.h"

/* Masks are laid out like the body they belong to, so offsets come from the structure. */
static void mask_body(uint8_t *masks, uint16_t dvsec, const void *body, size_t size)
{
	memcpy(masks + dvsec + WIRE_DVSEC_BODY, body, size);
}

/* 8.1.3.8: info valid and active; media type and class say "see CDAT". */
static struct wire_dvsec_range range(uint64_t size)
{
	return (struct wire_dvsec_range){
		.size_hi = le32_put(size >> 32),
		.size_lo = le32_put((size & WIRE_DEV_RANGE_LO_MASK) |
				    FIELD_PREP(WIRE_DEV_RANGE_MEDIA, WIRE_DEV_RANGE_CDAT) |
				    FIELD_PREP(WIRE_DEV_RANGE_CLASS, WIRE_DEV_RANGE_CDAT) |
				    WIRE_DEV_RANGE_VALID | WIRE_DEV_RANGE_ACTIVE),
	};
}

/* Control2 is always writable; the rest until CONFIG_LOCK is set. */
static void device_wmask(CxbPciDev *dev, uint16_t dvsec, bool locked)
{
	struct wire_dvsec_device m = { .ctrl2 = le16_put(0x000f) };

	if (!locked) {
		m.ctrl = le16_put(0x4ffd);
		m.lock = le16_put(WIRE_DEV_LOCK);
		for (unsigned i = 0; i < G_N_ELEMENTS(m.range); i++) {
			m.range[i].base_hi = le32_put(0xffffffff);
			m.range[i].base_lo = le32_put(WIRE_DEV_RANGE_LO_MASK);
		}
	}
	mask_body(dev->wmask, dvsec, &m, sizeof(m));
}

uint16_t cxb_dvsec_device(CxbPciDev *dev, uint16_t off, const CxbDvsecDevice *d)
{
	const struct wire_dvsec_device body = {
		.cap = le16_put(WIRE_DEV_CAP_IO | WIRE_DEV_CAP_MEM | WIRE_DEV_CAP_HWINIT |
				FIELD_PREP(WIRE_DEV_CAP_HDM_COUNT, 1) | d->cap),
		.ctrl = le16_put(WIRE_DEV_CTRL_IO_EN | d->ctrl),
		.status2 = le16_put(d->status2),
		.range[0] = range(d->range1),
		.range[1] = d->range2 ? range(d->range2) : (struct wire_dvsec_range){ { { 0 } } },
	};
	const struct wire_dvsec_device w1c = { .status = le16_put(0x4000) };

	off = cxb_pcie_add_dvsec(dev, WIRE_DVSEC_DEVICE, WIRE_DVSEC_DEVICE_REV, off,
				 WIRE_DVSEC_DEVICE_LEN, &body);
	mask_body(dev->w1c, off, &w1c, sizeof(w1c));
	/* Of CXL.mem, which goes on over a function level reset. */
	memset(dev->link + off, 0xff, WIRE_DVSEC_DEVICE_LEN);
	device_wmask(dev, off, false);
	return off;
}

void cxb_dvsec_device_update_lock(CxbPciDev *dev, uint16_t dvsec)
{
	const uint8_t *lock =
		dev->config + dvsec + WIRE_DVSEC_BODY + offsetof(struct wire_dvsec_device, lock);

	device_wmask(dev, dvsec, le_load(lock, 2) & WIRE_DEV_LOCK);
}

uint16_t cxb_dvsec_port_ext(CxbPciDev *dev, uint16_t off)
{
	const struct wire_dvsec_port body = { .status = le16_put(WIRE_PORT_STATUS_PM_INIT) };
	const struct wire_dvsec_port w1c = { .status = le16_put(0x4000) };
	const struct wire_dvsec_port wmask = {
		.ctrl = le16_put(WIRE_PORT_CTRL_MASK),
		.alt_bus_base = 0xff,
		.alt_bus_limit = 0xff,
		.alt_mem_base = le16_put(0xfff0),
		.alt_mem_limit = le16_put(0xfff0),
		.alt_pref_base = le16_put(0xfff0),
		.alt_pref_limit = le16_put(0xfff0),
		.alt_pref_base_hi = le32_put(0xffffffff),
		.alt_pref_limit_hi = le32_put(0xffffffff),
	};

	off = cxb_pcie_add_dvsec(dev, WIRE_DVSEC_PORT, WIRE_DVSEC_PORT_REV, off,
				 WIRE_DVSEC_PORT_LEN, &body);
	mask_body(dev->wmask, off, &wmask, sizeof(wmask));
	mask_body(dev->w1c, off, &w1c, sizeof(w1c));
	return off;
}

bool cxb_dvsec_port_resets_below(const CxbPciDev *dev, uint16_t dvsec, CxbPciPortControl control)
{
	const uint8_t *ctrl =
		dev->config + dvsec + WIRE_DVSEC_BODY + offsetof(struct wire_dvsec_port, ctrl);
	const uint16_t unmask = control == CXB_PCI_SECONDARY_BUS_RESET ? WIRE_PORT_CTRL_UNMASK_SBR
								       : WIRE_PORT_CTRL_UNMASK_LINK;

	return le_load(ctrl, 2) & unmask;
}

void cxb_dvsec_gpf_port(CxbPciDev *dev, uint16_t off)
{
	const struct wire_dvsec_gpf_port body = {
		.phase1 = le16_put(FIELD_PREP(WIRE_GPF_BASE, 1)),
		.phase2 = le16_put(FIELD_PREP(WIRE_GPF_BASE, 1)),
	};
	const struct wire_dvsec_gpf_port wmask = {
		.phase1 = le16_put(WIRE_GPF_BASE | WIRE_GPF_SCALE),
		.phase2 = le16_put(WIRE_GPF_BASE | WIRE_GPF_SCALE),
	};

	off = cxb_pcie_add_dvsec(dev, WIRE_DVSEC_GPF_PORT, WIRE_DVSEC_GPF_REV, off,
				 WIRE_DVSEC_GPF_LEN, &body);
	mask_body(dev->wmask, off, &wmask, sizeof(wmask));
}

void cxb_dvsec_gpf_device(CxbPciDev *dev, uint16_t off)
{
	const struct wire_dvsec_gpf_device body = {
		.phase2_duration =
			le16_put(FIELD_PREP(WIRE_GPF_BASE, 3) | FIELD_PREP(WIRE_GPF_SCALE, 6)),
		.phase2_power = le32_put(0x33),
	};

	cxb_pcie_add_dvsec(dev, WIRE_DVSEC_GPF_DEVICE, WIRE_DVSEC_GPF_REV, off, WIRE_DVSEC_GPF_LEN,
			   &body);
}

uint16_t cxb_dvsec_flex_bus(CxbPciDev *dev, uint16_t off, uint16_t ctrl_wmask)
{
	const uint16_t io_mem_68b = WIRE_FLEX_IO | WIRE_FLEX_MEM | WIRE_FLEX_68B;
	const struct wire_dvsec_flex_bus body = {
		.cap = le16_put(io_mem_68b),
		.ctrl = le16_put(WIRE_FLEX_IO),
		.status = le16_put(io_mem_68b),
		.received = le32_put(0xef),
	};
	const struct wire_dvsec_flex_bus wmask = { .ctrl = le16_put(ctrl_wmask) };

	off = cxb_pcie_add_dvsec(dev, WIRE_DVSEC_FLEX_BUS, WIRE_DVSEC_FLEX_BUS_REV, off,
				 WIRE_DVSEC_FLEX_BUS_LEN, &body);
	mask_body(dev->wmask, off, &wmask, sizeof(wmask));
	return off;
}

void cxb_dvsec_flex_bus_add(CxbPciDev *dev, uint16_t dvsec, uint8_t protocols)
{
	static const size_t regs[] = { offsetof(struct wire_dvsec_flex_bus, cap),
				       offsetof(struct wire_dvsec_flex_bus, ctrl),
				       offsetof(struct wire_dvsec_flex_bus, status) };

	for (size_t i = 0; i < G_N_ELEMENTS(regs); i++)
		dev->config[dvsec + WIRE_DVSEC_BODY + regs[i]] |= protocols;
}

void cxb_dvsec_flex_bus_trained(CxbPciDev *dev, uint16_t dvsec, bool flits)
{
	uint8_t *status = dev->config + dvsec + WIRE_DVSEC_BODY +
			  offsetof(struct wire_dvsec_flex_bus, status);

	le_store(status, 2, WIRE_FLEX_IO | WIRE_FLEX_MEM | (flits ? 0 : WIRE_FLEX_68B));
}

void cxb_dvsec_locator(CxbPciDev *dev, uint16_t off, const CxbLocatorBlock *blocks, unsigned n)
{
	/* Three blocks as QEMU has; those not used are empty. */
	le32 body[WIRE_DVSEC_LOCATOR_LEN(3) / 4] = { 0 };
	struct wire_locator_block *block =
		(struct wire_locator_block *)((uint8_t *)body + sizeof(struct wire_dvsec_locator));

	g_assert(n <= 3);
	for (unsigned i = 0; i < n; i++) {
		g_assert(!(blocks[i].offset & 0xffff));
		block[i].lo = le32_put(FIELD_PREP(WIRE_LOCATOR_BIR, blocks[i].bar) |
				       FIELD_PREP(WIRE_LOCATOR_ID, blocks[i].id) |
				       (blocks[i].offset & WIRE_LOCATOR_OFFSET));
		block[i].hi = le32_put(blocks[i].offset >> 32);
	}
	cxb_pcie_add_dvsec(dev, WIRE_DVSEC_LOCATOR, WIRE_DVSEC_LOCATOR_REV, off,
			   WIRE_DVSEC_LOCATOR_LEN(3), body);
}
