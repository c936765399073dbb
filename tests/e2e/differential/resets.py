# SPDX-License-Identifier: Apache-2.0
"""What a reset takes: registers of every kind are given values, a reset comes, and each is read
again. Secondary bus reset, function level reset, reset of the whole machine."""

import struct

from cxbpy import cxlhost
from observe import PORT_BUS, hex32
from ports import (BRIDGE_CONTROL, COMMAND, DEVICE_AER, DEVICE_BUS, DEVICE_DVSEC, DEVICE_EXPRESS,
                   DEVICE_MSIX, PORT_AER, PORT_EXPRESS, PORT_EXT_CONTROL, PORT_MSI, cfg)

INTERRUPT_LINE, BAR0 = 0x3c, 0x10
SECONDARY_BUS_RESET, UNMASK_SBR, INITIATE_FLR = 0x40, 1, 0x8000
RAS, HDM = 0x1080, 0x1128
WINDOW = 0x3d0000000
NOW = 1700000000 * 10 ** 9

# Name, register, bytes, value: of the device, then of the port above it.
DEVICE = [
    ("command", COMMAND, 2, 0x0006), ("interrupt-line", INTERRUPT_LINE, 1, 0x42),
    ("bar0", BAR0, 4, None), ("device-control", DEVICE_EXPRESS + 8, 2, 0x000f),
    ("msix-control", DEVICE_MSIX + 2, 2, 0xc000),
    ("dvsec-control", DEVICE_DVSEC + 0x0c, 2, 0x0006),
    ("range-base", DEVICE_DVSEC + 0x20, 4, 0x1234),
    ("aer-severity", DEVICE_AER + 0x0c, 4, 0), ("aer-correctable-mask", DEVICE_AER + 0x14, 4, 0),
]
PORT = [
    ("command", COMMAND, 2, 0x0006), ("interrupt-line", INTERRUPT_LINE, 1, 0x42),
    ("buses", 0x18, 4, None), ("memory-window", 0x20, 4, None), ("bar0", BAR0, 4, None),
    ("msi-control", PORT_MSI + 2, 2, 0x0011), ("device-control", PORT_EXPRESS + 8, 2, 0x000f),
    ("aer-severity", PORT_AER + 0x0c, 4, 0), ("root-command", PORT_AER + 0x2c, 4, 7),
    ("ext-control", PORT_EXT_CONTROL, 2, UNMASK_SBR),
]
# In the component block of the device.
COMPONENT = [
    ("ras-mask", RAS + 4, 0), ("ras-severity", RAS + 8, 0), ("ras-correctable-mask", RAS + 0x10, 0),
    ("ras-status", RAS + 0, None), ("hdm-global", HDM + 4, None), ("hdm-base", HDM + 0x14, None),
    ("hdm-control", HDM + 0x20, None),
]
MAILBOX = [("doorbell", 4, 4), ("command", 8, 8), ("payload", 0x20 + 0x100, 4)]


def access(o, size, address, value=None):
    letter = {1: "b", 2: "w", 4: "l", 8: "q"}[size]
    if value is None:
        return getattr(o.q, f"read{letter}")(address)
    return getattr(o.q, f"write{letter}")(address, value)


def fill(o):
    """Every register its value; decoders, errors and the mailbox by what fills them."""
    host = o.host
    host.enumerate()
    host.window = WINDOW
    host.command(cxlhost.SET_TIMESTAMP, struct.pack("<Q", NOW))
    host.command(cxlhost.SET_POLICY, bytes([1] * 5))
    for bus, rows in ((DEVICE_BUS, DEVICE), (PORT_BUS, PORT)):
        for _, off, size, value in rows:
            if value is not None:
                access(o, size, cfg(bus, off), value)
    for _, off, value in COMPONENT:
        if value is not None:
            o.q.writel(host.comp + off, value)
    host.map_dpa(256 << 20)
    o.qmp.cmd("cxl-inject-uncorrectable-errors", path="/machine/peripheral/cxl-vmem0",
              errors=[{"type": "internal", "header": [1]}])
    o.q.writel(host.mbox + 0x20 + 0x100, 0xcafe)


def look(o, key):
    """Configuration space first: to see the rest it must be set up again."""
    host, q = o.host, o.q
    q.outl(0xcf8, 1 << 31 | 0x60)
    q.outl(0xcfc, cxlhost.ECAM | 1)
    for name, off, size, _ in PORT:
        o.note(f"{key}/port/{name}", hex32(access(o, size, cfg(PORT_BUS, off))))
    q.writel(cfg(PORT_BUS, 0x18), PORT_BUS | DEVICE_BUS << 8 | DEVICE_BUS << 16)
    for name, off, size, _ in DEVICE:
        o.note(f"{key}/device/{name}", hex32(access(o, size, cfg(DEVICE_BUS, off))))
    host.next_bar = 0xc0000000
    host.enumerate()
    for name, off, _ in COMPONENT:
        o.note(f"{key}/component/{name}", hex32(q.readl(host.comp + off)))
    for name, off, size in MAILBOX:
        o.note(f"{key}/mailbox/{name}", f"{access(o, size, host.mbox + off):x}h")
    # The modes; message numbers are told differently anyway.
    policy = host.command(cxlhost.GET_POLICY)
    o.note(f"{key}/mailbox/policy", " ".join(str(p & 3) for p in policy[:4]))
    o.note(f"{key}/mailbox/timestamp",
           "kept" if host.command(cxlhost.GET_TIMESTAMP) == struct.pack("<Q", NOW) else "lost")
    o.note(f"{key}/memory", hex32(q.readl(WINDOW)))


def secondary_bus(o):
    fill(o)
    o.q.writew(cfg(PORT_BUS, BRIDGE_CONTROL), SECONDARY_BUS_RESET)
    o.note("reset/bus/held/device", hex32(o.q.readl(cfg(DEVICE_BUS, 0))))
    o.q.writew(cfg(PORT_BUS, BRIDGE_CONTROL), 0)
    look(o, "reset/bus")


def masked_bus(o):
    """Unmask SBR is 0 (CXL 3.1 8.1.5.2)."""
    fill(o)
    o.q.writew(cfg(PORT_BUS, PORT_EXT_CONTROL), 0)
    o.q.writew(cfg(PORT_BUS, BRIDGE_CONTROL), SECONDARY_BUS_RESET)
    o.q.writew(cfg(PORT_BUS, BRIDGE_CONTROL), 0)
    o.note("reset/masked-bus/device/interrupt-line",
           hex32(o.q.readb(cfg(DEVICE_BUS, INTERRUPT_LINE))))


def function_level(o):
    fill(o)
    o.q.writew(cfg(DEVICE_BUS, DEVICE_EXPRESS + 8), INITIATE_FLR)
    look(o, "reset/function")


def machine(o):
    fill(o)
    o.qmp.cmd("system_reset")
    look(o, "reset/machine")


LOOKS = [secondary_bus, masked_bus, function_level, machine]
