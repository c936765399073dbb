# SPDX-License-Identifier: Apache-2.0
"""Configuration space of every function: bytes after reset, lists of capabilities, writable bits."""

import struct

from cxbpy.cxlhost import ECAM

from observe import PORT_BUS, hex32

CONFIG_SIZE = 0x1000
BUS_NUMBERS = 0x18
DVSEC_LOCK = 0x114
DEVICE_CONTROL, INITIATE_FLR = 0x88, 0x8000


def functions(o):
    """Name, bus and slot of each function compared. The root port comes last: writing its slot
    control takes power from the slot."""
    slot = next(d for d in range(1, 31)
                if o.host.cfg_read32(0, d, 0) == 0x000b1b36)
    return [("host", 0, 0), ("pxb", 0, slot), ("type3", PORT_BUS + 1, 0),
            ("port", PORT_BUS, 0)]


def config(o):
    """Bytes, lists and writable bits of every function."""
    o.host.open_config()
    o.host.cfg_write32(PORT_BUS, 0, BUS_NUMBERS, PORT_BUS | (PORT_BUS + 1) * 0x10100)
    for name, bus, slot in functions(o):
        before = read_space(o, bus, slot)
        chains(o, name, before)
        for off, value in before.items():
            o.note(f"config/{name}/{off:03x}", hex32(value))
        for off, bits in writable(o, name, bus, slot, before).items():
            o.note(f"writable/{name}/{off:03x}", hex32(bits))
        o.host.cfg_write32(PORT_BUS, 0, BUS_NUMBERS, PORT_BUS | (PORT_BUS + 1) * 0x10100)


def read_space(o, bus, slot):
    data = o.q.read(ECAM + (bus << 20 | slot << 15), CONFIG_SIZE)
    return {4 * i: value for i, (value,) in enumerate(struct.iter_unpack("<I", data))}


def chains(o, name, space, prefix="chain"):
    """The two lists of capabilities, in order (PCIe 6.0 7.5.1.1.11, 7.6.3)."""
    chain, at = [], space[0x34] & 0xfc if space[4] >> 20 & 1 else 0
    while at and len(chain) < 48:
        chain.append(f"{space[at] & 0xff:02x}@{at:02x}")
        at = space[at] >> 8 & 0xfc
    o.note(f"{prefix}/{name}/capabilities", " ".join(chain) or "none")
    chain, at = [], 0x100
    while at and space[at] not in (0, 0xffffffff) and len(chain) < 100:
        kind = space[at] & 0xffff
        text = f"{kind:04x}"
        if kind == 0x23:
            text += f".{space[at + 8] & 0xffff:x}"
        chain.append(f"{text}@{at:03x}")
        at = space[at] >> 20
    o.note(f"{prefix}/{name}/extended", " ".join(chain) or "none")


def writable(o, name, bus, slot, before):
    """Bits that show a difference between all ones and all zeros written."""
    found = {}
    base = ECAM + (bus << 20 | slot << 15)
    for off in before:
        # Writing 60h of the host bridge moves what this goes through; QEMU's own registers
        # of its chipset are not a CXL machine's business.
        if name == "host" and off >= 0x40:
            continue
        # CONFIG_LOCK (CXL 3.1 8.1.3.6) would make the rest of its structure read-only.
        if name == "type3" and off == DVSEC_LOCK:
            continue
        # A function level reset (PCIe 6.0 7.5.3.4) would undo what is tried here.
        every = 0xffffffff
        if name == "type3" and off == DEVICE_CONTROL:
            every &= ~INITIATE_FLR
        o.q.writel(base + off, every)
        ones = o.q.readl(base + off)
        o.q.writel(base + off, 0)
        zeros = o.q.readl(base + off)
        o.q.writel(base + off, before[off])
        found[off] = ones ^ zeros
    return found
