# SPDX-License-Identifier: Apache-2.0
"""MSI-X of the memory device (PCIe 6.0 7.7.2): messages of its event logs as writes to memory, held
back by each of the masks, and what waits then."""

from cxbpy import cxlhost
from machines import TAGS
from observe import hex32
from ports import COMMAND, DEVICE_BUS, DEVICE_MSIX, cfg, message

VECTOR = 2  # of the informational log, and of the dynamic-capacity log with it
ENABLE, FUNCTION_MASK = 0x8000, 0x4000
MESSAGE, DATA = 0x110000, 0x5a00
MIB = 1 << 20


class Msix:
    def __init__(self, o):
        self.o, self.q = o, o.q
        self.entry = o.host.bars[4] + 16 * VECTOR
        self.pending = o.host.bars[4] + 0x800
        self.offered = 0

    def control(self, value):
        self.q.writew(cfg(DEVICE_BUS, DEVICE_MSIX + 2), value)

    def mask(self, on):
        self.q.writel(self.entry + 12, int(on))

    def look(self, step):
        self.o.note(f"msix/{step}/message", message(self.o, MESSAGE))
        self.o.note(f"msix/{step}/pending", hex32(self.q.readl(self.pending)))
        self.o.note(f"msix/{step}/vector-control", hex32(self.q.readl(self.entry + 12)))

    def event(self, step):
        """An offer: a record in the dynamic-capacity log."""
        self.o.qmp.cmd("cxl-add-dynamic-capacity", path="/machine/peripheral/cxl-vmem0", host_id=0,
                       selection_policy="prescriptive", region=0, tag=TAGS[self.offered],
                       extents=[{"offset": self.offered * 128 * MIB, "len": 128 * MIB}])
        self.offered += 1
        self.look(step)

    def clear(self, step):
        self.o.host.events(cxlhost.DC_LOG)
        self.look(step)


def msix(o):
    o.host.enumerate()
    m, q = Msix(o), o.q
    o.note("msix/control", hex32(q.readw(cfg(DEVICE_BUS, DEVICE_MSIX + 2))))
    o.note("msix/table", hex32(q.readl(cfg(DEVICE_BUS, DEVICE_MSIX + 4))))
    m.look("after-reset")
    q.writel(m.entry, MESSAGE)
    q.writel(m.entry + 4, 0)
    q.writel(m.entry + 8, DATA)
    o.host.command(cxlhost.SET_POLICY, bytes([1] * 5))

    m.event("off")
    m.clear("off-cleared")
    m.control(ENABLE | FUNCTION_MASK)
    m.event("both-masks")
    m.mask(False)
    m.look("function-mask")
    m.control(ENABLE)
    m.look("delivered")
    m.event("log-not-empty")
    m.clear("cleared")
    m.event("unmasked")
    m.clear("cleared-again")
    m.mask(True)
    m.event("vector-mask")
    q.writew(cfg(DEVICE_BUS, COMMAND), 0x2)
    m.mask(False)
    m.look("no-bus-master")
    q.writew(cfg(DEVICE_BUS, COMMAND), 0x6)
    m.look("bus-master-again")
    q.writel(m.pending, 0)
    m.look("pending-is-read-only")
    m.mask(True)
    m.clear("masked-and-cleared")
    m.event("masked-again")
    m.control(0)
    m.look("switched-off")
    m.control(ENABLE)
    m.look("switched-on")
    m.mask(False)
    m.look("delivered-late")
