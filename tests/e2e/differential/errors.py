# SPDX-License-Identifier: Apache-2.0
"""Errors put into a memory device, and what becomes of them: in its RAS registers (CXL 3.1
8.2.4.17), in AER of its function and of the root port (PCIe 6.0 6.2, 7.8.4), as a message."""

from observe import PORT_BUS, hex32
from ports import (BRIDGE_CONTROL, COMMAND, DEVICE_AER, DEVICE_BUS, DEVICE_EXPRESS, PORT_AER,
                   PORT_EXPRESS, SECONDARY, cfg, message, messages_on)

DEVICE = "/machine/peripheral/cxl-vmem0"
RAS = 0x1080
UE_STATUS, UE_MASK, CE_STATUS, CE_MASK, CAP_CONTROL, HEADER = 0x00, 0x04, 0x0c, 0x10, 0x14, 0x18
AER_UNC, AER_UNC_MASK, AER_SEVERITY, AER_COR, AER_COR_MASK, AER_CONTROL = \
    0x04, 0x08, 0x0c, 0x10, 0x14, 0x18
ROOT_COMMAND, ROOT_STATUS, ROOT_SOURCE = 0x2c, 0x30, 0x34
ALL = 0xffffffff
SERR, REPORT = 0x100, 0xf

UNCORRECTABLE, CORRECTABLE = "cxl-inject-uncorrectable-errors", "cxl-inject-correctable-error"


def error(kind, *header):
    return {"type": kind, "header": list(header)}


# Name, command, arguments: what neither takes.
REFUSED = [
    ("no-path", UNCORRECTABLE, {"errors": []}),
    ("no-errors", UNCORRECTABLE, {"path": DEVICE}),
    ("no-header", UNCORRECTABLE, {"path": DEVICE, "errors": [{"type": "internal"}]}),
    ("no-such-type", UNCORRECTABLE, {"path": DEVICE, "errors": [error("nosuch")]}),
    ("header-text", UNCORRECTABLE, {"path": DEVICE, "errors": [error("internal", "1")]}),
    ("header-too-large", UNCORRECTABLE, {"path": DEVICE, "errors": [error("internal", 1 << 32)]}),
    ("header-of-33", UNCORRECTABLE, {"path": DEVICE, "errors": [error("internal", *range(33))]}),
    ("no-such-path", UNCORRECTABLE, {"path": "/nosuch", "errors": []}),
    ("not-a-type3", UNCORRECTABLE, {"path": "/machine/peripheral/root_port13", "errors": []}),
    ("correctable-no-type", CORRECTABLE, {"path": DEVICE}),
    ("correctable-no-such-type", CORRECTABLE, {"path": DEVICE, "type": "internal"}),
    ("correctable-no-such-path", CORRECTABLE, {"path": "/nosuch", "type": "physical"}),
    ("correctable-not-a-type3", CORRECTABLE, {"path": "/machine/peripheral/root_port13",
                                              "type": "physical"}),
]


class Errors:
    """Injects and looks; step by step, each under a name of its own."""

    def __init__(self, o):
        self.o, self.q, self.ras = o, o.q, o.host.comp + RAS

    def aer(self, off):
        return cfg(DEVICE_BUS, DEVICE_AER + off)

    def root(self, off):
        return cfg(PORT_BUS, PORT_AER + off)

    def look(self, step):
        """Whatever is not zero anyway after reset."""
        q = self.q
        for name, value in [
                ("ras-uncorrectable", q.readl(self.ras + UE_STATUS)),
                ("ras-correctable", q.readl(self.ras + CE_STATUS)),
                ("ras-control", q.readl(self.ras + CAP_CONTROL)),
                ("ras-header", q.readl(self.ras + HEADER)),
                ("aer-uncorrectable", q.readl(self.aer(AER_UNC))),
                ("aer-correctable", q.readl(self.aer(AER_COR))),
                ("aer-control", q.readl(self.aer(AER_CONTROL))),
                ("device-status", q.readw(cfg(DEVICE_BUS, DEVICE_EXPRESS + 0x0a))),
                ("status", q.readw(cfg(DEVICE_BUS, COMMAND + 2))),
                ("root-status", q.readl(self.root(ROOT_STATUS))),
                ("root-source", q.readl(self.root(ROOT_SOURCE))),
                ("port-status", q.readw(cfg(PORT_BUS, COMMAND + 2))),
                ("secondary-status", q.readw(cfg(PORT_BUS, SECONDARY + 2)))]:
            self.o.note(f"errors/{step}/{name}", hex32(value))
        self.o.note(f"errors/{step}/message", message(self.o))

    def uncorrectable(self, step, *errors):
        self.o.ask(f"errors/{step}", UNCORRECTABLE, path=DEVICE, errors=list(errors))
        self.look(step)

    def correctable(self, step, kind):
        self.o.ask(f"errors/{step}", CORRECTABLE, path=DEVICE, type=kind)
        self.look(step)

    def serr(self, bus):
        self.q.writew(cfg(bus, COMMAND), self.q.readw(cfg(bus, COMMAND)) | SERR)

    def clear_function(self):
        self.q.writel(self.aer(AER_UNC), ALL)
        self.q.writel(self.aer(AER_COR), ALL)


def masks(e):
    """From everything masked to a message: one thing more let through at each step."""
    q = e.q
    e.correctable("all-masked-correctable", "crc-threshold")
    e.uncorrectable("all-masked", error("mem-data-ecc", 1))
    q.writel(e.ras + UE_MASK, 0)
    q.writel(e.ras + CE_MASK, 0)
    e.correctable("ras-unmasked-correctable", "retry-threshold")
    e.uncorrectable("ras-unmasked", error("cache-data-ecc", 9, 8))
    q.writel(e.aer(AER_UNC_MASK), 0)
    q.writel(e.aer(AER_COR_MASK), 0)
    e.correctable("aer-unmasked-correctable", "mem-data-ecc")
    e.uncorrectable("aer-unmasked", error("poison-received", 5))
    q.writew(cfg(PORT_BUS, PORT_EXPRESS + 8), REPORT)
    q.writew(cfg(DEVICE_BUS, DEVICE_EXPRESS + 8), REPORT)
    e.uncorrectable("reported", error("poison-received", 6))
    q.writew(cfg(PORT_BUS, BRIDGE_CONTROL), 2)
    e.serr(PORT_BUS)
    e.serr(DEVICE_BUS)
    e.uncorrectable("forwarded", error("rsvd-encoding"))
    q.writel(e.root(ROOT_COMMAND), 7)
    e.look("message-enabled")


def root(e):
    """Root error status: what comes first, and what after it, by severity."""
    q = e.q
    e.correctable("first-correctable", "physical")
    e.correctable("second-correctable", "physical")
    e.uncorrectable("second-fatal", error("mem-be-parity"))
    q.writel(e.root(ROOT_STATUS), 0x7f)
    e.look("root-cleared")
    q.writel(e.aer(AER_SEVERITY), 0)
    e.uncorrectable("non-fatal", error("mem-be-parity"))
    e.uncorrectable("second-non-fatal", error("mem-be-parity"))
    q.writel(e.root(ROOT_STATUS), 0x7f)
    q.writel(e.aer(AER_SEVERITY), ALL)
    e.uncorrectable("fatal-again", error("mem-be-parity"))
    e.clear_function()
    e.look("function-cleared")


def queue(e):
    """The errors that wait, taken off by what the pointer names."""
    q = e.q
    for n in range(20):
        status = q.readl(e.ras + UE_STATUS)
        e.o.note(f"errors/queue/{n:02}-status", hex32(status))
        e.o.note(f"errors/queue/{n:02}-control", hex32(q.readl(e.ras + CAP_CONTROL)))
        e.o.note(f"errors/queue/{n:02}-header", hex32(q.readl(e.ras + HEADER)))
        if not status:
            break
        q.writel(e.ras + UE_STATUS, 1 << (q.readl(e.ras + CAP_CONTROL) & 0x1f))
    e.uncorrectable("three", error("internal", 0x11), error("cxl-ide-tx", 0x21),
                    error("internal", 0x31))
    q.writel(e.ras + UE_STATUS, 1 << 15)
    e.look("not-the-named-one")
    q.writel(e.ras + UE_STATUS, ALL)
    e.look("all-at-once")
    e.uncorrectable("header-of-32", error("internal", *range(1, 33)))
    for i in (15, 16):
        e.o.note(f"errors/header-of-32/dword-{i}", hex32(q.readl(e.ras + HEADER + 4 * i)))
    q.writel(e.ras + CE_STATUS, ALL)
    e.look("correctable-cleared")


def errors(o):
    o.host.enumerate()
    messages_on(o)
    for name, command, arguments in REFUSED:
        o.ask(f"errors/refused/{name}", command, **arguments)
    e = Errors(o)
    masks(e)
    root(e)
    queue(e)
