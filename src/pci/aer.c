/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advanced error reporting (PCIe 6.0 6.2, 7.8.4): a function logs its errors and tells the root
 * port above it, which logs who said so and raises an interrupt.
 */
#include "internal.h"

/* Every error a function may report: data link protocol (4) to TLP prefix blocked (25). Poisoned
 * TLPs and internal errors, which CXL reports through, are among them. */
#define AER_UNC_ALL 0x03fff030u
/* Fatal unless software says otherwise: data link, surprise down, flow control, receiver
 * overflow, malformed TLP, internal. */
#define AER_UNC_FATAL 0x00462030u
#define AER_COR_ALL   0x0000f1c1u
/* Advisory non-fatal, internal, header log overflow start masked. */
#define AER_COR_MASKED 0x0000e000u

/* In order of severity. The numbers are their bits in Device Control and Device Status. */
typedef enum { ERR_COR, ERR_NONFATAL, ERR_FATAL } Message;

/* A register that only a fundamental reset takes back to @val. */
static void sticky_reg(CxbPciDev *dev, unsigned off, uint32_t val, uint32_t wmask, uint32_t w1c)
{
	cfg_reg(dev, off, 4, val, wmask, w1c);
	le_store(dev->sticky + off, 4, UINT32_MAX);
}

static bool is_root_port(const CxbPciDev *dev)
{
	return dev->pcie_cap && pcie_type(dev) == PCIE_TYPE_ROOT_PORT;
}

void cxb_pcie_add_aer(CxbPciDev *dev, uint16_t off)
{
	g_assert(!dev->aer_cap);
	dev->aer_cap = off = cxb_pcie_add_ext_cap(dev, PCI_EXT_AER, 2, off, PCIE_AER_LEN);
	sticky_reg(dev, off + PCIE_AER_UNC_STA, 0, 0, AER_UNC_ALL);
	sticky_reg(dev, off + PCIE_AER_UNC_MASK, dev->err_unc_mask ? CXB_AER_UNC_INTERNAL : 0,
		   AER_UNC_ALL, 0);
	sticky_reg(dev, off + PCIE_AER_UNC_SEV, AER_UNC_FATAL, AER_UNC_ALL, 0);
	sticky_reg(dev, off + PCIE_AER_COR_STA, 0, 0, AER_COR_ALL);
	sticky_reg(dev, off + PCIE_AER_COR_MASK, AER_COR_MASKED, AER_COR_ALL, 0);
	/* ECRC generation and checking: capable (5, 7), switched by 6 and 8. */
	sticky_reg(dev, off + PCIE_AER_CTL, 0xa0, 0x140, 0);
	for (unsigned i = 0; i < 4; i++)
		sticky_reg(dev, off + PCIE_AER_HDR_LOG + 4 * i, 0, 0, 0);
	if (is_root_port(dev)) {
		cfg_reg(dev, off + PCIE_AER_ROOT_CMD, 4, 0, 0x7, 0);
		cfg_reg(dev, off + PCIE_AER_ROOT_STA, 4, 0, 0, PCIE_AER_ROOT_EVENTS);
		le_store(dev->sticky + off + PCIE_AER_ROOT_STA, 4, PCIE_AER_ROOT_EVENTS);
		sticky_reg(dev, off + PCIE_AER_ROOT_SRC, 0, 0, 0);
	}
}

static uint32_t aer_get(const CxbPciDev *dev, unsigned reg)
{
	return cfg_get(dev, dev->aer_cap + reg, 4);
}

static void aer_put(CxbPciDev *dev, unsigned reg, uint32_t val)
{
	cfg_put(dev, dev->aer_cap + reg, 4, val);
}

static void set_bits(CxbPciDev *dev, unsigned reg, uint16_t bits)
{
	cfg_put(dev, reg, 2, cfg_get(dev, reg, 2) | bits);
}

/* --- at the root port --- */

/* A message goes out when there begins to be something to report (6.2.4.1.2). */
static void signal_root(CxbPciDev *root)
{
	const uint32_t cmd = aer_get(root, PCIE_AER_ROOT_CMD),
		       sta = aer_get(root, PCIE_AER_ROOT_STA);
	const bool now = ((cmd & PCIE_AER_CMD_COR) && (sta & PCIE_AER_ROOT_COR)) ||
			 ((cmd & PCIE_AER_CMD_NONFATAL) && (sta & PCIE_AER_ROOT_NONFATAL)) ||
			 ((cmd & PCIE_AER_CMD_FATAL) && (sta & PCIE_AER_ROOT_FATAL));

	if (now && !root->aer_irq) {
		root->aer_irq = true;
		cxb_pci_notify(root, FIELD_GET(PCIE_AER_ROOT_MSG, sta));
	}
	root->aer_irq = now;
}

/* The first to say so is named; that there were more is all that is known of others. */
static void receive(CxbPciDev *root, Message msg, uint16_t source)
{
	uint32_t sta, src;

	if (!root->aer_cap)
		return;
	sta = aer_get(root, PCIE_AER_ROOT_STA);
	src = aer_get(root, PCIE_AER_ROOT_SRC);
	if (msg == ERR_COR) {
		if (sta & PCIE_AER_ROOT_COR)
			sta |= PCIE_AER_ROOT_MULTI_COR;
		else
			src = (src & 0xffff0000) | source;
		sta |= PCIE_AER_ROOT_COR;
	} else {
		if (sta & PCIE_AER_ROOT_UNC) {
			sta |= PCIE_AER_ROOT_MULTI_UNC;
		} else {
			src = (src & 0xffff) | (uint32_t)source << 16;
			sta |= msg == ERR_FATAL ? PCIE_AER_ROOT_FIRST_FATAL : 0;
		}
		sta |= PCIE_AER_ROOT_UNC |
		       (msg == ERR_FATAL ? PCIE_AER_ROOT_FATAL : PCIE_AER_ROOT_NONFATAL);
	}
	aer_put(root, PCIE_AER_ROOT_STA, sta);
	aer_put(root, PCIE_AER_ROOT_SRC, src);
	signal_root(root);
}

/* --- on the way up --- */

/* Whether @dev lets @msg out upwards: its own, or one it forwards (7.5.1.1.3, 7.5.3.4). */
static bool lets_out(CxbPciDev *dev, Message msg, bool own)
{
	const uint16_t ctl = dev->pcie_cap ? cfg_get(dev, dev->pcie_cap + PCIE_DEV_CTL, 2) : 0;

	if (msg != ERR_COR && (cfg_get(dev, PCI_COMMAND, 2) & PCI_COMMAND_SERR)) {
		set_bits(dev, PCI_STATUS, PCI_STATUS_SIGNALED_SERR);
		return true;
	}
	return (ctl >> msg & 1) || (msg == ERR_COR && !own);
}

static void send(CxbPciDev *dev, Message msg)
{
	const uint16_t source = cxb_pci_bdf(dev);
	CxbPciDev *at = dev;

	while (lets_out(at, msg, at == dev) && !is_root_port(at)) {
		at = cxb_pci_dev_bus(at)->bridge;
		if (!at || !pci_bridge_reaches_below(at))
			return;
		if (msg != ERR_COR)
			set_bits(at, PCI_SEC_STATUS, PCI_STATUS_RECEIVED_SERR);
		if (!(cfg_get(at, PCI_BRIDGE_CTL, 2) & PCI_BRIDGE_CTL_SERR))
			return;
	}
	if (is_root_port(at) && lets_out(at, msg, at == dev))
		receive(at, msg, source);
}

/* --- errors --- */

void cxb_pcie_aer_correctable(CxbPciDev *dev, uint32_t error)
{
	g_assert(dev->aer_cap && dev->pcie_cap);
	set_bits(dev, dev->pcie_cap + PCIE_DEV_STA, 1u << ERR_COR);
	aer_put(dev, PCIE_AER_COR_STA, aer_get(dev, PCIE_AER_COR_STA) | error);
	if (!(aer_get(dev, PCIE_AER_COR_MASK) & error))
		send(dev, ERR_COR);
}

/* The error that the pointer names is still there. */
static bool first_stands(const CxbPciDev *dev)
{
	return aer_get(dev, PCIE_AER_UNC_STA) >>
		       FIELD_GET(PCIE_AER_CTL_FIRST, aer_get(dev, PCIE_AER_CTL)) &
	       1;
}

static void set_first(CxbPciDev *dev, unsigned bit)
{
	aer_put(dev, PCIE_AER_CTL,
		(aer_get(dev, PCIE_AER_CTL) & ~PCIE_AER_CTL_FIRST) |
			FIELD_PREP(PCIE_AER_CTL_FIRST, bit));
}

void cxb_pcie_aer_uncorrectable(CxbPciDev *dev, uint32_t error)
{
	const bool had_first = dev->aer_cap && first_stands(dev);
	Message msg;

	g_assert(dev->aer_cap && dev->pcie_cap);
	msg = aer_get(dev, PCIE_AER_UNC_SEV) & error ? ERR_FATAL : ERR_NONFATAL;
	set_bits(dev, dev->pcie_cap + PCIE_DEV_STA, 1u << msg);
	aer_put(dev, PCIE_AER_UNC_STA, aer_get(dev, PCIE_AER_UNC_STA) | error);
	if (aer_get(dev, PCIE_AER_UNC_MASK) & error)
		return;
	if (!had_first) {
		set_first(dev, g_bit_nth_lsf(error, -1));
		/* No TLP belongs to the errors that come through here. */
		for (unsigned i = 0; i < 4; i++)
			aer_put(dev, PCIE_AER_HDR_LOG + 4 * i, 0);
	}
	send(dev, msg);
}

/* --- configuration space --- */

void aer_config_written(CxbPciDev *dev, const CxbCfgWrite *w)
{
	const unsigned aer = dev->aer_cap;

	if (!aer)
		return;
	if (cfg_touches(w, aer + PCIE_AER_UNC_STA, 4) && !first_stands(dev))
		set_first(dev, 0);
	if (!is_root_port(dev))
		return;
	/* Errors have the second message where software allows two (7.8.4.10). */
	if (dev->msi_cap && cfg_touches(w, dev->msi_cap + PCI_MSI_CTL, 2))
		aer_put(dev, PCIE_AER_ROOT_STA,
			(aer_get(dev, PCIE_AER_ROOT_STA) & ~PCIE_AER_ROOT_MSG) |
				FIELD_PREP(PCIE_AER_ROOT_MSG, MIN(msi_allowed(dev) - 1, 1)));
	if (cfg_touches(w, aer + PCIE_AER_ROOT_CMD, 8))
		signal_root(dev);
}
