# SPDX-License-Identifier: Apache-2.0
"""The slot below a root port (PCIe 6.0 6.7, 7.5.3.9 to 7.5.3.11): a device comes, is switched on, is
asked back and switched off; registers, messages and QMP after each step."""

from cxbpy.cxlhost import ECAM

from observe import PORT_BUS, hex32
from ports import BUSES, DEVICE_BUS, PORT_EXPRESS, cfg, message, messages_on

LINK_STATUS, SLOT_CONTROL, SLOT_STATUS = 0x12, 0x18, 0x1a
# Events: button, presence, command completed; and the interrupt itself. b12 is not asked for,
# because QEMU does not have it.
EVENTS = 0x0039
INDICATOR_ON, INDICATOR_BLINK, INDICATOR_OFF, POWER_OFF = 0x0100, 0x0200, 0x0300, 0x0400
ATTENTION_OFF = 0x00c0
PORT = "root_port13"


class Slot:
    def __init__(self, o):
        self.o, self.q = o, o.q

    def register(self, off):
        return cfg(PORT_BUS, PORT_EXPRESS + off)

    def look(self, step):
        q, note = self.q, self.o.note
        note(f"slot/{step}/link-status", hex32(q.readw(self.register(LINK_STATUS))))
        note(f"slot/{step}/control", hex32(q.readw(self.register(SLOT_CONTROL))))
        note(f"slot/{step}/status", hex32(q.readw(self.register(SLOT_STATUS))))
        note(f"slot/{step}/device", hex32(q.readl(cfg(DEVICE_BUS, 0))))
        note(f"slot/{step}/message", message(self.o))

    def control(self, step, value):
        self.q.writew(self.register(SLOT_CONTROL), value | ATTENTION_OFF | EVENTS)
        self.look(step)

    def clear(self):
        """The events that are there, no other bits: QEMU takes a write of more for an accident."""
        status = self.register(SLOT_STATUS)
        self.q.writew(status, self.q.readw(status) & 0x11f)

    def add(self, step, name, backend):
        self.o.ask(f"slot/{step}", "device_add", driver="cxl-type3", bus=PORT, id=name,
                   volatile_memdev=backend)
        self.look(step)
        self.clear()

    def delete(self, step, name):
        self.o.ask(f"slot/{step}", "device_del", id=name)
        self.look(step)

    def deleted(self, step):
        data = self.o.qmp.wait_event("DEVICE_DELETED")["data"]
        self.o.note(f"slot/{step}/event", f"{data}")


def slots(o):
    o.q.outl(0xcf8, 1 << 31 | 0x60)
    o.q.outl(0xcfc, ECAM | 1)
    o.q.writel(cfg(PORT_BUS, BUSES), PORT_BUS | DEVICE_BUS << 8 | DEVICE_BUS << 16)
    messages_on(o)
    s = Slot(o)
    s.look("empty")
    s.control("events-enabled", INDICATOR_OFF | POWER_OFF)
    s.clear()
    s.look("cleared")

    s.add("added", "first", "mem")
    s.look("added-and-cleared")
    s.control("switched-on", INDICATOR_ON)
    s.look("nothing-cleared")
    s.clear()
    s.delete("asked-back", "first")
    s.delete("asked-back-twice", "first")
    s.clear()
    s.control("blinking", INDICATOR_BLINK)
    s.clear()
    s.control("switched-off", INDICATOR_OFF | POWER_OFF)
    s.deleted("switched-off")
    s.clear()
    s.look("empty-again")

    s.add("added-to-a-slot-that-is-off", "second", "mem2")
    s.delete("deleted-from-a-slot-that-is-off", "second")
    s.deleted("deleted-from-a-slot-that-is-off")
    s.clear()

    s.add("added-once-more", "third", "mem3")
    s.control("on-again", INDICATOR_ON)
    s.clear()
    s.control("power-cut", INDICATOR_ON | POWER_OFF)
    s.clear()
    s.control("power-back", INDICATOR_ON)
    s.clear()
    s.control("unasked-off", INDICATOR_OFF | POWER_OFF)
    s.deleted("unasked-off")
    s.look("last")
